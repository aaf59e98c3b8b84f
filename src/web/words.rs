//! Values in words: what a statement or an index holds, as people read it.
use crate::domain::id::OrgId;
use crate::domain::money::Cents;
use crate::domain::offering::{Maturity, MaturityModel, Offering};
use crate::domain::price::{Component, Due};
use crate::domain::reason::Lang;
use crate::domain::register::{Area, Land};
use crate::domain::statement::Kind;
use crate::domain::time::{Date, Timestamp};
use crate::search::Facet;
use crate::view::View;
use crate::web::texts::Texts;
use crate::wire::pb::chain::v1::Verdict;
use crate::wire::pb::order::v1 as pb;

/// A text with its blanks filled in.
pub(super) fn filled(text: &str, values: &[(&str, &str)]) -> String {
    // One walk, so that what is filled in is never looked at again.
    let (mut done, mut rest) = (String::with_capacity(text.len() + 32), text);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, behind)) = after.split_once('}') else { break };
        let value = values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        done.push_str(before);
        done.push_str(value);
        rest = behind;
    }
    done + rest
}

/// A day.
pub(super) fn date(day: Date, lang: Lang) -> String {
    match lang {
        Lang::De => format!("{:02}.{:02}.{}", day.day(), day.month(), day.year()),
        Lang::En => day.to_string(),
    }
}

/// An amount.
pub(super) fn amount(cents: Cents, lang: Lang) -> String {
    cents.text(lang)
}

/// A number with its thousands apart.
pub(super) fn number(count: usize, lang: Lang) -> String {
    let digits = count.to_string();
    let apart = if lang == Lang::De { '.' } else { ',' };
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(apart);
        }
        text.push(digit);
    }
    text
}

/// An organisation's full name, or the name it goes by here.
pub(super) fn organisation(view: &View, org: &OrgId) -> String {
    let home = view.public().registry.home(org).ok();
    let standing = home.and_then(|home| home.orgs().get(org));
    standing.map_or_else(|| org.to_string(), |standing| standing.admission.name.clone())
}

/// A Land by its short form.
pub(super) fn land(code: &str) -> String {
    Land::all().find(|land| land.code() == code).map_or_else(|| code.to_owned(), |land| land.name().to_owned())
}

/// Where something may be used.
pub(super) fn area(area: &Area, t: &Texts) -> String {
    match (area.as_str(), Land::of(area)) {
        ("*", _) => t.germany.to_owned(),
        (key, Some(land)) if key.len() == 2 => land.name().to_owned(),
        (key, _) => filled(t.area, &[("key", key)]),
    }
}

/// A way to be connected.
pub(super) fn connection(word: &str) -> String {
    match word {
        "fit-connect" => "FIT-Connect".to_owned(),
        "osci-xta" => "OSCI/XTA".to_owned(),
        _ => word.to_owned(),
    }
}

/// How far a service is.
pub(super) fn maturity(maturity: Maturity, t: &Texts) -> String {
    let model = match maturity.model() {
        MaturityModel::V1_1 => "1.1",
        MaturityModel::V2_0 => "2.0",
    };
    filled(t.maturity_text, &[("level", &maturity.level().to_string()), ("model", model)])
}

/// What a facet is called.
pub(super) fn facet(facet: Facet, t: &Texts) -> &'static str {
    match facet {
        Facet::Topic => t.facet_topic,
        Facet::Land => t.facet_land,
        Facet::Connection => t.facet_connection,
        Facet::Maturity => t.facet_maturity,
        Facet::Price => t.facet_price,
        Facet::Portal => t.facet_portal,
        Facet::System => t.facet_system,
        Facet::Seller => t.facet_seller,
        Facet::Covers => t.facet_covers,
        Facet::Orderable => t.facet_orderable,
    }
}

/// A value of a facet.
pub(super) fn facet_value(view: &View, facet: Facet, value: &str, t: &Texts) -> String {
    match (facet, value) {
        (Facet::Price, "0") => t.price_0.to_owned(),
        (Facet::Price, "up-to-1000") => t.price_1000.to_owned(),
        (Facet::Price, "up-to-5000") => t.price_5000.to_owned(),
        (Facet::Price, "up-to-20000") => t.price_20000.to_owned(),
        (Facet::Price, "more") => t.price_more.to_owned(),
        (Facet::Price, "depends") => t.price_depends.to_owned(),
        (Facet::Covers | Facet::Orderable, "yes") => t.yes.to_owned(),
        (Facet::Covers | Facet::Orderable, "no") => t.no.to_owned(),
        (Facet::Land, code) => land(code),
        (Facet::Connection, word) => connection(word),
        (Facet::Seller, org) => org.parse().map_or_else(|_| org.to_owned(), |org| organisation(view, &org)),
        (Facet::Maturity, text) => {
            let (model, level) = text.split_once('/').unwrap_or((text, ""));
            filled(t.maturity_text, &[("level", level), ("model", model)])
        }
        _ => value.to_owned(),
    }
}

