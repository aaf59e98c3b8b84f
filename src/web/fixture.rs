//! For tests: somebody who reads the pages of one node, without a network.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tower::ServiceExt as _;

use crate::config::web::Imprint;
use crate::domain::annex::{Annex, Enclosed, Texts};
use crate::domain::envelope;
use crate::domain::id::{Hash, OrderId, OrgId, StatementId};
use crate::domain::offering::{Need, Offering, Withdrawal};
use crate::domain::order::Access;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::statement::{Kind, SignatureBy, Signed, pae};
use crate::domain::time::Timestamp;
use crate::protocol::Answer as Answered;
use crate::protocol::catalogue::OfferingVersion;
use crate::protocol::explain::fixture::{Town, by_rule, offering};
use crate::search::entry::{Register, entry_of};
use crate::search::{Facet, Found, Index, Narrowing, Place};
use crate::view::View;
use crate::web::desk::{Find, Later, Look, NodeLook, Source};
use crate::web::live::Changes;
use crate::web::session::Sessions;
use crate::web::site::Site;
use crate::wire::catalogue::OfferingSearch;

/// Everything committed, at one moment.
struct Moment {
    view: View,
    now: Timestamp,
    statements: Vec<Signed>,
    annexes: Vec<Annex>,
    asks: mpsc::UnboundedSender<Ask>,
    orders: broadcast::Sender<OrderId>,
}

/// What only the node itself can do.
enum Ask {
    Look(NodeLook, oneshot::Sender<()>),
    Publish(Signed, oneshot::Sender<Result<Answered, Refusal>>),
    HandIn(Enclosed, oneshot::Sender<Result<Answered, Refusal>>),
}

struct Finder;

impl Find for Finder {
    fn find(
        &self,
        view: &View,
        wanted: &OfferingSearch,
        now: Timestamp,
        limit: usize,
    ) -> Result<(Found, usize), Refusal> {
        let (mut index, catalogue) = (Index::default(), view.public().catalogue);
        let past = wanted.as_of.map(|day| catalogue.past(day, now)).transpose()?;
        let put = |row: &OfferingVersion| index.put(&entry_of(row.id, &row.offering, &Register::default()));
        match past {
            Some(past) => catalogue.on_offer_at(past.until, None).for_each(put),
            None => catalogue.on_offer().for_each(put),
        }
        index.settle();
        let facets = wanted.narrow.iter().filter_map(|(word, values)| Some((Facet::of_word(word)?, values.clone())));
        let narrowing = Narrowing { facets: facets.collect(), ..Narrowing::default() };
        let not_a_token = || Refusal::new(Reason::PageInvalid);
        let after = wanted.page.after().map(|text| Place::of_text(text).ok_or_else(not_a_token)).transpose()?;
        Ok((index.find(&wanted.query, &narrowing, after.as_ref(), limit), 0))
    }
}

impl Source for Moment {
    fn look(&self, look: Look) -> Later<'_, ()> {
        look(&self.view, &Finder, self.now);
        Box::pin(async { Ok(()) })
    }

    fn statement(&self, id: StatementId) -> Later<'_, Option<Signed>> {
        let found = self.statements.iter().find(|signed| signed.id() == id).cloned();
        Box::pin(async move { Ok(found) })
    }

    fn look_at_node(&self, look: NodeLook) -> Later<'_, ()> {
        let (done, looked) = oneshot::channel();
        assert!(self.asks.send(Ask::Look(look, done)).is_ok(), "the node is there");
        Box::pin(async {
            looked.await.expect("looked");
            Ok(())
        })
    }

    fn look_at_order(&self, _: OrderId, look: NodeLook) -> Later<'_, ()> {
        self.look_at_node(look)
    }

    fn bundle(&self, _: OrderId, _: OrgId) -> Later<'_, Vec<u8>> {
        Box::pin(async { Ok(b"PK".to_vec()) })
    }

    fn annex(&self, id: Hash) -> Later<'_, Option<Annex>> {
        let found = self.annexes.iter().find(|annex| annex.id() == id).cloned();
        Box::pin(async move { Ok(found) })
    }

    fn hand_in(&self, enclosed: Enclosed) -> Later<'_, Answered> {
        let (sender, answer) = oneshot::channel();
        assert!(self.asks.send(Ask::HandIn(enclosed, sender)).is_ok(), "the node is there");
        Box::pin(async { answer.await.expect("answered") })
    }

    fn publish(&self, signed: Signed) -> Later<'_, Answered> {
        let (sender, answer) = oneshot::channel();
        assert!(self.asks.send(Ask::Publish(signed, sender)).is_ok(), "the node is there");
        Box::pin(async { answer.await.expect("answered") })
    }

    fn ask_for_grant(&self, _: Signed) -> Later<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn changes(&self) -> Changes {
        Changes { orders: self.orders.subscribe(), stopped: watch::channel(false).1 }
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn dice(&self) -> [u8; 32] {
        let number = DICE.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        std::array::from_fn(|at| number[at % number.len()])
    }
}

