//! Liars together: a lying buyer, a lying hop, the operator of the buyer's home, another operator with that one's stolen log
//! key, and any two of them.
//!
//! While an order runs the hop lies and the buyer tries for a second outcome. Afterwards they make bundles of everything
//! that anybody holds, with every key that they have: statements signed anew, logs written anew under their log keys, the
//! cosignatures of their own witnesses, and those of others copied or imitated.
//!
//! | invariant | function | when |
//! |---|---|---|
//! | I20 no valid bundle contradicts what the honest parties hold | [`contradicts_nobody_honest`] | every bundle made |
//! | I21 nobody honest is quoted with what it never said | [`quotes_nobody_falsely`] | every bundle made |
use std::collections::{BTreeMap, BTreeSet};

use verbund::audit::bundle::{BundleInput, LoggedStatement};
use verbund::audit::examine;
use verbund::audit::packing::pack;
use verbund::audit::report::Ruling;
use verbund::domain::body::Body;
use verbund::domain::id::{OrderId, OrgId, Origin, StatementId};
use verbund::domain::order::{Attempt, Request, VoidReason};
use verbund::domain::price::{Component, CostItem, Due};
use verbund::domain::reason::Lang;
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, Signed};
use verbund::log::checkpoint::Checkpoint;
use verbund::log::cosignature::{Quorum, cosign};
use verbund::log::leaf::{Audience, Leaf, NO_OUTCOME, OutcomeTag};
use verbund::log::note::{NoteSignature, SignedNote};
use verbund::log::proof::TlogProof;
use verbund::protocol::record::LogEntry;

use crate::dice::{SeededDice, each_seed};
use crate::federation::{CHAIN, NODES, WAYS, cents, end, name, salt, seal, sign_as, sign_request, statement_key};
use crate::history::History;
use crate::sim::World;
use crate::sim::faults::Faults;
use crate::sim::invariants::input_of;
use crate::sim::liars::{Liar, Lie};

/// Seeds in an ordinary run, one for each coalition; `VERBUND_SEEDS` asks for more.
const SEEDS: u64 = 10;

/// Bundles that are made of each order.
const BUNDLES: usize = 6;

/// Time to quote, in milliseconds; as long again to seal.
const QUOTE_MS: i64 = 30_000;

const BUYER: &str = "barleben";
const HOP: &str = "provitako";
const THIEF: &str = "akdb";

/// The buyer's home, in whose log every outcome stands: who operates it lies, or its log key was stolen.
const HOME: &str = "kitu";

/// Who lies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Role {
    /// Barleben with the keys of its officers and its own; its node, which KITU operates, is honest.
    Buyer,
    /// ProVitako with its node.
    Hop,
    /// AKDB with its node and the log key of KITU.
    Thief,
    /// KITU with its node: first hop, and home of the buyer.
    Home,
}

const ALONE_AND_IN_PAIRS: [&[Role]; 10] = [
    &[Role::Buyer],
    &[Role::Hop],
    &[Role::Thief],
    &[Role::Home],
    &[Role::Buyer, Role::Hop],
    &[Role::Buyer, Role::Thief],
    &[Role::Buyer, Role::Home],
    &[Role::Hop, Role::Thief],
    &[Role::Hop, Role::Home],
    &[Role::Thief, Role::Home],
];

/// What they say instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Trick {
    /// Another seal of the same chain, at the place of the seal.
    OtherSeal,
    /// A void at the place of the seal.
    VoidForSeal,
    /// A seal at the place of the void.
    SealForVoid,
    /// Another offer of a hop.
    OtherOffer,
    /// Another endorsement of a hop.
    OtherEndorsement,
    /// The log of the outcome ends just before it, and so does the bundle.
    CutBeforeOutcome,
    /// The request was seen a day earlier.
    Backdate,
}

const TRICKS: [Trick; 7] = [
    Trick::OtherSeal,
    Trick::VoidForSeal,
    Trick::SealForVoid,
    Trick::OtherOffer,
    Trick::OtherEndorsement,
    Trick::CutBeforeOutcome,
    Trick::Backdate,
];

