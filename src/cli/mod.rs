//! Floor 5: the command line. Nouns first; parsing only parses; data on standard output, talk on standard error.
//!
//! Must never hold a rule: what is allowed, the node or the domain says.
pub mod access;
pub mod audit;
pub mod chain;
pub mod client;
pub mod demo;
pub mod doctor;
mod examples;
pub mod export;
pub mod fact;
pub mod feed;
pub mod grounds;
pub mod ids;
pub mod import;
pub mod key;
pub mod names;
pub mod need;
pub mod node;
pub mod offering;
pub mod officer;
pub mod options;
pub mod order;
pub mod org;
pub mod output;
pub mod passphrase;
pub mod peer;
pub mod price;
pub mod repeat;
pub mod shell;
pub mod statement;
pub mod trust;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::cli::examples::with_examples;
use crate::cli::options::Global;
use crate::cli::output::{Format, Output};
use crate::domain::reason::{Class, Reason, Refusal};
use crate::usage::{self, Stop};

/// Verbund: Marktplatz der öffentlichen IT-Genossenschaften.
#[derive(Parser)]
#[command(
    name = "verbund",
    version,
    max_term_width = usage::PAGE_WIDTH,
    disable_help_subcommand = true,
    after_help = "Beispiele:\n  verbund demo\n  verbund --profile DIR/client.toml order list"
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Subcommand)]
enum Noun {
    /// Sechs Knoten auf diesem Rechner: die ganze Geschichte einer Bestellung
    Demo(demo::Arguments),
    /// Angebote: suchen, lesen, veröffentlichen, zurückziehen
    #[command(subcommand)]
    Offering(offering::Verb),
    /// Tatsachen, nach denen § 108 GWB beurteilt wird
    #[command(subcommand)]
    Fact(fact::Verb),
    /// Wege der Beschaffung nach § 108 GWB
    #[command(subcommand)]
    Chain(chain::Verb),
    /// Preise vor der Bestellung
    #[command(subcommand)]
    Price(price::Verb),
    /// Bedarf einer Kommune
    #[command(subcommand)]
    Need(need::Verb),
    /// Bestellungen
    #[command(subcommand)]
    Order(order::Verb),
    /// Erklärungen als Dateien: Schema, Prüfung, Unterschrift, Inhalt
    #[command(subcommand)]
    Statement(statement::Verb),
    /// Den Ausweis für andere Werkzeuge (grpcurl, buf curl) ausgeben: fünf Minuten gültig, für diesen Knoten
    Access,
    /// Nachweise: Prüfpaket holen und prüfen
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Katalog und Bestellungen in Formaten anderer ausgeben
    #[command(subcommand)]
    Export(export::Verb),
    /// Verzeichnisse und Angebote anderer prüfen und übernehmen
    #[command(subcommand)]
    Import(import::Verb),
    /// Einen Knoten betreiben
    #[command(subcommand)]
    Node(node::Verb),
    /// Untersuchen, woran ein Betreiber etwas tun sollte; ändert nichts, Code 11 bei Fehlern
    Doctor(doctor::Arguments),
    /// Andere Knoten: verbunden oder nicht, Rückstand, Verstöße
    #[command(subcommand)]
    Peer(peer::Verb),
    /// Schlüssel erzeugen, zeigen, ersetzen, widerrufen
    #[command(subcommand)]
    Key(key::Verb),
    /// Vertrauen: einen Verbund gründen, Erklärungen der Treuhänder vorschlagen, unterschreiben, veröffentlichen
    #[command(subcommand)]
    Trust(trust::Verb),
    /// Organisationen: beitreten, umziehen, nachfolgen
    #[command(subcommand)]
    Org(org::Verb),
    /// Vollmachten: erteilen und beenden
    #[command(subcommand)]
    Officer(officer::Verb),
    /// Befehle in der Shell vervollständigen: das Skript dafür ausgeben
    Completions(shell::Completions),
    /// Das Handbuch für `man`, eine Seite je Befehl
    Man(shell::Pages),
}

