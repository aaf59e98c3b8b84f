//! The words of everything that was indexed: their stems, the compounds they are parts of, and their spellings.
//!
//! What a compound is made of is a property of the word, not of the text it stands in: so it does not matter in which
//! order offerings came.
use std::collections::{BTreeMap, BTreeSet};

use crate::search::compound::Parts;
use crate::search::lexicon::LEXICON;
use crate::search::text::{Word, is_one_slip, stem};

/// Number of a stem.
pub type TermId = u32;

/// Shortest word in bytes that may have been mistyped; shorter ones are all alike.
const SLIP_BYTES_MIN: usize = 5;

/// Most words one mistyped word, or one beginning, may stand for.
const GUESSES_MAX: usize = 50;

/// From how many new parts on all words are looked at again, instead of those that hold one of them.
const NEW_PARTS_MANY: usize = 64;

/// A spelling.
#[derive(Clone, Debug)]
struct Spelling {
    term: TermId,
    shown: String,
    may_be_part: bool,
}

/// Words and stems.
#[derive(Clone, Default, Debug)]
pub struct Dictionary {
    spellings: BTreeMap<String, Spelling>,
    terms: BTreeMap<String, TermId>,
    stems: Vec<String>,
    offerings: Vec<usize>,
    parts: Parts,
    /// Term to the terms it is a part of.
    compounds: BTreeMap<TermId, BTreeSet<TermId>>,
    /// Spelling to its parts.
    made_of: BTreeMap<String, Vec<TermId>>,
    new_spellings: Vec<String>,
    new_parts: Vec<String>,
}

impl Dictionary {
    /// A dictionary that knows the general vocabulary.
    pub fn new() -> Self {
        let mut dictionary = Self::default();
        for word in LEXICON.parts.iter().chain(LEXICON.everyday.keys()) {
            dictionary.parts.learn(word);
        }
        dictionary
    }

    /// The term of a word, made if it is new. A word of a title may be a part of other words.
    pub fn take(&mut self, word: &Word, may_be_part: bool) -> TermId {
        let known = self.spellings.get(&word.folded).map(|known| (known.term, known.may_be_part));
        if let Some((term, _)) = known.filter(|(_, known)| *known || !may_be_part) {
            return term;
        }
        if may_be_part && self.parts.learn(&word.folded) {
            self.new_parts.push(word.folded.clone());
        }
        let term = known.map_or_else(|| self.term_made(stem(&word.folded)), |(term, _)| term);
        self.spellings.insert(word.folded.clone(), Spelling { term, shown: word.shown.clone(), may_be_part });
        self.new_spellings.push(word.folded.clone());
        term
    }

    fn term_made(&mut self, stem: String) -> TermId {
        if let Some(term) = self.terms.get(&stem) {
            return *term;
        }
        let term = TermId::try_from(self.stems.len()).unwrap_or(TermId::MAX);
        self.terms.insert(stem.clone(), term);
        self.stems.push(stem);
        self.offerings.push(0);
        term
    }

    /// One more offering has a term, or one fewer.
    pub fn count(&mut self, term: TermId, is_more: bool) {
        let count = &mut self.offerings[term as usize];
        *count = if is_more { *count + 1 } else { count.saturating_sub(1) };
    }

    /// Finds the compounds among what was taken since the last time.
    pub fn settle(&mut self) {
        let (spellings, parts) = (std::mem::take(&mut self.new_spellings), std::mem::take(&mut self.new_parts));
        let concerned: BTreeSet<String> = if parts.len() > NEW_PARTS_MANY {
            self.spellings.keys().cloned().collect()
        } else {
            // The last vowel of a part may be missing in a compound.
            let roots: Vec<&str> = parts.iter().map(|part| part.trim_end_matches(['e', 'n'])).collect();
            let holds = |spelling: &&String| roots.iter().any(|root| spelling.contains(root));
            let touched = if roots.is_empty() { Vec::new() } else { self.spellings.keys().filter(holds).collect() };
            touched.into_iter().cloned().chain(spellings).collect()
        };
        for spelling in concerned {
            self.split_again(&spelling);
        }
    }

    fn split_again(&mut self, spelling: &str) {
        let Some(whole) = self.spellings.get(spelling).map(|known| known.term) else { return };
        for part in self.made_of.remove(spelling).unwrap_or_default() {
            self.compounds.entry(part).or_default().remove(&whole);
        }
        let mut stems = self.parts.split(spelling).unwrap_or_default();
        // *Kraftfahrzeugsteuer* holds *Kraftfahrzeug* and with it *Fahrzeug*.
        let inner: Vec<String> = stems.iter().filter_map(|part| self.parts.split(part)).flatten().collect();
        stems.extend(inner);
        let parts: Vec<TermId> = stems.into_iter().map(|part| self.term_made(part)).collect();
        for part in parts.iter().filter(|part| **part != whole) {
            self.compounds.entry(*part).or_default().insert(whole);
        }
        self.made_of.insert(spelling.to_owned(), parts);
    }

