//! A node's state as a message.
use crate::domain::id::{ShortId, StatementId};
use crate::domain::reason::{Lang, Refusal};
use crate::domain::rule_pack::{RulePack, uncovered};
use crate::domain::statement::Signed;
use crate::domain::time::Timestamp;
use crate::domain::trust::LogTrust;
use crate::log::merkle::empty_root;
use crate::protocol::limits::CLOCK_SKEW_MS;
use crate::protocol::overview::StoreCondition;
use crate::view::View;
use crate::view::logs::{LogRow, LogView};
use crate::view::peers::PeerView;
use crate::wire::page::{Page, encoded_bytes};
use crate::wire::pb::node::v1 as pb;
use crate::wire::{parsed, timestamp};

/// Most logs named per peer: enough to see which they are; the number says how many there are.
const AHEAD_LOGS_MAX: usize = 16;

/// What the node says of itself and of the federation, with the page of logs asked for.
pub fn status_page(
    view: &View,
    message: &pb::GetStatusRequest,
    version: &str,
    now: Timestamp,
) -> Result<pb::GetStatusResponse, Refusal> {
    let page = Page::read(message.page_size, &message.page_token, &["logs"])?;
    let mut status = status(view, version, now);
    let logs = page.cut(std::mem::take(&mut status.logs), |log| log.origin.clone(), encoded_bytes);
    (status.logs, status.next_page_token, status.log_count) = (logs.items, logs.next, logs.total);
    Ok(status)
}

/// The same with every log.
pub fn status(view: &View, version: &str, now: Timestamp) -> pb::GetStatusResponse {
    let (settings, public) = (view.settings(), view.public());
    let (log_size, log_root) = view.log(&settings.origin).map_or_else(|| (0, empty_root()), LogRow::tree);
    let clock = view.clock_offset_ms().filter(|offset| offset.abs() > CLOCK_SKEW_MS);
    let warnings = |lang| {
        let law = uncovered(public.packs.values(), now.date(), lang);
        let deposits = view.overdue_deposits().map(|words| not_deposited(words, lang));
        law.into_iter()
            .chain(clock.map(|offset| clock_differs(offset, lang)))
            .chain(deposits)
            .chain(rotten(view.store(), lang))
            .chain(view.store().only_reading.map(|reason| format!("{} {}", reason.text(lang), reason.help(lang))))
            .collect()
    };
    pb::GetStatusResponse {
        node: settings.node().to_string(),
        operator: settings.operator.to_string(),
        version: version.to_owned(),
        now: Some(timestamp(now)),
        hosted_orgs: settings.hosts.iter().map(ToString::to_string).collect(),
        federation: settings.origin.federation.to_string(),
        root_hash: settings.anchor.to_string(),
        log_origin: settings.origin.to_string(),
        log_size,
        log_root: log_root.to_string(),
        logs: view.log_views().iter().map(log_status).collect(),
        heads_digest: view.heads_digest().to_string(),
        connected_peers: view.connected().map(ToString::to_string).collect(),
        offering_count: public.catalogue.offered_count() as u64,
        catalogue_digest: view.catalogue_digest().to_string(),
        outbox_length: view.outbox_length() as u64,
        order_count: view.order_count() as u64,
        organisations: view.organisations().filter_map(|(id, home)| organisation(home, id)).collect(),
        rule_packs: public.packs.iter().map(|(id, pack)| rule_pack(id, pack)).collect(),
        signs_nothing: view.signs_nothing().map(|refusal| refusal.reason.code().to_owned()).unwrap_or_default(),
        warnings_de: warnings(Lang::De),
        warnings_en: warnings(Lang::En),
        deposits: settings.deposits,
        next_page_token: String::new(),
        log_count: 0,
        serves_no_orders: view.serves_no_orders().map(|reason| reason.code().to_owned()).unwrap_or_default(),
        store: Some(store_status(view.store())),
    }
}

/// What to tell people when most peers have another time.
fn clock_differs(offset_ms: i64, lang: Lang) -> String {
    let minutes = offset_ms.abs() / 60_000;
    match (lang, offset_ms > 0) {
        (Lang::De, true) => format!(
            "Die Uhr dieses Knotens geht {minutes} Minuten nach, verglichen mit den anderen: Zeitabgleich (NTP) prüfen. Bis dahin \
             endet hier keine Bestellung durch Zeitablauf."
        ),
        (Lang::De, false) => format!(
            "Die Uhr dieses Knotens geht {minutes} Minuten vor, verglichen mit den anderen: Zeitabgleich (NTP) prüfen. Bis dahin \
             endet hier keine Bestellung durch Zeitablauf."
        ),
        (Lang::En, true) => format!(
            "This node's clock is {minutes} minutes behind those of the others: check time synchronisation (NTP). Until then no \
             order ends here by time."
        ),
        (Lang::En, false) => format!(
            "This node's clock is {minutes} minutes ahead of those of the others: check time synchronisation (NTP). Until then no \
             order ends here by time."
        ),
    }
}

