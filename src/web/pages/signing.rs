//! One page to check before signing: what the bytes say, read from the very bytes by the browser, which then signs them.
use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::annex::CONTACT_CHARS_MAX;
use crate::domain::id::OrderId;
use crate::domain::order::NOTE_CHARS_MAX;
use crate::domain::order::milestone::ConnectionStep;
use crate::domain::reason::{Reason, Refusal};
use crate::web::desk::Desk;
use crate::web::drafts::{self, Act, Draft};
use crate::web::forms::{self, Field, Form, Look, lines};
use crate::web::officer::Officer;
use crate::web::place::Place;
use crate::web::query::Query;
use crate::web::shell::{Problem, Shell, Visit, status_of};
use crate::web::telling;
use crate::web::texts::Texts;
use crate::wire::order::order_id;

#[derive(Template)]
#[template(path = "signing.html", config = "src/web/askama.toml")]
pub(super) struct Signing {
    shell: Shell,
    t: &'static Texts,
    heading: &'static str,
    /// What the node says beside the bytes: the offering's title.
    title: String,
    /// Who signs what names no officer.
    officer: String,
    /// Where words beside it are filled in; none where there are none to say.
    form: Option<Form>,
    /// Why the words cannot be taken.
    problem: Option<Problem>,
    payload_type: String,
    /// Empty while there is nothing to sign.
    payload: String,
    /// The annex beside it, in base64; empty if there is none.
    annex: String,
    post: String,
    labels: String,
    sentences: String,
    /// Why an offering was not taken, by its word.
    whys: String,
    /// Words for values, by what stands in the bytes.
    values: String,
    keys: String,
    sign_in: String,
    back: String,
}

impl Signing {
    /// The page for a draft.
    pub(super) fn of(shell: Shell, heading: &'static str, title: String, draft: &Draft, back: String) -> Self {
        let annex = draft.annex.as_ref().map(|annex| STANDARD.encode(annex.bytes())).unwrap_or_default();
        let (payload_type, payload) = (draft.kind.payload_type(), STANDARD.encode(&draft.payload));
        Self { title, payload_type, payload, annex, ..Self::empty(shell, heading, back) }
    }

    /// With a form beside it, and what was wrong in it.
    pub(super) fn with_form(self, form: Option<Form>, refusal: Option<&Refusal>) -> Self {
        let problem = refusal.map(|refusal| Problem::of(refusal, self.shell.lang()));
        Self { form, problem, ..self }
    }

    /// By whom, where the bytes do not say it.
    pub(super) fn by(self, officer: String) -> Self {
        Self { officer, ..self }
    }

    /// What it is about, in the words of whoever has said it.
    pub(super) fn about(self, title: String) -> Self {
        Self { title, ..self }
    }

    /// The page without anything to sign.
    pub(super) fn empty(shell: Shell, heading: &'static str, back: String) -> Self {
        let t = shell.t;
        Self {
            t,
            heading,
            title: String::new(),
            officer: String::new(),
            form: None,
            problem: None,
            payload_type: String::new(),
            payload: String::new(),
            annex: String::new(),
            sign_in: shell.href(Place::SignIn),
            post: shell.href(Place::HandIn),
            labels: telling::labels(t),
            sentences: telling::sentences(t),
            whys: telling::whys(shell.lang()),
            values: telling::values(shell.lang(), t),
            keys: shell.href(Place::Keys),
            back,
            shell,
        }
    }
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
        let unknown = || Refusal::new(Reason::PageUnknown).with("act", crate::domain::id::shortened(&word));
        let act = Act::of_word(&word).ok_or_else(unknown)?;
        let query = Query::read(&query.unwrap_or_default())?;
        let back = shell.href(Place::Order(id));
        let page = Signing::empty(shell.clone(), heading(act, shell.t), back.clone());
        let (form, org) = (form_of(&shell, id, act, &query), officer.org.clone());
        // Whoever has been asked nothing yet has made no mistake.
        if act.needs().is_some_and(|field| !forms::is_sent(&query, field)) {
            desk.ask_as_party(&org, id, |_, _, _| Ok(())).await?;
            return Ok((page.with_form(form, None), None));
        }
        let filled = act.deed(&query).and_then(|deed| {
            let annex = deed.annex(&lines(query.first(forms::WORDS)), by.annex_salt)?;
            Ok((deed, annex))
        });
        let filled = match filled {
            Ok(filled) => filled,
            Err(refusal) => {
                desk.ask_as_party(&org, id, |_, _, _| Ok(())).await?;
                return Ok((page.with_form(form, Some(&refusal)), Some(refusal)));
            }
        };
        let draft = desk.ask_as_party(&org, id, move |node, _, now| drafts::act(node, id, filled, by, now)).await?;
        let page = Signing::of(shell.clone(), heading(act, shell.t), String::new(), &draft, back);
        Ok((page.with_form(form, None), None))
    };
    answered(&officer.visit, made.await)
}

