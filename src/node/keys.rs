//! Private keys of a node in files: PKCS #8 PEM, readable by their owner only.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::domain::id::OrgId;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::SecretKey;
use crate::protocol::settings::NodeKeys;

/// Writes a key file with rights for its owner only; refuses to overwrite one.
pub fn write(path: &Path, key: &SecretKey) -> Result<(), Refusal> {
    write_private(path, key.to_pem().as_bytes())
}

/// Writes a private file; refuses to overwrite one.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), Refusal> {
    let unwritable = |error| Refusal::new(Reason::FileUnwritable).with("file", path.display()).with("problem", error);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path).map_err(unwritable)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(unwritable)
}

/// Reads a key file.
pub fn read(path: &Path) -> Result<SecretKey, Refusal> {
    let text = fs::read_to_string(path)
        .map_err(|error| Refusal::new(Reason::FileUnreadable).with("file", path.display()).with("problem", error))?;
    SecretKey::from_pem(&text).map_err(|refusal| refusal.with("file", path.display()))
}

/// Writes all keys of a node.
pub fn write_node(folder: &Path, keys: &NodeKeys) -> Result<(), Refusal> {
    write(&folder.join("log.pem"), &keys.log)?;
    write(&folder.join("witness.pem"), &keys.witness)?;
    keys.statements.iter().try_for_each(|(org, key)| write(&folder.join(format!("statement-{org}.pem")), key))
}

/// Reads all keys of a node that hosts these organisations.
pub fn read_node(folder: &Path, hosts: &BTreeSet<OrgId>) -> Result<NodeKeys, Refusal> {
    let mut statements = BTreeMap::new();
    for org in hosts {
        statements.insert(org.clone(), read(&folder.join(format!("statement-{org}.pem")))?);
    }
    Ok(NodeKeys { log: read(&folder.join("log.pem"))?, witness: read(&folder.join("witness.pem"))?, statements })
}
