//! The logs that a job means, and which of them it leaves alone.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    RotateLogs,
    pattern::{Pattern, names},
};
use crate::{
    files,
    job::Env,
    logs::{Error, Form, RotatedName},
};

/// A log, there or known by its rotated files only.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) path: PathBuf,
    /// What is known of its file, if there is one.
    pub(super) facts: Option<Metadata>,
    /// Why it is left alone.
    pub(super) refused: Option<Refusal>,
    /// It was named, not found by a pattern.
    pub(super) named: bool,
    /// It or a rotated file of it is in its folder, rather than in the archive alone.
    beside: bool,
    /// When a log of this job was rotated last, by the names of what was there before the run.
    pub(super) newest: Option<Timestamp>,
}

/// Why a file is not rotated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) message: String,
    pub(super) hint: &'static str,
}

/// What makes a log of a name.
#[derive(Debug, Clone, Copy, Default)]
struct Signs {
    /// It or a rotated file of it is in its folder.
    beside: bool,
    /// It is there, or a file that only a rotation leaves: a plain file that is called like one may be
    /// anybody's.
    sure: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Finding {
    /// The logs, sorted by path.
    pub(super) logs: Vec<Log>,
    /// Patterns that no log matches.
    pub(super) without: Vec<Pattern>,
}

/// Finds the logs that the job means.
///
/// # Errors
/// When a folder cannot be read.
pub(super) fn find(job: &RotateLogs, env: &Env) -> Result<Finding, Error> {
    let mut finding = Finding::default();
    let mut seen = HashSet::new();
    let mut newest = None;
    for pattern in &job.files {
        let paths = candidates(job, pattern, env, &mut newest)?;
        let before = finding.logs.len();
        let mut known = false;
        for (path, signs) in paths {
            if !signs.sure && !pattern.is_literal() {
                continue;
            }
            let beside = signs.beside;
            known |= seen.contains(&path);
            if seen.insert(path.clone()) {
                let log = look(job, pattern, path, env)?;
                finding.logs.extend(log.map(|log| Log { beside, ..log }));
            }
        }
        if finding.logs.len() == before && !known {
            finding.without.push(pattern.clone());
        }
    }
    finding.logs.sort_by(|a, b| a.path.cmp(&b.path));
    for log in &mut finding.logs {
        log.newest = newest;
    }
    if job.archive_dir.is_some() {
        drop_shadows(&mut finding.logs);
        refuse_namesakes(&mut finding.logs, env);
    }
    Ok(finding)
}

/// What can be told at load: files and folders that are named and will never be rotated.
pub(super) fn refused(job: &RotateLogs, env: &Env) -> Vec<Refusal> {
    let root = env.settings.root();
    let mut found = Vec::new();
    for pattern in &job.files {
        let outside = pattern
            .folder(root)
            .and_then(|folder| outside(job, &folder, &folder, env));
        if let Some(refusal) = outside {
            found.push(refusal);
        } else if pattern.is_literal() {
            let path: PathBuf = root.join(pattern.to_string()).components().collect();
            let look = look(job, pattern, path, env);
            found.extend(look.ok().flatten().and_then(|log| log.refused));
        }
    }
    found
}

/// Logs that the pattern stands for, also such as are known by a rotated file only, and what of them
/// is there.
fn candidates(
    job: &RotateLogs,
    pattern: &Pattern,
    env: &Env,
    newest: &mut Option<Timestamp>,
) -> Result<BTreeMap<PathBuf, Signs>, files::Error> {
    let root = env.settings.root();
    let archive = job.archive(env);
    let mut found: BTreeMap<PathBuf, Signs> = BTreeMap::new();
    for folder in pattern.folders(root)? {
        for name in names(&folder)? {
            let rotated = name.parse::<RotatedName>();
            let at = rotated.as_ref().ok().map(RotatedName::at);
            let packed = rotated
                .as_ref()
                .map_or(true, |name| name.form() != Form::Plain);
            let (log, beside) = match rotated {
                // A pattern may look into the archive, too.
                Ok(rotated) => (rotated.log().to_owned(), archive.as_ref() != Some(&folder)),
                Err(_) if is_unfinished(&name) => {
                    // Its original was listed before.
                    confirm(&mut found, &folder, &name);
                    continue;
                }
                Err(_) => (name, true),
            };
            if pattern.matches_name(&log) {
                let signs = found.entry(folder.join(log)).or_default();
                signs.beside |= beside;
                signs.sure |= packed || !beside;
                *newest = at.max(*newest);
            }
        }
    }
    if let (Some(archive), Some(folder)) = (archive, pattern.folder(root)) {
        for name in names(&archive)? {
            confirm(&mut found, &folder, &name);
            let rotated = name.parse::<RotatedName>();
            if let Ok(rotated) = rotated
                && pattern.matches_name(rotated.log())
            {
                let signs = found.entry(folder.join(rotated.log())).or_default();
                signs.sure = true;
                *newest = (*newest).max(Some(rotated.at()));
            }
        }
    }
    Ok(found)
}

/// What was to become of a rotated file tells that it is one.
fn confirm(found: &mut BTreeMap<PathBuf, Signs>, folder: &Path, unfinished: &str) {
    if let Some(name) = RotatedName::of_leftover(unfinished)
        && let Some(signs) = found.get_mut(&folder.join(name.log()))
    {
        signs.sure = true;
    }
}

/// A name that a file has only until it is whole.
fn is_unfinished(name: &str) -> bool {
    name.starts_with(files::TEMP_PREFIX) || RotatedName::of_leftover(name).is_some()
}

/// What is at a path; `None` for what only a pattern could take for a log.
fn look(
    job: &RotateLogs,
    pattern: &Pattern,
    path: PathBuf,
    env: &Env,
) -> Result<Option<Log>, Error> {
    let facts = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        facts => Some(facts.map_err(files::at("look at", &path))?),
    };
    let named = pattern.is_literal();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_log = RotatedName::new(&name, env.clock.now());
    let other = facts
        .as_ref()
        .is_some_and(|facts| !facts.is_file() && !facts.is_symlink());
    if !named && (is_log.is_err() || other) {
        return Ok(None);
    }
    let refused = is_log
        .err()
        .map(|error| refusal(error.to_string(), "name the log itself"))
        .or_else(|| outside(job, files::parent(&path), &path, env))
        .or_else(|| precious(&path, env))
        .or_else(|| facts.as_ref().and_then(|facts| link(&path, facts, env)));
    Ok(Some(Log {
        path,
        facts,
        refused,
        named,
        beside: true,
        newest: None,
    }))
}

