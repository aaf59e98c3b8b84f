//! The one table of refusals: stable reason, class, German and English text, and what to do next.
//!
//! Every rule that can refuse has its own row. The same reason appears in gRPC, on the command line, in the log and,
//! later, on the web page. Texts may change, reasons may not.
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use crate::domain::characters::printable;

/// What kind of refusal it is; decides the gRPC code and the exit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// The input breaks a rule (gRPC `INVALID_ARGUMENT`, exit 8).
    Rejected,
    /// Wrong use of the command line (exit 2).
    Usage,
    /// The configuration is wrong (exit 3).
    Config,
    /// The other side cannot be reached now; a retry makes sense (gRPC `UNAVAILABLE`, exit 4).
    Unavailable,
    /// Not allowed (gRPC `PERMISSION_DENIED`, exit 5).
    Denied,
    /// No proof of who is asking (gRPC `UNAUTHENTICATED`, exit 5).
    Unauthenticated,
    /// Does not exist here (gRPC `NOT_FOUND`, exit 6).
    Missing,
    /// Contradicts the present state (gRPC `FAILED_PRECONDITION`, exit 7).
    Conflict,
    /// Too much at once (gRPC `RESOURCE_EXHAUSTED`, exit 4).
    Exhausted,
    /// A check of evidence failed (gRPC `INVALID_ARGUMENT`, exit 9).
    Verification,
    /// A check of evidence could not be made (exit 10).
    Incomplete,
    /// The store was written by a newer version (exit 12).
    TooNew,
    /// This node does not do that (gRPC `UNIMPLEMENTED`, exit 8).
    Unsupported,
    /// A bug or a broken machine (gRPC `INTERNAL`, exit 1).
    Internal,
}

impl Class {
    /// The process exit code for a refusal of this class.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Config => 3,
            Self::Unavailable | Self::Exhausted => 4,
            Self::Denied | Self::Unauthenticated => 5,
            Self::Missing => 6,
            Self::Conflict => 7,
            Self::Rejected | Self::Unsupported => 8,
            Self::Verification => 9,
            Self::Incomplete => 10,
            Self::TooNew => 12,
        }
    }
}

impl Reason {
    /// Whether a store that refuses with it has written nothing and goes on as before, once there is room or a file again.
    pub fn is_passing_fault(self) -> bool {
        matches!(self, Self::StoreFull | Self::StoreHandles | Self::StoreReadOnly)
    }
}

/// The language of what a person reads at run time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Lang {
    /// German, the default.
    #[default]
    De,
    /// English.
    En,
}

macro_rules! reasons {
    ($($variant:ident $code:literal $class:ident
        $de:literal $en:literal
        $help_de:literal $help_en:literal;)*) => {
        /// Why something was refused: one variant per rule.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Reason {
            $(#[doc = $en] $variant,)*
        }

        impl Reason {
            /// Every reason, for the error reference and for tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable upper-case word.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The reason with that word, if this version knows it.
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// The class, which decides gRPC code and exit code.
            pub fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)* }
            }

            /// What happened, in one sentence.
            pub fn text(self, lang: Lang) -> &'static str {
                match (self, lang) { $((Self::$variant, Lang::De) => $de, (Self::$variant, Lang::En) => $en,)* }
            }

            /// What to do now.
            pub fn help(self, lang: Lang) -> &'static str {
                match (self, lang) {
                    $((Self::$variant, Lang::De) => $help_de, (Self::$variant, Lang::En) => $help_en,)*
                }
            }
        }
    };
}

