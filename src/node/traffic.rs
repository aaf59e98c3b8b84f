//! What has gone over the replication streams since the node started: frames and bytes by kind and direction.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::wire::page::encoded_bytes;
use crate::wire::pb::peer::v1::Frame;
use crate::wire::peer::kind_name;

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Direction {
    /// From a peer.
    Received,
    /// To a peer.
    Sent,
}

/// Counters, shared by all streams. Cheap to clone.
#[derive(Clone, Default)]
pub struct Traffic(Arc<Mutex<BTreeMap<(&'static str, Direction), Count>>>);

/// How much.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// Frames.
    pub frames: u64,
    /// Their bytes as protobuf, without the transport's own.
    pub bytes: u64,
}

impl Traffic {
    /// Counts a frame.
    pub fn count(&self, direction: Direction, frame: &Frame) {
        let mut counts = self.0.lock().expect("no panic while it is held");
        let count = counts.entry((kind_name(frame), direction)).or_default();
        count.frames += 1;
        count.bytes += encoded_bytes(frame) as u64;
    }

    /// All counters, by kind.
    pub fn counts(&self) -> BTreeMap<(&'static str, Direction), Count> {
        self.0.lock().expect("no panic while it is held").clone()
    }
}
