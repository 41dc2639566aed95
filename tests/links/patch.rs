use git_session::model::PatchSize;

use super::place::{Place, open, run};

/// Numbers that are always the same. Source: splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as usize % n
    }
}

/// Returns what git says of a commit, and what we say.
fn both(place: &Place) -> (Option<String>, PatchSize, Option<String>, PatchSize) {
    let dir = place.dir.path();
    let head = place.head();
    let hex = head.to_string();
    let args = ["diff-tree", "-p", "--root", "--full-index", "--no-ext-diff", "-m", &hex];
    let named = run(dir, &["patch-id", "--stable"], 0, &run(dir, &args, 0, ""));
    let theirs = named.split_whitespace().next().map(str::to_owned);
    let numbers = place.git(&["show", "--numstat", "--no-renames", "--format=", &hex]);
    let mut size = PatchSize::default();
    for line in numbers.lines() {
        let mut columns = line.split('\t').map(|it| it.parse().unwrap_or(0));
        size.n_files += 1;
        size.n_insertions += columns.next().unwrap_or(0);
        size.n_deletions += columns.next().unwrap_or(0);
    }
    let store = open(dir);
    let patch = store.patch(&store.commit(head).expect("there")).expect("compared");
    let patch = patch.expect("small enough");
    (theirs, size, patch.id.map(|id| id.to_string()), patch.size)
}

#[test]
fn a_patch_has_the_name_that_git_gives_it() {
    for format in ["sha1", "sha256"] {
        let place = Place::new(&["--object-format", format]);
        let is_same = |what: &str| {
            let (theirs, their_size, ours, our_size) = both(&place);
            assert_eq!((ours, our_size), (theirs, their_size), "{what}");
        };
        let ten: String = (0..30).map(|n| format!("line {n}\n")).collect();
        place.write("a", ten.as_bytes());
        place.write("d/e/f g", b"no end of line");
        place.commit("root");
        is_same("root");
        place.write("a", ten.replace("line 3\n", "three\n").replace("line 9\n", "").as_bytes());
        place.write("d/e/f g", b"no end of line\n");
        place.write("empty", b"");
        place.write("ümläut \"q\"", b"x\n");
        place.commit("several");
        is_same("several");
        place.write("blob", b"a\0b");
        place.write("z", b"after a binary file\n");
        place.commit("binary");
        is_same("binary");
        place.git(&["update-index", "--chmod=+x", "a"]);
        place.git(&["commit", "-q", "-m", "mode"]);
        is_same("mode");
        place.git(&["reset", "-q", "--hard"]);
        std::fs::remove_file(place.dir.path().join("z")).expect("there");
        std::os::unix::fs::symlink("a", place.dir.path().join("z")).expect("a link");
        std::fs::remove_file(place.dir.path().join("empty")).expect("there");
        place.write("empty/now/a", b"directory\n");
        place.commit("types");
        is_same("types");
        place.git(&["mv", "a", "b"]);
        place.git(&["commit", "-q", "-m", "rename"]);
        is_same("rename");
        place.commit("nothing");
        is_same("nothing");
    }
}

#[test]
fn patches_of_many_changes_have_the_names_that_git_gives_them() {
    let place = Place::new(&[]);
    let mut dice = Dice(7);
    let words = ["fn", "  let x;", "}", "", "    return;", "{", "\tfoo(bar)", "x"];
    let mut lines: Vec<String> = (0..80).map(|_| words[dice.below(8)].to_owned()).collect();
    let mut n_other = 0;
    let n_rounds = 40;
    for round in 0..n_rounds {
        for _ in 0..=dice.below(6) {
            let at = dice.below(lines.len());
            match dice.below(3) {
                0 => lines.insert(at, words[dice.below(8)].to_owned()),
                1 => drop(lines.remove(at)),
                _ => lines[at] = format!("line {round}"),
            }
        }
        place.write("f.rs", format!("{}\n", lines.join("\n")).as_bytes());
        place.commit("round");
        let (theirs, _, ours, _) = both(&place);
        n_other += usize::from(ours != theirs);
    }
    // Where the same line stands many times, the same change can be told in several ways.
    assert!(n_other * 10 <= n_rounds, "{n_other} of {n_rounds} have another name");
}

#[test]
fn a_merge_and_a_very_large_commit_have_no_patch() {
    let place = Place::new(&[]);
    place.write("a", b"a\n");
    place.commit("a");
    place.git(&["switch", "-q", "-c", "side"]);
    place.write("b", b"b\n");
    place.commit("b");
    place.git(&["switch", "-q", "main"]);
    place.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    let patch = || {
        let store = open(place.dir.path());
        store.patch(&store.commit(place.head()).expect("there")).expect("compared")
    };
    assert_eq!(patch(), None);
    place.write("large", &vec![b'x'; 9 << 20]);
    place.commit("large");
    assert_eq!(patch(), None);
}
