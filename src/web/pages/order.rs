//! *Bestellung*: one order as its parties see it, like `order show`: whose turn it is, the route, the price, everything that was
//! signed, and the evidence to take along.
use askama::Template;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::domain::id::{Hash, OrderId, OrgId};
use crate::domain::reason::{Lang, Refusal};
use crate::domain::time::{Date, Timestamp};
use crate::view::View;
use crate::web::desk::Desk;
use crate::web::drafts::Act;
use crate::web::graph::Graph;
use crate::web::live;
use crate::web::officer::Officer;
use crate::web::pages::following::Step;
use crate::web::pages::signing;
use crate::web::place::Place;
use crate::web::query::Query;
use crate::web::session;
use crate::web::shell::Shell;
use crate::web::texts::Texts;
use crate::web::words::{self, filled};
use crate::wire;
use crate::wire::order::{annexes_of, annexes_seen, erasable, order, order_id, request_words};
use crate::wire::pb::order::v1 as pb;

#[derive(Template)]
#[template(path = "order.html", config = "src/web/askama.toml")]
struct Page {
    shell: Shell,
    /// Where a page that is open asks whether something has happened; none once the order is decided.
    follow: Option<String>,
    /// Where it hears that something has.
    live: String,
    title: String,
    stage: &'static str,
    attention: Option<&'static str>,
    explanation: String,
    choices: Vec<String>,
    acts: Vec<(String, &'static str)>,
    facts: Vec<(&'static str, String)>,
    /// The officer's own words.
    purpose: String,
    choice: String,
    route: Vec<Leg>,
    graph: Option<Graph>,
    prices: Vec<Price>,
    total: String,
    messages: Vec<Message>,
    settlements: Vec<Settled>,
    offering: Option<String>,
    bundle: String,
    check: String,
    /// Where own words are erased, if there are some and the order is decided.
    erase: Option<String>,
}

struct Leg {
    text: String,
    verdict: Option<&'static str>,
    basis: String,
    is_assumed: bool,
}

struct Price {
    org: String,
    amount: String,
    is_free: bool,
}

struct Message {
    kind: String,
    by: String,
    at: String,
    note: String,
    absent: Option<&'static str>,
}

/// A contradiction that two parties settle, or one proposes to.
struct Settled {
    parties: String,
    terms: String,
    state: &'static str,
    /// Where the reader's organisation agrees to it.
    agree: Option<String>,
}

/// Behind the question mark: what an open page shows already.
const SEEN: &str = "gesehen";

pub(super) async fn show(
    State(desk): State<Desk>,
    officer: Officer,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Officer { visit, org, .. } = officer;
    let (shell, is_by_itself) = (visit.shell(), session::is_by_itself(&headers));
    let made = async {
        let (id, query) = (order_id(&id)?, Query::read(&query.unwrap_or_default())?);
        let mut found = desk.ask_as_party(&org, id, move |node, party, now| order(node, id, party, now)).await?;
        let here = desk.annexes(annexes_of(&found)?).await?;
        annexes_seen(&mut found, &here);
        let state = Hash::of(format!("{found:?}").as_bytes()).short();
        if is_by_itself && query.first(SEEN) == state {
            return Ok(None);
        }
        desk.ask(move |view, _, now| Ok(Some(Page::of(shell, view, &org, id, &state, (&found, now))))).await
    };
    match made.await {
        Ok(Some(page)) => visit.answered(Ok(page)),
        // Nothing has happened, so the page stays as it is, and so does whatever somebody reads or types there.
        Ok(None) => nothing_new(),
        Err(refusal) => visit.refused(&refusal),
    }
}

fn nothing_new() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Tells a page that is open when its order has changed.
pub(super) async fn live(State(desk): State<Desk>, officer: Officer, Path(id): Path<String>) -> Response {
    let Officer { visit, org, proof, .. } = officer;
    let followed = async {
        let id = order_id(&id)?;
        // Listen first, judge then.
        let changes = desk.changes();
        desk.ask_as_party(&org, id, |_, _, _| Ok(())).await?;
        live::follow(&desk.streams, proof.id(), id, changes)
    };
    followed.await.unwrap_or_else(|refusal| visit.refused(&refusal))
}

/// The evidence, for whom it concerns.
pub(super) async fn bundle(State(desk): State<Desk>, officer: Officer, Path(id): Path<String>) -> Response {
    let Officer { visit, org, .. } = officer;
    let packed = async {
        let id = order_id(&id)?;
        let concerned = desk.ask_at_order(id, move |node, now| node.check_concerned(&org, id, now)).await?;
        Ok::<_, Refusal>((id, desk.bundle(id, concerned).await?))
    };
    let (id, content) = match packed.await {
        Ok(packed) => packed,
        Err(refusal) => return visit.refused(&refusal),
    };
    let mut response = Response::new(Body::from(content));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.etsi.asic-e+zip"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(named) = HeaderValue::from_str(&format!("attachment; filename=\"pruefpaket-{id}.asice\"")) {
        headers.insert(header::CONTENT_DISPOSITION, named);
    }
    response
}

