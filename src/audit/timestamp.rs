//! A time stamp over a bundle (RFC 3161): an outside authority says when it saw the bundle's list of digests.
//!
//! It may be attached to a bundle at any time and adds evidence; it never takes any away: the audit's verdict is the same
//! with and without it, except that a token over other bytes is an altered member. Must never ask the network whether a
//! certificate was revoked: who needs to know asks the authority.
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use const_oid::ObjectIdentifier;
use der::asn1::{Any, AnyRef, OctetString, OctetStringRef};
use der::{Decode as _, Encode as _, Reader as _, SliceReader, Tag, Tagged as _};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, SubjectKeyIdentifier};

use self::signature::{SHA_256, digest, invalid};
use crate::audit::bundle::{Bundle, MANIFEST, TIMESTAMP};
use crate::audit::report::{Book, Check, NotChecked, Ruling, Stamp};
use crate::domain::characters::printable;
use crate::domain::id::Hash;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Timestamp;

mod signature;

/// Largest token in bytes: certificates of a chain take a few kilobytes each.
pub const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// Longest chain from the authority's certificate to one that is trusted.
const CHAIN_MAX: usize = 8;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");

/// An algorithm and what it gave.
type Digest = (ObjectIdentifier, Vec<u8>);

/// A token: readable, nothing checked.
pub struct Token {
    data: SignedData,
    /// The signed content.
    content: Vec<u8>,
    /// Algorithm and digest of what was stamped.
    imprint: Digest,
    /// When, by the authority's clock.
    at: Timestamp,
}

impl Token {
    /// Reads the DER form of a `TimeStampToken`. `TIMESTAMP_INVALID` for anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > TOKEN_BYTES_MAX {
            return Err(invalid("too large").with("bytes", bytes.len()));
        }
        let unreadable =
            |error: der::Error| invalid("no TimeStampToken in DER").with("error", printable(&error.to_string()));
        let outer = ContentInfo::from_der(bytes).map_err(unreadable)?;
        if outer.content_type != SIGNED_DATA {
            return Err(invalid("no TimeStampToken in DER"));
        }
        let data: SignedData = outer.content.decode_as().map_err(unreadable)?;
        if data.encap_content_info.econtent_type != TST_INFO {
            return Err(invalid("no TimeStampToken in DER"));
        }
        let content = data.encap_content_info.econtent.as_ref().ok_or_else(|| invalid("no TimeStampToken in DER"))?;
        let content = content.decode_as::<OctetString>().map_err(unreadable)?.into_bytes().to_vec();
        let (imprint, at) = stamped(&content).map_err(unreadable)?;
        let at = at.ok_or_else(|| invalid("time"))?;
        Ok(Self { data, content, imprint, at })
    }

    /// The token is over exactly these bytes, by their SHA-256.
    pub fn covers(&self, bytes: &[u8]) -> Result<(), Refusal> {
        let (algorithm, stamped) = &self.imprint;
        if *algorithm == SHA_256 && *stamped == Hash::of(bytes).0 {
            return Ok(());
        }
        Err(invalid("it is over other bytes").with("member", MANIFEST))
    }

    /// The authority's certificate, if its key has signed the token and it is one for time stamps.
    fn signer(&self) -> Result<&Certificate, Refusal> {
        let infos: Vec<&SignerInfo> = self.data.signer_infos.0.iter().collect();
        let [info] = infos[..] else { return Err(invalid("one signer")) };
        let signer = self.certificates().find(|certificate| is_of(certificate, &info.sid));
        let signer = signer.ok_or_else(|| invalid("the authority's certificate is missing"))?;
        self.check_attributes(info, signer)?;
        let attributes = info.signed_attrs.as_ref().and_then(|attributes| attributes.to_der().ok());
        let attributes = attributes.ok_or_else(|| invalid("signed attributes"))?;
        signature::verify(
            &info.signature_algorithm,
            Some(info.digest_alg.oid),
            signer.tbs_certificate().subject_public_key_info(),
            &attributes,
            info.signature.as_bytes(),
        )?;
        let purposes = signer.tbs_certificate().get_extension::<ExtendedKeyUsage>().ok().flatten();
        match purposes {
            Some((true, purposes)) if purposes.0 == [TIME_STAMPING] => Ok(signer),
            _ => Err(invalid("the certificate is not one for time stamps")),
        }
    }

    fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        let all = self.data.certificates.iter().flat_map(|set| set.0.iter());
        all.filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate),
            CertificateChoices::Other(_) => None,
        })
    }

    /// The signed attributes name this content and this certificate.
    fn check_attributes(&self, info: &SignerInfo, signer: &Certificate) -> Result<(), Refusal> {
        let attribute = |oid: ObjectIdentifier| -> Option<&Any> {
            let attribute = info.signed_attrs.as_ref()?.iter().find(|attribute| attribute.oid == oid)?;
            let mut values = attribute.values.iter();
            values.next().filter(|_| values.next().is_none())
        };
        let kind = attribute(CONTENT_TYPE).and_then(|value| value.decode_as::<ObjectIdentifier>().ok());
        let said = attribute(MESSAGE_DIGEST).and_then(|value| value.decode_as::<OctetString>().ok());
        let found = digest(info.digest_alg.oid, &self.content).ok_or_else(|| invalid("digest algorithm"))?;
        if kind != Some(TST_INFO) || said.is_none_or(|said| said.as_bytes() != found) {
            return Err(invalid("the signature is for another content"));
        }
        // The older form names the certificate by SHA-1 and proves nothing; the key that verifies does.
        let Some(named) = attribute(SIGNING_CERTIFICATE_V2) else { return Ok(()) };
        let own = signer.to_der().and_then(|own| Ok((own, first_certificate(named)?))).ok();
        let own = own.and_then(|(own, (algorithm, hash))| Some(digest(algorithm, &own)? == hash));
        if own == Some(true) { Ok(()) } else { Err(invalid("the signature names another certificate")) }
    }

    /// A chain of certificates, each good at the time of the token, leads from the signer to one of those trusted.
    fn check_chain(&self, signer: &Certificate, trusted: &[Certificate]) -> Result<(), Refusal> {
        let mut current = signer;
        for _ in 0..CHAIN_MAX {
            if !is_good_at(current, self.at) {
                return Err(invalid("a certificate had run out or was not yet good"));
            }
            if trusted.contains(current) || trusted.iter().any(|issuer| has_issued(issuer, current)) {
                return Ok(());
            }
            let above = self
                .certificates()
                .find(|issuer| *issuer != current && is_authority(issuer) && has_issued(issuer, current));
            current = above.ok_or_else(|| invalid("no chain to a trusted certificate"))?;
        }
        Err(invalid("no chain to a trusted certificate"))
    }
}

