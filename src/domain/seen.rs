//! What was verified, let go of and read again: it is taken back by its digest, and is not judged a second time.
//!
//! A key may have been replaced since, and then judging anew would refuse what was rightly taken. So whoever lets go of
//! statements keeps a digest over their bytes and signatures; what comes back with another one is damaged.
use sha2::{Digest as _, Sha256};

use crate::domain::body::Body;
use crate::domain::id::Hash;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Signed, Verified};

/// A digest over statements, in whatever order, and over what was kept beside them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen(Hash);

impl Seen {
    /// The digest over statements that were verified, and over other bytes.
    pub fn of<'a>(statements: impl IntoIterator<Item = &'a Signed>, beside: &[u8]) -> Self {
        let mut statements: Vec<&Signed> = statements.into_iter().collect();
        statements.sort_by_key(|signed| signed.id());
        // How many there are stands before them each time, so no two lists have the same bytes.
        let mut digest = Sha256::new();
        digest.update((statements.len() as u64).to_be_bytes());
        for signed in statements {
            digest.update(signed.id().0);
            digest.update((signed.signatures().len() as u64).to_be_bytes());
            for by in signed.signatures() {
                digest.update(by.key.0);
                digest.update(by.signature.0);
            }
        }
        digest.update(beside);
        Self(Hash(digest.finalize().into()))
    }

    /// Takes messages back, which came with `others` and with the bytes beside them. `STORE_DAMAGED` if they are not what
    /// was seen.
    pub fn take_back<'a>(
        self,
        messages: Vec<Signed>,
        others: impl IntoIterator<Item = &'a Signed>,
        beside: &[u8],
    ) -> Result<Vec<Verified<Body>>, Refusal> {
        let others: Vec<&Signed> = others.into_iter().collect();
        if Self::of(messages.iter().chain(others.iter().copied()), beside) != self {
            return Err(Refusal::new(Reason::StoreDamaged).with("rule", "not what was let go of"));
        }
        messages.into_iter().map(|signed| Ok(Verified::proven(Body::read(&signed)?, signed))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::Kind;

    #[test]
    fn only_the_same_statements_come_back() {
        let key = SecretKey::from_seed(&[1; 32]);
        let signed = |number: u32| Signed::sign(&Kind::Receipt, &serde_json::json!({ "a": number }), &[&key]);
        let (one, two, other) = (signed(1), signed(2), signed(3));
        let seen = Seen::of([&one, &two], b"beside");
        assert_eq!(seen, Seen::of([&two, &one], b"beside"), "in whatever order");
        for (messages, beside) in [
            (vec![&one], b"beside".as_slice()),
            (vec![&one, &other], b"beside"),
            (vec![&one, &two], b"besid"),
            (vec![&one, &two, &other], b"beside"),
        ] {
            assert_ne!(seen, Seen::of(messages, beside));
        }
        let resigned = Signed::parse(one.pae(), signed(2).signatures().to_vec()).expect("well-formed");
        let refused = seen.take_back(vec![resigned, two], [], b"beside").expect_err("another signature");
        assert_eq!(refused.reason, Reason::StoreDamaged);
    }
}
