//! `verbund org`: an organisation asks to be admitted, registers its keys at its home, moves, or is succeeded.
mod profile;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::cli::options::Global;
use crate::cli::trust::carried::{
    Carried, check_free, keep, path_for, read_keys, read_public, read_standing, tell, write_new,
};
use crate::cli::trust::propose::{self, What, of_org};
use crate::cli::trust::show;
use crate::config::organisations::{Organisation, read_organisations};
use crate::domain::id::{NodeId, OrgId};
use crate::domain::proposal::Proposal;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::{PublicKey, SecretKey};
use crate::domain::statement::Kind;
use crate::domain::trust::drafts::{self, Renewal};
use crate::domain::trust::{Admission, KeyRole, RootKeys};
use crate::node::keys;
use crate::node::system::fresh_key;

/// What to do with organisations.
#[derive(Subcommand)]
pub enum Verb {
    /// Alle Organisationen des Verbunds
    List,
    /// Eine Organisation: Aufnahme, Heimatknoten, Schlüssel
    Show {
        /// Welche Organisation
        #[arg(value_name = "ORG")]
        named: OrgId,
    },
    /// Die Aufnahme beantragen: ein Vorschlag, den die Treuhänder unterschreiben
    Join(Joining),
    /// Schlüssel beim Heimatknoten anmelden, wie der Betreiber sie gemacht hat
    Keys {
        /// Öffentlicher Teil des Schlüssels für Erklärungen (PEM)
        #[arg(long, value_name = "DATEI")]
        statement_public: PathBuf,
        /// Wurzelschlüssel, die gleich unterschreiben
        #[arg(long, value_name = "DATEI")]
        root_key: Vec<PathBuf>,
        /// Welche Organisation
        #[arg(long = "of", value_name = "ORG")]
        of: OrgId,
        /// Files.
        #[command(flatten)]
        carried: Carried,
    },
    /// Auf einen anderen Knoten umziehen: die erneuerte Aufnahme vorschlagen. Danach `node host` dort
    Move {
        /// Welche Organisation
        #[arg(long = "of", value_name = "ORG")]
        of: OrgId,
        /// Neuer Heimatknoten
        #[arg(long, value_name = "KNOTEN")]
        to: NodeId,
        /// How.
        #[command(flatten)]
        how: propose::How,
    },
    /// Was eine Kommune betreibt: Portal, Fachverfahren, Nutzerkonto (Anbindungsprofil)
    #[command(subcommand)]
    Profile(profile::Verb),
    /// Eine Nachfolge vorschlagen; dasselbe wie `trust propose succession`
    Succeed {
        /// Die endet
        #[arg(long, value_name = "ORG")]
        predecessor: OrgId,
        /// Die weiterführt
        #[arg(long, value_name = "ORG")]
        successor: OrgId,
        /// Erster Tag
        #[arg(long, value_name = "JJJJ-MM-TT")]
        on: String,
        /// Gesetz, Vertrag oder Satzung
        #[arg(long)]
        source: String,
        /// How.
        #[command(flatten)]
        how: propose::How,
    },
}

/// What an organisation says of itself when it asks to be admitted.
#[derive(clap::Args)]
pub struct Joining {
    /// Angaben zur Organisation (organisations.toml)
    #[arg(long, value_name = "DATEI")]
    from: PathBuf,
    /// Welche Organisation daraus; nötig, wenn dort mehrere stehen
    #[arg(long = "of", value_name = "ORG")]
    of: Option<OrgId>,
    /// Heimatknoten
    #[arg(long, value_name = "KNOTEN")]
    home: NodeId,
    /// Sie betreibt diesen Knoten
    #[arg(long)]
    operates: bool,
    /// Ordner für neue Wurzelschlüssel: drei jetzt, drei für den ersten Wechsel
    #[arg(long, value_name = "ORDNER", required_unless_present = "root_public")]
    new_keys: Option<PathBuf>,
    /// Statt neuer Schlüssel: öffentliche Teile der Wurzelschlüssel (PEM)
    #[arg(long, value_name = "DATEI", requires = "next_public")]
    root_public: Vec<PathBuf>,
    /// Öffentliche Teile der Wurzelschlüssel danach (PEM)
    #[arg(long, value_name = "DATEI")]
    next_public: Vec<PathBuf>,
    /// Wie viele Wurzelschlüssel unterschreiben müssen
    #[arg(long, default_value_t = 2, value_name = "ZAHL")]
    threshold: u32,
    /// Stand des Verbunds: Datei aus `trust show -o json` oder Ordner mit der Wurzel
    #[arg(long, value_name = "DATEI|ORDNER")]
    standing: PathBuf,
    /// Datei oder Ordner für den Antrag
    #[arg(long, value_name = "DATEI|ORDNER")]
    out: PathBuf,
    /// Nur zeigen, was beantragt würde
    #[arg(long)]
    dry_run: bool,
}

