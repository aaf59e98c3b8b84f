//! The container of a bundle: whatever an everyday tool makes of it stays valid and unpacks to the same files everywhere;
//! every trick that could show two readers two things, or hide something, is refused for a reason of its own.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use verbund::audit::bundle::{Bundle, FORMAT, PLACES, TIMESTAMP, VERIFY};
use verbund::audit::container::{BUNDLE_BYTES_MAX, MEMBERS_MAX, MIMETYPE, bytes_of};
use verbund::audit::examine;
use verbund::audit::report::{Report, Ruling};
use verbund::domain::id::{Hash, StatementId};
use verbund::domain::reason::{Lang, Reason};

use crate::archive::{Archive, DESCRIPTOR, LOCAL, Part, extra};
use crate::evidence::{Script, World, afterwards, evidence};

/// A genuine order, made once for all tests.
static GENUINE: LazyLock<(Bundle, StatementId)> = LazyLock::new(|| {
    let evidence = evidence(&Script::default());
    (evidence.bundle(), evidence.root)
});

fn genuine() -> Bundle {
    GENUINE.0.clone()
}

fn audited(bytes: &[u8]) -> Report {
    examine(bytes, Some(GENUINE.1))
}

fn reasons(report: &Report) -> Vec<Reason> {
    report.findings().map(|(_, finding)| finding.refusal.reason).collect()
}

const SEAL: &str = "order/11-seal-barleben.pae";

/// What a tool left behind, and what a test puts there.
const ATTRIBUTES: &[u8] = b"\0\x05\x16\x07\0\x02\0\0Mac OS X        \0\x02\0\0\0\x09\0\0\0\x32\0\0\0\x0e";
const VIEW: &[u8] = b"\0\0\0\x01Bud1\0\0\x10\0\0\0\x08\0";
const JAR: &[u8] = b"Manifest-Version: 1.0\r\nCreated-By: 17.0.13 (Debian)\r\n\r\n";

