//! Cases of section 108 GWB: every condition, every boundary, every direction; and the world they are told in.
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::fact_base::FactBase;
use crate::domain::facts::{
    ActivityBasis, EntityFacts, Entrustment, Group, Membership, Modification, Nature, PrivateCapital, Turnover,
};
use crate::domain::law::cases::{Court, judge_leg};
use crate::domain::rule_pack::tests::{new_text, old_text};
use crate::domain::rule_pack::{RulePack, Stand, Switch};
use crate::domain::time::parse_date;

/// Facts by the statement that says so, while they can still be changed.
#[derive(Clone, Default, Debug)]
pub(crate) struct Facts {
    pub(crate) memberships: BTreeMap<StatementId, Membership>,
    pub(crate) entities: BTreeMap<StatementId, EntityFacts>,
}

impl Facts {
    pub(crate) fn base(&self) -> FactBase {
        let mut base = FactBase::default();
        self.memberships.iter().for_each(|(id, fact)| base.insert_membership(*id, fact.clone()));
        self.entities.iter().for_each(|(id, fact)| base.insert_entity(*id, fact.clone()));
        base
    }
}

/// A fact base in the making, with the pack and the two days to judge by.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) facts: Facts,
    pub(crate) pack: RulePack,
    pub(crate) as_of: Date,
    pub(crate) known_on: Date,
}

pub(crate) fn org(name: &str) -> OrgId {
    name.parse().expect("a name")
}

pub(crate) fn day(text: &str) -> Date {
    parse_date(text).expect("a date")
}

pub(crate) fn id(name: &str) -> StatementId {
    StatementId::of(name.as_bytes())
}

fn points(share: u32) -> BasisPoints {
    BasisPoints::try_from(share).expect("a share")
}

impl World {
    pub(crate) fn on(date: &str) -> Self {
        let pack = RulePack { name: org("gwb-108"), ..old_text() };
        Self { facts: Facts::default(), pack, as_of: day(date), known_on: day("2026-11-23") }
    }

    /// A seated member of a cooperative since that day, changed by `edit`.
    pub(crate) fn member(&mut self, member: &str, of: &str, since: &str, edit: impl FnOnce(&mut Membership)) {
        let mut fact = Membership {
            member: org(member),
            of: org(of),
            relation: Relation::CooperativeMember,
            share: None,
            votes: None,
            sole: false,
            seat: Some(true),
            represented_by: None,
            decisive_influence: None,
            entrustment: Some(Entrustment {
                task: "Betrieb der Fachverfahren".to_owned(),
                act: "Satzung".to_owned(),
                on: day("2005-01-01"),
                reference: "§ 2".to_owned(),
            }),
            scope: None,
            volume: None,
            cooperation: None,
            modification: None,
            procedure: None,
            revoked: false,
            valid_from: day(since),
            valid_to: None,
            known_from: day(since),
            source: "Mitgliederliste".to_owned(),
            assumed: false,
            corrects: None,
        };
        edit(&mut fact);
        self.facts.memberships.insert(id(&format!("{member} in {of} {since}")), fact);
    }

    /// A sole mother since that day.
    pub(crate) fn sole(&mut self, mother: &str, daughter: &str, since: &str) {
        self.member(mother, daughter, since, |fact| {
            (fact.relation, fact.sole, fact.seat) = (Relation::Shareholder, true, None);
        });
    }

    /// Goes to another day, with shares measured in time for it.
    pub(crate) fn at(&mut self, date: &str) {
        self.as_of = day(date);
        let years: Vec<i16> = (1..=3).rev().map(|ago| self.as_of.year() - ago).collect();
        self.facts.entities.values_mut().for_each(|fact| fact.activity_years.clone_from(&years));
    }

    /// An exemplary public body since 2000, changed by `edit`.
    pub(crate) fn entity(&mut self, name: &str, edit: impl FnOnce(&mut EntityFacts)) {
        let mut fact = EntityFacts {
            org: org(name),
            legal_form: "eG".to_owned(),
            contracting_authority: Some(2),
            sector: None,
            central_purchasing: None,
            activity_share: Some(points(9_500)),
            activity_basis: Some(ActivityBasis::Turnover),
            activity_years: (1..=3).rev().map(|ago| self.as_of.year() - ago).collect(),
            reorganised_on: None,
            private_capital: Some(PrivateCapital::None),
            private_share: None,
            group: Some(Group { turnover: Turnover::Consolidated, bodies: Vec::new() }),
            nature: None,
            all_represented: Some(true),
            remit_since: None,
            confirms: Vec::new(),
            joint_influence: Some(true),
            contrary_interests: Some(false),
            valid_from: day("2000-01-01"),
            valid_to: None,
            known_from: day("2000-01-01"),
            source: "Satzung".to_owned(),
            assumed: false,
            corrects: None,
        };
        edit(&mut fact);
        self.facts.entities.insert(id(&format!("about {name} {}", fact.known_from)), fact);
    }

