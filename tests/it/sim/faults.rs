//! What goes wrong in a world, thrown by its dice before it begins.
use std::collections::BTreeSet;

use verbund::domain::id::{NodeId, OrgId};
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::trust::{KeyEvent, KeyRole, LastGood, OnlineKey, Revocation, RevocationReason};
use verbund::protocol::Input;
use verbund::protocol::settings::{Dice as _, Instance, NodeKeys};
use verbund::store::memory::Failure;

use crate::dice::SeededDice;
use crate::federation::{MEMBERS, NODES, key, membership, name, statement_key};
use crate::sim::{Event, Waiting, World};

/// How long the trouble of a seed lasts, in milliseconds.
pub const TROUBLE_MS: i64 = 45_000;

pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How long a node waits after a full disk before it starts over, in milliseconds, as the driver does.
const FULL_WAIT_MS: i64 = 1_000;

/// How long it takes to bring a backup back, in milliseconds: longer than any call is under way.
const RESTORE_MS: [i64; 2] = [6_000, 20_000];

/// A clock that is off by more than this, in milliseconds, was set wrong.
pub const SET_WRONG_MS: i64 = DAY_MS / 2;

/// What can happen to messages at any time.
#[derive(Clone)]
pub struct Faults {
    /// Whether nodes may still be killed and cut off.
    pub active: bool,
    /// Shortest and longest delay, in milliseconds.
    pub delay_ms: (i64, i64),
    /// Of a hundred calls and of a hundred answers, how many are lost.
    pub lose: u64,
    /// Of a hundred calls, how many arrive twice.
    pub duplicate: u64,
    /// How far clocks are off, in milliseconds.
    pub skew_ms: i64,
}

impl Faults {
    /// Nothing but a short delay.
    pub fn none() -> Self {
        Self { active: false, delay_ms: (1, 1), lose: 0, duplicate: 0, skew_ms: 0 }
    }

    /// Some of everything.
    pub fn some(dice: &mut SeededDice) -> Self {
        Self {
            active: true,
            delay_ms: (10, *dice.one_of(&[20, 150, 150, 1_500])),
            lose: *dice.one_of(&[0, 5, 20, 40]),
            duplicate: *dice.one_of(&[0, 10, 50]),
            skew_ms: *dice.one_of(&[0, 500, 2_000]),
        }
    }
}

/// What happens rarely, and once.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Calls of the first no longer reach the second, and there is no stream between them.
    OneWay(NodeId, NodeId),
    /// The clock is set wrong by so many milliseconds.
    Jump(NodeId, i64),
    /// The disk is full for so long, in milliseconds.
    Full(NodeId, i64),
    /// A backup is made.
    Backup(NodeId),
    /// The process is gone; after so many milliseconds the backup comes back in its place.
    Restore(NodeId, i64),
    /// The organisation gets a new key of that role, and the old one is revoked as superseded.
    Rotate(OrgId, KeyRole),
    /// The membership ended yesterday, and it is known from now on: its number in [`MEMBERS`].
    Leave(usize),
}

/// Crashes, outages, broken streams and partitions, with the time of each.
pub fn timetable(dice: &mut SeededDice) -> Vec<(i64, Event)> {
    let nodes: Vec<NodeId> = NODES.iter().map(|(node, _)| name(node)).collect();
    let mut events = vec![(TROUBLE_MS, Event::Peace)];
    for _ in 0..dice.between(0, 5) {
        let failure = *dice.one_of(&[Failure::BeforePersist, Failure::AfterPersist, Failure::Full]);
        events.push((dice.between(0, 20_000), Event::Arm(dice.one_of(&nodes).clone(), failure)));
    }
    for _ in 0..dice.between(0, 3) {
        let down_ms = *dice.one_of(&[100, 2_000, 20_000, 90_000]);
        events.push((dice.between(0, 15_000), Event::Kill(dice.one_of(&nodes).clone(), down_ms)));
    }
    for _ in 0..dice.between(0, 6) {
        let (a, b) = (dice.one_of(&nodes).clone(), dice.one_of(&nodes).clone());
        if a != b {
            events.push((dice.between(0, 30_000), Event::Break(a, b)));
        }
    }
    for _ in 0..dice.between(0, 2) {
        let from = dice.between(0, 20_000);
        let side: BTreeSet<NodeId> = nodes.iter().filter(|_| dice.percent(40)).cloned().collect();
        events.push((from, Event::Cut(side)));
        events.push((from + dice.between(500, 20_000), Event::Cut(BTreeSet::new())));
    }
    for _ in 0..*dice.one_of(&[0, 1, 1, 2, 3]) {
        rare(dice, &nodes, &mut events);
    }
    events
}

