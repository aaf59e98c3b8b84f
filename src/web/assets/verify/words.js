//! A report in plain sentences, German or English: the words of `verbund-audit` (differ.py compares them). Judges nothing.

const LANGUAGES = ["de", "en"];

const VERDICT_WORDS = {
  VALID: ["gültig", "valid"],
  NOT_CHECKABLE: ["nicht prüfbar", "not checkable"],
  INVALID: ["ungültig", "invalid"],
};

const CHECK_TITLES = {
  CONTAINER: ["Behälter, Teile und Prüfsummen", "Container, members and digests"],
  ROOT: ["Wurzel des Verbunds", "Federation root"],
  TRUST: ["Aufnahmen, Schlüssel, Vollmachten", "Admissions, keys, grants"],
  COMPLETE: ["Nichts über Schlüssel und Ausschlüsse weggelassen", "Nothing about keys and expulsions left out"],
  CHECKPOINT: ["Prüfpunkte der Protokolle", "Checkpoints of the logs"],
  WITNESSES: ["Mitzeichnung der Zeugen", "Cosignatures of the witnesses"],
  INCLUSION: ["Platz im Protokoll", "Place in the log"],
  POSITION: ["Reihenfolge: Schlüssel vor Unterschrift", "Order: key before signature"],
  FACTS: [
    "Angebot, Regelwerk, Tatsachen: unterschrieben von zuständiger Stelle",
    "Offering, rule pack, facts: signed by whom they must be",
  ],
  SIGNERS: ["Erklärungen der Beteiligten", "Statements of the parties"],
  CHAIN: ["Kette der Erklärungen", "Chain of the statements"],
  OUTCOME: ["Abschluss", "Outcome"],
  PRICE: ["Preis und Summe", "Price and total"],
  OFFERING: ["Angebot in der bestellten Fassung", "Offering in the version ordered"],
  LEGS: ["Abschnitte nach § 108 GWB", "Legs under section 108 GWB"],
  OFFICERS: ["Betragsgrenzen, Vier-Augen-Prinzip", "Limits, four eyes"],
  TIMES: ["Fristen nach bezeugten Zeiten", "Deadlines by witnessed times"],
  RECEIPTS: ["Empfangsbestätigungen", "Receipts"],
};

const ENDINGS = {
  SEALED: ["geschlossen: alle Abschnitte verbindlich", "sealed: all legs binding"],
  OPEN: ["offen: noch nicht entschieden", "open: not decided yet"],
  VOID_CANCELLED: ["ohne Vertrag beendet: vom Besteller abgebrochen", "void: cancelled by the buyer"],
  VOID_EXPIRED: ["ohne Vertrag beendet: Frist abgelaufen", "void: a deadline passed"],
  VOID_REJECTED: ["ohne Vertrag beendet: abgelehnt", "void: declined or rejected"],
  VOID_NOT_APPROVED: ["ohne Vertrag beendet: nicht freigegeben", "void: not approved"],
  VOID_PRICE_TOO_HIGH: ["ohne Vertrag beendet: Preis zu hoch", "void: price too high"],
  VOID_LAPSED: ["ohne Vertrag beendet: Voraussetzung entfallen", "void: a condition has lapsed"],
  VOID_REROUTED: ["ohne Vertrag beendet: anderer Weg gewählt", "void: another route was chosen"],
  VOID_RECALLED: ["ohne Vertrag beendet: Zusage zurückgenommen", "void: a promise was withdrawn"],
  VOID_SUPERSEDED: ["ohne Vertrag beendet: durch neue Anfrage ersetzt", "void: replaced by another request"],
};

const NOT_CHECKED = {
  LATER_REVOCATIONS: [
    "Ob Schlüssel, Vollmachten oder Mitgliedschaften nach den Prüfpunkten im Paket widerrufen wurden.",
    "Whether keys, grants or memberships were revoked after the checkpoints in the bundle.",
  ],
  TRUTH_OF_FACTS: [
    "Ob die unterschriebenen Tatsachen wahr sind; geprüft ist nur, wer sie erklärt hat.",
    "Whether the facts signed are true; only who stated them was checked.",
  ],
  WALL_CLOCK: [
    "Die Uhren der Zeugen: gezählt wird, wann genügend von ihnen eine Erklärung gesehen hatten; angegebene Zeiten sind nur Angaben.",
    "The witnesses' clocks: what counts is when enough of them had seen a statement; times stated are claims.",
  ],
  WITHHELD: [
    "Ob Erklärungen zurückgehalten wurden: andere Versuche, jüngere Tatsachen, widersprechende Erklärungen.",
    "Whether statements were withheld: other attempts, newer facts, contradicting statements.",
  ],
  LAW_BEYOND_108: [
    "Andere Rechtsfragen als § 108 und § 120 Abs. 4 GWB, etwa Haushalts-, Beihilfe- und Umsatzsteuerrecht.",
    "Questions of law other than sections 108 and 120 (4) GWB, such as budget, state aid and VAT law.",
  ],
  NO_QUALIFIED_TIMESTAMP: ["Ein qualifizierter Zeitstempel liegt nicht bei.", "There is no qualified time stamp."],
  QUALIFIED_TIMESTAMP_UNCHECKED: [
    "Zeitstempel passt, Aussteller nicht geprüft: `verbund-audit verify --tsa-ca` oder `openssl ts -verify` benutzen.",
    "The time stamp fits, its issuer was not checked: use `verbund-audit verify --tsa-ca` or `openssl ts -verify`.",
  ],
  CHAIN_BEHIND_PART: [
    "Ob die Kette hinter dem Einzelabruf hält und die übrigen Anteile stimmen: das zeigt das Prüfpaket der Stelle, die bestellt hat.",
    "Whether the chain behind the call-off holds and the other shares are right: that is shown by the bundle of whoever ordered.",
  ],
  NO_RECEIPTS: [
    "Wann die Erklärungen angekommen sind: es liegen keine Empfangsbestätigungen bei.",
    "When the statements arrived: there are no receipts.",
  ],
};

