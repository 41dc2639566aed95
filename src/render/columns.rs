//! The columns of the list, and how they share a terminal.

/// How many columns there are.
pub(super) const N_COLUMNS: usize = 6;
pub(super) const HANDLE: usize = 0;
pub(super) const STATE: usize = 1;
pub(super) const RUN: usize = 2;
pub(super) const TITLE: usize = 3;
pub(super) const BRANCH: usize = 4;
pub(super) const CHANGED: usize = 5;

/// Their headers.
pub(super) const HEADERS: [&str; N_COLUMNS] =
    ["HANDLE", "STATE", "RUN", "TITLE", "BRANCH", "CHANGED"];

/// The columns of the marker before the first column.
pub(super) const MARKER: usize = 2;
/// The columns between two columns.
pub(super) const GAP: usize = 2;

/// The width of each column; 0 for one that is left out.
pub(super) type Widths = [usize; N_COLUMNS];

/// The narrowest terminal that is cared for: marker and handle.
const NARROWEST: usize = 10;
/// The least that a branch is shortened to.
const LEAST_BRANCH: usize = 8;
/// The least that a state is shortened to while anything else can give way: `generating_report`.
const LEAST_STATE: usize = 18;
/// What is tried, one after the other: which columns are left out, and the least that the title is
/// shortened to.
const STEPS: [(&[usize], usize); 4] =
    [(&[], 16), (&[BRANCH], 12), (&[BRANCH, CHANGED], 12), (&[BRANCH, CHANGED, RUN], 8)];

/// Returns the widths of columns that would like to be as wide as `natural`, so that a line has at
/// most `width` columns.
///
/// The title gives way first, then the branch; then whole columns do, from the right. The handle
/// stays whole.
pub(super) fn fit(natural: Widths, width: usize) -> Widths {
    let width = width.max(NARROWEST);
    let mut widths = natural;
    for (left_out, least_title) in STEPS {
        widths = natural;
        left_out.iter().for_each(|column| widths[*column] = 0);
        narrow(&mut widths, TITLE, least_title, width);
        narrow(&mut widths, BRANCH, LEAST_BRANCH, width);
        if total(&widths) <= width {
            return widths;
        }
    }
    narrow(&mut widths, STATE, LEAST_STATE, width);
    narrow(&mut widths, TITLE, 0, width);
    narrow(&mut widths, STATE, 0, width);
    widths
}

/// Narrows a column as far as needed, but not below `least`.
fn narrow(widths: &mut Widths, column: usize, least: usize, width: usize) {
    let excess = total(widths).saturating_sub(width);
    let narrowed = widths[column].saturating_sub(excess);
    widths[column] = narrowed.max(least.min(widths[column]));
}

fn total(widths: &Widths) -> usize {
    let shown = widths.iter().filter(|width| **width > 0);
    let columns: usize = shown.map(|width| width + GAP).sum();
    MARKER + columns.saturating_sub(GAP)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_title_gives_way_before_the_branch_and_the_branch_before_the_time() {
        let natural = [8, 12, 0, 30, 20, 14];
        for (width, expected) in [
            (100, [8, 12, 0, 30, 20, 14]),
            (90, [8, 12, 0, 26, 20, 14]),
            (80, [8, 12, 0, 16, 20, 14]),
            (70, [8, 12, 0, 16, 10, 14]),
            (60, [8, 12, 0, 18, 0, 14]),
            (50, [8, 12, 0, 24, 0, 0]),
            (40, [8, 12, 0, 14, 0, 0]),
            (34, [8, 12, 0, 8, 0, 0]),
            (24, [8, 12, 0, 0, 0, 0]),
            (10, [8, 0, 0, 0, 0, 0]),
        ] {
            assert_eq!(fit(natural, width), expected, "{width}");
        }
    }

    #[test]
    fn the_longest_built_in_state_is_whole_at_40_columns() {
        assert_eq!(fit([8, 17, 9, 30, 20, 14], 40), [8, 17, 0, 9, 0, 0]);
        assert_eq!(fit([8, 24, 0, 30, 20, 14], 40), [8, 18, 0, 8, 0, 0]);
    }

    proptest! {
        #[test]
        fn no_line_is_ever_wider_than_the_terminal(
            state in 1usize..50, run in 0usize..10, title in 0usize..99, branch in 0usize..99,
            changed in 5usize..25, width in 10usize..200,
        ) {
            let widths = fit([8, state, run, title, branch, changed], width);
            prop_assert!(total(&widths) <= width);
            prop_assert_eq!(widths[HANDLE], 8);
        }
    }
}