/// What the content says was stamped, and when. The fields after the time add nothing to it.
fn stamped(content: &[u8]) -> der::Result<(Digest, Option<Timestamp>)> {
    let mut reader = SliceReader::new(content)?;
    let found = reader.sequence(|reader| {
        let _version: u8 = reader.decode()?;
        let _policy: ObjectIdentifier = reader.decode()?;
        let imprint = reader.sequence(|reader| {
            let algorithm: AlgorithmIdentifierOwned = reader.decode()?;
            let hash: &OctetStringRef = reader.decode()?;
            Ok::<_, der::Error>((algorithm.oid, hash.as_bytes().to_vec()))
        })?;
        let _serial: AnyRef<'_> = reader.decode()?;
        let time: AnyRef<'_> = reader.decode()?;
        time.tag().assert_eq(Tag::GeneralizedTime)?;
        skip(reader)?;
        Ok::<_, der::Error>((imprint, time_of(time.value())))
    })?;
    reader.finish()?;
    Ok(found)
}

fn skip<'r>(reader: &mut SliceReader<'r>) -> der::Result<()> {
    while !reader.is_finished() {
        let _: AnyRef<'r> = reader.decode()?;
    }
    Ok(())
}

/// `YYYYMMDDhhmmss[.f]Z`; parts of a second beyond the third digit are dropped.
fn time_of(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    if whole.len() != 14 || part.is_empty() || !whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let [year, month, day, hour, minute, second] =
        [&whole[..4], &whole[4..6], &whole[6..8], &whole[8..10], &whole[10..12], &whole[12..]];
    let millis: String = part.chars().chain("000".chars()).take(3).collect();
    let seconds: Timestamp = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()?;
    Some(seconds.plus_ms(millis.parse().ok()?))
}

/// The digest of the first certificate that the attribute names: `SigningCertificateV2`, RFC 5035.
fn first_certificate(value: &Any) -> der::Result<Digest> {
    let bytes = value.to_der()?;
    SliceReader::new(&bytes)?.sequence(|attribute| {
        let found = attribute.sequence(|certificates| {
            let found = certificates.sequence(|certificate| {
                let named = Tag::peek(certificate)? == Tag::Sequence;
                let algorithm = if named { certificate.decode::<AlgorithmIdentifierOwned>()?.oid } else { SHA_256 };
                let hash: &OctetStringRef = certificate.decode()?;
                let found = (algorithm, hash.as_bytes().to_vec());
                skip(certificate).map(|()| found)
            })?;
            skip(certificates).map(|()| found)
        })?;
        skip(attribute).map(|()| found)
    })
}

fn is_of(certificate: &Certificate, sid: &SignerIdentifier) -> bool {
    let certificate = certificate.tbs_certificate();
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(named) => {
            named.issuer == *certificate.issuer() && named.serial_number == *certificate.serial_number()
        }
        SignerIdentifier::SubjectKeyIdentifier(named) => {
            let own = certificate.get_extension::<SubjectKeyIdentifier>().ok().flatten();
            own.is_some_and(|(_, key)| key == *named)
        }
    }
}

