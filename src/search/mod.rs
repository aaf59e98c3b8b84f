//! Floor 3: finding offerings by words. A pure index over what is on offer.
//!
//! Maintained, not built for a call: it follows what has changed in the catalogue since it looked last. Must never rank by
//! anything but the words and weights shown here.
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::id::{OrgId, StatementId};
use crate::domain::offering::Offering;
use crate::protocol::catalogue::{Catalogue, OfferingVersion};

/// Most words of a query that count; more narrow nothing down.
const QUERY_WORDS_MAX: usize = 16;

/// Weights of the fields a word can be found in: who types a key means it, and a title says more than a description.
const WEIGHT_KEY: u32 = 16;
const WEIGHT_TITLE: u32 = 8;
const WEIGHT_TOPIC: u32 = 4;
const WEIGHT_DESCRIPTION: u32 = 1;

/// One offering that fits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hit {
    /// Its statement.
    pub id: StatementId,
    /// Sum over the query's words of the weight of the best field each was found in.
    pub score: u32,
}

/// Words to offerings, each with the weight of the best field the word stands in there.
#[derive(Clone, Default, Debug)]
pub struct Index {
    words: BTreeMap<String, BTreeMap<StatementId, u32>>,
    /// What is indexed, by seller and name: what takes a version out again.
    held: BTreeMap<(OrgId, OrgId), Arc<OfferingVersion>>,
    /// Position of the catalogue up to which it was followed.
    position: u64,
}

impl Index {
    /// Follows a catalogue: at the cost of what has changed since the last time. Going back is not possible: another
    /// catalogue needs another index.
    pub fn follow(&mut self, catalogue: &Catalogue) {
        for (key, offered) in catalogue.since(self.position) {
            if let Some(former) = self.held.remove(key) {
                self.remove(&former);
            }
            if let Some(row) = offered {
                self.insert(row.id, &row.offering);
                self.held.insert(key.clone(), Arc::clone(row));
            }
        }
        self.position = self.position.max(catalogue.position());
    }

    /// Whether everything of a catalogue is in it.
    pub fn is_level(&self, catalogue: &Catalogue) -> bool {
        self.position >= catalogue.position()
    }

    fn remove(&mut self, row: &OfferingVersion) {
        for (text, _) in texts(&row.offering) {
            for form in words(text).iter().flat_map(|word| forms(word)) {
                if let Some(places) = self.words.get_mut(&form) {
                    places.remove(&row.id);
                    if places.is_empty() {
                        self.words.remove(&form);
                    }
                }
            }
        }
    }

    fn insert(&mut self, id: StatementId, offering: &Offering) {
        for (text, weight) in texts(offering) {
            self.insert_text(id, text, weight);
        }
    }

    fn insert_text(&mut self, id: StatementId, text: &str, weight: u32) {
        for word in words(text) {
            for form in forms(&word) {
                let known = self.words.entry(form).or_default().entry(id).or_default();
                *known = weight.max(*known);
            }
        }
    }

    /// Offerings in which every word of the query begins a word; best first, then by id. An empty query finds all.
    pub fn find(&self, query: &str) -> Vec<Hit> {
        let mut found: BTreeMap<StatementId, u32> = self.held.values().map(|row| (row.id, 0)).collect();
        for word in words(query).into_iter().take(QUERY_WORDS_MAX) {
            let best = self.weights(&word);
            found.retain(|id, _| best.contains_key(id));
            for (id, score) in &mut found {
                *score += best[id];
            }
        }
        let mut hits: Vec<Hit> = found.into_iter().map(|(id, score)| Hit { id, score }).collect();
        hits.sort_by_key(|hit| (std::cmp::Reverse(hit.score), hit.id));
        hits
    }

    /// Per offering the weight of the best field in which a word begins so.
    fn weights(&self, word: &str) -> BTreeMap<StatementId, u32> {
        let mut best: BTreeMap<StatementId, u32> = BTreeMap::new();
        for form in forms(word) {
            for (_, places) in self.words.range(form.clone()..).take_while(|(known, _)| known.starts_with(&form)) {
                for (id, weight) in places {
                    let known = best.entry(*id).or_default();
                    *known = (*known).max(*weight);
                }
            }
        }
        best
    }
}

/// The fields in which words are looked for, each with its weight.
fn texts(offering: &Offering) -> impl Iterator<Item = (&str, u32)> {
    let keys = offering.leika.iter().map(|key| key.as_str()).chain(offering.ozg.iter().map(|ozg| ozg.as_str()));
    let texts = [
        (offering.title.as_str(), WEIGHT_TITLE),
        (offering.topic.as_str(), WEIGHT_TOPIC),
        (offering.description.as_str(), WEIGHT_DESCRIPTION),
    ];
    keys.map(|key| (key, WEIGHT_KEY)).chain(texts)
}

