//! *Eigene Texte löschen*: an organisation lets words of its own be erased at every party. The statements stand, and so do ground and
//! authority.
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use crate::domain::id::OrderId;
use crate::domain::order::acts::{self, Of};
use crate::domain::order::erasure::LABEL_CHARS_MAX;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Kind;
use crate::web::desk::Desk;
use crate::web::drafts::{Draft, Signer};
use crate::web::forms::{self, Field, Form, Look};
use crate::web::officer::Officer;
use crate::web::pages::signing::{Signing, answered};
use crate::web::place::Place;
use crate::web::query::Query;
use crate::web::shell::Shell;
use crate::web::words;
use crate::wire::order::{annexes_of, annexes_seen, erasable, order, order_id};
use crate::wire::pb::order::v1 as pb;

/// As much of a text as tells it from others.
const SHOWN_CHARS: usize = 60;

pub(super) async fn show(
    State(desk): State<Desk>,
    officer: Officer,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let (shell, by) = (officer.visit.shell(), officer.signer(&desk));
    let made = async {
        let id = order_id(&id)?;
        let query = Query::read(&query.unwrap_or_default())?;
        let shown = desk.ask_as_party(&officer.org, id, move |node, party, now| order(node, id, party, now));
        let mut shown = shown.await?;
        let here = desk.annexes(annexes_of(&shown)?).await?;
        annexes_seen(&mut shown, &here);
        let own: Vec<&pb::Message> = erasable(&shown, &officer.org).collect();
        if own.is_empty() {
            return Err(Refusal::new(Reason::NothingToErase).with("order", id));
        }
        let (form, back) = (form(&shell, id, &own, &query), shell.href(Place::Order(id)));
        let empty = || Signing::empty(shell.clone(), shell.t.act_erase, back.clone());
        if !forms::is_sent(&query, forms::GROUND) {
            return Ok((empty().with_form(Some(form), None), None));
        }
        Ok(match draft((id, &shown), &own, &query, by, &desk) {
            Ok(draft) => {
                let page = Signing::of(shell.clone(), shell.t.act_erase, String::new(), &draft, back.clone());
                (page.with_form(Some(form), None), None)
            }
            Err(refusal) => (empty().with_form(Some(form), Some(&refusal)), Some(refusal)),
        })
    };
    answered(&officer.visit, made.await)
}

fn draft(
    (id, shown): (OrderId, &pb::Order),
    own: &[&pb::Message],
    query: &Query,
    by: Signer,
    desk: &Desk,
) -> Result<Draft, Refusal> {
    let chosen = own.iter().find(|message| message.statement_id == query.first(forms::ABOUT));
    let unknown =
        || Refusal::new(Reason::FieldInvalid).with("field", forms::ABOUT).with("rule", "one of those shown");
    let annexes = vec![chosen.ok_or_else(unknown)?.annex_id.parse()?];
    let text = |name| forms::required(query.first(name).trim().to_owned(), name);
    let because = (text(forms::GROUND)?, text(forms::AUTHORITY)?);
    let of = Of { order: id, attempt: shown.attempt };
    Draft::of(Kind::Erasure, &acts::erasure(of, shown.next_erasure, annexes, because, by.at(desk.now())))
}

fn form(shell: &Shell, id: OrderId, own: &[&pb::Message], query: &Query) -> Form {
    let t = shell.t;
    let told = |message: &&pb::Message| {
        let note: String = message.note.chars().take(SHOWN_CHARS).collect();
        let note = if note.is_empty() { String::new() } else { format!(": {note}") };
        let at = words::instant(message.signed_at.as_ref().map(crate::wire::instant), shell.lang());
        (message.statement_id.clone(), format!("{}, {at}{note}", words::statement(&message.kind, t)))
    };
    let texts = own.iter().map(told);
    let label = |_: &str| Look::Line(LABEL_CHARS_MAX);
    let fields = vec![
        Field::of(forms::ABOUT, t.field_erased, t.erase_hint, query, |typed| Field::choices(texts, typed)),
        Field::of(forms::GROUND, t.field_ground, t.erase_ground_hint, query, label),
        Field::of(forms::AUTHORITY, t.field_authority, t.erase_authority_hint, query, label),
    ];
    Form::of(Place::Erasing(id).path(), fields)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::domain::annex::Texts;
    use crate::domain::body::Body;
    use crate::domain::statement::Kind;
    use crate::web::fixture::Reader;

    #[tokio::test]
    async fn own_words_are_erased_with_ground_and_authority() {
        let mut reader = Reader::new();
        let words = reader.words(Texts { purpose: "Frau Beispiel braucht es".to_owned(), ..Texts::default() });
        let id = reader.town.order("eins", |request| request.annex = words);
        let place = format!("/bestellungen/{id}/texte-loeschen");
        reader.sign_in("town", "einkauf").await;
        assert!(!reader.get(&format!("/bestellungen/{id}")).await.ok().contains(&place), "it is still open");
        reader.town.seal(id).expect("sealed");
        assert!(reader.get(&format!("/bestellungen/{id}")).await.ok().contains(&place), "the order leads there");
        let request = reader.town.node.state().orders[&id].attempts[&1].request.id();
        let form = reader.get(&place).await.ok();
        assert!(form.contains(&format!("value=\"{request}\"")) && !form.contains("data-payload"), "{form}");
        for wrong in ["worum=&grund=Art.+17&stelle=Amt", "worum=x&grund=Art.+17&stelle=Amt"] {
            let answer = reader.get(&format!("{place}?{wrong}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text);
            assert!(answer.text.contains("value=\"Art. 17\"") && !answer.text.contains("data-payload"), "{wrong}");
        }
        let bare = reader.get(&format!("{place}?worum={request}&grund=&stelle=Amt")).await;
        assert!(bare.status == StatusCode::BAD_REQUEST && bare.text.contains("value=\"Amt\""), "{}", bare.text);
        let page = reader.get(&format!("{place}?worum={request}&grund=Art.+17+DSGVO&stelle=Amt+1")).await.ok();
        let signed = reader.sign(&page, &Kind::Erasure, "town", "einkauf");
        let Ok(Body::Erasure(body)) = Body::read(&signed) else { panic!("an erasure") };
        assert_eq!((body.annexes.first().copied(), body.number), (words, 1));
        assert_eq!((body.ground.as_str(), body.authority.as_str()), ("Art. 17 DSGVO", "Amt 1"));
        let taken = reader.hand_in(&signed).await.ok();
        assert_eq!(reader.hand_in(&signed).await.ok(), taken, "a second click");
        let order = reader.get(&format!("/bestellungen/{id}")).await.ok();
        assert!(order.contains("Text gelöscht") && !order.contains("Frau Beispiel"), "{order}");
        assert!(reader.get(&place).await.text.contains("NOTHING_TO_ERASE"), "there is nothing left");
        reader.sign_in("kitu", "leitung").await;
        assert!(reader.get(&place).await.text.contains("NOTHING_TO_ERASE"), "nobody erases another's words");
        reader.sign_in("loner", "leitung").await;
        assert!(reader.get(&place).await.text.contains("ORDER_UNKNOWN"));
    }
}
