//! Where a script hands in what an officer has signed in the browser. It goes the way that a call by gRPC goes, and whoever has
//! signed it is judged by its signature, not by the session.
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use crate::domain::envelope;
use crate::domain::reason::{Reason, Refusal};
use crate::protocol::Answer;
use crate::web::desk::Desk;
use crate::web::officer::Officer;
use crate::web::pages::sign_in::json;
use crate::web::place::Place;

/// Where to go on.
#[derive(Serialize)]
struct Taken {
    order: String,
    href: String,
}

/// Takes a statement. The same one again is the same order: nothing happens twice.
pub(super) async fn take(State(desk): State<Desk>, officer: Officer, statement: String) -> Response {
    let visit = officer.visit;
    let taken = async {
        desk.sessions.act(&officer.proof, desk.now())?;
        match desk.hand_in(envelope::read_enclosed(&statement)?).await? {
            Answer::Order(order) => Ok(order),
            other => Err(Refusal::new(Reason::Bug).with("answer", format!("{other:?}"))),
        }
    };
    match taken.await {
        Ok(order) => {
            let href = visit.shell().href(Place::Order(order));
            json(StatusCode::OK, &Taken { order: order.to_string(), href })
        }
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
