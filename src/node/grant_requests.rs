//! What officers ask their organisations for in the browser, as files: each is a proposal that the new key has signed already, in a
//! folder from which whoever holds the organisation's root keys takes it (`trust sign`, then `trust publish`).
//!
//! Must never sign anything: no key of an organisation is within reach of a page.
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::domain::body::Body;
use crate::domain::id::KeyHash;
use crate::domain::proposal::Proposal;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::domain::trust::OfficerGrant;
use crate::domain::trust_file::TrustFile;
use crate::node::handle::Handle;
use crate::wire::pb::node::v1::GetTrustRequest;
use crate::wire::trust;

/// Most requests that wait: more than a cooperative's members send in a week, and a few megabytes.
const REQUESTS_MAX: usize = 100;

/// Ending of a request's file, as proposals have it.
pub const ENDING: &str = ".vorschlag.json";

/// Lays a request into the folder. Refused unless it concerns an organisation that is at home here, and lacks nothing but that
/// organisation's own signatures.
pub(super) async fn keep(handle: &Handle, folder: Option<PathBuf>, asked: Signed) -> Result<(), Refusal> {
    let folder = folder.ok_or_else(|| Refusal::new(Reason::GrantRequestsClosed))?;
    let Body::OfficerGrant(grant) = Body::read(&asked)? else {
        return Err(Refusal::new(Reason::ProposalKind).with("kind", asked.kind()));
    };
    let org = grant.org.clone();
    let told = move |view: &crate::view::View, now| {
        let org = view.public().check_home(org, now)?;
        trust::answer(view, &GetTrustRequest { org: org.to_string(), ..Default::default() })
    };
    let (mut told, ids) = handle.look(told).await?;
    for id in ids {
        told.statements.extend(handle.statement(id).await?.as_ref().map(Into::into));
    }
    let proposal = Proposal::asked(&asked, &TrustFile::try_from(&told)?)?;
    let (path, text) = (folder.join(file_name(&grant, &grant.key.hash())), proposal.write());
    let written = tokio::task::spawn_blocking(move || lay_down(&folder, &path, &text)).await;
    written.map_err(|error| Refusal::new(Reason::Bug).with("problem", error))?
}

/// For whom it is, and of which key, so that the same request again is the same file.
fn file_name(grant: &OfficerGrant, key: &KeyHash) -> String {
    format!("{}-{}-{}-{}{ENDING}", grant.org, grant.officer, grant.device, key.short())
}

fn lay_down(folder: &Path, path: &Path, text: &str) -> Result<(), Refusal> {
    let unwritable =
        |error: io::Error| Refusal::new(Reason::FileUnwritable).with("file", path.display()).with("problem", error);
    fs::create_dir_all(folder).map_err(unwritable)?;
    if !path.exists() && fs::read_dir(folder).map_err(unwritable)?.take(REQUESTS_MAX).count() >= REQUESTS_MAX {
        return Err(Refusal::new(Reason::GrantRequestsFull).with("at_most", REQUESTS_MAX));
    }
    let beside = path.with_extension("neu");
    fs::write(&beside, text).and_then(|()| fs::rename(&beside, path)).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_wait_and_no_more() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("requests");
        let path = |number: usize| folder.join(format!("{number}{ENDING}"));
        for number in 0..REQUESTS_MAX {
            lay_down(&folder, &path(number), "x").expect("there is room");
        }
        lay_down(&folder, &path(7), "y").expect("the same again");
        assert_eq!(fs::read_to_string(path(7)).expect("written"), "y");
        let refused = lay_down(&folder, &path(REQUESTS_MAX), "x").expect_err("full");
        assert_eq!(refused.reason, Reason::GrantRequestsFull);
        fs::remove_file(path(0)).expect("answered");
        lay_down(&folder, &path(REQUESTS_MAX), "x").expect("there is room again");
    }
}
