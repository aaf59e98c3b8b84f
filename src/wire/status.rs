//! One table: refusal to gRPC status and back. The same stable reason on both sides of the wire.
//!
//! A status carries `google.rpc.ErrorInfo` (reason, domain `verbund`, named values), `LocalizedMessage` in the caller's
//! language, `BadRequest` where one field is to blame, and `RetryInfo` where the refusal says when to come back.
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;
use std::time::Duration;

use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::domain::characters::printable;
use crate::domain::reason::{Class, Lang, Reason, Refusal};

/// The domain of every reason.
pub const DOMAIN: &str = "verbund";

/// Longest value in a status, in characters: statuses travel as headers, and many clients bound these at 8 KiB.
const VALUE_CHARS_MAX: usize = 500;

/// Most values in a status, for the same reason.
const VALUES_MAX: usize = 12;

/// The value of a refusal that says when to come back, in milliseconds.
const RETRY_MS: &str = "retry_ms";

/// The gRPC code of each class: the only place that decides it.
pub fn code_of(class: Class) -> Code {
    match class {
        Class::Rejected | Class::Usage | Class::Verification => Code::InvalidArgument,
        Class::Config | Class::Conflict | Class::Incomplete | Class::TooNew => Code::FailedPrecondition,
        Class::Unavailable => Code::Unavailable,
        Class::Denied => Code::PermissionDenied,
        Class::Unauthenticated => Code::Unauthenticated,
        Class::Missing => Code::NotFound,
        Class::Exhausted => Code::ResourceExhausted,
        Class::Unsupported => Code::Unimplemented,
        Class::Internal => Code::Internal,
    }
}

/// The status for a refusal, for a caller who reads `lang`.
pub fn to_status(refusal: &Refusal, lang: Lang) -> Status {
    let reason = refusal.reason;
    let mut details = ErrorDetails::with_error_info(
        reason.code(),
        DOMAIN,
        values_of(refusal).into_iter().collect::<HashMap<_, _>>(),
    );
    let (locale, text) = (locale(lang), format!("{} {}", reason.text(lang), reason.help(lang)));
    details.set_localized_message(locale, text);
    if let Some(field) = refusal.field("field") {
        details.add_bad_request_violation(field, reason.text(lang));
    }
    if let Some(retry_ms) = refusal.field(RETRY_MS).and_then(|text| text.parse().ok()) {
        details.set_retry_info(Some(Duration::from_millis(retry_ms)));
    }
    // The plain message is for logs and for tools that do not read details.
    Status::with_error_details(
        code_of(reason.class()),
        format!("{}: {}", reason.code(), reason.text(Lang::En)),
        details,
    )
}

/// The named values of a refusal, as many and as long as travel.
pub fn values_of(refusal: &Refusal) -> BTreeMap<String, String> {
    let values = refusal.fields.iter().take(VALUES_MAX);
    values.map(|(name, value)| (name.to_string(), shortened(value))).collect()
}

/// The refusal with this reason word; what this version does not know becomes `otherwise` and names the word.
pub fn refusal_of(word: &str, values: BTreeMap<String, String>, otherwise: Reason) -> Refusal {
    let mut refusal = match Reason::from_code(word) {
        Some(reason) => Refusal::new(reason),
        None => Refusal::new(otherwise).with("reason", shortened(word)),
    };
    let printed = values.into_iter().map(|(name, value)| (Cow::Owned(printable(&name)), printable(&value)));
    refusal.fields.extend(printed);
    refusal
}

/// What this side has refused while it connected: a wrong key, for instance. The transport hides it below several layers
/// of errors of its own.
fn refused_here(status: &Status) -> Option<Refusal> {
    let mut next = std::error::Error::source(status);
    while let Some(error) = next {
        let inner = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
        if let Some(refusal) = inner.and_then(|inner| inner.downcast_ref::<Refusal>()) {
            return Some(refusal.clone());
        }
        next = error.source();
    }
    None
}

