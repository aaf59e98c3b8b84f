//! One order for several members (*Sammelbestellung*): a cooperative gathers their needs, orders once, and each member
//! gets a call-off (*Einzelabruf*) with its own share of the cost and nothing about the others.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::money::Cents;
use crate::domain::order::{LegFinding, Request};
use crate::domain::price::{KeyKind, PARTIES_MAX, WEIGHT_MAX, distribute};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::time::Timestamp;

/// Members for whom the buyer orders.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bundle {
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

/// What one member gets: its own contract with the buyer, on the terms of the order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CallOff {
    /// The order.
    pub order: OrderId,
    /// The attempt that was sealed.
    pub attempt: u32,
    /// The seal.
    pub seal: StatementId,
    /// The cooperative that ordered.
    pub from: OrgId,
    /// The member.
    pub to: OrgId,
    /// The member's own need.
    pub need: StatementId,
    /// The offering.
    pub offering: StatementId,
    /// Who performs.
    pub provider: OrgId,
    /// Contract length.
    pub term_years: u32,
    /// By what the total is shared.
    pub key: KeyKind,
    /// The member's number.
    pub weight: u64,
    /// The sum of all numbers.
    pub weights: u64,
    /// The total over the whole term.
    pub total: Cents,
    /// The member's share of it; all shares add up to the total, to the cent.
    pub share: Cents,
    /// The leg from the member to the cooperative.
    pub leg: LegFinding,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

impl Bundle {
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

impl CallOff {
    /// Whether it is what the sealed order gives this member: its number, its share, and the order's own terms.
    pub fn check(&self, request: &Request, seal: StatementId, total: Cents) -> Result<(), Refusal> {
        let refuse = |rule: &str| Refusal::new(Reason::ChainBroken).with("org", &self.to).with("rule", rule);
        let bundle = request.bundle.as_ref().ok_or_else(|| refuse("an order for one buyer only"))?;
        let shares = bundle.shares(total)?;
        let found = shares.into_iter().find(|(member, _)| member.org == self.to);
        let (member, share) = found.ok_or_else(|| refuse("not a member of the order"))?;
        let terms = (self.seal, &self.from, self.offering, &self.provider, self.term_years, self.total);
        let sealed = (seal, &request.buyer, request.offering, request.route.provider(), request.term_years, total);
        if terms != sealed {
            return Err(refuse("other terms than the order's"));
        }
        if (self.need, self.key, self.weight, self.weights)
            != (member.need, bundle.key, member.weight, bundle.weights())
        {
            return Err(refuse("another key than the order's"));
        }
        if self.share != share {
            return Err(Refusal::new(Reason::PriceMismatch).with("sealed", self.share).with("sum", share));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(weights: &[u64]) -> Bundle {
        let member = |(at, weight): (usize, &u64)| Member {
            org: format!("ort-{at}").parse().expect("a name"),
            need: StatementId([7; 32]),
            weight: *weight,
        };
        Bundle { key: KeyKind::Inhabitants, members: weights.iter().enumerate().map(member).collect() }
    }

    #[test]
    fn shares_add_up_to_the_cent() {
        // 100.00 euros among 1, 1 and 1: 33.34, 33.33, 33.33; the cent left goes to the first by name.
        let total = Cents::try_from(10_000).expect("an amount");
        let bundle = bundle(&[1, 1, 1]);
        let shares: Vec<i64> = bundle.shares(total).expect("shares").iter().map(|(_, cents)| cents.get()).collect();
        assert_eq!(shares, [3_334, 3_333, 3_333]);
    }

    #[test]
    fn nobody_twice_nobody_without_a_number_and_not_the_buyer() {
        let buyer: OrgId = "kitu".parse().expect("a name");
        assert_eq!(bundle(&[3, 4]).check(&buyer), Ok(()));
        assert!(bundle(&[]).check(&buyer).is_err());
        assert!(bundle(&[1, 0]).check(&buyer).is_err());
        assert!(bundle(&[1, WEIGHT_MAX + 1]).check(&buyer).is_err());
        let mut twice = bundle(&[1, 1]);
        twice.members[1].org = twice.members[0].org.clone();
        assert!(twice.check(&buyer).is_err());
        assert!(bundle(&[1]).check(&"ort-0".parse().expect("a name")).is_err());
    }
}
