//! The page's door: browsers connect here, by TLS from files or, on this machine only, in plain text.
//!
//! A server of its own beside the gRPC one, with places of its own, so that readers in browsers never take a place of a
//! peer. Must never look into a request: `web` answers.
use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, SystemTime};

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::config::web::{WebConfig, WebTls};
use crate::domain::annex::{Annex, Enclosed};
use crate::domain::id::{Hash, OrderId, OrgId, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::domain::time::Timestamp;
use crate::node::evidence;
use crate::node::grant_requests;
use crate::node::handle::Handle;
use crate::node::listening::bind;
use crate::node::ports::Clock as _;
use crate::node::server::finding::Finder;
use crate::node::system::{SystemClock, SystemDice};
use crate::node::tls::HANDSHAKE;
use crate::protocol::Answer;
use crate::protocol::settings::Dice as _;
use crate::search::Found;
use crate::view::View;
use crate::web::desk::{Find, Later, Look, NodeLook, Source};
use crate::web::live::Changes;
use crate::web::site::Site;
use crate::wire::catalogue::OfferingSearch;

/// Connections at a time. A browser opens up to six, so that this is room for some hundred readers at once.
pub(super) const CONNECTIONS_MAX: usize = 1_024;

/// One address may hold this part of all places: an office shares one, and one machine never takes all.
const ADDRESS_SHARE: usize = 2;

/// Longest wait for the head of a request, the first one and every later one.
const HEAD_MAX: Duration = Duration::from_secs(10);

/// Most headers of a request; browsers send about twenty.
const HEADERS_MAX: usize = 64;

/// Most bytes of them; as much as a proof of identity will need later, and what browsers ever send.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How long a connection may last: whoever reads slowly does not hold a place for ever. Browsers connect again by themselves.
const CONNECTION_MAX: Duration = Duration::from_secs(120);

/// How long answers under way may take when the node stops.
const DRAIN: Duration = Duration::from_millis(400);

/// How often the files of the certificate are looked at: they are renewed every few weeks.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The page's address, taken before the node speaks to anyone.
pub(super) struct Door {
    listener: TcpListener,
    certificates: Option<Arc<Certificates>>,
    config: WebConfig,
    places: usize,
}

impl Door {
    /// Binds the address and reads the certificate; all that can be wrong is told here.
    pub(super) async fn open(config: WebConfig, places: usize) -> Result<Self, Refusal> {
        let certificates = config.tls.clone().map(Certificates::read).transpose()?;
        let listener = bind(config.listen).await?;
        Ok(Self { listener, certificates: certificates.map(Arc::new), config, places })
    }

    /// What to type into a browser.
    pub(super) fn address(&self) -> String {
        let scheme = if self.certificates.is_some() { "https" } else { "http" };
        let address = self.listener.local_addr().unwrap_or(self.config.listen);
        format!("{scheme}://{address}/")
    }

    /// Serves the pages of a node until it stops.
    pub(super) fn serve(
        self,
        handle: Handle,
        finder: Arc<Finder>,
        stopped: watch::Receiver<bool>,
    ) -> Result<impl Future<Output = ()> + use<>, Refusal> {
        let Self { listener, certificates, config, places } = self;
        let acceptor = certificates.as_ref().map(acceptor).transpose()?;
        let site = Site {
            node: handle.node().to_string(),
            imprint: config.imprint,
            takes_requests: config.grant_requests.is_some(),
            is_encrypted: acceptor.is_some(),
            version: env!("CARGO_PKG_VERSION"),
        };
        let pages = Pages { handle, finder, grant_requests: config.grant_requests, stopped: stopped.clone() };
        let pages = crate::web::router(Arc::new(pages), site);
        Ok(accept_all(listener, places, acceptor, certificates, pages, stopped))
    }
}

/// Where pages come from.
struct Pages {
    handle: Handle,
    finder: Arc<Finder>,
    grant_requests: Option<PathBuf>,
    stopped: watch::Receiver<bool>,
}

impl Source for Pages {
    fn look(&self, look: Look) -> Later<'_, ()> {
        let finder = Arc::clone(&self.finder);
        Box::pin(self.handle.look(move |view, now| {
            look(view, &*finder, now);
            Ok(())
        }))
    }

    fn statement(&self, id: StatementId) -> Later<'_, Option<Signed>> {
        Box::pin(async move { Ok(self.handle.statement(id).await?.filter(|signed| signed.kind().is_public())) })
    }

    fn look_at_node(&self, look: NodeLook) -> Later<'_, ()> {
        Box::pin(self.handle.read(look))
    }

    fn look_at_order(&self, order: OrderId, look: NodeLook) -> Later<'_, ()> {
        Box::pin(self.handle.read_order(order, |node, now| {
            look(node, now);
            Ok(())
        }))
    }

    fn bundle(&self, order: OrderId, org: OrgId) -> Later<'_, Vec<u8>> {
        Box::pin(evidence::bundle(&self.handle, order, org))
    }

    fn annex(&self, id: Hash) -> Later<'_, Option<Annex>> {
        Box::pin(self.handle.annex(id))
    }

    fn hand_in(&self, enclosed: Enclosed) -> Later<'_, Answer> {
        Box::pin(self.handle.officer(enclosed))
    }

    fn publish(&self, signed: Signed) -> Later<'_, Answer> {
        Box::pin(self.handle.publish(signed))
    }

    fn ask_for_grant(&self, asked: Signed) -> Later<'_, ()> {
        Box::pin(grant_requests::keep(&self.handle, self.grant_requests.clone(), asked))
    }

    fn changes(&self) -> Changes {
        Changes { orders: self.handle.changes(), stopped: self.stopped.clone() }
    }

    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    fn dice(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        SystemDice.fill(&mut bytes);
        bytes
    }
}

