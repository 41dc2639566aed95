//! What of a work tree is kept: all that git would, but for secrets and what is too large.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::ops::{Context, OpError};
use crate::redact;
use crate::store::{Changes, Store};

/// A file that is not in a checkpoint as it is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The path from the top.
    pub path: PathBuf,
    /// Why.
    pub why: Why,
}

/// Why a file is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It has so many bytes.
    TooLarge(u64),
    /// Its name is that of a secret.
    SecretName,
    /// There is a secret of this kind in it.
    Secret(String),
    /// It is a repository of its own.
    Repository,
    /// It cannot be read.
    Unreadable,
    /// It is a FIFO, a socket or a device, which git does not keep.
    NoFile,
}

/// What is kept, and what is not.
#[derive(Debug, Default)]
pub struct Choice {
    /// The changed files that are kept; paths from the top.
    pub paths: Vec<PathBuf>,
    /// Those that are not.
    pub left_out: Vec<LeftOut>,
}

/// Chooses what is kept of the work tree.
///
/// # Errors
/// [`OpError::Store`] in a bare repository; [`OpError::InvalidValue`] when all together is too much.
pub fn choose(store: &Store, context: &Context, with_untracked: bool) -> Result<Choice, OpError> {
    let Changes { tracked, untracked } = store.changes(with_untracked)?;
    let top = store.root();
    let settings = store.settings();
    let mut chooser = Chooser {
        top: &top,
        context,
        limit: settings.checkpoint_file_limit,
        choice: Choice::default(),
        n_bytes: 0,
        largest: None,
    };
    for path in tracked {
        chooser.weigh(path, false)?;
    }
    for path in untracked {
        chooser.weigh(path, true)?;
    }
    let limit = settings.checkpoint_limit;
    if limit > 0 && chooser.n_bytes > limit {
        let n_files = chooser.choice.paths.len();
        let largest = chooser.largest.map(|(n_bytes, path)| {
            format!("; the largest is '{}' ({n_bytes} bytes)", path.display())
        });
        let reason = format!(
            "{} bytes in {n_files} changed files are more than {limit}{}",
            chooser.n_bytes,
            largest.unwrap_or_default()
        );
        return Err(OpError::invalid("session.checkpointLimit", reason));
    }
    Ok(chooser.choice)
}

struct Chooser<'a> {
    top: &'a Path,
    context: &'a Context,
    limit: u64,
    choice: Choice,
    n_bytes: u64,
    largest: Option<(u64, PathBuf)>,
}

impl Chooser<'_> {
    fn weigh(&mut self, path: PathBuf, is_untracked: bool) -> Result<(), OpError> {
        let file = self.top.join(&path);
        let why = match file.symlink_metadata() {
            _ if path.as_os_str().to_string_lossy().ends_with('/') => Some(Why::Repository),
            Ok(meta) if meta.is_file() => {
                let why = self.why_not(&path, &file, &meta, is_untracked)?;
                if why.is_none() {
                    self.count(&path, meta.len());
                }
                why
            }
            Ok(meta) if meta.is_symlink() || meta.is_dir() => None,
            Ok(_) => Some(Why::NoFile),
            // What is gone is kept as gone.
            Err(_) => None,
        };
        match why {
            Some(why) => self.choice.left_out.push(LeftOut { path, why }),
            None => self.choice.paths.push(path),
        }
        Ok(())
    }

    fn count(&mut self, path: &Path, n_bytes: u64) {
        self.n_bytes = self.n_bytes.saturating_add(n_bytes);
        if self.largest.as_ref().is_none_or(|(largest, _)| n_bytes > *largest) {
            self.largest = Some((n_bytes, path.to_owned()));
        }
    }

    fn why_not(
        &self,
        path: &Path,
        file: &Path,
        meta: &Metadata,
        is_untracked: bool,
    ) -> Result<Option<Why>, OpError> {
        if self.limit > 0 && meta.len() > self.limit {
            return Ok(Some(Why::TooLarge(meta.len())));
        }
        let is_refused = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
        if File::open(file).as_ref().is_err_and(is_refused) {
            return Ok(Some(Why::Unreadable));
        }
        // What is tracked is in git already, or will be by the user's own hand.
        if !is_untracked || !self.context.redaction.is_on() {
            return Ok(None);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if redact::is_secret_file(&name) {
            return Ok(Some(Why::SecretName));
        }
        let bytes = fs::read(file).unwrap_or_default();
        Ok(self.context.redaction.find(&bytes)?.map(Why::Secret))
    }
}
