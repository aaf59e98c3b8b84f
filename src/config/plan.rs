//! The plan of a federation that is founded, or of its next root version: who holds the trustees' keys, how many of
//! them must sign, who witnesses, and the doctrine at the beginning.
//!
//! Must never decide whom anybody trusts: that is the signed root made from it.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::document::Document;
use crate::config::federation::{TRUSTEES_MAX, WitnessPolicy};
use crate::config::rule_packs::read_rule_packs;
use crate::domain::id::OrgId;
use crate::domain::reason::Refusal;
use crate::domain::rule_pack::RulePack;
use crate::domain::text::checked_title;
use crate::domain::trust;

/// The contents of a plan.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct PlanFile {
    /// Name of the federation; begins the origin of every log.
    pub name: OrgId,
    /// How many trustees must sign; more than half.
    pub threshold: usize,
    /// The trustees.
    #[serde(rename = "trustee")]
    pub trustees: Vec<PlannedTrustee>,
    /// Whose cosignatures count.
    pub witnesses: WitnessPolicy,
    /// Thresholds and doctrine, a file each, in the order of their days.
    #[serde(default, rename = "rule_packs")]
    pub rule_pack_files: Vec<PathBuf>,
    /// What these files say.
    #[serde(skip)]
    pub rule_packs: Vec<RulePack>,
}

impl PlanFile {
    /// How many trustees must sign.
    pub fn threshold(&self) -> u32 {
        count(self.threshold)
    }

    /// Whose cosignatures count.
    pub fn policy(&self) -> trust::WitnessPolicy {
        trust::WitnessPolicy { nodes: self.witnesses.nodes.clone(), quorum: count(self.witnesses.quorum) }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A trustee in a plan.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct PlannedTrustee {
    /// The office, never a personal name.
    pub name: String,
    /// File with the public key (PEM), relative to the plan; absent where keys are made along with the founding.
    #[serde(default)]
    pub key: Option<PathBuf>,
}

/// Reads a plan; paths in it are seen from the working directory afterwards.
pub fn read_plan(path: &Path) -> Result<PlanFile, Refusal> {
    understood(&Document::open(path)?)
}

fn understood(document: &Document) -> Result<PlanFile, Refusal> {
    let mut file: PlanFile = document.read()?;
    let (trustees, witnesses) = (file.trustees.len(), file.witnesses.nodes.len());
    let names: BTreeSet<&String> = file.trustees.iter().map(|trustee| &trustee.name).collect();
    if !(1..=TRUSTEES_MAX).contains(&trustees) || names.len() != trustees {
        return Err(document.invalid("trustee", format!("1 to {TRUSTEES_MAX} different names")));
    }
    for (index, trustee) in file.trustees.iter().enumerate() {
        document.checked(&format!("trustee.{index}"), checked_title("name", &trustee.name, 100))?;
    }
    // Two disjoint groups must never be able to sign two different roots.
    if file.threshold > trustees || 2 * file.threshold <= trustees {
        return Err(document.invalid("threshold", format!("more than half of {trustees} trustees, at most all")));
    }
    let distinct = file.witnesses.nodes.iter().collect::<BTreeSet<_>>().len() == witnesses;
    if !(1..=trust::documents::WITNESSES_MAX).contains(&witnesses) || !distinct {
        return Err(document.invalid("witnesses.nodes", "1 to 64 different nodes"));
    }
    let least = trust::WitnessPolicy::quorum_of(witnesses);
    if !(least..=witnesses).contains(&file.witnesses.quorum) {
        return Err(document.invalid("witnesses.quorum", format!("{least} to {witnesses} of {witnesses} witnesses")));
    }
    if !file.rule_pack_files.is_empty() {
        file.rule_packs = read_rule_packs(document, &file.rule_pack_files)?;
    }
    for trustee in &mut file.trustees {
        trustee.key = trustee.key.take().map(|key| document.resolve(&key));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document::tests::refused;
    use crate::domain::reason::Reason;

    const GOOD: &str = r#"name = "verbund-probe"
threshold = 2
[[trustee]]
name = "Treuhandstelle Nord"
key = "nord.pem"
[[trustee]]
name = "Treuhandstelle Süd"
[[trustee]]
name = "Treuhandstelle West"
[witnesses]
nodes = ["kitu", "kid"]
quorum = 2
"#;

    fn read(text: String) -> Result<PlanFile, Refusal> {
        understood(&Document::of(Path::new("dir/plan.toml"), text))
    }

    #[test]
    fn plans_are_checked() {
        let file = read(GOOD.to_owned()).expect("good");
        assert_eq!(file.trustees[0].key.as_deref(), Some(Path::new("dir/nord.pem")));
        for (good, bad, line) in [
            ("threshold = 2", "threshold = 1", 2),
            ("threshold = 2", "threshold = 4", 2),
            ("Süd", "West", 3),
            ("quorum = 2", "quorum = 1", 12),
            ("\"kitu\", \"kid\"", "\"kitu\", \"kitu\"", 11),
        ] {
            refused(read(GOOD.replace(good, bad)), Reason::ConfigInvalid, &format!("dir/plan.toml:{line}"));
        }
        refused(read(GOOD.replace("quorum", "quorun")), Reason::ConfigUnknownKey, "dir/plan.toml:12");
    }
}
