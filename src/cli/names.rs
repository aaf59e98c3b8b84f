//! What people call things: an offering in whatever spelling, an organisation with a slip in its name, an amount or a day as it
//! is written in German.
use crate::cli::client::Client;
use crate::cli::ids;
use crate::domain::id::{OrgId, StatementId, shortened};
use crate::domain::money::Cents;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Kind;
use crate::domain::time::{Date, typed_day};
use crate::search::text::{folded, words};
use crate::wire::pb::catalogue::v1::{GetOfferingResponse, OfferingEntry};

/// How many names are suggested.
const SUGGESTED: usize = 3;

/// How alike a name must be to be suggested, from 0 to 1 (Jaro-Winkler): a slip or two in a short name.
const ALIKE: f64 = 0.85;

/// The offering that is called that: by id or its beginning, by SELLER/NAME, by name or title. `OFFERING_AMBIGUOUS` if several
/// are; `OFFERING_UNKNOWN` with the nearest (`like`) if none is.
pub async fn offering(client: &mut Client, called: &str) -> Result<GetOfferingResponse, Refusal> {
    let called = called.trim();
    let lower = called.to_lowercase();
    if lower.contains('/') || lower.parse::<StatementId>().is_ok() {
        return match client.get_offering(&lower).await {
            Err(refusal) if is_unknown(&refusal) => {
                Err(with_nearest(client, refusal, lower.rsplit('/').next().unwrap_or_default()).await)
            }
            other => other,
        };
    }
    let found = entries(client, called).await?;
    let named: Vec<&OfferingEntry> = found.iter().filter(|entry| is_called(entry, &lower)).collect();
    let (mut ids, more) = match lower.parse() {
        Ok(prefix) => ids::of_kind(client, Some(&Kind::Offering), &prefix).await?,
        Err(_) => (Vec::new(), false),
    };
    ids.retain(|id| named.iter().all(|entry| entry.id != *id));
    match (&named[..], &ids[..]) {
        ([], []) if !more => {
            Err(with_nearest(client, Refusal::new(Reason::OfferingUnknown).with("name", shortened(called)), called)
                .await)
        }
        ([only], []) => client.get_offering(&only.id).await,
        ([], [only]) if !more => client.get_offering(only).await,
        _ => {
            let names = named.iter().take(SUGGESTED).filter_map(|entry| name_of(entry));
            let like = names.chain(ids::told_apart(&ids)).collect::<Vec<_>>().join(", ");
            Err(Refusal::new(Reason::OfferingAmbiguous).with("name", shortened(called)).with("like", like))
        }
    }
}

/// The id of the offering that is called that.
pub async fn offering_id(client: &mut Client, called: &str) -> Result<String, Refusal> {
    Ok(offering(client, called).await?.entry.unwrap_or_default().id)
}

fn is_unknown(refusal: &Refusal) -> bool {
    // A name that cannot be one is unknown too.
    matches!(refusal.reason, Reason::OfferingUnknown | Reason::NameInvalid)
}

fn name_of(entry: &OfferingEntry) -> Option<String> {
    entry.offering.as_ref().map(|offering| format!("{}/{}", offering.seller, offering.name))
}

fn is_called(entry: &OfferingEntry, lower: &str) -> bool {
    let Some(offering) = &entry.offering else { return false };
    let plain = |text: &str| words(text).iter().map(|word| word.folded.clone()).collect::<Vec<_>>();
    folded(&offering.name) == folded(lower)
        || plain(&offering.title) == plain(lower)
        || plain(&offering.name) == plain(lower)
}

async fn entries(client: &mut Client, called: &str) -> Result<Vec<OfferingEntry>, Refusal> {
    let found = client.search(called, None).await?;
    Ok(found.results.into_iter().filter_map(|result| result.entry).collect())
}

/// What the search finds for the words stands beside the refusal.
async fn with_nearest(client: &mut Client, refusal: Refusal, called: &str) -> Refusal {
    let Ok(found) = client.search(called, None).await else { return refusal };
    // What has other words only is no suggestion.
    let is_near = found.has_all_words || !found.did_you_mean.is_empty();
    let entries = found.results.iter().filter(|_| is_near).filter_map(|result| result.entry.as_ref());
    let names: Vec<String> = entries.filter_map(name_of).take(SUGGESTED).collect();
    if names.is_empty() { refusal } else { refusal.with("like", names.join(", ")) }
}

