//! All facts a judgement may rest on, arranged so that one leg is judged without looking at the others.
//!
//! Same facts, same base, whatever the order of arrival. Statements enter it only verified. What a correction replaces
//! stays and stops counting from the day on which the correction is known; a fact leaves only with the part of a log
//! that contradicts itself.
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::facts::{BasisPoints, EntityFacts, Membership, Nature};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Date;

/// Longest chain of sole control that is followed: mother, daughter, granddaughter and two more. Longer ones would be
/// one leg where nobody oversees the last any more as an own department.
pub const CONTROL_DEPTH_MAX: usize = 4;

/// Memberships and facts about organisations, by who is concerned.
#[derive(Clone, Default, Debug)]
pub struct FactBase {
    memberships: Vec<Kept<Membership>>,
    entities: Vec<Kept<EntityFacts>>,
    places: BTreeMap<StatementId, Place>,
    numbers: BTreeMap<OrgId, u32>,
    orgs: Vec<Standing>,
    /// Who by any fact is no contracting authority, or in private hands.
    doubtful: BTreeSet<u32>,
    /// Corrections by what they correct, for corrections that come before it: who signed, known from when.
    corrections: BTreeMap<StatementId, Vec<(OrgId, bool, Date)>>,
}

/// A fact, and the first day on which a correction of it is known.
#[derive(Clone, Debug)]
struct Kept<T> {
    id: StatementId,
    fact: T,
    corrected_from: Option<Date>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Membership(usize),
    Entity(usize),
}

/// What concerns one organisation: positions of facts, numbers of organisations.
#[derive(Clone, Debug)]
struct Standing {
    name: OrgId,
    about: Vec<usize>,
    bodies: BTreeMap<u32, Vec<usize>>,
    members: BTreeSet<u32>,
    /// Memberships in it that state a share and can carry control: few, where a cooperative has hundreds of members.
    shares: Vec<usize>,
    sole_mothers: BTreeSet<u32>,
    sole_daughters: BTreeSet<u32>,
}

impl FactBase {
    /// Takes a membership in.
    pub fn insert_membership(&mut self, id: StatementId, fact: Membership) {
        if self.places.contains_key(&id) {
            return;
        }
        let at = self.memberships.len();
        let (member, of) = (self.number_or_new(&fact.member), self.number_or_new(&fact.of));
        self.orgs[member as usize].bodies.entry(of).or_default().push(at);
        self.orgs[of as usize].members.insert(member);
        if fact.share.is_some() && fact.relation.can_control() {
            self.orgs[of as usize].shares.push(at);
        }
        if fact.sole {
            self.orgs[of as usize].sole_mothers.insert(member);
            self.orgs[member as usize].sole_daughters.insert(of);
        }
        let corrected_from = self.corrected_from(&id, &fact.of, true);
        self.places.insert(id, Place::Membership(at));
        self.correct(fact.corrects, &fact.of, true, fact.known_from);
        self.memberships.push(Kept { id, fact, corrected_from });
    }

    /// Takes facts about an organisation in.
    pub fn insert_entity(&mut self, id: StatementId, fact: EntityFacts) {
        if self.places.contains_key(&id) {
            return;
        }
        let at = self.entities.len();
        let org = self.number_or_new(&fact.org);
        self.orgs[org as usize].about.push(at);
        if fact.contracting_authority == Some(0) || fact.sector.is_some() || fact.nature == Some(Nature::Private) {
            self.doubtful.insert(org);
        }
        let corrected_from = self.corrected_from(&id, &fact.org, false);
        self.places.insert(id, Place::Entity(at));
        self.correct(fact.corrects, &fact.org, false, fact.known_from);
        self.entities.push(Kept { id, fact, corrected_from });
    }

    /// Whether a fact of that statement is here.
    pub fn holds(&self, id: &StatementId) -> bool {
        self.places.contains_key(id)
    }

