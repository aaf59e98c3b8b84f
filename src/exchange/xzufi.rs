//! XZuFi 2.2, the standard of portals and editorial systems: offerings as *Leistungen*, in and out.
//!
//! ```text
//! schreibe/leistung/id[@schemeAgencyID]        SELLER/NAME, with our own agency; any other id becomes the name
//!   idSekundaer[@schemeAgencyID=OZG]           OZG-ID            referenzLeiKa/code        LeiKa keys
//!   modulText/leikaTextmodul/code 02, 06       title, text       typisierung/code          LeiKa types
//!   kategorie/bezeichnung                      Themenfeld        gueltigkeitGebietID       regional keys
//!   gueltigkeit/beginn, ende                   validity          versionsinformation/version
//! loesche/leistung/id                          the only thing that deletes
//! ```
//!
//! It has no place for prices, terms and sources: whoever imports gives them, and an offering made from it says that its
//! price is not stated. Names are as read by free parsers of the standard; the schema itself is not at hand, and root and
//! order of elements are to be checked with it before a portal is fed.
use std::io::Write as _;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, Event};

use crate::domain::id::{Hash, OrgId};
use crate::domain::offering::Offering;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::Area;
use crate::domain::time::{Date, Timestamp};
use crate::exchange::finding::{Fate, Finding, Import};
use crate::exchange::markup::{html, plain};
use crate::exchange::offerings::{Draft, Given, Known};
use crate::exchange::tags::{Xml, text, with, within};
use crate::exchange::xml::{Element, Record, records};

/// The namespace of version 2.2.
pub const NAMESPACE: &str = "http://xoev.de/schemata/xzufi/2_2_0";

/// Who gave our ids.
const AGENCY: &str = "verbund";

/// Text modules: the name of a service, its full text, its short text.
const NAME: &str = "02";
const FULL: &str = "06";
const SHORT: &str = "05";

/// Most services in one file of an export: portals set a whole file aside for one fault.
pub const FILE_SERVICES_MAX: usize = 500;

/// Longest title of an offering, in characters.
const TITLE_CHARS_MAX: usize = 200;

/// Reads the services of a file. A bad one is left out, with every fault told; a deleted one is told as such.
pub fn read(bytes: &[u8], given: &Given, seen: &mut Known) -> Result<Import<Offering>, Refusal> {
    let found = records(bytes, &["leistung"])?;
    let version = found.root.attribute("xzufiVersion");
    if !version.is_empty() && !version.starts_with("2.") {
        return Err(Refusal::new(Reason::XmlInvalid).with("xzufiVersion", version).with("expected", "2.2"));
    }
    let mut import = Import { taken: Vec::new(), findings: found.findings, records: found.records };
    for Record { inside, element } in &found.whole {
        if inside == "loesche" {
            let refusal = Refusal::new(Reason::TombstoneFound).with("id", element.first(&["id"]));
            let field = "loesche".to_owned();
            import.findings.push(Finding { line: element.line, field, refusal, fate: Fate::RecordLeftOut });
            continue;
        }
        let mut draft = Draft::new(given);
        let (offering, remarks) = offering(&mut draft, element);
        import.take(offering, draft, element.line, seen);
        import.findings.extend(remarks);
    }
    import.findings.sort_by_key(|finding| finding.line);
    Ok(import)
}

fn texts(element: &Element, path: &[&str]) -> Vec<String> {
    element.all(path).into_iter().map(|found| found.text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

/// The content of a text module: the German one, or the first there is.
fn module<'e>(element: &'e Element, code: &str) -> Option<&'e Element> {
    let modules = element.children.iter().filter(|child| child.name == "modulText");
    let module = modules.into_iter().find(|module| module.first(&["leikaTextmodul", "code"]) == code)?;
    let contents = || module.children.iter().filter(|child| child.name == "inhalt");
    contents().find(|content| content.attribute("languageCode") == "de").or_else(|| contents().next())
}

/// The text of a module without markup; a remark where something was dropped.
fn described(element: &Element, code: &str, remarks: &mut Vec<Finding>) -> Option<String> {
    let content = module(element, code)?;
    let (text, dropped) = plain(&content.text);
    if dropped {
        let (field, refusal) = (format!("modulText {code}"), Refusal::new(Reason::MarkupDropped));
        remarks.push(Finding { line: content.line, field, refusal, fate: Fate::Taken });
    }
    Some(text).filter(|text| !text.is_empty())
}

