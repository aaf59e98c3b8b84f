//! Cosignatures (C2SP `cosignature/v1`): a witness says that it saw this checkpoint continue what it had seen before.
//!
//! Must never count one key twice, nor count a line that was not checked with a key the caller trusts.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::{PublicKey, SecretKey, Signature};
use crate::log::checkpoint::Checkpoint;
use crate::log::note::{NoteSignature, SignatureType, SignedNote, key_id, unsigned};

/// Latest time C2SP allows in a cosignature, in seconds since 1970.
pub const SECONDS_MAX: u64 = i64::MAX as u64;

/// Length of a plain Ed25519 signature; tells the log's own line from a cosignature under the same name.
const SIGNATURE_BYTES: usize = 64;

/// Cosigns a checkpoint. The caller has checked that it continues the tree last seen of this log, and has stored it.
/// Refused if the text is not a checkpoint or the time is later than [`SECONDS_MAX`].
pub fn cosign(note: &SignedNote, name: &str, key: &SecretKey, unix_seconds: u64) -> Result<NoteSignature, Refusal> {
    Checkpoint::parse(note.text())?;
    if unix_seconds > SECONDS_MAX {
        return Err(Refusal::new(Reason::TimeInvalid).with("value", unix_seconds));
    }
    let signature = key.sign(&message(note.text(), unix_seconds));
    Ok(NoteSignature {
        name: name.to_owned(),
        key_id: key_id(name, SignatureType::Cosignature, &key.public()),
        bytes: [&unix_seconds.to_be_bytes()[..], &signature.0].concat(),
    })
}

/// Checks that this witness cosigned, and gives the time it stated, in seconds since 1970. If it did so more than
/// once, all its lines must be good, and the earliest time counts. Whether the log signed is [`Checkpoint::open`]'s
/// question, not this one's.
pub fn verify(note: &SignedNote, name: &str, key: &PublicKey) -> Result<u64, Refusal> {
    let lines = note.signatures().iter().filter(|line| line.claims(name, SignatureType::Cosignature, key));
    let times = lines.map(|line| verify_line(note.text(), line, key)).collect::<Result<Vec<u64>, Refusal>>()?;
    times.into_iter().min().ok_or_else(|| unsigned(name, key))
}

/// Adds a cosignature to a note after checking it with the witness's key, and gives its time.
///
/// The result does not depend on the order in which cosignatures arrive: the log's line comes first, the others
/// follow by name, and each witness has one line, the earliest that is good.
pub fn merge(note: &mut SignedNote, cosignature: NoteSignature, witness: &PublicKey) -> Result<u64, Refusal> {
    let time = verify_line(note.text(), &cosignature, witness)?;
    put_good(note, cosignature, witness)?;
    Ok(time)
}

/// Cosigns a checkpoint and adds the line to its note, as [`merge`] does with those of others.
pub fn add(note: &mut SignedNote, name: &str, key: &SecretKey, unix_seconds: u64) -> Result<(), Refusal> {
    // What was signed here just now need not be checked.
    let line = cosign(note, name, key, unix_seconds)?;
    put_good(note, line, &key.public())
}

fn put_good(note: &mut SignedNote, cosignature: NoteSignature, witness: &PublicKey) -> Result<(), Refusal> {
    let origin = note.text().lines().next().unwrap_or_default();
    let (same, mut lines): (Vec<NoteSignature>, Vec<NoteSignature>) = note
        .signatures()
        .iter()
        .cloned()
        .partition(|line| (&line.name, line.key_id) == (&cosignature.name, cosignature.key_id));
    let good = same.into_iter().filter(|line| verify_line(note.text(), line, witness).is_ok());
    // The bytes begin with the time, so the smallest bytes are the earliest cosignature.
    lines.extend(good.chain([cosignature]).min_by(|a, b| a.bytes.cmp(&b.bytes)));
    let by_the_log = |line: &NoteSignature| line.name == origin && line.bytes.len() == SIGNATURE_BYTES;
    lines.sort_by(|a, b| (!by_the_log(a), a).cmp(&(!by_the_log(b), b)));
    lines.dedup();
    *note = SignedNote::new(note.text().to_owned(), lines)?;
    Ok(())
}

