//! The manual page: one page with a section for each command, made from their definitions.

use std::io;

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

/// Returns `git-session.1`.
pub fn manual(definition: clap::Command) -> io::Result<Vec<u8>> {
    let mut definition = definition;
    definition.build();
    let page = Man::new(definition.clone()).title("GIT-SESSION").section("1").manual("Git Manual");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    synopsis(&mut text)?;
    page.render_description_section(&mut text)?;
    commands(&definition, "git session", &mut text)?;
    page.render_options_section(&mut text)?;
    sections(&mut text)?;
    Ok(text)
}

/// The library's own leaves out the names of values.
fn synopsis(text: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([
        bold("git session"),
        roman(" [-C <path>] [-q | -v] [--no-pager] [--color[=<when>]] [<command> [<args>]]"),
    ]);
    roff.to_writer(text)
}

/// Writes a section for each command below `parent`.
fn commands(parent: &clap::Command, path: &str, text: &mut Vec<u8>) -> io::Result<()> {
    if path == "git session" {
        let mut roff = Roff::new();
        roff.control("SH", ["COMMANDS"]);
        roff.to_writer(text)?;
    }
    for command in parent.get_subcommands().filter(|command| !command.is_hide_set()) {
        let path = format!("{path} {}", command.get_name());
        command_section(command, &path, text)?;
        commands(command, &path, text)?;
    }
    Ok(())
}

fn command_section(command: &clap::Command, path: &str, text: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    let about = command.get_long_about().or(command.get_about());
    let aliases: Vec<&str> = command.get_visible_aliases().collect();
    roff.control("SS", [path.strip_prefix("git session ").unwrap_or(path)]);
    let usage = command.clone().render_usage().to_string();
    let usage =
        usage.trim_start_matches("Usage: ").split_whitespace().collect::<Vec<_>>().join(" ");
    roff.text([bold(usage)]);
    if let Some(about) = about {
        for paragraph in about.to_string().split("\n\n") {
            roff.control("PP", []);
            roff.text([roman(paragraph.replace('\n', " "))]);
        }
    }
    if !aliases.is_empty() {
        roff.control("PP", []);
        roff.text([roman(format!("Also: {}.", aliases.join(", ")))]);
    }
    for argument in command.get_arguments().filter(|it| is_own(it)) {
        option(argument, &mut roff);
    }
    if let Some(help) = command.get_after_help() {
        roff.control("PP", []);
        roff.control("nf", []);
        for line in help.to_string().lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
    }
    roff.to_writer(text)
}

/// Tells whether an argument belongs to the command itself and is to be told.
fn is_own(argument: &clap::Arg) -> bool {
    !argument.is_hide_set() && !argument.is_global_set() && argument.get_id() != "help"
}

fn option(argument: &clap::Arg, roff: &mut Roff) {
    let mut names = Vec::new();
    names.extend(argument.get_short().map(|short| format!("-{short}")));
    names.extend(argument.get_long().map(|long| format!("--{long}")));
    names.extend(
        argument.get_visible_aliases().into_iter().flatten().map(|alias| format!("--{alias}")),
    );
    let values: Vec<String> = argument
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(|name| format!("<{name}>"))
        .collect();
    let takes_value = argument.get_action().takes_values();
    let mut head = names.join(", ");
    if takes_value {
        let is_optional = argument.get_num_args().is_some_and(|n| n.min_values() == 0);
        head = match (names.is_empty(), is_optional) {
            (true, _) => values.join(" "),
            (false, true) => format!("{head}[={}]", values.join(" ")),
            (false, false) => format!("{head} {}", values.join(" ")),
        };
    }
    roff.control("TP", []);
    roff.text([bold(head)]);
    let help = argument.get_long_help().or(argument.get_help());
    roff.text([roman(help.map(ToString::to_string).unwrap_or_default().replace('\n', " "))]);
}

