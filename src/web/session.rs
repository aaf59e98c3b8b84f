//! Who is signed in. A session is opened with the very proof of identity that a call by gRPC carries, signed over a challenge of
//! this node; there is no password, and what is kept here opens nothing elsewhere.
//!
//! Whether the proof still holds is no business of this file: whoever uses a session has it judged anew.
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use axum::http::{HeaderMap, HeaderValue, header};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::domain::id::{Hash, KeyHash, OfficerName, OrgId, StatementId, from_hex};
use crate::domain::order::Access;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::salt::Salt;
use crate::domain::statement::Signed;
use crate::domain::time::Timestamp;
use crate::protocol::limits::{ACCESS_MS, SESSION_MS};
use crate::web::site::Site;

/// Sessions at a time: two for each officer of a node with the largest cooperative. The one unused for longest gives way.
const SESSIONS_MAX: usize = 4_096;

/// Sessions of one key: a few browser windows on one device. The one unused for longest gives way, so that whoever opens one after
/// the other only closes their own.
const SESSIONS_OF_KEY_MAX: usize = 4;

/// After how long without a request a session ends, in milliseconds: a screen that is left alone.
const IDLE_MS: i64 = 60 * 60 * 1000;

/// How long one challenge is handed out, in milliseconds.
const CHALLENGE_MS: i64 = 60 * 1000;

/// Statements that one officer hands in within a minute; nobody reads what is to be signed in less than two seconds.
pub(super) const ACTS_MAX: u32 = 30;

/// That minute, in milliseconds.
const ACTS_MS: i64 = 60 * 1000;

/// Bytes of a token.
pub(super) const TOKEN_BYTES: usize = 32;

/// What a browser shows instead of a proof.
pub(super) type Token = [u8; TOKEN_BYTES];

/// An officer who has signed in.
#[derive(Clone)]
pub(super) struct Session {
    /// With what.
    pub(super) proof: Signed,
    /// For whom the officer acts.
    pub(super) org: OrgId,
    /// The office.
    pub(super) officer: OfficerName,
    seen: Timestamp,
}

#[derive(Default)]
struct Held {
    /// By the hash of the token: what is held here cannot be shown by anyone.
    open: BTreeMap<Hash, Session>,
    /// Proofs that have opened a session, and when; kept while their challenge is good.
    spent: BTreeMap<StatementId, Timestamp>,
    /// How much has been handed in with each key since when; of the last minute only.
    acts: BTreeMap<KeyHash, (Timestamp, u32)>,
}

/// All sessions of a node. They end with the process.
pub(super) struct Sessions {
    secret: [u8; 32],
    held: Mutex<Held>,
}

impl Sessions {
    /// Challenges follow from the secret, so that handing one out costs no memory.
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self { secret, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().expect("no panic while it is held")
    }

    /// What a proof must have as its salt.
    pub(super) fn challenge(&self, now: Timestamp) -> Salt {
        self.challenge_of(now.0.div_euclid(CHALLENGE_MS))
    }

    fn challenge_of(&self, step: i64) -> Salt {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("a key of any length");
        mac.update(&step.to_be_bytes());
        let mut salt = [0; 16];
        salt.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        Salt(salt)
    }

    fn is_challenge(&self, salt: &Salt, now: Timestamp) -> bool {
        let step = now.0.div_euclid(CHALLENGE_MS);
        (step - ACCESS_MS / CHALLENGE_MS..=step).any(|step| self.challenge_of(step) == *salt)
    }

    /// Opens a session for a proof that has been judged. Refused unless it answers a challenge of this node, and does so for the
    /// first time.
    pub(super) fn open(&self, proof: &Signed, access: &Access, token: &Token, now: Timestamp) -> Result<(), Refusal> {
        let refuse = |rule| Refusal::new(Reason::AccessExpired).with("rule", rule);
        if !self.is_challenge(&access.salt, now) {
            return Err(refuse("the challenge is not one of this node, or too old"));
        }
        let mut held = self.held();
        held.sweep(now);
        if held.spent.insert(proof.id(), now).is_some() {
            return Err(refuse("it has opened a session already"));
        }
        let session =
            Session { proof: proof.clone(), org: access.org.clone(), officer: access.officer.clone(), seen: now };
        let key = session.key();
        held.make_room(SESSIONS_OF_KEY_MAX, |other| other.key() == key);
        held.make_room(SESSIONS_MAX, |_| true);
        held.open.insert(Hash::of(token), session);
        Ok(())
    }

