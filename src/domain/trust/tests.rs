//! Cases for every rule of trust: who may sign what, with which keys, at which position.
use serde::Serialize;

use super::*;
use crate::domain::id::{Hash, OrgId, Origin, StatementId};
use crate::domain::money::Cents;
use crate::domain::offering::Need;
use crate::domain::order::Access;
use crate::domain::price::Tariff;
use crate::domain::reason::Reason;
use crate::domain::salt::Salt;
use crate::domain::signing::{PublicKey, SecretKey};
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::Date;

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
    RootKeys { keys: publics(numbers), threshold: 2, next_sha256: RootKeys::commitment(&publics(next), 2) }
}

fn admission(name: &str) -> Admission {
    Admission {
        federation: org("probe"),
        org: org(name),
        number: 1,
        prev: None,
        home_node: "kitu".parse().expect("a good name"),
        operates: (name == "kitu").then(|| "kitu".parse().expect("a good name")),
        name: name.to_owned(),
        legal_form: "eG".to_owned(),
        area: None,
        inhabitants: None,
        portal: None,
        root: Some(root_keys(&ROOTS, &NEXT_ROOTS)),
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

fn log_of(node: &str, epoch: u32) -> Origin {
    Origin { federation: org("probe"), node: node.parse().expect("a good name"), epoch }
}

fn good_in(log: Origin, size: u64) -> Vec<LastGood> {
    vec![LastGood { log, size }]
}

/// A key is good in the log of the node for so many entries.
fn revocation(number: u8, reason: RevocationReason, size: u64) -> Revocation {
    Revocation { key: key(number).public().hash(), reason, last_good: good_in(log_of("kitu", 1), size) }
}

fn grant(number: u8, roles: &[OfficerRole]) -> OfficerGrant {
    OfficerGrant {
        org: org("kitu"),
        officer: "einkauf".parse().expect("a good name"),
        device: "arbeitsplatz".parse().expect("a good name"),
        key: key(number).public(),
        roles: roles.iter().copied().collect(),
        limit: Cents::ZERO,
        limit_per_year: None,
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
        self.trust.orgs()[&org("kitu")].last_event().map(|(_, id)| id)
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
        ("no predecessor", next(None, 2), &by_both, Some(Reason::FieldInvalid)),
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
    let unreachable =
        Admission { root: admission("kid").root.map(|root| RootKeys { threshold: 4, ..root }), ..admission("kid") };
    let squatter = Admission { operates: Some("kitu".parse().expect("a good name")), ..admission("kid") };
    for (what, body, signers, expected) in [
        ("two trustees", admission("kid"), &[1, 3][..], None),
        ("below the threshold", admission("kid"), &[1], Some(Reason::ThresholdMissed)),
        ("a trustee and a stranger", admission("kid"), &[1, 9], Some(Reason::SignerWrong)),
        ("its own keys", admission("kid"), &[11, 12], Some(Reason::SignerWrong)),
        ("a second time", admission("kitu"), &[1, 2], Some(Reason::OrgKnown)),
        ("another federation", stranger, &[1, 2], Some(Reason::RootUnknown)),
        ("more signers than keys", unreachable, &[1, 2], Some(Reason::FieldInvalid)),
        ("another's node", squatter, &[1, 2], Some(Reason::NodeTaken)),
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
    let gives_up = KeyEvent { revoke: vec![revocation(LOG, RevocationReason::Ceased, 4)], ..event(1, prev, &[]) };
    let superseded = |last_good| Revocation { last_good, ..revocation(STATEMENT, RevocationReason::Superseded, 4) };
    let unnamed = KeyEvent { revoke: vec![superseded(Vec::new())], ..add(34) };
    let ahead = KeyEvent { revoke: vec![superseded(good_in(log_of("kitu", 1), 99))], ..add(34) };
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
        ("no log key any more", gives_up, &[11, 12], Some(Reason::KeyInUse)),
        ("a revocation that does not name this log", unnamed, &[11, 12, 34], Some(Reason::FieldInvalid)),
        ("a revocation that reaches ahead", ahead, &[11, 12, 34], Some(Reason::FieldInvalid)),
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

/// Positions 4 to 9 are needs; the event at 10 says that of the statement key six entries count.
fn rotated(reason: RevocationReason) -> Log {
    let mut log = Log::begun();
    let signed = sign(&Kind::Need, &need("kitu"), &[STATEMENT]);
    for _ in 4..10 {
        log.take(&signed);
    }
    let rotation = KeyEvent {
        revoke: vec![revocation(STATEMENT, reason, 6)],
        ..event(1, log.last_event(), &[(34, KeyRole::Statement)])
    };
    log.take(&sign(&Kind::KeyEvent, &rotation, &[11, 12, 34]));
    log
}

#[test]
fn a_replaced_key_loses_nothing_and_of_a_stolen_one_the_window_is_undecidable() {
    let signed = sign(&Kind::Need, &need("kitu"), &[STATEMENT]);
    for (reason, between) in [
        (RevocationReason::Superseded, None),
        (RevocationReason::Ceased, None),
        (RevocationReason::Compromised, Some(Reason::KeyDisputed)),
    ] {
        let log = rotated(reason);
        for (at, expected) in [
            (2, Some(Reason::KeyUnknown)),
            (3, None),
            (5, None),
            (6, between),
            (9, between),
            (11, Some(Reason::KeyRevoked)),
            (u64::MAX, Some(Reason::KeyRevoked)),
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
fn one_key_of_the_next_root_set_is_not_enough_whatever_threshold_it_claims() {
    let log = Log::begun();
    let taken = RootKeys { threshold: 1, ..root_keys(&NEXT_ROOTS, &[51]) };
    let takeover = KeyEvent { root: Some(taken), ..event(1, log.last_event(), &[]) };
    log.check("one of three", &sign(&Kind::KeyEvent, &takeover, &[21]), Some(Reason::SignerWrong));
}

#[test]
fn a_receipt_by_a_stolen_key_is_undecidable_and_by_a_replaced_one_good() {
    let receipt = crate::domain::order::Receipt {
        order: crate::domain::id::OrderId([1; 16]),
        attempt: 1,
        from: org("kitu"),
        message: StatementId([2; 32]),
        log: log_of("kitu", 1),
        size: 4,
        received_at: "2026-06-01T12:00:00Z".parse().expect("RFC 3339"),
        salt: Salt([0; 16]),
    };
    let signed = sign(&Kind::Receipt, &receipt, &[STATEMENT]);
    for (reason, expected) in
        [(RevocationReason::Superseded, None), (RevocationReason::Compromised, Some(Reason::KeyDisputed))]
    {
        let log = rotated(reason);
        assert_eq!(log.trust.judge_receipt(&signed).err().map(|refusal| refusal.reason), expected, "{reason:?}");
        log.check("at the door only keys in force count", &signed, Some(Reason::KeyRevoked));
    }
}

#[test]
fn checkpoints_are_signed_by_the_log_key_in_force_after_their_last_entry() {
    let mut log = Log::begun();
    let named = |trust: &LogTrust, size| trust.log_key_of(size).cloned();
    assert_eq!((named(&log.trust, 2), named(&log.trust, 3)), (None, Some(key(LOG).public())));
    let rotation = KeyEvent {
        revoke: vec![revocation(LOG, RevocationReason::Superseded, 4)],
        ..event(1, log.last_event(), &[(34, KeyRole::Log)])
    };
    log.take(&sign(&Kind::KeyEvent, &rotation, &[11, 12, 34]));
    assert_eq!(named(&log.trust, 4), Some(key(LOG).public()));
    assert_eq!(named(&log.trust, 5), Some(key(34).public()));
    assert_eq!(log.trust.log_key(), Some(&key(34).public()));
    assert_eq!(log.trust.log_key_changes().collect::<Vec<_>>(), [4]);
    // Of another history that parts after three entries the later key says nothing.
    assert_eq!(log.trust.log_key_beside(9, 3), Some(&key(LOG).public()));
}

#[test]
fn cosignatures_of_a_replaced_witness_key_count_and_of_a_stolen_one_no_more() {
    for (reason, counted) in [(RevocationReason::Superseded, 2), (RevocationReason::Compromised, 1)] {
        let mut log = Log::begun();
        let rotation = KeyEvent {
            revoke: vec![revocation(WITNESS, reason, 4)],
            ..event(1, log.last_event(), &[(34, KeyRole::Witness)])
        };
        log.take(&sign(&Kind::KeyEvent, &rotation, &[11, 12, 34]));
        let mut registry = Registry::default();
        registry.put(log.trust);
        let (keys, needed) = registry.witnesses();
        assert_eq!((keys["kitu"].len(), needed), (counted, 1), "{reason:?}");
        assert_eq!(keys["kitu"].last(), Some(&key(34).public()));
    }
}

/// The log of another node: it holds the root, and whatever else it is given.
fn other_log(node: &str, epoch: u32, statements: &[Signed]) -> Log {
    let mut log = Log { trust: LogTrust::new(log_of(node, epoch), first_root().id()), size: 0 };
    log.take(&first_root());
    for signed in statements {
        log.take(signed);
    }
    log
}

#[test]
fn an_expulsion_counts_wherever_it_stands() {
    let mut log = Log::begun();
    let signed = sign(&Kind::Need, &need("kitu"), &[STATEMENT]);
    log.take(&signed);
    let expulsion =
        Expulsion { org: org("kitu"), reason: "Austritt".to_owned(), last_good: good_in(log_of("kitu", 1), 5) };
    let by = |signers: &[u8]| sign(&Kind::Expulsion, &expulsion, signers);
    log.check("by one trustee", &by(&[1]), Some(Reason::ThresholdMissed));
    let mut registry = Registry::default();
    registry.put(log.trust.clone());
    let home = log_of("kitu", 1);
    let counts = |registry: &Registry, at| {
        registry.check_at(&key(STATEMENT).public().hash(), &home, at).err().map(|refusal| refusal.reason)
    };
    assert_eq!((counts(&registry, 4), counts(&registry, 5)), (None, None));
    // The expelled operator keeps it out of its own log; one honest log is enough.
    let reached = registry.put(other_log("kid", 1, &[by(&[1, 2])]).trust);
    assert_eq!(reached, [org("kitu")].into());
    assert_eq!((counts(&registry, 4), counts(&registry, 5)), (None, Some(Reason::OrgExpelled)));
    let now = sign(&Kind::Access, &access("einkauf", "2026-06-01T12:00:00Z"), &[OFFICER]);
    let body = crate::domain::body::Body::read(&now).expect("readable");
    assert_eq!(registry.judge(&now, body, []).expect_err("expelled").reason, Reason::OrgExpelled);
    assert!(registry.witnesses().0.is_empty() && registry.check_begins(&log.trust).is_err());
}

#[test]
fn only_the_operators_root_keys_begin_an_epoch() {
    let begun = [
        sign(&Kind::Admission, &admission("kitu"), &[1, 2]),
        sign(&Kind::KeyEvent, &inception(), &[11, 12, STATEMENT, LOG, WITNESS]),
    ];
    let mut registry = Registry::default();
    registry.put(Log::begun().trust);
    // The thief has the log key and copies what is public.
    let copied = other_log("kitu", 2, &begun);
    assert_eq!(copied.trust.log_key(), None);
    assert_eq!(registry.check_begins(&copied.trust).expect_err("not begun").reason, Reason::EpochForeign);
    // A member of the federation begins it with its own root keys.
    let member = Admission { root: Some(root_keys(&[61, 62, 63], &[64])), ..admission("kid") };
    let mut foreign = copied.clone();
    foreign.take(&sign(&Kind::Admission, &member, &[1, 2]));
    let epoch = |copied| Some(NewEpoch { epoch: 2, copied });
    let own = KeyEvent { org: org("kid"), new_epoch: epoch(4), ..event(0, None, &[]) };
    foreign.check("a member", &sign(&Kind::KeyEvent, &own, &[61, 62]), Some(Reason::EpochForeign));
    let roles = KeyEvent { org: org("kid"), ..event(0, None, &[(71, KeyRole::Log), (72, KeyRole::Witness)]) };
    foreign.check("its keys", &sign(&Kind::KeyEvent, &roles, &[61, 62, 71, 72]), Some(Reason::NodeTaken));
    // The operator.
    let mut repaired = copied;
    let by_operator = KeyEvent { new_epoch: epoch(4), ..event(1, repaired.last_event(), &[]) };
    repaired.check("with online keys", &sign(&Kind::KeyEvent, &by_operator, &[STATEMENT]), Some(Reason::SignerWrong));
    repaired.take(&sign(&Kind::KeyEvent, &by_operator, &[11, 12]));
    registry.check_begins(&repaired.trust).expect("begun by its operator");
    assert_eq!(repaired.trust.log_key(), Some(&key(LOG).public()));
}

#[test]
fn a_new_epoch_revives_no_key() {
    for reason in [RevocationReason::Superseded, RevocationReason::Compromised] {
        let before = rotated(reason);
        let revoked = KeyEvent {
            revoke: vec![revocation(STATEMENT, reason, 6)],
            ..event(1, None, &[(34, KeyRole::Statement)])
        };
        let first = sign(&Kind::KeyEvent, &inception(), &[11, 12, STATEMENT, LOG, WITNESS]);
        let mut log = other_log("kitu", 2, &[sign(&Kind::Admission, &admission("kitu"), &[1, 2]), first.clone()]);
        let second = KeyEvent { prev: Some(first.id()), ..revoked };
        log.take(&sign(&Kind::KeyEvent, &second, &[11, 12, 34]));
        let begins =
            KeyEvent { new_epoch: Some(NewEpoch { epoch: 2, copied: 5 }), ..event(2, log.last_event(), &[]) };
        log.take(&sign(&Kind::KeyEvent, &begins, &[11, 12]));
        let signed = sign(&Kind::Need, &need("kitu"), &[STATEMENT]);
        (0..log.size + 2).for_each(|at| assert!(log.trust.judge(&signed, at).is_err(), "{reason:?} at {at}"));
        log.check("the key in force", &sign(&Kind::Need, &need("kitu"), &[34]), None);
        // What the former log decided by position stays decided, though the new one is home now.
        let mut registry = Registry::default();
        registry.put(before.trust);
        registry.put(log.trust);
        let decided = |at| registry.check_at(&key(STATEMENT).public().hash(), &log_of("kitu", 1), at).is_ok();
        assert_eq!((decided(5), decided(9)), (true, reason == RevocationReason::Superseded));
    }
}

#[test]
fn trustees_renew_a_name_and_never_a_key() {
    let mut log = Log::begun();
    let prev = Some(log.trust.orgs()[&org("kitu")].admitted_by);
    let renewed = Admission { number: 2, prev, root: None, name: "KITU eG".to_owned(), ..admission("kitu") };
    let sequence = Some(Reason::AdmissionSequence);
    for (what, body, signers, expected) in [
        ("the next number", renewed.clone(), &[1, 2][..], None),
        ("one trustee", renewed.clone(), &[1], Some(Reason::ThresholdMissed)),
        ("a number left out", Admission { number: 3, ..renewed.clone() }, &[1, 2], sequence),
        ("another predecessor", Admission { prev: Some(first_root().id()), ..renewed.clone() }, &[1, 2], sequence),
        (
            "with new root keys",
            Admission { root: admission("kitu").root, ..renewed.clone() },
            &[1, 2],
            Some(Reason::FieldInvalid),
        ),
        ("without the node", Admission { operates: None, ..renewed.clone() }, &[1, 2], Some(Reason::NodeTaken)),
        ("of a stranger", Admission { org: org("kid"), operates: None, ..renewed.clone() }, &[1, 2], sequence),
    ] {
        log.check(what, &sign(&Kind::Admission, &body, signers), expected);
    }
    log.take(&sign(&Kind::Admission, &renewed, &[1, 2]));
    assert_eq!(log.trust.orgs()[&org("kitu")].admission.name, "KITU eG");
    log.check("keys stay", &sign(&Kind::Need, &need("kitu"), &[STATEMENT]), None);
}

#[test]
fn a_recovery_stands_in_public_for_three_days_and_any_key_event_voids_it() {
    let mut log = Log::begun();
    let time = |text: &str| text.parse().expect("RFC 3339");
    let announced = Recovery {
        org: org("kitu"),
        after: log.last_event(),
        root: root_keys(&[71, 72, 73], &[74]),
        signed_at: time("2026-06-01T12:00:00Z"),
        completes: None,
        reason: "Tresor verbrannt".to_owned(),
    };
    let by = |body: &Recovery, signers: &[u8]| sign(&Kind::Recovery, body, signers);
    log.check("by one trustee", &by(&announced, &[1]), Some(Reason::ThresholdMissed));
    let early = Recovery { completes: Some(StatementId([9; 32])), ..announced.clone() };
    log.check("never announced", &by(&early, &[1, 2]), Some(Reason::RecoveryVoid));
    let id = log.take(&by(&announced, &[1, 2]));
    let completes = |signed_at| Recovery { completes: Some(id), signed_at: time(signed_at), ..announced.clone() };
    let (soon, later) = (completes("2026-06-04T11:59:59Z"), completes("2026-06-04T12:00:00Z"));
    log.check("too soon", &by(&soon, &[1, 2]), Some(Reason::RecoveryVoid));
    let others = Recovery { root: root_keys(&[81, 82], &[83]), ..later.clone() };
    log.check("other keys than announced", &by(&others, &[1, 2]), Some(Reason::RecoveryVoid));
    let mut vetoed = log.clone();
    vetoed.take(&sign(&Kind::KeyEvent, &event(1, vetoed.last_event(), &[]), &[11, 12]));
    vetoed.check("after a veto", &by(&later, &[1, 2]), Some(Reason::RecoveryVoid));
    log.take(&by(&later, &[1, 2]));
    let next = |signers: &[u8]| sign(&Kind::KeyEvent, &event(1, log.last_event(), &[]), signers);
    log.check("the lost keys", &next(&[11, 12]), Some(Reason::SignerWrong));
    log.check("the new keys", &next(&[71, 73]), None);
}

#[test]
fn an_organisation_moves_by_the_trustees_word_and_its_own() {
    let member = Admission { root: Some(root_keys(&[61, 62, 63], &[64])), ..admission("kid") };
    let admitted = sign(&Kind::Admission, &member, &[1, 2]);
    let first = KeyEvent { org: org("kid"), ..event(0, None, &[(65, KeyRole::Statement)]) };
    let first = sign(&Kind::KeyEvent, &first, &[61, 62, 65]);
    let mut old = Log::begun();
    for signed in [&admitted, &first] {
        old.take(signed);
    }
    let signed = sign(&Kind::Need, &need("kid"), &[65]);
    let at = old.size;
    old.take(&signed);
    let to = |home: &str| home.parse().expect("a good name");
    let moves = |home| KeyEvent {
        home_node: to(home),
        org: org("kid"),
        revoke: vec![Revocation {
            key: key(65).public().hash(),
            reason: RevocationReason::Superseded,
            last_good: good_in(log_of("kitu", 1), old.size),
        }],
        ..event(1, Some(first.id()), &[(66, KeyRole::Statement)])
    };
    let alone = sign(&Kind::KeyEvent, &moves("akdb"), &[61, 62, 66]);
    old.check("without the trustees", &alone, Some(Reason::OrgElsewhere));
    let renewed = Admission { number: 2, prev: Some(admitted.id()), root: None, home_node: to("akdb"), ..member };
    let renewed = sign(&Kind::Admission, &renewed, &[1, 2]);
    let operator = Admission {
        org: org("akdb"),
        home_node: to("akdb"),
        operates: Some(to("akdb")),
        root: Some(root_keys(&[91, 92, 93], &[94])),
        ..admission("akdb")
    };
    let keys = [(95, KeyRole::Statement), (96, KeyRole::Log), (97, KeyRole::Witness)];
    let operators = KeyEvent { org: org("akdb"), home_node: to("akdb"), ..event(0, None, &keys) };
    let operators = sign(&Kind::KeyEvent, &operators, &[91, 92, 95, 96, 97]);
    let operator = sign(&Kind::Admission, &operator, &[1, 2]);
    let mut new = other_log("akdb", 1, &[operator, operators, admitted, first.clone()]);
    let mut registry = Registry::default();
    registry.put(old.trust.clone());
    registry.put(new.trust.clone());
    assert_eq!(registry.home(&org("kid")).expect("known").origin().node.as_str(), "kitu", "a copy is no home");
    new.check("from the old home's key", &signed, Some(Reason::OrgElsewhere));
    for signed in [&renewed, &alone] {
        new.take(signed);
    }
    registry.put(new.trust.clone());
    assert_eq!(registry.home(&org("kid")).expect("known").origin().node.as_str(), "akdb");
    new.check("at the new home", &sign(&Kind::Need, &need("kid"), &[66]), None);
    new.check("the old key there", &signed, Some(Reason::KeyRevoked));
    // The old operator may keep the news out of its log; from the position named on it signs for nobody.
    let counts = |at| registry.check_at(&key(65).public().hash(), &log_of("kitu", 1), at).is_ok();
    assert_eq!((counts(at), counts(at + 1)), (true, false));
}

#[test]
fn a_successor_speaks_for_whom_it_succeeds_from_its_day_on() {
    let mut log = Log::begun();
    let member = Admission { root: Some(root_keys(&[61, 62, 63], &[64])), ..admission("kid") };
    log.take(&sign(&Kind::Admission, &member, &[1, 2]));
    let by_heir = |signed_at| Access { org: org("kid"), ..access("einkauf", signed_at) };
    let by_heir = |signed_at| sign(&Kind::Access, &by_heir(signed_at), &[OFFICER]);
    log.check("before", &by_heir("2026-07-01T12:00:00Z"), Some(Reason::SignerWrong));
    let succession = Succession {
        federation: org("probe"),
        predecessor: org("kid"),
        successor: org("kitu"),
        on: day("2026-07-01"),
        source: "Gebietsänderungsvertrag".to_owned(),
    };
    log.check("by one", &sign(&Kind::Succession, &succession, &[1]), Some(Reason::ThresholdMissed));
    log.take(&sign(&Kind::Succession, &succession, &[1, 2]));
    log.check("a second one", &sign(&Kind::Succession, &succession, &[1, 2]), Some(Reason::SuccessionKnown));
    log.check("from its day on", &by_heir("2026-07-01T12:00:00Z"), None);
    log.check("the day before", &by_heir("2026-06-29T12:00:00Z"), Some(Reason::SignerWrong));
}

#[test]
fn addresses_are_host_and_port_and_nothing_else() {
    let of = |addresses: &[&str]| NodeRecord {
        alone_since: None,
        node: "kitu".parse().expect("a good name"),
        operator: org("kitu"),
        addresses: addresses.iter().map(ToString::to_string).collect(),
        tls_sha256: Hash([0; 32]),
        log: log_of("kitu", 1),
    };
    for good in ["kitu.example.de:7401", "10.0.0.1:7401", "[2001:db8::1]:443"] {
        of(&[good]).check().expect(good);
    }
    for bad in [
        "https://kitu.de:1",
        "kitu.de",
        "kitu.de:0",
        "kitu.de:+1",
        "kitu.de:70000",
        "ki tu:1",
        ":1",
        "[::1:1",
        "a\u{1b}[0m:1",
    ] {
        assert!(of(&[bad]).check().is_err(), "{bad}");
    }
    assert!(of(&[]).check().is_err() && of(&["a:1", "a:1"]).check().is_err());
    assert!(of(&["a:1", "a:2", "a:3", "a:4", "a:5", "a:6", "a:7", "a:8", "a:9"]).check().is_err());
}

#[test]
fn only_the_operator_names_the_nodes_address() {
    let log = Log::begun();
    let record = NodeRecord {
        alone_since: None,
        node: "kitu".parse().expect("a good name"),
        operator: org("kitu"),
        addresses: vec!["kitu.example:7401".to_owned()],
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