// What each reason says and, where it was made for audits, what to do about it.
const REASONS = {
  ADMISSION_SEQUENCE: [
    "Die Aufnahme schließt nicht an die vorige an.",
    "The admission does not follow the one before.",
  ],
  ANNEX_DIFFERS: [
    "Der Anhang ist nicht der, den die Erklärung nennt.",
    "The annex is not the one that the statement names.",
    "Die Erklärung gilt ohne ihn; den Anhang neu anfordern.",
    "The statement stands without it; ask for the annex again.",
  ],
  ANNEX_ERASED: [
    "Ein Text wurde rechtmäßig gelöscht; sein Verfasser hat das unterschrieben.",
    "A text was lawfully erased; its author has signed that.",
    "Am Vertrag ändert das nichts; Rechtsgrund und Stelle stehen in der Löschung.",
    "It changes nothing in the contract; ground and authority stand in the erasure.",
  ],
  ANNEX_NOT_PRESENT: [
    "Ein Text, den die Erklärung nennt, liegt nicht bei.",
    "A text that the statement names is not present.",
    "Am Vertrag ändert das nichts; der Verfasser oder ein anderer Beteiligter kann den Text haben.",
    "It changes nothing in the contract; its author or another party may have the text.",
  ],
  APPROVAL_LATE: ["Die Freigabe kam nach dem Abschluss.", "The approval came after the seal."],
  ARS_INVALID: ["Der Regionalschlüssel ist ungültig.", "The regional key is not valid."],
  AWARD_DAY_OUTSIDE: [
    "Der Tag der Vergabe liegt nicht zwischen Anfrage und Abschluss.",
    "The day of award does not lie between request and seal.",
  ],
  BUNDLE_ALTERED: [
    "Ein Teil des Prüfpakets passt nicht zu seinem Verzeichnis.",
    "A member of the bundle does not match its manifest.",
    "Datei neu anfordern; sie wurde nach dem Erstellen verändert.",
    "Ask for the file again; it was changed after it was made.",
  ],
  BUNDLE_AMBIGUOUS: [
    "Aus dieser Datei würden verschiedene Programme Verschiedenes auspacken.",
    "Different programs would unpack different things from this file.",
    "Die Datei nicht verwenden; beim Absender neu anfordern.",
    "Do not use the file; ask the sender for it again.",
  ],
  BUNDLE_BOMB: [
    "Ausgepackt wäre das Prüfpaket größer, als ein Prüfpaket sein kann.",
    "Unpacked, the bundle would be larger than any bundle can be.",
    "Die Datei nicht auspacken; beim Absender nachfragen.",
    "Do not unpack the file; ask the sender about it.",
  ],
  BUNDLE_BYTES_FOREIGN: [
    "In der Datei stehen Bytes, die zu keinem Teil des Prüfpakets gehören.",
    "The file holds bytes that belong to no member of the bundle.",
    "Die Datei neu anfordern. Ist keine zu haben: auspacken, ansehen, neu packen.",
    "Ask for the file again. If there is none: unpack it, look at it, pack it anew.",
  ],
  BUNDLE_NOT_ZIP: [
    "Die Datei ist kein Prüfpaket: sie ist kein ZIP-Archiv.",
    "The file is not a bundle: it is not a ZIP archive.",
    "Die Datei angeben, die `verbund audit bundle` geschrieben hat (Endung .asice).",
    "Give the file that `verbund audit bundle` has written (it ends in .asice).",
  ],
  BUNDLE_TOO_LARGE: [
    "Das Prüfpaket ist zu groß.",
    "The bundle is too large.",
    "Prüfen, ob es die richtige Datei ist: höchstens 16 MiB, 2000 Teile.",
    "Check whether it is the right file: at most 16 MiB and 2000 members.",
  ],
  BUNDLE_TOO_NEW: [
    "Das Prüfpaket hat ein neueres Format, als dieses Programm kennt.",
    "The bundle has a newer format than this program knows.",
    "Mit einer neueren Fassung von `verbund-audit` prüfen.",
    "Check it with a newer version of `verbund-audit`.",
  ],
  BUNDLE_TRUNCATED: [
    "Das Prüfpaket ist unvollständig: von der Datei fehlt ein Teil.",
    "The bundle is incomplete: part of the file is missing.",
    "Datei noch einmal übertragen und ihre Größe mit der beim Absender vergleichen.",
    "Transfer the file again and compare its size with the sender's.",
  ],
  BUNDLE_UNREADABLE: [
    "Das Prüfpaket ist auf eine Weise gepackt, die nicht jedes Programm liest.",
    "The bundle is packed in a way that not every program reads.",
    "Auspacken und als einfaches ZIP ohne Kennwort neu packen, oder die Datei neu anfordern.",
    "Unpack it and pack it anew as a plain ZIP without password, or ask for the file again.",
  ],
  CHAIN_BROKEN: [
    "Die Erklärung schließt nicht an ihren Vorgänger an.",
    "The statement does not follow its predecessor.",
  ],
  CHAIN_INCOMPLETE: [
    "Es fehlen Erklärungen, ohne die kein Vertrag belegt ist.",
    "Statements are missing without which no contract is proven.",
  ],
  CHECKPOINT_INVALID: [
    "Den Stand des Protokolls hat nicht sein Betreiber unterschrieben.",
    "The state of the log was not signed by its operator.",
    "Prüfpunkt neu anfordern.",
    "Ask for the checkpoint again.",
  ],
  CONTRADICTION_SETTLED: [
    "Ein Widerspruch nach dem Abschluss ist beigelegt; beide Beteiligten haben unterschrieben.",
    "A contradiction after the seal is settled; both parties have signed.",
    "Die Beilegung lesen; der Abschluss gilt unverändert.",
    "Read the settlement; the seal stands unchanged.",
  ],
  DEADLINE_INVALID: ["Die Fristen sind nicht zulässig.", "The deadlines are not admissible."],
  DEADLINE_PASSED: ["Das geschah nach Ablauf der Frist.", "This came after the deadline."],
  DECISION_NO: ["Eine zuständige Person hat abgelehnt.", "An officer in charge has refused."],
  DIGEST_INVALID: ["Das ist kein SHA-256-Wert.", "This is not a SHA-256 value."],
  DISTRIBUTION_INVALID: ["Der Verteilschlüssel ist nicht zulässig.", "The distribution key is not admissible."],
  DISTRIBUTION_KEY_UNKNOWN: ["Dieser Verteilschlüssel ist nicht bekannt.", "This distribution key is not known."],
  DISTRIBUTION_YEAR_UNKNOWN: [
    "Das Jahr des Verteilschlüssels fehlt, oder seine Tabelle ist hier nicht bekannt.",
    "The year of the distribution key is missing, or its table is not known here.",
  ],
  EPOCH_FOREIGN: [
    "Ein weiteres Protokoll eines Knotens darf nur dessen Betreiber beginnen.",
    "Only the operator of a node may begin another log of it.",
  ],
  EVIDENCE_LATER: [
    "Eine Tatsache, auf die sich eine Feststellung stützt, wurde erst danach bekannt.",
    "A fact on which a finding rests became known only afterwards.",
    "Die Feststellung trägt nicht; den Abschnitt als nicht belegt behandeln.",
    "The finding does not hold; treat the leg as not proven.",
  ],
  EVIDENCE_MISSING: [
    "Dafür fehlen Belege im Prüfpaket.",
    "The bundle lacks the evidence for this.",
    "Ein vollständiges Prüfpaket anfordern.",
    "Ask for a complete bundle.",
  ],
  EVIDENCE_TWICE: [
    "Diese Erklärung liegt ein zweites Mal bei; sie zählt einmal.",
    "This statement lies here a second time; it counts once.",
    "Beim Absender erfragen, warum sie doppelt beiliegt.",
    "Ask the sender why it lies here twice.",
  ],
  EVIDENCE_UNRELATED: [
    "Diese Erklärung gehört nicht zu dieser Bestellung; auf ihr beruht hier nichts.",
    "This statement does not belong to this order; nothing rests on it here.",
    "Beim Absender erfragen, warum sie beiliegt.",
    "Ask the sender why it lies here.",
  ],
  FACT_CONTRADICTS_ITSELF: [
    "Die Angaben der Erklärung widersprechen sich.",
    "What the statement says contradicts itself.",
  ],
  FACT_LATER: [
    "Die Tatsache wurde erst danach bekannt.",
    "The fact became known only afterwards.",
    "Sie ändert nichts an dem, was vorher beurteilt und geschlossen wurde.",
    "It changes nothing in what was judged and sealed before.",
  ],
  FIELD_INVALID: ["Ein Feld ist ungültig.", "A field is not valid."],
  FIELD_LOOKS_ALIKE: [
    "Ein Feldname sieht einem anderen zum Verwechseln ähnlich.",
    "The name of a field can be mistaken for another.",
  ],
  FILE_EMPTY: [
    "Die Datei ist leer.",
    "The file is empty.",
    "Noch einmal herunterladen oder anfordern.",
    "Download it again, or ask for it again.",
  ],
  GRANT_EXPIRED: ["Die Vollmacht ist nicht gültig.", "The grant is not in force."],
  GRANT_LIMIT_EXCEEDED: ["Der Betrag übersteigt die Vollmacht.", "The amount exceeds the grant."],
  GRANT_ROLE_MISSING: ["Die Vollmacht umfasst diese Handlung nicht.", "The grant does not cover this act."],
  INTERVAL_INVALID: ["Das Ende liegt vor dem Anfang.", "The end lies before the beginning."],
  JSON_DUPLICATE_KEY: ["Ein Feld steht zweimal im Dokument.", "A field appears twice in the document."],
  JSON_INVALID: ["Das Dokument ist kein zulässiges JSON.", "The document is not admissible JSON."],
  JSON_TOO_DEEP: ["Das Dokument ist zu tief verschachtelt.", "The document is nested too deeply."],
  JSON_TOO_LARGE: ["Das Dokument ist zu groß.", "The document is too large."],
  KEY_DISPUTED: [
    "Unterschrift aus dem strittigen Zeitraum eines gestohlenen Schlüssels.",
    "Signed in the disputed window of a compromised key.",
    "Die Organisation um Bestätigung bitten.",
    "Ask the organisation for confirmation.",
  ],
  KEY_EVENT_SEQUENCE: [
    "Das Schlüsselereignis schließt nicht an das vorige an.",
    "The key event does not follow the one before.",
  ],
  KEY_INVALID: ["Der Schlüssel ist nicht zulässig.", "The key is not admissible."],
  KEY_IN_USE: ["Der Schlüssel ist schon vergeben.", "The key is already in use."],
  KEY_REVOKED: [
    "Der Schlüssel war an dieser Stelle schon widerrufen.",
    "The key was already revoked at this position.",
  ],
  KEY_UNKNOWN: [
    "Mit diesem Schlüssel durfte an dieser Stelle noch niemand unterschreiben, soweit das Paket es belegt.",
    "As far as the bundle shows, nobody was entitled to sign with this key at this place.",
  ],
  LEAF_INVALID: ["Der Eintrag passt nicht zu seiner Erklärung.", "The entry does not match its statement."],
  LEFTOVER_PASSED_OVER: [
    "Ein Packprogramm hat hier etwas hinterlassen, das zu keinem Beleg gehört; es wurde übergangen.",
    "A packing tool has left something here that belongs to no evidence; it was passed over.",
    "Nichts zu tun.",
    "Nothing needs to be done.",
  ],
  LEG_FINDING_DIFFERS: [
    "Die unterschriebene Feststellung zum Abschnitt weicht vom Ergebnis der Nachprüfung ab.",
    "The signed finding on the leg differs from the result of judging it again.",
    "Die Feststellung mit den Nachweisen vergleichen und den Unterzeichner befragen.",
    "Compare the finding with the facts and ask who signed it.",
  ],
  LEG_NOT_FULFILLED: [
    "Eine Voraussetzung von § 108 GWB ist nicht erfüllt.",
    "A condition of section 108 GWB is not fulfilled.",
  ],
  LEG_NOT_PROVEN: [
    "Eine Voraussetzung von § 108 GWB ist nicht belegt.",
    "A condition of section 108 GWB is not proven.",
  ],
  LEIKA_INVALID: ["Der LeiKa-Schlüssel ist ungültig.", "The LeiKa key is not valid."],
  LOG_FORK: [
    "Von diesem Protokoll gibt es zwei Fassungen, die sich widersprechen.",
    "There are two versions of this log that contradict each other.",
    "Beleg sichern und den Betreiber des Knotens verständigen.",
    "Keep the evidence and inform the node's operator.",
  ],
  MANDATE_EXCEEDED: [
    "Der Anteil des Mitglieds übersteigt den Höchstbetrag seiner Abrufvollmacht.",
    "The member's share exceeds the cap of its mandate.",
  ],
  MANDATE_EXPIRED: ["Der letzte Tag der Abrufvollmacht ist vorbei.", "The last day of the mandate is past."],
  MANDATE_FOREIGN: [
    "Die Abrufvollmacht gilt einer anderen Genossenschaft oder einem anderen Bedarf.",
    "The mandate is for another cooperative or another need.",
  ],
  MATURITY_INVALID: ["Der Reifegrad passt nicht zum Modell.", "The maturity level does not fit its model."],
  MEMBER_FOREIGN: [
    "Ein Teil gehört nicht in ein Prüfpaket.",
    "A member does not belong in a bundle.",
    "Die Datei neu anfordern, oder diesen Teil herausnehmen und noch einmal prüfen.",
    "Ask for the file again, or take this member out and check once more.",
  ],
  MEMBER_NAME_TWICE: [
    "Zwei Teile des Prüfpakets hätten auf manchem System denselben Namen.",
    "Two members of the bundle would have the same name on some systems.",
    "Die Datei nicht verwenden; beim Absender neu anfordern.",
    "Do not use the file; ask the sender for it again.",
  ],
  MEMBER_NAME_UNSAFE: [
    "Der Name eines Teils ist nicht auf jedem System sicher.",
    "The name of a member is not safe on every system.",
    "Die Datei nicht auspacken. Liegt alles in einem Ordner, dessen Inhalt packen, nicht den Ordner; sonst neu anfordern.",
    "Do not unpack the file. If all lies in one folder, pack its content, not the folder; or else ask for the file again.",
  ],
  MEMBER_NOT_FILE: [
    "Ein Teil des Prüfpakets ist keine gewöhnliche Datei.",
    "A member of the bundle is not a plain file.",
    "Die Datei nicht auspacken; beim Absender neu anfordern.",
    "Do not unpack the file; ask the sender for it again.",
  ],
  MONEY_INVALID: ["Der Betrag liegt außerhalb des Zulässigen.", "The amount is out of range."],
  NAME_INVALID: ["Der Name ist nicht zulässig.", "The name is not allowed."],
  NODE_TAKEN: ["Diesen Knoten darf die Organisation nicht betreiben.", "The organisation may not operate this node."],
  NOTE_MALFORMED: ["Das ist keine unterschriebene Notiz nach C2SP.", "This is not a C2SP signed note."],
  NOT_A_PARTY: [
    "Diese Organisation ist an der Bestellung nicht beteiligt.",
    "This organisation is not a party to the order.",
  ],
  NOT_IN_DISTRIBUTION: [
    "Der Besteller steht nicht im Verteilschlüssel.",
    "The buyer is not part of the distribution key.",
  ],
  OFFERING_EXPIRED: ["Das Angebot gilt an diesem Tag nicht.", "The offering is not valid on this day."],
  OFFERING_NOT_COVERING: [
    "Das Angebot deckt diese Kommune nicht ab.",
    "The offering does not cover this municipality.",
  ],
  SELECTION_UNFOUNDED: ["Die festgehaltene Auswahl nennt einen Stand, aus dem sie nicht stammen kann.", "The frozen selection names a state that it cannot come from."],
  OFFERING_SUPERSEDED: ["Das Angebot gibt es in einer neueren Fassung.", "There is a newer version of the offering."],
  OFFERING_UNKNOWN: ["Das bestellte Angebot liegt dem Paket nicht bei.", "The offering ordered is not in the bundle."],
  OFFERING_VERSION: [
    "Die Fassung des Angebots ist nicht neuer als die bekannte.",
    "The offering's version is not newer than the one known.",
  ],
  OFFERING_WITHDRAWN: ["Das Angebot ist zurückgezogen.", "The offering is withdrawn."],
  ORDER_DECLINED: ["Ein Beteiligter hat vor dem Abschluss abgelehnt.", "A party declined before the seal."],
  ORDER_DISPUTED: [
    "Es gibt zwei Erklärungen, die sich widersprechen.",
    "There are two statements that contradict each other.",
  ],
  ORDER_ID_INVALID: ["Das ist keine Bestellnummer.", "This is not an order id."],
  ORDER_ID_MISMATCH: [
    "Die Bestellnummer passt nicht zu Besteller und Vorgangsnummer.",
    "The order id does not match buyer and request id.",
  ],
  ORDER_RECALLED: ["Ein Beteiligter hat seine Zusage zurückgenommen.", "A party has withdrawn its promise."],
  ORDER_STATE: [
    "Das ist im jetzigen Stand der Bestellung nicht möglich.",
    "The order's present state does not allow this.",
  ],
  ORG_ALREADY_ADMITTED: ["Die Organisation ist schon aufgenommen.", "The organisation is already admitted."],
  ORG_EXPELLED: [
    "Die Organisation ist aus dem Verbund ausgeschlossen.",
    "The organisation is expelled from the federation.",
  ],
  ORG_HOSTED_ELSEWHERE: [
    "Die Organisation ist auf einem anderen Knoten zu Hause.",
    "The organisation is hosted by another node.",
  ],
  ORG_UNKNOWN: [
    "Das Paket belegt nicht, wer diese Organisation ist.",
    "The bundle does not show who this organisation is.",
  ],
  ORIGIN_INVALID: ["Das ist kein Name eines Protokolls.", "This is not the name of a log."],
  OZG_ID_INVALID: ["Die OZG-ID ist ungültig.", "The OZG-ID is not valid."],
  PERCENT_INVALID: ["Der Anteil liegt außerhalb von 0 bis 100 Prozent.", "The share is outside 0 to 100 per cent."],
  POSSESSION_MISSING: [
    "Der neue Schlüssel hat seine Anmeldung nicht selbst unterschrieben.",
    "The new key did not sign its own registration.",
  ],
  PRICE_FREELY_AGREED: [
    "Der Preis folgt aus keinem veröffentlichten Angebot oder Tarif: frei vereinbart.",
    "The price follows from no published offering or tariff: freely agreed.",
    "Die Zustimmung des Bestellers steht im Abschluss.",
    "The buyer's consent stands in the seal.",
  ],
  PRICE_MISMATCH: [
    "Der Preis folgt nicht aus dem, was veröffentlicht oder vereinbart ist.",
    "The price does not follow from what was published or agreed.",
  ],
  PRICE_NOT_AGREED: [
    "Ein Preis folgt aus keinem veröffentlichten Angebot oder Tarif, und der Besteller hat ihm nicht ausdrücklich zugestimmt.",
    "A price follows from no published offering or tariff, and the buyer has not agreed to it by name.",
  ],
  PRICE_TOO_HIGH: ["Der Preis übersteigt die Obergrenze der Bestellung.", "The price exceeds the order's cap."],
  PROOF_INVALID: [
    "Dass dies an der angegebenen Stelle des Protokolls steht, ist nicht wahr oder verändert worden.",
    "That this stands in the log at the place given is not true or has been altered.",
    "Beweis und Prüfpunkt neu anfordern.",
    "Ask for proof and checkpoint again.",
  ],
  PROOF_MISSING: [
    "Zu dieser Erklärung fehlt der Beweis ihres Platzes im Protokoll.",
    "The proof of this statement's place in its log is missing.",
    "Das Prüfpaket neu erstellen, sobald genügend Zeugen mitgezeichnet haben.",
    "Make the bundle again once enough witnesses have cosigned.",
  ],
  QUANTITY_MISSING: ["Der Preis hängt von einer Zahl ab, die fehlt.", "The price depends on a number that is missing."],
  RECOVERY_VOID: ["Die Wiederherstellung ist nicht zulässig.", "The recovery is not admissible."],
  REQUEST_TIME_UNSEEN: [
    "Die Anfrage will an einem anderen Tag unterschrieben sein, als Zeugen sie sahen.",
    "The request claims to be signed on another day than witnesses saw it.",
  ],
  ROOT_NOT_GIVEN: [
    "Ohne die Wurzel des Verbunds ist nicht prüfbar, um welchen Verbund es geht.",
    "Without the federation root it cannot be checked which federation this is.",
    "Mit `--root sha256:…` den in der Satzung abgedruckten Wert angeben.",
    "Give the value printed in the statutes with `--root sha256:…`.",
  ],
  ROOT_SEQUENCE: [
    "Die neue Fassung der Wurzel schließt nicht an die geltende an.",
    "The new root version does not follow the one in force.",
  ],
  ROOT_UNKNOWN: [
    "Das Paket gehört nicht zu dem Verbund, dessen Kennwert angegeben wurde.",
    "The bundle does not belong to the federation whose value was given.",
    "Den Wert mit dem in der Satzung abgedruckten vergleichen.",
    "Compare the value with the one printed in the statutes.",
  ],
  ROUTE_INVALID: ["Der Weg ist nicht zulässig.", "The route is not admissible."],
  RULE_PACK_NOT_IN_FORCE: [
    "Für den Tag, an dem das Verfahren begann, gilt ein anderes Regelwerk.",
    "For the day on which the procedure began another rule pack is in force.",
  ],
  RULE_PACK_PARAGRAPH: [
    "Eine Fundstelle des Regelwerks ist unbekannt, fehlt oder steht zweimal darin.",
    "A citation of the rule pack is unknown, missing or there twice.",
  ],
  RULE_PACK_SWITCH: [
    "Ein Schalter des Regelwerks ist unbekannt, fehlt oder steht zweimal darin.",
    "A switch of the rule pack is unknown, missing or there twice.",
  ],
  RULE_PACK_UNKNOWN: [
    "Das Regelwerk, nach dem beurteilt wurde, liegt dem Paket nicht bei.",
    "The rule pack by which the legs were judged is not in the bundle.",
  ],
  SAME_OFFICER: [
    "Vier Augen: dieselbe Person darf nicht bestellen und freigeben.",
    "Four eyes: the same person may not order and approve.",
  ],
  SEAL_LATE: [
    "Der Abschluss kam nach seiner Frist und bindet erst, wenn alle Beteiligten ihn bestätigt haben (§ 150 Abs. 1 BGB).",
    "The seal came after its deadline and binds only once all parties have confirmed it (section 150 (1) BGB).",
  ],
  SETTLEMENT_AGAINST_SEAL: [
    "Zwei Beteiligte können nichts an die Stelle dessen setzen, was abgeschlossen ist.",
    "Two parties cannot put anything in the place of what was sealed.",
  ],
  SETTLEMENT_NOT_AGREED: [
    "Eine Beilegung ist vorgeschlagen; der andere Beteiligte hat nicht zugestimmt, und so ist nichts beigelegt.",
    "A settlement is proposed; the other party has not agreed, so nothing is settled.",
    "Der Abschluss gilt; den anderen Beteiligten um Zustimmung bitten: `verbund order settle --agree`.",
    "The seal stands; ask the other party to agree: `verbund order settle --agree`.",
  ],
  SHARES_DO_NOT_ADD_UP: ["Die Anteile ergeben nicht 100 Prozent.", "The shares do not add up to 100 per cent."],
  SIGNATURE_INVALID: [
    "Die Unterschrift passt nicht zum Inhalt.",
    "The signature does not match the content.",
    "Die Bytes wurden verändert oder mit einem anderen Schlüssel unterschrieben. Original neu anfordern.",
    "The bytes were changed or signed with another key. Ask for the original again.",
  ],
  SIGNER_WRONG: [
    "Unterschrieben hat jemand, der dafür nicht zuständig ist.",
    "It was signed by someone who is not entitled to.",
  ],
  STATEMENT_MALFORMED: ["Das ist keine lesbare Erklärung.", "This is no statement that can be read."],
  STATEMENT_UNSIGNED: [
    "Die Erklärung trägt keine oder zu viele Unterschriften.",
    "The statement carries no signature or too many.",
  ],
  SUCCESSION_KNOWN: [
    "Für diese Organisation ist schon eine Nachfolge erklärt.",
    "A successor of this organisation is declared already.",
  ],
  TEXT_HIDES: [
    "Ein Text enthält ein Zeichen, das unsichtbar ist oder die Anzeige verändert.",
    "A text holds a character that is invisible or changes how it is shown.",
  ],
  TEXT_IS_FORMULA: ["Eine Bezeichnung beginnt wie eine Formel.", "A name begins like a formula."],
  TEXT_MISSHAPED: [
    "Ein Text ist nicht in der einen zulässigen Schreibweise.",
    "A text is not in the one form admitted.",
  ],
  TEXT_TOO_LONG: ["Ein Text ist zu lang.", "A text is too long."],
  THRESHOLD_MISSED: ["Es fehlen Unterschriften.", "Signatures are missing."],
  TIMESTAMP_INVALID: [
    "Das ist kein gültiger Zeitstempel über dieses Prüfpaket.",
    "This is no valid time stamp over this bundle.",
    "Einen Zeitstempel nach RFC 3161 über META-INF/ASiCManifest.xml einholen (SHA-256, mit Zertifikat); aus einer Antwort löst ihn `openssl ts -reply -token_out`.",
    "Get an RFC 3161 time stamp over META-INF/ASiCManifest.xml (SHA-256, with certificate); `openssl ts -reply -token_out` takes it out of a response.",
  ],
  TIMES_OUT_OF_ORDER: [
    "Die angegebenen Zeiten passen nicht zur Reihenfolge der Erklärungen.",
    "The times stated do not match the order of the statements.",
    "Die Reihenfolge im Protokoll entscheidet; Uhren der Beteiligten vergleichen.",
    "The order in the log decides; compare the parties' clocks.",
  ],
  TIME_INVALID: ["Das ist kein gültiger Tag oder Zeitpunkt.", "This is not a valid day or time."],
  TRUST_WITHHELD: [
    "Im Paket fehlt, was das Protokoll über Schlüssel, Aufnahmen oder Ausschlüsse sagt.",
    "The bundle leaves out what the log says about keys, admissions or expulsions.",
    "Das Paket neu anfordern, bei einem anderen Knoten.",
    "Ask for the bundle again, from another node.",
  ],
  VERIFY_TEXT_DIFFERS: [
    "VERIFY.txt ist nicht die Anleitung, die zu diesem Prüfpaket gehört.",
    "VERIFY.txt is not the text that belongs to this bundle.",
    "Keinen Befehl daraus ausführen; die Datei neu anfordern.",
    "Run no command from it; ask for the file again.",
  ],
  WITNESSES_MISSING: [
    "Es haben zu wenige Zeugen mitgezeichnet.",
    "Too few witnesses have cosigned.",
    "Warten, bis weitere Knoten erreichbar sind.",
    "Wait until more nodes are reachable.",
  ],
  VERIFIER_FAILED: [
    "Das Prüfprogramm dieser Seite kommt mit diesem Paket nicht zurecht; es sagt nichts über das Paket.",
    "The verifier of this page cannot cope with this bundle; that says nothing about the bundle.",
    "Das Paket mit `verbund-audit` prüfen und den Fall melden.",
    "Check the bundle with `verbund-audit` and report the case.",
  ],
};

