//! Open files: how many the system lets this process have, and how many connections that leaves room for.
//!
//! Whoever connects uses up a file. If strangers could use up all, the store could not begin its next segment and the node
//! would end; so a part is never given to them.
use crate::domain::reason::{Reason, Refusal};

/// Files kept for the node itself: the store's segments and index, its own streams and deliveries to peers, the collector of its
/// numbers, and connections that are just being closed to make room.
const KEPT: u64 = 256;

/// Connections without which a node is of no use: its peers, and a few desks.
const CONNECTIONS_MIN: usize = 64;

/// Browsers get at most this part of what is left: the node's peers come first.
const PAGES_SHARE: usize = 4;

/// How many connections may be open at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Places {
    /// Of peers and gRPC clients.
    pub calls: usize,
    /// Of browsers.
    pub pages: usize,
}

/// The places there are, of as many as are wanted. The soft limit of the process is raised as far as the hard one allows. Refuses
/// a limit under which the node would come to a stop one day.
pub fn places(wanted: Places) -> Result<Places, Refusal> {
    let files = (wanted.calls + wanted.pages) as u64 + KEPT;
    // Where the system does not let itself be asked there is nothing to go by but the operator's word.
    let Ok(limit) = rlimit::increase_nofile_limit(files) else { return Ok(wanted) };
    let places = places_of(limit, wanted)?;
    if places != wanted {
        let Places { calls, pages } = places;
        tracing::warn!(calls, pages, limit, "the limit of open files leaves room for fewer connections");
    }
    Ok(places)
}

fn places_of(limit: u64, wanted: Places) -> Result<Places, Refusal> {
    let least = CONNECTIONS_MIN.min(wanted.calls);
    let left = usize::try_from(limit.saturating_sub(KEPT)).unwrap_or(usize::MAX);
    let pages = if left.saturating_sub(wanted.pages) >= wanted.calls { left } else { left / PAGES_SHARE };
    let pages = pages.min(wanted.pages);
    if left - pages < least {
        return Err(Refusal::new(Reason::StoreHandles).with("limit", limit).with("least", KEPT + 2 * least as u64));
    }
    Ok(Places { calls: wanted.calls.min(left - pages), pages })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_never_get_the_files_that_the_node_needs() {
        let wanted = |calls, pages| Places { calls, pages };
        for (limit, asked, places) in [
            (20_000, wanted(4_096, 1_024), Some(wanted(4_096, 1_024))),
            (5_376, wanted(4_096, 1_024), Some(wanted(4_096, 1_024))),
            (1_024, wanted(4_096, 0), Some(wanted(768, 0))),
            (1_024, wanted(4_096, 1_024), Some(wanted(576, 192))),
            (320, wanted(4_096, 0), Some(wanted(64, 0))),
            (319, wanted(4_096, 0), None),
            (320, wanted(4_096, 1_024), None),
            (64, wanted(4_096, 0), None),
            (258, wanted(2, 0), Some(wanted(2, 0))),
            (u64::MAX, wanted(4_096, 1_024), Some(wanted(4_096, 1_024))),
        ] {
            assert_eq!(places_of(limit, asked).ok(), places, "{limit}");
        }
    }
}
