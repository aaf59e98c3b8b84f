//! Offerings on the wire: what a caller may ask, and the catalogue's rows as messages.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::annex::QUERY_CHARS_MAX;
use crate::domain::grounds::KnownLog;
use crate::domain::id::{OrgId, StatementId, shortened};
use crate::domain::offering::{CatalogueReference, Maturity, MaturityModel, Offering, Sovereignty};
use crate::domain::price::{Component, Due};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::Land;
use crate::domain::text::{checked_text, tamed};
use crate::domain::time::{Date, Timestamp};
use crate::protocol::catalogue::{Catalogue, OfferingVersion, PastDay};
use crate::view::View;
use crate::view::offerings::Filter;
use crate::wire::mask::Mask;
use crate::wire::page::{OrderBy, Page, encoded_bytes, not_a_token};
use crate::wire::pb::catalogue::v1 as pb;
use crate::wire::{optional, parsed, required, timestamp};

/// Most values results may be narrowed by in one search; a page offers some dozens.
const NARROW_VALUES_MAX: usize = 100;

/// Which offerings a caller wants listed.
#[derive(Clone, Debug)]
pub struct OfferingListing {
    filter: Filter,
    page: Page,
    begins: Begins,
    mask: Mask,
}

/// After what a page begins, in one order or another.
#[derive(Clone, Debug)]
enum Begins {
    AfterName(Option<(OrgId, OrgId)>),
    /// The same on a past day.
    On(Date, Option<(OrgId, OrgId)>),
    Changed {
        last: Option<u64>,
        newest_first: bool,
    },
}

impl TryFrom<pb::ListOfferingsRequest> for OfferingListing {
    type Error = Refusal;

    fn try_from(message: pb::ListOfferingsRequest) -> Result<Self, Refusal> {
        let pb::ListOfferingsRequest { page_size, page_token, topic, land, seller, area, order_by, read_mask, as_of } =
            message;
        checked_text("topic", &topic, 100)?;
        checked_text("land", &land, 40)?;
        let by = OrderBy::read(&order_by, "seller,name")?;
        // A day more makes other pages, none leaves those that were begun before it could be asked for.
        let filters = [&topic, &land, &seller, &area, by.name(), &as_of];
        let filters = if as_of.is_empty() { &filters[..5] } else { &filters };
        let page = Page::read(page_size, &page_token, filters)?;
        let after = || page.after().map(offering_of_key).transpose();
        let begins = match (by, optional("as_of", &as_of)?) {
            (OrderBy::Key, None) => Begins::AfterName(after()?),
            (OrderBy::Key, Some(day)) => Begins::On(day, after()?),
            (OrderBy::Changed { .. }, Some(_)) => {
                let refusal = Refusal::new(Reason::FieldInvalid).with("field", "order_by");
                return Err(refusal.with("rule", "with as_of only by seller,name"));
            }
            (OrderBy::Changed { newest_first }, None) => {
                let last = page.after().map(|key| key.parse().map_err(|_| not_a_token())).transpose()?;
                Begins::Changed { last, newest_first }
            }
        };
        let filter = Filter {
            topic: Some(topic).filter(|topic| !topic.is_empty()),
            land: (!land.is_empty()).then(|| land_named(&land)).transpose()?,
            seller: optional("seller", &seller)?,
            area: optional("area", &area)?,
        };
        Ok(Self { filter, page, begins, mask: Mask::read(read_mask, "verbund.catalogue.v1.OfferingEntry")? })
    }
}

/// The short form of a Land that is named in either way.
fn land_named(text: &str) -> Result<String, Refusal> {
    let unknown = || Refusal::new(Reason::LandUnknown).with("field", "land").with("value", shortened(text));
    Land::named(text).map(|land| land.code().to_owned()).ok_or_else(unknown)
}

/// Where a page of offerings ends: a space sorts before everything a name is made of.
fn key_of(offering: &Offering) -> String {
    format!("{} {}", offering.seller, offering.name)
}

