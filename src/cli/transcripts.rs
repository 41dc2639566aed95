//! Finding transcripts: below directories, and where the agents keep those of this repository.

use std::fs::{self, File};
use std::io::{self, Cursor, Read as _};
use std::path::{Path, PathBuf};

use super::app::App;
use super::plugins::{self, Plugin};
use super::{CliError, input};
use crate::agents::{AgentKind, recognise};
use crate::ops::OpError;
use crate::ops::import::{self, Found};
use crate::ops::ingest::Bytes;

/// How deep directories are searched.
const MAX_DEPTH: usize = 16;
/// How much of a file is looked at to know whose it is, in bytes: first lines can be long.
const HEAD: u64 = 256 << 10;
/// The most of a file that is read as a whole, in bytes.
const MAX_TEXT: u64 = 256 << 20;
/// The line that begins a session of Aider's.
const AIDER: &[u8] = b"# aider chat started at ";

/// What a database of SQLite begins with. Source: its file format, 1.3.1.
const SQLITE: &[u8; 16] = b"SQLite format 3\0";

/// Directories with transcripts, below the home directory.
const PLACES: [&str; 13] = [
    ".codex/sessions",
    ".codex/archived_sessions",
    ".gemini/tmp",
    ".qwen/projects",
    ".copilot/session-state",
    ".cursor/projects",
    ".pi/agent/sessions",
    ".factory/sessions",
    ".local/share/amp/threads",
    ".cline/data",
    ".iflow/projects",
    ".claude/projects",
    ".config/claude/projects",
];

/// A transcript, and where its bytes are.
pub struct Transcript {
    /// The file, as it was named or found.
    pub path: PathBuf,
    /// What it is about.
    pub found: Found,
    /// A part of a file; the whole one if `None`.
    part: Option<Vec<u8>>,
}

impl Transcript {
    /// Opens it.
    pub fn open(&self) -> Result<Box<dyn Bytes>, CliError> {
        match &self.part {
            Some(part) => Ok(Box::new(Cursor::new(part.clone()))),
            None => {
                Ok(Box::new(File::open(&self.path).map_err(|error| failed(&self.path, error))?))
            }
        }
    }
}

/// Who reads a transcript.
enum Reader<'p> {
    Own(AgentKind),
    Plugin(&'p Plugin),
}

/// Who reads transcripts: the readers that are built in, and plug-ins where those know nothing.
pub struct Readers {
    plugins: Vec<Plugin>,
    /// The agent that all files are of.
    agent: Option<String>,
}

/// Returns the names of the agents whose transcripts can be read.
pub fn agents(plugins: &[Plugin]) -> Vec<String> {
    let own = AgentKind::ALL.map(|it| it.to_string()).into_iter();
    own.chain(plugins.iter().map(|it| it.name.clone())).collect()
}

impl Readers {
    /// Returns the readers of all agents, or of the one that is named.
    ///
    /// # Errors
    /// [`OpError::InvalidValue`] if nobody reads its transcripts.
    pub fn new(app: &App, agent: Option<&str>) -> Result<Readers, CliError> {
        let plugins = plugins::all(app);
        let allowed = agents(&plugins);
        if let Some(name) = agent.filter(|name| !allowed.iter().any(|it| it == name)) {
            let reason = format!("no agent '{name}', and no plug-in git-session-agent-{name}");
            return Err(OpError::InvalidValue { field: "--agent".into(), reason, allowed }.into());
        }
        Ok(Readers { plugins, agent: agent.map(str::to_owned) })
    }

    /// Returns who reads the file that begins with `head`.
    fn find(&self, path: &Path, head: &[u8]) -> Option<Reader<'_>> {
        if let Some(name) = &self.agent {
            let own = || name.parse().ok().map(Reader::Own);
            return self.plugin(name).map(Reader::Plugin).or_else(own);
        }
        let own = recognise(head, path.to_str()).map(Reader::Own);
        let plugin = || self.plugins.iter().find(|it| it.recognises(path, head));
        own.or_else(|| plugin().map(Reader::Plugin))
    }

    fn plugin(&self, name: &str) -> Option<&Plugin> {
        self.plugins.iter().find(|it| it.name == name)
    }

    /// Tells whether transcripts of this agent are wanted.
    fn wants(&self, agent: &str) -> bool {
        self.agent.as_ref().is_none_or(|it| it == agent)
    }
}

/// Returns the files below a path, in order; links are not followed.
pub fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    walk(path, 0, &mut found)?;
    Ok(found)
}

