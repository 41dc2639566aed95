use super::Part;
use super::field::Field;
use crate::ops::OpError;

/// Reads a format as literal bytes and fields.
pub(super) fn parts(text: &str) -> Result<Vec<Part>, OpError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((literal, directive)) = rest.split_once('%') {
        push_bytes(&mut parts, literal.as_bytes());
        rest = read_directive(directive, &mut parts)?;
    }
    push_bytes(&mut parts, rest.as_bytes());
    Ok(parts)
}

/// Reads what follows a percent sign, and returns what follows that.
fn read_directive<'a>(text: &'a str, parts: &mut Vec<Part>) -> Result<&'a str, OpError> {
    if let Some(rest) = text.strip_prefix('%') {
        push_bytes(parts, b"%");
        return Ok(rest);
    }
    if let Some(placeholder) = text.strip_prefix('(') {
        let (name, rest) = placeholder
            .split_once(')')
            .ok_or_else(|| malformed(format!("'%({placeholder}' has no closing parenthesis")))?;
        parts.push(Part::Field(Field::parse(name)?));
        return Ok(rest);
    }
    let byte = text.get(..2).filter(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit()));
    match byte.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
        Some(byte) => push_bytes(parts, &[byte]),
        None => return Err(no_placeholder(text)),
    }
    Ok(&text[2..])
}

fn no_placeholder(text: &str) -> OpError {
    let shown: String = text.chars().take(1).collect();
    malformed(format!("'%{shown}' is no placeholder (a percent sign is '%%', a line feed '%0a')"))
}

/// Returns the error that the format cannot be read for `reason`.
pub(super) fn malformed(reason: String) -> OpError {
    OpError::invalid("--format", reason)
}

fn push_bytes(parts: &mut Vec<Part>, bytes: &[u8]) {
    match parts.last_mut() {
        _ if bytes.is_empty() => {}
        Some(Part::Bytes(last)) => last.extend_from_slice(bytes),
        _ => parts.push(Part::Bytes(bytes.to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_named() {
        for (format, message) in [
            ("%(title", "invalid value for '--format': '%(title' has no closing parenthesis"),
            (
                "%n",
                "invalid value for '--format': '%n' is no placeholder (a percent sign is '%%', a \
                 line feed '%0a')",
            ),
            (
                "50%",
                "invalid value for '--format': '%' is no placeholder (a percent sign is '%%', a \
                 line feed '%0a')",
            ),
        ] {
            assert_eq!(parts(format).expect_err("malformed").to_string(), message);
        }
        for format in ["%0", "%é", "%0é", "%+1", "%(", "%实"] {
            assert!(parts(format).is_err(), "{format}");
        }
    }

    #[test]
    fn literal_bytes_are_one_part() {
        assert_eq!(parts("a%41%%b").expect("a format"), [Part::Bytes(b"aA%b".to_vec())]);
    }
}
