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
    event: Event,
    is_passed: bool,
    is_given_up: bool,
}

/// The most calls that are remembered.
const MAX: usize = 256;

impl OpenCalls {
    /// Says a call that waits for its output.
    pub(super) fn say(&mut self, call: ToolCall, base: &mut Event, out: &mut Out<'_>) {
        let event = Event { payload: call.clone().into(), ..base.clone() };
        let seq = out.say(base, call);
        if self.0.len() == MAX {
            self.0.remove(0);
        }
        let event = Event { seq: Some(seq), ..event };
        self.0.push(OpenCall { event, is_passed: false, is_given_up: false });
    }

    /// Notes that a call has its output; one that was given up is said again.
    pub(super) fn answer(&mut self, id: &str, out: &mut Out<'_>) {
        let is_it =
            |it: &OpenCall| matches!(&it.event.payload, Payload::ToolCall(call) if call.call == id);
        let Some(idx) = self.0.iter().position(is_it) else {
            return;
        };
        let open = self.0.remove(idx);
        if open.is_given_up {
            out.push(open.event);
        }
    }

    /// Notes that the model went on.
    pub(super) fn pass(&mut self) {
        self.0.iter_mut().for_each(|it| it.is_passed = true);
    }

    /// Takes back the calls that the model talked past.
    pub(super) fn give_up(&mut self, out: &mut Out<'_>) {
        for open in self.0.iter_mut().filter(|it| it.is_passed && !it.is_given_up) {
            open.is_given_up = true;
            let reason = "the call has no output, and did not run".to_owned();
            let skip = Event::new(Payload::Skip(reason));
            out.push(Event { replaces: open.event.seq.into_iter().collect(), ..skip });
        }
    }
}
