//! Files that people carry: reading what a federation says, writing proposals, and keys to sign them with.
//!
//! A file is written whole or not at all, and never over another one unless it is the same proposal with more
//! signatures.
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::options::Global;
use crate::cli::passphrase::{for_new, opener};
use crate::cli::trust::words;
use crate::domain::envelope::{self, ENVELOPE_BYTES_MAX};
use crate::domain::id::{OrgId, StatementId};
use crate::domain::proposal::Proposal;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::{PublicKey, SecretKey, Signer};
use crate::domain::statement::Signed;
use crate::domain::trust_file::TrustFile;
use crate::node::keys;

/// Ending of a proposal's file.
const ENDING: &str = ".vorschlag.json";

/// Where a verb learns what the federation says, and where its proposal goes.
#[derive(clap::Args)]
pub struct Carried {
    /// Stand des Verbunds: Datei aus `trust show -o json` oder Ordner mit Erklärungen; sonst wird der Knoten gefragt
    #[arg(long, value_name = "DATEI|ORDNER")]
    pub standing: Option<PathBuf>,
    /// Datei oder Ordner für den Vorschlag
    #[arg(long, value_name = "DATEI|ORDNER", default_value = ".")]
    pub out: PathBuf,
    /// Nur zeigen, was vorgeschlagen würde
    #[arg(long)]
    pub dry_run: bool,
}

impl Carried {
    /// What the federation says, and of one organisation.
    pub async fn file(&self, global: &Global, org: Option<&OrgId>) -> Result<TrustFile, Refusal> {
        match &self.standing {
            Some(path) => read_standing(path),
            None => {
                let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
                TrustFile::try_from(&client.trust(org).await?)
            }
        }
    }

    /// Signs a proposal with the keys at hand and writes it, or only shows it.
    pub fn finish(&self, global: &Global, proposal: &Proposal, keys: &[Box<dyn Signer>]) -> Result<(), Refusal> {
        let proposal = signed_by(proposal, each(keys))?;
        let path = path_for(&self.out, &proposal);
        if !self.dry_run {
            write_new(&path, &proposal.write())?;
        }
        tell(global, &[(path, proposal)], self.dry_run)
    }
}

fn unreadable(path: &Path, problem: impl std::fmt::Display) -> Refusal {
    Refusal::new(Reason::FileUnreadable).with("file", path.display()).with("problem", problem)
}

fn unwritable(path: &Path, problem: impl std::fmt::Display) -> Refusal {
    Refusal::new(Reason::FileUnwritable).with("file", path.display()).with("problem", problem)
}

/// Reads a text file of bounded size.
pub fn read_text(path: &Path) -> Result<String, Refusal> {
    let length = fs::metadata(path).map_err(|error| unreadable(path, error))?.len();
    if length > ENVELOPE_BYTES_MAX as u64 * 2 {
        return Err(unreadable(path, format!("{length} bytes")));
    }
    fs::read_to_string(path).map_err(|error| unreadable(path, error))
}

/// Reads what a federation says, from one file or from a folder of statement files in the order of their names.
/// Proposals in it that nobody has signed yet are passed over.
pub fn read_standing(path: &Path) -> Result<TrustFile, Refusal> {
    let named = |refusal: Refusal, path: &Path| refusal.with("file", path.display());
    if !path.is_dir() {
        return TrustFile::read(&read_text(path)?).map_err(|refusal| named(refusal, path));
    }
    let entries = fs::read_dir(path).map_err(|error| unreadable(path, error))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut statements: Vec<Signed> = Vec::new();
    for file in files {
        match envelope::read(&read_text(&file)?) {
            Ok(signed) => statements.push(signed),
            Err(refusal) if refusal.reason == Reason::StatementUnsigned => {}
            Err(refusal) => return Err(named(refusal, &file)),
        }
    }
    TrustFile::of(statements).map_err(|refusal| named(refusal, path))
}

/// Reads a proposal.
pub fn read_proposal(path: &Path) -> Result<Proposal, Refusal> {
    Proposal::read(&read_text(path)?).map_err(|refusal| refusal.with("file", path.display()))
}

/// Opens keys, in files or in a token.
pub fn read_keys(global: &Global, places: &[PathBuf]) -> Result<Vec<Box<dyn Signer>>, Refusal> {
    let mut opener = opener(global)?;
    places.iter().map(|place| opener.signer(place)).collect()
}

