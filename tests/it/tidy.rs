//! House rules that no compiler checks, as a test: which room imports which, which crate is named where, and the size
//! and manners of files. What the compiler or clippy can say, they say.
//!
//! Textual on purpose: it reads tokens, not meaning. It does not see through macros, and of re-exports only through
//! those of a module below. A rule with an exception names it here, with its reason; an exception that is no longer needed fails too.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

/// Every room (folder or file below `src/`, the longest match counts) and what it may import from this package.
/// Imports go down the floors; rooms of one floor do not know one another, except that `protocol` and `audit` build on
/// `log`. A new room needs a row here.
const ROOMS: [(&str, &[&str]); 19] = [
    ("domain", &[]),
    ("log", &["domain"]),
    ("protocol", &["domain", "log"]),
    ("view", &["domain", "log", "protocol"]),
    ("audit", &["domain", "log"]),
    ("store", &["domain", "log", "protocol"]),
    ("wire", &["domain", "log", "protocol", "view"]),
    ("config", &["domain", "protocol"]),
    ("search", &["domain"]),
    ("exchange", &["domain"]),
    ("web", &["config", "domain", "exchange", "log", "protocol", "search", "view", "wire"]),
    ("node", &["audit", "config", "domain", "exchange", "log", "protocol", "search", "store", "view", "web", "wire"]),
    ("usage", &["domain"]),
    // A folder of records is told to the audit, which knows neither.
    ("replay.rs", &["audit", "domain", "protocol", "store"]),
    ("cli", &["audit", "config", "domain", "exchange", "log", "node", "replay", "search", "store", "usage", "wire"]),
    // The demonstration plays the trustees and every organisation, so it founds what elsewhere comes from outside.
    (
        "cli/demo",
        &["audit", "cli", "config", "domain", "log", "node", "protocol", "search", "store", "usage", "wire"],
    ),
    ("main.rs", &["cli", "config", "domain", "node"]),
    ("bin/verbund-audit.rs", &["audit", "domain", "log", "replay", "usage"]),
    ("lib.rs", &[]),
];

/// Imports that close a circle of files and are let pass, as importer and imported below `src/`.
const CIRCLE_IMPORTS: [(&str, &str); 0] = [];

/// Crates, and the only places below `src/` that name them. Whatever is not listed is free.
const FENCED_CRATES: [(&str, &[&str]); 42] = [
    ("askama", &["web/"]),
    ("axum", &["web/", "node/web.rs"]),
    ("clap", &["cli/", "main.rs", "bin/", "usage/"]),
    ("clap_complete", &["cli/shell.rs"]),
    ("clap_mangen", &["cli/shell.rs"]),
    ("cms", &["audit/timestamp"]),
    ("const_oid", &["audit/timestamp"]),
    ("cryptoki", &["node/token.rs"]),
    ("csv", &["exchange/"]),
    ("csv_core", &["exchange/"]),
    ("curve25519_dalek", &["domain/signing.rs"]),
    ("der", &["audit/timestamp"]),
    ("ed25519_dalek", &["domain/signing.rs"]),
    ("encoding_rs", &["exchange/"]),
    ("form_urlencoded", &["web/query.rs"]),
    ("frostem", &["search/text.rs"]),
    ("getrandom", &["node/system.rs"]),
    ("hyper_util", &["node/", "cli/"]),
    ("indicatif", &["cli/", "replay.rs"]),
    ("p256", &["audit/timestamp", "node/tls.rs"]),
    ("p384", &["audit/timestamp"]),
    ("pkcs8", &["node/passphrase.rs"]),
    ("prost", &["wire/"]),
    ("prost_reflect", &["wire/mask.rs"]),
    ("prost_types", &["wire/", "cli/client.rs"]),
    ("quick_xml", &["exchange/"]),
    ("rcgen", &["node/tls.rs"]),
    ("rsa", &["audit/timestamp"]),
    ("rpassword", &["cli/passphrase.rs"]),
    ("rust_xlsxwriter", &["exchange/"]),
    ("rustls", &["node/"]),
    ("sled", &["store/views.rs"]),
    ("spki", &["audit/timestamp"]),
    ("tokio", &["store/disk.rs", "node/", "web/", "cli/", "main.rs"]),
    ("tokio_rustls", &["node/"]),
    ("tokio_stream", &["node/", "web/live.rs", "cli/"]),
    ("tonic", &["wire/", "node/", "cli/"]),
    ("tonic_health", &["node/", "cli/"]),
    ("tonic_reflection", &["node/"]),
    ("tonic_types", &["wire/", "node/", "cli/"]),
    ("tower", &["node/", "web/", "cli/"]),
    ("tracing", &["node/", "cli/", "main.rs"]),
];

