//! `verbund trust`: founding a federation, and everything its trustees sign: proposed by one, signed by several on
//! machines without network, published at any node.
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;

use crate::cli::client::{Client, parse_root};
use crate::cli::offering::publish;
use crate::cli::options::Global;
use crate::cli::trust::carried::{
    check_root, each, keep, make_folder, path_for, read_keys, read_proposal, read_text, signed_by, tell, write_new,
    write_over,
};
use crate::cli::trust::propose::What;
use crate::config::plan::{PlanFile, read_plan};
use crate::domain::envelope;
use crate::domain::id::ShortId;
use crate::domain::proposal::Proposal;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::{SecretKey, Signer};
use crate::domain::statement::{Kind, Signed};
use crate::domain::trust::{FederationRoot, Trustee};
use crate::domain::trust_file::{TrustFile, printed};
use crate::node::keys;
use crate::node::system::fresh_key;

pub mod carried;
pub mod propose;
pub mod show;
pub mod words;

/// What to do with trust.
#[derive(Subcommand)]
pub enum Verb {
    /// Einen Verbund gründen: die erste Fassung der Wurzel, und das Regelwerk, sobald die Wurzel unterschrieben ist
    Found(Founding),
    /// Eine Erklärung der Treuhänder vorschlagen
    Propose {
        /// What to propose.
        #[command(subcommand)]
        what: What,
    },
    /// Vorschläge unterschreiben, auch ohne Netz; die Dateien werden dabei ergänzt
    Sign(Signing),
    /// Fertig unterschriebene Vorschläge an einem Knoten veröffentlichen, in der Reihenfolge der Angaben
    Publish {
        /// Vorschläge
        #[arg(required = true, value_name = "DATEI")]
        files: Vec<PathBuf>,
        /// Nur prüfen
        #[arg(long)]
        dry_run: bool,
    },
    /// Zeigen, was der Knoten weiß, mit --org auch von einer Organisation; oder was in einer Datei steht
    Show {
        /// Vorschlag
        #[arg(value_name = "DATEI")]
        file: Option<PathBuf>,
        /// Ordner, in den die Erklärungen selbst gelegt werden
        #[arg(long, value_name = "ORDNER", conflicts_with = "file")]
        save: Option<PathBuf>,
        /// Eine öffentliche Erklärung mit dieser Kennung, wie sie unterschrieben wurde
        #[arg(long, value_name = "HASH", conflicts_with_all = ["file", "save"])]
        id: Option<ShortId>,
    },
}

/// How a federation is founded.
#[derive(clap::Args)]
pub struct Founding {
    /// Plan: Name, Treuhänder, Schwelle, Zeugen, Regelwerk (TOML)
    #[arg(long, value_name = "DATEI")]
    plan: PathBuf,
    /// Schlüsseldateien von Treuhändern, die hier unterschreiben
    #[arg(long, value_name = "DATEI")]
    trustee_key: Vec<PathBuf>,
    /// Ordner für neue Schlüssel der Treuhänder, die im Plan keinen haben; so viele wie nötig unterschreiben gleich
    #[arg(long, value_name = "ORDNER")]
    new_keys: Option<PathBuf>,
    /// Ordner für die Vorschläge und die Wurzel
    #[arg(long, value_name = "ORDNER")]
    out: PathBuf,
    /// Nur zeigen, was gegründet würde
    #[arg(long)]
    dry_run: bool,
}

/// What to sign and with what.
#[derive(clap::Args)]
pub struct Signing {
    /// Vorschläge
    #[arg(required = true, value_name = "DATEI")]
    files: Vec<PathBuf>,
    /// Schlüsseldateien; `--key` geht für eine
    #[arg(long, value_name = "DATEI")]
    signing_key: Vec<PathBuf>,
    /// Wurzel des Verbunds, wie sie in der Satzung steht: Vorschläge eines anderen werden abgelehnt
    #[arg(long, value_name = "HASH")]
    root: Option<String>,
    /// Nur zeigen, was unterschrieben würde
    #[arg(long)]
    dry_run: bool,
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    match verb {
        Verb::Found(founding) => found(global, &founding),
        Verb::Propose { what } => propose::run(global, what).await,
        Verb::Sign(signing) => sign(global, &signing),
        Verb::Publish { files, dry_run } => publish_all(global, &files, dry_run).await,
        Verb::Show { file: Some(file), .. } => show::file(global, &file),
        Verb::Show { id: Some(id), .. } => show::statement(global, &id).await,
        Verb::Show { file: None, save, .. } => show::node(global, save.as_deref()).await,
    }
}

/// New keys of a founding, each with its file.
type NewKeys = Vec<(PathBuf, SecretKey)>;

fn found(global: &Global, founding: &Founding) -> Result<(), Refusal> {
    let plan = read_plan(&founding.plan)?;
    let (trustees, new) = trustees(global, &plan, founding.new_keys.as_deref())?;
    let root = FederationRoot {
        federation: plan.name.clone(),
        version: 1,
        trustees,
        threshold: plan.threshold(),
        witnesses: plan.policy(),
        prev: None,
    };
    let at_hand = read_keys(global, &founding.trustee_key)?;
    let lacking = plan.threshold.saturating_sub(at_hand.len());
    let made = new.iter().take(lacking).map(|(_, key)| -> &dyn Signer { key });
    let signing: Vec<&dyn Signer> = each(&at_hand).chain(made).collect();
    let root = signed_by(&Proposal::founding(&root)?, signing.iter().copied())?;
    let mut proposals = vec![root.clone()];
    for pack in &plan.rule_packs {
        let Ok(first) = root.statement() else { break };
        let pack = Proposal::new(Kind::RulePack, pack, &TrustFile::of(vec![first])?)?;
        proposals.push(signed_by(&pack, signing.iter().copied())?);
    }
    if !founding.dry_run {
        write_founding(global, founding, &proposals, &new)?;
    }
    let shown = proposals.into_iter().map(|proposal| (path_for(&founding.out, &proposal), proposal));
    tell(global, &shown.collect::<Vec<_>>(), founding.dry_run)
}

