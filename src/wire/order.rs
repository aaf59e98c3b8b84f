//! Orders on the wire: what officers hand in, and what the parties read.
use std::collections::BTreeSet;
use std::ops::Bound;

use crate::domain::annex::{Annex, Enclosed, Erased, Texts};
use crate::domain::body::Body;
use crate::domain::id::{Hash, OrderId, OrgId, ShortId, StatementId, shortened};
use crate::domain::order::aftercare::{Phase, connected, contacts, next_number, phase, settlements};
use crate::domain::order::call_off::CallOff;
use crate::domain::order::settlement::Settlement;
use crate::domain::order::{Attempt, LegFinding, Mode, Request, VoidReason};
use crate::domain::price::{Component, amount};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::statement::{Kind, Signed, Verified};
use crate::domain::time::Timestamp;
use crate::protocol::Node;
use crate::protocol::brokering::overdue::Overdue;
use crate::protocol::catalogue::Catalogue;
use crate::protocol::evidence::EvidenceWitnessing;
use crate::protocol::explain::{Choice, Consequence, Explanation, Said, Stage, Task, Turn, Waiting, said};
use crate::protocol::needs::Sought;
use crate::protocol::public::Public;
use crate::protocol::state::Order;
use crate::view::View;
use crate::view::orders::{OrderRow, SPOT_MAX, SPOT_MIN, Sought as Seeking, Spot, StageKind};
use crate::wire::mask::Mask;
use crate::wire::page::{OrderBy, Page, encoded_bytes, not_a_token};
use crate::wire::pb::chain::v1::Verdict as PbVerdict;
use crate::wire::pb::order::v1 as pb;
use crate::wire::statement::{enclosed_as, signed_as};
use crate::wire::{parsed, timestamp};

/// What a summary takes of a message at most: a title of 200 characters, names and ids.
const SUMMARY_BYTES: usize = 1_500;

/// Most bytes of a need's words: 1,000 characters.
const NEED_NOTE_BYTES_MAX: usize = 4_000;

/// The order a call is about.
pub fn order_id(text: &str) -> Result<OrderId, Refusal> {
    parsed("order_id", text)
}

/// Says how far the evidence is witnessed, in the first message of a bundle.
pub fn evidence_seen(first: &mut pb::GetEvidenceResponse, seen: &EvidenceWitnessing) {
    let EvidenceWitnessing { statements, unwitnessed, fewest, needed } = *seen;
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    (first.statements, first.unwitnessed) = (count(statements), count(unwitnessed));
    (first.cosigned_least, first.witnesses_needed) = (count(fewest), count(needed));
}

/// The request of a submission; its request id must be the one outside, which is what a repeated call is known by.
pub fn submission(message: pb::SubmitOrderRequest) -> Result<Enclosed, Refusal> {
    let pb::SubmitOrderRequest { request_id, statement } = message;
    let enclosed = enclosed_as(&Kind::Request, statement)?;
    match Body::read(&enclosed.signed)? {
        Body::Request(request) if request.request_id == request_id => Ok(enclosed),
        _ => Err(Refusal::new(Reason::FieldInvalid)
            .with("field", "request_id")
            .with("rule", "differs from the statement")),
    }
}

/// The request of an order's current attempt as a node showed it, with everything its officer had decided.
pub fn request_of(order: &pb::Order) -> Result<Request, Refusal> {
    match Body::read(&signed_as(&Kind::Request, order.request_statement.clone())?)? {
        Body::Request(request) => Ok(request),
        _ => Err(Refusal::new(Reason::FrameInvalid).with("field", "request_statement")),
    }
}

/// Which orders a caller wants listed.
#[derive(Clone, Debug)]
pub struct OrderListing {
    sought: Seeking,
    page: Page,
    begins: Begins,
    mask: Mask,
}

/// After what a page begins, in one order or another.
#[derive(Clone, Copy, Debug)]
enum Begins {
    AfterId(Option<OrderId>),
    Changed { between: (Spot, Spot), newest_first: bool },
}

impl TryFrom<pb::ListOrdersRequest> for OrderListing {
    type Error = Refusal;