/// Doors to the outside, and the only places below `src/` that open them. A program that waits may look at a
/// stopwatch; what a node decides rests on the time it is given.
const FENCED_CALLS: [(&str, &[&str]); 5] = [
    ("SystemTime::now", &["node/system.rs"]),
    ("Instant::now", &["node/system.rs", "cli/"]),
    ("thread::sleep", &[]),
    ("env::var", &["cli/", "main.rs"]),
    ("env::var_os", &["cli/", "main.rs"]),
];

/// Types whose order is not fixed by a seed, and the only places below `src/` that cannot do without.
const FENCED_TYPES: [(&str, &[&str]); 2] = [("HashMap", &["wire/status.rs"]), ("HashSet", &[])];

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 900;

/// Functions that may be longer, as `path::name`.
const LONG_FUNCTIONS: [&str; 1] = [
    // One fixed body per kind of statement, and nothing else.
    "tests/it/golden.rs::message",
];

/// Files that may be longer.
const LONG_FILES: [&str; 1] = [
    // One table of all reasons, which is looked through as one.
    "src/domain/reason.rs",
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["common", "helper", "helpers", "manager", "misc", "util", "utils"];

/// Words for work that is not done; an unfinished thing is an issue, or absent.
const UNFINISHED: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// First folders of paths that exist on one machine only.
const MACHINE_FOLDERS: [&str; 4] = ["home", "root", "Users", "work"];

/// Endings of files that people write. A file without an ending counts as well.
const WRITTEN: [&str; 10] = ["css", "html", "json", "md", "proto", "py", "rs", "sh", "toml", "yaml"];

#[derive(Clone)]
struct Token {
    line: usize,
    text: String,
}

/// Rust source as tokens and comments; what stands in strings and characters is dropped.
#[derive(Default)]
struct Source {
    tokens: Vec<Token>,
    comments: Vec<Token>,
}

impl Source {
    fn read(text: &str) -> Self {
        let mut source = Self::default();
        let (mut rest, mut line) = (text, 1);
        while let Some(first) = rest.chars().next() {
            let length = span(rest, first);
            let (taken, after) = rest.split_at(length);
            let token = Token { line, text: taken.to_owned() };
            if taken.starts_with("//") || taken.starts_with("/*") {
                source.comments.push(token);
            } else if !first.is_whitespace()
                && !taken.ends_with('"')
                && !taken.ends_with('\'')
                && !taken.ends_with('#')
            {
                source.tokens.push(token);
            }
            line += taken.matches('\n').count();
            rest = after;
        }
        source
    }

    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }

    /// Whether the tokens from `at` on are these.
    fn reads(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(n, word)| self.text(at + n) == *word)
    }

    /// The names that follow `prefix::`, directly or as the first names in a group, with their lines.
    fn imports(&self, prefix: &str) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for at in 0..self.tokens.len() {
            if !self.reads(at, &[prefix, "::"]) || at > 0 && self.text(at - 1) == "::" {
                continue;
            }
            let mut names = vec![at + 2];
            if self.text(at + 2) == "{" {
                names = self.group(at + 2);
            }
            found.extend(names.into_iter().map(|name| (self.tokens[name].line, self.text(name).to_owned())));
        }
        found
    }

    /// Where the members of the group that opens at `open` begin.
    fn group(&self, open: usize) -> Vec<usize> {
        let (mut depth, mut members) = (0_usize, Vec::new());
        for at in open..self.tokens.len() {
            match self.text(at) {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && matches!(self.text(at), "{" | ",") && self.text(at + 1) != "}" {
                members.push(at + 1);
            }
        }
        members
    }

    /// Takes out what is compiled for tests only. Returns the names of the modules among it that are files of their own.
    fn leave_out_tests(&mut self) -> Vec<String> {
        let (mut kept, mut modules, mut at) = (Vec::new(), Vec::new(), 0);
        while at < self.tokens.len() {
            // The hash before it is dropped with the raw strings.
            if !self.reads(at, &["[", "cfg", "(", "test", ")", "]"]) {
                kept.push(at);
                at += 1;
                continue;
            }
            let end = self.item_end(at + 6);
            if self.text(end) == ";" && self.text(end - 2) == "mod" {
                modules.push(self.text(end - 1).to_owned());
            }
            at = end + 1;
        }
        self.tokens = kept.into_iter().map(|at| self.tokens[at].clone()).collect();
        modules
    }

    /// Where the item that begins at `at` ends.
    fn item_end(&self, at: usize) -> usize {
        let mut depth = 0_usize;
        for end in at..self.tokens.len() {
            match self.text(end) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 && matches!(self.text(end), "}" | ";") {
                return end;
            }
        }
        self.tokens.len()
    }

    /// The modules below this one that are files of their own.
    fn modules(&self) -> Vec<&str> {
        let declared = |at: &usize| self.text(*at) == "mod" && self.text(at + 2) == ";";
        (0..self.tokens.len()).filter(declared).map(|at| self.text(at + 1)).collect()
    }

    /// Every path into this package, spelled out from its root, with its line and whether it is re-exported: through
    /// `crate`, `super` and `self`, and through the names of the modules below this one, which is `own`.
    fn paths(&self, own: &[String]) -> Vec<(usize, Vec<String>, bool)> {
        let (below, mut found) = (self.modules(), Vec::new());
        for at in 0..self.tokens.len() {
            let is_inside = at > 0 && self.text(at - 1) == "::";
            let is_visibility = at > 1 && self.reads(at - 2, &["(", "in"]);
            if self.text(at + 1) != "::" || is_inside || is_visibility {
                continue;
            }
            let start = match self.text(at) {
                "crate" | "verbund" => Vec::new(),
                "super" => own[..own.len().saturating_sub(1)].to_vec(),
                "self" => own.to_vec(),
                name if below.contains(&name) => [own, &[name.to_owned()]].concat(),
                _ => continue,
            };
            let exported = at > 1 && self.reads(at - 2, &["pub", "use"]);
            let mut paths = Vec::new();
            self.spell(at + 2, start, &mut paths);
            found.extend(paths.into_iter().map(|path| (self.tokens[at].line, path, exported)));
        }
        found
    }

    /// The paths that go on at `at` after `start`, each member of a group for itself.
    fn spell(&self, at: usize, mut start: Vec<String>, paths: &mut Vec<Vec<String>>) {
        if self.text(at) == "{" {
            for member in self.group(at) {
                self.spell(member, start.clone(), paths);
            }
            return;
        }
        start.push(self.text(at).to_owned());
        if self.text(at + 1) == "::" { self.spell(at + 2, start, paths) } else { paths.push(start) }
    }

    /// Every function with a body: name, first line, number of lines.
    fn functions(&self) -> Vec<(String, usize, usize)> {
        let named = |at: &usize| self.text(*at) == "fn" && self.text(at + 1).starts_with(is_word);
        let length = |at: usize| {
            let first = self.tokens[at].line;
            self.body_end(at).map(|last| (self.text(at + 1).to_owned(), first, last - first + 1))
        };
        (0..self.tokens.len()).filter(named).filter_map(length).collect()
    }

    /// The line on which the body of the function at `at` ends; `None` for a declaration.
    fn body_end(&self, at: usize) -> Option<usize> {
        let (mut open, mut braces) = (0_i32, 0_i32);
        for token in &self.tokens[at..] {
            match token.text.as_str() {
                "(" | "[" => open += 1,
                ")" | "]" => open -= 1,
                ";" if open == 0 && braces == 0 => return None,
                "{" => braces += 1,
                "}" => braces -= 1,
                _ => continue,
            }
            if token.text == "}" && braces == 0 {
                return Some(token.line);
            }
        }
        None
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the token, comment, literal or space at the start of `text`.
fn span(text: &str, first: char) -> usize {
    let until = |end: &str| text[1..].find(end).map_or(text.len(), |at| at + 1 + end.len());
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return until("*/");
    }
    let unprefixed = text.trim_start_matches(['b', 'c']);
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let hashes: String = raw.chars().take_while(|&c| c == '#').collect();
        if raw[hashes.len()..].starts_with('"') {
            let start = text.len() - raw.len() + hashes.len() + 1;
            let end = format!("\"{hashes}");
            return text[start..].find(&end).map_or(text.len(), |at| start + at + end.len());
        }
    }
    match first {
        '"' => quoted(text, '"'),
        // A lifetime is a quote and a name without a second quote.
        '\'' if text[1..].starts_with('\\') || text[1..].chars().nth(1) == Some('\'') => quoted(text, '\''),
        _ if text.starts_with("::") => 2,
        _ if is_word(first) => text.find(|c| !is_word(c)).unwrap_or(text.len()),
        _ => first.len_utf8(),
    }
}

