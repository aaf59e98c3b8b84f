//! The command line as a person meets it: exit codes, and errors that say what, why, what now, code.
use std::fs;
use std::net::TcpListener;
use std::process::Command;

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
