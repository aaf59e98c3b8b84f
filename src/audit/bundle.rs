//! The evidence bundle: the exact signed bytes of one order and of everything it rests on, as one reproducible ZIP.
//!
//! ```text
//! mimetype                                  application/vnd.etsi.asic-e+zip, first and not compressed
//! format                                    verbund/bundle/v2
//! META-INF/ASiCManifest.xml                 SHA-256 of every member outside META-INF and annexes
//! policy.txt                                C2SP tlog-policy: logs, witnesses, quorum
//! keys/<16 hex of the key hash>.pem         SubjectPublicKeyInfo of every key that signed a statement here
//! root/<version>.*                          the federation root; its proofs are named root/<version>.<log>
//! root/<kind>-<8 hex of the id>.*           what else concerns everyone, with a proof for every log
//! trust/<log>/<index>.*                     what makes keys good, per log; <log> is the node, with .<epoch> after the first
//! ends/<log>.*                              where a log ends: leaf, paths to its trust digest, last public statement
//! times/<log>/<size>.cover                  an earlier checkpoint: when witnesses had seen what it is the first to cover
//! facts/<n>-<kind>.*                        offering, tariffs, facts
//! order/<n>-<kind>-<who>.*                  the order's messages, in order
//! annexes/<64 hex>.json                     the words that a message names by their SHA-256, unless erased
//! receipts/<n>.*                            receipts; they stand in no log
//! proofs/<log>-<size>.note                  a checkpoint with its cosignatures (C2SP, verbatim)
//! proofs/<log>-<size>.tlog-proofs           the places of all statements and ends under it
//! VERIFY.txt                                how to check all this with stock tools
//! ```
//!
//! `.*` is `.pae` (the signed bytes) and one `.<16 hex>.sig` per signature (64 raw bytes). A place is the name of its
//! statement in a line of its own, the head of a C2SP `tlog-proof`, and an empty line: with the note behind it the head is the
//! whole proof, verbatim. One file a log, because neighbours share most of their hashes. Must never judge: what a member
//! says is `verify`'s question.
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use crate::audit::container::{self, BUNDLE_BYTES_MAX, MEMBERS_MAX, MIMETYPE};
use crate::audit::cover::Cover;
use crate::domain::annex::{self, Annex};
use crate::domain::body::Body;
use crate::domain::characters::printable;
use crate::domain::id::{Hash, KeyHash, Origin, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::Signature;
use crate::domain::statement::{Kind, SignatureBy, Signed};
use crate::log::checkpoint::Checkpoint;
use crate::log::leaf::LEAF_BYTES;
use crate::log::proof::TlogProof;
use crate::log::subjects::SubjectPath;

/// The member that names the bundle's own format.
pub const FORMAT: &str = "format";

/// The number of the format written and read here. Readers of another number say so and judge nothing.
const FORMAT_NUMBER: u32 = 2;

/// What the member says before and behind the number.
const FORMAT_HEAD: &str = "verbund/bundle/v";
const FORMAT_TAIL: &str = "\n";

/// The list of digests.
pub const MANIFEST: &str = "META-INF/ASiCManifest.xml";

/// Where a qualified time stamp over the manifest goes, if someone adds one.
pub const TIMESTAMP: &str = "META-INF/timestamp.tst";

/// The folder of proofs, and how the two files of a checkpoint end.
pub const PROOFS: &str = "proofs/";
/// The checkpoint with its cosignatures.
pub const NOTE: &str = ".note";
/// The places under it.
pub const PLACES: &str = ".tlog-proofs";

/// The folder of log ends.
pub const ENDS: &str = "ends/";

/// The folder of earlier checkpoints.
pub const TIMES: &str = "times/";

/// The folder of annexes, and how they end. The list of digests holds none of them: whoever has to erase one takes it out
/// of every bundle that is kept, and all the rest, a time stamp too, holds as before.
pub const ANNEXES: &str = "annexes/";
const ANNEX_END: &str = ".json";

/// The log and witness keys for C2SP tools.
pub const POLICY: &str = "policy.txt";

/// How to check the bundle with stock tools.
pub const VERIFY: &str = "VERIFY.txt";

const MANIFEST_HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <asic:ASiCManifest xmlns:asic=\"http://uri.etsi.org/02918/v1.2.1#\" \
    xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\n\
    <asic:SigReference URI=\"META-INF/timestamp.tst\" MimeType=\"application/vnd.etsi.timestamp-token\"/>\n";
const MANIFEST_TAIL: &str = "</asic:ASiCManifest>\n";
const ENTRY_HEAD: &str = "<asic:DataObjectReference URI=\"";
const ENTRY_MIDDLE: &str =
    "\"><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue>";
const ENTRY_TAIL: &str = "</ds:DigestValue></asic:DataObjectReference>";

const PEM_HEAD: &str = "-----BEGIN PUBLIC KEY-----\n";
const PEM_TAIL: &str = "\n-----END PUBLIC KEY-----\n";

/// What precedes an Ed25519 key in a SubjectPublicKeyInfo (RFC 8410), and the length of the whole.
const SPKI_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const SPKI_BYTES: usize = 44;

/// A statement that stands in a log.
#[derive(Clone, Debug)]
pub struct LoggedStatement {
    /// The statement.
    pub signed: Signed,
    /// The proof of its place, which names the log; absent while no checkpoint covers it.
    pub proof: Option<TlogProof>,
}

/// Where a log ends, and what it had said about trust by then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogEnd {
    /// The newest leaf that the checkpoint covers.
    pub leaf: [u8; LEAF_BYTES],
    /// Its place.
    pub proof: TlogProof,
    /// The signed bytes behind it, if they are public.
    pub last: Option<Vec<u8>>,
    /// The path from each subject to the trust digest in the leaf.
    pub paths: BTreeMap<String, SubjectPath>,
}

