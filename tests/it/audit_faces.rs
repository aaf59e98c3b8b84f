//! The auditor's other verbs: showing, comparing, a time stamp, a whole folder.
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use verbund::audit::bundle::{MANIFEST, TIMESTAMP};
use verbund::audit::compare::{Comparison, compare};
use verbund::audit::report::Ruling;
use verbund::audit::verify::verify;
use verbund::domain::id::StatementId;
use verbund::domain::reason::{Lang, Reason};
use verbund::protocol::record::{LogEntry, Record};
use verbund::store::disk::DiskStore;

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

const TSA_CONFIG: &str = "[tsa]
default_tsa = one
[one]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256, sha512
ess_cert_id_alg = sha256
[req]
distinguished_name = dn
prompt = no
[dn]
CN = Zeitstempel der Tests
[ca]
basicConstraints = critical, CA:true
[leaf]
basicConstraints = CA:false
extendedKeyUsage = critical, timeStamping
";

/// A time stamp authority of stock OpenSSL in a folder of its own.
struct Authority(tempfile::TempDir);

impl Authority {
    /// None without OpenSSL 3.
    fn found(key: &str) -> Option<Self> {
        let version = Command::new("openssl").arg("version").output().map(|output| output.stdout).unwrap_or_default();
        if !version.starts_with(b"OpenSSL 3.") {
            eprintln!("SKIPPED: OpenSSL 3 is absent");
            return None;
        }
        let authority = Self(tempfile::tempdir().expect("a folder"));
        authority.write("tsa.cnf", TSA_CONFIG.as_bytes());
        authority.write("serial", b"01\n");
        authority.run(&format!(
            "req -x509 -newkey {key} -nodes -keyout ca.key -out ca.pem -days 3650 -config tsa.cnf -extensions ca"
        ));
        authority
            .run(&format!("req -newkey {key} -nodes -keyout tsa.key -out tsa.csr -subj /CN=Stempel -config tsa.cnf"));
        authority.run(
            "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tsa.pem -days 3650 -extfile tsa.cnf \
             -extensions leaf",
        );
        Some(authority)
    }

