//! *Widerspruch beilegen*: two parties end a contradiction after the seal. One fills in what holds between them, the other signs the
//! same terms.
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use crate::domain::body::Body;
use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::order::acts::{self, Of, Terms};
use crate::domain::order::aftercare::{next_number, settlements};
use crate::domain::order::{Attempt, NOTE_CHARS_MAX};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::Timestamp;
use crate::protocol::Node;
use crate::protocol::explain::said;
use crate::view::View;
use crate::web::desk::Desk;
use crate::web::drafts::{Draft, Signer};
use crate::web::forms::{self, Field, Form, Look};
use crate::web::officer::Officer;
use crate::web::pages::signing::{Signing, answered};
use crate::web::place::Place;
use crate::web::query::Query;
use crate::web::shell::Shell;
use crate::web::words;
use crate::wire::order::order_id;

/// A statement to choose from.
struct Known {
    id: StatementId,
    kind: Kind,
    by: OrgId,
    at: Timestamp,
}

/// What there is to settle, and with whom.
struct Open {
    others: Vec<OrgId>,
    /// What contradicts the seal and is not settled yet.
    about: Vec<Known>,
    /// The seal and what it rests on.
    holds: Vec<Known>,
}

pub(super) async fn propose(
    State(desk): State<Desk>,
    officer: Officer,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let (shell, by) = (officer.visit.shell(), officer.signer(&desk));
    let made = async {
        let id = order_id(&id)?;
        let query = Query::read(&query.unwrap_or_default())?;
        let open = desk.ask_as_party(&officer.org, id, move |node, party, _| open(node, id, party)).await?;
        let (told, asked) = (shell.clone(), query.clone());
        let form = desk.ask(move |view, _, _| Ok(proposing(&told, view, id, &open, &asked))).await?;
        let back = shell.href(Place::Order(id));
        let empty = || Signing::empty(shell.clone(), shell.t.act_settle, back.clone());
        if !forms::is_sent(&query, forms::WORDS) {
            return Ok((empty().with_form(Some(form), None), None));
        }
        let draft = match terms(&query) {
            Ok(terms) => {
                desk.ask_as_party(&officer.org, id, move |node, _, now| draft(node, id, terms, by, now)).await
            }
            Err(refusal) => Err(refusal),
        };
        Ok(match draft {
            Ok(draft) => {
                let page = Signing::of(shell.clone(), shell.t.act_settle, String::new(), &draft, back.clone());
                (page.with_form(Some(form), None), None)
            }
            Err(refusal) => (empty().with_form(Some(form), Some(&refusal)), Some(refusal)),
        })
    };
    answered(&officer.visit, made.await)
}

pub(super) async fn agree(
    State(desk): State<Desk>,
    officer: Officer,
    Path((id, proposal)): Path<(String, String)>,
) -> Response {
    let (shell, by) = (officer.visit.shell(), officer.signer(&desk));
    let made = async {
        let id = order_id(&id)?;
        let proposal: StatementId = proposal.parse().map_err(|refusal: Refusal| refusal.with("field", "id"))?;
        let agreed = move |node: &Node, _: &OrgId, now| {
            let unknown = || Refusal::new(Reason::StatementUnknown).with("statement", proposal);
            let (said, _) = settlements(sealed(node, id)?)
                .find(|(said, _)| said.id() == proposal && said.body().to == by.org)
                .ok_or_else(unknown)?;
            draft(node, id, Terms::agreeing(proposal, said.body()), by, now)
        };
        let draft = desk.ask_as_party(&officer.org, id, agreed).await?;
        let back = shell.href(Place::Order(id));
        Ok((Signing::of(shell.clone(), shell.t.act_agree, String::new(), &draft, back), None))
    };
    answered(&officer.visit, made.await)
}

fn sealed(node: &Node, id: OrderId) -> Result<&Attempt, Refusal> {
    let known = node.state().orders.get(&id).and_then(|known| known.sealed());
    known.ok_or_else(|| Refusal::new(Reason::OrderState).with("rule", "not sealed"))
}

