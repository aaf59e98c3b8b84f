//! Rule packs: thresholds, doctrine and citations for judging legs, as data that the trustees sign.
//!
//! A pack says for which procedures it is meant: section 187 (2) GWB looks at the day on which a procedure *began*. What
//! the law leaves open, or has changed, is a [`Switch`] with a source; under which number a rule stands is a
//! [`Provision`] with a citation. So a new text of section 108 needs a new pack, and the program only where the text
//! asks something new.
use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::facts::{BasisPoints, checked_interval};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::reason::{Lang, Reason, Refusal};
use crate::domain::text::checked_text;
use crate::domain::time::Date;

/// Thresholds, doctrine and citations for judging legs: data with a version, signed by the trustees.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RulePack {
    /// Name and version, e.g. `gwb-108-2026`.
    pub name: OrgId,
    /// First day on which a procedure may have begun that it is meant for.
    pub valid_from: Date,
    /// Last day; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<Date>,
    /// The activity share must be *more* than this (section 108 (1) Nr. 2: 80 per cent).
    pub activity_above: BasisPoints,
    /// The share of a cooperation's activities on the open market must be *less* than this (section 108 (6) Nr. 3:
    /// 20 per cent). Absent: this pack does not judge cooperations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub market_below: Option<BasisPoints>,
    /// How many years before the year of the award the last of the three years measured may lie; absent: two, as
    /// accounts of the year just ended are drawn up in the course of the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity_age_max: Option<i16>,
    /// What the law leaves open or has changed. A switch that is not named says no.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub switches: Vec<Setting>,
    /// Under which number each rule stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paragraphs: Vec<Paragraph>,
    /// Where this is from.
    pub source: String,
}

/// How one switch stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Setting {
    /// Which.
    pub switch: Switch,
    /// How it stands.
    pub stand: Stand,
    /// Since when this is known; a judgement with the knowledge of an earlier day takes the switch for a no. For a
    /// judgment that says how the law always was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_from: Option<Date>,
    /// By whose word, and if contested, who says what.
    pub source: String,
}

/// Under which number one rule stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Paragraph {
    /// Which rule.
    pub provision: Provision,
    /// Its citation, the same in every language.
    pub citation: String,
}

/// How a switch stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stand {
    /// The law says no, or does not ask.
    No,
    /// The law says yes, or asks.
    Yes,
    /// The wording says yes; courts or writers disagree.
    Contested,
}

impl Stand {
    /// Whether the wording says yes.
    pub fn is_on(self) -> bool {
        self != Self::No
    }
}

/// Declares words of which every one is known: unknown ones are refused with a reason of their own.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident refused $reason:ident; $($(#[doc = $doc:literal])* $variant:ident $word:literal,)*) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum $name {
            $($(#[doc = $doc])* $variant,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its stable word.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }

        impl TryFrom<String> for $name {
            type Error = Refusal;

            fn try_from(word: String) -> Result<Self, Refusal> {
                let known = Self::ALL.iter().find(|known| known.word() == word).copied();
                known.ok_or_else(|| Refusal::new(Reason::$reason).with("value", word))
            }
        }

        impl From<$name> for String {
            fn from(known: $name) -> Self {
                known.word().to_owned()
            }
        }
    };
}

words! {
    /// What the law leaves open, has changed, or asks in one text and not in another.
    Switch refused RulePackSwitch;
    /// A jointly controlled body may award to one of those who control it.
    InverseJoint "inverse-joint",
    /// Bodies under joint control with one owner in common may award to one another.
    HalfSisters "half-sisters",
    /// Joint control may be exercised through another legal person: one link of the chain is joint.
    JointIndirect "joint-indirect",
    /// So may it over two links of joint control.
    JointChained "joint-chained",
    /// Bodies of public law that are no contracting authorities may share in joint control and cooperate.
    NonAuthorityMembers "non-authority-members",
    /// Private capital that the law prescribes does no harm in whoever receives an inverse or sister award.
    PrescribedInverse "prescribed-inverse",
    /// Private capital in the body through which control is exercised does no harm.
    PrivateBetween "private-between",
    /// A body that was measured by turnover counts that of its group.
    GroupTurnover "group-turnover",
    /// Entrustment must be shown.
    Entrustment "entrustment",
    /// A cooperation rests on a joint cooperation agreement.
    CooperationAgreement "cooperation-agreement",
    /// A cooperation must give no private third party an advantage.
    PrivateAdvantage "private-advantage",
    /// Purchases from central purchasing bodies are judged.
    CentralPurchasing "central-purchasing",
    /// A running contract may be changed though its parties are no longer in-house.
    ModificationAfterLoss "modification-after-loss",
}

