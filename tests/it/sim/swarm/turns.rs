//! Keys that are replaced or stolen, members that are expelled, strangers with real keys: in the middle of all other
//! trouble of a seed, at whatever commit nodes die meanwhile.
use std::collections::BTreeSet;

use verbund::domain::id::{KeyHash, Origin, StatementId};
use verbund::domain::reason::{Class, Reason, Refusal};
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::trust::{Expulsion, KeyEvent, KeyRole, LastGood, RevocationReason};
use verbund::protocol::Input;
use verbund::protocol::frame::Frame;
use verbund::protocol::replication::introduction;
use verbund::protocol::settings::{Dice as _, NodeKeys};

use super::image::{key, node_name, org_name};
use super::liars::other_history;
use super::standing::{newcomer, newcomers_log, second_root};
use super::{Event, Swarm};
use crate::dice::SeededDice;
use crate::history::History;

/// How long somebody waits before trying again at a node that cannot answer, in milliseconds.
const AGAIN_MS: i64 = 500;

/// One thing that happens at a node. Everything is tried until the node can answer, and done once.
#[derive(Clone, Debug)]
pub enum Turn {
    /// The next key of a role takes the place of the one in force.
    Rotate(KeyRole),
    /// A thief publishes with the statement key.
    Steal,
    /// The key is revoked back to this size of the log; this is what the thief has signed since.
    Revoke(u64, StatementId),
    /// Trustees expel whoever operates the node, and say so at another one.
    Expel(usize),
    /// The trustees change; a node is told.
    NewRoot,
    /// An admitted organisation begins a later log in the name of this other node.
    BeginInTheNameOf(usize),
    /// A former trustee admits somebody, whose log is brought to this node.
    AdmitAsFormerTrustee,
}

/// What has come of it.
#[derive(Default)]
pub struct Turns {
    /// What a thief has signed, once the key is revoked.
    stolen: BTreeSet<StatementId>,
    /// Whom the trustees have expelled.
    pub expelled: BTreeSet<usize>,
    /// Keys that a rotation has put in force, by node.
    rotated: Vec<(usize, KeyHash)>,
}

/// Some turns of a seed. `forker` tells two histories under its first key and must keep it; the two before it may lie.
pub fn plan(swarm: &mut Swarm, dice: &mut SeededDice, liar: usize, forker: usize) {
    let honest: Vec<usize> = (0..swarm.sites.len()).filter(|at| *at != liar && *at != forker).collect();
    let mut owners = honest.clone();
    let mut one =
        |dice: &mut SeededDice| owners.remove(usize::try_from(dice.below(owners.len() as u64)).expect("small"));
    for _ in 0..dice.between(0, 2) {
        let (at, role) = (one(dice), *dice.one_of(&[KeyRole::Log, KeyRole::Witness, KeyRole::Statement]));
        swarm.later(dice.between(0, 15_000), Event::Turn(at, Turn::Rotate(role)));
        if dice.percent(30) {
            swarm.later(dice.between(0, 20_000), Event::Turn(at, Turn::Rotate(role)));
        }
    }
    if dice.percent(30) {
        swarm.later(dice.between(0, 10_000), Event::Turn(one(dice), Turn::Steal));
    }
    if dice.percent(20) {
        let (bad, by) = (*dice.one_of(&[liar, forker]), *dice.one_of(&honest));
        swarm.later(dice.between(0, 15_000), Event::Turn(by, Turn::Expel(bad)));
    }
    if dice.percent(20) {
        swarm.later(dice.between(0, 15_000), Event::Turn(*dice.one_of(&honest), Turn::NewRoot));
        swarm.later(dice.between(0, 20_000), Event::Turn(*dice.one_of(&honest), Turn::AdmitAsFormerTrustee));
    }
    if dice.percent(20) {
        let of = *dice.one_of(&honest);
        swarm.later(dice.between(0, 20_000), Event::Turn(liar, Turn::BeginInTheNameOf(of)));
    }
}

