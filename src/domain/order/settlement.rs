//! A settlement: two parties of a sealed order end a contradiction between them, each in a statement of its own.
//!
//! One party proposes, the other signs the same terms and names the proposal; until then nothing is settled. The seal
//! stands, whatever two of its parties agree: what changes a contract is an order of its own with a seal of its own.
use serde::{Deserialize, Serialize};

use crate::domain::id::{OfficerName, OrderId, OrgId, StatementId};
use crate::domain::order::{NOTE_CHARS_MAX, Seal};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::text::{checked_text, required};
use crate::domain::time::Timestamp;

/// Most settlements that one party may propose or agree to for an order: more than a contract sees in its life, few
/// enough to list.
pub const SETTLEMENTS_MAX: u32 = 20;

/// Most statements that one settlement is about: several versions of one, and what they contradict.
pub const ABOUT_MAX: usize = 8;

/// One party's half of a settlement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Settlement {
    /// The order.
    pub order: OrderId,
    /// The attempt that was sealed.
    pub attempt: u32,
    /// The seal.
    pub seal: StatementId,
    /// Who signs.
    pub from: OrgId,
    /// With whom.
    pub to: OrgId,
    /// Counts up from 1, for each party.
    pub number: u32,
    /// The statements that contradict one another or the seal.
    pub about: Vec<StatementId>,
    /// Which statement holds: the seal, or one that it rests on. Absent where the terms say it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<StatementId>,
    /// What holds between the two from now on.
    pub terms: String,
    /// The other party's proposal that this agrees to; absent in a proposal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agrees: Option<StatementId>,
    /// Who of the party signs.
    pub officer: OfficerName,
    /// When.
    pub signed_at: Timestamp,
    /// Hides the hash.
    pub salt: Salt,
}

impl Settlement {
    /// The rules it must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        let refuse = |field| Err(Refusal::new(Reason::FieldInvalid).with("field", field));
        // One line: in no list can it pass for more than one entry.
        checked_text("terms", &self.terms, NOTE_CHARS_MAX)?;
        required("terms", &self.terms)?;
        if self.to == self.from {
            return refuse("to");
        }
        if !(1..=SETTLEMENTS_MAX).contains(&self.number) {
            return refuse("number").map_err(|refusal: Refusal| refusal.with("at_most", SETTLEMENTS_MAX));
        }
        let again = self.about.iter().enumerate().any(|(at, id)| self.about[..at].contains(id));
        if again || !(1..=ABOUT_MAX).contains(&self.about.len()) {
            return refuse("about").map_err(|refusal: Refusal| refusal.with("at_most", ABOUT_MAX));
        }
        Ok(())
    }

    /// Whether this agrees to exactly what the other party has proposed.
    pub fn has_terms_of(&self, proposal: &Self) -> bool {
        proposal.agrees.is_none()
            && (&self.from, &self.to) == (&proposal.to, &proposal.from)
            && (&self.about, self.holds, &self.terms) == (&proposal.about, proposal.holds, &proposal.terms)
    }

    /// Whether this says what the same party has said already, signed another time.
    pub fn repeats(&self, said: &Self) -> bool {
        let (number, officer) = (said.number, said.officer.clone());
        *said == Self { number, officer, signed_at: said.signed_at, salt: said.salt, ..self.clone() }
    }

    /// What is said to hold is the seal or what it rests on: two parties cannot put another contract in its place.
    pub fn check_holds(&self, seal: &Seal) -> Result<(), Refusal> {
        match self.holds {
            Some(id) if id != self.seal && !seal.chain.contains(&id) => {
                Err(Refusal::new(Reason::SettlementAgainstSeal).with("holds", id))
            }
            _ => Ok(()),
        }
    }
}