    /// The base without some facts, as if they had never been there.
    pub fn without(&self, ids: &BTreeSet<StatementId>) -> Self {
        let mut rest = Self::default();
        let memberships = self.memberships.iter().filter(|kept| !ids.contains(&kept.id));
        memberships.for_each(|kept| rest.insert_membership(kept.id, kept.fact.clone()));
        let entities = self.entities.iter().filter(|kept| !ids.contains(&kept.id));
        entities.for_each(|kept| rest.insert_entity(kept.id, kept.fact.clone()));
        rest
    }

    /// Only who signed a fact can correct it: the body that keeps the register, or the organisation itself. Otherwise
    /// anyone could erase anyone's facts.
    fn correct(&mut self, earlier: Option<StatementId>, by: &OrgId, membership: bool, known: Date) {
        let Some(earlier) = earlier else { return };
        self.corrections.entry(earlier).or_default().push((by.clone(), membership, known));
        let sooner = |from: Option<Date>| Some(from.map_or(known, |from| from.min(known)));
        match self.places.get(&earlier) {
            Some(&Place::Membership(at)) if membership && self.memberships[at].fact.of == *by => {
                self.memberships[at].corrected_from = sooner(self.memberships[at].corrected_from);
            }
            Some(&Place::Entity(at)) if !membership && self.entities[at].fact.org == *by => {
                self.entities[at].corrected_from = sooner(self.entities[at].corrected_from);
            }
            _ => {}
        }
    }

    fn corrected_from(&self, id: &StatementId, signer: &OrgId, membership: bool) -> Option<Date> {
        let known = self.corrections.get(id).into_iter().flatten();
        known.filter(|(by, kind, _)| by == signer && *kind == membership).map(|(_, _, from)| *from).min()
    }

    fn number_or_new(&mut self, org: &OrgId) -> u32 {
        if let Some(number) = self.numbers.get(org) {
            return *number;
        }
        // Two numbers per statement at most: memory ends long before the numbers do.
        let number = self.orgs.len() as u32;
        self.numbers.insert(org.clone(), number);
        self.orgs.push(Standing {
            name: org.clone(),
            about: Vec::new(),
            bodies: BTreeMap::new(),
            members: BTreeSet::new(),
            shares: Vec::new(),
            sole_mothers: BTreeSet::new(),
            sole_daughters: BTreeSet::new(),
        });
        number
    }

    /// The membership of that statement.
    pub fn membership(&self, id: &StatementId) -> Option<&Membership> {
        match self.places.get(id) {
            Some(&Place::Membership(at)) => Some(&self.memberships[at].fact),
            _ => None,
        }
    }

    /// The facts about an organisation of that statement.
    pub fn entity(&self, id: &StatementId) -> Option<&EntityFacts> {
        match self.places.get(id) {
            Some(&Place::Entity(at)) => Some(&self.entities[at].fact),
            _ => None,
        }
    }

    /// Every membership, in the order of arrival.
    pub fn memberships(&self) -> impl Iterator<Item = (&StatementId, &Membership)> {
        self.memberships.iter().map(|kept| (&kept.id, &kept.fact))
    }

    /// Every fact about an organisation, in the order of arrival.
    pub fn entities(&self) -> impl Iterator<Item = (&StatementId, &EntityFacts)> {
        self.entities.iter().map(|kept| (&kept.id, &kept.fact))
    }

    /// Whether a membership or other fact no longer counts for someone who knows what was known on that day.
    pub fn is_corrected(&self, id: &StatementId, known_on: Date) -> bool {
        let from = match self.places.get(id) {
            Some(&Place::Membership(at)) => self.memberships[at].corrected_from,
            Some(&Place::Entity(at)) => self.entities[at].corrected_from,
            None => None,
        };
        from.is_some_and(|from| from <= known_on)
    }

    /// The number of an organisation any fact names, for [`Self::name`] and what follows.
    pub fn number(&self, org: &OrgId) -> Option<u32> {
        self.numbers.get(org).copied()
    }

    /// How many organisations the facts name.
    pub fn org_count(&self) -> usize {
        self.orgs.len()
    }

    /// The organisation of a number that [`Self::number`] gave.
    pub fn name(&self, number: u32) -> &OrgId {
        &self.orgs[number as usize].name
    }

