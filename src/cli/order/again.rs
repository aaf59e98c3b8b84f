//! `verbund order reroute`, `raise`, `change`, `prolong`: a request that follows another one.
use crate::cli::client::{Client, fresh_salt};
use crate::cli::order::{DAY_MS, Terms, Wish, chosen, considered, euro_cents, hand_in, is_over, void};
use crate::cli::output::Output;
use crate::domain::grounds::Grounds;
use crate::domain::id::OrderId;
use crate::domain::money::Cents;
use crate::domain::order::aftercare::{Amendment, Amends};
use crate::domain::order::{AutoSeal, Mode, VoidReason};
use crate::domain::price::Quantities;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::route::Route;
use crate::domain::time::parse_date;
use crate::wire::pb::order::v1 as pb;

/// What follows an order.
#[derive(clap::Args)]
pub struct Again {
    /// Bestellnummer
    order: OrderId,
    /// Neue Obergrenze für den Gesamtpreis, in Euro; sonst die bisherige
    #[arg(long, value_name = "EURO")]
    max_euro: Option<u32>,
    /// How.
    #[command(flatten)]
    terms: Terms,
}

/// Ends the current attempt if it is open, and tries another route.
pub async fn reroute(client: &mut Client, out: Output, again: Again) -> Result<(), Refusal> {
    let order = client.order(again.order).await?;
    check_repeatable(&order)?;
    // Asked before anything ends: who has no other route keeps the attempt.
    let wish = next(client, &order, &again, order.mode == i32::from(pb::Mode::Interest)).await?;
    if !is_over(order.stage) {
        void(client, &order, VoidReason::Rerouted).await?;
    }
    hand_in(client, out, wish).await
}

/// Raises an interest to a binding request on the same route.
pub async fn raise(client: &mut Client, out: Output, again: Again) -> Result<(), Refusal> {
    let order = client.order(again.order).await?;
    if order.mode != i32::from(pb::Mode::Interest) {
        return Err(Refusal::new(Reason::OrderState).with("rule", "not an interest"));
    }
    check_repeatable(&order)?;
    let mut wish = next(client, &order, &again, false).await?;
    if again.terms.via.is_empty() {
        wish.route = route_of(&order)?;
    }
    if !is_over(order.stage) {
        void(client, &order, VoidReason::Superseded).await?;
    }
    hand_in(client, out, wish).await
}

/// Changes or prolongs a sealed order: an order of its own on the same route.
pub async fn amend(client: &mut Client, out: Output, again: Again, what: Amendment) -> Result<(), Refusal> {
    let order = client.order(again.order).await?;
    if order.seal_statement_id.is_empty() {
        return Err(Refusal::new(Reason::OrderState).with("rule", "not sealed"));
    }
    check_for_itself(&order)?;
    let mut wish = next(client, &order, &again, false).await?;
    wish.request_id = hex::encode(fresh_salt().0);
    wish.attempt = 1;
    wish.route = route_of(&order)?;
    wish.amends = Some(Amends { order: order.id.parse()?, seal: order.seal_statement_id.parse()?, what });
    hand_in(client, out, wish).await
}

/// A further attempt repeats for whom and what the order is; the tool cannot where the node does not show it.
fn check_repeatable(order: &pb::Order) -> Result<(), Refusal> {
    if order.amends_order_id.is_empty() {
        return check_for_itself(order);
    }
    Err(Refusal::new(Reason::OrderState).with("rule", "an amendment is cancelled and ordered anew"))
}

/// The node shows the names of members, not their needs and numbers.
fn check_for_itself(order: &pb::Order) -> Result<(), Refusal> {
    if order.bundled_members.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(Reason::OrderState).with("rule", "an order for several members is cancelled and ordered anew"))
}

fn route_of(order: &pb::Order) -> Result<Route, Refusal> {
    let parties: Result<Vec<_>, Refusal> = order.route.iter().map(|party| party.parse()).collect();
    Route::new(parties?)
}

/// The next request of an order: what is not named stays as it was.
async fn next(client: &mut Client, order: &pb::Order, again: &Again, interest: bool) -> Result<Wish, Refusal> {
    let terms = &again.terms;
    let as_of = terms.as_of.as_deref().map(parse_date).transpose()?;
    let buyer = client.officer()?.org.clone();
    let mut needs = terms.needs;
    needs.term_years = if needs.term_years == 0 { order.term_years } else { needs.term_years };
    let found = client.routes(&buyer, &order.offering_id, needs, (as_of, None)).await?;
    let route = if terms.via.is_empty() { chosen(&found, terms.route)? } else { Route::new(terms.via.clone())? };
    Ok(Wish {
        request_id: order.request_id.clone(),
        attempt: order.attempt + 1,
        mode: if interest { Mode::Interest } else { Mode::Binding },
        route,
        offering: order.offering_id.parse()?,
        rule_pack: found.rule_pack_id.parse()?,
        as_of: parse_date(&found.as_of)?,
        term_years: needs.term_years,
        total_max: again.max_euro.map_or(Cents::try_from(order.total_max_cents), euro_cents)?,
        quote_ms: terms.quote_days * DAY_MS,
        seal_ms: terms.seal_days * DAY_MS,
        auto_seal: terms.auto_seal.then_some(AutoSeal { accept_assumed: terms.accept_assumed }),
        quantities: Quantities { uses: needs.uses, target_group: needs.target_group },
        reference: if terms.reference.is_empty() { order.reference.clone() } else { terms.reference.clone() },
        considered: considered(&found)?,
        grounds: Grounds::default(),
        amends: None,
        bundle: None,
    })
}
