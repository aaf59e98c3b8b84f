//! What an officer signs about an order and hands in: the request, a decision, the seal, the void.
use serde_json::{Value, json};

use crate::cli::chain::verdict_of;
use crate::cli::client::{ActingOfficer, Client, Days, annex_of, fresh_salt};
use crate::cli::ids;
use crate::cli::order::sight::{self, Sight};
use crate::cli::order::warnings;
use crate::cli::order::wish::Wish;
use crate::cli::output::Output;
use crate::domain::annex::{Annex, Enclosed, Texts};
use crate::domain::id::{OrderId, OrgId, ShortId, StatementId};
use crate::domain::money::Cents;
use crate::domain::order::acts::{self, Of};
use crate::domain::order::{Decision, LegFinding, Request, Seal, VoidReason};
use crate::domain::reason::{Class, Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::{Timestamp, parse_date};
use crate::node::ports::Clock as _;
use crate::node::system::SystemClock;
use crate::wire::order::request_of;
use crate::wire::pb::order::v1 as pb;

/// Signs a request.
pub fn sign_request(officer: &ActingOfficer, wish: Wish, now: Timestamp) -> Result<(OrderId, Enclosed), Refusal> {
    let (request, annex) = request_body(officer, wish, now)?;
    let signed = Signed::sign(&Kind::Request, &request, &[&officer.key]);
    Ok((request.order, Enclosed { signed, annex }))
}

/// The request, and the words it names.
fn request_body(officer: &ActingOfficer, wish: Wish, now: Timestamp) -> Result<(Request, Option<Annex>), Refusal> {
    let annex = annex_of(wish.words)?;
    let order = OrderId::derive(&officer.org, &wish.request_id);
    let request = Request {
        order,
        attempt: wish.attempt,
        request_id: wish.request_id,
        mode: wish.mode,
        buyer: officer.org.clone(),
        offering: wish.offering,
        route: wish.route,
        as_of: wish.as_of,
        procedure_began: wish.procedure_began,
        rule_pack: wish.rule_pack,
        award: wish.award,
        term_years: wish.term_years,
        total_max: wish.total_max,
        quote_by: now.plus_ms(wish.quote_ms),
        seal_by: now.plus_ms(wish.seal_ms),
        auto_seal: wish.auto_seal,
        quantities: wish.quantities,
        reference: wish.reference,
        considered: wish.considered,
        grounds: wish.grounds,
        annex: annex.as_ref().map(Annex::id),
        amends: wish.amends,
        gathered: wish.gathered,
        officer: officer.name.clone(),
        signed_at: now,
        salt: fresh_salt(),
    };
    Ok((request, annex))
}

/// Signs and hands in; the number is said first, so that a repeated call after a crash names the same order.
pub async fn hand_in(client: &mut Client, out: Output, wish: Wish) -> Result<(), Refusal> {
    let (request_id, hint) = (wish.request_id.clone(), wish.contested_hint(out.lang));
    // Who repeats what follows another order would follow it once more; who looks sees whether it has arrived.
    let only_look = wish.attempt > 1 || wish.amends.is_some();
    if let Some(order) = handed_in_before(client, &wish).await? {
        out.talk(out.say("Diese Vorgangsnummer ist schon angekommen.", "This request id has arrived already."));
        return answered(out, order);
    }
    let (request, annex) = request_body(client.officer()?, wish, SystemClock.now())?;
    let mut sight = Sight::new(out, out.say("Anfrage", "Request"));
    let words = annex.as_ref().map(|annex| annex.texts().clone()).unwrap_or_default();
    sight.request(&request, &words, sight::offering(client, request.offering).await.as_ref());
    sight.as_told(client, &request).await;
    sight.line(("!", "!"), hint.unwrap_or_default());
    warnings::before_signing(&mut sight, client, &request, out).await;
    sight.ask(client.asks)?;
    let signed = Signed::sign(&Kind::Request, &request, &[&client.officer()?.key]);
    out.talk(&format!("{} {request_id}", out.say("Vorgangsnummer:", "Request id:")));
    let order = client.hand_in(&request_id, Enclosed { signed, annex }).await;
    answered(
        out,
        order.map_err(|lost| match only_look && lost.reason == Reason::OutcomeUnknown {
            true => lost.with("next", format!("verbund order show {}", request.order)),
            false => lost,
        })?,
    )
}

/// The order of a request id that was handed in before, by whoever did not get the answer: on another day, or with other
/// routes to choose from, the same command would sign something else. `ORDER_CONFLICT` if it asked for something else.
async fn handed_in_before(client: &mut Client, wish: &Wish) -> Result<Option<OrderId>, Refusal> {
    let id = OrderId::derive(&client.officer()?.org, &wish.request_id);
    let known = match client.order(id).await {
        Ok(known) => known,
        Err(refusal) if refusal.reason.class() == Class::Missing => return Ok(None),
        Err(refusal) => return Err(refusal),
    };
    let is_same = known.offering_id == wish.offering.to_string() && known.attempt == wish.attempt;
    if !is_same {
        return if wish.attempt > known.attempt { Ok(None) } else { Err(conflict(&known, wish)) };
    }
    Ok(Some(id))
}

fn conflict(known: &pb::Order, wish: &Wish) -> Refusal {
    let refusal = Refusal::new(Reason::OrderConflict).with("request_id", &wish.request_id);
    refusal.with("ordered", &known.offering_id).with("asked", wish.offering)
}

/// Says which order it was.
pub fn answered(out: Output, order: OrderId) -> Result<(), Refusal> {
    out.one(&json!({"order_id": order.to_string()}), &order.to_string())
}

/// Approves or refuses.
pub async fn decide(
    client: &mut Client,
    out: Output,
    called: &ShortId,
    approve: bool,
    note: String,
) -> Result<(), Refusal> {
    let id = ids::order(client, called).await?;
    let order = client.order(id).await?;
    if approve && is_approved(&order, &client.officer()?.org) {
        out.talk(out.say("Das ist schon freigegeben.", "This is approved already."));
        return answered(out, id);
    }
    let title = if approve { out.say("Freigabe", "Approval") } else { out.say("Ablehnung", "Refusal") };
    let mut sight = Sight::new(out, &format!("{title} {id}"));
    let request = sight::request(&mut sight, client, &order).await?;
    sight.as_told(client, &request).await;
    sight.line(("Bemerkung", "Note"), &note);
    sight.ask(client.asks)?;
    let leg = machine_verdict(client, &order).await?;
    let annex = annex_of(Texts::note(note))?;
    let officer = client.officer()?;
    let body = Decision {
        order: id,
        attempt: order.attempt,
        request: order.request_statement_id.parse()?,
        org: officer.org.clone(),
        approve,
        annex: annex.as_ref().map(Annex::id),
        leg,
        officer: officer.name.clone(),
        signed_at: SystemClock.now(),
        salt: fresh_salt(),
    };
    let signed = Signed::sign(&Kind::Decision, &body, &[&officer.key]);
    let order = client.hand_in("", Enclosed { signed, annex }).await?;
    answered(out, order)
}

/// Whether the buyer's second officer has said yes: the same approval again would be a second statement of it.
fn is_approved(order: &pb::Order, org: &OrgId) -> bool {
    let is_said = |message: &pb::Message| message.kind == "decision" && message.by == org.as_str();
    let is_open = matches!(order.stage(), pb::Stage::InChain | pb::Stage::Offered | pb::Stage::Sealed);
    order.buyer == org.as_str() && is_open && order.messages.iter().any(is_said)
}

/// What the machine says about the leg towards the officer's organisation, to stand beside the decision; for the buyer
/// about the leg it awards.
async fn machine_verdict(client: &mut Client, order: &pb::Order) -> Result<Option<LegFinding>, Refusal> {
    let own = client.officer()?.org.clone();
    let own_leg = |leg: &&[String]| leg[1] == own.as_str() || leg[0] == own.as_str();
    let Some(leg) = order.route.windows(2).find(own_leg) else { return Ok(None) };
    let (from, to, as_of) = (leg[0].parse()?, leg[1].parse()?, parse_date(&order.as_of)?);
    let request = request_of(order)?;
    let (began, award) = (Some(request.procedure_day()), request.award.into());
    let days = Days { as_of: Some(as_of), began, award, is_change: request.is_change(), ..Days::default() };
    let told = client.explain_leg(&from, &to, days).await?;
    let Some(leg) = told.cases.first() else { return Ok(None) };
    let evidence: Result<Vec<StatementId>, Refusal> = leg.evidence_ids.iter().map(|id| id.parse()).collect();
    Ok(Some(LegFinding {
        from,
        to,
        as_of,
        verdict: verdict_of(leg.verdict),
        basis: serde_json::from_value(Value::String(leg.case.clone())).ok(),
        assumed: leg.assumed,
        evidence: evidence?,
    }))
}

/// Seals, and agrees to the prices of these organisations that follow from nothing published.
pub async fn seal(client: &mut Client, out: Output, called: &ShortId, agree: &[OrgId]) -> Result<(), Refusal> {
    let id = ids::order(client, called).await?;
    let order = client.order(id).await?;
    if !order.seal_statement_id.is_empty() && order.buyer == client.officer()?.org.as_str() {
        out.talk(out.say("Das ist schon abgeschlossen.", "This is sealed already."));
        return answered(out, id);
    }
    let chain: Result<Vec<StatementId>, Refusal> = order.chain.iter().map(|id| id.parse()).collect();
    let chain = chain?;
    let total = see_seal(client, out, &order, &chain, agree).await?;
    let officer = client.officer()?;
    let body = Seal {
        order: id,
        attempt: order.attempt,
        buyer: officer.org.clone(),
        chain,
        total,
        agreed: agree.to_vec(),
        officer: Some(officer.name.clone()),
        signed_at: SystemClock.now(),
        salt: fresh_salt(),
    };
    let signed = Signed::sign(&Kind::Seal, &body, &[&officer.key]);
    let sealed = client.hand_in("", &signed).await?;
    name_met_needs(client, out, &order).await;
    answered(out, sealed)
}

/// Names the buyer's own needs that the contract meets. Orders are confidential and needs are public, so no node takes one off
/// the list: its organisation does.
async fn name_met_needs(client: &mut Client, out: Output, order: &pb::Order) {
    // The contract stands; a question that goes unanswered takes nothing from it.
    let Ok(needs) = client.needs(&order.offering_id, "").await else { return };
    let today = SystemClock.now().date().to_string();
    for need in needs.iter().filter(|need| need.municipality == order.buyer && need.until >= today) {
        out.talk(&format!(
            "{} {} ({}). {} verbund need withdraw {} --reason {}",
            out.say("Damit ist ein Bedarf gedeckt:", "This meets a need:"),
            need.note,
            need.leika_keys.join(" "),
            out.say("Zurücknehmen:", "Withdraw it:"),
            need.statement_id,
            out.say("bestellt", "ordered"),
        ));
    }
}

/// Shows what the seal concludes, from the very statements it names, and asks; gives their sum.
async fn see_seal(
    client: &mut Client,
    out: Output,
    order: &pb::Order,
    chain: &[StatementId],
    agree: &[OrgId],
) -> Result<Cents, Refusal> {
    let told = Cents::try_from(order.total_cents)?;
    if chain.is_empty() {
        // The node says what is missing; there is nothing to show yet.
        return Ok(told);
    }
    let mut sight = Sight::new(out, &format!("{} {}", out.say("Abschluss", "Seal"), order.id));
    let request = sight::request(&mut sight, client, order).await?;
    let answers = sight::statements(&mut sight, client, order, chain).await?;
    let total = sight.answers(&answers, request.term_years)?;
    if total != told {
        return Err(Refusal::new(Reason::PriceMismatch).with("told", told).with("sum", total));
    }
    let free: Vec<&str> = agree.iter().map(OrgId::as_str).collect();
    sight.line(("Frei vereinbart", "Freely agreed"), free.join(", "));
    sight.ask(client.asks)?;
    Ok(total)
}

/// Takes a seal for binding that came late.
pub async fn confirm(client: &mut Client, out: Output, called: &ShortId) -> Result<(), Refusal> {
    let id = ids::order(client, called).await?;
    let order = client.order(id).await?;
    let officer = client.officer()?;
    let of = Of { order: id, attempt: order.attempt };
    let body = acts::confirmation(of, order.seal_statement_id.parse()?, officer.by());
    let signed = Signed::sign(&Kind::Confirm, &body, &[&officer.key]);
    let order = client.hand_in("", &signed).await?;
    answered(out, order)
}

/// Ends the current attempt and says so.
pub async fn end(client: &mut Client, out: Output, called: &ShortId, reason: VoidReason) -> Result<(), Refusal> {
    let id = ids::order(client, called).await?;
    let order = client.order(id).await?;
    let order = void(client, &order, reason).await?;
    answered(out, order)
}

/// Ends the current attempt.
pub async fn void(client: &mut Client, order: &pb::Order, reason: VoidReason) -> Result<OrderId, Refusal> {
    let officer = client.officer()?;
    let of = Of { order: order.id.parse()?, attempt: order.attempt };
    let body = acts::void(of, order.request_statement_id.parse()?, reason, officer.by());
    let signed = Signed::sign(&Kind::Void, &body, &[&officer.key]);
    client.hand_in("", &signed).await
}
