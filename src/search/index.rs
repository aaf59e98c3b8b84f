//! The index: which offering holds which word, and how much that says. Answers questions with a ranking, facets and what
//! may have been meant.
//!
//! In memory, and made from the catalogue: it holds no truth of its own, so it can be missing, and never broken or of another
//! version. Scores are whole numbers that depend on coarse steps of how common a word is, so pages stay stable while
//! single offerings come and go.
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::id::{OrgId, StatementId};
use crate::domain::register::Area;
use crate::search::dictionary::{Dictionary, TermId};
use crate::search::facets::{Admitted, Facet, FacetCount, Fit, Narrowing, Values};
use crate::search::query::{Group, Question, Way};
use crate::search::ranks::Ranks;
use crate::search::text::words;

/// Most offerings held: a million take about 400 MB. What comes later is left out, and every answer says so.
pub const OFFERINGS_MAX: usize = 2_000_000;

/// What share of the best coverage of the question's words a result must reach, in per mille.
const COVERAGE_MIN: u64 = 750;

/// Score of one word that stands alone in a short title, before its rarity.
const SCORE_UNIT: f32 = 10.0;

/// Part of its rarity that a word of nearly every question counts with, as a divisor.
const LIGHT: u64 = 5;

/// A text of an offering. Who types a key means it, and a title says more than a description.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Field {
    /// LeiKa key, OZG-ID.
    Key,
    /// Title.
    Title,
    /// What registers call the service.
    Register,
    /// Synonyms and search words of registers.
    Synonym,
    /// Topic, portal, specialised system, seller.
    Label,
    /// Description.
    Description,
}

impl Field {
    /// Weight, usual length in words, and how much a longer text says less (0 to 1).
    fn weights(self) -> (f32, f32, f32) {
        match self {
            Self::Key => (16.0, 1.0, 0.0),
            Self::Title => (8.0, 4.0, 0.55),
            Self::Register => (6.0, 4.0, 0.55),
            Self::Synonym => (5.0, 12.0, 0.3),
            Self::Label => (1.5, 3.0, 0.3),
            Self::Description => (2.0, 14.0, 0.5),
        }
    }

    /// Whether its words may be parts of compounds.
    fn makes_parts(self) -> bool {
        matches!(self, Self::Title | Self::Register | Self::Synonym)
    }
}

/// What is indexed of an offering.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its statement.
    pub id: StatementId,
    /// Who sells it.
    pub seller: OrgId,
    /// Its name; with the seller it orders results of one score.
    pub name: OrgId,
    /// Its texts.
    pub texts: Vec<(Field, String)>,
    /// Its facets.
    pub facets: Vec<(Facet, String)>,
    /// Where it may be used.
    pub coverage: Vec<Area>,
}

/// An offering in the index.
#[derive(Clone, Debug)]
struct Held {
    id: StatementId,
    key: Arc<str>,
    seller: u32,
    terms: Vec<TermId>,
    is_here: bool,
}

/// A few numbers of each offering, one behind the other: a question that finds everything reads them in one go.
#[derive(Clone, Default, Debug)]
struct Lists {
    ends: Vec<usize>,
    numbers: Vec<u32>,
}

impl Lists {
    fn push(&mut self, numbers: impl Iterator<Item = u32>) {
        self.numbers.extend(numbers);
        self.ends.push(self.numbers.len());
    }

    fn of(&self, at: u32) -> &[u32] {
        let at = at as usize;
        let begin = at.checked_sub(1).map_or(0, |former| self.ends[former]);
        &self.numbers[begin..self.ends[at]]
    }
}

/// Where a term stands, and how much it says there.
#[derive(Clone, Default, Debug)]
struct Postings {
    offerings: Vec<u32>,
    impacts: Vec<u16>,
}

/// Where a result stands in the order of all: what covers the area first, then the best score, then seller and name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    is_outside: bool,
    score: Reverse<u32>,
    key: String,
}

