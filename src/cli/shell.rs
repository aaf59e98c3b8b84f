//! `verbund completions` and `verbund man`: what a shell and `man` know of the commands, from the same description that parses
//! them.
use std::path::PathBuf;

use clap::Command;
use clap_complete::Shell;

use crate::cli::options::{Global, LangArgument};
use crate::cli::output::data;
use crate::domain::reason::{Reason, Refusal};
use crate::usage::english::english;
use crate::usage::german;

/// For which shell.
#[derive(clap::Args)]
pub struct Completions {
    /// Die Shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Where the pages go.
#[derive(clap::Args)]
pub struct Pages {
    /// Ordner, in den eine Seite je Befehl kommt; ohne ihn geht die Seite des Programms auf die Standardausgabe
    #[arg(long, value_name = "ORDNER")]
    out: Option<PathBuf>,
}

/// Headings of a page that the library writes in English.
const HEADINGS: [(&str, &str); 8] = [
    ("NAME", "BEZEICHNUNG"),
    ("SYNOPSIS", "ÜBERSICHT"),
    ("DESCRIPTION", "BESCHREIBUNG"),
    ("OPTIONS", "OPTIONEN"),
    ("SUBCOMMANDS", "BEFEHLE"),
    ("EXTRA", "BEISPIELE"),
    ("VERSION", "FASSUNG"),
    ("AUTHORS", "VERFASSER"),
];

/// Prints what a shell completes.
pub fn completions(global: &Global, command: Command, wanted: &Completions) -> Result<(), Refusal> {
    let mut script = Vec::new();
    clap_complete::generate(wanted.shell, &mut spoken(global, command), "verbund", &mut script);
    data(&String::from_utf8_lossy(&script))
}

/// Prints or writes the pages of the manual.
pub fn pages(global: &Global, command: Command, wanted: &Pages) -> Result<(), Refusal> {
    let mut command = spoken(global, command);
    command.build();
    let Some(folder) = &wanted.out else { return data(&page(global, &command)?) };
    let refuse = |file: &std::path::Path, error: std::io::Error| {
        Refusal::new(Reason::FileUnwritable).with("file", file.display()).with("problem", error)
    };
    std::fs::create_dir_all(folder).map_err(|error| refuse(folder, error))?;
    for command in all(&command) {
        let file = folder.join(format!("{}.1", command.get_display_name().unwrap_or_else(|| command.get_name())));
        std::fs::write(&file, page(global, command)?).map_err(|error| refuse(&file, error))?;
    }
    data(&format!("{}\n", folder.display()))
}

fn spoken(global: &Global, command: Command) -> Command {
    match global.lang {
        LangArgument::De => german(command),
        LangArgument::En => english(command),
    }
}

/// A command and all below it.
fn all(command: &Command) -> Vec<&Command> {
    std::iter::once(command).chain(command.get_subcommands().flat_map(all)).collect()
}

fn page(global: &Global, command: &Command) -> Result<String, Refusal> {
    let mut roff = Vec::new();
    let written = clap_mangen::Man::new(command.clone()).render(&mut roff);
    written.map_err(|error| Refusal::new(Reason::Bug).with("problem", error))?;
    let text = String::from_utf8_lossy(&roff).into_owned();
    if global.lang == LangArgument::En {
        return Ok(text);
    }
    let line = |line: &str| match line.strip_prefix(".SH ") {
        Some(heading) => {
            let known = HEADINGS.iter().find(|(english, _)| *english == heading.trim_matches('"'));
            format!(".SH \"{}\"\n", known.map_or(heading, |(_, german)| german))
        }
        None => format!("{line}\n"),
    };
    Ok(text.lines().map(line).collect())
}
