//! *Angebot*: one version of an offering with everything that is known of it, and its bytes to check. A withdrawn one keeps
//! its page: contracts rest on it.
use askama::Template;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::domain::envelope;
use crate::domain::id::StatementId;
use crate::domain::offering::Offering;
use crate::domain::price::Component;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::view::View;
use crate::web::desk::Desk;
use crate::web::place::Place;
use crate::web::shell::{Shell, Visit};
use crate::web::words::{self, filled};

#[derive(Template)]
#[template(path = "offering.html", config = "src/web/askama.toml")]
struct Page {
    shell: Shell,
    title: String,
    description: String,
    seller: String,
    standing: Option<Closed>,
    newest: Option<String>,
    facts: Vec<Fact>,
    sovereignty: Vec<Fact>,
    prices: Vec<Price>,
    not_included: Vec<String>,
    assumed: Vec<String>,
    versions: Vec<Version>,
    evidence: Vec<Fact>,
    keys: Vec<String>,
    bytes: String,
    signature: String,
    envelope: String,
    order: String,
    /// Where an officer who has signed in orders it.
    ordering: Option<String>,
    file: String,
}

/// Why it cannot be ordered.
struct Closed {
    text: &'static str,
    why: Option<String>,
}

/// A term with what it says, which may be several things.
struct Fact {
    term: &'static str,
    values: Vec<String>,
    /// Whether the words are the seller's, which are German.
    is_german: bool,
}

struct Price {
    item: &'static str,
    due: String,
    amount: String,
    basis: &'static str,
    tax: String,
}

struct Version {
    label: String,
    href: String,
    from: String,
    is_this: bool,
    is_newest: bool,
}