/// Whose cosignatures count, and how many of them are needed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Witnesses {
    /// The keys that count for each name, the newest last.
    pub keys: BTreeMap<String, Vec<PublicKey>>,
    /// How many witnesses must cosign.
    pub needed: usize,
}

impl From<(BTreeMap<String, Vec<PublicKey>>, usize)> for Witnesses {
    fn from((keys, needed): (BTreeMap<String, Vec<PublicKey>>, usize)) -> Self {
        Self { keys, needed }
    }
}

impl Witnesses {
    /// What they say about a checkpoint, and the note with the log's own line and those cosignatures that count: the others
    /// prove nothing. Every line is checked once.
    pub fn sift(&self, note: &SignedNote) -> (SignedNote, Quorum) {
        let (mut good, mut quorum) = (BTreeSet::new(), Quorum { needed: self.needed, ..Quorum::default() });
        let mut signers = BTreeSet::new();
        for (name, keys) in &self.keys {
            let times = keys.iter().rev().filter_map(|key| {
                let claims = |line: &&NoteSignature| line.claims(name, SignatureType::Cosignature, key);
                let lines: Vec<&NoteSignature> = note.signatures().iter().filter(claims).collect();
                let judged: Vec<Option<u64>> =
                    lines.iter().map(|line| verify_line(note.text(), line, key).ok()).collect();
                good.extend(lines.into_iter().zip(&judged).filter(|(_, time)| time.is_some()).map(|(line, _)| line));
                let times: Option<Vec<u64>> = judged.into_iter().collect();
                Some((times?.into_iter().min()?, key.to_bytes()))
            });
            if let Some((time, key)) = times.min() {
                quorum.cosigned.insert(name.clone(), time);
                signers.insert(key);
            }
        }
        quorum.keys = signers.len();
        let origin = note.text().lines().next().unwrap_or_default();
        let by_the_log = |line: &NoteSignature| line.name == origin && line.bytes.len() == SIGNATURE_BYTES;
        let lines = note.signatures().iter().filter(|line| by_the_log(line) || good.contains(line));
        let kept = SignedNote::new(note.text().to_owned(), lines.cloned().collect()).unwrap_or_else(|_| note.clone());
        (kept, quorum)
    }

    /// What they say about a checkpoint.
    pub fn count(&self, note: &SignedNote) -> Quorum {
        Quorum::count(note, &self.keys, self.needed)
    }
}

/// What the witnesses of a policy say about a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Quorum {
    /// Who cosigned validly, with the stated time in seconds since 1970.
    pub cosigned: BTreeMap<String, u64>,
    /// How many different keys stand behind them.
    pub keys: usize,
    /// How many keys are needed.
    pub needed: usize,
}

impl Quorum {
    /// Checks the lines of the given witnesses (name to keys); all others are ignored. A witness counts once, however
    /// many of its keys have signed, and two names with one key count once. A policy that needs nobody is a mistake and
    /// never reached.
    pub fn count(note: &SignedNote, witnesses: &BTreeMap<String, Vec<PublicKey>>, needed: usize) -> Self {
        let mut cosigned = BTreeMap::new();
        let mut signers = BTreeSet::new();
        for (name, keys) in witnesses {
            let times = keys.iter().rev().filter_map(|key| Some((verify(note, name, key).ok()?, key.to_bytes())));
            if let Some((time, key)) = times.min() {
                cosigned.insert(name.clone(), time);
                signers.insert(key);
            }
        }
        Self { cosigned, keys: signers.len(), needed }
    }