/// Seller and name that a page ended with.
pub fn offering_of_key(key: &str) -> Result<(OrgId, OrgId), Refusal> {
    let read = key.split_once(' ').and_then(|(seller, name)| Some((seller.parse().ok()?, name.parse().ok()?)));
    read.ok_or_else(not_a_token)
}

/// One page of what is on offer, by seller and name.
pub fn list(view: &View, listing: &OfferingListing, now: Timestamp) -> Result<pb::ListOfferingsResponse, Refusal> {
    let OfferingListing { filter, page, begins, mask } = listing;
    let shown = |row: &OfferingVersion| mask.apply(entry(view, &row.id, &row.offering));
    let by_name = |row: &OfferingVersion| (key_of(&row.offering), shown(row));
    let past = if let Begins::On(day, _) = begins { Some(view.public().catalogue.past(*day, now)?) } else { None };
    // The count of a past day looks at every offering, as that of a filter does, on the reader's thread.
    let count =
        past.map_or_else(|| view.offering_count(filter), |past| view.offerings_at(past.until, filter, None).count());
    let (offerings, next_page_token) = match begins {
        Begins::AfterName(after) => {
            let rows = view.offerings(filter, after.as_ref()).map(by_name);
            page.begin(rows, |(key, _)| key.clone(), |(_, entry)| encoded_bytes(entry))
        }
        Begins::On(_, after) => {
            let until = past.map_or(now, |past| past.until);
            let rows = view.offerings_at(until, filter, after.as_ref()).map(by_name);
            page.begin(rows, |(key, _)| key.clone(), |(_, entry)| encoded_bytes(entry))
        }
        Begins::Changed { last, newest_first } => {
            let rows =
                view.offerings_changed(filter, *last, *newest_first).map(|(at, row)| (at.to_string(), shown(row)));
            page.begin(rows, |(key, _)| key.clone(), |(_, entry)| encoded_bytes(entry))
        }
    };
    let offerings = offerings.into_iter().map(|(_, entry)| entry).collect();
    let total_size = i32::try_from(count).unwrap_or(i32::MAX);
    Ok(pb::ListOfferingsResponse { offerings, next_page_token, total_size, as_of: past.map(Into::into) })
}

impl From<PastDay> for pb::PastDay {
    fn from(past: PastDay) -> Self {
        let PastDay { day, until, known_from } = past;
        Self { day: day.to_string(), until: Some(timestamp(until)), known_from: Some(timestamp(known_from)) }
    }
}

/// What a caller searches for.
#[derive(Clone, Debug)]
pub struct OfferingSearch {
    /// The words.
    pub query: String,
    /// For whom.
    pub for_org: Option<OrgId>,
    /// Wanted values by the name of their facet.
    pub narrow: BTreeMap<String, BTreeSet<String>>,
    /// Which page.
    pub page: Page,
    /// Which fields of a result.
    pub mask: Mask,
    /// Whether the answer says by which state of the logs it was given.
    pub with_state: bool,
    /// On which past day.
    pub as_of: Option<Date>,
}

impl TryFrom<pb::SearchOfferingsRequest> for OfferingSearch {
    type Error = Refusal;

    fn try_from(message: pb::SearchOfferingsRequest) -> Result<Self, Refusal> {
        let pb::SearchOfferingsRequest {
            query,
            for_org,
            page_size,
            page_token,
            narrow,
            read_mask,
            with_state,
            as_of,
        } = message;
        let mask = Mask::read(read_mask, "verbund.catalogue.v1.SearchResult")?;
        // What somebody types need not be tidy: blanks at its ends, letters as another system spells them.
        let query = tamed(&query, QUERY_CHARS_MAX + 1);
        checked_text("query", &query, QUERY_CHARS_MAX)?;
        let narrow = narrowing(narrow)?;
        let narrowed = format!("{narrow:?}");
        let filters = [&query, &for_org, narrowed.as_str(), &as_of];
        let page = Page::read(page_size, &page_token, if as_of.is_empty() { &filters[..3] } else { &filters })?;
        let as_of = optional("as_of", &as_of)?;
        Ok(Self { query, for_org: optional("for_org", &for_org)?, narrow, page, mask, with_state, as_of })
    }
}

