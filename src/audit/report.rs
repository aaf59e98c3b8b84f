//! What an audit found: every check with its ruling, every finding with its code, and what was not checked.
//!
//! Must never soften: the overall ruling is the worst of all, and a check that had nothing to look at is not passed.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::domain::characters::printable;
use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::law::{Basis, Verdict};
use crate::domain::money::Cents;
use crate::domain::order::{Amends, Mode, VoidReason};
use crate::domain::reason::{Class, Lang, Reason, Refusal};
use crate::domain::time::{Date, Timestamp};

/// What a check or the whole audit says. The order is from best to worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ruling {
    /// *Gültig*: examined and found right.
    Valid,
    /// *Nicht prüfbar*: what is needed to examine it is missing.
    NotCheckable,
    /// *Ungültig*: examined and found wrong.
    Invalid,
}

impl Ruling {
    /// The stable word.
    pub fn code(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::NotCheckable => "NOT_CHECKABLE",
            Self::Invalid => "INVALID",
        }
    }

    /// The words for a person.
    pub fn text(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Valid, Lang::De) => "gültig",
            (Self::Valid, Lang::En) => "valid",
            (Self::NotCheckable, Lang::De) => "nicht prüfbar",
            (Self::NotCheckable, Lang::En) => "not checkable",
            (Self::Invalid, Lang::De) => "ungültig",
            (Self::Invalid, Lang::En) => "invalid",
        }
    }

    /// The process exit code: 0, 10 or 9.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::NotCheckable => Class::Incomplete.exit_code(),
            Self::Invalid => Class::Verification.exit_code(),
        }
    }

    /// What a refusal means for an auditor: a gap in the evidence, or a contradiction.
    pub fn of(refusal: &Refusal) -> Self {
        let gap = matches!(
            refusal.reason,
            Reason::OrgUnknown
                | Reason::OfferingUnknown
                | Reason::RulePackUnknown
                | Reason::LegNotProven
                | Reason::ChainIncomplete
        );
        if gap || refusal.reason.class() == Class::Incomplete { Self::NotCheckable } else { Self::Invalid }
    }
}

macro_rules! checks {
    ($($variant:ident $code:literal $de:literal $en:literal;)*) => {
        /// One check: what is compared with what.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Check {
            $(#[doc = $en] $variant,)*
        }

        impl Check {
            /// Every check, in the order of the report.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable word.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The title for a person.
            pub fn text(self, lang: Lang) -> &'static str {
                match (self, lang) { $((Self::$variant, Lang::De) => $de, (Self::$variant, Lang::En) => $en,)* }
            }
        }
    };
}

checks! {
    Container "CONTAINER" "Behälter, Teile und Prüfsummen" "Container, members and digests";
    Root "ROOT" "Wurzel des Verbunds" "Federation root";
    Trust "TRUST" "Aufnahmen, Schlüssel, Vollmachten" "Admissions, keys, grants";
    Complete "COMPLETE" "Nichts über Schlüssel und Ausschlüsse weggelassen" "Nothing about keys and expulsions left out";
    Checkpoint "CHECKPOINT" "Prüfpunkte der Protokolle" "Checkpoints of the logs";
    Witnesses "WITNESSES" "Mitzeichnung der Zeugen" "Cosignatures of the witnesses";
    Inclusion "INCLUSION" "Platz im Protokoll" "Place in the log";
    Position "POSITION" "Reihenfolge: Schlüssel vor Unterschrift" "Order: key before signature";
    Facts "FACTS" "Angebot, Regelwerk, Tatsachen: unterschrieben von zuständiger Stelle" "Offering, rule pack, facts: signed by whom they must be";
    Signers "SIGNERS" "Erklärungen der Beteiligten" "Statements of the parties";
    Chain "CHAIN" "Kette der Erklärungen" "Chain of the statements";
    Outcome "OUTCOME" "Abschluss" "Outcome";
    Price "PRICE" "Preis und Summe" "Price and total";
    Offering "OFFERING" "Angebot in der bestellten Fassung" "Offering in the version ordered";
    Legs "LEGS" "Abschnitte nach § 108 GWB" "Legs under section 108 GWB";
    Officers "OFFICERS" "Betragsgrenzen, Vier-Augen-Prinzip" "Limits, four eyes";
    Times "TIMES" "Fristen nach den angegebenen Zeiten" "Deadlines by the times stated";
    Receipts "RECEIPTS" "Empfangsbestätigungen" "Receipts";
}