const REMEDIES = {
  VALID: ["Nichts zu tun: es ändert das Urteil nicht.", "Nothing to do: it does not change the verdict."],
  NOT_CHECKABLE: ["Ein vollständiges Prüfpaket anfordern.", "Ask for a complete bundle."],
  INVALID: [
    "Die genannte Stelle um Aufklärung bitten; bis dahin nichts darauf stützen.",
    "Ask those named for an explanation; rest nothing on it until then.",
  ],
};

// What a kind of statement is called.
const KINDS = {
  "federation-root": ["Wurzel des Verbunds, Fassung", "Federation root, version"],
  admission: ["Aufnahme", "Admission"],
  expulsion: ["Ausschluss", "Expulsion"],
  "key-event": ["Schlüsselmeldung", "Key event"],
  "node-record": ["Knotenmeldung", "Node record"],
  "officer-grant": ["Vollmacht", "Grant"],
  recovery: ["Wiederherstellung der Schlüssel", "Recovery of the keys"],
  succession: ["Rechtsnachfolge", "Succession"],
  membership: ["Nachweis der Mitgliedschaft", "Evidence of the membership"],
  "entity-facts": ["Nachweis der Eigenschaften", "Evidence of the properties"],
  offering: ["Angebot", "Offering"],
  withdrawal: ["Rücknahme des Angebots", "Withdrawal of the offering"],
  "connection-report": ["Anbindungsbericht", "Connection report"],
  "connection-profile": ["Anbindungsprofil", "Connection profile"],
  need: ["Bedarf", "Need"],
  "need-withdrawal": ["Rücknahme eines Bedarfs", "Withdrawal of a need"],
  "rule-pack": ["Regelwerk", "Rule pack"],
  tariff: ["Entgelttarif", "Tariff"],
  request: ["Anfrage", "Request"],
  decision: ["Freigabeentscheidung", "Decision"],
  endorse: ["Feststellung zum Abschnitt", "Finding on the leg"],
  accept: ["Annahme", "Acceptance"],
  reject: ["Ablehnung", "Rejection"],
  counter: ["Angebot für den Abschnitt", "Offer for the leg"],
  decline: ["Absage", "Decline"],
  seal: ["Abschluss", "Seal"],
  void: ["Ende ohne Vertrag", "End without a contract"],
  confirm: ["Bestätigung des verspäteten Abschlusses", "Confirmation of the late seal"],
  recall: ["Rücknahme der Zusage", "Recall"],
  "late-notice": ["Verspätungsanzeige", "Late notice"],
  reminder: ["Erinnerung", "Reminder"],
  milestone: ["Meldung nach dem Abschluss", "Milestone"],
  erasure: ["Löschung von Texten", "Erasure of texts"],
  settlement: ["Beilegung eines Widerspruchs", "Settlement"],
  mandate: ["Abrufvollmacht", "Mandate"],
  "call-off": ["Einzelabruf", "Call-off"],
  receipt: ["Empfangsbestätigung", "Receipt"],
  access: ["Ausweis", "Proof of access"],
  unknown: ["Erklärung unbekannter Art", "Statement of an unknown kind"],
};

