//! `verbund key`: making keys on the machine of whoever will use them.
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use crate::cli::options::Global;
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
    },
    /// Den öffentlichen Teil und seinen Fingerabdruck zeigen
    Show {
        /// Schlüsseldatei
        #[arg(long, value_name = "DATEI")]
        file: PathBuf,
    },
}

/// Runs the verb.
pub fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    let (file, key) = match verb {
        Verb::Generate { file } => {
            let mut seed = [0; 32];
            system::fill(&mut seed);
            let key = SecretKey::from_seed(&seed);
            keys::write(&file, &key)?;
            (file, key)
        }
        Verb::Show { file } => {
            let key = keys::read(&file)?;
            (file, key)
        }
    };
    let public = key.public();
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