type Way = (&'static str, fn(&mut Archive));

fn ways_of_packing() -> Vec<Way> {
    vec![
        ("as it is", |_| ()),
        ("other order", |archive| archive.parts.reverse()),
        ("not packed", |archive| {
            for part in &mut archive.parts {
                *part = Part::stored(std::str::from_utf8(&part.local.name).expect("text"), &content(part));
            }
        }),
        ("folder records", |archive| {
            archive.parts.insert(0, Part::folder("order/"));
            archive.parts.push(Part::folder("META-INF/"));
        }),
        ("times and owners", |archive| {
            for part in &mut archive.parts {
                part.local.extra =
                    [extra(0x5455, &[3; 9]), extra(0x7875, &[1, 4, 0, 0, 0, 0, 4, 0, 0, 0, 0])].concat();
                part.central.extra = [extra(0x5455, &[3; 5]), extra(0x000a, &[0; 32])].concat();
            }
        }),
        ("written into a pipe", |archive| archive.parts.iter_mut().for_each(Part::describe)),
        ("zip64", |archive| {
            archive.parts.iter_mut().for_each(Part::widen);
            archive.wide = Some(0);
        }),
        ("no modes", |archive| archive.parts.iter_mut().for_each(|part| part.attributes = 0)),
        ("marks of Java", |archive| {
            archive.parts.insert(0, Part::stored("META-INF/MANIFEST.MF", JAR));
            let mark = extra(0xcafe, &[]);
            archive.parts[0].both(|header| header.extra.clone_from(&mark));
        }),
        ("in a folder, by macOS", |archive| {
            for part in &mut archive.parts {
                part.both(|header| header.name = [b"Paket (1)/", &header.name[..]].concat());
            }
            archive.parts.push(Part::folder("Paket (1)/"));
            archive.parts.push(Part::new("Paket (1)/order/.DS_Store", VIEW));
            archive.parts.push(Part::new("__MACOSX/Paket (1)/._mimetype", ATTRIBUTES));
            archive.parts.push(Part::new("__MACOSX/._Paket (1)", ATTRIBUTES));
        }),
        ("by tar", |archive| {
            for part in &mut archive.parts {
                part.both(|header| header.name = [b"./", &header.name[..]].concat());
            }
            archive.parts.insert(0, Part::folder("./"));
        }),
        ("a second name that is the first", |archive| {
            let part = archive.part(SEAL);
            let content = [&[1][..], &crc32fast::hash(SEAL.as_bytes()).to_le_bytes(), SEAL.as_bytes()].concat();
            part.both(|header| header.extra = extra(0x7075, &content));
        }),
    ]
}

/// What a member holds; the tests know it from the genuine bundle.
fn content(part: &Part) -> Vec<u8> {
    GENUINE.0.members[std::str::from_utf8(&part.local.name).expect("text")].clone()
}

#[test]
fn a_bundle_packed_anew_stays_valid_with_the_same_members() {
    let bundle = genuine();
    for (name, change) in ways_of_packing() {
        let mut archive = Archive::of(&bundle);
        change(&mut archive);
        let bytes = archive.bytes();
        let read = Bundle::parse(&bytes).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert_eq!(read.members, bundle.members, "{name}");
        let report = audited(&bytes);
        assert_eq!(report.ruling(), Ruling::Valid, "{name}: {}", report.text(Lang::De));
        let told = reasons(&report).iter().filter(|reason| **reason == Reason::LeftoverPassedOver).count();
        assert_eq!(told, read.passed_over.len(), "{name}: what was passed over is told");
    }
}

type Trick = (&'static str, Reason, fn(&mut Archive));

fn bytes_that_belong_to_nothing() -> Vec<Trick> {
    use Reason::BundleBytesForeign as Foreign;
    vec![
        ("before it", Foreign, |archive| {
            archive.parts[0].gap = b"#!/bin/sh\n".to_vec();
        }),
        ("before it, offsets not adjusted", Foreign, |archive| {
            archive.parts[0].gap = b"#!/bin/sh\n".to_vec();
            let mut at = 0;
            for part in &mut archive.parts {
                part.offset = Some(at);
                at += (30 + part.local.name.len() + part.data.len()) as u32;
            }
            archive.end = Some(|end| end.offset -= 10);
        }),
        ("a member that the directory does not name", Foreign, |archive| {
            let ghost =
                Archive { parts: vec![Part::new("order/11-seal-dataport.pae", b"DSSEv1")], ..Archive::default() };
            let bytes = ghost.bytes();
            archive.part(SEAL).gap = bytes[..bytes.len() - 100].to_vec();
        }),
        ("between members", Foreign, |archive| archive.part(SEAL).gap = vec![0; 7]),
        ("before the directory", Foreign, |archive| archive.before_directory = vec![b'x'; 4_000]),
        ("after the directory", Foreign, |archive| archive.after_directory = b"signature".to_vec()),
        ("after the end", Foreign, |archive| archive.after = vec![b'Z'; 3_000]),
        ("zeros after the end", Foreign, |archive| archive.after = vec![0; 512]),
        ("a second archive after the end", Foreign, |archive| archive.after = Archive::of(&genuine()).bytes()),
        ("a comment", Foreign, |archive| archive.comment = "Dieses Prüfpaket wurde widerrufen".as_bytes().to_vec()),
        ("an archive in the comment", Foreign, |archive| {
            let inner = Archive { parts: vec![Part::new(SEAL, b"DSSEv1")], ..Archive::default() };
            archive.comment = inner.bytes();
        }),
        ("a comment that is cut off", Reason::BundleTruncated, |archive| archive.end = Some(|end| end.comment = 5)),
        ("a comment on a member", Foreign, |archive| archive.part(SEAL).comment = b"approved".to_vec()),
        ("an unknown extra field", Foreign, |archive| {
            archive.part(SEAL).both(|header| header.extra = extra(0x1234, b"anything"));
        }),
        ("a long extra field", Foreign, |archive| archive.part(SEAL).local.extra = extra(0x5455, &[b'#'; 60])),
        ("half an extra field", Foreign, |archive| archive.part(SEAL).local.extra = vec![0x55, 0x54, 9]),
        ("packed bytes left over", Reason::BundleAltered, |archive| {
            let part = archive.part(SEAL);
            part.data.extend(b"and this");
            let packed = part.data.len() as u32;
            part.both(|header| header.packed = packed);
        }),
    ]
}

fn two_readers_see_two_things() -> Vec<Trick> {
    use Reason::BundleAmbiguous as Ambiguous;
    vec![
        ("two names", Ambiguous, |archive| archive.part(SEAL).local.name[7] = b'2'),
        ("two methods", Ambiguous, |archive| {
            *archive.part(SEAL) = Part::stored(SEAL, b"DSSEv1");
            archive.part(SEAL).local.method = 8;
        }),
        ("not packed, and shorter than it is", Reason::BundleAltered, |archive| {
            *archive.part(SEAL) = Part::stored(SEAL, b"DSSEv1");
            archive.part(SEAL).both(|header| header.size -= 1);
        }),
        ("two flags", Ambiguous, |archive| archive.part(SEAL).local.flags = 1 << 11),
        ("two checksums", Ambiguous, |archive| archive.part(SEAL).local.crc ^= 1),
        ("two lengths", Ambiguous, |archive| archive.part(SEAL).local.size -= 1),
        ("two packed lengths", Ambiguous, |archive| archive.part(SEAL).local.packed -= 1),
        ("no lengths in front, and none behind", Ambiguous, |archive| {
            let local = &mut archive.part(SEAL).local;
            (local.crc, local.packed, local.size) = (0, 0, 0);
        }),
        ("another checksum behind the data", Ambiguous, |archive| {
            archive.part(SEAL).describe();
            archive.part(SEAL).descriptor[4] ^= 1;
        }),
        ("no mark on what stands behind the data", Ambiguous, |archive| {
            archive.part(SEAL).describe();
            drop(archive.part(SEAL).descriptor.drain(..4));
        }),
        ("not packed, and what looks like the end inside", Ambiguous, |archive| {
            let inner = [&DESCRIPTOR.to_le_bytes()[..], &[0; 12], &LOCAL.to_le_bytes()].concat();
            *archive.part(SEAL) = Part::stored(SEAL, &inner);
            archive.part(SEAL).describe();
        }),
        ("two members at one place", Ambiguous, |archive| archive.parts[5].offset = Some(0)),
        ("a place inside another member", Ambiguous, |archive| archive.parts[5].offset = Some(40)),
        ("a member inside another", Ambiguous, |archive| {
            let whole = [&archive.parts[0].data[..], &archive.parts[1].record()].concat();
            let outer = Part::stored("order/99-outer.pae", &whole);
            let shorter = archive.parts[0].data.clone();
            archive.parts[0] = Part { data: shorter, ..outer };
        }),
        ("a second name", Ambiguous, |archive| {
            let second =
                [&[1][..], &crc32fast::hash(SEAL.as_bytes()).to_le_bytes(), b"order/10-seal-barleben.pae"].concat();
            archive.part(SEAL).both(|header| header.extra = extra(0x7075, &second));
        }),
        ("two extra fields of one kind", Ambiguous, |archive| {
            archive.part(SEAL).local.extra = [extra(0x5455, &[1; 5]), extra(0x5455, &[2; 5])].concat();
        }),
        ("zip64 says another length", Ambiguous, |archive| {
            archive.part(SEAL).widen();
            archive.part(SEAL).local.extra[4] ^= 1;
        }),
        ("zip64 says more than asked", Ambiguous, |archive| {
            archive.part(SEAL).local.extra = extra(0x0001, &[0; 16]);
        }),
        ("zip64 counts one entry less", Ambiguous, |archive| {
            archive.wide = Some(0);
            archive.end = Some(|end| end.entries = 1);
        }),
        ("an entry more than counted", Reason::BundleBytesForeign, |archive| {
            archive.end = Some(|end| end.entries -= 1);
        }),
        ("an entry less than counted", Reason::BundleTruncated, |archive| {
            archive.wide = Some(1);
        }),
    ]
}

fn names_that_do_not_hold() -> Vec<Trick> {
    fn rename(archive: &mut Archive, name: &str) {
        archive.part(SEAL).both(|header| header.name = name.as_bytes().to_vec());
    }
    fn add(archive: &mut Archive, name: &str) {
        archive.parts.push(Part::new(name, b"DSSEv1"));
    }
    use Reason::{MemberNameTwice as Twice, MemberNameUnsafe as Unsafe};
    vec![
        ("one name twice", Twice, |archive| add(archive, SEAL)),
        ("a twin in capitals", Twice, |archive| add(archive, "order/11-SEAL-barleben.pae")),
        ("a folder's twin in capitals", Twice, |archive| add(archive, "ORDER/12-seal-kid.pae")),
        ("a folder record's twin", Twice, |archive| archive.parts.push(Part::folder("Order/"))),
        ("a file that is a folder", Twice, |archive| add(archive, "order")),
        ("a file below a file", Twice, |archive| add(archive, "policy.txt/x")),
        ("a folder record over a file", Twice, |archive| archive.parts.push(Part::folder("policy.txt/"))),
        ("composed and decomposed", Unsafe, |archive| {
            add(archive, "order/12-\u{e4}.pae");
            add(archive, "order/12-a\u{308}.pae");
        }),
        ("parent", Unsafe, |archive| add(archive, "../x")),
        ("parent inside", Unsafe, |archive| add(archive, "order/../../x")),
        ("itself", Unsafe, |archive| add(archive, "order/./x")),
        ("absolute", Unsafe, |archive| add(archive, "/etc/x")),
        ("a drive", Unsafe, |archive| add(archive, "C:x")),
        ("another stream of a file", Unsafe, |archive| add(archive, "mimetype:x")),
        ("backslash", Unsafe, |archive| add(archive, "order\\x")),
        ("dot at the end", Unsafe, |archive| rename(archive, "order/11-seal-barleben.pae.")),
        ("blank at the end", Unsafe, |archive| rename(archive, "order/11-seal-barleben.pae ")),
        ("folder with a dot at the end", Unsafe, |archive| add(archive, "order./x")),
        ("hidden", Unsafe, |archive| add(archive, "order/.profile")),
        ("device", Unsafe, |archive| add(archive, "order/nul")),
        ("device with an ending", Unsafe, |archive| add(archive, "Aux.txt")),
        ("port", Unsafe, |archive| add(archive, "order/COM7.pae")),
        ("nothing", Unsafe, |archive| add(archive, "")),
        ("escape sequence", Unsafe, |archive| add(archive, "order/\u{1b}[2J")),
        ("escape sequence in the name of a link", Unsafe, |archive| {
            archive.parts.push(Part { attributes: 0o120_777 << 16, ..Part::stored("order/\u{1b}[2J", b"x") });
        }),
        ("line end", Unsafe, |archive| add(archive, "order/x\ny")),
        ("too long", Unsafe, |archive| add(archive, &"x".repeat(300))),
        ("an enclosing folder that leads out", Unsafe, |archive| {
            archive
                .parts
                .iter_mut()
                .for_each(|part| part.both(|header| header.name = [b"../", &header.name[..]].concat()));
        }),
        ("an enclosing folder that is a device", Unsafe, |archive| {
            archive
                .parts
                .iter_mut()
                .for_each(|part| part.both(|header| header.name = [b"con/", &header.name[..]].concat()));
        }),
        ("an enclosing folder that macOS drops", Unsafe, |archive| {
            archive.parts.iter_mut().for_each(|part| {
                part.both(|header| header.name = [b"__MACOSX/", &header.name[..]].concat());
            });
        }),
    ]
}

fn members_that_are_no_files() -> Vec<Trick> {
    use Reason::{BundleUnreadable as Unreadable, MemberNotFile as NotFile};
    vec![
        ("link", NotFile, |archive| archive.part(SEAL).attributes = 0o120_777 << 16),
        ("link to a folder", NotFile, |archive| {
            let mut link = Part::stored("order/", b"");
            link.attributes = 0o120_777 << 16;
            archive.parts.push(link);
        }),
        ("device", NotFile, |archive| archive.part(SEAL).attributes = 0o020_666 << 16),
        ("set-uid", NotFile, |archive| archive.part(SEAL).attributes = 0o104_755 << 16),
        ("set-gid", NotFile, |archive| archive.part(SEAL).attributes = 0o102_755 << 16),
        ("reparse point of Windows", NotFile, |archive| archive.part(SEAL).attributes |= 0x0400),
        ("volume label", NotFile, |archive| archive.part(SEAL).attributes |= 0x0008),
        ("a file marked as a folder", NotFile, |archive| archive.part(SEAL).attributes |= 0x0010),
        ("a folder with content", NotFile, |archive| {
            let attributes = Part::folder("order/").attributes;
            archive.parts.push(Part { attributes, ..Part::stored("order/", b"content") });
        }),
        ("encrypted", Unreadable, |archive| archive.part(SEAL).both(|header| header.flags |= 1)),
        ("patched", Unreadable, |archive| archive.part(SEAL).both(|header| header.flags |= 1 << 5)),
        ("masked", Unreadable, |archive| archive.part(SEAL).both(|header| header.flags |= 1 << 13)),
        ("other compression", Unreadable, |archive| archive.part(SEAL).both(|header| header.method = 12)),
        ("on another disk", Unreadable, |archive| archive.part(SEAL).disk = 1),
        ("last of several disks", Unreadable, |archive| archive.end = Some(|end| end.disk = 1)),
        ("altered content", Reason::BundleAltered, |archive| {
            let altered = Part::stored(SEAL, b"DSSEv1 2");
            let crc = archive.part(SEAL).central.crc;
            *archive.part(SEAL) = altered;
            archive.part(SEAL).both(|header| header.crc = crc);
        }),
    ]
}

fn strangers() -> Vec<Trick> {
    use Reason::MemberForeign as Foreign;
    vec![
        ("an empty folder", Foreign, |archive| archive.parts.push(Part::folder("rm -rf/"))),
        ("a script for macOS", Foreign, |archive| archive.parts.push(Part::new("__MACOSX/._x", b"#!/bin/sh\n"))),
        ("attributes too long", Foreign, |archive| {
            let long = [ATTRIBUTES, &[b'#'; 20_000]].concat();
            archive.parts.push(Part::new("__MACOSX/._mimetype", &long));
        }),
        ("a view that is none", Foreign, |archive| archive.parts.push(Part::new(".DS_Store", b"Bud1"))),
        ("attributes of another stream", Reason::MemberNameUnsafe, |archive| {
            archive.parts.push(Part::new("__MACOSX/._x:y", ATTRIBUTES));
        }),
        ("attributes outside", Reason::MemberNameUnsafe, |archive| {
            archive.parts.push(Part::new("__MACOSX/../../._x", ATTRIBUTES));
        }),
        ("a manifest with a class path", Foreign, |archive| {
            let text = b"Manifest-Version: 1.0\r\nCreated-By: 17\r\nClass-Path: http://x\r\n\r\n";
            archive.parts.push(Part::new("META-INF/MANIFEST.MF", text));
        }),
    ]
}

/// One trick more, which is the container's in a bundle but not its reader's: the member is no member.
fn members_nobody_knows() -> Vec<Trick> {
    use Reason::MemberForeign as Foreign;
    vec![
        ("a script under META-INF", Foreign, |archive| {
            archive.parts.push(Part::new("META-INF/run-me.sh", b"#!/bin/sh\nrm -rf ~\n"));
        }),
        ("a file for macOS", Foreign, |archive| archive.parts.push(Part::new("__MACOSX/evil", b"x"))),
        ("another text", Foreign, |archive| archive.parts.push(Part::new("LIESMICH.txt", b"x"))),
        ("an empty time stamp", Reason::BundleAltered, |archive| archive.parts.push(Part::new(TIMESTAMP, b""))),
        ("a random time stamp", Reason::BundleAltered, |archive| {
            archive.parts.push(Part::new(TIMESTAMP, &[0x5a; 2_000]));
        }),
    ]
}

#[test]
fn every_trick_with_the_container_is_refused_for_its_own_reason() {
    let bundle = genuine();
    let by_reader = [
        bytes_that_belong_to_nothing(),
        two_readers_see_two_things(),
        names_that_do_not_hold(),
        members_that_are_no_files(),
        strangers(),
    ];
    for (name, reason, change) in by_reader.into_iter().flatten() {
        let mut archive = Archive::of(&bundle);
        change(&mut archive);
        let refusal = Bundle::parse(&archive.bytes()).expect_err(name);
        assert_eq!(refusal.reason, reason, "{name}: {refusal}");
        let report = audited(&archive.bytes());
        assert_eq!((reasons(&report), report.ruling()), (vec![reason], Ruling::of(&refusal)), "{name}");
        assert_ne!(report.ruling(), Ruling::Valid, "{name}");
    }
    for (name, reason, change) in members_nobody_knows() {
        let mut archive = Archive::of(&bundle);
        change(&mut archive);
        let report = audited(&archive.bytes());
        assert_eq!((reasons(&report), report.ruling()), (vec![reason], Ruling::Invalid), "{name}");
    }
}

#[test]
fn what_is_no_bundle_is_told_in_one_sentence() {
    let whole = genuine().to_zip().expect("bytes");
    let pdf = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n%%EOF\n".to_vec();
    let many: Vec<Part> = (0..=MEMBERS_MAX).map(|number| Part::new(&format!("m{number}"), b"x")).collect();
    let packed = |parts| Archive { parts, ..Archive::default() }.bytes();
    let mut lying = Part::new("order/x", &vec![0; 1 << 20]);
    lying.both(|header| header.size = 10);
    let cases = [
        ("nothing", Vec::new(), Reason::FileEmpty),
        ("a PDF", pdf, Reason::BundleNotZip),
        ("text", b"PK".to_vec(), Reason::BundleNotZip),
        ("no members", packed(Vec::new()), Reason::EvidenceMissing),
        ("half of it", whole[..whole.len() / 2].to_vec(), Reason::BundleTruncated),
        ("all but the last byte", whole[..whole.len() - 1].to_vec(), Reason::BundleTruncated),
        ("without its beginning", whole[1_000..].to_vec(), Reason::BundleTruncated),
        ("a large file", vec![0; BUNDLE_BYTES_MAX + 1], Reason::BundleTooLarge),
        ("many members", packed(many), Reason::BundleTooLarge),
        ("a bomb", packed(vec![Part::new("order/x", &vec![0; BUNDLE_BYTES_MAX + 1])]), Reason::BundleBomb),
        ("a bomb that lies about its size", packed(vec![lying]), Reason::BundleAltered),
    ];
    for (name, bytes, reason) in cases {
        let report = audited(&bytes);
        assert!(reasons(&report).contains(&reason), "{name}: {}", report.text(Lang::En));
        assert_ne!(report.ruling(), Ruling::Valid, "{name}");
        let is_alone = reason != Reason::EvidenceMissing;
        assert_eq!(report.findings().count() == 1, is_alone, "{name}: nothing else is said");
    }
}

/// A source without an end: who reads it all never comes back.
struct Endless;

impl std::io::Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        Ok(buffer.len())
    }
}

