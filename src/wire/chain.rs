//! Routes on the wire: the questions, and judged routes, legs and orders touched as messages.
use std::collections::BTreeSet;

use crate::domain::fact_base::FactBase;
use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::law::cases::{Court, judge_cases};
use crate::domain::law::{Award, Finding, LegJudgement, Verdict};
use crate::domain::money::Cents;
use crate::domain::price::Quantities;
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::route::{Alternative, FoundRoutes, JudgedRoute, alternatives};
use crate::domain::rule_pack::{Provision, RulePack};
use crate::domain::time::Date;
use crate::protocol::Node;
use crate::protocol::affected::{Affected, OpenOrRunning, affected, affected_order};
use crate::protocol::pricing::RouteSearch;
use crate::protocol::public::Public;
use crate::protocol::state::Order;
use crate::wire::catalogue::Which;
use crate::wire::pb::chain::v1 as pb;
use crate::wire::{optional, optional_date, parsed, required};

/// Most routes in an answer: with six legs and every finding in two languages they still fit the message limit, and
/// an officer compares far fewer.
const ROUTES_SENT_MAX: usize = 100;

/// Where a route ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Goal {
    /// At the seller of an offering.
    Offering(Which),
    /// At an organisation.
    Provider(OrgId),
}

/// For whom, what, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RouteQuestion {
    /// The buyer.
    pub for_org: OrgId,
    /// To what or whom.
    pub goal: Goal,
    /// Day of award; today if absent.
    pub as_of: Option<Date>,
    /// Facts known on this day; today if absent.
    pub known_on: Option<Date>,
    /// Day on which the procedure began; that of the award if absent, and today if that is still to come.
    pub began: Option<Date>,
    /// What kind of contract it is.
    pub award: Award,
    /// Whether a contract in force is to be changed.
    pub is_change: bool,
    /// The rule pack; the one in force for the procedure if absent.
    pub rule_pack: Option<StatementId>,
    /// Contract length the prices are for; zero for the shortest.
    pub term_years: u32,
    /// What the buyer says about itself, where prices depend on it.
    pub quantities: Quantities,
}

impl TryFrom<pb::FindRoutesRequest> for RouteQuestion {
    type Error = Refusal;

    fn try_from(message: pb::FindRoutesRequest) -> Result<Self, Refusal> {
        let pb::FindRoutesRequest {
            for_org,
            offering,
            as_of,
            known_on,
            rule_pack_id,
            term_years,
            uses,
            target_group,
            procedure_began,
            award,
            changes_contract,
        } = message;
        let goal = match required("offering", offering)? {
            pb::find_routes_request::Offering::OfferingId(id) => Goal::Offering(Which::version(&id)?),
            pb::find_routes_request::Offering::Name(name) => Goal::Offering(Which::newest(&name)?),
            pb::find_routes_request::Offering::Provider(org) => Goal::Provider(parsed("provider", &org)?),
        };
        Ok(Self {
            for_org: parsed("for_org", &for_org)?,
            goal,
            as_of: optional_date("as_of", &as_of)?,
            known_on: optional_date("known_on", &known_on)?,
            began: optional_date("procedure_began", &procedure_began)?,
            award: award_of(award)?,
            is_change: changes_contract,
            rule_pack: optional("rule_pack_id", &rule_pack_id)?,
            term_years,
            quantities: Quantities { uses, target_group },
        })
    }
}

