//! What `why` adds to `git blame`.

use std::io::{self, Write};
use std::process::Stdio;

use super::{Pair, Place, Run, SESSION, data};

/// How many commits the repository has.
const N_COMMITS: usize = 3000;
/// How many lines its file has.
const N_LINES: usize = 500;
/// The line that the newest commit has changed, which a session made.
const NEWEST: usize = 77;
/// A line that was there before there was a session.
const OLD: usize = 200;

/// A repository with a long history of one file.
pub struct Why {
    place: Place,
}

impl Why {
    /// Makes it.
    pub fn make(place: Place) -> io::Result<Why> {
        place.init();
        import(&place)?;
        place.session(&["init", "--quiet"]);
        place.session(&["start", "--quiet", "Add user authentication"]);
        place.session(&["record", "--quiet", "--role", "user", "--message", "Change a line"]);
        let text = std::fs::read_to_string(place.dir.join("file"))?;
        let mut lines: Vec<&str> = text.lines().collect();
        lines[NEWEST - 1] = "mine";
        place.write("file", &(lines.join("\n") + "\n"));
        place.git(&["commit", "--quiet", "-a", "-m", "mine"]);
        Ok(Why { place })
    }

    /// Returns what is to be compared.
    pub fn pairs(&self) -> Vec<Pair<'_>> {
        // Where the answer is no, the status says so.
        let (why, blame) = ("\"$0\" why \"file:$1\" || test $? = 1", "git blame -L\"$1,$1\" file");
        let run = |script: &'static str, line: usize| -> Run<'_> {
            let line = line.to_string();
            Box::new(move |_| self.place.command("sh", &["-c", script, SESSION, &line]))
        };
        let pair = |name, line| {
            let (ours, theirs) = (run(why, line), run(blame, line));
            Pair { name, ours, beside: "`git blame` of it", theirs, goal: Some(1.3) }
        };
        vec![
            pair("git-session why, a line of the newest commit", NEWEST),
            pair("git-session why, a line of no session", OLD),
        ]
    }
}

/// Makes a history in which each commit changes another line of a file.
fn import(place: &Place) -> io::Result<()> {
    let mut command = place.command("git", &["fast-import", "--quiet", "--force"]);
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    let mut feed = io::BufWriter::new(child.stdin.take().expect("it has a pipe"));
    let mut lines: Vec<String> = (0..N_LINES).map(|n| format!("line {n}\n")).collect();
    for at in 0..N_COMMITS {
        lines[at % N_LINES] = format!("line {} of {at}\n", at % N_LINES);
        let who = format!("Ada <ada@example.com> {} +0000", 1_700_000_000 + at);
        let message = data(&format!("change {at}"));
        let head = format!("commit refs/heads/main\ncommitter {who}\n{message}");
        write!(feed, "{head}M 100644 inline file\n{}\n", data(&lines.concat()))?;
    }
    feed.flush()?;
    drop(feed);
    assert!(child.wait()?.success(), "git fast-import failed");
    place.git(&["reset", "--quiet", "--hard"]);
    Ok(())
}
