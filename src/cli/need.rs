//! `verbund need`: what a municipality looks for (*Bedarf*). Public, and binds nobody; an order may name it. A mandate lets a
//! cooperative order for it.
mod mandates;

use std::time::Duration;

use clap::Subcommand;

use crate::cli::client::Client;
use crate::cli::need::mandates::Terms;
use crate::cli::offering::publish;
use crate::cli::options::Global;
use crate::cli::order::wish::euro_cents;
use crate::domain::id::{OrgId, StatementId};
use crate::domain::offering::Need;
use crate::domain::reason::Refusal;
use crate::domain::register::LeikaKey;
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::parse_date;

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
    /// Eine Genossenschaft bevollmächtigen, für diesen Bedarf bis zu einem Betrag und Tag mitzubestellen (Abrufvollmacht)
    Mandate {
        /// Kennung des eigenen Bedarfs
        need: StatementId,
        /// Die Genossenschaft
        #[arg(long, value_name = "ORG")]
        to: OrgId,
        /// Höchstens so viel zahlt die eigene Organisation über die ganze Laufzeit, in Euro netto
        #[arg(long, value_name = "EURO")]
        max_euro: u32,
        /// Letzter Tag, an dem abgerufen werden darf
        #[arg(long, value_name = "JJJJ-MM-TT")]
        until: String,
    },
    /// Die Vollmacht eines Kollegen freigeben, dessen Betragsgrenze nicht reicht
    Approve {
        /// Kennung der Vollmacht
        mandate: StatementId,
    },
    /// Erteilte und erhaltene Vollmachten zeigen
    Mandates,
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    let (mut client, out) = (Client::connect(global, Duration::from_secs(global.timeout))?, global.out());
    let (leika, note, until, through) = match verb {
        Verb::Publish { leika, note, until, through } => (leika, note, until, through),
        Verb::Mandate { need, to, max_euro, until } => {
            let (cap, until) = (euro_cents(max_euro)?, parse_date(&until)?);
            let terms = Terms { need, to, cap, until, number: 1, approves: None };
            return mandates::give(&mut client, out, terms).await;
        }
        Verb::Approve { mandate } => return mandates::approve(&mut client, out, mandate).await,
        Verb::Mandates => return mandates::list(&mut client, out).await,
    };
    let officer = client.officer()?;
    let need = Need { municipality: officer.org.clone(), leika, note, until: parse_date(&until)?, through };
    let signed = Signed::sign(&Kind::Need, &need, &[&officer.key]);
    publish(global, &mut client, &signed).await
}
