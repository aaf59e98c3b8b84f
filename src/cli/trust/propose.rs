//! `verbund trust propose`: what the trustees say next, as a file for all of them to sign.
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::cli::names;
use crate::cli::options::Global;
use crate::cli::trust::carried::{Carried, read_keys, read_public};
use crate::config::organisations::read_organisations;
use crate::config::plan::read_plan;
use crate::config::rule_packs::read_rule_pack;
use crate::domain::body::Body;
use crate::domain::id::{Hash, NodeId, OrgId};
use crate::domain::proposal::Proposal;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::register::Area;
use crate::domain::rule_pack::{RulePack, check_successor};
use crate::domain::signing::PublicKey;
use crate::domain::statement::Kind;
use crate::domain::trust::drafts::{self, Renewal};
use crate::domain::trust::subject::{Subject, subject_of};
use crate::domain::trust::{LogTrust, RootKeys, Succession, Trustee};
use crate::domain::trust_file::{Folded, TrustFile};

/// What to propose.
#[derive(Subcommand)]
pub enum What {
    /// Die nächste Fassung der Wurzel, aus einem Plan: Treuhänder, Schwelle, Zeugen
    Root {
        /// Plan (TOML)
        #[arg(long, value_name = "DATEI")]
        plan: PathBuf,
        /// How.
        #[command(flatten)]
        how: How,
    },
    /// Eine Aufnahme erneuern: Name, Gebiet, Portal, Heimatknoten. Die erste Aufnahme beantragt `org join`
    Admission(Box<Admission>),
    /// Eine Organisation ausschließen
    Expulsion {
        /// Welche
        #[arg(long = "of", value_name = "ORG")]
        of: OrgId,
        /// Warum
        #[arg(long)]
        reason: String,
        /// How.
        #[command(flatten)]
        how: How,
    },
    /// Ein Regelwerk zu § 108 GWB
    RulePack {
        /// Datei mit einem Abschnitt `[rule_pack]` (TOML)
        #[arg(long, value_name = "DATEI")]
        file: PathBuf,
        /// How.
        #[command(flatten)]
        how: How,
    },
    /// Eine Organisation geht in einer anderen auf
    Succession {
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
        how: How,
    },
}

/// Where from and where to, and who signs at once.
#[derive(Args)]
pub struct How {
    /// Schlüsseldateien von Treuhändern, die gleich unterschreiben
    #[arg(long, value_name = "DATEI")]
    trustee_key: Vec<PathBuf>,
    /// Files.
    #[command(flatten)]
    pub carried: Carried,
}

/// What of an admission is renewed.
#[derive(Args)]
pub struct Admission {
    /// Welche Organisation
    #[arg(long = "of", value_name = "ORG")]
    of: OrgId,
    /// Alle Angaben aus dieser organisations.toml
    #[arg(long, value_name = "DATEI")]
    from: Option<PathBuf>,
    /// Neuer Name
    #[arg(long)]
    name: Option<String>,
    /// Neue Rechtsform
    #[arg(long)]
    legal_form: Option<String>,
    /// Neuer Heimatknoten
    #[arg(long, value_name = "KNOTEN")]
    home: Option<NodeId>,
    /// Neuer Regionalschlüssel
    #[arg(long, value_name = "ARS")]
    area: Option<Area>,
    /// Neue Einwohnerzahl
    #[arg(long, value_name = "ZAHL")]
    inhabitants: Option<u32>,
    /// Neues Portal
    #[arg(long)]
    portal: Option<String>,
    /// Quelle der Angaben
    #[arg(long)]
    source: Option<String>,
    /// How.
    #[command(flatten)]
    how: How,
}

/// Runs the verb.
pub async fn run(global: &Global, what: What) -> Result<(), Refusal> {
    match what {
        What::Root { plan, how } => {
            let plan = read_plan(&plan)?;
            let file = how.carried.file(global, None).await?;
            if plan.name != file.federation {
                return Err(Refusal::new(Reason::RootUnknown).with("federation", plan.name));
            }
            let trustees: Result<Vec<Trustee>, Refusal> = plan
                .trustees
                .iter()
                .map(|one| {
                    let missing = || Refusal::new(Reason::UsageInvalid).with("missing", format!("key: {}", one.name));
                    let key = read_public(global, one.key.as_deref().ok_or_else(missing)?)?;
                    Ok(Trustee { name: one.name.clone(), key })
                })
                .collect();
            let trust = federation(&file);
            let root = drafts::next_root(&trust, trustees?, plan.threshold(), plan.policy());
            how.propose(global, Kind::FederationRoot, &root, &file)
        }
        What::Admission(admission) => {
            let Admission { of, from, name, legal_form, home, area, inhabitants, portal, source, how } = *admission;
            let renewal = Renewal { name, legal_form, home_node: home, area, inhabitants, portal, source };
            let renewal = from.iter().try_fold(renewal, |renewal, path| described(renewal, &of, path))?;
            renew(global, &of, renewal, &how).await
        }
        What::Expulsion { of, reason, how } => {
            let file = how.carried.file(global, Some(&of)).await?;
            let expulsion = drafts::expulsion(&of, &reason, &file.logs);
            how.propose(global, Kind::Expulsion, &expulsion, &file)
        }
        What::RulePack { file: pack, how } => {
            let pack = read_rule_pack(&pack)?;
            let file = how.carried.file(global, None).await?;
            check_successor(&known_packs(&file), &pack)?;
            how.propose(global, Kind::RulePack, &pack, &file)
        }
        What::Succession { predecessor, successor, on, source, how } => {
            let on = names::day(&on)?;
            let file = how.carried.file(global, None).await?;
            let federation = file.federation.clone();
            let succession = Succession { federation, predecessor, successor, on, source };
            how.propose(global, Kind::Succession, &succession, &file)
        }
    }
}

