//! *Bestellen*: an order is filled in, and then checked before it is signed. What was typed stands in the address, so that the way
//! back loses nothing; a number drawn for the form makes what is handed in twice one order.
use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use crate::domain::annex;
use crate::domain::frozen_search::{FoundOffering, FrozenSearch};
use crate::domain::grounds::{Grounds, Why};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::order::Mode;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::view::View;
use crate::web::desk::{Desk, Find};
use crate::web::drafts::{self, Signer, Wish};
use crate::web::forms::{self, CAP, Choice, NUMBER, ROUTE, YEARS, lines};
use crate::web::officer::Officer;
use crate::web::pages::signing::Signing;
use crate::web::place::Place;
use crate::web::query::{self, Query};
use crate::web::selecting::{Selecting, WHY};
use crate::web::shell::{Problem, Shell, status_of};
use crate::web::texts::Texts;
use crate::web::words;
use crate::wire::chain::{RouteQuestion, answer};
use crate::wire::pb::chain::v1 as pb;

/// Own needs to choose from; a buyer with more of them for one service names one at the command line.
const NEEDS_MAX: usize = 50;

/// Routes shown; the best ones.
const ROUTES_MAX: usize = 10;

/// The fields, as they stand in the address.
const MODE: &str = "art";
const NEED: &str = "bedarf";
const REFERENCE: &str = "zeichen";
const PURPOSE: &str = "zweck";
const CHOICE: &str = "wahl";
/// Set by the button that leads on to the check.
const CHECK: &str = "pruefen";

/// Whether it binds, by the word in the address; an order does unless it is said.
const MODES: [(&str, Mode); 2] = [("", Mode::Binding), ("interest", Mode::Interest)];

/// How many letters of a token a number has: enough that no two forms of an organisation have the same.
const NUMBER_LETTERS: usize = 16;

#[derive(Template)]
#[template(path = "ordering.html", config = "src/web/askama.toml")]
struct Ordering {
    shell: Shell,
    t: &'static Texts,
    problem: Option<Problem>,
    title: String,
    buyer: String,
    action: String,
    typed: Typed,
    routes: Vec<Way>,
    obstacles: Vec<String>,
    offering: String,
    modes: Vec<Choice>,
    /// The organisation's own needs that this offering serves.
    needs: Vec<Choice>,
    /// The search to be frozen: hidden fields, and the offerings not taken.
    selected: Vec<(String, String)>,
    others: Vec<Other>,
}

/// An offering that was found and is not ordered.
struct Other {
    field: String,
    label: String,
    hint: String,
    reasons: Vec<OtherReason>,
}

struct OtherReason {
    value: String,
    label: &'static str,
    is_chosen: bool,
}

struct Way {
    id: String,
    value: String,
    label: String,
    verdict: String,
    price: String,
    is_orderable: bool,
    is_chosen: bool,
}

/// What was typed, as it was typed.
#[derive(Clone)]
struct Typed {
    route: String,
    cap: String,
    years: String,
    mode: String,
    need: String,
    reference: String,
    purpose: String,
    choice: String,
    number: String,
    is_checked: bool,
    selecting: Option<Selecting>,
}

impl Typed {
    fn of(query: &Query, number: &str) -> Self {
        let of = |name: &str| query.first(name).to_owned();
        let known = of(NUMBER);
        Self {
            route: of(ROUTE),
            cap: of(CAP),
            years: of(YEARS),
            mode: of(MODE),
            need: of(NEED),
            reference: of(REFERENCE),
            purpose: of(PURPOSE),
            choice: of(CHOICE),
            number: if known.is_empty() { number.to_owned() } else { known },
            is_checked: !query.first(CHECK).is_empty(),
            selecting: Selecting::of(query),
        }
    }

    /// Everything but the button, for the way back.
    fn query(&self) -> String {
        let own = [
            (ROUTE, self.route.as_str()),
            (CAP, &self.cap),
            (YEARS, &self.years),
            (MODE, &self.mode),
            (NEED, &self.need),
            (REFERENCE, &self.reference),
            (PURPOSE, &self.purpose),
            (CHOICE, &self.choice),
            (NUMBER, &self.number),
        ];
        query::write(own.into_iter().chain(self.selecting.iter().flat_map(Selecting::pairs)))
    }

