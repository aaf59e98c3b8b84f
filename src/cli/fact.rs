//! `verbund fact`: what an organisation states about itself and its members, on which section 108 GWB is judged.
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use crate::cli::client::Client;
use crate::cli::offering::publish;
use crate::cli::options::Global;
use crate::config::organisations::read_facts;
use crate::domain::reason::Refusal;
use crate::domain::statement::{Kind, Signed};

/// What to do with facts.
#[derive(Subcommand)]
pub enum Verb {
    /// Mitgliedschaften und Angaben nach § 108 GWB aus einer Datei unterschreiben und veröffentlichen
    ///
    /// Die Datei hat dieselben Abschnitte `[[membership]]` und `[[entity]]` wie `organisations.toml`.
    Publish {
        /// Tatsachen (TOML)
        file: PathBuf,
    },
}

/// Runs the verb. What was published before a fact is refused stays published; publishing it again changes nothing.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    let Verb::Publish { file } = verb;
    let facts = read_facts(&file)?;
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let key = &client.officer()?.key;
    let memberships = facts.memberships.iter().map(|fact| Signed::sign(&Kind::Membership, fact, &[key]));
    let entities = facts.entities.iter().map(|fact| Signed::sign(&Kind::EntityFacts, fact, &[key]));
    for signed in memberships.chain(entities).collect::<Vec<_>>() {
        publish(global, &mut client, &signed).await?;
    }
    Ok(())
}
