//! Our parts of files: what stands in them, how they are put in, and how they are taken out to the byte.

/// The events of git that we want to hear of. Source: githooks(5).
pub const EVENTS: [&str; 7] = [
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "post-checkout",
    "post-merge",
    "post-rewrite",
    "pre-push",
];

/// The hook: one text for all events. What stands below a line with [`FOR`] is for the events or the [`Place`] that
/// this names.
const SHIM: &str = include_str!("../../../hooks/shim");
const FOR: &str = "# @for ";
const BEGIN: &str = "# git-session begin\n";
const END: &str = "# git-session end\n";
/// What stands around our part in a hook that is ours alone.
const AROUND: (&str, &str) = ("#!/bin/sh\n", "exit 0\n");
/// What makes git read our own configuration.
const INCLUDE: &str = "[include]\n\tpath = session/config\n";

/// Where our part of a hook stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a hook of its own, which may end the shell.
    Alone,
    /// In a hook of others, who have more to do.
    Beside,
}

impl Place {
    /// Returns the place that our part has, or would have, in a hook that says `rest` besides.
    fn in_hook(rest: &[u8]) -> Self {
        if is_nothing(rest) { Self::Alone } else { Self::Beside }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Beside => "beside",
        }
    }
}

/// Returns a hook that is ours alone. `program` is tried where the `PATH` does not know us.
pub fn hook(event: &str, program: Option<&str>) -> String {
    script(event, Place::Alone, program)
}

fn script(event: &str, place: Place, program: Option<&str>) -> String {
    let quoted = format!("'{}'", program.unwrap_or_default().replace('\'', r"'\''"));
    // What is not needed would be read by the shell each time all the same.
    let mut is_for_it = true;
    let lines = SHIM.split_inclusive('\n').filter(|line| match line.strip_prefix(FOR) {
        Some(events) => {
            is_for_it =
                events.split_whitespace().any(|it| [event, place.name(), "all"].contains(&it));
            false
        }
        None => is_for_it,
    });
    let text: String = lines.collect();
    text.replace("@event@", event).replace("@program@", &quoted)
}

/// Returns our part of a hook, in whole lines.
fn block(event: &str, place: Place, program: Option<&str>) -> String {
    let hook = script(event, place, program);
    let begin = hook.find(BEGIN).unwrap_or_default();
    let end = hook.find(END).map_or(hook.len(), |at| at + END.len());
    hook[begin..end].to_owned()
}

/// Returns what a hook that is ours alone would say for another event; `None` if it is not.
pub fn of_other_event(hook: &[u8], event: &str, other: &str) -> Option<Vec<u8>> {
    let text =
        std::str::from_utf8(hook).ok().filter(|_| cut(hook).is_some_and(|it| is_nothing(&it)))?;
    let places =
        [("\ngit_session_hook ", " \"$@\"\n"), ("_is_done ", " \"$@\""), ("come to \"", "\".")];
    let part = |event: &str, (before, after)| format!("{before}{event}{after}");
    if !text.contains(&part(event, places[0])) {
        return None;
    }
    let with = |text: String, place| text.replacen(&part(event, place), &part(other, place), 1);
    Some(places.into_iter().fold(text.to_owned(), with).into_bytes())
}

