use super::encode::Encoder;
use super::names;
use super::table::Table;
use crate::format::archive;
use crate::format::message::{Brief, Excerpt};
use crate::model::{Oid, SessionId};
use crate::store::{Fault, RefStamp, Store, StoreError, Tips};

/// From how many sessions on the cache is used where nobody says: with fewer, reading the commits costs
/// about as much.
const MIN_SESSIONS: usize = 512;
/// The file about the refs that lie together.
const KEPT: &str = "kept";
/// The file about the refs that have a file each.
const LOOSE: &str = "loose";

/// All sessions as they are now, with what the cache knows of them.
pub enum Sessions {
    /// Nothing is known but the refs.
    Plain(Tips),
    /// Most is known.
    Cached(Box<Cached>),
}

/// Sessions of which the cache knows most.
pub struct Cached {
    pub(super) kept: Table,
    /// The places of kept entries for which a loose ref stands.
    hidden: Vec<usize>,
    /// The sessions whose refs have a file each.
    loose: Vec<Entry>,
    faults: Vec<Fault>,
}

/// A session, its newest commit, and what that says if it can be read.
pub(super) type Entry = (SessionId, Oid, Option<Excerpt>);

/// One of the sessions.
#[derive(Clone, Copy)]
pub enum Row<'a> {
    /// The cache knows it; the number is for [`Sessions::entries`].
    Known(usize, Brief<'a>),
    /// Its newest commit is to be read.
    Unknown(SessionId, Oid),
}

/// A file of the cache is damaged where it was not read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged;

impl Sessions {
    /// Finds all sessions as they are now, and brings the cache up to date where it is behind by much.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the refs cannot be listed at all.
    #[tracing::instrument(skip_all)]
    pub fn read(store: &Store) -> Result<Sessions, StoreError> {
        if store.settings().cache == Some(false) {
            return Ok(Sessions::Plain(store.tips()?));
        }
        let before = open(store, KEPT);
        let stamp = before.as_ref().and_then(Table::stamp);
        let is_known = |id, tip| before.as_ref().is_some_and(|before| before.knows(id, tip));
        let scan = store.scan_refs(stamp, &is_known)?;
        let n_before = before.as_ref().map_or(0, Table::len);
        let n_kept = scan.kept.as_ref().map_or(n_before, |kept| kept.sessions.len());
        let is_wanted = is_wanted(store, n_kept + scan.loose.sessions.len());
        let table = match (scan.kept, before) {
            (Some(kept), _) if !is_wanted => return Ok(Sessions::Plain(kept.overlaid(scan.loose))),
            (Some(kept), before) => renew(store, scan.stamp, kept, before),
            (None, before) => before.filter(|_| is_wanted),
        };
        match table {
            Some(kept) => Ok(Sessions::Cached(Box::new(Cached::new(store, kept, scan.loose)))),
            None => Sessions::plain(store),
        }
    }

    /// Finds all sessions as they are now, without the cache.
    ///
    /// # Errors
    /// As [`Sessions::read`].
    pub fn plain(store: &Store) -> Result<Sessions, StoreError> {
        Ok(Sessions::Plain(store.tips()?))
    }

    /// Finds all sessions as they are now, after the cache was seen to be damaged; that goes.
    ///
    /// # Errors
    /// As [`Sessions::read`].
    pub fn without_damage(store: &Store) -> Result<Sessions, StoreError> {
        [KEPT, LOOSE, names::NAME].into_iter().for_each(|name| store.remove_cache_file(name));
        Sessions::plain(store)
    }

    /// Tells whether anything is remembered.
    pub fn is_cached(&self) -> bool {
        matches!(self, Sessions::Cached(_))
    }

    /// Remembers how the sessions are called, for [`super::Names`].
    pub fn remember_names(&self, store: &Store) {
        if let Sessions::Cached(cached) = self {
            cached.remember_names(store);
        }
    }

    /// Returns the refs that are no session.
    pub fn faults(&self) -> &[Fault] {
        match self {
            Sessions::Plain(tips) => &tips.faults,
            Sessions::Cached(cached) => &cached.faults,
        }
    }

