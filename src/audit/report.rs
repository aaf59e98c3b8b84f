//! What an audit found: every check with its ruling, every finding with its code, and what was not checked.
//!
//! Data and rules: `words` writes them for a person, `json` for a machine. Must never soften: the overall ruling is the
//! worst of all, and a check that had nothing to look at is not passed.
use std::collections::{BTreeMap, BTreeSet};

use crate::audit::papers::Papers;
use crate::domain::id::{OrderId, OrgId, Origin, StatementId};
use crate::domain::law::{Basis, Verdict};
use crate::domain::money::Cents;
use crate::domain::order::{Amends, Mode, VoidReason};
use crate::domain::reason::{Class, Lang, Reason, Refusal};
use crate::domain::time::{Date, Timestamp};

mod json;
pub mod told;
mod words;

/// What a check or the whole audit says. The order is from best to worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ruling {
    /// *Gültig*: examined and found right.
    Valid,
    /// *Nicht prüfbar*: what is needed to examine it is missing.
    NotCheckable,
    /// *Ungültig*: examined and found wrong.
    Invalid,
}

impl Ruling {
    /// The stable word.
    pub fn code(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::NotCheckable => "NOT_CHECKABLE",
            Self::Invalid => "INVALID",
        }
    }

    /// The words for a person.
    pub fn text(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Valid, Lang::De) => "gültig",
            (Self::Valid, Lang::En) => "valid",
            (Self::NotCheckable, Lang::De) => "nicht prüfbar",
            (Self::NotCheckable, Lang::En) => "not checkable",
            (Self::Invalid, Lang::De) => "ungültig",
            (Self::Invalid, Lang::En) => "invalid",
        }
    }

    /// The process exit code: 0, 10 or 9.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::NotCheckable => Class::Incomplete.exit_code(),
            Self::Invalid => Class::Verification.exit_code(),
        }
    }

    /// What a refusal means for an auditor: a gap in the evidence, or a contradiction.
    pub fn of(refusal: &Refusal) -> Self {
        let gap = matches!(
            refusal.reason,
            Reason::OrgUnknown
                | Reason::OfferingUnknown
                | Reason::RulePackUnknown
                | Reason::LegNotProven
                | Reason::ChainIncomplete
        );
        if gap || refusal.reason.class() == Class::Incomplete { Self::NotCheckable } else { Self::Invalid }
    }
}

macro_rules! checks {
    ($($variant:ident $code:literal $de:literal $en:literal;)*) => {
        /// One check: what is compared with what.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Check {
            $(#[doc = $en] $variant,)*
        }

        impl Check {
            /// Every check, in the order of the report.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable word.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The title for a person.
            pub fn text(self, lang: Lang) -> &'static str {
                match (self, lang) { $((Self::$variant, Lang::De) => $de, (Self::$variant, Lang::En) => $en,)* }
            }
        }
    };
}

checks! {
    Container "CONTAINER" "Behälter, Teile und Prüfsummen" "Container, members and digests";
    Root "ROOT" "Wurzel des Verbunds" "Federation root";
    Trust "TRUST" "Aufnahmen, Schlüssel, Vollmachten" "Admissions, keys, grants";
    Complete "COMPLETE" "Nichts über Schlüssel und Ausschlüsse weggelassen" "Nothing about keys and expulsions left out";
    Checkpoint "CHECKPOINT" "Prüfpunkte der Protokolle" "Checkpoints of the logs";
    Witnesses "WITNESSES" "Mitzeichnung der Zeugen" "Cosignatures of the witnesses";
    Inclusion "INCLUSION" "Platz im Protokoll" "Place in the log";
    Position "POSITION" "Reihenfolge: Schlüssel vor Unterschrift" "Order: key before signature";
    Facts "FACTS" "Angebot, Regelwerk, Tatsachen: unterschrieben von zuständiger Stelle" "Offering, rule pack, facts: signed by whom they must be";
    Signers "SIGNERS" "Erklärungen der Beteiligten" "Statements of the parties";
    Chain "CHAIN" "Kette der Erklärungen" "Chain of the statements";
    Outcome "OUTCOME" "Abschluss" "Outcome";
    Price "PRICE" "Preis und Summe" "Price and total";
    Offering "OFFERING" "Angebot in der bestellten Fassung" "Offering in the version ordered";
    Legs "LEGS" "Abschnitte nach § 108 GWB" "Legs under section 108 GWB";
    Officers "OFFICERS" "Betragsgrenzen, Vier-Augen-Prinzip" "Limits, four eyes";
    Times "TIMES" "Fristen nach bezeugten Zeiten" "Deadlines by witnessed times";
    Receipts "RECEIPTS" "Empfangsbestätigungen" "Receipts";
}