/// How they make up for the cosignatures they do not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Imitation {
    /// Not at all.
    None,
    /// Those of the true checkpoint.
    Copied,
    /// Lines in the names of others, by their own key.
    Renamed,
}

/// Who lies together, and the witnesses whose keys they have beside their own.
#[derive(Clone, Debug)]
struct Coalition {
    roles: BTreeSet<Role>,
    further_witnesses: &'static [&'static str],
}

impl Coalition {
    fn of(roles: &[Role]) -> Self {
        Self { roles: roles.iter().copied().collect(), further_witnesses: &[] }
    }

    fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    fn is_honest(&self, org: &OrgId) -> bool {
        let liars = [(Role::Buyer, BUYER), (Role::Hop, HOP), (Role::Thief, THIEF), (Role::Home, HOME)];
        !liars.iter().any(|(role, liar)| self.has(*role) && org.as_str() == *liar)
    }

    /// The key that signs a node's checkpoints, or the best they have.
    fn log_key(&self, node: &str) -> SecretKey {
        let key = |node: &str| crate::federation::key(&format!("node/{node}/log"));
        match node {
            HOP if self.has(Role::Hop) => key(HOP),
            THIEF | HOME if self.has(Role::Thief) => key(node),
            HOME if self.has(Role::Home) => key(HOME),
            _ => self.witness_key(HOP).unwrap_or_else(|| statement_key(BUYER)),
        }
    }

    /// The hop that says something else.
    fn hop(&self) -> Option<&'static str> {
        let hops = [(Role::Hop, HOP), (Role::Home, HOME)];
        hops.iter().find(|(role, _)| self.has(*role)).map(|(_, hop)| *hop)
    }

    fn witness_key(&self, node: &str) -> Option<SecretKey> {
        let own = [(Role::Hop, HOP), (Role::Thief, THIEF), (Role::Home, HOME)];
        let is_held =
            own.iter().any(|(role, of)| self.has(*role) && node == *of) || self.further_witnesses.contains(&node);
        is_held.then(|| crate::federation::key(&format!("node/{node}/witness")))
    }
}

/// What is made of the true evidence: the bundle, and the logs that are written anew for it.
struct Workshop<'a> {
    world: &'a World,
    coalition: &'a Coalition,
    request: &'a Request,
    input: BundleInput,
    logs: BTreeMap<Origin, Vec<LogEntry>>,
    /// How many seconds earlier witnesses are to have seen everything in those logs.
    earlier_seconds: u64,
}

fn origin_of(note: &SignedNote) -> Origin {
    Checkpoint::parse(note.text()).expect("a checkpoint").origin
}

/// When the first witness says that it saw a checkpoint.
fn first_seen(note: &SignedNote) -> u64 {
    Quorum::of_checked(note, 1).cosigned.into_values().min().expect("a witnessed checkpoint")
}

impl<'a> Workshop<'a> {
    fn log(&mut self, origin: &Origin) -> &mut Vec<LogEntry> {
        let store = &self.world.sites[&origin.node].store;
        let read = || store.entries_now(origin, 0, usize::MAX, usize::MAX).expect("an open store");
        self.logs.entry(origin.clone()).or_insert_with(read)
    }

    fn find(&self, is_meant: impl Fn(&Body) -> bool) -> Option<(usize, Body)> {
        let bodies = self.input.messages.iter().map(|message| Body::read(&message.signed).expect("readable"));
        bodies.enumerate().find(|(_, body)| is_meant(body))
    }

    fn place(&self, at: usize) -> Option<(Origin, usize)> {
        let proof = self.input.messages[at].proof.as_ref()?;
        Some((origin_of(&proof.checkpoint), usize::try_from(proof.index).ok()?))
    }

