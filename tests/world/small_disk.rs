//! A disk of a few megabytes that can be filled to any page.

use std::{
    env, fs,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use super::{Out, Process, need, skip};

const FOLDER: &str = "BELLKEEPER_SMALL_DISK";

/// The memory's page: what a file on such a disk grows by.
pub(crate) const PAGE: usize = 4_096;

/// A file system in memory, mounted in a process that nobody else sees into.
pub(crate) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// The disk of this process, if it is one that [`on_small_disk`] started.
    pub(crate) fn here() -> Option<Self> {
        let folder = env::var_os(FOLDER)?.into();
        Some(Self { folder })
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }

    /// Fills the disk but for some pages.
    pub(crate) fn leave(&self, pages: usize) {
        self.free();
        let mut filler = File::create(self.filler()).unwrap();
        let mut length = 0;
        // A short write is followed by an error.
        let bytes = vec![1; 64 * PAGE];
        while let Ok(written) = filler.write(&bytes) {
            length += written;
        }
        let less = length.checked_sub(pages * PAGE).expect("a larger disk");
        filler.set_len(less as u64).unwrap();
    }

    /// Gives all room back.
    pub(crate) fn free(&self) {
        drop(fs::remove_file(self.filler()));
    }

    fn filler(&self) -> PathBuf {
        self.path("filler")
    }
}

/// Runs a test of this binary, given by its full name, in a process with a small disk of its own;
/// `None`, and said so, where no file system can be mounted.
#[track_caller]
pub(crate) fn on_small_disk(size: &str, test: &str) -> Option<Out> {
    if !need(&["unshare", "mount"]) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t tmpfs -o size={size},mode=700 tmpfs \"${FOLDER}\" || exit 99\n\
         exec \"$0\" --exact \"$1\" --nocapture"
    );
    let run = |flags: &str| {
        let mut command = std::process::Command::new("unshare");
        command
            .args([flags, "--", "sh", "-uc", &script])
            .arg(env::current_exe().unwrap())
            .arg(test)
            .env(FOLDER, folder.path());
        Process::spawn(command).end()
    };
    let out = ["-m", "-rm"]
        .into_iter()
        .map(run)
        .find(|out| out.code != 99);
    if out.is_none() {
        skip("no file system can be mounted here");
    }
    out
}
