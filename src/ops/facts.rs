//! What sums and filters ask of a record, remembered by the cache for repositories with very many sessions.

use std::borrow::Cow;
use std::{iter, thread};

use crate::cache::{self, Fact, N_NUMBERS, N_WORDS, Row, Sessions};
use crate::model::{Class, Map, Oid, Outcome, Session, SessionId, Timestamp, Value};
use crate::ops::load::{self, View};
use crate::ops::{OpError, list, observe};
use crate::store::{Fault, Store};

/// What sums and filters ask of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts<'a> {
    /// The session.
    pub id: SessionId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it has not ended.
    pub is_open: bool,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
    /// For how long it was worked on, as far as that is over, in seconds.
    pub seconds: u64,
    /// Since when it is worked on, if that is not over.
    pub since: Option<Timestamp>,
    /// What the language model was fed and answered, read from its cache and written to it.
    pub tokens: [u64; 4],
    /// How many events of its conversation were recorded.
    pub n_events: u64,
    /// Its state.
    pub status: &'a str,
    /// The work branch, else the one at the beginning.
    pub branch: Option<&'a str>,
    /// Who made it.
    pub author: &'a str,
    /// The agent program.
    pub agent: Option<&'a str>,
    /// The language model.
    pub model: Option<&'a str>,
    /// The worker's part.
    pub role: Option<&'a str>,
    /// The phase of the work.
    pub phase: Option<&'a str>,
    /// `links.issue`, if it is a text.
    pub issue: Option<&'a str>,
    /// The commit at the beginning.
    pub commit: Option<&'a str>,
    /// The labels, each on a line.
    labels: Option<Cow<'a, str>>,
    /// The commits that the record lists; what is remembered has none.
    listed: &'a [Value],
}

impl<'a> Facts<'a> {
    /// Returns those of a session whose state is of class `class`.
    pub fn of(session: &'a Session, class: Class) -> Facts<'a> {
        let (seconds, since) = worked(session);
        let tokens = &session.tokens;
        Facts {
            id: session.id,
            created_at: session.created_at,
            is_open: class.is_open(),
            outcome: session.outcome.filter(|_| !class.is_open()),
            seconds,
            since,
            tokens: [tokens.input, tokens.output, tokens.cache_read, tokens.cache_write],
            n_events: session.conversation.n_events,
            status: &session.status,
            branch: session.branch.as_deref().or(session.git.branch.as_deref()),
            author: &session.author,
            agent: session.agent.as_deref(),
            model: session.model.as_deref(),
            role: session.role.as_deref(),
            phase: session.phase.as_deref(),
            issue: issue(&session.links),
            commit: session.git.commit.as_deref(),
            labels: (!session.labels.is_empty()).then(|| session.labels.join("\n").into()),
            listed: &session.commits,
        }
    }

    /// Returns the labels.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().flat_map(|labels| labels.lines())
    }

    /// Returns the ids of the commits that the record lists, and of the one at the beginning.
    pub fn commits(&self) -> impl Iterator<Item = &str> {
        let id = |listed: &'a Value| listed.as_str().or_else(|| listed.get("commit")?.as_str());
        self.listed.iter().filter_map(id).chain(self.commit)
    }

    /// Returns how they are remembered.
    fn fact(&self) -> Fact<'_> {
        let outcome = self.outcome.and_then(|it| Outcome::ALL.iter().position(|one| *one == it));
        let [input, output, cache_read, cache_write] = self.tokens;
        Fact {
            numbers: [
                self.created_at.micros().cast_unsigned(),
                u64::from(self.is_open) << 8 | outcome.map_or(0, |at| at as u64 + 1),
                self.seconds,
                self.since.map_or(0, |since| since.micros().cast_unsigned() + 1),
                input,
                output,
                cache_read,
                cache_write,
                self.n_events,
            ],
            words: [
                Some(self.status),
                self.branch,
                Some(self.author),
                self.agent,
                self.model,
                self.role,
                self.phase,
                self.issue,
                self.commit,
                self.labels.as_deref(),
            ],
        }
    }

    /// Reads what is remembered; `None` if it makes no sense.
    fn of_fact(id: SessionId, fact: &Fact<'a>) -> Option<Facts<'a>> {
        let [created_at, ended, seconds, since, tokens @ .., n_events]: [u64; N_NUMBERS] =
            fact.numbers;
        let [status, branch, author, agent, model, role, phase, issue, commit, labels]: [_;
            N_WORDS] = fact.words;
        let time = |micros: u64| Timestamp::from_micros(micros.cast_signed());
        let outcome = match ended & 0xff {
            0 => None,
            place => Some(*Outcome::ALL.get(usize::try_from(place).ok()? - 1)?),
        };
        Some(Facts {
            id,
            created_at: time(created_at)?,
            is_open: ended >> 8 != 0,
            outcome,
            seconds,
            since: since.checked_sub(1).map(|micros| time(micros).ok_or(())).transpose().ok()?,
            tokens,
            n_events,
            status: status?,
            branch,
            author: author?,
            agent,
            model,
            role,
            phase,
            issue,
            commit,
            labels: labels.map(Cow::Borrowed),
            listed: &[],
        })
    }
}

