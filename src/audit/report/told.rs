//! A finding in words: whom and which paper it concerns, what is wrong, what to do; numbers and codes come last.
//!
//! The words of a refusal are made for whoever acts in the federation; an auditor acts on papers, so where the two differ
//! the auditor's words stand here. Must never change what counts: codes and rulings are those of the finding.
use super::{AuditFinding, Check, Ruling};
use crate::audit::papers::Papers;
use crate::domain::characters::printable;
use crate::domain::law::words::german;
use crate::domain::reason::{Class, Lang, Reason, Refusal};
use crate::domain::statement::Kind;
use crate::domain::time::{Timestamp, parse_date};
use crate::domain::value_words::kind_text;

/// A finding for a person.
pub struct Told {
    /// Whom and which paper it concerns, with the day.
    pub about: String,
    /// What is wrong, in a sentence or two.
    pub sentence: String,
    /// What to do.
    pub remedy: &'static str,
    /// Where it stands, and the stable words.
    pub place: String,
}

impl Told {
    /// Puts a finding into words.
    pub fn new(check: Check, finding: &AuditFinding, papers: &Papers, lang: Lang) -> Self {
        let refusal = &finding.refusal;
        let mut about = papers.subject(&finding.subject, lang);
        for (label, value) in concerned(refusal, papers, lang) {
            if !about.contains(&value) {
                about += &format!("; {label} {value}");
            }
        }
        let mut place = format!("{} · {} · {}", printable(&finding.subject), check.code(), refusal.reason.code());
        let details = technical(refusal);
        if !details.is_empty() {
            place += &format!(" · {details}");
        }
        Self { about, sentence: sentence(refusal, lang), remedy: remedy(finding, lang), place }
    }
}

/// What is wrong: the auditor's words for the reason, and the rule that was broken.
fn sentence(refusal: &Refusal, lang: Lang) -> String {
    let text = auditors_words(refusal.reason, lang).unwrap_or_else(|| refusal.reason.text(lang));
    match refusal.field("rule").and_then(|rule| rule_text(rule, lang)) {
        Some(rule) => format!("{text} {rule}"),
        None => text.to_owned(),
    }
}

fn auditors_words(reason: Reason, lang: Lang) -> Option<&'static str> {
    let [de, en] = match reason {
        Reason::RootUnknown => [
            "Das Paket gehört nicht zu dem Verbund, dessen Kennwert angegeben wurde.",
            "The bundle does not belong to the federation whose value was given.",
        ],
        Reason::ProofInvalid => [
            "Dass dies an der angegebenen Stelle des Protokolls steht, ist nicht wahr oder verändert worden.",
            "That this stands in the log at the place given is not true or has been altered.",
        ],
        Reason::CheckpointInvalid => [
            "Den Stand des Protokolls hat nicht sein Betreiber unterschrieben.",
            "The state of the log was not signed by its operator.",
        ],
        Reason::LogFork => [
            "Von diesem Protokoll gibt es zwei Fassungen, die sich widersprechen.",
            "There are two versions of this log that contradict each other.",
        ],
        Reason::KeyUnknown => [
            "Mit diesem Schlüssel durfte an dieser Stelle noch niemand unterschreiben, soweit das Paket es belegt.",
            "As far as the bundle shows, nobody was entitled to sign with this key at this place.",
        ],
        Reason::SignerWrong => [
            "Unterschrieben hat jemand, der dafür nicht zuständig ist.",
            "It was signed by someone who is not entitled to.",
        ],
        Reason::OrgUnknown => [
            "Das Paket belegt nicht, wer diese Organisation ist.",
            "The bundle does not show who this organisation is.",
        ],
        Reason::OfferingUnknown => {
            ["Das bestellte Angebot liegt dem Paket nicht bei.", "The offering ordered is not in the bundle."]
        }
        Reason::RulePackUnknown => [
            "Das Regelwerk, nach dem beurteilt wurde, liegt dem Paket nicht bei.",
            "The rule pack by which the legs were judged is not in the bundle.",
        ],
        Reason::ChainIncomplete => [
            "Es fehlen Erklärungen, ohne die kein Vertrag belegt ist.",
            "Statements are missing without which no contract is proven.",
        ],
        Reason::OrderDisputed => [
            "Es gibt zwei Erklärungen, die sich widersprechen.",
            "There are two statements that contradict each other.",
        ],
        Reason::PriceMismatch => [
            "Der Preis folgt nicht aus dem, was veröffentlicht oder vereinbart ist.",
            "The price does not follow from what was published or agreed.",
        ],
        Reason::DeadlinePassed => ["Das geschah nach Ablauf der Frist.", "This came after the deadline."],
        Reason::StatementMalformed => ["Das ist keine lesbare Erklärung.", "This is no statement that can be read."],
        _ => return None,
    };
    Some(if lang == Lang::De { de } else { en })
}

