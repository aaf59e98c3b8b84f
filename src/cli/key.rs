//! `verbund key`: making keys on the machine of whoever will use them.
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;
use zeroize::Zeroizing;

use crate::cli::options::Global;
use crate::cli::passphrase::{for_new, opener};
use crate::domain::reason::Refusal;
use crate::domain::signing::SecretKey;
use crate::node::{keys, system};

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
    /// Den öffentlichen Teil und seinen Fingerabdruck zeigen
    Show {
        /// Schlüsseldatei, oder ein Schlüssel in einem Token: `pkcs11:token=…;object=…?module-path=…`
        #[arg(long, value_name = "DATEI")]
        file: PathBuf,
    },
}

/// Runs the verb.
pub fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    let (file, public) = match verb {
        Verb::Generate { file, encrypt } => {
            let key = generate(global, &file, encrypt || global.passphrase_file.is_some())?;
            (file, key.public())
        }
        Verb::Show { file } => {
            let key = opener(global)?.signer(&file)?;
            (file, key.public())
        }
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

fn generate(global: &Global, file: &Path, encrypt: bool) -> Result<SecretKey, Refusal> {
    let mut seed = Zeroizing::new([0; 32]);
    system::fill(&mut *seed);
    let key = SecretKey::from_seed(&seed);
    match encrypt {
        true => keys::write_encrypted(file, &key, &for_new(global, file)?)?,
        false => keys::write(file, &key)?,
    }
    Ok(key)
}
