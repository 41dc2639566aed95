//! Workers: real processes, started, watched, stopped, lost and brought back.

#[path = "worker/harness.rs"]
mod harness;

#[path = "worker/authority.rs"]
mod authority;
#[path = "worker/detach.rs"]
mod detach;
#[path = "worker/hooks.rs"]
mod hooks;
#[cfg(target_os = "linux")]
#[path = "worker/kills.rs"]
mod kills;
#[cfg(target_os = "linux")]
#[path = "worker/left_behind.rs"]
mod left_behind;
#[path = "worker/limits.rs"]
mod limits;
#[path = "worker/loss.rs"]
mod loss;
#[cfg(target_os = "linux")]
#[path = "worker/many.rs"]
mod many;
#[path = "worker/place.rs"]
mod place;
#[path = "worker/run.rs"]
mod run;
#[path = "worker/stop.rs"]
mod stop;
#[cfg(target_os = "linux")]
#[path = "worker/terminal.rs"]
mod terminal;
#[cfg(target_os = "linux")]
#[path = "worker/truth.rs"]
mod truth;
#[path = "worker/watch.rs"]
mod watch;