impl Find for Finder {
    fn find(
        &self,
        view: &View,
        wanted: &OfferingSearch,
        now: Timestamp,
        limit: usize,
    ) -> Result<(Found, usize), Refusal> {
        self.found(view, wanted, now, limit)
    }
}

/// How many connections there are from each address.
type Addresses = Arc<Mutex<BTreeMap<IpAddr, usize>>>;

/// A connection's place; free again when dropped.
struct Place {
    addresses: Addresses,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// None if this address holds its share already.
    fn take(permit: OwnedSemaphorePermit, addresses: &Addresses, address: IpAddr, share: usize) -> Option<Self> {
        let mut held = addresses.lock().expect("no panic while it is held");
        let count = held.entry(address).or_default();
        if *count >= share {
            return None;
        }
        *count += 1;
        Some(Self { addresses: Arc::clone(addresses), address, _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.addresses.lock().expect("no panic while it is held");
        if let Some(count) = held.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

async fn accept_all(
    listener: TcpListener,
    places_max: usize,
    acceptor: Option<TlsAcceptor>,
    certificates: Option<Arc<Certificates>>,
    pages: axum::Router,
    mut stopped: watch::Receiver<bool>,
) {
    let (places, addresses) = (Arc::new(Semaphore::new(places_max)), Addresses::default());
    let share = places_max.div_ceil(ADDRESS_SHARE);
    let mut connections = JoinSet::new();
    let mut look_again = tokio::time::interval(LOOK_AGAIN);
    loop {
        let (stream, from) = tokio::select! {
            () = until_stopped(&mut stopped) => break,
            _ = look_again.tick() => {
                certificates.iter().for_each(|certificates| certificates.renew());
                continue;
            }
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file handles, for instance: wait for some to come back.
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        // Who comes when all places are taken is let go at once, without an answer: none can be given before a handshake.
        let Ok(permit) = Arc::clone(&places).try_acquire_owned() else { continue };
        let Some(place) = Place::take(permit, &addresses, from.ip(), share) else { continue };
        let (acceptor, pages, stopped) = (acceptor.clone(), pages.clone(), stopped.clone());
        connections.spawn(async move {
            let _place = place;
            let _ = stream.set_nodelay(true);
            match acceptor {
                None => answer(stream, pages, stopped).await,
                Some(acceptor) => {
                    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                        answer(stream, pages, stopped).await;
                    }
                }
            }
        });
    }
    while connections.join_next().await.is_some() {}
}

/// Waits until the node stops.
async fn until_stopped(stopped: &mut watch::Receiver<bool>) {
    // Whoever could say so is gone as well.
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// Answers on one connection until it is closed, has lasted long enough, or the node stops.
async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    pages: axum::Router,
    mut stopped: watch::Receiver<bool>,
) {
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX);
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(pages));
    tokio::pin!(connection);
    // A browser that hangs up is its own business.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = tokio::time::sleep(CONNECTION_MAX) => {}
        () = until_stopped(&mut stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(DRAIN, connection).await;
}

fn acceptor(certificates: &Arc<Certificates>) -> Result<TlsAcceptor, Refusal> {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Refusal::new(Reason::Bug).with("problem", error))?;
    let mut config = config.with_no_client_auth().with_cert_resolver(Arc::clone(certificates) as Arc<_>);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What is shown to browsers, read anew when its files change.
#[derive(Debug)]
struct Certificates {
    files: WebTls,
    shown: RwLock<(Option<[SystemTime; 2]>, Arc<CertifiedKey>)>,
}

impl Certificates {
    fn read(files: WebTls) -> Result<Self, Refusal> {
        let shown = RwLock::new((written(&files), read(&files)?));
        Ok(Self { files, shown })
    }

    /// Takes new files over. Those that cannot be read change nothing: the old certificate is better than none.
    fn renew(&self) {
        let now = written(&self.files);
        if self.shown.read().is_ok_and(|shown| shown.0 == now) {
            return;
        }
        match read(&self.files) {
            Ok(key) => {
                if let Ok(mut shown) = self.shown.write() {
                    *shown = (now, key);
                    tracing::info!(file = %self.files.certificate.display(), "the page's certificate was read anew");
                }
            }
            Err(refusal) => {
                tracing::error!(
                    reason = refusal.reason.code(),
                    details = refusal.details(),
                    "the page's certificate"
                );
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.shown.read().ok().map(|shown| Arc::clone(&shown.1))
    }
}

/// When the files were written last; none if that cannot be told.
fn written(files: &WebTls) -> Option<[SystemTime; 2]> {
    let of = |path| fs::metadata(path).and_then(|data| data.modified()).ok();
    Some([of(&files.certificate)?, of(&files.key)?])
}

fn read(files: &WebTls) -> Result<Arc<CertifiedKey>, Refusal> {
    let refuse = |path: &std::path::Path, problem: &dyn std::fmt::Display| {
        Refusal::new(Reason::ConfigUnreadable).with("file", path.display()).with("problem", problem)
    };
    let of_chain = |error| refuse(&files.certificate, &error);
    let chain = CertificateDer::pem_file_iter(&files.certificate).map_err(of_chain)?;
    let chain: Vec<CertificateDer<'static>> = chain.collect::<Result<_, _>>().map_err(of_chain)?;
    if chain.is_empty() {
        return Err(refuse(&files.certificate, &"no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| refuse(&files.key, &error))?;
    let key =
        CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| refuse(&files.key, &error))?;
    Ok(Arc::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::tls::Identity;

    fn write(files: &WebTls, identity: &Identity) {
        fs::write(&files.certificate, &identity.certificate_pem).expect("written");
        fs::write(&files.key, identity.key_pem.as_bytes()).expect("written");
    }

    #[test]
    fn a_renewed_certificate_is_taken_over_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = WebTls { certificate: folder.path().join("c.pem"), key: folder.path().join("k.pem") };
        let missing = Certificates::read(files.clone()).expect_err("no files");
        assert_eq!(missing.reason, Reason::ConfigUnreadable);
        let (one, other) = (Identity::make(&["a".to_owned()], None), Identity::make(&["b".to_owned()], None));
        let (one, other) = (one.expect("made"), other.expect("made"));
        write(&files, &one);
        let held = Certificates::read(files.clone()).expect("good files");
        let shown = |held: &Certificates| held.shown.read().expect("no panic").1.cert[0].to_vec();
        let first = shown(&held);
        // Another time of writing, whatever the clock of the file system is worth.
        let age = |files: &WebTls, seconds| {
            let file = fs::File::options().write(true).open(&files.certificate).expect("opened");
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).expect("set");
        };
        fs::write(&files.certificate, "no certificate").expect("written");
        age(&files, 1);
        held.renew();
        assert_eq!(shown(&held), first, "the old one is better than none");
        fs::write(&files.certificate, &other.certificate_pem).expect("written");
        age(&files, 2);
        held.renew();
        assert_eq!(shown(&held), first, "certificate and key do not belong together yet");
        write(&files, &other);
        age(&files, 3);
        held.renew();
        assert_ne!(shown(&held), first);
    }

    #[test]
    fn one_address_never_takes_all_places() {
        let (places, addresses) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), Addresses::default());
        let share = CONNECTIONS_MAX / ADDRESS_SHARE;
        let take = |address: [u8; 4]| {
            let permit = Arc::clone(&places).try_acquire_owned().expect("free");
            Place::take(permit, &addresses, IpAddr::from(address), share)
        };
        let held: Vec<Place> = (0..share).filter_map(|_| take([1; 4])).collect();
        assert_eq!(held.len(), share);
        assert!(take([1; 4]).is_none());
        assert!(take([2; 4]).is_some());
        drop(held);
        assert!(take([1; 4]).is_some() && addresses.lock().expect("no panic").is_empty());
        assert_eq!(places.available_permits(), CONNECTIONS_MAX);
    }
}