macro_rules! gaps {
    ($($variant:ident $code:literal $de:literal $en:literal;)*) => {
        /// What no bundle can show, or this one does not.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum NotChecked {
            $(#[doc = $en] $variant,)*
        }

        impl NotChecked {
            /// The stable word.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// One sentence for a person.
            pub fn text(self, lang: Lang) -> &'static str {
                match (self, lang) { $((Self::$variant, Lang::De) => $de, (Self::$variant, Lang::En) => $en,)* }
            }
        }
    };
}

gaps! {
    LaterRevocations "LATER_REVOCATIONS"
        "Ob Schlüssel, Vollmachten oder Mitgliedschaften nach den Prüfpunkten im Paket widerrufen wurden."
        "Whether keys, grants or memberships were revoked after the checkpoints in the bundle.";
    TruthOfFacts "TRUTH_OF_FACTS"
        "Ob die unterschriebenen Tatsachen wahr sind; geprüft ist nur, wer sie erklärt hat."
        "Whether the facts signed are true; only who stated them was checked.";
    WallClock "WALL_CLOCK"
        "Uhrzeiten: sie sind Angaben der Unterzeichner und Zeugen; bewiesen ist nur die Reihenfolge."
        "Times of day: they are claims of signers and witnesses; only the order is proven.";
    Withheld "WITHHELD"
        "Ob Erklärungen zurückgehalten wurden: andere Versuche, jüngere Tatsachen, widersprechende Erklärungen."
        "Whether statements were withheld: other attempts, newer facts, contradicting statements.";
    LawBeyond "LAW_BEYOND_108"
        "Andere Rechtsfragen als § 108 und § 120 Abs. 4 GWB, etwa Haushalts-, Beihilfe- und Umsatzsteuerrecht."
        "Questions of law other than sections 108 and 120 (4) GWB, such as budget, state aid and VAT law.";
    NoTimestamp "NO_QUALIFIED_TIMESTAMP"
        "Ein qualifizierter Zeitstempel liegt nicht bei."
        "There is no qualified time stamp.";
    TimestampUnchecked "QUALIFIED_TIMESTAMP_UNCHECKED"
        "Der beiliegende Zeitstempel META-INF/timestamp.tst: mit `openssl ts -verify` prüfen."
        "The time stamp META-INF/timestamp.tst that lies in it: check it with `openssl ts -verify`.";
    NoReceipts "NO_RECEIPTS"
        "Wann die Erklärungen angekommen sind: es liegen keine Empfangsbestätigungen bei."
        "When the statements arrived: there are no receipts.";
}

/// One thing a check has to say. A finding ruled *valid* is a remark.
#[derive(Clone, PartialEq, Debug)]
pub struct AuditFinding {
    /// What it is about: a member of the bundle, or an organisation.
    pub subject: String,
    /// How it counts.
    pub ruling: Ruling,
    /// The rule and its values.
    pub refusal: Refusal,
}

/// One check.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// Which.
    pub check: Check,
    /// How many things were examined and found right.
    pub passed: usize,
    /// What there is to say.
    pub findings: Vec<AuditFinding>,
}

impl Row {
    /// The worst of its findings.
    pub fn ruling(&self) -> Ruling {
        self.findings.iter().map(|finding| finding.ruling).max().unwrap_or(Ruling::Valid)
    }
}

/// Where findings are written down while the examination goes on.
#[derive(Clone, Default, Debug)]
pub struct Book {
    rows: BTreeMap<Check, (usize, Vec<AuditFinding>)>,
    spared: BTreeSet<Check>,
}

impl Book {
    /// One thing more is right.
    pub fn pass(&mut self, check: Check) {
        self.rows.entry(check).or_default().0 += 1;
    }

    /// There may be nothing to check here, and that is as it should be.
    pub fn spare(&mut self, check: Check) {
        self.spared.insert(check);
    }

    /// Something is wrong or missing; the refusal says which.
    pub fn refuse(&mut self, check: Check, subject: impl ToString, refusal: Refusal) {
        let ruling = Ruling::of(&refusal);
        self.note(check, subject, ruling, refusal);
    }

