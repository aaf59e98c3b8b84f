//! `verbund node`: running a node and looking at one.
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use crate::cli::Global;
use crate::cli::client::Client;
use crate::cli::output::data;
use crate::config::node::read_run;
use crate::domain::reason::Refusal;
use crate::node::ports::Clock as _;
use crate::node::system::SystemClock;
use crate::node::{start, telemetry};

/// What to do with nodes.
#[derive(Subcommand)]
pub enum Verb {
    /// Einen Knoten betreiben, bis Strg-C oder SIGTERM
    Run {
        /// Einstellungen (run.toml)
        #[arg(long, value_name = "DATEI")]
        config: PathBuf,
        /// Auch enden, wenn die Standardeingabe geschlossen wird
        #[arg(long)]
        until_stdin_closes: bool,
        /// Nicht bei anderen nachfragen, wie weit das eigene Protokoll reicht. Nur für einen Knoten, der wirklich
        /// allein ist: nach einer Rücksicherung entstünde sonst ein Widerspruch
        #[arg(long)]
        alone: bool,
    },
    /// Zustand des Knotens und seiner Protokolle
    Status,
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    match verb {
        Verb::Run { config, until_stdin_closes, alone } => serve(&config, until_stdin_closes, alone).await,
        Verb::Status => status(global).await,
    }
}

async fn serve(config: &std::path::Path, until_stdin_closes: bool, alone: bool) -> Result<(), Refusal> {
    let began = SystemClock.now();
    telemetry::init("info");
    let config = read_run(config)?;
    let node = config.profile.node.clone();
    let mut running = start::start(config, alone).await?;
    let ready_ms = SystemClock.now().since_ms(began);
    tracing::info!(node = %node, address = %running.address, ready_ms, "ready");
    let ready = json!({"ready": true, "node": node, "address": running.address.to_string(), "ready_ms": ready_ms});
    data(&format!("{ready}\n"))?;
    let ended = tokio::select! {
        refusal = running.ended() => Some(refusal),
        () = asked_to_end(until_stdin_closes) => None,
    };
    match ended {
        Some(refusal) => Err(refusal),
        None => {
            tracing::info!(node = %node, "stopping");
            running.stop().await;
            Ok(())
        }
    }
}

/// Ends on Ctrl-C, on SIGTERM, and when the parent that holds the other end of standard input is gone.
async fn asked_to_end(until_stdin_closes: bool) {
    let stdin_closed = async {
        if until_stdin_closes {
            let mut buffer = [0; 64];
            let mut stdin = tokio::io::stdin();
            while matches!(stdin.read(&mut buffer).await, Ok(count) if count > 0) {}
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupted() => {}
        () = stdin_closed => {}
    }
}

/// Waits for Ctrl-C or SIGTERM.
pub async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            let _ = tokio::signal::ctrl_c().await;
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
    }
}

async fn status(global: &Global) -> Result<(), Refusal> {
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let status = client.status().await?;
    global.out().one(&status, &crate::cli::client::status_text(&status, global.out()))
}
