//! Commands in the background: apart from who called, with a log, and like any other worker.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use git_session::worker::{Held, Here, Process};
use rustix::process::{Pid, Signal, kill_process_group};

use super::harness::{LONG, World, finish, read, said, until};

const BINARY: &str = env!("CARGO_BIN_EXE_git-session");

/// What scripts say when they are ready, and wait for.
const WORDS: &str = "ready() { echo $$ >\"$AT/ready\"; }\ngo() { read -r _ <\"$AT/go\"; }\n";

fn with_pipes() -> World {
    let world = World::new();
    for name in ["ready", "go"] {
        let path = world.path(name).to_string_lossy().into_owned();
        assert!(world.command("mkfifo", &[&path]).status().expect("mkfifo runs").success());
    }
    world
}

/// Starts a script in the background.
fn detach(world: &World, arguments: &[&str], script: &str) -> Output {
    let script = format!("{WORDS}{script}");
    let mut all = arguments.to_vec();
    all.extend(["--detach", "--", "sh", "-c", &script]);
    world.session(&all)
}

/// Starts a script in the background that says when it is ready, and takes hold of it.
fn detached(world: &World, arguments: &[&str], script: &str) -> Held {
    let output = detach(world, arguments, script);
    assert!(output.status.success(), "{}", said(&output));
    held(world.wait_until_ready())
}

fn held(pid: u32) -> Held {
    Held::of(&Here::read(), pid).expect("it lives")
}

/// Takes hold of the process in the background that waits for the worker.
fn supervisor(world: &World) -> Held {
    let lease = read(&world.lease());
    let owner = lease.lines().find_map(|line| line.strip_prefix("owner=")).expect("an owner");
    let owner = Process::parse(owner).expect("a process");
    Held::open(&Here::read(), &owner).expect("it lives")
}

fn until_ended(world: &World) {
    until("the session has ended", || !world.only()["outcome"].is_null());
}

fn go(world: &World) {
    fs::write(world.path("go"), "go\n").expect("written");
}

fn log_file(world: &World) -> PathBuf {
    world.project().join(format!(".git/session/logs/{}.log", world.word("id")))
}

/// Returns what the log has, as a script gets it.
fn log(world: &World, arguments: &[&str]) -> String {
    let output = world.session(&[&["log", "--worker"], arguments].concat());
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).expect("text")
}

fn group_of(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("a number")).expect("not 0")
}

#[test]
fn a_command_in_the_background_is_closed_as_any_other_and_its_output_is_in_the_log() {
    let world = with_pipes();
    let script = "printf 'out\\033[1m\\n'; echo err >&2; cat; pwd; ready; go; exit 7";
    let worker = detached(&world, &["start", "one"], script);
    assert_eq!(world.word("observed"), "running");
    assert_eq!(world.only()["worker"]["pid"], worker.process.pid);
    let project = world.project().canonicalize().expect("there").display().to_string();
    assert_eq!(log(&world, &[]), format!("out\x1b[1m\nerr\n{project}\n"));
    assert_eq!(log(&world, &["-n", "1"]), format!("{project}\n"));
    let mode = |path: PathBuf| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let file = log_file(&world);
    assert_eq!(mode(file.parent().expect("a directory").to_owned()), 0o700);
    assert_eq!(mode(file.clone()), 0o600);
    let supervisor = supervisor(&world);
    go(&world);
    until_ended(&world);
    let session = world.only();
    assert_eq!(
        (&session["outcome"], &session["worker"]["exit_status"]),
        (&"failure".into(), &7.into())
    );
    assert!(supervisor.wait(LONG), "nothing stays behind");
    assert!(!world.lease().exists());
    world.check_repository();

    let id = world.word("id");
    assert_eq!(log(&world, &[&id, "-n1"]), format!("{project}\n"));
    world.ok(&["delete", &id]);
    assert!(!file.exists());
}

