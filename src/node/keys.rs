//! Private keys of a node in files: PKCS #8 PEM, readable by their owner only.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

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
    let generations = |name: &str, keys: &[SecretKey]| {
        keys.iter().enumerate().try_for_each(|(number, key)| write(&generation(folder, name, number), key))
    };
    generations("log", &keys.log)?;
    generations("witness", &keys.witness)?;
    keys.statements.iter().try_for_each(|(org, keys)| generations(&format!("statement-{org}"), keys))
}

/// Reads all keys of a node that hosts these organisations.
pub fn read_node(folder: &Path, hosts: &BTreeSet<OrgId>) -> Result<NodeKeys, Refusal> {
    let mut statements = BTreeMap::new();
    for org in hosts {
        statements.insert(org.clone(), read_generations(folder, &format!("statement-{org}"))?);
    }
    let (log, witness) = (read_generations(folder, "log")?, read_generations(folder, "witness")?);
    Ok(NodeKeys { log, witness, statements })
}

/// The file of one generation of a key: `NAME.pem`, then `NAME.2.pem` and so on.
pub fn generation(folder: &Path, name: &str, number: usize) -> PathBuf {
    match number {
        0 => folder.join(format!("{name}.pem")),
        later => folder.join(format!("{name}.{}.pem", later + 1)),
    }
}

/// Every generation of a key that is there, oldest first; one at least. An old one may be taken away once nothing is
/// signed with it any more, so gaps are passed over.
fn read_generations(folder: &Path, name: &str) -> Result<Vec<SecretKey>, Refusal> {
    let files = (0..GENERATIONS_MAX).map(|number| generation(folder, name, number)).filter(|file| file.exists());
    let keys: Vec<SecretKey> = files.map(|file| read(&file)).collect::<Result<_, _>>()?;
    if keys.is_empty() {
        read(&generation(folder, name, 0))?;
    }
    Ok(keys)
}

/// Most generations of one key: a rotation every month for eight years.
const GENERATIONS_MAX: usize = 100;

