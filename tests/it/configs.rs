//! The files under `nodes/` are real, complete, marked where they assume, and free of secrets.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use verbund::config::folder::{FederationFolder, read_folder};
use verbund::domain::facts::{Membership, PrivateCapital};
use verbund::domain::offering::Offering;
use verbund::domain::price::{KeyKind, Party};
use verbund::domain::trust::WitnessPolicy;

use crate::shared::shared;

fn nodes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes")
}

fn federation() -> FederationFolder {
    read_folder(&nodes()).expect("every file under nodes/ is valid")
}

fn offerings(folder: &FederationFolder) -> impl Iterator<Item = &Offering> {
    folder.nodes.iter().flat_map(|node| &node.offerings)
}

fn memberships(folder: &FederationFolder) -> impl Iterator<Item = &Membership> {
    folder.nodes.iter().flat_map(|node| &node.organisations.memberships)
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("readable folder") {
        let path = entry.expect("readable entry").path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

/// The second column of a register, which never holds a comma.
fn second_column(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).expect("readable register");
    text.lines().filter_map(|line| line.split(',').nth(1)).map(str::to_owned).collect()
}

#[test]
fn every_file_is_read_and_no_other_lies_there() {
    let folder = federation();
    let mut expected: BTreeSet<PathBuf> = ["README.md", "federation.toml"].map(|name| nodes().join(name)).into();
    expected.extend(folder.federation.rule_pack_files.iter().map(|file| nodes().join(file)));
    for node in &folder.nodes {
        let here = nodes().join(node.profile.node.as_str());
        expected.extend(["node.toml", "organisations.toml"].map(|name| here.join(name)));
        expected.extend(node.offerings.iter().map(|o| here.join("offerings").join(format!("{}.toml", o.name))));
    }
    assert_eq!(files_below(&nodes()).into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn no_file_holds_a_secret() {
    for path in files_below(&nodes()) {
        let text = fs::read_to_string(&path).expect("UTF-8");
        assert!(!text.contains("PRIVATE"), "{}", path.display());
        let longest = text.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max().unwrap_or(0);
        assert!(longest < 32, "{} holds something that looks like a key", path.display());
    }
}

#[test]
fn the_federation_is_the_one_of_the_story() {
    let folder = federation();
    let names: Vec<&str> = folder.nodes.iter().map(|node| node.profile.node.as_str()).collect();
    assert_eq!(names, ["akdb", "dataport", "govdigital", "kid", "kitu", "provitako"]);
    let witnesses = &folder.federation.witnesses;
    assert_eq!((witnesses.nodes.len(), witnesses.quorum), (6, WitnessPolicy::quorum_of(6)));
    assert_eq!((folder.federation.trustees.len(), folder.federation.threshold), (5, 3));
    // Barleben to Dataport, and Feldafing to KITU: each leg rests on a membership, in one direction or the other.
    let pairs: BTreeSet<(&str, &str)> = memberships(&folder).map(|m| (m.member.as_str(), m.of.as_str())).collect();
    for route in [
        ["barleben", "kitu", "kid", "provitako", "govdigital", "dataport"],
        ["feldafing", "akdb", "govdigital", "provitako", "kid", "kitu"],
    ] {
        for leg in route.windows(2) {
            assert!(pairs.contains(&(leg[0], leg[1])) || pairs.contains(&(leg[1], leg[0])), "{leg:?}");
        }
    }
    let sold_by = |seller: &str| offerings(&folder).filter(|o| o.seller.as_str() == seller).count();
    assert!(sold_by("dataport") >= 1 && sold_by("kitu") >= 2);
}

#[test]
fn every_fact_names_its_source_and_assumptions_are_marked() {
    let folder = federation();
    for fact in memberships(&folder) {
        let about = format!("{} in {}", fact.member, fact.of);
        assert!(fact.source.len() > 20, "{about} needs a source");
        assert!(fact.seat.is_none() || fact.assumed, "{about}: no source proves a seat");
        assert_eq!(fact.assumed, fact.source.contains("Annahme"), "{about}: mark and source must agree");
    }
    for fact in folder.nodes.iter().flat_map(|node| &node.organisations.entities) {
        let measured = fact.activity_share.is_some() || fact.private_capital == Some(PrivateCapital::None);
        assert!(!measured || fact.assumed, "{}: no source proves activity or capital", fact.org);
        assert_eq!(fact.assumed, fact.source.contains("Annahme"), "{}: mark and source must agree", fact.org);
    }
    for offering in offerings(&folder) {
        let marked = |word: &str| offering.assumed.iter().any(|text| text.contains(word));
        assert!(marked("Anbieter") && marked("Preise") && marked("Reifegrad"), "{}", offering.name);
        assert!(offering.portals.is_empty() || marked("Portale"), "{}", offering.name);
        assert!(offering.efa_confirmed || marked("EfA"), "{}", offering.name);
    }
}

#[test]
fn offerings_are_many_and_distinct() {
    let folder = federation();
    let names: BTreeSet<_> = offerings(&folder).map(|o| (&o.seller, &o.name)).collect();
    assert!(names.len() >= 32, "{} offerings", names.len());
    assert_eq!(names.len(), offerings(&folder).count(), "one name twice at one seller");
    let mut sellers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for offering in offerings(&folder) {
        for key in &offering.leika {
            sellers.entry(key.as_str()).or_default().insert(offering.seller.as_str());
        }
    }
    assert!(sellers.values().any(|sellers| sellers.len() > 1), "some service must be on offer by two sellers");
}

#[test]
fn keys_stand_in_the_register_of_2019() {
    let Some(leika) = shared("data/leika") else { return };
    let keys = second_column(&leika.join("leika_leistungen_nrw_2019.csv"));
    let bundles = second_column(&leika.join("ozg_leistungen_nrw_2019.csv"));
    let folder = federation();
    let mut checked = 0;
    for offering in offerings(&folder) {
        for key in &offering.leika {
            assert!(keys.contains(key.as_str()), "{}: {key} is not in the register", offering.name);
            checked += 1;
        }
        if let Some(bundle) = &offering.ozg {
            assert!(bundles.contains(bundle.as_str()), "{}: {bundle} is not in the register", offering.name);
        }
    }
    assert!(checked >= 40, "{checked} keys");
}

#[test]
fn municipalities_are_those_of_the_official_register() {
    let Some(register) = shared("data/gemeinden/gemeinden_2025-08-31.csv") else { return };
    let text = fs::read_to_string(register).expect("readable register");
    let folder = federation();
    let mut checked = 0;
    for organisation in folder.nodes.iter().flat_map(|node| &node.organisations.organisations) {
        let (Some(ars), Some(inhabitants)) = (&organisation.ars, organisation.inhabitants) else { continue };
        let row = text.lines().find(|line| line.starts_with(ars.as_str())).expect("a municipality of the register");
        assert!(row.contains(&format!(",{},", inhabitants.count)), "{}: {row}", organisation.name);
        let place = organisation.name.rsplit_once(' ').map_or(organisation.name.as_str(), |(_, last)| last);
        assert!(row.contains(place), "{place}: {row}");
        checked += 1;
    }
    assert_eq!(checked, 6, "five municipalities of Saxony-Anhalt and one of Bavaria");
}

#[test]
fn keys_by_inhabitants_have_the_numbers_of_the_municipalities() {
    let folder = federation();
    let organisations = folder.nodes.iter().flat_map(|node| &node.organisations.organisations);
    let inhabitants: BTreeMap<Party, u64> = organisations
        .filter_map(|organisation| {
            Some((Party::Org(organisation.id.clone()), u64::from(organisation.inhabitants?.count)))
        })
        .collect();
    let terms = offerings(&folder).flat_map(|offering| &offering.price).filter_map(|part| part.terms.as_ref());
    let keys = terms.flat_map(|terms| &terms.split).map(|part| &part.key);
    let by_people = keys.filter(|key| key.kind == KeyKind::Inhabitants).flat_map(|key| &key.parties);
    let mut checked = 0;
    for weight in by_people {
        assert_eq!(weight.weight, inhabitants.get(&weight.party).copied(), "{}", weight.party);
        checked += 1;
    }
    assert!(checked >= 5, "{checked} municipalities share a cost by inhabitants");
}
