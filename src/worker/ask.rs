//! Asking a program one thing: it is given bytes, and answers with bytes, in bounded time and size.

use std::ffi::OsString;
use std::io::{self, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// The most that is kept of what a program says beside its answer, in bytes.
const MAX_COMPLAINT: usize = 4096;

/// A question to a program.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its arguments.
    pub words: &'a [OsString],
    /// The directory that it runs in.
    pub dir: &'a Path,
    /// Its whole environment.
    pub environment: &'a [(String, OsString)],
    /// How long it may take.
    pub time: Duration,
    /// The largest answer, in bytes.
    pub max_bytes: u64,
}

/// What a program answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its exit status; `None` if a signal ended it.
    pub status: Option<i32>,
    /// Its standard output.
    pub output: Vec<u8>,
    /// The last line that it said on its standard error; empty if it said nothing.
    pub complaint: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// It cannot be started.
    #[error("cannot be started: {0}")]
    Start(io::Error),
    /// It did not end in time.
    #[error("did not end within {} seconds", .0.as_secs())]
    Late(Duration),
    /// It said too much.
    #[error("said more than {0} bytes")]
    Large(u64),
}

impl Question<'_> {
    /// Asks, with `input` on the program's standard input, and waits for the answer. What the program has
    /// started and left behind in its process group ends with it.
    ///
    /// # Errors
    /// [`AskError`]; nothing of the program's group runs any more then.
    pub fn ask(&self, input: Vec<u8>) -> Result<Answer, AskError> {
        let deadline = Instant::now() + self.time;
        let mut child = self.start().map_err(AskError::Start)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read what it is given says why by its status.
            std::thread::spawn(move || stdin.write_all(&input));
        }
        let output = head(child.stdout.take(), self.max_bytes);
        let complaint = tail(child.stderr.take());
        let result = self.wait(&child, &output, &complaint, deadline);
        end_group(&child);
        // The program is dead or has ended.
        let status = child.wait().ok().and_then(|it| it.code());
        let (output, complaint) = result?;
        Ok(Answer { status, output, complaint })
    }

    fn start(&self) -> io::Result<Child> {
        Command::new(self.program)
            .args(self.words)
            .current_dir(self.dir)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
    }

    fn wait(
        &self,
        child: &Child,
        output: &Receiver<Vec<u8>>,
        complaint: &Receiver<String>,
        deadline: Instant,
    ) -> Result<(Vec<u8>, String), AskError> {
        let left = || deadline.saturating_duration_since(Instant::now());
        let late = |_| AskError::Late(self.time);
        let output = output.recv_timeout(left()).map_err(late)?;
        if output.len() as u64 > self.max_bytes {
            return Err(AskError::Large(self.max_bytes));
        }
        ended(child).recv_timeout(left()).map_err(late)?;
        // Something in the background may keep the stream open; it is no part of the answer.
        let complaint = complaint.recv_timeout(left().min(Duration::from_secs(1)));
        Ok((output, complaint.unwrap_or_default()))
    }
}

/// Reads a stream up to a byte beyond `max`.
fn head(stream: Option<impl Read + Send + 'static>, max: u64) -> Receiver<Vec<u8>> {
    let (done, waiting) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What cannot be read any more ends the answer as its end does.
        let _ = stream.map(|it| it.take(max.saturating_add(1)).read_to_end(&mut bytes));
        let _ = done.send(bytes);
    });
    waiting
}

/// Reads a stream to its end, and returns the last line that says something.
fn tail(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (done, waiting) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut kept, mut piece) = (Vec::new(), [0; MAX_COMPLAINT]);
        if let Some(mut stream) = stream {
            while let Ok(n) = stream.read(&mut piece)
                && n > 0
            {
                kept.extend_from_slice(&piece[..n]);
                kept.drain(..kept.len().saturating_sub(MAX_COMPLAINT));
            }
        }
        let text = String::from_utf8_lossy(&kept);
        let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
        let _ = done.send(last.unwrap_or_default().to_owned());
    });
    waiting
}

/// Tells when a program has ended; it is not waited for, so that its number stays its own.
fn ended(child: &Child) -> Receiver<()> {
    let (done, waiting) = mpsc::channel();
    let pid = pid(child);
    std::thread::spawn(move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let _ = pid.map(|pid| waitid(WaitId::Pid(pid), options));
        let _ = done.send(());
    });
    waiting
}

/// Ends what is left of the group that a program leads. It is not waited for yet.
fn end_group(child: &Child) {
    if let Some(pid) = pid(child) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(script: &str, input: &[u8], time: Duration) -> Result<Answer, AskError> {
        let words = ["-c".into(), script.into()];
        let environment = [("PATH".to_owned(), "/usr/bin:/bin".into())];
        let question = Question {
            program: Path::new("/bin/sh"),
            words: &words,
            dir: Path::new("/"),
            environment: &environment,
            time,
            max_bytes: 1000,
        };
        question.ask(input.to_vec())
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_program_answers_with_its_output_its_status_and_its_last_word() {
        let script = "cat; env; echo first >&2; echo second >&2; exit 3";
        let answer = ask(script, b"given\n", LONG).expect("an answer");
        let output = String::from_utf8_lossy(&answer.output);
        assert!(output.starts_with("given\n"), "{output}");
        assert!(!output.contains("CARGO"), "{output}");
        assert_eq!((answer.status, answer.complaint.as_str()), (Some(3), "second"));
    }

    #[test]
    fn a_program_need_not_read_what_it_is_given() {
        let answer = ask("exit 0", &vec![b'x'; 1 << 20], LONG).expect("an answer");
        assert_eq!((answer.status, answer.output.len()), (Some(0), 0));
    }

    #[test]
    fn a_program_that_hangs_is_killed_with_what_it_started() {
        let began = Instant::now();
        let refused = ask("sleep 1000 & sleep 1000", b"", Duration::from_millis(200));
        assert!(matches!(refused, Err(AskError::Late(_))), "{refused:?}");
        assert!(began.elapsed() < LONG);
    }

    #[test]
    fn a_program_that_says_too_much_is_stopped() {
        let refused = ask("yes", b"", LONG);
        assert!(matches!(refused, Err(AskError::Large(1000))), "{refused:?}");
    }
}
