//! A disk that fails where a test tells it to.
use std::fs::File;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use verbund::store::medium::{Disk, Medium};
use verbund::store::memory::Failure;

/// Bytes of a segment.
pub struct Unreadable {
    pub segment: u8,
    pub gone: Range<u64>,
}

/// A disk that fails once when told to.
#[derive(Clone, Default)]
pub struct Faults {
    pub next: Arc<Mutex<Option<Failure>>>,
    pub truncate_fails: Arc<AtomicBool>,
    /// What the disk does not give back.
    pub unreadable: Arc<Mutex<Option<Unreadable>>>,
}

impl Faults {
    fn next_is(&self, failures: &[Failure]) -> std::io::Result<()> {
        let mut next = self.next.lock().expect("lock");
        match *next {
            Some(failure) if failures.contains(&failure) => {
                *next = None;
                Err(match failure {
                    Failure::Full => std::io::ErrorKind::StorageFull.into(),
                    Failure::NoHandles => std::io::Error::from_raw_os_error(24),
                    Failure::BeforePersist | Failure::AfterPersist => std::io::ErrorKind::Other.into(),
                })
            }
            _ => Ok(()),
        }
    }
}

impl Medium for Faults {
    fn write(&self, file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
        if let Err(error) = self.next_is(&[Failure::BeforePersist, Failure::Full, Failure::NoHandles]) {
            // What a real disk does: a part of it is there.
            Disk.write(file, &bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        Disk.write(file, bytes)
    }

    fn sync(&self, file: &File) -> std::io::Result<()> {
        Disk.sync(file)?;
        self.next_is(&[Failure::AfterPersist])
    }

    fn truncate(&self, file: &File, length: u64) -> std::io::Result<()> {
        if self.truncate_fails.load(Ordering::Relaxed) {
            Err(std::io::ErrorKind::Other.into())
        } else {
            Disk.truncate(file, length)
        }
    }

    fn read(&self, file: &File, at: u64, bytes: &mut [u8]) -> std::io::Result<usize> {
        let end = at + bytes.len() as u64;
        let mut number = [0];
        Disk.read(file, 12, &mut number)?;
        match &*self.unreadable.lock().expect("lock") {
            Some(Unreadable { segment, gone }) if *segment == number[0] && at < gone.end && end > gone.start => {
                Err(std::io::Error::from_raw_os_error(5))
            }
            _ => Disk.read(file, at, bytes),
        }
    }
}
