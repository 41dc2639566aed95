//! Taking what is new in an agent's transcript into a session: its bytes as they are, but for secrets,
//! and what its tokens come to. It costs what is new, however much is kept.

use std::borrow::Cow;

use crate::agents::{self, Lineage};
use crate::model::conversation::{Extent, SourceFile, Usage};
use crate::model::{Session, SessionId, Tokens, text};
use crate::ops::append::Append;
use crate::ops::change::{self, Changed, Draft, Verdict};
use crate::ops::converted;
use crate::ops::ingest_count::Count;
use crate::ops::ingest_file::{Look, News, beginning};
use crate::ops::lineage::Copy;
use crate::ops::load::View;
use crate::ops::record::{self, Taken};
use crate::ops::segments::{self, source_bytes};
use crate::ops::sources::Sources;
use crate::ops::{Context, OpError};
use crate::store::Store;

pub use crate::ops::foreign::Foreign;
pub use crate::ops::ingest_count::{Told, told, told_by};
pub use crate::ops::ingest_file::Bytes;
pub use crate::ops::runs::{MAX_RUNS, newest_run, run_id, session_id};

/// The longest name of a model or an agent that is kept, in bytes.
const MAX_WORD: usize = 256;
/// The longest id and path that are kept, in bytes.
const MAX_LINE: usize = 1024;

/// What came of it.
#[derive(Debug, Clone)]
pub struct Ingested {
    /// The session after it; nothing is new if nothing was in the file.
    pub changed: Changed,
    /// How many bytes were added.
    pub n_bytes: u64,
    /// Whether the file had been written anew.
    pub is_rewritten: bool,
    /// What is in the new bytes.
    pub told: Told,
}

/// Takes what is new in a transcript's file into a session, as one event; of a large file, several.
///
/// Only whole lines are taken, and of a file that is one document, the whole one. A file that was written
/// anew is kept as that: what its first bytes have in common with the kept ones is kept once.
///
/// # Errors
/// [`OpError::Transcript`] if the file cannot be read, and what [`change::change`] fails for; what was
/// taken until then is kept.
#[tracing::instrument(skip_all, fields(session = %session_id))]
pub fn ingest(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    foreign: &Foreign<'_>,
    file: &mut dyn Bytes,
) -> Result<Ingested, OpError> {
    let mut all = step(store, context, session_id, foreign, file)?;
    // A write that has a name is one write.
    while all.changed.is_new && !context.op_is_given {
        let more = step(store, context, session_id, foreign, file)?;
        if !more.changed.is_new {
            break;
        }
        all = all.and(more);
    }
    Ok(all)
}

/// Takes the next part.
fn step(
    store: &Store,
    context: &Context,
    session_id: SessionId,
    foreign: &Foreign<'_>,
    file: &mut dyn Bytes,
) -> Result<Ingested, OpError> {
    let mut look = Look { store, path: &foreign.path, file };
    let (mut told, mut n_bytes, mut is_rewritten) = (Told::default(), 0, false);
    let changed = change::change(store, context, session_id, |view| {
        let name = view.session.id.to_string();
        let sources = Sources::of(store, &name, &view.session.conversation, view.tip);
        let known = find(&sources, foreign, &mut look)?;
        let Some(news) = look.news(foreign.kind, known.as_ref(), foreign.is_final)? else {
            return Ok(Verdict::Nothing);
        };
        let mut taking = Taking { context, foreign, view, look: &mut look, sources, known };
        let (draft, n_new, said) = taking.draft(news)?;
        (told, n_bytes, is_rewritten) = (said, n_new.0, n_new.1);
        Ok(Verdict::Happens(vec![draft]))
    })?;
    Ok(Ingested { changed, n_bytes, is_rewritten, told })
}

