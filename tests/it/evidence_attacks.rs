//! What insiders with real keys make of an order's evidence, and what the audit says: time, approvals, prices, endings,
//! what the findings rest on. Every bundle here is well-formed, complete and signed by whoever it says.
use std::collections::BTreeMap;

use verbund::audit::bundle::ANNEXES;
use verbund::audit::dossier::draft;
use verbund::audit::report::{Check, Ending, NotChecked, Report, Ruling};
use verbund::audit::show::show;
use verbund::audit::verify::{inspect, verify};
use verbund::domain::grounds::Selection;
use verbund::domain::id::{Hash, StatementId};
use verbund::domain::law::Verdict;
use verbund::domain::order::call_off::CallOff;
use verbund::domain::order::settlement::Settlement;
use verbund::domain::reason::{Lang, Reason};

use crate::evidence::{APPROVERS_NOTE, Bend, Mandated, Meanwhile, Script, Settling, cents, day, evidence, org};

fn judged(script: &Script) -> Report {
    let evidence = evidence(script);
    verify(&evidence.bundle(), Some(evidence.root))
}

/// The overall ruling, and every finding that is no mere remark.
fn found(script: &Script) -> (Ruling, Vec<(Check, Reason)>) {
    let report = judged(script);
    let findings = report.findings().filter(|(_, finding)| finding.ruling != Ruling::Valid);
    (report.ruling(), findings.map(|(check, finding)| (check, finding.refusal.reason)).collect())
}

fn invalid(script: &Script) -> Vec<(Check, Reason)> {
    let (ruling, findings) = found(script);
    assert_eq!(ruling, Ruling::Invalid, "{findings:?}");
    findings
}

#[track_caller]
fn assert_good(script: &Script) {
    assert_eq!(found(script), (Ruling::Valid, Vec::new()));
}

fn remarks(script: &Script) -> Vec<(Check, Reason)> {
    let report = judged(script);
    assert_eq!(report.ruling(), Ruling::Valid, "{:?}", found(script));
    report.findings().map(|(check, finding)| (check, finding.refusal.reason)).collect()
}

#[test]
fn a_seal_first_witnessed_after_its_deadline_binds_nobody() {
    // The deadline is 480 hours after the request. By its own word it came in time.
    let ten_years = Script { sealed_after: 30, seal_seen_late: 87_600, ..Script::default() };
    assert_eq!(invalid(&ten_years), [(Check::Times, Reason::SealLate)]);
    let an_hour = Script { sealed_after: 470, seal_seen_late: 11, ..Script::default() };
    assert_eq!(invalid(&an_hour), [(Check::Times, Reason::SealLate)]);
    let own_word = Script { sealed_after: 481, seal_seen_late: -2, ..Script::default() };
    assert!(invalid(&own_word).contains(&(Check::Times, Reason::SealLate)));
    assert_good(&Script { sealed_after: 470, seal_seen_late: 9, ..Script::default() });
}

#[test]
fn a_late_seal_binds_once_every_other_party_has_confirmed_it() {
    let all = vec!["kitu", "kid", "provitako", "govdigital", "dataport"];
    let late = Script { sealed_after: 470, seal_seen_late: 11, confirmed: all.clone(), ..Script::default() };
    assert_good(&late);
    for missing in 0..all.len() {
        let mut confirmed = all.clone();
        confirmed.remove(missing);
        assert_eq!(invalid(&Script { confirmed, ..late.clone() }), [(Check::Times, Reason::SealLate)]);
    }
}

#[test]
fn the_day_of_award_lies_between_the_witnessed_request_and_the_seal() {
    for day in ["2021-06-15", "2026-08-31", "2026-09-03", "2027-01-01"] {
        let findings = invalid(&Script { award_day: Some(day), ..Script::default() });
        assert!(findings.contains(&(Check::Times, Reason::AwardDay)), "{day}: {findings:?}");
    }
    assert_good(&Script { award_day: Some("2026-09-02"), ..Script::default() });
}

#[test]
fn a_request_cannot_choose_its_law_by_a_day_on_which_nobody_saw_it() {
    // By its own word of the day before: nobody can say.
    let dated_back = Script { request_seen_late: 24, award_day: Some("2026-09-02"), ..Script::default() };
    assert_eq!(found(&dated_back), (Ruling::NotCheckable, vec![(Check::Times, Reason::RequestTimeUnseen)]));
    // Signed after it was seen, which is no slow clock.
    let dated_ahead = Script { request_seen_late: -1, ..Script::default() };
    assert_eq!(invalid(&dated_ahead), [(Check::Times, Reason::RequestTimeUnseen)]);
    // Seen an hour late, on the same day.
    assert_good(&Script { request_seen_late: 1, ..Script::default() });
}

