//! The two files of a node: `node.toml`, what it is and how it brokers, and `run.toml`, where and with what it runs.
//!
//! Must never bind, connect or open a key: paths and addresses leave this file as values, and the first use of any of
//! them happens after all of them have been checked.
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::document::Document;
use crate::config::web::{self, WebConfig, WebFile};
use crate::domain::id::{Hash, NodeId, OrgId, StatementId, shortened};
use crate::domain::money::Cents;
use crate::domain::price::{Component, check_items};
use crate::domain::reason::{Reason, Refusal};

/// Most organisations one node may host: every municipality of the largest Land fits.
pub const HOSTS_MAX: usize = 2_500;

/// Most items in one organisation's fee.
pub const FEE_ITEMS_MAX: usize = 20;

/// Longest service level for a decision by a person: thirty days.
pub const DECIDE_HOURS_MAX: u32 = 720;

/// Most peers a node connects to.
pub const PEERS_MAX: usize = 1_000;

/// The contents of `node.toml`: the node, whom it hosts, and how those broker.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeProfile {
    /// Name of the node.
    pub node: NodeId,
    /// The organisation that operates it; one of the hosts.
    pub operator: OrgId,
    /// The organisations at home here.
    pub hosts: Vec<OrgId>,
    /// How hosted organisations answer requests; an organisation without an entry neither brokers nor provides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub brokering: Vec<Brokering>,
}

impl NodeProfile {
    /// How that organisation brokers, if it does.
    pub fn brokering_of(&self, org: &OrgId) -> Option<&Brokering> {
        self.brokering.iter().find(|entry| entry.org == *org)
    }
}

/// Who decides about a leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionMode {
    /// The node, by the rules, at once.
    Auto,
    /// A person with the role `approver`.
    Human,
}

/// How one hosted organisation answers requests as a hop or as the provider.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Brokering {
    /// Which organisation.
    pub org: OrgId,
    /// Who decides.
    pub mode: DecisionMode,
    /// Whether facts marked as assumptions count as evidence. Only a demonstration should say so.
    #[serde(default)]
    pub accept_assumed: bool,
    /// What it adds to the price of a leg.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fee: Vec<Component>,
    /// Within how many hours a person decides; required wherever a person can be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decide_within_hours: Option<u32>,
    /// Above this total price a person decides, also in mode `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_cents_max: Option<Cents>,
}

/// `run.toml` as it is written: paths relative to its own folder, the profile named by its path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RunFile {
    /// Where the node listens: `127.0.0.1:7401`.
    pub listen: SocketAddr,
    /// Folder of records and index; made if absent.
    pub data: PathBuf,
    /// Folder of the node's private keys.
    pub keys: PathBuf,
    /// File with the passphrase of those that are encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase_file: Option<PathBuf>,
    /// Folder of statement files with which the federation began.
    pub genesis: PathBuf,
    /// Which log of this node it writes: 1 for the first. `verbund node repair-log` counts it up.
    #[serde(default = "first_epoch", skip_serializing_if = "is_first")]
    pub epoch: u32,
    /// The `node.toml` of this node.
    pub profile: PathBuf,
    /// Name of the federation.
    pub federation: OrgId,
    /// The pinned root, as the statutes print it.
    pub federation_root: PinnedRoot,
    /// Public half of the operator's recovery key, as `verbund key recovery` prints it. What only this node holds is sealed to it
    /// and deposited at two others; nothing is if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_key: Option<String>,
    /// Where to answer with the node's numbers, over plain HTTP; nowhere if absent. For the operator's network only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<SocketAddr>,
    /// The LeiKa/OZG list as CSV (`docs/exchange.md`): offerings are found by the names that it gives their services. By their own
    /// words only if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<PathBuf>,
    /// Nodes to connect to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<KnownPeer>,
    /// Upper bounds.
    #[serde(default)]
    pub limits: Limits,
    /// The page for browsers; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<WebFile>,
}

fn first_epoch() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_first(epoch: &u32) -> bool {
    *epoch == first_epoch()
}

/// The hash of a federation root, written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PinnedRoot(pub StatementId);

impl TryFrom<String> for PinnedRoot {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        let refuse = || Refusal::new(Reason::DigestInvalid).with("value", shortened(&text)).with("prefix", "sha256:");
        text.strip_prefix("sha256:").and_then(|digits| digits.parse().ok()).map(Self).ok_or_else(refuse)
    }
}

impl From<PinnedRoot> for String {
    fn from(root: PinnedRoot) -> String {
        format!("sha256:{}", root.0)
    }
}

/// Another node, with the TLS key it must show.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KnownPeer {
    /// Name of the node.
    pub node: NodeId,
    /// Where it listens: `kitu.example:7401`.
    pub address: HostPort,
    /// SHA-256 of its TLS public key (*SubjectPublicKeyInfo*), as in its node record.
    pub tls_sha256: Hash,
}

