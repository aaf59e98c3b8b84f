//! Worked prices, each computed by hand in its comment, and what holds for all of them.
use proptest::prelude::*;

use super::quote::{Buyer, Charge, PriceStep, Priced, preview, quote};
use super::*;
use crate::domain::facts::BasisPoints;
use crate::domain::json;
use crate::domain::money::CENTS_MAX;
use crate::domain::reason::Lang;
use crate::domain::register::Area;

fn cents(value: i64) -> Cents {
    Cents::try_from(value).expect("an amount")
}

fn points(value: u32) -> BasisPoints {
    BasisPoints::try_from(value).expect("a share")
}

fn party(text: &str) -> Party {
    text.parse().expect("a party")
}

fn org(name: &str) -> OrgId {
    name.parse().expect("a name")
}

fn key(kind: KeyKind, year: u32, parties: &[(&str, Option<u64>)]) -> Key {
    let parties = parties.iter().map(|(name, weight)| Weight { party: party(name), weight: *weight });
    Key { kind, group: String::new(), year, source: "Test".to_owned(), parties: parties.collect(), open: false }
}

fn item(due: Due, value: i64, terms: Terms) -> Component {
    Component { terms: Some(terms), ..Component::new(CostItem::Operation, due, cents(value), "") }
}

fn shared(value: i64, split: Vec<Part>) -> Component {
    item(Due::PerYear, value, Terms { split, ..Terms::default() })
}

/// All of an amount by one key.
fn whole(key: Key) -> Vec<Part> {
    vec![Part { share: points(10_000), key }]
}

fn price(
    items: &[Component],
    name: &str,
    area: Option<&str>,
    quantities: Quantities,
) -> Result<Vec<Priced>, Refusal> {
    check_items("price", items)?;
    let (org, area) = (org(name), area.map(|area| area.parse::<Area>().expect("an area")));
    let buyer = Buyer { org: &org, area: area.as_ref(), inhabitants: Some(9_137), quantities };
    quote(items, &buyer, 3)
}

fn one(component: Component, name: &str, area: Option<&str>) -> Priced {
    let mut priced = price(&[component], name, area, Quantities::default()).expect("a price");
    assert_eq!(priced.len(), 1);
    priced.remove(0)
}

fn refused(component: Component, name: &str, reason: Reason) {
    let refusal = price(&[component], name, Some("150830040040"), Quantities::default()).expect_err("no price");
    assert_eq!(refusal.reason, reason, "{refusal}");
}

fn bears(priced: &Priced, name: &str) -> i64 {
    priced.shares[&party(name)].get()
}

const THREE: [(&str, Option<u64>); 3] = [("ST", None), ("SH", None), ("HH", None)];

/// Source: GV100AD, 31.08.2025, population of 31.12.2024.
const TOWNS: [(&str, Option<u64>); 5] = [
    ("barleben", Some(9_137)),
    ("halberstadt", Some(37_898)),
    ("hohe-boerde", Some(18_747)),
    ("magdeburg", Some(244_329)),
    ("tangerhuette", Some(10_108)),
];

fn all_lands() -> Vec<(&'static str, Option<u64>)> {
    Land::all().map(|land| (land.code(), None)).collect()
}

#[test]
fn the_table_of_2016_is_the_whole_key() {
    let sum: u64 = Land::all().map(|land| koenigstein::share(2016, land).expect("known")).sum();
    assert_eq!(sum, koenigstein::WHOLE);
    let holstein = Land::all().next().expect("sixteen of them");
    assert_eq!(koenigstein::share(2019, holstein).expect_err("no table").reason, Reason::DistributionYear);
}

/// 1,000,000.00 € among ST 2.79941, SH 3.39074, HH 2.55752; adapted to three: 8.74767 is the whole.
///
/// - ST 100,000,000 × 279,941 / 874,767 = 32,001,778.759…
/// - SH 100,000,000 × 339,074 / 874,767 = 38,761,635.955…
/// - HH 100,000,000 × 255,752 / 874,767 = 29,236,585.284…
///
/// The floors give 99,999,998; the two cents left go to SH (.955) and ST (.759).
#[test]
fn koenigstein_of_2016_adapted_to_three_laender() {
    let split = whole(key(KeyKind::Koenigstein, 2016, &THREE));
    let priced = one(shared(100_000_000, split), "land-sachsen-anhalt", Some("15"));
    assert_eq!(
        [bears(&priced, "ST"), bears(&priced, "SH"), bears(&priced, "HH")],
        [32_001_779, 38_761_636, 29_236_585]
    );
    assert_eq!(priced.component.cents, cents(32_001_779), "a Land orders under its organisation's name");
    let [PriceStep::Shared { weight, of, parties, year, .. }] = priced.steps.as_slice() else { panic!("one step") };
    assert_eq!((*weight, *of, *parties, *year), (279_941, 874_767, 3, 2016));
    let text = priced.steps[0].text(Lang::De);
    assert!(text.contains("Sachsen-Anhalt mit 2,79941 % trägt 320.017,79 €"), "{text}");
}

