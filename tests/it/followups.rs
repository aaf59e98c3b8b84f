//! Orders that follow one another, in six real processes and with the commands an officer types: a cooperative's
//! interest for two of its members is raised, prolonged and changed, and another route is taken.
use serde_json::Value;
use verbund::domain::id::{OrderId, OrgId};
use verbund::wire::pb::order::v1::Stage;

use crate::cluster::{run, verbund};
use crate::processes::{Processes, until_sealed};

/// An officer at the command line.
struct Desk<'a> {
    processes: &'a Processes,
    officer: &'static str,
}

impl Desk<'_> {
    fn command(&self, words: &[&str]) -> std::process::Command {
        let profile = self.processes.world.folder.join("clients").join(format!("{}.toml", self.officer));
        let mut command = verbund();
        command.args(["--yes", "-o", "json", "--profile"]).arg(profile).args(words);
        command
    }

    fn does(&self, words: &[&str]) -> Value {
        serde_json::from_slice(&run(&mut self.command(words), 0).stdout).expect("JSON")
    }

    /// What a person reads.
    fn table(&self, words: &[&str]) -> String {
        let profile = self.processes.world.folder.join("clients").join(format!("{}.toml", self.officer));
        let table = run(verbund().arg("--profile").arg(profile).args(words), 0).stdout;
        let table = String::from_utf8(table).expect("UTF-8");
        let widest = table.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(widest <= 100, "{widest} columns:\n{table}");
        table
    }

    fn is_refused(&self, words: &[&str], exit: i32, code: &str) {
        let said: Value = serde_json::from_slice(&run(&mut self.command(words), exit).stdout).expect("JSON");
        assert_eq!(said["error"]["reason"], code);
    }

    /// Without leave given beforehand nothing is signed where nobody can be asked; what would be signed is shown.
    fn is_asked(&self, words: &[&str]) -> String {
        let profile = self.processes.world.folder.join("clients").join(format!("{}.toml", self.officer));
        let output = run(verbund().args(["-o", "json", "--profile"]).arg(profile).args(words), 2);
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(said["error"]["reason"], "CONFIRMATION_MISSING");
        String::from_utf8(output.stderr).expect("UTF-8")
    }

    /// Hands in, and gives the order's id.
    fn orders(&self, words: &[&str]) -> String {
        let answer = self.does(words);
        answer["order"].as_str().or(answer["order_id"].as_str()).unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interest_for_several_is_raised_prolonged_and_changed() {
    const ROUTE: &str = "kitu,kid,provitako,govdigital,dataport";
    const AT_ONCE: [&str; 2] = ["--auto-seal", "--accept-assumed"];
    let mut processes = Processes::open().await;
    let desk = |officer| Desk { processes: &processes, officer };
    for officer in ["barleben-einkauf", "halberstadt-einkauf"] {
        let need = ["--leika", "99107023017000", "--note", "Wohngeld", "--until", "2099-12-31", "--through", "kitu"];
        let published = desk(officer).does(&[&["need", "publish"][..], &need].concat());
        let id = published["statement_id"].as_str().unwrap_or_else(|| panic!("{published}"));
        // Nobody is ordered for without a word of its own.
        let cap = ["--to", "kitu", "--max-euro", "20000", "--until", "2099-12-31"];
        desk(officer).does(&[&["need", "mandate", id][..], &cap].concat());
    }
    let kitu = desk("kitu-einkauf");
    let listed = kitu.does(&["order", "needs"]);
    assert!(listed.as_array().is_some_and(|needs| needs.iter().all(|need| need["note"] == "Wohngeld")), "{listed}");
    let wish = ["order", "submit", "--offering", "dataport/wohngeld", "--max-euro", "20000", "--via", ROUTE];
    let interest = kitu.orders(&[&wish[..], &["--interest", "--members", "barleben,halberstadt"]].concat());
    let mut client = processes.client("kitu", Some(("kitu", "einkauf")));
    let id = interest.parse().expect("an id");
    processes
        .until("the interest is answered", async || {
            client.order(id).await.is_ok_and(|order| order.stage() == Stage::Offered)
        })
        .await;
    let show = |order: &str| kitu.does(&["order", "show", order]);
    let members = show(&interest)["members"].clone();
    assert_eq!(members.as_array().map(Vec::len), Some(2));

    kitu.orders(&[&["order", "raise", &interest][..], &AT_ONCE].concat());
    until_sealed(&mut client, id).await;
    assert_eq!(show(&interest)["attempt"], 2);
    kitu.is_refused(&["order", "raise", &interest], 7, "ORDER_STATE");

    let prolonged = kitu.orders(&[&["order", "prolong", &interest][..], &AT_ONCE].concat());
    until_sealed(&mut client, prolonged.parse().expect("an id")).await;
    // Waits for its officer, ends, and is tried once more on the only route there is for it.
    let other_way = ["--via", "kitu,provitako,govdigital,dataport"];
    kitu.is_refused(&[&["order", "change", &interest][..], &other_way].concat(), 7, "AMENDMENT_INVALID");
    let changed = kitu.orders(&["order", "change", &interest, "--max-euro", "21000"]);
    let told = kitu.is_asked(&["order", "change", &interest, "--max-euro", "22000"]);
    assert!(told.contains("ändert schon") && told.contains(&changed) && told.contains(&prolonged), "{told}");
    kitu.is_refused(&[&["order", "reroute", &changed][..], &other_way].concat(), 7, "AMENDMENT_INVALID");
    assert_eq!(show(&changed)["attempt"], 1, "it is still open");
    kitu.orders(&[&["order", "reroute", &changed][..], &AT_ONCE].concat());
    until_sealed(&mut client, changed.parse().expect("an id")).await;
    for (order, attempt, max) in [(&prolonged, 1, 2_000_000), (&changed, 2, 2_100_000)] {
        let shown = show(order);
        assert_eq!((&shown["amends"], &shown["attempt"]), (&Value::from(interest.as_str()), &Value::from(attempt)));
        assert_eq!(shown["total_max_cents"], max);
        assert_eq!(shown["call_offs"].as_array().map(Vec::len), Some(2), "{shown}");
    }
    let shown = show(&interest);
    let amended_by: Vec<_> = shown["amended_by"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    assert!(amended_by.len() == 2 && amended_by.contains(&prolonged.as_str()), "{amended_by:?}");

    processes.delivered().await;
    let parts = desk("barleben-einkauf").does(&["order", "call-offs"]);
    let mut of: Vec<_> =
        parts.as_array().into_iter().flatten().filter_map(|part| part["order_id"].as_str()).collect();
    of.sort_unstable();
    let mut expected = [&*interest, &*prolonged, &*changed];
    expected.sort_unstable();
    assert_eq!(of, expected, "{parts}");
    processes.stop().await;
}

/// A search kept for the record, and a reason for each offering of it that is not taken.
fn frozen(processes: &Processes, buyer: &Desk) -> (String, Vec<String>) {
    let file = processes.world.folder.join("auswahl.json").display().to_string();
    let rows = buyer.does(&["offering", "freeze", "--for", "barleben", "--file", &file]);
    let called = rows.as_array().into_iter().flatten().filter_map(|row| row["offering"].as_str());
    let whys: Vec<String> =
        called.filter(|called| *called != "dataport/wohngeld").map(|called| format!("{called}=other")).collect();
    assert!(!whys.is_empty(), "{rows}");
    buyer.is_refused(&["offering", "freeze", "--for", "barleben", "--file", &file], 7, "FILE_EXISTS");
    (file, whys)
}

/// A selection that is no file, another's, of another offering, or altered afterwards; nothing is ordered.
fn refused_selections(buyer: &Desk, file: &str, wish: &[&str]) {
    let text = std::fs::read_to_string(file).expect("the selection");
    let with = |text: &str, exit, code| {
        let bent = format!("{file}.bent");
        std::fs::write(&bent, text).expect("writable");
        let words: Vec<&str> = wish.iter().map(|word| if *word == file { bent.as_str() } else { *word }).collect();
        buyer.is_refused(&words, exit, code);
    };
    with("{", 6, "FILE_UNREADABLE");
    with(&text.replace("\"for_org\": \"barleben\"", "\"for_org\": \"kid\""), 7, "SELECTION_UNFOUNDED");
    let mut bent: Value = serde_json::from_str(&text).expect("JSON");
    for known in bent["known"].as_array_mut().into_iter().flatten() {
        known["root"] = "9".repeat(64).into();
    }
    with(&bent.to_string(), 7, "SELECTION_UNFOUNDED");
    bent["frozen_at"] = "2090-01-01T00:00:00Z".into();
    with(&bent.to_string(), 8, "FIELD_INVALID");
    bent["offerings"].as_array_mut().expect("offerings").retain(|found| found["name"] != "wohngeld");
    with(&bent.to_string(), 7, "SELECTION_UNFOUNDED");
    let unreasoned: Vec<&str> =
        wish.iter().map(|word| if word.ends_with("=other") { "a/b=other" } else { *word }).collect();
    buyer.is_refused(&unreasoned, 6, "OFFERING_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_signs_blindly_and_what_waits_for_whom_is_told() {
    let mut processes = Processes::open().await;
    let desk = |officer| Desk { processes: &processes, officer };
    let (buyer, second) = (desk("barleben-einkauf"), desk("barleben-freigabe"));
    let another = concat!(env!("CARGO_MANIFEST_DIR"), "/nodes/dataport/offerings/elterngeld.toml");
    desk("dataport-vertrieb").does(&["offering", "publish", another]);
    processes.level().await;
    let (file, whys) = frozen(&processes, &buyer);
    let wish =
        ["order", "submit", "--offering", "dataport/wohngeld", "--max-euro", "30000", "--purpose", "Wohngeld online"];
    let selected = ["--selection", &file].into_iter().chain(whys.iter().flat_map(|why| ["--why", why]));
    let wish: Vec<&str> = wish.into_iter().chain(selected).collect();
    let holds = |shown: &str, words: &[&str]| {
        words.iter().for_each(|word| assert!(shown.contains(word), "{word} is missing:\n{shown}"));
    };
    let terms =
        ["30.000,00 €", "Wohngeld online", "barleben", "dataport", "Nicht enthalten", "Befund", "nicht gewählt"];
    holds(&buyer.is_asked(&wish), &terms);
    assert_eq!(buyer.does(&["order", "list"]), Value::Array(Vec::new()), "nothing was signed");
    refused_selections(&buyer, &file, &wish);
    let order = buyer.orders(&wish);
    let selection = &buyer.does(&["order", "show", &order])["selection"];
    assert_eq!(selection["frozen"]["node"], "kitu");
    assert!(selection["not_taken"].as_array().expect("others").iter().all(|other| other["why"] == "other"));

    let waits = |desk: &Desk| {
        let told = desk.does(&["order", "inbox"]);
        let commands = told.as_array().into_iter().flatten().filter_map(|one| one["command"].as_str());
        commands.map(ToOwned::to_owned).collect::<Vec<String>>()
    };
    assert_eq!((waits(&buyer).len(), waits(&second)), (0, vec![format!("verbund order approve {order}")]));
    let shown = second.is_asked(&["order", "approve", &order]);
    holds(&shown, &terms);
    assert!(!shown.contains(" 0,00 €"), "{shown}");
    // Whoever holds another root hash to be true is shown nothing that this node's federation has signed.
    let clients = processes.world.folder.join("clients");
    let profile = std::fs::read_to_string(clients.join("barleben-freigabe.toml")).expect("a profile");
    let root = processes.world.anchor.to_string();
    assert!(profile.contains(&root), "{profile}");
    std::fs::write(clients.join("fremd.toml"), profile.replace(&root, &"0".repeat(64))).expect("writable");
    desk("fremd").is_refused(&["order", "approve", &order], 5, "ROOT_UNKNOWN");
    second.orders(&["order", "approve", &order]);

    let mut client = processes.client("kitu", Some(("barleben", "einkauf")));
    let id = order.parse().expect("an id");
    let offered = async || client.order(id).await.is_ok_and(|order| order.stage() == Stage::Offered);
    processes.until("all offers are here", offered).await;
    assert_eq!(waits(&buyer), [format!("verbund order seal {order}")]);
    let shown = buyer.is_asked(&["order", "seal", &order]);
    holds(&shown, &terms);
    holds(&shown, &["Summe", "govdigital", "Preis"]);
    let note = "Wohngeld fehlt noch";
    let need = buyer.does(&["need", "publish", "--leika", "99107023017000", "--note", note, "--until", "2099-12-31"]);
    let need = need["statement_id"].as_str().expect("published").to_owned();
    let told = run(&mut buyer.command(&["order", "seal", &order]), 0);
    let withdraw = format!("verbund need withdraw {need}");
    holds(&String::from_utf8_lossy(&told.stderr), &[note, &withdraw]);
    let withdraw = ["need", "withdraw", &need[..8], "--reason", "bestellt"];
    buyer.does(&withdraw);
    assert_eq!(buyer.does(&["need", "list"]), Value::Array(Vec::new()));
    assert!(waits(&buyer).is_empty() && waits(&second).is_empty());
    let notice = ["order", "report", &order, "--terminate", "2099-12-31"];
    holds(&buyer.is_asked(&notice), &["2099-12-31", "Wohngeld online"]);
    words_are_erased(&buyer, &second, &order);
    short_ids_are_enough(&buyer, &order, &need);
    the_board_shows_what_has_come_how_far(&buyer, &order);
    processes.stop().await;
}

/// Barleben's contract stands on the board, with the one step of its connection that was reported, and with what a portal shows.
fn the_board_shows_what_has_come_how_far(buyer: &Desk, order: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let portal = folder.path().join("portal.xml");
    let service = "<leistung><id>L.1</id><referenzLeiKa><code>99107023017000</code></referenzLeiKa></leistung>";
    std::fs::write(&portal, format!("<m><schreibe>{service}</schreibe></m>")).expect("writable");
    let board = buyer.does(&["order", "rollout", "--portal", portal.to_str().expect("UTF-8")]);
    let rows = board.as_array().expect("rows");
    let row = rows.iter().find(|row| row["leika"] == "99107023017000").unwrap_or_else(|| panic!("{board}"));
    let told =
        ["municipality", "offered", "ordered", "connected", "findable", "order_id"].map(|name| row[name].clone());
    let expected: [Value; 6] = [
        "barleben".into(),
        true.into(),
        "abgeschlossen".into(),
        "1/5".into(),
        "beschrieben, ohne Link".into(),
        order.into(),
    ];
    assert_eq!(told, expected);
    assert_eq!(buyer.does(&["order", "rollout"])[0]["findable"], Value::Null, "nobody was asked");
    buyer.table(&["order", "rollout"]);
}

/// Tables show the beginning of an id, and whoever types it is understood; two that begin alike are told apart.
fn short_ids_are_enough(buyer: &Desk, order: &str, need: &str) {
    let table = buyer.table(&["order", "list"]);
    for list in
        [&["order", "inbox"][..], &["need", "list"], &["offering", "list"], &["org", "list"], &["need", "mandates"]]
    {
        buyer.table(list);
        buyer.table(&[list, &["--lang", "en"]].concat());
    }
    assert!(table.contains(&order[..8]) && !table.contains(&order[..9]), "{table}");
    assert_eq!(buyer.does(&["order", "list"])[0]["order_id"], order, "a program reads the whole id");
    for begun in [&order[..4], &order[..8], &order[..31], order] {
        assert_eq!(buyer.does(&["order", "show", begun])["id"], order, "{begun}");
    }
    let known = ["offering", "get", "dataport/wohngeld"];
    let offering = buyer.does(&known)["id"].as_str().expect("an id").to_owned();
    assert_eq!(buyer.does(&["offering", "get", &offering[..8]])["id"], offering.as_str());
    assert_eq!(buyer.does(&["offering", "list", "--mine"]), Value::Array(Vec::new()), "a municipality sells nothing");
    let sold = buyer.does(&["offering", "list", "--mine", "--org", "dataport"]);
    assert!(sold.as_array().expect("a list").iter().any(|sold| sold["id"] == offering.as_str()), "{sold}");
    assert_eq!(buyer.does(&["statement", "show", &need[..8]])["kind"], "need");
    let request = buyer.does(&["order", "show", order])["messages"][0]["statement_id"].clone();
    let request = request.as_str().expect("an id");
    buyer.is_refused(&["statement", "show", &request[..8]], 6, "STATEMENT_UNKNOWN");
    buyer.is_refused(&["need", "withdraw", &offering[..8], "--reason", "x"], 6, "STATEMENT_UNKNOWN");

    let like = |words: &[&str]| -> String {
        let output = buyer.command(words).output().expect("it starts");
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        said["error"]["metadata"]["like"].as_str().unwrap_or_default().to_owned()
    };
    let other_digit = if order[7..].starts_with('0') { "1" } else { "0" };
    let unknown = format!("{}{other_digit}", &order[..7]);
    buyer.is_refused(&["order", "show", &unknown], 6, "ORDER_UNKNOWN");
    assert_eq!(like(&["order", "show", &unknown]), order[..8]);
    let org: OrgId = "barleben".parse().expect("a name");
    let twin = (0..).map(|number| format!("zwilling-{number}"));
    let mut twin = twin.filter(|id| OrderId::derive(&org, id).to_string().starts_with(&order[..4]));
    let twin = twin.next().expect("one of some hundred thousand");
    let submit = ["order", "submit", "--offering", "dataport/wohngeld", "--max-euro", "30000", "--request-id", &twin];
    let told = buyer.is_asked(&submit);
    assert!(told.contains("läuft schon ein Vertrag") && told.contains(order), "{told}");
    assert!(!told.contains("niemand freigeben"), "a colleague may: {told}");
    let dear = ["order", "submit", "--offering", "dataport/wohngeld", "--max-euro", "100.000,01"];
    let told = buyer.is_asked(&dear);
    assert!(told.contains("niemand freigeben") && told.contains("100.000,00 €"), "{told}");
    let twin = buyer.orders(&submit);
    buyer.is_refused(&["order", "show", &order[..4]], 7, "ID_AMBIGUOUS");
    let mut both = [&order[..8], &twin[..8]];
    both.sort_unstable();
    assert_eq!(like(&["order", "show", &order[..4]]), both.join(", "));
    assert_eq!(buyer.does(&["order", "show", &twin[..8]])["id"], twin.as_str());
}

/// What somebody wrote beside a statement goes where its organisation says so; the statement stays.
fn words_are_erased(buyer: &Desk, second: &Desk, order: &str) {
    const WORDS: &str = "Frau Muster, Zimmer 12";
    buyer.orders(&["order", "report", order, "--connected", "test", "--note", WORDS]);
    let message = |kind: &str| {
        let shown = buyer.does(&["order", "show", order]);
        let found = shown["messages"].as_array().into_iter().flatten().find(|message| message["kind"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {shown}")).clone()
    };
    let told = message("milestone");
    assert_eq!(told["note"], WORDS);
    let id = told["statement_id"].as_str().expect("an id");
    let ground = ["--ground", "Art. 17 Abs. 1 Buchst. a DSGVO", "--authority", "Datenschutzbeauftragte"];
    let erase = |statement: &str| -> Vec<String> {
        let words = ["order", "erase-annex", order, statement].into_iter().chain(ground);
        words.map(ToOwned::to_owned).collect()
    };
    let with = |words: &[String]| -> Vec<&'static str> {
        words.iter().map(|word| &*Box::leak(word.clone().into_boxed_str())).collect()
    };
    let asked = buyer.is_asked(&with(&erase(id)));
    assert!(asked.contains(WORDS) && asked.contains("Datenschutzbeauftragte"), "{asked}");
    assert_eq!(message("milestone")["note"], WORDS, "nothing was signed");
    for statement in [message("counter"), message("endorse")] {
        let other = statement["statement_id"].as_str().expect("an id").to_owned();
        buyer.is_refused(&with(&erase(&other)), 7, "NOTHING_TO_ERASE");
    }
    run(&mut buyer.command(&["order", "erase-annex", order, "abc", "--ground", "x", "--authority", "y"]), 2);
    buyer.orders(&with(&erase(id)));
    let gone = message("milestone");
    assert_eq!((&gone["note"], &gone["statement_id"]), (&Value::from(""), &told["statement_id"]));
    buyer.is_refused(&with(&erase(id)), 7, "NOTHING_TO_ERASE");
    assert!(!second.does(&["order", "show", order]).to_string().contains(WORDS));
    // What a service is needed for is said beside the request, and goes in the same way; what binds stays.
    let request = message("request")["statement_id"].as_str().expect("an id").to_owned();
    assert_eq!(second.does(&["order", "show", order])["purpose"], "Wohngeld online");
    buyer.orders(&with(&erase(&request)));
    let left = second.does(&["order", "show", order]);
    assert_eq!((&left["purpose"], &left["total_max_cents"]), (&Value::from(""), &Value::from(3_000_000)));
}

#[test]
fn an_offering_file_is_judged_whole_and_versions_are_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = std::fs::read_to_string("nodes/dataport/offerings/wohngeld.toml").expect("an example");
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("writable");
        path.display().to_string()
    };
    let (same, bad) = (
        path("gut.toml", &good),
        path(
            "schlecht.toml",
            &format!("farbe = \"rot\"\nversion = 0\n{}", {
                let lines = good.lines().filter(|line| !line.starts_with("version") && !line.starts_with("seller"));
                lines.collect::<Vec<_>>().join("\n")
            }),
        ),
    );
    let judged = |files: &[&str], exit: i32| -> Value {
        let output = run(verbund().args(["-o", "json", "offering", "validate"]).args(files), exit);
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    assert_eq!(judged(&[&same], 0)["valid"], true);
    let told = judged(&[&same, &bad, "gibt-es-nicht.toml"], 8);
    let reasons = |at: usize| -> Vec<String> {
        let findings = told["files"][at]["findings"].as_array().into_iter().flatten();
        findings.map(|one| one["reason"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(reasons(0), Vec::<String>::new());
    assert_eq!(reasons(1), ["CONFIG_INVALID", "CONFIG_UNKNOWN_KEY", "CONFIG_INVALID"], "{told}");
    assert_eq!(reasons(2), ["CONFIG_UNREADABLE"]);

    let newer = path("neu.toml", &good.replace("version = 1\n", "version = 2\n"));
    let compared = run(verbund().args(["-o", "json", "offering", "diff", &same, &newer]), 0);
    let compared: Value = serde_json::from_slice(&compared.stdout).expect("JSON");
    assert_eq!(compared, serde_json::json!([{"field": "version", "before": 1, "after": 2}]));
}
