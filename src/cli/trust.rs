//! `verbund trust`: founding a federation, and everything its trustees sign: proposed by one, signed by several on
//! machines without network, published at any node.
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;

use crate::cli::client::{Client, parse_root};
use crate::cli::offering::publish;
use crate::cli::options::Global;
use crate::cli::trust::carried::{
    check_root, fresh_key, make_folder, path_for, read_keys, read_proposal, signed_by, tell, write_new, write_over,
};
use crate::cli::trust::propose::What;
use crate::config::plan::{PlanFile, read_plan};
use crate::domain::id::StatementId;
use crate::domain::proposal::Proposal;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::SecretKey;
use crate::domain::statement::{Kind, Signed};
use crate::domain::trust::{FederationRoot, Trustee, WitnessPolicy};
use crate::domain::trust_file::{TrustFile, printed};
use crate::node::keys;

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
        Verb::Show { file: None, save } => show::node(global, save.as_deref()).await,
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
        threshold: count(plan.threshold),
        witnesses: witnesses(&plan),
        prev: None,
    };
    let mut signing = read_keys(global, &founding.trustee_key)?;
    let lacking = plan.threshold.saturating_sub(signing.len());
    signing.extend(
        new.iter().take(lacking).map(|(_, key)| SecretKey::from_pem(&key.to_pem())).collect::<Result<Vec<_>, _>>()?,
    );
    let root = signed_by(&Proposal::founding(&root)?, &signing)?;
    let mut proposals = vec![root.clone()];
    if let (Some(pack), Ok(first)) = (&plan.rule_pack, root.statement()) {
        let pack = Proposal::new(Kind::RulePack, pack, &TrustFile::of(vec![first])?)?;
        proposals.push(signed_by(&pack, &signing)?);
    }
    if !founding.dry_run {
        write_founding(founding, &proposals, &new, root.id())?;
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
                return Err(
                    Refusal::new(Reason::UsageInvalid).with("missing", format!("trustee.{number}.key, --new-keys"))
                );
            }
        };
        trustees.push(Trustee { name: trustee.name.clone(), key });
    }
    Ok((trustees, new))
}

/// Checks every file first, so that nothing is left half-done where one exists already.
fn write_founding(
    founding: &Founding,
    proposals: &[Proposal],
    new: &NewKeys,
    root: StatementId,
) -> Result<(), Refusal> {
    make_folder(&founding.out)?;
    let files: Vec<PathBuf> = proposals.iter().map(|proposal| path_for(&founding.out, proposal)).collect();
    let printed_at = founding.out.join("wurzel.txt");
    let all = files.iter().chain(std::iter::once(&printed_at)).chain(new.iter().map(|(path, _)| path));
    carried::check_free(all)?;
    if let Some(folder) = &founding.new_keys {
        make_folder(folder)?;
    }
    new.iter().try_for_each(|(path, key)| keys::write(path, key))?;
    write_new(&printed_at, &format!("{}\n", printed(root)))?;
    files.iter().zip(proposals).try_for_each(|(path, proposal)| write_new(path, &proposal.write()))
}

/// The witness policy of a plan.
fn witnesses(plan: &PlanFile) -> WitnessPolicy {
    WitnessPolicy { nodes: plan.witnesses.nodes.clone(), quorum: count(plan.witnesses.quorum) }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
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
        signed.push((path.clone(), signed_by(&proposal, &keys).map_err(named)?));
    }
    if !signing.dry_run {
        signed.iter().try_for_each(|(path, proposal)| write_over(path, &proposal.write()))?;
    }
    tell(global, &signed, signing.dry_run)
}

/// Checks all files before the first is published.
async fn publish_all(global: &Global, files: &[PathBuf], dry_run: bool) -> Result<(), Refusal> {
    let mut statements: Vec<(PathBuf, Proposal, Signed)> = Vec::new();
    for path in files {
        let proposal = read_proposal(path)?;
        let signed = proposal.statement().map_err(|refusal| refusal.with("file", path.display()))?;
        statements.push((path.clone(), proposal, signed));
    }
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let root = client.trust(None).await?.root_hash.parse()?;
    for (path, proposal, signed) in &statements {
        check_root(proposal, Some(root))?;
        match client.witnesses(&signed.id().to_string()).await {
            Ok(_) => {
                return Err(Refusal::new(Reason::PublishedAlready)
                    .with("id", signed.id())
                    .with("file", path.display()));
            }
            Err(refusal) if refusal.reason == Reason::StatementUnknown => {}
            Err(refusal) => return Err(refusal),
        }
    }
    if dry_run {
        let shown: Vec<(PathBuf, Proposal)> =
            statements.into_iter().map(|(path, proposal, _)| (path, proposal)).collect();
        return tell(global, &shown, true);
    }
    for (path, _, signed) in &statements {
        publish(global, &mut client, signed).await.map_err(|refusal| refusal.with("file", path.display()))?;
    }
    Ok(())
}
