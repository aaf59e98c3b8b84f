//! What is on offer, page by page: in the order in which it is kept, so that a page costs what it shows.
use crate::domain::id::OrgId;
use crate::domain::offering::Offering;
use crate::domain::register::Area;
use crate::domain::time::Timestamp;
use crate::protocol::catalogue::OfferingVersion;
use crate::view::View;

/// What an offering must be to be listed; what is absent does not matter.
#[derive(Clone, Default, Debug)]
pub struct Filter {
    /// *Themenfeld*, upper and lower case alike.
    pub topic: Option<String>,
    /// Developing Land.
    pub land: Option<String>,
    /// Seller.
    pub seller: Option<OrgId>,
    /// A place where it may be used.
    pub area: Option<Area>,
}

impl Filter {
    /// Whether an offering fits.
    pub fn admits(&self, offering: &Offering) -> bool {
        let same = |wanted: &str, found: &str| wanted.to_lowercase() == found.to_lowercase();
        let land = offering.lead_land.as_deref().unwrap_or_default();
        self.topic.as_ref().is_none_or(|topic| same(topic, &offering.topic))
            && self.land.as_ref().is_none_or(|wanted| same(wanted, land))
            && self.seller.as_ref().is_none_or(|seller| *seller == offering.seller)
            && self.area.as_ref().is_none_or(|area| offering.covers(area))
    }

    /// After what to begin, where that is after `last`.
    fn begins(&self, last: Option<&(OrgId, OrgId)>) -> Option<(OrgId, OrgId)> {
        let first = self.seller.as_ref().map(|seller| (seller.clone(), OrgId::lowest()));
        // Nothing is called by the lowest name, so that whatever comes after it is everything of that seller.
        last.max(first.as_ref()).cloned()
    }

    /// What of rows by seller and name fits.
    fn cut<'a>(
        &'a self,
        rows: impl Iterator<Item = &'a OfferingVersion>,
    ) -> impl Iterator<Item = &'a OfferingVersion> {
        let is_sought = |row: &&OfferingVersion| self.seller.as_ref().is_none_or(|of| *of == row.offering.seller);
        rows.take_while(is_sought).filter(|row| self.admits(&row.offering))
    }

    fn admits_all(&self) -> bool {
        let Self { topic, land, seller, area } = self;
        topic.is_none() && land.is_none() && seller.is_none() && area.is_none()
    }
}

impl View {
    /// What is on offer and fits, after one of them, by seller and name. Of one seller only its own are looked at.
    pub fn offerings<'a>(
        &'a self,
        filter: &'a Filter,
        last: Option<&(OrgId, OrgId)>,
    ) -> impl Iterator<Item = &'a OfferingVersion> + use<'a> {
        let last = filter.begins(last);
        filter.cut(self.catalogue.on_offer_after(last.as_ref()))
    }

    /// The same as it was on offer at a time, by what witnesses had seen by then.
    pub fn offerings_at<'a>(
        &'a self,
        until: Timestamp,
        filter: &'a Filter,
        last: Option<&(OrgId, OrgId)>,
    ) -> impl Iterator<Item = &'a OfferingVersion> + use<'a> {
        let last = filter.begins(last);
        filter.cut(self.catalogue.on_offer_at(until, last.as_ref()))
    }

    /// What is on offer and fits, as it changed here after a position, or before it the newest first; each with its position.
    pub fn offerings_changed<'a>(
        &'a self,
        filter: &'a Filter,
        last: Option<u64>,
        newest_first: bool,
    ) -> impl Iterator<Item = (u64, &'a OfferingVersion)> + 'a {
        let rows: Box<dyn Iterator<Item = (u64, &(OrgId, OrgId))>> = match newest_first {
            true => Box::new(self.catalogue.changes_before(last.unwrap_or(u64::MAX))),
            false => Box::new(self.catalogue.changes_after(last.unwrap_or(0))),
        };
        let offered = rows.filter_map(|(at, key)| Some((at, self.catalogue.offered(key)?)));
        offered.filter(|(_, row)| filter.admits(&row.offering))
    }

    /// How many offerings fit. With filters each is looked at, on the reader's thread.
    pub fn offering_count(&self, filter: &Filter) -> usize {
        match filter.admits_all() {
            true => self.catalogue.offered_count(),
            false => self.offerings(filter, None).count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::explain::fixture::offering;

    #[test]
    fn filters_are_joined_by_and() {
        let one = offering();
        let topic = |topic: &str| Filter { topic: Some(topic.to_owned()), ..Filter::default() };
        assert!(Filter::default().admits(&one));
        assert!(topic("bauen & wohnen").admits(&one));
        assert!(!topic("Steuern").admits(&one));
        let here = Filter { area: Some("150830040040".parse().expect("an area")), ..topic("Bauen & Wohnen") };
        assert!(here.admits(&one));
        assert!(!Filter { land: Some("ST".to_owned()), ..here.clone() }.admits(&one));
        assert!(!Filter { seller: Some("kitu".parse().expect("a name")), ..here }.admits(&one));
    }
}
