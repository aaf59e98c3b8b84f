//! A node's state as a message.
use std::collections::BTreeMap;

use crate::domain::id::{NodeId, StatementId};
use crate::domain::reason::Lang;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::rule_pack::{RulePack, uncovered};
use crate::domain::time::Timestamp;
use crate::domain::trust::LogTrust;
use crate::log::merkle::empty_root;
use crate::protocol::Node;
use crate::protocol::limits::CLOCK_SKEW_MS;
use crate::protocol::overview::{Contact, LogView, PeerView};
use crate::wire::pb::node::v1 as pb;
use crate::wire::{parsed, timestamp};

/// Most logs named per peer: enough to see which they are; the number says how many there are.
const AHEAD_LOGS_MAX: usize = 16;

/// What the node says of itself and of the federation.
pub fn status(node: &Node, version: &str, now: Timestamp) -> pb::GetStatusResponse {
    let (settings, state) = (node.settings(), node.state());
    let own = state.logs.get(&settings.origin);
    let clock = node.clocks().offset().filter(|offset| offset.abs() > CLOCK_SKEW_MS);
    let warnings = |lang| {
        let law = uncovered(state.packs.values(), now.date(), lang);
        law.into_iter().chain(clock.map(|offset| clock_differs(offset, lang))).collect()
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
        log_size: own.map_or(0, |log| log.tree.size()),
        log_root: own.map_or_else(empty_root, |log| log.tree.root()).to_string(),
        logs: node.log_views().iter().map(log_status).collect(),
        heads_digest: state.digest().to_string(),
        connected_peers: node.peers().map(|(peer, _)| peer.to_string()).collect(),
        offering_count: state.catalogue.on_offer().count() as u64,
        catalogue_digest: state.catalogue.digest().to_string(),
        outbox_length: node.outbox().len() as u64,
        order_count: state.orders.len() as u64,
        organisations: organisations(node),
        rule_packs: state.packs.iter().map(|(id, pack)| rule_pack(id, pack)).collect(),
        signs_nothing: node
            .check_may_sign()
            .err()
            .map(|refusal| refusal.reason.code().to_owned())
            .unwrap_or_default(),
        warnings_de: warnings(Lang::De),
        warnings_en: warnings(Lang::En),
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

/// Every other node known.
pub fn peers(node: &Node, contacts: &BTreeMap<NodeId, Contact>) -> pb::ListPeersResponse {
    pb::ListPeersResponse { peers: node.peer_views(contacts).iter().map(peer_status).collect() }
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
pub fn witnessing(node: &Node, message: &pb::GetWitnessingRequest) -> Result<pb::GetWitnessingResponse, Refusal> {
    let id: StatementId = parsed("statement_id", &message.statement_id)?;
    // The own log first: whoever publishes here wants to know of here.
    let own = &node.settings().origin;
    let place = node.state().places.of(&id).min_by_key(|(origin, index)| (*origin != own, *origin, *index));
    let (origin, index) = place.ok_or_else(|| Refusal::new(Reason::StatementUnknown).with("id", id))?;
    let seen = node.witnessing(origin, index);
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

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Every organisation once, as its home log knows it, by name.
fn organisations(node: &Node) -> Vec<pb::Organisation> {
    let registry = &node.state().registry;
    let mut ids: Vec<_> = registry.logs().flat_map(|log| log.orgs().keys()).collect();
    ids.sort();
    ids.dedup();
    let homes = ids.into_iter().filter_map(|id| Some((id, registry.home(id).ok()?)));
    homes.filter_map(|(id, home)| organisation(home, id)).collect()
}

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
    use crate::protocol::explain::fixture::{Town, by_rule};

    #[test]
    fn a_node_says_who_it_is_and_whom_it_knows() {
        let town = Town::new(by_rule());
        let status = status(&town.node, "0", town.now);
        assert_eq!((status.node.as_str(), status.operator.as_str()), ("kitu", "kitu"));
        assert_eq!(status.hosted_orgs, ["kitu", "loner", "provider", "town"]);
        let named: Vec<_> = status.organisations.iter().map(|org| (org.id.as_str(), org.area.as_str())).collect();
        assert_eq!(named, [("kitu", ""), ("loner", ""), ("provider", ""), ("town", "150830040040")]);
        assert_eq!((status.offering_count, status.rule_packs.len(), status.logs.len()), (1, 1, 1));
        assert_eq!(status.log_size, status.logs[0].size);
    }

    #[test]
    fn a_statement_says_how_many_have_cosigned_it() {
        let town = Town::new(by_rule());
        let asked = |id: String| witnessing(&town.node, &pb::GetWitnessingRequest { statement_id: id });
        let (id, _) = town.node.state().packs.first_key_value().expect("a rule pack");
        let seen = asked(id.to_string()).expect("it stands in the log");
        assert_eq!(seen.log_origin, town.node.settings().origin.to_string());
        // The town's node is its own only witness.
        assert_eq!((seen.cosigned, seen.witnesses_needed), (1, 1));
        assert_eq!(asked("0".repeat(64)).expect_err("unknown").reason, Reason::StatementUnknown);
    }
}
