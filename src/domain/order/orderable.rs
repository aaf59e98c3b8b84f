//! Whether an offering may be ordered as a request asks: sold by the route's provider, valid, long enough, covering the
//! buyer. The door of the buyer's node, every provider and the auditor ask the same.
use crate::domain::offering::Offering;
use crate::domain::order::Request;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::Area;
use crate::domain::time::Date;

/// It is on offer that day.
pub fn check_day(offering: &Offering, day: Date) -> Result<(), Refusal> {
    if offering.is_valid_on(day) {
        return Ok(());
    }
    Err(Refusal::new(Reason::OfferingExpired).with("offering", &offering.name).with("day", day))
}

/// It covers the buyer's area, if the buyer has one.
pub fn check_area(offering: &Offering, area: Option<&Area>) -> Result<(), Refusal> {
    match area.filter(|area| !offering.covers(area)) {
        Some(area) => {
            Err(Refusal::new(Reason::OfferingNotCovering).with("area", area).with("offering", &offering.name))
        }
        None => Ok(()),
    }
}

/// Everything that speaks against it on a day. `area` is the buyer's, if it has one.
pub fn objections(request: &Request, offering: &Offering, area: Option<&Area>, day: Date) -> Vec<Refusal> {
    let mut against = Vec::new();
    if offering.seller != *request.route.provider() {
        against.push(Refusal::new(Reason::RouteInvalid).with("provider", &offering.seller));
    }
    against.extend(check_day(offering, day).err());
    against.extend(offering.check_term(request.term_years).err());
    against.extend(check_area(offering, area).err());
    against
}
