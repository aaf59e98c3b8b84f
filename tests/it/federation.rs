//! The federation of the tests: six nodes, nine organisations, one chain of five legs in each direction.
//!
//! Every key comes from a label, so every byte is the same in every run. Must never be used outside tests: whoever
//! knows the labels holds the keys.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use verbund::domain::facts::{
    ActivityBasis, BasisPoints, EntityFacts, Group, Membership, PrivateCapital, Relation, Turnover,
};
use verbund::domain::grounds::Grounds;
use verbund::domain::id::{Hash, NodeId, OfficerName, OrderId, OrgId, Origin, StatementId, sha256};
use verbund::domain::law::{Award, Verdict};
use verbund::domain::money::Cents;
use verbund::domain::offering::Offering;
use verbund::domain::order::{
    Attempt, AutoSeal, Decision, LegFinding, Mode, Recall, Request, Seal, Void, VoidReason,
};
use verbund::domain::price::{Component, CostItem, Due, Key, KeyKind, Part, Quantities, Terms, Weight};
use verbund::domain::route::Route;
use verbund::domain::rule_pack::RulePack;
use verbund::domain::salt::Salt;
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::time::{Date, Timestamp, parse_date};
use verbund::domain::trust::{OfficerRole, WitnessPolicy};
use verbund::protocol::founding::{NodePlan, OfficerPlan, OrgPlan, Plan, found};
use verbund::protocol::settings::{Deciding, Instance, NodeKeys, Policy, Settings};

/// The nodes and whom they host, the operator first.
pub const NODES: [(&str, &[&str]); 6] = [
    ("kitu", &["kitu", "barleben", "halberstadt"]),
    ("kid", &["kid"]),
    ("provitako", &["provitako"]),
    ("govdigital", &["govdigital"]),
    ("dataport", &["dataport"]),
    ("akdb", &["akdb", "feldafing"]),
];

/// Barleben's way to Dataport.
pub const CHAIN: [&str; 6] = ["barleben", "kitu", "kid", "provitako", "govdigital", "dataport"];

/// Feldafing's way to KITU.
pub const REVERSE: [&str; 6] = ["feldafing", "akdb", "govdigital", "provitako", "kid", "kitu"];

/// Who belongs to whom, since when.
pub const MEMBERS: [(&str, &str, &str); 8] = [
    ("barleben", "kitu", "2009-12-22"),
    ("halberstadt", "kitu", "2009-12-22"),
    ("kid", "kitu", "2009-12-22"),
    ("kid", "provitako", "2021-12-01"),
    ("provitako", "govdigital", "2020-01-01"),
    ("dataport", "govdigital", "2019-12-12"),
    ("akdb", "govdigital", "2019-12-12"),
    ("feldafing", "akdb", "2007-01-01"),
];

/// Officers: organisation, office, roles, limit in cents, last day.
const OFFICERS: [(&str, &str, &[OfficerRole], i64, &str); 11] = [
    ("barleben", "einkauf", &[OfficerRole::Buyer, OfficerRole::Publisher], HIGH, "2030-12-31"),
    ("barleben", "leitung", &[OfficerRole::Approver], HIGH, "2030-12-31"),
    ("barleben", "sachgebiet", &[OfficerRole::Buyer, OfficerRole::Approver], LOW, "2030-12-31"),
    ("barleben", "frueher", &[OfficerRole::Buyer], HIGH, "2025-12-31"),
    ("feldafing", "einkauf", &[OfficerRole::Buyer, OfficerRole::Publisher], HIGH, "2030-12-31"),
    ("kid", "leitung", &[OfficerRole::Approver], HIGH, "2030-12-31"),
    ("provitako", "leitung", &[OfficerRole::Approver], HIGH, "2030-12-31"),
    ("dataport", "vertrieb", &[OfficerRole::Publisher], HIGH, "2030-12-31"),
    ("kitu", "pruefung", &[OfficerRole::Auditor], HIGH, "2030-12-31"),
    ("kitu", "einkauf", &[OfficerRole::Buyer], HIGH, "2030-12-31"),
    ("halberstadt", "einkauf", &[OfficerRole::Buyer], HIGH, "2030-12-31"),
];