/// Tokens differ.
static DICE: AtomicU32 = AtomicU32::new(0);

/// Reads the pages of the node `kitu`.
pub(super) struct Reader {
    pub(super) town: Town,
    site: Site,
    statements: Vec<Signed>,
    annexes: Vec<Annex>,
    sessions: Arc<Sessions>,
    /// What the browser shows.
    pub(super) cookie: Option<String>,
}

/// What a page answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) text: String,
}

impl Answer {
    /// The text of an answer that went well.
    pub(super) fn ok(self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        self.text
    }

    /// A header, empty if it is not there.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Reader {
    pub(super) fn new() -> Self {
        Self::with(Imprint::default())
    }

    pub(super) fn with(imprint: Imprint) -> Self {
        let key = Town::statement_key("provider");
        let site =
            Site { node: "kitu".to_owned(), imprint, takes_requests: true, is_encrypted: false, version: "0.1.0" };
        Self {
            town: Town::new(by_rule()),
            site,
            statements: vec![Signed::sign(&Kind::Offering, &offering(), &[&key])],
            annexes: Vec::new(),
            sessions: Arc::new(Sessions::new([7; 32])),
            cookie: None,
        }
    }

    /// A proof of identity over the challenge that the node hands out now.
    pub(super) async fn proof(&self, of: &str, officer: &str) -> Signed {
        let challenge = self.get("/anmelden/frage").await.ok();
        let challenge: serde_json::Value = serde_json::from_str(&challenge).expect("JSON");
        let salt: Salt = serde_json::from_value(challenge["salt"].clone()).expect("a salt");
        let access = Access {
            org: of.parse().expect("a name"),
            officer: officer.parse().expect("a name"),
            node: challenge["node"].as_str().expect("a name").parse().expect("a name"),
            signed_at: challenge["signed_at"].as_str().expect("a time").parse().expect("a time"),
            salt,
        };
        Signed::sign(&Kind::Access, &access, &[self.town.key(of, officer)])
    }

    /// Hands in a proof as the page does.
    pub(super) async fn show_proof(&self, proof: &Signed) -> Answer {
        let request = Request::post("/anmelden").header("sec-fetch-site", "same-origin");
        self.ask(request.body(Body::from(envelope::write(proof))).expect("a request")).await
    }

