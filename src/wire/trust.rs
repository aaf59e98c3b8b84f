//! What a node says about trust as a message, and back into a file that a person can carry.
use crate::domain::id::{OrgId, StatementId};
use crate::domain::reason::Refusal;
use crate::domain::statement::Signed;
use crate::domain::trust::{FederationRoot, Holder, LastGood, LogTrust, OrgStanding};
use crate::domain::trust_file::TrustFile;
use crate::protocol::public::Public;
use crate::protocol::trust_view::OrganisationView;
use crate::view::View;
use crate::wire::node::rule_pack;
use crate::wire::page::{Page, encoded_bytes};
use crate::wire::pb::node::v1 as pb;
use crate::wire::{optional, parsed};

/// What the node says, and the ids of the statements that prove it; they are read from the store.
pub fn answer(
    view: &View,
    message: &pb::GetTrustRequest,
) -> Result<(pb::GetTrustResponse, Vec<StatementId>), Refusal> {
    let org: Option<OrgId> = optional("org", &message.org)?;
    let public = view.public();
    let page = Page::read(message.page_size, &message.page_token, &["trust", &message.org])?;
    let said = public.trust_view(org.as_ref(), &|origin| view.size(origin))?;
    let admitted = said.organisations.iter().map(|(id, standing)| admitted(id, standing));
    let admitted = page.cut(admitted, |organisation| organisation.id.clone(), encoded_bytes);
    let organisations = pb::GetTrustResponse {
        organisations: admitted.items,
        next_page_token: admitted.next,
        organisation_count: admitted.total,
        ..Default::default()
    };
    if page.after().is_some() {
        return Ok((organisations, Vec::new()));
    }
    let response = pb::GetTrustResponse {
        federation: public.own.federation.to_string(),
        root_hash: public.anchor.to_string(),
        root_versions: said.federation.root_versions_held().map(|(id, root)| root_version(id, root)).collect(),
        expulsions: expulsions(public),
        successions: successions(public),
        rule_packs: public.packs.iter().map(|(id, pack)| rule_pack(id, pack)).collect(),
        organisation: said.organisation.as_ref().map(organisation),
        ..organisations
    };
    Ok((response, said.statements))
}

fn root_version(id: StatementId, root: &FederationRoot) -> pb::RootVersion {
    let trustees = root.trustees.iter();
    pb::RootVersion {
        id: id.to_string(),
        version: root.version,
        trustees: trustees.map(|one| pb::Trustee { name: one.name.clone(), key: one.key.to_string() }).collect(),
        threshold: root.threshold,
        witness_nodes: root.witnesses.nodes.iter().map(ToString::to_string).collect(),
        witness_quorum: root.witnesses.quorum,
    }
}

