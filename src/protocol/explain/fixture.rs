//! For tests: one node that hosts a town, its cooperative and a provider, so that a whole order runs in one step.
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::grounds::Grounds;
use crate::domain::id::{Hash, OfficerName, OrderId, OrgId, StatementId};
use crate::domain::law::tests::{World, day, org};
use crate::domain::law::{Award, Verdict};
use crate::domain::money::Cents;
use crate::domain::offering::Offering;
use crate::domain::order::{Access, Decision, Endorse, LegFinding, Mode, Request, Seal, Void, VoidReason};
use crate::domain::price::{Component, CostItem, Due, Quantities};
use crate::domain::reason::Refusal;
use crate::domain::route::Route;
use crate::domain::salt::Salt;
use crate::domain::signing::SecretKey;
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::Timestamp;
use crate::domain::trust::{OfficerRole, WitnessPolicy};
use crate::protocol::founding::{NodePlan, OfficerPlan, OrgPlan, Plan, found};
use crate::protocol::settings::{Deciding, Dice, Instance, Policy, Settings};
use crate::protocol::{Answer, Effect, Input, Node, RequestId};

/// Time from request to quote deadline.
pub(crate) const QUOTE_MS: i64 = 10 * 24 * 60 * 60 * 1000;

/// A node with three organisations and one offering.
pub(crate) struct Town {
    pub(crate) node: Node,
    pub(crate) now: Timestamp,
    pub(crate) pack: StatementId,
    pub(crate) offering: StatementId,
    officers: BTreeMap<(OrgId, OfficerName), SecretKey>,
}

struct Counting(u8);

impl Dice for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
    }
}

/// A hop that lets a rule decide, and charges nothing.
pub(crate) fn by_rule() -> Policy {
    Policy { deciding: Deciding::Rule { accept_assumed: true, total_max: None }, fee: Vec::new() }
}

/// A hop whose officer decides within eight days.
pub(crate) fn by_officer() -> Policy {
    Policy { deciding: Deciding::Officer { within_ms: 8 * QUOTE_MS / 10 }, fee: Vec::new() }
}

fn officer(name: &str, roles: &[OfficerRole], limit: i64) -> OfficerPlan {
    OfficerPlan {
        device: "arbeitsplatz".parse().expect("a good name"),
        limit_per_year: None,
        name: name.parse().expect("a name"),
        roles: roles.iter().copied().collect(),
        limit: Town::cents(limit),
        valid_from: day("2026-01-01"),
        valid_to: day("2027-12-31"),
    }
}

fn org_plan(name: &str, area: Option<&str>) -> OrgPlan {
    OrgPlan {
        id: org(name),
        name: format!("{name} im Test"),
        legal_form: "eG".to_owned(),
        area: area.map(|area| area.parse().expect("an area")),
        inhabitants: None,
        portal: None,
        source: "Test".to_owned(),
        officers: vec![
            officer("einkauf", &[OfficerRole::Buyer], 1_000_000),
            officer("leitung", &[OfficerRole::Approver], 100_000_000),
        ],
    }
}

fn secret(label: &str) -> SecretKey {
    SecretKey::from_seed(&Hash::of(label.as_bytes()).0)
}

impl Town {
    pub(crate) fn cents(cents: i64) -> Cents {
        Cents::try_from(cents).expect("an amount")
    }

    pub(crate) fn statement_key(of: &str) -> SecretKey {
        secret(&format!("org/{of}/statement"))
    }

