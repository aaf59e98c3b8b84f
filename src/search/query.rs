//! A question as ways to answer it. Each word that means something can be met in several ways: as it stands, inside a
//! compound, by its own parts, by what an office calls it, mistyped, or by how it begins.
use std::collections::{BTreeMap, BTreeSet};

use crate::search::dictionary::{Dictionary, TermId};
use crate::search::lexicon::LEXICON;
use crate::search::text::{PARTICLES, Word, stem, verb_guesses, words};

/// Most words of a question that count; more narrow nothing down.
const QUERY_WORDS_MAX: usize = 16;

/// Fewest offerings a word must find before nobody asks whether it was mistyped.
const FEW: usize = 3;

/// Shortest beginning of a word that is looked for, in bytes.
const PREFIX_BYTES_MIN: usize = 3;

/// How much a meeting counts, in per cent of the word as it stands.
const EXACT: u32 = 100;
const PART: u32 = 55;
const SPLIT: u32 = 90;
const MEANT: u32 = 85;
const PHRASE: u32 = 100;
/// Of meanings, the likelier comes first; each later one counts a little less than the one before.
const LATER: u32 = 93;
/// What an everyday word means that offices use as well: the word itself goes first.
const BESIDE: u32 = 70;
/// A meaning that is part of another meaning beside it.
const WAY_OUT: u32 = 60;
const PREFIX: u32 = 45;
const SLIP: u32 = 70;

/// Terms of which any will do, each with its weight in per cent.
pub type Group = Vec<(TermId, u32)>;

/// One way to meet one or several words of the question: one term of every group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    /// Which words are met.
    pub covers: Vec<usize>,
    /// What an offering must hold.
    pub groups: Vec<Group>,
    /// Weight in per cent.
    pub weight: u32,
}

/// A word of the question that means something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// As it was typed; of a compound nobody knows, one part.
    pub word: Word,
    /// Its stem.
    pub stem: String,
    /// Whether results need not have it.
    pub is_light: bool,
    /// What it was taken for where nothing has it as it was typed.
    pub taken_for: Option<String>,
}

/// A question, understood as far as the dictionary goes.
#[derive(Clone, Default, Debug)]
pub struct Question {
    /// The words that count.
    pub asked: Vec<Asked>,
    /// How to meet them.
    pub ways: Vec<Way>,
    /// Whether the text had words at all.
    pub is_empty: bool,
}

impl Question {
    /// Reads a question.
    pub fn read(text: &str, dictionary: &Dictionary) -> Self {
        let all = words(text);
        let asked = counting(&all, dictionary);
        let mut question = Self { is_empty: all.is_empty(), asked, ways: Vec::new() };
        let said = Said::new(&all, &question.asked);
        for at in 0..question.asked.len() {
            question.meet_word(at, &all, dictionary);
        }
        question.meet_joined(dictionary);
        question.meet_meanings(&said, dictionary);
        for at in 0..question.asked.len() {
            if question.offerings_of(at, dictionary) < FEW {
                question.meet_slips(at, dictionary);
            }
            if !question.is_met(at) {
                question.meet_prefix(at, dictionary);
            }
            if !question.is_met(at) {
                question.meet_ending(at, dictionary);
            }
        }
        question
    }

    /// The text with every word as it was taken; none if all were taken as they stand.
    pub fn corrected(&self) -> Option<String> {
        self.asked.iter().any(|asked| asked.taken_for.is_some()).then(|| {
            let shown = |asked: &Asked| asked.taken_for.clone().unwrap_or_else(|| asked.word.shown.clone());
            self.asked.iter().map(shown).collect::<Vec<_>>().join(" ")
        })
    }

    /// Whether there is any way to meet a word.
    pub fn is_met(&self, at: usize) -> bool {
        self.ways.iter().any(|way| way.covers.contains(&at))
    }

    /// How many offerings meet a word at most.
    fn offerings_of(&self, at: usize, dictionary: &Dictionary) -> usize {
        let of_group = |group: &Group| group.iter().map(|(term, _)| dictionary.offerings(*term)).sum::<usize>();
        let of_way = |way: &Way| way.groups.iter().map(of_group).min().unwrap_or(0);
        self.ways.iter().filter(|way| way.covers.contains(&at)).map(of_way).sum()
    }

    fn put(&mut self, covers: Vec<usize>, groups: Vec<Group>, weight: u32) {
        if !groups.is_empty() && groups.iter().all(|group| !group.is_empty()) {
            self.ways.push(Way { covers, groups, weight });
        }
    }