/// What an auditor can do. Reasons made for audits say it themselves; the others speak to whoever acts.
fn remedy(finding: &AuditFinding, lang: Lang) -> &'static str {
    let own = matches!(finding.refusal.reason.class(), Class::Verification | Class::Incomplete);
    match (finding.ruling, lang) {
        _ if own || finding.refusal.reason == Reason::RootUnknown => finding.refusal.reason.help(lang),
        (Ruling::Valid, Lang::De) => "Nichts zu tun: es ändert das Urteil nicht.",
        (Ruling::Valid, Lang::En) => "Nothing to do: it does not change the verdict.",
        (Ruling::NotCheckable, Lang::De) => "Ein vollständiges Prüfpaket anfordern.",
        (Ruling::NotCheckable, Lang::En) => "Ask for a complete bundle.",
        (Ruling::Invalid, Lang::De) => "Die genannte Stelle um Aufklärung bitten; bis dahin nichts darauf stützen.",
        (Ruling::Invalid, Lang::En) => "Ask those named for an explanation; rest nothing on it until then.",
    }
}

/// Persons, papers and days that the refusal names, with their labels.
fn concerned(refusal: &Refusal, papers: &Papers, lang: Lang) -> Vec<(&'static str, String)> {
    let told = |(name, de, en): &(&'static str, &'static str, &'static str)| {
        let value = refusal.field(name)?;
        Some((if lang == Lang::De { *de } else { *en }, value_text(name, value, papers, lang)))
    };
    LABELS.iter().filter_map(told).collect()
}

/// The values that a person reads first.
const LABELS: [(&str, &str, &str); 22] = [
    ("org", "Organisation", "organisation"),
    ("with", "mit", "with"),
    ("terms", "vereinbart", "agreed"),
    ("holds", "es gilt", "what holds"),
    ("buyer", "Besteller", "buyer"),
    ("provider", "Anbieter", "provider"),
    ("operator", "Betreiber", "operator"),
    ("officer", "Person", "officer"),
    ("from", "Abschnitt von", "leg from"),
    ("to", "an", "to"),
    ("kind", "Art", "kind"),
    ("other", "gegen", "against"),
    ("named", "genannt", "named"),
    ("day", "Tag", "day"),
    ("signed_at", "nach eigener Angabe", "as it says itself,"),
    ("witnessed", "bezeugt", "witnessed"),
    ("valid_to", "gültig bis", "valid to"),
    ("ends_on", "endet am", "ends on"),
    ("seal_by", "Frist", "deadline"),
    ("quote_by", "Frist", "deadline"),
    ("total_max", "Obergrenze", "cap"),
    ("signed", "unterschrieben als", "signed as"),
];

fn value_text(name: &str, value: &str, papers: &Papers, lang: Lang) -> String {
    let clean = printable(value);
    if let Some(paper) = papers.by_id(value) {
        return paper.text(lang);
    }
    match name {
        "org" | "buyer" | "provider" | "operator" | "from" | "to" => {
            value.parse().map_or(clean, |org| papers.org(&org))
        }
        "kind" => kind_text(&Kind::from_name(value), lang).to_owned(),
        _ => match (parse_date(value), value.parse::<Timestamp>(), lang) {
            (Ok(day), _, Lang::De) => german(day),
            (_, Ok(at), _) => moment(at, lang),
            _ => clean,
        },
    }
}

/// A time as its readers write it: `02.09.2026, 14:00 Uhr (UTC)`.
pub(super) fn moment(at: Timestamp, lang: Lang) -> String {
    let text = at.to_string();
    match (text.split_once('T').and_then(|(_, time)| time.get(..5)), lang) {
        (Some(time), Lang::De) => format!("{}, {time} Uhr (UTC)", german(at.utc_date())),
        _ => text,
    }
}

/// What is left: ids, numbers, digests, rules without other words.
fn technical(refusal: &Refusal) -> String {
    let left = refusal.fields.iter().filter(|(name, value)| match name.as_ref() {
        "rule" => rule_text(value, Lang::De).is_none(),
        name => LABELS.iter().all(|(label, _, _)| *label != name),
    });
    let left: Vec<String> = left.map(|(name, value)| format!("{name}: {}", printable(value))).collect();
    left.join(", ")
}

/// The broken rule as a sentence; none for what only a program's author understands.
fn rule_text(rule: &str, lang: Lang) -> Option<&'static str> {
    let (_, de, en) = RULES.iter().find(|(word, _, _)| *word == rule)?;
    Some(if lang == Lang::De { de } else { en })
}