/// What no command says.
const SECTIONS: [(&str, &str); 8] = [
    (
        "NAMING A SESSION",
        "\
Wherever a session may stand: nothing or @ is the current one (GIT_SESSION in the environment, else \
this work tree's current session, else the one open session of this branch); - is the one before; \
further its id, its handle or a unique prefix of either, its name, its branch, or a commit that it \
made. Exact comes before prefix; a tie is an error that lists the candidates.",
    ),
    (
        "DATES",
        "\
As git has them (2.weeks, yesterday, 2026-01-31, RFC 3339), and spans that are so long ago (2d, 1h30m). \
A date without a zone is in UTC, and a day begins at midnight. What is no date is refused.",
    ),
    (
        "HOOKS",
        "\
Hooks of your own, where git looks for hooks (core.hooksPath, else hooks in the git directory; and \
hook.<name>.event in the configuration, with a git that knows it), are run by git hook run(1). \
session-transition is asked before a session moves, with its id, its state and the state to be: if it \
fails, the session does not move and nothing is stopped. That a worker has ended is recorded in any \
case. session-start (the session was in an active state for the first time), session-checkpoint and \
session-end are told afterwards, with the id: if one fails, that is reported and changes nothing. Each \
reads one JSON document on its standard input: hook, id, event, from, to, reason, outcome, actor and \
session, which is the object of show --json, before a move as it will be on top of the commit tip. They \
run at the top of the work tree with GIT_DIR, GIT_WORK_TREE and GIT_SESSION set, for as long as they \
take. They may use the session: if it changes while session-transition is asked, that is asked again. A \
hook is not run inside itself: GIT_SESSION_HOOK names those that run. --no-verify does not ask.",
    ),
    (
        "CONFIGURATION",
        "\
session.lifecycle (worker): the lifecycle of new sessions. session.branchPrefix (session/): what the \
branches of start -b begin with. session.worktreePath (beside the main work tree): the directory for the \
work trees of start --worktree; a relative one is below the main work tree. session.maxIterations (3), \
session.timeout (120.minutes), session.maxTokens (no limit), \
session.autoCheckpoint (true), session.errorRecovery (true): what new sessions are configured with. \
session.checkpointFileLimit (50m): how large a file may be that a checkpoint \
keeps; session.checkpointLimit (256m): how much it keeps of changed files; 0 is without limit. \
session.durability (full): full, or git for as durable as git's own settings. session.cache (from 512 \
sessions on): true or false, whether lists remember what they read. session.autoArchive (1000): how many \
sessions must have ended a day ago to be archived by themselves; 0 is never. session.logLimit (10m): \
how long the log of a worker in the background may grow, in bytes or with k, m or g; 0 is without limit. \
session.redact (true): secrets (tokens of known forms, passwords in addresses and under telling names, \
values of the environment and of .env files) are kept out of what is written, and the home directory \
becomes ~. session.redactRules: a file of more rules in gitleaks' form, from the top of the work tree. \
session.redactAllow: a pattern of what is no secret; may be given more than once. session.trailer (true): \
commits name the session that they are made in. session.notes (false): notes on commits in refs/notes/sessions \
name it too. session.push (false): git push takes the sessions along that made what it sends. session.onCheckout (keep): keep, suspend or ask, for a session whose branch is left. session.transcripts: verbatim, \
or lean, without signatures, encrypted reasoning and the agent's own instructions. session.hooks: \
where init put the hooks of git (config, files or none), written by it. session.format.<name>: \
a format for list --format=<name>. color.session, core.pager, advice.session*: as git's own.",
    ),
    (
        "ENVIRONMENT",
        "\
GIT_SESSION: the current session. GIT_SESSION_TRACE: 1 for standard error, or an absolute path. \
GIT_SESSION_HOOK_TIMEOUT: for how many milliseconds git (else 5000, for a push 50000) and an agent (else 2500) wait for a hook. \
GIT_PAGER, GIT_EDITOR, GIT_ADVICE, NO_COLOR: as in git. AI_AGENT, CLAUDECODE, CODEX_SANDBOX and others \
say that an agent runs us: then nothing is paged, cut off or colored.",
    ),
    (
        "EXIT STATUS",
        "\
0: done. 1: refused, or no (an illegal transition, not found, a conflict). 2: check found a limit near. 124: the time is over. 128: cannot (not a repository, \
input or output). 129: wrong use.",
    ),
    (
        "FILES",
        "\
refs/sessions/<id>: one session. refs/worktree/session: this work tree's current session. \
.git-session/lifecycles/<name>.yaml: the repository's own lifecycles. <git dir>/session/logs/<id>.log: \
what a worker in the background said. <git dir>/session/leases: what this clone runs for its sessions, \
and would run again; without it a worker is out of reach. <git dir>/session/config: settings of init, \
included by the repository's; <git dir>/session/installed: what init wrote where. <git dir>/session: locks and other local files; \
the rest holds nothing that matters. A lock of a killed process is free at once, or heals with the next \
write; one that a killed git left on a session is removed by the next write after ten seconds, and one on \
packed-refs is git's, and stays. <git dir>/worktrees/<name>/made-for-session: for which session a work tree was made.",
    ),
    ("SEE ALSO", "git(1), git\\-log(1), git\\-for\\-each\\-ref(1)"),
];

fn sections(text: &mut Vec<u8>) -> io::Result<()> {
    for (title, body) in SECTIONS {
        let mut roff = Roff::new();
        roff.control("SH", [title]);
        roff.text([roman(body.replace("\\-", "-"))]);
        roff.to_writer(text)?;
    }
    Ok(())
}
