//! *Bedarf melden* and *zurücknehmen*: what an officer's organisation looks for. Public, and binds nobody.
use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use crate::domain::body::{Body, NEED_ROLES};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::offering::{Need, NeedWithdrawal};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::statement::Kind;
use crate::domain::time::Timestamp;
use crate::view::View;
use crate::web::desk::Desk;
use crate::web::drafts::Draft;
use crate::web::forms::{self, Field, Form, Look, lines};
use crate::web::officer::Officer;
use crate::web::pages::signing::{Signing, answered};
use crate::web::place::Place;
use crate::web::query::Query;
use crate::web::selecting;
use crate::web::shell::Shell;
use crate::web::words::{self, filled};

/// Longest texts and lists that a form takes; what statements may hold is judged when they are read.
const NOTE_CHARS_MAX: usize = 1_000;
const REASON_CHARS_MAX: usize = 500;
const SERVICES_CHARS_MAX: usize = 300;

/// Needs that are listed; more are made by a program, which has its own list.
const ROWS_MAX: usize = 50;

#[derive(Template)]
#[template(path = "needs.html", config = "src/web/askama.toml")]
struct NeedsPage {
    shell: Shell,
    counted: String,
    raise: String,
    mandates: String,
    needs: Vec<Row>,
}

struct Row {
    note: String,
    services: String,
    until: String,
    is_over: bool,
    through: String,
    withdraw: String,
    label: String,
    mandate: String,
    mandate_label: String,
    /// What is on offer for it.
    find: Option<String>,
    find_label: String,
}

/// A need as the catalogue knows it: everything but its words.
struct Known {
    id: StatementId,
    first_service: Option<String>,
    services: String,
    until: String,
    is_over: bool,
    through: String,
}

pub(super) async fn show(State(desk): State<Desk>, officer: Officer) -> Response {
    let (shell, org) = (officer.visit.shell(), officer.org.clone());
    let made = async {
        let lang = shell.lang();
        let (known, all) = desk.ask(move |view, _, now| Ok(known(view, &org, lang, now))).await?;
        let mut needs = Vec::new();
        for need in known {
            let said = desk.statement(need.id).await?.map(|signed| Body::read(&signed)).transpose()?;
            let note = if let Some(Body::Need(said)) = said { said.note } else { need.services.clone() };
            let label = format!("{}: {note}", shell.t.act_need_withdraw);
            let withdraw = shell.href(Place::NeedWithdrawing(need.id));
            let Known { services, until, is_over, through, .. } = need;
            let (mandate, mandate_label) =
                (shell.href(Place::Mandating(need.id)), format!("{}: {note}", shell.t.act_mandate));
            let find_label = format!("{}: {note}", shell.t.own_needs_find);
            let find = need.first_service.map(|key| shell.with_query(Place::Offerings, &[(selecting::WORDS, &key)]));
            needs.push(Row {
                mandate,
                mandate_label,
                note,
                services,
                until,
                is_over,
                through,
                withdraw,
                label,
                find,
                find_label,
            });
        }
        let number = |count: usize| words::number(count, lang);
        let counted = match all {
            0 => shell.t.own_needs_none.to_owned(),
            1 => shell.t.own_needs_one.to_owned(),
            all if all > ROWS_MAX => {
                filled(shell.t.own_needs_some, &[("n", &number(ROWS_MAX)), ("all", &number(all))])
            }
            all => filled(shell.t.own_needs_all, &[("n", &number(all))]),
        };
        let (raise, mandates) = (shell.href(Place::NeedRaising), shell.href(Place::Mandates));
        Ok(NeedsPage { counted, raise, mandates, needs, shell: shell.clone() })
    };
    officer.visit.answered(made.await)
}