/// What an offering costs by its list, in a few words.
pub(super) fn price(offering: &Offering, t: &Texts, lang: Lang) -> String {
    let depends = |item: &Component| item.terms.is_some() || item.due == Due::PerUse;
    if offering.price.iter().any(depends) {
        return t.price_terms.to_owned();
    }
    let mut parts = Vec::new();
    for due in [Due::PerYear, Due::Once] {
        let items = offering.price.iter().filter(|item| item.due == due);
        let sum = items.map(|item| item.cents).try_fold(Cents::ZERO, Cents::plus);
        parts.extend(
            sum.ok()
                .filter(|sum| *sum != Cents::ZERO)
                .map(|sum| format!("{} {}", amount(sum, lang), due.text(None, lang))),
        );
    }
    if parts.is_empty() { t.price_none.to_owned() } else { parts.join(", ") }
}

/// The shortest contract.
pub(super) fn years(years: u32, t: &Texts) -> String {
    match years {
        1 => t.term_one.to_owned(),
        _ => filled(t.term_many, &[("n", &years.to_string())]),
    }
}

/// An amount as it travels; one that is none is told as nothing.
pub(super) fn cents(cents: i64, lang: Lang) -> String {
    amount(Cents::try_from(cents).unwrap_or(Cents::ZERO), lang)
}

/// An organisation by its name on the wire.
pub(super) fn party(view: &View, org: &str) -> String {
    org.parse().map_or_else(|_| org.to_owned(), |org| organisation(view, &org))
}

/// A moment; empty if there is none.
pub(super) fn instant(at: Option<Timestamp>, lang: Lang) -> String {
    at.map(|at| at.told(lang)).unwrap_or_default()
}

/// Where an order stands.
pub(super) fn stage(stage: pb::Stage, t: &Texts) -> &'static str {
    match stage {
        pb::Stage::AwaitingApproval => t.stage_awaiting,
        pb::Stage::InChain => t.stage_in_chain,
        pb::Stage::Offered => t.stage_offered,
        pb::Stage::Sealed => t.stage_sealed,
        pb::Stage::Void => t.stage_void,
        pb::Stage::Disputed => t.stage_disputed,
        pb::Stage::Unsealed => t.stage_unsealed,
        pb::Stage::Unspecified => t.stage_unknown,
    }
}

/// Why an order needs attention, if it does.
pub(super) fn overdue(overdue: pb::Overdue, t: &Texts) -> Option<&'static str> {
    Some(match overdue {
        pb::Overdue::Unspecified => return None,
        pb::Overdue::Disputed => t.overdue_disputed,
        pb::Overdue::InDoubt => t.overdue_in_doubt,
        pb::Overdue::Undelivered => t.overdue_undelivered,
        pb::Overdue::Unconfirmed => t.overdue_unconfirmed,
        pb::Overdue::Undecided => t.overdue_undecided,
        pb::Overdue::Unanswered => t.overdue_unanswered,
        pb::Overdue::Unsealed => t.overdue_unsealed,
    })
}

/// How a leg or route stands by the facts; none if that is not said.
pub(super) fn verdict(verdict: Verdict, t: &Texts) -> Option<&'static str> {
    match verdict {
        Verdict::Unspecified => None,
        Verdict::Fulfilled => Some(t.verdict_fulfilled),
        Verdict::NotProven => Some(t.verdict_not_proven),
        Verdict::NotFulfilled => Some(t.verdict_not_fulfilled),
        Verdict::Contested => Some(t.verdict_contested),
    }
}

/// What a message of an order is.
pub(super) fn statement(kind: &str, t: &Texts) -> String {
    let known = match Kind::from_name(kind) {
        Kind::Request => t.statement_request,
        Kind::Decision => t.statement_decision,
        Kind::Endorse => t.statement_endorse,
        Kind::Accept => t.statement_accept,
        Kind::Counter => t.statement_counter,
        Kind::Decline => t.statement_decline,
        Kind::Reject => t.statement_reject,
        Kind::Recall => t.statement_recall,
        Kind::Seal => t.statement_seal,
        Kind::Void => t.statement_void,
        Kind::Confirm => t.statement_confirm,
        Kind::LateNotice => t.statement_late,
        Kind::Reminder => t.statement_reminder,
        Kind::Milestone => t.statement_milestone,
        Kind::Settlement => t.statement_settlement,
        Kind::Erasure => t.statement_erasure,
        _ => kind,
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_filled_once() {
        assert_eq!(filled("{a} und {b}: {c}", &[("a", "{b}"), ("b", "x")]), "{b} und x: ");
        assert_eq!(filled("offen {", &[]), "offen {");
    }

    #[test]
    fn numbers_are_those_of_the_language() {
        for (count, de, en) in
            [(0, "0", "0"), (999, "999", "999"), (1_000, "1.000", "1,000"), (1_234_567, "1.234.567", "1,234,567")]
        {
            assert_eq!((number(count, Lang::De), number(count, Lang::En)), (de.to_owned(), en.to_owned()));
        }
    }
}