/// What to tell people when a record is no longer what was confirmed.
fn rotten(store: &StoreCondition, lang: Lang) -> Option<String> {
    let files: Vec<String> = store.damaged_segments.iter().map(|number| format!("{number:08}.seg")).collect();
    let files = (!files.is_empty()).then(|| files.join(", "))?;
    Some(match lang {
        Lang::De => format!(
            "Im Speicher lässt sich etwas nicht mehr lesen ({files}): den Datenträger prüfen. Der Knoten läuft weiter, liest um die \
             Stelle herum und holt von den anderen, was dort stand. Auf einem neuen Datenträger kommt alles von ihnen zurück."
        ),
        Lang::En => format!(
            "Something in the store cannot be read any more ({files}): check the disk. The node runs on, reads around the place and \
             fetches from the others what stood there. On a new disk everything comes back from them."
        ),
    })
}

fn store_status(store: &StoreCondition) -> pb::StoreStatus {
    pb::StoreStatus {
        damaged_segments: store.damaged_segments.clone(),
        holes: count(store.holes),
        missing_statements: count(store.missing),
        torn_bytes: store.torn_bytes,
        index_rebuilt: store.index_rebuilt.clone().unwrap_or_default(),
        only_reading: store.only_reading.map(|reason| reason.code().to_owned()).unwrap_or_default(),
    }
}

/// What to tell people when one disk alone holds what somebody relies on.
fn not_deposited(words: usize, lang: Lang) -> String {
    match lang {
        Lang::De => format!(
            "{words} Erklärungen liegen nur auf dem Datenträger dieses Knotens, weil zu wenige andere Knoten sie verwahren: \
             `verbund peer list` zeigt, welche fehlen. Bis dahin sagt jede Antwort, dass sie noch nicht endgültig ist."
        ),
        Lang::En => format!(
            "{words} statements lie on this node's disk alone, because too few other nodes keep them: `verbund peer list` shows \
             which are missing. Until then each answer says that it is not final yet."
        ),
    }
}

fn log_status(log: &LogView<'_>) -> pb::LogStatus {
    pb::LogStatus {
        origin: log.origin.to_string(),
        size: log.size,
        witnessed_size: log.witnessed,
        refused_count: log.refused as u64,
        forked: log.cut.is_some(),
        cosigned: count(log.cosigned),
        witnesses_needed: count(log.needed),
        cut: log.cut,
        longer_peers: count(log.longer),
        not_followed: log.not_followed.map(|refusal| refusal.reason.code().to_owned()).unwrap_or_default(),
    }
}

/// A page of the other nodes known.
pub fn peers(view: &View, message: &pb::ListPeersRequest) -> Result<pb::ListPeersResponse, Refusal> {
    let page = Page::read(message.page_size, &message.page_token, &["peers"])?;
    let all = view.peer_views();
    let cut = page.cut(all.iter().map(peer_status), |peer| peer.node.clone(), encoded_bytes);
    Ok(pb::ListPeersResponse { peers: cut.items, next_page_token: cut.next, total_size: cut.total })
}

fn peer_status(peer: &PeerView<'_>) -> pb::PeerStatus {
    pb::PeerStatus {
        node: peer.node.to_string(),
        up: peer.is_up,
        since: peer.since.map(timestamp),
        last_contact: peer.last.map(timestamp),
        lag: peer.lag,
        ahead_count: count(peer.ahead.len()),
        ahead_logs: peer.ahead.iter().take(AHEAD_LOGS_MAX).map(ToString::to_string).collect(),
        shunned_until: (peer.shunned.strikes > 0).then(|| timestamp(peer.shunned.until)),
        strikes: peer.shunned.strikes,
        clock_offset_ms: peer.clock_offset_ms,
    }
}

/// Where a statement stands and how many have cosigned.
pub fn witnessing(view: &View, message: &pb::GetWitnessingRequest) -> Result<pb::GetWitnessingResponse, Refusal> {
    let id: StatementId = parsed("statement_id", &message.statement_id)?;
    let (origin, index, seen) = view.witnessing(&id)?;
    Ok(pb::GetWitnessingResponse {
        log_origin: origin.to_string(),
        log_index: index,
        cosigned: count(seen.cosigned),
        witnesses_needed: count(seen.needed),
    })
}

