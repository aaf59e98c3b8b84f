//! Real processes: the demonstration from `nodes/`, once, and what it leaves behind.
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The program under test.
pub fn verbund() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verbund"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("VERBUND_PROFILE")
        .env_remove("CREDENTIALS_DIRECTORY")
        .env("RUST_LOG", "warn");
    command
}

/// Runs and shows everything if the exit code is another.
pub fn run(command: &mut Command, expected: i32) -> Output {
    let output = command.output().expect("the program starts");
    assert_eq!(
        output.status.code(),
        Some(expected),
        "{command:?}\nstdout: {}\nstderr: {}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("file")).expect("JSON")
}

#[test]
fn the_whole_story_runs_in_six_processes() {
    let folder = tempfile::tempdir().expect("folder");
    let kept: PathBuf = folder.path().join("demo");
    // Somewhere where there is nothing: the program carries what the demonstration needs.
    run(verbund().current_dir(folder.path()).args(["demo", "--once", "--keep"]).arg(&kept), 0);
    for key in ["trustees", "roots", "officers"] {
        let held = std::fs::read_dir(kept.join(key)).expect("kept").count();
        assert!(held >= 3, "{key}: {held}, so that an organisation can still join");
    }
    let report = json(&kept.join("demo.json"));
    let steps: Vec<&str> =
        report["steps"].as_array().expect("steps").iter().filter_map(|s| s["name"].as_str()).collect();
    assert_eq!(
        steps,
        [
            "start",
            "publish",
            "replicate",
            "find",
            "routes",
            "order",
            "order-reverse",
            "order-uncontested",
            "order-refused",
            "outage",
            "catch-up",
            "audit",
            "audit-forged"
        ]
    );
    assert!(report["steps"].as_array().expect("steps").iter().all(|step| step["ok"] == true));
    assert_eq!(report["order"]["legs"], 5);
    let nodes = report["nodes"].as_array().expect("nodes");
    assert_eq!(nodes.len(), 6);
    for node in nodes {
        assert_eq!(node["catalogue_digest"], nodes[0]["catalogue_digest"]);
        assert!(node["offerings"].as_u64().expect("count") >= 30);
        let pid = node["pid"].as_u64().expect("pid");
        assert!(!Path::new(&format!("/proc/{pid}/status")).exists(), "process {pid} is still there");
    }
    let root = std::fs::read_to_string(kept.join("root.txt")).expect("root");
    let bundle = report["bundle"]["path"].as_str().expect("path");
    let verified = run(verbund().args(["audit", "verify", bundle, "--root", root.trim()]), 0);
    assert!(String::from_utf8_lossy(&verified.stdout).contains("gültig"));
    // Without the root hash nothing is decided; with another one everything falls.
    run(verbund().args(["audit", "verify", bundle]), 10);
    run(verbund().args(["audit", "verify", bundle, "--root", &format!("sha256:{}", "0".repeat(64))]), 9);
    for name in ["kitu", "kid", "provitako", "govdigital", "dataport", "akdb"] {
        assert!(kept.join("nodes").join(name).join("tls.pem").exists());
    }
    assert!(kept.join("officers/barleben-einkauf.pem").exists());
    assert!(kept.join("client.toml").exists());
    a_node_finds_everything_without_its_index(&kept, nodes[0]["offerings"].as_u64().expect("count"));
}

/// The log is the truth, sled is its index: a node whose index is gone, or is garbage, knows all it knew.
fn a_node_finds_everything_without_its_index(kept: &Path, offerings: u64) {
    let folder = kept.join("nodes/kitu");
    let views = folder.join("data/views");
    for damage in [Damage::Delete, Damage::Overwrite] {
        match damage {
            Damage::Delete => std::fs::remove_dir_all(&views).expect("the index exists"),
            Damage::Overwrite => overwrite(&views),
        }
        let node = RunningNode::start(&folder.join("run.toml"));
        let status =
            run(verbund().args(["-o", "json", "node", "status", "--profile"]).arg(kept.join("client.toml")), 0);
        let status: Value = serde_json::from_slice(&status.stdout).expect("JSON");
        assert_eq!(status["offerings"].as_u64(), Some(offerings));
        assert_eq!(status["orders"].as_u64(), Some(4));
        let order =
            run(verbund().args(["-o", "json", "order", "list", "--profile"]).arg(kept.join("client.toml")), 0);
        assert!(String::from_utf8_lossy(&order.stdout).contains("abgeschlossen"));
        a_lonely_node_says_who_is_missing(kept);
        a_price_is_explained_before_anyone_orders(&kept.join("client.toml"));
        chains_are_answered(kept);
        second_nodes_are_refused(&folder);
        drop(node);
    }
}

/// Nodes that are known and not there are listed, for people, programs and spreadsheets alike.
fn a_lonely_node_says_who_is_missing(kept: &Path) {
    let asked = |form: &str, noun: &[&str]| {
        let mut command = verbund();
        command.args(["-o", form]).args(noun).arg("--profile").arg(kept.join("client.toml"));
        run(&mut command, 0).stdout
    };
    let peers: Value = serde_json::from_slice(&asked("json", &["peer", "list"])).expect("JSON");
    let peers = peers.as_array().expect("rows");
    assert_eq!(peers.len(), 5, "{peers:?}");
    assert!(peers.iter().all(|peer| peer["up"] == false && peer["lag"].is_null() && peer["strikes"] == 0));
    let table = String::from_utf8(asked("table", &["peer", "list"])).expect("UTF-8");
    assert!(table.contains("KONTAKT") && table.contains("dataport"), "{table}");
    let csv = String::from_utf8(asked("csv", &["peer", "list"])).expect("UTF-8");
    assert!(
        csv.starts_with("node,up,since,last_contact,lag,ahead,shunned_until,strikes,clock_offset_ms\r\nakdb,false,"),
        "{csv}"
    );
    let csv = String::from_utf8(asked("csv", &["node", "status"])).expect("UTF-8");
    assert!(csv.starts_with("origin,size,witnessed_size,cosigned,witnesses_needed,"), "{csv}");
    assert_eq!(csv.lines().count(), 7, "{csv}");
    let offering = String::from_utf8(asked("table", &["offering", "get", "kitu/hundeanmeldung"])).expect("UTF-8");
    assert!(offering.contains("(nötig 5)") && !offering.contains("NOCH NICHT"), "{offering}");
    let status = String::from_utf8(asked("table", &["node", "status"])).expect("UTF-8");
    assert!(status.contains("unterschreibt nichts: CATCHING_UP") && status.contains("Zeugen"), "{status}");
}

/// Barleben, two years, 300 uses a year: set-up 400.00; a quarter of the connection 225.00; of 5,400.00 a year the share
/// of 9,137 among 320,219 inhabitants, 154.08 twice; development 120.00 and 123.00; uses 300 × 0.35 = 105.00 twice.
fn a_price_is_explained_before_anyone_orders(profile: &Path) {
    let preview = |arguments: &[&str], exit| {
        let route = ["price", "preview", "--for", "barleben", "--offering", "kitu/hundeanmeldung"];
        let output = run(verbund().args(route).args(arguments).arg("--profile").arg(profile), exit);
        String::from_utf8_lossy(if exit == 0 { &output.stdout } else { &output.stderr }).into_owned()
    };
    let asked = ["--route", "1", "--term-years", "2", "--uses", "300"];
    let found: Value = serde_json::from_str(&preview(&[&asked[..], &["-o", "json"]].concat(), 0)).expect("JSON");
    let expected = 40_000 + 22_500 + 2 * 15_408 + 12_000 + 12_300 + 2 * 10_500;
    assert_eq!((&found["total_cents"], &found["gross_cents"]), (&Value::from(expected), &Value::from(expected)));
    assert_eq!((&found["complete"], &found["legs"][0]["cents"]), (&Value::Bool(true), &Value::from(expected)));
    for (lang, words) in [
        (
            "de",
            ["Einwohnerzahl, Stand 2024, 5 Beteiligte", "Quelle: Gemeindeverzeichnis GV100AD", "Nicht enthalten:"],
        ),
        ("en", ["inhabitants, as of 2024, 5 taking part", "source: Gemeindeverzeichnis GV100AD", "Not included:"]),
    ] {
        let said = preview(&[&asked[..], &["--lang", lang]].concat(), 0);
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
    assert!(preview(&["--term-years", "21"], 8).contains("FIELD_INVALID"));
    assert!(preview(&["--via", "barleben,kid,kitu", "--term-years", "2"], 0).contains("kid"));
    assert!(preview(&["--via", "magdeburg,kitu"], 8).contains("ROUTE_INVALID"));
}

/// Routes to any organisation, a leg with its evidence, and what hangs on a membership.
fn chains_are_answered(kept: &Path) {
    let ask = |arguments: &[&str]| -> Value {
        let mut command = verbund();
        command.args(["-o", "json", "--profile"]).arg(kept.join("client.toml")).arg("chain").args(arguments);
        serde_json::from_slice(&run(&mut command, 0).stdout).expect("JSON")
    };
    let found =
        ask(&["routes", "--for", "barleben", "--to", "akdb", "--as-of", "2016-06-01", "--known-on", "2026-01-01"]);
    assert_eq!(found["offering_id"], "");
    assert!(found["routes"].as_array().is_some_and(|routes| routes.iter().all(|one| one["verdict"] != "fulfilled")));
    let kinds: Vec<_> = found["alternatives"].as_array().into_iter().flatten().map(|other| &other["kind"]).collect();
    assert_eq!(kinds.last().and_then(|kind| kind.as_str()), Some("tender"), "{kinds:?}");
    let told = ask(&["explain", "--from", "kitu", "--to", "dataport"]);
    assert!(
        told["cases"].as_array().is_some_and(|cases| cases.iter().any(|leg| leg["case"] == "sister-joint")),
        "{told}"
    );
    assert!(told["facts"].as_array().is_some_and(|facts| !facts.is_empty()));
    let touched = ask(&["affected", "--member", "kid", "--of", "provitako"]);
    let orders = touched.as_array().expect("a list");
    assert!(!orders.is_empty() && orders.iter().all(|order| order["buyer"] == "barleben"), "{touched}");
    assert!(orders.iter().all(|order| order["legs"][0]["from"] == "kid" && order["sealed"] == true), "{touched}");
}

/// While a node runs, another on its address or on its store is told why it cannot.
fn second_nodes_are_refused(folder: &Path) {
    let refused = |config: &Path, code: &str| {
        let output = run(verbund().args(["node", "run", "--config"]).arg(config), 3);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(code) && said.contains("Abhilfe:"), "{code} expected:\n{said}");
    };
    refused(&folder.join("run.toml"), "PORT_TAKEN");
    let text = std::fs::read_to_string(folder.join("run.toml")).expect("settings");
    let elsewhere: Vec<String> = text
        .lines()
        .map(|line| if line.starts_with("listen") { "listen = \"127.0.0.1:0\"".to_owned() } else { line.to_owned() })
        .collect();
    std::fs::write(folder.join("second.toml"), elsewhere.join("\n")).expect("file");
    refused(&folder.join("second.toml"), "STORE_LOCKED");
    let unknown = text.replacen("listen", "lisen = 1\nlisten", 1);
    std::fs::write(folder.join("unknown.toml"), unknown).expect("file");
    refused(&folder.join("unknown.toml"), "CONFIG_UNKNOWN_KEY");
}

enum Damage {
    Delete,
    Overwrite,
}

fn overwrite(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            overwrite(&path);
        } else {
            std::fs::write(&path, [0x5a; 4096]).expect("file");
        }
    }
}

/// A node process that ends when this value is dropped.
struct RunningNode {
    child: std::process::Child,
}

impl RunningNode {
    fn start(config: &Path) -> Self {
        let mut command = verbund();
        command.args(["node", "run", "--until-stdin-closes", "--config"]).arg(config);
        let mut child = command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        std::io::BufReader::new(stdout).read_line(&mut line).expect("the node says that it is ready");
        assert!(line.contains("\"ready\":true"), "{line}");
        Self { child }
    }
}

impl Drop for RunningNode {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
