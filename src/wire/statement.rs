//! Signed statements on the wire: exact bytes in, exact bytes out.
use crate::domain::annex::{Annex, Enclosed, named};
use crate::domain::id::KeyHash;
use crate::domain::reason::Refusal;
use crate::domain::signing::Signature;
use crate::domain::statement::{Kind, SignatureBy, Signed};
use crate::wire::pb::statement::v1 as pb;
use crate::wire::{fixed, required};

impl TryFrom<pb::SignedStatement> for Signed {
    type Error = Refusal;

    fn try_from(message: pb::SignedStatement) -> Result<Self, Refusal> {
        let pb::SignedStatement { pae, signatures, annex: _ } = message;
        let signatures: Result<Vec<SignatureBy>, Refusal> = signatures.iter().map(SignatureBy::try_from).collect();
        Self::parse(&pae, signatures?)
    }
}

impl TryFrom<pb::SignedStatement> for Enclosed {
    type Error = Refusal;

    fn try_from(mut message: pb::SignedStatement) -> Result<Self, Refusal> {
        let annex = std::mem::take(&mut message.annex);
        Self::new(message.try_into()?, (!annex.is_empty()).then_some(&annex))
    }
}

impl From<&Enclosed> for pb::SignedStatement {
    fn from(Enclosed { signed, annex }: &Enclosed) -> Self {
        Self { annex: annex.as_ref().map(|annex| annex.bytes().to_vec()).unwrap_or_default(), ..signed.into() }
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
        Self { pae: signed.pae().to_vec(), signatures: signatures.collect(), annex: Vec::new() }
    }
}

/// The statement of a request that must carry one.
pub fn signed(message: Option<pb::SignedStatement>) -> Result<Signed, Refusal> {
    required("statement", message)?.try_into()
}

/// The statement of a call that is for one kind only.
pub fn signed_as(kind: &Kind, message: Option<pb::SignedStatement>) -> Result<Signed, Refusal> {
    let signed = signed(message)?;
    check_kind(kind, &signed).map(|()| signed)
}

/// The same with its annex, which must be the one that it names.
pub fn enclosed_as(kind: &Kind, message: Option<pb::SignedStatement>) -> Result<Enclosed, Refusal> {
    let enclosed = Enclosed::try_from(required("statement", message)?)?;
    check_kind(kind, &enclosed.signed).map(|()| enclosed)
}

/// Statements that were delivered, and those of their annexes that are theirs. A wrong annex costs no statement anything:
/// it is passed over.
pub fn delivered(messages: Vec<pb::SignedStatement>) -> Result<(Vec<Signed>, Vec<Annex>), Refusal> {
    let (mut statements, mut annexes) = (Vec::new(), Vec::new());
    for mut message in messages {
        let annex = std::mem::take(&mut message.annex);
        let signed = Signed::try_from(message)?;
        if !annex.is_empty() {
            annexes.extend(Enclosed::new(signed.clone(), Some(&annex)).ok().and_then(|enclosed| enclosed.annex));
        }
        statements.push(signed);
    }
    Ok((statements, annexes))
}

/// The same on their way: each statement with its annex, if that is here.
pub fn to_deliver(statements: &[Signed], annexes: &[Annex]) -> Vec<pb::SignedStatement> {
    let enclose = |signed: &Signed| {
        let named = if annexes.is_empty() { None } else { named(signed) };
        let annex = annexes.iter().find(|annex| Some(annex.id()) == named).cloned();
        (&Enclosed { signed: signed.clone(), annex }).into()
    };
    statements.iter().map(enclose).collect()
}

fn check_kind(kind: &Kind, signed: &Signed) -> Result<(), Refusal> {
    if signed.kind() == kind {
        return Ok(());
    }
    let refusal = Refusal::new(crate::domain::reason::Reason::FieldInvalid).with("field", "statement");
    Err(refusal.with("kind", signed.kind()).with("must_be", kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::annex::Texts;
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
    fn a_wrong_annex_is_refused_where_it_is_handed_in_and_passed_over_where_it_is_delivered() {
        let annex = Annex::write(Texts::note("geprüft"), [1; 32]).expect("admissible").expect("says something");
        let key = SecretKey::from_seed(&[1; 32]);
        let body = serde_json::json!({ "order": "01".repeat(16), "attempt": 1, "request": "03".repeat(32), "org": "kid",
            "approve": true, "annex": annex.id(), "officer": "leitung", "signed_at": "2026-11-23T10:00:00Z",
            "salt": "07".repeat(16) });
        let signed = Signed::sign(&Kind::Decision, &body, &[&key]);
        let enclosed = Enclosed { signed: signed.clone(), annex: Some(annex.clone()) };
        let message = pb::SignedStatement::from(&enclosed);
        assert_eq!(enclosed_as(&Kind::Decision, Some(message.clone())), Ok(enclosed));
        assert_eq!(delivered(vec![message.clone()]), Ok((vec![signed.clone()], vec![annex.clone()])));
        let sent = to_deliver(std::slice::from_ref(&signed), &[annex]);
        assert_eq!((sent.len(), &sent[0]), (1, &message));
        assert_eq!(to_deliver(std::slice::from_ref(&signed), &[]), [pb::SignedStatement::from(&signed)]);
        let wrong = pb::SignedStatement { annex: b"{}".to_vec(), ..message };
        let refused = enclosed_as(&Kind::Decision, Some(wrong.clone())).expect_err("another annex");
        assert_eq!(refused.reason, Reason::AnnexDiffers);
        assert_eq!(delivered(vec![wrong]), Ok((vec![signed], Vec::new())));
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
