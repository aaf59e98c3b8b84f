//! What holds for every page: headers, both languages, text of others, and nothing from anywhere else.
use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::config::web::Imprint;
use crate::domain::annex::Texts;
use crate::domain::offering::{Offering, Sovereignty, Withdrawal};
use crate::protocol::explain::fixture::offering;
use crate::web::assets;
use crate::web::fixture::{Answer, Reader};
use crate::web::headers::{POLICY, POLICY_MUTE};
use crate::web::validity;

/// Every page in every state worth a look, by its address.
fn addresses(reader: &Reader, others: &[crate::domain::id::StatementId]) -> Vec<String> {
    let fixed = [
        "/",
        "/angebote",
        "/angebote?q=xyzzy",
        "/angebote?q=qqqq&topic=ZZ&price=more&seite=x",
        "/angebote?price=up-to-5000&land=SH",
        "/vergleich",
        "/vergleich?id=x",
        "/pruefen",
        "/anmelden",
        "/anmelden?weiter=/bestellungen",
        "/schluessel",
        "/bedarf",
        "/knoten",
        "/schnittstellen",
        "/barrierefreiheit",
        "/datenschutz",
        "/impressum",
        "/gibtsnicht",
        "/angebote/x",
    ];
    let mut all: Vec<String> = fixed.iter().map(|address| (*address).to_owned()).collect();
    let mut ids: Vec<String> = others.iter().map(ToString::to_string).collect();
    ids.push(reader.town.offering.to_string());
    all.extend(ids.iter().map(|id| format!("/angebote/{id}")));
    if reader.cookie.is_some() {
        all.extend(own_addresses(reader));
    }
    all.push(format!("/vergleich?{}", ids.iter().map(|id| format!("id={id}")).collect::<Vec<_>>().join("&")));
    all
}

/// What only an officer may open.
fn own_addresses(reader: &Reader) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let own = ["/dran", "/dran?seite=x", "/bestellungen", "/bestellungen?stand=4", "/bestellungen?stand=x&achtung=1"];
    all.extend(own.map(str::to_owned));
    let needs = [
        "/vollmachten",
        "/vollmachten?seite=x",
        "/bedarf/eigener",
        "/bedarf/melden",
        "/bedarf/melden?worte=&tag=x",
        "/bedarf/melden?worte=Xqn&leistungen=99107023017000&tag=2027-06-30&ueber=kitu",
    ];
    all.extend(needs.map(str::to_owned));
    let needs = ["town", "kitu"].into_iter().flat_map(|of| reader.needs_of(of));
    all.extend(needs.flat_map(|need| {
        let mandates = ["", "?hoechstens=x", "?ueber=kitu&hoechstens=9000&tag=30.6.2027"];
        let mandates = mandates.map(|said| format!("/bedarf/{need}/vollmacht{said}"));
        let withdrawals = ["", "?worte=+", "?worte=Xqo"];
        mandates.into_iter().chain(withdrawals.map(|said| format!("/bedarf/{need}/zuruecknehmen{said}")))
    }));
    all.extend(order_addresses(reader));
    let offering = reader.town.offering;
    let filled = "weg=town,kitu,provider&hoechstens=9000&jahre=2&zweck=Xq&vorgang=web-1";
    let ways = ["", filled, "hoechstens=x&pruefen=1", "jahre=99"];
    all.extend(ways.map(|way| format!("/angebote/{offering}/bestellen?{way}")));
    all.push(format!("/angebote/{offering}/bestellen?{filled}&pruefen=1"));
    all
}

