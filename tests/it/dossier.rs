//! The dossier: the same bytes every time, what is in the bundle and nothing else, hostile text as text.
//!
//! `VERBUND_BLESS=1` writes the pinned page anew.
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use verbund::audit::dossier::draft;
use verbund::audit::inspect;
use verbund::domain::id::StatementId;
use verbund::domain::reason::Lang;

use crate::evidence::{Script, evidence};

fn bundle(script: &Script) -> (Vec<u8>, StatementId) {
    let evidence = evidence(script);
    (evidence.bundle().to_zip().expect("bytes"), evidence.root)
}

fn html(bytes: &[u8], root: StatementId, lang: Lang) -> String {
    draft(&inspect(bytes, Some(root)), lang).html()
}

fn json(script: &Script) -> Value {
    let (bytes, root) = bundle(script);
    draft(&inspect(&bytes, Some(root)), Lang::De).json()
}

/// A section of the JSON form by its stable name.
fn section<'v>(page: &'v Value, id: &str) -> &'v Value {
    let sections = page["sections"].as_array().expect("sections");
    sections.iter().find(|section| section["id"] == id).unwrap_or_else(|| panic!("no section {id}"))
}

#[test]
fn the_page_of_the_demonstration_order_is_pinned() {
    let full = Script { considered: true, grounds: true, ..Script::default() };
    for (lang, name, script) in
        [(Lang::De, "dossier.de.html", full), (Lang::En, "dossier.en.html", Script::default())]
    {
        let (bytes, root) = bundle(&script);
        let found = html(&bytes, root, lang);
        assert_eq!(found, html(&bytes, root, lang), "the same bundle gives the same bytes");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
        if std::env::var_os("VERBUND_BLESS").is_some() {
            std::fs::write(&path, &found).expect("a writable file");
        }
        let pinned = std::fs::read_to_string(&path).expect("the pinned page; VERBUND_BLESS=1 writes it");
        for (found, pinned) in found.lines().zip(pinned.lines()) {
            assert_eq!(found, pinned);
        }
        assert_eq!(found.len(), pinned.len());
    }
}

#[test]
fn every_part_of_a_record_is_there_and_what_is_not_known_says_so() {
    let page = json(&Script::default());
    assert_eq!(page["verdict"], "VALID");
    let known = |part: &str, entry: &str| section(&page, part)["entries"][entry]["known"].clone();
    let value = |part: &str, entry: &str| section(&page, part)["entries"][entry]["value"].clone();
    for (part, entry) in [
        ("need", "stated"),
        ("need", "purpose"),
        ("offerings", "others"),
        ("offerings", "choice"),
        ("routes", "others"),
        ("price", "economy"),
        ("decisions", "conflicts"),
        ("deadlines", "thirty_days"),
        ("deadlines", "ex_ante"),
    ] {
        assert_eq!((known(part, entry), value(part, entry)), (Value::Bool(false), Value::Null), "{part}.{entry}");
    }
    // 1,800.00 × 4 years + 2,500.00 + 500 uses at 0.10 × 4 years + 4 × 50.00.
    assert_eq!(value("price", "total"), 1_010_000);
    assert_eq!(value("price", "gross"), Value::Null, "the tax is stated in words only");
    assert_eq!(value("decisions", "decided_by"), "einkauf");
    // Sealed 30 hours after 2026-09-01T08:00Z.
    assert_eq!(value("deadlines", "concluded_on"), "2026-09-02");
    assert_eq!(value("deadlines", "six_months"), "2027-03-02");
    let legs = section(&page, "routes")["tables"]["legs"]["rows"].as_array().expect("rows");
    assert_eq!(legs.len(), 5);
    assert!(legs.iter().all(|leg| leg["verdict"]["value"] == "fulfilled" && leg["reasons"]["text"] != ""));
    let facts = section(&page, "evidence")["tables"]["facts"]["rows"].as_array().expect("rows");
    assert!(facts.len() > 10 && facts.iter().all(|fact| fact["in_force"]["value"] == true));
    let items = section(&page, "price")["tables"]["items"]["rows"].as_array().expect("rows");
    assert_eq!(items.len(), 3 + 4);
    let steps = items[2]["steps"]["text"].as_str().expect("text");
    assert!(
        steps.contains("0,10 € × 500 Nutzungen je Jahr; erwartete Zahl nicht angegeben, mindestens 500"),
        "{steps}"
    );
    assert!(section(&page, "price")["notes"].as_array().expect("notes").is_empty(), "every amount is explained");
    let statements = section(&page, "decisions")["tables"]["statements"]["rows"].as_array().expect("rows");
    assert_eq!(statements.len(), 1 + 4 + 1 + 4 + 1);
}

