//! Cases for every rule of trust: who may sign what, with which keys, at which position.
use serde::Serialize;

use super::*;
use crate::domain::offering::Need;
use crate::domain::order::Access;
use crate::domain::price::Tariff;
use crate::domain::salt::Salt;
use crate::domain::signing::SecretKey;
use crate::domain::statement::Kind;

const TRUSTEES: [u8; 3] = [1, 2, 3];
const ROOTS: [u8; 3] = [11, 12, 13];
const NEXT_ROOTS: [u8; 3] = [21, 22, 23];
const STATEMENT: u8 = 31;
const LOG: u8 = 32;
const WITNESS: u8 = 33;
const OFFICER: u8 = 41;

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

fn org(text: &str) -> OrgId {
    text.parse().expect("a good name")
}

fn day(text: &str) -> Date {
    text.parse().expect("a date")
}

fn sign<T: Serialize>(kind: &Kind, body: &T, keys: &[u8]) -> Signed {
    let keys: Vec<SecretKey> = keys.iter().map(|number| key(*number)).collect();
    Signed::sign(kind, body, &keys.iter().collect::<Vec<_>>())
}

fn root(version: u32, trustees: &[u8], prev: Option<StatementId>) -> FederationRoot {
    FederationRoot {
        federation: org("probe"),
        version,
        trustees: trustees.iter().map(|n| Trustee { name: format!("Amt {n}"), key: key(*n).public() }).collect(),
        threshold: 2,
        witnesses: WitnessPolicy { nodes: vec!["kitu".parse().expect("a good name")], quorum: 1 },
        prev,
    }
}

fn first_root() -> Signed {
    sign(&Kind::FederationRoot, &root(1, &TRUSTEES, None), &[1, 2])
}

fn publics(numbers: &[u8]) -> Vec<PublicKey> {
    numbers.iter().map(|number| key(*number).public()).collect()
}

fn root_keys(numbers: &[u8], next: &[u8]) -> RootKeys {
    RootKeys { keys: publics(numbers), threshold: 2, next_sha256: RootKeys::commitment(&publics(next)) }
}

fn admission(name: &str) -> Admission {
    Admission {
        federation: org("probe"),
        org: org(name),
        name: name.to_owned(),
        legal_form: "eG".to_owned(),
        area: None,
        inhabitants: None,
        portal: None,
        root: root_keys(&ROOTS, &NEXT_ROOTS),
        source: "Satzung".to_owned(),
    }
}

fn event(seq: u64, prev: Option<StatementId>, add: &[(u8, KeyRole)]) -> KeyEvent {
    KeyEvent {
        org: org("kitu"),
        seq,
        prev,
        home_node: "kitu".parse().expect("a good name"),
        add: add.iter().map(|(number, role)| OnlineKey { key: key(*number).public(), role: *role }).collect(),
        revoke: Vec::new(),
        root: None,
        new_epoch: None,
    }
}

fn inception() -> KeyEvent {
    event(0, None, &[(STATEMENT, KeyRole::Statement), (LOG, KeyRole::Log), (WITNESS, KeyRole::Witness)])
}

fn revocation(number: u8, reason: RevocationReason, last_valid: u64) -> Revocation {
    Revocation { key: key(number).public().hash(), reason, last_valid }
}

fn grant(number: u8, roles: &[OfficerRole]) -> OfficerGrant {
    OfficerGrant {
        org: org("kitu"),
        officer: "einkauf".parse().expect("a good name"),
        key: key(number).public(),
        roles: roles.iter().copied().collect(),
        limit: Cents::ZERO,
        valid_from: day("2026-01-01"),
        valid_to: day("2026-12-31"),
    }
}

fn tariff(name: &str) -> Tariff {
    Tariff { org: org(name), version: 1, fee: Vec::new() }
}

fn need(name: &str) -> Need {
    Need { municipality: org(name), leika: Vec::new(), note: String::new(), until: day("2027-01-01"), through: None }
}

fn access(officer: &str, signed_at: &str) -> Access {
    Access {
        org: org("kitu"),
        officer: officer.parse().expect("a good name"),
        node: "kitu".parse().expect("a good name"),
        signed_at: signed_at.parse().expect("RFC 3339"),
        salt: Salt([0; 16]),
    }
}

