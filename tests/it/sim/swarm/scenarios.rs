//! Journeys of the swarm told one by one, and for each mechanism a run that ends badly without it.
use verbund::domain::id::NodeId;
use verbund::domain::reason::Reason;
use verbund::domain::statement::Signed;
use verbund::domain::time::Timestamp;
use verbund::log::checkpoint::Checkpoint;
use verbund::protocol::frame::{Claim, Cover, Frame, Wanted, prefix, pushed_check};
use verbund::protocol::limits::{
    CREDIT_BYTES, FRAME_BYTES_MAX, NEWS_RETRY_MS_MIN, OWN_LOG_WAIT_MS, QUOTA_BURST, SERVING_MAX, WANTS_PER_PEER_MAX,
};
use verbund::protocol::settings::Instance;
use verbund::protocol::{Effect, Input};

use super::image::{Image, node_name};
use super::liars::{Liar, other_history};
use super::{Event, Faults, Swarm, invariants};
use crate::history::History;

/// A swarm after its first second, in which all streams are open and everyone may sign.
fn swarm(seed: u64, count: usize) -> Swarm {
    let mut swarm = Swarm::new(seed, count, 4, Faults::none());
    swarm.run(1_000);
    swarm
}

fn publish(swarm: &mut Swarm, at: usize, text: &str) -> Signed {
    let signed = swarm.offering(at, text);
    swarm.publish(at, &signed).expect("a good offering");
    signed
}

fn holds(swarm: &Swarm, at: usize, signed: &Signed) -> bool {
    swarm.node(at).state().places.of(&signed.id()).next().is_some()
}

fn everyone_holds(swarm: &Swarm, signed: &Signed) -> bool {
    (0..swarm.sites.len()).all(|at| swarm.sites[at].node.is_none() || holds(swarm, at, signed))
}

/// When each node saw it, in milliseconds after it was published.
fn seen_ms(swarm: &Swarm, signed: &Signed) -> Vec<i64> {
    let (_, published) = swarm.published[&signed.id()];
    let seen = (0..swarm.sites.len()).filter_map(|at| swarm.visible.get(&(signed.id(), at)));
    seen.map(|seen| seen.since_ms(published)).collect()
}

// --- spreading ---

#[test]
fn a_line_of_ten_nodes_hears_of_everything() {
    let mut swarm = Swarm::line(1, 10);
    // The ends have one neighbour and wait for a second one in vain.
    swarm.run(OWN_LOG_WAIT_MS + 1_000);
    let signed = publish(&mut swarm, 0, "neu");
    assert!(swarm.run_until(10_000, |swarm| everyone_holds(swarm, &signed)), "it reaches the end");
    swarm.run_until(60_000, |swarm| invariants::at_rest(swarm).is_ok());
    invariants::at_rest(&swarm).expect("all the same");
}

#[test]
fn a_publisher_that_dies_right_after_announcing_is_heard() {
    for seed in 0..5 {
        let mut swarm = swarm(seed, 12);
        swarm.faults.delay_ms = (10, 20);
        let signed = publish(&mut swarm, 11, "letztes");
        swarm.run(25);
        swarm.die(11, 100_000);
        assert!(swarm.run_until(5_000, |swarm| everyone_holds(swarm, &signed)), "seed {seed}");
    }
}

/// Without the repeated telling, only the comparison of digests would find it, later.
#[test]
pub fn news_that_was_lost_is_told_again() {
    for seed in 0..20 {
        let mut swarm = Swarm::new(seed, 2, 1, Faults::none());
        swarm.faults.delay_ms = (1, 1);
        // No comparison of digests for a while: it has just been made.
        swarm.run(OWN_LOG_WAIT_MS);
        swarm.faults.lose = 100;
        let signed = publish(&mut swarm, 0, "neu");
        swarm.run(20);
        swarm.faults.lose = 0;
        swarm.run(NEWS_RETRY_MS_MIN);
        let told = everyone_holds(&swarm, &signed);
        assert!(told, "seed {seed}");
    }
}