    fn wish(&self, id: &StatementId, frozen: Option<&FrozenSearch>) -> Result<Wish, Refusal> {
        let refuse = |field: &'static str, rule: &str| {
            Refusal::new(Reason::FieldInvalid).with("field", field).with("rule", rule)
        };
        let years: u32 = self.years.trim().parse().map_err(|_| refuse(YEARS, "whole years, digits only"))?;
        if self.route.is_empty() {
            return Err(refuse(ROUTE, "one of those shown"));
        }
        let selected = self.selecting.as_ref().zip(frozen);
        let grounds = selected.map(|(selecting, frozen)| selecting.grounds(frozen, id)).transpose()?;
        let mode = MODES.into_iter().find(|(word, _)| *word == self.mode);
        let need = Some(self.need.as_str()).filter(|need| !need.is_empty()).map(str::parse).transpose();
        let need = need.map_err(|refusal: Refusal| refusal.with("field", NEED))?;
        Ok(Wish {
            mode: mode.ok_or_else(|| refuse(MODE, "one of those shown"))?.1,
            grounds: Grounds { need, ..grounds.unwrap_or_default() },
            request_id: self.number.clone(),
            route: self.route.split(',').map(str::to_owned).collect(),
            total_max: forms::euros(CAP, &self.cap)?,
            term_years: years,
            reference: self.reference.trim().to_owned(),
            words: annex::Texts {
                purpose: lines(&self.purpose),
                choice: lines(&self.choice),
                query: frozen.map(|frozen| frozen.query.clone()).unwrap_or_default(),
                ..annex::Texts::default()
            },
        })
    }
}

pub(super) async fn show(
    State(desk): State<Desk>,
    officer: Officer,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let (shell, by) = (officer.visit.shell(), officer.signer(&desk));
    let number = drawn_number(&desk);
    let made = async {
        let id: StatementId = id.parse().map_err(|refusal: Refusal| refusal.with("field", "id"))?;
        let typed = Typed::of(&Query::read(&query.unwrap_or_default())?, &number);
        let (shell, org) = (shell.clone(), officer.org.clone());
        desk.ask(move |view, find, now| made(&shell, (view, find), id, &org, typed, by, now)).await
    };
    match made.await {
        Ok(Made::Check(page)) => officer.visit.answered(Ok(*page)),
        Ok(Made::Form(page, refused)) => match refused {
            Some(refusal) => officer.visit.page(status_of(refusal.reason.class()), &*page),
            None => officer.visit.answered(Ok(*page)),
        },
        Err(refusal) => officer.visit.refused(&refusal),
    }
}

/// What the officer's tool calls an order that is not signed yet.
pub(super) fn drawn_number(desk: &Desk) -> String {
    hex::encode(desk.token()).get(..NUMBER_LETTERS).map(|text| format!("web-{text}")).unwrap_or_default()
}

enum Made {
    Form(Box<Ordering>, Option<Refusal>),
    Check(Box<Signing>),
}

fn made(
    shell: &Shell,
    (view, find): (&View, &dyn Find),
    id: StatementId,
    org: &OrgId,
    typed: Typed,
    by: Signer,
    now: Timestamp,
) -> Result<Made, Refusal> {
    let catalogue = view.public().catalogue;
    let offering = catalogue.version(&id).ok_or_else(|| Refusal::new(Reason::OfferingUnknown).with("id", id))?;
    let (title, shortest) = (offering.title.clone(), offering.term_years_min);
    let typed = if typed.years.is_empty() { Typed { years: shortest.to_string(), ..typed } } else { typed };
    let frozen = typed.selecting.as_ref().map(|selecting| selecting.frozen(view, find, org, now)).transpose()?;
    let needs = fitting(shell, view, (id, org), now);
    let found = routes(view, id, org, typed.years.trim().parse().unwrap_or(0), now);
    let form = |problem: Option<Refusal>, typed: Typed, found: &pb::FindRoutesResponse| {
        let page = Ordering::of(shell.clone(), view, id, org, title.clone(), typed, found, problem.as_ref())
            .with_needs(&needs)
            .with_others(frozen.as_ref(), id);
        Ok(Made::Form(Box::new(page), problem))
    };
    let found = match found {
        Ok(found) => found,
        // The years, for instance; without them the routes are the same.
        Err(refusal) => return form(Some(refusal), typed, &routes(view, id, org, 0, now)?),
    };
    if let Err(refusal) = catalogue.orderable(&id) {
        // What was typed meanwhile stays, for another offering.
        return form(Some(refusal), typed, &found);
    }
    if !typed.is_checked {
        return form(None, typed, &found);
    }
    match typed.wish(&id, frozen.as_ref()).and_then(|wish| drafts::request(wish, id, &found, by, now)) {
        Err(refusal) => form(Some(refusal), typed, &found),
        Ok(draft) => {
            let back =
                format!("{}&{}", shell.with_query(Place::Ordering(id), &[("lang", shell.code())]), typed.query());
            Ok(Made::Check(Box::new(Signing::of(shell.clone(), shell.t.act_order, title, &draft, back))))
        }
    }
}

