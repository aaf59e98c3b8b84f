//! What an officer is about to sign, as bytes. The browser shows what they say and signs exactly them; nothing here decides whether
//! they may be signed: the node judges what is handed in like everything that comes by gRPC.
use serde::Serialize;

use crate::domain::annex::{Annex, Texts};
use crate::domain::body::Body;
use crate::domain::grounds::Grounds;
use crate::domain::id::{Hash, OfficerName, OrderId, OrgId, StatementId, shortened};
use crate::domain::json;
use crate::domain::law::{Award, Verdict};
use crate::domain::money::Cents;
use crate::domain::order::acts::{self, By, Of};
use crate::domain::order::aftercare::next_number;
use crate::domain::order::milestone::{ConnectionStep, Event, Milestone};
use crate::domain::order::{
    Attempt, CONSIDERED_MAX, Considered, Decision, LegFinding, Mode, Request, Seal, VoidReason,
};
use crate::domain::price::Quantities;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::route::Route;
use crate::domain::salt::Salt;
use crate::domain::statement::Kind;
use crate::domain::time::{Timestamp, parse_date};
use crate::protocol::Node;
use crate::view::View;
use crate::web::forms;
use crate::web::query::Query;
use crate::wire::chain::{LegQuestion, RouteQuestion, answer, explain};
use crate::wire::pb::chain::v1 as pb;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How long the chain has to answer, and the buyer to seal: what the command line proposes as well.
const QUOTE_MS: i64 = 7 * DAY_MS;
const SEAL_MS: i64 = 14 * DAY_MS;

/// A statement without a signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Draft {
    /// What kind.
    pub(super) kind: Kind,
    /// Its JSON, written once.
    pub(super) payload: Vec<u8>,
    /// The words it names.
    pub(super) annex: Option<Annex>,
}

impl Draft {
    /// Writes a body. Refused for one that breaks a rule by itself, so that it is told before anybody signs.
    pub(super) fn of<T: Serialize>(kind: Kind, body: &T) -> Result<Self, Refusal> {
        let payload = json::write(body);
        Body::read_payload(&kind, &payload)?;
        Ok(Self { kind, payload, annex: None })
    }

    /// With the annex that the body names.
    fn beside(self, annex: Option<Annex>) -> Self {
        Self { annex, ..self }
    }
}

/// Who signs, when.
#[derive(Clone)]
pub(super) struct Signer {
    pub(super) org: OrgId,
    pub(super) officer: OfficerName,
    pub(super) salt: Salt,
    /// Hides what an annex says.
    pub(super) annex_salt: [u8; 32],
}

impl Signer {
    /// The same for what is signed now.
    pub(super) fn at(self, signed_at: Timestamp) -> By {
        By { org: self.org, officer: self.officer, signed_at, salt: self.salt }
    }
}

/// What an officer does with an order, before anything is filled in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Act {
    /// Approve or accept it.
    Approve,
    /// Refuse it.
    Refuse,
    /// Conclude all contracts.
    Seal,
    /// End it.
    Cancel,
    /// Say that a step of the connection is done.
    Connected,
    /// Say since when it is in use.
    Productive,
    /// Say whom to ask from now on.
    Contact,
    /// Give notice.
    Terminate,
    /// Say that the contract has ended and everything is settled.
    Close,
    /// Withdraw what the organisation has promised.
    Recall,
    /// Take a seal for binding that came late.
    Confirm,
}

/// The same with everything it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Deed {
    /// Approve or accept it, or not.
    Decide(bool),
    /// Conclude all contracts.
    Seal,
    /// End it.
    Cancel,
    /// Tell the other parties.
    Report(Event),
    /// Withdraw what was promised.
    Recall,
    /// Take a late seal for binding.
    Confirm,
}

impl Act {
    /// All of them.
    pub(super) const ALL: [Self; 11] = [
        Self::Approve,
        Self::Refuse,
        Self::Seal,
        Self::Cancel,
        Self::Connected,
        Self::Productive,
        Self::Contact,
        Self::Terminate,
        Self::Close,
        Self::Recall,
        Self::Confirm,
    ];