/// The length of the literal at the start of `text`, up to its unescaped end.
fn quoted(text: &str, end: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == end => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// What is wrong with one Rust file, as `path:line: why`.
fn findings(path: &str, text: &str) -> Vec<String> {
    let source = Source::read(text);
    let mut found = Vec::new();
    if !text.starts_with("//! ") {
        found.push(format!("{path}:1: the first line must say what the file is for"));
    }
    let lines = text.lines().count();
    if (lines > FILE_LINES_MAX) != LONG_FILES.contains(&path) {
        found.push(format!("{path}:{lines}: {lines} lines, {FILE_LINES_MAX} are the limit; see LONG_FILES"));
    }
    for (name, line, lines) in source.functions() {
        let excused = LONG_FUNCTIONS.contains(&format!("{path}::{name}").as_str());
        if (lines > FUNCTION_LINES_MAX) != excused {
            found.push(format!("{path}:{line}: {name} has {lines} lines, {FUNCTION_LINES_MAX} are the limit"));
        }
    }
    found.extend(manners(path, &source));
    if let Some(inside) = path.strip_prefix("src/") {
        found.extend(floors(inside, &source).iter().map(|finding| format!("src/{finding}")));
        found.extend(fences(inside, &source).iter().map(|finding| format!("src/{finding}")));
    }
    found
}

/// Names that say nothing, work that is not done, and paths that hide an import.
fn manners(path: &str, source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let parts = path.trim_end_matches(".rs").split('/').filter(|part| EMPTY_NAMES.contains(part));
    found.extend(parts.map(|name| format!("{path}:1: `{name}` says nothing about what is inside")));
    for (at, token) in source.tokens.iter().enumerate() {
        let line = token.line;
        if token.text == "mod" && EMPTY_NAMES.contains(&source.text(at + 1)) {
            found.push(format!("{path}:{line}: `{}` says nothing about what is inside", source.text(at + 1)));
        }
        if matches!(token.text.as_str(), "todo" | "unimplemented" | "dbg") && source.text(at + 1) == "!" {
            found.push(format!("{path}:{line}: `{}!` is unfinished work", token.text));
        }
        if source.reads(at, &["super", "::", "super"]) {
            found.push(format!("{path}:{line}: `super::super` hides the room; write `crate::`"));
        }
    }
    for comment in &source.comments {
        let mut words = comment.text.split(|c| !is_word(c));
        if let Some(word) = words.find(|word| UNFINISHED.contains(word)) {
            found.push(format!("{path}:{}: {word} is unfinished work", comment.line));
        }
    }
    found
}

/// Imports that do not go down. `path` is relative to `src/`.
fn floors(path: &str, source: &Source) -> Vec<String> {
    let inside = |room: &str| path == room || path.strip_prefix(room).is_some_and(|rest| rest.starts_with('/'));
    let Some((room, below)) = ROOMS.iter().filter(|(room, _)| inside(room)).max_by_key(|(room, _)| room.len()) else {
        return vec![format!("{path}:1: a new room needs a row in ROOMS")];
    };
    let own = room.split('/').next().unwrap_or(room);
    let imports = source.imports("crate").into_iter().chain(source.imports("verbund"));
    imports
        .filter(|(_, name)| name != own && !below.contains(&name.as_str()))
        .map(|(line, name)| format!("{path}:{line}: `{room}` must not import `{name}`"))
        .collect()
}

/// Crates, calls and types named outside their places. `path` is relative to `src/`.
fn fences(path: &str, source: &Source) -> Vec<String> {
    let allowed = |places: &[&str]| places.iter().any(|place| path.starts_with(place));
    let mut found = Vec::new();
    for (at, token) in source.tokens.iter().enumerate() {
        let before = at.checked_sub(1).map_or("", |before| source.text(before));
        let named = before != "::" && (source.text(at + 1) == "::" || before == "use");
        let crates = FENCED_CRATES.iter().filter(|(name, _)| named && token.text == *name);
        let calls = FENCED_CALLS.iter().filter(|(call, _)| {
            call.split_once("::").is_some_and(|(first, last)| source.reads(at, &[first, "::", last]))
        });
        let types = FENCED_TYPES.iter().filter(|(name, _)| token.text == *name);
        let outside = crates.chain(calls).chain(types).filter(|(_, places)| !allowed(places));
        found.extend(
            outside.map(|(name, places)| format!("{path}:{}: `{name}` may be named in {places:?} only", token.line)),
        );
    }
    found
}

/// One file names something of another.
struct Import {
    from: String,
    line: usize,
    to: String,
}

/// The path of the module that a file below `src/` holds.
fn module_of(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod" || last == "lib") {
        parts.pop();
    }
    parts
}