    /// Puts a statement where another stood, in the bundle and in the log.
    fn replace(&mut self, at: usize, signed: Signed, outcome: OutcomeTag) -> Option<()> {
        let (origin, index) = self.place(at)?;
        let leaf = Leaf::new(&signed, Audience::Parties, outcome);
        *self.log(&origin).get_mut(index)? = LogEntry { leaf, statement: Some(signed.clone()) };
        self.input.messages[at].signed = signed;
        Some(())
    }

    /// Does it, if they have the keys and there is something to do.
    fn play(&mut self, trick: Trick) -> Option<()> {
        let request = self.request;
        let outcome = |kind| OutcomeTag::derive(&kind, request.order, request.attempt, &request.salt);
        let attempt = self.world.attempt(HOME, request.order)?;
        let later = request.signed_at.plus_ms(7_000);
        match trick {
            Trick::OtherSeal | Trick::VoidForSeal if self.coalition.has(Role::Buyer) => {
                let (at, body) = self.find(|body| matches!(body, Body::Seal(_)))?;
                let Body::Seal(mut body) = body else { return None };
                if trick == Trick::VoidForSeal {
                    let void = end(attempt.request.signed(), request, VoidReason::Cancelled, later);
                    return self.replace(at, void, outcome(Kind::Void));
                }
                (body.salt, body.officer) = (salt("another"), Some(name("einkauf")));
                self.replace(at, sign_as(&Kind::Seal, &body, BUYER, "einkauf"), outcome(Kind::Seal))
            }
            Trick::SealForVoid if self.coalition.has(Role::Buyer) => {
                let (at, _) = self.find(|body| matches!(body, Body::Void(_)))?;
                attempt.chain().ok()?;
                self.replace(at, seal(attempt, "einkauf", later), outcome(Kind::Seal))
            }
            Trick::OtherOffer => {
                let hop = self.coalition.hop()?;
                let is_own = |body: &Body| matches!(body, Body::Counter(offer) if offer.from.as_str() == hop);
                let (at, Body::Counter(mut body)) = self.find(is_own)? else { return None };
                body.components.push(Component::new(CostItem::Brokering, Due::PerYear, cents(77), ""));
                let signed = Signed::sign(&Kind::Counter, &body, &[&statement_key(hop)]);
                self.replace(at, signed, NO_OUTCOME)
            }
            Trick::OtherEndorsement => {
                let hop = self.coalition.hop()?;
                let is_own = |body: &Body| matches!(body, Body::Endorse(said) if said.from.as_str() == hop);
                let (at, Body::Endorse(mut body)) = self.find(is_own)? else { return None };
                body.salt = salt("another");
                let signed = Signed::sign(&Kind::Endorse, &body, &[&statement_key(hop)]);
                self.replace(at, signed, NO_OUTCOME)
            }
            Trick::CutBeforeOutcome => {
                let (at, _) = self.find(|body| matches!(body, Body::Seal(_) | Body::Void(_)))?;
                let (origin, index) = self.place(at)?;
                self.log(&origin).truncate(index);
                self.input.messages.remove(at);
                Some(())
            }
            Trick::Backdate => {
                let (origin, _) = self.place(0)?;
                self.log(&origin);
                self.earlier_seconds = 86_400;
                Some(())
            }
            _ => None,
        }
    }

    /// The bundle under the logs as they are now.
    fn finish(mut self, imitation: Imitation) -> BundleInput {
        let mut input = std::mem::replace(&mut self.input, BundleInput::empty(self.world.federation.anchor));
        for (origin, entries) in &self.logs {
            self.rewrite(&mut input, origin, entries, imitation);
        }
        let shown: BTreeSet<StatementId> = input.messages.iter().map(|message| message.signed.id()).collect();
        let is_about = |receipt: &Signed| match Body::read(receipt) {
            Ok(Body::Receipt(body)) => shown.contains(&body.message),
            _ => false,
        };
        input.receipts.retain(is_about);
        input
    }

