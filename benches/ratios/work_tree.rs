//! What a checkpoint of a large work tree costs when little has changed.

use super::{Pair, Place, SESSION};

/// How many files the work tree has.
const N_FILES: usize = 10_000;
/// How many of them are in a directory.
const N_IN_DIRECTORY: usize = 100;

/// A repository with many files and a session.
pub struct WorkTree {
    place: Place,
}

impl WorkTree {
    /// Makes it.
    pub fn make(place: Place) -> WorkTree {
        place.init();
        for n in 0..N_FILES {
            let dir = place.dir.join(format!("d{}", n / N_IN_DIRECTORY));
            std::fs::create_dir_all(&dir).expect("can make a directory");
            let text = format!("line {n}\n").repeat(20);
            std::fs::write(dir.join(format!("f{n}")), text).expect("can write a file");
        }
        place.git(&["add", "-A"]);
        place.git(&["commit", "--quiet", "-m", "files"]);
        place.session(&["start", "Change little"]);
        WorkTree { place }
    }

    /// Returns what is to be compared; one file changes before each run.
    pub fn pairs(&self) -> Vec<Pair<'_>> {
        vec![Pair {
            name: "git-session checkpoint, 10,000 files, one changed",
            ours: Box::new(move |at| {
                self.place.write("d0/f0", &format!("ours {at}\n"));
                self.place.command(SESSION, &["checkpoint"])
            }),
            beside: "`git stash create`",
            theirs: Box::new(move |at| {
                self.place.write("d0/f0", &format!("theirs {at}\n"));
                self.place.command("git", &["stash", "create"])
            }),
            goal: Some(2.0),
        }]
    }
}
