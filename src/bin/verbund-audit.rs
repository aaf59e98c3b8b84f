//! `verbund-audit`: judges an evidence bundle offline. Contains no network stack, no async runtime and no database.
//!
//! Data on stdout, talk on stderr. Exit codes: 0 valid, 9 invalid, 10 not checkable, 2 usage, 6 no such file.
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use verbund::audit::bundle::Bundle;
use verbund::audit::compare::compare as compared;
use verbund::audit::container::bytes_of;
use verbund::audit::dossier::draft;
use verbund::audit::report::Report;
use verbund::audit::show::show as listing;
use verbund::audit::timestamp::{TOKEN_BYTES_MAX, attach, trusted};
use verbund::audit::{inspect, inspect_stamped};
use verbund::domain::characters::printable_lines;
use verbund::domain::id::StatementId;
use verbund::domain::json::shown;
use verbund::domain::reason::{Class, Lang, Reason, Refusal};
use verbund::replay::judge_folder;
use verbund::usage::refusal::error_text;
use verbund::usage::{self, Stop};

/// Prüft Nachweise einer Bestellung ohne Netz und ohne Vertrauen in einen Knoten.
#[derive(Parser)]
#[command(version, max_term_width = usage::PAGE_WIDTH, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prüft ein Prüfpaket und schreibt den Bericht auf die Standardausgabe.
    #[command(after_help = "Beispiel:\n  verbund-audit verify bestellung.asice --root sha256:2f1c…")]
    Verify {
        /// Das Prüfpaket.
        #[arg(value_name = "PRÜFPAKET")]
        bundle: PathBuf,
        /// Hash der Wurzel des Verbunds, wie in der Satzung abgedruckt; ohne ihn ist nichts besser als nicht prüfbar.
        #[arg(long, value_name = "sha256:HEX", value_parser = parsed_root)]
        root: Option<StatementId>,
        /// Zertifikate (PEM), denen Zeitstempel vertraut werden; ohne sie bleibt der Aussteller ungeprüft.
        #[arg(long, value_name = "DATEI")]
        tsa_ca: Option<PathBuf>,
        /// Sprache des Berichts.
        #[arg(long, value_enum, default_value = "de")]
        lang: Language,
        /// Form des Berichts.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Form,
    },
    /// Schreibt aus einem Prüfpaket den Entwurf des Vergabevermerks auf die Standardausgabe; immer dieselben Bytes.
    ///
    /// Ausgang wie bei `verify`: 0 gültig, 9 ungültig, 10 nicht prüfbar.
    #[command(after_help = "Beispiel:\n  verbund-audit report bestellung.asice --root sha256:2f1c… >vermerk.html")]
    Report {
        /// Das Prüfpaket.
        #[arg(value_name = "PRÜFPAKET")]
        bundle: PathBuf,
        /// Hash der Wurzel des Verbunds, wie in der Satzung abgedruckt.
        #[arg(long, value_name = "sha256:HEX", value_parser = parsed_root)]
        root: Option<StatementId>,
        /// Sprache des Vermerks.
        #[arg(long, value_enum, default_value = "de")]
        lang: Language,
        /// Form des Vermerks.
        #[arg(short, long, alias = "format", value_enum, default_value = "html")]
        output: Sheet,
    },
    /// Listet auf, was in einem Prüfpaket steht: wer, was, wann, Kennung. Prüft nichts.
    #[command(after_help = "Beispiel:\n  verbund-audit show bestellung.asice")]
    Show {
        /// Das Prüfpaket.
        #[arg(value_name = "PRÜFPAKET")]
        bundle: PathBuf,
        /// Sprache der Liste.
        #[arg(long, value_enum, default_value = "de")]
        lang: Language,
        /// Form der Liste.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Form,
    },
    /// Vergleicht zwei Prüfpakete einer Bestellung, etwa vom Besteller und vom Anbieter.
    ///
    /// Ausgang: 9, wenn sie sich widersprechen oder eines ungültig ist; 10, wenn eines nicht prüfbar ist; sonst 0.
    #[command(after_help = "Beispiel:\n  verbund-audit compare besteller.asice anbieter.asice --root sha256:2f1c…")]
    Compare {
        /// Das eine Prüfpaket, A.
        #[arg(value_name = "PRÜFPAKET_A")]
        first: PathBuf,
        /// Das andere, B.
        #[arg(value_name = "PRÜFPAKET_B")]
        second: PathBuf,
        /// Hash der Wurzel des Verbunds, wie in der Satzung abgedruckt.
        #[arg(long, value_name = "sha256:HEX", value_parser = parsed_root)]
        root: Option<StatementId>,
        /// Sprache des Vergleichs.
        #[arg(long, value_enum, default_value = "de")]
        lang: Language,
        /// Form des Vergleichs.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Form,
    },
    /// Rechnet alle Protokolle eines Knotens nach: Blätter, Prüfpunkte, Mitzeichnungen, Unterschriften, Lücken.
    ///
    /// Der Ordner wird nur gelesen. Ausgang wie bei `verify`: 0 gültig, 9 ungültig, 10 nicht prüfbar.
    #[command(after_help = "Beispiel:\n  verbund-audit log /var/lib/verbund --root sha256:2f1c…")]
    Log {
        /// Der Datenordner eines Knotens, oder eine Kopie seines Ordners `records`.
        #[arg(value_name = "ORDNER")]
        folder: PathBuf,
        /// Hash der Wurzel des Verbunds, wie in der Satzung abgedruckt.
        #[arg(long, value_name = "sha256:HEX", value_parser = parsed_root)]
        root: Option<StatementId>,
        /// Sprache des Berichts.
        #[arg(long, value_enum, default_value = "de")]
        lang: Language,
        /// Form des Berichts.
        #[arg(short, long, value_enum, default_value = "text")]
        output: Form,
    },
    /// Fügt einem Prüfpaket einen Zeitstempel nach RFC 3161 bei.
    ///
    /// Der Zeitstempel gilt META-INF/ASiCManifest.xml (SHA-256) und enthält das Zertifikat seines Ausstellers.
    #[command(after_help = STAMPING)]
    Timestamp {
        /// Das Prüfpaket.
        #[arg(value_name = "PRÜFPAKET")]
        bundle: PathBuf,
        /// Der Zeitstempel (TimeStampToken in DER).
        #[arg(long, value_name = "DATEI")]
        token: PathBuf,
        /// Wohin das Paket mit Zeitstempel geschrieben wird.
        #[arg(short, long, value_name = "DATEI")]
        out: PathBuf,
        /// Sprache der Meldungen.
        #[arg(long, value_enum, default_value = "de")]
        lang: Language,
    },
}

