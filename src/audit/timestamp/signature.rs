//! Signatures of time stamp authorities: RSA (PKCS #1 v1.5 and PSS) and ECDSA over P-256 and P-384, with SHA-2.
//!
//! Must never be used for statements of the federation, which have one algorithm: `domain::signing`.
use const_oid::ObjectIdentifier;
use der::asn1::Any;
use der::{Decode as _, Encode as _};
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::pkcs1::RsaPssParams;
use rsa::pkcs8::DecodePublicKey as _;
use rsa::{Pkcs1v15Sign, Pss, PublicKey};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::domain::reason::{Reason, Refusal};

/// The digest by which bundles are stamped.
pub(super) const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const RSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const P_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// The refusal of a token.
pub(super) fn invalid(rule: &str) -> Refusal {
    Refusal::new(Reason::TimestampInvalid).with("rule", rule)
}

/// The digest of some bytes by the algorithm named; none for those that are broken or unknown.
pub(super) fn digest(algorithm: ObjectIdentifier, bytes: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        SHA_256 => Some(Sha256::digest(bytes).to_vec()),
        SHA_384 => Some(Sha384::digest(bytes).to_vec()),
        SHA_512 => Some(Sha512::digest(bytes).to_vec()),
        _ => None,
    }
}

/// Checks a signature. `hash` is the digest algorithm where the signature's own does not name it.
pub(super) fn verify(
    algorithm: &AlgorithmIdentifierOwned,
    hash: Option<ObjectIdentifier>,
    key: &SubjectPublicKeyInfoOwned,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Refusal> {
    let der = key.to_der().map_err(|_| invalid("key"))?;
    let holds = match algorithm.oid {
        RSA => rsa_v15(&der, hash, message, signature),
        RSA_SHA_256 => rsa_v15(&der, Some(SHA_256), message, signature),
        RSA_SHA_384 => rsa_v15(&der, Some(SHA_384), message, signature),
        RSA_SHA_512 => rsa_v15(&der, Some(SHA_512), message, signature),
        RSA_PSS => rsa_pss(&der, algorithm, message, signature),
        ECDSA_SHA_256 => ecdsa(key, &der, SHA_256, message, signature),
        ECDSA_SHA_384 => ecdsa(key, &der, SHA_384, message, signature),
        ECDSA_SHA_512 => ecdsa(key, &der, SHA_512, message, signature),
        _ => None,
    };
    match holds {
        Some(true) => Ok(()),
        Some(false) => Err(invalid("the signature does not match")),
        None => Err(invalid("signature algorithm").with("algorithm", algorithm.oid)),
    }
}

/// None if the algorithm or the key is not one of ours.
fn rsa_v15(key: &[u8], hash: Option<ObjectIdentifier>, message: &[u8], signature: &[u8]) -> Option<bool> {
    let (hash, key) = (hash?, PublicKey::from_public_key_der(key).ok()?);
    let scheme = match hash {
        SHA_256 => Pkcs1v15Sign::new::<Sha256>(),
        SHA_384 => Pkcs1v15Sign::new::<Sha384>(),
        SHA_512 => Pkcs1v15Sign::new::<Sha512>(),
        _ => return None,
    };
    Some(key.verify(scheme, &digest(hash, message)?, signature).is_ok())
}

fn rsa_pss(key: &[u8], algorithm: &AlgorithmIdentifierOwned, message: &[u8], signature: &[u8]) -> Option<bool> {
    let key = PublicKey::from_public_key_der(key).ok()?;
    let parameters = algorithm.parameters.as_ref()?.to_der().ok()?;
    let parameters = RsaPssParams::<Any>::from_der(&parameters).ok()?;
    let (hash, salt) = (parameters.hash.oid, usize::from(parameters.salt_len));
    // Everybody masks with the same hash; who does not is not one of ours.
    if parameters.mask_gen.parameters.as_ref().map(|mask| mask.oid) != Some(hash) {
        return None;
    }
    let digest = digest(hash, message)?;
    Some(match hash {
        SHA_256 => key.verify(Pss::<Sha256>::new_with_salt(salt), &digest, signature).is_ok(),
        SHA_384 => key.verify(Pss::<Sha384>::new_with_salt(salt), &digest, signature).is_ok(),
        SHA_512 => key.verify(Pss::<Sha512>::new_with_salt(salt), &digest, signature).is_ok(),
        _ => return None,
    })
}

fn ecdsa(
    key: &SubjectPublicKeyInfoOwned,
    der: &[u8],
    hash: ObjectIdentifier,
    message: &[u8],
    signature: &[u8],
) -> Option<bool> {
    let curve: ObjectIdentifier = key.algorithm.parameters.as_ref()?.decode_as().ok()?;
    let digest = digest(hash, message)?;
    match curve {
        P_256 => {
            let key = p256::ecdsa::VerifyingKey::from_public_key_der(der).ok()?;
            let signature = p256::ecdsa::Signature::from_der(signature);
            Some(signature.is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()))
        }
        P_384 => {
            let key = p384::ecdsa::VerifyingKey::from_public_key_der(der).ok()?;
            let signature = p384::ecdsa::Signature::from_der(signature);
            Some(signature.is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()))
        }
        _ => None,
    }
}
