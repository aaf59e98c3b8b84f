//! The documents that say who may sign what: what they hold, and the rules each of them meets on its own.
//!
//! Every list is bounded, so that no signer can make others store more than they agreed to.
use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::id::{COUNT_MAX, Hash, KeyHash, NodeId, OfficerName, OrgId, Origin, StatementId, checked_count};
use crate::domain::money::Cents;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::Area;
use crate::domain::signing::PublicKey;
use crate::domain::text::{checked_label, checked_lines, checked_text, checked_title};
use crate::domain::time::{Date, Timestamp};

/// Most trustees of a root version: with two versions' signatures a statement stays within its signature limit.
pub const TRUSTEES_MAX: usize = 9;

/// Most root keys of one organisation.
pub const ROOT_KEYS_MAX: usize = 5;

/// Most keys one event may add: every added key signs, and statements carry at most 16 signatures.
pub const EVENT_KEYS_MAX: usize = 8;

/// Most keys one event may revoke: all online keys of a node and a generation of devices of its officers.
pub const REVOCATIONS_MAX: usize = 64;

/// Most logs that one revocation or expulsion names: every home an organisation has had, with every epoch.
pub const LAST_GOOD_MAX: usize = 32;

/// Most witnesses in a policy: more cost each checkpoint more than they add.
pub const WITNESSES_MAX: usize = 64;

/// Most addresses of a node.
pub const ADDRESSES_MAX: usize = 8;

/// Longest address in bytes: a host name of 253 (RFC 1035 section 2.3.4), a colon, a port.
pub const ADDRESS_BYTES_MAX: usize = 259;

/// How long a recovery of an organisation's root by the trustees stands in public before it takes effect, in
/// milliseconds: 72 hours, in which the organisation can object.
pub const RECOVERY_PUBLIC_MS: i64 = 72 * 60 * 60 * 1000;

/// Trustees, threshold and witness policy. The id of version 1 is the federation's root hash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FederationRoot {
    /// The federation's name, first part of every log origin.
    pub federation: OrgId,
    /// Counts up from 1.
    pub version: u32,
    /// Who may admit and expel.
    pub trustees: Vec<Trustee>,
    /// How many of them must sign.
    pub threshold: u32,
    /// Whose cosignatures count, and how many are needed.
    pub witnesses: WitnessPolicy,
    /// The version before; absent in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<StatementId>,
}

/// One trustee.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Trustee {
    /// The office that holds the key.
    pub name: String,
    /// Its key.
    pub key: PublicKey,
}

/// Whose cosignatures make a statement *witnessed*.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WitnessPolicy {
    /// The witnesses, by node; their keys come from their operators' own logs.
    pub nodes: Vec<NodeId>,
    /// How many are needed: at least `1 + floor(2n/3)`.
    pub quorum: u32,
}

impl WitnessPolicy {
    /// The smallest quorum of `n` witnesses that survives `n - k` liars or absentees.
    pub fn quorum_of(n: usize) -> usize {
        1 + 2 * n / 3
    }
}

/// An organisation's offline keys, with the hash of the next set committed in advance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RootKeys {
    /// The keys.
    pub keys: Vec<PublicKey>,
    /// How many must sign.
    pub threshold: u32,
    /// [`RootKeys::commitment`] of the next set. A stolen current key cannot choose its successor, and one key of the
    /// next set cannot choose how many of them are enough.
    pub next_sha256: Hash,
}

/// An organisation joins, or what the trustees say of it is renewed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Admission {
    /// The federation.
    pub federation: OrgId,
    /// The organisation's name in the federation; it never changes.
    pub org: OrgId,
    /// Counts up from 1; the next number replaces the one before, in every log that holds it.
    pub number: u32,
    /// The admission before; absent in number 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<StatementId>,
    /// Its full name.
    pub name: String,
    /// Its legal form.
    pub legal_form: String,
    /// The node that hosts it.
    pub home_node: NodeId,
    /// The one node it operates, for an operator. Nobody else's logs, records and witness keys count under that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operates: Option<NodeId>,
    /// Its area, for municipalities and Länder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<Area>,
    /// Inhabitants, for municipalities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inhabitants: Option<u32>,
    /// Its portal, for municipalities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal: Option<String>,
    /// Its first root keys, in number 1 and nowhere else: trustees renew a name, not a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<RootKeys>,
    /// Where the public facts come from.
    pub source: String,
}

/// Up to where something is good in one log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct LastGood {
    /// The log.
    pub log: Origin,
    /// How many of its entries count: an entry at position `size` or later does not.
    pub size: u64,
}

impl FromStr for LastGood {
    type Err = Refusal;

