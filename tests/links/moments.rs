//! What is told of a commit is the same whether a conversation is read from its end or whole.

use std::io::Cursor;

use git_session::agents::AgentKind;
use git_session::format::event;
use git_session::model::Oid;
use git_session::model::conversation::Event;
use git_session::ops::ingest::{self, Foreign};
use git_session::ops::lineage::Kept;
use git_session::ops::moment::Moment;
use git_session::ops::record;
use git_session::ops::update::{self, Request};
use git_session::ops::why::{Depth, Why};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::inside::context;
use super::place::{ADA, Place, id, open};

/// What makes each event so long that a conversation is not read at once.
const PADDING: usize = 4_500;
/// When all begins, in seconds.
const BEGINNING: i64 = 1_767_790_800;

/// What happens in a session.
#[derive(Debug, Clone)]
enum Step {
    /// An event of a kind is recorded, so many seconds later, or nobody says when.
    Record(&'static str, Option<i64>),
    /// A later event takes the place of one that was recorded so many events before.
    TakeBack(u64),
    /// An agent writes a line of a kind so many seconds later.
    Write(AgentKind, &'static str, i64),
    /// An agent writes a line again that it wrote so many lines before, and goes on.
    Again(usize),
    /// What the agents wrote is taken.
    Take,
    Commit,
}

const RECORDED: [&str; 6] = ["ask", "answer", "call", "result", "decision", "meta"];
const WRITTEN: [&str; 5] = ["ask", "answer", "call", "result", "meta"];

fn step() -> impl Strategy<Value = Step> {
    let kinds = select(&[AgentKind::ClaudeCode, AgentKind::Codex][..]);
    prop_oneof![
        6 => (select(&RECORDED[..]), proptest::option::weighted(0.9, -1..4_i64))
            .prop_map(|(kind, later)| Step::Record(kind, later)),
        1 => (1..20_u64).prop_map(Step::TakeBack),
        12 => (kinds, select(&WRITTEN[..]), 0..4_i64)
            .prop_map(|(agent, kind, later)| Step::Write(agent, kind, later)),
        1 => (1..40_usize).prop_map(Step::Again),
        6 => Just(Step::Take),
        2 => Just(Step::Commit),
    ]
}

/// A session under way.
struct Scene {
    place: Place,
    seconds: i64,
    n: usize,
    n_recorded: u64,
    claude: Vec<String>,
    codex: Vec<String>,
    commits: Vec<Oid>,
}

impl Scene {
    fn new() -> Scene {
        let place = Place::new(&[]);
        let (claude, codex, commits) = (Vec::new(), Vec::new(), Vec::new());
        Scene { place, seconds: BEGINNING, n: 0, n_recorded: 0, claude, codex, commits }
    }

    fn apply(&mut self, step: &Step) {
        self.n += 1;
        match step {
            Step::Record(kind, later) => {
                self.seconds += later.unwrap_or_default();
                let line = self.recorded(kind, later.is_some());
                self.record(&line);
            }
            Step::TakeBack(n) if self.n_recorded >= *n => {
                let seq = self.n_recorded + 1 - n;
                let at = time(self.seconds);
                self.record(
                    &json!({"kind": "note", "ts": at, "text": "", "replaces": [seq]}).to_string(),
                );
            }
            Step::TakeBack(_) => {}
            Step::Write(agent, kind, later) => {
                self.seconds += later;
                let line = match agent {
                    AgentKind::Codex => self.codex_line(kind),
                    _ => self.claude_line(kind),
                };
                let lines =
                    if *agent == AgentKind::Codex { &mut self.codex } else { &mut self.claude };
                lines.push(line);
            }
            Step::Again(n) => {
                let at = self.claude.len().checked_sub(*n);
                let line = at.map(|at| self.claude[at].clone());
                self.claude.extend(line);
                let line = self.claude_line("answer");
                self.claude.push(line);
            }
            Step::Take => self.take(),
            Step::Commit => self.commit(),
        }
    }

    fn recorded(&self, kind: &str, has_time: bool) -> String {
        let (words, call) = (self.words(), format!("r{}", self.n / 3));
        let mut line = match kind {
            "ask" | "meta" => {
                json!({"kind": "message", "role": "user", "content": words, "meta": kind == "meta"})
            }
            "answer" => json!({"kind": "message", "role": "assistant", "content": words}),
            "call" => {
                json!({"kind": "tool.call", "call": call, "name": "bash", "input": {"command": words}})
            }
            "result" => {
                json!({"kind": "tool.result", "call": call, "ok": self.n.is_multiple_of(2), "content": words})
            }
            _ => json!({"kind": "decision", "text": words}),
        };
        if has_time {
            line["ts"] = time(self.seconds).into();
        }
        line.to_string()
    }

    fn claude_line(&self, kind: &str) -> String {
        let (words, call) = (self.words(), format!("c{}", self.n / 3));
        let content = match kind {
            "call" => {
                json!([{"type": "tool_use", "id": call, "name": "Bash", "input": {"command": words}}])
            }
            "result" => {
                json!([{"type": "tool_result", "tool_use_id": call, "content": words, "is_error": self.n.is_multiple_of(2)}])
            }
            _ => json!(words),
        };
        let role = if matches!(kind, "answer" | "call") { "assistant" } else { "user" };
        let line = json!({
            "type": role,
            "uuid": format!("u{}", self.n),
            "timestamp": time(self.seconds),
            "isMeta": kind == "meta",
            "message": {"role": role, "content": content},
        });
        format!("{line}\n")
    }

    fn codex_line(&self, kind: &str) -> String {
        let (words, call) = (self.words(), format!("x{}", self.n / 3));
        let message = |role, text: &str| json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]});
        let payload = match kind {
            "ask" => message("user", &words),
            "meta" => message("developer", &words),
            "answer" => message("assistant", &words),
            "call" => {
                json!({"type": "function_call", "call_id": call, "name": "shell", "arguments": json!({"command": words}).to_string()})
            }
            _ => json!({"type": "function_call_output", "call_id": call, "output": words}),
        };
        let line =
            json!({"timestamp": time(self.seconds), "type": "response_item", "payload": payload});
        format!("{line}\n")
    }

    fn words(&self) -> String {
        format!("{} {}", self.n, "x".repeat(PADDING))
    }

    fn record(&mut self, line: &str) {
        let event: Event = event::parse(line.as_bytes()).expect("an event");
        record::record(&self.place.store, &context(), id(ADA), &[event], None).expect("recorded");
        self.n_recorded += 1;
    }

    fn take(&self) {
        let kept = Kept::default();
        for (kind, lines) in
            [(AgentKind::ClaudeCode, &self.claude), (AgentKind::Codex, &self.codex)]
        {
            let foreign = Foreign {
                kind,
                native_id: Some(kind.as_str().into()),
                path: format!("~/{}.jsonl", kind.as_str()),
                lineage: Default::default(),
                kept: &kept,
                is_final: false,
                converted: None,
            };
            let mut file = Cursor::new(lines.concat().into_bytes());
            ingest::ingest(&self.place.store, &context(), id(ADA), &foreign, &mut file)
                .expect("taken");
        }
    }

    fn commit(&mut self) {
        self.place.write("file", self.n.to_string().as_bytes());
        let seconds = u64::try_from(self.seconds - BEGINNING).unwrap_or_default();
        let commit_oid = self.place.commit_at("work", seconds);
        self.place.link(ADA, commit_oid, &[]);
        self.commits.push(commit_oid);
    }

    /// Returns what is told of a commit, by the moment alone, and by all that was said.
    fn told(&self, commit_oid: Oid) -> [Moment; 2] {
        let store = open(self.place.dir.path());
        [Depth::Moment, Depth::Messages].map(|depth| {
            let mut group = Why::new(&store, depth).commit(commit_oid);
            assert_eq!(group.sessions.len(), 1);
            Moment { messages: Vec::new(), ..group.sessions.remove(0).moment }
        })
    }

    /// Compares both for the newest commits: for those before them all of the conversation is read.
    fn check(&self) {
        for commit_oid in self.commits.iter().rev().take(6) {
            let [newest, all] = self.told(*commit_oid).map(|it| short(&it));
            assert_eq!(newest, all);
        }
    }
}

