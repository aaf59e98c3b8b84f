//! The report as a page of text for a person. Must never judge: it only says what was found.
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::told::{Told, moment};
use super::{Case, Ending, LogLine, Report, Row, Ruling, instant};
use crate::domain::characters::printable;
use crate::domain::id::OrgId;
use crate::domain::law::words::german;
use crate::domain::order::VoidReason;
use crate::domain::reason::Lang;

impl Report {
    /// The verdict and the one sentence that matters.
    pub fn headline(&self, lang: Lang) -> String {
        let worst = self.ruling();
        let verdict = worst.text(lang);
        let mut said = verdict[..1].to_uppercase() + &verdict[1..];
        let mut wrong = self.findings().filter(|(_, finding)| finding.ruling == worst);
        match (worst, wrong.next()) {
            (Ruling::Valid, _) => said += &format!(": {}", self.case.borne_out(lang)),
            (_, None) => said.push('.'),
            (_, Some((check, finding))) => {
                let told = Told::new(check, finding, &self.case.papers, lang);
                said += &format!(": {}. {}", told.about, told.sentence);
                said += &match (wrong.count(), lang) {
                    (0, _) => String::new(),
                    (1, Lang::De) => " Dazu eine weitere Feststellung.".to_owned(),
                    (1, Lang::En) => " And one more finding.".to_owned(),
                    (more, Lang::De) => format!(" Dazu {more} weitere Feststellungen."),
                    (more, Lang::En) => format!(" And {more} more findings."),
                };
            }
        }
        said
    }

    /// The report as text, one layout for both languages: the verdict, what led to it, what was examined.
    pub fn text(&self, lang: Lang) -> String {
        let mut page = Page { lang, text: String::new() };
        page.line(&self.ruling().text(lang).to_uppercase());
        page.line(&self.headline(lang));
        page.findings(self);
        if self.case.logs.is_empty() {
            page.heading(&self.case);
        } else {
            page.logs(&self.case);
        }
        page.checks(&self.rows);
        page.legs(&self.case);
        page.not_checked(&self.case);
        let ruling = self.ruling().text(lang).to_uppercase();
        page.line(&format!("{}: {ruling}", page.pick("Gesamturteil", "Overall")));
        page.text
    }
}

impl Case {
    /// What the evidence bears out, in one sentence.
    fn borne_out(&self, lang: Lang) -> String {
        if !self.logs.is_empty() {
            let (logs, entries) = (self.logs.len(), self.logs.iter().map(|log| log.size).sum::<u64>());
            return match lang {
                Lang::De => format!("Alle {logs} Protokolle mit {entries} Einträgen sind nachgerechnet und stimmen."),
                Lang::En => format!("All {logs} logs with {entries} entries were computed again and hold."),
            };
        }
        let (Some(buyer), Some(provider), Some(ending)) = (self.parties.first(), self.parties.last(), self.ending)
        else {
            let [de, en] = ["die Nachweise stimmen.", "the evidence holds."];
            return if lang == Lang::De { de } else { en }.to_owned();
        };
        let (buyer, provider) = (self.papers.org(buyer), self.papers.org(provider));
        let price = self.total.map(|(total, _)| total.text(lang));
        match (ending, price, lang) {
            (Ending::Sealed, Some(price), Lang::De) => format!(
                "Der Vertrag ist so zustande gekommen, wie die Nachweise sagen: {buyer} bei {provider}, {price} netto über \
                 die Laufzeit, {} Abschnitte.",
                self.legs.len()
            ),
            (Ending::Sealed, Some(price), Lang::En) => format!(
                "The contract came about as the evidence says: {buyer} with {provider}, {price} net over the term, {} legs.",
                self.legs.len()
            ),
            (Ending::CalledOff, Some(price), Lang::De) => format!(
                "Der Einzelabruf bindet, wie die Nachweise sagen: {buyer} bei {provider}, {price} netto über die Laufzeit. \
                 Die Kette dahinter ist nicht Teil dieses Pakets."
            ),
            (Ending::CalledOff, Some(price), Lang::En) => format!(
                "The call-off binds as the evidence says: {buyer} with {provider}, {price} net over the term. The chain behind \
                 it is not part of this bundle."
            ),
            (_, _, Lang::De) => {
                format!("Die Nachweise zur Bestellung von {buyer} bei {provider} stimmen; {}.", ending.text(lang))
            }
            (_, _, Lang::En) => {
                format!("The evidence on the order of {buyer} with {provider} holds; {}.", ending.text(lang))
            }
        }
    }
}