impl Swarm {
    /// What the node's key folder holds.
    pub fn keys(&self, at: usize) -> NodeKeys {
        let mut keys = self.image.keys(at);
        for (role, label) in &self.sites[at].later_keys {
            match role {
                KeyRole::Log => keys.log.push(key(label)),
                KeyRole::Witness => keys.witness.push(key(label)),
                KeyRole::Statement => keys.statements.entry(org_name(at)).or_default().push(key(label)),
            }
        }
        keys
    }

    /// Does it now, or as soon as the node can.
    pub fn turn(&mut self, at: usize, turn: Turn) {
        let done = match (&turn, self.sites[at].node.is_some()) {
            (_, false) => false,
            (Turn::Rotate(role), _) => self.rotate(at, *role),
            (Turn::Steal, _) => self.steal(at),
            (Turn::Revoke(until, stolen), _) => self.revoke(at, *until, *stolen),
            (Turn::Expel(bad), _) => self.expel(at, *bad),
            (Turn::NewRoot, _) => {
                let signed = second_root(self);
                self.is_said(at, &signed)
            }
            (Turn::BeginInTheNameOf(of), _) => self.begin_in_the_name_of(at, *of),
            (Turn::AdmitAsFormerTrustee, _) => self.admit_as_former_trustee(at),
        };
        if !done {
            self.later(AGAIN_MS, Event::Turn(at, turn));
        }
    }

    /// Whether the node has taken it; not, if it should be asked again.
    fn is_said(&mut self, at: usize, signed: &Signed) -> bool {
        let is_open = |refusal: &Refusal| refusal.reason.class() == Class::Unavailable;
        let answer = self.publish(at, signed);
        if answer.is_err() {
            self.published.remove(&signed.id());
        }
        !answer.as_ref().is_err_and(is_open)
    }

    fn signed_event(&self, at: usize, event: &KeyEvent, new: &SecretKey) -> Signed {
        let roots = [0, 1].map(|number| key(&format!("org/{}/root/{number}", org_name(at))));
        Signed::sign(&Kind::KeyEvent, event, &[&roots[0], &roots[1], new])
    }

    /// A key that takes the place of the one in force; true once it has.
    fn replace(&mut self, at: usize, role: KeyRole, reason: RevocationReason, last_good: &[LastGood]) -> bool {
        let Ok(book) = self.node(at).key_book(&org_name(at)) else { return false };
        let is_known = |label: &str| book.keys.iter().any(|known| known.hash == key(label).public().hash());
        let later = &mut self.sites[at].later_keys;
        let waiting =
            later.iter().find(|(of, label)| *of == role && !is_known(label)).map(|(_, label)| label.clone());
        let label = waiting.unwrap_or_else(|| {
            let label = format!("{at}/{}/{}", role.word(), later.len());
            later.push((role, label.clone()));
            label
        });
        let new = key(&label);
        let event = match book.rotate(role, &new.public(), reason, last_good) {
            Ok(event) => event,
            // A restored node does not hold all of its own log yet: it cannot name what it does not know.
            Err(refusal) => return refusal.reason != Reason::LastGoodNeeded,
        };
        self.step(at, Input::Keys(self.keys(at)));
        let signed = self.signed_event(at, &event, &new);
        let done = self.is_said(at, &signed);
        if done {
            self.turns.rotated.push((at, new.public().hash()));
        }
        done
    }

    fn rotate(&mut self, at: usize, role: KeyRole) -> bool {
        self.replace(at, role, RevocationReason::Superseded, &[])
    }

    fn steal(&mut self, at: usize) -> bool {
        let signed = self.offering(at, "diebesgut");
        let (state, origin) = (self.node(at).state(), self.image.origin(at));
        // It may stand there already: the node died before it could say so.
        let good = state.place_of(&signed.id(), origin).unwrap_or_else(|| state.logs[origin].size());
        let done = self.is_said(at, &signed);
        if done && self.published.remove(&signed.id()).is_some() {
            let notices_in = self.dice.between(0, 8_000);
            self.later(notices_in, Event::Turn(at, Turn::Revoke(good, signed.id())));
        }
        done
    }

