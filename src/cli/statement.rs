//! `verbund statement`: what is signed, as files: the schema of a body, everything wrong with one, its signature, its content.
//! For whoever writes statements with other tools, and looks at what these have made.
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::ids;
use crate::cli::options::Global;
use crate::cli::output::{Output, data};
use crate::cli::passphrase::opener;
use crate::domain::envelope::{self, ENVELOPE_BYTES_MAX};
use crate::domain::id::ShortId;
use crate::domain::json::BYTES_MAX;
use crate::domain::reason::{Class, Reason, Refusal};
use crate::domain::signing::PublicKey;
use crate::domain::statement::{Kind, Signed};
use crate::usage;
use crate::usage::refusal::error_text;

pub mod findings;
pub mod schemas;

use findings::{field_of, findings};

/// What to do with statements.
#[derive(Subcommand)]
pub enum Verb {
    /// Das JSON-Schema einer Art von Erklärung
    Schema {
        /// Art, z. B. request; ohne Angabe alle Arten
        kind: Option<String>,
        /// Statt des Schemas ein Beispiel mit allen Feldern
        #[arg(long)]
        example: bool,
    },
    /// Den Inhalt einer Erklärung prüfen, bevor er unterschrieben wird: alle Fehler auf einmal
    Check {
        /// Datei mit dem Inhalt (JSON)
        file: PathBuf,
        /// Art, z. B. request
        #[arg(long)]
        kind: String,
    },
    /// Den Inhalt prüfen und unterschreiben; gibt einen DSSE-Umschlag aus
    Sign {
        /// Datei mit dem Inhalt (JSON)
        file: PathBuf,
        /// Art, z. B. request
        #[arg(long)]
        kind: String,
    },
    /// Eine Erklärung zeigen: aus einer Datei oder, nach ihrer Kennung, vom Knoten
    Show {
        /// Datei mit einem DSSE-Umschlag, oder die Kennung einer öffentlichen Erklärung
        which: String,
        /// Öffentlicher Schlüssel (PEM), gegen den die Unterschrift geprüft wird
        #[arg(long, value_name = "DATEI")]
        signer: Option<PathBuf>,
    },
}

/// Runs the verb.
pub async fn run(global: &Global, verb: Verb) -> Result<ExitCode, Refusal> {
    let out = global.out();
    match verb {
        Verb::Schema { kind: None, .. } => {
            let kinds = Kind::ALL.iter().map(|kind| vec![json!(kind.name()), json!(kind.is_public())]);
            out.rows(&[("Art", "kind"), ("öffentlich", "public")], &kinds.collect::<Vec<_>>())?;
        }
        Verb::Schema { kind: Some(name), example } => print_schema(&known(&name)?, example)?,
        Verb::Check { file, kind } => return check(out, &file, &known(&kind)?),
        Verb::Sign { file, kind } => sign(global, &file, &known(&kind)?)?,
        Verb::Show { which, signer } => show(global, &which, signer.as_deref()).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The kind of that name; a kind of a later version has no schema here.
fn known(name: &str) -> Result<Kind, Refusal> {
    let kind = Kind::from_name(name);
    match schemas::schema(&kind) {
        Some(_) => Ok(kind),
        None => {
            let names: Vec<&str> = Kind::ALL.iter().map(Kind::name).collect();
            Err(Refusal::new(Reason::FieldInvalid)
                .with("field", "kind")
                .with("value", name)
                .with("known", names.join(", ")))
        }
    }
}

fn print_schema(kind: &Kind, example: bool) -> Result<(), Refusal> {
    match example {
        true => data(&format!("{:#}\n", schemas::example(kind).unwrap_or_default())),
        false => data(schemas::schema(kind).unwrap_or_default()),
    }
}

/// The content of a file, without the mark that some editors put in front.
fn content(file: &Path) -> Result<Vec<u8>, Refusal> {
    let bytes = usage::read(file, BYTES_MAX + 1)?;
    Ok(bytes.strip_prefix("\u{feff}".as_bytes()).map_or(bytes.clone(), <[u8]>::to_vec))
}

fn check(out: Output, file: &Path, kind: &Kind) -> Result<ExitCode, Refusal> {
    let found = findings(kind, &content(file)?, schemas::example(kind).as_ref());
    let told: Vec<Value> = found.iter().map(|refusal| finding_value(out, refusal)).collect();
    let value = json!({"kind": kind.name(), "valid": found.is_empty(), "findings": told});
    let text = match found.is_empty() {
        true => format!("{}: {}", kind.name(), out.say("keine Fehler", "no errors")),
        false => found.iter().map(|refusal| finding_text(out, refusal)).collect::<Vec<_>>().join("\n"),
    };
    out.one(&value, &text)?;
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(Class::Rejected.exit_code()) })
}