/// The first needs of an organisation, and how many it has.
fn known(view: &View, org: &OrgId, lang: Lang, now: Timestamp) -> (Vec<Known>, usize) {
    let needs = &view.public().catalogue.needs;
    let from = (org.clone(), StatementId([0; 32]));
    let own: Vec<_> = needs.after(Some(&from)).take_while(|need| need.municipality == org).collect();
    let shown = own.iter().take(ROWS_MAX).map(|need| Known {
        id: need.id,
        first_service: need.leika.first().map(ToString::to_string),
        services: need.leika.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        until: words::date(need.until, lang),
        is_over: need.until < now.date(),
        through: need.through.map(|org| words::organisation(view, org)).unwrap_or_default(),
    });
    (shown.collect(), own.len())
}

pub(super) async fn raise(State(desk): State<Desk>, officer: Officer, RawQuery(query): RawQuery) -> Response {
    let (shell, org) = (officer.visit.shell(), officer.org.clone());
    let made = async {
        let query = Query::read(&query.unwrap_or_default())?;
        let (own, proof) = (org.clone(), officer.proof.clone());
        let may = desk.ask(move |view, _, _| view.public().check_roles(&proof, NEED_ROLES)).await;
        let cooperatives = desk.ask(move |view, _, _| Ok(cooperatives(view, &own))).await?;
        let form = raising(&shell, cooperatives, &query);
        let (page, refusal) = page(&shell, (shell.t.act_need, form), (&query, may), |query| need(org, query));
        Ok((page.by(officer.name()), refusal))
    };
    answered(&officer.visit, made.await)
}

pub(super) async fn withdraw(
    State(desk): State<Desk>,
    officer: Officer,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let (shell, org) = (officer.visit.shell(), officer.org.clone());
    let made = async {
        let id: StatementId = id.parse().map_err(|refusal: Refusal| refusal.with("field", "id"))?;
        let query = Query::read(&query.unwrap_or_default())?;
        let (own, proof) = (org.clone(), officer.proof.clone());
        let may = desk.ask(move |view, _, _| view.public().check_roles(&proof, NEED_ROLES)).await;
        let stands = move |view: &View| {
            let needs = &view.public().catalogue.needs;
            needs.check(&id, &own).and_then(|()| needs.check_sought(&own, &id))
        };
        desk.ask(move |view, _, _| stands(view)).await?;
        let said = desk.statement(id).await?.map(|signed| Body::read(&signed)).transpose()?;
        let Some(Body::Need(need)) = said else {
            return Err(Refusal::new(Reason::StatementUnknown).with("need", id));
        };
        let (page, refusal) =
            page(&shell, (shell.t.act_need_withdraw, withdrawing(&shell, id, &query)), (&query, may), |query| {
                withdrawal(org, id, query)
            });
        Ok((page.about(need.note).by(officer.name()), refusal))
    };
    answered(&officer.visit, made.await)
}

