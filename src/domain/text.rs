//! Texts for people inside statements: how long they may be and what they may not hold.
use crate::domain::id::shortened;
use crate::domain::reason::{Reason, Refusal};

/// Refuses texts beyond a limit; every text field of every body passes through here.
pub fn checked_text(field: &'static str, text: &str, chars_max: usize) -> Result<(), Refusal> {
    // No text has more characters than bytes.
    if text.len() > chars_max && text.chars().count() > chars_max {
        return Err(Refusal::new(Reason::TextTooLong).with("field", field).with("limit", chars_max));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Refusal::new(Reason::FieldInvalid).with("field", field).with("value", shortened(text)));
    }
    Ok(())
}