#[test]
fn no_more_of_a_file_is_read_than_a_bundle_may_have() {
    assert_eq!(bytes_of(Endless).expect("bytes").len(), BUNDLE_BYTES_MAX + 1);
}

#[test]
fn a_bundle_of_a_newer_format_asks_for_a_newer_program_and_nothing_else() {
    let say = |text: &str| {
        let mut bundle = genuine();
        bundle.members.insert(FORMAT.to_owned(), text.as_bytes().to_vec());
        bundle.members.insert("novelty/1.cbor".to_owned(), vec![1]);
        bundle.write_manifest();
        let report = audited(&bundle.to_zip().expect("bytes"));
        (report.ruling(), reasons(&report))
    };
    assert_eq!(say("verbund/bundle/v3\n"), (Ruling::NotCheckable, vec![Reason::BundleTooNew]));
    assert_eq!(say("verbund/bundle/v4294967295\n").1, [Reason::BundleTooNew]);
    let other = vec![Reason::BundleAltered, Reason::MemberForeign];
    for text in
        ["", "verbund/bundle/v1\n", "verbund/bundle/v03\n", "verbund/bundle/v2", "verbund/bundle/v99999999999\n"]
    {
        assert_eq!(say(text), (Ruling::Invalid, other.clone()), "{text:?}");
    }
    let mut without = genuine();
    without.members.remove(FORMAT);
    without.write_manifest();
    assert_eq!(reasons(&audited(&without.to_zip().expect("bytes"))), [Reason::EvidenceMissing]);
}