words! {
    /// A rule that stands under a number: the case of the statute a leg rests on, or what a condition rests on.
    Provision refused RulePackParagraph;
    /// Mother to daughter.
    Vertical "vertical",
    /// Mother to granddaughter.
    VerticalIndirect "vertical-indirect",
    /// Daughter to mother.
    Inverse "inverse",
    /// Granddaughter to grandmother.
    InverseIndirect "inverse-indirect",
    /// Sister to sister.
    Sister "sister",
    /// Further sisters.
    SisterIndirect "sister-indirect",
    /// Member to jointly controlled body.
    Joint "joint",
    /// Jointly controlled body to member.
    JointInverse "joint-inverse",
    /// Joint control through another.
    JointIndirect "joint-indirect",
    /// The same upwards.
    JointInverseIndirect "joint-inverse-indirect",
    /// Bodies with one owner in common.
    SisterJoint "sister-joint",
    /// Cooperation.
    Horizontal "horizontal",
    /// Central purchasing.
    CentralPurchasing "central-purchasing",
    /// Call-off.
    CallOff "call-off",
    /// A contract awarded after a procedure.
    Tendered "tendered",
    /// The change of a running contract.
    Modification "modification",
    /// Who is a contracting authority.
    ContractingAuthority "contracting-authority",
    /// Who is treated like one.
    Accordingly "accordingly",
    /// Bodies of public law that are no contracting authorities.
    NonAuthorityMembers "non-authority-members",
    /// Control alone, and when it is presumed.
    SoleControl "sole-control",
    /// Joint control needs a stake and a part in the organs.
    Stake "stake",
    /// The organs are composed of representatives of all.
    Seat "seat",
    /// Decisive influence together.
    JointInfluence "joint-influence",
    /// No contrary interests.
    NoContraryInterests "no-contrary-interests",
    /// The share of the activities.
    ActivityShare "activity-share",
    /// How it is measured.
    Measure "measure",
    /// A projection will do.
    Projection "projection",
    /// The turnover of a group.
    GroupTurnover "group-turnover",
    /// No private capital.
    NoPrivateCapital "no-private-capital",
    /// The same in whoever receives an inverse or sister award.
    PrivateInverse "private-inverse",
    /// Entrustment.
    Entrustment "entrustment",
    /// Sisters have one mother.
    SameMother "same-mother",
    /// The cooperation and its agreement.
    Cooperation "cooperation",
    /// Public interest alone.
    PublicInterest "public-interest",
    /// The share on the open market.
    MarketShare "market-share",
    /// No advantage for private third parties.
    PrivateAdvantage "private-advantage",
}

impl RulePack {
    /// Whether it is meant for procedures that began on that day.
    pub fn is_meant_for(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|end| day <= end)
    }

    /// How a switch stands for someone who knows what was known on that day.
    pub fn stand(&self, switch: Switch, known_on: Date) -> Stand {
        let known = |setting: &&Setting| setting.known_from.is_none_or(|from| from <= known_on);
        self.setting(switch).filter(known).map_or(Stand::No, |setting| setting.stand)
    }

    /// What the pack says about a switch.
    pub fn setting(&self, switch: Switch) -> Option<&Setting> {
        self.switches.iter().find(|setting| setting.switch == switch)
    }

    /// The citation of a rule; the pack's own name where it has none.
    pub fn cite(&self, provision: Provision) -> &str {
        let found = self.paragraphs.iter().find(|paragraph| paragraph.provision == provision);
        found.map_or(self.name.as_str(), |paragraph| &paragraph.citation)
    }

    /// The rules a body of this kind must meet on its own.
    pub fn check(&self) -> Result<(), Refusal> {
        checked_text("source", &self.source, 500)?;
        checked_interval(self.valid_from, self.valid_to)?;
        if self.activity_age_max.is_some_and(|years| !(1..=10).contains(&years)) {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "activity_age_max"));
        }
        let (mut switches, mut provisions) = (BTreeSet::new(), BTreeSet::new());
        for setting in &self.switches {
            checked_text("source", &setting.source, 500)?;
            if !switches.insert(setting.switch) {
                return Err(Refusal::new(Reason::RulePackSwitch).with("twice", setting.switch));
            }
        }
        for paragraph in &self.paragraphs {
            checked_text("citation", &paragraph.citation, 200)?;
            if !provisions.insert(paragraph.provision) {
                return Err(Refusal::new(Reason::RulePackParagraph).with("twice", paragraph.provision));
            }
        }
        Ok(())
    }

    /// Whether it says something on every switch and cites every rule. A door asks this of a new pack; an older one may
    /// know less than this program, and keeps its meaning.
    pub fn check_complete(&self) -> Result<(), Refusal> {
        self.check()?;
        if let Some(missing) = Switch::ALL.iter().find(|switch| self.setting(**switch).is_none()) {
            return Err(Refusal::new(Reason::RulePackSwitch).with("missing", missing));
        }
        let cited: BTreeSet<Provision> = self.paragraphs.iter().map(|paragraph| paragraph.provision).collect();
        match Provision::ALL.iter().find(|provision| !cited.contains(provision)) {
            Some(missing) => Err(Refusal::new(Reason::RulePackParagraph).with("missing", missing)),
            None => Ok(()),
        }
    }
}

