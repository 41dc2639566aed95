//! The list of sessions for people: a table on a terminal, tab-separated fields in a pipe.

use std::io::{self, Write};

use super::columns::{
    BRANCH, CHANGED, GAP, HANDLE, HEADERS, MARKER, N_COLUMNS, RUN, STATE, TITLE, Widths, fit,
};
use super::sanitize::to_terminal;
use super::style::{Slot, Style, shorten, width};
use super::time::relative;
use crate::format::message::Excerpt;
use crate::model::{Class, Outcome, SessionId};
use crate::ops::list::{Listed, Listing};

pub use super::porcelain::porcelain;

/// What is observed of a session without a worker.
const NO_WORKER: &str = "none";

/// Writes the sessions as a table on a terminal, with `*` before the current one; in a pipe, as a
/// line each of tab-separated fields: handle, state, title, branch (may be empty), time of the
/// newest event (RFC 3339), without header and not shortened.
///
/// # Errors
/// Those of `out`.
pub fn table(
    out: &mut dyn Write,
    listing: &Listing,
    current: Option<SessionId>,
    style: &Style,
) -> io::Result<()> {
    match style.width {
        None => listing.sessions.iter().try_for_each(|it| write_fields(out, &it.excerpt, style)),
        Some(width) => write_table(out, &rows(listing, current, style), width, style),
    }
}

/// Returns the state for people, with the outcome where the name of the state does not say it.
pub(super) fn state_text(status: &str, class: Class, outcome: Option<Outcome>) -> String {
    let status = to_terminal(status);
    match (class, outcome) {
        (Class::Ended, Some(Outcome::Success)) if status == "completed" => status.into_owned(),
        (Class::Ended, Some(Outcome::Failure)) if status == "failed" => status.into_owned(),
        (Class::Ended, Some(outcome)) => format!("{status} ({outcome})"),
        _ => status.into_owned(),
    }
}

fn write_fields(out: &mut dyn Write, excerpt: &Excerpt, style: &Style) -> io::Result<()> {
    let handle = excerpt.id.handle();
    let status = to_terminal(&excerpt.status);
    writeln!(
        out,
        "{}\t{}\t{}\t{}\t{}",
        style.paint(Some(Slot::Handle), handle.as_str()),
        style.paint(Slot::of_state(excerpt.class, excerpt.outcome), &status),
        to_terminal(&excerpt.title),
        to_terminal(excerpt.branch.as_deref().unwrap_or_default()),
        excerpt.updated_at,
    )
}

/// A line of the table.
struct Row {
    is_current: bool,
    cells: [String; N_COLUMNS],
    slots: [Option<Slot>; N_COLUMNS],
}

fn rows(listing: &Listing, current: Option<SessionId>, style: &Style) -> Vec<Row> {
    let is_run_shown = listing.sessions.iter().any(|listed| seen(listed) != NO_WORKER);
    let row = |listed| row(listed, current, is_run_shown, style);
    listing.sessions.iter().map(row).collect()
}

fn row(listed: &Listed, current: Option<SessionId>, is_run_shown: bool, style: &Style) -> Row {
    let excerpt = &listed.excerpt;
    let run = match seen(listed) {
        _ if !is_run_shown => "",
        NO_WORKER => "-",
        seen => seen,
    };
    let mut cells: [String; N_COLUMNS] = Default::default();
    cells[HANDLE] = excerpt.id.handle().to_string();
    cells[STATE] = state_text(&excerpt.status, excerpt.class, excerpt.outcome);
    cells[RUN] = run.to_owned();
    cells[TITLE] = to_terminal(&excerpt.title).into_owned();
    cells[BRANCH] = to_terminal(excerpt.branch.as_deref().unwrap_or_default()).into_owned();
    cells[CHANGED] = relative(excerpt.updated_at, style.now);
    let mut slots = [None; N_COLUMNS];
    slots[HANDLE] = Some(Slot::Handle);
    slots[STATE] = Slot::of_state(excerpt.class, excerpt.outcome);
    Row { is_current: current == Some(excerpt.id), cells, slots }
}

/// Returns what is seen of the worker, as far as the list knows.
fn seen(listed: &Listed) -> &'static str {
    listed.observed.as_str()
}

fn write_table(out: &mut dyn Write, rows: &[Row], width: usize, style: &Style) -> io::Result<()> {
    let header =
        Row { is_current: false, cells: HEADERS.map(str::to_owned), slots: [None; N_COLUMNS] };
    let header = (style.header && !rows.is_empty()).then_some(&header);
    let widths = fit(natural(rows, header), width);
    header.into_iter().chain(rows).try_for_each(|row| write_row(out, row, &widths, style))
}

/// Returns the width of the widest cell of each column; 0 where all cells are empty.
fn natural(rows: &[Row], header: Option<&Row>) -> Widths {
    std::array::from_fn(|column| {
        let widest = |row: &Row| width(&row.cells[column]);
        match rows.iter().map(widest).max().unwrap_or(0) {
            0 => 0,
            n => n.max(header.map_or(0, widest)),
        }
    })
}

