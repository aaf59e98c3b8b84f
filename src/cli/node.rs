//! `verbund node`: running a node and looking at one.
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub mod host;
pub mod init;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use crate::cli::client::{Client, parse_root};
use crate::cli::options::{self, Global};
use crate::cli::output::{Format, Output, data};
use crate::cli::passphrase::opener;
use crate::config::node::{HostPort, NodeConfig, read_run};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::Signer;
use crate::node::handle::Handle;
use crate::node::join::introduce;
use crate::node::keys::Opener;
use crate::node::ports::Clock as _;
use crate::node::repair::repair_log;
use crate::node::sealing::RecoverySecret;
use crate::node::system::SystemClock;
use crate::node::{start, telemetry};

/// How often a new node looks how far it has come: smooth to the eye.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

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
        /// Wiederherstellungsschlüssel, nur nach einem Verlust: öffnet, was andere Knoten verwahren. Auch mehrere
        #[arg(long, value_name = "DATEI")]
        recovery_key: Vec<PathBuf>,
    },
    /// Einem Verbund beitreten: vorstellen, alles holen und prüfen, dann den Knoten betreiben
    Join {
        /// Wurzel des Verbunds, wie sie in der Satzung steht: `sha256:` und 64 Ziffern
        #[arg(long, value_name = "HASH")]
        root: String,
        /// Irgendein Knoten des Verbunds. Welchen Schlüssel er zeigt, wird beim ersten Mal hingenommen: was er
        /// liefert, wird gegen die Wurzel geprüft
        #[arg(long, value_name = "HOST:PORT", value_parser = options::address)]
        peer: HostPort,
        /// Einstellungen (run.toml)
        #[arg(long, value_name = "DATEI")]
        config: PathBuf,
        /// Auch enden, wenn die Standardeingabe geschlossen wird
        #[arg(long)]
        until_stdin_closes: bool,
    },
    /// Nach einem Widerspruch im eigenen Protokoll ein neues beginnen. Der Knoten darf dabei nicht laufen
    RepairLog {
        /// Einstellungen (run.toml); danach steht darin das neue Protokoll
        #[arg(long, value_name = "DATEI")]
        config: PathBuf,
        /// Wurzelschlüssel der betreibenden Organisation, so viele wie nötig sind: Dateien oder `pkcs11:…`
        #[arg(long, value_name = "DATEI", required = true)]
        root_key: Vec<PathBuf>,
    },
    /// Einen neuen Knoten anlegen: Ordner, Schlüssel, Einstellungen und der Anfang seines Protokolls
    Init(init::Init),
    /// Eine weitere Organisation aufnehmen, neu oder von einem anderen Knoten
    Host(host::Host),
    /// Zustand des Knotens und seiner Protokolle
    Status,
}

/// A state as CSV is the table of its logs.
const LOG_COLUMNS: [(&str, &str); 9] = [
    ("Protokoll", "origin"),
    ("Einträge", "size"),
    ("bezeugt", "witnessed_size"),
    ("Zeugen", "cosigned"),
    ("nötig", "witnesses_needed"),
    ("abgelehnt", "refused"),
    ("abgeschnitten", "cut"),
    ("länger", "longer_peers"),
    ("nicht weiter verfolgt", "not_followed"),
];

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    match verb {
        Verb::Run { config, until_stdin_closes, alone, recovery_key } => {
            let (config, mut opener) = (read_run(&config)?, opener(global)?);
            let recovery = recovery_key.iter().map(|file| opener.read_recovery(file)).collect::<Result<_, _>>()?;
            let beginning = Beginning { alone, has_joined: false, recovery };
            serve(global, config, opener, until_stdin_closes, beginning).await
        }
        Verb::Join { root, peer, config, until_stdin_closes } => {
            let mut opener = opener(global)?;
            let config = join(&root, peer, &config, &mut opener).await?;
            let beginning = Beginning { alone: false, has_joined: true, recovery: Vec::new() };
            serve(global, config, opener, until_stdin_closes, beginning).await
        }
        Verb::RepairLog { config, root_key } => repair(global, &config, &root_key),
        Verb::Init(made) => init::run(global, made),
        Verb::Host(taking) => host::run(global, taking).await,
        Verb::Status => status(global).await,
    }
}

fn repair(global: &Global, config: &Path, root_keys: &[PathBuf]) -> Result<(), Refusal> {
    let mut opener = opener(global)?;
    let roots: Result<Vec<Box<dyn Signer>>, Refusal> = root_keys.iter().map(|place| opener.signer(place)).collect();
    let (folder, repaired) = repair_log(config, &mut opener, &roots?)?;
    let out = global.out();
    let value = json!({
        "log": repaired.origin.to_string(),
        "genesis": folder.display().to_string(),
        "statements": repaired.genesis.len(),
        "published_again": repaired.published_again,
        "left_out": repaired.left_out.iter().map(|(id, refusal)| json!({
            "statement": id.to_string(), "reason": refusal.reason.code(),
        })).collect::<Vec<_>>(),
    });
    let mut lines = vec![
        format!("{}: {}", out.say("Neues Protokoll", "New log"), repaired.origin),
        format!("{}: {}", out.say("Anfang", "Beginning"), folder.display()),
        format!("{}: {}", out.say("Neu veröffentlicht", "Published again"), repaired.published_again),
    ];
    for (id, refusal) in &repaired.left_out {
        lines.push(format!("{}: {id} ({})", out.say("Weggelassen", "Left out"), refusal.reason.code()));
    }
    lines.push(out.say("Jetzt den Knoten starten.", "Now start the node.").to_owned());
    out.one(&value, &lines.join("\n"))
}

