//! Field masks: which fields of an answer a caller wants. What is not wanted is left out before it is sent; a field that does not
//! exist is refused, because whoever misspells one would take its absence for an answer.
use std::collections::BTreeMap;
use std::sync::OnceLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};

use crate::domain::id::shortened;
use crate::domain::reason::{Reason, Refusal};
use crate::wire::pb::{FILE_DESCRIPTOR_SET, FieldMask};

/// Most paths of a mask: more than the largest message has fields.
const PATHS_MAX: usize = 100;

/// Which fields of a message are wanted.
#[derive(Clone, Debug)]
pub struct Mask(Option<(MessageDescriptor, Wanted)>);

/// Wanted fields, each with what of it is wanted; none for the whole.
#[derive(Clone, Default, Debug)]
struct Wanted(BTreeMap<String, Wanted>);

/// Every message there is.
fn pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| {
        DescriptorPool::decode(FILE_DESCRIPTOR_SET)
            .expect("the descriptor set was written when this program was built")
    })
}

impl Mask {
    /// Reads the mask of a message that is called so; none and an empty one want everything.
    pub fn read(mask: Option<FieldMask>, message: &str) -> Result<Self, Refusal> {
        let invalid = |value: &str, rule: &str| {
            let refusal = Refusal::new(Reason::FieldInvalid).with("field", "read_mask").with("rule", rule);
            refusal.with("value", shortened(value))
        };
        let paths = mask.map(|mask| mask.paths).unwrap_or_default();
        if paths.is_empty() || paths == ["*"] {
            return Ok(Self(None));
        }
        if paths.len() > PATHS_MAX {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "read_mask").with("at_most", PATHS_MAX));
        }
        let descriptor =
            pool().get_message_by_name(message).ok_or_else(|| Refusal::new(Reason::Bug).with("kind", message))?;
        let mut wanted = Wanted::default();
        for path in &paths {
            wanted.add(&descriptor, path).map_err(|rule| invalid(path, rule))?;
        }
        Ok(Self(Some((descriptor, wanted))))
    }

    /// Whether a field of the message is wanted, or something in it.
    pub fn wants(&self, field: &str) -> bool {
        self.0.as_ref().is_none_or(|(_, wanted)| wanted.0.contains_key(field))
    }

    /// The message with what is wanted of it.
    pub fn apply<M: Message + Default>(&self, message: M) -> M {
        let Some((descriptor, wanted)) = &self.0 else { return message };
        let bytes = message.encode_to_vec();
        let mut seen =
            DynamicMessage::decode(descriptor.clone(), &bytes[..]).expect("the message the mask was read for");
        wanted.keep(&mut seen);
        M::decode(&seen.encode_to_vec()[..]).expect("fewer fields of the same message")
    }
}

impl Wanted {
    fn add(&mut self, of: &MessageDescriptor, path: &str) -> Result<(), &'static str> {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let field = of.get_field_by_name(name).ok_or("no such field")?;
        let is_known = self.0.contains_key(name);
        let wanted = self.0.entry(name.to_owned()).or_default();
        // The whole holds every part.
        let is_whole = is_known && wanted.0.is_empty();
        let Some(rest) = rest else {
            *wanted = Self::default();
            return Ok(());
        };
        let kind = field.kind();
        let within = kind.as_message().filter(|_| !field.is_list() && !field.is_map());
        let within = within.ok_or("nothing within this field can be chosen")?;
        match is_whole {
            true => Self::default().add(within, rest),
            false => wanted.add(within, rest),
        }
    }

    fn keep(&self, message: &mut DynamicMessage) {
        let fields: Vec<_> = message.fields().map(|(field, _)| field).collect();
        for field in fields {
            match self.0.get(field.name()) {
                None => message.clear_field(&field),
                Some(within) if within.0.is_empty() => {}
                Some(within) => {
                    if let Value::Message(message) = message.get_field_mut(&field) {
                        within.keep(message);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pb::catalogue::v1 as pb;

    const ENTRY: &str = "verbund.catalogue.v1.OfferingEntry";

    fn mask(paths: &[&str]) -> Result<Mask, Refusal> {
        Mask::read(Some(FieldMask { paths: paths.iter().map(ToString::to_string).collect() }), ENTRY)
    }

    fn entry() -> pb::OfferingEntry {
        let price = vec![pb::PriceComponent { amount_cents: 7, ..Default::default() }];
        let (title, topic) = ("Wohngeld".to_owned(), "Bauen".to_owned());
        let offering = pb::Offering { title, topic, version: 2, price, ..Default::default() };
        pb::OfferingEntry { id: "ab".to_owned(), offering: Some(offering), log_index: 9, ..Default::default() }
    }

    #[test]
    fn what_is_wanted_is_left_and_nothing_else() {
        let title = |title: &str| pb::Offering { title: title.to_owned(), ..Default::default() };
        let titled = pb::OfferingEntry { offering: Some(title("Wohngeld")), ..Default::default() };
        let cases = [
            (vec![], entry()),
            (vec!["*"], entry()),
            (vec!["offering.title"], titled.clone()),
            (vec!["id", "offering.title"], pb::OfferingEntry { id: "ab".to_owned(), ..titled }),
            (
                vec!["offering.title", "offering"],
                pb::OfferingEntry { offering: entry().offering, ..Default::default() },
            ),
            (
                vec!["offering", "offering.title"],
                pb::OfferingEntry { offering: entry().offering, ..Default::default() },
            ),
            (vec!["witnessed"], pb::OfferingEntry::default()),
        ];
        for (paths, expected) in cases {
            assert_eq!(mask(&paths).expect("fields").apply(entry()), expected, "{paths:?}");
        }
        assert!(mask(&["offering.title"]).expect("a field").wants("offering"));
        assert!(!mask(&["offering.title"]).expect("a field").wants("id"));
    }

    #[test]
    fn a_field_that_is_none_is_refused() {
        let many = vec!["id"; PATHS_MAX + 1];
        let wrong =
            [vec!["titel"], vec![""], vec!["offering."], vec!["id.x"], vec!["offering.price.due"], vec!["id", "*"]];
        for paths in wrong.into_iter().chain([vec!["offering", "offering.x"], many]) {
            let refusal = mask(&paths).expect_err("no fields");
            assert_eq!(
                (refusal.reason, refusal.field("field")),
                (Reason::FieldInvalid, Some("read_mask")),
                "{paths:?}"
            );
        }
    }
}
