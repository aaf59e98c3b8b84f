//! A statement that several people sign one after the other, on machines without network: a file that a person can
//! carry and read.
//!
//! The file holds what will be signed twice, as bytes and readable, and the statements it rests on. Reading it proves
//! that both say the same, that it belongs to the federation it names, and that every signature is good and by somebody
//! who may sign. So a trustee needs nothing but the file, a key, and the root hash printed in the statutes.
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::body::Body;
use crate::domain::envelope::{Envelope, EnvelopeSignature};
use crate::domain::id::{KeyHash, NodeId, Origin, StatementId, shortened};
use crate::domain::json;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::Signer;
use crate::domain::statement::{Kind, SIGNATURES_MAX, SignatureBy, Signed, pae};
use crate::domain::trust::signers::{Panel, is_proposed, panels, rests_on};
use crate::domain::trust::{FederationRoot, KeyEvent, LogTrust};
use crate::domain::trust_file::{FILE_BYTES_MAX, TrustFile, fold, printed, read_root};

/// A statement with the signatures it has so far, which may be none.
#[derive(Clone, PartialEq, Debug)]
pub struct Proposal {
    root: StatementId,
    kind: Kind,
    payload: Vec<u8>,
    body: Body,
    signatures: Vec<SignatureBy>,
    grounds: Vec<Signed>,
}

/// Who must sign, and who has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Who must.
    pub panel: Panel,
    /// Who has.
    pub signed: Vec<KeyHash>,
}

impl Progress {
    /// How many signatures are missing.
    pub fn missing(&self) -> usize {
        self.panel.needed.saturating_sub(self.signed.len())
    }
}

#[derive(Serialize, Deserialize)]
struct File {
    federation_root: String,
    statement_id: StatementId,
    kind: String,
    body: Value,
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    signatures: Vec<EnvelopeSignature>,
    grounds: Vec<Envelope>,
}

impl Proposal {
    /// Proposes a statement that follows what the file says.
    pub fn new<T: Serialize>(kind: Kind, body: &T, file: &TrustFile) -> Result<Self, Refusal> {
        let body = json::write(body);
        let read = Body::read_payload(&kind, &body)?;
        let grounds = file.grounds(rests_on(&read));
        Self::put_together(file.root, kind, body, Vec::new(), grounds)
    }

    /// What an officer asks an organisation for: a grant that the officer's key has signed already. Nothing but the organisation's own
    /// signatures may be missing.
    pub fn asked(signed: &Signed, file: &TrustFile) -> Result<Self, Refusal> {
        let body = Body::read(signed)?;
        let Body::OfficerGrant(grant) = &body else {
            return Err(Refusal::new(Reason::ProposalKind).with("kind", signed.kind()));
        };
        let key = grant.key.hash();
        if !signed.signatures().iter().any(|by| by.key == key) {
            return Err(Refusal::new(Reason::PossessionMissing).with("key", key.short()));
        }
        let (payload, signatures) = (signed.payload().to_vec(), signed.signatures().to_vec());
        let grounds = file.grounds(rests_on(&body));
        let asked = Self::put_together(file.root, signed.kind().clone(), payload, signatures, grounds)?;
        match asked.statement() {
            Err(refusal) if refusal.reason != Reason::ThresholdMissed => Err(refusal),
            _ => Ok(asked),
        }
    }

    /// Proposes the first root version of a new federation; its id becomes the federation's root hash.
    pub fn founding(root: &FederationRoot) -> Result<Self, Refusal> {
        let payload = json::write(root);
        let id = StatementId::of(&pae(&Kind::FederationRoot.payload_type(), &payload));
        Self::put_together(id, Kind::FederationRoot, payload, Vec::new(), Vec::new())
    }

    fn put_together(
        root: StatementId,
        kind: Kind,
        payload: Vec<u8>,
        signatures: Vec<SignatureBy>,
        grounds: Vec<Signed>,
    ) -> Result<Self, Refusal> {
        if !is_proposed(&kind) {
            return Err(Refusal::new(Reason::ProposalKind).with("kind", kind));
        }
        let body = Body::read_payload(&kind, &payload)?;
        let proposal = Self { root, kind, payload, body, signatures, grounds };
        proposal.progress()?;
        Ok(proposal)
    }

