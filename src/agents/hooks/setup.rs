mod known;

use serde_json::{Value, json};

use self::known::ALL;
use super::edit::{self, Kind, Layout, Node};
use crate::agents::AgentKind;

/// How an agent is told to call us.
#[derive(Debug)]
pub struct Setup {
    /// The agent.
    pub agent: AgentKind,
    /// Other words for it on the command line.
    pub aliases: &'static [&'static str],
    /// Its file in a project, below the top of the work tree.
    pub project_file: &'static str,
    /// Its file for all projects of a user, below the home directory.
    pub user_file: &'static str,
    form: Form,
    /// The events that we want to hear of.
    events: &'static [&'static str],
}

/// What the file of an agent looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `hooks.<event>[].hooks[]`, with a time limit in this unit, and with comments or not.
    Groups { timeout: Option<u32>, has_comments: bool },
    /// `hooks.<event>[]`
    Flat,
    /// A file of our own, as Copilot reads it.
    Copilot,
    /// A plug-in of our own.
    Plugin,
}

/// The command that an agent is to run.
#[derive(Debug, Clone)]
pub enum Command {
    /// `git-session`, wherever the shell finds it.
    OnPath,
    /// The program with this path.
    At(String),
}

/// The plug-in that tells us what OpenCode does.
const PLUGIN: &str = include_str!("opencode.js");
/// What is left of a file of Cursor's that we made: the version on the line of the bracket.
const CURSOR_REST: &str = "{\"version\": 1\n}\n";

impl Command {
    /// Returns the line for a shell: without the program it takes in what it is told and does nothing,
    /// and it succeeds in any case.
    fn line(&self, agent: AgentKind, event: &str) -> String {
        let (test, program) = match self {
            Command::OnPath => {
                ("command -v git-session >/dev/null 2>&1".to_owned(), "git-session".to_owned())
            }
            Command::At(path) => {
                let path = format!("'{}'", path.replace('\'', r"'\''"));
                (format!("test -x {path}"), path)
            }
        };
        format!("{test} && {program} hook agent {agent} {event} || cat >/dev/null")
    }
}

