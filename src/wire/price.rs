//! Prices on the wire: what a caller wants priced, and the preview with every step as messages.
use crate::domain::id::OrgId;
use crate::domain::price::quote::{Leg, PriceStep, Priced, TaxLine};
use crate::domain::price::{Party, Quantities, Tax};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::route::Route;
use crate::protocol::public::Public;
use crate::wire::catalogue::Which;
use crate::wire::pb::catalogue::v1 as pb;
use crate::wire::{parsed, required};

/// What a caller wants priced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PriceQuestion {
    /// The offering.
    pub which: Which,
    /// From buyer to provider.
    pub route: Route,
    /// Contract length; zero for the shortest.
    pub term_years: u32,
    /// What the buyer says about itself.
    pub quantities: Quantities,
}

impl TryFrom<pb::PreviewPriceRequest> for PriceQuestion {
    type Error = Refusal;

    fn try_from(message: pb::PreviewPriceRequest) -> Result<Self, Refusal> {
        let pb::PreviewPriceRequest { offering, route, term_years, uses, target_group } = message;
        let which = match required("offering", offering)? {
            pb::preview_price_request::Offering::OfferingId(id) => Which::version(&id)?,
            pb::preview_price_request::Offering::Name(name) => Which::newest(&name)?,
        };
        let parties: Result<Vec<OrgId>, Refusal> = route.iter().map(|party| parsed("route", party)).collect();
        Ok(Self { which, route: Route::new(parties?)?, term_years, quantities: Quantities { uses, target_group } })
    }
}

/// Prices with what the node knows.
pub fn answer(public: Public<'_>, wanted: &PriceQuestion) -> Result<pb::PreviewPriceResponse, Refusal> {
    let id = wanted.which.resolve(public.catalogue)?;
    let found = public.price_preview(&id, &wanted.route, wanted.term_years, wanted.quantities)?;
    let unknown = || Refusal::new(Reason::OfferingUnknown).with("id", id);
    let offering = public.catalogue.version(&id).ok_or_else(unknown)?;
    let preview = &found.preview;
    Ok(pb::PreviewPriceResponse {
        offering_id: found.offering.to_string(),
        term_years: found.term_years,
        legs: preview.legs.iter().map(Into::into).collect(),
        total_cents: preview.total.get(),
        complete: preview.is_complete(),
        taxes: preview.taxes.iter().map(Into::into).collect(),
        gross_cents: preview.gross.map(|gross| gross.get()),
        not_included: found.not_included,
        source: offering.source.clone(),
        assumptions: offering.assumed.clone(),
    })
}

impl From<&Leg> for pb::LegPrice {
    fn from(leg: &Leg) -> Self {
        let Leg { org, by, items, total } = leg;
        Self {
            org: org.to_string(),
            statement_id: by.map(|id| id.to_string()).unwrap_or_default(),
            items: items.iter().flatten().map(Into::into).collect(),
            total_cents: total.get(),
        }
    }
}

impl From<&Priced> for pb::PricedItem {
    fn from(priced: &Priced) -> Self {
        let Priced { component, steps, shares } = priced;
        let share = |(party, cents): (&Party, &crate::domain::money::Cents)| pb::PartyShare {
            party: party.to_string(),
            amount_cents: cents.get(),
        };
        Self {
            component: Some(component.into()),
            steps: steps.iter().map(Into::into).collect(),
            shares: shares.iter().map(share).collect(),
        }
    }
}

