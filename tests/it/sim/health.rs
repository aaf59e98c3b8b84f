//! What a node says of itself is true: each cause for which it serves no orders has its own word, and goes when the cause does.
use verbund::domain::id::NodeId;
use verbund::domain::reason::Reason;

use super::faults::Faults;
use super::{Event, World};
use crate::federation::{name, start};

const NODE: &str = "kitu";

fn says(world: &World) -> Option<Reason> {
    let site = &world.sites[&name::<NodeId>(NODE)];
    let node = site.node.as_ref().expect("it runs");
    node.check_serves_orders(world.now.plus_ms(site.skew_ms)).err().map(|refusal| refusal.reason)
}

#[test]
fn each_cause_has_its_word_and_goes_with_it() {
    let mut world = World::empty(0, Faults::none(), start()).begun(|_, _| {});
    world.faults.active = true;
    world.run(5_000);
    assert_eq!(says(&world), None);

    world.later(0, Event::Cut([name::<NodeId>(NODE)].into()));
    world.run(200_000);
    assert_eq!(says(&world), Some(Reason::QuorumUnreachable), "nobody is left");
    world.later(0, Event::Cut([].into()));
    world.run(60_000);
    assert_eq!(says(&world), None);

    world.site(&name(NODE)).skew_ms = 30 * 60 * 1000;
    let told = world.run_until(1_800_000, |world| says(world) == Some(Reason::ClockDiffers));
    assert!(told, "most peers have said the time since");
    world.site(&name(NODE)).skew_ms = 0;
    world.run(120_000);
    assert_eq!(says(&world), None);

    world.die(&name(NODE), 100);
    let mut was_catching_up = false;
    for _ in 0..500 {
        world.run(1);
        let is_up = world.sites[&name::<NodeId>(NODE)].node.is_some();
        was_catching_up |= is_up && says(&world) == Some(Reason::CatchingUp);
    }
    assert!(was_catching_up, "it asks for its own log first");
    world.run(60_000);
    assert_eq!(says(&world), None);
}
