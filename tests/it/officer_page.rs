//! An officer's whole work in a real browser at a real node: key, sign-in, order, approval by a second officer, seal, evidence. The
//! keys stay in the browser.
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use verbund::audit::bundle::Bundle;
use verbund::audit::report::Ruling;
use verbund::audit::verify::verify;
use verbund::cli::client::Client;
use verbund::cli::demo::granting;
use verbund::config::node::read_run;
use verbund::domain::envelope;
use verbund::domain::id::{NodeId, sha256};
use verbund::domain::money::Cents;
use verbund::domain::proposal::{Progress, Proposal};
use verbund::domain::signing::{PublicKey, SecretKey};
use verbund::domain::statement::{Kind, Signed};
use verbund::domain::trust::{OfficerGrant, OfficerRole};
use verbund::domain::trust_file::TrustFile;
use verbund::node::start::read_genesis;
use verbund::node::tls;

use crate::accessible;
use crate::browser::Browser;
use crate::federation::name;
use crate::live::{Live, offering, wait_until};
use crate::ports::free_addresses;

/// Takes the key of an office from its file into the browser.
async fn import(browser: &mut Browser, page: &str, live: &Live, org: &str, office: &str) {
    browser.visit(&format!("{page}schluessel?lang=de")).await;
    browser.until("document.getElementById('schluessel').dataset.ready").await;
    let pem = live.world.folder.join(format!("{office}.pem"));
    let key = &live.world.officers[&(name(org), name(office))];
    fs::write(&pem, key.to_pem().as_bytes()).expect("written");
    browser.fill("#org", org).await;
    browser.fill("#amt", office).await;
    browser.choose("#datei", &pem).await;
    browser.click("#neu button").await;
    browser.until("document.getElementById('stand').innerText.includes('liegt jetzt in diesem Browser')").await;
}

async fn sign_in(browser: &mut Browser, page: &str, office: &str) {
    browser.visit(&format!("{page}anmelden?lang=de")).await;
    browser.until("document.getElementById('anmeldung').dataset.ready").await;
    let own = format!(
        "[...document.querySelectorAll('#anmeldung button')].find((b) => b.innerText.includes('{office}')).click()"
    );
    browser.value(&own).await;
    browser.until("location.pathname === '/dran' && document.readyState === 'complete'").await;
}

async fn main_text(browser: &mut Browser) -> String {
    // Amounts are not broken over lines.
    browser.text("document.querySelector('main').innerText").await.replace('\u{a0}', " ")
}

/// Reads what is to be signed, signs it, and waits until the order shows it.
async fn signs(browser: &mut Browser, picture: &str) -> String {
    browser.until("document.querySelector('#erklaerung .actions button')").await;
    let said = main_text(browser).await;
    browser.picture(picture).await;
    // Twice, as people do.
    browser
        .value("(() => { const b = document.querySelector('#erklaerung .actions button'); b.click(); b.click(); })()")
        .await;
    browser.until("/^.bestellungen.[0-9a-f]+$/.test(location.pathname) && document.readyState === 'complete'").await;
    said
}

/// Opens what waits for the officer and goes on to one act.
async fn act(browser: &mut Browser, page: &str, waits: &str, act: &str) {
    // The chain needs a moment.
    let asked = format!("fetch('/dran?lang=de').then((a) => a.text()).then((t) => t.includes({}))", json!(waits));
    browser.until(&asked).await;
    browser.visit(&format!("{page}dran?lang=de")).await;
    let inbox = main_text(browser).await;
    assert!(inbox.contains(waits) && inbox.contains("Eine Sache wartet."), "{inbox}");
    browser.picture(&format!("dran-{act}")).await;
    browser.click(".card a").await;
    browser.until("location.pathname.startsWith('/bestellungen/') && document.readyState === 'complete'").await;
    browser.click(&format!("a[href*=\"/unterschreiben/{act}\"]")).await;
}

