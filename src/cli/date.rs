//! Dates as people and git write them.

use std::time::{Duration, UNIX_EPOCH};

use crate::model::Timestamp;
use crate::ops::OpError;

/// Reads a date: git's forms (`2.weeks`, `yesterday`, `2026-01-31`, ISO), then spans (`2d`,
/// `1h30m`) as so long ago. A date without a zone is in UTC, and a day begins at midnight.
///
/// # Errors
/// [`OpError::InvalidValue`] for everything else: a date that means nothing must not list nothing.
pub fn parse(option: &str, text: &str, now: Timestamp) -> Result<Timestamp, OpError> {
    let invalid = || OpError::invalid(option, format!("invalid date '{text}'"));
    if let Some(exact) = Timestamp::parse(text) {
        return Ok(exact);
    }
    let by_git =
        crate::store::parse_date(text, UNIX_EPOCH + Duration::from_micros(now.micros() as u64));
    let seconds = by_git.or_else(|| ago(text, now)).ok_or_else(invalid)?;
    Timestamp::from_seconds(seconds).ok_or_else(invalid)
}

fn ago(text: &str, now: Timestamp) -> Option<i64> {
    let span: jiff::Span = text.parse().ok()?;
    let at = jiff::Timestamp::from_microsecond(now.micros()).ok()?;
    let then = at.to_zoned(jiff::tz::TimeZone::UTC).checked_sub(span).ok()?;
    Some(then.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_git_reads_them_and_nonsense_is_refused() {
        let now = Timestamp::parse("2026-01-31T12:00:00Z").expect("valid");
        for (text, expected) in [
            ("2026-01-07T13:02:57.119275Z", "2026-01-07T13:02:57.119275Z"),
            ("2026-01-07", "2026-01-07T00:00:00.000000Z"),
            ("2026-01-07 10:00", "2026-01-07T10:00:00.000000Z"),
            ("2.weeks", "2026-01-17T12:00:00.000000Z"),
            ("2 weeks ago", "2026-01-17T12:00:00.000000Z"),
            ("yesterday", "2026-01-30T12:00:00.000000Z"),
            ("2d", "2026-01-29T12:00:00.000000Z"),
            ("90m", "2026-01-31T10:30:00.000000Z"),
            ("1h30m", "2026-01-31T10:30:00.000000Z"),
        ] {
            let found = parse("--since", text, now).map(|at| at.to_string());
            assert_eq!(found.expect(text), expected, "{text}");
        }
        for text in ["garbage", "", "2026-02-30", "99999-01-01"] {
            assert!(parse("--since", text, now).is_err(), "{text}");
        }
    }
}