    fn change(&mut self, name: &str, edit: impl Fn(&mut EntityFacts)) {
        self.facts.entities.values_mut().filter(|fact| fact.org == org(name)).for_each(edit);
    }

    fn change_member(&mut self, member: &str, edit: impl Fn(&mut Membership)) {
        self.facts.memberships.values_mut().filter(|fact| fact.member == org(member)).for_each(edit);
    }

    fn members_of(&self, of: &str) -> usize {
        self.facts.memberships.values().filter(|fact| fact.of == org(of)).count()
    }

    pub(crate) fn judge(&self, from: &str, to: &str) -> LegJudgement {
        judge_leg(&self.facts.base(), (&id("pack"), &self.pack), &org(from), &org(to), self.as_of, self.known_on)
    }
}

/// A town, its cooperative, and a Land with a daughter, a granddaughter and a second daughter.
fn example() -> World {
    let mut world = World::on("2026-06-01");
    world.member("town", "coop", "2010-01-01", |_| ());
    world.sole("land", "daughter", "2010-01-01");
    world.sole("land", "sister", "2010-01-01");
    world.sole("daughter", "grandchild", "2010-01-01");
    world.sole("city", "stranger", "2010-01-01");
    for name in ["town", "coop", "land", "daughter", "sister", "grandchild", "city", "stranger"] {
        world.entity(name, |_| ());
    }
    world
}

// Short names keep a case on one line.
const PRESCRIBED: Option<PrivateCapital> = Some(PrivateCapital::PrescribedByLaw);
const PRESENT: Option<PrivateCapital> = Some(PrivateCapital::Present);
const NONE: Option<u8> = Some(0);
const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);
const AUTHORITY: Condition = Condition::ContractingAuthority;
const SHARE: Condition = Condition::ActivityShare;
const ALL: Condition = Condition::AllRepresented;
const CAPITAL: Condition = Condition::NoPrivateCapital;
const LEFT: Failing = &[(Condition::Membership, "town"), (Condition::Seat, "town")];

/// Exactly the threshold.
fn exactly(fact: &mut EntityFacts) {
    fact.activity_share = Some(points(8_000));
}

type Edit = fn(&mut World);
type Failing = &'static [(Condition, &'static str)];

fn check(leg: &str, edit: Edit, verdict: Verdict, basis: Option<Basis>, failing: &[(Condition, &str)]) {
    let mut world = example();
    edit(&mut world);
    let (from, to) = leg.split_once(' ').expect("two names");
    let judged = world.judge(from, to);
    let told: Vec<String> = judged.findings.iter().map(|finding| finding.text(Lang::En)).collect();
    assert_eq!((judged.verdict, judged.basis), (verdict, basis), "{leg}: {told:#?}");
    let failed = judged.findings.iter().filter(|finding| finding.verdict != Verdict::Fulfilled);
    let failed: Vec<(Condition, &str)> = failed.map(|finding| (finding.condition, finding.org.as_str())).collect();
    assert_eq!(failed, failing, "{leg}: {told:#?}");
}

/// All of them: the worst; any of them: the best; of none, nothing is known.
#[test]
fn the_combinators_keep_to_their_tables() {
    use Verdict::{Contested as C, Fulfilled as F, NotFulfilled as N, NotProven as P};
    let pairs = [
        (F, F, F, F),
        (F, P, P, F),
        (F, N, N, F),
        (F, C, C, F),
        (C, F, C, F),
        (C, C, C, C),
        (C, P, P, C),
        (C, N, N, C),
        (P, F, P, F),
        (P, C, P, C),
        (P, P, P, P),
        (P, N, N, P),
        (N, F, N, F),
        (N, C, N, C),
        (N, P, N, P),
        (N, N, N, N),
    ];
    assert_eq!((Verdict::of_all([]), Verdict::of_any([])), (P, P), "nothing examined is not proven");
    for one in [F, C, P, N] {
        assert_eq!((Verdict::of_all([one]), Verdict::of_any([one])), (one, one));
    }
    for (one, other, all, any) in pairs {
        assert_eq!((Verdict::of_all([one, other]), Verdict::of_any([one, other])), (all, any), "{one:?} {other:?}");
        for third in [F, C, P, N] {
            assert_eq!(Verdict::of_all([one, other, third]), Verdict::of_all([all, third]));
            assert_eq!(Verdict::of_any([one, other, third]), Verdict::of_any([any, third]));
        }
    }
}

