//! The conditions, one function each: what it asks of which facts, and how it concludes from several answers.
use std::collections::BTreeSet;

use crate::domain::fact_base::CONTROL_DEPTH_MAX;
use crate::domain::facts::{
    ActivityBasis, BasisPoints, EntityFacts, Membership, Nature, PrivateCapital, Sector, Turnover,
};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::law::cases::Court;
use crate::domain::law::{Award, Clash, Condition, Finding, Note, Verdict};
use crate::domain::rule_pack::{Provision, Stand, Switch};
use crate::domain::time::Date;

/// How many years section 108 (8) GWB averages.
const YEARS_MEASURED: i16 = 3;

/// How many years before the year of the award the last year measured may lie where the rule pack does not say.
const ACTIVITY_AGE_MAX: i16 = 2;

/// What one fact answers to one question; *not proven* if it speaks of it and settles nothing.
struct Answer {
    id: StatementId,
    in_force: bool,
    valid_from: Date,
    valid_to: Option<Date>,
    known_from: Date,
    assumed: bool,
    verdict: Verdict,
    note: Note,
}

/// About the rules and the parties.
impl Court<'_> {
    pub(super) fn rule_pack_in_force(&self) -> Option<Finding> {
        let (pack, day) = (self.pack.1, self.began);
        let (from, to) = (pack.valid_from, pack.valid_to);
        let note = if day < from {
            Note::Missing { last_day: None, first_day: Some(from) }
        } else if to.is_some_and(|end| end < day) {
            Note::Missing { last_day: to, first_day: None }
        } else {
            return None;
        };
        Some(Finding {
            verdict: Verdict::NotProven,
            org: pack.name.clone(),
            of: None,
            as_of: day,
            note,
            ..self.doctrine(Condition::RulePackInForce, &pack.name, &pack.name, false)
        })
    }

    /// Section 99 Nr. 1 to 3, or by the last paragraph of section 108: for a contract of a sector activity a public utility,
    /// for a concession whoever grants it is treated like one.
    pub(super) fn contracting_authority(&self, org: &OrgId) -> Finding {
        let by = || self.cite(Provision::Accordingly).to_owned();
        self.about_entity(Condition::ContractingAuthority, org, |fact| {
            let only_for = match fact.sector {
                Some(Sector::PublicUtility) => Some(Award::Sector),
                Some(Sector::ConcessionGrantor) => Some(Award::Concession),
                Some(Sector::PrivateUtility) | None => None,
            };
            match (fact.contracting_authority, only_for, fact.sector) {
                (Some(1..=3), ..) => Some((Verdict::Fulfilled, Note::Plain)),
                (_, Some(award), _) if award == self.award => Some((Verdict::Fulfilled, Note::Accordingly(by()))),
                (Some(_), Some(award), _) => Some((Verdict::NotFulfilled, Note::OnlyFor { award, by: by() })),
                (None, Some(award), _) => Some((Verdict::NotProven, Note::OnlyFor { award, by: by() })),
                (Some(_), None, _) | (None, None, Some(_)) => Some((Verdict::NotFulfilled, Note::Plain)),
                (None, None, None) => None,
            }
        })
    }

    /// The same, or a body of public law founded for tasks of general interest, where the pack lets those take part.
    pub(super) fn authority_or_public_purpose(&self, org: &OrgId) -> Finding {
        let authority = self.contracting_authority(org);
        if authority.verdict == Verdict::Fulfilled || !self.stand(Switch::NonAuthorityMembers).is_on() {
            return authority;
        }
        let by = || self.cite(Provision::NonAuthorityMembers).to_owned();
        let public = self.about_entity(Condition::ContractingAuthority, org, |fact| {
            (fact.nature? == Nature::PublicPurpose).then(|| (Verdict::Fulfilled, Note::PublicPurpose(by())))
        });
        if public.verdict == Verdict::Fulfilled { public } else { authority }
    }

    /// A condition the rules themselves answer, without a fact.
    pub(super) fn doctrine(&self, condition: Condition, from: &OrgId, to: &OrgId, yes: bool) -> Finding {
        Finding {
            condition,
            verdict: said(yes),
            org: from.clone(),
            of: Some(to.clone()),
            as_of: self.as_of,
            evidence: BTreeSet::new(),
            assumed: false,
            note: Note::Plain,
            citation: condition.provision().map_or(String::new(), |provision| self.cite(provision).to_owned()),
        }
    }

    /// Whether the rule pack admits something: yes, no, or contested with who says otherwise.
    pub(super) fn admitted(&self, condition: Condition, from: &OrgId, to: &OrgId, switch: Switch) -> Finding {
        let (verdict, note) = self.by_switch(switch);
        Finding { verdict, note, ..self.doctrine(condition, from, to, false) }
    }

    /// What a switch says where it alone decides.
    fn by_switch(&self, switch: Switch) -> (Verdict, Note) {
        match self.stand(switch) {
            Stand::Yes => plain(true),
            Stand::No => plain(false),
            Stand::Contested => {
                let source = self.pack.1.setting(switch).map_or(String::new(), |setting| setting.source.clone());
                (Verdict::Contested, Note::Contested(source))
            }
        }
    }

    /// How a switch of the rule pack stands with the knowledge of the day.
    pub fn stand(&self, switch: Switch) -> Stand {
        self.pack.1.stand(switch, self.known_on)
    }

    pub(super) fn cite(&self, provision: Provision) -> &str {
        self.pack.1.cite(provision)
    }
}