fn walk(dir: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<fs::DirEntry> = fs::read_dir(dir)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        if kind.is_dir() && depth < MAX_DEPTH && entry.file_name() != ".git" {
            walk(&entry.path(), depth + 1, found)?;
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// Returns the transcripts in a file; none if it is no transcript of a known agent. A file of Aider's has
/// several.
pub fn look(app: &App, path: &Path, readers: &Readers) -> Result<Vec<Transcript>, CliError> {
    let fail = |error| failed(path, error);
    let mut file = File::open(path).map_err(fail)?;
    let mut head = Vec::new();
    (&mut file).take(HEAD).read_to_end(&mut head).map_err(fail)?;
    if head.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let shown = app.shown_path(path);
    let kind = match readers.find(path, &head) {
        None => return Ok(Vec::new()),
        Some(Reader::Own(kind)) => kind,
        Some(Reader::Plugin(plugin)) => return Ok(vec![convert(app, path, plugin)?]),
    };
    if kind == AgentKind::Aider {
        let text = input::read(app, &path.to_string_lossy(), MAX_TEXT)?;
        return sections(&text).into_iter().map(|part| aider(path, &shown, part)).collect();
    }
    let found = import::scout(kind, &shown, &mut file)?;
    Ok(vec![Transcript { path: path.to_owned(), found, part: None }])
}

/// Returns the transcript in a file of an agent that nobody knows: one with objects on its lines, or in which
/// something is said or called in one of the shapes that most agents share; not a session file of Choragen's, which
/// is a layout.
pub fn of_unknown(app: &App, path: &Path) -> Result<Option<Transcript>, CliError> {
    let fail = |error| failed(path, error);
    let mut file = File::open(path).map_err(fail)?;
    let mut head = Vec::new();
    (&mut file).take(HEAD).read_to_end(&mut head).map_err(fail)?;
    let text = String::from_utf8_lossy(&head);
    let is_layout = ["\"tokenUsage\"", "\"chainId\""].iter().all(|key| text.contains(key));
    if is_layout || file.metadata().map_err(fail)?.len() > MAX_TEXT {
        return Ok(None);
    }
    let found = import::scout(AgentKind::Unknown, &app.shown_path(path), &mut file)?;
    let says_something = found.told.n_messages + found.told.n_calls > 0;
    let is_transcript = says_something || is_log(path) && text.trim_start().starts_with('{');
    Ok(is_transcript.then(|| Transcript { path: path.to_owned(), found, part: None }))
}

/// Tells whether a file is a log of lines of which none has been written yet.
pub fn is_blank_log(path: &Path) -> bool {
    is_log(path) && fs::read(path).is_ok_and(|bytes| bytes.trim_ascii().is_empty())
}

/// Tells whether a file is a database of SQLite.
pub fn is_database(path: &Path) -> bool {
    let mut head = [0; SQLITE.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *SQLITE
}

/// Tells whether a file is called as one of JSON Lines.
fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "jsonl" || it == "ndjson")
}

/// Returns a transcript that a plug-in reads, with what it makes of it. The bytes that it was given are those that
/// are kept, whoever writes on meanwhile.
fn convert(app: &App, path: &Path, plugin: &Plugin) -> Result<Transcript, CliError> {
    let bytes = input::read(app, &path.to_string_lossy(), MAX_TEXT)?;
    let converted = plugin.convert(app, path, bytes.clone())?;
    let found = Found::of(converted, &app.shown_path(path));
    Ok(Transcript { path: path.to_owned(), found, part: Some(bytes) })
}

/// Returns a session of Aider's, which is known again by the file and the time at which it began.
fn aider(path: &Path, shown: &str, part: &[u8]) -> Result<Transcript, CliError> {
    let mut found = import::scout(AgentKind::Aider, shown, &mut Cursor::new(part))?;
    let header = part.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(AIDER));
    let time = String::from_utf8_lossy(header.unwrap_or_default()).trim().to_owned();
    found.native_id = format!("{shown} {time}");
    Ok(Transcript { path: path.to_owned(), found, part: Some(part.to_vec()) })
}

/// Cuts a file of Aider's into its sessions; what stands before the first one belongs to it.
fn sections(text: &[u8]) -> Vec<&[u8]> {
    let mut begins = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(AIDER) {
            begins.push(at);
        }
        at += line.len();
    }
    let ends = begins.iter().skip(1).copied().chain([text.len()]);
    let begins = std::iter::once(0).chain(begins.iter().skip(1).copied());
    begins.zip(ends).map(|(begin, end)| &text[begin..end]).collect()
}

