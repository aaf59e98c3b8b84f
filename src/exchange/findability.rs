//! Is what was bought to be found? Services ordered, compared by their keys with what a portal shows (XZuFi of PVOG or BUS).
//!
//! It compares lists and asks nobody: a link that stands in the export may be dead by now.
use std::collections::BTreeMap;

use crate::domain::offering::Offering;
use crate::domain::reason::Refusal;
use crate::exchange::finding::Finding;
use crate::exchange::xml::{Element, records};

/// How a service is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// With a link to the online service.
    WithLink,
    /// Described, without a link: nobody can apply from there.
    WithoutLink,
    /// Not at all.
    Missing,
}

impl State {
    /// In German.
    pub fn german(self) -> &'static str {
        match self {
            Self::WithLink => "ja, mit Onlinedienst",
            Self::WithoutLink => "beschrieben, ohne Link",
            Self::Missing => "nein",
        }
    }

    /// In English.
    pub fn english(self) -> &'static str {
        match self {
            Self::WithLink => "yes, with online service",
            Self::WithoutLink => "described, without a link",
            Self::Missing => "no",
        }
    }
}

/// What was found for one key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The LeiKa key.
    pub key: String,
    /// How it is shown.
    pub state: State,
    /// The portal's id of the service; empty if there is none.
    pub service: String,
    /// The link; empty if there is none.
    pub link: String,
}

/// What a portal shows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Portal {
    /// Ids of services by LeiKa key.
    services: BTreeMap<String, Vec<String>>,
    /// Links by the id of the service.
    links: BTreeMap<String, Vec<String>>,
    /// What was wrong in its files.
    pub findings: Vec<Finding>,
}

impl Portal {
    /// Takes a file in. What it deletes explicitly is not shown.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let found = records(bytes, &["leistung", "onlinedienst"])?;
        self.findings.extend(found.findings);
        for record in found.whole.iter().filter(|record| record.inside != "loesche") {
            let element = &record.element;
            let id = element.first(&["id"]).to_owned();
            if element.name == "leistung" {
                for key in element.all(&["referenzLeiKa", "code"]) {
                    self.services.entry(key.text.trim().to_owned()).or_default().push(id.clone());
                }
                self.link(&id, element, &["modulOnlinedienst", "link"]);
                continue;
            }
            let services =
                element.all(&["leistungID"]).into_iter().chain(element.all(&["zustaendigkeit", "leistungID"]));
            for service in services {
                self.link(service.text.trim(), element, &["link", "link"]);
            }
        }
        Ok(())
    }

    /// Only what leads to a web page counts as a link.
    fn link(&mut self, service: &str, element: &Element, path: &[&str]) {
        for link in element.all(path) {
            let link = link.text.trim();
            if link.starts_with("https://") || link.starts_with("http://") {
                self.links.entry(service.to_owned()).or_default().push(link.to_owned());
            }
        }
    }

    /// For every key of an offering, how it is shown; the entry with a link, if there is one.
    pub fn find(&self, offering: &Offering) -> Vec<Found> {
        let found = offering.leika.iter().map(|key| {
            let ids = self.services.get(key.as_str()).map_or(&[][..], Vec::as_slice);
            let linked = ids.iter().find_map(|id| Some((id, self.links.get(id)?.first()?)));
            let (state, service, link) = match (linked, ids.first()) {
                (Some((id, link)), _) => (State::WithLink, id.clone(), link.clone()),
                (None, Some(id)) => (State::WithoutLink, id.clone(), String::new()),
                (None, None) => (State::Missing, String::new(), String::new()),
            };
            Found { key: key.to_string(), state, service, link }
        });
        found.collect()
    }
}
