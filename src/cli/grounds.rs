//! What goes into a request for the record: the officer's words, and the other offerings of the same services as the
//! node shows them. Must never keep an offering from being ordered.
use std::collections::BTreeSet;

use crate::cli::client::Client;
use crate::cli::ids;
use crate::cli::options::PriceNeeds;
use crate::domain::annex::Texts;
use crate::domain::grounds::{ALTERNATIVES_MAX, Grounds, OtherOffering};
use crate::domain::id::{OrgId, ShortId};
use crate::domain::money::Cents;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Kind;
use crate::domain::time::Date;
use crate::wire::pb::catalogue::v1::OfferingEntry;
use crate::wire::pb::chain::v1::FindRoutesResponse;

/// Most services of an offering whose other offerings are looked for: offerings bundle a handful.
const SERVICES_MAX: usize = 5;

/// What the officer says for the record.
#[derive(clap::Args, Clone, Default)]
pub struct ForRecord {
    /// Für den Vergabevermerk: Kennung des veröffentlichten Bedarfs (`verbund need publish`)
    #[arg(long, value_name = "KENNUNG")]
    pub need: Option<ShortId>,
    /// Für den Vergabevermerk: wofür die Leistung gebraucht wird
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub purpose: String,
    /// Für den Vergabevermerk: warum dieses Angebot und dieser Weg
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub choice: String,
}

/// The officer's words together with what else is on offer.
pub async fn gather(
    client: &mut Client,
    buyer: &OrgId,
    offering: &str,
    (needs, as_of): (PriceNeeds, Option<Date>),
    ForRecord { need, purpose, choice }: ForRecord,
) -> Result<(Grounds, Texts), Refusal> {
    let need = match need {
        Some(called) => Some(ids::statement(client, Some(&Kind::Need), &called).await?),
        None => None,
    };
    let mut alternatives = Vec::new();
    for entry in others(client, buyer, offering).await? {
        let title = entry.offering.as_ref().map(|offering| offering.title.clone()).unwrap_or_default();
        let seller: OrgId = entry.offering.map(|offering| offering.seller).unwrap_or_default().parse()?;
        let (against, total) = match client.routes(buyer, &entry.id, needs, (as_of, None)).await {
            Ok(found) => weighed(&found)?,
            // The buyer's own offering needs no route to itself.
            Err(refusal) if refusal.reason == Reason::RouteInvalid => (Some(refusal.reason.code().to_owned()), None),
            Err(refusal) => return Err(refusal),
        };
        alternatives.push(OtherOffering { offering: entry.id.parse()?, seller, title, against, total });
    }
    let words = Texts { purpose, choice, ..Texts::default() };
    Ok((Grounds { need, searched: true, alternatives }, words))
}

/// Other offerings of the same services, by their keys; those that cover the buyer's area first.
async fn others(client: &mut Client, buyer: &OrgId, offering: &str) -> Result<Vec<OfferingEntry>, Refusal> {
    let chosen = client.get_offering(offering).await?.entry.unwrap_or_default();
    let services = chosen.offering.map(|offering| offering.leika_keys).unwrap_or_default();
    let (mut seen, mut found) = (BTreeSet::from([chosen.id]), Vec::new());
    for service in services.iter().take(SERVICES_MAX) {
        let results = client.search(service, Some(buyer)).await?.results;
        let same = results
            .into_iter()
            .filter_map(|result| result.entry)
            .filter(|entry| entry.offering.as_ref().is_some_and(|offering| offering.leika_keys.contains(service)));
        found.extend(same.filter(|entry| seen.insert(entry.id.clone())));
    }
    found.truncate(ALTERNATIVES_MAX);
    Ok(found)
}

/// What stands against an offering, and what it costs along its best route.
fn weighed(found: &FindRoutesResponse) -> Result<(Option<String>, Option<Cents>), Refusal> {
    let best = found.routes.iter().find(|route| route.orderable).or(found.routes.first());
    let obstacle = found.offering_obstacles.first().or_else(|| best.and_then(|route| route.obstacles.first()));
    let none = best.is_none().then_some(Reason::NoRoute.code().to_owned());
    let total = best.and_then(|route| route.total_cents).map(Cents::try_from).transpose()?;
    Ok((obstacle.map(|obstacle| obstacle.reason.clone()).or(none), total))
}