/// The keys, for signing with.
pub fn each(keys: &[Box<dyn Signer>]) -> impl Iterator<Item = &dyn Signer> {
    keys.iter().map(AsRef::as_ref)
}

/// Keeps a new key: encrypted where the person has named a passphrase file.
pub fn keep(global: &Global, path: &Path, key: &SecretKey) -> Result<(), Refusal> {
    match global.passphrase_file.is_some() {
        true => keys::write_encrypted(path, key, &for_new(global, path)?),
        false => keys::write(path, key),
    }
}

/// Reads the public half from a PEM file: a public key, as `key show` prints it, or a key file of one's own.
pub fn read_public(global: &Global, path: &Path) -> Result<PublicKey, Refusal> {
    let text = read_text(path)?;
    if !text.contains("BEGIN PUBLIC KEY") {
        return opener(global)?.read(path).map(|key| key.public());
    }
    let from = text.find("-----BEGIN").unwrap_or(0);
    let end = "-----END PUBLIC KEY-----";
    let to = text.find(end).map_or(text.len(), |at| at + end.len());
    PublicKey::from_pem(&text[from..to]).map_err(|refusal| refusal.with("file", path.display()))
}

/// The proposal with a signature by each of these keys.
pub fn signed_by<'a>(
    proposal: &Proposal,
    keys: impl IntoIterator<Item = &'a dyn Signer>,
) -> Result<Proposal, Refusal> {
    keys.into_iter().try_fold(proposal.clone(), |proposal, key| proposal.sign(key))
}

/// `--root`: whether a proposal is of the federation whose root hash the statutes print.
pub fn check_root(proposal: &Proposal, expected: Option<StatementId>) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != proposal.root() => {
            Err(Refusal::new(Reason::RootUnknown).with("found", proposal.root()).with("expected", expected))
        }
        _ => Ok(()),
    }
}

/// The file of a proposal: as named, or in the folder named, by kind and subject.
pub fn path_for(out: &Path, proposal: &Proposal) -> PathBuf {
    match out.is_dir() {
        true => out.join(format!("{}{ENDING}", words::file_name(proposal.body(), &proposal.id()))),
        false => out.to_owned(),
    }
}

/// Whether none of these files exists: looked at before the first is written.
pub fn check_free<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), Refusal> {
    let taken = paths.into_iter().find(|path| path.exists());
    taken.map_or(Ok(()), |path| Err(taken_already(path)))
}

fn taken_already(path: &Path) -> Refusal {
    Refusal::new(Reason::FileExists).with("file", path.display())
}

/// Writes a file that does not exist yet.
pub fn write_new(path: &Path, text: &str) -> Result<(), Refusal> {
    if path.exists() {
        return Err(taken_already(path));
    }
    write_over(path, text)
}

/// Writes a file whole or not at all.
pub fn write_over(path: &Path, text: &str) -> Result<(), Refusal> {
    let beside = path.with_extension("neu");
    fs::write(&beside, text).and_then(|()| fs::rename(&beside, path)).map_err(|error| {
        // What was begun is of no use; if it cannot be removed either, the error says which file.
        let _ = fs::remove_file(&beside);
        unwritable(path, error)
    })
}

/// Makes a folder with everything above it.
pub fn make_folder(path: &Path) -> Result<(), Refusal> {
    fs::create_dir_all(path).map_err(|error| unwritable(path, error))
}

/// Shows proposals: what they say, who has signed, who is missing.
pub fn tell(global: &Global, proposals: &[(PathBuf, Proposal)], dry_run: bool) -> Result<(), Refusal> {
    let out = global.out();
    let mut values: Vec<Value> = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    for (path, proposal) in proposals {
        let mut value = words::proposal_value(proposal)?;
        value["file"] = json!(path.display().to_string());
        value["dry_run"] = json!(dry_run);
        values.push(value);
        let heading = match dry_run {
            true => out.say("Nichts geschrieben, Probelauf:", "Nothing written, dry run:"),
            false => out.say("Datei:", "File:"),
        };
        texts.push(format!("{}\n{heading} {}", words::proposal_text(proposal, out)?, path.display()));
    }
    let value = if values.len() == 1 { values.remove(0) } else { Value::Array(values) };
    out.one(&value, &texts.join("\n\n"))
}
