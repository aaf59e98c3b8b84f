//! What a person calls the parts of a bundle: which paper, by whom, of which day. As the papers themselves say it.
//!
//! Must never judge, and never rest on anything but the bytes shown: a forged paper is called what it says it is.
use std::collections::BTreeMap;

use crate::audit::bundle::Reading;
use crate::domain::body::Body;
use crate::domain::characters::printable;
use crate::domain::id::{OfficerName, OrgId, Origin, StatementId};
use crate::domain::law::words::german;
use crate::domain::reason::Lang;
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::{Date, Timestamp};
use crate::domain::value_words::kind_text;

/// A statement as a person names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Paper {
    /// What it is.
    pub kind: Kind,
    /// The organisation that speaks, or about which others do.
    pub org: Option<OrgId>,
    /// The officer it names.
    pub officer: Option<OfficerName>,
    /// Whom or what it is about besides.
    pub about: Option<String>,
    /// Its day, as it says itself.
    pub day: Option<Date>,
    /// Its id.
    pub id: StatementId,
}

impl Paper {
    /// Reads what a statement says of itself; what cannot be read stays unsaid.
    pub fn of(signed: &Signed) -> Self {
        let mut paper =
            Self { kind: signed.kind().clone(), org: None, officer: None, about: None, day: None, id: signed.id() };
        let Ok(body) = Body::read(signed) else { return paper };
        paper.org = body.signer_rule().map(|(org, _)| org.clone());
        paper.day = body.signed_at().map(Timestamp::date);
        match &body {
            Body::FederationRoot(body) => paper.about = Some(body.version.to_string()),
            Body::Admission(body) => paper.org = Some(body.org.clone()),
            Body::Expulsion(body) => paper.org = Some(body.org.clone()),
            Body::KeyEvent(body) => paper.org = Some(body.org.clone()),
            Body::OfficerGrant(body) => {
                paper.org = Some(body.org.clone());
                paper.about = Some(body.officer.to_string());
            }
            Body::NodeRecord(body) => {
                paper.org = Some(body.operator.clone());
                paper.about = Some(body.node.to_string());
            }
            Body::Recovery(body) => paper.org = Some(body.org.clone()),
            Body::RulePack(body) => {
                paper.about = Some(body.name.to_string());
                paper.day = Some(body.valid_from);
            }
            Body::Membership(body) => {
                paper.about = Some(format!("{} → {}", body.member, body.of));
                paper.day = Some(body.known_from);
            }
            Body::EntityFacts(body) => paper.day = Some(body.known_from),
            Body::Offering(body) => {
                paper.about = Some(printable(&body.title));
                paper.day = Some(body.valid_from);
            }
            Body::Request(body) => paper.officer = Some(body.officer.clone()),
            Body::Decision(body) => paper.officer = Some(body.officer.clone()),
            Body::Milestone(body) => paper.officer = Some(body.officer.clone()),
            Body::Settlement(body) => {
                paper.officer = Some(body.officer.clone());
                paper.about = Some(printable(&body.terms));
            }
            Body::Erasure(body) => {
                paper.officer = Some(body.officer.clone());
                paper.about = Some(printable(&body.ground));
            }
            Body::Seal(body) => paper.officer.clone_from(&body.officer),
            Body::Void(body) => paper.officer.clone_from(&body.officer),
            Body::Recall(body) => paper.officer.clone_from(&body.officer),
            _ => {}
        }
        paper
    }

    /// `Abschluss von stadt-a (Person einkauf) vom 02.09.2026`.
    pub fn text(&self, lang: Lang) -> String {
        let say = |de, en| if lang == Lang::De { de } else { en };
        let mut text = kind_text(&self.kind, lang).to_owned();
        if let Some(about) = &self.about {
            text += &format!(" „{about}“");
        }
        if let Some(org) = &self.org {
            text += &format!(" {} {org}", say("von", "of"));
        }
        if let Some(officer) = &self.officer {
            text += &format!(" ({} {officer})", say("Person", "officer"));
        }
        if let Some(day) = self.day {
            text += &match lang {
                Lang::De => format!(" vom {}", german(day)),
                Lang::En => format!(" of {day}"),
            };
        }
        text
    }
}