/// By which state of the logs results were found.
pub fn search_state(view: &View, results: &[pb::SearchResult], now: Timestamp) -> pb::SearchState {
    let ids: Vec<StatementId> = results.iter().filter_map(|result| result.entry.as_ref()?.id.parse().ok()).collect();
    let told =
        |known: KnownLog| pb::KnownLog { log: known.log.to_string(), size: known.size, root: known.root.to_string() };
    pb::SearchState {
        node: view.settings().origin.node.to_string(),
        answered_at: Some(timestamp(now)),
        known: view.known_behind(&ids).into_iter().map(told).collect(),
    }
}

/// Wanted values by the name of their facet.
pub fn narrowing(narrow: Vec<pb::FacetValues>) -> Result<BTreeMap<String, BTreeSet<String>>, Refusal> {
    let wanted: usize = narrow.iter().map(|facet| facet.values.len()).sum();
    if narrow.len().max(wanted) > NARROW_VALUES_MAX {
        return Err(Refusal::new(Reason::FieldInvalid).with("field", "narrow").with("at_most", NARROW_VALUES_MAX));
    }
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for pb::FacetValues { facet, values } in narrow {
        values.iter().try_for_each(|value| checked_text("narrow.values", value, 300))?;
        read.entry(facet).or_default().extend(values);
    }
    Ok(read)
}

/// One offering, named in one of two ways.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Which {
    /// Exactly this version.
    Version(StatementId),
    /// The newest version.
    Newest(OrgId, OrgId),
}

impl Which {
    /// From the id of a version.
    pub fn version(id: &str) -> Result<Self, Refusal> {
        parsed("offering_id", id).map(Self::Version)
    }

    /// From seller and name.
    pub fn newest(name: &pb::OfferingName) -> Result<Self, Refusal> {
        let pb::OfferingName { seller, name } = name;
        Ok(Self::Newest(parsed("name.seller", seller)?, parsed("name.name", name)?))
    }

    /// The version meant, as the catalogue knows it.
    pub fn resolve(&self, catalogue: &Catalogue) -> Result<StatementId, Refusal> {
        match self {
            Self::Version(id) if catalogue.version(id).is_some() => Ok(*id),
            Self::Version(id) => Err(Refusal::new(Reason::OfferingUnknown).with("id", id)),
            Self::Newest(seller, name) => catalogue
                .row(seller, name)
                .map(|row| row.id)
                .ok_or_else(|| Refusal::new(Reason::OfferingUnknown).with("seller", seller).with("name", name)),
        }
    }
}

impl TryFrom<pb::GetOfferingRequest> for Which {
    type Error = Refusal;

    fn try_from(message: pb::GetOfferingRequest) -> Result<Self, Refusal> {
        let pb::GetOfferingRequest { offering, read_mask: _ } = message;
        match required("offering", offering)? {
            pb::get_offering_request::Offering::OfferingId(id) => Self::version(&id),
            pb::get_offering_request::Offering::Name(name) => Self::newest(&name),
        }
    }
}

/// Which fields of the answer about one offering a caller wants.
pub fn offering_mask(message: &pb::GetOfferingRequest) -> Result<Mask, Refusal> {
    Mask::read(message.read_mask.clone(), "verbund.catalogue.v1.GetOfferingResponse")
}

/// A version and where it stands.
pub fn entry(view: &View, id: &StatementId, offering: &Offering) -> pb::OfferingEntry {
    let place = view.place(id);
    let (log_origin, log_index) = place.map_or((String::new(), 0), |(origin, index)| (origin.to_string(), index));
    let witnessed = place.is_some_and(|(origin, index)| view.is_witnessed(origin, index));
    let witnessed_at = view.public().catalogue.seen_at(id).map(timestamp);
    pb::OfferingEntry {
        id: id.to_string(),
        offering: Some(offering.into()),
        log_origin,
        log_index,
        witnessed,
        witnessed_at,
    }
}

