//! What stands behind the question mark of an address.
use crate::domain::reason::{Reason, Refusal};

/// Most values in an address; a search with every filter set has fewer.
const VALUES_MAX: usize = 200;

/// Names and values in their order; a name may come several times. Names nobody asks for do nothing: mail programs and
/// search engines put their own behind every address.
#[derive(Clone, Default, Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query as browsers write it.
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        let values: Vec<(String, String)> =
            form_urlencoded::parse(text.as_bytes()).into_owned().take(VALUES_MAX + 1).collect();
        if values.len() > VALUES_MAX {
            return Err(Refusal::new(Reason::FieldInvalid).with("field", "?").with("at_most", VALUES_MAX));
        }
        Ok(Self(values))
    }

    /// All names and values.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first value of a name, empty if there is none.
    pub(super) fn first(&self, name: &str) -> &str {
        let is_wanted = |pair: &&(String, String)| pair.0 == name && !pair.1.is_empty();
        self.0.iter().find(is_wanted).map_or("", |(_, value)| value)
    }

    /// All values of a name that say something.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.0
            .iter()
            .filter(move |(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }
}

/// Writes names and values as browsers do.
pub(super) fn write<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(values).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let text = write([("q", "Straße & Co=1"), ("topic", "a"), ("topic", "b"), ("land", "")]);
        let query = Query::read(&text).expect("few values");
        assert_eq!(query.first("q"), "Straße & Co=1");
        assert_eq!(query.all("topic").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((query.first("land"), query.all("land").count()), ("", 0));
        assert_eq!(Query::read(&"a=1&".repeat(201)).map(|_| ()).expect_err("too many").reason, Reason::FieldInvalid);
        assert_eq!(Query::read("%ff=%fe&=&&x").expect("odd, and harmless").first("x"), "");
    }
}