    fn try_from(message: pb::ListOrdersRequest) -> Result<Self, Refusal> {
        let pb::ListOrdersRequest { page_size, page_token, stage, overdue_only, id_prefix, order_by, read_mask } =
            message;
        let by = OrderBy::read(&order_by, "id")?;
        let filters = [&stage.to_string(), &overdue_only.to_string(), &id_prefix, by.name()];
        let page = Page::read(page_size, &page_token, &filters)?;
        let stage = pb::Stage::try_from(stage)
            .map_err(|_| Refusal::new(Reason::FieldInvalid).with("field", "stage").with("value", stage))?;
        let between = (!id_prefix.is_empty()).then(|| id_beginning("id_prefix", &id_prefix)).transpose()?;
        let begins = match by {
            OrderBy::Key => {
                Begins::AfterId(page.after().map(|key| key.parse().map_err(|_| not_a_token())).transpose()?)
            }
            OrderBy::Changed { .. } if overdue_only || between.is_some() => {
                let refusal = Refusal::new(Reason::FieldInvalid).with("field", "order_by");
                return Err(refusal.with("rule", "not together with overdue_only or id_prefix"));
            }
            OrderBy::Changed { newest_first } => {
                let last = page.after().map(spot_of_key).transpose()?;
                let between = match newest_first {
                    true => (SPOT_MIN, last.unwrap_or(SPOT_MAX)),
                    false => (last.unwrap_or(SPOT_MIN), SPOT_MAX),
                };
                Begins::Changed { between, newest_first }
            }
        };
        let mask = Mask::read(read_mask, "verbund.order.v1.OrderSummary")?;
        Ok(Self { sought: Seeking { stage: kind(stage), overdue_only, between }, page, begins, mask })
    }
}

/// Where a page of what changed ended.
fn spot_of_key(key: &str) -> Result<Spot, Refusal> {
    let read = key.split_once(' ').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
    read.ok_or_else(not_a_token)
}

/// Which order ids begin so; refused if none is that long.
fn id_beginning(field: &'static str, text: &str) -> Result<(OrderId, OrderId), Refusal> {
    let prefix: ShortId = parsed(field, text)?;
    let invalid = || Refusal::new(Reason::IdPrefixInvalid).with("field", field).with("value", shortened(text));
    prefix.orders().ok_or_else(invalid)
}

/// None for whatever stage.
fn kind(stage: pb::Stage) -> Option<StageKind> {
    match stage {
        pb::Stage::Unspecified => None,
        pb::Stage::AwaitingApproval => Some(StageKind::AwaitingApproval),
        pb::Stage::InChain => Some(StageKind::InChain),
        pb::Stage::Offered => Some(StageKind::Offered),
        pb::Stage::Sealed => Some(StageKind::Sealed),
        pb::Stage::Void => Some(StageKind::Void),
        pb::Stage::Disputed => Some(StageKind::Disputed),
        pb::Stage::Unsealed => Some(StageKind::Unsealed),
    }
}

/// One page of the orders to which an organisation is a party.
pub fn list(view: &View, org: &OrgId, listing: &OrderListing, now: Timestamp) -> pb::ListOrdersResponse {
    let OrderListing { sought, page, begins, mask } = listing;
    let orgs = view.spoken_for(org, now);
    let (rows, next_page_token) = match *begins {
        Begins::AfterId(after) => {
            page.begin(view.orders(&orgs, *sought, after), |row| row.id.to_string(), |_| SUMMARY_BYTES)
        }
        Begins::Changed { between, newest_first } => {
            let rows = view.orders_changed(&orgs, sought.stage, between, newest_first);
            page.begin(rows, |row| format!("{} {}", row.changed_at, row.id), |_| SUMMARY_BYTES)
        }
    };
    let orders = rows.into_iter().map(|row| mask.apply(summary(view, row))).collect();
    let total_size = i32::try_from(view.count_orders(&orgs, *sought)).unwrap_or(i32::MAX);
    pb::ListOrdersResponse { orders, next_page_token, total_size }
}

/// An order in one line.
pub fn summary(view: &View, row: &OrderRow) -> pb::OrderSummary {
    pb::OrderSummary {
        id: row.id.to_string(),
        buyer: row.buyer.to_string(),
        provider: row.provider.to_string(),
        offering_id: row.offering.to_string(),
        offering_title: title_in(view.public().catalogue, &row.offering),
        mode: pb::Mode::from(row.mode).into(),
        stage: pb::Stage::from(row.stage).into(),
        turn: row.turn.as_ref().map(ToString::to_string).unwrap_or_default(),
        total_cents: row.total.map_or(0, |total| total.get()),
        updated_at: Some(timestamp(row.since)),
        next_at: row.next_at.map(timestamp),
        overdue: overdue(row.overdue).into(),
        overdue_since: row.overdue.map(|(_, since)| timestamp(since)),
    }
}

fn overdue(overdue: Option<(Overdue, Timestamp)>) -> pb::Overdue {
    match overdue.map(|(why, _)| why) {
        None => pb::Overdue::Unspecified,
        Some(Overdue::Disputed) => pb::Overdue::Disputed,
        Some(Overdue::InDoubt) => pb::Overdue::InDoubt,
        Some(Overdue::Undelivered) => pb::Overdue::Undelivered,
        Some(Overdue::Unconfirmed) => pb::Overdue::Unconfirmed,
        Some(Overdue::Undecided) => pb::Overdue::Undecided,
        Some(Overdue::Unanswered) => pb::Overdue::Unanswered,
        Some(Overdue::Unsealed) => pb::Overdue::Unsealed,
    }
}

