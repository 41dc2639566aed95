//! Finds any of several hundred words in one pass, so that no rule is asked about a text without one of
//! its words.

/// Bits of the table that says which three letters begin a word.
const GATE_BITS: u32 = 15;
/// The shortest word that can be looked for, in bytes.
pub(super) const MIN_WORD: usize = 3;

/// Who wants to know that a word was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A built-in rule.
    Builtin(usize),
    /// A rule of the repository.
    Extra(usize),
    /// A word that ends the name of a secret.
    Name,
    /// An exact value.
    Exact,
    /// The home directory.
    Home,
    /// What a redaction left.
    Marker,
}

#[derive(Debug, Clone)]
struct Word {
    slot: u32,
    text: Vec<u8>,
    ignores_case: bool,
    target: Target,
}

impl Word {
    fn is_at(&self, text: &[u8]) -> bool {
        let Some(there) = text.get(..self.text.len()) else { return false };
        if self.ignores_case { there.eq_ignore_ascii_case(&self.text) } else { there == self.text }
    }
}

/// Words, and who wants to know of each.
///
/// A table of bits, by the first three letters without their case, says for most places of a text that no
/// word begins there. It is made in microseconds and stays in the nearest cache.
#[derive(Debug, Clone)]
pub(super) struct Index {
    gate: Vec<u64>,
    words: Vec<Word>,
}

impl Index {
    /// Makes an index of words (each at least [`MIN_WORD`] bytes), whether their case counts, and targets.
    pub(super) fn new<'w>(words: impl Iterator<Item = (&'w [u8], bool, Target)>) -> Index {
        let mut gate = vec![0; 1 << (GATE_BITS - 6)];
        let mut all = Vec::new();
        for (text, ignores_case, target) in words {
            let Some(slot) = slot(text) else { continue };
            gate[slot as usize / 64] |= 1 << (slot % 64);
            all.push(Word { slot, text: text.to_vec(), ignores_case, target });
        }
        all.sort_by_key(|word| word.slot);
        Index { gate, words: all }
    }

    /// Calls `met` with the place, the length and the target of each word in `text`, from left to right.
    pub(super) fn each(&self, text: &[u8], mut met: impl FnMut(usize, usize, Target)) {
        for at in 0..text.len().saturating_sub(MIN_WORD - 1) {
            let rest = &text[at..];
            let slot = slot_of(rest[0], rest[1], rest[2]);
            if self.gate[slot as usize / 64] & (1 << (slot % 64)) != 0 {
                self.words_at(slot, rest, &mut |n, target| met(at, n, target));
            }
        }
    }

    #[cold]
    fn words_at(&self, slot: u32, rest: &[u8], met: &mut impl FnMut(usize, Target)) {
        let from = self.words.partition_point(|word| word.slot < slot);
        let words = self.words[from..].iter().take_while(|word| word.slot == slot);
        words.filter(|word| word.is_at(rest)).for_each(|word| met(word.text.len(), word.target));
    }
}

fn slot(text: &[u8]) -> Option<u32> {
    match text {
        [a, b, c, ..] => Some(slot_of(*a, *b, *c)),
        _ => None,
    }
}

#[inline]
fn slot_of(a: u8, b: u8, c: u8) -> u32 {
    let letters = u32::from(a | 0x20) << 16 | u32::from(b | 0x20) << 8 | u32::from(c | 0x20);
    letters.wrapping_mul(0x9e37_79b1) >> (32 - GATE_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_met_where_it_stands() {
        let words: [(&[u8], bool, Target); 3] = [
            (b"ghp_", false, Target::Builtin(1)),
            (b"token", true, Target::Name),
            (b"ghp", false, Target::Builtin(2)),
        ];
        let index = Index::new(words.into_iter());
        let mut met = Vec::new();
        index.each(b"TOKEN ghp_ GHP_ to", |at, _, target| met.push((at, target)));
        met.sort_by_key(|(at, target)| (*at, *target == Target::Builtin(2)));
        let expected = [(0, Target::Name), (6, Target::Builtin(1)), (6, Target::Builtin(2))];
        assert_eq!(met, expected);
        index.each(b"gh", |_, _, _| panic!("too short for a word"));
    }
}
