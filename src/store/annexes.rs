//! Annexes on the disk: one file each, named by its hash, in a folder beside the records, so that one can be removed and
//! nothing else changes.
//!
//! ```text
//! <folder>/annexes/<64 hex>         the bytes
//! <folder>/annexes/<64 hex>.part    on its way; removed when the store is opened
//! ```
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::domain::annex::Annex;
use crate::domain::id::Hash;
use crate::domain::reason::Refusal;
use crate::store::medium::{refused, sync_folder};

const PART: &str = "part";

/// The folder of annexes.
pub struct Annexes {
    folder: PathBuf,
}

impl Annexes {
    /// Opens or creates the folder, and removes what was being written when the process stopped.
    pub fn open(folder: PathBuf) -> Result<Self, Refusal> {
        let refuse = |error: &_| refused(&folder, error);
        fs::create_dir_all(&folder).map_err(|error| refuse(&error))?;
        for entry in fs::read_dir(&folder).map_err(|error| refuse(&error))? {
            let path = entry.map_err(|error| refuse(&error))?.path();
            if path.extension().is_some_and(|end| end == PART) {
                remove(&path)?;
            }
        }
        Ok(Self { folder })
    }

    /// Writes one, durably; one that is there already stays as it is.
    pub fn keep(&self, annex: &Annex) -> Result<(), Refusal> {
        let path = self.path(&annex.id());
        if self.read(&annex.id())?.is_some() {
            return Ok(());
        }
        let part = path.with_extension(PART);
        let written = File::create(&part).and_then(|mut file| {
            file.write_all(annex.bytes())?;
            file.sync_data()?;
            fs::rename(&part, &path)?;
            sync_folder(&self.folder)
        });
        written.map_err(|error| refused(&path, &error))
    }

    /// Reads one. A file with other bytes than its name says is as good as none: nothing rests on an annex.
    pub fn read(&self, id: &Hash) -> Result<Option<Annex>, Refusal> {
        let path = self.path(id);
        match fs::read(&path) {
            Ok(bytes) => Ok(Annex::read(&bytes).ok().filter(|annex| annex.id() == *id)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refused(&path, &error)),
        }
    }

    /// Removes one, durably; does nothing if it is not there.
    pub fn erase(&self, id: &Hash) -> Result<(), Refusal> {
        let path = self.path(id);
        let (was_kept, was_begun) = (remove(&path)?, remove(&path.with_extension(PART))?);
        if !was_kept && !was_begun {
            return Ok(());
        }
        sync_folder(&self.folder).map_err(|error| refused(&path, &error))
    }

    fn path(&self, id: &Hash) -> PathBuf {
        self.folder.join(id.to_string())
    }
}

/// Whether there was something to remove.
fn remove(path: &Path) -> Result<bool, Refusal> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(refused(path, &error)),
    }
}
