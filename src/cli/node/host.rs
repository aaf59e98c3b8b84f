//! `verbund node host`: an operator takes in one more organisation, new or from another node.
use std::path::PathBuf;

use crate::cli::options::Global;
use crate::cli::passphrase::opener;
use crate::cli::trust::carried::{Carried, read_keys, tell};
use crate::domain::id::OrgId;
use crate::domain::reason::Refusal;
use crate::node::host::{Arrival, host};

/// Whom to take in.
#[derive(clap::Args)]
pub struct Host {
    /// Einstellungen des Knotens (run.toml)
    #[arg(long, value_name = "DATEI")]
    config: PathBuf,
    /// Welche Organisation; die Treuhänder haben sie hier aufgenommen
    #[arg(long = "of", value_name = "ORG")]
    of: OrgId,
    /// Ihre Wurzelschlüssel, soweit zur Hand
    #[arg(long, value_name = "DATEI")]
    root_key: Vec<PathBuf>,
    /// Files; the folder is a new one.
    #[command(flatten)]
    carried: Carried,
}

/// Runs the verb.
pub async fn run(global: &Global, taking: Host) -> Result<(), Refusal> {
    let Host { config, of, root_key, carried } = taking;
    let file = carried.file(global, Some(&of)).await?;
    let (root_keys, opener) = (read_keys(global, &root_key)?, opener(global)?);
    let arrival = Arrival { run: config, org: of, file, root_keys, opener };
    let shown = host(arrival, &carried.out, carried.dry_run)?;
    tell(global, &[shown], carried.dry_run)?;
    let out = global.out();
    out.talk(out.say(
        "Den Knoten neu starten, dann alle Dateien des Ordners in ihrer Reihenfolge mit `verbund trust publish` veröffentlichen.",
        "Restart the node, then publish all files of the folder in their order with `verbund trust publish`.",
    ));
    Ok(())
}
