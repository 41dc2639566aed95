//! The words of fixed sets that events use.

use std::fmt;
use std::str::FromStr;

/// Defines an enum whose variants are words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// Returns the word that is stored and shown.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = ();

            fn from_str(word: &str) -> Result<Self, ()> {
                $name::ALL.iter().copied().find(|it| it.as_str() == word).ok_or(())
            }
        }
    };
}

words! {
    /// Who speaks.
    Role {
        /// The agent program's instructions.
        System = "system",
        /// Instructions between the program's and the user's.
        Developer = "developer",
        /// The person, or what speaks for one.
        User = "user",
        /// The language model.
        Assistant = "assistant",
        /// A tool, where its answer is a message.
        Tool = "tool",
    }
}

words! {
    /// What a tool does.
    ///
    /// Source: Agent Client Protocol v1, `ToolKind`.
    ToolKind {
        /// Reads files or data.
        Read = "read",
        /// Changes files.
        Edit = "edit",
        /// Removes files.
        Delete = "delete",
        /// Moves or renames files.
        Move = "move",
        /// Looks for something.
        Search = "search",
        /// Runs a command.
        Execute = "execute",
        /// Plans or reasons.
        Think = "think",
        /// Gets something from the network.
        Fetch = "fetch",
        /// Changes the mode of the agent.
        SwitchMode = "switch_mode",
        /// Something else.
        Other = "other",
    }
}

words! {
    /// Why a turn ended.
    ///
    /// Source: Agent Client Protocol v1, `StopReason`; the last two are ours.
    StopReason {
        /// The model was done.
        EndTurn = "end_turn",
        /// The model reached its limit of tokens.
        MaxTokens = "max_tokens",
        /// The agent reached its limit of requests.
        MaxTurnRequests = "max_turn_requests",
        /// The model refused.
        Refusal = "refusal",
        /// The person cancelled it.
        Cancelled = "cancelled",
        /// Something else cut it off.
        Interrupted = "interrupted",
        /// It failed.
        Error = "error",
    }
}

words! {
    /// What was done to a file.
    FileOp {
        /// It was made.
        Create = "create",
        /// It was changed.
        Edit = "edit",
        /// It was removed.
        Delete = "delete",
        /// It was read.
        Read = "read",
    }
}

words! {
    /// What a link leads to.
    LinkKind {
        /// A commit, by its id.
        Commit = "commit",
        /// A pull request.
        Pr = "pr",
        /// An issue.
        Issue = "issue",
        /// A product requirements document.
        Prd = "prd",
        /// Any other address.
        Url = "url",
    }
}

words! {
    /// What is told of a compaction of the conversation.
    Phase {
        /// That it happened here.
        Boundary = "boundary",
        /// What the model goes on with.
        Summary = "summary",
    }
}
