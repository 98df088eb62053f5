//! Which files are meant: a path with `*` and `?` in its names.

use std::{
    fmt, fs, io,
    path::{Component, Path, PathBuf},
    str::FromStr,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::files;

/// A path whose names may hold `*` (any characters) and `?` (one); neither stands for a `/` or for
/// the dot at the start of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Pattern(String);

impl Pattern {
    /// `logs/*.log`.
    pub(super) fn logs() -> Self {
        Self("logs/*.log".to_owned())
    }

    /// Whether it stands for one file, not for all that are called like it.
    pub(super) fn is_literal(&self) -> bool {
        !self.0.contains(['*', '?'])
    }

    /// The path, taken from `root`.
    fn path(&self, root: &Path) -> PathBuf {
        root.join(&self.0).components().collect()
    }

    /// The folder it looks into, if that is one.
    pub(super) fn folder(&self, root: &Path) -> Option<PathBuf> {
        let path = self.path(root);
        let folder = files::parent(&path);
        let literal = !self.0.rsplit_once('/')?.0.contains(['*', '?']);
        literal.then(|| folder.to_owned())
    }

    /// Whether a file could be called so.
    pub(super) fn matches_name(&self, name: &str) -> bool {
        let last = self.0.rsplit('/').next().unwrap_or_default();
        matches(last, name)
    }

    /// Whether it stands for `path`.
    pub(super) fn matches(&self, path: &Path, root: &Path) -> bool {
        fits(&self.path(root), path)
    }

    /// Whether what it stands for may lie in `folder`.
    pub(super) fn looks_into(&self, folder: &Path, root: &Path) -> bool {
        fits(files::parent(&self.path(root)), folder)
    }

    /// The folders it looks into that are there.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub(super) fn folders(&self, root: &Path) -> Result<Vec<PathBuf>, files::Error> {
        let path = self.path(root);
        let mut folders = vec![PathBuf::new()];
        for part in files::parent(&path).components() {
            let name = part.as_os_str().to_string_lossy();
            if !name.contains(['*', '?']) {
                for folder in &mut folders {
                    folder.push(part);
                }
                continue;
            }
            let mut next = Vec::new();
            for folder in folders {
                let inside = names(&folder)?
                    .into_iter()
                    .filter(|own| matches(&name, own));
                next.extend(
                    inside
                        .map(|own| folder.join(own))
                        .filter(|path| path.is_dir()),
                );
            }
            folders = next;
        }
        Ok(folders)
    }
}

/// The names in a folder, sorted; none where there is no folder. What is no text is nobody's log.
///
/// # Errors
/// When it cannot be read.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, files::Error> {
    let reading = files::at("read folder", folder);
    let entries = match fs::read_dir(folder) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        entries => entries.map_err(&reading)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(&reading)?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// Whether each part of `path` is what that part of `pattern` means.
fn fits(pattern: &Path, path: &Path) -> bool {
    let (mut wanted, mut given) = (pattern.components(), path.components());
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(Component::Normal(wanted)), Some(Component::Normal(given))) => {
                if !matches(&wanted.to_string_lossy(), &given.to_string_lossy()) {
                    return false;
                }
            }
            (wanted, given) if wanted == given => {}
            _ => return false,
        }
    }
}

/// Whether `name` is what `pattern` means; both are single names.
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where to go on if it does not fit: behind the last star, one character later.
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, n + 1));
                p += 1;
            }
            Some(c) if *c == '?' || name.get(n) == Some(c) => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((after, at)) => {
                    (p, n) = (after, at);
                    retry = Some((after, at + 1));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown: String = text.chars().take(80).collect();
        let wrong = |why: &str| Err(format!("`{shown}`: {why}"));
        if text.trim().is_empty() || text.ends_with('/') {
            return wrong("expected the path of a file, such as `logs/*.log`");
        }
        if text.contains("**") {
            return wrong("`**` is not known: name each folder, or use `*` for one");
        }
        if text.contains(['[', ']', '{', '}']) {
            return wrong("only `*` and `?` are known: write several patterns instead");
        }
        if Path::new(text)
            .components()
            .any(|part| part == Component::ParentDir)
        {
            return wrong("it leaves the root with `..`: write the whole path");
        }
        if !text.contains('/') {
            // Names in the root itself: jobs.yaml would be one.
            return Ok(Self(format!("./{text}")));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_characters_of_a_name() {
        for (pattern, name, expected) in [
            ("*.log", "a.log", true),
            ("*.log", ".log", false),
            (".*", ".log", true),
            ("*.log", "a.log.1", false),
            ("a?c*", "abc", true),
            ("a?c*", "ac", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("*", "", true),
            ("a", "a", true),
            ("?", "ü", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_path_is_meant_part_by_part() {
        let root = Path::new("/box");
        let pattern: Pattern = "logs/*/a?.log".parse().unwrap();
        assert!(pattern.matches(Path::new("/box/logs/x/ab.log"), root));
        assert!(!pattern.matches(Path::new("/box/logs/ab.log"), root));
        assert!(!pattern.matches(Path::new("/box/logs/x/y/ab.log"), root));
        assert_eq!(pattern.folder(root), None);
        assert!(pattern.looks_into(Path::new("/box/logs/x"), root));
        assert!(!pattern.looks_into(Path::new("/box/logs"), root));
        let whole: Pattern = "/var/log/x.log".parse().unwrap();
        assert!(whole.is_literal() && whole.matches(Path::new("/var/log/x.log"), root));
        assert_eq!(whole.folder(root), Some("/var/log".into()));
    }

    #[test]
    fn what_is_not_known_is_refused_with_a_remedy() {
        for (text, told) in [
            ("", "expected the path of a file"),
            ("logs/", "expected the path of a file"),
            ("logs/**/x.log", "name each folder"),
            ("logs/[ab].log", "write several patterns"),
            ("logs/{a,b}.log", "write several patterns"),
            ("../x.log", "write the whole path"),
        ] {
            let error = text.parse::<Pattern>().unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn folders_that_are_not_there_are_none() {
        let root = tempfile::tempdir().unwrap();
        let pattern: Pattern = "logs/*/x.log".parse().unwrap();
        assert_eq!(
            pattern.folders(root.path()).unwrap(),
            [""; 0].map(PathBuf::from)
        );
        for name in ["b", "a"] {
            files::create_private_dir(&root.path().join("logs").join(name)).unwrap();
        }
        files::write_new(&root.path().join("logs/file"), b"").unwrap();
        let found = pattern.folders(root.path()).unwrap();
        assert_eq!(
            found,
            ["a", "b"].map(|name| root.path().join("logs").join(name))
        );
    }

    proptest! {
        #[test]
        fn a_pattern_made_of_a_name_stands_for_it(name in "[a-c]{0,8}", cuts in prop::collection::vec(0usize..9, 0..3)) {
            let mut pattern = name.clone();
            for cut in cuts {
                pattern.insert(cut.min(pattern.len()), '*');
            }
            prop_assert!(matches(&pattern, &name), "{} {}", pattern, name);
        }

        #[test]
        fn no_text_makes_a_pattern_panic(text in "\\PC*", name in "\\PC*") {
            let _ = (text.parse::<Pattern>(), matches(&text, &name));
        }
    }
}
