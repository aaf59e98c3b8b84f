//! Registers and other people's formats: the real files, and the command line as a person uses it.
mod orders;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use verbund::exchange::finding::Fate;
use verbund::exchange::{gv100, leika};

use crate::cluster::{run, verbund};
use crate::shared::shared;

/// Runs `verbund` and reads what it says to programs.
fn said(arguments: &[&str]) -> Value {
    let output = run(verbund().args(arguments).args(["-o", "json"]), 0);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn path(file: &Path) -> &str {
    file.to_str().expect("UTF-8")
}

#[test]
fn the_real_list_of_services_is_taken_and_every_dirty_row_told() {
    let Some(file) = shared("data/leika/leika_leistungen_nrw_2019.csv") else { return };
    let import = leika::read(&fs::read(&file).expect("the list")).expect("a list");
    assert_eq!((import.records, import.taken.len(), import.left_out()), (5_251, 4_813, 438));
    let left_out = |fate| import.findings.iter().filter(|finding| finding.fate == fate).count();
    assert_eq!(left_out(Fate::RecordLeftOut), 438);
    assert_eq!(left_out(Fate::FieldLeftOut), 0, "the row whose type is 44 has no key either");
    let folder = tempfile::tempdir().expect("folder");
    let checked = folder.path().join("leika.csv");
    let told = said(&["import", "leika", path(&file), "--out", path(&checked)]);
    assert_eq!((&told["taken"], told["findings"].as_array().map(Vec::len)), (&4_813.into(), Some(438)));
    let again = leika::read(&fs::read(&checked).expect("written")).expect("our own list");
    assert_eq!(again.findings, [], "what was checked is clean");
    assert!(again.taken == import.taken, "and the same");
}

#[test]
fn the_real_register_of_municipalities_is_taken_whole() {
    let Some(file) = shared("data/gemeinden/GV100AD_31082025.txt") else { return };
    let edition = gv100::read(&fs::read(&file).expect("the register")).expect("an edition");
    let import = &edition.municipalities;
    assert_eq!((import.records, import.taken.len(), &import.findings[..]), (10_952, 10_952, &[][..]));
    let people: u64 = import.taken.iter().map(|place| u64::from(place.inhabitants)).sum();
    assert_eq!(people, 83_577_140);
    let barleben = edition.find(&"15083040".parse().expect("a key")).expect("Barleben");
    assert_eq!((barleben.ars.as_str(), barleben.name.as_str()), ("150830040040", "Barleben"));
    let list = shared("data/gemeinden/gemeinden_2025-08-31.csv").expect("beside it");
    let list = fs::read_to_string(list).expect("the list made from it");
    let keys: BTreeSet<&str> = list.lines().filter_map(|line| line.get(..21)).collect();
    let lacking = import.taken.iter().filter(|place| !keys.contains(format!("{},{}", place.ars, place.ags).as_str()));
    assert_eq!(lacking.count(), 0);
}

/// A register with one line.
fn register(folder: &Path, day: &str, places: &[(&str, &str, u32)]) -> String {
    let line = |(ags, name, area): &(&str, &str, u32)| {
        format!("60{day}{ags}0{}{name:<100}64    {area:011}{:011}{:011}    39179\r\n", &ags[5..], 100, 50)
    };
    let file = folder.join(format!("GV100AD_{day}.txt"));
    fs::write(&file, places.iter().map(line).collect::<String>()).expect("written");
    path(&file).to_owned()
}

#[test]
fn a_merger_becomes_a_proposal_for_the_trustees() {
    let folder = tempfile::tempdir().expect("folder");
    let before = register(folder.path(), "20250831", &[("15083040", "A", 100), ("15083041", "B", 50)]);
    let after = register(folder.path(), "20260131", &[("15083040", "A", 150)]);
    let organisation = |id: &str, ars: &str| {
        format!(
            "[[organisation]]\nid = \"{id}\"\nname = \"X\"\nlegal_form = \"Gemeinde\"\nars = \"{ars}\"\nsource = \"s\"\n"
        )
    };
    let members = folder.path().join("organisations.toml");
    fs::write(&members, organisation("stadt-a", "150830040040") + &organisation("dorf-b", "150830041041"))
        .expect("written");
    let list = folder.path().join("changes.csv");
    fs::write(&list, "AGS alt;AGS neu;Datum\n15083041;15083040;01.01.2026\n").expect("written");
    let arguments = ["import", "gv100", &after, "--before", &before, "--organisations", path(&members)];
    let hinted = said(&arguments);
    assert_eq!(hinted["proposals"][0]["official"], false);
    assert_eq!(hinted["proposals"][0]["on"], "2026-01-31");
    let known = said(&[&arguments[..], &["--changes", path(&list)]].concat());
    let command = known["proposals"][0]["command"].as_str().expect("a command");
    let expected = "verbund org succeed --predecessor dorf-b --successor 'stadt-a' --on 2026-01-01 \
                    --source 'Amtliche Gebietsänderung, AGS 15083041'";
    assert_eq!(command, expected);
}

/// A folder with the offering files of the demonstration.
fn demonstration() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let nodes = Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes");
    for node in fs::read_dir(nodes).expect("nodes") {
        let offerings = node.expect("entry").path().join("offerings");
        for file in fs::read_dir(offerings).into_iter().flatten() {
            let file = file.expect("entry").path();
            let name = format!("{}-{}", file.display().to_string().len(), file.file_name().expect("name").display());
            fs::copy(&file, folder.path().join(name)).expect("copied");
        }
    }
    folder
}