    fn run(&self, line: &str) {
        let mut command = Command::new("openssl");
        let output = command.args(line.split_whitespace()).current_dir(self.0.path()).output().expect("openssl");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        written(self.0.path(), name, bytes)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// A token over these bytes, in a file of that name.
    fn stamp(&self, name: &str, bytes: &[u8], digest: &str, extra: &str) -> String {
        self.write("data", bytes);
        self.run(&format!("ts -query -data data -{digest} {extra} -out q.tsq"));
        self.run("ts -reply -config tsa.cnf -queryfile q.tsq -signer tsa.pem -inkey tsa.key -out r.tsr");
        self.run(&format!("ts -reply -config tsa.cnf -in r.tsr -token_out -out {name}"));
        self.path(name)
    }
}

fn verified(file: &str, root: &str, more: &[&str]) -> (Option<i32>, Value) {
    let output = audit(&[&["verify", file, "--root", root, "-o", "json"], more].concat());
    (output.status.code(), serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn names_gap(report: &Value, code: &str) -> bool {
    report["not_checked"].as_array().expect("gaps").iter().any(|gap| gap["code"] == code)
}

#[test]
fn a_time_stamp_of_stock_openssl_is_attached_and_checked() {
    let evidence = evidence(&Script::default());
    let (bundle, root) = (evidence.bundle(), format!("sha256:{}", evidence.root));
    let Some(stranger) = Authority::found("rsa:2048") else { return };
    for key in ["rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-256", "ec -pkeyopt ec_paramgen_curve:P-384"] {
        let authority = Authority::found(key).expect("it was there");
        let plain = authority.write("plain.asice", &bundle.to_zip().expect("bytes"));
        let token = authority.stamp("t.tst", &bundle.members[MANIFEST], "sha256", "-cert");
        let stamped = authority.path("stamped.asice");
        let output = audit(&["timestamp", &plain, "--token", &token, "-o", &stamped]);
        assert_eq!(output.status.code(), Some(0), "{key}: {}", String::from_utf8_lossy(&output.stderr));

        let (code, report) = verified(&stamped, &root, &[]);
        assert_eq!((code, &report["case"]["timestamp"]["trusted"]), (Some(0), &false.into()), "{key}: {report:#}");
        assert!(names_gap(&report, "QUALIFIED_TIMESTAMP_UNCHECKED"));
        for anchor in ["ca.pem", "tsa.pem"] {
            let (code, report) = verified(&stamped, &root, &["--tsa-ca", &authority.path(anchor)]);
            assert_eq!((code, &report["case"]["timestamp"]["trusted"]), (Some(0), &true.into()), "{key}: {report:#}");
            assert!(!names_gap(&report, "QUALIFIED_TIMESTAMP_UNCHECKED"), "{key}");
            assert!(!names_gap(&report, "NO_QUALIFIED_TIMESTAMP"), "{key}");
            assert_eq!(report["case"]["timestamp"]["by"], "CN=Stempel");
        }
        // Somebody else's certificate vouches for nothing and takes nothing away.
        let (code, report) = verified(&stamped, &root, &["--tsa-ca", &stranger.path("ca.pem")]);
        assert_eq!((code, &report["case"]["timestamp"]["trusted"]), (Some(0), &false.into()));
        assert!(report.to_string().contains("TIMESTAMP_INVALID"), "{report:#}");
        let (code, report) = verified(&plain, &root, &[]);
        assert!(code == Some(0) && names_gap(&report, "NO_QUALIFIED_TIMESTAMP"));
    }
}

#[test]
fn a_time_stamp_over_something_else_is_refused_and_an_altered_member() {
    let Some(authority) = Authority::found("rsa:2048") else { return };
    let evidence = evidence(&Script::default());
    let mut bundle = evidence.bundle();
    let manifest = bundle.members[MANIFEST].clone();
    let (plain, out) =
        (authority.write("plain.asice", &bundle.to_zip().expect("bytes")), authority.path("out.asice"));
    let mut broken = std::fs::read(authority.stamp("good.tst", &manifest, "sha256", "-cert")).expect("a token");
    let response = authority.write("response.tsr", &std::fs::read(authority.path("r.tsr")).expect("a response"));
    *broken.last_mut().expect("bytes") ^= 1;
    let broken = authority.write("broken.tst", &broken);
    let other = authority.stamp("other.tst", b"andere Bytes", "sha256", "-cert");
    for (name, token) in [
        ("a response is no token", response),
        ("signature altered", broken.clone()),
        ("no token", authority.write("text", b"kein Zeitstempel")),
        ("no certificate", authority.stamp("bare.tst", &manifest, "sha256", "")),
        ("another digest", authority.stamp("sha512.tst", &manifest, "sha512", "-cert")),
        ("other bytes", other.clone()),
    ] {
        let output = audit(&["timestamp", &plain, "--token", &token, "-o", &out]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), told.contains("TIMESTAMP_INVALID")), (Some(9), true), "{name}: {told}");
        assert!(!Path::new(&out).exists(), "{name}");
    }
    for (name, file, ruling) in [("other bytes", other, Ruling::Invalid), ("bad signature", broken, Ruling::Valid)] {
        bundle.members.insert(TIMESTAMP.to_owned(), std::fs::read(&file).expect("a file"));
        let report = verify(&bundle, Some(evidence.root));
        assert_eq!(report.ruling(), ruling, "{name}: {}", report.text(Lang::De));
        assert_eq!(report.findings().count(), 1, "{name}: {}", report.text(Lang::De));
    }
}

/// A node's folder that holds these records, and what the program says about it.
fn judged(records: &[Record], root: &str) -> (Option<i32>, Value, String) {
    let folder = tempfile::tempdir().expect("a folder");
    DiskStore::open(folder.path()).expect("a store").commit_now(records).expect("stored");
    let before = snapshot(folder.path());
    let output = audit(&["log", &folder.path().display().to_string(), "--root", root, "-o", "json"]);
    assert_eq!(snapshot(folder.path()), before, "the audit writes nothing");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{told}"));
    (output.status.code(), report, told)
}

fn snapshot(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = std::fs::read_dir(folder.join("records")).expect("records").map(|file| file.expect("a file").path());
    let mut files: Vec<(PathBuf, Vec<u8>)> =
        files.map(|path| (path.clone(), std::fs::read(path).expect("bytes"))).collect();
    files.sort();
    files
}

#[test]
fn a_whole_replica_is_computed_again() {
    let evidence = evidence(&Script::default());
    let root = format!("sha256:{}", evidence.root);
    let (code, report, told) = judged(&evidence.records, &root);
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(told, "", "no progress bar but on a terminal");
    let logs = report["case"]["replica"].as_array().expect("logs");
    assert_eq!(logs.len(), 6);
    assert!(logs.iter().all(|log| log["checkpoint"] == log["size"] && log["witnesses"] == 6), "{report:#}");
    assert!(report["headline"].as_str().is_some_and(|said| said.contains("6 Protokolle")), "{report:#}");
    let (code, report, _) = judged(&evidence.records, &format!("sha256:{}", StatementId([1; 32])));
    assert_eq!((code, &report["verdict"]), (Some(9), &"INVALID".into()));
}

/// Every kind of wrong is told by its own reason.
#[test]
fn what_is_wrong_in_a_replica_is_found() {
    let evidence = evidence(&Script::default());
    let root = format!("sha256:{}", evidence.root);
    let at = evidence.records.iter().position(|record| matches!(record, Record::Entries { .. })).expect("entries");
    let other = crate::evidence::evidence(&Script { others: 41, ..Script::default() });
    let changed = |change: &dyn Fn(&mut Vec<Record>)| {
        let mut records = evidence.records.clone();
        change(&mut records);
        records
    };
    let in_entries = |change: &dyn Fn(&mut Vec<LogEntry>)| {
        changed(&|records: &mut Vec<Record>| {
            if let Record::Entries { entries, .. } = &mut records[at] {
                change(entries);
            }
        })
    };
    let last = evidence.records.len() - 1;
    for (name, records, code, reason) in [
        ("a run is missing", changed(&|records| drop(records.remove(at))), 10, "EVIDENCE_MISSING"),
        (
            "the content of a public entry is missing",
            in_entries(&|entries| entries[3].statement = None),
            10,
            "EVIDENCE_MISSING",
        ),
        ("an entry was exchanged", in_entries(&|entries| entries.swap(3, 4)), 9, "LOG_FORK"),
        (
            "content that is not the leaf's",
            in_entries(&|entries| entries[4].statement = entries[3].statement.clone()),
            9,
            "LEAF_INVALID",
        ),
        (
            "a checkpoint of another history",
            changed(&|records| records[last] = other.records[last].clone()),
            10,
            "EVIDENCE_MISSING",
        ),
        (
            "nobody has cosigned",
            changed(&|records| records.retain(|record| !matches!(record, Record::Cosigned { .. }))),
            0,
            "",
        ),
    ] {
        let (found, report, _) = judged(&records, &root);
        assert_eq!(found, Some(code), "{name}: {report:#}");
        assert!(report.to_string().contains(reason), "{name}: {report:#}");
    }
}

#[test]
fn a_damaged_folder_and_none_at_all_are_told() {
    let evidence = evidence(&Script::default());
    let root = format!("sha256:{}", evidence.root);
    let folder = tempfile::tempdir().expect("a folder");
    let store = DiskStore::open(folder.path()).expect("a store");
    evidence.records.iter().for_each(|record| store.commit_now(std::slice::from_ref(record)).expect("stored"));
    drop(store);
    let segment = folder.path().join("records/00000001.seg");
    let mut bytes = std::fs::read(&segment).expect("bytes");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).expect("written");
    for given in [folder.path().to_owned(), folder.path().join("records")] {
        let output = audit(&["log", &given.display().to_string(), "--root", &root]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("STORE_DAMAGED"), "{text}");
        assert_ne!(output.status.code(), Some(0));
    }
    let empty = tempfile::tempdir().expect("a folder");
    let output = audit(&["log", &empty.path().display().to_string(), "--root", &root]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), told.contains("FILE_UNREADABLE")), (Some(6), true), "{told}");
}