/// One offering without its statement, which the store holds; and which statement that is.
pub fn offering(view: &View, which: &Which) -> Result<(StatementId, pb::GetOfferingResponse), Refusal> {
    let catalogue = view.public().catalogue;
    let id = which.resolve(catalogue)?;
    let unknown = || Refusal::new(Reason::OfferingUnknown).with("id", id);
    let offering = catalogue.version(&id).ok_or_else(unknown)?;
    let withdrawal = catalogue.orderable(&id).err();
    let reason = withdrawal.as_ref().and_then(|refusal| refusal.field("why")).unwrap_or_default().to_owned();
    let response = pb::GetOfferingResponse {
        entry: Some(entry(view, &id, offering)),
        statement: None,
        withdrawn: withdrawal.is_some(),
        withdrawal_reason: reason,
    };
    Ok((id, response))
}

impl From<&Sovereignty> for pb::Sovereignty {
    fn from(facts: &Sovereignty) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            licence: text(&facts.licence),
            repository: text(&facts.repository),
            data_location: text(&facts.data_location),
            interfaces: facts.interfaces.clone(),
            d_stack: text(&facts.d_stack),
        }
    }
}

impl From<&CatalogueReference> for pb::CatalogueReference {
    fn from(reference: &CatalogueReference) -> Self {
        Self { catalogue: reference.catalogue.clone(), entry: reference.entry.clone() }
    }
}

impl From<&Offering> for pb::Offering {
    fn from(offering: &Offering) -> Self {
        let Offering {
            name,
            version,
            seller,
            title,
            description,
            leika,
            ozg,
            leika_types,
            topic,
            lead_land,
            efa_confirmed,
            coverage,
            maturity,
            connection,
            portals,
            specialised_systems,
            requires,
            dvdv,
            sovereignty,
            references,
            price,
            not_included,
            term_years_min,
            notice_days,
            valid_from,
            valid_to,
            source,
            assumed,
        } = offering;
        Self {
            name: name.to_string(),
            version: *version,
            seller: seller.to_string(),
            title: title.clone(),
            description: description.clone(),
            leika_keys: leika.iter().map(ToString::to_string).collect(),
            ozg_id: ozg.as_ref().map(ToString::to_string).unwrap_or_default(),
            leika_types: leika_types.clone(),
            topic: topic.clone(),
            lead_land: lead_land.clone().unwrap_or_default(),
            efa_confirmed: *efa_confirmed,
            coverage: coverage.iter().map(ToString::to_string).collect(),
            maturity: maturity.map(Into::into),
            connections: connection.clone(),
            portals: portals.clone(),
            specialised_systems: specialised_systems.clone(),
            requirements: requires.iter().map(|word| word.word().to_owned()).collect(),
            dvdv_keys: dvdv.clone(),
            sovereignty: sovereignty.as_ref().map(Into::into),
            references: references.iter().map(Into::into).collect(),
            price: price.iter().map(Into::into).collect(),
            not_included: not_included.clone(),
            term_years_min: *term_years_min,
            notice_days: *notice_days,
            valid_from: valid_from.to_string(),
            valid_to: valid_to.map(|day| day.to_string()).unwrap_or_default(),
            source: source.clone(),
            assumptions: assumed.clone(),
        }
    }
}

impl From<Maturity> for pb::Maturity {
    fn from(maturity: Maturity) -> Self {
        let model = match maturity.model() {
            MaturityModel::V1_1 => "1.1",
            MaturityModel::V2_0 => "2.0",
        };
        Self { model: model.to_owned(), level: u32::from(maturity.level()) }
    }
}

