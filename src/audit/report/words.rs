//! The report as a page of text for a person. Must never judge: it only says what was found.
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Case, Ending, Report, Row, Ruling, instant};
use crate::audit::bundle::printable;
use crate::domain::id::OrgId;
use crate::domain::law::Basis;
use crate::domain::order::VoidReason;
use crate::domain::reason::Lang;

impl Report {
    /// The report as text, one layout for both languages.
    pub fn text(&self, lang: Lang) -> String {
        let mut page = Page { lang, text: String::new() };
        page.heading(&self.case);
        page.checks(&self.rows);
        page.findings(self);
        page.legs(&self.case);
        page.not_checked(&self.case);
        let ruling = self.ruling().text(lang).to_uppercase();
        page.line(&format!("{}: {ruling}", page.pick("Gesamturteil", "Overall")));
        page.text
    }
}

impl Ending {
    /// The words for a person.
    pub fn text(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Sealed, Lang::De) => "geschlossen: alle Abschnitte verbindlich",
            (Self::Sealed, Lang::En) => "sealed: all legs binding",
            (Self::Open, Lang::De) => "offen: noch nicht entschieden",
            (Self::Open, Lang::En) => "open: not decided yet",
            (Self::Void(VoidReason::Cancelled), Lang::De) => "ohne Vertrag beendet: vom Besteller abgebrochen",
            (Self::Void(VoidReason::Cancelled), Lang::En) => "void: cancelled by the buyer",
            (Self::Void(VoidReason::Expired), Lang::De) => "ohne Vertrag beendet: Frist abgelaufen",
            (Self::Void(VoidReason::Expired), Lang::En) => "void: a deadline passed",
            (Self::Void(VoidReason::Rejected), Lang::De) => "ohne Vertrag beendet: abgelehnt",
            (Self::Void(VoidReason::Rejected), Lang::En) => "void: declined or rejected",
            (Self::Void(VoidReason::NotApproved), Lang::De) => "ohne Vertrag beendet: nicht freigegeben",
            (Self::Void(VoidReason::NotApproved), Lang::En) => "void: not approved",
            (Self::Void(VoidReason::PriceTooHigh), Lang::De) => "ohne Vertrag beendet: Preis zu hoch",
            (Self::Void(VoidReason::PriceTooHigh), Lang::En) => "void: price too high",
            (Self::Void(VoidReason::Lapsed), Lang::De) => "ohne Vertrag beendet: Voraussetzung entfallen",
            (Self::Void(VoidReason::Lapsed), Lang::En) => "void: a condition has lapsed",
            (Self::Void(VoidReason::Rerouted), Lang::De) => "ohne Vertrag beendet: anderer Weg gewählt",
            (Self::Void(VoidReason::Rerouted), Lang::En) => "void: another route was chosen",
            (Self::Void(VoidReason::Recalled), Lang::De) => "ohne Vertrag beendet: Zusage zurückgenommen",
            (Self::Void(VoidReason::Recalled), Lang::En) => "void: a promise was withdrawn",
            (Self::Void(VoidReason::Superseded), Lang::De) => "ohne Vertrag beendet: durch neue Anfrage ersetzt",
            (Self::Void(VoidReason::Superseded), Lang::En) => "void: replaced by another request",
        }
    }
}

/// The text report while it is written.
struct Page {
    lang: Lang,
    text: String,
}

