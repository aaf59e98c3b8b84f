//! What happens while an order runs, or after it: withdrawals, new versions, corrections, recalls, renewed admissions.
use super::*;

impl World {
    pub(super) fn publishes(&mut self, what: Meanwhile) {
        match what {
            Meanwhile::Withdrawn => {
                let (seller, name) = (org("dataport"), org("wohnsitz-ummeldung"));
                let gone = Withdrawal { seller, name, version: 1, reason: "Eingestellt".to_owned() };
                self.publish("dataport", Kind::Withdrawal, &gone);
            }
            Meanwhile::NewVersion => {
                self.publish("dataport", Kind::Offering, &self.offering(2));
            }
            Meanwhile::NewPack => self.new_pack(),
            Meanwhile::Renewed => self.renew(),
            Meanwhile::Corrected => {
                let (id, fact) = self.membership("kitu", "kid");
                let correction = Membership { corrects: Some(id), revoked: true, ..fact };
                self.publish("kid", Kind::Membership, &correction);
            }
            Meanwhile::Recalled | Meanwhile::Declined => {}
        }
    }

    pub(super) fn happens(&mut self, request: &Request, id: StatementId, what: Meanwhile) {
        let (from, officer, annex, note) = (org("provitako"), None, None, String::new());
        let (order, attempt, signed_at, reason) = (request.order, 1, hours(self.now), "LATER".to_owned());
        match what {
            Meanwhile::Recalled => {
                let salt = self.salt();
                let recall =
                    Recall { order, attempt, from, request: id, reason, note, annex, officer, signed_at, salt };
                let recall = self.say("provitako", Kind::Recall, &recall, &secret("org/provitako/statement"));
                self.objection = Some(recall);
                self.receipt(request, "barleben", recall);
            }
            Meanwhile::Declined => {
                let salt = self.salt();
                let decline = Decline { order, attempt, from, request: id, reason, note, annex, signed_at, salt };
                let decline = self.say("provitako", Kind::Decline, &decline, &secret("org/provitako/statement"));
                self.objection = Some(decline);
                self.receipt(request, "barleben", decline);
            }
            _ => self.publishes(what),
        }
    }

    /// A stricter pack, from the year of the order on, in every log.
    fn new_pack(&mut self) {
        let mut stricter = RulePack { name: org("gwb-108-neu"), valid_from: day("2026-08-01"), ..pack(&self.script) };
        stricter.switches.retain(|setting| setting.switch != Switch::InverseJoint);
        let trustees: Vec<&SecretKey> = self.founding.trustees.iter().take(3).collect();
        let signed = Signed::sign(&Kind::RulePack, &stricter, &trustees);
        for name in NODES {
            self.append(name, &signed, NO_OUTCOME);
            self.cover(name, self.now);
        }
    }

    fn renew(&mut self) {
        let genesis = &self.founding.nodes[&node(home("barleben"))].genesis;
        let admitted = genesis.iter().find_map(|signed| match Body::read(signed) {
            Ok(Body::Admission(admission)) if admission.org == org("barleben") => Some((signed.id(), admission)),
            _ => None,
        });
        let (prev, admission) = admitted.expect("admitted");
        let area = Some("091840120120".parse().expect("an area"));
        let renewed = Admission { number: 2, prev: Some(prev), area, root: None, ..admission };
        let trustees: Vec<&SecretKey> = self.founding.trustees.iter().take(3).collect();
        let signed = Signed::sign(&Kind::Admission, &renewed, &trustees);
        self.append(home("barleben"), &signed, NO_OUTCOME);
        self.cover(home("barleben"), self.now);
    }
}