/// What parties to orders may open, and what they may sign there.
fn order_addresses(reader: &Reader) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let orders = reader.town.node.state().orders.keys();
    all.extend(orders.map(|order| format!("/bestellungen/{order}")));
    all.push("/bestellungen/00000000000000000000000000000000".to_owned());
    let orders = reader.town.node.state().orders.keys();
    let acts = [
        "freigeben",
        "freigeben?worte=Xqw",
        "abschliessen",
        "beenden",
        "ansprechstelle",
        "ansprechstelle?worte=",
        "anbindung",
        "anbindung?schritt=x&worte=Xqw",
        "anbindung?schritt=routing",
        "betrieb",
        "betrieb?tag=x",
        "betrieb?tag=2027-01-04",
        "kuendigung",
        "kuendigung?tag=2027-12-31&worte=Xqw",
        "abwicklung",
        "zuruecknehmen",
        "zuruecknehmen?worte=",
        "zuruecknehmen?worte=Xqw",
        "bestaetigen",
        "x",
    ];
    all.extend(orders.flat_map(|order| acts.map(|act| format!("/bestellungen/{order}/unterschreiben/{act}"))));
    all.extend(reader.town.node.state().orders.iter().flat_map(|(order, known)| {
        let proposals = known.sealed().into_iter().flat_map(|sealed| sealed.settlements.values());
        let agreed = proposals.map(|said| format!("/{}", said.id()));
        let about = known.unsettled().into_iter().map(|id| format!("?mit=kitu&worum={id}&worte=Xqu"));
        let forms = ["".to_owned(), "?worte=+".to_owned()].into_iter().chain(about).chain(agreed);
        forms.map(move |said| format!("/bestellungen/{order}/beilegen{said}")).collect::<Vec<_>>()
    }));
    let follow = [
        "aendern",
        "aendern?hoechstens=x&worte=Xqw",
        "aendern?weg=town,kitu,provider&hoechstens=9000&jahre=2&worte=Xqw&vorgang=web-3",
        "verlaengern",
        "anderer-weg",
        "verbindlich",
        "x",
    ];
    let orders = reader.town.node.state().orders.keys();
    all.extend(orders.flat_map(|order| follow.map(|step| format!("/bestellungen/{order}/weiter/{step}"))));
    let orders = reader.town.node.state().orders.iter();
    all.extend(orders.flat_map(|(order, known)| {
        let request = known.attempts[&1].request.id();
        ["".to_owned(), "?grund=".to_owned(), format!("?worum={request}&grund=Xqe&stelle=Xqf")]
            .map(|said| format!("/bestellungen/{order}/texte-loeschen{said}"))
    }));
    all
}

fn in_language(address: &str, lang: &str) -> String {
    format!("{address}{}lang={lang}", if address.contains('?') { '&' } else { '?' })
}

/// An offering with every field, in words of no language.
fn full() -> Offering {
    Offering {
        name: "xq".parse().expect("a name"),
        title: "Xq".to_owned(),
        description: "Xqa\nXqb".to_owned(),
        topic: "Xqt".to_owned(),
        portals: vec!["Xqp".to_owned()],
        specialised_systems: vec!["Xqs".to_owned()],
        requires: crate::domain::connection::Requirement::ALL.to_vec(),
        dvdv: vec!["xq:1".to_owned()],
        sovereignty: Some(Sovereignty {
            licence: Some("EUPL-1.2".to_owned()),
            repository: Some("https://xq.example".to_owned()),
            data_location: Some("Xqd".to_owned()),
            interfaces: vec!["Xqi".to_owned()],
            d_stack: Some("Xqk".to_owned()),
        }),
        not_included: vec!["Xqn".to_owned()],
        assumed: vec!["Xqm".to_owned()],
        notice_days: Some(90),
        valid_to: Some("2030-12-31".parse().expect("a day")),
        term_years_min: 3,
        source: "Xqq".to_owned(),
        ..offering()
    }
}

/// A reader with offerings in every state.
fn reader() -> (Reader, Vec<crate::domain::id::StatementId>) {
    let imprint = Imprint { name: Some("Xq eG".to_owned()), notice: Some("Xqv".to_owned()), ..Imprint::default() };
    let mut reader = Reader::with(imprint);
    let first = reader.publish(&full());
    let second = reader.publish(&Offering { version: 2, ..full() });
    let gone = reader.publish(&Offering { name: "xr".parse().expect("a name"), ..full() });
    let (name, seller) = ("xr".parse().expect("a name"), offering().seller);
    reader.withdraw(&Withdrawal { name, version: 1, seller, reason: "Xqr".to_owned() });
    for (of, leika) in [("town", "99107023017000"), ("kitu", "99012070001000")] {
        reader.need(of, leika);
    }
    (reader, vec![first, second, gone])
}