/// How a node begins.
struct Beginning {
    /// On its operator's word, without asking others.
    alone: bool,
    /// As a new one, which is ready once it holds what the others hold.
    has_joined: bool,
    /// Keys that open what comes back after a loss.
    recovery: Vec<RecoverySecret>,
}

/// Introduces the node; the peer it was introduced to is the first it connects to.
async fn join(root: &str, peer: HostPort, config: &Path, opener: &mut Opener) -> Result<NodeConfig, Refusal> {
    log()?;
    let mut config = read_run(config)?;
    let root = parse_root(root)?;
    if root != config.federation_root {
        return Err(Refusal::new(Reason::RootUnknown).with("found", config.federation_root).with("expected", root));
    }
    let peer = introduce(&config, opener, peer).await?;
    tracing::info!(peer = %peer.node, address = peer.address.as_str(), "introduced");
    config.peers.retain(|known| known.node != peer.node);
    config.peers.push(peer);
    Ok(config)
}

async fn serve(
    global: &Global,
    config: NodeConfig,
    opener: Opener,
    until_stdin_closes: bool,
    beginning: Beginning,
) -> Result<(), Refusal> {
    let began = SystemClock.now();
    log()?;
    let node = config.profile.node.clone();
    let mut running = start::start_with(config, opener, beginning.alone, beginning.recovery).await?;
    let (handle, address, page) = (running.handle.clone(), running.address, running.page.clone());
    let serving = async {
        if beginning.has_joined {
            catch_up(&handle, global.out()).await?;
        }
        let ready_ms = SystemClock.now().since_ms(began);
        tracing::info!(node = %node, address = %address, ready_ms, "ready");
        let mut ready = json!({"ready": true, "node": node, "address": address.to_string(), "ready_ms": ready_ms});
        if let Some(page) = &page {
            ready["page"] = json!(page);
        }
        data(&format!("{ready}\n"))?;
        std::future::pending::<Result<(), Refusal>>().await
    };
    let ended = tokio::select! {
        refusal = running.ended() => return Err(refusal),
        ended = serving => ended,
        () = asked_to_end(until_stdin_closes) => Ok(()),
        () = asked_for_keys(&handle) => Ok(()),
    };
    tracing::info!(node = %node, "stopping");
    tokio::select! {
        () = running.stop() => ended,
        // Everything acknowledged is on the disk, so nothing is lost by it.
        () = interrupted() => {
            tracing::warn!(node = %node, "forced to end");
            Err(Refusal::new(Reason::ShuttingDown).with("node", node))
        }
    }
}

/// Begins to log, as the variable `RUST_LOG` says.
fn log() -> Result<(), Refusal> {
    telemetry::init(std::env::var("RUST_LOG").ok().as_deref(), "info")
}

/// Waits until the node holds what its peers have announced, and shows how far it is to a person who watches.
async fn catch_up(handle: &Handle, out: Output) -> Result<(), Refusal> {
    let bar = ProgressBar::no_length();
    let template = format!(
        "{{bar:30}} {{pos}}/{{len}} {} ({{msg}} {}), {{eta}}",
        out.say("Einträge", "entries"),
        out.say("Protokolle", "logs"),
    );
    bar.set_style(ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    loop {
        let progress = handle.read(|node, _| node.progress()).await?;
        bar.set_length(progress.announced);
        bar.set_position(progress.held);
        bar.set_message(progress.logs.to_string());
        if progress.is_level {
            bar.finish_and_clear();
            tracing::info!(logs = progress.logs, entries = progress.held, "level with its peers");
            return Ok(());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
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

/// Reads the key folder anew with every SIGHUP; never ends.
async fn asked_for_keys(handle: &Handle) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut hangup) = signal(SignalKind::hangup()) {
            while hangup.recv().await.is_some() {
                match handle.read_keys().await {
                    Ok(_) => tracing::info!("keys read"),
                    Err(refusal) => {
                        tracing::error!(reason = refusal.reason.code(), details = refusal.details(), "keys not read");
                    }
                }
            }
        }
    }
    std::future::pending::<()>().await;
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
    let out = global.out();
    if out.format == Format::Csv {
        let rows = status["logs"].as_array().into_iter().flatten();
        let row = |log: &Value| LOG_COLUMNS.iter().map(|(_, name)| log[*name].clone()).collect();
        return out.rows(&LOG_COLUMNS, &rows.map(row).collect::<Vec<_>>());
    }
    out.one(&status, &crate::cli::client::status_text(&status, out))
}
