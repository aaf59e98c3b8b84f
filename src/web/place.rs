//! Every address of the page, once: routes are made from it, and links.
use crate::domain::id::{OrderId, StatementId};

/// A page or a file of the node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// The first page.
    Start,
    /// What is on offer.
    Offerings,
    /// One version of an offering.
    Offering(StatementId),
    /// The bytes of it that were signed.
    Bytes(StatementId),
    /// Bytes and signatures as a file for the command line.
    Envelope(StatementId),
    /// Its signature alone.
    Signature(StatementId),
    /// Up to four offerings beside each other.
    Comparison,
    /// The same for a spreadsheet.
    ComparisonFile,
    /// Where a bundle is verified.
    Check,
    /// The same as one file, to be kept.
    CheckFile,
    /// Where an officer signs in.
    SignIn,
    /// What a proof of identity must answer.
    Challenge,
    /// Where one signs out.
    SignOut,
    /// An officer's keys in this browser.
    Keys,
    /// Where a script asks for a grant, and whether it has been given.
    GrantRequest,
    /// What waits for the officer.
    Inbox,
    /// The orders of the officer's organisation.
    Orders,
    /// One of them.
    Order(OrderId),
    /// What happens to it, while it happens.
    Live(OrderId),
    /// Its evidence.
    Bundle(OrderId),
    /// Where an offering is ordered.
    Ordering(StatementId),
    /// What an officer is about to sign about an order.
    Signing(OrderId, &'static str),
    /// Where an organisation lets words of its own be erased.
    Erasing(OrderId),
    /// Where what follows an order is filled in.
    Following(OrderId, &'static str),
    /// Where a contradiction after the seal is settled.
    Settling(OrderId),
    /// Where the other party agrees to that.
    Agreeing(OrderId, StatementId),
    /// Where a script hands in what an officer has signed.
    HandIn,
    /// What municipalities look for.
    Demand,
    /// What the officer's own organisation looks for.
    Needs,
    /// Where it says what it looks for.
    NeedRaising,
    /// Where it takes that back.
    NeedWithdrawing(StatementId),
    /// Where it lets a cooperative order for a need of its own.
    Mandating(StatementId),
    /// What the officer's organisation lets others order, and may order for others.
    Mandates,
    /// Where a colleague approves that.
    MandateApproving(OrderId, StatementId),
    /// How the federation is.
    Nodes,
    /// What programs may call.
    Interfaces,
    /// What is accessible, and to whom to say what is not.
    Accessibility,
    /// What is known of visitors.
    Privacy,
    /// Who answers for the page.
    Imprint,
}

impl Place {
    /// As the router matches it.
    pub(super) const OFFERING: &'static str = "/angebote/{id}";
    pub(super) const BYTES: &'static str = "/angebote/{id}/bytes";
    pub(super) const ENVELOPE: &'static str = "/angebote/{id}/umschlag";
    pub(super) const SIGNATURE: &'static str = "/angebote/{id}/unterschrift";
    pub(super) const ORDER: &'static str = "/bestellungen/{id}";
    pub(super) const ORDERING: &'static str = "/angebote/{id}/bestellen";
    pub(super) const SIGNING: &'static str = "/bestellungen/{id}/unterschreiben/{act}";
    pub(super) const ERASING: &'static str = "/bestellungen/{id}/texte-loeschen";
    pub(super) const FOLLOWING: &'static str = "/bestellungen/{id}/weiter/{act}";
    pub(super) const SETTLING: &'static str = "/bestellungen/{id}/beilegen";
    pub(super) const AGREEING: &'static str = "/bestellungen/{id}/beilegen/{proposal}";
    pub(super) const NEED_WITHDRAWING: &'static str = "/bedarf/{id}/zuruecknehmen";
    pub(super) const MANDATING: &'static str = "/bedarf/{id}/vollmacht";
    pub(super) const MANDATE_APPROVING: &'static str = "/vollmachten/{matter}/{id}";
    pub(super) const LIVE: &'static str = "/bestellungen/{id}/verlauf";
    pub(super) const BUNDLE: &'static str = "/bestellungen/{id}/pruefpaket";

    /// The address.
    pub(super) fn path(self) -> String {
        let of = |pattern: &str, id: StatementId| pattern.replace("{id}", &id.to_string());
        let of_order = |pattern: &str, id: OrderId| pattern.replace("{id}", &id.to_string());
        let fixed = match self {
            Self::Offering(id) => return of(Self::OFFERING, id),
            Self::Bytes(id) => return of(Self::BYTES, id),
            Self::Envelope(id) => return of(Self::ENVELOPE, id),
            Self::Signature(id) => return of(Self::SIGNATURE, id),
            Self::Ordering(id) => return of(Self::ORDERING, id),
            Self::NeedWithdrawing(id) => return of(Self::NEED_WITHDRAWING, id),
            Self::Mandating(id) => return of(Self::MANDATING, id),
            Self::MandateApproving(matter, id) => {
                return of(Self::MANDATE_APPROVING, id).replace("{matter}", &matter.to_string());
            }
            Self::Erasing(id) => return of_order(Self::ERASING, id),
            Self::Following(id, act) => return of_order(Self::FOLLOWING, id).replace("{act}", act),
            Self::Settling(id) => return of_order(Self::SETTLING, id),
            Self::Agreeing(id, proposal) => {
                return of_order(Self::AGREEING, id).replace("{proposal}", &proposal.to_string());
            }
            Self::Signing(id, act) => return of_order(Self::SIGNING, id).replace("{act}", act),
            Self::Order(id) => return of_order(Self::ORDER, id),
            Self::Live(id) => return of_order(Self::LIVE, id),
            Self::Bundle(id) => return of_order(Self::BUNDLE, id),
            Self::SignIn => "/anmelden",
            Self::Challenge => "/anmelden/frage",
            Self::SignOut => "/abmelden",
            Self::Keys => "/schluessel",
            Self::GrantRequest => "/schluessel/antrag",
            Self::HandIn => "/erklaerungen",
            Self::Inbox => "/dran",
            Self::Orders => "/bestellungen",
            Self::Start => "/",
            Self::Offerings => "/angebote",
            Self::Comparison => "/vergleich",
            Self::ComparisonFile => "/vergleich/vergleich.csv",
            Self::Check => "/pruefen",
            Self::CheckFile => "/pruefen/verbund-pruefen.html",
            Self::Demand => "/bedarf",
            Self::Needs => "/bedarf/eigener",
            Self::Mandates => "/vollmachten",
            Self::NeedRaising => "/bedarf/melden",
            Self::Nodes => "/knoten",
            Self::Interfaces => "/schnittstellen",
            Self::Accessibility => "/barrierefreiheit",
            Self::Privacy => "/datenschutz",
            Self::Imprint => "/impressum",
        };
        fixed.to_owned()
    }
}