/// Searches and judges with what the node knows.
pub fn answer(public: Public<'_>, question: &RouteQuestion, today: Date) -> Result<pb::FindRoutesResponse, Refusal> {
    let (as_of, known_on) = (question.as_of.unwrap_or(today), question.known_on.unwrap_or(today));
    let offering = match &question.goal {
        Goal::Offering(which) => Some(which.resolve(public.catalogue)?),
        Goal::Provider(_) => None,
    };
    let unknown = |id| Refusal::new(Reason::OfferingUnknown).with("id", id);
    let provider = match (&question.goal, offering) {
        (_, Some(id)) => &public.catalogue.version(&id).ok_or_else(|| unknown(id))?.seller,
        (Goal::Provider(org), _) => org,
        (Goal::Offering(_), None) => return Err(Refusal::new(Reason::OfferingUnknown)),
    };
    let began = began(question.began, as_of, today)?;
    let (pack_id, pack) = pack(public, question.rule_pack, began)?;
    let (facts, buyer) = (public.facts, &question.for_org);
    let (award, is_change) = (question.award, question.is_change);
    let (term_years, quantities) = (question.term_years, question.quantities);
    let search = RouteSearch {
        buyer,
        provider,
        rule_pack: pack_id,
        as_of,
        known_on,
        began,
        award,
        is_change,
        offering,
        term_years,
        quantities,
    };
    let FoundRoutes { routes, complete } = public.find_routes(&search)?;
    let holds = routes.first().is_some_and(|best| best.verdict.holds());
    let court = Court { began, award, is_change, ..Court::on(facts, (&pack_id, pack), as_of, known_on) };
    let others = if holds { Vec::new() } else { alternatives(&court, buyer, provider) };
    let against_offering = offering.map_or(Vec::new(), |id| public.offering_obstacles(&id, buyer, today));
    let complete = complete && routes.len() <= ROUTES_SENT_MAX;
    let shown = routes.iter().take(ROUTES_SENT_MAX);
    Ok(pb::FindRoutesResponse {
        offering_id: offering.map(|id| id.to_string()).unwrap_or_default(),
        rule_pack_id: pack_id.to_string(),
        rule_pack_name: pack.name.to_string(),
        as_of: as_of.to_string(),
        known_on: known_on.to_string(),
        routes: shown.map(|judged| route(judged, public.route_obstacles(judged), &against_offering)).collect(),
        complete,
        offering_obstacles: against_offering.iter().map(Into::into).collect(),
        alternatives: others.iter().map(|other| alternative(other, pack)).collect(),
        procedure_began: began.to_string(),
        rule_pack_source: pack.source.clone(),
    })
}

/// The day on which the procedure began. Without word of it: that of the award, but an order begins today at the latest.
fn began(stated: Option<Date>, as_of: Date, today: Date) -> Result<Date, Refusal> {
    let began = stated.unwrap_or(as_of.min(today));
    if began > today || began > as_of {
        let refusal = Refusal::new(Reason::FieldInvalid).with("field", "procedure_began").with("value", began);
        return Err(refusal.with("rule", "neither in the future nor after the award"));
    }
    Ok(began)
}

impl From<Award> for pb::Award {
    fn from(award: Award) -> Self {
        match award {
            Award::General => Self::General,
            Award::Sector => Self::Sector,
            Award::Concession => Self::Concession,
        }
    }
}

fn award_of(award: i32) -> Result<Award, Refusal> {
    match pb::Award::try_from(award) {
        Ok(pb::Award::Unspecified | pb::Award::General) => Ok(Award::General),
        Ok(pb::Award::Sector) => Ok(Award::Sector),
        Ok(pb::Award::Concession) => Ok(Award::Concession),
        Err(_) => Err(Refusal::new(Reason::FieldInvalid).with("field", "award").with("value", award)),
    }
}

/// The rule pack asked for, or the one in force for procedures that began on a day.
fn pack(public: Public<'_>, wanted: Option<StatementId>, began: Date) -> Result<(StatementId, &RulePack), Refusal> {
    let id = wanted.map_or_else(|| public.rule_pack_on(began), Ok)?;
    let unknown = || Refusal::new(Reason::RulePackUnknown).with("rule_pack", id);
    Ok((id, public.packs.get(&id).ok_or_else(unknown)?))
}

/// One leg, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LegQuestion {
    from: OrgId,
    to: OrgId,
    as_of: Option<Date>,
    known_on: Option<Date>,
    began: Option<Date>,
    award: Award,
    is_change: bool,
    rule_pack: Option<StatementId>,
}

