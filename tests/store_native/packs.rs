use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use git_session::store::native::{Disk, Object, SharedMode, encode_pack, store_pack};
use gix::objs::Kind;

use super::place::{HASH_KINDS, Place, git_in, said, scratch};

#[test]
fn git_accepts_pack_and_index_of_both_hash_kinds() {
    for hash_kind in HASH_KINDS {
        let dir = scratch();
        let place = Place::init(dir.path(), hash_kind);
        let mut objects = place.event(1, None).to_vec();
        let noise: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
        for data in [Vec::new(), noise, vec![b'x'; 15], vec![b'x'; 16], vec![0; 2048]] {
            objects.push(Object::new(hash_kind, Kind::Blob, data).expect("no collision"));
        }
        objects.push(objects[0].clone());
        let encoded = encode_pack(hash_kind, &objects).expect("encoded");
        assert_eq!(encoded.oids.len(), objects.len() - 1, "each object once");

        let dir = place.git_dir.join("objects");
        let shared = SharedMode::Umask;
        let kept = store_pack(&Disk, &dir, shared, &encoded, 0, "token").expect("stored");
        let stem = format!("objects/pack/{}", kept.name());
        assert!(place.git_dir.join(format!("{stem}.keep")).exists());
        let _ = kept.release(&Disk);
        assert_eq!(place.files("objects/pack").len(), 2, "pack and idx");

        place.ok(&["verify-pack", "-v", &format!("{stem}.idx")]);
        place.ok(&["index-pack", "--verify", &format!("{stem}.pack")]);
        place.ok(&["index-pack", "-o", "git.idx", &format!("{stem}.pack")]);
        let idx = std::fs::read(place.git_dir.join("git.idx")).expect("git's index");
        assert!(idx == encoded.idx, "git makes the same index");
        place.assert_sound();
        for object in &objects {
            let oid = object.oid.to_string();
            let kind = place.ok(&["cat-file", "-t", &oid]);
            let output = place.git(&["cat-file", &kind, &oid]);
            assert!(output.stdout == object.data, "{oid}");
        }
    }
}

#[test]
fn the_index_is_right_for_objects_under_every_first_byte() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    let objects: Vec<_> = (0..2000u32)
        .map(|n| Object::new(HASH_KINDS[0], Kind::Blob, n.to_string().into_bytes()))
        .collect::<Result<_, _>>()
        .expect("no collision");
    let encoded = encode_pack(HASH_KINDS[0], &objects).expect("encoded");
    let dir = place.git_dir.join("objects");
    let kept = store_pack(&Disk, &dir, SharedMode::Umask, &encoded, 0, "t").expect("stored");
    let _ = kept.release(&Disk);
    let mut git = git_in(&place.git_dir)
        .args(["cat-file", "--batch-check=%(objecttype)"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git runs");
    let asked: String = objects.iter().map(|it| format!("{}\n", it.oid)).collect();
    let mut stdin = git.stdin.take().expect("piped");
    let asking = std::thread::spawn(move || stdin.write_all(asked.as_bytes()));
    let output = git.wait_with_output().expect("git answers");
    asking.join().expect("no panic").expect("all was read");
    assert_eq!(said(&output), "blob\n".repeat(objects.len()));
}

#[test]
fn files_of_a_shared_repository_are_shared() {
    let dir = scratch();
    let place = Place::init(dir.path(), HASH_KINDS[0]);
    let encoded = encode_pack(HASH_KINDS[0], &place.event(1, None)).expect("encoded");
    let dir = place.git_dir.join("objects");
    let shared = SharedMode::Bits(0o640);
    let kept = store_pack(&Disk, &dir, shared, &encoded, 0, "t").expect("stored");
    let path = dir.join("pack").join(kept.release(&Disk).file("pack"));
    let mode = std::fs::metadata(path).expect("stored").permissions().mode();
    assert_eq!(mode & 0o777, 0o440);
}