/// What a status says, for a client. What this version does not know becomes the nearest reason by code, with the
/// node's own words beside it.
pub fn to_refusal(status: &Status) -> Refusal {
    let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN);
    let Some(info) = info else {
        if let Some(refusal) = refused_here(status) {
            return refusal;
        }
        let refusal = Refusal::new(nearest_reason(status)).with("code", status.code().description());
        let refusal = refusal.with("message", shortened(status.message()));
        let retry = status.get_details_retry_info().and_then(|info| info.retry_delay);
        return match retry {
            Some(after) => refusal.with(RETRY_MS, after.as_millis()),
            None => refusal,
        };
    };
    refusal_of(&info.reason, info.metadata.into_iter().collect(), nearest_reason(status))
}

/// The nearest reason for a status that names none: from a proxy, from the transport, or from a later version.
fn nearest_reason(status: &Status) -> Reason {
    match status.code() {
        // The transport says `Cancelled` when its own timer has run out, and when the connection has gone.
        Code::Cancelled if is_by_connection(status) => Reason::Unreachable,
        Code::DeadlineExceeded | Code::Cancelled => Reason::DeadlineExceeded,
        Code::ResourceExhausted => Reason::Overloaded,
        Code::Unauthenticated => Reason::AccessMissing,
        Code::InvalidArgument | Code::OutOfRange => Reason::FieldInvalid,
        Code::Unimplemented => Reason::MethodUnknown,
        Code::Internal | Code::DataLoss => Reason::Bug,
        _ => Reason::Unreachable,
    }
}

/// Whether something else than a timer of the transport has ended the call: then a source is named, and it is no timer.
fn is_by_connection(status: &Status) -> bool {
    let mut source = status.source();
    let has_source = source.is_some();
    while let Some(error) = source {
        if error.is::<tonic::TimeoutExpired>() {
            return false;
        }
        source = error.source();
    }
    has_source
}

fn shortened(text: &str) -> String {
    text.chars().take(VALUE_CHARS_MAX).collect()
}

fn locale(lang: Lang) -> &'static str {
    match lang {
        Lang::De => "de",
        Lang::En => "en",
    }
}

/// The language a caller asks for in `accept-language`: the better-weighted of German and English, German if neither
/// is named or the header is not readable.
pub fn lang_of(metadata: &MetadataMap) -> Lang {
    lang_of_header(metadata.get("accept-language").and_then(|value| value.to_str().ok()).unwrap_or_default())
}

/// The same from the header's text, which browsers send too.
pub fn lang_of_header(header: &str) -> Lang {
    let weight_of = |wanted: &str| -> i32 {
        let ranges = header.split(',').filter_map(|range| {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let primary = tag.trim().split('-').next()?.to_ascii_lowercase();
            let weight = weight.trim().strip_prefix("q=").and_then(|text| text.parse::<f32>().ok())?;
            (primary == wanted).then_some((weight.clamp(0.0, 1.0) * 1000.0) as i32)
        });
        ranges.max().unwrap_or(0)
    };
    if weight_of("en") > weight_of("de") { Lang::En } else { Lang::De }
}

