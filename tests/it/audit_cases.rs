//! Bundles, good and forged: every check is reached by a forgery of its own, and nothing forged is called valid.
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use verbund::audit::bundle::{Bundle, MANIFEST, NOTE, PLACES, POLICY, VERIFY};
use verbund::audit::container::MIMETYPE;
use verbund::audit::examine;
use verbund::audit::report::{Check, Ending, Report, Ruling};
use verbund::audit::verify::verify;
use verbund::domain::id::StatementId;
use verbund::domain::order::VoidReason;
use verbund::domain::reason::{Lang, Reason};
use verbund::log::proof::TlogProof;

use crate::evidence::{Evidence, Meanwhile, NODES, Script, evidence};
use crate::exported;

use Ruling::{Invalid, NotCheckable, Valid};

fn genuine() -> Evidence {
    evidence(&Script::default())
}

/// What a careful forger does last: the digests fit again.
fn refresh(bundle: &mut Bundle) {
    bundle.write_manifest();
}

fn name_of(bundle: &Bundle, start: &str, end: &str) -> String {
    let fits = |name: &&String| name.starts_with(start) && name.ends_with(end);
    bundle.members.keys().find(fits).unwrap_or_else(|| panic!("no member {start}…{end}")).clone()
}

fn drop_all(bundle: &mut Bundle, start: &str) {
    let before = bundle.members.len();
    bundle.members.retain(|name, _| !name.starts_with(start));
    assert!(bundle.members.len() < before, "no member {start}…");
}

/// The statement of a kind about somebody in the folder of a log.
fn trust_of(bundle: &Bundle, folder: &str, kind: &str, org: &str) -> String {
    let (kind, org) = (format!("vnd.verbund.{kind}.v1+json"), format!("\"org\":\"{org}\""));
    let says = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.contains(&kind) && text.contains(&org)
    };
    let fits =
        |(name, bytes): &(&String, &Vec<u8>)| name.starts_with(folder) && name.ends_with(".pae") && says(bytes);
    bundle.members.iter().find(fits).unwrap_or_else(|| panic!("no {kind} of {org} in {folder}")).0.clone()
}

fn drop_trust(bundle: &mut Bundle, folder: &str, kind: &str, org: &str) {
    let name = trust_of(bundle, folder, kind, org);
    drop_all(bundle, name.trim_end_matches("pae"));
}

fn swap(bundle: &mut Bundle, a: &str, b: &str) {
    let (first, second) = (bundle.members[a].clone(), bundle.members[b].clone());
    assert_ne!(first, second);
    bundle.members.insert(a.to_owned(), second);
    bundle.members.insert(b.to_owned(), first);
}

fn edit(bundle: &mut Bundle, name: &str, change: impl FnOnce(&str) -> String) {
    let text = std::str::from_utf8(&bundle.members[name]).expect("text").to_owned();
    let changed = change(&text);
    assert_ne!(text, changed, "{name} is unchanged");
    bundle.members.insert(name.to_owned(), changed.into_bytes());
}

/// Changes the places of all checkpoints: the heads of proofs by name.
fn change_places(bundle: &mut Bundle, change: impl Fn(&mut BTreeMap<String, String>)) {
    let before = bundle.members.clone();
    for places in bundle.members.iter_mut().filter(|(file, _)| file.ends_with(PLACES)).map(|(_, places)| places) {
        let text = String::from_utf8(places.clone()).expect("text");
        let heads = text.split_inclusive("\n\n").map(|place| place.split_once('\n').expect("a name"));
        let mut heads: BTreeMap<String, String> =
            heads.map(|(name, head)| (name.to_owned(), head.to_owned())).collect();
        change(&mut heads);
        *places = heads.iter().flat_map(|(name, head)| format!("{name}\n{head}").into_bytes()).collect();
    }
    assert_ne!(bundle.members, before, "nothing has changed");
}

fn row_ruling(report: &Report, check: Check) -> Option<Ruling> {
    report.rows.iter().find(|row| row.check == check).map(verbund::audit::report::Row::ruling)
}

