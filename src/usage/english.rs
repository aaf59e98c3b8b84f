//! Floor 5: the pages of help in English: what the source says in German, by a table that a test keeps complete.
//!
//! A text that the table does not hold stays German: a missing word must never hide a command.
use std::collections::BTreeMap;
use std::sync::LazyLock;

use clap::builder::StyledStr;
use clap::{Arg, Command};

/// German text and English text in turns, a line each; `\n` stands for the end of a line within a text.
const TABLE: &str = include_str!("help.en.txt");

/// What begins the line of an English text.
const ENGLISH: &str = "= ";

/// Words that stand for a value, German and English. The left ones are used on German pages, the right ones on English.
const VALUES: &[(&str, &str)] = &[
    ("AMT", "OFFICER"),
    ("ANGEBOT", "OFFERING"),
    ("ANZAHL", "COUNT"),
    ("ART", "KIND"),
    ("AUFTRAG", "AWARD"),
    ("AUSGABE", "OUTPUT"),
    ("BEDARF", "NEED"),
    ("BEFEHL", "COMMAND"),
    ("BESTELLUNG", "ORDER"),
    ("DATEI", "FILE"),
    ("DATEIEN", "FILES"),
    ("DIENST", "SERVICE"),
    ("ERGEBNIS", "RESULT"),
    ("ERKLÄRUNG", "STATEMENT"),
    ("ERSTES", "FIRST"),
    ("FINGERABDRUCK", "FINGERPRINT"),
    ("GEBIET", "AREA"),
    ("GERÄT", "DEVICE"),
    ("GRUND", "REASON"),
    ("JA", "YES"),
    ("JAHRE", "YEARS"),
    ("JJJJ", "YYYY"),
    ("KENNUNG", "ID"),
    ("KNOTEN", "NODE"),
    ("MERKMAL", "FACET"),
    ("NACHHER", "AFTER"),
    ("NEIN", "NO"),
    ("NOTIZ", "NOTE"),
    ("NUMMER", "NUMBER"),
    ("ORDNER", "FOLDER"),
    ("ORGANISATION", "ORGANISATION"),
    ("PRÜFPAKET", "BUNDLE"),
    ("PRÜFPAKETE", "BUNDLES"),
    ("PRÜFPAKET_A", "BUNDLE_A"),
    ("PRÜFPAKET_B", "BUNDLE_B"),
    ("QUELLE", "SOURCE"),
    ("RECHTSFORM", "LEGAL_FORM"),
    ("ROLLE", "ROLE"),
    ("SCHLÜSSEL", "KEY"),
    ("SCHRITT", "STEP"),
    ("SEKUNDEN", "SECONDS"),
    ("SPRACHE", "LANG"),
    ("STELLE", "POSITION"),
    ("TAGE", "DAYS"),
    ("TAGE", "QUOTE_DAYS"),
    ("TAGE", "SEAL_DAYS"),
    ("THEMENFELD", "TOPIC"),
    ("TT", "DD"),
    ("VERKÄUFER", "SELLER"),
    ("VOLLMACHT", "MANDATE"),
    ("VORHER", "BEFORE"),
    ("VORSCHLAG", "PROPOSAL"),
    ("WAHL", "WHICH"),
    ("WEG", "ROUTE"),
    ("WERT", "VALUE"),
    ("ZAHL", "NUMBER"),
    ("ZEICHEN", "PREFIX"),
    ("ZEICHEN", "REFERENCE"),
    ("ZEITPUNKT", "TIME"),
    ("ZWEITES", "SECOND"),
];

static TEXTS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let whole = |line: &str| line.replace("\\n", "\n");
    let lines: Vec<&str> = TABLE.lines().filter(|line| !line.is_empty()).collect();
    let pairs = lines.windows(2).filter_map(|pair| Some((whole(pair[0]), whole(pair[1].strip_prefix(ENGLISH)?))));
    pairs.collect()
});

