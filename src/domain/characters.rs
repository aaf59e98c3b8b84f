//! Characters that no text of others may bring into a terminal, a table or a page: those that act, and those nobody sees.
//!
//! A line end, an escape or a change of the direction of writing acts; a zero-width or blank-looking character makes two
//! texts look like one. No text in a statement needs any of them: the character set of German administration (DIN 91379)
//! has none. Statements that hold one are refused where they are read (`domain::json`, `domain::text`); wherever text of
//! others is printed, [`printable`] shows them.
use std::fmt::Write as _;

/// First and last code point of every forbidden range, in order. The last two of every plane are forbidden as well.
const HIDING: [(u32, u32); 23] = [
    (0x00, 0x1f),         // C0 controls, line ends and the escape character among them
    (0x7f, 0x9f),         // delete and C1 controls
    (0xad, 0xad),         // soft hyphen
    (0x34f, 0x34f),       // combining grapheme joiner
    (0x61c, 0x61c),       // Arabic letter mark
    (0x115f, 0x1160),     // Hangul fillers
    (0x17b4, 0x17b5),     // Khmer inherent vowels
    (0x180b, 0x180f),     // Mongolian variation selectors
    (0x200b, 0x200f),     // zero-width characters, direction marks
    (0x2028, 0x202e),     // line and paragraph separators, direction embeddings
    (0x2060, 0x206f),     // word joiner, invisible operators, direction isolates
    (0x2800, 0x2800),     // Braille blank
    (0x3164, 0x3164),     // Hangul filler
    (0xe000, 0xf8ff),     // private use
    (0xfdd0, 0xfdef),     // noncharacters
    (0xfe00, 0xfe0f),     // variation selectors
    (0xfeff, 0xfeff),     // byte order mark
    (0xffa0, 0xffa0),     // half-width Hangul filler
    (0xfff0, 0xfffc),     // interlinear annotation, object replacement
    (0x1bca0, 0x1bca3),   // shorthand format controls
    (0x1d173, 0x1d17a),   // musical format controls
    (0xe0000, 0xe0fff),   // tags, further variation selectors
    (0xf0000, 0x10_ffff), // private use
];

/// Whether the character acts or is not seen. A line end counts; who allows lines asks for the rest.
pub fn hides(c: char) -> bool {
    let code = u32::from(c);
    let at = HIDING.partition_point(|(_, last)| *last < code);
    HIDING.get(at).is_some_and(|(first, _)| *first <= code) || code & 0xfffe == 0xfffe
}

/// Text of others for one line: what acts or is not seen is shown as its code point, `⟨U+202E⟩`.
pub fn printable(text: &str) -> String {
    shown(text, |_| false)
}

/// The same for text of several lines.
pub fn printable_lines(text: &str) -> String {
    shown(text, |c| c == '\n')
}

fn shown(text: &str, keeps: impl Fn(char) -> bool) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) && !keeps(c) {
            let _ = write!(safe, "{}", named(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// A character by its code point.
pub fn named(c: char) -> impl std::fmt::Display {
    format!("⟨U+{:04X}⟩", u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_or_is_not_seen_is_shown() {
        for (text, shown) in [
            (
                "Wohngeld \u{202e}gnubegnarebeis\u{202c}, ab 0,00 €",
                "Wohngeld ⟨U+202E⟩gnubegnarebeis⟨U+202C⟩, ab 0,00 €",
            ),
            ("\u{1b}[31mrot", "⟨U+001B⟩[31mrot"),
            ("\nabc", "⟨U+000A⟩abc"),
            ("a\u{200b}b\u{e0041}c\u{fffe}d\u{10ffff}", "a⟨U+200B⟩b⟨U+E0041⟩c⟨U+FFFE⟩d⟨U+10FFFF⟩"),
            ("Straße, „Größe“ – 3 € · § 108\u{a0}GWB → Köln", "Straße, „Größe“ – 3 € · § 108\u{a0}GWB → Köln"),
        ] {
            assert_eq!(printable(text), shown);
        }
        assert_eq!(printable_lines("a\nb\rc"), "a\nb⟨U+000D⟩c");
    }

    #[test]
    fn ranges_are_in_order_and_every_end_of_one_is_found() {
        assert!(HIDING.is_sorted_by(|a, b| a.1 < b.0) && HIDING.iter().all(|(first, last)| first <= last));
        for (first, last) in HIDING {
            assert!(char::from_u32(first).is_some_and(hides) && char::from_u32(last).is_some_and(hides), "{first:x}");
            let beside = [first.checked_sub(1), last.checked_add(1)].into_iter().flatten().filter_map(char::from_u32);
            let beside = beside.filter(|c| u32::from(*c) & 0xfffe != 0xfffe);
            let inside = |c: &char| HIDING.iter().any(|(first, last)| (*first..=*last).contains(&u32::from(*c)));
            beside.filter(|c| !inside(c)).for_each(|c| assert!(!hides(c), "{:x}", u32::from(c)));
        }
    }
}
