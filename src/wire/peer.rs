//! Frames between nodes, and the run with which a new node introduces itself.
//!
//! Whatever is malformed is `FRAME_INVALID` and names the field. What the entries of a frame have in common is said once
//! per frame: an entry costs its payload, its signature and a few bytes. A confidential body never leaves in a frame, even if
//! a caller puts it there: only its leaf does.
use std::collections::BTreeMap;

use crate::domain::id::{Hash, KeyHash, OrgId, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::Signature;
use crate::domain::statement::{Kind, SignatureBy, Signed, pae};
use crate::domain::time::Timestamp;
use crate::log::digest::{BUCKETS, ShortHash};
use crate::log::fork::{Branch, ForkProof};
use crate::log::leaf::{Audience, Leaf, NO_OUTCOME};
use crate::log::note::SignedNote;
use crate::protocol::frame::{Claim, Cover, Frame, Run, Wanted};
use crate::protocol::limits::{
    COVERS_MAX, FRAME_ENTRIES_MAX, FRAME_HEADS_MAX, INTRODUCTION_ENTRIES_MAX, PROBE_SIZES_MAX, PROOF_HASHES_MAX,
};
use crate::protocol::record::LogEntry;
use crate::protocol::settings::Instance;
use crate::wire::pb::peer::v1 as pb;
use crate::wire::pb::peer::v1::frame::Kind as PbKind;
use crate::wire::pb::statement::v1::StatementKind;
use crate::wire::{fixed, instant, parsed, required, timestamp};

/// The frames this version speaks, and the oldest it understands.
const PROTOCOL: u32 = 5;

/// The epoch that is not named.
const FIRST_EPOCH: u32 = 1;

/// Longest text of a `Bye`.
const REASON_CHARS_MAX: usize = 100;

/// The kinds that have a number in frames.
const NUMBERED: [(Kind, StatementKind); 18] = [
    (Kind::FederationRoot, StatementKind::FederationRoot),
    (Kind::Admission, StatementKind::Admission),
    (Kind::Expulsion, StatementKind::Expulsion),
    (Kind::KeyEvent, StatementKind::KeyEvent),
    (Kind::NodeRecord, StatementKind::NodeRecord),
    (Kind::OfficerGrant, StatementKind::OfficerGrant),
    (Kind::Membership, StatementKind::Membership),
    (Kind::EntityFacts, StatementKind::EntityFacts),
    (Kind::Offering, StatementKind::Offering),
    (Kind::Withdrawal, StatementKind::Withdrawal),
    (Kind::ConnectionReport, StatementKind::ConnectionReport),
    (Kind::ConnectionProfile, StatementKind::ConnectionProfile),
    (Kind::Need, StatementKind::Need),
    (Kind::NeedWithdrawal, StatementKind::NeedWithdrawal),
    (Kind::RulePack, StatementKind::RulePack),
    (Kind::Tariff, StatementKind::Tariff),
    (Kind::Recovery, StatementKind::Recovery),
    (Kind::Succession, StatementKind::Succession),
];

/// Longest patience a peer can ask for, in seconds.
const BUSY_SECONDS_MAX: i64 = 60;

/// What arrived on a stream.
#[derive(Clone, PartialEq, Debug)]
#[expect(clippy::large_enum_variant, reason = "a frame is moved once and the other variant is rare")]
pub enum Heard {
    /// A frame to act upon.
    Frame(Frame),
    /// A frame of a later version, of no meaning here.
    Later,
}

/// What kind of frame it is, as the field of the message names it.
pub fn kind_name(frame: &pb::Frame) -> &'static str {
    match &frame.kind {
        None => "unknown",
        Some(PbKind::Hello(_)) => "hello",
        Some(PbKind::Heads(_)) => "heads",
        Some(PbKind::Ping(_)) => "ping",
        Some(PbKind::Clock(_)) => "clock",
        Some(PbKind::Want(_)) => "want",
        Some(PbKind::Entries(_)) => "entries",
        Some(PbKind::Cosigned(_)) => "cosigned",
        Some(PbKind::Bye(_)) => "bye",
        Some(PbKind::Resume(_)) => "resume",
        Some(PbKind::Buckets(_)) => "buckets",
        Some(PbKind::JournalDelta(_)) => "journal_delta",
        Some(PbKind::Credit(_)) => "credit",
        Some(PbKind::Ack(_)) => "ack",
        Some(PbKind::Busy(_)) => "busy",
        Some(PbKind::ForkProof(_)) => "fork_proof",
        Some(PbKind::Probe(_)) => "probe",
        Some(PbKind::Branch(_)) => "branch",
        Some(PbKind::Pushed(_)) => "pushed",
        Some(PbKind::CoversWanted(_)) => "covers_wanted",
    }
}

/// A malformed part of a frame: which one, and which rule.
pub(super) fn malformed(refusal: Refusal) -> Refusal {
    let mut frame = Refusal::new(Reason::FrameInvalid).with("rule", refusal.reason.code());
    frame.fields.extend(refusal.fields);
    frame
}

