//! `verbund import`: registers and other people's offerings, checked row by row. Nothing is published from here.
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::cli::options::Global;
use crate::cli::output::Output;
use crate::config::organisations::read_organisations;
use crate::domain::id::OrgId;
use crate::domain::offering::Offering;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::Area;
use crate::domain::time::{Date, parse_date};
use crate::exchange::finding::{Fate, Finding, Import};
use crate::exchange::gv100::Edition;
use crate::exchange::offerings::{self as rows, Given, Known};
use crate::exchange::source::FILE_BYTES_MAX;
use crate::exchange::succession::Change;
use crate::exchange::{gv100, leika, sheet, succession, xzufi};
use crate::usage;

/// What to import.
#[derive(Subcommand)]
pub enum Verb {
    /// Die Liste der LeiKa- und OZG-Leistungen (CSV) prüfen
    Leika {
        /// Liste (CSV)
        file: PathBuf,
        /// Wohin die geprüften Zeilen geschrieben werden (CSV)
        #[arg(long, value_name = "DATEI")]
        out: Option<PathBuf>,
    },
    /// Das Gemeindeverzeichnis GV100AD (Rohdatei) prüfen und mit einem älteren Stand vergleichen
    Gv100(Municipalities),
    /// Angebote aus CSV oder XZuFi 2.2 in Dateien wandeln, die `offering publish` nimmt
    Offerings(Foreign),
}

/// Files of offerings, and what they cannot say.
#[derive(clap::Args)]
pub struct Foreign {
    /// Dateien (CSV oder XZuFi)
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Ordner für die Angebotsdateien; vorhandene bleiben, wie sie sind
    #[arg(long, value_name = "ORDNER")]
    out: PathBuf,
    /// Anbieter, wo die Datei keinen nennt
    #[arg(long, value_name = "ORG")]
    seller: Option<OrgId>,
    /// Themenfeld, wo die Datei keines nennt
    #[arg(long)]
    topic: Option<String>,
    /// Gebiet (Regionalschlüssel oder *), wo die Datei keines nennt; mehrere durch Komma getrennt
    #[arg(long, value_delimiter = ',', value_name = "ARS")]
    area: Vec<Area>,
    /// Mindestlaufzeit in Jahren, wo die Datei keine nennt
    #[arg(long, value_name = "JAHRE")]
    term_years: Option<u32>,
    /// Erster Tag, wo die Datei keinen nennt
    #[arg(long, value_name = "JJJJ-MM-TT", value_parser = parse_date)]
    valid_from: Option<Date>,
    /// Quelle, wo die Datei keine nennt
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
}

/// Files of the register of municipalities.
#[derive(clap::Args)]
pub struct Municipalities {
    /// Rohdatei GV100AD_TTMMJJJJ.txt
    file: PathBuf,
    /// Älterer Stand; was sich geändert hat, wird gezeigt und wird zu Vorschlägen für Nachfolgen
    #[arg(long, value_name = "DATEI")]
    before: Option<PathBuf>,
    /// Amtliche Liste der Namens-, Grenz- und Schlüsseländerungen (CSV): wer worin aufging und wann
    #[arg(long, value_name = "DATEI", requires = "before")]
    changes: Option<PathBuf>,
    /// organisations.toml mit den Regionalschlüsseln der Mitglieder; mehrmals möglich
    #[arg(long, value_name = "DATEI", requires = "before")]
    organisations: Vec<PathBuf>,
    /// Wohin die geprüften Zeilen geschrieben werden (CSV)
    #[arg(long, value_name = "DATEI")]
    out: Option<PathBuf>,
}

/// How often the bar turns.
const TICK: Duration = Duration::from_millis(100);

/// Runs the verb.
pub fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    match verb {
        Verb::Leika { file, out } => services(global, &file, out.as_deref()),
        Verb::Gv100(files) => municipalities(global, &files),
        Verb::Offerings(foreign) => offerings(global, &foreign),
    }
}