/// Who was sent everything need not be told of it; who was not must not say it has it.
#[test]
fn what_was_pushed_is_acknowledged_without_being_told() {
    let mut swarm = Swarm::new(1, 2, 1, Faults::none());
    swarm.faults.delay_ms = (1, 1);
    swarm.run(OWN_LOG_WAIT_MS + 1_000);
    publish(&mut swarm, 0, "neu");
    swarm.run(NEWS_RETRY_MS_MIN / 4);
    let node = swarm.node(0);
    let position = node.state().journal.position();
    assert!(node.peers().all(|(_, peer)| peer.lag(position) == 0), "nobody had to be told");

    let (now, until) = (swarm.now, position + 1);
    let lost = Frame::Pushed { until, check: pushed_check(position, &[]).map(|byte| !byte) };
    for (frame, is_acknowledged) in
        [(lost, false), (Frame::Pushed { until, check: pushed_check(position, &[]) }, true)]
    {
        let node = swarm.sites[1].node.as_mut().expect("it runs");
        let step = node.step(Input::Frame(node_name(0), frame), now);
        let is_ack =
            |effect: &Effect| matches!(effect, Effect::Send(_, Frame::Ack { position }) if *position == until);
        assert_eq!(step.then.iter().any(is_ack), is_acknowledged);
    }
}

/// The end of a stream may go unnoticed; what was asked for on it is asked for again on the next.
#[test]
fn a_stream_that_takes_the_place_of_another_is_asked_anew() {
    let mut swarm = Swarm::new(1, 2, 1, Faults::none());
    swarm.run(OWN_LOG_WAIT_MS + 1_000);
    let head = swarm.node(0).state().head(swarm.image.origin(0)).expect("it has begun");
    let more = Claim { size: head.size + 1, root: [7; 8], ..Claim::from(&head) };
    let (now, until) = (swarm.now, swarm.node(0).state().journal.position() + 1);
    let node = swarm.sites[1].node.as_mut().expect("it runs");
    for _ in 0..2 {
        let news = Frame::News { since: 0, until, heads: vec![more.clone()] };
        let step = node.step(Input::Frame(node_name(0), news), now);
        assert!(step.then.iter().any(|effect| matches!(effect, Effect::Send(_, Frame::Want(_)))));
        node.step(Input::PeerUp(node_name(0)), now);
    }
}

#[test]
fn a_hundred_nodes_hear_of_it_within_three_seconds_in_spite_of_losses() {
    let faults = Faults { lose: 30, reorder: true, ..Faults::none() };
    let mut swarm = Swarm::new(1, 100, 8, Faults::none());
    swarm.run(1_000);
    swarm.faults = faults;
    let signed: Vec<Signed> = (0..3)
        .map(|number| {
            swarm.run(200);
            publish(&mut swarm, 40 + number, &format!("neu-{number}"))
        })
        .collect();
    assert!(swarm.run_until(20_000, |swarm| signed.iter().all(|signed| everyone_holds(swarm, signed))));
    let late = signed.iter().flat_map(|signed| seen_ms(&swarm, signed)).filter(|ms| *ms > 3_000).count();
    assert!(late <= 3, "{late} of 300 were later");
}

#[test]
fn two_thousand_logs_are_compared_at_the_cost_of_the_difference() {
    let image = Image::of(2_000);
    let mut swarm = Swarm::of(image, 1, 3, 2, Faults::none());
    swarm.run(OWN_LOG_WAIT_MS + 1_000);
    let before = swarm.frames;
    swarm.run(10_000);
    assert!(swarm.frames - before < 100, "{} frames in ten quiet seconds", swarm.frames - before);
    let signed = publish(&mut swarm, 0, "neu");
    assert!(swarm.run_until(2_000, |swarm| everyone_holds(swarm, &signed)));
    // A node that was away and remembers nothing of its peers asks for little more than what it lacks.
    let mut node = swarm.rebuild(1);
    let step = node.step(Input::PeerUp(node_name(0)), swarm.now);
    assert!(step.then.iter().any(|effect| matches!(effect, Effect::Send(_, Frame::Hello { .. }))));
}

