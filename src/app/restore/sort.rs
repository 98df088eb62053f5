//! The entries of an archive are sorted into what changes and what does not.

use std::{
    fs,
    os::unix::fs::{MetadataExt, lchown},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{Chosen, Error, Lost, Selection, check, lost::lost, places::Places};
use crate::{
    app::{self, Site},
    archive::{self, Entry, EntryKind, EntryName, Identity, Manifest},
    files,
    job::Plan,
    jobfile::Loaded,
    swap::{self, Act, Item, Kind},
    units::Bytes,
    watch::Watch,
};

/// What is to be restored from.
pub struct Request<'a> {
    /// Where.
    pub site: &'a Site,
    /// The job file, if it can be read.
    pub loaded: Option<&'a Loaded>,
    /// What.
    pub selection: &'a Selection,
    /// The private keys.
    pub identities: &'a [Identity],
    /// The values of variables.
    pub vars: &'a (dyn Fn(&str) -> Option<String> + Sync),
}

/// Everything that is meant, sorted.
pub(super) struct Sorted {
    pub(super) plan: Plan,
    pub(super) lost: Vec<Lost>,
    pub(super) items: Vec<Item>,
    pub(super) staging: swap::Staging,
}

/// How many files are put where nothing is, and how many where something is.
pub(super) fn counts(items: &[Item]) -> (usize, usize) {
    let replaced = items.iter().filter(|item| is_there(&item.target)).count();
    (items.len() - replaced, replaced)
}

pub(super) fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// `Tue 2026-11-24 02:00:00 +08:00` in the computer's zone.
pub(super) fn local(site: &Site, at: Timestamp) -> String {
    let zoned = at.to_zoned(site.zone.zone.clone());
    zoned.strftime("%a %Y-%m-%d %H:%M:%S %:z").to_string()
}

/// Sorts the entries of an archive into what changes and what does not.
pub(super) struct Sorting<'a> {
    request: &'a Request<'a>,
    places: &'a Places,
    staging: swap::Staging,
    pub(super) plan: Plan,
    items: Vec<Item>,
    lost: Vec<Lost>,
    /// What is not touched although the archive has it: why, and how many files.
    held_back: Vec<(String, &'static str, usize)>,
    /// Where everything that is meant belongs, whether it changes or not.
    meant: Vec<PathBuf>,
}

impl<'a> Sorting<'a> {
    pub(super) fn new(
        request: &'a Request<'a>,
        places: &'a Places,
        staging: swap::Staging,
    ) -> Self {
        Self {
            request,
            places,
            staging,
            plan: Plan::default(),
            items: Vec::new(),
            lost: Vec::new(),
            held_back: Vec::new(),
            meant: Vec::new(),
        }
    }

