//! Statements as files: the JSON envelope of DSSE v1, for handing a statement from one tool to another.
//!
//! The envelope is not what is signed; the bytes that were signed are rebuilt from type and payload, exactly.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::domain::annex::Enclosed;
use crate::domain::id::{KeyHash, shortened};
use crate::domain::json::BYTES_MAX;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::Signature;
use crate::domain::statement::{Kind, SignatureBy, Signed, pae};

/// Largest file with an envelope: a statement in base64 with 16 signatures, and what a proposal carries beside it.
pub const ENVELOPE_BYTES_MAX: usize = 20 * BYTES_MAX;

/// The envelope as it stands in a file; other fields beside it are ignored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// The payload type, which names the kind.
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// The payload in base64.
    pub payload: String,
    /// The signatures, sorted by key.
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature in an envelope.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EnvelopeSignature {
    /// SHA-256 of the key.
    pub keyid: KeyHash,
    /// The signature in base64.
    pub sig: String,
}

impl Envelope {
    /// The envelope of a payload and the signatures there are so far, which may be none.
    pub fn new(kind: &Kind, payload: &[u8], signatures: &[SignatureBy]) -> Self {
        let signature = |by: &SignatureBy| EnvelopeSignature { keyid: by.key, sig: BASE64.encode(by.signature.0) };
        Self {
            payload_type: kind.payload_type(),
            payload: BASE64.encode(payload),
            signatures: signatures.iter().map(signature).collect(),
        }
    }

    /// The payload and the signatures, sorted. Signatures are not checked, only their form.
    pub fn open(&self) -> Result<(Vec<u8>, Vec<SignatureBy>), Refusal> {
        let payload = BASE64.decode(&self.payload).map_err(|_| malformed("payload"))?;
        let mut signatures = Vec::new();
        for entry in &self.signatures {
            let raw = BASE64.decode(&entry.sig).map_err(|_| malformed("signature"))?;
            let raw: [u8; 64] = raw.try_into().map_err(|_| malformed("signature length"))?;
            signatures.push(SignatureBy { key: entry.keyid, signature: Signature(raw) });
        }
        signatures.sort();
        Ok((payload, signatures))
    }

    /// The statement in it.
    pub fn statement(&self) -> Result<Signed, Refusal> {
        let (payload, signatures) = self.open()?;
        Signed::parse(&pae(&self.payload_type, &payload), signatures)
    }
}

/// An envelope with the annex of its statement beside it, in base64.
#[derive(Serialize, Deserialize)]
struct WithAnnex {
    #[serde(flatten)]
    envelope: Envelope,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    annex: Option<String>,
}

impl From<&Signed> for Envelope {
    fn from(signed: &Signed) -> Self {
        Self::new(signed.kind(), signed.payload(), signed.signatures())
    }
}

fn malformed(what: &str) -> Refusal {
    Refusal::new(Reason::StatementMalformed).with("part", shortened(what))
}

/// The envelope of a statement.
pub fn write(signed: &Signed) -> String {
    serde_json::to_string_pretty(&Envelope::from(signed)).expect("plain strings always serialize")
}

/// The envelope of a statement with its annex beside it.
pub fn write_enclosed(Enclosed { signed, annex }: &Enclosed) -> String {
    let annex = annex.as_ref().map(|annex| BASE64.encode(annex.bytes()));
    let beside = WithAnnex { envelope: Envelope::from(signed), annex };
    serde_json::to_string_pretty(&beside).expect("plain strings always serialize")
}

/// Reads an envelope with the annex that may stand beside it.
pub fn read_enclosed(text: &str) -> Result<Enclosed, Refusal> {
    let signed = read(text)?;
    let WithAnnex { annex, .. } = serde_json::from_str(text).map_err(|error| malformed(&error.to_string()))?;
    let bytes = annex.map(|annex| BASE64.decode(annex)).transpose().map_err(|_| malformed("annex"))?;
    Enclosed::new(signed, bytes.as_deref())
}

/// Reads an envelope. Signatures are not checked, only their form.
pub fn read(text: &str) -> Result<Signed, Refusal> {
    if text.len() > ENVELOPE_BYTES_MAX {
        return Err(Refusal::new(Reason::JsonTooLarge).with("bytes", text.len()));
    }
    let envelope: Envelope = serde_json::from_str(text).map_err(|error| malformed(&error.to_string()))?;
    envelope.statement()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;

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
