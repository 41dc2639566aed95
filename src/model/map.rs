/// A value of an open map: the JSON data model, since that is what callers send and read.
///
/// The model borrows the type, and only the type, from `serde_json` (ARCHITECTURE.md, D-003).
pub type Value = serde_json::Value;

/// An open map (statistics, configuration, links): known keys have meanings, unknown ones are kept,
/// and the order of the keys is kept too.
pub type Map = serde_json::Map<String, Value>;
