//! Logging: structured lines on standard error, filtered as the operator wrote it (`RUST_LOG`).
use tracing_subscriber::EnvFilter;

use crate::domain::reason::{Reason, Refusal};

/// Sets up logging for the process; later calls change nothing. A filter that says nothing sensible is refused: an operator
/// who asks for a log and gets another one looks in vain.
pub fn init(written: Option<&str>, default: &str) -> Result<(), Refusal> {
    let filter = filter(written.unwrap_or_default(), default)?;
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    // Tests start several nodes in one process; the first one's logging serves all.
    let _ = subscriber.with_target(false).try_init();
    Ok(())
}

/// The filter as written, or the usual one where nothing is written.
fn filter(written: &str, default: &str) -> Result<EnvFilter, Refusal> {
    let text = if written.trim().is_empty() { default } else { written };
    let refuse = |problem: String| {
        Refusal::new(Reason::UsageInvalid).with("variable", EnvFilter::DEFAULT_ENV).with("problem", problem)
    };
    let read = EnvFilter::builder().parse(text).map_err(|error| refuse(error.to_string()))?;
    // A level in a misspelt form reads as the name of a part of the program, of which there is none.
    let known = ["verbund", "verbund_audit", "tonic", "h2", "hyper", "rustls", "tower", "sled", "tokio"];
    for directive in text.split(',').filter(|directive| !directive.contains(['=', '['])) {
        let directive = directive.trim();
        let is_level = directive.parse::<tracing_subscriber::filter::LevelFilter>().is_ok();
        let part = directive.split("::").next().unwrap_or_default();
        if !is_level && !known.contains(&part) {
            return Err(refuse(directive.to_owned()).with("example", "info,verbund=debug"));
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_would_silence_everything_by_a_slip_is_refused() {
        for good in ["", "info", "WARN", "debug,h2=off", "verbund::node=trace,info", "off", "verbund"] {
            filter(good, "info").unwrap_or_else(|refusal| panic!("{good}: {refusal}"));
        }
        for bad in ["informational", "info;debug", "verbund=loud", "=", "info,,warnung", "verbund=debug=trace"] {
            assert_eq!(filter(bad, "info").expect_err(bad).reason, Reason::UsageInvalid, "{bad}");
        }
    }
}