/// Of two facts in force, what an older and a newer answer come to. Silence and a share of the wrong years settle
/// nothing; the newer answer that settles the question holds.
#[test]
fn answers_of_different_age_keep_to_their_table() {
    const YEARS: [i16; 3] = [2023, 2024, 2025];
    let said = |word: &str| match word {
        "yes" => Some((9_000, YEARS)),
        "no" => Some((8_000, YEARS)),
        "stale" => Some((9_000, [2013, 2014, 2015])),
        _ => None,
    };
    let table = [
        ("silent", "silent", Verdict::NotProven),
        ("silent", "yes", Verdict::Fulfilled),
        ("silent", "no", Verdict::NotFulfilled),
        ("silent", "stale", Verdict::NotProven),
        ("yes", "silent", Verdict::Fulfilled),
        ("yes", "yes", Verdict::Fulfilled),
        ("yes", "no", Verdict::NotFulfilled),
        ("yes", "stale", Verdict::Fulfilled),
        ("no", "silent", Verdict::NotFulfilled),
        ("no", "yes", Verdict::Fulfilled),
        ("no", "no", Verdict::NotFulfilled),
        ("no", "stale", Verdict::NotFulfilled),
        ("stale", "silent", Verdict::NotProven),
        ("stale", "yes", Verdict::Fulfilled),
        ("stale", "no", Verdict::NotFulfilled),
        ("stale", "stale", Verdict::NotProven),
    ];
    for (older, newer, verdict) in table {
        let mut world = example();
        world.facts.entities.retain(|_, fact| fact.org != org("coop"));
        for (word, known) in [(older, "2020-01-01"), (newer, "2026-01-01")] {
            world.entity("coop", |fact| {
                fact.known_from = day(known);
                fact.activity_share = said(word).map(|(share, _)| points(share));
                fact.activity_years = said(word).map_or(Vec::new(), |(_, years)| years.to_vec());
            });
        }
        let judged = world.judge("town", "coop");
        let found = judged.findings.iter().find(|finding| finding.condition == SHARE).expect("examined");
        assert_eq!(found.verdict, verdict, "older {older}, newer {newer}: {}", found.text(Lang::De));
    }
}

#[test]
fn each_case_of_the_statute_has_its_direction() {
    for (leg, basis) in [
        ("land daughter", Basis::Vertical),
        ("land grandchild", Basis::VerticalIndirect),
        ("daughter land", Basis::Inverse),
        ("grandchild land", Basis::InverseIndirect),
        ("daughter sister", Basis::Sister),
        ("grandchild sister", Basis::SisterIndirect),
        ("sister grandchild", Basis::SisterIndirect),
        ("town coop", Basis::Joint),
        ("coop town", Basis::JointInverse),
    ] {
        check(leg, |_| (), Verdict::Fulfilled, Some(basis), &[]);
    }
    for leg in ["town land", "land land", "daughter daughter", "nobody noone"] {
        let from = leg.split(' ').next().expect("a name");
        check(leg, |_| (), Verdict::NotProven, None, &[(Condition::Membership, from)]);
    }
}

#[test]
fn some_relations_never_carry_control() {
    let no = Verdict::NotFulfilled;
    let unjudged: Edit = |w| {
        w.pack.market_below = None;
        w.change_member("town", |m| m.relation = Relation::CooperationContract);
    };
    let association: Edit = |w| w.change_member("town", |m| m.relation = Relation::AssociationMember);
    for edit in [unjudged, association] {
        check("town coop", edit, no, None, &[(Condition::ControllingRelation, "town")]);
        check("coop town", edit, no, None, &[(Condition::ControllingRelation, "coop")]);
    }
    check("daughter stranger", |_| (), no, Some(Basis::Sister), &[(Condition::SameMother, "daughter")]);
}

#[test]
fn the_statute_holds_up_to_its_boundaries() {
    let edits: [(&str, Basis, Edit); 7] = [
        ("town coop", Basis::Joint, |w| w.change("coop", |e| e.activity_share = Some(points(8_001)))),
        ("town coop", Basis::Joint, |w| w.change("coop", |e| e.private_capital = PRESCRIBED)),
        ("town coop", Basis::Joint, |w| w.pack.set(Switch::InverseJoint, Stand::No)),
        ("town coop", Basis::Joint, |w| w.pack.valid_to = Some(day("2026-06-01"))),
        ("town coop", Basis::Joint, |w| w.change_member("town", |m| m.valid_from = day("2026-06-01"))),
        ("town coop", Basis::Joint, |w| w.change_member("town", |m| m.valid_to = Some(day("2026-06-01")))),
        ("coop town", Basis::JointInverse, |w| w.change("town", |e| e.activity_share = None)),
    ];
    for (leg, basis, edit) in edits {
        check(leg, edit, Verdict::Fulfilled, Some(basis), &[]);
    }
}