    /// The session of a token; none if it has ended. What a page asks by itself keeps no session open.
    pub(super) fn find(&self, token: &Token, is_by_itself: bool, now: Timestamp) -> Option<Session> {
        let (mut held, id) = (self.held(), Hash::of(token));
        let session = held.open.get_mut(&id)?;
        if session.has_ended(now) {
            held.open.remove(&id);
            return None;
        }
        if !is_by_itself {
            session.seen = now;
        }
        Some(session.clone())
    }

    /// Counts what an officer hands in. Refused when it is too much for a person.
    pub(super) fn act(&self, proof: &Signed, now: Timestamp) -> Result<(), Refusal> {
        let Some(key) = proof.signatures().first().map(|by| by.key) else { return Ok(()) };
        let mut held = self.held();
        held.acts.retain(|_, (since, _)| now.since_ms(*since) < ACTS_MS);
        let (_, count) = held.acts.entry(key).or_insert((now, 0));
        if *count >= ACTS_MAX {
            let refusal = Refusal::new(Reason::Overloaded).with("rule", "statements by one officer within a minute");
            return Err(refusal.with("limit", ACTS_MAX));
        }
        *count += 1;
        Ok(())
    }

    /// Ends a session.
    pub(super) fn close(&self, token: &Token) {
        self.held().open.remove(&Hash::of(token));
    }
}

impl Session {
    fn key(&self) -> Option<KeyHash> {
        self.proof.signatures().first().map(|by| by.key)
    }

    fn has_ended(&self, now: Timestamp) -> bool {
        now.since_ms(self.seen) > IDLE_MS
    }
}

impl Held {
    fn sweep(&mut self, now: Timestamp) {
        self.open.retain(|_, session| !session.has_ended(now));
        // A challenge is older than its proof by at most one step.
        self.spent.retain(|_, at| now.since_ms(*at) <= ACCESS_MS + CHALLENGE_MS);
    }

    /// Ends those unused for longest until there is room for one more.
    fn make_room(&mut self, most: usize, is_counted: impl Fn(&Session) -> bool) {
        let mut counted: Vec<(Timestamp, Hash)> = self
            .open
            .iter()
            .filter(|(_, session)| is_counted(session))
            .map(|(id, session)| (session.seen, *id))
            .collect();
        counted.sort_unstable();
        let too_many = (counted.len() + 1).saturating_sub(most);
        counted.iter().take(too_many).for_each(|(_, id)| _ = self.open.remove(id));
    }
}

/// The cookie's name. It holds the node's, because cookies do not tell ports apart: nodes on one machine would sign each other's
/// officers out. Browsers take one with this prefix only by TLS and for this host alone.
fn cookie_name(site: &Site) -> String {
    format!("{}verbund-{}", if site.is_encrypted { "__Host-" } else { "" }, site.node)
}

/// Sets the cookie, or takes it away.
pub(super) fn cookie(site: &Site, token: Option<&Token>) -> HeaderValue {
    let (name, secure) = (cookie_name(site), if site.is_encrypted { "; Secure" } else { "" });
    let (value, seconds) = token.map_or((String::new(), 0), |token| (hex::encode(token), SESSION_MS / 1000));
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Whether a page asks by itself, as htmx says, and as a browser says that listens for events.
pub(super) fn is_by_itself(headers: &HeaderMap) -> bool {
    let listens = headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes() == b"text/event-stream");
    listens || headers.contains_key("hx-request")
}