/// A log in the making.
#[derive(Clone)]
struct Log {
    trust: LogTrust,
    size: u64,
}

impl Log {
    fn empty() -> Self {
        let origin = "probe/log/kitu/1".parse().expect("origin");
        Self { trust: LogTrust::new(origin, first_root().id()), size: 0 }
    }

    /// Root, admission, keys and one officer: positions 0 to 3.
    fn begun() -> Self {
        let mut log = Self::empty();
        log.take(&first_root());
        log.take(&sign(&Kind::Admission, &admission("kitu"), &[2, 3]));
        log.take(&sign(&Kind::KeyEvent, &inception(), &[11, 12, STATEMENT, LOG, WITNESS]));
        let grant = grant(OFFICER, &[OfficerRole::Buyer]);
        log.take(&sign(&Kind::OfficerGrant, &grant, &[11, 13, OFFICER]));
        log
    }

    fn take(&mut self, signed: &Signed) -> StatementId {
        let verified = self.trust.judge(signed, self.size).expect("a good statement");
        self.trust.absorb(&verified, self.size);
        self.size += 1;
        signed.id()
    }

    fn last_event(&self) -> Option<StatementId> {
        self.trust.orgs()[&org("kitu")].events.last().copied()
    }

    fn check(&self, what: &str, signed: &Signed, expected: Option<Reason>) {
        self.check_at(what, signed, self.size, expected);
    }

    fn check_at(&self, what: &str, signed: &Signed, at: u64, expected: Option<Reason>) {
        let found = self.trust.judge(signed, at);
        assert_eq!(found.as_ref().err().map(|refusal| refusal.reason), expected, "{what}: {:?}", found.err());
    }
}

#[test]
fn only_the_root_of_the_hash_begins_a_log() {
    let log = Log::empty();
    log.check("the root", &first_root(), None);
    log.check(
        "one trustee",
        &sign(&Kind::FederationRoot, &root(1, &TRUSTEES, None), &[1]),
        Some(Reason::ThresholdMissed),
    );
    let other = sign(&Kind::FederationRoot, &root(1, &[1, 2, 4], None), &[1, 2]);
    log.check("another root", &other, Some(Reason::RootUnknown));
    let early = sign(&Kind::Admission, &admission("kitu"), &[1, 2]);
    log.check("before any root", &early, Some(Reason::RootUnknown));
}

#[test]
fn the_next_root_needs_the_old_trustees_and_the_new() {
    let log = Log::begun();
    let next = |prev, version| root(version, &[3, 4, 5], prev);
    let (first, by_both) = (Some(first_root().id()), [1, 2, 4, 5]);
    for (what, body, signers, expected) in [
        ("both thresholds", next(first, 2), &by_both[..], None),
        ("one who is in both counts twice", next(first, 2), &[1, 3, 4], None),
        ("the new alone", next(first, 2), &[4, 5], Some(Reason::ThresholdMissed)),
        ("the old alone", next(first, 2), &[1, 2], Some(Reason::ThresholdMissed)),
        ("a stranger among them", next(first, 2), &[1, 2, 4, 5, 9], Some(Reason::SignerWrong)),
        ("a version left out", next(first, 3), &by_both, Some(Reason::RootSequence)),
        ("no predecessor", next(None, 2), &by_both, Some(Reason::RootSequence)),
    ] {
        log.check(what, &sign(&Kind::FederationRoot, &body, signers), expected);
    }
    let mut after = log;
    after.take(&sign(&Kind::FederationRoot, &next(first, 2), &by_both));
    let by = |signers: &[u8]| sign(&Kind::Admission, &admission("kid"), signers);
    after.check("admitted by the new trustees", &by(&[4, 5]), None);
    after.check("admitted by the old trustees", &by(&[1, 2]), Some(Reason::SignerWrong));
}