/// The page, with the status of what was wrong in its form.
pub(super) fn answered(visit: &Visit, made: Result<(Signing, Option<Refusal>), Refusal>) -> Response {
    match made {
        Ok((page, Some(refusal))) => visit.page(status_of(refusal.reason.class()), &page),
        Ok((page, None)) => visit.answered(Ok(page)),
        Err(refusal) => visit.refused(&refusal),
    }
}

/// What an officer fills in for an act.
fn form_of(shell: &Shell, id: OrderId, act: Act, query: &Query) -> Option<Form> {
    let (t, lang) = (shell.t, shell.lang());
    let steps = ConnectionStep::ALL.map(|step| (step.word().to_owned(), step.title(lang).to_owned()));
    let note = |_: &str| Look::Lines(NOTE_CHARS_MAX);
    let own = match act {
        Act::Connected => {
            Some(Field::of(forms::STEP, t.field_item, "", query, |typed| Field::choices(steps.into_iter(), typed)))
        }
        Act::Productive => Some(Field::day(forms::DAY, t.field_since, t.day_hint, query)),
        Act::Terminate => Some(Field::day(forms::DAY, t.field_ends_on, t.notice_hint, query)),
        _ => None,
    };
    let words = match act {
        Act::Contact => {
            let contact = |_: &str| Look::Lines(CONTACT_CHARS_MAX);
            Some(Field::of(forms::WORDS, t.field_contact, t.words_contact_hint, query, contact))
        }
        act => act.has_words().then(|| Field::of(forms::WORDS, t.field_note, t.words_note_hint, query, note)),
    };
    let fields: Vec<Field> = own.into_iter().chain(words).collect();
    (!fields.is_empty()).then(|| Form::of(Place::Signing(id, act.word()).path(), fields))
}