fn offerings(global: &Global, foreign: &Foreign) -> Result<(), Refusal> {
    let out = global.out();
    let given = Given {
        seller: foreign.seller.clone(),
        topic: foreign.topic.clone(),
        coverage: foreign.area.clone(),
        term_years_min: foreign.term_years,
        valid_from: foreign.valid_from,
        source: foreign.source.clone(),
    };
    let mut seen = Known::new();
    let (mut lines, mut told, mut written) = (Vec::new(), Vec::new(), Vec::new());
    for file in &foreign.files {
        // A file that is no table and no XML is told like a bad record: the others are read.
        let import =
            working(out, "Angebote", "offerings", || one_of(&read(file)?, &given, &mut seen)).map_err(of(file));
        let import = match import {
            Ok(import) => import,
            Err(refusal) if refusal.reason == Reason::FileUnreadable => return Err(refusal),
            Err(refusal) => {
                let finding = Finding { line: 1, field: String::new(), refusal, fate: Fate::RecordLeftOut };
                Import { taken: Vec::new(), findings: vec![finding], records: 1 }
            }
        };
        for offering in &import.taken {
            let to = foreign.out.join(rows::file_name(offering));
            write_beside(&foreign.out, &to, rows::file(offering)?.as_bytes())?;
            written.push(to.display().to_string());
        }
        let name = file.display();
        lines.extend(import.findings.iter().map(|finding| format!("{name}: {}", finding.text(out.lang))));
        lines.push(format!("{name}: {}", counts(out, &import)));
        told.push(json!({
            "file": name.to_string(), "records": import.records, "taken": import.taken.len(),
            "findings": import.findings.iter().map(Finding::json).collect::<Vec<_>>(),
        }));
    }
    out.one(&json!({ "files": told, "written": written }), &lines.join("\n"))
}

/// XML begins with an angle bracket, tables do not.
fn one_of(bytes: &[u8], given: &Given, seen: &mut Known) -> Result<Import<Offering>, Refusal> {
    let begins = bytes
        .iter()
        .find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf | 0xff | 0xfe | 0));
    match begins {
        Some(b'<') => xzufi::read(bytes, given, seen),
        _ => rows::read(bytes, given, seen),
    }
}

/// Writes a new file into a folder; the same content may be there already, another one is never replaced.
fn write_beside(folder: &Path, file: &Path, bytes: &[u8]) -> Result<(), Refusal> {
    let refuse = |error| Refusal::new(Reason::FileUnwritable).with("file", file.display()).with("problem", error);
    std::fs::create_dir_all(folder).map_err(refuse)?;
    match std::fs::read(file) {
        Ok(there) if there == bytes => Ok(()),
        Ok(_) => Err(Refusal::new(Reason::FileUnwritable)
            .with("file", file.display())
            .with("problem", "exists, with other content")),
        Err(_) => write(file, bytes),
    }
}

fn counts<T>(out: Output, import: &Import<T>) -> String {
    format!(
        "{}: {}, {}: {}, {}: {}",
        out.say("Datensätze", "Records"),
        import.records,
        out.say("übernommen", "taken"),
        import.taken.len(),
        out.say("Befunde", "findings"),
        import.findings.len(),
    )
}

fn services(global: &Global, file: &Path, to: Option<&Path>) -> Result<(), Refusal> {
    let import = working(global.out(), "Leistungen", "services", || leika::read(&read(file)?).map_err(of(file)))?;
    if let Some(to) = to {
        let rows = import.taken.iter().map(leika::Service::cells);
        write(to, sheet::csv(&leika::CHECKED, rows)?.as_bytes())?;
    }
    let rows: Vec<Value> = import.taken.iter().map(leika::Service::json).collect();
    tell(global.out(), &import, json!({ "services": rows }), &[])
}

fn municipalities(global: &Global, files: &Municipalities) -> Result<(), Refusal> {
    let out = global.out();
    let edition =
        |file: &Path| working(out, "Gemeinden", "municipalities", || gv100::read(&read(file)?).map_err(of(file)));
    let now = edition(&files.file)?;
    if let Some(to) = &files.out {
        let rows = now.municipalities.taken.iter().map(gv100::Municipality::cells);
        write(to, sheet::csv(&gv100::CHECKED, rows)?.as_bytes())?;
    }
    let mut lines = Vec::new();
    let mut rest = json!({ "day": now.day });
    if let Some(before) = &files.before {
        let changed = compared(out, &edition(before)?, &now, files)?;
        lines.extend(changed.lines);
        rest["changes"] = changed.changes;
        rest["proposals"] = changed.proposals;
    }
    let rows = now.municipalities.taken.iter().map(gv100::Municipality::json);
    rest["municipalities"] = rows.collect();
    tell(out, &now.municipalities, rest, &lines)
}