#[test]
fn the_record_follows_the_story_of_the_order() {
    let approved = json(&Script { limit: 100_000, approval: Some(true), ..Script::default() });
    assert_eq!(section(&approved, "decisions")["entries"]["approved_by"]["value"], "leitung");
    let statements = section(&approved, "decisions")["tables"]["statements"]["rows"].as_array().expect("rows");
    let decided = statements.iter().find(|said| said["officer"]["value"] == "leitung").expect("the decision");
    assert_eq!(decided["found"]["value"], "fulfilled", "beside the buyer's decision stands the program's finding");
    let compared = json(&Script { considered: true, ..Script::default() });
    let routes = section(&compared, "routes");
    let rows = routes["tables"]["considered"]["rows"].as_array().expect("rows");
    assert_eq!((compared["verdict"].as_str(), rows.len()), (Some("VALID"), 2));
    assert_eq!((&rows[0]["chosen"]["value"], &rows[0]["total"]["value"]), (&true.into(), &1_010_000.into()));
    assert_eq!((&rows[1]["verdict"]["value"], &rows[1]["total"]["known"]), (&"not-proven".into(), &false.into()));
    assert!(routes["entries"].get("others").is_none());
    let ended = json(&Script { void: true, ..Script::default() });
    assert_eq!(section(&ended, "subject")["entries"]["ending"]["value"], "VOID_CANCELLED");
    assert!(section(&ended, "deadlines")["entries"].as_object().expect("entries").is_empty());
    assert_eq!(section(&ended, "price")["entries"]["total"]["known"], false);
    let forged = json(&Script { overcharged_cents: 100, ..Script::default() });
    assert_eq!(forged["verdict"], "INVALID");
    assert!(!section(&forged, "price")["notes"].as_array().expect("notes").is_empty(), "an amount is not explained");
    assert!(!section(&forged, "not-checked")["tables"]["findings"]["rows"].as_array().expect("rows").is_empty());
}

#[test]
fn need_and_other_offerings_are_in_the_record_as_the_request_says() {
    let page = json(&Script { considered: true, grounds: true, ..Script::default() });
    assert_eq!(page["verdict"], "VALID");
    let need = &section(&page, "need")["entries"];
    assert_eq!(
        (&need["stated"]["value"], &need["until"]["value"]),
        (&"Wohnsitz online anmelden".into(), &"2027-06-30".into())
    );
    assert_eq!(need["purpose"]["value"], "Ersatz des Papierverfahrens");
    let offerings = section(&page, "offerings");
    assert!(offerings["entries"].get("others").is_none());
    assert_eq!(offerings["entries"]["choice"]["known"], true);
    let rows = offerings["tables"]["alternatives"]["rows"].as_array().expect("rows");
    let against: Vec<&Value> = rows.iter().map(|row| &row["against"]["value"]).collect();
    assert_eq!(against, [&Value::from("DEARER"), &"LEG_NOT_PROVEN".into(), &Value::Null]);
    // 11,100.00 against the 10,100.00 of the route ordered.
    assert_eq!(rows[0]["against"]["text"], "Es kostet 1.000,00 € mehr als das bestellte.");
}

#[test]
fn a_frozen_search_is_in_the_record_with_its_day_its_state_and_why_the_others_were_not_taken() {
    let page = json(&Script { considered: true, grounds: true, frozen: Some(|_| ()), ..Script::default() });
    assert_eq!(page["verdict"], "VALID");
    let offerings = section(&page, "offerings");
    let entry = |name: &str| &offerings["entries"][name]["value"];
    assert_eq!(entry("query"), "wohnsitz anmelden");
    assert_eq!((entry("found"), entry("place"), entry("left_out")), (&6.into(), &2.into(), &2.into()));
    assert_eq!((entry("node"), &entry("filters")[0]), (&"kitu".into(), &"topic=Querschnitt".into()));
    let rows = offerings["tables"]["alternatives"]["rows"].as_array().expect("rows");
    let whys: Vec<&Value> = rows.iter().map(|row| &row["why"]["value"]).collect();
    assert_eq!(whys, ["price", "route", "other"]);
    assert!(rows.iter().all(|row| row["against"]["known"] == true), "nothing is left to add");
    let known = offerings["tables"]["known"]["rows"].as_array().expect("rows");
    assert_eq!(known[0]["log"]["value"], "verbund-demo/log/dataport/1");
}