/// Returns a hook that is ours alone for an event, if our own configuration has one for another event now, with the
/// program of that one.
pub fn of_config(config: &[u8], event: &str, other: &str) -> Option<Vec<u8>> {
    let config = std::str::from_utf8(config).ok()?;
    let text = config.split_once(&section(event))?.1;
    let program = &text[program_place(text)?];
    let program = program.replace("\\\"", "\"").replace(r"\\", r"\").replace(r"'\''", "'");
    let is_ours = config.contains(&section_text(event, Some(&program)));
    is_ours.then(|| hook(other, Some(&program)).into_bytes())
}

/// Returns the hook as a command in the configuration, which git gives the arguments to. Git reads it at each start.
fn command(event: &str, program: Option<&str>) -> String {
    let block = block(event, Place::Alone, program);
    let lines = block.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.strip_suffix(" \"$@\"").unwrap_or(&text).to_owned()
}

/// Returns our part of our own configuration: how hooks are installed, and with `config` those for `events`.
pub fn own_config(mode: &str, events: &[&str], program: Option<&str>) -> String {
    let mut text = format!(
        "{BEGIN}# From \"git session init\"; \"git session init --undo\" takes it out again.\n\
         [session]\n\thooks = {mode}\n"
    );
    for event in events.iter().filter(|_| mode == "config") {
        text.push_str(&section_text(event, program));
    }
    text + END
}

fn section_text(event: &str, program: Option<&str>) -> String {
    let escapes = [('\\', r"\\"), ('"', "\\\""), ('\n', r"\n"), ('\t', r"\t")];
    let command: String = command(event, program)
        .chars()
        .map(|c| {
            let escape = escapes.iter().find(|(plain, _)| *plain == c);
            escape.map_or_else(|| c.to_string(), |(_, escaped)| (*escaped).to_owned())
        })
        .collect();
    format!("{}\n\tevent = {event}\n\tcommand = \"{command}\"\n", section(event))
}

/// Returns the head of the section for an event in our own configuration.
pub fn section(event: &str) -> String {
    format!("[hook \"git-session-{event}\"]")
}

/// Puts our part of a hook into what others wrote, or back into what is left of a hook of ours without it.
pub fn put_hook(rest: &[u8], event: &str, program: Option<&str>) -> Vec<u8> {
    put(rest, &block(event, Place::in_hook(rest), program))
}

/// Tells whether our part of a hook is another one than that of now.
pub fn is_outdated_hook(hook: &[u8], event: &str) -> bool {
    let place = Place::in_hook(&cut(hook).unwrap_or_default());
    is_outdated(hook, &block(event, place, None))
}

/// Tells whether our part of a text is another one than `block`, which is that of now for no program; not where there
/// is none.
pub fn is_outdated(text: &[u8], block: &str) -> bool {
    let Some(begin) = find(text, BEGIN.as_bytes()) else { return false };
    let part = String::from_utf8_lossy(&text[begin..]);
    let Some(end) = part.find(END) else { return false };
    let part = &part[..end + END.len()];
    // Where the program was, is no matter of the text.
    let program = program_place(part).map_or("", |place| &part[place]);
    part.replace(&format!("'{program}'"), "''") != block
}

/// Returns where the program stands in a hook, as the shell has it between its quotes.
fn program_place(text: &str) -> Option<std::ops::Range<usize>> {
    const BEFORE: &str = "test -x '";
    let from = text.find(BEFORE)? + BEFORE.len();
    let to = text.find("' && test '").filter(|to| from <= *to)?;
    Some(from..to)
}

/// Puts a part before what others wrote, but behind the first line of a script.
pub fn put(text: &[u8], part: &str) -> Vec<u8> {
    let is_script = text.starts_with(b"#!");
    let at = if is_script { find(text, b"\n").map_or(text.len(), |at| at + 1) } else { 0 };
    [&text[..at], part.as_bytes(), &text[at..]].concat()
}

/// Takes our part out; `None` if it is not there.
pub fn cut(text: &[u8]) -> Option<Vec<u8>> {
    let begin = find(text, BEGIN.as_bytes())?;
    let end = begin + find(&text[begin..], END.as_bytes())? + END.len();
    Some([&text[..begin], &text[end..]].concat())
}

/// Tells whether nothing of others is left when our part is out.
pub fn is_nothing(rest: &[u8]) -> bool {
    rest.is_empty() || rest == [AROUND.0, AROUND.1].concat().as_bytes()
}

/// Makes git read our own configuration, as the last thing of this one; `None` if it does.
pub fn include(text: &[u8]) -> Option<Vec<u8>> {
    if path_line(text).is_some() {
        return None;
    }
    let is_whole = text.is_empty() || text.ends_with(b"\n");
    let gap: &[u8] = if is_whole { b"" } else { b"\n" };
    Some([text, gap, INCLUDE.as_bytes()].concat())
}

/// Takes [`include`] back; `None` if there is nothing to take. What was before is the first of these,
/// or the second if its last line had no end.
pub fn without_include(text: &[u8]) -> Option<[Vec<u8>; 2]> {
    let line = path_line(text)?;
    let section = line.start.checked_sub(INCLUDE.find('\t')?);
    let whole = section.filter(|at| text[*at..].starts_with(INCLUDE.as_bytes()));
    let next = text[line.end..].iter().find(|c| !c.is_ascii_whitespace());
    // Somebody may have put more into the section; then its head stays.
    let start = whole.filter(|_| matches!(next, None | Some(b'['))).unwrap_or(line.start);
    let rest = [&text[..start], &text[line.end..]].concat();
    let shorter = match line.end == text.len() {
        true => rest.strip_suffix(b"\n").unwrap_or(&rest).to_vec(),
        false => rest.clone(),
    };
    Some([rest, shorter])
}

/// Finds the line that names our own configuration, with its end.
fn path_line(text: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut start = 0;
    for line in text.split_inclusive(|c| *c == b'\n') {
        if line.trim_ascii() == b"path = session/config" {
            return Some(start..start + line.len());
        }
        start += line.len();
    }
    None
}

/// Finds bytes in others.
pub fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_a_script_is_cut_out_to_the_byte() {
        for text in ["#!/bin/sh\n", "#!/bin/sh -e\n\nexit 1", "#!/bin/bash\n\n\r\n\u{e9}\n"] {
            let with =
                put(text.as_bytes(), &block("post-commit", Place::Beside, Some("/a b/it's")));
            assert!(with.starts_with(&text.as_bytes()[..9]), "{text}");
            assert_eq!(cut(&with).as_deref(), Some(text.as_bytes()));
            assert!(!is_nothing(text.as_bytes()));
        }
        assert_eq!(cut(b"#!/bin/sh\n# git-session begin\n"), None);
        let own = hook("pre-push", None);
        assert!(is_nothing(&cut(own.as_bytes()).expect("ours")));
    }

    #[test]
    fn a_hook_has_all_functions_that_its_event_calls_and_no_others() {
        for event in EVENTS {
            let hook = hook(event, None);
            let count = |text: &str| hook.matches(text).count();
            assert_eq!((count("@for"), count("git_session_hook () {")), (0, 1), "{event}");
            let is_left_behind = usize::from(event == "post-checkout");
            let is_message = usize::from(event.ends_with("commit-msg"));
            assert_eq!(count("git_session_leave () {"), is_left_behind, "{event}");
            assert_eq!(count("git_session_answer () {"), is_message, "{event}");
            assert_eq!(count("git_session_is_left () {"), is_left_behind + is_message, "{event}");
            let reads = matches!(event, "pre-push" | "post-rewrite");
            assert_eq!(count("git_session_replay () {"), usize::from(reads), "{event}");
            assert!(hook.ends_with("# git-session end\nexit 0\n"), "{event}");
        }
    }

    #[test]
    fn only_a_hook_that_is_ours_alone_ends_the_shell() {
        for event in EVENTS {
            let alone = hook(event, None);
            let is_nothing_left = cut(alone.as_bytes()).expect("ours");
            let beside = put_hook(b"#!/bin/sh\nmore\n", event, None);
            let count = |text: &[u8]| String::from_utf8_lossy(text).matches("|| exit 0\n").count();
            assert_eq!((count(alone.as_bytes()), count(&beside)), (2, 0), "{event}");
            assert_eq!(put_hook(&is_nothing_left, event, None), alone.as_bytes(), "{event}");
            assert!(
                !is_outdated_hook(&beside, event) && !is_outdated_hook(alone.as_bytes(), event)
            );
            // Who adds something to a hook of ours is told that it is passed over, until it is put right.
            let more = alone.replace("exit 0\n", "more\nexit 0\n");
            assert!(is_outdated_hook(more.as_bytes(), event), "{event}");
        }
    }

    #[test]
    fn a_part_of_another_version_is_known_whatever_the_program_is() {
        let now = block("post-commit", Place::Beside, None);
        for program in [None, Some("/usr/bin/git-session"), Some("/a b/it's")] {
            let hook = put_hook(b"#!/bin/sh\nmore\n", "post-commit", program);
            assert!(!is_outdated(&hook, &now), "{program:?}");
            let hook = String::from_utf8(hook).expect("UTF-8");
            assert!(is_outdated(hook.replace("sleep", "sleep 1;").as_bytes(), &now));
            assert!(is_outdated(hook.replace("test -x", "test -e").as_bytes(), &now));
            let own = own_config("config", &EVENTS, program);
            assert!(!is_outdated(own.as_bytes(), &own_config("config", &EVENTS, None)));
        }
        assert!(!is_outdated(b"#!/bin/sh\nmore\n", &now));
    }

    #[test]
    fn a_hook_that_is_ours_alone_tells_what_that_of_another_event_says() {
        for program in [None, Some("/a b/it's")] {
            let [first, other] = [EVENTS[0], EVENTS[1]].map(|it| hook(it, program).into_bytes());
            assert_eq!(of_other_event(&first, EVENTS[0], EVENTS[1]).as_ref(), Some(&other));
            assert_eq!(of_other_event(&other, EVENTS[0], EVENTS[1]), None);
            let shared = [&first[..], b"echo more\n"].concat();
            assert_eq!(of_other_event(&shared, EVENTS[0], EVENTS[1]), None);
        }
    }

    #[test]
    fn a_hook_of_the_configuration_tells_what_that_of_another_event_says() {
        for program in [None, Some("/a b/it's"), Some(r#"/a"b\c'd"#)] {
            let config = own_config("config", &EVENTS[..1], program);
            let of_other = |config: &str| of_config(config.as_bytes(), EVENTS[0], EVENTS[1]);
            assert_eq!(
                of_other(&config),
                Some(hook(EVENTS[1], program).into_bytes()),
                "{program:?}"
            );
            assert_eq!(of_other(&config.replace("sleep", "sleep 1;")), None);
            assert_eq!(of_other(&own_config("files", &EVENTS, program)), None);
        }
    }

    #[test]
    fn the_include_is_taken_back_whatever_others_wrote_around_it() {
        for text in ["", "[core]\n\tbare = false\n", "[core]\n\tbare = false", "[a]\r\n\tb = c\r\n"]
        {
            let with = include(text.as_bytes()).expect("it is not there");
            assert_eq!(include(&with), None, "twice is once");
            let [rest, shorter] = without_include(&with).expect("it is there");
            let found = if text.ends_with('\n') || text.is_empty() { rest } else { shorter };
            assert_eq!(found, text.as_bytes());
            let more = [&with, &b"[remote \"o\"]\n\turl = x\n"[..]].concat();
            let [rest, shorter] = without_include(&more).expect("it is there");
            assert_eq!(rest, shorter, "what others wrote behind keeps its line");
            assert!(rest.ends_with(b"\n[remote \"o\"]\n\turl = x\n") || text.is_empty());
        }
        let shared = b"[core]\n\ta = b\n[include]\n\tpath = session/config\n\tpath = other\n";
        let [rest, _] = without_include(shared).expect("it is there");
        assert_eq!(rest, b"[core]\n\ta = b\n[include]\n\tpath = other\n");
        assert_eq!(without_include(b"[core]\n"), None);
    }

    #[test]
    fn the_configuration_has_one_hook_for_each_event_or_none() {
        let text = own_config("config", &EVENTS, Some("/opt/git-session"));
        assert_eq!(text.matches("[hook \"git-session-").count(), EVENTS.len());
        assert!(text.contains("git_session_hook pre-push\"\n"), "git adds the arguments: {text}");
        assert!(!own_config("files", &EVENTS, None).contains("[hook"));
        assert_eq!(cut(text.as_bytes()).as_deref(), Some(&b""[..]));
    }
}