/// First line of the text that holds leaf and paths.
const END_HEAD: &str = "verbund/log-end/v1";

impl LogEnd {
    /// Leaf and paths as text: a line for the leaf in base64, then for each subject its line, if nothing was said about it
    /// a line for the one that stands instead, and one for each step.
    pub fn text(&self) -> String {
        let mut text = format!("{END_HEAD}\nleaf {}\n", BASE64.encode(self.leaf));
        for (subject, path) in &self.paths {
            text += &format!("subject {subject}\n");
            if let Some((key, value)) = &path.instead {
                text += &format!("instead {} {}\n", BASE64.encode(key), BASE64.encode(value.0));
            }
            for (bit, other) in &path.steps {
                text += &format!("{bit} {}\n", BASE64.encode(other.0));
            }
        }
        text
    }

    /// Reads what [`LogEnd::text`] has written; anything else is refused.
    fn parse(text: &str, proof: TlogProof, last: Option<Vec<u8>>) -> Result<Self, Refusal> {
        let refuse = || Refusal::new(Reason::ProofInvalid).with("rule", "log end");
        // The leaf is here with its digest: a second place for it could say something else.
        if !proof.extra.is_empty() {
            return Err(refuse());
        }
        let mut lines = text.lines();
        let leaf = lines.nth(1).and_then(|line| BASE64.decode(line.strip_prefix("leaf ")?).ok());
        let leaf: [u8; LEAF_BYTES] = leaf.and_then(|bytes| bytes.try_into().ok()).ok_or_else(refuse)?;
        let mut end = Self { leaf, proof, last, paths: BTreeMap::new() };
        let mut subject = None;
        for line in lines {
            if let Some(name) = line.strip_prefix("subject ") {
                end.paths.insert(name.to_owned(), SubjectPath::default());
                subject = Some(name.to_owned());
                continue;
            }
            let bytes = |text: &str| -> Result<[u8; 32], Refusal> {
                BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(refuse)
            };
            let path = subject.as_ref().and_then(|subject| end.paths.get_mut(subject)).ok_or_else(refuse)?;
            if let Some(instead) = line.strip_prefix("instead ") {
                let (key, value) = instead.split_once(' ').ok_or_else(refuse)?;
                path.instead = Some((bytes(key)?, Hash(bytes(value)?)));
                continue;
            }
            let (bit, other) = line.split_once(' ').ok_or_else(refuse)?;
            let step = (bit.parse().map_err(|_| refuse())?, Hash(bytes(other)?));
            path.steps.push(step);
        }
        if end.text() == text { Ok(end) } else { Err(refuse()) }
    }
}

