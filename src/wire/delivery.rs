//! Calls between nodes about orders: deliveries, alone and several at a time, and questions.
//!
//! Whatever is malformed is `FRAME_INVALID` and names the field; in a batch it costs the other deliveries nothing.
use crate::domain::annex::Annex;
use crate::domain::id::{OrderId, StatementId};
use crate::domain::reason::{Reason, Refusal};
use crate::domain::statement::Signed;
use crate::protocol::frame::{Delivery, Question};
use crate::protocol::limits::{BATCH_DELIVERIES_MAX, DELIVERY_MESSAGES_MAX, RECOVERY_STATEMENTS_MAX};
use crate::wire::pb::peer::v1 as pb;
use crate::wire::pb::peer::v1::deliver_outcome::Outcome;
use crate::wire::peer::{bounded, malformed};
use crate::wire::statement::{delivered, to_deliver};
use crate::wire::status::{refusal_of, values_of};
use crate::wire::{fixed, parsed, required};

impl TryFrom<pb::DeliverRequest> for Delivery {
    type Error = Refusal;

    fn try_from(message: pb::DeliverRequest) -> Result<Self, Refusal> {
        let pb::DeliverRequest { order_id, attempt, to, message_id, messages } = message;
        bounded("messages", messages.len(), DELIVERY_MESSAGES_MAX)?;
        if messages.is_empty() {
            return Err(Refusal::new(Reason::FrameInvalid).with("field", "messages"));
        }
        if attempt == 0 {
            return Err(Refusal::new(Reason::FrameInvalid).with("field", "attempt"));
        }
        let (messages, annexes) = delivered(messages).map_err(malformed)?;
        Ok(Self {
            order: OrderId(fixed("order_id", &order_id).map_err(malformed)?),
            attempt,
            to: parsed("to", &to).map_err(malformed)?,
            message: StatementId(fixed("message_id", &message_id).map_err(malformed)?),
            messages,
            annexes,
        })
    }
}

impl From<&Delivery> for pb::DeliverRequest {
    fn from(delivery: &Delivery) -> Self {
        let Delivery { order, attempt, to, message, messages, annexes } = delivery;
        Self {
            order_id: order.0.to_vec(),
            attempt: *attempt,
            to: to.to_string(),
            message_id: message.0.to_vec(),
            messages: to_deliver(messages, annexes),
        }
    }
}

impl TryFrom<pb::AskRequest> for Question {
    type Error = Refusal;

    fn try_from(message: pb::AskRequest) -> Result<Self, Refusal> {
        match required("question", message.question).map_err(malformed)? {
            pb::ask_request::Question::OwnSince(since) => Ok(Self::OwnSince(since)),
            pb::ask_request::Question::Outcome(pb::OutcomeQuestion { order_id, attempt, request_id }) => {
                if attempt == 0 {
                    return Err(Refusal::new(Reason::FrameInvalid).with("field", "attempt"));
                }
                Ok(Self::Outcome {
                    order: OrderId(fixed("order_id", &order_id).map_err(malformed)?),
                    attempt,
                    request: StatementId(fixed("request_id", &request_id).map_err(malformed)?),
                })
            }
        }
    }
}

impl From<&Question> for pb::AskRequest {
    fn from(question: &Question) -> Self {
        let question = match question {
            Question::OwnSince(since) => pb::ask_request::Question::OwnSince(*since),
            Question::Outcome { order, attempt, request } => {
                pb::ask_request::Question::Outcome(pb::OutcomeQuestion {
                    order_id: order.0.to_vec(),
                    attempt: *attempt,
                    request_id: request.0.to_vec(),
                })
            }
        };
        Self { question: Some(question) }
    }
}

/// What another node answered, with the annexes that are those of its statements.
pub fn told(message: pb::AskResponse) -> Result<(Vec<Signed>, Vec<Annex>), Refusal> {
    bounded("statements", message.statements.len(), RECOVERY_STATEMENTS_MAX)?;
    delivered(message.statements).map_err(malformed)
}

/// The answer to another node, each annex beside the statement that names it.
pub fn telling(statements: &[Signed], annexes: &[Annex]) -> pb::AskResponse {
    pb::AskResponse { statements: to_deliver(statements, annexes) }
}

/// The receipt in an answer to a delivery.
pub fn receipt(message: pb::DeliverResponse) -> Result<Signed, Refusal> {
    let pb::DeliverResponse { receipt } = message;
    required("receipt", receipt).and_then(Signed::try_from).map_err(malformed)
}

impl From<&[Delivery]> for pb::DeliverBatchRequest {
    fn from(deliveries: &[Delivery]) -> Self {
        Self { deliveries: deliveries.iter().map(Into::into).collect() }
    }
}

/// The deliveries of a batch, each read by itself: a malformed one costs the others nothing.
pub fn deliveries(message: pb::DeliverBatchRequest) -> Result<Vec<Result<Delivery, Refusal>>, Refusal> {
    bounded("deliveries", message.deliveries.len(), BATCH_DELIVERIES_MAX)?;
    if message.deliveries.is_empty() {
        return Err(Refusal::new(Reason::FrameInvalid).with("field", "deliveries"));
    }
    Ok(message.deliveries.into_iter().map(Delivery::try_from).collect())
}