/// The title of an offering; empty if this node does not know it.
pub fn title(node: &Node, offering: &StatementId) -> String {
    title_in(&node.state().catalogue, offering)
}

fn title_in(catalogue: &Catalogue, offering: &StatementId) -> String {
    catalogue.version(offering).map(|offering| offering.title.clone()).unwrap_or_default()
}

/// One order as the officer of a party sees it.
pub fn order(node: &Node, id: OrderId, for_org: &OrgId, now: Timestamp) -> Result<pb::Order, Refusal> {
    let explanation = node.explain(id, for_org, now)?;
    let unknown = || Refusal::new(Reason::OrderUnknown).with("order", id);
    let known = node.state().orders.get(&id).ok_or_else(unknown)?;
    let attempt = known.current().ok_or_else(unknown)?;
    let request = attempt.request.body();
    Ok(pb::Order {
        id: id.to_string(),
        attempt: request.attempt,
        request_id: request.request_id.clone(),
        request_statement_id: attempt.request.id().to_string(),
        request_statement: Some(attempt.request.signed().into()),
        mode: pb::Mode::from(request.mode).into(),
        buyer: request.buyer.to_string(),
        offering_id: request.offering.to_string(),
        offering_title: title(node, &request.offering),
        route: request.route.parties().iter().map(ToString::to_string).collect(),
        as_of: request.as_of.to_string(),
        rule_pack_id: request.rule_pack.to_string(),
        term_years: request.term_years,
        total_max_cents: request.total_max.get(),
        reference: request.reference.clone(),
        officer: request.officer.to_string(),
        stage: pb::Stage::from(explanation.stage).into(),
        void_reason: void_reason(explanation.stage).into(),
        legs: attempt.leg_findings().into_iter().map(|leg| leg_finding(node, Some(request.rule_pack), leg)).collect(),
        price: price(attempt, request.term_years)?,
        total_cents: attempt.total()?.get(),
        chain: attempt.chain().unwrap_or_default().iter().map(ToString::to_string).collect(),
        quote_by: Some(timestamp(request.quote_by)),
        seal_by: Some(timestamp(request.seal_by)),
        messages: messages(attempt),
        contradictions: known.contradictions.iter().map(|signed| signed.id().to_string()).collect(),
        deliveries: explanation.waiting.iter().map(Into::into).collect(),
        explanation: Some((&explanation).into()),
        freely_agreed: node.freely_agreed(attempt).iter().map(ToString::to_string).collect(),
        procedure_began: request.procedure_day().to_string(),
        ..afterwards(node, known, attempt, for_org)
    })
}

/// Every message, and of which of them the annex is erased.
fn messages(attempt: &Attempt) -> Vec<pb::Message> {
    let erased = Erased::of(attempt.messages()).annexes();
    let message = |said: &Said| {
        let gone = said.annex.is_some_and(|annex| erased.contains(&annex));
        let state = if gone { pb::AnnexState::Erased } else { pb::AnnexState::Unspecified };
        pb::Message { annex_state: state.into(), ..said.into() }
    };
    said(attempt).iter().map(message).collect()
}

/// Only the explanation.
pub fn explain(
    node: &Node,
    id: OrderId,
    for_org: &OrgId,
    now: Timestamp,
) -> Result<pb::ExplainOrderResponse, Refusal> {
    let explanation = node.explain(id, for_org, now)?;
    Ok(pb::ExplainOrderResponse {
        order_id: id.to_string(),
        deliveries: explanation.waiting.iter().map(Into::into).collect(),
        explanation: Some((&explanation).into()),
    })
}

