use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use super::import_layout;
use super::import_tool::{self, Tool};
use super::show::check_fields;
use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::transcripts::{self, Readers, Transcript};
use crate::cli::{CliError, complete, output};
use crate::format::layout::Layout;
use crate::ops::OpError;
use crate::ops::import::{self, Did, Imported};
use crate::render::json::{self, FailedObject, TranscriptObject, TranscriptsObject};
use crate::render::sanitize::to_terminal;

/// Take agents' transcripts and the files of other session managers over as sessions
///
/// Files are recognised by what is in them: those of Claude Code, Codex, Gemini CLI, Qwen Code, OpenCode,
/// Copilot CLI, Cursor, Pi, Droid, Amp, Cline, Aider and Goose, and the journal (events.jsonl) of Choragen. Each session of an agent becomes one session
/// with the lifecycle "worker", called after the first words of the person, with the times of the transcript,
/// ended as its last words tell (unless they were said in the last hour), and with its tokens counted by the
/// agent's own rule. Sub-agents belong to the session that started them.
///
/// The bytes of a transcript are kept as they are, but for secrets; "git session show --raw" gives them back.
/// Importing again adds only what is new. Files in a directory that are no transcripts are skipped. A file of a
/// program that has no reader is taken if it is named and has JSON objects on its lines (*.jsonl), or messages or calls
/// in the usual shapes; else only with "--agent unknown".
///
/// The agents that others use are read by plug-ins, which "git session agent list --help" tells of.
///
/// With --layout, the files are those of another session manager. Each becomes a session, with its id, its
/// state and its times, by one event of its history that says so, and is kept with it, so that
/// "git session export" gives it back key for key. A file that has changed since updates its session. Files that are
/// named are known as such by their keys, without --layout.
///
/// With --from, it is what another tool keeps in refs of this repository: the transcripts of Entire's checkpoints and
/// the commits that name them; the sessions that git-ai's notes tell of, with their commits and lines. A session that
/// was imported from the agent's own transcript is the same one, and nothing in it is said twice.
///
/// A file that is damaged is told of, the others are imported, and the exit status is 1.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  git session import ~/.claude/projects/-home-ada-login\n  \
    git session import --all\n  git session import -n --json rollout.jsonl\n  \
    git session import --layout maestro .\n  git session import --from entire")]
pub struct Import {
    /// Files, and directories with such files
    #[arg(value_name = "path", required_unless_present_any = ["all", "from"], value_hint = ValueHint::AnyPath)]
    paths: Vec<String>,
    /// Import what the agents keep of this repository in the home directory
    #[arg(long, conflicts_with = "paths")]
    all: bool,
    /// Put everything into this session
    #[arg(long, value_name = "session", add = ArgValueCompleter::new(complete::sessions))]
    session: Option<String>,
    /// Whose files they are, where they do not tell
    ///
    /// One of claude-code, codex, gemini-cli, qwen-code, opencode, copilot-cli, cursor, pi, droid, amp, cline, aider,
    /// goose, choragen, unknown, or of a plug-in.
    #[arg(long, value_name = "name", add = ArgValueCompleter::new(complete::agents))]
    agent: Option<String>,
    /// Only tell what would be done
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,
    /// Whose files they are, if of another session manager
    #[arg(long, value_name = "layout", conflicts_with_all = ["all", "session", "agent", "dry_run"])]
    layout: Option<Named>,
    /// Import what another tool keeps in this repository
    #[arg(long, value_name = "tool", conflicts_with_all = ["paths", "all", "session", "agent", "layout"])]
    from: Option<Tool>,
    #[command(flatten)]
    json: Json,
}

/// The word for a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Named {
    /// .flow/maestro/sessions/<id>/metadata.json
    Maestro,
    /// .monoco/sessions/<id>.json
    Monoco,
    /// .choragen/sessions/<id>.json
    Choragen,
}

impl From<Named> for Layout {
    fn from(named: Named) -> Layout {
        match named {
            Named::Maestro => Layout::Maestro,
            Named::Monoco => Layout::Monoco,
            Named::Choragen => Layout::Choragen,
        }
    }
}

