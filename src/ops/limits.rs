//! Limits of a session, and how much of each is used. Nothing here stops anything.

use std::time::Duration;

use crate::model::{Class, Map, Session, Timestamp, Value, Worker};
use crate::ops::OpError;
use crate::ops::load::View;
use crate::ops::log;
use crate::ops::observe::Observed;
use crate::store::Store;

/// From how many percent on a limit is near, unless somebody says otherwise.
pub const WARN_AT: u64 = 80;
/// The counter of the starts of a session's worker.
const ITERATIONS: &str = "iterations";

/// How a limit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// There is none, or it is far away.
    Ok,
    /// Most of it is used.
    Near,
    /// Nothing of it is left.
    Passed,
}

impl State {
    /// Returns the word that is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Near => "near",
            State::Passed => "passed",
        }
    }
}

/// A limit, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// `time`, `iterations` or `tokens`.
    pub name: &'static str,
    /// `seconds`, `iterations` or `tokens`.
    pub unit: &'static str,
    /// How much is used, in units.
    pub used: u64,
    /// How much may be used, in units; `None` if there is no limit.
    pub limit: Option<u64>,
}

impl Limit {
    fn new(name: &'static str, unit: &'static str, used: u64, limit: Option<u64>) -> Limit {
        Limit { name, unit, used, limit: limit.filter(|limit| *limit > 0) }
    }

    /// Returns how many percent are used, cut off; more than 100 if it is passed. `None` without a
    /// limit.
    pub fn percent(&self) -> Option<u64> {
        let percent = u128::from(self.used) * 100 / u128::from(self.limit?);
        Some(u64::try_from(percent).unwrap_or(u64::MAX))
    }

    /// Tells how it stands, if it is near from `warn_at` percent on.
    pub fn state(&self, warn_at: u64) -> State {
        match self.percent() {
            Some(100..) => State::Passed,
            Some(percent) if percent >= warn_at => State::Near,
            _ => State::Ok,
        }
    }
}

/// Returns the limits of a session: its time, the starts of its worker, its tokens.
///
/// # Errors
/// [`OpError::Store`] when its history cannot be read.
pub fn limits(store: &Store, view: &View, now: Timestamp) -> Result<Vec<Limit>, OpError> {
    let session = &view.session;
    let time = time_limit(session).map(|limit| limit.as_secs());
    Ok(vec![
        Limit::new("time", "seconds", time_used(store, view, now)?.as_secs(), time),
        Limit::new(
            ITERATIONS,
            ITERATIONS,
            iterations(session),
            configured(session, "max_iterations"),
        ),
        tokens(session),
    ])
}

/// Returns the limit of a session's tokens.
pub fn tokens(session: &Session) -> Limit {
    Limit::new("tokens", "tokens", session.tokens.total(), configured(session, "max_tokens"))
}

/// Returns for how much longer a session's workers may run; `None` if there is no limit.
pub fn time_left(view: &View, now: Timestamp) -> Option<Duration> {
    Some(time_limit(&view.session)?.saturating_sub(worker_time(view, now)))
}

/// Returns the limit of a session's time.
pub fn time_limit(session: &Session) -> Option<Duration> {
    let minutes = configured(session, "timeout_minutes").filter(|minutes| *minutes > 0)?;
    Some(Duration::from_secs(minutes.saturating_mul(60)))
}

/// Returns how often a session's worker was started, resuming not counted.
fn iterations(session: &Session) -> u64 {
    session.statistics.get(ITERATIONS).and_then(Value::as_u64).unwrap_or(0)
}

/// Counts a start of a session's worker, and returns which one it is. Going on with what was put aside
/// or lost is no new one.
pub(super) fn count_start(session: &mut Session, is_resumed: bool) -> u64 {
    let before = iterations(session);
    let n = if is_resumed { before.max(1) } else { before.saturating_add(1) };
    put(&mut session.statistics, n);
    n
}

fn put(statistics: &mut Map, n: u64) {
    statistics.insert(ITERATIONS.to_owned(), n.into());
}

fn configured(session: &Session, key: &str) -> Option<u64> {
    session.configuration.get(key).and_then(Value::as_u64)
}

/// Returns how much of its time a session has used: what its workers ran; that of a session which never
/// had one, its time in active states.
fn time_used(store: &Store, view: &View, now: Timestamp) -> Result<Duration, OpError> {
    match &view.session.worker {
        Some(_) => Ok(worker_time(view, now)),
        None => time_in_active_states(store, view, now),
    }
}

/// Returns for how long a session's workers have run. A lost one's last run is not known, and not counted.
fn worker_time(view: &View, now: Timestamp) -> Duration {
    let Some(worker) = &view.session.worker else { return Duration::ZERO };
    let running = match view.observed {
        Observed::Lost => Duration::ZERO,
        _ => since(worker).map_or(Duration::ZERO, |since| span(since, now)),
    };
    ran(worker).saturating_add(running)
}

/// The time that the session's workers ran, without that of the present one since it was last let run.
const RAN: &str = "ran_ms";
/// When the worker was last let run; not there while it stands still and after its end.
const SINCE: &str = "running_since";

fn ran(worker: &Worker) -> Duration {
    Duration::from_millis(worker.extra.get(RAN).and_then(Value::as_u64).unwrap_or(0))
}

fn since(worker: &Worker) -> Option<Timestamp> {
    Timestamp::parse(worker.extra.get(SINCE)?.as_str()?)
}

/// Begins the account of a worker that runs from now on, where that of the one before it ended.
pub(super) fn begin_clock(worker: &mut Worker, before: Option<&Worker>, now: Timestamp) {
    put_ran(worker, before.map_or(Duration::ZERO, ran));
    start_clock(worker, now);
}

