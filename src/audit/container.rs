//! The container of a bundle: a ZIP file, read so that every program on every system unpacks the same files from it.
//!
//! Strict about bytes: each belongs to a member, names stay apart on every file system, members are plain files. Tolerant
//! about packaging: order, compression, times, folder records, one enclosing folder, and what macOS and Java's tool leave
//! behind. Must never know what the members mean.
mod records;

use std::collections::BTreeMap;
use std::io::{self, Read};

use crate::audit::container::records::Entry;
use crate::domain::reason::{Reason, Refusal};

/// Largest bundle in bytes, packed and unpacked: a hundred times what an order of six legs needs.
pub const BUNDLE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Most members: an order of six legs with nine trustees has about five hundred.
pub const MEMBERS_MAX: usize = 2_000;

/// Longest name of a member in bytes: two names of 40, a kind, an index and a key.
const MEMBER_NAME_BYTES_MAX: usize = 200;

/// The member that names the container format.
pub const MIMETYPE: &str = "mimetype";

/// What it says.
pub const MIMETYPE_TEXT: &str = "application/vnd.etsi.asic-e+zip";

/// Names that Windows keeps for devices, whatever ending they have, and those that it keeps together with a digit.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
const PORTS: [&str; 2] = ["com", "lpt"];

/// Unix mode: what kind of file, regular file, folder, and the bits for set-uid, set-gid and sticky.
const MODE_KIND: u32 = 0o170_000;
const MODE_FILE: u32 = 0o100_000;
const MODE_FOLDER: u32 = 0o040_000;
const MODE_SPECIAL: u32 = 0o007_000;

/// DOS attributes of anything that is neither file nor folder: volume label, device, reparse point.
const DOS_SPECIAL: u32 = 0x0008 | 0x0040 | 0x0400;
const DOS_FOLDER: u32 = 0x0010;

/// Largest leftover of a packing tool in bytes: the view of a folder takes 6 KiB, attributes of a file a few hundred.
const LEFTOVER_BYTES_MAX: usize = 16 * 1024;

/// What lies in a container.
#[derive(Debug)]
pub struct Container {
    /// The members by name.
    pub members: BTreeMap<String, Vec<u8>>,
    /// Leftovers of packing tools that carry nothing; they are no members.
    pub passed_over: Vec<String>,
}