fn finding_value(out: Output, refusal: &Refusal) -> Value {
    let reason = refusal.reason;
    json!({"field": field_of(refusal), "reason": reason.code(), "message": reason.text(out.lang),
        "help": reason.help(out.lang), "metadata": refusal.fields})
}

fn finding_text(out: Output, refusal: &Refusal) -> String {
    let field = field_of(refusal).unwrap_or_else(|| out.say("(ganze Erklärung)", "(whole statement)").to_owned());
    format!("{field}\n{}", error_text(refusal, out.lang))
}

/// Nothing is signed that a node would refuse. The body is written anew, fields by name, without blanks.
fn sign(global: &Global, file: &Path, kind: &Kind) -> Result<(), Refusal> {
    let bytes = content(file)?;
    let found = findings(kind, &bytes, None);
    if let Some(first) = found.into_iter().next() {
        return Err(first.with("file", file.display()));
    }
    let missing = || Refusal::new(Reason::UsageInvalid).with("missing", "--key");
    let key = opener(global)?.signer(global.key.as_ref().ok_or_else(missing)?)?;
    let body: Value = serde_json::from_slice(&bytes).expect("just read");
    let signed = Signed::sign_with(kind, &body, &[&*key])?;
    global.out().talk(&format!("{} {}", global.out().say("Kennung:", "Id:"), signed.id()));
    data(&format!("{}\n", envelope::write(&signed)))
}

async fn show(global: &Global, which: &str, signer: Option<&Path>) -> Result<(), Refusal> {
    let out = global.out();
    // A file that is there is meant, whatever it is called.
    let signed = match which.parse::<ShortId>().ok().filter(|_| !Path::new(which).exists()) {
        Some(called) => {
            let mut client = Client::connect(global, Duration::from_secs(global.timeout))?;
            let id = ids::statement(&mut client, None, &called).await?;
            client.statement(id).await?
        }
        None => read_file(Path::new(which))?,
    };
    let signer = signer.map(public_key).transpose()?;
    signer.as_ref().map_or(Ok(()), |key| signed.verify(key))?;
    let body: Value = serde_json::from_slice(signed.payload()).unwrap_or_default();
    let keys: Vec<String> = signed.signatures().iter().map(|by| by.key.to_string()).collect();
    let found = findings(signed.kind(), signed.payload(), None);
    let value = json!({"kind": signed.kind().name(), "statement_id": signed.id().to_string(), "signed_by": keys,
        "signature_checked": signer.is_some(), "body": body,
        "findings": found.iter().map(|refusal| finding_value(out, refusal)).collect::<Vec<_>>()});
    let checked = match signer.is_some() {
        true => out.say("Unterschrift geprüft", "signature checked"),
        false => out.say("Unterschrift nicht geprüft", "signature not checked"),
    };
    let mut lines = vec![format!("{} {}", signed.kind().name(), signed.id())];
    lines.extend(keys.iter().map(|key| format!("  {} {key} ({checked})", out.say("Schlüssel", "Key"))));
    lines.push(crate::domain::json::shown(&body));
    lines.extend(found.iter().map(|refusal| finding_text(out, refusal)));
    out.one(&value, &lines.join("\n"))
}

fn read_file(path: &Path) -> Result<Signed, Refusal> {
    let bytes = usage::read(path, ENVELOPE_BYTES_MAX + 1)?;
    let not_text = |_| Refusal::new(Reason::StatementMalformed).with("file", path.display()).with("part", "UTF-8");
    let text = std::str::from_utf8(&bytes).map_err(not_text)?;
    envelope::read(text.trim_start_matches('\u{feff}')).map_err(|refusal| refusal.with("file", path.display()))
}

fn public_key(path: &Path) -> Result<PublicKey, Refusal> {
    let bytes = usage::read(path, BYTES_MAX)?;
    PublicKey::from_pem(&String::from_utf8_lossy(&bytes)).map_err(|refusal| refusal.with("file", path.display()))
}
