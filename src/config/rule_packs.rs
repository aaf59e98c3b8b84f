//! Rule packs as the trustees write them, a file each, with the key `[rule_pack]`.
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::document::Document;
use crate::domain::reason::Refusal;
use crate::domain::rule_pack::{RulePack, check_successor};

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct RulePackFile {
    rule_pack: RulePack,
}

/// Reads a file with a rule pack that says something on every switch and cites every rule.
pub fn read_rule_pack(path: &Path) -> Result<RulePack, Refusal> {
    let document = Document::open(path)?;
    let file: RulePackFile = document.read()?;
    document.checked("rule_pack", file.rule_pack.check_complete())?;
    Ok(file.rule_pack)
}

/// Reads the packs that another file names, in the order of their days: every day has one.
pub fn read_rule_packs(named_in: &Document, files: &[PathBuf]) -> Result<Vec<RulePack>, Refusal> {
    if files.is_empty() {
        return Err(named_in.invalid("rule_packs", "at least one rule pack"));
    }
    let mut packs = Vec::new();
    for (at, file) in files.iter().enumerate() {
        let pack = read_rule_pack(&named_in.resolve(file))?;
        named_in.checked(&format!("rule_packs.{at}"), check_successor(&packs, &pack))?;
        packs.push(pack);
    }
    Ok(packs)
}
