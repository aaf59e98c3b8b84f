//! Whether the keys that a node was given are its own.
//!
//! One that is missing or that nobody knows is no mistake: it was lost, or is about to take the place of another, and that happens
//! while the node runs. One that everybody knows as somebody else's comes from a folder that was mixed up: a node that ran with it
//! would sign nothing, or pose as another.
use crate::domain::id::{KeyHash, OrgId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::SecretKey;
use crate::domain::trust::{Holder, KeyRole};
use crate::protocol::Node;

impl Node {
    /// Refuses keys of others; once the store has been read.
    pub fn check_keys(&self) -> Result<(), Refusal> {
        let operator = &self.settings.operator;
        self.check_role(&self.keys.log, operator, KeyRole::Log, Reason::LogKeyForeign)?;
        self.check_role(&self.keys.witness, operator, KeyRole::Witness, Reason::WitnessKeyForeign)?;
        for (org, keys) in &self.keys.statements {
            self.check_role(keys, org, KeyRole::Statement, Reason::StatementKeyForeign)?;
        }
        self.check_tls_keys()
    }

    fn check_role(&self, keys: &[SecretKey], org: &OrgId, role: KeyRole, reason: Reason) -> Result<(), Refusal> {
        for hash in keys.iter().map(|key| key.public().hash()) {
            if let Some(other) = self.foreign_holder(&hash, org, role) {
                let refusal = Refusal::new(reason).with("org", org).with("key", hash.short());
                return Err(refusal.with("holder", other));
            }
        }
        Ok(())
    }

    /// Who holds a key, if nobody knows it as that of this organisation and role.
    fn foreign_holder(&self, key: &KeyHash, org: &OrgId, role: KeyRole) -> Option<String> {
        let known =
            || self.state.registry.logs().filter_map(|log| log.keys().get(key)).map(|standing| &standing.holder);
        let is_own = |holder: &Holder| matches!(holder, Holder::Online { org: of, role: as_role } if of == org && *as_role == role);
        if known().any(is_own) { None } else { known().next().map(|holder| holder.org().to_string()) }
    }

    fn check_tls_keys(&self) -> Result<(), Refusal> {
        let records = self.node_records();
        let others = records.filter(|(node, _)| *node != self.settings.node());
        let mut foreign = others.filter(|(_, record)| self.keys.tls.contains(&record.tls_sha256));
        match foreign.next() {
            Some((node, _)) => Err(Refusal::new(Reason::TlsKeyForeign).with("node", node)),
            None => Ok(()),
        }
    }
}
