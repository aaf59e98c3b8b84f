//! What an officer wishes to order: terms on the command line, the route chosen, everything a request is made of.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::cli::chain::{AwardKind, verdict_of};
use crate::cli::options::PriceNeeds;
use crate::domain::annex::Texts;
use crate::domain::grounds::Grounds;
use crate::domain::id::{OrgId, StatementId};
use crate::domain::law::{Award, Verdict};
use crate::domain::money::Cents;
use crate::domain::order::gathered::Gathered;
use crate::domain::order::{Amends, AutoSeal, CONSIDERED_MAX, Considered, Mode};
use crate::domain::price::Quantities;
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::route::Route;
use crate::domain::time::Date;
use crate::wire::pb::chain::v1::FindRoutesResponse;

/// A day in milliseconds.
pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Route, days and conditions of a request.
#[derive(clap::Args, Clone)]
pub struct RequestTerms {
    /// Nummer des Weges aus `chain routes`; der erste, wenn nicht genannt, bei `reroute` der erste noch nicht versuchte
    #[arg(long, value_name = "ZAHL")]
    pub route: Option<usize>,
    /// Statt der Nummer: alle Beteiligten vom Besteller zum Anbieter
    #[arg(long, value_delimiter = ',', value_name = "ORG,ORG,…")]
    pub via: Vec<OrgId>,
    /// Tag der Vergabe; heute, wenn nicht genannt
    #[arg(long, value_name = "JJJJ-MM-TT")]
    pub as_of: Option<String>,
    /// Tage bis zum vollständigen Angebot
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=90))]
    pub quote_days: i64,
    /// Tage bis zum Abschluss
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(i64).range(1..=180))]
    pub seal_days: i64,
    /// Sofort abschließen, wenn jeder Schritt erfüllt ist und der Preis passt
    #[arg(long)]
    pub auto_seal: bool,
    /// Dabei auch Schritte annehmen, die auf Annahmen beruhen
    #[arg(long)]
    pub accept_assumed: bool,
    /// What the price depends on.
    #[command(flatten)]
    pub needs: PriceNeeds,
    /// Art des Auftrags
    #[arg(long, value_enum, default_value_t = AwardKind::General)]
    pub award: AwardKind,
    /// Eigenes Zeichen, z. B. Leitweg-ID
    #[arg(long, default_value = "")]
    pub reference: String,
}

/// Everything an officer decides about a request.
#[derive(Serialize, Deserialize)]
pub struct Wish {
    /// The officer's own number for it.
    pub request_id: String,
    /// Which attempt of the order.
    pub attempt: u32,
    /// Whether it binds.
    pub mode: Mode,
    /// The route.
    pub route: Route,
    /// The offering's statement.
    pub offering: StatementId,
    /// The rule pack's statement.
    pub rule_pack: StatementId,
    /// What kind of contract it is.
    pub award: Award,
    /// Day of award.
    pub as_of: Date,
    /// Day on which the procedure began, if with an earlier attempt.
    #[serde(default)]
    pub procedure_began: Option<Date>,
    /// Contract length.
    pub term_years: u32,
    /// Price cap.
    pub total_max: Cents,
    /// Time until the chain must be complete.
    pub quote_ms: i64,
    /// Time until the seal.
    pub seal_ms: i64,
    /// Leave to seal without another look.
    pub auto_seal: Option<AutoSeal>,
    /// What the price depends on.
    pub quantities: Quantities,
    /// The buyer's own reference.
    pub reference: String,
    /// The routes there were to choose from.
    pub considered: Vec<Considered>,
    /// For the record.
    pub grounds: Grounds,
    /// In words: what it is needed for, why this was chosen.
    #[serde(default)]
    pub words: Texts,
    /// The sealed order it changes.
    pub amends: Option<Amends>,
    /// The members for whom it orders.
    #[serde(rename = "bundle")]
    pub gathered: Option<Gathered>,
}

impl Wish {
    /// What an officer is told before signing for a route on which the reading of the law is contested: the best one found
    /// that is not, with price and length.
    pub fn contested_hint(&self, lang: Lang) -> Option<String> {
        let contested = |seen: &&Considered| seen.route == self.route && seen.verdict == Verdict::Contested;
        self.considered.iter().find(contested)?;
        let instead = self.considered.iter().find(|seen| seen.verdict == Verdict::Fulfilled);
        Some(match (instead, lang) {
            (Some(seen), _) => {
                let legs = seen.route.parties().len() - 1;
                let price = seen.total.map(|total| format!(", {}", total.text(lang))).unwrap_or_default();
                match lang {
                    Lang::De => format!(
                        "Achtung: Dieser Weg ist rechtlich umstritten. Unbestritten ist {}, {legs} Schritte{price}.",
                        seen.route
                    ),
                    Lang::En => format!(
                        "Note: this route is contested in law. Not contested is {}, {legs} legs{price}.",
                        seen.route
                    ),
                }
            }
            (None, Lang::De) => {
                "Achtung: Dieser Weg ist rechtlich umstritten; ein unbestrittener wurde nicht gefunden.".to_owned()
            }
            (None, Lang::En) => "Note: this route is contested in law; none was found that is not.".to_owned(),
        })
    }
}