/// What a bundle is made of. What concerns everyone comes once per log.
#[derive(Clone, Debug)]
pub struct BundleInput {
    /// The federation's root hash: the id of root version 1.
    pub root: StatementId,
    /// Root versions, admissions, key events, grants; per log in the log's order.
    pub trust: Vec<LoggedStatement>,
    /// Where each log ends.
    pub ends: Vec<LogEnd>,
    /// When what matters came into the witnesses' sight.
    pub covers: Vec<Cover>,
    /// Offering, tariffs, facts.
    pub facts: Vec<LoggedStatement>,
    /// The order's messages, in order.
    pub messages: Vec<LoggedStatement>,
    /// Receipts.
    pub receipts: Vec<Signed>,
    /// The annexes of the messages that are at hand.
    pub annexes: Vec<Annex>,
}

impl BundleInput {
    /// Nothing yet.
    pub fn empty(root: StatementId) -> Self {
        Self {
            root,
            trust: Vec::new(),
            ends: Vec::new(),
            covers: Vec::new(),
            facts: Vec::new(),
            messages: Vec::new(),
            receipts: Vec::new(),
            annexes: Vec::new(),
        }
    }
}

/// A bundle: members by name. Any content is possible; whether it proves anything is another question.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bundle {
    /// The members' bytes.
    pub members: BTreeMap<String, Vec<u8>>,
    /// What packing tools left behind in the file this was read from; it is not written again.
    pub passed_over: Vec<String>,
}

/// What part of a bundle a statement lies in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Section {
    /// `root/`
    Root,
    /// `trust/`
    Trust,
    /// `facts/`
    Facts,
    /// `order/`
    Order,
    /// `receipts/`
    Receipts,
}

impl Section {
    fn of(name: &str) -> Option<Self> {
        Some(match name.split('/').next()? {
            "root" => Self::Root,
            "trust" => Self::Trust,
            "facts" => Self::Facts,
            "order" => Self::Order,
            "receipts" => Self::Receipts,
            _ => return None,
        })
    }
}

/// A statement as it lies in a bundle: readable, nothing checked.
#[derive(Clone, Debug)]
pub struct Filed {
    /// Its name, without ending.
    pub name: String,
    /// Where it lies.
    pub section: Section,
    /// The statement.
    pub signed: Signed,
    /// Its proofs by their names; only what concerns everyone has more than one.
    pub proofs: Vec<(String, TlogProof)>,
}

/// Everything readable in a bundle, and what is not.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The statements by name.
    pub statements: Vec<Filed>,
    /// Members that cannot be read, and why.
    pub refused: Vec<(String, Refusal)>,
    /// Where the logs end.
    pub ends: Vec<LogEnd>,
    /// Earlier checkpoints, each with its name.
    pub covers: Vec<(String, Cover)>,
    /// Annexes that messages name.
    pub annexes: BTreeMap<Hash, Annex>,
    /// Members that belong to nothing.
    pub strays: Vec<String>,
}

impl Bundle {
    /// `BUNDLE_TOO_LARGE` beyond the limits.
    pub fn within_limits(&self) -> Result<(), Refusal> {
        let bytes: usize = self.members.iter().map(|(name, content)| name.len() + content.len()).sum();
        if self.members.len() > MEMBERS_MAX || bytes > BUNDLE_BYTES_MAX {
            return Err(Refusal::new(Reason::BundleTooLarge)
                .with("members", self.members.len())
                .with("bytes", bytes));
        }
        Ok(())
    }

