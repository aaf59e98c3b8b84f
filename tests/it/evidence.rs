//! A complete order of five legs over six logs, made without the node: what an auditor would be given.
//!
//! [`Script`] says how it went; every field but the defaults is a way in which someone cheated or was careless.
use std::collections::{BTreeMap, BTreeSet};

use verbund::audit::bundle::{Bundle, BundleInput, LogEnd, LoggedStatement};
use verbund::audit::cover::Cover;
use verbund::audit::packing::pack as packed;
use verbund::domain::annex::{Annex, Texts, named};
use verbund::domain::body::Body;
use verbund::domain::fact_base::FactBase;
use verbund::domain::facts::{BasisPoints, EntityFacts, Entrustment, Membership};
use verbund::domain::grounds::Grounds;
use verbund::domain::id::{NodeId, OrderId, OrgId, Origin, StatementId, sha256};
use verbund::domain::law::cases::judge_leg;
use verbund::domain::law::{Award, Verdict};
use verbund::domain::money::Cents;
use verbund::domain::offering::{Offering, Withdrawal};
use verbund::domain::order::gathered::{Gathered, Member};
use verbund::domain::order::{
    Accept, Counter, Decision, Decline, Endorse, LegFinding, Mode, Recall, Receipt, Request, Seal, Void, VoidReason,
};
use verbund::domain::price::quote::{Buyer, carried, quote};
use verbund::domain::price::{Component, CostItem, Due, KeyKind, Quantities, Tariff, Terms, amount};
use verbund::domain::route::Route;
use verbund::domain::rule_pack::{RulePack, Switch};
use verbund::domain::salt::Salt;
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::time::{Date, Timestamp, parse_date};
use verbund::domain::trust::subject::subject_of;
use verbund::domain::trust::{Admission, KeyEvent, KeyRole, OnlineKey};
use verbund::log::checkpoint::Checkpoint;
use verbund::log::cosignature::{cosign, merge};
use verbund::log::leaf::{Audience, Leaf, NO_OUTCOME, OutcomeTag};
use verbund::log::note::SignedNote;
use verbund::log::proof::TlogProof;
use verbund::protocol::founding::{Founding, found};
use verbund::protocol::record::{LogEntry, Record};

use crate::exported;
use crate::history::History;

// Named, so that benches find them as well.
#[path = "evidence/after.rs"]
mod after;
#[path = "evidence/meanwhile.rs"]
mod meanwhile;
#[path = "evidence/needs.rs"]
mod needs;
#[path = "evidence/script.rs"]
mod script;

pub const NODES: [&str; 6] = ["kitu", "kid", "provitako", "govdigital", "dataport", "akdb"];
const ROUTE: [&str; 6] = ["barleben", "kitu", "kid", "provitako", "govdigital", "dataport"];
const BEGIN: &str = "2026-09-01T08:00:00Z";
const WITNESSED_AT: u64 = 1_790_000_000;
const HOUR_MS: i64 = 3_600_000;

pub use script::{Bend, Mandated, Meanwhile, Script, Settling};
use script::{pack, plan};

/// What came of it.
pub struct Evidence {
    /// The federation's root hash.
    pub root: StatementId,
    /// What a bundle is made of.
    pub input: BundleInput,
    /// What a node would have stored of all logs.
    pub records: Vec<Record>,
}

impl Evidence {
    pub fn bundle(&self) -> Bundle {
        let bundle = packed(&self.input).expect("complete evidence");
        exported::keep(&bundle, self.root);
        bundle
    }
}

struct NodeLog {
    origin: Origin,
    history: History,
    entries: Vec<Signed>,
    places: BTreeMap<StatementId, u64>,
    /// The newest leaf, and what stands behind it if that is public.
    last: Option<(Leaf, Option<Signed>)>,
    /// Every entry as a node stores it.
    stored: Vec<LogEntry>,
}

impl NodeLog {
    fn push(&mut self, leaf: Leaf, public: Option<&Signed>) {
        self.history.push(&leaf, public);
        self.last = Some((leaf, public.cloned()));
        self.stored.push(LogEntry { leaf, statement: public.cloned() });
    }
}

/// What the second officer says about the order.
pub const APPROVERS_NOTE: &str = "Geprüft mit Frau Muster, Zimmer 12";

