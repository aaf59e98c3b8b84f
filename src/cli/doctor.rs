//! `verbund doctor`: what an operator should do something about, in one list.
//!
//! It only advises and changes nothing. What is a fault the node says; what is asked here is whether there is one.
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::options::Global;
use crate::cli::output::{Format, Output};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::time::{Date, Timestamp, parse_date};
use crate::node::ports::Clock as _;
use crate::node::system::SystemClock;
use crate::wire::instant;
use crate::wire::pb::node::v1 as pb;

/// Ends with this code if something failed: told apart from an unreachable node (4) by whoever watches it.
const UNHEALTHY: u8 = 11;

/// How far the node's clock may be from this machine's. Deadlines of orders are hours; two machines that keep time are
/// within milliseconds.
const CLOCK_MS_MAX: u64 = 5_000;

/// How far a peer's clock may be from the node's, in milliseconds: as far as the nodes themselves let statements be.
const CLOCK_SKEW_MS: i64 = 10 * 60 * 1000;

/// Days after which somebody should look whether the law has changed since the newest rule pack.
const PACK_DAYS_MAX: i64 = 730;

/// A day in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What to examine.
#[derive(clap::Args)]
pub struct Arguments {
    /// Auch bei Hinweisen mit Code 11 enden
    #[arg(long)]
    strict: bool,
}

/// How one examination ended, the worst last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Outcome {
    Good,
    Warning,
    Failure,
}

impl Outcome {
    fn code(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }

    fn word(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Good, _) => "ok",
            (Self::Warning, Lang::De) => "Hinweis",
            (Self::Warning, Lang::En) => "warning",
            (Self::Failure, Lang::De) => "Fehler",
            (Self::Failure, Lang::En) => "failure",
        }
    }
}

/// One thing examined.
struct Examined {
    /// A stable name.
    name: &'static str,
    outcome: Outcome,
    /// What was found and what to do, in both languages.
    de: String,
    en: String,
}

fn examined(name: &'static str, outcome: Outcome, de: impl Into<String>, en: impl Into<String>) -> Examined {
    Examined { name, outcome, de: de.into(), en: en.into() }
}

/// Asks the node and tells what was found.
pub async fn run(global: &Global, arguments: Arguments) -> Result<ExitCode, Refusal> {
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let status = client.raw_status().await?;
    let peers = client.peers().await?;
    let found = examine(&status, &peers, SystemClock.now());
    let worst = found.iter().map(|examined| examined.outcome).max().unwrap_or(Outcome::Good);
    tell(global.out(), &found, worst)?;
    let bad = if arguments.strict { Outcome::Warning } else { Outcome::Failure };
    Ok(if worst >= bad { ExitCode::from(UNHEALTHY) } else { ExitCode::SUCCESS })
}

fn tell(out: Output, found: &[Examined], worst: Outcome) -> Result<(), Refusal> {
    let text = |examined: &Examined| out.say(&examined.de, &examined.en).to_owned();
    if out.format == Format::Csv {
        let columns = [("Prüfung", "check"), ("Ergebnis", "outcome"), ("Befund", "finding")];
        let row = |one: &Examined| vec![one.name.into(), one.outcome.code().into(), Value::from(text(one))];
        return out.rows(&columns, &found.iter().map(row).collect::<Vec<_>>());
    }
    let checks: Vec<Value> = found
        .iter()
        .map(|one| json!({"check": one.name, "outcome": one.outcome.code(), "de": one.de, "en": one.en}))
        .collect();
    let lines: Vec<String> =
        found.iter().map(|one| format!("[{:^8}] {}", one.outcome.word(out.lang), text(one))).collect();
    out.one(&json!({"outcome": worst.code(), "checks": checks}), &lines.join("\n"))
}