impl TryFrom<pb::ExplainLegRequest> for LegQuestion {
    type Error = Refusal;

    fn try_from(message: pb::ExplainLegRequest) -> Result<Self, Refusal> {
        let pb::ExplainLegRequest {
            from,
            to,
            as_of,
            known_on,
            rule_pack_id,
            procedure_began,
            award,
            changes_contract,
        } = message;
        Ok(Self {
            from: parsed("from", &from)?,
            to: parsed("to", &to)?,
            as_of: optional_date("as_of", &as_of)?,
            known_on: optional_date("known_on", &known_on)?,
            began: optional_date("procedure_began", &procedure_began)?,
            award: award_of(award)?,
            is_change: changes_contract,
            rule_pack: optional("rule_pack_id", &rule_pack_id)?,
        })
    }
}

/// Judges one leg under every case that applies, and names the facts.
pub fn explain(public: Public<'_>, question: &LegQuestion, today: Date) -> Result<pb::ExplainLegResponse, Refusal> {
    let (as_of, known_on) = (question.as_of.unwrap_or(today), question.known_on.unwrap_or(today));
    let began = began(question.began, as_of, today)?;
    let (pack_id, pack) = pack(public, question.rule_pack, began)?;
    public.check_parties(&question.from, &question.to)?;
    let facts = public.facts;
    let (award, is_change) = (question.award, question.is_change);
    let court = Court { began, award, is_change, ..Court::on(facts, (&pack_id, pack), as_of, known_on) };
    let cases = judge_cases(&court, &question.from, &question.to);
    let named: BTreeSet<StatementId> = cases.iter().flat_map(LegJudgement::evidence).collect();
    Ok(pb::ExplainLegResponse {
        rule_pack_id: pack_id.to_string(),
        rule_pack_name: pack.name.to_string(),
        as_of: as_of.to_string(),
        known_on: known_on.to_string(),
        cases: cases.iter().map(Into::into).collect(),
        facts: named.iter().filter_map(|id| fact(facts, id)).collect(),
        procedure_began: began.to_string(),
        rule_pack_source: pack.source.clone(),
    })
}

fn fact(facts: &FactBase, id: &StatementId) -> Option<pb::Fact> {
    let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
    if let Some(fact) = facts.membership(id) {
        return Some(pb::Fact {
            id: id.to_string(),
            org: fact.member.to_string(),
            of: fact.of.to_string(),
            valid_from: fact.valid_from.to_string(),
            valid_to: day(fact.valid_to),
            known_from: fact.known_from.to_string(),
            source: fact.source.clone(),
            assumed: fact.assumed,
        });
    }
    facts.entity(id).map(|fact| pb::Fact {
        id: id.to_string(),
        org: fact.org.to_string(),
        of: String::new(),
        valid_from: fact.valid_from.to_string(),
        valid_to: day(fact.valid_to),
        known_from: fact.known_from.to_string(),
        source: fact.source.clone(),
        assumed: fact.assumed,
    })
}

/// Which membership, and the day to judge by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AffectedQuestion {
    membership: Option<(OrgId, OrgId)>,
    as_of: Option<Date>,
}

impl TryFrom<pb::ListAffectedRequest> for AffectedQuestion {
    type Error = Refusal;

    fn try_from(message: pb::ListAffectedRequest) -> Result<Self, Refusal> {
        let pb::ListAffectedRequest { member, of, as_of } = message;
        let membership = match (optional("member", &member)?, optional("of", &of)?) {
            (Some(member), Some(of)) => Some((member, of)),
            (None, None) => None,
            _ => return Err(Refusal::new(Reason::FieldInvalid).with("field", "member, of")),
        };
        Ok(Self { membership, as_of: optional_date("as_of", &as_of)? })
    }
}

impl AffectedQuestion {
    /// For which day it is asked.
    pub fn day(&self, today: Date) -> Date {
        self.as_of.unwrap_or(today)
    }

