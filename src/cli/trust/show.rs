//! `verbund trust show`: what a federation says about trust, asked of a node, or what a carried file says.
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::ids;
use crate::cli::options::Global;
use crate::cli::output::{Format, Output, data};
use crate::cli::trust::carried::{make_folder, read_proposal, tell, write_new};
use crate::domain::envelope;
use crate::domain::id::ShortId;
use crate::domain::reason::Refusal;
use crate::domain::trust_file::{TrustFile, printed};
use crate::wire::pb::node::v1 as pb;

/// Shows a carried file.
pub fn file(global: &Global, path: &Path) -> Result<(), Refusal> {
    let proposal = read_proposal(path)?;
    tell(global, &[(path.to_owned(), proposal)], false)
}

/// Shows what a node knows; `save` is a folder for the statements themselves.
pub async fn node(global: &Global, save: Option<&Path>) -> Result<(), Refusal> {
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let answer = client.trust(global.org.as_ref()).await?;
    let file = TrustFile::try_from(&answer)?;
    if let Some(folder) = save {
        save_statements(folder, &file)?;
    }
    let out = global.out();
    if out.format == Format::Csv {
        return out.rows(&ORGANISATION_COLUMNS, &answer.organisations.iter().map(row).collect::<Vec<_>>());
    }
    out.one(&value(&answer, &file), &text(&answer, out))
}

/// Lists the organisations admitted.
pub async fn all(global: &Global) -> Result<(), Refusal> {
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let answer = client.trust(None).await?;
    global.out().rows(&ORGANISATION_COLUMNS, &answer.organisations.iter().map(row).collect::<Vec<_>>())
}

/// Shows one public statement: as its envelope, which is the same for people and programs.
pub async fn statement(global: &Global, called: &ShortId) -> Result<(), Refusal> {
    let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
    let id = ids::statement(&mut client, None, called).await?;
    let signed = client.statement(id).await?;
    data(&format!("{}\n", envelope::write(&signed)))
}

fn save_statements(folder: &Path, file: &TrustFile) -> Result<(), Refusal> {
    make_folder(folder)?;
    for (number, signed) in file.statements.iter().enumerate() {
        let name = format!("{number:04}-{}-{}.dsse.json", signed.kind(), signed.id().short());
        write_new(&folder.join(name), &envelope::write(signed))?;
    }
    Ok(())
}

const ORGANISATION_COLUMNS: [(&str, &str); 6] = [
    ("Organisation", "id"),
    ("Name", "name"),
    ("Aufnahme", "admission_number"),
    ("Kennung", "admission_id"),
    ("Heimatknoten", "home_node"),
    ("betreibt", "operates"),
];

fn row(org: &pb::AdmittedOrganisation) -> Vec<Value> {
    vec![
        json!(org.id),
        json!(org.name),
        json!(org.admission_number),
        json!(org.admission_id),
        json!(org.home_node),
        json!(org.operates),
    ]
}

/// The carried standing file: the statements, and beside them what they say.
fn value(answer: &pb::GetTrustResponse, file: &TrustFile) -> Value {
    let mut value = file.value();
    value["root_versions"] = answer.root_versions.iter().map(root_value).collect();
    value["organisations"] = answer
        .organisations
        .iter()
        .map(|org| {
            json!({
                "id": org.id, "name": org.name, "admission_number": org.admission_number,
                "admission_id": org.admission_id, "home_node": org.home_node, "operates": org.operates,
            })
        })
        .collect();
    let expulsions = answer.expulsions.iter();
    value["expulsions"] = expulsions.map(|one| json!({"id": one.id, "org": one.org, "reason": one.reason})).collect();
    value["successions"] = answer
        .successions
        .iter()
        .map(|one| json!({"id": one.id, "predecessor": one.predecessor, "successor": one.successor, "on": one.on}))
        .collect();
    let packs = answer.rule_packs.iter();
    value["rule_packs"] = packs
        .map(|pack| json!({"id": pack.id, "name": pack.name, "valid_from": pack.valid_from, "valid_to": pack.valid_to}))
        .collect();
    if let Some(organisation) = &answer.organisation {
        value["organisation"] = organisation_value(organisation);
    }
    value
}

fn root_value(root: &pb::RootVersion) -> Value {
    let trustees = root.trustees.iter().map(|one| json!({"name": one.name, "key": one.key}));
    json!({
        "id": root.id, "version": root.version, "trustees": trustees.collect::<Vec<_>>(),
        "threshold": root.threshold, "witness_nodes": root.witness_nodes, "witness_quorum": root.witness_quorum,
    })
}