const HIGH: i64 = 10_000_000;
const LOW: i64 = 10_000;

/// What the orders of the tests may cost at most, in cents.
pub const TOTAL_MAX: i64 = 1_000_000;

/// When every world begins.
pub const START: &str = "2026-11-23T10:00:00Z";

/// How a node begins.
pub struct Begun {
    /// First statements of its log.
    pub genesis: Vec<Signed>,
    /// Facts and offerings of those it hosts.
    pub published: Vec<Signed>,
    /// Its log.
    pub origin: Origin,
    /// Its operator.
    pub operator: OrgId,
    /// Whom it hosts.
    pub hosts: BTreeSet<OrgId>,
}

/// The federation.
pub struct Federation {
    /// The root hash.
    pub anchor: StatementId,
    /// The rule pack in force.
    pub rule_pack: StatementId,
    /// The nodes.
    pub nodes: BTreeMap<NodeId, Begun>,
    /// Dataport's offering.
    pub wohngeld: StatementId,
    /// KITU's offering.
    pub geburtsurkunde: StatementId,
}

/// A name that is known to be good.
pub fn name<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().expect("a good name")
}

/// The key behind a label.
pub fn key(label: &str) -> SecretKey {
    SecretKey::from_seed(&sha256(format!("verbund test key/{label}").as_bytes()))
}

/// The key of an officer.
pub fn officer_key(org: &str, officer: &str) -> SecretKey {
    key(&format!("officer/{org}/{officer}"))
}

/// The statement key of an organisation.
pub fn statement_key(org: &str) -> SecretKey {
    key(&format!("org/{org}/statement"))
}

/// The first moment.
pub fn start() -> Timestamp {
    START.parse().expect("RFC 3339")
}

pub fn day(text: &str) -> Date {
    parse_date(text).expect("a date")
}

pub fn cents(value: i64) -> Cents {
    Cents::try_from(value).expect("within limits")
}

/// Salt that follows from a text.
pub fn salt(text: &str) -> Salt {
    Salt(sha256(text.as_bytes())[..16].try_into().expect("16 bytes"))
}

/// The federation, made once per process.
pub fn federation() -> &'static Federation {
    static FEDERATION: OnceLock<Federation> = OnceLock::new();
    FEDERATION.get_or_init(make)
}

fn make() -> Federation {
    let founding = found(plan(), &mut |label| key(label));
    let wohngeld = Signed::sign(&Kind::Offering, &wohngeld(), &[&statement_key("dataport")]);
    let geburtsurkunde = Signed::sign(&Kind::Offering, &geburtsurkunde(), &[&statement_key("kitu")]);
    let offerings = (wohngeld.id(), geburtsurkunde.id());
    let facts = facts();
    let nodes = founding.nodes.into_iter().map(|(node, founded)| {
        let published = facts.iter().filter(|(org, _)| founded.hosts.contains(org)).map(|(_, fact)| fact.clone());
        let mut published: Vec<Signed> = published.collect();
        match node.as_str() {
            "dataport" => published.push(wohngeld.clone()),
            "kitu" => published.push(geburtsurkunde.clone()),
            _ => {}
        }
        let begun = Begun {
            genesis: founded.genesis,
            published,
            origin: founded.origin,
            operator: founded.operator,
            hosts: founded.hosts,
        };
        (node, begun)
    });
    Federation {
        anchor: founding.anchor,
        rule_pack: founding.rule_pack,
        nodes: nodes.collect(),
        wohngeld: offerings.0,
        geburtsurkunde: offerings.1,
    }
}

fn plan() -> Plan {
    let nodes = NODES.map(|(node, orgs)| NodePlan {
        node: name(node),
        operator: name(node),
        addresses: vec![format!("{node}.example:7600")],
        tls_sha256: Hash::of(node.as_bytes()),
        orgs: orgs.iter().map(|org| org_plan(org)).collect(),
    });
    let witnesses = NODES.map(|(node, _)| name(node));
    Plan {
        federation: name("probe"),
        trustees: ["bund", "laender", "kommunen"].map(str::to_owned).into(),
        threshold: 2,
        witnesses: WitnessPolicy {
            quorum: u32::try_from(WitnessPolicy::quorum_of(witnesses.len())).expect("small"),
            nodes: witnesses.into(),
        },
        rule_packs: vec![rule_pack()],
        nodes: nodes.into(),
    }
}