/// Programs of other authors know the instructions by their digest; another text is another format.
#[test]
fn the_contract_names_the_instructions_and_the_format() {
    let bundle = genuine();
    let digest = Hash::of(&bundle.members[VERIFY]).to_string();
    let read = |file| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("read");
    let contract = read("proto/README.md");
    assert!(contract.contains(&digest) && read("docs/audit-rules.md").contains(&digest), "{digest}");
    let format = std::str::from_utf8(&bundle.members[FORMAT]).expect("text");
    assert!(contract.contains(&format!("`{}`", format.trim_end())), "{format}");
}

#[test]
fn no_line_of_the_instructions_can_be_changed() {
    let text = String::from_utf8(genuine().members[VERIFY].clone()).expect("text");
    let with = |text: String| {
        let mut bundle = genuine();
        bundle.members.insert(VERIFY.to_owned(), text.into_bytes());
        bundle.write_manifest();
        reasons(&audited(&bundle.to_zip().expect("bytes")))
    };
    assert_eq!(with(text.clone()), []);
    for changed in [
        format!("openssl() {{ echo Signature Verified Successfully; }}\n{text}"),
        text.replace("CHECKING WITHOUT", "Checking without"),
        format!("{text}\n"),
        text.replacen("openssl pkeyutl", "openssl  pkeyutl", 1),
        text.replace("while read -r p", "while read -r q"),
        String::new(),
    ] {
        assert_eq!(with(changed), [Reason::VerifyTextDiffers]);
    }
}