impl Place {
    /// As text for a page token; texts sort like the places.
    pub fn to_text(&self) -> String {
        format!("{}{:08x}{}", u8::from(self.is_outside), u32::MAX - self.score.0, self.key)
    }

    /// From text; none if it is not one.
    pub fn of_text(text: &str) -> Option<Self> {
        let is_outside = match text.get(..1)? {
            "0" => false,
            "1" => true,
            _ => return None,
        };
        let score = u32::MAX - u32::from_str_radix(text.get(1..9)?, 16).ok()?;
        Some(Self { is_outside, score: Reverse(score), key: text.get(9..)?.to_owned() })
    }
}

/// The same within one question: by rank instead of seller and name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    is_outside: bool,
    score: Reverse<u32>,
    rank: u64,
    at: u32,
}

/// One offering that fits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hit {
    /// Its statement.
    pub id: StatementId,
    /// How well it fits. Comparable within one question only.
    pub score: u32,
    /// Whether it may be used in the area asked for.
    pub covers: bool,
    /// Where it stands.
    pub place: Place,
}

/// What a question found.
#[derive(Clone, Default, Debug)]
pub struct Found {
    /// The page asked for, in order.
    pub hits: Vec<Hit>,
    /// How many results there are in all.
    pub total: usize,
    /// Whether there are more after this page.
    pub is_more: bool,
    /// Facets of all results.
    pub facets: Vec<FacetCount>,
    /// Whether the best result has every word of the question.
    pub has_all_words: bool,
    /// What may have been meant, where a word was taken for another.
    pub did_you_mean: Option<String>,
    /// Words that nothing has, in any way.
    pub unknown: Vec<String>,
    /// Whether the text had no word to search for.
    pub is_empty: bool,
}

/// Rows of offerings that have gone which no index is made anew for: a question walks past a thousand in microseconds.
const WORN_ROWS_MIN: usize = 1_000;

/// The index.
#[derive(Clone, Debug)]
pub struct Index {
    dictionary: Dictionary,
    postings: Vec<Postings>,
    held: Vec<Held>,
    ranks: Ranks,
    values_of: Lists,
    coverage_of: Lists,
    places: BTreeMap<StatementId, u32>,
    values: Values,
    areas: BTreeMap<Area, u32>,
    sellers: BTreeMap<OrgId, u32>,
    /// How many offerings were left out for want of room.
    pub left_out: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            dictionary: Dictionary::new(),
            postings: Vec::new(),
            held: Vec::new(),
            ranks: Ranks::default(),
            values_of: Lists::default(),
            coverage_of: Lists::default(),
            places: BTreeMap::new(),
            values: Values::default(),
            areas: BTreeMap::new(),
            sellers: BTreeMap::new(),
            left_out: 0,
        }
    }
}

impl Index {
    /// How many offerings can be found.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is nothing to find.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether most of its rows are of offerings that have gone: every question walks past them, so it is worth making anew.
    pub fn is_worn(&self) -> bool {
        self.held.len() > 2 * self.places.len() + WORN_ROWS_MIN
    }

    /// Takes an offering in. [`Index::settle`] must follow before the next question.
    pub fn put(&mut self, entry: &Entry) {
        if self.places.contains_key(&entry.id) {
            return;
        }
        if self.places.len() >= OFFERINGS_MAX {
            self.left_out += 1;
            return;
        }
        let at = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        let terms = self.put_texts(at, &entry.texts);
        self.values_of.push(entry.facets.iter().map(|(facet, value)| self.values.number(*facet, value)));
        self.coverage_of.push(entry.coverage.iter().map(|area| number_of(&mut self.areas, area)));
        let seller = number_of(&mut self.sellers, &entry.seller);
        let key = Arc::from(format!("{} {}", entry.seller, entry.name));
        self.ranks.put(&key, at);
        self.held.push(Held { id: entry.id, key, seller, terms, is_here: true });
        self.places.insert(entry.id, at);
    }

