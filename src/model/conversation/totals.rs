use std::collections::HashMap;

use super::{Event, Payload, Usage};

/// The sum of the tokens of a stream of events, each request counted once.
///
/// - An event that was copied from elsewhere does not count.
/// - An event that was replaced does not count.
/// - Of several usages with the same `msg`, the one with the largest output counts; of equal ones
///   the last. One of the main thread goes before one of a sub-agent.
///
/// Source: agents write a usage for each part of an answer, each with the counts so far.
#[derive(Debug, Default)]
pub struct Totals {
    entries: Vec<Option<Entry>>,
    by_seq: HashMap<u64, usize>,
    by_msg: HashMap<String, usize>,
}

#[derive(Debug)]
struct Entry {
    seq: Option<u64>,
    usage: Usage,
    is_main: bool,
}

impl Entry {
    /// Returns what a later usage of the same answer needs to know of it.
    fn to_event(&self) -> Event {
        let thread = (!self.is_main).then(|| "side".to_owned());
        let Usage { input, cache_read, cache_write, output, .. } = self.usage;
        let msg = self.usage.msg.clone();
        let usage = Usage { msg, input, cache_read, cache_write, output, ..Usage::default() };
        Event { seq: self.seq, thread, ..Event::new(usage) }
    }
}

impl Totals {
    /// Takes an event into account. The events of a stream come in their order.
    pub fn add(&mut self, event: &Event) {
        for seq in &event.replaces {
            let idx = self.by_seq.remove(seq);
            if let Some(entry) = idx.and_then(|idx| self.entries.get_mut(idx)) {
                entry.take_if(|it| it.seq == Some(*seq));
            }
        }
        let Payload::Usage(usage) = &event.payload else {
            return;
        };
        if event.copied {
            return;
        }
        let is_main = event.thread.is_none();
        let entry = Entry { seq: event.seq, usage: usage.clone(), is_main };
        let idx = self.place(entry);
        if let (Some(seq), Some(idx)) = (event.seq, idx) {
            self.by_seq.insert(seq, idx);
        }
    }

    /// Puts an entry where it counts; `None` if another one counts in its place.
    fn place(&mut self, entry: Entry) -> Option<usize> {
        let msg = entry.usage.msg.clone();
        let known = msg.as_ref().and_then(|msg| self.by_msg.get(msg).copied());
        if let Some(idx) = known {
            let goes_before = |old: &Entry| {
                let rank = |it: &Entry| (it.is_main, it.usage.output);
                rank(&entry) >= rank(old)
            };
            let takes = self.entries[idx].as_ref().is_none_or(goes_before);
            if takes {
                self.entries[idx] = Some(entry);
            }
            return takes.then_some(idx);
        }
        self.entries.push(Some(entry));
        let idx = self.entries.len() - 1;
        if let Some(msg) = msg {
            self.by_msg.insert(msg, idx);
        }
        Some(idx)
    }

    /// Returns the newest usages that count and of whose answers more may be told, at most `n`, in order.
    pub fn newest(&self, n: usize) -> Vec<Event> {
        let counted = self.entries.iter().flatten().filter(|entry| entry.usage.msg.is_some());
        let newest: Vec<&Entry> = counted.rev().take(n).collect();
        newest.into_iter().rev().map(Entry::to_event).collect()
    }

    /// Returns the number of requests that count.
    pub fn n_requests(&self) -> usize {
        self.entries.iter().flatten().count()
    }

    /// Returns the sum of the counts, without a cost.
    pub fn sum(&self) -> Usage {
        let counted = self.entries.iter().flatten().map(|entry| &entry.usage);
        counted.fold(Usage::default(), |sum, it| Usage {
            input: sum.input.saturating_add(it.input),
            cache_read: sum.cache_read.saturating_add(it.cache_read),
            cache_write: sum.cache_write.saturating_add(it.cache_write),
            cache_write_1h: sum.cache_write_1h.saturating_add(it.cache_write_1h),
            output: sum.output.saturating_add(it.output),
            reasoning: sum.reasoning.saturating_add(it.reasoning),
            ..Usage::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(seq: u64, msg: Option<&str>, output: u64) -> Event {
        let usage = Usage { msg: msg.map(str::to_owned), input: 10, output, ..Usage::default() };
        Event { seq: Some(seq), ..Event::new(usage) }
    }

    fn sum(events: &[Event]) -> (u64, u64) {
        let mut totals = Totals::default();
        events.iter().for_each(|event| totals.add(event));
        let sum = totals.sum();
        (sum.input, sum.output)
    }

    #[test]
    fn usages_of_one_answer_count_once_with_the_largest_output() {
        let events = [usage(1, Some("a"), 1), usage(2, Some("a"), 7), usage(3, Some("a"), 5)];
        assert_eq!(sum(&events), (10, 7));
        assert_eq!(sum(&[usage(1, None, 1), usage(2, None, 7)]), (20, 8));
    }

    #[test]
    fn a_copied_usage_and_a_replaced_one_do_not_count() {
        let copied = Event { copied: true, ..usage(1, Some("a"), 9) };
        let corrected = Event { replaces: vec![2], ..usage(3, Some("b"), 2) };
        assert_eq!(sum(&[copied, usage(2, Some("b"), 5), corrected]), (10, 2));
    }

    #[test]
    fn the_main_thread_goes_before_a_copy_of_a_sub_agent() {
        let side = Event { thread: Some("x".to_owned()), ..usage(2, Some("a"), 9) };
        assert_eq!(sum(&[usage(1, Some("a"), 4), side.clone()]), (10, 4));
        assert_eq!(sum(&[side, usage(1, Some("a"), 4)]), (10, 4));
    }

    #[test]
    fn counts_never_wrap() {
        let mut large = usage(1, None, u64::MAX);
        large.seq = None;
        assert_eq!(sum(&[large.clone(), large]), (20, u64::MAX));
    }
}
