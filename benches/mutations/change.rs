//! Changes to a bundle that whoever holds no key can make: to the file, to its records, to its members and what they say.
use std::collections::BTreeMap;

use verbund::audit::bundle::Bundle;
use verbund::domain::statement::pae;
use verbund::protocol::settings::Dice;

use crate::Good;
use crate::archive::{Archive, Part, extra};
use crate::dice::SeededDice;

/// Most changes of members in one bundle.
const MEMBERS_MAX: i64 = 3;

/// Most edits of one run of bytes.
const EDITS_MAX: i64 = 4;

/// Longest piece that one edit inserts, removes or repeats.
const PIECE_MAX: u64 = 64;

type Members = BTreeMap<String, Vec<u8>>;

/// A changed file, and what was changed first.
pub fn changed(dice: &mut SeededDice, good: &Good, goods: &[Good]) -> (Vec<u8>, &'static str) {
    let whole = good.bundle.to_zip().expect("a file");
    loop {
        let (file, change) = match dice.below(10) {
            0 => (edited(dice, &whole), "bytes of the file"),
            1 => (rearranged(dice, &good.bundle), "records of the file"),
            _ => with_other_members(dice, good, goods),
        };
        if file != whole {
            return (file, change);
        }
    }
}

fn with_other_members(dice: &mut SeededDice, good: &Good, goods: &[Good]) -> (Vec<u8>, &'static str) {
    let mut bundle = good.bundle.clone();
    let mut first = None;
    for _ in 0..dice.between(1, MEMBERS_MAX) {
        let other = &dice.one_of(goods).bundle.members;
        let members = &mut bundle.members;
        let change = match dice.below(5) {
            0 => change_bytes(dice, members),
            1 => change_value(dice, members, other),
            2 => change_lines(dice, members, other),
            3 => move_members(dice, members),
            _ => bring_member(dice, members, other),
        };
        first = first.or(Some(change));
    }
    // Whoever changes a member changes the list of digests as well, if it is not forgotten.
    if dice.percent(90) {
        bundle.write_manifest();
    }
    let packed = if dice.percent(20) { rearranged(dice, &bundle) } else { Archive::of(&bundle).bytes() };
    (packed, first.expect("at least one"))
}

fn index(dice: &mut SeededDice, length: usize) -> usize {
    usize::try_from(dice.below(length as u64)).expect("below a length")
}

fn name_of(dice: &mut SeededDice, members: &Members) -> String {
    let names: Vec<&String> = members.keys().collect();
    (*dice.one_of(&names)).clone()
}

/// Bytes set, removed, inserted and repeated, or the end cut off.
fn edited(dice: &mut SeededDice, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..dice.between(1, EDITS_MAX) {
        if bytes.is_empty() {
            bytes.push(0);
        }
        let at = index(dice, bytes.len());
        let end = (at + 1 + index(dice, PIECE_MAX as usize)).min(bytes.len());
        match dice.below(6) {
            0 | 1 => bytes[at] ^= 1 << dice.below(8),
            2 => bytes[at] = dice.below(256) as u8,
            3 => drop(bytes.drain(at..end)),
            4 => {
                let piece = bytes[at..end].to_vec();
                let to = index(dice, bytes.len());
                bytes.splice(to..to, piece);
            }
            _ if dice.percent(10) => bytes.truncate(at),
            _ => {
                let mut piece = vec![0; end - at];
                dice.fill(&mut piece);
                bytes.splice(at..end, piece);
            }
        }
    }
    bytes
}

fn change_bytes(dice: &mut SeededDice, members: &mut Members) -> &'static str {
    let name = name_of(dice, members);
    let content = members.get_mut(&name).expect("its name");
    *content = edited(dice, content);
    "bytes of a member"
}

/// Where values stand in a JSON text: from one mark of its grammar to the next.
fn values(text: &str) -> Vec<(usize, usize)> {
    let marks: Vec<usize> = text.match_indices(['"', ',', ':', '[', ']', '{', '}']).map(|(at, _)| at).collect();
    marks.windows(2).map(|pair| (pair[0] + 1, pair[1])).filter(|(from, to)| from < to).collect()
}

fn payload(content: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(content).ok()?;
    let (head, _) = text.split_once('{')?;
    Some((head.split(' ').nth(2)?, &text[head.len()..]))
}