    /// Writes the list of digests anew.
    pub fn write_manifest(&mut self) {
        let text = manifest_text(&self.digests());
        self.members.insert(MANIFEST.to_owned(), text.into_bytes());
    }

    /// SHA-256 of every member outside `META-INF` that is no annex.
    pub fn digests(&self) -> BTreeMap<String, Hash> {
        let is_listed = |name: &str| !name.starts_with("META-INF/") && !name.starts_with(ANNEXES);
        let listed = self.members.iter().filter(|(name, _)| is_listed(name));
        listed.map(|(name, bytes)| (name.clone(), Hash::of(bytes))).collect()
    }

    /// The digests that the manifest lists. There is one text for every list; anything else is refused.
    pub fn manifest(&self) -> Result<BTreeMap<String, Hash>, Refusal> {
        let refuse = || Refusal::new(Reason::BundleAltered).with("member", MANIFEST);
        let text = self.members.get(MANIFEST).and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or_else(refuse)?;
        let mut listed = BTreeMap::new();
        for line in text.lines().filter_map(|line| line.strip_prefix(ENTRY_HEAD)?.strip_suffix(ENTRY_TAIL)) {
            let (name, digest) = line.split_once(ENTRY_MIDDLE).ok_or_else(refuse)?;
            let digest = BASE64.decode(digest).ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(refuse)?;
            listed.insert(name.to_owned(), Hash(digest));
        }
        if manifest_text(&listed) == text { Ok(listed) } else { Err(refuse()) }
    }

    /// The ZIP form. The same members always give the same bytes.
    pub fn to_zip(&self) -> Result<Vec<u8>, Refusal> {
        let refuse = |error: &dyn std::fmt::Display| Refusal::new(Reason::Bug).with("zip", error);
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let first = self.members.get_key_value(MIMETYPE);
        let others = self.members.iter().filter(|(name, _)| *name != MIMETYPE);
        for (name, bytes) in first.into_iter().chain(others) {
            // Signatures are random bytes: packing them makes them longer.
            let stored = name == MIMETYPE || name.ends_with(".sig");
            let method = if stored { CompressionMethod::Stored } else { CompressionMethod::Deflated };
            let options = SimpleFileOptions::default()
                .compression_method(method)
                .compression_level((!stored).then_some(9))
                .last_modified_time(DateTime::DEFAULT)
                .system(System::Unix);
            writer.start_file(name, options).map_err(|error| refuse(&error))?;
            writer.write_all(bytes).map_err(|error| refuse(&error))?;
        }
        writer.finish().map(Cursor::into_inner).map_err(|error| refuse(&error))
    }