/// Refuses lists that no honest node sends, before anything in them is looked at.
pub(super) fn bounded(field: &'static str, length: usize, most: usize) -> Result<(), Refusal> {
    if length <= most {
        return Ok(());
    }
    Err(Refusal::new(Reason::FrameInvalid).with("field", field).with("entries", length).with("at_most", most))
}

impl Heard {
    /// Reads a frame from a stream between nodes of this federation, whose logs it calls by their short names.
    pub fn read(message: pb::Frame, federation: &OrgId) -> Result<Self, Refusal> {
        // A kind this version does not know is dropped by the decoder.
        let Some(kind) = message.kind else { return Ok(Self::Later) };
        let frame = heard(kind, federation).map_err(|refusal| match refusal.reason {
            Reason::FrameInvalid | Reason::ProtocolTooOld => refusal,
            _ => malformed(refusal),
        });
        frame.map(Self::Frame)
    }
}

fn heard(kind: PbKind, federation: &OrgId) -> Result<Frame, Refusal> {
    let log = |field, name: &str| log_of(field, name, federation);
    Ok(match kind {
        PbKind::Hello(hello) => hello_of(hello)?,
        PbKind::Resume(pb::Resume { instance, journal_position }) => {
            Frame::Resume { instance: instance_of("resume.instance", &instance)?, position: journal_position }
        }
        PbKind::Buckets(pb::Buckets { journal_position, salt, short_digests }) => {
            let field = "buckets.short_digests";
            bounded(field, short_digests.len(), BUCKETS * size_of::<ShortHash>())?;
            let digests: Result<Vec<ShortHash>, Refusal> =
                short_digests.chunks(size_of::<ShortHash>()).map(|bytes| fixed(field, bytes)).collect();
            Frame::Buckets { position: journal_position, salt: fixed("buckets.salt", &salt)?, digests: digests? }
        }
        PbKind::Heads(pb::Heads { heads, buckets, journal_position, asked_at }) => {
            bounded("heads.buckets", buckets.len(), BUCKETS)?;
            let bucket = |bucket: u32| {
                u8::try_from(bucket).map_err(|_| Refusal::new(Reason::FrameInvalid).with("field", "heads.buckets"))
            };
            let buckets: Result<Vec<u8>, Refusal> = buckets.into_iter().map(bucket).collect();
            Frame::Heads {
                asked_at,
                position: journal_position,
                buckets: buckets?,
                heads: heads_of(federation, &heads)?,
            }
        }
        PbKind::JournalDelta(delta) => news_of(federation, &delta)?,
        PbKind::Pushed(pb::Pushed { journal_position, check }) => {
            Frame::Pushed { until: journal_position, check: check.to_be_bytes() }
        }
        PbKind::Ack(pb::Ack { journal_position }) => Frame::Ack { position: journal_position },
        PbKind::Ping(pb::Ping { digest, journal_position }) => {
            Frame::Ping { digest: hash("ping.digest", &digest)?, position: journal_position }
        }
        PbKind::Clock(pb::Clock { now, is_answer }) => {
            Frame::Clock { now: instant(&required("clock.now", now)?), is_answer }
        }
        PbKind::Want(pb::Want { origin, first, root_prefix, witnessed, cut }) => Frame::Want(Wanted {
            origin: log("want.origin", &origin)?,
            first,
            root: fixed("want.root_prefix", &root_prefix)?,
            witnessed,
            cut,
        }),
        PbKind::Credit(pb::Credit { bytes }) => Frame::Credit { bytes },
        PbKind::Entries(entries) => Frame::Entries(run_of(log("entries.origin", &entries.origin)?, entries)?),
        PbKind::Cosigned(pb::Cosigned { note }) => Frame::Cosigned { note },
        PbKind::CoversWanted(wanted) => covers_wanted_of(log("covers_wanted.origin", &wanted.origin)?, wanted)?,
        PbKind::Probe(probe) => probe_of(log("probe.origin", &probe.origin)?, &probe)?,
        PbKind::Branch(pb::Branch { origin, size, history }) => Frame::Branch {
            origin: log("branch.origin", &origin)?,
            size,
            branch: branch_of("branch.history", history)?,
        },
        PbKind::ForkProof(pb::ForkProof { origin, size, first, second }) => Frame::ForkProof(ForkProof {
            origin: log("fork_proof.origin", &origin)?,
            size,
            first: branch_of("fork_proof.first", first)?,
            second: branch_of("fork_proof.second", second)?,
        }),
        PbKind::Busy(pb::Busy { retry_after }) => {
            let wait = retry_after.unwrap_or_default();
            let seconds = wait.seconds.clamp(0, BUSY_SECONDS_MAX);
            Frame::Busy { retry_after_ms: seconds * 1_000 + i64::from(wait.nanos.clamp(0, 999_999_999)) / 1_000_000 }
        }
        PbKind::Bye(pb::Bye { reason }) => Frame::Bye { reason: reason.chars().take(REASON_CHARS_MAX).collect() },
    })
}