/// The needs of an organisation that an offering serves, with the words of a choice.
fn fitting(shell: &Shell, view: &View, (id, org): (StatementId, &OrgId), now: Timestamp) -> Vec<(String, String)> {
    let Some(offering) = view.public().catalogue.version(&id) else { return Vec::new() };
    let needs = &view.public().catalogue.needs;
    let from = (org.clone(), StatementId([0; 32]));
    let own = needs.after(Some(&from)).take_while(|need| need.municipality == org);
    let open = own.filter(|need| need.until >= now.date());
    let fit = open.filter(|need| need.leika.iter().any(|key| offering.leika.contains(key)));
    let told = fit.take(NEEDS_MAX).map(|need| {
        let services: Vec<String> = need.leika.iter().map(ToString::to_string).collect();
        let until = words::date(need.until, shell.lang());
        (need.id.to_string(), format!("{}, {until} ({})", services.join(", "), need.id.short()))
    });
    told.collect()
}

/// The routes of a buyer to an offering; refused for terms that the offering does not have.
fn routes(
    view: &View,
    id: StatementId,
    org: &OrgId,
    term_years: u32,
    now: Timestamp,
) -> Result<pb::FindRoutesResponse, Refusal> {
    let question = pb::FindRoutesRequest {
        for_org: org.to_string(),
        offering: Some(pb::find_routes_request::Offering::OfferingId(id.to_string())),
        term_years,
        ..Default::default()
    };
    answer(view.public(), &RouteQuestion::try_from(question)?, now.date())
}

impl Ordering {
    #[expect(clippy::too_many_arguments, reason = "one page's parts, each from elsewhere")]
    fn of(
        shell: Shell,
        view: &View,
        id: StatementId,
        org: &OrgId,
        title: String,
        typed: Typed,
        found: &pb::FindRoutesResponse,
        problem: Option<&Refusal>,
    ) -> Self {
        let t = shell.t;
        let first = found.routes.iter().find(|route| route.orderable).map(|route| route.parties.join(","));
        let chosen = if typed.route.is_empty() { first.unwrap_or_default() } else { typed.route.clone() };
        let ways = found.routes.iter().take(ROUTES_MAX).enumerate();
        let obstacles = found.offering_obstacles.iter().map(|obstacle| said(&shell, obstacle));
        Self {
            t,
            problem: problem.map(|refusal| Problem::of(refusal, shell.lang())),
            buyer: words::organisation(view, org),
            action: Place::Ordering(id).path(),
            routes: ways.map(|(at, route)| way(&shell, view, at, route, &chosen)).collect(),
            obstacles: obstacles.collect(),
            offering: shell.href(Place::Offering(id)),
            modes: MODES
                .into_iter()
                .map(|(word, mode)| {
                    let label = if mode == Mode::Binding { t.order_binding } else { t.order_interest };
                    Choice { value: word.to_owned(), label: label.to_owned(), is_chosen: word == typed.mode }
                })
                .collect(),
            needs: Vec::new(),
            selected: Vec::new(),
            others: Vec::new(),
            title,
            typed,
            shell,
        }
    }

    /// With the needs that it can name.
    fn with_needs(mut self, needs: &[(String, String)]) -> Self {
        let choice = |(value, label): &(String, String)| Choice {
            is_chosen: *value == self.typed.need,
            value: value.clone(),
            label: label.clone(),
        };
        self.needs = needs.iter().map(choice).collect();
        self
    }

    /// With the offerings of a search that is frozen, each with its reason or a question for it.
    fn with_others(mut self, frozen: Option<&FrozenSearch>, chosen: StatementId) -> Self {
        let (Some(selecting), Some(frozen)) = (&self.typed.selecting, frozen) else { return self };
        let lang = self.shell.lang();
        let taken = frozen.offerings.iter().find(|found| found.offering == chosen);
        let other = |found: &FoundOffering| {
            let why = selecting.why(found).or(taken.and_then(|taken| found.evident(taken)));
            let value = |why: Why| format!("{}={}", found.offering, why.word());
            let of =
                |each: Why| OtherReason { value: value(each), label: each.text(lang), is_chosen: why == Some(each) };
            Other {
                field: format!("warum-{}", found.offering),
                label: format!("{} ({})", found.title, found.seller),
                hint: found
                    .total
                    .map_or_else(|| self.t.price_unknown.to_owned(), |total| words::cents(total.get(), lang)),
                reasons: Why::ALL.into_iter().map(of).collect(),
            }
        };
        self.others = frozen.offerings.iter().filter(|found| found.offering != chosen).map(other).collect();
        let hidden = selecting.pairs().filter(|(name, _)| *name != WHY);
        self.selected = hidden.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self
    }
}

