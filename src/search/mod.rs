//! Floor 3: finding offerings by words. A pure index over what is on offer.
//!
//! Built anew for each call, which is quick up to some thousand offerings; beyond [`INDEX_OFFERINGS_MAX`] the search
//! looks at the first ones only and says so. Must never rank by anything but the words and weights shown here.
use std::collections::BTreeMap;

use crate::domain::id::{OrgId, StatementId};
use crate::domain::offering::Offering;
use crate::domain::register::Area;

/// Most offerings indexed for one call: about 50 milliseconds of work. The EfA catalogue has a few hundred.
pub const INDEX_OFFERINGS_MAX: usize = 10_000;

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
    all: Vec<StatementId>,
    /// Whether every offering was taken in.
    pub complete: bool,
}

impl Index {
    /// Indexes offerings.
    pub fn new<'a>(offerings: impl IntoIterator<Item = (StatementId, &'a Offering)>) -> Self {
        let mut index = Self { complete: true, ..Self::default() };
        for (id, offering) in offerings {
            if index.all.len() == INDEX_OFFERINGS_MAX {
                index.complete = false;
                break;
            }
            index.insert(id, offering);
        }
        index
    }

    fn insert(&mut self, id: StatementId, offering: &Offering) {
        self.all.push(id);
        let keys = offering.leika.iter().map(|key| key.as_str()).chain(offering.ozg.iter().map(|ozg| ozg.as_str()));
        for key in keys {
            self.insert_text(id, key, WEIGHT_KEY);
        }
        self.insert_text(id, &offering.title, WEIGHT_TITLE);
        self.insert_text(id, &offering.topic, WEIGHT_TOPIC);
        self.insert_text(id, &offering.description, WEIGHT_DESCRIPTION);
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
        let mut found: BTreeMap<StatementId, u32> = self.all.iter().map(|id| (*id, 0)).collect();
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

/// What an offering must be to be listed; what is absent does not matter.
#[derive(Clone, Default, Debug)]
pub struct Filter {
    /// *Themenfeld*, upper and lower case alike.
    pub topic: Option<String>,
    /// Developing Land.
    pub land: Option<String>,
    /// Seller.
    pub seller: Option<OrgId>,
    /// A place where it may be used.
    pub area: Option<Area>,
}

impl Filter {
    /// Whether an offering fits.
    pub fn admits(&self, offering: &Offering) -> bool {
        let same = |wanted: &str, found: &str| wanted.to_lowercase() == found.to_lowercase();
        let land = offering.lead_land.as_deref().unwrap_or_default();
        self.topic.as_ref().is_none_or(|topic| same(topic, &offering.topic))
            && self.land.as_ref().is_none_or(|wanted| same(wanted, land))
            && self.seller.as_ref().is_none_or(|seller| *seller == offering.seller)
            && self.area.as_ref().is_none_or(|area| offering.covers(area))
    }
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
        let catalogue = catalogue();
        let index = Index::new(catalogue.iter().map(|(id, offering)| (*id, offering)));
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
    fn filters_are_joined_by_and() {
        let one = offering();
        let topic = |topic: &str| Filter { topic: Some(topic.to_owned()), ..Filter::default() };
        assert!(Filter::default().admits(&one));
        assert!(topic("bauen & wohnen").admits(&one));
        assert!(!topic("Steuern").admits(&one));
        let here = Filter { area: Some("150830040040".parse().expect("an area")), ..topic("Bauen & Wohnen") };
        assert!(here.admits(&one));
        assert!(!Filter { land: Some("ST".to_owned()), ..here.clone() }.admits(&one));
        assert!(!Filter { seller: Some("kitu".parse().expect("a name")), ..here }.admits(&one));
    }
}
