//! `verbund order watch --all`: the orders of an organisation as they change.
use serde_json::{Value, json};

use crate::cli::client::{Client, time_text};
use crate::cli::feed::{Following, News, Said, follow};
use crate::cli::order::show::stage_text;
use crate::cli::output::Output;
use crate::domain::reason::Refusal;
use crate::wire::instant;
use crate::wire::pb::order::v1 as order;

/// The orders of the officer's organisation as they change.
pub async fn orders(client: &mut Client, out: Output, following: Following) -> Result<(), Refusal> {
    let until_now = following.until_now;
    let call =
        async |resume_token: String| client.watch_orders(order::WatchOrdersRequest { resume_token, until_now }).await;
    let read = |message: order::WatchOrdersResponse| {
        use order::watch_orders_response::Said as Wire;
        let said = match message.said? {
            Wire::Order(order) => {
                let (value, text) = summary(&order, &message.resume_token, out);
                Said::Event(value, text)
            }
            Wire::End(end) => Said::End(end),
        };
        Some(News { token: message.resume_token, said })
    };
    follow(out, following.since, call, read).await
}

fn summary(told: &order::OrderSummary, token: &str, out: Output) -> (Value, String) {
    let value = json!({
        "order_id": told.id, "buyer": told.buyer, "provider": told.provider, "offering_id": told.offering_id,
        "offering_title": told.offering_title, "stage": told.stage().as_str_name(), "turn": told.turn,
        "total_cents": told.total_cents, "updated_at": time_text(told.updated_at.as_ref()),
        "next_at": time_text(told.next_at.as_ref()), "resume_token": token,
    });
    let when = told.updated_at.as_ref().map(|at| instant(at).told(out.lang)).unwrap_or_default();
    let stage = stage_text(told.stage, out);
    (value, format!("{when}  {}  {stage}  {}", out.short(&told.id), told.offering_title))
}