/// Lays a second copy of a statement, with its signatures and proofs, under another name.
fn lay_again(bundle: &mut Bundle, name: &str, other: &str) {
    for places in bundle.members.iter_mut().filter(|(file, _)| file.ends_with(PLACES)).map(|(_, places)| places) {
        let text = String::from_utf8(places.clone()).expect("text");
        let mut all: Vec<String> = text.split_inclusive("\n\n").map(str::to_owned).collect();
        all.extend(
            all.iter().find_map(|place| Some(format!("{other}\n{}", place.strip_prefix(&format!("{name}\n"))?))),
        );
        all.sort();
        *places = all.concat().into_bytes();
    }
    let is_part = |file: &&String| file.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    let files: Vec<String> = bundle.members.keys().filter(is_part).cloned().collect();
    assert!(!files.is_empty(), "no {name}");
    for file in files {
        bundle.members.insert(file.replacen(name, other, 1), bundle.members[&file].clone());
    }
}

fn findings_of(mut bundle: Bundle, root: StatementId) -> Vec<(String, Reason)> {
    bundle.write_manifest();
    let report = examine(&bundle.to_zip().expect("bytes"), Some(root));
    report.findings().map(|(_, finding)| (finding.subject.clone(), finding.refusal.reason)).collect()
}

fn first(bundle: &Bundle, folder: &str) -> String {
    let name =
        bundle.members.keys().find_map(|name| name.strip_suffix(".pae").filter(|name| name.starts_with(folder)));
    name.expect("a statement").to_owned()
}

