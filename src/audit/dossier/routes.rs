//! The dossier's chapter on the route: every leg judged again, and the routes the officer had before choosing.
use super::Draft;
use super::page::{Cell, Chapter, Fit, Table};
use crate::audit::legs::judged_legs;
use crate::domain::id::OrgId;
use crate::domain::law::LegJudgement;
use crate::domain::law::words::german;
use crate::domain::reason::Lang;

impl Draft<'_> {
    pub(super) fn routes(&self) -> Chapter {
        let request = self.request();
        let mut chapter =
            Chapter::new("routes", self.say("4. Beschaffungsweg und Begründung", "4. Route and reasons"));
        chapter.entry(
            "chosen",
            self.say("Gewählter Weg", "Route chosen"),
            Cell::of(&request.route, request.route.parties().iter().map(ToString::to_string).collect::<Vec<_>>()),
        );
        if let Some((pack, began)) = &self.report.case.law {
            let begun = self.say("Verfahren begonnen am", "procedure began on");
            let day = if self.lang == Lang::De { german(*began) } else { began.to_string() };
            let text = format!("{pack}; {begun} {day} (§ 187 Abs. 2 GWB)");
            let law = serde_json::json!({ "rule_pack": pack, "procedure_began": began.to_string() });
            chapter.entry("law", self.say("Regelwerk", "Rule pack"), Cell::of(text, law));
        }
        if request.considered.is_empty() {
            let unknown = self.say(
                "Welche anderen Wege geprüft wurden, steht nicht im Prüfpaket; ergänzen (`verbund chain routes`).",
                "Which other routes were examined is not in the bundle; add them (`verbund chain routes`).",
            );
            chapter.entry("others", self.say("Andere Wege", "Other routes"), Cell::unknown(unknown));
        } else {
            chapter.tables.push(self.considered());
        }
        let mut rows = Vec::new();
        let legs = judged_legs(self.attempt, self.logs, self.chronicle);
        if legs.iter().any(LegJudgement::is_disputed) {
            chapter.note(self.say(
                "Ein Abschnitt beruht auf einer umstrittenen Auslegung. Begründen, warum dennoch dieser Weg gewählt wurde; ein \
                 unbestrittener steht, wo es ihn gab, unter den betrachteten Wegen.",
                "A leg rests on a contested reading of the law. Say why this route was chosen nevertheless; an uncontested \
                 one is among the routes considered, where there was one.",
            ));
        }
        for leg in legs {
            let verdict = Cell::of(leg.verdict.text(self.lang), serde_json::json!(leg.verdict));
            let basis =
                leg.basis.map_or_else(|| Cell::unknown(self.say("keine", "none")), |_| Cell::text(&leg.paragraph));
            let reasons: Vec<String> = leg.findings.iter().map(|finding| finding.text(self.lang)).collect();
            rows.push(vec![
                self.org(&leg.from),
                self.org(&leg.to),
                verdict,
                basis,
                self.yes_no(leg.assumed()),
                Cell::sentences(reasons),
            ]);
        }
        if rows.is_empty() {
            chapter.note(self.say(
                "Kein Abschnitt wurde beurteilt, oder das Regelwerk liegt dem Prüfpaket nicht bei.",
                "No leg was judged, or the rule pack is not in the bundle.",
            ));
        }
        let columns = [
            ("from", Fit::Text, "Von", "From"),
            ("to", Fit::Text, "An", "To"),
            ("verdict", Fit::Word, "Ergebnis", "Result"),
            ("basis", Fit::Text, "Grundlage", "Basis"),
            ("assumed", Fit::Word, "mit Annahmen", "assumptions"),
            ("reasons", Fit::Below, "Gründe", "Reasons"),
        ];
        let caption = self.say(
            "Abschnitte, nachgeprüft mit den Nachweisen des Prüfpakets",
            "Legs, judged again on the evidence in the bundle",
        );
        chapter.tables.push(self.table("legs", caption, &columns, rows));
        chapter
    }

    /// The routes the officer had before choosing, as the request says.
    fn considered(&self) -> Table {
        let request = self.request();
        let rows = request.considered.iter().map(|seen| {
            let unknown = || Cell::unknown(self.say("nicht bekannt", "unknown"));
            let parties: Vec<&str> = seen.route.parties().iter().map(OrgId::as_str).collect();
            vec![
                Cell::of(&seen.route, parties),
                Cell::of(seen.verdict.text(self.lang), serde_json::json!(seen.verdict)),
                seen.total.map_or_else(unknown, |total| self.money(total)),
                self.yes_no(seen.route == request.route),
            ]
        });
        let columns = [
            ("route", Fit::Text, "Weg", "Route"),
            ("verdict", Fit::Word, "Ergebnis", "Result"),
            ("total", Fit::Amount, "Preis netto", "Net price"),
            ("chosen", Fit::Word, "gewählt", "chosen"),
        ];
        let caption = self.say(
            "Betrachtete Wege, wie das Programm sie vor der Bestellung beurteilte (Angabe der Anfrage)",
            "Routes considered, as the program judged them before the order (as the request says)",
        );
        self.table("considered", caption, &columns, rows.collect())
    }
}
