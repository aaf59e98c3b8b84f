//! `verbund need`: what a municipality looks for (*Bedarf*). Public, and binds nobody; an order may name it.
use std::time::Duration;

use clap::Subcommand;

use crate::cli::client::Client;
use crate::cli::offering::publish;
use crate::cli::options::Global;
use crate::domain::id::OrgId;
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
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    let Verb::Publish { leika, note, until, through } = verb;
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let officer = client.officer()?;
    let need = Need { municipality: officer.org.clone(), leika, note, until: parse_date(&until)?, through };
    let signed = Signed::sign(&Kind::Need, &need, &[&officer.key]);
    publish(global, &mut client, &signed).await
}
