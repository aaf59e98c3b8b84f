//! What a store asks of the disk, and what its errors mean.
use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::domain::reason::{Reason, Refusal};

/// What a segment asks of the disk, so that tests can let each of it fail.
pub trait Medium: Send + Sync {
    /// Writes all bytes at the file's cursor.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Makes what was written survive a power cut.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Cuts the file to that length.
    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    /// Reads some bytes at that offset; none at the end.
    fn read(&self, mut file: &File, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        file.seek(SeekFrom::Start(at))?;
        file.read(bytes)
    }
}

/// The machine's own disk.
#[derive(Debug)]
pub struct Disk;

impl Medium for Disk {}

/// The refusal for an error of the file system.
pub fn refused(path: &Path, error: &io::Error) -> Refusal {
    Refusal::new(reason_of(error)).with("file", path.display()).with("error", error)
}

/// Makes the names in a folder survive a power cut.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    // Other systems cannot open a folder as a file, and sync names with the files.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Too many open files, in this process (`EMFILE`) and in the whole system (`ENFILE`); the standard library has no kind for
/// them.
const NO_HANDLES: [i32; 2] = [24, 23];

/// What a disk answers that cannot give back what was written (`EIO`), and a file system that has noticed it (`EBADMSG`,
/// `EUCLEAN`); the standard library has no kind for them.
const UNREADABLE: [i32; 3] = [5, 74, 117];

/// Whether these bytes cannot be had any more, where every other error may pass.
pub fn is_unreadable(error: &io::Error) -> bool {
    cfg!(unix) && error.raw_os_error().is_some_and(|code| UNREADABLE.contains(&code))
}

fn reason_of(error: &io::Error) -> Reason {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Reason::StoreFull,
        ErrorKind::ReadOnlyFilesystem => Reason::StoreReadOnly,
        _ if cfg!(unix) && error.raw_os_error().is_some_and(|code| NO_HANDLES.contains(&code)) => {
            Reason::StoreHandles
        }
        _ => Reason::StoreFailed,
    }
}

/// What is to be said of an error after which nothing is broken: room or a file would have helped.
pub fn passing(error: &io::Error) -> Option<Reason> {
    Some(reason_of(error)).filter(|reason| reason.is_passing_fault())
}