    fn revoke(&mut self, at: usize, good: u64, stolen: StatementId) -> bool {
        let last_good = [LastGood { log: self.image.origin(at).clone(), size: good }];
        let done = self.replace(at, KeyRole::Statement, RevocationReason::Compromised, &last_good);
        if done {
            self.turns.stolen.insert(stolen);
        }
        done
    }

    fn expel(&mut self, by: usize, bad: usize) -> bool {
        let log = self.image.origin(bad).clone();
        let size = self.node(by).state().logs[&log].size();
        let trustees = if self.node(by).state().registry.newest_root().is_some_and(|root| root.version > 1) {
            key("trustee/neu")
        } else {
            key("trustee/treuhand")
        };
        let last_good = vec![LastGood { log, size }];
        let body = Expulsion { org: org_name(bad), reason: "Satzung".to_owned(), last_good };
        let done = self.is_said(by, &Signed::sign(&Kind::Expulsion, &body, &[&trustees]));
        if done {
            self.turns.expelled.insert(bad);
        }
        done
    }

    fn begin_in_the_name_of(&mut self, by: usize, of: usize) -> bool {
        let origin = Origin { epoch: 2, ..self.image.origin(of).clone() };
        let statements = self.image.second_log(by, of);
        let run = other_history(&origin, History::default(), &statements, &self.image.keys(by).log[0]);
        let hearers: Vec<usize> = self.sites[by].neighbours.iter().copied().collect();
        let to = *self.dice.one_of(&hearers);
        self.step(to, Input::Frame(node_name(by), Frame::Entries(run)));
        true
    }

    fn admit_as_former_trustee(&mut self, at: usize) -> bool {
        if self.node(at).state().registry.newest_root().is_none_or(|root| root.version == 1) {
            return true;
        }
        let first: Vec<Signed> = self.image.genesis(0).into_iter().take(1).collect();
        let (genesis, log) = newcomer(&first, &key("trustee/treuhand"));
        let hearers: Vec<usize> = self.sites[at].neighbours.iter().copied().collect();
        let by = *self.dice.one_of(&hearers);
        let run = introduction(&newcomers_log(), &genesis, &log);
        self.step(at, Input::Frame(node_name(by), Frame::Entries(run)));
        true
    }
}

/// What holds once the swarm rests, at every honest node: nothing signed by an expelled member or a stolen key is on
/// offer, nobody's log was begun by somebody else, everybody knows the keys in force.
pub fn at_the_end(swarm: &Swarm, honest: &[usize]) {
    let Turns { stolen, expelled, rotated } = &swarm.turns;
    for at in honest {
        let state = swarm.node(*at).state();
        for row in state.catalogue.on_offer() {
            if stolen.contains(&row.id) {
                swarm.fail(&format!("{at} offers what a thief has signed"));
            }
            if let Some(bad) = expelled.iter().find(|bad| org_name(**bad) == row.offering.seller) {
                swarm.fail(&format!("{at} offers what {bad} sells, who is expelled"));
            }
        }
        if let Some(origin) = state.logs.keys().find(|origin| origin.epoch > 1 || **origin == newcomers_log()) {
            swarm.fail(&format!("{at} follows {origin}, which a stranger has begun"));
        }
        for (owner, new) in rotated.iter().filter(|(owner, _)| !expelled.contains(owner)) {
            let home = state.registry.home(&org_name(*owner));
            if !home.is_ok_and(|home| home.keys().contains_key(new)) {
                swarm.fail(&format!("{at} does not know the new key of {owner}"));
            }
        }
        if let Some(bad) = expelled.iter().find(|bad| !state.registry.is_expelled(&org_name(**bad))) {
            swarm.fail(&format!("{at} does not know that {bad} is expelled"));
        }
    }
}