impl From<&PriceStep> for pb::PriceStep {
    fn from(step: &PriceStep) -> Self {
        let said = Self { text_de: step.text(Lang::De), text_en: step.text(Lang::En), ..Self::default() };
        match step {
            PriceStep::Uses { unit, stated, least } => Self {
                kind: "uses".to_owned(),
                weight: u64::from((*stated).max(*least).unwrap_or(0)),
                amount_cents: unit.get(),
                ..said
            },
            PriceStep::Risen { index, rate, from: _, to } => Self {
                kind: "risen".to_owned(),
                source: index.clone(),
                share_basis_points: rate.get(),
                amount_cents: to.get(),
                ..said
            },
            PriceStep::Indexed { index } => Self { kind: "indexed".to_owned(), source: index.clone(), ..said },
            // The whole and the part's own amount, the target group and the count of parties are in the sentences.
            PriceStep::Shared {
                whole: _,
                share,
                part: _,
                key,
                group: _,
                year,
                source,
                party,
                weight,
                of,
                parties: _,
                bears,
            } => Self {
                kind: "shared".to_owned(),
                key: key.word().to_owned(),
                year: *year,
                source: source.clone(),
                party: party.as_ref().map(ToString::to_string).unwrap_or_default(),
                weight: *weight,
                weight_sum: *of,
                share_basis_points: share.get(),
                amount_cents: bears.get(),
                ..said
            },
            PriceStep::Paid { who, share, cents, source } => Self {
                kind: "paid".to_owned(),
                source: source.clone(),
                party: who.as_ref().map(ToString::to_string).unwrap_or_default(),
                share_basis_points: share.get(),
                amount_cents: cents.get(),
                ..said
            },
        }
    }
}

impl From<&Tax> for pb::Tax {
    fn from(tax: &Tax) -> Self {
        let Tax { treatment, rate, reason } = tax;
        Self {
            treatment: treatment.word().to_owned(),
            rate_basis_points: rate.map_or(0, |rate| rate.get()),
            reason: reason.clone(),
        }
    }
}

impl From<&TaxLine> for pb::TaxLine {
    fn from(line: &TaxLine) -> Self {
        let TaxLine { org, tax, words, net, tax_cents } = line;
        Self {
            org: org.to_string(),
            tax: tax.as_ref().map(Into::into),
            words: words.clone(),
            net_cents: net.get(),
            tax_cents: tax_cents.map(|cents| cents.get()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::explain::fixture::{Town, by_rule};

    fn message() -> pb::PreviewPriceRequest {
        let name = pb::OfferingName { seller: "provider".to_owned(), name: "wohngeld".to_owned() };
        pb::PreviewPriceRequest {
            offering: Some(pb::preview_price_request::Offering::Name(name)),
            route: ["town", "kitu", "provider"].map(str::to_owned).into(),
            ..Default::default()
        }
    }

    #[test]
    fn a_preview_names_every_party_and_says_what_it_does_not_know() {
        let town = Town::new(by_rule());
        let found = answer(town.node.state().public(), &message().try_into().expect("well-formed")).expect("a price");
        let charged: Vec<(&str, i64)> = found.legs.iter().map(|leg| (leg.org.as_str(), leg.total_cents)).collect();
        assert_eq!(charged, [("provider", 120_000), ("kitu", 0)]);
        assert_eq!((found.total_cents, found.term_years, found.gross_cents), (120_000, 1, None));
        assert!(found.complete, "who charges nothing has said so");
        assert!(found.legs.iter().all(|leg| !leg.statement_id.is_empty()));
        assert_eq!(found.offering_id, town.offering.to_string());
        let mut silent = message();
        silent.route[1] = "loner".to_owned();
        let found = answer(town.node.state().public(), &silent.try_into().expect("well-formed")).expect("a price");
        assert!(!found.complete, "loner has published no tariff");
    }

    #[test]
    fn malformed_questions_name_the_field() {
        type Edit = fn(&mut pb::PreviewPriceRequest);
        let checks: [(Reason, Edit); 4] = [
            (Reason::FieldInvalid, |m| m.offering = None),
            (Reason::NameInvalid, |m| m.route[1] = "K I T U".to_owned()),
            (Reason::RouteInvalid, |m| m.route.truncate(1)),
            (Reason::RouteInvalid, |m| m.route[1] = "town".to_owned()),
        ];
        for (reason, edit) in checks {
            let mut message = message();
            edit(&mut message);
            assert_eq!(PriceQuestion::try_from(message).expect_err("malformed").reason, reason);
        }
        let town = Town::new(by_rule());
        let wrong: [(Reason, Edit); 2] =
            [(Reason::RouteInvalid, |m| m.route.truncate(2)), (Reason::FieldInvalid, |m| m.term_years = 21)];
        for (reason, edit) in wrong {
            let mut message = message();
            edit(&mut message);
            let wanted = message.try_into().expect("well-formed");
            assert_eq!(answer(town.node.state().public(), &wanted).expect_err("no such order").reason, reason);
        }
    }
}