// What else a finding may be about.
const SUBJECTS = {
  bundle: ["Prüfpaket", "Bundle"],
  order: ["Bestellung", "Order"],
  facts: ["Nachweise", "Facts"],
  "root/1": ["Wurzel des Verbunds", "Federation root"],
};
const PARTS = {
  order: ["Erklärung zur Bestellung:", "Statement on the order:"],
  facts: ["Nachweis:", "Fact:"],
  keys: ["Schlüssel:", "Key:"],
  receipts: ["Empfangsbestätigung:", "Receipt:"],
  other: ["Teil des Pakets:", "Part of the bundle:"],
};

/** The text of a table in a language; the stable word itself where the table has none. */
function textIn(table, code, lang) {
  return Object.hasOwn(table, code) ? table[code][LANGUAGES.indexOf(lang)] : code;
}

export const verdictText = (verdict, lang) => textIn(VERDICT_WORDS, verdict, lang);
export const checkTitle = (check, lang) => textIn(CHECK_TITLES, check, lang);
export const notCheckedText = (code, lang) => textIn(NOT_CHECKED, code, lang);

/** What is wrong, in a sentence. */
export const sentenceOf = (reason, lang) => textIn(REASONS, reason, lang);

/** What to do about a finding. */
export function remedyOf({ reason, verdict }, lang) {
  const own = Object.hasOwn(REASONS, reason) ? REASONS[reason][2 + LANGUAGES.indexOf(lang)] : undefined;
  return own ?? textIn(REMEDIES, verdict, lang);
}

