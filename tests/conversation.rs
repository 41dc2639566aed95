//! The conversation from inside: transcripts that are kept as they are, beside recorded events.
#![allow(clippy::disallowed_methods, reason = "tests meet the clock and the environment")]

#[path = "support/inside.rs"]
mod inside;

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use git_session::agents::AgentKind;
use git_session::lifecycle::builtin;
use git_session::model::conversation::{Content, Event, Payload};
use git_session::model::{Session, SessionId};
use git_session::ops::conversation::{Conversation, source_bytes};
use git_session::ops::create::{self, NewSession};
use git_session::ops::ingest::{self, Foreign, Ingested};
use git_session::ops::record;
use git_session::ops::{OpError, load};
use git_session::store::Store;
use inside::{context, request};
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

fn open(dir: &Path) -> Store {
    Store::open(&request(dir)).expect("a repository")
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().expect("a directory");
        git(dir.path(), &["init", "-q"]);
        let store = open(dir.path());
        let session_id = SessionId::parse(ID).expect("an id");
        let place = Place { dir, store, session_id };
        let new = NewSession { title: "x".into(), ..NewSession::default() };
        let lifecycle = builtin("worker").expect("built in");
        create::create(&place.store, &context(), session_id, lifecycle, &new).expect("made");
        place
    }

    fn ingest(&self, file: &str, foreign: &Foreign<'_>) -> Ingested {
        let mut bytes = Cursor::new(file.as_bytes().to_vec());
        let ingested =
            ingest::ingest(&self.store, &context(), self.session_id, foreign, &mut bytes);
        ingested.expect("taken")
    }

    /// Takes a file, and returns how many bytes were new.
    fn take(&self, file: &str) -> u64 {
        self.ingest(file, &foreign("~/.claude/a.jsonl")).n_bytes
    }

    fn session(&self) -> Session {
        load::load(&self.store, self.session_id).expect("readable").view.session
    }

    /// Returns the bytes that are kept of a source.
    fn kept(&self, n: u64) -> String {
        let loaded = load::load(&self.store, self.session_id).expect("readable");
        let (snapshot, extent) = (&loaded.snapshot, &loaded.view.session.conversation);
        let mut kept = Vec::new();
        source_bytes(&self.store, ID, (snapshot, extent), n, |bytes| {
            kept.extend_from_slice(bytes);
            Ok::<(), OpError>(())
        })
        .expect("readable");
        String::from_utf8(kept).expect("text")
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

fn foreign(path: &str) -> Foreign<'static> {
    Foreign {
        kind: AgentKind::ClaudeCode,
        native_id: Some("s-1".into()),
        path: path.into(),
        lineage: Default::default(),
        kept: Box::leak(Box::default()),
        is_final: false,
        converted: None,
    }
}

/// Returns a line of an answer that has `msg` as its id, and has cost so much by now.
fn answer(n: u64, msg: &str, output: u64) -> String {
    format!(
        "{{\"type\":\"assistant\",\"uuid\":\"u{n}\",\"sessionId\":\"s-1\",\"timestamp\":\
         \"2026-01-07T12:00:0{n}Z\",\"message\":{{\"id\":\"{msg}\",\"role\":\"assistant\",\"model\":\"m-1\",\
         \"content\":[{{\"type\":\"text\",\"text\":\"part {n}\"}}],\"usage\":{{\"input_tokens\":10,\
         \"output_tokens\":{output}}}}}}}\n"
    )
}

fn tokens(session: &Session) -> (u64, u64) {
    (session.tokens.input, session.tokens.output)
}

#[test]
fn transcripts_are_kept_byte_for_byte_beside_recorded_events() {
    let place = Place::new();
    assert_eq!(place.take("{\"a\":1}\n{\"b\""), 8);
    place.note("between");
    assert_eq!(place.take("{\"a\":1}\n{\"b\":2}\n"), 8);
    let other = foreign("~/.claude/b.jsonl");
    assert_eq!(place.ingest("[]\n", &other).n_bytes, 3);
    let reference = format!("refs/sessions/{ID}");
    let list = ["ls-tree", "-r", "--name-only", &reference, "conversation/"];
    assert_eq!(
        git(place.dir.path(), &list),
        "conversation/1/0-claude-code-1.jsonl\nconversation/1/1-events.jsonl\n\
         conversation/1/2-claude-code-1.jsonl\nconversation/1/3-claude-code-2.jsonl\n"
    );
    assert_eq!((place.kept(1), place.kept(2)), ("{\"a\":1}\n{\"b\":2}\n".into(), "[]\n".into()));
    let extent = place.session().conversation;
    assert_eq!((extent.n_segments, extent.n_events), (4, 1));
    let sources: Vec<(u64, u64, u64)> =
        extent.sources.iter().map(|it| (it.n, it.offset, it.n_bytes)).collect();
    assert_eq!(sources, [(1, 16, 16), (2, 3, 3)]);
    let places: Vec<Option<(u64, u64)>> =
        place.events().iter().map(|it| it.src.map(|src| (src.file, src.offset))).collect();
    assert_eq!(places, [Some((1, 0)), None, Some((1, 8)), Some((2, 0))]);
    // Recorded events keep the numbers that they got; the others have the ones after those.
    let seqs: Vec<Option<u64>> = place.events().iter().map(|it| it.seq).collect();
    assert_eq!(seqs, [Some(2), Some(1), Some(3), Some(4)]);
    git(place.dir.path(), &["fsck", "--strict"]);
}