fn admitted(id: &OrgId, standing: &OrgStanding) -> pb::AdmittedOrganisation {
    let admission = &standing.admission;
    pb::AdmittedOrganisation {
        id: id.to_string(),
        name: admission.name.clone(),
        admission_number: admission.number,
        admission_id: standing.admitted_by.to_string(),
        home_node: admission.home_node.to_string(),
        operates: admission.operates.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

fn expulsions(public: Public<'_>) -> Vec<pb::Expulsion> {
    let all = public.registry.logs().flat_map(|log| log.expulsions().values().flatten());
    let mut told: Vec<pb::Expulsion> = all
        .map(|(id, expulsion)| pb::Expulsion {
            id: id.to_string(),
            org: expulsion.org.to_string(),
            reason: expulsion.reason.clone(),
        })
        .collect();
    told.sort_by(|a, b| (&a.org, &a.id).cmp(&(&b.org, &b.id)));
    told.dedup();
    told
}

fn successions(public: Public<'_>) -> Vec<pb::Succession> {
    let all = public.registry.logs().flat_map(|log: &LogTrust| log.successions().values());
    let mut told: Vec<pb::Succession> = all
        .map(|(id, succession)| pb::Succession {
            id: id.to_string(),
            predecessor: succession.predecessor.to_string(),
            successor: succession.successor.to_string(),
            on: succession.on.to_string(),
        })
        .collect();
    told.sort_by(|a, b| (&a.predecessor, &a.id).cmp(&(&b.predecessor, &b.id)));
    told.dedup();
    told
}

fn organisation(view: &OrganisationView<'_>) -> pb::OrganisationTrust {
    let (root, last) = (view.standing.root(), view.standing.last_event());
    let (mut online_keys, mut officer_keys) = (Vec::new(), Vec::new());
    for (hash, key) in &view.keys {
        let (key_hash, revoked) = (hash.to_string(), !key.revoked.is_empty());
        match &key.holder {
            Holder::Online { role, .. } => {
                online_keys.push(pb::OnlineKey { key_hash, role: role.word().to_owned(), from: key.from, revoked });
            }
            Holder::Officer(grant) => officer_keys.push(pb::OfficerKey {
                key_hash,
                officer: grant.officer.to_string(),
                device: grant.device.to_string(),
                roles: grant.roles.iter().map(|role| role.word().to_owned()).collect(),
                limit_cents: grant.limit.get(),
                limit_per_year_cents: grant.limit_per_year.map(crate::domain::money::Cents::get),
                valid_from: grant.valid_from.to_string(),
                valid_to: grant.valid_to.to_string(),
                revoked,
            }),
        }
    }
    pb::OrganisationTrust {
        root_keys: root.keys.iter().map(ToString::to_string).collect(),
        root_threshold: root.threshold,
        next_sha256: root.next_sha256.to_string(),
        last_event_seq: last.map(|(seq, _)| seq),
        last_event_id: last.map(|(_, id)| id.to_string()).unwrap_or_default(),
        online_keys,
        officer_keys,
        logs: view.logs.iter().map(|good| pb::HomeLog { origin: good.log.to_string(), size: good.size }).collect(),
    }
}

impl TryFrom<&pb::GetTrustResponse> for TrustFile {
    type Error = Refusal;

    fn try_from(message: &pb::GetTrustResponse) -> Result<Self, Refusal> {
        let statements: Result<Vec<Signed>, Refusal> =
            message.statements.iter().cloned().map(Signed::try_from).collect();
        let logs = message.organisation.iter().flat_map(|organisation| &organisation.logs);
        let logs: Result<Vec<LastGood>, Refusal> =
            logs.map(|log| Ok(LastGood { log: parsed("logs.origin", &log.origin)?, size: log.size })).collect();
        Ok(Self {
            federation: parsed("federation", &message.federation)?,
            root: parsed("root_hash", &message.root_hash)?,
            statements: statements?,
            logs: logs?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;
    use crate::protocol::explain::fixture::{Town, by_rule};

    #[test]
    fn what_a_node_says_about_an_organisation_is_complete() {
        let town = Town::new(by_rule());
        let asked = |org: &str| {
            let message = pb::GetTrustRequest { org: org.to_owned(), ..Default::default() };
            answer(&View::of(&town.node, town.now), &message)
        };
        let (all, statements) = asked("").expect("a federation");
        assert_eq!((all.organisations.len(), all.root_versions.len(), all.rule_packs.len()), (4, 1, 1));
        assert!(all.organisation.is_none() && statements.len() == 2);
        let (one, statements) = asked("town").expect("known");
        let said = one.organisation.as_ref().expect("asked for");
        assert_eq!((said.root_keys.len(), said.root_threshold, said.last_event_seq), (3, 2, Some(0)));
        assert!(!said.officer_keys.is_empty() && said.online_keys.len() == 1 && said.logs.len() == 1);
        assert!(statements.len() >= 3);
        let file = TrustFile::try_from(&one).expect("well-formed");
        assert_eq!((file.root, file.logs.len()), (town.node.settings().anchor, 1));
        assert_eq!(asked("fremd").expect_err("unknown").reason, Reason::OrgUnknown);
        assert_eq!(asked("Fremd").expect_err("no name").reason, Reason::NameInvalid);
    }

    #[test]
    fn organisations_come_in_pages_and_everything_else_with_the_first() {
        let town = Town::new(by_rule());
        let view = View::of(&town.node, town.now);
        let ask = |org: &str, page_size, page_token: &str| {
            let page_token = page_token.to_owned();
            answer(&view, &pb::GetTrustRequest { org: org.to_owned(), page_size, page_token })
        };
        let (mut found, mut token) = (Vec::new(), String::new());
        for number in 0.. {
            let (page, statements) = ask("", 3, &token).expect("a page");
            assert_eq!((page.root_versions.is_empty(), statements.is_empty()), (number > 0, number > 0));
            assert!(page.organisations.len() <= 3 && page.organisation_count == 4);
            found.extend(page.organisations.into_iter().map(|one| one.id));
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert!(found.len() == 4 && found.is_sorted(), "{found:?}");
        let (first, _) = ask("", 1, "").expect("a page");
        let refused = [ask("", -1, ""), ask("", 1, "?"), ask("town", 1, &first.next_page_token)];
        assert!(refused.into_iter().all(|answer| answer.expect_err("wrong").reason == Reason::PageInvalid));
    }
}