/// What a command and all below it say that the table does not hold.
pub fn untold(command: &Command) -> Vec<String> {
    let of_arg = |arg: &Arg| {
        let heading = arg.get_help_heading().map(str::to_owned);
        [arg.get_help().map(ToString::to_string), arg.get_long_help().map(ToString::to_string), heading]
    };
    let own = [command.get_about(), command.get_long_about()];
    let own = own.into_iter().map(|text| text.map(ToString::to_string));
    let texts = own.chain(command.get_arguments().flat_map(of_arg)).flatten();
    let missing = texts.filter(|text| !TEXTS.contains_key(text));
    missing.chain(command.get_subcommands().flat_map(untold)).collect()
}

/// The command with English texts, and all commands below it.
pub fn english(mut command: Command) -> Command {
    if let Some(about) = command.get_about().map(said) {
        command = command.about(about);
    }
    if let Some(about) = command.get_long_about().map(said) {
        command = command.long_about(about);
    }
    if let Some(after) = command.get_after_help().map(ToString::to_string) {
        // Commands are the same in every language; a few pages say something between them.
        let same = || after.replacen("Beispiele:", "Examples:", 1).replacen("Beispiel:", "Example:", 1);
        let after = TEXTS.get(&after).cloned().unwrap_or_else(same);
        command = command.after_help(after);
    }
    command.mut_args(argument).mut_subcommands(english)
}

fn argument(mut arg: Arg) -> Arg {
    if let Some(help) = arg.get_help().map(said) {
        arg = arg.help(help);
    }
    if let Some(help) = arg.get_long_help().map(said) {
        arg = arg.long_help(help);
    }
    // What the source says about single values is German, and German pages do not show it either.
    let values: Vec<String> = arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if let Some(help) = arg.get_help().filter(|_| arg.get_action().takes_values() && !values.is_empty()) {
        let help = format!("{help} [possible values: {}]", values.join(", "));
        arg = arg.help(help).hide_possible_values(true);
    }
    if let Some(heading) = arg.get_help_heading().map(in_english) {
        arg = arg.help_heading(heading);
    }
    named(arg, |word| VALUES.iter().find(|(german, _)| *german == word).map(|(_, english)| *english))
}

/// The argument with German words for its values, where the source names none.
pub fn with_german_values(arg: Arg) -> Arg {
    named(arg, |word| VALUES.iter().find(|(_, english)| *english == word).map(|(german, _)| *german))
}

/// The argument whose values are called otherwise: each word of `ORG=ZAHL` by itself.
fn named(arg: Arg, other: impl Fn(&str) -> Option<&'static str>) -> Arg {
    let id = arg.get_id().as_str().to_uppercase();
    let names: Vec<String> = match arg.get_value_names() {
        Some(names) => names.iter().map(ToString::to_string).collect(),
        None if arg.get_action().takes_values() => vec![id],
        None => return arg,
    };
    let changed = |name: &String| {
        let mut text = String::new();
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let mut rest = name.as_str();
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|letter| is_word(letter) != is_word(first)).unwrap_or(rest.len());
            let (word, others) = rest.split_at(end);
            text.push_str(other(word).unwrap_or(word));
            rest = others;
        }
        text
    };
    let names: Vec<String> = names.iter().map(changed).collect();
    arg.value_names(names)
}

fn said(text: &StyledStr) -> String {
    in_english(&text.to_string())
}

fn in_english(text: &str) -> String {
    TEXTS.get(text).cloned().unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_pairs_of_lines_in_order_of_the_german() {
        let lines: Vec<&str> = TABLE.lines().filter(|line| !line.is_empty()).collect();
        for pair in lines.chunks(2) {
            assert!(!pair[0].starts_with(ENGLISH) && pair[1].starts_with(ENGLISH), "{pair:?}");
        }
        let german: Vec<&str> = lines.iter().step_by(2).copied().collect();
        assert!(german.is_sorted_by(|one, other| one < other), "sorted, and each text once");
    }
}