impl From<Result<Signed, Refusal>> for pb::DeliverOutcome {
    fn from(outcome: Result<Signed, Refusal>) -> Self {
        let outcome = match outcome {
            Ok(receipt) => Outcome::Receipt((&receipt).into()),
            Err(refusal) => Outcome::Refusal(pb::DeliverRefusal {
                reason: refusal.reason.code().to_owned(),
                values: values_of(&refusal),
            }),
        };
        Self { outcome: Some(outcome) }
    }
}

/// The outcomes in an answer to so many deliveries; refused if there are not as many.
pub fn outcomes(message: pb::DeliverBatchResponse, asked: usize) -> Result<Vec<Result<Signed, Refusal>>, Refusal> {
    if message.outcomes.len() != asked {
        let found = message.outcomes.len();
        return Err(Refusal::new(Reason::FrameInvalid).with("field", "outcomes").with("entries", found));
    }
    let outcome = |message: pb::DeliverOutcome| match required("outcome", message.outcome).map_err(malformed)? {
        Outcome::Receipt(receipt) => Signed::try_from(receipt).map_err(malformed),
        Outcome::Refusal(pb::DeliverRefusal { reason, values }) => {
            Err(refusal_of(&reason, values, Reason::FrameInvalid))
        }
    };
    Ok(message.outcomes.into_iter().map(outcome).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::signing::SecretKey;
    use crate::domain::statement::Kind;

    fn signed(kind: &Kind) -> Signed {
        Signed::sign(kind, &serde_json::json!({"a": 1}), &[&SecretKey::from_seed(&[1; 32])])
    }

    #[test]
    fn deliveries_survive_and_every_malformed_part_is_named() {
        let message = signed(&Kind::Endorse);
        let delivery = Delivery {
            order: OrderId([5; 16]),
            attempt: 1,
            to: "dataport".parse().expect("a name"),
            message: message.id(),
            messages: vec![signed(&Kind::Request), message],
            annexes: Vec::new(),
        };
        let good = pb::DeliverRequest::from(&delivery);
        assert_eq!(Delivery::try_from(good.clone()), Ok(delivery));
        type Edit = fn(&mut pb::DeliverRequest);
        let checks: [(&str, Edit); 7] = [
            ("order_id", |m| m.order_id.clear()),
            ("attempt", |m| m.attempt = 0),
            ("to", |m| m.to.clear()),
            ("message_id", |m| m.message_id.push(0)),
            ("messages", |m| m.messages.clear()),
            ("messages", |m| m.messages = vec![m.messages[0].clone(); DELIVERY_MESSAGES_MAX + 1]),
            ("signatures.signature", |m| m.messages[0].signatures[0].signature.clear()),
        ];
        for (field, edit) in checks {
            let mut message = good.clone();
            edit(&mut message);
            let refusal = Delivery::try_from(message).expect_err("malformed");
            assert_eq!((refusal.reason, refusal.field("field")), (Reason::FrameInvalid, Some(field)), "{refusal}");
        }
        let none = receipt(pb::DeliverResponse { receipt: None }).expect_err("no receipt");
        assert_eq!((none.reason, none.field("field")), (Reason::FrameInvalid, Some("receipt")));
    }

    #[test]
    fn a_batch_keeps_its_order_and_every_outcome_is_its_own() {
        let delivery = |to: &str| Delivery {
            order: OrderId([1; 16]),
            attempt: 1,
            to: to.parse().expect("a name"),
            message: signed(&Kind::Endorse).id(),
            messages: vec![signed(&Kind::Endorse)],
            annexes: Vec::new(),
        };
        let sent = [delivery("kid"), delivery("kitu"), delivery("akdb")];
        let mut message = pb::DeliverBatchRequest::from(sent.as_slice());
        message.deliveries[1].to.clear();
        let read = deliveries(message.clone()).expect("three");
        assert_eq!((&read[0], &read[2]), (&Ok(sent[0].clone()), &Ok(sent[2].clone())));
        assert_eq!(read[1].as_ref().expect_err("malformed").reason, Reason::FrameInvalid);
        message.deliveries = vec![message.deliveries[0].clone(); BATCH_DELIVERIES_MAX + 1];
        for count in [0, BATCH_DELIVERIES_MAX + 1] {
            let request = pb::DeliverBatchRequest { deliveries: message.deliveries[..count].to_vec() };
            let refusal = deliveries(request).expect_err("none, or too many");
            assert_eq!((refusal.reason, refusal.field("field")), (Reason::FrameInvalid, Some("deliveries")));
        }

        let refused = Refusal::new(Reason::Overloaded).with("retry_ms", 250);
        let became = vec![Ok(signed(&Kind::Receipt)), Err(refused)];
        let answer = pb::DeliverBatchResponse { outcomes: became.iter().cloned().map(Into::into).collect() };
        assert_eq!(outcomes(answer.clone(), 2).expect("two"), became);
        for asked in [0, 1, 3] {
            assert_eq!(outcomes(answer.clone(), asked).expect_err("not as many").reason, Reason::FrameInvalid);
        }
        let unknown = pb::DeliverRefusal { reason: "NEW_WORD".to_owned(), values: Default::default() };
        let odd = [None, Some(Outcome::Refusal(unknown))].map(|outcome| pb::DeliverOutcome { outcome });
        let read = outcomes(pb::DeliverBatchResponse { outcomes: odd.to_vec() }, 2).expect("two");
        assert_eq!(read[0].as_ref().expect_err("nothing").field("field"), Some("outcome"));
        assert_eq!(read[1].as_ref().expect_err("refused").field("reason"), Some("NEW_WORD"));
    }
}
