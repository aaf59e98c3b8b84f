//! What a register of services adds to the search of a node: the names that its operator's list gives the keys.
//!
//! Must never keep a node from starting for a bad row: what holds is taken, what does not is counted in the log.
use std::fs;
use std::path::Path;

use crate::domain::reason::{Reason, Refusal};
use crate::exchange::leika;
use crate::exchange::source::FILE_BYTES_MAX;
use crate::search::entry::{Register, Service};

/// Reads a LeiKa/OZG list. Refused if the file cannot be read or is no such list.
pub fn read(path: &Path) -> Result<Register, Refusal> {
    let refused = |refusal: Refusal| refusal.with("field", "services").with("file", path.display());
    let unread = |error: std::io::Error| refused(Refusal::new(Reason::FileUnreadable).with("error", error));
    if fs::metadata(path).map_err(unread)?.len() > FILE_BYTES_MAX as u64 {
        return Err(refused(Refusal::new(Reason::FileTooLarge).with("bytes_max", FILE_BYTES_MAX)));
    }
    let list = leika::read(&fs::read(path).map_err(unread)?).map_err(refused)?;
    tracing::info!(file = %path.display(), read = list.taken.len(), left_out = list.left_out(), "services by name");
    let service = |found: leika::Service| {
        let synonyms = Some(found.ozg_name).filter(|name| !name.is_empty() && *name != found.name);
        (found.key, Service { names: vec![found.name], synonyms: synonyms.into_iter().collect() })
    };
    Ok(Register { services: list.taken.into_iter().map(service).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_gives_names_and_a_bad_row_costs_only_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("leika.csv");
        let rows = "leika_key,name,ozg_leistung\n99107023017000,Wohngeld Bewilligung,Mietzuschuss\n\
                    nicht im LeiKa,Baumuster,\n99012001000000,Abbruchgenehmigung,Abbruchgenehmigung\n";
        fs::write(&path, rows).expect("written");
        let register = read(&path).expect("a list");
        let of = |key: &str| register.services[&key.parse().expect("a key")].clone();
        assert_eq!(register.services.len(), 2);
        assert_eq!(
            (of("99107023017000").names, of("99107023017000").synonyms),
            (vec!["Wohngeld Bewilligung".to_owned()], vec!["Mietzuschuss".to_owned()])
        );
        assert!(of("99012001000000").synonyms.is_empty(), "the same name twice would count twice");
    }

    #[test]
    fn what_is_no_list_is_refused_and_says_which_setting_names_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("leika.csv");
        assert_eq!(read(&path).expect_err("absent").reason, Reason::FileUnreadable);
        fs::write(&path, "a,b\n1,2\n").expect("written");
        let refusal = read(&path).expect_err("other columns");
        assert_eq!(refusal.field("field"), Some("services"));
    }
}