pub(super) async fn show(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Response {
    visit.answered(made(&desk, &visit, &id).await)
}

async fn made(desk: &Desk, visit: &Visit, id: &str) -> Result<Page, Refusal> {
    let id = read(id)?;
    // Asked for first: what the catalogue does not know is nobody's page, whatever else is stored under that id.
    let known = desk.ask(move |view, _, _| known(view, &id).map(|_| ())).await;
    known?;
    let signed = statement(desk, id).await?;
    let shell = visit.shell();
    desk.ask(move |view, _, _| Page::of(shell, view, &signed)).await
}

/// The exact bytes that were signed.
pub(super) async fn bytes(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Response {
    let bytes = |signed: &Signed| signed.pae().to_vec();
    download(&desk, &visit, &id, "bytes", "application/octet-stream", bytes).await
}

/// The first signature under them.
pub(super) async fn signature(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Response {
    let signature = |signed: &Signed| signed.signatures().first().map_or_else(Vec::new, |by| by.signature.0.to_vec());
    download(&desk, &visit, &id, "sig", "application/octet-stream", signature).await
}

/// Both, as the command line reads them.
pub(super) async fn envelope(State(desk): State<Desk>, visit: Visit, Path(id): Path<String>) -> Response {
    let envelope = |signed: &Signed| envelope::write(signed).into_bytes();
    download(&desk, &visit, &id, "dsse.json", "application/json", envelope).await
}

async fn download(
    desk: &Desk,
    visit: &Visit,
    id: &str,
    ending: &str,
    kind: &'static str,
    content: impl FnOnce(&Signed) -> Vec<u8>,
) -> Response {
    let found = async {
        let id = read(id)?;
        desk.ask(move |view, _, _| known(view, &id).map(|_| ())).await?;
        statement(desk, id).await
    };
    let signed = match found.await {
        Ok(signed) => signed,
        Err(refusal) => return visit.refused(&refusal),
    };
    let mut response = Response::new(Body::from(content(&signed)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let disposition = format!("attachment; filename=\"{}.{ending}\"", file_name(&signed.id()));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

/// What a statement's files are called, without their ending.
fn file_name(id: &StatementId) -> String {
    format!("angebot-{}", id.short())
}

fn read(id: &str) -> Result<StatementId, Refusal> {
    id.parse().map_err(|refusal: Refusal| refusal.with("field", "id"))
}

fn known<'a>(view: &'a View, id: &StatementId) -> Result<&'a Offering, Refusal> {
    view.public().catalogue.version(id).ok_or_else(|| Refusal::new(Reason::OfferingUnknown).with("id", id))
}

async fn statement(desk: &Desk, id: StatementId) -> Result<Signed, Refusal> {
    desk.statement(id).await?.ok_or_else(|| Refusal::new(Reason::StatementUnknown).with("id", id))
}

impl Page {
    fn of(shell: Shell, view: &View, signed: &Signed) -> Result<Self, Refusal> {
        let id = signed.id();
        let (offering, catalogue) = (known(view, &id)?, view.public().catalogue);
        let t = shell.t;
        let newest = catalogue.row(&offering.seller, &offering.name).map(|row| row.id).filter(|newest| *newest != id);
        let closed = catalogue.orderable(&id).err().map(|refusal| match refusal.reason {
            Reason::OrgExpelled => Closed { text: t.expelled_text, why: None },
            _ => Closed {
                text: t.withdrawn_text,
                why: refusal.field("why").map(|why| filled(t.withdrawn_why, &[("why", why)])),
            },
        });
        Ok(Self {
            title: offering.title.clone(),
            description: offering.description.clone(),
            seller: words::organisation(view, &offering.seller),
            newest: newest.map(|newest| shell.href(Place::Offering(newest))),
            facts: facts(&shell, view, offering),
            sovereignty: sovereignty(&shell, offering),
            prices: offering.price.iter().map(|item| price(&shell, item)).collect(),
            not_included: offering.not_included.clone(),
            assumed: offering.assumed.clone(),
            versions: versions(&shell, view, offering, &id),
            evidence: evidence(&shell, view, &id),
            keys: signed.signatures().iter().map(|by| by.key.to_string()).collect(),
            bytes: shell.href(Place::Bytes(id)),
            signature: shell.href(Place::Signature(id)),
            envelope: shell.href(Place::Envelope(id)),
            order: format!("verbund order submit --offering {}/{} --route 1", offering.seller, offering.name),
            ordering: shell.officer().map(|_| shell.href(Place::Ordering(id))),
            file: file_name(&id),
            standing: closed,
            shell,
        })
    }
}

fn facts(shell: &Shell, view: &View, offering: &Offering) -> Vec<Fact> {
    let (t, lang) = (shell.t, shell.lang());
    let listed = |items: &[String]| items.to_vec();
    let one = |text: String| vec![text];
    let day = |day| words::date(day, lang);
    let valid = match offering.valid_to {
        None => filled(t.valid_from, &[("from", &day(offering.valid_from))]),
        Some(to) => filled(t.valid_until, &[("from", &day(offering.valid_from)), ("to", &day(to))]),
    };
    let notice = offering.notice_days.map(|days| filled(t.notice_days, &[("n", &days.to_string())]));
    let rows = [
        (t.seller, one(words::organisation(view, &offering.seller)), false),
        (t.name, one(format!("{}/{}", offering.seller, offering.name)), false),
        (t.facet_topic, one(offering.topic.clone()), true),
        (t.leika, offering.leika.iter().map(ToString::to_string).collect(), false),
        (t.leika_types, listed(&offering.leika_types), false),
        (t.ozg, offering.ozg.iter().map(ToString::to_string).collect(), false),
        (t.facet_land, offering.lead_land.iter().map(|code| words::land(code)).collect(), true),
        (t.efa, one((if offering.efa_confirmed { t.efa_confirmed } else { t.efa_open }).to_owned()), false),
        (t.coverage, offering.coverage.iter().map(|area| words::area(area, t)).collect(), false),
        (t.facet_maturity, offering.maturity.iter().map(|level| words::maturity(*level, t)).collect(), false),
        (t.facet_connection, offering.connection.iter().map(|word| words::connection(word)).collect(), true),
        (t.facet_portal, listed(&offering.portals), true),
        (t.facet_system, listed(&offering.specialised_systems), true),
        (t.requires, offering.requires.iter().map(|word| word.text(lang).to_owned()).collect(), false),
        (t.dvdv, listed(&offering.dvdv), false),
        (t.term, one(words::years(offering.term_years_min, t)), false),
        (t.notice, notice.into_iter().collect(), false),
        (t.valid, one(valid), false),
        (
            t.references,
            offering.references.iter().map(|known| format!("{}: {}", known.catalogue, known.entry)).collect(),
            true,
        ),
        (t.source, one(offering.source.clone()), true),
    ];
    rows.into_iter().map(|(term, values, is_german)| Fact { term, values, is_german }).collect()
}

fn sovereignty(shell: &Shell, offering: &Offering) -> Vec<Fact> {
    let (t, Some(facts)) = (shell.t, &offering.sovereignty) else { return Vec::new() };
    let one = |text: &Option<String>| text.iter().cloned().collect();
    let rows = [
        (t.licence, one(&facts.licence)),
        (t.repository, one(&facts.repository)),
        (t.data_location, one(&facts.data_location)),
        (t.open_interfaces, facts.interfaces.clone()),
        (t.d_stack, one(&facts.d_stack)),
    ];
    rows.into_iter().map(|(term, values)| Fact { term, values, is_german: true }).collect()
}

fn price(shell: &Shell, item: &Component) -> Price {
    let (t, lang) = (shell.t, shell.lang());
    Price {
        item: item.item.text(lang),
        due: item.due.text(item.year, lang),
        amount: words::amount(item.cents, lang),
        basis: if item.terms.is_some() { t.price_terms } else { t.price_plain },
        tax: item.tax.as_ref().map_or_else(|| item.vat.clone(), |tax| tax.text(lang)),
    }
}

fn versions(shell: &Shell, view: &View, offering: &Offering, this: &StatementId) -> Vec<Version> {
    let all = view.public().catalogue.versions(&offering.seller, &offering.name);
    let version = |(at, row): (usize, &crate::protocol::catalogue::OfferingVersion)| Version {
        label: filled(shell.t.version, &[("n", &row.offering.version.to_string())]),
        href: shell.href(Place::Offering(row.id)),
        from: filled(shell.t.valid_from, &[("from", &words::date(row.offering.valid_from, shell.lang()))]),
        is_this: row.id == *this,
        is_newest: at == 0,
    };
    all.enumerate().map(version).collect()
}

fn evidence(shell: &Shell, view: &View, id: &StatementId) -> Vec<Fact> {
    let t = shell.t;
    let fact = |term, value: String| Fact { term, values: vec![value], is_german: false };
    let mut facts = vec![fact(t.statement_id, id.to_string())];
    match view.witnessing(id) {
        Ok((log, index, seen)) => {
            facts.push(fact(t.log, filled(t.log_place, &[("log", &log.to_string()), ("index", &index.to_string())])));
            let counts = [("n", seen.cosigned.to_string()), ("needed", seen.needed.to_string())];
            let counts: Vec<(&str, &str)> = counts.iter().map(|(name, count)| (*name, count.as_str())).collect();
            facts.push(fact(t.witnesses, filled(t.witnesses_of, &counts)));
        }
        Err(_) => facts.push(fact(t.log, t.log_none.to_owned())),
    }
    facts
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::domain::envelope;
    use crate::domain::offering::{Offering, Withdrawal};
    use crate::protocol::explain::fixture::offering;
    use crate::web::fixture::Reader;

    #[tokio::test]
    async fn it_says_everything_and_gives_the_bytes() {
        let reader = Reader::new();
        let id = reader.town.offering;
        let page = reader.get(&format!("/angebote/{id}")).await.ok();
        for part in [
            "Wohngeld digital",
            "99107023017000",
            "10092",
            "Sachsen-Anhalt",
            "1.200,00 €",
            "je Jahr",
            "test/log/kitu/1",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let bytes = reader.get(&format!("/angebote/{id}/bytes")).await;
        let signature = reader.get(&format!("/angebote/{id}/unterschrift")).await;
        let envelope = reader.get(&format!("/angebote/{id}/umschlag")).await;
        let signed = envelope::read(&envelope.ok()).expect("an envelope");
        assert_eq!((signed.id(), signed.pae()), (id, bytes.body.as_slice()));
        assert_eq!(signed.signatures()[0].signature.0.as_slice(), signature.body.as_slice());
        assert!(bytes.header("content-disposition").starts_with("attachment; filename=\"angebot-"));
    }

    #[tokio::test]
    async fn a_withdrawn_one_keeps_its_page_with_the_reason() {
        let mut reader = Reader::new();
        let id = reader.town.offering;
        let one = offering();
        reader.withdraw(&Withdrawal {
            name: one.name,
            version: 1,
            seller: one.seller,
            reason: "Dienst endet".to_owned(),
        });
        let answer = reader.get(&format!("/angebote/{id}")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.text.contains("Zurückgezogen") && answer.text.contains("Dienst endet"), "{}", answer.text);
        assert!(answer.text.contains("Wohngeld digital") && !answer.text.contains("verbund order submit"));
        assert!(reader.get("/angebote?q=wohngeld").await.ok().contains("Kein Angebot gefunden."));
    }

    #[tokio::test]
    async fn an_old_version_leads_to_the_newest() {
        let mut reader = Reader::new();
        let old = reader.town.offering;
        let new = reader.publish(&Offering { version: 2, title: "Wohngeld neu".to_owned(), ..offering() });
        let page = reader.get(&format!("/angebote/{old}")).await.ok();
        assert!(page.contains("Es gibt eine neuere Fassung") && page.contains(&format!("/angebote/{new}")), "{page}");
        let page = reader.get(&format!("/angebote/{new}")).await.ok();
        assert!(
            !page.contains("Es gibt eine neuere Fassung") && page.contains(&format!("/angebote/{old}")),
            "{page}"
        );
    }

    #[tokio::test]
    async fn a_wrong_id_is_told_as_such() {
        let reader = Reader::new();
        for (id, status, code) in [
            ("x", StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            ("%2e%2e%2fetc", StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            (&"0".repeat(64), StatusCode::NOT_FOUND, "OFFERING_UNKNOWN"),
            // A statement, and no offering.
            (&reader.town.pack.to_string(), StatusCode::NOT_FOUND, "OFFERING_UNKNOWN"),
        ] {
            for behind in ["", "/bytes", "/unterschrift", "/umschlag"] {
                let answer = reader.get(&format!("/angebote/{id}{behind}")).await;
                assert_eq!(answer.status, status, "{id}{behind}");
                assert!(answer.text.contains(code), "{id}{behind}: {}", answer.text);
            }
        }
    }
}