impl Import {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        if let Some(layout) = self.layout(app) {
            return import_layout::run(app, layout, &self.paths, &self.json);
        }
        check_fields::<TranscriptsObject>(&self.json.fields())?;
        if let Some(tool) = self.from {
            return import_tool::run(app, tool, &self);
        }
        let session = self.session.as_deref();
        let target = session.map(|name| app.resolve(Some(name))).transpose()?;
        let mut summary = TranscriptsObject::default();
        let transcripts = self.transcripts(app, &mut summary)?;
        let mut import = import::Import::new(app.store()?, app.context()?, target);
        for transcript in transcripts {
            let imported = transcript.open().and_then(|mut file| {
                Ok(import.import(&transcript.found, file.as_mut(), self.dry_run)?)
            });
            match imported {
                Ok(imported) => self.tell(app, &transcript, &imported, &mut summary),
                Err(error) => fail(&transcript.path, &error, &mut summary),
            }
        }
        self.answer(app, &summary)
    }

    /// Returns the layout that is asked for, or that all files have.
    fn layout(&self, app: &App) -> Option<Layout> {
        let is_for_transcripts = self.session.is_some() || self.agent.is_some() || self.dry_run;
        match self.layout {
            Some(named) => Some(named.into()),
            None if is_for_transcripts => None,
            None => import_layout::recognise(app, &self.paths),
        }
    }

    /// Returns the transcripts that are asked for, those first that others may be copied from.
    fn transcripts(
        &self,
        app: &App,
        summary: &mut TranscriptsObject,
    ) -> Result<Vec<Transcript>, CliError> {
        let readers = Readers::new(app, self.agent.as_deref())?;
        let mut all = Vec::new();
        if self.all {
            let fail = &mut |path: &Path, error: &CliError| fail(path, error, summary);
            all = transcripts::of_repository(app, &readers, fail)?;
        }
        for path in &self.paths {
            let path = app.dir().join(path);
            for (path, is_named) in files(&path, summary) {
                let found = match transcripts::look(app, &path, &readers) {
                    Ok(found) if found.is_empty() && is_named => unknown(app, &path),
                    found => found,
                };
                match found {
                    Ok(found) if found.is_empty() => summary.skipped.push(shown(&path)),
                    Ok(found) => all.extend(found),
                    Err(error) => fail(&path, &error, summary),
                }
            }
        }
        all.sort_by_key(|it| {
            let facts = &it.found.told.facts;
            let is_side = facts.thread.is_some() || facts.parent_session.is_some();
            (it.found.kind, is_side, facts.first_at)
        });
        Ok(all)
    }

    fn tell(
        &self,
        app: &App,
        transcript: &Transcript,
        imported: &Imported,
        summary: &mut TranscriptsObject,
    ) {
        let (found, told) = (&transcript.found, &imported.told);
        let session = imported.session.as_ref();
        summary.sessions.push(TranscriptObject {
            path: shown(&transcript.path),
            agent: found.program().to_owned(),
            native_id: found.native_id.clone(),
            id: session.map(|it| it.id.to_string()),
            result: imported.did.as_str().to_owned(),
            bytes: imported.n_bytes,
            messages: told.n_messages,
            tool_calls: told.n_calls,
        });
        let who = session.map(|it| format!("Session {}: ", it.id.handle())).unwrap_or_default();
        let agent = to_terminal(found.program());
        let what = match (imported.did, self.dry_run) {
            (Did::Nothing, _) => "nothing new".to_owned(),
            (_, is_dry) => {
                let did = if is_dry { "would import" } else { "imported" };
                format!("{did} {} messages, {} tool calls", told.n_messages, told.n_calls)
            }
        };
        let path = to_terminal(&found.path).into_owned();
        app.narrate(&format!("{who}{what} of {agent} ({path})"));
    }

    /// Sums up.
    pub(super) fn answer(&self, app: &App, summary: &TranscriptsObject) -> Result<(), CliError> {
        if !summary.skipped.is_empty() {
            let n = summary.skipped.len();
            let noun = if n == 1 { "file" } else { "files" };
            app.narrate(&format!("Skipped {n} {noun} without a transcript"));
        }
        if self.json.is_wanted() {
            app.answer_json(&json::select(json::to_map(summary), &self.json.fields()))?;
        }
        match summary.failed.is_empty() {
            true => Ok(()),
            false => {
                app.finish()?;
                Err(CliError::Status(1))
            }
        }
    }
}

/// Returns the transcript of a program without a reader of its own, whose file somebody has named.
fn unknown(app: &App, path: &Path) -> Result<Vec<Transcript>, CliError> {
    if let Some(transcript) = transcripts::of_unknown(app, path)? {
        return Ok(vec![transcript]);
    }
    if transcripts::is_blank_log(path) {
        return Ok(Vec::new());
    }
    let reason = match transcripts::is_database(path) {
        true => {
            "is a database, which is not read; the agent's own export of a session is (\"opencode \
             export <id>\", \"goose session export\")"
        }
        false => {
            "is no transcript of a known agent (--agent or --layout says whose it is, --agent \
             unknown takes any other)"
        }
    };
    Err(OpError::invalid("path", reason).into())
}

/// Returns the files that a path means, and whether the path is the file's own.
fn files(path: &Path, summary: &mut TranscriptsObject) -> Vec<(PathBuf, bool)> {
    if !path.is_dir() {
        return vec![(path.to_owned(), true)];
    }
    match transcripts::files(path) {
        Ok(files) => files.into_iter().map(|file| (file, false)).collect(),
        Err(error) => {
            let error = CliError::Input { path: shown(path), error };
            fail(path, &error, summary);
            Vec::new()
        }
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Tells what could not be imported; the others are.
pub(super) fn fail(path: &Path, error: &CliError, summary: &mut TranscriptsObject) {
    let path = shown(path);
    let reason = error.to_string();
    let told = format!("cannot import '{path}': {reason}");
    output::to_stderr(&format!("error: {}\n", to_terminal(&told)));
    summary.failed.push(FailedObject { path, reason });
}