    fn membership(&self) -> Option<(&OrgId, &OrgId)> {
        self.membership.as_ref().map(|(member, of)| (member, of))
    }
}

/// The orders of one organisation that a membership touches, of those in memory.
pub fn list_affected(node: &Node, org: &OrgId, question: &AffectedQuestion, today: Date) -> Vec<Affected> {
    affected(node.state(), org, question.membership(), question.day(today))
}

/// Whether it touches a settled order.
pub fn is_affected(
    node: &Node,
    order: (OrderId, &Order),
    org: &OrgId,
    question: &AffectedQuestion,
    today: Date,
) -> Option<Affected> {
    affected_order(node.state(), order, org, question.membership(), question.day(today))
}

/// As it is sent: by order.
pub fn affected_orders(mut found: Vec<Affected>) -> pb::ListAffectedResponse {
    found.sort_by_key(|touched| touched.order);
    pb::ListAffectedResponse { orders: found.iter().map(Into::into).collect() }
}

impl From<&Affected> for pb::AffectedOrder {
    fn from(touched: &Affected) -> Self {
        let Affected { order, buyer, offering, phase, legs } = touched;
        let rested_on: BTreeSet<StatementId> = legs.iter().flat_map(|leg| &leg.rested_on).copied().collect();
        let until = match phase {
            OpenOrRunning::Open => None,
            OpenOrRunning::Running { until } => Some(until),
        };
        Self {
            order_id: order.to_string(),
            buyer: buyer.to_string(),
            offering_id: offering.to_string(),
            sealed: until.is_some(),
            runs_until: until.map(|day| day.to_string()).unwrap_or_default(),
            legs: legs.iter().map(|leg| (&leg.today).into()).collect(),
            rested_on_ids: rested_on.iter().map(ToString::to_string).collect(),
        }
    }
}

fn alternative(alternative: &Alternative, pack: &RulePack) -> pb::Alternative {
    let (kind, leg) = match alternative {
        Alternative::Cooperation(leg) => (pb::AlternativeKind::Cooperation, Some(leg)),
        Alternative::CentralPurchasing(leg) => (pb::AlternativeKind::CentralPurchasing, Some(leg)),
        Alternative::Tender(_) => (pb::AlternativeKind::Tender, None),
    };
    let basis = leg.map_or_else(|| pack.cite(Provision::Tendered), |leg| &leg.paragraph);
    pb::Alternative {
        kind: kind.into(),
        org: leg.map(|leg| leg.to.to_string()).unwrap_or_default(),
        basis: basis.to_owned(),
        verdict: leg.map_or(pb::Verdict::Unspecified, |leg| leg.verdict.into()).into(),
        text_de: alternative.text(Lang::De),
        text_en: alternative.text(Lang::En),
        findings: leg.map_or(Vec::new(), |leg| leg.findings.iter().map(Into::into).collect()),
    }
}

fn route(judged: &JudgedRoute, against_route: Vec<Refusal>, against_offering: &[Refusal]) -> pb::Route {
    let JudgedRoute { route, legs, verdict, price } = judged;
    let obstacles: Vec<pb::Obstacle> = against_route.iter().chain(against_offering).map(Into::into).collect();
    pb::Route {
        parties: route.parties().iter().map(ToString::to_string).collect(),
        legs: legs.iter().map(|leg| leg.as_ref().into()).collect(),
        verdict: pb::Verdict::from(*verdict).into(),
        assumed: judged.assumed(),
        orderable: obstacles.is_empty(),
        obstacles,
        total_cents: price.map(Cents::get),
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
        let LegJudgement { from, to, verdict, basis, paragraph, findings, as_of: _, known_on: _, rule_pack: _ } = leg;
        Self {
            from: from.to_string(),
            to: to.to_string(),
            verdict: pb::Verdict::from(*verdict).into(),
            basis: paragraph.clone(),
            assumed: leg.assumed(),
            findings: findings.iter().map(Into::into).collect(),
            evidence_ids: leg.evidence().iter().map(ToString::to_string).collect(),
            case: basis.map(word).unwrap_or_default(),
        }
    }
}

