//! Statements as files: the JSON envelope of DSSE v1, for handing a statement from one tool to another.
//!
//! The envelope is not what is signed; the bytes that were signed are rebuilt from type and payload, exactly.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::domain::id::{KeyHash, shortened};
use crate::domain::json::BYTES_MAX;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::Signature;
use crate::domain::statement::{SignatureBy, Signed, pae};

/// Largest envelope: a statement in base64, with 16 signatures.
pub const ENVELOPE_BYTES_MAX: usize = 2 * BYTES_MAX;

#[derive(Serialize, Deserialize)]
struct Envelope {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Serialize, Deserialize)]
struct EnvelopeSignature {
    keyid: KeyHash,
    sig: String,
}

/// The envelope of a statement.
pub fn write(signed: &Signed) -> String {
    let envelope = Envelope {
        payload_type: signed.kind().payload_type(),
        payload: BASE64.encode(signed.payload()),
        signatures: signed
            .signatures()
            .iter()
            .map(|by| EnvelopeSignature { keyid: by.key, sig: BASE64.encode(by.signature.0) })
            .collect(),
    };
    serde_json::to_string_pretty(&envelope).expect("plain strings always serialize")
}

/// Reads an envelope. Signatures are not checked, only their form.
pub fn read(text: &str) -> Result<Signed, Refusal> {
    let malformed = |what: &str| Refusal::new(Reason::StatementMalformed).with("part", shortened(what));
    if text.len() > ENVELOPE_BYTES_MAX {
        return Err(Refusal::new(Reason::JsonTooLarge).with("bytes", text.len()));
    }
    let envelope: Envelope = serde_json::from_str(text).map_err(|error| malformed(&error.to_string()))?;
    let payload = BASE64.decode(&envelope.payload).map_err(|_| malformed("payload"))?;
    let mut signatures = Vec::new();
    for entry in envelope.signatures {
        let raw = BASE64.decode(&entry.sig).map_err(|_| malformed("signature"))?;
        let raw: [u8; 64] = raw.try_into().map_err(|_| malformed("signature length"))?;
        signatures.push(SignatureBy { key: entry.keyid, signature: Signature(raw) });
    }
    signatures.sort();
    Signed::parse(&pae(&envelope.payload_type, &payload), signatures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::Kind;

    #[test]
    fn statements_survive_their_envelope() {
        let keys = [SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32])];
        let signed = Signed::sign(&Kind::Need, &serde_json::json!({"ä": 1}), &[&keys[0], &keys[1]]);
        let text = write(&signed);
        assert_eq!(read(&text).expect("own envelope"), signed);
        assert!(read(&text.replace("need", "Need")).is_err());
        assert!(read("{}").is_err());
        assert!(read(&" ".repeat(ENVELOPE_BYTES_MAX + 1)).is_err());
    }
}
