//! What the details of a refusal are called: programs read their names, people a word of their language.
use crate::domain::reason::{Lang, Refusal};
use crate::domain::rule_words::rule;
use crate::domain::value_words;

/// Every name that stands beside a reason, and its German word, by name. Where both are the same the name is German already.
#[rustfmt::skip]
const WORDS: &[(&str, &str)] = &[
    ("act", "Handlung"), ("address", "Adresse"), ("algorithm", "Verfahren"), ("annex", "Anhang"), ("answer", "Antwort"),
    ("approves", "gibt frei"), ("area", "Gebiet"), ("as_of", "Stichtag"), ("asked", "gefragt"), ("at", "bei"),
    ("at_least", "mindestens"), ("at_most", "höchstens"), ("attempt", "Versuch"), ("authority", "Stelle"),
    ("batch_bytes", "Bytes im Schub"), ("before", "davor"), ("binds_until", "bindet bis"), ("bundle", "Prüfpaket"),
    ("buyer", "Besteller"), ("bytes", "Bytes"), ("bytes_max", "Bytes höchstens"), ("cap", "Obergrenze"),
    ("character", "Zeichen"), ("code", "Code"), ("column", "Spalte"), ("columns", "Spalten"), ("connected", "verbunden"),
    ("corrects", "berichtigt"), ("cosigned", "mitgezeichnet"), ("csv", "CSV"), ("day", "Tag"),
    ("decision_by", "Entscheidung von"), ("depth_max", "Tiefe höchstens"), ("digests", "Prüfsummen"),
    ("earliest", "frühestens"), ("element", "Element"), ("elements_max", "Elemente höchstens"), ("ends_on", "endet am"),
    ("entity", "Organisation"), ("entries", "Einträge"), ("entry", "Eintrag"), ("epoch", "Epoche"), ("error", "Fehler"),
    ("example", "Beispiel"), ("expected", "erwartet"), ("fact", "Tatsache"), ("federation", "Verbund"), ("field", "Feld"),
    ("fields", "Felder"), ("file", "Datei"), ("first", "erste"), ("folder", "Ordner"), ("for_org", "für"),
    ("format", "Form"), ("former", "vorher"), ("found", "gefunden"), ("from", "von"), ("gap", "Lücke"),
    ("ground", "Rechtsgrund"), ("have", "vorhanden"), ("heard", "gehört"), ("highest", "höchste"), ("holder", "Inhaber"), ("holds", "es gilt"),
    ("id", "Kennung"), ("in_force", "in Kraft"), ("index", "Stelle"), ("item", "Posten"), ("key", "Schlüssel"),
    ("kind", "Art"), ("known", "bekannt"), ("known_from", "bekannt ab"), ("last", "letzte"), ("least", "mindestens"), ("left_hours", "Stunden übrig"),
    ("leg", "Schritt"), ("legs", "Schritte"), ("level", "Stufe"), ("like", "ähnlich"), ("limit", "Grenze"),
    ("limit_bytes", "Grenze in Bytes"), ("line", "Zeile"), ("lines_max", "Zeilen höchstens"), ("log", "Protokoll"),
    ("longest", "längste"), ("member", "Mitglied"), ("members", "Mitglieder"), ("message", "Meldung"),
    ("messages", "Nachrichten"), ("metadata", "Kopfdaten"), ("method", "Methode"), ("missing", "es fehlt"),
    ("mode", "Betriebsart"), ("must_be", "muss sein"), ("name", "Name"), ("named", "genannt"), ("need", "Bedarf"),
    ("needed", "nötig"), ("needed_hours", "Stunden nötig"), ("new size", "neue Größe"), ("newest", "neueste"), ("next", "weiter"), ("node", "Knoten"), ("now", "jetzt"),
    ("number", "Nummer"), ("of", "von"), ("offering", "Angebot"), ("offerings", "Angebote"), ("officer", "Amt"),
    ("offset", "Abstand"), ("old size", "alte Größe"), ("operator", "Betreiber"), ("order", "Bestellung"), ("ordered", "bestellt"),
    ("orders", "Bestellungen"), ("org", "Organisation"), ("origin", "Herkunft"), ("other", "andere"), ("part", "Teil"),
    ("party", "Beteiligter"), ("path", "Pfad"), ("peer", "anderer Knoten"), ("place", "Ort"), ("position", "Stelle"),
    ("prefix", "Anfang"), ("previewed", "Vorschau"), ("problem", "Ursache"), ("procedure_began", "Beginn des Verfahrens"),
    ("proof", "Nachweis"), ("protocol", "Protokollfassung"), ("provider", "Anbieter"), ("quote_by", "Angebote bis"),
    ("reached", "erreicht"), ("read_as", "gelesen als"), ("reason", "Grund"), ("record", "Satz"), ("request_id", "Vorgangsnummer"),
    ("retry_ms", "wieder in Millisekunden"), ("root", "Wurzel"), ("route", "Weg"), ("rows_max", "Zeilen höchstens"), ("rule", "Regel"),
    ("rule_pack", "Regelwerk"), ("seal_by", "Abschluss bis"), ("sealed", "abgeschlossen"), ("seals", "Abschlüsse"),
    ("second", "zweite"), ("seen", "gesehen"), ("segment", "Segment"), ("seller", "Verkäufer"), ("seq", "Folgenummer"),
    ("sha256", "SHA-256"), ("share", "Anteil"), ("shown", "gezeigt"), ("signatures", "Unterschriften"),
    ("signed", "unterschrieben"), ("signed_at", "unterschrieben am"), ("size", "Größe"), ("state", "Stand"),
    ("statement", "Erklärung"), ("subject", "Gegenstand"), ("successor", "Nachfolger"), ("sum", "Summe"),
    ("tag", "Kennzeichen"), ("tariff", "Tarif"), ("task", "Aufgabe"), ("terms", "Bedingungen"),
    ("tls_sha256", "TLS-Schlüssel"), ("to", "an"), ("today", "heute"), ("told", "gemeldet"), ("toml", "TOML"),
    ("total", "Summe"), ("total_max", "Obergrenze"), ("tried", "versucht"), ("twice", "doppelt"),
    ("unconfirmed", "unbestätigt"), ("unpacked", "ausgepackt"), ("until", "bis"), ("uri", "Adresse"), ("valid", "gültig"),
    ("valid_from", "gültig ab"), ("valid_to", "gültig bis"), ("value", "Wert"), ("variable", "Variable"),
    ("version", "Fassung"), ("views", "Index"), ("voids", "Abbrüche"), ("weight", "Gewicht"), ("why", "Grund"),
    ("why_en", "Grund"), ("with", "mit"), ("witnessed", "bezeugt"), ("written", "geschrieben"), ("xlsx", "XLSX"),
    ("xml", "XML"), ("year", "Jahr"), ("zip", "ZIP"),
];