    /// As it stands in an address.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Approve => "freigeben",
            Self::Refuse => "ablehnen",
            Self::Seal => "abschliessen",
            Self::Cancel => "beenden",
            Self::Connected => "anbindung",
            Self::Productive => "betrieb",
            Self::Contact => "ansprechstelle",
            Self::Terminate => "kuendigung",
            Self::Close => "abwicklung",
            Self::Recall => "zuruecknehmen",
            Self::Confirm => "bestaetigen",
        }
    }

    /// The field without which there is nothing to sign.
    pub(super) fn needs(self) -> Option<&'static str> {
        match self {
            Self::Connected => Some(forms::STEP),
            Self::Productive | Self::Terminate => Some(forms::DAY),
            Self::Contact | Self::Recall => Some(forms::WORDS),
            _ => None,
        }
    }

    /// Whether an officer may say a text beside it.
    pub(super) fn has_words(self) -> bool {
        !matches!(self, Self::Seal | Self::Cancel | Self::Confirm)
    }

    /// What is done, as it was filled in.
    pub(super) fn deed(self, query: &Query) -> Result<Deed, Refusal> {
        Ok(match self {
            Self::Approve | Self::Refuse => Deed::Decide(self == Self::Approve),
            Self::Seal => Deed::Seal,
            Self::Cancel => Deed::Cancel,
            Self::Connected => Deed::Report(Event::Connected { item: step(query.first(forms::STEP))? }),
            Self::Productive => Deed::Report(Event::Productive { since: forms::day(query, forms::DAY)? }),
            Self::Contact => Deed::Report(Event::Contact),
            Self::Terminate => Deed::Report(Event::Terminated { ends_on: forms::day(query, forms::DAY)? }),
            Self::Close => Deed::Report(Event::Closed),
            Self::Recall => Deed::Recall,
            Self::Confirm => Deed::Confirm,
        })
    }

    /// The act of that word.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.word() == word)
    }

    /// The acts behind what `explain` says a person can do.
    pub(super) fn of_choice(word: &str) -> &'static [Self] {
        match word {
            "approve" | "decide" => &[Self::Approve, Self::Refuse],
            "seal" => &[Self::Seal],
            "cancel" => &[Self::Cancel],
            "recall" => &[Self::Recall],
            "confirm" => &[Self::Confirm],
            "report" => &[Self::Connected, Self::Productive, Self::Contact, Self::Terminate, Self::Close],
            _ => &[],
        }
    }
}

/// A step of the connection by its word.
fn step(word: &str) -> Result<ConnectionStep, Refusal> {
    let known = ConnectionStep::ALL.into_iter().find(|step| step.word() == word);
    let refuse = || {
        let refusal = Refusal::new(Reason::FieldInvalid).with("field", forms::STEP);
        refusal.with("value", shortened(word)).with("rule", "one of those shown")
    };
    known.ok_or_else(refuse)
}

impl Deed {
    /// The words as an annex holds them; refused if there must be some and there are none, or they break a rule.
    pub(super) fn annex(&self, said: &str, salt: [u8; 32]) -> Result<Option<Annex>, Refusal> {
        let texts = match self {
            Self::Seal | Self::Cancel | Self::Confirm => Texts::default(),
            Self::Recall => Texts::note(forms::required(said.to_owned(), "note")?),
            Self::Report(Event::Contact) if said.is_empty() => {
                return Err(Refusal::new(Reason::FieldInvalid)
                    .with("field", "contact")
                    .with("rule", "must not be empty"));
            }
            Self::Report(Event::Contact) => Texts { contact: said.to_owned(), ..Texts::default() },
            Self::Decide(_) | Self::Report(_) => Texts::note(said),
        };
        Annex::write(texts, salt)
    }
}

/// What to sign for an act, with the words beside it.
pub(super) fn act(
    node: &Node,
    id: OrderId,
    (deed, annex): (Deed, Option<Annex>),
    by: Signer,
    now: Timestamp,
) -> Result<Draft, Refusal> {
    let words = annex.as_ref().map(Annex::id);
    bare_act(node, id, (deed, words), by, now).map(|draft| draft.beside(annex))
}

