//! Statements with several signatures: who must have signed, how many of them, and nobody else.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::KeyHash;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::PublicKey;
use crate::domain::statement::Signed;
use crate::domain::trust::documents::{FederationRoot, RootKeys};

/// Keys that may sign, and how many of them must.
pub struct Quorate {
    keys: BTreeMap<KeyHash, PublicKey>,
    threshold: u32,
}

impl Quorate {
    /// The trustees of a root version.
    pub fn trustees(root: &FederationRoot) -> Self {
        let keys = root.trustees.iter().map(|trustee| (trustee.key.hash(), trustee.key.clone())).collect();
        Self { keys, threshold: root.threshold }
    }

    /// The root keys of an organisation.
    pub fn roots(root: &RootKeys) -> Self {
        Self { keys: by_hash(&root.keys), threshold: root.threshold }
    }

    /// How many distinct keys of these have signed, of those whose signatures were found good.
    fn require(&self, signers: &BTreeSet<KeyHash>) -> Result<(), Refusal> {
        let count = signers.iter().filter(|signer| self.keys.contains_key(*signer)).count();
        if self.threshold >= 1 && count >= self.threshold as usize {
            return Ok(());
        }
        Err(Refusal::new(Reason::ThresholdMissed).with("signatures", count).with("needed", self.threshold))
    }
}

/// Keys by their hash.
pub fn by_hash(keys: &[PublicKey]) -> BTreeMap<KeyHash, PublicKey> {
    keys.iter().map(|key| (key.hash(), key.clone())).collect()
}

/// Every signature must be by one of `allowed` and must verify.
fn valid_signers(signed: &Signed, allowed: &BTreeMap<KeyHash, PublicKey>) -> Result<BTreeSet<KeyHash>, Refusal> {
    let mut signers = BTreeSet::new();
    for by in signed.signatures() {
        let key = allowed.get(&by.key).ok_or_else(|| {
            Refusal::new(Reason::SignerWrong).with("key", by.key.short()).with("kind", signed.kind())
        })?;
        signed.verify(key)?;
        signers.insert(by.key);
    }
    Ok(signers)
}

/// Enough of each of `bodies` and every one of `new` must have signed, and nobody else.
pub fn signed_by(signed: &Signed, bodies: &[Quorate], new: &BTreeMap<KeyHash, PublicKey>) -> Result<(), Refusal> {
    let entitled = bodies.iter().flat_map(|body| body.keys.clone());
    let signers = valid_signers(signed, &entitled.chain(new.clone()).collect())?;
    bodies.iter().try_for_each(|body| body.require(&signers))?;
    match new.keys().find(|hash| !signers.contains(*hash)) {
        Some(hash) => Err(Refusal::new(Reason::PossessionMissing).with("key", hash.short())),
        None => Ok(()),
    }
}
