//! What statements about trust say, in plain words: a trustee reads this before signing.
use serde_json::{Value, json};

use crate::cli::output::Output;
use crate::domain::body::Body;
use crate::domain::id::StatementId;
use crate::domain::proposal::{Progress, Proposal};
use crate::domain::reason::Refusal;
use crate::domain::trust::signers::Office;
use crate::domain::trust::{
    Admission, FederationRoot, KeyEvent, LastGood, OfficerGrant, Recovery, Revocation, RevocationReason,
};
use crate::domain::trust_file::printed;

/// A name for the file of a statement: kind and whom it is about.
pub fn file_name(body: &Body, id: &StatementId) -> String {
    match body {
        Body::FederationRoot(body) => format!("wurzel-{}", body.version),
        Body::Admission(body) => format!("aufnahme-{}-{}", body.org, body.number),
        Body::Expulsion(body) => format!("ausschluss-{}", body.org),
        Body::RulePack(body) => format!("regelwerk-{}", body.name),
        Body::Recovery(body) if body.completes.is_some() => format!("wiederherstellung-{}-abschluss", body.org),
        Body::Recovery(body) => format!("wiederherstellung-{}", body.org),
        Body::Succession(body) => format!("nachfolge-{}-{}", body.predecessor, body.successor),
        Body::KeyEvent(body) => format!("schluessel-{}-{}", body.org, body.seq),
        Body::OfficerGrant(body) => format!("vollmacht-{}-{}-{}", body.org, body.officer, body.device),
        _ => id.short(),
    }
}

/// A proposal for programs.
pub fn proposal_value(proposal: &Proposal) -> Result<Value, Refusal> {
    let progress = proposal.progress()?;
    let panels: Vec<Value> = progress
        .iter()
        .map(|panel| {
            json!({
                "office": office(&panel.panel.office, Output::default()),
                "needed": panel.panel.needed,
                "signed": panel.signed.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "missing": panel.missing(),
            })
        })
        .collect();
    let written: Value = serde_json::from_str(&proposal.write()).unwrap_or_default();
    Ok(json!({
        "federation_root": printed(proposal.root()),
        "statement_id": proposal.id().to_string(),
        "kind": proposal.kind().name(),
        "body": written["body"],
        "signers": panels,
        "complete": proposal.is_complete(),
    }))
}

/// A proposal for people.
pub fn proposal_text(proposal: &Proposal, out: Output) -> Result<String, Refusal> {
    let mut lines = said(proposal.body(), out);
    lines.push(format!("{}: {}", out.say("Verbund (Wurzel)", "Federation (root)"), printed(proposal.root())));
    lines.push(format!("{}: {}", out.say("Kennung", "Id"), proposal.id()));
    lines.extend(proposal.progress()?.iter().map(|panel| progress_line(panel, out)));
    let state = match proposal.is_complete() {
        true => out.say("Vollständig unterschrieben.", "Completely signed."),
        false => out.say("Noch nicht vollständig unterschrieben.", "Not completely signed yet."),
    };
    lines.push(state.to_owned());
    Ok(lines.join("\n"))
}

fn progress_line(progress: &Progress, out: Output) -> String {
    let panel = &progress.panel;
    let has = |key: &crate::domain::signing::PublicKey| progress.signed.contains(&key.hash());
    let mut names: Vec<String> = Vec::new();
    for (name, key) in &panel.members {
        let mark = if has(key) { "✓" } else { "–" };
        let name = if name.is_empty() { key.hash().short() } else { format!("{name} ({})", key.hash().short()) };
        names.push(format!("    {mark} {name}"));
    }
    format!(
        "{}: {} {} {} {}, {} {}\n{}",
        out.say("Unterschriften", "Signatures"),
        office(&panel.office, out),
        progress.signed.len(),
        out.say("von", "of"),
        panel.needed,
        progress.missing(),
        out.say("fehlen", "missing"),
        names.join("\n")
    )
}

fn office(office: &Office, out: Output) -> String {
    match office {
        Office::Trustees(version) => {
            format!("{} {version}", out.say("Treuhänder der Wurzel", "trustees of root version"))
        }
        Office::Root(org) => format!("{} {org}", out.say("Wurzelschlüssel", "root keys of")),
        Office::New(purpose) => format!("{} ({purpose})", out.say("neuer Schlüssel", "new key")),
    }
}

/// What a statement says, line by line.
pub fn said(body: &Body, out: Output) -> Vec<String> {
    match body {
        Body::FederationRoot(body) => root(body, out),
        Body::Admission(body) => admission(body, out),
        Body::Expulsion(body) => {
            let mut lines = vec![
                format!("{} {}", out.say("AUSSCHLUSS von", "EXPULSION of"), body.org),
                format!("{}: {}", out.say("Grund", "Reason"), body.reason),
            ];
            lines.extend(last_good(&body.last_good, out));
            lines
        }
        Body::RulePack(body) => vec![
            format!("{} {}", out.say("Regelwerk", "Rule pack"), body.name),
            format!("{}: {}", out.say("Gilt ab", "In force from"), body.valid_from),
            format!("{}: {}", out.say("Quelle", "Source"), body.source),
        ],
        Body::Recovery(body) => recovery(body, out),
        Body::Succession(body) => vec![
            format!(
                "{} {} {} {}",
                out.say("Nachfolge:", "Succession:"),
                body.predecessor,
                out.say("geht auf in", "goes on in"),
                body.successor
            ),
            format!("{}: {}", out.say("Ab", "From"), body.on),
            format!("{}: {}", out.say("Grundlage", "Basis"), body.source),
        ],
        Body::KeyEvent(body) => key_event(body, out),
        Body::OfficerGrant(body) => grant(body, out),
        _ => vec![out.say("Eine andere Erklärung", "Another statement").to_owned()],
    }
}