#[test]
fn each_condition_refused_is_not_fulfilled() {
    use Condition as C;
    type Case = (&'static str, Basis, Edit, Condition, &'static str);
    const JOINT: Basis = Basis::Joint;
    const BACK: Basis = Basis::JointInverse;
    const SISTER: Basis = Basis::Sister;
    let cases: [Case; 14] = [
        ("town coop", JOINT, |w| w.change("coop", exactly), C::ActivityShare, "coop"),
        ("town coop", JOINT, |w| w.change("coop", |e| e.private_capital = PRESENT), C::NoPrivateCapital, "coop"),
        ("town coop", JOINT, |w| w.change("town", |e| e.contracting_authority = NONE), AUTHORITY, "town"),
        ("town coop", JOINT, |w| w.change("coop", |e| e.joint_influence = NO), C::JointInfluence, "coop"),
        ("town coop", JOINT, |w| w.change("coop", |e| e.contrary_interests = YES), C::NoContraryInterests, "coop"),
        ("town coop", JOINT, |w| w.change_member("town", |m| m.seat = NO), C::Seat, "town"),
        ("coop town", BACK, |w| w.change("coop", exactly), C::ActivityShare, "coop"),
        ("coop town", BACK, |w| w.change("town", |e| e.private_capital = PRESENT), C::NoPrivateCapital, "town"),
        ("coop town", BACK, |w| w.change("coop", |e| e.contracting_authority = NONE), AUTHORITY, "coop"),
        ("coop town", BACK, |w| w.pack.set(Switch::InverseJoint, Stand::No), C::InverseJointAdmitted, "coop"),
        ("daughter land", Basis::Inverse, |w| w.change("land", |e| e.private_capital = PRESENT), CAPITAL, "land"),
        ("daughter sister", SISTER, |w| w.change("land", |e| e.contracting_authority = NONE), AUTHORITY, "land"),
        ("daughter sister", SISTER, |w| w.change("sister", exactly), SHARE, "sister"),
        ("land daughter", Basis::Vertical, |w| w.change("daughter", exactly), SHARE, "daughter"),
    ];
    for (leg, basis, edit, condition, org) in cases {
        check(leg, edit, Verdict::NotFulfilled, Some(basis), &[(condition, org)]);
    }
}

#[test]
fn each_condition_without_a_fact_is_not_proven() {
    use Condition as C;
    let cases: [(&str, Edit, Failing); 9] = [
        ("town coop", |w| w.change("coop", |e| e.activity_share = None), &[(C::ActivityShare, "coop")]),
        ("town coop", |w| w.change("coop", |e| e.private_capital = None), &[(C::NoPrivateCapital, "coop")]),
        ("town coop", |w| w.change("town", |e| e.contracting_authority = None), &[(AUTHORITY, "town")]),
        ("town coop", |w| w.change("coop", |e| e.joint_influence = None), &[(C::JointInfluence, "coop")]),
        ("town coop", |w| w.change("coop", |e| e.contrary_interests = None), &[(C::NoContraryInterests, "coop")]),
        ("town coop", |w| w.change_member("town", |m| m.seat = None), &[(C::Seat, "town")]),
        ("town coop", |w| w.change_member("town", |m| m.valid_from = day("2026-06-02")), LEFT),
        ("town coop", |w| w.change_member("town", |m| m.valid_to = Some(day("2026-05-31"))), LEFT),
        ("town coop", |w| w.pack.valid_from = day("2026-06-02"), &[(C::RulePackInForce, "gwb-108")]),
    ];
    for (leg, edit, missing) in cases {
        check(leg, edit, Verdict::NotProven, Some(Basis::Joint), missing);
    }
    let left: Edit = |w| w.change_member("daughter", |m| m.valid_to = Some(day("2020-01-01")));
    let (indirect, no_control) = (Some(Basis::VerticalIndirect), [(C::SoleControl, "daughter")]);
    check("land grandchild", left, Verdict::NotProven, indirect, &no_control);
    let beside_others: Edit = |w| w.change_member("land", |m| m.sole = false);
    check("land daughter", beside_others, Verdict::NotProven, Some(Basis::Joint), &[(C::Seat, "land")]);
}

/// The case of OLG Naumburg: the association of five towns and the daughter of one of them.
#[test]
fn half_sisters_need_a_pack_that_admits_them() {
    let mut world = example();
    world.member("land", "coop", "2010-01-01", |_| ());
    let judged = world.judge("coop", "daughter");
    assert_eq!((judged.verdict, judged.basis), (Verdict::NotFulfilled, Some(Basis::Sister)));
    assert_eq!(
        judged.findings[0].text(Lang::De),
        "Belegt ist, dass coop und daughter nicht von derselben Mutter allein kontrolliert werden (OLG \
         Naumburg, 7 Verg 1/22)."
    );
    world.pack.set(Switch::HalfSisters, Stand::Yes);
    assert_eq!(world.judge("coop", "daughter").verdict, Verdict::Fulfilled);
    assert_eq!(world.judge("daughter", "coop").verdict, Verdict::Fulfilled);
    assert_eq!(judged.evidence(), BTreeSet::from(["land in coop 2010-01-01", "land in daughter 2010-01-01"].map(id)));
    // No doctrine makes sisters of two companies that have no mother in common.
    assert_eq!(world.judge("daughter", "stranger").verdict, Verdict::NotFulfilled);
}

