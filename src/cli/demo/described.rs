//! The demonstration's federation as the files in `nodes/` describe it, carried inside the program, so that it runs
//! anywhere.
use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::config::folder::{FederationFolder, read_folder};
use crate::domain::reason::{Reason, Refusal};

static NODES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/nodes");

/// What the program carries. The files are written below `place` first, where whoever keeps the demonstration can read
/// and change them.
pub fn carried(place: &Path) -> Result<FederationFolder, Refusal> {
    let folder = place.join("described");
    let unwritable = |error: std::io::Error| {
        Refusal::new(Reason::FileUnwritable).with("file", folder.display()).with("problem", error)
    };
    std::fs::create_dir_all(&folder).map_err(unwritable)?;
    NODES.extract(&folder).map_err(unwritable)?;
    read_folder(&folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_carries_is_what_lies_in_the_folder() {
        let place = tempfile::tempdir().expect("a folder");
        let carried = carried(place.path()).expect("complete");
        assert_eq!(carried, read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes")).expect("good"));
    }
}
