//! Pages: an opaque token says where the last page ended and which filters it was made with.
//!
//! A page continues after a key, not at a number, so what is published meanwhile neither repeats nor skips an item.
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::id::{sha256, shortened};
use crate::domain::reason::{Reason, Refusal};

/// Items on a page if the caller does not say.
pub const PAGE_SIZE_DEFAULT: usize = 50;

/// Most items on a page: more than a screen shows, few enough for one read.
pub const PAGE_SIZE_MAX: usize = 500;

/// Most bytes of items on a page, whatever their number: leaves a quarter of the 4 MiB message limit for the rest.
const PAGE_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Longest token in characters: a key of two names, a rank and the filter hash take less than 200.
const TOKEN_CHARS_MAX: usize = 400;

const FILTER_BYTES: usize = 8;

/// Which page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    size: usize,
    after: Option<String>,
    filter: [u8; FILTER_BYTES],
}

/// One page of items.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageItems<T> {
    /// The items.
    pub items: Vec<T>,
    /// Token of the next page; empty on the last.
    pub next: String,
    /// How many items there are in all.
    pub total: i32,
}

impl Page {
    /// Reads size and token; `filters` are the other arguments of the call, which must be the same for every page.
    pub fn read(size: i32, token: &str, filters: &[&str]) -> Result<Self, Refusal> {
        let invalid = |rule: &str| Refusal::new(Reason::PageInvalid).with("rule", rule);
        let size = usize::try_from(size).map_err(|_| invalid("negative size").with("field", "page_size"))?;
        let size = if size == 0 { PAGE_SIZE_DEFAULT } else { size.min(PAGE_SIZE_MAX) };
        let filter = filter_hash(filters);
        if token.is_empty() {
            return Ok(Self { size, after: None, filter });
        }
        let invalid = |rule: &str| invalid(rule).with("field", "page_token");
        if token.len() > TOKEN_CHARS_MAX {
            return Err(invalid("too long"));
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid("not a token"))?;
        let (made_with, key) = bytes.split_at_checked(FILTER_BYTES).ok_or_else(|| invalid("not a token"))?;
        if made_with != filter {
            return Err(invalid("made with other filters"));
        }
        let key = String::from_utf8(key.to_vec()).map_err(|_| invalid("not a token"))?;
        Ok(Self { size, after: Some(key), filter })
    }

    /// Cuts the page out of all items; `key` orders them and must be different for each, `bytes` says how much of a
    /// message an item takes.
    pub fn cut<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> String,
        bytes: impl Fn(&T) -> usize,
    ) -> PageItems<T> {
        let mut keyed: Vec<(String, T)> = items.into_iter().map(|item| (key(&item), item)).collect();
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
        let total = i32::try_from(keyed.len()).unwrap_or(i32::MAX);
        let begin = self.after.as_ref().map_or(0, |after| keyed.partition_point(|(key, _)| key <= after));
        let mut room = PAGE_BYTES_MAX;
        let fits = keyed[begin..].iter().take(self.size).take_while(|(_, item)| {
            // The first item always fits, so that every page leads further.
            let (before, needed) = (room, bytes(item));
            room = room.saturating_sub(needed);
            needed <= before || before == PAGE_BYTES_MAX
        });
        let end = begin + fits.count();
        let next = if end < keyed.len() { keyed[begin..end].last().map(|(key, _)| self.token(key)) } else { None };
        let items = keyed.drain(begin..end).map(|(_, item)| item).collect();
        PageItems { items, next: next.unwrap_or_default(), total }
    }

    /// Most items on it.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Key of the last item of the page before, for whoever begins after it instead of giving all items to
    /// [`Page::cut`].
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The page out of items that begin after [`Page::after`] and come in the order of their keys; looks at no more of
    /// them than it takes. Gives the token of the next page, empty on the last.
    pub fn begin<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> String,
        bytes: impl Fn(&T) -> usize,
    ) -> (Vec<T>, String) {
        let (mut taken, mut room) = (Vec::new(), PAGE_BYTES_MAX);
        for item in items {
            let needed = bytes(&item);
            let is_full = taken.len() == self.size || needed > room;
            if let (true, Some(last)) = (is_full, taken.last()) {
                let next = self.token(&key(last));
                return (taken, next);
            }
            room = room.saturating_sub(needed);
            taken.push(item);
        }
        (taken, String::new())
    }

    fn token(&self, key: &str) -> String {
        URL_SAFE_NO_PAD.encode([self.filter.as_slice(), key.as_bytes()].concat())
    }
}

/// In which order a list comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderBy {
    /// By the key of its items.
    Key,
    /// By when they changed here.
    Changed {
        /// Whether the newest come first.
        newest_first: bool,
    },
}