    /// Returns the ids of all sessions.
    pub fn ids(&self) -> impl Iterator<Item = SessionId> {
        let (plain, cached) = match self {
            Sessions::Plain(tips) => (Some(tips), None),
            Sessions::Cached(cached) => (None, Some(cached)),
        };
        let plain = plain.into_iter().flat_map(|tips| tips.sessions.iter().map(|(id, _)| *id));
        plain.chain(cached.into_iter().flat_map(|cached| cached.ids()))
    }

    /// Calls `look` for each of the sessions.
    ///
    /// # Errors
    /// [`Damaged`].
    pub fn each<'a>(&'a self, mut look: impl FnMut(Row<'a>)) -> Result<(), Damaged> {
        match self {
            Sessions::Plain(tips) => {
                tips.sessions.iter().for_each(|(id, tip)| look(Row::Unknown(*id, *tip)));
                Ok(())
            }
            Sessions::Cached(cached) => cached.each(look),
        }
    }

    /// Returns all of the excerpts of known sessions, each with the commit that it is of.
    ///
    /// # Errors
    /// [`Damaged`].
    pub fn entries(&self, places: &[usize]) -> Result<Vec<(Excerpt, Oid)>, Damaged> {
        match self {
            Sessions::Plain(_) => Ok(Vec::new()),
            Sessions::Cached(cached) => cached.entries(places),
        }
    }

    /// Returns the newest commits of known sessions.
    ///
    /// # Errors
    /// [`Damaged`].
    pub fn tips(&self, places: &[usize]) -> Result<Vec<(SessionId, Oid)>, Damaged> {
        match self {
            Sessions::Plain(_) => Ok(Vec::new()),
            Sessions::Cached(cached) => cached.tips(places),
        }
    }
}

/// Tells whether the cache is used for so many sessions.
pub fn is_wanted(store: &Store, n_sessions: usize) -> bool {
    store.settings().cache.unwrap_or(n_sessions >= MIN_SESSIONS)
}

impl Cached {
    fn new(store: &Store, kept: Table, loose: Tips) -> Cached {
        let hidden = loose.names().into_iter().filter_map(|id| kept.find(id)).collect();
        let mut others = Tips { faults: kept.faults(), ..Tips::default() };
        others.hide_faults(&loose.faults);
        let mut faults = [others.faults, loose.faults.clone()].concat();
        faults.sort_by(|a, b| a.name.cmp(&b.name));
        let loose = read_loose(store, &loose);
        Cached { kept, hidden, loose, faults }
    }

    fn kept_places(&self) -> impl Iterator<Item = usize> {
        let mut hidden = self.hidden.iter().copied().peekable();
        (0..self.kept.len()).filter(move |at| hidden.next_if_eq(at).is_none())
    }

    fn ids(&self) -> impl Iterator<Item = SessionId> {
        let kept = self.kept_places().map(|at| self.kept.id(at));
        kept.chain(self.loose.iter().map(|(id, ..)| *id))
    }

    fn each<'a>(&'a self, mut look: impl FnMut(Row<'a>)) -> Result<(), Damaged> {
        for at in self.kept_places() {
            look(match self.kept.brief(at)? {
                Some(brief) => Row::Known(at, brief),
                None => Row::Unknown(self.kept.id(at), self.kept.entry(at)?.0),
            });
        }
        for (at, (session_id, tip, excerpt)) in (self.kept.len()..).zip(&self.loose) {
            look(match excerpt {
                Some(excerpt) => Row::Known(at, excerpt.brief()),
                None => Row::Unknown(*session_id, *tip),
            });
        }
        Ok(())
    }

    fn tips(&self, places: &[usize]) -> Result<Vec<(SessionId, Oid)>, Damaged> {
        self.kept.read_texts_for(places.len());
        let tip = |at: &usize| match at.checked_sub(self.kept.len()) {
            None => Ok((self.kept.id(*at), self.kept.tip(*at)?)),
            Some(at) => self.loose.get(at).map(|(id, tip, _)| (*id, *tip)).ok_or(Damaged),
        };
        places.iter().map(tip).collect()
    }

    fn entries(&self, places: &[usize]) -> Result<Vec<(Excerpt, Oid)>, Damaged> {
        self.kept.read_texts_for(places.len());
        let entry = |at: &usize| {
            let (tip, excerpt) = match at.checked_sub(self.kept.len()) {
                None => self.kept.entry(*at)?,
                Some(at) => {
                    let (_, tip, excerpt) = self.loose.get(at).ok_or(Damaged)?;
                    (*tip, excerpt.clone())
                }
            };
            Ok((excerpt.ok_or(Damaged)?, tip))
        };
        places.iter().map(entry).collect()
    }
}