fn hash(field: &'static str, bytes: &[u8]) -> Result<Hash, Refusal> {
    fixed(field, bytes).map(Hash)
}

fn instance_of(field: &'static str, bytes: &[u8]) -> Result<Instance, Refusal> {
    fixed(field, bytes).map(Instance)
}

fn hello_of(hello: pb::Hello) -> Result<Frame, Refusal> {
    let pb::Hello { anchor, node, digest, protocol, instance, journal_position, your_note } = hello;
    if protocol < PROTOCOL {
        return Err(Refusal::new(Reason::ProtocolTooOld).with("protocol", protocol).with("needed", PROTOCOL));
    }
    Ok(Frame::Hello {
        anchor: StatementId(fixed("hello.anchor", &anchor)?),
        node: parsed("hello.node", &node)?,
        digest: hash("hello.digest", &digest)?,
        instance: instance_of("hello.instance", &instance)?,
        position: journal_position,
        yours: (!your_note.is_empty()).then_some(your_note),
    })
}

/// The short name of a log among those of its federation: `NODE` for the first epoch, `NODE/EPOCH` for later ones.
fn short_name(origin: &Origin) -> String {
    let Origin { federation: _, node, epoch } = origin;
    if *epoch == FIRST_EPOCH { node.to_string() } else { format!("{node}/{epoch}") }
}

/// The log of a short name. There is one name for each log.
fn log_of(field: &'static str, name: &str, federation: &OrgId) -> Result<Origin, Refusal> {
    let (node, epoch) = name.split_once('/').unwrap_or((name, "1"));
    let origin: Origin = parsed(field, &format!("{federation}/log/{node}/{epoch}"))?;
    if short_name(&origin) == name {
        return Ok(origin);
    }
    Err(Refusal::new(Reason::FrameInvalid).with("field", field))
}

fn heads_of(federation: &OrgId, heads: &[pb::Head]) -> Result<Vec<Claim>, Refusal> {
    bounded("heads.heads", heads.len(), FRAME_HEADS_MAX)?;
    let head = |pb::Head { node, epoch, size, root_prefix: root, witnessed_size, cut }: &pb::Head| {
        let node = parsed("heads.heads.node", node)?;
        let origin = Origin { federation: federation.clone(), node, epoch: epoch.unwrap_or(FIRST_EPOCH) };
        let root = fixed("heads.heads.root_prefix", root)?;
        Ok(Claim { origin, size: *size, root, witnessed: witnessed_size.unwrap_or(*size), cut: *cut })
    };
    heads.iter().map(head).collect()
}

fn news_of(federation: &OrgId, delta: &pb::JournalDelta) -> Result<Frame, Refusal> {
    let pb::JournalDelta { since, until, heads } = delta;
    Ok(Frame::News { since: *since, until: *until, heads: heads_of(federation, heads)? })
}

fn covers_wanted_of(origin: Origin, wanted: pb::CoversWanted) -> Result<Frame, Refusal> {
    bounded("covers_wanted.indexes", wanted.indexes.len(), COVERS_MAX)?;
    Ok(Frame::CoversWanted { origin, indexes: wanted.indexes })
}

fn covers_wanted(origin: &Origin, indexes: &[u64]) -> pb::CoversWanted {
    pb::CoversWanted { origin: short_name(origin), indexes: indexes.to_vec() }
}

fn probe_of(origin: Origin, probe: &pb::Probe) -> Result<Frame, Refusal> {
    let pb::Probe { origin: _, low, high, sizes, roots } = probe;
    bounded("probe.sizes", sizes.len(), PROBE_SIZES_MAX)?;
    if sizes.len() != roots.len() {
        return Err(Refusal::new(Reason::FrameInvalid).with("field", "probe.roots"));
    }
    let roots: Result<Vec<(u64, Hash)>, Refusal> =
        sizes.iter().zip(roots).map(|(size, root)| Ok((*size, hash("probe.roots", root)?))).collect();
    Ok(Frame::Probe { origin, low: *low, high: *high, roots: roots? })
}

fn proof_of(field: &'static str, hashes: &[Vec<u8>]) -> Result<Vec<Hash>, Refusal> {
    bounded(field, hashes.len(), PROOF_HASHES_MAX)?;
    hashes.iter().map(|bytes| hash(field, bytes)).collect()
}

fn branch_of(field: &'static str, history: Option<pb::History>) -> Result<Branch, Refusal> {
    let pb::History { root, note, consistency } = required(field, history)?;
    Ok(Branch { root: hash(field, &root)?, note: SignedNote::parse(&note)?, proof: proof_of(field, &consistency)? })
}

fn history(branch: &Branch) -> pb::History {
    pb::History {
        root: branch.root.0.to_vec(),
        note: branch.note.to_string(),
        consistency: branch.proof.iter().map(|hash| hash.0.to_vec()).collect(),
    }
}

