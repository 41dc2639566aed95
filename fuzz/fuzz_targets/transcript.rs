//! Any bytes as the transcript of any agent: the first byte chooses the agent, the second the size of
//! the chunks.

#![no_main]

use git_session::agents::{AgentKind, Transcript, recognise};
use git_session::format::event;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [agent, n_chunk, bytes @ ..] = data else {
        return;
    };
    let kind = AgentKind::ALL[usize::from(*agent) % AgentKind::ALL.len()];
    let mut transcript = Transcript::new(kind);
    let mut events = Vec::new();
    for chunk in bytes.chunks(usize::from(*n_chunk) + 1) {
        transcript.push(chunk, &mut events);
    }
    transcript.finish(&mut events);
    assert!(transcript.offset() <= bytes.len() as u64);
    for (told, seq) in events.iter().zip(1..) {
        assert_eq!(told.seq, Some(seq));
        let src = told.src.expect("a place");
        assert!(src.offset + src.n_bytes <= bytes.len() as u64);
        let again = event::parse(event::to_line(told).as_bytes()).expect("an event");
        assert!(again == *told);
    }
    recognise(bytes, None);
});
