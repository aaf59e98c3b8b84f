//! A TOML file as a person wrote it: read strictly, and able to say file and line of every fault.
//!
//! Must never guess: what is missing has a default only where the type says so, and what is unknown is refused.
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use crate::config::strict::{Fault, FaultKind, Located, whole};
use crate::domain::reason::{Lang, Reason, Refusal};

/// Largest file that is read: far above the largest hand-written one, far below what would fill memory.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Most faults of one file that are told: more than anybody mends before they check again.
pub const FAULTS_MAX: usize = 50;

/// A file that has been read but not yet understood.
pub struct Document {
    path: PathBuf,
    text: String,
}

impl Document {
    /// Reads the file. Refused with `CONFIG_UNREADABLE` if it is missing, too large or not UTF-8.
    pub fn open(path: &Path) -> Result<Self, Refusal> {
        let mut text = String::new();
        let length = File::open(path)
            .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text))
            .map_err(|error| unreadable(path, error))?;
        if u64::try_from(length).is_ok_and(|length| length > FILE_BYTES_MAX) {
            return Err(unreadable(path, format!("more than {FILE_BYTES_MAX} bytes")));
        }
        Ok(Self::of(path, text))
    }

    /// A document with that text, for callers that have read it themselves. `path` is used for messages and to
    /// resolve relative paths.
    pub fn of(path: &Path, text: String) -> Self {
        Self { path: path.to_owned(), text }
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path written in this file, seen from where the program runs: relative paths start at the file's folder.
    pub fn resolve(&self, written: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(written)
    }

    /// Understands the file as a `T`. Refused with `CONFIG_UNKNOWN_KEY` (`key`, `known`, `place`) or `CONFIG_INVALID`
    /// (`problem`, `place`).
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let table = DeTable::parse(&self.text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            self.invalid_at(offset, error.message())
        })?;
        T::deserialize(Located(&whole(table))).map_err(|fault| self.refused(fault))
    }

    fn refused(&self, fault: Fault) -> Refusal {
        let offset = fault.offset.unwrap_or(0);
        match fault.kind {
            FaultKind::Wrong(problem) => self.invalid_at(offset, &problem),
            FaultKind::UnknownKey { key, known } => Refusal::new(Reason::ConfigUnknownKey)
                .with("place", self.place(offset))
                .with("key", key)
                .with("known", known.join(" ")),
        }
    }

    /// Everything that is wrong with the file, in the order of its lines, at most [`FAULTS_MAX`]. Reading stops at the first
    /// fault, so each entry is read by itself, among those of `model`, a file that is in order; what only together breaks a
    /// rule is found when nothing else is wrong. `check` refuses with what [`Document::invalid`] gives.
    pub fn faults<T: DeserializeOwned>(
        &self,
        model: &str,
        check: impl Fn(&T) -> Result<(), Refusal>,
    ) -> Vec<Refusal> {
        let (table, errors) = DeTable::parse_recoverable(&self.text);
        if !errors.is_empty() {
            let at = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
            return errors.iter().take(FAULTS_MAX).map(|error| self.invalid_at(at(error), error.message())).collect();
        }
        let (span, table) = (table.span(), table.into_inner());
        let model = DeTable::parse(model).map(Spanned::into_inner).unwrap_or_default();
        let read = |table: DeTable<'_>| {
            let tree = whole(Spanned::new(span.clone(), table));
            T::deserialize(Located(&tree)).map_err(|fault| self.refused(fault)).and_then(|read| check(&read)).err()
        };
        let missing = model.keys().filter(|key| !table.contains_key(*key)).filter_map(|key| {
            let mut rest = model.clone();
            rest.remove(key);
            read(rest).map(|refusal| refusal.with("key", key.get_ref()))
        });
        let wrong = table.iter().flat_map(|(key, value)| parts(value).into_iter().map(move |part| (key, part)));
        let wrong = wrong.filter_map(|(key, part)| {
            let mut alone = model.clone();
            alone.remove(key);
            alone.insert(key.clone(), part);
            read(alone)
        });
        let mut found: Vec<Refusal> = Vec::new();
        for refusal in missing.chain(wrong).take(FAULTS_MAX) {
            if !found.contains(&refusal) {
                found.push(refusal);
            }
        }
        if found.is_empty() {
            found.extend(read(table.clone()));
        }
        found.sort_by_key(line_of);
        found
    }

    /// `CONFIG_INVALID` for the value at a path such as `brokering.1.org`; numbers count array items from 0. If there
    /// is no such value, the nearest one around it is named.
    pub fn invalid(&self, at: &str, problem: impl ToString) -> Refusal {
        self.invalid_at(self.offset(at), &problem.to_string()).with("key", at)
    }

    /// Turns the refusal of a rule of floor 1 into one that names the place, one level below `at` where the refusal
    /// names a field.
    pub fn checked<T>(&self, at: &str, outcome: Result<T, Refusal>) -> Result<T, Refusal> {
        outcome.map_err(|refusal| {
            let inner = refusal.field("field").map(|field| format!("{at}.{field}"));
            self.invalid(inner.as_deref().unwrap_or(at), &refusal)
        })
    }

    fn invalid_at(&self, offset: usize, problem: &str) -> Refusal {
        let refusal = Refusal::new(Reason::ConfigInvalid).with("place", self.place(offset)).with("problem", problem);
        match meaning(problem) {
            Some((german, english)) => refusal.with("why", german).with("why_en", english),
            None => refusal,
        }
    }

    /// `<file>:<line>`, with lines counted from 1 as editors do.
    fn place(&self, offset: usize) -> String {
        let before = self.text.as_bytes().iter().take(offset);
        let line = 1 + before.filter(|&&byte| byte == b'\n').count();
        format!("{}:{line}", self.path.display())
    }

    fn offset(&self, at: &str) -> usize {
        let Ok(table) = DeTable::parse(&self.text) else { return 0 };
        let tree = whole(table);
        let mut here = &tree;
        let mut offset = 0;
        for step in at.split('.') {
            let Some(next) = child(here, step) else { break };
            here = next;
            offset = here.span().start;
        }
        offset
    }
}

