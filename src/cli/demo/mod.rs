//! `verbund demo`: six real node processes on this machine play the whole life of an order.
//!
//! Everything is real but the people: processes, TLS, signatures, stores, a node that is killed and comes back.
//! Keys are made here for this run only, prices and officers are invented, and whatever is assumed is marked so.
pub mod described;
pub mod fleet;
pub mod found;
pub mod granting;
pub mod story;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::cli::demo::fleet::Fleet;
use crate::cli::demo::story::Story;
use crate::cli::node::interrupted;
use crate::cli::options::Global;
use crate::config::folder::read_folder;
use crate::domain::id::NodeId;
use crate::domain::reason::{Reason, Refusal};
use crate::node::ports::Clock as _;
use crate::node::system::{self, SystemClock};

/// How often it is looked for nodes that have ended and for officers who ask for a grant.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Options of the demonstration.
#[derive(Args)]
pub struct Arguments {
    /// Die Geschichte einmal spielen, `demo.json` schreiben und enden
    #[arg(long)]
    once: bool,
    /// Alles in diesem Ordner behalten
    #[arg(long, value_name = "ORDNER")]
    keep: Option<PathBuf>,
    /// Erster von zwölf aufeinanderfolgenden Anschlüssen, sechs für Knoten und sechs für ihre Seiten; ohne Angabe freie
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1024..=65_000))]
    port_base: Option<u16>,
    /// Schlüssel aus dieser Zahl ableiten: wiederholbar, aber unsicher
    #[arg(long, value_name = "ZAHL")]
    seed: Option<u64>,
    /// Beschreibung eines anderen Verbunds, wie der Ordner `nodes` sie zeigt; sonst die mitgelieferte
    #[arg(long, value_name = "ORDNER")]
    nodes: Option<PathBuf>,
}

/// Plays the story; returns its exit code.
pub async fn run(global: &Global, arguments: Arguments) -> Result<ExitCode, Refusal> {
    let began = SystemClock.now();
    let out = global.out();
    let given = arguments.nodes.as_deref().map(read_folder).transpose()?;
    let place = Place::choose(arguments.keep.as_deref())?;
    let described = given.map_or_else(|| described::carried(&place.folder), Ok)?;
    let names: Vec<NodeId> = described.nodes.iter().map(|node| node.profile.node.clone()).collect();
    let (addresses, pages) = choose_addresses(&names, arguments.port_base)?;
    if arguments.seed.is_some() {
        out.talk(out.say(
            "UNSICHER: Alle Schlüssel folgen aus der Zahl. Nur zum Vergleichen von Läufen.",
            "UNSAFE: all keys follow from the number. For comparing runs only.",
        ));
    }
    let mut world = found::found_world(&place.folder, &described, &addresses, arguments.seed)?;
    world.open_pages(pages)?;
    let mut story = Story::new(world, described, out, Fleet::default(), began);
    let played = tokio::select! {
        played = story.play() => played,
        () = interrupted() => {
            story.fleet.stop().await;
            return Ok(ExitCode::from(130));
        }
    };
    let written = story.write_report(&played);
    if let Err(refusal) = &played {
        story.fleet.stop().await;
        return Err(refusal.clone());
    }
    written?;
    if !arguments.once {
        story.show_commands();
        loop {
            tokio::select! {
                () = interrupted() => break,
                () = tokio::time::sleep(LOOK_AGAIN) => {
                    if let Some(node) = story.fleet.take_ended() {
                        story.tell_gone(&node);
                    }
                    story.grant_what_is_asked().await;
                }
            }
        }
    }
    story.fleet.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Where everything lies: a folder to keep, or one that is removed at the end.
struct Place {
    folder: PathBuf,
    keep: bool,
}

impl Place {
    fn choose(keep: Option<&Path>) -> Result<Self, Refusal> {
        let mut random = [0; 8];
        system::fill(&mut random);
        let folder = match keep {
            Some(folder) => folder.to_owned(),
            None => std::env::temp_dir().join(format!("verbund-demo-{}", hex::encode(random))),
        };
        let unusable =
            |why: String| Refusal::new(Reason::FileUnwritable).with("file", folder.display()).with("problem", why);
        if folder.join("nodes").exists() {
            return Err(unusable("there is a demonstration in it already; choose an empty folder".to_owned()));
        }
        std::fs::create_dir_all(&folder).map_err(|error| unusable(error.to_string()))?;
        let folder = std::fs::canonicalize(&folder).map_err(|error| unusable(error.to_string()))?;
        Ok(Self { folder, keep: keep.is_some() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.keep {
            // The system's own cleaning of temporary folders takes care of what cannot be removed now.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Addresses by node.
type Addresses = BTreeMap<NodeId, SocketAddr>;

/// Two ports per node, for other nodes and for browsers: consecutive ones from a base, else whatever is free. All are held
/// until all are chosen.
fn choose_addresses(names: &[NodeId], base: Option<u16>) -> Result<(Addresses, Addresses), Refusal> {
    let mut held = Vec::new();
    let mut chosen = Vec::new();
    for (offset, _) in (0..).zip(names.iter().chain(names)) {
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, base.map_or(0, |base| base.saturating_add(offset))));
        let listener = TcpListener::bind(wanted)
            .map_err(|error| Refusal::new(Reason::PortTaken).with("address", wanted).with("problem", error))?;
        chosen.push(listener.local_addr().unwrap_or(wanted));
        held.push(listener);
    }
    let (nodes, pages) = chosen.split_at(names.len());
    let named = |addresses: &[SocketAddr]| names.iter().cloned().zip(addresses.iter().copied()).collect();
    Ok((named(nodes), named(pages)))
}
