//! What comes in through files and standard input.

use std::io::Read;
use std::path::Path;

use super::CliError;
use super::app::App;
use crate::model::{Map, Value};
use crate::ops::OpError;

/// The largest JSON document that is read, in bytes.
const MAX_JSON: u64 = 1 << 20;

/// Reads a file, or standard input for `-`, of at most `max` bytes.
pub fn read(app: &App, path: &str, max: u64) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let result = if path == "-" {
        std::io::stdin().lock().take(max + 1).read_to_end(&mut bytes)
    } else {
        let path = app.dir().join(path);
        std::fs::File::open(&path).and_then(|file| file.take(max + 1).read_to_end(&mut bytes))
    };
    result.map_err(|error| CliError::Input { path: path.to_owned(), error })?;
    if bytes.len() as u64 > max {
        return Err(OpError::invalid(path, format!("larger than {max} bytes")).into());
    }
    Ok(bytes)
}

/// Reads a JSON object from a file or standard input.
pub fn read_json(app: &App, path: &str) -> Result<Map, CliError> {
    let bytes = read(app, path, MAX_JSON)?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(OpError::invalid("--input", "is not a JSON object").into()),
        Err(error) => Err(OpError::invalid("--input", format!("is not JSON: {error}")).into()),
    }
}

/// Reads text from a file or standard input.
pub fn read_text(app: &App, path: &str) -> Result<String, CliError> {
    let bytes = read(app, path, MAX_JSON)?;
    String::from_utf8(bytes).map_err(|_| OpError::invalid(path, "is not UTF-8 text").into())
}

/// Returns the name of a file without its directories.
pub fn file_name(path: &str) -> Option<String> {
    Some(Path::new(path).file_name()?.to_str()?.to_owned())
}