    /// Something that is meant.
    pub(super) fn entry(
        &mut self,
        entry: &Entry,
        manifest: &Manifest,
        watch: &Watch,
    ) -> Result<(), app::Error> {
        let name = entry.path.to_path();
        let staged = self.staging.new_files().join(&name);
        let mut target = self.places.of_entry(&entry.path);
        self.meant.push(target.clone());
        if entry.kind == EntryKind::Folder {
            // Folders are made with what is in them; those that are there stay as they are.
            return Ok(());
        }
        let mut facts = manifest.databases.iter();
        let facts = facts.find(|database| database.entry == entry.path);
        let is_database = facts.is_some()
            || target == self.places.database
            || entry.kind == EntryKind::File && archive::is_database(&staged).unwrap_or(false);
        if is_database && self.is_homeless(&target) {
            return Err(Error::Homeless { path: name }.into());
        }
        if is_database {
            // The file that a link points to is the database.
            target = target.canonicalize().unwrap_or(target);
        }
        if target.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            return Err(Error::InTheWay { path: target }.into());
        }
        if name.to_str().is_none() || target.to_str().is_none() {
            return Err(Error::Name { path: target }.into());
        }
        let kind = if is_database {
            Kind::Database
        } else {
            Kind::File
        };
        let reason = match facts {
            Some(facts) => {
                archive::check_database(&staged, facts, watch)?;
                let database = &self.places.database;
                check::schema(self.request.site, &target, database, facts)?;
                self.database_reason(&target, facts, watch)
            }
            None if is_same(&staged, &target, entry) => {
                self.plan.step("leave", target.display(), "it is the same");
                return Ok(());
            }
            None => file_reason(&target, entry),
        };
        let act = if is_there(&target) {
            "replace"
        } else {
            "create"
        };
        self.plan.step(act, target.display(), reason);
        keep_owner(&staged, &target);
        let folder = self
            .staging
            .folder_for(&name, &target)
            .map_err(Error::Swap)?;
        self.items.push(Item {
            name,
            target,
            folder,
            kind,
            act: Act::Put,
        });
        Ok(())
    }

    /// Whether nobody can tell where a database belongs: its name inside an archive does not say whether
    /// it came from the root, and no job file does.
    fn is_homeless(&self, target: &Path) -> bool {
        let Request {
            site,
            loaded,
            selection,
            ..
        } = self.request;
        loaded.is_none()
            && *target != self.places.database
            && target != site.settings.ledger()
            && !selection.names(target)
    }

    fn database_reason(
        &mut self,
        target: &Path,
        facts: &archive::Database,
        watch: &Watch,
    ) -> String {
        if !is_there(target) {
            return format!("{}; it is not there", Bytes(facts.size()));
        }
        let Some(lost) = lost(target, &facts.tables, watch) else {
            return "what is there cannot be read; it is kept as it is".to_owned();
        };
        let words: Vec<String> = lost.iter().map(Lost::words).collect();
        self.lost.extend(lost);
        if words.is_empty() {
            return "as many rows in every table".to_owned();
        }
        words.join(", ")
    }

    /// The archive has it, but it is not put back.
    pub(super) fn leave(&mut self, name: &EntryName) {
        let target = self.places.of_entry(name);
        let settings = &self.request.site.settings;
        let (subject, reason) = if let Some(reason) = self.places.untouchable(&target) {
            (target.display().to_string(), reason)
        } else if target == settings.ledger() {
            let reason = "history is turned back only if it is named with --only";
            (target.display().to_string(), reason)
        } else if target.starts_with(settings.logs()) && target != settings.logs() {
            let reason = "logs come back only with --only logs";
            (settings.logs().display().to_string(), reason)
        } else {
            return;
        };
        match self
            .held_back
            .iter_mut()
            .find(|(other, ..)| *other == subject)
        {
            Some((.., count)) => *count += 1,
            None => self.held_back.push((subject, reason, 1)),
        }
    }

    /// Files that are there and not in the archive: they stay.
    fn stay(&mut self) {
        let settings = &self.request.site.settings;
        let known: Vec<PathBuf> = self.items.iter().map(|it| it.target.clone()).collect();
        let same: Vec<String> = self
            .plan
            .steps
            .iter()
            .map(|it| it.subject.clone())
            .collect();
        for folder in self.request.selection.folders(settings) {
            for path in files_in(&folder) {
                let shown = path.display().to_string();
                if !known.contains(&path) && !same.contains(&shown) {
                    self.plan.step("keep", shown, "it is not in the archive");
                }
            }
        }
    }

    /// The plan is complete; what will stand is tried.
    pub(super) fn finish(
        mut self,
        chosen: &Chosen,
        manifest: &Manifest,
    ) -> Result<Sorted, app::Error> {
        let site = self.request.site;
        let missing = self.request.selection.missing(&self.meant);
        if self.meant.is_empty() || !missing.is_empty() {
            let asked = if missing.is_empty() {
                self.request.selection.asked()
            } else {
                missing
            };
            return Err(Error::HoldsNone {
                path: chosen.path.clone(),
                asked,
                holds: tops(manifest),
            }
            .into());
        }
        let scratch = self.staging.folder().join("calendars");
        check::job_file(site, self.request.vars, &self.items, &scratch, &chosen.path)?;
        self.stay();
        for (subject, reason, count) in std::mem::take(&mut self.held_back) {
            let files = if count > 1 {
                format!(" ({count} entries)")
            } else {
                String::new()
            };
            self.plan.step("leave", subject, format!("{reason}{files}"));
        }
        if !self.items.is_empty() {
            let (_, replaced) = counts(&self.items);
            if replaced > 0 {
                let folder = self.staging.folder().display();
                let reason = "what is replaced; `restore --undo` puts it back";
                self.plan.step("keep", folder, reason);
            }
            let kept = swap::kept(&site.settings.data()).map_err(Error::Swap)?;
            for old in swap::outdated(&kept) {
                let reason = format!("only the newest {} of these stay", swap::KEPT);
                self.plan.step("remove", old.folder.display(), reason);
            }
        }
        Ok(Sorted {
            plan: self.plan,
            lost: self.lost,
            items: self.items,
            staging: self.staging,
        })
    }
}

/// Root restores for others: the new file belongs to whom the old one, or its folder, belongs. Nobody
/// else may give files away.
fn keep_owner(staged: &Path, target: &Path) {
    let owner = target
        .symlink_metadata()
        .or_else(|_| files::parent(target).metadata());
    if let Ok(owner) = owner
        && rustix::process::geteuid().is_root()
    {
        let _given = lchown(staged, Some(owner.uid()), Some(owner.gid()));
    }
}

/// Whether a file or link is what it would become. Never asked of databases.
fn is_same(staged: &Path, target: &Path, entry: &Entry) -> bool {
    if entry.kind == EntryKind::Link {
        let targets = (fs::read_link(staged).ok(), fs::read_link(target).ok());
        return matches!(targets, (Some(new), Some(old)) if new == old);
    }
    let length = target.symlink_metadata().ok().map(|found| found.len());
    length == Some(entry.size) && archive::sum_of_file(target).is_ok_and(|sum| sum == entry.sha256)
}

fn file_reason(target: &Path, entry: &Entry) -> String {
    match target.symlink_metadata() {
        Ok(now) => {
            let (now, then) = (Bytes(now.len()), Bytes(entry.size));
            if now == then {
                format!("{then} of another content")
            } else {
                format!("{then} instead of {now}")
            }
        }
        Err(_) => format!("{}; it is not there", Bytes(entry.size)),
    }
}

/// The files in a folder, however deep; nothing that a restore keeps.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    const MOST: usize = 10_000;
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let bytes = name.as_encoded_bytes();
            if bytes.starts_with(crate::settings::KEPT_ASIDE.as_bytes()) || found.len() >= MOST {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}

/// The first parts of the names in an archive.
fn tops(manifest: &Manifest) -> Vec<String> {
    let first = |entry: &Entry| {
        let path = entry.path.to_path();
        let first = path.components().next();
        first.map(|part| part.as_os_str().to_string_lossy().into_owned())
    };
    let mut tops: Vec<String> = manifest.entries.iter().filter_map(first).collect();
    tops.sort();
    tops.dedup();
    tops
}
