//! The time stamp that someone may have added to a bundle (RFC 3161): whether it is one at all.
//!
//! Must never be taken for a check of the stamp: who signed it, when, and over what, is not looked at here.
use crate::domain::reason::{Reason, Refusal};

/// Largest token in bytes: a signature, its certificates and what they need take a few thousand.
const TOKEN_BYTES_MAX: usize = 64 * 1024;

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 0x06;
const INTEGER: u8 = 0x02;
const SET: u8 = 0x31;
const EXPLICIT_0: u8 = 0xa0;

/// `id-signedData` (RFC 5652) and `id-ct-TSTInfo` (RFC 3161), as DER writes them.
const SIGNED_DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const TST_INFO: [u8; 11] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];

/// Refused unless these bytes have the outline of a time stamp token: DER, nothing behind it, signed data about a time.
pub fn check_outline(token: &[u8]) -> Result<(), Refusal> {
    if token.len() <= TOKEN_BYTES_MAX && has_outline(token).is_some() {
        return Ok(());
    }
    Err(Refusal::new(Reason::TimestampInvalid).with("bytes", token.len()))
}

fn has_outline(token: &[u8]) -> Option<()> {
    let (content, []) = element(token, SEQUENCE)? else { return None };
    let (kind, rest) = element(content, OBJECT_ID)?;
    let (explicit, []) = element(rest, EXPLICIT_0)? else { return None };
    let (signed, []) = element(explicit, SEQUENCE)? else { return None };
    let (_version, rest) = element(signed, INTEGER)?;
    let (_digests, rest) = element(rest, SET)?;
    let (about, _) = element(rest, SEQUENCE)?;
    let (about, _) = element(about, OBJECT_ID)?;
    (kind == SIGNED_DATA && about == TST_INFO).then_some(())
}

/// The content of the first element, which has this tag, and what follows it. Lengths as DER writes them.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        ..=0x7f => (usize::from(*length), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            let number = digits.iter().fold(0, |number, digit| number << 8 | usize::from(*digit));
            (Some(number).filter(|number| *number > 0x7f && digits[0] != 0)?, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    (*first == tag).then_some((content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let length = u8::try_from(content.len()).expect("short");
        let head = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
        [head, content].concat()
    }

    fn token(about: &[u8]) -> Vec<u8> {
        let info = wrapped(SEQUENCE, &[&wrapped(OBJECT_ID, &[about]), &wrapped(EXPLICIT_0, &[&[4, 100], &[7; 100]])]);
        let signed = wrapped(SEQUENCE, &[&[INTEGER, 1, 3], &[SET, 0], &info]);
        wrapped(SEQUENCE, &[&wrapped(OBJECT_ID, &[&SIGNED_DATA]), &wrapped(EXPLICIT_0, &[&signed])])
    }

    #[test]
    fn only_what_has_the_outline_of_a_token_is_taken_for_one() {
        let good = token(&TST_INFO);
        assert_eq!(check_outline(&good), Ok(()));
        let longer = [&good[..], &[0]].concat();
        let others = [Vec::new(), b"Zeitstempel".to_vec(), vec![0x55; 2_000], token(&SIGNED_DATA), longer];
        for (number, bytes) in others.iter().enumerate() {
            assert_eq!(
                check_outline(bytes).map_err(|refusal| refusal.reason),
                Err(Reason::TimestampInvalid),
                "{number}"
            );
        }
        for end in 0..good.len() {
            assert!(check_outline(&good[..end]).is_err(), "cut off after {end}");
        }
    }
}