    /// The same for a note of which only lines that were found good have been kept.
    pub fn of_checked(note: &SignedNote, needed: usize) -> Self {
        let lines = note.signatures().iter().filter(|line| line.bytes.len() > SIGNATURE_BYTES);
        let time = |line: &NoteSignature| {
            let time = line.bytes.first_chunk().copied().map_or(u64::MAX, u64::from_be_bytes);
            (line.name.clone(), time)
        };
        let mut cosigned: BTreeMap<String, u64> = BTreeMap::new();
        for (name, time) in lines.map(time) {
            cosigned.entry(name).and_modify(|known| *known = time.min(*known)).or_insert(time);
        }
        Self { keys: cosigned.len(), cosigned, needed }
    }

    /// Whether enough different keys have cosigned.
    pub fn is_reached(&self) -> bool {
        self.needed > 0 && self.keys >= self.needed
    }

    /// When the witnesses had seen the checkpoint, in seconds since 1970: the (f+1)-th smallest time that they state, where
    /// a quorum of 2f+1 stands f of them being wrong. None while the quorum is not reached.
    pub fn seen_at(&self) -> Option<u64> {
        if !self.is_reached() {
            return None;
        }
        let mut times: Vec<u64> = self.cosigned.values().copied().collect();
        times.sort_unstable();
        times.get((self.needed - 1) / 2).copied()
    }

    /// Refuses with `WITNESSES_MISSING` unless enough have cosigned.
    pub fn require(&self) -> Result<(), Refusal> {
        if self.is_reached() {
            return Ok(());
        }
        Err(Refusal::new(Reason::QuorumMissing).with("cosigned", self.keys).with("needed", self.needed))
    }
}

fn verify_line(text: &str, line: &NoteSignature, key: &PublicKey) -> Result<u64, Refusal> {
    let refuse = || unsigned(&line.name, key);
    if !line.claims(&line.name, SignatureType::Cosignature, key) {
        return Err(refuse());
    }
    let (time, signature) = line.bytes.split_first_chunk().ok_or_else(refuse)?;
    let time = u64::from_be_bytes(*time);
    if time > SECONDS_MAX {
        return Err(refuse());
    }
    let signature = signature.try_into().map_err(|_| refuse())?;
    key.verify(&message(text, time), &Signature(signature)).map(|()| time)
}

