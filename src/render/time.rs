//! Times and durations in words, as git says them.

use crate::model::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Returns how long ago `at` was, such as `12 minutes ago` or `1 year, 2 months ago`.
///
/// Source: git, `date.c`, `show_date_relative`.
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    match u64::try_from(now.seconds() - at.seconds()) {
        Err(_) => "in the future".to_owned(),
        Ok(seconds) => format!("{} ago", rounded(seconds)),
    }
}

fn rounded(seconds: u64) -> String {
    if seconds < 90 {
        return counted(seconds, "second");
    }
    let minutes = (seconds + 30) / 60;
    if minutes < 90 {
        return counted(minutes, "minute");
    }
    let hours = (minutes + 30) / 60;
    if hours < 36 {
        return counted(hours, "hour");
    }
    rounded_days((hours + 12) / 24)
}

fn rounded_days(days: u64) -> String {
    match days {
        0..14 => counted(days, "day"),
        14..70 => counted((days + 3) / 7, "week"),
        70..365 => counted((days + 15) / 30, "month"),
        365..1825 => {
            let months = (days * 12 * 2 + 365) / (365 * 2);
            match months % 12 {
                0 => counted(months / 12, "year"),
                rest => format!("{}, {}", counted(months / 12, "year"), counted(rest, "month")),
            }
        }
        _ => counted((days + 183) / 365, "year"),
    }
}

/// Returns a duration in its two largest units, cut off, such as `2 hours 5 minutes`.
pub fn duration(seconds: u64) -> String {
    let (large, small) = match seconds {
        0..MINUTE => return counted(seconds, "second"),
        MINUTE..HOUR => return counted(seconds / MINUTE, "minute"),
        HOUR..DAY => ((seconds / HOUR, "hour"), (seconds % HOUR / MINUTE, "minute")),
        _ => ((seconds / DAY, "day"), (seconds % DAY / HOUR, "hour")),
    };
    match small {
        (0, _) => counted(large.0, large.1),
        (n, unit) => format!("{} {}", counted(large.0, large.1), counted(n, unit)),
    }
}

/// Returns how long it is from `since` to `now`, as [`duration`] says it.
pub fn elapsed(since: Timestamp, now: Timestamp) -> String {
    duration(now.seconds_since(since).unsigned_abs())
}

/// Returns the moment in UTC and how long ago it was:
/// `2026-01-07 13:02:57 +0000 (3 hours ago)`.
pub fn dated(at: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", iso(at), relative(at, now))
}

/// Returns the moment as git's `--date=iso` does, in UTC: `2026-01-07 13:02:57 +0000`.
pub fn iso(at: Timestamp) -> String {
    at.to_utc().format("%Y-%m-%d %H:%M:%S +0000").to_string()
}

/// Returns a count and its noun: `1 minute`, `2 minutes`.
pub(super) fn counted(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// Returns a number with a comma after each three digits: `12,450`.
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds).expect("in range")
    }

    /// Answers of git 2.47: `GIT_TEST_DATE_NOW=2000000000 git log -1 --format=%cr`.
    #[test]
    fn relative_times_are_in_the_words_of_git() {
        for (ago, words) in [
            (-1, "in the future"),
            (0, "0 seconds ago"),
            (1, "1 second ago"),
            (89, "89 seconds ago"),
            (90, "2 minutes ago"),
            (149, "2 minutes ago"),
            (150, "3 minutes ago"),
            (3600, "60 minutes ago"),
            (5369, "89 minutes ago"),
            (5370, "2 hours ago"),
            (9000, "3 hours ago"),
            (127_800, "2 days ago"),
            (1_166_399, "2 weeks ago"),
            (1_468_800, "2 weeks ago"),
            (6_004_800, "2 months ago"),
            (7_776_000, "3 months ago"),
            (13_000_000, "5 months ago"),
            (31_492_799, "1 year ago"),
            (34_000_000, "1 year, 1 month ago"),
            (36_500_000, "1 year, 2 months ago"),
            (63_072_000, "2 years ago"),
            (70_000_000, "2 years, 3 months ago"),
            (157_636_800, "5 years ago"),
            (157_680_000, "5 years ago"),
            (200_000_000, "6 years ago"),
            (1_500_000_000, "48 years ago"),
        ] {
            assert_eq!(relative(at(2_000_000_000 - ago), at(2_000_000_000)), words, "{ago}");
        }
    }

    #[test]
    fn a_duration_has_at_most_two_units() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (725, "12 minutes"),
            (3600, "1 hour"),
            (7500, "2 hours 5 minutes"),
            (86_400, "1 day"),
            (273_600, "3 days 4 hours"),
        ] {
            assert_eq!(duration(seconds), words, "{seconds}");
        }
    }

    #[test]
    fn a_clock_that_went_backwards_makes_no_negative_duration() {
        assert_eq!(elapsed(at(20), at(10)), "0 seconds");
    }

    #[test]
    fn a_date_is_absolute_and_relative() {
        assert_eq!(
            dated(at(1_767_791_000), at(1_767_801_800)),
            "2026-01-07 13:03:20 +0000 (3 hours ago)"
        );
    }

    #[test]
    fn large_numbers_are_grouped_by_three_digits() {
        for (n, shown) in [(0, "0"), (999, "999"), (12_450, "12,450"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(n), shown);
        }
    }
}
