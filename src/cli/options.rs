//! Options that several commands share.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum, ValueHint};

/// Options of all commands.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Common options")]
pub struct Global {
    /// Run as if started in <path>; a second one is below the first
    #[arg(short = 'C', value_name = "path", global = true, action = ArgAction::Append,
          value_hint = ValueHint::DirPath)]
    pub dir: Vec<PathBuf>,
    /// Say less: no narration and no hints
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more: what was written, and where
    #[arg(short, long, global = true, overrides_with = "quiet")]
    pub verbose: bool,
    /// Do not page the answer
    #[arg(long, global = true)]
    pub no_pager: bool,
    /// Color the answer: always, never or auto
    #[arg(long, value_name = "when", global = true, num_args = 0..=1, require_equals = true,
          default_missing_value = "always")]
    pub color: Option<When>,
    /// Do not ask the session-transition hook before a session moves
    #[arg(long, global = true)]
    pub no_verify: bool,
    /// The UUID of this write: repeating a write whose outcome is unknown finds it done
    #[arg(long = "op", value_name = "uuid", global = true, hide = true)]
    pub op: Option<String>,
}

/// When to do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// In any case.
    Always,
    /// In no case.
    Never,
    /// When the answer goes to a terminal.
    Auto,
}

/// `--json[=<fields>]`
#[derive(Debug, Clone, Default, Args)]
pub struct Json {
    /// Answer with one JSON document; only these comma-separated fields, if given
    #[arg(long, value_name = "fields", num_args = 0..=1, require_equals = true,
          default_missing_value = "")]
    json: Option<String>,
}

impl Json {
    /// Tells whether JSON is wanted.
    pub fn is_wanted(&self) -> bool {
        self.json.is_some()
    }

    /// Returns the option as it was given.
    pub fn argument(&self) -> Option<String> {
        let fields = self.json.as_ref()?;
        Some(if fields.is_empty() { "--json".into() } else { format!("--json={fields}") })
    }

    /// Returns the fields that are wanted; none means all.
    pub fn fields(&self) -> Vec<String> {
        let fields = self.json.as_deref().unwrap_or_default().split(',').map(str::trim);
        fields.filter(|field| !field.is_empty()).map(str::to_owned).collect()
    }
}

/// `-m <reason>`, several times for several paragraphs.
#[derive(Debug, Clone, Default, Args)]
pub struct Reason {
    /// Say why; several are paragraphs
    #[arg(short = 'm', long = "message", value_name = "reason", action = ArgAction::Append)]
    message: Vec<String>,
}

impl Reason {
    /// Returns the paragraphs as one text.
    pub fn text(&self) -> String {
        self.message.join("\n\n").trim().to_owned()
    }
}