#[test]
fn an_empty_node_fetches_everything_and_may_sign_then() {
    let mut swarm = swarm(1, 12);
    for number in 0..6 {
        publish(&mut swarm, number, "vorher");
    }
    swarm.run(2_000);
    swarm.begin_empty(11);
    assert!(swarm.node(11).check_may_sign().is_err(), "nobody has been asked yet");
    swarm.settle();
    publish(&mut swarm, 11, "nachher");
    swarm.settle();
}

#[test]
fn what_is_under_way_to_a_slow_node_is_bounded_by_its_credit() {
    let image = Image::of(200);
    let mut swarm = Swarm::of(image, 1, 3, 2, Faults::none());
    swarm.run(OWN_LOG_WAIT_MS + 1_000);
    // A round trip of several seconds is as slow as a slow disk.
    swarm.faults.delay_ms = (600, 700);
    swarm.begin_empty(2);
    let bound = 2 * (CREDIT_BYTES as usize + FRAME_BYTES_MAX);
    let mut most = 0;
    let level = swarm.run_until(300_000, |swarm| {
        most = most.max(swarm.bytes_under_way(2));
        invariants::at_rest(swarm).is_ok()
    });
    assert!(level && most > 0 && most <= bound, "{most} bytes of {bound}");
}

// --- cursors ---

fn resume_of(swarm: &mut Swarm, at: usize, from: usize, instance: Instance, position: u64) -> Option<Frame> {
    let (anchor, now) = (swarm.image.anchor, swarm.now);
    let hello = Frame::Hello {
        anchor,
        node: node_name(from),
        digest: verbund::domain::id::Hash([9; 32]),
        instance,
        position,
        yours: None,
    };
    let mut node = swarm.rebuild(at);
    node.step(Input::PeerUp(node_name(from)), now);
    let step = node.step(Input::Frame(node_name(from), hello), now);
    step.then.into_iter().find_map(|effect| match effect {
        Effect::Send(_, frame @ Frame::Resume { .. }) => Some(frame),
        _ => None,
    })
}

/// What is remembered of a store is void when it was restored: the positions of its journal mean something else.
#[test]
pub fn a_position_in_the_journal_of_another_store_is_not_resumed() {
    let mut swarm = swarm(1, 6);
    publish(&mut swarm, 0, "neu");
    swarm.run(2_000);
    swarm.die(1, 100);
    // The peers of the dead node have stored how far they had followed it; so has it, before.
    swarm.run(5_000);
    swarm.die(0, 100);
    swarm.run(5_000);
    let (node, (instance, position)) = swarm
        .node(2)
        .state()
        .cursors
        .iter()
        .find(|(node, _)| **node == node_name(0))
        .expect("it followed")
        .to_owned();
    let (instance, position) = (*instance, *position);
    assert_eq!(node, &node_name(0));
    let same = resume_of(&mut swarm, 2, 0, instance, position + 9);
    assert_eq!(same, Some(Frame::Resume { instance, position }));
    let other = resume_of(&mut swarm, 2, 0, Instance([7; 16]), position + 9);
    assert_eq!(other, Some(Frame::Resume { instance: Instance::default(), position: 0 }));
    let shorter = resume_of(&mut swarm, 2, 0, instance, position - 1);
    assert_eq!(shorter, Some(Frame::Resume { instance: Instance::default(), position: 0 }));
}

// --- restored backups ---

/// Publishes, makes a copy of the store, publishes more, and puts the copy back.
fn restored(seed: u64, alone: bool) -> (Swarm, Signed) {
    let mut swarm = swarm(seed, 8);
    publish(&mut swarm, 7, "vorher");
    swarm.run(2_000);
    swarm.later(0, Event::Backup(7));
    swarm.run(10);
    let lost = publish(&mut swarm, 7, "dazwischen");
    swarm.run(3_000);
    if alone {
        swarm.claim_alone(7);
        let origin = swarm.image.origin(7).clone();
        swarm.watch.expect_fork(&origin);
    }
    swarm.later(0, Event::Restore(7, 500));
    swarm.run(600);
    (swarm, lost)
}

