//! What the values beside a reason are called, where they are words of the program and not what somebody typed or must type.
use crate::domain::reason::Lang;
use crate::domain::statement::Kind;

/// A value in English, as refusals carry it, and in German, by the English.
#[rustfmt::skip]
const WORDS: &[(&str, &str)] = &[
    ("64 bytes expected", "erwartet werden 64 Bytes"),
    ("a question was not answered", "eine Frage blieb ohne Antwort"),
    ("binding", "verbindlich"),
    ("exists, with other content", "es gibt sie schon, mit anderem Inhalt"),
    ("interest", "Interessenbekundung"),
    ("panic", "abgebrochen"),
    ("sealed", "abgeschlossen"),
    ("signature length", "Länge der Unterschrift"),
    ("the index names another record", "der Index nennt einen anderen Satz"),
    ("value", "Wert"),
];

/// Details whose values are kinds of statements.
const OF_KINDS: [&str; 3] = ["kind", "missing", "must_be"];

/// Details whose values are names: people type them, or find by them what is meant.
pub const NAMES: [&str; 12] =
    ["example", "expected", "field", "file", "key", "missing", "next", "part", "prefix", "request_id", "task", "why"];

/// What the value of a detail is called; what is no word of the program stays as it is.
pub fn value<'v>(name: &str, value: &'v str, lang: Lang) -> &'v str {
    if OF_KINDS.contains(&name)
        && let Some(kind) = Kind::ALL.iter().find(|kind| kind.name() == value)
    {
        return kind_text(kind, lang);
    }
    if NAMES.contains(&name) {
        return value;
    }
    match (lang, WORDS.binary_search_by_key(&value, |(word, _)| word)) {
        (Lang::De, Ok(at)) => WORDS[at].1,
        _ => value,
    }
}

/// What a kind of statement is called.
pub fn kind_text(kind: &Kind, lang: Lang) -> &str {
    let [de, en] = match kind {
        Kind::FederationRoot => ["Wurzel des Verbunds, Fassung", "Federation root, version"],
        Kind::Admission => ["Aufnahme", "Admission"],
        Kind::Expulsion => ["Ausschluss", "Expulsion"],
        Kind::KeyEvent => ["Schlüsselmeldung", "Key event"],
        Kind::NodeRecord => ["Knotenmeldung", "Node record"],
        Kind::OfficerGrant => ["Vollmacht", "Grant"],
        Kind::Recovery => ["Wiederherstellung der Schlüssel", "Recovery of the keys"],
        Kind::Succession => ["Rechtsnachfolge", "Succession"],
        Kind::Membership => ["Nachweis der Mitgliedschaft", "Evidence of the membership"],
        Kind::EntityFacts => ["Nachweis der Eigenschaften", "Evidence of the properties"],
        Kind::Offering => ["Angebot", "Offering"],
        Kind::Withdrawal => ["Rücknahme des Angebots", "Withdrawal of the offering"],
        Kind::ConnectionReport => ["Anbindungsbericht", "Connection report"],
        Kind::ConnectionProfile => ["Anbindungsprofil", "Connection profile"],
        Kind::Need => ["Bedarf", "Need"],
        Kind::NeedWithdrawal => ["Rücknahme eines Bedarfs", "Withdrawal of a need"],
        Kind::RulePack => ["Regelwerk", "Rule pack"],
        Kind::Tariff => ["Entgelttarif", "Tariff"],
        Kind::Request => ["Anfrage", "Request"],
        Kind::Decision => ["Freigabeentscheidung", "Decision"],
        Kind::Endorse => ["Feststellung zum Abschnitt", "Finding on the leg"],
        Kind::Accept => ["Annahme", "Acceptance"],
        Kind::Reject => ["Ablehnung", "Rejection"],
        Kind::Counter => ["Angebot für den Abschnitt", "Offer for the leg"],
        Kind::Decline => ["Absage", "Decline"],
        Kind::Seal => ["Abschluss", "Seal"],
        Kind::Void => ["Ende ohne Vertrag", "End without a contract"],
        Kind::Confirm => ["Bestätigung des verspäteten Abschlusses", "Confirmation of the late seal"],
        Kind::Recall => ["Rücknahme der Zusage", "Recall"],
        Kind::LateNotice => ["Verspätungsanzeige", "Late notice"],
        Kind::Reminder => ["Erinnerung", "Reminder"],
        Kind::Milestone => ["Meldung nach dem Abschluss", "Milestone"],
        Kind::Settlement => ["Beilegung eines Widerspruchs", "Settlement"],
        Kind::Erasure => ["Löschung von Texten", "Erasure of texts"],
        Kind::Mandate => ["Abrufvollmacht", "Mandate"],
        Kind::CallOff => ["Einzelabruf", "Call-off"],
        Kind::Receipt => ["Empfangsbestätigung", "Receipt"],
        Kind::Access => ["Ausweis", "Proof of access"],
        Kind::Unknown(_) => ["Erklärung unbekannter Art", "Statement of an unknown kind"],
    };
    if lang == Lang::De { de } else { en }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_words_of_the_language_and_what_was_typed_stays() {
        assert!(WORDS.is_sorted_by(|(a, _), (b, _)| a < b));
        for kind in Kind::ALL {
            assert_ne!(value("kind", kind.name(), Lang::De), kind.name());
        }
        for (name, given, told) in [
            ("kind", "milestone", "Meldung nach dem Abschluss"),
            ("must_be", "seal", "Abschluss"),
            ("must_be", "binding", "verbindlich"),
            ("missing", "--org", "--org"),
            ("kind", "of-tomorrow", "of-tomorrow"),
            ("file", "value", "value"),
            ("org", "seal", "seal"),
        ] {
            assert_eq!(value(name, given, Lang::De), told, "{name}");
        }
        assert_eq!((value("kind", "seal", Lang::En), value("must_be", "binding", Lang::En)), ("Seal", "binding"));
    }
}
