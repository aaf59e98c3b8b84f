//! Two graphs of memberships for searching routes: a generated one of the size of Germany, and the real organisations
//! as far as public sources name them. Also used by the bench `law`.
//!
//! The generated one takes every municipality of the register under its real Kreis and Land and adds 500 invented
//! bodies. It is drawn from a fixed seed: same register, same graph.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use toml::Table;
use verbund::domain::fact_base::FactBase;
use verbund::domain::facts::{
    ActivityBasis, BasisPoints, EntityFacts, Entrustment, Group, Membership, PrivateCapital, Relation, Turnover,
};
use verbund::domain::id::{OrgId, StatementId};
use verbund::domain::rule_pack::RulePack;
use verbund::domain::time::{Date, parse_date};

/// Bodies in the generated graph: cooperatives, special-purpose associations, companies, institutions.
pub const BODIES: usize = 500;

/// A graph, and who may be asked about.
pub struct Graph {
    /// The facts.
    pub facts: FactBase,
    /// Who buys.
    pub buyers: Vec<OrgId>,
    /// Who provides.
    pub providers: Vec<OrgId>,
}

/// The doctrine of the demonstration for procedures that began on a day.
pub fn pack(day: Date) -> (StatementId, RulePack) {
    let nodes = Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes");
    let federation = verbund::config::federation::read_federation(&nodes).expect("the demonstration's federation");
    let mut meant = federation.rule_packs.into_iter().filter(|pack| pack.is_meant_for(day));
    (StatementId::of(b"pack"), meant.next().expect("a rule pack"))
}

pub fn day(text: &str) -> Date {
    parse_date(text).expect("a date")
}

/// A small generator of numbers (Knuth's MMIX constants); the graph needs variety, not secrecy.
pub struct Draw(pub u64);

impl Draw {
    /// A number below `below`.
    pub fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }

    fn per_cent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

/// A municipality of the register: its regional key and population.
struct Town {
    ars: String,
    population: u32,
}

/// The register, or as many made-up keys where it is absent.
fn towns(register: Option<&Path>) -> Vec<Town> {
    let Some(register) = register else {
        let made_up = |number: usize| {
            let (land, kreis) = (1 + number % 16, 1 + number / 16 % 20);
            Town { ars: format!("{land:02}{kreis:03}{:07}", number), population: 500 + number as u32 * 7919 % 90_000 }
        };
        return (0..10_952).map(made_up).collect();
    };
    let text = fs::read_to_string(register).expect("readable register");
    let rows = text.lines().skip(1).filter_map(|line| {
        // Names are quoted and may hold commas; the population is the fifth field from the end.
        let (ars, fields) = (line.get(..12)?, line.rsplit(',').collect::<Vec<_>>());
        Some(Town { ars: ars.to_owned(), population: fields.get(3)?.parse().ok()? })
    });
    rows.collect()
}

/// As invented as the bodies.
fn entrustment() -> Entrustment {
    let text = || "erzeugt".to_owned();
    Entrustment { task: text(), act: text(), on: day("2005-01-01"), reference: text() }
}

struct Drawing {
    graph: Graph,
    draw: Draw,
    statements: u32,
}

/// Germany with invented bodies.
pub fn generated(register: Option<&Path>) -> Graph {
    let graph = Graph { facts: FactBase::default(), buyers: Vec::new(), providers: Vec::new() };
    let mut drawing = Drawing { graph, draw: Draw(108), statements: 0 };
    let towns = towns(register);
    let mut by_kreis: BTreeMap<&str, Vec<&Town>> = BTreeMap::new();
    for town in &towns {
        by_kreis.entry(&town.ars[..5]).or_default().push(town);
        let id = drawing.public(&format!("gemeinde-{}", town.ars));
        drawing.graph.buyers.push(id);
    }
    let lands: Vec<OrgId> = (1..=16).map(|land| drawing.public(&format!("land-{land:02}"))).collect();
    let kreise: Vec<OrgId> = by_kreis.keys().map(|kreis| drawing.public(&format!("kreis-{kreis}"))).collect();
    let institutions = drawing.institutions(&lands);
    let cooperatives = drawing.cooperatives(&by_kreis, &kreise);
    drawing.associations(&by_kreis);
    let companies = drawing.companies(&towns);
    drawing.federal(&institutions, &cooperatives, &companies);
    drawing.graph
}

impl Drawing {
    fn id(&mut self) -> StatementId {
        self.statements += 1;
        StatementId::of(&self.statements.to_be_bytes())
    }