/// The papers of a bundle by their names in it, and the organisations' full names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Papers {
    by_name: BTreeMap<String, Paper>,
    orgs: BTreeMap<OrgId, String>,
}

impl Papers {
    /// All papers that can be read.
    pub fn of(reading: &Reading) -> Self {
        let mut papers = Self::default();
        for filed in &reading.statements {
            if let Ok(Body::Admission(admission)) = Body::read(&filed.signed) {
                papers.orgs.insert(admission.org, printable(&admission.name));
            }
            papers.by_name.insert(filed.name.clone(), Paper::of(&filed.signed));
        }
        papers
    }

    /// Takes a paper under a name.
    pub fn put(&mut self, name: String, paper: Paper) {
        self.by_name.insert(name, paper);
    }

    /// The paper of which this is the name, or the name of one of its files.
    pub fn find(&self, subject: &str) -> Option<&Paper> {
        let at = |name: &str| self.by_name.get(name);
        let cut = |name: &str| name.rsplit_once('.').map(|(start, _)| start.to_owned());
        let shorter = cut(subject);
        let shortest = shorter.as_deref().and_then(cut);
        at(subject).or_else(|| at(shorter.as_deref()?)).or_else(|| at(shortest.as_deref()?))
    }

    /// What a person calls the thing that a finding is about: a paper, a log, a part of the bundle.
    pub fn subject(&self, subject: &str, lang: Lang) -> String {
        if let Some(paper) = self.find(subject) {
            return paper.text(lang);
        }
        let say = |de: &'static str, en: &'static str| if lang == Lang::De { de } else { en };
        if let Some((log, at)) = subject.split_once(" #") {
            return format!("{}, {} {at}", self.subject(log, lang), say("Stelle", "place"));
        }
        let (log, size) = match subject.strip_suffix(')').and_then(|start| start.split_once(" (")) {
            Some((log, size)) => (log, Some(size)),
            None => (subject, None),
        };
        if let Ok(origin) = log.parse::<Origin>() {
            let told = format!("{} {}", say("Protokoll des Knotens", "Log of the node"), origin.node);
            return match size {
                Some(size) => format!("{told}, {} {size}", say("Stand", "at size")),
                None => told,
            };
        }
        match subject {
            "bundle" => say("Prüfpaket", "Bundle").to_owned(),
            "order" => say("Bestellung", "Order").to_owned(),
            "facts" => say("Nachweise", "Facts").to_owned(),
            "root/1" => say("Wurzel des Verbunds", "Federation root").to_owned(),
            _ => self.other(subject, lang),
        }
    }

    fn other(&self, subject: &str, lang: Lang) -> String {
        let say = |de, en| if lang == Lang::De { de } else { en };
        if let Some(full) = subject.parse().ok().and_then(|org: OrgId| self.full_name(&org)) {
            return full;
        }
        let part = printable(subject);
        match subject.split_once('/') {
            Some(("order", _)) => format!("{} {part}", say("Erklärung zur Bestellung:", "Statement on the order:")),
            Some(("facts", _)) => format!("{} {part}", say("Nachweis:", "Fact:")),
            Some(("keys", _)) => format!("{} {part}", say("Schlüssel:", "Key:")),
            Some(("receipts", _)) => format!("{} {part}", say("Empfangsbestätigung:", "Receipt:")),
            _ => format!("{} {part}", say("Teil des Pakets:", "Part of the bundle:")),
        }
    }

    fn full_name(&self, org: &OrgId) -> Option<String> {
        self.orgs.get(org).map(|name| format!("{name} ({org})"))
    }

    /// An organisation with its full name, if its admission lies in the bundle.
    pub fn org(&self, org: &OrgId) -> String {
        self.full_name(org).unwrap_or_else(|| org.to_string())
    }

    /// The paper with this id.
    pub fn by_id(&self, id: &str) -> Option<&Paper> {
        let id: StatementId = id.parse().ok()?;
        self.by_name.values().find(|paper| paper.id == id)
    }
}