impl From<&Component> for pb::PriceComponent {
    fn from(component: &Component) -> Self {
        let Component { item, due, cents, vat, tax, terms, year } = component;
        let due = match due {
            Due::Once => pb::Due::Once,
            Due::PerYear => pb::Due::PerYear,
            Due::PerUse => pb::Due::PerUse,
        };
        Self {
            item: item.word().to_owned(),
            due: due.into(),
            amount_cents: cents.get(),
            vat: vat.clone(),
            tax: tax.as_ref().map(Into::into),
            contract_year: year.unwrap_or(0),
            depends: terms.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::price::CostItem;
    use crate::protocol::explain::fixture::{Town, by_rule};

    #[test]
    fn an_offering_is_found_by_id_and_by_name_with_its_place() {
        let town = Town::new(by_rule());
        let view = View::of(&town.node, town.now);
        let by_id = Which::version(&town.offering.to_string()).expect("an id");
        let name = pb::OfferingName { seller: "provider".to_owned(), name: "wohngeld".to_owned() };
        let by_name = Which::newest(&name).expect("names");
        let (id, found) = offering(&view, &by_id).expect("known");
        assert_eq!((id, offering(&view, &by_name).expect("known")), (town.offering, (id, found.clone())));
        let entry = found.entry.expect("always set");
        assert_eq!(entry.log_origin, "test/log/kitu/1");
        assert!(entry.log_index > 0 && !found.withdrawn);
        assert_eq!(entry.offering.expect("always set").price[0].amount_cents, 120_000);
    }

    #[test]
    fn malformed_requests_name_the_field() {
        let list = |edit: fn(&mut pb::ListOfferingsRequest)| {
            let mut message = pb::ListOfferingsRequest::default();
            edit(&mut message);
            OfferingListing::try_from(message).map(|_| ()).expect_err("malformed")
        };
        let search = |query: String, for_org: &str| {
            let message = pb::SearchOfferingsRequest { query, for_org: for_org.to_owned(), ..Default::default() };
            OfferingSearch::try_from(message).map(|_| ()).expect_err("malformed")
        };
        let get =
            |offering| Which::try_from(pb::GetOfferingRequest { offering, read_mask: None }).expect_err("malformed");
        let name = pb::OfferingName { seller: "provider".to_owned(), name: String::new() };
        for (refusal, reason, field) in [
            (list(|m| m.seller = "A B".to_owned()), Reason::NameInvalid, "seller"),
            (list(|m| m.area = "99".to_owned()), Reason::ArsInvalid, "area"),
            (list(|m| m.page_size = -1), Reason::PageInvalid, "page_size"),
            (list(|m| m.page_token = "?".to_owned()), Reason::PageInvalid, "page_token"),
            (list(|m| m.topic = "x".repeat(101)), Reason::TextTooLong, "topic"),
            (list(|m| m.land = "\u{7}".to_owned()), Reason::TextHides, "land"),
            (list(|m| m.as_of = "1.10.2026".to_owned()), Reason::TimeInvalid, "as_of"),
            (list(|m| m.as_of = "2026-02-30".to_owned()), Reason::TimeInvalid, "as_of"),
            (
                list(|m| (m.as_of, m.order_by) = ("2026-11-23".to_owned(), "changed".to_owned())),
                Reason::FieldInvalid,
                "order_by",
            ),
            (search("x".repeat(201), ""), Reason::TextTooLong, "query"),
            (search(String::new(), "-"), Reason::NameInvalid, "for_org"),
            (get(None), Reason::FieldInvalid, "offering"),
            (
                get(Some(pb::get_offering_request::Offering::OfferingId("x".to_owned()))),
                Reason::DigestInvalid,
                "offering_id",
            ),
            (get(Some(pb::get_offering_request::Offering::Name(name))), Reason::NameInvalid, "name.name"),
        ] {
            assert_eq!((refusal.reason, refusal.field("field")), (reason, Some(field)), "{refusal}");
        }
    }

    #[test]
    fn price_items_are_the_words_of_the_statement() {
        for item in CostItem::ALL {
            assert_eq!(serde_json::to_value(item).expect("a word"), item.word());
        }
    }
}