/// Tells whether what is read of a session now can be said of its newest commit for ever: not if this clone, or
/// another one, runs a worker for it, and not if commits of the work have to be looked at.
pub fn is_settled(session: &Session) -> bool {
    !observe::has_open_worker(session) && session.commits.is_empty()
}

fn issue(links: &Map) -> Option<&str> {
    links.get("issue").and_then(Value::as_str)
}

/// Returns for how long a session was worked on: what its statistics say, else from its beginning to its
/// end, or since when.
fn worked(session: &Session) -> (u64, Option<Timestamp>) {
    let said = session.statistics.get("duration_seconds").and_then(Value::as_f64);
    match (said, session.started_at, session.ended_at) {
        (Some(said), ..) if said > 0.0 => (said as u64, None),
        (_, Some(from), Some(to)) => (to.seconds_since(from).unsigned_abs(), None),
        (_, from, _) => (0, from),
    }
}

/// From how many sessions on it is worth it to have one thread more.
const MIN_FOR_THREAD: usize = 2048;
/// Of so many sessions one tells whether it is worth it to look at all.
const SAMPLE: usize = 1024;
/// The most threads.
const MAX_THREADS: usize = 8;

/// Facts of many sessions: remembered, or read and then remembered.
pub struct Reader<'a> {
    store: &'a Store,
    known: Option<cache::Facts>,
    /// What was read ahead.
    ahead: Vec<cache::Facts>,
    new: cache::NewFacts,
}

/// What was found of a session.
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one, and is not kept")]
pub enum Found<'a> {
    /// What is remembered.
    Facts(Facts<'a>),
    /// The whole of it.
    View(Box<View>),
}

impl<'a> Reader<'a> {
    /// Begins with what is remembered.
    pub fn open(store: &'a Store, sessions: &Sessions) -> Reader<'a> {
        let known = sessions.is_cached().then(|| cache::Facts::open(store)).flatten();
        Reader { store, known, ahead: Vec::new(), new: cache::NewFacts::default() }
    }

    /// Reads what is not remembered of sessions that will be asked for, on all processors if that is much.
    pub fn read_ahead(&mut self, sessions: &[(SessionId, Oid)]) {
        let is_known = |(id, tip): &(SessionId, Oid)| {
            self.known.as_ref().is_some_and(|known| known.has(*id, *tip))
        };
        if sessions.iter().step_by(SAMPLE).all(is_known) {
            return;
        }
        let missing: Vec<_> = sessions.iter().filter(|it| !is_known(it)).copied().collect();
        let n_processors = thread::available_parallelism().map_or(1, usize::from);
        let n_threads = n_processors.min(MAX_THREADS).min(missing.len() / MIN_FOR_THREAD);
        if n_threads > 1 {
            self.read_apart(&missing, n_threads);
        }
    }

    /// Reads sessions by so many threads.
    pub fn read_apart(&mut self, sessions: &[(SessionId, Oid)], n_threads: usize) {
        let (request, hash_kind) = (self.store.request(), self.store.hash_kind());
        let mut parts = sessions.chunks(sessions.len().div_ceil(n_threads).max(1));
        let own = parts.next().unwrap_or_default();
        self.ahead = thread::scope(|scope| {
            // What is opened belongs to one thread.
            let read_all = |part| Store::open(request).ok().map(|store| read_facts(&store, part));
            let others: Vec<_> = parts.map(|part| scope.spawn(move || read_all(part))).collect();
            let own = read_facts(self.store, own);
            let others = others.into_iter().filter_map(|it| it.join().ok().flatten());
            let all = iter::once(own).chain(others);
            all.filter_map(|new| new.into_facts(hash_kind)).collect()
        });
    }

    /// Finds the facts of a session whose newest commit is `tip`.
    ///
    /// # Errors
    /// The fault of a session that cannot be read.
    pub fn find(&mut self, session_id: SessionId, tip: Oid) -> Result<Found<'_>, Fault> {
        if let Some(known) = &self.known
            && let Some(fact) = known.find(session_id, tip)
            && let Some(facts) = Facts::of_fact(session_id, &fact)
        {
            return Ok(Found::Facts(facts));
        }
        for ahead in &self.ahead {
            if let Some(fact) = ahead.find(session_id, tip)
                && let Some(facts) = Facts::of_fact(session_id, &fact)
            {
                return Ok(Found::Facts(facts));
            }
        }
        let view = read(self.store, session_id, tip)?.view;
        remember(&mut self.new, tip, &view);
        Ok(Found::View(Box::new(view)))
    }

    /// Lets the cache remember what was read, if that was much.
    pub fn close(self, sessions: &Sessions) {
        if sessions.is_cached() {
            let ids = || sessions.ids().collect();
            self.new.write(self.store, self.known.as_ref(), &self.ahead, ids);
        }
    }
}