/// What a problem means to the person who wrote the file, where the words of the rule or of the reader do not say it.
fn meaning(problem: &str) -> Option<(&'static str, &'static str)> {
    // Rules of floor 1 begin with their reason; that a field is invalid, the caller has said.
    let rule = problem.split(' ').next().and_then(Reason::from_code);
    if let Some(rule) = rule.filter(|rule| *rule != Reason::FieldInvalid) {
        return Some((rule.text(Lang::De), rule.text(Lang::En)));
    }
    let known = READER_WORDS.iter().find(|(words, ..)| problem.contains(words));
    known.map(|(_, german, english)| (*german, *english))
}

/// What the readers of TOML and dates say, and what it means.
const READER_WORDS: [(&str, &str, &str); 7] = [
    ("no [[membership]]", "Die Datei nennt keine Tatsache.", "The file states no fact."),
    ("invalid type", "Der Wert ist von anderer Art als erwartet.", "The value is of another kind than expected."),
    ("invalid value", "Der Wert liegt außerhalb des Zulässigen.", "The value is out of range."),
    ("unknown variant", "Dieses Wort ist hier nicht vorgesehen.", "This word is not provided for here."),
    ("missing field", "Eine Pflichtangabe fehlt.", "A required entry is missing."),
    ("is a fraction", "Es gibt nur ganze Zahlen.", "There are whole numbers only."),
    (
        "not listed in this file",
        "Eine Tatsache erklärt nur, wer sie kennen kann: eine Organisation aus dieser Datei.",
        "Only someone who can know a fact states it: an organisation of this file.",
    ),
];

/// A list of tables, such as the items of a price, as lists of one each; anything else as it is.
fn parts<'i>(value: &Spanned<DeValue<'i>>) -> Vec<Spanned<DeValue<'i>>> {
    let is_table = |item: &Spanned<DeValue<'_>>| matches!(item.get_ref(), DeValue::Table(_));
    match value.get_ref() {
        DeValue::Array(items) if items.iter().next().is_some_and(is_table) => items
            .iter()
            .map(|item| {
                let mut alone = DeArray::new();
                alone.push(item.clone());
                Spanned::new(value.span(), DeValue::Array(alone))
            })
            .collect(),
        _ => vec![value.clone()],
    }
}

/// The line that a refusal of a file names.
pub fn line_of(refusal: &Refusal) -> usize {
    let line = refusal.field("place").and_then(|place| place.rsplit_once(':'));
    line.and_then(|(_, line)| line.parse().ok()).unwrap_or(0)
}

