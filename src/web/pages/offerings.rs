//! *Angebote*: search and filters, what was found, page by page.
use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;

use crate::domain::id::StatementId;
use crate::domain::offering::Offering;
use crate::domain::reason::{Class, Refusal};
use crate::domain::time::{Timestamp, typed_day};
use crate::search::{Facet, Found, Hit};
use crate::view::View;
use crate::web::desk::{Desk, Find};
use crate::web::place::Place;
use crate::web::query::Query;
use crate::web::selecting::{SELECTED, WORDS};
use crate::web::shell::{Problem, Shell, Visit, status_of};
use crate::web::words::{self, filled};
use crate::wire::catalogue::OfferingSearch;
use crate::wire::pb::catalogue::v1 as pb;

/// Offerings on a page: what somebody looks through before asking more precisely.
const PAGE_SIZE: i32 = 20;

/// Names behind the question mark.
const TOKEN: &str = "seite";
const AS_OF: &str = "stand";

/// Values of one facet that are shown; with more, a word finds better than a list.
const VALUES_SHOWN: usize = 12;

#[derive(Template)]
#[template(path = "offerings.html", config = "src/web/askama.toml")]
struct Offerings {
    shell: Shell,
    problem: Option<Problem>,
    words: String,
    /// The past day asked for, as typed.
    as_of: String,
    /// How many were found, in a whole sentence.
    counted: String,
    state: String,
    left_out: Option<String>,
    unknown: Option<String>,
    meant: Option<Meant>,
    is_everything: bool,
    facets: Vec<FacetGroup>,
    chips: Vec<Chip>,
    reset: String,
    comparison: String,
    cards: Vec<Card>,
    next: Option<String>,
    first: Option<String>,
}

struct Meant {
    words: String,
    href: String,
}

struct FacetGroup {
    name: &'static str,
    label: &'static str,
    is_open: bool,
    values: Vec<FacetValue>,
}

struct FacetValue {
    id: String,
    value: String,
    label: String,
    count: String,
    is_wanted: bool,
}

/// A filter that is set, and where it is not.
struct Chip {
    label: String,
    hint: String,
    href: String,
}

struct Card {
    id: String,
    href: String,
    title: String,
    compare: String,
    /// Where it is ordered and this search frozen; none for whoever only reads.
    ordering: Option<String>,
    description: String,
    seller: String,
    topic: String,
    land: Option<String>,
    connection: String,
    price: String,
    is_assumed: bool,
}

/// What somebody asks for, as it stands in the address.
#[derive(Clone)]
struct Asked {
    words: String,
    narrow: BTreeMap<Facet, BTreeSet<String>>,
    as_of: String,
    token: String,
}

impl Asked {
    fn of(query: &Query) -> Self {
        let asked = |facet: Facet| (facet, query.all(facet.word()).map(str::to_owned).collect::<BTreeSet<_>>());
        let narrow = Facet::ALL.into_iter().map(asked).filter(|(_, values)| !values.is_empty());
        let first = |name: &str| query.first(name).to_owned();
        Self { words: first(WORDS), narrow: narrow.collect(), as_of: first(AS_OF), token: first(TOKEN) }
    }

    /// The same question as gRPC has it, checked by the same rules.
    fn search(&self) -> Result<OfferingSearch, Refusal> {
        let narrow = self.narrow.iter().map(|(facet, values)| pb::FacetValues {
            facet: facet.word().to_owned(),
            values: values.iter().cloned().collect(),
        });
        pb::SearchOfferingsRequest {
            query: self.words.clone(),
            for_org: String::new(),
            page_size: PAGE_SIZE,
            page_token: self.token.clone(),
            narrow: narrow.collect(),
            read_mask: None,
            with_state: false,
            // As people write days; what is none is refused as it was typed.
            as_of: typed_day(&self.as_of).map_or_else(|_| self.as_of.clone(), |day| day.to_string()),
        }
        .try_into()
    }

    /// Where one of the results is ordered, and this search frozen.
    fn ordering(&self, shell: &Shell, id: StatementId) -> String {
        let filters =
            self.narrow.iter().flat_map(|(facet, values)| values.iter().map(|value| (facet.word(), value.as_str())));
        let values = [(SELECTED, "1"), (WORDS, self.words.as_str())].into_iter().chain(filters);
        let values: Vec<(&str, &str)> = values.filter(|(_, value)| !value.is_empty()).collect();
        shell.with_query(Place::Ordering(id), &values)
    }