/// Lets the cache remember the facts of all sessions, if it remembers anything, so that nobody waits for it later.
///
/// # Errors
/// [`OpError::Store`] when the refs cannot be listed at all.
pub fn fill(store: &Store) -> Result<(), OpError> {
    list::look_through(store, |sessions| {
        let mut places = Vec::new();
        sessions.each(|row| {
            if let Row::Known(place, _) = row {
                places.push(place);
            }
        })?;
        let (tips, mut reader) = (sessions.tips(&places)?, Reader::open(store, sessions));
        reader.read_ahead(&tips);
        for (session_id, tip) in tips {
            // A fault is told to who asks.
            let _ = reader.find(session_id, tip);
        }
        reader.close(sessions);
        Ok(())
    })
}

/// Reads the facts of some sessions; a fault is told later, to who asks for the session.
fn read_facts(store: &Store, sessions: &[(SessionId, Oid)]) -> cache::NewFacts {
    let mut new = cache::NewFacts::default();
    for (session_id, tip) in sessions {
        if let Ok(loaded) = read(store, *session_id, *tip) {
            remember(&mut new, *tip, &loaded.view);
        }
    }
    new
}

fn remember(new: &mut cache::NewFacts, tip: Oid, view: &View) {
    if view.tip == tip && is_settled(&view.session) {
        new.add(view.session.id, tip, &Facts::of(&view.session, view.class).fact());
    }
}

/// Reads a session for a list.
///
/// # Errors
/// The fault of a session that cannot be read.
pub fn read(store: &Store, session_id: SessionId, tip: Oid) -> Result<load::Loaded, Fault> {
    load::load_from(store, session_id, tip).map_err(|error| {
        let reason = match error {
            OpError::Corrupt { reason, .. } | OpError::Newer { reason, .. } => reason,
            other => other.to_string(),
        };
        Fault::new(session_id.to_string(), reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::conversation::Extent;
    use crate::model::{GitContext, Tokens};

    /// Returns a record that says something of everything.
    fn session() -> Session {
        let record = "version: 1\nid: 0199f0c2-1c4d-7abc-8def-0123456789af\nseq: 3\ntitle: Add\n\
            lifecycle: worker\nstatus: terminated\noutcome: failure\n\
            created_at: 2026-01-07T13:00:00.000000Z\nupdated_at: 2026-01-07T13:00:05.000000Z\n\
            started_at: 2026-01-07T13:00:01.000000Z\nended_at: 2026-01-07T13:00:05.000000Z\n\
            author: Ada <ada@example.com>\nagent: codex\nmodel: large\nrole: engineer\ngit:\n  branch: main\n\
            links:\n  issue: FEAT-1\nlabels:\n- one\n- two words\n";
        let session = crate::format::record::parse(record.as_bytes()).expect("a record");
        let tokens =
            Tokens { input: 1, output: 2, cache_read: 3, cache_write: 4, ..Tokens::default() };
        let commit = Some("1".repeat(40));
        Session {
            tokens,
            phase: Some("plan".into()),
            git: GitContext { commit, ..session.git },
            conversation: Extent { n_events: 5, ..Extent::default() },
            ..session
        }
    }

    #[test]
    fn what_is_remembered_is_what_was_read() {
        let ended = session();
        let open = Session { outcome: None, ended_at: None, ..session() };
        let counted = Session {
            statistics: Map::from_iter([("duration_seconds".to_owned(), 7.into())]),
            labels: Vec::new(),
            ..session()
        };
        let never = Session { started_at: None, ended_at: None, ..session() };
        for (session, class, seconds, is_over) in [
            (&ended, Class::Ended, 4, true),
            (&open, Class::Active, 0, false),
            (&counted, Class::Ended, 7, true),
            (&never, Class::Pending, 0, true),
        ] {
            let facts = Facts::of(session, class);
            assert_eq!((facts.seconds, facts.since.is_none()), (seconds, is_over));
            assert_eq!(Facts::of_fact(session.id, &facts.fact()).as_ref(), Some(&facts));
        }
        let facts = Facts::of(&ended, Class::Ended);
        assert_eq!(facts.labels().collect::<Vec<_>>(), ["one", "two words"]);
        assert_eq!(facts.commits().count(), 1);
    }

    #[test]
    fn what_makes_no_sense_is_not_remembered() {
        let session = session();
        let facts = Facts::of(&session, Class::Ended);
        let fact = facts.fact();
        for at in [0, 1, 3] {
            let mut numbers = fact.numbers;
            numbers[at] = u64::MAX;
            assert_eq!(Facts::of_fact(session.id, &Fact { numbers, ..fact }), None, "{at}");
        }
    }

    #[test]
    fn a_worker_that_may_live_elsewhere_and_listed_commits_are_read_each_time() {
        assert!(is_settled(&session()));
        assert!(!is_settled(&Session { commits: vec!["1".repeat(40).into()], ..session() }));
    }
}
