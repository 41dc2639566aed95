//! What sessions take on disk after `git gc`, beside the same objects as plumbing writes them.

use super::Place;

/// How many sessions are weighed.
const N_SESSIONS: usize = 100;

/// Makes sessions of nine events with the program, and the same objects loose in another repository; lets git
/// collect both, and tells what they take.
pub fn weigh(ours: &Place, theirs: &Place) -> String {
    ours.init();
    for at in 0..N_SESSIONS {
        let title = format!("Add user authentication ({at})");
        ours.session(&["start", &title, "--issue", "FEAT-0098", "--agent", "claude-code"]);
        for _ in 0..3 {
            ours.session(&["suspend", "-m", "waiting for the review"]);
            ours.session(&["transition", "running"]);
        }
        ours.session(&["finish", "-m", "Ready for review"]);
    }
    theirs.init();
    let from = ours.dir.to_string_lossy();
    // Into a repository that has none of them, git writes each of so few objects as a file.
    let copy = "git -C \"$0\" rev-list --objects --glob='refs/sessions/*' | cut -c1-40 | \
        git -C \"$0\" pack-objects --stdout -q | git unpack-objects -q && \
        git -C \"$0\" for-each-ref --format='create %(refname) %(objectname)' refs/sessions | \
        git update-ref --stdin";
    theirs.output("sh", &["-c", copy, &from]);
    let n_events: usize =
        ours.git(&["rev-list", "--count", "--glob=refs/sessions/*"]).parse().expect("a number");
    let [ours, theirs] = [ours, theirs].map(|place| {
        place.git(&["gc", "--quiet", "--prune=now"]);
        bytes(place)
    });
    let each = ours / 1000.0 / N_SESSIONS as f64;
    format!(
        "{N_SESSIONS} sessions, {n_events} events, after `git gc`: {each:.2} KB a session (goal 2.00), {:.2} \
         times what the same objects take that plumbing wrote (goal 1.20)",
        ours / theirs
    )
}

/// Returns how many bytes the objects and refs of a repository have.
fn bytes(place: &Place) -> f64 {
    let sum = "find .git/objects .git/refs .git/packed-refs -type f -printf '%s\\n' | \
        awk '{ n += $1 } END { print n }'";
    place.output("sh", &["-c", sum]).parse().expect("a number")
}
