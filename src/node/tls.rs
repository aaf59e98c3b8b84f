//! TLS 1.3 with pinned keys: both sides show a self-signed certificate, and the key in it must be the one in the node
//! record. No certificate authority, no names, no expiry decides anything.
//!
//! Officers connect without a certificate; what they may do follows from their signed proof of identity.
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use p256::elliptic_curve::Generate as _;
use p256::pkcs8::{EncodePrivateKey as _, LineEnding};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use crate::domain::id::{Hash, sha256};
use crate::domain::reason::{Reason, Refusal};
use crate::node::keys::{self, Opener, generation, generation_file, newest_generation};
use crate::node::passphrase::Passphrase;
use crate::node::system;

/// Longest TLS handshake; a silent stranger must not hold a place for longer.
pub const HANDSHAKE: Duration = Duration::from_secs(5);

/// How long a connection may be silent before it is probed, by either side. Without it a silent partition leaves a
/// connection dead for good. A probe is some forty bytes: thousands of connections cost a witness a few per cent of a
/// core.
pub const PROBE_AFTER: Duration = Duration::from_secs(2);

/// How long the answer to a probe may take. Both together are how long a dead peer is shown as alive.
pub const PROBE_ANSWER: Duration = Duration::from_secs(4);

/// How long an address is tried alone before the next one is tried beside it: longer than a handshake across Germany,
/// shorter than anybody notices.
const STAGGER: Duration = Duration::from_millis(250);

/// File name of a node's certificate, which foreign clients must trust.
pub const CERTIFICATE_FILE: &str = "tls.pem";

/// File name of a node's TLS key.
pub const KEY_FILE: &str = "tls-key.pem";

/// What the files of all generations are called: `tls.pem`, `tls.2.pem` and so on, and the same for the keys.
const CERTIFICATE: &str = "tls";
const KEY: &str = "tls-key";

/// A node's TLS key with its self-signed certificate.
#[derive(Clone)]
pub struct Identity {
    /// The certificate in PEM.
    pub certificate_pem: String,
    /// The key in PKCS #8 PEM.
    pub key_pem: Zeroizing<String>,
}

impl Identity {
    /// Makes a P-256 key, which every TLS stack supports, and a certificate for loopback and the given names. The
    /// seed serves the demonstration only.
    pub fn make(names: &[String], seed: Option<[u8; 32]>) -> Result<Self, Refusal> {
        let secret = match seed {
            // A hash is a valid scalar but for one chance in 2^32, and hashing on finds one.
            Some(seed) => {
                let mut bytes = seed;
                loop {
                    match p256::SecretKey::from_slice(&bytes) {
                        Ok(key) => break key,
                        Err(_) => bytes = sha256(&bytes),
                    }
                }
            }
            None => p256::SecretKey::generate_from_rng(&mut DiceRng),
        };
        let key_pem = secret.to_pkcs8_pem(LineEnding::LF).map_err(broken)?;
        let mut subject = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        subject.extend_from_slice(names);
        let key = rcgen::KeyPair::from_pem(&key_pem).map_err(broken)?;
        let mut params = rcgen::CertificateParams::new(subject).map_err(broken)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        if let Some(name) = names.first() {
            params.distinguished_name.push(rcgen::DnType::CommonName, name.as_str());
        }
        let certificate = params.self_signed(&key).map_err(broken)?;
        Ok(Self { certificate_pem: certificate.pem(), key_pem })
    }

    /// Reads the newest identity from a key folder.
    pub fn read(folder: &Path, opener: &mut Opener) -> Result<Self, Refusal> {
        let newest = newest_generation(folder, CERTIFICATE).unwrap_or(0);
        Self::read_generation(folder, newest, opener)
    }

    /// Reads every generation that lies in a key folder, oldest first; one at least.
    pub fn read_all(folder: &Path, opener: &mut Opener) -> Result<Vec<Self>, Refusal> {
        let Some(newest) = newest_generation(folder, CERTIFICATE) else {
            return Self::read_generation(folder, 0, opener).map(|only| vec![only]);
        };
        let there = (0..=newest).filter(|number| generation(folder, CERTIFICATE, *number).exists());
        there.map(|number| Self::read_generation(folder, number, opener)).collect()
    }