/// Counts the time of a worker from now on.
pub(super) fn start_clock(worker: &mut Worker, now: Timestamp) {
    worker.extra.insert(SINCE.into(), now.to_string().into());
}

/// Counts the time of a worker until now, or leaves out its last run if nobody knows how long that was.
pub(super) fn stop_clock(worker: &mut Worker, now: Option<Timestamp>) {
    let last = since(worker).zip(now).map_or(Duration::ZERO, |(since, now)| span(since, now));
    put_ran(worker, ran(worker).saturating_add(last));
    worker.extra.shift_remove(SINCE);
}

fn put_ran(worker: &mut Worker, ran: Duration) {
    let millis = u64::try_from(ran.as_millis()).unwrap_or(u64::MAX);
    worker.extra.insert(RAN.into(), millis.into());
}

/// Returns the time between two moments; none if the clock went backwards.
fn span(from: Timestamp, to: Timestamp) -> Duration {
    let micros = to.micros().saturating_sub(from.micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// Returns for how long a session has been in active states, from its history: the time of every event
/// is read, nothing else.
fn time_in_active_states(store: &Store, view: &View, now: Timestamp) -> Result<Duration, OpError> {
    let mut steps = Vec::new();
    for event in log::events(store, view.tip) {
        let event = event?;
        let class = event.status.as_deref().and_then(|status| view.lifecycle.class_of(status));
        steps.extend(class.map(|class| (event.at, class)));
    }
    steps.reverse();
    Ok(active_time(&steps, now))
}

/// Returns the time that was spent in active states until `now`, by the moments at which a session came
/// into states of these classes, the oldest first. Where the clock went backwards, no time has passed.
fn active_time(steps: &[(Timestamp, Class)], now: Timestamp) -> Duration {
    let mut time = Duration::ZERO;
    let mut since = None;
    for &(at, class) in steps {
        match (since, class == Class::Active) {
            (None, true) => since = Some(at),
            (Some(began), false) => {
                time = time.saturating_add(span(began, at));
                since = None;
            }
            _ => {}
        }
    }
    time.saturating_add(since.map_or(Duration::ZERO, |since| span(since, now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(used: u64, limit: u64) -> Limit {
        Limit::new("tokens", "tokens", used, Some(limit))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds).expect("in range")
    }

    #[test]
    fn a_limit_is_near_from_80_percent_on_and_passed_when_nothing_is_left() {
        for (used, percent, state) in [
            (0, 0, State::Ok),
            (79, 79, State::Ok),
            (80, 80, State::Near),
            (99, 99, State::Near),
            (100, 100, State::Passed),
            (250, 250, State::Passed),
        ] {
            assert_eq!(limit(used, 100).percent(), Some(percent));
            assert_eq!(limit(used, 100).state(WARN_AT), state, "{used} %");
        }
        // What is cut off does not count as reached.
        assert_eq!(limit(7_999, 10_000).state(WARN_AT), State::Ok);
        assert_eq!(limit(9_999, 10_000).state(WARN_AT), State::Near);
        assert_eq!(limit(2, 3).state(WARN_AT), State::Ok);
        assert_eq!(limit(50, 100).state(50), State::Near);
        assert_eq!(limit(99, 100).state(100), State::Ok);
    }

    #[test]
    fn a_limit_of_zero_is_none_and_the_largest_numbers_do_no_harm() {
        assert_eq!(limit(5, 0).percent(), None);
        assert_eq!(limit(u64::MAX, 0).state(WARN_AT), State::Ok);
        assert_eq!(limit(u64::MAX, 1).percent(), Some(u64::MAX));
        assert_eq!(limit(u64::MAX, u64::MAX).percent(), Some(100));
        assert_eq!(limit(u64::MAX - 1, u64::MAX).state(WARN_AT), State::Near);
    }

    #[test]
    fn only_the_time_in_active_states_counts() {
        use Class::{Active, Ended, Paused, Pending};
        let spent = |steps: &[(i64, Class)], now| {
            let steps: Vec<_> =
                steps.iter().map(|&(seconds, class)| (at(seconds), class)).collect();
            active_time(&steps, at(now)).as_secs()
        };
        assert_eq!(spent(&[], 100), 0);
        assert_eq!(spent(&[(10, Pending)], 100), 0);
        assert_eq!(spent(&[(10, Pending), (20, Active)], 100), 80);
        // An update on the way is no break.
        assert_eq!(spent(&[(20, Active), (30, Active), (40, Active)], 100), 80);
        assert_eq!(spent(&[(20, Active), (30, Paused), (35, Paused)], 100), 10);
        assert_eq!(spent(&[(20, Active), (30, Paused), (90, Active)], 100), 20);
        assert_eq!(spent(&[(20, Active), (30, Paused), (40, Active), (50, Ended)], 1000), 20);
    }

    #[test]
    fn a_clock_that_went_backwards_takes_no_time_and_gives_none() {
        use Class::{Active, Paused};
        let spent = |steps: &[(Timestamp, Class)], now| active_time(steps, now).as_secs();
        assert_eq!(spent(&[(at(50), Active), (at(40), Paused)], at(100)), 0);
        assert_eq!(spent(&[(at(50), Active)], at(40)), 0);
        assert_eq!(spent(&[(at(50), Active), (at(40), Active)], at(60)), 10);
        let steps = [(at(10), Active), (at(20), Paused), (at(15), Active), (at(25), Paused)];
        assert_eq!(spent(&steps, at(100)), 20);
    }
}
