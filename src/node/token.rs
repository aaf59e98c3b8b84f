//! Keys in tokens (PKCS #11): the key never leaves the device, which signs for whoever knows its PIN.
//!
//! For keys that are used rarely and by people: roots of organisations, trustees. A key is named by a URI (RFC 7512) such
//! as `pkcs11:token=verbund;object=root-1?module-path=/usr/lib/softhsm/libsofthsm2.so`. Must never try a PIN twice.
use std::path::PathBuf;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;

use crate::domain::id::shortened;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::{PublicKey, Signature, Signer};
use crate::node::passphrase::Passphrase;

/// The DER bytes before the 32 key bytes in the attribute `CKA_EC_POINT`; some tokens leave them out.
const POINT_PREFIX: [u8; 2] = [0x04, 0x20];

/// Where a key lies.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// Label of the token.
    pub token: String,
    /// Label of the key, if that distinguishes it.
    pub object: Option<String>,
    /// Id of the key, if that distinguishes it.
    pub id: Option<Vec<u8>>,
    /// The token's library.
    pub module_path: PathBuf,
    /// The file that holds the PIN, if nobody shall be asked.
    pub pin_source: Option<PathBuf>,
}

impl Place {
    /// Reads a `pkcs11:` URI. What it cannot heed it refuses; a PIN itself has no place on a command line.
    pub fn parse(uri: &str) -> Result<Self, Refusal> {
        let refuse = |part: &str| Refusal::new(Reason::TokenUriInvalid).with("part", shortened(part));
        let (path, query) =
            uri.strip_prefix("pkcs11:").ok_or_else(|| refuse(uri))?.split_once('?').unwrap_or_default();
        let mut place = Self::default();
        for part in path.split(';').chain(query.split('&')) {
            let (name, value) = part.split_once('=').ok_or_else(|| refuse(part))?;
            let bytes = decoded(value).ok_or_else(|| refuse(part))?;
            let text = || String::from_utf8(bytes.clone()).map_err(|_| refuse(part));
            match name {
                "token" => place.token = text()?,
                "object" => place.object = Some(text()?),
                "id" => place.id = Some(bytes),
                "module-path" => place.module_path = text()?.into(),
                "pin-source" => place.pin_source = Some(text()?.trim_start_matches("file:").into()),
                // A PIN is not repeated in a message.
                _ => return Err(refuse(name)),
            }
        }
        match place {
            Self { object: None, id: None, .. } => Err(refuse("object")),
            Self { ref token, .. } if token.is_empty() => Err(refuse("token")),
            Self { ref module_path, .. } if module_path.as_os_str().is_empty() => Err(refuse("module-path")),
            place => Ok(place),
        }
    }

    /// What the halves of the key share.
    fn attributes(&self, class: ObjectClass) -> Vec<Attribute> {
        let mut attributes = vec![Attribute::Class(class), Attribute::KeyType(KeyType::EC_EDWARDS)];
        attributes.extend(self.object.as_ref().map(|label| Attribute::Label(label.as_bytes().to_vec())));
        attributes.extend(self.id.clone().map(Attribute::Id));
        attributes
    }
}

/// The bytes of a part of a URI, where `%2F` is one byte.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.extend(hex::decode(digits).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(bytes)
}

/// A key in a token.
pub struct TokenKey {
    session: Session,
    private: ObjectHandle,
    public: PublicKey,
}

impl TokenKey {
    /// Logs in to the token and finds the key.
    pub fn open(place: &Place, pin: &Passphrase) -> Result<Self, Refusal> {
        let module = Pkcs11::new(&place.module_path).map_err(failed)?;
        match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // By another key of the same token.
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(failed(error)),
        }
        let session = login(&module, place, pin)?;
        let private = only(&session, &place.attributes(ObjectClass::PRIVATE_KEY))?;
        let half = only(&session, &place.attributes(ObjectClass::PUBLIC_KEY))?;
        let found = session.get_attributes(half, &[AttributeType::EcPoint]).map_err(failed)?;
        let [Attribute::EcPoint(point)] = found.as_slice() else {
            return Err(missing("CKA_EC_POINT"));
        };
        let bytes = point.strip_prefix(&POINT_PREFIX).filter(|bytes| bytes.len() == 32).unwrap_or(point);
        let bytes = bytes.try_into().map_err(|_| missing("a point of 32 bytes"))?;
        Ok(Self { session, private, public: PublicKey::register(bytes)? })
    }
}