/// What a party may settle; refused where there is nothing.
fn open(node: &Node, id: OrderId, party: &OrgId) -> Result<Open, Refusal> {
    let attempt = sealed(node, id)?;
    let contradictions = node.state().orders.get(&id).into_iter().flat_map(|known| &known.contradictions);
    let all: Vec<Known> = said(attempt)
        .into_iter()
        .map(|said| Known { id: said.id, kind: said.kind, by: said.by, at: said.at })
        .chain(contradictions.filter_map(known))
        .collect();
    let settled: Vec<StatementId> = settlements(attempt)
        .filter(|(_, agreed)| agreed.is_some())
        .flat_map(|(said, _)| said.body().about.clone())
        .collect();
    let about = node.to_settle(id, attempt.request.body().attempt)?;
    let holds = attempt.seal.iter().flat_map(|seal| seal.body().chain.iter().copied().chain([seal.id()]));
    let holds: Vec<StatementId> = holds.collect();
    let others = attempt.route().parties().iter().filter(|other| *other != party).cloned().collect();
    let (holds, rest): (Vec<Known>, Vec<Known>) = all.into_iter().partition(|known| holds.contains(&known.id));
    let about: Vec<Known> =
        rest.into_iter().filter(|known| about.contains(&known.id) && !settled.contains(&known.id)).collect();
    if about.is_empty() {
        return Err(Refusal::new(Reason::NothingToSettle).with("order", id));
    }
    Ok(Open { others, about, holds })
}

fn known(signed: &Signed) -> Option<Known> {
    let body = Body::read(signed).ok()?;
    let (by, _) = body.signer_rule()?;
    Some(Known { id: signed.id(), kind: signed.kind().clone(), by: by.clone(), at: body.signed_at()? })
}

/// What was filled in.
fn terms(query: &Query) -> Result<Terms, Refusal> {
    Ok(Terms {
        to: forms::chosen(query, forms::WITH)?,
        about: vec![forms::chosen(query, forms::ABOUT)?],
        holds: forms::one(query, forms::HOLDS)?,
        terms: forms::required(query.first(forms::WORDS).trim().to_owned(), forms::WORDS)?,
        agrees: None,
    })
}

/// One half, as the officer's organisation signs it next.
fn draft(node: &Node, id: OrderId, terms: Terms, by: Signer, now: Timestamp) -> Result<Draft, Refusal> {
    let attempt = sealed(node, id)?;
    let of = Of { order: id, attempt: attempt.request.body().attempt };
    let seal = attempt.seal.as_ref().map(|seal| seal.id()).ok_or_else(|| Refusal::new(Reason::OrderState))?;
    let number = next_number(&attempt.settlements, &by.org);
    Draft::of(Kind::Settlement, &acts::settlement(of, seal, number, terms, by.at(now)))
}

