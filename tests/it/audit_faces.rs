//! The auditor's other verbs: showing, comparing, a time stamp, a whole folder.
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use verbund::audit::compare::{Comparison, compare};
use verbund::audit::report::Ruling;
use verbund::domain::reason::{Lang, Reason};

use crate::evidence::{Evidence, Script, evidence};

fn audit(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_verbund-audit")).args(arguments).output().expect("the program starts")
}

fn zip(evidence: &Evidence) -> Vec<u8> {
    evidence.bundle().to_zip().expect("bytes")
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path: PathBuf = folder.join(name);
    std::fs::write(&path, bytes).expect("written");
    path.display().to_string()
}

#[test]
fn a_bundle_is_listed_without_being_judged() {
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = evidence(&Script::default());
    let file = written(folder.path(), "a.asice", &zip(&evidence));
    let output = audit(&["show", &file]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(output.status.code(), Some(0));
    assert!(text.starts_with("NICHT GEPRÜFT"), "{text}");
    for line in [
        "Anfrage von barleben (Person einkauf) vom 01.09.2026",
        "Abschluss von barleben (Person einkauf) vom 02.09.2026",
        "Annahme von dataport vom 01.09.2026",
        "Angebot „Elektronische Wohnsitzanmeldung“ von dataport vom 01.01.2026",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let output = audit(&["show", &file, "-o", "json", "--lang", "en"]);
    let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(listed["checked"], false);
    let statements = listed["statements"].as_array().expect("statements");
    assert!(
        statements
            .iter()
            .any(|said| said["kind"] == "seal" && said["org"] == "barleben" && said["day"] == "2026-09-02")
    );
    // A forged bundle is listed all the same; a file that is none is refused with its code.
    let file = written(folder.path(), "b.asice", b"%PDF-1.7");
    let output = audit(&["show", &file]);
    assert_eq!(output.status.code(), Some(10));
    assert!(String::from_utf8_lossy(&output.stderr).contains("BUNDLE_NOT_ZIP"));
}

fn compared(one: &Evidence, other: &Evidence) -> Comparison {
    compare([&zip(one), &zip(other)], Some(one.root)).expect("one order")
}

/// The pieces of one history, seen by a party that lacks some of them.
#[test]
fn what_one_bundle_holds_and_the_other_lacks_is_no_contradiction() {
    let whole = evidence(&Script::default());
    let same = compared(&whole, &whole);
    assert_eq!((same.ruling(), same.only[0].len(), same.only[1].len()), (Ruling::Valid, 0, 0));
    assert!(same.text(Lang::De).starts_with("GÜLTIG\nBeide Pakete enthalten dieselben Erklärungen."));
    let mut less = evidence(&Script::default());
    less.input.receipts.pop();
    let found = compared(&whole, &less);
    assert_eq!((found.only[0].len(), found.only[1].len(), found.contradictions.len()), (1, 0, 0));
    assert!(found.text(Lang::De).contains("Nur in A\n  Empfangsbestätigung von"), "{}", found.text(Lang::De));
    // The log grew between the two: other checkpoints, one history.
    let grown = evidence(&Script { more_others: 50, ..Script::default() });
    assert_eq!(compared(&whole, &grown).contradictions, []);
}

#[test]
fn two_bundles_that_cannot_both_be_true_are_told() {
    let whole = evidence(&Script::default());
    let later = evidence(&Script { sealed_after: 31, ..Script::default() });
    let ended = evidence(&Script { void: true, ..Script::default() });
    for (name, other) in [("two seals", &later), ("seal and void", &ended)] {
        let found = compared(&whole, other);
        assert_eq!(found.ruling(), Ruling::Invalid, "{name}");
        let reasons: Vec<Reason> = found.contradictions.iter().map(|found| found.reason).collect();
        assert!(reasons.contains(&Reason::OrderDisputed), "{name}: {reasons:?}");
        assert!(
            reasons.contains(&Reason::LogFork),
            "{name}: both stand at one place of the buyer's log: {reasons:?}"
        );
        let seal = "Abschluss von barleben (Person einkauf) vom 02.09.2026";
        assert!(found.text(Lang::De).contains(seal), "{name}: {}", found.text(Lang::De));
        assert_eq!(found.json(Lang::En)["exit_code"], 9);
    }
}

/// Two histories that share neither a place nor a size: the trees show it.
#[test]
fn two_checkpoints_that_cannot_both_be_true_are_told() {
    let (one, other) = (evidence(&Script::default()), evidence(&Script { others: 90, ..Script::default() }));
    let found = compared(&one, &other);
    assert_eq!(found.reports.each_ref().map(|report| report.ruling()), [Ruling::Valid; 2], "each for itself is good");
    assert_eq!(found.ruling(), Ruling::Invalid);
    assert!(found.contradictions.iter().all(|found| found.reason == Reason::LogFork));
    assert!(found.headline(Lang::De).contains("zwei verschiedene Inhalte"), "{}", found.headline(Lang::De));
}

#[test]
fn comparing_says_what_is_wrong_with_its_input() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = evidence(&Script::default());
    let root = format!("sha256:{}", whole.root);
    let file = written(folder.path(), "a.asice", &zip(&whole));
    let mut unasked = whole.bundle();
    unasked.members.retain(|name, _| !name.contains("-request-"));
    let unasked = written(folder.path(), "b.asice", &unasked.to_zip().expect("bytes"));
    let other = evidence(&Script { reference: "vorgang-2", ..Script::default() });
    let other = written(folder.path(), "d.asice", &zip(&other));
    let broken = written(folder.path(), "c.asice", &zip(&whole)[..2_000]);
    for (other, code, word) in [
        (file.as_str(), 0, ""),
        (other.as_str(), 8, "BUNDLES_OF_DIFFERENT_ORDERS"),
        (unasked.as_str(), 10, "EVIDENCE_MISSING"),
        (broken.as_str(), 10, "BUNDLE_TRUNCATED"),
        ("absent.asice", 6, "FILE_UNREADABLE"),
    ] {
        let output = audit(&["compare", &file, other, "--root", &root]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), told.contains(word)), (Some(code), true), "{other}: {told}");
        assert_eq!(told.contains("Abhilfe: "), code != 0, "{other}: {told}");
    }
}
