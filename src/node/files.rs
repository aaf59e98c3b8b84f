//! Open files: how many the system lets this process have, and how many connections that leaves room for.
//!
//! Whoever connects uses up a file. If strangers could use up all, the store could not begin its next segment and the node
//! would end; so a part is never given to them.
use crate::domain::reason::{Reason, Refusal};

/// Files kept for the node itself: the store's segments and index, its own streams and deliveries to peers, the collector of its
/// numbers, and connections that are just being closed to make room.
const KEPT: u64 = 256;

/// Connections without which a node is of no use: its peers, and a few desks.
const CONNECTIONS_MIN: u64 = 64;

/// How many connections may be open at once, of as many as the operator wants. The soft limit of the process is raised
/// to the hard one first. Refuses a limit under which the node would come to a stop one day.
pub fn places(wanted: u32) -> Result<usize, Refusal> {
    // Where the system does not let itself be asked there is nothing to go by but the operator's word.
    let limit = rlimit::increase_nofile_limit(u64::from(wanted) + KEPT).ok();
    let places = places_of(limit, wanted)?;
    if places < wanted as usize {
        tracing::warn!(places, wanted, limit, "the limit of open files leaves room for fewer connections");
    }
    Ok(places)
}

fn places_of(limit: Option<u64>, wanted: u32) -> Result<usize, Refusal> {
    let Some(limit) = limit else { return Ok(wanted as usize) };
    let least = CONNECTIONS_MIN.min(wanted.into());
    match limit.checked_sub(KEPT).filter(|left| *left >= least) {
        Some(left) => Ok(usize::try_from(left).unwrap_or(usize::MAX).min(wanted as usize)),
        None => Err(Refusal::new(Reason::StoreHandles).with("limit", limit).with("least", KEPT + least)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_never_get_the_files_that_the_node_needs() {
        for (limit, wanted, places) in [
            (None, 4_096, Some(4_096)),
            (Some(20_000), 4_096, Some(4_096)),
            (Some(1_024), 4_096, Some(768)),
            (Some(320), 4_096, Some(64)),
            (Some(319), 4_096, None),
            (Some(64), 4_096, None),
            (Some(258), 2, Some(2)),
            (Some(u64::MAX), u32::MAX, Some(u32::MAX as usize)),
        ] {
            assert_eq!(places_of(limit, wanted).ok(), places, "{limit:?}");
        }
    }
}
