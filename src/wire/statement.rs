//! Signed statements on the wire: exact bytes in, exact bytes out.
use crate::domain::id::KeyHash;
use crate::domain::reason::Refusal;
use crate::domain::signing::Signature;
use crate::domain::statement::{Kind, SignatureBy, Signed};
use crate::wire::pb::statement::v1 as pb;
use crate::wire::{fixed, required};

impl TryFrom<pb::SignedStatement> for Signed {
    type Error = Refusal;

    fn try_from(message: pb::SignedStatement) -> Result<Self, Refusal> {
        let pb::SignedStatement { pae, signatures } = message;
        let signatures: Result<Vec<SignatureBy>, Refusal> = signatures.iter().map(SignatureBy::try_from).collect();
        Self::parse(&pae, signatures?)
    }
}

impl TryFrom<&pb::Signature> for SignatureBy {
    type Error = Refusal;

    fn try_from(message: &pb::Signature) -> Result<Self, Refusal> {
        let pb::Signature { key_hash, signature } = message;
        Ok(Self {
            key: KeyHash(fixed("signatures.key_hash", key_hash)?),
            signature: Signature(fixed("signatures.signature", signature)?),
        })
    }
}

impl From<&Signed> for pb::SignedStatement {
    fn from(signed: &Signed) -> Self {
        let signatures = signed.signatures().iter().map(|SignatureBy { key, signature }| pb::Signature {
            key_hash: key.0.to_vec(),
            signature: signature.0.to_vec(),
        });
        Self { pae: signed.pae().to_vec(), signatures: signatures.collect() }
    }
}

/// The statement of a request that must carry one.
pub fn signed(message: Option<pb::SignedStatement>) -> Result<Signed, Refusal> {
    required("statement", message)?.try_into()
}

/// The statement of a call that is for one kind only.
pub fn signed_as(kind: &Kind, message: Option<pb::SignedStatement>) -> Result<Signed, Refusal> {
    let signed = signed(message)?;
    if signed.kind() == kind {
        return Ok(signed);
    }
    let refusal = Refusal::new(crate::domain::reason::Reason::FieldInvalid).with("field", "statement");
    Err(refusal.with("kind", signed.kind()).with("must_be", kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;
    use crate::domain::signing::SecretKey;

    fn good() -> pb::SignedStatement {
        let key = SecretKey::from_seed(&[1; 32]);
        (&Signed::sign(&Kind::Need, &serde_json::json!({"a": 1}), &[&key])).into()
    }

    fn check(edit: impl FnOnce(&mut pb::SignedStatement), reason: Reason, field: Option<&str>) {
        let mut message = good();
        edit(&mut message);
        let refusal = Signed::try_from(message).expect_err("malformed");
        assert_eq!((refusal.reason, refusal.field("field")), (reason, field), "{refusal}");
    }

    #[test]
    fn the_bytes_survive() {
        let message = good();
        let signed = Signed::try_from(message.clone()).expect("well-formed");
        assert_eq!(pb::SignedStatement::from(&signed), message);
    }

    #[test]
    fn every_malformed_part_is_named() {
        check(|m| m.signatures.clear(), Reason::StatementUnsigned, None);
        check(|m| m.signatures.push(m.signatures[0].clone()), Reason::StatementUnsigned, None);
        check(|m| m.signatures[0].key_hash.truncate(31), Reason::FieldInvalid, Some("signatures.key_hash"));
        check(|m| m.signatures[0].signature.push(0), Reason::FieldInvalid, Some("signatures.signature"));
        check(|m| m.pae.clear(), Reason::StatementMalformed, None);
        check(|m| m.pae.push(b' '), Reason::StatementMalformed, None);
        check(|m| m.pae = vec![b'x'; 1 << 20], Reason::JsonTooLarge, None);
        assert_eq!(signed(None).expect_err("missing").field("field"), Some("statement"));
        assert_eq!(signed_as(&Kind::Seal, Some(good())).expect_err("a need").field("must_be"), Some("seal"));
    }
}