fn run_of(origin: Origin, message: pb::Entries) -> Result<Run, Refusal> {
    let pb::Entries { origin: _, first, entries, note, consistency, base_prefix, kind, key_hashes, log_signature } =
        message;
    bounded("entries.entries", entries.len(), FRAME_ENTRIES_MAX)?;
    bounded("entries.key_hashes", key_hashes.len(), FRAME_ENTRIES_MAX)?;
    let keys: Result<Vec<KeyHash>, Refusal> =
        key_hashes.iter().map(|bytes| fixed("entries.key_hashes", bytes).map(KeyHash)).collect();
    let common = Common { payload_type: payload_type("entries.kind", kind)?, keys: keys? };
    let cover = match &log_signature[..] {
        [] => Cover::Note(note),
        signature => Cover::Signature(Signature(fixed("entries.log_signature", signature)?)),
    };
    let entries: Result<Vec<LogEntry>, Refusal> = entries.into_iter().map(|entry| common.entry(entry)).collect();
    Ok(Run {
        origin,
        first,
        base: (!base_prefix.is_empty()).then(|| fixed("entries.base_prefix", &base_prefix)).transpose()?,
        entries: entries?,
        cover,
        consistency: proof_of("entries.consistency", &consistency)?,
    })
}

/// The payload type of a numbered kind; none if no kind is named.
fn payload_type(field: &'static str, number: i32) -> Result<Option<String>, Refusal> {
    if number == StatementKind::Unspecified as i32 {
        return Ok(None);
    }
    let kind = NUMBERED.iter().find(|(_, numbered)| *numbered as i32 == number);
    let (kind, _) =
        kind.ok_or_else(|| Refusal::new(Reason::FrameInvalid).with("field", field).with("number", number))?;
    Ok(Some(kind.payload_type()))
}

/// The number of a kind; none for those of a later version.
fn number_of(kind: &Kind) -> Option<StatementKind> {
    NUMBERED.iter().find(|(numbered, _)| numbered == kind).map(|(_, number)| *number)
}

/// What the entries of one frame have in common, read once.
struct Common {
    payload_type: Option<String>,
    keys: Vec<KeyHash>,
}

impl Common {
    fn entry(&self, message: pb::Entry) -> Result<LogEntry, Refusal> {
        let pb::Entry { statement, leaf, payload, own_kind, key, signature } = message;
        let statement = match statement {
            Some(statement) => Some(Signed::try_from(statement)?),
            None if payload.is_empty() => None,
            None => Some(self.short(&payload, own_kind, key, &signature)?),
        };
        let leaf = match &statement {
            Some(signed) if leaf.is_empty() => Leaf::new(signed, Audience::Public, NO_OUTCOME),
            _ => Leaf::parse(&leaf).map_err(|refusal| refusal.with("field", "entries.entries.leaf"))?,
        };
        Ok(LogEntry { leaf, statement })
    }

    fn short(&self, payload: &[u8], own_kind: i32, key: u32, signature: &[u8]) -> Result<Signed, Refusal> {
        let missing = |field: &'static str| Refusal::new(Reason::FrameInvalid).with("field", field);
        let own = payload_type("entries.entries.own_kind", own_kind)?;
        let payload_type =
            own.as_ref().or(self.payload_type.as_ref()).ok_or_else(|| missing("entries.entries.own_kind"))?;
        let key = *self.keys.get(key as usize).ok_or_else(|| missing("entries.entries.key"))?;
        let signature = Signature(fixed("entries.entries.signature", signature)?);
        Signed::parse(&pae(payload_type, payload), vec![SignatureBy { key, signature }])
    }
}

fn entries_message(run: &Run) -> pb::Entries {
    let mut keys = Vec::<KeyHash>::new();
    let common = common_kind(&run.entries);
    let (note, log_signature) = match &run.cover {
        Cover::Note(note) => (note.clone(), Vec::new()),
        Cover::Signature(signature) => (String::new(), signature.0.to_vec()),
    };
    pb::Entries {
        origin: short_name(&run.origin),
        first: run.first,
        entries: run.entries.iter().map(|entry| entry_message(entry, common, &mut keys)).collect(),
        note,
        log_signature,
        consistency: run.consistency.iter().map(|hash| hash.0.to_vec()).collect(),
        base_prefix: run.base.map(|root| root.to_vec()).unwrap_or_default(),
        kind: common.into(),
        key_hashes: keys.iter().map(|key| key.0.to_vec()).collect(),
    }
}

