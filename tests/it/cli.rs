//! The command line as a person meets it: exit codes, and errors that say what, why, what now, code.
use std::fs;
use std::net::TcpListener;
use std::process::Command;

use verbund::domain::detail_words::detail;
use verbund::domain::reason::Lang;
use verbund::domain::rule_words::rule;
use verbund::domain::value_words::{NAMES, value};

use crate::cluster::{run, verbund};
use crate::ports::free_addresses;

/// Runs and checks exit code and stable code.
pub fn refused(command: &mut Command, exit: i32, code: &str) -> String {
    let output = run(command, exit);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(code), "{code} expected:\n{said}");
    assert!(said.contains("Abhilfe:"), "what now is missing:\n{said}");
    assert!(output.stdout.is_empty(), "data on standard output: {}", String::from_utf8_lossy(&output.stdout));
    said
}

#[test]
fn wrong_use_is_explained() {
    for (arguments, told) in [
        (&["bestellen"][..], "Den Befehl «bestellen» gibt es nicht."),
        (&["order", "lst"], "Gemeint vielleicht: list."),
        (&["order", "list", "-o", "yaml"], "Möglich ist: table, json, csv."),
        (&["order", "list", "--timeout", "0"], "Zulässig ist 1 bis 600."),
        (&["order", "list", "--timeout", "x"], "Erwartet wird eine ganze Zahl."),
        (&["order", "list", "--alles"], "Die Angabe --alles ist hier unbekannt."),
        (&["order", "list", "--timeout"], "--timeout <SEKUNDEN> braucht einen Wert."),
        (&["chain", "routes", "--to", "kid"], "Es fehlt: --for <ORG>."),
        (&["chain", "routes", "--for", "Kid", "--to", "kid"], "Kleinbuchstaben, Ziffern"),
        (&["chain", "routes", "--for", "kitu", "--to", "kid", "--offering", "a/b"], "schließen sich aus."),
        (&["--lang", "de", "--lang", "de", "order", "list"], "steht zweimal da."),
    ] {
        let said = refused(verbund().args(arguments), 2, "USAGE_INVALID");
        assert!(said.contains(told), "{arguments:?}: {told} expected:\n{said}");
    }
    let english = run(verbund().args(["--lang", "en", "bestellen"]), 2);
    assert!(String::from_utf8_lossy(&english.stderr).contains("unrecognized subcommand"));
    let audit = run(Command::new(env!("CARGO_BIN_EXE_verbund-audit")).args(["verify", "a", "--root", "12"]), 2);
    assert!(String::from_utf8_lossy(&audit.stderr).contains("Das ist kein SHA-256-Wert."));
    refused(verbund().args(["order", "list"]), 2, "USAGE_INVALID");
}

#[test]
fn help_is_german_for_every_command() {
    let nouns = [
        "",
        "demo",
        "offering",
        "fact",
        "chain",
        "price",
        "need",
        "order",
        "audit",
        "export",
        "import",
        "node",
        "peer",
        "key",
        "trust",
        "org",
        "officer",
        "statement",
        "access",
        "completions",
        "man",
    ];
    let mut pages: Vec<Vec<&str>> = nouns.iter().map(|noun| noun.split_whitespace().collect()).collect();
    pages.extend([vec!["chain", "routes"], vec!["order", "submit"], vec!["price", "preview"], vec!["node", "run"]]);
    pages.extend([vec!["order", "inbox"], vec!["statement", "check"], vec!["statement", "sign"]]);
    pages.extend([
        vec!["trust", "found"],
        vec!["trust", "propose", "admission"],
        vec!["org", "join"],
        vec!["node", "init"],
    ]);
    pages.extend([vec!["officer", "grant"], vec!["officer", "end"], vec!["node", "host"], vec!["trust", "sign"]]);
    for page in pages {
        for flag in ["-h", "--help"] {
            let output = run(verbund().args(&page).arg(flag), 0);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(text.contains("Aufruf: verbund") && text.contains("Diese Hilfe zeigen"), "{text}");
            for word in
                ["Usage", "Options", "OPTIONS", "Commands", "COMMAND", "Arguments", "Print", "default", "possible"]
            {
                assert!(!text.contains(word), "{page:?} {flag}: {word}\n{text}");
            }
        }
    }
    for page in [&["--help"][..], &["verify", "--help"], &["report", "-h"]] {
        let output = run(Command::new(env!("CARGO_BIN_EXE_verbund-audit")).args(page), 0);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("Aufruf: verbund-audit") && text.contains("Prüfpaket"), "{text}");
        assert!(!text.contains("Print") && !text.contains("federation"), "{text}");
    }
    let none = run(verbund().arg("order"), 2);
    assert!(none.stdout.is_empty() && String::from_utf8_lossy(&none.stderr).contains("Aufruf: verbund order"));
    assert!(!run(verbund().arg("--version"), 0).stdout.is_empty());
}

