//! The dossier's chapters on who decided what and when, and on the deadlines of section 135 GWB.
use jiff::ToSpan as _;

use super::Draft;
use super::page::{Cell, Chapter, Fit};
use crate::audit::report::Ending;
use crate::domain::id::{OfficerName, OrgId, StatementId};
use crate::domain::order::LegFinding;
use crate::domain::statement::{Signed, Verified};
use crate::domain::time::{Date, Timestamp};

/// Months after the conclusion of a contract within which its ineffectiveness can be claimed: section 135 (2) GWB.
const CLAIM_MONTHS: i32 = 6;

/// One statement in the order's story.
struct Told<'e> {
    at: Timestamp,
    by: &'e OrgId,
    officer: String,
    what: &'static str,
    note: String,
    /// What the program found about the leg, as the signer saw it.
    found: Option<&'e LegFinding>,
    signed: &'e Signed,
}

impl<'e> Told<'e> {
    fn new(
        at: Timestamp,
        by: &'e OrgId,
        officer: String,
        what: &'static str,
        note: &str,
        signed: &'e Signed,
    ) -> Self {
        Self { at, by, officer, what, note: note.to_owned(), found: None, signed }
    }

    fn beside(self, found: impl Into<Option<&'e LegFinding>>) -> Self {
        Self { found: found.into(), ..self }
    }
}

