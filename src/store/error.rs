use std::path::PathBuf;

/// What can go wrong with the repository.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no repository here.
    #[error("not a git repository (or any of the parent directories): .git")]
    NotARepository,
    /// The directory to start from cannot be entered.
    #[error("cannot change to '{}': No such file or directory", .0.display())]
    NoSuchDirectory(PathBuf),
    /// The repository belongs to somebody else.
    #[error("detected dubious ownership in repository at '{}'", .0.display())]
    Unsafe(PathBuf),
    /// The repository is of a kind that this program does not know.
    #[error("{0}")]
    Unsupported(String),
    /// The configuration cannot be read.
    #[error("bad config: {0}")]
    Config(String),
    /// Something that must be there in the repository is damaged.
    #[error("{what} is damaged: {reason}")]
    Corrupt {
        /// The thing, such as `commit 1234…`.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An object is not here, though something names it.
    #[error("{what} is missing")]
    Missing {
        /// The thing, such as `commit 1234…`.
        what: String,
    },
    /// Another writer was faster.
    #[error("'{name}' was changed by another process")]
    Raced {
        /// The ref.
        name: String,
    },
    /// Another writer holds the ref for longer than we wait.
    #[error("'{name}' is locked by another process")]
    Busy {
        /// The ref.
        name: String,
    },
    /// A session's ref is symbolic, and writing through it would move another ref.
    #[error("'{name}' is a symbolic ref")]
    Symbolic {
        /// The ref.
        name: String,
    },
    /// A work tree is not as it must be.
    #[error(transparent)]
    WorkTree(#[from] WorkTreeError),
    /// The operating system or `git` refused.
    #[error("{doing}: {reason}")]
    Io {
        /// What was tried, as in `cannot write 'x'`.
        doing: String,
        /// The reason given.
        reason: String,
    },
}

/// Why a work tree cannot be made, switched or removed as it was wanted; nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkTreeError {
    /// There is work in it that is in no commit.
    #[error("work tree '{}' has uncommitted changes", path.display())]
    Dirty {
        /// The work tree.
        path: PathBuf,
    },
    /// The branch is in use elsewhere.
    #[error("branch '{branch}' is checked out in '{}'", path.display())]
    CheckedOut {
        /// The branch.
        branch: String,
        /// The work tree that has it.
        path: PathBuf,
    },
    /// There is something where a work tree was to be made.
    #[error("'{}' already exists", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// A file would be overwritten that is in no checkpoint as it is.
    #[error("'{}' is in the way, and is in no checkpoint as it is", path.display())]
    InTheWay {
        /// The file, from the top of the work tree.
        path: PathBuf,
    },
    /// There is no commit that a new branch could begin with.
    #[error("cannot make branch '{branch}': there is no commit yet")]
    Unborn {
        /// The branch.
        branch: String,
    },
    /// Git would not remove it.
    #[error("work tree '{}' cannot be removed: {reason}", path.display())]
    NotRemovable {
        /// The work tree.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl StoreError {
    /// Returns the error that `doing` failed for what gix says.
    pub(super) fn gix(doing: &str, error: &gix::Error) -> StoreError {
        StoreError::Io { doing: doing.to_owned(), reason: reasons(error) }
    }

    /// Returns the error that `doing` failed for what the system says.
    pub(super) fn io(doing: impl Into<String>, error: &std::io::Error) -> StoreError {
        StoreError::Io { doing: doing.into(), reason: error.to_string() }
    }

    /// Returns the error that `what` is damaged.
    pub(super) fn corrupt(what: impl Into<String>, reason: impl Into<String>) -> StoreError {
        StoreError::Corrupt { what: what.into(), reason: reason.into() }
    }
}

/// Joins the messages of an error and its sources on one line.
pub(super) fn reasons(error: &gix::Error) -> String {
    let mut all: Vec<String> = Vec::new();
    for source in error.iter_errors() {
        let text = source.to_string().replace('\n', " ");
        if !all.iter().any(|known| known.contains(&text)) {
            all.push(text);
        }
    }
    all.join(": ")
}
