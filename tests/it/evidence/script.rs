//! How an order went: every field but the defaults is a way in which someone cheated or was careless.
use std::collections::BTreeSet;

use serde_json::Value;
use verbund::domain::grounds::Selection;
use verbund::domain::id::Hash;
use verbund::domain::law::Verdict;
use verbund::domain::order::Considered;
use verbund::domain::order::call_off::CallOff;
use verbund::domain::order::settlement::Settlement;
use verbund::domain::route::Route;
use verbund::domain::rule_pack::RulePack;
use verbund::domain::trust::{OfficerRole, WitnessPolicy};
use verbund::protocol::founding::{NodePlan, OfficerPlan, OrgPlan, Plan};

use super::{NODES, ROUTE, cents, day, node, org};

/// How the order went.
#[derive(Clone)]
pub struct Script {
    /// Up to which total the buying officer may order alone, in cents.
    pub limit: i64,
    /// Who approves, if anyone, and what.
    pub approval: Option<bool>,
    /// How many cents the second hop asks beyond what the seal counts.
    pub hidden_cents: i64,
    /// How many cents the second hop asks beyond its tariff; the seal counts them.
    pub overcharged_cents: i64,
    /// Whose key signs the endorsement of `kid`.
    pub endorser: &'static str,
    /// Whether `kid` signs its endorsement with a key that its log names only afterwards.
    pub late_key: bool,
    /// Version of the offering whose price the provider charges; the request pins version 1.
    pub priced_version: u32,
    /// Whether version 2 of the offering lies in the bundle instead of version 1, which the request pins.
    pub other_version: bool,
    /// Whether `kid` says fulfilled although its leg is not.
    pub bold: bool,
    /// Whether the legs rest on an assumption.
    pub assumed: bool,
    /// Whether the buyer ends the order without a contract.
    pub void: bool,
    /// Whether the buyer writes a void after the seal.
    pub void_as_well: bool,
    /// Whether the seal is logged before the last offer.
    pub early_seal: bool,
    /// When the buyer seals, in hours after the request; the deadline is 480.
    pub sealed_after: i64,
    /// Who cosigns.
    pub witnesses: Vec<&'static str>,
    /// How many hours later than signed witnesses see the seal.
    pub seal_seen_late: i64,
    /// The day of award, if not that of the request.
    pub award_day: Option<&'static str>,
    /// When the buyer's approval is signed, in hours after the request.
    pub approved_after: i64,
    /// What the approving officer found.
    pub approver_found: Verdict,
    /// Whose tariff is named by no offer.
    pub no_tariff: Option<&'static str>,
    /// To whose price the seal agrees.
    pub agreed: Vec<&'static str>,
    /// Whether no finding names what it rests on.
    pub names_nothing: bool,
    /// Whether the facts that the findings name are published only after the seal.
    pub facts_later: bool,
    /// By which text of section 108 GWB the federation judges: that of 2016, which has no end here, or that of 2026.
    pub law: &'static str,
    /// What is published just before the request.
    pub before: Option<Meanwhile>,
    /// What is published, or said against the seal, between the last offer and the seal.
    pub meanwhile: Option<Meanwhile>,
    /// The same after the seal.
    pub later: Option<Meanwhile>,
    /// Who confirms a late seal.
    pub confirmed: Vec<&'static str>,
    /// What Barleben proposes to ProVitako about the last objection, and what comes of it.
    pub settled: Option<Settling>,
    /// How many hours later than signed witnesses see the request.
    pub request_seen_late: i64,
    /// Who lets the approver's words be erased.
    pub erased_by: Option<&'static str>,
    /// Entries of others in every log.
    pub others: u64,
    /// How many more of them come at the end.
    pub more_others: u64,
    /// Which area the offering covers.
    pub covers: &'static str,
    /// Title of the offering.
    pub title: &'static str,
    /// What the buyer's program writes into the seal beside or instead of what it should.
    pub bend_seal: fn(&mut Value),
    /// Whether the request says which routes there were to choose from.
    pub considered: bool,
    /// What the buyer's number of the order is derived from.
    pub reference: &'static str,
    /// Whether it names a need, a purpose, the reason for the choice and other offerings.
    pub grounds: bool,
    /// What is wrong with the frozen search that the request names, if it names one (and grounds).
    pub frozen: Option<Bend<Selection>>,
    /// Barleben orders for Halberstadt as well, under this mandate.
    pub mandate: Option<Mandated>,
}

/// What someone writes into a statement beside or instead of what it should say.
pub type Bend<T> = fn(&mut T);

