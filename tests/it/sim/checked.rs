//! Marks in a real store: what a node has checked it recognises, and nothing else.
use std::collections::BTreeMap;

use verbund::domain::id::NodeId;
use verbund::domain::reason::{Reason, Refusal};
use verbund::domain::signing::SecretKey;
use verbund::domain::statement::{Kind, SignatureBy, Signed};
use verbund::protocol::Node;
use verbund::protocol::record::Record;
use verbund::protocol::settings::NodeKeys;

use crate::dice::SeededDice;
use crate::federation::{federation, name};
use crate::sim::scenarios::{sealed, submit, world};

/// The records of a hop after one sealed order.
fn hop() -> Vec<Record> {
    let mut world = world();
    let request = world.federation.request("r1", world.now);
    let order = submit(&mut world, &request).expect("a good request");
    world.settle();
    assert!(sealed(&world, "kid", order));
    let at: NodeId = name("kid");
    let mut records = Vec::new();
    let keep = |record| {
        records.push(record);
        Ok(())
    };
    world.sites[&at].store.load_now(keep).expect("an open store");
    records
}

/// What a node with these keys makes of records.
fn read(records: Vec<Record>, keys: NodeKeys) -> Result<Node, Refusal> {
    let settings = federation().settings(&name("kid"));
    let mut node = Node::new(settings, keys, Box::new(SeededDice::new(1, "read back")));
    records.into_iter().try_for_each(|record| node.replay(record))?;
    Ok(node)
}

fn own_keys() -> NodeKeys {
    federation().keys(&name("kid"))
}

fn marks(records: &[Record]) -> usize {
    records.iter().map(|record| if let Record::Checked(marks) = record { marks.len() } else { 0 }).sum()
}

#[test]
fn a_store_reads_the_same_with_marks_without_them_and_with_somebody_elses() {
    let records = hop();
    let statements = records.iter().flat_map(Record::statements).count();
    let order_messages = records.iter().flat_map(Record::statements).filter(|signed| !signed.kind().is_public());
    assert!(marks(&records) >= order_messages.count(), "{} marks for {statements} statements", marks(&records));
    let heads = |node: Node| node.state().heads();
    let with = heads(read(records.clone(), own_keys()).expect("its own"));
    let without: Vec<Record> =
        records.iter().filter(|record| !matches!(record, Record::Checked(_))).cloned().collect();
    assert_eq!(heads(read(without, own_keys()).expect("checked again")), with);
    let other = NodeKeys { log: vec![SecretKey::from_seed(&[9; 32])], ..own_keys() };
    assert_eq!(heads(read(records, other).expect("checked again")), with);
}

/// A disk is a courier: whoever changes a statement on it and leaves the mark is found out.
#[test]
fn a_statement_changed_on_the_disk_is_not_recognised() {
    let records = hop();
    let bend = |signed: &Signed| {
        let mut by: SignatureBy = signed.signatures()[0];
        by.signature.0[40] ^= 1;
        Signed::parse(signed.pae(), vec![by]).expect("well-formed")
    };
    let mut bent = BTreeMap::new();
    for at in 0..records.len() {
        let mut changed = records.clone();
        let kind = match &mut changed[at] {
            Record::Entries { entries, .. } => {
                let mut statements = entries.iter_mut().filter_map(|entry| entry.statement.as_mut());
                statements.find(|signed| !signed.kind().is_public()).map(|signed| {
                    *signed = bend(signed);
                    signed.kind().clone()
                })
            }
            Record::Kept(signed) => {
                *signed = bend(signed);
                Some(signed.kind().clone())
            }
            _ => None,
        };
        if let Some(kind) = kind {
            let refusal = read(changed, own_keys()).map(|_| ()).expect_err("changed");
            assert_eq!(refusal.reason, Reason::SignatureInvalid, "{kind}");
            *bent.entry(kind.to_string()).or_insert(0) += 1;
        }
    }
    for kind in [Kind::Endorse, Kind::Counter, Kind::Seal, Kind::Receipt] {
        assert!(bent.contains_key(&kind.to_string()), "{kind} among {bent:?}");
    }
}
