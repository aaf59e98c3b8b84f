//! `verbund order recall` and `report`: withdrawing before the seal, and what happens after it.
use clap::ArgGroup;

use crate::cli::client::{Client, annex_of, fresh_salt};
use crate::cli::offering::euros;
use crate::cli::order::acts::answered;
use crate::cli::order::sight::{self, Sight};
use crate::cli::output::Output;
use crate::cli::{ids, names};
use crate::domain::annex::{Annex, Enclosed, Texts};
use crate::domain::id::ShortId;
use crate::domain::order::acts::{self, Of};
use crate::domain::order::milestone::{ConnectionStep, Event, Milestone};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::node::ports::Clock as _;
use crate::node::system::SystemClock;
use crate::wire::pb::order::v1 as pb;

/// What has happened.
#[derive(clap::Args)]
#[command(group(ArgGroup::new("event").required(true).multiple(false)))]
pub struct MilestoneReport {
    /// Bestellnummer
    order: ShortId,
    /// Schritt der Anbindung: contact (Ansprechstellen), routing (Zuständigkeit), interface (Schnittstelle), test
    /// (Testfall), acceptance (Abnahme)
    #[arg(long, group = "event", value_name = "SCHRITT", value_parser = ["contact", "routing", "interface", "test", "acceptance"])]
    connected: Option<String>,
    /// In Betrieb seit diesem Tag
    #[arg(long, group = "event", value_name = "JJJJ-MM-TT")]
    productive: Option<String>,
    /// Neue Ansprechstelle: Amt, Postfach oder Person; der Vertrag bleibt
    #[arg(long, group = "event", value_name = "STELLE")]
    contact: Option<String>,
    /// Kündigung: letzter Tag des Vertrags
    #[arg(long, group = "event", value_name = "JJJJ-MM-TT")]
    terminate: Option<String>,
    /// Vertrag beendet und abgewickelt
    #[arg(long, group = "event")]
    closed: bool,
    /// Erläuterung
    #[arg(long, default_value = "")]
    note: String,
}

impl MilestoneReport {
    fn event(&self) -> Result<Event, Refusal> {
        let missing = || Refusal::new(Reason::UsageInvalid).with("missing", "--connected, --productive, …");
        if let Some(word) = &self.connected {
            let item = ConnectionStep::ALL.into_iter().find(|item| item.word() == word).ok_or_else(missing)?;
            return Ok(Event::Connected { item });
        }
        if let Some(day) = &self.productive {
            return Ok(Event::Productive { since: names::day(day)? });
        }
        if self.contact.is_some() {
            return Ok(Event::Contact);
        }
        if let Some(day) = &self.terminate {
            return Ok(Event::Terminated { ends_on: names::day(day)? });
        }
        if self.closed { Ok(Event::Closed) } else { Err(missing()) }
    }
}

/// Says what has happened.
pub async fn report(client: &mut Client, out: Output, report: MilestoneReport) -> Result<(), Refusal> {
    let event = report.event()?;
    let id = ids::order(client, &report.order).await?;
    let order = client.order(id).await?;
    if order.seal_statement_id.is_empty() {
        return Err(Refusal::new(Reason::OrderState).with("rule", "not sealed"));
    }
    if let Event::Terminated { ends_on } = &event {
        let mut sight = Sight::new(out, &format!("{} {}", out.say("Kündigung", "Notice"), id));
        sight::request(&mut sight, client, &order).await?;
        sight.line(("Ende", "Ends on"), ends_on.to_string());
        sight.line(
            ("!", "!"),
            out.say("Eine Kündigung lässt sich nicht zurücknehmen.", "Notice cannot be taken back."),
        );
        sight.ask(client.asks)?;
    }
    let annex =
        annex_of(Texts { note: report.note, contact: report.contact.unwrap_or_default(), ..Texts::default() })?;
    let officer = client.officer()?;
    let body = Milestone {
        order: id,
        attempt: order.attempt,
        seal: order.seal_statement_id.parse()?,
        from: officer.org.clone(),
        number: order.next_milestone,
        event,
        annex: annex.as_ref().map(Annex::id),
        officer: officer.name.clone(),
        signed_at: SystemClock.now(),
        salt: fresh_salt(),
    };
    let signed = Signed::sign(&Kind::Milestone, &body, &[&officer.key]);
    let order = client.hand_in("", Enclosed { signed, annex }).await?;
    answered(out, order)
}

