//! Floor 5: what both programs share: how a file is read, and what the command-line library says by itself, in German. In
//! English it speaks for itself, and `english` turns what the source says into English.
//!
//! Must never change what is accepted, only the words; exit codes stay: 0 after help, 2 after wrong use.
use std::ffi::OsString;
use std::io::{IsTerminal as _, Read as _, Write};
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, Error, Parser};

use crate::domain::reason::{Lang, Reason, Refusal};

pub mod english;
pub mod refusal;

use english::{english, with_german_values};

/// The page of help: clap's own, with a German word for `Usage`.
const TEMPLATE: &str = "{about-with-newline}\n\u{1b}[1m\u{1b}[4mAufruf:\u{1b}[0m {usage}\n\n{all-args}{after-help}";

/// Columns of a page of help.
pub const PAGE_WIDTH: usize = 100;

/// The heading over options that have none of their own.
const OPTIONS: &str = "Optionen";

/// What went wrong, and what to tell.
#[derive(Debug)]
pub enum Stop {
    /// Help or version was asked for and has been printed.
    Shown,
    /// Wrong use, in clap's English words, already printed.
    Told,
    /// Wrong use, to be told like every other refusal.
    Refused(Refusal),
}

/// Parses the arguments, in the language they ask for. `with_examples` adds them to the pages of help.
pub fn parse<P: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
    with_examples: fn(Command) -> Command,
) -> Result<P, Stop> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let lang = lang_of(&arguments);
    let command = with_examples(P::command());
    let command = if lang == Lang::En { english(command) } else { german(command) };
    let matches = command.try_get_matches_from(arguments).and_then(|found| P::from_arg_matches(&found));
    matches.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            show(&error, lang, std::io::stdout().lock(), std::io::stdout().is_terminal());
            Stop::Shown
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            show(&error, lang, std::io::stderr().lock(), std::io::stderr().is_terminal());
            Stop::Told
        }
        _ => Stop::Refused(Refusal::new(Reason::UsageInvalid).with("why", why(&error, lang))),
    })
}

/// Reads a file, at most so many bytes: a larger one is cut there, and whoever reads on sees that it is too large.
pub fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, Refusal> {
    let refuse = |error| Refusal::new(Reason::FileUnreadable).with("file", path.display()).with("problem", error);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(refuse)?;
    file.take(bytes_max as u64).read_to_end(&mut bytes).map_err(refuse)?;
    Ok(bytes)
}

/// Whether a program is to read the answer, before anything is parsed: it reads refusals of wrong use too.
pub fn asks_for_json(arguments: &[OsString]) -> bool {
    let words: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let apart = words.windows(2).any(|pair| matches!(pair, ["-o" | "--output", "json"]));
    apart || words.iter().any(|word| matches!(*word, "-ojson" | "-o=json" | "--output=json"))
}

/// The language asked for, before anything is parsed.
pub fn lang_of(arguments: &[OsString]) -> Lang {
    let words: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let english = words.windows(2).any(|pair| pair == ["--lang", "en"]) || words.contains(&"--lang=en");
    if english { Lang::En } else { Lang::De }
}

fn show(error: &Error, lang: Lang, mut to: impl Write, terminal: bool) {
    let text = error.render();
    let text = if terminal { text.ansi().to_string() } else { text.to_string() };
    let is_usage = |line: &str| line.contains("Aufruf:") || line.contains("Usage:");
    let text: Vec<String> =
        text.lines().map(|line| if is_usage(line) { folded(line) } else { line.to_owned() }).collect();
    let text = text.join("\n") + "\n";
    // Nobody is left to tell if the other side is gone.
    let text = if lang == Lang::De { text.replace("[OPTIONS]", "[OPTIONEN]") } else { text };
    let _ = to.write_all(text.as_bytes());
}

/// The line that sums up the usage, in as many as it needs: the library breaks every text but this one.
fn folded(line: &str) -> String {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let last = lines.last_mut().expect("begins with one");
        if !last.is_empty() && seen(last) + 1 + seen(word) > PAGE_WIDTH {
            lines.push(format!("       {word}"));
        } else {
            let space = if last.is_empty() { "" } else { " " };
            last.push_str(space);
            last.push_str(word);
        }
    }
    lines.join("\n")
}

/// How many letters of a text a terminal shows: all but those of its colours.
fn seen(text: &str) -> usize {
    let parts = text.split('\u{1b}').enumerate();
    let parts =
        parts.map(|(at, part)| if at == 0 { part } else { part.split_once('m').map_or("", |(_, part)| part) });
    parts.map(|part| part.chars().count()).sum()
}

/// The command with German headings and notes, and all commands below it.
pub fn german(command: Command) -> Command {
    let versioned = command.get_version().is_some();
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help);
    let command = command
        .help_template(TEMPLATE)
        .subcommand_value_name("BEFEHL")
        .subcommand_help_heading("Befehle")
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true)
        .mut_args(noted)
        .mut_subcommands(german)
        .arg(help.help("Diese Hilfe zeigen").help_heading(OPTIONS));
    if !versioned {
        return command;
    }
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version);
    command.arg(version.help("Die Fassung zeigen").help_heading(OPTIONS))
}

