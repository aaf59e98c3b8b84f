//! What is needed: the grounds of an order, and an order for a member as well, with its mandate and what is called off.
use verbund::domain::annex::{Annex, Texts};
use verbund::domain::grounds::{Grounds, KnownLog, OtherOffering, Selection, Why};
use verbund::domain::id::StatementId;
use verbund::domain::law::cases::judge_leg;
use verbund::domain::offering::Need;
use verbund::domain::order::call_off::CallOff;
use verbund::domain::order::mandate::Mandate;
use verbund::domain::order::{LegFinding, Request};
use verbund::domain::price::KeyKind;
use verbund::domain::reason::Reason;
use verbund::domain::statement::Kind;
use verbund::log::checkpoint::Checkpoint;

use super::script::Mandated;
use super::{World, cents, day, hours, org, secret};

impl World {
    /// A need, and three offerings that were not chosen: dearer, not proven, and for a reason that nobody gave.
    pub(super) fn grounds(&mut self) -> Grounds {
        let note = "Wohnsitz online anmelden".to_owned();
        let need =
            Need { municipality: org("barleben"), leika: Vec::new(), note, until: day("2027-06-30"), through: None };
        let other = |number, seller, against: Option<Reason>, total| OtherOffering {
            offering: StatementId([number; 32]),
            seller: org(seller),
            title: "Wohnsitzanmeldung".to_owned(),
            against: against.map(|reason| reason.code().to_owned()),
            total,
            why: None,
        };
        Grounds {
            need: Some(self.publish("barleben", Kind::Need, &need)),
            searched: true,
            alternatives: vec![
                other(1, "govdigital", None, Some(cents(1_110_000))),
                other(2, "akdb", Some(Reason::LegNotProven), None),
                other(3, "kid", None, None),
            ],
            selection: None,
        }
    }

    /// The search by which the others were found, frozen an hour before the request; for each of them a reason.
    pub(super) fn freeze(&self, grounds: Grounds) -> Grounds {
        let Some(bend) = self.script.frozen else { return grounds };
        // As the witnesses have seen it last.
        let known = |name: &str| {
            let mut seen = self.covers.iter().filter(|((of, _), _)| of == name);
            let (_, note) = seen.next_back().expect("a log that was seen");
            let head = Checkpoint::parse(note.text()).expect("a checkpoint");
            KnownLog { log: head.origin, size: head.size, root: head.root }
        };
        let mut selection = Selection {
            node: "kitu".parse().expect("a name"),
            frozen_at: hours(-1),
            filters: vec!["topic=Querschnitt".to_owned()],
            found: 6,
            place: 2,
            known: vec![known("dataport"), known("kitu")],
        };
        bend(&mut selection);
        let whys = [Why::Price, Why::Route, Why::Other];
        let with = |(other, why)| OtherOffering { why: Some(why), ..other };
        let alternatives = grounds.alternatives.into_iter().zip(whys).map(with).collect();
        Grounds { alternatives, selection: Some(selection), ..grounds }
    }

    /// What the officer says beside the request.
    pub(super) fn officers_words(&mut self) -> Annex {
        let words = Texts {
            purpose: "Ersatz des Papierverfahrens".to_owned(),
            choice: "Günstigstes Angebot mit belegtem Weg".to_owned(),
            query: self.script.frozen.map(|_| "wohnsitz anmelden".to_owned()).unwrap_or_default(),
            ..Texts::default()
        };
        let annex = Annex::write(words, [9; 32]).expect("admissible").expect("says something");
        self.annexes.push(annex.clone());
        annex
    }

    /// Halberstadt has a need, and lets somebody order for it.
    pub(super) fn give_mandate(&mut self) -> Option<(StatementId, StatementId)> {
        let given = self.script.mandate?;
        let until = day("2027-06-30");
        let note = "Wohnsitz online anmelden".to_owned();
        let need = Need { municipality: org("halberstadt"), leika: Vec::new(), note, until, through: None };
        let need = self.publish("halberstadt", Kind::Need, &need);
        let first = self.mandate(given, need, None, "einkauf");
        if let Some(officer) = given.approver.filter(|_| !given.approved_late) {
            self.mandate(given, need, Some(first), officer);
        }
        Some((need, first))
    }

    fn mandate(
        &mut self,
        given: Mandated,
        need: StatementId,
        approves: Option<StatementId>,
        officer: &str,
    ) -> StatementId {
        let body = Mandate {
            order: Mandate::matter(&org("halberstadt"), &need),
            attempt: 1,
            org: org("halberstadt"),
            to: org(given.to),
            need,
            cap: cents(given.cap),
            until: day(given.until),
            approves,
            officer: officer.parse().expect("name"),
            signed_at: hours(self.now),
            salt: self.salt(),
        };
        self.say("halberstadt", Kind::Mandate, &body, &secret(&format!("officer/halberstadt/{officer}")))
    }

    /// Halberstadt's part: the whole, because nobody else takes part.
    pub(super) fn call_off(&mut self, request: &Request, seal: StatementId, mandate: StatementId) {
        let given = self.script.mandate.expect("it is ordered for");
        let leg = (&org("halberstadt"), &org("barleben"));
        let pack = (&self.founding.rule_pack, &self.pack);
        let judged = judge_leg(&self.facts, pack, leg.0, leg.1, request.as_of, request.signed_at.date());
        let member = request.gathered.as_ref().expect("members").members[0].clone();
        let mut body = CallOff {
            order: request.order,
            attempt: 1,
            seal,
            from: org("barleben"),
            to: member.org,
            need: member.need,
            mandate: if given.is_named { mandate } else { StatementId([9; 32]) },
            offering: request.offering,
            provider: org("dataport"),
            term_years: request.term_years,
            key: KeyKind::Fixed,
            weight: 1,
            weights: 1,
            total: self.total(),
            share: self.total(),
            leg: LegFinding {
                verdict: judged.verdict,
                basis: judged.basis,
                assumed: judged.assumed(),
                evidence: judged.evidence().into_iter().collect(),
                as_of: judged.as_of,
                from: leg.0.clone(),
                to: leg.1.clone(),
            },
            rule_pack: request.rule_pack,
            procedure_began: request.procedure_day(),
            award: request.award,
            signed_at: hours(self.script.sealed_after + 1),
            salt: self.salt(),
        };
        (given.bend)(&mut body);
        self.say("barleben", Kind::CallOff, &body, &secret("org/barleben/statement"));
        if let Some(officer) = given.approver.filter(|_| given.approved_late) {
            self.mandate(given, body.need, Some(mandate), officer);
        }
        self.cover("kitu", self.now + given.seen_late);
    }
}
