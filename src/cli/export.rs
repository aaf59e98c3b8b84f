//! `verbund export`: the catalogue and sealed orders in other people's formats.
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::audit::container::bytes_of;
use crate::audit::inspect;
use crate::audit::report::Ruling;
use crate::audit::verify::Examined;
use crate::cli::client::{Client, parse_root};
use crate::cli::import::{of, read, working, write};
use crate::cli::options::Global;
use crate::cli::output::{Output, data};
use crate::config::offerings::read_offerings;
use crate::domain::body::Body;
use crate::domain::id::StatementId;
use crate::domain::json::shown;
use crate::domain::offering::Offering;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::exchange::contract::Contract;
use crate::exchange::findability::Portal;
use crate::exchange::{calendar, ocds, offerings as rows, sheet, ubl, xzufi};
use crate::node::ports::Clock as _;
use crate::node::system::SystemClock;
use crate::wire::pb::catalogue::v1 as pb;

/// What to export.
#[derive(Subcommand)]
pub enum Verb {
    /// Alle Angebote des Katalogs, für Portale (XZuFi) oder Tabellenprogramme
    Offerings {
        /// Format
        #[arg(long, value_enum)]
        format: Sheet,
        /// Datei, bei XZuFi Ordner
        #[arg(long, value_name = "DATEI|ORDNER")]
        out: PathBuf,
        /// Statt des Knotens: Ordner mit Angebotsdateien
        #[arg(long, value_name = "ORDNER")]
        from: Option<PathBuf>,
        /// Zeitpunkt, den XZuFi-Nachrichten nennen; jetzt, wenn nicht genannt
        #[arg(long, value_name = "ZEITPUNKT")]
        at: Option<Timestamp>,
    },
    /// Eine abgeschlossene Bestellung als OCDS-Paket, ohne Netz aus ihrem Prüfpaket
    Ocds {
        /// Prüfpaket
        bundle: PathBuf,
        /// Präfix, das die Open Contracting Partnership vergeben hat
        #[arg(long, default_value = ocds::PREFIX_UNREGISTERED, value_parser = ocds::checked_prefix)]
        prefix: String,
        /// Wohin und mit welcher Wurzel geprüft wird
        #[command(flatten)]
        how: Offline,
    },
    /// Einen Abschnitt einer abgeschlossenen Bestellung als Bestellung nach UBL 2.1 (Grundlage von XBestellung)
    Xbestellung {
        /// Prüfpaket
        bundle: PathBuf,
        /// Welcher Abschnitt, vom Besteller an gezählt
        #[arg(long, value_name = "NUMMER")]
        leg: usize,
        /// Wohin und mit welcher Wurzel geprüft wird
        #[command(flatten)]
        how: Offline,
    },
    /// Kündigungsfristen, Vertragsenden und ablaufende Nachweise als Kalender (iCalendar)
    Calendar {
        /// Prüfpakete
        #[arg(required = true)]
        bundles: Vec<PathBuf>,
        /// Wohin und mit welcher Wurzel geprüft wird
        #[command(flatten)]
        how: Offline,
    },
    /// Ist im Portal zu finden, was bestellt wurde? Vergleich mit einem XZuFi-Auszug (PVOG, BUS)
    Findability {
        /// Prüfpakete der Bestellungen
        #[arg(required = true)]
        bundles: Vec<PathBuf>,
        /// Dateien des Portals (XZuFi); mehrmals möglich
        #[arg(long, value_name = "DATEI", required = true)]
        portal: Vec<PathBuf>,
        /// Wurzel des Verbunds: sha256:…, wie in der Satzung abgedruckt
        #[arg(long, value_name = "sha256:…")]
        root: Option<String>,
    },
}

/// Where an export from bundles goes, and what it is checked against.
#[derive(clap::Args)]
pub struct Offline {
    /// Datei; sonst Standardausgabe
    #[arg(long, value_name = "DATEI")]
    out: Option<PathBuf>,
    /// Wurzel des Verbunds: sha256:…, wie in der Satzung abgedruckt; ohne sie bleibt das Paket ungeprüft
    #[arg(long, value_name = "sha256:…")]
    root: Option<String>,
}

