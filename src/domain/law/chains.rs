//! Who controls whom through others: chains of control alone, and chains in which some links are joint.
use std::collections::BTreeMap;

use crate::domain::fact_base::CONTROL_DEPTH_MAX;
use crate::domain::facts::Membership;
use crate::domain::id::{OrgId, StatementId};
use crate::domain::law::cases::{Chain, Court, Mixed};

/// Most chains of control of one length looked at from one organisation upwards. Each daughter has one sole mother at a time, so
/// more than a few can only come from statements that contradict each other.
const CHAINS_MAX: usize = 16;

/// Most joint links of one chain. Two are contested already; nobody is known to defend three.
const JOINT_LINKS_MAX: usize = 2;

impl<'f> Court<'f> {
    /// Every chain of sole control that ends at an organisation, in force or not, two to five parties long; the short
    /// ones first, then by name.
    pub(super) fn chains_above(&self, org: &OrgId) -> Vec<Chain<'f>> {
        let mut chains: Vec<Chain<'f>> = Vec::new();
        let Some(number) = self.facts.number(org) else { return chains };
        let mut level = vec![vec![number]];
        for _ in 0..CONTROL_DEPTH_MAX {
            let mut longer: Vec<Vec<u32>> = level.iter().flat_map(|chain| self.one_longer(chain)).collect();
            longer.sort_by_key(|chain| chain.iter().map(|at| self.facts.name(*at)).collect::<Vec<_>>());
            longer.truncate(CHAINS_MAX);
            chains.extend(longer.iter().map(|chain| chain.iter().map(|at| self.facts.name(*at)).collect::<Vec<_>>()));
            level = longer;
        }
        chains
    }

    fn one_longer(&self, chain: &[u32]) -> Vec<Vec<u32>> {
        let top = chain[0];
        let known = |mother: u32| self.facts.between(mother, top, self.known_on).any(|(_, fact)| fact.sole);
        let mothers = self.facts.sole_mothers(top).filter(|mother| !chain.contains(mother) && known(*mother));
        mothers.map(|mother| std::iter::once(mother).chain(chain.iter().copied()).collect()).collect()
    }

    /// Every chain from one organisation down to another of three to five parties with one or two joint links, the short
    /// ones first, then by name. It is looked for from above: a body has hundreds of members, a member belongs to few.
    pub(super) fn mixed_chains(&self, top: &OrgId, bottom: &OrgId) -> Vec<Mixed<'f>> {
        let Some((top, bottom)) = self.facts.number(top).zip(self.facts.number(bottom)) else { return Vec::new() };
        let mut found: Vec<(Vec<u32>, Vec<bool>)> = Vec::new();
        let mut path = (vec![top], Vec::new());
        self.deepen(bottom, &mut path, &mut found);
        let names = |chain: &[u32]| chain.iter().map(|at| self.facts.name(*at)).collect::<Chain<'f>>();
        let mut chains: Vec<Mixed<'f>> =
            found.into_iter().map(|(chain, joint)| Mixed { chain: names(&chain), joint }).collect();
        chains.sort_by(|one, other| {
            let key = |mixed: &Mixed<'f>| (mixed.chain.len(), mixed.joint_links());
            key(one).cmp(&key(other)).then_with(|| (&one.chain, &one.joint).cmp(&(&other.chain, &other.joint)))
        });
        chains.truncate(CHAINS_MAX);
        chains
    }

    fn deepen(&self, bottom: u32, path: &mut (Vec<u32>, Vec<bool>), found: &mut Vec<(Vec<u32>, Vec<bool>)>) {
        let at = path.0[path.0.len() - 1];
        for body in self.facts.bodies(at) {
            if path.0.contains(&body) {
                continue;
            }
            for joint in self.links(at, body) {
                let joint_links = path.1.iter().filter(|joint| **joint).count() + usize::from(joint);
                if joint_links > JOINT_LINKS_MAX {
                    continue;
                }
                path.0.push(body);
                path.1.push(joint);
                if body == bottom && path.1.len() > 1 && joint_links > 0 {
                    found.push(path.clone());
                } else if body != bottom && path.1.len() < CONTROL_DEPTH_MAX {
                    self.deepen(bottom, path, found);
                }
                path.0.pop();
                path.1.pop();
            }
        }
    }

    /// Whether one is known to control another alone (false), jointly (true), or by different statements both.
    fn links(&self, member: u32, of: u32) -> impl Iterator<Item = bool> + use<'f> {
        let (mut sole, mut joint) = (false, false);
        for (_, fact) in self.facts.between(member, of, self.known_on).filter(|(_, fact)| fact.relation.can_control())
        {
            if fact.sole { sole = true } else { joint = true }
        }
        [(sole, false), (joint, true)].into_iter().filter(|(known, _)| *known).map(|(_, joint)| joint)
    }

    /// Who belongs to both in a way that can carry control: the mothers of half-sisters.
    pub(super) fn common_members(&self, from: &OrgId, to: &OrgId) -> Vec<&'f OrgId> {
        let Some((from, to)) = self.facts.number(from).zip(self.facts.number(to)) else { return Vec::new() };
        let controls = |member: u32, of: u32| {
            self.facts.between(member, of, self.known_on).any(|(_, fact)| fact.relation.can_control())
        };
        let (few, many) = match self.facts.members(from).len() <= self.facts.members(to).len() {
            true => (from, to),
            false => (to, from),
        };
        let both = self.facts.members(few).filter(|member| self.facts.is_member(*member, many));
        let mut mothers: Vec<&'f OrgId> = both
            .filter(|member| controls(*member, from) && controls(*member, to))
            .map(|member| self.facts.name(member))
            .collect();
        mothers.sort();
        mothers.truncate(CHAINS_MAX);
        mothers
    }

    pub(super) fn mothers_in_force(&self, daughter: &OrgId) -> BTreeMap<&'f OrgId, (StatementId, &'f Membership)> {
        let Some(number) = self.facts.number(daughter) else { return BTreeMap::new() };
        let known = self.facts.members(number).flat_map(|member| self.facts.between(member, number, self.known_on));
        known
            .filter(|(_, fact)| fact.relation.can_control() && fact.holds(self.as_of, self.known_on))
            .map(|(id, fact)| (&fact.member, (*id, fact)))
            .collect()
    }
}
