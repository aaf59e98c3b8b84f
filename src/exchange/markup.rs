//! HTML in texts of others becomes plain text, and plain text the few tags that portals admit.
//!
//! What comes out of [`plain`] is text: nothing in it is a tag any more, whatever it looks like. What comes out of [`html`]
//! has `p` and `br` only, and everything else escaped.
use quick_xml::escape::{resolve_html5_entity, unescape_with};

/// The tags that PVOG admits; what they hold is kept, and they become line ends where they stand for lines.
const ADMITTED: [&str; 18] =
    ["p", "br", "h1", "h2", "h3", "h4", "h5", "h6", "b", "strong", "i", "em", "sup", "sub", "ul", "ol", "li", "a"];

/// Tags whose content is no text.
const SILENT: [&str; 6] = ["script", "style", "iframe", "object", "template", "svg"];

/// A text without its markup, and whether something was dropped that is not admitted.
pub fn plain(markup: &str) -> (String, bool) {
    let (mut text, mut dropped) = (String::with_capacity(markup.len()), false);
    let mut rest = markup;
    while let Some(at) = rest.find('<') {
        words(&mut text, &rest[..at]);
        let Some(tag) = Tag::read(&rest[at..]) else {
            text.push('<');
            rest = &rest[at + 1..];
            continue;
        };
        rest = &rest[at + tag.length..];
        dropped |= !tag.is_admitted();
        if tag.opens && SILENT.contains(&tag.name.as_str()) {
            let end = format!("</{}", tag.name);
            let close = rest.to_ascii_lowercase().find(&end);
            rest = close.map_or("", |close| &rest[close..]);
        }
        match (tag.name.as_str(), tag.opens) {
            ("br", _) | ("li" | "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6", false) => text.push('\n'),
            ("li", true) => text.push_str("\n– "),
            _ => {}
        }
    }
    words(&mut text, rest);
    (tidied(&text), dropped)
}

/// Text between tags: line ends and blanks of the source are one blank, entities are characters.
fn words(text: &mut String, source: &str) {
    let joined = source.split(char::is_whitespace).collect::<Vec<_>>().join(" ");
    let unescaped = unescape_with(&joined, resolve_html5_entity);
    text.push_str(unescaped.as_deref().unwrap_or(&joined));
}

/// No blanks at the ends of lines, none twice, and at most one empty line.
fn tidied(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut kept: Vec<String> = Vec::new();
    for line in lines {
        if !line.is_empty() || kept.last().is_some_and(|last| !last.is_empty()) {
            kept.push(line);
        }
    }
    kept.join("\n").trim().to_owned()
}

/// A text as HTML: one paragraph, lines as `br`, blanks as [`plain`] gives them back.
pub fn html(text: &str) -> String {
    let text = tidied(text);
    let lines: Vec<_> = text.lines().map(quick_xml::escape::escape).collect();
    format!("<p>{}</p>", lines.join("<br>"))
}

struct Tag {
    name: String,
    opens: bool,
    length: usize,
    attributes: String,
}

impl Tag {
    /// The tag or comment that begins here; a lone `<` is none. One that never ends takes the rest.
    fn read(text: &str) -> Option<Self> {
        let inner = &text[1..];
        if inner.starts_with("!--") {
            let length = text.find("-->").map_or(text.len(), |end| end + 3);
            return Some(Self { name: "!".to_owned(), opens: true, length, attributes: String::new() });
        }
        let opens = !inner.starts_with('/');
        let named = inner.trim_start_matches('/');
        named.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '!' | '?')).then_some(())?;
        let name: String = named.chars().take_while(|c| !c.is_whitespace() && !matches!(c, '>' | '/')).collect();
        let (mut quote, mut length) = (None, text.len());
        for (at, c) in text.char_indices().skip(1) {
            match (quote, c) {
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), c) if c == open => quote = None,
                (None, '>') => {
                    length = at + 1;
                    break;
                }
                _ => {}
            }
        }
        let attributes = text[1..length].trim_end_matches(['>', '/']).split_once(char::is_whitespace);
        let attributes = attributes.map_or("", |(_, attributes)| attributes.trim()).to_owned();
        Some(Self { name: name.to_ascii_lowercase(), opens, length, attributes })
    }

    fn is_admitted(&self) -> bool {
        let plain = self.attributes.is_empty();
        let link = self.name == "a"
            && self.attributes.starts_with("href=")
            && !self.attributes.contains(char::is_whitespace);
        let safe =
            ["javascript:", "data:", "vbscript:"].iter().all(|s| !self.attributes.to_ascii_lowercase().contains(s));
        ADMITTED.contains(&self.name.as_str()) && (plain || link && safe)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markup_becomes_text() {
        for (markup, text, dropped) in [
            ("<p>Eins<br>zwei</p>", "Eins\nzwei", false),
            ("<h2>Titel</h2><ul><li>a</li><li>b</li></ul>", "Titel\n\n– a\n\n– b", false),
            ("a &amp; b &uuml; &#228; &nope; 3 < 4", "a &amp; b &uuml; &#228; &nope; 3 < 4", false),
            ("a &amp; b &uuml; &#228;", "a & b ü ä", false),
            ("<a href=\"https://x.example/\">hier</a>", "hier", false),
            ("<a href=\"javascript:alert(1)\">hier</a>", "hier", true),
            ("<p onclick=\"x()\">Text</p>", "Text", true),
            ("vor<script>alert('</p>')</script>nach", "vornach", true),
            ("vor<SCRIPT src=x>böse", "vor", true),
            ("<img src=x onerror=alert(1)>Text<!-- weg -->", "Text", true),
            ("<style>p{}</style>a<iframe src=x>b</iframe>c", "ac", true),
            ("offen <b", "offen", false),
            ("&lt;script&gt;", "<script>", false),
            ("  viel \n\n  Platz ", "viel Platz", false),
        ] {
            assert_eq!(plain(markup), (text.to_owned(), dropped), "{markup}");
        }
        assert_eq!(html("a < b & \"c\"\n<script>"), "<p>a &lt; b &amp; &quot;c&quot;<br>&lt;script&gt;</p>");
    }

    proptest! {
        #[test]
        fn a_text_survives_its_way_through_html(text in "[a-zäß<>&;\"'/!]{0,8}( [a-z<&]{1,4}){0,2}(\n[a-z<>&]{1,5}){0,3}") {
            let text = tidied(&text);
            prop_assert_eq!(plain(&html(&text)), (text, false));
        }

        #[test]
        fn no_markup_brings_it_down(markup in "[<>/a-p \"'=&;!-]{0,60}") {
            plain(&markup);
        }
    }
}