#[test]
fn second_copies_are_named() {
    for folder in ["facts/", "order/", "receipts/", "trust/kid/"] {
        let mut bundle = genuine();
        let (name, other) = (first(&bundle, folder), format!("{folder}99-copy"));
        lay_again(&mut bundle, &name, &other);
        assert!(findings_of(bundle, GENUINE.1).contains(&(other, Reason::EvidenceTwice)), "{folder}");
    }
}

#[test]
fn a_copy_in_a_folder_of_others_is_refused() {
    for (from, to) in [("facts/", "order/"), ("order/", "facts/"), ("receipts/", "order/"), ("order/", "trust/kid/")]
    {
        let mut bundle = genuine();
        let (name, other) = (first(&bundle, from), format!("{to}99-copy"));
        lay_again(&mut bundle, &name, &other);
        let found = findings_of(bundle, GENUINE.1);
        assert!(found.contains(&(other, Reason::MemberForeign)), "{from} in {to}: {found:?}");
    }
}

#[test]
fn an_offering_of_another_order_is_named() {
    let evidence = afterwards(&Script::default(), World::publish_another);
    let bundle = evidence.bundle();
    let name =
        bundle.members.keys().filter_map(|name| name.strip_suffix(".pae")).rfind(|name| name.ends_with("-offering"));
    let name = name.expect("an offering").to_owned();
    assert_eq!(findings_of(bundle, evidence.root), [(name, Reason::EvidenceUnrelated)]);
}