    fn entity(&mut self, name: &str, authority: u8) -> EntityFacts {
        EntityFacts {
            org: name.parse().expect("a name"),
            legal_form: "erfunden".to_owned(),
            contracting_authority: Some(authority),
            sector: None,
            central_purchasing: None,
            activity_share: None,
            activity_basis: None,
            activity_years: Vec::new(),
            reorganised_on: None,
            private_capital: Some(PrivateCapital::None),
            private_share: None,
            joint_influence: None,
            group: Some(Group { turnover: Turnover::Consolidated, bodies: Vec::new() }),
            nature: None,
            all_represented: None,
            remit_since: None,
            confirms: Vec::new(),
            contrary_interests: None,
            valid_from: day("2005-01-01"),
            valid_to: None,
            known_from: day("2005-01-01"),
            source: "Gemeindeverzeichnis; erzeugt".to_owned(),
            assumed: false,
            corrects: None,
        }
    }

    /// A territorial body.
    fn public(&mut self, name: &str) -> OrgId {
        let fact = self.entity(name, 1);
        let (id, org) = (self.id(), fact.org.clone());
        self.graph.facts.insert_entity(id, fact);
        org
    }

    /// A body that may provide: most with every fact, some with one missing, some just at the threshold.
    fn body(&mut self, name: &str) -> OrgId {
        let flaw = self.draw.below(100);
        let mut fact = self.entity(name, 2);
        let share = if flaw < 2 { 8_000 } else { 8_001 + self.draw.below(2_000) as u32 };
        fact.activity_share = (flaw != 2 && flaw != 3).then(|| BasisPoints::try_from(share).expect("a share"));
        fact.activity_basis = Some(ActivityBasis::Turnover);
        fact.activity_years = if flaw == 4 { vec![2019, 2020, 2021] } else { vec![2023, 2024, 2025] };
        fact.joint_influence = (flaw != 5).then_some(true);
        fact.all_represented = Some(true);
        fact.contrary_interests = Some(flaw == 6);
        let (id, org) = (self.id(), fact.org.clone());
        self.graph.facts.insert_entity(id, fact);
        self.graph.providers.push(org.clone());
        org
    }

    fn member(&mut self, member: &OrgId, of: &OrgId, relation: Relation) {
        let since = day("2005-01-01").saturating_add(jiff::Span::new().days(self.draw.below(7_000) as i64));
        let left = self.draw.per_cent(2);
        let id = self.id();
        let fact = Membership {
            member: member.clone(),
            of: of.clone(),
            relation,
            share: None,
            votes: None,
            sole: false,
            represented_by: None,
            decisive_influence: None,
            entrustment: Some(entrustment()),
            scope: None,
            volume: None,
            seat: (!self.draw.per_cent(2)).then_some(true),
            cooperation: None,
            modification: None,
            procedure: None,
            revoked: false,
            valid_from: since,
            valid_to: left.then_some(day("2025-12-31")),
            known_from: since,
            source: "erzeugt".to_owned(),
            assumed: false,
            corrects: None,
        };
        self.graph.facts.insert_membership(id, fact);
    }

    fn sole(&mut self, mother: &OrgId, daughter: &OrgId) {
        let id = self.id();
        let fact = Membership {
            member: mother.clone(),
            of: daughter.clone(),
            relation: Relation::Shareholder,
            share: Some(BasisPoints::ALL),
            votes: None,
            sole: true,
            represented_by: None,
            decisive_influence: None,
            entrustment: Some(entrustment()),
            scope: None,
            volume: None,
            seat: None,
            cooperation: None,
            modification: None,
            procedure: None,
            revoked: false,
            valid_from: day("2008-01-01"),
            valid_to: None,
            known_from: day("2008-01-01"),
            source: "erzeugt".to_owned(),
            assumed: false,
            corrects: None,
        };
        self.graph.facts.insert_membership(id, fact);
    }

    /// One institution per Land, and four that several Länder own.
    fn institutions(&mut self, lands: &[OrgId]) -> Vec<OrgId> {
        let mut institutions = Vec::new();
        for (number, land) in lands.iter().enumerate() {
            let own = self.body(&format!("landes-it-{:02}", number + 1));
            self.sole(land, &own);
            institutions.push(own);
        }
        for number in 0..4 {
            let shared = self.body(&format!("verbund-it-{number}"));
            for land in lands.iter().skip(number * 4).take(5) {
                self.member(land, &shared, Relation::Owner);
            }
            institutions.push(shared);
        }
        institutions
    }

    /// Sixty cooperatives of neighbouring Kreise; nine of ten municipalities there belong to theirs, as they do to KITU
    /// in Saxony-Anhalt, and one of twenty to the one next to it as well.
    fn cooperatives(&mut self, by_kreis: &BTreeMap<&str, Vec<&Town>>, kreise: &[OrgId]) -> Vec<OrgId> {
        let per = by_kreis.len().div_ceil(60);
        let mut cooperatives = Vec::new();
        for (at, ((_, towns), kreis)) in by_kreis.iter().zip(kreise).enumerate() {
            if at % per == 0 {
                let name = format!("eg-{}", at / per);
                cooperatives.push(self.body(&name));
            }
            let own = cooperatives[cooperatives.len() - 1].clone();
            self.member(kreis, &own, Relation::CooperativeMember);
            for town in towns {
                let town = format!("gemeinde-{}", town.ars).parse().expect("a name");
                if self.draw.per_cent(92) {
                    self.member(&town, &own, Relation::CooperativeMember);
                }
                if cooperatives.len() > 1 && self.draw.per_cent(5) {
                    let neighbour = cooperatives[cooperatives.len() - 2].clone();
                    self.member(&town, &neighbour, Relation::CooperativeMember);
                }
            }
        }
        cooperatives
    }

