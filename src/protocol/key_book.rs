//! What an organisation's home log says of its keys, for whoever is about to write its next key event.
use crate::domain::id::{OrgId, Origin};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::trust::key_book::{BookedKey, BookedNode, KeyBook, KeyUse};
use crate::domain::trust::{Holder, KeyStanding, LastGood, LogTrust};
use crate::protocol::Node;
use crate::protocol::public::Public;

impl Public<'_> {
    /// The keys of an organisation; `size` says how many entries of a log count.
    pub fn key_book(self, org: &OrgId, size: &dyn Fn(&Origin) -> u64) -> Result<KeyBook, Refusal> {
        let home = self.registry.home(org)?;
        let unknown = || Refusal::new(Reason::OrgUnknown).with("org", org);
        let standing = home.orgs().get(org).ok_or_else(unknown)?;
        let mut keys: Vec<&KeyStanding> = home.keys().values().filter(|key| key.holder.org() == org).collect();
        keys.sort_by_key(|key| (key.from, key.key.hash()));
        Ok(KeyBook {
            org: org.clone(),
            home: home.origin().clone(),
            size: size(home.origin()),
            last_event: standing.last_event(),
            root: standing.root().clone(),
            keys: keys.into_iter().map(|key| self.booked(key, size)).collect(),
            node: booked_node(home),
            recovery: standing.announced_recovery(),
        })
    }

    fn booked(self, standing: &KeyStanding, size: &dyn Fn(&Origin) -> u64) -> BookedKey {
        let hash = standing.key.hash();
        let holding = self.registry.logs().filter(|log| log.keys().contains_key(&hash));
        let logs = holding.map(|log| LastGood { log: log.origin().clone(), size: size(log.origin()) });
        let used_as = match &standing.holder {
            Holder::Online { role, .. } => KeyUse::Online(*role),
            Holder::Officer(grant) => KeyUse::Officer(format!("{}/{}", grant.officer, grant.device)),
        };
        let revoked = standing.revoked.last().map(|revoked| revoked.reason);
        BookedKey { hash, used_as, revoked, logs: logs.collect() }
    }
}

impl Node {
    /// The keys of an organisation, as this node holds its logs.
    pub fn key_book(&self, org: &OrgId) -> Result<KeyBook, Refusal> {
        self.state.public().key_book(org, &|origin| self.state.size(origin))
    }
}

fn booked_node(home: &LogTrust) -> Option<BookedNode> {
    let (_, record) = home.node_record()?;
    Some(BookedNode {
        operator: record.operator.clone(),
        addresses: record.addresses.clone(),
        tls_sha256: record.tls_sha256,
        alone_since: record.alone_since,
    })
}

#[cfg(test)]
mod tests {
    use crate::domain::reason::Reason;
    use crate::domain::signing::SecretKey;
    use crate::domain::trust::key_book::KeyBook;
    use crate::domain::trust::{KeyRole, LastGood, RevocationReason, RootKeys};
    use crate::protocol::explain::fixture::{Town, by_rule};

    fn book(org: &str) -> KeyBook {
        Town::new(by_rule()).node.key_book(&org.parse().expect("a name")).expect("known")
    }

    #[test]
    fn the_next_event_follows_the_last_one() {
        let (book, new) = (book("kitu"), SecretKey::from_seed(&[77; 32]).public());
        for role in [KeyRole::Statement, KeyRole::Log, KeyRole::Witness] {
            let event = book.rotate(role, &new, RevocationReason::Superseded, &[]).expect("a rotation");
            assert_eq!((event.seq, event.prev), (1, book.last_event.map(|(_, id)| id)));
            assert_eq!(event.revoke[0].last_good, [LastGood { log: book.home.clone(), size: book.size }]);
            assert_eq!(Some(event.revoke[0].key), book.in_force(role).map(|key| key.hash));
        }
    }

    #[test]
    fn what_the_log_would_refuse_is_not_written() {
        let (kitu, town) = (book("kitu"), book("town"));
        let new = SecretKey::from_seed(&[77; 32]).public();
        let reason = |outcome: Result<_, crate::domain::reason::Refusal>| outcome.err().map(|refusal| refusal.reason);
        let (stolen, replaced) = (RevocationReason::Compromised, RevocationReason::Superseded);
        let good = |log: &str, size| LastGood { log: log.parse().expect("a log"), size };
        let home = kitu.home.to_string();
        assert_eq!(reason(town.rotate(KeyRole::Log, &new, replaced, &[])), Some(Reason::NodeTaken));
        let rotate = |reason, good: &[LastGood]| kitu.rotate(KeyRole::Statement, &new, reason, good);
        for (reason_given, last_good, expected) in [
            (stolen, vec![], Some(Reason::LastGoodNeeded)),
            (replaced, vec![good(&home, 1)], Some(Reason::LastGoodNeeded)),
            (stolen, vec![good(&home, kitu.size + 1)], Some(Reason::LastGoodNeeded)),
            (stolen, vec![good("demo/log/other/1", 1)], Some(Reason::LastGoodNeeded)),
            (stolen, vec![good(&home, 1)], None),
            (replaced, vec![], None),
        ] {
            assert_eq!(reason(rotate(reason_given, &last_good)), expected, "{reason_given:?} {last_good:?}");
        }
        let log_key = kitu.in_force(KeyRole::Log).expect("an operator").hash;
        assert_eq!(reason(kitu.revoke(&log_key, RevocationReason::Ceased, &[])), Some(Reason::LogKeyNeeded));
        let foreign = town.in_force(KeyRole::Statement).expect("it has one").hash;
        assert_eq!(reason(kitu.revoke(&foreign, RevocationReason::Ceased, &[])), Some(Reason::KeyUnknown));
        let other = RootKeys { keys: vec![new.clone()], threshold: 1, ..kitu.root.clone() };
        assert_eq!(reason(kitu.rotate_root(other)), Some(Reason::RootKeysUncommitted));
    }
}
