use std::str::FromStr;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::show::{check_fields, named_format};
use crate::cli::app::App;
use crate::cli::options::Json;
use crate::cli::{CliError, complete, date, hint, output};
use crate::lifecycle::{is_state_name, nearest, shown as shown_word};
use crate::model::{Class, Map, Outcome, SessionId};
use crate::ops::list::{self, Field, FieldFilter, Listing, Query, SortKey};
use crate::ops::{OpError, claims, documents, lifecycles, resolve};
use crate::render::format::{Format, excerpt_map, needs_record};
use crate::render::{json, list as table};
use crate::store::{RefNames, Store};

/// List sessions, the newest first; ended ones with --all or when they are asked for
///
/// Several values of one option are alternatives; several options must all hold.
#[derive(Debug, Default, Args)]
#[command(after_help = "Examples:\n  git session list --all --since=2.weeks\n  \
    git session list --status implementing,validating --json=id,title")]
pub struct List {
    /// Ended sessions too
    #[arg(short, long)]
    all: bool,
    /// In one of these states
    #[arg(long, value_name = "state", value_delimiter = ',',
          add = ArgValueCompleter::new(complete::states))]
    status: Vec<String>,
    /// In a state of one of these classes: pending, active, paused, ended
    #[arg(long, value_name = "class", value_delimiter = ',')]
    class: Vec<String>,
    /// Not ended (the default; for scripts that want to say so)
    #[arg(long, conflicts_with = "all")]
    active: bool,
    /// Ended so: success, failure, interrupted
    #[arg(long, value_name = "outcome", value_delimiter = ',')]
    outcome: Vec<String>,
    /// Whose worker is seen so: running, lost, elsewhere, none
    #[arg(long, value_name = "observed", value_delimiter = ',')]
    observed: Vec<String>,
    /// In one of these phases
    #[arg(long, value_name = "phase", value_delimiter = ',')]
    phase: Vec<String>,
    /// Of one of these lifecycles
    #[arg(long, value_name = "name", value_delimiter = ',',
          add = ArgValueCompleter::new(complete::lifecycles))]
    lifecycle: Vec<String>,
    /// On this branch
    #[arg(short, long, value_name = "branch")]
    branch: Option<String>,
    /// By one of these agent programs
    #[arg(long, value_name = "agent", value_delimiter = ',')]
    agent: Vec<String>,
    /// With one of these language models
    #[arg(long, value_name = "model", value_delimiter = ',')]
    model: Vec<String>,
    /// In one of these parts
    #[arg(long, value_name = "role", value_delimiter = ',')]
    role: Vec<String>,
    /// For one of these issues
    #[arg(long, value_name = "issue", value_delimiter = ',')]
    issue: Vec<String>,
    /// With one of these labels
    #[arg(long, value_name = "label", value_delimiter = ',')]
    label: Vec<String>,
    /// Made by somebody whose name or mail has this part
    #[arg(long, value_name = "part")]
    author: Vec<String>,
    /// That made this commit, or is said to by its trailer, or began at it
    #[arg(long, value_name = "commit")]
    commit: Option<String>,
    /// Made at this date or later
    #[arg(long, value_name = "date", visible_alias = "created-after", alias = "after")]
    since: Option<String>,
    /// Made at this date or earlier
    #[arg(long, value_name = "date", visible_alias = "created-before", alias = "before")]
    until: Option<String>,
    /// Whose title matches this regular expression
    #[arg(long, value_name = "pattern")]
    grep: Vec<String>,
    /// Match letters of either case
    #[arg(short = 'i', long)]
    ignore_case: bool,
    /// Take --grep as plain text
    #[arg(short = 'F', long)]
    fixed_strings: bool,
    /// Order by created, updated, title, status, branch, id or name; '-' before it reverses; may be
    /// repeated, the first counts most
    #[arg(long, value_name = "key", value_delimiter = ',', allow_hyphen_values = true)]
    sort: Vec<String>,
    /// At most so many; 0 is all
    #[arg(short = 'n', long, visible_alias = "max-count", value_name = "n")]
    limit: Option<usize>,
    #[command(flatten)]
    json: Json,
    /// Print placeholders such as %(handle) or %(links.issue), as "git for-each-ref" has them
    #[arg(long, value_name = "format", conflicts_with = "json")]
    format: Option<String>,
    /// Print for scripts, in a form that does not change
    #[arg(long, value_name = "version", num_args = 0..=1, require_equals = true,
          default_missing_value = "v1", value_parser = ["v1", "1"],
          conflicts_with_all = ["json", "format"])]
    porcelain: Option<String>,
    /// End records with NUL instead of newline
    #[arg(short = 'z')]
    nul: bool,
}