/// What stands beside the current attempt: earlier ones, amendments, what followed the seal, and for the buyer's officers
/// the parts of its members.
fn afterwards(node: &Node, known: &Order, attempt: &Attempt, for_org: &OrgId) -> pb::Order {
    let request = attempt.request.body();
    let ended = known.attempts.values().filter_map(|ended| {
        let void = ended.void.as_ref().filter(|_| ended.request.body().attempt != request.attempt)?;
        Some(pb::EndedAttempt {
            attempt: void.body().attempt,
            route: ended.route().parties().iter().map(ToString::to_string).collect(),
            void_reason: void_reason(Stage::Void(void.body().reason)).into(),
        })
    });
    let (phase, phase_day) = phase_of(attempt);
    let is_buyer = request.buyer == *for_org;
    let gathered = request.gathered.iter().filter(|_| is_buyer);
    let unconfirmed = node.unconfirmed(attempt);
    pb::Order {
        settlements: settlements(attempt).map(settlement).collect(),
        next_erasure: next_number(&attempt.erasures, for_org),
        next_settlement: next_number(&attempt.settlements, for_org),
        sealed_late: unconfirmed.is_some(),
        unconfirmed: unconfirmed.into_iter().flatten().map(ToString::to_string).collect(),
        ended_attempts: ended.collect(),
        phase: phase.into(),
        phase_day,
        connected: connected(attempt).into_iter().map(|item| item.word().to_owned()).collect(),
        contacts: contacts(attempt)
            .into_iter()
            .map(|(org, id)| pb::Contact { org: org.to_string(), statement_id: id.to_string(), ..Default::default() })
            .collect(),
        amends_order_id: request.amends.as_ref().map(|amends| amends.order.to_string()).unwrap_or_default(),
        amended_by: node.amending(request.order).map(|id| id.to_string()).collect(),
        call_offs: known.call_offs.values().filter(|_| is_buyer).map(|part| call_off(node, part)).collect(),
        seal_statement_id: attempt.seal.as_ref().map(|seal| seal.id().to_string()).unwrap_or_default(),
        next_milestone: next_number(&attempt.milestones, for_org),
        bundled_members: gathered
            .flat_map(|gathered| gathered.members.iter().map(|member| member.org.to_string()))
            .collect(),
        ..Default::default()
    }
}

fn settlement((proposal, agreement): (&Verified<Settlement>, Option<&Verified<Settlement>>)) -> pb::Settlement {
    let body = proposal.body();
    pb::Settlement {
        statement_id: proposal.id().to_string(),
        from: body.from.to_string(),
        to: body.to.to_string(),
        about: body.about.iter().map(ToString::to_string).collect(),
        holds: body.holds.map(|id| id.to_string()).unwrap_or_default(),
        terms: body.terms.clone(),
        agreement_id: agreement.map(|agreed| agreed.id().to_string()).unwrap_or_default(),
    }
}

fn phase_of(attempt: &Attempt) -> (pb::Phase, String) {
    match phase(attempt) {
        None => (pb::Phase::Unspecified, String::new()),
        Some(Phase::Contracted) => (pb::Phase::Contracted, String::new()),
        Some(Phase::Connecting(_)) => (pb::Phase::Connecting, String::new()),
        Some(Phase::Productive(since)) => (pb::Phase::Productive, since.to_string()),
        Some(Phase::Terminated(ends_on)) => (pb::Phase::Terminated, ends_on.to_string()),
        Some(Phase::Closed) => (pb::Phase::Closed, String::new()),
    }
}

/// Which page of its parts a caller wants.
#[derive(Clone, Debug)]
pub struct CallOffListing {
    page: Page,
    after: Option<OrderId>,
}

impl TryFrom<pb::ListCallOffsRequest> for CallOffListing {
    type Error = Refusal;

    fn try_from(message: pb::ListCallOffsRequest) -> Result<Self, Refusal> {
        let pb::ListCallOffsRequest { page_size, page_token } = message;
        let page = Page::read(page_size, &page_token, &[])?;
        let after = page.after().map(|key| key.parse().map_err(|_| not_a_token())).transpose()?;
        Ok(Self { page, after })
    }
}

/// One page of the organisation's own parts of orders for several.
pub fn call_offs(node: &Node, org: &OrgId, listing: &CallOffListing) -> pb::ListCallOffsResponse {
    let start = listing.after.map_or(Bound::Unbounded, Bound::Excluded);
    let orders = node.state().orders.range((start, Bound::Unbounded));
    let parts = orders.filter_map(|(_, known)| Some(call_off(node, node.part_of(known, org)?)));
    let (call_offs, next_page_token) = listing.page.begin(parts, |part| part.order_id.clone(), encoded_bytes);
    pb::ListCallOffsResponse { call_offs, next_page_token }
}

fn call_off(node: &Node, part: &Verified<CallOff>) -> pb::CallOff {
    let body = part.body();
    pb::CallOff {
        order_id: body.order.to_string(),
        from: body.from.to_string(),
        to: body.to.to_string(),
        offering_id: body.offering.to_string(),
        offering_title: title(node, &body.offering),
        provider: body.provider.to_string(),
        term_years: body.term_years,
        key: body.key.word().to_owned(),
        weight: body.weight,
        weights: body.weights,
        total_cents: body.total.get(),
        share_cents: body.share.get(),
        leg: Some(leg_finding(node, Some(body.rule_pack), &body.leg)),
        statement_id: part.id().to_string(),
        signed_at: Some(timestamp(body.signed_at)),
        mandate_id: body.mandate.to_string(),
    }
}

