//! The folder of shared data: registers and published test vectors, too large or not ours to commit.
//!
//! It lies beside the package as `shared`, or where `VERBUND_SHARED` points. Where it is absent the tests that need it
//! say so and pass, unless `VERBUND_REQUIRE_SHARED` is set: then a missing file is a failure, so that a run that claims
//! to have checked against the registers has done so.
use std::path::{Path, PathBuf};

/// A file or folder below the folder of shared data, if this machine has it.
pub fn shared(path: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let found = std::env::var_os("VERBUND_SHARED").map_or_else(beside, PathBuf::from).join(path);
    if found.exists() {
        return Some(found);
    }
    let required = std::env::var_os("VERBUND_REQUIRE_SHARED").is_some_and(|value| !value.is_empty());
    assert!(!required, "{} is absent, and VERBUND_REQUIRE_SHARED is set", found.display());
    eprintln!("SKIPPED: {} is absent; VERBUND_SHARED names another folder", found.display());
    None
}