    /// Where the same is asked with other words, without one filter, or on another page.
    fn href(&self, shell: &Shell, words: &str, without: Option<(Facet, &str)>, token: &str) -> String {
        let filters =
            self.narrow.iter().flat_map(|(facet, values)| values.iter().map(|value| (*facet, value.as_str())));
        let filters = filters.filter(|filter| Some(*filter) != without).map(|(facet, value)| (facet.word(), value));
        let values =
            [(WORDS, words)].into_iter().chain(filters).chain([(AS_OF, self.as_of.as_str()), (TOKEN, token)]);
        let values: Vec<(&str, &str)> = values.filter(|(_, value)| !value.is_empty()).collect();
        shell.with_query(Place::Offerings, &values)
    }
}

pub(super) async fn show(State(desk): State<Desk>, visit: Visit, RawQuery(query): RawQuery) -> Response {
    let asked = match Query::read(&query.unwrap_or_default()) {
        Ok(query) => Asked::of(&query),
        Err(refusal) => return visit.refused(&refusal),
    };
    let (shell, kept) = (visit.shell(), asked.clone());
    let made = desk.ask(move |view, find, now| Offerings::found(shell, &asked, view, find, now)).await;
    match made {
        // What was typed stays in the form, beside what is wrong with it.
        Err(refusal) if refusal.reason.class() == Class::Rejected => {
            let page = Offerings::refused(visit.shell(), &kept, &refusal);
            visit.page(status_of(refusal.reason.class()), &page)
        }
        made => visit.answered(made),
    }
}

impl Offerings {
    fn empty(shell: Shell, asked: &Asked) -> Self {
        let kept: Vec<(&str, &str)> =
            [(WORDS, asked.words.as_str())].into_iter().filter(|(_, words)| !words.is_empty()).collect();
        Self {
            problem: None,
            words: asked.words.clone(),
            as_of: asked.as_of.clone(),
            counted: String::new(),
            state: String::new(),
            left_out: None,
            unknown: None,
            meant: None,
            is_everything: asked.words.is_empty(),
            facets: Vec::new(),
            chips: Vec::new(),
            reset: shell.with_query(Place::Offerings, &kept),
            comparison: Place::Comparison.path(),
            cards: Vec::new(),
            next: None,
            first: None,
            shell,
        }
    }

    fn refused(shell: Shell, asked: &Asked, refusal: &Refusal) -> Self {
        let problem = Problem::of(refusal, shell.lang());
        Self { problem: Some(problem), ..Self::empty(shell, asked) }
    }

    fn found(shell: Shell, asked: &Asked, view: &View, find: &dyn Find, now: Timestamp) -> Result<Self, Refusal> {
        let (t, lang) = (shell.t, shell.lang());
        let wanted = asked.search()?;
        // One more than a page holds, so that a full page knows whether another follows.
        let (found, left_out) = find.find(view, &wanted, now, wanted.page.size() + 1)?;
        let past = wanted.as_of.map(|day| view.public().catalogue.past(day, now)).transpose()?;
        let rows = found.hits.iter().filter_map(|hit| Some((hit, view.public().catalogue.version(&hit.id)?)));
        let (rows, next) = wanted.page.begin(rows, |(hit, _)| hit.place.to_text(), |_| 0);
        let nodes: BTreeSet<_> = view.log_views().iter().map(|log| &log.origin.node).collect();
        let told = |text: &str, n: usize| filled(text, &[("n", &words::number(n, lang))]);
        Ok(Self {
            counted: match found.total {
                0 => t.results_none.to_owned(),
                1 => t.results_one.to_owned(),
                many => told(t.results_many, many),
            },
            state: match past {
                Some(past) => {
                    filled(t.results_past, &[("time", &past.until.told(lang)), ("from", &past.known_from.told(lang))])
                }
                None => filled(
                    t.results_state,
                    &[("nodes", &words::number(nodes.len(), lang)), ("time", &now.told(lang))],
                ),
            },
            left_out: (left_out > 0).then(|| told(t.results_left_out, left_out)),
            unknown: (!found.unknown.is_empty())
                .then(|| filled(t.results_unknown, &[("words", &found.unknown.join(", "))])),
            meant: found.did_you_mean.as_ref().map(|words| Meant {
                words: filled(t.results_meant, &[("words", words)]),
                href: asked.href(&shell, words, None, ""),
            }),
            is_everything: found.is_empty,
            facets: groups(&shell, asked, view, &found),
            chips: chips(&shell, asked, view),
            cards: rows.iter().map(|(hit, offering)| card(&shell, asked, view, (hit, offering))).collect(),
            next: (!next.is_empty()).then(|| asked.href(&shell, &asked.words, None, &next)),
            first: (!asked.token.is_empty()).then(|| asked.href(&shell, &asked.words, None, "")),
            ..Self::empty(shell, asked)
        })
    }
}