impl From<&Finding> for pb::Finding {
    fn from(finding: &Finding) -> Self {
        // Whom it is about, the day and the values behind it are in the sentences.
        let Finding { condition, verdict, org: _, of: _, as_of: _, evidence, assumed, note: _, citation } = finding;
        Self {
            condition: word(condition),
            verdict: pb::Verdict::from(*verdict).into(),
            text_de: finding.text(Lang::De),
            text_en: finding.text(Lang::En),
            assumed: *assumed,
            evidence_ids: evidence.iter().map(ToString::to_string).collect(),
            citation: citation.clone(),
            proof_de: finding.proof(Lang::De).unwrap_or_default(),
            proof_en: finding.proof(Lang::En).unwrap_or_default(),
        }
    }
}

/// The stable word of a value that is written as one.
fn word(value: impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).ok();
    value.as_ref().and_then(|word| word.as_str()).unwrap_or_default().to_owned()
}

impl From<Verdict> for pb::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Fulfilled => Self::Fulfilled,
            Verdict::Contested => Self::Contested,
            Verdict::NotProven => Self::NotProven,
            Verdict::NotFulfilled => Self::NotFulfilled,
        }
    }
}

/// What stands against an offering, and what it costs along its best route.
pub fn weighed(found: Result<pb::FindRoutesResponse, Refusal>) -> Result<(Option<String>, Option<Cents>), Refusal> {
    let found = match found {
        // The buyer's own offering needs no route to itself.
        Err(refusal) if refusal.reason == Reason::RouteInvalid => {
            return Ok((Some(refusal.reason.code().to_owned()), None));
        }
        found => found?,
    };
    let best = found.routes.iter().find(|route| route.orderable).or(found.routes.first());
    let obstacle = found.offering_obstacles.first().or_else(|| best.and_then(|route| route.obstacles.first()));
    let none = best.is_none().then_some(Reason::NoRoute.code().to_owned());
    let total = best.and_then(|route| route.total_cents).map(Cents::try_from).transpose()?;
    Ok((obstacle.map(|obstacle| obstacle.reason.clone()).or(none), total))
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
            ..pb::FindRoutesRequest::default()
        }
    }

    fn ask(town: &Town, for_org: &str, as_of: &str) -> pb::FindRoutesResponse {
        let question = question(for_org, as_of).try_into().expect("well-formed");
        answer(town.node.state().public(), &question, town.now.date()).expect("an answer")
    }

    #[test]
    fn an_offering_is_weighed_by_its_best_route_and_ones_own_needs_none() {
        let town = Town::new(by_rule());
        let found = ask(&town, "town", "");
        let best = found.routes.iter().find(|route| route.orderable).expect("a route").total_cents;
        let (against, total) = weighed(Ok(found.clone())).expect("weighed");
        assert_eq!((against, total.map(Cents::get)), (None, best));
        let nowhere = pb::FindRoutesResponse { routes: Vec::new(), ..found };
        assert_eq!(weighed(Ok(nowhere)).expect("weighed"), (Some("NO_ROUTE".to_owned()), None));
        let refused = |reason| weighed(Err(Refusal::new(reason)));
        assert_eq!(refused(Reason::RouteInvalid).expect("one's own"), (Some("ROUTE_INVALID".to_owned()), None));
        assert_eq!(refused(Reason::OrgUnknown).expect_err("an error").reason, Reason::OrgUnknown);
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
        let mut early: RouteQuestion = question("town", "2009-06-01").try_into().expect("well-formed");
        let refusal = answer(town.node.state().public(), &early, town.now.date()).expect_err("no pack for that day");
        assert_eq!(refusal.reason, Reason::NoRulePack);
        early.rule_pack = Some(town.pack);
        let found = answer(town.node.state().public(), &early, town.now.date()).expect("an answer");
        let route = &found.routes[0];
        assert!(!route.orderable && route.obstacles.len() == 2, "both legs fail before the memberships began");
        assert!(route.obstacles.iter().all(|obstacle| obstacle.reason.starts_with("LEG_NOT_")));
        assert!(!route.obstacles[0].fields["why"].is_empty());
    }

    #[test]
    fn nobody_related_means_no_routes() {
        let town = Town::new(by_rule());
        let question = RouteQuestion {
            for_org: org("loner"),
            goal: Goal::Offering(Which::Version(town.offering)),
            as_of: Some(day("2026-06-01")),
            known_on: None,
            began: None,
            award: Award::General,
            is_change: false,
            rule_pack: Some(town.pack),
            term_years: 0,
            quantities: Quantities::default(),
        };
        let found = answer(town.node.state().public(), &question, town.now.date()).expect("an answer");
        assert!(found.routes.is_empty() && found.complete);
        let misspelt = RouteQuestion { for_org: org("twon"), ..question.clone() };
        let refusal =
            answer(town.node.state().public(), &misspelt, town.now.date()).expect_err("nobody of that name");
        assert_eq!((refusal.reason, refusal.field("org")), (Reason::OrgUnknown, Some("twon")));
        let itself = RouteQuestion { for_org: org("provider"), ..question.clone() };
        let refusal = answer(town.node.state().public(), &itself, town.now.date()).expect_err("from itself");
        assert_eq!(refusal.reason, Reason::RouteInvalid);
        let unknown = RouteQuestion { rule_pack: Some(StatementId([0; 32])), ..question };
        let refusal = answer(town.node.state().public(), &unknown, town.now.date()).expect_err("no such pack");
        assert_eq!(refusal.reason, Reason::RulePackUnknown);
    }

    #[test]
    fn where_no_route_holds_the_alternatives_are_named() {
        let town = Town::new(by_rule());
        let mut message = question("town", "");
        message.offering = Some(pb::find_routes_request::Offering::Provider("provider".to_owned()));
        let to_provider = message.clone().try_into().expect("well-formed");
        let found = answer(town.node.state().public(), &to_provider, town.now.date()).expect("an answer");
        assert_eq!((found.routes[0].parties.len(), found.alternatives.len()), (3, 0));
        message.offering = Some(pb::find_routes_request::Offering::Provider("loner".to_owned()));
        let to_stranger = message.try_into().expect("well-formed");
        let found = answer(town.node.state().public(), &to_stranger, town.now.date()).expect("an answer");
        let kinds: Vec<_> = found.alternatives.iter().map(|other| (other.kind(), other.org.as_str())).collect();
        assert_eq!(
            kinds,
            [(pb::AlternativeKind::Cooperation, "loner"), (pb::AlternativeKind::Tender, "")],
            "whether the loner is an authority is for its facts to say"
        );
        assert!(found.alternatives.iter().all(|other| other.text_de.ends_with('.') && other.text_en.ends_with('.')));
    }

    #[test]
    fn a_leg_is_explained_under_every_case_with_its_facts() {
        let town = Town::new(by_rule());
        let request = pb::ExplainLegRequest { from: "kitu".to_owned(), to: "town".to_owned(), ..Default::default() };
        let question = request.try_into().expect("well-formed");
        let told = explain(town.node.state().public(), &question, town.now.date()).expect("an answer");
        assert_eq!((told.cases.len(), told.cases[0].case.as_str()), (1, "joint-inverse"));
        assert_eq!(told.facts.len(), told.cases[0].evidence_ids.len());
        assert!(told.facts.iter().any(|fact| (fact.org.as_str(), fact.of.as_str()) == ("town", "kitu")));
        let half = pb::ListAffectedRequest { member: "town".to_owned(), ..Default::default() };
        assert_eq!(AffectedQuestion::try_from(half).expect_err("half a membership").reason, Reason::FieldInvalid);
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
            assert_eq!(RouteQuestion::try_from(message).expect_err("malformed").field("field"), Some(field));
        }
    }
}