/// The form of the catalogue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Sheet {
    /// XZuFi.
    #[value(help = "XZuFi 2.2 mit vollständigem Index")]
    Xzufi,
    /// CSV.
    #[value(help = "CSV mit Semikolon, wie deutsches Excel es öffnet")]
    Csv,
    /// XLSX.
    #[value(help = "Arbeitsmappe")]
    Xlsx,
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<ExitCode, Refusal> {
    match verb {
        Verb::Ocds { bundle, prefix, how } => how.write(global, &[bundle], |contracts| {
            let packages: Vec<Value> =
                contracts.iter().map(|one| ocds::package(one, &prefix)).collect::<Result<_, _>>()?;
            Ok(packages.iter().map(|package| shown(package) + "\n").collect::<String>().into_bytes())
        }),
        Verb::Xbestellung { bundle, leg, how } => how.write(global, &[bundle], |contracts| {
            let orders = contracts.iter().map(|contract| ubl::order(contract, leg));
            orders.collect::<Result<Vec<_>, _>>().map(|orders| orders.concat())
        }),
        Verb::Calendar { bundles, how } => {
            how.write(global, &bundles, |contracts| Ok(calendar::calendar(contracts, global.out().lang).into_bytes()))
        }
        Verb::Findability { bundles, portal, root } => findable(global, &bundles, &portal, root.as_deref()),
        Verb::Offerings { format, out, from, at } => {
            let offerings = match from {
                Some(folder) => read_offerings(&folder)?,
                None => catalogue(global).await?,
            };
            let at = at.unwrap_or_else(|| SystemClock.now());
            let files = offered(global, offerings, format, &out, at)?;
            let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            global.out().one(&json!({ "files": names }), &names.join("\n"))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Judges bundles as the audit does. One that is found wrong is refused; one that cannot be judged whole is used, and its
/// exit code says so.
fn judged(out: Output, bundles: &[PathBuf], root: Option<&str>) -> Result<(Vec<Examined>, Ruling), Refusal> {
    let root = root.map(parse_root).transpose()?;
    let mut examined = Vec::new();
    let mut worst = Ruling::Valid;
    for file in bundles {
        let one = working(out, "Prüfpaket", "bundle", || bundle_bytes(file).map(|bytes| inspect(&bytes, root)))?;
        let ruling = one.report.ruling();
        if ruling == Ruling::Invalid {
            return Err(Refusal::new(Reason::BundleNotValid).with("file", file.display()));
        }
        worst = worst.max(ruling);
        examined.push(one);
    }
    if worst == Ruling::NotCheckable {
        let de = "Nicht vollständig prüfbar; `verbund audit verify` sagt, was fehlt.";
        out.talk(out.say(de, "Not wholly checkable; `verbund audit verify` says what is missing."));
    }
    Ok((examined, worst))
}

fn contract(examined: &Examined) -> Result<Contract<'_>, Refusal> {
    let missing = || Refusal::new(Reason::EvidenceMissing).with("kind", "request");
    let attempt = examined.attempt().ok_or_else(missing)?;
    Contract::new(attempt, examined.public().collect(), |org| examined.name_of(org).map(str::to_owned))
}

impl Offline {
    fn write(
        &self,
        global: &Global,
        bundles: &[PathBuf],
        made: impl FnOnce(&[Contract]) -> Result<Vec<u8>, Refusal>,
    ) -> Result<ExitCode, Refusal> {
        let out = global.out();
        let (examined, ruling) = judged(out, bundles, self.root.as_deref())?;
        let contracts: Vec<Contract> = examined.iter().map(contract).collect::<Result<_, _>>()?;
        let bytes = made(&contracts)?;
        match &self.out {
            None => data(&String::from_utf8_lossy(&bytes))?,
            Some(file) => {
                write(file, &bytes)?;
                let name = file.display().to_string();
                out.one(&json!({ "file": name, "ruling": ruling.code() }), &name)?;
            }
        }
        Ok(ExitCode::from(ruling.exit_code()))
    }
}

/// For each service that was ordered: where the portal shows it, and under which link.
fn findable(
    global: &Global,
    bundles: &[PathBuf],
    portal: &[PathBuf],
    root: Option<&str>,
) -> Result<ExitCode, Refusal> {
    let out = global.out();
    let (examined, ruling) = judged(out, bundles, root)?;
    let mut seen = Portal::default();
    for file in portal {
        working(out, "Portal", "portal", || seen.add(&read(file)?).map_err(of(file)))?;
    }
    for finding in &seen.findings {
        out.talk(&finding.text(out.lang));
    }
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for contract in examined.iter().map(contract) {
        let contract = contract?;
        for found in seen.find(contract.offering) {
            let buyer = Value::from(contract.name(&contract.request.buyer));
            let title = Value::from(contract.offering.title.as_str());
            let state = out.say(found.state.german(), found.state.english());
            rows.push(vec![buyer, title, found.key.into(), state.into(), found.service.into(), found.link.into()]);
        }
    }
    out.rows(&FINDABLE, &rows)?;
    Ok(ExitCode::from(ruling.exit_code()))
}

const FINDABLE: [(&str, &str); 6] = [
    ("Besteller", "buyer"),
    ("Leistung", "title"),
    ("LeiKa", "leika"),
    ("Auffindbar", "findable"),
    ("Eintrag", "service"),
    ("Link", "link"),
];

fn bundle_bytes(file: &Path) -> Result<Vec<u8>, Refusal> {
    let bytes = std::fs::File::open(file).and_then(bytes_of);
    bytes.map_err(|error| Refusal::new(Reason::FileUnreadable).with("file", file.display()).with("problem", error))
}

/// Everything on offer, as it was signed. One offering that cannot be had ends the export: a list with gaps deletes elsewhere.
async fn catalogue(global: &Global) -> Result<Vec<Offering>, Refusal> {
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let (entries, _) = client.list_offerings(pb::ListOfferingsRequest::default()).await?;
    let bar = ProgressBar::new(entries.len() as u64);
    let mut offerings = Vec::new();
    for entry in entries {
        let id: StatementId = entry.id.parse()?;
        match Body::read(&client.statement(id).await?)? {
            Body::Offering(offering) => offerings.push(offering),
            _ => return Err(Refusal::new(Reason::ListIncomplete).with("id", id)),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(offerings)
}

/// Writes the offerings, sorted, and gives the files written. An index comes last, when what it names is there.
fn offered(
    global: &Global,
    mut offerings: Vec<Offering>,
    format: Sheet,
    to: &Path,
    at: Timestamp,
) -> Result<Vec<PathBuf>, Refusal> {
    offerings.sort_by(|a, b| (&a.seller, &a.name, a.version).cmp(&(&b.seller, &b.name, b.version)));
    let lang = global.out().lang;
    let head = rows::head(lang);
    let rows: Vec<Vec<Value>> = offerings.iter().map(|offering| rows::row(offering, lang)).collect();
    let bytes = match format {
        Sheet::Csv => sheet::csv(&head, rows.into_iter())?.into_bytes(),
        Sheet::Xlsx => sheet::xlsx(global.out().say("Angebote", "Offerings"), &head, &rows)?,
        Sheet::Xzufi => {
            let refuse =
                |error| Refusal::new(Reason::FileUnwritable).with("file", to.display()).with("problem", error);
            std::fs::create_dir_all(to).map_err(refuse)?;
            let mut written = Vec::new();
            for (name, bytes) in xzufi::write(&offerings, at)? {
                let file = to.join(name);
                write(&file, &bytes)?;
                written.push(file);
            }
            return Ok(written);
        }
    };
    write(to, &bytes)?;
    Ok(vec![to.to_owned()])
}
