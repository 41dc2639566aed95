use clap::{Args, ValueEnum};

use crate::cli::app::App;
use crate::cli::{CliError, comforts};

/// Print the completion script of a shell
///
/// It completes "git session ..." and "git-session ...", with the sessions that there are.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    git session completion bash >~/.local/share/bash-completion/completions/git-session\n  \
    git session completion zsh >\"${fpath[1]}/_git-session\"\n  \
    git session completion fish >~/.config/fish/conf.d/git-session.fish")]
pub struct Completion {
    /// The shell
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completion {
    /// Does it.
    pub fn run(self, app: &App) -> Result<(), CliError> {
        let script = match self.shell {
            Shell::Bash => comforts::BASH,
            Shell::Zsh => comforts::ZSH,
            Shell::Fish => comforts::FISH,
        };
        app.answer(|out| out.write_all(script.as_bytes()))
    }
}
