//! The pages, each with what it shows, how that is asked for, and its tests.
use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};

use crate::web::assets;
use crate::web::desk::Desk;
use crate::web::place::Place;
use crate::web::shell::Visit;

mod accessibility;
mod check;
mod comparison;
mod demand;
mod erasing;
mod following;
mod hand_in;
mod imprint;
mod inbox;
mod interfaces;
mod keys;
mod mandate;
mod mandates;
mod need;
mod nodes;
mod offering;
mod offerings;
mod order;
mod ordering;
mod orders;
mod privacy;
mod settling;
mod sign_in;
mod signing;
mod start;

/// All of them, at their addresses.
pub(super) fn router(desk: Desk) -> Router {
    Router::new()
        .route(&Place::Start.path(), get(start::show))
        .route(&Place::Offerings.path(), get(offerings::show))
        .route(Place::OFFERING, get(offering::show))
        .route(Place::BYTES, get(offering::bytes))
        .route(Place::SIGNATURE, get(offering::signature))
        .route(Place::ENVELOPE, get(offering::envelope))
        .route(&Place::Comparison.path(), get(comparison::show))
        .route(&Place::ComparisonFile.path(), get(comparison::file))
        .route(&Place::Check.path(), get(check::show))
        .route(&Place::CheckFile.path(), get(check::file))
        .route(&Place::SignIn.path(), get(sign_in::show).post(sign_in::open))
        .route(&Place::Challenge.path(), get(sign_in::challenge))
        .route(&Place::SignOut.path(), post(sign_in::close))
        .route(&Place::Keys.path(), get(keys::show))
        .route(&Place::GrantRequest.path(), get(keys::is_granted).post(keys::ask))
        .route(&Place::Inbox.path(), get(inbox::show))
        .route(&Place::Orders.path(), get(orders::show))
        .route(&Place::HandIn.path(), post(hand_in::take))
        .route(Place::ORDER, get(order::show))
        .route(Place::ORDERING, get(ordering::show))
        .route(Place::SIGNING, get(signing::show))
        .route(Place::ERASING, get(erasing::show))
        .route(Place::FOLLOWING, get(following::show))
        .route(Place::SETTLING, get(settling::propose))
        .route(Place::AGREEING, get(settling::agree))
        .route(Place::LIVE, get(order::live))
        .route(Place::BUNDLE, get(order::bundle))
        .route(&Place::Demand.path(), get(demand::show))
        .route(&Place::Needs.path(), get(need::show))
        .route(&Place::NeedRaising.path(), get(need::raise))
        .route(Place::NEED_WITHDRAWING, get(need::withdraw))
        .route(Place::MANDATING, get(mandate::give))
        .route(&Place::Mandates.path(), get(mandates::show))
        .route(Place::MANDATE_APPROVING, get(mandate::approve))
        .route(&Place::Nodes.path(), get(nodes::show))
        .route(&Place::Interfaces.path(), get(interfaces::show))
        .route(&Place::Accessibility.path(), get(accessibility::show))
        .route(&Place::Privacy.path(), get(privacy::show))
        .route(&Place::Imprint.path(), get(imprint::show))
        .route(assets::ROUTE, get(assets::serve))
        .fallback(unknown)
        .method_not_allowed_fallback(not_so)
        .with_state(desk)
}

async fn unknown(visit: Visit) -> Response {
    visit.unknown()
}

/// Most pages are only read.
async fn not_so(visit: Visit) -> Response {
    let mut response = visit.unknown();
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}