    /// Reads `LOG:SIZE`.
    fn from_str(text: &str) -> Result<Self, Refusal> {
        let (log, size) = text.rsplit_once(':').ok_or_else(|| invalid("last_good"))?;
        let number: u64 = size.parse().map_err(|_| invalid("last_good"))?;
        within("last_good", number.to_string() == size)?;
        Ok(Self { log: log.parse()?, size: number })
    }
}

/// What a list of last good positions says about a log; one that is not named has none.
pub fn good_size(list: &[LastGood], log: &Origin) -> u64 {
    list.iter().find(|good| good.log == *log).map_or(0, |good| good.size)
}

/// An organisation is expelled, everywhere. What it signed up to the positions named stays valid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Expulsion {
    /// The organisation.
    pub org: OrgId,
    /// Why.
    pub reason: String,
    /// Up to where its keys are good, for each log in which it was ever at home; nowhere in others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_good: Vec<LastGood>,
}

/// What an online key is for. One key has one purpose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyRole {
    /// Signs statements.
    Statement,
    /// Signs checkpoints of the node's log.
    Log,
    /// Cosigns checkpoints of all logs.
    Witness,
}

impl KeyRole {
    /// Its stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Statement => "statement",
            Self::Log => "log",
            Self::Witness => "witness",
        }
    }
}

impl FromStr for KeyRole {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let roles = [Self::Statement, Self::Log, Self::Witness];
        roles.into_iter().find(|role| role.word() == text).ok_or_else(|| invalid("role"))
    }
}

/// An online key is added.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OnlineKey {
    /// The key.
    pub key: PublicKey,
    /// Its purpose.
    pub role: KeyRole,
}

/// Why a key is revoked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationReason {
    /// Replaced by a new key. Takes nothing back.
    Superseded,
    /// Stolen or lost: what it signed between the last good position and the revocation is undecidable.
    Compromised,
    /// No longer needed. Takes nothing back.
    Ceased,
}

impl RevocationReason {
    /// Its stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Compromised => "compromised",
            Self::Ceased => "ceased",
        }
    }
}

impl FromStr for RevocationReason {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let reasons = [Self::Superseded, Self::Compromised, Self::Ceased];
        reasons.into_iter().find(|reason| reason.word() == text).ok_or_else(|| invalid("reason"))
    }
}

/// A key is revoked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Revocation {
    /// The key.
    pub key: KeyHash,
    /// Why.
    pub reason: RevocationReason,
    /// Up to where it is good, for each log in which it ever was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_good: Vec<LastGood>,
}

/// A node goes on in a new log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewEpoch {
    /// The log's epoch, from 2.
    pub epoch: u32,
    /// Entries before this position of the new log repeat what the former log said about trust.
    pub copied: u64,
}

/// Online keys are added, rotated or revoked; the home node is named. Signed by the organisation's root keys and by
/// every key it adds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeyEvent {
    /// The organisation.
    pub org: OrgId,
    /// Counts up from 0.
    pub seq: u64,
    /// The event before; absent in event 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<StatementId>,
    /// The node that hosts the organisation, as the trustees have said.
    pub home_node: NodeId,
    /// Keys added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<OnlineKey>,
    /// Keys revoked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoke: Vec<Revocation>,
    /// New root keys, which must match the commitment made before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<RootKeys>,
    /// The node begins a new log, because the last one contradicts itself. Only the root keys of the node's operator
    /// can say so: whoever stole online keys cannot begin a log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_epoch: Option<NewEpoch>,
}

/// The trustees give an organisation that has lost its root keys new ones: announced first, in force by a second
/// statement no earlier than [`RECOVERY_PUBLIC_MS`] later. Any key event of the organisation in between objects: whoever
/// can sign one has not lost its keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Recovery {
    /// The organisation.
    pub org: OrgId,
    /// Its last key event; a recovery announced before a later event is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<StatementId>,
    /// The new root keys.
    pub root: RootKeys,
    /// When the trustees signed it.
    pub signed_at: Timestamp,
    /// The announcement, in the statement that puts it into force; absent in the announcement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completes: Option<StatementId>,
    /// Why.
    pub reason: String,
}

/// An organisation goes on in another one: running contracts and rights pass to it. Signed by the trustees.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Succession {
    /// The federation.
    pub federation: OrgId,
    /// The organisation that ends.
    pub predecessor: OrgId,
    /// The one that goes on.
    pub successor: OrgId,
    /// First day on which the successor acts.
    pub on: Date,
    /// The act or statute it rests on.
    pub source: String,
}

/// A node's address and pinned TLS key, signed by its operator.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeRecord {
    /// The node.
    pub node: NodeId,
    /// Its operator.
    pub operator: OrgId,
    /// `host:port`, in order of preference.
    pub addresses: Vec<String>,
    /// SHA-256 of the TLS key's SubjectPublicKeyInfo.
    pub tls_sha256: Hash,
    /// The log it writes.
    pub log: Origin,
    /// Since when it writes on without having asked others how far its log goes, on its operator's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone_since: Option<Timestamp>,
}