/// The pack for procedures that began on a day: of those meant for it the one that begins last; of two that begin on one
/// day the greater name, then the greater id, so that nobody can choose.
pub fn pack_in_force<'p>(
    packs: impl IntoIterator<Item = (&'p StatementId, &'p RulePack)>,
    day: Date,
) -> Option<StatementId> {
    let meant = packs.into_iter().filter(|(_, pack)| pack.is_meant_for(day));
    meant.max_by_key(|(id, pack)| (pack.valid_from, &pack.name, *id)).map(|(id, _)| *id)
}

/// Refuses a pack that an order names where another was in force by what the buyer's log held before the request. A hop
/// and an auditor ask the same.
pub fn check_named<'p>(
    named: (&'p StatementId, &'p RulePack),
    stood: impl IntoIterator<Item = (&'p StatementId, &'p RulePack)>,
    day: Date,
) -> Result<(), Refusal> {
    let in_force = pack_in_force(stood.into_iter().chain([named]), day);
    if in_force.as_ref() == Some(named.0) {
        return Ok(());
    }
    let refusal = Refusal::new(Reason::RulePackOutdated).with("rule_pack", named.0).with("procedure_began", day);
    Err(in_force.into_iter().fold(refusal, |refusal, id| refusal.with("in_force", id)))
}

/// Whether a pack may follow those there are: it begins after every one of them, and the one before it has no end or ends
/// on the day before. So for every day one pack holds, and none is changed for procedures that had begun.
pub fn check_successor<'p>(packs: impl IntoIterator<Item = &'p RulePack>, next: &RulePack) -> Result<(), Refusal> {
    let Some(last) = packs.into_iter().max_by_key(|pack| (pack.valid_from, &pack.name)) else { return Ok(()) };
    let refuse = |reason| {
        let refusal = Refusal::new(reason).with("rule_pack", &next.name).with("valid_from", next.valid_from);
        let refusal = refusal.with("before", &last.name);
        last.valid_to.into_iter().fold(refusal, |refusal, end| refusal.with("until", end))
    };
    if next.valid_from <= last.valid_from || last.valid_to.is_some_and(|end| next.valid_from <= end) {
        return Err(refuse(Reason::RulePackOverlaps));
    }
    if last.valid_to.is_some_and(|end| end.tomorrow() != Some(next.valid_from)) {
        return Err(refuse(Reason::RulePackGap));
    }
    Ok(())
}

/// Packs in the order of their days, complete and each following the one before; at least one.
pub fn check_packs(packs: &[RulePack]) -> Result<(), Refusal> {
    if packs.is_empty() {
        return Err(Refusal::new(Reason::NoRulePack));
    }
    for (at, pack) in packs.iter().enumerate() {
        pack.check_complete()?;
        check_successor(&packs[..at], pack)?;
    }
    Ok(())
}

