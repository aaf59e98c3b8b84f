//! Every word of the page, German and English beside each other: nothing is written into a template but names.
//!
//! `{name}` in a text is filled in by `words::filled`.
use crate::domain::reason::Lang;

macro_rules! texts {
    ($($name:ident $de:literal $en:literal;)*) => {
        /// All words in one language.
        #[derive(Debug)]
        pub(super) struct Texts {
            $(pub(super) $name: &'static str,)*
        }

        static DE: Texts = Texts { $($name: $de,)* };
        static EN: Texts = Texts { $($name: $en,)* };

        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $de, $en),)*];
    };
}

impl Texts {
    /// The words of a language.
    pub(super) fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::De => &DE,
            Lang::En => &EN,
        }
    }
}

texts! {
    skip "Zum Inhalt springen" "Skip to content";
    main_navigation "Hauptnavigation" "Main navigation";
    foot_navigation "Über diese Seite" "About this page";
    node "Knoten" "Node";
    start "Start" "Start";
    offerings "Angebote" "Offerings";
    check "Prüfen" "Verify";
    nodes "Knoten" "Nodes";
    interfaces "Schnittstellen" "Interfaces";
    accessibility "Barrierefreiheit" "Accessibility";
    privacy "Datenschutz" "Privacy";
    imprint "Impressum" "Imprint";
    report_barrier "Barriere melden" "Report a barrier";

    problem "Das ging nicht" "That did not work";
    problem_why "Warum" "Why";
    problem_now "Was jetzt" "What now";
    problem_code "Kennung" "Code";
    to_start "Zur Startseite" "To the first page";
    to_offerings "Zu den Angeboten" "To the offerings";

    start_heading "Angebote der Verwaltung finden und prüfen" "Find and check what public administration offers";
    start_lead "Was eine Verwaltung für alle digitalisiert hat, steht hier mit Preis, Einsatzgebiet und Unterschrift des Anbieters." "What one administration has digitised for all stands here with price, area of use and the seller's signature.";
    start_efa "EfA heißt „Einer für Alle“: Eine Verwaltung entwickelt einen Online-Dienst, alle anderen dürfen ihn nachnutzen." "EfA means \u{201c}one for all\u{201d}: one administration develops an online service, all others may use it too.";
    start_here "Was Sie hier tun können" "What you can do here";
    start_find "Angebote suchen, eingrenzen und vergleichen" "Search, narrow down and compare offerings";
    start_check "Ein Prüfpaket im Browser prüfen, ohne es hochzuladen" "Verify a bundle in your browser, without uploading it";
    start_nodes "Sehen, wie es den Knoten des Verbunds geht" "See how the nodes of the federation are";
    start_programs "Nachlesen, wie Programme auf dieselben Daten zugreifen" "Read how programs use the same data";
    start_numbers "Stand dieses Knotens" "State of this node";
    start_order "Bestellt wird bisher mit dem Programm verbund auf der Kommandozeile. Lesen geht ohne Anmeldung." "Orders are placed with the program verbund on the command line so far. Reading needs no sign-in.";

    search_label "Leistung, Schlüssel oder Stichwort" "Service, key or keyword";
    search_hint "Zum Beispiel Wohngeld oder 99107023017000" "For example Wohngeld or 99107023017000";
    search_button "Suchen" "Search";
    filter_heading "Eingrenzen" "Narrow down";
    filter_button "Filter anwenden" "Apply filters";
    filter_reset "Alle Filter zurücksetzen" "Reset all filters";
    filter_active "Aktive Filter" "Active filters";
    filter_remove "Filter entfernen: {value}" "Remove filter: {value}";
    facet_topic "Themenfeld" "Topic";
    facet_land "Entwickelt von" "Developed by";
    facet_connection "Anbindung" "Connection";
    facet_maturity "Reifegrad" "Maturity";
    facet_price "Preis je Jahr laut Liste" "Listed price per year";
    facet_portal "Portal" "Portal";
    facet_system "Fachverfahren" "Specialised system";
    facet_seller "Anbieter" "Seller";
    facet_covers "Gilt in Ihrem Gebiet" "Valid in your area";
    facet_orderable "Für Sie beziehbar" "Orderable for you";
    yes "ja" "yes";
    no "nein" "no";
    price_0 "ohne Entgelt" "free of charge";
    price_1000 "bis 1.000 €" "up to €1,000";
    price_5000 "bis 5.000 €" "up to €5,000";
    price_20000 "bis 20.000 €" "up to €20,000";
    price_more "über 20.000 €" "over €20,000";
    price_depends "hängt davon ab, wer bestellt" "depends on who orders";
    results_heading "Ergebnisse" "Results";
    results_one "1 Angebot gefunden." "1 offering found.";
    results_many "{n} Angebote gefunden." "{n} offerings found.";
    results_none "Kein Angebot gefunden." "No offering found.";
    results_state "Von {nodes} Knoten, Stand {time}. Jede Unterschrift wurde beim Aufnehmen geprüft." "From {nodes} nodes, as of {time}. Every signature was checked when it was taken in.";
    results_left_out "{n} weitere Angebote sind noch nicht durchsuchbar." "{n} more offerings cannot be searched yet.";
    results_meant "Meinten Sie {words}?" "Did you mean {words}?";
    results_unknown "Ohne Treffer blieb: {words}." "Nothing was found for: {words}.";
    results_empty_help "Weniger Filter setzen, ein anderes Wort versuchen oder alle Angebote ansehen." "Set fewer filters, try another word or look at all offerings.";
    results_all "Alle Angebote ansehen" "Look at all offerings";
    order_heading "Warum diese Reihenfolge?" "Why this order?";
    order_words "Zuerst steht, was die Wörter der Suche am besten trifft: Titel und Schlüssel zählen mehr als die Beschreibung, seltene Wörter mehr als häufige. Wer anbietet, zählt nicht." "What meets the words of the search best comes first: title and keys count more than the description, rare words more than common ones. Who sells it does not count.";
    order_name "Ohne Suchwort stehen die Angebote nach Anbieter und Name." "Without a word to search for, offerings stand by seller and name.";
    pages_label "Seiten der Ergebnisse" "Pages of results";
    pages_next "Weitere Angebote" "More offerings";
    pages_first "Zurück zum Anfang" "Back to the beginning";
    compare_one "{title} vergleichen" "Compare {title}";
    compare_button "Ausgewählte vergleichen" "Compare selected";

    seller "Anbieter" "Seller";
    price "Preis laut Liste" "Listed price";
    price_none "ohne Entgelt" "free of charge";
    price_item "Posten" "Item";
    price_amount "Betrag netto" "Net amount";
    price_tax "Umsatzsteuer" "Value-added tax";
    price_terms "hängt vom Besteller ab" "depends on the buyer";
    price_plain "fest" "fixed";
    price_basis "Grundlage" "Basis";
    price_heading "Preis" "Price";
    price_note "Dazu kommt, was Genossenschaften auf dem Weg für die Vermittlung berechnen. Den ganzen Preis rechnet das Programm auf der Kommandozeile vor." "What cooperatives along the way charge for brokering comes on top. The program on the command line computes the whole price.";
    not_included "Nicht enthalten" "Not included";
    description "Beschreibung" "Description";
    facts_heading "Angaben" "Facts";
    leika "Leistung (LeiKa-Schlüssel)" "Service (LeiKa key)";
    leika_types "LeiKa-Typ" "LeiKa type";
    ozg "OZG-Leistung" "OZG service";
    efa "Status als EfA-Angebot" "Status as an EfA offering";
    efa_confirmed "durch eine Quelle belegt" "confirmed by a source";
    efa_open "nicht belegt" "not confirmed";
    coverage "Einsatzgebiet" "Area of use";
    germany "ganz Deutschland" "all of Germany";
    area "Regionalschlüssel {key}" "regional key {key}";
    maturity_text "Stufe {level} (Modell {model})" "level {level} (model {model})";
    requires "Voraussetzungen" "Requirements";
    dvdv "DVDV-Schlüssel" "DVDV keys";
    term "Mindestlaufzeit" "Shortest term";
    term_one "1 Jahr" "1 year";
    term_many "{n} Jahre" "{n} years";
    notice "Kündigungsfrist" "Notice";
    notice_days "{n} Tage" "{n} days";
    valid "Bestellbar" "Orderable";
    valid_from "ab {from}" "from {from}";
    valid_until "von {from} bis {to}" "from {from} to {to}";
    source "Quelle" "Source";
    assumed "Annahmen der Vorführung" "Assumptions of the demonstration";
    assumed_short "enthält Annahmen" "holds assumptions";
    sovereignty_heading "Digitale Souveränität" "Digital sovereignty";
    licence "Lizenz" "Licence";
    repository "Quelltext" "Source code";
    data_location "Ort der Daten" "Location of the data";
    open_interfaces "Offene Schnittstellen" "Open interfaces";
    d_stack "Deutschland-Stack" "Deutschland-Stack";
    references "In anderen Katalogen" "In other catalogues";
    not_stated "nicht angegeben" "not stated";
    versions_heading "Fassungen" "Versions";
    version "Fassung {n}" "Version {n}";
    version_this "diese Seite" "this page";
    version_newest "neueste" "newest";
    withdrawn_heading "Zurückgezogen" "Withdrawn";
    withdrawn_text "Dieses Angebot kann nicht mehr bestellt werden. Bestehende Verträge gelten weiter." "This offering can no longer be ordered. Existing contracts remain valid.";
    withdrawn_why "Grund laut Anbieter: {why}" "Reason given by the seller: {why}";
    expelled_text "Der Anbieter gehört nicht mehr zum Verbund. Bestehende Verträge gelten weiter." "The seller no longer belongs to the federation. Existing contracts remain valid.";
    superseded_heading "Es gibt eine neuere Fassung" "There is a newer version";
    superseded_link "Zur neuesten Fassung" "To the newest version";
    evidence_heading "Unterschrift und Nachweis" "Signature and evidence";
    statement_id "Kennung der Erklärung" "Id of the statement";
    log "Protokoll" "Log";
    log_place "{log}, Eintrag {index}" "{log}, entry {index}";
    log_none "noch in keinem Protokoll" "in no log yet";
    witnesses "Zeugen" "Witnesses";
    witnesses_of "{n} von {needed} nötigen haben den Eintrag bezeugt" "{n} of {needed} needed have witnessed the entry";
    download_heading "Herunterladen und selbst prüfen" "Download and check yourself";
    download_bytes "Unterschriebene Bytes" "Signed bytes";
    download_signature "Unterschrift (Ed25519, 64 Byte)" "Signature (Ed25519, 64 bytes)";
    download_envelope "Beides als Umschlag (DSSE, JSON)" "Both as an envelope (DSSE, JSON)";
    download_help "Die Bytes sind genau die, die der Anbieter unterschrieben hat. OpenSSL 3 prüft sie mit dem öffentlichen Schlüssel des Anbieters:" "The bytes are exactly those that the seller has signed. OpenSSL 3 checks them with the seller's public key:";
    signed_by "Schlüssel (SHA-256)" "Key (SHA-256)";
    order_command "Bestellen" "Order";
    order_command_help "Auf der Kommandozeile, mit dem Schlüssel einer berechtigten Person:" "On the command line, with the key of an authorised person:";

    comparison "Vergleich" "Comparison";
    comparison_empty "Wählen Sie auf der Seite der Angebote zwei bis vier Angebote aus." "Choose two to four offerings on the page of offerings.";
    comparison_caption "Angebote im Vergleich" "Offerings beside each other";
    comparison_feature "Merkmal" "Feature";
    comparison_differs "verschieden" "differs";
    comparison_same "gleich" "same";
    comparison_agreement "Übereinstimmung" "Agreement";
    comparison_more "Mehr als vier Angebote passen nicht nebeneinander; gezeigt werden die ersten vier." "More than four offerings do not fit beside each other; the first four are shown.";
    standing "Stand" "Standing";
    standing_open "bestellbar" "orderable";
    standing_closed "zurückgezogen" "withdrawn";
    name "Name" "Name";

    nodes_heading "Knoten des Verbunds" "Nodes of the federation";
    nodes_self "Dieser Knoten" "This node";
    operator "Betreiber" "Operator";
    program_version "Programm" "Program";
    federation "Verbund" "Federation";
    root "Wurzel" "Root";
    as_of "Stand" "As of";
    offering_count "Angebote" "Offerings";
    organisation_count "Organisationen" "Organisations";
    signing "Unterschreibt" "Signs";
    warnings_heading "Hinweise" "Warnings";
    peers_heading "Andere Knoten" "Other nodes";
    peers_caption "Verbindung zu anderen Knoten, nach Namen" "Connections to other nodes, by name";
    peer_node "Knoten" "Node";
    peer_state "Verbindung" "Connection";
    peer_up "verbunden seit {time}" "connected since {time}";
    peer_down "getrennt seit {time}" "disconnected since {time}";
    peer_never "noch nie verbunden" "never connected yet";
    peer_last "Zuletzt gehört" "Last heard";
    peer_lag "Noch nicht bestätigt" "Not acknowledged yet";
    peer_ahead "Protokolle, von denen er mehr hat" "Logs it has more of";
    peer_clock "Uhr" "Clock";
    peer_clock_ahead "{n} s vor" "{n} s ahead";
    peer_clock_behind "{n} s nach" "{n} s behind";
    peer_clock_even "gleich" "even";
    peer_shunned "bis {time} ausgesetzt, weil er das Protokoll verletzt hat" "not spoken to until {time}, because it broke the protocol";
    peers_none "Es ist kein anderer Knoten bekannt." "No other node is known.";
    logs_heading "Protokolle" "Logs";
    logs_caption "Protokolle, wie dieser Knoten sie hat, nach Namen" "Logs as this node holds them, by name";
    log_size "Einträge" "Entries";
    log_witnessed "davon bezeugt" "of these witnessed";
    log_cosigned "Zeugen am Ende" "Witnesses at the end";
    log_refused "abgelehnt" "refused";
    log_state "Zustand" "State";
    log_good "in Ordnung" "in order";
    log_cut "widerspricht sich ab Eintrag {n} (Gabelung)" "contradicts itself from entry {n} on (fork)";
    log_longer "{n} Knoten haben mehr davon" "{n} nodes have more of it";
    log_not_followed "wird nicht weiter verfolgt: {why}" "is followed no further: {why}";
    table_hint "Die Tabelle lässt sich seitwärts bewegen." "The table can be moved sideways.";

    check_heading "Prüfpaket prüfen" "Verify a bundle";
    check_lead "Ein Prüfpaket belegt, wie eine Bestellung zustande kam. Ihr Browser prüft es selbst: Die Datei bleibt auf Ihrem Gerät, und diese Seite kann nichts senden." "A bundle proves how an order came about. Your browser verifies it by itself: the file stays on your device, and this page can send nothing.";
    check_script "Dafür braucht diese Seite JavaScript. Ohne JavaScript prüft das Programm verbund-audit auf der Kommandozeile." "This page needs JavaScript for that. Without JavaScript the program verbund-audit verifies on the command line.";
    check_bundle "Prüfpaket (Datei .asice)" "Bundle (file .asice)";
    check_bundle_hint "Datei wählen oder in dieses Feld ziehen. Höchstens {n} MiB." "Choose a file or drop it into this field. At most {n} MiB.";
    check_root "Wurzel des Verbunds (SHA-256)" "Root of the federation (SHA-256)";
    check_root_hint "Sie steht in der Satzung des Verbunds." "It stands in the federation's statutes.";
    check_root_own "Eingetragen ist die Wurzel, die dieser Knoten nennt. Wer unabhängig prüft, bringt die Wurzel selbst mit: aus der Satzung, nicht von einem Knoten." "Filled in is the root that this node names. Who verifies independently brings the root: from the statutes, not from any node.";
    check_button "Prüfen" "Verify";
    check_working "Das Prüfpaket wird geprüft …" "The bundle is being verified …";
    check_no_bundle "Wählen Sie zuerst ein Prüfpaket." "Choose a bundle first.";
    check_no_root "Das ist keine Wurzel: Sie hat 64 Ziffern von 0 bis 9 und a bis f. Ihre Eingabe steht noch im Feld." "This is no root: it has 64 digits from 0 to 9 and a to f. Your entry still stands in its field.";
    check_too_large "Die Datei hat mehr als {n} MiB. So große Prüfpakete gibt es nicht; sie wurde nicht gelesen." "The file has more than {n} MiB. No bundle has that size; it was left unread.";
    check_unread "Ihr Browser konnte die Datei nicht lesen. Wählen Sie sie noch einmal." "Your browser could not read the file. Choose it again.";
    check_verdict "Ergebnis" "Verdict";
    check_file "Datei" "File";
    check_against "Geprüft gegen die Wurzel" "Verified against root";
    check_findings "Feststellungen" "Findings";
    check_remarks "Hinweise" "Remarks";
    check_checks "Alle Prüfungen" "All checks";
    check_check "Prüfung" "Check";
    check_passed "Bestandene Untersuchungen" "Examinations passed";
    check_notes "Texte der Beteiligten" "Texts by parties";
    check_not_checked "Nicht geprüft" "What was left unchecked";
    check_report "Bericht speichern (JSON)" "Save report (JSON)";
    check_keep "Prüfseite behalten" "Keep a copy of the verifier";
    check_keep_help "Diese Prüfseite gibt es als eine Datei. Sie prüft ohne Netz und ist bei jedem Knoten mit Verbund {version} Byte für Byte gleich: Vergleichen Sie die Prüfsumme bei einem Knoten, dem Sie trauen." "There is a copy in one file. It verifies offline and has equal bytes at every instance of Verbund {version}: compare its digest at one that you trust.";
    check_keep_file "Prüfseite herunterladen" "Download the verifier";
    check_keep_digest "Prüfsumme der Datei (SHA-256)" "Digest of the file (SHA-256)";
    check_command "Dasselbe auf der Kommandozeile" "By command line";
    check_saved "Gespeicherte Prüfseite von Verbund {version}. Sie braucht kein Netz und kann nichts senden." "Saved verifier of Verbund {version}. It works offline and can send nothing.";

    interfaces_heading "Schnittstellen für Programme" "Interfaces for programs";
    interfaces_lead "Dieselben Daten und Regeln stehen jedem Programm über gRPC offen. Der Knoten beschreibt seine Dienste selbst (Reflection)." "The same data and rules are open to every program by gRPC. The node describes its services itself (reflection).";
    interfaces_address "Adressen des Knotens" "Addresses of the node";
    interfaces_pin "TLS-Schlüssel des Knotens (SHA-256)" "TLS key of the node (SHA-256)";
    interfaces_commands "Fertige Befehle" "Ready commands";
    interfaces_commands_help "Das Zertifikat tls.pem gibt es beim Betreiber; sein Fingerabdruck muss zu dem oben passen." "The certificate tls.pem is available from the operator; its fingerprint must match the one above.";
    interfaces_services "Dienste" "Services";
    interfaces_method "Aufruf" "Call";
    interfaces_purpose "Beschreibung (englisch)" "Description";
    interfaces_caption "Aufrufe des Dienstes" "Calls of the service";

    accessibility_heading "Erklärung zur Barrierefreiheit" "Accessibility statement";
    accessibility_aim "Diese Seite soll für alle nutzbar sein. Maßstab ist WCAG 2.2, Stufe AA, und damit BITV 2.0 und EN 301 549." "This page is meant to be usable for everyone. The measure is WCAG 2.2, level AA, and with it BITV 2.0 and EN 301 549.";
    accessibility_done "Was dafür getan ist" "What has been done for it";
    accessibility_done_1 "Alles geht mit der Tastatur und ohne JavaScript." "Everything works with the keyboard and without JavaScript.";
    accessibility_done_2 "Überschriften, Bereiche, Tabellen und Formularfelder sind für Screenreader ausgezeichnet; Trefferzahlen werden angesagt." "Headings, regions, tables and form fields are marked up for screen readers; result counts are announced.";
    accessibility_done_3 "Hell und dunkel folgen der Einstellung Ihres Geräts; bei 320 Pixeln Breite und bei 400 % Vergrößerung wird nichts abgeschnitten." "Light and dark follow your device; at a width of 320 pixels and at 400 % zoom nothing is cut off.";
    accessibility_gaps "Bekannte Grenzen" "Known limits";
    accessibility_gaps_1 "Breite Tabellen (Vergleich, Protokolle) werden auf schmalen Geräten seitwärts bewegt." "Wide tables (comparison, logs) are moved sideways on narrow devices.";
    accessibility_gaps_2 "Texte der Anbieter sind nicht in Leichter Sprache und liegen nur auf Deutsch vor." "The sellers' texts are not in plain language and exist in German only.";
    accessibility_gaps_3 "Eine Prüfung durch eine unabhängige Stelle steht aus." "A check by an independent body has not been made yet.";
    accessibility_contact "Barriere melden" "Report a barrier";
    accessibility_contact_help "Schreiben Sie uns, was nicht geht. Sie erhalten innerhalb eines Monats eine Antwort." "Write to us what does not work. You will get an answer within a month.";
    accessibility_enforcement "Wenn die Antwort nicht hilft" "If the answer does not help";
    accessibility_enforcement_help "Dann können Sie sich an die Schlichtungs- oder Durchsetzungsstelle wenden:" "Then you can turn to the arbitration or enforcement body:";

    privacy_heading "Datenschutz auf dieser Seite" "Privacy on this page";
    privacy_stored "Was gespeichert wird" "What is stored";
    privacy_stored_1 "Diese Seite setzt keine Cookies und legt nichts in Ihrem Browser ab, außer den Dateien der Darstellung." "This page sets no cookies and stores nothing in your browser but the files for its appearance.";
    privacy_stored_2 "Sie lädt nichts von anderen Servern und zählt keine Besuche." "It loads nothing from other servers and counts no visits.";
    privacy_stored_3 "Das Programm schreibt weder Ihre Adresse noch Ihre Suchwörter auf. Während der Verbindung kennt es die Adresse, um Überlastung abzuwehren." "The program records neither your address nor the words you search for. During a connection it knows the address, to fend off overload.";
    privacy_stored_4 "Ein Webserver, den der Betreiber davor stellt, kann eigene Aufzeichnungen führen; darüber gibt der Betreiber Auskunft." "A web server that the operator puts in front may keep records of its own; the operator tells about them.";
    privacy_responsible "Verantwortlich" "Responsible";
    privacy_officer "Datenschutz beim Betreiber" "Data protection at the operator";

    imprint_heading "Impressum" "Imprint";
    imprint_name "Name und Rechtsform" "Name and legal form";
    imprint_address "Anschrift" "Address";
    imprint_represented "Vertreten durch" "Represented by";
    imprint_register "Register" "Register";
    imprint_vat "Umsatzsteuer-Identifikationsnummer" "VAT identification number";
    imprint_email "E-Mail" "E-mail";
    imprint_phone "Telefon" "Telephone";
    imprint_missing "Vom Betreiber noch nicht angegeben." "Not stated by the operator yet.";
    imprint_missing_help "Der Betreiber ergänzt es in run.toml unter [web.imprint]." "The operator adds it in run.toml under [web.imprint].";
    imprint_software "Programm und Lizenzen" "Program and licences";
    imprint_software_help "Diese Seite ist Teil des Programms Verbund {version}, Lizenz EUPL-1.2. Darin enthalten:" "This page is part of the program Verbund {version}, licence EUPL-1.2. It contains:";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in braces of a text.
    fn names(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> = text.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_text_exists_in_both_languages_with_the_same_blanks() {
        for (name, de, en) in ALL {
            assert!(!de.trim().is_empty() && !en.trim().is_empty(), "{name}");
            assert_eq!(names(de), names(en), "{name}");
        }
    }
}