    /// To whom it belongs, by any fact, in force or not.
    pub fn bodies(&self, org: u32) -> impl ExactSizeIterator<Item = u32> {
        self.orgs[org as usize].bodies.keys().copied()
    }

    /// Who belongs to it, by any fact, in force or not.
    pub fn members(&self, org: u32) -> impl ExactSizeIterator<Item = u32> {
        self.orgs[org as usize].members.iter().copied()
    }

    /// Whether one belongs to another, by any fact, in force or not.
    pub fn is_member(&self, member: u32, of: u32) -> bool {
        self.orgs[of as usize].members.contains(&member)
    }

    /// Who belongs to it and by any fact is no contracting authority, or in private hands: few, where a cooperative has
    /// hundreds of members.
    pub fn doubtful_members(&self, of: u32) -> impl Iterator<Item = u32> {
        let members = &self.orgs[of as usize].members;
        let (few, many) = match members.len() <= self.doubtful.len() {
            true => (members, &self.doubtful),
            false => (&self.doubtful, members),
        };
        few.iter().copied().filter(move |member| many.contains(member))
    }

    /// Who has ever been said to control it alone.
    pub fn sole_mothers(&self, org: u32) -> impl ExactSizeIterator<Item = u32> {
        self.orgs[org as usize].sole_mothers.iter().copied()
    }

    /// Whom it has ever been said to control alone.
    pub fn sole_daughters(&self, org: u32) -> impl ExactSizeIterator<Item = u32> {
        self.orgs[org as usize].sole_daughters.iter().copied()
    }

    /// What is known of one organisation belonging to another, in force or not, without what is corrected by then.
    pub fn between(&self, member: u32, of: u32, known_on: Date) -> impl Iterator<Item = (&StatementId, &Membership)> {
        let places = self.orgs[member as usize].bodies.get(&of).into_iter().flatten();
        places
            .map(|at| &self.memberships[*at])
            .filter(move |kept| counts(kept, kept.fact.known_from, known_on))
            .map(known)
    }

    /// What is known about an organisation, in force or not, without what is corrected by then.
    pub fn about(&self, org: u32, known_on: Date) -> impl Iterator<Item = (&StatementId, &EntityFacts)> {
        let places = self.orgs[org as usize].about.iter();
        places
            .map(|at| &self.entities[*at])
            .filter(move |kept| counts(kept, kept.fact.known_from, known_on))
            .map(known)
    }

    /// The statements by which more than the whole of a body is held on a day, the greatest shares first and no more
    /// than needed; none if what is known adds up. Of one member's statements the one known last counts.
    pub fn shares_beyond_whole(&self, of: u32, as_of: Date, known_on: Date) -> BTreeSet<StatementId> {
        let stated = self.orgs[of as usize].shares.iter().map(|at| &self.memberships[*at]);
        let in_force = |kept: &&Kept<Membership>| {
            counts(kept, kept.fact.known_from, known_on) && kept.fact.holds(as_of, known_on)
        };
        let mut last = BTreeMap::new();
        for kept in stated.filter(in_force) {
            let of_member = last.entry(&kept.fact.member).or_insert(kept);
            if (of_member.fact.known_from, of_member.id) < (kept.fact.known_from, kept.id) {
                *of_member = kept;
            }
        }
        let mut held: Vec<&Kept<Membership>> = last.into_values().collect();
        held.sort_by_key(|kept| (Reverse(kept.fact.share), kept.id));
        let (mut sum, mut ids) = (0_u32, BTreeSet::new());
        for kept in held {
            sum = sum.saturating_add(kept.fact.share.map_or(0, BasisPoints::get));
            ids.insert(kept.id);
            if sum > BasisPoints::ALL.get() {
                return ids;
            }
        }
        BTreeSet::new()
    }