impl Ending {
    /// The words for a person.
    pub fn text(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Sealed, Lang::De) => "geschlossen: alle Abschnitte verbindlich",
            (Self::Sealed, Lang::En) => "sealed: all legs binding",
            (Self::CalledOff, Lang::De) => {
                "Einzelabruf: verbindlich zwischen Mitglied und der Stelle, die bestellt hat"
            }
            (Self::CalledOff, Lang::En) => "call-off: binding between the member and whoever ordered",
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
        self.section("Geprüfte Bestellung", "Order examined");
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
            let text = format!("{} ({years} {})", total.text(self.lang), self.pick("Jahre", "years"));
            self.item("Gesamtpreis", "Total", &text);
        }
        for (org, weight, share) in &case.members {
            let text = format!("{org}: {share} ({} {weight})", self.pick("Schlüsselzahl", "number"));
            self.item("Für", "For", &text);
        }
        if let Some(day) = case.as_of {
            let day = if self.lang == Lang::De { german(day) } else { day.to_string() };
            self.item("Vergabetag", "Day of award", &day);
        }
        if let Some((pack, began)) = &case.law {
            let begun = self.pick("Verfahren begonnen am", "procedure began on");
            let day = if self.lang == Lang::De { german(*began) } else { began.to_string() };
            self.item("Regelwerk", "Rule pack", &format!("{pack}, {begun} {day}"));
        }
        if let Some(ending) = case.ending {
            self.item("Ergebnis", "Result", ending.text(self.lang));
        }
        if let Some(at) = case.witnessed_at {
            self.item("Bezeugt", "Witnessed", &moment(instant(at), self.lang));
        }
        if let Some(stamp) = &case.stamp {
            let by = stamp.by.as_deref().unwrap_or("?");
            let trusted = match stamp.is_trusted {
                true => self.pick("Aussteller geprüft", "issuer checked"),
                false => self.pick("Aussteller nicht geprüft", "issuer not checked"),
            };
            self.item("Zeitstempel", "Time stamp", &format!("{}, {by} ({trusted})", moment(stamp.at, self.lang)));
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

    fn logs(&mut self, case: &Case) {
        self.section(
            "Protokolle (Einträge, davon mit Inhalt; Prüfpunkt; Zeugen)",
            "Logs (entries, of which with content; checkpoint; witnesses)",
        );
        for log in &case.logs {
            let checkpoint = log.checkpoint.map_or_else(|| "–".to_owned(), |size| size.to_string());
            let LogLine { origin, size, contents, witnesses, needed, .. } = log;
            self.line(&format!("  {size:>9} {contents:>9} {checkpoint:>9}  {witnesses}/{needed}  {origin}"));
        }
        if let Some(root) = case.root {
            self.item("Wurzel", "Root", &format!("sha256:{root}"));
        }
    }

    fn checks(&mut self, rows: &[Row]) {
        self.section("Prüfungen (Urteil, Zahl der Einzelprüfungen)", "Checks (verdict, number of single checks)");
        for row in rows {
            let ruling = row.ruling().text(self.lang);
            let (title, code) = (row.check.text(self.lang), row.check.code());
            self.line(&format!("  {ruling:<13} {:>4}  {title} [{code}]", row.passed));
        }
    }

    fn findings(&mut self, report: &Report) {
        if report.findings().next().is_none() {
            return;
        }
        self.section("Feststellungen", "Findings");
        let mut worst_first: Vec<_> = report.findings().collect();
        worst_first.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.ruling));
        let mut helped = BTreeSet::new();
        for (number, (check, finding)) in worst_first.into_iter().enumerate() {
            let told = Told::new(check, finding, &report.case.papers, self.lang);
            let ruling = match finding.ruling {
                Ruling::Valid => self.pick("Hinweis", "remark"),
                other => other.text(self.lang),
            };
            self.line(&format!("  {}. {ruling}: {}", number + 1, told.about));
            self.line(&format!("     {}", told.sentence));
            if helped.insert(told.remedy) {
                let what_now = self.pick("Abhilfe", "What now");
                self.line(&format!("     {what_now}: {}", told.remedy));
            }
            self.line(&format!("     [{}]", told.place));
        }
    }

    fn legs(&mut self, case: &Case) {
        if case.legs.is_empty() {
            return;
        }
        self.section("Abschnitte", "Legs");
        for leg in &case.legs {
            let basis = &leg.paragraph;
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