#[test]
fn a_missing_fact_is_named_with_its_day() {
    let mut world = World::on("2021-06-15");
    world.member("kid", "provitako", "2021-12-01", |_| ());
    world.entity("kid", |_| ());
    world.entity("provitako", |_| ());
    let judged = world.judge("kid", "provitako");
    assert_eq!((judged.verdict, judged.basis), (Verdict::NotProven, Some(Basis::Joint)));
    let missing = judged.missing();
    assert_eq!(
        missing.iter().map(|finding| finding.condition).collect::<Vec<_>>(),
        [Condition::Membership, Condition::Seat]
    );
    assert_eq!(
        missing[0].text(Lang::De),
        "Für den 15.06.2021 ist nicht belegt, dass kid Mitglied, Gesellschafter oder Träger von provitako \
         ist; belegt ist es erst ab 01.12.2021."
    );
    assert_eq!(
        missing[0].text(Lang::En),
        "There is no evidence for 2021-06-15 that kid is a member, shareholder or owner of provitako; there \
         is only from 2021-12-01."
    );
    assert_eq!(missing[0].evidence, BTreeSet::from([id("kid in provitako 2021-12-01")]));
    // An earlier membership that ended and an assumption are both told.
    world.member("kid", "provitako", "2015-01-01", |fact| {
        (fact.valid_to, fact.assumed) = (Some(day("2020-12-31")), true);
    });
    let told = world.judge("kid", "provitako").missing()[0].text(Lang::De);
    assert!(told.ends_with("; angenommen ist es nur bis 31.12.2020 und wieder ab 01.12.2021."), "{told}");
    world.at("2021-12-01");
    assert_eq!(world.judge("kid", "provitako").verdict, Verdict::Fulfilled);
    // What was not known then is not even hinted at.
    (world.as_of, world.known_on) = (day("2021-06-15"), day("2014-12-31"));
    let blind = world.judge("kid", "provitako");
    assert_eq!((blind.basis, blind.evidence().len()), (None, 0));
}

#[test]
fn yesterdays_judgement_can_be_repeated() {
    let mut world = example();
    // Saxony-Anhalt joined retroactively.
    world.member("land", "coop", "2022-11-01", |fact| fact.known_from = day("2022-12-01"));
    world.at("2022-11-15");
    for (known_on, verdict) in [("2022-11-30", Verdict::NotProven), ("2022-12-01", Verdict::Fulfilled)] {
        world.known_on = day(known_on);
        assert_eq!(world.judge("land", "coop").verdict, verdict, "{known_on}");
    }
    // A correction counts from the day it is known, and only if the same body made it.
    world.member("land", "coop", "2022-12-01", |fact| {
        (fact.known_from, fact.corrects) = (day("2023-01-10"), Some(id("land in coop 2022-11-01")));
    });
    for (known_on, verdict) in [("2023-01-09", Verdict::Fulfilled), ("2023-01-10", Verdict::NotProven)] {
        world.known_on = day(known_on);
        assert_eq!(world.judge("land", "coop").verdict, verdict, "{known_on}");
    }
    world.member("enemy", "lair", "2000-01-01", |fact| fact.corrects = Some(id("land in coop 2022-12-01")));
    world.at("2026-06-01");
    assert_eq!(world.judge("land", "coop").verdict, Verdict::Fulfilled);
}

#[test]
fn of_several_facts_in_force_the_one_known_last_that_answers_counts() {
    let mut world = example();
    world.entity("coop", |fact| {
        (fact.known_from, fact.activity_share, fact.private_capital) = (day("2025-01-01"), Some(points(7_900)), None);
    });
    let judged = world.judge("town", "coop");
    assert_eq!(judged.verdict, Verdict::NotFulfilled);
    let failed = judged.findings.iter().find(|finding| finding.verdict == Verdict::NotFulfilled).expect("one");
    assert_eq!(
        failed.text(Lang::De),
        "Belegt ist, dass coop nicht den geforderten Anteil der Tätigkeiten für die ausführt, die coop \
         kontrollieren (79,00 %; gefordert sind mehr als 80,00 %)."
    );
    assert!(judged.missing().is_empty(), "the newer fact is silent on private capital, the older one still answers");
    world.known_on = day("2024-12-31");
    assert_eq!(world.judge("town", "coop").verdict, Verdict::Fulfilled);
}

