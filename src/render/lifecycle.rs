//! A lifecycle, for people: one line a state.

use std::io::{self, Write};

use crate::lifecycle::Lifecycle;
use crate::model::Class;

/// Writes which states there are, and which may follow which.
///
/// # Errors
/// As `out` fails.
pub fn show(out: &mut dyn Write, lifecycle: &Lifecycle) -> io::Result<()> {
    writeln!(out, "lifecycle {}", lifecycle.name())?;
    let longest = lifecycle.states().iter().map(|state| state.name.len()).max().unwrap_or_default();
    for state in lifecycle.states() {
        let mark = if state.name == lifecycle.initial() { '>' } else { ' ' };
        let follows = match (state.class, state.outcome) {
            (Class::Ended, Some(outcome)) => format!("({outcome})"),
            (Class::Ended, None) => "(final)".to_owned(),
            _ => format!("-> {}", state.to.join(", ")),
        };
        writeln!(out, "{mark} {:longest$}  {:7}  {follows}", state.name, state.class)?;
    }
    if !lifecycle.phases().is_empty() {
        writeln!(out, "phases {}", lifecycle.phases().join(", "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::builtin;

    #[test]
    fn a_lifecycle_is_shown_one_state_a_line() {
        let mut out = Vec::new();
        show(&mut out, builtin("worker").expect("built in")).expect("memory");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(
            text,
            "lifecycle worker\n\
             > pending     pending  -> running, terminated\n\
             \x20 running     active   -> suspended, terminated\n\
             \x20 suspended   paused   -> running, terminated\n\
             \x20 terminated  ended    (final)\n"
        );
    }
}
