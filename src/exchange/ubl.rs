//! One leg of a sealed order as an order of UBL 2.1, the format that XBestellung profiles.
//!
//! Valid by the schema of UBL 2.1. It names no profile of Peppol or XBestellung: whether their business rules hold can
//! only their validator say, which knows end points that a federation does not.
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, Event};

use crate::domain::id::OrgId;
use crate::domain::money::Cents;
use crate::domain::price::{Component, Due};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::exchange::contract::{Contract, Leg};
use crate::exchange::tags::{Xml, text, with, within};

const ORDER: &str = "urn:oasis:names:specification:ubl:schema:xsd:Order-2";
const AGGREGATES: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2";
const BASICS: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2";

/// Units of UN/ECE Recommendation 20: a year, one.
const YEAR: &str = "ANN";
const ONE: &str = "C62";

/// The order of the leg with that number, counted from 1 at the buyer.
pub fn order(contract: &Contract, number: usize) -> Result<Vec<u8>, Refusal> {
    let leg = contract.leg(number)?;
    if leg.items.is_empty() {
        return Err(Refusal::new(Reason::EvidenceMissing).with("leg", number).with("rule", "an order has a line"));
    }
    document(contract, &leg).map_err(|error| Refusal::new(Reason::Bug).with("xml", error))
}

fn document(contract: &Contract, leg: &Leg) -> std::io::Result<Vec<u8>> {
    let (request, seal) = (contract.request, contract.seal.body());
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let root = xml.create_element("Order");
    root.with_attributes([("xmlns", ORDER), ("xmlns:cac", AGGREGATES), ("xmlns:cbc", BASICS)]).write_inner_content(
        |xml| {
            text(xml, "cbc:UBLVersionID", "2.1")?;
            text(xml, "cbc:ID", &format!("{}-{}-{}", request.order, request.attempt, leg.number))?;
            text(xml, "cbc:IssueDate", &seal.signed_at.date().to_string())?;
            text(xml, "cbc:Note", &format!("Abschluss {}", contract.seal.id()))?;
            text(xml, "cbc:DocumentCurrencyCode", "EUR")?;
            if !request.reference.is_empty() && leg.number == 1 {
                text(xml, "cbc:CustomerReference", &request.reference)?;
            }
            within(xml, "cac:BuyerCustomerParty", |xml| party(xml, contract, leg.from))?;
            within(xml, "cac:SellerSupplierParty", |xml| party(xml, contract, leg.to))?;
            within(xml, "cac:AnticipatedMonetaryTotal", |xml| money(xml, "cbc:PayableAmount", leg.total))?;
            (1..).zip(&leg.items).try_for_each(|(at, (org, part))| line(xml, contract, at, org, part))
        },
    )?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

fn party(xml: &mut Xml, contract: &Contract, org: &OrgId) -> std::io::Result<()> {
    within(xml, "cac:Party", |xml| {
        within(xml, "cac:PartyIdentification", |xml| text(xml, "cbc:ID", org.as_str()))?;
        within(xml, "cac:PartyName", |xml| text(xml, "cbc:Name", contract.name(org)))?;
        within(xml, "cac:PartyLegalEntity", |xml| text(xml, "cbc:RegistrationName", contract.name(org)))
    })
}

fn money(xml: &mut Xml, name: &str, cents: Cents) -> std::io::Result<()> {
    let euros = format!("{}.{:02}", cents.get() / 100, cents.get() % 100);
    with(xml, name, ("currencyID", "EUR"), &euros)
}

fn line(xml: &mut Xml, contract: &Contract, at: usize, org: &OrgId, part: &Component) -> std::io::Result<()> {
    let (unit, count) = match part.due {
        Due::PerYear => (YEAR, contract.request.term_years),
        _ => (ONE, 1),
    };
    within(xml, "cac:OrderLine", |xml| {
        within(xml, "cac:LineItem", |xml| {
            text(xml, "cbc:ID", &at.to_string())?;
            with(xml, "cbc:Quantity", ("unitCode", unit), &count.to_string())?;
            // The total has been computed from the same items, so this product is within its type.
            money(xml, "cbc:LineExtensionAmount", part.cents.times(count).unwrap_or(part.cents))?;
            within(xml, "cac:Price", |xml| money(xml, "cbc:PriceAmount", part.cents))?;
            within(xml, "cac:Item", |xml| {
                let due = part.due.text(part.year, Lang::De);
                let said = format!("{}, {due}, {}", part.item.text(Lang::De), contract.name(org));
                text(xml, "cbc:Description", &said)?;
                text(xml, "cbc:Name", &contract.offering.title)
            })
        })
    })
}
