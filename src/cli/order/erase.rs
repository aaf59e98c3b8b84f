//! `verbund order erase-annex`: an organisation lets what it has written for people be erased, at every party.
use crate::cli::client::Client;
use crate::cli::ids;
use crate::cli::order::acts::answered;
use crate::cli::order::sight::Sight;
use crate::cli::output::Output;
use crate::domain::id::{Hash, OrgId, ShortId, StatementId};
use crate::domain::order::acts::{self, Of};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::wire::order::erasable;
use crate::wire::pb::order::v1 as pb;

/// Whose words go, and why.
#[derive(clap::Args)]
pub struct Erasing {
    /// Bestellnummer
    order: ShortId,
    /// Die Erklärungen, deren Text gelöscht wird: Kennungen aus `verbund order show`
    #[arg(required = true, value_name = "ERKLÄRUNG")]
    statements: Vec<ShortId>,
    /// Rechtsgrund, z. B. "Art. 17 Abs. 1 Buchst. a DSGVO"; bleibt stehen, nennt also keine Person
    #[arg(long, value_name = "GRUND")]
    ground: String,
    /// Stelle, die das entschieden hat, z. B. "Datenschutzbeauftragte"; bleibt stehen, nennt also keine Person
    #[arg(long, value_name = "STELLE")]
    authority: String,
}

/// Shows the words, asks, signs and hands in.
pub async fn erase(client: &mut Client, out: Output, erasing: Erasing) -> Result<(), Refusal> {
    let id = ids::order(client, &erasing.order).await?;
    let order = client.order(id).await?;
    let own = client.officer()?.org.clone();
    let mut sight = Sight::new(out, &format!("{} {}", out.say("Löschung", "Erasure"), id));
    let mut annexes: Vec<Hash> = Vec::new();
    for called in &erasing.statements {
        let statement = ids::among(called, order.messages.iter().map(|message| message.statement_id.as_str()))?;
        let message = annexed(&order, statement, &own)?;
        sight.line(("Text", "Text"), format!("{}, {}: „{}“", message.kind, statement, message.note));
        annexes.push(message.annex_id.parse()?);
    }
    // A decision and the refusal that follows from it share their words.
    annexes.sort_unstable();
    annexes.dedup();
    sight.line(("Rechtsgrund", "Ground"), &erasing.ground);
    sight.line(("Stelle", "Authority"), &erasing.authority);
    let forever = out.say(
        "Alle Beteiligten löschen den Text; zurückholen lässt er sich nicht. Die Erklärungen gelten weiter.",
        "All parties erase the text; it cannot be brought back. The statements stand.",
    );
    sight.line(("!", "!"), forever);
    sight.ask(client.asks)?;
    let officer = client.officer()?;
    let (of, because) = (Of { order: id, attempt: order.attempt }, (erasing.ground, erasing.authority));
    let body = acts::erasure(of, order.next_erasure, annexes, because, officer.by());
    let signed = Signed::sign(&Kind::Erasure, &body, &[&officer.key]);
    let order = client.hand_in("", &signed).await?;
    answered(out, order)
}

/// The message of one's own organisation that has a text which is not erased.
fn annexed<'o>(order: &'o pb::Order, id: StatementId, own: &'o OrgId) -> Result<&'o pb::Message, Refusal> {
    let name = id.to_string();
    let found = erasable(order, own).find(|message| message.statement_id == name);
    found.ok_or_else(|| Refusal::new(Reason::NothingToErase).with("statement", id))
}
