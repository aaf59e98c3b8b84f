//! Writing XML: elements with text, everything escaped.
use quick_xml::Writer;
use quick_xml::events::BytesText;

/// XML in the making.
pub type Xml = Writer<Vec<u8>>;

/// An element with others in it.
pub fn within(xml: &mut Xml, name: &str, inner: impl FnOnce(&mut Xml) -> std::io::Result<()>) -> std::io::Result<()> {
    xml.create_element(name).write_inner_content(inner).map(drop)
}

/// An element with a text.
pub fn text(xml: &mut Xml, name: &str, content: &str) -> std::io::Result<()> {
    xml.create_element(name).write_text_content(BytesText::new(content)).map(drop)
}

/// An element with an attribute and a text.
pub fn with(xml: &mut Xml, name: &str, attribute: (&str, &str), content: &str) -> std::io::Result<()> {
    xml.create_element(name).with_attribute(attribute).write_text_content(BytesText::new(content)).map(drop)
}