/** `Abschluss von stadt-a (Person einkauf) vom 02.09.2026`. */
function paperText({ kind, about, org, officer, day }, lang) {
  const isGerman = lang === "de";
  let text = textIn(KINDS, kind, lang);
  if (about) text += ` „${about}“`;
  if (org) text += ` ${isGerman ? "von" : "of"} ${org}`;
  if (officer) text += ` (${isGerman ? "Person" : "officer"} ${officer})`;
  if (day) text += isGerman ? ` vom ${day.split("-").reverse().join(".")}` : ` of ${day}`;
  return text;
}

/** What a person calls the thing that a finding is about: a paper, a log, an organisation, a part of the bundle. */
export function aboutText(report, subject, lang) {
  const { papers = {}, names = {} } = report.case;
  const shorter = subject.replace(/\.[^.]*$/, "");
  const paper = [subject, shorter, shorter.replace(/\.[^.]*$/, "")].find((name) => Object.hasOwn(papers, name));
  if (paper !== undefined) return paperText(papers[paper], lang);
  const [, node, size] = /^[a-z0-9-]+\/log\/([a-z0-9-]+)\/[0-9]+(?: \(([0-9]+)\))?$/.exec(subject) ?? [];
  if (node) {
    const log = `${lang === "de" ? "Protokoll des Knotens" : "Log of the node"} ${node}`;
    return size ? `${log}, ${lang === "de" ? "Stand" : "at size"} ${size}` : log;
  }
  if (Object.hasOwn(SUBJECTS, subject)) return textIn(SUBJECTS, subject, lang);
  if (Object.hasOwn(names, subject)) return orgText(subject, names);
  const [section, ...rest] = subject.split("/");
  const part = rest.length && Object.hasOwn(PARTS, section) ? section : "other";
  return `${textIn(PARTS, part, lang)} ${subject}`;
}