/// About control (paragraphs 1, 2, 4 and 5).
impl Court<'_> {
    /// Of the memberships in force, the one known last says whether the member is alone.
    pub(super) fn sole_control(&self, mother: &OrgId, daughter: &OrgId) -> Finding {
        let finding =
            self.about_control(Condition::SoleControl, mother, daughter, |fact| Some((said(fact.sole), Note::Plain)));
        if finding.verdict != Verdict::Fulfilled {
            return finding;
        }
        let clash = self.beside(mother, daughter, &finding).map(|id| (id, Clash::Sole));
        match clash.or_else(|| self.controlled_from_below(mother, daughter).map(|id| (id, Clash::Cycle))) {
            Some((id, clash)) => contradicted(finding, [id], clash),
            None => finding,
        }
    }

    /// Whether the one who controls alone also directs: reported only where owning does not settle it. Who holds less than
    /// all must have decisive influence that is stated, and so must the owner of a stock company (section 76 AktG).
    pub(super) fn decisive_influence(&self, mother: &OrgId, daughter: &OrgId) -> Option<Finding> {
        let stock = self
            .about(daughter)
            .any(|(_, fact)| fact.holds(self.as_of, self.known_on) && is_stock_company(&fact.legal_form));
        let partly = |fact: &Membership| {
            fact.sole && fact.share.is_some_and(|share| share < BasisPoints::ALL) && self.is_in_force(fact)
        };
        if !stock && !self.between(mother, daughter).any(|(_, fact)| partly(fact)) {
            return None;
        }
        let asked = |fact: &Membership| fact.decisive_influence.map(plain);
        let finding = self.about_control(Condition::DecisiveInfluence, mother, daughter, asked);
        let silent = stock && finding.verdict == Verdict::NotProven && finding.evidence.is_empty();
        Some(if silent { Finding { note: Note::StockCompany, ..finding } } else { finding })
    }

    /// Another whose membership in force makes "alone" impossible. A public holder of the rest does not, where the shares of
    /// both are stated and the one who controls has decisive influence.
    fn beside(&self, mother: &OrgId, daughter: &OrgId, finding: &Finding) -> Option<StatementId> {
        let (facts, number) = (self.facts, self.facts.number(daughter)?);
        let mut directing = finding.evidence.iter().filter_map(|id| facts.membership(id));
        let directs = directing.any(|fact| fact.decisive_influence == Some(true) && fact.share.is_some());
        let is_rest = |fact: &Membership| {
            directs && fact.share.is_some() && fact.decisive_influence != Some(true) && self.is_public(&fact.member)
        };
        let others = facts.members(number).filter(|other| facts.name(*other) != mother);
        let beside = others.flat_map(|other| facts.between(other, number, self.known_on));
        let beside =
            beside.filter(|(_, fact)| fact.relation.can_control() && self.is_in_force(fact) && !is_rest(fact));
        beside.map(|(id, _)| *id).min()
    }

    /// Whether it is known to be an authority or otherwise in public hands.
    fn is_public(&self, org: &OrgId) -> bool {
        let public = |fact: &EntityFacts| {
            matches!(fact.contracting_authority, Some(1..=3))
                || matches!(fact.nature, Some(Nature::Public | Nature::PublicPurpose))
        };
        let about = || self.about(org).filter(|(_, fact)| fact.holds(self.as_of, self.known_on));
        about().any(|(_, fact)| public(fact)) && !about().any(|(_, fact)| fact.nature == Some(Nature::Private))
    }

    fn is_in_force(&self, fact: &Membership) -> bool {
        fact.holds(self.as_of, self.known_on)
    }

    /// A holding in force by which the daughter controls whoever controls the mother, or the mother herself.
    fn controlled_from_below(&self, mother: &OrgId, daughter: &OrgId) -> Option<StatementId> {
        let facts = self.facts;
        let (mother, daughter) = facts.number(mother).zip(facts.number(daughter))?;
        let mut above = BTreeSet::from([mother]);
        for _ in 0..CONTROL_DEPTH_MAX {
            let holds = |owner: u32, of: u32| {
                let mut known = facts.between(owner, of, self.known_on);
                known.find(|(_, fact)| fact.sole && fact.holds(self.as_of, self.known_on)).map(|(id, _)| *id)
            };
            let circle = above.iter().filter_map(|at| holds(daughter, *at)).min();
            if circle.is_some() {
                return circle;
            }
            let higher = above.iter().flat_map(|at| {
                facts.sole_mothers(*at).filter(|owner| holds(*owner, *at).is_some()).collect::<Vec<_>>()
            });
            let higher: BTreeSet<u32> = higher.filter(|owner| !above.contains(owner)).collect();
            if higher.is_empty() {
                return None;
            }
            above.extend(higher);
        }
        None
    }

    pub(super) fn membership(&self, member: &OrgId, of: &OrgId) -> Finding {
        let finding = self.about_control(Condition::Membership, member, of, |fact| {
            (!fact.sole).then_some((Verdict::Fulfilled, Note::Plain))
        });
        let body = self.facts.number(of).filter(|_| finding.verdict == Verdict::Fulfilled);
        let beyond = body.map(|of| self.facts.shares_beyond_whole(of, self.as_of, self.known_on)).unwrap_or_default();
        if beyond.is_empty() { finding } else { contradicted(finding, beyond, Clash::Shares) }
    }

    /// Reported only where a share of nothing is known: then there is no joint control (EuGH C-183/11, Econord).
    pub(super) fn no_stake(&self, member: &OrgId, of: &OrgId) -> Option<Finding> {
        Some(self.about_control(Condition::Stake, member, of, |fact| fact.share.map(some)))
            .filter(|finding| finding.verdict == Verdict::NotFulfilled)
    }

    /// Reported only where a vote of nothing is known.
    pub(super) fn no_vote(&self, member: &OrgId, of: &OrgId) -> Option<Finding> {
        Some(self.about_control(Condition::Vote, member, of, |fact| fact.votes.map(some)))
            .filter(|finding| finding.verdict == Verdict::NotFulfilled)
    }

    /// A seat of its own, or that of the member who represents it.
    pub(super) fn seat(&self, member: &OrgId, of: &OrgId) -> Finding {
        let asked = |fact: &Membership| fact.seat.map(plain);
        let own = self.about_control(Condition::Seat, member, of, asked);
        if own.verdict == Verdict::Fulfilled {
            return own;
        }
        let named =
            self.between(member, of).filter(|(_, fact)| fact.relation.can_control() && self.is_in_force(fact));
        let named = named.filter(|(_, fact)| fact.represented_by.is_some());
        let Some((id, fact)) = named.max_by_key(|(id, fact)| (fact.known_from, **id)) else { return own };
        let Some(other) = fact.represented_by.as_ref() else { return own };
        let theirs = self.about_control(Condition::Seat, other, of, asked);
        if theirs.verdict != Verdict::Fulfilled {
            return own;
        }
        Finding {
            org: member.clone(),
            evidence: theirs.evidence.iter().copied().chain([*id]).collect(),
            assumed: theirs.assumed || fact.assumed,
            note: Note::RepresentedBy(other.clone()),
            ..theirs
        }
    }

    pub(super) fn all_represented(&self, org: &OrgId) -> Finding {
        self.about_entity(Condition::AllRepresented, org, |fact| fact.all_represented.map(plain))
    }

    /// Reported only where another member is known to be no contracting authority: then the pack says whether it may share in
    /// the control. The one that tells most against it is named. It is an objection, not a proof: the register of a body is
    /// never known to be whole.
    pub(super) fn controllers(&self, member: &OrgId, of: &OrgId) -> Option<Finding> {
        let number = self.facts.number(of)?;
        let others = self.facts.doubtful_members(number).filter(|other| self.facts.name(*other) != member);
        let doubtful = others.filter_map(|other| self.controller(other, number));
        let worst = |one: &Finding| (one.verdict, std::cmp::Reverse(one.org.clone()));
        doubtful.max_by_key(worst)
    }

    /// A member in force that is no authority; none where it is one, or nothing says that it is not.
    fn controller(&self, member: u32, of: u32) -> Option<Finding> {
        let facts = self.facts;
        let held = facts.between(member, of, self.known_on);
        let held = held.filter(|(_, fact)| fact.relation.can_control() && self.is_in_force(fact));
        let (id, held) = held.max_by_key(|(id, fact)| (fact.known_from, **id))?;
        let (member, of) = (facts.name(member), facts.name(of));
        let authority = self.contracting_authority(member);
        if authority.verdict != Verdict::NotFulfilled {
            return None;
        }
        let may = self.stand(Switch::NonAuthorityMembers).is_on();
        let by = || self.cite(Provision::NonAuthorityMembers).to_owned();
        let nature = self.about_entity(Condition::Controllers, member, |fact| {
            Some(match (fact.nature?, may) {
                (Nature::PublicPurpose, true) => (Verdict::Fulfilled, Note::PublicPurpose(by())),
                _ => plain(false),
            })
        });
        let verdict = match (nature.verdict, may) {
            (Verdict::NotProven, false) => Verdict::NotFulfilled,
            (verdict, _) => verdict,
        };
        let evidence = authority.evidence.iter().chain(&nature.evidence).copied().chain([*id]).collect();
        let assumed = authority.assumed || nature.assumed || held.assumed;
        Some(Finding { verdict, of: Some(of.clone()), evidence, assumed, ..nature })
    }

    pub(super) fn joint_influence(&self, org: &OrgId) -> Finding {
        self.about_entity(Condition::JointInfluence, org, |fact| fact.joint_influence.map(plain))
    }

    pub(super) fn no_contrary_interests(&self, org: &OrgId) -> Finding {
        self.about_entity(Condition::NoContraryInterests, org, |fact| {
            fact.contrary_interests.map(|contrary| plain(!contrary))
        })
    }
}

