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
    for (arguments, told) in [
        (&["bestellen"][..], "unrecognized subcommand"),
        (&["order", "list", "--timeout", "viele"], "invalid value 'viele'"),
        (&["price", "preview", "--for", "Barleben?"], "invalid value 'Barleben?'"),
    ] {
        let english = run(verbund().args(["--lang", "en"]).args(arguments), 2);
        let said = String::from_utf8_lossy(&english.stderr).into_owned();
        assert!(said.contains(told) && said.contains("USAGE_INVALID") && !said.contains("Abhilfe"), "{said}");
        let german = ["ä", "ö", "ü", "ß", " der ", " die ", " und "].into_iter().find(|word| said.contains(word));
        assert_eq!(german, None, "{said}");
    }
    let audit = run(Command::new(env!("CARGO_BIN_EXE_verbund-audit")).args(["verify", "a", "--root", "12"]), 2);
    assert!(String::from_utf8_lossy(&audit.stderr).contains("Das ist kein SHA-256-Wert."));
    for (arguments, exit, told) in [
        (&["--lang", "de", "verify", "a.asice"][..], 2, "Die Angabe --lang ist hier unbekannt."),
        (&["verify", "nicht/da.asice"], 6, "Datei: nicht/da.asice"),
        (&["verify", "a", "--output", "yaml", "--lang", "en"], 2, "invalid value 'yaml'"),
    ] {
        let output = run(Command::new(env!("CARGO_BIN_EXE_verbund-audit")).args(arguments), exit);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(told) && !said.contains("why") && !said.contains("error:"), "{said}");
        assert!(said.lines().all(|line| !line.trim_end().ends_with("Grund:")), "{said}");
    }
    refused(verbund().args(["order", "list"]), 2, "USAGE_INVALID");
}

/// Every page of help in a language, with the words that lead to it.
fn help_pages(program: &str, lang: &str, path: &[String]) -> Vec<(Vec<String>, String)> {
    let output = run(Command::new(program).args(path).args(["--help", "--lang", lang]), 0);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let commands = text.lines().skip_while(|line| !matches!(*line, "Befehle:" | "Commands:")).skip(1);
    let commands = commands.take_while(|line| line.starts_with(' ')).filter(|line| !line.starts_with("   "));
    let names = commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let below = names.flat_map(|name| help_pages(program, lang, &[path, &[name.to_owned()]].concat()));
    let mut pages: Vec<(Vec<String>, String)> = below.collect();
    pages.push((path.to_vec(), text));
    pages
}

/// What is on pages of one language and must not be on those of the other.
const FOREIGN: [(&str, &str, &str, &[&str]); 2] = [
    (
        "de",
        "Aufruf: verbund",
        "Beispiel",
        &[
            "Usage",
            "Options",
            "OPTIONS",
            "Commands",
            "COMMAND",
            "Arguments",
            "Print",
            "default",
            "possible",
            "Example",
            "<FILE",
            "<ORDER",
            "<KIND",
            "<BUNDLE",
            "<REASON",
            "<NOTE",
            "<OFFERING",
            "<FOLDER",
            "<LANG",
            "_DAYS>",
            " the ",
        ],
    ),
    (
        "en",
        "Usage: verbund",
        "Example",
        &[
            "ä", "ö", "ü", "ß", "Ä", "Ö", "Ü", "„", " der ", " die ", " das ", " und ", " nicht ", " oder ", " mit ",
            " ein ", " eine ", " wenn ", " von ", "Aufruf", "Beispiel", "<DATEI", "<ORDNER", "<KENNUNG", "<ZAHL",
            "JJJJ",
        ],
    ),
];

#[test]
fn every_page_of_help_speaks_one_language_shows_an_example_and_fits() {
    for (lang, usage, example, foreign) in FOREIGN {
        for program in [env!("CARGO_BIN_EXE_verbund"), env!("CARGO_BIN_EXE_verbund-audit")] {
            let pages = help_pages(program, lang, &[]);
            assert!(pages.len() > if program.ends_with("audit") { 6 } else { 100 }, "{}", pages.len());
            for (path, text) in pages {
                let is_leaf = !text.lines().any(|line| matches!(line, "Befehle:" | "Commands:"));
                assert!(text.contains(usage), "{path:?}\n{text}");
                assert!(!is_leaf || text.contains(example), "{path:?}: no example\n{text}");
                let said = text.split(example).next().expect("a beginning");
                for word in foreign {
                    assert!(!said.contains(word), "{path:?}: {word}\n{text}");
                }
                let long = text.lines().find(|line| line.chars().count() > 100);
                assert!(long.is_none(), "{path:?}: {long:?}");
            }
        }
    }
    let short = run(verbund().args(["order", "submit", "-h"]), 0);
    assert!(String::from_utf8_lossy(&short.stdout).contains("Diese Hilfe zeigen"));
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
