//! For tests: whether a page is HTML as the standard has it. The parser says what it had to mend; what a parser mends without a
//! word (what may stand in what, which attributes there are, what names point to) is looked for in the tree it made.
use std::collections::BTreeSet;

use html5ever::tendril::TendrilSink as _;
use html5ever::tokenizer::TokenizerOpts;
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// What holds text and nothing that stands by itself (HTML, section 3.2.5.2.5).
#[rustfmt::skip]
const TEXT_ONLY: &[&str] = &[
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "span", "button", "label", "strong", "em", "code", "pre", "summary",
    "dt", "legend", "option", "time", "abbr", "small",
];

/// What stands by itself.
#[rustfmt::skip]
const BLOCKS: &[&str] = &[
    "div", "p", "ul", "ol", "dl", "table", "section", "article", "aside", "header", "footer", "main", "nav", "form",
    "fieldset", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "hr", "details", "figure", "blockquote",
];

/// What people act on; none of it stands in another.
const ACTED_ON: &[&str] = &["a", "button", "input", "select", "textarea", "details", "label"];

/// What may stand in what takes little else.
const CHILDREN: &[(&str, &[&str])] = &[
    ("dl", &["dt", "dd", "div"]),
    ("ol", &["li"]),
    ("select", &["option", "optgroup"]),
    ("table", &["caption", "colgroup", "thead", "tbody", "tfoot"]),
    ("tbody", &["tr"]),
    ("thead", &["tr"]),
    ("tr", &["td", "th"]),
    ("ul", &["li"]),
];

/// Attributes that pages use, beside `data-…` and `aria-…`.
#[rustfmt::skip]
const ATTRIBUTES: &[&str] = &[
    "accept", "action", "alt", "autocapitalize", "autocomplete", "charset", "checked", "class", "cols", "colspan",
    "content", "datetime", "defer", "disabled", "download", "enctype", "for", "form", "headers", "height", "hidden",
    "href", "hreflang", "id", "inputmode", "lang", "list", "max", "maxlength", "media", "method", "min",
    "minlength", "multiple", "name", "novalidate", "open", "pattern", "placeholder", "readonly", "rel", "required",
    "role", "rows", "rowspan", "scope", "selected", "size", "sizes", "spellcheck", "src", "start", "step",
    "tabindex", "target", "title", "translate", "type", "value", "width",
];

/// Attributes whose value names other elements.
const NAMING: &[&str] = &["for", "aria-labelledby", "aria-describedby", "aria-controls", "headers", "aria-details"];

/// What is wrong with a page; nothing if it is valid.
pub(super) fn faults(html: &str) -> Vec<String> {
    let options = ParseOpts {
        tokenizer: TokenizerOpts { exact_errors: true, ..TokenizerOpts::default() },
        tree_builder: TreeBuilderOpts { exact_errors: true, ..TreeBuilderOpts::default() },
    };
    let page = parse_document(RcDom::default(), options).one(html);
    let mut faults: Vec<String> = page.errors.borrow().iter().map(ToString::to_string).collect();
    let mut ids = BTreeSet::new();
    collect(&page.document, &mut ids);
    look(&page.document, &[], &ids, &mut faults);
    faults
}

fn attributes(node: &Handle) -> Vec<(String, String)> {
    let NodeData::Element { attrs, .. } = &node.data else { return Vec::new() };
    attrs.borrow().iter().map(|one| (one.name.local.to_string(), one.value.to_string())).collect()
}

fn collect(node: &Handle, ids: &mut BTreeSet<String>) {
    ids.extend(attributes(node).into_iter().filter(|(name, _)| name == "id").map(|(_, id)| id));
    node.children.borrow().iter().for_each(|child| collect(child, ids));
}

/// Looks at an element within others, the outermost first.
fn look(node: &Handle, within: &[String], ids: &BTreeSet<String>, faults: &mut Vec<String>) {
    let mut within = within.to_vec();
    if let NodeData::Element { name, .. } = &node.data {
        let element = name.local.to_string();
        // What is drawn has rules of its own.
        if element == "svg" {
            return;
        }
        let parent = within.last().map_or("", String::as_str);
        let is = |list: &[&str], name: &str| list.contains(&name);
        if is(TEXT_ONLY, parent) && is(BLOCKS, &element) {
            faults.push(format!("<{element}> in <{parent}>"));
        }
        if let Some((_, children)) = CHILDREN.iter().find(|(of, _)| *of == parent)
            && !is(children, &element)
        {
            faults.push(format!("<{element}> in <{parent}>"));
        }
        if is(ACTED_ON, &element) && within.iter().any(|outer| is(&["a", "button"], outer)) {
            faults.push(format!("<{element}> within what is acted on"));
        }
        for (name, value) in attributes(node) {
            let is_known = name.starts_with("data-") || name.starts_with("aria-") || is(ATTRIBUTES, &name);
            faults.extend((!is_known).then(|| format!("<{element} {name}>")));
            let named = value.split_whitespace().filter(|id| !ids.contains(*id));
            if is(NAMING, &name) {
                faults.extend(named.map(|id| format!("<{element} {name}> names {id}, which is not there")));
            }
        }
        within.push(element);
    }
    node.children.borrow().iter().for_each(|child| look(child, &within, ids, faults));
}

#[test]
fn what_is_wrong_is_found() {
    let page = |body: &str| {
        format!(
            "<!DOCTYPE html><html lang=\"de\"><head><meta charset=\"utf-8\"><title>x</title></head><body>{body}</body></html>"
        )
    };
    assert_eq!(faults(&page("<main><p id=\"a\">x</p><ul><li>y</li></ul></main>")), Vec::<String>::new());
    for wrong in [
        "<p>a<div>b</div></p>",
        "<ul><p>a</p></ul>",
        "<span><p>a</p></span>",
        "<a href=\"/\"><button>b</button></a>",
        "<b>a<i>b</b></i>",
        "<p class=\"a\" class=\"b\">c</p>",
        "<p hx-get=\"/\">a</p>",
        "<label for=\"b\">a</label>",
        "<p id=a&b=\"c\">",
        "</p></main>",
        "<table><p>a</p></table>",
        "<div>",
    ] {
        assert!(!faults(&page(wrong)).is_empty(), "{wrong}");
    }
    assert!(!faults("<p>a</p>").is_empty(), "no doctype");
}
