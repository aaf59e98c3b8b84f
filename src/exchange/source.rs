//! The bytes of a file as text: which encoding, and how large it may be.
use std::borrow::Cow;

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::domain::reason::{Reason, Refusal};
use crate::exchange::finding::{Fate, Finding};

/// Largest file that is read: seventy times the largest register (GV100AD, 3.6 MB), and small enough for any desk.
pub const FILE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How the companion files begin that macOS writes as `._NAME` (AppleDouble).
const SHADOW: [u8; 4] = [0x00, 0x05, 0x16, 0x07];

/// The text of a file, and what there is to say about its encoding. UTF-8 with or without a byte order mark is plain; UTF-16
/// is known by its mark; a line that is not UTF-8 is read as Windows-1252, which every byte is, as older registers have it.
pub fn decoded(bytes: &[u8]) -> Result<(Cow<'_, str>, Vec<Finding>), Refusal> {
    if bytes.starts_with(&SHADOW) {
        return Err(Refusal::new(Reason::FileShadow));
    }
    if bytes.len() > FILE_BYTES_MAX {
        return Err(Refusal::new(Reason::FileTooLarge).with("bytes_max", FILE_BYTES_MAX));
    }
    let wide =
        [(UTF_16LE, [0xff, 0xfe]), (UTF_16BE, [0xfe, 0xff])].into_iter().find(|(_, mark)| bytes.starts_with(mark));
    if let Some((encoding, mark)) = wide {
        let (text, _) = encoding.decode_without_bom_handling(&bytes[mark.len()..]);
        return Ok((Cow::Owned(text.into_owned()), vec![foreign(1, encoding.name())]));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok((Cow::Borrowed(text), Vec::new()));
    }
    let (mut text, mut findings) = (String::with_capacity(bytes.len() * 2), Vec::new());
    for (at, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        match std::str::from_utf8(line) {
            Ok(line) => text.push_str(line),
            Err(_) => {
                text.push_str(&WINDOWS_1252.decode_without_bom_handling(line).0);
                if findings.is_empty() {
                    findings.push(foreign(at + 1, WINDOWS_1252.name()));
                }
            }
        }
    }
    Ok((Cow::Owned(text), findings))
}

/// Said once, at the first line concerned.
fn foreign(line: usize, encoding: &str) -> Finding {
    let refusal = Refusal::new(Reason::EncodingWrong).with("read_as", encoding);
    Finding { line, field: String::new(), refusal, fate: Fate::Taken }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_is_read_and_told() {
        for (bytes, text, line) in [
            (&b"Sch\xc3\xb6n"[..], "Schön", None),
            (b"\xef\xbb\xbfSch\xc3\xb6n", "Schön", None),
            (b"ab\nSch\xf6n\nK\xc3\xb6ln \x80", "ab\nSchön\nKÃ¶ln €", Some(2)),
            (b"ab\nSch\xf6n\nK\xc3\xb6ln", "ab\nSchön\nKöln", Some(2)),
            (b"\xff\xfeS\0\xf6\0", "Sö", Some(1)),
            (b"\xfe\xff\0S\0\xf6", "Sö", Some(1)),
        ] {
            let (found, findings) = decoded(bytes).expect("text");
            assert_eq!(found, text);
            assert_eq!(findings.first().map(|finding| finding.line), line, "{text}");
        }
        let shadow = decoded(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X").expect_err("a companion");
        assert_eq!(shadow.reason, Reason::FileShadow);
    }
}