#[test]
fn a_genuine_order_is_valid() {
    let evidence = genuine();
    let bundle = evidence.bundle();
    let zip = bundle.to_zip().expect("bytes");
    assert_eq!(Bundle::parse(&zip).expect("own bytes"), bundle);
    assert_eq!(evidence.bundle().to_zip().expect("bytes"), zip, "reproducible");
    let offset = 30; // of the first name in a ZIP
    assert_eq!(&zip[offset..offset + MIMETYPE.len()], MIMETYPE.as_bytes());
    assert_eq!(&zip[offset + MIMETYPE.len()..][..31], b"application/vnd.etsi.asic-e+zip");
    let report = examine(&zip, Some(evidence.root));
    assert_eq!(report.ruling(), Valid, "{}", report.text(Lang::De));
    assert_eq!(report.rows.len(), Check::ALL.len(), "every check was made");
    assert_eq!((report.case.ending, report.case.legs.len()), (Some(Ending::Sealed), 5));
    // Sealed 30 hours after 2026-09-01T08:00:00Z. Five of six witnesses are enough, no more are carried, and the third clock
    // of the five counts. The sixth has nothing to do with the order, so its log stays out.
    assert!(bundle.members.keys().all(|name| !name.contains("akdb")));
    assert_eq!(report.case.witnessed_at, Some(1_788_357_603));
    for (lang, ending) in [(Lang::De, "Gesamturteil: GÜLTIG\n"), (Lang::En, "Overall: VALID\n")] {
        assert!(report.text(lang).ends_with(ending), "{}", report.text(lang));
    }
}

#[test]
fn what_may_happen_in_an_honest_order_is_valid() {
    let approved = Script { limit: 100_000, approval: Some(true), ..Script::default() };
    let void = Script { void: true, ..Script::default() };
    let assumed = Script { assumed: true, ..Script::default() };
    let few = Script { witnesses: NODES[1..].to_vec(), others: 3, ..Script::default() };
    for (name, script) in [("approved", approved), ("void", void), ("assumed", assumed), ("five witnesses", few)] {
        let evidence = evidence(&script);
        let report = verify(&evidence.bundle(), Some(evidence.root));
        assert_eq!(report.ruling(), Valid, "{name}: {}", report.text(Lang::De));
        assert_eq!(report.case.assumptions.len(), usize::from(script.assumed), "{name}");
        let ending = if script.void { Ending::Void(VoidReason::Cancelled) } else { Ending::Sealed };
        assert_eq!(report.case.ending, Some(ending), "{name}");
    }
}

