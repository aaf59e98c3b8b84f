//! The dossier's first sheet: what was awarded to whom, for how much, why, and what each leg rests on.
use super::Draft;
use super::page::{Cell, Chapter};
use crate::audit::legs::judged_legs;
use crate::audit::report::Ending;
use crate::domain::law::Verdict;
use crate::domain::reason::Lang;

impl Draft<'_> {
    pub(super) fn summary(&self) -> Chapter {
        let request = self.request();
        let mut chapter = Chapter::new("summary", self.say("Auf einen Blick", "At a glance"));
        let title = match self.offering() {
            Some((_, offering)) => Cell::text(&offering.title),
            None => Cell::unknown(self.say("nicht im Prüfpaket", "not in the bundle")),
        };
        chapter.entry("ordered", self.say("Leistung", "Service"), title);
        chapter.entry("buyer", self.say("Auftraggeber", "Contracting authority"), self.org(&request.buyer));
        chapter.entry("provider", self.say("Auftragnehmer", "Provider"), self.org(request.route.provider()));
        let ending = self.report.case.ending.unwrap_or(Ending::Open);
        chapter.entry("ending", self.say("Ergebnis", "Result"), Cell::of(ending.text(self.lang), ending.code()));
        let total = self.report.case.total.map_or_else(
            || Cell::unknown(self.say("kein verbindliches Angebot", "no binding offer")),
            |(total, years)| {
                let term = match (years, self.lang) {
                    (1, Lang::De) => "1 Jahr".to_owned(),
                    (1, Lang::En) => "1 year".to_owned(),
                    (years, Lang::De) => format!("{years} Jahre"),
                    (years, Lang::En) => format!("{years} years"),
                };
                Cell::of(format!("{} ({term})", self.money(total).text), total.get())
            },
        );
        chapter.entry("total", self.say("Preis netto, gesamte Laufzeit", "Net price, whole term"), total);
        let cap = self.say("Obergrenze netto, gesamte Laufzeit", "Price cap, net, whole term");
        chapter.entry("total_max", cap, self.money(request.total_max));
        chapter.entry("purpose", self.say("Zweck", "Purpose"), self.requested(|words| &words.purpose));
        let reasons = self.say("Gründe der Auswahl", "Reasons for the choice");
        chapter.entry("choice", reasons, self.requested(|words| &words.choice));
        chapter.entry(
            "legs",
            self.say("Abschnitte nach § 108 GWB", "Legs under section 108 GWB"),
            self.legs_counted(),
        );
        chapter.entry("as_of", self.say("Tag der Vergabe", "Day of award"), self.day(request.as_of));
        chapter
    }

    /// How many legs there are, and how each kind of result they have.
    fn legs_counted(&self) -> Cell {
        let legs = judged_legs(self.attempt, self.logs, self.chronicle);
        if legs.is_empty() {
            return Cell::unknown(self.say("keiner beurteilt", "none judged"));
        }
        let counted = |verdict: Verdict| {
            let count = legs.iter().filter(|leg| leg.verdict == verdict).count();
            (count > 0).then(|| format!("{count} {}", verdict.text(self.lang)))
        };
        let verdicts =
            [Verdict::NotFulfilled, Verdict::NotProven, Verdict::Contested, Verdict::Fulfilled].map(counted);
        let verdicts = verdicts.into_iter().flatten();
        let assumed = legs.iter().filter(|leg| leg.assumed()).count();
        let assumed = (assumed > 0).then(|| format!("{assumed} {}", self.say("mit Annahmen", "on assumptions")));
        let text = verdicts.chain(assumed).collect::<Vec<_>>().join(", ");
        Cell::of(text, legs.len())
    }
}