/// A command of a shell, run in a folder, if the program is there.
fn shell(program: &str, line: &str, folder: &Path) -> bool {
    let is_there = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    if !is_there.expect("a shell").status.success() {
        let required = std::env::var("VERBUND_REQUIRE_TOOLS").unwrap_or_default();
        assert!(
            !required.split(' ').any(|one| one == program),
            "{program} is absent, and VERBUND_REQUIRE_TOOLS names it"
        );
        eprintln!("SKIPPED: {program} is absent");
        return false;
    }
    let output = Command::new("sh").args(["-c", line]).current_dir(folder).output().expect("a shell");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    true
}

/// Everyday tools, each with the line that packs the folder `paket` into `FILE`.
const PACKERS: [(&str, &str); 11] = [
    ("zip", "cd paket && zip -q -r ../FILE ."),
    ("zip", "cd paket && zip -q -r -0 -fz ../FILE ."),
    ("zip", "cd paket && zip -q -r - . | cat >../FILE"),
    ("zip", "zip -q -r FILE paket"),
    ("7z", "cd paket && 7z a -bd -bso0 -tzip ../FILE ."),
    ("bsdtar", "cd paket && bsdtar -a -cf ../FILE ."),
    ("bsdtar", "bsdtar -a -cf FILE paket"),
    ("jar", "cd paket && jar cf ../FILE ."),
    ("jar", "cd paket && jar cfM ../FILE *"),
    ("python3", "cd paket && python3 -m zipfile -c ../FILE *"),
    (
        "python3",
        "python3 -c 'import sys, shutil; shutil.make_archive(sys.argv[1], \"zip\", \"paket\")' $(basename FILE .zip)",
    ),
];

