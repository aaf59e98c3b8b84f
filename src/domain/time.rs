//! Instants and calendar dates as statements write them. There is no `now` here: time is always an argument.
//!
//! Every instant and every day has one text: the one written here. What RFC 3339 and ISO 8601 allow beside it (offsets,
//! other digits of a fraction, week dates, a blank for `T`) is refused, so that what was signed reads in one way only.
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::Span;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::domain::id::shortened;
use crate::domain::reason::{Lang, Reason, Refusal};

/// Central European time, with summer time from the last Sunday of March to the last of October (sections 1 and 2 SoZV,
/// Directive 2000/84/EC). Written out, so that a day never depends on the tables of the machine that derives it.
static GERMAN_TIME: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a rule in the form of POSIX"));

/// Years a statement may speak of: from before the oldest party's founding day that matters to any contract to long after
/// the last one ends. Arithmetic on years stays far from the ends of their type.
pub const YEARS: RangeInclusive<i16> = 1900..=2199;

/// A calendar day. In JSON and in binary records the text `YYYY-MM-DD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(jiff::civil::Date);

impl Date {
    /// After every day a statement can name.
    pub const MAX: Self = Self(jiff::civil::Date::MAX);

    /// The day, if the calendar has it.
    pub fn new(year: i16, month: i8, day: i8) -> Result<Self, Refusal> {
        let refuse = |_| Refusal::new(Reason::TimeInvalid).with("value", format!("{year}-{month}-{day}"));
        jiff::civil::Date::new(year, month, day).map(Self).map_err(refuse)
    }

    /// The instant at which the day begins in Germany.
    pub fn begins(self) -> Timestamp {
        let begins = GERMAN_TIME.to_timestamp(self.0.to_datetime(jiff::civil::Time::midnight()));
        Timestamp(begins.map_or(i64::MAX, jiff::Timestamp::as_millisecond))
    }

    /// The day after, if the calendar has it.
    pub fn tomorrow(self) -> Option<Self> {
        self.0.tomorrow().ok().map(Self)
    }

    /// The year.
    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// The month, from 1.
    pub fn month(self) -> i8 {
        self.0.month()
    }

    /// The day of the month, from 1.
    pub fn day(self) -> i8 {
        self.0.day()
    }

    /// So much later, at most to the end of the calendar. After whole months the day of the same number, or the month's last.
    pub fn saturating_add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span))
    }

    /// The same, refused beyond the calendar.
    pub fn checked_add(self, span: Span) -> Result<Self, Refusal> {
        let refuse = |_| Refusal::new(Reason::TimeInvalid).with("value", self);
        self.0.checked_add(span).map(Self).map_err(refuse)
    }
}

impl From<jiff::civil::Date> for Date {
    fn from(day: jiff::civil::Date) -> Self {
        Self(day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Date {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let read = text.parse::<jiff::civil::Date>().ok().map(Self);
        let day = read.filter(|day| YEARS.contains(&day.year()) && day.to_string() == text);
        day.ok_or_else(|| Refusal::new(Reason::TimeInvalid).with("value", shortened(text)))
    }
}

impl Serialize for Date {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An instant in milliseconds since 1970-01-01T00:00:00Z. In JSON an RFC 3339 text in UTC, in binary records a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The instant `ms` milliseconds later, saturating at the ends of the calendar.
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this instant; negative when this one is earlier.
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The instant so many seconds after 1970 began, saturating at the end of the calendar.
    pub fn from_unix_seconds(seconds: u64) -> Self {
        Self(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000))
    }

    /// Whole seconds since the epoch, for C2SP cosignatures; zero before it.
    pub fn unix_seconds(self) -> u64 {
        u64::try_from(self.0.div_euclid(1000)).unwrap_or(0)
    }

    /// The calendar date in Germany: law counts days by the time that is in force there (section 4 EinhZeitG).
    pub fn date(self) -> Date {
        Date(GERMAN_TIME.to_datetime(self.to_jiff()).date())
    }

    /// As people read it, to the minute, in German time: the one text for pages, programs and explanations.
    pub fn told(self, lang: Lang) -> String {
        let (day, clock) = (self.date(), GERMAN_TIME.to_datetime(self.to_jiff()).time());
        let (hour, minute) = (clock.hour(), clock.minute());
        match lang {
            Lang::De => {
                format!("{:02}.{:02}.{}, {hour:02}:{minute:02} Uhr", day.day(), day.month(), day.year())
            }
            Lang::En => format!("{day}, {hour:02}:{minute:02} (German time)"),
        }
    }

    /// The date that belongs to a time written in UTC. For showing only: no law counts by it.
    pub fn utc_date(self) -> Date {
        Date(TimeZone::UTC.to_datetime(self.to_jiff()).date())
    }

    fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }
}