#[test]
fn a_restored_backup_takes_back_what_it_lacks_before_it_signs() {
    for seed in 0..5 {
        let (mut swarm, lost) = restored(seed, false);
        let signed = swarm.offering(7, "nachher");
        assert!(!holds(&swarm, 7, &lost));
        let refused = swarm.publish(7, &signed).expect_err("it does not know its own log yet");
        assert_eq!(refused.reason, Reason::CatchingUp);
        swarm.published.remove(&signed.id());
        assert!(swarm.run_until(OWN_LOG_WAIT_MS + 5_000, |swarm| swarm.node(7).check_may_sign().is_ok()));
        assert!(holds(&swarm, 7, &lost), "seed {seed}");
        swarm.publish(7, &signed).expect("a good offering");
        swarm.settle();
    }
}

/// Whoever publishes on a restored node gets no answer or a place in the one history.
#[test]
pub fn a_restored_node_that_publishes_writes_one_history() {
    let (mut swarm, _) = restored(1, false);
    let signed = swarm.offering(7, "nachher");
    swarm.later(0, Event::Publish(7, Box::new(signed)));
    swarm.settle();
}

/// An operator who says that nobody knows more, and is wrong, writes a second history. Everyone sees that nobody was
/// asked, and everyone cuts the log.
#[test]
fn a_restored_backup_that_asks_nobody_is_found_out() {
    let (mut swarm, lost) = restored(1, true);
    let signed = swarm.offering(7, "nachher");
    swarm.publish(7, &signed).expect("the operator answers for it");
    let origin = swarm.image.origin(7).clone();
    let record = swarm.node(7).state().registry.log(&origin).and_then(|log| log.node_record().cloned());
    assert!(record.is_some_and(|(_, record)| record.alone_since.is_some()), "its log says so");
    swarm.published.clear();
    swarm.settle();
    assert!(swarm.node(0).state().logs[&origin].cut().is_some());
    assert!(!holds(&swarm, 0, &lost) && !holds(&swarm, 7, &signed));
    let refused = swarm.publish(7, &swarm.offering(7, "mehr")).expect_err("nothing more");
    assert_eq!(refused.reason, Reason::LogCut);
}

// --- forks ---

#[test]
pub fn two_histories_are_cut_at_the_same_place_by_everyone() {
    for seed in 1..6 {
        let mut swarm = swarm(seed, 12);
        let shared = publish(&mut swarm, 11, "gemeinsam");
        swarm.run(5_000);
        swarm.equivocate(11, 2 + seed as usize % 2, 1 + seed as usize);
        let began = swarm.now;
        swarm.settle();
        let origin = swarm.image.origin(11).clone();
        let cut = swarm.node(0).state().logs[&origin].cut().expect("it is cut");
        let genesis = swarm.image.state.logs[&origin].tree.size();
        assert_eq!(cut, genesis + 1, "what all have in common stays, seed {seed}");
        assert!(swarm.now.since_ms(began) <= 6_000, "{} ms", swarm.now.since_ms(began));
        for at in 0..12 {
            let log = &swarm.node(at).state().logs[&origin];
            let fork = log.fork.as_ref().expect("everyone has the proof");
            assert_eq!(swarm.node(at).state().check_fork(&fork.proof), Ok(cut));
            assert!(holds(&swarm, at, &shared));
        }
        // The rest of the federation goes on.
        publish(&mut swarm, 5, "weiter");
        swarm.settle();
    }
}

/// Whatever the order in which proofs arrive, the smallest cut counts.
#[test]
fn proofs_in_any_order_give_the_same_cut() {
    let mut swarm = swarm(1, 8);
    let origin = swarm.image.origin(7).clone();
    swarm.equivocate(7, 3, 4);
    swarm.settle();
    let proofs: Vec<_> =
        (0..8).filter_map(|at| swarm.node(at).state().logs[&origin].fork.clone()).map(|fork| fork.proof).collect();
    let cut = swarm.node(0).state().logs[&origin].cut();
    for rotated in 0..proofs.len() {
        let mut node = swarm.rebuild(0);
        node.step(Input::PeerUp(node_name(1)), swarm.now);
        for proof in proofs.iter().cycle().skip(rotated).take(proofs.len()) {
            node.step(Input::Frame(node_name(1), Frame::ForkProof(proof.clone())), swarm.now);
        }
        assert_eq!(node.state().logs[&origin].cut(), cut);
    }
}

