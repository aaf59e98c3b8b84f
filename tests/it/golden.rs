//! Golden bytes: one statement of every kind, and one leaf. What is pinned here has been signed somewhere.
//!
//! `VERBUND_BLESS=1` writes the file anew. Must never be blessed without a new version of the kind that changed.
use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use verbund::domain::body::Body;
use verbund::domain::connection::{ConnectionProfile, ConnectionReport, Outcome, Requirement};
use verbund::domain::id::{Hash, OrderId, Origin, StatementId};
use verbund::domain::law::{Award, Basis, Verdict};
use verbund::domain::offering::{Need, NeedWithdrawal, Withdrawal};
use verbund::domain::order::call_off::CallOff;
use verbund::domain::order::erasure::Erasure;
use verbund::domain::order::mandate::Mandate;
use verbund::domain::order::milestone::{Event, Milestone};
use verbund::domain::order::settlement::Settlement;
use verbund::domain::order::{
    Accept, Access, Confirm, Counter, Decision, Decline, Endorse, LateNotice, LegFinding, Pending, Recall, Receipt,
    Reminder, Seal, Void, VoidReason,
};
use verbund::domain::price::{KeyKind, Tariff};
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::time::Timestamp;
use verbund::domain::trust::{Expulsion, LastGood, Recovery, RootKeys, Succession};
use verbund::log::leaf::{Audience, Leaf, NO_OUTCOME, OutcomeTag};
use verbund::log::subjects::Subjects;

use crate::federation::{
    cents, day, entity_facts, federation, fee, key, membership, name, rule_pack, salt, start, wohngeld,
};

fn statement<T: Serialize>(kind: &Kind, body: &T) -> Signed {
    Signed::sign(kind, body, &[&key("golden")])
}

/// The founding statements come from the founding itself.
/// What municipalities say about themselves.
fn municipal(kind: &Kind) -> Signed {
    match kind {
        Kind::ConnectionProfile => statement(
            kind,
            &ConnectionProfile {
                municipality: name("barleben"),
                version: 1,
                portals: vec!["IKISS".to_owned()],
                specialised_systems: Vec::new(),
                connection: vec!["fit-connect".to_owned()],
                provides: vec![Requirement::Account, Requirement::Payment],
                bus: Some(true),
                source: "Testverbund".to_owned(),
                assumed: Vec::new(),
            },
        ),
        Kind::NeedWithdrawal => statement(
            kind,
            &NeedWithdrawal {
                municipality: name("barleben"),
                need: StatementId::of(b"need"),
                reason: "Anders gelöst".to_owned(),
            },
        ),
        _ => founding(kind),
    }
}

fn founding(kind: &Kind) -> Signed {
    let genesis = &federation().nodes[&name("kitu")].genesis;
    genesis.iter().find(|signed| signed.kind() == kind).expect("every founding has it").clone()
}

fn log() -> Origin {
    "probe/log/kid/1".parse().expect("origin")
}

fn recovery() -> Recovery {
    let [one, next] = ["neu", "danach"].map(|label| key(&format!("golden/{label}")).public());
    let root = RootKeys { next_sha256: RootKeys::commitment(&[next], 1), keys: vec![one], threshold: 1 };
    Recovery {
        org: name("kid"),
        after: Some(StatementId([6; 32])),
        root,
        signed_at: start(),
        completes: Some(StatementId([7; 32])),
        reason: "Tresor verbrannt".to_owned(),
    }
}

fn public(kind: &Kind) -> Signed {
    match kind {
        Kind::Recovery => statement(kind, &recovery()),
        Kind::Succession => statement(
            kind,
            &Succession {
                federation: name("probe"),
                predecessor: name("kid"),
                successor: name("kitu"),
                on: day("2027-01-01"),
                source: "Fusionsgesetz".to_owned(),
            },
        ),
        Kind::Expulsion => {
            let last_good = vec![LastGood { log: log(), size: 7 }];
            statement(kind, &Expulsion { org: name("kid"), reason: "Austritt".to_owned(), last_good })
        }
        Kind::Membership => statement(kind, &membership("kid", "provitako", "2021-12-01")),
        Kind::EntityFacts => statement(kind, &entity_facts("kid")),
        Kind::Offering => statement(kind, &wohngeld()),
        Kind::RulePack => statement(kind, &rule_pack()),
        Kind::Tariff => statement(kind, &Tariff { org: name("kid"), version: 1, fee: fee("kid") }),
        Kind::Withdrawal => statement(
            kind,
            &Withdrawal {
                seller: name("dataport"),
                name: name("wohngeld"),
                version: 1,
                reason: "Betrieb eingestellt".to_owned(),
            },
        ),
        Kind::ConnectionReport => statement(
            kind,
            &ConnectionReport {
                municipality: name("barleben"),
                portal: "IKISS".to_owned(),
                offering: Some(federation().wohngeld),
                outcome: Some(Outcome::Passed),
                result: "läuft".to_owned(),
                reported_on: day("2026-05-01"),
                source: "Testverbund".to_owned(),
            },
        ),
        Kind::Need => statement(
            kind,
            &Need {
                municipality: name("barleben"),
                leika: vec![name("99107023017000")],
                note: "Wohngeld online".to_owned(),
                until: day("2027-03-31"),
                through: None,
            },
        ),
        _ => municipal(kind),
    }
}

