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
    demand "Bedarf" "Demand";
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
    start_demand "Sehen, welche Leistungen Kommunen suchen" "See which services municipalities look for";
    start_nodes "Sehen, wie es den Knoten des Verbunds geht" "See how the nodes of the federation are";
    start_programs "Nachlesen, wie Programme auf dieselben Daten zugreifen" "Read how programs use the same data";
    start_numbers "Stand dieses Knotens" "State of this node";
    start_order "Wer sich mit einem Schlüssel anmeldet, bestellt hier; alles geht auch mit dem Programm verbund auf der Kommandozeile. Lesen geht ohne Anmeldung." "Whoever signs in with a key orders here; everything also works with the program verbund on the command line. Reading needs no sign-in.";

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
    comparison_file "Für eine Tabelle speichern (CSV)" "Save for a spreadsheet (CSV)";
    standing "Stand" "Standing";
    standing_open "bestellbar" "orderable";
    standing_closed "zurückgezogen" "withdrawn";
    name "Name" "Name";

    demand_heading "Was Kommunen suchen" "What municipalities look for";
    demand_lead "Eine Genossenschaft sieht hier, welche Leistungen viele ihrer Mitglieder suchen, und kann sie für alle zusammen bestellen." "A cooperative sees here which services many members look for, and can place one common order.";
    demand_none "Zurzeit sucht niemand etwas." "Nobody looks for anything at present.";
    demand_one "Eine Leistung wird gesucht." "One service is looked for.";
    demand_all "{n} Leistungen werden gesucht, die gefragteste zuerst." "{n} services are looked for, the most wanted first.";
    demand_some "{all} Leistungen werden gesucht; die {n} gefragtesten stehen hier." "{all} services are looked for; the {n} most wanted are shown.";
    demand_service "Leistung" "service";
    demand_by "Gesucht von" "Looked for by";
    demand_more "und {n} weiteren" "and {n} more";
    demand_inhabitants "Einwohner zusammen" "Inhabitants in all";
    demand_until "Der erste Bedarf endet am" "The first need ends on";
    demand_offered "Dafür gibt es" "There is";
    demand_nothing "Dafür gibt es hier kein Angebot." "There is nothing on offer here.";

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

    sign_in "Anmelden" "Sign in";
    sign_out "Abmelden" "Sign out";
    sign_in_lead "Sie melden sich mit Ihrem Schlüssel an; ein Passwort gibt es nicht. Ihr Browser unterschreibt eine Frage dieses Knotens, der Schlüssel bleibt bei Ihnen." "You sign in with your key; there is no password. Your browser signs a challenge by this node, and the key stays with you.";
    sign_in_goes_on "Danach geht es dort weiter, wo Sie waren. Was Sie eingegeben haben, bleibt erhalten." "Afterwards you go on at your former place. All that you have typed stays.";
    sign_in_with "Schlüssel in diesem Browser" "Keys in this browser";
    sign_in_as "Anmelden als {officer} für {org} ({device})" "Sign in as {officer} for {org} ({device})";
    sign_in_none "In diesem Browser liegt noch kein Schlüssel." "There is no key in this browser yet.";
    sign_in_working "Sie werden angemeldet …" "You are being signed in …";
    sign_in_failed "Der Knoten war nicht zu erreichen. Versuchen Sie es noch einmal." "The node could not be reached. Try again.";
    sign_in_keys "Schlüssel erzeugen oder verwalten" "Make or manage keys";
    keys "Schlüssel" "Keys";
    keys_heading "Ihre Schlüssel in diesem Browser" "Your keys in this browser";
    keys_lead "Mit einem Schlüssel unterschreiben Sie als Stelle Ihrer Organisation. Er entsteht hier, bleibt hier, und auch diese Seite kann ihn nicht auslesen." "With a key you sign as an office within your organisation. It is made here, stays here, and even this page cannot read it.";
    keys_sign_in "Zur Anmeldung" "To sign-in";
    key_script "Schlüssel im Browser brauchen JavaScript. Ohne JavaScript geht alles mit dem Programm verbund auf der Kommandozeile." "Keys in a browser need JavaScript. Without JavaScript everything works with the program verbund on the command line.";
    key_fallback "Dieser Browser kann keine Schlüssel behalten" "This browser cannot keep keys";
    key_fallback_help "Er kennt Ed25519 nicht oder speichert solche Schlüssel nicht. Nehmen Sie Firefox ab 136, Chrome oder Edge ab 137, Safari ab 17, nicht im privaten Modus, oder das Programm auf der Kommandozeile:" "It lacks Ed25519 or does not store such keys. Take Firefox from 136, Chrome or Edge from 137, Safari from 17, outside private mode, or the program on the command line:";
    key_new "Neuer Schlüssel" "New key";
    key_org "Organisation" "Organisation";
    key_org_hint "Ihr Kurzname im Verbund, zum Beispiel barleben" "Its short name in the federation, for example barleben";
    key_officer "Stelle" "Office";
    key_officer_hint "Nie ein Personenname, zum Beispiel einkauf" "Never a personal name, for example einkauf";
    key_device "Gerät" "Device";
    key_device_hint "Jedes Gerät hat einen eigenen Schlüssel." "Every device has a key that belongs to it alone.";
    key_import "Vorhandener Schlüssel (PEM, wenn Sie einen haben)" "Existing key (PEM, if you have one)";
    key_import_hint "Ohne Passphrase. Danach liegt er auch hier; löschen Sie die Datei, wenn Sie sie nicht mehr brauchen." "Without passphrase. Afterwards it lies here too; delete the file once you need it no more.";
    key_make "Schlüssel anlegen" "Create key";
    key_made "Der Schlüssel liegt jetzt in diesem Browser." "The key now lies in this browser.";
    key_evictable "Der Browser sagt nicht zu, ihn dauerhaft zu behalten: Lassen Sie sich für ein zweites Gerät noch einen geben." "The browser does not promise to keep it for good: have another one granted on a second device.";
    key_invalid "Namen haben kleine Buchstaben a bis z, Ziffern und Bindestriche und beginnen mit einem Buchstaben." "Names have small letters a to z, digits and hyphens and begin with a letter.";
    key_unread "Das ist kein Ed25519-Schlüssel ohne Passphrase (PKCS #8, PEM)." "This is no Ed25519 key without passphrase (PKCS #8, PEM).";
    key_list "Vorhandene Schlüssel" "Existing keys";
    key_none "Noch keiner." "None yet.";
    key_fingerprint "Fingerabdruck (SHA-256)" "Fingerprint (SHA-256)";
    key_save_public "Öffentlichen Teil speichern" "Save public half";
    key_command "Damit er gilt, erteilt ihm Ihre Organisation eine Vollmacht. Geben Sie ihr den öffentlichen Teil und diesen Befehl; Rollen und Grenze bestimmt sie:" "It counts once your organisation grants it its rights. Hand over its public half and this command; roles and limit are theirs:";
    key_remove "Schlüssel löschen" "Delete key";
    key_remove_sure "Der Schlüssel ist danach für immer fort. Löschen?" "The key will be gone for good. Delete it?";
    key_removed "Der Schlüssel ist gelöscht. Lassen Sie auch seine Vollmacht beenden: verbund officer end." "The key is deleted. Have its grant ended as well: verbund officer end.";
    ask_heading "Vollmacht beantragen" "Ask for a grant";
    ask_lead "Ihre Organisation entscheidet, was Sie dürfen. Der neue Schlüssel unterschreibt den Antrag; danach unterschreibt sie." "Your organisation decides what you may do. The new key signs your request, then they sign.";
    ask_key "Für welchen Schlüssel" "For which key";
    ask_limit_hint "Ganze Euro, nur Ziffern. Darüber gibt eine zweite Stelle frei." "Whole euros, digits only. Above it a second office approves.";
    ask_button "Unterschreiben und beantragen" "Sign and ask";
    ask_waiting "Beantragt. Sobald Ihre Organisation unterschrieben hat, steht es hier; Sie können auch später wiederkommen." "Asked for. Once your organisation has signed, it is told here; you can also come back later.";
    ask_granted "Ihre Organisation hat die Vollmacht erteilt." "Your organisation has given its grant.";
    ask_no_role "Wählen Sie mindestens eine Rolle." "Choose at least one role.";
    ask_no_limit "Die Grenze besteht aus höchstens neun Ziffern." "A limit has at most nine digits.";
    role_buyer "Bestellen und abschließen" "Order and seal";
    role_approver "Freigeben und entscheiden" "Approve and decide";
    role_publisher "Veröffentlichen" "Publish";
    role_auditor "Nur lesen" "Read only";
    grant_heading "Vollmacht unterschreiben" "Sign a grant";
    grant_lead "Der Vorschlag Ihrer Organisation gilt erst, wenn ihn auch der neue Schlüssel unterschrieben hat. Öffnen Sie die Datei hier und geben Sie sie unterschrieben zurück." "What your organisation proposes counts once the new key has signed it too. Open the file here and hand it back signed.";
    grant_file "Vorschlag (Datei .json)" "Proposal (file .json)";
    grant_says "Das würden Sie unterschreiben:" "This is what you would sign:";
    grant_sign "Unterschreiben und speichern" "Sign and save";
    grant_signed "Unterschrieben. Geben Sie die Datei Ihrer Organisation; sie veröffentlicht sie mit verbund trust publish." "Signed. Hand the file to your organisation, which publishes it with verbund trust publish.";
    grant_none "Das ist kein Vorschlag für eine Vollmacht." "This is no proposal for a grant.";
    grant_not_mine "Der Vorschlag nennt keinen Schlüssel aus diesem Browser." "The proposal names no key in this browser.";
    grant_roles "Rollen" "Roles";
    grant_limit "Grenze je Bestellung" "Limit per order";
    grant_limit_year "Grenze je Kalenderjahr" "Limit per calendar year";
    grant_valid "Gültig" "Valid";

    inbox "Ich bin dran" "My turn";
    inbox_lead "Was auf Sie wartet, das Älteste zuerst." "What waits for you, oldest first.";
    inbox_none "Nichts wartet auf Sie." "Nothing waits for you.";
    inbox_by "Von" "By";
    inbox_cap "Höchstens" "At most";
    inbox_since "Seit" "Since";
    inbox_due "Bis" "Until";
    inbox_age_0 "heute" "today";
    inbox_age_1 "seit gestern" "since yesterday";
    inbox_age_n "seit {n} Tagen" "for {n} days";
    inbox_order "Zur Bestellung" "To the order";
    inbox_command "Auf der Kommandozeile" "By command line";
    inbox_count_1 "Eine Sache wartet." "One thing waits.";
    inbox_count_n "{n} Sachen warten." "{n} things wait.";
    errand_approve "Bestellung freigeben" "Approve an order";
    errand_decide "Über eine Bestellung entscheiden" "Decide on an order";
    errand_seal "Bestellung abschließen" "Seal an order";
    errand_confirm "Verspäteten Abschluss bestätigen" "Confirm a late seal";
    errand_agree "Einer Beilegung zustimmen" "Agree to a settlement";
    errand_mandate "Abrufvollmacht freigeben" "Approve a mandate";
    errand_clarify "Widerspruch klären" "Clarify a contradiction";
    errand_notice "Kündigung zur Kenntnis nehmen" "Take note that notice was given";
    errand_unknown "Unbekannte Aufgabe" "Unknown errand";

    orders "Bestellungen" "Orders";
    orders_lead "Bestellungen, an denen Ihre Organisation beteiligt ist." "Orders in which your organisation takes part.";
    orders_none "Hier steht keine Bestellung." "No order stands here.";
    orders_stage "Stand" "Stage";
    orders_all "Alle" "All";
    orders_overdue "Nur, was Aufmerksamkeit braucht" "Only what needs attention";
    orders_show "Anzeigen" "Show";
    orders_buyer "Besteller" "Buyer";
    orders_turn "Am Zug" "Whose turn";
    orders_turn_none "niemand" "nobody";
    orders_total "Preis über die Laufzeit" "Price over the term";
    orders_updated "Zuletzt" "Last change";
    orders_next "Geschieht von selbst" "Happens by itself";
    orders_attention "Achtung" "Attention";
    orders_count_1 "Eine Bestellung" "One order";
    orders_count_n "{n} Bestellungen" "{n} orders";
    orders_untitled "Angebot, das dieser Knoten nicht kennt" "An offering this node does not know";
    price_unknown "noch unbekannt" "unknown yet";
    stage_awaiting "wartet auf Freigabe" "awaiting approval";
    stage_in_chain "unterwegs" "in the chain";
    stage_offered "Angebote liegen vor" "offered";
    stage_sealed "abgeschlossen" "sealed";
    stage_void "beendet ohne Abschluss" "ended without a seal";
    stage_disputed "strittig" "disputed";
    stage_unsealed "nachweislich nicht abgeschlossen" "proven unsealed";
    stage_unknown "unbekannt" "unknown";
    overdue_disputed "strittig" "disputed";
    overdue_in_doubt "Ausgang unbekannt" "in doubt";
    overdue_undelivered "nicht zugestellt" "undelivered";
    overdue_unconfirmed "Abschluss unbestätigt" "seal unconfirmed";
    overdue_undecided "Entscheidung steht aus" "decision pending";
    overdue_unanswered "Antwort überfällig" "answer overdue";
    overdue_unsealed "Abschlussfrist naht" "deadline near";

    order_heading_stand "Wer dran ist" "Whose turn it is";
    order_choices "Was Ihre Organisation tun kann" "What your organisation can do";
    order_facts "Bestellung" "Order";
    order_id "Kennung" "Id";
    order_officer "Bestellt von der Stelle" "Ordered by office";
    order_reference "Aktenzeichen" "Reference";
    order_purpose "Zweck" "Purpose";
    order_cap "Obergrenze" "Cap";
    order_term "Laufzeit" "Term";
    order_quote_by "Angebote bis" "Offers until";
    order_seal_by "Abschluss bis" "Seal until";
    order_mode "Art" "Kind";
    order_binding "verbindlich" "binding";
    order_interest "unverbindliche Anfrage" "enquiry that binds nobody";
    order_route "Weg" "Route";
    order_leg "{from} beauftragt {to}" "{from} awards {to}";
    order_assumed "unter Annahmen" "on assumptions";
    order_price "Preis über die Laufzeit" "Price over the term";
    order_free "frei vereinbart" "freely agreed";
    order_total "Summe" "Total";
    order_timeline "Verlauf" "Timeline";
    order_note_missing "Text liegt hier nicht vor" "text absent here";
    order_note_erased "Text gelöscht" "text erased";
    order_bundle "Prüfpaket herunterladen" "Download bundle";
    order_bundle_check "Prüfpaket im Browser prüfen" "Verify a bundle in your browser";
    order_evidence "Nachweise" "Evidence";
    verdict_fulfilled "Voraussetzungen erfüllt" "conditions fulfilled";
    verdict_not_proven "nicht belegt" "unproven";
    verdict_not_fulfilled "Voraussetzungen fehlen" "conditions unfulfilled";
    verdict_contested "umstritten" "contested";
    statement_request "Bestellung" "Request";
    statement_decision "Entscheidung" "Decision";
    statement_endorse "Zustimmung auf dem Weg" "Endorsement";
    statement_accept "Annahme" "Acceptance";
    statement_counter "Angebot" "Offer";
    statement_decline "Ablehnung" "Decline";
    statement_reject "Ablehnung durch Anbieter" "Rejection";
    statement_recall "Rücknahme" "Recall";
    statement_seal "Abschluss" "Seal";
    statement_void "Beendigung" "Void";
    statement_confirm "Bestätigung" "Confirmation";
    statement_late "Hinweis auf Verspätung" "Late notice";
    statement_reminder "Erinnerung" "Reminder";
    statement_milestone "Meldung nach Abschluss" "Milestone";
    statement_settlement "Beilegung" "Settlement";
    statement_erasure "Löschung" "Erasure";

    act_order "Bestellen" "Order";
    act_approve "Freigeben" "Approve";
    act_refuse "Ablehnen" "Refuse";
    act_seal "Abschließen" "Seal";
    act_cancel "Beenden" "Cancel";
    act_contact "Ansprechstelle nennen" "Name a contact";
    words_note_hint "Nicht nötig. Alle Beteiligten lesen es; nennen Sie keine Personen. Es lässt sich später löschen." "Need not be filled in. All parties read it; name no persons. It can be erased later.";
    words_contact_hint "Eine Stelle, mit Telefon oder E-Mail. Alle Beteiligten lesen es; es lässt sich später löschen." "An office, by phone or e-mail. All parties read it; it can be erased later.";
    words_button "Text übernehmen" "Take this text";
    selection_order "Bestellen und Auswahl festhalten" "Order and freeze the selection";
    selection_heading "Auswahl: warum die anderen nicht" "Selection: why not the others";
    selection_hint "Diese Suche kommt mit Tag und Kenntnisstand in Ihre Anfrage und in den Vergabevermerk. Näheres in der Begründung." "This search goes into your request and into the award record, with the day and the state of knowledge. Say more in the reason for the choice.";
    selection_label "Festgehaltene Auswahl" "Frozen selection";
    selection_others "Andere Angebote" "Other offerings";
    selection_why_not "Warum nicht gewählt" "Why it was not chosen";
    selection_query "Gesucht nach" "Searched for";
    selection_frozen_at "Festgehalten am" "Frozen on";
    selection_found "Gefundene Angebote" "Offerings found";
    selection_known "Kenntnisstand" "State of knowledge";
    selection_why "Grund wählen" "Choose a reason";
    ordering_here "Im Browser bestellen" "Order in your browser";
    ordering_lead "Sie bestellen für:" "You order for:";
    ordering_no_route "Es gibt keinen Weg, auf dem Ihre Organisation das beziehen kann." "There is no route on which your organisation can obtain this.";
    ordering_cap_hint "Ganze Euro, nur Ziffern, netto über die Laufzeit. Wird es teurer, kommt keine Bestellung zustande." "Whole euros, digits only, net over the term. If it costs more, no order comes about.";
    ordering_purpose_hint "Wofür es gebraucht wird. Alle Beteiligten lesen es; nennen Sie keine Personen." "What it is needed for. All parties read it; name no persons.";
    ordering_button "Weiter: prüfen" "Next: check";
    order_choice "Warum dieses Angebot und dieser Weg" "Why this offering and this route";
    signing_lead "Ihr Browser liest hier aus den Bytes vor, die Sie unterschreiben. Erst der Knopf unterschreibt." "Your browser reads out here what the bytes say that you sign. Only pressing sign below signs.";
    signing_says "Was Sie unterschreiben" "What you sign";
    signing_button "Unterschreiben und abgeben" "Sign and hand in";
    signing_working "Wird unterschrieben und abgegeben …" "Being signed and handed in …";
    signing_expired "Ihre Sitzung ist zu Ende; abgegeben wurde nichts, und was hier steht, bleibt. Melden Sie sich in einem anderen Fenster neu an und drücken Sie hier noch einmal." "Your session has ended; nothing was handed in, and all you see here stays. Sign in again by another window and press here once more.";
    signing_sign_in "In einem anderen Fenster anmelden" "Sign in by another window";
    signing_no_key "In diesem Browser liegt kein Schlüssel von {officer} für {org}." "This browser holds no key of {officer} at {org}.";
    signing_unreadable "Ihr Browser kann nicht lesen, was zu unterschreiben wäre. Unterschreiben Sie es nicht." "Your browser cannot read what would be signed. Do not sign it.";
    signing_bytes "Die Bytes selbst" "The bytes themselves";
    signing_back "Zurück, ohne zu unterschreiben" "Back without signing";
    says_request "{buyer} bestellt verbindlich bei {provider}, höchstens {cap} netto über {years} Jahre, auf dem Weg {route}." "{buyer} orders bindingly at {provider}, at most {cap} net over a term ({years}), via {route}.";
    says_approve "{org} gibt die Bestellung {order} frei." "{org} approves order {order}.";
    says_refuse "{org} lehnt die Bestellung {order} ab." "{org} refuses order {order}.";
    says_seal "{buyer} schließt die Bestellung {order} ab: Alle Verträge des Weges kommen damit zustande, zusammen {total} netto." "{buyer} seals order {order}: thereby all contracts on its route come about, {total} net in total.";
    says_contact "{from} nennt für die Bestellung {order}, wen man fragt." "{from} says whom to ask about order {order}.";
    says_void "{buyer} beendet die Bestellung {order} ohne Abschluss." "{buyer} ends order {order} without a seal.";
    field_attempt "Versuch" "Attempt";
    field_request_id "Vorgangsnummer" "Request id";
    field_offering "Angebot (Kennung)" "Offering (id)";
    field_as_of "Tag der Vergabe" "Day of award";
    field_rule_pack "Regelwerk (Kennung)" "Rule pack (id)";
    field_award "Auftragsart" "Award";
    field_term_years "Laufzeit in Jahren" "Term in years";
    field_total_max "Höchstens, in Euro" "At most, in euros";
    field_total "Zusammen, netto" "In total, net";
    field_considered "Wege, die zur Wahl standen" "Routes to choose from";
    field_officer "Stelle" "Office";
    field_signed_at "Zeitpunkt (UTC)" "Time (UTC)";
    field_salt "Zufallszahl" "Random number";
    field_request "Bestellung (Kennung der Erklärung)" "Request (id of statement)";
    field_approve "Freigegeben" "Approved";
    field_leg "Schritt nach den Tatsachen" "Leg by known facts";
    field_from "Auftraggeber" "Awarding party";
    field_to "Auftragnehmer" "Contractor";
    field_verdict "Ergebnis" "Verdict";
    field_basis "Grundlage" "Basis";
    field_chain "Erklärungen, auf denen er beruht" "Statements it rests on";
    field_agreed "Frei vereinbarten Preisen wird zugestimmt von" "Freely agreed prices accepted from";
    field_reason "Grund" "Reason";
    field_grounds "Für die Akte" "For your file";
    field_annex "Prüfwert der Worte dazu" "Hash of the words beside it";
    field_note "Bemerkung" "Note";
    field_number "Laufende Nummer" "Number";
    field_event "Ereignis" "Event";
    field_seal "Abschluss (Kennung)" "Seal (id)";
    field_contact "Ansprechstelle" "Contact";
    signing_words "Worte dazu" "Words beside it";

    graph_heading "Wer wem angehört" "Who belongs to whom";
    graph_label "Bild: Betreiber der Knoten und ihre Mitgliedschaften; links die Mitglieder, rechts, wem sie angehören" "Picture: operators and their memberships; members on the left, whom they belong to on the right";
    graph_label_way "Bild: der Weg der Bestellung unter den Mitgliedschaften; seine Schritte sind nummeriert" "Picture: the order's route among memberships; its legs are numbered";
    graph_text "Die Mitgliedschaften als Text" "Memberships as text";
    graph_belongs "{member} gehört {of} an." "{member} belongs to {of}.";

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
    privacy_stored_1 "Wer nur liest, erhält keine Cookies; im Browser bleiben nur die Dateien der Darstellung. Wer sich anmeldet, erhält ein Cookie mit einem Zufallswert, das nach acht Stunden endet." "Readers get no cookies; only the files for its appearance stay in your browser. Who signs in gets one cookie with a random value, which ends after eight hours.";
    privacy_stored_5 "Ein Schlüssel, den Sie hier erzeugen, liegt nur in Ihrem Browser. Diese Seite kann ihn benutzen, aber nicht auslesen." "A key that you make here lies in your browser only. This page can use it and cannot read it.";
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
