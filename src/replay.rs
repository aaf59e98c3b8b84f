//! Floor 5: a node's data folder, read from the disk into the audit. For both programs.
//!
//! Must never write: the folder may be evidence, and its node may be running.
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use crate::audit::replica::Replica;
use crate::audit::report::Report;
use crate::domain::id::StatementId;
use crate::domain::reason::{Reason, Refusal};
use crate::protocol::record::Record;
use crate::store::frames::{Batch, Position};
use crate::store::reading::Records;

/// Where a node's records lie below the folder given: itself, or that of a store, or that of a node.
const PLACES: [&str; 3] = ["", "records", "data/records"];

/// Judges everything in a folder of records. `FILE_UNREADABLE` if there are none.
pub fn judge_folder(folder: &Path, root: Option<StatementId>) -> Result<Report, Refusal> {
    let records = Records::alone(&records_in(folder)?);
    let extent = records.extent()?;
    let bar = ProgressBar::new(extent.bytes);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3} %  {bytes}/{total_bytes}  {eta}") {
        bar.set_style(style);
    }
    let mut replica = Replica::new(root);
    let read = records.read_batches(Position::START, extent.end, |batch| {
        bar.inc(batch.bytes());
        take(&mut replica, &batch)
    });
    bar.finish_and_clear();
    match read {
        Err(refusal) if refusal.reason == Reason::StoreDamaged => replica.damaged(refusal),
        other => other?,
    }
    Ok(replica.finish())
}

fn take(replica: &mut Replica, batch: &Batch) -> Result<(), Refusal> {
    for record in batch.decode()? {
        match &record {
            Record::Entries { origin, first, entries, note } => {
                let entries = entries.iter().map(|entry| (&entry.leaf, entry.statement.as_ref()));
                replica.entries(origin, *first, entries, note);
            }
            Record::Cosigned { origin, note } | Record::Bridge { origin, note } => replica.checkpoint(origin, note),
            Record::Kept(signed) => replica.kept(signed),
            Record::Forked(proof) => replica.forked(proof),
            // A node's notes to itself, and contents whose leaves were judged where they stand.
            Record::Delivered { .. }
            | Record::Cursor { .. }
            | Record::Checked(_)
            | Record::Recovered(_)
            | Record::Lodged { .. } => {}
            // What others have deposited here is sealed.
            Record::Deposited { .. } => {}
        }
    }
    replica.whole();
    Ok(())
}

fn records_in(folder: &Path) -> Result<PathBuf, Refusal> {
    let holds = |path: &PathBuf| path.join("00000001.seg").is_file();
    let found = PLACES.iter().map(|place| folder.join(place)).find(holds);
    let absent = || {
        let refusal = Refusal::new(Reason::FileUnreadable).with("file", folder.display());
        refusal.with("problem", "records/00000001.seg")
    };
    found.ok_or_else(absent)
}