/// What keeps a printed page readable: columns have their widths, amounts and days stay whole, no row is parted.
#[test]
fn the_page_is_made_for_a_sheet_of_paper() {
    let (bytes, root) = bundle(&Script::default());
    let page = html(&bytes, root, Lang::De);
    for rule in [
        "table-layout:fixed",
        "size:A4",
        "thead{display:table-header-group}",
        "caption,dl div,tbody,tfoot tr,.ruling{break-inside:avoid}",
    ] {
        assert!(page.contains(rule), "{rule}");
    }
    assert!(page.contains("<td class=\"amount\">10.100,00\u{a0}€</td>"), "the sum of all parties");
    assert!(page.contains("<td class=\"word\">01.02.2019</td>"), "a day");
    assert!(!page.contains(" €"), "no amount can be parted from its sign");
    let english = html(&bytes, root, Lang::En);
    assert!(english.contains("€10,100.00") && english.contains("2026-09-01") && !english.contains("10.100,00"));
    for table in page.split("<table>").skip(1) {
        let columns = table.split("</colgroup>").next().expect("columns").matches("<col").count() - 1;
        let heads = table.split("</thead>").next().expect("heads").matches("<th scope").count();
        assert!(columns == heads && columns <= 6, "{columns} columns, {heads} heads");
    }
    // However long a text is, no column takes more than its share of the sheet.
    let hostile = Script { title: "Wohnsitzanmeldungsbescheinigungsverfahren", grounds: true, ..Script::default() };
    let (bytes, root) = bundle(&hostile);
    let page = html(&bytes, root, Lang::De);
    let widths =
        page.split("style=\"width:").skip(1).filter_map(|rest| rest.split("ch").next()?.parse::<usize>().ok());
    assert!(widths.clone().count() > 5 && widths.into_iter().all(|width| width <= 23));
}

#[test]
fn what_is_no_bundle_gives_a_page_that_says_so() {
    for bytes in [&b""[..], b"PK\x03\x04", b"<script>"] {
        let page = draft(&inspect(bytes, None), Lang::De);
        assert!(page.chapters.is_empty() && page.ruling != "VALID");
        assert!(page.html().contains("nichts bekannt"));
    }
    // Cut short anywhere, a bundle gives a page and no panic.
    let (bytes, root) = bundle(&Script::default());
    for end in (0..bytes.len()).step_by(bytes.len() / 7) {
        assert_ne!(draft(&inspect(&bytes[..end], Some(root)), Lang::En).ruling, "VALID");
    }
}

#[test]
fn texts_of_the_bundle_cannot_become_markup() {
    let hostile = "<img src=x onerror=alert(1)>&\"'";
    let (bytes, root) = bundle(&Script { title: hostile, ..Script::default() });
    let page = html(&bytes, root, Lang::De);
    assert!(!page.contains("<img"), "{page}");
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;&amp;&quot;&#39;"));
}

#[test]
fn the_auditors_program_writes_what_the_library_writes() {
    let folder = tempfile::tempdir().expect("folder");
    let (bytes, root) = bundle(&Script::default());
    let file = folder.path().join("order.asice");
    std::fs::write(&file, &bytes).expect("file");
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).arg(&file).env_remove("VERBUND_PROFILE");
        command.output().expect("the program starts")
    };
    let given = format!("sha256:{root}");
    let audit = env!("CARGO_BIN_EXE_verbund-audit");
    let output = run(audit, &["report", "--root", &given]);
    assert_eq!((output.status.code(), String::from_utf8(output.stdout)), (Some(0), Ok(html(&bytes, root, Lang::De))));
    let output = run(audit, &["report", "--root", &given, "--lang", "en", "--format", "json"]);
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found, draft(&inspect(&bytes, Some(root)), Lang::En).json());
    assert_eq!(run(audit, &["report"]).status.code(), Some(10), "without the root nothing is decided");
    let output = run(env!("CARGO_BIN_EXE_verbund"), &["audit", "report", "--root", &given]);
    assert_eq!(String::from_utf8(output.stdout), Ok(html(&bytes, root, Lang::De)));
}