/// The page for a form: as long as it has not been sent nothing is wrong; once it has, what to sign or what is wrong. Whose grant does
/// not cover it is told so before anything is typed.
fn page(
    shell: &Shell,
    (heading, form): (&'static str, Form),
    (query, may): (&Query, Result<(), Refusal>),
    draft: impl FnOnce(&Query) -> Result<Draft, Refusal>,
) -> (Signing, Option<Refusal>) {
    let back = shell.href(Place::Needs);
    let empty = |back: String| Signing::empty(shell.clone(), heading, back);
    if let Err(refusal) = may {
        return (empty(back).with_form(Some(form), Some(&refusal)), Some(refusal));
    }
    if !forms::is_sent(query, forms::WORDS) {
        return (empty(back).with_form(Some(form), None), None);
    }
    match draft(query) {
        Ok(draft) => {
            (Signing::of(shell.clone(), heading, String::new(), &draft, back).with_form(Some(form), None), None)
        }
        Err(refusal) => (empty(back).with_form(Some(form), Some(&refusal)), Some(refusal)),
    }
}

fn need(municipality: OrgId, query: &Query) -> Result<Draft, Refusal> {
    let need = Need {
        municipality,
        leika: forms::list(query, forms::SERVICES)?,
        note: forms::required(lines(query.first(forms::WORDS)), forms::WORDS)?,
        until: forms::day(query, forms::DAY)?,
        through: forms::one(query, forms::THROUGH)?,
    };
    Draft::of(Kind::Need, &need)
}

fn withdrawal(municipality: OrgId, need: StatementId, query: &Query) -> Result<Draft, Refusal> {
    let reason = forms::required(lines(query.first(forms::WORDS)), forms::WORDS)?;
    Draft::of(Kind::NeedWithdrawal, &NeedWithdrawal { municipality, need, reason })
}

/// Of whom the organisation is a member, with their names: who may order for it with others.
pub(super) fn cooperatives(view: &View, org: &OrgId) -> Vec<(String, String)> {
    let public = view.public();
    let own = public.facts.memberships().filter(|(_, fact)| fact.member == *org).map(|(_, fact)| &fact.of);
    let own: BTreeSet<&OrgId> = own.collect();
    own.into_iter().map(|org| (org.to_string(), words::organisation(view, org))).collect()
}

fn raising(shell: &Shell, cooperatives: Vec<(String, String)>, query: &Query) -> Form {
    let t = shell.t;
    let nobody = std::iter::once((String::new(), t.need_through_any.to_owned()));
    let fields = vec![
        Field::of(forms::WORDS, t.field_need_note, t.need_note_hint, query, |_| Look::Lines(NOTE_CHARS_MAX)),
        Field::of(forms::SERVICES, t.field_leika, t.need_leika_hint, query, |_| Look::Line(SERVICES_CHARS_MAX)),
        Field::day(forms::DAY, t.field_until, t.day_hint, query),
        Field::of(forms::THROUGH, t.field_through, t.need_through_hint, query, |typed| {
            Field::choices(nobody.chain(cooperatives), typed)
        }),
    ];
    Form::of(Place::NeedRaising.path(), fields)
}

fn withdrawing(shell: &Shell, id: StatementId, query: &Query) -> Form {
    let t = shell.t;
    let why = Field::of(forms::WORDS, t.field_reason, t.need_reason_hint, query, |_| Look::Lines(REASON_CHARS_MAX));
    Form::of(Place::NeedWithdrawing(id).path(), vec![why])
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use crate::domain::statement::{Kind, SignatureBy, Signed, pae};
    use crate::web::fixture::{Answer, Reader};

    /// Signs the bytes that a page gives, as the browser does, and hands them in.
    async fn sign(reader: &mut Reader, page: &str, kind: &Kind) -> Answer {
        let text = page.split("data-payload=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a payload");
        let payload = STANDARD.decode(text.replace("&#43;", "+").replace("&#x2b;", "+")).expect("base64");
        let bytes = pae(&kind.payload_type(), &payload);
        let key = reader.town.key("town", "einkauf");
        let by = SignatureBy { key: key.public().hash(), signature: key.sign(&bytes) };
        reader.publish_by_page(&Signed::parse(&bytes, vec![by]).expect("a statement")).await
    }

    const GOOD: &str = "/bedarf/melden?worte=Wohngeld+online&leistungen=99107023017000&tag=2027-06-30&ueber=kitu";

    #[tokio::test]
    async fn a_need_is_raised_once_listed_and_taken_back_once() {
        let mut reader = Reader::new();
        assert_eq!(reader.get("/bedarf/melden").await.status, StatusCode::SEE_OTHER, "who says so has signed in");
        reader.sign_in("town", "einkauf").await;
        let form = reader.get("/bedarf/melden").await.ok();
        assert!(form.contains("value=\"kitu\"") && !form.contains("data-payload"), "{form}");
        let check = reader.get(GOOD).await.ok();
        assert!(
            check.contains("data-officer=\"einkauf\"") && check.contains("Wohngeld online</textarea>"),
            "{check}"
        );
        let first = sign(&mut reader, &check, &Kind::Need).await.ok();
        assert!(first.contains("\"href\":\"/bedarf/eigener\""), "{first}");
        assert_eq!(sign(&mut reader, &check, &Kind::Need).await.ok(), first, "a second click");
        let own = reader.get("/bedarf/eigener").await.ok();
        assert!(own.contains("Ein Bedarf") && own.contains("Wohngeld online") && own.contains("30.06.2027"), "{own}");
        let withdraw = own.split("href=\"").find(|part| part.contains("/zuruecknehmen")).expect("a link");
        let withdraw = withdraw.split('"').next().expect("closed").to_owned();
        let asked = reader.get(&withdraw).await.ok();
        assert!(asked.contains("Wohngeld online") && !asked.contains("data-payload"), "{asked}");
        let empty = reader.get(&format!("{withdraw}?worte=+")).await;
        assert_eq!(empty.status, StatusCode::BAD_REQUEST, "{}", empty.text);
        let check = reader.get(&format!("{withdraw}?worte=Bestellt")).await.ok();
        let gone = sign(&mut reader, &check, &Kind::NeedWithdrawal).await.ok();
        assert_eq!(sign(&mut reader, &check, &Kind::NeedWithdrawal).await.ok(), gone, "a page left behind");
        assert!(reader.get("/bedarf/eigener").await.ok().contains("sucht zurzeit nichts"));
        let stale = reader.get(&withdraw).await;
        assert!(!stale.status.is_success() && stale.text.contains("NEED_WITHDRAWN"), "{}", stale.text);
    }

    /// Who may only approve learns it from the form, and what was typed stays for a colleague; who buys may.
    #[tokio::test]
    async fn who_may_not_publish_is_told_before_signing() {
        let mut reader = Reader::new();
        reader.need("town", "99107023017000");
        let withdraw = format!("/bedarf/{}/zuruecknehmen", reader.needs_of("town")[0]);
        reader.sign_in("town", "leitung").await;
        for address in ["/bedarf/melden", GOOD, &withdraw, &format!("{withdraw}?worte=Wohngeld+online")] {
            let answer = reader.get(address).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{address}: {}", answer.text);
            for part in ["GRANT_ROLE_MISSING", "Was jetzt", "name=\"worte\""] {
                assert!(
                    answer.text.contains(part) && !answer.text.contains("data-payload"),
                    "{part}: {}",
                    answer.text
                );
            }
            assert!(!address.contains("worte=") || answer.text.contains("Wohngeld online</textarea>"), "{address}");
        }
        reader.sign_in("town", "einkauf").await;
        reader.get("/bedarf/melden").await.ok();
        reader.get(&withdraw).await.ok();
    }

    #[tokio::test]
    async fn what_is_wrong_in_a_need_is_told_and_what_was_typed_stays() {
        let mut reader = Reader::new();
        reader.sign_in("town", "einkauf").await;
        for (wrong, code) in [
            ("worte=&leistungen=&tag=2027-06-30", "FIELD_INVALID"),
            ("worte=Meine+Worte&leistungen=99&tag=2027-06-30", "LEIKA_INVALID"),
            ("worte=Meine+Worte&tag=x", "TIME_INVALID"),
            ("worte=Meine+Worte&tag=2027-06-30&ueber=%C3%A4", "NAME_INVALID"),
            ("worte=Meine+Worte%E2%80%AE&tag=2027-06-30", "TEXT_HIDES"),
        ] {
            let answer = reader.get(&format!("/bedarf/melden?{wrong}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}: {}", answer.text);
            assert!(answer.text.contains(code) && !answer.text.contains("data-payload"), "{wrong}: {}", answer.text);
            assert!(!wrong.contains("Meine") || answer.text.contains("Meine Worte"), "{wrong}");
        }
        let past = reader.get("/bedarf/melden?worte=Alt&tag=2020-01-01").await.ok();
        let refused = sign(&mut reader, &past, &Kind::Need).await;
        assert!(refused.text.contains("DAY_PAST"), "{}", refused.text);
        reader.need("kitu", "99107023017000");
        let theirs = reader.needs_of("kitu")[0];
        let foreign = reader.get(&format!("/bedarf/{theirs}/zuruecknehmen")).await;
        assert!(!foreign.status.is_success() && foreign.text.contains("FIELD_INVALID"), "{}", foreign.text);
    }
}