fn message(text: &str, unix_seconds: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {unix_seconds}\n{text}").into_bytes()
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;
    use crate::domain::id::Hash;

    const TIME: u64 = 1_790_000_000;

    fn secret(number: u8) -> SecretKey {
        SecretKey::from_seed(&[number; 32])
    }

    fn note() -> SignedNote {
        let origin = "demo/log/kitu/1".parse().expect("origin");
        Checkpoint { origin, size: 5, root: Hash([9; 32]) }.sign(&secret(1))
    }

    fn by(name: &str, number: u8, time: u64) -> (NoteSignature, PublicKey) {
        (cosign(&note(), name, &secret(number), time).expect("a checkpoint"), secret(number).public())
    }

    fn with(lines: &[NoteSignature]) -> SignedNote {
        SignedNote::new(note().text().to_owned(), lines.to_vec()).expect("well formed")
    }

    #[test]
    fn a_cosignature_binds_text_time_name_and_key() {
        let (good, key) = by("w/a", 2, TIME);
        assert_eq!(verify(&with(from_ref(&good)), "w/a", &key).expect("own cosignature"), TIME);
        assert!(verify(&with(from_ref(&good)), "w/b", &key).is_err());
        assert!(verify(&with(from_ref(&good)), "w/a", &secret(3).public()).is_err());
        assert!(verify(&note(), "w/a", &key).is_err(), "absent");
        let elsewhere = note().text().replace("kitu", "kid");
        let elsewhere = SignedNote::new(elsewhere, vec![good.clone()]).expect("well formed");
        assert!(verify(&elsewhere, "w/a", &key).is_err());
        for byte in [0, 7, 8, 71] {
            let mut changed = good.clone();
            changed.bytes[byte] ^= 1;
            assert!(verify(&with(&[changed.clone()]), "w/a", &key).is_err(), "byte {byte}");
            assert!(verify(&with(&[good.clone(), changed]), "w/a", &key).is_err(), "one bad line spoils it");
        }
        let mut short = good;
        short.bytes.pop();
        assert!(verify(&with(&[short]), "w/a", &key).is_err());
    }

    #[test]
    fn a_plain_signature_is_no_cosignature_and_nothing_but_a_checkpoint_is_cosigned() {
        let origin = "demo/log/kitu/1";
        assert!(verify(&note(), origin, &secret(1).public()).is_err());
        assert!(cosign(&note(), "w/a", &secret(2), SECONDS_MAX).is_ok());
        assert!(cosign(&note(), "w/a", &secret(2), SECONDS_MAX + 1).is_err());
        let line = note().signatures()[0].clone();
        let prose = SignedNote::new("prose\n".to_owned(), vec![line]).expect("well formed");
        assert!(cosign(&prose, "w/a", &secret(2), TIME).is_err());
    }

    #[test]
    fn merging_in_any_order_gives_the_same_note() {
        // `a` sorts before the origin: the log's line stays first all the same.
        let all =
            [by("w/c", 4, TIME), by("a", 2, TIME), by("w/b", 3, TIME + 5), by("w/b", 3, TIME), by("a", 2, TIME)];
        let merged = |order: &[usize]| {
            let mut note = note();
            for &index in order {
                let (line, key) = all[index].clone();
                merge(&mut note, line, &key).expect("good cosignature");
            }
            note.to_string()
        };
        let expected = with(&[note().signatures()[0].clone(), all[1].0.clone(), all[3].0.clone(), all[0].0.clone()]);
        for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3], [3, 2, 1, 0, 4]] {
            assert_eq!(merged(&order), expected.to_string(), "{order:?}");
        }
    }

    #[test]
    fn merging_refuses_bad_lines_and_drops_those_already_there() {
        let (good, key) = by("w/a", 2, TIME);
        let mut bad = good.clone();
        bad.bytes[0] ^= 0x80;
        let mut target = note();
        assert!(merge(&mut target, bad.clone(), &key).is_err());
        assert!(merge(&mut target, good.clone(), &secret(3).public()).is_err());
        assert!(merge(&mut target, NoteSignature { name: "w b".to_owned(), ..good.clone() }, &key).is_err());
        assert_eq!(target, note(), "a refusal changes nothing");

        bad.bytes[..8].fill(0);
        let mut target = with(&[note().signatures()[0].clone(), bad]);
        merge(&mut target, good, &key).expect("good cosignature");
        assert_eq!(verify(&target, "w/a", &key).expect("the bad line is gone"), TIME);
    }

    #[test]
    fn a_quorum_counts_keys_and_fails_closed() {
        let (a, b, twin) = (by("w/a", 2, TIME), by("w/b", 3, TIME + 1), by("w/twin", 2, TIME));
        let lines = with(&[a.0.clone(), b.0.clone(), twin.0.clone()]);
        let set =
            |keys: &[(&str, &PublicKey)]| keys.iter().map(|(n, k)| (n.to_string(), vec![(*k).clone()])).collect();
        let check = |keys: &[(&str, &PublicKey)], needed: usize, reached: bool| {
            let quorum = Quorum::count(&lines, &set(keys), needed);
            assert_eq!((quorum.is_reached(), quorum.require().is_ok()), (reached, reached), "{quorum:?}");
            quorum
        };
        let quorum = check(&[("w/a", &a.1), ("w/b", &b.1)], 2, true);
        assert_eq!(quorum.cosigned, BTreeMap::from([("w/a".to_owned(), TIME), ("w/b".to_owned(), TIME + 1)]));
        check(&[("w/a", &a.1), ("w/b", &b.1)], 3, false);
        check(&[("w/a", &a.1), ("w/b", &b.1)], 0, false);
        check(&[("w/a", &a.1), ("w/twin", &twin.1)], 2, false);
        check(&[("w/a", &a.1), ("w/b", &a.1), ("w/c", &secret(4).public())], 2, false);
        check(&[], 0, false);
        check(&[], 1, false);
    }
}