/// The kind that most entries have; it is named once.
fn common_kind(entries: &[LogEntry]) -> StatementKind {
    let mut counts = BTreeMap::<StatementKind, usize>::new();
    for kind in entries.iter().filter_map(short_form).map(|(_, _, kind)| kind) {
        *counts.entry(kind).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or(StatementKind::Unspecified, |(kind, _)| kind)
}

/// The statement of an entry as everyone may have it. The last line of defence: the leaf says who may have the body.
fn shown(entry: &LogEntry) -> Option<&Signed> {
    entry.statement.as_ref().filter(|_| entry.leaf.audience() == Audience::Public)
}

/// The parts of a statement that can be sent in the short form.
fn short_form(entry: &LogEntry) -> Option<(&Signed, &SignatureBy, StatementKind)> {
    let signed = shown(entry)?;
    let [by] = signed.signatures() else { return None };
    Some((signed, by, number_of(signed.kind())?))
}

fn entry_message(entry: &LogEntry, common: StatementKind, keys: &mut Vec<KeyHash>) -> pb::Entry {
    let statement = shown(entry);
    let follows = statement.is_some_and(|signed| entry.leaf == Leaf::new(signed, Audience::Public, NO_OUTCOME));
    let leaf = if follows { Vec::new() } else { entry.leaf.stem().to_vec() };
    let Some((signed, by, kind)) = short_form(entry) else {
        return pb::Entry { leaf, statement: statement.map(Into::into), ..pb::Entry::default() };
    };
    let own_kind = if kind == common { StatementKind::Unspecified } else { kind };
    pb::Entry {
        leaf,
        statement: None,
        payload: signed.payload().to_vec(),
        own_kind: own_kind.into(),
        key: index_in(keys, by.key),
        signature: by.signature.0.to_vec(),
    }
}

/// Where a value stands in a table of a frame; a new one is added. Frames have few different ones, and at most 512.
fn index_in<T: PartialEq>(table: &mut Vec<T>, value: T) -> u32 {
    let at = table.iter().rposition(|known| *known == value).unwrap_or_else(|| {
        table.push(value);
        table.len() - 1
    });
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn clock(now: Timestamp, is_answer: bool) -> pb::Clock {
    pb::Clock { now: Some(timestamp(now)), is_answer }
}

impl From<&Frame> for pb::Frame {
    fn from(frame: &Frame) -> Self {
        let kind = match frame {
            Frame::Hello { anchor, node, digest, instance, position, yours } => PbKind::Hello(pb::Hello {
                anchor: anchor.0.to_vec(),
                node: node.to_string(),
                digest: digest.0.to_vec(),
                protocol: PROTOCOL,
                instance: instance.0.to_vec(),
                journal_position: *position,
                your_note: yours.clone().unwrap_or_default(),
            }),
            Frame::Resume { instance, position } => {
                PbKind::Resume(pb::Resume { instance: instance.0.to_vec(), journal_position: *position })
            }
            Frame::Buckets { position, salt, digests } => PbKind::Buckets(pb::Buckets {
                journal_position: *position,
                salt: salt.to_vec(),
                short_digests: digests.concat(),
            }),
            Frame::Heads { asked_at, position, buckets, heads } => PbKind::Heads(pb::Heads {
                asked_at: *asked_at,
                heads: heads.iter().map(pb::Head::from).collect(),
                buckets: buckets.iter().map(|bucket| u32::from(*bucket)).collect(),
                journal_position: *position,
            }),
            Frame::News { since, until, heads } => PbKind::JournalDelta(pb::JournalDelta {
                since: *since,
                until: *until,
                heads: heads.iter().map(pb::Head::from).collect(),
            }),
            Frame::Pushed { until, check } => {
                PbKind::Pushed(pb::Pushed { journal_position: *until, check: u32::from_be_bytes(*check) })
            }
            Frame::Ack { position } => PbKind::Ack(pb::Ack { journal_position: *position }),
            Frame::Ping { digest, position } => {
                PbKind::Ping(pb::Ping { digest: digest.0.to_vec(), journal_position: *position })
            }
            Frame::Clock { now, is_answer } => PbKind::Clock(clock(*now, *is_answer)),
            Frame::Want(Wanted { origin, first, root, witnessed, cut }) => PbKind::Want(pb::Want {
                origin: short_name(origin),
                first: *first,
                root_prefix: root.to_vec(),
                witnessed: *witnessed,
                cut: *cut,
            }),
            Frame::Credit { bytes } => PbKind::Credit(pb::Credit { bytes: *bytes }),
            Frame::Entries(run) => PbKind::Entries(entries_message(run)),
            Frame::Cosigned { note } => PbKind::Cosigned(pb::Cosigned { note: note.clone() }),
            Frame::CoversWanted { origin, indexes } => PbKind::CoversWanted(covers_wanted(origin, indexes)),
            Frame::Probe { origin, low, high, roots } => PbKind::Probe(pb::Probe {
                origin: short_name(origin),
                low: *low,
                high: *high,
                sizes: roots.iter().map(|(size, _)| *size).collect(),
                roots: roots.iter().map(|(_, root)| root.0.to_vec()).collect(),
            }),
            Frame::Branch { origin, size, branch } => {
                PbKind::Branch(pb::Branch { origin: short_name(origin), size: *size, history: Some(history(branch)) })
            }
            Frame::ForkProof(proof) => PbKind::ForkProof(pb::ForkProof {
                origin: short_name(&proof.origin),
                size: proof.size,
                first: Some(history(&proof.first)),
                second: Some(history(&proof.second)),
            }),
            Frame::Busy { retry_after_ms } => PbKind::Busy(pb::Busy { retry_after: Some(millis(*retry_after_ms)) }),
            Frame::Bye { reason } => PbKind::Bye(pb::Bye { reason: reason.clone() }),
        };
        Self { kind: Some(kind) }
    }
}

fn millis(ms: i64) -> prost_types::Duration {
    let nanos = i32::try_from(ms.rem_euclid(1_000) * 1_000_000).unwrap_or(0);
    prost_types::Duration { seconds: ms.div_euclid(1_000), nanos }
}

impl From<&Claim> for pb::Head {
    fn from(claim: &Claim) -> Self {
        let Claim { origin: Origin { node, epoch, .. }, size, root, witnessed, cut } = claim;
        Self {
            node: node.to_string(),
            epoch: (*epoch != FIRST_EPOCH).then_some(*epoch),
            size: *size,
            root_prefix: root.to_vec(),
            witnessed_size: (witnessed != size).then_some(*witnessed),
            cut: *cut,
        }
    }
}

/// How a caller makes itself known.
pub enum Introduction {
    /// By the beginning of its log.
    Beginning(Run),
    /// By a new node record.
    Record(Signed),
}

impl TryFrom<pb::IntroduceRequest> for Introduction {
    type Error = Refusal;

    fn try_from(message: pb::IntroduceRequest) -> Result<Self, Refusal> {
        let pb::IntroduceRequest { log, node_record } = message;
        if let Some(record) = node_record {
            return Signed::try_from(record).map(Self::Record);
        }
        let log = required("log", log).map_err(malformed)?;
        bounded("log.entries", log.entries.len(), INTRODUCTION_ENTRIES_MAX)?;
        let origin = parsed("log.origin", &log.origin).map_err(malformed)?;
        let run = run_of(origin, log)
            .map_err(|refusal| if refusal.reason == Reason::FrameInvalid { refusal } else { malformed(refusal) })?;
        Ok(Self::Beginning(run))
    }
}

impl From<&Run> for pb::IntroduceRequest {
    fn from(run: &Run) -> Self {
        // Which federation it wants to join is the question.
        let log = Some(pb::Entries { origin: run.origin.to_string(), ..entries_message(run) });
        Self { log, node_record: None }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::Kind;
    use crate::log::checkpoint::Checkpoint;
    use crate::log::leaf::OutcomeTag;

    fn federation() -> OrgId {
        "test".parse().expect("a name")
    }

    fn signed(kind: &Kind) -> Signed {
        Signed::sign(kind, &serde_json::json!({"a": 1}), &[&SecretKey::from_seed(&[1; 32])])
    }

    fn entry(kind: &Kind, audience: Audience, outcome: OutcomeTag, with_statement: bool) -> LogEntry {
        let signed = signed(kind);
        LogEntry { leaf: Leaf::new(&signed, audience, outcome), statement: with_statement.then_some(signed) }
    }

    fn frames() -> Vec<Frame> {
        let origin: Origin = "test/log/kitu/1".parse().expect("an origin");
        let (digest, position, root) = (Hash([1; 32]), 9, [4; 8]);
        let head = Claim { origin: origin.clone(), size: 7, root, witnessed: 5, cut: None };
        let cut = Claim { cut: Some(0), witnessed: 0, size: 0, ..head.clone() };
        let mut later = Claim { witnessed: 7, ..head.clone() };
        later.origin.epoch = 2;
        let entries = vec![
            entry(&Kind::Need, Audience::Public, NO_OUTCOME, true),
            entry(&Kind::Need, Audience::Public, OutcomeTag([9; 32]), true),
            entry(&Kind::Seal, Audience::Parties, OutcomeTag([9; 32]), false),
            LogEntry {
                leaf: Leaf::new(&signed_twice(), Audience::Public, NO_OUTCOME),
                statement: Some(signed_twice()),
            },
            entry(&Kind::Offering, Audience::Public, NO_OUTCOME, true),
            entry(&Kind::Unknown("of-tomorrow".to_owned()), Audience::Public, NO_OUTCOME, true),
        ];
        let checkpoint = Checkpoint { origin: origin.clone(), size: 7, root: Hash([2; 32]) };
        let note = checkpoint.sign(&SecretKey::from_seed(&[9; 32]));
        let branch = Branch { root: digest, note: note.clone(), proof: vec![digest] };
        let (node, instance) = ("kitu".parse().expect("a name"), Instance([6; 16]));
        let yours = Some(note.to_string());
        let run = Run {
            origin: origin.clone(),
            first: 3,
            base: Some(root),
            entries,
            cover: Cover::of(&note, 7, 7),
            consistency: vec![digest],
        };
        vec![
            Frame::Hello { anchor: StatementId([3; 32]), node, digest, instance, position, yours },
            Frame::Heads { asked_at: 4, position, buckets: vec![3, 255], heads: vec![head.clone(), cut] },
            Frame::Ping { digest, position },
            Frame::Want(Wanted { origin: origin.clone(), first: 4, root, witnessed: 2, cut: Some(7) }),
            Frame::Entries(run.clone()),
            Frame::Cosigned { note: note.to_string() },
            Frame::Bye { reason: "FRAME_INVALID".to_owned() },
            Frame::Resume { instance, position },
            Frame::Buckets { position, salt: [8; 8], digests: vec![[5; 4]; 256] },
            Frame::News { since: 3, until: 9, heads: vec![head, later] },
            Frame::Credit { bytes: 7 },
            Frame::Ack { position },
            Frame::Busy { retry_after_ms: 1_234 },
            Frame::Probe { origin: origin.clone(), low: 1, high: 9, roots: vec![(3, digest)] },
            Frame::Branch { origin: origin.clone(), size: 4, branch: branch.clone() },
            Frame::ForkProof(ForkProof { origin: origin.clone(), size: 4, first: branch.clone(), second: branch }),
            Frame::Entries(Run { cover: Cover::of(&note, 7, 6), ..run }),
            Frame::Pushed { until: 9, check: [1, 2, 3, 4] },
            Frame::Clock { now: "2026-11-30T10:00:00.123Z".parse().expect("a time"), is_answer: true },
            Frame::CoversWanted { origin, indexes: vec![0, u64::MAX] },
        ]
    }

    fn signed_twice() -> Signed {
        let keys = [SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32])];
        Signed::sign(&Kind::Need, &serde_json::json!({"a": 1}), &[&keys[0], &keys[1]])
    }

    fn over_the_wire(frame: &Frame) -> pb::Frame {
        pb::Frame::decode(pb::Frame::from(frame).encode_to_vec().as_slice()).expect("own bytes")
    }

    #[test]
    fn every_frame_survives() {
        for frame in frames() {
            assert_eq!(Heard::read(over_the_wire(&frame), &federation()), Ok(Heard::Frame(frame)));
        }
    }

    /// What everyone may read has a number; what only parties may read never leaves in a frame and needs none.
    #[test]
    fn every_public_kind_has_a_number() {
        for kind in Kind::ALL {
            assert_eq!(number_of(kind).is_some(), kind.is_public(), "{kind:?}");
        }
    }

    /// Every log has one short name in its federation, and nothing else names it.
    #[test]
    fn a_log_has_one_short_name() {
        let federation = federation();
        for (name, origin) in [("kitu", "test/log/kitu/1"), ("kitu/2", "test/log/kitu/2")] {
            let log = log_of("log", name, &federation).expect(name);
            assert_eq!((log.to_string().as_str(), short_name(&log).as_str()), (origin, name));
        }
        for name in ["", "/", "kitu/", "kitu/1", "kitu/02", "/2", "kitu/2/3", "test/log/kitu/1"] {
            let refusal = log_of("log", name, &federation).expect_err(name);
            assert_eq!(malformed(refusal).field("field"), Some("log"), "{name}");
        }
    }

    #[test]
    fn a_public_entry_costs_no_leaf_and_a_confidential_body_stays_at_home() {
        let mut keys = Vec::new();
        let need = entry(&Kind::Need, Audience::Public, NO_OUTCOME, true);
        let public = entry_message(&need, StatementKind::Need, &mut keys);
        assert!(public.leaf.is_empty() && public.statement.is_none() && !public.payload.is_empty());
        let beyond = public.encoded_len() - need.statement.as_ref().expect("it has one").payload().len();
        assert!(beyond <= 75, "{beyond} bytes beyond the payload");
        let secret = entry(&Kind::Request, Audience::Parties, NO_OUTCOME, true);
        let confidential = entry_message(&secret, StatementKind::Need, &mut keys);
        assert!(confidential.statement.is_none() && confidential.payload.is_empty());
        assert_eq!(confidential.leaf.len(), 168);
    }

    /// Changes one part of a frame; the refusal must name the field.
    fn check(index: usize, field: &str, edit: impl FnOnce(&mut PbKind)) {
        let mut message = over_the_wire(&frames()[index]);
        edit(message.kind.as_mut().expect("a kind"));
        let refusal = Heard::read(message, &federation()).expect_err("malformed");
        assert_eq!((refusal.reason, refusal.field("field")), (Reason::FrameInvalid, Some(field)), "{refusal}");
    }

    macro_rules! check {
        ($index:expr, $field:expr, $kind:ident, $edit:expr) => {
            check($index, $field, |kind| {
                let PbKind::$kind(part) = kind else { panic!("another kind") };
                let edit: fn(&mut pb::$kind) = $edit;
                edit(part);
            })
        };
    }

    #[test]
    fn every_malformed_part_is_named() {
        check!(0, "hello.anchor", Hello, |hello| hello.anchor.clear());
        check!(0, "hello.node", Hello, |hello| hello.node = "Kitu".to_owned());
        check!(0, "hello.digest", Hello, |hello| hello.digest.push(0));
        check!(0, "hello.instance", Hello, |hello| hello.instance.clear());
        check!(1, "heads.heads.node", Heads, |heads| heads.heads[0].node.push('/'));
        check!(1, "heads.heads.root_prefix", Heads, |heads| heads.heads[0].root_prefix.clear());
        check!(1, "heads.heads", Heads, |heads| heads.heads = vec![pb::Head::default(); FRAME_HEADS_MAX + 1]);
        check!(1, "heads.buckets", Heads, |heads| heads.buckets[0] = 256);
        check!(1, "heads.buckets", Heads, |heads| heads.buckets = vec![0; 257]);
        check!(2, "ping.digest", Ping, |ping| ping.digest.clear());
        check!(18, "clock.now", Clock, |clock| clock.now = None);
        check!(3, "want.origin", Want, |want| want.origin.clear());
        check!(3, "want.root_prefix", Want, |want| want.root_prefix.clear());
        check!(4, "entries.origin", Entries, |entries| entries.origin.clear());
        check!(4, "entries.base_prefix", Entries, |entries| entries.base_prefix.push(0));
        check!(4, "entries.log_signature", Entries, |entries| entries.log_signature.push(0));
        check!(4, "entries.kind", Entries, |entries| entries.kind = 99);
        check!(4, "entries.key_hashes", Entries, |entries| entries.key_hashes = vec![vec![0; 32]; 513]);
        check!(4, "entries.key_hashes", Entries, |entries| entries.key_hashes[0].clear());
        check!(4, "entries.entries.own_kind", Entries, |entries| entries.entries[0].own_kind = 99);
        check!(4, "entries.entries.own_kind", Entries, |entries| entries.kind = 0);
        check!(4, "entries.entries.key", Entries, |entries| entries.entries[0].key = 1);
        check!(4, "entries.entries.signature", Entries, |entries| entries.entries[0].signature.clear());
        check!(4, "entries.entries.leaf", Entries, |entries| entries.entries[2].leaf.clear());
        check!(4, "entries.entries.leaf", Entries, |entries| entries.entries[1].leaf[0] ^= 1);
        check!(4, "signatures.key_hash", Entries, |entries| {
            entries.entries[3].statement.as_mut().expect("signed twice").signatures[0].key_hash.clear();
        });
        check!(4, "entries.entries", Entries, |entries| {
            entries.entries = vec![pb::Entry::default(); FRAME_ENTRIES_MAX + 1];
        });
        check!(4, "entries.consistency", Entries, |entries| entries.consistency[0].clear());
        check!(4, "entries.consistency", Entries, |entries| {
            entries.consistency = vec![vec![0; 32]; PROOF_HASHES_MAX + 1];
        });
        check!(7, "resume.instance", Resume, |resume| resume.instance.clear());
        check!(8, "buckets.salt", Buckets, |buckets| buckets.salt.clear());
        check!(8, "buckets.short_digests", Buckets, |buckets| buckets.short_digests.push(0));
        check!(8, "buckets.short_digests", Buckets, |buckets| {
            buckets.short_digests.pop();
        });
        check!(9, "heads.heads.node", JournalDelta, |delta| delta.heads[1].node.clear());
        check!(9, "heads.heads.root_prefix", JournalDelta, |delta| delta.heads[0].root_prefix.clear());
        check!(13, "probe.roots", Probe, |probe| probe.roots.clear());
        check!(13, "probe.sizes", Probe, |probe| probe.sizes = vec![0; 33]);
        check!(19, "covers_wanted.origin", CoversWanted, |wanted| wanted.origin.clear());
        check!(19, "covers_wanted.indexes", CoversWanted, |wanted| wanted.indexes = vec![0; 65]);
        check!(14, "branch.history", Branch, |branch| branch.history = None);
        check!(15, "fork_proof.second", ForkProof, |proof| proof.second = None);
        check!(15, "fork_proof.first", ForkProof, |proof| {
            proof.first.as_mut().expect("a half").consistency = vec![vec![0; 32]; PROOF_HASHES_MAX + 1];
        });
    }

    #[test]
    fn an_older_protocol_is_refused_and_a_later_frame_ignored() {
        let mut message = over_the_wire(&frames()[0]);
        if let Some(PbKind::Hello(hello)) = &mut message.kind {
            hello.protocol = 1;
        }
        assert_eq!(Heard::read(message, &federation()).expect_err("too old").reason, Reason::ProtocolTooOld);
        assert_eq!(Heard::read(pb::Frame { kind: None }, &federation()), Ok(Heard::Later));
    }
}