/// Which needs a caller wants listed.
#[derive(Clone, Debug)]
pub struct NeedListing {
    offering: Option<StatementId>,
    through: Option<OrgId>,
    page: Page,
}

impl TryFrom<pb::ListNeedsRequest> for NeedListing {
    type Error = Refusal;

    fn try_from(message: pb::ListNeedsRequest) -> Result<Self, Refusal> {
        let pb::ListNeedsRequest { offering_id, through, page_size, page_token } = message;
        Ok(Self {
            page: Page::read(page_size, &page_token, &[&offering_id, &through])?,
            offering: (!offering_id.is_empty()).then(|| parsed("offering_id", &offering_id)).transpose()?,
            through: (!through.is_empty()).then(|| parsed("through", &through)).transpose()?,
        })
    }
}

/// One page of what municipalities look for, as far as it fits the question; the words of each are added by
/// [`in_words`], because they are in the store.
pub fn needs(public: Public<'_>, listing: &NeedListing) -> Result<pb::ListNeedsResponse, Refusal> {
    let offering = listing.offering.map(|id| public.catalogue.orderable(&id)).transpose()?;
    let after = listing.page.after().map(need_of_key).transpose()?;
    let fits = public.catalogue.needs.after(after.as_ref()).filter(|need| {
        offering.is_none_or(|offering| need.leika.iter().any(|key| offering.leika.contains(key)))
            && listing.through.as_ref().is_none_or(|asked| need.through.is_none_or(|named| named == asked))
    });
    let shown = fits.map(|need| need_without_words(public, &need));
    let key = |need: &pb::Need| format!("{}/{}", need.municipality, need.statement_id);
    let (needs, next_page_token) = listing.page.begin(shown, key, |need| encoded_bytes(need) + NEED_NOTE_BYTES_MAX);
    Ok(pb::ListNeedsResponse { needs, next_page_token })
}

/// The municipality and the statement that a page ended with.
fn need_of_key(key: &str) -> Result<(OrgId, StatementId), Refusal> {
    let read = key.split_once('/').and_then(|(of, id)| Some((of.parse().ok()?, id.parse().ok()?)));
    read.ok_or_else(not_a_token)
}

fn need_without_words(public: Public<'_>, need: &Sought<'_>) -> pb::Need {
    let home = public.registry.home(need.municipality).ok();
    let standing = home.and_then(|home| home.orgs().get(need.municipality));
    pb::Need {
        statement_id: need.id.to_string(),
        municipality: need.municipality.to_string(),
        inhabitants: standing.and_then(|standing| standing.admission.inhabitants).unwrap_or(0),
        leika_keys: need.leika.iter().map(ToString::to_string).collect(),
        note: String::new(),
        until: need.until.to_string(),
        through: need.through.map(ToString::to_string).unwrap_or_default(),
    }
}

/// A need with the words of its statement.
pub fn in_words(need: pb::Need, signed: &Signed) -> pb::Need {
    match Body::read(signed) {
        Ok(Body::Need(body)) => pb::Need { note: body.note, ..need },
        _ => need,
    }
}

/// Who charges what, provider first.
fn price(attempt: &Attempt, years: u32) -> Result<Vec<pb::PartyPrice>, Refusal> {
    let one = |org: &OrgId, components: &[Component]| -> Result<pb::PartyPrice, Refusal> {
        Ok(pb::PartyPrice {
            org: org.to_string(),
            amount_cents: amount(components, years)?.get(),
            components: components.iter().map(Into::into).collect(),
        })
    };
    let accepted = attempt.acceptance.iter().map(Verified::body).map(|accept| one(&accept.from, &accept.components));
    let counters = attempt.counters.values().rev().map(Verified::body);
    accepted.chain(counters.map(|counter| one(&counter.from, &counter.components))).collect()
}

fn leg_finding(node: &Node, pack: Option<StatementId>, leg: &LegFinding) -> pb::LegFinding {
    // The day is the order's own.
    let LegFinding { from, to, as_of: _, verdict, basis, assumed, evidence } = leg;
    let pack = pack.and_then(|id| node.state().packs.get(&id));
    let cited = basis.zip(pack).map(|(basis, pack)| pack.cite(basis.provision()).to_owned());
    pb::LegFinding {
        from: from.to_string(),
        to: to.to_string(),
        verdict: PbVerdict::from(*verdict).into(),
        basis: cited.unwrap_or_default(),
        assumed: *assumed,
        evidence_ids: evidence.iter().map(ToString::to_string).collect(),
    }
}