/// One of the rarer things.
fn rare(dice: &mut SeededDice, nodes: &[NodeId], events: &mut Vec<(i64, Event)>) {
    let (at, node, other) = (dice.between(0, 15_000), dice.one_of(nodes).clone(), dice.one_of(nodes).clone());
    let mut put = |at: i64, fault: Fault| events.push((at, Event::Fault(fault)));
    match dice.between(0, 5) {
        0 if node != other => put(at, Fault::OneWay(node, other)),
        0 | 1 => put(at, Fault::Jump(node, *dice.one_of(&[-DAY_MS, DAY_MS]))),
        2 => put(at, Fault::Full(node, *dice.one_of(&[500, 5_000, 30_000]))),
        3 => {
            put(at, Fault::Backup(node.clone()));
            put(at + dice.between(0, 5_000), Fault::Restore(node, *dice.one_of(&RESTORE_MS)));
        }
        4 => {
            let role = *dice.one_of(&[KeyRole::Statement, KeyRole::Log, KeyRole::Witness]);
            put(at, Fault::Rotate(name(node.as_str()), role));
        }
        _ => put(at, Fault::Leave(usize::try_from(dice.between(0, MEMBERS.len() as i64 - 1)).expect("small"))),
    }
}

/// A key of an organisation after so many rotations; the node of an operator is called like it.
fn key_after(org: &OrgId, role: KeyRole, rotations: u32) -> SecretKey {
    match (role, rotations) {
        (KeyRole::Statement, 0) => statement_key(org.as_str()),
        (role, 0) => key(&format!("node/{org}/{}", role.word())),
        (role, _) => key(&format!("org/{org}/{}/{}", role.word(), rotations + 1)),
    }
}

/// A new statement key for an organisation, signed by its roots; the old one is good for everything logged so far.
pub fn rotation(world: &World, org: &str, role: KeyRole) -> Signed {
    let org: OrgId = name(org);
    let home = world.federation.home(&org);
    let node = world.node(home.as_str());
    let origin = &node.settings().origin;
    let log = node.state().registry.log(origin).expect("its own");
    let rotations = world.rotations(&org, role);
    let (old, new) = (key_after(&org, role, rotations), key_after(&org, role, rotations + 1));
    let roots = [0, 1].map(|number| key(&format!("org/{org}/root/{number}")));
    let last = log.orgs()[&org].last_event();
    let event = KeyEvent {
        seq: last.map_or(0, |(seq, _)| seq + 1),
        prev: last.map(|(_, id)| id),
        home_node: origin.node.clone(),
        add: vec![OnlineKey { key: new.public(), role }],
        revoke: vec![Revocation {
            key: old.public().hash(),
            reason: RevocationReason::Superseded,
            last_good: vec![LastGood { log: origin.clone(), size: node.state().logs[origin].size() }],
        }],
        root: None,
        new_epoch: None,
        org,
    };
    Signed::sign(&Kind::KeyEvent, &event, &[&roots[0], &roots[1], &new])
}

impl World {
    /// Lets a node crash at one of its next commits: before it there are `commits` more.
    pub fn crash_at(&mut self, node: &str, commits: u64, failure: Failure) {
        self.crash = Some((name(node), commits, failure));
    }

    /// Lets something happen to a node now.
    pub fn inject(&mut self, node: &str, input: Input) {
        self.step(&name(node), input);
    }

    pub(super) fn go_wrong(&mut self, fault: Fault) {
        if !self.faults.active {
            return;
        }
        match fault {
            Fault::OneWay(from, to) => {
                self.deaf.insert((from.clone(), to.clone()));
                self.break_link(&from, &to);
            }
            Fault::Jump(node, ms) => self.site(&node).skew_ms += ms,
            Fault::Full(node, for_ms) => self.site(&node).full_until = self.now.plus_ms(for_ms),
            Fault::Backup(node) => {
                let site = self.site(&node);
                site.backup = site.node.as_ref().map(|_| site.store.backup().expect("an open store"));
            }
            Fault::Restore(node, for_ms) => self.restore(&node, for_ms),
            Fault::Rotate(org, role) => self.rotate(&org, role),
            Fault::Leave(membership) => self.leave(membership),
        }
    }

    /// No more faults: clocks are right, disks have room, everyone hears everyone and nobody lies.
    pub(super) fn make_peace(&mut self) {
        let now = self.now;
        self.faults = Faults::none();
        self.liar = None;
        if self.quiet {
            self.keep_quiet(false);
        }
        self.cut.clear();
        self.deaf.clear();
        for site in self.sites.values_mut() {
            site.full_until = now;
            if site.skew_ms.abs() > SET_WRONG_MS {
                site.skew_ms = 0;
            }
        }
    }

