//! Private keys under a passphrase: encrypted PKCS #8 (RFC 5958) by PBES2, as OpenSSL 3, Python and Node.js read it.
//!
//! Written is PBKDF2-HMAC-SHA-256 with AES-256-CBC, the one combination that everything reads, devices and programs
//! under FIPS included. Read is what the `pkcs8` crate knows, scrypt among it, within bounds: a file must not keep the
//! reader busy for hours.
use pkcs8::pkcs5::{self, EncryptionScheme, pbes2};
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef, SecretDocument};
use zeroize::Zeroizing;

use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::pem_label;

/// What the first line of an encrypted key file names.
const LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// Rounds of PBKDF2: what OWASP asks for, and a fraction of a second.
const ITERATIONS: u32 = 600_000;

/// More rounds are not tried: some seconds.
const ITERATIONS_MAX: u32 = 10_000_000;

/// More memory is not taken for scrypt: 64 MiB, twice what OpenSSL takes by default.
const SCRYPT_BYTES_MAX: u64 = 64 << 20;

/// More repetitions of scrypt are not tried.
const SCRYPT_TIMES_MAX: u16 = 16;

/// Longest passphrase that every program named above takes.
const PASSPHRASE_BYTES_MAX: usize = 1_023;

/// A passphrase. It has no `Debug` and is wiped from memory when dropped.
#[derive(PartialEq, Eq)]
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// One line of text.
    pub fn new(bytes: &[u8]) -> Result<Self, Refusal> {
        let is_line = !bytes.iter().any(|byte| b"\0\r\n".contains(byte));
        if is_line && (1..=PASSPHRASE_BYTES_MAX).contains(&bytes.len()) {
            Ok(Self(Zeroizing::new(bytes.to_vec())))
        } else {
            Err(Refusal::new(Reason::PassphraseInvalid))
        }
    }

    /// The content of a file; one line end after it does not count.
    pub fn of_file(content: &[u8]) -> Result<Self, Refusal> {
        let line = content.strip_suffix(b"\n").unwrap_or(content);
        Self::new(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

impl AsRef<[u8]> for Passphrase {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Random bytes that make each encryption a different one; never used twice.
#[derive(Clone, Copy)]
pub struct Fresh {
    /// For the derivation of the key.
    pub salt: [u8; 16],
    /// For the cipher.
    pub iv: [u8; 16],
}

/// Whether a PEM text is an encrypted key.
pub fn is_encrypted(pem: &str) -> bool {
    pem_label(pem) == Some(LABEL)
}

/// Encrypts the PEM text of a private key.
pub fn encrypt(pem: &str, passphrase: &Passphrase, fresh: Fresh) -> Result<Zeroizing<String>, Refusal> {
    let document = document(pem)?;
    let key = PrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| damaged("PKCS #8 expected"))?;
    let encrypted = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, &fresh.salt, fresh.iv)
        .map_err(pkcs8::Error::from)
        .and_then(|parameters| key.encrypt_with_params(parameters, passphrase))
        .and_then(|encrypted| Ok(encrypted.to_pem(LABEL, LineEnding::LF)?));
    encrypted.map_err(|error| Refusal::new(Reason::Bug).with("problem", error))
}

/// Decrypts the PEM text of an encrypted private key, whatever kind of key it is.
pub fn decrypt(pem: &str, passphrase: &Passphrase) -> Result<Zeroizing<String>, Refusal> {
    let unknown = || Refusal::new(Reason::KeyEncryptionUnknown);
    let document = document(pem)?;
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| unknown())?;
    check_effort(&encrypted.encryption_algorithm)?;
    let wrong = || Refusal::new(Reason::PassphraseWrong);
    let key = encrypted.decrypt(passphrase).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(pkcs5::Error::DecryptFailed) | pkcs8::Error::Asn1(_) => wrong(),
        _ => unknown(),
    })?;
    // One wrong passphrase in 256 leaves something that looks decrypted.
    PrivateKeyInfoRef::try_from(key.as_bytes()).map_err(|_| wrong())?;
    key.to_pem("PRIVATE KEY", LineEnding::LF).map_err(|_| wrong())
}

fn document(pem: &str) -> Result<SecretDocument, Refusal> {
    SecretDocument::from_pem(pem).map(|(_, document)| document).map_err(|_| damaged("damaged PEM"))
}

fn damaged(rule: &str) -> Refusal {
    Refusal::new(Reason::KeyFileInvalid).with("rule", rule)
}