/// A day of the validity. Portals write times as well, and the far ends of the calendar for an open one.
fn day(draft: &mut Draft, element: &Element, which: &str) -> Option<Date> {
    match element.first(&["gueltigkeit", which]) {
        "" => None,
        text if text.starts_with("2999") || text.starts_with("9999") => None,
        text => draft.parsed::<Date>(which, text.get(..10).unwrap_or(text)),
    }
}

fn offering(draft: &mut Draft, element: &Element) -> (Option<Offering>, Vec<Finding>) {
    let given = draft.given();
    let mut remarks = Vec::new();
    // A name is no HTML: whatever looks like a tag in it is text.
    let title = module(element, NAME).map(|content| content.text.trim().replace('\n', " ")).filter(|t| !t.is_empty());
    let full = described(element, FULL, &mut remarks);
    let description = full.or_else(|| described(element, SHORT, &mut remarks)).unwrap_or_default();
    let (seller, name) = identity(draft, element);
    let valid_from = day(draft, element, "beginn").or(given.valid_from);
    let valid_to = day(draft, element, "ende");
    let areas: Vec<String> = texts(element, &["gueltigkeitGebietID"]).iter().map(|text| unpadded(text)).collect();
    let (topic, source) = (element.first(&["kategorie", "bezeichnung"]), given.source.as_ref());
    let ozg = element
        .children
        .iter()
        .find(|child| child.name == "idSekundaer" && child.attribute("schemeAgencyID") == "OZG");
    for (field, is_missing) in [
        ("title", title.is_none()),
        ("term_years_min", given.term_years_min.is_none()),
        ("valid_from", valid_from.is_none()),
    ] {
        if is_missing {
            draft.missing(field);
        }
    }
    let made = move |draft: &mut Draft| {
        let version = element.first(&["versionsinformation", "version"]);
        Some(Offering {
            requires: Vec::new(),
            dvdv: Vec::new(),
            sovereignty: None,
            references: Vec::new(),
            version: if version.is_empty() { 1 } else { draft.number("version", version)? },
            title: title.map(|title| title.chars().take(TITLE_CHARS_MAX).collect())?,
            description,
            leika: draft.each("leika", &texts(element, &["referenzLeiKa", "code"])),
            ozg: ozg.and_then(|ozg| draft.parsed("ozg", ozg.text.trim())),
            leika_types: texts(element, &["typisierung", "code"]),
            topic: draft.text("topic", topic, given.topic.as_ref()),
            lead_land: None,
            efa_confirmed: false,
            coverage: draft.coverage(&areas),
            maturity: None,
            connection: Vec::new(),
            portals: Vec::new(),
            specialised_systems: Vec::new(),
            price: Vec::new(),
            not_included: Vec::new(),
            notice_days: None,
            valid_to,
            source: draft.text("source", "", source),
            assumed: vec![
                "Der Preis steht nicht in der Quelle und ist vor der Veröffentlichung zu ergänzen.".to_owned(),
            ],
            seller: seller?,
            name: name?,
            term_years_min: given.term_years_min?,
            valid_from: valid_from?,
        })
    };
    (made(draft), remarks)
}

/// Seller and name: as we wrote them, or the one given and the foreign id as a name.
fn identity(draft: &mut Draft, element: &Element) -> (Option<OrgId>, Option<OrgId>) {
    let given = draft.given().seller.clone();
    let Some(id) = element.children.iter().find(|child| child.name == "id") else {
        draft.missing("id");
        return (None, None);
    };
    let text = id.text.trim();
    if let Some((seller, name)) = text.split_once('/').filter(|_| id.attribute("schemeAgencyID") == AGENCY) {
        return (draft.parsed("id", seller), draft.parsed("id", name));
    }
    (draft.or_given("seller", "", given), draft.parsed("id", &as_name(text)))
}