/// Withdraws what the officer's organisation has promised.
pub async fn recall(client: &mut Client, out: Output, called: &ShortId, note: String) -> Result<(), Refusal> {
    let id = ids::order(client, called).await?;
    let order = client.order(id).await?;
    let annex = annex_of(Texts::note(note))?;
    let officer = client.officer()?;
    let (of, words) = (Of { order: id, attempt: order.attempt }, annex.as_ref().map(Annex::id));
    let body = acts::recall(of, order.request_statement_id.parse()?, words, officer.by());
    let signed = Signed::sign(&Kind::Recall, &body, &[&officer.key]);
    let order = client.hand_in("", Enclosed { signed, annex }).await?;
    answered(out, order)
}

/// What an order shows beside its messages: earlier attempts, where it stands, whom to ask, who bears what.
pub fn lines(order: &pb::Order, out: Output) -> Vec<String> {
    let mut lines = Vec::new();
    for ended in &order.ended_attempts {
        let route = ended.route.join(" → ");
        lines.push(format!("{} {}: {route}", out.say("Früherer Versuch", "Earlier attempt"), ended.attempt));
    }
    if order.sealed_late {
        let late = out.say("Abschluss verspätet, alle haben ihn bestätigt", "Sealed late, confirmed by all");
        let waits = out.say(
            "Abschluss verspätet; er bindet erst nach Bestätigung durch",
            "Sealed late; it binds once confirmed by",
        );
        lines.push(match order.unconfirmed.is_empty() {
            true => late.to_owned(),
            false => format!("{waits} {}", order.unconfirmed.join(", ")),
        });
    }
    let phase = match order.phase() {
        pb::Phase::Unspecified => "",
        pb::Phase::Contracted => out.say("Vertrag geschlossen, Anbindung steht aus", "contracted, to be connected"),
        pb::Phase::Connecting => out.say("wird angebunden", "being connected"),
        pb::Phase::Productive => out.say("in Betrieb seit", "in use since"),
        pb::Phase::Terminated => out.say("gekündigt zum", "terminated as of"),
        pb::Phase::Closed => out.say("beendet", "closed"),
    };
    if !phase.is_empty() {
        lines.push(format!("{}: {phase} {}", out.say("Vertrag", "Contract"), order.phase_day).trim_end().to_owned());
        let done = |item: &ConnectionStep| order.connected.iter().any(|word| word == item.word());
        let steps = ConnectionStep::ALL
            .iter()
            .map(|item| format!("[{}] {}", if done(item) { "x" } else { " " }, item.text(out.lang)));
        lines.push(format!("{}: {}", out.say("Anbindung", "Connection"), steps.collect::<Vec<_>>().join("  ")));
    }
    for contact in &order.contacts {
        lines.push(format!("{} {}: {}", out.say("Ansprechstelle", "Contact"), contact.org, contact.office));
    }
    if !order.amends_order_id.is_empty() {
        lines.push(format!("{} {}", out.say("Ändert", "Amends"), order.amends_order_id));
    }
    for id in &order.amended_by {
        lines.push(format!("{} {id}", out.say("Geändert durch", "Amended by")));
    }
    if !order.bundled_members.is_empty() {
        let members = order.bundled_members.join(", ");
        lines.push(format!("{}: {members}", out.say("Sammelbestellung für", "Ordered for")));
    }
    for part in &order.call_offs {
        lines.push(format!("   {:<14} {:>16}", part.to, euros(part.share_cents)));
    }
    lines
}
