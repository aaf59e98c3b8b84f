//! `verbund key rotate --role tls`: a new TLS key of the node, and other addresses if wanted. Signed by the operator's
//! statement key, which the node holds; no root key is needed.
use serde_json::json;

use super::carry::{Carry, connect, finish, node_opener};
use crate::cli::options::Global;
use crate::config::node::{HostPort, NodeConfig};
use crate::domain::id::{Hash, OrgId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::{SecretKey, Signer};
use crate::domain::statement::Kind;
use crate::domain::trust::KeyRole;
use crate::domain::trust::key_book::KeyBook;
use crate::node::keys::Opener;
use crate::node::tls::Identity;

/// Makes the next generation, if need be, and publishes the record that names it.
pub(super) async fn rotate(
    global: &Global,
    config: &NodeConfig,
    addresses: &[HostPort],
    carry: &Carry,
) -> Result<(), Refusal> {
    let mut client = connect(global, Some(config)).await?;
    let (operator, mut opener) = (&config.profile.operator, node_opener(global, config)?);
    let book = client.keys(operator).await?;
    let signer = statement_key(&mut opener, config, &book, operator)?;
    let unknown = || Refusal::new(Reason::KeyUnknown).with("log", &book.home);
    let named = book.node.as_ref().ok_or_else(unknown)?.tls_sha256;
    let addresses: Vec<String> = addresses.iter().map(|address| address.as_str().to_owned()).collect();
    let names = names(config, addresses.iter().chain(book.node.iter().flat_map(|node| &node.addresses)));
    let (pin, laid_down) = match left_behind(&mut opener, config, named)? {
        Some(pin) => (pin, None),
        None => {
            let identity = Identity::make(&names, None)?;
            (identity.pin()?, Some(identity))
        }
    };
    let record = book.next_record(pin, addresses)?;
    if let Some(identity) = laid_down.filter(|_| !carry.dry_run) {
        identity.write_next(&config.keys, node_opener(global, config)?.into_passphrase_for(config)?.as_ref())?;
    }
    let said = json!({"org": operator, "role": "tls", "tls_sha256": pin.to_string()});
    let out = global.out();
    let mut lines = Vec::new();
    if !carry.dry_run {
        lines.push(format!("{}: {pin}", out.say("Neuer TLS-Schlüssel", "New TLS key")));
        lines.push(out.say(TELL_DE, TELL_EN).to_owned());
    }
    let signing: [&dyn Signer; 1] = [&signer];
    finish(global, &mut client, operator, (&Kind::NodeRecord, &record), &signing, carry, (said, lines)).await
}

const TELL_DE: &str = "Das Zertifikat liegt neben dem alten im Schlüsselordner; Profile von Ämtern brauchen das neue, sobald das \
     alte entfernt wird.";
const TELL_EN: &str = "The certificate lies beside the old one in the key folder; officers' profiles need the new one once the old \
     one is taken away.";

/// After a loss: lays down a new key. The node names it in its record by itself when it starts.
pub(super) fn replace_lost(global: &Global, config: &NodeConfig, addresses: &[HostPort]) -> Result<(), Refusal> {
    let addresses: Vec<String> = addresses.iter().map(|address| address.as_str().to_owned()).collect();
    let identity = Identity::make(&names(config, addresses.iter()), None)?;
    let file =
        identity.write_next(&config.keys, node_opener(global, config)?.into_passphrase_for(config)?.as_ref())?;
    let (out, pin) = (global.out(), identity.pin()?);
    let text = format!(
        "{}: {}\n{}",
        out.say("Neuer TLS-Schlüssel", "New TLS key"),
        file.display(),
        out.say(
            "Jetzt den Knoten starten: er stellt sich den anderen mit dem neuen Schlüssel vor.",
            "Now start the node: it introduces itself to the others with the new key.",
        )
    );
    out.one(&json!({"role": "tls", "tls_sha256": pin.to_string(), "certificate": file.display().to_string()}), &text)
}

/// What the certificate is made out to: the node's name and the hosts of its addresses.
fn names<'a>(config: &NodeConfig, addresses: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut names = vec![config.profile.node.to_string()];
    for host in addresses.filter_map(|address| address.rsplit_once(':')).map(|(host, _)| host) {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if !names.contains(&host) {
            names.push(host);
        }
    }
    names
}

/// A newer key than the one named, left by an earlier try.
fn left_behind(opener: &mut Opener, config: &NodeConfig, named: Hash) -> Result<Option<Hash>, Refusal> {
    let held = Identity::read_all(&config.keys, opener)?;
    let pins = held.iter().map(Identity::pin).collect::<Result<Vec<Hash>, Refusal>>()?;
    Ok(pins.last().copied().filter(|newest| *newest != named && pins.contains(&named)))
}

fn statement_key(
    opener: &mut Opener,
    config: &NodeConfig,
    book: &KeyBook,
    operator: &OrgId,
) -> Result<SecretKey, Refusal> {
    let absent = || Refusal::new(Reason::KeyAbsent).with("org", operator);
    let in_force = book.in_force(KeyRole::Statement).ok_or_else(absent)?.hash;
    let held = opener.read_node(config)?.statements.remove(operator).unwrap_or_default();
    held.into_iter().find(|key| key.public().hash() == in_force).ok_or_else(absent)
}