/// About activity, entrustment and capital (paragraphs 1, 4, 7 and 8).
impl Court<'_> {
    /// Strictly more than the threshold: exactly 80 per cent fails.
    pub(super) fn activity_share(&self, org: &OrgId) -> Finding {
        let above = self.pack.1.activity_above;
        let finding = self.about_entity(Condition::ActivityShare, org, |fact| {
            let share = fact.activity_share?;
            let unmeasured = self.unmeasured(fact.activity_basis, &fact.activity_years);
            Some(match (fact.activity_basis, unmeasured) {
                (Some(ActivityBasis::Projection), _) if self.may_project(fact) => {
                    let by = self.cite(Provision::Projection).to_owned();
                    (said(share > above), Note::Projection { share, above, by })
                }
                (Some(ActivityBasis::Projection), _) => (Verdict::NotProven, Note::ProjectionOnly),
                (_, Some(unmeasured)) => (Verdict::NotProven, unmeasured),
                (basis, None) => match self.of_group(basis, fact).filter(|_| share > above) {
                    Some(note) => (Verdict::NotProven, note),
                    None => (said(share > above), Note::Share { share, above }),
                },
            })
        });
        if finding.verdict != Verdict::Fulfilled {
            return finding;
        }
        match self.daughter_of_no_parent(org, &finding) {
            Some(id) => contradicted(finding, [id], Clash::Group),
            None => finding,
        }
    }

    /// Why a turnover does not settle the share: nothing is said of a group, or only the parent's own counts (EuGH
    /// C-692/23). What fails by its own turnover already is not asked.
    fn of_group(&self, basis: Option<ActivityBasis>, fact: &EntityFacts) -> Option<Note> {
        if basis != Some(ActivityBasis::Turnover) || !self.stand(Switch::GroupTurnover).is_on() {
            return None;
        }
        let by = || self.cite(Provision::GroupTurnover).to_owned();
        match fact.group.as_ref().map(|group| group.turnover) {
            None => Some(Note::GroupUnknown(by())),
            Some(Turnover::Own) => Some(Note::GroupOwn(by())),
            Some(Turnover::NotAParent | Turnover::Consolidated | Turnover::Summed) => None,
        }
    }

    /// A body that it controls alone by that body's word, though the fact found says that it is the parent of nobody.
    fn daughter_of_no_parent(&self, org: &OrgId, finding: &Finding) -> Option<StatementId> {
        if !self.stand(Switch::GroupTurnover).is_on() {
            return None;
        }
        let facts = self.facts;
        let mut found = finding.evidence.iter().filter_map(|id| facts.entity(id));
        let no_parent = |fact: &EntityFacts| {
            let turnover = fact.group.as_ref().map(|group| group.turnover);
            fact.activity_basis == Some(ActivityBasis::Turnover) && turnover == Some(Turnover::NotAParent)
        };
        if !found.any(no_parent) {
            return None;
        }
        let number = facts.number(org)?;
        let held = facts.sole_daughters(number).flat_map(|of| facts.between(number, of, self.known_on));
        held.filter(|(_, fact)| fact.sole && self.is_in_force(fact)).map(|(id, _)| *id).min()
    }

    /// Asked where the pack asks it: a task of the member, transferred by an act that can be looked up, in force on the day
    /// and not older than the member's remit.
    pub(super) fn entrustment(&self, member: &OrgId, of: &OrgId) -> Option<Finding> {
        if !self.stand(Switch::Entrustment).is_on() {
            return None;
        }
        let finding = self.about_control(Condition::Entrustment, member, of, |fact| {
            let since = fact.entrustment.as_ref()?.on;
            let note = Note::Missing { last_day: None, first_day: Some(since) };
            Some(if since <= self.as_of { plain(true) } else { (Verdict::NotProven, note) })
        });
        if finding.verdict != Verdict::Fulfilled {
            return Some(finding);
        }
        let act = finding.evidence.iter().filter_map(|id| self.facts.membership(id)).next();
        let since = act.and_then(|fact| fact.entrustment.as_ref()).map(|entrustment| entrustment.on);
        let remit = self.about(member).filter(|(_, fact)| fact.holds(self.as_of, self.known_on));
        let remit = remit.filter_map(|(id, fact)| Some((fact.known_from, *id, fact.remit_since?))).max();
        Some(match remit.filter(|(_, _, remit)| since.is_some_and(|since| since < *remit)) {
            Some((_, id, _)) => contradicted(finding, [id], Clash::Remit),
            None => finding,
        })
    }

    /// The average is that of the three years before the award; accounts of the last may still be open.
    pub(super) fn unmeasured(&self, basis: Option<ActivityBasis>, years: &[i16]) -> Option<Note> {
        let last = years.last().copied().filter(|_| basis.is_some());
        let three = years.len() == YEARS_MEASURED as usize;
        let age_max = self.pack.1.activity_age_max.unwrap_or(ACTIVITY_AGE_MAX);
        let in_time = |last: i16| (1..=age_max).contains(&self.as_of.year().saturating_sub(last));
        if three && last.is_some_and(in_time) { None } else { Some(Note::Unmeasured { last }) }
    }

    /// A projection will do while three full years since the foundation or reorganisation are missing.
    fn may_project(&self, fact: &EntityFacts) -> bool {
        let three_years = Date::new(self.as_of.year().saturating_sub(YEARS_MEASURED), 1, 1);
        fact.reorganised_on.zip(three_years.ok()).is_some_and(|(since, begin)| begin < since && since <= self.as_of)
    }

    /// Any share above nothing counts, save what the law prescribes.
    pub(super) fn no_private_capital(&self, org: &OrgId) -> Finding {
        self.capital(Condition::NoPrivateCapital, org, || plain(true))
    }

    /// The same of whoever receives an inverse or sister award: whether prescribed capital does no harm there, the pack says.
    pub(super) fn no_private_in_recipient(&self, org: &OrgId) -> Finding {
        let finding = self.capital(Condition::NoPrivateCapital, org, || self.by_switch(Switch::PrescribedInverse));
        Finding { citation: self.cite(Provision::PrivateInverse).to_owned(), ..finding }
    }

    /// The same of a body through which control is exercised: what private capital does there, the pack says.
    pub(super) fn no_private_between(&self, org: &OrgId) -> Finding {
        let finding = self.capital(Condition::NoPrivateBetween, org, || plain(true));
        if finding.verdict != Verdict::NotFulfilled {
            return finding;
        }
        let (verdict, note) = self.by_switch(Switch::PrivateBetween);
        if verdict == Verdict::NotFulfilled { finding } else { Finding { verdict, note, ..finding } }
    }

    fn capital(&self, condition: Condition, org: &OrgId, prescribed: impl Fn() -> (Verdict, Note)) -> Finding {
        let finding = self.about_entity(condition, org, |fact| {
            let share = fact.private_share.filter(|share| *share > BasisPoints::NONE);
            let note = share.map_or(Note::Plain, Note::Private);
            match (fact.private_capital, fact.private_share) {
                (Some(PrivateCapital::PrescribedByLaw), _) => Some(prescribed()),
                (Some(PrivateCapital::None), _) => Some(plain(true)),
                (Some(PrivateCapital::Present), _) => Some((Verdict::NotFulfilled, note)),
                (None, Some(found)) => Some((said(found == BasisPoints::NONE), note)),
                (None, None) => None,
            }
        });
        let says_none = |id: &StatementId| {
            self.facts.entity(id).is_some_and(|fact| fact.private_capital != Some(PrivateCapital::PrescribedByLaw))
        };
        if finding.verdict == Verdict::NotFulfilled || !finding.evidence.iter().all(says_none) {
            return finding;
        }
        match self.private_member(org) {
            Some(ids) => contradicted(finding, ids, Clash::PrivateMember),
            None => finding,
        }
    }

    /// A member in force that is in private hands by its own word, as the register of the body knows it.
    fn private_member(&self, of: &OrgId) -> Option<[StatementId; 2]> {
        let facts = self.facts;
        let number = facts.number(of)?;
        let held = facts.doubtful_members(number).flat_map(|member| facts.between(member, number, self.known_on));
        let held = held.filter(|(_, fact)| fact.relation.can_control() && self.is_in_force(fact));
        let held = held.filter(|(_, fact)| fact.share != Some(BasisPoints::NONE));
        let private = held.filter_map(|(id, fact)| {
            let about = self.about(&fact.member).filter(|(_, about)| about.holds(self.as_of, self.known_on));
            let stated = about.filter(|(_, about)| about.nature.is_some());
            let (by, last) = stated.max_by_key(|(id, about)| (about.known_from, **id))?;
            (last.nature == Some(Nature::Private)).then_some([*id, *by])
        });
        private.min()
    }
}