/// How someone tried, the check that must notice, and what it and the whole audit say.
type Forgery = (&'static str, Script, fn(&mut Bundle), Check, Ruling);

const UNTOUCHED: fn(&mut Bundle) = |_| ();

fn by_insiders() -> Vec<Forgery> {
    let base = Script::default;
    vec![
        (
            "four witnesses",
            Script { witnesses: NODES[2..].to_vec(), ..base() },
            UNTOUCHED,
            Check::Witnesses,
            NotCheckable,
        ),
        ("price not in the sum", Script { hidden_cents: 100, ..base() }, UNTOUCHED, Check::Price, Invalid),
        ("more than the tariff", Script { overcharged_cents: 100, ..base() }, UNTOUCHED, Check::Price, Invalid),
        ("key of another", Script { endorser: "kitu", ..base() }, UNTOUCHED, Check::Signers, Invalid),
        ("key registered later", Script { late_key: true, ..base() }, UNTOUCHED, Check::Position, Invalid),
        ("over the limit", Script { limit: 100_000, ..base() }, UNTOUCHED, Check::Officers, Invalid),
        (
            "approval refused",
            Script { limit: 100_000, approval: Some(false), ..base() },
            UNTOUCHED,
            Check::Officers,
            Invalid,
        ),
        (
            "offering withdrawn",
            Script { before: Some(Meanwhile::Withdrawn), ..base() },
            UNTOUCHED,
            Check::Offering,
            Invalid,
        ),
        ("price of version 2", Script { priced_version: 2, ..base() }, UNTOUCHED, Check::Price, Invalid),
        ("version 2 in the bundle", Script { other_version: true, ..base() }, UNTOUCHED, Check::Complete, Invalid),
        ("fulfilled without a seat", Script { bold: true, ..base() }, UNTOUCHED, Check::Legs, Invalid),
        ("seal and void", Script { void_as_well: true, ..base() }, UNTOUCHED, Check::Outcome, Invalid),
        ("sealed after the deadline", Script { sealed_after: 500, ..base() }, UNTOUCHED, Check::Times, Invalid),
        ("seal before request", Script { early_seal: true, ..base() }, UNTOUCHED, Check::Position, Invalid),
    ]
}

fn forge(name: &'static str, change: fn(&mut Bundle), check: Check, ruling: Ruling) -> Forgery {
    (name, Script::default(), change, check, ruling)
}

fn by_couriers_who_leave_out() -> Vec<Forgery> {
    vec![
        forge(
            "proofs swapped",
            |bundle| {
                change_places(bundle, |heads| {
                    let [a, b] = ["order/01-request-barleben", "order/11-seal-barleben"];
                    let (Some(first), Some(second)) = (heads.get(a).cloned(), heads.get(b).cloned()) else { return };
                    heads.extend([(a.to_owned(), second), (b.to_owned(), first)]);
                });
            },
            Check::Inclusion,
            Invalid,
        ),
        forge(
            "proof dropped",
            |bundle| {
                let name = name_of(bundle, "facts/", ".pae");
                change_places(bundle, |heads| drop(heads.remove(name.trim_end_matches(".pae"))));
            },
            Check::Inclusion,
            NotCheckable,
        ),
        forge("message dropped", |b| drop_all(b, "order/04-"), Check::Chain, NotCheckable),
        forge("seal dropped", |b| drop_all(b, "order/11-"), Check::Outcome, NotCheckable),
        forge("request dropped", |b| drop_all(b, "order/01-"), Check::Chain, NotCheckable),
        forge("membership dropped", |b| drop_all(b, "facts/03-membership"), Check::Legs, NotCheckable),
        forge(
            "grant dropped",
            |b| drop_trust(b, "trust/kitu/", "officer-grant", "barleben"),
            Check::Signers,
            NotCheckable,
        ),
        forge(
            "path of a stranger",
            |bundle| {
                edit(bundle, "ends/kid.end", |text| {
                    let (head, paths) = text.split_once("subject ").expect("a subject");
                    format!("{head}subject aaa\nsubject {paths}")
                });
            },
            Check::Complete,
            NotCheckable,
        ),
        forge("log end dropped", |b| drop_all(b, "ends/kid."), Check::Complete, NotCheckable),
    ]
}

/// What a log has said about trust is proven as a whole, so leaving out any of it is not merely a gap.
fn by_couriers_against_trust() -> Vec<Forgery> {
    let without = |name, drop| forge(name, drop, Check::Complete, Invalid);
    vec![
        forge(
            "root of others",
            |bundle| edit(bundle, "root/1.pae", |text| text.replace("treuhand-1", "treuhand-9")),
            Check::Root,
            Invalid,
        ),
        forge(
            "grant changed, its place dropped",
            |bundle| {
                let name = trust_of(bundle, "trust/kitu/", "officer-grant", "barleben");
                edit(bundle, &name, |text| text.replace("einkauf", "verkauf"));
                change_places(bundle, |heads| drop(heads.remove(name.trim_end_matches(".pae"))));
            },
            Check::Trust,
            Invalid,
        ),
        without("rule pack dropped", |b| drop_all(b, "root/rule-pack-")),
        without("root dropped", |b| drop_all(b, "root/1.")),
        without("admission dropped", |b| drop_trust(b, "trust/kid/", "admission", "kid")),
        without("key event dropped", |b| drop_trust(b, "trust/kitu/", "key-event", "barleben")),
        without("place of an admission dropped", |bundle| {
            let name = name_of(bundle, "trust/kid/", ".pae");
            change_places(bundle, |heads| drop(heads.remove(name.trim_end_matches(".pae"))));
        }),
        without("path changed", |bundle| {
            edit(bundle, "ends/kid.end", |text| {
                let at = text.find("\n0 ").or_else(|| text.find("\n1 ")).expect("a step");
                // The first letter of the hash after the bit.
                let at = at + 3;
                let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
                format!("{}{other}{}", &text[..at], &text[at + 1..])
            });
        }),
    ]
}

fn by_couriers_who_change() -> Vec<Forgery> {
    vec![
        forge(
            "log signature changed",
            |bundle| {
                for name in bundle.members.keys().filter(|name| name.ends_with(NOTE)).cloned().collect::<Vec<_>>() {
                    let start = "— verbund-demo/log/kid/1 ";
                    let line = |text: &str| text.lines().find(|line| line.starts_with(start)).map(str::to_owned);
                    let text = String::from_utf8(bundle.members[&name].clone()).expect("text");
                    if let Some(line) = line(&text) {
                        let at = start.len() + 40;
                        let other = if line.as_bytes()[at] == b'A' { "B" } else { "A" };
                        let changed = format!("{}{other}{}", &line[..at], &line[at + 1..]);
                        edit(bundle, &name, |text| text.replace(&line, &changed));
                    }
                }
            },
            Check::Checkpoint,
            Invalid,
        ),
        forge(
            "fewer needed in the policy",
            |bundle| edit(bundle, POLICY, |text| text.replace("QUORUM 5", "QUORUM 1")),
            Check::Witnesses,
            Invalid,
        ),
        forge(
            "void in place of the seal",
            |bundle| {
                let void = evidence(&Script { void: true, ..Script::default() }).bundle();
                let [pae, sig] = [".pae", ".sig"].map(|end| {
                    let (from, to) = (name_of(&void, "order/02-void", end), name_of(bundle, "order/11-seal", end));
                    bundle.members.insert(to.clone(), void.members[&from].clone());
                    to
                });
                assert_ne!(pae, sig);
            },
            Check::Inclusion,
            Invalid,
        ),
        forge(
            "receipt for another message",
            |bundle| {
                let [a, b] = ["receipts/02", "receipts/03"].map(|start| name_of(bundle, start, ".pae"));
                swap(bundle, &a, &b);
            },
            Check::Receipts,
            Invalid,
        ),
        forge(
            "fact changed",
            |bundle| {
                let name = name_of(bundle, "facts/07-entity-facts", ".pae");
                edit(bundle, &name, |text| text.replace("9400", "9900"));
            },
            Check::Facts,
            Invalid,
        ),
        forge(
            "stranger among the members",
            |bundle| drop(bundle.members.insert("order/12-note.txt".to_owned(), b"!".to_vec())),
            Check::Container,
            Invalid,
        ),
    ]
}

#[test]
fn every_forgery_is_noticed_by_its_own_check() {
    let mut reached = BTreeSet::new();
    for (name, script, forge, check, ruling) in
        [by_insiders(), by_couriers_who_leave_out(), by_couriers_against_trust(), by_couriers_who_change()]
            .into_iter()
            .flatten()
    {
        let evidence = evidence(&script);
        let mut bundle = evidence.bundle();
        forge(&mut bundle);
        refresh(&mut bundle);
        exported::keep(&bundle, evidence.root);
        let report = verify(&bundle, Some(evidence.root));
        let text = report.text(Lang::De);
        assert_eq!(row_ruling(&report, check), Some(ruling), "{name}: {text}");
        assert_eq!(report.ruling(), ruling, "{name}: {text}");
        reached.insert(check);
    }
    let all: BTreeSet<Check> = Check::ALL.iter().copied().collect();
    let left: Vec<&Check> = all.difference(&reached).collect();
    assert!(left.is_empty(), "no forgery reaches {left:?}");
}

#[test]
fn the_root_must_be_the_one_given() {
    let evidence = genuine();
    let bundle = evidence.bundle();
    for (root, ruling, reason) in
        [(None, NotCheckable, Reason::RootNotGiven), (Some(StatementId([1; 32])), Invalid, Reason::RootUnknown)]
    {
        let report = verify(&bundle, root);
        let found: Vec<_> = report.findings().map(|(check, finding)| (check, finding.refusal.reason)).collect();
        assert_eq!(found, [(Check::Root, reason)], "nothing else is wrong");
        assert_eq!(report.ruling(), ruling);
    }
}

/// One byte of every member, with the digests made to fit again: whatever the byte is, the bundle is no longer valid.
#[test]
fn no_changed_byte_goes_unnoticed() {
    let evidence = genuine();
    let bundle = evidence.bundle();
    let names: Vec<&String> = bundle.members.keys().collect();
    for (number, name) in names.iter().enumerate() {
        let mut forged = bundle.clone();
        let bytes = forged.members.get_mut(*name).expect("a member");
        let at = number * 7_919 % bytes.len();
        bytes[at] ^= 1 << (number % 7);
        if *name != MANIFEST {
            forged.write_manifest();
        }
        let report = verify(&forged, Some(evidence.root));
        assert_ne!(report.ruling(), Valid, "{name}: byte {at}");
    }
}

#[test]
fn no_two_signatures_can_be_swapped() {
    let evidence = genuine();
    let bundle = evidence.bundle();
    let signatures: Vec<&String> = bundle.members.keys().filter(|name| name.ends_with(".sig")).collect();
    for (number, a) in signatures.iter().enumerate().step_by(5) {
        let b = signatures[(number * 31 + 17) % signatures.len()];
        if *a != b {
            let mut forged = bundle.clone();
            swap(&mut forged, a, b);
            forged.write_manifest();
            assert_eq!(verify(&forged, Some(evidence.root)).ruling(), Invalid, "{a} and {b}");
        }
    }
}

fn unpack(bundle: &Bundle, folder: &Path) {
    for (name, bytes) in &bundle.members {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, bytes).expect("written");
    }
}