impl Setup {
    /// Returns the agents that can be told to call us.
    pub fn all() -> &'static [Setup] {
        &ALL
    }

    /// Finds an agent by its name or another word for it.
    pub fn find(name: &str) -> Option<&'static Setup> {
        ALL.iter().find(|it| it.agent.as_str() == name || it.aliases.contains(&name))
    }

    /// Tells whether the agent is told in this text to call us.
    pub fn is_enabled(&self, text: &str) -> bool {
        match self.form {
            Form::Plugin | Form::Copilot => self.is_own(text),
            _ => {
                let root = edit::parse(split_mark(text).1, self.has_comments());
                root.is_ok_and(|it| self.find_own(&it).is_some())
            }
        }
    }

    /// Returns the program that the agent is told to call in this text, as a path or as `git-session`; `None` if
    /// it is not told to.
    pub fn program<'t>(&self, text: &'t str) -> Option<&'t str> {
        if !self.is_enabled(text) {
            return None;
        }
        let (before, quote) = match self.form {
            Form::Plugin => ("const program = \"", '"'),
            _ => ("test -x '", '\''),
        };
        let path = text.split_once(before).and_then(|(_, rest)| rest.split(quote).next());
        Some(path.unwrap_or("git-session"))
    }

    /// Returns the text of the file in which the agent is told to call us: what is there, and our part
    /// behind it.
    ///
    /// # Errors
    /// Why it cannot be put in there.
    pub fn enable(&self, text: Option<&str>, command: &Command) -> Result<String, String> {
        match (self.form, text) {
            (Form::Plugin | Form::Copilot, Some(text)) if !self.is_own(text) => {
                Err("it is not ours".to_owned())
            }
            (Form::Plugin, _) => Ok(plugin(command)),
            (Form::Copilot, _) => Ok(self.copilot(command)),
            (_, None) => Ok(self.new_file(command)),
            (_, Some(text)) => {
                let (mark, text) = split_mark(text);
                Ok(mark.to_owned() + &self.enable_in(text, command)?)
            }
        }
    }

    fn enable_in(&self, text: &str, command: &Command) -> Result<String, String> {
        if self.has_all(text, command) {
            return Ok(text.to_owned());
        }
        let rest = if is_blank(text) { Some(text.to_owned()) } else { self.disable(text)? };
        match rest {
            // The line before it tells that there was a file.
            Some(rest) if is_blank(&rest) => Ok(format!("\n{rest}{}", self.new_file(command))),
            Some(rest) => self.add_all(rest, command),
            None => Ok(self.new_file(command)),
        }
    }

    /// Returns the text of the file without our part; `None` if nothing is left.
    ///
    /// # Errors
    /// Why it cannot be taken out.
    pub fn disable(&self, text: &str) -> Result<Option<String>, String> {
        if matches!(self.form, Form::Plugin | Form::Copilot) {
            return Ok((!self.is_own(text)).then(|| text.to_owned()));
        }
        let (mark, text) = split_mark(text);
        let body = text.trim_start();
        let blank = &text[..text.len() - body.len()];
        Ok(match self.disable_in(body)? {
            Some(rest) => Some(format!("{mark}{blank}{rest}")),
            None => blank.strip_prefix('\n').map(|blank| format!("{mark}{blank}")),
        })
    }

    fn disable_in(&self, text: &str) -> Result<Option<String>, String> {
        let mut text = text.to_owned();
        loop {
            let root = self.parse(&text)?;
            let Some(path) = self.find_own(&root) else { break };
            match edit::remove(&text, &root, &path) {
                Some(rest) => text = rest,
                None => return Ok(None),
            }
        }
        Ok((self.form != Form::Flat || text != CURSOR_REST).then_some(text))
    }

    fn has_comments(&self) -> bool {
        matches!(self.form, Form::Groups { has_comments: true, .. })
    }

    fn parse(&self, text: &str) -> Result<Node, String> {
        let root = edit::parse(text, self.has_comments())?;
        let Kind::Object(_) = root.kind else { return Err("it is no JSON object".to_owned()) };
        let Some(hooks) = root.get("hooks") else { return Ok(root) };
        let Kind::Object(events) = &hooks.kind else {
            return Err("'hooks' in it is no JSON object".to_owned());
        };
        let is_list = |key: &str| !self.events.contains(&key);
        match events.iter().find(|it| !matches!(it.value.kind, Kind::Array(_)) && !is_list(&it.key))
        {
            Some(event) => Err(format!("'hooks.{}' in it is no list", event.key)),
            None => Ok(root),
        }
    }

    /// Tells whether a command is one that we told this agent to run.
    fn is_ours(&self, command: &str) -> bool {
        command.contains(&format!(" hook agent {} ", self.agent))
    }

    /// Tells whether a file is one that only we write.
    fn is_own(&self, text: &str) -> bool {
        match self.form {
            Form::Plugin => text.starts_with(PLUGIN.lines().next().unwrap_or_default()),
            _ => self.is_ours(text),
        }
    }

    /// Finds the first handler of ours: where it stands in each container, from the root.
    fn find_own(&self, root: &Node) -> Option<Vec<usize>> {
        let (at_hooks, hooks) = root.member("hooks")?;
        let Kind::Object(events) = &hooks.value.kind else { return None };
        let is_ours = |handler: &Node| {
            let command = handler.get("command").and_then(Node::text);
            command.is_some_and(|command| self.is_ours(command))
        };
        for (at_event, event) in events.iter().enumerate() {
            for (at, entry) in event.value.items().iter().enumerate() {
                let path = vec![at_hooks, at_event, at];
                if is_ours(entry) {
                    return Some(path);
                }
                let Some((at_list, list)) = entry.member("hooks") else { continue };
                let found = list.value.items().iter().position(is_ours);
                if let Some(found) = found {
                    return Some([path, vec![at_list, found]].concat());
                }
            }
        }
        None
    }

    /// Tells whether our part is in the text as we would put it there.
    fn has_all(&self, text: &str, command: &Command) -> bool {
        let Ok(root) = self.parse(text) else { return false };
        let Some(hooks) = root.get("hooks") else { return false };
        let of_event = |event: &str| {
            let entries = hooks.get(event).map(Node::items).unwrap_or_default();
            let nested =
                entries.iter().flat_map(|it| it.get("hooks").map(Node::items).unwrap_or_default());
            let all = entries.iter().chain(nested);
            let commands = all.filter_map(|it| it.get("command")?.text());
            commands.filter(|it| self.is_ours(it)).map(str::to_owned).collect::<Vec<_>>()
        };
        self.events.iter().all(|event| of_event(event) == [command.line(self.agent, event)])
    }

    /// Returns the entry that stands in the list of an event.
    fn entry(&self, event: &str, command: &Command) -> Value {
        let line = command.line(self.agent, event);
        match self.form {
            Form::Groups { timeout: Some(timeout), .. } => {
                json!({ "hooks": [{ "type": "command", "command": line, "timeout": timeout }] })
            }
            Form::Groups { timeout: None, .. } => {
                json!({ "hooks": [{ "type": "command", "command": line }] })
            }
            Form::Copilot => json!({ "type": "command", "bash": line, "timeoutSec": 10 }),
            Form::Flat | Form::Plugin => json!({ "command": line }),
        }
    }

    fn hooks(&self, command: &Command) -> Value {
        let entry = |event: &&str| ((*event).to_owned(), json!([self.entry(event, command)]));
        Value::Object(self.events.iter().map(entry).collect())
    }

    fn new_file(&self, command: &Command) -> String {
        let hooks = self.hooks(command);
        match self.form {
            Form::Flat => {
                let hooks = Layout::new().spell(&hooks, 1);
                format!("{{\"version\": 1,\n  \"hooks\": {hooks}\n}}\n")
            }
            _ => format!("{}\n", Layout::new().spell(&json!({ "hooks": hooks }), 0)),
        }
    }

    fn copilot(&self, command: &Command) -> String {
        let file = json!({ "version": 1, "hooks": self.hooks(command) });
        format!("{}\n", Layout::new().spell(&file, 0))
    }

    /// Adds our part to a text without it.
    fn add_all(&self, mut text: String, command: &Command) -> Result<String, String> {
        let root = self.parse(&text)?;
        let layout = Layout::of(&text, &root);
        if root.get("hooks").is_none() {
            let part = format!("\"hooks\": {}", layout.spell(&self.hooks(command), 1));
            return Ok(edit::insert(&text, &root, &part, &layout, 1));
        }
        for event in self.events {
            let root = self.parse(&text)?;
            let Some(hooks) = root.get("hooks") else { break };
            let entry = self.entry(event, command);
            text = match hooks.get(event) {
                Some(list) => edit::insert(&text, list, &layout.spell(&entry, 3), &layout, 3),
                None => {
                    let part = format!("\"{event}\": {}", layout.spell(&json!([entry]), 2));
                    edit::insert(&text, hooks, &part, &layout, 2)
                }
            };
        }
        Ok(text)
    }
}

/// Splits the byte order mark off that editors put before a text.
fn split_mark(text: &str) -> (&str, &str) {
    text.split_at(if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 })
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Returns the plug-in for OpenCode, with the program that it is to run.
fn plugin(command: &Command) -> String {
    let program = match command {
        Command::OnPath => "git-session".to_owned(),
        Command::At(path) => path.clone(),
    };
    PLUGIN.replace("\"@program@\"", &Value::from(program).to_string())
}

#[cfg(test)]
mod tests;
