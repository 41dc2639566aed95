use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::store::SettingsAt;

/// The environment, read once.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: HashMap<String, OsString>,
    /// The directory that the program was started in.
    pub current_dir: PathBuf,
    /// When the program was started.
    pub started_at: Option<SystemTime>,
}

/// The variables that say that an agent runs us, and which one.
const AGENTS: [(&str, &str); 14] = [
    ("AI_AGENT", ""),
    ("CLAUDECODE", "claude-code"),
    ("CLAUDE_CODE_ENTRYPOINT", "claude-code"),
    ("CODEX_SANDBOX", "codex"),
    ("CODEX_THREAD_ID", "codex"),
    ("CURSOR_AGENT", "cursor"),
    ("GEMINI_CLI", "gemini-cli"),
    ("OPENCODE", "opencode"),
    ("COPILOT_AGENT", "copilot"),
    ("GOOSE_TERMINAL", "goose"),
    ("AMP_THREAD_ID", "amp"),
    ("DROID_SESSION", "droid"),
    ("MONOCO_AGENT", "monoco"),
    ("AGENT_FLAG", "agent"),
];

impl Environment {
    /// Reads the environment of the process.
    #[expect(clippy::disallowed_methods, reason = "the one place that meets environment and clock")]
    pub fn read() -> Environment {
        let known = |name: &str| {
            name.starts_with("GIT_")
                || AGENTS.iter().any(|(variable, _)| *variable == name)
                || OTHERS.contains(&name)
        };
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| known(name))
            .collect();
        Environment {
            variables,
            current_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            started_at: Some(SystemTime::now()),
        }
    }

    /// Reads the clock, for a command that lasts.
    #[expect(clippy::disallowed_methods, reason = "the one place that meets the clock")]
    pub fn clock() -> SystemTime {
        SystemTime::now()
    }

    /// Reads all variables that are text, for what must not be told of them.
    #[expect(clippy::disallowed_methods, reason = "the one place that meets the environment")]
    pub fn all() -> Vec<(String, String)> {
        let text = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        std::env::vars_os().filter_map(text).collect()
    }

    /// Returns a variable that is set and not empty, as text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name)?.to_str().filter(|value| !value.is_empty())
    }

    /// Returns where programs are looked for.
    pub fn path(&self) -> OsString {
        self.variables.get("PATH").cloned().unwrap_or_default()
    }

    /// Tells whether a variable is set, even to nothing.
    pub fn has(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// Tells whether a variable says yes.
    pub fn is_on(&self, name: &str) -> bool {
        let off = ["0", "false", "no", "off"];
        self.get(name).is_some_and(|value| !off.contains(&value.to_lowercase().as_str()))
    }

    /// Returns what says where git's settings are; `None` if some are in the environment itself.
    pub fn settings_at(&self) -> Option<SettingsAt> {
        let has_own = ["GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"];
        if has_own.iter().any(|name| self.variables.get(*name).is_some_and(|it| !it.is_empty())) {
            return None;
        }
        SettingsAt::read(|name| self.variables.get(name).cloned())
    }

    /// Returns how long a hook may keep others waiting: what `GIT_SESSION_HOOK_TIMEOUT` says, in milliseconds,
    /// else what is `usual`.
    pub fn hook_timeout(&self, usual: Duration) -> Duration {
        let told = self.get("GIT_SESSION_HOOK_TIMEOUT").and_then(|it| it.parse().ok());
        told.map_or(usual, Duration::from_millis)
    }

    /// Returns the agent program that runs us, if one does.
    pub fn agent(&self) -> Option<String> {
        let (variable, name) = AGENTS.iter().find(|(variable, _)| self.is_on(variable)).copied()?;
        let said = self.get(variable).unwrap_or_default();
        match name {
            "" if matches!(said, "1" | "true") => Some("agent".to_owned()),
            "" => Some(said.to_owned()),
            name => Some(name.to_owned()),
        }
    }

    /// Returns the settings of `git -c`, as `key=value`.
    ///
    /// Source: git `config.c`, `git_config_from_parameters`: words in single quotes, each `key=value`
    /// (old) or `'key'='value'` (new).
    pub fn config_parameters(&self) -> Vec<String> {
        let Some(text) = self.get("GIT_CONFIG_PARAMETERS") else {
            return Vec::new();
        };
        let mut settings = Vec::new();
        let mut rest = text.trim_start();
        while let Some((key, after)) = unquote(rest) {
            rest = after;
            let mut setting = key;
            if let Some((value, after)) = rest.strip_prefix('=').and_then(unquote) {
                setting = format!("{setting}={value}");
                rest = after;
            } else if let Some(after) = rest.strip_prefix('=') {
                // The new form without a value: the setting is true.
                rest = after;
            }
            settings.push(setting);
            rest = rest.trim_start();
        }
        settings
    }
}