    /// Reads the ZIP form. What is refused: see [`container::read`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        container::read(bytes).map(|found| Self { members: found.members, passed_over: found.passed_over })
    }

    /// The member that names the format.
    pub fn write_format(&mut self) {
        let text = format!("{FORMAT_HEAD}{FORMAT_NUMBER}{FORMAT_TAIL}");
        self.members.insert(FORMAT.to_owned(), text.into_bytes());
    }

    /// Refused unless the bundle has the format that is read here; with `BUNDLE_TOO_NEW` if it has a later one.
    pub fn check_format(&self) -> Result<(), Refusal> {
        let missing = || Refusal::new(Reason::EvidenceMissing).with("member", FORMAT);
        let text = String::from_utf8_lossy(self.members.get(FORMAT).ok_or_else(missing)?);
        let number = text.strip_prefix(FORMAT_HEAD).and_then(|rest| rest.strip_suffix(FORMAT_TAIL));
        let number =
            number.and_then(|digits| digits.parse::<u32>().ok().filter(|number| number.to_string() == digits));
        match number {
            Some(FORMAT_NUMBER) => Ok(()),
            Some(number) if number > FORMAT_NUMBER => {
                Err(Refusal::new(Reason::BundleTooNew).with("format", number).with("known", FORMAT_NUMBER))
            }
            _ => Err(Refusal::new(Reason::BundleAltered).with("member", FORMAT)),
        }
    }

    /// Reads every statement, signature and proof, as far as that is possible.
    pub fn read(&self) -> Reading {
        let mut reading = Reading::default();
        let mut used: BTreeSet<&str> = [MIMETYPE, FORMAT, MANIFEST, TIMESTAMP, POLICY, VERIFY].into();
        let keys = self.read_keys(&mut reading, &mut used);
        let mut proofs = self.read_proofs(&mut reading, &mut used);
        for (file, pae) in &self.members {
            let Some((name, section)) = file.strip_suffix(".pae").and_then(|name| Some((name, Section::of(name)?)))
            else {
                continue;
            };
            used.insert(file);
            match self.signatures(name, &keys, &mut used).and_then(|signatures| Signed::parse(pae, signatures)) {
                Ok(signed) => {
                    let proofs = proofs_of(name, section, &mut proofs);
                    Body::keep(&signed);
                    reading.statements.push(Filed { name: name.to_owned(), section, signed, proofs });
                }
                Err(refusal) => reading.refused.push((file.clone(), refusal)),
            }
        }
        self.read_ends(&mut proofs, &mut reading, &mut used);
        self.read_covers(&mut reading, &mut used);
        self.read_annexes(&mut reading, &mut used);
        for name in proofs.into_keys() {
            let refusal = Refusal::new(Reason::EvidenceMissing).with("rule", "a proof without what it is about");
            reading.refused.push((name, refusal));
        }
        let stray = |name: &&String| !used.contains(name.as_str());
        reading.strays = self.members.keys().filter(stray).cloned().collect();
        reading
    }

    /// The keys by the sixteen digits that name them.
    fn read_keys<'b>(&'b self, reading: &mut Reading, used: &mut BTreeSet<&'b str>) -> BTreeMap<String, KeyHash> {
        let mut keys = BTreeMap::new();
        for (file, pem) in self.below("keys/") {
            let Some(short) = file["keys/".len()..].strip_suffix(".pem") else { continue };
            used.insert(file);
            match key_hash(pem).filter(|key| key.short() == short) {
                Some(key) => {
                    keys.insert(short.to_owned(), key);
                }
                None => {
                    let refusal =
                        Refusal::new(Reason::KeyInvalid).with("rule", "SPKI PEM of the key it is named for");
                    reading.refused.push((file.to_owned(), refusal));
                }
            }
        }
        keys
    }

    fn signatures<'b>(
        &'b self,
        name: &str,
        keys: &BTreeMap<String, KeyHash>,
        used: &mut BTreeSet<&'b str>,
    ) -> Result<Vec<SignatureBy>, Refusal> {
        let prefix = format!("{name}.");
        let mut signatures = Vec::new();
        for (file, bytes) in self.below(&prefix) {
            let Some(short) = file[prefix.len()..].strip_suffix(".sig") else { continue };
            used.insert(file);
            let refuse = |reason| Refusal::new(reason).with("member", file);
            let key = *keys.get(short).ok_or_else(|| refuse(Reason::EvidenceMissing).with("key", short))?;
            let signature = bytes.try_into().map_err(|_| refuse(Reason::SignatureInvalid))?;
            signatures.push(SignatureBy { key, signature: Signature(signature) });
        }
        signatures.sort();
        Ok(signatures)
    }

    /// All proofs by their names.
    fn read_proofs<'b>(&'b self, reading: &mut Reading, used: &mut BTreeSet<&'b str>) -> BTreeMap<String, TlogProof> {
        let mut proofs = BTreeMap::new();
        for (file, places) in self.below(PROOFS) {
            let Some(stem) = file.strip_suffix(PLACES) else { continue };
            used.insert(file);
            let note = self.members.get_key_value(&format!("{stem}{NOTE}"));
            used.extend(note.map(|(name, _)| name.as_str()));
            let text = |bytes: &'b [u8]| std::str::from_utf8(bytes).ok();
            let (Some(note), Some(places)) = (note.and_then(|(_, note)| text(note)), text(places)) else {
                let refusal = Refusal::new(Reason::EvidenceMissing).with("rule", "checkpoint and places, as text");
                reading.refused.push((file.to_owned(), refusal));
                continue;
            };
            let mut last = "";
            for place in places.split_inclusive("\n\n") {
                let (name, head) = place.split_once('\n').unwrap_or((place, ""));
                let proof = TlogProof::parse(&format!("{head}{note}"));
                match proof.and_then(|proof| in_turn(name, &mut last, &proofs).map(|()| proof)) {
                    Ok(proof) => drop(proofs.insert(name.to_owned(), proof)),
                    Err(refusal) => reading.refused.push((printable(name), refusal.with("member", file))),
                }
            }
        }
        proofs
    }

    fn read_ends<'b>(
        &'b self,
        proofs: &mut BTreeMap<String, TlogProof>,
        reading: &mut Reading,
        used: &mut BTreeSet<&'b str>,
    ) {
        for (file, bytes) in self.below(ENDS) {
            let Some(label) = file.strip_suffix(".end") else { continue };
            used.insert(file);
            let last = self.members.get_key_value(&format!("{label}.last"));
            used.extend(last.map(|(name, _)| name.as_str()));
            let missing = || Refusal::new(Reason::EvidenceMissing).with("proof", label);
            let proof = proofs.remove(label).ok_or_else(missing);
            let text = String::from_utf8_lossy(bytes);
            match proof.and_then(|proof| LogEnd::parse(&text, proof, last.map(|(_, bytes)| bytes.clone()))) {
                Ok(end) => reading.ends.push(end),
                Err(refusal) => reading.refused.push((file.to_owned(), refusal)),
            }
        }
    }

    fn read_covers<'b>(&'b self, reading: &mut Reading, used: &mut BTreeSet<&'b str>) {
        for (file, bytes) in self.below(TIMES) {
            let Some(named) = file[TIMES.len()..].strip_suffix(".cover") else { continue };
            used.insert(file);
            let text =
                std::str::from_utf8(bytes).map_err(|_| Refusal::new(Reason::ProofInvalid).with("rule", "text"));
            match text.and_then(Cover::parse) {
                Ok(cover) if cover_name(&cover).as_deref() == Some(named) => {
                    reading.covers.push((file.to_owned(), cover));
                }
                Ok(_) => {
                    let refusal = Refusal::new(Reason::ProofInvalid).with("rule", "named for its log and size");
                    reading.refused.push((file.to_owned(), refusal));
                }
                Err(refusal) => reading.refused.push((file.to_owned(), refusal)),
            }
        }
    }

    /// Only what a message names is an annex.
    fn read_annexes<'b>(&'b self, reading: &mut Reading, used: &mut BTreeSet<&'b str>) {
        let messages = reading.statements.iter().filter(|filed| filed.section == Section::Order);
        let ids: BTreeSet<Hash> = messages.filter_map(|filed| annex::named(&filed.signed)).collect();
        for id in ids {
            let Some((file, bytes)) = self.members.get_key_value(&annex_member(&id)) else { continue };
            used.insert(file);
            match Annex::read(bytes).ok().filter(|annex| annex.id() == id) {
                Some(annex) => _ = reading.annexes.insert(id, annex),
                None => {
                    let refusal = Refusal::new(Reason::AnnexDiffers).with("member", file);
                    reading.refused.push((file.clone(), refusal));
                }
            }
        }
    }

    fn below<'b>(&'b self, prefix: &str) -> impl Iterator<Item = (&'b str, &'b [u8])> {
        let prefix = prefix.to_owned();
        self.members
            .range(prefix.clone()..)
            .take_while(move |(name, _)| name.starts_with(&prefix))
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }
}

