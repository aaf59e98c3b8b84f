//! The dossier of one order: a draft of the *Vergabevermerk*, from nothing but the examined bundle.
//!
//! Same bundle, same root, same bytes. What was decided and why is taken from signed statements; what they do not say is
//! called unknown and left to the officer. Must never judge anew what the audit has judged, and never invent.
//! Contents after section 8 (2) VgV, which does not bind in-house awards but is what auditors ask for.
use crate::audit::annexes::Words;
use crate::audit::chronicle::Chronicle;
use crate::audit::dossier::page::{Cell, Chapter, Column, Fit, Page, Table};
use crate::audit::logs::Logs;
use crate::audit::report::told::Told;
use crate::audit::report::{Ending, Report};
use crate::audit::terms::buyer_of;
use crate::audit::verify::Examined;
use crate::domain::annex::Texts;
use crate::domain::body::Body;
use crate::domain::id::{Hash, OrgId};
use crate::domain::law::words::german;
use crate::domain::money::Cents;
use crate::domain::offering::Offering;
use crate::domain::order::{Attempt, Request};
use crate::domain::reason::Lang;
use crate::domain::rule_pack::Provision;
use crate::domain::time::{Date, Timestamp};

mod decisions;
mod evidence;
mod grounds;
mod offers;
pub mod page;
mod routes;
mod summary;

/// What the chapters are written from.
struct Draft<'e> {
    lang: Lang,
    report: &'e Report,
    logs: &'e Logs,
    chronicle: &'e Chronicle,
    attempt: &'e Attempt,
    words: &'e Words,
}

/// The draft for an examined bundle. Where not even the request holds, it says only that.
pub fn draft(examined: &Examined, lang: Lang) -> Page {
    let report = &examined.report;
    let say = |de: &'static str, en: &'static str| if lang == Lang::De { de } else { en };
    let ruling = report.ruling();
    let mut page = Page {
        lang,
        title: say("Vergabevermerk (Entwurf)", "Award record (draft)").to_owned(),
        ruling: ruling.code(),
        preface: vec![
            report.headline(lang),
            say(
                "Entwurf, aus den unterschriebenen Nachweisen erzeugt. Die zuständige Person prüft, ergänzt und \
                 unterschreibt ihn; sie entscheidet, nicht das Programm.",
                "Draft, made from the signed evidence. The officer in charge checks, completes and signs it; the \
                 officer decides, not the program.",
            )
            .to_owned(),
            say(
                "Was kursiv steht, geht aus dem Prüfpaket nicht hervor und ist von Hand zu ergänzen.",
                "What stands in italics does not follow from the bundle and must be added by hand.",
            )
            .to_owned(),
        ],
        foot: say("Vergabevermerk (Entwurf)", "Award record (draft)").to_owned(),
        chapters: Vec::new(),
    };
    if let (Some(logs), Some(attempt)) = (&examined.logs, &examined.attempt) {
        let draft = Draft { lang, report, logs, chronicle: &examined.chronicle, attempt, words: &examined.words };
        page.foot = format!("{}, {} {}", page.foot, say("Bestellung", "order"), draft.request().order);
        page.chapters = vec![
            draft.summary(),
            draft.subject(),
            draft.need(),
            draft.offerings(),
            draft.routes(),
            draft.evidence(),
            draft.price(),
            draft.decisions(),
            draft.deadlines(),
            draft.not_checked(),
            draft.signature(),
        ];
    } else {
        page.preface.push(
            say(
                "Das Prüfpaket enthält keine Anfrage, die Bestand hat; über die Bestellung ist nichts bekannt.",
                "The bundle contains no request that holds; nothing is known about the order.",
            )
            .to_owned(),
        );
    }
    page
}

impl<'e> Draft<'e> {
    /// The citation of a rule by the order's rule pack; nothing where it is not in the bundle.
    fn cite(&self, provision: Provision) -> String {
        let pack = self.logs.public().get(&self.request().rule_pack).map(|(_, verified)| verified.body());
        match pack {
            Some(Body::RulePack(pack)) => pack.cite(provision).to_owned(),
            _ => String::new(),
        }
    }

    /// The note in an annex; where it is not here, that.
    fn note_in(&self, annex: Option<Hash>) -> String {
        let Some(id) = annex else { return String::new() };
        match self.words.here.get(&id) {
            Some(annex) => annex.texts().note.clone(),
            None => self.absence(&id).to_owned(),
        }
    }