/// Section 108 GWB as the tests apply it.
pub fn rule_pack() -> RulePack {
    RulePack { name: name("gwb-108"), valid_to: None, ..shipped_pack("2016") }
}

/// A rule pack of the demonstration: that of the old text (2016) or of the new one (2026).
pub fn shipped_pack(year: &str) -> RulePack {
    let nodes = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes");
    verbund::config::rule_packs::read_rule_pack(&nodes.join(format!("gwb-108-{year}.toml"))).expect("a rule pack")
}

fn org_plan(org: &str) -> OrgPlan {
    let area = match org {
        "barleben" => Some("150830040040"),
        "halberstadt" => Some("150850135135"),
        "feldafing" => Some("091880118118"),
        _ => None,
    };
    let officers = OFFICERS.iter().filter(|(of, ..)| *of == org);
    OrgPlan {
        id: name(org),
        name: org.to_owned(),
        legal_form: if area.is_some() { "Gemeinde" } else { "eG" }.to_owned(),
        area: area.map(name),
        inhabitants: area.map(|_| 9_000),
        portal: None,
        source: "Testverbund".to_owned(),
        officers: officers
            .map(|(_, officer, roles, limit, valid_to)| OfficerPlan {
                name: name(officer),
                device: name("tafel"),
                roles: roles.iter().copied().collect(),
                limit: cents(*limit),
                limit_per_year: None,
                valid_from: day("2020-01-01"),
                valid_to: day(valid_to),
            })
            .collect(),
    }
}

/// Every fact with the organisation that signs it.
fn facts() -> Vec<(OrgId, Signed)> {
    let mut facts = Vec::new();
    for (member, of, since) in MEMBERS {
        let fact = membership(member, of, since);
        facts.push((name(of), Signed::sign(&Kind::Membership, &fact, &[&statement_key(of)])));
    }
    for org in NODES.iter().flat_map(|(_, orgs)| orgs.iter()) {
        // Shares measured for awards of 2021, which some stories look back on, and for those of today.
        for activity_years in [vec![2018, 2019, 2020], vec![2023, 2024, 2025]] {
            let fact = EntityFacts { activity_years, ..entity_facts(org) };
            facts.push((name(org), Signed::sign(&Kind::EntityFacts, &fact, &[&statement_key(org)])));
        }
    }
    facts
}

/// A membership that carries joint control.
pub fn membership(member: &str, of: &str, since: &str) -> Membership {
    Membership {
        member: name(member),
        of: name(of),
        relation: Relation::CooperativeMember,
        share: None,
        votes: None,
        sole: false,
        represented_by: None,
        decisive_influence: None,
        entrustment: None,
        scope: None,
        volume: None,
        cooperation: None,
        modification: None,
        procedure: None,
        revoked: false,
        seat: Some(true),
        valid_from: day(since),
        valid_to: None,
        known_from: day(since),
        source: "Testverbund".to_owned(),
        assumed: false,
        corrects: None,
    }
}

/// Facts under which every leg of the chains is fulfilled.
pub fn entity_facts(org: &str) -> EntityFacts {
    EntityFacts {
        org: name(org),
        legal_form: "eG".to_owned(),
        contracting_authority: Some(2),
        sector: None,
        central_purchasing: None,
        reorganised_on: None,
        private_share: None,
        activity_share: Some(BasisPoints::try_from(9_500).expect("a share")),
        activity_basis: Some(ActivityBasis::Turnover),
        activity_years: vec![2023, 2024, 2025],
        private_capital: Some(PrivateCapital::None),
        joint_influence: Some(true),
        group: Some(Group { turnover: Turnover::Consolidated, bodies: Vec::new() }),
        nature: None,
        all_represented: Some(true),
        remit_since: None,
        confirms: Vec::new(),
        contrary_interests: Some(false),
        valid_from: day("2005-01-01"),
        valid_to: None,
        known_from: day("2005-01-01"),
        source: "Testverbund".to_owned(),
        assumed: false,
        corrects: None,
    }
}