fn run(line: &str, folder: &Path) -> bool {
    let output = Command::new("sh").args(["-c", line]).current_dir(folder).output().expect("a shell");
    output.status.success()
}

#[test]
fn openssl_agrees_on_every_signature() {
    let version = Command::new("openssl").arg("version").output().map(|output| output.stdout).unwrap_or_default();
    if !version.starts_with(b"OpenSSL 3.") {
        eprintln!("SKIPPED: OpenSSL 3 is absent");
        return;
    }
    let bundle = genuine().bundle();
    let folder = tempfile::tempdir().expect("a folder");
    unpack(&bundle, folder.path());
    let text = std::fs::read_to_string(folder.path().join(VERIFY)).expect("text");
    let command = text.lines().last().expect("the command");
    let told = || -> (BTreeSet<String>, Vec<String>) {
        let output = Command::new("sh").args(["-c", command]).current_dir(folder.path()).output().expect("a shell");
        let said = String::from_utf8(output.stdout).expect("text");
        let (good, other): (Vec<&str>, _) = said.lines().partition(|line| line.starts_with("gut  ./"));
        let good = good.into_iter().map(|line| line["gut  ./".len()..].to_owned());
        (good.collect(), other.into_iter().map(str::to_owned).collect())
    };
    let signatures: BTreeSet<String> = bundle.members.keys().filter(|name| name.ends_with(".sig")).cloned().collect();
    assert_eq!(told(), (signatures.clone(), Vec::new()));
    let name = name_of(&bundle, "order/01-request", ".pae");
    std::fs::write(folder.path().join(&name), b"DSSEv1 changed").expect("written");
    let missing = name_of(&bundle, "trust/", ".sig");
    let unsigned = missing.rsplitn(3, '.').last().expect("a name");
    let of_it: Vec<&String> =
        signatures.iter().filter(|file| file.rsplitn(3, '.').last() == Some(unsigned)).collect();
    of_it.iter().for_each(|file| std::fs::remove_file(folder.path().join(file)).expect("removed"));
    let (good, other) = told();
    assert_eq!(good.len(), signatures.len() - of_it.len() - 1);
    let wrong = |name: &str| other.iter().any(|line| line.starts_with(&format!("FALSCH  ./{name}.")));
    assert!(other.len() == 2 && wrong(name.trim_end_matches(".pae")) && wrong(unsigned), "{other:?}");
}

