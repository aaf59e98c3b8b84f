//! XML from elsewhere, record by record: small trees with the lines they stand on.
//!
//! No entity is expanded but the five of XML itself and characters by number, no DOCTYPE is followed, nothing is fetched.
//! A record that is broken fails alone: reading goes on at the next one.
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::domain::reason::{Reason, Refusal};
use crate::exchange::finding::{Fate, Finding};
use crate::exchange::source::decoded;
use crate::exchange::table::CELL_BYTES_MAX;

/// Deepest nesting: XZuFi needs about ten.
const DEPTH_MAX: usize = 40;

/// Most elements of one record: the largest services of the portals have some hundreds.
const ELEMENTS_MAX: usize = 20_000;

/// Most findings of one file: who sends more has sent another format.
const FINDINGS_MAX: usize = 10_000;

/// An element. Names are without their prefix.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// Its line.
    pub line: usize,
    /// Its attributes.
    pub attributes: Vec<(String, String)>,
    /// Its own text.
    pub text: String,
    /// What it contains.
    pub children: Vec<Element>,
}

impl Element {
    /// The elements below, step by step along a path.
    pub fn all(&self, path: &[&str]) -> Vec<&Self> {
        let mut found = vec![self];
        for step in path {
            let children = found.iter().flat_map(|element| element.children.iter());
            found = children.filter(|child| child.name == *step).collect();
        }
        found
    }

    /// The text of the first of them, without blanks around it; empty if there is none.
    pub fn first(&self, path: &[&str]) -> &str {
        self.all(path).first().map_or("", |element| element.text.trim())
    }

    /// An attribute; empty if it has none.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }
}

/// A record and the element it stands in, such as `schreibe`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Around it.
    pub inside: String,
    /// Itself.
    pub element: Element,
}

/// What a file holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Records {
    /// The first element.
    pub root: Element,
    /// The records that are whole.
    pub whole: Vec<Record>,
    /// What was wrong.
    pub findings: Vec<Finding>,
    /// All records that began.
    pub records: usize,
}

/// Reads the records with one of these names. Only what is no text at all is refused.
pub fn records(bytes: &[u8], names: &[&str]) -> Result<Records, Refusal> {
    let (text, findings) = decoded(bytes)?;
    let mut walk = Walk {
        names,
        found: Records { findings, ..Records::default() },
        inside: Vec::new(),
        open: Vec::new(),
        elements: 0,
        spoilt: None,
        lines: Lines::default(),
    };
    let mut from = 0;
    while let Some(at) = walk.read(&text, from) {
        // The broken record is left behind; the next one begins behind the fault.
        match next_record(&text, at.max(from + 1), names) {
            Some(next) if walk.found.findings.len() < FINDINGS_MAX => from = next,
            _ => break,
        }
    }
    let mut found = walk.found;
    if found.root.name.is_empty() {
        return Err(Refusal::new(Reason::XmlInvalid).with("line", 1).with("rule", "no element"));
    }
    found.findings.sort_by_key(|finding| finding.line);
    Ok(found)
}

/// Where the next start tag of a record stands, with any prefix.
fn next_record(text: &str, from: usize, names: &[&str]) -> Option<usize> {
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at))?;
    let starts = text[from..].match_indices('<').map(|(at, _)| from + at);
    starts.into_iter().find(|&at| {
        let tag =
            text[at + 1..].split(|c: char| c.is_whitespace() || matches!(c, '>' | '/' | '<')).next().unwrap_or("");
        names.contains(&tag.rsplit(':').next().unwrap_or(tag))
    })
}

/// The line of a place, counted on from the place before.
#[derive(Default)]
struct Lines {
    at: usize,
    line: usize,
}

impl Lines {
    fn of(&mut self, text: &str, at: usize) -> usize {
        let at = at.min(text.len());
        if at < self.at {
            (self.at, self.line) = (0, 0);
        }
        self.line += text.as_bytes()[self.at..at].iter().filter(|&&byte| byte == b'\n').count();
        self.at = at;
        self.line + 1
    }
}

struct Walk<'n> {
    names: &'n [&'n str],
    found: Records,
    /// Names of the open elements around records.
    inside: Vec<String>,
    /// The open elements of the record that is being read.
    open: Vec<Element>,
    elements: usize,
    /// Why the record that is being read will not be taken.
    spoilt: Option<Finding>,
    lines: Lines,
}

