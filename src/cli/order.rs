//! `verbund order`: ordering, deciding, sealing, cancelling, watching. The officer's key signs here and never leaves
//! this machine.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use serde_json::json;

use crate::cli::client::{Client, Days, fresh_salt};
use crate::cli::feed::Following;
use crate::cli::grounds::{ForRecord, gather};
use crate::cli::names;
use crate::cli::options::Global;
use crate::cli::order::acts::hand_in;
use crate::cli::order::wish::{DAY_MS, RequestTerms, Wish, considered};
use crate::cli::output::Output;
use crate::domain::id::{OrgId, ShortId};
use crate::domain::money::Cents;
use crate::domain::order::{Amendment, AutoSeal, Mode, VoidReason};
use crate::domain::price::Quantities;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::parse_date;

pub mod acts;
pub mod after;
pub mod again;
pub mod erase;
pub mod feed;
pub mod gathered;
pub mod inbox;
pub mod rollout;
pub mod settle;
pub mod show;
pub mod sight;
pub mod warnings;
pub mod wish;

/// What to do with orders.
#[derive(Subcommand)]
pub enum Verb {
    /// Bestellen: Anfrage unterschreiben und abgeben
    Submit(Box<Submission>),
    /// Entwurf: die Anfrage prüfen und unterschriftsreif in eine Datei legen
    Draft {
        /// Datei für den Entwurf
        #[arg(long, value_name = "DATEI")]
        file: PathBuf,
        /// What to order.
        #[command(flatten)]
        submission: Box<Submission>,
    },
    /// Einen Entwurf unterschreiben und abgeben
    Send {
        /// Datei mit dem Entwurf
        file: PathBuf,
    },
    /// Bestellungen der eigenen Organisation, zuletzt Geändertes zuerst
    List,
    /// Was auf Sie wartet, das Älteste zuerst, mit Frist und Befehl
    Inbox,
    /// Bestellungen, die länger warten als vereinbart
    Stuck,
    /// Eine Bestellung mit allen Erklärungen
    Show {
        /// Bestellnummer
        order: ShortId,
    },
    /// Freigeben: als zweite Person oder als entscheidende Stelle
    Approve {
        /// Bestellnummer
        order: ShortId,
        /// Begründung
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Die Freigabe verweigern
    Refuse {
        /// Bestellnummer
        order: ShortId,
        /// Begründung
        #[arg(long)]
        note: String,
    },
    /// Abschließen: alle Verträge der Kette auf einmal
    Seal {
        /// Bestellnummer
        order: ShortId,
        /// Dem Preis dieser Organisation zustimmen, der aus keinem veröffentlichten Angebot oder Tarif folgt; mehrfach möglich
        #[arg(long, value_name = "ORGANISATION")]
        agree: Vec<OrgId>,
    },
    /// Einen verspäteten Abschluss bestätigen: Er bindet erst, wenn alle Beteiligten das getan haben
    Confirm {
        /// Bestellnummer
        order: ShortId,
    },
    /// Vor dem Abschluss zurückziehen
    Cancel {
        /// Bestellnummer
        order: ShortId,
    },
    /// Zusehen, bis die Bestellung entschieden ist; mit --all allen eigenen Bestellungen
    Watch {
        /// Bestellnummer
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        order: Option<ShortId>,
        /// Alle Bestellungen der eigenen Organisation: jede, zu der etwas erklärt wird, eine Zeile
        #[arg(long)]
        all: bool,
        /// From where on.
        #[command(flatten)]
        following: Following,
    },
    /// Wer am Zug ist, seit wann, was als Nächstes geschieht
    Explain {
        /// Bestellnummer
        order: ShortId,
    },
    /// Den laufenden Versuch beenden und einen anderen Weg nehmen
    Reroute(again::Again),
    /// Eine Interessenbekundung zur verbindlichen Anfrage machen
    Raise(again::Again),
    /// Einen abgeschlossenen Vertrag ändern: eine neue Bestellung auf demselben Weg
    Change(again::Again),
    /// Einen abgeschlossenen Vertrag verlängern; § 108 GWB wird neu geprüft
    Prolong(again::Again),
    /// Als Beteiligter die eigene Zusage vor dem Abschluss zurücknehmen
    Recall {
        /// Bestellnummer
        order: ShortId,
        /// Begründung
        #[arg(long)]
        note: String,
    },
    /// Nach dem Abschluss melden: Anbindung, Betrieb, Ansprechstelle, Kündigung, Ende
    Report(after::MilestoneReport),
    /// Einen Widerspruch nach dem Abschluss beilegen: vorschlagen, oder dem Vorschlag des anderen zustimmen
    Settle(settle::Settling),
    /// Eigene Texte (Begründungen, Erläuterungen) bei allen Beteiligten löschen lassen
    EraseAnnex(erase::Erasing),
    /// Bedarfe, die sich gemeinsam bestellen lassen
    Needs {
        /// Nur Bedarfe, die dieses Angebot erfüllt: Kennung oder ANBIETER/NAME
        #[arg(long, value_name = "ANGEBOT")]
        offering: Option<String>,
    },
    /// Eigene Anteile an Sammelbestellungen
    CallOffs,
    /// Stand der Einführung je Kommune und Leistung: angeboten, bestellt, angebunden, in Betrieb, auffindbar
    Rollout(rollout::Asked),
}

/// What to order.
#[derive(clap::Args)]
pub struct Submission {
    /// Kennung oder ANBIETER/NAME
    #[arg(long, value_name = "ANGEBOT")]
    offering: String,
    /// Obergrenze für den Gesamtpreis über die Laufzeit, in Euro, z. B. 30000 oder 30.000,00
    #[arg(long, value_name = "EURO", value_parser = names::euros)]
    max_euro: Cents,
    /// Nur Interesse bekunden; bindet niemanden
    #[arg(long)]
    interest: bool,
    /// Vorgangsnummer; dieselbe Nummer ist dieselbe Bestellung
    #[arg(long, value_name = "TEXT")]
    request_id: Option<String>,
    /// How.
    #[command(flatten)]
    terms: RequestTerms,
    /// For the record.
    #[command(flatten)]
    said: ForRecord,
    /// For whom.
    #[command(flatten)]
    gathering: gathered::Gathering,
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let out = global.out();
    match verb {
        Verb::Submit(submission) => {
            let wish = wish(&mut client, *submission).await?;
            hand_in(&mut client, out, wish).await
        }
        Verb::Draft { file, submission } => {
            let wish = wish(&mut client, *submission).await?;
            draft(out, &file, &wish)
        }
        Verb::Send { file } => hand_in(&mut client, out, read_draft(&file)?).await,
        Verb::List => show::list(&mut client, out, false).await,
        Verb::Inbox => inbox::inbox(&mut client, out).await,
        Verb::Stuck => show::list(&mut client, out, true).await,
        Verb::Show { order } => show::order(&mut client, out, &order).await,
        Verb::Approve { order, note } => acts::decide(&mut client, out, &order, true, note).await,
        Verb::Refuse { order, note } => acts::decide(&mut client, out, &order, false, note).await,
        Verb::Seal { order, agree } => acts::seal(&mut client, out, &order, &agree).await,
        Verb::Confirm { order } => acts::confirm(&mut client, out, &order).await,
        Verb::Cancel { order } => acts::end(&mut client, out, &order, VoidReason::Cancelled).await,
        Verb::Watch { order: Some(order), .. } => show::watch(&mut client, out, &order).await,
        Verb::Watch { order: None, following, .. } => feed::orders(&mut client, out, following).await,
        Verb::Explain { order } => show::explain(&mut client, out, &order).await,
        Verb::Reroute(again) => again::reroute(&mut client, out, again).await,
        Verb::Raise(again) => again::raise(&mut client, out, again).await,
        Verb::Change(again) => again::amend(&mut client, out, again, Amendment::Change).await,
        Verb::Prolong(again) => again::amend(&mut client, out, again, Amendment::Prolong).await,
        Verb::Recall { order, note } => after::recall(&mut client, out, &order, note).await,
        Verb::Report(report) => after::report(&mut client, out, report).await,
        Verb::Settle(settling) => settle::settle(&mut client, out, settling).await,
        Verb::EraseAnnex(erasing) => erase::erase(&mut client, out, erasing).await,
        Verb::Needs { offering } => gathered::needs(&mut client, out, offering).await,
        Verb::CallOffs => gathered::call_offs(&mut client, out).await,
        Verb::Rollout(asked) => rollout::rollout(&mut client, out, &asked).await,
    }
}

/// What the officer wants, completed from the node: routes, rule pack, shortest term, what else is on offer.
async fn wish(client: &mut Client, submission: Submission) -> Result<Wish, Refusal> {
    let Submission { offering, max_euro: total_max, interest, request_id, terms, said, gathering } = submission;
    let as_of = terms.as_of.as_deref().map(names::day).transpose()?;
    let buyer = client.officer()?.org.clone();
    let days = Days { as_of, award: terms.award.into(), ..Days::default() };
    let offering = names::offering_id(client, &offering).await?;
    let found = client.routes(&buyer, &offering, terms.needs, days).await?;
    let (grounds, words) = gather(client, &buyer, &found.offering_id, (terms.needs, as_of), said).await?;
    let gathered = gathering.gathered(client, &found.offering_id).await?;
    let route = terms.way(&found, &BTreeSet::new())?;
    let term_years = term_years(client, &found.offering_id, terms.needs.term_years).await?;
    Ok(Wish {
        request_id: request_id.unwrap_or_else(|| hex::encode(fresh_salt().0)),
        attempt: 1,
        mode: if interest { Mode::Interest } else { Mode::Binding },
        route,
        offering: found.offering_id.parse()?,
        rule_pack: found.rule_pack_id.parse()?,
        award: terms.award.into(),
        as_of: parse_date(&found.as_of)?,
        procedure_began: None,
        term_years,
        total_max,
        quote_ms: terms.quote_days * DAY_MS,
        seal_ms: terms.seal_days * DAY_MS,
        auto_seal: terms.auto_seal.then_some(AutoSeal { accept_assumed: terms.accept_assumed }),
        quantities: Quantities { uses: terms.needs.uses, target_group: terms.needs.target_group },
        reference: terms.reference,
        considered: considered(&found)?,
        grounds,
        words,
        amends: None,
        gathered,
    })
}

/// The term asked for, or the shortest of the offering.
async fn term_years(client: &mut Client, offering: &str, asked: u32) -> Result<u32, Refusal> {
    if asked > 0 {
        return Ok(asked);
    }
    let entry = client.get_offering(offering).await?.entry;
    Ok(entry.and_then(|entry| entry.offering).map_or(1, |offering| offering.term_years_min))
}

/// A draft is a file on the officer's machine; nobody is told of it.
fn draft(out: Output, file: &Path, wish: &Wish) -> Result<(), Refusal> {
    let text = serde_json::to_string_pretty(wish).expect("a wish is plain data");
    std::fs::write(file, text)
        .map_err(|error| Refusal::new(Reason::FileUnwritable).with("file", file.display()).with("problem", error))?;
    let value = json!({"file": file.display().to_string(), "request_id": wish.request_id, "route": wish.route});
    let text = format!(
        "{} {}. {} `verbund order send {}`",
        out.say("Entwurf gespeichert:", "Draft saved:"),
        file.display(),
        out.say("Abgeben mit", "Hand in with"),
        file.display()
    );
    out.one(&value, &text)
}

fn read_draft(file: &Path) -> Result<Wish, Refusal> {
    let refuse =
        |problem: String| Refusal::new(Reason::FileUnreadable).with("file", file.display()).with("problem", problem);
    let text = std::fs::read_to_string(file).map_err(|error| refuse(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))
}
