use super::kind::AgentKind;
use super::out::{Facts, Lineage, Out, State, blank};
use super::record::Record;
use super::scan::{Found, Scanner, Span};
use super::{
    aider, amp, choragen, claude, cline, codex, copilot, cursor, droid, gemini, generic, goose,
    opencode, pi, qwen,
};
use crate::model::conversation::{Event, Payload};
use crate::model::{Map, Value};

/// The key of the memory that is there while a copied beginning goes on: what it is a copy of, if told.
const COPYING: &str = "copying";

/// Tells whether a copied beginning goes on where a transcript left `memory`: then going on needs what
/// it inherits, too.
pub fn is_copying(memory: &Map) -> bool {
    memory.contains_key(COPYING)
}

/// Returns the agent's session that the copied beginning is of, as far as it was told.
pub fn copied_from(memory: &Map) -> Option<&str> {
    memory.get(COPYING).and_then(Value::as_str).filter(|it| !it.is_empty())
}

/// A reader of one agent's records.
pub(super) trait Reader {
    /// Says what a record tells, with the envelope of `base`.
    fn read(&mut self, record: Record, base: &mut Event, out: &mut Out<'_>);

    /// Says what a value tells that is no object; of a text file, each line.
    fn read_other(&mut self, value: Value, base: &mut Event, out: &mut Out<'_>) {
        out.raw(base, "no object", value);
    }

    /// Tells whether the last record is held back, to be said with later ones.
    fn holds_back(&self) -> bool {
        false
    }

    /// Returns what counting the tokens of later records needs to know of these: a few numbers.
    fn memory(&self) -> Map {
        Map::new()
    }

    /// Goes on after records that another reader has read, which left this behind.
    fn go_on(&mut self, memory: &Map) {
        let _ = memory;
    }

    /// Tells whether a record changed what was counted before this reader went on.
    fn looks_back(&self) -> bool {
        false
    }

    /// Tells whether what is said and called from any record on is told alike without the records before, unless one
    /// of those comes again.
    fn tells_from_within(&self) -> bool {
        false
    }

    /// Says what was held back until now; the transcript is at its end.
    fn finish(&mut self, out: &mut Out<'_>) {
        let _ = out;
    }
}

/// A transcript that is being read: bytes in, events out.
///
/// Every value in the file comes to an event, and so does every byte that is in no value, but for white
/// space and a torn value at the end. How the bytes are cut into chunks makes no difference. No bytes
/// make it fail.
pub struct Transcript {
    scanner: Scanner,
    reader: Box<dyn Reader>,
    state: State,
}

impl Transcript {
    /// Begins to read the file of an agent, from its first byte.
    pub fn new(kind: AgentKind) -> Transcript {
        Transcript {
            scanner: Scanner::new(kind == AgentKind::Aider),
            reader: reader(kind),
            state: State::default(),
        }
    }

    /// Gives the file the number that the places of its events have.
    pub fn of_file(mut self, file: u64) -> Transcript {
        self.state.file = file;
        self
    }

    /// Lets the first event have the number `seq`, from 1.
    pub fn starting_at(mut self, seq: u64) -> Transcript {
        self.state.last_seq = seq.saturating_sub(1);
        self
    }

    /// Marks as copied what the transcripts had that this one was copied from, as far as it can be
    /// known again. To be said before the first byte.
    ///
    /// Source: forks and resumes copy whole chains of records, with their usages.
    pub fn inheriting(mut self, lineage: Lineage) -> Transcript {
        self.state.inherited = lineage;
        self
    }

    /// Goes on behind a whole record of a transcript, of which another one was at its end and left
    /// `memory`. What is told is good for counting tokens. To be said before the first byte.
    pub fn going_on(mut self, memory: &Map) -> Transcript {
        self.reader.go_on(memory);
        self.state.is_own = !is_copying(memory);
        self.state.facts.forked_from = copied_from(memory).map(str::to_owned);
        self
    }

    /// Returns what a later [`Transcript::going_on`] needs: at most some hundred bytes.
    pub fn memory(&self) -> Map {
        let mut memory = self.reader.memory();
        if self.state.copied > 0 && !self.state.is_own {
            let origin = self.facts().origin().unwrap_or_default();
            memory.insert(COPYING.to_owned(), origin.into());
        }
        memory
    }

