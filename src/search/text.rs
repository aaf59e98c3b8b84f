//! German text as words: what counts as one word, how a word is spelled for comparing, and its stem.
//!
//! Both sides of a search go through the same functions, so what they confuse they confuse alike. Must never depend on
//! what is in the catalogue.
use std::sync::LazyLock;

use frostem::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Longest word in characters: the longest compound of the LeiKa names has 58. What is longer is cut.
const WORD_CHARS_MAX: usize = 64;

static GERMAN: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::new(Algorithm::German));

/// One word of a text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Word {
    /// As it stands there, in Unicode NFC.
    pub shown: String,
    /// As it is compared: see [`folded`].
    pub folded: String,
}

/// The words of a text: runs of letters and digits. Text copied from printed pages is read as it looks: ligatures are
/// letters, soft hyphens and zero-width characters nothing, and a word divided at the end of a line is one word.
pub fn words(text: &str) -> Vec<Word> {
    let visible: String = text.nfkc().filter(|c| !is_invisible(*c)).collect();
    let whole = if visible.contains('\n') { joined_at_line_ends(&visible) } else { visible };
    let runs = whole.split(|c: char| !c.is_alphanumeric()).filter(|run| !run.is_empty());
    let cut = runs.map(|run| run.chars().take(WORD_CHARS_MAX).collect::<String>());
    cut.map(|shown| Word { folded: folded(&shown), shown }).collect()
}

/// Soft hyphen, zero-width characters and marks of direction, which nobody sees.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn joined_at_line_ends(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    for line in text.lines() {
        match line.trim_end().strip_suffix('-') {
            Some(begun) if begun.ends_with(char::is_alphabetic) => whole.push_str(begun),
            _ => {
                whole.push_str(line);
                whole.push('\n');
            }
        }
    }
    whole
}

/// A word in the spelling it is compared in: lower case, without accents, `ß` as `ss`, and umlauts the same however they
/// are typed (`Führer`, `Fuehrer`, `Fuhrer`). Words with digits keep their letters.
pub fn folded(word: &str) -> String {
    let lower = word.to_lowercase();
    let mut plain = String::with_capacity(lower.len());
    for c in lower.nfkd().filter(|c| !is_combining_mark(*c)) {
        if c == 'ß' { plain.push_str("ss") } else { plain.push(c) }
    }
    if plain.bytes().any(|b| b.is_ascii_digit()) { plain } else { without_written_out_umlauts(&plain) }
}

/// `ae`, `oe`, `ue` as one vowel; not the `ue` of `neue`, `Bauer`, `Quelle`.
fn without_written_out_umlauts(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    let (mut last, mut before) = (' ', ' ');
    for c in word.chars() {
        let is_umlaut =
            c == 'e' && (matches!(last, 'a' | 'o') || (last == 'u' && !matches!(before, 'a' | 'e' | 'q')));
        if !is_umlaut {
            plain.push(c);
        }
        (before, last) = (last, c);
    }
    plain
}

/// What the inflected forms of a word have in common. Takes a folded word; words with digits are their own stem.
pub fn stem(folded: &str) -> String {
    if folded.bytes().any(|b| b.is_ascii_digit()) {
        return folded.to_owned();
    }
    match verb_of(folded) {
        Some(verb) => GERMAN.stem(&verb).into(),
        None => GERMAN.stem(folded).into(),
    }
}

/// The verb of a noun whose ending the stemmer takes for part of the stem: *Änderung* ändern, *Registrierung*
/// registrieren, *Vermittlung* vermitteln.
fn verb_of(folded: &str) -> Option<String> {
    let noun = folded.strip_suffix("en").filter(|noun| noun.ends_with("ung")).unwrap_or(folded);
    let with = |ending: &str, verb: &str| {
        noun.strip_suffix(ending).filter(|root| root.len() >= 3).map(|root| format!("{root}{verb}"))
    };
    let is_vowel = |c: char| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'h' | 'l' | 'r');
    let after_consonant = |verb: &String| !verb.strip_suffix("eln").is_some_and(|root| root.ends_with(is_vowel));
    with("ierung", "ieren").or_else(|| with("erung", "ern")).or_else(|| with("lung", "eln").filter(after_consonant))
}

