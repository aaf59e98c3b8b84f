//! *Abrufvollmacht*: an officer lets a cooperative order for the own organisation's need, up to an amount and a day; a colleague
//! approves by signing the same terms.
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::order::mandate::Mandate;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Kind;
use crate::domain::time::{Date, Timestamp};
use crate::protocol::Node;
use crate::web::desk::Desk;
use crate::web::drafts::{Draft, Signer};
use crate::web::forms::{self, Field, Form, Look};
use crate::web::officer::Officer;
use crate::web::pages::need::cooperatives;
use crate::web::pages::signing::{Signing, answered};
use crate::web::place::Place;
use crate::web::query::Query;
use crate::web::shell::Shell;
use crate::wire::order::order_id;

/// Longest amount: ten digits of euros.
const EUROS_CHARS_MAX: usize = 10;

/// What is filled in.
struct Terms {
    to: OrgId,
    cap: Cents,
    until: Date,
}

impl Terms {
    fn of(query: &Query) -> Result<Self, Refusal> {
        Ok(Self {
            to: forms::chosen(query, forms::THROUGH)?,
            cap: forms::euros(forms::CAP, query.first(forms::CAP))?,
            until: forms::day(query, forms::DAY)?,
        })
    }
}

pub(super) async fn give(
    State(desk): State<Desk>,
    officer: Officer,
    Path(need): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let (shell, by) = (officer.visit.shell(), officer.signer(&desk));
    let made = async {
        let need: StatementId = need.parse().map_err(|refusal: Refusal| refusal.with("field", "id"))?;
        let query = Query::read(&query.unwrap_or_default())?;
        let own = officer.org.clone();
        // Whom the need names, or else any of which the organisation is a member.
        let asked = desk.ask(move |view, _, _| {
            let needs = &view.public().catalogue.needs;
            needs.check(&need, &own).and_then(|()| needs.check_sought(&own, &need))?;
            let through = needs.of(&own, &need).and_then(|known| known.through.map(ToString::to_string));
            let all = cooperatives(view, &own).into_iter();
            Ok(all.filter(|(org, _)| through.as_ref().is_none_or(|named| named == org)).collect())
        });
        let form = giving(&shell, need, asked.await?, &query);
        let empty = || Signing::empty(shell.clone(), shell.t.act_mandate, shell.href(Place::Needs));
        if !forms::is_sent(&query, forms::CAP) {
            return Ok((empty().with_form(Some(form), None), None));
        }
        let terms = match Terms::of(&query) {
            Ok(terms) => terms,
            Err(refusal) => return Ok((empty().with_form(Some(form), Some(&refusal)), Some(refusal))),
        };
        let matter = Mandate::matter(&officer.org, &need);
        let draft = desk.ask_at_order(matter, move |node, now| first(node, need, terms, by, now)).await?;
        let page = Signing::of(shell.clone(), shell.t.act_mandate, String::new(), &draft, shell.href(Place::Needs));
        Ok((page.with_form(Some(form), None), None))
    };
    answered(&officer.visit, made.await)
}

pub(super) async fn approve(
    State(desk): State<Desk>,
    officer: Officer,
    Path((matter, id)): Path<(String, String)>,
) -> Response {
    let (shell, by) = (officer.visit.shell(), officer.signer(&desk));
    let made = async {
        let matter = order_id(&matter)?;
        let id: StatementId = id.parse().map_err(|refusal: Refusal| refusal.with("field", "id"))?;
        let draft = desk.ask_at_order(matter, move |node, now| again(node, matter, id, by, now)).await?;
        let back = shell.href(Place::Inbox);
        Ok((Signing::of(shell.clone(), shell.t.act_mandate_approve, String::new(), &draft, back), None))
    };
    answered(&officer.visit, made.await)
}

/// A first mandate, beside those that the organisation has given for the need.
fn first(node: &Node, need: StatementId, terms: Terms, by: Signer, now: Timestamp) -> Result<Draft, Refusal> {
    let last = node.mandates(&by.org, &need).map(|known| known.body().attempt).max();
    let body = Mandate {
        order: Mandate::matter(&by.org, &need),
        attempt: last.unwrap_or(0) + 1,
        org: by.org,
        to: terms.to,
        need,
        cap: terms.cap,
        until: terms.until,
        approves: None,
        officer: by.officer,
        signed_at: now,
        salt: by.salt,
    };
    Draft::of(Kind::Mandate, &body)
}