#[test]
fn a_renewed_admission_neither_undoes_nor_heals_an_order_that_was_asked_for_before() {
    let at_home = Script { covers: "15", ..Script::default() };
    assert_good(&at_home);
    assert_good(&Script { later: Some(Meanwhile::Renewed), ..at_home.clone() });
    let elsewhere = Script { covers: "09", ..Script::default() };
    let not_covered = [(Check::Offering, Reason::OfferingNotCovering)];
    assert_eq!(invalid(&Script { later: Some(Meanwhile::Renewed), ..elsewhere.clone() }), not_covered);
    // Before the request it counts, either way.
    assert_good(&Script { before: Some(Meanwhile::Renewed), ..elsewhere });
    assert_eq!(invalid(&Script { before: Some(Meanwhile::Renewed), ..at_home }), not_covered);
}

#[test]
fn an_approval_counts_before_the_seal_and_with_a_finding_that_fulfils() {
    let approved = Script { limit: 1, approval: Some(true), ..Script::default() };
    assert_good(&approved);
    let after = Script { approved_after: 31, ..approved.clone() };
    assert_eq!(invalid(&after), [(Check::Officers, Reason::ApprovalLate)]);
    for (verdict, reason) in
        [(Verdict::NotFulfilled, Reason::LegNotLawful), (Verdict::NotProven, Reason::LegNotProven)]
    {
        let (ruling, findings) = found(&Script { approver_found: verdict, ..approved.clone() });
        assert!(ruling > Ruling::Valid && findings == [(Check::Officers, reason)], "{findings:?}");
    }
    // Who may order alone needs no approval, so one that comes late harms nobody.
    assert_good(&Script { approval: Some(true), approved_after: 31, ..Script::default() });
}

#[test]
fn a_price_that_follows_from_nothing_published_needs_consent_by_name() {
    for script in [
        Script { overcharged_cents: 900_000, ..Script::default() },
        Script { no_tariff: Some("kid"), ..Script::default() },
        Script { no_tariff: Some("kid"), overcharged_cents: 900_000, ..Script::default() },
        Script { priced_version: 2, ..Script::default() },
    ] {
        assert_eq!(invalid(&script), [(Check::Price, Reason::PriceNotAgreed)]);
        let other = Script { agreed: vec!["govdigital"], ..script.clone() };
        assert_eq!(invalid(&other), [(Check::Price, Reason::PriceNotAgreed)]);
        let agreed = remarks(&Script { agreed: vec!["kid", "dataport"], ..script });
        // A tariff that no offer names lies there for nothing.
        let of_price: Vec<_> = agreed.into_iter().filter(|(check, _)| *check == Check::Price).collect();
        assert_eq!(of_price, [(Check::Price, Reason::PriceFree)]);
    }
}

#[test]
fn what_reached_the_buyer_before_the_seal_defeats_it() {
    for (what, reason) in [(Meanwhile::Recalled, Reason::OrderRecalled), (Meanwhile::Declined, Reason::OrderDeclined)]
    {
        let findings = invalid(&Script { meanwhile: Some(what), ..Script::default() });
        assert_eq!(findings, [(Check::Outcome, reason)]);
        assert_good(&Script { later: Some(what), ..Script::default() });
    }
}

#[test]
fn an_offering_withdrawn_or_superseded_before_the_acceptance_cannot_be_ordered() {
    for (what, reason) in
        [(Meanwhile::Withdrawn, Reason::OfferingWithdrawn), (Meanwhile::NewVersion, Reason::OfferingSuperseded)]
    {
        let findings = invalid(&Script { before: Some(what), ..Script::default() });
        assert_eq!(findings, [(Check::Offering, reason)]);
        // After the acceptance, and after the seal, it changes nothing.
        assert_good(&Script { meanwhile: Some(what), ..Script::default() });
        assert_good(&Script { later: Some(what), ..Script::default() });
    }
}