impl List {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        check_fields::<json::SessionObject>(&self.json.fields())?;
        let format = self.format.as_deref().map(|text| named_format(app, text)).transpose()?;
        let mut listing = list::list(app.store()?, &self.query(app)?)?;
        if listing.sessions.is_empty() && listing.n_ended_hidden == 0 {
            self.refuse_unknown_status(app)?;
        }
        self.answer(app, &mut listing, format.as_ref())?;
        if !self.json.is_wanted() {
            self.narrate(app, &listing);
        }
        Ok(())
    }

    fn answer(
        &self,
        app: &App,
        listing: &mut Listing,
        format: Option<&Format>,
    ) -> Result<(), CliError> {
        if self.json.is_wanted() {
            return self.answer_json(app, listing);
        }
        if let Some(format) = format {
            return self.answer_formatted(app, listing, format);
        }
        let store = app.store()?;
        let current = resolve::marked(store, &app.context()?);
        if self.porcelain.is_some() || self.nul {
            return app.answer(|out| table::porcelain(out, listing, current, self.nul));
        }
        app.page();
        let style = output::style(app);
        app.answer(|out| table::table(out, listing, current, &style))
    }

    /// Answers with one document, a session at a time.
    fn answer_json(&self, app: &App, listing: &Listing) -> Result<(), CliError> {
        let (store, fields) = (app.store()?, self.json.fields());
        let is_wanted = fields.is_empty() || fields.iter().any(|field| field == "ref");
        let refs = ref_names(store, listing, is_wanted);
        app.answer(|out| {
            let mut answer = json::Listing::begin(out, &store.root(), &refs, &fields)?;
            if !fields.is_empty() && !needs_record(&fields) {
                listing.sessions.iter().try_for_each(|listed| answer.excerpt(listed))?;
                return answer.end(listing.corrupt.iter());
            }
            let take = |id, document: &str| answer.session(id, document);
            let faults = documents::each(store, &listing.sessions, json::making(), take)?;
            answer.end(listing.corrupt.iter().chain(&faults))
        })
    }

    /// Answers in a format, a session at a time; takes what cannot be read to the other faults.
    fn answer_formatted(
        &self,
        app: &App,
        listing: &mut Listing,
        format: &Format,
    ) -> Result<(), CliError> {
        let (store, end) = (app.store()?, if self.nul { &b"\0"[..] } else { b"\n" });
        let write = |map: &Map| {
            app.answer(|out| {
                format.write(out, map, app.now)?;
                out.write_all(end)
            })
        };
        let refs = ref_names(store, listing, format.fields().contains(&"ref"));
        if !format.needs_record() {
            let mut sessions = listing.sessions.iter();
            return sessions.try_for_each(|listed| write(&excerpt_map(listed, &refs)));
        }
        let root = store.root();
        let take = |id, document: &str| write(&json::document(document, &root, refs.of(id)));
        let faults = documents::each(store, &listing.sessions, json::making(), take)?;
        listing.corrupt.extend(faults);
        Ok(())
    }

    /// Tells what the list does not show.
    fn narrate(&self, app: &App, listing: &Listing) {
        if !listing.corrupt.is_empty() {
            app.narrate(&format!("warning: {} unreadable", listing.corrupt.len()));
            for fault in &listing.corrupt {
                let text = format!("warning: session {}: {}", fault.name, fault.reason);
                app.narrate(&crate::render::sanitize::to_terminal(&text));
            }
        }
        let n = listing.n_ended_hidden;
        let is_for_people = self.porcelain.is_none() && self.format.is_none() && !self.nul;
        if n > 0 && is_for_people && !self.active && hint::is_wanted(app, "List") {
            let sessions = if n == 1 { "session is" } else { "sessions are" };
            app.narrate(&format!(
                "hint: {n} ended {sessions} not shown; use \"git session list --all\""
            ));
        }
    }

    /// Refuses a state that no lifecycle has when nothing was found: most likely it is mistyped.
    fn refuse_unknown_status(&self, app: &App) -> Result<(), CliError> {
        let known = lifecycles::all_states(app.store()?.work_dir());
        match self.status.iter().find(|status| !known.contains(status)) {
            None => Ok(()),
            Some(status) => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                Err(unknown_word("--status", status, &known).into())
            }
        }
    }

    fn query(&self, app: &App) -> Result<Query, CliError> {
        let date = |option, text: &Option<String>| {
            text.as_deref().map(|text| date::parse(option, text, app.now)).transpose()
        };
        let branch = self.branch.as_deref();
        Ok(Query {
            all: self.all,
            statuses: check_statuses(&self.status)?,
            classes: words("--class", &self.class, Class::ALL.map(Class::as_str))?,
            outcomes: words("--outcome", &self.outcome, Outcome::ALL.map(Outcome::as_str))?,
            lifecycles: self.lifecycle.clone(),
            branch: branch.map(|it| it.strip_prefix("refs/heads/").unwrap_or(it).to_owned()),
            created_from: date("--since", &self.since)?,
            created_to: date("--until", &self.until)?,
            title: self.patterns()?,
            fields: self.fields(app)?,
            sort: self.sort_keys()?,
            limit: self.limit.filter(|limit| *limit > 0),
        })
    }

    fn fields(&self, app: &App) -> Result<Vec<FieldFilter>, CliError> {
        let mut fields = Vec::new();
        let mut put = |field, values: &[String]| {
            if !values.is_empty() {
                fields.push(FieldFilter { field, values: values.to_vec() });
            }
        };
        put(Field::Phase, &self.phase);
        put(Field::Agent, &self.agent);
        put(Field::Model, &self.model);
        put(Field::Role, &self.role);
        put(Field::Issue, &self.issue);
        put(Field::Label, &self.label);
        put(Field::Author, &self.author);
        let known = ["running", "lost", "elsewhere", "none"];
        if let Some(word) = self.observed.iter().find(|word| !known.contains(&word.as_str())) {
            return Err(unknown_word("--observed", word, &known).into());
        }
        put(Field::Observed, &self.observed);
        if let Some(commit) = &self.commit {
            let oid = app
                .store()?
                .find_commit(commit)
                .ok_or_else(|| OpError::invalid("--commit", format!("'{commit}' is no commit")))?;
            let sessions = claims::sessions_of(app.store()?, oid)?;
            let ids = sessions.iter().map(SessionId::to_string);
            put(Field::Commit, &ids.chain([oid.to_string()]).collect::<Vec<_>>());
        }
        Ok(fields)
    }

    fn patterns(&self) -> Result<Vec<regex::Regex>, CliError> {
        let build = |pattern: &String| {
            let text = if self.fixed_strings { regex::escape(pattern) } else { pattern.clone() };
            regex::RegexBuilder::new(&text).case_insensitive(self.ignore_case).build()
        };
        let invalid = |error: regex::Error| {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default();
            let reason = reason.strip_prefix("error: ").unwrap_or(reason);
            CliError::from(OpError::invalid("--grep", reason))
        };
        self.grep.iter().map(build).collect::<Result<_, _>>().map_err(invalid)
    }

    fn sort_keys(&self) -> Result<Vec<(SortKey, bool)>, CliError> {
        let known = SortKey::ALL.map(|(word, _)| word);
        let read = |text: &String| {
            let (word, is_reversed) = match text.strip_prefix('-') {
                Some(word) => (word, true),
                None => (text.as_str(), false),
            };
            let found = SortKey::ALL.iter().find(|(known, _)| *known == word);
            let (_, key) = found.ok_or_else(|| unknown_word("--sort", word, &known))?;
            Ok((*key, is_reversed))
        };
        self.sort.iter().map(read).collect()
    }
}