    fn put_texts(&mut self, at: u32, texts: &[(Field, String)]) -> Vec<TermId> {
        let mut impacts: BTreeMap<TermId, f32> = BTreeMap::new();
        for (field, text) in texts {
            let words = words(text);
            let (weight, usual, shorter) = field.weights();
            let length = words.len() as f32 / usual;
            let mut counts: BTreeMap<TermId, f32> = BTreeMap::new();
            for word in &words {
                *counts.entry(self.dictionary.take(word, field.makes_parts())).or_default() += 1.0;
            }
            for (term, count) in counts {
                let said = count / (count + 1.2 * (1.0 - shorter + shorter * length));
                *impacts.entry(term).or_default() += weight * said;
            }
        }
        for (term, impact) in &impacts {
            if self.postings.len() <= *term as usize {
                self.postings.resize(*term as usize + 1, Postings::default());
            }
            let postings = &mut self.postings[*term as usize];
            postings.offerings.push(at);
            postings.impacts.push((impact * SCORE_UNIT).round() as u16);
            self.dictionary.count(*term, true);
        }
        impacts.into_keys().collect()
    }

    /// Takes an offering out.
    pub fn take(&mut self, id: &StatementId) {
        let Some(at) = self.places.remove(id) else { return };
        let held = &mut self.held[at as usize];
        held.is_here = false;
        self.ranks.take(&held.key, at);
        for term in std::mem::take(&mut held.terms) {
            self.dictionary.count(term, false);
            let postings = &mut self.postings[term as usize];
            if let Ok(place) = postings.offerings.binary_search(&at) {
                postings.offerings.remove(place);
                postings.impacts.remove(place);
            }
        }
    }

    /// Makes what was taken in ready to be found.
    pub fn settle(&mut self) {
        self.dictionary.settle();
    }

    /// Answers a question: the `limit` results after `after`. A text without words finds everything.
    pub fn find(&self, text: &str, narrowing: &Narrowing, after: Option<&Place>, limit: usize) -> Found {
        let question = Question::read(text, &self.dictionary);
        let among = narrowing.among.as_deref().map(|ids| self.rows_of(ids));
        let scored = if question.is_empty { self.all(among.as_deref()) } else { self.scored(&question, among) };
        let mut found = self.page(scored.results, narrowing, after, limit);
        found.has_all_words = scored.has_all_words;
        found.did_you_mean = question.corrected();
        found.is_empty = question.is_empty;
        let unknown = question.asked.iter().zip(&scored.met).filter(|(_, met)| !**met);
        found.unknown = unknown.map(|(asked, _)| asked.word.shown.clone()).collect();
        found
    }

    /// Whether each row is one of these.
    fn rows_of(&self, ids: &[StatementId]) -> Vec<bool> {
        let mut rows = vec![false; self.held.len()];
        ids.iter().filter_map(|id| self.places.get(id)).for_each(|at| rows[*at as usize] = true);
        rows
    }

    fn all(&self, among: Option<&[bool]>) -> Scored {
        let here = (0..).zip(&self.held).filter(|(_, held)| held.is_here).map(|(at, _)| (at, 0));
        let here = here.filter(|(at, _): &(u32, u32)| among.is_none_or(|among| among[*at as usize]));
        Scored { results: here.collect(), has_all_words: true, met: Vec::new() }
    }

