//! The dossier's chapter on the facts and the rule pack: what they say they hold for, and from when they were known.
use std::collections::BTreeMap;

use super::Draft;
use super::page::{Cell, Chapter, Fit};
use crate::domain::body::Body;
use crate::domain::id::StatementId;
use crate::domain::statement::Verified;

impl Draft<'_> {
    pub(super) fn evidence(&self) -> Chapter {
        let mut chapter =
            Chapter::new("evidence", self.say("5. Nachweise und ihre Geltung", "5. Evidence and its validity"));
        let day = self.request().as_of;
        let known_on = self.request().signed_at.date();
        // By their names in the bundle, which number them.
        let by_name: BTreeMap<&str, (&StatementId, &Verified<Body>)> =
            self.logs.public().iter().map(|(id, (name, verified))| (name.as_str(), (id, verified))).collect();
        let rows = by_name.into_iter().filter_map(|(name, (id, verified))| {
            let (about, from, to, known, source, assumed) = match verified.body() {
                Body::Membership(fact) => (
                    format!("{} → {}", fact.member, fact.of),
                    fact.valid_from,
                    fact.valid_to,
                    Some(fact.known_from),
                    &fact.source,
                    fact.assumed,
                ),
                Body::EntityFacts(fact) => {
                    let (org, known) = (fact.org.to_string(), Some(fact.known_from));
                    (org, fact.valid_from, fact.valid_to, known, &fact.source, fact.assumed)
                }
                Body::RulePack(pack) => {
                    (pack.name.to_string(), pack.valid_from, pack.valid_to, None, &pack.source, false)
                }
                _ => return None,
            };
            let in_force =
                from <= day && to.is_none_or(|end| day <= end) && known.is_none_or(|known| known <= known_on);
            Some(vec![
                Cell::text(about),
                Cell::of(self.interval(from, to), serde_json::json!([from.to_string(), to.map(|to| to.to_string())])),
                known.map_or_else(|| Cell::text("–"), |known| self.day(known)),
                self.yes_no(in_force),
                self.yes_no(assumed),
                Cell::text(source),
                Cell::of(format!("{name} ({})", short(id)), id.to_string()),
            ])
        });
        let rows = rows.collect();
        let columns = [
            ("about", Fit::Text, "Worüber", "About"),
            ("validity", Fit::Text, "Gültig", "Valid"),
            ("known_from", Fit::Word, "Bekannt seit", "Known since"),
            ("in_force", Fit::Word, "am Vergabetag in Kraft", "in force at award"),
            ("assumed", Fit::Word, "Annahme", "Assumption"),
            ("source", Fit::Below, "Quelle", "Source"),
            ("statement", Fit::Below, "Erklärung", "Statement"),
        ];
        let caption = self.say("Tatsachen und Regelwerk im Prüfpaket", "Facts and rule pack in the bundle");
        chapter.tables.push(self.table("facts", caption, &columns, rows));
        chapter
    }
}

fn short(id: &StatementId) -> String {
    id.to_string().chars().take(16).collect()
}
