//! Feeds: what has changed since a position, a batch at a time. A token names the position and what it is a position in: the
//! feed, the question, the store that counts. One of anything else is refused, because it would leave something out.
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::id::{OrderId, OrgId, sha256};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::time::Timestamp;
use crate::protocol::catalogue::Standing;
use crate::view::View;
use crate::view::orders::{SPOT_MAX, SPOT_MIN, Spot};
use crate::wire::catalogue::entry;
use crate::wire::optional;
use crate::wire::order::summary;
use crate::wire::page::encoded_bytes;
use crate::wire::pb::catalogue::v1 as pb;
use crate::wire::pb::order::v1 as pb_order;

/// Most events of one look at what is committed: a reader's turn takes some milliseconds.
const BATCH_MAX: usize = 100;

/// Most bytes of them: an offering may have forty kilobytes, and every feed may hold one batch.
const BATCH_BYTES_MAX: usize = 256 * 1024;

/// Most changed offerings that one look passes over because they are another seller's.
const LOOKED_AT_MAX: usize = 10_000;

const BOUND_BYTES: usize = 8;
const TOKEN_BYTES: usize = BOUND_BYTES + 8 + 16;

/// How far a feed has been told: a count, and where two things may have the same, which of them came last.
pub type Position = Spot;

/// What has changed, up to a position.
#[derive(Debug)]
pub struct Batch<M> {
    /// What to say, each with the token to go on from, and the position that it names.
    pub events: Vec<(Position, M)>,
    /// Up to where all of it is said.
    pub position: Position,
    /// Whether nothing more has changed by now.
    pub is_all: bool,
}

/// A feed that can be read from a view.
pub trait Feed: Clone + Send + 'static {
    /// What it says.
    type Message: Send + 'static;

    /// What its positions are positions in.
    fn binding(&self, view: &View, now: Timestamp) -> Binding;

    /// Up to where something may have changed. Cheap.
    fn newest(&self, view: &View) -> Position;

    /// What has changed after a position.
    fn batch(&self, view: &View, now: Timestamp, after: Position) -> Batch<Self::Message>;

    /// The last word.
    fn end(token: String, end: pb::FeedEnd) -> Self::Message;
}

/// Feed, question and store of a position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Binding([u8; BOUND_BYTES]);

impl Binding {
    fn of(feed: &str, question: &str, view: &View) -> Self {
        let hash = sha256(format!("{feed}\0{question}\0{}", view.positions_rest_on()).as_bytes());
        Self(std::array::from_fn(|at| hash[at]))
    }

    /// The token of a position.
    pub fn token(self, (count, OrderId(last)): Position) -> String {
        URL_SAFE_NO_PAD.encode([&self.0[..], &count.to_be_bytes(), &last].concat())
    }

    /// The position of a token, no later than the newest; the beginning for none.
    pub fn position(self, token: &str, newest: Position) -> Result<Position, Refusal> {
        if token.is_empty() {
            return Ok(SPOT_MIN);
        }
        let invalid =
            |rule: &str| Refusal::new(Reason::ResumeInvalid).with("field", "resume_token").with("rule", rule);
        // Nothing longer is decoded.
        let bytes = Some(token).filter(|token| token.len() <= 2 * TOKEN_BYTES);
        let bytes = bytes.and_then(|token| URL_SAFE_NO_PAD.decode(token).ok());
        let bytes: [u8; TOKEN_BYTES] =
            bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| invalid("not a token"))?;
        let (bound, position) = bytes.split_at(BOUND_BYTES);
        if bound != self.0 {
            return Err(invalid("made for another feed"));
        }
        let (count, last) = position.split_at(8);
        let count = count.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let position = (count, OrderId(std::array::from_fn(|at| last[at])));
        if position > newest { Err(invalid("later than anything here")) } else { Ok(position) }
    }
}

/// What has changed on offer.
#[derive(Clone, Debug)]
pub struct OfferingFeed {
    seller: Option<OrgId>,
}

impl TryFrom<&pb::WatchOfferingsRequest> for OfferingFeed {
    type Error = Refusal;

    fn try_from(message: &pb::WatchOfferingsRequest) -> Result<Self, Refusal> {
        let pb::WatchOfferingsRequest { resume_token: _, seller, until_now: _ } = message;
        Ok(Self { seller: optional("seller", seller)? })
    }
}