reasons! {
    NameInvalid "NAME_INVALID" Rejected
        "Der Name ist nicht zulässig." "The name is not allowed."
        "Kleinbuchstaben, Ziffern und einzelne Bindestriche verwenden, höchstens 40 Zeichen." "Use lower-case letters, digits and single hyphens, at most 40 characters.";
    DigestInvalid "DIGEST_INVALID" Rejected
        "Das ist kein SHA-256-Wert." "This is not a SHA-256 value."
        "64 hexadezimale Zeichen angeben, Buchstaben klein." "Give 64 hexadecimal digits, letters in lower case.";
    OrderIdInvalid "ORDER_ID_INVALID" Rejected
        "Das ist keine Bestellnummer." "This is not an order id."
        "32 hexadezimale Zeichen angeben, Buchstaben klein, wie `order list` sie zeigt." "Give 32 hexadecimal digits, letters in lower case, as `order list` shows them.";
    OriginInvalid "ORIGIN_INVALID" Rejected
        "Das ist kein Name eines Protokolls." "This is not the name of a log."
        "Erwartet wird <Verbund>/log/<Knoten>/<Epoche>." "Expected <federation>/log/<node>/<epoch>.";
    TimeInvalid "TIME_INVALID" Rejected
        "Das ist kein gültiger Tag oder Zeitpunkt." "This is not a valid day or time."
        "Ein Datum genau wie 2021-06-15 oder einen Zeitpunkt in UTC genau wie 2026-11-23T10:00:00Z angeben, Jahre 1900 bis 2199." "Give a date exactly like 2021-06-15 or a time in UTC exactly like 2026-11-23T10:00:00Z, years 1900 to 2199.";
    ClockDiffers "CLOCK_DIFFERS" Conflict
        "Die Uhr dieses Rechners und die des Knotens gehen auseinander." "This machine's clock and the node's differ."
        "Datum, Uhrzeit und Zeitzone des Rechners prüfen (Zeitserver) und wiederholen; geht die Uhr des Knotens falsch, seinen Betreiber benachrichtigen." "Check the machine's date, time and time zone (time server) and repeat; if it is the node's clock that is wrong, tell its operator.";
    DayPast "DAY_PAST" Rejected
        "Dieser Tag ist schon vorbei." "That day has passed."
        "Einen Tag ab heute angeben." "Give a day from today on.";
    DayAhead "DAY_AHEAD" Rejected
        "Dieser Tag ist noch nicht gekommen." "That day has not come yet."
        "Einen Tag bis heute angeben." "Give a day up to today.";
    DayUnknown "DAY_UNKNOWN" Rejected
        "Von diesem Tag weiß dieser Knoten nichts." "This node knows nothing of that day."
        "Einen späteren Tag angeben, oder einen Knoten fragen, der schon länger im Verbund ist." "Give a later day, or ask a node that has been in the federation for longer.";
    LandUnknown "LAND_UNKNOWN" Rejected
        "Dieses Land gibt es nicht." "There is no such Land."
        "Kurzform oder Namen angeben, z. B. SH oder Schleswig-Holstein." "Give its short form or name, such as SH or Schleswig-Holstein.";
    MoneyInvalid "MONEY_INVALID" Rejected
        "Der Betrag liegt außerhalb des Zulässigen." "The amount is out of range."
        "Ganze Cent von 0 bis 1.000.000.000.000 angeben." "Give whole cents from 0 to 1,000,000,000,000.";
    LeikaInvalid "LEIKA_INVALID" Rejected
        "Der LeiKa-Schlüssel ist ungültig." "The LeiKa key is not valid."
        "Ein LeiKa-Schlüssel hat 14 Ziffern und beginnt mit 99 oder einer Landesnummer von 01 bis 16." "A LeiKa key has 14 digits and begins with 99 or a Land number from 01 to 16.";
    OzgInvalid "OZG_ID_INVALID" Rejected
        "Die OZG-ID ist ungültig." "The OZG-ID is not valid."
        "Eine OZG-ID hat fünf Ziffern." "An OZG-ID has five digits.";
    ArsInvalid "ARS_INVALID" Rejected
        "Der Regionalschlüssel ist ungültig." "The regional key is not valid."
        "2, 3, 5, 9 oder 12 Ziffern angeben, beginnend mit der Landesnummer (01 bis 16); für ganz Deutschland `*`." "Give 2, 3, 5, 9 or 12 digits beginning with the Land number (01 to 16); for all of Germany `*`.";
    MaturityInvalid "MATURITY_INVALID" Rejected
        "Der Reifegrad passt nicht zum Modell." "The maturity level does not fit its model."
        "Modell 1.1 kennt 0 bis 4, Modell 2.0 kennt 0 bis 7." "Model 1.1 has 0 to 4, model 2.0 has 0 to 7.";
    PercentInvalid "PERCENT_INVALID" Rejected
        "Der Anteil liegt außerhalb von 0 bis 100 Prozent." "The share is outside 0 to 100 per cent."
        "Anteile in Hundertstel Prozent von 0 bis 10000 angeben." "Give shares in hundredths of a per cent from 0 to 10000.";
    IntervalInvalid "INTERVAL_INVALID" Rejected
        "Das Ende liegt vor dem Anfang." "The end lies before the beginning."
        "Gültigkeit prüfen: `valid_to` muss nach `valid_from` liegen." "Check the validity: `valid_to` must lie after `valid_from`.";
    FactContradicts "FACT_CONTRADICTS_ITSELF" Rejected
        "Die Angaben der Erklärung widersprechen sich." "What the statement says contradicts itself."
        "Das genannte Feld mit den übrigen vergleichen und berichtigen." "Compare the field named with the others and correct it.";
    IntervalsContradict "INTERVALS_CONTRADICT" Conflict
        "Für dieselben Tage gilt schon eine andere Erklärung." "Another statement is in force for the same days."
        "Die frühere Erklärung mit `corrects` berichtigen oder beenden." "Correct or end the earlier statement with `corrects`.";
    SharesExceed "SHARES_EXCEED_WHOLE" Conflict
        "Die Anteile an der Organisation ergeben zusammen mehr als 100 Prozent." "The shares in the organisation add up to more than 100 per cent."
        "Anteile prüfen und frühere Erklärungen mit `corrects` berichtigen." "Check the shares and correct earlier statements with `corrects`.";
    SoleContradicts "SOLE_CONTROL_CONTRADICTED" Conflict
        "Alleinige Kontrolle und die Beteiligung anderer schließen sich aus." "Sole control and the participation of others exclude each other."
        "Mit dem Register der Organisation vergleichen und mit `corrects` berichtigen." "Compare with the organisation's register and correct with `corrects`.";
    HoldingsCyclic "HOLDINGS_CYCLIC" Conflict
        "Die Beteiligungen bilden einen Kreis." "The holdings form a circle."
        "Prüfen, wer wen kontrolliert, und mit `corrects` berichtigen." "Check who controls whom and correct with `corrects`.";
    FieldInvalid "FIELD_INVALID" Rejected
        "Ein Feld ist ungültig." "A field is not valid."
        "Das genannte Feld berichtigen." "Correct the field named.";
    TextTooLong "TEXT_TOO_LONG" Rejected
        "Ein Text ist zu lang." "A text is too long."
        "Den genannten Text kürzen." "Shorten the text named.";
    TextHides "TEXT_HIDES" Rejected
        "Ein Text enthält ein Zeichen, das unsichtbar ist oder die Anzeige verändert." "A text holds a character that is invisible or changes how it is shown."
        "Das genannte Zeichen entfernen: keine Steuerzeichen, keine unsichtbaren Zeichen; Zeilenumbrüche nur in Beschreibungen, Begründungen und Bemerkungen." "Remove the character named: no control characters, no invisible ones; line ends only in descriptions, reasons and notes.";
    TextFormula "TEXT_IS_FORMULA" Rejected
        "Eine Bezeichnung beginnt wie eine Formel." "A name begins like a formula."
        "Nicht mit = + - @ beginnen: Tabellenprogramme führen das aus." "Do not begin it with = + - @: spreadsheets execute that.";
    TextMisshaped "TEXT_MISSHAPED" Rejected
        "Ein Text ist nicht in der einen zulässigen Schreibweise." "A text is not in the one form admitted."
        "Leerzeichen am Anfang und Ende entfernen, Umlaute als ein Zeichen schreiben (Unicode NFC)." "Remove blanks at both ends, write accented letters as one character (Unicode NFC).";
    PercentageSum "SHARES_DO_NOT_ADD_UP" Rejected
        "Die Anteile ergeben nicht 100 Prozent." "The shares do not add up to 100 per cent."
        "Anteile prüfen." "Check the shares.";

    JsonTooLarge "JSON_TOO_LARGE" Rejected
        "Das Dokument ist zu groß." "The document is too large."
        "Höchstens 48 KiB je Erklärung." "At most 48 KiB per statement.";
    JsonTooDeep "JSON_TOO_DEEP" Rejected
        "Das Dokument ist zu tief verschachtelt." "The document is nested too deeply."
        "Höchstens 12 Ebenen." "At most 12 levels.";
    JsonDuplicateKey "JSON_DUPLICATE_KEY" Rejected
        "Ein Feld steht zweimal im Dokument." "A field appears twice in the document."
        "Jedes Feld nur einmal schreiben." "Write each field once.";
    FieldLooksAlike "FIELD_LOOKS_ALIKE" Rejected
        "Ein Feldname sieht einem anderen zum Verwechseln ähnlich." "The name of a field can be mistaken for another."
        "Feldnamen bestehen aus Kleinbuchstaben a bis z, Ziffern, Unterstrich und Bindestrich; das genannte Feld richtig schreiben oder weglassen." "Field names consist of lower-case letters a to z, digits, underscore and hyphen; write the field named correctly or leave it out.";
    JsonInvalid "JSON_INVALID" Rejected
        "Das Dokument ist kein zulässiges JSON." "The document is not admissible JSON."
        "UTF-8, keine Kommazahlen, ganze Zahlen bis 2^53, alle Pflichtfelder." "UTF-8, no fractions, integers up to 2^53, all required fields.";
    CriticalUnknown "CRITICAL_FIELD_UNKNOWN" Rejected
        "Das Dokument verlangt ein Feld, das diese Fassung nicht kennt." "The document insists on a field this version does not know."
        "Programm aktualisieren." "Update the program.";

    StatementMalformed "STATEMENT_MALFORMED" Rejected
        "Die Bytes sind keine Erklärung nach DSSE." "The bytes are not a DSSE statement."
        "Die Originalbytes unverändert übergeben." "Pass the original bytes unchanged.";
    StatementUnsigned "STATEMENT_UNSIGNED" Rejected
        "Die Erklärung trägt keine oder zu viele Unterschriften." "The statement carries no signature or too many."
        "1 bis 16 Unterschriften verschiedener Schlüssel, nach Schlüssel geordnet." "1 to 16 signatures by different keys, sorted by key.";
    SignatureInvalid "SIGNATURE_INVALID" Verification
        "Die Unterschrift passt nicht zum Inhalt." "The signature does not match the content."
        "Die Bytes wurden verändert oder mit einem anderen Schlüssel unterschrieben. Original neu anfordern." "The bytes were changed or signed with another key. Ask for the original again.";
    KeyInvalid "KEY_INVALID" Rejected
        "Der Schlüssel ist nicht zulässig." "The key is not admissible."
        "Mit `verbund key generate` einen neuen Schlüssel erzeugen." "Make a new key with `verbund key generate`.";
    KeyFileInvalid "KEY_FILE_INVALID" Rejected
        "Die Schlüsseldatei ist nicht lesbar." "The key file cannot be read."
        "Eine PKCS-#8-PEM-Datei eines Ed25519-Schlüssels angeben." "Give a PKCS #8 PEM file of an Ed25519 key.";
    KeyFileOpen "KEY_FILE_OPEN" Config
        "Andere als ihr Besitzer dürfen die geheime Datei lesen oder ändern." "Others than its owner may read or change the secret file."
        "`chmod 600 DATEI` ausführen. Wer sie gelesen haben kann, kann damit unterschreiben: dann den Schlüssel ersetzen." "Run `chmod 600 FILE`. Whoever may have read it can sign with it: replace the key then.";
    KeyFolderOpen "KEY_FOLDER_OPEN" Config
        "Andere als sein Besitzer dürfen Dateien im Schlüsselordner austauschen." "Others than its owner may exchange files in the key folder."
        "`chmod 700 ORDNER` ausführen und prüfen, ob die Schlüssel noch die eigenen sind." "Run `chmod 700 FOLDER` and check that the keys are still your own.";
    KeyFileIrregular "KEY_FILE_NOT_REGULAR" Rejected
        "Das ist keine gewöhnliche Datei." "This is not a regular file."
        "Eine Datei angeben, keinen Ordner, kein Gerät und keine Pipe." "Give a file, not a folder, a device or a pipe.";
    KeyFileTooLarge "KEY_FILE_TOO_LARGE" Rejected
        "Die Datei ist zu groß für einen Schlüssel." "The file is too large for a key."
        "Höchstens 16 KiB; die Schlüsseldatei selbst angeben." "At most 16 KiB; give the key file itself.";
    KeyFilePublic "KEY_FILE_PUBLIC" Rejected
        "Die Datei enthält einen öffentlichen Schlüssel; gebraucht wird der private." "The file holds a public key; the private one is needed."
        "Die Datei angeben, die `verbund key generate` geschrieben hat." "Give the file that `verbund key generate` has written.";
    KeyFileCertificate "KEY_FILE_CERTIFICATE" Rejected
        "Die Datei enthält ein Zertifikat; gebraucht wird ein privater Schlüssel." "The file holds a certificate; a private key is needed."
        "Die Datei angeben, die `verbund key generate` geschrieben hat." "Give the file that `verbund key generate` has written.";
    KeyFileForeign "KEY_FILE_FOREIGN" Rejected
        "Der Schlüssel in der Datei ist kein Ed25519-Schlüssel." "The key in the file is not an Ed25519 key."
        "Mit `verbund key generate` oder `openssl genpkey -algorithm ed25519` einen Schlüssel erzeugen." "Make a key with `verbund key generate` or `openssl genpkey -algorithm ed25519`.";
    KeyEncryptionUnknown "KEY_ENCRYPTION_UNSUPPORTED" Rejected
        "So verschlüsselte Schlüsseldateien werden hier nicht gelesen." "Key files encrypted in this way are not read here."
        "Neu verschlüsseln: `openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 600000`." "Encrypt it anew: `openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 600000`.";
    PassphraseMissing "PASSPHRASE_MISSING" Unauthenticated
        "Die Passphrase zur Schlüsseldatei fehlt." "The passphrase of the key file is missing."
        "Mit `--passphrase-file DATEI` angeben, bei einem Knoten mit `passphrase_file` in run.toml, oder in einem Terminal eingeben." "Give it with `--passphrase-file FILE`, for a node with `passphrase_file` in run.toml, or type it on a terminal.";
    PassphraseWrong "PASSPHRASE_WRONG" Denied
        "Die Passphrase passt nicht zur Schlüsseldatei." "The passphrase does not fit the key file."
        "Passphrase und Datei prüfen. Ohne die Passphrase ist der Schlüssel verloren und muss ersetzt werden." "Check passphrase and file. Without the passphrase the key is lost and must be replaced.";
    PassphraseInvalid "PASSPHRASE_INVALID" Rejected
        "Diese Passphrase ist nicht zulässig." "This passphrase is not admissible."
        "Eine Zeile von 1 bis 1023 Bytes verwenden." "Use one line of 1 to 1023 bytes.";
    PassphrasesDiffer "PASSPHRASES_DIFFER" Rejected
        "Die beiden Eingaben der Passphrase sind verschieden." "The passphrase was typed differently the second time."
        "Wiederholen; geschrieben wurde nichts." "Try again; nothing was written.";
    TokensUnsupported "TOKENS_UNSUPPORTED" Config
        "Dieses Programm kann keine Schlüssel in Token benutzen." "This program cannot use keys in tokens."
        "Eine Schlüsseldatei angeben oder das Programm mit `--features pkcs11` übersetzen." "Give a key file, or build the program with `--features pkcs11`.";
    TokenUriInvalid "TOKEN_URI_INVALID" Rejected
        "Das ist kein zulässiger Name eines Schlüssels in einem Token." "This is not an admissible name of a key in a token."
        "Erwartet wird pkcs11:token=…;object=…?module-path=… (RFC 7512), dazu nach Wunsch id und pin-source." "Expected pkcs11:token=…;object=…?module-path=… (RFC 7512), and if wanted id and pin-source.";
    TokenFailed "TOKEN_FAILED" Unavailable
        "Das Token antwortet nicht, wie es soll." "The token does not answer as it should."
        "Prüfen, ob es eingesteckt ist und `module-path` seine Bibliothek nennt, dann wiederholen." "Check that it is plugged in and that `module-path` names its library, then try again.";
    TokenKeyMissing "TOKEN_KEY_MISSING" Missing
        "Das Token oder darin genau ein passender Ed25519-Schlüssel ist nicht zu finden." "The token, or exactly one fitting Ed25519 key in it, cannot be found."
        "`token`, `object` und `id` mit dem vergleichen, was `pkcs11-tool --list-objects --login` zeigt; beide Hälften müssen im Token liegen." "Compare `token`, `object` and `id` with what `pkcs11-tool --list-objects --login` shows; both halves must lie in the token.";
    TokenPinMissing "TOKEN_PIN_MISSING" Unauthenticated
        "Die PIN des Tokens fehlt." "The token's PIN is missing."
        "In einem Terminal eingeben oder mit `pin-source=DATEI` eine Datei nennen, die nur ihr Besitzer lesen darf." "Type it on a terminal, or name a file for its owner only with `pin-source=FILE`.";
    TokenPinWrong "TOKEN_PIN_WRONG" Denied
        "Das Token nimmt die PIN nicht an." "The token does not accept the PIN."
        "PIN prüfen, bevor wiederholt wird: nach wenigen Versuchen sperrt sich das Token." "Check the PIN before trying again: after a few attempts the token locks itself.";
    KeyUnknown "KEY_UNKNOWN" Denied
        "Der Schlüssel ist hier nicht bekannt." "The key is not known here."
        "Prüfen, ob der Schlüssel im Verbund angemeldet ist und dieser Knoten auf dem neuesten Stand ist." "Check that the key is registered in the federation and that this node is up to date.";
    KeyInUse "KEY_IN_USE" Conflict
        "Der Schlüssel ist schon vergeben." "The key is already in use."
        "Für jeden Zweck einen eigenen Schlüssel erzeugen." "Make a separate key for every purpose.";
    KeyRevoked "KEY_REVOKED" Denied
        "Der Schlüssel war an dieser Stelle schon widerrufen." "The key was already revoked at this position."
        "Mit dem aktuellen Schlüssel unterschreiben." "Sign with the current key.";
    KeyDisputed "KEY_DISPUTED" Incomplete
        "Unterschrift aus dem strittigen Zeitraum eines gestohlenen Schlüssels." "Signed in the disputed window of a compromised key."
        "Die Organisation um Bestätigung bitten." "Ask the organisation for confirmation.";
    SignerWrong "SIGNER_WRONG" Denied
        "Diese Erklärung darf dieser Schlüssel nicht unterschreiben." "This key may not sign this statement."
        "Mit dem Schlüssel der zuständigen Organisation unterschreiben." "Sign with the key of the organisation in charge.";
    ThresholdMissed "THRESHOLD_MISSED" Denied
        "Es fehlen Unterschriften." "Signatures are missing."
        "Die genannte Zahl verschiedener berechtigter Schlüssel muss unterschreiben." "The number of different entitled keys named must sign.";
    PossessionMissing "POSSESSION_MISSING" Denied
        "Der neue Schlüssel hat seine Anmeldung nicht selbst unterschrieben." "The new key did not sign its own registration."
        "Die Anmeldung auch mit dem neuen Schlüssel unterschreiben." "Sign the registration with the new key as well.";
    RootUnknown "ROOT_UNKNOWN" Denied
        "Die Wurzel des Verbunds ist nicht die erwartete." "The federation root is not the one expected."
        "Den Wert mit dem in der Satzung abgedruckten vergleichen." "Compare the value with the one printed in the statutes.";
    RootSequence "ROOT_SEQUENCE" Conflict
        "Die neue Fassung der Wurzel schließt nicht an die geltende an." "The new root version does not follow the one in force."
        "Fassung N+1 nennt Fassung N und ist von beiden unterschrieben." "Version N+1 names version N and is signed by both.";
    OrgUnknown "ORG_UNKNOWN" Missing
        "Diese Organisation ist dem Verbund nicht bekannt." "The federation does not know this organisation."
        "Namen prüfen: `verbund org list` zeigt die bekannten Organisationen." "Check the name: `verbund org list` shows the organisations known.";
    OrgElsewhere "ORG_HOSTED_ELSEWHERE" Denied
        "Die Organisation ist auf einem anderen Knoten zu Hause." "The organisation is hosted by another node."
        "Den Auftrag an den Heimatknoten richten." "Send the request to its home node.";
    OrgKnown "ORG_ALREADY_ADMITTED" Conflict
        "Die Organisation ist schon aufgenommen." "The organisation is already admitted."
        "Nichts zu tun." "Nothing to do.";
    OrgExpelled "ORG_EXPELLED" Denied
        "Die Organisation ist aus dem Verbund ausgeschlossen." "The organisation is expelled from the federation."
        "Was sie bis zum Ausschluss unterschrieben hat, gilt weiter. Fragen beantworten die Treuhänder." "What it signed before stays valid. The trustees answer questions.";
    AdmissionSequence "ADMISSION_SEQUENCE" Conflict
        "Die Aufnahme schließt nicht an die vorige an." "The admission does not follow the one before."
        "Nummer und Vorgänger der geltenden Aufnahme zeigt `verbund trust show`." "`verbund trust show` shows number and predecessor of the admission in force.";
    NodeTaken "NODE_TAKEN" Denied
        "Diesen Knoten darf die Organisation nicht betreiben." "The organisation may not operate this node."
        "Wer welchen Knoten betreibt, steht in der Aufnahme durch die Treuhänder." "Who operates which node stands in the trustees' admission.";
    RootOutdated "ROOT_OUTDATED" Denied
        "Das Protokoll kennt nicht die geltende Fassung der Wurzel." "The log does not know the root version in force."
        "Der Betreiber muss seinen Knoten auf den neuesten Stand bringen." "Its operator has to bring the node up to date.";
    RecoveryVoid "RECOVERY_VOID" Conflict
        "Die Wiederherstellung ist nicht zulässig." "The recovery is not admissible."
        "Ankündigen, 72 Stunden öffentlich lassen, dann mit derselben Schlüsselmenge abschließen. Ein Schlüsselereignis der Organisation hebt sie auf." "Announce it, leave it in public for 72 hours, then complete it with the same keys. A key event of the organisation voids it.";
    SuccessionKnown "SUCCESSION_KNOWN" Conflict
        "Für diese Organisation ist schon eine Nachfolge erklärt." "A successor of this organisation is declared already."
        "Nichts zu tun, oder die Treuhänder fragen." "Nothing to do, or ask the trustees.";
    ProposalAltered "PROPOSAL_ALTERED" Verification
        "Die Datei wurde verändert: Was zu lesen ist, ist nicht, was unterschrieben wird." "The file was changed: what is to be read is not what is signed."
        "Nichts unterschreiben. Die Datei von dem neu anfordern, der sie vorgeschlagen hat." "Sign nothing. Ask whoever proposed it for the file again.";
    SignedAlready "SIGNED_ALREADY" Conflict
        "Mit diesem Schlüssel ist der Vorschlag schon unterschrieben." "The proposal is signed with this key already."
        "Die Datei weitergeben: `verbund trust show DATEI` zeigt, wer noch fehlt." "Pass the file on: `verbund trust show FILE` shows who is missing.";
    PublishedAlready "PUBLISHED_ALREADY" Conflict
        "Diese Erklärung ist schon veröffentlicht." "This statement is published already."
        "Nichts zu tun. `verbund trust show` zeigt, was gilt." "Nothing to do. `verbund trust show` shows what is in force.";
    ProposalKind "PROPOSAL_KIND" Rejected
        "Erklärungen dieser Art werden nicht vorgeschlagen." "Statements of this kind are not proposed."
        "Vorschlagen lassen sich Wurzel, Aufnahme, Ausschluss, Regelwerk, Wiederherstellung, Nachfolge, Schlüsselereignis und Vollmacht." "Root, admission, expulsion, rule pack, recovery, succession, key event and grant can be proposed.";
    KeyAbsent "KEY_ABSENT" Conflict
        "Der Knoten hat den geheimen Teil dieses Schlüssels nicht." "The node does not hold the private half of this key."
        "Die Schlüsseldatei in den Schlüsselordner des Knotens legen und die Erklärung erneut veröffentlichen." "Put the key file into the node's key folder and publish the statement again.";
    LogKeyForeign "LOG_KEY_FOREIGN" Config
        "Der Protokollschlüssel im Schlüsselordner gehört einem anderen." "The log key in the key folder is somebody else's."
        "Die eigene Datei `log.pem` zurücklegen. Ist sie verloren, die fremde wegnehmen, eine neue erzeugen (`verbund key generate`) und den Schlüssel mit `verbund key rotate --role log` ersetzen." "Put the own file `log.pem` back. If it is lost, take the foreign one away, make a new one (`verbund key generate`) and replace the key with `verbund key rotate --role log`.";
    WitnessKeyForeign "WITNESS_KEY_FOREIGN" Config
        "Der Zeugenschlüssel im Schlüsselordner gehört einem anderen." "The witness key in the key folder is somebody else's."
        "Die eigene Datei `witness.pem` zurücklegen, oder die fremde durch eine neue ersetzen und `verbund key rotate --role witness` aufrufen." "Put the own file `witness.pem` back, or put a new one in place of the foreign one and call `verbund key rotate --role witness`.";
    StatementKeyForeign "STATEMENT_KEY_FOREIGN" Config
        "Ein Erklärungsschlüssel im Schlüsselordner gehört einem anderen." "A statement key in the key folder is somebody else's."
        "Die Datei `statement-ORGANISATION.pem` der genannten Organisation zurücklegen, oder die fremde durch eine neue ersetzen und `verbund key rotate --role statement` aufrufen." "Put the file `statement-ORGANISATION.pem` of the organisation named back, or put a new one in place of the foreign one and call `verbund key rotate --role statement`.";
    TlsKeyForeign "TLS_KEY_FOREIGN" Config
        "Der TLS-Schlüssel im Schlüsselordner gehört einem anderen Knoten." "The TLS key in the key folder is another node's."
        "Die eigenen Dateien `tls-key.pem` und `tls.pem` zurücklegen; der andere Knoten muss seinen Schlüssel ersetzen, wenn er in fremde Hände kam." "Put the own files `tls-key.pem` and `tls.pem` back; the other node must replace its key if it came into other hands.";
    StoreForeign "STORE_FOREIGN" Config
        "Der Speicher gehört zu einem Verbund mit einer anderen Wurzel als der in run.toml." "The store belongs to a federation with another root than the one in run.toml."
        "`federation_root` und `data` in run.toml mit der Satzung und dem Ordner dieses Knotens vergleichen." "Compare `federation_root` and `data` in run.toml with the statutes and with this node's folder.";
    LogKeyNeeded "LOG_KEY_NEEDED" Conflict
        "Ein Protokoll braucht immer einen Schlüssel." "A log always needs a key."
        "Ersetzen statt widerrufen: `verbund key rotate --role log`, bei Diebstahl mit `--reason compromised --last-good`." "Replace it in place of revoking it: `verbund key rotate --role log`, for a stolen key with `--reason compromised --last-good`.";
    LastGoodNeeded "LAST_GOOD_NEEDED" Rejected
        "Bis wohin der Schlüssel galt, ist nicht richtig angegeben." "Up to where the key was good is not stated correctly."
        "Nur bei `compromised` und dann je Protokoll angeben: `--last-good LOG:ANZAHL`, höchstens so viele Einträge, wie das Protokoll hat. `verbund key list` zeigt sie." "State it only for `compromised`, and then for each log: `--last-good LOG:SIZE`, at most as many entries as the log has. `verbund key list` shows them.";
    RootKeysUncommitted "ROOT_KEYS_UNCOMMITTED" Denied
        "Auf diese Wurzelschlüssel hat sich die Organisation nicht festgelegt." "The organisation has not committed to these root keys."
        "Genau die festgelegte nächste Menge angeben, in derselben Reihenfolge und mit derselben Mindestzahl. Ist sie verloren: Wiederherstellung durch die Treuhänder (`verbund key recover`)." "Give exactly the next set committed to, in the same order and with the same threshold. If it is lost: recovery by the trustees (`verbund key recover`).";
    EventSequence "KEY_EVENT_SEQUENCE" Conflict
        "Das Schlüsselereignis schließt nicht an das vorige an." "The key event does not follow the one before."
        "Nummer und Vorgänger prüfen." "Check number and predecessor.";
    GrantExpired "GRANT_EXPIRED" Denied
        "Die Vollmacht ist nicht gültig." "The grant is not in force."
        "Eine neue Vollmacht der Organisation veröffentlichen lassen." "Have the organisation publish a new grant.";
    GrantRoleMissing "GRANT_ROLE_MISSING" Denied
        "Die Vollmacht umfasst diese Handlung nicht." "The grant does not cover this act."
        "Eine Person mit der nötigen Rolle handeln lassen." "Let a person with the role needed act.";
    GrantLimit "GRANT_LIMIT_EXCEEDED" Denied
        "Der Betrag übersteigt die Vollmacht." "The amount exceeds the grant."
        "Eine Person mit höherer Vollmacht handeln lassen." "Let a person with a higher limit act.";
    SameOfficer "SAME_OFFICER" Denied
        "Vier Augen: dieselbe Person darf nicht bestellen und freigeben." "Four eyes: the same person may not order and approve."
        "Eine zweite berechtigte Person freigeben lassen." "Let a second entitled person approve.";

    TrustWithheld "TRUST_WITHHELD" Verification
        "Im Paket fehlt, was das Protokoll über Schlüssel, Aufnahmen oder Ausschlüsse sagt." "The bundle leaves out what the log says about keys, admissions or expulsions."
        "Das Paket neu anfordern, bei einem anderen Knoten." "Ask for the bundle again, from another node.";
    LogFork "LOG_FORK" Verification
        "Das Protokoll widerspricht sich." "The log contradicts itself."
        "Beleg sichern und den Betreiber des Knotens verständigen." "Keep the evidence and inform the node's operator.";
    ForkProofInvalid "FORK_PROOF_INVALID" Verification
        "Das beweist keinen Widerspruch." "This proves no contradiction."
        "Den Betreiber des Knotens verständigen, der es geschickt hat." "Inform the operator of the node that sent it.";
    LogCut "LOG_CUT" Conflict
        "Das Protokoll dieses Knotens widerspricht sich. Er nimmt nichts mehr auf." "This node's log contradicts itself. It accepts nothing more."
        "Mit «verbund node repair-log» ein neues Protokoll beginnen." "Begin a new log with `verbund node repair-log`.";
    LogWhole "LOG_NOT_CUT" Conflict
        "Das Protokoll dieses Knotens widerspricht sich nicht." "This node's log does not contradict itself."
        "Nichts zu reparieren. Widersprüche zeigt `verbund node status`." "Nothing to repair. `verbund node status` shows contradictions.";
    EpochForeign "EPOCH_FOREIGN" Denied
        "Ein weiteres Protokoll eines Knotens darf nur dessen Betreiber beginnen." "Only the operator of a node may begin another log of it."
        "Den Betreiber des Knotens und den Absender verständigen." "Inform the node's operator and the sender.";
    LogGap "LOG_GAP" Conflict
        "Es fehlen Einträge vor diesen." "Entries before these are missing."
        "Ab der genannten Stelle nachfordern." "Ask from the position named.";
    ProofInvalid "PROOF_INVALID" Verification
        "Der Beweis passt nicht zum Protokoll." "The proof does not match the log."
        "Beweis und Prüfpunkt neu anfordern." "Ask for proof and checkpoint again.";
    CheckpointInvalid "CHECKPOINT_INVALID" Verification
        "Der Prüfpunkt ist ungültig." "The checkpoint is not valid."
        "Prüfpunkt neu anfordern." "Ask for the checkpoint again.";
    QuorumMissing "WITNESSES_MISSING" Incomplete
        "Es haben zu wenige Zeugen mitgezeichnet." "Too few witnesses have cosigned."
        "Warten, bis weitere Knoten erreichbar sind." "Wait until more nodes are reachable.";
    NoteMalformed "NOTE_MALFORMED" Rejected
        "Das ist keine unterschriebene Notiz nach C2SP." "This is not a C2SP signed note."
        "Die Originalbytes unverändert übergeben." "Pass the original bytes unchanged.";
    LeafInvalid "LEAF_INVALID" Rejected
        "Der Eintrag passt nicht zu seiner Erklärung." "The entry does not match its statement."
        "Eintrag von einem anderen Knoten holen." "Fetch the entry from another node.";

    StatementUnknown "STATEMENT_UNKNOWN" Missing
        "Diese Erklärung gibt es hier nicht." "There is no such statement here."
        "Kennung prüfen oder warten, bis der Knoten auf dem neuesten Stand ist." "Check the id, or wait until the node is up to date.";
    OfferingUnknown "OFFERING_UNKNOWN" Missing
        "Dieses Angebot gibt es hier nicht." "There is no such offering here."
        "Mit `verbund offering search` suchen." "Search with `verbund offering search`.";
    OfferingAmbiguous "OFFERING_AMBIGUOUS" Conflict
        "Mehrere Angebote heißen so." "Several offerings are called that."
        "Eines davon mit ANBIETER/NAME nennen." "Name one of them as SELLER/NAME.";
    IdPrefixInvalid "ID_PREFIX_INVALID" Rejected
        "So beginnt keine Kennung: vier oder mehr der Ziffern 0 bis 9 und a bis f." "No id begins like that: four or more of the digits 0 to 9 and a to f."
        "Die Kennung aus der Liste abschreiben; der Anfang genügt." "Copy the id from the list; its beginning is enough.";
    IdAmbiguous "ID_AMBIGUOUS" Conflict
        "Mehrere Kennungen beginnen so." "Several ids begin like that."
        "Mehr Ziffern der Kennung angeben." "Give more digits of the id.";
    OfferingVersion "OFFERING_VERSION" Conflict
        "Die Fassung des Angebots ist nicht neuer als die bekannte." "The offering's version is not newer than the one known."
        "Die nächste Fassungsnummer verwenden." "Use the next version number.";
    ProfileVersion "PROFILE_VERSION" Conflict
        "Das Anbindungsprofil ist nicht neuer als das bekannte." "The connection profile is not newer than the one known."
        "Die nächste Fassungsnummer verwenden." "Use the next version number.";
    ProfileMissing "PROFILE_MISSING" Missing
        "Diese Organisation hat kein Anbindungsprofil veröffentlicht." "This organisation has published no connection profile."
        "`verbund org profile publish --portal …` mit der Rolle buyer oder publisher." "Publish one with `verbund org profile publish --portal …` and the role buyer or publisher.";
    NeedWithdrawn "NEED_WITHDRAWN" Conflict
        "Der Bedarf wurde zurückgenommen." "The need has been withdrawn."
        "Die Kommune fragen; besteht der Bedarf wieder, ihn neu veröffentlichen." "Ask the municipality; if it is needed again, publish a new need.";
    OfferingWithdrawn "OFFERING_WITHDRAWN" Conflict
        "Das Angebot ist zurückgezogen." "The offering is withdrawn."
        "Ein anderes Angebot wählen." "Choose another offering.";
    OfferingExpired "OFFERING_EXPIRED" Conflict
        "Das Angebot gilt an diesem Tag nicht." "The offering is not valid on this day."
        "Gültigkeit prüfen oder ein anderes Angebot wählen." "Check its validity or choose another offering.";
    OfferingNotCovering "OFFERING_NOT_COVERING" Conflict
        "Das Angebot deckt diese Kommune nicht ab." "The offering does not cover this municipality."
        "Ein Angebot für das eigene Gebiet wählen." "Choose an offering for your area.";

    NoRoute "NO_ROUTE" Missing
        "Es gibt keinen Weg vom Besteller zum Anbieter." "There is no route from buyer to provider."
        "Andere Rechtsgrundlage prüfen: Zusammenarbeit, zentrale Beschaffungsstelle oder Ausschreibung." "Consider another basis: cooperation, central purchasing body or tender.";
    RouteInvalid "ROUTE_INVALID" Rejected
        "Der Weg ist nicht zulässig." "The route is not admissible."
        "2 bis 7 verschiedene Beteiligte; am Anfang steht der Besteller, am Ende der Anbieter des Angebots." "2 to 7 different parties; first the buyer, last the seller of the offering.";
    LegNotLawful "LEG_NOT_FULFILLED" Conflict
        "Eine Voraussetzung von § 108 GWB ist nicht erfüllt." "A condition of section 108 GWB is not fulfilled."
        "Einen anderen Weg wählen: `verbund chain routes`." "Choose another route: `verbund chain routes`.";
    LegNotProven "LEG_NOT_PROVEN" Conflict
        "Eine Voraussetzung von § 108 GWB ist nicht belegt." "A condition of section 108 GWB is not proven."
        "Den genannten Nachweis veröffentlichen oder einen anderen Weg wählen: `verbund chain routes`." "Publish the fact named or choose another route: `verbund chain routes`.";
    PrivateMember "PRIVATE_MEMBER_KNOWN" Conflict
        "Ein privates Mitglied ist bekannt, obwohl es kein privates Kapital geben soll." "A private member is known, though there is said to be no private capital."
        "Die falsche der beiden Erklärungen berichtigen." "Correct whichever of the two statements is wrong.";
    GroupContradicts "GROUP_CONTRADICTS" Conflict
        "Eine Tochter ist bekannt, obwohl die Organisation keine Mutter eines Konzerns sein soll." "A daughter is known, though the organisation is said to be the parent of no group."
        "Den Umsatz des Konzerns angeben oder die Beteiligung berichtigen." "State the turnover of the group, or correct the holding.";
    EntrustmentOlder "ENTRUSTMENT_OLDER" Conflict
        "Die Betrauung ist älter als die Zuständigkeit für die Aufgabe." "The entrustment is older than the remit for the task."
        "Den Tag der Betrauung oder der Zuständigkeit berichtigen." "Correct the day of the entrustment or of the remit.";
    RulePackUnknown "RULE_PACK_UNKNOWN" Missing
        "Dieses Regelwerk ist nicht bekannt." "This rule pack is not known."
        "Das Regelwerk des Verbunds verwenden." "Use the federation's rule pack.";

    RulePackSwitch "RULE_PACK_SWITCH" Rejected
        "Ein Schalter des Regelwerks ist unbekannt, fehlt oder steht zweimal darin." "A switch of the rule pack is unknown, missing or there twice."
        "Die Schalter stehen in docs/law.md; jeder kommt genau einmal vor." "docs/law.md lists the switches; each appears exactly once.";
    RulePackParagraph "RULE_PACK_PARAGRAPH" Rejected
        "Eine Fundstelle des Regelwerks ist unbekannt, fehlt oder steht zweimal darin." "A citation of the rule pack is unknown, missing or there twice."
        "Die Fundstellen stehen in docs/law.md; jede kommt genau einmal vor." "docs/law.md lists the citations; each appears exactly once.";
    RulePackOverlaps "RULE_PACK_OVERLAPS" Conflict
        "Das Regelwerk beginnt nicht nach dem letzten, das es gibt." "The rule pack does not begin after the last one there is."
        "Ein Regelwerk gilt für Verfahren ab seinem ersten Tag; an begonnenen Verfahren ändert keines etwas. Einen späteren ersten Tag wählen." "A rule pack holds for procedures from its first day on; none changes procedures that have begun. Choose a later first day.";
    RulePackGap "RULE_PACK_GAP" Conflict
        "Zwischen dem letzten Regelwerk und diesem liegt ein Tag ohne Regelwerk." "Between the last rule pack and this one lies a day without any."
        "Das Regelwerk am Tag nach dem Ende des letzten beginnen lassen." "Let the rule pack begin on the day after the end of the last one.";
    NoRulePack "NO_RULE_PACK" Missing
        "Für diesen Tag gilt hier kein Regelwerk." "No rule pack is in force here for this day."
        "Den Tag prüfen; das früheste Regelwerk gilt ab dem genannten Tag." "Check the day; the earliest rule pack is in force from the day named.";

    OrderUnknown "ORDER_UNKNOWN" Missing
        "Diese Bestellung gibt es hier nicht." "There is no such order here."
        "`verbund order list` zeigt die eigenen Bestellungen." "`verbund order list` shows your orders.";
    OrderConflict "ORDER_CONFLICT" Conflict
        "Zu dieser Bestellung liegt schon eine andere Erklärung vor." "Another statement already exists for this order."
        "Stand ansehen: `verbund order explain`." "Look at its state: `verbund order explain`.";
    OrderDisputed "ORDER_DISPUTED" Conflict
        "Zu dieser Bestellung gibt es zwei widersprüchliche Erklärungen; sie ist angehalten." "There are two contradicting statements for this order; it is frozen."
        "Beide Fassungen prüfen und die Beteiligten ansprechen." "Examine both and talk to the parties.";
    OrderState "ORDER_STATE" Conflict
        "Das ist im jetzigen Stand der Bestellung nicht möglich." "The order's present state does not allow this."
        "Stand ansehen: `verbund order explain`." "Look at its state: `verbund order explain`.";
    OrderClosed "ORDER_CLOSED" Conflict
        "Die Bestellung ist schon entschieden." "The order has already been decided."
        "Stand ansehen: `verbund order show`." "Look at its state: `verbund order show`.";
    OrderOpen "ORDER_OPEN" Conflict
        "Der letzte Versuch dieser Bestellung läuft noch." "The last attempt of this order is still open."
        "Erst beenden (`verbund order cancel`), dann neu beginnen; `verbund order reroute` tut beides." "End it first (`verbund order cancel`), then begin anew; `verbund order reroute` does both.";
    OrderRecalled "ORDER_RECALLED" Conflict
        "Ein Beteiligter hat seine Zusage zurückgenommen." "A party has withdrawn its promise."
        "Einen anderen Weg wählen: `verbund order reroute`." "Choose another route: `verbund order reroute`.";
    OutcomeLost "OUTCOME_LOST" Conflict
        "Das Protokoll enthält schon einen anderen Ausgang dieser Bestellung, dessen Inhalt verloren ist." "The log already holds another outcome of this order whose content is lost."
        "Die Beteiligten ansprechen; dieser Knoten wurde aus einer Sicherung hergestellt." "Talk to the parties; this node was restored from a backup.";
    TimeTooShort "TIME_TOO_SHORT" Conflict
        "Die verbleibende Zeit reicht für eine Entscheidung nicht." "The time left is too short for a decision."
        "Mit längerer Frist bestellen: `--quote-days`." "Order with a longer deadline: `--quote-days`.";
    NoticeTooShort "NOTICE_TOO_SHORT" Conflict
        "Die Kündigungsfrist ist nicht eingehalten." "The period of notice is not kept."
        "Ein Ende ab dem genannten Tag wählen." "Choose an end on or after the day named.";
    NeedMissing "NEED_MISSING" Conflict
        "Für dieses Mitglied liegt kein passender Bedarf vor." "There is no matching need of this member."
        "Das Mitglied veröffentlicht erst seinen Bedarf, dann wird gesammelt bestellt." "The member publishes its need first, then the bundle is ordered.";
    MandateMissing "MANDATE_MISSING" Conflict
        "Für dieses Mitglied liegt keine Abrufvollmacht vor." "There is no mandate of this member."
        "Eine beschaffende Person des Mitglieds erteilt sie: verbund need mandate." "A buying officer of the member gives it: verbund need mandate.";
    MandateForeign "MANDATE_FOREIGN" Conflict
        "Die Abrufvollmacht gilt einer anderen Genossenschaft oder einem anderen Bedarf." "The mandate is for another cooperative or another need."
        "Die Vollmacht für diese Genossenschaft und diesen Bedarf erteilen." "Give the mandate for this cooperative and this need.";
    MandateExpired "MANDATE_EXPIRED" Conflict
        "Der letzte Tag der Abrufvollmacht ist vorbei." "The last day of the mandate is past."
        "Das Mitglied erteilt eine neue Vollmacht." "The member gives a new mandate.";
    MandateExceeded "MANDATE_EXCEEDED" Conflict
        "Der Anteil des Mitglieds übersteigt den Höchstbetrag seiner Abrufvollmacht." "The member's share exceeds the cap of its mandate."
        "Das Mitglied erteilt eine höhere Vollmacht, oder ohne es bestellen." "The member gives a higher mandate, or order without it.";
    AmendmentInvalid "AMENDMENT_INVALID" Conflict
        "Die Änderung passt nicht zur abgeschlossenen Bestellung." "The amendment does not fit the sealed order."
        "Besteller, Weg und Siegel der ursprünglichen Bestellung angeben." "Give buyer, route and seal of the original order.";
    OrderIdMismatch "ORDER_ID_MISMATCH" Rejected
        "Die Bestellnummer passt nicht zu Besteller und Vorgangsnummer." "The order id does not match buyer and request id."
        "Die Nummer wird aus beiden berechnet; nicht frei wählen." "The id is computed from both; do not choose it.";
    NotAParty "NOT_A_PARTY" Denied
        "Diese Organisation ist an der Bestellung nicht beteiligt." "This organisation is not a party to the order."
        "Den Auftrag an einen Beteiligten richten." "Address a party.";
    ChainBroken "CHAIN_BROKEN" Rejected
        "Die Erklärung schließt nicht an ihren Vorgänger an." "The statement does not follow its predecessor."
        "Die fehlenden Erklärungen mitsenden." "Send the missing statements along.";
    ChainIncomplete "CHAIN_INCOMPLETE" Conflict
        "Es fehlen noch Erklärungen von Beteiligten." "Statements by parties are still missing."
        "Warten oder nachfragen: `verbund order explain`." "Wait or ask: `verbund order explain`.";
    SealLate "SEAL_LATE" Conflict
        "Der Abschluss kam nach seiner Frist und bindet erst, wenn alle Beteiligten ihn bestätigt haben (§ 150 Abs. 1 BGB)." "The seal came after its deadline and binds only once all parties have confirmed it (section 150 (1) BGB)."
        "Die genannten Beteiligten um Bestätigung bitten: `verbund order confirm`; sonst neu bestellen." "Ask the parties named to confirm: `verbund order confirm`; else order anew.";
    AnnexDiffers "ANNEX_DIFFERS" Verification
        "Der Anhang ist nicht der, den die Erklärung nennt." "The annex is not the one that the statement names."
        "Die Erklärung gilt ohne ihn; den Anhang neu anfordern." "The statement stands without it; ask for the annex again.";
    AnnexMissing "ANNEX_NOT_PRESENT" Incomplete
        "Ein Text, den die Erklärung nennt, liegt nicht bei." "A text that the statement names is not present."
        "Am Vertrag ändert das nichts; der Verfasser oder ein anderer Beteiligter kann den Text haben." "It changes nothing in the contract; its author or another party may have the text.";
    AnnexErased "ANNEX_ERASED" Incomplete
        "Ein Text wurde rechtmäßig gelöscht; sein Verfasser hat das unterschrieben." "A text was lawfully erased; its author has signed that."
        "Am Vertrag ändert das nichts; Rechtsgrund und Stelle stehen in der Löschung." "It changes nothing in the contract; ground and authority stand in the erasure.";
    NothingToErase "NOTHING_TO_ERASE" Conflict
        "Von den genannten Texten ist keiner ein eigener, der noch nicht gelöscht ist." "None of the texts named is one's own and not yet erased."
        "`verbund order show` nennt die Erklärungen mit Text; löschen lassen kann nur, wer ihn verfasst hat." "`verbund order show` names the statements with a text; only its author can let it be erased.";
    AwardDay "AWARD_DAY_OUTSIDE" Rejected
        "Der Tag der Vergabe liegt nicht zwischen Anfrage und Abschluss." "The day of award does not lie between request and seal."
        "Als Vergabetag den Tag der Anfrage oder einen späteren bis zum Abschluss angeben." "Give the day of the request as day of award, or a later one up to the seal.";
    RequestTimeUnseen "REQUEST_TIME_UNSEEN" Rejected
        "Die Anfrage will an einem anderen Tag unterschrieben sein, als Zeugen sie sahen." "The request claims to be signed on another day than witnesses saw it."
        "Nach diesem Tag richten sich Regelwerk und Tatsachen: Uhr des Bestellers prüfen und neu bestellen." "Rule pack and facts go by that day: check the buyer's clock and order anew.";
    PriceNotAgreed "PRICE_NOT_AGREED" Conflict
        "Ein Preis folgt aus keinem veröffentlichten Angebot oder Tarif, und der Besteller hat ihm nicht ausdrücklich zugestimmt." "A price follows from no published offering or tariff, and the buyer has not agreed to it by name."
        "Den Preis ansehen (`verbund order show`) und beim Abschluss mit `--agree ORGANISATION` zustimmen, oder einen anderen Weg wählen." "Look at the price (`verbund order show`) and agree when sealing with `--agree ORGANISATION`, or choose another route.";
    OfferingSuperseded "OFFERING_SUPERSEDED" Conflict
        "Das Angebot gibt es in einer neueren Fassung." "There is a newer version of the offering."
        "Die neueste Fassung bestellen: `verbund offering show` nennt sie." "Order the newest version: `verbund offering show` names it.";
    SelectionUnfounded "SELECTION_UNFOUNDED" Conflict
        "Die festgehaltene Auswahl nennt einen Stand, aus dem sie nicht stammen kann." "The frozen selection names a state that it cannot come from."
        "Die Auswahl neu festhalten: `verbund offering freeze`." "Freeze the selection anew: `verbund offering freeze`.";
    RulePackOutdated "RULE_PACK_NOT_IN_FORCE" Conflict
        "Für den Tag, an dem das Verfahren begann, gilt ein anderes Regelwerk." "For the day on which the procedure began another rule pack is in force."
        "Ohne `--rule-pack` bestellen; dann gilt das richtige." "Order without `--rule-pack`; then the right one is taken.";
    FactLater "FACT_LATER" Incomplete
        "Die Tatsache wurde erst danach bekannt." "The fact became known only afterwards."
        "Sie ändert nichts an dem, was vorher beurteilt und geschlossen wurde." "It changes nothing in what was judged and sealed before.";
    EvidenceLater "EVIDENCE_LATER" Verification
        "Eine Tatsache, auf die sich eine Feststellung stützt, wurde erst danach bekannt." "A fact on which a finding rests became known only afterwards."
        "Die Feststellung trägt nicht; den Abschnitt als nicht belegt behandeln." "The finding does not hold; treat the leg as not proven.";
    PriceFree "PRICE_FREELY_AGREED" Incomplete
        "Der Preis folgt aus keinem veröffentlichten Angebot oder Tarif: frei vereinbart." "The price follows from no published offering or tariff: freely agreed."
        "Die Zustimmung des Bestellers steht im Abschluss." "The buyer's consent stands in the seal.";
    ContradictionSettled "CONTRADICTION_SETTLED" Incomplete
        "Ein Widerspruch nach dem Abschluss ist beigelegt; beide Beteiligten haben unterschrieben." "A contradiction after the seal is settled; both parties have signed."
        "Die Beilegung lesen; der Abschluss gilt unverändert." "Read the settlement; the seal stands unchanged.";
    SettlementOpen "SETTLEMENT_NOT_AGREED" Incomplete
        "Eine Beilegung ist vorgeschlagen; der andere Beteiligte hat nicht zugestimmt, und so ist nichts beigelegt." "A settlement is proposed; the other party has not agreed, so nothing is settled."
        "Der Abschluss gilt; den anderen Beteiligten um Zustimmung bitten: `verbund order settle --agree`." "The seal stands; ask the other party to agree: `verbund order settle --agree`.";
    SettlementAgainstSeal "SETTLEMENT_AGAINST_SEAL" Conflict
        "Zwei Beteiligte können nichts an die Stelle dessen setzen, was abgeschlossen ist." "Two parties cannot put anything in the place of what was sealed."
        "Als geltend den Abschluss nennen oder eine Erklärung, auf der er beruht; anderes mit `verbund order change` bestellen." "Name as what holds the seal or a statement it rests on; order anything else with `verbund order change`.";
    NothingToSettle "NOTHING_TO_SETTLE" Conflict
        "Keine der genannten Erklärungen widerspricht hier dem Abschluss." "None of the statements named contradicts the seal here."
        "`verbund order show` nennt die Widersprüche." "`verbund order show` names the contradictions.";
    OrderDeclined "ORDER_DECLINED" Conflict
        "Ein Beteiligter hat vor dem Abschluss abgelehnt." "A party declined before the seal."
        "Einen anderen Weg wählen: `verbund order reroute`." "Choose another route: `verbund order reroute`.";
    ApprovalLate "APPROVAL_LATE" Denied
        "Die Freigabe kam nach dem Abschluss." "The approval came after the seal."
        "Vor dem Abschluss freigeben; dieser Abschluss war nicht gedeckt." "Approve before the seal; this seal was not covered.";
    DecisionNo "DECISION_NO" Conflict
        "Eine zuständige Person hat abgelehnt." "An officer in charge has refused."
        "Begründung lesen und nachfragen." "Read the reason and ask.";
    DeadlineInvalid "DEADLINE_INVALID" Rejected
        "Die Fristen sind nicht zulässig." "The deadlines are not admissible."
        "Angebotsfrist vor Abschlussfrist, beide in der Zukunft, höchstens 180 Tage." "Quote deadline before seal deadline, both in the future, at most 180 days.";
    DeadlinePassed "DEADLINE_PASSED" Conflict
        "Die Frist ist abgelaufen." "The deadline has passed."
        "Neu bestellen." "Order again.";
    PriceTooHigh "PRICE_TOO_HIGH" Conflict
        "Der Preis übersteigt die Obergrenze der Bestellung." "The price exceeds the order's cap."
        "Mit höherer Obergrenze neu bestellen." "Order again with a higher cap.";
    PriceMismatch "PRICE_MISMATCH" Rejected
        "Der Gesamtpreis ist nicht die Summe seiner Teile." "The total is not the sum of its parts."
        "Preisteile prüfen." "Check the components.";
    DistributionKeyUnknown "DISTRIBUTION_KEY_UNKNOWN" Rejected
        "Dieser Verteilschlüssel ist nicht bekannt." "This distribution key is not known."
        "`inhabitants`, `uses`, `target-group`, `koenigstein` oder `fixed` angeben." "Give `inhabitants`, `uses`, `target-group`, `koenigstein` or `fixed`.";
    DistributionYear "DISTRIBUTION_YEAR_UNKNOWN" Rejected
        "Das Jahr des Verteilschlüssels fehlt, oder seine Tabelle ist hier nicht bekannt." "The year of the distribution key is missing, or its table is not known here."
        "Das Jahr angeben; für andere Jahre des Königsteiner Schlüssels die Anteile mit Quelle selbst nennen." "Give the year; for other years of the Königsteiner Schlüssel state the shares with their source.";
    DistributionInvalid "DISTRIBUTION_INVALID" Rejected
        "Der Verteilschlüssel ist nicht zulässig." "The distribution key is not admissible."
        "Die genannte Regel beachten: jeder Beteiligte einmal, mit seiner Zahl." "Follow the rule named: each party once, with its number.";
    NotInDistribution "NOT_IN_DISTRIBUTION" Conflict
        "Der Besteller steht nicht im Verteilschlüssel." "The buyer is not part of the distribution key."
        "Den Anbieter um Aufnahme in den Schlüssel bitten." "Ask the seller to be added to the key.";
    QuantityMissing "QUANTITY_MISSING" Rejected
        "Der Preis hängt von einer Zahl ab, die fehlt." "The price depends on a number that is missing."
        "Die genannte Zahl angeben: `--uses`, `--target-group`; Einwohner stehen in der Aufnahme." "Give the number named: `--uses`, `--target-group`; inhabitants stand in the admission.";

    ConfigUnreadable "CONFIG_UNREADABLE" Config
        "Die Datei ist nicht lesbar." "The file cannot be read."
        "Pfad und Rechte prüfen." "Check path and permissions.";
    ConfigInvalid "CONFIG_INVALID" Config
        "Eine Angabe in der Datei ist ungültig." "An entry in the file is not valid."
        "Die genannte Stelle berichtigen; `nodes/README.md` erklärt jede Einstellung." "Correct the place named; `nodes/README.md` explains every setting.";
    ConfigUnknownKey "CONFIG_UNKNOWN_KEY" Config
        "Die Einstellungen enthalten einen unbekannten Schlüssel." "The configuration contains an unknown key."
        "Schreibweise prüfen; `nodes/README.md` nennt alle Schlüssel." "Check the spelling; `nodes/README.md` lists all keys.";
    PortTaken "PORT_TAKEN" Config
        "Die Adresse ist schon belegt." "The address is already in use."
        "Das andere Programm beenden oder eine andere Adresse wählen." "Stop the other program or choose another address.";

    StoreLocked "STORE_LOCKED" Config
        "Ein anderer Prozess benutzt diesen Speicher." "Another process uses this store."
        "Den anderen Knoten beenden." "Stop the other node.";
    StoreDamaged "STORE_DAMAGED" Internal
        "Der Speicher ist beschädigt." "The store is damaged."
        "Den Datenträger prüfen. Ein Knoten liest beim Start um die Stelle herum und holt Fehlendes von den anderen; fehlt ein ganzes Stück, aus einer Sicherung wiederherstellen." "Check the disk. A node that starts reads around the place and fetches what is missing from the others; if a whole segment is missing, restore a backup.";
    StoreFull "STORE_FULL" Exhausted
        "Auf dem Datenträger ist kein Platz mehr." "The disk is full."
        "Platz schaffen; der Knoten nimmt dann wieder an, verloren ist nichts." "Make room; the node then accepts again, nothing is lost.";
    StoreReadOnly "STORE_READ_ONLY" Exhausted
        "Der Datenträger nimmt nichts mehr an: Er ist nur noch zum Lesen eingehängt." "The disk takes nothing any more: it is mounted for reading only."
        "Nachsehen, warum (`dmesg`), und ihn wieder beschreibbar machen; der Knoten liest bis dahin, verloren ist nichts." "Find out why (`dmesg`) and make it writable again; the node reads until then, nothing is lost.";
    StoreHandles "STORE_HANDLES" Exhausted
        "Das System gibt diesem Prozess keine weiteren Dateien." "The system gives this process no more files."
        "Die Grenze für offene Dateien anheben (`ulimit -n`, `LimitNOFILE`); verloren ist nichts." "Raise the limit of open files (`ulimit -n`, `LimitNOFILE`); nothing is lost.";
    StoreFailed "STORE_FAILED" Internal
        "Der Speicher hat nicht bestätigt." "The store did not confirm."
        "Datenträger prüfen und den Knoten neu starten; er liest den wahren Stand ein." "Check the disk and restart the node; it reads the true state.";
    StoreTooNew "STORE_TOO_NEW" TooNew
        "Eine neuere Fassung des Programms hat diesen Speicher geschrieben." "A newer version of the program wrote this store."
        "Das Programm aktualisieren." "Update the program.";
    StoreStale "STORE_STALE" Conflict
        "Ein anderer hat inzwischen geschrieben." "Someone else has written in the meantime."
        "Neu einlesen." "Load again.";

    Unreachable "NODE_UNREACHABLE" Unavailable
        "Der Knoten ist nicht erreichbar." "The node cannot be reached."
        "Adresse prüfen und ob der Knoten läuft, dann wiederholen." "Check the address and that the node runs, then try again.";
    PeerKeyWrong "PEER_KEY_WRONG" Verification
        "Am anderen Ende zeigt jemand einen anderen Schlüssel als den erwarteten." "The other end shows another key than the expected one."
        "Nicht fortfahren. Hat der Knoten seinen TLS-Schlüssel getauscht, das neue Zertifikat (tls.pem) von seinem Betreiber holen und den Fingerabdruck auf anderem Weg vergleichen. Sonst steht jemand dazwischen, etwa ein prüfender Proxy: den Knoten davon ausnehmen." "Do not go on. If the node has replaced its TLS key, get the new certificate (tls.pem) from its operator and compare the fingerprint by another way. Otherwise somebody stands in between, such as an inspecting proxy: exempt the node from it.";
    PeerMixedUp "PEER_MIXED_UP" Verification
        "Unter dieser Adresse antwortet ein anderer Knoten des Verbunds." "Another node of the federation answers at this address."
        "Die Adresse berichtigen: in `run.toml` unter `peers`, oder der Betreiber in seiner Knotenmeldung. Niemand steht dazwischen." "Correct the address: in `run.toml` under `peers`, or its operator in the node record. Nobody stands in between.";
    TlsFailed "TLS_FAILED" Verification
        "Am anderen Ende spricht jemand nicht so, wie ein Knoten spricht." "The other end does not speak as a node does."
        "Adresse und Port prüfen: Knoten sprechen TLS 1.3 mit HTTP/2. Ein Proxy dazwischen muss die Verbindung unverändert durchlassen." "Check address and port: nodes speak TLS 1.3 with HTTP/2. A proxy in between must pass the connection on unchanged.";
    DeadlineExceeded "DEADLINE_EXCEEDED" Unavailable
        "Der Knoten hat nicht rechtzeitig geantwortet." "The node did not answer in time."
        "Wiederholen; gleiche Vorgangsnummern wirken nur einmal." "Try again; the same request id takes effect once.";
    OutcomeUnknown "OUTCOME_UNKNOWN" Unavailable
        "Ob es angekommen ist, ist unbekannt: Die Antwort ging verloren." "Whether it has arrived is unknown: the answer was lost."
        "Mit `order show` nachsehen. Eine Bestellung mit derselben --request-id zu wiederholen ist gefahrlos: Sie wirkt nur einmal." "Look with `order show`. Repeating an order with the same --request-id is safe: it takes effect once.";
    Overloaded "OVERLOADED" Exhausted
        "Der Knoten ist ausgelastet." "The node is busy."
        "In einigen Sekunden wiederholen." "Try again in a few seconds.";
    MessageTooLarge "MESSAGE_TOO_LARGE" Rejected
        "Die Nachricht ist zu groß." "The message is too large."
        "Höchstens 4 MiB in einem Aufruf senden." "Send at most 4 MiB in one call.";
    MessageInvalid "MESSAGE_INVALID" Rejected
        "Die Nachricht entspricht nicht ihrer Beschreibung." "The message is not what its description says."
        "Die Nachricht aus den Dateien in proto/ erzeugen; Texte sind UTF-8." "Generate the message from the files in proto/; texts are UTF-8.";
    MethodUnknown "METHOD_UNKNOWN" Unsupported
        "Diesen Aufruf kennt der Knoten nicht." "The node does not know this call."
        "Die Aufrufe nennt die Reflection des Knotens; ist er älter als das Programm, den Knoten aktualisieren." "The node's reflection lists its calls; if it is older than the program, update the node.";
    CatchingUp "CATCHING_UP" Unavailable
        "Der Knoten fragt andere noch nach dem Stand seines Protokolls." "The node is still asking others how far its log goes."
        "In Kürze wiederholen. Dauert es an, zeigt `verbund peer list`, welche Knoten fehlen. `--alone` nur, wenn sicher niemand mehr von diesem Protokoll weiß: sonst widerspricht es sich für immer." "Try again shortly. If it lasts, `verbund peer list` shows which nodes are missing. Use `--alone` only if certainly nobody knows more of this log: otherwise it contradicts itself for good.";
    QuorumUnreachable "QUORUM_UNREACHABLE" Unavailable
        "Der Knoten erreicht zu wenige Zeugen: Was er jetzt schreibt, bezeugt niemand." "The node reaches too few witnesses: nobody vouches for what it writes now."
        "`verbund peer list` zeigt, welche Knoten fehlen; die eigene Netzverbindung prüfen." "`verbund peer list` shows which nodes are missing; check your own network connection.";
    DepositPending "DEPOSIT_PENDING" Unavailable
        "Angenommen, aber noch nicht endgültig: Was nur dieser Knoten hat, ist noch nicht bei den anderen Knoten hinterlegt, auf die es sich stützen soll." "Accepted, but not final yet: what only this node holds is not deposited yet at the other nodes that are to keep it."
        "Dasselbe in einigen Minuten noch einmal einreichen: Es wirkt nur einmal, und die Antwort sagt, ob es endgültig ist. Hält es an, zeigt `verbund peer list`, welche Knoten fehlen." "Hand in the same again in some minutes: it takes effect once, and the answer says whether it is final. If it lasts, `verbund peer list` shows which nodes are missing.";
    DepositLimit "DEPOSIT_LIMIT" Exhausted
        "Dieser Knoten verwahrt für den anderen schon so viel, wie er für einen verwahrt." "This node keeps as much for the other one already as it keeps for any."
        "Der andere Knoten hinterlegt bei einem dritten." "The other node makes its deposits at a third one.";
    DepositUnreadable "DEPOSIT_UNREADABLE" Verification
        "Was ein anderer Knoten zurückgibt, lässt sich mit diesem Wiederherstellungsschlüssel nicht öffnen." "What another node gives back cannot be opened with this recovery key."
        "Den Schlüssel angeben, dessen öffentlicher Teil bei der Hinterlegung in run.toml stand." "Give the key whose public part stood in run.toml when the deposit was made.";
    RecoveryKeyPlace "RECOVERY_KEY_PLACE" Usage
        "Der Wiederherstellungsschlüssel darf nicht im Ordner des Knotens liegen: Er wird gebraucht, wenn dieser Ordner verloren ist." "The recovery key must not lie in the node's folder: it is needed when that folder is lost."
        "Mit `--recovery-key DATEI` einen Ort nennen, an dem auch die Wurzelschlüssel liegen." "Name a place with `--recovery-key FILE` where the root keys lie too.";
    RecoveryKeyMissing "RECOVERY_KEY_MISSING" Config
        "Andere Knoten verwahren Hinterlegtes von diesem Knoten; zum Öffnen fehlt der Wiederherstellungsschlüssel." "Other nodes keep deposits of this node; the recovery key that opens them is missing."
        "Den Knoten einmal mit `--recovery-key DATEI` starten." "Start the node once with `--recovery-key FILE`.";
    ProtocolTooOld "PROTOCOL_TOO_OLD" Rejected
        "Dieser Knoten spricht eine zu alte Fassung des Protokolls zwischen Knoten." "This node speaks too old a version of the protocol between nodes."
        "Den älteren Knoten aktualisieren." "Update the older node.";
    PeerStalled "PEER_STALLED" Unavailable
        "Der Knoten liefert nicht, was er ankündigt." "The node does not deliver what it announces."
        "Es wird von anderen Knoten geholt." "It is fetched from other nodes.";
    PeerShunned "PEER_SHUNNED" Unavailable
        "Mit diesem Knoten wird vorerst nicht gesprochen." "This node is not spoken to for now."
        "Später wiederholen; der Grund steht im Protokoll beider Knoten." "Try again later; the reason is in both nodes' logs.";
    StreamOpen "STREAM_OPEN" Conflict
        "Zwischen den beiden Knoten besteht schon eine Verbindung." "The two nodes have a stream already."
        "Nichts zu tun." "Nothing to do.";
    ShuttingDown "SHUTTING_DOWN" Unavailable
        "Der Knoten wird gerade beendet." "The node is shutting down."
        "In Kürze wiederholen." "Try again shortly.";
    PeerUnknown "PEER_UNKNOWN" Denied
        "Dieser Knoten gehört nicht zum Verbund." "This node does not belong to the federation."
        "Den TLS-Schlüssel mit dem Knotenverzeichnis vergleichen." "Compare the TLS key with the node records.";
    AccessMissing "ACCESS_MISSING" Unauthenticated
        "Dafür ist ein Ausweis nötig." "This needs proof of identity."
        "Mit `--key` und `--org` die Schlüsseldatei einer berechtigten Person angeben." "Give an officer's key file with `--key` and `--org`.";
    AccessExpired "ACCESS_EXPIRED" Unauthenticated
        "Der Ausweis ist abgelaufen oder die Uhr geht falsch." "The proof of identity has expired or a clock is wrong."
        "Uhrzeit prüfen und wiederholen." "Check the time and try again.";
    PageInvalid "PAGE_INVALID" Rejected
        "Die Seitenangabe ist ungültig." "The page token is not valid."
        "Mit der ersten Seite neu beginnen." "Start again with the first page.";
    SessionEnded "SESSION_ENDED" Unauthenticated
        "Ihre Sitzung ist zu Ende." "Your session has ended."
        "In einem anderen Fenster neu anmelden und diese Seite neu laden: Was Sie eingegeben haben, steht noch in ihrer Adresse." "Sign in again by another window and reload this page: what you typed still stands in its address.";
    ResumeInvalid "RESUME_INVALID" Rejected
        "Von dieser Stelle lässt sich nicht fortsetzen." "It cannot go on from this position."
        "Ohne Stelle neu beginnen: Dann wird zuerst alles gemeldet, was bekannt ist." "Begin anew without a position: then everything known is told first.";
    PageUnknown "PAGE_UNKNOWN" Missing
        "Diese Seite gibt es hier nicht." "There is no such page here."
        "Die Adresse prüfen, oder von der Startseite aus suchen." "Check the address, or look from the first page.";
    PageCrossSite "PAGE_CROSS_SITE" Denied
        "Die Anfrage kam nicht von einer Seite dieses Knotens." "The request came from no page of this node."
        "Die Seite dieses Knotens selbst öffnen und dort wiederholen." "Open this node's own page and repeat it there.";
    GrantRequestsClosed "GRANT_REQUESTS_CLOSED" Unsupported
        "Bei diesem Knoten lässt sich keine Vollmacht beantragen." "No grant can be asked for at this node."
        "Den öffentlichen Teil des Schlüssels der Organisation geben; sie erteilt die Vollmacht mit `verbund officer grant`." "Hand the key's public half to the organisation, which grants it with `verbund officer grant`.";
    GrantRequestsFull "GRANT_REQUESTS_FULL" Exhausted
        "Es warten schon zu viele Anträge auf eine Vollmacht." "Too many requests for a grant wait already."
        "Der Betreiber räumt den Ordner `grant_requests` auf; danach den Antrag wiederholen." "The operator clears the folder `grant_requests`; repeat the request then.";
    PageUnencrypted "PAGE_UNENCRYPTED" Config
        "Die Seite wäre aus dem Netz unverschlüsselt erreichbar." "The page could be reached from the network without encryption."
        "Unter [web] `certificate` und `key` angeben, oder als Adresse 127.0.0.1, wenn auf derselben Maschine ein Webserver mit TLS davor steht." "Give `certificate` and `key` under [web], or the address 127.0.0.1 if a web server with TLS stands before it on the same machine.";
    FrameInvalid "FRAME_INVALID" Rejected
        "Die Nachricht eines Knotens ist ungültig." "A message between nodes is not valid."
        "Fassungen der Knoten vergleichen." "Compare the versions of the nodes.";

    FileEmpty "FILE_EMPTY" Incomplete
        "Die Datei ist leer." "The file is empty."
        "Noch einmal herunterladen oder anfordern." "Download it again, or ask for it again.";
    BundleNotZip "BUNDLE_NOT_ZIP" Incomplete
        "Die Datei ist kein Prüfpaket: sie ist kein ZIP-Archiv." "The file is not a bundle: it is not a ZIP archive."
        "Die Datei angeben, die `verbund audit bundle` geschrieben hat (Endung .asice)." "Give the file that `verbund audit bundle` has written (it ends in .asice).";
    BundleTruncated "BUNDLE_TRUNCATED" Incomplete
        "Das Prüfpaket ist unvollständig: von der Datei fehlt ein Teil." "The bundle is incomplete: part of the file is missing."
        "Datei noch einmal übertragen und ihre Größe mit der beim Absender vergleichen." "Transfer the file again and compare its size with the sender's.";
    BundleUnreadable "BUNDLE_UNREADABLE" Incomplete
        "Das Prüfpaket ist auf eine Weise gepackt, die nicht jedes Programm liest." "The bundle is packed in a way that not every program reads."
        "Auspacken und als einfaches ZIP ohne Kennwort neu packen, oder die Datei neu anfordern." "Unpack it and pack it anew as a plain ZIP without password, or ask for the file again.";
    BundleTooLarge "BUNDLE_TOO_LARGE" Incomplete
        "Das Prüfpaket ist zu groß." "The bundle is too large."
        "Prüfen, ob es die richtige Datei ist: höchstens 16 MiB, 2000 Teile." "Check whether it is the right file: at most 16 MiB and 2000 members.";
    BundleBomb "BUNDLE_BOMB" Incomplete
        "Ausgepackt wäre das Prüfpaket größer, als ein Prüfpaket sein kann." "Unpacked, the bundle would be larger than any bundle can be."
        "Die Datei nicht auspacken; beim Absender nachfragen." "Do not unpack the file; ask the sender about it.";
    BundleTooNew "BUNDLE_TOO_NEW" Incomplete
        "Das Prüfpaket hat ein neueres Format, als dieses Programm kennt." "The bundle has a newer format than this program knows."
        "Mit einer neueren Fassung von `verbund-audit` prüfen." "Check it with a newer version of `verbund-audit`.";
    BundleBytesForeign "BUNDLE_BYTES_FOREIGN" Verification
        "In der Datei stehen Bytes, die zu keinem Teil des Prüfpakets gehören." "The file holds bytes that belong to no member of the bundle."
        "Die Datei neu anfordern. Ist keine zu haben: auspacken, ansehen, neu packen." "Ask for the file again. If there is none: unpack it, look at it, pack it anew.";
    BundleAmbiguous "BUNDLE_AMBIGUOUS" Verification
        "Aus dieser Datei würden verschiedene Programme Verschiedenes auspacken." "Different programs would unpack different things from this file."
        "Die Datei nicht verwenden; beim Absender neu anfordern." "Do not use the file; ask the sender for it again.";
    MemberNameTwice "MEMBER_NAME_TWICE" Verification
        "Zwei Teile des Prüfpakets hätten auf manchem System denselben Namen." "Two members of the bundle would have the same name on some systems."
        "Die Datei nicht verwenden; beim Absender neu anfordern." "Do not use the file; ask the sender for it again.";
    MemberNameUnsafe "MEMBER_NAME_UNSAFE" Verification
        "Der Name eines Teils ist nicht auf jedem System sicher." "The name of a member is not safe on every system."
        "Die Datei nicht auspacken. Liegt alles in einem Ordner, dessen Inhalt packen, nicht den Ordner; sonst neu anfordern." "Do not unpack the file. If all lies in one folder, pack its content, not the folder; or else ask for the file again.";
    MemberNotFile "MEMBER_NOT_FILE" Verification
        "Ein Teil des Prüfpakets ist keine gewöhnliche Datei." "A member of the bundle is not a plain file."
        "Die Datei nicht auspacken; beim Absender neu anfordern." "Do not unpack the file; ask the sender for it again.";
    MemberForeign "MEMBER_FOREIGN" Verification
        "Ein Teil gehört nicht in ein Prüfpaket." "A member does not belong in a bundle."
        "Die Datei neu anfordern, oder diesen Teil herausnehmen und noch einmal prüfen." "Ask for the file again, or take this member out and check once more.";
    LeftoverPassedOver "LEFTOVER_PASSED_OVER" Incomplete
        "Ein Packprogramm hat hier etwas hinterlassen, das zu keinem Beleg gehört; es wurde übergangen." "A packing tool has left something here that belongs to no evidence; it was passed over."
        "Nichts zu tun." "Nothing needs to be done.";
    VerifyTextDiffers "VERIFY_TEXT_DIFFERS" Verification
        "VERIFY.txt ist nicht die Anleitung, die zu diesem Prüfpaket gehört." "VERIFY.txt is not the text that belongs to this bundle."
        "Keinen Befehl daraus ausführen; die Datei neu anfordern." "Run no command from it; ask for the file again.";
    EvidenceUnrelated "EVIDENCE_UNRELATED" Incomplete
        "Diese Erklärung gehört nicht zu dieser Bestellung; auf ihr beruht hier nichts." "This statement does not belong to this order; nothing rests on it here."
        "Beim Absender erfragen, warum sie beiliegt." "Ask the sender why it lies here.";
    EvidenceTwice "EVIDENCE_TWICE" Incomplete
        "Diese Erklärung liegt ein zweites Mal bei; sie zählt einmal." "This statement lies here a second time; it counts once."
        "Beim Absender erfragen, warum sie doppelt beiliegt." "Ask the sender why it lies here twice.";
    BundleAltered "BUNDLE_ALTERED" Verification
        "Ein Teil des Prüfpakets passt nicht zu seinem Verzeichnis." "A member of the bundle does not match its manifest."
        "Datei neu anfordern; sie wurde nach dem Erstellen verändert." "Ask for the file again; it was changed after it was made.";
    BundlesDiffer "BUNDLES_OF_DIFFERENT_ORDERS" Rejected
        "Die beiden Prüfpakete gehören zu verschiedenen Bestellungen." "The two bundles belong to different orders."
        "Zwei Pakete zu derselben Bestellung angeben; `verbund-audit show` nennt ihre Nummer." "Give two bundles of one order; `verbund-audit show` tells its number.";
    TimestampInvalid "TIMESTAMP_INVALID" Verification
        "Das ist kein gültiger Zeitstempel über dieses Prüfpaket." "This is no valid time stamp over this bundle."
        "Einen Zeitstempel nach RFC 3161 über META-INF/ASiCManifest.xml einholen (SHA-256, mit Zertifikat); aus einer Antwort löst ihn `openssl ts -reply -token_out`." "Get an RFC 3161 time stamp over META-INF/ASiCManifest.xml (SHA-256, with certificate); `openssl ts -reply -token_out` takes it out of a response.";
    CertificateUnreadable "CERTIFICATE_UNREADABLE" Rejected
        "Die Datei enthält kein lesbares Zertifikat." "The file holds no certificate that can be read."
        "Zertifikate im PEM-Format angeben." "Give certificates in PEM.";
    RootNotGiven "ROOT_NOT_GIVEN" Incomplete
        "Ohne die Wurzel des Verbunds ist nicht prüfbar, um welchen Verbund es geht." "Without the federation root it cannot be checked which federation this is."
        "Mit `--root sha256:…` den in der Satzung abgedruckten Wert angeben." "Give the value printed in the statutes with `--root sha256:…`.";
    ProofMissing "PROOF_MISSING" Incomplete
        "Zu dieser Erklärung fehlt der Beweis ihres Platzes im Protokoll." "The proof of this statement's place in its log is missing."
        "Das Prüfpaket neu erstellen, sobald genügend Zeugen mitgezeichnet haben." "Make the bundle again once enough witnesses have cosigned.";
    EvidenceMissing "EVIDENCE_MISSING" Incomplete
        "Dafür fehlen Belege im Prüfpaket." "The bundle lacks the evidence for this."
        "Ein vollständiges Prüfpaket anfordern." "Ask for a complete bundle.";
    LegFindingDiffers "LEG_FINDING_DIFFERS" Verification
        "Die unterschriebene Feststellung zum Abschnitt weicht vom Ergebnis der Nachprüfung ab." "The signed finding on the leg differs from the result of judging it again."
        "Die Feststellung mit den Nachweisen vergleichen und den Unterzeichner befragen." "Compare the finding with the facts and ask who signed it.";
    TimesOutOfOrder "TIMES_OUT_OF_ORDER" Incomplete
        "Die angegebenen Zeiten passen nicht zur Reihenfolge der Erklärungen." "The times stated do not match the order of the statements."
        "Die Reihenfolge im Protokoll entscheidet; Uhren der Beteiligten vergleichen." "The order in the log decides; compare the parties' clocks.";
    FileUnreadable "FILE_UNREADABLE" Missing
        "Die Datei ist nicht lesbar." "The file cannot be read."
        "Pfad und Rechte prüfen." "Check path and permissions.";
    FileUnwritable "FILE_UNWRITABLE" Conflict
        "Die Datei lässt sich nicht schreiben." "The file cannot be written."
        "Pfad, Rechte und freien Platz prüfen." "Check path, permissions and free space.";
    AddressInvalid "ADDRESS_INVALID" Usage
        "Das ist keine Adresse eines Knotens." "This is no address of a node."
        "Rechner und Port angeben, z. B. knoten.example:18440, 192.0.2.1:18440 oder [2001:db8::1]:18440." "Give host and port, such as node.example:18440, 192.0.2.1:18440 or [2001:db8::1]:18440.";
    FileExists "FILE_EXISTS" Conflict
        "Diese Datei gibt es schon; überschrieben wird nichts." "This file exists; nothing is overwritten."
        "Einen anderen Namen wählen oder die vorhandene Datei vorher wegräumen." "Choose another name, or move the existing file away first.";
    FileShadow "FILE_IS_SHADOW" Rejected
        "Die Datei ist nur die Begleitdatei, die macOS neben die echte legt." "The file is only the companion that macOS puts beside the real one."
        "Die Datei ohne `._` am Anfang des Namens angeben." "Give the file without `._` at the beginning of its name.";
    FileTooLarge "FILE_TOO_LARGE" Rejected
        "Die Datei ist größer, als hier gelesen wird." "The file is larger than is read here."
        "Die Datei teilen." "Split the file.";
    EncodingWrong "ENCODING_WRONG" Rejected
        "Die Zeichen der Datei sind nicht UTF-8; gelesen wurde sie als das, was dasteht." "The characters of the file are not UTF-8; it was read as what is named."
        "Umlaute in den übernommenen Zeilen ansehen, oder die Datei als UTF-8 speichern." "Look at the umlauts in the rows taken, or save the file as UTF-8.";
    ColumnMissing "COLUMN_MISSING" Rejected
        "In der Kopfzeile fehlt eine Spalte." "A column is missing in the head line."
        "Kopfzeile und Trennzeichen prüfen (Komma, Semikolon oder Tabulator)." "Check the head line and the separator (comma, semicolon or tab).";
    RowMisshaped "ROW_MISSHAPED" Rejected
        "Die Zeile hat nicht den Aufbau der anderen." "The row does not have the shape of the others."
        "Anführungszeichen und Zahl der Felder in dieser Zeile prüfen." "Check the quotes and the number of fields in this row.";
    CellTooLong "CELL_TOO_LONG" Rejected
        "Das Feld ist länger als jede sinnvolle Angabe." "The field is longer than any sensible entry."
        "Den Inhalt des Feldes kürzen." "Shorten the content of the field.";
    RecordTwice "RECORD_TWICE" Rejected
        "Den Datensatz gibt es in dieser Datei schon." "The record is in this file already."
        "Entscheiden, welcher gilt, und den anderen entfernen." "Decide which one holds and remove the other.";
    XmlInvalid "XML_INVALID" Rejected
        "Das XML ist nicht zulässig." "The XML is not allowed."
        "Wohlgeformtes XML ohne DOCTYPE und ohne eigene Entitäten liefern." "Deliver well-formed XML without DOCTYPE and without entities of its own.";
    MarkupDropped "MARKUP_DROPPED" Rejected
        "Der Text enthielt Auszeichnungen, die nicht übernommen werden." "The text held markup that is not taken over."
        "Den übernommenen Text ansehen." "Look at the text taken over.";
    TombstoneFound "TOMBSTONE_FOUND" Rejected
        "Die Quelle hat dieses Angebot ausdrücklich gelöscht." "The source has explicitly deleted this offering."
        "Wenn es zurückgezogen werden soll: `verbund offering withdraw`." "If it shall be withdrawn: `verbund offering withdraw`.";
    ListIncomplete "LIST_INCOMPLETE" Conflict
        "Die Liste ist nicht vollständig; was fehlt, würde anderswo gelöscht." "The list is not complete; what is missing would be deleted elsewhere."
        "Noch einmal ausgeben, wenn der Katalog vollständig ist." "Export again when the catalogue is complete.";
    BundleNotValid "BUNDLE_NOT_VALID" Verification
        "Aus einem Prüfpaket, das die Prüfung nicht besteht, wird nichts ausgegeben." "Nothing is exported from a bundle that does not pass the audit."
        "Mit `verbund audit verify` ansehen, was nicht stimmt." "See with `verbund audit verify` what is wrong.";
    NotSealed "NOT_SEALED" Conflict
        "Aus dieser Bestellung ist kein Vertrag geworden." "No contract has come of this order."
        "Ausgegeben wird nur, was abgeschlossen ist." "Only what is sealed is exported.";
    UsageInvalid "USAGE_INVALID" Usage
        "So lässt sich der Befehl nicht ausführen." "The command cannot be run like this."
        "`--help` zeigt Beispiele." "`--help` shows examples.";
    ConfirmationMissing "CONFIRMATION_MISSING" Usage
        "Es ist niemand da, der dem Angezeigten zustimmt; nichts wurde unterschrieben." "Nobody is there to agree to what is shown; nothing was signed."
        "In einem Terminal wiederholen, oder in einem Skript mit `--yes` im Voraus zustimmen." "Repeat it in a terminal, or agree beforehand with `--yes` in a script.";
    ConfirmationRefused "CONFIRMATION_REFUSED" Conflict
        "Nicht zugestimmt; nichts wurde unterschrieben." "Not agreed to; nothing was signed."
        "Mit anderen Angaben wiederholen, oder `order refuse` und `order cancel` verwenden." "Repeat it with other terms, or use `order refuse` and `order cancel`.";
    DemoFailed "DEMO_STEP_FAILED" Internal
        "Ein Schritt der Vorführung ist gescheitert." "A step of the demonstration failed."
        "Mit `--keep DIR` wiederholen und die Protokolle der Knoten lesen." "Repeat with `--keep DIR` and read the nodes' logs.";
    Bug "INTERNAL" Internal
        "Das ist ein Fehler im Programm." "This is a bug in the program."
        "Bitte mit der Vorgangsnummer melden." "Please report it with the request id.";
}

