//! Folders that belong to one job alone.

use std::path::{Component, Path, PathBuf};

use super::{problem::Problem, source::Place};
use crate::job::{Env, JobSpec};

/// A folder and the job that owns it.
#[derive(Debug, Clone)]
pub(super) struct Owned {
    pub(super) folder: PathBuf,
    /// The position of the job in the file.
    pub(super) order: usize,
    pub(super) job: String,
    pub(super) place: Place,
}

/// Where the job at this position of the file says which logs it rotates, and where they go.
#[derive(Debug, Clone)]
pub(super) struct Rotation {
    pub(super) order: usize,
    pub(super) files: Place,
    pub(super) archive: Place,
}

/// A problem for each job that would rotate, and in time remove, what another one has put away.
pub(super) fn mixed_logs(specs: &[JobSpec], env: &Env, rotations: &[Rotation]) -> Vec<Problem> {
    let of = |rotation: &Rotation| specs.get(rotation.order).map(|spec| &spec.job);
    let mut problems = Vec::new();
    for keeper in rotations {
        let folder = of(keeper).and_then(|job| job.log_archive(env));
        let (Some(folder), Some(spec)) = (folder, specs.get(keeper.order)) else {
            continue;
        };
        let others = rotations.iter().filter(|other| {
            other.order != keeper.order
                && of(other).is_some_and(|job| job.rotates_in(&normal(&folder), env))
        });
        problems.extend(others.map(|other| {
            let message = format!(
                "the folder `{}` holds the rotated logs of the job `{}`",
                folder
                    .strip_prefix(env.settings.root())
                    .unwrap_or(&folder)
                    .display(),
                spec.name
            );
            Problem::new(other.files, message)
                .also(keeper.archive, "the other job")
                .hint("name the folders where logs are written; leave the rest to that job")
        }));
    }
    problems
}

/// A problem for each job that owns a folder of another job, or one inside or around it; told at
/// the later job.
pub(super) fn clashes(owned: &[Owned]) -> Vec<Problem> {
    let mut sorted: Vec<(PathBuf, &Owned)> = owned
        .iter()
        .map(|owned| (normal(&owned.folder), owned))
        .collect();
    // By components: what is inside a folder follows it directly.
    sorted.sort_by(|a, b| (&a.0, a.1.order).cmp(&(&b.0, b.1.order)));
    let mut problems = Vec::new();
    let mut around: Vec<(PathBuf, &Owned)> = Vec::new();
    for (folder, owned) in sorted {
        while around
            .last()
            .is_some_and(|(outer, _)| !folder.starts_with(outer))
        {
            around.pop();
        }
        let other = around.iter().rfind(|(_, other)| other.order != owned.order);
        if let Some((outer, other)) = other {
            problems.push(clash(owned, other, *outer == folder));
        }
        around.push((folder, owned));
    }
    problems
}

fn clash(one: &Owned, other: &Owned, equal: bool) -> Problem {
    let (first, second) = if one.order < other.order {
        (one, other)
    } else {
        (other, one)
    };
    let folder = second.folder.display();
    let message = if equal {
        format!(
            "the folder `{folder}` belongs to the job `{}` already",
            first.job
        )
    } else {
        let outer = first.folder.display();
        format!(
            "the folder `{folder}` and the folder `{outer}` of the job `{}` are inside one another",
            first.job
        )
    };
    Problem::new(second.place, message)
        .also(first.place, "the other job")
        .hint("give each job a folder of its own")
}

/// The path without `.` and `..`, as far as the text tells.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(folders: &[(&str, usize)]) -> Vec<Owned> {
        let one = |&(folder, order): &(&str, usize)| Owned {
            folder: folder.into(),
            order,
            job: format!("job{order}"),
            place: Place {
                line: u32::try_from(order).unwrap(),
                ..Place::FILE
            },
        };
        folders.iter().map(one).collect()
    }

    fn lines(folders: &[(&str, usize)]) -> Vec<(u32, u32)> {
        let problems = clashes(&owned(folders));
        problems
            .iter()
            .map(|p| (p.place.line, p.also.unwrap().0.line))
            .collect()
    }

    #[test]
    fn equal_and_nested_folders_clash() {
        assert_eq!(lines(&[("/a/b", 1), ("/a/./c/../b", 2)]), [(2, 1)]);
        assert_eq!(lines(&[("/a/b/c", 1), ("/a", 2)]), [(2, 1)]);
        assert_eq!(lines(&[("/a", 1), ("/a-b", 3), ("/a/b", 2)]), [(2, 1)]);
    }

    #[test]
    fn neighbours_and_folders_of_one_job_do_not() {
        assert_eq!(lines(&[("/a/b", 1), ("/a/bc", 2), ("/a/c", 3)]), []);
        assert_eq!(lines(&[("/a", 1), ("/a/b", 1)]), []);
    }

    #[test]
    fn the_message_names_both() {
        let problems = clashes(&owned(&[("/a", 1), ("/a/b", 2)]));
        assert_eq!(
            problems[0].message,
            "the folder `/a/b` and the folder `/a` of the job `job1` are inside one another"
        );
    }
}