/// The same day so many years later; 28 February for 29 February where that year has none.
pub fn plus_years(day: Date, years: u32) -> Date {
    let years = i16::try_from(years).unwrap_or(i16::MAX);
    let year = day.year().saturating_add(years);
    Date::new(year, day.month(), day.day()).or_else(|_| Date::new(year, day.month(), 28)).unwrap_or(Date::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_jiff().fmt(f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let read = text.parse::<jiff::Timestamp>().ok().map(|instant| Self(instant.as_millisecond()));
        let instant = read.filter(|instant| YEARS.contains(&instant.date().year()) && instant.to_string() == text);
        instant.ok_or_else(|| Refusal::new(Reason::TimeInvalid).with("value", shortened(text)))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

/// Reads a calendar date such as `2021-06-15`.
pub fn parse_date(text: &str) -> Result<Date, Refusal> {
    text.parse()
}

/// A day as people type it: `2027-03-31` or `31.3.2027`.
pub fn typed_day(text: &str) -> Result<Date, Refusal> {
    let parts: Vec<&str> = text.trim().split('.').collect();
    let are_digits = |text: &&str| (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    match parts[..] {
        [day, month, year] if parts.iter().all(are_digits) && year.len() == 4 => {
            let written = format!("{year}-{month:0>2}-{day:0>2}");
            written.parse().map_err(|refusal: Refusal| refusal.with("written", shortened(text)))
        }
        _ => text.trim().parse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        let instant: Timestamp = "2026-11-23T10:00:00.25Z".parse().expect("RFC 3339");
        assert_eq!(instant.to_string(), "2026-11-23T10:00:00.25Z");
        assert_eq!(instant.date().to_string(), "2026-11-23");
        assert!("gestern".parse::<Timestamp>().is_err());
        assert!(parse_date("2021-13-01").is_err());
    }

    #[test]
    fn people_read_german_time() {
        for (at, de, en) in [
            ("2026-11-03T09:05:59Z", "03.11.2026, 10:05 Uhr", "2026-11-03, 10:05 (German time)"),
            ("2026-06-30T22:30:00Z", "01.07.2026, 00:30 Uhr", "2026-07-01, 00:30 (German time)"),
        ] {
            let at: Timestamp = at.parse().expect("RFC 3339");
            assert_eq!((at.told(Lang::De), at.told(Lang::En)), (de.to_owned(), en.to_owned()));
        }
    }

    #[test]
    fn a_day_begins_at_midnight_in_germany() {
        for (instant, day) in [
            ("2026-11-28T22:59:59.999Z", "2026-11-28"),
            ("2026-11-28T23:00:00Z", "2026-11-29"),
            ("2026-06-30T21:59:59Z", "2026-06-30"),
            ("2026-06-30T22:00:00Z", "2026-07-01"),
            // The clocks go forward on 29 March 2026 and back on 25 October 2026, both at 01:00 UTC.
            ("2026-03-28T23:00:00Z", "2026-03-29"),
            ("2026-03-29T22:00:00Z", "2026-03-30"),
            ("2026-10-24T22:00:00Z", "2026-10-25"),
            ("2026-10-25T22:30:00Z", "2026-10-25"),
        ] {
            assert_eq!(instant.parse::<Timestamp>().expect("RFC 3339").date().to_string(), day, "{instant}");
        }
        for (day, begins) in [("2026-11-29", "2026-11-28T23:00:00Z"), ("2026-07-01", "2026-06-30T22:00:00Z")] {
            assert_eq!(parse_date(day).expect("a day").begins().to_string(), begins);
        }
    }

    #[test]
    fn one_day_and_one_instant_have_one_text() {
        for day in ["2026-10-01", "1900-01-01", "2199-12-31", "2028-02-29"] {
            assert_eq!(parse_date(day).expect("a day").to_string(), day);
        }
        for day in [
            "20261001",
            "+002026-11-29",
            "-000001-01-01",
            "2026-11-29T00:00:00",
            "2026-11-29T00:00:00Z",
            "2026-W48-7",
            "2026-11-29[Europe/Berlin]",
            "2026-11-29 ",
            " 2026-11-29",
            "2026-11-31",
            "2027-02-29",
            "1899-12-31",
            "2200-01-01",
            "2026-1-1",
            "2026/11/29",
            "２026-11-29",
            "2026‐11‐29",
            "",
        ] {
            assert_eq!(parse_date(day).expect_err(day).reason, Reason::TimeInvalid);
        }
        for instant in ["2026-11-23T10:00:00Z", "2026-11-23T10:00:00.25Z", "2026-11-23T10:00:00.001Z"] {
            assert_eq!(instant.parse::<Timestamp>().expect("an instant").to_string(), instant);
        }
        for instant in [
            "2026-11-23 10:00:00Z",
            "2026-11-23T10:00:00z",
            "2026-11-23t10:00:00Z",
            "2026-11-23T10:00:60Z",
            "2026-11-23T10:00:00+00:00",
            "2026-11-23T23:59:59+14:00",
            "2026-11-23T10:00:00-00:00",
            "2026-11-23T10:00Z",
            "2026-11-23T10:00:00.0Z",
            "2026-11-23T10:00:00.250Z",
            "2026-11-23T10:00:00.0001Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T10:00:00,25Z",
            "20261123T100000Z",
            "+002026-11-23T10:00:00Z",
            "2026-11-23T10:00:00Z[UTC]",
            "2026-11-23T10:00:00",
            "2026-11-23",
            "1899-12-31T22:59:59Z",
            "2200-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert_eq!(instant.parse::<Timestamp>().expect_err(instant).reason, Reason::TimeInvalid);
        }
    }

    #[test]
    fn the_ends_of_the_calendar_do_not_panic() {
        assert!(!Timestamp(i64::MAX).to_string().is_empty());
        assert!(!Timestamp(i64::MIN).date().to_string().is_empty());
        assert_eq!(Timestamp(i64::MAX).plus_ms(1), Timestamp(i64::MAX));
    }
}