/// A host name or address with a port. It is resolved when it is used, so that a name service that is down does not
/// keep a node from starting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPort(String);

impl HostPort {
    /// The text form, `host:port`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HostPort {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let well_formed = text.rsplit_once(':').is_some_and(|(host, port)| {
            let named = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
            let is_host = named || text.parse::<SocketAddr>().is_ok();
            is_host && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if well_formed { Ok(Self(text)) } else { Err(format!("{} is not host:port", shortened(&text))) }
    }
}

impl From<HostPort> for String {
    fn from(address: HostPort) -> String {
        address.0
    }
}

/// Upper bounds of one node, each with a default that suits a machine with two cores.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Connections open at once; more are refused. By default enough for a witness, to which every node of the country
    /// keeps a stream. One costs about 40 kB (85 kB were measured with both ends in one process), so that all of them
    /// take less than 200 MB.
    pub connections_max: u32,
    /// Calls in progress at once; more are answered with `OVERLOADED`.
    pub calls_max: u32,
    /// Longest time one call may take, in milliseconds.
    pub call_ms_max: u32,
    /// Memory for the index cache, in mebibytes.
    pub cache_mib_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections_max: 4_096, calls_max: 512, call_ms_max: 10_000, cache_mib_max: 16 }
    }
}

/// Everything `verbund node run` needs, checked. Paths are as seen from the working directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeConfig {
    /// The node and how it brokers.
    pub profile: NodeProfile,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Folder of records and index; may not exist yet.
    pub data: PathBuf,
    /// Folder of private keys; exists.
    pub keys: PathBuf,
    /// File with the passphrase of those that are encrypted; may not exist.
    pub passphrase_file: Option<PathBuf>,
    /// Folder of statement files; exists.
    pub genesis: PathBuf,
    /// Which log of this node it writes.
    pub epoch: u32,
    /// Name of the federation.
    pub federation: OrgId,
    /// The pinned root.
    pub federation_root: StatementId,
    /// Public half of the operator's recovery key: 64 hexadecimal digits, not checked yet.
    pub recovery_key: Option<String>,
    /// Where to answer with the node's numbers.
    pub metrics: Option<SocketAddr>,
    /// The list of services; exists.
    pub services: Option<PathBuf>,
    /// Nodes to connect to.
    pub peers: Vec<KnownPeer>,
    /// Upper bounds.
    pub limits: Limits,
    /// The page for browsers.
    pub web: Option<WebConfig>,
}

/// Reads a `node.toml`.
pub fn read_profile(path: &Path) -> Result<NodeProfile, Refusal> {
    understood_profile(&Document::open(path)?)
}

/// Reads a `run.toml` and the profile it names.
pub fn read_run(path: &Path) -> Result<NodeConfig, Refusal> {
    let document = Document::open(path)?;
    let file: RunFile = document.read()?;
    check_peers(&document, &file.peers)?;
    check_limits(&document, &file.limits)?;
    for (key, folder) in [("keys", &file.keys), ("genesis", &file.genesis)] {
        let folder = document.resolve(folder);
        if !folder.is_dir() {
            return Err(document.invalid(key, format!("{} is not a folder", folder.display())));
        }
    }
    let services = file.services.map(|path| document.resolve(&path));
    if let Some(path) = services.as_ref().filter(|path| !path.is_file()) {
        return Err(document.invalid("services", format!("{} is not a file", path.display())));
    }
    let is_key = |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if file.recovery_key.as_ref().is_some_and(|text| !is_key(text)) {
        return Err(document.invalid("recovery_key", "64 hexadecimal digits, as `verbund key recovery` prints them"));
    }
    if file.epoch == 0 {
        return Err(document.invalid("epoch", "1 or more"));
    }
    let profile = read_profile(&document.resolve(&file.profile))?;
    if let Some(index) = file.peers.iter().position(|peer| peer.node == profile.node) {
        return Err(document.invalid(&format!("peers.{index}.node"), "a node is not its own peer"));
    }
    let web = file.web.map(|web| web::checked(&document, web)).transpose()?;
    Ok(NodeConfig {
        profile,
        listen: file.listen,
        data: document.resolve(&file.data),
        keys: document.resolve(&file.keys),
        passphrase_file: file.passphrase_file.map(|path| document.resolve(&path)),
        genesis: document.resolve(&file.genesis),
        epoch: file.epoch,
        federation: file.federation,
        federation_root: file.federation_root.0,
        recovery_key: file.recovery_key,
        metrics: file.metrics,
        services,
        peers: file.peers,
        limits: file.limits,
        web,
    })
}

