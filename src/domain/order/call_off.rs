//! A call-off (*Einzelabruf*): what one member gets of an order for several, and nothing about the others.
use serde::{Deserialize, Serialize};

use crate::domain::id::{OrderId, OrgId, StatementId};
use crate::domain::law::Award;
use crate::domain::money::Cents;
use crate::domain::offering::TERM_YEARS_MAX;
use crate::domain::order::mandate::Asked;
use crate::domain::order::{LegFinding, Request};
use crate::domain::price::{KeyKind, PARTIES_MAX, WEIGHT_MAX};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::time::{Date, Timestamp};

/// Largest sum of all numbers: as many members as an order can have, each with the largest.
const WEIGHTS_MAX: u64 = WEIGHT_MAX * PARTIES_MAX as u64;

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
    /// The member's mandate.
    pub mandate: StatementId,
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
    /// The rule pack by which that leg was judged.
    pub rule_pack: StatementId,
    /// Day on which the award procedure began; it decides which law holds.
    pub procedure_began: Date,
    /// What kind of contract it is.
    #[serde(default, skip_serializing_if = "Award::is_general")]
    pub award: Award,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

impl CallOff {
    /// The rules it must meet on its own.
    pub fn check_terms(&self) -> Result<(), Refusal> {
        let out = [
            ("term_years", !(1..=TERM_YEARS_MAX).contains(&self.term_years)),
            ("weight", !(1..=WEIGHT_MAX).contains(&self.weight) || self.weight > self.weights),
            ("weights", self.weights > WEIGHTS_MAX),
            ("share", self.share > self.total),
        ];
        match out.into_iter().find(|(_, is_out)| *is_out) {
            Some((field, _)) => {
                Err(Refusal::new(Reason::FieldInvalid).with("field", field).with("rule", "out of range"))
            }
            None => Ok(()),
        }
    }

    /// What it asks of the mandate.
    pub fn asked(&self) -> Asked<'_> {
        let (need, share, day) = (self.need, self.share, self.signed_at.date());
        Asked { member: &self.to, by: &self.from, need, share, day }
    }

    /// Whether the share is what the member's number gives of the total, but for less than the cent by which shares are
    /// rounded: all that can be said without the other members.
    pub fn check_share(&self) -> Result<(), Refusal> {
        let [share, total] = [self.share, self.total].map(|cents| i128::from(cents.get()));
        let [weight, weights] = [self.weight, self.weights].map(i128::from);
        if (share * weights - total * weight).abs() < weights {
            return Ok(());
        }
        Err(Refusal::new(Reason::PriceMismatch).with("sealed", self.share).with("total", self.total))
    }

    /// Whether it is what the sealed order gives this member: its number, its share, and the order's own terms.
    pub fn check(&self, request: &Request, seal: StatementId, total: Cents) -> Result<(), Refusal> {
        let refuse = |rule: &str| Refusal::new(Reason::ChainBroken).with("org", &self.to).with("rule", rule);
        let gathered = request.gathered.as_ref().ok_or_else(|| refuse("an order for one buyer only"))?;
        let shares = gathered.shares(total)?;
        let found = shares.into_iter().find(|(member, _)| member.org == self.to);
        let (member, share) = found.ok_or_else(|| refuse("not a member of the order"))?;
        let terms = (self.seal, &self.from, self.offering, &self.provider, self.term_years, self.total);
        let sealed = (seal, &request.buyer, request.offering, request.route.provider(), request.term_years, total);
        if terms != sealed {
            return Err(refuse("other terms than the order's"));
        }
        if (self.need, self.key, self.weight, self.weights)
            != (member.need, gathered.key, member.weight, gathered.weights())
        {
            return Err(refuse("another key than the order's"));
        }
        let law = (request.rule_pack, request.procedure_day(), request.award);
        if (self.rule_pack, self.procedure_began, self.award) != law {
            return Err(refuse("another law than the order's"));
        }
        if self.share != share {
            return Err(Refusal::new(Reason::PriceMismatch).with("sealed", self.share).with("sum", share));
        }
        Ok(())
    }
}