/// Facets with how many results each value would leave; those that are set stay visible with whatever count.
fn groups(shell: &Shell, asked: &Asked, view: &View, found: &Found) -> Vec<FacetGroup> {
    let (t, lang) = (shell.t, shell.lang());
    let none = BTreeSet::new();
    let group = |facet: Facet| {
        let wanted = asked.narrow.get(&facet).unwrap_or(&none);
        let counted = found.facets.iter().filter(|count| count.facet == facet);
        let mut values: Vec<(&str, usize)> = counted.map(|count| (count.value.as_str(), count.count)).collect();
        let is_counted =
            |wanted: &String| values.iter().any(|(value, _)| value.to_lowercase() == wanted.to_lowercase());
        let missing: Vec<&str> = wanted.iter().filter(|wanted| !is_counted(wanted)).map(String::as_str).collect();
        values.truncate(VALUES_SHOWN.max(wanted.len()));
        values.extend(missing.into_iter().map(|value| (value, 0)));
        let values = values.into_iter().enumerate().map(|(at, (value, count))| FacetValue {
            id: format!("{}-{at}", facet.word()),
            value: value.to_owned(),
            label: words::facet_value(view, facet, value, t),
            count: words::number(count, lang),
            is_wanted: wanted.iter().any(|wanted| wanted.to_lowercase() == value.to_lowercase()),
        });
        let values: Vec<FacetValue> = values.collect();
        FacetGroup { name: facet.word(), label: words::facet(facet, t), is_open: !wanted.is_empty(), values }
    };
    let by_themselves = Facet::ALL.into_iter().filter(|facet| !facet.depends_on_asking());
    by_themselves.map(group).filter(|group| !group.values.is_empty()).collect()
}

fn chips(shell: &Shell, asked: &Asked, view: &View) -> Vec<Chip> {
    let filters = asked.narrow.iter().flat_map(|(facet, values)| values.iter().map(|value| (*facet, value)));
    let chip = |(facet, value): (Facet, &String)| {
        let label = words::facet_value(view, facet, value, shell.t);
        Chip {
            hint: filled(shell.t.filter_remove, &[("value", &label)]),
            href: asked.href(shell, &asked.words, Some((facet, value)), ""),
            label,
        }
    };
    filters.map(chip).collect()
}

