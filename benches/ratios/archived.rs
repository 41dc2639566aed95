//! What sessions cost git itself once they are archived: the same commands in a repository that never had any.

use std::io::{self, Write};
use std::process::Stdio;
use std::time::Instant;

use super::{N_WARM_UPS, Place, SESSION, cost, median};

/// A repository of which all sessions are archived, one without sessions, and a remote for each.
pub struct Archived {
    ours: Place,
    plain: Place,
}

/// What git is asked in both.
const QUESTIONS: [&str; 4] = ["fetch", "push", "log --all --oneline -1", "describe --always"];
/// By how much sessions may slow git down.
const GOAL: f64 = 1.2;

/// Makes a history of a thousand commits, packed.
fn history(place: &Place) -> io::Result<()> {
    let mut text = String::new();
    for n in 0..1000 {
        let from = if n == 0 { "from refs/heads/main^0\n" } else { "" };
        let who = "Ada <ada@example.com> now";
        text += &format!(
            "commit refs/heads/main\ncommitter {who}\ndata 4\nwork\n{from}\
             M 100644 inline src/{}.txt\ndata <<END\nline {n}\nEND\n",
            n % 100
        );
    }
    let mut command = place.command("git", &["fast-import", "--quiet", "--date-format=now"]);
    let mut child = command.stdin(Stdio::piped()).spawn()?;
    child.stdin.take().expect("it has a pipe").write_all(text.as_bytes())?;
    assert!(child.wait()?.success(), "git fast-import failed");
    place.git(&["reset", "-q", "--hard"]);
    place.git(&["tag", "-a", "-m", "one", "v1"]);
    place.git(&["repack", "-q", "-a", "-d"]);
    Ok(())
}

impl Archived {
    /// Copies the repository at `from`, without its open sessions, and archives all of them; prints what that took.
    ///
    /// The copy has its own refs, and the same files of objects; both have a history of the user's, too.
    pub fn make(
        from: &Place,
        ours: Place,
        plain: Place,
        out: &mut dyn Write,
    ) -> io::Result<Archived> {
        for place in [&ours, &plain] {
            place.init();
            history(place)?;
        }
        for entry in from.dir.join(".git/objects/pack").read_dir()? {
            let path = entry?.path();
            let name = path.file_name().expect("it is in a directory");
            let copy = ours.dir.join(".git/objects/pack").join(name);
            std::fs::hard_link(&path, &copy).or_else(|_| std::fs::copy(&path, &copy).map(drop))?;
        }
        let format = "--format=%(objectname) %(refname) %(trailers:key=Session-Class,valueonly)";
        let refs = from.git(&["for-each-ref", format, "refs/sessions"]);
        let ended = refs.lines().filter_map(|line| line.strip_suffix(" ended"));
        ours.git(&["pack-refs", "--all"]);
        let mut packed: Vec<String> = ended.map(|line| format!("{line}\n")).collect();
        let n_sessions = packed.len();
        let own = ours.git(&["for-each-ref", "--format=%(objectname) %(refname)"]);
        packed.extend(own.lines().map(|line| format!("{line}\n")));
        packed.sort_by(|a, b| a.split(' ').nth(1).cmp(&b.split(' ').nth(1)));
        let header = "# pack-refs with: sorted \n".to_owned();
        std::fs::write(ours.dir.join(".git/packed-refs"), header + &packed.concat())?;
        let begin = Instant::now();
        ours.output(SESSION, &["archive", "-q"]);
        let seconds = begin.elapsed().as_secs_f64();
        let n_refs = ours.git(&["for-each-ref", "--format=%(refname)", "refs/sessions*"]);
        let n_refs = n_refs.lines().count();
        writeln!(
            out,
            "\n{n_sessions} ended sessions, archived in {seconds:.1} s: {n_refs} refs\n"
        )?;
        let archived = Archived { ours, plain };
        archived.share()?;
        Ok(archived)
    }

    /// Gives each of the two a remote that has all of it.
    fn share(&self) -> io::Result<()> {
        for place in [&self.ours, &self.plain] {
            let remote = place.dir.with_extension("remote.git").to_string_lossy().into_owned();
            place.git(&["clone", "-q", "--mirror", ".", &remote]);
            place.git(&["remote", "add", "origin", &remote]);
            place.git(&["fetch", "-q"]);
            place.git(&["branch", "-q", "--set-upstream-to=origin/main"]);
        }
        Ok(())
    }

    /// Asks both in turn, and prints a row for each command.
    pub fn measure(&self, out: &mut dyn Write, n_runs: usize) -> io::Result<()> {
        writeln!(out, "| git | ms | without sessions | ratio | goal | |")?;
        writeln!(out, "|---|--:|--:|--:|--:|---|")?;
        for question in QUESTIONS {
            let args: Vec<&str> = question.split(' ').collect();
            let (mut ours, mut plain, mut ratios) = (vec![], vec![], vec![]);
            for at in 0..N_WARM_UPS + n_runs {
                let one = cost(self.ours.command("git", &args)).wall;
                let other = cost(self.plain.command("git", &args)).wall;
                if at >= N_WARM_UPS {
                    ours.push(one);
                    plain.push(other);
                    ratios.push(one / other);
                }
            }
            let ratio = median(ratios);
            let verdict = if ratio <= GOAL { "met" } else { "**not met**" };
            let (ours, plain) = (median(ours), median(plain));
            writeln!(
                out,
                "| `git {question}` | {ours:.1} | {plain:.1} | {ratio:.2} | {GOAL:.2} | {verdict} |"
            )?;
        }
        Ok(())
    }
}