    /// Signs an officer in.
    pub(super) async fn sign_in(&mut self, of: &str, officer: &str) {
        // A new minute, so that the proof is another one.
        self.town.now = self.town.now.plus_ms(60_000);
        let answer = self.show_proof(&self.proof(of, officer).await).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text);
        self.cookie = answer.header("set-cookie").split(';').next().map(str::to_owned);
    }

    /// The same by TLS.
    pub(super) fn encrypted(mut self) -> Self {
        self.site.is_encrypted = true;
        self
    }

    /// Publishes an offering of the provider.
    /// Lets the witness have its say about what was published.
    pub(super) fn witnessed(mut self) -> Self {
        self.town.wake(self.town.now.plus_ms(1_000));
        self
    }

    pub(super) fn publish(&mut self, offering: &Offering) -> StatementId {
        let signed = Signed::sign(&Kind::Offering, offering, &[&Town::statement_key("provider")]);
        self.town.publish(&signed).expect("a good offering");
        self.statements.push(signed.clone());
        signed.id()
    }

    /// Publishes what an organisation looks for.
    pub(super) fn need(&mut self, of: &str, leika: &str) {
        let need = Need {
            municipality: of.parse().expect("a name"),
            leika: vec![leika.parse().expect("a key")],
            note: "Gesucht".to_owned(),
            until: crate::domain::law::tests::day("2027-06-30"),
            through: None,
        };
        let signed = Signed::sign(&Kind::Need, &need, &[&Town::statement_key(of)]);
        self.town.publish(&signed).expect("a good need");
        self.statements.push(signed);
    }

    /// The needs of an organisation.
    pub(super) fn needs_of(&self, of: &str) -> Vec<StatementId> {
        let needs = self.town.node.state().catalogue.needs.after(None);
        needs.filter(|need| need.municipality.as_str() == of).map(|need| need.id).collect()
    }

    /// Hands in a public statement that an officer has signed, as a page does; the node keeps it.
    pub(super) async fn publish_by_page(&mut self, signed: &Signed) -> Answer {
        let answer = self.hand_in(signed).await;
        if answer.status == StatusCode::OK {
            self.statements.push(signed.clone());
        }
        answer
    }

    pub(super) fn withdraw(&mut self, withdrawal: &Withdrawal) {
        let signed = Signed::sign(&Kind::Withdrawal, withdrawal, &[&Town::statement_key("provider")]);
        self.town.publish(&signed).expect("a good withdrawal");
    }

    /// Words that the node keeps, for a statement to name.
    pub(super) fn words(&mut self, texts: Texts) -> Option<Hash> {
        let annex = Annex::write(texts, [4; 32]).expect("admissible")?;
        self.annexes.push(annex.clone());
        Some(annex.id())
    }

    fn router(&self) -> (Router, mpsc::UnboundedReceiver<Ask>) {
        let ((asks, asked), now) = (mpsc::unbounded_channel(), self.town.now);
        let view = View::of(&self.town.node, now);
        let orders = broadcast::channel(1).0;
        let (statements, annexes) = (self.statements.clone(), self.annexes.clone());
        let moment = Moment { view, now, statements, annexes, asks, orders };
        (super::with_sessions(Arc::new(moment), self.site.clone(), Arc::clone(&self.sessions)), asked)
    }

    /// Opens an address.
    pub(super) async fn get(&self, address: &str) -> Answer {
        self.ask(Request::get(address).body(Body::empty()).expect("a request")).await
    }

    pub(super) async fn ask(&self, request: Request<Body>) -> Answer {
        let (router, mut asked) = self.router();
        let response = router.oneshot(self.with_cookie(request));
        tokio::pin!(response);
        loop {
            tokio::select! {
                response = &mut response => return answer(response.expect("infallible")).await,
                Some(ask) = asked.recv() => match ask {
                    Ask::Look(look, done) => {
                        look(&self.town.node, self.town.now);
                        let _ = done.send(());
                    }
                    Ask::HandIn(..) | Ask::Publish(..) => panic!("see `hand_in`"),
                },
            }
        }
    }

    /// Signs the bytes that a page gives, as the browser does.
    pub(super) fn sign(&self, page: &str, kind: &Kind, of: &str, officer: &str) -> Signed {
        let text = page.split("data-payload=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a payload");
        let payload = STANDARD.decode(text.replace("&#43;", "+").replace("&#x2b;", "+")).expect("base64");
        let bytes = pae(&kind.payload_type(), &payload);
        let key = self.town.key(of, officer);
        let by = SignatureBy { key: key.public().hash(), signature: key.sign(&bytes) };
        Signed::parse(&bytes, vec![by]).expect("a statement")
    }

    /// Hands in what an officer has signed, as a page does.
    pub(super) async fn hand_in(&mut self, signed: &Signed) -> Answer {
        let request = Request::post("/erklaerungen").header("sec-fetch-site", "same-origin");
        let request = self.with_cookie(request.body(Body::from(envelope::write(signed))).expect("a request"));
        let (router, mut asked) = self.router();
        let response = router.oneshot(request);
        tokio::pin!(response);
        loop {
            tokio::select! {
                response = &mut response => return answer(response.expect("infallible")).await,
                Some(ask) = asked.recv() => match ask {
                    Ask::Look(look, done) => {
                        look(&self.town.node, self.town.now);
                        let _ = done.send(());
                    }
                    Ask::Publish(signed, sender) => _ = sender.send(self.town.publish(&signed)),
                    Ask::HandIn(enclosed, sender) => _ = sender.send(self.town.hand_in(&enclosed.signed)),
                },
            }
        }
    }

    fn with_cookie(&self, mut request: Request<Body>) -> Request<Body> {
        if let Some(cookie) = &self.cookie {
            request.headers_mut().insert("cookie", cookie.parse().expect("a header"));
        }
        request
    }
}

async fn answer(response: axum::response::Response) -> Answer {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("in memory").to_vec();
    let text = String::from_utf8_lossy(&body).into_owned();
    Answer { status: parts.status, headers: parts.headers, body, text }
}