fn bare_act(
    node: &Node,
    id: OrderId,
    (deed, annex): (Deed, Option<Hash>),
    by: Signer,
    now: Timestamp,
) -> Result<Draft, Refusal> {
    let known = node.state().orders.get(&id).and_then(|known| known.current());
    let attempt = known.ok_or_else(|| Refusal::new(Reason::OrderUnknown).with("order", id))?;
    let request = attempt.request.body();
    let (number, request_id, signed_at) = (request.attempt, attempt.request.id(), now);
    let of = Of { order: id, attempt: number };
    match deed {
        Deed::Decide(approve) => Draft::of(
            Kind::Decision,
            &Decision {
                order: id,
                attempt: number,
                request: request_id,
                leg: machine_verdict(node, attempt, &by.org, now)?,
                org: by.org,
                approve,
                annex,
                officer: by.officer,
                signed_at,
                salt: by.salt,
            },
        ),
        Deed::Seal => Draft::of(
            Kind::Seal,
            &Seal {
                order: id,
                attempt: number,
                buyer: by.org,
                chain: attempt.chain()?,
                total: attempt.total()?,
                agreed: node.freely_agreed(attempt).into_iter().collect(),
                officer: Some(by.officer),
                signed_at,
                salt: by.salt,
            },
        ),
        Deed::Cancel => Draft::of(Kind::Void, &acts::void(of, request_id, VoidReason::Cancelled, by.at(now))),
        Deed::Recall => Draft::of(Kind::Recall, &acts::recall(of, request_id, annex, by.at(now))),
        Deed::Confirm => Draft::of(Kind::Confirm, &acts::confirmation(of, sealed(attempt)?, by.at(now))),
        Deed::Report(event) => milestone(attempt, (event, annex), by, now),
    }
}

/// The seal of an attempt.
fn sealed(attempt: &Attempt) -> Result<StatementId, Refusal> {
    let unsealed = || Refusal::new(Reason::OrderState).with("rule", "not sealed");
    Ok(attempt.seal.as_ref().ok_or_else(unsealed)?.id())
}

/// The next milestone of the officer's organisation.
fn milestone(
    attempt: &Attempt,
    (event, annex): (Event, Option<Hash>),
    by: Signer,
    now: Timestamp,
) -> Result<Draft, Refusal> {
    let (request, seal) = (attempt.request.body(), sealed(attempt)?);
    let body = Milestone {
        order: request.order,
        attempt: request.attempt,
        seal,
        number: next_number(&attempt.milestones, &by.org),
        from: by.org,
        event,
        annex,
        officer: by.officer,
        signed_at: now,
        salt: by.salt,
    };
    Draft::of(Kind::Milestone, &body)
}

/// What the facts say about the leg towards the officer's organisation, to stand beside a decision; for the buyer about the leg it
/// awards.
fn machine_verdict(
    node: &Node,
    attempt: &Attempt,
    own: &OrgId,
    now: Timestamp,
) -> Result<Option<LegFinding>, Refusal> {
    let request = attempt.request.body();
    let own_leg = |leg: &&[OrgId]| leg[1] == *own || leg[0] == *own;
    let Some([from, to]) = request.route.parties().windows(2).find(own_leg) else { return Ok(None) };
    let question = pb::ExplainLegRequest {
        from: from.to_string(),
        to: to.to_string(),
        as_of: request.as_of.to_string(),
        known_on: String::new(),
        rule_pack_id: String::new(),
        procedure_began: request.procedure_day().to_string(),
        award: pb::Award::from(request.award).into(),
        changes_contract: request.is_change(),
    };
    let told = explain(node.state().public(), &LegQuestion::try_from(question)?, now.date())?;
    let Some(leg) = told.cases.first() else { return Ok(None) };
    let evidence: Result<Vec<StatementId>, Refusal> = leg.evidence_ids.iter().map(|id| id.parse()).collect();
    Ok(Some(LegFinding {
        from: from.clone(),
        to: to.clone(),
        as_of: request.as_of,
        verdict: verdict_of(leg.verdict()),
        basis: serde_json::from_value(serde_json::Value::String(leg.case.clone())).ok(),
        assumed: leg.assumed,
        evidence: evidence?,
    }))
}

/// What is not known is not proven.
fn verdict_of(verdict: pb::Verdict) -> Verdict {
    match verdict {
        pb::Verdict::Fulfilled => Verdict::Fulfilled,
        pb::Verdict::Contested => Verdict::Contested,
        pb::Verdict::NotFulfilled => Verdict::NotFulfilled,
        pb::Verdict::NotProven | pb::Verdict::Unspecified => Verdict::NotProven,
    }
}