#[test]
fn trustees_admit_and_nobody_else() {
    let log = Log::begun();
    let stranger = Admission { federation: org("andere"), ..admission("kid") };
    let unreachable = Admission { root: RootKeys { threshold: 4, ..admission("kid").root }, ..admission("kid") };
    for (what, body, signers, expected) in [
        ("two trustees", admission("kid"), &[1, 3][..], None),
        ("below the threshold", admission("kid"), &[1], Some(Reason::ThresholdMissed)),
        ("a trustee and a stranger", admission("kid"), &[1, 9], Some(Reason::SignerWrong)),
        ("its own keys", admission("kid"), &[11, 12], Some(Reason::SignerWrong)),
        ("a second time", admission("kitu"), &[1, 2], Some(Reason::OrgKnown)),
        ("another federation", stranger, &[1, 2], Some(Reason::RootUnknown)),
        ("more signers than keys", unreachable, &[1, 2], Some(Reason::FieldInvalid)),
    ] {
        log.check(what, &sign(&Kind::Admission, &body, signers), expected);
    }
    let good = sign(&Kind::Admission, &admission("kid"), &[1, 3]);
    let mut by = good.signatures().to_vec();
    by[0].signature = by[1].signature;
    let forged = Signed::parse(good.pae(), by).expect("well-formed");
    log.check("a signature of another", &forged, Some(Reason::SignatureInvalid));
}

#[test]
fn key_events_follow_one_another_and_every_added_key_signs() {
    let log = Log::begun();
    let prev = log.last_event();
    let add = |number| event(1, prev, &[(number, KeyRole::Statement)]);
    let elsewhere = KeyEvent { home_node: "kid".parse().expect("a good name"), ..add(34) };
    let unknown = KeyEvent { org: org("kid"), ..add(34) };
    let stranger = KeyEvent { revoke: vec![revocation(99, RevocationReason::Ceased, 0)], ..add(34) };
    let second_log = event(1, prev, &[(34, KeyRole::Log)]);
    let twice = event(1, prev, &[(34, KeyRole::Statement), (34, KeyRole::Witness)]);
    let mut replaced_log = second_log.clone();
    replaced_log.revoke = vec![revocation(LOG, RevocationReason::Superseded, 3)];
    for (what, body, signers, expected) in [
        ("a second statement key", add(34), &[11, 12, 34][..], None),
        ("without the new key", add(34), &[11, 12], Some(Reason::PossessionMissing)),
        ("one root key", add(34), &[11, 34], Some(Reason::ThresholdMissed)),
        ("an online key instead", add(34), &[STATEMENT, 11, 34], Some(Reason::SignerWrong)),
        ("a number left out", event(2, prev, &[]), &[11, 12], Some(Reason::EventSequence)),
        ("another predecessor", event(1, Some(first_root().id()), &[]), &[11, 12], Some(Reason::EventSequence)),
        ("the beginning again", inception(), &[11, 12, STATEMENT, LOG, WITNESS], Some(Reason::EventSequence)),
        ("hosted elsewhere", elsewhere, &[11, 12, 34], Some(Reason::OrgElsewhere)),
        ("not admitted here", unknown, &[11, 12, 34], Some(Reason::OrgUnknown)),
        ("a key used before", add(STATEMENT), &[11, 12, STATEMENT], Some(Reason::KeyInUse)),
        ("an officer's key", add(OFFICER), &[11, 12, OFFICER], Some(Reason::KeyInUse)),
        ("a root key", add(13), &[11, 12, 13], Some(Reason::KeyInUse)),
        ("one key for two purposes", twice, &[11, 12, 34], Some(Reason::KeyInUse)),
        ("a second log key", second_log, &[11, 12, 34], Some(Reason::KeyInUse)),
        ("a new log key for the old", replaced_log, &[11, 12, 34], None),
        ("revoking what is not there", stranger, &[11, 12, 34], Some(Reason::KeyUnknown)),
    ] {
        log.check(what, &sign(&Kind::KeyEvent, &body, signers), expected);
    }
}

#[test]
fn root_keys_change_only_to_those_committed_before() {
    let mut log = Log::begun();
    let rotation = |keys: &[u8]| KeyEvent { root: Some(root_keys(keys, &[51])), ..event(1, log.last_event(), &[]) };
    let good = sign(&Kind::KeyEvent, &rotation(&NEXT_ROOTS), &[21, 22]);
    log.check("not committed", &sign(&Kind::KeyEvent, &rotation(&[51, 52]), &[51, 52]), Some(Reason::SignerWrong));
    let by_old = sign(&Kind::KeyEvent, &rotation(&NEXT_ROOTS), &[11, 12]);
    log.check("by the old keys alone", &by_old, Some(Reason::SignerWrong));
    log.check("by the committed keys", &good, None);
    let prev = Some(log.take(&good));
    let after = |signers: &[u8]| sign(&Kind::KeyEvent, &event(2, prev, &[]), signers);
    log.check("the old keys afterwards", &after(&[11, 12]), Some(Reason::SignerWrong));
    log.check("the new keys afterwards", &after(&[21, 23]), None);
}