/// How many root keys an organisation makes at once.
const ROOT_KEYS: usize = 3;

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    match verb {
        Verb::List => show::all(global).await,
        Verb::Show { named } => show::node(&Global { org: Some(named), ..global.clone() }, None).await,
        Verb::Join(joining) => join(global, &joining),
        Verb::Keys { statement_public, root_key, of, carried } => {
            let file = carried.file(global, Some(&of)).await?;
            let key = read_public(global, &statement_public)?;
            let event = drafts::registration(&of_org(&file, &of)?, &of, &[(key, KeyRole::Statement)])?;
            carried.finish(global, &Proposal::new(Kind::KeyEvent, &event, &file)?, &read_keys(global, &root_key)?)
        }
        Verb::Profile(verb) => profile::run(global, verb).await,
        Verb::Move { of, to, how } => {
            let renewal = Renewal { home_node: Some(to), ..Renewal::default() };
            propose::renew(global, &of, renewal, &how).await
        }
        Verb::Succeed { predecessor, successor, on, source, how } => {
            propose::run(global, What::Succession { predecessor, successor, on, source, how }).await
        }
    }
}

fn join(global: &Global, joining: &Joining) -> Result<(), Refusal> {
    let described = chosen(joining)?;
    let file = read_standing(&joining.standing)?;
    let (root, new) = root_keys(global, joining, &described.id)?;
    let admission = Admission {
        federation: file.federation.clone(),
        org: described.id,
        number: 1,
        prev: None,
        name: described.name,
        legal_form: described.legal_form,
        home_node: joining.home.clone(),
        operates: joining.operates.then(|| joining.home.clone()),
        area: described.ars,
        inhabitants: described.inhabitants.map(|inhabitants| inhabitants.count),
        portal: described.portal,
        root: Some(root),
        source: described.source,
    };
    let proposal = Proposal::new(Kind::Admission, &admission, &file)?;
    let path = path_for(&joining.out, &proposal);
    if !joining.dry_run {
        check_free(new.iter().map(|(path, _)| path).chain([&path]))?;
        joining.new_keys.iter().try_for_each(|folder| keys::make_folder(folder))?;
        new.iter().try_for_each(|(path, key)| keep(global, path, key))?;
        write_new(&path, &proposal.write())?;
    }
    tell(global, &[(path, proposal)], joining.dry_run)
}

/// The organisation that asks.
fn chosen(joining: &Joining) -> Result<Organisation, Refusal> {
    let mut all = read_organisations(&joining.from)?.organisations;
    all.retain(|org| joining.of.as_ref().is_none_or(|wanted| org.id == *wanted));
    match (all.len(), all.pop()) {
        (1, Some(org)) => Ok(org),
        (0, _) => Err(Refusal::new(Reason::OrgUnknown).with("file", joining.from.display())),
        _ => Err(Refusal::new(Reason::UsageInvalid).with("missing", "--of")),
    }
}

/// Root keys with the commitment to those after them, and which of them are new.
fn root_keys(
    global: &Global,
    joining: &Joining,
    org: &OrgId,
) -> Result<(RootKeys, Vec<(PathBuf, SecretKey)>), Refusal> {
    let threshold = joining.threshold;
    let Some(folder) = &joining.new_keys else {
        let root = propose::root_keys(global, &joining.root_public, &joining.next_public, threshold)?;
        return Ok((root, Vec::new()));
    };
    let (current, next) = (made(folder, org, "wurzel"), made(folder, org, "danach"));
    let publics =
        |keys: &[(PathBuf, SecretKey)]| keys.iter().map(|(_, key)| key.public()).collect::<Vec<PublicKey>>();
    let next_sha256 = RootKeys::commitment(&publics(&next), threshold);
    let root = RootKeys { keys: publics(&current), threshold, next_sha256 };
    Ok((root, current.into_iter().chain(next).collect()))
}

fn made(folder: &Path, org: &OrgId, what: &str) -> Vec<(PathBuf, SecretKey)> {
    (1..=ROOT_KEYS).map(|number| (folder.join(format!("{org}-{what}-{number}.pem")), fresh_key())).collect()
}
