//! Who may award to whom, before anything is judged: where the search for routes looks at all.
use std::collections::{BTreeSet, VecDeque};

use crate::domain::fact_base::FactBase;

/// Too far to lie on a route.
const FAR: u8 = u8::MAX;

/// Who may award to whom, as far as any fact, in force or known or not, relates them: a superset that tells the search
/// where not to look. What applies is the court's to say.
pub(super) struct Kin<'f> {
    pub(super) facts: &'f FactBase,
    pub(super) half_sisters: bool,
    /// Joint control through another legal person.
    pub(super) indirect: bool,
}

impl Kin<'_> {
    /// Everyone one leg away.
    pub(super) fn of(&self, org: u32) -> BTreeSet<u32> {
        let mut kin: BTreeSet<u32> = self.facts.bodies(org).chain(self.facts.members(org)).collect();
        for root in self.roots(org) {
            kin.extend(self.below(root));
        }
        if self.half_sisters {
            kin.extend(self.facts.members(org).flat_map(|mother| self.facts.bodies(mother)));
        }
        if self.indirect {
            self.through_others(org, |to| {
                kin.insert(to);
            });
        }
        kin.remove(&org);
        kin
    }

    /// Everyone below or above over one joint link and one or more links of sole control.
    fn through_others(&self, org: u32, mut reach: impl FnMut(u32)) {
        let facts = self.facts;
        for body in facts.bodies(org).filter(|body| facts.sole_daughters(*body).len() > 0) {
            self.below(body).into_iter().for_each(&mut reach);
        }
        if facts.sole_daughters(org).len() > 0 {
            for daughter in self.below(org) {
                for body in facts.bodies(daughter) {
                    self.below(body).into_iter().for_each(&mut reach);
                }
            }
        }
        for member in facts.members(org).filter(|member| facts.sole_mothers(*member).len() > 0) {
            self.above(member).into_iter().for_each(&mut reach);
        }
        if facts.sole_mothers(org).len() > 0 {
            for mother in self.above(org) {
                for member in facts.members(mother) {
                    reach(member);
                    self.above(member).into_iter().for_each(&mut reach);
                }
            }
        }
    }

    /// Everyone to whom only a contested reading of the law may lead in one leg, and the others as well.
    pub(super) fn contested(&self, org: u32, (half_sisters, chained): (bool, bool)) -> BTreeSet<u32> {
        let mut kin = self.of(org);
        if half_sisters {
            kin.extend(self.facts.members(org).flat_map(|mother| self.facts.bodies(mother)));
        }
        if chained {
            let mut level = self.below(org);
            for _ in 0..2 {
                let bodies: BTreeSet<u32> = level.iter().flat_map(|at| self.facts.bodies(*at)).collect();
                level = bodies.iter().flat_map(|body| self.below(*body)).collect();
                kin.extend(&level);
            }
        }
        kin.remove(&org);
        kin
    }

    /// Whether one of those is among `ends`; asked before they are counted, since among sisters the first one is.
    pub(super) fn leads_to(&self, org: u32, disputes: (bool, bool), ends: &BTreeSet<u32>) -> bool {
        let others = |at: &u32| *at != org && ends.contains(at);
        let mut near = self.facts.bodies(org).chain(self.facts.members(org));
        near.any(|at| others(&at)) || self.contested(org, disputes).iter().any(others)
    }

    /// The same seen from the one who receives.
    pub(super) fn contested_from(&self, org: u32, (half_sisters, chained): (bool, bool)) -> BTreeSet<u32> {
        let mut kin = self.of(org);
        if half_sisters {
            kin.extend(self.facts.members(org).flat_map(|mother| self.facts.bodies(mother)));
        }
        if chained {
            let mut level = self.above(org);
            for _ in 0..2 {
                let members: BTreeSet<u32> = level.iter().flat_map(|at| self.facts.members(*at)).collect();
                let mothers = members.iter().filter(|at| self.facts.sole_mothers(**at).len() > 0);
                level = mothers.flat_map(|member| self.above(*member)).collect();
                level.extend(members);
                kin.extend(&level);
            }
        }
        kin.remove(&org);
        kin
    }

    /// Everyone who controls one alone through any number of others, and itself.
    fn above(&self, org: u32) -> BTreeSet<u32> {
        let (mut seen, mut waiting) = (BTreeSet::from([org]), vec![org]);
        while let Some(at) = waiting.pop() {
            waiting.extend(self.facts.sole_mothers(at).filter(|mother| seen.insert(*mother)));
        }
        seen
    }

    /// Whether it belongs to one other only, so that no route leads through it: over that one every route is shorter.
    pub(super) fn is_dead_end(&self, org: u32) -> bool {
        let facts = self.facts;
        let alone = facts.sole_mothers(org).len() == 0 && facts.sole_daughters(org).len() == 0;
        let (bodies, members) = (facts.bodies(org).len(), facts.members(org).len());
        alone && bodies + members < 2 && !(self.half_sisters && members > 0)
    }

    /// The topmost of those who control it alone through any number of others, or itself. Whoever stands in a circle
    /// has no top and counts as one.
    fn roots(&self, org: u32) -> BTreeSet<u32> {
        let (mut roots, mut seen, mut waiting) = (BTreeSet::new(), BTreeSet::from([org]), vec![org]);
        while let Some(at) = waiting.pop() {
            let mothers = self.facts.sole_mothers(at);
            if mothers.len() == 0 {
                roots.insert(at);
            }
            waiting.extend(mothers.filter(|mother| seen.insert(*mother)));
        }
        // Looked for upwards: a mother has hundreds of daughters, a daughter few mothers.
        let circling: Vec<u32> = seen.into_iter().filter(|at| self.above(*at).is_disjoint(&roots)).collect();
        roots.extend(circling);
        roots
    }

    /// Everyone a root controls alone through any number of others, and itself.
    fn below(&self, root: u32) -> BTreeSet<u32> {
        let (mut seen, mut waiting) = (BTreeSet::from([root]), vec![root]);
        while let Some(at) = waiting.pop() {
            waiting.extend(self.facts.sole_daughters(at).filter(|daughter| seen.insert(*daughter)));
        }
        seen
    }

    /// Fewest legs from one organisation to each; never too many. A family is gone through once, however many sisters
    /// are in it.
    pub(super) fn distances(&self, from: u32, legs_max: usize) -> Vec<u8> {
        let mut distance = vec![FAR; self.facts.org_count()];
        let (mut families, mut mothers) = (BTreeSet::new(), BTreeSet::new());
        distance[from as usize] = 0;
        let mut waiting = VecDeque::from([from]);
        while let Some(at) = waiting.pop_front() {
            let next = distance[at as usize] + 1;
            if usize::from(next) > legs_max {
                break;
            }
            let mut reach = |to: u32| {
                if distance[to as usize] == FAR {
                    distance[to as usize] = next;
                    waiting.push_back(to);
                }
            };
            self.facts.bodies(at).chain(self.facts.members(at)).for_each(&mut reach);
            if self.facts.sole_mothers(at).len() + self.facts.sole_daughters(at).len() > 0 {
                for root in self.roots(at).into_iter().filter(|root| families.insert(*root)) {
                    self.below(root).into_iter().for_each(&mut reach);
                }
            }
            if self.indirect {
                self.through_others(at, &mut reach);
            }
            if self.half_sisters {
                let new = self.facts.members(at).filter(|mother| mothers.insert(*mother));
                new.flat_map(|mother| self.facts.bodies(mother)).for_each(&mut reach);
            }
        }
        distance
    }
}