/// All files of a folder, or the one file.
fn bytes_of(place: &Path) -> Vec<(String, Vec<u8>)> {
    if place.is_file() {
        return vec![(String::new(), fs::read(place).expect("readable"))];
    }
    let files = fs::read_dir(place).expect("folder").map(|entry| entry.expect("entry").path());
    let mut read: Vec<_> = files
        .map(|file| (file.file_name().expect("name").display().to_string(), fs::read(&file).expect("readable")))
        .collect();
    read.sort();
    read
}

#[test]
fn out_and_in_and_out_again_gives_the_same_bytes() {
    let from = demonstration();
    let folder = tempfile::tempdir().expect("folder");
    let given = ["--term-years", "1", "--source", "Rundweg"];
    for (format, first, second) in [("csv", "a.csv", "b.csv"), ("xzufi", "a", "b")] {
        let [first, second, files] = [first, second, format].map(|name| folder.path().join(name));
        let export = |from: &Path, to: &Path| {
            let at = ["--at", "2026-11-30T10:00:00Z"];
            said(
                &[&["export", "offerings", "--format", format, "--from", path(from), "--out", path(to)][..], &at]
                    .concat(),
            )
        };
        export(from.path(), &first);
        let xml: Vec<String> =
            bytes_of(&first).into_iter().map(|(name, _)| name).filter(|name| name != "index.txt").collect();
        let sources: Vec<String> =
            xml.iter().map(|name| path(&first.join(name)).trim_end_matches('/').to_owned()).collect();
        let mut arguments = vec!["import", "offerings"];
        arguments.extend(sources.iter().map(String::as_str));
        arguments.extend(["--out", path(&files)]);
        arguments.extend(given);
        let told = said(&arguments);
        for file in told["files"].as_array().expect("files") {
            assert_eq!((&file["records"], &file["findings"]), (&file["taken"], &serde_json::json!([])), "{format}");
        }
        assert_eq!(bytes_of(&files).len(), bytes_of(from.path()).len(), "every offering comes back: {format}");
        export(&files, &second);
        assert!(bytes_of(&first) == bytes_of(&second), "{format}: the same bytes");
    }
    let book = folder.path().join("a.xlsx");
    said(&["export", "offerings", "--format", "xlsx", "--from", path(from.path()), "--out", path(&book)]);
    let archive = zip::ZipArchive::new(fs::File::open(&book).expect("written")).expect("a workbook");
    assert!(archive.file_names().flatten().any(|name| name == "xl/worksheets/sheet1.xml"));
}

/// What an import says of one file: how many were taken, and line, field and reason of every finding.
fn imported(name: &str, bytes: &[u8]) -> (u64, Vec<(u64, String, String)>) {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join(name);
    fs::write(&file, bytes).expect("written");
    let out = folder.path().join("out");
    let given = [
        "--seller",
        "kid",
        "--topic",
        "Umwelt",
        "--area",
        "15",
        "--term-years",
        "1",
        "--valid-from",
        "2026-01-01",
        "--source",
        "Test",
    ];
    let told = said(&[&["import", "offerings", path(&file), "--out", path(&out)][..], &given].concat());
    let told = &told["files"][0];
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let findings = told["findings"].as_array().expect("findings").iter();
    let findings = findings.map(|finding| {
        (finding["line"].as_u64().expect("a line"), text(&finding["field"]), text(&finding["reason"]))
    });
    (told["taken"].as_u64().expect("a number"), findings.collect())
}

