//! The keys of an organisation as a message, in both directions.
use crate::domain::id::OrgId;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::PublicKey;
use crate::domain::trust::key_book::{BookedKey, BookedNode, KeyBook, KeyUse};
use crate::domain::trust::{LastGood, RootKeys};
use crate::wire::pb::node::v1 as pb;
use crate::wire::{instant, optional, parsed, timestamp};

/// Whose keys are asked for.
pub fn asked(message: &pb::GetKeysRequest) -> Result<OrgId, Refusal> {
    let pb::GetKeysRequest { org } = message;
    parsed("org", org)
}

/// What a node answers.
pub fn answer(book: &KeyBook) -> pb::GetKeysResponse {
    let last_event = book.last_event.as_ref();
    pb::GetKeysResponse {
        org: book.org.to_string(),
        log_origin: book.home.to_string(),
        log_size: book.size,
        last_event_id: last_event.map(|(_, id)| id.to_string()).unwrap_or_default(),
        last_event_number: last_event.map_or(0, |(number, _)| *number),
        root_keys: book.root.keys.iter().map(ToString::to_string).collect(),
        root_threshold: book.root.threshold,
        next_root_sha256: book.root.next_sha256.to_string(),
        keys: book.keys.iter().map(key_message).collect(),
        node: book.node.as_ref().map(node_message),
        announced_recovery_id: book.recovery.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn key_message(key: &BookedKey) -> pb::RegisteredKey {
    let (role, officer) = match &key.used_as {
        KeyUse::Online(role) => (role.word().to_owned(), String::new()),
        KeyUse::Officer(office) => (String::new(), office.clone()),
    };
    let size = |good: &LastGood| pb::LogSize { log_origin: good.log.to_string(), size: good.size };
    pb::RegisteredKey {
        key_hash: key.hash.to_string(),
        role,
        officer,
        revoked: key.revoked.map(|reason| reason.word().to_owned()).unwrap_or_default(),
        logs: key.logs.iter().map(size).collect(),
    }
}

fn node_message(node: &BookedNode) -> pb::RegisteredNode {
    pb::RegisteredNode {
        operator: node.operator.to_string(),
        addresses: node.addresses.clone(),
        tls_sha256: node.tls_sha256.to_string(),
        alone_since: node.alone_since.map(timestamp),
    }
}

/// The key book in a node's answer.
pub fn book(message: pb::GetKeysResponse) -> Result<KeyBook, Refusal> {
    let pb::GetKeysResponse {
        org,
        log_origin,
        log_size,
        last_event_id,
        last_event_number,
        root_keys,
        root_threshold,
        next_root_sha256,
        keys,
        node,
        announced_recovery_id,
    } = message;
    let root_key = |key: &String| parsed::<PublicKey>("root_keys", key);
    Ok(KeyBook {
        org: parsed("org", &org)?,
        home: parsed("log_origin", &log_origin)?,
        size: log_size,
        last_event: optional("last_event_id", &last_event_id)?.map(|id| (last_event_number, id)),
        root: RootKeys {
            keys: root_keys.iter().map(root_key).collect::<Result<_, _>>()?,
            threshold: root_threshold,
            next_sha256: parsed("next_root_sha256", &next_root_sha256)?,
        },
        keys: keys.into_iter().map(key).collect::<Result<_, _>>()?,
        node: node.map(node_of).transpose()?,
        recovery: optional("announced_recovery_id", &announced_recovery_id)?,
    })
}

fn key(message: pb::RegisteredKey) -> Result<BookedKey, Refusal> {
    let pb::RegisteredKey { key_hash, role, officer, revoked, logs } = message;
    let used_as = match optional("role", &role)? {
        Some(role) => KeyUse::Online(role),
        None if officer.is_empty() => return Err(Refusal::new(Reason::FieldInvalid).with("field", "role")),
        None => KeyUse::Officer(officer),
    };
    let size = |pb::LogSize { log_origin, size }| Ok(LastGood { log: parsed("log_origin", &log_origin)?, size });
    Ok(BookedKey {
        hash: parsed("key_hash", &key_hash)?,
        used_as,
        revoked: optional("revoked", &revoked)?,
        logs: logs.into_iter().map(size).collect::<Result<_, Refusal>>()?,
    })
}

fn node_of(message: pb::RegisteredNode) -> Result<BookedNode, Refusal> {
    let pb::RegisteredNode { operator, addresses, tls_sha256, alone_since } = message;
    Ok(BookedNode {
        operator: parsed("operator", &operator)?,
        addresses,
        tls_sha256: parsed("tls_sha256", &tls_sha256)?,
        alone_since: alone_since.as_ref().map(instant),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::explain::fixture::{Town, by_rule};

    #[test]
    fn a_key_book_survives_the_way() {
        let town = Town::new(by_rule());
        for org in ["kitu", "town"] {
            let sent = town.node.key_book(&org.parse().expect("a name")).expect("known");
            assert!(sent.keys.len() >= 2 && sent.last_event.is_some(), "{sent:?}");
            assert_eq!(book(answer(&sent)).expect("own words"), sent);
        }
        let mut torn = answer(&town.node.key_book(&"town".parse().expect("a name")).expect("known"));
        torn.keys[0].role = "stamp".to_owned();
        assert_eq!(book(torn).expect_err("no such role").reason, Reason::FieldInvalid);
    }
}
