//! Small filesystems of their own, for disks that are full, read-only or elsewhere.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{need, skip};

/// A filesystem in memory; gone at the end.
pub(crate) struct Mount {
    path: PathBuf,
}

impl Mount {
    /// Mounts one of so many megabytes on the folder `path`, which is made; `None`, with the reason
    /// printed, where this user may not.
    pub(crate) fn new(path: &Path, megabytes: usize) -> Option<Self> {
        if !need(&["mount", "umount"]) {
            return None;
        }
        std::fs::create_dir_all(path).unwrap();
        let size = format!("size={megabytes}m");
        let args = ["-t", "tmpfs", "-o", &size, "tmpfs"];
        if !run("mount", &args, path) {
            skip("this user may not mount a filesystem");
            return None;
        }
        Some(Self {
            path: path.to_owned(),
        })
    }

    /// Gives it another size, or makes it read-only: `size=256m`, `ro`.
    #[track_caller]
    pub(crate) fn remount(&self, how: &str) {
        let how = format!("remount,{how}");
        assert!(run("mount", &["-o", &how], &self.path));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run("umount", &["-l"], &self.path);
    }
}

fn run(program: &str, args: &[&str], path: &Path) -> bool {
    let output = Command::new(program).args(args).arg(path).output();
    output.is_ok_and(|output| output.status.success())
}
