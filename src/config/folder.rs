//! The whole `nodes/` folder: `federation.toml` and one folder per node, checked against one another.
//!
//! Must never be needed by a running node, which reads its own `run.toml` only: this is what a federation is founded
//! from, by the demonstration or by hand.
use std::collections::BTreeSet;
use std::path::Path;

use crate::config::document::{Document, entries};
use crate::config::federation::{FederationFile, read_federation};
use crate::config::node::{NodeProfile, read_profile};
use crate::config::offerings::read_offerings;
use crate::config::organisations::{OrganisationsFile, read_organisations};
use crate::domain::id::{NodeId, OrgId};
use crate::domain::offering::Offering;
use crate::domain::reason::Refusal;

/// A federation as its files describe it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FederationFolder {
    /// `federation.toml`.
    pub federation: FederationFile,
    /// The nodes, sorted by name.
    pub nodes: Vec<NodeFolder>,
}

/// One node's folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeFolder {
    /// `node.toml`.
    pub profile: NodeProfile,
    /// `organisations.toml`.
    pub organisations: OrganisationsFile,
    /// `offerings/*.toml`, sorted by file name; empty if there is no such folder.
    pub offerings: Vec<Offering>,
}

/// Reads every file below the folder and checks that they agree.
pub fn read_folder(folder: &Path) -> Result<FederationFolder, Refusal> {
    let federation = read_federation(folder)?;
    let mut nodes = Vec::new();
    let mut home: BTreeSet<OrgId> = BTreeSet::new();
    for path in entries(folder, Path::is_dir)? {
        let node = read_node_folder(&path)?;
        if let Some(index) = node.profile.hosts.iter().position(|org| home.contains(org)) {
            let problem = format!("{} is at home on another node", node.profile.hosts[index]);
            return Err(Document::open(&path.join("node.toml"))?.invalid(&format!("hosts.{index}"), problem));
        }
        home.extend(node.profile.hosts.iter().cloned());
        nodes.push(node);
    }
    let named: BTreeSet<&NodeId> = nodes.iter().map(|node| &node.profile.node).collect();
    if let Some(index) = federation.witnesses.nodes.iter().position(|node| !named.contains(node)) {
        let document = Document::open(&folder.join("federation.toml"))?;
        return Err(document.invalid(&format!("witnesses.nodes.{index}"), "there is no folder for this node"));
    }
    Ok(FederationFolder { federation, nodes })
}

/// Reads one node's folder.
pub fn read_node_folder(folder: &Path) -> Result<NodeFolder, Refusal> {
    let profile_path = folder.join("node.toml");
    let profile = read_profile(&profile_path)?;
    if folder.file_name().is_none_or(|name| name != profile.node.as_str()) {
        return Err(Document::open(&profile_path)?.invalid("node", "the folder has another name"));
    }
    let organisations = read_organisations(&folder.join("organisations.toml"))?;
    let hosted: BTreeSet<&OrgId> = profile.hosts.iter().collect();
    let described: BTreeSet<&OrgId> =
        organisations.organisations.iter().map(|organisation| &organisation.id).collect();
    if let Some(org) = hosted.symmetric_difference(&described).next() {
        let problem = format!("{org} must be both in hosts and in organisations.toml");
        return Err(Document::open(&profile_path)?.invalid("hosts", problem));
    }
    let offerings_path = folder.join("offerings");
    let offerings = if offerings_path.is_dir() { read_offerings(&offerings_path)? } else { Vec::new() };
    if let Some(offering) = offerings.iter().find(|offering| profile.brokering_of(&offering.seller).is_none()) {
        let problem = format!("{} sells {} and needs a brokering table", offering.seller, offering.name);
        return Err(Document::open(&profile_path)?.invalid("brokering", problem));
    }
    Ok(NodeFolder { profile, organisations, offerings })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::document::tests::refused;
    use crate::domain::reason::Reason;

    const FEDERATION: &str = r#"name = "verbund-demo"
trustees = ["t-1"]
threshold = 1
rule_packs = ["pack.toml"]
witnesses = { nodes = ["a", "b"], quorum = 2 }
"#;
    const OFFERING: &str = r#"name = "wohngeld"
version = 1
seller = "a"
title = "Wohngeld"
description = "Antrag"
leika = []
topic = "Arbeit & Ruhestand"
efa_confirmed = true
coverage = ["*"]
price = []
term_years_min = 1
valid_from = "2024-01-01"
source = "s"
"#;

    /// Two nodes, `a` with an offering and `b`; `edit` may change any text before it is written.
    fn written(edit: impl Fn(&str, String) -> String) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("folder");
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("parent")).expect("create");
            fs::write(path, edit(name, text)).expect("write");
        };
        write("federation.toml", FEDERATION.to_owned());
        write("pack.toml", include_str!("../../nodes/gwb-108-2026.toml").to_owned());
        write("a/offerings/wohngeld.toml", OFFERING.to_owned());
        for node in ["a", "b"] {
            let brokering = format!("[[brokering]]\norg = \"{node}\"\nmode = \"auto\"\n");
            let profile = format!("node = \"{node}\"\noperator = \"{node}\"\nhosts = [\"{node}\"]\n{brokering}");
            write(&format!("{node}/node.toml"), profile);
            let organisation = format!("[[organisation]]\nid = \"{node}\"\nname = \"A\"\nlegal_form = \"eG\"\n");
            write(&format!("{node}/organisations.toml"), organisation + "source = \"s\"\n");
        }
        folder
    }

    #[test]
    fn files_must_agree_with_one_another() {
        let good = written(|_, text| text);
        assert_eq!(read_folder(good.path()).expect("good").nodes.len(), 2);
        for (file, part, instead, line) in [
            ("federation.toml", "[\"a\", \"b\"]", "[\"a\", \"c\"]", 5),
            ("a/node.toml", "node = \"a\"", "node = \"c\"", 1),
            ("a/node.toml", "hosts = [\"a\"]", "hosts = [\"a\", \"c\"]", 3),
            ("b/node.toml", "hosts = [\"b\"]", "hosts = [\"b\", \"c\"]", 3),
            ("a/node.toml", "[[brokering]]\norg = \"a\"\nmode = \"auto\"\n", "", 1),
        ] {
            let edit = |name: &str, text: String| if name == file { text.replace(part, instead) } else { text };
            let folder = written(edit);
            let place = format!("{}:{line}", folder.path().join(file).display());
            refused(read_folder(folder.path()), Reason::ConfigInvalid, &place);
        }
    }

    #[test]
    fn an_organisation_has_one_home() {
        let folder = written(|name, text| match name {
            "b/node.toml" => text.replace("hosts = [\"b\"]", "hosts = [\n\"b\",\n\"a\"]"),
            "b/organisations.toml" => format!("{text}{}", text.replace("id = \"b\"", "id = \"a\"")),
            _ => text,
        });
        let place = format!("{}:5", folder.path().join("b/node.toml").display());
        refused(read_folder(folder.path()), Reason::ConfigInvalid, &place);
    }
}