/// The path as seen from the root, when it is inside.
pub(super) fn within<'a>(path: &'a Path, env: &Env) -> &'a Path {
    path.strip_prefix(env.settings.root()).unwrap_or(path)
}

fn refusal(message: String, hint: &'static str) -> Refusal {
    Refusal { message, hint }
}

/// Refuses what is reached through links: the file behind may be anything, and its other names would
/// go on showing it.
fn link(path: &Path, facts: &Metadata, env: &Env) -> Option<Refusal> {
    let path = within(path, env).display();
    if facts.is_symlink() {
        let message = format!("`{path}` is a symbolic link");
        return Some(refusal(message, "name the file that it leads to"));
    }
    if !facts.is_file() {
        let message = format!("`{path}` is not a file");
        return Some(refusal(message, "name the log itself"));
    }
    let names = facts.nlink();
    let message = format!("`{path}` is one of {names} hard links to a file");
    (names > 1).then(|| refusal(message, "remove the other names"))
}

/// Refuses what lies neither in the root nor in an allowed folder, links on the way followed.
fn outside(job: &RotateLogs, folder: &Path, shown: &Path, env: &Env) -> Option<Refusal> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let real_folder = real(folder);
    let allowed = job.allowed.iter().map(|folder| env.settings.path(folder));
    let mut roots = std::iter::once(env.settings.root().to_owned()).chain(allowed);
    let inside = roots.any(|root| real_folder.starts_with(real(&root)));
    let message = format!(
        "`{}` lies outside of the root",
        within(shown, env).display()
    );
    (!inside).then(|| refusal(message, "add its folder to `allowed`"))
}

/// Refuses what is no log, whatever pattern it matches: databases, configuration, archives.
fn precious(path: &Path, env: &Env) -> Option<Refusal> {
    let settings = &env.settings;
    let archives = env
        .archives
        .values()
        .map(|archives| archives.folder.clone());
    let mut folders = [settings.data(), settings.config()]
        .into_iter()
        .chain(archives);
    let database = files::parent(&env.database) == files::parent(path)
        && path
            .as_os_str()
            .as_encoded_bytes()
            .starts_with(env.database.as_os_str().as_encoded_bytes());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_database = [".db", ".sqlite", "-wal", "-shm", "-journal"]
        .iter()
        .any(|end| name.ends_with(end));
    let is_precious = database
        || is_database
        || path == settings.jobs_file()
        || folders.any(|folder| path.starts_with(folder));
    let message = format!("`{}` is no log", within(path, env).display());
    is_precious.then(|| refusal(message, "name only logs, e.g. `logs/*.log`"))
}

/// A file in the archive could be of any folder that is named: it is of the log that is there, or else
/// of the first one.
fn drop_shadows(logs: &mut Vec<Log>) {
    let name = |log: &Log| log.path.file_name().map(ToOwned::to_owned);
    let there = logs.iter().filter(|log| log.beside).map(name);
    let mut names: HashSet<_> = there.collect();
    logs.retain(|log| log.beside || names.insert(name(log)));
}

/// In one archive folder two logs of one name cannot be told apart: each would take the files of the
/// other for its own. None of them is touched, whichever came first.
fn refuse_namesakes(logs: &mut [Log], env: &Env) {
    let is_link = |log: &Log| log.facts.as_ref().is_some_and(Metadata::is_symlink);
    let mut names: HashMap<_, u32> = HashMap::new();
    // What else is refused may have files in the archive from another time.
    for log in logs.iter().filter(|log| !is_link(log)) {
        let name = log.path.file_name().map(ToOwned::to_owned);
        *names.entry(name).or_default() += 1;
    }
    for log in logs.iter_mut().filter(|log| log.refused.is_none()) {
        let name = log.path.file_name().map(ToOwned::to_owned);
        if names.get(&name).is_some_and(|count| *count > 1) {
            let path = within(&log.path, env).display();
            let message = format!("`{path}` has the name of another log of this job");
            let hint = "give each of them a job with an `archive_dir` of its own";
            log.refused = Some(refusal(message, hint));
        }
    }
}
