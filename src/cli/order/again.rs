//! `verbund order reroute`, `raise`, `change`, `prolong`: a request that follows another one.
use std::collections::BTreeSet;

use crate::cli::client::{Client, Days, fresh_salt};
use crate::cli::order::acts::{hand_in, void};
use crate::cli::order::show::is_over;
use crate::cli::order::wish::{DAY_MS, RequestTerms, Wish, considered};
use crate::cli::output::Output;
use crate::cli::{ids, names};
use crate::domain::annex::Texts;
use crate::domain::id::{OrderId, ShortId};
use crate::domain::money::Cents;
use crate::domain::order::{Amendment, AutoSeal, Mode, Request, VoidReason, acts};
use crate::domain::price::Quantities;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::parse_date;
use crate::wire::order::{request_of, request_words};
use crate::wire::pb::order::v1 as pb;

/// What follows an order.
#[derive(clap::Args)]
pub struct Again {
    /// Bestellnummer
    order: ShortId,
    /// Neue Obergrenze für den Gesamtpreis, in Euro; sonst die bisherige
    #[arg(long, value_name = "EURO", value_parser = names::euros)]
    max_euro: Option<Cents>,
    /// How.
    #[command(flatten)]
    terms: RequestTerms,
}

/// A request that is followed, or that follows.
struct Before {
    request: Request,
    /// What its officer said beside it; nothing if that is not here any more.
    words: Texts,
}

impl Before {
    fn of(order: &pb::Order) -> Result<Self, Refusal> {
        Ok(Self { request: request_of(order)?, words: request_words(order) })
    }

    /// Its next attempt.
    fn again(&self) -> Self {
        Self { request: acts::again(&self.request), words: self.words.clone() }
    }
}

/// Ends the current attempt if it is open, and tries another route; an amendment tries its only route again.
pub async fn reroute(client: &mut Client, out: Output, again: Again) -> Result<(), Refusal> {
    let id = ids::order(client, &again.order).await?;
    let order = client.order(id).await?;
    let before = Before::of(&order)?;
    // An amendment has one route.
    let ended = order.ended_attempts.iter().map(|ended| ended.route.clone());
    let tried = ended.chain([order.route.clone()]).filter(|_| before.request.amends.is_none()).collect();
    // Asked before anything ends: who has no other route keeps the attempt.
    let mut wish = next(client, &before.again(), &again, &tried).await?;
    if let Some(amends) = &before.request.amends {
        keep_route(&mut wish, &before.request, &again, amends.order)?;
    }
    if !is_over(order.stage) {
        void(client, &order, VoidReason::Rerouted).await?;
    }
    hand_in(client, out, wish).await
}

/// Raises an interest to a binding request on the same route.
pub async fn raise(client: &mut Client, out: Output, again: Again) -> Result<(), Refusal> {
    let id = ids::order(client, &again.order).await?;
    let order = client.order(id).await?;
    let before = Before::of(&order)?;
    if before.request.mode != Mode::Interest {
        return Err(Refusal::new(Reason::OrderState).with("rule", "not an interest"));
    }
    let mut wish = Wish { mode: Mode::Binding, ..next(client, &before.again(), &again, &BTreeSet::new()).await? };
    if !again.terms.names_route() {
        wish.route = before.request.route;
    }
    if !is_over(order.stage) {
        void(client, &order, VoidReason::Superseded).await?;
    }
    hand_in(client, out, wish).await
}

/// Changes or prolongs a sealed order: an order of its own on the same route, for the same members.
pub async fn amend(client: &mut Client, out: Output, again: Again, what: Amendment) -> Result<(), Refusal> {
    let id = ids::order(client, &again.order).await?;
    let order = client.order(id).await?;
    if order.seal_statement_id.is_empty() {
        return Err(Refusal::new(Reason::OrderState).with("rule", "not sealed"));
    }
    let seal = order.seal_statement_id.parse()?;
    let Before { request, words } = Before::of(&order)?;
    let anew = acts::amending(&request, hex::encode(fresh_salt().0), seal, what);
    let anew = Before { request: anew, words: Texts { query: String::new(), ..words } };
    let mut wish = next(client, &anew, &again, &BTreeSet::new()).await?;
    keep_route(&mut wish, &request, &again, request.order)?;
    hand_in(client, out, wish).await
}

/// An amendment goes the way of what it amends. Every node refuses another one, but only after the officer has signed.
fn keep_route(wish: &mut Wish, before: &Request, again: &Again, amended: OrderId) -> Result<(), Refusal> {
    if again.terms.names_route() && wish.route != before.route {
        return Err(Refusal::new(Reason::AmendmentInvalid).with("order", amended).with("rule", "another route"));
    }
    wish.route = before.route.clone();
    Ok(())
}

/// The request that follows, on a route not tried yet: what is not named stays as it was.
async fn next(
    client: &mut Client,
    Before { request: next, words }: &Before,
    again: &Again,
    tried: &BTreeSet<Vec<String>>,
) -> Result<Wish, Refusal> {
    let terms = &again.terms;
    let as_of = terms.as_of.as_deref().map(names::day).transpose()?;
    let (began, is_change) = (next.procedure_began, next.is_change());
    let days = Days { as_of, began, award: next.award.into(), is_change, ..Days::default() };
    let mut needs = terms.needs;
    needs.term_years = if needs.term_years == 0 { next.term_years } else { needs.term_years };
    needs.uses = needs.uses.or(next.quantities.uses);
    needs.target_group = needs.target_group.or(next.quantities.target_group);
    let found = client.routes(&next.buyer, &next.offering.to_string(), needs, days).await?;
    let route = terms.way(&found, tried)?;
    Ok(Wish {
        request_id: next.request_id.clone(),
        attempt: next.attempt,
        mode: next.mode,
        route,
        offering: next.offering,
        rule_pack: found.rule_pack_id.parse()?,
        award: next.award,
        as_of: parse_date(&found.as_of)?,
        procedure_began: next.procedure_began,
        term_years: needs.term_years,
        total_max: again.max_euro.unwrap_or(next.total_max),
        quote_ms: terms.quote_days * DAY_MS,
        seal_ms: terms.seal_days * DAY_MS,
        auto_seal: terms.auto_seal.then_some(AutoSeal { accept_assumed: terms.accept_assumed }),
        quantities: Quantities { uses: needs.uses, target_group: needs.target_group },
        reference: if terms.reference.is_empty() { next.reference.clone() } else { terms.reference.clone() },
        considered: considered(&found)?,
        grounds: next.grounds.clone(),
        words: words.clone(),
        amends: next.amends.clone(),
        gathered: next.gathered.clone(),
    })
}