#[test]
fn the_same_file_again_changes_nothing_and_a_longer_one_costs_its_new_lines() {
    let place = Place::new();
    let file = answer(1, "a", 2) + &answer(2, "a", 7);
    assert_eq!(place.take(&file), file.len() as u64);
    assert_eq!(tokens(&place.session()), (10, 7));
    assert_eq!(place.session().model.as_deref(), Some("m-1"));
    assert_eq!(place.session().agent.as_deref(), Some("claude-code"));
    let before = place.session().seq;
    assert!(!place.ingest(&file, &foreign("~/.claude/a.jsonl")).changed.is_new);
    assert!(!place.ingest(&file, &foreign("/moved/a.jsonl")).changed.is_new);
    assert_eq!(place.session().seq, before);
    // The answer goes on in a later call, and still counts once.
    let more = answer(3, "a", 9) + &answer(4, "b", 1);
    assert_eq!(place.take(&(file.clone() + &more)), more.len() as u64);
    assert_eq!(tokens(&place.session()), (20, 10));
    assert_eq!(place.session().conversation.sources.len(), 1);
}

#[test]
fn a_torn_last_line_waits_until_it_is_whole() {
    let place = Place::new();
    let (first, second) = (answer(1, "a", 2), answer(2, "b", 3));
    let (half, rest) = second.split_at(40);
    assert_eq!(place.take(&(first.clone() + half)), first.len() as u64);
    assert_eq!(place.take(&(first.clone() + half)), 0);
    assert_eq!(place.take(&(first.clone() + half + rest)), second.len() as u64);
    // A whole value without its line break is taken, and the line break later.
    let third = answer(3, "c", 4);
    let file = first + &second + &third;
    assert_eq!(place.take(file.trim_end()), third.len() as u64 - 1);
    assert_eq!(place.take(&file), 1);
    assert_eq!(place.kept(1), file);
    assert_eq!(tokens(&place.session()), (30, 9));
}

#[test]
fn a_transcript_that_was_written_anew_is_kept_from_where_it_differs_and_counts_once() {
    let place = Place::new();
    let [a, b, c] = [answer(1, "a", 2), answer(2, "b", 3), answer(3, "c", 5)];
    place.take(&(a.clone() + &b));
    let ingested = place.ingest(&(a.clone() + &c), &foreign("~/.claude/a.jsonl"));
    assert_eq!((ingested.is_rewritten, ingested.n_bytes), (true, c.len() as u64));
    assert_eq!(place.kept(1), a.clone() + &c);
    assert_eq!(tokens(&place.session()), (20, 7));
    let marker: Vec<Event> =
        place.events().into_iter().filter(|it| it.kind() == "source.rewritten").collect();
    let Payload::Other { fields, .. } = &marker[0].payload else { panic!("{marker:?}") };
    assert_eq!(
        (&fields["f"], &fields["off"], &fields["generation"]),
        (&1.into(), &(a.len() as u64).into(), &1.into())
    );
    let said: Vec<String> = place.events().iter().filter_map(text).collect();
    assert_eq!(said, ["part 1", "part 3"]);
    let source = &place.session().conversation.sources[0];
    assert_eq!((source.offset, source.generation), ((a.len() + c.len()) as u64, 1));
    // It was cut off, and goes on.
    place.take(&a);
    assert_eq!((place.kept(1), tokens(&place.session())), (a.clone(), (10, 2)));
    place.take(&(a.clone() + &b));
    assert_eq!((place.kept(1), tokens(&place.session())), (a + &b, (20, 5)));
    git(place.dir.path(), &["fsck", "--strict"]);
}

fn text(event: &Event) -> Option<String> {
    match &event.payload {
        Payload::Message(it) => Some(Content::text_of(&it.content)),
        _ => None,
    }
}

#[test]
fn a_document_is_taken_whole_and_again_when_it_has_changed() {
    let place = Place::new();
    let document = |said: &str, output: u64| {
        format!(
            "{{\n  \"sessionId\": \"g-1\",\n  \"projectHash\": \"x\",\n  \"messages\": [\n    {{\"id\": \
             \"1\", \"type\": \"gemini\", \"content\": \"{said}\", \"tokens\": {{\"input\": 3, \"output\": \
             {output}}}}}\n  ]\n}}"
        )
    };
    let foreign = Foreign { kind: AgentKind::GeminiCli, ..foreign("~/g.json") };
    let first = document("yes", 4);
    assert_eq!(place.ingest(&first[..60], &foreign).n_bytes, 0);
    assert_eq!(place.ingest(&first, &foreign).n_bytes, first.len() as u64);
    // Of the same length, and different in the middle.
    let second = document("noo", 5);
    assert!(place.ingest(&second, &foreign).is_rewritten);
    assert!(!place.ingest(&second, &foreign).changed.is_new);
    assert_eq!((place.kept(1), tokens(&place.session())), (second, (3, 5)));
    let said: Vec<String> = place.events().iter().filter_map(text).collect();
    assert_eq!(said, ["noo"]);
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

#[test]
fn a_store_that_is_held_open_sees_what_it_and_others_write_however_much() {
    let place = Place::new();
    let reader = open(place.dir.path());
    for n in 0..600 {
        place.note(&n.to_string());
        if n % 100 == 0 {
            load::load(&reader, place.session_id).expect("readable");
        }
    }
    let read = load::load(&reader, place.session_id).expect("readable");
    assert_eq!(read.view.session.conversation.n_events, 600);
    assert_eq!(Conversation::of(&place.store, &read).count(), 600);
}
