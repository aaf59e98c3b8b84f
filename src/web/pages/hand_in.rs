//! Where a script hands in what an officer has signed in the browser. It goes the way that a call by gRPC goes, and whoever has
//! signed it is judged by its signature, not by the session.
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::domain::envelope;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Kind;
use crate::protocol::Answer;
use crate::web::desk::Desk;
use crate::web::officer::Officer;
use crate::web::pages::sign_in::json;
use crate::web::place::Place;

/// Where to go on.
#[derive(Serialize)]
struct Taken {
    id: String,
    href: String,
}

/// Takes a statement. The same one again is the same order: nothing happens twice.
pub(super) async fn take(State(desk): State<Desk>, officer: Officer, statement: String) -> Response {
    let visit = officer.visit;
    let taken = async {
        desk.sessions.act(&officer.proof, desk.now())?;
        let enclosed = envelope::read_enclosed(&statement)?;
        // What everyone may read goes the way of a publication.
        let is_mandate = *enclosed.signed.kind() == Kind::Mandate;
        let answer = match enclosed.signed.kind().is_public() {
            true => desk.publish(enclosed.signed).await?,
            false => desk.hand_in(enclosed).await?,
        };
        match answer {
            // The matter of a mandate has no page of its own.
            Answer::Order(matter) if is_mandate => Ok((matter.to_string(), Place::Needs)),
            Answer::Order(order) => Ok((order.to_string(), Place::Order(order))),
            Answer::Published { id, .. } => Ok((id.to_string(), Place::Needs)),
            other => Err(Refusal::new(Reason::Bug).with("answer", format!("{other:?}"))),
        }
    };
    match taken.await {
        Ok((id, place)) => json(StatusCode::OK, &Taken { id, href: visit.shell().href(place) }),
        Err(refusal) => visit.refused_to_script(&refusal),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::web::fixture::Reader;

    #[tokio::test]
    async fn what_is_handed_in_twice_happens_once() {
        let mut reader = Reader::new();
        let signed = reader.town.request("eins", |_| ());
        assert_eq!(reader.hand_in(&signed).await.status, StatusCode::UNAUTHORIZED, "nobody is signed in");
        reader.sign_in("town", "einkauf").await;
        let first = reader.hand_in(&signed).await.ok();
        assert!(first.contains("\"href\":\"/bestellungen/"), "{first}");
        assert_eq!(reader.hand_in(&signed).await.ok(), first);
        assert_eq!(reader.town.node.state().orders.len(), 1);
        for _ in 2..crate::web::session::ACTS_MAX {
            reader.hand_in(&signed).await.ok();
        }
        let hasty = reader.hand_in(&signed).await;
        assert!(
            hasty.status == StatusCode::SERVICE_UNAVAILABLE && hasty.text.contains("OVERLOADED"),
            "{}",
            hasty.text
        );
        reader.town.now = reader.town.now.plus_ms(60_000);
        let other = reader.town.request("eins", |request| request.term_years = 3);
        let refused = reader.hand_in(&other).await;
        assert!(!refused.status.is_success() && refused.text.contains("\"code\":"), "{}", refused.text);
    }
}
