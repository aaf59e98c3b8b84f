//! The demonstration's organisations answer what is asked of them in a browser: they grant it, at once and unread.
//!
//! Only here: this process has made the organisations' root keys and holds them. A node has none, and no setting gives it any; elsewhere a
//! request waits in its folder until people have signed it.
use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::client::Client;
use crate::cli::demo::found::World;
use crate::cli::trust::carried::{each, read_proposal, signed_by};
use crate::domain::body::Body;
use crate::domain::id::{NodeId, OrgId};
use crate::domain::proposal::Proposal;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::Signer;
use crate::node::grant_requests::ENDING;
use crate::node::keys::Opener;

/// What a node's page has laid down for whoever signs for its organisations.
pub fn requests(world: &World, node: &NodeId) -> Vec<PathBuf> {
    let entries = fs::read_dir(world.requests(node)).into_iter().flatten();
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut waiting: Vec<PathBuf> = files.filter(|file| file.to_string_lossy().ends_with(ENDING)).collect();
    waiting.sort();
    waiting
}

/// Signs one request with the root keys of its organisation, as `trust sign` does, publishes it, as `trust publish` does, and takes it
/// out of the folder. Says for whom it was.
pub async fn grant(world: &World, client: &mut Client, request: &Path) -> Result<String, Refusal> {
    let granted = async {
        let proposal = read_proposal(request)?;
        let Body::OfficerGrant(grant) = proposal.body() else {
            return Err(Refusal::new(Reason::ProposalKind).with("kind", proposal.kind()));
        };
        let roots = roots(world, &grant.org, &proposal)?;
        let told = format!("{}, {} ({})", grant.org, grant.officer, grant.device);
        client.publish(&signed_by(&proposal, each(&roots))?.statement()?).await?;
        Ok(told)
    };
    let granted = granted.await;
    // What cannot be granted now cannot be granted later either.
    fs::remove_file(request).map_err(|error| {
        Refusal::new(Reason::FileUnwritable).with("file", request.display()).with("problem", error)
    })?;
    granted
}

/// As many of the organisation's root keys as it takes.
fn roots(world: &World, org: &OrgId, proposal: &Proposal) -> Result<Vec<Box<dyn Signer>>, Refusal> {
    let missing: usize = proposal.progress()?.iter().map(crate::domain::proposal::Progress::missing).sum();
    let mut opener = Opener::default();
    (1..=missing).map(|number| opener.signer(&world.root_file(org, number))).collect()
}