/// What an officer has filled in.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// Whether it binds.
    pub(super) mode: Mode,
    /// What the officer's tool calls it: handed in twice, it is one order.
    pub(super) request_id: String,
    /// The route, one of those found.
    pub(super) route: Vec<String>,
    pub(super) total_max: Cents,
    pub(super) term_years: u32,
    pub(super) reference: String,
    pub(super) words: Texts,
    /// The offerings compared.
    pub(super) grounds: Grounds,
}

/// What to sign for an order, along one of the routes found.
pub(super) fn request(
    wish: Wish,
    offering: StatementId,
    found: &pb::FindRoutesResponse,
    by: Signer,
    now: Timestamp,
) -> Result<Draft, Refusal> {
    if !found.routes.iter().any(|route| route.parties == wish.route) {
        return Err(Refusal::new(Reason::NoRoute).with("route", wish.route.join(",")));
    }
    let annex = Annex::write(wish.words, by.annex_salt)?;
    let body = Request {
        order: OrderId::derive(&by.org, &wish.request_id),
        attempt: 1,
        request_id: wish.request_id,
        mode: wish.mode,
        buyer: by.org,
        offering,
        route: route_of(&wish.route)?,
        as_of: parse_date(&found.as_of)?,
        procedure_began: None,
        rule_pack: found.rule_pack_id.parse()?,
        award: Award::General,
        term_years: wish.term_years,
        total_max: wish.total_max,
        quote_by: now.plus_ms(QUOTE_MS),
        seal_by: now.plus_ms(SEAL_MS),
        auto_seal: None,
        quantities: Quantities::default(),
        reference: wish.reference,
        considered: considered(found)?,
        amends: None,
        gathered: None,
        grounds: wish.grounds,
        annex: annex.as_ref().map(Annex::id),
        officer: by.officer,
        signed_at: now,
        salt: by.salt,
    };
    Ok(Draft::of(Kind::Request, &body)?.beside(annex))
}

/// A route by the names of its parties.
pub(super) fn route_of(parties: &[String]) -> Result<Route, Refusal> {
    let parties: Result<Vec<OrgId>, Refusal> = parties.iter().map(|party| party.parse()).collect();
    Route::new(parties?)
}

/// The ways of a request that follows another one; refused for terms that the offering does not have.
pub(super) fn ways(view: &View, next: &Request, now: Timestamp) -> Result<pb::FindRoutesResponse, Refusal> {
    let question = pb::FindRoutesRequest {
        for_org: next.buyer.to_string(),
        offering: Some(pb::find_routes_request::Offering::OfferingId(next.offering.to_string())),
        term_years: next.term_years,
        uses: next.quantities.uses,
        target_group: next.quantities.target_group,
        procedure_began: next.procedure_began.map(|day| day.to_string()).unwrap_or_default(),
        award: pb::Award::from(next.award).into(),
        changes_contract: next.is_change(),
        ..Default::default()
    };
    answer(view.public(), &RouteQuestion::try_from(question)?, now.date())
}

/// What to sign for a request that follows another one, judged as of today.
pub(super) fn following(
    view: &View,
    next: Request,
    words: Texts,
    by: Signer,
    now: Timestamp,
) -> Result<Draft, Refusal> {
    let (annex, found) = (Annex::write(words, by.annex_salt)?, ways(view, &next, now)?);
    let By { officer, signed_at, salt, .. } = by.at(now);
    let body = Request {
        as_of: parse_date(&found.as_of)?,
        rule_pack: found.rule_pack_id.parse()?,
        quote_by: now.plus_ms(QUOTE_MS),
        seal_by: now.plus_ms(SEAL_MS),
        auto_seal: None,
        considered: considered(&found)?,
        annex: annex.as_ref().map(Annex::id),
        officer,
        signed_at,
        salt,
        ..next
    };
    Ok(Draft::of(Kind::Request, &body)?.beside(annex))
}

/// What the search offered, for the record.
fn considered(found: &pb::FindRoutesResponse) -> Result<Vec<Considered>, Refusal> {
    let seen = found.routes.iter().take(CONSIDERED_MAX).map(|route| {
        let total = route.total_cents.map(Cents::try_from).transpose()?;
        Ok(Considered { route: route_of(&route.parties)?, verdict: verdict_of(route.verdict()), total })
    });
    seen.collect()
}