    /// Something counts as the caller says.
    pub fn note(&mut self, check: Check, subject: impl ToString, ruling: Ruling, refusal: Refusal) {
        let finding = AuditFinding { subject: subject.to_string(), ruling, refusal };
        self.rows.entry(check).or_default().1.push(finding);
    }

    /// Books a result and gives the value.
    pub fn judge<T>(&mut self, check: Check, subject: impl ToString, result: Result<T, Refusal>) -> Option<T> {
        match result {
            Ok(value) => {
                self.pass(check);
                Some(value)
            }
            Err(refusal) => {
                self.refuse(check, subject, refusal);
                None
            }
        }
    }

    /// Ends the examination. A check that had nothing to look at could not be made; receipts may be absent.
    pub fn close(mut self, mut case: Case) -> Report {
        let rows = Check::ALL.iter().filter_map(|&check| {
            let (passed, mut findings) = self.rows.remove(&check).unwrap_or_default();
            if passed == 0 && findings.is_empty() {
                if check == Check::Receipts {
                    case.not_checked.push(NotChecked::NoReceipts);
                }
                if check == Check::Receipts || self.spared.contains(&check) {
                    return None;
                }
                let refusal = Refusal::new(Reason::EvidenceMissing);
                findings.push(AuditFinding { subject: "bundle".to_owned(), ruling: Ruling::of(&refusal), refusal });
            }
            Some(Row { check, passed, findings })
        });
        let rows = rows.collect();
        case.not_checked.sort();
        Report { rows, case }
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// With a contract on every leg.
    Sealed,
    /// Without one.
    Void(VoidReason),
    /// Not yet.
    Open,
}

/// The leg and what judging it again gave.
#[derive(Clone, PartialEq, Debug)]
pub struct LegLine {
    /// Who awards.
    pub from: OrgId,
    /// To whom.
    pub to: OrgId,
    /// The result.
    pub verdict: Verdict,
    /// The case of section 108 GWB.
    pub basis: Option<Basis>,
    /// Whether it rests on assumptions.
    pub assumed: bool,
    /// The conditions that fail or lack a fact, in both languages.
    pub open: Vec<[String; 2]>,
}

/// A fact that is an assumption and on which a leg rests.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Assumption {
    /// The member.
    pub member: String,
    /// What it is about.
    pub about: String,
    /// Its source in its own words.
    pub source: String,
}

/// What was examined. As the bundle claims it; the rulings say how much of it holds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Case {
    /// The root the bundle contains.
    pub root: Option<StatementId>,
    /// The order and its attempt.
    pub order: Option<(OrderId, u32)>,
    /// The parties, buyer first, provider last.
    pub parties: Vec<OrgId>,
    /// The offering ordered.
    pub offering: Option<StatementId>,
    /// Its title, seller and version, if it is in the bundle.
    pub offering_title: Option<(String, OrgId, u32)>,
    /// The day of award.
    pub as_of: Option<Date>,
    /// Whether it binds.
    pub mode: Option<Mode>,
    /// The sealed order it changes or prolongs.
    pub amends: Option<Amends>,
    /// The members for whom it was ordered: each with its number for the key and its share of the total.
    pub members: Vec<(OrgId, u64, Cents)>,
    /// The total over the term in years.
    pub total: Option<(Cents, u32)>,
    /// How the attempt ended.
    pub ending: Option<Ending>,
    /// When, by the witnesses' clocks, enough of them had seen the end, in seconds since 1970.
    pub witnessed_at: Option<u64>,
    /// The legs judged again.
    pub legs: Vec<LegLine>,
    /// The assumptions the legs rest on.
    pub assumptions: Vec<Assumption>,
    /// Statements, signatures on them, logs.
    pub counts: [usize; 3],
    /// What was not checked.
    pub not_checked: Vec<NotChecked>,
}

/// The result of an audit.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// Every check that was made.
    pub rows: Vec<Row>,
    /// What it was about.
    pub case: Case,
}

impl Report {
    /// The report on what could not be read as a bundle: nothing else can be said of it.
    pub fn unread(subject: &str, refusal: Refusal) -> Self {
        let finding = AuditFinding { subject: subject.to_owned(), ruling: Ruling::of(&refusal), refusal };
        Self {
            rows: vec![Row { check: Check::Container, passed: 0, findings: vec![finding] }],
            case: Case::default(),
        }
    }