impl How {
    /// Proposes a statement that follows what `file` says.
    pub fn propose<T: serde::Serialize>(
        &self,
        global: &Global,
        kind: Kind,
        body: &T,
        file: &TrustFile,
    ) -> Result<(), Refusal> {
        self.carried.finish(global, &Proposal::new(kind, body, file)?, &read_keys(global, &self.trustee_key)?)
    }
}

/// The rule packs that a carried file holds.
fn known_packs(file: &TrustFile) -> Vec<RulePack> {
    let bodies = file.statements.iter().filter_map(|signed| Body::read(signed).ok());
    let packs = bodies.filter_map(|body| match body {
        Body::RulePack(pack) => Some(pack),
        _ => None,
    });
    packs.collect()
}

fn federation(file: &TrustFile) -> LogTrust {
    file.fold(&NodeId::lowest()).trust
}

/// What is said of an organisation. Refused where some of it does not count, or the next statement would follow
/// something else; proposals that are not signed by enough yet are passed over.
pub fn of_org(file: &TrustFile, org: &OrgId) -> Result<LogTrust, Refusal> {
    let Folded { trust, refused, .. } = file.at_home_of(org);
    let about = Some(Subject::Organisation(org.clone()));
    let is_known = trust.orgs().contains_key(org);
    let mut why = refused.into_iter().filter(|(signed, _)| subject_of(signed) == about).map(|(_, refusal)| refusal);
    match why.find(|refusal| !is_known || refusal.reason != Reason::ThresholdMissed) {
        Some(refusal) => Err(refusal.with("org", org)),
        None if is_known => Ok(trust),
        None => Err(Refusal::new(Reason::OrgUnknown).with("org", org)),
    }
}

/// A renewal, completed from a description of the organisation.
fn described(renewal: Renewal, of: &OrgId, path: &Path) -> Result<Renewal, Refusal> {
    let described = read_organisations(path)?;
    let unknown = || Refusal::new(Reason::OrgUnknown).with("org", of).with("file", path.display());
    let org = described.organisations.into_iter().find(|org| org.id == *of).ok_or_else(unknown)?;
    Ok(Renewal {
        name: renewal.name.or(Some(org.name)),
        legal_form: renewal.legal_form.or(Some(org.legal_form)),
        area: renewal.area.or(org.ars),
        inhabitants: renewal.inhabitants.or(org.inhabitants.map(|inhabitants| inhabitants.count)),
        portal: renewal.portal.or(org.portal),
        source: renewal.source.or(Some(org.source)),
        home_node: renewal.home_node,
    })
}

/// Proposes a renewed admission.
pub async fn renew(global: &Global, of: &OrgId, renewal: Renewal, how: &How) -> Result<(), Refusal> {
    if renewal == Renewal::default() {
        return Err(Refusal::new(Reason::UsageInvalid).with("missing", "--from, --name, --home, …"));
    }
    let file = how.carried.file(global, Some(of)).await?;
    let renewed = drafts::renewed(&of_org(&file, of)?, of, renewal)?;
    how.propose(global, Kind::Admission, &renewed, &file)
}

/// Root keys with the commitment to those after them, from public halves in files.
pub fn root_keys(
    global: &Global,
    current: &[PathBuf],
    next: &[PathBuf],
    threshold: u32,
) -> Result<RootKeys, Refusal> {
    let read = |paths: &[PathBuf]| {
        let publics = paths.iter().map(|path| read_public(global, path));
        publics.collect::<Result<Vec<PublicKey>, Refusal>>()
    };
    let next_sha256: Hash = RootKeys::commitment(&read(next)?, threshold);
    Ok(RootKeys { keys: read(current)?, threshold, next_sha256 })
}