fn proposing(shell: &Shell, view: &View, id: OrderId, open: &Open, query: &Query) -> Form {
    let (t, lang) = (shell.t, shell.lang());
    let told = |known: &Known| {
        let kind = words::statement(known.kind.name(), t);
        let by = words::organisation(view, &known.by);
        (known.id.to_string(), format!("{kind}, {by}, {} ({})", known.at.told(lang), known.id.short()))
    };
    let others = open.others.iter().map(|org| (org.to_string(), words::organisation(view, org)));
    let none = std::iter::once((String::new(), t.settle_holds_none.to_owned()));
    let holds = none.chain(open.holds.iter().map(told));
    let fields = vec![
        Field::of(forms::WITH, t.field_with, "", query, |typed| Field::choices(others, typed)),
        Field::of(forms::ABOUT, t.field_about, t.settle_about_hint, query, |typed| {
            Field::choices(open.about.iter().map(told), typed)
        }),
        Field::of(forms::HOLDS, t.field_holds, "", query, |typed| Field::choices(holds, typed)),
        Field::of(forms::WORDS, t.field_terms, t.settle_terms_hint, query, |_| Look::Line(NOTE_CHARS_MAX)),
    ];
    Form::of(Place::Settling(id).path(), fields)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;
    use crate::web::fixture::Reader;

    /// One party proposes, the other signs what was proposed; neither click counts twice.
    #[tokio::test]
    async fn a_contradiction_is_settled_once_both_have_signed() {
        let mut reader = Reader::new();
        let id = reader.town.order("eins", |_| ());
        reader.town.seal(id).expect("sealed");
        let place = format!("/bestellungen/{id}/beilegen");
        reader.sign_in("town", "leitung").await;
        let nothing = reader.get(&place).await;
        assert!(
            nothing.text.contains("NOTHING_TO_SETTLE") && !nothing.text.contains("<form action"),
            "{}",
            nothing.text
        );
        let other = reader.town.contradict(id);
        assert!(reader.get(&format!("/bestellungen/{id}")).await.ok().contains(&place), "the order leads there");
        let form = reader.get(&place).await.ok();
        for part in [&format!("value=\"{other}\""), "kitu im Test", "provider im Test", "Abschluss, town im Test"] {
            assert!(form.contains(part) && !form.contains("data-payload"), "{part}: {form}");
        }
        let filled = format!("{place}?mit=kitu&worum={other}&gilt=&worte=Es+gilt+die+erste+Fassung");
        let page = reader.get(&filled).await.ok();
        let proposal = reader.sign(&page, &Kind::Settlement, "town", "leitung");
        let Ok(Body::Settlement(body)) = Body::read(&proposal) else { panic!("a settlement") };
        assert_eq!((body.to.as_str(), body.about.as_slice(), body.number), ("kitu", [other].as_slice(), 1));
        let taken = reader.hand_in(&proposal).await.ok();
        assert_eq!(reader.hand_in(&proposal).await.ok(), taken, "a second click");
        let again = reader.get(&filled).await.ok();
        let again = reader.sign(&again, &Kind::Settlement, "town", "leitung");
        assert_eq!(reader.hand_in(&again).await.ok(), taken, "the way back, signed anew");
        let order = |reader: &Reader| reader.town.node.state().orders[&id].clone();
        assert_eq!(order(&reader).sealed().expect("sealed").settlements.len(), 1, "it was proposed once");
        let agreeing = format!("{place}/{}", proposal.id());
        let own = reader.get(&agreeing).await;
        assert!(own.text.contains("STATEMENT_UNKNOWN"), "nobody agrees with themselves: {}", own.text);

        reader.sign_in("kitu", "leitung").await;
        let inbox = reader.get("/dran").await.ok();
        assert!(inbox.contains("Einer Beilegung zustimmen") && inbox.contains(&agreeing), "{inbox}");
        let shown = reader.get(&format!("/bestellungen/{id}")).await.ok();
        assert!(shown.contains("Es gilt die erste Fassung") && shown.contains(&agreeing), "{shown}");
        let page = reader.get(&agreeing).await.ok();
        let agreement = reader.sign(&page, &Kind::Settlement, "kitu", "leitung");
        let Ok(Body::Settlement(said)) = Body::read(&agreement) else { panic!("a settlement") };
        assert!(said.has_terms_of(&body) && said.agrees == Some(proposal.id()));
        assert!(!order(&reader).unsettled().is_empty(), "one alone settles nothing");
        reader.hand_in(&agreement).await.ok();
        reader.hand_in(&agreement).await.ok();
        assert!(order(&reader).unsettled().is_empty());
        let shown = reader.get(&format!("/bestellungen/{id}")).await.ok();
        assert!(shown.contains("beigelegt") && !shown.contains(&agreeing) && !shown.contains(&place), "{shown}");
    }

    #[tokio::test]
    async fn what_is_wrong_in_a_settlement_is_told_and_what_was_typed_stays() {
        let mut reader = Reader::new();
        let id = reader.town.order("eins", |_| ());
        reader.town.seal(id).expect("sealed");
        let other = reader.town.contradict(id);
        let place = format!("/bestellungen/{id}/beilegen");
        reader.sign_in("town", "leitung").await;
        for (wrong, code) in [
            (format!("mit=&worum={other}&worte=Meine+Worte"), "FIELD_INVALID"),
            (format!("mit=town&worum={other}&worte=Meine+Worte"), "FIELD_INVALID"),
            ("mit=kitu&worum=&worte=Meine+Worte".to_owned(), "FIELD_INVALID"),
            (format!("mit=kitu&worum={other}&worte=+"), "FIELD_INVALID"),
            (format!("mit=kitu&worum={other}&worte=Meine+Worte%0Azwei"), "TEXT_HIDES"),
            (format!("mit=kitu&worum={other}&gilt=x&worte=Meine+Worte"), "DIGEST_INVALID"),
        ] {
            let answer = reader.get(&format!("{place}?{wrong}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}: {}", answer.text);
            assert!(answer.text.contains(code) && !answer.text.contains("data-payload"), "{wrong}: {}", answer.text);
            assert!(!wrong.contains("Meine") || answer.text.contains("Meine Worte"), "{wrong}");
        }
        // Another contract cannot be put in the place of the sealed one, and who only buys settles nothing.
        let against = format!("{place}?mit=kitu&worum={other}&gilt={other}&worte=Anders");
        let against = reader.get(&against).await.ok();
        let against = reader.sign(&against, &Kind::Settlement, "town", "leitung");
        let refused = reader.hand_in(&against).await;
        assert!(
            refused.text.contains("SETTLEMENT_AGAINST_SEAL") && refused.text.contains("\"now\":"),
            "{}",
            refused.text
        );
        reader.sign_in("town", "einkauf").await;
        let page = reader.get(&format!("{place}?mit=kitu&worum={other}&worte=Gut")).await.ok();
        let by_buyer = reader.sign(&page, &Kind::Settlement, "town", "einkauf");
        assert!(reader.hand_in(&by_buyer).await.text.contains("GRANT_ROLE_MISSING"));
        reader.sign_in("loner", "leitung").await;
        assert!(reader.get(&place).await.text.contains("ORDER_UNKNOWN"));
    }
}
