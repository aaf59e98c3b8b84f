//! Routes on the wire: the question, and the judged routes as messages.
use crate::domain::id::{OrgId, StatementId};
use crate::domain::law::{Basis, Finding, LegJudgement, Verdict};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::route::{FoundRoutes, JudgedRoute, find_routes};
use crate::domain::time::Date;
use crate::protocol::Node;
use crate::wire::catalogue::Which;
use crate::wire::pb::chain::v1 as pb;
use crate::wire::{optional, optional_date, parsed, required};

/// Most routes in an answer: with six legs and every finding in two languages they still fit the message limit, and
/// an officer compares far fewer.
const ROUTES_SENT_MAX: usize = 100;

/// For whom, what, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// The buyer.
    pub for_org: OrgId,
    /// The offering.
    pub which: Which,
    /// Day of award; today if absent.
    pub as_of: Option<Date>,
    /// Facts known on this day; today if absent.
    pub known_on: Option<Date>,
    /// The rule pack; the newest if absent.
    pub rule_pack: Option<StatementId>,
}

impl TryFrom<pb::FindRoutesRequest> for Question {
    type Error = Refusal;

    fn try_from(message: pb::FindRoutesRequest) -> Result<Self, Refusal> {
        let pb::FindRoutesRequest { for_org, offering, as_of, known_on, rule_pack_id } = message;
        let which = match required("offering", offering)? {
            pb::find_routes_request::Offering::OfferingId(id) => Which::version(&id)?,
            pb::find_routes_request::Offering::Name(name) => Which::newest(&name)?,
        };
        Ok(Self {
            for_org: parsed("for_org", &for_org)?,
            which,
            as_of: optional_date("as_of", &as_of)?,
            known_on: optional_date("known_on", &known_on)?,
            rule_pack: optional("rule_pack_id", &rule_pack_id)?,
        })
    }
}

/// Searches and judges with what the node knows.
pub fn answer(node: &Node, question: &Question, today: Date) -> Result<pb::FindRoutesResponse, Refusal> {
    let state = node.state();
    let (as_of, known_on) = (question.as_of.unwrap_or(today), question.known_on.unwrap_or(today));
    let offering_id = question.which.resolve(state)?;
    let unknown = || Refusal::new(Reason::OfferingUnknown).with("id", offering_id);
    let seller = &state.catalogue.version(&offering_id).ok_or_else(unknown)?.seller;
    let pack_id = question.rule_pack.map_or_else(|| node.rule_pack_on(as_of), Ok)?;
    let unknown = || Refusal::new(Reason::RulePackUnknown).with("rule_pack", pack_id);
    let pack = state.packs.get(&pack_id).ok_or_else(unknown)?;
    let FoundRoutes { routes, complete } =
        find_routes(&state.facts, (&pack_id, pack), &question.for_org, seller, as_of, known_on);
    let against_offering = node.offering_obstacles(&offering_id, &question.for_org, today);
    let complete = complete && routes.len() <= ROUTES_SENT_MAX;
    let shown = routes.iter().take(ROUTES_SENT_MAX);
    Ok(pb::FindRoutesResponse {
        offering_id: offering_id.to_string(),
        rule_pack_id: pack_id.to_string(),
        rule_pack_name: pack.name.to_string(),
        as_of: as_of.to_string(),
        known_on: known_on.to_string(),
        routes: shown.map(|judged| route(judged, node.route_obstacles(judged), &against_offering)).collect(),
        complete,
        offering_obstacles: against_offering.iter().map(Into::into).collect(),
    })
}

fn route(judged: &JudgedRoute, against_route: Vec<Refusal>, against_offering: &[Refusal]) -> pb::Route {
    let JudgedRoute { route, legs, verdict } = judged;
    let obstacles: Vec<pb::Obstacle> = against_route.iter().chain(against_offering).map(Into::into).collect();
    pb::Route {
        parties: route.parties().iter().map(ToString::to_string).collect(),
        legs: legs.iter().map(|leg| leg.as_ref().into()).collect(),
        verdict: pb::Verdict::from(*verdict).into(),
        assumed: judged.assumed(),
        orderable: obstacles.is_empty(),
        obstacles,
    }
}

impl From<&Refusal> for pb::Obstacle {
    fn from(refusal: &Refusal) -> Self {
        let Refusal { reason, fields } = refusal;
        Self {
            reason: reason.code().to_owned(),
            text_de: reason.text(Lang::De).to_owned(),
            text_en: reason.text(Lang::En).to_owned(),
            fields: fields.iter().map(|(name, value)| (name.to_string(), value.clone())).collect(),
        }
    }
}

