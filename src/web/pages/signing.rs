//! One page to check before signing: what the bytes say, read from the very bytes by the browser, which then signs them.
use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::domain::annex::CONTACT_CHARS_MAX;
use crate::domain::grounds::Why;
use crate::domain::id::OrderId;
use crate::domain::order::NOTE_CHARS_MAX;
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::web::desk::Desk;
use crate::web::drafts::{self, Act, Draft, Words, lines};
use crate::web::officer::Officer;
use crate::web::place::Place;
use crate::web::query::Query;
use crate::web::shell::{Problem, Shell, status_of};
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
    keys: String,
    sign_in: String,
    back: String,
}

/// Words that an officer says beside what is signed.
struct Form {
    action: String,
    label: &'static str,
    hint: &'static str,
    most: usize,
    typed: String,
}

/// Behind the question mark: the words, as they were typed.
const WORDS: &str = "worte";

impl Signing {
    /// The page for a draft.
    pub(super) fn of(shell: Shell, heading: &'static str, title: String, draft: &Draft, back: String) -> Self {
        let annex = draft.annex.as_ref().map(|annex| STANDARD.encode(annex.bytes())).unwrap_or_default();
        let (payload_type, payload) = (draft.kind.payload_type(), STANDARD.encode(&draft.payload));
        Self { title, payload_type, payload, annex, ..Self::empty(shell, heading, back) }
    }

    /// The page without anything to sign.
    fn empty(shell: Shell, heading: &'static str, back: String) -> Self {
        let t = shell.t;
        Self {
            t,
            heading,
            title: String::new(),
            form: None,
            problem: None,
            payload_type: String::new(),
            payload: String::new(),
            annex: String::new(),
            sign_in: shell.href(Place::SignIn),
            post: shell.href(Place::HandIn),
            labels: labels(t),
            sentences: sentences(t),
            whys: whys(shell.lang()),
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
        let (typed, back) = (query.first(WORDS), shell.href(Place::Order(id)));
        let page = Signing::empty(shell.clone(), heading(act, shell.t), back.clone());
        let form = form_of(&shell, id, act, typed);
        // Whoever has been asked nothing yet has made no mistake.
        let is_asked_first = act.words() == Words::Contact && !query.pairs().any(|(name, _)| name == WORDS);
        let org = officer.org.clone();
        if is_asked_first {
            desk.ask_as_party(&org, id, |_, _, _| Ok(())).await?;
            return Ok((Signing { form, ..page }, None));
        }
        let annex = match act.words().annex(&lines(typed), by.annex_salt) {
            Ok(annex) => annex,
            Err(refusal) => {
                desk.ask_as_party(&org, id, |_, _, _| Ok(())).await?;
                let problem = Some(Problem::of(&refusal, shell.lang()));
                return Ok((Signing { form, problem, ..page }, Some(refusal)));
            }
        };
        let acts = (act, annex);
        let draft = desk.ask_as_party(&org, id, move |node, _, now| drafts::act(node, id, acts, by, now)).await?;
        let page = Signing::of(shell.clone(), heading(act, shell.t), String::new(), &draft, back);
        Ok((Signing { form, ..page }, None))
    };
    match made.await {
        Ok((page, Some(refusal))) => officer.visit.page(status_of(refusal.reason.class()), &page),
        Ok((page, None)) => officer.visit.answered(Ok(page)),
        Err(refusal) => officer.visit.refused(&refusal),
    }
}

/// The form for the words beside an act.
fn form_of(shell: &Shell, id: OrderId, act: Act, typed: &str) -> Option<Form> {
    let (t, action, typed) = (shell.t, Place::Signing(id, act.word()).path(), typed.to_owned());
    match act.words() {
        Words::None => None,
        Words::Note => {
            Some(Form { action, label: t.field_note, hint: t.words_note_hint, most: NOTE_CHARS_MAX, typed })
        }
        Words::Contact => {
            Some(Form { action, label: t.field_contact, hint: t.words_contact_hint, most: CONTACT_CHARS_MAX, typed })
        }
    }
}

/// What an act is called.
pub(super) fn heading(act: Act, t: &Texts) -> &'static str {
    match act {
        Act::Approve => t.act_approve,
        Act::Refuse => t.act_refuse,
        Act::Seal => t.act_seal,
        Act::Cancel => t.act_cancel,
        Act::Contact => t.act_contact,
    }
}

