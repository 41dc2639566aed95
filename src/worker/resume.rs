//! How an agent goes on with a conversation that its command line names.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::model::SessionId;

/// An agent program whose conversation is named by who starts it.
struct Agent {
    /// The name of the program.
    program: &'static str,
    /// The option that names a new conversation.
    names: &'static str,
    /// The option that goes on with one that there is.
    resumes: &'static str,
    /// What on a command line says that it does so already, or that there is nothing to go on with.
    unless: &'static [&'static str],
}

/// The agents that are known for certain to take both. `codex resume <id>` and the like name a
/// conversation that there is already, and stay as they are.
const AGENTS: [Agent; 1] = [Agent {
    program: "claude",
    names: "--session-id",
    resumes: "--resume",
    unless: &["--resume", "-r", "--continue", "-c", "--fork-session", "--no-session-persistence"],
}];

/// Returns the command line that goes on with what `command` began: that of an agent that was told
/// the id of its conversation, with the option that resumes it; any other one as it is.
///
/// All other words stay, the prompt too: which word is one, only the agent knows.
pub fn resume_command(command: &[OsString]) -> Vec<OsString> {
    resumed(command).unwrap_or_else(|| command.to_vec())
}

fn resumed(command: &[OsString]) -> Option<Vec<OsString>> {
    let (program, words) = command.split_first()?;
    let name = Path::new(program).file_name()?;
    let agent = AGENTS.iter().find(|agent| name == agent.program)?;
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let options = &words[..end];
    let is_unless = |word: &OsString| {
        let word = word.to_string_lossy();
        agent.unless.contains(&word.split('=').next().unwrap_or_default())
    };
    if options.iter().any(is_unless) {
        return None;
    }
    let mut places = options.iter().enumerate().filter_map(|(at, word)| {
        let next = options.get(at + 1).map(OsString::as_os_str);
        Some((at, renamed(agent, word, next)?))
    });
    let (at, word) = places.next()?;
    if places.next().is_some() {
        return None;
    }
    let mut all = command.to_vec();
    all[at + 1] = word;
    Some(all)
}

/// Returns the word that stands in place of `word`, if that names a conversation by a UUID.
fn renamed(agent: &Agent, word: &OsStr, next: Option<&OsStr>) -> Option<OsString> {
    let is_id = |id: &str| SessionId::parse(&id.to_lowercase()).is_some();
    match word.to_str()?.split_once('=') {
        Some((option, id)) if option == agent.names && is_id(id) => {
            Some(format!("{}={id}", agent.resumes).into())
        }
        None if word == agent.names && is_id(next?.to_str()?) => Some(agent.resumes.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resumed(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let words = resume_command(&words);
        words.join(OsStr::new(" ")).into_string().expect("text")
    }

    const ID: &str = "11111111-2222-4333-8444-555555555555";

    #[test]
    fn an_agent_that_was_told_the_id_of_its_conversation_resumes_it() {
        for program in ["claude", "/usr/local/bin/claude", "./claude"] {
            assert_eq!(
                resumed(&format!("{program} -p --session-id {ID} --model opus Fix")),
                format!("{program} -p --resume {ID} --model opus Fix")
            );
        }
        let upper = ID.to_uppercase();
        assert_eq!(
            resumed(&format!("claude --session-id={upper}")),
            format!("claude --resume={upper}")
        );
    }

    #[test]
    fn what_goes_on_already_or_is_not_certain_stays_as_it_is() {
        for line in [
            "make test",
            "claude",
            "claude --session-id",
            "claude --session-id tuesday",
            "claude --session-ids=x",
            &format!("claude --resume {ID}"),
            &format!("claude -r {ID}"),
            "claude --continue",
            &format!("claude --fork-session --resume=x --session-id {ID}"),
            &format!("claude --no-session-persistence --session-id {ID}"),
            &format!("claude -- --session-id {ID}"),
            &format!("claude --session-id {ID} --session-id {ID}"),
            &format!("codex resume {ID}"),
            &format!("echo claude --session-id {ID}"),
            &format!("not-claude --session-id {ID}"),
        ] {
            assert_eq!(resumed(line), line);
        }
        assert_eq!(resume_command(&[]), Vec::<OsString>::new());
    }

    #[test]
    fn what_is_resumed_once_stays_so() {
        let once = resumed(&format!("claude --session-id {ID}"));
        assert_eq!(resumed(&once), once);
    }
}
