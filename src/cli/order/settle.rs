//! `verbund order settle`: two parties end a contradiction after the seal. One proposes, the other agrees.
use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::ids;
use crate::cli::order::acts::answered;
use crate::cli::order::sight::{self, Sight};
use crate::cli::output::Output;
use crate::domain::body::Body;
use crate::domain::id::{OrgId, ShortId, StatementId};
use crate::domain::order::acts::{self, Of, Terms};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::{Kind, Signed};
use crate::wire::pb::order::v1 as pb;

/// What is to be settled, or whose proposal is agreed to.
#[derive(clap::Args)]
pub struct Settling {
    /// Bestellnummer
    order: ShortId,
    /// Dem Vorschlag des anderen Beteiligten zustimmen: Kennung aus `verbund order show`
    #[arg(long, value_name = "VORSCHLAG", conflicts_with_all = ["with", "about", "holds", "terms"])]
    agree: Option<ShortId>,
    /// Mit wem
    #[arg(long, value_name = "ORGANISATION", required_unless_present = "agree")]
    with: Option<OrgId>,
    /// Eine Erklärung, um die es geht; mehrfach möglich
    #[arg(long, value_name = "ERKLÄRUNG", required_unless_present = "agree")]
    about: Vec<ShortId>,
    /// Die Erklärung, die gilt: der Abschluss oder eine, auf der er beruht
    #[arg(long, value_name = "ERKLÄRUNG")]
    holds: Option<ShortId>,
    /// Was von jetzt an zwischen beiden gilt
    #[arg(long, value_name = "TEXT", required_unless_present = "agree")]
    terms: Option<String>,
}

impl Settling {
    fn terms(self, order: &pb::Order) -> Result<Terms, Refusal> {
        let missing = |what: &str| Refusal::new(Reason::UsageInvalid).with("missing", what);
        let to = self.with.ok_or_else(|| missing("--with"))?;
        let terms = self.terms.ok_or_else(|| missing("--terms"))?;
        let about = self.about.iter().map(|called| said_in(order, called)).collect::<Result<_, _>>()?;
        let holds = self.holds.map(|called| said_in(order, &called)).transpose()?;
        Ok(Terms { to, about, holds, terms, agrees: None })
    }
}

/// The statement of an order that is meant.
fn said_in(order: &pb::Order, called: &ShortId) -> Result<StatementId, Refusal> {
    let messages = order.messages.iter().map(|message| message.statement_id.as_str());
    let proposals = order.settlements.iter().map(|settled| settled.statement_id.as_str());
    ids::among(called, messages.chain(proposals).chain(order.contradictions.iter().map(String::as_str)))
}

/// The terms of a proposal that is agreed to.
fn agreed(said: &[Body], proposal: StatementId) -> Result<Terms, Refusal> {
    match said {
        [Body::Settlement(said)] => Ok(Terms::agreeing(proposal, said)),
        _ => Err(Refusal::new(Reason::StatementUnknown).with("statement", proposal)),
    }
}

/// Signs one half and hands it in; says its id, which the other party names.
pub async fn settle(client: &mut Client, out: Output, settling: Settling) -> Result<(), Refusal> {
    let id = ids::order(client, &settling.order).await?;
    let order = client.order(id).await?;
    let agrees = settling.agree.as_ref().map(|called| said_in(&order, called)).transpose()?;
    if order.seal_statement_id.is_empty() {
        return Err(Refusal::new(Reason::OrderState).with("rule", "not sealed"));
    }
    let mut sight = Sight::new(out, &format!("{} {id}", out.say("Beilegung", "Settlement")));
    sight::request(&mut sight, client, &order).await?;
    let agreed = match agrees {
        Some(proposal) => Some(agreed(&sight::statements(&mut sight, client, &order, &[proposal]).await?, proposal)?),
        None => None,
    };
    let terms = agreed.map_or_else(|| settling.terms(&order), Ok)?;
    let list = |ids: &[StatementId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    sight.line(("Mit", "With"), terms.to.as_str());
    sight.line(("Widerspruch", "Contradiction"), list(&terms.about));
    sight.line(("Es gilt", "Holds"), list(terms.holds.as_slice()));
    sight.line(("Vereinbart", "Terms"), &terms.terms);
    sight.ask(client.asks)?;
    let officer = client.officer()?;
    let seal = order.seal_statement_id.parse()?;
    let body =
        acts::settlement(Of { order: id, attempt: order.attempt }, seal, order.next_settlement, terms, officer.by());
    let signed = Signed::sign(&Kind::Settlement, &body, &[&officer.key]);
    let order = client.hand_in("", &signed).await?;
    if agrees.is_none() {
        let told = out.say("Vorgeschlagen; der andere stimmt zu mit", "Proposed; the other party agrees with");
        out.talk(&format!("{told} `verbund order settle {id} --agree {}`", signed.id()));
    }
    answered(out, order)
}

/// One settlement as data.
pub fn value(settled: &pb::Settlement) -> Value {
    json!({
        "statement_id": settled.statement_id, "from": settled.from, "to": settled.to, "about": settled.about,
        "holds": settled.holds, "terms": settled.terms, "agreement_id": settled.agreement_id,
    })
}

/// Contradictions, and what was settled about them.
pub fn lines(order: &pb::Order, out: Output) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let is_settled = |id: &String| {
        let mut settled = order.settlements.iter().filter(|said| !said.agreement_id.is_empty());
        settled.any(|said| said.about.contains(id))
    };
    for id in &order.contradictions {
        let state = if is_settled(id) { out.say(" (beigelegt)", " (settled)") } else { "" };
        lines.push(format!("{} {id}{state}", out.say("Widerspruch:", "Contradiction:")));
    }
    for said in &order.settlements {
        let head = match said.agreement_id.is_empty() {
            false => out.say("Beigelegt", "Settled"),
            true => out.say("Beilegung vorgeschlagen", "Settlement proposed"),
        };
        lines.push(format!("{head} {} – {}: {}", said.from, said.to, said.terms));
        lines.push(format!("   {}", said.statement_id));
    }
    lines
}