/// What clap would append in English to the help of an argument, in German.
fn noted(arg: Arg) -> Arg {
    let heading = if arg.is_positional() { "Angaben" } else { OPTIONS };
    let arg = if arg.get_help_heading().is_none() { arg.help_heading(heading) } else { arg };
    if !arg.get_action().takes_values() {
        return arg;
    }
    let arg = with_german_values(arg);
    let mut notes = Vec::new();
    let words = |words: Vec<String>| words.join(", ");
    let default = arg.get_default_values().iter().filter(|word| !word.is_empty());
    let default: Vec<String> = default.map(|word| word.to_string_lossy().into()).collect();
    if !default.is_empty() && !arg.is_hide_default_value_set() {
        notes.push(format!("ohne Angabe: {}", words(default)));
    }
    let possible = arg.get_possible_values();
    let possible: Vec<String> = possible.iter().map(|value| value.get_name().to_owned()).collect();
    if !possible.is_empty() {
        notes.push(format!("möglich: {}", words(possible)));
    }
    if let Some(variable) = arg.get_env() {
        notes.push(format!("Umgebung: {}", variable.to_string_lossy()));
    }
    let arg = arg.hide_default_value(true).hide_possible_values(true).hide_env(true);
    match (notes.is_empty(), arg.get_help().map(ToString::to_string)) {
        (false, Some(help)) => arg.help(format!("{help} [{}]", notes.join("; "))),
        _ => arg,
    }
}

/// What is wrong, in one or two sentences.
fn why(error: &Error, lang: Lang) -> String {
    if lang == Lang::En {
        return why_in_english(error);
    }
    let said = |kind| error.get(kind).map(listed).unwrap_or_default();
    let arg = said(ContextKind::InvalidArg);
    let what = match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation if said(ContextKind::InvalidValue).is_empty() => {
            format!("{arg} braucht einen Wert.")
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("«{}» ist kein Wert für {arg}.{}", said(ContextKind::InvalidValue), cause(error))
        }
        ErrorKind::UnknownArgument => format!("Die Angabe {arg} ist hier unbekannt."),
        ErrorKind::InvalidSubcommand => {
            format!("Den Befehl «{}» gibt es nicht.", said(ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingRequiredArgument => format!("Es fehlt: {arg}."),
        ErrorKind::MissingSubcommand => "Es fehlt der Befehl.".to_owned(),
        ErrorKind::ArgumentConflict if said(ContextKind::PriorArg) == arg => format!("{arg} steht zweimal da."),
        ErrorKind::ArgumentConflict => format!("{arg} und {} schließen sich aus.", said(ContextKind::PriorArg)),
        _ => "Zahl oder Form der Angaben stimmt nicht.".to_owned(),
    };
    let mut sentences = vec![what];
    let valid = [ContextKind::ValidValue, ContextKind::ValidSubcommand].map(said).concat();
    if !valid.is_empty() {
        sentences.push(format!("Möglich ist: {valid}."));
    }
    let meant = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let meant = meant.map(said).concat();
    if !meant.is_empty() {
        sentences.push(format!("Gemeint vielleicht: {meant}."));
    }
    sentences.join(" ")
}

/// The library's own sentence, without what it repeats below every refusal; a rule of ours speaks for itself.
fn why_in_english(error: &Error) -> String {
    let said = |kind| error.get(kind).map(listed).unwrap_or_default();
    let rule = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Refusal>());
    if let Some(refusal) = rule {
        let (value, arg) = (said(ContextKind::InvalidValue), said(ContextKind::InvalidArg));
        let (what, help) = (refusal.reason.text(Lang::En), refusal.reason.help(Lang::En));
        return format!("invalid value '{value}' for '{arg}': {what} {help}");
    }
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let end = ["\n\nUsage:", "\n\nFor more"].iter().filter_map(|mark| text.find(mark)).min().unwrap_or(text.len());
    text[..end].split_whitespace().collect::<Vec<&str>>().join(" ")
}

/// Why a value was not taken: the words of our own rule, or those of the library's number parser.
fn cause(error: &Error) -> String {
    let Some(source) = std::error::Error::source(error) else { return String::new() };
    match source.downcast_ref::<Refusal>() {
        Some(refusal) => format!(" {} {}", refusal.reason.text(Lang::De), refusal.reason.help(Lang::De)),
        None => {
            let text = source.to_string();
            match text.split_once(" is not in ") {
                Some((_, range)) => format!(" Zulässig ist {}.", range.replace("..=", " bis ")),
                None if text.contains("digit") || text.contains("empty string") => {
                    " Erwartet wird eine ganze Zahl.".to_owned()
                }
                None => format!(" {text}"),
            }
        }
    }
}

fn listed(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(words) => words.join(", "),
        ContextValue::None => String::new(),
        other => other.to_string(),
    }
}