impl Page {
    fn of(
        shell: Shell,
        view: &View,
        own: &OrgId,
        id: OrderId,
        state: &str,
        (order, now): (&pb::Order, Timestamp),
    ) -> Self {
        let (t, lang) = (shell.t, shell.lang());
        let told = order.explanation.clone().unwrap_or_default();
        let said = |de: &str, en: &str| if lang == Lang::De { de.to_owned() } else { en.to_owned() };
        let title = if order.offering_title.is_empty() { t.orders_untitled } else { &order.offering_title };
        let total = if order.chain.is_empty() { 0 } else { order.total_cents };
        let words_of_officer = request_words(order);
        let is_open = matches!(order.stage(), pb::Stage::AwaitingApproval | pb::Stage::InChain | pb::Stage::Offered);
        Self {
            follow: is_open.then(|| shell.with_query(Place::Order(id), &[(SEEN, state)])),
            live: shell.href(Place::Live(id)),
            title: title.to_owned(),
            stage: words::stage(order.stage(), t),
            attention: words::overdue(told.overdue(), t),
            explanation: said(&told.text_de, &told.text_en),
            choices: told.choices.iter().map(|choice| said(&choice.text_de, &choice.text_en)).collect(),
            acts: told
                .choices
                .iter()
                .flat_map(|choice| acts(&shell, (id, order.buyer == own.as_str()), &choice.word))
                .collect(),
            facts: facts(&shell, view, order),
            purpose: words_of_officer.purpose,
            choice: words_of_officer.choice,
            route: route(&shell, view, order),
            graph: graph(view, order, now.date(), t),
            prices: order.price.iter().map(|part| price(view, order, part, lang)).collect(),
            total: if total == 0 { t.price_unknown.to_owned() } else { words::cents(total, lang) },
            messages: order.messages.iter().map(|message| message_of(view, message, t, lang)).collect(),
            settlements: order.settlements.iter().map(|said| settled(&shell, view, (own, id), said)).collect(),
            offering: order.offering_id.parse().ok().map(|id| shell.href(Place::Offering(id))),
            bundle: Place::Bundle(id).path(),
            check: shell.href(Place::Check),
            erase: erasable(order, own).next().filter(|_| !is_open).map(|_| shell.href(Place::Erasing(id))),
            shell,
        }
    }
}

/// Where what a person can do is done, and what it is called.
fn acts(shell: &Shell, (id, is_buyer): (OrderId, bool), choice: &str) -> Vec<(String, &'static str)> {
    let signed = Act::of_choice(choice).iter();
    let signed = signed.map(|act| (Place::Signing(id, act.word()), signing::heading(*act, shell.t)));
    let settled = (choice == "settle").then_some((Place::Settling(id), shell.t.act_settle));
    let follows = Step::of_choice(choice).iter().filter(|_| is_buyer);
    let follows = follows.map(|step| (Place::Following(id, step.word()), step.heading(shell.t)));
    signed.chain(follows).chain(settled).map(|(place, label)| (shell.href(place), label)).collect()
}

fn settled(shell: &Shell, view: &View, (own, id): (&OrgId, OrderId), said: &pb::Settlement) -> Settled {
    let t = shell.t;
    let is_open = said.agreement_id.is_empty();
    let (from, to) = (words::party(view, &said.from), words::party(view, &said.to));
    let proposal = said.statement_id.parse().ok().filter(|_| is_open && said.to == own.as_str());
    Settled {
        parties: filled(t.order_settle_parties, &[("from", &from), ("to", &to)]),
        terms: said.terms.clone(),
        state: if is_open { t.order_settle_open } else { t.order_settled },
        agree: proposal.map(|proposal| shell.href(Place::Agreeing(id, proposal))),
    }
}

