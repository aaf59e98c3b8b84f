//! The command line as a person meets it: exit codes, and errors that say what, why, what now, code.
use std::fs;
use std::net::TcpListener;
use std::process::Command;

use crate::cluster::{run, verbund};

/// Runs and checks exit code and stable code.
fn refused(command: &mut Command, exit: i32, code: &str) -> String {
    let output = run(command, exit);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(code), "{code} expected:\n{said}");
    assert!(said.contains("Abhilfe:"), "what now is missing:\n{said}");
    assert!(output.stdout.is_empty(), "data on standard output: {}", String::from_utf8_lossy(&output.stdout));
    said
}

#[test]
fn wrong_use_is_explained() {
    run(verbund().arg("bestellen"), 2);
    run(verbund().args(["order", "list", "-o", "yaml"]), 2);
    refused(verbund().args(["order", "list"]), 2, "USAGE_INVALID");
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
    let port = TcpListener::bind("127.0.0.1:0").expect("port").local_addr().expect("address").port();
    let key = folder.path().join("key.pem");
    run(verbund().args(["key", "generate", "--file"]).arg(&key), 0);
    refused(verbund().args(["key", "generate", "--file"]).arg(&key), 7, "FILE_UNWRITABLE");
    let pem = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("certificate");
    let tls = folder.path().join("tls.pem");
    fs::write(&tls, pem.cert.pem()).expect("file");
    let address = format!("127.0.0.1:{port}");
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