fn card(shell: &Shell, asked: &Asked, view: &View, (hit, offering): (&Hit, &Offering)) -> Card {
    let t = shell.t;
    let id: StatementId = hit.id;
    Card {
        id: id.to_string(),
        href: shell.href(Place::Offering(id)),
        // What was on offer on a past day is not what is ordered now.
        ordering: shell.officer().filter(|_| asked.as_of.is_empty()).map(|_| asked.ordering(shell, id)),
        title: offering.title.clone(),
        compare: filled(t.compare_one, &[("title", &offering.title)]),
        description: offering.description.clone(),
        seller: words::organisation(view, &offering.seller),
        topic: offering.topic.clone(),
        land: offering.lead_land.as_deref().map(words::land),
        connection: offering.connection.iter().map(|word| words::connection(word)).collect::<Vec<_>>().join(", "),
        price: words::price(offering, t, shell.lang()),
        is_assumed: !offering.assumed.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use crate::domain::offering::Offering;
    use crate::protocol::explain::fixture::offering;
    use crate::web::fixture::Reader;

    fn market(count: usize) -> Reader {
        let mut reader = Reader::new();
        for number in 0..count {
            reader.publish(&Offering { name: format!("dienst-{number}").parse().expect("a name"), ..offering() });
        }
        reader
    }

    #[tokio::test]
    async fn a_search_says_in_a_sentence_how_many_were_found() {
        let reader = Reader::new();
        let page = reader.get("/angebote?q=wohngeld").await.ok();
        assert!(page.contains("1 Angebot gefunden."), "{page}");
        assert!(page.contains("Von 1 Knoten, Stand 23.11.2026"), "{page}");
        assert!(page.contains("role=\"status\"") && page.contains("Wohngeld digital"), "{page}");
        let none = reader.get("/angebote?q=xyzzy").await.ok();
        assert!(none.contains("Kein Angebot gefunden.") && none.contains("Ohne Treffer blieb: xyzzy."), "{none}");
        let slip = reader.get("/angebote?q=wohngled").await.ok();
        assert!(slip.contains("Meinten Sie Wohngeld?") && slip.contains("/angebote?q=Wohngeld"), "{slip}");
    }

    /// The day stays in the form and in the links; one that cannot be is refused beside what was typed.
    #[tokio::test]
    async fn a_past_day_is_asked_for_in_the_form() {
        let reader = market(25).witnessed();
        let page = reader.get("/angebote?q=wohngeld&stand=2026-11-23").await.ok();
        assert!(page.contains("26 Angebote gefunden.") && page.contains("name=\"stand\""), "{page}");
        assert!(page.contains("value=\"2026-11-23\"") && page.contains("bis 23.11.2026"), "{page}");
        assert!(
            page.contains("stand=2026-11-23&amp;seite=") || page.contains("stand=2026-11-23&#38;seite="),
            "{page}"
        );
        let german = reader.get("/angebote?q=wohngeld&stand=23.11.2026").await.ok();
        assert!(german.contains("26 Angebote gefunden.") && german.contains("value=\"23.11.2026\""), "{german}");
        for (day, code) in [("2027-01-01", "DAY_AHEAD"), ("2026-11-22", "DAY_UNKNOWN"), ("gestern", "TIME_INVALID")] {
            let answer = reader.get(&format!("/angebote?q=geld&stand={day}")).await;
            assert!(
                answer.text.contains(code) && answer.text.contains(&format!("value=\"{day}\"")),
                "{}",
                answer.text
            );
        }
    }

    /// Every offering stands on exactly one page, and the link to the next keeps words and filters.
    #[tokio::test]
    async fn pages_hold_everything_once() {
        let reader = market(45);
        let (mut seen, mut address) = (Vec::new(), "/angebote?q=wohngeld&topic=Bauen+%26+Wohnen".to_owned());
        for page in 1.. {
            let html = reader.get(&address).await.ok();
            assert!(html.contains("46 Angebote gefunden."), "{html}");
            let ids: Vec<String> =
                html.split("name=\"id\" value=\"").skip(1).map(|part| part[..64].to_owned()).collect();
            assert_eq!(ids.len(), if page == 3 { 6 } else { 20 });
            seen.extend(ids);
            let Some(next) = html.split("rel=\"next\" href=\"").nth(1) else { break };
            address = next.split('"').next().expect("closed").replace("&amp;", "&").replace("&#38;", "&");
            assert!(address.contains("q=wohngeld&topic=Bauen+%26+Wohnen&seite="), "{address}");
        }
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((all, seen.len()), (46, 46));
    }

    #[tokio::test]
    async fn filters_show_what_is_set_and_lead_out_again() {
        let page = Reader::new().get("/angebote?topic=Steuern+%26+Zoll&land=SH").await.ok();
        assert!(page.contains("Kein Angebot gefunden."), "{page}");
        assert!(
            page.contains("Filter entfernen: Steuern &amp; Zoll")
                || page.contains("Filter entfernen: Steuern &#38; Zoll"),
            "{page}"
        );
        assert!(page.contains("href=\"/angebote?land=SH\""), "{page}");
        assert!(page.contains("Schleswig-Holstein"), "{page}");
    }

    #[tokio::test]
    async fn what_was_typed_stays_beside_what_is_wrong_with_it() {
        let long = "x".repeat(300);
        let reader = Reader::new();
        for (address, code) in [
            (format!("/angebote?q={long}"), "TEXT_TOO_LONG"),
            ("/angebote?q=geld&seite=unsinn".to_owned(), "PAGE_INVALID"),
            (format!("/angebote?q=geld&topic={long}x"), "TEXT_TOO_LONG"),
        ] {
            let answer = reader.get(&address).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{address}");
            let typed = if address.contains("q=geld") { "geld" } else { long.as_str() };
            assert!(
                answer.text.contains(code) && answer.text.contains(&format!("value=\"{typed}\"")),
                "{}",
                answer.text
            );
        }
        let much = format!("/angebote?{}", "topic=a&".repeat(300));
        assert_eq!(reader.get(&much).await.status, StatusCode::BAD_REQUEST);
    }

    /// A token belongs to the question it was made for.
    #[tokio::test]
    async fn a_token_of_another_search_is_refused() {
        let reader = market(30);
        let first = reader.get("/angebote?q=wohngeld").await.ok();
        let next = first.split("seite=").nth(1).and_then(|rest| rest.split(['"', '&']).next()).expect("a next page");
        assert_eq!(reader.get(&format!("/angebote?q=wohngeld&seite={next}")).await.status, StatusCode::OK);
        assert_eq!(reader.get(&format!("/angebote?q=geld&seite={next}")).await.status, StatusCode::BAD_REQUEST);
    }
}
