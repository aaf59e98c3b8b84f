//! `verbund org profile`: what a municipality runs, so that offerings are sorted for it.
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::offering::publish;
use crate::cli::options::Global;
use crate::cli::output::Output;
use crate::domain::connection::{ConnectionProfile, Requirement};
use crate::domain::id::OrgId;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::wire::pb::catalogue::v1 as pb;

/// What to do with profiles.
#[derive(Subcommand)]
pub enum Verb {
    /// Das Profil einer Kommune zeigen
    Show {
        /// Die Kommune; die eigene, wenn nicht genannt
        org: Option<OrgId>,
    },
    /// Das Profil der eigenen Organisation unterschreiben und veröffentlichen; es ersetzt das bisherige ganz
    Publish {
        /// Portal, z. B. IKISS; mehrmals möglich
        #[arg(long = "portal", value_name = "NAME")]
        portals: Vec<String>,
        /// Fachverfahren; mehrmals möglich
        #[arg(long = "system", value_name = "NAME")]
        systems: Vec<String>,
        /// Anbindungsart, z. B. fit-connect; mehrmals möglich
        #[arg(long = "connection", value_name = "ART")]
        connection: Vec<String>,
        /// Was vorhanden ist: account (Nutzerkonto), mailbox (Postfach), payment (E-Payment), dms
        #[arg(long, value_name = "DIENST", value_delimiter = ',')]
        provides: Vec<String>,
        /// Ob die Website Beschreibungen aus dem BUS des Landes übernimmt: yes oder no
        #[arg(long, value_name = "JA/NEIN")]
        bus: Option<String>,
        /// Woher das bekannt ist
        #[arg(long, value_name = "TEXT", default_value = "eigene Angabe")]
        source: String,
    },
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<(), Refusal> {
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    match verb {
        Verb::Show { org } => {
            let org = match org {
                Some(org) => org,
                None => client.officer()?.org.clone(),
            };
            let known = client.connection_profile(&org).await?;
            let out = global.out();
            match known {
                Some(profile) => out.one(&value(&profile), &text(&profile, out)),
                None => Err(Refusal::new(Reason::ProfileMissing).with("org", org)),
            }
        }
        Verb::Publish { portals, systems, connection, provides, bus, source } => {
            let org = client.officer()?.org.clone();
            let known = client.connection_profile(&org).await?;
            let profile = ConnectionProfile {
                municipality: org,
                version: known.map_or(0, |known| known.version) + 1,
                portals,
                specialised_systems: systems,
                connection,
                provides: provides.iter().map(|word| requirement(word)).collect::<Result<_, _>>()?,
                bus: bus.as_deref().map(yes_or_no).transpose()?,
                source,
                assumed: Vec::new(),
            };
            let signed = Signed::sign(&Kind::ConnectionProfile, &profile, &[&client.officer()?.key]);
            publish(global, &mut client, &signed).await
        }
    }
}

fn requirement(word: &str) -> Result<Requirement, Refusal> {
    Requirement::of_word(word).ok_or_else(|| {
        Refusal::new(Reason::UsageInvalid).with("expected", "account, mailbox, payment, dms").with("value", word)
    })
}

fn yes_or_no(word: &str) -> Result<bool, Refusal> {
    match word {
        "yes" | "ja" => Ok(true),
        "no" | "nein" => Ok(false),
        other => Err(Refusal::new(Reason::UsageInvalid).with("expected", "yes, no").with("value", other)),
    }
}

fn value(profile: &pb::ConnectionProfile) -> Value {
    json!({
        "municipality": profile.municipality, "version": profile.version, "portals": profile.portals,
        "specialised_systems": profile.specialised_systems, "connections": profile.connections,
        "provides": profile.provides, "bus": profile.bus, "source": profile.source, "assumed": profile.assumptions,
        "id": profile.statement_id,
    })
}

fn text(profile: &pb::ConnectionProfile, out: Output) -> String {
    let listed = |items: &[String]| match items.is_empty() {
        true => out.say("keine Angabe", "not stated").to_owned(),
        false => items.join(", "),
    };
    let bus = match profile.bus {
        Some(true) => out.say("ja", "yes"),
        Some(false) => out.say("nein", "no"),
        None => out.say("keine Angabe", "not stated"),
    };
    let in_words =
        |word: &String| Requirement::of_word(word).map_or(word.as_str(), |one| one.text(out.lang)).to_owned();
    let provided: Vec<String> = profile.provides.iter().map(in_words).collect();
    let lines = [
        (out.say("Kommune", "Municipality"), profile.municipality.clone()),
        (out.say("Fassung", "Version"), profile.version.to_string()),
        (out.say("Portale", "Portals"), listed(&profile.portals)),
        (out.say("Fachverfahren", "Specialised systems"), listed(&profile.specialised_systems)),
        (out.say("Anbindungsarten", "Connections"), listed(&profile.connections)),
        (out.say("Vorhanden", "Provides"), listed(&provided)),
        (out.say("Texte aus dem BUS", "Texts from the BUS"), bus.to_owned()),
        (out.say("Quelle", "Source"), profile.source.clone()),
        (out.say("Angenommen", "Assumed"), listed(&profile.assumptions)),
        (out.say("Kennung", "Id"), profile.statement_id.clone()),
    ];
    lines.map(|(name, value)| format!("{name}: {value}")).join("\n")
}
