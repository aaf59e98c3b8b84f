//! `VERIFY.txt`: how to check a bundle with an unpacker, OpenSSL 3 and SHA-256, without any program of ours.
//!
//! One text for every bundle, so that nobody can put a command of his own into it. Its last line is the one command that has to
//! be run.

/// The text.
pub const TEXT: &str = "\
PRÜFUNG OHNE UNSERE PROGRAMME (English below)

1. Auspacken:  unzip PAKET.asice -d paket && cd paket
   META-INF/ASiCManifest.xml nennt SHA-256 (Base64) jedes Teils außer Anhängen; META-INF/timestamp.tst, wenn es beiliegt,
   ist ein Zeitstempel darüber (RFC 3161).
2. Wurzel: SHA-256 von root/1.pae muss der in der Satzung abgedruckte Wert sein.
3. Erklärungen: NAME.pae sind die unterschriebenen Bytes (DSSE v1: Art, Länge, JSON), NAME.<Schlüssel>.sig ist eine
   Unterschrift (Ed25519, RFC 8032), keys/<Schlüssel>.pem der Schlüssel; er heißt nach den ersten 16 Hexziffern von
   SHA-256 über seine 32 Bytes. Der Befehl in der letzten Zeile prüft alle Unterschriften (POSIX-Shell, OpenSSL 3) und
   nennt jede, FALSCH auch eine, die fehlt. Wer unterschreiben durfte, sagen die Erklärungen: Treuhänder in root/,
   Wurzelschlüssel in admission, andere in key-event, Personen in officer-grant.
4. Platz im Protokoll: proofs/PROTOKOLL-GRÖSSE.note ist ein Prüfpunkt (c2sp.org/tlog-checkpoint) mit Mitzeichnungen der
   Zeugen (c2sp.org/tlog-cosignature); .tlog-proofs daneben nennt zu jeder Erklärung darunter Index und Hashes. Ein
   Beweis nach c2sp.org/tlog-proof wird daraus so:
   (awk 'a; /^$/ {a=0} $0==n {a=1}' n=NAME proofs/X.tlog-proofs; cat proofs/X.note) >NAME.tlog-proof
   In root/ gibt es einen Beweis je Protokoll: NAME.PROTOKOLL. policy.txt nennt Schlüssel und nötige Anzahl
   (c2sp.org/tlog-policy). Blatt = 200 Bytes: Kennung, SHA-256 von NAME.pae, Schlüsselhash, Unterschrift,
   Ergebniskennung, Vertrauensstand (Zeile extra des Beweises); Blatthash und Baum nach RFC 6962. Kennung: vrb1pub1
   (öffentlich) oder vrb1prt1 (order/); bei mehreren Unterschriften vrb1pubn oder vrb1prtn, dann stehen im Blatt SHA-256
   über die Schlüsselhashes und SHA-512 über die Unterschriften, nach Schlüssel geordnet. Ergebniskennung: 32 Nullbytes;
   nur bei seal und void SHA-256 über verbund/outcome/v1, 00, seal oder void, 00, Bestellnummer (16 Bytes), Versuch
   (4 Bytes, höchstwertiges zuerst), Salz der Anfrage (16 Bytes).
5. Reihenfolge: Ein Schlüssel gilt erst nach dem Index des Ereignisses, das ihn nennt. Uhrzeiten sind nur Angaben.
6. Vollständigkeit: Der Vertrauensstand ist die Wurzel eines Baums über alles, was das Protokoll über jeden gesagt hat.
   ends/PROTOKOLL.end nennt das jüngste Blatt (Base64) und für jeden den Weg von seinen Erklärungen zu dieser Wurzel: Bit
   und Gegenseite, von unten nach oben. Wert v: anfangs 32 Nullbytes, je Erklärung
   v = SHA-256(02, v, SHA-256 von NAME.pae); Blatt SHA-256(00, SHA-256(Name), v); Ast SHA-256(01, Bit, links, rechts).
7. Anhänge: annexes/<SHA-256>.json sind Texte zu Erklärungen in order/, die diesen Wert unter annex nennen. Sie können
   gelöscht werden; alles Übrige gilt dann wie zuvor.

CHECKING WITHOUT OUR PROGRAMS

META-INF/ASiCManifest.xml lists the SHA-256 (Base64) of every member but annexes, which can be erased. That of root/1.pae
must be the value printed in the statutes. NAME.<key>.sig is an Ed25519 signature by keys/<key>.pem over NAME.pae; the
command below checks all and names each, FALSCH also one that is missing. proofs/LOG-SIZE.note is a checkpoint cosigned by witnesses of policy.txt, .tlog-proofs beside it
holds the places of statements. A key is good only after the index of the event that names it; times are claims.
ends/LOG.end leads from all that a log has said about each name to the trust digest of its newest leaf.

find . -name \"*.pae\" | sort | while read -r p; do for s in \"${p%.pae}\".????????????????.sig; do k=\"${s%.sig}\"; openssl pkeyutl -verify -pubin -inkey \"keys/${k##*.}.pem\" -rawin -in \"$p\" -sigfile \"$s\" >/dev/null && echo \"gut  $s\" || echo \"FALSCH  $s\"; done; done
";