#[test]
fn it_is_told_how_to_see_it_and_json_shows_the_session() {
    let world = with_pipes();
    world.ok(&["create", "one", "--name", "x"]);
    let output = detach(&world, &["run", "x"], "exec sleep 1000");
    let handle = world.word("handle");
    let pid = world.only()["worker"]["pid"].to_string();
    assert_eq!(
        said(&output),
        format!(
            "exit status: 0\nSession {handle} runs in the background (process {pid}); \
             \"git session log --worker {handle}\" shows its output\n"
        )
    );
    world.ok(&["suspend", "x", "--grace=0"]);
    let json = world.json(&["resume", "x", "--detach", "--json=handle,observed,worker"]);
    assert_eq!((&json["handle"], &json["observed"]), (&handle.into(), &"running".into()));
    assert!(json["worker"]["pid"].is_u64());
    world.ok(&["terminate", "x", "--grace=0"]);

    let world = with_pipes();
    let output = detach(&world, &["start", "one"], "exec sleep 1000");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), world.word("handle"));
    world.ok(&["terminate", "--grace=0"]);
}

#[test]
fn who_reads_what_the_caller_says_does_not_wait_for_the_worker() {
    let world = with_pipes();
    let shell = "x=$(\"$BINARY\" start --detach one -- sleep 1000 2>&1); echo \"status:$?\"";
    let output = world.command("sh", &["-c", shell]).output().expect("sh runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "status:0\n", "{}", said(&output));
    assert_eq!(world.word("observed"), "running");
    world.ok(&["terminate", "--grace=0"]);
}

#[cfg(target_os = "linux")]
#[test]
fn it_survives_the_end_of_its_terminal() {
    let world = with_pipes();
    let script = "trap 'echo hup >\"$AT/hup\"' HUP; ready; go; echo went on";
    fs::write(world.path("script"), format!("{WORDS}{script}")).expect("written");
    let mut screen = super::terminal::Screen::new(&world);
    screen.keys("\"$BINARY\" start --detach one -- sh \"$AT/script\"; echo \"is:$?\"\n");
    screen.until("is:0");
    let worker = held(world.wait_until_ready());
    let supervisor = supervisor(&world);
    screen.hang_up();
    for process in [&worker, &supervisor] {
        assert!(!process.is_gone());
        let stat = read(&PathBuf::from(format!("/proc/{}/stat", process.process.pid)));
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split(' ').collect();
        assert_eq!(fields[4], supervisor.process.pid.to_string(), "its session: {stat}");
        assert_eq!(fields[5], "0", "its terminal: {stat}");
    }
    assert_eq!(world.word("observed"), "running");
    go(&world);
    until_ended(&world);
    assert_eq!(world.word("outcome"), "success");
    assert_eq!(log(&world, &[]), "went on\n");
    assert!(!world.path("hup").exists());
}

#[test]
fn what_cannot_be_run_is_told_by_the_caller_as_without_it() {
    let world = World::new();
    world.ok(&["create", "one", "--name", "x"]);
    let missing = world.session(&["run", "x", "--detach", "--json", "--", "no-such-program"]);
    assert_eq!(missing.status.code(), Some(127), "{}", said(&missing));
    assert!(said(&missing).contains("\"code\":\"io\""), "{}", said(&missing));
    assert_eq!(world.word("status"), "pending");

    // It is there, but what it needs is not.
    let program = world.path("program");
    fs::write(&program, "#!/no/such/interpreter\n").expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("set");
    let program = program.to_string_lossy().into_owned();
    let attached = world.session(&["run", "x", "--", &program]);
    let reason = world.word("reason");
    world.ok(&["resume", "x", "--no-run"]);
    let detached = world.session(&["run", "x", "--detach", "--", &program]);
    assert_eq!(detached.status.code(), Some(127));
    assert_eq!(said(&detached), said(&attached));
    let session = world.only();
    assert_eq!((&session["status"], &session["reason"]), (&"suspended".into(), &reason.into()));
    assert!(!world.lease().exists());
}

#[test]
fn a_second_worker_is_refused_by_the_caller() {
    let world = with_pipes();
    detached(&world, &["start", "one"], "ready; exec sleep 1000");
    for verb in [&["run", "--detach", "--json"][..], &["run", "--detach", "--json", "--take-over"]]
    {
        let output = world.session(&[verb, &["--", "true"]].concat());
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains("\"code\":\"conflict\""), "{}", said(&output));
    }
    world.ok(&["terminate", "--grace=0"]);
    let ended = world.session(&["run", &world.word("id"), "--detach", "--", "true"]);
    assert_eq!(ended.status.code(), Some(1), "{}", said(&ended));
}

