//! Any bytes as what a commit of a session holds: the first byte chooses between the record, the lifecycle
//! and the YAML in front of both.

#![no_main]

use git_session::format::{lifecycle_yaml, record, yaml};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [which, bytes @ ..] = data else {
        return;
    };
    match which % 3 {
        0 => session(bytes),
        1 => lifecycle(bytes),
        _ => map(bytes),
    }
});

fn session(bytes: &[u8]) {
    let Ok(session) = record::parse(bytes) else {
        return;
    };
    // What was just below the limit may be above it when it is written.
    if let Ok(text) = record::to_yaml(&session) {
        let again = record::parse(text.as_bytes()).expect("what was written can be read");
        assert!(again == session, "{text}");
        assert_eq!(record::to_yaml(&again).expect("again"), text);
    }
}

fn lifecycle(bytes: &[u8]) {
    let Ok((lifecycle, _)) = lifecycle_yaml::parse(bytes) else {
        return;
    };
    let text = lifecycle_yaml::to_yaml(&lifecycle);
    let (again, _) = lifecycle_yaml::parse(text.as_bytes()).expect("what was written can be read");
    assert_eq!(lifecycle_yaml::to_yaml(&again), text);
}

fn map(bytes: &[u8]) {
    let Ok(map) = yaml::parse_map(bytes) else {
        return;
    };
    let text = yaml::write_map(&map);
    if let Ok(again) = yaml::parse_map(text.as_bytes()) {
        assert_eq!(again, map, "{text}");
    }
}