/// 10,000.00 € by 320,219 inhabitants, in cents:
///
/// - Barleben 1,000,000 × 9,137 / 320,219 = 28,533.597…
/// - Halberstadt 1,000,000 × 37,898 / 320,219 = 118,350.254…
/// - Hohe Börde 1,000,000 × 18,747 / 320,219 = 58,544.308…
/// - Magdeburg 1,000,000 × 244,329 / 320,219 = 763,005.942…
/// - Tangerhütte 1,000,000 × 10,108 / 320,219 = 31,565.897…
///
/// The floors give 999,997; the three cents left go to Magdeburg (.942), Tangerhütte (.897), Barleben (.597).
#[test]
fn inhabitants_of_the_five_municipalities() {
    let priced = one(shared(1_000_000, whole(key(KeyKind::Inhabitants, 2024, &TOWNS))), "barleben", None);
    let found = TOWNS.map(|(name, _)| bears(&priced, name));
    assert_eq!(found, [28_534, 118_350, 58_544, 763_006, 31_566]);
    assert_eq!(priced.component.cents, cents(28_534));
}

/// Decision 2023/35, 12,000.00 €: 50 % = 6,000.00 the reusing Länder by the adapted key, 25 % = 3,000.00 the Bund,
/// 25 % = 3,000.00 all Länder by the key.
///
/// - Among three: ST 600,000 × 279,941 / 874,767 = 192,010.672…, SH 232,569.815…, HH 175,419.511…; the floors give
///   599,998; SH and ST get a cent each: 192,011, 232,570, 175,419.
/// - Among sixteen every share is 300,000 × weight / 10,000,000, that is 3 % of the weight: ST 8,398.23, SH 10,172.22,
///   HH 7,672.56, HE 22,196.55. The floors leave 8 cents for HB .93, BW .86, BY .81, NW .72, BE .72, RP .67, BB .65 and
///   HH .56; HE with .55 gets none.
/// - ST 192,011 + 8,398 = 200,409; SH 232,570 + 10,172 = 242,742; HH 175,419 + 7,673 = 183,092; HE 22,196.
#[test]
fn joint_financing_half_quarter_quarter() {
    let split = vec![
        Part { share: points(5_000), key: key(KeyKind::Koenigstein, 2016, &THREE) },
        Part { share: points(2_500), key: key(KeyKind::Fixed, 2023, &[("bund", Some(1))]) },
        Part { share: points(2_500), key: key(KeyKind::Koenigstein, 2016, &all_lands()) },
    ];
    let priced = one(shared(1_200_000, split), "barleben", Some("150830040040"));
    let found = ["bund", "ST", "SH", "HH", "HE"].map(|name| bears(&priced, name));
    assert_eq!(found, [300_000, 200_409, 242_742, 183_092, 22_196]);
    assert_eq!(priced.shares.values().map(|share| share.get()).sum::<i64>(), 1_200_000);
    assert_eq!(priced.component.cents, Cents::ZERO, "the Land takes part in its municipality's stead");
}

/// 0.85 € a use, 1,000 a year at least. 600 uses: 1,000 × 0.85 = 850.00. 1,500 uses: 1,500 × 0.85 = 1,275.00.
#[test]
fn uses_with_a_minimum() {
    let terms = Terms { uses_min: Some(1_000), ..Terms::default() };
    for (uses, expected) in [(Some(600), 85_000), (Some(1_000), 85_000), (Some(1_500), 127_500), (None, 85_000)] {
        let quantities = Quantities { uses, target_group: None };
        let priced = price(&[item(Due::PerUse, 85, terms.clone())], "barleben", None, quantities).expect("a price");
        let component = &priced[0].component;
        assert_eq!((component.cents.get(), component.due), (expected, Due::PerYear), "{uses:?}");
        assert!(priced[0].steps[0].text(Lang::De).contains("mindestens 1000"));
    }
    refused(item(Due::PerUse, 85, Terms::default()), "barleben", Reason::QuantityMissing);
}