/// What an act is called.
pub(super) fn heading(act: Act, t: &Texts) -> &'static str {
    match act {
        Act::Approve => t.act_approve,
        Act::Refuse => t.act_refuse,
        Act::Seal => t.act_seal,
        Act::Cancel => t.act_cancel,
        Act::Connected => t.act_connected,
        Act::Productive => t.act_productive,
        Act::Contact => t.act_contact,
        Act::Terminate => t.act_terminate,
        Act::Close => t.act_close,
        Act::Recall => t.act_recall,
        Act::Confirm => t.act_confirm,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use base64::Engine as _;

    use super::*;
    use crate::domain::body::Body;
    use crate::domain::money::Cents;
    use crate::domain::offering::{Offering, Withdrawal};
    use crate::domain::order::milestone::Event;
    use crate::domain::statement::Kind;
    use crate::protocol::explain::fixture::offering;
    use crate::web::fixture::Reader;

    async fn does(reader: &mut Reader, id: OrderId, act: &str, kind: &Kind, of: &str, officer: &str) {
        reader.sign_in(of, officer).await;
        let page = reader.get(&format!("/bestellungen/{id}/unterschreiben/{act}")).await.ok();
        let signed = reader.sign(&page, kind, of, officer);
        reader.hand_in(&signed).await.ok();
    }

    #[tokio::test]
    async fn what_a_page_gives_to_be_signed_is_taken_by_the_node() {
        let mut reader = Reader::new();
        let dear = Cents::try_from(2_000_000).expect("an amount");
        let id = reader.town.order("eins", |request| request.total_max = dear);
        does(&mut reader, id, "freigeben", &Kind::Decision, "town", "leitung").await;
        assert!(reader.get(&format!("/bestellungen/{id}")).await.ok().contains("Angebote liegen vor"));
        does(&mut reader, id, "abschliessen", &Kind::Seal, "town", "einkauf").await;
        assert!(reader.get(&format!("/bestellungen/{id}")).await.ok().contains("abgeschlossen"));
        let other = reader.town.order("zwei", |_| ());
        does(&mut reader, other, "beenden", &Kind::Void, "town", "einkauf").await;
        assert!(reader.get(&format!("/bestellungen/{other}")).await.ok().contains("beendet ohne Abschluss"));
    }

    #[tokio::test]
    async fn words_beside_a_decision_and_a_contact_are_what_was_typed() {
        let mut reader = Reader::new();
        let dear = Cents::try_from(2_000_000).expect("an amount");
        let id = reader.town.order("eins", |request| request.total_max = dear);
        reader.sign_in("town", "leitung").await;
        let place = format!("/bestellungen/{id}/unterschreiben/freigeben");
        let said = |page: &str| {
            let annex = page.split("data-annex=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an annex");
            String::from_utf8(STANDARD.decode(annex.replace("&#43;", "+").replace("&#x2b;", "+")).expect("base64"))
                .expect("text")
        };
        assert_eq!(said(&reader.get(&place).await.ok()), "", "none need be said");
        let page = reader.get(&format!("{place}?worte=Passt+so%2C%0D%0Aund+schnell")).await.ok();
        assert!(said(&page).contains("Passt so,\\nund schnell"), "{}", said(&page));
        assert!(
            page.contains("Passt so,\r\nund schnell</textarea>") || page.contains("und schnell</textarea>"),
            "{page}"
        );
        let signed = reader.sign(&page, &Kind::Decision, "town", "leitung");
        let Ok(Body::Decision(body)) = Body::read(&signed) else { panic!("a decision") };
        assert!(body.annex.is_some());
        let wrong = reader.get(&format!("{place}?worte=%E2%80%AEabc")).await;
        assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
        assert!(wrong.text.contains("TEXT_HIDES") && !wrong.text.contains("data-payload"), "{}", wrong.text);

        let sealed = reader.town.order("zwei", |_| ());
        reader.town.seal(sealed).expect("sealed");
        let place = format!("/bestellungen/{sealed}/unterschreiben/ansprechstelle");
        assert!(reader.get(&format!("/bestellungen/{sealed}")).await.ok().contains(&place));
        let asked = reader.get(&place).await.ok();
        assert!(asked.contains("name=\"worte\"") && !asked.contains("data-payload"), "{asked}");
        let empty = reader.get(&format!("{place}?worte=")).await;
        assert!(
            empty.status == StatusCode::BAD_REQUEST && empty.text.contains("darf nicht leer sein"),
            "{}",
            empty.text
        );
        let page = reader.get(&format!("{place}?worte=Amt+f%C3%BCr+IT%2C+0391+1")).await.ok();
        assert!(said(&page).contains("\"contact\":\"Amt für IT, 0391 1\""), "{}", said(&page));
        let signed = reader.sign(&page, &Kind::Milestone, "town", "leitung");
        let Ok(Body::Milestone(body)) = Body::read(&signed) else { panic!("a milestone") };
        assert_eq!((body.order, body.number), (sealed, 1));
        let too_early = reader.get(&format!("/bestellungen/{id}/unterschreiben/ansprechstelle?worte=x")).await;
        assert!(too_early.text.contains("ORDER_STATE"), "{}", too_early.text);
    }

    /// Each report that a page offers becomes the milestone it says, in the order in which a contract sees them.
    #[tokio::test]
    async fn every_report_after_the_seal_can_be_signed_in_a_page() {
        let mut reader = Reader::new();
        let id = reader.town.order("eins", |_| ());
        reader.town.seal(id).expect("sealed");
        reader.sign_in("town", "leitung").await;
        let order = reader.get(&format!("/bestellungen/{id}")).await.ok();
        let day = |text: &str| text.parse().expect("a day");
        let reports = [
            ("anbindung?schritt=routing&worte=Erledigt", Event::Connected { item: ConnectionStep::Routing }),
            ("betrieb?tag=23.11.2026", Event::Productive { since: day("2026-11-23") }),
            ("kuendigung?tag=2029-12-31", Event::Terminated { ends_on: day("2029-12-31") }),
        ];
        for (number, (address, event)) in (1..).zip(reports) {
            let place = format!("/bestellungen/{id}/unterschreiben/{address}");
            let bare = place.split('?').next().expect("an address");
            assert!(order.contains(bare), "{bare}: {order}");
            assert!(!reader.get(bare).await.ok().contains("data-payload"), "{bare} asks first");
            let page = reader.get(&place).await.ok();
            let signed = reader.sign(&page, &Kind::Milestone, "town", "leitung");
            let Ok(Body::Milestone(body)) = Body::read(&signed) else { panic!("a milestone") };
            assert_eq!((body.event, body.number), (event, number));
            let taken = reader.hand_in(&signed).await.ok();
            assert_eq!(reader.hand_in(&signed).await.ok(), taken, "a second click");
        }
        for (wrong, code) in [
            ("anbindung?schritt=x&worte=Meine+Worte", "FIELD_INVALID"),
            ("betrieb?tag=&worte=Meine+Worte", "TIME_INVALID"),
            ("kuendigung?tag=31.13.2029&worte=Meine+Worte", "TIME_INVALID"),
        ] {
            let answer = reader.get(&format!("/bestellungen/{id}/unterschreiben/{wrong}")).await;
            assert!(answer.status == StatusCode::BAD_REQUEST && answer.text.contains(code), "{}", answer.text);
            assert!(answer.text.contains("Meine Worte") && !answer.text.contains("data-payload"), "{wrong}");
        }
        let again = reader.get(&format!("/bestellungen/{id}/unterschreiben/kuendigung?tag=2030-12-31")).await.ok();
        let again = reader.sign(&again, &Kind::Milestone, "town", "leitung");
        assert!(!reader.hand_in(&again).await.status.is_success(), "notice has been given");
    }

    /// Before the seal a party takes back what it has promised, and says why.
    #[tokio::test]
    async fn a_promise_is_withdrawn_before_the_seal() {
        let mut reader = Reader::new();
        let id = reader.town.order("eins", |_| ());
        let place = format!("/bestellungen/{id}/unterschreiben/zuruecknehmen");
        reader.sign_in("town", "leitung").await;
        assert!(
            !reader.get(&format!("/bestellungen/{id}")).await.ok().contains(&place),
            "the buyer promised nothing"
        );
        reader.sign_in("kitu", "leitung").await;
        assert!(reader.get(&format!("/bestellungen/{id}")).await.ok().contains(&place), "the order leads there");
        let asked = reader.get(&place).await.ok();
        assert!(asked.contains("name=\"worte\"") && !asked.contains("data-payload"), "{asked}");
        let empty = reader.get(&format!("{place}?worte=+")).await;
        assert!(empty.status == StatusCode::BAD_REQUEST && empty.text.contains("FIELD_INVALID"), "{}", empty.text);
        let page = reader.get(&format!("{place}?worte=Kein+Personal")).await.ok();
        let signed = reader.sign(&page, &Kind::Recall, "kitu", "leitung");
        let Ok(Body::Recall(body)) = Body::read(&signed) else { panic!("a recall") };
        assert!(body.annex.is_some() && body.note.is_empty() && body.from.as_str() == "kitu");
        let taken = reader.hand_in(&signed).await.ok();
        assert_eq!(reader.hand_in(&signed).await.ok(), taken, "a second click");
        let order = reader.get(&format!("/bestellungen/{id}")).await.ok();
        assert!(order.contains("beendet ohne Abschluss") && !order.contains(&place), "{order}");
        let late = reader.get(&format!("{place}?worte=Noch+einmal")).await.ok();
        let late = reader.sign(&late, &Kind::Recall, "kitu", "leitung");
        let refused = reader.hand_in(&late).await;
        assert!(refused.text.contains("ORDER_CLOSED") && refused.text.contains("\"now\":"), "{}", refused.text);
    }

    /// A seal that came too late binds once every other party has confirmed it; one in time needs that from nobody.
    #[tokio::test]
    async fn a_late_seal_is_confirmed_by_each_other_party() {
        let mut reader = Reader::new();
        let id = reader.town.order("eins", |_| ());
        let place = format!("/bestellungen/{id}/unterschreiben/bestaetigen");
        reader.sign_in("kitu", "leitung").await;
        assert!(reader.get(&place).await.text.contains("ORDER_STATE"), "there is no seal yet");
        let seal_by = reader.town.node.state().orders[&id].attempts[&1].request.body().seal_by;
        reader.town.wake(seal_by.plus_ms(-120_000));
        reader.town.seal_at(id, seal_by.plus_ms(1)).expect("sealed by a clock that runs ahead");
        for (of, others) in [("kitu", 1), ("provider", 0)] {
            reader.sign_in(of, "leitung").await;
            assert!(reader.get("/dran").await.ok().contains("Verspäteten Abschluss bestätigen"), "{of}");
            assert!(reader.get(&format!("/bestellungen/{id}")).await.ok().contains(&place), "{of}");
            let page = reader.get(&place).await.ok();
            let signed = reader.sign(&page, &Kind::Confirm, of, "leitung");
            let taken = reader.hand_in(&signed).await.ok();
            assert_eq!(reader.hand_in(&signed).await.ok(), taken, "a second click");
            let attempt = &reader.town.node.state().orders[&id].attempts[&1];
            assert_eq!(reader.town.node.unconfirmed(attempt).map(|late| late.len()), Some(others), "{of}");
            assert!(!reader.get(&format!("/bestellungen/{id}")).await.ok().contains(&place), "{of} has confirmed");
        }
        let other = reader.town.order("zwei", |_| ());
        reader.town.seal(other).expect("sealed in time");
        let page = reader.get(&format!("/bestellungen/{other}/unterschreiben/bestaetigen")).await.ok();
        let signed = reader.sign(&page, &Kind::Confirm, "provider", "leitung");
        assert!(reader.hand_in(&signed).await.text.contains("ORDER_STATE"), "it came in time");
    }

    #[tokio::test]
    async fn who_may_not_is_told_when_it_is_handed_in() {
        let mut reader = Reader::new();
        let dear = Cents::try_from(2_000_000).expect("an amount");
        let id = reader.town.order("eins", |request| request.total_max = dear);
        reader.sign_in("town", "einkauf").await;
        let page = reader.get(&format!("/bestellungen/{id}/unterschreiben/freigeben")).await.ok();
        let own = reader.sign(&page, &Kind::Decision, "town", "einkauf");
        let refused = reader.hand_in(&own).await;
        assert!(!refused.status.is_success() && refused.text.contains("\"now\":"), "{}", refused.text);
        assert_eq!(reader.get(&format!("/bestellungen/{id}/unterschreiben/x")).await.status, StatusCode::NOT_FOUND);
        reader.sign_in("loner", "leitung").await;
        let stranger = reader.get(&format!("/bestellungen/{id}/unterschreiben/freigeben")).await;
        assert!(stranger.text.contains("ORDER_UNKNOWN"), "{}", stranger.text);
        assert!(matches!(Body::read(&own), Ok(Body::Decision(_))));
    }

    /// The back button brings a page again, and one that was left open knows nothing of what has happened since.
    #[tokio::test]
    async fn a_page_left_behind_orders_nothing_twice_and_nothing_withdrawn() {
        let mut reader = Reader::new();
        reader.sign_in("town", "einkauf").await;
        let place = format!("/angebote/{}/bestellen", reader.town.offering);
        let filled = |number: u32| {
            format!(
                "{place}?weg=town,kitu,provider&hoechstens=9000&jahre=2&zweck=Meine+Worte&vorgang=web-{number}&pruefen=1"
            )
        };
        let first = reader.sign(&reader.get(&filled(1)).await.ok(), &Kind::Request, "town", "einkauf");
        let left_open = reader.sign(&reader.get(&filled(2)).await.ok(), &Kind::Request, "town", "einkauf");
        reader.hand_in(&first).await.ok();
        let back = reader.sign(&reader.get(&filled(1)).await.ok(), &Kind::Request, "town", "einkauf");
        assert_ne!(back.id(), first.id(), "the page is made anew");
        let told = reader.hand_in(&back).await;
        assert!(told.status.is_success() || told.text.contains("\"now\":"), "{}", told.text);
        assert_eq!(reader.town.node.state().orders.len(), 1, "{}", told.text);
        let Offering { name, version, seller, .. } = offering();
        reader.withdraw(&Withdrawal { name, version, seller, reason: "Abgelöst".to_owned() });
        let refused = reader.hand_in(&left_open).await;
        assert!(refused.text.contains("OFFERING_WITHDRAWN") && refused.text.contains("\"now\":"), "{}", refused.text);
        assert_eq!(reader.town.node.state().orders.len(), 1);
        let form = reader.get(&filled(2)).await;
        assert!(form.text.contains("Meine Worte"), "what was typed stays: {}", form.text);
        assert!(form.text.contains("OFFERING_WITHDRAWN") && !form.text.contains("data-payload"), "{}", form.text);
    }
}
