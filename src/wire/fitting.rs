//! Pre-sorting and demand on the wire.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::annex::QUERY_CHARS_MAX;
use crate::domain::connection::ConnectionProfile;
use crate::domain::fit::FactorKind;
use crate::domain::id::{OrgId, StatementId};
use crate::domain::reason::{Lang, Refusal};
use crate::domain::text::{checked_text, tamed};
use crate::domain::time::Date;
use crate::view::View;
use crate::view::demand::Demand;
use crate::view::fitting::{Ranked, Ranking};
use crate::wire::catalogue::{entry, narrowing};
use crate::wire::page::{Page, encoded_bytes};
use crate::wire::pb::catalogue::v1 as pb;
use crate::wire::{optional, parsed};

/// For whom to rank what.
#[derive(Clone, Debug)]
pub struct RankWish {
    /// The municipality.
    pub for_org: OrgId,
    /// The words.
    pub query: String,
    /// Wanted values by the name of their facet.
    pub narrow: BTreeMap<String, BTreeSet<String>>,
    /// Which page.
    pub page: Page,
}

impl TryFrom<pb::RankOfferingsRequest> for RankWish {
    type Error = Refusal;

    fn try_from(message: pb::RankOfferingsRequest) -> Result<Self, Refusal> {
        let pb::RankOfferingsRequest { for_org, query, narrow, page_size, page_token } = message;
        let query = tamed(&query, QUERY_CHARS_MAX + 1);
        checked_text("query", &query, QUERY_CHARS_MAX)?;
        let narrow = narrowing(narrow)?;
        let page = Page::read(page_size, &page_token, &[&query, &for_org, &format!("{narrow:?}")])?;
        Ok(Self { for_org: parsed("for_org", &for_org)?, query, narrow, page })
    }
}

/// One page of a ranking in words.
pub fn ranking(view: &View, wish: &RankWish, found: &Ranking<'_>, lang: Lang) -> pb::RankOfferingsResponse {
    let rows = found.rows.iter().map(|row| (row.place.to_text(), ranked(view, row, lang)));
    let (rows, next_page_token) = wish.page.begin(rows, |(place, _)| place.clone(), |(_, row)| encoded_bytes(row));
    let weight = |kind: FactorKind| pb::FactorWeight {
        factor: kind.word().to_owned(),
        most: kind.most(),
        text: kind.text(lang).to_owned(),
    };
    pb::RankOfferingsResponse {
        offerings: rows.into_iter().map(|(_, row)| row).collect(),
        next_page_token,
        total_size: counted(found.total),
        outside: counted(found.outside),
        weights: FactorKind::ALL.into_iter().map(weight).collect(),
        profile: found.profile.map(|(id, known)| profile(&id, known)),
    }
}

fn ranked(view: &View, row: &Ranked<'_>, lang: Lang) -> pb::RankedOffering {
    let factors = row.factors.iter().map(|factor| pb::Factor {
        factor: factor.kind.word().to_owned(),
        points: factor.points,
        reason: factor.text(lang),
    });
    let gaps = row.gaps.iter().map(|gap| pb::Gap { gap: gap.word().to_owned(), text: gap.text(lang).to_owned() });
    pb::RankedOffering {
        entry: Some(entry(view, &row.row.id, &row.row.offering)),
        points: row.factors.iter().map(|factor| factor.points).sum(),
        way: row.way.word().to_owned(),
        total_cents: row.total.map(|cents| cents.get()),
        yearly_cents: row.yearly().map(|cents| cents.get()),
        factors: factors.collect(),
        gaps: gaps.collect(),
    }
}

/// What a municipality runs.
pub fn profile(id: &StatementId, profile: &ConnectionProfile) -> pb::ConnectionProfile {
    let ConnectionProfile {
        municipality,
        version,
        portals,
        specialised_systems,
        connection,
        provides,
        bus,
        source,
        assumed,
    } = profile;
    pb::ConnectionProfile {
        statement_id: id.to_string(),
        municipality: municipality.to_string(),
        version: *version,
        portals: portals.clone(),
        specialised_systems: specialised_systems.clone(),
        connections: connection.clone(),
        provides: provides.iter().map(|word| word.word().to_owned()).collect(),
        bus: *bus,
        source: source.clone(),
        assumptions: assumed.clone(),
    }
}

/// A municipality's newest profile.
pub fn profile_of(
    view: &View,
    message: &pb::GetConnectionProfileRequest,
) -> Result<pb::GetConnectionProfileResponse, Refusal> {
    let municipality: OrgId = parsed("municipality", &message.municipality)?;
    view.public().registry.home(&municipality)?;
    let known = view.public().catalogue.connections.profile(&municipality);
    Ok(pb::GetConnectionProfileResponse { profile: known.map(|(id, known)| profile(&id, known)) })
}

/// Whose demand, and which page.
#[derive(Clone, Debug)]
pub struct DemandListing {
    through: Option<OrgId>,
    page: Page,
}

impl TryFrom<pb::ListDemandRequest> for DemandListing {
    type Error = Refusal;

    fn try_from(message: pb::ListDemandRequest) -> Result<Self, Refusal> {
        let pb::ListDemandRequest { through, page_size, page_token } = message;
        Ok(Self { page: Page::read(page_size, &page_token, &[&through])?, through: optional("through", &through)? })
    }
}

/// One page of demand.
pub fn demand(view: &View, listing: &DemandListing, today: Date) -> pb::ListDemandResponse {
    let all = view.demand(listing.through.as_ref(), today);
    let place = |demand: &Demand<'_>| {
        format!(
            "{:08}{:012}{}",
            u32::MAX as usize - demand.municipalities.len(),
            u64::MAX - demand.inhabitants,
            demand.service
        )
    };
    let after = listing.page.after();
    let rest = all.into_iter().filter(|demand| after.is_none_or(|after| place(demand).as_str() > after));
    let (rows, next_page_token) = listing.page.begin(rest, place, |demand| encoded_bytes(&service(demand)));
    pb::ListDemandResponse { services: rows.iter().map(service).collect(), next_page_token }
}

fn service(demand: &Demand<'_>) -> pb::ServiceDemand {
    pb::ServiceDemand {
        leika_key: demand.service.to_string(),
        municipalities: demand.municipalities.iter().map(ToString::to_string).collect(),
        inhabitants: demand.inhabitants,
        offerings: demand.offerings.iter().map(|(seller, name)| format!("{seller}/{name}")).collect(),
        first_until: demand.first_until.to_string(),
    }
}

fn counted(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
