//! Which places of the records are passed over because they can no longer be read: a small text beside the records, so that a
//! restart knows what is known already, and new damage is new.
//!
//! ```text
//! <folder>/holes        a line for each: segment, offset, bytes
//! ```
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use crate::domain::id::Hash;
use crate::domain::reason::Refusal;
use crate::store::frames::Hole;
use crate::store::medium::{refused, sync_folder};

const NAME: &str = "holes";

/// The places.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Holes(BTreeSet<Hole>);

impl Holes {
    /// Those written down in a store's folder. What cannot be read counts as none: then they are found again.
    pub fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join(NAME)).unwrap_or_default();
        let hole = |line: &str| {
            let mut numbers = line.split(' ').map(str::parse::<u64>);
            let mut next = || numbers.next()?.ok();
            Some(Hole { segment: u32::try_from(next()?).ok()?, offset: next()?, bytes: next()? })
        };
        Self(text.lines().filter_map(hole).collect())
    }

    /// Writes them down, so that a stop of the machine leaves these or those before.
    pub fn write(&self, folder: &Path) -> Result<(), Refusal> {
        let (path, part) = (folder.join(NAME), folder.join(NAME).with_extension("part"));
        let written = File::create(&part).and_then(|mut file| {
            file.write_all(self.text().as_bytes())?;
            file.sync_data()?;
            fs::rename(&part, &path)?;
            sync_folder(folder)
        });
        written.map_err(|error| refused(&path, &error))
    }

    fn text(&self) -> String {
        self.0.iter().map(|hole| format!("{} {} {}\n", hole.segment, hole.offset, hole.bytes)).collect()
    }

    /// Another for other places; none if there are none.
    pub fn name(&self) -> Option<Hash> {
        (!self.0.is_empty()).then(|| Hash::of(self.text().as_bytes()))
    }

    /// One more.
    pub fn insert(&mut self, hole: Hole) {
        self.0.insert(hole);
    }

    /// Whether it is known.
    pub fn contains(&self, hole: &Hole) -> bool {
        self.0.contains(hole)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