/// What to tell people when no pack is meant for procedures that begin today.
pub fn uncovered<'p>(packs: impl IntoIterator<Item = &'p RulePack>, today: Date, lang: Lang) -> Option<String> {
    let packs: Vec<&RulePack> = packs.into_iter().collect();
    if packs.iter().any(|pack| pack.is_meant_for(today)) {
        return None;
    }
    let last = packs.iter().filter_map(|pack| pack.valid_to).filter(|end| *end < today).max();
    Some(match (lang, last) {
        (Lang::De, Some(last)) => {
            format!("Für Verfahren, die heute beginnen, gilt kein Regelwerk; das letzte endete am {last}.")
        }
        (Lang::De, None) => "Für Verfahren, die heute beginnen, gilt kein Regelwerk.".to_owned(),
        (Lang::En, Some(last)) => {
            format!("No rule pack is in force for procedures that begin today; the last one ended on {last}.")
        }
        (Lang::En, None) => "No rule pack is in force for procedures that begin today.".to_owned(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::time::parse_date;

    /// The pack of the old text, as it is published, without an end.
    pub(crate) fn old_text() -> RulePack {
        RulePack { valid_to: None, ..shipped(include_str!("../../nodes/gwb-108-2016.toml")) }
    }

    /// The pack of the text in force.
    pub(crate) fn new_text() -> RulePack {
        shipped(include_str!("../../nodes/gwb-108-2026.toml"))
    }

    fn shipped(file: &str) -> RulePack {
        let mut file: toml::Table = file.parse().expect("TOML");
        file.remove("rule_pack").expect("a pack").try_into().expect("a rule pack")
    }

    impl RulePack {
        /// The same with a switch that stands otherwise.
        pub(crate) fn set(&mut self, switch: Switch, stand: Stand) {
            let setting = self.switches.iter_mut().find(|setting| setting.switch == switch).expect("a switch");
            setting.stand = stand;
        }
    }

    fn day(text: &str) -> Date {
        parse_date(text).expect("a date")
    }

    fn meant(name: &str, from: &str, to: Option<&str>) -> RulePack {
        RulePack { name: name.parse().expect("a name"), valid_from: day(from), valid_to: to.map(day), ..old_text() }
    }

    #[test]
    fn the_packs_that_are_shipped_follow_one_another() {
        let old = shipped(include_str!("../../nodes/gwb-108-2016.toml"));
        check_packs(&[old.clone(), new_text()]).expect("good");
        assert_eq!((old.valid_from, old.valid_to), (day("2016-04-18"), Some(day("2026-06-30"))));
        assert_eq!((new_text().valid_from, new_text().valid_to), (day("2026-07-01"), None));
        for pack in [old, new_text()] {
            let cited: BTreeSet<&str> = Provision::ALL[..15].iter().map(|basis| pack.cite(*basis)).collect();
            assert_eq!(cited.len(), 15, "every case cites another provision in {}", pack.name);
        }
    }

    #[test]
    fn packs_leave_no_day_out_and_none_twice() {
        let old = meant("old", "2016-04-18", Some("2026-06-30"));
        let open = meant("open", "2016-04-18", None);
        let refused = |before: &RulePack, next: &RulePack| check_successor([before], next).err().map(|r| r.reason);
        for (next, reason) in [
            (meant("next", "2026-07-01", None), None),
            (meant("next", "2026-07-02", None), Some(Reason::RulePackGap)),
            (meant("next", "2026-06-30", None), Some(Reason::RulePackOverlaps)),
            (meant("next", "2016-04-18", None), Some(Reason::RulePackOverlaps)),
            (meant("next", "2015-01-01", Some("2016-04-17")), Some(Reason::RulePackOverlaps)),
        ] {
            assert_eq!(refused(&old, &next), reason, "{}", next.valid_from);
        }
        assert_eq!(refused(&open, &meant("next", "2026-07-01", None)), None, "it ends where the next begins");
        assert_eq!(refused(&open, &meant("next", "2016-04-18", None)), Some(Reason::RulePackOverlaps));
        assert_eq!(check_packs(&[]).expect_err("none").reason, Reason::NoRulePack);
    }

    #[test]
    fn who_does_not_know_a_judgment_yet_is_not_judged_by_it() {
        let (before, after) = (day("2026-01-14"), day("2026-01-15"));
        for pack in [old_text(), new_text()] {
            assert_eq!(pack.stand(Switch::GroupTurnover, before), Stand::No);
            assert_eq!(pack.stand(Switch::GroupTurnover, after), Stand::Yes);
        }
    }

    #[test]
    fn unknown_words_and_words_told_twice_are_refused() {
        let mut pack = new_text();
        pack.switches.push(pack.switches[0].clone());
        assert_eq!(pack.check().expect_err("twice").reason, Reason::RulePackSwitch);
        pack.switches.truncate(1);
        assert_eq!(pack.check(), Ok(()), "an older pack knows less");
        assert_eq!(pack.check_complete().expect_err("missing").reason, Reason::RulePackSwitch);
        let mut pack = new_text();
        pack.paragraphs.pop();
        assert_eq!(pack.check_complete().expect_err("missing").reason, Reason::RulePackParagraph);
        let unknown = serde_json::from_str::<Switch>(r#""half-brothers""#).expect_err("unknown");
        assert!(unknown.to_string().contains(Reason::RulePackSwitch.code()), "{unknown}");
    }

    #[test]
    fn a_day_without_a_pack_is_told() {
        let old = meant("old", "2016-04-18", Some("2026-06-30"));
        assert_eq!(uncovered([&old], day("2026-06-30"), Lang::De), None);
        let told = uncovered([&old], day("2026-07-01"), Lang::De).expect("a warning");
        assert!(told.ends_with("das letzte endete am 2026-06-30."), "{told}");
        assert!(uncovered([], day("2026-07-01"), Lang::En).is_some());
    }
}
