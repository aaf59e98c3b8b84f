//! *Ändern*, *Verlängern*, *Anderen Weg nehmen*, *Verbindlich anfragen*: a request that follows another one. What is not filled in stays
//! as it was. An attempt that is still open is ended first, by a statement of its own.
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use crate::domain::annex::{Texts, WORDS_CHARS_MAX};
use crate::domain::id::{OrderId, OrgId, shortened};
use crate::domain::order::acts::{self, Of};
use crate::domain::order::{Amendment, Mode, Request, VoidReason};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Kind;
use crate::domain::time::Timestamp;
use crate::view::View;
use crate::web::desk::Desk;
use crate::web::drafts::{self, Draft, Signer};
use crate::web::forms::{self, Field, Form, Look, lines};
use crate::web::officer::Officer;
use crate::web::pages::ordering::drawn_number;
use crate::web::pages::signing::{Signing, answered};
use crate::web::place::Place;
use crate::web::query::Query;
use crate::web::shell::Shell;
use crate::web::texts::Texts as Words;
use crate::web::words;
use crate::wire::order::{annexes_of, annexes_seen, order, order_id, request_of, request_words};
use crate::wire::pb::order::v1 as pb;

/// Longest amount and term in digits.
const EUROS_CHARS_MAX: usize = 10;
const YEARS_CHARS_MAX: usize = 2;

/// What follows an order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Other terms from now on.
    Change,
    /// A further term.
    Prolong,
    /// Another way.
    Reroute,
    /// An interest becomes binding.
    Raise,
}

impl Step {
    const ALL: [Self; 4] = [Self::Change, Self::Prolong, Self::Reroute, Self::Raise];

    /// As it stands in an address.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Change => "aendern",
            Self::Prolong => "verlaengern",
            Self::Reroute => "anderer-weg",
            Self::Raise => "verbindlich",
        }
    }

    /// What it is called.
    pub(super) fn heading(self, t: &Words) -> &'static str {
        match self {
            Self::Change => t.act_change,
            Self::Prolong => t.act_prolong,
            Self::Reroute => t.act_reroute,
            Self::Raise => t.act_raise,
        }
    }

    /// The steps behind what `explain` says the buyer can do.
    pub(super) fn of_choice(word: &str) -> &'static [Self] {
        match word {
            "report" => &[Self::Change, Self::Prolong],
            "reroute" | "cancel" => &[Self::Reroute],
            "raise" => &[Self::Raise],
            _ => &[],
        }
    }

    /// The statement with which it ends an attempt that is open.
    fn ending(self) -> Option<VoidReason> {
        match self {
            Self::Change | Self::Prolong => None,
            Self::Reroute => Some(VoidReason::Rerouted),
            Self::Raise => Some(VoidReason::Superseded),
        }
    }

    /// The request that follows, as far as it is not filled in.
    fn next(self, before: &Request, shown: &pb::Order, number: &str) -> Result<Request, Refusal> {
        let unfit = |rule: &str| Err(Refusal::new(Reason::OrderState).with("rule", rule));
        let is_sealed = !shown.seal_statement_id.is_empty();
        match self {
            Self::Change | Self::Prolong if !is_sealed => unfit("not sealed"),
            Self::Change | Self::Prolong => {
                let what = if self == Self::Change { Amendment::Change } else { Amendment::Prolong };
                Ok(acts::amending(before, number.to_owned(), shown.seal_statement_id.parse()?, what))
            }
            Self::Reroute | Self::Raise if is_sealed => {
                Err(Refusal::new(Reason::OrderClosed).with("order", before.order))
            }
            Self::Raise if before.mode != Mode::Interest => unfit("not an interest"),
            Self::Raise => Ok(Request { mode: Mode::Binding, ..acts::again(before) }),
            Self::Reroute => Ok(acts::again(before)),
        }
    }
}

/// What is followed, and the ways that are open.
struct Before {
    next: Request,
    words: Texts,
    /// Ways not tried yet; one only, for what stays on its way.
    ways: Vec<Vec<String>>,
    /// The statement that ends the attempt, where it is open.
    ending: Option<Draft>,
}

