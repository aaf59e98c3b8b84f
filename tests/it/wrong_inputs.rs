//! What people type wrongly: every refusal has a code, an exit code, a reason and a way on, and programs read it as JSON.
use serde_json::Value;

use crate::cluster::verbund;
use crate::figures;
use crate::processes::Processes;

/// What is typed, the exit code and the reason.
#[rustfmt::skip]
const WRONG: &[(&str, i32, &str)] = &[
    ("offering get nichts-dergleichen", 6, "OFFERING_UNKNOWN"),
    ("offering get dataport/nichts", 6, "OFFERING_UNKNOWN"),
    ("offering get", 2, "USAGE_INVALID"),
    ("offering get 0000", 6, "OFFERING_UNKNOWN"),
    ("offering get 0000000000000000000000000000000000000000000000000000000000000000", 6, "OFFERING_UNKNOWN"),
    ("offering get data port/wohngeld", 2, "USAGE_INVALID"),
    ("offering list --land Atlantis", 8, "LAND_UNKNOWN"),
    ("offering list --seller datport", 6, "ORG_UNKNOWN"),
    ("offering list --seller Data/Port", 8, "NAME_INVALID"),
    ("offering list --seller kitu --mine", 2, "USAGE_INVALID"),
    ("offering list --area 99", 8, "ARS_INVALID"),
    ("offering search --only farbe=rot wohngeld", 8, "FIELD_INVALID"),
    ("offering search --only farbe wohngeld", 2, "USAGE_INVALID"),
    ("offering search --for barlebn wohngeld", 6, "ORG_UNKNOWN"),
    ("offering search --for BARLEBEN! wohngeld", 2, "USAGE_INVALID"),
    ("offering for", 2, "USAGE_INVALID"),
    ("offering for barlebn", 6, "ORG_UNKNOWN"),
    ("offering for barleben --limit 0", 2, "USAGE_INVALID"),
    ("offering for barleben --limit viele", 2, "USAGE_INVALID"),
    ("offering for barleben --only portal", 2, "USAGE_INVALID"),
    ("offering report dataport/wohngeld --portal IKISS --outcome gut --result x", 2, "USAGE_INVALID"),
    ("offering report dataport/wohngeld --portal IKISS --outcome passed --result x --on 2099-01-01", 8, "DAY_AHEAD"),
    ("offering report dataport/wohngelt --portal IKISS --outcome passed --result x", 6, "OFFERING_UNKNOWN"),
    ("offering publish gibt-es-nicht.toml", 3, "CONFIG_UNREADABLE"),
    ("offering publish Cargo.toml", 3, "CONFIG_UNKNOWN_KEY"),
    ("offering withdraw nichts --reason x", 6, "OFFERING_UNKNOWN"),
    ("offering withdraw dataport/wohngeld", 2, "USAGE_INVALID"),
    ("offering withdraw dataport/wohngeld --reason x", 5, "SIGNER_WRONG"),
    ("offering validate", 2, "USAGE_INVALID"),
    ("offering diff dataport/wohngeld", 2, "USAGE_INVALID"),
    ("offering diff dataport/wohngeld dataport/nichts", 6, "OFFERING_UNKNOWN"),
    ("offering loeschen x", 2, "USAGE_INVALID"),
    ("need publish --leika 123 --note x --until 2030-01-01", 2, "USAGE_INVALID"),
    ("need publish --leika 99107023017000 --note x --until 2020-01-01", 8, "DAY_PAST"),
    ("need publish --leika 99107023017000 --note x --until bald", 8, "TIME_INVALID"),
    ("need publish --leika 99107023017000 --note x --until 31.02.2030", 8, "TIME_INVALID"),
    ("need publish --leika 99107023017000 --until 2030-01-01", 2, "USAGE_INVALID"),
    ("need withdraw 0000000000000000000000000000000000000000000000000000000000000000 --reason x", 6, "STATEMENT_UNKNOWN"),
    ("need withdraw abc --reason x", 2, "USAGE_INVALID"),
    ("need mandate 0000000000000000000000000000000000000000000000000000000000000000 --to kitu --max-euro 5 --until 2030-01-01", 7, "NEED_MISSING"),
    ("need mandate abc --to kitu --max-euro 5 --until 2030-01-01", 2, "USAGE_INVALID"),
    ("need list --offering nichts", 6, "OFFERING_UNKNOWN"),
    ("chain routes --for barleben --offering dataport/nichts", 6, "OFFERING_UNKNOWN"),
    ("chain routes --for barleben", 2, "USAGE_INVALID"),
    ("chain routes --for barlebn --offering dataport/wohngeld", 6, "ORG_UNKNOWN"),
    ("chain routes --offering dataport/wohngeld", 2, "USAGE_INVALID"),
    ("chain routes --for barleben --offering dataport/wohngeld --as-of gestern", 8, "TIME_INVALID"),
    ("chain routes --for barleben --to nirgends", 6, "ORG_UNKNOWN"),
    ("chain explain barleben", 2, "USAGE_INVALID"),
    ("chain explain barleben nirgends", 2, "USAGE_INVALID"),
    ("price preview --for barleben --offering dataport/wohngelt", 6, "OFFERING_UNKNOWN"),
    ("price preview --for barleben --offering dataport/wohngeld --route 99", 8, "FIELD_INVALID"),
    ("price preview --for barleben --offering dataport/wohngeld --via barleben,akdb", 8, "ROUTE_INVALID"),
    ("price preview --for barleben --offering dataport/wohngeld --via kitu,dataport", 8, "ROUTE_INVALID"),
    ("price preview --for barleben --offering dataport/wohngeld --term-years 0x", 2, "USAGE_INVALID"),
    ("order submit", 2, "USAGE_INVALID"),
    ("order submit --offering dataport/wohngeld", 2, "USAGE_INVALID"),
    ("order submit --offering dataport/wohngeld --max-euro viel --purpose x", 2, "USAGE_INVALID"),
    ("order submit --offering dataport/wohngeld --max-euro 30.00 --purpose x", 2, "USAGE_INVALID"),
    ("order submit --offering dataport/wohngeld --max-euro -5 --purpose x", 2, "USAGE_INVALID"),
    ("order submit --offering dataport/wohngelt --max-euro 30000 --purpose x", 6, "OFFERING_UNKNOWN"),
    ("order submit --offering dataport/wohngeld --max-euro 30000 --purpose x --via akdb", 8, "ROUTE_INVALID"),
    ("order submit --offering dataport/wohngeld --max-euro 30000 --purpose x --route 0", 8, "FIELD_INVALID"),
    ("order submit --offering dataport/wohngeld --max-euro 30000 --purpose x --route 99", 8, "FIELD_INVALID"),
    ("order submit --offering dataport/wohngeld --max-euro 30000 --purpose x --quote-days 0", 2, "USAGE_INVALID"),
    ("order submit --offering dataport/wohngeld --max-euro 30000 --purpose x --seal-days 999", 2, "USAGE_INVALID"),
    ("order submit --offering dataport/wohngeld --max-euro 30000 --purpose x --term-years 99", 8, "FIELD_INVALID"),
    ("order submit --offering dataport/wohngeld --max-euro 30000 --purpose x --as-of 2019-01-01", 7, "RULE_PACK_NOT_IN_FORCE"),
    ("order submit --offering dataport/wohngeld --max-euro 30000 --purpose x --as-of 1.13.2026", 8, "TIME_INVALID"),
    ("order submit --offering dataport/wohngeld --max-euro 99999999999999 --purpose x", 2, "USAGE_INVALID"),
    ("order submit --offering dataport/wohngeld --max-euro 30000 --why kid/wohngeld=fit", 2, "USAGE_INVALID"),
    ("order submit --offering dataport/wohngeld --max-euro 30000 --selection gibt-es-nicht.json", 6, "FILE_UNREADABLE"),
    ("order submit --offering dataport/wohngeld --max-euro 30000 --selection Cargo.toml", 6, "FILE_UNREADABLE"),
    ("offering freeze wohngeld --for barleben", 2, "USAGE_INVALID"),
    ("offering freeze wohngeld --for barlebn --file x.json", 6, "ORG_UNKNOWN"),
    ("offering freeze wohngeld --for barleben --only unsinn --file x.json", 2, "USAGE_INVALID"),
    ("offering freeze wohngeld --for barleben --only farbe=rot --file x.json", 8, "FIELD_INVALID"),
    ("offering freeze xyzzyxyzzy --for barleben --file x.json", 6, "OFFERING_UNKNOWN"),
    ("offering freeze wohngeld --for barleben --file /dev/null/x.json", 7, "FILE_UNWRITABLE"),
    ("order show", 2, "USAGE_INVALID"),
    ("order show abc", 2, "USAGE_INVALID"),
    ("order show abcd1234", 6, "ORDER_UNKNOWN"),
    ("order show 1234567890abcdef1234567890abcdef1", 6, "ORDER_UNKNOWN"),
    ("order seal abcg", 2, "USAGE_INVALID"),
    ("statement show abcd1234", 6, "STATEMENT_UNKNOWN"),
    ("need withdraw abcd --reason x", 6, "STATEMENT_UNKNOWN"),
    ("need approve abcd", 6, "STATEMENT_UNKNOWN"),
    ("completions cmd", 2, "USAGE_INVALID"),
    ("man --out /dev/null/x", 7, "FILE_UNWRITABLE"),
    ("order show 00000000000000000000000000000000", 6, "ORDER_UNKNOWN"),
    ("order show 11111111111111111111111111111111", 6, "ORDER_UNKNOWN"),
    ("order approve 11111111111111111111111111111111", 6, "ORDER_UNKNOWN"),
    ("order seal 11111111111111111111111111111111", 6, "ORDER_UNKNOWN"),
    ("order cancel 11111111111111111111111111111111", 6, "ORDER_UNKNOWN"),
    ("order confirm 11111111111111111111111111111111", 6, "ORDER_UNKNOWN"),
    ("order watch 11111111111111111111111111111111", 6, "ORDER_UNKNOWN"),
    ("order explain 11111111111111111111111111111111", 6, "ORDER_UNKNOWN"),
    ("order report 11111111111111111111111111111111 --productive 2026-01-01", 6, "ORDER_UNKNOWN"),
    ("order report 11111111111111111111111111111111", 2, "USAGE_INVALID"),
    ("order report 11111111111111111111111111111111 --productive irgendwann", 8, "TIME_INVALID"),
    ("order recall 11111111111111111111111111111111", 2, "USAGE_INVALID"),
    ("order recall 11111111111111111111111111111111 --note x", 6, "ORDER_UNKNOWN"),
    ("order reroute 11111111111111111111111111111111", 6, "ORDER_UNKNOWN"),
    ("order settle 11111111111111111111111111111111", 2, "USAGE_INVALID"),
    ("order erase-annex 11111111111111111111111111111111", 2, "USAGE_INVALID"),
    ("order send gibt-es-nicht.json", 6, "FILE_UNREADABLE"),
    ("order send Cargo.toml", 6, "FILE_UNREADABLE"),
    ("order draft --file /tmp/nicht/da.json --offering dataport/wohngeld --max-euro 30000 --purpose x", 7, "FILE_UNWRITABLE"),
    ("order list --farbe rot", 2, "USAGE_INVALID"),
    ("order rollout --portal gibt-es-nicht.xml", 6, "FILE_UNREADABLE"),
    ("order rollout --portal Cargo.toml", 8, "XML_INVALID"),
    ("org show barlebn", 6, "ORG_UNKNOWN"),
    ("org show", 2, "USAGE_INVALID"),
    ("org list --of x", 2, "USAGE_INVALID"),
    ("org keys", 2, "USAGE_INVALID"),
    ("officer grant", 2, "USAGE_INVALID"),
    ("officer end", 2, "USAGE_INVALID"),
    ("statement schema nichts", 8, "FIELD_INVALID"),
    ("statement check Cargo.toml --kind nichts", 8, "FIELD_INVALID"),
    ("statement check gibt-es-nicht.json --kind need", 6, "FILE_UNREADABLE"),
    ("statement show abc", 6, "FILE_UNREADABLE"),
    ("statement show 0000000000000000000000000000000000000000000000000000000000000000", 6, "STATEMENT_UNKNOWN"),
    ("statement sign Cargo.toml --kind need", 8, "JSON_INVALID"),
    ("trust show --org barlebn", 6, "ORG_UNKNOWN"),
    ("trust sign", 2, "USAGE_INVALID"),
    ("key list /tmp/nicht-da", 2, "USAGE_INVALID"),
    ("audit verify gibt-es-nicht.asice", 6, "FILE_UNREADABLE"),
    ("export ocds 11111111111111111111111111111111", 6, "FILE_UNREADABLE"),
    ("import offerings gibt-es-nicht.csv --out /tmp/x1", 6, "FILE_UNREADABLE"),
    ("peer list --x", 2, "USAGE_INVALID"),
    ("node status --timeout 0", 2, "USAGE_INVALID"),
    ("node status --timeout viele", 2, "USAGE_INVALID"),
    ("node status --address 127.0.0.1", 2, "ADDRESS_INVALID"),
    ("node status --address https://127.0.0.1:1/pfad", 2, "ADDRESS_INVALID"),
    ("node status --address 127.0.0.1:1", 4, "NODE_UNREACHABLE"),
    ("node status --tls Cargo.toml", 8, "KEY_FILE_INVALID"),
    ("node status --tls /nicht/da.pem", 6, "FILE_UNREADABLE"),
    ("node status --profile /nicht/da.toml", 3, "CONFIG_UNREADABLE"),
    ("node status --profile Cargo.toml", 3, "CONFIG_INVALID"),
    ("node status --lang fr", 2, "USAGE_INVALID"),
    ("node status -o xml", 2, "USAGE_INVALID"),
    ("gibtesnicht", 2, "USAGE_INVALID"),
    ("order show ABCDEFABCDEFABCDEFABCDEFABCDEFAB", 2, "USAGE_INVALID"),
    ("order needs --offering nichts", 6, "OFFERING_UNKNOWN"),
    ("need approve abc", 2, "USAGE_INVALID"),
    ("offering publish nodes/kid/offerings/eheurkunde.toml", 5, "SIGNER_WRONG"),
    ("key generate", 2, "USAGE_INVALID"),
    ("statement schema request --nie", 2, "USAGE_INVALID"),
    ("order submit --offering dataport/wohngeld --max-euro 30000 --purpose x --mode immer", 2, "USAGE_INVALID"),
];

/// Fewest that must be known.
const WRONG_MIN: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_typed_wrongly_is_told_with_a_way_on() {
    let mut processes = Processes::open().await;
    let own = processes.world.folder.join("clients").join("barleben-einkauf.toml").display().to_string();
    let mut failed = Vec::new();
    for (typed, exit, reason) in WRONG {
        let words: Vec<&str> = typed.split(' ').collect();
        let profile = if words.contains(&"--profile") { vec![] } else { vec!["--profile", &own] };
        let output = verbund().args(["-o", "json", "--yes"]).args(profile).args(&words).output().expect("it starts");
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let error = &said["error"];
        let tells = |name: &str| error[name].as_str().is_some_and(|text| text.len() > 10);
        let found = (output.status.code(), error["reason"].as_str());
        if found != (Some(*exit), Some(*reason)) || !tells("message") || !tells("help") || error["metadata"].is_null()
        {
            failed.push(format!("{typed}\n    {found:?} {}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    crate::lost_answers::never_two_orders(&processes).await;
    processes.stop().await;
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), WRONG.len(), failed.join("\n"));
    assert!(WRONG.len() >= WRONG_MIN);
    figures::count("wrong_inputs", WRONG.len());
}