#[test]
fn officers_act_within_their_grant() {
    let log = Log::begun();
    let grant_of =
        |number, roles: &[OfficerRole], signers: &[u8]| sign(&Kind::OfficerGrant, &grant(number, roles), signers);
    let buyer = [OfficerRole::Buyer];
    let (now, late) = ("2026-06-01T12:00:00Z", "2027-01-01T00:00:00Z");
    let backwards = OfficerGrant { valid_to: day("2025-01-01"), ..grant(42, &buyer) };
    for (what, signed, expected) in [
        ("a grant without the officer's key", grant_of(42, &buyer, &[11, 12]), Some(Reason::PossessionMissing)),
        ("a grant by one root key", grant_of(42, &buyer, &[11, 42]), Some(Reason::ThresholdMissed)),
        ("a grant on an online key", grant_of(STATEMENT, &buyer, &[11, 12, STATEMENT]), Some(Reason::KeyInUse)),
        (
            "a grant that ends before it begins",
            sign(&Kind::OfficerGrant, &backwards, &[11, 12, 42]),
            Some(Reason::IntervalInvalid),
        ),
        ("in role and time", sign(&Kind::Access, &access("einkauf", now), &[OFFICER]), None),
        ("after the last day", sign(&Kind::Access, &access("einkauf", late), &[OFFICER]), Some(Reason::GrantExpired)),
        ("under another's name", sign(&Kind::Access, &access("leitung", now), &[OFFICER]), Some(Reason::SignerWrong)),
        (
            "the organisation for an officer",
            sign(&Kind::Access, &access("einkauf", now), &[STATEMENT]),
            Some(Reason::SignerWrong),
        ),
        ("out of role", sign(&Kind::Tariff, &tariff("kitu"), &[OFFICER]), Some(Reason::GrantRoleMissing)),
        ("a buyer's need", sign(&Kind::Need, &need("kitu"), &[OFFICER]), None),
        ("for another organisation", sign(&Kind::Need, &need("kid"), &[STATEMENT]), Some(Reason::SignerWrong)),
        ("with the log key", sign(&Kind::Need, &need("kitu"), &[LOG]), Some(Reason::SignerWrong)),
        ("with two keys", sign(&Kind::Need, &need("kitu"), &[STATEMENT, OFFICER]), Some(Reason::SignerWrong)),
        ("with a stranger's key", sign(&Kind::Need, &need("kitu"), &[99]), Some(Reason::KeyUnknown)),
        ("by the organisation", sign(&Kind::Need, &need("kitu"), &[STATEMENT]), None),
        ("of a later version", sign(&Kind::Unknown("neu".to_owned()), &need("kitu"), &[STATEMENT]), None),
        (
            "of a later version by an officer",
            sign(&Kind::Unknown("neu".to_owned()), &need("kitu"), &[OFFICER]),
            Some(Reason::SignerWrong),
        ),
    ] {
        log.check(what, &signed, expected);
    }
}

#[test]
fn a_key_is_good_from_its_event_to_the_position_of_its_revocation() {
    let signed = sign(&Kind::Need, &need("kitu"), &[STATEMENT]);
    let (revoked, disputed) = (Some(Reason::KeyRevoked), Some(Reason::KeyDisputed));
    for (reason, between) in [(RevocationReason::Superseded, revoked), (RevocationReason::Compromised, disputed)] {
        // Positions 4 to 9 are needs; the event at 10 says that the key was good up to 6.
        let mut log = Log::begun();
        for _ in 4..10 {
            log.take(&signed);
        }
        let rotation = KeyEvent {
            revoke: vec![revocation(STATEMENT, reason, 6)],
            ..event(1, log.last_event(), &[(34, KeyRole::Statement)])
        };
        log.take(&sign(&Kind::KeyEvent, &rotation, &[11, 12, 34]));
        for (at, expected) in [
            (2, Some(Reason::KeyUnknown)),
            (3, None),
            (6, None),
            (7, between),
            (9, between),
            (10, revoked),
            (u64::MAX, revoked),
        ] {
            log.check_at(&format!("{reason:?} at {at}"), &signed, at, expected);
        }
        log.check("the new key", &sign(&Kind::Need, &need("kitu"), &[34]), None);
        let again = event(2, log.last_event(), &[(STATEMENT, KeyRole::Statement)]);
        let again = sign(&Kind::KeyEvent, &again, &[11, 12, STATEMENT]);
        log.check("a revoked key again", &again, Some(Reason::KeyInUse));
    }
}

