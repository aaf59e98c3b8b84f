//! `organisations.toml`: who is at home on a node, and the facts these organisations sign.
//!
//! A fact stands in the file of the organisation that signs it: a membership with the body that keeps the register,
//! facts about an organisation with that organisation. Must never mix what is known with what is assumed: every fact
//! names its source, and an assumption says that it is one.
use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use crate::config::document::Document;
use crate::domain::connection::{ConnectionProfile, ConnectionReport};
use crate::domain::fact_base::FactBase;
use crate::domain::facts::{EntityFacts, Membership};
use crate::domain::id::{OfficerName, OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::reason::Refusal;
use crate::domain::register::Area;
use crate::domain::text::{checked_label, checked_text, checked_title};
use crate::domain::time::Date;
use crate::domain::trust::OfficerRole;

/// The contents of `organisations.toml`; the key of each list is the singular, as each table stands for one.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct OrganisationsFile {
    /// The organisations at home on the node.
    #[serde(rename = "organisation")]
    pub organisations: Vec<Organisation>,
    /// Who belongs to them.
    #[serde(rename = "membership", default)]
    pub memberships: Vec<Membership>,
    /// What section 108 GWB asks about them.
    #[serde(rename = "entity", default)]
    pub entities: Vec<EntityFacts>,
    /// Their officers.
    #[serde(rename = "officer", default)]
    pub officers: Vec<Officer>,
    /// What they report about offerings tried on their portals.
    #[serde(rename = "connection_report", default)]
    pub connection_reports: Vec<ConnectionReport>,
    /// What they run.
    #[serde(rename = "connection_profile", default)]
    pub connection_profiles: Vec<ConnectionProfile>,
}

/// An organisation as the public knows it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Organisation {
    /// Its name in the federation.
    pub id: OrgId,
    /// Its full public name.
    pub name: String,
    /// Legal form in words.
    pub legal_form: String,
    /// *Amtlicher Regionalschlüssel*, 12 digits; municipalities only.
    pub ars: Option<Area>,
    /// Population; municipalities only.
    pub inhabitants: Option<Inhabitants>,
    /// Its portal, e.g. `IKISS`, where known.
    pub portal: Option<String>,
    /// Where this is from.
    pub source: String,
}

/// A population figure with its day, since prices may depend on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct Inhabitants {
    /// How many.
    pub count: u32,
    /// On which day.
    pub on: Date,
}

/// An officer's function, for which the demonstration makes a key and the organisation a grant.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Officer {
    /// The organisation.
    pub org: OrgId,
    /// The function, e.g. `einkauf`; never a personal name.
    pub name: OfficerName,
    /// What the function may do.
    pub roles: Vec<OfficerRole>,
    /// Up to which total price of an order.
    pub limit_cents: Cents,
    /// Up to which total of all orders of a year alone; absent if there is none.
    #[serde(default)]
    pub limit_per_year_cents: Option<Cents>,
    /// The device that holds the key.
    #[serde(default = "first_device")]
    pub device: OfficerName,
    /// First day of the grant.
    pub valid_from: Date,
    /// Last day of the grant.
    pub valid_to: Date,
}

/// Reads an `organisations.toml`.
pub fn read_organisations(path: &Path) -> Result<OrganisationsFile, Refusal> {
    understood(&Document::open(path)?)
}

/// Facts alone, as an organisation publishes them later on.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct FactsFile {
    /// Who belongs to it.
    #[serde(rename = "membership", default)]
    pub memberships: Vec<Membership>,
    /// What section 108 GWB asks about it.
    #[serde(rename = "entity", default)]
    pub entities: Vec<EntityFacts>,
}

/// Reads a file of facts. Whether the signer may state them, and how they fit with what is known, the node says.
pub fn read_facts(path: &Path) -> Result<FactsFile, Refusal> {
    let document = Document::open(path)?;
    let file: FactsFile = document.read()?;
    for (index, fact) in file.memberships.iter().enumerate() {
        let at = format!("membership.{index}");
        check_source(&document, &at, &fact.source)?;
        document.checked(&at, fact.check())?;
    }
    for (index, fact) in file.entities.iter().enumerate() {
        let at = format!("entity.{index}");
        check_source(&document, &at, &fact.source)?;
        document.checked(&at, fact.check())?;
    }
    if file.memberships.is_empty() && file.entities.is_empty() {
        return Err(document.invalid("membership", "no [[membership]] and no [[entity]] is in this file"));
    }
    Ok(file)
}

