//! Founding without the demonstration: the commands of `docs/founding.md` as they stand there, in real processes, and
//! what the carried files refuse.
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use verbund::node::ports::Clock as _;
use verbund::node::system::SystemClock;

use crate::ports::free_addresses;

const PAGE: &str = include_str!("../../docs/founding.md");

/// Years of which the page states activity shares; the test moves them to the years before today, as the page says.
const YEARS: &str = "[2023, 2024, 2025]";

/// Where the page begins to tell of the third operator.
const THIRD: &str = "## A third operator";

const LIST: &str =
    "verbund order list --org barleben --officer einkauf --key einkauf.pem --profile betrieb/kitu/client.toml";

/// The rule packs that the page tells to copy.
const PACKS: [&str; 2] = ["gwb-108-2016.toml", "gwb-108-2026.toml"];

/// A place to found in: a folder, the program on the path, free ports in place of those on the page.
struct Desk {
    folder: tempfile::TempDir,
    ports: BTreeMap<String, String>,
    settings: BTreeMap<String, String>,
    running: Vec<Child>,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("folder");
        let ports =
            (7401..).zip(free_addresses(3)).map(|(port, free)| (format!("127.0.0.1:{port}"), free.to_string()));
        Self { folder, ports: ports.collect(), settings: BTreeMap::new(), running: Vec::new() }
    }

    /// A desk with the files that people write on the page.
    fn with_files() -> Self {
        let desk = Self::new();
        let last = SystemClock.now().date().year() - 1;
        let years = format!("[{}, {}, {last}]", last - 2, last - 1);
        for pack in PACKS {
            let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes").join(pack);
            fs::copy(shipped, desk.path(pack)).expect("file");
        }
        for (path, text) in files(PAGE) {
            let path = desk.path(&path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
            fs::write(path, text.replace(YEARS, &years)).expect("file");
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shell(&self, line: &str) -> Command {
        let line = self.ports.iter().fold(line.to_owned(), |line, (page, free)| line.replace(page, free));
        let program = Path::new(env!("CARGO_BIN_EXE_verbund")).parent().expect("a folder");
        let paths = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command.arg("-c").arg(line).current_dir(self.folder.path());
        command.env("PATH", format!("{}:{paths}", program.display())).envs(&self.settings);
        command
    }

    /// Runs one line as a shell does; a node in the background is waited for until it is ready.
    fn run(&mut self, line: &str) -> String {
        if let Some(setting) = line.strip_prefix("export ") {
            let (name, value) = setting.split_once('=').expect("a setting");
            self.settings.insert(name.to_owned(), value.to_owned());
            return String::new();
        }
        if let Some(background) = line.strip_suffix('&') {
            self.start(background);
            return String::new();
        }
        self.exit(line, 0)
    }

    fn exit(&self, line: &str, code: i32) -> String {
        let Output { status, stdout, stderr } = self.shell(line).output().expect("a shell");
        let (said, told) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert_eq!(status.code(), Some(code), "{line}\n{said}{told}");
        format!("{said}{told}")
    }

    /// Runs a line that is refused: with that exit code and that word, and what to do now.
    fn refused(&self, line: &str, exit: i32, code: &str) {
        let said = self.exit(line, exit);
        assert!(said.contains(code) && said.contains("Abhilfe:"), "{line}: {code} expected\n{said}");
    }

    fn start(&mut self, line: &str) {
        let mut command = self.shell(&format!("exec {line}"));
        command.env("RUST_LOG", "warn").stdout(Stdio::piped());
        let mut child = command.spawn().expect("a shell");
        let mut said = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut said).expect("UTF-8");
        self.running.push(child);
        assert!(said.contains("\"ready\":true"), "{line}: {said}");
    }

    /// Stops a node and starts it again; nodes are numbered in the order in which they started.
    fn restart(&mut self, number: usize, line: &str) {
        let mut child = self.running.remove(number);
        child.kill().expect("killed");
        child.wait().expect("ended");
        self.start(line);
    }

    /// Runs a line again until it succeeds: a node that has just started asks others first.
    fn patiently(&self, line: &str) -> String {
        let tries = (0..100).map(|_| self.shell(line).output().expect("a shell"));
        let done = tries.into_iter().find(|output| output.status.success());
        String::from_utf8_lossy(&done.unwrap_or_else(|| panic!("{line}")).stdout).into_owned()
    }

    /// The two nodes of the page, without the order.
    fn founded() -> Self {
        let mut desk = Self::with_files();
        let until_grant = commands(PAGE).into_iter().take_while(|line| !line.starts_with("verbund officer"));
        until_grant.for_each(|line| drop(desk.run(&line)));
        desk
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for child in &mut self.running {
            // It may have ended by itself; then there is nothing to end.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The fenced blocks of one kind.
fn blocks<'a>(page: &'a str, kind: &str) -> Vec<&'a str> {
    let fence = format!("```{kind}\n");
    let begun = page.split(fence.as_str()).skip(1);
    begun.map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

/// Files on the page: TOML whose first line names the file.
fn files(page: &str) -> Vec<(String, &str)> {
    let named = blocks(page, "toml").into_iter();
    named.map(|text| (text.lines().next().expect("a line").trim_start_matches("# ").to_owned(), text)).collect()
}

/// Commands on the page, with their continuation lines.
fn commands(page: &str) -> Vec<String> {
    let all = blocks(page, "console").concat().replace("\\\n", "");
    all.lines().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned).collect()
}

#[test]
#[expect(clippy::print_stdout, reason = "the number of commands is a figure of the trust bench")]
fn the_page_founds_a_federation_that_a_third_operator_joins() {
    let (first, third) = PAGE.split_once(THIRD).expect("the third operator's part");
    let founding = commands(first);
    let count = founding.iter().filter(|line| line.starts_with("verbund ")).count();
    println!("found_commands: {count}");
    crate::figures::count("found_commands", count);
    assert!(count < 15, "{count} commands");
    let mut desk = Desk::with_files();
    for line in &founding {
        let mut said = desk.run(line);
        for _ in 0..100 {
            if !line.starts_with("verbund order list") || said.contains("abgeschlossen") {
                break;
            }
            // The chain is asked one after the other; each look takes as long as the program starts.
            said = desk.run(line);
        }
        assert!(!line.starts_with("verbund order list") || said.contains("abgeschlossen"), "{said}");
    }
    let mut said = String::new();
    commands(third).iter().for_each(|line| said = desk.run(line));
    for org in ["barleben", "kid", "kitu", "provitako"] {
        assert!(said.contains(org), "{org}: {said}");
    }
    let peers = desk.run("verbund peer list -o json --profile betrieb/provitako/client.toml");
    let peers: Value = serde_json::from_str(&peers).expect("JSON");
    assert_eq!(peers.as_array().map(Vec::len), Some(2), "{peers}");
}

/// Trustees and one admission in the making, without any node.
fn offline() -> Desk {
    let mut desk = Desk::with_files();
    commands(PAGE).iter().take(4).for_each(|line| drop(desk.run(line)));
    desk
}

#[test]
fn carried_files_refuse_what_was_tampered_with() {
    let desk = offline();
    let file = "akte/aufnahme-kid-1.vorschlag.json";
    let sign = format!("verbund trust sign {file} --key treuhand/treuhand-1.pem");
    let text = fs::read_to_string(desk.path(file)).expect("a file");
    desk.refused(&format!("verbund trust sign {file} --key wurzeln/kid-wurzel-1.pem"), 5, "SIGNER_WRONG");
    desk.refused(&format!("{sign} --root sha256:{}", "0".repeat(64)), 5, "ROOT_UNKNOWN");
    desk.refused(&format!("verbund trust sign {file}"), 2, "USAGE_INVALID");
    desk.exit(&format!("{sign} --dry-run"), 0);
    assert_eq!(fs::read_to_string(desk.path(file)).expect("a file"), text, "a dry run changes nothing");
    desk.exit(&sign, 0);
    desk.refused(&sign, 7, "SIGNED_ALREADY");
    let signed = fs::read_to_string(desk.path(file)).expect("a file");
    for (part, instead, exit, code) in [
        ("KID Magdeburg GmbH", "KID Magdeburg AG", 9, "PROPOSAL_ALTERED"),
        ("\"kind\": \"admission\"", "\"kind\": \"expulsion\"", 9, "PROPOSAL_ALTERED"),
        ("\"body\":", "\"bodi\":", 8, "STATEMENT_MALFORMED"),
        ("\"sig\": \"", "\"sig\": \"A", 8, "STATEMENT_MALFORMED"),
    ] {
        fs::write(desk.path(file), signed.replacen(part, instead, 1)).expect("file");
        desk.refused(&format!("verbund trust show {file}"), exit, code);
        desk.refused(&format!("verbund trust sign {file} --key treuhand/treuhand-2.pem"), exit, code);
    }
    fs::write(desk.path(file), &signed).expect("file");
    desk.refused("verbund trust show akte/missing.json", 6, "FILE_UNREADABLE");
    // Made before, refused whole: nothing is written over, and no key is made.
    let keys = || fs::read_dir(desk.path("wurzeln")).expect("folder").count();
    let before = keys();
    desk.refused(&commands(PAGE)[3], 7, "FILE_EXISTS");
    desk.refused(&commands(PAGE)[0], 7, "FILE_EXISTS");
    assert_eq!(keys(), before);
    desk.refused(
        "verbund node init --from kid --standing akte --listen 127.0.0.1:7402 --out betrieb/kid",
        5,
        "THRESHOLD_MISSED",
    );
    assert!(!desk.path("betrieb").exists());
}

#[test]
fn a_node_begins_once_the_root_keys_have_signed_elsewhere() {
    let mut desk = offline();
    desk.run(&commands(PAGE)[4]);
    desk.exit("umask 077 && echo geheim > passwort", 0);
    let init = "verbund node init --from kid --standing akte --listen 127.0.0.1:7402 --out betrieb/kid \
                --passphrase-file passwort";
    desk.exit(&format!("{init} --dry-run"), 0);
    assert!(!desk.path("betrieb").exists());
    // The key that brings back what the folder held does not lie in it.
    for file in ["betrieb/kid/wieder.pem", "betrieb/kid/keys/wieder.pem"] {
        for more in ["", " --dry-run"] {
            desk.refused(&format!("{init} --recovery-key {file}{more}"), 2, "RECOVERY_KEY_PLACE");
        }
    }
    desk.refused(&format!("{init} --recovery-key wurzeln/kid-wurzel-1.pem"), 7, "FILE_EXISTS");
    assert!(!desk.path("betrieb/kid").exists());
    let said: Value = serde_json::from_str(&desk.exit(&format!("{init} -o json"), 0)).expect("JSON");
    let open = said["to_be_signed"][0].as_str().expect("the key event").to_owned();
    desk.refused(init, 7, "FILE_EXISTS");
    let recovery = said["recovery_key_file"].as_str().expect("where it lies");
    assert_eq!(recovery, "betrieb/kid-wiederherstellung.pem");
    desk.exit(&format!("grep -q ENCRYPTED {recovery} && test $(stat -c %a {recovery}) = 600"), 0);
    let run = fs::read_to_string(desk.path("betrieb/kid/run.toml")).expect("settings");
    let public = said["recovery_key"].as_str().expect("its public half");
    assert!(run.contains(&format!("recovery_key = \"{public}\"")), "{run}");
    desk.exit(&format!("verbund trust sign {open} --key wurzeln/kid-wurzel-3.pem"), 0);
    desk.refused("verbund node run --config betrieb/kid/run.toml", 5, "THRESHOLD_MISSED");
    desk.refused(&format!("verbund trust sign {open} --key wurzeln/kid-danach-1.pem"), 5, "SIGNER_WRONG");
    desk.exit(&format!("verbund trust sign {open} --key wurzeln/kid-wurzel-1.pem"), 0);
    // Its keys lie there under the passphrase, new ones too; it opens them by itself.
    desk.start("verbund node run --config betrieb/kid/run.toml");
    let roots = "--root-key wurzeln/kid-wurzel-1.pem --root-key wurzeln/kid-wurzel-3.pem";
    for role in ["statement", "log", "tls"] {
        desk.exit(&format!("verbund key rotate --role {role} --config betrieb/kid/run.toml {roots}"), 0);
    }
    desk.exit("! grep -L ENCRYPTED betrieb/kid/keys/*-key.pem betrieb/kid/keys/[lsw]*.pem | grep .", 0);
    // Barleben is admitted at another node, and who is not admitted gets no node.
    let text = fs::read_to_string(desk.path("kid/node.toml")).expect("file");
    fs::write(desk.path("kid/node.toml"), text.replace("\"kid\"]", "\"kid\", \"barleben\"]")).expect("file");
    desk.refused(&init.replace("betrieb/kid", "betrieb/zwei"), 3, "CONFIG_INVALID");
    let alone = "verbund node init --from provitako --standing akte --listen 127.0.0.1:7403 --out betrieb/drei";
    desk.refused(alone, 6, "ORG_UNKNOWN");
}

#[test]
fn keys_of_other_federations_sign_nothing_here() {
    let (own, other) = (offline(), offline());
    let (file, there) = ("akte/aufnahme-kid-1.vorschlag.json", other.path("akte/aufnahme-kid-1.vorschlag.json"));
    fs::copy(there, own.path("akte/fremd.json")).expect("copied");
    own.refused("verbund trust sign akte/fremd.json --key treuhand/treuhand-1.pem", 5, "SIGNER_WRONG");
    own.refused(
        &format!("verbund trust sign {file} akte/fremd.json --key treuhand/treuhand-1.pem"),
        5,
        "SIGNER_WRONG",
    );
    let said = own.exit(&format!("verbund trust show {file} -o json"), 0);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(said["signers"][0]["missing"], 2, "one refused file leaves the others unsigned");
    let english = own.exit(&format!("verbund trust show {file} --lang en"), 0);
    assert!(english.contains("Admission of kid") && english.contains("2 missing"), "{english}");
}

#[test]
fn a_federation_lives_on_without_the_demonstration() {
    let desk = Desk::founded();
    let (at, trustees) = ("--profile betrieb/kitu/client.toml", "--trustee-key treuhand/treuhand-1.pem");
    let roots = "--root-key wurzeln/barleben-wurzel-1.pem --root-key wurzeln/barleben-wurzel-3.pem";
    // A renewal, signed by two trustees on two machines.
    let propose = format!("verbund trust propose admission --of barleben --name 'Barleben (neu)' {trustees} {at}");
    desk.exit(&propose, 0);
    let file = "aufnahme-barleben-2.vorschlag.json";
    desk.refused(&format!("verbund trust publish {file} {at}"), 5, "THRESHOLD_MISSED");
    desk.exit(&format!("verbund trust sign {file} --key treuhand/treuhand-2.pem"), 0);
    desk.exit(&format!("verbund trust publish {file} --dry-run {at}"), 0);
    desk.exit(&format!("verbund trust publish {file} {at}"), 0);
    desk.refused(&format!("verbund trust publish {file} {at}"), 7, "PUBLISHED_ALREADY");
    assert!(desk.exit(&format!("verbund trust show {at}"), 0).contains("Barleben (neu) (Aufnahme 2"));

    // A grant on two machines: the office makes its key and signs itself.
    desk.exit("verbund key generate --file einkauf.pem > einkauf.txt", 0);
    let grant = format!(
        "verbund officer grant --of barleben --for einkauf --roles buyer --officer-public einkauf.txt {roots} {at}"
    );
    desk.exit(&grant, 0);
    let file = "vollmacht-barleben-einkauf-arbeitsplatz.vorschlag.json";
    desk.refused(&format!("verbund trust publish {file} {at}"), 5, "POSSESSION_MISSING");
    desk.exit(&format!("verbund trust sign {file} --key einkauf.pem && verbund trust publish {file} {at}"), 0);

    // The end of it, proposed offline from a carried standing file.
    desk.exit(&format!("verbund trust show --org barleben -o json {at} > stand.json"), 0);
    let end = format!("verbund officer end --of barleben --for einkauf --standing stand.json {roots}");
    desk.exit(
        &format!("{end} --dry-run && {end} && verbund trust publish schluessel-barleben-1.vorschlag.json {at}"),
        0,
    );
    let shown = desk.exit(&format!("verbund trust show --org barleben {at}"), 0);
    assert!(shown.contains("(widerrufen)"), "{shown}");
    // The same file again says what was true before.
    desk.refused(&format!("{end} --out zweites.json --publish {at}"), 2, "USAGE_INVALID");
    desk.exit(&format!("{end} --out zweites.json"), 0);
    desk.refused(&format!("verbund trust publish zweites.json {at}"), 7, "PUBLISHED_ALREADY");

    // A recovery is announced; it cannot be completed before 72 hours have passed.
    let recover = format!(
        "verbund key recover --of barleben --new-root wurzeln/barleben-danach-1.pem --threshold 1 --next-root \
         wurzeln/barleben-danach-2.pem --next-threshold 1 --reason verloren {trustees} \
         --trustee-key treuhand/treuhand-2.pem {at}"
    );
    desk.exit(&format!("{recover} && verbund trust publish wiederherstellung-barleben.vorschlag.json {at}"), 0);
    desk.refused(&recover, 7, "RECOVERY_VOID");
    assert!(desk.exit(&format!("verbund key list --org barleben {at}"), 0).contains("recovery announced"));

    desk.next_root(at);

    // An expulsion reaches the node of the one who is expelled.
    let trustees = "--trustee-key neu-1.pem --trustee-key neu-2.pem";
    let expel = format!("verbund trust propose expulsion --of kid --reason Beitrag {trustees} {at}");
    desk.exit(&format!("{expel} && verbund trust publish ausschluss-kid.vorschlag.json {at}"), 0);
    assert!(desk.exit(&format!("verbund trust show {at}"), 0).contains("AUSGESCHLOSSEN kid"));
}

impl Desk {
    /// The page's grant and order.
    fn order(&mut self) {
        let from_grant = commands(PAGE).into_iter().skip_while(|line| !line.starts_with("verbund officer"));
        from_grant.take(3).for_each(|line| drop(self.run(&line)));
    }

    /// Looks until the order has come that far.
    fn has_come_to(&self, stage: &str) {
        // A cell may have several lines.
        let is_there = |list: String| stage.split(' ').all(|word| list.contains(word));
        let has_come = (0..100).any(|_| is_there(self.exit(LIST, 0)));
        assert!(has_come, "{stage}: {}", self.exit(LIST, 0));
    }

    /// New trustees take over, name another rule pack and a succession; every node learns of it.
    fn next_root(&self, at: &str) {
        for number in 1..=3 {
            self.exit(&format!("verbund key generate --file neu-{number}.pem > neu-{number}.txt"), 0);
        }
        let plan = fs::read_to_string(self.path("plan.toml")).expect("the plan");
        let mut number = 0;
        let named = plan.lines().map(|line| {
            let is_trustee = line.starts_with("name = \"Treuhand");
            number += i32::from(is_trustee);
            if is_trustee { format!("{line}\nkey = \"neu-{number}.txt\"") } else { line.to_owned() }
        });
        fs::write(self.path("plan2.toml"), named.collect::<Vec<_>>().join("\n")).expect("file");
        let old = "--trustee-key treuhand/treuhand-1.pem --trustee-key treuhand/treuhand-2.pem";
        self.refused(&format!("verbund trust propose root --plan plan.toml {old} {at}"), 2, "USAGE_INVALID");
        self.exit(&format!("verbund trust propose root --plan plan2.toml {old} {at}"), 0);
        let file = "wurzel-2.vorschlag.json";
        self.refused(&format!("verbund trust publish {file} {at}"), 5, "THRESHOLD_MISSED");
        self.exit(&format!("verbund trust sign {file} --signing-key neu-1.pem --signing-key neu-3.pem"), 0);
        self.exit(&format!("verbund trust publish {file} {at}"), 0);
        // The old trustees sign nothing any more.
        let pack = "verbund trust propose rule-pack --file plan2.toml";
        self.refused(&format!("{pack} {old} {at}"), 3, "CONFIG_UNKNOWN_KEY");
        let rules = fs::read_to_string(self.path(PACKS[1])).expect("a rule pack");
        let next = |day: &str| rules.replace("gwb-108-2026", "gwb-108-2027").replace("\"2026-07-01\"", day);
        fs::write(self.path("pack.toml"), next("\"2026-06-30\"")).expect("file");
        self.refused(
            &format!("verbund trust propose rule-pack --file pack.toml {old} {at}"),
            7,
            "RULE_PACK_OVERLAPS",
        );
        fs::write(self.path("pack.toml"), next("\"2030-01-01\"").replace("half-sisters", "halbschwestern"))
            .expect("file");
        self.refused(&format!("verbund trust propose rule-pack --file pack.toml {old} {at}"), 3, "CONFIG_INVALID");
        fs::write(self.path("pack.toml"), next("\"2030-01-01\"")).expect("file");
        let pack = "verbund trust propose rule-pack --file pack.toml";
        self.refused(&format!("{pack} {old} {at}"), 5, "SIGNER_WRONG");
        let new = "--trustee-key neu-1.pem --trustee-key neu-2.pem";
        self.exit(
            &format!("{pack} {new} {at} && verbund trust publish regelwerk-gwb-108-2027.vorschlag.json {at}"),
            0,
        );
        let succeed = "verbund org succeed --predecessor barleben --successor kitu --on 2027-01-01 --source Gesetz";
        self.exit(&format!("{succeed} {new} {at}"), 0);
        self.exit(&format!("verbund trust publish nachfolge-barleben-kitu.vorschlag.json {at}"), 0);
        self.refused(&format!("{succeed} {new} {at} --out noch.json"), 7, "SUCCESSION_KNOWN");
        let elsewhere = "verbund trust show --profile betrieb/kid/client.toml";
        let is_there = (0..100).any(|_| {
            let said = self.exit(elsewhere, 0);
            said.contains("Fassung 2") && said.contains("gwb-108-2027") && said.contains("barleben → kitu")
        });
        assert!(is_there, "{}", self.exit(elsewhere, 0));
        // What a node saves is enough to ask for an admission elsewhere.
        self.exit(&format!("verbund trust show --save stand {at}"), 0);
        let join =
            "verbund org join --from provitako/organisations.toml --home provitako --operates --new-keys dritte";
        self.exit(&format!("{join} --standing stand --out . --dry-run"), 0);
        assert!(!self.path("dritte").exists());
        let root = fs::read_to_string(self.path("akte/wurzel.txt")).expect("the root");
        let id = root.trim().trim_start_matches("sha256:");
        assert!(self.exit(&format!("verbund trust show --id {id} {at}"), 0).contains("payloadType"));
        self.refused(&format!("verbund trust show --id {} {at}", "0".repeat(64)), 6, "STATEMENT_UNKNOWN");
    }
}

#[test]
fn a_municipality_moves_to_another_node() {
    let mut desk = Desk::founded();
    let (old, new) = ("--profile betrieb/kitu/client.toml", "--profile betrieb/kid/client.toml");
    let roots = "--root-key wurzeln/barleben-wurzel-1.pem --root-key wurzeln/barleben-wurzel-2.pem";
    let trustees = "--trustee-key treuhand/treuhand-1.pem --trustee-key treuhand/treuhand-3.pem";
    let host = format!("verbund node host --config betrieb/kid/run.toml --of barleben {roots} {old} --out umzug");
    desk.refused(&host, 5, "ORG_HOSTED_ELSEWHERE");
    desk.exit(&format!("verbund org move --of barleben --to kid {trustees} {old}"), 0);
    desk.exit(&format!("verbund trust publish aufnahme-barleben-2.vorschlag.json {old}"), 0);
    desk.exit(&format!("{host} --dry-run"), 0);
    assert!(!desk.path("umzug").exists());
    desk.exit(&host, 0);
    desk.refused(&host, 7, "FILE_EXISTS");
    desk.restart(1, "verbund node run --config betrieb/kid/run.toml");
    desk.patiently(&format!("verbund trust publish umzug/*.json {new}"));
    let shown = desk.exit(&format!("verbund trust show --org barleben {new}"), 0);
    assert!(shown.contains("zu Hause auf kid") && shown.contains("verbund-probe/log/kid/1"), "{shown}");
    let grant = "verbund officer grant --of barleben --for einkauf --roles buyer --limit-euro 20000 --new-key einkauf.pem --publish";
    desk.exit(&format!("{grant} {roots} {new}"), 0);
    let order = "verbund order submit --yes --offering kid/eheurkunde --max-euro 5000 --auto-seal --accept-assumed";
    let officer = "--org barleben --officer einkauf --key einkauf.pem";
    desk.exit(&format!("{order} {officer} {new}"), 0);
    let sealed =
        (0..100).any(|_| desk.exit(&format!("verbund order list {officer} {new}"), 0).contains("abgeschlossen"));
    assert!(sealed, "ordered from the new home");
}

#[test]
fn a_key_is_replaced_by_root_keys_that_lie_elsewhere() {
    let mut desk = Desk::founded();
    let at = "--profile betrieb/kitu/client.toml";
    let rotate = "verbund key rotate --role statement --org barleben --config betrieb/kitu/run.toml --out .";
    desk.exit(rotate, 0);
    desk.refused(rotate, 7, "FILE_EXISTS");
    let file = "schluessel-barleben-1.vorschlag.json";
    let publish = format!("verbund trust publish {file} {at}");
    desk.refused(&publish, 5, "THRESHOLD_MISSED");
    desk.refused(&format!("verbund trust sign {file} --key wurzeln/barleben-danach-1.pem"), 5, "SIGNER_WRONG");
    desk.exit(&format!("verbund trust sign {file} --key wurzeln/barleben-wurzel-1.pem"), 0);
    desk.exit(&format!("verbund trust sign {file} --key wurzeln/barleben-wurzel-3.pem && {publish}"), 0);
    desk.refused(&publish, 7, "PUBLISHED_ALREADY");
    assert!(desk.exit(&format!("verbund key list --org barleben {at}"), 0).contains("superseded"));
    // The new key signs, without a restart.
    desk.order();
    desk.has_come_to("abgeschlossen");
}

#[test]
fn an_order_ends_with_the_party_that_is_expelled_meanwhile() {
    let mut desk = Desk::founded();
    let at = "--profile betrieb/kitu/client.toml";
    desk.patiently(&format!("verbund offering list {at} | grep -i eheurkunde"));
    // The seller's node is down: its answer is awaited.
    let mut seller = desk.running.remove(1);
    seller.kill().and_then(|()| seller.wait()).expect("ended");
    let mut ordering = commands(PAGE).into_iter().skip_while(|line| !line.starts_with("verbund officer"));
    ordering.by_ref().take(2).for_each(|line| drop(desk.run(&line)));
    // It is the only other node too, so nobody keeps what the officer signed: the order takes its course all the same.
    desk.refused(&ordering.next().expect("the order"), 4, "DEPOSIT_PENDING");
    desk.has_come_to("unterwegs");
    let trustees = "--trustee-key treuhand/treuhand-1.pem --trustee-key treuhand/treuhand-2.pem";
    desk.exit(&format!("verbund trust propose expulsion --of kid --reason Satzung {trustees} {at}"), 0);
    desk.exit(&format!("verbund trust publish ausschluss-kid.vorschlag.json {at}"), 0);
    desk.has_come_to("beendet ohne Abschluss");
    let again = commands(PAGE).into_iter().find(|line| line.starts_with("verbund order submit")).expect("the order");
    desk.refused(&again, 5, "ORG_EXPELLED");
}
