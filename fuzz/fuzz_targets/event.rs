//! Any bytes as a recorded event.

#![no_main]

use git_session::format::event;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(told) = event::parse(data) {
        let line = event::to_line(&told);
        assert!(!line.contains('\n'));
        let again = event::parse(line.as_bytes()).expect("what was written can be read");
        assert_eq!(event::to_line(&again), line);
    }
});