const RULES: [(&str, &str, &str); 33] = [
    ("root differs", "Die Prüfsummen führen zu einem anderen Protokoll.", "The digests lead to another log."),
    (
        "stands before what it names",
        "Es steht im Protokoll vor dem, worauf es sich beruft.",
        "In the log it stands before what it refers to.",
    ),
    (
        "another price is charged than the one published",
        "Berechnet wird ein anderer Preis als der veröffentlichte.",
        "Another price is charged than the one published.",
    ),
    ("names another's tariff", "Es beruft sich auf den Tarif eines anderen.", "It refers to somebody else's tariff."),
    (
        "basis or assumptions",
        "Rechtsgrundlage oder Annahmen weichen ab.",
        "The legal basis or the assumptions differ.",
    ),
    ("belongs to nothing", "Es gehört zu nichts im Paket.", "It belongs to nothing in the bundle."),
    (
        "SPKI PEM of the key it is named for",
        "Die Datei enthält nicht den Schlüssel, nach dem sie benannt ist.",
        "The file does not hold the key it is named for.",
    ),
    ("log end", "Das Ende des Protokolls ist nicht lesbar.", "The end of the log cannot be read."),
    ("the newest leaf", "Der jüngste Eintrag des Protokolls fehlt.", "The newest entry of the log is missing."),
    (
        "one checkpoint for all places in the log",
        "Nicht alle Stellen im Protokoll beziehen sich auf denselben Stand.",
        "Not all places in the log refer to the same state.",
    ),
    (
        "path",
        "Der Beleg, dass nichts weggelassen wurde, fehlt.",
        "The evidence that nothing was left out is missing.",
    ),
    ("not a receipt", "Es ist keine Empfangsbestätigung.", "It is no receipt."),
    ("another order or attempt", "Es gehört zu einer anderen Bestellung.", "It belongs to another order."),
    ("other order or attempt", "Es gehört zu einer anderen Bestellung.", "It belongs to another order."),
    (
        "not the receiver's log",
        "Es nennt nicht das Protokoll des Empfängers.",
        "It does not name the receiver's log.",
    ),
    ("predecessor missing", "Die Erklärung, an die es anschließt, fehlt.", "The statement it follows is missing."),
    ("another predecessor", "Es schließt an eine andere Erklärung an.", "It follows another statement."),
    ("the seal leaves out a message", "Der Abschluss lässt eine Erklärung aus.", "The seal leaves a statement out."),
    ("the seal names another chain", "Der Abschluss nennt andere Erklärungen.", "The seal names other statements."),
    (
        "the decision named is missing or says no",
        "Die genannte Freigabe fehlt oder ist eine Ablehnung.",
        "The decision named is missing or a refusal.",
    ),
    (
        "the request gives no leave to seal without an officer",
        "Ohne eine Person abzuschließen erlaubt die Anfrage nicht.",
        "The request gives no leave to seal without an officer.",
    ),
    ("not every leg is fulfilled", "Nicht jeder Abschnitt ist erfüllt.", "Not every leg is fulfilled."),
    (
        "judged another leg or day",
        "Beurteilt wurde ein anderer Abschnitt oder Tag.",
        "Another leg or day was judged.",
    ),
    (
        "it is over other bytes",
        "Er gilt für andere Bytes als das Verzeichnis dieses Pakets.",
        "It is over other bytes than this bundle's manifest.",
    ),
    ("the signature does not match", "Seine Unterschrift stimmt nicht.", "Its signature does not match."),
    (
        "the signature is for another content",
        "Seine Unterschrift gilt einem anderen Inhalt.",
        "Its signature is for another content.",
    ),
    (
        "the authority's certificate is missing",
        "Das Zertifikat des Ausstellers liegt ihm nicht bei.",
        "The issuer's certificate is not in it.",
    ),
    (
        "the certificate is not one for time stamps",
        "Das Zertifikat gilt nicht für Zeitstempel.",
        "The certificate is not one for time stamps.",
    ),
    (
        "a certificate had run out or was not yet good",
        "Ein Zertifikat galt zu dieser Zeit nicht.",
        "A certificate was not valid at that time.",
    ),
    (
        "no chain to a trusted certificate",
        "Das Zertifikat führt zu keinem der angegebenen.",
        "The certificate leads to none of those given.",
    ),
    (
        "an entry is missing",
        "Im Protokoll fehlt ein Eintrag; was danach kommt, ist nicht nachgerechnet.",
        "An entry is missing in the log; what follows was not computed.",
    ),
    (
        "no checkpoint",
        "Zu diesem Protokoll liegt kein gültiger Prüfpunkt vor.",
        "There is no valid checkpoint of this log.",
    ),
    (
        "entries up to a checkpoint are missing",
        "Der Prüfpunkt reicht weiter als die Einträge, die hier liegen.",
        "The checkpoint reaches beyond the entries that are here.",
    ),
];
