//! What the command line gives to use cases, for who calls them without it.

use std::path::Path;
use std::time::{Instant, SystemTime};

use git_session::model::{Identity, Map, Timestamp};
use git_session::ops::Context;
use git_session::ops::hook::Hooks;
use git_session::store::OpenRequest;

/// Returns the world of a command of Ada's, who has no hooks; the time and the operation are always the same.
pub fn context() -> Context {
    let who = Identity { name: "Ada".into(), email: "ada@example.com".into() };
    Context {
        now: Timestamp::from_seconds(1_767_790_800).expect("in range"),
        author: who.clone(),
        committer: who,
        agent: None,
        op: "00000000-0000-4000-8000-000000000001".into(),
        op_is_given: false,
        session_name: None,
        settings_at: None,
        caller: None,
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

/// Returns how another process would open the repository at `dir`: nobody waits for the disk.
#[expect(clippy::disallowed_methods, reason = "the clock is met here")]
pub fn request(dir: &Path) -> OpenRequest {
    OpenRequest {
        dir: dir.to_owned(),
        config: vec!["session.durability=git".into()],
        ignores_environment: true,
        work_dir: None,
        read_only: None,
        token: format!("{} {:?}", std::process::id(), Instant::now()),
        new_key: || [7; 32],
        started_at: SystemTime::now(),
    }
}
