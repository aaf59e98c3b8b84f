//! The dossier's chapters on the need and on the offerings: what the officer said for the record, and the offering itself.
use serde_json::json;

use super::Draft;
use super::page::{Cell, Chapter, Fit, Table};
use crate::domain::body::Body;
use crate::domain::grounds::{OtherOffering, Selection};
use crate::domain::id::StatementId;
use crate::domain::money::Cents;
use crate::domain::offering::Need;
use crate::domain::reason::{Lang, Reason};
use crate::domain::register::LeikaKey;

impl Draft<'_> {
    pub(super) fn need(&self) -> Chapter {
        let request = self.request();
        let mut chapter = Chapter::new("need", self.say("2. Bedarf", "2. Need"));
        chapter.entry("stated", self.say("Erklärter Bedarf", "Need stated"), self.stated_need());
        if let Some((id, need)) = self.published_need() {
            chapter.entry("statement", self.say("Erklärung", "Statement"), Cell::text(id));
            chapter.entry("services", "LeiKa", self.services(&need.leika));
            chapter.entry("until", self.say("Gesucht bis", "Wanted until"), self.day(need.until));
        }
        let label = self.say("Zweck, wie angegeben", "Purpose, as given");
        chapter.entry("purpose", label, self.requested(|words| &words.purpose));
        let label = self.say("Obergrenze des Preises (netto, gesamte Laufzeit)", "Price cap (net, whole term)");
        chapter.entry("total_max", label, self.money(request.total_max));
        for (id, label, number) in [
            ("uses", self.say("Erwartete Nutzungen je Jahr", "Expected uses a year"), request.quantities.uses),
            (
                "target_group",
                self.say("Angehörige der Zielgruppe", "Members of the target group"),
                request.quantities.target_group,
            ),
        ] {
            let cell = number.map_or_else(
                || Cell::unknown(self.say("nicht angegeben", "not given")),
                |number| self.count(u64::from(number)),
            );
            chapter.entry(id, label, cell);
        }
        chapter
    }

    /// The need that the request names, if the bundle holds it and it is the buyer's.
    fn published_need(&self) -> Option<(StatementId, &Need)> {
        let id = self.request().grounds.need?;
        let (_, verified) = self.logs.public().get(&id)?;
        match verified.body() {
            Body::Need(need) if need.municipality == self.request().buyer => Some((id, need)),
            _ => None,
        }
    }

    fn stated_need(&self) -> Cell {
        match (self.published_need(), self.request().grounds.need) {
            (Some((_, need)), _) => Cell::text(&need.note),
            (None, Some(_)) => Cell::unknown(self.say(
                "Die Anfrage nennt einen veröffentlichten Bedarf, der dem Prüfpaket nicht beiliegt; ergänzen.",
                "The request names a published need that is not in the bundle; add it.",
            )),
            (None, None) => Cell::unknown(self.say(
                "Die Anfrage nennt keinen veröffentlichten Bedarf. Bedarf und Anlass ergänzen.",
                "The request names no published need. Add the need and its occasion.",
            )),
        }
    }

    fn services(&self, keys: &[LeikaKey]) -> Cell {
        self.list(&keys.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    fn list(&self, texts: &[String]) -> Cell {
        if texts.is_empty() {
            return Cell::text(self.say("keine", "none"));
        }
        // Whole sentences follow one another; other texts are a list.
        let between = if texts.iter().all(|text| text.ends_with('.')) { " " } else { "; " };
        Cell::of(texts.join(between), texts.to_vec())
    }

    pub(super) fn offerings(&self) -> Chapter {
        let mut chapter = Chapter::new("offerings", self.say("3. Betrachtete Angebote", "3. Offerings considered"));
        self.ordered(&mut chapter);
        let grounds = &self.request().grounds;
        if !grounds.searched {
            let unknown = self.say(
                "Welche anderen Angebote betrachtet wurden und warum sie ausschieden, steht nicht im Prüfpaket; ergänzen.",
                "Which other offerings were considered, and why they were not chosen, is not in the bundle; add it.",
            );
            chapter.entry("others", self.say("Andere Angebote", "Other offerings"), Cell::unknown(unknown));
        } else if grounds.alternatives.is_empty() {
            let none = self.say(
                "Die Suche nach denselben Leistungen ergab kein anderes Angebot.",
                "The search for the same services found no other offering.",
            );
            chapter.entry("others", self.say("Andere Angebote", "Other offerings"), Cell::of(none, json!([])));
        } else {
            chapter.tables.push(self.alternatives());
        }
        if let Some(selection) = &grounds.selection {
            self.frozen(&mut chapter, selection);
        }
        let label = self.say("Gründe der Auswahl, wie angegeben", "Reasons for the choice, as given");
        chapter.entry("choice", label, self.requested(|words| &words.choice));
        chapter
    }

    fn ordered(&self, chapter: &mut Chapter) {
        let label = self.say("Bestellt", "Ordered");
        let Some((_, offering)) = self.offering() else {
            let unknown = self.say(
                "Das bestellte Angebot liegt dem Prüfpaket nicht bei.",
                "The offering ordered is not in the bundle.",
            );
            chapter.entry("ordered", label, Cell::unknown(unknown));
            return;
        };
        chapter.entry("ordered", label, Cell::text(&offering.title));
        chapter.entry("seller", self.say("Anbieter", "Seller"), self.org(&offering.seller));
        chapter.entry("version", self.say("Fassung", "Version"), Cell::of(offering.version, offering.version));
        chapter.entry("statement", self.say("Erklärung", "Statement"), Cell::text(self.request().offering));
        chapter.entry("leika", "LeiKa", self.services(&offering.leika));
        let validity = self.interval(offering.valid_from, offering.valid_to);
        let days = json!([offering.valid_from.to_string(), offering.valid_to.map(|to| to.to_string())]);
        chapter.entry("validity", self.say("Bestellbar", "May be ordered"), Cell::of(validity, days));
        chapter.entry("not_included", self.say("Nicht enthalten", "Not included"), self.list(&offering.not_included));
        chapter.entry("source", self.say("Quelle der Angaben", "Source"), Cell::text(&offering.source));
        chapter.entry("assumed", self.say("Annahmen", "Assumptions"), self.list(&offering.assumed));
    }

    /// The search that was frozen before the order.
    fn frozen(&self, chapter: &mut Chapter, selection: &Selection) {
        let named = u32::try_from(self.request().grounds.alternatives.len() + 1).unwrap_or(u32::MAX);
        let number = |number: u32| self.count(u64::from(number));
        let when = self.say("Auswahl festgehalten am", "Selection frozen on");
        chapter.entry("frozen_at", when, self.instant(selection.frozen_at));
        let query = self.say("Gesucht nach", "Searched for");
        chapter.entry("query", query, self.requested(|words| &words.query));
        chapter.entry("filters", self.say("Eingegrenzt auf", "Narrowed to"), self.list(&selection.filters));
        chapter.entry("found", self.say("Gefundene Angebote", "Offerings found"), number(selection.found));
        let place = self.say("Stelle des bestellten darunter", "Place of the one ordered");
        chapter.entry("place", place, number(selection.place));
        let left = self.say("Nicht betrachtet", "Not considered");
        chapter.entry("left_out", left, number(selection.found.saturating_sub(named)));
        let state = self.say("Stand nach dem Katalog des Knotens", "State by the catalogue of the node");
        chapter.entry("node", state, Cell::text(&selection.node));
        let rows = selection
            .known
            .iter()
            .map(|known| vec![Cell::text(&known.log), self.count(known.size), Cell::text(known.root)]);
        let columns = [
            ("log", Fit::Text, "Protokoll", "Log"),
            ("size", Fit::Amount, "Einträge", "Entries"),
            ("root", Fit::Below, "Wurzel", "Root"),
        ];
        let caption = self.say("Kenntnisstand der Auswahl", "What was known when it was frozen");
        chapter.tables.push(self.table("known", caption, &columns, rows.collect()));
    }

    /// The other offerings, as the request says.
    fn alternatives(&self) -> Table {
        let rows = self.request().grounds.alternatives.iter().map(|other| {
            let unknown = || Cell::unknown(self.say("nicht bekannt", "unknown"));
            vec![
                Cell::text(&other.title),
                self.org(&other.seller),
                other.total.map_or_else(unknown, |total| self.money(total)),
                self.against(other),
                Cell::text(other.offering),
            ]
        });
        // Without a frozen search nobody said why.
        let is_frozen = self.request().grounds.selection.is_some();
        let rows = rows.zip(&self.request().grounds.alternatives).map(|(mut row, other)| {
            row.extend(other.why.filter(|_| is_frozen).map(|why| Cell::of(why.text(self.lang), why.word())));
            row
        });
        let columns = [
            ("title", Fit::Text, "Angebot", "Offering"),
            ("seller", Fit::Text, "Anbieter", "Seller"),
            ("total", Fit::Amount, "Preis netto", "Net price"),
            ("against", Fit::Text, "Was dagegen sprach", "What stood against it"),
            ("statement", Fit::Below, "Erklärung", "Statement"),
            ("why", Fit::Below, "Warum nicht gewählt", "Why it was not chosen"),
        ];
        let columns = if is_frozen { &columns[..] } else { &columns[..columns.len() - 1] };
        let caption = match is_frozen {
            true => self.say(
                "Die anderen Angebote der festgehaltenen Suche, in deren Reihenfolge; Preise über die Laufzeit",
                "The other offerings of the frozen search, in its order; prices over the term",
            ),
            false => self.say(
                "Andere Angebote derselben Leistungen, wie die Anfrage sie nennt; Preise über die Laufzeit",
                "Other offerings of the same services, as the request names them; prices over the term",
            ),
        };
        self.table("alternatives", caption, columns, rows.collect())
    }

    /// What stood against an offering: the reason named, else that it costs more than what was ordered.
    fn against(&self, other: &OtherOffering) -> Cell {
        if let Some(word) = &other.against {
            let text = Reason::from_code(word).map_or(word.as_str(), |reason| reason.text(self.lang));
            return Cell::of(text, word.as_str());
        }
        let request = self.request();
        let chosen = request.considered.iter().find(|seen| seen.route == request.route).and_then(|seen| seen.total);
        match chosen.zip(other.total).filter(|(chosen, other)| chosen < other) {
            Some((chosen, other)) => {
                let more = Cents::try_from(other.get() - chosen.get()).unwrap_or_default();
                let more = more.text(self.lang);
                let text = match self.lang {
                    Lang::De => format!("Es kostet {more} mehr als das bestellte."),
                    Lang::En => format!("It costs {more} more than the one ordered."),
                };
                Cell::of(text, "DEARER")
            }
            None if other.why.is_some() => {
                Cell::of(self.say("Es war bestellbar.", "It could be ordered."), "ORDERABLE")
            }
            None => Cell::unknown(self.say(
                "Es war bestellbar; warum es nicht gewählt wurde, ergänzen.",
                "It could be ordered; add why it was not chosen.",
            )),
        }
    }
}