/// How one gets a time stamp with stock tools.
const STAMPING: &str = "Beispiel:
  unzip -p bestellung.asice META-INF/ASiCManifest.xml >verzeichnis.xml
  openssl ts -query -data verzeichnis.xml -sha256 -cert -out anfrage.tsq
  (anfrage.tsq an den Zeitstempeldienst senden, antwort.tsr erhalten)
  openssl ts -reply -in antwort.tsr -token_out -out stempel.tst
  verbund-audit timestamp bestellung.asice --token stempel.tst -o gestempelt.asice
Prüfen ohne unsere Programme, mit dem Zertifikat der ausstellenden Stelle:
  openssl ts -verify -data verzeichnis.xml -in stempel.tst -token_in -CAfile stelle.pem";

#[derive(Clone, Copy, ValueEnum)]
enum Sheet {
    Html,
    Json,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    De,
    En,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    Text,
    Json,
}

impl From<Language> for Lang {
    fn from(language: Language) -> Self {
        match language {
            Language::De => Self::De,
            Language::En => Self::En,
        }
    }
}

fn parsed_root(text: &str) -> Result<StatementId, Refusal> {
    text.strip_prefix("sha256:").unwrap_or(text).parse()
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let parsed: Arguments = match usage::parse(arguments.iter().cloned(), |command| command) {
        Ok(parsed) => parsed,
        Err(Stop::Shown) => return ExitCode::SUCCESS,
        Err(Stop::Told) => return ExitCode::from(Class::Usage.exit_code()),
        Err(Stop::Refused(refusal)) => {
            complain(&refusal, usage::lang_of(&arguments));
            return ExitCode::from(refusal.reason.class().exit_code());
        }
    };
    let (lang, done) = match parsed.command {
        Command::Verify { bundle, root, tsa_ca, lang, output } => {
            (lang, verify(&bundle, root, tsa_ca.as_deref(), lang.into(), output))
        }
        Command::Report { bundle, root, lang, output } => (lang, report(&bundle, root, lang.into(), output)),
        Command::Log { folder, root, lang, output } => {
            (lang, judge_folder(&folder, root).and_then(|report| tell(&report, lang.into(), output)))
        }
        Command::Timestamp { bundle, token, out, lang } => (lang, stamp(&bundle, &token, &out)),
        Command::Show { bundle, lang, output } => (lang, show(&bundle, lang.into(), output)),
        Command::Compare { first, second, root, lang, output } => {
            (lang, compare([&first, &second], root, lang.into(), output))
        }
    };
    let lang = lang.into();
    match done {
        Ok(code) => ExitCode::from(code),
        Err(refusal) => {
            complain(&refusal, lang);
            ExitCode::from(refusal.reason.class().exit_code())
        }
    }
}

