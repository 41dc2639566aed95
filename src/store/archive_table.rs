//! The table of the archive, without git: its rows, and in which file each stands.

use std::collections::BTreeMap;

use crate::model::{Oid, SessionId};

/// How many rows a file has at most; then it is parted.
pub(super) const MAX_ROWS: usize = 256;
/// How many digits an id has.
const N_DIGITS: usize = 32;
/// Stands for the newest commit of a session that was deleted.
const GONE: &str = "-";

/// What the archive says of a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArchiveRow {
    /// The session.
    pub session_id: SessionId,
    /// Its newest commit; `None` if it was deleted and is not to come back.
    pub tip: Option<Oid>,
    /// What a list shows of it, in columns; of a deleted one, when it was deleted.
    pub columns: String,
}

impl ArchiveRow {
    /// Returns the line in a file, without its end.
    fn line(&self) -> String {
        let tip = self.tip.map_or_else(|| GONE.to_owned(), |tip| tip.to_string());
        format!("{}\t{tip}\t{}", self.session_id, self.columns)
    }

    /// Reads a line.
    fn parse(line: &str) -> Option<ArchiveRow> {
        let mut parts = line.splitn(3, '\t');
        let session_id = SessionId::parse(parts.next()?)?;
        let tip = match parts.next()? {
            GONE => None,
            hex => Some(Oid::from_hex(hex)?),
        };
        let columns = parts.next().unwrap_or_default().to_owned();
        Some(ArchiveRow { session_id, tip, columns })
    }
}

/// Reads the rows of the file for the ids that begin with `prefix`, and tells how many lines are none of it.
pub(super) fn parse_file(prefix: &str, text: &str) -> (Vec<ArchiveRow>, usize) {
    let mut n_bad = 0;
    let mut rows: BTreeMap<SessionId, ArchiveRow> = BTreeMap::new();
    for line in text.lines() {
        match ArchiveRow::parse(line) {
            Some(row) if digits(row.session_id).starts_with(prefix) => {
                rows.insert(row.session_id, row);
            }
            _ => n_bad += 1,
        }
    }
    (rows.into_values().collect(), n_bad)
}

/// Returns the text of a file.
pub(super) fn to_text(rows: &[ArchiveRow]) -> String {
    rows.iter().map(|row| row.line() + "\n").collect()
}

/// Returns the digits of an id, by which its file is found.
pub(super) fn digits(session_id: SessionId) -> String {
    let halves = session_id.as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    halves.filter_map(|half| char::from_digit(u32::from(half), 16)).collect()
}

/// Returns the beginning of ids whose file has, or is to have, this one: the shortest one that is not also the
/// beginning of another file's.
pub(super) fn prefix_of(session_id: SessionId, is_parted: impl Fn(&str) -> bool) -> String {
    let mut digits = digits(session_id);
    let n = (1..N_DIGITS).find(|n| !is_parted(&digits[..*n])).unwrap_or(N_DIGITS);
    digits.truncate(n);
    digits
}

/// Parts rows, ordered by id, into files of at most [`MAX_ROWS`], each with the beginning of its ids; those with
/// `prefix` first.
pub(super) fn part(prefix: &str, rows: Vec<ArchiveRow>) -> Vec<(String, Vec<ArchiveRow>)> {
    if !prefix.is_empty() && (rows.len() <= MAX_ROWS || prefix.len() >= N_DIGITS) {
        return vec![(prefix.to_owned(), rows)];
    }
    let mut parts: BTreeMap<String, Vec<ArchiveRow>> = BTreeMap::new();
    for row in rows {
        let longer = digits(row.session_id)[..=prefix.len()].to_owned();
        parts.entry(longer).or_default().push(row);
    }
    parts.into_iter().flat_map(|(prefix, rows)| part(&prefix, rows)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: u32) -> ArchiveRow {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        let tip = (!n.is_multiple_of(5)).then(|| Oid::from_bytes(&[7; 20]).expect("an id"));
        ArchiveRow { session_id: SessionId::from_bytes(bytes), tip, columns: format!("{n}\tx y") }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let rows: Vec<ArchiveRow> = (0..20).map(row).collect();
        assert_eq!(parse_file("00", &to_text(&rows)), (rows, 0));
    }

    #[test]
    fn lines_that_do_not_belong_there_are_counted_and_hide_no_other() {
        let text =
            format!("{}\nnonsense\n\n{}\n", row(0x0111_0000).line(), row(0x0222_0000).line());
        assert_eq!(parse_file("011", &text), (vec![row(0x0111_0000)], 3));
    }

    #[test]
    fn of_two_lines_for_a_session_the_last_counts() {
        let (old, new) = (row(1), ArchiveRow { tip: None, ..row(1) });
        let text = format!("{}\n{}\n", old.line(), new.line());
        assert_eq!(parse_file("0", &text), (vec![new], 0));
    }

    #[test]
    fn no_file_has_many_rows_and_each_row_is_found_by_its_digits() {
        for step in [1, 77, 4_000_003] {
            let rows: Vec<ArchiveRow> = (0..1_000).map(|n| row(n * step)).collect();
            let files = part("", rows.clone());
            let names: Vec<&str> = files.iter().map(|(prefix, _)| prefix.as_str()).collect();
            for (prefix, rows) in &files {
                assert!(rows.len() <= MAX_ROWS && !rows.is_empty(), "{prefix}");
                for row in rows {
                    let is_parted = |it: &str| {
                        names.iter().any(|name| name.len() > it.len() && name.starts_with(it))
                    };
                    assert_eq!(&prefix_of(row.session_id, is_parted), prefix);
                }
            }
            let all: Vec<ArchiveRow> = files.into_iter().flat_map(|(_, rows)| rows).collect();
            assert_eq!(all, rows, "{step}");
        }
    }

    #[test]
    fn files_are_parted_the_same_way_whatever_came_first() {
        let rows: Vec<ArchiveRow> = (0..2_000).map(|n| row(n * 1_000)).collect();
        let at_once = part("", rows.clone());
        let mut grown: BTreeMap<String, Vec<ArchiveRow>> = BTreeMap::new();
        for row in rows {
            let names: Vec<String> = grown.keys().cloned().collect();
            let is_parted =
                |it: &str| names.iter().any(|name| name.len() > it.len() && name.starts_with(it));
            let prefix = prefix_of(row.session_id, is_parted);
            let mut rows = grown.remove(&prefix).unwrap_or_default();
            rows.push(row);
            grown.extend(part(&prefix, rows));
        }
        assert_eq!(grown.into_iter().collect::<Vec<_>>(), at_once);
    }
}