fn open(store: &Store, name: &str) -> Option<Table> {
    Table::open(store.open_cache_file(name)?, store.hash_kind())
}

/// Makes the table of the kept refs anew; `None` if there can be none of them.
fn renew(
    store: &Store,
    stamp: Option<RefStamp>,
    kept: Tips,
    before: Option<Table>,
) -> Option<Table> {
    // What was loose before may have been packed.
    let known: Vec<Table> = before.into_iter().chain(open(store, LOOSE)).collect();
    let (hash_kind, n_rows) = (store.hash_kind(), kept.sessions.len());
    let mut encoder = Some(Encoder::new(hash_kind, n_rows));
    let n_read = learn(store, &known, &kept, |(session_id, tip, excerpt)| {
        let pushed = encoder.as_mut().and_then(|it| it.push(session_id, tip, excerpt.as_ref()));
        encoder = encoder.take().filter(|_| pushed.is_some());
    });
    let faults = kept.faults;
    drop((known, kept.sessions, kept.archived));
    let stamp = stamp.filter(|stamp| stamp.is_settled(store.started_at()));
    let bytes = encoder?.finish(stamp, &faults)?;
    if stamp.is_some() || is_much(store, n_read, n_rows) {
        store.replace_cache_file(KEPT, &bytes);
    }
    Table::of_bytes(&bytes, hash_kind)
}

/// Returns the sessions whose refs have a file each.
pub(super) fn read_loose(store: &Store, tips: &Tips) -> Vec<Entry> {
    if tips.sessions.is_empty() {
        return Vec::new();
    }
    let known: Vec<Table> = open(store, LOOSE).into_iter().collect();
    let mut rows = Vec::with_capacity(tips.sessions.len());
    let n_read = learn(store, &known, tips, |row| rows.push(row));
    if is_much(store, n_read, rows.len())
        && let Some(bytes) = encode(store, &rows)
    {
        store.replace_cache_file(LOOSE, &bytes);
    }
    rows
}

fn encode(store: &Store, rows: &[Entry]) -> Option<Vec<u8>> {
    let mut encoder = Encoder::new(store.hash_kind(), rows.len());
    rows.iter().try_for_each(|(id, tip, excerpt)| encoder.push(*id, *tip, excerpt.as_ref()))?;
    encoder.finish(None, &[])
}

/// Tells whether so much had to be read that it is worth to write all.
pub(super) fn is_much(store: &Store, n_read: usize, n_all: usize) -> bool {
    let n_spared = if store.settings().cache == Some(true) { 0 } else { 32 + n_all / 64 };
    n_read > n_spared
}

/// Finds out what the newest commits say: from the commits only where neither a table nor the archive knows. Gives
/// `take` each session in order, and counts those that no table knows.
fn learn(store: &Store, known: &[Table], tips: &Tips, mut take: impl FnMut(Entry)) -> usize {
    known.iter().for_each(|table| table.read_texts_for(tips.sessions.len()));
    let mut n_read = 0;
    for (session_id, tip) in &tips.sessions {
        let find = |table: &Table| match table.entry(table.find(*session_id)?) {
            Ok((same, excerpt)) if same == *tip => excerpt,
            _ => None,
        };
        let found = known.iter().find_map(find);
        let excerpt = found.or_else(|| {
            let read = archived(tips, *session_id, *tip).or_else(|| {
                let message = store.message(*tip).ok()?;
                Excerpt::of_message(&message, *session_id)
            });
            n_read += usize::from(read.is_some());
            read
        });
        take((*session_id, *tip, excerpt));
    }
    n_read
}

/// Finds what the archive says of a session at a commit.
fn archived(tips: &Tips, session_id: SessionId, tip: Oid) -> Option<Excerpt> {
    let at = tips.archived.binary_search_by_key(&session_id, |row| row.session_id).ok()?;
    let row = tips.archived.get(at).filter(|row| row.tip == Some(tip))?;
    archive::parse(session_id, &row.columns)
}
