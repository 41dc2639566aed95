use gix::bstr::ByteSlice;

use super::StoreError;
use super::open::lossy;
use crate::model::Identity;

/// How long git's lock on a ref is waited for where nobody says, in milliseconds. Git itself waits for 100: that many
/// processes beside it take from it what it needs for a lock of two system calls.
const LOCK_TIMEOUT_MS: i64 = 1_000;

/// The settings of git that we obey, and our own in section `session`.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Who acts, from the environment (`GIT_AUTHOR_*`) or the configuration; `None` if unknown.
    pub author: Option<Identity>,
    /// Who runs us, from the environment (`GIT_COMMITTER_*`) or the configuration.
    pub committer: Option<Identity>,
    /// `core.sharedRepository`, as written.
    pub shared: Option<String>,
    /// `core.filesRefLockTimeout` in milliseconds, by default a second; negative is "for ever".
    pub lock_timeout_ms: i64,
    /// Whether a promisor remote may hold objects that are not here.
    pub is_partial: bool,
    /// `core.hooksPath`, as a path.
    pub hooks_path: Option<std::path::PathBuf>,
    /// `session.hooks`: whether `init` has put hooks in place.
    pub has_own_hooks: bool,
    /// The events that hooks in the configuration are for.
    pub(super) hook_events: Vec<String>,
    /// `core.pager`.
    pub pager: Option<String>,
    /// `color.session`, else `color.ui`.
    pub color: Option<String>,
    /// `color.pager`.
    pub color_in_pager: bool,
    /// `session.lifecycle`: the default for new sessions.
    pub lifecycle: Option<String>,
    /// `session.branchPrefix`, default `session/`.
    pub branch_prefix: String,
    /// `session.worktreePath`: the directory for work trees of sessions; beside the main one if `None`.
    pub worktree_path: Option<std::path::PathBuf>,
    /// `session.durability` is `git`: as durable as git's own settings make it.
    pub relaxed_durability: bool,
    /// `session.maxIterations`.
    pub max_iterations: Option<i64>,
    /// `session.timeout` in minutes.
    pub timeout_minutes: Option<i64>,
    /// `session.maxTokens`.
    pub max_tokens: Option<i64>,
    /// `session.autoCheckpoint`.
    pub auto_checkpoint: Option<bool>,
    /// `session.checkpointFileLimit` in bytes: the largest file that a checkpoint keeps; 0 is without limit.
    pub checkpoint_file_limit: u64,
    /// `session.checkpointLimit` in bytes: the most that a checkpoint keeps of changed files; 0 is without
    /// limit.
    pub checkpoint_limit: u64,
    /// `session.errorRecovery`.
    pub error_recovery: Option<bool>,
    /// `session.logLimit` in bytes; 0 is without limit.
    pub log_limit: u64,
    /// `advice.<key>` switched off, in lower case.
    pub advice_off: Vec<String>,
    /// `session.redact`: whether secrets are kept out of what is written.
    pub redact: bool,
    /// `session.redactRules`: a file with more rules, from the top of the work tree.
    pub redact_rules: Option<String>,
    /// All of `session.redactAllow`: patterns of what is no secret.
    pub redact_allow: Vec<String>,
    /// `session.transcripts` is `lean`: transcripts are kept without what nobody can read.
    pub lean_transcripts: bool,
    /// `session.trailer`: whether messages of commits name the session.
    pub trailer: bool,
    /// `session.notes`: whether notes on commits name the session.
    pub notes: bool,
    /// `session.push`: whether sessions go along when their commits are pushed.
    pub push: bool,
    /// `session.onCheckout`: what becomes of a session whose branch is left.
    pub on_checkout: OnCheckout,
    /// `core.commentString`, else `core.commentChar`: what comments in a message begin with.
    pub comment: String,
    /// `commit.template`.
    pub commit_template: Option<std::path::PathBuf>,
    /// `session.cache`: whether the cache is used; `None` if the number of sessions decides.
    pub cache: Option<bool>,
    /// `session.autoArchive`: how many ended sessions are archived by themselves; `None` if none are.
    pub auto_archive: Option<usize>,
    /// `session.format.<name>`.
    pub formats: Vec<(String, String)>,
}