    /// The term of a stem.
    pub fn term(&self, stem: &str) -> Option<TermId> {
        self.terms.get(stem).copied()
    }

    /// The stem of a term.
    pub fn stem_of(&self, term: TermId) -> String {
        self.stems[term as usize].clone()
    }

    /// How many offerings hold a term.
    pub fn offerings(&self, term: TermId) -> usize {
        self.offerings[term as usize]
    }

    /// The terms a term is a part of.
    pub fn compounds(&self, term: TermId) -> impl Iterator<Item = TermId> {
        self.compounds.get(&term).into_iter().flatten().copied()
    }

    /// The stems of the parts of a folded word.
    pub fn split(&self, folded: &str) -> Option<Vec<String>> {
        self.parts.split(folded)
    }

    /// The longest known word that a folded word ends with, as its stem: *Traumhochzeit* is at least a *Hochzeit*.
    pub fn ending_of(&self, folded: &str) -> Option<String> {
        let ends = (1..folded.len()).filter(|at| folded.is_char_boundary(*at)).map(|at| &folded[at..]);
        ends.take_while(|end| end.len() >= SLIP_BYTES_MIN).find_map(|end| self.parts.end(end))
    }

    /// Terms whose words begin so, those of most offerings first.
    pub fn beginning_with<'a>(&'a self, folded: &str) -> impl Iterator<Item = TermId> + use<'a> {
        let begun = folded.to_owned();
        let words = self.spellings.range(begun.clone()..).take_while(move |(word, _)| word.starts_with(&begun));
        let mut terms: Vec<TermId> = words.map(|(_, known)| known.term).collect();
        terms.sort_by_key(|term| (std::cmp::Reverse(self.offerings(*term)), *term));
        terms.dedup();
        terms.into_iter().take(GUESSES_MAX)
    }

    /// What a mistyped word may have been: known words one slip away, those of most offerings first; else everyday words;
    /// else compounds of which one part is one slip away. Numbers are never mistyped: another number is another thing.
    pub fn slips(&self, folded: &str) -> Vec<Slip> {
        if folded.len() < SLIP_BYTES_MIN || folded.bytes().any(|b| b.is_ascii_digit()) {
            return Vec::new();
        }
        let mut near: Vec<&Spelling> = self.near(folded).collect();
        near.sort_by_key(|known| (std::cmp::Reverse(self.offerings(known.term)), known.term));
        near.dedup_by_key(|known| known.term);
        let of_word = |known: &&Spelling| Slip { shown: known.shown.clone(), stems: vec![self.stem_of(known.term)] };
        let mut slips: Vec<Slip> = near.iter().take(GUESSES_MAX).map(of_word).collect();
        let everyday = LEXICON.everyday.iter().filter(|(word, _)| is_one_slip(folded, word));
        slips.extend(everyday.map(|(word, shown)| Slip { shown: shown.clone(), stems: vec![stem(word)] }));
        if slips.is_empty() { self.compound_slip(folded).into_iter().collect() } else { slips }
    }

    /// Known words of offerings one slip away.
    fn near(&self, folded: &str) -> impl Iterator<Item = &Spelling> {
        let near = self.spellings.iter().filter(move |(word, _)| is_one_slip(folded, word));
        near.map(|(_, known)| known).filter(|known| self.offerings(known.term) > 0)
    }

    fn compound_slip(&self, folded: &str) -> Option<Slip> {
        let cuts = (SLIP_BYTES_MIN - 1..folded.len().saturating_sub(SLIP_BYTES_MIN - 2))
            .filter(|at| folded.is_char_boundary(*at));
        for (front, back) in cuts.map(|at| folded.split_at(at)) {
            if let Some(first) = self.parts.beginning(front)
                && let Some(last) = self
                    .near(back)
                    .max_by_key(|known| self.offerings(known.term))
                    .filter(|_| back.len() >= SLIP_BYTES_MIN)
            {
                return Some(Slip {
                    shown: format!("{front}{}", last.shown.to_lowercase()),
                    stems: vec![first, self.stem_of(last.term)],
                });
            }
            if let Some(last) = self.parts.end(back)
                && let Some(first) = self
                    .near(front)
                    .max_by_key(|known| self.offerings(known.term))
                    .filter(|_| front.len() >= SLIP_BYTES_MIN)
            {
                return Some(Slip {
                    shown: format!("{}{back}", first.shown),
                    stems: vec![self.stem_of(first.term), last],
                });
            }
        }
        None
    }
}

/// What a mistyped word may have been.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slip {
    /// As people write it.
    pub shown: String,
    /// Its stem, or those of its parts.
    pub stems: Vec<String>,
}
