//! The index for searches, beside the views that it follows.
use std::sync::RwLock;

use crate::search::{Hit, Index};
use crate::view::View;

/// The index that follows the catalogue. Brought up to date by whoever searches first after a change, on its own thread.
#[derive(Default)]
pub(super) struct Finder {
    /// And of which life of the view it is.
    index: RwLock<(u64, Index)>,
}

impl Finder {
    /// Offerings in which every word of the query begins a word, as of that view or later.
    pub(super) fn find(&self, view: &View, query: &str) -> Vec<Hit> {
        let catalogue = view.public().catalogue;
        {
            let known = self.index.read().expect("no panic while it is held");
            if known.0 == view.life() && known.1.is_level(catalogue) {
                return known.1.find(query);
            }
        }
        let mut known = self.index.write().expect("no panic while it is held");
        if known.0 != view.life() {
            *known = (view.life(), Index::default());
        }
        known.1.follow(catalogue);
        known.1.find(query)
    }
}
