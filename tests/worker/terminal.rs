//! A worker in a real terminal: keys reach it, and the shell's job control reaches all of it.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::harness::World;

/// What the shell shows when it has the terminal. What is typed before may be read by somebody else.
pub const PROMPT: &str = "next> ";

/// A pseudo-terminal with a shell in it that does job control.
pub struct Screen {
    terminal: File,
    shown: String,
    shell: Child,
}

impl Screen {
    pub fn new(world: &World) -> Screen {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .expect("a terminal");
        grantpt(&controller).expect("granted");
        unlockpt(&controller).expect("unlocked");
        let name = ptsname(&controller, Vec::new()).expect("it has a name");
        let open = || rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
        let side = || Stdio::from(open().expect("opened"));
        // setsid(1) makes it the controlling terminal; -m is job control, without a prompt.
        let mut command = world.command("setsid", &["--ctty", "bash", "--norc", "-m"]);
        command.env("PS1", PROMPT).stdin(side()).stdout(side()).stderr(side());
        let shell = command.spawn().expect("setsid and bash run");
        Screen { terminal: File::from(controller), shown: String::new(), shell }
    }

    pub fn keys(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).expect("written");
    }

    /// Reads until `text` is shown, and forgets what was shown before its end.
    pub fn until(&mut self, text: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            if let Some(at) = self.shown.find(text) {
                let rest = self.shown.split_off(at + text.len());
                return std::mem::replace(&mut self.shown, rest);
            }
            let mut fds = [PollFd::new(&self.terminal, PollFlags::IN)];
            let time = Timespec { tv_sec: 20, tv_nsec: 0 };
            let n_ready = poll(&mut fds, Some(&time)).unwrap_or(0);
            assert!(n_ready > 0, "'{text}' is not shown, but {:?}", self.shown);
            let n = self.terminal.read(&mut buffer).unwrap_or(0);
            assert!(n > 0, "the terminal was closed before '{text}' was shown: {:?}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
    }
}

impl Screen {
    /// Ends the terminal, and waits for the shell to end with it.
    pub fn hang_up(mut self) {
        self.terminal = File::open("/dev/null").expect("opened");
        self.shell.wait().expect("waited for");
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// A program that reads keys, and says how wide the terminal is when that changes. What it shows is
/// put together, so that the echo of what was typed is not taken for it.
const PROGRAM: &str = r#"trap 'set -- $(stty size); echo "wide:$2"' WINCH
echo "is:up"
while :; do
    IFS= read -r line || continue
    test "$line" = bye && exit 3
    echo "got:$line"
done
"#;

fn start(world: &World) -> Screen {
    std::fs::write(world.path("program"), PROGRAM).expect("written");
    let mut screen = Screen::new(world);
    screen.keys("\"$BINARY\" start -q one -- bash \"$AT/program\"\n");
    screen.until("is:up");
    // Only who has the terminal reads a line.
    screen.keys("first words\n");
    screen.until("got:first words");
    screen
}

#[test]
fn keys_go_to_the_command_and_its_end_gives_the_terminal_back() {
    let world = World::new();
    let mut screen = start(&world);
    screen.keys("hello\n");
    screen.until("got:hello");
    screen.keys("bye\n");
    screen.until(PROMPT);
    screen.keys("echo \"status:$?\"; read -r line; echo \"shell:$line\"\n");
    screen.until("status:3");
    screen.keys("words\n");
    screen.until("shell:words");
    assert_eq!(world.word("outcome"), "failure");
}

#[test]
fn a_key_stops_the_whole_job_and_the_shell_brings_it_back() {
    let world = World::new();
    let mut screen = start(&world);
    for round in ["first", "second"] {
        screen.keys("\x1a");
        screen.until("Stopped");
        screen.until(PROMPT);
        screen.keys("echo \"in:shell\"\n");
        screen.until("in:shell");
        assert_eq!(world.word("observed"), "running");
        screen.keys("fg\n");
        screen.keys(&format!("{round}\n"));
        screen.until(&format!("got:{round}"));
    }
    screen.keys("bye\n");
    screen.until(PROMPT);
    screen.keys("echo \"status:$?\"\n");
    screen.until("status:3");
}

#[test]
fn the_interrupt_key_reaches_the_command_once() {
    let world = World::new();
    let mut screen = start(&world);
    screen.keys("\x03");
    screen.until(PROMPT);
    screen.keys("echo \"status:$?\"\n");
    screen.until("status:130");
    let session = world.only();
    assert_eq!(session["outcome"], "interrupted");
    assert_eq!(session["worker"]["signal"], 2);
}

#[test]
fn a_change_of_the_window_reaches_the_command() {
    let world = World::new();
    let mut screen = start(&world);
    let size = Winsize { ws_row: 30, ws_col: 97, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&screen.terminal, size).expect("set");
    screen.keys("x\n");
    screen.until("wide:97");
    screen.keys("bye\n");
}
