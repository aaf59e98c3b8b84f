//! Bundles for other verifiers: what the tests here judge is written to a folder, if one is asked for.
//!
//! `VERBUND_EXPORT=FOLDER cargo test --test it -- --include-ignored honest_orders evidence_attacks audit_cases trust_attacks`
//! fills `FOLDER` with one folder for each federation: `root.txt` and the bundles, each named by its digest.
//! `tests/foreign/differ.py` lets a second verifier judge them, and changes made to them.
use std::path::PathBuf;

use verbund::audit::bundle::Bundle;
use verbund::domain::id::{Hash, StatementId};

/// Where they go.
const FOLDER: &str = "VERBUND_EXPORT";

/// How many letters of a digest name a bundle: the same bundle is written once.
const NAME_LETTERS: usize = 16;

/// Writes a bundle as it is, if a folder is given.
pub fn keep(bundle: &Bundle, root: StatementId) {
    if std::env::var_os(FOLDER).is_some() {
        keep_zip(&bundle.to_zip().expect("a file"), root);
    }
}

/// The same for one that is packed.
pub fn keep_zip(zip: &[u8], root: StatementId) {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = PathBuf::from(folder).join(&root.to_string()[..NAME_LETTERS]);
    std::fs::create_dir_all(&folder).expect("a folder that can be written");
    std::fs::write(folder.join("root.txt"), format!("sha256:{root}\n")).expect("written");
    let name = &Hash::of(zip).to_string()[..NAME_LETTERS];
    std::fs::write(folder.join(format!("{name}.asice")), zip).expect("written");
}
