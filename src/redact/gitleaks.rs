//! Rules as gitleaks has them: `[[rules]]` with `id`, `regex`, `keywords`, `entropy`, `secretGroup` and
//! allow-lists. What concerns paths and commits means nothing here and is passed over.

use std::sync::OnceLock;

use toml::{Table, Value};

use super::index::MIN_WORD;
use super::rules::{Allowed, ExtraRule, RuleError, compile};

/// Reads a `gitleaks.toml`.
pub(super) fn parse(text: &str) -> Result<(Vec<ExtraRule>, Allowed), RuleError> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        RuleError::Syntax(error.to_string().lines().collect::<Vec<_>>().join(" "))
    })?;
    let mut rules = Vec::new();
    for rule in tables(&table, "rules") {
        rules.extend(self::rule(rule)?);
    }
    let allowed =
        allowed(&table).map_err(|reason| RuleError::Syntax(format!("allowlist: {reason}")))?;
    Ok((rules, allowed))
}

/// Reads a rule; `None` for one that judges paths only.
fn rule(table: &Table) -> Result<Option<ExtraRule>, RuleError> {
    let id = text(table, "id").unwrap_or_default();
    let refuse = |reason: String| RuleError::Rule { id: id.to_owned(), reason };
    if id.is_empty() {
        return Err(refuse("has no id".into()));
    }
    let Some(pattern) = text(table, "regex") else {
        let only_paths = table.contains_key("path");
        return if only_paths { Ok(None) } else { Err(refuse("has no regex".into())) };
    };
    check(pattern).map_err(refuse)?;
    let group = match table.get("secretGroup") {
        None => None,
        Some(group) => {
            let group = group.as_integer().and_then(|group| usize::try_from(group).ok());
            Some(group.ok_or_else(|| refuse("secretGroup is no number of a group".into()))?)
        }
    };
    let keywords = words(table, "keywords").map_err(refuse)?;
    let min_entropy = match table.get("entropy") {
        None => 0.0,
        Some(Value::Integer(entropy)) => *entropy as f64,
        Some(entropy) => entropy.as_float().ok_or_else(|| refuse("entropy is no number".into()))?,
    };
    Ok(Some(ExtraRule {
        kind: kind(id),
        // One that is too short to be looked for would hide the others.
        keywords: if keywords.iter().all(|it| it.len() >= MIN_WORD) {
            keywords
        } else {
            Vec::new()
        },
        pattern: pattern.to_owned(),
        group,
        min_entropy,
        allowed: allowed(table).map_err(refuse)?,
        compiled: OnceLock::new(),
    }))
}

/// Returns an id as a marker can have it.
fn kind(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    id.chars().map(plain).take(64).collect()
}

/// Reads `allowlist` or `allowlists`.
fn allowed(table: &Table) -> Result<Allowed, String> {
    let mut all = Allowed::default();
    for list in tables(table, "allowlists").chain(tables(table, "allowlist")) {
        for pattern in words(list, "regexes")? {
            all.patterns.push(compile(&pattern).map_err(|error| one_line(&error))?);
        }
        all.stop_words
            .extend(words(list, "stopwords")?.into_iter().map(|word| word.to_lowercase()));
    }
    all.stop_words.retain(|word| !word.is_empty());
    Ok(all)
}

/// Checks that a pattern is one, without the cost of compiling it.
fn check(pattern: &str) -> Result<(), String> {
    let parse = |is_unicode| {
        let mut parser = regex_syntax::ParserBuilder::new().unicode(is_unicode).utf8(false).build();
        parser.parse(pattern).map(|_| ()).map_err(|error| one_line(&error))
    };
    parse(false).or_else(|_| parse(true))
}

fn one_line(error: &impl ToString) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the table, or the tables, under `key`.
fn tables<'t>(table: &'t Table, key: &str) -> impl Iterator<Item = &'t Table> {
    let value = table.get(key);
    let one = value.and_then(Value::as_table).into_iter();
    let many = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table);
    one.chain(many)
}

fn text<'t>(table: &'t Table, key: &str) -> Option<&'t str> {
    table.get(key)?.as_str()
}

fn words(table: &Table, key: &str) -> Result<Vec<String>, String> {
    let Some(value) = table.get(key) else { return Ok(Vec::new()) };
    let words = value.as_array().map(|list| list.iter().map(Value::as_str));
    let words = words.and_then(Iterator::collect::<Option<Vec<&str>>>);
    let words = words.ok_or_else(|| format!("{key} is no list of texts"))?;
    Ok(words.into_iter().map(str::to_owned).collect())
}