    /// Offerings with their scores: those that have nearly as much of the question as the best has.
    fn scored(&self, question: &Question, among: Option<Vec<bool>>) -> Scored {
        let mut sums = Sums::new(self.held.len());
        let mut scratches = Scratches { among, ..Scratches::new(self.held.len()) };
        let (mut all, mut has_all_words, mut met) = (0, true, Vec::new());
        for (word, asked) in question.asked.iter().enumerate() {
            for way in question.ways.iter().filter(|way| way.covers.contains(&word)) {
                self.follow_way(way, &mut scratches);
            }
            let scratch = &mut scratches.word;
            let rarity = self.rarity(scratch.touched.len());
            let rarity = if asked.is_light { rarity / LIGHT } else { rarity };
            let covered = if asked.is_light { 0 } else { rarity };
            met.push(!scratch.touched.is_empty());
            has_all_words &= asked.is_light || !scratch.touched.is_empty();
            all += if scratch.touched.is_empty() { 0 } else { covered };
            scratch.drain(|at, impact| sums.add(at, impact, rarity, covered));
        }
        let best = sums.touched.iter().map(|at| sums.coverage[*at as usize]).max().unwrap_or(0);
        let enough = |at: &&u32| u64::from(sums.coverage[**at as usize]) * 1000 >= u64::from(best) * COVERAGE_MIN;
        let score = |at: &u32| {
            let (sum, covered) = (sums.score[*at as usize], u64::from(sums.coverage[*at as usize]));
            // What has more of the question goes before what has one word of it very often.
            let score = if all == 0 { sum } else { sum * (all + covered) / (2 * all) };
            (*at, u32::try_from(score / 16).unwrap_or(u32::MAX))
        };
        let results = sums.touched.iter().filter(enough).map(score).collect();
        Scored { results, has_all_words: has_all_words && u64::from(best) == all, met }
    }

    /// How rare something is that so many offerings have: in steps of an eighth of a doubling.
    fn rarity(&self, offerings: usize) -> u64 {
        let (all, with) = (self.len() as f64, offerings as f64);
        ((1.0 + (all - with + 0.5).max(0.5) / (with + 0.5)).log2() * 8.0).round().max(1.0) as u64
    }

    fn follow_way(&self, way: &Way, scratches: &mut Scratches) {
        if let [group] = way.groups.as_slice() {
            let Scratches { word, among, .. } = scratches;
            self.each(group, way.weight, among.as_deref(), |at, impact| word.raise(at, impact));
            return;
        }
        // All groups: the middle of what the parts say. The rarest goes first, so that the others have less to add to.
        let mut groups: Vec<&Group> = way.groups.iter().collect();
        groups.sort_by_key(|group| group.iter().map(|(term, _)| self.dictionary.offerings(*term)).sum::<usize>());
        let Scratches { word, sum, next, among } = scratches;
        for (n, group) in groups.iter().enumerate() {
            self.each(group, way.weight, among.as_deref(), |at, impact| {
                if n == 0 || sum.impacts[at as usize] > 0 {
                    next.raise(at, impact);
                }
            });
            let mut both = Vec::with_capacity(next.touched.len());
            next.drain(|at, impact| both.push((at, impact + sum.impacts[at as usize])));
            sum.drain(|_, _| {});
            both.into_iter().for_each(|(at, impact)| sum.raise(at, impact));
        }
        let count = u32::try_from(groups.len()).unwrap_or(u32::MAX);
        sum.drain(|at, impact| word.raise(at, impact / count));
    }

    /// Every posting of a group, weighed.
    fn each(&self, group: &[(TermId, u32)], weight: u32, among: Option<&[bool]>, mut act: impl FnMut(u32, u32)) {
        for (term, own) in group {
            let Some(postings) = self.postings.get(*term as usize) else { continue };
            let postings = postings.offerings.iter().zip(&postings.impacts);
            for (at, impact) in postings.filter(|(at, _)| among.is_none_or(|among| among[**at as usize])) {
                act(*at, u32::from(*impact) * own * weight / 10_000);
            }
        }
    }

