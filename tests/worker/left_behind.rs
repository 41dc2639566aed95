//! `session.onCheckout = ask`, at a real terminal.

use super::harness::World;
use super::terminal::{PROMPT, Screen};

/// Makes a session on `main` and one on `side`, which is the branch that is checked out.
fn two_sessions() -> World {
    let world = World::new();
    world.ok(&["init", "-q"]);
    world.git(&["config", "session.onCheckout", "ask"]);
    world.ok(&["start", "-q", "--name", "first", "First"]);
    world.git(&["switch", "-q", "-c", "side"]);
    world.ok(&["start", "-q", "--name", "second", "Second"]);
    world
}

fn status(world: &World, name: &str) -> String {
    world.json(&["show", name, "--json"])["status"].as_str().expect("a state").to_owned()
}

fn type_line(screen: &mut Screen, line: &str) {
    screen.until(PROMPT);
    screen.keys(&format!("{line}\n"));
}

#[test]
fn who_leaves_a_branch_is_asked_and_the_session_comes_back_with_it() {
    let world = two_sessions();
    let mut screen = Screen::new(&world);
    type_line(&mut screen, "git switch -q main");
    screen.until("\"Second\" aside? [y/N]");
    screen.keys("y\n");
    screen.until("is put aside until you come back");
    screen.until(PROMPT);
    assert_eq!([status(&world, "first"), status(&world, "second")], ["running", "suspended"]);
    screen.keys("git switch -q side\n");
    screen.until("\"First\" aside? [y/N]");
    screen.keys("\n");
    screen.until(PROMPT);
    assert_eq!([status(&world, "first"), status(&world, "second")], ["running", "running"]);
    screen.hang_up();
}

#[test]
fn a_switch_waits_for_no_answer_that_does_not_come() {
    let world = two_sessions();
    let mut screen = Screen::new(&world);
    type_line(&mut screen, "GIT_SESSION_HOOK_TIMEOUT=4000 git switch -q main");
    screen.until("\"Second\" aside? [y/N]");
    screen.until(PROMPT);
    // Neither is anybody asked who has said so, nor by a job in the background.
    for quiet in ["GIT_TERMINAL_PROMPT=0 git switch -q side", "AI_AGENT=1 git switch -q main"] {
        screen.keys(&format!("{quiet}\n"));
        let shown = screen.until(PROMPT);
        assert!(shown.contains("hint: session ") && !shown.contains("[y/N]"), "{shown}");
    }
    screen.keys("git switch -q side & wait\n");
    let shown = screen.until("hint: session ");
    assert!(!shown.contains("[y/N]"), "{shown}");
    screen.until(PROMPT);
    assert_eq!([status(&world, "first"), status(&world, "second")], ["running", "running"]);
    screen.hang_up();
}
