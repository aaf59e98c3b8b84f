//! Settled orders that a test looks at: they are read for the look, and live as long as it may last.
use std::cell::OnceCell;

use verbund::protocol::state::Order;

/// Orders that were read for a look, until time goes on: each lives as long as the one before.
#[derive(Default)]
pub(super) struct LookedAt(OnceCell<Box<(Order, LookedAt)>>);

impl LookedAt {
    pub(super) fn keep(&self, order: Order) -> &Order {
        let mut last = self;
        while let Some(more) = last.0.get() {
            last = &more.1;
        }
        &last.0.get_or_init(|| Box::new((order, Self::default()))).0
    }
}