/// The text of a `run.toml`. Refused only if a path is not UTF-8, which TOML cannot hold.
pub fn to_toml(file: &RunFile) -> Result<String, Refusal> {
    toml::to_string_pretty(file).map_err(|error| Refusal::new(Reason::ConfigInvalid).with("problem", error))
}

fn understood_profile(document: &Document) -> Result<NodeProfile, Refusal> {
    let profile: NodeProfile = document.read()?;
    let hosts: BTreeSet<&OrgId> = profile.hosts.iter().collect();
    if hosts.len() != profile.hosts.len() || hosts.len() > HOSTS_MAX {
        return Err(document.invalid("hosts", format!("at most {HOSTS_MAX} different organisations")));
    }
    if !hosts.contains(&profile.operator) {
        return Err(document.invalid("operator", format!("{} is not listed in hosts", profile.operator)));
    }
    let mut seen = BTreeSet::new();
    for (index, entry) in profile.brokering.iter().enumerate() {
        let at = format!("brokering.{index}");
        if !hosts.contains(&entry.org) {
            return Err(document.invalid(&format!("{at}.org"), format!("{} is not listed in hosts", entry.org)));
        }
        if !seen.insert(&entry.org) {
            return Err(document.invalid(&format!("{at}.org"), format!("{} has two tables", entry.org)));
        }
        check_brokering(document, &at, entry)?;
    }
    Ok(profile)
}

fn check_brokering(document: &Document, at: &str, entry: &Brokering) -> Result<(), Refusal> {
    if entry.fee.len() > FEE_ITEMS_MAX {
        return Err(document.invalid(&format!("{at}.fee"), format!("at most {FEE_ITEMS_MAX} items")));
    }
    document.checked(at, check_items("fee", &entry.fee))?;
    let person_asked = entry.mode == DecisionMode::Human || entry.price_cents_max.is_some();
    match entry.decide_within_hours {
        None if person_asked => Err(document.invalid(at, "decide_within_hours is missing, and a person may decide")),
        Some(hours) if !(1..=DECIDE_HOURS_MAX).contains(&hours) => {
            Err(document.invalid(&format!("{at}.decide_within_hours"), format!("1 to {DECIDE_HOURS_MAX}")))
        }
        _ => Ok(()),
    }
}

fn check_peers(document: &Document, peers: &[KnownPeer]) -> Result<(), Refusal> {
    if peers.len() > PEERS_MAX {
        return Err(document.invalid("peers", format!("at most {PEERS_MAX}")));
    }
    let mut seen = BTreeSet::new();
    for (index, peer) in peers.iter().enumerate() {
        if !seen.insert(&peer.node) {
            return Err(document.invalid(&format!("peers.{index}.node"), format!("{} is listed twice", peer.node)));
        }
    }
    Ok(())
}

