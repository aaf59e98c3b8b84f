//! Feeds on their way to whoever follows them: a batch is read from what was committed last, sent, and only then is the next
//! one read. Nothing is held but that batch, however much there is to tell; whoever reads too slowly is told to come back.
use std::time::Duration;

use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{Desk, until_stopped};
use crate::domain::reason::{Reason, Refusal};
use crate::node::handle::Handle;
use crate::wire::feed::{Batch, Binding, Feed, Position};
use crate::wire::pb::catalogue::v1 as pb;

/// How long anything is watched under one proof of identity; whoever was revoked meanwhile does not come back.
pub const WATCH_MAX: Duration = Duration::from_secs(15 * 60);

/// How long a message waits to be read. Afterwards the reader is cut, and goes on from where it was when it has time.
const READ_MAX: Duration = Duration::from_secs(30);

/// Messages that wait for a reader beside the batch, so that it need not wait for the next look.
const QUEUE: usize = 8;

/// A busy node commits hundreds of times a second; a feed looks a few times.
const GATHER: Duration = Duration::from_millis(200);

/// Why a stream ends that has run for so long.
pub const TIME_UP: &str = "TIME_UP";

/// From where on, and for how long.
pub struct Wanted {
    /// Where the last stream ended; empty for the beginning.
    pub resume_token: String,
    /// Whether to end once all is told that has changed by now.
    pub until_now: bool,
}