/// What the fields are called; one without a name here is shown under its own.
fn labels(t: &Texts) -> String {
    let names = [
        ("order", t.order_id),
        ("attempt", t.field_attempt),
        ("request_id", t.field_request_id),
        ("mode", t.order_mode),
        ("buyer", t.orders_buyer),
        ("offering", t.field_offering),
        ("route", t.order_route),
        ("as_of", t.field_as_of),
        ("rule_pack", t.field_rule_pack),
        ("award", t.field_award),
        ("term_years", t.field_term_years),
        ("total_max", t.field_total_max),
        ("total", t.field_total),
        ("quote_by", t.order_quote_by),
        ("seal_by", t.order_seal_by),
        ("reference", t.order_reference),
        ("considered", t.field_considered),
        ("purpose", t.order_purpose),
        ("choice", t.order_choice),
        ("officer", t.field_officer),
        ("signed_at", t.field_signed_at),
        ("salt", t.field_salt),
        ("request", t.field_request),
        ("org", t.key_org),
        ("approve", t.field_approve),
        ("leg", t.field_leg),
        ("from", t.field_from),
        ("to", t.field_to),
        ("verdict", t.field_verdict),
        ("basis", t.field_basis),
        ("assumed", t.order_assumed),
        ("evidence", t.order_evidence),
        ("chain", t.field_chain),
        ("agreed", t.field_agreed),
        ("reason", t.field_reason),
        ("grounds", t.field_grounds),
        ("annex", t.field_annex),
        ("note", t.field_note),
        ("number", t.field_number),
        ("event", t.field_event),
        ("seal", t.field_seal),
        ("contact", t.field_contact),
        ("selection", t.selection_label),
        ("alternatives", t.selection_others),
        ("why", t.selection_why_not),
        ("query", t.selection_query),
        ("frozen_at", t.selection_frozen_at),
        ("found", t.selection_found),
        ("known", t.selection_known),
    ];
    json!(BTreeMap::from(names)).to_string()
}

/// The words for the reasons why an offering was not taken.
fn whys(lang: Lang) -> String {
    let told: BTreeMap<&str, &str> = Why::ALL.map(|why| (why.word(), why.text(lang))).into();
    json!(told).to_string()
}

/// The one sentence about the whole, by kind; its blanks are filled from the bytes.
fn sentences(t: &Texts) -> String {
    json!({
        "request": t.says_request, "decision": t.says_approve, "decision-no": t.says_refuse, "seal": t.says_seal,
        "void": t.says_void, "milestone": t.says_contact,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use base64::Engine as _;

    use super::*;
    use crate::domain::body::Body;
    use crate::domain::money::Cents;
    use crate::domain::offering::{Offering, Withdrawal};
    use crate::domain::statement::{Kind, SignatureBy, Signed, pae};
    use crate::protocol::explain::fixture::offering;
    use crate::web::fixture::Reader;

    /// What a page gives to be signed.
    fn payload(page: &str) -> Vec<u8> {
        let text = page.split("data-payload=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a payload");
        STANDARD.decode(text.replace("&#43;", "+").replace("&#x2b;", "+")).expect("base64")
    }

    /// Signs the bytes of a page, as the browser does.
    fn sign(reader: &Reader, page: &str, kind: &Kind, of: &str, officer: &str) -> Signed {
        let key = reader.town.key(of, officer);
        let bytes = pae(&kind.payload_type(), &payload(page));
        let by = SignatureBy { key: key.public().hash(), signature: key.sign(&bytes) };
        Signed::parse(&bytes, vec![by]).expect("a statement")
    }

    async fn does(reader: &mut Reader, id: OrderId, act: &str, kind: &Kind, of: &str, officer: &str) {
        reader.sign_in(of, officer).await;
        let page = reader.get(&format!("/bestellungen/{id}/unterschreiben/{act}")).await.ok();
        let signed = sign(reader, &page, kind, of, officer);
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
        let signed = sign(&reader, &page, &Kind::Decision, "town", "leitung");
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
        let signed = sign(&reader, &page, &Kind::Milestone, "town", "leitung");
        let Ok(Body::Milestone(body)) = Body::read(&signed) else { panic!("a milestone") };
        assert_eq!((body.order, body.number), (sealed, 1));
        let too_early = reader.get(&format!("/bestellungen/{id}/unterschreiben/ansprechstelle?worte=x")).await;
        assert!(too_early.text.contains("ORDER_STATE"), "{}", too_early.text);
    }

    #[tokio::test]
    async fn who_may_not_is_told_when_it_is_handed_in() {
        let mut reader = Reader::new();
        let dear = Cents::try_from(2_000_000).expect("an amount");
        let id = reader.town.order("eins", |request| request.total_max = dear);
        reader.sign_in("town", "einkauf").await;
        let page = reader.get(&format!("/bestellungen/{id}/unterschreiben/freigeben")).await.ok();
        let own = sign(&reader, &page, &Kind::Decision, "town", "einkauf");
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
        let first = sign(&reader, &reader.get(&filled(1)).await.ok(), &Kind::Request, "town", "einkauf");
        let left_open = sign(&reader, &reader.get(&filled(2)).await.ok(), &Kind::Request, "town", "einkauf");
        reader.hand_in(&first).await.ok();
        let back = sign(&reader, &reader.get(&filled(1)).await.ok(), &Kind::Request, "town", "einkauf");
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