impl From<&Said> for pb::Message {
    fn from(said: &Said) -> Self {
        let Said { kind, by, id, at, annex } = said;
        Self {
            kind: kind.name().to_owned(),
            by: by.to_string(),
            statement_id: id.to_string(),
            signed_at: Some(timestamp(*at)),
            annex_id: annex.map(|id| id.to_string()).unwrap_or_default(),
            ..Default::default()
        }
    }
}

/// The annexes that the messages of an order name and nobody has let be erased.
pub fn annexes_of(order: &pb::Order) -> Result<BTreeSet<Hash>, Refusal> {
    let named = |message: &&pb::Message| !message.annex_id.is_empty() && !is_erased(message);
    order.messages.iter().filter(named).map(|message| message.annex_id.parse()).collect()
}

/// Which fields of an order a caller wants, and whether words beside statements are among them.
pub fn order_mask(message: &pb::GetOrderRequest) -> Result<(Mask, bool), Refusal> {
    let mask = Mask::read(message.read_mask.clone(), "verbund.order.v1.Order")?;
    let with_words = ["messages", "contacts", "request_statement"].iter().any(|field| mask.wants(field));
    Ok((mask, with_words))
}

/// Says where the annexes of an order are, and puts their words where they are looked for.
pub fn annexes_seen(order: &mut pb::Order, here: &[Annex]) {
    let pb::Order { messages, contacts, request_statement, request_statement_id, .. } = order;
    for message in messages.iter_mut().filter(|message| !message.annex_id.is_empty() && !is_erased(message)) {
        let Some(annex) = here.iter().find(|annex| annex.id().to_string() == message.annex_id) else {
            message.annex_state = pb::AnnexState::Missing.into();
            continue;
        };
        message.annex_state = pb::AnnexState::Present.into();
        message.note.clone_from(&annex.texts().note);
        let told = contacts.iter_mut().filter(|contact| contact.statement_id == message.statement_id);
        told.for_each(|contact| contact.office.clone_from(&annex.texts().contact));
        if message.statement_id == *request_statement_id
            && let Some(request) = request_statement
        {
            request.annex = annex.bytes().to_vec();
        }
    }
}

/// The messages of an organisation whose words can still be erased, once it is said where the annexes are.
pub fn erasable<'o>(order: &'o pb::Order, own: &'o OrgId) -> impl Iterator<Item = &'o pb::Message> {
    let has_words =
        |message: &&pb::Message| message.annex_state() != pb::AnnexState::Unspecified && !is_erased(message);
    order.messages.iter().filter(|message| message.by == own.as_str()).filter(has_words)
}

fn is_erased(message: &pb::Message) -> bool {
    message.annex_state() == pb::AnnexState::Erased
}

/// The words beside the request of an order; none where they are not here.
pub fn request_words(order: &pb::Order) -> Texts {
    let enclosed = order.request_statement.clone().map(Enclosed::try_from).and_then(Result::ok);
    enclosed.and_then(|enclosed| enclosed.annex).map(|annex| annex.texts().clone()).unwrap_or_default()
}

impl From<&Waiting> for pb::Delivery {
    fn from(waiting: &Waiting) -> Self {
        let Waiting { to, node, message, last_error } = waiting;
        let text = |lang| last_error.as_ref().map(|error| error.reason.text(lang)).unwrap_or_default().to_owned();
        Self {
            to: to.to_string(),
            node: node.as_ref().map(ToString::to_string).unwrap_or_default(),
            statement_id: message.to_string(),
            last_error_reason: last_error.as_ref().map(|error| error.reason.code()).unwrap_or_default().to_owned(),
            last_error_de: text(Lang::De),
            last_error_en: text(Lang::En),
        }
    }
}

impl From<&Explanation> for pb::Explanation {
    fn from(explanation: &Explanation) -> Self {
        // Mode and waiting deliveries have their own fields beside the explanation.
        let Explanation { stage, turn, since, consequence, choices, .. } = explanation;
        let (turn_org, turn_node, task) = match turn {
            Some(Turn { org, node, task, held_here: _ }) => {
                (org.to_string(), node.as_ref().map(ToString::to_string).unwrap_or_default(), (*task).into())
            }
            None => (String::new(), String::new(), pb::Task::Unspecified),
        };
        Self {
            stage: pb::Stage::from(*stage).into(),
            turn: turn_org,
            turn_node,
            task: task.into(),
            since: Some(timestamp(*since)),
            consequence: consequence.map_or(pb::Consequence::Unspecified, |(what, _)| what.into()).into(),
            consequence_at: consequence.map(|(_, at)| timestamp(at)),
            choices: choices.iter().map(Into::into).collect(),
            text_de: explanation.text(Lang::De),
            text_en: explanation.text(Lang::En),
            overdue: overdue(explanation.overdue).into(),
            overdue_since: explanation.overdue.map(|(_, since)| timestamp(since)),
        }
    }
}