fn child<'a, 'i>(value: &'a Spanned<DeValue<'i>>, step: &str) -> Option<&'a Spanned<DeValue<'i>>> {
    match value.get_ref() {
        DeValue::Table(table) => table.iter().find(|(key, _)| key.get_ref() == step).map(|(_, value)| value),
        DeValue::Array(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
        _ => None,
    }
}

/// The names of a folder's entries that `wanted` accepts, sorted, so that every run reads them in the same order.
pub fn entries(folder: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Refusal> {
    let read = std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
    let mut paths = Vec::new();
    for entry in read {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        if wanted(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn unreadable(path: &Path, problem: impl ToString) -> Refusal {
    Refusal::new(Reason::ConfigUnreadable).with("file", path.display()).with("problem", problem)
}

#[cfg(test)]
pub(super) mod tests {
    use serde::Deserialize;

    use super::*;

    /// The one check of every negative test in this room: reason, and `file:line` or file.
    pub(in crate::config) fn refused<T>(outcome: Result<T, Refusal>, reason: Reason, place: &str) -> Refusal {
        let Err(refusal) = outcome else { panic!("must be refused with {}", reason.code()) };
        assert_eq!(refusal.reason, reason, "{refusal}");
        let named = refusal.field("place").or(refusal.field("file")).expect("every refusal names its file");
        assert_eq!(named, place, "{refusal}");
        refusal
    }

    #[derive(Deserialize, Debug)]
    struct Outer {
        count: u8,
        #[serde(default)]
        inner: Vec<Inner>,
        day: Option<crate::domain::time::Date>,
    }

    #[derive(Deserialize, Debug)]
    struct Inner {
        name: String,
    }

    fn read(text: &str) -> Result<Outer, Refusal> {
        Document::of(Path::new("a.toml"), text.to_owned()).read()
    }

    #[test]
    fn every_fault_has_its_line() {
        let good = read("count = 2\nday = 2021-12-01\n[[inner]]\nname = \"x\"\n").expect("good");
        assert_eq!((good.count, good.inner[0].name.as_str()), (2, "x"));
        assert_eq!(good.day, read("count = 2\nday = \"2021-12-01\"").expect("quoted").day);
        for (text, reason, place) in [
            ("count = 1\ncoutn = 2", Reason::ConfigUnknownKey, "a.toml:2"),
            (
                "count = 1\n[[inner]]\nname = \"x\"\n[[inner]]\nname = \"y\"\nmane = \"z\"",
                Reason::ConfigUnknownKey,
                "a.toml:6",
            ),
            ("count = 1\n\n[[inner]]\n", Reason::ConfigInvalid, "a.toml:3"),
            ("count = 1\ninner = [\n  { name = \"a\" },\n  { name = 7 },\n]", Reason::ConfigInvalid, "a.toml:4"),
            ("\ncount = 256", Reason::ConfigInvalid, "a.toml:2"),
            ("\n\ncount = 1.5", Reason::ConfigInvalid, "a.toml:3"),
            ("count = 1\nday = \"2021-13-01\"", Reason::ConfigInvalid, "a.toml:2"),
            ("count = 1\ncount = 2", Reason::ConfigInvalid, "a.toml:2"),
            ("count = 1\nday = ", Reason::ConfigInvalid, "a.toml:2"),
            ("", Reason::ConfigInvalid, "a.toml:1"),
        ] {
            refused(read(text), reason, place);
        }
        for (text, meaning) in [
            ("count = 256", "Der Wert liegt außerhalb des Zulässigen."),
            ("count = \"zwei\"", "Der Wert ist von anderer Art als erwartet."),
            ("count = 1.5", "Es gibt nur ganze Zahlen."),
            ("", "Eine Pflichtangabe fehlt."),
        ] {
            assert_eq!(refused(read(text), Reason::ConfigInvalid, "a.toml:1").field("why"), Some(meaning), "{text}");
        }
        let rule = Refusal::new(Reason::PercentInvalid).with("value", 10_001);
        let document = Document::of(Path::new("a.toml"), "count = 1".to_owned());
        let told = refused(document.checked::<()>("count", Err(rule)), Reason::ConfigInvalid, "a.toml:1");
        assert_eq!(told.field("why"), Some(Reason::PercentInvalid.text(Lang::De)));
        let typo = refused(read("count = 1\ncoutn = 2"), Reason::ConfigUnknownKey, "a.toml:2");
        assert_eq!((typo.field("key"), typo.field("known")), (Some("coutn"), Some("count inner day")));
    }

    #[test]
    fn a_fault_found_later_is_placed_by_path() {
        let text = "count = 1\n[[inner]]\nname = \"x\"\n[[inner]]\n\nname = \"y\"\n".to_owned();
        let document = Document::of(Path::new("a.toml"), text);
        for (at, place) in [("inner.1.name", "a.toml:6"), ("inner.1.gone", "a.toml:4"), ("gone", "a.toml:1")] {
            refused(Err::<(), _>(document.invalid(at, "wrong")), Reason::ConfigInvalid, place);
        }
    }

    #[test]
    fn unreadable_files_are_named() {
        let folder = tempfile::tempdir().expect("folder");
        let missing = folder.path().join("missing.toml");
        refused(Document::open(&missing), Reason::ConfigUnreadable, &missing.display().to_string());
        let binary = folder.path().join("binary.toml");
        std::fs::write(&binary, [0xff, 0xfe]).expect("write");
        refused(Document::open(&binary), Reason::ConfigUnreadable, &binary.display().to_string());
        let huge = folder.path().join("huge.toml");
        std::fs::write(&huge, " ".repeat(1024 * 1024 + 1)).expect("write");
        refused(Document::open(&huge), Reason::ConfigUnreadable, &huge.display().to_string());
        refused(entries(&missing, |_| true), Reason::ConfigUnreadable, &missing.display().to_string());
    }
}
