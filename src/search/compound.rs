//! Compounds: *Hundesteuer* is *Hund* and *Steuer*. A word is split only if all of its parts are known words.
use std::collections::{BTreeMap, BTreeSet};

use crate::search::text::stem;

/// Shortest part in bytes. Shorter ones (*ab*, *ver*, *ein*) begin and end words by chance.
const PART_BYTES_MIN: usize = 4;

/// Parts of three letters that are words of their own.
const SHORT_PARTS: [&str; 30] = [
    "amt", "arm", "art", "arzt", "bad", "bau", "bus", "ehe", "eid", "erb", "eis", "gas", "gut", "hof", "hol", "jagd",
    "kfz", "kur", "lkw", "mut", "not", "ohr", "pkw", "rat", "see", "tag", "tat", "tod", "weg", "zug",
];

/// What may stand between two parts. (*Hundesteuer*, *Geburtsurkunde*, *Kinderkrippe*, *Straßenbau*)
const LINKS: [&str; 8] = ["", "s", "es", "n", "en", "e", "er", "ens"];

/// Most parts of one word; the longest LeiKa names have five.
const PARTS_MAX: usize = 6;

/// Words that may be parts of others.
#[derive(Clone, Default, Debug)]
pub struct Parts {
    /// Spellings that may stand before another part, without what links them; with the stem of the word.
    beginnings: BTreeMap<String, String>,
    /// Stems of words that may end a compound.
    ends: BTreeSet<String>,
}

impl Parts {
    /// Makes a folded word known; says whether it was new.
    pub fn learn(&mut self, folded: &str) -> bool {
        if !is_part(folded) || folded.bytes().any(|b| b.is_ascii_digit()) {
            return false;
        }
        let stem = stem(folded);
        let is_new = self.ends.insert(stem.clone());
        // The root of a verb and a noun without its last vowel begin compounds as well: *Wohngeld*, *Schulamt*.
        let roots = ["en", "n", "e"].iter().filter_map(|ending| folded.strip_suffix(ending));
        for spelling in [folded, stem.as_str()].into_iter().chain(roots).filter(|spelling| is_part(spelling)) {
            self.beginnings.entry(spelling.to_owned()).or_insert_with(|| stem.clone());
        }
        is_new
    }

    /// The stems of a folded word's parts, as few as possible; none if it is no compound of known words.
    pub fn split(&self, folded: &str) -> Option<Vec<String>> {
        if !folded.is_ascii() || folded.len() < 6 {
            return None;
        }
        // From each place the fewest parts that lead to the end, longest first part preferred.
        let mut best: Vec<Option<Vec<String>>> = vec![None; folded.len()];
        for from in (0..folded.len()).rev() {
            let rest = &folded[from..];
            best[from] = if from > 0 { self.end(rest).map(|stem| vec![stem]) } else { None };
            for to in (from + 3..folded.len()).rev() {
                let Some(after) = best[to].as_ref().filter(|after| after.len() < PARTS_MAX) else { continue };
                if best[from].as_ref().is_some_and(|known| known.len() <= after.len() + 1) {
                    continue;
                }
                if let Some(stem) = self.beginning(&folded[from..to]) {
                    best[from] = Some([vec![stem], after.clone()].concat());
                }
            }
        }
        best.swap_remove(0)
    }

    /// The stem of a word that may end a compound.
    pub fn end(&self, text: &str) -> Option<String> {
        if !is_part(text) {
            return None;
        }
        let stem = stem(text);
        self.ends.contains(&stem).then_some(stem)
    }

    /// The stem of a word that may begin a compound, with what links it to the next.
    pub fn beginning(&self, text: &str) -> Option<String> {
        let stripped = LINKS.iter().filter_map(|link| text.strip_suffix(link));
        stripped.filter(|part| is_part(part)).find_map(|part| self.beginnings.get(part)).cloned()
    }
}

fn is_part(folded: &str) -> bool {
    folded.len() >= PART_BYTES_MIN || SHORT_PARTS.contains(&folded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::text::folded;

    #[test]
    fn only_words_of_known_parts_are_split() {
        let mut parts = Parts::default();
        for word in
            ["Hund", "Steuer", "wohnen", "Geld", "Geburt", "Urkunde", "Anmeldung", "Kraftfahrzeug", "Ehe", "Schule"]
        {
            parts.learn(&folded(word));
        }
        for (word, expected) in [
            ("Hundesteuer", Some(vec!["hund", "steu"])),
            ("Wohngeld", Some(vec!["wohn", "geld"])),
            ("Geburtsurkunde", Some(vec!["geburt", "urkund"])),
            ("Kraftfahrzeugsteueranmeldungen", Some(vec!["kraftfahrzeug", "steu", "anmeld"])),
            ("Eheurkunde", Some(vec!["ehe", "urkund"])),
            ("Hund", None),
            ("Steuererklärung", None),
            ("Schuldgeld", None),
            ("Geldhundx", None),
        ] {
            let expected = expected.map(|stems| stems.into_iter().map(str::to_owned).collect());
            assert_eq!(parts.split(&folded(word)).map(|found: Vec<String>| found), expected, "{word}");
        }
    }
}
