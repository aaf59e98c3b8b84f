//! One page to check before signing: what the bytes say, read from the very bytes by the browser, which then signs them.
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::domain::reason::{Reason, Refusal};
use crate::web::desk::Desk;
use crate::web::drafts::{self, Act, Draft};
use crate::web::officer::Officer;
use crate::web::place::Place;
use crate::web::shell::Shell;
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
    payload_type: String,
    payload: String,
    /// The annex beside it, in base64; empty if there is none.
    annex: String,
    post: String,
    labels: String,
    sentences: String,
    keys: String,
    back: String,
}

impl Signing {
    /// The page for a draft.
    pub(super) fn of(shell: Shell, heading: &'static str, title: String, draft: &Draft, back: String) -> Self {
        let t = shell.t;
        Self {
            t,
            heading,
            title,
            payload_type: draft.kind.payload_type(),
            payload: STANDARD.encode(&draft.payload),
            annex: draft.annex.as_ref().map(|annex| STANDARD.encode(annex.bytes())).unwrap_or_default(),
            post: shell.href(Place::HandIn),
            labels: labels(t),
            sentences: sentences(t),
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
) -> Response {
    let (shell, by) = (officer.visit.shell(), officer.signer(&desk));
    let made = async {
        let id = order_id(&id)?;
        let unknown = || Refusal::new(Reason::PageUnknown).with("act", crate::domain::id::shortened(&word));
        let act = Act::of_word(&word).ok_or_else(unknown)?;
        let org = officer.org.clone();
        let draft = desk.ask_as_party(&org, id, move |node, _, now| drafts::act(node, id, act, by, now)).await?;
        let back = shell.href(Place::Order(id));
        Ok(Signing::of(shell.clone(), heading(act, shell.t), String::new(), &draft, back))
    };
    officer.visit.answered::<Signing>(made.await)
}

/// What an act is called.
pub(super) fn heading(act: Act, t: &Texts) -> &'static str {
    match act {
        Act::Approve => t.act_approve,
        Act::Refuse => t.act_refuse,
        Act::Seal => t.act_seal,
        Act::Cancel => t.act_cancel,
    }
}

/// What the fields are called; one without a name here is shown under its own.
fn labels(t: &Texts) -> String {
    json!({
        "order": t.order_id, "attempt": t.field_attempt, "request_id": t.field_request_id, "mode": t.order_mode,
        "buyer": t.orders_buyer, "offering": t.field_offering, "route": t.order_route, "as_of": t.field_as_of,
        "rule_pack": t.field_rule_pack, "award": t.field_award, "term_years": t.field_term_years,
        "total_max": t.field_total_max, "total": t.field_total, "quote_by": t.order_quote_by,
        "seal_by": t.order_seal_by, "reference": t.order_reference, "considered": t.field_considered,
        "purpose": t.order_purpose, "choice": t.order_choice, "officer": t.field_officer,
        "signed_at": t.field_signed_at, "salt": t.field_salt, "request": t.field_request, "org": t.key_org,
        "approve": t.field_approve, "leg": t.field_leg, "from": t.field_from, "to": t.field_to,
        "verdict": t.field_verdict, "basis": t.field_basis, "assumed": t.order_assumed,
        "evidence": t.order_evidence, "chain": t.field_chain, "agreed": t.field_agreed, "reason": t.field_reason,
        "grounds": t.field_grounds, "annex": t.field_annex, "note": t.field_note,
    })
    .to_string()
}

/// The one sentence about the whole, by kind; its blanks are filled from the bytes.
fn sentences(t: &Texts) -> String {
    json!({
        "request": t.says_request, "decision": t.says_approve, "decision-no": t.says_refuse, "seal": t.says_seal,
        "void": t.says_void,
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use base64::Engine as _;

    use super::*;
    use crate::domain::body::Body;
    use crate::domain::id::OrderId;
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