/// The name of an annex in a bundle.
pub fn annex_member(id: &Hash) -> String {
    format!("{ANNEXES}{id}{ANNEX_END}")
}

/// There is one text for all places under a checkpoint: by name, and each name once.
fn in_turn<'n>(name: &'n str, last: &mut &'n str, proofs: &BTreeMap<String, TlogProof>) -> Result<(), Refusal> {
    if name <= *last || proofs.contains_key(name) {
        return Err(Refusal::new(Reason::ProofInvalid).with("rule", "by name, and each name once"));
    }
    *last = name;
    Ok(())
}

/// Takes out the proofs of a statement. What concerns everyone has one for every log, with the log behind its name.
fn proofs_of(name: &str, section: Section, proofs: &mut BTreeMap<String, TlogProof>) -> Vec<(String, TlogProof)> {
    if section != Section::Root {
        return proofs.remove_entry(name).into_iter().collect();
    }
    let prefix = format!("{name}.");
    let names = proofs.range(prefix.clone()..).map(|(name, _)| name).take_while(|name| name.starts_with(&prefix));
    let names: Vec<String> = names.cloned().collect();
    names.iter().filter_map(|name| proofs.remove_entry(name)).collect()
}

/// The log that a proof speaks of.
pub fn origin_of(proof: &TlogProof) -> Option<Origin> {
    Some(Checkpoint::parse(proof.checkpoint.text()).ok()?.origin)
}