/// Connection of 1,000.01 €, of which the Land pays 75 %: 75,000.75 and 25,000.25 cents; the cent left over goes to
/// the larger remainder, the Land's.
#[test]
fn who_pays_may_differ_from_who_orders() {
    let payers =
        vec![Payer { who: None, share: points(2_500) }, Payer { who: Some(party("ST")), share: points(7_500) }];
    let terms = Terms { payers, payers_source: "Zuwendungsbescheid".to_owned(), ..Terms::default() };
    let priced = one(item(Due::Once, 100_001, terms), "barleben", Some("150830040040"));
    assert_eq!(priced.component.cents, cents(25_000));
    let paid: Vec<i64> = priced
        .steps
        .iter()
        .filter_map(|step| match step {
            PriceStep::Paid { cents, .. } => Some(cents.get()),
            _ => None,
        })
        .collect();
    assert_eq!(paid, [25_000, 75_001]);
}

/// 1,000.00 € and 2.5 % more every year: 1,000.00; 1,025.00; 1,050.625, rounded half up 1,050.63. Together 3,075.63.
#[test]
fn an_agreed_rise_gives_one_amount_a_year() {
    let indexation = |rate| Some(Indexation { index: "Staffel".to_owned(), rate });
    let terms = Terms { indexation: indexation(Some(points(250))), ..Terms::default() };
    let priced =
        price(&[item(Due::PerYear, 100_000, terms)], "barleben", None, Quantities::default()).expect("a price");
    let components: Vec<Component> = quote::carried(priced);
    let found: Vec<(Option<u32>, i64)> = components.iter().map(|part| (part.year, part.cents.get())).collect();
    assert_eq!(found, [(Some(1), 100_000), (Some(2), 102_500), (Some(3), 105_063)]);
    assert_eq!(amount(&components, 3).expect("a sum"), cents(307_563));
    let open = Terms { indexation: indexation(None), ..Terms::default() };
    let priced = one(item(Due::PerYear, 100_000, open), "barleben", None);
    assert_eq!((priced.component.cents, priced.component.due), (cents(100_000), Due::PerYear));
    assert_eq!(priced.steps, [PriceStep::Indexed { index: "Staffel".to_owned() }]);
}

/// Four towns with 311,082 inhabitants; Barleben joins with its 9,137, so it pays what it pays among five.
#[test]
fn who_joins_an_open_key_brings_its_own_number() {
    let mut of_four = key(KeyKind::Inhabitants, 2024, &TOWNS[1..]);
    of_four.open = true;
    let priced = one(shared(1_000_000, whole(of_four.clone())), "barleben", None);
    assert_eq!((priced.component.cents.get(), bears(&priced, "magdeburg")), (28_534, 763_006));
    of_four.open = false;
    refused(shared(1_000_000, whole(of_four)), "barleben", Reason::NotInDistribution);
    let mut students = key(KeyKind::TargetGroup, 2025, &[("magdeburg", Some(900))]);
    (students.group, students.open) = ("Studierende".to_owned(), true);
    let quantities = Quantities { uses: None, target_group: Some(100) };
    let items = [shared(10_000, whole(students.clone()))];
    let priced = price(&items, "barleben", None, quantities).expect("a price");
    assert_eq!(priced[0].component.cents, cents(1_000), "100 of 1,000");
    refused(shared(10_000, whole(students)), "barleben", Reason::QuantityMissing);
}

/// 19 % of 2,550.00 = 484.50; the other leg is not taxable.
#[test]
fn tax_is_added_where_it_is_stated() {
    let tax = |treatment, rate: Option<u32>| {
        Some(Tax { treatment, rate: rate.map(points), reason: "§ 2b UStG".to_owned() })
    };
    let (provider, hop) = (org("dataport"), org("kitu"));
    let buyer = Buyer { org: &org("barleben"), area: None, inhabitants: None, quantities: Quantities::default() };
    let mut taxed = [Component::new(CostItem::Operation, Due::PerYear, cents(85_000), "")];
    taxed[0].tax = tax(Treatment::Taxed, Some(1_900));
    let mut free = [Component::new(CostItem::Brokering, Due::Once, cents(12_000), "")];
    free[0].tax = tax(Treatment::NotTaxable, None);
    fn charge<'a>(org: &'a OrgId, items: Option<&'a [Component]>) -> Charge<'a> {
        Charge { org, by: None, items }
    }
    let found = preview(&[charge(&provider, Some(&taxed)), charge(&hop, Some(&free))], &buyer, 3).expect("a price");
    assert_eq!((found.total, found.gross), (cents(267_000), Some(cents(315_450))));
    assert_eq!(found.taxes[0].tax_cents, Some(cents(48_450)));
    free[0].tax = None;
    let found = preview(&[charge(&provider, Some(&taxed)), charge(&hop, Some(&free))], &buyer, 3).expect("a price");
    assert_eq!(found.gross, None, "what is stated in words only is not computed");
    let found = preview(&[charge(&provider, Some(&taxed)), charge(&hop, None)], &buyer, 3).expect("a price");
    assert!(!found.is_complete() && found.gross.is_none(), "a hop that says nothing is no hop for free");
}

