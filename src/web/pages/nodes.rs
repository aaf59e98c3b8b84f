//! *Knoten*: how the federation is, as this node sees it.
use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::domain::id::OrgId;
use crate::domain::reason::{Lang, Refusal};
use crate::domain::time::Timestamp;
use crate::view::View;
use crate::view::logs::LogView;
use crate::view::peers::PeerView;
use crate::web::desk::Desk;
use crate::web::graph::Graph;
use crate::web::shell::{Shell, Visit};
use crate::web::texts::Texts;
use crate::web::words::{self, filled};
use crate::wire::node::status;

/// Logs and nodes that are listed: a federation of the whole country has some dozens.
const ROWS_MAX: usize = 500;

#[derive(Template)]
#[template(path = "nodes.html", config = "src/web/askama.toml")]
struct Nodes {
    shell: Shell,
    facts: Vec<(&'static str, String)>,
    warnings: Vec<String>,
    peers: Vec<Peer>,
    logs: Vec<Log>,
    graph: Option<Graph>,
}

struct Peer {
    node: String,
    is_up: bool,
    state: String,
    last: String,
    lag: String,
    ahead: String,
    clock: String,
    shunned: Option<String>,
}

struct Log {
    origin: String,
    size: String,
    witnessed: String,
    cosigned: String,
    refused: String,
    is_good: bool,
    state: Vec<String>,
}

pub(super) async fn show(State(desk): State<Desk>, visit: Visit) -> Response {
    let (shell, version) = (visit.shell(), desk.site.version);
    visit.answered(desk.ask(move |view, _, now| Nodes::of(shell, version, view, now)).await)
}

impl Nodes {
    fn of(shell: Shell, version: &str, view: &View, now: Timestamp) -> Result<Self, Refusal> {
        let (t, lang, settings) = (shell.t, shell.lang(), view.settings());
        let told = status(view, version, now);
        let operator: &OrgId = &settings.operator;
        let signing = view.signs_nothing().map_or_else(
            || t.yes.to_owned(),
            |why| format!("{}: {} ({})", t.no, why.reason.text(lang), why.reason.code()),
        );
        let facts = vec![
            (t.node, settings.node().to_string()),
            (t.operator, words::organisation(view, operator)),
            (t.federation, settings.origin.federation.to_string()),
            (t.root, format!("sha256:{}", settings.anchor)),
            (t.program_version, format!("Verbund {version}")),
            (t.as_of, now.told(lang)),
            (t.offering_count, words::number(view.public().catalogue.offered_count(), lang)),
            (t.organisation_count, words::number(view.organisations().count(), lang)),
            (t.signing, signing),
        ];
        let peers = view.peer_views();
        let logs = view.log_views();
        Ok(Self {
            facts,
            warnings: if lang == Lang::De { told.warnings_de } else { told.warnings_en },
            peers: peers.iter().take(ROWS_MAX).map(|row| peer(row, t, lang)).collect(),
            graph: Graph::of(view, &[], now.date(), t),
            logs: logs.iter().take(ROWS_MAX).map(|row| log(row, t, lang)).collect(),
            shell,
        })
    }
}

fn peer(row: &PeerView<'_>, t: &Texts, lang: Lang) -> Peer {
    let at = |text: &str, time: Timestamp| filled(text, &[("time", &time.told(lang))]);
    let state = match (row.is_up, row.since) {
        (true, Some(since)) => at(t.peer_up, since),
        (false, Some(since)) => at(t.peer_down, since),
        (_, None) => t.peer_never.to_owned(),
    };
    let nothing = || "–".to_owned();
    Peer {
        node: row.node.to_string(),
        is_up: row.is_up,
        state,
        last: row.last.map_or_else(nothing, |last| last.told(lang)),
        lag: row.lag.map_or_else(nothing, |lag| words::number(usize::try_from(lag).unwrap_or(usize::MAX), lang)),
        ahead: words::number(row.ahead.len(), lang),
        clock: row.clock_offset_ms.map_or_else(nothing, |offset| clock(offset, t)),
        shunned: (row.shunned.strikes > 0).then(|| at(t.peer_shunned, row.shunned.until)),
    }
}

/// Whole seconds are what people can do something about.
fn clock(offset_ms: i64, t: &Texts) -> String {
    let seconds = (offset_ms.abs() / 1000).to_string();
    match offset_ms / 1000 {
        0 => t.peer_clock_even.to_owned(),
        1.. => filled(t.peer_clock_ahead, &[("n", &seconds)]),
        _ => filled(t.peer_clock_behind, &[("n", &seconds)]),
    }
}

fn log(row: &LogView<'_>, t: &Texts, lang: Lang) -> Log {
    let number = |count: u64| words::number(usize::try_from(count).unwrap_or(usize::MAX), lang);
    let mut state = Vec::new();
    state.extend(row.cut.map(|at| filled(t.log_cut, &[("n", &number(at))])));
    state.extend(row.not_followed.map(|why| {
        filled(t.log_not_followed, &[("why", &format!("{} ({})", why.reason.text(lang), why.reason.code()))])
    }));
    let is_good = state.is_empty();
    if row.longer > 0 {
        state.push(filled(t.log_longer, &[("n", &words::number(row.longer, lang))]));
    }
    if state.is_empty() {
        state.push(t.log_good.to_owned());
    }
    Log {
        origin: row.origin.to_string(),
        size: number(row.size),
        witnessed: number(row.witnessed),
        cosigned: format!("{} / {}", row.cosigned, row.needed),
        refused: words::number(row.refused, lang),
        is_good,
        state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::NodeId;
    use crate::domain::reason::Reason;
    use crate::protocol::replication::memory::Shunned;
    use crate::web::fixture::Reader;

    #[tokio::test]
    async fn it_shows_the_node_and_its_logs() {
        let page = Reader::new().get("/knoten").await.ok();
        for part in
            ["kitu im Test", "test/log/kitu/1", "sha256:", "in Ordnung", "Es ist kein anderer Knoten bekannt."]
        {
            assert!(page.contains(part), "{part}: {page}");
        }
    }

    #[test]
    fn a_fork_and_a_log_that_is_not_followed_are_never_in_order() {
        let origin = "test/log/kid/1".parse().expect("a log");
        let why = Refusal::new(Reason::PeerStalled);
        let good = LogView {
            origin: &origin,
            size: 1_234,
            witnessed: 1_200,
            cosigned: 1,
            needed: 3,
            refused: 0,
            cut: None,
            longer: 0,
            not_followed: None,
        };
        let t = Texts::of(Lang::De);
        let shown = log(&good, t, Lang::De);
        assert_eq!((shown.is_good, shown.size.as_str(), shown.cosigned.as_str()), (true, "1.234", "1 / 3"));
        let cut = log(&LogView { cut: Some(7), ..good.clone() }, t, Lang::De);
        assert_eq!((cut.is_good, cut.state), (false, vec!["widerspricht sich ab Eintrag 7 (Gabelung)".to_owned()]));
        let left = log(&LogView { not_followed: Some(&why), longer: 2, ..good }, t, Lang::De);
        assert!(!left.is_good && left.state[0].contains("PEER_STALLED") && left.state[1].starts_with("2 Knoten"));
    }

    /// Every state of a connection has its time.
    #[test]
    fn connections_are_told_with_their_times() {
        let node: NodeId = "kid".parse().expect("a name");
        let since: Timestamp = "2026-11-03T09:05:07Z".parse().expect("a time");
        let down = PeerView {
            node: &node,
            is_up: false,
            since: Some(since),
            last: Some(since),
            lag: None,
            ahead: Vec::new(),
            clock_offset_ms: Some(-3_500),
            shunned: Shunned::default(),
        };
        let t = Texts::of(Lang::De);
        let shown = peer(&down, t, Lang::De);
        assert_eq!(shown.state, "getrennt seit 03.11.2026, 10:05 Uhr");
        assert_eq!((shown.lag.as_str(), shown.clock.as_str(), shown.shunned), ("–", "3 s nach", None));
        let up =
            peer(&PeerView { is_up: true, lag: Some(2), clock_offset_ms: Some(999), ..down.clone() }, t, Lang::De);
        assert_eq!(
            (up.state.as_str(), up.lag.as_str(), up.clock.as_str()),
            ("verbunden seit 03.11.2026, 10:05 Uhr", "2", "gleich")
        );
        let never = peer(&PeerView { since: None, last: None, ..down }, t, Lang::De);
        assert_eq!((never.state.as_str(), never.last.as_str()), ("noch nie verbunden", "–"));
    }
}