fn verify(
    bundle: &Path,
    root: Option<StatementId>,
    tsa_ca: Option<&Path>,
    lang: Lang,
    output: Form,
) -> Result<u8, Refusal> {
    let stampers = tsa_ca.map(|file| trusted(&usage::read(file, TOKEN_BYTES_MAX)?)).transpose()?.unwrap_or_default();
    tell(&inspect_stamped(&read(bundle)?, root, &stampers).report, lang, output)
}

fn tell(report: &Report, lang: Lang, output: Form) -> Result<u8, Refusal> {
    let text = match output {
        Form::Text => report.text(lang),
        Form::Json => shown(&report.json(lang)) + "\n",
    };
    write(&text)?;
    Ok(report.ruling().exit_code())
}

fn report(bundle: &Path, root: Option<StatementId>, lang: Lang, format: Sheet) -> Result<u8, Refusal> {
    let examined = inspect(&read(bundle)?, root);
    let page = draft(&examined, lang);
    match format {
        Sheet::Html => write(&page.html())?,
        Sheet::Json => write(&(shown(&page.json()) + "\n"))?,
    }
    Ok(examined.report.ruling().exit_code())
}

fn show(bundle: &Path, lang: Lang, output: Form) -> Result<u8, Refusal> {
    let listing = listing(&Bundle::parse(&read(bundle)?)?);
    match output {
        Form::Text => write(&listing.text(lang))?,
        Form::Json => write(&format!("{:#}\n", listing.json(lang)))?,
    }
    Ok(0)
}

fn stamp(bundle: &Path, token: &Path, out: &Path) -> Result<u8, Refusal> {
    let mut stamped = Bundle::parse(&read(bundle)?)?;
    attach(&mut stamped, &usage::read(token, TOKEN_BYTES_MAX + 1)?)?;
    let refuse = |error| Refusal::new(Reason::FileUnwritable).with("file", out.display()).with("problem", error);
    std::fs::write(out, stamped.to_zip()?).map_err(refuse)?;
    Ok(0)
}

fn compare(bundles: [&Path; 2], root: Option<StatementId>, lang: Lang, output: Form) -> Result<u8, Refusal> {
    let [first, second] = [read(bundles[0])?, read(bundles[1])?];
    let found = compared([&first, &second], root)?;
    match output {
        Form::Text => write(&found.text(lang))?,
        Form::Json => write(&format!("{:#}\n", found.json(lang)))?,
    }
    Ok(found.ruling().exit_code())
}

fn write(text: &str) -> Result<(), Refusal> {
    let written = std::io::stdout().lock().write_all(text.as_bytes());
    written.map_err(|error| Refusal::new(Reason::FileUnwritable).with("problem", error))
}

fn read(path: &Path) -> Result<Vec<u8>, Refusal> {
    let refuse = |error| Refusal::new(Reason::FileUnreadable).with("file", path.display()).with("problem", error);
    std::fs::File::open(path).and_then(bytes_of).map_err(refuse)
}

/// What, why, what now, code.
fn complain(refusal: &Refusal, lang: Lang) {
    // Nobody is left to tell if stderr is gone.
    let _ = writeln!(std::io::stderr().lock(), "{}", printable_lines(&error_text(refusal, lang)));
}
