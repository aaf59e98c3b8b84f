//! The cases under `tests/cases/law`, each in a file of its own: facts, question, day, expected answer.
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};
use verbund::config::federation::read_federation;
use verbund::domain::fact_base::FactBase;
use verbund::domain::facts::{EntityFacts, Membership};
use verbund::domain::id::{OrgId, StatementId};
use verbund::domain::law::cases::Court;
use verbund::domain::law::{Award, Basis, Finding, LegJudgement, Verdict};
use verbund::domain::reason::{Lang, Reason, Refusal};
use verbund::domain::rule_pack::RulePack;
use verbund::domain::time::{Date, parse_date};

/// How many conditions the engine knows.
const CONDITIONS: usize = 38;

struct Case {
    name: String,
    table: Table,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/law")
}

fn cases() -> Vec<Case> {
    let entries = fs::read_dir(folder()).expect("readable folder").map(|entry| entry.expect("readable entry").path());
    let files = entries.filter(|path| path.extension().is_some_and(|ending| ending == "toml"));
    let mut cases: Vec<Case> = files
        .map(|path| {
            let text = fs::read_to_string(&path).expect("UTF-8");
            let name = path.file_stem().and_then(|name| name.to_str()).expect("UTF-8").to_owned();
            assert!(text.starts_with("# "), "{name} begins with the case in one sentence");
            Case { table: text.parse().unwrap_or_else(|error| panic!("{name}: {error}")), name }
        })
        .collect();
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    cases
}

impl Case {
    fn text(&self, key: &str) -> &str {
        self.table[key].as_str().unwrap_or_else(|| panic!("{}: {key} is a text", self.name))
    }

    fn expected(&self, key: &str) -> Option<&Value> {
        self.table["expect"].get(key)
    }

    fn leg(&self) -> (OrgId, OrgId) {
        let party = |at: usize| self.table["leg"][at].as_str().expect("a text").parse().expect("a name");
        (party(0), party(1))
    }

    fn as_of(&self) -> Date {
        parse_date(self.text("as_of")).expect("a date")
    }

    fn known_on(&self) -> Date {
        self.table
            .get("known_on")
            .and_then(Value::as_str)
            .map_or(self.as_of(), |day| parse_date(day).expect("a date"))
    }

    /// The day on which the procedure began: that of the award, where the file does not say.
    fn began(&self) -> Date {
        self.table
            .get("procedure_began")
            .and_then(Value::as_str)
            .map_or(self.as_of(), |day| parse_date(day).expect("a date"))
    }

    fn award(&self) -> Award {
        self.table.get("award").map_or(Award::General, |word| word.clone().try_into().expect("a kind of contract"))
    }

    /// The demonstration's rule pack for the procedure with what differs; `"none"` takes a field away, and `switches` says how
    /// single ones stand.
    fn pack(&self) -> RulePack {
        let nodes = Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes");
        let packs = read_federation(&nodes).expect("the demonstration's federation").rule_packs;
        let named = self.table.get("pack").and_then(Value::as_str);
        let meant =
            |pack: &&RulePack| named.map_or(pack.is_meant_for(self.began()), |name| pack.name.as_str() == name);
        let mut usual = packs.iter().find(meant).or(packs.first()).expect("a rule pack").clone();
        let switches = self.table.get("switches").and_then(Value::as_table).into_iter().flatten();
        for (switch, stand) in switches {
            let setting = usual.switches.iter_mut().find(|setting| setting.switch.word() == switch);
            setting.expect("a switch").stand = stand.clone().try_into().expect("a stand");
        }
        let mut table = Table::try_from(&usual).expect("a table");
        for (key, value) in self.table.get("rule_pack").and_then(Value::as_table).into_iter().flatten() {
            if value.as_str() == Some("none") {
                table.remove(key)
            } else {
                table.insert(key.clone(), value.clone())
            };
        }
        table.try_into().expect("a rule pack")
    }

    /// The facts in the order of the file, each with the name of its list.
    fn facts(&self) -> Vec<(&'static str, Table)> {
        let list = |kind: &'static str| {
            let rows = self.table.get(kind).and_then(Value::as_array).into_iter().flatten();
            rows.map(move |row| (kind, row.as_table().expect("a table").clone()))
        };
        list("membership").chain(list("entity")).collect()
    }

    /// What the facts say, after every one has passed the checks of a door. `strict` also asks whether each fits those
    /// before it.
    fn base(&self, strict: bool) -> Result<FactBase, Refusal> {
        let mut base = FactBase::default();
        for (number, (kind, row)) in self.facts().into_iter().enumerate() {
            let (id, row) = self.completed(number, row);
            if kind == "membership" {
                let fact: Membership = read(row)?;
                fact.check().and_then(|()| if strict { base.check_new(&fact) } else { Ok(()) })?;
                base.insert_membership(id, fact);
            } else {
                let fact: EntityFacts = read(row)?;
                fact.check()?;
                base.insert_entity(id, fact);
            }
        }
        Ok(base)
    }

    /// Fills in what the files leave out.
    fn completed(&self, number: usize, mut row: Table) -> (StatementId, Table) {
        let label = row.remove("id").map_or(format!("fact {number}"), |id| id.as_str().expect("a text").to_owned());
        if let Some(earlier) = row.remove("corrects") {
            let earlier = StatementId::of(earlier.as_str().expect("a text").as_bytes());
            row.insert("corrects".to_owned(), Value::String(earlier.to_string()));
        }
        let confirms = row.get_mut("confirms").and_then(Value::as_array_mut).into_iter().flatten();
        for label in confirms {
            let named = StatementId::of(label.as_str().expect("a text").as_bytes());
            *label = Value::String(named.to_string());
        }
        let mut usual = |key: &str, value: Value| {
            row.entry(key).or_insert(value);
        };
        usual("valid_from", Value::String("2000-01-01".to_owned()));
        usual("known_from", Value::String("2000-01-01".to_owned()));
        usual("source", Value::String(format!("Fall {}", self.name)));
        (StatementId::of(label.as_bytes()), row)
    }

    fn judge(&self, base: &FactBase) -> LegJudgement {
        let (from, to) = self.leg();
        let (id, pack) = (StatementId::of(b"pack"), self.pack());
        let court = Court::on(base, (&id, &pack), self.as_of(), self.known_on());
        let flag = |key| self.table.get(key).and_then(Value::as_bool).unwrap_or(false);
        let (is_last, is_change) = (flag("last"), flag("change"));
        Court { began: self.began(), award: self.award(), is_last, is_change, ..court }.judge(&from, &to)
    }
}

