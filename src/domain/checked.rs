//! Marks: what a node writes beside statements whose signatures it has checked, so that it need not do the arithmetic
//! again each time it starts.
//!
//! A mark is HMAC-SHA-256 (RFC 2104) over the statement's id, its keys and its signatures, cut to 16 bytes, under a key
//! that only the node has. So a disk stays a courier: bytes that were changed, or that another node marked, carry no mark
//! of this one and are checked like any others. A mark says that a signature is good, and nothing about whether its key
//! may sign; that is judged each time.
use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::domain::signing::SecretKey;
use crate::domain::statement::Signed;

/// What the key is derived for, so that it is good for nothing else.
const PURPOSE: &[u8] = b"verbund/checked/v1";

/// Says that every signature of one statement was found good.
pub type Mark = [u8; 16];

/// Makes and recognises the marks of one node.
#[derive(Clone)]
pub struct MarkKey(Hmac<Sha256>);

impl MarkKey {
    /// The mark key that goes with a node's secret key.
    pub fn derive(secret: &SecretKey) -> Self {
        let derived = secret.derive(PURPOSE);
        Self(Hmac::new_from_slice(&derived).expect("HMAC takes keys of any length"))
    }

    /// The mark of a statement; none while one of its signatures has not been found good.
    pub fn mark(&self, signed: &Signed) -> Option<Mark> {
        signed.is_good().then(|| self.code(signed))
    }

    /// Takes the signatures of a statement for good if its mark is among these.
    pub fn recognise(&self, signed: &Signed, marks: &BTreeSet<Mark>) {
        if !marks.is_empty() && marks.contains(&self.code(signed)) {
            signed.recall_good();
        }
    }

    fn code(&self, signed: &Signed) -> Mark {
        let mut code = self.0.clone();
        code.update(&signed.id().0);
        for by in signed.signatures() {
            code.update(&by.key.0);
            code.update(&by.signature.0);
        }
        let full = code.finalize().into_bytes();
        std::array::from_fn(|at| full[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::Signature;
    use crate::domain::statement::{Kind, SignatureBy};

    #[test]
    fn a_mark_is_good_for_what_was_checked_and_for_nothing_else() {
        let (key, other) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let marks = MarkKey::derive(&key);
        let read = |signed: &Signed| Signed::parse(signed.pae(), signed.signatures().to_vec()).expect("well-formed");
        let signed = read(&Signed::sign(&Kind::Need, &serde_json::json!({"a": 1}), &[&key]));
        assert_eq!(marks.mark(&signed), None, "nobody has checked it");
        signed.verify(&key.public()).expect("its own key");
        let known = BTreeSet::from([marks.mark(&signed).expect("checked")]);

        let again = read(&signed);
        marks.recognise(&again, &known);
        assert!(again.is_good());

        let by = signed.signatures()[0];
        let mut bent = by.signature;
        bent.0[40] ^= 1;
        let changed = [
            Signed::parse(signed.pae(), vec![SignatureBy { key: by.key, signature: bent }]),
            Signed::parse(signed.pae(), vec![SignatureBy { key: other.public().hash(), signature: by.signature }]),
            Signed::parse(signed.pae(), vec![SignatureBy { key: by.key, signature: Signature([0; 64]) }]),
        ];
        for changed in changed {
            let changed = changed.expect("well-formed");
            marks.recognise(&changed, &known);
            assert!(!changed.is_good());
        }
        let again = read(&signed);
        MarkKey::derive(&other).recognise(&again, &known);
        assert!(!again.is_good(), "marked by somebody else");
    }
}
