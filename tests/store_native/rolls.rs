use std::fs;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use git_session::store::native::{Disk, PackName, RollReport, SessionLock, SharedMode};

use super::place::{HASH_KINDS, Place, git_in, scratch, token};

const S: &str = "refs/sessions/0199f0c2-1c4d-7abc-8def-0123456789af";
const NOTHING: RollReport = RollReport { n_melted: 0, n_made: 0, n_swept: 0 };

/// Writes these events, rolling as the writer does.
fn put_all(place: &Place, name: &str, seqs: std::ops::RangeInclusive<u32>) {
    for seq in seqs {
        // When packs are rolled follows from their names, and these from the tokens.
        let (now, token_of_seq) = (SystemTime::now(), format!("write {seq}"));
        let written = place.put_as(&Disk, name, seq, now, &token_of_seq).expect("written");
        if written.is_roll_due() {
            place.writer(&Disk).roll(&token(), now).expect("rolled");
        }
    }
}

fn n_packs(place: &Place) -> usize {
    let names = place.files("objects/pack");
    names.iter().filter(|it| it.ends_with(".pack")).count()
}

fn n_pack_bytes(place: &Place) -> u64 {
    let names = place.files("objects/pack");
    let packs = names.iter().filter(|it| it.ends_with(".pack"));
    let n_bytes = |name| fs::metadata(place.git_dir.join("objects/pack").join(name));
    packs.map(|name| n_bytes(name).expect("a pack").len()).sum()
}

fn roll(place: &Place) -> RollReport {
    let now = SystemTime::now();
    place.writer(&Disk).roll(&token(), now).expect("rolled")
}

#[test]
fn a_hundred_writes_leave_few_packs_that_git_reads() {
    for hash_kind in HASH_KINDS {
        let dir = scratch();
        let place = Place::init(dir.path(), hash_kind);
        put_all(&place, S, 1..=100);
        assert!(n_packs(&place) <= 24, "{} packs", n_packs(&place));
        roll(&place);
        assert!(n_packs(&place) <= 15, "{} packs", n_packs(&place));
        let names = place.files("objects/pack");
        assert_eq!(names.len(), 2 * n_packs(&place), "packs and indexes only");
        assert_eq!(place.ok(&["rev-list", "--count", S]), "100");
        assert_eq!(place.seq(S), Some(100));
        place.assert_sound();
        for name in names.iter().filter(|it| it.ends_with(".idx")) {
            place.ok(&["verify-pack", &format!("objects/pack/{name}")]);
        }
    }
}

#[test]
fn sixty_four_packs_become_one_of_the_second_level() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    for seq in 1..=64 {
        place.put(&Disk, S, seq).expect("written");
        roll(&place);
    }
    let names = place.files("objects/pack");
    assert_eq!(names.len(), 2, "{names:?}");
    let stem = names[0].trim_end_matches(".idx");
    let level = PackName::parse(stem, HASH_KINDS[0]).map(|name| name.level());
    assert_eq!(level, Some(2));
    assert_eq!(place.ok(&["rev-list", "--count", S]), "64");
    place.assert_sound();
}

#[test]
fn melted_packs_say_only_what_differs_and_a_repack_takes_that_over() {
    const OTHER: &str = "refs/sessions/0199f0c2-1c4d-7abc-8def-1123456789af";
    for hash_kind in HASH_KINDS {
        let [apart, melted] = [scratch(), scratch()];
        let [apart, melted] = [&apart, &melted].map(|dir| Place::init(dir.path(), hash_kind));
        for seq in 1..=40 {
            for name in [S, OTHER] {
                apart.put(&Disk, name, seq).expect("written");
                melted.put(&Disk, name, seq).expect("written");
                roll(&melted);
            }
        }
        melted.assert_sound();
        let n_bytes = n_pack_bytes(&melted);
        let n_bytes_apart = n_pack_bytes(&apart);
        assert!(4 * n_bytes < 3 * n_bytes_apart, "{n_bytes} of {n_bytes_apart} bytes");
        melted.ok(&["repack", "-a", "-d", "--quiet"]);
        assert!(n_pack_bytes(&melted) < n_bytes, "git names bases in fewer bytes");
        melted.assert_sound();
        assert_eq!([melted.seq(S), melted.seq(OTHER)], [Some(40), Some(40)]);
        assert_eq!(melted.ok(&["rev-list", "--count", S, OTHER]), "80");
    }
}