    /// Closes all streams and opens none, or opens them again.
    pub fn keep_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
        let links: Vec<(NodeId, NodeId)> = self.links.keys().cloned().collect();
        for (a, b) in links {
            match quiet {
                true => self.break_link(&a, &b),
                false => self.later(1, Event::Connect(a, b)),
            }
        }
    }

    /// A full disk: the node forgets what was not stored by reading the store again, and starts anew in a moment. Its
    /// streams are gone, which it itself does not hear.
    pub(super) fn start_over(&mut self, at: &NodeId) {
        let Some(mut node) = self.site(at).node.take() else { return };
        let others: Vec<NodeId> = self.sites.keys().filter(|other| *other != at).cloned().collect();
        for other in others {
            self.break_link(at, &other);
        }
        node.forget();
        if let Err(refusal) = self.sites[at].store.load_now(|record| node.replay(record)) {
            self.fail(&format!("{at} does not take back what it stored: {refusal}"));
        }
        let wake = self.now.plus_ms(FULL_WAIT_MS);
        let site = self.site(at);
        (site.node, site.is_started, site.wake) = (Some(node), false, Some(wake));
        let life = site.life;
        self.later(FULL_WAIT_MS, Event::Wake { node: at.clone(), life, at: wake });
    }

    fn restore(&mut self, node: &NodeId, for_ms: i64) {
        if self.site(node).node.is_none() {
            return;
        }
        let Some(backup) = self.site(node).backup.take() else { return };
        self.die(node, for_ms);
        let mut instance = [0; 16];
        self.dice.fill(&mut instance);
        let site = self.site(node);
        (site.store, site.instance, site.is_new_store) = (backup, Instance(instance), true);
        self.watch.restored(node);
    }

    fn rotations(&self, org: &OrgId, role: KeyRole) -> u32 {
        self.sites[&self.federation.home(org)].rotations.get(&(org.clone(), role)).copied().unwrap_or(0)
    }

    /// The keys a node holds by now: every statement key it has had, and the next one, which lies ready before anybody
    /// names it.
    pub(super) fn keys(&self, node: &NodeId) -> NodeKeys {
        let mut keys = self.federation.keys(node);
        for ((org, role), rotations) in &self.sites[node].rotations {
            let held = (0..=*rotations).map(|number| key_after(org, *role, number)).collect();
            match role {
                KeyRole::Statement => _ = keys.statements.insert(org.clone(), held),
                KeyRole::Log => keys.log = held,
                KeyRole::Witness => keys.witness = held,
            }
        }
        keys
    }

    /// The next key of a role is laid down at its node, which holds it from then on.
    pub fn lay_down(&mut self, org: &OrgId, role: KeyRole) {
        let home = self.federation.home(org);
        *self.site(&home).rotations.entry((org.clone(), role)).or_default() += 1;
        let keys = self.keys(&home);
        if self.site(&home).node.is_some() {
            self.step(&home, Input::Keys(keys));
        }
    }

    /// Publishes something for a node's operator, who does not wait for the answer; true if it is stored.
    fn publish_anyhow(&mut self, node: &NodeId, signed: &Signed) -> bool {
        if self.site(node).node.is_none() {
            return false;
        }
        let id = self.request_id(Waiting::Caller);
        self.step(node, Input::Publish(id, signed.clone()));
        self.waiting.remove(&id.0);
        self.sites[node].store.statement_now(signed.id()).is_ok_and(|found| found.is_some())
    }

    /// The operator lays down the new key and publishes the event that names it; the node runs on.
    fn rotate(&mut self, org: &OrgId, role: KeyRole) {
        let home = self.federation.home(org);
        if self.site(&home).node.is_none() {
            return;
        }
        let event = rotation(self, org.as_str(), role);
        self.lay_down(org, role);
        if !self.publish_anyhow(&home, &event) {
            // The next one begins with the same key.
            *self.site(&home).rotations.entry((org.clone(), role)).or_default() -= 1;
        }
    }

    fn leave(&mut self, number: usize) {
        let (member, of, since) = MEMBERS[number];
        let (body, home) = (name::<OrgId>(of), self.federation.home(&name(of)));
        let Some(node) = &self.sites[&home].node else { return };
        let facts = node.state().facts.memberships();
        let known = facts.filter(|(_, fact)| fact.member == name::<OrgId>(member) && fact.of == body).last();
        let mut ended = membership(member, of, since);
        ended.corrects = known.map(|(id, _)| *id);
        (ended.valid_to, ended.known_from) = (Some(self.now.plus_ms(-DAY_MS).date()), self.now.date());
        let key = key_after(&body, KeyRole::Statement, self.rotations(&body, KeyRole::Statement));
        self.publish_anyhow(&home, &Signed::sign(&Kind::Membership, &ended, &[&key]));
    }
}