/// Why a feed ends.
enum End {
    Resume(&'static str),
    Over(&'static str),
    /// Nobody reads any more.
    Gone,
}

impl Desk {
    /// Begins a feed after its token is judged; `place` is held until it ends.
    pub(super) async fn feed<F: Feed>(
        &self,
        feed: F,
        place: impl Send + 'static,
        wanted: Wanted,
    ) -> Result<ReceiverStream<Result<F::Message, Status>>, Refusal> {
        begin(self.handle.clone(), self.stopped.clone(), feed, place, wanted).await.map(ReceiverStream::new)
    }
}

async fn begin<F: Feed>(
    handle: Handle,
    stopped: watch::Receiver<bool>,
    feed: F,
    place: impl Send + 'static,
    wanted: Wanted,
) -> Result<mpsc::Receiver<Result<F::Message, Status>>, Refusal> {
    let Wanted { resume_token, until_now } = wanted;
    let asked = feed.clone();
    let looked = handle.look(move |view, now| {
        let binding = asked.binding(view, now);
        Ok((binding, binding.position(&resume_token, asked.newest(view))?))
    });
    let (binding, position) = looked.await?;
    // One place is kept for the last word, so that a reader with a full queue finds it behind the rest.
    let (sender, receiver) = mpsc::channel(QUEUE + 1);
    let last_word = sender.clone().reserve_owned().await.map_err(|_| Refusal::new(Reason::Unreachable))?;
    let mut telling = Telling { handle, feed, binding, position, sender, until_now };
    tokio::spawn(async move {
        let _place = place;
        let end = tokio::select! {
            end = tokio::time::timeout(WATCH_MAX, telling.run()) => end.unwrap_or(End::Resume(TIME_UP)),
            refusal = until_stopped(stopped) => End::Resume(refusal.reason.code()),
        };
        let (verdict, reason) = match end {
            End::Resume(reason) => (pb::FeedVerdict::Resume, reason),
            End::Over(reason) => (pb::FeedVerdict::Over, reason),
            End::Gone => return,
        };
        let end = pb::FeedEnd { verdict: verdict.into(), reason: reason.to_owned() };
        last_word.send(Ok(F::end(telling.binding.token(telling.position), end)));
    });
    Ok(receiver)
}

/// A feed that is being told.
struct Telling<F: Feed> {
    handle: Handle,
    feed: F,
    binding: Binding,
    /// Up to where everything has been handed over.
    position: Position,
    sender: mpsc::Sender<Result<F::Message, Status>>,
    until_now: bool,
}

impl<F: Feed> Telling<F> {
    async fn run(&mut self) -> End {
        let mut views = self.handle.views();
        loop {
            let seen = views.borrow_and_update().as_ref().map(|view| self.feed.newest(view));
            match self.tell().await {
                Ok(false) => continue,
                Ok(true) if self.until_now => return End::Over("ALL_TOLD"),
                Ok(true) => {}
                Err(end) => return end,
            }
            // Most commits change nothing that it tells of.
            loop {
                let changed = tokio::select! {
                    () = self.sender.closed() => return End::Gone,
                    changed = views.changed() => changed,
                };
                if changed.is_err() {
                    return End::Resume(Reason::ShuttingDown.code());
                }
                tokio::time::sleep(GATHER).await;
                let newest = views.borrow_and_update().as_ref().map(|view| self.feed.newest(view));
                if newest != seen {
                    break;
                }
            }
        }
    }

    /// Tells one batch; whether it was all by now.
    async fn tell(&mut self) -> Result<bool, End> {
        let (feed, binding, after) = (self.feed.clone(), self.binding, self.position);
        let looked = self.handle.look(move |view, now| {
            // Positions that are counted anew meanwhile are no positions of this feed.
            let is_same = feed.binding(view, now) == binding;
            Ok(is_same.then(|| feed.batch(view, now, after)))
        });
        let Batch { events, position, is_all } = match looked.await {
            Ok(Some(batch)) => batch,
            Ok(None) => return Err(End::Over(Reason::ResumeInvalid.code())),
            Err(refusal) => return Err(End::Resume(refusal.reason.code())),
        };
        for (at, event) in events {
            match self.sender.send_timeout(Ok(event), READ_MAX).await {
                Ok(()) => self.position = at,
                Err(SendTimeoutError::Timeout(_)) => return Err(End::Resume("READER_SLOW")),
                Err(SendTimeoutError::Closed(_)) => return Err(End::Gone),
            }
        }
        self.position = position;
        Ok(is_all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::OrgId;
    use crate::domain::time::Timestamp;
    use crate::node::driver::Driver;
    use crate::node::ports::{Clock, Nobody};
    use crate::protocol::explain::fixture::{Town, by_rule};
    use crate::store::memory::MemoryStore;
    use crate::wire::feed::{OfferingFeed, OrderFeed};
    use crate::wire::pb::order::v1::{WatchOrdersResponse, watch_orders_response::Said};

    struct At(Timestamp);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    /// A node with so many orders, a handle on it and the word that stops it.
    async fn node(orders: usize) -> (Handle, watch::Sender<bool>) {
        let town = Town::new(by_rule());
        let requests: Vec<_> = (0..orders).map(|number| town.request(&format!("r{number}"), |_| ())).collect();
        let (driver, handle) = Driver::new(town.node, MemoryStore::new(), At(town.now), |_| Nobody);
        tokio::spawn(driver.run());
        for request in requests {
            handle.officer(request).await.expect("a good request");
        }
        (handle, watch::Sender::new(false))
    }

    type Told = mpsc::Receiver<Result<WatchOrdersResponse, Status>>;

    async fn orders(
        handle: &Handle,
        stopped: &watch::Sender<bool>,
        resume_token: &str,
        until_now: bool,
    ) -> Result<Told, Refusal> {
        let org: OrgId = "town".parse().expect("a name");
        let wanted = Wanted { resume_token: resume_token.to_owned(), until_now };
        begin(handle.clone(), stopped.subscribe(), OrderFeed { org }, (), wanted).await
    }

    /// The orders told, the last token, and the last word.
    async fn all(mut told: Told) -> (Vec<String>, String, (pb::FeedVerdict, String)) {
        let mut ids = Vec::new();
        while let Some(message) = told.recv().await {
            let WatchOrdersResponse { resume_token, said } = message.expect("no status");
            match said.expect("always set") {
                Said::Order(order) => ids.push(order.id),
                Said::End(end) => return (ids, resume_token, (end.verdict(), end.reason)),
            }
        }
        panic!("it ends without a word")
    }

    fn resume(reason: &str) -> (pb::FeedVerdict, String) {
        (pb::FeedVerdict::Resume, reason.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_too_slowly_is_cut_and_goes_on_without_a_gap() {
        const ORDERS: usize = 2 * QUEUE;
        let (handle, stopped) = node(ORDERS).await;
        let told = orders(&handle, &stopped, "", false).await.expect("a token");
        tokio::time::sleep(2 * READ_MAX).await;
        let (first, token, end) = all(told).await;
        assert_eq!((first.len(), end), (QUEUE, resume("READER_SLOW")), "no more is held");
        let (rest, token, end) = all(orders(&handle, &stopped, &token, true).await.expect("a token")).await;
        assert_eq!((rest.len(), end), (ORDERS - QUEUE, (pb::FeedVerdict::Over, "ALL_TOLD".to_owned())));
        let both: std::collections::BTreeSet<_> = first.iter().chain(&rest).collect();
        assert_eq!(both.len(), ORDERS, "each once");
        let (none, ..) = all(orders(&handle, &stopped, &token, true).await.expect("a token")).await;
        assert!(none.is_empty(), "nothing has happened since: {none:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_feed_ends_with_its_time_and_with_the_node_and_says_so() {
        let (handle, stopped) = node(1).await;
        let (told, _, end) = all(orders(&handle, &stopped, "", false).await.expect("a token")).await;
        assert_eq!((told.len(), end), (1, resume(TIME_UP)));
        let told = orders(&handle, &stopped, "", false).await.expect("a token");
        stopped.send_replace(true);
        assert_eq!(all(told).await.2, resume("SHUTTING_DOWN"));
    }

    #[tokio::test]
    async fn a_position_of_something_else_is_refused() {
        let (handle, stopped) = node(1).await;
        let (_, token, _) = all(orders(&handle, &stopped, "", true).await.expect("a token")).await;
        let (other, ..) = node(1).await;
        assert!(orders(&other, &stopped, &token, true).await.is_ok(), "the same log at the same node");
        for wrong in ["?", "AAAA", &token[1..], &format!("A{}", &token[1..]), &format!("{token}{token}")] {
            let refusal = orders(&handle, &stopped, wrong, true).await.expect_err("wrong");
            assert_eq!(refusal.reason, Reason::ResumeInvalid, "{wrong}");
        }
        let ahead = format!("{}{}", &token[..token.len() - 24], "_".repeat(24));
        let refusal = orders(&handle, &stopped, &ahead, true).await.expect_err("later than everything");
        assert_eq!(refusal.reason, Reason::ResumeInvalid);
        let feed = OfferingFeed::try_from(&pb::WatchOfferingsRequest::default()).expect("everything");
        let wanted = Wanted { resume_token: token, until_now: true };
        let refusal = begin(handle.clone(), stopped.subscribe(), feed, (), wanted).await.expect_err("another feed");
        assert_eq!(refusal.field("rule"), Some("made for another feed"));
    }
}