impl OfferingFeed {
    fn change(view: &View, (seller, name): &(OrgId, OrgId)) -> pb::OfferingChange {
        let catalogue = view.public().catalogue;
        let standing = match catalogue.standing(seller, name) {
            Standing::OnOffer => pb::OfferingStanding::OnOffer,
            Standing::Withdrawn => pb::OfferingStanding::Withdrawn,
            Standing::Suspended => pb::OfferingStanding::Suspended,
            Standing::Gone => pb::OfferingStanding::Gone,
        };
        pb::OfferingChange {
            standing: standing.into(),
            name: Some(pb::OfferingName { seller: seller.to_string(), name: name.to_string() }),
            entry: catalogue.row(seller, name).map(|row| entry(view, &row.id, &row.offering)),
            versions: u32::try_from(catalogue.versions(seller, name).count()).unwrap_or(u32::MAX),
        }
    }
}

impl Feed for OfferingFeed {
    type Message = pb::WatchOfferingsResponse;

    fn binding(&self, view: &View, _: Timestamp) -> Binding {
        Binding::of("offerings", self.seller.as_ref().map_or("", OrgId::as_str), view)
    }

    fn newest(&self, view: &View) -> Position {
        (view.public().catalogue.position(), SPOT_MAX.1)
    }

    fn batch(&self, view: &View, now: Timestamp, after: Position) -> Batch<Self::Message> {
        let binding = self.binding(view, now);
        let (mut events, mut position, mut bytes, mut looked_at) = (Vec::new(), after, 0, 0);
        for (at, key) in view.public().catalogue.changes_after(after.0) {
            if events.len() >= BATCH_MAX || bytes >= BATCH_BYTES_MAX || looked_at >= LOOKED_AT_MAX {
                return Batch { events, position, is_all: false };
            }
            (position, looked_at) = ((at, SPOT_MIN.1), looked_at + 1);
            if self.seller.as_ref().is_some_and(|seller| *seller != key.0) {
                continue;
            }
            let said = pb::watch_offerings_response::Said::Change(Self::change(view, key));
            let event = pb::WatchOfferingsResponse { resume_token: binding.token(position), said: Some(said) };
            bytes += encoded_bytes(&event);
            events.push((position, event));
        }
        Batch { events, position, is_all: true }
    }

    fn end(resume_token: String, end: pb::FeedEnd) -> Self::Message {
        let said = Some(pb::watch_offerings_response::Said::End(end));
        pb::WatchOfferingsResponse { resume_token, said }
    }
}

/// The orders of an organisation as they change.
#[derive(Clone, Debug)]
pub struct OrderFeed {
    /// Whose.
    pub org: OrgId,
}

impl Feed for OrderFeed {
    type Message = pb_order::WatchOrdersResponse;

    fn binding(&self, view: &View, now: Timestamp) -> Binding {
        // Whoever succeeds somebody sees more orders, some of which changed long ago.
        let orgs: Vec<String> = view.spoken_for(&self.org, now).iter().map(ToString::to_string).collect();
        Binding::of("orders", &orgs.join(" "), view)
    }

    fn newest(&self, view: &View) -> Position {
        (view.orders_whole_to(), SPOT_MAX.1)
    }

    fn batch(&self, view: &View, now: Timestamp, after: Position) -> Batch<Self::Message> {
        let (binding, newest) = (self.binding(view, now), self.newest(view));
        let orgs = view.spoken_for(&self.org, now);
        let rows: Vec<_> = view.orders_changed(&orgs, None, (after, newest), false).take(BATCH_MAX + 1).collect();
        let is_all = rows.len() <= BATCH_MAX;
        let events = rows.iter().take(BATCH_MAX).map(|row| {
            let said = Some(pb_order::watch_orders_response::Said::Order(summary(view, row)));
            (row.spot(), pb_order::WatchOrdersResponse { resume_token: binding.token(row.spot()), said })
        });
        let events: Vec<_> = events.collect();
        let position = match rows.get(BATCH_MAX - 1).filter(|_| !is_all) {
            Some(last) => last.spot(),
            None => newest.max(after),
        };
        Batch { events, position, is_all }
    }