/// A search that was frozen after the fact, or by another state than the logs had, is no record of anything.
#[test]
fn a_frozen_search_is_what_could_be_found_then() {
    let frozen = |bend: Bend<Selection>| Script { grounds: true, frozen: Some(bend), ..Script::default() };
    assert_good(&frozen(|_| ()));
    let unknown_size: Bend<Selection> = |selection| selection.known[0].size += 1;
    assert_good(&frozen(unknown_size));
    // That no checkpoint in a bundle has this size, an auditor can only say of those in it; the buyer's node knows them all.
    assert_good(&frozen(|selection| selection.known[1].root = Hash([9; 32])));
    let attacks: [Bend<Selection>; 3] = [
        // Before the offering was published.
        |selection| selection.known[0].size = 1,
        // By a log that has nothing to do with it.
        |selection| drop(selection.known.remove(0)),
        // By a history that the witnesses have not seen.
        |selection| selection.known[0].root = Hash([9; 32]),
    ];
    for bend in attacks {
        assert_eq!(invalid(&frozen(bend)), [(Check::Offering, Reason::SelectionUnfounded)]);
    }
    // What a body may not say at all.
    for bend in [
        |selection: &mut Selection| selection.frozen_at = selection.frozen_at.plus_ms(3_600_001),
        |selection: &mut Selection| selection.found = 3,
        |selection: &mut Selection| selection.known.reverse(),
    ] {
        let findings = invalid(&frozen(bend));
        assert!(findings.iter().any(|(_, reason)| *reason == Reason::FieldInvalid), "{findings:?}");
    }
}

#[test]
fn a_withdrawal_that_is_left_out_is_noticed() {
    for script in [
        Script { before: Some(Meanwhile::Withdrawn), ..Script::default() },
        Script { before: Some(Meanwhile::NewVersion), ..Script::default() },
    ] {
        let mut evidence = evidence(&script);
        evidence.input.facts.retain(|fact| {
            let text = String::from_utf8_lossy(fact.signed.payload()).into_owned();
            !text.contains("Eingestellt") && !text.contains("\"version\":2")
        });
        let report = verify(&evidence.bundle(), Some(evidence.root));
        let findings: Vec<_> = report.findings().map(|(check, finding)| (check, finding.refusal.reason)).collect();
        assert_eq!((report.ruling(), findings), (Ruling::Invalid, vec![(Check::Complete, Reason::TrustWithheld)]));
    }
}

#[test]
fn the_rule_pack_is_the_one_in_force_by_the_buyers_log() {
    let findings = invalid(&Script { before: Some(Meanwhile::NewPack), ..Script::default() });
    assert_eq!(findings, [(Check::Legs, Reason::RulePackOutdated)]);
    assert_good(&Script { meanwhile: Some(Meanwhile::NewPack), ..Script::default() });
    assert_good(&Script { later: Some(Meanwhile::NewPack), ..Script::default() });
}

#[test]
fn a_finding_stands_on_the_evidence_it_names_as_it_was_known_then() {
    let nothing = invalid(&Script { names_nothing: true, ..Script::default() });
    assert!(nothing.iter().all(|(check, _)| *check == Check::Legs), "{nothing:?}");
    let made_later = invalid(&Script { facts_later: true, ..Script::default() });
    assert!(made_later.contains(&(Check::Legs, Reason::EvidenceLater)), "{made_later:?}");
}

#[test]
fn a_correction_after_the_seal_is_shown_and_changes_nothing() {
    let remarks = remarks(&Script { later: Some(Meanwhile::Corrected), ..Script::default() });
    assert_eq!(remarks, [(Check::Legs, Reason::FactLater)]);
    // Known before the request it counts.
    let findings = invalid(&Script { before: Some(Meanwhile::Corrected), ..Script::default() });
    assert!(findings.iter().all(|(check, _)| *check == Check::Legs), "{findings:?}");
}

#[test]
fn a_call_off_binds_nobody_but_under_a_mandate_of_its_own() {
    let with = |given: Mandated| Script { mandate: Some(given), ..Script::default() };
    let base = Mandated::default;
    for good in [
        base(),
        Mandated { cap: 1_010_000, ..base() },
        Mandated { until: "2026-09-02", ..base() },
        Mandated { limit: 1, approver: Some("leitung"), ..base() },
    ] {
        assert_good(&with(good));
    }
    for (given, reason) in [
        (Mandated { cap: 1_009_999, ..base() }, Reason::MandateExceeded),
        (Mandated { until: "2026-09-01", ..base() }, Reason::MandateExpired),
        // By its own word it came in time.
        (Mandated { until: "2026-09-02", seen_late: 24, ..base() }, Reason::MandateExpired),
        (Mandated { to: "kitu", ..base() }, Reason::MandateForeign),
        (Mandated { limit: 1, ..base() }, Reason::GrantLimit),
        (Mandated { limit: 1, approver: Some("einkauf"), ..base() }, Reason::SameOfficer),
        (Mandated { limit: 1, approver: Some("leitung"), approved_late: true, ..base() }, Reason::GrantLimit),
    ] {
        assert_eq!(invalid(&with(given)), [(Check::Officers, reason)]);
    }
    // One that is not shown: nothing says that the member agreed.
    let (ruling, findings) = found(&with(Mandated { is_named: false, ..base() }));
    let missing = [(Check::Chain, Reason::ChainIncomplete), (Check::Officers, Reason::EvidenceMissing)];
    assert_eq!((ruling, findings), (Ruling::NotCheckable, missing.to_vec()));
}