macro_rules! gaps {
    ($($variant:ident $code:literal $de:literal $en:literal;)*) => {
        /// What no bundle can show, or this one does not.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum NotChecked {
            $(#[doc = $en] $variant,)*
        }

        impl NotChecked {
            /// The stable word.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// One sentence for a person.
            pub fn text(self, lang: Lang) -> &'static str {
                match (self, lang) { $((Self::$variant, Lang::De) => $de, (Self::$variant, Lang::En) => $en,)* }
            }
        }
    };
}

gaps! {
    LaterRevocations "LATER_REVOCATIONS"
        "Ob Schlüssel, Vollmachten oder Mitgliedschaften nach den Prüfpunkten im Paket widerrufen wurden."
        "Whether keys, grants or memberships were revoked after the checkpoints in the bundle.";
    TruthOfFacts "TRUTH_OF_FACTS"
        "Ob die unterschriebenen Tatsachen wahr sind; geprüft ist nur, wer sie erklärt hat."
        "Whether the facts signed are true; only who stated them was checked.";
    WallClock "WALL_CLOCK"
        "Die Uhren der Zeugen: gezählt wird, wann genügend von ihnen eine Erklärung gesehen hatten; angegebene Zeiten sind nur Angaben."
        "The witnesses' clocks: what counts is when enough of them had seen a statement; times stated are claims.";
    Withheld "WITHHELD"
        "Ob Erklärungen zurückgehalten wurden: andere Versuche, jüngere Tatsachen, widersprechende Erklärungen."
        "Whether statements were withheld: other attempts, newer facts, contradicting statements.";
    LawBeyond "LAW_BEYOND_108"
        "Andere Rechtsfragen als § 108 und § 120 Abs. 4 GWB, etwa Haushalts-, Beihilfe- und Umsatzsteuerrecht."
        "Questions of law other than sections 108 and 120 (4) GWB, such as budget, state aid and VAT law.";
    NoTimestamp "NO_QUALIFIED_TIMESTAMP"
        "Ein qualifizierter Zeitstempel liegt nicht bei."
        "There is no qualified time stamp.";
    TimestampUnchecked "QUALIFIED_TIMESTAMP_UNCHECKED"
        "Zeitstempel passt, Aussteller nicht geprüft: `--tsa-ca` angeben, oder `openssl ts -verify` benutzen."
        "The time stamp fits, its issuer was not checked: give `--tsa-ca`, or use `openssl ts -verify`.";
    OthersContents "CONTENTS_OF_OTHERS"
        "Vertrauliche Erklärungen anderer: von ihnen liegen nur die Prüfsummen vor."
        "Confidential statements of others: only their digests are here.";
    ChainBehind "CHAIN_BEHIND_PART"
        "Ob die Kette hinter dem Einzelabruf hält und die übrigen Anteile stimmen: das zeigt das Prüfpaket der Stelle, die bestellt hat."
        "Whether the chain behind the call-off holds and the other shares are right: that is shown by the bundle of whoever ordered.";
    NoReceipts "NO_RECEIPTS"
        "Wann die Erklärungen angekommen sind: es liegen keine Empfangsbestätigungen bei."
        "When the statements arrived: there are no receipts.";
}

/// One thing a check has to say. A finding ruled *valid* is a remark.
#[derive(Clone, PartialEq, Debug)]
pub struct AuditFinding {
    /// What it is about: a member of the bundle, or an organisation.
    pub subject: String,
    /// How it counts.
    pub ruling: Ruling,
    /// The rule and its values.
    pub refusal: Refusal,
}

