//! Repairing a node whose log was cut: reads its store, writes the beginning of the next epoch, and changes `run.toml`
//! so that the node starts with it. The node must not run meanwhile; the store's lock sees to that.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::config::node::{NodeConfig, read_run};
use crate::domain::envelope;
use crate::domain::id::{Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::Signer;
use crate::domain::statement::Signed;
use crate::domain::trust::subject::is_trust_kind;
use crate::domain::trust::{KeyRole, LogTrust};
use crate::node::keys::Opener;
use crate::node::start::origin;
use crate::protocol::record::Record;
use crate::protocol::repair::{Cut, Repaired, repair};
use crate::protocol::settings::NodeKeys;
use crate::protocol::state::State;
use crate::store::disk::DiskStore;

/// Repairs the node of a `run.toml`. `roots` are root keys of the organisation that operates it. Says where the
/// statements lie with which the new log begins. Blocks.
pub fn repair_log(
    run_file: &Path,
    opener: &mut Opener,
    roots: &[Box<dyn Signer>],
) -> Result<(PathBuf, Repaired), Refusal> {
    let config = read_run(run_file)?;
    let repaired = next_epoch(&config, opener, roots)?;
    let name = format!("genesis-{}", repaired.origin.epoch);
    let folder = config.genesis.with_file_name(&name);
    let unwritable = |path: &Path, error: std::io::Error| {
        Refusal::new(Reason::FileUnwritable).with("file", path.display()).with("problem", error)
    };
    fs::create_dir(&folder).map_err(|error| unwritable(&folder, error))?;
    for (number, signed) in repaired.genesis.iter().enumerate() {
        let file = folder.join(format!("{number:04}-{}.dsse.json", signed.kind()));
        fs::write(&file, envelope::write(signed)).map_err(|error| unwritable(&file, error))?;
    }
    let text = fs::read_to_string(run_file).map_err(|error| unwritable(run_file, error))?;
    let changed = with_epoch(&text, repaired.origin.epoch, &name);
    // The file a node starts from is never half written, and never one it cannot read.
    let beside = run_file.with_extension("toml.new");
    fs::write(&beside, changed).map_err(|error| unwritable(&beside, error))?;
    read_run(&beside)?;
    fs::rename(&beside, run_file).map_err(|error| unwritable(run_file, error))?;
    Ok((folder, repaired))
}

fn next_epoch(config: &NodeConfig, opener: &mut Opener, roots: &[Box<dyn Signer>]) -> Result<Repaired, Refusal> {
    let node_keys = opener.read_node(config)?;
    let log = origin(config);
    let store = DiskStore::open(&config.data)?;
    let mut state = State::new(config.federation_root, log.clone());
    let mut statements = Vec::new();
    store.load_now(|record| {
        if let Record::Entries { origin, first, entries, .. } = &record
            && *origin == log
        {
            let public = (*first..).zip(entries).filter_map(|(index, entry)| Some((index, entry.statement.clone()?)));
            statements.extend(public.filter(|(_, signed)| signed.kind().is_public()));
        }
        state.replay(record)
    })?;
    store.close_now()?;
    let whole = || Refusal::new(Reason::LogWhole).with("log", &log);
    let size = state.logs.get(&log).and_then(|log| log.cut()).ok_or_else(whole)?;
    let trust = state.trust_of(&log);
    let (_, record) = trust.node_record().ok_or_else(|| Refusal::new(Reason::KeyUnknown).with("log", &log))?;
    let elsewhere = || Refusal::new(Reason::OrgElsewhere).with("org", &record.operator);
    let in_force = trust.online_key(&record.operator, KeyRole::Statement).ok_or_else(elsewhere)?;
    let held = node_keys.statements_of(&record.operator);
    let absent = || Refusal::new(Reason::KeyAbsent).with("org", &record.operator);
    let statement = NodeKeys::half_of(held, &in_force.key).ok_or_else(absent)?;
    let refused = refused(&state, &log, &statements);
    let cut =
        Cut { anchor: config.federation_root, log: &log, size, statements: &statements, record, refused: &refused };
    repair(&cut, roots, statement)
}

/// What does not come along into the next log: what was refused where it stood, and what counts no more because of a
/// later revocation. Judged by the whole former log, the part behind the cut included: a revocation there is no less true.
fn refused(state: &State, log: &Origin, statements: &[(u64, Signed)]) -> BTreeSet<StatementId> {
    let mut trust = LogTrust::new(log.clone(), state.anchor);
    let mut refused = BTreeSet::new();
    for (index, signed) in statements {
        match trust.judge(signed, *index) {
            Ok(verified) => trust.absorb(&verified, *index),
            Err(_) => {
                refused.insert(signed.id());
            }
        }
    }
    for (index, signed) in statements {
        if let ([by], false) = (signed.signatures(), is_trust_kind(signed.kind()))
            && trust.keys().get(&by.key).is_none_or(|standing| standing.check_at(*index).is_err())
        {
            refused.insert(signed.id());
        }
    }
    refused
}

/// The text of a `run.toml` with another epoch and another genesis folder; everything else, comments included, stays.
fn with_epoch(text: &str, epoch: u32, genesis: &str) -> String {
    let is_setting = |line: &str, key: &str| {
        line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let (mut lines, mut in_table) = (Vec::new(), false);
    for line in text.lines() {
        in_table |= line.trim_start().starts_with('[');
        if !in_table && is_setting(line, "genesis") {
            lines.push(format!("genesis = \"{genesis}\""));
            lines.push(format!("epoch = {epoch}"));
        } else if in_table || !is_setting(line, "epoch") {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_lines_of_the_settings_change() {
        let text = "# mine\nlisten = \"127.0.0.1:1\"\ngenesis = \"genesis\" # old\nepoch = 2\n[limits]\nepoch = 9\n";
        let changed = "# mine\nlisten = \"127.0.0.1:1\"\ngenesis = \"genesis-3\"\nepoch = 3\n[limits]\nepoch = 9\n";
        assert_eq!(with_epoch(text, 3, "genesis-3"), changed);
    }
}