#[test]
fn what_no_price_can_be_is_refused_with_its_reason() {
    let by = |kind, year, parties: &[(&str, Option<u64>)]| shared(1_000, whole(key(kind, year, parties)));
    let halves = |a, b| {
        let part = |share| Part { share: points(share), key: key(KeyKind::Koenigstein, 2016, &THREE) };
        shared(1_000, vec![part(a), part(b)])
    };
    let payers = |shares: &[u32]| {
        let who = |at: usize| [None, Some(party("ST")), Some(Party::Bund)][at].clone();
        let payers = shares.iter().enumerate().map(|(at, share)| Payer { who: who(at), share: points(*share) });
        let terms = Terms { payers: payers.collect(), payers_source: "Bescheid".to_owned(), ..Terms::default() };
        item(Due::Once, 1_000, terms)
    };
    let mut unsourced = key(KeyKind::Inhabitants, 2024, &TOWNS);
    unsourced.source.clear();
    for (component, reason) in [
        (by(KeyKind::Inhabitants, 0, &TOWNS), Reason::DistributionYear),
        (by(KeyKind::Koenigstein, 2019, &THREE), Reason::DistributionYear),
        (by(KeyKind::Inhabitants, 2024, &[]), Reason::DistributionInvalid),
        (by(KeyKind::Inhabitants, 2024, &[TOWNS[0], TOWNS[0]]), Reason::DistributionInvalid),
        (by(KeyKind::Inhabitants, 2024, &[("barleben", Some(0))]), Reason::DistributionInvalid),
        (by(KeyKind::Inhabitants, 2024, &[("barleben", None)]), Reason::DistributionInvalid),
        (by(KeyKind::Koenigstein, 2016, &[("barleben", None)]), Reason::DistributionInvalid),
        (by(KeyKind::TargetGroup, 2024, &TOWNS), Reason::DistributionInvalid),
        (by(KeyKind::Uses, 2024, &[("barleben", Some(WEIGHT_MAX + 1))]), Reason::DistributionInvalid),
        (shared(1_000, whole(unsourced)), Reason::FieldInvalid),
        (halves(5_000, 4_999), Reason::PercentageSum),
        (halves(5_000, 5_001), Reason::PercentageSum),
        (payers(&[2_500, 7_499]), Reason::PercentageSum),
        (payers(&[10_000, 1]), Reason::PercentageSum),
        (item(Due::PerYear, 1_000, Terms { uses_min: Some(1), ..Terms::default() }), Reason::FieldInvalid),
        (by(KeyKind::Inhabitants, 2024, &TOWNS[1..]), Reason::NotInDistribution),
        (item(Due::PerUse, CENTS_MAX, Terms { uses_min: Some(2), ..Terms::default() }), Reason::MoneyInvalid),
    ] {
        refused(component, "barleben", reason);
    }
    let unpaid = Terms { payers: vec![Payer { who: None, share: points(10_000) }], ..Terms::default() };
    refused(item(Due::Once, 1_000, unpaid), "barleben", Reason::FieldInvalid);
}