/// Refuses what would take hours or gigabytes to derive the key for.
fn check_effort(scheme: &EncryptionScheme) -> Result<(), Refusal> {
    let is_bearable = scheme.pbes2().is_some_and(|parameters| match &parameters.kdf {
        pbes2::Kdf::Pbkdf2(kdf) => (1..=ITERATIONS_MAX).contains(&kdf.iteration_count),
        pbes2::Kdf::Scrypt(kdf) => {
            let bytes = kdf.cost_parameter.saturating_mul(128).saturating_mul(kdf.block_size.into());
            kdf.cost_parameter.is_power_of_two()
                && bytes <= SCRYPT_BYTES_MAX
                && kdf.parallelization <= SCRYPT_TIMES_MAX
        }
        _ => false,
    });
    if is_bearable { Ok(()) } else { Err(Refusal::new(Reason::KeyEncryptionUnknown)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text.as_bytes()).expect("one line")
    }

    fn reason<T>(outcome: Result<T, Refusal>) -> Reason {
        outcome.err().expect("refused").reason
    }

    #[test]
    fn a_key_comes_back_with_its_passphrase_only() {
        let key = SecretKey::from_seed(&[7; 32]);
        let fresh = Fresh { salt: [1; 16], iv: [2; 16] };
        let pem = encrypt(&key.to_pem(), &passphrase("öffne dich"), fresh).expect("encrypted");
        assert!(is_encrypted(&pem) && !is_encrypted(&key.to_pem()));
        assert_eq!(reason(SecretKey::from_pem(&pem)), Reason::PassphraseMissing);
        assert_eq!(decrypt(&pem, &passphrase("öffne dich")).expect("decrypted"), key.to_pem());
        assert_eq!(reason(decrypt(&pem, &passphrase("öffne dich "))), Reason::PassphraseWrong);
        assert_eq!(reason(decrypt(&pem[..pem.len() - 40], &passphrase("a"))), Reason::KeyFileInvalid);
        let changed = Fresh { iv: [3; 16], ..fresh };
        assert_ne!(pem, encrypt(&key.to_pem(), &passphrase("öffne dich"), changed).expect("encrypted"));
    }

    #[test]
    fn files_that_ask_for_too_much_are_not_tried() {
        let key = SecretKey::from_seed(&[7; 32]);
        let pem = encrypt(&key.to_pem(), &passphrase("a"), Fresh { salt: [1; 16], iv: [2; 16] }).expect("encrypted");
        let document = document(&pem).expect("own PEM");
        let mut info = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).expect("own DER");
        let EncryptionScheme::Pbes2(parameters) = &mut info.encryption_algorithm else { panic!("PBES2") };
        let salt = parameters.kdf.pbkdf2().expect("PBKDF2").salt;
        let scrypt = |cost_parameter, block_size, parallelization| {
            let key_length = None;
            pbes2::Kdf::Scrypt(pbes2::ScryptParams { salt, cost_parameter, block_size, parallelization, key_length })
        };
        let pbkdf2 = |iterations| pbes2::Pbkdf2Params::hmac_sha256(iterations, &[1; 16]).expect("below its limit");
        for (kdf, is_bearable) in [
            (scrypt(1 << 14, 8, 1), true),
            (scrypt(1 << 17, 8, 1), false),
            (scrypt(1 << 14, 8, 17), false),
            (scrypt(0, 8, 1), false),
            (scrypt(3, 8, 1), false),
            (scrypt(1 << 63, 8, 1), false),
            (pbkdf2(ITERATIONS_MAX).into(), true),
            (pbkdf2(ITERATIONS_MAX + 1).into(), false),
            (pbkdf2(0).into(), false),
        ] {
            let scheme = pbes2::Parameters { kdf, encryption: parameters.encryption }.into();
            assert_eq!(check_effort(&scheme).is_ok(), is_bearable, "{scheme:?}");
        }
    }

    #[test]
    fn a_passphrase_is_one_line() {
        for (content, taken) in [("a\n", "a"), ("a\r\n", "a"), ("a b", "a b"), (" a ", " a ")] {
            assert!(Passphrase::of_file(content.as_bytes()).expect("one line") == passphrase(taken), "{content:?}");
        }
        for content in ["", "\n", "a\n\n", "a\nb", "a\0", &"a".repeat(1_024)] {
            assert_eq!(reason(Passphrase::of_file(content.as_bytes())), Reason::PassphraseInvalid, "{content:?}");
        }
    }
}
