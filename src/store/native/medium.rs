use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::IoFault;
use super::fault::Doing;

/// Who may read and write what is created: `core.sharedRepository`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SharedMode {
    /// As the process's umask says.
    #[default]
    Umask,
    /// Also the group.
    Group,
    /// Also the group, and everybody may read.
    Everybody,
    /// Exactly these permission bits.
    Bits(u32),
}

impl SharedMode {
    /// Reads a value of `core.sharedRepository`; `None` if git would refuse it.
    ///
    /// Source: git `setup.c`, `git_config_perm`.
    pub fn parse(value: &str) -> Option<SharedMode> {
        match value {
            "umask" => return Some(SharedMode::Umask),
            "group" => return Some(SharedMode::Group),
            "all" | "world" | "everybody" => return Some(SharedMode::Everybody),
            "" | "true" | "yes" | "on" => return Some(SharedMode::Group),
            "false" | "no" | "off" => return Some(SharedMode::Umask),
            _ => {}
        }
        match u32::from_str_radix(value, 8).ok()? {
            0 => Some(SharedMode::Umask),
            1 => Some(SharedMode::Group),
            2 => Some(SharedMode::Everybody),
            bits if bits & 0o600 == 0o600 => Some(SharedMode::Bits(bits & 0o666)),
            _ => None,
        }
    }

    /// Returns the permissions of a new file that asks for `bits` (before the umask).
    pub fn file(self, bits: u32) -> Perm {
        Perm { bits, shared: self }
    }

    /// Returns the permissions of a new directory.
    pub fn dir(self) -> Perm {
        self.file(0o777)
    }

    /// Returns the mode that a file or directory of mode `mode` should have; the same if it is
    /// right.
    ///
    /// Source: git `path.c`, `calc_shared_perm` and `adjust_shared_perm`.
    fn adjust(self, mode: u32, is_dir: bool) -> u32 {
        let (mut tweak, keep) = match self {
            SharedMode::Umask => return mode,
            SharedMode::Group => (0o660, mode),
            SharedMode::Everybody => (0o664, mode),
            SharedMode::Bits(bits) => (bits, mode & !0o777),
        };
        if mode & 0o200 == 0 {
            tweak &= !0o222;
        }
        if mode & 0o100 != 0 {
            tweak |= (tweak & 0o444) >> 2;
        }
        let adjusted = keep | tweak;
        if is_dir { adjusted | (adjusted & 0o444) >> 2 | 0o2000 } else { adjusted }
    }
}

/// The permissions of something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Perm {
    /// What is asked for; the umask takes from it.
    pub bits: u32,
    /// What the repository adds.
    pub shared: SharedMode,
}

/// What tells two files apart, and their age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Device and inode.
    pub inode: (u64, u64),
    /// How many bytes.
    pub n_bytes: u64,
    /// When the data was last written.
    pub modified_at: SystemTime,
    /// Whether it is a symbolic link (which is not followed).
    pub is_symlink: bool,
}

impl Identity {
    /// Returns the identity that `metadata` describes.
    ///
    /// # Errors
    /// Where the file system knows no times.
    pub fn of(metadata: &Metadata) -> io::Result<Identity> {
        Ok(Identity {
            inode: (metadata.dev(), metadata.ino()),
            n_bytes: metadata.len(),
            modified_at: metadata.modified()?,
            is_symlink: metadata.is_symlink(),
        })
    }
}

/// The effects on a file system that a write consists of, one method each, and the reading that
/// proves them.
///
/// There is one for use, [`Disk`]; tests record the effects, make any of them fail, or lie.
pub trait Medium: Send + Sync {
    /// Creates a file that must not exist, with all of `bytes`; a failure may leave a part.
    ///
    /// # Errors
    /// As the file system says; `AlreadyExists`, `NotFound` (no directory) are told apart.
    fn create_new(&self, path: &Path, bytes: &[u8], perm: Perm) -> io::Result<File>;

    /// Appends lines in one write, creating the file if need be. A line that was torn there before
    /// is ended first.
    ///
    /// # Errors
    /// As the file system says; also if not all bytes were written.
    fn append(&self, path: &Path, lines: &[u8], perm: Perm) -> io::Result<()>;

    /// Makes the data of `file`, which is at `path`, durable.
    ///
    /// # Errors
    /// As the file system says; then nothing is known of the data.
    fn sync_file(&self, path: &Path, file: &File) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// As the file system says.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Gives a file a second name, which must not exist.
    ///
    /// # Errors
    /// As the file system says; `AlreadyExists`, `NotFound` are told apart.
    fn hard_link(&self, original: &Path, link: &Path) -> io::Result<()>;

    /// Renames a file over whatever has the new name.
    ///
    /// # Errors
    /// As the file system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Renames a file to a name that must not exist.
    ///
    /// # Errors
    /// As the file system says; `AlreadyExists`, `NotFound`, `CrossesDevices` are told apart.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a name.
    ///
    /// # Errors
    /// As the file system says.
    fn unlink(&self, path: &Path) -> io::Result<()>;