impl Settings {
    /// Reads all settings in one go.
    pub(super) fn read(repo: &gix::Repository) -> Result<Settings, StoreError> {
        let config = repo.config_snapshot();
        let text = |key: &str| config.string(key).map(|value| lossy(&value));
        let hooks_path = config.trusted_path("core.hooksPath").ok().flatten();
        let worktree_path = config.trusted_path("session.worktreePath").ok().flatten();
        Ok(Settings {
            author: identity(&config, "author"),
            committer: identity(&config, "committer"),
            shared: text("core.sharedRepository"),
            lock_timeout_ms: integer(&config, "core.filesRefLockTimeout")?
                .unwrap_or(LOCK_TIMEOUT_MS),
            is_partial: is_partial(&config),
            hooks_path,
            has_own_hooks: text("session.hooks").is_some_and(|it| it != "none"),
            hook_events: hook_events(&config),
            pager: text("core.pager"),
            color: text("color.session").or_else(|| text("color.ui")),
            color_in_pager: boolean(&config, "color.pager")?.unwrap_or(true),
            lifecycle: text("session.lifecycle"),
            branch_prefix: text("session.branchPrefix").unwrap_or_else(|| "session/".into()),
            worktree_path,
            relaxed_durability: durability(&config)?,
            max_iterations: integer(&config, "session.maxIterations")?,
            timeout_minutes: minutes(&config)?,
            max_tokens: integer(&config, "session.maxTokens")?,
            auto_checkpoint: boolean(&config, "session.autoCheckpoint")?,
            checkpoint_file_limit: n_bytes(&config, "session.checkpointFileLimit", 50 << 20)?,
            checkpoint_limit: n_bytes(&config, "session.checkpointLimit", 256 << 20)?,
            error_recovery: boolean(&config, "session.errorRecovery")?,
            log_limit: n_bytes(&config, "session.logLimit", 10 << 20)?,
            advice_off: advice_off(&config),
            redact: boolean(&config, "session.redact")?.unwrap_or(true),
            redact_rules: text("session.redactRules"),
            redact_allow: redact_allow(&config),
            lean_transcripts: lean_transcripts(&config)?,
            trailer: boolean(&config, "session.trailer")?.unwrap_or(true),
            notes: boolean(&config, "session.notes")?.unwrap_or(false),
            push: boolean(&config, "session.push")?.unwrap_or(false),
            on_checkout: on_checkout(&config)?,
            comment: comment(&config),
            commit_template: config.trusted_path("commit.template").ok().flatten(),
            cache: boolean(&config, "session.cache")?,
            auto_archive: auto_archive(&config)?,
            formats: formats(&config),
        })
    }
}

type Config<'a> = gix::config::Snapshot<'a>;

/// Returns who has this role (`author`, `committer`): as `GIT_AUTHOR_*` or `GIT_COMMITTER_*` say, which
/// gix puts into the configuration, else `author.*` or `committer.*`, else `user.*`, else `EMAIL`.
///
/// `Repository::author` knows the same, but also what time it is, and opens the system's time zones.
fn identity(config: &Config<'_>, role: &str) -> Option<Identity> {
    let find = |key: &str| config.string(key).map(|value| without_crud(&value));
    let own = |key: &str| find(&format!("{role}.{key}")).or_else(|| find(&format!("user.{key}")));
    let email = own("email").or_else(|| find("gitoxide.user.emailFallback"))?;
    let name = own("name")?;
    (!name.is_empty()).then_some(Identity { name, email })
}

/// Returns a name or mail as a commit may have it. Source: git `ident.c`,
/// `strbuf_addstr_without_crud`; control characters are left out as well.
fn without_crud(bytes: &[u8]) -> String {
    let text = lossy(bytes);
    let is_kept = |c: &char| !c.is_control() && !matches!(c, '<' | '>' | '\u{2028}' | '\u{2029}');
    let kept: String = text.chars().filter(is_kept).collect();
    kept.trim_matches(|c: char| c <= ' ' || ".,:;\"\\'".contains(c)).to_owned()
}

fn boolean(config: &Config<'_>, key: &str) -> Result<Option<bool>, StoreError> {
    config.try_boolean(key).map_err(|_| bad_value(config, key, "boolean"))
}

fn integer(config: &Config<'_>, key: &str) -> Result<Option<i64>, StoreError> {
    config.try_integer(key).map_err(|_| bad_value(config, key, "numeric"))
}

fn bad_value(config: &Config<'_>, key: &str, kind: &str) -> StoreError {
    let value = config.string(key).map(|value| lossy(&value)).unwrap_or_default();
    StoreError::Config(format!("bad {kind} config value '{value}' for '{key}'"))
}

fn durability(config: &Config<'_>) -> Result<bool, StoreError> {
    match config.string("session.durability").as_deref().map(|value| value.as_bytes()) {
        None | Some(b"full") => Ok(false),
        Some(b"git") => Ok(true),
        Some(_) => Err(bad_value(config, "session.durability", "durability (full, git)")),
    }
}

/// What becomes of a session whose branch is left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnCheckout {
    /// It goes on.
    #[default]
    Keep,
    /// It is put aside.
    Suspend,
    /// It goes on, and the user is told how to put it aside.
    Ask,
}