    fn page(&self, scored: Vec<(u32, u32)>, narrowing: &Narrowing, after: Option<&Place>, limit: usize) -> Found {
        let admitted = self.values.admitted(narrowing);
        let asking = Asking::new(self, narrowing);
        let mut counts = Counts { of_value: vec![0; self.values.count()], covers: [0; 2], orderable: [0; 2] };
        let after = after.map(|after| {
            let behind = self.ranks.behind(&after.key).unwrap_or(u64::MAX);
            Row { is_outside: after.is_outside, score: after.score, rank: behind, at: 0 }
        });
        let (mut rows, mut total) = (Vec::new(), 0);
        for (at, score) in scored {
            let values = self.values_of.of(at);
            let (covers, orderable) = (asking.covers(self.coverage_of.of(at)), asking.orderable(self, at));
            let fit = asking.fit(admitted.fit(values), covers, orderable);
            counts.count(&admitted, fit, values, covers, orderable);
            if fit == Fit::Full {
                let is_outside = !covers.unwrap_or(false);
                let row = Row { is_outside, score: Reverse(score), rank: self.ranks.of(at), at };
                total += 1;
                rows.extend(after.is_none_or(|after| row >= after).then_some(row));
            }
        }
        let is_more = rows.len() > limit;
        if is_more {
            rows.select_nth_unstable(limit);
            rows.truncate(limit);
        }
        rows.sort_unstable();
        let hit = |row: &Row| {
            let Held { id, key, .. } = &self.held[row.at as usize];
            let place = Place { is_outside: row.is_outside, score: row.score, key: key.to_string() };
            Hit { id: *id, score: row.score.0, covers: narrowing.area.is_some() && !row.is_outside, place }
        };
        let facets = counts.told(self, narrowing);
        Found { hits: rows.iter().map(hit).collect(), total, is_more, facets, ..Found::default() }
    }
}

fn number_of<K: Ord + Clone>(numbers: &mut BTreeMap<K, u32>, key: &K) -> u32 {
    let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    *numbers.entry(key.clone()).or_insert(next)
}

struct Scored {
    results: Vec<(u32, u32)>,
    has_all_words: bool,
    met: Vec<bool>,
}

/// Room for one question: what a word finds, and within it what the groups of one way find together and one by one.
struct Scratches {
    word: Scratch,
    sum: Scratch,
    next: Scratch,
    /// The only rows that count.
    among: Option<Vec<bool>>,
}

impl Scratches {
    fn new(offerings: usize) -> Self {
        let [word, sum, next] = std::array::from_fn(|_| Scratch::new(offerings));
        Self { word, sum, next, among: None }
    }
}

/// Of one word, the best impact at each offering.
struct Scratch {
    impacts: Vec<u32>,
    touched: Vec<u32>,
}

impl Scratch {
    fn new(offerings: usize) -> Self {
        Self { impacts: vec![0; offerings], touched: Vec::new() }
    }

    fn raise(&mut self, at: u32, impact: u32) {
        let known = &mut self.impacts[at as usize];
        if *known == 0 {
            self.touched.push(at);
        }
        *known = impact.max(*known).max(1);
    }

    fn drain(&mut self, mut act: impl FnMut(u32, u32)) {
        for at in self.touched.drain(..) {
            act(at, std::mem::take(&mut self.impacts[at as usize]));
        }
    }
}

/// Over all words.
struct Sums {
    score: Vec<u64>,
    coverage: Vec<u32>,
    touched: Vec<u32>,
}

impl Sums {
    fn new(offerings: usize) -> Self {
        Self { score: vec![0; offerings], coverage: vec![0; offerings], touched: Vec::new() }
    }

    fn add(&mut self, at: u32, impact: u32, rarity: u64, covered: u64) {
        let score = &mut self.score[at as usize];
        if *score == 0 {
            self.touched.push(at);
        }
        *score += u64::from(impact) * rarity + 1;
        self.coverage[at as usize] += u32::try_from(covered).unwrap_or(0);
    }
}

/// Who asks: which areas cover theirs and which sellers they reach.
struct Asking {
    covering: Option<Vec<bool>>,
    reachable: Option<Vec<bool>>,
    wants_covering: Option<bool>,
    wants_orderable: Option<bool>,
}