/// What `VERIFY.txt` says: places and checkpoint joined by stock tools are a proof in the C2SP format.
#[test]
fn every_proof_can_be_joined_by_hand() {
    let bundle = genuine().bundle();
    let folder = tempfile::tempdir().expect("a folder");
    unpack(&bundle, folder.path());
    let text = std::fs::read_to_string(folder.path().join(VERIFY)).expect("text");
    let line = text.lines().find(|line| line.contains("awk ")).expect("a line");
    let names = ["order/01-request-barleben", "ends/kid", "root/1.kitu"];
    for name in names {
        let holds = |file: &&String| String::from_utf8_lossy(&bundle.members[*file]).contains(&format!("{name}\n"));
        let file = bundle.members.keys().filter(|file| file.ends_with(PLACES)).find(holds).expect("its places");
        let line = line.replace("proofs/X", file.trim_end_matches(PLACES)).replace("NAME", name);
        assert!(run(&line, folder.path()), "{line}");
        let proof = std::fs::read_to_string(folder.path().join(format!("{name}.tlog-proof"))).expect("a proof");
        assert_eq!(TlogProof::parse(&proof).expect("C2SP").to_string(), proof);
    }
}

/// The verdict and the sentence that matters come first; every finding names paper, person and day before any number.
#[test]
fn the_report_speaks_to_a_person_first() {
    let evidence = genuine();
    let good = verify(&evidence.bundle(), Some(evidence.root));
    let lines = |report: &Report, lang| report.text(lang).lines().map(str::to_owned).collect::<Vec<_>>();
    let german = lines(&good, Lang::De);
    assert_eq!(german[0], "GÜLTIG");
    assert!(german[1].starts_with("Gültig: Der Vertrag ist so zustande gekommen"), "{}", german[1]);
    assert!(german[1].contains("barleben") && german[1].contains("10.100,00 €"), "{}", german[1]);
    assert!(lines(&good, Lang::En)[1].contains("€10,100.00 net"), "{}", good.text(Lang::En));

    let mut bundle = evidence.bundle();
    let seal = name_of(&bundle, "order/", "-seal-barleben.pae");
    edit(&mut bundle, &seal, |text| text.replace("einkauf", "einkaux"));
    refresh(&mut bundle);
    let bad = verify(&bundle, Some(evidence.root));
    let german = lines(&bad, Lang::De);
    assert_eq!(german[0], "UNGÜLTIG");
    assert!(german[1].starts_with("Ungültig: "), "{}", german[1]);
    let told = "ungültig: Abschluss von barleben (Person einkaux) vom 02.09.2026";
    let said = german.windows(4).any(|lines| {
        lines[0].contains(told)
            && lines[1].trim() == "Die Unterschrift passt nicht zum Inhalt."
            && lines[2..].iter().any(|line| line.contains("SIGNERS · SIGNATURE_INVALID"))
    });
    assert!(said, "{}", bad.text(Lang::De));
    let json = bad.json(Lang::De);
    assert_eq!(json["headline"].as_str(), Some(german[1].as_str()));

    let foreign = verify(&evidence.bundle(), Some(StatementId([1; 32])));
    assert!(foreign.headline(Lang::De).contains("gehört nicht zu dem Verbund"), "{}", foreign.headline(Lang::De));
    let unanchored = verify(&evidence.bundle(), None);
    assert!(unanchored.headline(Lang::De).starts_with("Nicht prüfbar: "), "{}", unanchored.headline(Lang::De));
}

