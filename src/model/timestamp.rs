use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

/// A moment, in microseconds since 1970 UTC, from the year 1970 to 9999.
///
/// Printed as RFC 3339 in UTC with six fractional digits and `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first moment that is not a timestamp any more: year 10000.
    const END: i64 = 253_402_300_800_000_000;

    /// Returns the moment `micros` after 1970; `None` outside the years 1970 to 9999.
    pub fn from_micros(micros: i64) -> Option<Timestamp> {
        (0..Self::END).contains(&micros).then_some(Timestamp(micros))
    }

    /// Returns the moment `seconds` after 1970; `None` outside the years 1970 to 9999.
    pub fn from_seconds(seconds: i64) -> Option<Timestamp> {
        Timestamp::from_micros(seconds.checked_mul(1_000_000)?)
    }

    /// Reads RFC 3339 with any offset; finer fractions than microseconds are cut off.
    pub fn parse(text: &str) -> Option<Timestamp> {
        let moment = DateTime::parse_from_rfc3339(text).ok()?;
        Timestamp::from_micros(moment.timestamp_micros())
    }

    /// Returns the microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Returns the whole seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Returns the whole seconds from `earlier` to `self`; 0 if the clock went backwards.
    pub fn seconds_since(self, earlier: Timestamp) -> i64 {
        (self.0 - earlier.0).max(0) / 1_000_000
    }

    /// Returns the calendar form in UTC.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).expect("the range was checked when it was made")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_utc().to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_printed_in_utc_with_six_digits() {
        let moment = Timestamp::parse("2026-01-07T15:02:57.5+02:00").expect("valid");
        assert_eq!(moment.to_string(), "2026-01-07T13:02:57.500000Z");
    }

    #[test]
    fn moments_outside_1970_to_9999_and_naive_ones_are_refused() {
        for text in [
            "1969-12-31T23:59:59Z",
            "+262142-01-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-01-24T18:45:12",
            "9999-12-31T23:59:59-01:00",
            "2026-01-01",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_clock_that_went_backwards_gives_no_negative_duration() {
        let (a, b) = (Timestamp::from_seconds(10), Timestamp::from_seconds(20));
        let (a, b) = (a.expect("in range"), b.expect("in range"));
        assert_eq!(b.seconds_since(a), 10);
        assert_eq!(a.seconds_since(b), 0);
    }
}
