//! Floor 3: finding offerings by words. A pure index over what is on offer.
//!
//! It holds no truth of its own: it is made from the catalogue and follows it. Must never rank by anything but the
//! words, weights and the area shown here; who sells it counts for nothing. How good it finds: `docs/finding.md`.
pub mod compound;
pub mod dictionary;
pub mod entry;
pub mod facets;
pub mod index;
pub mod lexicon;
pub mod query;
pub mod ranks;
pub mod text;

pub use facets::{Facet, FacetCount, Narrowing};
pub use index::{Entry, Field, Found, Hit, Index, Place};
