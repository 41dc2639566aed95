//! The memory that a value would take, from its bytes, before it is made.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Shorter texts are not weighed: they cannot hold much.
const SMALL: usize = 1 << 20;
/// What a value takes beside its text, in bytes.
const NODE: usize = 128;

/// Checks that the first value of `bytes` takes no more memory than about twice its text.
///
/// # Errors
/// Says that it has too many values. What is no JSON is fine here.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() <= SMALL {
        return Ok(());
    }
    let mut n_left = SMALL / 4 + bytes.len() / NODE;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    match Weight(&mut n_left).deserialize(&mut deserializer) {
        Err(error) if error.is_data() => Err("too many values in one record".to_owned()),
        _ => Ok(()),
    }
}

/// Any value, of which nothing is kept but that it is there.
struct Weight<'a>(&'a mut usize);

impl<'de> DeserializeSeed<'de> for Weight<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        *self.0 = self.0.checked_sub(1).ok_or_else(|| D::Error::custom("too many"))?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Weight<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Weight(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(Weight(&mut *self.0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_fine_and_as_many_bytes_of_small_values_are_not() {
        let text = format!("{{\"a\":\"{}\"}}", "x".repeat(4 << 20));
        assert_eq!(check(text.as_bytes()), Ok(()));
        let many = format!("[{}0]", "0,".repeat(2 << 20));
        assert!(check(many.as_bytes()).is_err());
        assert_eq!(check(&many.as_bytes()[..1000]), Ok(()));
    }
}