#[test]
fn what_no_statement_can_say_does_not_parse() {
    let text = |kind: &str, cents: &str| {
        format!(
            r#"{{"item":"operation","due":"per-year","cents":{cents},"terms":{{"split":[{{"share":10000,"key":{{"kind":"{kind}","year":2016,"source":"Test","parties":[{{"party":"ST"}}]}}}}]}}}}"#
        )
    };
    let read = |text: String| json::read::<Component>(text.as_bytes());
    let good = read(text("koenigstein", "1000")).expect("readable");
    assert_eq!(good, shared(1_000, whole(key(KeyKind::Koenigstein, 2016, &[("ST", None)]))));
    for (kind, cents, word) in [
        ("dice", "1000", "DISTRIBUTION_KEY_UNKNOWN"),
        ("koenigstein", "-1", "MONEY_INVALID"),
        ("koenigstein", "1000000000001", "MONEY_INVALID"),
        ("koenigstein", "9007199254740993", "2^53"),
    ] {
        let refusal = read(text(kind, cents)).expect_err("not readable");
        assert!(refusal.field("why").is_some_and(|why| why.contains(word)), "{kind} {cents}: {refusal}");
    }
    let old = read(r#"{"item":"operation","due":"once","cents":5,"of_a_later_version":1}"#.to_owned()).expect("old");
    assert_eq!(old, Component::new(CostItem::Operation, Due::Once, cents(5), ""));
    assert_eq!(
        json::write(&old),
        br#"{"item":"operation","due":"once","cents":5}"#,
        "old statements keep their bytes"
    );
}

proptest! {
    #[test]
    fn shares_always_add_up(total in 0..=CENTS_MAX, weights in prop::collection::vec(0..=WEIGHT_MAX, 1..50)) {
        let named: Vec<(usize, u64)> = weights.iter().copied().enumerate().collect();
        match distribute(cents(total), &named) {
            Ok(parts) => {
                prop_assert_eq!(parts.iter().map(|part| part.get()).sum::<i64>(), total);
                let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
                for (part, weight) in parts.iter().zip(&weights) {
                    let floor = i64::try_from(u128::from(total.unsigned_abs()) * u128::from(*weight) / sum).expect("below the total");
                    prop_assert!((floor..=floor + 1).contains(&part.get()), "no part is off by a cent");
                    prop_assert!(*weight > 0 || part.get() == 0, "who has no weight bears nothing");
                }
            }
            Err(_) => prop_assert!(weights.iter().all(|weight| *weight == 0)),
        }
    }

    #[test]
    fn the_order_of_the_parties_does_not_matter(
        total in 0..=10_000_000_i64,
        weights in prop::collection::vec(0..20_u64, 2..12),
        turn in 0..12_usize,
    ) {
        let mut named: Vec<(usize, u64)> = weights.into_iter().enumerate().collect();
        prop_assume!(named.iter().any(|(_, weight)| *weight > 0));
        let by_name = |named: &[(usize, u64)]| {
            let parts = distribute(cents(total), named).expect("somebody has a weight");
            named.iter().map(|(name, _)| *name).zip(parts).collect::<std::collections::BTreeMap<_, _>>()
        };
        let before = by_name(&named);
        let turn = turn % named.len();
        named.rotate_left(turn);
        prop_assert_eq!(&before, &by_name(&named));
        named.reverse();
        prop_assert_eq!(&before, &by_name(&named));
    }

    #[test]
    fn a_shared_cost_adds_up_and_nothing_panics(
        value in 0..=CENTS_MAX,
        first in 0..=10_000_u32,
        weights in prop::collection::vec(1..=WEIGHT_MAX, 3),
        uses in any::<u32>(),
        rate in 0..=10_000_u32,
        years in 1..=20_u32,
    ) {
        let named = ["barleben", "magdeburg", "SH"].into_iter().zip(weights).map(|(name, weight)| (name, Some(weight)));
        let by_people = key(KeyKind::Inhabitants, 2024, &named.collect::<Vec<_>>());
        let split = vec![
            Part { share: points(first), key: by_people },
            Part { share: points(10_000 - first), key: key(KeyKind::Koenigstein, 2016, &all_lands()) },
        ];
        let indexation = Some(Indexation { index: "Staffel".to_owned(), rate: Some(points(rate)) });
        let items = [
            item(Due::PerYear, value, Terms { split, indexation, ..Terms::default() }),
            item(Due::PerUse, value, Terms::default()),
        ];
        check_items("price", &items).expect("admissible");
        let buyer = org("barleben");
        let area: Area = "150830040040".parse().expect("an area");
        let quantities = Quantities { uses: Some(uses), target_group: None };
        let buyer = Buyer { org: &buyer, area: Some(&area), inhabitants: None, quantities };
        match quote(&items, &buyer, years) {
            Ok(priced) => {
                for of_year in priced.iter().filter(|priced| !priced.shares.is_empty()) {
                    let sum: i64 = of_year.shares.values().map(|share| share.get()).sum();
                    let Some(PriceStep::Shared { whole, .. }) = of_year.steps.last() else { panic!("a shared cost") };
                    prop_assert_eq!(sum, whole.get());
                }
            }
            Err(refusal) => prop_assert_eq!(refusal.reason, Reason::MoneyInvalid),
        }
    }
}