    /// A special-purpose association in every third Kreis, of most of its municipalities.
    fn associations(&mut self, by_kreis: &BTreeMap<&str, Vec<&Town>>) {
        for (kreis, towns) in by_kreis.iter().filter(|(_, towns)| towns.len() > 1).step_by(3) {
            if self.graph.providers.len() == BODIES - 200 {
                return;
            }
            let association = self.body(&format!("zweckverband-{kreis}"));
            for town in towns {
                if self.draw.per_cent(60) {
                    let town = format!("gemeinde-{}", town.ars).parse().expect("a name");
                    self.member(&town, &association, Relation::PurposeAssociationMember);
                }
            }
        }
    }

    /// Companies of the largest towns, so many that 500 bodies come together less the federal ones; every fifth with
    /// a daughter of its own.
    fn companies(&mut self, towns: &[Town]) -> Vec<OrgId> {
        let mut largest: Vec<&Town> = towns.iter().collect();
        largest.sort_by_key(|town| (std::cmp::Reverse(town.population), &town.ars));
        let mut companies = Vec::new();
        for (at, town) in largest.into_iter().enumerate() {
            if self.graph.providers.len() >= BODIES - 3 {
                break;
            }
            let mother = format!("gemeinde-{}", town.ars).parse().expect("a name");
            let company = self.body(&format!("it-{}", town.ars));
            self.sole(&mother, &company);
            if at % 5 == 0 && self.graph.providers.len() < BODIES - 3 {
                let daughter = self.body(&format!("it-{}-netz", town.ars));
                self.sole(&company, &daughter);
            }
            companies.push(company);
        }
        companies
    }

    /// Three federal cooperatives: institutions and regional cooperatives belong to one or more, some companies too.
    fn federal(&mut self, institutions: &[OrgId], cooperatives: &[OrgId], companies: &[OrgId]) {
        for (name, chance) in [("bund-eg", 80), ("einkauf-eg", 50), ("handel-eg", 40)] {
            let body = self.body(name);
            for (members, chance) in [(institutions, chance), (cooperatives, chance), (companies, chance / 10)] {
                for member in members {
                    if self.draw.per_cent(chance) {
                        self.member(member, &body, Relation::CooperativeMember);
                    }
                }
            }
        }
    }
}

/// The real organisations with their sources; where nothing is proven, facts are assumed and say so.
pub fn real() -> Graph {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/graphs/real.toml");
    let table: Table = fs::read_to_string(path).expect("readable file").parse().expect("TOML");
    let mut graph = Graph { facts: FactBase::default(), buyers: Vec::new(), providers: Vec::new() };
    let mut drawing = Drawing { draw: Draw(0), statements: 0, graph: Graph { facts: FactBase::default(), ..graph } };
    for row in table["membership"].as_array().expect("a list") {
        let fact: Membership = row.clone().try_into().expect("a membership");
        fact.check().and_then(|()| drawing.graph.facts.check_new(&fact)).expect("no contradiction");
        let id = drawing.id();
        drawing.graph.facts.insert_membership(id, fact);
    }
    graph = drawing.graph;
    for (key, authority) in [("territorial", 1), ("bodies", 2)] {
        for name in table["assumed"][key].as_array().expect("a list") {
            let name = name.as_str().expect("a name");
            let mut drawing = Drawing { draw: Draw(0), statements: 0, graph };
            let mut fact = drawing.entity(name, authority);
            let share = (authority == 2).then(|| BasisPoints::try_from(9_500).expect("a share"));
            (fact.activity_share, fact.joint_influence) = (share, (authority == 2).then_some(true));
            fact.all_represented = fact.joint_influence;
            fact.activity_basis = share.map(|_| ActivityBasis::Turnover);
            fact.activity_years = vec![2023, 2024, 2025];
            (fact.contrary_interests, fact.assumed) = ((authority == 2).then_some(false), true);
            fact.source = table["assumed"]["source"].as_str().expect("a text").to_owned();
            let org = fact.org.clone();
            drawing.graph.facts.insert_entity(StatementId::of(name.as_bytes()), fact);
            graph = drawing.graph;
            if authority == 1 { graph.buyers.push(org) } else { graph.providers.push(org) }
        }
    }
    graph
}
