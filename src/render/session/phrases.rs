//! What both the page and the status say.

use crate::model::{Class, Outcome, Session, Timestamp, Tokens, Worker};
use crate::ops::agent_state::Activity;
use crate::ops::load::View;
use crate::ops::observe::Observed;
use crate::render::sanitize::to_terminal;
use crate::render::style::{Slot, Style};
use crate::render::time::{elapsed, grouped, relative};

/// Returns the state in its colour, and after it `class`, if it is wanted and says more.
pub(in crate::render) fn state(view: &View, with_class: bool, style: &Style) -> String {
    let status = to_terminal(&view.session.status);
    let slot = Slot::of_state(view.class, view.session.outcome);
    let painted = style.paint(slot, &status);
    match with_class && view.class.is_open() && status != view.class.as_str() {
        true => format!("{painted} ({})", view.class),
        false => painted.to_string(),
    }
}

/// Returns for how long the session is in its state, or how and when it ended, to stand after the
/// state; empty if nobody knows.
pub(super) fn how_long(view: &View, since: Option<Timestamp>, style: &Style) -> String {
    let session = &view.session;
    match view.class {
        Class::Ended => {
            let how = match session.outcome {
                None => "ended",
                Some(Outcome::Success) => "ended with success",
                Some(Outcome::Failure) => "ended with failure",
                Some(Outcome::Interrupted) => "interrupted",
            };
            let when = session.ended_at.or(since).map(|at| relative(at, style.now));
            format!(", {how} {}", when.unwrap_or_default()).trim_end().to_owned()
        }
        class => {
            let begun = since.or((class == Class::Pending).then_some(session.created_at));
            begun.map(|at| format!(", for {}", elapsed(at, style.now))).unwrap_or_default()
        }
    }
}

/// Returns the title in double quotes after a blank; empty if there is none.
pub(super) fn quoted_title(session: &Session) -> String {
    match to_terminal(&session.title) {
        title if title.is_empty() => String::new(),
        title => format!(" \"{title}\""),
    }
}

/// Returns the token counts that are not 0; `None` if all are.
pub(super) fn tokens(tokens: &Tokens) -> Option<String> {
    let cached = [(tokens.cache_read, "read from cache"), (tokens.cache_write, "written to cache")];
    if tokens.total() == 0 {
        return None;
    }
    let (input, output) = (grouped(tokens.input), grouped(tokens.output));
    let mut text = format!("{input} tokens in, {output} out");
    for (n, what) in cached.into_iter().filter(|(n, _)| *n > 0) {
        text.push_str(&format!(", {} {what}", grouped(n)));
    }
    Some(text)
}

/// Returns the worker that is recorded, and what is seen of it, if anything is.
pub(in crate::render) fn worker(view: &View) -> Option<String> {
    let seen = match view.activity {
        Some(activity) if activity != Activity::Running => {
            format!("{}, {}", view.observed, activity.as_str())
        }
        _ => view.observed.to_string(),
    };
    match (view.observed, &view.session.worker) {
        (Observed::None, _) => None,
        (_, None) => Some(seen),
        (_, Some(Worker { pid, host, .. })) => {
            Some(format!("{seen} (pid {pid} on {})", to_terminal(host)))
        }
    }
}