/// How a contradiction is settled.
#[derive(Clone, Copy)]
pub struct Settling {
    /// What is wrong with the proposal.
    pub bend: Bend<Settlement>,
    /// Who signs the agreement, if anyone, and what is wrong with it.
    pub agreed: Option<(&'static str, Bend<Settlement>)>,
}

impl Default for Settling {
    fn default() -> Self {
        Self { bend: |_| (), agreed: Some(("provitako", |_| ())) }
    }
}

/// What Halberstadt has signed, and how Barleben calls off.
#[derive(Clone, Copy)]
pub struct Mandated {
    /// The most it pays, in cents.
    pub cap: i64,
    /// Last day.
    pub until: &'static str,
    /// For whom.
    pub to: &'static str,
    /// Up to which cap its buyer may give mandates alone, in cents.
    pub limit: i64,
    /// Who approves it, if anyone.
    pub approver: Option<&'static str>,
    /// Whether that comes only after the call-off.
    pub approved_late: bool,
    /// Whether the call-off names it.
    pub is_named: bool,
    /// How many hours later than signed witnesses see the call-off.
    pub seen_late: i64,
    /// What is wrong with the call-off.
    pub bend: Bend<CallOff>,
    /// Whether the bundle is Halberstadt's own: nothing of the order but its part.
    pub alone: bool,
}

impl Default for Mandated {
    fn default() -> Self {
        Self {
            cap: 2_000_000,
            until: "2026-12-31",
            to: "barleben",
            limit: 5_000_000,
            approver: None,
            approved_late: false,
            is_named: true,
            seen_late: 0,
            bend: |_| (),
            alone: false,
        }
    }
}

/// Something that happens while an order runs, or after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meanwhile {
    /// The provider withdraws the offering.
    Withdrawn,
    /// The provider publishes version 2 of it.
    NewVersion,
    /// `provitako` recalls, and the buyer receipts it.
    Recalled,
    /// `provitako` declines, and the buyer receipts it.
    Declined,
    /// The trustees publish a stricter rule pack.
    NewPack,
    /// `kid` corrects the membership that its leg rests on.
    Corrected,
    /// The trustees renew Barleben's admission, for another area.
    Renewed,
}

/// The route ordered, and one that was not proven and could not be priced.
pub fn considered() -> Vec<Considered> {
    let short = [ROUTE[0], ROUTE[ROUTE.len() - 1]];
    let seen = |route: &[&str], verdict, total| Considered {
        route: Route::new(route.iter().map(|name| org(name)).collect()).expect("a route"),
        verdict,
        total,
    };
    vec![seen(&ROUTE, Verdict::Fulfilled, Some(cents(1_010_000))), seen(&short, Verdict::NotProven, None)]
}

impl Script {
    /// Whether others than the buyer's officer sign something.
    pub fn shows_officers(&self) -> bool {
        let Self { mandate, settled, erased_by, approval, .. } = self;
        let signs = mandate.is_some() || settled.is_some() || erased_by.is_some() || approval.is_some();
        signs || !self.confirmed.is_empty()
    }
}

impl Default for Script {
    fn default() -> Self {
        Self {
            limit: 10_000_000,
            approval: None,
            hidden_cents: 0,
            overcharged_cents: 0,
            endorser: "kid",
            late_key: false,
            priced_version: 1,
            other_version: false,
            bold: false,
            assumed: false,
            void: false,
            void_as_well: false,
            early_seal: false,
            sealed_after: 30,
            witnesses: NODES.to_vec(),
            seal_seen_late: 0,
            award_day: None,
            approved_after: 1,
            approver_found: Verdict::Fulfilled,
            request_seen_late: 0,
            no_tariff: None,
            agreed: Vec::new(),
            names_nothing: false,
            facts_later: false,
            law: "2016",
            before: None,
            meanwhile: None,
            later: None,
            confirmed: Vec::new(),
            settled: None,
            erased_by: None,
            others: 40,
            more_others: 0,
            covers: "*",
            title: "Elektronische Wohnsitzanmeldung",
            bend_seal: |_| (),
            considered: false,
            grounds: false,
            frozen: None,
            mandate: None,
            reference: "vorgang-1",
        }
    }
}

/// The rules by which the legs are judged.
pub fn pack(script: &Script) -> RulePack {
    RulePack { valid_to: None, ..crate::federation::shipped_pack(script.law) }
}

/// The federation.
pub fn plan(script: &Script) -> Plan {
    let officer = |name: &str, role, limit| OfficerPlan {
        name: name.parse().expect("name"),
        device: "tafel".parse().expect("name"),
        roles: BTreeSet::from([role]),
        limit: cents(limit),
        limit_per_year: None,
        valid_from: day("2026-01-01"),
        valid_to: day("2027-12-31"),
    };
    let member = |name: &str, officers| OrgPlan {
        id: org(name),
        name: format!("{name}, Körperschaft in der Vorführung"),
        legal_form: "eG".to_owned(),
        area: (name == "barleben").then(|| "150830030030".parse().expect("key")),
        inhabitants: None,
        portal: None,
        source: "Satzung und Genossenschaftsregister".to_owned(),
        officers,
    };
    let settles = script.settled.is_some() || script.erased_by.is_some();
    let confirming =
        |name: &str| match script.confirmed.contains(&name) || settles && ["kid", "provitako"].contains(&name) {
            true => vec![officer("leitung", OfficerRole::Approver, 0)],
            false => Vec::new(),
        };
    let planned = |name: &str| NodePlan {
        node: node(name),
        operator: org(name),
        addresses: vec![format!("{name}.example:7443")],
        tls_sha256: Hash([7; 32]),
        orgs: std::iter::once(member(name, confirming(name)))
            .chain((name == "kitu").then(|| {
                let buyer = officer("einkauf", OfficerRole::Buyer, script.limit);
                member("barleben", vec![buyer, officer("leitung", OfficerRole::Approver, 50_000_000)])
            }))
            .chain(script.mandate.filter(|_| name == "kitu").map(|given| {
                let buyer = officer("einkauf", OfficerRole::Buyer, given.limit);
                member("halberstadt", vec![buyer, officer("leitung", OfficerRole::Approver, 50_000_000)])
            }))
            .collect(),
    };
    Plan {
        federation: org("verbund-demo"),
        trustees: (1..=5).map(|number| format!("treuhand-{number}")).collect(),
        threshold: 3,
        witnesses: WitnessPolicy { nodes: NODES.map(node).to_vec(), quorum: 5 },
        rule_packs: vec![pack(script)],
        nodes: NODES.map(planned).into_iter().collect(),
    }
}
