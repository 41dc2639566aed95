//! No file of tests is forgotten.

use std::path::Path;

#[test]
fn every_file_of_tests_is_part_of_the_suite() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let suite = std::fs::read_to_string(root.join("cli.rs")).expect("the suite");
    for entry in root.join("cli").read_dir().expect("a directory").flatten() {
        let file = entry.file_name().into_string().expect("text");
        let module = file.strip_suffix(".rs").expect("only Rust files");
        assert!(suite.contains(&format!("    mod {module};\n")), "'{file}' is in no suite");
    }
}
