//! Places of secrets in a text.

/// What a rule is worth where two find the same: the more specific first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// A format that a provider documents.
    Format,
    /// A value that is known to be secret.
    Exact,
    /// What is said to be secret by its name.
    Named,
    /// The home directory: no secret, but nobody's business.
    Home,
}

/// A part of a text that is not to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span<'r> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: &'r str,
    pub(super) rank: Rank,
}

impl Span<'_> {
    /// Returns the same `by` bytes further on.
    pub(super) fn moved(self, by: usize) -> Self {
        Span { start: self.start + by, end: self.end + by, ..self }
    }

    /// Tells whether the two have a byte in common.
    pub(super) fn meets(&self, start: usize, end: usize) -> bool {
        self.start < end && start < self.end
    }
}

/// Sorts spans and makes one of those that overlap; the kind is the most specific one's.
pub(super) fn merge(spans: &mut Vec<Span<'_>>) {
    spans.retain(|span| span.start < span.end);
    spans.sort_by_key(|span| (span.start, span.rank, span.end));
    spans.dedup_by(|next, kept| {
        let overlap = next.start < kept.end;
        if overlap {
            if next.rank < kept.rank {
                (kept.kind, kept.rank) = (next.kind, next.rank);
            }
            kept.end = kept.end.max(next.end);
        }
        overlap
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_spans_become_one_of_the_most_specific_kind() {
        let span = |start, end, kind, rank| Span { start, end, kind, rank };
        let mut spans = vec![
            span(9, 12, "token", Rank::Named),
            span(2, 6, "password", Rank::Named),
            span(4, 8, "github-token", Rank::Format),
            span(8, 9, "home", Rank::Home),
        ];
        merge(&mut spans);
        let found: Vec<_> = spans.iter().map(|it| (it.start, it.end, it.kind)).collect();
        assert_eq!(found, [(2, 8, "github-token"), (8, 9, "home"), (9, 12, "token")]);
    }
}