impl Asking {
    fn new(index: &Index, narrowing: &Narrowing) -> Self {
        let by_number = |numbers: Vec<(u32, bool)>| {
            let mut sorted = numbers;
            sorted.sort_unstable();
            sorted.into_iter().map(|(_, is)| is).collect::<Vec<bool>>()
        };
        let covering = narrowing.area.as_ref();
        let covering =
            covering.map(|place| by_number(index.areas.iter().map(|(area, n)| (*n, area.covers(place))).collect()));
        let reachable = narrowing.reachable.as_ref();
        let reachable =
            reachable.map(|all| by_number(index.sellers.iter().map(|(org, n)| (*n, all.contains(org))).collect()));
        let wants = |facet: Facet| {
            let values = narrowing.facets.get(&facet)?;
            // Both values, or none, narrow nothing.
            (values.len() == 1).then(|| values.contains("yes"))
        };
        Self { covering, reachable, wants_covering: wants(Facet::Covers), wants_orderable: wants(Facet::Orderable) }
    }

    fn covers(&self, coverage: &[u32]) -> Option<bool> {
        self.covering.as_ref().map(|covering| coverage.iter().any(|area| covering[*area as usize]))
    }

    fn orderable(&self, index: &Index, at: u32) -> Option<bool> {
        self.reachable.as_ref().map(|reachable| reachable[index.held[at as usize].seller as usize])
    }

    /// The fit with what depends on who asks.
    fn fit(&self, fit: Fit, covers: Option<bool>, orderable: Option<bool>) -> Fit {
        let asked =
            [(Facet::Covers, self.wants_covering, covers), (Facet::Orderable, self.wants_orderable, orderable)];
        asked.into_iter().fold(fit, |fit, (facet, wanted, is)| match (fit, wanted.zip(is)) {
            (Fit::Full, Some((wanted, is))) if wanted != is => Fit::But(facet),
            (_, Some((wanted, is))) if wanted != is => Fit::No,
            _ => fit,
        })
    }
}

struct Counts {
    of_value: Vec<usize>,
    covers: [usize; 2],
    orderable: [usize; 2],
}

impl Counts {
    fn count(
        &mut self,
        admitted: &Admitted,
        fit: Fit,
        values: &[u32],
        covers: Option<bool>,
        orderable: Option<bool>,
    ) {
        let counts = |facet: Facet| fit == Fit::Full || fit == Fit::But(facet);
        if fit == Fit::No {
            return;
        }
        for value in values {
            let is_counted = match fit {
                Fit::But(facet) => admitted.is(*value, facet),
                _ => true,
            };
            self.of_value[*value as usize] += usize::from(is_counted);
        }
        if let Some(covers) = covers.filter(|_| counts(Facet::Covers)) {
            self.covers[usize::from(covers)] += 1;
        }
        if let Some(orderable) = orderable.filter(|_| counts(Facet::Orderable)) {
            self.orderable[usize::from(orderable)] += 1;
        }
    }