/// An id of others as a name of ours: `L100002.LB.121332951` becomes `l100002-lb-121332951`.
fn as_name(id: &str) -> String {
    let parts = id.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// Portals fill keys of Länder and of all of Germany up to twelve digits with zeros.
fn unpadded(key: &str) -> String {
    match key {
        "000000000000" | "00" => "*".to_owned(),
        _ if key.len() == 12 && key.ends_with("0000000000") => key[..2].to_owned(),
        _ => key.to_owned(),
    }
}

/// Files of services with their names, and the index that names every one of them: always all, in the order of sellers and
/// names, so that nothing is deleted elsewhere because it is missing here. `made` is what the messages say of their time.
pub fn write(offerings: &[Offering], made: Timestamp) -> Result<Vec<(String, Vec<u8>)>, Refusal> {
    let mut sorted: Vec<&Offering> = offerings.iter().collect();
    sorted.sort_by_key(|offering| (&offering.seller, &offering.name));
    let mut files = Vec::new();
    for (at, part) in sorted.chunks(FILE_SERVICES_MAX).enumerate() {
        let name = format!("leistungen-{:04}.xml", at + 1);
        let bytes = message(part, made, &name).map_err(|error| Refusal::new(Reason::Bug).with("xml", error))?;
        files.push((name, bytes));
    }
    if files.is_empty() {
        // An index of nothing would ask portals to delete everything.
        return Err(Refusal::new(Reason::ListIncomplete).with("offerings", 0));
    }
    let index: String = files.iter().map(|(name, _)| format!("{name}\n")).collect();
    files.push((INDEX.to_owned(), index.into_bytes()));
    Ok(files)
}

/// The name of the index.
pub const INDEX: &str = "index.txt";

fn message(offerings: &[&Offering], made: Timestamp, name: &str) -> std::io::Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let root = xml.create_element("xzufi:transfer.operation.040401");
    let made = made.to_string();
    let mut content = Writer::new(Vec::new());
    offerings.iter().try_for_each(|offering| service(&mut content, offering))?;
    let number = uuid(name, &content.into_inner());
    root.with_attributes([("xmlns:xzufi", NAMESPACE), ("xzufiVersion", "2.2.0")]).write_inner_content(|xml| {
        within(xml, "xzufi:nachrichtenkopf", |xml| {
            text(xml, "xzufi:nachrichtUUID", &number)?;
            text(xml, "xzufi:erstelltDatumZeit", &made)
        })?;
        offerings.iter().try_for_each(|offering| {
            within(xml, "xzufi:schreibe", |xml| within(xml, "xzufi:leistung", |xml| service(xml, offering)))
        })
    })?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

/// The number of a message: the same content has the same one (RFC 9562, version 8).
fn uuid(name: &str, content: &[u8]) -> String {
    let hex = Hash::of(&[name.as_bytes(), content].concat()).to_string();
    format!("{}-{}-8{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

fn service(xml: &mut Xml, offering: &Offering) -> std::io::Result<()> {
    let id = format!("{}/{}", offering.seller, offering.name);
    with(xml, "xzufi:id", ("schemeAgencyID", AGENCY), &id)?;
    if let Some(ozg) = &offering.ozg {
        with(xml, "xzufi:idSekundaer", ("schemeAgencyID", "OZG"), ozg.as_str())?;
    }
    for key in &offering.leika {
        within(xml, "xzufi:referenzLeiKa", |xml| text(xml, "code", key.as_str()))?;
    }
    for (code, content) in [(NAME, offering.title.clone()), (FULL, html(&offering.description))] {
        within(xml, "xzufi:modulText", |xml| {
            with(xml, "xzufi:inhalt", ("languageCode", "de"), &content)?;
            within(xml, "xzufi:leikaTextmodul", |xml| text(xml, "code", code))
        })?;
    }
    for code in &offering.leika_types {
        within(xml, "xzufi:typisierung", |xml| text(xml, "code", code))?;
    }
    within(xml, "xzufi:kategorie", |xml| with(xml, "xzufi:bezeichnung", ("languageCode", "de"), &offering.topic))?;
    for area in &offering.coverage {
        let scheme = ("schemeID", "urn:de:bund:destatis:bevoelkerungsstatistik:schluessel:rs");
        with(xml, "xzufi:gueltigkeitGebietID", scheme, key_of(area))?;
    }
    within(xml, "xzufi:gueltigkeit", |xml| {
        text(xml, "xzufi:beginn", &offering.valid_from.to_string())?;
        offering.valid_to.map_or(Ok(()), |end| text(xml, "xzufi:ende", &end.to_string()))
    })?;
    within(xml, "xzufi:versionsinformation", |xml| text(xml, "xzufi:version", &offering.version.to_string()))?;
    xml.get_mut().flush()
}

fn key_of(area: &Area) -> &str {
    if area.as_str() == "*" { "000000000000" } else { area.as_str() }
}