/// No rule that a program's author wrote for other authors reaches the page in English only.
#[test]
fn the_german_report_of_every_forgery_is_german() {
    for (name, script, forge, ..) in
        [by_insiders(), by_couriers_who_leave_out(), by_couriers_against_trust(), by_couriers_who_change()]
            .into_iter()
            .flatten()
    {
        let evidence = evidence(&script);
        let mut bundle = evidence.bundle();
        forge(&mut bundle);
        refresh(&mut bundle);
        let text = verify(&bundle, Some(evidence.root)).text(Lang::De);
        for line in text.lines().filter(|line| !line.trim_start().starts_with('[')) {
            for word in [" the ", " is ", " not ", "differs", " of "] {
                assert!(!line.contains(word), "{name}: {line}");
            }
        }
    }
}

#[test]
fn the_program_says_so_with_its_exit_code() {
    let evidence = genuine();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("order.asice");
    std::fs::write(&file, evidence.bundle().to_zip().expect("bytes")).expect("written");
    let (file, root) = (file.display().to_string(), format!("sha256:{}", evidence.root));
    let other = format!("sha256:{}", StatementId([1; 32]));
    let cases: [(&[&str], i32, &str); 7] = [
        (&["verify", &file, "--root", &root], 0, "Gesamturteil: GÜLTIG"),
        (&["verify", &file, "--root", &root, "--lang", "en"], 0, "Overall: VALID"),
        (&["verify", &file, "--root", &root, "-o", "json"], 0, "\"verdict\": \"VALID\""),
        (&["verify", &file, "--root", &other], 9, "ROOT_UNKNOWN"),
        (&["verify", &file], 10, "ROOT_NOT_GIVEN"),
        (&["verify", &file, "--root", "sha256:12"], 2, ""),
        (&["verify", "absent.asice", "--root", &root], 6, ""),
    ];
    for (arguments, code, expected) in cases {
        let output = Command::new(env!("CARGO_BIN_EXE_verbund-audit")).args(arguments).output().expect("run");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {out}{err}");
        assert!(out.contains(expected), "{arguments:?}: {out}");
        assert_eq!(err.contains("FILE_UNREADABLE"), code == 6, "{arguments:?}: {err}");
        if arguments.contains(&"json") {
            let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
            assert_eq!(report["checks"].as_array().map(Vec::len), Some(Check::ALL.len()));
            assert_eq!(report["case"]["total_cents"], 1_010_000);
        }
    }
}