    /// The worst of all.
    pub fn ruling(&self) -> Ruling {
        self.rows.iter().map(Row::ruling).max().unwrap_or(Ruling::NotCheckable)
    }

    /// All findings with their check.
    pub fn findings(&self) -> impl Iterator<Item = (Check, &AuditFinding)> {
        self.rows.iter().flat_map(|row| row.findings.iter().map(|finding| (row.check, finding)))
    }

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

    /// The report for machines.
    pub fn json(&self, lang: Lang) -> Value {
        let finding = |finding: &AuditFinding| {
            json!({
                "subject": printable(&finding.subject),
                "verdict": finding.ruling.code(),
                "reason": finding.refusal.reason.code(),
                "message": finding.refusal.reason.text(lang),
                "details": finding.refusal.fields,
            })
        };
        let row = |row: &Row| {
            json!({
                "check": row.check.code(),
                "title": row.check.text(lang),
                "verdict": row.ruling().code(),
                "passed": row.passed,
                "findings": row.findings.iter().map(finding).collect::<Vec<_>>(),
            })
        };
        let not_checked = |gap: &NotChecked| json!({ "code": gap.code(), "text": gap.text(lang) });
        json!({
            "verdict": self.ruling().code(),
            "exit_code": self.ruling().exit_code(),
            "case": self.case.json(lang),
            "checks": self.rows.iter().map(row).collect::<Vec<_>>(),
            "not_checked": self.case.not_checked.iter().map(not_checked).collect::<Vec<_>>(),
        })
    }
}

impl Case {
    fn json(&self, lang: Lang) -> Value {
        let leg = |leg: &LegLine| {
            json!({
                "from": leg.from, "to": leg.to, "verdict": leg.verdict, "basis": leg.basis,
                "paragraph": leg.basis.map(Basis::paragraph), "assumed": leg.assumed,
                "open": leg.open.iter().map(|[de, en]| if lang == Lang::De { de } else { en }).collect::<Vec<_>>(),
            })
        };
        let assumption = |assumption: &Assumption| json!({ "member": assumption.member, "about": assumption.about, "source": printable(&assumption.source) });
        let title = self.offering_title.as_ref();
        let member = |(org, weight, share): &(OrgId, u64, Cents)| json!({ "org": org, "weight": weight, "share_cents": share });
        json!({
            "mode": self.mode, "amends": self.amends,
            "members": self.members.iter().map(member).collect::<Vec<_>>(),
            "root": self.root, "order": self.order.map(|(order, _)| order), "attempt": self.order.map(|(_, n)| n),
            "parties": self.parties, "offering": self.offering,
            "title": title.map(|(title, _, _)| printable(title)), "seller": title.map(|(_, seller, _)| seller),
            "version": title.map(|(_, _, version)| version), "as_of": self.as_of.map(|day| day.to_string()),
            "total_cents": self.total.map(|(total, _)| total), "term_years": self.total.map(|(_, years)| years),
            "ending": self.ending.map(|ending| ending.code()), "witnessed_at": self.witnessed_at.map(instant),
            "statements": self.counts[0], "signatures": self.counts[1], "logs": self.counts[2],
            "legs": self.legs.iter().map(leg).collect::<Vec<_>>(),
            "assumptions": self.assumptions.iter().map(assumption).collect::<Vec<_>>(),
        })
    }
}

impl Ending {
    /// The stable word.
    pub fn code(self) -> &'static str {
        match self {
            Self::Sealed => "SEALED",
            Self::Open => "OPEN",
            Self::Void(VoidReason::Cancelled) => "VOID_CANCELLED",
            Self::Void(VoidReason::Expired) => "VOID_EXPIRED",
            Self::Void(VoidReason::Rejected) => "VOID_REJECTED",
            Self::Void(VoidReason::NotApproved) => "VOID_NOT_APPROVED",
            Self::Void(VoidReason::PriceTooHigh) => "VOID_PRICE_TOO_HIGH",
            Self::Void(VoidReason::Lapsed) => "VOID_LAPSED",
            Self::Void(VoidReason::Rerouted) => "VOID_REROUTED",
            Self::Void(VoidReason::Recalled) => "VOID_RECALLED",
            Self::Void(VoidReason::Superseded) => "VOID_SUPERSEDED",
        }
    }

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

fn instant(seconds: u64) -> String {
    Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)).to_string()
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