#[test]
fn an_assumption_is_shown_and_proof_is_preferred() {
    let mut world = example();
    world.change_member("town", |fact| fact.assumed = true);
    let judged = world.judge("town", "coop");
    assert!(judged.assumed() && judged.verdict == Verdict::Fulfilled);
    assert!(judged.findings.iter().any(|finding| finding.text(Lang::De).starts_with("Angenommen ist")));
    world.member("coop", "town", "2010-01-01", |_| ());
    let judged = world.judge("town", "coop");
    assert_eq!((judged.basis, judged.assumed()), (Some(Basis::JointInverse), false));
}

/// Small worlds in which no fact supersedes, corrects or contradicts another: whoever is controlled alone has one
/// member, and nobody is controlled from below.
fn worlds() -> impl Strategy<Value = World> {
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    let dates = prop::sample::select(vec!["2015-01-01", "2020-01-01", "2025-01-01"]);
    let shares = prop::sample::select(vec![8_000_u32, 8_001, 9_000, 10_000]);
    let member = (
        0..5_usize,
        any::<bool>(),
        prop::option::weighted(0.9, prop::bool::weighted(0.9)),
        dates.clone(),
        dates.clone(),
    );
    let entity = (0..5_usize, prop::option::of(0..=1_u8), shares, 0..12_u8, dates);
    (prop::collection::vec(member, 16), prop::collection::vec(entity, 4), any::<[bool; 2]>()).prop_map(
        |(members, entities, [inverse_joint, half_sisters])| {
            let mut world = World::on("2021-06-15");
            let stand = |yes| if yes { Stand::Yes } else { Stand::No };
            world.pack.set(Switch::InverseJoint, stand(inverse_joint));
            world.pack.set(Switch::HalfSisters, stand(half_sisters));
            let mut alone = [false; 4];
            for (at, (kind, sole, seat, since, known)) in members.into_iter().enumerate() {
                let relation = [Relation::Owner, Relation::Shareholder, Relation::AssociationMember].get(kind);
                let (mother, daughter) = (at / 4, at % 4);
                let sole = sole && mother < daughter && world.members_of(NAMES[daughter]) == 0;
                if let (Some(&relation), true, false) = (relation, mother != daughter, alone[daughter]) {
                    alone[daughter] = sole;
                    world.member(NAMES[at / 4], NAMES[at % 4], since, |fact| {
                        (fact.relation, fact.sole, fact.seat, fact.known_from) = (relation, sole, seat, day(known));
                    });
                }
            }
            for (at, (kind, authority, share, unusual, since)) in entities.into_iter().enumerate() {
                if kind > 0 {
                    world.entity(NAMES[at], |fact| {
                        fact.valid_from = if unusual == 7 { day(since) } else { fact.valid_from };
                        fact.contracting_authority = if unusual == 0 { authority } else { Some(1) };
                        fact.activity_share = Some(points(share));
                        fact.private_capital = if unusual == 1 { None } else { Some(PrivateCapital::None) };
                        fact.joint_influence = Some(unusual != 2);
                    });
                }
            }
            world
        },
    )
}