/// Barleben's and Feldafing's ways of every length but five, and one of six legs in each direction.
pub const WAYS: [&[&str]; 11] = [
    &["barleben", "kitu"],
    &["barleben", "kitu", "kid"],
    &["barleben", "kitu", "kid", "provitako"],
    &["barleben", "kitu", "kid", "provitako", "govdigital"],
    &["barleben", "kitu", "kid", "provitako", "govdigital", "akdb"],
    &["barleben", "kitu", "kid", "provitako", "govdigital", "akdb", "feldafing"],
    &["feldafing", "akdb"],
    &["feldafing", "akdb", "govdigital"],
    &["feldafing", "akdb", "govdigital", "dataport"],
    &["feldafing", "akdb", "govdigital", "provitako", "kid"],
    &["feldafing", "akdb", "govdigital", "provitako", "kid", "kitu", "barleben"],
];

/// Who sells at the end of those ways, beside Dataport and KITU. Only worlds of the simulator hold these offerings.
const FURTHER_SELLERS: [&str; 6] = ["kid", "provitako", "govdigital", "akdb", "feldafing", "barleben"];

/// Their offerings, by seller: Wohngeld under another name.
pub fn further_offerings() -> BTreeMap<OrgId, Signed> {
    let offer = |seller: &str| {
        let offering = Offering { name: name("weiteres"), seller: name(seller), ..wohngeld() };
        (name(seller), Signed::sign(&Kind::Offering, &offering, &[&statement_key(seller)]))
    };
    FURTHER_SELLERS.into_iter().map(offer).collect()
}

fn component(item: CostItem, due: Due, value: i64) -> Component {
    Component::new(item, due, cents(value), "")
}

/// Version 1 of Dataport's offering: 1,000 € once and 500 € a year.
pub fn wohngeld() -> Offering {
    Offering {
        name: name("wohngeld"),
        version: 1,
        seller: name("dataport"),
        title: "Wohngeld".to_owned(),
        description: "Antrag auf Wohngeld".to_owned(),
        leika: vec![name("99107023017000")],
        ozg: Some(name("10092")),
        leika_types: Vec::new(),
        topic: "Bauen & Wohnen".to_owned(),
        lead_land: Some("SH".to_owned()),
        efa_confirmed: true,
        coverage: vec![name("*")],
        maturity: None,
        connection: vec!["fit-connect".to_owned()],
        portals: Vec::new(),
        specialised_systems: Vec::new(),
        price: vec![
            component(CostItem::Connection, Due::Once, 100_000),
            component(CostItem::Operation, Due::PerYear, 50_000),
        ],
        requires: Vec::new(),
        dvdv: Vec::new(),
        sovereignty: None,
        references: Vec::new(),
        not_included: Vec::new(),
        term_years_min: 1,
        notice_days: None,
        valid_from: day("2026-01-01"),
        valid_to: None,
        source: "Testverbund".to_owned(),
        assumed: Vec::new(),
    }
}

/// Version 1 of KITU's offering: 1,000 € once, 1,500 € a year shared by inhabitants among Barleben, Halberstadt and
/// whoever joins, and 10 cents a use, at least 500 uses a year.
pub fn geburtsurkunde() -> Offering {
    let party = |org: &str| Weight { party: name(org), weight: Some(9_000) };
    let key = Key {
        kind: KeyKind::Inhabitants,
        group: String::new(),
        year: 2024,
        source: "Testverbund".to_owned(),
        parties: vec![party("barleben"), party("halberstadt")],
        open: true,
    };
    let split = vec![Part { share: BasisPoints::try_from(10_000).expect("a share"), key }];
    let shared = Terms { split, ..Terms::default() };
    let uses = Terms { uses_min: Some(500), ..Terms::default() };
    Offering {
        name: name("geburtsurkunde"),
        seller: name("kitu"),
        title: "Geburtsurkunde".to_owned(),
        description: "Urkunden aus dem Geburtenregister".to_owned(),
        leika: vec![name("99027001012000")],
        topic: "Familie & Kind".to_owned(),
        lead_land: Some("ST".to_owned()),
        price: vec![
            component(CostItem::Connection, Due::Once, 100_000),
            Component { terms: Some(shared), ..component(CostItem::Operation, Due::PerYear, 150_000) },
            Component { terms: Some(uses), ..component(CostItem::Usage, Due::PerUse, 10) },
        ],
        ..wohngeld()
    }
}