fn said(shell: &Shell, obstacle: &pb::Obstacle) -> String {
    match shell.lang() {
        crate::domain::reason::Lang::De => obstacle.text_de.clone(),
        crate::domain::reason::Lang::En => obstacle.text_en.clone(),
    }
}

fn way(shell: &Shell, view: &View, at: usize, route: &pb::Route, chosen: &str) -> Way {
    let (t, lang) = (shell.t, shell.lang());
    let value = route.parties.join(",");
    let names: Vec<String> = route.parties.iter().map(|party| words::party(view, party)).collect();
    let verdict = words::verdict(route.verdict(), t).unwrap_or(t.stage_unknown);
    let assumed = if route.assumed { format!(" ({})", t.order_assumed) } else { String::new() };
    let obstacles: Vec<String> = route.obstacles.iter().map(|obstacle| said(shell, obstacle)).collect();
    let against = if obstacles.is_empty() { String::new() } else { format!(". {}", obstacles.join(" ")) };
    Way {
        id: format!("weg-{at}"),
        label: names.join(" → "),
        verdict: format!("{verdict}{assumed}{against}"),
        price: route.total_cents.map_or_else(|| t.price_unknown.to_owned(), |total| words::cents(total, lang)),
        is_orderable: route.orderable,
        is_chosen: value == chosen,
        value,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use crate::domain::body::Body;
    use crate::domain::grounds::Why;
    use crate::domain::offering::Offering;
    use crate::domain::order::Mode;
    use crate::domain::statement::{Kind, SignatureBy, Signed, pae};
    use crate::protocol::explain::fixture::offering;
    use crate::web::fixture::Reader;

    const GOOD: &str = "weg=town,kitu,provider&hoechstens=9000&jahre=2&zweck=Online&vorgang=web-1";

    #[tokio::test]
    async fn an_order_is_filled_in_checked_and_then_signed() {
        let mut reader = Reader::new();
        let address = format!("/angebote/{}/bestellen", reader.town.offering);
        assert_eq!(reader.get(&address).await.status, StatusCode::SEE_OTHER, "who orders has signed in");
        reader.sign_in("town", "einkauf").await;
        let form = reader.get(&address).await.ok();
        for part in
            ["town im Test → kitu im Test → provider im Test", "1.200,00 €", "value=\"web-", "Wohngeld digital"]
        {
            assert!(form.contains(part), "{part}: {form}");
        }
        let check = reader.get(&format!("{address}?{GOOD}&pruefen=1")).await.ok();
        assert!(check.contains("data-payload=\"") && check.contains("vorgang=web-1"), "{check}");
        assert!(reader.get(&format!("{address}?{GOOD}")).await.ok().contains("value=\"9000\""), "the way back");
    }

    /// An order may name a need of one's own, and may only ask: then it binds nobody, and the order leads on to the binding one.
    #[tokio::test]
    async fn an_order_names_a_need_and_may_only_ask() {
        let mut reader = Reader::new();
        reader.need("town", "99107023017000");
        reader.need("kitu", "99107023017000");
        let (own, other) = (reader.needs_of("town")[0], reader.needs_of("kitu")[0]);
        let address = format!("/angebote/{}/bestellen", reader.town.offering);
        reader.sign_in("town", "einkauf").await;
        let needs = reader.get("/bedarf/eigener").await.ok();
        assert!(needs.contains("/angebote?q=99107023017000"), "a need leads to what serves it: {needs}");
        let form = reader.get(&address).await.ok();
        assert!(form.contains(&own.to_string()) && !form.contains(&other.to_string()), "{form}");
        for wrong in ["art=x", "bedarf=x"] {
            let answer = reader.get(&format!("{address}?{GOOD}&{wrong}&pruefen=1")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}: {}", answer.text);
            assert!(!answer.text.contains("data-payload") && answer.text.contains("Online</textarea>"), "{wrong}");
        }
        let filled = format!("{address}?{GOOD}&art=interest&bedarf={own}");
        let back = reader.get(&filled).await.ok();
        assert!(
            back.contains("value=\"interest\" selected") && back.contains(&format!("{own}\" selected")),
            "{back}"
        );
        let page = reader.get(&format!("{filled}&pruefen=1")).await.ok();
        let signed = reader.sign(&page, &Kind::Request, "town", "einkauf");
        let Ok(Body::Request(request)) = Body::read(&signed) else { panic!("a request") };
        assert_eq!((request.mode, request.grounds.need), (Mode::Interest, Some(own)));
        let taken = reader.hand_in(&signed).await.ok();
        assert_eq!(reader.hand_in(&signed).await.ok(), taken, "a second click");
        let order = reader.get(&format!("/bestellungen/{}", request.order)).await.ok();
        assert!(order.contains("/weiter/verbindlich") && order.contains("unverbindliche Anfrage"), "{order}");
    }

    /// From the search to the bytes that are signed: what was found stands in them, with why the others were not taken.
    #[tokio::test]
    async fn a_search_is_frozen_with_the_order() {
        let mut reader = Reader::new();
        let other = Offering { name: "wohngeld-2".parse().expect("a name"), ..offering() };
        let other = reader.publish(&other);
        reader.sign_in("town", "einkauf").await;
        let found = reader.get("/angebote?q=wohngeld").await.ok();
        let link = format!("/angebote/{}/bestellen?auswahl=1", reader.town.offering);
        assert!(found.contains(&link), "{found}");
        let address = format!("{link}&q=wohngeld");
        let form = reader.get(&address).await.ok();
        assert!(form.contains("name=\"auswahl\" value=\"1\"") && form.contains("name=\"warum\""), "{form}");
        let asked = reader.get(&format!("{address}&{GOOD}&pruefen=1")).await;
        assert!(asked.text.contains("FIELD_INVALID") && !asked.text.contains("data-payload"), "{}", asked.text);
        let said = format!("{address}&{GOOD}&warum={other}=fit");
        assert!(reader.get(&said).await.ok().contains(&format!("{other}=fit\" selected")), "what was typed stays");
        let check = reader.get(&format!("{said}&pruefen=1")).await.ok();
        let text = check.split("data-payload=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a payload");
        let bytes = STANDARD.decode(text.replace("&#43;", "+").replace("&#x2b;", "+")).expect("base64");
        let Ok(Body::Request(request)) = Body::read_payload(&Kind::Request, &bytes) else { panic!("a request") };
        let selection = request.grounds.selection.expect("the frozen search");
        assert_eq!((selection.found, selection.known.len(), selection.frozen_at), (2, 1, request.signed_at));
        assert_eq!(request.grounds.alternatives.iter().map(|other| other.why).collect::<Vec<_>>(), [Some(Why::Fit)]);
        let key = reader.town.key("town", "einkauf");
        let pae = pae(&Kind::Request.payload_type(), &bytes);
        let by = SignatureBy { key: key.public().hash(), signature: key.sign(&pae) };
        let signed = Signed::parse(&pae, vec![by]).expect("a statement");
        reader.hand_in(&signed).await.ok();
        assert_eq!(reader.town.node.state().orders.len(), 1, "the node finds what the selection rests on");
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_and_what_was_typed_stays() {
        let mut reader = Reader::new();
        let address = format!("/angebote/{}/bestellen", reader.town.offering);
        reader.sign_in("town", "einkauf").await;
        for (wrong, code) in [
            ("weg=town,kitu,provider&hoechstens=9.000&jahre=2", "FIELD_INVALID"),
            ("weg=town,kitu,provider&hoechstens=&jahre=2", "FIELD_INVALID"),
            ("weg=town,kitu,provider&hoechstens=9000&jahre=x", "FIELD_INVALID"),
            ("weg=town,kitu,provider&hoechstens=9000&jahre=99", "FIELD_INVALID"),
            ("weg=town,provider&hoechstens=9000&jahre=2", "NO_ROUTE"),
            ("weg=town,kitu,provider&hoechstens=9000&jahre=2&zeichen=%E2%80%AEa", "TEXT_HIDES"),
        ] {
            let answer = reader.get(&format!("{address}?{wrong}&zweck=Meine+Worte&vorgang=web-7&pruefen=1")).await;
            assert!(!answer.status.is_success() && answer.text.contains(code), "{wrong}: {}", answer.text);
            assert!(answer.text.contains("Meine Worte") && answer.text.contains("value=\"web-7\""), "{wrong}");
            assert!(!answer.text.contains("data-payload"), "{wrong}");
        }
        let gone = reader.get(&format!("/angebote/{}/bestellen", "0".repeat(64))).await;
        assert!(gone.text.contains("OFFERING_UNKNOWN"), "{}", gone.text);
    }
}
