//! Offerings as various as a great catalogue has them: services of the LeiKa by municipalities of the register. The same number makes
//! the same offering.
use std::collections::BTreeMap;

use crate::finding::Service;
use crate::shared::shared;

/// What one of them says.
pub struct Made {
    /// LeiKa key.
    pub key: String,
    /// Title: the service and a municipality.
    pub title: String,
    /// *Themenfeld*.
    pub topic: String,
    /// Description.
    pub about: String,
    /// Short name of who sells it.
    pub seller: String,
    /// Its name.
    pub name: String,
    /// Portal it is connected to.
    pub portal: String,
    /// Where it may be used: a Land.
    pub land: String,
    /// Its price by steps, from 0.
    pub step: usize,
}

/// Makes them.
pub struct Maker {
    services: Vec<(String, Service)>,
    municipalities: Vec<String>,
}

impl Maker {
    /// Out of these services, and of the municipalities of the register, where this machine has it.
    pub fn of(services: &BTreeMap<String, Service>) -> Self {
        let path = shared("data/gemeinden/gemeinden_2025-08-31.csv");
        let table = path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        let names = table.lines().skip(1).filter_map(|line| line.split(',').nth(2));
        let municipalities = names.map(|name| name.trim_matches('"').to_owned()).collect();
        Self { services: services.clone().into_iter().collect(), municipalities }
    }

    /// The offering of a number.
    pub fn offering(&self, n: usize) -> Made {
        let (key, service) = &self.services[(n * 7_919) % self.services.len()];
        let places = self.municipalities.len().max(1);
        let place = self.municipalities.get((n * 31) % places).map_or("", String::as_str);
        Made {
            key: key.clone(),
            title: format!("{} {place}", service.names[0]).trim_end().to_owned(),
            topic: service.topic.clone(),
            about: about(service),
            seller: format!("s{}", n % 500),
            name: format!("a{n}"),
            portal: format!("Portal {}", n % 12),
            land: format!("{:02}", n % 16 + 1),
            step: n % 5,
        }
    }
}

/// What the register says about a service besides its names.
pub fn about(service: &Service) -> String {
    let about: Vec<&str> = service.about.iter().map(String::as_str).chain([service.topic.as_str()]).collect();
    about.join(". ")
}
