//! The folders of swaps: made, listed, swept and removed.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    Error,
    record::{Kept, Record, Side, State},
};
use crate::{
    files,
    lock::{Holder, InstanceLock},
    settings::KEPT_ASIDE,
};

/// How the folders of swaps are called; what is called so is in no backup.
pub const PREFIX: &str = KEPT_ASIDE;
/// How many swaps can be turned; older ones are removed.
pub const KEPT: usize = 2;
/// The file whose lock says that somebody is at work in the folder.
pub(super) const LOCK: &str = "lock";

/// The file that names the folders of the same swap on other filesystems.
const OTHERS: &str = "others.json";

/// A folder in which files wait to be swapped. Removed when it is dropped, unless it has a record.
#[derive(Debug)]
pub struct Staging {
    pub(super) folder: PathBuf,
    /// Folders of the same swap on other filesystems.
    others: Vec<PathBuf>,
    /// Set once there is a record: then the folder stays.
    pub(super) recorded: bool,
    pub(super) _lock: InstanceLock,
}

impl Staging {
    /// Makes a folder for a swap in `data`.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn create(data: &Path, now: Timestamp) -> Result<Self, Error> {
        files::create_private_dir(data)?;
        let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut folder = data.join(format!("{PREFIX}{stamp}"));
        for serial in 2.. {
            if folder.symlink_metadata().is_err() {
                break;
            }
            folder = data.join(format!("{PREFIX}{stamp}-{serial:02}"));
        }
        files::create_private_dir(&folder)?;
        let lock = take(&folder, now)?;
        Ok(Self {
            folder,
            others: Vec::new(),
            recorded: false,
            _lock: lock,
        })
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the files that shall come are put; not made yet.
    pub fn new_files(&self) -> PathBuf {
        self.folder.join(Side::New.folder())
    }

    /// The folder of this swap on the filesystem of `target`: this one, or one beside the target, to
    /// which the file called `name` is moved.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn folder_for(&mut self, name: &Path, target: &Path) -> Result<PathBuf, Error> {
        let above = existing(files::parent(target));
        if device(&above) == device(&self.folder) {
            return Ok(self.folder.clone());
        }
        let folder = above.join(self.folder.file_name().unwrap_or_default());
        self.make_other(&folder)?;
        let (from, to) = (
            self.new_files().join(name),
            folder.join(Side::New.folder()).join(name),
        );
        files::create_private_dir(files::parent(&to))?;
        copy(&from, &to)?;
        files::remove(&from)?;
        Ok(folder)
    }

    /// Makes a folder of this swap elsewhere; that there is one is written down first, so that it is
    /// found and swept when this process dies.
    pub(super) fn make_other(&mut self, folder: &Path) -> Result<(), Error> {
        if self.others.iter().any(|other| other == folder) {
            return Ok(());
        }
        self.others.push(folder.to_owned());
        let path = self.folder.join(OTHERS);
        let bytes = serde_json::to_vec(&self.others).map_err(|error| Error::Record {
            path: path.clone(),
            what: error.to_string(),
        })?;
        files::write_atomic(&path, &bytes)?;
        Ok(files::create_private_dir(folder)?)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // A record that cannot be taken back keeps what it speaks of: it will be found not begun.
        if !self.recorded && Record::erase(&self.folder).is_ok() {
            for folder in self.others.iter().chain([&self.folder]) {
                // What cannot be removed now is swept by the next command that works here.
                let _removed = files::remove_tree(folder);
            }
        }
    }
}

/// Removes the folder of a swap that never began, and those of it on other filesystems.
pub(super) fn sweep(folder: &Path) -> Result<(), Error> {
    let path = folder.join(OTHERS);
    let others: Vec<PathBuf> = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => {
            let bytes = read.map_err(files::at("read", &path))?;
            serde_json::from_slice(&bytes).map_err(|error| Error::Record {
                path: path.clone(),
                what: error.to_string(),
            })?
        }
    };
    // A folder of another name is none of this swap, whoever has written it there.
    let name = folder.file_name();
    for other in others.iter().filter(|other| other.file_name() == name) {
        files::remove_tree(other)?;
    }
    Ok(files::remove_tree(folder)?)
}

