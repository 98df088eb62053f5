//! One bellkeeper a root: a lock on a file that the system takes back when the process dies.
//!
//! The lock is the truth; what stands in the file is for people. The file stays when the lock is
//! gone: removing it would let two processes lock two files of the same name.

use std::{
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::files;

/// Who holds a lock, as written into the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// When it took the lock.
    pub since: Timestamp,
    /// The version of the program.
    pub version: String,
    /// What it is doing: `daemon`, or `run-job NAME`.
    pub what: String,
}

impl Holder {
    /// This process and this version, from `now` on.
    pub fn this_process(what: impl Into<String>, now: Timestamp) -> Self {
        Self {
            pid: std::process::id(),
            since: now,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            what: what.into(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            // See `unknown`: there is nothing to tell about it yet.
            0 => f.write_str(&self.what),
            pid => write!(f, "pid {pid}, {}, since {}", self.what, self.since),
        }
    }
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else has it.
    #[error("another bellkeeper {}is at work in this root", shown(holder.as_ref()))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Who it is, unless the file could not be read.
        holder: Option<Holder>,
    },
    /// The file could not be made, opened or locked.
    #[error(transparent)]
    File(#[from] files::Error),
}

fn shown(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| format!("({holder}) "))
}

/// The lock, held until this value is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct InstanceLock {
    /// Never read: closing it gives the lock back.
    _file: File,
}

impl InstanceLock {
    /// Takes the lock on the file at `path` (made with mode 0600 when there is none) and writes
    /// `holder` into it. Never waits.
    ///
    /// # Errors
    /// [`Error::Held`] if another process, or another value in this process, has it.
    pub fn acquire(path: &Path, holder: &Holder) -> Result<Self, Error> {
        let mut file = open_or_create(path)?;
        if !take(&file).map_err(files::at("lock", path))? {
            let holder = read(&mut file);
            return Err(Error::Held {
                path: path.to_owned(),
                holder,
            });
        }
        // What stands in the file is for people: a full disk must not keep the daemon from starting.
        let _written = write(&mut file, holder);
        Ok(Self { _file: file })
    }
}

/// Who holds the lock at `path`; `None` if nobody does, whatever the file says.
///
/// # Errors
/// The file is there but cannot be opened or asked.
pub fn holder(path: &Path) -> Result<Option<Holder>, Error> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(files::at("open", path))?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(read(&mut file).unwrap_or_else(unknown))),
        Err(TryLockError::Error(error)) => Err(files::at("lock", path)(error).into()),
    }
}

/// A holder that has taken the lock but not yet written who it is.
fn unknown() -> Holder {
    Holder {
        pid: 0,
        since: Timestamp::UNIX_EPOCH,
        version: String::new(),
        what: "starting".to_owned(),
    }
}

fn open_or_create(path: &Path) -> Result<File, files::Error> {
    match files::create_private(path) {
        Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(files::at("open", path)),
        created => created,
    }
}

/// Tries to take the lock for oneself; false if somebody else works under it.
///
/// [`holder`] takes a shared lock for an instant. That must not make a start fail, so a refusal
/// counts only if a shared lock is refused too: then the other one is exclusive.
fn take(file: &File) -> io::Result<bool> {
    const LOOKS: usize = 1_000;
    const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(2);
    for _ in 0..LOOKS {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {}
        }
        match file.try_lock_shared() {
            Ok(()) => file.unlock()?,
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => return Ok(false),
        }
        // On a busy machine the one who only looks may sleep with the shared lock in hand.
        std::thread::park_timeout(LOOK_AGAIN);
    }
    Ok(false)
}

/// What stands in the file; `None` if it is empty or not ours.
fn read(file: &mut File) -> Option<Holder> {
    const MOST: u64 = 4096;
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write(file: &mut File, holder: &Holder) -> io::Result<()> {
    let mut text = serde_json::to_vec(holder)?;
    text.push(b'\n');
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(&text)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        os::unix::fs::PermissionsExt,
        process::{Command, Stdio},
    };

    use super::*;

    fn daemon() -> Holder {
        Holder::this_process("daemon", "2026-11-23T02:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_second_taker_is_told_who_has_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.lock");
        let lock = InstanceLock::acquire(&path, &daemon()).unwrap();
        let error = InstanceLock::acquire(&path, &daemon()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "another bellkeeper (pid {}, daemon, since 2026-11-23T02:00:00Z) \
                 is at work in this root",
                std::process::id()
            )
        );
        assert_eq!(holder(&path).unwrap(), Some(daemon()));
        drop(lock);
        InstanceLock::acquire(&path, &daemon()).unwrap();
    }

    #[test]
    fn the_lock_is_the_truth_not_the_file() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.lock");
        assert_eq!(holder(&path).unwrap(), None);
        drop(InstanceLock::acquire(&path, &daemon()).unwrap());
        assert!(path.exists());
        assert_eq!(holder(&path).unwrap(), None);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_shorter_holder_leaves_nothing_of_a_longer_one() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.lock");
        let long = Holder::this_process("run-job backup-weekly", daemon().since);
        drop(InstanceLock::acquire(&path, &long).unwrap());
        let _lock = InstanceLock::acquire(&path, &daemon()).unwrap();
        assert_eq!(holder(&path).unwrap(), Some(daemon()));
    }

    #[test]
    fn a_foreign_text_under_the_lock_is_no_obstacle() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.lock");
        let file = files::create_private(&path).unwrap();
        file.lock().unwrap();
        let error = InstanceLock::acquire(&path, &daemon()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "another bellkeeper is at work in this root"
        );
        assert_eq!(holder(&path).unwrap().unwrap().to_string(), "starting");
    }

    #[test]
    fn somebody_who_only_looks_does_not_make_a_start_fail() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.lock");
        std::thread::scope(|scope| {
            // Dropped when the loop ends, also by a failure: then the looking ends too.
            let (going_on, ended) = std::sync::mpsc::channel::<()>();
            let path = &path;
            scope.spawn(move || {
                while ended.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                    holder(path).unwrap();
                }
            });
            for _ in 0..200 {
                drop(InstanceLock::acquire(path, &daemon()).unwrap());
            }
            drop(going_on);
        });
    }

    #[test]
    fn a_full_disk_keeps_nobody_from_the_lock() {
        let lock = InstanceLock::acquire(Path::new("/dev/full"), &daemon());
        assert!(lock.is_ok(), "{lock:?}");
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = InstanceLock::acquire(Path::new("/nonexistent/x.lock"), &daemon());
        assert_eq!(
            error.unwrap_err().to_string(),
            "create `/nonexistent/x.lock`"
        );
    }

    #[test]
    fn a_killed_process_gives_the_lock_back() {
        let root = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "lock::tests::child_holding_the_lock"])
            .args(["--ignored", "--nocapture"])
            .current_dir(root.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        assert!(output.lines().any(|line| line.unwrap().contains("held")));
        let path = root.path().join("child.lock");
        assert_eq!(holder(&path).unwrap().unwrap().pid, child.id());
        assert!(InstanceLock::acquire(&path, &daemon()).is_err());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(holder(&path).unwrap(), None);
        InstanceLock::acquire(&path, &daemon()).unwrap();
    }

    #[test]
    #[ignore = "the child process of the test above"]
    #[expect(clippy::print_stdout, reason = "tells its parent that it is ready")]
    fn child_holding_the_lock() {
        let _lock = InstanceLock::acquire(Path::new("child.lock"), &daemon()).unwrap();
        println!("held");
        // Ends when its parent does, if it is not killed before.
        io::stdin().read_line(&mut String::new()).unwrap();
    }
}
