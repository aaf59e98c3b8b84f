//! The dossier's chapter on the price: every item as offered, and how it follows from what was published.
use super::Draft;
use super::page::{Cell, Chapter, Fit, Table};
use crate::audit::terms::buyer_of;
use crate::domain::body::Body;
use crate::domain::id::StatementId;
use crate::domain::price::Component;
use crate::domain::price::quote::{Charge, Preview, carried, preview, quote};
use crate::domain::reason::Lang;
use crate::domain::statement::Verified;

impl Draft<'_> {
    /// The price of everyone who has offered: by the statement published, if it gives what was offered, else as offered.
    fn priced(&self) -> Option<(Preview, bool)> {
        let request = self.request();
        let accept = self.attempt.acceptance.as_ref()?.body();
        let tariff = |id: &StatementId| match self.logs.public().get(id).map(|(_, verified)| verified.body()) {
            Some(Body::Tariff(tariff)) => Some(tariff.fee.as_slice()),
            _ => None,
        };
        let published = self.offering().map(|(_, offering)| offering.price.as_slice());
        let mut charges = vec![(&accept.from, Some(request.offering), published, accept.components.as_slice())];
        for counter in self.attempt.counters.values().rev().map(Verified::body) {
            let by = counter.tariff.as_ref();
            charges.push((&counter.from, counter.tariff, by.and_then(tariff), counter.components.as_slice()));
        }
        let buyer = buyer_of(request, Some(self.attempt), self.logs, self.chronicle);
        let mut explained = true;
        let charges: Vec<Charge> = charges
            .into_iter()
            .map(|(org, by, published, offered)| {
                let items = published.filter(|published| {
                    let found = quote(published, &buyer, request.term_years).map(carried);
                    found.is_ok_and(|found| found == offered)
                });
                explained &= items.is_some();
                Charge { org, by: by.filter(|_| items.is_some()), items: Some(items.unwrap_or(offered)) }
            })
            .collect();
        preview(&charges, &buyer, request.term_years).ok().map(|preview| (preview, explained))
    }

    pub(super) fn price(&self) -> Chapter {
        let mut chapter = Chapter::new("price", self.say("6. Preis", "6. Price"));
        let Some((found, explained)) = self.priced() else {
            chapter.entry(
                "total",
                self.say("Summe", "Total"),
                Cell::unknown(self.say(
                    "Ein verbindliches Angebot liegt dem Prüfpaket nicht bei.",
                    "There is no binding offer in the bundle.",
                )),
            );
            return chapter;
        };
        let total = self.say("Summe netto über die Laufzeit", "Total net over the term");
        chapter.entry("total", total, self.money(found.total));
        let gross = found.gross.map_or_else(
            || {
                Cell::unknown(self.say(
                    "nicht berechenbar: eine Steuerangabe fehlt",
                    "cannot be computed: a tax statement is missing",
                ))
            },
            |gross| self.money(gross),
        );
        let cap = self.request().total_max;
        let verdict = match (found.total <= cap, self.lang) {
            (true, Lang::De) => "eingehalten",
            (true, Lang::En) => "kept",
            (false, Lang::De) => "überschritten",
            (false, Lang::En) => "exceeded",
        };
        let kept = Cell::of(format!("{} ({verdict})", self.money(cap).text), cap.get());
        chapter.entry(
            "total_max",
            self.say("Obergrenze der Bestellung (netto)", "Price cap of the order (net)"),
            kept,
        );
        chapter.entry("gross", self.say("Summe brutto", "Total gross"), gross);
        chapter.tables = self.price_tables(&found);
        if !explained {
            chapter.note(self.say(
                "Nicht jeder Betrag lässt sich aus veröffentlichten Preisen nachrechnen; solche Beträge stehen wie angeboten.",
                "Not every amount can be computed from published prices; such amounts stand as offered.",
            ));
        }
        chapter.entry(
            "economy",
            self.say("Wirtschaftlichkeit", "Economic efficiency"),
            Cell::unknown(self.say(
                "Warum der Preis wirtschaftlich ist, steht nicht im Prüfpaket; ergänzen.",
                "Why the price is economical is not in the bundle; add it.",
            )),
        );
        chapter
    }

    fn price_tables(&self, found: &Preview) -> Vec<Table> {
        let mut tables = Vec::new();
        let columns = [
            ("org", Fit::Text, "Wer", "Who"),
            ("item", Fit::Text, "Wofür", "What for"),
            ("cents", Fit::Amount, "Betrag netto", "Net amount"),
            ("due", Fit::Text, "Fällig", "Due"),
            ("tax", Fit::Text, "Umsatzsteuer", "Value-added tax"),
            ("steps", Fit::Below, "Berechnung, Schlüssel, Quelle", "Computation, key, source"),
        ];
        tables.push(self.table(
            "items",
            self.say("Preisteile, wie angeboten", "Items as offered"),
            &columns,
            self.item_rows(found),
        ));
        let rows = found.legs.iter().map(|leg| vec![self.org(&leg.org), self.money(leg.total)]).collect();
        let columns =
            [("org", Fit::Text, "Wer", "Who"), ("total", Fit::Amount, "über die Laufzeit", "over the term")];
        let mut totals = self.table("totals", self.say("Summen je Beteiligtem", "Totals by party"), &columns, rows);
        totals.sum = vec![Cell::text(self.say("Summe", "Total")), self.money(found.total)];
        tables.push(totals);
        if !self.report.case.members.is_empty() {
            let rows = self.report.case.members.iter().map(|(org, weight, share)| {
                vec![self.org(org), Cell::of(self.count(*weight).text, weight.to_string()), self.money(*share)]
            });
            let columns = [
                ("org", Fit::Text, "Mitglied", "Member"),
                ("weight", Fit::Amount, "Schlüsselzahl", "Number"),
                ("share", Fit::Amount, "Anteil", "Share"),
            ];
            tables.push(self.table(
                "members",
                self.say(
                    "Anteile der Mitglieder, für die bestellt wurde",
                    "Shares of the members it was ordered for",
                ),
                &columns,
                rows.collect(),
            ));
        }
        tables
    }

    fn item_rows(&self, found: &Preview) -> Vec<Vec<Cell>> {
        let items = found.legs.iter().flat_map(|leg| leg.items.iter().flatten().map(move |item| (&leg.org, item)));
        let rows = items.map(|(org, item)| {
            let Component { item: what, due, cents, vat, tax, terms: _, year } = &item.component;
            let steps: Vec<String> = item.steps.iter().map(|step| step.text(self.lang)).collect();
            let tax = tax.as_ref().map_or_else(|| vat.clone(), |tax| tax.text(self.lang));
            let stated = if tax.is_empty() {
                Cell::unknown(self.say("nicht angegeben", "not stated"))
            } else {
                Cell::text(tax)
            };
            vec![
                self.org(org),
                Cell::of(what.text(self.lang), what.word()),
                self.money(*cents),
                Cell::text(due.text(*year, self.lang)),
                stated,
                Cell::sentences(steps),
            ]
        });
        rows.collect()
    }
}