/// What the hops charge: 10 € and the node's number in € a year.
pub fn fee(org: &str) -> Vec<Component> {
    let number = NODES.iter().position(|(node, _)| *node == org).map_or(0, |at| at as i64);
    vec![component(CostItem::Brokering, Due::PerYear, 1_000 + 100 * number)]
}

impl Federation {
    /// Settings of a node; every operator brokers by rule.
    pub fn settings(&self, node: &NodeId) -> Settings {
        let begun = &self.nodes[node];
        let policy =
            Policy { deciding: Deciding::Rule { accept_assumed: true, total_max: None }, fee: fee(node.as_str()) };
        Settings {
            instance: Instance(sha256(node.as_str().as_bytes())[..16].try_into().expect("16 bytes")),
            is_new_store: false,
            anchors: NODES.iter().map(|(other, _)| name(other)).filter(|other| other != node).collect(),
            alone: false,
            deposits: false,
            anchor: self.anchor,
            origin: begun.origin.clone(),
            operator: begun.operator.clone(),
            hosts: begun.hosts.clone(),
            policies: [(begun.operator.clone(), policy)].into(),
        }
    }

    /// The keys a node holds.
    pub fn keys(&self, node: &NodeId) -> NodeKeys {
        let hosts = &self.nodes[node].hosts;
        NodeKeys {
            log: vec![key(&format!("node/{node}/log"))],
            witness: vec![key(&format!("node/{node}/witness"))],
            statements: hosts.iter().map(|org| (org.clone(), vec![statement_key(org.as_str())])).collect(),
            tls: Vec::new(),
        }
    }

    /// The node an organisation is at home at.
    pub fn home(&self, org: &OrgId) -> NodeId {
        let found = self.nodes.iter().find(|(_, begun)| begun.hosts.contains(org));
        found.map(|(node, _)| node.clone()).expect("every organisation has a home")
    }

    /// Barleben orders Wohngeld from Dataport, to be sealed by itself.
    pub fn request(&self, request_id: &str, now: Timestamp) -> Request {
        self.request_along(&CHAIN, self.wohngeld, request_id, now)
    }

    /// Feldafing orders Geburtsurkunde from KITU and expects 800 uses a year.
    pub fn reverse_request(&self, request_id: &str, now: Timestamp) -> Request {
        let request = self.request_along(&REVERSE, self.geburtsurkunde, request_id, now);
        Request { quantities: Quantities { uses: Some(800), target_group: None }, ..request }
    }

    /// An order along one of [`WAYS`] or the two chains, for what its last party sells.
    pub fn request_by(&self, way: &[&str], request_id: &str, now: Timestamp) -> Request {
        match way[way.len() - 1] {
            "dataport" => self.request_along(way, self.wohngeld, request_id, now),
            "kitu" => {
                let request = self.request_along(way, self.geburtsurkunde, request_id, now);
                Request { quantities: Quantities { uses: Some(800), target_group: None }, ..request }
            }
            seller => self.request_along(way, further_offerings()[&name::<OrgId>(seller)].id(), request_id, now),
        }
    }

    /// An order along a route: four years, binding, sealed by itself, a day to quote and two to seal.
    pub fn request_along(&self, route: &[&str], offering: StatementId, request_id: &str, now: Timestamp) -> Request {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        let buyer: OrgId = name(route[0]);
        Request {
            order: OrderId::derive(&buyer, request_id),
            attempt: 1,
            request_id: request_id.to_owned(),
            mode: Mode::Binding,
            buyer,
            offering,
            route: Route::new(route.iter().map(|party| name(party)).collect()).expect("a route"),
            as_of: now.date(),
            procedure_began: None,
            rule_pack: self.rule_pack,
            award: Award::General,
            term_years: 4,
            total_max: cents(TOTAL_MAX),
            quote_by: now.plus_ms(DAY_MS),
            seal_by: now.plus_ms(2 * DAY_MS),
            auto_seal: Some(AutoSeal { accept_assumed: false }),
            quantities: Quantities::default(),
            reference: String::new(),
            considered: Vec::new(),
            amends: None,
            gathered: None,
            grounds: Grounds::default(),
            annex: None,
            officer: name("einkauf"),
            signed_at: now,
            salt: salt(request_id),
        }
    }
}