/// The variables beside git's and the agents' that mean something to us.
const OTHERS: [&str; 20] = [
    "PATH",
    "HOME",
    "XDG_DATA_HOME",
    "XDG_CONFIG_HOME",
    "BASH_COMPLETION_USER_DIR",
    "ZDOTDIR",
    "CLAUDE_CONFIG_DIR",
    "CODEX_HOME",
    "USER",
    "LOGNAME",
    "HOSTNAME",
    "PAGER",
    "LESS",
    "LV",
    "TERM",
    "COLUMNS",
    "NO_COLOR",
    "CLICOLOR_FORCE",
    "VISUAL",
    "EDITOR",
];

/// Takes a word in the shell's single quotes off the front.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut rest = text.strip_prefix('\'')?;
    loop {
        let end = rest.find('\'')?;
        word.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        // 'it'\''s' and 'what'\!'s': a quoted character between two quoted parts.
        let escaped = rest.strip_prefix('\\').and_then(|after| {
            let c = after.chars().next()?;
            Some((c, after[c.len_utf8()..].strip_prefix('\'')?))
        });
        match escaped {
            Some((c, after)) => {
                word.push(c);
                rest = after;
            }
            None => return Some((word, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Environment {
        let variables = [(name.to_owned(), OsString::from(value))].into_iter().collect();
        Environment { variables, ..Environment::default() }
    }

    #[test]
    fn settings_of_git_are_read_in_both_of_its_notations() {
        let read = |text| with("GIT_CONFIG_PARAMETERS", text).config_parameters();
        assert_eq!(read("'session.x=y' 'a.b=it'\\''s'"), ["session.x=y", "a.b=it's"]);
        assert_eq!(read("'session.x'='y z' 'a.b'='' 'c.d'="), ["session.x=y z", "a.b=", "c.d"]);
        assert_eq!(read("garbage"), Vec::<String>::new());
    }

    #[test]
    fn a_hook_waits_as_long_as_the_environment_says_in_milliseconds() {
        let usual = Duration::from_secs(5);
        let told = |value| with("GIT_SESSION_HOOK_TIMEOUT", value).hook_timeout(usual);
        assert_eq!(told("60000"), Duration::from_secs(60));
        assert_eq!(told("0"), Duration::ZERO);
        for nonsense in ["", "5s", "-1", "1e3"] {
            assert_eq!(told(nonsense), usual, "{nonsense:?}");
        }
        assert_eq!(Environment::default().hook_timeout(usual), usual);
    }

    #[test]
    fn an_agent_is_known_by_its_variable() {
        assert_eq!(with("CLAUDECODE", "1").agent().as_deref(), Some("claude-code"));
        assert_eq!(with("AI_AGENT", "my-agent").agent().as_deref(), Some("my-agent"));
        assert_eq!(with("CLAUDECODE", "0").agent(), None);
        assert_eq!(Environment::default().agent(), None);
    }
}