/// Returns the transcripts that agents keep of this repository, as far as they say so, and as far as `readers`
/// want them. What a plug-in fails for is given to `fail`.
pub fn of_repository(
    app: &App,
    readers: &Readers,
    fail: &mut dyn FnMut(&Path, &CliError),
) -> Result<Vec<Transcript>, CliError> {
    let tops: Vec<PathBuf> = app.store()?.work_trees().into_iter().map(|it| it.path).collect();
    let mut all = Vec::new();
    let own = |agent| Readers { plugins: Vec::new(), agent };
    let aider = own(Some(AgentKind::Aider.to_string()));
    for top in &tops {
        let history = top.join(".aider.chat.history.md");
        if history.is_file() {
            all.extend(look(app, &history, &aider)?);
        }
    }
    let own = own(None);
    for path in places(app).iter().flat_map(|place| files(place).unwrap_or_default()) {
        // What cannot be read here is not of this repository, as far as anybody can tell.
        let of_file = look(app, &path, &own).unwrap_or_default();
        all.extend(of_file.into_iter().filter(|it| is_here(it, &tops)));
    }
    all.retain(|it| readers.wants(it.found.kind.as_str()));
    for plugin in readers.plugins.iter().filter(|it| readers.wants(&it.name)) {
        for path in plugin.find(&tops).unwrap_or_else(|error| {
            fail(&plugin.path, &error);
            Vec::new()
        }) {
            match convert(app, &path, plugin) {
                Ok(transcript) => all.push(transcript),
                Err(error) => fail(&path, &error),
            }
        }
    }
    Ok(all)
}

/// Returns the directories in which agents keep transcripts.
fn places(app: &App) -> Vec<PathBuf> {
    let get = |name: &str| app.environment.get(name).unwrap_or_default();
    let mut places: Vec<PathBuf> = Vec::new();
    if let Some(home) = app.home() {
        places.extend(PLACES.iter().map(|place| home.join(place)));
    }
    let claude = get("CLAUDE_CONFIG_DIR").split(',').map(str::trim).filter(|dir| !dir.is_empty());
    places.extend(claude.map(|dir| Path::new(dir).join("projects")));
    if !get("CODEX_HOME").is_empty() {
        let codex = Path::new(get("CODEX_HOME"));
        places.extend(["sessions", "archived_sessions"].map(|dir| codex.join(dir)));
    }
    let mut real: Vec<PathBuf> =
        places.iter().filter_map(|place| fs::canonicalize(place).ok()).collect();
    real.sort();
    real.dedup();
    real
}

/// Tells whether a transcript is of a session that worked in one of the work trees.
fn is_here(transcript: &Transcript, tops: &[PathBuf]) -> bool {
    let told = transcript.found.told.facts.cwd.clone().map(PathBuf::from);
    let Some(cwd) = told.or_else(|| project_root(&transcript.path)) else {
        return tops.iter().any(|top| is_named_after(&transcript.path, top));
    };
    let cwd = fs::canonicalize(&cwd).unwrap_or(cwd);
    tops.iter().any(|top| cwd.starts_with(top))
}

/// Returns the directory that a file `.project_root` of Gemini CLI names, beside the chats.
fn project_root(path: &Path) -> Option<PathBuf> {
    let file = path.parent()?.parent()?.join(".project_root");
    let text = fs::read_to_string(file).ok().filter(|text| text.len() < 4096)?;
    Some(PathBuf::from(text.trim()))
}

/// Tells whether a transcript is in a directory that is called as the work tree, with `-` for what is no
/// letter or digit. Source: Cursor and Claude Code.
fn is_named_after(path: &Path, top: &Path) -> bool {
    let slug = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let slug: String = top.to_string_lossy().chars().map(slug).collect();
    let is_it = |name: &std::ffi::OsStr| {
        let name = name.to_string_lossy();
        !slug.trim_matches('-').is_empty() && name.trim_matches('-') == slug.trim_matches('-')
    };
    path.ancestors().filter_map(Path::file_name).any(is_it)
}

fn failed(path: &Path, error: io::Error) -> CliError {
    CliError::Input { path: path.to_string_lossy().into_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_aider_is_cut_where_sessions_begin() {
        let text = b"\n# aider chat started at 1\n#### a\n# aider chat started at 2\n#### b\n";
        let parts = sections(text);
        assert_eq!(parts.concat(), text);
        assert_eq!(parts.len(), 2);
        assert!(parts[1].starts_with(b"# aider chat started at 2"));
    }

    #[test]
    fn a_directory_is_called_after_a_work_tree() {
        let top = Path::new("/home/a/my.repo");
        assert!(is_named_after(Path::new("/h/-home-a-my-repo/x.jsonl"), top));
        assert!(is_named_after(Path::new("/h/home-a-my-repo/agent-transcripts/x.jsonl"), top));
        assert!(!is_named_after(Path::new("/h/-home-a-my-repo2/x.jsonl"), top));
    }
}