impl Ingested {
    /// Adds what came of a later part.
    fn and(self, more: Ingested) -> Ingested {
        let mut told = self.told;
        told.n_messages += more.told.n_messages;
        told.n_calls += more.told.n_calls;
        told.ending = more.told.ending.or(told.ending);
        told.facts.last_at = told.facts.last_at.max(more.told.facts.last_at);
        told.lineage.extend(&more.told.lineage);
        Ingested {
            changed: more.changed,
            n_bytes: self.n_bytes + more.n_bytes,
            is_rewritten: self.is_rewritten || more.is_rewritten,
            told,
        }
    }
}

/// Finds what is known of a file: by its path, and if it was moved, by its beginning.
fn find(
    sources: &Sources<'_>,
    foreign: &Foreign<'_>,
    look: &mut Look<'_>,
) -> Result<Option<SourceFile>, OpError> {
    let id = kept_id(foreign);
    let of_agent = |it: &&SourceFile| {
        // One that is called as its path had not told its id yet.
        let is_named = it.session_id.is_some() && it.session_id != it.path;
        let is_other = is_named && id.is_some() && it.session_id != id;
        it.agent == foreign.source() && !is_other
    };
    let sources = sources.like(kept_path(foreign).as_deref())?;
    let mut sources = sources.iter().filter(of_agent);
    if let Some(found) =
        sources.clone().find(|it| it.path.is_some() && it.path == kept_path(foreign))
    {
        return Ok(Some(found.clone()));
    }
    let moved = sources.find_map(|it| match look.head(it.offset) {
        Ok(head) if it.session_id.is_some() && it.head.as_ref() == Some(&head) => {
            Some(Ok(it.clone()))
        }
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    moved.transpose()
}

fn kept_path(foreign: &Foreign<'_>) -> Option<String> {
    Some(foreign.path.clone()).filter(|it| text::is_line(it, MAX_LINE))
}

fn kept_id(foreign: &Foreign<'_>) -> Option<String> {
    foreign.native_id.clone().filter(|it| text::is_line(it, MAX_LINE))
}

/// A transcript that is being taken into a session.
struct Taking<'a, 'l> {
    context: &'a Context,
    foreign: &'a Foreign<'a>,
    view: &'a View,
    look: &'a mut Look<'l>,
    sources: Sources<'a>,
    known: Option<SourceFile>,
}

impl Taking<'_, '_> {
    /// Returns the event that adds `news`, how many bytes it adds and whether the file was written anew,
    /// and what they say.
    fn draft(&mut self, mut news: News) -> Result<(Draft, (u64, bool), Told), OpError> {
        let mut session = self.view.session.clone();
        let (head, tail) = self.look.names(&news)?;
        let offset = news.end();
        let bytes = self.kept(std::mem::take(&mut news.bytes))?;
        let count = self.count(&news, &bytes, offset)?;
        let n_common = match &self.known {
            Some(known) if news.is_rewritten => self.n_common(known, &bytes)?,
            _ => 0,
        };
        let is_cut = self.known.as_ref().is_some_and(|it| it.n_bytes > n_common);
        let rewritten_at = (news.is_rewritten && is_cut).then_some(n_common);
        let keeps_bytes = self.foreign.converted.as_ref().is_none_or(|it| it.keeps_bytes);
        let n_kept = if keeps_bytes { usize::try_from(n_common).ok() } else { None };
        let added = &bytes[n_kept.unwrap_or(bytes.len())..];
        let mut append = Append::new(&session.conversation, self.context);
        let first = (append.extent.n_segments, append.extent.n_events);
        let mut source = self.known.clone().unwrap_or_else(|| self.unknown());
        if source.session_id == source.path {
            source.session_id = kept_id(self.foreign);
        }
        let (head, tail) = (Some(head), Some(tail));
        let taken = Taken { offset, head, tail, rewritten_at, ..Taken::default() };
        let n_before = source.n_bytes;
        let marker = record::advance(&mut source, &taken);
        source.n_bytes += added.len() as u64;
        source.memory = count.memory.clone();
        count.note_origin(&mut source, (news.from > 0).then_some(n_before));
        let (n, before) = (source.n, usage(&source.tokens));
        let (open, after) = count.tokens();
        let open = if count.is_anew { &before } else { open };
        record::count_tokens(&mut source.tokens, open, &after);
        record::count_tokens(&mut session.tokens, open, &after);
        append.extent.usages = count.usages(&session.conversation, self.known.is_some());
        append.source(&self.sources, source)?;
        if let Some(marker) = marker {
            append.event(&marker)?;
        }
        append.transcript(self.foreign.source(), n, added)?;
        if let Some(converted) = &self.foreign.converted {
            let (store, place) = (self.look.store, (n, offset));
            let view = self.known.as_ref().map(|_| self.view);
            converted::say(store, view, converted, place, &mut append, &mut session)?;
        }
        let (extent, segments) = append.finish()?;
        let last = (extent.n_segments, extent.n_events);
        session.conversation = extent;
        self.note_facts(&mut session, &count);
        let headline = count.told.headline(&self.context.redaction)?;
        let subject = match (&self.foreign.converted, headline) {
            (Some(converted), _) => format!("record: what {} said", converted.agent),
            (None, Some(said)) if !news.is_rewritten => {
                format!("record: {said} of {}", self.foreign.source())
            }
            (None, _) => format!("record: {} bytes of {}", added.len(), self.foreign.source()),
        };
        let mut draft = Draft::new("record", subject, session);
        draft.segments = segments;
        if last.1 > first.1 {
            draft.trailers.push(("Events", format!("{}-{}", first.1 + 1, last.1)));
        }
        if last.0 > first.0 {
            draft.trailers.push(("Segments", format!("{}-{}", first.0, last.0 - 1)));
        }
        Ok((draft, (added.len() as u64, rewritten_at.is_some()), count.into_told()))
    }

    /// Returns bytes as they are kept.
    fn kept(&self, mut bytes: Vec<u8>) -> Result<Vec<u8>, OpError> {
        if self.look.store.settings().lean_transcripts
            && let Cow::Owned(lean) = agents::lean(&bytes)
        {
            bytes = lean;
        }
        self.context.redaction.bytes(bytes)
    }

    /// Returns a source of which nothing was taken yet.
    fn unknown(&self) -> SourceFile {
        SourceFile {
            n: self.sources.next_n(),
            agent: self.foreign.source().to_owned(),
            session_id: kept_id(self.foreign),
            path: kept_path(self.foreign),
            ..SourceFile::default()
        }
    }

    /// Counts what is new; from the first byte on where that is not enough.
    fn count(&mut self, news: &News, bytes: &[u8], offset: u64) -> Result<Count, OpError> {
        let kind = self.foreign.kind;
        let extent = &self.view.session.conversation;
        if let Some(converted) = &self.foreign.converted {
            return Ok(Count::of(converted, extent));
        }
        let known = self.known.clone().filter(|_| news.from > 0);
        let lineage = self.lineage(known.as_ref(), bytes)?;
        let mut count = Count::new(kind, extent, known.as_ref(), lineage);
        count.push(bytes);
        count.finish();
        if count.looks_back() {
            let all = self.look.read(0, offset)?;
            let first = count;
            count = Count::new(kind, extent, None, self.lineage(None, &all)?);
            count.push(&all);
            count.finish();
            (count.told, count.n_copied) = (first.told, first.n_copied);
        }
        Ok(count)
    }

    /// Returns what the bytes may be copies of: those from the first one on, or those that go on in a copied
    /// beginning of what is `known`.
    fn lineage(&mut self, known: Option<&SourceFile>, bytes: &[u8]) -> Result<Lineage, OpError> {
        let foreign = self.foreign;
        let copy = Copy::new(foreign.kind, foreign.native_id.as_deref());
        let mut lineage = foreign.lineage.clone();
        let of_others = match known {
            Some(known) if agents::is_copying(&known.memory) => {
                let (origin, root) = (agents::copied_from(&known.memory), known.root.as_deref());
                let first_at = told(foreign.kind, &self.look.beginning()?).facts.first_at;
                let copy = Copy { origin, root, first_at, ..copy };
                foreign.kept.lineage(self.look.store, &copy)?
            }
            Some(_) => return Ok(Lineage::default()),
            None => {
                let facts = told(foreign.kind, beginning(bytes)).facts;
                foreign.kept.lineage(self.look.store, &copy.told(&facts))?
            }
        };
        lineage.extend(&of_others);
        if !foreign.kind.has_live_transcript() && self.view.session.conversation.n_events > 0 {
            let snapshot = self.look.store.snapshot(self.view.tip)?;
            lineage.extend(&segments::told(
                self.look.store,
                &snapshot,
                &self.view.session.conversation,
            ));
        }
        Ok(lineage)
    }

    /// Returns how many of the first bytes, up to the end of a line, are those that are kept.
    fn n_common(&self, known: &SourceFile, bytes: &[u8]) -> Result<u64, OpError> {
        let store = self.look.store;
        let snapshot = store.snapshot(self.view.tip)?;
        let session = &self.view.session;
        let (mut n_same, mut is_same) = (0, true);
        let name = session.id.to_string();
        source_bytes(store, &name, (&snapshot, &session.conversation), known.n, |kept| {
            let rest = &bytes[n_same..];
            let n = kept.iter().zip(rest).take_while(|(a, b)| is_same && a == b).count();
            is_same &= n == kept.len();
            n_same += n;
            Ok::<(), OpError>(())
        })?;
        if !is_same || n_same < bytes.len() {
            let end = bytes[..n_same].iter().rposition(|byte| *byte == b'\n');
            n_same = if is_same && ends_line(&bytes[..n_same]) {
                n_same
            } else {
                end.map_or(0, |at| at + 1)
            };
        }
        Ok(n_same as u64)
    }

    /// Says what the transcript tells of the session where nobody has.
    fn note_facts(&self, session: &mut Session, count: &Count) {
        if session.agent.is_none() {
            session.agent = self.foreign.agent().map(str::to_owned);
        }
        if session.model.is_none() {
            let model = count.told.facts.model.clone();
            session.model = model.filter(|it| text::is_line(it, MAX_WORD));
        }
    }
}

fn ends_line(bytes: &[u8]) -> bool {
    bytes.last().is_none_or(|byte| *byte == b'\n')
}

fn usage(tokens: &Tokens) -> Usage {
    Usage {
        input: tokens.input,
        output: tokens.output,
        cache_read: tokens.cache_read,
        cache_write: tokens.cache_write,
        ..Usage::default()
    }
}

/// Returns how many bytes [`ingest`] would take into a session, or into a new one if there is none yet, and
/// what they say.
///
/// # Errors
/// [`OpError::Transcript`], [`OpError::Store`].
pub fn preview(
    store: &Store,
    session: Option<&Session>,
    foreign: &Foreign<'_>,
    file: &mut dyn Bytes,
) -> Result<(u64, Told), OpError> {
    let mut look = Look { store, path: &foreign.path, file };
    let (mut known, mut extent) = (None, Extent::default());
    if let Some(session) = session
        && let Some(tip_oid) = store.tip(session.id)?
    {
        let name = session.id.to_string();
        let sources = Sources::of(store, &name, &session.conversation, tip_oid);
        known = find(&sources, foreign, &mut look)?;
        extent = session.conversation.clone();
    }
    let Some(news) = look.news(foreign.kind, known.as_ref(), foreign.is_final)? else {
        return Ok((0, Told::default()));
    };
    if let Some(converted) = &foreign.converted {
        return Ok((news.bytes.len() as u64, told_by(converted)));
    }
    let bytes = look.read(news.from, u64::MAX)?;
    let known = known.as_ref().filter(|_| news.from > 0);
    let mut count = Count::new(foreign.kind, &extent, known, foreign.lineage.clone());
    count.push(&bytes);
    count.finish();
    Ok((bytes.len() as u64, count.into_told()))
}
