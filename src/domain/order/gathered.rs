//! One order for several members (*Sammelbestellung*): a cooperative gathers their needs, orders once, and each member
//! gets a call-off (*Einzelabruf*) with its own share of the cost and nothing about the others.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::id::{OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::price::{KeyKind, PARTIES_MAX, WEIGHT_MAX, distribute};
use crate::domain::reason::{Reason, Refusal};

/// Members for whom the buyer orders.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Gathered {
    /// By what the total is shared.
    pub key: KeyKind,
    /// The members, by name.
    pub members: Vec<Member>,
}

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub org: OrgId,
    /// The `need` with which the member asked for it.
    pub need: StatementId,
    /// Its number for the key: persons, uses, members of the target group, agreed parts.
    pub weight: u64,
}

impl Gathered {
    /// The rules it must meet on its own.
    pub fn check(&self, buyer: &OrgId) -> Result<(), Refusal> {
        let refuse = |rule: &str| Err(Refusal::new(Reason::FieldInvalid).with("field", "bundle").with("rule", rule));
        if self.members.is_empty() || self.members.len() > PARTIES_MAX {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "bundle").with("at_most", PARTIES_MAX));
        }
        if self.members.iter().map(|member| &member.org).collect::<BTreeSet<_>>().len() != self.members.len() {
            return refuse("each member once");
        }
        if self.members.iter().any(|member| member.org == *buyer) {
            return refuse("the buyer is not its own member");
        }
        if self.members.iter().any(|member| member.weight == 0 || member.weight > WEIGHT_MAX) {
            return refuse("a member's number is out of range");
        }
        Ok(())
    }

    /// What each member pays of the total, in the order of the members.
    pub fn shares(&self, total: Cents) -> Result<Vec<(&Member, Cents)>, Refusal> {
        let weights: Vec<(&OrgId, u64)> = self.members.iter().map(|member| (&member.org, member.weight)).collect();
        Ok(self.members.iter().zip(distribute(total, &weights)?).collect())
    }

    /// The sum of all numbers.
    pub fn weights(&self) -> u64 {
        self.members.iter().map(|member| member.weight).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(weights: &[u64]) -> Gathered {
        let member = |(at, weight): (usize, &u64)| Member {
            org: format!("ort-{at}").parse().expect("a name"),
            need: StatementId([7; 32]),
            weight: *weight,
        };
        Gathered { key: KeyKind::Inhabitants, members: weights.iter().enumerate().map(member).collect() }
    }

    #[test]
    fn shares_add_up_to_the_cent() {
        // 100.00 euros among 1, 1 and 1: 33.34, 33.33, 33.33; the cent left goes to the first by name.
        let total = Cents::try_from(10_000).expect("an amount");
        let gathered = gathered(&[1, 1, 1]);
        let shares: Vec<i64> = gathered.shares(total).expect("shares").iter().map(|(_, cents)| cents.get()).collect();
        assert_eq!(shares, [3_334, 3_333, 3_333]);
    }

    #[test]
    fn nobody_twice_nobody_without_a_number_and_not_the_buyer() {
        let buyer: OrgId = "kitu".parse().expect("a name");
        assert_eq!(gathered(&[3, 4]).check(&buyer), Ok(()));
        assert!(gathered(&[]).check(&buyer).is_err());
        assert!(gathered(&[1, 0]).check(&buyer).is_err());
        assert!(gathered(&[1, WEIGHT_MAX + 1]).check(&buyer).is_err());
        let mut twice = gathered(&[1, 1]);
        twice.members[1].org = twice.members[0].org.clone();
        assert!(twice.check(&buyer).is_err());
        assert!(gathered(&[1]).check(&"ort-0".parse().expect("a name")).is_err());
    }
}