#[test]
fn bad_tables_of_offerings_are_told_and_the_rest_is_taken() {
    let head = "name;title;description;leika;price;coverage\n";
    let good = "gut;Gutes Angebot;Text;99012001001000;[];15\n";
    for (row, field, reason) in [
        ("a;A;;9901200100100;[];15", "leika", "LEIKA_INVALID"),
        ("a;A;;;[];17", "coverage", "ARS_INVALID"),
        ("A B;A;;;[];15", "name", "NAME_INVALID"),
        ("a;;;;[];15", "title", "FIELD_INVALID"),
        ("a;A;;;{};15", "price", "JSON_INVALID"),
        ("a;A;;;;15", "price", "FIELD_INVALID"),
        ("a;A\u{202e}B;;;[];15", "title", "TEXT_HIDES"),
        ("a;A\u{308};;;[];15", "title", "TEXT_MISSHAPED"),
        ("a;=1+1;;;[];15", "title", "TEXT_IS_FORMULA"),
        ("a;'=1+1;;;[];15", "title", "TEXT_IS_FORMULA"),
        ("gut;A;;;[];15", "name", "RECORD_TWICE"),
        ("a;A;b", "", "ROW_MISSHAPED"),
        ("a;\"A;;;[];15", "", "ROW_MISSHAPED"),
    ] {
        let (taken, findings) =
            imported("a.csv", format!("{head}{good}{row}\n{}", good.replacen("gut", "besser", 1)).as_bytes());
        assert_eq!(findings, [(3, field.to_owned(), reason.to_owned())], "{row}");
        assert_eq!(taken, 2, "{row}");
    }
    let mut huge = format!("{head}{good}b;B;\"").into_bytes();
    huge.extend(vec![b'x'; 100 * 1024 * 1024]);
    huge.extend(format!("\";;[];15\n{}", good.replacen("gut", "besser", 1)).into_bytes());
    assert_eq!(imported("a.csv", &huge), (3, vec![(3, "description".to_owned(), "CELL_TOO_LONG".to_owned())]));
    for (name, bytes, reason) in [
        ("a.csv", &b"name:title\na:A\n"[..], "COLUMN_MISSING"),
        ("._a.csv", b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X", "FILE_IS_SHADOW"),
        ("a.xml", b"<", "XML_INVALID"),
    ] {
        assert_eq!(imported(name, bytes), (0, vec![(1, String::new(), reason.to_owned())]), "{name}");
    }
}

/// A service in XZuFi.
fn service(id: &str, inner: &str) -> String {
    format!(
        "<leistung><id schemeAgencyID=\"L1\">{id}</id>\n<modulText><inhalt languageCode=\"en\">Dog</inhalt>\
         <inhalt languageCode=\"de\">Hund</inhalt><leikaTextmodul><code>02</code></leikaTextmodul></modulText>{inner}</leistung>\n"
    )
}

#[test]
fn bad_services_fail_alone_and_nothing_is_deleted_in_silence() {
    let volltext = |text: &str| {
        format!("<modulText><inhalt>{text}</inhalt><leikaTextmodul><code>06</code></leikaTextmodul></modulText>")
    };
    let file = |inner: &str| {
        let around = format!("{}{inner}{}", service("A.1", ""), service("A.3", ""));
        format!(
            "<m xmlns=\"http://xoev.de/schemata/xzufi/2_2_0\" xzufiVersion=\"2.2.0\">\n<schreibe>{around}</schreibe></m>"
        )
    };
    for (inner, taken, field, reason) in [
        (service("A.2", &volltext("&lt;script&gt;x()&lt;/script&gt;gut")), 3, "modulText 06", "MARKUP_DROPPED"),
        (service("A.2", "<referenzLeiKa><code>12</code></referenzLeiKa>"), 2, "leika", "LEIKA_INVALID"),
        (service("", ""), 2, "id", "NAME_INVALID"),
        (service("A-1", ""), 2, "name", "RECORD_TWICE"),
        (service("A.2", "<gueltigkeit><beginn>2026-13-01</beginn></gueltigkeit>"), 2, "beginn", "TIME_INVALID"),
        (service("A.2", "&xxe;"), 2, "leistung", "XML_INVALID"),
        (service("A.2", "</modulText>"), 2, "leistung", "XML_INVALID"),
        ("<leistung><id>A.2</id></leistung>".to_owned(), 2, "title", "FIELD_INVALID"),
        (format!("</schreibe><loesche>{}</loesche><schreibe>", service("A.2", "")), 2, "loesche", "TOMBSTONE_FOUND"),
    ] {
        let (count, findings) = imported("a.xml", file(&inner).as_bytes());
        let told: Vec<_> = findings.iter().map(|(_, field, reason)| (field.as_str(), reason.as_str())).collect();
        assert_eq!((count, told), (taken, vec![(field, reason)]), "{inner}");
    }
}