fn understood(document: &Document) -> Result<OrganisationsFile, Refusal> {
    let file: OrganisationsFile = document.read()?;
    let mut home = BTreeSet::new();
    for (index, organisation) in file.organisations.iter().enumerate() {
        let at = format!("organisation.{index}");
        if !home.insert(&organisation.id) {
            return Err(document.invalid(&format!("{at}.id"), format!("{} is listed twice", organisation.id)));
        }
        check_organisation(document, &at, organisation)?;
    }
    check_facts(document, &file, &home)?;
    check_officers(document, &file.officers, &home)
        .and_then(|()| check_reports(document, &file.connection_reports, &home))
        .and_then(|()| check_profiles(document, &file.connection_profiles, &home))?;
    Ok(file)
}

fn check_organisation(document: &Document, at: &str, organisation: &Organisation) -> Result<(), Refusal> {
    document.checked(at, checked_title("name", &organisation.name, 200))?;
    document.checked(at, checked_label("legal_form", &organisation.legal_form, 100))?;
    document.checked(at, organisation.portal.iter().try_for_each(|portal| checked_title("portal", portal, 100)))?;
    check_source(document, at, &organisation.source)?;
    match &organisation.ars {
        Some(ars) if ars.as_str().len() != 12 => Err(document.invalid(&format!("{at}.ars"), "12 digits")),
        _ => Ok(()),
    }
}

fn check_facts(document: &Document, file: &OrganisationsFile, home: &BTreeSet<&OrgId>) -> Result<(), Refusal> {
    let mut known = FactBase::default();
    for (index, fact) in file.memberships.iter().enumerate() {
        let at = format!("membership.{index}");
        check_home(document, &format!("{at}.of"), &fact.of, home)?;
        check_source(document, &at, &fact.source)?;
        document.checked(&at, fact.check())?;
        if fact.corrects.is_none() {
            document.checked(&at, known.check_new(fact))?;
        }
        // Any id will do: it is the ids of signed statements that corrections name.
        known.insert_membership(StatementId::of(at.as_bytes()), fact.clone());
    }
    for (index, fact) in file.entities.iter().enumerate() {
        let at = format!("entity.{index}");
        check_home(document, &format!("{at}.org"), &fact.org, home)?;
        check_source(document, &at, &fact.source)?;
        document.checked(&at, fact.check())?;
    }
    Ok(())
}

fn check_officers(document: &Document, officers: &[Officer], home: &BTreeSet<&OrgId>) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for (index, officer) in officers.iter().enumerate() {
        let at = format!("officer.{index}");
        check_home(document, &format!("{at}.org"), &officer.org, home)?;
        if !seen.insert((&officer.org, &officer.name)) {
            return Err(document.invalid(&format!("{at}.name"), format!("{} is listed twice", officer.name)));
        }
        let roles: BTreeSet<OfficerRole> = officer.roles.iter().copied().collect();
        if roles.is_empty() || roles.len() != officer.roles.len() {
            return Err(document.invalid(&format!("{at}.roles"), "one role or more, each once"));
        }
        if officer.valid_to < officer.valid_from {
            return Err(document.invalid(&format!("{at}.valid_to"), "lies before valid_from"));
        }
    }
    Ok(())
}

fn check_reports(document: &Document, reports: &[ConnectionReport], home: &BTreeSet<&OrgId>) -> Result<(), Refusal> {
    for (index, report) in reports.iter().enumerate() {
        let at = format!("connection_report.{index}");
        check_home(document, &format!("{at}.municipality"), &report.municipality, home)?;
        document.checked(&at, report.check())?;
        check_source(document, &at, &report.source)?;
    }
    Ok(())
}