/// Who imports whom among the files below `src/`, tests left out. A path counts for the file with the longest matching
/// module, and a name that a module re-exports from below for the file below.
fn file_imports(files: &[(String, String)]) -> Vec<Import> {
    let mut sources = BTreeMap::new();
    let mut for_tests = BTreeSet::new();
    for (path, text) in files {
        let Some(path) = path.strip_prefix("src/").filter(|path| path.ends_with(".rs")) else { continue };
        let (own, mut source) = (module_of(path), Source::read(text));
        for_tests.extend(source.leave_out_tests().into_iter().map(|name| [own.as_slice(), &[name]].concat()));
        sources.insert(own, (path, source));
    }
    // Split into the longest module and the name in it.
    let split = |path: &[String]| {
        let length = (0..=path.len()).rev().find(|&length| sources.contains_key(&path[..length]))?;
        Some((path[..length].to_vec(), path.get(length).cloned()))
    };
    let mut exported = BTreeMap::new();
    let mut imports = Vec::new();
    for (own, (path, source)) in sources.iter().filter(|(own, _)| !for_tests.contains(*own)) {
        for (line, to, again) in source.paths(own) {
            if again && let Some((below, _)) = split(&to) {
                exported.insert((own.clone(), to.last().cloned()), below);
            } else {
                imports.push((*path, line, to));
            }
        }
    }
    let mut found = Vec::new();
    for (from, line, to) in imports {
        let Some(place) = split(&to) else { continue };
        let (to, _) = &sources[exported.get(&place).unwrap_or(&place.0)];
        if *to != from {
            found.push(Import { from: from.to_owned(), line, to: (*to).to_owned() });
        }
    }
    found
}

