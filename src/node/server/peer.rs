//! `verbund.peer.v1.PeerService`.
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Extensions, Request, Response, Status, Streaming};

use super::{Desk, INTRODUCTION_PAUSE, answered, peer_of_key, until_stopped};
use crate::domain::id::{Hash, NodeId, OrgId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::node::handle::StreamIn;
use crate::node::listening::Caller;
use crate::node::traffic::{Direction, Traffic};
use crate::protocol::Answer;
use crate::protocol::frame::{Delivery, Question};
use crate::protocol::peering::Dialler;
use crate::wire::delivery::{deliveries, telling};
use crate::wire::pb::peer::v1 as pb;
use crate::wire::pb::peer::v1::peer_service_server::PeerService;
use crate::wire::peer::{Heard, Introduction};
use crate::wire::status::{lang_of, to_refusal, to_status};

#[tonic::async_trait]
impl PeerService for Desk {
    type SyncStream = std::pin::Pin<Box<dyn Stream<Item = Result<pb::SyncResponse, Status>> + Send>>;

    async fn sync(&self, request: Request<Streaming<pb::SyncRequest>>) -> Result<Response<Self::SyncStream>, Status> {
        let (metadata, extensions, incoming) = request.into_parts();
        let lang = lang_of(&metadata);
        answered(lang, async {
            let (peer, key) = (self.peer(&extensions)?, shown_key(&extensions));
            let (frames, stream) = self.handle.open_stream(peer, Dialler::Them, key).await?;
            let (failed, failures) = mpsc::channel(1);
            // Reading has its own task: two nodes that both wait for room to write must still read.
            let traffic = self.handle.traffic().clone();
            let federation = self.handle.federation().clone();
            let leaving = until_stopped(self.stopped.clone());
            let listening = listen(incoming, federation, stream, traffic.clone());
            tokio::spawn(async move {
                let ended = tokio::select! {
                    refusal = leaving => Some(refusal),
                    refusal = listening => refusal,
                };
                if let Some(refusal) = ended {
                    // The peer may have left already; then there is nobody to tell.
                    let _ = failed.send(Err(to_status(&refusal, lang))).await;
                }
            });
            let frames = ReceiverStream::new(frames).map(move |frame| {
                let frame = pb::Frame::from(&frame);
                traffic.count(Direction::Sent, &frame);
                Some(Ok(pb::SyncResponse { frame: Some(frame) }))
            });
            // A stream that the node has closed ends, although reading goes on until the peer notices.
            let frames = frames.chain(tokio_stream::once(None));
            let failures = ReceiverStream::new(failures).map(Some);
            let outgoing: Self::SyncStream = Box::pin(frames.merge(failures).map_while(|sent| sent));
            Ok(outgoing)
        })
        .await
    }

    async fn deliver(&self, request: Request<pb::DeliverRequest>) -> Result<Response<pb::DeliverResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let peer = self.peer(&extensions)?;
            let answer = self.handle.deliver(&peer, Delivery::try_from(message)?).await?;
            Ok(pb::DeliverResponse { receipt: Some((&receipt_in(answer)?).into()) })
        })
        .await
    }

    async fn deliver_batch(
        &self,
        request: Request<pb::DeliverBatchRequest>,
    ) -> Result<Response<pb::DeliverBatchResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let peer = self.peer(&extensions)?;
            let answers = self.handle.deliver_all(&peer, deliveries(message)?).await;
            let outcomes = answers.into_iter().map(|answer| answer.and_then(receipt_in).into());
            Ok(pb::DeliverBatchResponse { outcomes: outcomes.collect() })
        })
        .await
    }

    async fn ask(&self, request: Request<pb::AskRequest>) -> Result<Response<pb::AskResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let (peer, question) = (self.peer(&extensions)?, Question::try_from(message)?);
            let _room = self.handle.room(&peer)?;
            let statements = self.handle.answer(peer, question).await?;
            Ok(telling(&statements, &self.handle.annexes_of(&statements).await?))
        })
        .await
    }

    async fn deposit(&self, request: Request<pb::DepositRequest>) -> Result<Response<pb::DepositResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let peer = self.peer(&extensions)?;
            self.handle.deposit(&peer, message.sealed).await?;
            Ok(pb::DepositResponse {})
        })
        .await
    }

    async fn list_deposits(
        &self,
        request: Request<pb::ListDepositsRequest>,
    ) -> Result<Response<pb::ListDepositsResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let peer = self.peer(&extensions)?;
            let _room = self.handle.room(&peer)?;
            let (sealed, next) = self.handle.deposits(peer, message.from).await?;
            Ok(pb::ListDepositsResponse { sealed, next: next.unwrap_or(0) })
        })
        .await
    }

    async fn introduce(
        &self,
        request: Request<pb::IntroduceRequest>,
    ) -> Result<Response<pb::IntroduceResponse>, Status> {
        let (metadata, extensions, message) = request.into_parts();
        answered(lang_of(&metadata), async {
            let place = Arc::clone(&self.introductions).try_acquire_owned();
            let place = place
                .map_err(|_| Refusal::new(Reason::Overloaded).with("retry_ms", INTRODUCTION_PAUSE.as_millis()))?;
            tokio::spawn(async move {
                tokio::time::sleep(INTRODUCTION_PAUSE).await;
                drop(place);
            });
            let unshown = || Refusal::new(Reason::PeerUnknown).with("rule", "no client certificate");
            let key = shown_key(&extensions).ok_or_else(unshown)?;
            match Introduction::try_from(message)? {
                Introduction::Beginning(run) => self.handle.introduce(run, key).await?,
                Introduction::Record(record) => self.handle.reintroduce(record, key).await?,
            };
            Ok(pb::IntroduceResponse { node: self.handle.node().to_string() })
        })
        .await
    }
}

impl Desk {
    /// The node at the other end of the connection.
    fn peer(&self, extensions: &Extensions) -> Result<NodeId, Refusal> {
        let key = shown_key(extensions).map(|key| key.0);
        peer_of_key(self.handle.node(), &self.handle.pins(), &self.anchors, key)
    }
}

/// The TLS key that the connection showed.
fn shown_key(extensions: &Extensions) -> Option<Hash> {
    extensions.get::<Arc<Caller>>().and_then(|caller| caller.key()).map(Hash)
}

fn receipt_in(answer: Answer) -> Result<Signed, Refusal> {
    match answer {
        Answer::Receipt(receipt) => Ok(receipt),
        other => Err(Refusal::new(Reason::Bug).with("answer", format!("{other:?}"))),
    }
}

/// Passes frames on until the peer leaves, or sends what no honest node sends: then it is to be told why. Dropping the
/// stream is the node's sign that the peer is gone.
async fn listen(
    mut incoming: Streaming<pb::SyncRequest>,
    federation: OrgId,
    stream: StreamIn,
    traffic: Traffic,
) -> Option<Refusal> {
    loop {
        match incoming.message().await {
            Ok(None) => return None,
            Ok(Some(pb::SyncRequest { frame })) => {
                let frame = frame.unwrap_or_default();
                traffic.count(Direction::Received, &frame);
                match Heard::read(frame, &federation) {
                    Ok(Heard::Frame(frame)) => {
                        if stream.frame(frame).await.is_err() {
                            return None;
                        }
                    }
                    Ok(Heard::Later) => {}
                    Err(refusal) => return Some(refusal),
                }
            }
            Err(status) => return Some(to_refusal(&status)),
        }
    }
}