impl Signer for TokenKey {
    fn public(&self) -> PublicKey {
        self.public.clone()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, Refusal> {
        let pure = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
        let bytes = self.session.sign(&pure, self.private, message).map_err(failed)?;
        let bytes =
            bytes.try_into().map_err(|_| Refusal::new(Reason::TokenFailed).with("problem", "64 bytes expected"))?;
        let signature = Signature(bytes);
        self.public.verify(message, &signature)?;
        Ok(signature)
    }
}

fn login(module: &Pkcs11, place: &Place, pin: &Passphrase) -> Result<Session, Refusal> {
    let slots = module.get_slots_with_token().map_err(failed)?;
    let named = |slot: &&_| module.get_token_info(**slot).is_ok_and(|token| token.label() == place.token);
    let slot = slots.iter().find(named).ok_or_else(|| missing(&place.token))?;
    let session = module.open_ro_session(*slot).map_err(failed)?;
    let pin = std::str::from_utf8(pin.as_ref()).map_err(|_| Refusal::new(Reason::TokenPinWrong))?;
    match session.login(UserType::User, Some(&AuthPin::from(pin))) {
        // For another key of the same token.
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
        Err(Error::Pkcs11(
            problem @ (RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange | RvError::PinLocked),
            _,
        )) => Err(Refusal::new(Reason::TokenPinWrong).with("problem", format!("{problem:?}"))),
        Err(error) => Err(failed(error)),
    }
}

/// The one object with these attributes.
fn only(session: &Session, attributes: &[Attribute]) -> Result<ObjectHandle, Refusal> {
    match session.find_objects(attributes).map_err(failed)?.as_slice() {
        [only] => Ok(*only),
        several => Err(Refusal::new(Reason::TokenKeyMissing).with("found", several.len())),
    }
}

fn missing(what: &str) -> Refusal {
    Refusal::new(Reason::TokenKeyMissing).with("missing", what)
}

fn failed(error: Error) -> Refusal {
    Refusal::new(Reason::TokenFailed).with("problem", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_a_key() {
        let uri =
            "pkcs11:token=Mein%20Token;object=wurzel-1;id=%01%ff?module-path=/lib/a.so&pin-source=file:/etc/pin";
        let place = Place::parse(uri).expect("RFC 7512");
        assert_eq!(
            place,
            Place {
                token: "Mein Token".to_owned(),
                object: Some("wurzel-1".to_owned()),
                id: Some(vec![1, 0xff]),
                module_path: "/lib/a.so".into(),
                pin_source: Some("/etc/pin".into()),
            }
        );
        for wrong in [
            "pkcs11:",
            "pkcs11:token=a;object=b",
            "pkcs11:token=a?module-path=/m",
            "pkcs11:object=b?module-path=/m",
            "pkcs11:token=a;object=b;serial=1?module-path=/m",
            "pkcs11:token=a;object=b?module-path=/m&pin-value=1234",
            "pkcs11:token=a;object=%ff?module-path=/m",
            "pkcs11:token=a;object=%f?module-path=/m",
            "pkcs11:token=a;object=%zz?module-path=/m",
            "pkcs11:token=a;object?module-path=/m",
            "pkcs12:token=a;object=b?module-path=/m",
        ] {
            let refusal = Place::parse(wrong).expect_err(wrong);
            assert_eq!(refusal.reason, Reason::TokenUriInvalid, "{wrong}");
            assert!(!refusal.details().contains("1234"), "a PIN is not repeated: {refusal}");
        }
    }
}