/// Returns by which refs the sessions of a list are read, if somebody wants to know.
fn ref_names(store: &Store, listing: &Listing, is_wanted: bool) -> RefNames {
    let ids = listing.sessions.iter().map(|listed| listed.excerpt.id);
    store.ref_names(&ids.filter(|_| is_wanted).collect::<Vec<_>>())
}

/// Refuses what cannot be a state; a state that no lifecycle has is a question without answers.
fn check_statuses(statuses: &[String]) -> Result<Vec<String>, OpError> {
    match statuses.iter().find(|status| !is_state_name(status)) {
        None => Ok(statuses.to_vec()),
        Some(status) => {
            let reason = format!("'{}' is not the name of a state", shown_word(status));
            Err(OpError::invalid("--status", reason))
        }
    }
}

fn words<T: FromStr, const N: usize>(
    option: &str,
    given: &[String],
    known: [&'static str; N],
) -> Result<Vec<T>, OpError> {
    given.iter().map(|word| word.parse().map_err(|_| unknown_word(option, word, &known))).collect()
}

fn unknown_word(option: &str, word: &str, known: &[&str]) -> OpError {
    let nearest = nearest(word, known.iter().copied());
    let guess = nearest.map(|it| format!(" (did you mean '{it}'?)")).unwrap_or_default();
    OpError::InvalidValue {
        field: option.to_owned(),
        reason: format!("'{}' is unknown{guess}", shown_word(word)),
        allowed: known.iter().map(|word| (*word).to_owned()).collect(),
    }
}
