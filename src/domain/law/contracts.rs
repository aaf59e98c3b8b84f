//! Cooperation, central purchasing, and contracts awarded otherwise: what stands beside control.
use std::collections::BTreeSet;

use crate::domain::facts::{Cooperation, Membership, Modification, Relation};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::law::cases::Court;
use crate::domain::law::conditions::{plain, said};
use crate::domain::law::{Award, Condition, Finding, Note, Verdict};
use crate::domain::money::Cents;
use crate::domain::rule_pack::Switch;

/// About cooperation (paragraph 6), central purchasing (section 120 (4)) and contracts awarded otherwise.
impl Court<'_> {
    pub(super) fn cooperation(&self, member: &OrgId, of: &OrgId) -> Finding {
        self.confirmed(self.about_relation(Condition::Cooperation, member, of, is_cooperation, |_| Some(plain(true))))
    }

    pub(super) fn common_goals(&self, member: &OrgId, of: &OrgId) -> Finding {
        self.about_cooperation(Condition::CommonGoals, member, of, |terms| terms.common_goals.map(plain))
    }

    pub(super) fn public_interest(&self, member: &OrgId, of: &OrgId) -> Finding {
        self.about_cooperation(Condition::PublicInterest, member, of, |terms| terms.public_interest.map(plain))
    }

    /// Strictly less than the threshold: exactly 20 per cent fails. A pack without one does not ask.
    pub(super) fn market_share(&self, member: &OrgId, of: &OrgId) -> Finding {
        self.about_cooperation(Condition::MarketShare, member, of, |terms| {
            let (share, below) = terms.market_share.zip(self.pack.1.market_below)?;
            Some(match self.unmeasured(terms.market_basis, &terms.market_years) {
                Some(unmeasured) => (Verdict::NotProven, unmeasured),
                None => (said(share < below), Note::Market { share, below }),
            })
        })
    }

    /// Asked where the pack asks it.
    pub(super) fn cooperation_agreement(&self, member: &OrgId, of: &OrgId) -> Option<Finding> {
        self.stand(Switch::CooperationAgreement).is_on().then(|| {
            self.about_cooperation(Condition::CooperationAgreement, member, of, |terms| {
                terms.agreement.as_ref().map(|_| plain(true))
            })
        })
    }

    /// Asked where the pack asks it.
    pub(super) fn no_private_advantage(&self, member: &OrgId, of: &OrgId) -> Option<Finding> {
        self.stand(Switch::PrivateAdvantage).is_on().then(|| {
            self.about_cooperation(Condition::NoPrivateAdvantage, member, of, |terms| {
                terms.private_advantage.map(|advantage| plain(!advantage))
            })
        })
    }

    /// Reported only where the body would provide itself: section 120 (4) frees what it purchases for others.
    pub(super) fn purchases_from_others(&self, org: &OrgId, buyer: &OrgId) -> Option<Finding> {
        self.is_last.then(|| self.doctrine(Condition::PurchasesFromOthers, org, buyer, false))
    }

    pub(super) fn central_purchasing_body(&self, org: &OrgId) -> Finding {
        self.about_entity(Condition::CentralPurchasingBody, org, |fact| fact.central_purchasing.map(plain))
    }

    pub(super) fn contract(&self, member: &OrgId, of: &OrgId, relation: Relation) -> Finding {
        let kind = |fact: &Membership| fact.relation == relation;
        self.confirmed(self.about_relation(Condition::Contract, member, of, kind, |_| Some(plain(true))))
    }

    /// What the contract covers; of one that was awarded, up to which value as well.
    pub(super) fn scope(&self, member: &OrgId, of: &OrgId, relation: Relation) -> Finding {
        let kind = |fact: &Membership| fact.relation == relation;
        self.about_relation(Condition::Scope, member, of, kind, |fact| {
            let bounded = relation == Relation::CooperationContract || fact.volume.is_some();
            fact.scope.as_ref().filter(|_| bounded).map(|_| plain(true))
        })
    }

    /// A contract is signed by the one who keeps it; what the other party has not confirmed counts as assumed.
    fn confirmed(&self, finding: Finding) -> Finding {
        if finding.verdict != Verdict::Fulfilled {
            return finding;
        }
        let confirms = |id: &StatementId| finding.evidence.contains(id);
        let about = self.about(&finding.org).filter(|(_, fact)| fact.holds(self.as_of, self.known_on));
        let by = about.filter(|(_, fact)| fact.confirms.iter().any(confirms));
        match by.max_by_key(|(id, fact)| (!fact.assumed, fact.known_from, **id)) {
            Some((id, fact)) => {
                let evidence: BTreeSet<StatementId> = finding.evidence.iter().copied().chain([*id]).collect();
                Finding { evidence, assumed: finding.assumed || fact.assumed, ..finding }
            }
            None => Finding { assumed: true, note: Note::Unconfirmed, ..finding },
        }
    }

    /// Section 132 (2) Nr. 3: what the parties could not foresee may change a contract that runs, whatever they have become.
    pub(super) fn modification(&self, member: &OrgId, of: &OrgId) -> Vec<Finding> {
        let (condition, relation) = (Condition::RunningContract, Relation::RunningContract);
        let runs = |fact: &Membership| fact.relation == relation;
        vec![
            self.modification_admitted(member, of),
            self.confirmed(self.about_relation(condition, member, of, runs, |_| Some(plain(true)))),
            self.scope(member, of, relation),
            self.about_modification(Condition::Unforeseen, member, of, |_, _| Some(plain(true))),
            self.about_modification(Condition::CharacterKept, member, of, |terms, _| terms.character_kept.map(plain)),
            self.about_modification(Condition::PriceRise, member, of, |terms, volume| {
                let (rise, volume) = (terms.rise, volume?);
                Some((said(2 * i128::from(rise.get()) <= i128::from(volume.get())), Note::Rise { rise, volume }))
            }),
        ]
    }

    /// For concessions it is decided (EuGH C-452/23); for other contracts the same words are read by analogy.
    fn modification_admitted(&self, member: &OrgId, of: &OrgId) -> Finding {
        let (condition, switch) = (Condition::ModificationAdmitted, Switch::ModificationAfterLoss);
        let finding = self.admitted(condition, member, of, switch);
        match self.award {
            Award::Concession if finding.verdict.holds() => {
                Finding { verdict: Verdict::Fulfilled, note: Note::Plain, ..finding }
            }
            _ => finding,
        }
    }

    fn about_modification(
        &self,
        condition: Condition,
        member: &OrgId,
        of: &OrgId,
        answer: impl Fn(&Modification, Option<Cents>) -> Option<(Verdict, Note)>,
    ) -> Finding {
        let runs = |fact: &Membership| fact.relation == Relation::RunningContract;
        self.about_relation(condition, member, of, runs, |fact| answer(fact.modification.as_ref()?, fact.volume))
    }

    pub(super) fn procedure(&self, member: &OrgId, of: &OrgId, relation: Relation) -> Finding {
        let kind = |fact: &Membership| fact.relation == relation;
        self.about_relation(Condition::Procedure, member, of, kind, |fact| {
            fact.procedure.as_ref().map(|_| plain(true))
        })
    }

    fn about_cooperation(
        &self,
        condition: Condition,
        member: &OrgId,
        of: &OrgId,
        answer: impl Fn(&Cooperation) -> Option<(Verdict, Note)>,
    ) -> Finding {
        let terms = |fact: &Membership| fact.cooperation.as_ref().and_then(&answer);
        self.about_relation(condition, member, of, is_cooperation, terms)
    }
}

fn is_cooperation(fact: &Membership) -> bool {
    fact.relation == Relation::CooperationContract
}