    pub(crate) fn new(hop: Policy) -> Self {
        let mut world = World::on("2026-11-23");
        world.member("town", "kitu", "2010-01-01", |_| ());
        world.member("kitu", "provider", "2010-01-01", |_| ());
        for name in ["town", "kitu", "provider"] {
            world.entity(name, |_| ());
        }
        let plan = Plan {
            federation: org("test"),
            trustees: vec!["Vorsitz".to_owned()],
            threshold: 1,
            witnesses: WitnessPolicy { nodes: vec!["kitu".parse().expect("a name")], quorum: 1 },
            rule_packs: vec![world.pack.clone()],
            nodes: vec![NodePlan {
                node: "kitu".parse().expect("a name"),
                operator: org("kitu"),
                addresses: vec!["localhost:1".to_owned()],
                tls_sha256: Hash([7; 32]),
                orgs: vec![
                    org_plan("kitu", None),
                    org_plan("provider", None),
                    org_plan("loner", None),
                    org_plan("town", Some("150830040040")),
                ],
            }],
        };
        let mut founding = found(plan, &mut secret);
        let founded = founding.nodes.pop_first().expect("one node").1;
        let settings = Settings {
            instance: Instance([1; 16]),
            is_new_store: true,
            anchors: BTreeSet::new(),
            alone: false,
            deposits: false,
            anchor: founding.anchor,
            origin: founded.origin,
            operator: founded.operator,
            hosts: founded.hosts,
            policies: [(org("kitu"), hop), (org("provider"), by_rule())].into(),
        };
        let key = |org: &OrgId| Self::statement_key(org.as_str());
        let node = Node::new(settings, founded.keys, Box::new(Counting(0)));
        let mut town = Self {
            node,
            now: "2026-11-23T10:00:00Z".parse().expect("a time"),
            pack: founding.rule_pack,
            offering: StatementId([0; 32]),
            officers: founding.officers,
        };
        town.step(Input::Started);
        town.reply(Input::Found(RequestId(0), founded.genesis)).expect("a good beginning");
        for fact in world.facts.memberships.values() {
            town.publish(&Signed::sign(&Kind::Membership, fact, &[&key(&fact.of)])).expect("a good fact");
        }
        for fact in world.facts.entities.values() {
            town.publish(&Signed::sign(&Kind::EntityFacts, fact, &[&key(&fact.org)])).expect("a good fact");
        }
        let offering = Signed::sign(&Kind::Offering, &offering(), &[&key(&org("provider"))]);
        town.publish(&offering).expect("a good offering");
        town.offering = offering.id();
        town
    }

    fn step(&mut self, input: Input) -> Vec<Effect> {
        self.node.step(input, self.now).then
    }

    fn reply(&mut self, input: Input) -> Result<Answer, Refusal> {
        let replies = self.step(input).into_iter().find_map(|effect| match effect {
            Effect::Reply(_, answer) => Some(answer),
            _ => None,
        });
        replies.expect("every request is answered")
    }

    pub(crate) fn publish(&mut self, signed: &Signed) -> Result<Answer, Refusal> {
        self.reply(Input::Publish(RequestId(1), signed.clone()))
    }

    pub(crate) fn wake(&mut self, at: Timestamp) {
        self.now = at;
        self.step(Input::Woken);
    }

    pub(crate) fn key(&self, of: &str, officer: &str) -> &SecretKey {
        &self.officers[&(org(of), officer.parse().expect("a name"))]
    }

    pub(crate) fn request(&self, request_id: &str, edit: impl FnOnce(&mut Request)) -> Signed {
        let mut request = Request {
            order: OrderId::derive(&org("town"), request_id),
            attempt: 1,
            request_id: request_id.to_owned(),
            mode: Mode::Binding,
            buyer: org("town"),
            offering: self.offering,
            route: Route::new(vec![org("town"), org("kitu"), org("provider")]).expect("a route"),
            as_of: self.now.date(),
            procedure_began: None,
            rule_pack: self.pack,
            award: Award::General,
            term_years: 2,
            total_max: Self::cents(900_000),
            quote_by: self.now.plus_ms(QUOTE_MS),
            seal_by: self.now.plus_ms(2 * QUOTE_MS),
            auto_seal: None,
            quantities: Quantities::default(),
            reference: String::new(),
            considered: Vec::new(),
            amends: None,
            gathered: None,
            grounds: Grounds::default(),
            annex: None,
            officer: "einkauf".parse().expect("a name"),
            signed_at: self.now,
            salt: Salt([1; 16]),
        };
        edit(&mut request);
        Signed::sign(&Kind::Request, &request, &[self.key("town", "einkauf")])
    }

    pub(crate) fn hand_in(&mut self, signed: &Signed) -> Result<Answer, Refusal> {
        self.reply(Input::Officer(RequestId(2), signed.clone()))
    }

    pub(crate) fn order(&mut self, request_id: &str, edit: impl FnOnce(&mut Request)) -> OrderId {
        let signed = self.request(request_id, edit);
        match self.hand_in(&signed) {
            Ok(Answer::Order(order)) => order,
            other => panic!("not an order: {other:?}"),
        }
    }

