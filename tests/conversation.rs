//! The conversation from inside: transcripts that are kept as they are, beside recorded events.
#![allow(clippy::disallowed_methods, reason = "tests meet the clock and the environment")]

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use git_session::lifecycle::builtin;
use git_session::model::conversation::{Event, Payload};
use git_session::model::{Identity, Map, SessionId, Timestamp};
use git_session::ops::conversation::Conversation;
use git_session::ops::create::{self, NewSession};
use git_session::ops::hook::Hooks;
use git_session::ops::record::{self, Taken};
use git_session::ops::{Context, load};
use git_session::store::{OpenRequest, Store};
use tempfile::TempDir;

const ID: &str = "0199f0c2-1c4d-7abc-8def-0123456789af";

fn git(dir: &Path, args: &[&str]) -> String {
    let mut git = Command::new("git");
    git.current_dir(dir).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = git.env("GIT_CONFIG_NOSYSTEM", "1").output().expect("git runs");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A repository with one session.
struct Place {
    dir: TempDir,
    store: Store,
    session_id: SessionId,
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().expect("a directory");
        git(dir.path(), &["init", "-q"]);
        let request = OpenRequest {
            dir: dir.path().to_owned(),
            config: vec!["session.durability=git".into()],
            ignores_environment: true,
            work_dir: None,
            read_only: None,
            token: "a token of this test".into(),
            started_at: SystemTime::now(),
        };
        let store = Store::open(&request).expect("a repository");
        let session_id = SessionId::parse(ID).expect("an id");
        let place = Place { dir, store, session_id };
        let new = NewSession { title: "x".into(), ..NewSession::default() };
        let lifecycle = builtin("worker").expect("built in");
        create::create(&place.store, &context(), session_id, lifecycle, &new).expect("made");
        place
    }

    fn append(&self, bytes: &[u8], taken: &Taken) {
        let changed = record::append(&self.store, &context(), self.session_id, bytes, taken);
        assert!(changed.expect("appended").is_new);
    }

    fn note(&self, text: &str) {
        let note = Event::new(Payload::Note(text.into()));
        let recorded = record::record(&self.store, &context(), self.session_id, &[note], None);
        recorded.expect("recorded");
    }

    fn events(&self) -> Vec<Event> {
        let loaded = load::load(&self.store, self.session_id).expect("readable");
        Conversation::of(&self.store, &loaded).collect()
    }
}

fn context() -> Context {
    let who = Identity { name: "Ada".into(), email: "ada@example.com".into() };
    Context {
        now: Timestamp::from_seconds(1_767_790_800).expect("in range"),
        author: who.clone(),
        committer: who,
        agent: None,
        op: "00000000-0000-4000-8000-000000000001".into(),
        op_is_given: false,
        session_name: None,
        hooks: Hooks {
            show: |_, _| Map::new(),
            warn: |_| {},
            no_verify: true,
            running: Vec::new(),
            agreed: None,
        },
        redaction: Default::default(),
    }
}

fn taken(offset: u64) -> Taken {
    Taken {
        agent: "claude-code".into(),
        session_id: Some("s-1".into()),
        path: Some("~/.claude/a.jsonl".into()),
        offset,
        head: Some("abc".into()),
        ..Taken::default()
    }
}

#[test]
fn transcripts_are_kept_byte_for_byte_beside_recorded_events() {
    let place = Place::new();
    // Where a line is torn does not matter.
    place.append(b"{\"a\":1}\n{\"b\"", &taken(12));
    place.note("between");
    place.append(b":2}\n", &taken(16));
    // Somebody else was faster.
    let late = Taken { after: Some(12), ..taken(20) };
    let late = record::append(&place.store, &context(), place.session_id, b"[1]\n", &late);
    assert!(!late.expect("nothing happens").is_new);
    let other = Taken { path: Some("~/.claude/b.jsonl".into()), ..taken(3) };
    place.append(b"[]\n", &other);
    let reference = format!("refs/sessions/{ID}");
    let list = ["ls-tree", "-r", "--name-only", &reference, "conversation/"];
    assert_eq!(
        git(place.dir.path(), &list),
        "conversation/1/0-claude-code-1.jsonl\nconversation/1/1-events.jsonl\n\
         conversation/1/2-claude-code-1.jsonl\nconversation/1/3-claude-code-2.jsonl\n"
    );
    let show =
        |path: &str| git(place.dir.path(), &["cat-file", "blob", &format!("{reference}:{path}")]);
    let whole = show("conversation/1/0-claude-code-1.jsonl")
        + &show("conversation/1/2-claude-code-1.jsonl");
    assert_eq!(whole, "{\"a\":1}\n{\"b\":2}\n");
    let loaded = load::load(&place.store, place.session_id).expect("readable");
    let extent = loaded.view.session.conversation;
    assert_eq!((extent.n_segments, extent.n_events), (4, 1));
    let sources: Vec<(u64, u64, u64)> =
        extent.sources.iter().map(|it| (it.n, it.offset, it.n_bytes)).collect();
    assert_eq!(sources, [(1, 16, 16), (2, 3, 3)]);
    let places: Vec<Option<(u64, u64)>> =
        place.events().iter().map(|it| it.src.map(|src| (src.file, src.offset))).collect();
    assert_eq!(places, [Some((1, 0)), Some((1, 8)), None, Some((1, 12)), Some((2, 0))]);
    git(place.dir.path(), &["fsck", "--strict"]);
}

#[test]
fn a_transcript_that_was_written_anew_says_from_where() {
    let place = Place::new();
    place.append(b"{\"a\":1}\n{\"b\":2}\n", &taken(16));
    place.append(b"{\"c\":3}\n", &Taken { rewritten_at: Some(8), ..taken(16) });
    let events = place.events();
    let kinds: Vec<&str> = events.iter().map(Event::kind).collect();
    assert_eq!(kinds, ["raw", "raw", "source.rewritten", "raw"]);
    let Payload::Other { fields, .. } = &events[2].payload else { panic!("{events:?}") };
    assert_eq!(
        (&fields["f"], &fields["off"], &fields["generation"]),
        (&1.into(), &8.into(), &1.into())
    );
    assert_eq!(events[2].seq, Some(1));
    assert_eq!(events[3].src.map(|src| src.offset), Some(8));
    let loaded = load::load(&place.store, place.session_id).expect("readable");
    let source = &loaded.view.session.conversation.sources[0];
    assert_eq!((source.offset, source.n_bytes, source.generation), (16, 16, 1));
}

#[test]
fn an_agent_without_a_plain_name_is_refused() {
    let place = Place::new();
    for agent in ["", "Claude", "../x", "a/b", "events.jsonl"] {
        let taken = Taken { agent: agent.into(), ..taken(1) };
        let refused = record::append(&place.store, &context(), place.session_id, b"x", &taken);
        assert!(refused.is_err(), "{agent}");
    }
    assert!(place.events().is_empty());
}

#[test]
fn the_order_is_kept_over_several_lengths_of_numbers() {
    let place = Place::new();
    for n in 0..300 {
        place.note(&n.to_string());
    }
    let texts: Vec<String> = place
        .events()
        .iter()
        .map(|it| match &it.payload {
            Payload::Note(text) => text.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(texts, (0..300).map(|n| n.to_string()).collect::<Vec<_>>());
    let tree = git(place.dir.path(), &["ls-tree", &format!("refs/sessions/{ID}:conversation/3/1")]);
    assert_eq!(tree.lines().count(), 3, "{tree}");
    git(place.dir.path(), &["fsck", "--strict"]);
}