    /// Writes the next generation into a key folder and gives the file of its certificate.
    pub fn write_next(&self, folder: &Path, passphrase: Option<&Passphrase>) -> Result<PathBuf, Refusal> {
        let next = newest_generation(folder, CERTIFICATE).map_or(0, |newest| newest + 1);
        keys::write_pem(&generation(folder, KEY, next), &self.key_pem, passphrase)?;
        // The certificate comes last: where it lies, its key lies too.
        let file = generation(folder, CERTIFICATE, next);
        fs::write(&file, &self.certificate_pem).map_err(|error| {
            Refusal::new(Reason::FileUnwritable).with("file", file.display()).with("problem", error)
        })?;
        Ok(file)
    }

    fn read_generation(folder: &Path, number: usize, opener: &mut Opener) -> Result<Self, Refusal> {
        let certificate = generation(folder, CERTIFICATE, number);
        let certificate_pem = fs::read_to_string(&certificate).map_err(|error| {
            Refusal::new(Reason::ConfigUnreadable).with("file", certificate.display()).with("problem", error)
        })?;
        Ok(Self { certificate_pem, key_pem: opener.read_node_pem(folder, &generation_file(KEY, number))? })
    }

    /// SHA-256 of the key's SubjectPublicKeyInfo: the pin.
    pub fn pin(&self) -> Result<Hash, Refusal> {
        pin_of_pem(&self.certificate_pem)
    }

    fn certificate(&self) -> Result<CertificateDer<'static>, Refusal> {
        CertificateDer::from_pem_slice(self.certificate_pem.as_bytes()).map_err(broken)
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, Refusal> {
        PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).map_err(broken)
    }
}

/// One TLS key of the node, ready for use.
pub struct HeldIdentity {
    /// The key and its certificate.
    pub identity: Identity,
    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub pin: Hash,
    certified: Arc<CertifiedKey>,
}

impl HeldIdentity {
    fn of(identity: Identity) -> Result<Arc<Self>, Refusal> {
        let chain = vec![identity.certificate()?];
        let certified = CertifiedKey::from_der(chain, identity.key()?, &provider()).map_err(broken)?;
        Ok(Arc::new(Self { pin: identity.pin()?, certified: Arc::new(certified), identity }))
    }
}

/// The TLS keys of the node, and which of them it shows: the one that its own record names, else the newest. Whoever asks
/// for another one that is held gets that: it has not heard of the new record yet.
#[derive(Clone)]
pub struct Identities {
    held: Arc<Mutex<Held>>,
}

/// The identities, oldest first, and the pin of the one that the record names.
type Held = (Vec<Arc<HeldIdentity>>, Option<Hash>);

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("identities")
    }
}

impl Identities {
    /// Holds these, oldest first.
    pub fn new(identities: Vec<Identity>) -> Result<Self, Refusal> {
        let made = Self { held: Arc::new(Mutex::new((Vec::new(), None))) };
        made.replace(identities).map(|()| made)
    }

    /// Holds these in place of those before. There must be one.
    pub fn replace(&self, identities: Vec<Identity>) -> Result<(), Refusal> {
        let held: Vec<Arc<HeldIdentity>> = identities.into_iter().map(HeldIdentity::of).collect::<Result<_, _>>()?;
        if held.is_empty() {
            return Err(Refusal::new(Reason::KeyAbsent).with("file", CERTIFICATE_FILE));
        }
        self.lock().0 = held;
        Ok(())
    }

    /// The node's own record names this key.
    pub fn name(&self, pin: Option<Hash>) {
        self.lock().1 = pin;
    }

    /// The pins of all that are held, oldest first.
    pub fn pins(&self) -> Vec<Hash> {
        self.lock().0.iter().map(|held| held.pin).collect()
    }

    /// The one that is shown, and after it all others, the newest first.
    pub fn in_turn(&self) -> Vec<Arc<HeldIdentity>> {
        let (held, named) = &*self.lock();
        let mut in_turn: Vec<Arc<HeldIdentity>> = held.iter().rev().cloned().collect();
        in_turn.sort_by_key(|one| Some(one.pin) != *named);
        in_turn
    }

    /// The newest.
    pub fn newest(&self) -> Result<Arc<HeldIdentity>, Refusal> {
        let absent = || Refusal::new(Reason::KeyAbsent).with("file", CERTIFICATE_FILE);
        self.lock().0.last().cloned().ok_or_else(absent)
    }

    /// The one that is shown.
    pub fn shown(&self) -> Result<Arc<HeldIdentity>, Refusal> {
        let absent = || Refusal::new(Reason::KeyAbsent).with("file", CERTIFICATE_FILE);
        self.in_turn().into_iter().next().ok_or_else(absent)
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<Arc<HeldIdentity>>, Option<Hash>)> {
        self.held.lock().expect("no panic while it is held")
    }
}

