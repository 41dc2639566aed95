//! A session to be shown, for the tests of this floor.

use crate::format::message::Excerpt;
use crate::lifecycle::{Lifecycle, builtin};
use crate::model::{GitContext, HashKind, Map, Oid, Session, SessionId, Timestamp, Tokens};
use crate::ops::list::{Listed, Listing};
use crate::ops::load::View;
use crate::render::Style;

/// Text that tries everything.
pub(super) const HOSTILE: &str =
    "\x1b[2J\x1b]0;x\x07a\r\n\tb\x08\u{9b}31m\u{202e}c\u{200b}\u{2028}\0";

/// Returns the present moment of all tests: 2026-01-07 13:00 UTC.
pub(super) fn now() -> Timestamp {
    Timestamp::parse("2026-01-07T13:00:00Z").expect("valid")
}

/// Returns the moment so many minutes before [`now`].
pub(super) fn ago(minutes: i64) -> Timestamp {
    Timestamp::from_seconds(now().seconds() - 60 * minutes).expect("in range")
}

/// Returns the look of a terminal without colours.
pub(super) fn terminal(width: usize) -> Style {
    Style { width: Some(width), header: true, ..Style::plain(now()) }
}

/// Returns the look of a pipe.
pub(super) fn piped() -> Style {
    Style::plain(now())
}

/// Returns an id whose handle begins with a letter for `n` (0 to 15).
pub(super) fn id(n: u8) -> SessionId {
    let text = format!("0199f0c2-1c4d-7abc-8def-0123{n:x}56789af");
    SessionId::parse(&text).expect("valid")
}

/// Returns the id of an object.
pub(super) fn oid() -> Oid {
    Oid::from_bytes(&[0x8a; 20]).unwrap_or(Oid::null(HashKind::Sha1))
}

fn known(lifecycle: &str) -> Lifecycle {
    builtin(lifecycle).expect("built in").clone()
}

/// Returns a session with nothing optional set, in the state `status` of a built-in lifecycle.
pub(super) fn session(lifecycle: &str, status: &str) -> Session {
    Session {
        id: id(4),
        seq: 3,
        name: None,
        title: "Add user authentication".into(),
        lifecycle: lifecycle.into(),
        status: status.into(),
        paused_from: None,
        phase: None,
        outcome: None,
        reason: None,
        created_at: ago(180),
        updated_at: ago(12),
        started_at: Some(ago(179)),
        ended_at: None,
        author: "Ada <ada@example.com>".into(),
        agent: None,
        model: None,
        role: None,
        parent: None,
        git: GitContext::default(),
        branch: Some("feat/auth".into()),
        links: Map::new(),
        labels: Vec::new(),
        statistics: Map::new(),
        configuration: Map::new(),
        tokens: Tokens::default(),
        conversation: Default::default(),
        commits: Vec::new(),
        checkpoints: Vec::new(),
        artifacts: Vec::new(),
        worker: None,
        extra: Map::new(),
    }
}

/// Returns the view of a session; whatever its state is called, it is shown.
pub(super) fn view(session: Session) -> View {
    let lifecycle = known(&session.lifecycle);
    View::new(session, lifecycle, oid()).expect("a known state")
}

/// Returns a session as a list without records has it.
pub(super) fn listed(session: &Session) -> Listed {
    let class = known(&session.lifecycle).class_of(&session.status).expect("a known state");
    Listed {
        excerpt: Excerpt::of(session, class),
        tip: oid(),
        view: None,
        observed: Default::default(),
    }
}

/// Returns a list.
pub(super) fn listing(sessions: Vec<Listed>) -> Listing {
    Listing { sessions, ..Listing::default() }
}

/// Returns what `write` writes.
pub(super) fn written(
    write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> String {
    let mut out = Vec::new();
    write(&mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("only text is written")
}

/// Tells whether nothing in `text` but the `allowed` characters is a control character or hides.
pub(super) fn is_harmless(text: &str, allowed: &[char]) -> bool {
    use crate::model::text::is_invisible;
    !text.chars().any(|c| (c.is_control() || is_invisible(c)) && !allowed.contains(&c))
}

/// Returns `text` without the colours that this floor writes.
pub(super) fn without_colors(text: &str) -> String {
    use crate::render::Slot;
    let mut text = text.to_owned();
    for slot in Slot::ALL {
        let style = slot.style();
        text = text.replace(&style.render().to_string(), "");
        text = text.replace(&style.render_reset().to_string(), "");
    }
    text
}