impl Page {
    fn pick(&self, de: &'static str, en: &'static str) -> &'static str {
        if self.lang == Lang::De { de } else { en }
    }

    fn line(&mut self, line: &str) {
        writeln!(self.text, "{}", printable(line)).expect("writing into memory cannot fail");
    }

    fn section(&mut self, de: &'static str, en: &'static str) {
        let title = self.pick(de, en);
        self.line("");
        self.line(title);
    }

    fn item(&mut self, de: &'static str, en: &'static str, value: &str) {
        let label = self.pick(de, en);
        self.line(&format!("  {label:<14} {value}"));
    }

    fn heading(&mut self, case: &Case) {
        let title = self.pick("Prüfbericht zu einer Bestellung", "Audit report on an order");
        self.line(title);
        if let Some((order, attempt)) = case.order {
            let attempt = format!("{order} ({} {attempt})", self.pick("Versuch", "attempt"));
            self.item("Bestellung", "Order", &attempt);
        }
        if !case.parties.is_empty() {
            let parties: Vec<&str> = case.parties.iter().map(OrgId::as_str).collect();
            self.item("Beteiligte", "Parties", &parties.join(" → "));
        }
        if let Some((title, seller, version)) = &case.offering_title {
            let text = format!("„{title}“, {seller}, {} {version}", self.pick("Fassung", "version"));
            self.item("Angebot", "Offering", &text);
        }
        if let Some(mode) = case.mode {
            self.item("Art", "Kind", mode.text(self.lang));
        }
        if let Some(amends) = &case.amends {
            self.item("Bezug", "Relates to", &amends.text(self.lang));
        }
        if let Some((total, years)) = case.total {
            let text = format!("{total} ({years} {})", self.pick("Jahre", "years"));
            self.item("Gesamtpreis", "Total", &text);
        }
        for (org, weight, share) in &case.members {
            let text = format!("{org}: {share} ({} {weight})", self.pick("Schlüsselzahl", "number"));
            self.item("Für", "For", &text);
        }
        if let Some(day) = case.as_of {
            self.item("Vergabetag", "Day of award", &day.to_string());
        }
        if let Some(ending) = case.ending {
            self.item("Ergebnis", "Result", ending.text(self.lang));
        }
        if let Some(at) = case.witnessed_at {
            self.item("Bezeugt", "Witnessed", &instant(at));
        }
        if let Some(root) = case.root {
            self.item("Wurzel", "Root", &format!("sha256:{root}"));
        }
        let [statements, signatures, logs] = case.counts;
        let text = match self.lang {
            Lang::De => format!("{statements} Erklärungen, {signatures} Unterschriften, {logs} Protokolle"),
            Lang::En => format!("{statements} statements, {signatures} signatures, {logs} logs"),
        };
        self.item("Umfang", "Extent", &text);
    }

    fn checks(&mut self, rows: &[Row]) {
        self.section("Prüfungen", "Checks");
        for row in rows {
            let ruling = row.ruling().text(self.lang);
            self.line(&format!(
                "  {:<11} {ruling:<13} {:>4}  {}",
                row.check.code(),
                row.passed,
                row.check.text(self.lang)
            ));
        }
    }

    fn findings(&mut self, report: &Report) {
        if report.findings().next().is_none() {
            return;
        }
        self.section("Feststellungen", "Findings");
        let mut helped = BTreeSet::new();
        for (check, finding) in report.findings() {
            let (refusal, lang) = (&finding.refusal, self.lang);
            let ruling = match finding.ruling {
                Ruling::Valid => self.pick("Hinweis", "remark"),
                other => other.text(lang),
            };
            self.line(&format!("  {} {} {}: {ruling}", check.code(), refusal.reason.code(), finding.subject));
            let details = if refusal.fields.is_empty() { String::new() } else { format!(" ({})", refusal.details()) };
            self.line(&format!("    {}{details}", refusal.reason.text(lang)));
            if helped.insert(refusal.reason) {
                self.line(&format!("    {}", refusal.reason.help(lang)));
            }
        }
    }

    fn legs(&mut self, case: &Case) {
        if case.legs.is_empty() {
            return;
        }
        self.section("Abschnitte", "Legs");
        for leg in &case.legs {
            let basis = leg.basis.map_or("", Basis::paragraph);
            let assumed = if leg.assumed { self.pick(", mit Annahmen", ", with assumptions") } else { "" };
            let verdict = leg.verdict.text(self.lang);
            self.line(&format!("  {} → {}: {verdict}{assumed}  {basis}", leg.from, leg.to));
            for [de, en] in &leg.open {
                let text = if self.lang == Lang::De { de } else { en };
                self.line(&format!("    {text}"));
            }
        }
        if case.assumptions.is_empty() {
            return;
        }
        self.section("Annahmen", "Assumptions");
        for assumption in &case.assumptions {
            self.line(&format!("  {} ({}): {}", assumption.member, assumption.about, assumption.source));
        }
    }

    fn not_checked(&mut self, case: &Case) {
        self.section("Nicht geprüft", "Not checked");
        for gap in &case.not_checked {
            self.line(&format!("  - {}", gap.text(self.lang)));
        }
        self.line("");
    }
}