impl From<&Choice> for pb::Choice {
    fn from(choice: &Choice) -> Self {
        Self { word: choice.word().to_owned(), text_de: choice.text(Lang::De), text_en: choice.text(Lang::En) }
    }
}

impl From<Stage> for pb::Stage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::AwaitingApproval => Self::AwaitingApproval,
            Stage::InChain => Self::InChain,
            Stage::Offered => Self::Offered,
            Stage::Sealed => Self::Sealed,
            Stage::Void(_) => Self::Void,
            Stage::Disputed => Self::Disputed,
            Stage::Unsealed(_) => Self::Unsealed,
        }
    }
}

fn void_reason(stage: Stage) -> pb::VoidReason {
    match stage {
        Stage::Void(VoidReason::Cancelled) => pb::VoidReason::Cancelled,
        Stage::Void(VoidReason::Expired) => pb::VoidReason::Expired,
        Stage::Void(VoidReason::Rejected) => pb::VoidReason::Rejected,
        Stage::Void(VoidReason::NotApproved) => pb::VoidReason::NotApproved,
        Stage::Void(VoidReason::PriceTooHigh) => pb::VoidReason::PriceTooHigh,
        Stage::Void(VoidReason::Lapsed) => pb::VoidReason::Lapsed,
        Stage::Void(VoidReason::Rerouted) => pb::VoidReason::Rerouted,
        Stage::Void(VoidReason::Recalled) => pb::VoidReason::Recalled,
        Stage::Void(VoidReason::Superseded) => pb::VoidReason::Superseded,
        _ => pb::VoidReason::Unspecified,
    }
}

impl From<Task> for pb::Task {
    fn from(task: Task) -> Self {
        match task {
            Task::Approve => Self::Approve,
            Task::Endorse => Self::Endorse,
            Task::Accept => Self::Accept,
            Task::Offer => Self::Offer,
            Task::Seal => Self::Seal,
            Task::Close => Self::Close,
            Task::Clarify => Self::Clarify,
            Task::AwaitSeal => Self::AwaitSeal,
        }
    }
}

impl From<Consequence> for pb::Consequence {
    fn from(consequence: Consequence) -> Self {
        match consequence {
            Consequence::Declines => Self::Declines,
            Consequence::Expires => Self::Expires,
        }
    }
}

