//! `verbund offering watch`, `order watch --all`: what changes, one line each, and from where to go on after a break.
use std::time::Duration;

use serde_json::Value;
use tonic::Streaming;

use crate::cli::output::Output;
use crate::domain::reason::{Class, Reason, Refusal};
use crate::wire::pb::catalogue::v1 as catalogue;
use crate::wire::status::to_refusal;

/// How long to wait before an interrupted feed goes on.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a node may be away before a feed gives up: longer than a restart takes.
const AWAY_MAX: Duration = Duration::from_secs(120);

/// From where on, and for how long.
#[derive(clap::Args)]
pub struct Following {
    /// Dort fortsetzen: die zuletzt gemeldete Stelle (resume_token); sonst zuerst alles, was bekannt ist
    #[arg(long, value_name = "STELLE", default_value = "")]
    pub since: String,
    /// Enden, sobald alles gemeldet ist, was sich bis jetzt geändert hat
    #[arg(long)]
    pub until_now: bool,
}

/// One message of a feed.
pub struct News {
    /// Where to go on after it.
    pub token: String,
    /// What it says.
    pub said: Said,
}

/// What a message of a feed says.
pub enum Said {
    /// Something has changed: for programs and for people.
    Event(Value, String),
    /// The stream ends.
    End(catalogue::FeedEnd),
}

/// Goes on from the last position until the node says that it is over, for as long as it comes back within [`AWAY_MAX`].
pub async fn follow<M>(
    out: Output,
    mut token: String,
    mut call: impl AsyncFnMut(String) -> Result<Streaming<M>, Refusal>,
    read: impl Fn(M) -> Option<News>,
) -> Result<(), Refusal> {
    let mut away = Duration::ZERO;
    loop {
        let told = async {
            let mut stream = call(token.clone()).await?;
            while let Some(message) = stream.message().await.map_err(|status| to_refusal(&status))? {
                let Some(News { token: at, said }) = read(message) else { continue };
                (token, away) = (at, Duration::ZERO);
                match said {
                    Said::Event(value, text) => out.line(&value, &text)?,
                    Said::End(end) => return Ok::<_, Refusal>(Some(end)),
                }
            }
            Ok(None)
        };
        let refusal = match told.await {
            Ok(Some(end)) if end.verdict() == catalogue::FeedVerdict::Over => return over(&end),
            Ok(_) => Refusal::new(Reason::Unreachable),
            Err(refusal) if refusal.reason.class() == Class::Unavailable => refusal,
            Err(refusal) => return Err(refusal),
        };
        away += AGAIN;
        if away > AWAY_MAX {
            return Err(refusal);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// All is told, or a new call would be refused.
fn over(end: &catalogue::FeedEnd) -> Result<(), Refusal> {
    match Reason::from_code(&end.reason) {
        Some(reason) => Err(Refusal::new(reason)),
        None => Ok(()),
    }
}