/// What a detail is called in a language; a name of a later version as it is.
pub fn detail(name: &str, lang: Lang) -> &str {
    match (lang, WORDS.binary_search_by_key(&name, |(name, _)| name)) {
        (Lang::De, Ok(at)) => WORDS[at].1,
        _ => name,
    }
}

/// A detail in words: its name, and what a rule says or a value of the program is called.
pub fn told<'d>(name: &'d str, value: &'d str, lang: Lang) -> (&'d str, &'d str) {
    (detail(name, lang), if name == "rule" { rule(value, lang) } else { value_words::value(name, value, lang) })
}

/// Every detail of a refusal in words; the reason that somebody gave in one language only.
pub fn all_told(refusal: &Refusal, lang: Lang) -> Vec<(String, String)> {
    let is_english = lang == Lang::En && refusal.field("why_en").is_some();
    let skipped = if is_english { "why" } else { "why_en" };
    let details = refusal.fields.iter().filter(|(name, _)| name.as_ref() != skipped);
    let words = details.map(|(name, value)| told(name, value, lang));
    words.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_detail_is_named_once_and_found() {
        assert!(WORDS.is_sorted_by(|(a, _), (b, _)| a < b));
        assert_eq!((detail("file", Lang::De), detail("file", Lang::En)), ("Datei", "file"));
        assert_eq!(detail("of_tomorrow", Lang::De), "of_tomorrow");
        let refusal = Refusal::new(crate::domain::reason::Reason::PageInvalid);
        let refusal = refusal.with("rule", "too long").with("why", "zu alt").with("why_en", "too old");
        let words = |lang| all_told(&refusal, lang).into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        assert_eq!(
            (words(Lang::De), words(Lang::En)),
            (vec!["zu lang".into(), "zu alt".into()], vec!["too long".into(), "too old".into()])
        );
    }
}