    fn end(resume_token: String, end: pb::FeedEnd) -> Self::Message {
        pb_order::WatchOrdersResponse { resume_token, said: Some(pb_order::watch_orders_response::Said::End(end)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::law::tests::org;
    use crate::domain::offering::{Offering, Withdrawal};
    use crate::domain::statement::{Kind, Signed};
    use crate::protocol::explain::fixture::{Town, by_rule, offering};

    fn offer(town: &mut Town, name: &str, version: u32) {
        let body = Offering { name: org(name), version, ..offering() };
        town.publish(&Signed::sign(&Kind::Offering, &body, &[&Town::statement_key("provider")]))
            .expect("a newer version");
    }

    /// What is told after a token, and the token behind it.
    fn told(town: &Town, seller: &str, token: &str) -> (Vec<(String, pb::OfferingStanding, u32)>, String) {
        let request = pb::WatchOfferingsRequest { seller: seller.to_owned(), ..Default::default() };
        let (feed, view) = (OfferingFeed::try_from(&request).expect("a name"), View::of(&town.node, town.now));
        let binding = feed.binding(&view, town.now);
        let mut position = binding.position(token, feed.newest(&view)).expect("its own");
        let mut changes = Vec::new();
        loop {
            let batch = feed.batch(&view, town.now, position);
            assert!(batch.events.len() <= BATCH_MAX && (batch.is_all || batch.position > position));
            for (at, event) in batch.events {
                assert_eq!(event.resume_token, binding.token(at));
                let Some(pb::watch_offerings_response::Said::Change(change)) = event.said else { panic!("a change") };
                let name = change.name.clone().expect("always set").name;
                changes.push((name, change.standing(), change.versions));
            }
            position = batch.position;
            if batch.is_all {
                return (changes, binding.token(position));
            }
        }
    }

    #[test]
    fn an_offering_is_told_once_as_it_stands_now() {
        use pb::OfferingStanding::{OnOffer, Withdrawn};
        let mut town = Town::new(by_rule());
        let (first, token) = told(&town, "", "");
        assert_eq!(first, [("wohngeld".to_owned(), OnOffer, 1)]);
        assert_eq!(told(&town, "", &token).0, []);
        offer(&mut town, "a", 1);
        offer(&mut town, "b", 1);
        offer(&mut town, "a", 2);
        let (seller, name, reason) = (org("provider"), org("wohngeld"), "eingestellt".to_owned());
        let withdrawal = Withdrawal { seller, name, version: 1, reason };
        let key = Town::statement_key("provider");
        town.publish(&Signed::sign(&Kind::Withdrawal, &withdrawal, &[&key])).expect("its own");
        let later = [("b", OnOffer, 1), ("a", OnOffer, 2), ("wohngeld", Withdrawn, 1)];
        let later = later.map(|(name, standing, versions)| (name.to_owned(), standing, versions));
        assert_eq!(told(&town, "", &token).0, later);
        assert_eq!(told(&town, "provider", "").0, later);
        assert_eq!(told(&town, "kitu", "").0, []);
    }

    #[test]
    fn however_much_there_is_it_comes_in_batches_and_whole() {
        let mut town = Town::new(by_rule());
        let names: Vec<String> = (0..2 * BATCH_MAX + 5).map(|number| format!("dienst-{number}")).collect();
        names.iter().for_each(|name| offer(&mut town, name, 1));
        let told: Vec<String> = told(&town, "", "").0.into_iter().skip(1).map(|(name, ..)| name).collect();
        assert_eq!(told, names);
    }

    #[test]
    fn a_position_in_one_sellers_feed_is_none_in_anothers() {
        let town = Town::new(by_rule());
        let view = View::of(&town.node, town.now);
        let feeds = ["", "provider", "kitu"].map(|seller| {
            let request = pb::WatchOfferingsRequest { seller: seller.to_owned(), ..Default::default() };
            OfferingFeed::try_from(&request).expect("a name").binding(&view, town.now)
        });
        let orders = ["town", "kitu"].map(|party| OrderFeed { org: org(party) }.binding(&view, town.now));
        let all: Vec<Binding> = feeds.into_iter().chain(orders).collect();
        for (at, one) in all.iter().enumerate() {
            for (other, binding) in all.iter().enumerate() {
                let read = binding.position(&one.token((1, SPOT_MIN.1)), (9, SPOT_MAX.1));
                assert_eq!(read.is_ok(), at == other, "{at} {other}");
            }
        }
    }
}