/** An organisation with its full name, if its admission lies in the bundle. */
function orgText(org, names) {
  return Object.hasOwn(names, org) ? `${names[org]} (${org})` : org;
}

/** Whole cents as an amount for people. */
export function amountText(cents, lang) {
  const [whole, part] = [Math.floor(cents / 100), String(cents % 100).padStart(2, "0")];
  const [thousands, point] = lang === "de" ? [".", ","] : [",", "."];
  return `${String(whole).replace(/\B(?=(\d{3})+$)/g, thousands)}${point}${part} €`;
}

/** What the evidence bears out, in one sentence. */
function borneOut({ parties = [], names = {}, ending, total_cents: total = null, legs = [] }, lang) {
  const isGerman = lang === "de";
  if (parties.length === 0 || !ending) return isGerman ? "die Nachweise stimmen." : "the evidence holds.";
  const [buyer, provider] = [parties[0], parties[parties.length - 1]].map((org) => orgText(org, names));
  const price = total === null ? null : amountText(total, lang);
  if (ending === "SEALED" && price !== null) {
    return isGerman
      ? `Der Vertrag ist so zustande gekommen, wie die Nachweise sagen: ${buyer} bei ${provider}, ${price} netto über die Laufzeit, ${legs.length} Abschnitte.`
      : `The contract came about as the evidence says: ${buyer} with ${provider}, ${price} net over the term, ${legs.length} legs.`;
  }
  if (ending === "CALLED_OFF" && price !== null) {
    return isGerman
      ? `Der Einzelabruf bindet, wie die Nachweise sagen: ${buyer} bei ${provider}, ${price} netto über die Laufzeit. Die Kette dahinter ist nicht Teil dieses Pakets.`
      : `The call-off binds as the evidence says: ${buyer} with ${provider}, ${price} net over the term. The chain behind it is not part of this bundle.`;
  }
  const how = textIn(ENDINGS, ending, lang);
  return isGerman
    ? `Die Nachweise zur Bestellung von ${buyer} bei ${provider} stimmen; ${how}.`
    : `The evidence on the order of ${buyer} with ${provider} holds; ${how}.`;
}