#[test]
fn an_expelled_organisation_keeps_what_it_said_before() {
    let mut log = Log::begun();
    let signed = sign(&Kind::Need, &need("kitu"), &[STATEMENT]);
    log.take(&signed);
    let expulsion = Expulsion { org: org("kitu"), reason: "Austritt".to_owned(), last_valid: 4 };
    let by = |signers: &[u8]| sign(&Kind::Expulsion, &expulsion, signers);
    log.check("by one trustee", &by(&[1]), Some(Reason::ThresholdMissed));
    log.take(&by(&[1, 2]));
    log.check_at("before", &signed, 4, None);
    log.check("after", &signed, Some(Reason::KeyRevoked));
}

#[test]
fn only_the_operator_names_the_nodes_address() {
    let log = Log::begun();
    let record = NodeRecord {
        alone_since: None,
        node: "kitu".parse().expect("a good name"),
        operator: org("kitu"),
        addresses: Vec::new(),
        tls_sha256: Hash([0; 32]),
        log: "probe/log/kitu/1".parse().expect("origin"),
    };
    let stranger = NodeRecord { operator: org("kid"), ..record.clone() };
    let elsewhere = NodeRecord { node: "kid".parse().expect("a good name"), ..record.clone() };
    let other_log = NodeRecord { log: "probe/log/kitu/2".parse().expect("origin"), ..record.clone() };
    let wrong = Some(Reason::SignerWrong);
    for (what, body, signer, expected) in [
        ("the operator", &record, STATEMENT, None),
        ("the log key", &record, LOG, wrong),
        ("an officer", &record, OFFICER, wrong),
        ("another operator", &stranger, STATEMENT, wrong),
        ("another node", &elsewhere, STATEMENT, wrong),
        ("another log", &other_log, STATEMENT, wrong),
    ] {
        log.check(what, &sign(&Kind::NodeRecord, body, &[signer]), expected);
    }
}

#[test]
fn the_home_of_an_organisation_is_where_its_newest_key_event_stands() {
    let (log, mut registry) = (Log::begun(), Registry::default());
    assert!(registry.home(&org("kitu")).is_err());
    registry.put(log.trust.clone());
    let home = registry.home(&org("kitu")).expect("hosted here");
    assert_eq!(home.origin().node.as_str(), "kitu");
    assert_eq!(registry.home(&org("kid")).expect_err("nowhere").reason, Reason::OrgUnknown);
    let signed = sign(&Kind::Access, &access("einkauf", "2026-06-01T12:00:00Z"), &[OFFICER]);
    home.judge(&signed, u64::MAX).expect("judged by its home log");
}

#[test]
fn a_later_log_by_another_operator_says_nothing_about_the_node() {
    let mut registry = Registry::default();
    let mut put = |epoch: u32, operator: &str, tls: u8| {
        let origin = Origin { federation: org("probe"), node: "kitu".parse().expect("a good name"), epoch };
        let mut trust = LogTrust::new(origin.clone(), StatementId([0; 32]));
        let record = NodeRecord {
            alone_since: None,
            node: origin.node.clone(),
            operator: org(operator),
            addresses: Vec::new(),
            tls_sha256: Hash([tls; 32]),
            log: origin,
        };
        Arc::make_mut(&mut trust.known).record = Some((StatementId([tls; 32]), record));
        registry.put(trust);
        let records = registry.node_records();
        let node = "kitu".parse().expect("a good name");
        assert_eq!(registry.node_record(&org("probe"), &node), records.get(&node).copied());
        records.into_values().map(|record| record.tls_sha256.0[0]).collect::<Vec<_>>()
    };
    assert_eq!(put(1, "kitu", 1), [1]);
    assert_eq!(put(2, "kitu", 2), [2], "the same operator began a new log");
    assert_eq!(put(3, "stranger", 3), [2], "somebody else claims the node's name");
}