fn check_profiles(
    document: &Document,
    profiles: &[ConnectionProfile],
    home: &BTreeSet<&OrgId>,
) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for (index, profile) in profiles.iter().enumerate() {
        let at = format!("connection_profile.{index}");
        check_home(document, &format!("{at}.municipality"), &profile.municipality, home)?;
        document.checked(&at, profile.check())?;
        check_source(document, &at, &profile.source)?;
        if !seen.insert(&profile.municipality) {
            return Err(document.invalid(&at, format!("{} has two profiles", profile.municipality)));
        }
    }
    Ok(())
}

/// Whoever signs a fact must be at home on this node, whose operator keeps the file.
fn check_home(document: &Document, at: &str, org: &OrgId, home: &BTreeSet<&OrgId>) -> Result<(), Refusal> {
    if home.contains(org) { Ok(()) } else { Err(document.invalid(at, format!("{org} is not listed in this file"))) }
}

fn check_source(document: &Document, at: &str, source: &str) -> Result<(), Refusal> {
    if source.trim().is_empty() {
        return Err(document.invalid(&format!("{at}.source"), "is empty"));
    }
    document.checked(at, checked_text("source", source, 500))
}

/// An officer with one device need not name it.
fn first_device() -> OfficerName {
    "arbeitsplatz".parse().expect("a good name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document::tests::refused;
    use crate::domain::reason::Reason;

    const GOOD: &str = r#"[[organisation]]
id = "kitu"
name = "KITU"
legal_form = "eG"
source = "a"

[[organisation]]
id = "barleben"
name = "Barleben"
legal_form = "Gemeinde"
ars = "150830040040"
inhabitants = { count = 9137, on = "2024-12-31" }
source = "b"

[[membership]]
member = "barleben"
of = "kitu"
relation = "cooperative-member"
valid_from = "2009-12-22"
known_from = "2009-12-22"
source = "c"

[[entity]]
org = "kitu"
legal_form = "eG"
contracting_authority = 2
valid_from = "2022-01-01"
known_from = "2022-01-01"
source = "d"

[[officer]]
org = "barleben"
name = "einkauf"
roles = ["buyer"]
limit_cents = 100
valid_from = "2022-01-01"
valid_to = "2030-12-31"

[[connection_report]]
municipality = "barleben"
portal = "IKISS"
result = "e"
reported_on = "2022-03-31"
source = "f"
"#;

    #[test]
    fn organisations_are_checked() {
        understood(&Document::of(Path::new("o.toml"), GOOD.to_owned())).expect("good");
        for (part, instead, reason, line) in [
            ("id = \"barleben\"", "id = \"kitu\"", Reason::ConfigInvalid, 8),
            ("\"150830040040\"", "\"15083\"", Reason::ConfigInvalid, 11),
            ("on = \"2024", "in = \"2024", Reason::ConfigUnknownKey, 12),
            ("source = \"b\"", "source = \" \"", Reason::ConfigInvalid, 13),
            ("member = \"barleben\"", "member = \"kitu\"", Reason::ConfigInvalid, 16),
            ("of = \"kitu\"", "of = \"kid\"", Reason::ConfigInvalid, 17),
            ("cooperative-member", "Mitglied", Reason::ConfigInvalid, 18),
            ("source = \"c\"\n", "", Reason::ConfigInvalid, 15),
            ("source = \"c\"", "sole = 1\nsource = \"c\"", Reason::ConfigInvalid, 21),
            ("contracting_authority = 2", "contracting_authority = 4", Reason::ConfigInvalid, 26),
            ("org = \"kitu\"", "org = \"kid\"", Reason::ConfigInvalid, 24),
            ("[\"buyer\"]", "[]", Reason::ConfigInvalid, 34),
            ("2030-12-31", "2021-12-31", Reason::ConfigInvalid, 37),
            ("portal = \"IKISS\"", "portals = \"IKISS\"", Reason::ConfigUnknownKey, 41),
            ("municipality = \"barleben\"", "municipality = \"halberstadt\"", Reason::ConfigInvalid, 40),
        ] {
            assert!(GOOD.contains(part), "{part}");
            let document = Document::of(Path::new("o.toml"), GOOD.replace(part, instead));
            refused(understood(&document), reason, &format!("o.toml:{line}"));
        }
    }
}
