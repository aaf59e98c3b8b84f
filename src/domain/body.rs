//! Reading a statement's body: from the kind inside the signed bytes to a typed document that meets its own rules.
use crate::domain::connection::{ConnectionProfile, ConnectionReport};
use crate::domain::facts::{EntityFacts, Membership};
use crate::domain::id::{OfficerName, OrderId, OrgId, checked_count};
use crate::domain::json;
use crate::domain::offering::{Need, NeedWithdrawal, Offering, Withdrawal};
use crate::domain::order::call_off::CallOff;
use crate::domain::order::erasure::Erasure;
use crate::domain::order::mandate::Mandate;
use crate::domain::order::milestone::Milestone;
use crate::domain::order::settlement::Settlement;
use crate::domain::order::{
    Accept, Access, Confirm, Counter, Decision, Decline, Endorse, LateNotice, Recall, Receipt, Reminder, Request,
    Seal, Void,
};
use crate::domain::price::{Tariff, check_offered};
use crate::domain::reason::Refusal;
use crate::domain::rule_pack::RulePack;
use crate::domain::statement::{Kind, Signed};
use crate::domain::time::Timestamp;
use crate::domain::trust::documents::{
    Admission, Expulsion, FederationRoot, KeyEvent, NodeRecord, OfficerGrant, OfficerRole, Recovery, Succession,
};

