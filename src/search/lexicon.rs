//! What is known about German before the first offering is read: words that say nothing in a question, words compounds
//! are made of, and everyday words for official ones.
//!
//! General vocabulary, kept as data beside this file. Must never hold an answer to one question.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::search::text::{stem, words};

/// Words that carry no meaning of their own.
const STOP_WORDS: &str = include_str!("stop_words.txt");

/// Words of nearly every question to an office: they order results, but no result has to have them.
const LIGHT_WORDS: &str = include_str!("light_words.txt");

/// Words that official compounds are made of.
const PARTS: &str = include_str!("parts.txt");

/// Everyday words and what an office calls it: `say;mean`, alternatives parted by commas.
const SYNONYMS: &str = include_str!("synonyms.csv");

/// Everyday words with what they mean. Each phrase is its words' stems.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Synonym {
    /// All of these stems stand in the question.
    pub say: Vec<String>,
    /// Any of these phrases is meant, each as folded words.
    pub mean: Vec<Vec<String>>,
}

/// The data files, read.
pub struct Lexicon {
    /// Folded words.
    pub stop: BTreeSet<String>,
    /// Stems.
    pub light: BTreeSet<String>,
    /// Folded words.
    pub parts: BTreeSet<String>,
    /// By the first stem of what is said.
    pub synonyms: BTreeMap<String, Vec<Synonym>>,
    /// Single everyday words to those that stand first in their line: what is said of one goes for the other.
    pub alike: BTreeMap<String, BTreeSet<String>>,
    /// Stems of all words above: nobody has mistyped these.
    pub words: BTreeSet<String>,
    /// Everyday words of which a single one says something: as they are written, by their folded spelling.
    pub everyday: BTreeMap<String, String>,
}

/// Read once per process.
pub static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::read);

impl Lexicon {
    fn read() -> Self {
        let light = list(LIGHT_WORDS).iter().map(|word| stem(word)).collect();
        let mut synonyms: BTreeMap<String, Vec<Synonym>> = BTreeMap::new();
        for synonym in content(SYNONYMS).filter_map(|line| line.split_once(';')).flat_map(synonyms_of) {
            let Some(first) = synonym.say.first() else { continue };
            synonyms.entry(first.clone()).or_default().push(synonym);
        }
        let (stop, parts, light): (_, _, BTreeSet<String>) = (list(STOP_WORDS), list(PARTS), light);
        let said = synonyms.values().flatten().flat_map(|synonym| synonym.say.iter().cloned());
        let stems =
            stop.iter().chain(&parts).map(|word| stem(word)).chain(said).chain(light.iter().cloned()).collect();
        Self { stop, light, parts, synonyms, words: stems, everyday: everyday(), alike: alike() }
    }
}

/// Lines that say something: neither blank nor a comment.
fn content(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty())
}

fn alike() -> BTreeMap<String, BTreeSet<String>> {
    let mut alike: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (say, _) in content(SYNONYMS).filter_map(|line| line.split_once(';')) {
        let phrases =
            say.split(',').map(|phrase| words(phrase).iter().map(|word| stem(&word.folded)).collect::<Vec<_>>());
        let mut single = phrases.map(|phrase| <[String; 1]>::try_from(phrase).ok());
        let Some(Some([first])) = single.next() else { continue };
        for [other] in single.flatten() {
            alike.entry(other).or_default().insert(first.clone());
        }
    }
    alike
}

fn everyday() -> BTreeMap<String, String> {
    let said = content(SYNONYMS).filter_map(|line| line.split_once(';')).flat_map(|(say, _)| say.split(','));
    let single = said.map(words).filter(|phrase| phrase.len() == 1).flatten();
    single.map(|word| (word.folded, word.shown)).collect()
}

fn list(text: &'static str) -> BTreeSet<String> {
    content(text).flat_map(words).map(|word| word.folded).collect()
}

fn synonyms_of((say, mean): (&str, &str)) -> Vec<Synonym> {
    let folded = |phrase: &str| -> Vec<String> { words(phrase).into_iter().map(|word| word.folded).collect() };
    let mean: Vec<Vec<String>> = mean.split(',').map(folded).filter(|phrase| !phrase.is_empty()).collect();
    let phrases = say.split(',').map(|phrase| folded(phrase).iter().map(|word| stem(word)).collect());
    phrases.map(|say| Synonym { say, mean: mean.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_files_are_well_formed() {
        for (name, text) in [("stop", STOP_WORDS), ("light", LIGHT_WORDS), ("parts", PARTS)] {
            assert!(content(text).all(|line| !line.contains(';')), "{name}");
        }
        for line in content(SYNONYMS) {
            let (say, mean) = line.split_once(';').unwrap_or_default();
            let is_full = |side: &str| side.split(',').all(|phrase| !words(phrase).is_empty());
            assert!(is_full(say) && is_full(mean) && !mean.contains(';'), "{line}");
        }
        assert!(LEXICON.synonyms.len() > 300 && LEXICON.parts.len() > 500 && LEXICON.stop.len() > 100);
    }
}