    /// Reads a proposal. Refused unless it says one thing only, belongs to the federation it names, and every signature
    /// is good and by somebody who may sign.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        json::check_within(text.as_bytes(), FILE_BYTES_MAX)?;
        let malformed = |what: &str| Refusal::new(Reason::StatementMalformed).with("part", shortened(what));
        let file: File = serde_json::from_str(text).map_err(|error| malformed(&error.to_string()))?;
        let kind = Kind::from_name(&file.kind);
        let File { payload_type, payload, signatures, .. } = file;
        let altered = |part: &str| Refusal::new(Reason::ProposalAltered).with("part", part);
        if payload_type != kind.payload_type() {
            return Err(altered("payloadType"));
        }
        let envelope = Envelope { payload_type, payload, signatures };
        let (payload, signatures) = envelope.open()?;
        if StatementId::of(&pae(&envelope.payload_type, &payload)) != file.statement_id {
            return Err(altered("statement_id"));
        }
        check_signatures(&signatures)?;
        if serde_json::from_slice::<Value>(&payload).ok().as_ref() != Some(&file.body) {
            return Err(altered("body"));
        }
        let grounds: Result<Vec<Signed>, Refusal> = file.grounds.iter().map(Envelope::statement).collect();
        Self::put_together(read_root(&file.federation_root)?, kind, payload, signatures, grounds?)
    }

    /// The file.
    pub fn write(&self) -> String {
        let Envelope { payload_type, payload, signatures } =
            Envelope::new(&self.kind, &self.payload, &self.signatures);
        let file = File {
            federation_root: printed(self.root),
            statement_id: self.id(),
            kind: self.kind.name().to_owned(),
            body: serde_json::from_slice(&self.payload).expect("it was read before"),
            payload_type,
            payload,
            signatures,
            grounds: self.grounds.iter().map(Envelope::from).collect(),
        };
        serde_json::to_string_pretty(&file).expect("plain strings and numbers always serialize") + "\n"
    }

    /// The federation's root hash.
    pub fn root(&self) -> StatementId {
        self.root
    }

    /// The statement's id; signatures do not change it.
    pub fn id(&self) -> StatementId {
        StatementId::of(&self.pae())
    }

    /// What kind of statement it is.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// What it says.
    pub fn body(&self) -> &Body {
        &self.body
    }

    fn pae(&self) -> Vec<u8> {
        pae(&self.kind.payload_type(), &self.payload)
    }

    /// What it rests on, proven from the root hash.
    fn trust(&self) -> Result<LogTrust, Refusal> {
        let origin = self.origin()?;
        let folded = fold(self.root, origin, &self.grounds);
        folded.refused.into_iter().next().map_or(Ok(folded.trust), |(_, refusal)| Err(refusal))
    }

    /// The log it would stand in, as far as it matters for judging it: federation and home.
    fn origin(&self) -> Result<Origin, Refusal> {
        if let Body::KeyEvent(event) = &self.body
            && let Some(home) = home_named(event)
        {
            return Ok(home);
        }
        let first = self.grounds.iter().find(|signed| signed.id() == self.root).map(Body::read).transpose()?;
        let first = first.as_ref().unwrap_or(&self.body);
        let Body::FederationRoot(FederationRoot { federation, .. }) = first else {
            return Err(Refusal::new(Reason::RootUnknown).with("expected", self.root));
        };
        let node = match &self.body {
            Body::KeyEvent(event) => event.home_node.clone(),
            Body::Admission(admission) => admission.home_node.clone(),
            _ => NodeId::lowest(),
        };
        Ok(Origin { federation: federation.clone(), node, epoch: 1 })
    }

    /// Who must sign and who has. Refused where a signature is not good or by somebody who may not sign.
    pub fn progress(&self) -> Result<Vec<Progress>, Refusal> {
        let trust = self.trust()?;
        if trust.root().is_none() && self.id() != self.root {
            return Err(Refusal::new(Reason::RootUnknown).with("found", self.id()).with("expected", self.root));
        }
        let bytes = self.pae();
        let mut all: Vec<Progress> =
            panels(&trust, &self.body)?.into_iter().map(|panel| Progress { panel, signed: Vec::new() }).collect();
        for by in &self.signatures {
            let mut entitled = all.iter_mut().filter(|progress| progress.panel.member(&by.key).is_some()).peekable();
            if entitled.peek().is_none() {
                return Err(self.stranger(&by.key));
            }
            for progress in entitled {
                progress.panel.member(&by.key).map_or(Ok(()), |key| key.verify(&bytes, &by.signature))?;
                progress.signed.push(by.key);
            }
        }
        Ok(all)
    }

    fn stranger(&self, key: &KeyHash) -> Refusal {
        Refusal::new(Reason::SignerWrong).with("key", key.short()).with("kind", &self.kind)
    }

    /// The same with one more signature. Refused for a key that may not sign or has signed, and for a statement that
    /// does not follow what it rests on: it could never be published.
    pub fn sign(&self, key: &dyn Signer) -> Result<Self, Refusal> {
        let hash = key.public().hash();
        if self.signatures.iter().any(|by| by.key == hash) {
            return Err(Refusal::new(Reason::SignedAlready).with("key", hash.short()));
        }
        let mut signed = self.clone();
        signed.signatures.push(SignatureBy { key: hash, signature: key.sign(&self.pae())? });
        signed.signatures.sort();
        check_signatures(&signed.signatures)?;
        signed.progress()?;
        match signed.statement() {
            Err(refusal) if !is_incomplete(&refusal) => Err(refusal),
            _ => Ok(signed),
        }
    }

    /// The statement, once everybody has signed who must: `THRESHOLD_MISSED` or `POSSESSION_MISSING` before.
    pub fn statement(&self) -> Result<Signed, Refusal> {
        if self.signatures.is_empty() {
            let needed: usize = self.progress()?.iter().map(Progress::missing).sum();
            return Err(Refusal::new(Reason::ThresholdMissed).with("signatures", 0).with("needed", needed));
        }
        let signed = Signed::parse(&self.pae(), self.signatures.clone())?;
        self.trust()?.judge(&signed, u64::MAX)?;
        Ok(signed)
    }

    /// Whether everybody has signed who must.
    pub fn is_complete(&self) -> bool {
        self.statement().is_ok()
    }
}

