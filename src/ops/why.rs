//! From a commit, or the lines of a file, to the sessions that made it: what was asked, done and decided.
//!
//! Which sessions a commit was made in is judged by [`claims`](crate::ops::claims); nothing is written.

use std::cell::Cell;
use std::collections::HashMap;

use crate::model::{Oid, Session, SessionId, Timestamp};
use crate::ops::claims::{Claim, Claims, Confidence, Standing};
use crate::ops::conversation::Conversation;
use crate::ops::links::{self, Made};
use crate::ops::load::{self, Loaded};
use crate::ops::moment::Moment;
use crate::ops::{OpError, newest};
use crate::store::{Blame, BlamedLine, Blaming, CommitInfo, Current, Store};

/// What can be told of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A session that has a conversation.
    Found,
    /// A session that nothing is kept of but itself.
    NoTranscript,
    /// The commit names a session that is not in this repository.
    NotFetched,
    /// It was made in no session that is known here.
    NoSession,
    /// It could not be found out, for this reason.
    Failed(String),
    /// The lines are in no commit yet.
    NotCommitted,
}

impl Answer {
    /// Returns the public name of the answer.
    pub fn as_str(&self) -> &'static str {
        match self {
            Answer::Found => "found",
            Answer::NoTranscript => "no_transcript",
            Answer::NotFetched => "not_fetched",
            Answer::NoSession => "no_session",
            Answer::Failed(_) => "lookup_failed",
            Answer::NotCommitted => "not_committed",
        }
    }
}

/// A session that a commit was made in, or is said to be.
#[derive(Debug, Clone)]
pub struct Told {
    /// What speaks for it.
    pub claim: Claim,
    /// The session as it is now; `None` if it cannot be read, and [`Claim::standing`] says why.
    pub session: Option<Box<Session>>,
    /// Around the commit; empty if there is no conversation.
    pub moment: Moment,
}

impl Told {
    /// Returns the request in a person's words, or what the session is for.
    pub fn request(&self) -> Option<&str> {
        let session = self.session.as_ref();
        let told = self.moment.request.as_ref().map(|it| it.what.as_str());
        told.or_else(|| session.map(|it| it.title.as_str()))
    }
}

/// Lines of a file that came from one commit, or a whole commit.
#[derive(Debug, Clone)]
pub struct Group {
    /// The commit; `None` if the lines are not committed, or it could not be found out.
    pub commit: Option<CommitInfo>,
    /// The lines, as ranges of numbers from 1; empty for a whole commit.
    pub lines: Vec<(u64, u64)>,
    /// What can be told.
    pub answer: Answer,
    /// The sessions, the surest first.
    pub sessions: Vec<Told>,
}

/// A line of a file, and the group that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// What it says.
    pub text: String,
    /// The index of its group.
    pub group: usize,
}

/// The answer for lines of a file.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    /// One for each commit, in order of their first lines.
    pub groups: Vec<Group>,
    /// The lines, in order.
    pub lines: Vec<Line>,
}

/// How much is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Only which sessions.
    Sessions,
    /// What was asked, done and decided, too.
    Moment,
    /// What was said, too.
    Messages,
}

/// What was found out of a commit before it was asked.
struct Foreseen {
    commit: CommitInfo,
    claims: Vec<Claim>,
    /// The answer, if there was time for it.
    group: Option<Group>,
}

/// Answers, and remembers what it has read from answer to answer.
pub struct Why<'a> {
    store: &'a Store,
    claims: Claims<'a>,
    sessions: HashMap<SessionId, Result<Loaded, String>>,
    foreseen: Option<Foreseen>,
    depth: Depth,
}

