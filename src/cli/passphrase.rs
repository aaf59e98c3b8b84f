//! Where passphrases come from: a file, the service manager, or the person at the terminal.
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::cli::options::Global;
use crate::cli::output::Output;
use crate::domain::reason::{Reason, Refusal};
use crate::node::keys::Opener;
use crate::node::passphrase::Passphrase;

/// In which folder systemd hands credentials to a service (`LoadCredential=`, `LoadCredentialEncrypted=`).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Opens key files as the options and the environment say.
pub fn opener(global: &Global) -> Result<Opener, Refusal> {
    let mut opener = Opener::default();
    if let Some(file) = &global.passphrase_file {
        opener = opener.with_passphrase_file(file)?;
    }
    if let Some(folder) = std::env::var_os(CREDENTIALS) {
        opener = opener.with_credentials(&PathBuf::from(folder))?;
    }
    if is_attended() {
        let out = global.out();
        opener = opener.or_ask(Box::new(move |file| ask(out.say("Passphrase für", "Passphrase of"), file)));
    }
    Ok(opener)
}

/// A passphrase for a new key file: the one known, or one that is typed twice.
pub fn for_new(global: &Global, file: &Path) -> Result<Passphrase, Refusal> {
    if let Some(known) = opener(global)?.into_passphrase() {
        return Ok(known);
    }
    if !is_attended() {
        return Err(Refusal::new(Reason::PassphraseMissing).with("file", file.display()));
    }
    let out: Output = global.out();
    let first = ask(out.say("Neue Passphrase für", "New passphrase of"), file)?;
    let again = ask(out.say("Noch einmal die Passphrase für", "Again the passphrase of"), file)?;
    if first == again { Ok(first) } else { Err(Refusal::new(Reason::PassphrasesDiffer)) }
}

/// Whether a person is there to be asked.
fn is_attended() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks on the terminal, without echo.
fn ask(what: &str, file: &Path) -> Result<Passphrase, Refusal> {
    let typed = rpassword::prompt_password(format!("{what} {}: ", file.display()))
        .map_err(|error| Refusal::new(Reason::PassphraseMissing).with("problem", error))?;
    Passphrase::new(Zeroizing::new(typed).as_bytes())
}