/// A refusal: the rule, and the values it was about.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The rule.
    pub reason: Reason,
    /// Named values, for machines and for the message. Names are literals here, and owned when they came over the wire.
    pub fields: BTreeMap<Cow<'static, str>, String>,
}

impl Refusal {
    /// A refusal without values.
    pub fn new(reason: Reason) -> Self {
        Self { reason, fields: BTreeMap::new() }
    }

    /// Adds a named value. It may quote a stranger, and is printed in terminals, logs and pages: what hides is shown.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.fields.insert(Cow::Borrowed(name), printable(&value.to_string()));
        self
    }

    /// The value of that name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// The values as `name: value, name: value`.
    pub fn details(&self) -> String {
        self.fields.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.code())?;
        if self.fields.is_empty() { Ok(()) } else { write!(f, " ({})", self.details()) }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn reasons_are_distinct_stable_words() {
        let codes: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len(), "two rows share a code");
        assert!(Reason::ALL.iter().all(|reason| Reason::from_code(reason.code()) == Some(*reason)));
        assert_eq!(Reason::from_code("OF_A_LATER_VERSION"), None);
        for code in codes {
            assert!(code.len() <= 63 && code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{code}");
        }
    }

    #[test]
    fn every_reason_says_what_and_what_now_in_both_languages() {
        for reason in Reason::ALL {
            for lang in [Lang::De, Lang::En] {
                assert!(reason.text(lang).ends_with('.'), "{reason:?}");
                assert!(reason.help(lang).len() > 10, "{reason:?}");
            }
        }
    }
}
