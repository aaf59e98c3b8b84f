//! The table `[web]` of `run.toml`: where the node's page is served, how it is encrypted, and what its operator says of
//! itself there.
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::config::document::Document;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::text::checked_text;

/// Longest text about the operator, in characters: an address of five lines.
const TEXT_CHARS_MAX: usize = 500;

/// `[web]` as it is written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WebFile {
    /// Where browsers connect: `0.0.0.0:443`.
    pub listen: SocketAddr,
    /// The certificate with its chain, in PEM, as an authority that browsers know has issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its private key, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Folder for what officers ask their organisations for in the browser; nothing can be asked for there if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_requests: Option<PathBuf>,
    /// What the pages about the operator say.
    #[serde(default)]
    pub imprint: Imprint,
}

/// What the operator says of itself. What is absent is shown as missing.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Imprint {
    /// Name and legal form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Postal address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Who represents it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub represented_by: Option<String>,
    /// Register and number: `Genossenschaftsregister …`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub register: Option<String>,
    /// Number for value-added tax.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vat_id: Option<String>,
    /// E-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Telephone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// How to reach the data protection officer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_protection: Option<String>,
    /// Where to say that something is not accessible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accessibility: Option<String>,
    /// The body that decides when the answer does not satisfy (*Schlichtungs-* or *Durchsetzungsstelle*).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<String>,
    /// A sentence at the top of every page, such as that all of it is a demonstration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// The same in English; whoever reads English is shown the German one if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice_en: Option<String>,
}

/// The same, checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebConfig {
    /// Where browsers connect.
    pub listen: SocketAddr,
    /// Certificate and key, as seen from the working directory; none for plain HTTP on this machine.
    pub tls: Option<WebTls>,
    /// Folder for what officers ask their organisations for, as seen from the working directory.
    pub grant_requests: Option<PathBuf>,
    /// What the operator says of itself.
    pub imprint: Imprint,
}

/// The files with which browsers are spoken to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebTls {
    /// The certificate with its chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Checks the table.
pub(super) fn checked(document: &Document, file: WebFile) -> Result<WebConfig, Refusal> {
    let WebFile { listen, certificate, key, grant_requests, imprint } = file;
    let tls = match (certificate, key) {
        (Some(certificate), Some(key)) => {
            Some(WebTls { certificate: document.resolve(&certificate), key: document.resolve(&key) })
        }
        (None, None) => None,
        _ => return Err(document.invalid("web", "certificate and key belong together")),
    };
    if tls.is_none() && !listen.ip().is_loopback() {
        return Err(Refusal::new(Reason::PageUnencrypted)
            .with("file", document.path().display())
            .with("web.listen", listen));
    }
    for (name, text) in imprint.texts() {
        let mut lines = text.iter().flat_map(|text| text.lines());
        let checked = lines.try_for_each(|line| checked_text(name, line, TEXT_CHARS_MAX));
        document.checked("web.imprint", checked)?;
    }
    let grant_requests = grant_requests.map(|folder| document.resolve(&folder));
    Ok(WebConfig { listen, tls, grant_requests, imprint })
}

impl Imprint {
    fn texts(&self) -> [(&'static str, &Option<String>); 12] {
        [
            ("name", &self.name),
            ("address", &self.address),
            ("represented_by", &self.represented_by),
            ("register", &self.register),
            ("vat_id", &self.vat_id),
            ("email", &self.email),
            ("phone", &self.phone),
            ("data_protection", &self.data_protection),
            ("accessibility", &self.accessibility),
            ("enforcement", &self.enforcement),
            ("notice", &self.notice),
            ("notice_en", &self.notice_en),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(text: &str) -> Result<WebConfig, Refusal> {
        #[derive(Deserialize)]
        struct Whole {
            web: WebFile,
        }
        let document = Document::of(Path::new("a/run.toml"), format!("[web]\n{text}"));
        let whole: Whole = document.read()?;
        checked(&document, whole.web)
    }

    #[test]
    fn a_page_for_others_is_encrypted() {
        let local = read("listen = \"127.0.0.1:8080\"\n").expect("only this machine");
        assert_eq!((local.tls, local.imprint), (None, Imprint::default()));
        assert!(read("listen = \"[::1]:8080\"\n").is_ok());
        let asks = read("listen = \"127.0.0.1:8080\"\ngrant_requests = \"requests\"\n").expect("a folder");
        assert_eq!((local.grant_requests, asks.grant_requests), (None, Some("a/requests".into())));
        for open in ["0.0.0.0:80", "[::]:80", "192.0.2.1:8080"] {
            let refusal = read(&format!("listen = \"{open}\"\n")).expect_err("plain, for everyone");
            assert_eq!((refusal.reason, refusal.field("web.listen")), (Reason::PageUnencrypted, Some(open)));
            let tls = read(&format!("listen = \"{open}\"\ncertificate = \"c.pem\"\nkey = \"/k.pem\"\n"))
                .expect("encrypted")
                .tls;
            assert_eq!(tls, Some(WebTls { certificate: "a/c.pem".into(), key: "/k.pem".into() }));
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, reason) in [
            ("listen = \"127.0.0.1:1\"\nkey = \"k\"\n", Reason::ConfigInvalid),
            ("listen = \"127.0.0.1:1\"\nimpressum = 1\n", Reason::ConfigUnknownKey),
            ("listen = \"nowhere\"\n", Reason::ConfigInvalid),
            ("listen = \"127.0.0.1:1\"\n[web.imprint]\nname = \"a\\u202Eb\"\n", Reason::ConfigInvalid),
        ] {
            let refusal = read(text).expect_err("a mistake");
            assert_eq!(refusal.reason, reason, "{text}: {refusal}");
        }
        let lines =
            read("listen = \"127.0.0.1:1\"\n[web.imprint]\naddress = \"Weg 1\\n12345 Ort\"\n").expect("two lines");
        assert_eq!(lines.imprint.address.as_deref(), Some("Weg 1\n12345 Ort"));
    }
}