    fn told(&self, index: &Index, narrowing: &Narrowing) -> Vec<FacetCount> {
        let mut told = index.values.told(&self.of_value);
        let asked = [
            (Facet::Covers, self.covers, narrowing.area.is_some()),
            (Facet::Orderable, self.orderable, narrowing.reachable.is_some()),
        ];
        for (facet, [no, yes], _) in asked.into_iter().filter(|(_, _, is_asked)| *is_asked) {
            let counts = [("yes", yes), ("no", no)].into_iter().filter(|(_, count)| *count > 0);
            told.extend(counts.map(|(value, count)| FacetCount { facet, value: value.to_owned(), count }));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const EVERYWHERE: &str = "*";

    fn id(n: u8) -> StatementId {
        StatementId([n; 32])
    }

    fn entry(n: u8, seller: &str, title: &str, description: &str, area: &str) -> Entry {
        let topic = if title.contains("steuer") { "Steuern & Zoll" } else { "Querschnitt" };
        Entry {
            id: id(n),
            seller: seller.parse().expect("a name"),
            name: format!("angebot-{n}").parse().expect("a name"),
            texts: vec![(Field::Title, title.to_owned()), (Field::Description, description.to_owned())],
            facets: vec![(Facet::Topic, topic.to_owned()), (Facet::Seller, seller.to_owned())],
            coverage: vec![area.parse().expect("an area")],
        }
    }

    fn entries() -> Vec<Entry> {
        vec![
            entry(1, "kid", "Wohngeld digital", "Antrag auf Mietzuschuss", EVERYWHERE),
            entry(2, "kid", "Führerschein umtauschen", "Für größere Städte", "15"),
            entry(3, "kitu", "Hundesteuer", "Anmeldung eines Hundes, auch bei Wohngeld", "15"),
            entry(4, "kitu", "Kraftfahrzeug abmelden", "Halter melden ein Fahrzeug ab", "05"),
            entry(5, "kitu", "Grundsteuer", "Erklärung", EVERYWHERE),
        ]
    }

    fn index() -> Index {
        let mut index = Index::default();
        entries().iter().for_each(|entry| index.put(entry));
        index.settle();
        index
    }

    fn found(index: &Index, text: &str) -> Vec<u8> {
        let found = index.find(text, &Narrowing::default(), None, 100);
        found.hits.iter().map(|hit| hit.id.0[0]).collect()
    }

    #[test]
    fn words_are_found_in_every_form_and_spelling() {
        let index = index();
        for (text, expected) in [
            ("wohngeld", vec![1, 3]),
            ("WOHN", vec![1, 3]),
            ("geld", vec![1, 3]),
            ("wohngled", vec![1, 3]),
            ("wohn geld", vec![1, 3]),
            ("Wohn\u{ad}geld", vec![1, 3]),
            ("fuehrer", vec![2]),
            ("fuhrerscheine", vec![2]),
            ("größer", vec![2]),
            ("mein hund muss angemeldet werden", vec![3]),
            ("hundeanmeldung", vec![3]),
            ("auto abmelden", vec![4]),
            ("melde mein auto ab", vec![4]),
            ("steuer", vec![3, 5]),
            ("wohngeld hund", vec![3]),
            ("wohngeld xyzzy", vec![1, 3]),
            ("xyzzy", vec![]),
            ("", vec![1, 2, 3, 4, 5]),
            (" ,;-\u{202e} \"", vec![1, 2, 3, 4, 5]),
        ] {
            assert_eq!(found(&index, text), expected, "{text}");
        }
    }

    /// What does not count is as if it were not there: a word that only it has is unknown, and takes nothing from the others.
    #[test]
    fn only_what_counts_is_found() {
        let index = index();
        let asked = |text: &str, among: &[u8]| {
            let among = Some(among.iter().map(|n| id(*n)).collect());
            index.find(text, &Narrowing { among, ..Narrowing::default() }, None, 10)
        };
        let found =
            |text: &str, among: &[u8]| asked(text, among).hits.iter().map(|hit| hit.id.0[0]).collect::<Vec<u8>>();
        assert_eq!(found("geld", &[1, 2]), [1]);
        assert_eq!(found("", &[2, 5]), [2, 5]);
        assert_eq!(found("steuer", &[5]), [5]);
        assert_eq!(
            (found("wohngeld hund", &[1]), asked("wohngeld hund", &[1]).unknown),
            (vec![1], vec!["hund".to_owned()])
        );
        assert_eq!(asked("geld", &[]).total, 0);
    }

    #[test]
    fn what_was_understood_is_said() {
        let index = index();
        let all = |text: &str| index.find(text, &Narrowing::default(), None, 10);
        let slip = all("wohngled");
        assert_eq!((slip.did_you_mean.as_deref(), slip.has_all_words), (Some("Wohngeld"), true));
        let partly = all("wohngeld xyzzy");
        assert_eq!((partly.has_all_words, partly.unknown), (false, vec!["xyzzy".to_owned()]));
        assert!(all("„“ && ||").is_empty && !all("und der die").is_empty);
        let long = "führerschein ".repeat(10_000);
        assert_eq!(all(&long).total, 1);
    }

    #[test]
    fn facets_count_without_their_own_filter() {
        let index = index();
        let narrowing = Narrowing {
            facets: BTreeMap::from([(Facet::Topic, BTreeSet::from(["steuern & zoll".to_owned()]))]),
            area: Some("150830040040".parse().expect("an area")),
            reachable: Some(BTreeSet::from(["kid".parse().expect("a name")])),
            among: None,
        };
        let found = index.find("", &narrowing, None, 10);
        let told: Vec<(&str, &str, usize)> =
            found.facets.iter().map(|told| (told.facet.word(), told.value.as_str(), told.count)).collect();
        let expected = [
            ("topic", "Querschnitt", 3),
            ("topic", "Steuern & Zoll", 2),
            ("seller", "kitu", 2),
            ("covers", "yes", 2),
            ("orderable", "no", 2),
        ];
        assert_eq!((found.total, told), (2, expected.to_vec()));
        let with = |facet: Facet, value: &str| {
            let mut more = narrowing.clone();
            more.facets.insert(facet, BTreeSet::from([value.to_owned()]));
            index.find("", &more, None, 10).total
        };
        assert_eq!((with(Facet::Seller, "kid"), with(Facet::Orderable, "no"), with(Facet::Covers, "no")), (0, 2, 0));
    }

    #[test]
    fn what_covers_the_area_comes_first_and_pages_follow_each_other() {
        let index = index();
        let narrowing = Narrowing { area: Some("150830040040".parse().expect("an area")), ..Narrowing::default() };
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let found = index.find("", &narrowing, after.as_ref(), 2);
            assert_eq!(found.total, 5);
            seen.extend(found.hits.iter().map(|hit| (hit.id.0[0], hit.covers)));
            after = found.hits.last().map(|hit| Place::of_text(&hit.place.to_text()).expect("own text"));
            assert_eq!(after, found.hits.last().map(|hit| hit.place.clone()));
            if !found.is_more {
                break;
            }
        }
        assert_eq!(seen, [(1, true), (2, true), (3, true), (5, true), (4, false)]);
        for text in ["", "2", "0zzzzzzzz", "0ffffffff", "ä"] {
            assert_eq!(Place::of_text(text).is_some(), text == "0ffffffff", "{text}");
        }
    }

    /// The same offerings, the same answers: whatever the order they came in, and whatever was there and has gone.
    #[test]
    fn the_order_of_arrival_does_not_matter() {
        let (mut backwards, all) = (Index::default(), entries());
        for entry in all.iter().rev() {
            backwards.put(entry);
            backwards.settle();
        }
        backwards.take(&id(3));
        assert_eq!(found(&backwards, "hund"), Vec::<u8>::new());
        assert_eq!(found(&backwards, "geld"), [1]);
        all.iter().for_each(|entry| backwards.put(entry));
        backwards.settle();
        let index = index();
        for text in ["geld", "steuer", "hund anmelden", "auto", ""] {
            let (one, other) = (
                index.find(text, &Narrowing::default(), None, 10),
                backwards.find(text, &Narrowing::default(), None, 10),
            );
            assert_eq!(one.hits, other.hits, "{text}");
        }
        all[1..].iter().for_each(|entry| backwards.take(&entry.id));
        backwards.settle();
        assert_eq!((backwards.len(), found(&backwards, "")), (1, vec![1]));
    }

    #[test]
    fn an_index_of_which_most_has_gone_is_worn() {
        let (mut index, entry) = (Index::default(), entries().remove(0));
        for version in 0..=WORN_ROWS_MIN {
            index.take(&entry.id);
            index.put(&entry);
            index.settle();
            assert_eq!((index.len(), index.is_worn()), (1, version + 1 > WORN_ROWS_MIN + 2), "{version}");
        }
        for _ in 0..2 {
            index.take(&entry.id);
            index.put(&entry);
        }
        assert!(index.is_worn());
    }
}