#[test]
fn nothing_is_rolled_while_somebody_else_is_at_it() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    for seq in 1..=8 {
        place.put(&Disk, S, seq).expect("written");
    }
    let held =
        SessionLock::acquire_named(&place.git_dir, SharedMode::Umask, "roll", Duration::ZERO);
    assert_eq!(roll(&place), NOTHING, "another process rolls");
    drop(held);
    let pid = place.git_dir.join("gc.pid");
    fs::write(&pid, "1 host").expect("written");
    assert_eq!(roll(&place), NOTHING, "git gc runs");
    fs::remove_file(&pid).expect("removed");
    place.ok(&["multi-pack-index", "write"]);
    assert_eq!(roll(&place), NOTHING, "an index names the packs");
    let midx = place.git_dir.join("objects/pack/multi-pack-index");
    fs::remove_file(midx).expect("removed");
    let names = place.files("objects/pack");
    let keep = format!("objects/pack/{}.keep", names[0].trim_end_matches(".idx"));
    fs::write(place.git_dir.join(&keep), "mine").expect("written");
    assert_eq!(roll(&place), NOTHING, "seven are not kept");
    fs::remove_file(place.git_dir.join(&keep)).expect("removed");
    assert_eq!(roll(&place).n_melted, 8);
    place.assert_sound();
}

#[test]
fn packs_of_git_and_damaged_packs_are_left_alone() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    put_all(&place, S, 1..=4);
    place.ok(&["repack", "-a", "-d", "--quiet"]);
    for seq in 5..=13 {
        place.put(&Disk, S, seq).expect("written");
    }
    let names = place.files("objects/pack");
    let ours = names.iter().find(|it| it.starts_with("pack-5e55104"));
    let stem = ours.expect("ours").trim_end_matches(".idx");
    let damaged = place.git_dir.join(format!("objects/pack/{stem}.pack"));
    let good = fs::read(&damaged).expect("readable");
    let mut bytes = good.clone();
    bytes[20] ^= 1;
    fs::remove_file(&damaged).expect("removed");
    fs::write(&damaged, bytes).expect("damaged");
    assert_eq!(roll(&place).n_melted, 8, "all but the damaged one");
    assert_eq!(n_packs(&place), 3, "git's, the damaged one, the new one");
    fs::write(&damaged, good).expect("repaired");
    place.assert_sound();
    assert_eq!(place.ok(&["rev-list", "--count", S]), "13");
}

#[test]
fn a_handle_of_gix_that_was_open_before_finds_everything_after_a_roll() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    for seq in 1..=9 {
        place.put(&Disk, S, seq).expect("written");
    }
    let open = || gix::open_opts(&place.git_dir, gix::open::Options::isolated()).expect("opened");
    let early = open();
    let n_commits = |repo: &gix::Repository| {
        let tip = repo.find_reference(S).expect("a ref").id();
        tip.ancestors().all().expect("a walk").filter(Result::is_ok).count()
    };
    // Only indexes are loaded so far, or packs too.
    let half = open();
    assert!(half.find_reference(S).expect("a ref").id().object().is_ok());
    let full = open();
    assert_eq!(n_commits(&full), 9);
    assert_eq!(roll(&place).n_melted, 9);
    place.put(&Disk, S, 10).expect("written");
    for repo in [early, half, full] {
        assert_eq!(n_commits(&repo), 10);
    }
}

#[test]
fn nothing_is_lost_beside_a_loop_of_git_repack_and_git_gc() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    let other = S.replace("af", "b0");
    put_all(&place, S, 1..=1);
    let script = "alias.around=!while test ! -e stop; do
        git repack -a -d --quiet; git prune --expire=now; git gc --quiet --prune=now
        git pack-refs --all; echo round >>rounds; done";
    let mut collecting = git_in(&place.git_dir)
        .args(["-c", script, "around"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("git runs");
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| write_beside(&place, S, 2));
        let second = write_beside(&place, &other, 1);
        (first.join().expect("no panic"), second)
    });
    fs::write(place.git_dir.join("stop"), "").expect("told");
    collecting.wait().expect("git ends");
    place.assert_sound();
    for (name, n_writes) in [(S, first), (&other, second)] {
        let n_commits = place.ok(&["rev-list", "--count", name]);
        assert_eq!(n_commits, n_writes.to_string());
        assert_eq!(place.seq(name), Some(n_writes));
    }
    assert!(n_rounds(&place) >= 2, "git hardly ran beside us");
}

/// How often git shall have collected while we write.
const N_ROUNDS: usize = 12;

fn n_rounds(place: &Place) -> usize {
    let rounds = fs::read_to_string(place.git_dir.join("rounds"));
    rounds.unwrap_or_default().lines().count()
}

/// Writes until git has collected often enough; returns the last seq. A roll may be given up.
fn write_beside(place: &Place, name: &str, from: u32) -> u32 {
    let mut seq = from;
    loop {
        match place.put(&Disk, name, seq) {
            Ok(written) => {
                let now = SystemTime::now();
                if written.is_roll_due() {
                    let _ = place.writer(&Disk).roll(&token(), now);
                }
                if seq >= 20_000 || seq >= 150 && n_rounds(place) >= N_ROUNDS {
                    return seq;
                }
                seq += 1;
            }
            Err(error) => {
                let text = format!("{error:?}");
                assert!(text.contains("Locked") || text.contains("Raced"), "{text}");
            }
        }
    }
}