fn leg() -> LegFinding {
    LegFinding {
        from: name("kitu"),
        to: name("kid"),
        as_of: day("2026-11-23"),
        verdict: Verdict::Fulfilled,
        basis: Some(Basis::JointInverse),
        assumed: false,
        evidence: vec![StatementId([4; 32])],
    }
}

fn milestone(order: OrderId, seal: StatementId, now: Timestamp) -> Milestone {
    Milestone {
        order,
        attempt: 1,
        seal,
        from: name("barleben"),
        number: 1,
        event: Event::Terminated { ends_on: now.date() },
        annex: Some(Hash([6; 32])),
        officer: name("einkauf"),
        signed_at: now,
        salt: salt("golden"),
    }
}

fn call_off(order: OrderId, seal: StatementId, now: Timestamp) -> CallOff {
    CallOff {
        order,
        attempt: 1,
        seal,
        from: name("kitu"),
        to: name("barleben"),
        need: StatementId([4; 32]),
        mandate: StatementId([6; 32]),
        offering: StatementId([5; 32]),
        provider: name("dataport"),
        term_years: 2,
        key: KeyKind::Inhabitants,
        weight: 9_000,
        weights: 40_000,
        total: cents(123_456),
        share: cents(27_778),
        leg: leg(),
        rule_pack: StatementId([7; 32]),
        procedure_began: day("2026-11-20"),
        award: Award::General,
        signed_at: now,
        salt: salt("golden"),
    }
}