/// Parses, runs, and turns the outcome into an exit code.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli: Cli = match usage::parse(arguments.iter().cloned(), with_examples) {
        Ok(cli) => cli,
        Err(Stop::Shown) => return ExitCode::SUCCESS,
        Err(Stop::Told) => return ExitCode::from(Class::Usage.exit_code()),
        Err(Stop::Refused(refusal)) => {
            let format = if usage::asks_for_json(&arguments) { Format::Json } else { Format::default() };
            Output { format, lang: usage::lang_of(&arguments) }.refusal(&refusal);
            return ExitCode::from(refusal.reason.class().exit_code());
        }
    };
    let out = cli.global.out();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            out.talk(&error.to_string());
            return ExitCode::FAILURE;
        }
    };
    let global = cli.global.clone();
    let answer = runtime.block_on(async {
        match run(cli).await {
            // Whoever knows no organisation of that name is asked for those that are known.
            Err(refusal) if refusal.reason == Reason::OrgUnknown => {
                let client = client::Client::connect(&global, Duration::from_secs(global.timeout)).ok();
                Err(names::taught(client, refusal).await)
            }
            answer => answer,
        }
    });
    match answer {
        Ok(code) => code,
        Err(refusal) => {
            let refusal = repeat::with_next(refusal, &arguments);
            out.refusal(&refusal);
            ExitCode::from(refusal.reason.class().exit_code())
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Refusal> {
    let global = cli.global;
    match cli.noun {
        Noun::Demo(arguments) => demo::run(&global, arguments).await,
        Noun::Offering(verb) => offering::run(&global, verb).await,
        Noun::Fact(verb) => fact::run(&global, verb).await.map(|()| ExitCode::SUCCESS),
        Noun::Chain(verb) => chain::run(&global, verb).await.map(|()| ExitCode::SUCCESS),
        Noun::Price(verb) => price::run(&global, verb).await.map(|()| ExitCode::SUCCESS),
        Noun::Need(verb) => need::run(&global, verb).await.map(|()| ExitCode::SUCCESS),
        Noun::Order(verb) => order::run(&global, verb).await.map(|()| ExitCode::SUCCESS),
        Noun::Statement(verb) => statement::run(&global, verb).await,
        Noun::Access => access::run(&global).await.map(|()| ExitCode::SUCCESS),
        Noun::Audit(verb) => audit::run(&global, verb).await,
        Noun::Export(verb) => export::run(&global, verb).await,
        Noun::Import(verb) => import::run(&global, verb).map(|()| ExitCode::SUCCESS),
        Noun::Node(verb) => node::run(&global, verb).await.map(|()| ExitCode::SUCCESS),
        Noun::Doctor(arguments) => doctor::run(&global, arguments).await,
        Noun::Peer(verb) => peer::run(&global, verb).await.map(|()| ExitCode::SUCCESS),
        Noun::Key(verb) => key::run(&global, verb).await.map(|()| ExitCode::SUCCESS),
        Noun::Trust(verb) => trust::run(&global, verb).await.map(|()| ExitCode::SUCCESS),
        Noun::Org(verb) => org::run(&global, verb).await.map(|()| ExitCode::SUCCESS),
        Noun::Officer(verb) => officer::run(&global, verb).await.map(|()| ExitCode::SUCCESS),
        Noun::Completions(wanted) => {
            shell::completions(&global, with_examples(Cli::command()), &wanted).map(|()| ExitCode::SUCCESS)
        }
        Noun::Man(wanted) => {
            shell::pages(&global, with_examples(Cli::command()), &wanted).map(|()| ExitCode::SUCCESS)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::usage::english::untold;

    #[test]
    fn every_page_of_help_has_english_words() {
        let mut missing = untold(&Cli::command());
        missing.sort();
        missing.dedup();
        assert!(
            missing.is_empty(),
            "{} texts are missing in src/usage/help.en.txt:\n{}",
            missing.len(),
            missing.join("\n@@\n")
        );
    }
}
