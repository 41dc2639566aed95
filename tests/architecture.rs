//! The floors of the house and their directions, as ARCHITECTURE.md has them, read from the source.
//!
//! Test modules are not looked at: a test may take what it needs from anywhere.

use std::fs;
use std::path::{Path, PathBuf};

/// Each floor, and the floors that it may name.
const FLOORS: [(&str, &[&str]); 11] = [
    ("model", &[]),
    ("lifecycle", &["model"]),
    ("format", &["model", "lifecycle"]),
    ("store", &["model"]),
    ("worker", &["model"]),
    ("redact", &["model"]),
    ("agents", &["model"]),
    ("cache", &["model", "format", "store"]),
    ("ops", &["model", "lifecycle", "format", "store", "worker", "redact", "agents", "cache"]),
    (
        "render",
        &["model", "lifecycle", "format", "store", "worker", "redact", "agents", "cache", "ops"],
    ),
    (
        "cli",
        &[
            "model",
            "lifecycle",
            "format",
            "store",
            "worker",
            "redact",
            "agents",
            "cache",
            "ops",
            "render",
        ],
    ),
];

/// What may be named in some places only. `serde_json` is beyond `format` where its value is the data
/// itself (D-003): the type in `model::map`, a number in `ops::counter`, JSON on its way out and in.
const PLACES: [(&str, &[&str]); 21] = [
    ("gix", &["store/"]),
    ("imara_diff", &["store/patch.rs"]),
    ("rustix", &["store/", "worker/"]),
    ("nix", &["worker/"]),
    ("signal_hook", &["worker/"]),
    ("clap", &["cli/"]),
    ("clap_complete", &["cli/"]),
    ("clap_mangen", &["cli/"]),
    ("serde", &["format/", "agents/", "render/json", "cli/app.rs"]),
    ("toml", &["redact/"]),
    ("regex_syntax", &["redact/"]),
    ("serde_yaml", &["format/"]),
    ("serde_json", &["format/", "agents/", "model/map.rs", "ops/counter.rs", "render/", "cli/"]),
    ("schemars", &["render/json", "cli/commands/show.rs"]),
    ("std::env", &["cli/", "main.rs"]),
    ("std::process", &["store/", "worker/", "cli/", "main.rs"]),
    ("SystemTime::now", &["cli/environment.rs"]),
    ("Utc::now", &[]),
    ("Local::now", &[]),
    ("process::exit", &["cli/commands/hook.rs"]),
    ("now_v7", &["cli/app.rs"]),
];

/// The most lines of code that is no test, in one file.
const MAX_LINES: usize = 400;

/// A source file without its tests: the lines with their numbers, comments blanked.
struct Source {
    /// Below `src`, with `/`.
    name: String,
    lines: Vec<(usize, String)>,
}

/// Reads all of `src`, without the modules that are only there for tests.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut files, mut for_tests) = (Vec::new(), Vec::new());
    find(&root, &mut files);
    let mut all = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("sources are UTF-8");
        let lines = without_tests(&text, &module_dir(&file), &mut for_tests);
        let name = file.strip_prefix(&root).expect("it is below").to_string_lossy().into_owned();
        all.push(Source { name, lines });
    }
    all.retain(|source| !for_tests.iter().any(|it| root.join(&source.name).starts_with(it)));
    assert!(all.len() > 50, "the sources were not found");
    all
}

fn find(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a readable directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
}

/// Where the submodules of a file are.
fn module_dir(file: &Path) -> PathBuf {
    match file.file_stem().and_then(|stem| stem.to_str()) {
        Some("mod" | "lib" | "main") => file.with_file_name(""),
        _ => file.with_extension(""),
    }
}