    /// The word as it stands, as a verb in one of its forms, within compounds, and by its own parts.
    fn meet_word(&mut self, at: usize, all: &[Word], dictionary: &Dictionary) {
        let Asked { word: Word { folded, .. }, stem: own, .. } = self.asked[at].clone();
        let mut group = group_of(&own, dictionary);
        for guess in verb_guesses(&folded) {
            group.extend(group_of(&stem(&guess), dictionary));
        }
        // *melde mein Auto ab*: the particle has parted from its verb.
        for particle in all.iter().filter(|word| PARTICLES.contains(&word.folded.as_str())) {
            group.extend(group_of(&stem(&format!("{}{folded}", particle.folded)), dictionary));
        }
        self.put(vec![at], vec![group], EXACT);
        let parts = dictionary.split(&folded).unwrap_or_default();
        let groups = parts.iter().map(|part| group_of(part, dictionary)).collect();
        self.put(vec![at], groups, SPLIT);
    }

    /// *wohn geld*: a compound that was typed as two words.
    fn meet_joined(&mut self, dictionary: &Dictionary) {
        for at in 1..self.asked.len() {
            let joined = format!("{}{}", self.asked[at - 1].word.folded, self.asked[at].word.folded);
            if let Some(term) = dictionary.term(&stem(&joined)) {
                self.put(vec![at - 1, at], vec![vec![(term, EXACT)]], EXACT);
            }
        }
    }

    /// What an office calls it.
    fn meet_meanings(&mut self, said: &Said, dictionary: &Dictionary) {
        for stem in said.places.keys().chain(said.alike.keys()) {
            for synonym in LEXICON.synonyms.get(stem).into_iter().flatten() {
                let Some(covers) = said.covered(&synonym.say) else { continue };
                let is_official = dictionary.term(stem).is_some_and(|term| dictionary.offerings(term) >= FEW);
                let mut weight = match synonym.say.len() {
                    1 if is_official => BESIDE,
                    1 => MEANT,
                    _ => PHRASE,
                };
                for phrase in &synonym.mean {
                    let groups = phrase.iter().flat_map(|word| groups_of(word, dictionary)).collect();
                    // *Personalausweis* beside *Personalausweis Verlust* is only the way out.
                    let is_part = synonym.mean.iter().any(|other| is_within(phrase, other));
                    let share = if is_part { WAY_OUT } else { EXACT };
                    self.put(covers.iter().copied().collect(), groups, weight * share / 100);
                    weight = weight * LATER / 100;
                }
            }
        }
    }

    fn meet_slips(&mut self, at: usize, dictionary: &Dictionary) {
        let folded = self.asked[at].word.folded.clone();
        if LEXICON.words.contains(&self.asked[at].stem) {
            return;
        }
        let nearest = dictionary.slips(&folded);
        let Some(first) = nearest.first() else { return };
        if !self.is_met(at) {
            self.asked[at].taken_for = Some(first.shown.clone());
        }
        for slip in &nearest {
            let mut alone = Self::default();
            let groups = slip.stems.iter().map(|stem| group_of(stem, dictionary)).collect();
            alone.put(vec![at], groups, EXACT);
            if let [stem] = slip.stems.as_slice() {
                alone.meet_meanings(&Said::of(stem.clone(), at), dictionary);
            }
            self.ways.extend(alone.ways.into_iter().map(|way| Way { weight: way.weight * SLIP / 100, ..way }));
        }
    }

    /// A compound of which only the end is known. What it is about stands there.
    fn meet_ending(&mut self, at: usize, dictionary: &Dictionary) {
        let Some(end) = dictionary.ending_of(&self.asked[at].word.folded) else { return };
        let mut alone = Self::default();
        alone.put(vec![at], vec![group_of(&end, dictionary)], EXACT);
        alone.meet_meanings(&Said::of(end, at), dictionary);
        self.ways.extend(alone.ways.into_iter().map(|way| Way { weight: way.weight * PREFIX / 100, ..way }));
    }

    fn meet_prefix(&mut self, at: usize, dictionary: &Dictionary) {
        let folded = &self.asked[at].word.folded;
        if folded.len() < PREFIX_BYTES_MIN {
            return;
        }
        let group = dictionary.beginning_with(folded).map(|term| (term, PREFIX)).collect();
        self.put(vec![at], vec![group], EXACT);
    }
}

/// The words that count: all but stop words, unless there are no others.
fn counting(all: &[Word], dictionary: &Dictionary) -> Vec<Asked> {
    let says = |word: &&Word| !LEXICON.stop.contains(&word.folded) && !is_particle(&word.folded.as_str());
    let mut kept: Vec<&Word> = all.iter().filter(says).collect();
    if kept.is_empty() {
        kept = all.iter().collect();
    }
    let mut asked: Vec<Asked> = kept.into_iter().flat_map(|word| asked_parts(word, dictionary)).collect();
    asked.truncate(QUERY_WORDS_MAX);
    let has_heavy = asked.iter().any(|asked| !LEXICON.light.contains(&asked.stem));
    for asked in &mut asked {
        asked.is_light = has_heavy && LEXICON.light.contains(&asked.stem);
    }
    asked
}