/// The shortest way from one file to another along imports.
fn way<'a>(below: &BTreeMap<&str, Vec<&'a str>>, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let (mut ways, mut seen) = (VecDeque::from([vec![from]]), BTreeSet::from([from]));
    while let Some(way) = ways.pop_front() {
        let last = *way.last()?;
        if last == to {
            return Some(way);
        }
        for next in below.get(last).into_iter().flatten() {
            if seen.insert(*next) {
                ways.push_back([way.as_slice(), &[*next]].concat());
            }
        }
    }
    None
}

/// Imports that lead back to where they are, except these.
fn circles(files: &[(String, String)], excused: &[(&str, &str)]) -> Vec<String> {
    let imports = file_imports(files);
    let is_excused = |import: &&Import| excused.contains(&(import.from.as_str(), import.to.as_str()));
    let mut below: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for import in imports.iter().filter(|import| !is_excused(import)) {
        below.entry(&import.from).or_default().push(&import.to);
    }
    let back = |import: &Import| way(&below, &import.to, &import.from).map(|way| way.join(", "));
    let mut found = Vec::new();
    for import in imports.iter().filter(|import| !is_excused(import)) {
        let Import { from, line, to } = import;
        found.extend(back(import).map(|way| format!("src/{from}:{line}: imports `{to}`, which leads back: {way}")));
    }
    let needed = |pair: &&(&str, &str)| {
        imports.iter().filter(is_excused).any(|i| (i.from.as_str(), i.to.as_str()) == **pair && back(i).is_some())
    };
    let idle = excused.iter().filter(|pair| !needed(pair));
    found.extend(idle.map(|(from, to)| format!("src/{from}:1: may import `{to}` and closes no circle with it")));
    found
}

