//! An officer's proof of identity in call metadata.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use prost::Message as _;
use tonic::metadata::{MetadataMap, MetadataValue};

use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::wire::pb::statement::v1 as pb;

/// The metadata key: a serialised [`pb::SignedStatement`] of kind `access`.
pub const ACCESS_KEY: &str = "verbund-access-bin";

/// Longest proof in bytes; one signature over a few names takes less than 600.
const ACCESS_BYTES_MAX: usize = 4096;

/// The proof in a call's metadata.
pub fn read(metadata: &MetadataMap) -> Result<Signed, Refusal> {
    let missing = || Refusal::new(Reason::AccessMissing).with("metadata", ACCESS_KEY);
    let value = metadata.get_bin(ACCESS_KEY).ok_or_else(missing)?;
    let bytes = value.to_bytes().map_err(|_| missing().with("rule", "not base64"))?;
    if bytes.len() > ACCESS_BYTES_MAX {
        return Err(missing().with("bytes", bytes.len()));
    }
    let message = pb::SignedStatement::decode(bytes).map_err(|_| missing().with("rule", "not a SignedStatement"))?;
    message.try_into()
}

/// Puts the proof into a call's metadata.
pub fn attach(metadata: &mut MetadataMap, proof: &Signed) {
    metadata.insert_bin(ACCESS_KEY, MetadataValue::from_bytes(&bytes(proof)));
}

/// The proof as the text that travels in a header, for tools that are given one.
pub fn encoded(proof: &Signed) -> String {
    STANDARD_NO_PAD.encode(bytes(proof))
}

fn bytes(proof: &Signed) -> Vec<u8> {
    pb::SignedStatement::from(proof).encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::Kind;

    #[test]
    fn a_proof_survives_and_anything_else_is_refused() {
        let proof = Signed::sign(&Kind::Access, &serde_json::json!({}), &[&SecretKey::from_seed(&[1; 32])]);
        let mut metadata = MetadataMap::new();
        assert_eq!(read(&metadata).expect_err("none").reason, Reason::AccessMissing);
        attach(&mut metadata, &proof);
        assert_eq!(read(&metadata).expect("attached"), proof);
        assert_eq!(metadata.get_bin(ACCESS_KEY).expect("attached").as_encoded_bytes(), encoded(&proof).as_bytes());
        metadata.insert_bin(ACCESS_KEY, MetadataValue::from_bytes(&[0xff; 9]));
        assert_eq!(read(&metadata).expect_err("garbage").reason, Reason::AccessMissing);
        metadata.insert_bin(ACCESS_KEY, MetadataValue::from_bytes(&[0; ACCESS_BYTES_MAX + 1]));
        assert_eq!(read(&metadata).expect_err("too long").reason, Reason::AccessMissing);
    }
}