/// What an officer may do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfficerRole {
    /// Order, cancel and seal; say what is needed.
    Buyer,
    /// Approve what others ordered; decide what is held for a human.
    Approver,
    /// Publish and withdraw offerings, facts and needs.
    Publisher,
    /// Read the organisation's orders and evidence.
    Auditor,
}

impl OfficerRole {
    /// Its stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Approver => "approver",
            Self::Publisher => "publisher",
            Self::Auditor => "auditor",
        }
    }
}

/// An officer's key on one device, with roles, limits and validity. Signed by the organisation's root keys and by the
/// officer's key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OfficerGrant {
    /// The organisation.
    pub org: OrgId,
    /// The office, never a personal name.
    pub officer: OfficerName,
    /// The device that holds the key; an officer has one grant for each.
    pub device: OfficerName,
    /// The officer's key; the node never holds its private half.
    pub key: PublicKey,
    /// What the officer may do.
    pub roles: BTreeSet<OfficerRole>,
    /// Up to which total of one order alone.
    pub limit: Cents,
    /// Up to which total of all orders of a calendar year alone, on all devices together; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_per_year: Option<Cents>,
    /// First day.
    pub valid_from: Date,
    /// Last day.
    pub valid_to: Date,
}

fn invalid(field: &'static str) -> Refusal {
    Refusal::new(Reason::FieldInvalid).with("field", field)
}

fn within(field: &'static str, is_within: bool) -> Result<(), Refusal> {
    if is_within { Ok(()) } else { Err(invalid(field)) }
}

fn check_last_good(list: &[LastGood]) -> Result<(), Refusal> {
    let logs: BTreeSet<&Origin> = list.iter().map(|good| &good.log).collect();
    within("last_good", list.len() <= LAST_GOOD_MAX && logs.len() == list.len())
}

impl FederationRoot {
    /// `FIELD_INVALID` where it contradicts itself or exceeds a bound.
    pub fn check(&self) -> Result<(), Refusal> {
        let keys: BTreeSet<KeyHash> = self.trustees.iter().map(|trustee| trustee.key.hash()).collect();
        within("trustees", keys.len() == self.trustees.len() && (1..=TRUSTEES_MAX).contains(&keys.len()))?;
        within("threshold", self.threshold >= 1 && self.threshold as usize <= keys.len())?;
        checked_count("version", self.version)?;
        within("version", (self.version == 1) == self.prev.is_none())?;
        let nodes: BTreeSet<&NodeId> = self.witnesses.nodes.iter().collect();
        let quorum = self.witnesses.quorum as usize;
        let is_policy = nodes.len() == self.witnesses.nodes.len()
            && nodes.len() <= WITNESSES_MAX
            && (WitnessPolicy::quorum_of(nodes.len())..=nodes.len()).contains(&quorum);
        within("witnesses", is_policy)?;
        self.trustees.iter().try_for_each(|trustee| checked_title("trustees", &trustee.name, 100))
    }

    /// Whether this may follow `before`, which has that id: one version at a time.
    pub fn follows(&self, id: StatementId, before: &Self) -> bool {
        before.version.checked_add(1) == Some(self.version) && self.prev == Some(id)
    }
}

impl RootKeys {
    /// `FIELD_INVALID` unless keys are distinct and the threshold can be met.
    pub fn check(&self) -> Result<(), Refusal> {
        let distinct: BTreeSet<KeyHash> = self.keys.iter().map(PublicKey::hash).collect();
        let fits = (1..=ROOT_KEYS_MAX).contains(&distinct.len()) && distinct.len() == self.keys.len();
        within("root", fits && self.threshold >= 1 && self.threshold as usize <= distinct.len())
    }

    /// The commitment to a set of keys and its threshold: SHA-256 over `verbund/root-keys/v1`, a zero byte, the
    /// threshold (4 bytes, big-endian) and the 32-byte keys in order.
    pub fn commitment(keys: &[PublicKey], threshold: u32) -> Hash {
        let mut bytes = b"verbund/root-keys/v1\0".to_vec();
        bytes.extend_from_slice(&threshold.to_be_bytes());
        keys.iter().for_each(|key| bytes.extend_from_slice(&key.to_bytes()));
        Hash::of(&bytes)
    }

    /// Whether this is the set committed to.
    pub fn is_committed(&self, commitment: &Hash) -> bool {
        Self::commitment(&self.keys, self.threshold) == *commitment
    }
}