/// At most one byte more than a bundle may have: enough to see that it is too large.
pub fn bytes_of(file: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(BUNDLE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a container. What is wrong with it has a reason of its own.
pub fn read(bytes: &[u8]) -> Result<Container, Refusal> {
    if bytes.len() > BUNDLE_BYTES_MAX {
        return Err(Refusal::new(Reason::BundleTooLarge).with("limit_bytes", BUNDLE_BYTES_MAX));
    }
    let entries = records::entries(bytes)?;
    let unpacked = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
    if unpacked > BUNDLE_BYTES_MAX as u64 {
        let refusal = Refusal::new(Reason::BundleBomb).with("bytes", bytes.len());
        return Err(refusal.with("unpacked", unpacked).with("limit_bytes", BUNDLE_BYTES_MAX));
    }
    let names: Vec<&str> = entries.iter().map(|entry| plain(entry.name)).collect::<Result<_, _>>()?;
    let enclosing = enclosing(&names)?;
    let mut container = Container { members: BTreeMap::new(), passed_over: Vec::new() };
    let (mut paths, mut folders) = (Paths::default(), Vec::new());
    for (entry, name) in entries.iter().zip(names) {
        check_kind(entry, name)?;
        let inner = name.strip_prefix(enclosing).unwrap_or(name);
        if let Some(leftover) = Leftover::of(inner) {
            check_leftover(leftover, inner, &entry.content()?).map_err(|refusal| refusal.with("member", name))?;
            paths.claim(name)?;
            container.passed_over.push(name.to_owned());
            continue;
        }
        if let Some(folder) = name.strip_suffix('/') {
            entry.content()?;
            folders.push((folder, name));
            continue;
        }
        check_name(inner)?;
        paths.claim(name)?;
        container.members.insert(inner.to_owned(), entry.content()?);
    }
    for (folder, name) in folders {
        paths.check_folder(folder).map_err(|refusal| refusal.with("member", name))?;
    }
    if container.members.len() > MEMBERS_MAX {
        return Err(Refusal::new(Reason::BundleTooLarge).with("members", container.members.len()));
    }
    Ok(container)
}

/// The name as text that can be shown. Letters beyond ASCII are written differently by different systems, so none is taken.
fn plain(name: &[u8]) -> Result<&str, Refusal> {
    let text = std::str::from_utf8(name)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
    text.ok_or_else(|| unsafe_name(&String::from_utf8_lossy(name), "letters beyond ASCII, or control characters"))
}

/// The one folder, with its slash, in which the whole bundle was packed; nothing if it was packed as it is.
fn enclosing<'n>(names: &[&'n str]) -> Result<&'n str, Refusal> {
    let outer = names.iter().filter_map(|name| name.strip_suffix(MIMETYPE)).min_by_key(|outer| outer.len());
    let Some(outer) = outer.filter(|outer| outer.matches('/').count() == 1 && outer.ends_with('/')) else {
        return Ok("");
    };
    let is_inside = |name: &&str| name.starts_with(outer) || name.starts_with(APPLE_FOLDER);
    if !names.iter().all(is_inside) {
        return Ok("");
    }
    match outer.trim_end_matches('/') {
        "." => Ok(outer),
        folder if outer != APPLE_FOLDER && is_loose(folder) => check_part(folder, folder).map(|()| outer),
        folder => Err(unsafe_name(folder, "name of the enclosing folder")),
    }
}

/// Whether a path that is no member's is written in letters that every file system knows.
fn is_loose(path: &str) -> bool {
    path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./ ()".contains(&byte))
}

/// Whether a member's name is a plain relative path in letters that every file system knows and keeps.
fn check_name(name: &str) -> Result<(), Refusal> {
    let refuse = |rule| Err(unsafe_name(name, rule));
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    if name.len() > MEMBER_NAME_BYTES_MAX {
        return refuse("too long");
    }
    if !name.bytes().all(letter) {
        return refuse("other characters than letters, digits, - _ . /");
    }
    for part in name.split('/') {
        if part.starts_with('.') {
            return refuse("hidden, or leading out of its folder");
        }
        check_part(name, part)?;
    }
    Ok(())
}

/// A part of a path leads nowhere else and is kept as it is on Windows.
fn check_part(name: &str, part: &str) -> Result<(), Refusal> {
    let refuse = |rule| Err(unsafe_name(name, rule));
    if part.is_empty() || part == ".." {
        return refuse("absolute, or leading out of its folder");
    }
    if part.ends_with(['.', ' ']) {
        return refuse("Windows drops a dot or blank at the end");
    }
    if is_device(part) {
        return refuse("name of a device on Windows");
    }
    Ok(())
}

fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let port = stem.strip_suffix(|last: char| last.is_ascii_digit());
    DEVICES.contains(&stem.as_str()) || port.is_some_and(|port| PORTS.contains(&port))
}

/// A file is a plain file, and a folder holds nothing itself.
fn check_kind(entry: &Entry, name: &str) -> Result<(), Refusal> {
    let refuse = |rule| Err(Refusal::new(Reason::MemberNotFile).with("member", name).with("rule", rule));
    let (mode, is_folder) = (entry.attributes >> 16, name.ends_with('/'));
    let expected = if is_folder { MODE_FOLDER } else { MODE_FILE };
    if ![0, expected].contains(&(mode & MODE_KIND)) {
        return refuse("link, device, or a folder that is none");
    }
    if mode & MODE_SPECIAL != 0 {
        return refuse("set-uid, set-gid or sticky");
    }
    if entry.attributes & DOS_SPECIAL != 0 || !is_folder && entry.attributes & DOS_FOLDER != 0 {
        return refuse("attributes of something else than a file");
    }
    if is_folder && entry.size != 0 {
        return refuse("a folder with bytes of its own");
    }
    Ok(())
}