fn all_legs(world: &World) -> Vec<LegJudgement> {
    let names = ["a", "b", "c", "d"];
    names.iter().flat_map(|from| names.map(|to| world.judge(from, to))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn removing_a_fact_never_makes_a_leg_fulfilled(mut world in worlds()) {
        let before = all_legs(&world);
        let facts = world.facts.clone();
        // What objects to others, a member that is no authority, proves nothing that could be lost.
        let objects = |org: &OrgId| {
            facts.entities.values().any(|fact| fact.org == *org && fact.contracting_authority == Some(0))
        };
        let memberships = facts.memberships.iter().filter(|(_, fact)| !objects(&fact.member)).map(|(id, _)| id);
        let entities = facts.entities.iter().filter(|(_, fact)| !objects(&fact.org)).map(|(id, _)| id);
        for removed in memberships.chain(entities) {
            world.facts = facts.clone();
            world.facts.memberships.remove(removed);
            world.facts.entities.remove(removed);
            for (with, without) in before.iter().zip(all_legs(&world)) {
                prop_assert!(
                    without.verdict != Verdict::Fulfilled || with.verdict == Verdict::Fulfilled,
                    "{} -> {}: {:?} became {:?}", with.from, with.to, with.findings, without.findings
                );
                prop_assert!(
                    with.verdict != Verdict::Fulfilled || with.evidence().contains(removed) || *with == without,
                    "{} -> {}: changed by a fact it did not rest on", with.from, with.to
                );
            }
        }
    }

    #[test]
    fn facts_in_any_order_give_the_same_answer(world in worlds(), turns in prop::collection::vec(any::<prop::sample::Index>(), 40)) {
        let mut members: Vec<_> = world.facts.memberships.iter().collect();
        let mut entities: Vec<_> = world.facts.entities.iter().collect();
        for turn in turns {
            let last = members.len().checked_sub(1);
            last.into_iter().for_each(|last| members.swap(turn.index(last + 1), last));
            members.rotate_right(usize::from(last.is_some()));
            let last = entities.len().checked_sub(1);
            last.into_iter().for_each(|last| entities.swap(turn.index(last + 1), 0));
        }
        let mut base = FactBase::default();
        entities.into_iter().for_each(|(id, fact)| base.insert_entity(*id, fact.clone()));
        members.into_iter().for_each(|(id, fact)| base.insert_membership(*id, fact.clone()));
        let names = ["a", "b", "c", "d"];
        let shuffled = names.iter().flat_map(|from| names.map(|to| {
            judge_leg(&base, (&id("pack"), &world.pack), &org(from), &org(to), world.as_of, world.known_on)
        }));
        prop_assert_eq!(shuffled.collect::<Vec<_>>(), all_legs(&world));
    }

    #[test]
    fn an_irrelevant_fact_changes_nothing(mut world in worlds()) {
        let before = all_legs(&world);
        world.entity("y", |fact| fact.private_capital = Some(PrivateCapital::Present));
        world.member("y", "z", "2010-01-01", |_| ());
        world.member("a", "z", "2010-01-01", |fact| fact.relation = Relation::AssociationMember);
        world.entity("a", |fact| (fact.known_from, fact.contracting_authority) = (day("2027-01-01"), Some(0)));
        prop_assert_eq!(before, all_legs(&world));
    }
}

/// The world of the new text: two cooperatives one above the other, and a daughter.
fn renewed() -> World {
    let mut world = World::on("2026-08-01");
    world.pack = RulePack { name: org("gwb-108-2026"), ..new_text() };
    world.member("town", "coop", "2010-01-01", |_| ());
    world.member("other", "coop", "2010-01-01", |_| ());
    world.member("coop", "union", "2010-01-01", |_| ());
    world.sole("coop", "daughter", "2010-01-01");
    for name in ["town", "other", "coop", "union", "daughter"] {
        world.entity(name, |_| ());
    }
    world
}

/// Every condition that the new text adds: each side of its table, everything else as it should be.
#[test]
fn the_new_conditions_keep_to_their_tables() {
    type Row = (&'static str, Edit, Verdict, Failing);
    let rows: [Row; 12] = [
        ("town daughter", |_| (), Verdict::Fulfilled, &[]),
        ("daughter town", |_| (), Verdict::Fulfilled, &[]),
        ("town union", |_| (), Verdict::Contested, &[(Condition::JointChainedAdmitted, "town")]),
        (
            "coop union",
            |w| w.change_member("coop", |m| m.entrustment = None),
            Verdict::NotProven,
            &[(Condition::Entrustment, "coop")],
        ),
        ("town coop", |w| w.change("coop", |e| e.all_represented = None), Verdict::NotProven, &[(ALL, "coop")]),
        ("town coop", |w| w.change("coop", |e| e.all_represented = NO), Verdict::NotFulfilled, &[(ALL, "coop")]),
        ("town coop", |w| w.change("coop", |e| e.group = None), Verdict::NotProven, &[(SHARE, "coop")]),
        (
            "town coop",
            |w| w.change("other", |e| e.contracting_authority = NONE),
            Verdict::NotProven,
            &[(Condition::Controllers, "other")],
        ),
        (
            "town coop",
            |w| w.change("other", |e| (e.contracting_authority, e.nature) = (NONE, Some(Nature::PublicPurpose))),
            Verdict::Fulfilled,
            &[],
        ),
        (
            "town coop",
            |w| w.change("other", |e| (e.contracting_authority, e.nature) = (NONE, Some(Nature::Public))),
            Verdict::NotFulfilled,
            &[(Condition::Controllers, "other")],
        ),
        (
            "town daughter",
            |w| w.change("coop", |e| e.private_capital = PRESENT),
            Verdict::Contested,
            &[(Condition::NoPrivateBetween, "coop")],
        ),
        (
            "coop daughter",
            |w| w.change("daughter", |e| e.legal_form = "AG".to_owned()),
            Verdict::NotProven,
            &[(Condition::DecisiveInfluence, "coop")],
        ),
    ];
    for (leg, edit, verdict, failing) in rows {
        let mut world = renewed();
        edit(&mut world);
        let (from, to) = leg.split_once(' ').expect("two names");
        let judged = world.judge(from, to);
        let told: Vec<String> = judged.findings.iter().map(|finding| finding.text(Lang::En)).collect();
        let failed = judged.findings.iter().filter(|finding| finding.verdict != Verdict::Fulfilled);
        let failed: Vec<(Condition, &str)> =
            failed.map(|finding| (finding.condition, finding.org.as_str())).collect();
        assert_eq!((judged.verdict, failed.as_slice()), (verdict, failing), "{leg}: {told:#?}");
    }
}

/// Of every fact of the new text: without it nothing gets better, save where it objects.
#[test]
fn removing_a_fact_of_the_new_text_never_makes_a_leg_better() {
    let world = renewed();
    let names = ["town", "other", "coop", "union", "daughter"];
    let pairs = || names.into_iter().flat_map(|from| names.map(|to| (from, to)));
    for removed in world.facts.memberships.keys().chain(world.facts.entities.keys()) {
        let mut without = renewed();
        without.facts.memberships.remove(removed);
        without.facts.entities.remove(removed);
        for (from, to) in pairs() {
            let (with, without) = (world.judge(from, to), without.judge(from, to));
            assert!(with.verdict <= without.verdict, "{from} {to}: {:?} became {:?}", with.verdict, without.verdict);
        }
    }
}

/// A switch alone turns the verdict, and what is contested says by whom.
#[test]
fn a_switch_has_three_answers() {
    for (stand, verdict) in
        [(Stand::Yes, Verdict::Fulfilled), (Stand::Contested, Verdict::Contested), (Stand::No, Verdict::NotProven)]
    {
        let mut world = renewed();
        world.pack.set(Switch::JointChained, stand);
        let judged = world.judge("town", "union");
        assert_eq!(judged.verdict, verdict);
        assert_eq!(judged.is_disputed(), stand == Stand::Contested);
        if let Some(disputed) = judged.findings.iter().find(|finding| finding.verdict == Verdict::Contested) {
            let told = disputed.text(Lang::De);
            assert!(told.starts_with("Erfüllt nach Wortlaut, aber umstritten ist, dass union"), "{told}");
            assert!(told.contains("Art. 12 RL 2014/24/EU"), "{told}");
        }
    }
}

/// Section 132 (2) Nr. 3, every combination: each thing asked can fail it, and what makes a fact better never makes the
/// answer worse.
#[test]
fn a_running_contract_is_changed_only_where_everything_asked_holds() {
    let judged = |is_change: bool, stand: Stand, kept: Option<bool>, rise: i64, volume: Option<i64>, told: bool| {
        let mut world = World::on("2026-08-01");
        world.pack = new_text();
        world.pack.set(Switch::ModificationAfterLoss, stand);
        let cents = |cents: i64| Cents::try_from(cents).expect("an amount");
        world.member("town", "works", "2019-01-01", |fact| {
            (fact.relation, fact.seat, fact.entrustment) = (Relation::RunningContract, None, None);
            (fact.scope, fact.volume) = (Some("Betrieb".to_owned()), volume.map(cents));
            fact.modification = told.then(|| Modification {
                circumstances: "neues Gesetz".to_owned(),
                character_kept: kept,
                rise: cents(rise),
            });
        });
        let (base, pack) = (world.facts.base(), (&id("pack"), &world.pack));
        let court = Court { is_change, ..Court::on(&base, pack, world.as_of, world.known_on) };
        court.judge(&org("town"), &org("works")).verdict
    };
    for stand in [Stand::No, Stand::Contested, Stand::Yes] {
        for (is_change, told) in [(false, false), (false, true), (true, false), (true, true)] {
            for kept in [Some(false), None, Some(true)] {
                for (rise, volume) in [(51, Some(100)), (50, None), (50, Some(100)), (0, Some(100))] {
                    let expected = match (is_change && stand.is_on(), told, kept, volume) {
                        (false, ..) => Verdict::NotFulfilled,
                        (true, true, Some(false), _) => Verdict::NotFulfilled,
                        (true, true, _, Some(volume)) if 2 * rise > volume => Verdict::NotFulfilled,
                        (true, true, Some(true), Some(_)) if stand == Stand::Yes => Verdict::Fulfilled,
                        (true, true, Some(true), Some(_)) => Verdict::Contested,
                        _ => Verdict::NotProven,
                    };
                    let found = judged(is_change, stand, kept, rise, volume, told);
                    let asked = (is_change, stand, kept, rise, volume, told);
                    assert_eq!(found, expected, "{asked:?}");
                    if kept.is_some() && told {
                        assert!(judged(is_change, stand, Some(true), rise, volume, told) <= found, "{asked:?}");
                    }
                    assert!(judged(is_change, stand, kept, 0, volume, told) <= found, "{asked:?}");
                }
            }
        }
    }
}