    pub(crate) fn decide(&mut self, order: OrderId, of: &str, name: &str, approve: bool) -> Result<Answer, Refusal> {
        let decision = Decision {
            order,
            attempt: 1,
            request: self.node.state().orders[&order].attempts[&1].request.id(),
            org: org(of),
            approve,
            annex: None,
            leg: (of == "town").then(|| LegFinding {
                from: org("town"),
                to: org("kitu"),
                as_of: self.now.date(),
                verdict: Verdict::Fulfilled,
                basis: None,
                assumed: false,
                evidence: Vec::new(),
            }),
            officer: name.parse().expect("a name"),
            signed_at: self.now,
            salt: Salt([2; 16]),
        };
        let signed = Signed::sign(&Kind::Decision, &decision, &[self.key(of, name)]);
        self.reply(Input::Officer(RequestId(3), signed))
    }

    pub(crate) fn seal(&mut self, order: OrderId) -> Result<Answer, Refusal> {
        self.seal_at(order, self.now)
    }

    /// Sealed by a clock that differs a little.
    pub(crate) fn seal_at(&mut self, order: OrderId, signed_at: Timestamp) -> Result<Answer, Refusal> {
        let attempt = &self.node.state().orders[&order].attempts[&1];
        let seal = Seal {
            order,
            attempt: 1,
            buyer: org("town"),
            chain: attempt.chain()?,
            total: attempt.total()?,
            agreed: Vec::new(),
            officer: Some("einkauf".parse().expect("a name")),
            signed_at,
            salt: Salt([3; 16]),
        };
        let signed = Signed::sign(&Kind::Seal, &seal, &[self.key("town", "einkauf")]);
        self.reply(Input::Officer(RequestId(4), signed))
    }

    /// The cooperative contradicts what it has said on the way, after the seal.
    pub(crate) fn contradict(&mut self, order: OrderId) -> StatementId {
        let attempt = &self.node.state().orders[&order].attempts[&1];
        let said =
            attempt.endorsements.values().find(|said| said.body().from == org("kitu")).expect("it has endorsed");
        let other = Endorse { salt: Salt([9; 16]), ..said.body().clone() };
        let other = Signed::sign(&Kind::Endorse, &other, &[&Self::statement_key("kitu")]);
        let id = other.id();
        self.node.state.keep(other).expect("it is kept as evidence");
        id
    }

    /// The buyer's officer ends the newest attempt, for another route.
    pub(crate) fn reroute(&mut self, order: OrderId) -> Result<Answer, Refusal> {
        let request = &self.node.state().orders[&order].current().expect("an attempt").request;
        let void = Void {
            order,
            attempt: request.body().attempt,
            buyer: org("town"),
            request: request.id(),
            reason: VoidReason::Rerouted,
            officer: Some("einkauf".parse().expect("a name")),
            signed_at: self.now,
            salt: Salt([5; 16]),
        };
        let signed = Signed::sign(&Kind::Void, &void, &[self.key("town", "einkauf")]);
        self.reply(Input::Officer(RequestId(5), signed))
    }

    /// An officer's proof of identity for this node.
    pub(crate) fn access(&self, of: &str, name: &str) -> Signed {
        let access = Access {
            org: org(of),
            officer: name.parse().expect("a name"),
            node: "kitu".parse().expect("a name"),
            signed_at: self.now,
            salt: Salt([4; 16]),
        };
        Signed::sign(&Kind::Access, &access, &[self.key(of, name)])
    }
}

pub(crate) fn offering() -> Offering {
    Offering {
        name: org("wohngeld"),
        version: 1,
        seller: org("provider"),
        title: "Wohngeld digital".to_owned(),
        description: "Antrag auf Mietzuschuss für größere Städte".to_owned(),
        leika: vec!["99107023017000".parse().expect("a key")],
        ozg: Some("10092".parse().expect("an id")),
        leika_types: vec!["2/3".to_owned()],
        topic: "Bauen & Wohnen".to_owned(),
        lead_land: Some("SH".to_owned()),
        efa_confirmed: true,
        coverage: vec!["15".parse().expect("an area")],
        maturity: None,
        connection: vec!["fit-connect".to_owned()],
        portals: Vec::new(),
        specialised_systems: Vec::new(),
        price: vec![Component::new(CostItem::Operation, Due::PerYear, Town::cents(120_000), "")],
        requires: Vec::new(),
        dvdv: Vec::new(),
        sovereignty: None,
        references: Vec::new(),
        not_included: Vec::new(),
        term_years_min: 1,
        notice_days: None,
        valid_from: day("2026-01-01"),
        valid_to: None,
        source: "Test".to_owned(),
        assumed: Vec::new(),
    }
}
