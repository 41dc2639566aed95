//! Secrets are kept out of what is written: every text of an event goes through here.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock};

use crate::format::event;
use crate::model::{Map, Session, Value};
use crate::ops::OpError;
use crate::ops::change::Draft;
use crate::redact::{self, Redactor};

/// Makes a redactor, which costs reading files and the environment.
type Make = dyn Fn() -> Result<Redactor, OpError> + Send + Sync;

/// How secrets are kept out: a redactor that is only made for a text that may hold one.
#[derive(Clone, Default)]
pub struct Redaction {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    make: Box<Make>,
    made: OnceLock<Redactor>,
    /// What was taken out: the kind, and the secret, which is often met twice.
    found: Mutex<BTreeSet<(String, Vec<u8>)>>,
}

impl Inner {
    fn redactor(&self) -> Result<&Redactor, OpError> {
        if let Some(redactor) = self.made.get() {
            return Ok(redactor);
        }
        let redactor = (self.make)()?;
        Ok(self.made.get_or_init(|| redactor))
    }

    /// Notes the secrets of a text.
    fn note(&self, redactor: &Redactor, text: &[u8]) {
        if let Ok(mut found) = self.found.lock() {
            let secrets = redactor.find(text).into_iter();
            found.extend(secrets.map(|it| (it.kind.to_owned(), text[it.start..it.end].to_vec())));
        }
    }
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redaction").field("is_on", &self.inner.is_some()).finish()
    }
}

impl Redaction {
    /// Returns redaction by what `make` makes. By default there is none.
    pub fn new(make: impl Fn() -> Result<Redactor, OpError> + Send + Sync + 'static) -> Redaction {
        let (made, found) = (OnceLock::new(), Mutex::default());
        Redaction { inner: Some(Arc::new(Inner { make: Box::new(make), made, found })) }
    }

    /// Returns the kind of each secret that was taken out since the last call.
    pub fn take_found(&self) -> Vec<String> {
        let found = self.inner.as_ref().and_then(|inner| inner.found.lock().ok());
        let found = found.map(|mut found| std::mem::take(&mut *found)).unwrap_or_default();
        found.into_iter().map(|(kind, _)| kind).collect()
    }

    /// Returns the kind of the first secret in a text that is kept whole or not at all.
    ///
    /// # Errors
    /// What making the redactor fails for.
    pub(super) fn find(&self, text: &[u8]) -> Result<Option<String>, OpError> {
        let Some(inner) = self.inner.as_ref().filter(|_| redact::may_hold(text)) else {
            return Ok(None);
        };
        let found = inner.redactor()?.find(text);
        Ok(found.first().map(|secret| secret.kind.to_owned()))
    }

    /// Tells whether secrets are kept out at all.
    pub(super) fn is_on(&self) -> bool {
        self.inner.is_some()
    }

    /// Returns bytes without secrets.
    ///
    /// # Errors
    /// What making the redactor fails for: then nothing may be written.
    pub fn bytes(&self, bytes: Vec<u8>) -> Result<Vec<u8>, OpError> {
        let Some(inner) = self.inner.as_ref().filter(|_| redact::may_hold(&bytes)) else {
            return Ok(bytes);
        };
        let redactor = inner.redactor()?;
        let redacted = redactor.redact(&bytes);
        if !redacted.kinds.is_empty() {
            inner.note(redactor, &bytes);
        }
        Ok(redacted.text.into_owned())
    }