/** The verdict and the one sentence that matters. */
export function headline(report, lang) {
  const verdict = verdictText(report.verdict, lang);
  const said = verdict[0].toUpperCase() + verdict.slice(1);
  if (report.verdict === "VALID") return `${said}: ${borneOut(report.case, lang)}`;
  const wrong = report.checks.flatMap(({ findings }) => findings).filter((finding) => finding.verdict === report.verdict);
  if (wrong.length === 0) return `${said}.`;
  const more = wrong.length - 1;
  const german = more === 1 ? " Dazu eine weitere Feststellung." : ` Dazu ${more} weitere Feststellungen.`;
  const english = more === 1 ? " And one more finding." : ` And ${more} more findings.`;
  const rest = more === 0 ? "" : lang === "de" ? german : english;
  return `${said}: ${aboutText(report, wrong[0].subject, lang)}. ${sentenceOf(wrong[0].reason, lang)}${rest}`;
}

/** A report for a page: all of it in sentences, codes last. Texts from the bundle are to be set as text, never as markup. */
export function told(report, lang) {
  const checks = report.checks.map(({ check, verdict, passed, findings }) => ({
    title: checkTitle(check, lang),
    verdict: verdictText(verdict, lang),
    passed,
    findings: findings.map((finding) => ({
      about: aboutText(report, finding.subject, lang),
      verdict: verdictText(finding.verdict, lang),
      sentence: sentenceOf(finding.reason, lang),
      remedy: remedyOf(finding, lang),
      place: [finding.subject, check, finding.reason].join(" · "),
    })),
  }));
  const notChecked = report.not_checked.map((code) => notCheckedText(code, lang));
  const noted = Object.entries(report.case.papers ?? {}).filter(([, { note }]) => note);
  const notes = noted.map(([subject, { note }]) => ({ about: aboutText(report, subject, lang), text: note }));
  return { headline: headline(report, lang), checks, notChecked, notes };
}