/// The same by an officer of the town, with orders in several stages.
async fn officer(of: &str, office: &str) -> (Reader, Vec<crate::domain::id::StatementId>) {
    let (mut reader, others) = reader();
    let dear = crate::domain::money::Cents::try_from(2_000_000).expect("an amount");
    let words = reader.words(Texts { purpose: "Xqz".to_owned(), choice: "Xqy".to_owned(), ..Texts::default() });
    reader.town.order("eins", |request| request.annex = words);
    reader.town.order("zwei", |request| request.total_max = dear);
    let sealed = reader.town.order("drei", |request| request.annex = words);
    reader.town.seal(sealed).expect("sealed");
    let about = reader.town.contradict(sealed);
    reader.sign_in("kitu", "leitung").await;
    let proposed = format!("/bestellungen/{sealed}/beilegen?mit=town&worum={about}&worte=Xqs");
    let page = reader.get(&proposed).await.ok();
    let proposal = reader.sign(&page, &crate::domain::statement::Kind::Settlement, "kitu", "leitung");
    reader.hand_in(&proposal).await.ok();
    reader.sign_in(of, office).await;
    (reader, others)
}

/// Everyone who may look at a page.
async fn everyone() -> Vec<(Reader, Vec<crate::domain::id::StatementId>)> {
    vec![
        reader(),
        officer("town", "leitung").await,
        officer("town", "einkauf").await,
        officer("provider", "leitung").await,
    ]
}

#[tokio::test]
async fn every_answer_has_the_headers() {
    let (reader, others) = reader();
    let mut all = addresses(&reader, &others);
    all.push(assets::href("kern.css"));
    all.push("/assets/nothing.css".to_owned());
    all.push(format!("/angebote/{}/bytes", others[0]));
    all.push(format!("/angebote?q={}", "x".repeat(9_000)));
    for address in all {
        let answer = reader.get(&address).await;
        let policy = if address == "/pruefen" { POLICY_MUTE } else { POLICY };
        assert_eq!(answer.header("content-security-policy"), policy, "{address}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("strict-transport-security", ""),
            ("set-cookie", ""),
        ] {
            assert_eq!(answer.header(name), value, "{address}: {name}");
        }
        assert!(answer.header("permissions-policy").contains("camera=()"), "{address}");
        assert!(!answer.header("cache-control").is_empty(), "{address}");
    }
    let encrypted = reader.encrypted();
    assert_eq!(encrypted.get("/").await.header("strict-transport-security"), "max-age=31536000");
}