fn examine(status: &pb::GetStatusResponse, peers: &[pb::PeerStatus], now: Timestamp) -> Vec<Examined> {
    let mut found = vec![clock(status, now), signing(status)];
    found.extend(ordering(status));
    found.extend(law(status, now.date()));
    found.extend(status.logs.iter().filter_map(log));
    found.push(connections(peers));
    found.extend(peers.iter().filter_map(other_clock));
    found.push(deliveries(status));
    found.push(deposits(status, peers));
    found
}

fn clock(status: &pb::GetStatusResponse, now: Timestamp) -> Examined {
    let Some(there) = status.now.as_ref().map(instant) else {
        return examined("clock", Outcome::Failure, "Der Knoten nennt keine Zeit.", "The node tells no time.");
    };
    let off = there.since_ms(now);
    if off.unsigned_abs() <= CLOCK_MS_MAX {
        return examined("clock", Outcome::Good, "Uhr stimmt mit dieser überein.", "Clock agrees with this one.");
    }
    examined(
        "clock",
        Outcome::Failure,
        format!("Die Uhr des Knotens weicht um {off} ms von dieser ab: Zeitabgleich (NTP) beider Rechner prüfen."),
        format!("The node's clock is {off} ms from this one: check time synchronisation (NTP) of both machines."),
    )
}

fn signing(status: &pb::GetStatusResponse) -> Examined {
    match status.signs_nothing.as_str() {
        "" => examined("signing", Outcome::Good, "Der Knoten unterschreibt.", "The node signs."),
        why => examined(
            "signing",
            Outcome::Failure,
            format!("Der Knoten unterschreibt gerade nichts ({why}); was zu tun ist, sagt `verbund node status`."),
            format!("The node signs nothing just now ({why}); `verbund node status` says what to do."),
        ),
    }
}

/// Why orders rest although the node signs.
fn ordering(status: &pb::GetStatusResponse) -> Option<Examined> {
    let reason = Reason::from_code(&status.serves_no_orders).filter(|_| status.signs_nothing.is_empty())?;
    let told = |lang| format!("{} {} ({})", reason.text(lang), reason.help(lang), reason.code());
    Some(examined("orders", Outcome::Failure, told(Lang::De), told(Lang::En)))
}

/// Whether a rule pack is in force for procedures that begin today, and whether somebody should look for a newer law.
fn law(status: &pb::GetStatusResponse, today: Date) -> Vec<Examined> {
    let warned = status.warnings_de.iter().zip(&status.warnings_en);
    let mut found: Vec<Examined> =
        warned.map(|(de, en)| examined("node", Outcome::Failure, de.as_str(), en.as_str())).collect();
    let newest = status.rule_packs.iter().filter_map(|pack| parse_date(&pack.valid_from).ok()).max();
    let age = newest.map_or(0, |from| today.begins().since_ms(from.begins()) / DAY_MS);
    if age > PACK_DAYS_MAX {
        found.push(examined(
            "law",
            Outcome::Warning,
            format!("Das neueste Regelwerk gilt seit {age} Tagen: prüfen, ob sich § 108 GWB seither geändert hat."),
            format!("The newest rule pack is in force since {age} days: has section 108 GWB changed since?"),
        ));
    }
    if found.is_empty() {
        found.push(examined("law", Outcome::Good, "Ein Regelwerk gilt heute.", "A rule pack is in force today."));
    }
    found
}

/// What is wrong with a log; nothing if nothing is.
fn log(log: &pb::LogStatus) -> Option<Examined> {
    let origin = &log.origin;
    if log.forked || log.cut.is_some() {
        return Some(examined(
            "log",
            Outcome::Failure,
            format!(
                "Protokoll {origin} widerspricht sich und ist abgeschnitten; siehe Handbuch, Abschnitt Widerspruch."
            ),
            format!("Log {origin} contradicts itself and is cut; see the operator guide on forks."),
        ));
    }
    if !log.not_followed.is_empty() {
        return Some(examined(
            "log",
            Outcome::Warning,
            format!("Protokoll {origin} wird nicht weiter verfolgt ({}).", log.not_followed),
            format!("Log {origin} is followed no further ({}).", log.not_followed),
        ));
    }
    if log.longer_peers > 0 {
        return Some(examined(
            "log",
            Outcome::Warning,
            format!("Von Protokoll {origin} haben {} Knoten mehr; es wird nachgeholt.", log.longer_peers),
            format!("{} nodes have more of log {origin}; it is being fetched.", log.longer_peers),
        ));
    }
    (log.cosigned < log.witnesses_needed && log.witnessed_size < log.size).then(|| {
        let (have, need) = (log.cosigned, log.witnesses_needed);
        examined(
            "witnesses",
            Outcome::Warning,
            format!(
                "Das Ende von {origin} bezeugen {have} von {need} nötigen Zeugen: Was dort steht, zählt noch nicht."
            ),
            format!("{have} of {need} witnesses needed have cosigned the end of {origin}: it does not count yet."),
        )
    })
}