/// Verdict, findings, and whether the words are shown, after something was done to the members.
fn told(change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>, &str)) -> (Ruling, Vec<(Check, Reason)>, bool) {
    told_of(&Script { approval: Some(true), ..Script::default() }, change)
}

fn told_of(
    script: &Script,
    change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>, &str),
) -> (Ruling, Vec<(Check, Reason)>, bool) {
    let evidence = evidence(script);
    let mut bundle = evidence.bundle();
    let annex = bundle.members.keys().find(|name| name.starts_with(ANNEXES)).expect("the approver's words").clone();
    change(&mut bundle.members, &annex);
    let report = verify(&bundle, Some(evidence.root));
    let findings = report.findings().map(|(check, finding)| (check, finding.refusal.reason)).collect();
    (report.ruling(), findings, show(&bundle).text(Lang::De).contains(APPROVERS_NOTE))
}

#[test]
fn words_beside_a_statement_are_those_that_it_names() {
    assert_eq!(told(|_, _| ()), (Ruling::Valid, Vec::new(), true));
    let altered = vec![(Check::Container, Reason::AnnexDiffers)];
    let changed =
        told(|members, annex| *members.get_mut(annex).expect("it is there").last_mut().expect("bytes") = b' ');
    assert_eq!(changed, (Ruling::Invalid, altered.clone(), false));
    let emptied = told(|members, annex| members.get_mut(annex).expect("it is there").clear());
    assert_eq!(emptied, (Ruling::Invalid, altered, false));
    // Taken out of a stored bundle with any tool: all the rest holds as it is.
    let missing = told(|members, annex| _ = members.remove(annex));
    assert_eq!(missing, (Ruling::Valid, vec![(Check::Container, Reason::AnnexMissing)], false));
    let foreign = told(|members, annex| _ = members.insert(annex.replace(".json", ".txt"), b"{}".to_vec()));
    assert_eq!(foreign, (Ruling::Invalid, vec![(Check::Container, Reason::MemberForeign)], true));
}

#[test]
fn words_are_erased_by_their_author_and_by_nobody_else() {
    let by = |org| Script { approval: Some(true), erased_by: Some(org), ..Script::default() };
    let remark = |reason| vec![(Check::Container, reason)];
    let taken = |script: &Script| told_of(script, |members, annex| _ = members.remove(annex));
    assert_eq!(taken(&by("barleben")), (Ruling::Valid, remark(Reason::AnnexErased), false));
    // Whoever kept it all the same shows nothing that may be shown.
    let kept = told_of(&by("barleben"), |_, _| ());
    assert_eq!((kept.0, kept.1), (Ruling::Valid, remark(Reason::AnnexErased)));
    assert_eq!(taken(&by("kid")), (Ruling::Valid, remark(Reason::AnnexMissing), false), "another's word");
    assert_eq!(told_of(&by("kid"), |_, _| ()), (Ruling::Valid, Vec::new(), true), "has no force");
    let page = |script: &Script| {
        let evidence = evidence(script);
        let examined = inspect(&evidence.bundle(), Some(evidence.root), &[]);
        draft(&examined, Lang::De).html()
    };
    let erased = page(&by("barleben"));
    assert!(erased.contains("(rechtmäßig gelöscht)") && !erased.contains(APPROVERS_NOTE));
    assert!(page(&by("kid")).contains(APPROVERS_NOTE));
}

/// What ProVitako has taken back after the seal.
fn settled(settling: Settling) -> Script {
    Script { later: Some(Meanwhile::Recalled), settled: Some(settling), ..Script::default() }
}

/// The proposer agrees to its own proposal.
fn itself(said: &mut Settlement) {
    std::mem::swap(&mut said.from, &mut said.to);
    said.number = 2;
}