/// A word; or, of a compound that no offering has and no synonym names, its parts: *Hundeanmeldung* asks for *Hund* and
/// *Anmeldung*.
fn asked_parts(word: &Word, dictionary: &Dictionary) -> Vec<Asked> {
    let asked = |word: &Word, stem: String| Asked { word: word.clone(), stem, is_light: false, taken_for: None };
    let own = stem(&word.folded);
    let is_known = dictionary.term(&own).is_some_and(|term| dictionary.offerings(term) > 0);
    let is_said = LEXICON.synonyms.get(&own).is_some_and(|known| known.iter().any(|synonym| synonym.say.len() == 1));
    match dictionary.split(&word.folded).filter(|_| !is_known && !is_said) {
        Some(parts) => {
            let part = |stem: String| Word { shown: stem.clone(), folded: stem };
            parts.into_iter().map(|stem| asked(&part(stem.clone()), stem)).collect()
        }
        None => vec![asked(word, own)],
    }
}

/// The stems of everything that was said, stop words too, and which of the words that count each stands for.
#[derive(Default)]
struct Said {
    places: BTreeMap<String, BTreeSet<usize>>,
    /// The same for words that go for those that were said: *Lkw* for *Auto*, *Welpe* for *Hund*.
    alike: BTreeMap<String, BTreeSet<usize>>,
}

impl Said {
    fn new(all: &[Word], asked: &[Asked]) -> Self {
        let mut places: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for word in all {
            places.entry(stem(&word.folded)).or_default();
        }
        let particles: Vec<&str> = all.iter().map(|word| word.folded.as_str()).filter(is_particle).collect();
        for (at, asked) in asked.iter().enumerate() {
            let folded = &asked.word.folded;
            let parted = particles.iter().map(|particle| format!("{particle}{folded}"));
            let guesses = verb_guesses(folded).into_iter().chain(parted).map(|guess| stem(&guess));
            for stem in guesses.chain([asked.stem.clone()]) {
                places.entry(stem).or_default().insert(at);
            }
        }
        let mut alike: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (stem, at) in &places {
            for other in LEXICON.alike.get(stem).into_iter().flatten().filter(|other| !places.contains_key(*other)) {
                alike.entry(other.clone()).or_default().extend(at);
            }
        }
        Self { places, alike }
    }

    /// One word alone.
    fn of(stem: String, at: usize) -> Self {
        Self { places: BTreeMap::from([(stem, BTreeSet::from([at]))]), ..Self::default() }
    }

    /// Which words a phrase stands for, if all of it was said. What goes for a word does so in longer phrases only.
    fn covered(&self, say: &[String]) -> Option<BTreeSet<usize>> {
        let of_word =
            |word: &String| self.places.get(word).or_else(|| self.alike.get(word).filter(|_| say.len() > 1));
        let places = say.iter().map(of_word).collect::<Option<Vec<_>>>()?;
        Some(places.into_iter().flatten().copied().collect())
    }
}

fn is_particle(word: &&str) -> bool {
    PARTICLES.contains(word)
}

/// Whether a phrase is part of a longer one.
fn is_within(phrase: &[String], longer: &[String]) -> bool {
    phrase.len() < longer.len() && phrase.iter().all(|word| longer.contains(word))
}

/// A term and the compounds it is a part of.
fn group_of(stem: &str, dictionary: &Dictionary) -> Group {
    dictionary.term(stem).map_or_else(Vec::new, |term| with_compounds(term, EXACT, dictionary))
}

fn with_compounds(term: TermId, weight: u32, dictionary: &Dictionary) -> Group {
    let compounds = dictionary.compounds(term).map(|whole| (whole, PART * weight / 100));
    std::iter::once((term, weight)).chain(compounds).collect()
}

/// What an offering must hold to hold a word: the word, or else all of its parts.
fn groups_of(folded: &str, dictionary: &Dictionary) -> Vec<Group> {
    let whole = group_of(&stem(folded), dictionary);
    if !whole.iter().all(|(term, _)| dictionary.offerings(*term) == 0) {
        return vec![whole];
    }
    match dictionary.split(folded) {
        Some(parts) => parts.iter().map(|part| group_of(part, dictionary)).collect(),
        None => vec![Vec::new()],
    }
}