    /// Creates a directory; its parent must exist, it must not.
    ///
    /// # Errors
    /// As the file system says.
    fn create_dir(&self, path: &Path, perm: Perm) -> io::Result<()>;

    /// Reads a file.
    ///
    /// # Errors
    /// As the file system says.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Returns what is at `path`, not following a symbolic link.
    ///
    /// # Errors
    /// As the file system says.
    fn identity(&self, path: &Path) -> io::Result<Identity>;
}

/// The real file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Medium for Disk {
    fn create_new(&self, path: &Path, bytes: &[u8], perm: Perm) -> io::Result<File> {
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(perm.bits).open(path)?;
        file.write_all(bytes)?;
        share(&file, perm)?;
        Ok(file)
    }

    fn append(&self, path: &Path, lines: &[u8], perm: Perm) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).mode(perm.bits).open(path)?;
        share(&file, perm)?;
        let n_written = match is_torn(&file)? {
            true => file.write(&[b"\n", lines].concat())?.saturating_sub(1),
            false => file.write(lines)?,
        };
        if n_written != lines.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        Ok(())
    }

    fn sync_file(&self, _path: &Path, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn hard_link(&self, original: &Path, link: &Path) -> io::Result<()> {
        fs::hard_link(original, link)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // Not in one step on this system (NFS, an old kernel), but also over nothing.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                fs::hard_link(from, to)?;
                fs::remove_file(from)
            }
            other => Ok(other?),
        }
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_dir(&self, path: &Path, perm: Perm) -> io::Result<()> {
        fs::DirBuilder::new().mode(perm.bits).create(path)?;
        if perm.shared == SharedMode::Umask {
            return Ok(());
        }
        share(&File::open(path)?, perm)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn identity(&self, path: &Path) -> io::Result<Identity> {
        Identity::of(&fs::symlink_metadata(path)?)
    }
}

/// Tells whether the file ends within a line.
fn is_torn(file: &File) -> io::Result<bool> {
    let Some(last) = file.metadata()?.len().checked_sub(1) else {
        return Ok(false);
    };
    let mut byte = [b'\n'];
    file.read_at(&mut byte, last)?;
    Ok(byte != *b"\n")
}

/// Adjusts the mode of something just created to what the repository shares.
pub(super) fn share(file: &File, perm: Perm) -> io::Result<()> {
    if perm.shared == SharedMode::Umask {
        return Ok(());
    }
    let metadata = file.metadata()?;
    let mode = metadata.mode() & 0o7777;
    let adjusted = perm.shared.adjust(mode, metadata.is_dir());
    if adjusted == mode {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(adjusted))
}

/// Whether the name of a new directory must last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    /// It is made durable before it is used.
    Yes,
    /// It may be lost in a power cut.
    No,
}

/// Creates `dir` and its missing parents.
pub(super) fn make_dirs(
    medium: &dyn Medium,
    dir: &Path,
    shared: SharedMode,
    lasting: Lasting,
) -> Result<(), IoFault> {
    let parent = dir.parent().unwrap_or(Path::new("/"));
    let create = || medium.create_dir(dir, shared.dir());
    let created = match create() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_dirs(medium, parent, shared, lasting)?;
            create()
        }
        other => other,
    };
    match created {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        other => other.doing("create directory", dir)?,
    }
    match lasting {
        Lasting::Yes => medium.sync_dir(parent).doing("sync directory", parent),
        Lasting::No => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_modes_are_read_as_git_reads_them() {
        for (value, mode) in [
            ("umask", Some(SharedMode::Umask)),
            ("false", Some(SharedMode::Umask)),
            ("0", Some(SharedMode::Umask)),
            ("true", Some(SharedMode::Group)),
            ("group", Some(SharedMode::Group)),
            ("1", Some(SharedMode::Group)),
            ("world", Some(SharedMode::Everybody)),
            ("2", Some(SharedMode::Everybody)),
            ("0640", Some(SharedMode::Bits(0o640))),
            ("0400", None),
            ("nonsense", None),
        ] {
            assert_eq!(SharedMode::parse(value), mode, "{value}");
        }
    }

    #[test]
    fn modes_are_adjusted_as_git_adjusts_them() {
        assert_eq!(SharedMode::Umask.adjust(0o444, false), 0o444);
        assert_eq!(SharedMode::Group.adjust(0o400, false), 0o440);
        assert_eq!(SharedMode::Group.adjust(0o600, false), 0o660);
        assert_eq!(SharedMode::Everybody.adjust(0o600, false), 0o664);
        assert_eq!(SharedMode::Bits(0o640).adjust(0o644, false), 0o640);
        assert_eq!(SharedMode::Group.adjust(0o755, true), 0o2775);
        assert_eq!(SharedMode::Bits(0o660).adjust(0o755, true), 0o2770);
    }
}