    /// Every proof, earlier checkpoint and the end of one log.
    fn rewrite(&self, input: &mut BundleInput, origin: &Origin, entries: &[LogEntry], imitation: Imitation) {
        let mut history = History::default();
        history.append(entries);
        let size = entries.len() as u64;
        let note_at = |size: u64, old: &SignedNote| {
            let root = history.tree.root_at(size).expect("a size reached");
            self.note(&Checkpoint { origin: origin.clone(), size, root }, old, imitation)
        };
        let is_here = |proof: &TlogProof| origin_of(&proof.checkpoint) == *origin;
        let Some(log_end) = input.ends.iter_mut().find(|log_end| is_here(&log_end.proof)) else { return };
        let note = note_at(size, &log_end.proof.checkpoint);
        let proof = |index: u64| {
            let hashes = history.tree.inclusion_proof(index, size).expect("in the tree");
            let extra = history.subjects.digest_at(index).0.to_vec();
            TlogProof { extra, ..TlogProof::new(index, hashes, note.clone()) }
        };
        let (last, before) = (entries.last().expect("a log"), history.subjects.before(size - 1));
        let public = last.statement.as_ref().filter(|_| last.leaf.audience() == Audience::Public);
        log_end.leaf = last.leaf.to_bytes(before.digest());
        log_end.last = public.map(|signed| signed.pae().to_vec());
        log_end.proof = proof(size - 1);
        log_end.paths = log_end.paths.keys().filter_map(|of| Some((of.clone(), before.path(of)?))).collect();
        let places: BTreeMap<StatementId, u64> =
            (0..).zip(entries).map(|(index, entry)| (entry.leaf.statement_id(), index)).collect();
        let items: [&mut Vec<LoggedStatement>; 3] = [&mut input.trust, &mut input.facts, &mut input.messages];
        for item in items.into_iter().flatten().filter(|item| item.proof.as_ref().is_some_and(is_here)) {
            item.proof = places.get(&item.signed.id()).map(|index| proof(*index));
        }
        input.covers.retain_mut(|cover| {
            let head = Checkpoint::parse(cover.note.text()).expect("a checkpoint");
            if head.origin != *origin {
                return true;
            }
            let Ok(consistency) = history.tree.consistency_proof(head.size, size) else { return false };
            (cover.note, cover.consistency) = (note_at(head.size, &cover.note), consistency);
            head.size < size
        });
    }

    /// A checkpoint as true as their keys can make it, seen when the true one was.
    fn note(&self, head: &Checkpoint, old: &SignedNote, imitation: Imitation) -> SignedNote {
        let note = head.sign(&self.coalition.log_key(head.origin.node.as_str()));
        let seconds = first_seen(old) - self.earlier_seconds;
        let held = NODES.iter().find_map(|(node, _)| self.coalition.witness_key(node));
        let line = |(node, _): &(&str, &[&str])| -> Option<NoteSignature> {
            match (self.coalition.witness_key(node), imitation) {
                (Some(key), _) => cosign(&note, node, &key, seconds).ok(),
                (None, Imitation::None) => None,
                (None, Imitation::Copied) => {
                    old.signatures().iter().find(|line| line.name == *node && line.bytes.len() > 64).cloned()
                }
                (None, Imitation::Renamed) => cosign(&note, node, held.as_ref()?, seconds).ok(),
            }
        };
        let lines = note.signatures().iter().cloned().chain(NODES.iter().filter_map(line));
        SignedNote::new(note.text().to_owned(), lines.collect()).expect("a few lines")
    }
}

/// The outcome that a bundle tells.
fn outcome_in(input: &BundleInput) -> Option<StatementId> {
    let is_outcome = |message: &&LoggedStatement| matches!(message.signed.kind(), Kind::Seal | Kind::Void);
    input.messages.iter().find(is_outcome).map(|message| message.signed.id())
}

fn outcome_of(attempt: &Attempt) -> Option<StatementId> {
    attempt.seal.as_ref().map(|seal| seal.id()).or(attempt.void.as_ref().map(|void| void.id()))
}