fn connections(peers: &[pb::PeerStatus]) -> Examined {
    let down: Vec<&str> = peers.iter().filter(|peer| !peer.up).map(|peer| peer.node.as_str()).collect();
    if down.is_empty() {
        return examined("peers", Outcome::Good, "Alle Knoten verbunden.", "All nodes connected.");
    }
    let outcome = if down.len() == peers.len() { Outcome::Failure } else { Outcome::Warning };
    let names = down.join(", ");
    examined(
        "peers",
        outcome,
        format!("Nicht verbunden: {names}. Seit wann und warum, sagt `verbund peer list`."),
        format!("Not connected: {names}. `verbund peer list` says since when and why."),
    )
}

/// A peer whose clock is far from the node's; if most are, the node says so itself.
fn other_clock(peer: &pb::PeerStatus) -> Option<Examined> {
    let (name, off) = (&peer.node, peer.clock_offset_ms?);
    (off.abs() > CLOCK_SKEW_MS).then(|| {
        examined(
            "clock",
            Outcome::Warning,
            format!("Die Uhr von {name} weicht um {} Minuten von der dieses Knotens ab.", off.abs() / 60_000),
            format!("The clock of {name} is {} minutes from this node's.", off.abs() / 60_000),
        )
    })
}

fn deliveries(status: &pb::GetStatusResponse) -> Examined {
    match status.outbox_length {
        0 => examined("deliveries", Outcome::Good, "Nichts wartet auf Zustellung.", "Nothing waits for delivery."),
        waiting => examined(
            "deliveries",
            Outcome::Warning,
            format!("{waiting} Zustellungen warten auf Empfang; welche, sagt `verbund order stuck`."),
            format!("{waiting} deliveries wait for a receipt; `verbund order stuck` says which."),
        ),
    }
}