fn organisation_value(organisation: &pb::OrganisationTrust) -> Value {
    let online = organisation
        .online_keys
        .iter()
        .map(|key| json!({"key_hash": key.key_hash, "role": key.role, "from": key.from, "revoked": key.revoked}));
    let officers = organisation.officer_keys.iter().map(|key| {
        json!({
            "key_hash": key.key_hash, "officer": key.officer, "device": key.device, "roles": key.roles,
            "limit_cents": key.limit_cents, "limit_per_year_cents": key.limit_per_year_cents,
            "valid_from": key.valid_from, "valid_to": key.valid_to, "revoked": key.revoked,
        })
    });
    json!({
        "root_keys": organisation.root_keys, "root_threshold": organisation.root_threshold,
        "next_sha256": organisation.next_sha256, "last_event_seq": organisation.last_event_seq,
        "last_event_id": organisation.last_event_id, "online_keys": online.collect::<Vec<_>>(),
        "officer_keys": officers.collect::<Vec<_>>(),
    })
}

fn text(answer: &pb::GetTrustResponse, out: Output) -> String {
    let root = answer.root_hash.parse().map(printed).unwrap_or_default();
    let mut lines = vec![format!("{} {} ({root})", out.say("Verbund", "Federation"), answer.federation)];
    for root in &answer.root_versions {
        let trustees: Vec<&str> = root.trustees.iter().map(|one| one.name.as_str()).collect();
        let (version, of) = (out.say("Wurzel, Fassung", "Root version"), out.say("von", "of"));
        let (trustees, witnesses) = (trustees.join(", "), root.witness_nodes.join(", "));
        lines.push(format!(
            "{version} {}: {} {of} {} ({trustees}); {}: {} {of} {} ({witnesses})",
            root.version,
            root.threshold,
            root.trustees.len(),
            out.say("Zeugen", "witnesses"),
            root.witness_quorum,
            root.witness_nodes.len(),
        ));
    }
    for org in &answer.organisations {
        let operates = match org.operates.as_str() {
            "" => String::new(),
            node => format!(", {} {node}", out.say("betreibt", "operates")),
        };
        let (number, home) = (out.say("Aufnahme", "admission"), out.say("zu Hause auf", "hosted by"));
        lines.push(format!(
            "  {}: {} ({number} {}, {home} {}{operates})",
            org.id, org.name, org.admission_number, org.home_node
        ));
    }
    for one in &answer.expulsions {
        lines.push(format!("{} {}: {}", out.say("AUSGESCHLOSSEN", "EXPELLED"), one.org, one.reason));
    }
    for one in &answer.successions {
        let on = out.say("ab", "from");
        lines.push(format!(
            "{} {} → {} {on} {}",
            out.say("Nachfolge", "Succession"),
            one.predecessor,
            one.successor,
            one.on
        ));
    }
    for pack in &answer.rule_packs {
        lines.push(format!("{} {} ({})", out.say("Regelwerk", "Rule pack"), pack.name, pack.id));
    }
    if let Some(organisation) = &answer.organisation {
        lines.extend(organisation_lines(organisation, out));
    }
    lines.join("\n")
}

fn organisation_lines(organisation: &pb::OrganisationTrust, out: Output) -> Vec<String> {
    let revoked = |is: bool| if is { out.say(" (widerrufen)", " (revoked)") } else { "" };
    let short = |hash: &str| hash.chars().take(16).collect::<String>();
    let mut lines = vec![format!(
        "{}: {} {} {}",
        out.say("Wurzelschlüssel", "Root keys"),
        organisation.root_keys.len(),
        out.say("nötig", "needed"),
        organisation.root_threshold
    )];
    for key in &organisation.online_keys {
        lines.push(format!("  {} {} {}{}", key.role, short(&key.key_hash), key.from, revoked(key.revoked)));
    }
    for key in &organisation.officer_keys {
        lines.push(format!(
            "  {}/{} {} {} {} – {}{}",
            key.officer,
            key.device,
            short(&key.key_hash),
            key.roles.join(","),
            key.valid_from,
            key.valid_to,
            revoked(key.revoked)
        ));
    }
    for log in &organisation.logs {
        lines.push(format!("  {} {}", log.origin, log.size));
    }
    lines
}