/// The words of a text: runs of letters and digits, in lower case.
fn words(text: &str) -> Vec<String> {
    let runs = text.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty());
    runs.map(str::to_lowercase).collect()
}

/// How a word may be typed: with umlauts written out, and with them written plainly. Words without any have one form.
fn forms(word: &str) -> Vec<String> {
    let written_out = folded(word, |umlaut| match umlaut {
        'ä' => Some("ae"),
        'ö' => Some("oe"),
        'ü' => Some("ue"),
        'ß' => Some("ss"),
        _ => None,
    });
    let plain = folded(word, |umlaut| match umlaut {
        'ä' => Some("a"),
        'ö' => Some("o"),
        'ü' => Some("u"),
        'ß' => Some("ss"),
        _ => None,
    });
    if written_out == plain { vec![plain] } else { vec![written_out, plain] }
}

fn folded(word: &str, fold: impl Fn(char) -> Option<&'static str>) -> String {
    let mut text = String::with_capacity(word.len());
    for letter in word.chars() {
        match fold(letter) {
            Some(letters) => text.push_str(letters),
            None => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::explain::fixture::offering;

    fn id(n: u8) -> StatementId {
        StatementId([n; 32])
    }

    fn catalogue() -> Vec<(StatementId, Offering)> {
        let texts = [
            ("Wohngeld digital", "Antrag auf Mietzuschuss", "Bauen & Wohnen", "99107023017000"),
            ("Führerschein umtauschen", "Für größere Städte", "Mobilität & Reisen", "99108009001000"),
            ("Hundesteuer", "Anmeldung eines Hundes, auch bei Wohngeld", "Steuern & Zoll", "99102013104000"),
        ];
        let offerings = texts.into_iter().zip(1..).map(|((title, description, topic, leika), n)| {
            let leika = vec![leika.parse().expect("a key")];
            let (title, description, topic) = (title.to_owned(), description.to_owned(), topic.to_owned());
            (id(n), Offering { title, description, topic, leika, ozg: None, ..offering() })
        });
        offerings.collect()
    }

    fn check(query: &str, expected: &[(u8, u32)]) {
        let mut offered = Catalogue::default();
        for (id, offering) in catalogue() {
            offered.put(id, Offering { name: format!("dienst-{}", id.0[0]).parse().expect("a name"), ..offering });
        }
        let mut index = Index::default();
        index.follow(&offered);
        let found: Vec<(u8, u32)> = index.find(query).iter().map(|hit| (hit.id.0[0], hit.score)).collect();
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn words_are_found_by_their_beginning_in_any_spelling() {
        check("wohngeld", &[(1, 8), (3, 1)]);
        check("WOHN", &[(1, 8), (3, 1)]);
        check("geld", &[]);
        for query in ["führer", "fuehrer", "fuhrer", "FÜHRERSCHEIN"] {
            check(query, &[(2, 8)]);
        }
        for query in ["größer", "groesser", "grosser"] {
            check(query, &[(2, 1)]);
        }
    }

    #[test]
    fn all_words_must_fit_and_their_weights_add_up() {
        check("wohngeld hund", &[(3, 9)]);
        check("wohngeld wohnen", &[(1, 12)]);
        check("wohngeld führerschein", &[]);
        check("99107", &[(1, 16)]);
        check("", &[(1, 0), (2, 0), (3, 0)]);
        check(" ,;- ", &[(1, 0), (2, 0), (3, 0)]);
    }

    #[test]
    fn an_index_that_follows_is_the_one_built_at_the_end() {
        let mut catalogue = Catalogue::default();
        let mut following = Index::default();
        let changed = |offering: &Offering, version: u32, title: &str| Offering {
            version,
            title: title.to_owned(),
            ..offering.clone()
        };
        for (number, (_, offering)) in (1..).zip(self::catalogue()) {
            let name: OrgId = format!("dienst-{number}").parse().expect("a name");
            let first = Offering { name: name.clone(), version: 1, ..offering };
            catalogue.put(id(number), first.clone());
            following.follow(&catalogue);
            catalogue.put(id(number + 10), changed(&first, 2, "Neuer Titel"));
            following.follow(&catalogue);
        }
        catalogue.take_back(&[id(11), id(2), id(12)].into());
        following.follow(&catalogue);
        let mut whole = Index::default();
        whole.follow(&catalogue);
        assert_eq!(format!("{:?}", following.words), format!("{:?}", whole.words));
        assert!(following.is_level(&catalogue) && whole.is_level(&catalogue));
        let found = |query: &str| following.find(query).iter().map(|hit| hit.id.0[0]).collect::<Vec<_>>();
        assert_eq!((found("neuer titel"), found("wohngeld digital"), found("")), (vec![13], vec![1], vec![1, 13]));
    }
}