/// What unpacks `FILE` into the present folder; two of them read it from a pipe, without its directory.
const UNPACKERS: [(&str, &str); 5] = [
    ("unzip", "unzip -q FILE"),
    ("bsdtar", "cat FILE | bsdtar -xf -"),
    ("jar", "cat FILE | jar x"),
    ("python3", "python3 -m zipfile -e FILE ."),
    ("jar", "jar xf FILE"),
];

fn write_all(members: &BTreeMap<String, Vec<u8>>, folder: &Path) {
    for (name, bytes) in members {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, bytes).expect("written");
    }
}

/// Every file below a folder, by its path.
fn read_all(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut files, mut left) = (BTreeMap::new(), vec![folder.to_path_buf()]);
    while let Some(at) = left.pop() {
        for entry in fs::read_dir(at).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                left.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).expect("below").to_str().expect("text");
            files.insert(name.to_owned(), fs::read(&path).expect("read"));
        }
    }
    files
}

/// Each of these unpackers gives the members, perhaps in a folder, and what our reader says it has passed over.
fn unpack_everywhere(file: &Path, bundle: &Bundle, unpackers: &[(&str, &str)]) {
    for (program, line) in unpackers {
        let folder = tempfile::tempdir().expect("a folder");
        let line = line.replace("FILE", &file.display().to_string());
        if !shell(program, &line, folder.path()) {
            continue;
        }
        let mut files = read_all(folder.path());
        for name in &bundle.passed_over {
            assert!(files.remove(name).is_some(), "{line}: {name}");
        }
        let outer = files.keys().find_map(|name| name.strip_suffix(MIMETYPE)).unwrap_or_default().to_owned();
        let inner = |(name, bytes): (String, Vec<u8>)| (name.trim_start_matches(&outer).to_owned(), bytes);
        let files: BTreeMap<String, Vec<u8>> = files.into_iter().map(inner).collect();
        assert!(files == bundle.members, "{line}: {:?}", files.keys());
    }
}

#[test]
fn what_everyday_tools_pack_is_valid_and_unpacks_everywhere_to_the_same_files() {
    let bundle = genuine();
    let place = tempfile::tempdir().expect("a folder");
    write_all(&bundle.members, &place.path().join("paket"));
    let own = place.path().join("own.zip");
    fs::write(&own, bundle.to_zip().expect("bytes")).expect("written");
    unpack_everywhere(&own, &bundle, &UNPACKERS);
    for (number, (program, line)) in PACKERS.iter().enumerate() {
        let file = format!("{number}.zip");
        if !shell(program, &line.replace("FILE", &file), place.path()) {
            continue;
        }
        let bytes = fs::read(place.path().join(&file)).expect("packed");
        let report = audited(&bytes);
        assert_eq!(report.ruling(), Ruling::Valid, "{line}: {}", report.text(Lang::De));
        let read = Bundle::parse(&bytes).expect("valid");
        assert_eq!(read.members, bundle.members, "{line}");
        unpack_everywhere(&place.path().join(&file), &read, &UNPACKERS);
    }
}

#[test]
fn every_way_of_packing_unpacks_everywhere_to_the_same_files() {
    let place = tempfile::tempdir().expect("a folder");
    for (number, (name, change)) in ways_of_packing().into_iter().enumerate() {
        let mut archive = Archive::of(&genuine());
        change(&mut archive);
        let file = place.path().join(format!("{number}.zip"));
        fs::write(&file, archive.bytes()).expect("written");
        let read = Bundle::parse(&archive.bytes()).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        unpack_everywhere(&file, &read, &UNPACKERS[..4]);
    }
}

/// Small enough to mail. Much of it are names and headers of eighty signatures, which lie each in a file of its own so that
/// stock tools can check them. It had 79,743 bytes before the facts said all that section 108 asks for since July 2026.
#[test]
fn a_bundle_of_five_legs_is_small() {
    let bytes = genuine().to_zip().expect("bytes").len();
    eprintln!("five legs: {bytes} bytes");
    assert!(bytes < 82_000, "{bytes} bytes");
}