/// Leaves out each item below `#[cfg(test)]`, and notes the files of test modules.
fn without_tests(text: &str, dir: &Path, for_tests: &mut Vec<PathBuf>) -> Vec<(usize, String)> {
    let mut lines = text.lines().zip(1..);
    let mut kept = Vec::new();
    while let Some((line, number)) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            let code = line.split(" //").next().unwrap_or_default();
            let is_comment = line.trim_start().starts_with("//");
            kept.push((number, if is_comment { String::new() } else { code.to_owned() }));
            continue;
        }
        let (item, _) = lines.next().expect("an attribute has an item");
        let module = item.trim().strip_prefix("mod ").and_then(|it| it.strip_suffix(';'));
        if let Some(module) = module {
            for_tests.extend([dir.join(module), dir.join(format!("{module}.rs"))]);
        } else if item.ends_with('{') {
            let end = format!("{}}}", &item[..item.len() - item.trim_start().len()]);
            lines.by_ref().find(|(line, _)| *line == end).expect("a block has an end");
        }
    }
    kept
}

/// Returns what stands behind each place where `code` has `path` as the beginning of a path.
fn after<'c>(code: &'c str, path: &str) -> Vec<&'c str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let all = code.match_indices(path);
    let all = all.filter(|(at, _)| !code[..*at].ends_with(|c: char| is_word(c)));
    all.map(|(at, _)| &code[at + path.len()..]).filter(|rest| !rest.starts_with(is_word)).collect()
}

/// Returns a line for each fault that `check` finds in a line of a source.
fn faults(check: impl Fn(&Source, &str) -> Vec<String>) -> String {
    let mut faults = String::new();
    for source in sources() {
        for (number, code) in &source.lines {
            for fault in check(&source, code) {
                faults.push_str(&format!("src/{}:{number}: {fault}\n", source.name));
            }
        }
    }
    faults
}

#[test]
fn a_module_names_only_lower_floors() {
    let found = faults(|source, code| {
        let Some((floor, _)) = source.name.split_once('/') else {
            return Vec::new();
        };
        let known = FLOORS.iter().find(|(name, _)| *name == floor);
        let Some((_, lower)) = known else {
            return vec![format!("'{floor}' is no floor")];
        };
        let mut faults = Vec::new();
        for rest in after(code, "crate") {
            let Some(path) = rest.strip_prefix("::") else {
                continue;
            };
            let name = path.split(|c: char| !c.is_alphanumeric() && c != '_').next();
            let name = name.unwrap_or_default();
            if name != floor && !lower.contains(&name) {
                faults.push(format!("'{floor}' must not name '{name}'"));
            }
        }
        // As many steps up as the module is deep lead to the top, and past this test.
        let is_dir = usize::from(source.name.ends_with("/mod.rs"));
        let depth = source.name.split('/').count() - is_dir;
        if code.contains(&"super::".repeat(depth)) {
            faults.push("name a floor as 'crate::...'".to_owned());
        }
        faults
    });
    assert!(found.is_empty(), "\n{found}");
}

#[test]
fn what_belongs_to_one_floor_is_named_there_only() {
    let found = faults(|source, code| {
        let is_named = |path: &str| {
            let is_path = path.contains("::") || path.contains("_v");
            after(code, path).iter().any(|rest| is_path || rest.starts_with("::"))
        };
        let misplaced = PLACES.iter().filter(|(path, places)| {
            is_named(path) && !places.iter().any(|place| source.name.starts_with(place))
        });
        misplaced.map(|(path, places)| format!("'{path}' belongs in {places:?} only")).collect()
    });
    assert!(found.is_empty(), "\n{found}");
}

#[test]
fn no_file_does_two_things() {
    let long = |source: &Source| source.lines.len() > MAX_LINES;
    let found: Vec<String> = sources()
        .iter()
        .filter(|source| long(source))
        .map(|it| format!("src/{}: {} lines (at most {MAX_LINES})", it.name, it.lines.len()))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_directory_says_what_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for source in sources().iter().filter(|source| source.name.ends_with("mod.rs")) {
        let text = fs::read_to_string(root.join(&source.name)).expect("it was read before");
        let says = text.starts_with("//!") || text.starts_with("#![doc");
        assert!(says, "src/{}:1: a module begins with what it is (//!)", source.name);
    }
}