/// Reads a fact as a door would; a value that cannot be is refused with the reason of its type.
fn read<T: serde::de::DeserializeOwned>(row: Table) -> Result<T, Refusal> {
    row.try_into().map_err(|error: toml::de::Error| {
        let reason = Reason::ALL.iter().find(|reason| error.message().contains(reason.code()));
        Refusal::new(reason.copied().unwrap_or(Reason::JsonInvalid)).with("problem", error.message())
    })
}

fn word<T: serde::Serialize>(value: T) -> String {
    let value = serde_json::to_value(value).expect("JSON");
    value.as_str().expect("a word").to_owned()
}

#[test]
fn every_case_is_answered_as_expected() {
    let cases = cases();
    assert!(cases.len() >= 180, "{} cases", cases.len());
    let wrong: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// What differs from what a case expects, if something does.
fn check(case: &Case) -> Result<(), String> {
    let name = &case.name;
    assert!(!case.text("source").is_empty(), "{name} names its source");
    let expected = |key: &str| case.expected(key).and_then(Value::as_str);
    if let Some(reason) = expected("refused") {
        let refused = case.base(true).err().map_or("nothing", |refusal| refusal.reason.code());
        return if refused == reason { Ok(()) } else { Err(format!("{name}: refused with {refused}")) };
    }
    let judged = case.judge(&case.base(false).map_err(|refusal| format!("{name}: {refusal}"))?);
    let told: Vec<String> = judged.findings.iter().map(|finding| finding.text(Lang::De)).collect();
    let failing = judged.findings.iter().filter(|finding| finding.verdict != Verdict::Fulfilled);
    let failing: Vec<Value> =
        failing.map(|finding| Value::String(format!("{} {}", word(finding.condition), finding.org))).collect();
    for (what, fits) in [
        ("verdict", Some(word(judged.verdict).as_str()) == expected("verdict")),
        ("basis", judged.basis.map(word).as_deref() == expected("basis")),
        ("failing", Some(&failing) == case.expected("failing").and_then(Value::as_array)),
        ("reason", expected("reason").is_none_or(|reason| told.iter().any(|text| text.contains(reason)))),
        ("assumed", judged.assumed() == case.expected("assumed").and_then(Value::as_bool).unwrap_or(false)),
        ("English", judged.findings.iter().all(|finding| finding.text(Lang::En).ends_with('.'))),
        ("evidence", judged.findings.iter().all(is_founded)),
    ] {
        if !fits {
            let (verdict, basis) = (judged.verdict, judged.basis);
            return Err(format!(
                "{name}: {what} differs: {verdict:?} {basis:?} {failing:?}\n  {}",
                told.join("\n  ")
            ));
        }
    }
    Ok(())
}

/// What is said to be so rests on a statement, unless the rules say it themselves.
fn is_founded(finding: &Finding) -> bool {
    let said = finding.verdict == Verdict::NotProven || !finding.evidence.is_empty();
    said || finding.condition.is_doctrine()
}

#[test]
fn the_order_in_which_facts_arrive_changes_nothing() {
    for case in cases().iter().filter(|case| case.expected("refused").is_none()) {
        let base = case.base(false).expect(&case.name);
        let judged = case.judge(&base);
        let mut backwards = FactBase::default();
        let entities: Vec<_> = base.entities().collect();
        entities.iter().rev().for_each(|(id, fact)| backwards.insert_entity(**id, (*fact).clone()));
        let memberships: Vec<_> = base.memberships().collect();
        memberships.iter().rev().for_each(|(id, fact)| backwards.insert_membership(**id, (*fact).clone()));
        assert_eq!(case.judge(&backwards), judged, "{}", case.name);
    }
}

/// The table says something about every case of the statute, and every condition fails somewhere.
#[test]
fn the_cases_leave_nothing_out() {
    let (mut bases, mut failing) = (BTreeSet::new(), BTreeSet::new());
    for case in cases().iter().filter(|case| case.expected("refused").is_none()) {
        bases.extend(case.expected("basis").and_then(Value::as_str).map(str::to_owned));
        let failed = case.expected("failing").and_then(Value::as_array).into_iter().flatten();
        failing.extend(failed.filter_map(Value::as_str).filter_map(|text| text.split(' ').next()).map(str::to_owned));
    }
    for basis in Basis::ALL {
        assert!(bases.contains(&word(basis)), "no case for {basis:?}");
    }
    let nodes = Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes");
    for pack in read_federation(&nodes).expect("the demonstration's federation").rule_packs {
        let cited: BTreeSet<&str> = Basis::ALL.iter().map(|basis| pack.cite(basis.provision())).collect();
        assert_eq!(cited.len(), bases.len(), "every case cites another provision in {}", pack.name);
    }
    assert_eq!(failing.len(), CONDITIONS, "{failing:?}");
}