impl OrderBy {
    /// Reads `order_by` of a list whose items have this key; blanks do not matter (AIP-132).
    pub fn read(text: &str, key: &str) -> Result<Self, Refusal> {
        let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        let key_words: Vec<&str> = key.split(',').collect();
        match words[..] {
            [] => Ok(Self::Key),
            ["changed"] | ["changed", "asc"] => Ok(Self::Changed { newest_first: false }),
            ["changed", "desc"] => Ok(Self::Changed { newest_first: true }),
            _ if words == key_words => Ok(Self::Key),
            _ => Err(Refusal::new(Reason::FieldInvalid)
                .with("field", "order_by")
                .with("value", shortened(text))
                .with("expected", format!("{key}; changed; changed desc"))),
        }
    }

    /// Its one spelling, by which pages know each other.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "",
            Self::Changed { newest_first: false } => "changed",
            Self::Changed { newest_first: true } => "changed desc",
        }
    }
}

/// Why a page is refused whose token no page has ended with.
pub fn not_a_token() -> Refusal {
    Refusal::new(Reason::PageInvalid).with("field", "page_token").with("rule", "not a token")
}

fn filter_hash(filters: &[&str]) -> [u8; FILTER_BYTES] {
    let mut bytes = Vec::new();
    for filter in filters {
        bytes.extend_from_slice(&(filter.len() as u64).to_be_bytes());
        bytes.extend_from_slice(filter.as_bytes());
    }
    let hash = sha256(&bytes);
    std::array::from_fn(|at| hash[at])
}

/// What a message takes on the wire, in bytes.
pub fn encoded_bytes(message: &impl prost::Message) -> usize {
    message.encoded_len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(count: usize, size: i32, bytes: usize) -> Vec<Vec<String>> {
        let (mut pages, mut token) = (Vec::new(), String::new());
        loop {
            let page = Page::read(size, &token, &["a"]).expect("own token");
            let cut = page.cut((0..count).map(|n| format!("{n:04}")), Clone::clone, |_| bytes);
            assert_eq!(cut.total, i32::try_from(count).expect("small"));
            // The same page, for whoever begins after the last one.
            let rest = (0..count).map(|n| format!("{n:04}"));
            let rest = rest.filter(|item| page.after().is_none_or(|after| item.as_str() > after));
            assert_eq!(page.begin(rest, Clone::clone, |_| bytes), (cut.items.clone(), cut.next.clone()));
            pages.push(cut.items);
            token = cut.next;
            if token.is_empty() {
                return pages;
            }
        }
    }

    #[test]
    fn pages_cover_everything_once() {
        for (count, size, bytes, lengths) in [
            (0, 10, 1, vec![0]),
            (10, 10, 1, vec![10]),
            (11, 10, 1, vec![10, 1]),
            (120, 0, 1, vec![50, 50, 20]),
            (1001, 900, 1, vec![500, 500, 1]),
            (7, 10, PAGE_BYTES_MAX / 3, vec![3, 3, 1]),
            (2, 10, PAGE_BYTES_MAX + 1, vec![1, 1]),
        ] {
            let pages = pages(count, size, bytes);
            assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), lengths);
            assert!(pages.concat().is_sorted());
        }
    }

    #[test]
    fn an_order_has_one_spelling_and_others_are_refused() {
        let read =
            |text: &str| OrderBy::read(text, "seller,name").map(OrderBy::name).map_err(|refusal| refusal.reason);
        for (text, name) in [
            ("", ""),
            ("seller, name", ""),
            ("changed", "changed"),
            (" changed  asc ", "changed"),
            ("changed desc", "changed desc"),
        ] {
            assert_eq!(read(text), Ok(name), "{text}");
        }
        for wrong in ["seller", "name,seller", "changed,desc,id", "desc", "CHANGED", "price", "changed; drop"] {
            assert_eq!(read(wrong), Err(Reason::FieldInvalid), "{wrong}");
        }
    }

    #[test]
    fn wrong_pages_are_refused() {
        let first = Page::read(1, "", &["a", "b"]).expect("first page");
        let good = first.cut(["x", "y"], |item| (*item).to_owned(), |_| 1).next;
        assert!(Page::read(1, &good, &["a", "b"]).is_ok());
        for (size, token, filters) in [
            (-1, "", ["a", "b"]),
            (1, good.as_str(), ["a", "c"]),
            (1, good.as_str(), ["ab", ""]),
            (1, "!", ["a", "b"]),
            (1, "AAAA", ["a", "b"]),
            (1, &"A".repeat(TOKEN_CHARS_MAX + 1), ["a", "b"]),
        ] {
            let refusal = Page::read(size, token, &filters).expect_err("wrong");
            assert_eq!(refusal.reason, Reason::PageInvalid, "{token}");
            assert!(refusal.field("field").is_some());
        }
    }
}