/// The terms of a colleague's mandate again, naming it. Another organisation's is as unknown as one that is not there.
fn again(node: &Node, matter: OrderId, id: StatementId, by: Signer, now: Timestamp) -> Result<Draft, Refusal> {
    let known = node.state().orders.get(&matter).and_then(|known| known.mandates.get(&id));
    let own = known.map(|known| known.body()).filter(|body| body.org == by.org);
    let first = own.ok_or_else(|| Refusal::new(Reason::StatementUnknown).with("approves", id))?;
    let body = Mandate { approves: Some(id), officer: by.officer, signed_at: now, salt: by.salt, ..first.clone() };
    Draft::of(Kind::Mandate, &body)
}

fn giving(shell: &Shell, need: StatementId, cooperatives: Vec<(String, String)>, query: &Query) -> Form {
    let t = shell.t;
    let to = |typed: &str| Field::choices(cooperatives.into_iter(), typed);
    let fields = vec![
        Field::of(forms::THROUGH, t.field_through, "", query, to),
        Field::of(forms::CAP, t.field_mandate_cap, t.mandate_cap_hint, query, |_| Look::Line(EUROS_CHARS_MAX)),
        Field::day(forms::DAY, t.field_mandate_until, t.day_hint, query),
    ];
    Form::of(Place::Mandating(need).path(), fields)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;
    use crate::domain::body::Body;
    use crate::web::fixture::Reader;

    /// Beyond the officer's limit a colleague signs the same terms, from the inbox on.
    #[tokio::test]
    async fn a_mandate_is_given_once_and_approved_by_a_colleague() {
        let mut reader = Reader::new();
        reader.need("town", "99107023017000");
        let need = reader.needs_of("town")[0];
        reader.sign_in("town", "einkauf").await;
        let place = format!("/bedarf/{need}/vollmacht");
        assert!(reader.get("/bedarf/eigener").await.ok().contains(&place));
        let form = reader.get(&place).await.ok();
        assert!(form.contains("value=\"kitu\"") && !form.contains("data-payload"), "{form}");
        for (wrong, code) in [
            ("ueber=kitu&hoechstens=9.000&tag=30.6.2027", "FIELD_INVALID"),
            ("ueber=&hoechstens=9000&tag=30.6.2027", "FIELD_INVALID"),
            ("ueber=kitu&hoechstens=9000&tag=x", "TIME_INVALID"),
        ] {
            let answer = reader.get(&format!("{place}?{wrong}")).await;
            assert!(answer.status == StatusCode::BAD_REQUEST && answer.text.contains(code), "{}", answer.text);
            assert!(answer.text.contains("value=\"9"), "{wrong}: what was typed stays");
        }
        let page = reader.get(&format!("{place}?ueber=kitu&hoechstens=20000&tag=30.6.2027")).await.ok();
        let given = reader.sign(&page, &Kind::Mandate, "town", "einkauf");
        let Ok(Body::Mandate(body)) = Body::read(&given) else { panic!("a mandate") };
        assert_eq!((body.attempt, body.cap.get(), body.to.as_str()), (1, 2_000_000, "kitu"));
        let taken = reader.hand_in(&given).await.ok();
        assert!(taken.contains("\"href\":\"/bedarf/eigener\""), "{taken}");
        assert_eq!(reader.hand_in(&given).await.ok(), taken, "a second click");
        reader.sign_in("town", "leitung").await;
        let approve = format!("/vollmachten/{}/{}", body.order, given.id());
        let inbox = reader.get("/dran").await.ok();
        assert!(inbox.contains(&approve), "{inbox}");
        let page = reader.get(&approve).await.ok();
        let approval = reader.sign(&page, &Kind::Mandate, "town", "leitung");
        let Ok(Body::Mandate(again)) = Body::read(&approval) else { panic!("a mandate") };
        assert!(again.has_terms_of(&body) && again.approves == Some(given.id()));
        reader.hand_in(&approval).await.ok();
        assert!(!reader.get("/dran").await.ok().contains(&approve), "nothing waits");
        reader.sign_in("loner", "leitung").await;
        let stranger = reader.get(&approve).await;
        assert!(stranger.text.contains("STATEMENT_UNKNOWN"), "{}", stranger.text);
        let foreign = reader.get(&place).await;
        assert!(!foreign.status.is_success(), "{}", foreign.text);
    }
}