    /// What the buyer's officer has said beside the request; where that is not here, why.
    fn requested(&self, of: impl Fn(&Texts) -> &String) -> Cell {
        let Some(id) = self.request().annex else { return self.not_given() };
        match self.words.here.get(&id).map(|annex| of(annex.texts())) {
            Some(text) if text.is_empty() => self.not_given(),
            Some(text) => Cell::text(text),
            None => Cell::unknown(self.absence(&id)),
        }
    }

    fn not_given(&self) -> Cell {
        Cell::unknown(self.say("nicht angegeben; ergänzen", "not given; add it"))
    }

    /// Why an annex is not here.
    fn absence(&self, id: &Hash) -> &'static str {
        match self.words.erased.contains(id) {
            true => self.say("(rechtmäßig gelöscht)", "(lawfully erased)"),
            false => self.say("(Text liegt nicht bei)", "(text not present)"),
        }
    }

    fn say(&self, de: &'static str, en: &'static str) -> &'static str {
        if self.lang == Lang::De { de } else { en }
    }

    fn request(&self) -> &'e Request {
        self.attempt.request.body()
    }

    fn table(
        &self,
        id: &'static str,
        caption: &str,
        columns: &[(&'static str, Fit, &'static str, &'static str)],
        rows: Vec<Vec<Cell>>,
    ) -> Table {
        let column = |&(id, fit, de, en): &(_, _, _, _)| Column { id, head: self.say(de, en).to_owned(), fit };
        let columns = columns.iter().map(column).collect();
        Table { id, caption: caption.to_owned(), columns, rows, sum: Vec::new() }
    }

    fn money(&self, cents: Cents) -> Cell {
        Cell::of(cents.text(self.lang), cents.get())
    }

    /// A number with its thousands apart.
    fn count(&self, number: u64) -> Cell {
        let digits = number.to_string();
        let mut text = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                text.push(if self.lang == Lang::De { '.' } else { ',' });
            }
            text.push(digit);
        }
        Cell::of(text, number)
    }

    fn offering(&self) -> Option<(&'e str, &'e Offering)> {
        match self.logs.public().get(&self.request().offering) {
            Some((name, verified)) => match verified.body() {
                Body::Offering(offering) => Some((name, offering)),
                _ => None,
            },
            None => None,
        }
    }

    /// An organisation with the full name its admission gives.
    fn org(&self, org: &OrgId) -> Cell {
        let home = self.logs.home(org).ok();
        let admission = home.and_then(|home| home.orgs().get(org)).map(|standing| &standing.admission);
        match admission {
            Some(admission) => Cell::of(format!("{} ({org})", admission.name), org.as_str()),
            None => Cell::text(org),
        }
    }

    fn interval(&self, from: Date, to: Option<Date>) -> String {
        match (to, self.lang) {
            (Some(to), Lang::De) => format!("{} bis {}", german(from), german(to)),
            (Some(to), Lang::En) => format!("{from} to {to}"),
            (None, Lang::De) => format!("ab {}, ohne Ende", german(from)),
            (None, Lang::En) => format!("from {from}, open"),
        }
    }

    /// A day as its readers write it; the value is the same in every language.
    fn day(&self, day: Date) -> Cell {
        let text = if self.lang == Lang::De { german(day) } else { day.to_string() };
        Cell::of(text, day.to_string())
    }

    /// A time as its readers write it, to the second; signers' clocks, never proof.
    fn instant(&self, at: Timestamp) -> Cell {
        let text = match at.to_string().split_once('T') {
            Some((_, time)) if self.lang == Lang::De => {
                format!("{}, {} Uhr (UTC)", german(at.utc_date()), time.get(..8).unwrap_or(time))
            }
            _ => at.to_string(),
        };
        Cell::of(text, at.to_string())
    }

    fn yes_no(&self, yes: bool) -> Cell {
        Cell::of(if yes { self.say("ja", "yes") } else { self.say("nein", "no") }, yes)
    }

    fn subject(&self) -> Chapter {
        let request = self.request();
        let mut chapter = Chapter::new("subject", self.say("1. Gegenstand", "1. Subject"));
        let order = format!("{} ({} {})", request.order, self.say("Versuch", "attempt"), request.attempt);
        chapter.entry("order", self.say("Bestellung", "Order"), Cell::of(order, request.order.to_string()));
        chapter.entry("buyer", self.say("Auftraggeber", "Contracting authority"), self.org(&request.buyer));
        let address = self
            .say("Die Anschrift steht nicht im Prüfpaket; ergänzen.", "The address is not in the bundle; add it.");
        chapter.entry("address", self.say("Anschrift", "Address"), Cell::unknown(address));
        let area = buyer_of(request, Some(self.attempt), self.logs, self.chronicle).area;
        let area = area.map_or_else(|| Cell::unknown(self.say("nicht angegeben", "not given")), Cell::text);
        chapter.entry("area", self.say("Regionalschlüssel", "Regional key"), area);
        chapter.entry(
            "provider",
            self.say("Auftragnehmer am Ende der Kette", "Provider"),
            self.org(request.route.provider()),
        );
        chapter.entry("mode", self.say("Art", "Kind"), Cell::text(request.mode.text(self.lang)));
        if let Some(amends) = &request.amends {
            let text = Cell::of(amends.text(self.lang), amends.order.to_string());
            chapter.entry("amends", self.say("Bezug", "Relates to"), text);
        }
        let reference = if request.reference.is_empty() {
            Cell::unknown(self.say("nicht angegeben", "not given"))
        } else {
            Cell::text(&request.reference)
        };
        chapter.entry("reference", self.say("Zeichen des Auftraggebers", "Buyer's reference"), reference);
        chapter.entry("as_of", self.say("Tag der Vergabe", "Day of award"), self.day(request.as_of));
        chapter.entry(
            "term_years",
            self.say("Laufzeit in Jahren", "Term in years"),
            Cell::of(request.term_years, request.term_years),
        );
        let ending = self.report.case.ending.unwrap_or(Ending::Open);
        chapter.entry("ending", self.say("Ergebnis", "Result"), Cell::of(ending.text(self.lang), ending.code()));
        let root = match self.report.case.root {
            Some(root) => Cell::text(format!("sha256:{root}")),
            None => Cell::unknown(self.say("nicht im Prüfpaket", "not in the bundle")),
        };
        chapter.entry("root", self.say("Wurzel des Verbunds", "Federation root"), root);
        chapter
    }

    fn not_checked(&self) -> Chapter {
        let mut chapter = Chapter::new(
            "not-checked",
            self.say("9. Feststellungen und was nicht geprüft ist", "9. Findings, and what was not checked"),
        );
        let rows = self.report.findings().map(|(check, finding)| {
            let told = Told::new(check, finding, &self.report.case.papers, self.lang);
            vec![
                Cell::of(finding.ruling.text(self.lang), finding.ruling.code()),
                Cell::of(told.about, finding.subject.as_str()),
                Cell::of(told.sentence, finding.refusal.reason.code()),
                Cell::of(check.text(self.lang), check.code()),
                Cell::text(told.place),
            ]
        });
        let rows: Vec<Vec<Cell>> = rows.collect();
        if rows.is_empty() {
            chapter.note(self.say("Die Prüfung ergab keine Feststellungen.", "The audit had no findings."));
        } else {
            let columns = [
                ("ruling", Fit::Word, "Urteil", "Ruling"),
                ("subject", Fit::Text, "Betrifft", "Concerns"),
                ("reason", Fit::Text, "Feststellung", "Finding"),
                ("check", Fit::Below, "Prüfung", "Check"),
                ("place", Fit::Below, "Fundstelle", "Place"),
            ];
            chapter.tables.push(self.table("findings", self.say("Feststellungen", "Findings"), &columns, rows));
        }
        for gap in &self.report.case.not_checked {
            chapter.note(format!("{}: {}", self.say("Nicht geprüft", "Not checked"), gap.text(self.lang)));
        }
        chapter
    }

    fn signature(&self) -> Chapter {
        let mut chapter =
            Chapter::new("signature", self.say("10. Prüfung und Unterschrift", "10. Review and signature"));
        for (id, label) in [
            ("place", self.say("Ort, Datum", "Place, date")),
            ("name", self.say("Name, Amt", "Name, office")),
            ("signature", self.say("Unterschrift", "Signature")),
        ] {
            chapter.entry(id, label, Cell::unknown("________________"));
        }
        chapter
    }
}