/// Returns what a moment tells without what makes it long.
fn short(moment: &Moment) -> String {
    format!("{moment:?}").replace(&"x".repeat(PADDING), "").replace(&"x".repeat(50), "")
}

fn time(seconds: i64) -> String {
    git_session::model::Timestamp::from_seconds(seconds).expect("in range").to_string()
}

#[test]
fn any_conversation_read_from_its_end_tells_what_all_of_it_tells() {
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        ProptestConfig { cases: 2, failure_persistence: None, ..ProptestConfig::default() },
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let steps = proptest::collection::vec(step(), 160..220);
    let told = runner.run(&steps, |steps| {
        let mut scene = Scene::new();
        steps.iter().for_each(|step| scene.apply(step));
        scene.take();
        scene.commit();
        scene.check();
        Ok(())
    });
    told.expect("both are the same");
}

#[test]
fn decisions_long_before_the_request_are_told_as_many_as_the_record_says() {
    let mut scene = Scene::new();
    let steps = |kind| Step::Record(kind, Some(1));
    scene.apply(&steps("decision"));
    (0..60).for_each(|_| scene.apply(&Step::Write(AgentKind::ClaudeCode, "answer", 1)));
    scene.apply(&Step::Take);
    scene.apply(&steps("decision"));
    (0..60).for_each(|_| {
        scene.apply(&Step::Write(AgentKind::ClaudeCode, "ask", 1));
        scene.apply(&Step::Take);
    });
    scene.apply(&Step::Write(AgentKind::ClaudeCode, "call", 1));
    scene.apply(&Step::Take);
    scene.apply(&Step::Commit);
    let n_told = |scene: &Scene| scene.told(scene.commits[0]).map(|it| it.decisions.len());
    assert_eq!(n_told(&scene), [2, 2]);
    let adds = vec![("statistics.decisions_made".to_owned(), -1)];
    let request = Request { adds, ..Request::default() };
    update::update(&scene.place.store, &context(), id(ADA), &request, |_| Default::default())
        .expect("updated");
    assert_eq!(n_told(&scene), [1, 2], "who reads all of it needs not be told");
}
