use crate::agents::out::Out;
use crate::model::conversation::{Event, Payload, ToolCall};

/// The calls that have no output.
///
/// Codex asks the model again only when each call has an output. So a call that the model talked past
/// did not run; one that is open where the transcript ends may still.
#[derive(Debug, Default)]
pub(super) struct OpenCalls(Vec<OpenCall>);

#[derive(Debug)]
struct OpenCall {
    id: String,
    seq: u64,
    is_passed: bool,
}

/// The most calls that are remembered.
const MAX: usize = 256;

impl OpenCalls {
    /// Says a call that waits for its output.
    pub(super) fn say(&mut self, call: ToolCall, base: &mut Event, out: &mut Out<'_>) {
        let id = call.call.clone();
        let seq = out.say(base, call);
        if self.0.len() == MAX {
            self.0.remove(0);
        }
        self.0.push(OpenCall { id, seq, is_passed: false });
    }

    /// Notes that a call has its output.
    pub(super) fn answer(&mut self, id: &str) {
        self.0.retain(|it| it.id != id);
    }

    /// Notes that the model went on.
    pub(super) fn pass(&mut self) {
        self.0.iter_mut().for_each(|it| it.is_passed = true);
    }

    /// Takes back the calls that the model talked past: the turn is over.
    pub(super) fn give_up(&mut self, out: &mut Out<'_>) {
        let all = std::mem::take(&mut self.0).into_iter();
        let (passed, open): (Vec<OpenCall>, _) = all.partition(|it| it.is_passed);
        self.0 = open;
        for call in passed {
            let skip = Payload::Skip("the call has no output, and did not run".to_owned());
            out.push(Event { replaces: vec![call.seq], ..Event::new(skip) });
        }
    }
}
