//! What would change the answer: which fact would have to be shown, and who can sign it.
use crate::domain::law::{Condition, Finding, Verdict};
use crate::domain::reason::Lang;

/// Who can sign what a condition asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Signer {
    /// The organisation the finding is about.
    Itself,
    /// The body on the other side, which keeps the register.
    Body,
    /// Both: the one keeps the contract, the other confirms it.
    Both,
    /// Nobody: it is a question of law, on which the trustees publish a rule pack.
    Trustees,
}

impl Condition {
    fn signer(self) -> Signer {
        match self {
            Self::Membership
            | Self::SoleControl
            | Self::DecisiveInfluence
            | Self::ControllingRelation
            | Self::Stake
            | Self::Vote
            | Self::Seat
            | Self::Entrustment
            | Self::CommonGoals
            | Self::PublicInterest
            | Self::MarketShare
            | Self::CooperationAgreement
            | Self::NoPrivateAdvantage
            | Self::Procedure
            | Self::Scope
            | Self::Unforeseen
            | Self::CharacterKept
            | Self::PriceRise => Signer::Body,
            Self::Cooperation | Self::Contract | Self::RunningContract => Signer::Both,
            Self::RulePackInForce
            | Self::SameMother
            | Self::InverseJointAdmitted
            | Self::JointIndirectAdmitted
            | Self::JointChainedAdmitted
            | Self::HalfSistersAdmitted
            | Self::PurchasesFromOthers
            | Self::ModificationAdmitted => Signer::Trustees,
            Self::ContractingAuthority
            | Self::AllRepresented
            | Self::Controllers
            | Self::JointInfluence
            | Self::NoContraryInterests
            | Self::ActivityShare
            | Self::NoPrivateCapital
            | Self::NoPrivateBetween
            | Self::CentralPurchasingBody => Signer::Itself,
        }
    }
}

impl Finding {
    /// Whether another fact, or another reading of the law, would change it for the better.
    pub fn is_open(&self) -> bool {
        self.verdict != Verdict::Fulfilled || self.assumed
    }

    /// What would have to be shown and who can sign it, in one sentence; nothing for what is proven.
    pub fn proof(&self, lang: Lang) -> Option<String> {
        if !self.is_open() {
            return None;
        }
        let signer = self.condition.signer();
        if self.verdict == Verdict::Contested || signer == Signer::Trustees {
            return Some(match lang {
                Lang::De => {
                    "Das klärt keine Tatsache: Es ist eine Rechtsfrage, und wie sie steht, sagt das Regelwerk der Treuhänder."
                }
                Lang::En => {
                    "No fact settles this: it is a question of law, and the trustees' rule pack says how it stands."
                }
            }
            .to_owned());
        }
        let clause = self.clause(lang, false);
        let by = if self.citation.is_empty() { String::new() } else { format!(" ({})", self.citation) };
        let who = self.signers(signer, lang);
        Some(match lang {
            Lang::De => format!("Nachzuweisen wäre, dass {clause}{by}; unterschreiben kann das {who}."),
            Lang::En => format!("To be shown: that {clause}{by}; {who} can sign it."),
        })
    }

    fn signers(&self, signer: Signer, lang: Lang) -> String {
        match (signer, &self.of) {
            (Signer::Body, Some(body)) => body.to_string(),
            (Signer::Both, Some(body)) => match lang {
                Lang::De => format!("{body}, und {} bestätigt es", self.org),
                Lang::En => format!("{body} signs and {} confirms, so both", self.org),
            },
            _ => self.org.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::law::tests::World;

    #[test]
    fn who_can_sign_what_is_missing_is_named() {
        let mut world = World::on("2026-08-01");
        world.member("town", "coop", "2010-01-01", |fact| fact.seat = None);
        world.entity("town", |_| ());
        world.entity("coop", |fact| fact.activity_share = None);
        let judged = world.judge("town", "coop");
        let told: Vec<String> = judged.findings.iter().filter_map(|finding| finding.proof(Lang::De)).collect();
        assert_eq!(
            told,
            [
                "Nachzuweisen wäre, dass town in den beschlussfassenden Organen von coop vertreten ist (§ 108 Abs. 5 \
                 Nr. 1 GWB); unterschreiben kann das coop.",
                "Nachzuweisen wäre, dass coop den geforderten Anteil der Tätigkeiten für die ausführt, die coop \
                 kontrollieren (§ 108 Abs. 1 Nr. 2, Abs. 4 Nr. 2 GWB); unterschreiben kann das coop.",
            ]
        );
    }
}