/// The trustees of a plan; those without a key get a new one.
fn trustees(global: &Global, plan: &PlanFile, new_keys: Option<&Path>) -> Result<(Vec<Trustee>, NewKeys), Refusal> {
    let (mut trustees, mut new) = (Vec::new(), Vec::new());
    for (number, trustee) in (1..).zip(&plan.trustees) {
        let key = match (&trustee.key, new_keys) {
            (Some(file), _) => carried::read_public(global, file)?,
            (None, Some(folder)) => {
                let key = fresh_key();
                let public = key.public();
                new.push((folder.join(format!("treuhand-{number}.pem")), key));
                public
            }
            (None, None) => {
                let missing = format!("trustee.{number}.key, --new-keys");
                return Err(Refusal::new(Reason::UsageInvalid).with("missing", missing));
            }
        };
        trustees.push(Trustee { name: trustee.name.clone(), key });
    }
    Ok((trustees, new))
}

/// Checks every file first, so that nothing is left half-done where one exists already.
fn write_founding(
    global: &Global,
    founding: &Founding,
    proposals: &[Proposal],
    new: &NewKeys,
) -> Result<(), Refusal> {
    make_folder(&founding.out)?;
    let files: Vec<PathBuf> = proposals.iter().map(|proposal| path_for(&founding.out, proposal)).collect();
    let printed_at = founding.out.join("wurzel.txt");
    let all = files.iter().chain(std::iter::once(&printed_at)).chain(new.iter().map(|(path, _)| path));
    carried::check_free(all)?;
    if let Some(folder) = &founding.new_keys {
        keys::make_folder(folder)?;
    }
    new.iter().try_for_each(|(path, key)| keep(global, path, key))?;
    let root = proposals.first().map(Proposal::root).map(printed).unwrap_or_default();
    write_new(&printed_at, &format!("{root}\n"))?;
    files.iter().zip(proposals).try_for_each(|(path, proposal)| write_new(path, &proposal.write()))
}

fn sign(global: &Global, signing: &Signing) -> Result<(), Refusal> {
    let expected = signing.root.as_deref().map(parse_root).transpose()?;
    let keys: Vec<PathBuf> = signing.signing_key.iter().chain(&global.key).cloned().collect();
    let keys = read_keys(global, &keys)?;
    if keys.is_empty() {
        return Err(Refusal::new(Reason::UsageInvalid).with("missing", "--key, --signing-key"));
    }
    let mut signed = Vec::new();
    for path in &signing.files {
        let proposal = read_proposal(path)?;
        check_root(&proposal, expected)?;
        let named = |refusal: Refusal| refusal.with("file", path.display());
        signed.push((path.clone(), signed_by(&proposal, each(&keys)).map_err(named)?));
    }
    if !signing.dry_run {
        signed.iter().try_for_each(|(path, proposal)| write_over(path, &proposal.write()))?;
    }
    tell(global, &signed, signing.dry_run)
}

/// A file to be published: a proposal, or a statement that was complete before it was carried.
struct Ready {
    path: PathBuf,
    proposal: Option<Proposal>,
    signed: Signed,
}

fn ready(path: &Path) -> Result<Ready, Refusal> {
    let named = |refusal: Refusal| refusal.with("file", path.display());
    let text = read_text(path)?;
    match Proposal::read(&text) {
        Ok(proposal) => {
            let signed = proposal.statement().map_err(named)?;
            Ok(Ready { path: path.to_owned(), proposal: Some(proposal), signed })
        }
        Err(refusal) => match envelope::read(&text).ok().filter(|_| refusal.reason == Reason::StatementMalformed) {
            Some(signed) => Ok(Ready { path: path.to_owned(), proposal: None, signed }),
            None => Err(named(refusal)),
        },
    }
}

/// Checks all files before the first is published. Copies of what the node's own log holds already are passed over.
async fn publish_all(global: &Global, files: &[PathBuf], dry_run: bool) -> Result<(), Refusal> {
    let all = files.iter().map(|path| ready(path)).collect::<Result<Vec<Ready>, Refusal>>()?;
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let root = client.trust(None).await?.root_hash.parse()?;
    let own = client.own_log().await?;
    let mut new = Vec::new();
    for file in all {
        file.proposal.iter().try_for_each(|proposal| check_root(proposal, Some(root)))?;
        let id = file.signed.id();
        let is_here = client.place(&id.to_string()).await?.is_some_and(|log| log == own);
        match (&file.proposal, is_here) {
            (Some(_), true) => {
                return Err(Refusal::new(Reason::PublishedAlready).with("id", id).with("file", file.path.display()));
            }
            (None, true) => {}
            (_, false) => new.push(file),
        }
    }
    if dry_run {
        let shown = new.into_iter().filter_map(|file| Some((file.path, file.proposal?)));
        return tell(global, &shown.collect::<Vec<_>>(), true);
    }
    for Ready { path, signed, .. } in &new {
        publish(global, &mut client, signed).await.map_err(|refusal| refusal.with("file", path.display()))?;
    }
    Ok(())
}