fn root(body: &FederationRoot, out: Output) -> Vec<String> {
    let mut lines = vec![format!(
        "{} {} {} {}",
        out.say("Wurzel des Verbunds", "Root of the federation"),
        body.federation,
        out.say("Fassung", "version"),
        body.version
    )];
    let names: Vec<&str> = body.trustees.iter().map(|trustee| trustee.name.as_str()).collect();
    lines.push(format!(
        "{} ({} {}): {}",
        out.say("Treuhänder", "Trustees"),
        out.say("nötig", "needed"),
        body.threshold,
        names.join(", ")
    ));
    let nodes: Vec<&str> = body.witnesses.nodes.iter().map(|node| node.as_str()).collect();
    lines.push(format!(
        "{} ({} {}): {}",
        out.say("Zeugen", "Witnesses"),
        out.say("nötig", "needed"),
        body.witnesses.quorum,
        nodes.join(", ")
    ));
    lines
}

fn admission(body: &Admission, out: Output) -> Vec<String> {
    let what = match body.number {
        1 => out.say("Aufnahme von", "Admission of"),
        _ => out.say("Erneuerte Aufnahme von", "Renewed admission of"),
    };
    let mut lines = vec![
        format!("{what} {} ({} {})", body.org, out.say("Nummer", "number"), body.number),
        format!("{}: {}, {}", out.say("Name", "Name"), body.name, body.legal_form),
        format!("{}: {}", out.say("Heimatknoten", "Home node"), body.home_node),
    ];
    if let Some(node) = &body.operates {
        lines.push(format!("{}: {node}", out.say("Betreibt den Knoten", "Operates the node")));
    }
    if let Some(area) = &body.area {
        lines.push(format!("{}: {area}", out.say("Regionalschlüssel", "Regional key")));
    }
    if let Some(root) = &body.root {
        let keys: Vec<String> = root.keys.iter().map(|key| key.hash().short()).collect();
        lines.push(format!(
            "{} ({} {}): {}",
            out.say("Wurzelschlüssel", "Root keys"),
            out.say("nötig", "needed"),
            root.threshold,
            keys.join(", ")
        ));
    }
    lines.push(format!("{}: {}", out.say("Quelle", "Source"), body.source));
    lines
}

fn recovery(body: &Recovery, out: Output) -> Vec<String> {
    let what = match body.completes {
        None => out.say(
            "Ankündigung neuer Wurzelschlüssel (72 Stunden öffentlich) für",
            "Announcement of new root keys (72 hours in public) for",
        ),
        Some(_) => out.say("Neue Wurzelschlüssel treten in Kraft für", "New root keys enter into force for"),
    };
    let keys: Vec<String> = body.root.keys.iter().map(|key| key.hash().short()).collect();
    vec![
        format!("{what} {}", body.org),
        format!("{} ({}): {}", out.say("Schlüssel", "Keys"), body.root.threshold, keys.join(", ")),
        format!("{}: {}", out.say("Unterschrieben am", "Signed at"), body.signed_at),
        format!("{}: {}", out.say("Grund", "Reason"), body.reason),
    ]
}

fn key_event(body: &KeyEvent, out: Output) -> Vec<String> {
    let mut lines = vec![
        format!("{} {} {}", out.say("Schlüsselereignis", "Key event"), body.seq, body.org),
        format!("{}: {}", out.say("Heimatknoten", "Home node"), body.home_node),
    ];
    for added in &body.add {
        let what = out.say("Neuer Schlüssel", "New key");
        lines.push(format!("{what} ({}): {}", added.role.word(), added.key.hash().short()));
    }
    body.revoke.iter().for_each(|revocation| lines.extend(revoked(revocation, out)));
    if body.root.is_some() {
        lines.push(out.say("Neue Wurzelschlüssel", "New root keys").to_owned());
    }
    lines
}

fn revoked(revocation: &Revocation, out: Output) -> Vec<String> {
    let reason = match revocation.reason {
        RevocationReason::Superseded => out.say("ersetzt", "superseded"),
        RevocationReason::Compromised => out.say("gestohlen oder verloren", "compromised"),
        RevocationReason::Ceased => out.say("nicht mehr gebraucht", "ceased"),
    };
    let mut lines = vec![format!("{} {} ({reason})", out.say("Widerrufen:", "Revoked:"), revocation.key.short())];
    lines.extend(last_good(&revocation.last_good, out));
    lines
}

fn last_good(list: &[LastGood], out: Output) -> Vec<String> {
    let line = |good: &LastGood| format!("    {} {}: {}", out.say("gut bis", "good up to"), good.log, good.size);
    list.iter().map(line).collect()
}

fn grant(body: &OfficerGrant, out: Output) -> Vec<String> {
    let roles: Vec<&str> = body.roles.iter().map(|role| role.word()).collect();
    let mut lines = vec![
        format!("{} {}/{} ({})", out.say("Vollmacht", "Grant"), body.org, body.officer, body.device),
        format!("{}: {}", out.say("Rollen", "Roles"), roles.join(", ")),
        format!("{}: {}", out.say("Grenze je Bestellung", "Limit per order"), body.limit),
    ];
    if let Some(limit) = body.limit_per_year {
        lines.push(format!("{}: {limit}", out.say("Grenze je Jahr", "Limit per year")));
    }
    lines.push(format!("{}: {} – {}", out.say("Gültig", "Valid"), body.valid_from, body.valid_to));
    lines.push(format!("{}: {}", out.say("Schlüssel", "Key"), body.key.hash().short()));
    lines
}
