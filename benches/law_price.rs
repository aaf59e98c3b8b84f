//! The price part of the area `law` by itself. Run with `cargo bench --bench law_price`.
#[path = "../tests/it/federation.rs"]
#[expect(dead_code, reason = "the tests' federation offers more than one price")]
mod federation;
#[expect(dead_code, reason = "the measuring loop compares rates as well")]
mod measure;
#[path = "law/price.rs"]
mod price;

use crate::measure::Figures;

fn main() {
    let mut figures = Figures::begin("law");
    price::measure(&mut figures);
    figures.finish();
}
