use std::fmt;
use std::str::FromStr;

/// How an ended session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// The work was done.
    Success,
    /// The work was tried and could not be done.
    Failure,
    /// The work was stopped before it was done.
    Interrupted,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Outcome; 3] = [Outcome::Success, Outcome::Failure, Outcome::Interrupted];

    /// Returns the word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Outcome {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word).ok_or(())
    }
}