pub struct World {
    script: Script,
    /// Keys and beginnings.
    pub founding: Founding,
    logs: BTreeMap<String, NodeLog>,
    facts: FactBase,
    pack: RulePack,
    salt: u8,
    messages: Vec<(Signed, &'static str)>,
    receipts: Vec<Signed>,
    public: Vec<(Signed, &'static str)>,
    tariffs: BTreeMap<&'static str, StatementId>,
    /// Checkpoints that witnesses saw while the order ran, by node and size.
    covers: BTreeMap<(String, u64), SignedNote>,
    /// Hours after the request.
    now: i64,
    /// Facts to be published after the seal.
    held_back: Vec<(Signed, &'static str)>,
    /// The last recall or decline.
    objection: Option<StatementId>,
    annexes: Vec<Annex>,
    /// Halberstadt's mandate.
    mandate: Option<StatementId>,
}

pub fn org(name: &str) -> OrgId {
    name.parse().expect("name")
}

fn node(name: &str) -> NodeId {
    name.parse().expect("name")
}

pub fn day(text: &str) -> Date {
    parse_date(text).expect("date")
}

pub fn cents(value: i64) -> Cents {
    Cents::try_from(value).expect("amount")
}

fn points(value: u32) -> BasisPoints {
    BasisPoints::try_from(value).expect("share")
}

fn hours(count: i64) -> Timestamp {
    BEGIN.parse::<Timestamp>().expect("time").plus_ms(count * HOUR_MS)
}

fn home(of: &str) -> &'static str {
    NODES.into_iter().find(|name| *name == of).unwrap_or("kitu")
}

fn secret(label: &str) -> SecretKey {
    SecretKey::from_seed(&sha256(label.as_bytes()))
}

impl World {
    fn new(script: &Script) -> Self {
        let founding = found(plan(script), &mut secret);
        let mut world = Self {
            script: script.clone(),
            logs: BTreeMap::new(),
            facts: FactBase::default(),
            pack: pack(script),
            salt: 0,
            messages: Vec::new(),
            receipts: Vec::new(),
            public: Vec::new(),
            tariffs: BTreeMap::new(),
            covers: BTreeMap::new(),
            now: -30 * 24,
            held_back: Vec::new(),
            objection: None,
            annexes: Vec::new(),
            mandate: None,
            founding,
        };
        for name in NODES {
            let founded = &world.founding.nodes[&node(name)];
            let (origin, genesis) = (founded.origin.clone(), founded.genesis.clone());
            let (history, entries, places) = (History::default(), Vec::new(), BTreeMap::new());
            let log = NodeLog { origin, history, entries, places, last: None, stored: Vec::new() };
            world.logs.insert(name.to_owned(), log);
            for signed in genesis {
                world.append(name, &signed, NO_OUTCOME);
            }
        }
        world
    }

    /// Puts a statement at the end of a log.
    pub fn append(&mut self, name: &str, signed: &Signed, outcome: OutcomeTag) {
        let is_public = signed.kind().is_public();
        let audience = if is_public { Audience::Public } else { Audience::Parties };
        let log = self.logs.get_mut(name).expect("a node");
        log.places.insert(signed.id(), log.history.tree.size());
        log.push(Leaf::new(signed, audience, outcome), is_public.then_some(signed));
        log.stored.last_mut().expect("just pushed").statement = Some(signed.clone());
        log.entries.push(signed.clone());
    }

    /// Entries of other orders.
    fn fill(&mut self, count: u64) {
        for log in self.logs.values_mut() {
            for number in 0..count {
                let other = sha256(format!("{} {number}", log.origin).as_bytes());
                let stem = [&b"vrb1prt1"[..], &other, &other, &other, &other, &[0; 32]].concat();
                log.push(Leaf::parse(&stem).expect("a leaf"), None);
            }
        }
    }

    fn statement_key(&self, name: &str) -> &SecretKey {
        &self.founding.nodes[&node(home(name))].keys.statements[&org(name)][0]
    }

    fn publish<T: serde::Serialize>(&mut self, by: &'static str, kind: Kind, body: &T) -> StatementId {
        let signed = Signed::sign(&kind, body, &[self.statement_key(by)]);
        self.append(home(by), &signed, NO_OUTCOME);
        self.public.push((signed.clone(), home(by)));
        // Of the facts before the request it is enough to know when the last in each log was seen.
        if self.messages.is_empty() {
            self.covers.retain(|(name, _), _| name != home(by));
        }
        self.cover(home(by), self.now);
        signed.id()
    }

    /// A fact, published now or, by somebody who makes evidence afterwards, after the seal.
    fn publish_fact<T: serde::Serialize>(&mut self, by: &'static str, kind: Kind, body: &T) -> StatementId {
        if !self.script.facts_later {
            return self.publish(by, kind, body);
        }
        let signed = Signed::sign(&kind, body, &[self.statement_key(by)]);
        self.held_back.push((signed.clone(), by));
        signed.id()
    }

    fn publish_held_back(&mut self) {
        for (signed, by) in std::mem::take(&mut self.held_back) {
            self.append(home(by), &signed, NO_OUTCOME);
            self.public.push((signed, home(by)));
            self.cover(home(by), self.now);
        }
    }

    /// Witnesses see a log as it is now.
    fn cover(&mut self, name: &str, hour: i64) {
        let seconds = hours(hour).unix_seconds() + 1;
        let note = self.checkpoint_at(name, seconds);
        self.covers.insert((name.to_owned(), self.logs[name].history.tree.size()), note);
    }

    fn publish_facts(&mut self) {
        let pairs = [
            ("barleben", "kitu"),
            ("kitu", "kid"),
            ("kid", "provitako"),
            ("provitako", "govdigital"),
            ("dataport", "govdigital"),
        ];
        let gathers = self.script.mandate.map(|_| ("halberstadt", "barleben"));
        for (member, of) in pairs.into_iter().chain(gathers) {
            let fact = Membership {
                entrustment: Some(Entrustment {
                    task: "Betrieb der Fachverfahren".to_owned(),
                    act: "Satzung".to_owned(),
                    on: day("2019-01-01"),
                    reference: "§ 2 der Satzung".to_owned(),
                }),
                seat: Some(!(self.script.bold && of == "kid")),
                known_from: day("2019-02-01"),
                source: "Mitgliederliste der Genossenschaft, Stand 2026".to_owned(),
                assumed: self.script.assumed && of == "provitako",
                ..crate::federation::membership(member, of, "2019-01-01")
            };
            let id = self.publish_fact(of, Kind::Membership, &fact);
            self.facts.insert_membership(id, fact);
        }
        let members = self.script.mandate.map(|_| "halberstadt");
        for name in ROUTE.into_iter().chain(members) {
            let fact = EntityFacts {
                activity_share: Some(points(9_400)),
                valid_from: day("2019-01-01"),
                known_from: day("2026-01-15"),
                source: "Jahresabschlüsse 2023 bis 2025".to_owned(),
                ..crate::federation::entity_facts(name)
            };
            let id = self.publish_fact(name, Kind::EntityFacts, &fact);
            self.facts.insert_entity(id, fact);
        }
    }

    fn offering(&self, version: u32) -> Offering {
        let least = Terms { uses_min: Some(500), ..Terms::default() };
        let component = |item, due, value| Component::new(item, due, cents(value), "keine");
        Offering {
            name: org("wohnsitz-ummeldung"),
            version,
            seller: org("dataport"),
            title: self.script.title.to_owned(),
            description: "Anmeldung nach Umzug, mit Aktualisierung von Ausweis und Reisepass.".to_owned(),
            leika: vec!["99115005060000".parse().expect("key")],
            ozg: Some("10258".parse().expect("id")),
            leika_types: vec!["2/3".to_owned()],
            topic: "Querschnitt".to_owned(),
            lead_land: Some("HH".to_owned()),
            efa_confirmed: true,
            coverage: vec![self.script.covers.parse().expect("area")],
            maturity: None,
            connection: vec!["osci-xta".to_owned()],
            portals: Vec::new(),
            specialised_systems: vec!["MESO".to_owned()],
            price: vec![
                component(CostItem::Operation, Due::PerYear, 180_000 + i64::from(version - 1) * 20_000),
                component(CostItem::Connection, Due::Once, 250_000),
                Component { terms: Some(least), ..component(CostItem::Usage, Due::PerUse, 10) },
            ],
            requires: Vec::new(),
            dvdv: Vec::new(),
            sovereignty: None,
            references: Vec::new(),
            not_included: vec!["Fachverfahren".to_owned()],
            term_years_min: 1,
            notice_days: None,
            valid_from: day("2026-01-01"),
            valid_to: None,
            source: "Preisblatt 2026".to_owned(),
            assumed: Vec::new(),
        }
    }

    fn salt(&mut self) -> Salt {
        self.salt += 1;
        Salt([self.salt; 16])
    }

    fn say<T: serde::Serialize>(&mut self, by: &'static str, kind: Kind, body: &T, key: &SecretKey) -> StatementId {
        self.say_in(by, kind, body, key, NO_OUTCOME)
    }

    fn say_in<T: serde::Serialize>(
        &mut self,
        by: &'static str,
        kind: Kind,
        body: &T,
        key: &SecretKey,
        outcome: OutcomeTag,
    ) -> StatementId {
        let signed = Signed::sign(&kind, body, &[key]);
        self.append(home(by), &signed, outcome);
        self.messages.push((signed.clone(), home(by)));
        let said = serde_json::to_value(body).expect("plain data");
        let signed_at: Timestamp =
            said["signed_at"].as_str().and_then(|text| text.parse().ok()).unwrap_or(hours(self.now));
        let late = match kind {
            Kind::Seal => self.script.seal_seen_late,
            Kind::Request => self.script.request_seen_late,
            _ => 0,
        };
        self.now = signed_at.since_ms(hours(0)) / HOUR_MS;
        // What stands before the request in its log was seen with it.
        if kind == Kind::Request {
            self.covers.retain(|(name, _), _| name != home(by));
        }
        if matches!(kind, Kind::Request | Kind::Decision | Kind::Seal | Kind::Void | Kind::Confirm) {
            self.cover(home(by), self.now + late);
        }
        signed.id()
    }

    fn officer(&self, name: &str) -> SecretKey {
        secret(&format!("officer/barleben/{name}"))
    }

    fn request(&mut self, offering: StatementId) -> (Request, StatementId) {
        let grounds = if self.script.grounds { self.grounds() } else { Grounds::default() };
        let grounds = self.freeze(grounds);
        let annex = self.script.grounds.then(|| self.officers_words().id());
        let given = self.give_mandate();
        let gathered = given.map(|(need, _)| Gathered {
            key: KeyKind::Fixed,
            members: vec![Member { org: org("halberstadt"), need, weight: 1 }],
        });
        self.mandate = given.map(|(_, mandate)| mandate);
        let request = Request {
            order: OrderId::derive(&org("barleben"), self.script.reference),
            attempt: 1,
            request_id: self.script.reference.to_owned(),
            mode: Mode::Binding,
            buyer: org("barleben"),
            offering,
            route: Route::new(ROUTE.map(org).to_vec()).expect("route"),
            as_of: day(self.script.award_day.unwrap_or("2026-09-01")),
            procedure_began: None,
            rule_pack: self.founding.rule_pack,
            award: Award::General,
            term_years: 4,
            total_max: cents(2_000_000),
            quote_by: hours(240),
            seal_by: hours(480),
            auto_seal: None,
            quantities: Quantities::default(),
            reference: "04011000-1234512345-35".to_owned(),
            considered: if self.script.considered { script::considered() } else { Vec::new() },
            amends: None,
            gathered,
            grounds,
            annex,
            officer: "einkauf".parse().expect("name"),
            signed_at: hours(0),
            salt: self.salt(),
        };
        let id = self.say("barleben", Kind::Request, &request, &self.officer("einkauf"));
        (request, id)
    }

    fn leg(&self, request: &Request, at: usize) -> LegFinding {
        let (from, to) = (org(ROUTE[at - 1]), org(ROUTE[at]));
        let pack = (&self.founding.rule_pack, &self.pack);
        let judged = judge_leg(&self.facts, pack, &from, &to, request.as_of, request.signed_at.date());
        let bold = self.script.bold && ROUTE[at] == "kid";
        LegFinding {
            verdict: if bold { Verdict::Fulfilled } else { judged.verdict },
            basis: judged.basis,
            assumed: judged.assumed(),
            evidence: judged.evidence().into_iter().filter(|_| !self.script.names_nothing).collect(),
            as_of: judged.as_of,
            from,
            to,
        }
    }

    fn decide(&mut self, request: &Request, id: StatementId) {
        let Some(approve) = self.script.approval else { return };
        let annex = Annex::write(Texts::note(APPROVERS_NOTE), [8; 32]).expect("admissible").expect("says something");
        let decision = Decision {
            order: request.order,
            attempt: 1,
            request: id,
            org: org("barleben"),
            approve,
            annex: Some(annex.id()),
            leg: Some(LegFinding { verdict: self.script.approver_found, ..self.leg(request, 1) }),
            officer: "leitung".parse().expect("name"),
            signed_at: hours(self.script.approved_after),
            salt: self.salt(),
        };
        self.say("barleben", Kind::Decision, &decision, &self.officer("leitung"));
        self.annexes.push(annex);
    }

    fn endorse(&mut self, request: &Request, at: usize, prev: StatementId) -> StatementId {
        let name = ROUTE[at];
        let endorse = Endorse {
            order: request.order,
            attempt: 1,
            from: org(name),
            prev,
            leg: self.leg(request, at),
            decision: None,
            signed_at: hours(2 + at as i64),
            salt: self.salt(),
        };
        let late = self.script.late_key && name == "kid";
        let label = match (late, name == "kid") {
            (true, _) => "late".to_owned(),
            (_, true) => format!("org/{}/statement", self.script.endorser),
            _ => format!("org/{name}/statement"),
        };
        let id = self.say(name, Kind::Endorse, &endorse, &secret(&label));
        if late {
            self.register_late_key();
        }
        id
    }

    fn register_late_key(&mut self) {
        let kid = org("kid");
        let genesis = &self.founding.nodes[&node("kid")].genesis;
        let first = genesis.iter().find(|signed| *signed.kind() == Kind::KeyEvent).expect("an event").id();
        let event = KeyEvent {
            org: kid.clone(),
            seq: 1,
            prev: Some(first),
            home_node: node("kid"),
            add: vec![OnlineKey { key: secret("late").public(), role: KeyRole::Statement }],
            revoke: Vec::new(),
            root: None,
            new_epoch: None,
        };
        let roots = &self.founding.roots[&kid];
        let signed = Signed::sign(&Kind::KeyEvent, &event, &[&roots[0], &roots[1], &secret("late")]);
        self.append("kid", &signed, NO_OUTCOME);
    }

    fn accept(&mut self, request: &Request, prev: StatementId) -> StatementId {
        let accept = Accept {
            order: request.order,
            attempt: 1,
            from: org("dataport"),
            prev,
            leg: self.leg(request, 5),
            components: self.charged(),
            decision: None,
            binds_until: request.seal_by,
            signed_at: hours(10),
            salt: self.salt(),
        };
        self.say("dataport", Kind::Accept, &accept, &secret("org/dataport/statement"))
    }

    fn counter(&mut self, request: &Request, at: usize, prev: StatementId) -> StatementId {
        let more = if at == 2 { self.script.hidden_cents + self.script.overcharged_cents } else { 0 };
        let component = Component::new(CostItem::Brokering, Due::Once, cents(5_000 + more), "keine");
        let counter = Counter {
            order: request.order,
            attempt: 1,
            from: org(ROUTE[at]),
            prev,
            components: vec![component],
            tariff: self.tariffs.get(ROUTE[at]).copied().filter(|_| self.script.no_tariff != Some(ROUTE[at])),
            binds_until: request.seal_by,
            signed_at: hours(16 - at as i64),
            salt: self.salt(),
        };
        self.say(ROUTE[at], Kind::Counter, &counter, &secret(&format!("org/{}/statement", ROUTE[at])))
    }

    /// What the provider charges Barleben, which says nothing about its uses.
    fn charged(&self) -> Vec<Component> {
        let buyer = Buyer { org: &org("barleben"), area: None, inhabitants: None, quantities: Quantities::default() };
        carried(quote(&self.offering(self.script.priced_version).price, &buyer, 4).expect("a price"))
    }

    fn total(&self) -> Cents {
        let provider = amount(&self.charged(), 4).expect("a sum").get();
        cents(provider + 4 * 5_000 + self.script.overcharged_cents)
    }

    fn seal(&mut self, request: &Request, chain: Vec<StatementId>) -> StatementId {
        let seal = Seal {
            order: request.order,
            attempt: 1,
            buyer: org("barleben"),
            chain,
            total: self.total(),
            agreed: self.script.agreed.iter().map(|name| org(name)).collect(),
            officer: Some("einkauf".parse().expect("name")),
            signed_at: hours(self.script.sealed_after),
            salt: self.salt(),
        };
        let tag = OutcomeTag::derive(&Kind::Seal, request.order, 1, &request.salt);
        let mut bent = serde_json::to_value(&seal).expect("JSON");
        (self.script.bend_seal)(&mut bent);
        let officer = self.officer("einkauf");
        if Some(&bent) == serde_json::to_value(&seal).ok().as_ref() {
            return self.say_in("barleben", Kind::Seal, &seal, &officer, tag);
        }
        self.say_in("barleben", Kind::Seal, &bent, &officer, tag)
    }

    fn void(&mut self, request: &Request, id: StatementId) {
        let void = Void {
            order: request.order,
            attempt: 1,
            buyer: org("barleben"),
            request: id,
            reason: VoidReason::Cancelled,
            officer: Some("einkauf".parse().expect("name")),
            signed_at: hours(31),
            salt: self.salt(),
        };
        let tag = OutcomeTag::derive(&Kind::Void, request.order, 1, &request.salt);
        self.say_in("barleben", Kind::Void, &void, &self.officer("einkauf"), tag);
    }

    fn receipt(&mut self, request: &Request, by: &'static str, message: StatementId) {
        let (origin, size) = (self.logs[home(by)].origin.clone(), self.logs[home(by)].history.tree.size());
        let receipt = Receipt {
            order: request.order,
            attempt: 1,
            from: org(by),
            message,
            log: origin,
            size,
            received_at: hours(32),
            salt: self.salt(),
        };
        let signed = Signed::sign(&Kind::Receipt, &receipt, &[self.statement_key(by)]);
        self.receipts.push(signed);
    }

    fn play(&mut self) {
        self.publish_facts();
        let offering = self.offering(1);
        let first = self.publish("dataport", Kind::Offering, &offering);
        if self.script.other_version {
            self.publish("dataport", Kind::Offering, &self.offering(2));
        }
        for hop in &ROUTE[1..5] {
            let fee = vec![Component::new(CostItem::Brokering, Due::Once, cents(5_000), "keine")];
            let id = self.publish(hop, Kind::Tariff, &Tariff { org: org(hop), version: 1, fee });
            self.tariffs.insert(hop, id);
        }
        self.fill(self.script.others);
        if let Some(what) = self.script.before {
            self.publishes(what);
        }
        let (request, id) = self.request(first);
        self.receipt(&request, "kitu", id);
        if self.script.approved_after < self.script.sealed_after {
            self.decide(&request, id);
        }
        if self.script.void {
            return self.void(&request, id);
        }
        let mut chain = vec![id];
        for at in 1..=4 {
            let prev = *chain.last().expect("the request");
            chain.push(self.endorse(&request, at, prev));
        }
        chain.push(self.accept(&request, chain[4]));
        for at in (1..=4).rev() {
            let prev = *chain.last().expect("the acceptance");
            chain.push(self.counter(&request, at, prev));
        }
        if let Some(what) = self.script.meanwhile {
            self.happens(&request, id, what);
        }
        let seal = self.seal(&request, chain);
        if self.script.approved_after >= self.script.sealed_after {
            self.decide(&request, id);
        }
        if let Some(mandate) = self.mandate {
            self.call_off(&request, seal, mandate);
        }
        self.now += 1;
        self.publish_held_back();
        if let Some(what) = self.script.later {
            self.happens(&request, id, what);
        }
        for by in self.script.confirmed.clone() {
            self.confirm(&request, seal, by);
        }
        if let Some(by) = self.script.erased_by {
            self.erase(&request, by);
        }
        if let Some(settling) = self.script.settled {
            self.settle(&request, seal, settling);
        }
        for by in &ROUTE[1..] {
            self.receipt(&request, by, seal);
        }
        if self.script.void_as_well {
            self.void(&request, id);
        }
        self.fill(self.script.others + self.script.more_others);
    }

    fn membership(&self, member: &str, of: &str) -> (StatementId, Membership) {
        let facts = self.public.iter().filter_map(|(signed, _)| match Body::read(signed) {
            Ok(Body::Membership(fact)) => Some((signed.id(), fact)),
            _ => None,
        });
        facts.into_iter().find(|(_, fact)| fact.member == org(member) && fact.of == org(of)).expect("a member")
    }

    /// All logs as a node stores them: in two runs, under the checkpoint of the whole.
    fn records(&self) -> Vec<Record> {
        let mut records: Vec<Record> = self.receipts.iter().cloned().map(Record::Kept).collect();
        for (name, log) in &self.logs {
            let (note, half) = (self.checkpoint(name).to_string(), log.stored.len() / 2);
            let run = |first: usize, entries: &[LogEntry], note: String| Record::Entries {
                origin: log.origin.clone(),
                first: first as u64,
                entries: entries.to_vec(),
                note,
            };
            records.push(run(0, &log.stored[..half], note.clone()));
            records.push(run(half, &log.stored[half..], String::new()));
            records.push(Record::Cosigned { origin: log.origin.clone(), note });
        }
        records
    }

    fn checkpoint(&self, name: &str) -> SignedNote {
        self.checkpoint_at(name, WITNESSED_AT)
    }

    fn checkpoint_at(&self, name: &str, seconds: u64) -> SignedNote {
        let log = &self.logs[name];
        let tree = &log.history.tree;
        let head = Checkpoint { origin: log.origin.clone(), size: tree.size(), root: tree.root() };
        let mut note = head.sign(&self.founding.nodes[&node(name)].keys.log[0]);
        for (late, witness) in (0..).zip(&self.script.witnesses) {
            let key = &self.founding.nodes[&node(witness)].keys.witness[0];
            let line = cosign(&note, witness, key, seconds + late).expect("a checkpoint");
            merge(&mut note, line, &key.public()).expect("own cosignature");
        }
        note
    }

    /// Where a log ends, with the paths to everything it has said about these.
    fn end(&self, name: &str, proof: TlogProof, subjects: BTreeSet<String>) -> LogEnd {
        let log = &self.logs[name];
        let before = log.history.subjects.before(proof.index);
        let path = |subject: String| before.path(&subject).map(|path| (subject, path));
        let (leaf, public) = log.last.as_ref().expect("entries");
        LogEnd {
            leaf: leaf.to_bytes(before.digest()),
            last: public.as_ref().map(|signed| signed.pae().to_vec()),
            proof,
            paths: subjects.into_iter().filter_map(path).collect(),
        }
    }

    fn annexes_of(&self, messages: &[LoggedStatement]) -> Vec<Annex> {
        let named: Vec<_> = messages.iter().filter_map(|message| named(&message.signed)).collect();
        self.annexes.iter().filter(|annex| named.contains(&annex.id())).cloned().collect()
    }

    /// A member's own bundle holds nothing of the order but its part.
    fn is_shown(&self, kind: &Kind) -> bool {
        let alone = self.script.mandate.is_some_and(|given| given.alone);
        !alone || matches!(kind, Kind::CallOff | Kind::Mandate)
    }

    fn evidence(&self) -> Evidence {
        let notes: BTreeMap<&str, SignedNote> = NODES.map(|name| (name, self.checkpoint(name))).into();
        let proof = |name: &str, index: u64| {
            let history = &self.logs[name].history;
            let hashes = history.tree.inclusion_proof(index, history.tree.size()).expect("in the tree");
            let extra = history.subjects.digest_at(index).0.to_vec();
            TlogProof { extra, ..TlogProof::new(index, hashes, notes[name].clone()) }
        };
        let member = |name: &str, signed: &Signed| {
            let proof = proof(name, self.logs[name].places[&signed.id()]);
            LoggedStatement { signed: signed.clone(), proof: Some(proof) }
        };
        let mut input = BundleInput { receipts: self.receipts.clone(), ..BundleInput::empty(self.founding.anchor) };
        for name in NODES {
            for signed in &self.logs[name].entries {
                let wanted = match signed.kind() {
                    Kind::FederationRoot | Kind::RulePack | Kind::Admission | Kind::KeyEvent | Kind::Expulsion => {
                        true
                    }
                    Kind::OfficerGrant => {
                        let text = String::from_utf8_lossy(signed.payload()).into_owned();
                        text.contains("einkauf") || self.script.shows_officers()
                    }
                    _ => false,
                };
                if wanted {
                    input.trust.push(member(name, signed));
                }
            }
        }
        for ((name, size), note) in &self.covers {
            let tree = &self.logs[name].history.tree;
            if *size < tree.size() {
                let consistency = tree.consistency_proof(*size, tree.size()).expect("in the tree");
                input.covers.push(Cover { note: note.clone(), consistency });
            }
        }
        let left_out = |signed: &Signed| {
            let is_first = String::from_utf8_lossy(signed.payload()).contains("\"version\":1");
            self.script.other_version && *signed.kind() == Kind::Offering && is_first
        };
        for (signed, name) in self.public.iter().filter(|(signed, _)| !left_out(signed)) {
            input.facts.push(member(name, signed));
        }
        for name in NODES {
            let index = self.logs[name].history.tree.size() - 1;
            let shown = input.trust.iter().chain(&input.facts).filter_map(|shown| {
                let place = shown.proof.as_ref()?;
                let head = Checkpoint::parse(place.checkpoint.text()).ok()?;
                (head.origin == self.logs[name].origin).then(|| subject_of(&shown.signed)).flatten()
            });
            let shown: BTreeSet<String> = shown.map(|subject| subject.to_string()).collect();
            input.ends.push(self.end(name, proof(name, index), shown));
        }
        let shown = self.messages.iter().filter(|(signed, _)| self.is_shown(signed.kind()));
        input.messages = shown.map(|(signed, name)| member(name, signed)).collect();
        input.receipts.retain(|receipt| self.is_shown(receipt.kind()));
        input.annexes = self.annexes_of(&input.messages);
        if self.script.early_seal {
            // The log of the buyer's node shows the seal where the request stands, and the request after it.
            let last = input.messages.len() - 1;
            let (request, seal) = (input.messages[0].proof.clone(), input.messages[last].proof.clone());
            (input.messages[0].proof, input.messages[last].proof) = (seal, request);
        }
        Evidence { root: self.founding.anchor, input, records: self.records() }
    }
}

/// Plays the script and gathers the evidence.
pub fn evidence(script: &Script) -> Evidence {
    let mut world = World::new(script);
    world.play();
    world.evidence()
}

/// The same, with something that happens once the order has ended.
pub fn afterwards(script: &Script, happens: impl FnOnce(&mut World)) -> Evidence {
    let mut world = World::new(script);
    world.play();
    happens(&mut world);
    world.evidence()
}

impl World {
    /// Number of entries of a log.
    pub fn size(&self, name: &str) -> u64 {
        self.logs[name].history.tree.size()
    }

    /// The log of a node.
    pub fn origin(&self, name: &str) -> Origin {
        self.logs[name].origin.clone()
    }

    /// Number and id of the last key event of an organisation.
    pub fn last_event(&self, of: &OrgId) -> (u64, StatementId) {
        let mut events = self.logs[home(of.as_str())].entries.iter().filter_map(|signed| match Body::read(signed) {
            Ok(Body::KeyEvent(event)) if event.org == *of => Some((event.seq, signed.id())),
            _ => None,
        });
        events.next_back().expect("an organisation with keys")
    }

    /// Publishes an offering that has nothing to do with the order; it lies in the bundle all the same.
    pub fn publish_another(&mut self) {
        let other = Offering { name: org("hundesteuer"), ..self.offering(1) };
        self.publish("dataport", Kind::Offering, &other);
    }

    /// An organisation's log is hosted here.
    pub fn home_of(&self, of: &OrgId) -> &'static str {
        home(of.as_str())
    }
}

/// The root keys of an organisation.
pub fn roots_of(org: &OrgId) -> Vec<SecretKey> {
    (0..3).map(|number| secret(&format!("org/{org}/root/{number}"))).collect()
}
