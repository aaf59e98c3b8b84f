//! What of an offering is indexed.
use std::collections::BTreeMap;

use crate::domain::id::StatementId;
use crate::domain::offering::Offering;
use crate::domain::register::LeikaKey;
use crate::search::facets::facets_of;
use crate::search::index::{Entry, Field};

/// What registers say about services: names and search words by LeiKa key. Empty where no register was read.
#[derive(Clone, Default, Debug)]
pub struct Register {
    /// By key.
    pub services: BTreeMap<LeikaKey, Service>,
}

/// A service of a register.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Service {
    /// What it is called; one key may have several names.
    pub names: Vec<String>,
    /// Synonyms and search words.
    pub synonyms: Vec<String>,
}

/// The entry of an offering.
pub fn entry_of(id: StatementId, offering: &Offering, register: &Register) -> Entry {
    let keys = offering.leika.iter().map(|key| key.as_str()).chain(offering.ozg.iter().map(|ozg| ozg.as_str()));
    let labels = [std::slice::from_ref(&offering.topic), &offering.portals, &offering.specialised_systems];
    let services = offering.leika.iter().filter_map(|key| register.services.get(key));
    let registered = services.flat_map(|service| {
        let names = service.names.iter().map(|name| (Field::Register, name.clone()));
        names.chain(service.synonyms.iter().map(|word| (Field::Synonym, word.clone())))
    });
    let texts = keys.map(|key| (Field::Key, key.to_owned()));
    let texts = texts.chain([(Field::Title, offering.title.clone())]).chain(registered);
    let texts = texts.chain(labels.into_iter().flatten().map(|label| (Field::Label, label.clone())));
    let texts = texts.chain([(Field::Description, offering.description.clone())]);
    Entry {
        id,
        seller: offering.seller.clone(),
        name: offering.name.clone(),
        texts: texts.collect(),
        facets: facets_of(offering),
        coverage: offering.coverage.clone(),
    }
}