fn on_checkout(config: &Config<'_>) -> Result<OnCheckout, StoreError> {
    match config.string("session.onCheckout").as_deref().map(|value| value.as_bytes()) {
        None | Some(b"keep") => Ok(OnCheckout::Keep),
        Some(b"suspend") => Ok(OnCheckout::Suspend),
        Some(b"ask") => Ok(OnCheckout::Ask),
        Some(_) => Err(bad_value(config, "session.onCheckout", "action (keep, suspend, ask)")),
    }
}

/// Source: git-config(1). With `auto` git chooses a character that no line begins with; `#` is the first that it
/// tries.
fn comment(config: &Config<'_>) -> String {
    let told = config.string("core.commentString").or_else(|| config.string("core.commentChar"));
    let told = told.map(|value| lossy(&value)).filter(|it| !it.is_empty() && it != "auto");
    told.unwrap_or_else(|| "#".into())
}

fn lean_transcripts(config: &Config<'_>) -> Result<bool, StoreError> {
    match config.string("session.transcripts").as_deref().map(|value| value.as_bytes()) {
        None | Some(b"verbatim") => Ok(false),
        Some(b"lean") => Ok(true),
        Some(_) => Err(bad_value(config, "session.transcripts", "profile (verbatim, lean)")),
    }
}

/// Reads `session.timeout`: a number of minutes, or `120.minutes`, or `2.hours`.
fn minutes(config: &Config<'_>) -> Result<Option<i64>, StoreError> {
    let key = "session.timeout";
    let Some(value) = config.string(key) else {
        return Ok(None);
    };
    let value = lossy(&value);
    let (number, unit) = value.split_once(['.', ' ']).unwrap_or((&value, "minutes"));
    let factor = match unit {
        "minute" | "minutes" => Some(1),
        "hour" | "hours" => Some(60),
        "day" | "days" => Some(24 * 60),
        _ => None,
    };
    let minutes = factor.and_then(|factor| number.parse::<i64>().ok()?.checked_mul(factor));
    minutes.map(Some).ok_or_else(|| bad_value(config, key, "duration"))
}

/// Reads a number of bytes, also with git's suffixes `k`, `m` and `g`.
fn auto_archive(config: &Config<'_>) -> Result<Option<usize>, StoreError> {
    let least = integer(config, "session.autoArchive")?.unwrap_or(1_000);
    let least =
        usize::try_from(least).map_err(|_| bad_value(config, "session.autoArchive", "numeric"))?;
    Ok((least > 0).then_some(least))
}

fn n_bytes(config: &Config<'_>, key: &str, default: i64) -> Result<u64, StoreError> {
    let limit = integer(config, key)?.unwrap_or(default);
    u64::try_from(limit).map_err(|_| bad_value(config, key, "numeric"))
}

fn is_partial(config: &Config<'_>) -> bool {
    let remotes = config.plumbing().sections_by_name("remote").into_iter().flatten();
    config.string("extensions.partialClone").is_some()
        || remotes.into_iter().any(|remote| remote.value("promisor").is_some())
}

/// Source: git-hook(1), `hook.<name>.event`.
fn hook_events(config: &Config<'_>) -> Vec<String> {
    let hooks = config.plumbing().sections_by_name("hook").into_iter().flatten();
    hooks.flat_map(|hook| hook.values("event")).map(|event| lossy(&event)).collect()
}

fn advice_off(config: &Config<'_>) -> Vec<String> {
    let off = |value: &str| matches!(value.to_lowercase().as_str(), "false" | "no" | "off" | "0");
    section(config, "advice")
        .into_iter()
        .filter(|(_, value)| off(value))
        .map(|(name, _)| name)
        .collect()
}

fn redact_allow(config: &Config<'_>) -> Vec<String> {
    let values = config.plumbing().strings("session.redactAllow").unwrap_or_default();
    values.iter().map(|value| lossy(value)).collect()
}

fn formats(config: &Config<'_>) -> Vec<(String, String)> {
    let sections = config.plumbing().sections_by_name("session").into_iter().flatten();
    let mut formats = Vec::new();
    for section in sections {
        if section.header().subsection_name() != Some("format".into()) {
            continue;
        }
        for name in section.value_names() {
            if let Some(value) = section.value(&name) {
                formats.push((name, lossy(&value)));
            }
        }
    }
    formats
}

/// Returns the names, in lower case, and values of a section without subsection; a name without
/// value is `true`.
pub(super) fn section(config: &Config<'_>, name: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for section in config.plumbing().sections_by_name(name).into_iter().flatten() {
        if section.header().subsection_name().is_some() {
            continue;
        }
        for name in section.value_names() {
            let value = section.value(&name).map_or_else(|| "true".into(), |value| lossy(&value));
            all.push((name.to_lowercase(), value));
        }
    }
    all
}