/// The refusal of an unknown organisation with the names it may have meant (`like`); any other as it is.
pub async fn taught(client: Option<Client>, refusal: Refusal) -> Refusal {
    let (Some(mut client), true) = (client, refusal.reason == Reason::OrgUnknown) else { return refusal };
    let Some(asked) = refusal.field("org").or(refusal.field("for_org")).map(ToOwned::to_owned) else {
        return refusal;
    };
    let Ok(known) = client.trust(None).await else { return refusal };
    let names: Vec<(String, String)> = known.organisations.into_iter().map(|org| (org.id, org.name)).collect();
    let like = nearest(&asked, &names);
    if like.is_empty() { refusal } else { refusal.with("like", like.join(", ")) }
}

/// The ids among these organisations that are most like a name, the likest first.
fn nearest(asked: &str, known: &[(String, String)]) -> Vec<String> {
    let asked = asked.to_lowercase();
    let likeness = |text: &str| strsim::jaro_winkler(&asked, &text.to_lowercase());
    let mut like: Vec<(f64, &String)> =
        known.iter().map(|(id, name)| (likeness(id).max(likeness(name)), id)).collect();
    like.retain(|(likeness, _)| *likeness >= ALIKE);
    like.sort_by(|(one, a), (other, b)| other.total_cmp(one).then_with(|| a.cmp(b)));
    like.into_iter().take(SUGGESTED).map(|(_, id)| id.clone()).collect()
}

/// Refuses with `ORG_UNKNOWN` unless the federation knows the organisation.
pub async fn check_org(client: &mut Client, org: &OrgId) -> Result<(), Refusal> {
    let known = client.trust(None).await?.organisations.iter().any(|known| known.id == org.as_str());
    if known { Ok(()) } else { Err(Refusal::new(Reason::OrgUnknown).with("org", org)) }
}

/// An amount in euros as people write it: `30000`, `30.000`, `30.000,50 €`. A point parts thousands, a comma cents.
pub fn euros(text: &str) -> Result<Cents, String> {
    let refuse = || {
        format!(
            "„{}“ ist kein Betrag in Euro; so schreiben: 30000 oder 30.000,50 (Punkt für Tausender, Komma für Cent)",
            shortened(text)
        )
    };
    let plain: String = text.replace("EUR", "").chars().filter(|c| !c.is_whitespace() && *c != '€').collect();
    let (whole, cents) = plain.split_once(',').unwrap_or((&plain, "00"));
    let mut groups = whole.split('.');
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_grouped =
        rest.is_empty() || first.len() <= 3 && rest.iter().all(|group| group.len() == 3 && are_digits(group));
    if !are_digits(first) || !is_grouped || !are_digits(cents) || cents.len() > 2 {
        return Err(refuse());
    }
    let digits = format!("{first}{}{cents:0<2}", rest.concat());
    digits.parse::<i64>().ok().and_then(|cents| Cents::try_from(cents).ok()).ok_or_else(refuse)
}

/// A day as programs or as people write it: `2027-03-31` or `31.3.2027`.
pub fn day(text: &str) -> Result<Date, Refusal> {
    typed_day(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them_and_never_guessed() {
        for (text, cents) in [
            ("30000", 3_000_000),
            ("30.000", 3_000_000),
            ("30.000,50 €", 3_000_050),
            ("1.234.567,8", 123_456_780),
            ("0", 0),
            ("12,05 EUR", 1_205),
        ] {
            assert_eq!(euros(text).map(Cents::get), Ok(cents), "{text}");
        }
        for text in
            ["", "€", "30.00", "30,000", "3.0000", "30.000.00", "-5", "1e3", "0x10", "30.000,", "99999999999999", "٣"]
        {
            let refusal = euros(text).expect_err(text);
            assert!(refusal.contains("Komma"), "{refusal}");
        }
    }

    #[test]
    fn days_are_read_in_both_ways() {
        for text in ["2027-03-01", "01.03.2027", "1.3.2027"] {
            assert_eq!(day(text).map(|day| day.to_string()), Ok("2027-03-01".to_owned()), "{text}");
        }
        for text in ["31.02.2027", "1.3.27", "03/01/2027", "1.3.2027.", "", "2027-3-1"] {
            assert_eq!(day(text).expect_err(text).reason, Reason::TimeInvalid, "{text}");
        }
    }

    #[test]
    fn a_slip_in_a_name_finds_the_organisation_and_nothing_far_off_is_suggested() {
        let known: Vec<(String, String)> =
            [("barleben", "Gemeinde Barleben"), ("kitu", "KITU"), ("dataport", "Dataport AöR")]
                .map(|(id, name)| (id.to_owned(), name.to_owned()))
                .into();
        assert_eq!(nearest("barlebn", &known), ["barleben"]);
        assert_eq!(nearest("Datenport", &known), ["dataport"]);
        assert_eq!(nearest("ministerium", &known), Vec::<String>::new());
    }
}