fn is_good_at(certificate: &Certificate, at: Timestamp) -> bool {
    let validity = certificate.tbs_certificate().validity();
    let [from, to] = [validity.not_before, validity.not_after].map(|time| time.to_unix_duration().as_secs());
    u64::try_from(at.0 / 1_000).is_ok_and(|at| (from..=to).contains(&at))
}

fn is_authority(certificate: &Certificate) -> bool {
    let constraints = certificate.tbs_certificate().get_extension::<BasicConstraints>().ok().flatten();
    constraints.is_some_and(|(_, constraints)| constraints.ca)
}

fn has_issued(issuer: &Certificate, certificate: &Certificate) -> bool {
    let Ok(signed) = certificate.tbs_certificate().to_der() else { return false };
    let named = issuer.tbs_certificate().subject() == certificate.tbs_certificate().issuer();
    let key = issuer.tbs_certificate().subject_public_key_info();
    let signature = certificate.signature().as_bytes().unwrap_or_default();
    named && signature::verify(certificate.signature_algorithm(), None, key, &signed, signature).is_ok()
}

/// Reads the certificates of those trusted to stamp, from a file in PEM.
pub fn trusted(pem: &[u8]) -> Result<Vec<Certificate>, Refusal> {
    let found = Certificate::load_pem_chain(pem).unwrap_or_default();
    if found.is_empty() { Err(Refusal::new(Reason::CertificateUnreadable)) } else { Ok(found) }
}

/// Puts a token into a bundle, in place of one that is there. `TIMESTAMP_INVALID` if it is none, is over other bytes than
/// this bundle's list of digests, or is not signed by the certificate in it.
pub fn attach(bundle: &mut Bundle, token: &[u8]) -> Result<(), Refusal> {
    let read = Token::parse(token)?;
    let manifest = bundle.members.get(MANIFEST);
    let manifest = manifest.ok_or_else(|| Refusal::new(Reason::EvidenceMissing).with("member", MANIFEST))?;
    read.covers(manifest)?;
    read.signer()?;
    bundle.members.insert(TIMESTAMP.to_owned(), token.to_vec());
    Ok(())
}

/// Judges the token in a bundle, if there is one. Only one over other bytes counts against the bundle.
pub(super) fn judge(
    bundle: &Bundle,
    trusted: &[Certificate],
    book: &mut Book,
) -> (Option<Stamp>, Option<NotChecked>) {
    let Some(bytes) = bundle.members.get(TIMESTAMP) else { return (None, Some(NotChecked::NoTimestamp)) };
    let manifest = bundle.members.get(MANIFEST).map(Vec::as_slice).unwrap_or_default();
    let read = Token::parse(bytes).and_then(|token| token.covers(manifest).map(|()| token));
    let token = match read {
        Ok(token) => token,
        Err(refusal) => {
            let altered = Refusal { reason: Reason::BundleAltered, ..refusal };
            book.refuse(Check::Container, TIMESTAMP, altered.with("member", TIMESTAMP));
            return (None, None);
        }
    };
    book.pass(Check::Container);
    let mut stamp = Stamp { at: token.at, by: None, is_trusted: false };
    let chained = token.signer().and_then(|signer| {
        stamp.by = Some(printable(&signer.tbs_certificate().subject().to_string()));
        if trusted.is_empty() { Ok(false) } else { token.check_chain(signer, trusted).map(|()| true) }
    });
    match chained {
        Ok(is_trusted) => stamp.is_trusted = is_trusted,
        Err(refusal) => book.note(Check::Container, TIMESTAMP, Ruling::Valid, refusal),
    }
    let gap = (!stamp.is_trusted).then_some(NotChecked::TimestampUnchecked);
    (Some(stamp), gap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_millisecond() {
        for (text, time) in [
            ("20261129180622Z", Some("2026-11-29T18:06:22Z")),
            ("20261129180622.5Z", Some("2026-11-29T18:06:22.5Z")),
            ("20261129180622.123456Z", Some("2026-11-29T18:06:22.123Z")),
            ("20261129180622", None),
            ("20261329180622Z", None),
            ("20261129180622.Z", None),
            ("2026112918062Z", None),
            ("+0261129180622Z", None),
        ] {
            assert_eq!(time_of(text.as_bytes()), time.map(|time| time.parse().expect("a time")), "{text}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for bytes in [&b""[..], b"PK\x03\x04", &[0x30; 40], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]] {
            assert_eq!(Token::parse(bytes).err().map(|refusal| refusal.reason), Some(Reason::TimestampInvalid));
        }
        assert_eq!(
            trusted(b"no certificate").err().map(|refusal| refusal.reason),
            Some(Reason::CertificateUnreadable)
        );
    }
}