#[test]
fn it_is_suspended_resumed_and_terminated_from_anywhere() {
    let world = with_pipes();
    let script = "trap '' TERM; echo run; sh -c 'trap \"\" TERM; sleep 1000; :' & ready; wait; :";
    let worker = detached(&world, &["start", "one"], script);
    let first = supervisor(&world);
    world.ok(&["suspend", "--grace=0"]);
    assert!(worker.is_gone() && first.wait(LONG));
    assert_eq!((world.word("status"), world.word("observed")), ("suspended".into(), "none".into()));

    let output = world.session(&["resume", "--detach"]);
    assert!(output.status.success(), "{}", said(&output));
    let worker = held(world.wait_until_ready());
    assert_eq!(
        (world.word("status"), world.word("observed")),
        ("running".into(), "running".into())
    );
    assert_eq!(log(&world, &[]), "run\nrun\n");

    world.ok(&["suspend", "--freeze"]);
    let output = world.session(&["resume", "--detach"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!((world.word("status"), worker.is_gone()), ("running".into(), false));

    let second = supervisor(&world);
    world.ok(&["terminate", "--grace=0"]);
    assert!(worker.is_gone() && second.wait(LONG));
    assert_eq!(world.word("outcome"), "interrupted");
    world.check_repository();
}

#[test]
fn its_time_and_its_chances_are_limited_as_in_the_foreground() {
    let world = with_pipes();
    assert!(detach(&world, &["start", "one"], "echo x; exit 4").status.success());
    until_ended(&world);
    world.ok(&["create", "two", "--name", "two"]);
    let find = |name: &str| world.json(&["show", name, "--json"]);
    let output = detach(&world, &["run", "two", "--timeout=50ms"], "exec sleep 1000");
    assert!(output.status.success(), "{}", said(&output));
    until("it has ended", || !find("two")["outcome"].is_null());
    assert_eq!(find("two")["reason"], "timeout");
    world.ok(&["create", "three", "--name", "three"]);
    let output = detach(&world, &["run", "three", "--max-iterations=3"], "echo try; exit 4");
    assert!(output.status.success(), "{}", said(&output));
    until("it has ended", || !find("three")["outcome"].is_null());
    assert_eq!(find("three")["outcome"], "failure");
    assert_eq!(log(&world, &["three"]), "try\ntry\ntry\n");
}

#[test]
fn a_worker_whose_supervisor_was_killed_writes_on_and_can_be_taken_over() {
    let world = with_pipes();
    let script = "echo one; ready; go; echo two; ready; go; echo three";
    let worker = detached(&world, &["start", "one"], script);
    let first = supervisor(&world);
    first.signal(Signal::KILL).expect("sent");
    assert!(first.wait(LONG));
    assert_eq!(world.word("observed"), "running");
    go(&world);
    world.wait_until_ready();
    assert_eq!(log(&world, &[]), "one\ntwo\n");

    let output = world.session(&["resume", "--take-over", "--detach"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_ne!(supervisor(&world).process, first.process);
    go(&world);
    assert!(worker.wait(LONG));
    until("it is put aside", || world.word("status") == "suspended");
    assert_eq!(log(&world, &[]), "one\ntwo\nthree\n");
    world.check_repository();
}

#[test]
fn the_log_keeps_to_its_limit_while_the_worker_runs_and_at_its_end() {
    let world = with_pipes();
    world.git(&["config", "session.logLimit", "2k"]);
    let script = "seq 10000; ready; go; seq 10001 20000";
    detached(&world, &["start", "one"], script);
    let size = || {
        let file = log_file(&world);
        let older = file.with_extension("log.1");
        [file, older].map(|file| fs::metadata(file).map_or(0, |it| it.len())).iter().sum::<u64>()
    };
    until("the log is short", || size() < 2100);
    let newest = log(&world, &[]);
    assert!(newest.ends_with("9999\n10000\n") && newest.len() > 900, "{newest}");
    let output = world.session(&["log", "--worker"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.ends_with(" bytes of older output were dropped\n"), "{told}");
    go(&world);
    until_ended(&world);
    assert!(size() < 2100, "{}", size());
    assert!(log(&world, &[]).ends_with("19999\n20000\n"));
    assert_eq!(log(&world, &["-n2"]), "19999\n20000\n");
}

#[test]
fn following_the_log_ends_with_the_worker() {
    let world = with_pipes();
    detached(&world, &["start", "one"], "echo one; ready; go; printf two");
    let mut command = world.command(BINARY, &["log", "--worker", "-f"]);
    let mut follower = command.stdout(Stdio::piped()).spawn().expect("the program runs");
    let mut output = BufReader::new(follower.stdout.take().expect("a pipe"));
    let mut text = String::new();
    output.read_line(&mut text).expect("read");
    go(&world);
    output.read_to_string(&mut text).expect("read");
    assert_eq!((text.as_str(), finish(follower)), ("one\ntwo", Some(0)));
}

#[test]
fn following_the_log_ends_when_nobody_reads_it() {
    let world = with_pipes();
    let worker = detached(&world, &["start", "one"], "echo one; ready; go");
    let mut command = world.command(BINARY, &["log", "--worker", "-f"]);
    let mut follower = command.spawn().expect("the program runs");
    let mut output = BufReader::new(follower.stdout.take().expect("a pipe"));
    output.read_line(&mut String::new()).expect("read");
    drop(output);
    assert_eq!(finish(follower), Some(141));
    assert!(!worker.is_gone());
    go(&world);
    until_ended(&world);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_nothing_that_it_would_obey() {
    let world = with_pipes();
    let script = "printf '\\033]0;title\\007\\033[31mred\\033[0m\\n'; ready; go";
    detached(&world, &["start", "one"], script);
    let mut screen = super::terminal::Screen::new(&world);
    screen.keys("\"$BINARY\" --no-pager log --worker\n");
    screen.until("\\x1b]0;title\\x07red\r\n");
    go(&world);
    until_ended(&world);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let world = World::new();
    let refused = |arguments: &[&str], status: i32, code: &str| {
        let output = world.session(arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", said(&output));
        let code = format!("\"code\":\"{code}\"");
        assert!(said(&output).contains(&code), "{arguments:?}: {}", said(&output));
    };
    refused(&["start", "one", "--json", "--", "true"], 129, "usage");
    refused(&["start", "one", "--json", "--detach"], 129, "usage");
    refused(&["start", "one", "--json", "--on-resume=true"], 129, "usage");
    assert_eq!(world.json(&["list", "--json"])["sessions"], serde_json::json!([]));
    world.ok(&["start", "one"]);
    refused(&["run", "--json", "--", "true"], 129, "usage");
    refused(&["run", "--detach", "--json=nothing", "--", "true"], 129, "unknown_field");
    refused(&["resume", "--detach", "--json", "--no-run"], 129, "usage");
    refused(&["log", "--worker", "--json"], 129, "usage");
    assert!(world.only()["worker"].is_null());
    let output = world.session(&["log", "--worker"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("hint: one is kept for what"), "{}", said(&output));
}

#[cfg(target_os = "linux")]
#[test]
fn a_caller_that_is_interrupted_leaves_a_worker_that_is_known() {
    let world = with_pipes();
    world.ok(&["start", "first", "--", "true"]);
    let lock = world.project().join(".git/session/leases/.lock");
    let lock = fs::File::open(lock).expect("there");
    lock.lock().expect("locked");
    let script = format!("{WORDS}ready; go");
    let mut command =
        world.command(BINARY, &["start", "two", "--detach", "--", "sh", "-c", &script]);
    let caller = command.process_group(0).spawn().expect("the program runs");
    let group = group_of(caller.id());
    let child = || {
        let path = format!("/proc/{0}/task/{0}/children", caller.id());
        read(&PathBuf::from(path)).trim().parse::<u32>().ok()
    };
    until("a process has left the terminal", || {
        child().is_some_and(|pid| {
            // nix's, since the session before may have no number: its leader is outside of a container.
            let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
            nix::unistd::getsid(Some(pid)) == Ok(pid)
        })
    });
    kill_process_group(group, Signal::INT).expect("sent");
    assert_eq!(finish(caller), None, "it was interrupted");
    lock.unlock().expect("unlocked");
    world.wait_until_ready();
    let running = || {
        let listed = world.json(&["list", "--observed=running", "--json"]);
        listed["sessions"].as_array().map(Vec::len)
    };
    until("the worker is known", || running() == Some(1));
    go(&world);
    let is_closed = || world.json(&["list", "--json"])["sessions"] == serde_json::json!([]);
    until("it is closed", is_closed);
}

#[test]
fn what_a_deleted_session_leaves_goes_unless_its_worker_lives() {
    let world = with_pipes();
    let worker = detached(&world, &["start", "one"], "ready; go");
    let (id, file, lease) = (world.word("id"), log_file(&world), world.lease());
    let refused = world.session(&["delete", "--force", "--json", &id]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("\"code\":\"conflict\""), "{}", said(&refused));
    assert_eq!(world.word("observed"), "running");
    let supervisor = supervisor(&world);
    world.git(&["update-ref", "-d", &format!("refs/sessions/{id}")]);
    assert!(!worker.is_gone() && file.exists() && lease.exists());
    world.ok(&["reap"]);
    assert!(file.exists() && lease.exists());
    worker.signal(Signal::KILL).expect("sent");
    assert!(worker.wait(LONG) && supervisor.wait(LONG));
    world.ok(&["reap", "-n"]);
    assert!(file.exists());
    world.ok(&["reap"]);
    assert!(!file.exists() && !lease.exists());
}

#[test]
fn a_session_is_resumed_by_what_its_command_said_for_that() {
    let world = World::new();
    let line = "echo \"again $GIT_SESSION\" >>\"$AT/runs\"; kill -9 $$";
    let first = ["start", "one", "--on-resume", line, "--", "sh", "-c", "exit 0"];
    // The session of this lifecycle stays open when its command has ended.
    world.ok(&[&first[..2], &["--lifecycle", "feature"], &first[2..]].concat());
    world.ok(&["suspend"]);
    let checked = world.ok(&["-v", "resume", "--check"]);
    assert!(checked.contains("Would run sh -c 'echo \"again "), "{checked}");
    let id = world.word("id");
    let runs = || read(&world.path("runs")).matches(&format!("again {id}\n")).count();
    let output = world.session(&["-v", "resume"]);
    assert_eq!(output.status.code(), Some(137), "{}", said(&output));
    assert!(said(&output).contains("Running sh -c 'echo "), "{}", said(&output));
    assert_eq!(runs(), 1);
}

#[test]
fn an_agent_goes_on_with_the_conversation_that_its_command_line_names() {
    let world = with_pipes();
    let claude = world.path("claude");
    fs::write(&claude, "#!/bin/sh\necho \"$@\"\necho $$ >\"$AT/ready\"\nexec sleep 1000\n")
        .expect("written");
    fs::set_permissions(&claude, fs::Permissions::from_mode(0o755)).expect("set");
    let claude = claude.to_string_lossy().into_owned();
    let id = "11111111-2222-4333-8444-555555555555";
    world.ok(&["start", "one", "--detach", "--", &claude, "--session-id", id, "Fix the login"]);
    for _ in 0..2 {
        world.wait_until_ready();
        world.ok(&["suspend", "--grace=0"]);
        let output = world.ok(&["-v", "resume", "--detach"]);
        assert!(output.contains(&format!("--resume {id} 'Fix the login'")), "{output}");
    }
    world.wait_until_ready();
    world.ok(&["terminate", "--grace=0"]);
    let expected = format!(
        "--session-id {id} Fix the login\n--resume {id} Fix the login\n--resume {id} Fix the login\n"
    );
    assert_eq!(log(&world, &[&world.word("id")]), expected);
}