async fn node_with_page() -> (Live, SocketAddr) {
    let mut live = Live::found();
    let address = free_addresses(1)[0];
    live.world.open_pages([(name::<NodeId>("kitu"), address)].into()).expect("settings");
    // A node signs once the others have told how far its log goes.
    let names: Vec<String> = live.world.nodes.keys().map(ToString::to_string).collect();
    for node in &names {
        live.start(node).await;
    }
    let handle = live.node("kitu");
    let offering = offering(&live, "Hundesteuer digital", 1);
    wait_until(&handle, "signing", |node| node.check_may_sign().is_ok()).await;
    handle.publish(offering).await.expect("a good offering");
    (live, address)
}

/// Finds the offering, fills in the form, wrongly at first, and orders, with nothing but a keyboard.
async fn orders(browser: &mut Browser, page: &str) {
    browser.visit(&format!("{page}anmelden?lang=de")).await;
    browser.until("document.getElementById('anmeldung').dataset.ready").await;
    browser.enter("#anmeldung p:first-of-type button").await;
    browser.until("location.pathname === '/dran' && document.readyState === 'complete'").await;
    assert!(main_text(browser).await.contains("Nichts wartet auf Sie."));
    browser.enter("nav a[href^='/angebote']").await;
    browser.until("document.querySelector('#q')").await;
    browser.write("#q", "Hundesteuer").await;
    browser.enter(".search button").await;
    browser.until("location.search.includes('Hundesteuer') && document.querySelector('.card a')").await;
    // The search stands in the record of the order.
    browser.enter(".card a[href*=\"/bestellen\"]").await;
    browser.until("document.querySelector('#hoechstens')").await;
    browser.picture("bestellen").await;
    browser.write("#hoechstens", "viel").await;
    browser.write("#zweck", "Für den <b>Hund</b>").await;
    browser.enter("button[name=pruefen]").await;
    browser.until("document.querySelector('.kern-alert--danger')").await;
    assert_eq!(browser.text("document.querySelector('#zweck').value").await, "Für den <b>Hund</b>");
    browser.write("#hoechstens", "90000").await;
    browser.enter("button[name=pruefen]").await;
    browser.until("document.querySelector('#erklaerung .actions button')").await;
    let said = main_text(browser).await;
    browser.picture("unterschreiben").await;
    browser.enter("#erklaerung .actions button").await;
    browser.until("/^.bestellungen.[0-9a-f]+$/.test(location.pathname) && document.readyState === 'complete'").await;
    for part in [
        "Festgehaltene Auswahl",
        "Gesucht nach",
        "bestellt verbindlich",
        "90.000,00 €",
        "Für den <b>Hund</b>",
        "barleben",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let order = main_text(browser).await;
    assert!(
        order.contains("wartet auf Freigabe")
            && order.contains("Hundesteuer digital")
            && order.contains("Für den <b>Hund</b>"),
        "{order}"
    );
    browser.picture("bestellung").await;
}

/// Reads, searches and fills in without scripts; what needs one says so.
async fn without_scripts(browser: &mut Browser, page: &str) {
    browser.device("javascript", json!(false)).await;
    browser.visit(&format!("{page}angebote?lang=de")).await;
    browser.fill("#q", "Hundesteuer").await;
    browser.click(".search button").await;
    browser.until("location.search.includes('Hundesteuer') && document.querySelector('.card a')").await;
    assert!(main_text(browser).await.contains("1 Angebot gefunden."));
    browser.click(".card a").await;
    browser.until("document.querySelector('a[href*=\"/bestellen\"]')").await;
    browser.click("a[href*=\"/bestellen\"]").await;
    browser.until("document.querySelector('#hoechstens')").await;
    browser.fill("#hoechstens", "9000").await;
    browser.click("button[name=pruefen]").await;
    browser.until("document.querySelector('#erklaerung')").await;
    let told = main_text(browser).await;
    assert!(told.contains("Schlüssel im Browser brauchen JavaScript"), "{told}");
    browser.visit(&format!("{page}bestellungen?lang=de")).await;
    assert!(main_text(browser).await.contains("Eine Bestellung"));
    browser.device("javascript", json!(true)).await;
}

/// The session ends while the page is open on which one signs: nothing of it is lost, and after a new sign-in it goes on.
async fn outlives_its_session(browser: &mut Browser, office: &str) {
    browser.until("document.querySelector('#erklaerung .actions button')").await;
    let said = browser.text("document.querySelector('#erklaerung').innerText").await;
    browser.value("fetch('/abmelden', { method: 'POST' }).then(() => 1)").await;
    browser.click("#erklaerung .actions button").await;
    browser.until("document.querySelector('#stand a[target=_blank]')").await;
    let told = main_text(browser).await;
    assert!(told.contains("Ihre Sitzung ist zu Ende; abgegeben wurde nichts"), "{told}");
    assert_eq!(browser.text("document.querySelector('#erklaerung').innerText").await, said, "all of it stays");
    // As another window does it.
    let again = format!(
        "(async () => {{ const own = (await verbundKeys.all()).find(({{ officer }}) => officer === {}); \
         const {{ node, signed_at, salt }} = await (await fetch('/anmelden/frage')).json(); \
         const proof = await verbundKeys.sign(own, 'access', {{ org: own.org, officer: own.officer, node, signed_at, salt }}); \
         return (await fetch('/anmelden', {{ method: 'POST', body: proof, headers: {{ 'content-type': 'application/json' }} }})).status; }})()",
        json!(office)
    );
    assert_eq!(browser.value(&again).await, json!(204));
}

/// Every page there is, with something on it.
async fn pages(browser: &mut Browser, page: &str) -> Vec<String> {
    browser.visit(&format!("{page}bestellungen?lang=de")).await;
    let order = browser.text("document.querySelector('.card a').pathname.slice(1)").await;
    browser.visit(&format!("{page}angebote?lang=de")).await;
    let offering = browser.text("document.querySelector('.card a').pathname.slice(1)").await;
    let id = offering.rsplit('/').next().unwrap_or_default();
    let filled = "weg=barleben,kitu&hoechstens=9000&jahre=2&zweck=x&vorgang=web-9&pruefen=1";
    let fixed = [
        "",
        "angebote",
        "angebote?q=xyzzy",
        "angebote?seite=x",
        "pruefen",
        "anmelden",
        "schluessel",
        "bedarf",
        "bedarf/eigener",
        "bedarf/melden",
        "vollmachten",
        "bedarf/melden?worte=&tag=",
        "knoten",
        "schnittstellen",
        "barrierefreiheit",
        "datenschutz",
        "impressum",
        "gibtsnicht",
        "dran",
        "bestellungen",
        "vergleich",
    ];
    let fixed = fixed.map(str::to_owned).into_iter();
    browser.visit(&format!("{page}bedarf/eigener?lang=de")).await;
    let mandate =
        browser.text("document.querySelector('a[href*=\"/bedarf/\"][href*=\"/vollmacht\"]').pathname.slice(1)").await;
    let withdrawal = browser.text("document.querySelector('a[href*=\"/zuruecknehmen\"]').pathname.slice(1)").await;
    let own = [
        format!("{mandate}?ueber=kitu&hoechstens=x&tag=x"),
        format!("{mandate}?ueber=kitu&hoechstens=900&tag=30.6.2030"),
        mandate,
        format!("{withdrawal}?worte=+"),
        format!("{withdrawal}?worte=Bestellt"),
        withdrawal,
        format!("{order}/beilegen"),
        format!("{order}/weiter/aendern"),
        format!("{order}/texte-loeschen"),
        format!("{order}/texte-loeschen?grund="),
        format!("{order}/weiter/aendern?hoechstens=viel"),
        format!("{order}/unterschreiben/zuruecknehmen?worte="),
        format!("vergleich?id={id}&id={id}"),
        format!("{order}/unterschreiben/ansprechstelle"),
        format!("{order}/unterschreiben/ansprechstelle?worte="),
        format!("{order}/unterschreiben/anbindung"),
        format!("{order}/unterschreiben/kuendigung?tag=2030-12-31"),
        order,
        format!("{offering}/bestellen"),
        format!("{offering}/bestellen?hoechstens=viel&pruefen=1"),
        format!("{offering}/bestellen?auswahl=1"),
        format!("{offering}/bestellen?{filled}"),
        offering,
    ];
    let all: Vec<String> = fixed.chain(own).collect();
    let languages = ["de", "en"].into_iter();
    let of = |lang| {
        all.iter()
            .map(move |address| format!("{address}{}lang={lang}", if address.contains('?') { '&' } else { '?' }))
    };
    languages.flat_map(of).collect()
}

/// The second officer approves, the seller decides, the first officer seals, and takes the evidence along.
async fn concludes(browser: &mut Browser, page: &str, live: &Live) {
    sign_in(browser, page, "freigabe").await;
    act(browser, page, "Bestellung freigeben", "freigeben").await;
    browser.until("document.querySelector('#worte')").await;
    browser.fill("#worte", "Der <i>Haushalt</i> reicht.").await;
    browser.click("main form button").await;
    browser.until("location.search.includes('worte=')").await;
    let said = signs(browser, "freigeben").await;
    assert!(said.contains("barleben gibt die Bestellung") && said.contains("Voraussetzungen erfüllt"), "{said}");
    assert!(said.contains("Der <i>Haushalt</i> reicht."), "{said}");
    assert!(main_text(browser).await.contains("Der <i>Haushalt</i> reicht."), "the order shows the words");

    // The open page listens, asks by itself, and stays as it is while nothing happens.
    browser.until("performance.getEntriesByType('resource').some((entry) => entry.name.includes('gesehen='))").await;
    assert!(main_text(browser).await.contains("Wer dran ist"), "it has not lost itself");
    assert!(browser.requests().await.iter().any(|(_, url)| url.contains("/verlauf")), "a stream");

    // The seller lets a person decide.
    sign_in(browser, page, "entscheidung").await;
    act(browser, page, "Über eine Bestellung entscheiden", "freigeben").await;
    let said = signs(browser, "entscheiden").await;
    assert!(said.contains("kitu gibt die Bestellung"), "{said}");

    sign_in(browser, page, "einkauf").await;
    act(browser, page, "Bestellung abschließen", "abschliessen").await;
    outlives_its_session(browser, "einkauf").await;
    let said = signs(browser, "abschliessen").await;
    assert!(said.contains("Alle Verträge des Weges kommen damit zustande"), "{said}");
    let order = main_text(browser).await;
    assert!(order.contains("abgeschlossen"), "{order}");
    browser.picture("bestellung-abgeschlossen").await;
    let fetched = "fetch(document.querySelector('a[href$=\"/pruefpaket\"]').href).then((a) => a.arrayBuffer()).then((b) => [...new Uint8Array(b)])";
    let bytes: Vec<u8> = serde_json::from_value(browser.value(fetched).await).expect("bytes");
    let report = verify(&Bundle::parse(&bytes).expect("a bundle"), Some(live.world.anchor));
    assert_ne!(report.ruling(), Ruling::Invalid, "{}", report.text(verbund::domain::reason::Lang::De));
}

/// What comes after the seal, and what an organisation says to everyone.
async fn goes_on(browser: &mut Browser, page: &str) {
    sign_in(browser, page, "freigabe").await;
    browser.visit(&format!("{page}bestellungen?lang=de")).await;
    browser.click(".card a").await;
    browser.until("document.querySelector('a[href*=\"/unterschreiben/anbindung\"]')").await;
    browser.click("a[href*=\"/unterschreiben/anbindung\"]").await;
    browser.until("document.querySelector('#schritt')").await;
    browser.fill("#schritt", "routing").await;
    browser.click("main form button").await;
    browser.until("location.search.includes('schritt=')").await;
    let said = signs(browser, "anbindung").await;
    assert!(said.contains("einen Schritt der Anbindung als erledigt: Zuständigkeit."), "{said}");

    // What is looked for is said by whoever may buy.
    sign_in(browser, page, "einkauf").await;
    browser.visit(&format!("{page}bedarf/melden?lang=de")).await;
    browser.fill("#worte", "Wohngeld <i>online</i>").await;
    browser.fill("#leistungen", "99107023017000").await;
    browser.fill("#tag", "30.6.2030").await;
    browser.click("main form button").await;
    browser.until("document.querySelector('#erklaerung .actions button')").await;
    let said = main_text(browser).await;
    assert!(said.contains("barleben sucht öffentlich bis 30.06.2030: Wohngeld <i>online</i>"), "{said}");
    browser.click("#erklaerung .actions button").await;
    browser.until("location.pathname === '/bedarf/eigener' && document.readyState === 'complete'").await;
    assert!(main_text(browser).await.contains("Wohngeld <i>online</i>"), "the need is listed");

    browser.click("a[href*=\"/bedarf/\"][href*=\"/vollmacht\"]").await;
    browser.until("document.querySelector('#hoechstens')").await;
    browser.fill("#ueber", "kitu").await;
    browser.fill("#hoechstens", "900").await;
    browser.fill("#tag", "30.6.2030").await;
    browser.click("main form button").await;
    browser.until("document.querySelector('#erklaerung .actions button')").await;
    let said = main_text(browser).await;
    assert!(said.contains("barleben bevollmächtigt kitu") && said.contains("höchstens 900,00 € netto"), "{said}");
    browser.click("#erklaerung .actions button").await;
    browser.until("location.pathname === '/bedarf/eigener' && document.readyState === 'complete'").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_officers_order_approve_and_seal_with_keys_in_the_browser() {
    let Some(mut browser) = Browser::open() else { return };
    let (live, address) = node_with_page().await;
    let page = format!("http://{address}/");
    for (org, office) in [("barleben", "einkauf"), ("barleben", "freigabe"), ("kitu", "entscheidung")] {
        import(&mut browser, &page, &live, org, office).await;
    }
    browser.picture("schluessel").await;
    // Not even the page gets at it.
    let stolen = "verbundKeys.all().then(([{ key }]) => crypto.subtle.exportKey('pkcs8', key)).then(() => 'read', () => 'kept')";
    assert_eq!(browser.text(stolen).await, "kept");
    orders(&mut browser, &page).await;
    concludes(&mut browser, &page, &live).await;
    goes_on(&mut browser, &page).await;
    let all = pages(&mut browser, &page).await;
    accessible::pictures(&mut browser, &page, &all).await;
    accessible::check(&mut browser, &page, &all).await;
    without_scripts(&mut browser, &page).await;
    browser.click(".session button").await;
    browser.until("location.pathname === '/' && document.readyState === 'complete'").await;
    browser.visit(&format!("{page}dran")).await;
    assert_eq!(browser.text("location.pathname").await, "/anmelden", "signed out");
    for (_, url) in browser.requests().await {
        assert!(url.starts_with(&page), "{url}");
    }
    // A form that was filled in wrongly, a session that is over, a page that does not exist and an act for which there is no
    // ground are answered so, which the browser writes down.
    let meant = ["400 (Bad Request)", "401 (Unauthorized)", "404 (Not Found)", "409 (Conflict)"];
    let is_meant = |problem: &String| meant.iter().any(|wrong| problem.contains(wrong));
    let problems = browser.problems().await.into_iter().filter(|problem| !is_meant(problem));
    assert_eq!(problems.collect::<Vec<_>>(), Vec::<String>::new());
    browser.close().await;
    live.stop_all().await;
}

/// What the organisation proposes for a key, signed by two of its root keys; the demonstration makes them from its seed.
fn proposal(live: &Live, key: &str) -> Proposal {
    let root = |n| SecretKey::from_seed(&sha256(format!("verbund/demo/unsafe/1/org/barleben/root/{n}").as_bytes()));
    let grant = OfficerGrant { officer: name("vertretung"), ..wish("barleben", key.parse().expect("a public key")) };
    let genesis = read_genesis(&read_run(&live.run_file("kitu")).expect("settings").genesis).expect("statements");
    let file = TrustFile::of(genesis).expect("trust");
    let proposal = Proposal::new(Kind::OfficerGrant, &grant, &file).expect("a good grant");
    [root(0), root(1)].iter().fold(proposal, |proposal, key| proposal.sign(key).expect("may sign"))
}

/// The statement that the page saves, signed by the browser too.
async fn signed_by_browser(browser: &mut Browser, live: &Live) -> Signed {
    let key = browser.text("verbundKeys.all().then((all) => all.at(-1).raw)").await;
    let (file, proposal) = (live.world.folder.join("vollmacht.json"), proposal(live, &key));
    assert!(proposal.statement().is_err(), "the new key has not signed");
    fs::write(&file, proposal.write()).expect("written");
    browser.choose("#vollmacht", &file).await;
    browser.until("document.querySelector('#vollmacht-inhalt button')").await;
    let told = main_text(browser).await;
    assert!(told.contains("Das würden Sie unterschreiben:") && told.contains("20.000,00 €"), "{told}");
    // What a browser saves, a test takes from where it is made.
    let caught = "const make = URL.createObjectURL; URL.createObjectURL = (made) => { made.text().then((text) => { window.saved = text; }); return make(made); }; 1";
    browser.value(caught).await;
    browser.click("#vollmacht-inhalt button").await;
    browser.until("window.saved").await;
    let saved = browser.text("window.saved").await;
    Proposal::read(&saved).expect("as it was").statement().expect("everybody has signed")
}

/// What is asked for in the page waits: nothing grants it but root keys, which a node does not have and the demonstration does.
async fn asks_and_waits(browser: &mut Browser, page: &str, live: &Live) {
    let kitu: NodeId = name("kitu");
    browser.visit(&format!("{page}schluessel?lang=de&org=barleben&amt=besuch")).await;
    browser.until("document.getElementById('schluessel').dataset.ready").await;
    browser.click("#neu button").await;
    browser.until("document.querySelectorAll('#antrag-schluessel option').length === 2").await;
    browser.fill("#antrag-grenze", "viel").await;
    browser.click("#antrag button").await;
    browser.until("document.querySelector('#stand .problem')").await;
    assert_eq!(browser.text("document.querySelector('#antrag-grenze').value").await, "viel", "what was typed stays");
    browser.fill("#antrag-grenze", "20.000").await;
    browser.picture("vollmacht-beantragen").await;
    browser.click("#antrag button").await;
    browser.until("document.getElementById('stand').innerText.startsWith('Beantragt.')").await;
    let waiting = granting::requests(&live.world, &kitu);
    let proposal = Proposal::read(&fs::read_to_string(&waiting[0]).expect("a file")).expect("a proposal");
    let missing: Vec<usize> = proposal.progress().expect("good so far").iter().map(Progress::missing).collect();
    assert_eq!((waiting.len(), missing), (1, vec![2, 0]), "the new key has signed, two of the organisation have not");
    let key = browser.text("verbundKeys.all().then((all) => all.at(-1).id)").await;
    let asked = format!("fetch('/schluessel/antrag?schluessel={key}').then((a) => a.text())");
    assert_eq!(browser.text(&asked).await, "{\"granted\":false}");
    // The act of the demonstration, which holds the root keys.
    let (address, pin) = live.world.nodes[&kitu];
    let channel = tls::channel(&address.to_string(), pin, None, Duration::from_secs(10)).expect("a channel");
    let mut client = Client::to(channel, kitu.clone(), None);
    granting::grant(&live.world, &mut client, &waiting[0]).await.expect("granted");
    assert!(granting::requests(&live.world, &kitu).is_empty());
    browser.until("document.getElementById('stand').innerText.includes('hat die Vollmacht erteilt')").await;
    browser.click("#stand a").await;
    browser.until("document.querySelector('#anmeldung button')").await;
    sign_in(browser, page, "besuch").await;
    // What is no request, for here, or by the key itself, is not laid down.
    for (body, code) in [
        ("{}", "STATEMENT_MALFORMED"),
        (&unsigned(live), "POSSESSION_MISSING"),
        (&elsewhere(), "ORG_HOSTED_ELSEWHERE"),
    ] {
        let posted =
            format!("fetch('/schluessel/antrag', {{ method: 'POST', body: {} }}).then((a) => a.text())", json!(body));
        let said = browser.text(&posted).await;
        assert!(said.contains(code), "{code}: {said}");
    }
    assert!(granting::requests(&live.world, &kitu).is_empty());
}

/// A grant that somebody else has signed for the key.
fn unsigned(live: &Live) -> String {
    let grant = wish("barleben", SecretKey::from_seed(&[41; 32]).public());
    envelope::write(&Signed::sign(
        &Kind::OfficerGrant,
        &grant,
        &[&live.world.officers[&(name("barleben"), name("einkauf"))]],
    ))
}

/// A grant of an organisation that is at home on another node.
fn elsewhere() -> String {
    let key = SecretKey::from_seed(&[42; 32]);
    envelope::write(&Signed::sign(&Kind::OfficerGrant, &wish("dataport", key.public()), &[&key]))
}

fn wish(org: &str, key: PublicKey) -> OfficerGrant {
    OfficerGrant {
        org: name(org),
        officer: name("besuch"),
        device: name("browser"),
        key,
        roles: [OfficerRole::Buyer].into(),
        limit: Cents::try_from(2_000_000).expect("an amount"),
        limit_per_year: None,
        valid_from: "2026-01-01".parse().expect("a day"),
        valid_to: "2030-12-31".parse().expect("a day"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_made_in_the_browser_counts_once_the_organisation_grants_it() {
    let Some(mut browser) = Browser::open() else { return };
    let (live, address) = node_with_page().await;
    let page = format!("http://{address}/");
    browser.visit(&format!("{page}schluessel?lang=de")).await;
    browser.until("document.getElementById('schluessel').dataset.ready").await;
    browser.fill("#org", "Barleben!").await;
    browser.click("#neu button").await;
    browser.until("document.querySelector('#stand .problem')").await;
    assert_eq!(browser.text("document.getElementById('org').value").await, "Barleben!", "what was typed stays");
    browser.fill("#org", "barleben").await;
    browser.fill("#amt", "vertretung").await;
    browser.click("#neu button").await;
    browser.until("document.querySelector('#liste .card')").await;
    assert!(main_text(&mut browser).await.contains("verbund officer grant --of barleben --for vertretung"));
    // Nobody has granted it anything yet.
    browser.visit(&format!("{page}anmelden?lang=de")).await;
    browser.until("document.querySelector('#anmeldung button')").await;
    browser.click("#anmeldung button").await;
    browser.until("document.getElementById('stand').innerText.includes('KEY_UNKNOWN')").await;
    browser.visit(&format!("{page}schluessel?lang=de")).await;
    browser.until("document.querySelector('#liste .card')").await;
    let grant = signed_by_browser(&mut browser, &live).await;
    live.node("kitu").publish(grant).await.expect("a good grant");
    sign_in(&mut browser, &page, "vertretung").await;
    assert!(main_text(&mut browser).await.contains("Nichts wartet auf Sie."));
    asks_and_waits(&mut browser, &page, &live).await;
    browser.close().await;
    live.stop_all().await;
}