impl ResolvesServerCert for Identities {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let in_turn = self.in_turn();
        let asked = |one: &&Arc<HeldIdentity>| hello.server_name() == Some(&name_of(one.pin));
        in_turn.iter().find(asked).or_else(|| in_turn.first()).map(|one| one.certified.clone())
    }
}

/// The name by which a client asks for a key (RFC 6066 section 3). Names are not checked; a node that is changing its key
/// learns from it which one the client can take.
fn name_of(pin: Hash) -> String {
    let digits = pin.to_string();
    let (first, second) = digits.split_at(digits.len() / 2);
    format!("{first}.{second}.pin")
}

fn broken(error: impl fmt::Display) -> Refusal {
    Refusal::new(Reason::KeyFileInvalid).with("problem", error)
}

struct DiceRng;

impl p256::elliptic_curve::rand_core::TryRng for DiceRng {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        system::fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        system::fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        system::fill(bytes);
        Ok(())
    }
}

impl p256::elliptic_curve::rand_core::TryCryptoRng for DiceRng {}

/// The pins of all certificates in a key folder, oldest first.
pub fn pins_in(folder: &Path) -> Result<Vec<Hash>, Refusal> {
    let newest = newest_generation(folder, CERTIFICATE).unwrap_or(0);
    let files = (0..=newest).map(|number| generation(folder, CERTIFICATE, number)).filter(|file| file.exists());
    let pin = |file: PathBuf| {
        let pem = fs::read_to_string(&file).map_err(|error| {
            Refusal::new(Reason::FileUnreadable).with("file", file.display()).with("problem", error)
        })?;
        pin_of_pem(&pem)
    };
    files.map(pin).collect()
}

/// The pin of a certificate in PEM.
pub fn pin_of_pem(pem: &str) -> Result<Hash, Refusal> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(broken)?;
    pin_of(&certificate).map_err(broken)
}

pub(super) fn pin_of(certificate: &CertificateDer<'_>) -> Result<Hash, rustls::Error> {
    let bad = || rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding);
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).map_err(|_| bad())?;
    Ok(Hash::of(parsed.public_key().raw))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The server's side: any client certificate is taken at its key, which the peer then proves to hold.
pub(super) fn server_config(identities: &Identities) -> Result<ServerConfig, Refusal> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(broken)?
        .with_client_cert_verifier(Arc::new(AnyKey { provider: provider() }))
        .with_cert_resolver(Arc::new(identities.clone()));
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// The client's side: the server must hold the pinned key. Nodes show their own certificate, officers none.
pub fn client_config(pin: Hash, identity: Option<&Identity>) -> Result<ClientConfig, Refusal> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(broken)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PinnedKey { pin, provider: provider() }));
    let mut config = match identity {
        Some(identity) => {
            builder.with_client_auth_cert(vec![identity.certificate()?], identity.key()?).map_err(broken)?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// Both sides check the handshake's signature in the same way, by the provider's algorithms, and TLS 1.3 only.
macro_rules! handshake_signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Err(rustls::Error::General("TLS 1.3 only".to_owned()))
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            let algorithms = &self.provider.signature_verification_algorithms;
            verify_tls13_signature(message, certificate, signature, algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.provider.signature_verification_algorithms.supported_schemes()
        }
    };
}

/// Takes any certificate for its key; that the peer holds the key is proven by the handshake's signature.
#[derive(Debug)]
struct AnyKey {
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for AnyKey {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        pin_of(end_entity).map(|_| ClientCertVerified::assertion())
    }

    handshake_signatures!();
}

/// Takes any server for its key, to learn which one it is.
impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        pin_of(end_entity).map(|_| ServerCertVerified::assertion())
    }

    handshake_signatures!();
}

/// The other end of a connection has shown a key that is not the pinned one.
#[derive(Debug)]
struct WrongKey {
    expected: Hash,
    shown: Hash,
}

impl fmt::Display for WrongKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shown {}, expected {}", self.shown, self.expected)
    }
}

impl std::error::Error for WrongKey {}

/// A failed handshake as a refusal: whoever shows another key, or speaks no TLS, is no matter of the network.
fn explained(error: std::io::Error) -> std::io::Error {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else { return error };
    let wrong = match tls {
        rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)) => {
            other.0.downcast_ref::<WrongKey>()
        }
        _ => None,
    };
    let refusal = match wrong {
        Some(WrongKey { expected, shown }) => {
            Refusal::new(Reason::PeerKeyWrong).with("expected", expected).with("shown", shown)
        }
        None => Refusal::new(Reason::TlsFailed).with("problem", tls),
    };
    std::io::Error::other(refusal)
}