/// One check.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// Which.
    pub check: Check,
    /// How many things were examined and found right.
    pub passed: usize,
    /// What there is to say.
    pub findings: Vec<AuditFinding>,
}

impl Row {
    /// The worst of its findings.
    pub fn ruling(&self) -> Ruling {
        self.findings.iter().map(|finding| finding.ruling).max().unwrap_or(Ruling::Valid)
    }
}

/// Where findings are written down while the examination goes on.
#[derive(Clone, Default, Debug)]
pub struct Book {
    rows: BTreeMap<Check, (usize, Vec<AuditFinding>)>,
    spared: BTreeSet<Check>,
}

impl Book {
    /// One thing more is right.
    pub fn pass(&mut self, check: Check) {
        self.rows.entry(check).or_default().0 += 1;
    }

    /// There may be nothing to check here, and that is as it should be.
    pub fn spare(&mut self, check: Check) {
        self.spared.insert(check);
    }

    /// Something is wrong or missing; the refusal says which.
    pub fn refuse(&mut self, check: Check, subject: impl ToString, refusal: Refusal) {
        let ruling = Ruling::of(&refusal);
        self.note(check, subject, ruling, refusal);
    }

    /// Something counts as the caller says.
    pub fn note(&mut self, check: Check, subject: impl ToString, ruling: Ruling, refusal: Refusal) {
        let finding = AuditFinding { subject: subject.to_string(), ruling, refusal };
        self.rows.entry(check).or_default().1.push(finding);
    }

    /// Books a result and gives the value.
    pub fn judge<T>(&mut self, check: Check, subject: impl ToString, result: Result<T, Refusal>) -> Option<T> {
        match result {
            Ok(value) => {
                self.pass(check);
                Some(value)
            }
            Err(refusal) => {
                self.refuse(check, subject, refusal);
                None
            }
        }
    }

    /// Ends the examination. A check that had nothing to look at could not be made; receipts may be absent.
    pub fn close(mut self, mut case: Case) -> Report {
        let rows = Check::ALL.iter().filter_map(|&check| {
            let (passed, mut findings) = self.rows.remove(&check).unwrap_or_default();
            if passed == 0 && findings.is_empty() {
                if check == Check::Receipts {
                    case.not_checked.push(NotChecked::NoReceipts);
                }
                if check == Check::Receipts || self.spared.contains(&check) {
                    return None;
                }
                let refusal = Refusal::new(Reason::EvidenceMissing);
                findings.push(AuditFinding { subject: "bundle".to_owned(), ruling: Ruling::of(&refusal), refusal });
            }
            Some(Row { check, passed, findings })
        });
        let rows = rows.collect();
        case.not_checked.sort();
        Report { rows, case }
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// With a contract on every leg.
    Sealed,
    /// A member's part: with a contract between it and whoever ordered. What stands behind it is not in the bundle.
    CalledOff,
    /// Without one.
    Void(VoidReason),
    /// Not yet.
    Open,
}

/// The leg and what judging it again gave.
#[derive(Clone, PartialEq, Debug)]
pub struct LegLine {
    /// Who awards.
    pub from: OrgId,
    /// To whom.
    pub to: OrgId,
    /// The result.
    pub verdict: Verdict,
    /// The case of section 108 GWB.
    pub basis: Option<Basis>,
    /// Under which number it stands, by the rule pack; empty if nothing relates the two.
    pub paragraph: String,
    /// Whether it rests on assumptions.
    pub assumed: bool,
    /// The conditions that fail or lack a fact, in both languages.
    pub open: Vec<[String; 2]>,
}

/// A fact that is an assumption and on which a leg rests.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Assumption {
    /// The member.
    pub member: String,
    /// What it is about.
    pub about: String,
    /// Its source in its own words.
    pub source: String,
}

/// One log of a replica, computed again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLine {
    /// The log.
    pub origin: Origin,
    /// Its entries.
    pub size: u64,
    /// Those of which the content is here.
    pub contents: u64,
    /// Up to which entry its newest checkpoint reaches.
    pub checkpoint: Option<u64>,
    /// How many witnesses have cosigned that.
    pub witnesses: usize,
    /// How many must.
    pub needed: usize,
}