impl From<&LegJudgement> for pb::Leg {
    fn from(leg: &LegJudgement) -> Self {
        // The days and the rule pack are the same for the whole answer and stand there once.
        let LegJudgement { from, to, verdict, basis, findings, as_of: _, known_on: _, rule_pack: _ } = leg;
        Self {
            from: from.to_string(),
            to: to.to_string(),
            verdict: pb::Verdict::from(*verdict).into(),
            basis: basis.map(Basis::paragraph).unwrap_or_default().to_owned(),
            assumed: leg.assumed(),
            findings: findings.iter().map(Into::into).collect(),
            evidence_ids: leg.evidence().iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<&Finding> for pb::Finding {
    fn from(finding: &Finding) -> Self {
        // Whom it is about, the day and the values behind it are in the sentences.
        let Finding { condition, verdict, org: _, of: _, as_of: _, evidence, assumed, note: _ } = finding;
        let condition = serde_json::to_value(condition).ok();
        Self {
            condition: condition.as_ref().and_then(|word| word.as_str()).unwrap_or_default().to_owned(),
            verdict: pb::Verdict::from(*verdict).into(),
            text_de: finding.text(Lang::De),
            text_en: finding.text(Lang::En),
            assumed: *assumed,
            evidence_ids: evidence.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<Verdict> for pb::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Fulfilled => Self::Fulfilled,
            Verdict::NotProven => Self::NotProven,
            Verdict::NotFulfilled => Self::NotFulfilled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::law::tests::{day, org};
    use crate::protocol::explain::fixture::{Town, by_rule};
    use crate::wire::pb::catalogue::v1::OfferingName;

    fn question(for_org: &str, as_of: &str) -> pb::FindRoutesRequest {
        let name = OfferingName { seller: "provider".to_owned(), name: "wohngeld".to_owned() };
        pb::FindRoutesRequest {
            for_org: for_org.to_owned(),
            offering: Some(pb::find_routes_request::Offering::Name(name)),
            as_of: as_of.to_owned(),
            known_on: String::new(),
            rule_pack_id: String::new(),
        }
    }

    fn ask(town: &Town, for_org: &str, as_of: &str) -> pb::FindRoutesResponse {
        let question = question(for_org, as_of).try_into().expect("well-formed");
        answer(&town.node, &question, town.now.date()).expect("an answer")
    }

    #[test]
    fn a_good_route_is_orderable_and_says_why() {
        let town = Town::new(by_rule());
        let found = ask(&town, "town", "");
        assert_eq!(found.as_of, "2026-11-23");
        assert_eq!(found.rule_pack_id, town.pack.to_string());
        let route = &found.routes[0];
        assert_eq!(route.parties, ["town", "kitu", "provider"]);
        assert!(route.orderable && route.obstacles.is_empty(), "{:?}", route.obstacles);
        assert_eq!(route.legs[0].basis, "§ 108 Abs. 4, 5 GWB");
        assert!(route.legs[0].findings.iter().any(|finding| finding.condition == "activity-share"));
        assert!(!route.legs[0].evidence_ids.is_empty());
    }

    #[test]
    fn what_stands_against_a_route_is_named() {
        let town = Town::new(by_rule());
        let mut early: Question = question("town", "2009-06-01").try_into().expect("well-formed");
        let refusal = answer(&town.node, &early, town.now.date()).expect_err("no pack for that day");
        assert_eq!(refusal.reason, Reason::RulePackUnknown);
        early.rule_pack = Some(town.pack);
        let found = answer(&town.node, &early, town.now.date()).expect("an answer");
        let route = &found.routes[0];
        assert!(!route.orderable && route.obstacles.len() == 2, "both legs fail before the memberships began");
        assert!(route.obstacles.iter().all(|obstacle| obstacle.reason.starts_with("LEG_NOT_")));
        assert!(!route.obstacles[0].fields["why"].is_empty());
    }

    #[test]
    fn nobody_related_means_no_routes() {
        let town = Town::new(by_rule());
        let question = Question {
            for_org: org("stranger"),
            which: Which::Version(town.offering),
            as_of: Some(day("2026-06-01")),
            known_on: None,
            rule_pack: Some(town.pack),
        };
        let found = answer(&town.node, &question, town.now.date()).expect("an answer");
        assert!(found.routes.is_empty() && found.complete);
        let unknown = Question { rule_pack: Some(StatementId([0; 32])), ..question };
        let refusal = answer(&town.node, &unknown, town.now.date()).expect_err("no such pack");
        assert_eq!(refusal.reason, Reason::RulePackUnknown);
    }

    #[test]
    fn malformed_questions_name_the_field() {
        type Edit = fn(&mut pb::FindRoutesRequest);
        let checks: [(&str, Edit); 5] = [
            ("for_org", |m| m.for_org.clear()),
            ("offering", |m| m.offering = None),
            ("as_of", |m| m.as_of = "gestern".to_owned()),
            ("known_on", |m| m.known_on = "2026-02-30".to_owned()),
            ("rule_pack_id", |m| m.rule_pack_id = "0".to_owned()),
        ];
        for (field, edit) in checks {
            let mut message = question("town", "");
            edit(&mut message);
            assert_eq!(Question::try_from(message).expect_err("malformed").field("field"), Some(field));
        }
    }
}