/// Takes exactly one key.
#[derive(Debug)]
struct PinnedKey {
    pin: Hash,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = pin_of(end_entity)?;
        if shown == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        let wrong = rustls::OtherError(Arc::new(WrongKey { expected: self.pin, shown }));
        Err(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(wrong)))
    }

    handshake_signatures!();
}

/// The key a node shows at an address, on the very first contact, when nothing is known of it yet. Whoever answers is a
/// courier only: what it brings is checked against the federation's root hash.
pub async fn key_shown_at(address: &str) -> Result<Hash, Refusal> {
    let failed =
        |problem: String| Refusal::new(Reason::Unreachable).with("address", address).with("problem", problem);
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(broken)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyKey { provider: provider() }))
        .with_no_client_auth();
    let shown = async {
        let stream = TcpStream::connect(address).await?;
        let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(any_name(), stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|shown| shown.first()).map(pin_of);
        Ok::<_, std::io::Error>(shown)
    };
    let shown = tokio::time::timeout(HANDSHAKE, shown).await.map_err(|_| failed("too slow".to_owned()))?;
    match shown.map_err(|error| failed(error.to_string()))? {
        Some(Ok(key)) => Ok(key),
        _ => Err(failed("no certificate".to_owned())),
    }
}

/// The name is not checked, the key is; any valid name will do.
fn any_name() -> ServerName<'static> {
    ServerName::try_from("localhost").expect("a valid DNS name")
}

/// Connects a channel to an address under a pinned key; connects when first used, and again whenever it breaks.
pub fn channel(
    address: &str,
    pin: Hash,
    identity: Option<&Identity>,
    call: Duration,
) -> Result<tonic::transport::Channel, Refusal> {
    channel_to_any(&[address.to_owned()], pin, identity, call)
}

/// The same, to whichever of several addresses answers first under that key. They are tried side by side: one that is
/// dead, silent or somebody else's delays the others by no more than [`STAGGER`].
pub fn channel_to_any(
    addresses: &[String],
    pin: Hash,
    identity: Option<&Identity>,
    call: Duration,
) -> Result<tonic::transport::Channel, Refusal> {
    let refuse = |address: &str, problem: String| {
        Refusal::new(Reason::Unreachable).with("address", address).with("problem", problem)
    };
    let first = addresses.first().ok_or_else(|| refuse("", "no address".to_owned()))?;
    let config = Arc::new(client_config(pin, identity)?);
    let targets: Arc<[String]> = addresses.into();
    let name = ServerName::try_from(name_of(pin)).map_err(broken)?;
    let connector = tower::service_fn(move |_: http::Uri| {
        let (config, targets, name) = (config.clone(), targets.clone(), name.clone());
        async move {
            let stream = first_to_answer(&targets, &config, &name).await?;
            Ok::<_, std::io::Error>(hyper_util::rt::TokioIo::new(stream))
        }
    });
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{first}"))
        .map_err(|error| refuse(first, error.to_string()))?
        .connect_timeout(HANDSHAKE)
        .timeout(call)
        .http2_keep_alive_interval(PROBE_AFTER)
        .keep_alive_timeout(PROBE_ANSWER)
        .keep_alive_while_idle(true);
    Ok(endpoint.connect_with_connector_lazy(connector))
}

type Stream = tokio_rustls::client::TlsStream<TcpStream>;

/// The first connection that shows the pinned key. If there is none: why, where a wrong key says more than silence.
async fn first_to_answer(
    addresses: &[String],
    config: &Arc<ClientConfig>,
    name: &ServerName<'static>,
) -> std::io::Result<Stream> {
    let mut tries = tokio::task::JoinSet::new();
    for (number, address) in (0..).zip(addresses) {
        let (address, config, name) = (address.clone(), config.clone(), name.clone());
        tries.spawn(async move {
            tokio::time::sleep(STAGGER * number).await;
            let stream = TcpStream::connect(&address).await?;
            stream.set_nodelay(true)?;
            tokio_rustls::TlsConnector::from(config).connect(name, stream).await.map_err(explained)
        });
    }
    let says_why = |error: &std::io::Error| error.get_ref().is_some_and(|inner| inner.is::<Refusal>());
    let mut failed: Option<std::io::Error> = None;
    while let Some(tried) = tries.join_next().await {
        match tried.map_err(std::io::Error::other).flatten() {
            Ok(stream) => return Ok(stream),
            Err(error) if failed.as_ref().is_some_and(says_why) => drop(error),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| std::io::Error::other("no address")))
}
