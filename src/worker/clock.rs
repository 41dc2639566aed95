//! A clock that ends the process, as its own thread would, at a tenth of the cost.

use std::time::Duration;

/// Lets the process end after `max_time` with status 0, whatever it does then; `None` if it will not. What it has not
/// written until then is lost.
#[cfg(target_os = "linux")]
pub fn end_after(max_time: Duration) -> Option<Timer> {
    linux::end_after(max_time).map(Timer)
}

/// The system has no such clock.
#[cfg(not(target_os = "linux"))]
pub fn end_after(_max_time: Duration) -> Option<Timer> {
    None
}

/// A clock that runs, also when nobody has it any more.
#[derive(Debug)]
pub struct Timer(
    #[cfg(target_os = "linux")] std::mem::ManuallyDrop<nix::sys::timer::Timer>,
    #[cfg(not(target_os = "linux"))] std::convert::Infallible,
);

impl Timer {
    /// Stops it: the process lives on.
    pub fn stop(self) {
        #[cfg(target_os = "linux")]
        drop(std::mem::ManuallyDrop::into_inner(self.0));
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::mem::ManuallyDrop;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use nix::sys::signal::{SigEvent, SigSet, SigevNotify, Signal};
    use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
    use nix::time::ClockId;
    use signal_hook::flag::register_conditional_shutdown;

    pub(super) fn end_after(max_time: Duration) -> Option<ManuallyDrop<Timer>> {
        let signal = Signal::SIGALRM;
        let always = Arc::new(AtomicBool::new(true));
        register_conditional_shutdown(signal as i32, 0, always).ok()?;
        // Whoever started us may not have wanted to hear it.
        [signal].into_iter().collect::<SigSet>().thread_unblock().ok()?;
        let notify = SigevNotify::SigevSignal { signal, si_value: 0 };
        let mut timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(notify)).ok()?;
        // A timer that is set to nothing is none.
        let expiration = Expiration::OneShot(max_time.max(Duration::from_nanos(1)).into());
        timer.set(expiration, TimerSetTimeFlags::empty()).ok()?;
        // It would stop with its value.
        Some(ManuallyDrop::new(timer))
    }
}