fn facts(shell: &Shell, view: &View, order: &pb::Order) -> Vec<(&'static str, String)> {
    let (t, lang) = (shell.t, shell.lang());
    let mode = if order.mode() == pb::Mode::Binding { t.order_binding } else { t.order_interest };
    let facts = [
        (t.order_id, order.id.clone()),
        (t.orders_buyer, words::party(view, &order.buyer)),
        (t.order_officer, order.officer.clone()),
        (t.order_mode, mode.to_owned()),
        (t.order_cap, words::cents(order.total_max_cents, lang)),
        (t.order_term, words::years(order.term_years, t)),
        (t.order_quote_by, words::instant(order.quote_by.as_ref().map(wire::instant), lang)),
        (t.order_seal_by, words::instant(order.seal_by.as_ref().map(wire::instant), lang)),
        (t.order_reference, order.reference.clone()),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// The legs in their order, each with its finding as far as there is one.
fn route(shell: &Shell, view: &View, order: &pb::Order) -> Vec<Leg> {
    let t = shell.t;
    let leg = |pair: &[String]| {
        let found = order.legs.iter().find(|leg| leg.from == pair[0] && leg.to == pair[1]);
        let (from, to) = (words::party(view, &pair[0]), words::party(view, &pair[1]));
        Leg {
            text: filled(t.order_leg, &[("from", &from), ("to", &to)]),
            verdict: found.and_then(|leg| words::verdict(leg.verdict(), t)),
            basis: found.map(|leg| leg.basis.clone()).unwrap_or_default(),
            is_assumed: found.is_some_and(|leg| leg.assumed),
        }
    };
    order.route.windows(2).map(leg).collect()
}

/// The route in a picture, among the memberships of today.
fn graph(view: &View, order: &pb::Order, today: Date, t: &'static Texts) -> Option<Graph> {
    let way: Vec<OrgId> = order.route.iter().filter_map(|org| org.parse().ok()).collect();
    if way.len() < 2 { None } else { Graph::of(view, &way, today, t) }
}

fn price(view: &View, order: &pb::Order, part: &pb::PartyPrice, lang: Lang) -> Price {
    Price {
        org: words::party(view, &part.org),
        amount: words::cents(part.amount_cents, lang),
        is_free: order.freely_agreed.contains(&part.org),
    }
}

fn message_of(view: &View, message: &pb::Message, t: &Texts, lang: Lang) -> Message {
    Message {
        kind: words::statement(&message.kind, t),
        by: words::party(view, &message.by),
        at: words::instant(message.signed_at.as_ref().map(wire::instant), lang),
        note: message.note.clone(),
        absent: match message.annex_state() {
            pb::AnnexState::Unspecified | pb::AnnexState::Present => None,
            pb::AnnexState::Missing => Some(t.order_note_missing),
            pb::AnnexState::Erased => Some(t.order_note_erased),
        },
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, StatusCode};

    use crate::domain::annex::Texts;
    use crate::web::fixture::{Answer, Reader};

    /// What an open page asks.
    async fn by_itself(reader: &Reader, address: &str) -> Answer {
        let request = Request::get(address).header("hx-request", "true").body(Body::empty());
        reader.ask(request.expect("a request")).await
    }

    #[tokio::test]
    async fn an_open_page_leads_to_the_sign_in_when_the_session_has_ended() {
        let mut reader = Reader::new();
        let address = format!("/bestellungen/{}", reader.town.order("eins", |_| ()));
        reader.cookie = None;
        let answer = by_itself(&reader, &address).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert!(answer.header("hx-redirect").starts_with("/anmelden?weiter="), "{:?}", answer.headers);
    }

    #[tokio::test]
    async fn it_shows_an_order_to_its_parties_and_to_nobody_else() {
        let mut reader = Reader::new();
        let purpose = "<b>Wohngeld</b> online".to_owned();
        let words = reader.words(Texts { purpose, ..Texts::default() });
        let id = reader.town.order("eins", |request| {
            request.annex = words;
            request.reference = "AZ 7".to_owned();
        });
        let address = format!("/bestellungen/{id}");
        reader.sign_in("town", "einkauf").await;
        let answer = reader.get(&address).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        let page = answer.ok();
        for part in [
            "Wohngeld&#60;/b&#62; online",
            "Wohngeld digital",
            "Angebote liegen vor",
            "town im Test beauftragt kitu im Test",
            "AZ 7",
            "2.400,00 €",
            "Annahme",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("<b>"), "{page}");
        let follow = page.split("hx-get=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("it is open");
        let follow = follow.replace("&#38;", "&");
        assert_eq!(by_itself(&reader, &follow).await.status, StatusCode::NO_CONTENT, "nothing has happened");
        assert!(reader.get(&follow).await.ok().contains("Angebote liegen vor"), "whoever opens it sees it");
        reader.town.seal(id).expect("sealed");
        let sealed = by_itself(&reader, &follow).await.ok();
        assert!(sealed.contains("abgeschlossen") && !sealed.contains("hx-get"), "{sealed}");
        let bundle = reader.get(&format!("{address}/pruefpaket")).await;
        assert!(bundle.header("content-disposition").contains(&format!("pruefpaket-{id}.asice")));
        reader.sign_in("loner", "einkauf").await;
        for address in [address.clone(), format!("{address}/pruefpaket")] {
            let stranger = reader.get(&address).await;
            assert!(stranger.status == StatusCode::NOT_FOUND && stranger.text.contains("ORDER_UNKNOWN"), "{address}");
        }
        assert_eq!(reader.get("/bestellungen/x").await.status, StatusCode::BAD_REQUEST);
    }
}