/// The name of a cover below its folder: the log and the size of its checkpoint.
pub fn cover_name(cover: &Cover) -> Option<String> {
    let head = cover.head().ok()?;
    Some(format!("{}/{}", log_label(&head.origin), head.size))
}

/// A log's short name in a bundle: its node, and its epoch after the first.
pub fn log_label(log: &Origin) -> String {
    if log.epoch == 1 { log.node.to_string() } else { format!("{}.{}", log.node, log.epoch) }
}

/// Whom a statement is by or about, for its name.
pub fn who(body: &Body) -> String {
    match body {
        Body::Admission(body) => body.org.to_string(),
        Body::Expulsion(body) => body.org.to_string(),
        Body::KeyEvent(body) => body.org.to_string(),
        Body::OfficerGrant(body) => body.org.to_string(),
        Body::NodeRecord(body) => body.operator.to_string(),
        Body::RulePack(body) => body.name.to_string(),
        Body::Membership(body) => format!("{}-{}", body.member, body.of),
        body => body.signer_rule().map_or_else(|| "x".to_owned(), |(org, _)| org.to_string()),
    }
}

fn manifest_text(digests: &BTreeMap<String, Hash>) -> String {
    let entry = |(name, digest): (&String, &Hash)| {
        format!("{ENTRY_HEAD}{name}{ENTRY_MIDDLE}{}{ENTRY_TAIL}\n", BASE64.encode(digest.0))
    };
    let entries: String = digests.iter().map(entry).collect();
    format!("{MANIFEST_HEAD}{entries}{MANIFEST_TAIL}")
}

/// The hash of the key in a PEM file that holds nothing else. Whether the key may be used is decided where a statement
/// registers it.
fn key_hash(pem: &[u8]) -> Option<KeyHash> {
    let inner = pem.strip_prefix(PEM_HEAD.as_bytes())?.strip_suffix(PEM_TAIL.as_bytes())?;
    let der = BASE64.decode(inner).ok()?;
    Some(KeyHash::of(der.strip_prefix(&SPKI_HEAD)?.first_chunk::<32>().filter(|_| der.len() == SPKI_BYTES)?))
}

/// Whether a kind belongs among an order's messages.
pub fn is_message(kind: &Kind) -> bool {
    !kind.is_public() && !matches!(kind, Kind::Receipt | Kind::Access)
}