impl<'a> Why<'a> {
    /// Begins to answer.
    pub fn new(store: &'a Store, depth: Depth) -> Why<'a> {
        let (claims, sessions) = (Claims::new(store), HashMap::new());
        Why { store, claims, sessions, foreseen: None, depth }
    }

    /// Answers for a commit.
    pub fn commit(&mut self, commit_oid: Oid) -> Group {
        match self.foreseen.take_if(|it| it.commit.oid == commit_oid) {
            Some(Foreseen { group: Some(group), .. }) => return group,
            Some(it) => return self.group(it.commit, it.claims, &|| true),
            None => {}
        }
        match self.told(commit_oid) {
            Ok(group) => group,
            Err(error) => failed(error.to_string()),
        }
    }

    /// Answers for the lines that git looks for. While it does, what it probably leads to is read: the current session,
    /// and what is to be told of the newest commit.
    ///
    /// # Errors
    /// [`OpError::InvalidValue`] if there are no such lines.
    pub fn lines(&mut self, blaming: Blaming) -> Result<Lines, OpError> {
        let recent = |line| self.store.recent_line(line, || !blaming.has_answered());
        if let Some(line) = blaming.line().and_then(recent) {
            drop(blaming);
            return Ok(self.grouped(vec![line]));
        }
        if let Ok(Some(session_id)) = self.store.current(Current::Now) {
            self.read(session_id);
            self.foresee(&blaming);
        }
        match blaming.end() {
            Ok(Blame::Lines(lines)) => Ok(self.grouped(lines)),
            Ok(Blame::NotCommitted) => Ok(Lines { groups: vec![not_committed()], lines: vec![] }),
            Ok(Blame::NoSuchLines(words)) => Err(OpError::invalid("line", words)),
            Err(error) => Ok(Lines { groups: vec![failed(error.to_string())], lines: vec![] }),
        }
    }

    fn grouped(&mut self, blamed: Vec<BlamedLine>) -> Lines {
        let mut known: HashMap<Option<Oid>, usize> = HashMap::new();
        let mut told = Lines::default();
        for line in blamed {
            let group = *known.entry(line.commit_oid).or_insert_with(|| {
                told.groups.push(line.commit_oid.map_or_else(not_committed, |it| self.commit(it)));
                told.groups.len() - 1
            });
            match told.groups[group].lines.last_mut() {
                Some((_, last)) if *last + 1 == line.number => *last = line.number,
                _ => told.groups[group].lines.push((line.number, line.number)),
            }
            told.lines.push(Line { number: line.number, text: line.text, group });
        }
        told
    }

    /// Answers for the newest commit, unless all sessions would have to be read for it, and until git has an answer:
    /// nobody must wait for what may not be asked.
    fn foresee(&mut self, blaming: &Blaming) {
        let head = self.store.head().ok().and_then(|head| Oid::from_hex(&head.commit?));
        let Some(commit) = head.and_then(|oid| self.store.commit(oid).ok()) else { return };
        let Some(claims) = self.claims.at_once(&commit) else { return };
        let was_cut = Cell::new(false);
        let goes_on = || {
            was_cut.set(was_cut.get() || blaming.has_answered());
            !was_cut.get()
        };
        let group = self.group(commit.clone(), claims.clone(), &goes_on);
        let group = Some(group).filter(|_| !was_cut.get());
        self.foreseen = Some(Foreseen { commit, claims, group });
    }

    fn told(&mut self, commit_oid: Oid) -> Result<Group, OpError> {
        let commit = self.store.commit(commit_oid)?;
        match self.claims.of(commit_oid) {
            Ok(claims) => Ok(self.group(commit, claims, &|| true)),
            Err(error) => Ok(Group { commit: Some(commit), ..failed(error.to_string()) }),
        }
    }

    /// Returns what the sessions tell; conversations are read while it `goes_on`.
    fn group(
        &mut self,
        commit: CommitInfo,
        claims: Vec<Claim>,
        goes_on: &dyn Fn() -> bool,
    ) -> Group {
        let told = claims.into_iter().map(|claim| self.session(claim, &commit, goes_on));
        let sessions: Vec<Told> = told.collect();
        let answer = self.answer(&sessions);
        Group { commit: Some(commit), lines: Vec::new(), answer, sessions }
    }

    /// Judges by the surest session that can be read; where none can, by why not.
    fn answer(&self, sessions: &[Told]) -> Answer {
        if let Some(session) = sessions.iter().find_map(|it| it.session.as_ref()) {
            let is_kept = session.conversation.n_segments > 0;
            return if is_kept { Answer::Found } else { Answer::NoTranscript };
        }
        let damage = sessions.iter().find_map(|told| match &told.claim.standing {
            Standing::Damaged(reason) => Some((told.claim.session_id.to_string(), reason.clone())),
            _ => None,
        });
        // A session that cannot be read may be the one.
        let fault = || self.claims.faults().first().map(|it| (it.name.clone(), it.reason.clone()));
        match damage.or_else(|| sessions.is_empty().then(fault).flatten()) {
            Some((name, reason)) => {
                Answer::Failed(format!("session {name} cannot be read: {reason}"))
            }
            None if sessions.is_empty() => Answer::NoSession,
            None => Answer::NotFetched,
        }
    }

    fn session(&mut self, claim: Claim, commit: &CommitInfo, goes_on: &dyn Fn() -> bool) -> Told {
        let without = |standing| Told {
            claim: Claim { standing, ..claim.clone() },
            session: None,
            moment: Moment::default(),
        };
        if claim.standing != Standing::Here {
            return without(claim.standing.clone());
        }
        let (store, depth) = (self.store, self.depth);
        let loaded = match self.read(claim.session_id) {
            Ok(loaded) => loaded,
            Err(reason) => return without(Standing::Damaged(reason.clone())),
        };
        let moment = match depth {
            Depth::Sessions => Moment::default(),
            depth => around(store, loaded, (&claim, commit), (depth == Depth::Messages, goes_on)),
        };
        let session = Some(Box::new(loaded.view.session.clone()));
        Told { claim, session, moment }
    }

    /// Returns a session as it is now, or why it cannot be read; it is read once.
    fn read(&mut self, session_id: SessionId) -> &Result<Loaded, String> {
        let store = self.store;
        let load = || load::load(store, session_id).map_err(|error| reason(&error));
        self.sessions.entry(session_id).or_insert_with(load)
    }
}

/// Reads what was said around a commit, while it `goes_on`; nothing if there is no conversation.
fn around(
    store: &Store,
    loaded: &Loaded,
    (claim, commit): (&Claim, &CommitInfo),
    (wants_messages, goes_on): (bool, &dyn Fn() -> bool),
) -> Moment {
    if loaded.view.session.conversation.n_segments == 0 {
        return Moment::default();
    }
    // A rewritten commit is younger than the work; what the session recorded was there at the time.
    let recorded = claim.link.as_ref().and_then(|link| link.committed_at);
    let until = recorded.unwrap_or(match claim.confidence {
        Confidence::Certain => commit.committed_at,
        _ => commit.authored_at,
    });
    let made = links::commits_of(store, &loaded.snapshot, &loaded.view.session);
    let times = made.unwrap_or_default().into_iter().filter_map(|it: Made| it.link.committed_at);
    let before: Option<Timestamp> = times.filter(|at| *at < until).max();
    let newest = || newest::moment(store, loaded, (before, until), goes_on);
    let all = || {
        let mut events = Conversation::of(store, loaded).take_while(|_| goes_on());
        Moment::of(&mut events, before, until, wants_messages)
    };
    (!wants_messages).then(newest).flatten().unwrap_or_else(all)
}

fn reason(error: &OpError) -> String {
    match error {
        OpError::Corrupt { reason, .. } | OpError::Newer { reason, .. } => reason.clone(),
        other => other.to_string(),
    }
}

fn failed(reason: String) -> Group {
    Group { commit: None, lines: vec![], answer: Answer::Failed(reason), sessions: vec![] }
}

fn not_committed() -> Group {
    Group { commit: None, lines: vec![], answer: Answer::NotCommitted, sessions: vec![] }
}