    /// Returns how many of the first bytes are copies of what the inherited transcripts have.
    pub fn n_copied(&self) -> u64 {
        self.state.copied
    }

    /// Tells whether tokens are to be counted from the first byte again, since something changed what was
    /// told before this one went on.
    pub fn looks_back(&self) -> bool {
        self.reader.looks_back()
    }

    /// Tells of a transcript that is gone on with whether what is said and called from any record on is told alike
    /// without the records before: all but numbers and places, and records that come again.
    pub fn tells_from_within(&self) -> bool {
        self.state.is_own && self.reader.tells_from_within()
    }

    /// Takes the next bytes of the file, and adds the events that are complete with them.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) {
        let Transcript { scanner, reader, state } = self;
        scanner.push(bytes, &mut |span, found| {
            take(reader.as_mut(), &mut Out { state, events, span }, found);
        });
    }

    /// Takes the end of the file: a complete value without a line break after it counts, a torn one
    /// does not. After that, nothing may be pushed any more.
    pub fn finish(&mut self, events: &mut Vec<Event>) {
        let Transcript { scanner, reader, state } = self;
        scanner.finish(&mut |span, found| {
            take(reader.as_mut(), &mut Out { state, events, span }, found);
        });
        let span = Span { offset: scanner.offset(), n_bytes: 0 };
        reader.finish(&mut Out { state, events, span });
    }

    /// Returns how many bytes of the file were understood: where a torn value begins, if there is one.
    pub fn offset(&self) -> u64 {
        self.scanner.offset()
    }

    /// Returns what is known of the session by now.
    pub fn facts(&self) -> &Facts {
        &self.state.facts
    }

    /// Returns by what a copy of this transcript can be known.
    pub fn lineage(&self) -> Lineage {
        let mut lineage = self.state.own.clone();
        lineage.session_id.clone_from(&self.state.facts.session_id);
        lineage
    }
}

fn take(reader: &mut dyn Reader, out: &mut Out<'_>, found: Found) {
    let before = out.events.len();
    match found {
        Found::Value(value) if has_no_time(&value) => {
            let reason = "the timestamp is no time".to_owned();
            out.push(Event::new(Payload::Raw { reason, record: Some(value) }));
        }
        Found::Value(value) => match Record::new(value) {
            Ok(record) => reader.read(record, &mut blank(), out),
            Err(other) => reader.read_other(other, &mut blank(), out),
        },
        Found::Damage(reason) => {
            out.push(Event::new(Payload::Raw { reason, record: None }));
        }
    }
    if out.events.len() == before && !reader.holds_back() {
        out.push(Event::new(Payload::Skip("nothing is said".to_owned())));
    }
}

/// Tells whether a record says when it was written, but in no date: then nothing in it is to be
/// counted on. A date in a form that is not known is no such thing.
fn has_no_time(record: &Value) -> bool {
    let time = record.get("timestamp").and_then(Value::as_str).unwrap_or_default();
    time.starts_with(|c: char| !c.is_ascii_digit())
}

fn reader(kind: AgentKind) -> Box<dyn Reader> {
    match kind {
        AgentKind::ClaudeCode => Box::new(claude::Claude),
        AgentKind::Codex => Box::new(codex::Codex::default()),
        AgentKind::GeminiCli => Box::new(gemini::Gemini::default()),
        AgentKind::QwenCode => Box::new(qwen::Qwen),
        AgentKind::OpenCode => Box::new(opencode::OpenCode),
        AgentKind::CopilotCli => Box::new(copilot::Copilot::default()),
        AgentKind::Cursor => Box::new(cursor::Cursor),
        AgentKind::Pi => Box::new(pi::Pi),
        AgentKind::Droid => Box::new(droid::Droid),
        AgentKind::Amp => Box::new(amp::Amp),
        AgentKind::Cline => Box::new(cline::Cline),
        AgentKind::Aider => Box::new(aider::Aider::default()),
        AgentKind::Goose => Box::new(goose::Goose),
        AgentKind::Choragen => Box::new(choragen::Choragen),
        AgentKind::Unknown => Box::new(generic::Generic),
    }
}
