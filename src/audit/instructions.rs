//! `VERIFY.txt`: how to check a bundle with an unpacker, OpenSSL 3 and SHA-256, without any program of ours.
//!
//! One command per line, each line beginning with `openssl `, so that a script can take them out. Must never contain
//! anything that has to be run but these.
use std::collections::BTreeMap;

const HEAD: &str = "\
PRÜFUNG OHNE UNSERE PROGRAMME (English below)

1. Auspacken:  unzip PAKET.asice -d paket && cd paket
   SHA-256 jedes Teils außer Anhängen: META-INF/ASiCManifest.xml (Base64). Liegt META-INF/timestamp.tst bei, ist das ein qualifizierter
   Zeitstempel über dieses Verzeichnis:  openssl ts -verify -data META-INF/ASiCManifest.xml -in META-INF/timestamp.tst
   -token_in -CAfile ZERTIFIKAT.pem
2. Wurzel: SHA-256 von root/1.pae muss der in der Satzung abgedruckte Wert sein.
3. Erklärungen: NAME.pae sind die unterschriebenen Bytes (DSSE v1: Art, Länge, JSON), lesbar mit jedem Editor;
   NAME.<Schlüssel>.sig ist eine Unterschrift (Ed25519, RFC 8032), keys/<Schlüssel>.pem der Schlüssel. Der Schlüssel
   heißt nach den ersten 16 Hexziffern von SHA-256 über seine 32 Bytes. Die Befehle unten prüfen alle Unterschriften
   mit OpenSSL 3. Wer unterschreiben durfte, steht in den Erklärungen selbst: Treuhänder in root/, Wurzelschlüssel
   der Organisationen in admission, deren Schlüssel in key-event, Personen mit Rolle und Betrag in officer-grant.
4. Platz im Protokoll: proofs/PROTOKOLL-GRÖSSE.note ist ein Prüfpunkt (c2sp.org/tlog-checkpoint) mit Mitzeichnungen der
   Zeugen (c2sp.org/tlog-cosignature); die Datei .tlog-proofs daneben nennt zu jeder Erklärung, die er umfasst, unter ihrem
   NAMEN Index und Hashes. Beides hintereinander ist ein Beweis nach c2sp.org/tlog-proof:
   (awk 'a; /^$/ {a=0} $0==n {a=1}' n=NAME proofs/X.tlog-proofs; cat proofs/X.note) >NAME.tlog-proof
   Erklärungen für alle (root/) haben einen Beweis je Protokoll: NAME.PROTOKOLL. policy.txt nennt Schlüssel und
   nötige Anzahl (c2sp.org/tlog-policy). Blatt = 200 Bytes: Kennung, SHA-256 von NAME.pae, Schlüsselhash,
   Unterschrift, Ergebniskennung, Vertrauensstand (die 32 Bytes der Zeile extra des Beweises); Blatthash und
   Baum nach RFC 6962. Kennung: vrb1pub1 (öffentlich) oder vrb1prt1
   (Bestellung, order/); bei mehreren Unterschriften vrb1pubn oder vrb1prtn, dann stehen im Blatt SHA-256 über die
   Schlüsselhashes und SHA-512 über die Unterschriften, nach Schlüssel geordnet. Ergebniskennung: 32 Nullbytes; nur
   bei seal und void SHA-256 über verbund/outcome/v1, 00, seal oder void, 00, Bestellnummer (16 Bytes), Versuch
   (4 Bytes, höchstwertiges zuerst), Salz der Anfrage (16 Bytes).
5. Reihenfolge: Ein Schlüssel gilt erst nach dem Index des Ereignisses, das ihn nennt. Uhrzeiten sind nur Angaben.
6. Vollständigkeit: Der Vertrauensstand ist die Wurzel eines Baums über alles, was das Protokoll bis dahin über jeden
   gesagt hat. ends/PROTOKOLL.end nennt das jüngste Blatt (Base64) und für jeden, um den es geht, den Weg von seinen
   Erklärungen zu dieser Wurzel: Bit und Gegenseite, von unten nach oben. Wert v: anfangs 32 Nullbytes, je Erklärung
   v = SHA-256(02, v, SHA-256 von NAME.pae); Blatt SHA-256(00, SHA-256(Name), v); Ast SHA-256(01, Bit, links, rechts).
7. Anhänge: annexes/<64 Hexziffern>.json sind Texte zu Erklärungen in order/. Der Name ist ihr SHA-256 und steht in der
   Erklärung unter annex. Das Verzeichnis der Teile nennt sie nicht, damit sie gelöscht werden können; alles Übrige gilt dann
   wie zuvor.

CHECKING WITHOUT OUR PROGRAMS

1. Unpack; META-INF/ASiCManifest.xml lists the SHA-256 (Base64) of every member but annexes.
2. SHA-256 of root/1.pae must be the value printed in the statutes.
3. NAME.pae are the signed bytes, NAME.<key>.sig is an Ed25519 signature by keys/<key>.pem; the commands below check them
   all with OpenSSL 3. Who was entitled to sign is said by the statements themselves.
4. proofs/LOG-SIZE.note is a checkpoint cosigned by the witnesses of policy.txt; the file .tlog-proofs beside it holds, by
   NAME, the places of the statements under it. Joined as shown above they are proofs in the C2SP format. The leaf is
   described in German above, tree and leaf hash are those of RFC 6962.
5. A key is good only after the index of the event that names it. Times are claims.
6. ends/LOG.end leads from everything a log has said about each name to the trust digest in the log's newest leaf, so
   that nothing about keys, admissions or expulsions can be left out; how it is computed is described in German above.
7. annexes/<64 hex>.json are words beside statements in order/, which name their SHA-256 under annex. The list of members
   does not hold them, so that they can be erased; everything else then holds as before.

";

/// The text for a bundle of which statements, signatures and keys are already in place.
pub fn text(files: &BTreeMap<String, Vec<u8>>) -> String {
    let commands: String = commands(files).into_iter().map(|command| command + "\n").collect();
    format!("{HEAD}{commands}")
}

/// One command per signature, in the order of the files.
pub fn commands(files: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let signatures = files.keys().filter_map(|file| file.strip_suffix(".sig")?.rsplit_once('.'));
    signatures
        .map(|(name, key)| {
            format!(
                "openssl pkeyutl -verify -pubin -inkey keys/{key}.pem -rawin -in {name}.pae -sigfile {name}.{key}.sig"
            )
        })
        .collect()
}