struct Compared {
    lines: Vec<String>,
    changes: Value,
    proposals: Value,
}

/// What changed since the edition before, and what trustees may make of it.
fn compared(out: Output, before: &Edition, now: &Edition, files: &Municipalities) -> Result<Compared, Refusal> {
    let list = match &files.changes {
        Some(file) => Some(succession::official(&read(file)?).map_err(of(file))?),
        None => None,
    };
    let mut members: Vec<(Area, OrgId)> = Vec::new();
    for file in &files.organisations {
        let organisations = read_organisations(file)?.organisations;
        members.extend(organisations.into_iter().filter_map(|org| Some((org.ars?, org.id))));
    }
    let official = list.as_ref().map_or(&[][..], |list| &list.taken);
    let changes = succession::changes(before, now, official)?;
    let mut lines: Vec<String> = changes.iter().map(|change| change.text(out.lang)).collect();
    let faults = list.iter().flat_map(|list| &list.findings);
    lines.extend(
        faults
            .map(|finding| format!("{} {}", out.say("Änderungsliste:", "List of changes:"), finding.text(out.lang))),
    );
    let proposals: Vec<Value> = changes.iter().filter_map(|change| proposal(change, &members)).collect();
    if !proposals.is_empty() {
        lines.extend([
            String::new(),
            out.say(
                "Vorschläge für die Treuhänder, vor dem Unterschreiben prüfen:",
                "Proposals for the trustees, check before signing:",
            )
            .to_owned(),
        ]);
        lines.extend(proposals.iter().filter_map(|proposal| proposal["command"].as_str().map(str::to_owned)));
    }
    Ok(Compared { lines, changes: changes.iter().map(Change::json).collect(), proposals: proposals.into() })
}

/// What to run for a municipality that is a member and is succeeded by another one. Only checked names, digits and days
/// stand in the command.
fn proposal(change: &Change, members: &[(Area, OrgId)]) -> Option<Value> {
    let Change::Ended { was, into: Some(into) } = change else { return None };
    let member = |ars: &Area| members.iter().find(|(area, _)| area == ars).map(|(_, org)| org);
    let (predecessor, successor) = (member(&was.ars)?, member(&into.ars));
    let source = match into.official {
        true => format!("Amtliche Gebietsänderung, AGS {}", was.ags),
        false => format!("GV100AD, AGS {}, aus den Flächen geschlossen", was.ags),
    };
    let who = successor.map_or_else(|| format!("<{}>", into.ars), ToString::to_string);
    let command = format!(
        "verbund org succeed --predecessor {predecessor} --successor '{who}' --on {} --source '{source}'",
        into.on
    );
    Some(json!({
        "predecessor": predecessor, "successor": successor, "successor_ars": into.ars, "on": into.on,
        "official": into.official, "source": source, "command": command,
    }))
}

/// Tells what was taken, every finding, and what else there is to say.
fn tell<T>(out: Output, import: &Import<T>, mut rest: Value, more: &[String]) -> Result<(), Refusal> {
    rest["records"] = import.records.into();
    rest["taken"] = import.taken.len().into();
    rest["findings"] = import.findings.iter().map(Finding::json).collect();
    let mut lines: Vec<String> = import.findings.iter().map(|finding| finding.text(out.lang)).collect();
    lines.push(counts(out, import));
    lines.extend_from_slice(more);
    out.one(&rest, &lines.join("\n"))
}

/// Shows on a terminal that work goes on.
pub fn working<T>(out: Output, de: &'static str, en: &'static str, work: impl FnOnce() -> T) -> T {
    let bar = ProgressBar::new_spinner().with_message(out.say(de, en));
    bar.enable_steady_tick(TICK);
    let done = work();
    bar.finish_and_clear();
    done
}

/// A file from elsewhere, at most one byte more than is read.
pub fn read(file: &Path) -> Result<Vec<u8>, Refusal> {
    usage::read(file, FILE_BYTES_MAX + 1)
}

/// A refusal that names the file.
pub fn of(file: &Path) -> impl Fn(Refusal) -> Refusal + '_ {
    |refusal| refusal.with("file", file.display())
}

/// Writes a file.
pub fn write(file: &Path, bytes: &[u8]) -> Result<(), Refusal> {
    let refuse = |error| Refusal::new(Reason::FileUnwritable).with("file", file.display()).with("problem", error);
    std::fs::write(file, bytes).map_err(refuse)
}