fn check_limits(document: &Document, limits: &Limits) -> Result<(), Refusal> {
    // Lower bounds: what one officer and one peer need. Upper bounds: typing errors and what no machine can hold.
    for (key, value, least, most) in [
        ("connections_max", limits.connections_max, 8, 65_536),
        ("calls_max", limits.calls_max, 8, 65_536),
        ("call_ms_max", limits.call_ms_max, 100, 600_000),
        ("cache_mib_max", limits.cache_mib_max, 1, 65_536),
    ] {
        if !(least..=most).contains(&value) {
            return Err(document.invalid(&format!("limits.{key}"), format!("{least} to {most}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document::tests::refused;

    const PROFILE: &str = r#"node = "kitu"
operator = "kitu"
hosts = ["kitu", "barleben"]
[[brokering]]
org = "kitu"
mode = "auto"
accept_assumed = true
price_cents_max = 5_000_000
decide_within_hours = 48
fee = [{ item = "brokering", due = "once", cents = 9_000, vat = "keine" }]
[[brokering]]
org = "barleben"
mode = "human"
decide_within_hours = 120
"#;

    const RUN: &str = r#"listen = "127.0.0.1:7401"
data = "data"
keys = "keys"
genesis = "genesis"
profile = "node.toml"
federation = "verbund-demo"
federation_root = "sha256:00000000000000000000000000000000000000000000000000000000000000aa"
[[peers]]
node = "kid"
address = "kid.example:7402"
tls_sha256 = "00000000000000000000000000000000000000000000000000000000000000bb"
[limits]
calls_max = 64
"#;

    fn profile(text: &str) -> Result<NodeProfile, Refusal> {
        understood_profile(&Document::of(Path::new("node.toml"), text.to_owned()))
    }

    #[test]
    fn profiles_are_checked() {
        let good = profile(PROFILE).expect("good");
        let kitu = good.brokering_of(&good.operator).expect("brokers");
        assert_eq!((kitu.mode, kitu.fee[0].cents.get()), (DecisionMode::Auto, 9_000));
        for (part, instead, reason, line) in [
            ("accept_assumed", "accept_asumed", Reason::ConfigUnknownKey, 7),
            ("item = ", "itme = ", Reason::ConfigUnknownKey, 10),
            ("org = \"barleben\"", "org = \"kitu\"", Reason::ConfigInvalid, 12),
            ("org = \"barleben\"", "org = \"magdeburg\"", Reason::ConfigInvalid, 12),
            ("operator = \"kitu\"", "operator = \"kid\"", Reason::ConfigInvalid, 2),
            ("[\"kitu\", \"barleben\"]", "[\"kitu\", \"barleben\", \"kitu\"]", Reason::ConfigInvalid, 3),
            ("decide_within_hours = 120\n", "", Reason::ConfigInvalid, 11),
            ("decide_within_hours = 48\n", "", Reason::ConfigInvalid, 4),
            ("hours = 120", "hours = 721", Reason::ConfigInvalid, 14),
            ("mode = \"human\"", "mode = \"person\"", Reason::ConfigInvalid, 13),
            ("mode = \"human\"", "mode = true", Reason::ConfigInvalid, 13),
            ("cents = 9_000", "cents = -1", Reason::ConfigInvalid, 10),
            ("cents = 9_000", "cents = 90.5", Reason::ConfigInvalid, 10),
        ] {
            refused(profile(&PROFILE.replace(part, instead)), reason, &format!("node.toml:{line}"));
        }
        refused(read_profile(Path::new("missing/node.toml")), Reason::ConfigUnreadable, "missing/node.toml");
    }

    fn run(text: &str) -> (tempfile::TempDir, Result<NodeConfig, Refusal>) {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("run.toml");
        for name in ["keys", "genesis"] {
            std::fs::create_dir(folder.path().join(name)).expect("create");
        }
        std::fs::write(folder.path().join("node.toml"), PROFILE).expect("write");
        std::fs::write(&path, text).expect("write");
        let outcome = read_run(&path);
        (folder, outcome)
    }

    #[test]
    fn everything_is_checked_before_anything_is_bound() {
        let (folder, config) = run(RUN);
        let config = config.expect("good");
        assert_eq!(config.data, folder.path().join("data"), "relative to the file's folder");
        assert_eq!((config.limits.calls_max, config.limits.connections_max, config.epoch), (64, 4_096, 1));
        assert_eq!(config.peers[0].address.as_str(), "kid.example:7402");
        for (part, instead, reason, line) in [
            ("listen = ", "listn = ", Reason::ConfigUnknownKey, 1),
            ("127.0.0.1:7401", "localhost", Reason::ConfigInvalid, 1),
            ("keys = \"keys\"", "keys = \"gone\"", Reason::ConfigInvalid, 3),
            ("genesis = \"genesis\"", "genesis = \"node.toml\"", Reason::ConfigInvalid, 4),
            ("profile = ", "epoch = 0\nprofile = ", Reason::ConfigInvalid, 5),
            ("profile = ", "recovery_key = \"0g\"\nprofile = ", Reason::ConfigInvalid, 5),
            ("sha256:0000", "sha512:0000", Reason::ConfigInvalid, 7),
            ("00aa\"", "00a\"", Reason::ConfigInvalid, 7),
            ("node = \"kid\"", "node = \"kitu\"", Reason::ConfigInvalid, 9),
            ("kid.example:7402", "kid.example:0", Reason::ConfigInvalid, 10),
            ("kid.example:7402", "https://kid.example", Reason::ConfigInvalid, 10),
            ("00bb\"", "00b\"", Reason::ConfigInvalid, 11),
            (
                "[limits]",
                &format!(
                    "[[peers]]\nnode = \"kid\"\naddress = \"[::1]:1\"\ntls_sha256 = \"{}\"\n[limits]",
                    "0b".repeat(32)
                ),
                Reason::ConfigInvalid,
                13,
            ),
            ("calls_max = 64", "calls_max = 0", Reason::ConfigInvalid, 13),
            ("calls_max = 64", "calls = 64", Reason::ConfigUnknownKey, 13),
        ] {
            assert!(RUN.contains(part), "{part}");
            let (folder, outcome) = run(&RUN.replace(part, instead));
            refused(outcome, reason, &format!("{}:{line}", folder.path().join("run.toml").display()));
        }
        let (folder, outcome) = run(&RUN.replace("node.toml", "other.toml"));
        let other = folder.path().join("other.toml");
        refused(outcome, Reason::ConfigUnreadable, &other.display().to_string());
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let document = Document::of(Path::new("run.toml"), RUN.to_owned());
        let file: RunFile = document.read().expect("good");
        let text = to_toml(&file).expect("text");
        let again: RunFile = Document::of(Path::new("run.toml"), text).read().expect("its own text");
        assert_eq!(again, file);
    }
}