/// Says in which language messages are wanted.
pub fn ask_for(metadata: &mut MetadataMap, lang: Lang) {
    let value = locale(lang).parse().expect("a language tag is plain ASCII");
    metadata.insert("accept-language", value);
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn every_reason_survives_the_wire_with_its_values() {
        for &reason in Reason::ALL {
            let refusal = Refusal::new(reason).with("field", "page_size").with("why", "Größe – „x“");
            for lang in [Lang::De, Lang::En] {
                let status = to_status(&refusal, lang);
                assert_eq!(status.code(), code_of(reason.class()));
                assert_ne!(status.code(), Code::Ok);
                assert_eq!(to_refusal(&status), refusal);
                let message = status.get_details_localized_message().expect("a message for people");
                assert!(message.message.starts_with(reason.text(lang)));
                let violations = status.get_details_bad_request().expect("a field is named").field_violations;
                assert_eq!(violations[0].field, "page_size");
            }
        }
    }

    #[test]
    fn a_refusal_says_when_to_come_back_as_grpc_does() {
        let status = to_status(&Refusal::new(Reason::Overloaded).with("retry_ms", 250), Lang::De);
        assert_eq!(status.code(), Code::ResourceExhausted);
        let delay = |status: &Status| status.get_details_retry_info().and_then(|info| info.retry_delay);
        assert_eq!(delay(&status), Some(Duration::from_millis(250)));
        assert_eq!(to_refusal(&status).field("retry_ms"), Some("250"));
        assert_eq!(delay(&to_status(&Refusal::new(Reason::Overloaded), Lang::De)), None);
        let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(3)));
        let stranger = Status::with_error_details(Code::ResourceExhausted, "", details);
        assert_eq!(to_refusal(&stranger).field("retry_ms"), Some("3000"));
    }

    #[test]
    fn a_status_stays_small_and_names_no_field_where_none_is_to_blame() {
        let refusal = Refusal::new(Reason::LegNotProven).with("why", "ß".repeat(10_000));
        let status = to_status(&refusal, Lang::De);
        assert!(status.details().len() < 4096);
        assert!(status.get_details_bad_request().is_none());
    }

    #[test]
    fn what_is_not_known_becomes_the_nearest_reason() {
        let foreign = |code| to_refusal(&Status::new(code, "transport error"));
        assert_eq!(foreign(Code::Unavailable).reason, Reason::Unreachable);
        assert_eq!(foreign(Code::Unknown).reason, Reason::Unreachable);
        assert_eq!(foreign(Code::DeadlineExceeded).reason, Reason::DeadlineExceeded);
        assert_eq!(foreign(Code::Cancelled).reason, Reason::DeadlineExceeded);
        let ended_by = |source: Arc<dyn Error + Send + Sync>| {
            let mut status = Status::cancelled("ended");
            status.set_source(source);
            to_refusal(&status).reason
        };
        assert_eq!(ended_by(Arc::new(tonic::TimeoutExpired(()))), Reason::DeadlineExceeded);
        assert_eq!(ended_by(Arc::new(std::io::Error::other("connection closed"))), Reason::Unreachable);
        assert_eq!(foreign(Code::ResourceExhausted).reason, Reason::Overloaded);
        assert_eq!(foreign(Code::Unavailable).field("message"), Some("transport error"));
        let details = ErrorDetails::with_error_info("OF_A_LATER_VERSION", DOMAIN, HashMap::new());
        let later = to_refusal(&Status::with_error_details(Code::Unavailable, "", details));
        assert_eq!((later.reason, later.field("reason")), (Reason::Unreachable, Some("OF_A_LATER_VERSION")));
        let details = ErrorDetails::with_error_info("ORDER_UNKNOWN", "googleapis.com", HashMap::new());
        let stranger = to_refusal(&Status::with_error_details(Code::NotFound, "", details));
        assert_eq!(stranger.reason, Reason::Unreachable, "another domain's word is not ours");
    }

    #[test]
    fn the_language_is_the_callers() {
        for (header, lang) in [
            ("", Lang::De),
            ("en", Lang::En),
            ("en-GB, de;q=0.5", Lang::En),
            ("de, en", Lang::De),
            ("fr, en;q=0.3", Lang::En),
            ("en;q=0", Lang::De),
            ("en;q=x", Lang::De),
        ] {
            let mut metadata = MetadataMap::new();
            metadata.insert("accept-language", header.parse().expect("ASCII"));
            assert_eq!(lang_of(&metadata), lang, "{header}");
        }
        let mut metadata = MetadataMap::new();
        ask_for(&mut metadata, Lang::En);
        assert_eq!(lang_of(&metadata), Lang::En);
    }
}
