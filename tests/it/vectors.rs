//! Published test vectors: RFC 6962 proofs, C2SP notes, RFC 8032, Wycheproof and DSSE.
//!
//! The files lie in the folder of shared data; without it each test says that it was skipped.
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use verbund::domain::id::Hash;
use verbund::domain::signing::{PublicKey, SecretKey, Signature};
use verbund::domain::statement::pae;
use verbund::log::merkle::{verify_consistency, verify_inclusion};
use verbund::log::note::{SignatureType, SignedNote, vkey};

use crate::shared::shared;

/// Where a proof vector is judged otherwise than its authors do. They refuse every proof from size 0 as useless; to us
/// the empty tree with its right root and no proof is the start of every log.
const FROM_NOTHING: [&str; 1] = ["testdata/consistency/additional/size1-is-zero-and-size2-is-not-zero.json"];

fn vectors(file: &str) -> Option<String> {
    let path = shared(&format!("vectors/{file}"))?;
    Some(std::fs::read_to_string(path).expect("readable vector file"))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().expect("a text field")
}

fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().expect("a number field")
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}

fn hex_bytes(value: &Value, field: &str) -> Vec<u8> {
    hex::decode(text(value, field)).expect("hexadecimal")
}

/// A hash in base64; `None` if it has not 32 bytes, which our types cannot even express.
fn hash(value: &Value) -> Option<Hash> {
    let bytes = BASE64.decode(value.as_str().expect("base64 text")).expect("base64");
    bytes.try_into().ok().map(Hash)
}

/// Some consistency vectors put words like "dont care" where a root belongs; a hash of the words keeps equal roots
/// equal and different ones different.
fn root(value: &Value) -> Hash {
    let bytes = BASE64.decode(value.as_str().expect("base64 text")).expect("base64");
    hash(value).unwrap_or_else(|| Hash::of(&bytes))
}

fn proof(vector: &Value) -> Option<Vec<Hash>> {
    list(vector, "proof").iter().map(hash).collect()
}

/// Runs a file of proof vectors and gives the paths of those where our verdict is another one.
fn deviations(file: &str, judge: impl Fn(&Value, &[Hash]) -> bool) -> Option<Vec<String>> {
    let vectors: Vec<Value> = vectors(file)?.lines().map(json).collect();
    assert_eq!(vectors.len(), 98, "{file}");
    let deviates = |vector: &Value| {
        let good = proof(vector).is_some_and(|proof| judge(vector, &proof));
        good == vector["wantErr"].as_bool().expect("wantErr")
    };
    Some(vectors.iter().filter(|vector| deviates(vector)).map(|vector| text(vector, "path").to_owned()).collect())
}

#[test]
fn inclusion_proofs() {
    let judged = deviations("merkle/transparency-dev_inclusion.jsonl", |vector, proof| {
        let (index, size) = (number(vector, "leafIdx"), number(vector, "treeSize"));
        let (Some(leaf), Some(root)) = (hash(&vector["leafHash"]), hash(&vector["root"])) else { return false };
        verify_inclusion(leaf, index, size, proof, root).is_ok()
    });
    let Some(deviating) = judged else { return };
    assert_eq!(deviating, [""; 0]);
}

#[test]
fn consistency_proofs() {
    let judged = deviations("merkle/transparency-dev_consistency.jsonl", |vector, proof| {
        let (old, new) = (number(vector, "size1"), number(vector, "size2"));
        verify_consistency(old, root(&vector["root1"]), new, root(&vector["root2"]), proof).is_ok()
    });
    let Some(deviating) = judged else { return };
    assert_eq!(deviating, FROM_NOTHING);
}