/// Which statement is asked for.
pub fn statement_id(message: &pb::GetStatementRequest) -> Result<StatementId, Refusal> {
    parsed("statement_id", &message.statement_id)
}

/// How the statements begin that somebody looks for.
pub fn id_prefix(message: &pb::FindStatementsRequest) -> Result<ShortId, Refusal> {
    parsed("id_prefix", &message.id_prefix)
}

/// What begins so and everyone may read.
pub fn found(statements: &[Signed], more: bool) -> pb::FindStatementsResponse {
    let found = statements
        .iter()
        .map(|signed| pb::FoundStatement { statement_id: signed.id().to_string(), kind: signed.kind().to_string() });
    pb::FindStatementsResponse { statements: found.collect(), more }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// An organisation as its home log knows it.
fn organisation(home: &LogTrust, id: &crate::domain::id::OrgId) -> Option<pb::Organisation> {
    let admission = &home.orgs().get(id)?.admission;
    Some(pb::Organisation {
        id: id.to_string(),
        name: admission.name.clone(),
        home_node: home.origin().node.to_string(),
        area: admission.area.as_ref().map(ToString::to_string).unwrap_or_default(),
        portal: admission.portal.clone().unwrap_or_default(),
        legal_form: admission.legal_form.clone(),
    })
}

/// A rule pack as a message.
pub fn rule_pack(id: &StatementId, pack: &RulePack) -> pb::RulePack {
    pb::RulePack {
        id: id.to_string(),
        name: pack.name.to_string(),
        valid_from: pack.valid_from.to_string(),
        valid_to: pack.valid_to.map(|day| day.to_string()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;
    use crate::protocol::Input;
    use crate::protocol::explain::fixture::{Town, by_rule};
    use crate::view::Follower;

    #[test]
    fn a_node_says_who_it_is_and_whom_it_knows() {
        let town = Town::new(by_rule());
        let status = status(&View::of(&town.node, town.now), "0", town.now);
        assert_eq!((status.node.as_str(), status.operator.as_str()), ("kitu", "kitu"));
        assert_eq!(status.hosted_orgs, ["kitu", "loner", "provider", "town"]);
        let named: Vec<_> = status.organisations.iter().map(|org| (org.id.as_str(), org.area.as_str())).collect();
        assert_eq!(named, [("kitu", ""), ("loner", ""), ("provider", ""), ("town", "150830040040")]);
        assert_eq!((status.offering_count, status.rule_packs.len(), status.logs.len()), (1, 1, 1));
        assert_eq!(status.log_size, status.logs[0].size);
    }

    #[test]
    fn nodes_and_logs_come_in_pages() {
        let mut town = Town::new(by_rule());
        let names: Vec<String> = (0..5).map(|number| format!("node-{number}")).collect();
        for name in &names {
            town.node.step(Input::PeerUp(name.parse().expect("a name")), town.now);
        }
        let mut follower = Follower::of(&town.node, 0, town.now);
        follower.follow_peers(&town.node, &std::collections::BTreeMap::new());
        let view = follower.view();
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let asked = pb::ListPeersRequest { page_size: 2, page_token: token };
            let page = peers(view, &asked).expect("a page");
            assert!(page.peers.len() <= 2 && page.total_size == 5);
            found.extend(page.peers.into_iter().map(|peer| peer.node));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(found, names);
        let logs = |page_size, page_token: &str| {
            status_page(view, &pb::GetStatusRequest { page_size, page_token: page_token.to_owned() }, "0", town.now)
        };
        let first = logs(1, "").expect("a page");
        assert_eq!((first.logs.len(), first.log_count as usize), (1, view.log_views().len()));
        for (size, token) in [(-1, ""), (1, "AAAA"), (1, "!")] {
            assert_eq!(logs(size, token).expect_err("no page").reason, Reason::PageInvalid);
        }
    }

    #[test]
    fn a_statement_says_how_many_have_cosigned_it() {
        let town = Town::new(by_rule());
        let asked =
            |id: String| witnessing(&View::of(&town.node, town.now), &pb::GetWitnessingRequest { statement_id: id });
        let (id, _) = town.node.state().packs.first_key_value().expect("a rule pack");
        let seen = asked(id.to_string()).expect("it stands in the log");
        assert_eq!(seen.log_origin, town.node.settings().origin.to_string());
        // The town's node is its own only witness.
        assert_eq!((seen.cosigned, seen.witnesses_needed), (1, 1));
        assert_eq!(asked("0".repeat(64)).expect_err("unknown").reason, Reason::StatementUnknown);
    }
}
