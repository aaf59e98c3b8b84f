//! Options that several commands take.
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::output::{Format, Output};
use crate::config::node::HostPort;
use crate::domain::id::{OfficerName, OrgId, shortened};
use crate::domain::reason::{Lang, Reason, Refusal};

/// Options that every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Für alle Befehle")]
pub struct Global {
    /// Profil mit Adresse, Zertifikat und Schlüssel (TOML)
    #[arg(long, global = true, value_name = "DATEI", env = "VERBUND_PROFILE")]
    pub profile: Option<PathBuf>,
    /// Adresse des Knotens, z. B. 127.0.0.1:18440
    #[arg(long, global = true, value_name = "HOST:PORT")]
    pub address: Option<String>,
    /// Zertifikat des Knotens (tls.pem)
    #[arg(long, global = true, value_name = "DATEI")]
    pub tls: Option<PathBuf>,
    /// Für welche Organisation gehandelt wird
    #[arg(long, global = true, value_name = "ORG")]
    pub org: Option<OrgId>,
    /// Amt der handelnden Person, wie es in der Vollmacht steht
    #[arg(long, global = true, value_name = "AMT")]
    pub officer: Option<OfficerName>,
    /// Schlüsseldatei der handelnden Person
    #[arg(long, global = true, value_name = "DATEI")]
    pub key: Option<PathBuf>,
    /// Datei mit der Passphrase verschlüsselter Schlüsseldateien; lesen darf sie nur, wem sie gehört
    #[arg(long, global = true, value_name = "DATEI")]
    pub passphrase_file: Option<PathBuf>,
    /// Nicht fragen: dem zustimmen, was vor dem Unterschreiben angezeigt wird (für Skripte)
    #[arg(long, global = true)]
    pub yes: bool,
    /// Ausgabeform
    #[arg(short, long, global = true, value_enum, default_value_t)]
    pub output: Format,
    /// Sprache
    #[arg(long, global = true, value_enum, default_value_t)]
    pub lang: LangArgument,
    /// Längste Wartezeit auf eine Antwort, in Sekunden
    #[arg(long, global = true, default_value_t = 15, value_name = "SEKUNDEN", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
}

/// The language on the command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum LangArgument {
    /// Deutsch
    #[default]
    De,
    /// English
    En,
}

impl Global {
    /// How to print.
    pub fn out(&self) -> Output {
        let lang = match self.lang {
            LangArgument::De => Lang::De,
            LangArgument::En => Lang::En,
        };
        Output { format: self.output, lang }
    }
}

/// What a price depends on, and with it the order in which routes are counted.
#[derive(Args, Clone, Copy, Default)]
pub struct PriceNeeds {
    /// Laufzeit in Jahren; die kürzeste des Angebots, wenn nicht genannt
    #[arg(long, value_name = "JAHRE", default_value_t = 0, hide_default_value = true)]
    pub term_years: u32,
    /// Erwartete Nutzungen je Jahr, wo der Preis davon abhängt
    #[arg(long, value_name = "ZAHL")]
    pub uses: Option<u32>,
    /// Angehörige der Zielgruppe, wo der Preis davon abhängt
    #[arg(long, value_name = "ZAHL")]
    pub target_group: Option<u32>,
}

/// The address of a node as people copy it: with or without the scheme of a web address. Refused with `ADDRESS_INVALID`.
pub fn node_address(text: &str) -> Result<String, Refusal> {
    let bare = text.trim();
    let bare = ["https://", "http://"].iter().find_map(|scheme| bare.strip_prefix(scheme)).unwrap_or(bare);
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    let invalid = |_| Refusal::new(Reason::AddressInvalid).with("value", shortened(text));
    HostPort::try_from(bare.to_owned()).map(String::from).map_err(invalid)
}

/// An address on the command line.
pub fn address(text: &str) -> Result<HostPort, String> {
    HostPort::try_from(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_people_copy_them_and_refused_without_a_port() {
        for (text, address) in [
            ("127.0.0.1:18440", "127.0.0.1:18440"),
            ("https://knoten.example:18440/", "knoten.example:18440"),
            (" http://[::1]:18440 ", "[::1]:18440"),
        ] {
            assert_eq!(node_address(text).as_deref(), Ok(address));
        }
        for text in [
            "",
            "127.0.0.1",
            "::1:18440",
            "[::1]",
            "knoten.example:0",
            "https://knoten.example:18440/pfad",
            "a b:1",
            "x:99999",
        ] {
            assert_eq!(node_address(text).expect_err(text).reason, Reason::AddressInvalid, "{text}");
        }
    }
}
