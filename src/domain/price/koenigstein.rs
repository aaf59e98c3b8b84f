//! The *Königsteiner Schlüssel*: tables by year, in 1e-5 per cent, so that five decimals are whole numbers.
//!
//! Two thirds tax revenue, one third population, computed by the GWK. A table that is not here can be stated in the
//! key itself, with its source.
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::Land;

/// The whole key: 100 per cent.
pub const WHOLE: u64 = 10_000_000;

/// The table of 2016, by the Länder's numbers.
/// Source: <http://kommunalwiki.boell.de/index.php/K%C3%B6nigsteiner_Schl%C3%BCssel>
const OF_2016: [u64; 16] = [
    339_074,   // Schleswig-Holstein
    255_752,   // Hamburg
    933_138,   // Niedersachsen
    95_331,    // Bremen
    2_114_424, // Nordrhein-Westfalen
    739_885,   // Hessen
    483_089,   // Rheinland-Pfalz
    1_296_662, // Baden-Württemberg
    1_553_327, // Bayern
    121_111,   // Saarland
    508_324,   // Berlin
    303_655,   // Brandenburg
    201_240,   // Mecklenburg-Vorpommern
    505_577,   // Sachsen
    279_941,   // Sachsen-Anhalt
    269_470,   // Thüringen
];

/// A Land's share in the table of a year. Refused if the table of that year is not known here.
pub fn share(year: u32, land: Land) -> Result<u64, Refusal> {
    match year {
        2016 => Ok(OF_2016[land.index()]),
        _ => Err(Refusal::new(Reason::DistributionYear).with("key", "koenigstein").with("year", year)),
    }
}