    /// Whether a membership may be added: what is known already must not contradict it. A door refuses it then; where
    /// it gets in nevertheless, through another node's log, the judgement says *not proven* and names the contradiction.
    pub fn check_new(&self, fact: &Membership) -> Result<(), Refusal> {
        let refuse = |reason| Refusal::new(reason).with("member", &fact.member).with("of", &fact.of);
        let (Some(member), Some(of)) = (self.number(&fact.member), self.number(&fact.of)) else {
            return self.number(&fact.of).map_or(Ok(()), |of| self.check_others(fact, of));
        };
        let other = |(id, other): &(&StatementId, &Membership)| {
            fact.corrects != Some(**id) && other.relation == fact.relation && other.overlaps(fact)
        };
        if let Some((id, _)) = self.between(member, of, Date::MAX).find(other) {
            return Err(refuse(Reason::IntervalsContradict).with("statement", id));
        }
        if fact.sole && self.ancestors(member).any(|ancestor| ancestor == of) {
            return Err(refuse(Reason::HoldingsCyclic));
        }
        self.check_others(fact, of)
    }

    /// Whether `by` may publish a correction of that statement as a membership, or as facts about itself: it is known
    /// here, and of the same kind and signer. Any other would change nothing, and its author would not notice.
    pub fn check_correction(
        &self,
        earlier: Option<&StatementId>,
        by: &OrgId,
        membership: bool,
    ) -> Result<(), Refusal> {
        let Some(earlier) = earlier else { return Ok(()) };
        let signer = match self.places.get(earlier) {
            None => return Err(Refusal::new(Reason::StatementUnknown).with("corrects", earlier)),
            Some(&Place::Membership(at)) => (&self.memberships[at].fact.of, true),
            Some(&Place::Entity(at)) => (&self.entities[at].fact.org, false),
        };
        if signer == (by, membership) {
            return Ok(());
        }
        Err(Refusal::new(Reason::FieldInvalid).with("field", "corrects").with("value", earlier).with("of", signer.0))
    }

    /// Sole control beside others, and shares beyond the whole.
    fn check_others(&self, fact: &Membership, of: u32) -> Result<(), Refusal> {
        let refuse = |reason| Refusal::new(reason).with("member", &fact.member).with("of", &fact.of);
        let others: Vec<(&StatementId, &Membership)> = self
            .members(of)
            .flat_map(|member| self.between(member, of, Date::MAX))
            .filter(|(id, other)| fact.corrects != Some(**id) && other.relation.can_control() && other.overlaps(fact))
            .collect();
        // Whether the rest is in public hands is for the judgement; here both shares must be stated.
        let shared = |one: &Membership, other: &Membership| {
            one.sole
                && one.decisive_influence == Some(true)
                && one.share.is_some()
                && other.share.is_some()
                && !other.sole
        };
        let beside = others.iter().find(|(_, other)| {
            other.member != fact.member && (fact.sole || other.sole) && !(shared(fact, other) || shared(other, fact))
        });
        if let Some((id, _)) = beside.filter(|_| fact.relation.can_control()) {
            return Err(refuse(Reason::SoleContradicts).with("statement", id));
        }
        let begins = others.iter().map(|(_, other)| other.valid_from.max(fact.valid_from));
        for day in begins.chain([fact.valid_from]) {
            let held = others.iter().filter(|(_, other)| other.holds(day, Date::MAX));
            let held: u32 = held.filter_map(|(_, other)| other.share).map(BasisPoints::get).sum();
            if fact.share.is_some_and(|share| held + share.get() > BasisPoints::ALL.get()) {
                return Err(refuse(Reason::SharesExceed).with("day", day));
            }
        }
        Ok(())
    }

    /// Everyone above by sole control, in force or not.
    fn ancestors(&self, org: u32) -> impl Iterator<Item = u32> {
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![org]);
        while let Some(at) = waiting.pop() {
            waiting.extend(self.sole_mothers(at).filter(|mother| seen.insert(*mother)));
        }
        seen.into_iter()
    }
}

fn counts<T>(kept: &Kept<T>, known_from: Date, known_on: Date) -> bool {
    known_from <= known_on && kept.corrected_from.is_none_or(|from| from > known_on)
}

fn known<T>(kept: &Kept<T>) -> (&StatementId, &T) {
    (&kept.id, &kept.fact)
}