/// Paths that exist on one machine only.
fn machine_paths(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for folder in MACHINE_FOLDERS {
            let folder = format!("/{folder}/");
            let absolute = |at: usize| !line[..at].ends_with(|c: char| is_word(c) || "/.}-".contains(c));
            if line.match_indices(&folder).any(|(at, _)| absolute(at)) {
                found.push(format!("{path}:{}: {folder} exists on one machine only", number + 1));
            }
        }
    }
    found
}

/// Every file of the package that people write, with its path relative to the package and its text.
fn files() -> Vec<(String, String)> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![package.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("readable folder") {
            let path = entry.expect("readable entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a file name in UTF-8");
            let ending = path.extension().map_or("", |ending| ending.to_str().expect("UTF-8"));
            if path.is_dir() {
                let made = ["target", ".git", "node_modules"].contains(&name);
                folders.extend((!made).then_some(path));
            } else if ending.is_empty() && name != ".git" || WRITTEN.contains(&ending) {
                let relative = path.strip_prefix(package).expect("below the package").display().to_string();
                files.push((relative, fs::read_to_string(&path).expect("UTF-8")));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn the_house_is_tidy() {
    let files = files();
    let mut found = Vec::new();
    for (path, text) in &files {
        found.extend(machine_paths(path, text));
        if path.ends_with(".rs") {
            found.extend(findings(path, text));
        }
    }
    found.extend(circles(&files, &CIRCLE_IMPORTS));
    for excused in LONG_FILES.into_iter().chain(LONG_FUNCTIONS) {
        let file = excused.split("::").next().unwrap_or(excused);
        assert!(files.iter().any(|(path, _)| path == file), "{excused} is excused and does not exist");
    }
    assert!(files.len() > 60, "{} files: not looked in the right place", files.len());
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

/// What lies beside the sources: anything else was left there by mistake.
const TOP_LEVEL: [&str; 18] = [
    ".ci",
    ".clippy.toml",
    ".git",
    ".gitignore",
    ".rustfmt.toml",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "deny.toml",
    "docs",
    "nodes",
    "proptest-regressions",
    "proto",
    "src",
    "target",
    "tests",
];

#[test]
fn nothing_lies_about_at_the_top() {
    let names = fs::read_dir(env!("CARGO_MANIFEST_DIR")).expect("the folder of the package");
    let names = names.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned());
    let stray: Vec<String> = names.filter(|name| !TOP_LEVEL.contains(&name.as_str())).collect();
    assert!(stray.is_empty(), "{stray:?}");
}

#[test]
fn every_rule_bites() {
    let long = format!("//! A file.\nfn long() -> [u8; 2] {{\n{}}}\n", "    step();\n".repeat(69));
    let huge = format!("//! A file.\n{}", "\n".repeat(900));
    for (path, text, wrong) in [
        ("src/domain/a.rs", "use std::fs;\n", "a.rs:1: the first line"),
        ("src/domain/a.rs", "//! A.\nuse crate::protocol::Node;\n", "a.rs:2: `domain` must not import `protocol`"),
        ("src/log/a.rs", "//! A.\nuse crate::{domain::id::Hash, store::Store};\n", "`log` must not import `store`"),
        (
            "src/log/a.rs",
            "//! A.\nuse crate::{\n    domain::{id::Hash, time},\n    wire,\n};\n",
            "a.rs:4: `log` must",
        ),
        ("src/protocol/a.rs", "//! A.\nfn a() { crate::audit::verify() }\n", "`protocol` must not import `audit`"),
        ("src/store/a.rs", "//! A.\nuse crate::config::node::Peer;\n", "`store` must not import `config`"),
        ("src/cli/a.rs", "//! A.\nuse crate::protocol::Node;\n", "`cli` must not import `protocol`"),
        ("src/bin/verbund-audit.rs", "//! A.\nuse verbund::node::driver;\n", "must not import `node`"),
        ("src/attic/a.rs", "//! A.\n", "a new room needs a row"),
        ("src/protocol/a.rs", "//! A.\nuse tokio::sync::mpsc;\n", "`tokio` may be named"),
        ("src/protocol/a.rs", "//! A.\nfn a() -> sled::Db { }\n", "`sled` may be named"),
        ("src/domain/a.rs", "//! A.\nuse ed25519_dalek as dalek;\n", "`ed25519_dalek` may be named"),
        ("src/node/a.rs", "//! A.\nfn a() { std::time::Instant::now(); }\n", "`Instant::now` may be named"),
        ("src/node/a.rs", "//! A.\nfn a() { SystemTime::now(); }\n", "`SystemTime::now` may be named"),
        ("src/node/a.rs", "//! A.\nfn a() { std::env::var(\"A\"); }\n", "`env::var` may be named"),
        ("src/domain/a.rs", "//! A.\nuse std::collections::HashMap;\n", "`HashMap` may be named"),
        ("src/log/a.rs", "//! A.\nuse super::super::domain;\n", "`super::super` hides"),
        ("src/log/util.rs", "//! A.\n", "`util` says nothing"),
        ("tests/it/common/a.rs", "//! A.\n", "`common` says nothing"),
        ("src/log/a.rs", "//! A.\nmod helper { }\n", "`helper` says nothing"),
        ("src/log/a.rs", "//! A.\n/* later\nTODO */\n", "a.rs:2: TODO is unfinished"),
        ("src/log/a.rs", "//! A.\nfn a() { todo!() }\n", "`todo!` is unfinished"),
        ("benches/a.rs", &long, "a.rs:2: long has 71 lines"),
        ("tests/it/a.rs", &huge, "901 lines"),
    ] {
        let found = findings(path, text);
        assert!(found.iter().any(|finding| finding.contains(wrong)), "{path} {text:?}: {found:?}");
        assert_eq!(found.len(), 1, "{path} {text:?}: {found:?}");
    }
    for folder in MACHINE_FOLDERS {
        let text = format!("first\nlook at `/{folder}/a`\n");
        assert_eq!(machine_paths("a.md", &text).len(), 1, "{text}");
    }
}

/// A package of a few files below `src/`.
fn package(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(path, text)| (format!("src/{path}"), (*text).to_owned())).collect()
}

#[test]
fn a_circle_of_files_is_found() {
    let root = ("lib.rs", "//! L.\npub mod a;\npub mod b;\n");
    for (files, expected) in [
        (
            [("a.rs", "//! A.\nuse crate::b::B;\n"), ("b.rs", "//! B.\nfn b() { crate::a::A }\n")],
            ["src/a.rs:2: imports `b.rs`, which leads back: b.rs, a.rs", "src/b.rs:2: imports `a.rs`"],
        ),
        (
            [("a.rs", "//! A.\npub mod c;\nfn a() { c::c() }\n"), ("a/c.rs", "//! C.\nuse super::{A, d};\n")],
            ["src/a.rs:3: imports `a/c.rs`", "src/a/c.rs:2: imports `a.rs`"],
        ),
        (
            [("a/mod.rs", "//! A.\nuse crate::{a::c::{C, D as E}};\n"), ("a/c.rs", "//! C.\nuse crate::a::A;\n")],
            ["src/a/mod.rs:2: imports `a/c.rs`", "src/a/c.rs:2: imports `a/mod.rs`"],
        ),
    ] {
        let found = circles(&package(&[root, files[0], files[1]]), &[]);
        for expected in expected {
            assert!(found.iter().any(|finding| finding.starts_with(expected)), "{files:?}: {found:?}");
        }
        let (from, to) = (files[0].0, files[1].0);
        assert_eq!(circles(&package(&[root, files[0], files[1]]), &[(from, to)]), [""; 0], "{files:?}");
        assert_eq!(circles(&package(&[root, files[0]]), &[(from, to)]).len(), 1, "an exception nobody needs");
    }
}

#[test]
fn what_is_no_circle_of_files_is_let_pass() {
    for files in [
        [("a.rs", "//! A.\npub mod c;\npub use c::C;\n"), ("a/c.rs", "//! C.\nuse super::A;\n")],
        [("a.rs", "//! A.\npub mod c;\n"), ("a/c.rs", "//! C.\npub(in crate::a) fn c() {}\nuse crate::a::A;\n")],
        [("a.rs", "//! A.\nuse crate::b::B;\n"), ("b.rs", "//! B.\n#[cfg(test)]\nmod tests { use crate::a::A; }\n")],
        [
            ("a.rs", "//! A.\n#[cfg(test)]\npub(crate) mod c;\nfn a() { c::c() }\n"),
            ("a/c.rs", "//! C.\nuse super::*;\n"),
        ],
        // What is re-exported is imported from where it is.
        [
            ("a.rs", "//! A.\npub mod c;\npub use c::{C, D};\nuse crate::b::B;\n"),
            ("b.rs", "//! B.\nuse crate::a::D;\n"),
        ],
    ] {
        let root = ("lib.rs", "//! L.\npub mod a;\npub mod b;\n");
        let below = ("a/c.rs", "//! C.\n");
        let files =
            if files[1].0 == "b.rs" { vec![root, below, files[0], files[1]] } else { vec![root, files[0], files[1]] };
        assert_eq!(circles(&package(&files), &[]), [""; 0], "{files:?}");
    }
}

#[test]
fn what_only_looks_wrong_is_let_pass() {
    let allowed_length = format!("//! A.\nfn fits() {{\n{}}}\n", "    step();\n".repeat(68));
    for (path, text) in [
        (
            "src/domain/a.rs",
            "//! A, without tokio::spawn.\n// crate::store is above.\nconst A: &str = \"crate::node\";\n",
        ),
        ("src/domain/a.rs", "//! A.\nconst A: &str = r#\"\"crate::node \"#;\nconst B: &[u8] = b\"\\\"sled::Db\";\n"),
        ("src/domain/a.rs", "//! A.\nfn a<'a>(x: &'a str) -> char { '\"' }\nfn b() { \"crate::node\" }\n"),
        ("src/domain/a.rs", "//! A.\nfn a() { if c == '\\'' { \"sled::Db\" } }\n"),
        ("src/domain/a.rs", "//! A.\nuse crate::domain::{id, time};\nuse super::id;\n"),
        ("src/domain/a.rs", "//! A.\nfn a() { my::sled::open(); let tokio = 1; }\n"),
        ("src/store/views.rs", "//! A.\nuse sled::Db;\nuse crate::protocol::record::Record;\n"),
        ("src/cli/demo/a.rs", "//! A.\nuse crate::cli::output;\nuse crate::protocol::founding;\n"),
        ("src/bin/verbund-audit.rs", "//! A.\nuse verbund::audit::verify;\n"),
        ("src/log/a.rs", "//! A.\ntrait T { fn a(&self) -> [u8; 2]; }\nconst METHODOLOGY: u8 = 1; // TODOS\n"),
        ("src/log/a.rs", &allowed_length),
    ] {
        assert_eq!(findings(path, text), [""; 0], "{text}");
    }
    for text in ["https://example.org/work/a", "$DIR/root/x", "docs/work/", "{folder}/home/x", "\"target/work/\""] {
        assert_eq!(machine_paths("a.md", text), [""; 0], "{text}");
    }
}