#[test]
fn the_policy_lets_nothing_be_written_into_a_page_and_nothing_from_elsewhere() {
    for policy in [POLICY, POLICY_MUTE] {
        assert!(policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"));
        for open in ["unsafe", "http:", "https:", "data:", "*", "nonce"] {
            assert!(!policy.contains(open), "{open}");
        }
    }
}

/// Addresses that a page names, to be loaded or to be followed.
fn named(html: &str) -> BTreeSet<String> {
    let attributes = ["href=\"", "src=\"", "action=\"", "hx-get=\""];
    let values = attributes.iter().flat_map(|attribute| html.split(attribute).skip(1));
    values.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

/// No script or style within a page, no other host, and every link leads somewhere.
#[tokio::test]
async fn pages_need_nothing_but_the_node_and_no_link_is_dead() {
    for (reader, others) in everyone().await {
        needs_nothing(&reader, &others).await;
    }
}

async fn needs_nothing(reader: &Reader, others: &[crate::domain::id::StatementId]) {
    let mut links = BTreeSet::new();
    for address in addresses(reader, others) {
        let html = reader.get(&in_language(&address, "de")).await.text;
        for forbidden in
            ["<style", "style=", "onclick", "onload", "javascript:", "<iframe", "<img", "hx-on", "http-equiv"]
        {
            assert!(!html.contains(forbidden), "{address}: {forbidden}");
        }
        assert_eq!(html.matches("<script").count(), html.matches("<script src=\"/assets/").count(), "{address}");
        links.extend(named(&html));
    }
    for link in &links {
        assert!(link.starts_with('/') || link.starts_with('#'), "{link} leaves the node");
        if link.contains("gibtsnicht") || link.starts_with('#') || link.starts_with("/abmelden") {
            continue;
        }
        let address = link.replace("&amp;", "&").replace("&#38;", "&");
        let address = address.split('#').next().unwrap_or_default();
        let status = reader.get(address).await.status;
        let is_wrong_on_purpose = [
            "/zuruecknehmen",
            "/melden",
            "/vollmacht",
            "seite=x",
            "id=x",
            "/angebote/x",
            "stand=x",
            "/bestellungen/0000",
            "/bestellen",
            "/unterschreiben/",
            "/beilegen",
            "/weiter/",
            "/texte-loeschen",
        ]
        .iter()
        .any(|wrong| address.contains(wrong));
        assert!(status == StatusCode::OK || is_wrong_on_purpose, "{link}: {status}");
    }
    assert!(links.len() > 40, "{links:?}");
}

/// Whether a tag says that its content is in another language or in none.
fn is_foreign(tag: &str, own: &str) -> bool {
    let is_other = tag.contains(" lang=\"") && !tag.contains(&format!(" lang=\"{own}\""));
    is_other || tag.contains("translate=\"no\"")
}

/// What people read of a page: text and labels, without what is marked as being in another language.
fn read(html: &str) -> String {
    let (mut text, mut rest) = (String::new(), html);
    let mut foreign: Option<(String, usize)> = None;
    let own = if html.contains("<html lang=\"de\"") { "de" } else { "en" };
    while let Some((before, after)) = rest.split_once('<') {
        let (tag, behind) = after.split_once('>').expect("tags are closed");
        if foreign.is_none() {
            text.push_str(before);
            text.push(' ');
        }
        rest = behind;
        let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        foreign = match foreign {
            Some((outer, depth)) if outer == name => match (tag.starts_with('/'), depth) {
                (true, 0) => None,
                (true, depth) => Some((outer, depth - 1)),
                (false, depth) => Some((outer, depth + 1)),
            },
            Some(outer) => Some(outer),
            None if is_foreign(tag, own) => Some((name, 0)),
            None => {
                for label in ["aria-label=\"", "placeholder=\"", "title=\"", "alt=\""] {
                    let value = tag.split(label).nth(1).and_then(|rest| rest.split('"').next());
                    text.push_str(value.unwrap_or_default());
                    text.push(' ');
                }
                None
            }
        };
    }
    text
}

/// Words that stand in nearly every sentence of one language and in none of the other.
const GERMAN: [&str; 24] = [
    "der",
    "die",
    "das",
    "und",
    "nicht",
    "ist",
    "ein",
    "eine",
    "mit",
    "für",
    "von",
    "zu",
    "auf",
    "Angebot",
    "Angebote",
    "Knoten",
    "Seite",
    "Fassung",
    "Anbieter",
    "Preis",
    "Jahr",
    "keine",
    "Zurückgezogen",
    "Stand",
];
const ENGLISH: [&str; 22] = [
    "the",
    "and",
    "not",
    "is",
    "are",
    "with",
    "for",
    "of",
    "to",
    "offering",
    "offerings",
    "node",
    "nodes",
    "page",
    "seller",
    "price",
    "year",
    "years",
    "this",
    "what",
    "withdrawn",
    "version",
];

/// Every page with every state in both languages: no word of the one is left in the other.
#[tokio::test]
async fn no_word_of_the_other_language_is_left() {
    for (reader, others) in everyone().await {
        has_one_language(&reader, &others).await;
    }
}

async fn has_one_language(reader: &Reader, others: &[crate::domain::id::StatementId]) {
    for address in addresses(reader, others) {
        for (lang, foreign) in [("de", &ENGLISH[..]), ("en", &GERMAN[..])] {
            let answer = reader.get(&in_language(&address, lang)).await;
            assert!(answer.text.contains(&format!("<html lang=\"{lang}\"")), "{address}");
            assert_eq!(answer.header("content-language"), lang, "{address}");
            let text = read(&answer.text);
            let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphabetic()).collect();
            let left: Vec<&&str> = foreign.iter().filter(|word| words.contains(**word)).collect();
            assert!(left.is_empty(), "{address} in {lang}: {left:?} in {text}");
        }
    }
}

/// What helps people with screen readers and keyboards, on every page.
#[tokio::test]
async fn every_page_has_its_landmarks() {
    for (reader, others) in everyone().await {
        has_landmarks(&reader, &others).await;
    }
}

async fn has_landmarks(reader: &Reader, others: &[crate::domain::id::StatementId]) {
    for address in addresses(reader, others) {
        let html = reader.get(&address).await.text;
        for (part, count) in [
            ("<main id=\"inhalt\"", 1),
            ("<h1", 1),
            ("<header", 1),
            ("<footer", 1),
            ("class=\"skip", 1),
            ("</html>", 1),
            ("name=\"viewport\"", 1),
        ] {
            assert_eq!(html.matches(part).count(), count, "{address}: {part}");
        }
        let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(all, ids.len(), "{address}: an id twice");
        for label in html.split("<label").skip(1) {
            let of = label
                .split("for=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next())
                .expect("a label names its field");
            assert!(ids.contains(&of), "{address}: {of}");
        }
        for tag in html.split('<').skip(1).filter(|tag| !tag.starts_with("meta")) {
            let tag = tag.split('>').next().unwrap_or_default();
            let mut outside = tag.split('"').step_by(2).skip(1);
            let is_apart = outside.all(|between| between.is_empty() || between.starts_with(' '));
            let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
            assert!(
                is_apart && name.len() <= 10 && !name.contains("open") && !name.contains("lang"),
                "{address}: <{tag}>"
            );
        }
        for level in 2..=3 {
            let deeper = html.find(&format!("<h{}", level + 1));
            assert!(
                deeper.is_none_or(|at| html[..at].contains(&format!("<h{level}"))),
                "{address}: h{level} is skipped"
            );
        }
    }
}

/// As the standard has it, in both languages.
#[tokio::test]
async fn every_page_is_valid_html() {
    let mut faults = std::collections::BTreeMap::new();
    for (reader, others) in everyone().await {
        for address in addresses(&reader, &others) {
            for lang in ["de", "en"] {
                let html = reader.get(&in_language(&address, lang)).await.text;
                let found = validity::faults(&html).into_iter().map(|fault| (fault, format!("{address} in {lang}")));
                faults.extend(found);
            }
        }
    }
    assert!(faults.is_empty(), "each with a page that has it: {faults:#?}");
}

#[tokio::test]
async fn text_of_others_does_nothing_in_a_page() {
    let evil = "<script>alert(1)</script>\"'><b>&amp;";
    let mut reader =
        Reader::with(Imprint { name: Some(evil.to_owned()), notice: Some(evil.to_owned()), ..Imprint::default() });
    let id = reader.publish(&Offering {
        title: evil.to_owned(),
        description: evil.to_owned(),
        topic: evil.to_owned(),
        not_included: vec![evil.to_owned()],
        assumed: vec![evil.to_owned()],
        portals: vec![evil.to_owned()],
        source: evil.to_owned(),
        ..full()
    });
    let typed = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22'%3E%3Cb%3E";
    for address in [
        "/".to_owned(),
        "/impressum".to_owned(),
        "/datenschutz".to_owned(),
        "/angebote".to_owned(),
        format!("/angebote?q={typed}"),
        format!("/angebote?topic={typed}&portal={typed}"),
        format!("/angebote?seite={typed}"),
        format!("/angebote/{id}"),
        format!("/angebote/{typed}"),
        format!("/vergleich?id={id}"),
        format!("/vergleich?id={typed}"),
        format!("/{typed}"),
        format!("/?lang={typed}"),
        format!("/knoten?{typed}={typed}"),
    ] {
        let html = reader.get(&address).await.text;
        assert_eq!(html.matches("<script").count(), 1, "{address}: {html}");
        assert!(!html.contains("<b>") && !html.contains("\"'>"), "{address}: {html}");
    }
}

/// What a request says of itself, to those who are asked to decide on it, and what somebody types who signs in or orders.
#[tokio::test]
async fn what_officers_write_does_nothing_in_a_page() {
    let evil = "<script>alert(1)</script>\"'><b>&amp;";
    let typed = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22'%3E%3Cb%3E";
    let mut reader = Reader::new();
    let id = reader.publish(&Offering { title: evil.to_owned(), ..full() });
    let words = reader.words(Texts { purpose: evil.to_owned(), choice: evil.to_owned(), ..Texts::default() });
    let order = reader.town.order("eins", |request| {
        request.offering = id;
        request.term_years = 3;
        request.annex = words;
        request.reference = evil.to_owned();
    });
    reader.sign_in("town", "einkauf").await;
    let pages = [
        "/dran".to_owned(),
        "/bestellungen".to_owned(),
        format!("/bestellungen/{order}"),
        format!("/bestellungen/{order}/unterschreiben/beenden"),
        format!("/bestellungen/{order}/unterschreiben/{typed}"),
        format!(
            "/angebote/{id}/bestellen?weg={typed}&hoechstens={typed}&jahre={typed}&zweck={typed}&vorgang={typed}&pruefen=1"
        ),
        format!(
            "/angebote/{id}/bestellen?weg=town,kitu,provider&hoechstens=9&jahre=3&zweck={typed}&zeichen={typed}&vorgang=a&pruefen=1"
        ),
    ];
    for address in pages.into_iter().chain([format!("/bestellungen/{typed}"), format!("/dran?seite={typed}")]) {
        let html = reader.get(&address).await.text;
        assert_eq!(
            html.matches("<script").count(),
            html.matches("<script src=\"/assets/").count(),
            "{address}: {html}"
        );
        assert!(!html.contains("<b>") && !html.contains("\"'>"), "{address}: {html}");
    }
    for address in [format!("/anmelden?weiter={typed}"), format!("/anmelden?weiter=/{typed}")] {
        let html = reader.get(&address).await.text;
        assert_eq!(
            html.matches("<script").count(),
            html.matches("<script src=\"/assets/").count(),
            "{address}: {html}"
        );
        assert!(!html.contains("<b>") && !html.contains("\"'>"), "{address}: {html}");
    }
}

#[tokio::test]
async fn the_language_is_the_address_s_else_the_browser_s() {
    let reader = Reader::new();
    let asked = |address: &str, accept: &str| {
        let request = Request::get(address).header("accept-language", accept).body(Body::empty()).expect("a request");
        reader.ask(request)
    };
    let lang = |answer: Answer| answer.header("content-language").to_owned();
    assert_eq!(lang(asked("/", "en-GB,en;q=0.9,de;q=0.8").await), "en");
    assert_eq!(lang(asked("/", "fr").await), "de");
    assert_eq!(lang(asked("/?lang=de", "en").await), "de");
    assert_eq!(lang(asked("/?lang=en", "de").await), "en");
    assert_eq!(lang(asked("/?lang=xx", "en").await), "en");
    let chosen = reader.get("/angebote?lang=en&q=wohngeld").await.ok();
    assert!(chosen.contains("href=\"/knoten?lang=en\""), "links keep the language: {chosen}");
    assert!(
        !reader.get("/angebote").await.ok().contains("href=\"/knoten?lang"),
        "and name it only where it was chosen"
    );
    let switch = ["/angebote?q=wohngeld&amp;lang=de", "/angebote?q=wohngeld&#38;lang=de"];
    assert!(switch.iter().any(|switch| chosen.contains(switch)), "{chosen}");
}

#[tokio::test]
async fn what_does_not_exist_is_a_page_with_a_way_on() {
    let reader = Reader::new();
    for address in ["/gibtsnicht", "/angebote/", "/assets", "/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"] {
        let answer = reader.get(address).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{address}");
        assert!(
            answer.text.contains("PAGE_UNKNOWN") && answer.text.contains("href=\"/angebote\""),
            "{}",
            answer.text
        );
    }
    for method in ["POST", "PUT", "DELETE"] {
        let request = Request::builder().method(method).uri("/angebote").header("sec-fetch-site", "same-origin");
        let answer = reader.ask(request.body(Body::from("x")).expect("a request")).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    let head = Request::head("/angebote").body(Body::empty()).expect("a request");
    let head = reader.ask(head).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn files_are_kept_for_ever_and_change_their_name_with_their_content() {
    let reader = Reader::new();
    let page = reader.get("/").await.ok();
    for name in ["kern.css", "verbund.css", "htmx.js", "verbund.svg"] {
        let address = assets::href(name);
        assert!(page.contains(&format!("\"{address}\"")), "{address}");
        let file = reader.get(&address).await;
        assert_eq!(
            (file.status, file.header("cache-control")),
            (StatusCode::OK, "public, max-age=31536000, immutable")
        );
        assert!(!file.header("content-type").is_empty() && !file.body.is_empty());
        assert_eq!(
            reader.get(&format!("/assets/{name}")).await.status,
            StatusCode::NOT_FOUND,
            "{name} without its hash"
        );
    }
    assert_eq!(reader.get("/").await.header("cache-control"), "no-cache");
    assert_eq!(reader.get("/").await.header("vary"), "accept-language");
}

/// Without files, which a browser keeps.
#[tokio::test]
async fn a_page_is_small() {
    let (mut reader, _) = reader();
    for number in 0..40 {
        reader.publish(&Offering { name: format!("dienst-{number}").parse().expect("a name"), ..full() });
    }
    for address in ["/", "/angebote", "/angebote?q=xq", "/knoten", "/schnittstellen"] {
        let bytes = reader.get(address).await.body.len();
        assert!(bytes < 100 * 1024, "{address}: {bytes} bytes");
    }
}