impl Walk<'_> {
    /// Reads on from a place. Gives the place of a fault, or nothing at the end.
    fn read(&mut self, text: &str, from: usize) -> Option<usize> {
        let mut reader = Reader::from_str(&text[from..]);
        let config = reader.config_mut();
        config.allow_unmatched_ends = true;
        config.check_end_names = true;
        config.allow_dangling_amp = true;
        loop {
            let before = from + position(reader.buffer_position());
            let event = reader.read_event();
            let line = self.lines.of(text, before);
            match event {
                Ok(Event::Eof) if self.open.is_empty() => return None,
                Ok(Event::Eof) => {
                    self.broken(line, "the file ends within a record");
                    return Some(text.len());
                }
                // A record within its like: the one before was never closed. It is left behind, this one is read anew.
                Ok(Event::Start(tag)) if self.is_unclosed(&tag) => {
                    let line = self.open.first().map_or(line, |record| record.line);
                    self.broken(line, "a record is not closed");
                    return Some(before);
                }
                Ok(event) => self.take(&event, line),
                Err(error) => {
                    let at = from + position(reader.error_position());
                    let line = self.lines.of(text, at);
                    self.broken(line, &error.to_string());
                    return Some(at);
                }
            }
        }
    }

    fn is_unclosed(&self, tag: &BytesStart) -> bool {
        self.open.first().is_some_and(|record| record.name == tag.local_name().into_inner())
    }

    fn take(&mut self, event: &Event, line: usize) {
        match event {
            Event::Start(tag) => self.start(tag, line),
            Event::Empty(tag) => {
                self.start(tag, line);
                self.end();
            }
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text.xml10_content(), line),
            Event::CData(text) => self.text(&text.xml10_content(), line),
            Event::GeneralRef(name) => match plain(name) {
                Some(c) => self.text(c.encode_utf8(&mut [0; 4]), line),
                None => self.spoil(line, Refusal::new(Reason::XmlInvalid).with("entity", &**name)),
            },
            Event::DocType(_) => {
                let refusal = Refusal::new(Reason::XmlInvalid).with("rule", "a DOCTYPE is not followed");
                self.found.findings.push(Finding { line, field: String::new(), refusal, fate: Fate::Taken });
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: &BytesStart, line: usize) {
        let name = tag.local_name().into_inner().to_owned();
        let mut element = Element { name, line, ..Element::default() };
        for attribute in tag.attributes().flatten() {
            let value = quick_xml::escape::unescape(&attribute.value).unwrap_or_default().into_owned();
            element.attributes.push((attribute.key.local_name().into_inner().to_owned(), value));
        }
        if self.found.root.name.is_empty() {
            self.found.root = element.clone();
        }
        let begins = self.open.is_empty() && self.names.contains(&element.name.as_str());
        if begins {
            (self.elements, self.spoilt) = (0, None);
            self.found.records += 1;
        }
        if !begins && self.open.is_empty() {
            self.inside.push(element.name);
            self.inside.truncate(DEPTH_MAX);
            return;
        }
        self.elements += 1;
        if self.elements > ELEMENTS_MAX || self.open.len() > DEPTH_MAX {
            let refusal =
                Refusal::new(Reason::XmlInvalid).with("elements_max", ELEMENTS_MAX).with("depth_max", DEPTH_MAX);
            self.spoil(line, refusal);
        }
        self.open.push(element);
    }

    fn end(&mut self) {
        let Some(element) = self.open.pop() else {
            self.inside.pop();
            return;
        };
        if let Some(parent) = self.open.last_mut() {
            if self.spoilt.is_none() {
                parent.children.push(element);
            }
            return;
        }
        match self.spoilt.take() {
            Some(finding) => self.found.findings.push(finding),
            None => {
                let inside = self.inside.last().cloned().unwrap_or_default();
                self.found.whole.push(Record { inside, element });
            }
        }
    }

    fn text(&mut self, text: &str, line: usize) {
        let Some(element) = self.open.last_mut() else { return };
        if element.text.len() + text.len() <= CELL_BYTES_MAX {
            element.text.push_str(text);
            return;
        }
        let field = element.name.clone();
        self.spoil(line, Refusal::new(Reason::CellTooLong).with("element", field).with("bytes_max", CELL_BYTES_MAX));
    }

    /// The first fault of a record is told, once the record ends.
    fn spoil(&mut self, line: usize, refusal: Refusal) {
        let field = self.open.last().map_or_else(String::new, |element| element.name.clone());
        if !self.open.is_empty() {
            self.spoilt.get_or_insert(Finding { line, field, refusal, fate: Fate::RecordLeftOut });
        }
    }

    fn broken(&mut self, line: usize, problem: &str) {
        let refusal = Refusal::new(Reason::XmlInvalid).with("problem", problem);
        let field = self.open.last().map_or_else(String::new, |element| element.name.clone());
        let fate = if self.open.is_empty() { Fate::Taken } else { Fate::RecordLeftOut };
        let finding = self.spoilt.take().unwrap_or(Finding { line, field, refusal, fate });
        self.found.findings.push(finding);
        self.open.clear();
    }
}