// --- unfriendly peers ---

#[test]
fn a_liar_harms_nobody_and_is_found_out_where_it_breaks_a_rule() {
    for (liar, reasons) in [
        (Liar::Withholds, &[Reason::PeerStalled][..]),
        (Liar::Boasts, &[Reason::PeerStalled]),
        (Liar::Garbles, &[Reason::ProofInvalid, Reason::LeafInvalid, Reason::NoteMalformed, Reason::OriginInvalid]),
        (Liar::ForgesForks, &[Reason::ForkProofInvalid]),
        (Liar::CountBombs, &[Reason::FrameInvalid]),
    ] {
        let mut swarm = swarm(3, 10);
        swarm.sites[9].liar = Some(liar);
        for number in 0..4 {
            publish(&mut swarm, number + 4, &format!("neu-{number}"));
            publish(&mut swarm, 9, &format!("gelogen-{number}"));
            swarm.run(3_000);
        }
        swarm.settle();
        let closed: Vec<Reason> =
            swarm.disconnects.iter().filter(|(_, peer, _)| *peer == 9).map(|(.., refusal)| refusal.reason).collect();
        let found_out = closed.iter().any(|reason| reasons.contains(reason));
        assert!(found_out || reasons == [Reason::PeerStalled], "{liar:?}: {closed:?}");
        assert!(swarm.disconnects.iter().all(|(_, peer, _)| *peer == 9), "{liar:?}: only the liar loses streams");
    }
}

/// A frame that claims what is not so closes the stream, with a reason that both operators can read.
#[test]
fn frames_out_of_range_close_the_stream_with_a_reason() {
    let swarm = swarm(1, 6);
    let origin = swarm.image.origin(3).clone();
    let held = History::held(&swarm.node(0).state().logs[&origin]);
    let tree = held.tree.clone();
    let key = swarm.image.keys(3).log.remove(0);
    let head = |size| Claim { origin: origin.clone(), size, root: prefix(&tree.root()), witnessed: 0, cut: None };
    let foreign = Claim { origin: "fremd/log/n003/1".parse().expect("origin"), ..head(3) };
    let good = other_history(&origin, held.clone(), &[swarm.offering(3, "neu")], &key);
    let shrunk = {
        let mut run = good.clone();
        let note = Checkpoint { origin: origin.clone(), size: 2, root: tree.root_at(2).expect("held") }.sign(&key);
        run.cover = Cover::Note(note.to_string());
        run
    };
    let revoked = other_history(&origin, held, &[swarm.offering(3, "neu")], &swarm.image.keys(2).log[0]);
    let cases: Vec<(Frame, Reason)> = vec![
        (Frame::News { since: 9, until: 3, heads: vec![] }, Reason::FrameInvalid),
        (Frame::News { since: 0, until: 3, heads: vec![foreign] }, Reason::FrameInvalid),
        (Frame::Heads { asked_at: 0, position: 3, buckets: vec![7, 7], heads: vec![] }, Reason::FrameInvalid),
        (Frame::Heads { asked_at: 0, position: 3, buckets: vec![], heads: vec![head(1)] }, Reason::FrameInvalid),
        (Frame::Buckets { position: 3, salt: [0; 8], digests: vec![] }, Reason::FrameInvalid),
        (Frame::Probe { origin: origin.clone(), low: 5, high: 3, roots: vec![] }, Reason::FrameInvalid),
        (Frame::CoversWanted { origin: origin.clone(), indexes: vec![0; 65] }, Reason::FrameInvalid),
        (Frame::Entries(shrunk), Reason::ProofInvalid),
        (Frame::Entries(revoked), Reason::SignatureInvalid),
    ];
    for (frame, reason) in cases {
        let mut node = swarm.rebuild(0);
        node.step(Input::PeerUp(node_name(1)), swarm.now);
        let step = node.step(Input::Frame(node_name(1), frame.clone()), swarm.now);
        let closed = step.then.iter().find_map(|effect| match effect {
            Effect::Disconnect(_, refusal) => Some(refusal.reason),
            _ => None,
        });
        let told = step
            .then
            .iter()
            .any(|effect| matches!(effect, Effect::Send(_, Frame::Bye { reason: word }) if word == reason.code()));
        assert!(closed == Some(reason) && told, "{frame:?}: {closed:?}");
        // It is not spoken to for a while.
        let step = node.step(Input::PeerUp(node_name(1)), swarm.now.plus_ms(10));
        assert!(matches!(&step.then[0], Effect::Disconnect(_, refusal) if refusal.reason == Reason::PeerShunned));
    }
}

