//! What may happen in an honest order, beside what the other tests judge; for other verifiers, see `exported`.
use verbund::audit::report::Ruling;
use verbund::audit::verify::verify;
use verbund::domain::reason::Lang;

use crate::evidence::{Meanwhile, Script, Settling, evidence};

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
        Script { grounds: true, frozen: Some(|_| ()), ..base() },
        Script { considered: true, grounds: true, assumed: true, ..approved() },
        Script { considered: true, grounds: true, ..late() },
        Script { considered: true, void: true, ..base() },
        Script { later: Some(Meanwhile::Recalled), settled: Some(Settling::default()), ..base() },
        Script { law: "2026", ..base() },
        Script { law: "2026", considered: true, grounds: true, assumed: true, ..approved() },
        Script { others: 3, ..base() },
        Script { more_others: 7, ..base() },
    ];
    scripts.extend(happenings.map(|what| Script { later: Some(what), ..base() }));
    scripts.extend(happenings.map(|what| Script { later: Some(what), grounds: true, ..late() }));
    scripts
}

/// An order begun under the old text and one begun under the new: both hold, and their reports name the pack.
#[test]
fn bundles_under_both_laws_are_valid_and_name_their_pack() {
    for law in ["2016", "2026"] {
        let evidence = evidence(&Script { law, ..Script::default() });
        let report = verify(&evidence.bundle(), Some(evidence.root));
        assert_eq!(report.ruling(), Ruling::Valid, "{law}: {}", report.text(Lang::De));
        let pack = format!("gwb-108-{law}");
        assert_eq!(report.case.law.as_ref().map(|(name, _)| name.to_string()), Some(pack.clone()));
        assert!(report.text(Lang::De).contains(&format!("{pack}, Verfahren begonnen am ")), "{law}");
    }
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
