//! `verbund audit`: fetching the evidence of an order, and checking it without trusting the node it came from.
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use serde_json::json;

use crate::audit::bundle::Bundle;
use crate::audit::compare::compare;
use crate::audit::container::bytes_of;
use crate::audit::inspect_stamped;
use crate::audit::show::show;
use crate::audit::timestamp::{TOKEN_BYTES_MAX, attach, trusted};
use crate::cli::client::{Client, parse_root};
use crate::cli::ids;
use crate::cli::options::Global;
use crate::cli::output::Format;
use crate::domain::id::ShortId;
use crate::domain::reason::{Reason, Refusal};
use crate::replay::judge_folder;
use crate::usage;

/// What to do with evidence.
#[derive(Subcommand)]
pub enum Verb {
    /// Das Prüfpaket einer Bestellung holen
    Bundle {
        /// Bestellnummer
        order: ShortId,
        /// Wohin
        #[arg(long, value_name = "DATEI")]
        file: Option<PathBuf>,
    },
    /// Ein Prüfpaket prüfen, ohne Netz; Ausgang 0 gültig, 9 ungültig, 10 nicht vollständig prüfbar
    Verify {
        /// Prüfpaket
        bundle: PathBuf,
        /// Wurzel des Verbunds: sha256:…, wie in der Satzung abgedruckt
        #[arg(long, value_name = "sha256:…")]
        root: Option<String>,
        /// Zertifikate (PEM), denen Zeitstempel vertraut werden
        #[arg(long, value_name = "DATEI")]
        tsa_ca: Option<PathBuf>,
    },
    /// Alle Protokolle in einem Datenordner nachrechnen, ohne ihn zu ändern; Ausgang wie bei `verify`
    Log {
        /// Datenordner eines Knotens, oder eine Kopie seines Ordners `records`
        folder: PathBuf,
        /// Wurzel des Verbunds: sha256:…, wie in der Satzung abgedruckt
        #[arg(long, value_name = "sha256:…")]
        root: Option<String>,
    },
    /// Einem Prüfpaket einen Zeitstempel nach RFC 3161 über META-INF/ASiCManifest.xml beifügen
    Timestamp {
        /// Prüfpaket
        bundle: PathBuf,
        /// Zeitstempel (TimeStampToken in DER)
        #[arg(long, value_name = "DATEI")]
        token: PathBuf,
        /// Wohin das Paket mit Zeitstempel geschrieben wird
        #[arg(long, value_name = "DATEI")]
        out: PathBuf,
    },
    /// Den Entwurf des Vergabevermerks aus einem Prüfpaket schreiben, ohne Netz; mit `-o json` für Programme
    Report {
        /// Prüfpaket
        bundle: PathBuf,
        /// Wurzel des Verbunds: sha256:…, wie in der Satzung abgedruckt
        #[arg(long, value_name = "sha256:…")]
        root: Option<String>,
    },
    /// Auflisten, was in einem Prüfpaket steht, ohne es zu prüfen
    Show {
        /// Prüfpaket
        bundle: PathBuf,
    },
    /// Zwei Prüfpakete einer Bestellung vergleichen; Ausgang 9, wenn sie sich widersprechen
    Compare {
        /// Das eine Prüfpaket, A
        first: PathBuf,
        /// Das andere, B
        second: PathBuf,
        /// Wurzel des Verbunds: sha256:…, wie in der Satzung abgedruckt
        #[arg(long, value_name = "sha256:…")]
        root: Option<String>,
    },
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<ExitCode, Refusal> {
    match verb {
        Verb::Bundle { order, file } => fetch(global, &order, file).await,
        Verb::Log { folder, root } => {
            let report = judge_folder(&folder, root.as_deref().map(parse_root).transpose()?)?;
            global.out().one(&report.json(global.out().lang), &report.text(global.out().lang))?;
            Ok(ExitCode::from(report.ruling().exit_code()))
        }
        Verb::Timestamp { bundle, token, out } => {
            let mut stamped = Bundle::parse(&read(&bundle)?)?;
            attach(&mut stamped, &usage::read(&token, TOKEN_BYTES_MAX + 1)?)?;
            let refuse =
                |error| Refusal::new(Reason::FileUnwritable).with("file", out.display()).with("problem", error);
            std::fs::write(&out, stamped.to_zip()?).map_err(refuse)?;
            let file = out.display().to_string();
            global.out().one(&json!({ "file": file }), &format!("{file}\n"))?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Verify { bundle, root, tsa_ca } => {
            let root = root.as_deref().map(parse_root).transpose()?;
            let stampers = tsa_ca.map(|file| trusted(&usage::read(&file, TOKEN_BYTES_MAX)?)).transpose()?;
            let report = inspect_stamped(&read(&bundle)?, root, &stampers.unwrap_or_default()).report;
            let lang = global.out().lang;
            global.out().one(&report.json(lang), &report.text(lang))?;
            Ok(ExitCode::from(report.ruling().exit_code()))
        }
        Verb::Report { bundle, root } => {
            let root = root.as_deref().map(parse_root).transpose()?;
            let examined = crate::audit::inspect(&read(&bundle)?, root);
            let page = crate::audit::dossier::draft(&examined, global.out().lang);
            global.out().one(&page.json(), &page.html())?;
            Ok(ExitCode::from(examined.report.ruling().exit_code()))
        }
        Verb::Show { bundle } => {
            let listing = show(&Bundle::parse(&read(&bundle)?)?);
            global.out().one(&listing.json(global.out().lang), &listing.text(global.out().lang))?;
            Ok(ExitCode::SUCCESS)
        }
        Verb::Compare { first, second, root } => {
            let root = root.as_deref().map(parse_root).transpose()?;
            let found = compare([&read(&first)?, &read(&second)?], root)?;
            global.out().one(&found.json(global.out().lang), &found.text(global.out().lang))?;
            Ok(ExitCode::from(found.ruling().exit_code()))
        }
    }
}

async fn fetch(global: &Global, called: &ShortId, file: Option<PathBuf>) -> Result<ExitCode, Refusal> {
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let order = ids::order(&mut client, called).await?;
    let evidence = client.evidence(order).await?;
    let file = file.unwrap_or_else(|| PathBuf::from(format!("{order}.asice")));
    std::fs::write(&file, &evidence.bundle)
        .map_err(|error| Refusal::new(Reason::FileUnwritable).with("file", file.display()).with("problem", error))?;
    let out = global.out();
    let value = json!({
        "file": file.display().to_string(), "bytes": evidence.bundle.len(),
        "statements": evidence.statements, "unwitnessed": evidence.unwitnessed,
        "witnesses": evidence.witnesses.value(),
    });
    out.one(&value, &file.display().to_string())?;
    if out.format == Format::Table {
        out.talk(&format!(
            "{}: {}, {}: {}; {}: {}",
            out.say("Erklärungen", "Statements"),
            evidence.statements,
            out.say("noch nicht bezeugt", "not yet witnessed"),
            evidence.unwitnessed,
            out.say("wenigste Zeugen", "fewest witnesses"),
            evidence.witnesses.text(out),
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads at most one byte more than a bundle may have: enough to see that it is too large.
fn read(bundle: &Path) -> Result<Vec<u8>, Refusal> {
    let bytes = std::fs::File::open(bundle).and_then(bytes_of);
    bytes.map_err(|error| Refusal::new(Reason::FileUnreadable).with("file", bundle.display()).with("problem", error))
}