/// What every honest party holds of an order.
fn held<'a>(world: &'a World, coalition: &Coalition, request: &Request) -> BTreeMap<OrgId, Option<&'a Attempt>> {
    let honest = request.route.parties().iter().filter(|org| coalition.is_honest(org));
    honest.map(|org| (org.clone(), world.attempt(world.federation.home(org).as_str(), request.order))).collect()
}

/// I20: what it tells of the end is what every honest party holds.
fn contradicts_nobody_honest(input: &BundleInput, held: &BTreeMap<OrgId, Option<&Attempt>>) -> Result<(), String> {
    let told = outcome_in(input);
    for (org, attempt) in held {
        let known = attempt.and_then(outcome_of);
        if known != told {
            return Err(format!("I20: a valid bundle tells of {told:?}, {org} holds {known:?}"));
        }
    }
    Ok(())
}

/// I21: what it shows of an honest party is held at that party's home.
fn quotes_nobody_falsely(input: &BundleInput, held: &BTreeMap<OrgId, Option<&Attempt>>) -> Result<(), String> {
    for message in &input.messages {
        let body = Body::read(&message.signed).map_err(|refusal| format!("I21: {refusal}"))?;
        let Some(attempt) = body.signer_rule().and_then(|(author, _)| held.get(author)) else { continue };
        let said = attempt
            .is_some_and(|attempt| attempt.messages().into_iter().any(|signed| signed.id() == message.signed.id()));
        if !said {
            return Err(format!("I21: a valid bundle shows {:?}, which its author does not hold", message.signed));
        }
    }
    Ok(())
}

/// What a bundle is, and whether it harms anybody: none if it is not valid.
fn judged(
    world: &World,
    coalition: &Coalition,
    request: &Request,
    input: &BundleInput,
) -> Option<Result<(), String>> {
    let bytes = pack(input).and_then(|bundle| bundle.to_zip()).ok()?;
    if examine(&bytes, Some(world.federation.anchor)).ruling() != Ruling::Valid {
        return None;
    }
    let held = held(world, coalition, request);
    Some(contradicts_nobody_honest(input, &held).and_then(|()| quotes_nobody_falsely(input, &held)))
}

/// A world in which an order has come to its end while they lied.
fn world_with(seed: u64, coalition: &Coalition, dice: &mut SeededDice) -> (World, Request) {
    let mut world = World::new(seed, Faults::none(), |_, _| ());
    world.run(1_000);
    world.watch.expect_liars();
    let lies = [None, Some(Lie::Inflate(1_000)), Some(Lie::Equivocate), Some(Lie::ForgeReceipts)];
    let lie = *dice.one_of(&lies);
    world.liar = lie.filter(|_| coalition.has(Role::Hop)).map(|lie| Liar::new(HOP, lie));
    let ways: Vec<&[&str]> = WAYS[3..5].iter().copied().chain([CHAIN.as_slice()]).collect();
    let way: &[&str] = dice.one_of::<&[&str]>(&ways);
    let mut request = world.federation.request_by(way, "r1", world.now);
    (request.quote_by, request.seal_by) = (world.now.plus_ms(QUOTE_MS), world.now.plus_ms(2 * QUOTE_MS));
    let signed = sign_request(&request);
    if dice.percent(30) {
        // An officer who seals by hand never does: the order ends without a contract, its chain complete.
        request.auto_seal = None;
        let signed = sign_request(&request);
        world.officer(HOME, &signed).expect("a good request");
        world.run(5_000);
        let void = end(&signed, &request, VoidReason::Cancelled, world.now);
        // Where the hop has told two stories the order is disputed by now, and nobody ends it by hand.
        let _ = world.officer(HOME, &void);
    } else {
        world.officer(HOME, &signed).expect("a good request");
        world.run(5_000);
    }
    if coalition.has(Role::Buyer) {
        second_outcomes(&mut world, request.order);
    }
    world.run(2 * QUOTE_MS);
    (world, request)
}