#[test]
fn the_signed_note_of_c2sp() {
    let Some(file) = vectors("merkle/c2sp_signed_note_example.json") else { return };
    let vector = json(&file);
    let parts: Vec<&str> = text(&vector, "vkey").splitn(3, '+').collect();
    let [name, _, encoded] = parts[..] else { panic!("name, key id and key") };
    let encoded = BASE64.decode(encoded).expect("base64");
    let key = PublicKey::register(encoded[1..].try_into().expect("32 bytes")).expect("a good key");
    assert_eq!(vkey(name, SignatureType::Ed25519, &key), text(&vector, "vkey"));
    let note = SignedNote::parse(text(&vector, "signed_note")).expect("a good note");
    note.verify_ed25519(name, &key).expect("a good signature");
    assert_eq!(note.to_string(), text(&vector, "signed_note"));
}

/// The examples in the specifications come without keys, so only their form can be checked.
#[test]
fn the_notes_printed_in_the_specifications_are_read_and_written_unchanged() {
    for (file, notes) in [("c2sp-signed-note", 2), ("c2sp-tlog-checkpoint", 1), ("c2sp-tlog-cosignature", 1)] {
        let Some(page) = vectors(&format!("merkle/{file}.md")) else { return };
        let blocks = page.split("```\n").filter(|block| block.contains("\n\n— "));
        let read: Vec<&str> = blocks.filter(|block| SignedNote::parse(block).is_ok()).collect();
        assert_eq!(read.len(), notes, "{file}");
        for note in read {
            assert_eq!(SignedNote::parse(note).expect("read before").to_string(), note);
        }
    }
}

#[test]
fn ed25519_as_in_rfc_8032() {
    let Some(file) = vectors("ed25519/rfc8032_7_1.json") else { return };
    let vectors = json(&file);
    let vectors = list(&vectors, "vectors");
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let secret = SecretKey::from_seed(&hex_bytes(vector, "secret_key").try_into().expect("32 bytes"));
        let public = PublicKey::register(&hex_bytes(vector, "public_key").try_into().expect("32 bytes"));
        let (public, message) = (public.expect("a good key"), hex_bytes(vector, "message"));
        assert_eq!(secret.public(), public);
        let signature = secret.sign(&message);
        assert_eq!(signature.0[..], hex_bytes(vector, "signature"));
        public.verify(&message, &signature).expect("a good signature");
    }
}

/// Our rule is stricter than Wycheproof's where a key is not registrable or a commitment is of small order. None of its
/// valid vectors is of that sort, so the verdicts must agree on all of them.
#[test]
fn ed25519_as_in_wycheproof() {
    let Some(file) = vectors("ed25519/wycheproof_ed25519_test.json") else { return };
    let vectors = json(&file);
    let mut verdicts: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    for group in list(&vectors, "testGroups") {
        let key = hex_bytes(&group["publicKey"], "pk").try_into().expect("32 bytes");
        let key = PublicKey::register(&key);
        for vector in list(group, "tests") {
            let signature: Option<[u8; 64]> = hex_bytes(vector, "sig").try_into().ok();
            let good = match (&key, signature) {
                (Ok(key), Some(bytes)) => key.verify(&hex_bytes(vector, "msg"), &Signature(bytes)).is_ok(),
                _ => false,
            };
            assert_eq!(good, text(vector, "result") == "valid", "test {}", vector["tcId"]);
            *verdicts.entry((text(vector, "result"), key.is_ok())).or_default() += 1;
        }
    }
    assert_eq!(verdicts, BTreeMap::from([(("valid", true), 88), (("invalid", true), 63)]));
}

#[test]
fn the_pre_authentication_encoding_of_dsse() {
    let Some(file) = vectors("dsse/dsse_spec_vector.json") else { return };
    let vectors = json(&file);
    let vectors = list(&vectors, "vectors");
    assert_eq!(vectors.len(), 1);
    for vector in vectors {
        let encoded = pae(text(vector, "payloadType"), text(vector, "payload").as_bytes());
        assert_eq!(String::from_utf8(encoded).expect("UTF-8"), text(vector, "pae"));
    }
}
