//! Sums over sessions: a table for people, and comma-separated values.

use std::io::{self, Write};

use super::sanitize::to_terminal;
use super::style::width;
use super::time::{duration, grouped};
use crate::ops::stats::{Stats, Sums};

/// The columns of the table.
const HEADERS: [&str; 9] = [
    "SESSIONS",
    "OPEN",
    "SUCCESS",
    "FAILURE",
    "INTERRUPTED",
    "FAILED",
    "DURATION",
    "TOKENS IN",
    "TOKENS OUT",
];

/// Writes a table, with a line for each group if there are any, and one for all.
///
/// # Errors
/// Those of `out`.
pub fn table(out: &mut dyn Write, stats: &Stats, by: Option<&str>) -> io::Result<()> {
    let header = HEADERS.map(str::to_owned);
    let mut rows = vec![(by.unwrap_or_default().to_uppercase(), header)];
    rows.extend(stats.groups.iter().map(|(key, sums)| (name(key), cells(sums))));
    rows.push((if by.is_some() { "total".to_owned() } else { String::new() }, cells(&stats.total)));
    let widest = |at: usize| rows.iter().map(|(_, cells)| width(&cells[at])).max().unwrap_or(0);
    let widths: [usize; HEADERS.len()] = std::array::from_fn(widest);
    let first = rows.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    for (name, cells) in &rows {
        let gap = first - width(name);
        let mut line = format!("{name}{:gap$}", "");
        for (cell, widest) in cells.iter().zip(widths) {
            let gap = widest - width(cell) + if line.is_empty() { 0 } else { 2 };
            line.push_str(&format!("{:gap$}{cell}", ""));
        }
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Returns what a group is called.
fn name(key: &str) -> String {
    if key.is_empty() { "(none)".to_owned() } else { to_terminal(key).into_owned() }
}

fn cells(sums: &Sums) -> [String; HEADERS.len()] {
    let tokens = &sums.tokens;
    let fed = tokens.input.saturating_add(tokens.cache_read).saturating_add(tokens.cache_write);
    let rate = sums.failure_rate().map(|rate| format!("{:.0} %", rate * 100.0));
    [
        grouped(sums.n_sessions),
        grouped(sums.n_open),
        grouped(sums.n_success),
        grouped(sums.n_failure),
        grouped(sums.n_interrupted),
        rate.unwrap_or_else(|| "-".to_owned()),
        duration(sums.seconds),
        grouped(fed),
        grouped(tokens.output),
    ]
}

/// Writes a header, a line for each group, or one for all if there are none.
///
/// # Errors
/// Those of `out`.
pub fn csv(out: &mut dyn Write, stats: &Stats, by: Option<&str>) -> io::Result<()> {
    let all = [("all".to_owned(), stats.total.clone())];
    let rows = if by.is_some() { stats.groups.as_slice() } else { &all };
    writeln!(
        out,
        "{},sessions,open,success,failure,interrupted,failure_rate,duration_seconds,\
         input,output,cache_read,cache_write,total,events",
        by.unwrap_or("group")
    )?;
    for (key, sums) in rows {
        let tokens = &sums.tokens;
        let rate = sums.failure_rate().map(|rate| format!("{rate:.4}")).unwrap_or_default();
        writeln!(
            out,
            "{},{},{},{},{},{},{rate},{},{},{},{},{},{},{}",
            quoted(key),
            sums.n_sessions,
            sums.n_open,
            sums.n_success,
            sums.n_failure,
            sums.n_interrupted,
            sums.seconds,
            tokens.input,
            tokens.output,
            tokens.cache_read,
            tokens.cache_write,
            tokens.total(),
            sums.n_events,
        )?;
    }
    Ok(())
}

/// Returns a field as RFC 4180 has it; one that a spreadsheet would take for a formula is text.
fn quoted(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tokens;
    use crate::render::fixture::{HOSTILE, is_harmless, written};

    fn stats() -> Stats {
        let sums = Sums {
            n_sessions: 5,
            n_open: 1,
            n_success: 2,
            n_failure: 1,
            n_interrupted: 1,
            seconds: 7500,
            tokens: Tokens { input: 12_000, output: 345, cache_read: 450, ..Tokens::default() },
            n_events: 7,
        };
        let one = Sums { n_sessions: 1, n_open: 1, ..Sums::default() };
        let groups = vec![(String::new(), one), ("m-1".to_owned(), sums.clone())];
        Stats { groups, total: sums, corrupt: Vec::new() }
    }

    #[test]
    fn a_table_has_a_line_for_each_group_and_one_for_all() {
        let shown = written(|out| table(out, &stats(), Some("model")));
        assert_eq!(
            shown,
            "MODEL   SESSIONS  OPEN  SUCCESS  FAILURE  INTERRUPTED  FAILED           DURATION  TOKENS IN  TOKENS OUT
(none)         1     1        0        0            0       -          0 seconds          0           0
m-1            5     1        2        1            1    25 %  2 hours 5 minutes     12,450         345
total          5     1        2        1            1    25 %  2 hours 5 minutes     12,450         345
"
        );
        let alone = Stats { groups: Vec::new(), ..stats() };
        let shown = written(|out| table(out, &alone, None));
        assert!(shown.starts_with("SESSIONS  OPEN"), "{shown}");
    }

    #[test]
    fn comma_separated_values_are_quoted_and_no_formulas() {
        let mut stats = stats();
        stats.groups[0].0 = "=1+1, \"x\"".to_owned();
        let shown = written(|out| csv(out, &stats, Some("branch")));
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[0].starts_with("branch,sessions,open,"), "{shown}");
        assert_eq!(lines[1], "\"'=1+1, \"\"x\"\"\",1,1,0,0,0,,0,0,0,0,0,0,0");
        assert_eq!(lines[2], "m-1,5,1,2,1,1,0.2500,7500,12000,345,450,0,12795,7");
        stats.groups[0].0 = HOSTILE.to_owned();
        let shown = written(|out| table(out, &stats, Some("branch")));
        assert!(is_harmless(&shown, &['\n']), "{shown}");
    }
}
