//! `verbund key`: making keys on the machine of whoever will use them, and putting new ones in the place of old ones.
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use crate::cli::options::Global;
use crate::cli::passphrase::{for_new, opener};
use crate::domain::reason::Refusal;
use crate::domain::signing::SecretKey;
use crate::node::sealing::RecoverySecret;
use crate::node::{keys, system};

mod carry;
mod list;
mod revoke;
mod root;
mod rotate;
mod tls;

/// What to do with keys.
#[derive(Subcommand)]
pub enum Verb {
    /// Einen Ed25519-Schlüssel erzeugen; die Datei liest nur, wem sie gehört
    Generate {
        /// Wohin (PKCS #8, PEM)
        #[arg(long, value_name = "DATEI")]
        file: PathBuf,
        /// Verschlüsseln: mit der Passphrase aus `--passphrase-file`, sonst wird gefragt
        #[arg(long)]
        encrypt: bool,
    },
    /// Einen Wiederherstellungsschlüssel erzeugen, offline aufzubewahren; sein öffentlicher Teil gehört in run.toml
    Recovery {
        /// Wohin (X25519, PKCS #8, PEM)
        #[arg(long, value_name = "DATEI")]
        file: PathBuf,
        /// Verschlüsseln: mit der Passphrase aus `--passphrase-file`, sonst wird gefragt
        #[arg(long)]
        encrypt: bool,
    },
    /// Den öffentlichen Teil und seinen Fingerabdruck zeigen
    Show {
        /// Schlüsseldatei, oder ein Schlüssel in einem Token: `pkcs11:token=…;object=…?module-path=…`
        #[arg(long, value_name = "DATEI")]
        file: PathBuf,
    },
    /// Alle Schlüssel einer Organisation, wie ihr Heimatprotokoll sie kennt
    List(list::Arguments),
    /// Einen Schlüssel des Knotens durch einen neuen ersetzen, im laufenden Betrieb
    Rotate(rotate::Arguments),
    /// Die Wurzelschlüssel der Organisation durch die festgelegte nächste Menge ersetzen
    RotateRoot(root::Arguments),
    /// Einen Schlüssel widerrufen, ohne ihn zu ersetzen
    Revoke(revoke::Arguments),
    /// Neue Wurzelschlüssel durch die Treuhänder vorschlagen: ankündigen, nach 72 Stunden dasselbe noch einmal
    Recover(root::Recovering),
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    let (file, public) = match verb {
        Verb::Generate { file, encrypt } => {
            let key = generate(global, &file, encrypt || global.passphrase_file.is_some())?;
            (file, key.public())
        }
        Verb::Show { file } => {
            let key = opener(global)?.signer(&file)?;
            (file, key.public())
        }
        Verb::Recovery { file, encrypt } => {
            return recovery(global, &file, encrypt || global.passphrase_file.is_some());
        }
        Verb::List(arguments) => return list::run(global, arguments).await,
        Verb::Rotate(arguments) => return rotate::run(global, arguments).await,
        Verb::RotateRoot(arguments) => return root::run(global, arguments).await,
        Verb::Revoke(arguments) => return revoke::run(global, arguments).await,
        Verb::Recover(arguments) => return root::recover(global, arguments).await,
    };
    let value = json!({
        "file": file.display().to_string(),
        "public_key": public.to_string(),
        "key_hash": public.hash().to_string(),
        "pem": public.to_pem(),
    });
    let text = format!(
        "{}\n{}: {}",
        public.to_pem().trim_end(),
        global.out().say("Fingerabdruck", "Key hash"),
        public.hash()
    );
    global.out().one(&value, &text)
}

fn recovery(global: &Global, file: &Path, encrypt: bool) -> Result<(), Refusal> {
    let secret = RecoverySecret::make();
    let passphrase = if encrypt { Some(for_new(global, file)?) } else { None };
    keys::write_pem(file, &secret.to_pem(), passphrase.as_ref())?;
    let public = secret.public().to_string();
    let value = json!({ "file": file.display().to_string(), "recovery_key": public });
    let line = format!("recovery_key = \"{public}\"");
    let told = global.out().say("In run.toml eintragen", "Put into run.toml");
    global.out().one(&value, &format!("{told}:\n{line}"))
}

fn generate(global: &Global, file: &Path, encrypt: bool) -> Result<SecretKey, Refusal> {
    let key = system::fresh_key();
    match encrypt {
        true => keys::write_encrypted(file, &key, &for_new(global, file)?)?,
        false => keys::write(file, &key)?,
    }
    Ok(key)
}