#[test]
fn only_so_many_peers_are_served_at_a_time_and_others_are_asked_for_patience() {
    let swarm = swarm(1, 16);
    let mut node = swarm.rebuild(0);
    let origin = swarm.image.origin(3).clone();
    let empty = prefix(&verbund::log::merkle::empty_root());
    let want = Frame::Want(Wanted { origin, first: 0, root: empty, witnessed: u64::MAX, cut: None });
    let mut answers = Vec::new();
    for peer in 1..=SERVING_MAX + 1 {
        node.step(Input::PeerUp(node_name(peer)), swarm.now);
        let step = node.step(Input::Frame(node_name(peer), want.clone()), swarm.now);
        answers.push(step.then.into_iter().next().expect("an answer"));
    }
    assert!(answers[..SERVING_MAX].iter().all(|answer| matches!(answer, Effect::ReadEntries { .. })));
    assert!(matches!(&answers[SERVING_MAX], Effect::Send(_, Frame::Busy { .. })));
}

/// A publisher that writes too much is heard later; nothing of it becomes invalid.
#[test]
fn a_quota_delays_and_refuses_nothing() {
    let mut swarm = swarm(1, 6);
    let origin = swarm.image.origin(3).clone();
    let held = History::held(&swarm.node(0).state().logs[&origin]);
    let run = other_history(&origin, held, &[swarm.offering(3, "neu")], &swarm.image.keys(3).log[0]);
    let mut node = swarm.rebuild(0);
    let up = |node: &mut verbund::protocol::Node, now: Timestamp| node.step(Input::PeerUp(node_name(1)), now);
    up(&mut node, swarm.now);
    node.spend_quota(&origin, QUOTA_BURST, 0, swarm.now);
    let size = |node: &verbund::protocol::Node| node.state().logs[&origin].tree.size();
    let before = size(&node);
    let step = node.step(Input::Frame(node_name(1), Frame::Entries(run.clone())), swarm.now);
    assert!(size(&node) == before && !step.then.iter().any(|effect| matches!(effect, Effect::Disconnect(..))));
    node.step(Input::Frame(node_name(1), Frame::Entries(run)), swarm.now.plus_ms(1_000));
    assert_eq!(size(&node), before + 1);
    swarm.run(1);
}

/// Wants are spread over the peers that have what is lacking, a few to each.
#[test]
fn a_catch_up_is_spread_over_several_peers() {
    let image = Image::of(200);
    let swarm = Swarm::of(image, 1, 4, 3, Faults::none());
    let mut node = verbund::protocol::Node::new(
        image.settings(3),
        image.keys(3),
        Box::new(crate::dice::SeededDice::new(1, "empty")),
    );
    let heads: Vec<Claim> = swarm.node(0).state().heads().iter().map(Claim::from).collect();
    let mut asked: Vec<NodeId> = Vec::new();
    for peer in 0..3 {
        node.step(Input::PeerUp(node_name(peer)), swarm.now);
        let news = Frame::News { since: 0, until: 9, heads: heads.clone() };
        let step = node.step(Input::Frame(node_name(peer), news), swarm.now);
        asked.extend(step.then.into_iter().filter_map(|effect| match effect {
            Effect::Send(to, Frame::Want(_)) => Some(to),
            _ => None,
        }));
    }
    for peer in 0..3 {
        assert_eq!(asked.iter().filter(|node| **node == node_name(peer)).count(), WANTS_PER_PEER_MAX);
    }
}