macro_rules! bodies {
    ($($variant:ident($type:ty));* $(;)?) => {
        /// A statement's body.
        #[derive(Clone, PartialEq, Debug)]
        pub enum Body {
            $(#[doc = concat!("See [`", stringify!($type), "`].")] $variant($type),)*
            /// A kind of a later version.
            Unknown,
        }

        /// Who may say what an organisation needs: who buys knows it, and what runs at home, and what was tried.
pub const NEED_ROLES: &[OfficerRole] = &[OfficerRole::Publisher, OfficerRole::Buyer];

impl Body {
            /// Reads the body that the statement's kind asks for. Signatures are not looked at.
            pub fn read(signed: &Signed) -> Result<Self, Refusal> {
                signed.take_ahead().map_or_else(|| Self::parse(signed), Ok)
            }

            fn parse(signed: &Signed) -> Result<Self, Refusal> {
                Self::read_payload(signed.kind(), signed.payload())
            }

            /// Reads the body of a statement that nobody need have signed yet.
            pub fn read_payload(kind: &Kind, payload: &[u8]) -> Result<Self, Refusal> {
                let body = match kind {
                    $(Kind::$variant => Self::$variant(json::read_body::<$type>(payload)?),)*
                    Kind::Unknown(_) => json::check_body(payload).map(|()| Self::Unknown)?,
                };
                body.check()?;
                // Every message of an order counts its attempts alike.
                body.order().map_or(Ok(()), |(_, attempt)| checked_count("attempt", attempt))?;
                Ok(body)
            }

            /// Reads a body and keeps it, for whoever holds few statements and asks for each of them many times.
            pub fn keep(signed: &Signed) {
                if let Ok(body) = Self::parse(signed) {
                    signed.keep_ahead(body);
                }
            }

            /// Reads a body on whatever core is free, for whoever asks next. What cannot be read is left to them.
            pub fn read_ahead(signed: &Signed) {
                if let Ok(body) = Self::parse(signed) {
                    signed.put_ahead(body);
                }
            }
        }
    };
}

bodies! {
    FederationRoot(FederationRoot);
    Admission(Admission);
    Expulsion(Expulsion);
    KeyEvent(KeyEvent);
    NodeRecord(NodeRecord);
    OfficerGrant(OfficerGrant);
    Recovery(Recovery);
    Succession(Succession);
    Membership(Membership);
    EntityFacts(EntityFacts);
    Offering(Offering);
    Withdrawal(Withdrawal);
    ConnectionReport(ConnectionReport);
    ConnectionProfile(ConnectionProfile);
    Need(Need);
    NeedWithdrawal(NeedWithdrawal);
    RulePack(RulePack);
    Tariff(Tariff);
    Request(Request);
    Decision(Decision);
    Endorse(Endorse);
    Accept(Accept);
    Reject(Decline);
    Counter(Counter);
    Decline(Decline);
    Seal(Seal);
    Void(Void);
    Confirm(Confirm);
    Recall(Recall);
    LateNotice(LateNotice);
    Reminder(Reminder);
    Milestone(Milestone);
    Settlement(Settlement);
    Erasure(Erasure);
    Mandate(Mandate);
    CallOff(CallOff);
    Receipt(Receipt);
    Access(Access);
}

/// Who must sign a statement with one signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignerRule {
    /// The organisation's statement key.
    Organisation,
    /// An officer with one of these roles.
    Officer(&'static [OfficerRole]),
    /// Either.
    Either(&'static [OfficerRole]),
}

impl Body {
    /// The rules a body must meet on its own.
    fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::FederationRoot(body) => body.check(),
            Self::Admission(body) => body.check(),
            Self::Expulsion(body) => body.check(),
            Self::KeyEvent(body) => body.check(),
            Self::Recovery(body) => body.check(),
            Self::Succession(body) => body.check(),
            Self::NodeRecord(body) => body.check(),
            Self::OfficerGrant(body) => body.check(),
            Self::Membership(body) => body.check(),
            Self::EntityFacts(body) => body.check(),
            Self::RulePack(body) => body.check(),
            Self::Offering(body) => body.check(),
            Self::Withdrawal(body) => body.check(),
            Self::ConnectionReport(body) => body.check(),
            Self::ConnectionProfile(body) => body.check(),
            Self::Need(body) => body.check(),
            Self::NeedWithdrawal(body) => body.check(),
            Self::Tariff(body) => body.check(),
            Self::Request(body) => body.check(),
            Self::Accept(body) => check_offered(&body.components),
            Self::Counter(body) => check_offered(&body.components),
            Self::Reject(body) | Self::Decline(body) => body.check(),
            Self::Recall(body) => body.check(),
            Self::Milestone(body) => body.check(),
            Self::Settlement(body) => body.check(),
            Self::Erasure(body) => body.check(),
            Self::Mandate(body) => body.check(),
            Self::CallOff(body) => body.check_terms(),
            Self::Seal(body) => body.check(),
            Self::Decision(_)
            | Self::Endorse(_)
            | Self::Confirm(_)
            | Self::Void(_)
            | Self::LateNotice(_)
            | Self::Reminder(_)
            | Self::Receipt(_)
            | Self::Access(_)
            | Self::Unknown => Ok(()),
        }
    }

    /// Whether it says who may sign what.
    pub fn is_trust(&self) -> bool {
        matches!(
            self,
            Self::FederationRoot(_)
                | Self::Admission(_)
                | Self::Expulsion(_)
                | Self::KeyEvent(_)
                | Self::NodeRecord(_)
                | Self::OfficerGrant(_)
                | Self::Recovery(_)
                | Self::Succession(_)
        )
    }

    /// Whose key must have signed, for statements with one signature; none for the kinds with rules of their own.
    pub fn signer_rule(&self) -> Option<(&OrgId, SignerRule)> {
        const PUBLISH: SignerRule = SignerRule::Either(&[OfficerRole::Publisher]);
        const NEED: SignerRule = SignerRule::Either(NEED_ROLES);
        const BUY: SignerRule = SignerRule::Officer(&[OfficerRole::Buyer]);
        const DECIDE: SignerRule = SignerRule::Officer(&[OfficerRole::Approver]);
        const WITHDRAW: SignerRule = SignerRule::Either(&[OfficerRole::Approver]);
        const TELL: SignerRule = SignerRule::Officer(&[OfficerRole::Buyer, OfficerRole::Approver]);
        const CLOSE: SignerRule = SignerRule::Either(&[OfficerRole::Buyer, OfficerRole::Approver]);
        const ANY: SignerRule = SignerRule::Officer(&[
            OfficerRole::Buyer,
            OfficerRole::Approver,
            OfficerRole::Publisher,
            OfficerRole::Auditor,
        ]);
        Some(match self {
            Self::Membership(body) => (&body.of, PUBLISH),
            Self::EntityFacts(body) => (&body.org, PUBLISH),
            Self::Offering(body) => (&body.seller, PUBLISH),
            Self::Withdrawal(body) => (&body.seller, PUBLISH),
            Self::ConnectionReport(body) => (&body.municipality, NEED),
            Self::ConnectionProfile(body) => (&body.municipality, NEED),
            Self::Need(body) => (&body.municipality, NEED),
            Self::NeedWithdrawal(body) => (&body.municipality, NEED),
            Self::Tariff(body) => (&body.org, PUBLISH),
            Self::Request(body) => (&body.buyer, BUY),
            Self::Decision(body) => (&body.org, DECIDE),
            Self::Endorse(body) => (&body.from, SignerRule::Organisation),
            Self::Accept(body) => (&body.from, SignerRule::Organisation),
            Self::Reject(body) | Self::Decline(body) => (&body.from, SignerRule::Organisation),
            Self::Counter(body) => (&body.from, SignerRule::Organisation),
            Self::Seal(body) => (&body.buyer, CLOSE),
            Self::Void(body) => (&body.buyer, CLOSE),
            Self::Confirm(body) => (&body.from, DECIDE),
            Self::Recall(body) => (&body.from, WITHDRAW),
            Self::LateNotice(body) => (&body.buyer, SignerRule::Organisation),
            Self::Reminder(body) => (&body.org, SignerRule::Organisation),
            Self::Milestone(body) => (&body.from, TELL),
            Self::Settlement(body) => (&body.from, DECIDE),
            Self::Erasure(body) => (&body.from, TELL),
            Self::Mandate(body) => (&body.org, TELL),
            Self::CallOff(body) => (&body.from, SignerRule::Organisation),
            Self::Receipt(body) => (&body.from, SignerRule::Organisation),
            Self::Access(body) => (&body.org, ANY),
            _ => return None,
        })
    }

    /// The time the signer claims, where the kind has one. Information, and the day a grant is compared with.
    pub fn signed_at(&self) -> Option<Timestamp> {
        match self {
            Self::Request(body) => Some(body.signed_at),
            Self::Decision(body) => Some(body.signed_at),
            Self::Endorse(body) => Some(body.signed_at),
            Self::Accept(body) => Some(body.signed_at),
            Self::Reject(body) | Self::Decline(body) => Some(body.signed_at),
            Self::Counter(body) => Some(body.signed_at),
            Self::Seal(body) => Some(body.signed_at),
            Self::Void(body) => Some(body.signed_at),
            Self::Confirm(body) => Some(body.signed_at),
            Self::Recall(body) => Some(body.signed_at),
            Self::LateNotice(body) => Some(body.signed_at),
            Self::Reminder(body) => Some(body.signed_at),
            Self::Milestone(body) => Some(body.signed_at),
            Self::Settlement(body) => Some(body.signed_at),
            Self::Erasure(body) => Some(body.signed_at),
            Self::Mandate(body) => Some(body.signed_at),
            Self::CallOff(body) => Some(body.signed_at),
            Self::Receipt(body) => Some(body.received_at),
            Self::Access(body) => Some(body.signed_at),
            _ => None,
        }
    }

    /// With an officer: whether the body, where it names its officer, names this one. Without: whether it names any.
    pub fn names_officer(&self, officer: Option<&OfficerName>) -> bool {
        let named = match self {
            Self::Request(body) => Some(&body.officer),
            Self::Decision(body) => Some(&body.officer),
            Self::Access(body) => Some(&body.officer),
            Self::Seal(body) => body.officer.as_ref(),
            Self::Void(body) => body.officer.as_ref(),
            Self::Confirm(body) => Some(&body.officer),
            Self::Recall(body) => body.officer.as_ref(),
            Self::Milestone(body) => Some(&body.officer),
            Self::Settlement(body) => Some(&body.officer),
            Self::Erasure(body) => Some(&body.officer),
            Self::Mandate(body) => Some(&body.officer),
            _ => return officer.is_some(),
        };
        match officer {
            Some(_) => named == officer,
            None => named.is_some(),
        }
    }

    /// The order and attempt an order message belongs to.
    pub fn order(&self) -> Option<(OrderId, u32)> {
        match self {
            Self::Request(body) => Some((body.order, body.attempt)),
            Self::Decision(body) => Some((body.order, body.attempt)),
            Self::Endorse(body) => Some((body.order, body.attempt)),
            Self::Accept(body) => Some((body.order, body.attempt)),
            Self::Reject(body) | Self::Decline(body) => Some((body.order, body.attempt)),
            Self::Counter(body) => Some((body.order, body.attempt)),
            Self::Seal(body) => Some((body.order, body.attempt)),
            Self::Void(body) => Some((body.order, body.attempt)),
            Self::Confirm(body) => Some((body.order, body.attempt)),
            Self::Recall(body) => Some((body.order, body.attempt)),
            Self::LateNotice(body) => Some((body.order, body.attempt)),
            Self::Reminder(body) => Some((body.order, body.attempt)),
            Self::Milestone(body) => Some((body.order, body.attempt)),
            Self::Settlement(body) => Some((body.order, body.attempt)),
            Self::Erasure(body) => Some((body.order, body.attempt)),
            Self::Mandate(body) => Some((body.order, body.attempt)),
            Self::CallOff(body) => Some((body.order, body.attempt)),
            Self::Receipt(body) => Some((body.order, body.attempt)),
            _ => None,
        }
    }
}