/// Paths as they are unpacked: no two that a file system without upper case would merge, and nothing that is file and
/// folder. Unicode forms need no rule: names are ASCII.
#[derive(Default)]
struct Paths {
    /// By the name in lower case: the name, and whether it is a file.
    seen: BTreeMap<String, (String, bool)>,
}

impl Paths {
    fn claim(&mut self, file: &str) -> Result<(), Refusal> {
        let ends = file.match_indices('/').map(|(at, _)| (at, false)).chain([(file.len(), true)]);
        for (path, is_file) in ends.map(|(end, is_file)| (&file[..end], is_file)) {
            let other = self.seen.insert(path.to_ascii_lowercase(), (path.to_owned(), is_file));
            let Some((other, was_file)) = other else { continue };
            if is_file || was_file || other != path {
                return Err(Refusal::new(Reason::MemberNameTwice).with("member", path).with("other", other));
            }
        }
        Ok(())
    }

    /// A folder record names a folder in which a file lies.
    fn check_folder(&self, folder: &str) -> Result<(), Refusal> {
        match self.seen.get(&folder.to_ascii_lowercase()) {
            Some((path, false)) if path == folder => Ok(()),
            Some((path, _)) => Err(Refusal::new(Reason::MemberNameTwice).with("other", path)),
            None => Err(Refusal::new(Reason::MemberForeign).with("rule", "a folder in which no member lies")),
        }
    }
}

/// The folder in which macOS keeps attributes of the files beside it.
const APPLE_FOLDER: &str = "__MACOSX/";

/// What packing tools leave behind. None of it is a member; each is known by name and content, so that it carries nothing
/// else.
#[derive(Clone, Copy)]
enum Leftover {
    /// Attributes of a file, by macOS (AppleDouble).
    Attributes,
    /// The view of a folder, by macOS.
    View,
    /// The two lines of Java's tool.
    JarManifest,
}

impl Leftover {
    fn of(name: &str) -> Option<Self> {
        let (folder, last) = name.rsplit_once('/').unwrap_or(("", name));
        match last {
            "" => None,
            _ if last.starts_with("._") => Some(Self::Attributes),
            ".DS_Store" => Some(Self::View),
            "MANIFEST.MF" if folder == "META-INF" => Some(Self::JarManifest),
            _ => None,
        }
    }
}

/// It lies in a sound place and holds nothing but what its tool writes.
fn check_leftover(leftover: Leftover, name: &str, content: &[u8]) -> Result<(), Refusal> {
    let is_known = match leftover {
        Leftover::Attributes => content.starts_with(&[0, 5, 0x16, 7, 0, 2, 0, 0]),
        Leftover::View => content.starts_with(b"\0\0\0\x01Bud1"),
        Leftover::JarManifest => is_jar_manifest(content),
    };
    if !is_known || content.len() > LEFTOVER_BYTES_MAX {
        return Err(Refusal::new(Reason::MemberForeign).with("rule", "not what a packing tool leaves behind"));
    }
    if !is_loose(name) {
        return Err(unsafe_name(name, "other characters than letters, digits, - _ . /"));
    }
    name.split('/').try_for_each(|part| check_part(name, part))
}

/// `Manifest-Version: 1.0` and the tool's version, as `jar` writes them without being told anything.
fn is_jar_manifest(content: &[u8]) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b" .,-_+()".contains(&byte);
    let tool = content
        .strip_prefix(b"Manifest-Version: 1.0\r\nCreated-By: ")
        .and_then(|rest| rest.strip_suffix(b"\r\n\r\n"));
    tool.is_some_and(|tool| tool.len() <= 60 && tool.iter().all(|byte| letter(*byte)))
}

fn unsafe_name(name: &str, rule: &'static str) -> Refusal {
    Refusal::new(Reason::MemberNameUnsafe).with("member", name.escape_default()).with("rule", rule)
}