impl From<Mode> for pb::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Interest => Self::Interest,
            Mode::Binding => Self::Binding,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::law::tests::org;
    use crate::protocol::explain::fixture::{Town, by_rule};

    #[test]
    fn a_page_of_call_offs_begins_after_an_order_and_nothing_else() {
        let (_, forged) = Page::read(1, "", &[]).expect("first page").begin([1, 2], ToString::to_string, |_| 1);
        for page_token in [forged, "?".to_owned()] {
            let request = pb::ListCallOffsRequest { page_size: 1, page_token };
            assert_eq!(CallOffListing::try_from(request).expect_err("forged").reason, Reason::PageInvalid);
        }
    }

    #[test]
    fn a_page_of_needs_goes_on_where_a_token_says_and_nowhere_else() {
        let id = StatementId([7; 32]);
        assert_eq!(need_of_key(&format!("adorf/{id}")), Ok((org("adorf"), id)));
        for forged in ["", "adorf", "adorf/", "adorf/7", "A/sha256:00"] {
            assert_eq!(need_of_key(forged).expect_err("forged").reason, Reason::PageInvalid, "{forged}");
        }
    }

    #[test]
    fn an_order_shows_price_chain_and_messages() {
        let mut town = Town::new(by_rule());
        let id = town.order("r1", |_| ());
        let view = order(&town.node, id, &org("town"), town.now).expect("a party's order");
        assert_eq!(view.stage(), pb::Stage::Offered);
        assert_eq!((view.total_cents, view.price.len(), view.price[0].org.as_str()), (240_000, 2, "provider"));
        assert_eq!(view.chain.len(), 4);
        assert_eq!(view.messages[0].statement_id, view.request_statement_id);
        assert_eq!(view.route, ["town", "kitu", "provider"]);
        assert_eq!(view.legs.len(), 2);
        assert_eq!(view.offering_title, "Wohngeld digital");
        assert!(view.explanation.expect("always set").text_de.contains("town kann abschließen"));
    }

    #[test]
    fn only_a_partys_orders_are_listed_by_stage() {
        let mut town = Town::new(by_rule());
        for request_id in ["r1", "r2", "r3"] {
            town.order(request_id, |_| ());
        }
        let listing = |stage: pb::Stage| {
            let message = pb::ListOrdersRequest { page_size: 2, stage: stage.into(), ..Default::default() };
            OrderListing::try_from(message).expect("well-formed")
        };
        let all = list(&View::of(&town.node, town.now), &org("kitu"), &listing(pb::Stage::Unspecified), town.now);
        assert_eq!((all.orders.len(), all.total_size, all.next_page_token.is_empty()), (2, 3, false));
        assert_eq!(
            list(&View::of(&town.node, town.now), &org("kitu"), &listing(pb::Stage::Sealed), town.now).total_size,
            0
        );
        assert_eq!(
            list(&View::of(&town.node, town.now), &org("stranger"), &listing(pb::Stage::Unspecified), town.now)
                .total_size,
            0
        );
        let wrong = pb::ListOrdersRequest { stage: 99, ..Default::default() };
        assert_eq!(OrderListing::try_from(wrong).expect_err("no such stage").field("field"), Some("stage"));
    }

    /// Every page of a list, and what changes before each but the first.
    fn paged(town: &mut Town, order_by: &str, mut meanwhile: impl FnMut(&mut Town)) -> Vec<OrderId> {
        let (mut ids, mut page_token) = (Vec::new(), String::new());
        loop {
            let order_by = order_by.to_owned();
            let message = pb::ListOrdersRequest { page_size: 2, page_token, order_by, ..Default::default() };
            let listing = OrderListing::try_from(message).expect("its own token");
            let page = list(&View::of(&town.node, town.now), &org("town"), &listing, town.now);
            ids.extend(page.orders.iter().map(|order| order.id.parse::<OrderId>().expect("an id")));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return ids;
            }
            meanwhile(town);
        }
    }

    #[test]
    fn orders_are_listed_as_they_changed_and_nothing_is_left_out() {
        let mut town = Town::new(by_rule());
        let made: Vec<OrderId> = (0..5).map(|number| town.order(&format!("r{number}"), |_| ())).collect();
        assert_eq!(paged(&mut town, "changed", |_| ()), made);
        assert_eq!(paged(&mut town, "changed desc", |_| ()), made.iter().rev().copied().collect::<Vec<_>>());
        let mut sorted = made.clone();
        sorted.sort();
        assert_eq!(paged(&mut town, "id", |_| ()), sorted);
        // What changes meanwhile comes again at the end, and whatever else there is once.
        let mut changes = [made[0]].into_iter();
        let seen = paged(&mut town, "changed", |town| changes.next().into_iter().for_each(|id| _ = town.seal(id)));
        assert_eq!(seen, [&made[..], &made[..1]].concat());
        let mut changes = [made[4]].into_iter();
        let seen =
            paged(&mut town, "changed desc", |town| changes.next().into_iter().for_each(|id| _ = town.seal(id)));
        assert_eq!(seen, [made[0], made[4], made[3], made[2], made[1]]);
    }

    #[test]
    fn a_page_in_one_order_is_none_in_another() {
        let mut town = Town::new(by_rule());
        ["r1", "r2"].iter().for_each(|id| _ = town.order(id, |_| ()));
        let first = |order_by: &str| pb::ListOrdersRequest {
            page_size: 1,
            order_by: order_by.to_owned(),
            ..Default::default()
        };
        for order_by in ["", "changed", "changed desc"] {
            let listing = OrderListing::try_from(first(order_by)).expect("well-formed");
            let token = list(&View::of(&town.node, town.now), &org("town"), &listing, town.now).next_page_token;
            for other in ["", "changed", "changed desc"] {
                let next = pb::ListOrdersRequest { page_token: token.clone(), ..first(other) };
                assert_eq!(OrderListing::try_from(next).is_ok(), other == order_by, "{order_by} {other}");
            }
        }
        for wrong in [
            pb::ListOrdersRequest { overdue_only: true, ..first("changed") },
            pb::ListOrdersRequest { id_prefix: "abcd".to_owned(), ..first("changed") },
            first("total_cents"),
        ] {
            assert_eq!(OrderListing::try_from(wrong).expect_err("no such order").field("field"), Some("order_by"));
        }
    }

    #[test]
    fn a_submission_names_its_request_id_twice() {
        let town = Town::new(by_rule());
        let signed = town.request("r1", |_| ());
        let message = |request_id: &str, signed: &Signed| pb::SubmitOrderRequest {
            request_id: request_id.to_owned(),
            statement: Some(signed.into()),
        };
        assert_eq!(submission(message("r1", &signed)), Ok((&signed).into()));
        assert_eq!(submission(message("r2", &signed)).expect_err("differs").field("field"), Some("request_id"));
        let other = town.access("town", "einkauf");
        assert_eq!(submission(message("r1", &other)).expect_err("no request").field("must_be"), Some("request"));
        assert_eq!(order_id("x").expect_err("no id").field("field"), Some("order_id"));
    }
}