impl Draft<'_> {
    pub(super) fn decisions(&self) -> Chapter {
        let mut chapter =
            Chapter::new("decisions", self.say("7. Entscheidung und Beteiligte", "7. Decision and parties"));
        chapter.entry("decided_by", self.say("Abgeschlossen durch", "Sealed by"), self.decided_by());
        chapter.entry(
            "approved_by",
            self.say("Freigegeben durch (Vier Augen)", "Approved by (four eyes)"),
            self.approved_by(),
        );
        let unknown = self.say(
            "Ob Interessenkonflikte bestehen, steht nicht im Prüfpaket; erklären.",
            "Whether there are conflicts of interest is not in the bundle; declare.",
        );
        chapter.entry("conflicts", self.say("Interessenkonflikte", "Conflicts of interest"), Cell::unknown(unknown));
        let rows = self.said().into_iter().map(|said| {
            vec![
                self.instant(said.at),
                self.org(said.by),
                Cell::text(said.officer),
                Cell::text(said.what),
                Cell::text(said.note),
                self.found(said.found),
                Cell::text(said.signed.id()),
            ]
        });
        let rows = rows.collect();
        let columns = [
            ("at", Fit::Text, "Zeit (Angabe des Unterzeichners)", "Time (signer's claim)"),
            ("org", Fit::Text, "Organisation", "Organisation"),
            ("officer", Fit::Text, "Amt", "Office"),
            ("what", Fit::Text, "Erklärung", "Statement"),
            ("note", Fit::Below, "Begründung", "Reason"),
            ("found", Fit::Below, "Befund des Programms", "The program's finding"),
            ("statement", Fit::Below, "Kennung", "Id"),
        ];
        chapter.tables.push(self.table(
            "statements",
            self.say("Erklärungen in ihrer Reihenfolge", "Statements in order"),
            &columns,
            rows,
        ));
        chapter
    }

    /// The machine's finding that stands beside a statement; nothing where no leg was judged.
    fn found(&self, found: Option<&LegFinding>) -> Cell {
        let Some(found) = found else { return Cell::text("") };
        let basis = found.basis.map_or(String::new(), |basis| self.cite(basis.provision()));
        let assumed = if found.assumed { self.say(", mit Annahmen", ", on assumptions") } else { "" };
        let text = format!("{} → {}: {} {basis}{assumed}", found.from, found.to, found.verdict.text(self.lang));
        Cell::of(text, serde_json::json!(found.verdict))
    }

    fn decided_by(&self) -> Cell {
        let by_rule = self.say(
            "Knoten des Auftraggebers, mit der Erlaubnis in der Anfrage",
            "the buyer's node, by leave of the request",
        );
        match (&self.attempt.seal, &self.attempt.void) {
            (Some(seal), _) => seal.body().officer.as_ref().map_or_else(|| Cell::text(by_rule), Cell::text),
            (None, Some(void)) => {
                let rule = self
                    .say("niemand: ohne Vertrag beendet, durch Regel", "nobody: ended without a contract, by rule");
                let ended = self.say("niemand: ohne Vertrag beendet von", "nobody: ended without a contract by");
                void.body()
                    .officer
                    .as_ref()
                    .map_or_else(|| Cell::text(rule), |officer| Cell::text(format!("{ended} {officer}")))
            }
            (None, None) => Cell::unknown(self.say("noch nicht entschieden", "not decided yet")),
        }
    }

    fn approved_by(&self) -> Cell {
        let request = self.request();
        let limit = self
            .logs
            .officer(&request.buyer, self.attempt.request.signed(), self.chronicle.place(&self.attempt.request.id()))
            .map(|grant| grant.limit);
        match (self.attempt.decisions.get(&request.buyer).map(Verified::body), limit) {
            (Some(decision), _) if decision.approve => Cell::text(&decision.officer),
            (Some(decision), _) => {
                Cell::text(format!("{} ({})", self.say("abgelehnt durch", "refused by"), decision.officer))
            }
            (None, Some(limit)) if request.total_max <= limit => {
                let within = self.say("nicht nötig: innerhalb der Vollmacht von", "not needed: within the grant of");
                Cell::of(format!("{within} {} ({})", request.officer, self.money(limit).text), limit.get())
            }
            _ => Cell::unknown(self.say("nicht belegt", "not proven")),
        }
    }

    /// Whose decision stands behind an organisation's statement: an officer's, if it names one, else its own rule.
    fn behind(&self, org: &OrgId, decision: Option<StatementId>) -> String {
        let by_rule = || self.say("durch Regel der Organisation", "by the organisation's rule").to_owned();
        let Some(id) = decision else { return by_rule() };
        let made = self.attempt.decisions.get(org).filter(|decision| decision.id() == id);
        made.map_or_else(|| self.say("nicht belegt", "not proven").to_owned(), |made| made.body().officer.to_string())
    }

    /// Every statement, in the order in which they fit together.
    fn said(&self) -> Vec<Told<'_>> {
        let (attempt, lang) = (self.attempt, self.lang);
        let key = || self.say("Schlüssel der Organisation", "the organisation's key").to_owned();
        let of = |officer: Option<&OfficerName>| {
            officer.map_or_else(|| self.behind(&self.request().buyer, None), ToString::to_string)
        };
        let mut all = Vec::new();
        let request = attempt.request.body();
        let what = self.say("Anfrage", "request");
        all.push(Told::new(
            request.signed_at,
            &request.buyer,
            of(Some(&request.officer)),
            what,
            "",
            attempt.request.signed(),
        ));
        for message in attempt.decisions.values() {
            let body = message.body();
            let what = if body.approve { self.say("Freigabe", "approval") } else { self.say("Ablehnung", "refusal") };
            let note = self.note_in(body.annex);
            all.push(
                Told::new(body.signed_at, &body.org, of(Some(&body.officer)), what, &note, message.signed())
                    .beside(body.leg.as_ref()),
            );
        }
        for message in attempt.endorsements.values() {
            let (body, what) = (message.body(), self.say("Abschnitt für zulässig befunden", "leg found lawful"));
            let by = self.behind(&body.from, body.decision);
            all.push(Told::new(body.signed_at, &body.from, by, what, "", message.signed()).beside(&body.leg));
        }
        for message in attempt.acceptance.iter() {
            let (body, what) = (message.body(), self.say("Annahme mit Preis", "acceptance with price"));
            let by = self.behind(&body.from, body.decision);
            all.push(Told::new(body.signed_at, &body.from, by, what, "", message.signed()).beside(&body.leg));
        }
        for message in attempt.counters.values().rev() {
            let (body, what) = (message.body(), self.say("verbindliches Angebot", "binding offer"));
            all.push(Told::new(body.signed_at, &body.from, key(), what, "", message.signed()));
        }
        for message in attempt.declines.values() {
            let (body, what) = (message.body(), self.say("Absage", "decline"));
            let note = format!("{} {} {}", body.reason, body.note, self.note_in(body.annex));
            all.push(Told::new(body.signed_at, &body.from, key(), what, &note, message.signed()));
        }
        for message in attempt.seal.iter() {
            let (body, what) = (message.body(), self.say("Abschluss", "seal"));
            let (by, note) = (of(body.officer.as_ref()), body.total.text(lang));
            all.push(Told::new(body.signed_at, &body.buyer, by, what, &note, message.signed()));
        }
        for message in attempt.void.iter() {
            let (body, what) = (message.body(), self.say("Ende ohne Vertrag", "end without a contract"));
            let (by, note) = (of(body.officer.as_ref()), Ending::Void(body.reason).text(lang));
            all.push(Told::new(body.signed_at, &body.buyer, by, what, note, message.signed()));
        }
        all
    }

    /// The deadlines of section 135 (2) and (3) GWB, as far as the bundle lets them be computed.
    pub(super) fn deadlines(&self) -> Chapter {
        let mut chapter =
            Chapter::new("deadlines", self.say("8. Fristen nach § 135 GWB", "8. Deadlines of section 135 GWB"));
        let Some(seal) = self.attempt.seal.as_ref().map(Verified::body) else {
            chapter.note(self.say(
                "Es ist kein Vertrag belegt; Fristen nach § 135 GWB laufen nicht.",
                "No contract is proven; no deadline of section 135 GWB runs.",
            ));
            return chapter;
        };
        let day = seal.signed_at.date();
        chapter.entry(
            "concluded_on",
            self.say("Vertragsschluss (Angabe des Abschlusses)", "Contract concluded (as the seal says)"),
            self.day(day),
        );
        let witnessed = self.report.case.witnessed_at.and_then(|seconds| i64::try_from(seconds).ok()).map_or_else(
            || Cell::unknown(self.say("nicht bezeugt", "not witnessed")),
            |seconds| self.instant(Timestamp(seconds.saturating_mul(1_000))),
        );
        chapter.entry(
            "witnessed_at",
            self.say("Abschluss bezeugt (Uhren der Zeugen)", "Seal witnessed (witnesses' clocks)"),
            witnessed,
        );
        let latest = claim_until(day).map_or_else(|| Cell::unknown("–"), |last| self.day(last));
        chapter.entry(
            "six_months",
            self.say(
                "Längste Frist, sechs Monate nach Vertragsschluss (Abs. 2 Satz 1)",
                "Longest period, six months after conclusion (2) sentence 1",
            ),
            latest,
        );
        chapter.entry(
            "thirty_days",
            self.say(
                "30 Kalendertage nach Information oder Bekanntmachung (Abs. 2)",
                "30 calendar days after information or notice (2)",
            ),
            Cell::unknown(self.say(
                "Ob und wann informiert oder die Vergabe bekannt gemacht wurde, steht nicht im Prüfpaket; ergänzen.",
                "Whether and when anyone was informed or a notice was published is not in the bundle; add it.",
            )),
        );
        chapter.entry(
            "ex_ante",
            self.say(
                "Freiwillige Bekanntmachung vorab, zehn Kalendertage Wartezeit (Abs. 3)",
                "Voluntary notice in advance, ten calendar days (3)",
            ),
            Cell::unknown(self.say(
                "Eine Bekanntmachung vorab steht nicht im Prüfpaket; Fundstelle ergänzen, falls es sie gibt.",
                "No notice in advance is in the bundle; add its reference if there is one.",
            )),
        );
        chapter.note(self.say(
            "Die Fristen zählen für jeden Vertrag der Kette. Tage nach UTC; Wochenenden und Feiertage sind nicht \
             berücksichtigt. Unwirksam ist ein Vertrag nur, wenn ein Verstoß im Nachprüfungsverfahren festgestellt wird.",
            "The periods count for every contract of the chain. Days are UTC; weekends and holidays are not taken into \
             account. A contract is ineffective only if a review finds a violation.",
        ));
        chapter
    }
}

/// The last day of the six months: the day of the same number, or the month's last (section 188 (2), (3) BGB).
fn claim_until(day: Date) -> Option<Date> {
    day.checked_add(CLAIM_MONTHS.months()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::parse_date;

    #[test]
    fn six_months_end_on_the_same_number_or_the_months_last_day() {
        for (day, last) in [
            ("2026-11-24", "2027-05-24"),
            ("2026-08-31", "2027-02-28"),
            ("2027-08-31", "2028-02-29"),
            ("2026-03-31", "2026-09-30"),
        ] {
            let day = parse_date(day).expect("a day");
            assert_eq!(claim_until(day), Some(parse_date(last).expect("a day")));
        }
        assert_eq!(claim_until(Date::MAX), None);
    }
}