/// Whether nothing but signatures is missing.
fn is_incomplete(refusal: &Refusal) -> bool {
    matches!(refusal.reason, Reason::ThresholdMissed | Reason::PossessionMissing)
}

/// The log of the home that a key event names when it revokes: the newest.
fn home_named(event: &KeyEvent) -> Option<Origin> {
    let named = event.revoke.iter().flat_map(|revocation| &revocation.last_good).map(|good| &good.log);
    named.filter(|log| log.node == event.home_node).max().cloned()
}

fn check_signatures(signatures: &[SignatureBy]) -> Result<(), Refusal> {
    if signatures.len() > SIGNATURES_MAX {
        return Err(Refusal::new(Reason::StatementUnsigned).with("signatures", signatures.len()));
    }
    match signatures.windows(2).find(|pair| pair[0].key == pair[1].key) {
        Some(pair) => Err(Refusal::new(Reason::SignedAlready).with("key", pair[0].key.short())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::OrgId;
    use crate::domain::signing::{PublicKey, SecretKey};
    use crate::domain::trust::drafts::{Renewal, renewed};
    use crate::domain::trust::{Admission, RootKeys, Trustee, WitnessPolicy};

    fn key(number: u8) -> SecretKey {
        SecretKey::from_seed(&[number; 32])
    }

    fn name<T: std::str::FromStr<Err = Refusal>>(text: &str) -> T {
        text.parse().expect("a good name")
    }

    /// Two of three trustees.
    fn first_root(federation: &str) -> Proposal {
        let trustee = |n: u8| Trustee { name: format!("Amt {n}"), key: key(n).public() };
        let root = FederationRoot {
            federation: name(federation),
            version: 1,
            trustees: vec![trustee(1), trustee(2), trustee(3)],
            threshold: 2,
            witnesses: WitnessPolicy { nodes: vec![name("kitu")], quorum: 1 },
            prev: None,
        };
        Proposal::founding(&root).expect("a good root")
    }

    fn signed(proposal: &Proposal, keys: &[u8]) -> Proposal {
        keys.iter().fold(proposal.clone(), |proposal, number| proposal.sign(&key(*number)).expect("may sign"))
    }

    fn file(federation: &str) -> TrustFile {
        let root = signed(&first_root(federation), &[1, 2]).statement().expect("complete");
        TrustFile::of(vec![root]).expect("one root")
    }

    fn admission() -> Admission {
        let publics: Vec<PublicKey> = [11, 12].map(|number| key(number).public()).to_vec();
        Admission {
            federation: name("probe"),
            org: name("kitu"),
            number: 1,
            prev: None,
            name: "KITU eG".to_owned(),
            legal_form: "eG".to_owned(),
            home_node: name("kitu"),
            operates: Some(name("kitu")),
            area: None,
            inhabitants: None,
            portal: None,
            root: Some(RootKeys { next_sha256: RootKeys::commitment(&publics, 2), keys: publics, threshold: 2 }),
            source: "Satzung".to_owned(),
        }
    }

    fn proposed() -> Proposal {
        Proposal::new(Kind::Admission, &admission(), &file("probe")).expect("a good admission")
    }

    fn refused<T>(outcome: Result<T, Refusal>, reason: Reason) {
        assert_eq!(outcome.map(|_| ()).expect_err("must be refused").reason, reason);
    }

    #[test]
    fn signatures_are_collected_on_several_machines() {
        let first = Proposal::read(&proposed().write()).expect("a file").sign(&key(3)).expect("a trustee");
        let progress = first.progress().expect("good");
        assert_eq!((progress.len(), progress[0].missing()), (1, 1));
        refused(first.statement(), Reason::ThresholdMissed);
        let second = Proposal::read(&first.write()).expect("a file").sign(&key(1)).expect("a trustee");
        let statement = second.statement().expect("complete");
        assert_eq!((statement.id(), statement.signatures().len()), (first.id(), 2));
        assert!(second.is_complete() && !first.is_complete());
    }

    #[test]
    fn whoever_may_not_sign_or_has_signed_is_refused() {
        refused(proposed().sign(&key(11)), Reason::SignerWrong);
        let once = signed(&proposed(), &[1]);
        refused(once.sign(&key(1)), Reason::SignedAlready);
        let text = once.write();
        let line = text.find("\"signatures\": [").expect("signatures") + 15;
        let end = text[line..].find(']').expect("an end") + line;
        let twice = format!("{}{},{}{}", &text[..line], &text[line..end], &text[line..end], &text[end..]);
        refused(Proposal::read(&twice), Reason::SignedAlready);
        let mut many = once.clone();
        let by = many.signatures[0];
        many.signatures = (0..17).map(|n| SignatureBy { key: KeyHash([n; 32]), ..by }).collect();
        refused(Proposal::read(&many.write()), Reason::StatementUnsigned);
        many.signatures.truncate(2);
        refused(Proposal::read(&many.write()), Reason::SignerWrong);
        // Somebody else's signature under a trustee's name.
        many.signatures = vec![SignatureBy { key: key(2).public().hash(), ..by }];
        refused(Proposal::read(&many.write()), Reason::SignatureInvalid);
    }

    #[test]
    fn a_file_in_which_anything_was_changed_is_refused() {
        let text = signed(&proposed(), &[1]).write();
        assert_eq!(Proposal::read(&text).expect("unchanged").write(), text);
        let body = text.find("\"body\"").expect("readable");
        let (mut refusals, mut passed) = (0, Vec::new());
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            match String::from_utf8(bytes).ok().map(|changed| (Proposal::read(&changed), changed)) {
                Some((Ok(read), _)) => {
                    // Layout and the names of fields nobody reads may change; what it says and who signed may not.
                    assert_eq!(
                        (read.id(), &read.signatures),
                        (proposed().id(), &signed(&proposed(), &[1]).signatures)
                    );
                    passed.push(at);
                }
                _ => refusals += 1,
            }
        }
        assert!(refusals > text.len() / 2 && passed.len() < text.len() / 2, "{refusals} of {}", text.len());
        let renamed = format!("{}{}", &text[..body], text[body..].replacen("KITU eG", "KITU AG", 1));
        refused(Proposal::read(&renamed), Reason::ProposalAltered);
        refused(
            Proposal::read(&text.replacen("\"kind\": \"admission\"", "\"kind\": \"expulsion\"", 1)),
            Reason::ProposalAltered,
        );
        refused(
            Proposal::read(&text.replacen("KITU eG", "KITU eG\", \"name\": \"KITU AG", 1)),
            Reason::JsonDuplicateKey,
        );
        refused(Proposal::read(&"x".repeat(FILE_BYTES_MAX + 1)), Reason::JsonTooLarge);
        refused(Proposal::read("{}"), Reason::StatementMalformed);
    }

    #[test]
    fn a_proposal_belongs_to_one_federation() {
        let text = proposed().write();
        let (own, other) = (printed(file("probe").root), printed(file("fremd").root));
        refused(Proposal::read(&text.replace(&own, &other)), Reason::RootUnknown);
        // An admission to one federation that rests on the root of another could never be published.
        let foreign = Proposal::new(Kind::Admission, &admission(), &file("fremd")).expect("well-formed");
        refused(foreign.sign(&key(1)), Reason::RootUnknown);
    }

    #[test]
    fn what_does_not_follow_is_refused_with_the_first_signature() {
        let mut file = file("probe");
        file.statements.push(signed(&proposed(), &[1, 2]).statement().expect("complete"));
        let again = Proposal::new(Kind::Admission, &admission(), &file).expect("well-formed");
        refused(again.sign(&key(1)), Reason::OrgKnown);
        let org: OrgId = name("kitu");
        let folded = file.at_home_of(&org);
        assert!(folded.refused.is_empty());
        let renewal = Renewal { name: Some("KITU AöR".to_owned()), ..Renewal::default() };
        let next = renewed(&folded.trust, &org, renewal).expect("known");
        let renewed = Proposal::new(Kind::Admission, &next, &file).expect("well-formed");
        assert!(signed(&renewed, &[2, 3]).is_complete());
        let skipped = Admission { number: 3, ..next };
        let skipped = Proposal::new(Kind::Admission, &skipped, &file).expect("well-formed");
        refused(skipped.sign(&key(1)), Reason::AdmissionSequence);
    }

    #[test]
    fn what_one_key_signs_alone_is_not_proposed() {
        let body = serde_json::json!({});
        refused(Proposal::new(Kind::Need, &body, &file("probe")), Reason::JsonInvalid);
        let need = serde_json::json!({"municipality": "a", "leika": [], "note": "", "until": "2027-01-01"});
        refused(Proposal::new(Kind::Need, &need, &file("probe")), Reason::ProposalKind);
    }

    #[test]
    fn a_new_root_version_is_signed_by_both_sets() {
        let file = file("probe");
        let trust = file.fold(&name("kitu")).trust;
        let trustees = [4, 5].map(|n| Trustee { name: format!("Amt {n}"), key: key(n).public() }).to_vec();
        let witnesses = WitnessPolicy { nodes: vec![name("kitu")], quorum: 1 };
        let next = crate::domain::trust::drafts::next_root(&trust, trustees, 2, witnesses);
        let next = Proposal::new(Kind::FederationRoot, &next, &file).expect("well-formed");
        let old = signed(&next, &[1, 2]);
        let missing: Vec<usize> = old.progress().expect("good").iter().map(Progress::missing).collect();
        assert_eq!(missing, [0, 2]);
        refused(old.statement(), Reason::ThresholdMissed);
        assert!(signed(&old, &[4, 5]).is_complete());
    }
}