fn message(kind: &Kind) -> Signed {
    let (order, attempt, now) = (OrderId([1; 16]), 1, start());
    let (prev, request, salt) = (StatementId([2; 32]), StatementId([3; 32]), salt("golden"));
    let later = now.plus_ms(3_600_000);
    let decline = || Decline {
        order,
        attempt,
        from: name("kid"),
        request,
        reason: "LEG_NOT_PROVEN".to_owned(),
        note: "Nachweis fehlt".to_owned(),
        annex: Some(Hash([6; 32])),
        signed_at: now,
        salt,
    };
    match kind {
        Kind::Request => statement(kind, &federation().request("golden", now)),
        Kind::Decision => statement(
            kind,
            &Decision {
                order,
                attempt,
                request,
                org: name("barleben"),
                approve: true,
                annex: Some(Hash([6; 32])),
                leg: None,
                officer: name("leitung"),
                signed_at: now,
                salt,
            },
        ),
        Kind::Endorse => statement(
            kind,
            &Endorse { order, attempt, from: name("kid"), prev, leg: leg(), decision: None, signed_at: now, salt },
        ),
        Kind::Accept => statement(
            kind,
            &Accept {
                order,
                attempt,
                from: name("kid"),
                prev,
                leg: leg(),
                components: wohngeld().price,
                decision: Some(request),
                binds_until: later,
                signed_at: now,
                salt,
            },
        ),
        Kind::Counter => statement(
            kind,
            &Counter {
                order,
                attempt,
                from: name("kid"),
                prev,
                components: fee("kid"),
                tariff: None,
                binds_until: later,
                signed_at: now,
                salt,
            },
        ),
        Kind::Reject | Kind::Decline => statement(kind, &decline()),
        Kind::Seal => statement(
            kind,
            &Seal {
                order,
                attempt,
                buyer: name("barleben"),
                chain: vec![request, prev],
                total: cents(123_456),
                agreed: vec![name("kid")],
                officer: Some(name("einkauf")),
                signed_at: now,
                salt,
            },
        ),
        Kind::Confirm => statement(
            kind,
            &Confirm {
                order,
                attempt,
                from: name("kid"),
                seal: prev,
                officer: name("leitung"),
                signed_at: now,
                salt,
            },
        ),
        Kind::Recall => statement(
            kind,
            &Recall {
                order,
                attempt,
                from: name("kid"),
                request,
                reason: "OFFERING_WITHDRAWN".to_owned(),
                note: String::new(),
                annex: Some(Hash([6; 32])),
                officer: Some(name("leitung")),
                signed_at: now,
                salt,
            },
        ),
        Kind::LateNotice => statement(
            kind,
            &LateNotice {
                order,
                attempt,
                buyer: name("barleben"),
                to: name("kid"),
                message: prev,
                void: request,
                signed_at: now,
                salt,
            },
        ),
        Kind::Reminder => statement(
            kind,
            &Reminder {
                order,
                attempt,
                org: name("barleben"),
                about: Pending::Seal,
                due: now,
                until: later,
                signed_at: now,
                salt,
            },
        ),
        Kind::Milestone => statement(kind, &milestone(order, request, now)),
        Kind::Settlement => statement(
            kind,
            &Settlement {
                order,
                attempt,
                seal: prev,
                from: name("barleben"),
                to: name("kid"),
                number: 1,
                about: vec![StatementId([4; 32]), prev],
                holds: Some(prev),
                terms: "Es gilt die erste Fassung".to_owned(),
                agrees: Some(request),
                officer: name("leitung"),
                signed_at: now,
                salt,
            },
        ),
        Kind::Erasure => statement(
            kind,
            &Erasure {
                order,
                attempt,
                from: name("kid"),
                number: 1,
                annexes: vec![Hash([6; 32])],
                ground: "Art. 17 Abs. 1 DSGVO".to_owned(),
                authority: "Datenschutzstelle".to_owned(),
                officer: name("leitung"),
                signed_at: now,
                salt,
            },
        ),
        Kind::Mandate => {
            let (org, need) = (name("barleben"), StatementId([4; 32]));
            statement(
                kind,
                &Mandate {
                    order: Mandate::matter(&org, &need),
                    attempt,
                    org,
                    to: name("kitu"),
                    need,
                    cap: cents(30_000),
                    until: day("2027-06-30"),
                    approves: Some(prev),
                    officer: name("leitung"),
                    signed_at: now,
                    salt,
                },
            )
        }
        Kind::CallOff => statement(kind, &call_off(order, request, now)),
        Kind::Void => statement(
            kind,
            &Void {
                order,
                attempt,
                buyer: name("barleben"),
                request,
                reason: VoidReason::PriceTooHigh,
                officer: None,
                signed_at: now,
                salt,
            },
        ),
        Kind::Receipt => statement(
            kind,
            &Receipt {
                order,
                attempt,
                from: name("kid"),
                message: prev,
                log: log(),
                size: 42,
                received_at: now,
                salt,
            },
        ),
        _ => statement(
            kind,
            &Access { org: name("barleben"), officer: name("einkauf"), node: name("kitu"), signed_at: now, salt },
        ),
    }
}

fn golden() -> String {
    let mut text = String::new();
    for kind in Kind::ALL {
        let signed = if kind.is_public() { public(kind) } else { message(kind) };
        Body::read(&signed).expect("a body of its kind");
        let pae = std::str::from_utf8(signed.pae()).expect("text");
        assert!(!pae.contains('\n'), "one statement per line");
        writeln!(text, "{kind}\n  {}\n  {pae}", signed.id()).expect("into memory");
    }
    let mut said = Subjects::default();
    said.note(0, "organisation/kid", StatementId([8; 32]));
    let seal = message(&Kind::Seal);
    let tag = OutcomeTag::derive(&Kind::Seal, OrderId([1; 16]), 1, &salt("golden"));
    for (what, signed, audience, outcome) in [
        ("leaf of a public statement", public(&Kind::Offering), Audience::Public, NO_OUTCOME),
        ("leaf with several signatures", founding(&Kind::Admission), Audience::Public, NO_OUTCOME),
        ("leaf of a seal", seal, Audience::Parties, tag),
    ] {
        let leaf = Leaf::new(&signed, audience, outcome);
        let bytes = hex::encode(leaf.to_bytes(said.digest()));
        writeln!(text, "{what}\n  {}\n  {bytes}", leaf.hash(said.digest())).expect("into memory");
    }
    text
}

#[test]
fn statements_and_leaves_keep_their_bytes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden.txt");
    let found = golden();
    if std::env::var_os("VERBUND_BLESS").is_some() {
        std::fs::write(&path, &found).expect("a writable file");
    }
    let pinned = std::fs::read_to_string(&path).expect("the pinned bytes; VERBUND_BLESS=1 writes them");
    for (found, pinned) in found.lines().zip(pinned.lines()) {
        assert_eq!(found, pinned);
    }
    assert_eq!(found.lines().count(), pinned.lines().count());
}