/// Signs a request as its officer would.
pub fn sign_request(request: &Request) -> Signed {
    sign_as(&Kind::Request, request, request.buyer.as_str(), request.officer.as_str())
}

/// Signs anything with an officer's key.
pub fn sign_as<T: serde::Serialize>(kind: &Kind, body: &T, org: &str, officer: &str) -> Signed {
    Signed::sign(kind, body, &[&officer_key(org, officer)])
}

/// An officer's decision on a request.
pub fn decision(request: &Signed, body: &Request, org: &str, officer: &str, approve: bool, now: Timestamp) -> Signed {
    let decision = Decision {
        order: body.order,
        attempt: body.attempt,
        request: request.id(),
        org: name(org),
        approve,
        annex: None,
        leg: (body.buyer.as_str() == org).then(|| own_leg(body)),
        officer: name::<OfficerName>(officer),
        signed_at: now,
        salt: salt(&format!("{org}/{officer}/{now}")),
    };
    sign_as(&Kind::Decision, &decision, org, officer)
}

/// How an officer of the buyer found the leg that it awards.
pub fn own_leg(request: &Request) -> LegFinding {
    let parties = request.route.parties();
    LegFinding {
        from: parties[0].clone(),
        to: parties[1].clone(),
        as_of: request.as_of,
        verdict: Verdict::Fulfilled,
        basis: None,
        assumed: false,
        evidence: Vec::new(),
    }
}

/// The seal of an officer over a complete chain.
pub fn seal(attempt: &Attempt, officer: &str, now: Timestamp) -> Signed {
    let request = attempt.request.body();
    let seal = Seal {
        order: request.order,
        attempt: request.attempt,
        buyer: request.buyer.clone(),
        chain: attempt.chain().expect("a complete chain"),
        total: attempt.total().expect("a price"),
        agreed: Vec::new(),
        officer: Some(name(officer)),
        signed_at: now,
        salt: salt(&format!("seal/{officer}/{now}")),
    };
    sign_as(&Kind::Seal, &seal, request.buyer.as_str(), officer)
}

/// The officer who ordered cancels.
pub fn cancel(request: &Signed, body: &Request, now: Timestamp) -> Signed {
    end(request, body, VoidReason::Cancelled, now)
}

/// The next attempt of an order, on the same terms and with as much time.
pub fn next_attempt(before: &Request, now: Timestamp) -> Request {
    let later = |at: Timestamp| now.plus_ms(at.since_ms(before.signed_at));
    Request {
        attempt: before.attempt + 1,
        quote_by: later(before.quote_by),
        seal_by: later(before.seal_by),
        signed_at: now,
        salt: salt(&format!("{}/{}", before.request_id, before.attempt + 1)),
        ..before.clone()
    }
}

/// A party takes back what it has promised.
pub fn recall(request: &Signed, body: &Request, org: &str, officer: &str, now: Timestamp) -> Signed {
    let recall = Recall {
        order: body.order,
        attempt: body.attempt,
        from: name(org),
        request: request.id(),
        reason: "OFFERING_WITHDRAWN".to_owned(),
        note: String::new(),
        annex: None,
        officer: Some(name(officer)),
        signed_at: now,
        salt: salt(&format!("recall/{org}/{now}")),
    };
    sign_as(&Kind::Recall, &recall, org, officer)
}

/// The officer who ordered ends an attempt.
pub fn end(request: &Signed, body: &Request, reason: VoidReason, now: Timestamp) -> Signed {
    let void = Void {
        order: body.order,
        attempt: body.attempt,
        buyer: body.buyer.clone(),
        request: request.id(),
        reason,
        officer: Some(body.officer.clone()),
        signed_at: now,
        salt: salt(&format!("void/{now}")),
    };
    sign_as(&Kind::Void, &void, body.buyer.as_str(), body.officer.as_str())
}
