//! `verbund offering watch`: what changes on offer.
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::feed::{Following, News, Said, follow};
use crate::cli::output::Output;
use crate::domain::id::OrgId;
use crate::domain::reason::Refusal;
use crate::wire::pb::catalogue::v1 as catalogue;

/// Offerings as they change.
pub async fn offerings(
    client: &mut Client,
    out: Output,
    following: Following,
    seller: Option<OrgId>,
) -> Result<(), Refusal> {
    let seller = seller.as_ref().map(ToString::to_string).unwrap_or_default();
    let until_now = following.until_now;
    let call = async |resume_token: String| {
        let request = catalogue::WatchOfferingsRequest { resume_token, seller: seller.clone(), until_now };
        client.watch_offerings(request).await
    };
    let read = |message: catalogue::WatchOfferingsResponse| {
        use catalogue::watch_offerings_response::Said as Wire;
        let said = match message.said? {
            Wire::Change(change) => {
                let (value, text) = offering(&change, &message.resume_token, out);
                Said::Event(value, text)
            }
            Wire::End(end) => Said::End(end),
        };
        Some(News { token: message.resume_token, said })
    };
    follow(out, following.since, call, read).await
}

fn offering(change: &catalogue::OfferingChange, token: &str, out: Output) -> (Value, String) {
    let name = change.name.clone().unwrap_or_default();
    let entry = change.entry.clone().unwrap_or_default();
    let newest = entry.offering.unwrap_or_default();
    let value = json!({
        "offering": format!("{}/{}", name.seller, name.name), "standing": change.standing().as_str_name(),
        "version": newest.version, "versions": change.versions, "title": newest.title, "id": entry.id,
        "resume_token": token,
    });
    let standing = match change.standing() {
        catalogue::OfferingStanding::OnOffer if change.versions > 1 => out.say("neue Fassung", "new version"),
        catalogue::OfferingStanding::OnOffer => out.say("veröffentlicht", "published"),
        catalogue::OfferingStanding::Withdrawn => out.say("zurückgezogen", "withdrawn"),
        catalogue::OfferingStanding::Suspended => out.say("ausgesetzt", "suspended"),
        catalogue::OfferingStanding::Gone => out.say("ungültig", "gone"),
        catalogue::OfferingStanding::Unspecified => out.say("unbekannt", "unknown"),
    };
    (value, format!("{standing:<14}  {}/{}  {}", name.seller, name.name, newest.title))
}