/// The token that a browser shows.
pub(super) fn token(site: &Site, headers: &HeaderMap) -> Option<Token> {
    let name = cookie_name(site);
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).and_then(|(_, value)| from_hex(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::Kind;

    fn access(sessions: &Sessions, now: Timestamp) -> Access {
        Access {
            org: "stadt".parse().expect("a name"),
            officer: "einkauf".parse().expect("a name"),
            node: "kitu".parse().expect("a name"),
            signed_at: now,
            salt: sessions.challenge(now),
        }
    }

    fn open(sessions: &Sessions, seed: u8, token: u8, now: Timestamp) -> Result<(), Refusal> {
        // A proof of its own each time.
        let access = Access { officer: format!("amt-{token}").parse().expect("a name"), ..access(sessions, now) };
        let proof = Signed::sign(&Kind::Access, &access, &[&SecretKey::from_seed(&[seed; 32])]);
        sessions.open(&proof, &access, &[token; 32], now)
    }

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn a_proof_opens_one_session_and_only_for_a_challenge_of_this_node() {
        let sessions = Sessions::new([1; 32]);
        let access = access(&sessions, NOW);
        let proof = Signed::sign(&Kind::Access, &access, &[&SecretKey::from_seed(&[1; 32])]);
        sessions.open(&proof, &access, &[1; 32], NOW).expect("the first time");
        let again = sessions.open(&proof, &access, &[2; 32], NOW).expect_err("somebody has copied it");
        assert_eq!(again.reason, Reason::AccessExpired);
        assert!(sessions.find(&[1; 32], false, NOW).is_some() && sessions.find(&[2; 32], false, NOW).is_none());
        for (salt, at) in [(Salt([0; 16]), NOW), (access.salt, NOW.plus_ms(ACCESS_MS + CHALLENGE_MS))] {
            let access = Access { salt, ..access.clone() };
            let proof = Signed::sign(&Kind::Access, &access, &[&SecretKey::from_seed(&[2; 32])]);
            assert_eq!(sessions.open(&proof, &access, &[3; 32], at).expect_err("old").reason, Reason::AccessExpired);
        }
        assert_ne!(Sessions::new([2; 32]).challenge(NOW), sessions.challenge(NOW), "of another node");
    }

    #[test]
    fn a_session_ends_when_it_is_closed_or_left_alone() {
        let sessions = Sessions::new([1; 32]);
        open(&sessions, 1, 1, NOW).expect("opened");
        let later = NOW.plus_ms(IDLE_MS);
        assert!(sessions.find(&[1; 32], false, later).is_some());
        assert!(sessions.find(&[1; 32], false, later.plus_ms(IDLE_MS)).is_some(), "it was used meanwhile");
        assert!(sessions.find(&[1; 32], false, later.plus_ms(2 * IDLE_MS + 1)).is_none());
        open(&sessions, 1, 3, NOW).expect("opened");
        assert!(sessions.find(&[3; 32], true, later).is_some(), "a page asks by itself");
        assert!(sessions.find(&[3; 32], false, later.plus_ms(1)).is_none(), "and nobody was there");
        open(&sessions, 1, 2, NOW).expect("opened");
        sessions.close(&[2; 32]);
        assert!(sessions.find(&[2; 32], false, NOW).is_none());
    }

    #[test]
    fn there_are_never_too_many() {
        let sessions = Sessions::new([1; 32]);
        for token in 0..=u8::try_from(SESSIONS_OF_KEY_MAX).expect("few") {
            open(&sessions, 1, token, NOW.plus_ms(token.into())).expect("opened");
        }
        open(&sessions, 2, 99, NOW).expect("opened");
        let now = NOW.plus_ms(100);
        assert!(sessions.find(&[0; 32], false, now).is_none(), "the oldest of the key gave way");
        assert!(sessions.find(&[1; 32], false, now).is_some() && sessions.find(&[99; 32], false, now).is_some());
    }

    #[test]
    fn a_cookie_is_read_by_its_own_node_only() {
        let site = |node: &str, is_encrypted| Site {
            node: node.to_owned(),
            imprint: crate::config::web::Imprint::default(),
            takes_requests: false,
            is_encrypted,
            version: "0",
        };
        for is_encrypted in [false, true] {
            let own = site("kitu", is_encrypted);
            let set = cookie(&own, Some(&[7; 32]));
            let set = set.to_str().expect("text");
            for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
                assert!(set.contains(part), "{set}");
            }
            assert_eq!((set.starts_with("__Host-"), set.contains("; Secure")), (is_encrypted, is_encrypted));
            let mut headers = HeaderMap::new();
            let pair = set.split(';').next().expect("a pair");
            headers.insert(header::COOKIE, format!("a=b; {pair}; c").parse().expect("a header"));
            assert_eq!(token(&own, &headers), Some([7; 32]));
            assert_eq!(token(&site("kid", is_encrypted), &headers), None);
        }
        let mut headers = HeaderMap::new();
        for wrong in ["verbund-kitu=", "verbund-kitu=zz", "verbund-kitu", "=", ";;;"] {
            headers.insert(header::COOKIE, wrong.parse().expect("a header"));
            assert_eq!(token(&site("kitu", false), &headers), None, "{wrong}");
        }
    }
}
