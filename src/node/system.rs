//! The real clock and the real source of randomness; the only file that reads either.
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use crate::domain::signing::SecretKey;
use crate::domain::time::Timestamp;
use crate::node::ports::Clock;
use crate::protocol::settings::Dice;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// The machine's source of randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDice;

impl Dice for SystemDice {
    fn fill(&mut self, bytes: &mut [u8]) {
        fill(bytes);
    }
}

/// Fills bytes at random. Without randomness no key and no salt is safe, so there is nothing sensible to go on with.
pub fn fill(bytes: &mut [u8]) {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for randomness")]
    getrandom::fill(bytes).expect("the operating system provides randomness");
}

/// A new key, in memory only.
pub fn fresh_key() -> SecretKey {
    let mut seed = Zeroizing::new([0; 32]);
    fill(&mut *seed);
    SecretKey::from_seed(&seed)
}

/// Time that only goes forward, for how long things take.
pub fn ticks() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// Puts a small file in the place of another so that a stop of the machine leaves the one or the other, never half of it:
/// written beside it, synced, renamed, and the folder synced.
pub fn replace_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("neu");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
