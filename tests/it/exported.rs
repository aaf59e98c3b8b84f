//! Bundles for other verifiers: what the tests here judge is written to a folder, if one is asked for.
//!
//! `VERBUND_EXPORT=FOLDER cargo test --test it -- --include-ignored exported evidence_attacks audit_cases trust_attacks`
//! fills `FOLDER` with one folder for each federation: `root.txt` and the bundles, each named by its digest.
//! `tests/foreign/differ.py` lets a second verifier judge them, and changes made to them.
use std::path::PathBuf;

use verbund::audit::bundle::Bundle;
use verbund::audit::report::Ruling;
use verbund::audit::verify::verify;
use verbund::domain::id::{Hash, StatementId};

use crate::evidence::{Meanwhile, Script, evidence};

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

/// What may happen in an honest order, beside what the other tests judge.
fn honest() -> Vec<Script> {
    let base = Script::default;
    let approved = || Script { limit: 100_000, approval: Some(true), ..base() };
    let late = || Script {
        sealed_after: 470,
        seal_seen_late: 11,
        confirmed: vec!["kitu", "kid", "provitako", "govdigital", "dataport"],
        ..base()
    };
    let happenings = [
        Meanwhile::Withdrawn,
        Meanwhile::NewVersion,
        Meanwhile::Recalled,
        Meanwhile::Declined,
        Meanwhile::NewPack,
        Meanwhile::Corrected,
    ];
    let mut scripts = vec![
        base(),
        approved(),
        late(),
        Script { assumed: true, ..base() },
        Script { void: true, ..base() },
        Script { overcharged_cents: 900_000, agreed: vec!["kid"], ..base() },
        Script { no_tariff: Some("kid"), agreed: vec!["kid"], ..base() },
        Script { considered: true, ..base() },
        Script { grounds: true, ..base() },
        Script { considered: true, grounds: true, assumed: true, ..approved() },
        Script { considered: true, grounds: true, ..late() },
        Script { considered: true, void: true, ..base() },
        Script { others: 3, ..base() },
        Script { more_others: 7, ..base() },
    ];
    scripts.extend(happenings.map(|what| Script { later: Some(what), ..base() }));
    scripts.extend(happenings.map(|what| Script { later: Some(what), grounds: true, ..late() }));
    scripts
}

#[test]
#[ignore = "plays dozens of orders; for comparing verifiers"]
fn honest_orders_are_exported() {
    for script in honest() {
        // Writes it where a folder is given.
        let evidence = evidence(&script);
        assert_eq!(verify(&evidence.bundle(), Some(evidence.root)).ruling(), Ruling::Valid);
    }
}