/// Takes the lock of a folder; the system gives it back when the process dies.
pub(super) fn take(folder: &Path, now: Timestamp) -> Result<InstanceLock, Error> {
    let holder = Holder::this_process("restore", now);
    Ok(InstanceLock::acquire(&folder.join(LOCK), &holder)?)
}

/// The nearest folder above that is there.
fn existing(folder: &Path) -> PathBuf {
    let found = folder.ancestors().find(|folder| folder.is_dir());
    found.unwrap_or(Path::new("/")).to_owned()
}

fn device(path: &Path) -> Option<u64> {
    path.metadata().ok().map(|found| found.dev())
}

/// Copies a file or link to another filesystem, durably, with its permissions.
fn copy(from: &Path, to: &Path) -> Result<(), files::Error> {
    if let Ok(target) = fs::read_link(from) {
        return symlink(target, to).map_err(files::at("copy", from));
    }
    let mut out = files::create_private(to)?;
    let mut copy = || {
        let mut source = fs::File::open(from)?;
        io::copy(&mut source, &mut out)?;
        out.set_permissions(source.metadata()?.permissions())?;
        out.set_times(fs::FileTimes::new().set_modified(source.metadata()?.modified()?))?;
        out.sync_all()
    };
    copy().map_err(files::at("copy", from))
}

/// The folders of swaps in `data`, oldest first.
pub(super) fn folders(data: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(data) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(files::at("read", data))?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry.map_err(files::at("read", data))?;
        let ours = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX));
        if ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

/// That every swap in `data` is over: one that comes on top of another would be ended after it, with
/// older files.
///
/// # Errors
/// [`Error::Unfinished`] names the one that is not; [`Error::File`].
pub fn check_over(data: &Path) -> Result<(), Error> {
    for path in folders(data)? {
        match Record::read(&path) {
            Err(Error::Record { .. }) => {}
            Err(error) => return Err(error),
            Ok(Some(record)) if matches!(record.state, State::Going | State::TakingBack) => {
                return Err(Error::Unfinished { path });
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

/// The swaps that are over and can be turned, the newest first. A record that this program does not
/// know is passed over: its folder is nobody's to touch.
///
/// # Errors
/// [`Error::File`] if `data`, or a record, cannot be read.
pub fn kept(data: &Path) -> Result<Vec<Kept>, Error> {
    let mut all = Vec::new();
    for folder in folders(data)? {
        match Record::read(&folder) {
            Ok(Some(record)) if record.state == State::Kept => all.push(Kept { folder, record }),
            Ok(_) | Err(Error::Record { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    all.sort_by(|a, b| (b.record.at, &b.folder).cmp(&(a.record.at, &a.folder)));
    Ok(all)
}

/// Those of `kept` that go when one more comes, oldest last.
pub fn outdated(kept: &[Kept]) -> &[Kept] {
    kept.get(KEPT.saturating_sub(1)..).unwrap_or_default()
}

/// Removes a swap that is over, for ever.
///
/// # Errors
/// [`Error::File`]; half of it that is left is swept later.
pub fn remove(kept: &Kept) -> Result<(), Error> {
    discard(&kept.folder, &kept.record)
}

/// Removes the folders of a swap; that it is over is written down first, so that nobody takes the rest
/// for one that is not.
pub(super) fn discard(folder: &Path, record: &Record) -> Result<(), Error> {
    let over = Record {
        state: State::Over,
        ..record.clone()
    };
    over.write(folder)?;
    for item in &record.items {
        if item.folder != folder {
            files::remove_tree(&item.folder)?;
        }
    }
    Record::erase(folder)?;
    Ok(files::remove_tree(folder)?)
}