/// A node that stands alone has nobody to keep anything for it.
fn deposits(status: &pb::GetStatusResponse, peers: &[pb::PeerStatus]) -> Examined {
    if status.deposits || peers.is_empty() {
        return examined(
            "deposits",
            Outcome::Good,
            "Nichts, was zählt, liegt nur auf einem Datenträger.",
            "Nothing that counts rests on one disk.",
        );
    }
    examined(
        "deposits",
        Outcome::Warning,
        "Was nur dieser Knoten hat, liegt auf einem Datenträger: `verbund key recovery` macht einen Wiederherstellungsschlüssel, \
         sein öffentlicher Teil gehört als `recovery_key` in run.toml.",
        "What only this node holds rests on one disk: `verbund key recovery` makes a recovery key, its public part belongs into \
         run.toml as `recovery_key`.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-30T10:00:00Z".parse().expect("a time")
    }

    fn healthy() -> (pb::GetStatusResponse, Vec<pb::PeerStatus>) {
        let pack = pb::RulePack { valid_from: "2026-07-01".to_owned(), ..Default::default() };
        let log = pb::LogStatus { origin: "kid/1".to_owned(), size: 5, witnessed_size: 5, ..Default::default() };
        let status = pb::GetStatusResponse {
            now: Some(crate::wire::timestamp(now())),
            rule_packs: vec![pack],
            deposits: true,
            logs: vec![pb::LogStatus { cosigned: 3, witnesses_needed: 3, ..log }],
            ..Default::default()
        };
        (status, vec![pb::PeerStatus { node: "kid".to_owned(), up: true, ..Default::default() }])
    }

    fn worst(edit: impl FnOnce(&mut pb::GetStatusResponse, &mut Vec<pb::PeerStatus>)) -> (Outcome, &'static str) {
        let (mut status, mut peers) = healthy();
        edit(&mut status, &mut peers);
        let found = examine(&status, &peers, now());
        let worst = found.iter().max_by_key(|examined| examined.outcome).expect("something is examined");
        assert!(found.iter().all(|examined| !examined.de.is_empty() && !examined.en.is_empty()));
        (worst.outcome, worst.name)
    }

    #[test]
    fn a_healthy_node_is_told_so() {
        assert_eq!(worst(|_, _| ()).0, Outcome::Good);
    }

    #[test]
    fn each_fault_is_found_and_named() {
        let later = |ms| Some(crate::wire::timestamp(now().plus_ms(ms)));
        assert_eq!(worst(|status, _| status.now = later(5_000)).0, Outcome::Good);
        assert_eq!(worst(|status, _| status.now = later(5_001)), (Outcome::Failure, "clock"));
        assert_eq!(worst(|status, _| status.now = later(-5_001)), (Outcome::Failure, "clock"));
        assert_eq!(worst(|status, _| status.now = None), (Outcome::Failure, "clock"));
        assert_eq!(worst(|status, _| status.signs_nothing = "LOG_CUT".to_owned()), (Outcome::Failure, "signing"));
        let no_quorum =
            |status: &mut pb::GetStatusResponse| status.serves_no_orders = "QUORUM_UNREACHABLE".to_owned();
        assert_eq!(worst(|status, _| no_quorum(status)), (Outcome::Failure, "orders"));
        let no_law = |status: &mut pb::GetStatusResponse| {
            status.warnings_de.push("Kein Regelwerk gilt.".to_owned());
            status.warnings_en.push("No rule pack.".to_owned());
        };
        assert_eq!(worst(|status, _| no_law(status)), (Outcome::Failure, "node"));
        let old = |status: &mut pb::GetStatusResponse| status.rule_packs[0].valid_from = "2024-11-29".to_owned();
        assert_eq!(worst(|status, _| old(status)), (Outcome::Warning, "law"));
        assert_eq!(worst(|status, _| status.logs[0].forked = true), (Outcome::Failure, "log"));
        assert_eq!(worst(|status, _| status.logs[0].cut = Some(3)), (Outcome::Failure, "log"));
        assert_eq!(worst(|status, _| status.logs[0].longer_peers = 1), (Outcome::Warning, "log"));
        let unwitnessed = |status: &mut pb::GetStatusResponse| {
            (status.logs[0].witnessed_size, status.logs[0].cosigned) = (4, 2);
        };
        assert_eq!(worst(|status, _| unwitnessed(status)), (Outcome::Warning, "witnesses"));
        assert_eq!(worst(|status, _| status.outbox_length = 1), (Outcome::Warning, "deliveries"));
        assert_eq!(worst(|status, _| status.deposits = false), (Outcome::Warning, "deposits"));
        let alone = |peers: &mut Vec<pb::PeerStatus>| peers.clear();
        assert_eq!(
            worst(|status, peers| (status.deposits = false, alone(peers)).0).0,
            Outcome::Good,
            "nobody is there"
        );
        assert_eq!(worst(|_, peers| peers[0].up = false), (Outcome::Failure, "peers"));
        assert_eq!(worst(|_, peers| peers[0].clock_offset_ms = Some(-600_001)), (Outcome::Warning, "clock"));
        let one_of_two = |peers: &mut Vec<pb::PeerStatus>| peers.push(pb::PeerStatus::default());
        assert_eq!(worst(|_, peers| one_of_two(peers)), (Outcome::Warning, "peers"));
    }
}
