//! Floor 5: a refusal as a person reads it at a terminal.
use crate::domain::detail_words::told;
use crate::domain::reason::{Lang, Refusal};

/// A refusal in words: what, why, what now, code.
pub fn error_text(refusal: &Refusal, lang: Lang) -> String {
    let reason = refusal.reason;
    let (error, why, now, code, like) = match lang {
        Lang::De => ("Fehler:", "Grund:", "Abhilfe:", "Code:", "Gemeint vielleicht:"),
        Lang::En => ("Error:", "Why:", "What now:", "Code:", "Perhaps meant:"),
    };
    let mut text = format!("{error} {}\n", reason.text(lang));
    let said = match lang {
        Lang::De => refusal.field("why"),
        Lang::En => refusal.field("why_en").or_else(|| refusal.field("why")),
    };
    if let Some(said) = said {
        text.push_str(&format!("  {why:<9} {said}\n"));
    }
    let rest: Vec<String> = refusal
        .fields
        .iter()
        .filter(|(name, _)| !matches!(name.as_ref(), "why" | "why_en" | "like" | "next"))
        .map(|(name, value)| told(name, value, lang))
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    if !rest.is_empty() {
        text.push_str(&format!("  {why:<9} {}\n", rest.join(", ")));
    }
    text.push_str(&format!("  {now:<9} {}\n", reason.help(lang)));
    if let Some(names) = refusal.field("like") {
        text.push_str(&format!("  {:<9} {like} {names}\n", ""));
    }
    if let Some(command) = refusal.field("next") {
        text.push_str(&format!("  {:<9} {command}\n", ""));
    }
    text.push_str(&format!("  {code:<9} {}", reason.code()));
    text
}