    /// Takes the secrets out of a text.
    ///
    /// # Errors
    /// As [`Redaction::bytes`].
    pub fn text(&self, text: &mut String) -> Result<(), OpError> {
        if self.inner.is_some() && redact::may_hold(text.as_bytes()) {
            let bytes = self.bytes(std::mem::take(text).into_bytes())?;
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
        Ok(())
    }

    /// Takes the secrets out of what a caller said of a session. What was there `before` is left alone: it
    /// came without.
    pub(super) fn session(
        &self,
        session: &mut Session,
        before: Option<&Session>,
    ) -> Result<(), OpError> {
        if before.is_none_or(|it| it.title != session.title) {
            self.text(&mut session.title)?;
        }
        let words = [
            (&mut session.reason, before.map(|it| &it.reason)),
            (&mut session.agent, before.map(|it| &it.agent)),
            (&mut session.model, before.map(|it| &it.model)),
            (&mut session.role, before.map(|it| &it.role)),
        ];
        for (word, before) in words {
            if let Some(word) =
                word.as_mut().filter(|it| before.is_none_or(|b| b.as_ref() != Some(*it)))
            {
                self.text(word)?;
            }
        }
        let known = before.map(|it| it.labels.as_slice()).unwrap_or_default();
        let labels = session.labels.iter_mut().filter(|label| !known.contains(label));
        labels.into_iter().try_for_each(|label| self.text(label))?;
        let maps = [
            (&mut session.links, before.map(|it| &it.links)),
            (&mut session.statistics, before.map(|it| &it.statistics)),
            (&mut session.configuration, before.map(|it| &it.configuration)),
        ];
        for (map, before) in maps {
            if before != Some(&*map) {
                self.map(map)?;
            }
        }
        self.names(session, before)?;
        let known = before.and_then(|it| it.worker.as_ref()).map(|worker| &worker.command);
        match session.worker.as_mut().filter(|worker| known != Some(&worker.command)) {
            Some(worker) => self.command(&mut worker.command),
            None => Ok(()),
        }
    }

    /// Takes the secrets out of all texts of an event but its files, which came without.
    pub(super) fn draft(&self, draft: &mut Draft, before: Option<&Session>) -> Result<(), OpError> {
        self.session(&mut draft.session, before)?;
        self.text(&mut draft.subject)?;
        self.text(&mut draft.body)?;
        draft.trailers.iter_mut().try_for_each(|(_, value)| self.text(value))
    }

    /// Looks at what things are called. Under another name it would be another thing: so a name of the
    /// caller's choice is refused, and what is called so elsewhere is not told.
    fn names(&self, session: &mut Session, before: Option<&Session>) -> Result<(), OpError> {
        if let Some(name) = &session.name
            && before.is_none_or(|it| it.name != session.name)
        {
            self.refuse("name", name)?;
        }
        let names = [
            (&mut session.branch, before.map(|it| &it.branch)),
            (&mut session.git.branch, before.map(|it| &it.git.branch)),
            (&mut session.git.worktree_name, before.map(|it| &it.git.worktree_name)),
        ];
        for (name, before) in names {
            let is_new = before != Some(&*name);
            if let Some(word) = name.as_ref().filter(|_| is_new)
                && self.secret_in_path(word)?.is_some()
            {
                *name = None;
            }
        }
        let known = before.map(|it| it.artifacts.as_slice()).unwrap_or_default();
        for artifact in session.artifacts.iter_mut().filter(|it| !known.contains(it)) {
            let words = [&mut artifact.role, &mut artifact.version].into_iter().flatten();
            words.into_iter().try_for_each(|word| self.text(word))?;
        }
        self.usages(session, before)
    }

    /// Leaves out the usages that are called by a secret.
    fn usages(&self, session: &mut Session, before: Option<&Session>) -> Result<(), OpError> {
        let known = before.map(|it| it.conversation.usages.as_slice()).unwrap_or_default();
        for usage in std::mem::take(&mut session.conversation.usages) {
            let is_known = known.contains(&usage);
            if is_known || self.secret_in(event::to_line(&usage).as_bytes())?.is_none() {
                session.conversation.usages.push(usage);
            }
        }
        Ok(())
    }

    /// Refuses a name with a secret in it.
    ///
    /// # Errors
    /// [`OpError::InvalidValue`], and as [`Redaction::bytes`].
    pub(super) fn refuse(&self, field: &str, name: &str) -> Result<(), OpError> {
        match self.secret_in_path(name)? {
            Some(kind) => Err(OpError::invalid(field, format!("there is a secret in it ({kind})"))),
            None => Ok(()),
        }
    }

    /// Returns the kind of the secret that is in a name. Most names are short words between slashes.
    fn secret_in_path(&self, name: &str) -> Result<Option<String>, OpError> {
        match name.split('/').any(|part| redact::may_hold(part.as_bytes())) {
            true => self.secret_in(name.as_bytes()),
            false => Ok(None),
        }
    }

    /// Returns the rules by which there are secrets in a text, each once, and takes nothing out.
    ///
    /// # Errors
    /// As [`Redaction::bytes`].
    pub fn rules_met(&self, text: &[u8]) -> Result<Vec<String>, OpError> {
        let Some(inner) = self.inner.as_ref().filter(|_| redact::may_hold(text)) else {
            return Ok(Vec::new());
        };
        let mut rules: Vec<String> =
            inner.redactor()?.find(text).into_iter().map(|it| it.kind.to_owned()).collect();
        rules.sort_unstable();
        rules.dedup();
        Ok(rules)
    }

    /// Returns the kind of the first secret in a text, which is then noted as taken out.
    fn secret_in(&self, text: &[u8]) -> Result<Option<String>, OpError> {
        let Some(inner) = self.inner.as_ref().filter(|_| redact::may_hold(text)) else {
            return Ok(None);
        };
        let redactor = inner.redactor()?;
        let kind = redactor.find(text).first().map(|it| it.kind.to_owned());
        if kind.is_some() {
            inner.note(redactor, text);
        }
        Ok(kind)
    }

    fn map(&self, map: &mut Map) -> Result<(), OpError> {
        if map.iter().any(|(key, value)| may_hold(key, value)) {
            let value = self.value(Value::Object(std::mem::take(map)))?;
            *map = value.as_object().cloned().unwrap_or_default();
        }
        Ok(())
    }

    /// Takes the secrets out of the words of a command, each judged by the one before it.
    fn command(&self, command: &mut Vec<String>) -> Result<(), OpError> {
        if !command.iter().any(|word| redact::may_hold(word.as_bytes())) {
            return Ok(());
        }
        let words = Value::Array(command.iter().map(|word| word.as_str().into()).collect());
        let words = self.value(words)?;
        let words = words.as_array().into_iter().flatten().filter_map(Value::as_str);
        *command = words.map(str::to_owned).collect();
        Ok(())
    }

    /// Returns a value without secrets: as JSON, so that each text is judged by its key.
    fn value(&self, value: Value) -> Result<Value, OpError> {
        let mut text = value.to_string();
        self.text(&mut text)?;
        let broken = |_| OpError::invalid("session", "a value cannot be kept without its secrets");
        text.parse().map_err(broken)
    }
}

/// Tells, at next to no cost, whether a value of a map may hold a secret.
fn may_hold(key: &str, value: &Value) -> bool {
    let is_telling = key.len() >= 8 && key.bytes().any(|c| c.is_ascii_digit());
    is_telling
        || match value {
            Value::String(text) => redact::may_hold(text.as_bytes()) || redact::is_secret_name(key),
            Value::Array(list) => list.iter().any(|value| may_hold(key, value)),
            Value::Object(map) => map.iter().any(|(key, value)| may_hold(key, value)),
            _ => false,
        }
}