#[test]
fn a_contradiction_is_settled_by_both_and_by_nobody_else() {
    assert_eq!(remarks(&settled(Settling::default())), [(Check::Outcome, Reason::ContradictionSettled)]);
    let alone = Settling { agreed: None, ..Settling::default() };
    assert_eq!(remarks(&settled(alone)), [(Check::Outcome, Reason::SettlementOpen)]);
    let by = |by, bend| settled(Settling { agreed: Some((by, bend)), ..Settling::default() });
    let broken = [(Check::Chain, Reason::ChainBroken)];
    // A third party, the proposer itself, and other terms.
    assert_eq!(invalid(&by("kid", |said| said.from = org("kid"))), broken);
    assert_eq!(invalid(&by("barleben", itself)), broken);
    assert_eq!(invalid(&by("provitako", |said| said.terms = "Die Rücknahme gilt".to_owned())), broken);
    assert_eq!(invalid(&by("provitako", |said| said.holds = None)), broken);
    // In the name of another.
    let forged = invalid(&by("kid", |_| ()));
    assert!(forged.iter().all(|(check, _)| *check == Check::Signers), "{forged:?}");
    let stranger = Settling { bend: |said| said.to = org("halberstadt"), agreed: None };
    assert_eq!(invalid(&settled(stranger)), [(Check::Chain, Reason::NotAParty)]);
}

#[test]
fn a_settlement_undoes_no_seal_and_mends_nothing() {
    let against = Settling { bend: |said| said.holds = Some(said.about[0]), agreed: None };
    assert_eq!(invalid(&settled(against)), [(Check::Chain, Reason::SettlementAgainstSeal)]);
    // What came before the seal still defeats it.
    let before = Script { meanwhile: Some(Meanwhile::Recalled), later: None, ..settled(Settling::default()) };
    assert!(invalid(&before).contains(&(Check::Outcome, Reason::OrderRecalled)));
    let late = Script { sealed_after: 470, seal_seen_late: 11, ..settled(Settling::default()) };
    assert!(invalid(&late).contains(&(Check::Times, Reason::SealLate)));
}

/// What a part says wrongly, and what is found.
type Wrong = (Bend<CallOff>, Ruling, Check, Reason);

/// Halberstadt's own bundle.
fn own_part(bend: Bend<CallOff>) -> Script {
    Script { mandate: Some(Mandated { alone: true, bend, ..Mandated::default() }), ..Script::default() }
}

/// What a part says wrongly, by its ruling; what lies in the bundle without belonging to the part is no matter.
fn of_part(script: &Script) -> (Ruling, Vec<(Check, Reason)>) {
    let (ruling, mut findings) = found(script);
    findings.retain(|(_, reason)| *reason != Reason::EvidenceUnrelated);
    (ruling, findings)
}

#[test]
fn a_members_part_holds_by_itself() {
    let good = own_part(|_| ());
    assert_eq!(of_part(&good), (Ruling::Valid, Vec::new()));
    let report = judged(&good);
    assert!(report.case.not_checked.contains(&NotChecked::ChainBehind));
    assert_eq!(report.case.parties, [org("halberstadt"), org("barleben")]);
    assert_eq!(report.case.ending, Some(Ending::CalledOff), "nothing is said about the chain");
    let wrong: [Wrong; 7] = [
        (|part| part.share = cents(part.share.get() - 1), Ruling::Invalid, Check::Price, Reason::PriceMismatch),
        (|part| part.provider = org("kid"), Ruling::Invalid, Check::Offering, Reason::RouteInvalid),
        (|part| part.offering = StatementId([7; 32]), Ruling::NotCheckable, Check::Offering, Reason::OfferingUnknown),
        (|part| part.rule_pack = StatementId([7; 32]), Ruling::NotCheckable, Check::Legs, Reason::RulePackUnknown),
        (|part| part.procedure_began = day("1990-01-01"), Ruling::Invalid, Check::Legs, Reason::RulePackOutdated),
        (|part| part.leg.from = org("kitu"), Ruling::Invalid, Check::Legs, Reason::ChainBroken),
        (|part| part.leg.evidence.clear(), Ruling::Invalid, Check::Legs, Reason::LegNotProven),
    ];
    for (number, (bend, ruling, check, reason)) in wrong.into_iter().enumerate() {
        let (found, findings) = of_part(&own_part(bend));
        assert!(found == ruling && findings.contains(&(check, reason)), "{number}: {found:?} {findings:?}");
    }
    // Its mandate is asked for as in the bundle of the whole.
    let given = Mandated { alone: true, cap: 1, ..Mandated::default() };
    let beyond = Script { mandate: Some(given), ..Script::default() };
    assert_eq!(of_part(&beyond), (Ruling::Invalid, vec![(Check::Officers, Reason::MandateExceeded)]));
}