impl RequestTerms {
    /// Whether the officer says which way it goes.
    pub fn names_route(&self) -> bool {
        self.route.is_some() || !self.via.is_empty()
    }

    /// The route named; if none is, the first one found that has not been tried.
    pub fn way(&self, found: &FindRoutesResponse, tried: &BTreeSet<Vec<String>>) -> Result<Route, Refusal> {
        if !self.via.is_empty() {
            return Route::new(self.via.clone());
        }
        let untried = found.routes.iter().position(|route| !tried.contains(&route.parties));
        match (self.route, untried) {
            (Some(number), _) => chosen(found, number),
            (None, Some(index)) => chosen(found, index + 1),
            (None, None) => Err(no_route(found).with("tried", tried.len())),
        }
    }
}

/// The route of that number, counted from 1.
pub fn chosen(found: &FindRoutesResponse, number: usize) -> Result<Route, Refusal> {
    if found.routes.is_empty() {
        return Err(no_route(found));
    }
    let route = number.checked_sub(1).and_then(|index| found.routes.get(index));
    let refuse = || Refusal::new(Reason::FieldInvalid).with("field", "route").with("value", number);
    let route = route.ok_or_else(|| refuse().with("at_least", 1).with("at_most", found.routes.len()))?;
    let parties: Result<Vec<OrgId>, Refusal> = route.parties.iter().map(|party| party.parse()).collect();
    Route::new(parties?)
}

fn no_route(found: &FindRoutesResponse) -> Refusal {
    Refusal::new(Reason::NoRoute).with("offering", &found.offering_id)
}

/// What the search offered, for the record.
pub fn considered(found: &FindRoutesResponse) -> Result<Vec<Considered>, Refusal> {
    let seen = found.routes.iter().take(CONSIDERED_MAX).map(|route| {
        let parties: Result<Vec<OrgId>, Refusal> = route.parties.iter().map(|party| party.parse()).collect();
        let total = route.total_cents.map(Cents::try_from).transpose()?;
        Ok(Considered { route: Route::new(parties?)?, verdict: verdict_of(route.verdict), total })
    });
    seen.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::StatementId;

    fn route(parties: &[&str]) -> Route {
        Route::new(parties.iter().map(|party| party.parse().expect("a name")).collect()).expect("a route")
    }

    fn wish(way: &[&str], considered: &[(&[&str], Verdict)]) -> Wish {
        let total = Some(Cents::try_from(123_400).expect("an amount"));
        let seen = |(way, verdict): &(&[&str], Verdict)| Considered { route: route(way), verdict: *verdict, total };
        Wish {
            request_id: "r1".to_owned(),
            attempt: 1,
            mode: Mode::Binding,
            route: route(way),
            offering: StatementId([1; 32]),
            rule_pack: StatementId([2; 32]),
            award: Award::General,
            as_of: "2026-11-30".parse().expect("a day"),
            procedure_began: None,
            term_years: 1,
            total_max: Cents::try_from(1).expect("an amount"),
            quote_ms: DAY_MS,
            seal_ms: DAY_MS,
            auto_seal: None,
            quantities: Quantities::default(),
            reference: String::new(),
            considered: considered.iter().map(seen).collect(),
            grounds: Grounds::default(),
            words: Texts::default(),
            amends: None,
            gathered: None,
        }
    }

    #[test]
    fn before_a_contested_route_is_signed_the_uncontested_one_is_named() {
        let (short, long): (&[&str], &[&str]) = (&["stadt", "werk"], &["stadt", "eg", "werk"]);
        let found = [(short, Verdict::Contested), (long, Verdict::Fulfilled)];
        assert_eq!(
            wish(short, &found).contested_hint(Lang::De).expect("a hint"),
            "Achtung: Dieser Weg ist rechtlich umstritten. Unbestritten ist stadt → eg → werk, 2 Schritte, 1.234,00 €."
        );
        assert_eq!(wish(long, &found).contested_hint(Lang::De), None, "nothing is contested there");
        let alone = wish(short, &found[..1]).contested_hint(Lang::En).expect("a hint");
        assert_eq!(alone, "Note: this route is contested in law; none was found that is not.");
    }
}