/// A lying buyer asks its node for the other outcome as well, which refuses.
fn second_outcomes(world: &mut World, order: OrderId) {
    let now = world.now;
    let Some(attempt) = world.attempt(HOME, order).filter(|attempt| outcome_of(attempt).is_some()) else { return };
    let (request, body) = (attempt.request.signed().clone(), attempt.request.body().clone());
    let mut others = vec![end(&request, &body, VoidReason::Cancelled, now)];
    others.extend(attempt.chain().is_ok().then(|| seal(attempt, "einkauf", now)));
    for other in others {
        // What is the outcome already is the only one that it may take again.
        let _ = world.officer(HOME, &other);
    }
}

/// The true evidence, to be worked on.
fn workshop<'a>(world: &'a World, coalition: &'a Coalition, request: &'a Request) -> Workshop<'a> {
    let evidence = world.node(HOME).evidence(request.order).expect("evidence");
    let input = input_of(world, &name(HOME), evidence).expect("complete evidence");
    Workshop { world, coalition, request, input, logs: BTreeMap::new(), earlier_seconds: 0 }
}

fn run_seed(seed: u64) {
    let mut dice = SeededDice::new(seed, "coalition");
    let coalition = Coalition::of(ALONE_AND_IN_PAIRS[usize::try_from(seed % 10).expect("small")]);
    let (world, request) = world_with(seed, &coalition, &mut dice);
    for _ in 0..BUNDLES {
        let mut work = workshop(&world, &coalition, &request);
        let tricks: Vec<Trick> = (0..dice.between(1, 2)).map(|_| *dice.one_of(&TRICKS)).collect();
        let played = tricks.iter().filter(|trick| work.play(**trick).is_some()).count();
        if played == 0 {
            continue;
        }
        let imitation = *dice.one_of(&[Imitation::None, Imitation::Copied, Imitation::Renamed]);
        let input = work.finish(imitation);
        if let Some(Err(wrong)) = judged(&world, &coalition, &request, &input) {
            panic!(
                "seed {seed}, {coalition:?}, {played} of {tricks:?}, {imitation:?}: {wrong}\n  repeat with: \
                 VERBUND_SEED={seed} cargo test --test it sim::coalitions"
            );
        }
    }
}

#[test]
fn no_liar_and_no_pair_of_them_makes_a_bundle_against_the_honest() {
    each_seed(SEEDS, run_seed);
}

/// A buyer and a thief, with the keys of so many witnesses beside the thief's, who play one trick on a sealed order.
fn harm(further_witnesses: &'static [&'static str], trick: Trick) -> Option<Result<(), String>> {
    let coalition = Coalition { further_witnesses, ..Coalition::of(&[Role::Buyer, Role::Thief]) };
    let mut world = World::calm();
    world.run(1_000);
    let request = world.federation.request("r1", world.now);
    world.officer(HOME, &sign_request(&request)).expect("a good request");
    world.run(20_000);
    let mut work = workshop(&world, &coalition, &request);
    let untouched = judged(&world, &coalition, &request, &work.input);
    assert_eq!(untouched, Some(Ok(())), "{}", {
        let bytes = pack(&work.input).and_then(|bundle| bundle.to_zip()).expect("a bundle");
        examine(&bytes, Some(world.federation.anchor)).text(Lang::En)
    });
    work.play(trick).expect("they have the keys");
    judged(&world, &coalition, &request, &work.finish(Imitation::None))
}

/// What stops them is the quorum of witnesses and nothing else: the bundles are good in every other respect, and the
/// invariant notices.
#[test]
fn with_the_keys_of_a_quorum_a_pair_would_succeed_and_with_one_less_it_does_not() {
    for trick in [Trick::OtherSeal, Trick::VoidForSeal] {
        assert_eq!(harm(&["kid", "provitako", "govdigital"], trick), None, "four of six");
        let harmed = harm(&["kid", "provitako", "govdigital", "dataport"], trick).expect("five of six make it valid");
        assert!(harmed.is_err_and(|wrong| wrong.starts_with("I20: ")), "{trick:?}");
    }
}