fn position(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// What `&name;` stands for without any DOCTYPE.
fn plain(name: &str) -> Option<char> {
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => match name.strip_prefix('#')? {
            hex if hex.starts_with('x') => number(&hex[1..], 16),
            decimal => number(decimal, 10),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(xml: &str) -> (Vec<String>, Vec<(usize, Reason)>) {
        let found = records(xml.as_bytes(), &["leistung"]).expect("XML");
        let texts = found.whole.iter().map(|record| record.element.first(&["a"]).to_owned()).collect();
        let faults = found.findings.iter().map(|finding| (finding.line, finding.refusal.reason)).collect();
        assert_eq!(
            found.records,
            found.whole.len() + found.findings.iter().filter(|f| f.fate == Fate::RecordLeftOut).count(),
            "{xml}"
        );
        (texts, faults)
    }

    #[test]
    fn a_broken_record_fails_alone() {
        let record = |inner: &str| format!("<x:leistung>{inner}</x:leistung>\n");
        let file =
            |inner: &str| format!("<r>\n<s>\n{}{}{}</s></r>", record("<a>1</a>"), record(inner), record("<a>3</a>"));
        for (inner, reason) in [
            ("<a>2</b>", Reason::XmlInvalid),
            ("<a>2", Reason::XmlInvalid),
            ("<a b=>2</a><", Reason::XmlInvalid),
            ("<a>&xxe;</a>", Reason::XmlInvalid),
            ("<a>&lol9;&lol9;</a>", Reason::XmlInvalid),
            (&format!("<a>{}</a>", "x".repeat(CELL_BYTES_MAX + 1)), Reason::CellTooLong),
            (&format!("{}{}", "<b>".repeat(60), "</b>".repeat(60)), Reason::XmlInvalid),
        ] {
            let (texts, faults) = texts(&file(inner));
            assert_eq!(texts, ["1", "3"], "{inner:.40}");
            assert_eq!((faults.len(), faults[0].1), (1, reason), "{inner:.40}");
            assert!((4..=5).contains(&faults[0].0), "{inner:.40}: {faults:?}");
        }
        assert_eq!(texts(&file("<a>2 &amp; &#252;</a>")).0, ["1", "2 & ü", "3"]);
    }

    #[test]
    fn nothing_is_expanded_or_fetched() {
        let bomb = "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">\
                    <!ENTITY f SYSTEM \"file:///etc/hostname\">]>\n<r><s>\n<leistung><a>&b;</a></leistung>\n\
                    <leistung><a>&f;</a></leistung>\n<leistung><a>1</a></leistung></s></r>";
        let (texts, faults) = texts(bomb);
        assert_eq!(texts, ["1"]);
        assert_eq!(faults, [(1, Reason::XmlInvalid), (3, Reason::XmlInvalid), (4, Reason::XmlInvalid)]);
    }

    #[test]
    fn what_is_no_xml_is_refused() {
        for bytes in [&b""[..], b"a,b\n1,2", b"\x00\x05\x16\x07", b"\xff\xfea\x00"] {
            assert!(records(bytes, &["leistung"]).is_err());
        }
    }
}
