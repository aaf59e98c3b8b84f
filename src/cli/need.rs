//! `verbund need`: what a municipality looks for (*Bedarf*). Public, and binds nobody; an order may name it. A mandate lets a
//! cooperative order for it.
mod mandates;

use std::time::Duration;

use clap::Subcommand;
use serde_json::Value;

use crate::cli::client::Client;
use crate::cli::ids;
use crate::cli::names;
use crate::cli::need::mandates::Terms;
use crate::cli::offering::publish;
use crate::cli::options::Global;
use crate::cli::output::Output;
use crate::domain::id::{OrgId, ShortId};
use crate::domain::money::Cents;
use crate::domain::offering::{Need, NeedWithdrawal};
use crate::domain::reason::Refusal;
use crate::domain::register::LeikaKey;
use crate::domain::statement::{Kind, Signed};
use crate::wire::pb::catalogue::v1 as catalogue;
use crate::wire::pb::order::v1 as order;

/// What to do with needs.
#[derive(Subcommand)]
pub enum Verb {
    /// Einen Bedarf der eigenen Organisation unterschreiben und veröffentlichen
    Publish {
        /// Gesuchte Leistung (LeiKa-Schlüssel); mehrere durch Komma getrennt
        #[arg(long, value_name = "SCHLÜSSEL", value_delimiter = ',')]
        leika: Vec<LeikaKey>,
        /// Der Bedarf in Worten
        #[arg(long, value_name = "TEXT")]
        note: String,
        /// Bis wann gesucht wird
        #[arg(long, value_name = "JJJJ-MM-TT")]
        until: String,
        /// Genossenschaft, die den Bedarf mit anderen zusammen bestellen darf; jede in Frage kommende, wenn nicht genannt
        #[arg(long, value_name = "ORG")]
        through: Option<OrgId>,
    },
    /// Einen Bedarf zurücknehmen; was schon auf ihm beruht, bleibt
    Withdraw {
        /// Kennung des eigenen Bedarfs
        need: ShortId,
        /// Warum
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Was Kommunen suchen: eigene und fremde Bedarfe
    List {
        /// Nur Bedarfe, die zu diesem Angebot passen
        #[arg(long, value_name = "ANGEBOT", default_value = "")]
        offering: String,
        /// Nur Bedarfe, die diese Genossenschaft bestellen darf
        #[arg(long, value_name = "ORG")]
        through: Option<OrgId>,
    },
    /// Welche Leistungen wie viele Kommunen suchen und was es dafür gibt
    Demand {
        /// Nur Bedarfe, die diese Genossenschaft bestellen darf
        #[arg(long, value_name = "ORG")]
        through: Option<OrgId>,
    },
    /// Eine Genossenschaft bevollmächtigen, für diesen Bedarf bis zu einem Betrag und Tag mitzubestellen (Abrufvollmacht)
    Mandate {
        /// Kennung des eigenen Bedarfs
        need: ShortId,
        /// Die Genossenschaft
        #[arg(long, value_name = "ORG")]
        to: OrgId,
        /// Höchstens so viel zahlt die eigene Organisation über die ganze Laufzeit, in Euro netto
        #[arg(long, value_name = "EURO", value_parser = names::euros)]
        max_euro: Cents,
        /// Letzter Tag, an dem abgerufen werden darf
        #[arg(long, value_name = "JJJJ-MM-TT")]
        until: String,
    },
    /// Die Vollmacht eines Kollegen freigeben, dessen Betragsgrenze nicht reicht
    Approve {
        /// Kennung der Vollmacht
        mandate: ShortId,
    },
    /// Erteilte und erhaltene Vollmachten zeigen
    Mandates,
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    let (mut client, out) = (Client::connect(global, Duration::from_secs(global.timeout))?, global.out());
    let (leika, note, until, through) = match verb {
        Verb::Publish { leika, note, until, through } => (leika, note, until, through),
        Verb::Withdraw { need, reason } => {
            let need = ids::statement(&mut client, Some(&Kind::Need), &need).await?;
            let officer = client.officer()?;
            let body = NeedWithdrawal { municipality: officer.org.clone(), need, reason };
            let signed = Signed::sign(&Kind::NeedWithdrawal, &body, &[&officer.key]);
            return publish(global, &mut client, &signed).await;
        }
        Verb::List { offering, through } => {
            let offering = match offering.is_empty() {
                true => offering,
                false => names::offering_id(&mut client, &offering).await?,
            };
            let needs = client.needs(&offering, through.as_ref().map_or("", OrgId::as_str)).await?;
            return out.rows(&NEEDS, &needs.iter().map(|need| need_row(need, out)).collect::<Vec<_>>());
        }
        Verb::Demand { through } => {
            let demand = client.demand(through.as_ref()).await?;
            return out.rows(&DEMAND, &demand.iter().map(|one| demand_row(one, out)).collect::<Vec<_>>());
        }
        Verb::Mandate { need, to, max_euro, until } => {
            let need = ids::statement(&mut client, Some(&Kind::Need), &need).await?;
            let (cap, until) = (max_euro, names::day(&until)?);
            let terms = Terms { need, to, cap, until, number: 1, approves: None };
            return mandates::give(&mut client, out, terms).await;
        }
        Verb::Approve { mandate } => return mandates::approve(&mut client, out, &mandate).await,
        Verb::Mandates => return mandates::list(&mut client, out).await,
    };
    let officer = client.officer()?;
    let need = Need { municipality: officer.org.clone(), leika, note, until: names::day(&until)?, through };
    let signed = Signed::sign(&Kind::Need, &need, &[&officer.key]);
    publish(global, &mut client, &signed).await
}

const NEEDS: [(&str, &str); 7] = [
    ("Kommune", "municipality"),
    ("Einwohner", "inhabitants"),
    ("Leistungen", "leika"),
    ("Bedarf", "note"),
    ("bis", "until"),
    ("über", "through"),
    ("Kennung", "id"),
];

fn need_row(need: &order::Need, out: Output) -> Vec<Value> {
    let inhabitants = (need.inhabitants > 0).then_some(need.inhabitants);
    vec![
        need.municipality.clone().into(),
        inhabitants.map_or(Value::Null, Value::from),
        need.leika_keys.join(" ").into(),
        need.note.clone().into(),
        need.until.clone().into(),
        need.through.clone().into(),
        out.id(&need.statement_id),
    ]
}

const DEMAND: [(&str, &str); 6] = [
    ("Leistung", "leika"),
    ("Kommunen", "municipalities"),
    ("Einwohner", "inhabitants"),
    ("Wer", "who"),
    ("bis", "first_until"),
    ("Angebote", "offerings"),
];

fn demand_row(demand: &catalogue::ServiceDemand, out: Output) -> Vec<Value> {
    let offered = match demand.offerings.is_empty() {
        true => out.say("keines", "none").to_owned(),
        false => demand.offerings.join(" "),
    };
    vec![
        demand.leika_key.clone().into(),
        demand.municipalities.len().into(),
        demand.inhabitants.into(),
        demand.municipalities.join(" ").into(),
        demand.first_until.clone().into(),
        offered.into(),
    ]
}