/// A value in a statement becomes another of this or another statement. The bytes stay well-formed: only the signature can
/// tell, and whatever the value contradicts.
fn change_value(dice: &mut SeededDice, members: &mut Members, other: &Members) -> &'static str {
    let statements = |members: &Members| -> Vec<String> {
        members.keys().filter(|name| name.ends_with(".pae")).cloned().collect()
    };
    let (own, others) = (statements(members), statements(other));
    if own.is_empty() {
        return change_bytes(dice, members);
    }
    let name = dice.one_of(&own).clone();
    let source = payload(&other[dice.one_of(&others)]).expect("a statement").1;
    let places = values(source);
    let (from, to) = *dice.one_of(&places);
    let value = &source[from..to];
    let Some((kind, text)) = payload(&members[&name]) else { return change_bytes(dice, members) };
    let places = values(text);
    let (from, to) = *dice.one_of(&places);
    let text = [&text[..from], value, &text[to..]].concat();
    let content = pae(kind, text.as_bytes());
    members.insert(name, content);
    "value of a statement"
}

/// A line of proofs, checkpoints, digests or commands is removed, repeated, moved or taken from elsewhere.
fn change_lines(dice: &mut SeededDice, members: &mut Members, other: &Members) -> &'static str {
    let is_lines =
        |(_, content): &(&String, &Vec<u8>)| std::str::from_utf8(content).is_ok_and(|text| text.ends_with('\n'));
    let names: Vec<String> = members.iter().filter(is_lines).map(|(name, _)| name.clone()).collect();
    let sources: Vec<&Vec<u8>> = other.iter().filter(is_lines).map(|(_, content)| content).collect();
    if names.is_empty() || sources.is_empty() {
        return change_bytes(dice, members);
    }
    let content = members.get_mut(dice.one_of(&names)).expect("its name");
    let mut lines: Vec<Vec<u8>> = content.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let source: Vec<&[u8]> = dice.one_of(&sources).split_inclusive(|byte| *byte == b'\n').collect();
    let (one, two) = (index(dice, lines.len()), index(dice, lines.len()));
    match dice.below(5) {
        0 => drop(lines.remove(one)),
        1 => lines.insert(one, lines[two].clone()),
        2 => lines.swap(one, two),
        3 => lines.insert(one, dice.one_of(&source).to_vec()),
        _ => lines[one] = dice.one_of(&source).to_vec(),
    }
    *content = lines.concat();
    "lines of a member"
}

/// Members are left out, renamed, exchanged and put in each other's place.
fn move_members(dice: &mut SeededDice, members: &mut Members) -> &'static str {
    let (one, two) = (name_of(dice, members), name_of(dice, members));
    match dice.below(4) {
        0 => drop(members.remove(&one)),
        1 => {
            let content = members.remove(&one).expect("its name");
            let name = String::from_utf8_lossy(&edited(dice, one.as_bytes())).into_owned();
            members.insert(name, content);
        }
        2 => {
            let content = members[&one].clone();
            members.insert(two, content);
        }
        _ => {
            let (first, second) = (members[&one].clone(), members[&two].clone());
            members.insert(one, second);
            members.insert(two, first);
        }
    }
    if members.is_empty() {
        members.insert("mimetype".to_owned(), Vec::new());
    }
    "members among each other"
}

/// A member of another order, with the files that belong to it or without.
fn bring_member(dice: &mut SeededDice, members: &mut Members, other: &Members) -> &'static str {
    let name = name_of(dice, other);
    let stem = name.split('.').next().unwrap_or_default();
    let with_kin = dice.percent(50);
    let brought = other.iter().filter(|(its, _)| **its == name || (with_kin && its.starts_with(stem)));
    for (name, content) in brought {
        members.insert(name.clone(), content.clone());
    }
    "members of another order"
}

/// The same members in a file that no honest tool would write.
fn rearranged(dice: &mut SeededDice, bundle: &Bundle) -> Vec<u8> {
    let mut archive = Archive::of(bundle);
    let (one, two) = (index(dice, archive.parts.len()), index(dice, archive.parts.len()));
    let mut piece = vec![0; 1 + index(dice, PIECE_MAX as usize)];
    dice.fill(&mut piece);
    match dice.below(14) {
        0 => archive.parts[one].gap = piece,
        1 => archive.parts[one].comment = piece,
        2 => archive.parts[one].both(|header| header.extra = extra(0x7075, &piece)),
        3 => archive.parts[one].local.extra = piece,
        4 => archive.parts[one].central.name = archive.parts[two].central.name.clone(),
        5 => archive.parts[one].local.name = piece,
        6 => archive.parts[one].describe(),
        7 => archive.parts[one].widen(),
        8 => archive.parts[one].data = archive.parts[two].data.clone(),
        9 => archive.parts[one].central.size ^= u32::from(piece[0]),
        10 => archive.parts[one].attributes = u32::from_le_bytes([piece[0], 0, 0, 0xa1]) << dice.below(16),
        11 => archive.parts.push(archive.parts[one].clone()),
        12 => archive.parts.push(Part::new("../verify.sh", &piece)),
        _ => archive.before_directory = piece,
    }
    archive.bytes()
}
