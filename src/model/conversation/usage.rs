use super::super::Tokens;

/// The tokens of one request to a language model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// The id of the answer that they were used for. Of several usages with one id, one counts: see
    /// [`Totals`](super::Totals).
    pub msg: Option<String>,
    /// The model that was asked.
    pub model: Option<String>,
    /// Fed, cache reads and writes not included.
    pub input: u64,
    /// Fed from the provider's cache.
    pub cache_read: u64,
    /// Written to the provider's cache, for however long.
    pub cache_write: u64,
    /// Of those, written for one hour.
    pub cache_write_1h: u64,
    /// Answered, reasoning included.
    pub output: u64,
    /// Of those, reasoning.
    pub reasoning: u64,
    /// What it cost, if the agent says so.
    pub cost: Option<Cost>,
    /// Whether the provider was still answering, so that `output` is a placeholder.
    pub is_partial: bool,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// How much, in whole units of the currency.
    pub amount: f64,
    /// The currency, such as `USD`.
    pub currency: String,
    /// Who says so, such as `agent`.
    pub source: Option<String>,
}

impl Usage {
    /// Returns the four counts that a session's record keeps.
    pub fn tokens(&self) -> Tokens {
        Tokens {
            input: self.input,
            output: self.output,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            ..Tokens::default()
        }
    }

    /// Returns everything that was fed, from the cache or not.
    pub fn fed(&self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write)
    }
}
