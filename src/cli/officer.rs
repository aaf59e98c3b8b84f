//! `verbund officer`: an organisation grants an officer's key its rights, and ends them.
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::client::Client;
use crate::cli::names;
use crate::cli::offering::publish;
use crate::cli::options::Global;
use crate::cli::trust::carried::{Carried, check_free, each, keep, path_for, read_keys, read_public, signed_by};
use crate::cli::trust::propose::of_org;
use crate::domain::id::{OfficerName, OrgId};
use crate::domain::money::Cents;
use crate::domain::proposal::Proposal;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Kind;
use crate::domain::time::{Date, plus_years};
use crate::domain::trust::{GRANT_YEARS, OfficerGrant, OfficerRole, RevocationReason, drafts};
use crate::node::ports::Clock as _;
use crate::node::system::SystemClock;
use crate::node::system::fresh_key;

/// What to do with officers.
#[derive(Subcommand)]
pub enum Verb {
    /// Eine Vollmacht für den Schlüssel einer Stelle auf einem Gerät
    Grant(Box<Granting>),
    /// Vollmachten beenden: die Schlüssel der Stelle werden widerrufen
    End(Ending),
}

/// A role on the command line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum RoleArgument {
    /// Bestellen, abschließen
    Buyer,
    /// Freigeben, entscheiden
    Approver,
    /// Veröffentlichen
    Publisher,
    /// Lesen
    Auditor,
}

impl From<RoleArgument> for OfficerRole {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::Buyer => Self::Buyer,
            RoleArgument::Approver => Self::Approver,
            RoleArgument::Publisher => Self::Publisher,
            RoleArgument::Auditor => Self::Auditor,
        }
    }
}

/// Why on the command line.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReasonArgument {
    /// Nicht mehr gebraucht
    Ceased,
    /// Durch einen neuen ersetzt
    Superseded,
    /// Gestohlen oder verloren
    Compromised,
}

/// What is granted.
#[derive(Args)]
pub struct Granting {
    /// Für welche Organisation
    #[arg(long = "of", value_name = "ORG")]
    of: OrgId,
    /// Welche Stelle, nie ein Personenname
    #[arg(long = "for", value_name = "AMT")]
    name: OfficerName,
    /// Auf welchem Gerät der Schlüssel liegt
    #[arg(long, value_name = "GERÄT", default_value = "arbeitsplatz")]
    device: OfficerName,
    /// Was sie darf
    #[arg(long, value_delimiter = ',', required = true, value_enum, value_name = "ROLLE,ROLLE")]
    roles: Vec<RoleArgument>,
    /// Obergrenze je Bestellung
    #[arg(long, value_name = "EURO", default_value = "0", value_parser = names::euros)]
    limit_euro: Cents,
    /// Obergrenze je Jahr
    #[arg(long, value_name = "EURO", value_parser = names::euros)]
    limit_year_euro: Option<Cents>,
    /// Erster Tag; heute, wenn nicht genannt
    #[arg(long, value_name = "JJJJ-MM-TT")]
    from: Option<String>,
    /// Letzter Tag; nach zwei Jahren, wenn nicht genannt
    #[arg(long, value_name = "JJJJ-MM-TT")]
    to: Option<String>,
    /// Öffentlicher Teil des Schlüssels (PEM): die Stelle unterschreibt dann selbst mit `trust sign`
    #[arg(long, value_name = "DATEI", required_unless_present = "new_key")]
    officer_public: Option<PathBuf>,
    /// Datei für einen neuen Schlüssel, der gleich unterschreibt
    #[arg(long, value_name = "DATEI", conflicts_with = "officer_public")]
    new_key: Option<PathBuf>,
    /// How.
    #[command(flatten)]
    how: How,
}