fn write_row(out: &mut dyn Write, row: &Row, widths: &Widths, style: &Style) -> io::Result<()> {
    write!(out, "{:MARKER$}", if row.is_current { "*" } else { "" })?;
    // Blanks are written only when something follows, so that no line ends with them.
    let mut n_blanks = 0;
    for (column, cell) in row.cells.iter().enumerate().filter(|(column, _)| widths[*column] > 0) {
        let text = shorten(cell, widths[column]);
        if !text.is_empty() {
            write!(out, "{:n_blanks$}{}", "", style.paint(row.slots[column], &text))?;
            n_blanks = 0;
        }
        n_blanks += widths[column] - width(&text) + GAP;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Session, Worker};
    use crate::render::fixture::{self, HOSTILE, ago, id, is_harmless, listing, now, written};

    fn three() -> Listing {
        let first = fixture::session("feature", "implementing");
        let second = Session {
            id: id(5),
            title: "Build REST API".into(),
            branch: Some("feat/rest".into()),
            updated_at: ago(180),
            ..fixture::session("feature", "paused")
        };
        let third = Session {
            id: id(6),
            title: "实现代理会话持久化".into(),
            branch: None,
            outcome: Some(Outcome::Failure),
            updated_at: ago(60 * 24 * 2),
            ..fixture::session("worker", "terminated")
        };
        listing([first, second, third].iter().map(fixture::listed).collect())
    }

    fn shown(listing: &Listing, style: &Style) -> String {
        written(|out| table(out, listing, Some(id(4)), style))
    }

    #[test]
    fn a_terminal_gets_a_header_aligned_columns_and_a_marker() {
        assert_eq!(
            shown(&three(), &fixture::terminal(120)),
            "  HANDLE    STATE                 TITLE                    BRANCH     CHANGED
* vutsrqpk  implementing          Add user authentication  feat/auth  12 minutes ago
  uutsrqpk  paused                Build REST API           feat/rest  3 hours ago
  tutsrqpk  terminated (failure)  实现代理会话持久化                  2 days ago
"
        );
    }

    #[test]
    fn at_70_columns_the_branch_gives_way_to_the_title() {
        assert_eq!(
            shown(&three(), &fixture::terminal(70)),
            "  HANDLE    STATE                 TITLE                 CHANGED
* vutsrqpk  implementing          Add user authentica…  12 minutes ago
  uutsrqpk  paused                Build REST API        3 hours ago
  tutsrqpk  terminated (failure)  实现代理会话持久化    2 days ago
"
        );
    }

    #[test]
    fn at_40_columns_handle_state_and_the_beginning_of_the_title_are_left() {
        assert_eq!(
            shown(&three(), &fixture::terminal(40)),
            "  HANDLE    STATE               TITLE
* vutsrqpk  implementing        Add use…
  uutsrqpk  paused              Build R…
  tutsrqpk  terminated (failu…  实现代…
"
        );
    }

    #[test]
    fn a_pipe_gets_whole_tab_separated_fields_without_header_and_marker() {
        assert_eq!(
            shown(&three(), &Style { header: true, ..fixture::piped() }),
            "vutsrqpk\timplementing\tAdd user authentication\tfeat/auth\t2026-01-07T12:48:00.000000Z
uutsrqpk\tpaused\tBuild REST API\tfeat/rest\t2026-01-07T10:00:00.000000Z
tutsrqpk\tterminated\t实现代理会话持久化\t\t2026-01-05T13:00:00.000000Z
"
        );
    }

    #[test]
    fn no_sessions_are_no_output_not_even_a_header() {
        assert_eq!(shown(&listing(Vec::new()), &fixture::terminal(80)), "");
    }

    #[test]
    fn the_worker_has_a_column_once_one_is_observed() {
        let mut listing = three();
        let worker = Worker {
            pid: 4121,
            host: "build1".into(),
            started_at: now(),
            command: Vec::new(),
            extra: crate::model::Map::new(),
        };
        let session =
            Session { worker: Some(worker), ..fixture::session("feature", "implementing") };
        listing.sessions[0].observed = crate::ops::observe::Observed::Elsewhere;
        listing.sessions[0].view = Some(Box::new(fixture::view(session)));
        listing.sessions.truncate(2);
        let style = Style { header: false, ..fixture::terminal(120) };
        assert_eq!(
            shown(&listing, &style),
            "* vutsrqpk  implementing  elsewhere  Add user authentication  feat/auth  12 minutes ago
  uutsrqpk  paused        -          Build REST API           feat/rest  3 hours ago
"
        );
    }

    #[test]
    fn colours_change_no_character_and_no_alignment() {
        let style = Style { color: true, ..fixture::terminal(70) };
        let coloured = shown(&three(), &style);
        assert!(coloured.contains("* \x1b[33mvutsrqpk\x1b[0m  \x1b[32mimplementing\x1b[0m  "));
        assert!(coloured.contains("\x1b[31mterminated (failure)\x1b[0m"));
        let without = fixture::without_colors(&coloured);
        assert_eq!(without, shown(&three(), &fixture::terminal(70)));
    }

    #[test]
    fn hostile_text_reaches_neither_a_terminal_nor_a_pipe() {
        let mut listing = three();
        listing.sessions[0].excerpt.title = HOSTILE.into();
        listing.sessions[0].excerpt.branch = Some(HOSTILE.into());
        listing.sessions[0].excerpt.status = HOSTILE.into();
        assert!(is_harmless(&shown(&listing, &fixture::terminal(400)), &['\n']));
        let piped = shown(&listing, &fixture::piped());
        assert!(is_harmless(&piped, &['\n', '\t']));
        assert_eq!(piped.lines().count(), 3);
        assert!(piped.lines().all(|line| line.matches('\t').count() == 4));
    }

    proptest! {
        #[test]
        fn any_text_makes_one_harmless_line_that_fits(
            text in any::<String>(), branch in any::<String>(), columns in 10usize..120,
        ) {
            let mut listing = three();
            listing.sessions[1].excerpt.title = text;
            listing.sessions[1].excerpt.branch = Some(branch);
            let table = shown(&listing, &fixture::terminal(columns));
            prop_assert!(is_harmless(&table, &['\n']));
            prop_assert_eq!(table.lines().count(), 4);
            for line in table.lines() {
                prop_assert!(width(line) <= columns, "{}", line);
            }
        }
    }
}
