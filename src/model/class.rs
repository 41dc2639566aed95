use std::fmt;
use std::str::FromStr;

/// What kind of state a state of a lifecycle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Made, and not begun.
    Pending,
    /// Being worked on.
    Active,
    /// Put aside; the state it came from is remembered.
    Paused,
    /// Over, with an outcome.
    Ended,
}

impl Class {
    /// All classes, in the order in which a session usually meets them.
    pub const ALL: [Class; 4] = [Class::Pending, Class::Active, Class::Paused, Class::Ended];

    /// Returns the word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Pending => "pending",
            Class::Active => "active",
            Class::Paused => "paused",
            Class::Ended => "ended",
        }
    }

    /// Tells whether a session in such a state is still open, that is, not ended.
    pub fn is_open(self) -> bool {
        self != Class::Ended
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Class {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Class::ALL.into_iter().find(|class| class.as_str() == word).ok_or(())
    }
}