/// What ends.
#[derive(Args)]
pub struct Ending {
    /// Für welche Organisation
    #[arg(long = "of", value_name = "ORG")]
    of: OrgId,
    /// Welche Stelle
    #[arg(long = "for", value_name = "AMT")]
    name: OfficerName,
    /// Nur der Schlüssel auf diesem Gerät
    #[arg(long, value_name = "GERÄT")]
    device: Option<OfficerName>,
    /// Warum
    #[arg(long, value_enum, default_value = "ceased", value_name = "GRUND")]
    reason: ReasonArgument,
    /// How.
    #[command(flatten)]
    how: How,
}

/// Who signs at once, and where it goes.
#[derive(Args)]
pub struct How {
    /// Wurzelschlüssel der Organisation, die gleich unterschreiben
    #[arg(long, value_name = "DATEI")]
    root_key: Vec<PathBuf>,
    /// Gleich am Knoten veröffentlichen, statt eine Datei zu schreiben
    #[arg(long, conflicts_with_all = ["dry_run", "out"])]
    publish: bool,
    /// Files.
    #[command(flatten)]
    carried: Carried,
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    match verb {
        Verb::Grant(granting) => grant(global, *granting).await,
        Verb::End(Ending { of, name, device, reason, how }) => {
            let file = how.carried.file(global, Some(&of)).await?;
            let reason = match reason {
                ReasonArgument::Ceased => RevocationReason::Ceased,
                ReasonArgument::Superseded => RevocationReason::Superseded,
                ReasonArgument::Compromised => RevocationReason::Compromised,
            };
            let whose = (&of, &name, device.as_ref());
            let event = drafts::end_of_officer(&of_org(&file, &of)?, whose, reason, &file.logs)?;
            let proposal = Proposal::new(Kind::KeyEvent, &event, &file)?;
            how.hand_on(global, &signed_by(&proposal, each(&read_keys(global, &how.root_key)?))?).await
        }
    }
}

async fn grant(global: &Global, granting: Granting) -> Result<(), Refusal> {
    let today = SystemClock.now().date();
    let day = |text: &Option<String>, other: Date| text.as_deref().map_or(Ok(other), names::day);
    let new = granting.new_key.as_ref().map(|path| (path.clone(), fresh_key()));
    let key = match (&new, &granting.officer_public) {
        (Some((_, key)), _) => key.public(),
        (None, Some(path)) => read_public(global, path)?,
        (None, None) => return Err(Refusal::new(Reason::UsageInvalid).with("missing", "--new-key")),
    };
    let valid_from = day(&granting.from, today)?;
    let body = OfficerGrant {
        org: granting.of.clone(),
        officer: granting.name,
        device: granting.device,
        key,
        roles: granting.roles.into_iter().map(OfficerRole::from).collect::<BTreeSet<_>>(),
        limit: granting.limit_euro,
        limit_per_year: granting.limit_year_euro,
        valid_from,
        valid_to: day(&granting.to, plus_years(valid_from, GRANT_YEARS))?,
    };
    let how = &granting.how;
    let file = how.carried.file(global, Some(&granting.of)).await?;
    let proposal = Proposal::new(Kind::OfficerGrant, &body, &file)?;
    check_free(new.iter().map(|(path, _)| path))?;
    let roots = read_keys(global, &how.root_key)?;
    let proposal = match &new {
        Some((_, key)) => proposal.sign(key)?,
        None => proposal,
    };
    let proposal = signed_by(&proposal, each(&roots))?;
    if !how.publish {
        check_free([&path_for(&how.carried.out, &proposal)])?;
    }
    // The key is kept before anything is published that names it.
    if let (Some((path, key)), false) = (&new, how.carried.dry_run) {
        keep(global, path, key)?;
    }
    how.hand_on(global, &proposal).await
}

impl How {
    /// Publishes it, or writes it into a file.
    async fn hand_on(&self, global: &Global, proposal: &Proposal) -> Result<(), Refusal> {
        if !self.publish {
            return self.carried.finish(global, proposal, &[]);
        }
        let signed = proposal.statement()?;
        let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
        publish(global, &mut client, &signed).await
    }
}