pub(super) async fn show(
    State(desk): State<Desk>,
    officer: Officer,
    Path((id, word)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let (shell, by) = (officer.visit.shell(), officer.signer(&desk));
    let made = async {
        let id = order_id(&id)?;
        let unknown = || Refusal::new(Reason::PageUnknown).with("act", shortened(&word));
        let step = Step::ALL.into_iter().find(|step| step.word() == word).ok_or_else(unknown)?;
        let query = Query::read(&query.unwrap_or_default())?;
        let number = Some(query.first(forms::NUMBER).to_owned()).filter(|number| !number.is_empty());
        let number = number.unwrap_or_else(|| drawn_number(&desk));
        let before = before(&desk, (id, &officer.org), step, &number, by.clone()).await?;
        let heading = step.heading(shell.t);
        let back = shell.href(Place::Order(id));
        if let Some(draft) = before.ending {
            return Ok((Signing::of(shell.clone(), heading, String::new(), &draft, back), None));
        }
        let (told, asked) = (shell.clone(), query.clone());
        desk.ask(move |view, _, now| {
            let form = form(&told, view, (id, step, &number), &before, &asked);
            let empty = || Signing::empty(told.clone(), heading, back.clone());
            if !forms::is_sent(&asked, forms::CAP) {
                return Ok((empty().with_form(Some(form), None), None));
            }
            Ok(match draft(view, before, &asked, by, now) {
                Ok(draft) => {
                    let page = Signing::of(told.clone(), heading, String::new(), &draft, back.clone());
                    (page.with_form(Some(form), None), None)
                }
                Err(refusal) => (empty().with_form(Some(form), Some(&refusal)), Some(refusal)),
            })
        })
        .await
    };
    answered(&officer.visit, made.await)
}

/// Learns what is followed; refused where nothing can follow it, before anything ends.
async fn before(
    desk: &Desk,
    (id, org): (OrderId, &OrgId),
    step: Step,
    number: &str,
    by: Signer,
) -> Result<Before, Refusal> {
    let shown = desk.ask_as_party(org, id, move |node, party, now| order(node, id, party, now));
    let mut shown = shown.await?;
    let here = desk.annexes(annexes_of(&shown)?).await?;
    annexes_seen(&mut shown, &here);
    let before = request_of(&shown)?;
    if before.buyer != *org {
        return Err(Refusal::new(Reason::OrderState).with("rule", "only the buyer orders again"));
    }
    let next = step.next(&before, &shown, number)?;
    let asked = next.clone();
    let found = desk.ask(move |view, _, now| drafts::ways(view, &asked, now)).await?;
    // An amendment has one route, and what is raised keeps its own.
    let ways = if next.amends.is_some() || step == Step::Raise {
        vec![shown.route.clone()]
    } else {
        let is_tried =
            |way: &Vec<String>| *way == shown.route || shown.ended_attempts.iter().any(|ended| ended.route == *way);
        found.routes.iter().map(|route| route.parties.clone()).filter(|way| !is_tried(way)).collect()
    };
    if ways.is_empty() {
        return Err(Refusal::new(Reason::NoRoute).with("offering", next.offering));
    }
    let of = Of { order: id, attempt: before.attempt };
    let request = shown.request_statement_id.parse()?;
    let reason = step.ending().filter(|_| shown.stage() != pb::Stage::Void);
    let ends = |reason| Draft::of(Kind::Void, &acts::void(of, request, reason, by.at(desk.now())));
    let ending = reason.map(ends).transpose()?;
    Ok(Before { words: request_words(&shown), next, ways, ending })
}

/// The request as it was filled in.
fn draft(view: &View, before: Before, query: &Query, by: Signer, now: Timestamp) -> Result<Draft, Refusal> {
    let route = query.first(forms::ROUTE).to_owned();
    let way = before.ways.into_iter().find(|way| way.join(",") == route);
    let years =
        |_| Refusal::new(Reason::FieldInvalid).with("field", forms::YEARS).with("rule", "whole years, digits only");
    let next = Request {
        route: drafts::route_of(&way.ok_or_else(|| Refusal::new(Reason::NoRoute).with("route", shortened(&route)))?)?,
        total_max: forms::euros(forms::CAP, query.first(forms::CAP))?,
        term_years: query.first(forms::YEARS).trim().parse().map_err(years)?,
        ..before.next
    };
    let purpose = lines(query.first(forms::WORDS));
    // What was searched for then says nothing about a contract that is changed today.
    let searched = if next.amends.is_some() { String::new() } else { before.words.query };
    drafts::following(view, next, Texts { purpose, query: searched, ..before.words }, by, now)
}

/// The form, filled with what was before.
fn form(
    shell: &Shell,
    view: &View,
    (id, step, number): (OrderId, Step, &str),
    before: &Before,
    query: &Query,
) -> Form {
    let t = shell.t;
    let named = |way: &Vec<String>| way.iter().map(|party| words::party(view, party)).collect::<Vec<_>>().join(" → ");
    let ways = before.ways.iter().map(|way| (way.join(","), named(way)));
    // A cap is typed in whole euros.
    let euros = (before.next.total_max.get() + 99) / 100;
    let is_new = !forms::is_sent(query, forms::CAP);
    let field = |field: Field, was: String| if is_new { Field { typed: was, ..field } } else { field };
    let fields = vec![
        Field::of(forms::ROUTE, t.order_route, "", query, |typed| Field::choices(ways, typed)),
        field(
            Field::of(forms::CAP, t.order_cap, t.ordering_cap_hint, query, |_| Look::Line(EUROS_CHARS_MAX)),
            euros.to_string(),
        ),
        field(
            Field::of(forms::YEARS, t.field_term_years, "", query, |_| Look::Line(YEARS_CHARS_MAX)),
            before.next.term_years.to_string(),
        ),
        field(
            Field::of(forms::WORDS, t.order_purpose, t.ordering_purpose_hint, query, |_| {
                Look::Lines(WORDS_CHARS_MAX)
            }),
            before.words.purpose.clone(),
        ),
    ];
    let action = Place::Following(id, step.word()).path();
    Form { kept: vec![(forms::NUMBER, number.to_owned())], ..Form::of(action, fields) }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::domain::body::Body;
    use crate::domain::law::tests::World;
    use crate::domain::order::{Amendment, Mode, Request, VoidReason};
    use crate::domain::statement::{Kind, Signed};
    use crate::protocol::explain::fixture::Town;
    use crate::web::fixture::Reader;

    fn request(signed: &Signed) -> Request {
        let Ok(Body::Request(request)) = Body::read(signed) else { panic!("a request") };
        request
    }

    const FILLED: &str = "weg=town,kitu,provider&hoechstens=9500&jahre=3&worte=Mehr&vorgang=web-2";

    /// Changed or prolonged, a contract is ordered anew on its own way; the page left behind orders it once.
    #[tokio::test]
    async fn a_running_contract_is_changed_and_prolonged() {
        for (word, what) in [("aendern", Amendment::Change), ("verlaengern", Amendment::Prolong)] {
            let mut reader = Reader::new();
            let id = reader.town.order("eins", |_| ());
            let place = format!("/bestellungen/{id}/weiter/{word}");
            reader.sign_in("town", "einkauf").await;
            let early = reader.get(&place).await;
            assert!(early.text.contains("ORDER_STATE") && !early.text.contains("<form action"), "{}", early.text);
            reader.town.seal(id).expect("sealed");
            assert!(reader.get(&format!("/bestellungen/{id}")).await.ok().contains(&place), "the order leads there");
            let form = reader.get(&place).await.ok();
            for part in
                ["value=\"9000\"", "value=\"2\"", "name=\"vorgang\" value=\"web-", "town im Test → kitu im Test"]
            {
                assert!(form.contains(part) && !form.contains("data-payload"), "{part}: {form}");
            }
            let page = reader.get(&format!("{place}?{FILLED}")).await.ok();
            let signed = reader.sign(&page, &Kind::Request, "town", "einkauf");
            let body = request(&signed);
            let amends = body.amends.as_ref().expect("it amends");
            assert_eq!((amends.order, amends.what, body.attempt, body.term_years), (id, what, 1, 3));
            assert_eq!((body.total_max.get(), body.request_id.as_str()), (950_000, "web-2"));
            reader.hand_in(&signed).await.ok();
            let back = reader.get(&format!("{place}?{FILLED}")).await.ok();
            let back = reader.sign(&back, &Kind::Request, "town", "einkauf");
            reader.hand_in(&back).await.ok();
            assert_eq!(reader.town.node.state().orders.len(), 2, "the way back orders nothing twice");
            reader.sign_in("kitu", "leitung").await;
            let other = reader.get(&place).await;
            assert!(other.text.contains("ORDER_STATE") && !other.text.contains("data-payload"), "{}", other.text);
        }
    }

    #[tokio::test]
    async fn what_is_wrong_in_a_change_is_told_and_what_was_typed_stays() {
        let mut reader = Reader::new();
        let id = reader.town.order("eins", |_| ());
        reader.town.seal(id).expect("sealed");
        reader.sign_in("town", "einkauf").await;
        for (wrong, code) in [
            ("weg=town,kitu,provider&hoechstens=9.000&jahre=2", "FIELD_INVALID"),
            ("weg=town,kitu,provider&hoechstens=9000&jahre=x", "FIELD_INVALID"),
            ("weg=town,kitu,provider&hoechstens=9000&jahre=99", "FIELD_INVALID"),
            ("weg=town,provider&hoechstens=9000&jahre=2", "NO_ROUTE"),
        ] {
            let answer = reader
                .get(&format!("/bestellungen/{id}/weiter/aendern?{wrong}&worte=Meine+Worte&vorgang=web-7"))
                .await;
            assert!(!answer.status.is_success() && answer.text.contains(code), "{wrong}: {}", answer.text);
            assert!(answer.text.contains("Meine Worte") && answer.text.contains("value=\"web-7\""), "{wrong}");
            assert!(!answer.text.contains("data-payload"), "{wrong}");
        }
        let unknown = reader.get(&format!("/bestellungen/{id}/weiter/x")).await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND);
        let sealed = reader.get(&format!("/bestellungen/{id}/weiter/anderer-weg")).await;
        assert!(sealed.text.contains("ORDER_CLOSED"), "{}", sealed.text);
    }

    /// What only asks becomes binding in two statements: the enquiry ends, then the order is signed.
    #[tokio::test]
    async fn an_interest_is_raised_to_an_order() {
        let mut reader = Reader::new();
        let id = reader.town.order("eins", |request| request.mode = Mode::Interest);
        let place = format!("/bestellungen/{id}/weiter/verbindlich");
        reader.sign_in("town", "einkauf").await;
        for step in ["the enquiry ends", "it is ordered"] {
            let order = reader.get(&format!("/bestellungen/{id}")).await.ok();
            assert!(order.contains(&place), "{step}: {order}");
            if step == "the enquiry ends" {
                let page = reader.get(&place).await.ok();
                let void = reader.sign(&page, &Kind::Void, "town", "einkauf");
                let Ok(Body::Void(body)) = Body::read(&void) else { panic!("a void") };
                assert_eq!(body.reason, VoidReason::Superseded);
                reader.hand_in(&void).await.ok();
                continue;
            }
            let page = reader.get(&format!("{place}?{FILLED}")).await.ok();
            let signed = reader.sign(&page, &Kind::Request, "town", "einkauf");
            let body = request(&signed);
            assert_eq!((body.order, body.attempt, body.mode), (id, 2, Mode::Binding));
            reader.hand_in(&signed).await.ok();
        }
        assert_eq!(reader.town.node.state().orders[&id].attempts.len(), 2);
        let again = reader.get(&place).await;
        assert!(again.text.contains("ORDER_STATE"), "{}", again.text);
    }

    /// Another way is taken in two statements: the attempt ends, then the next one is signed on a way not tried yet.
    #[tokio::test]
    async fn an_order_takes_another_way() {
        let mut reader = Reader::new();
        let mut world = World::on("2026-11-23");
        world.member("town", "provider", "2010-01-01", |_| ());
        for fact in world.facts.memberships.values() {
            let signed = Signed::sign(&Kind::Membership, fact, &[&Town::statement_key("provider")]);
            reader.town.publish(&signed).expect("a good fact");
        }
        let id = reader.town.order("eins", |_| ());
        let place = format!("/bestellungen/{id}/weiter/anderer-weg");
        reader.sign_in("town", "einkauf").await;
        assert!(reader.get(&format!("/bestellungen/{id}")).await.ok().contains(&place), "the order leads there");
        let page = reader.get(&place).await.ok();
        let void = reader.sign(&page, &Kind::Void, "town", "einkauf");
        let Ok(Body::Void(body)) = Body::read(&void) else { panic!("a void") };
        assert_eq!(body.reason, VoidReason::Rerouted);
        reader.hand_in(&void).await.ok();
        assert!(reader.get(&format!("/bestellungen/{id}")).await.ok().contains(&place), "it goes on there");
        let form = reader.get(&place).await.ok();
        assert!(form.contains("value=\"town,provider\"") && !form.contains("value=\"town,kitu,provider\""), "{form}");
        let tried = reader.get(&format!("{place}?{FILLED}")).await;
        assert!(tried.text.contains("NO_ROUTE") && !tried.text.contains("data-payload"), "{}", tried.text);
        let filled = FILLED.replace("town,kitu,provider", "town,provider");
        let page = reader.get(&format!("{place}?{filled}")).await.ok();
        let signed = reader.sign(&page, &Kind::Request, "town", "einkauf");
        let body = request(&signed);
        assert_eq!((body.order, body.attempt, body.request_id.as_str()), (id, 2, "eins"));
        assert_eq!(body.route.parties().len(), 2);
        let taken = reader.hand_in(&signed).await.ok();
        assert_eq!(reader.hand_in(&signed).await.ok(), taken, "a second click");
        assert_eq!(reader.town.node.state().orders[&id].attempts.len(), 2);
    }

    /// Where there is no other way, nothing ends.
    #[tokio::test]
    async fn an_order_without_another_way_keeps_its_attempt() {
        let mut reader = Reader::new();
        let id = reader.town.order("eins", |_| ());
        reader.sign_in("town", "einkauf").await;
        let answer = reader.get(&format!("/bestellungen/{id}/weiter/anderer-weg")).await;
        assert!(answer.text.contains("NO_ROUTE") && !answer.text.contains("data-payload"), "{}", answer.text);
    }
}