#[test]
fn shells_and_man_know_every_command() {
    for (shell, known) in [
        ("bash", "order__subcmd__submit"),
        ("zsh", "submit"),
        ("fish", "submit"),
        ("powershell", "submit"),
        ("elvish", "submit"),
    ] {
        let script = run(verbund().args(["completions", shell]), 0).stdout;
        let script = String::from_utf8(script).expect("UTF-8");
        assert!(script.contains("max-euro") && script.contains(known), "{shell}: {script:.2000}");
        assert!(!script.contains("Print help"), "{shell} speaks German");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man1");
    run(verbund().args(["man", "--out"]).arg(&pages), 0);
    let page = |name: &str| fs::read_to_string(pages.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let submit = page("verbund-order-submit.1");
    for told in ["BEZEICHNUNG", "ÜBERSICHT", "OPTIONEN", "max\\-euro"] {
        assert!(submit.contains(told), "{told}: {submit}");
    }
    let english = ["SYNOPSIS", "DESCRIPTION", "OPTIONS", "SUBCOMMANDS", "Print help"];
    let count = fs::read_dir(&pages).expect("pages").count();
    assert!(count > 100, "{count}");
    for file in fs::read_dir(&pages).expect("pages") {
        let text = fs::read_to_string(file.expect("a page").path()).expect("UTF-8");
        assert!(!english.iter().any(|word| text.contains(word)), "{text}");
    }
    let first = run(verbund().arg("man"), 0).stdout;
    assert_eq!(String::from_utf8(first).expect("UTF-8"), page("verbund.1"));
    let english = run(verbund().args(["--lang", "en", "man"]), 0).stdout;
    assert!(String::from_utf8(english).expect("UTF-8").contains("SYNOPSIS"));
}

/// Programs read the names of details and the rules as they stand, people read German: each in the sources has its words.
#[test]
fn every_detail_of_a_refusal_has_a_german_word() {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let (mut names, mut missing) = (0, std::collections::BTreeSet::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                for said in code.split(".with(\"rule\", \"").skip(1).filter_map(|rest| rest.split('"').next()) {
                    if rule(said, Lang::De) == said {
                        missing.insert(said.to_owned());
                    }
                }
                for said in code.split(".with(\"").skip(1).filter_map(|rest| rest.split_once("\", \"")) {
                    let (name, rest) = said;
                    let given = rest.split('"').next().unwrap_or_default();
                    // A name with a quotation mark is one behind which no text stands.
                    let is_told = name.contains('"') || name.starts_with("why") || NAMES.contains(&name);
                    // A file is called what it is called.
                    let is_told = is_told || given.contains('/');
                    if name != "rule" && !is_told && value(name, given, Lang::De) == given {
                        missing.insert(format!("{name}: {given}"));
                    }
                }
                for rest in text.split(".with(\"").skip(1) {
                    let name = rest.split('"').next().unwrap_or_default();
                    names += 1;
                    // Settings and attributes are called what they are called.
                    if name.contains(|c: char| c == '.' || c.is_ascii_uppercase()) {
                        continue;
                    }
                    if detail(name, Lang::De) == name {
                        missing.insert(name.to_owned());
                    }
                }
            }
        }
    }
    assert!(names > 500, "{names}: not looked in the right place");
    assert!(missing.is_empty(), "{missing:?}");
    let said = refused(
        verbund().args(["--tls", "nicht/da.pem", "--address", "127.0.0.1:1", "node", "status"]),
        6,
        "FILE_UNREADABLE",
    );
    assert!(said.contains("Datei: nicht/da.pem") && said.contains("Ursache:"), "{said}");
}

#[test]
fn errors_are_json_for_programs_and_english_on_request() {
    let output = run(verbund().args(["-o", "json", "audit", "verify", "missing.zip"]), 6);
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON on standard output");
    assert_eq!(said["error"]["reason"], "FILE_UNREADABLE");
    let output = run(verbund().args(["--lang", "en", "audit", "verify", "missing.zip"]), 6);
    assert!(String::from_utf8_lossy(&output.stderr).contains("The file cannot be read."));
}

#[test]
fn a_node_that_is_not_there_is_unreachable() {
    let folder = tempfile::tempdir().expect("folder");
    let address = free_addresses(1)[0].to_string();
    let key = folder.path().join("key.pem");
    run(verbund().args(["key", "generate", "--file"]).arg(&key), 0);
    refused(verbund().args(["key", "generate", "--file"]).arg(&key), 7, "FILE_EXISTS");
    let pem = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("certificate");
    let tls = folder.path().join("tls.pem");
    fs::write(&tls, pem.cert.pem()).expect("file");
    refused(verbund().args(["offering", "list", "--address", &address, "--tls"]).arg(&tls), 4, "NODE_UNREACHABLE");
    refused(verbund().args(["offering", "list", "--address", &address, "--tls"]).arg(&key), 8, "KEY_FILE_INVALID");
}

#[test]
fn a_demo_says_what_is_wrong_before_it_starts() {
    let folder = tempfile::tempdir().expect("folder");
    refused(verbund().args(["demo", "--once", "--nodes"]).arg(folder.path()), 3, "CONFIG_UNREADABLE");
    let taken = TcpListener::bind("127.0.0.1:0").expect("port");
    let port = taken.local_addr().expect("address").port().to_string();
    let said = refused(verbund().args(["demo", "--once", "--port-base", &port]), 3, "PORT_TAKEN");
    assert!(said.contains(&port), "{said}");
}
