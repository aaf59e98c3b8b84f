//! What parties say after the seal: confirmations of a late one, settlements of a contradiction, erasures.
use verbund::domain::annex::Annex;
use verbund::domain::id::StatementId;
use verbund::domain::order::erasure::Erasure;
use verbund::domain::order::settlement::Settlement;
use verbund::domain::order::{Confirm, Request};
use verbund::domain::statement::Kind;

use super::script::Settling;
use super::{World, hours, org, secret};

impl World {
    pub(super) fn confirm(&mut self, request: &Request, seal: StatementId, by: &'static str) {
        let confirm = Confirm {
            order: request.order,
            attempt: 1,
            from: org(by),
            seal,
            officer: "leitung".parse().expect("name"),
            signed_at: hours(self.now + 1),
            salt: self.salt(),
        };
        self.say(by, Kind::Confirm, &confirm, &secret(&format!("officer/{by}/leitung")));
    }

    pub(super) fn erase(&mut self, request: &Request, by: &'static str) {
        let erasure = Erasure {
            order: request.order,
            attempt: 1,
            from: org(by),
            number: 1,
            annexes: self.annexes.iter().map(Annex::id).collect(),
            ground: "Art. 17 Abs. 1 Buchst. a DSGVO".to_owned(),
            authority: "Datenschutzstelle".to_owned(),
            officer: "leitung".parse().expect("name"),
            signed_at: hours(self.now + 1),
            salt: self.salt(),
        };
        self.say(by, Kind::Erasure, &erasure, &secret(&format!("officer/{by}/leitung")));
    }

    pub(super) fn settle(&mut self, request: &Request, seal: StatementId, settling: Settling) {
        let mut proposal = Settlement {
            order: request.order,
            attempt: 1,
            seal,
            from: org("barleben"),
            to: org("provitako"),
            number: 1,
            about: vec![self.objection.expect("something to settle")],
            holds: Some(seal),
            terms: "Die Rücknahme ist gegenstandslos".to_owned(),
            agrees: None,
            officer: "leitung".parse().expect("name"),
            signed_at: hours(self.now + 1),
            salt: self.salt(),
        };
        (settling.bend)(&mut proposal);
        let id = self.say("barleben", Kind::Settlement, &proposal, &secret("officer/barleben/leitung"));
        let Some((by, bend)) = settling.agreed else { return };
        let (from, to) = (proposal.to.clone(), proposal.from.clone());
        let mut agreement = Settlement { from, to, agrees: Some(id), salt: self.salt(), ..proposal };
        bend(&mut agreement);
        self.say(by, Kind::Settlement, &agreement, &secret(&format!("officer/{by}/leitung")));
    }
}
