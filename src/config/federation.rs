//! `federation.toml`: trustees, witnesses and rule pack with which a new federation is founded.
//!
//! Must never decide whom a node trusts: that is the signed federation root made from this file, pinned by its hash.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::document::Document;
use crate::config::rule_packs::read_rule_packs;
use crate::domain::id::{NodeId, OrgId};
use crate::domain::reason::Refusal;
use crate::domain::rule_pack::RulePack;
use crate::domain::trust;

/// Most trustees: a new root is signed by those of two versions, and a statement carries at most 16 signatures.
pub const TRUSTEES_MAX: usize = 9;

/// Most nodes that may be named as witnesses; every one of them cosigns every checkpoint.
pub const WITNESSES_MAX: usize = 100;

/// The contents of `federation.toml`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct FederationFile {
    /// Name of the federation; begins the origin of every log.
    pub name: OrgId,
    /// Names of the trustees. Their keys are made or collected when the federation is founded.
    pub trustees: Vec<OrgId>,
    /// How many trustees must sign.
    pub threshold: usize,
    /// Which nodes' cosignatures count.
    pub witnesses: WitnessPolicy,
    /// Thresholds and doctrine, a file each, in the order of their days.
    #[serde(rename = "rule_packs")]
    pub rule_pack_files: Vec<PathBuf>,
    /// What these files say.
    #[serde(skip)]
    pub rule_packs: Vec<RulePack>,
}

/// Whose cosignatures make a statement *witnessed*, and how many of them.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct WitnessPolicy {
    /// The nodes.
    pub nodes: Vec<NodeId>,
    /// How many must have cosigned.
    pub quorum: usize,
}

/// Reads `federation.toml` in that folder.
pub fn read_federation(folder: &Path) -> Result<FederationFile, Refusal> {
    understood(&Document::open(&folder.join("federation.toml"))?)
}

fn understood(document: &Document) -> Result<FederationFile, Refusal> {
    let mut file: FederationFile = document.read()?;
    let (trustees, witnesses) = (file.trustees.len(), file.witnesses.nodes.len());
    if !(1..=TRUSTEES_MAX).contains(&trustees) || file.trustees.iter().collect::<BTreeSet<_>>().len() != trustees {
        return Err(document.invalid("trustees", format!("1 to {TRUSTEES_MAX} different names")));
    }
    // Two disjoint groups must never be able to sign two different roots.
    if file.threshold > trustees || 2 * file.threshold <= trustees {
        return Err(document.invalid("threshold", format!("more than half of {trustees} trustees, at most all")));
    }
    let distinct = file.witnesses.nodes.iter().collect::<BTreeSet<_>>().len() == witnesses;
    if !(1..=WITNESSES_MAX).contains(&witnesses) || !distinct {
        return Err(document.invalid("witnesses.nodes", format!("1 to {WITNESSES_MAX} different nodes")));
    }
    if !(trust::WitnessPolicy::quorum_of(witnesses)..=witnesses).contains(&file.witnesses.quorum) {
        let problem =
            format!("{} to {witnesses} of {witnesses} witnesses", trust::WitnessPolicy::quorum_of(witnesses));
        return Err(document.invalid("witnesses.quorum", problem));
    }
    file.rule_packs = read_rule_packs(document, &file.rule_pack_files)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document::tests::refused;
    use crate::domain::reason::Reason;

    const GOOD: &str = r#"name = "verbund-demo"
trustees = ["t-1", "t-2", "t-3"]
threshold = 2
rule_packs = ["gwb-108-2016.toml", "gwb-108-2026.toml"]
[witnesses]
nodes = ["a", "b", "c", "d"]
quorum = 3
"#;

    fn nodes() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes")
    }

    fn read(text: String) -> Result<FederationFile, Refusal> {
        understood(&Document::of(&nodes().join("federation.toml"), text))
    }

    #[test]
    fn thresholds_keep_two_groups_from_deciding_apart() {
        let at = |line: usize| format!("{}:{line}", nodes().join("federation.toml").display());
        let file = read(GOOD.to_owned()).expect("good");
        assert_eq!((file.threshold, file.witnesses.quorum, file.rule_packs.len()), (2, 3, 2));
        for (good, bad, line) in [
            ("threshold = 2", "threshold = 1", 3),
            ("threshold = 2", "threshold = 4", 3),
            ("\"t-1\", \"t-2\"", "\"t-1\", \"t-1\"", 2),
            ("quorum = 3", "quorum = 2", 7),
            ("quorum = 3", "quorum = 5", 7),
            ("\"a\", \"b\"", "\"a\", \"a\"", 6),
            ("name = \"verbund-demo\"", "name = \"Verbund Demo\"", 1),
            ("\"gwb-108-2016.toml\", ", "\"gwb-108-2026.toml\", ", 4),
            ("\"gwb-108-2016.toml\", \"gwb-108-2026.toml\"", "", 4),
        ] {
            refused(read(GOOD.replace(good, bad)), Reason::ConfigInvalid, &at(line));
        }
        refused(read(GOOD.replace("quorum", "quorun")), Reason::ConfigUnknownKey, &at(7));
    }

    #[test]
    fn a_quorum_is_more_than_two_thirds() {
        for (witnesses, quorum) in [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (50, 34)] {
            assert_eq!(trust::WitnessPolicy::quorum_of(witnesses), quorum, "{witnesses} witnesses");
        }
    }
}