/// A time stamp over the bundle's list of digests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// When, by the authority's clock.
    pub at: Timestamp,
    /// The authority, as its certificate names it; absent if its signature does not hold.
    pub by: Option<String>,
    /// Whether its certificate leads to one that the auditor trusts.
    pub is_trusted: bool,
}

/// What was examined. As the bundle claims it; the rulings say how much of it holds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Case {
    /// The root the bundle contains.
    pub root: Option<StatementId>,
    /// The order and its attempt.
    pub order: Option<(OrderId, u32)>,
    /// The parties, buyer first, provider last.
    pub parties: Vec<OrgId>,
    /// The offering ordered.
    pub offering: Option<StatementId>,
    /// Its title, seller and version, if it is in the bundle.
    pub offering_title: Option<(String, OrgId, u32)>,
    /// The day of award.
    pub as_of: Option<Date>,
    /// The rule pack it is judged by, and the day on which the procedure began, which chose it.
    pub law: Option<(OrgId, Date)>,
    /// Whether it binds.
    pub mode: Option<Mode>,
    /// The sealed order it changes or prolongs.
    pub amends: Option<Amends>,
    /// The members for whom it was ordered: each with its number for the key and its share of the total.
    pub members: Vec<(OrgId, u64, Cents)>,
    /// The total over the term in years.
    pub total: Option<(Cents, u32)>,
    /// How the attempt ended.
    pub ending: Option<Ending>,
    /// When, by the witnesses' clocks, enough of them had seen the end, in seconds since 1970.
    pub witnessed_at: Option<u64>,
    /// The legs judged again.
    pub legs: Vec<LegLine>,
    /// The assumptions the legs rest on.
    pub assumptions: Vec<Assumption>,
    /// Statements, signatures on them, logs.
    pub counts: [usize; 3],
    /// What was not checked.
    pub not_checked: Vec<NotChecked>,
    /// The logs, if a whole replica was examined.
    pub logs: Vec<LogLine>,
    /// The time stamp, if one over this bundle lies in it.
    pub stamp: Option<Stamp>,
    /// What a person calls the parts.
    pub papers: Papers,
}

/// The result of an audit.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// Every check that was made.
    pub rows: Vec<Row>,
    /// What it was about.
    pub case: Case,
}

impl Report {
    /// The report on what could not be read as a bundle: nothing else can be said of it.
    pub fn unread(subject: &str, refusal: Refusal) -> Self {
        let finding = AuditFinding { subject: subject.to_owned(), ruling: Ruling::of(&refusal), refusal };
        Self {
            rows: vec![Row { check: Check::Container, passed: 0, findings: vec![finding] }],
            case: Case::default(),
        }
    }

    /// The worst of all.
    pub fn ruling(&self) -> Ruling {
        self.rows.iter().map(Row::ruling).max().unwrap_or(Ruling::NotCheckable)
    }

    /// All findings with their check.
    pub fn findings(&self) -> impl Iterator<Item = (Check, &AuditFinding)> {
        self.rows.iter().flat_map(|row| row.findings.iter().map(|finding| (row.check, finding)))
    }
}

impl Ending {
    /// The stable word.
    pub fn code(self) -> &'static str {
        match self {
            Self::Sealed => "SEALED",
            Self::CalledOff => "CALLED_OFF",
            Self::Open => "OPEN",
            Self::Void(VoidReason::Cancelled) => "VOID_CANCELLED",
            Self::Void(VoidReason::Expired) => "VOID_EXPIRED",
            Self::Void(VoidReason::Rejected) => "VOID_REJECTED",
            Self::Void(VoidReason::NotApproved) => "VOID_NOT_APPROVED",
            Self::Void(VoidReason::PriceTooHigh) => "VOID_PRICE_TOO_HIGH",
            Self::Void(VoidReason::Lapsed) => "VOID_LAPSED",
            Self::Void(VoidReason::Rerouted) => "VOID_REROUTED",
            Self::Void(VoidReason::Recalled) => "VOID_RECALLED",
            Self::Void(VoidReason::Superseded) => "VOID_SUPERSEDED",
        }
    }
}

/// A time given in seconds since 1970.
fn instant(seconds: u64) -> Timestamp {
    Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000))
}