impl Admission {
    /// `FIELD_INVALID` or `TEXT_TOO_LONG` where it contradicts itself or exceeds a bound.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_title("name", &self.name, 500)?;
        checked_label("legal_form", &self.legal_form, 500)?;
        checked_text("source", &self.source, 500)?;
        self.portal.iter().try_for_each(|portal| checked_title("portal", portal, 200))?;
        let is_first = self.number == 1;
        checked_count("number", self.number)?;
        within("prev", is_first == self.prev.is_none())?;
        within("root", is_first == self.root.is_some())?;
        within("operates", self.operates.as_ref().is_none_or(|node| *node == self.home_node))?;
        self.root.iter().try_for_each(RootKeys::check)
    }
}

impl Expulsion {
    /// `FIELD_INVALID` or `TEXT_TOO_LONG` where it exceeds a bound.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_lines("reason", &self.reason, 500)?;
        check_last_good(&self.last_good)
    }
}

impl KeyEvent {
    /// `FIELD_INVALID` where it contradicts itself or exceeds a bound.
    pub fn check(&self) -> Result<(), Refusal> {
        within("seq", self.seq <= u64::from(COUNT_MAX) && (self.seq == 0) == self.prev.is_none())?;
        within("add", self.add.len() <= EVENT_KEYS_MAX)?;
        let revoked: BTreeSet<&KeyHash> = self.revoke.iter().map(|revocation| &revocation.key).collect();
        within("revoke", self.revoke.len() <= REVOCATIONS_MAX && revoked.len() == self.revoke.len())?;
        within("new_epoch", self.new_epoch.as_ref().is_none_or(|new| (2..=COUNT_MAX).contains(&new.epoch)))?;
        self.revoke.iter().try_for_each(|revocation| check_last_good(&revocation.last_good))?;
        self.root.iter().try_for_each(RootKeys::check)
    }
}

impl Recovery {
    /// `FIELD_INVALID` or `TEXT_TOO_LONG` where it exceeds a bound.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_lines("reason", &self.reason, 500)?;
        self.root.check()
    }
}

impl Succession {
    /// `FIELD_INVALID` or `TEXT_TOO_LONG` where it contradicts itself or exceeds a bound.
    pub fn check(&self) -> Result<(), Refusal> {
        within("successor", self.predecessor != self.successor)?;
        checked_text("source", &self.source, 500)
    }
}

impl NodeRecord {
    /// `FIELD_INVALID` unless every address is `host:port` in plain letters, and none is named twice.
    pub fn check(&self) -> Result<(), Refusal> {
        let distinct: BTreeSet<&String> = self.addresses.iter().collect();
        let is_listed = (1..=ADDRESSES_MAX).contains(&self.addresses.len()) && distinct.len() == self.addresses.len();
        within("addresses", is_listed && self.addresses.iter().all(|address| is_address(address)))
    }
}

/// Whether a text is `host:port`, with brackets around an IPv6 address, and nothing else: no scheme, path or blank.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_name =
        |host: &str| !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    let is_ip6 = |host: &str| {
        let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
    };
    let is_port = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    text.len() <= ADDRESS_BYTES_MAX && is_port && (is_name(host) || is_ip6(host))
}

/// How many years a grant holds where nothing is said.
pub const GRANT_YEARS: u32 = 2;

impl OfficerGrant {
    /// `FIELD_INVALID` or `INTERVAL_INVALID` where it contradicts itself.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.valid_to < self.valid_from {
            return Err(Refusal::new(Reason::IntervalInvalid).with("field", "valid_to"));
        }
        within("roles", !self.roles.is_empty())
    }

    /// Whether the grant covers an order of this size alone, after so much in the same calendar year.
    pub fn suffices(&self, cap: Cents, spent_this_year: Cents) -> bool {
        let of_year = self.limit_per_year.is_none_or(|limit| spent_this_year.plus(cap).is_ok_and(|sum| sum <= limit));
        cap <= self.limit && of_year
    }

    /// Refuses with `GRANT_ROLE_MISSING` where it has none of these roles.
    pub fn check_roles(&self, roles: &[OfficerRole]) -> Result<(), Refusal> {
        if roles.iter().any(|role| self.roles.contains(role)) {
            return Ok(());
        }
        let needed: Vec<&str> = roles.iter().map(|role| role.word()).collect();
        let refusal = Refusal::new(Reason::GrantRoleMissing).with("org", &self.org).with("officer", &self.officer);
        Err(refusal.with("needed", needed.join("/")))
    }

    /// Refuses with `GRANT_EXPIRED` on a day on which the grant is not in force.
    pub fn check_on(&self, day: Date) -> Result<(), Refusal> {
        if (self.valid_from..=self.valid_to).contains(&day) {
            return Ok(());
        }
        Err(Refusal::new(Reason::GrantExpired)
            .with("org", &self.org)
            .with("officer", &self.officer)
            .with("valid", format!("{} – {}", self.valid_from, self.valid_to))
            .with("day", day))
    }
}