/// How facts are asked and answers weighed.
impl Court<'_> {
    /// Asks the facts about one organisation. A fact that is silent on the question does not count as an answer.
    pub(super) fn about_entity(
        &self,
        condition: Condition,
        org: &OrgId,
        answer: impl Fn(&EntityFacts) -> Option<(Verdict, Note)>,
    ) -> Finding {
        let answers = self.about(org).filter_map(|(id, fact)| {
            answer(fact).map(|(verdict, note)| Answer {
                id: *id,
                in_force: fact.holds(self.as_of, self.known_on),
                valid_from: fact.valid_from,
                valid_to: fact.valid_to,
                known_from: fact.known_from,
                assumed: fact.assumed,
                verdict,
                note,
            })
        });
        self.conclude(condition, org, None, answers.collect())
    }

    /// Asks the memberships of one organisation in another, those that can carry control.
    pub(super) fn about_control(
        &self,
        condition: Condition,
        member: &OrgId,
        of: &OrgId,
        answer: impl Fn(&Membership) -> Option<(Verdict, Note)>,
    ) -> Finding {
        let finding = self.about_relation(condition, member, of, |fact| fact.relation.can_control(), answer);
        match self.ended_by_later_word(member, of).filter(|_| finding.verdict == Verdict::Fulfilled) {
            Some(id) => contradicted(finding, [id], Clash::Intervals),
            None => finding,
        }
    }

    /// The membership known last, if it covered the same time as one still in force, and has ended.
    fn ended_by_later_word(&self, member: &OrgId, of: &OrgId) -> Option<StatementId> {
        let known = || self.between(member, of).filter(|(_, fact)| fact.relation.can_control());
        let (id, last) = known().max_by_key(|(id, fact)| (fact.known_from, **id))?;
        let ended = last.valid_to.is_some_and(|end| end < self.as_of);
        let open = |fact: &Membership| fact.holds(self.as_of, self.known_on) && fact.overlaps(last);
        (ended && known().any(|(_, fact)| open(fact))).then_some(*id)
    }

    pub(super) fn about_relation(
        &self,
        condition: Condition,
        member: &OrgId,
        of: &OrgId,
        kind: impl Fn(&Membership) -> bool,
        answer: impl Fn(&Membership) -> Option<(Verdict, Note)>,
    ) -> Finding {
        let facts = self.between(member, of).filter(|(_, fact)| kind(fact) && !fact.revoked);
        let answers = facts.filter_map(|(id, fact)| {
            answer(fact).map(|(verdict, note)| Answer {
                id: *id,
                in_force: fact.holds(self.as_of, self.known_on),
                valid_from: fact.valid_from,
                valid_to: fact.valid_to,
                known_from: fact.known_from,
                assumed: fact.assumed,
                verdict,
                note,
            })
        });
        self.conclude(condition, member, Some(of), answers.collect())
    }

    /// Of the answers in force that settle the question the one known last holds, then the greater id, so that every
    /// node concludes the same. Where none settles it, the one known last says why.
    fn conclude(&self, condition: Condition, org: &OrgId, of: Option<&OrgId>, answers: Vec<Answer>) -> Finding {
        let finding = |verdict, evidence, assumed, note| Finding {
            condition,
            verdict,
            org: org.clone(),
            of: of.cloned(),
            as_of: self.as_of,
            evidence,
            assumed,
            note,
            citation: condition.provision().map_or(String::new(), |provision| self.cite(provision).to_owned()),
        };
        let in_force = answers.iter().filter(|answer| answer.in_force);
        let settles = |answer: &Answer| answer.verdict != Verdict::NotProven;
        let latest = in_force.max_by_key(|answer| (settles(answer), answer.known_from, answer.id));
        if let Some(latest) = latest {
            return finding(latest.verdict, BTreeSet::from([latest.id]), latest.assumed, latest.note.clone());
        }
        let others = || answers.iter().filter(|answer| answer.verdict == Verdict::Fulfilled);
        let before = others()
            .filter_map(|answer| answer.valid_to.filter(|end| *end < self.as_of).map(|end| (end, answer)))
            .max_by_key(|(end, answer)| (*end, answer.id));
        let after = others()
            .filter(|answer| answer.valid_from > self.as_of)
            .min_by_key(|answer| (answer.valid_from, answer.id));
        let note = Note::Missing {
            last_day: before.as_ref().map(|(end, _)| *end),
            first_day: after.map(|answer| answer.valid_from),
        };
        let cited: Vec<&Answer> = before.map(|(_, answer)| answer).into_iter().chain(after).collect();
        let evidence = cited.iter().map(|answer| answer.id).collect();
        finding(Verdict::NotProven, evidence, cited.iter().any(|answer| answer.assumed), note)
    }
}

/// The finding, not proven because those statements contradict it.
fn contradicted(finding: Finding, by: impl IntoIterator<Item = StatementId>, clash: Clash) -> Finding {
    let evidence = finding.evidence.iter().copied().chain(by).collect();
    Finding { verdict: Verdict::NotProven, evidence, note: Note::Contradiction(clash), ..finding }
}

/// Whether a legal form is that of a company whose board nobody directs, as people write it.
fn is_stock_company(form: &str) -> bool {
    let form = form.trim().to_lowercase();
    ["ag", "gag", "se", "kgaa", "aktiengesellschaft", "ag & co. kg", "ag & co. kgaa"].contains(&form.as_str())
}

pub(super) fn said(yes: bool) -> Verdict {
    if yes { Verdict::Fulfilled } else { Verdict::NotFulfilled }
}

pub(super) fn plain(yes: bool) -> (Verdict, Note) {
    (said(yes), Note::Plain)
}

fn some(share: BasisPoints) -> (Verdict, Note) {
    plain(share > BasisPoints::NONE)
}
