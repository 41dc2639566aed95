//! What makes one object of another, in the words of git's packs.
//!
//! Source: gitformat-pack(5), "Deltified representation".

/// The largest object that is compared, in bytes: a place in it, and a length, have two bytes.
pub(super) const MAX_BYTES: usize = 0xffff;
/// So many bytes that are the same are found anywhere.
const N_ANYWHERE: usize = 8;
/// So many are enough where the last copy would go on if it had not been for some changed bytes.
const N_ALIGNED: usize = 5;
/// The most bytes that one instruction inserts.
const MAX_INSERT: usize = 0x7f;

/// An object that others may be made of.
pub(super) struct Base {
    data: Vec<u8>,
    /// For each hash of [`N_ANYWHERE`] bytes, one more than the first place where such bytes begin; 0 if there is none.
    places: Vec<u16>,
}

impl Base {
    /// Takes an object of at most [`MAX_BYTES`].
    pub(super) fn new(data: Vec<u8>) -> Base {
        let mut places = vec![0; data.len().next_power_of_two().max(16)];
        for (at, bytes) in data.windows(N_ANYWHERE).enumerate() {
            let slot = slot(bytes, places.len());
            if places[slot] == 0 {
                places[slot] = at as u16 + 1;
            }
        }
        Base { data, places }
    }

    /// Returns the delta that makes `target`, of at most [`MAX_BYTES`], of this object.
    pub(super) fn delta_to(&self, target: &[u8]) -> Vec<u8> {
        let mut delta = Vec::with_capacity(64);
        append_size(&mut delta, self.data.len());
        append_size(&mut delta, target.len());
        // The target up to here is told; then up to `at` it is to be inserted.
        let (mut told, mut at, mut expected) = (0, 0, 0);
        while at < target.len() {
            let Some((from, n)) = self.find(&target[at..], expected) else {
                (at, expected) = (at + 1, expected + 1);
                continue;
            };
            let n_before = n_equal_at_end(&self.data[..from], &target[told..at]);
            append_inserts(&mut delta, &target[told..at - n_before]);
            append_copy(&mut delta, from - n_before, n + n_before);
            (told, at, expected) = (at + n, at + n, from + n);
        }
        append_inserts(&mut delta, &target[told..]);
        delta
    }

    /// Finds the beginning of `rest` in the object: where, and how many bytes of it.
    fn find(&self, rest: &[u8], expected: usize) -> Option<(usize, usize)> {
        let n_at = |from: usize| self.data.get(from..).map_or(0, |data| n_equal(data, rest));
        let aligned = (expected, n_at(expected));
        let anywhere = rest.get(..N_ANYWHERE).and_then(|bytes| {
            let from = usize::from(self.places[slot(bytes, self.places.len())].checked_sub(1)?);
            Some((from, n_at(from))).filter(|(_, n)| *n >= N_ANYWHERE)
        });
        let aligned = Some(aligned).filter(|(_, n)| *n >= N_ALIGNED);
        [aligned, anywhere].into_iter().flatten().max_by_key(|(_, n)| *n)
    }
}

fn slot(bytes: &[u8], n_slots: usize) -> usize {
    let number = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    // Source: D. Knuth, The Art of Computer Programming, volume 3, 6.4, multiplicative hashing.
    let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> (u64::BITS - n_slots.trailing_zeros())) as usize
}

fn n_equal(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn n_equal_at_end(a: &[u8], b: &[u8]) -> usize {
    a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}

fn append_size(delta: &mut Vec<u8>, mut size: usize) {
    while size >= 0x80 {
        delta.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    delta.push(size as u8);
}

fn append_inserts(delta: &mut Vec<u8>, bytes: &[u8]) {
    for part in bytes.chunks(MAX_INSERT) {
        delta.push(part.len() as u8);
        delta.extend_from_slice(part);
    }
}

/// Appends an instruction to copy: only bytes of the place and of the length that are not zero are written.
fn append_copy(delta: &mut Vec<u8>, from: usize, n_bytes: usize) {
    let instruction = delta.len();
    delta.push(0x80);
    let numbers = [from, from >> 8].into_iter().zip([0x01, 0x02]);
    for (byte, bit) in numbers.chain([n_bytes, n_bytes >> 8].into_iter().zip([0x10, 0x20])) {
        if byte & 0xff != 0 {
            delta[instruction] |= bit;
            delta.push((byte & 0xff) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Carries out a delta as git does.
    fn apply(base: &[u8], delta: &[u8]) -> Vec<u8> {
        let mut bytes = delta.iter().copied().peekable();
        let mut size = || {
            let (mut size, mut shift) = (0, 0);
            for byte in bytes.by_ref() {
                size |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
            size
        };
        assert_eq!(size(), base.len());
        let n_target = size();
        let mut target = Vec::new();
        while let Some(instruction) = bytes.next() {
            if instruction < 0x80 {
                assert_ne!(instruction, 0);
                target.extend(bytes.by_ref().take(instruction.into()));
                continue;
            }
            let mut number = |bits: [u8; 3]| {
                let byte =
                    |bit| if instruction & bit == 0 { 0 } else { bytes.next().expect("a byte") };
                bits.map(byte).iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
            };
            let (from, n) = (number([0x01, 0x02, 0x04]), number([0x10, 0x20, 0x40]));
            target.extend_from_slice(&base[from..][..n]);
        }
        assert_eq!(target.len(), n_target);
        target
    }

    #[test]
    fn a_delta_makes_the_target_of_the_base() {
        let text = |seq: usize| {
            let lines = (0..40).map(|at| format!("key_{at}: {}\n", at * (1 + seq % 3)));
            format!("version: 1\nseq: {seq}\n{}", lines.collect::<String>()).into_bytes()
        };
        let long: Vec<u8> = (0..MAX_BYTES as u32).flat_map(|n| (n * n).to_le_bytes()).collect();
        let long = &long[..MAX_BYTES];
        let moved = [&long[30_000..], b"in between", &long[..30_000]].concat();
        let objects: Vec<Vec<u8>> = vec![
            Vec::new(),
            b"x".to_vec(),
            b"eight by".to_vec(),
            text(1),
            text(2),
            text(12),
            vec![0; 70],
            vec![0; MAX_BYTES],
            long.to_vec(),
            moved[..MAX_BYTES].to_vec(),
        ];
        for base in &objects {
            for target in &objects {
                let delta = Base::new(base.clone()).delta_to(target);
                assert!(apply(base, &delta) == *target, "{} {}", base.len(), target.len());
            }
        }
    }

    #[test]
    fn what_is_the_same_is_not_said_again() {
        let before =
            b"seq: 8\nstatus: running\nupdated_at: \"2026-01-07T13:02:57.119275Z\"\nname: x\n";
        let after =
            b"seq: 9\nstatus: running\nupdated_at: \"2026-01-07T13:05:57.119275Z\"\nname: x\n";
        let delta = Base::new(before.to_vec()).delta_to(after);
        assert!(delta.len() <= 18, "{} bytes", delta.len());
        let tree = [&b"100644 session.yaml\0"[..], &[7; 20]].concat();
        let other = [&b"100644 session.yaml\0"[..], &[9; 20]].concat();
        let delta = Base::new(tree).delta_to(&other);
        assert_eq!(delta.len(), 2 + 2 + 21, "two sizes, a copy, and an id");
    }
}