/// Particles that part from their verb: `melde … ab`, `abgemeldet`, `abzumelden`.
pub const PARTICLES: [&str; 22] = [
    "ab", "an", "auf", "aus", "bei", "durch", "ein", "fest", "frei", "heim", "her", "hin", "los", "mit", "nach",
    "um", "vor", "weg", "zu", "zuruck", "zusammen", "uber",
];

/// What a participle or an infinitive with `zu` may come from: `abgemeldet` and `abzumelden` give `abmeldet`, `abmelden`;
/// `geparkt` gives `parkt`. Guesses, to be tried against known words.
pub fn verb_guesses(folded: &str) -> Vec<String> {
    let mut guesses = Vec::new();
    for particle in PARTICLES {
        let Some(rest) = folded.strip_prefix(particle) else { continue };
        for infix in ["ge", "zu"] {
            if let Some(root) = rest.strip_prefix(infix).filter(|root| root.len() >= 3) {
                guesses.push(format!("{particle}{root}"));
            }
        }
    }
    guesses.extend(folded.strip_prefix("ge").filter(|root| root.len() >= 4).map(str::to_owned));
    // The stemmer leaves the `t` of *geparkt* where it is.
    let infinitives = guesses.iter().filter_map(|guess| guess.strip_suffix('t')).map(|root| format!("{root}en"));
    let infinitives: Vec<String> = infinitives.collect();
    guesses.extend(infinitives);
    guesses
}

/// Whether one slip of the keyboard lies between two words: a letter more, less or another, or two neighbours swapped.
pub fn is_one_slip(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a == b || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same..], &b[same..]);
    match a.len().cmp(&b.len()) {
        std::cmp::Ordering::Less => *a == b[1..],
        std::cmp::Ordering::Greater => a[1..] == *b,
        std::cmp::Ordering::Equal => {
            a[1..] == b[1..] || (a.len() > 1 && a[0] == b[1] && a[1] == b[0] && a[2..] == b[2..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(text: &str) -> Vec<String> {
        words(text).iter().map(|word| stem(&word.folded)).collect()
    }

    #[test]
    fn spellings_of_one_word_are_one() {
        for (text, same) in [
            ("Führerschein", "FUEHRERSCHEIN fuhrerschein Führer\u{ad}schein Fu\u{308}hrerschein Führer-\nschein"),
            ("Straße", "Strasse STRASSE straßen"),
            ("Anträge", "Antrag Antrages Antraege"),
            ("Abmeldung", "abmelden Abmeldungen"),
            ("Pflegehilfe", "Pﬂegehilfe"),
            ("Änderung", "ändern Änderungen"),
            ("Registrierung", "registrieren"),
            ("Vermittlung", "vermitteln"),
        ] {
            for other in stems(same) {
                assert_eq!(stems(text), std::slice::from_ref(&other), "{text} {other}");
            }
        }
        for (a, b) in [("Bauer", "Baur"), ("neue", "neu"), ("Quelle", "Qulle")] {
            assert_ne!(folded(a), folded(b));
        }
        assert_eq!(stems("99107023-Wohngeld, §3a"), ["99107023", "wohngeld", "3a"]);
        assert!(words(" \u{200b}\u{202e}\n-—„“ ").is_empty());
        assert_eq!(words(&"x".repeat(100_000))[0].folded.len(), WORD_CHARS_MAX);
    }

    #[test]
    fn verbs_are_guessed_from_their_forms() {
        for (form, verb) in [("abgemeldet", "abmelden"), ("abzumelden", "abmelden"), ("geparkt", "parken")] {
            let guesses: Vec<String> = verb_guesses(form).iter().map(|guess| stem(guess)).collect();
            assert!(guesses.contains(&stem(verb)), "{form} {guesses:?}");
        }
        assert!(verb_guesses("steuer").is_empty());
    }

    #[test]
    fn one_slip_is_one_slip() {
        for (typed, meant, expected) in [
            ("wohngled", "wohngeld", true),
            ("wonsitz", "wohnsitz", true),
            ("reisepas", "reisepass", true),
            ("elterngelt", "elterngeld", true),
            ("wohngeld", "wohngeld", false),
            ("geld", "held", true),
            ("geldt", "held", false),
            ("", "a", true),
            ("", "", false),
            ("ab", "ba", true),
        ] {
            assert_eq!(is_one_slip(typed, meant), expected, "{typed} {meant}");
            assert_eq!(is_one_slip(meant, typed), expected, "{meant} {typed}");
        }
    }
}
