//! Strategies and watch lists that jobs need: they must be there, be good and have what is named.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    problem::Problem,
    problems::Problems,
    source::Place,
    strategies::{self, bytes},
};
use crate::{
    analysis::{Strategy, Symbol},
    job::{Env, JobSpec, Rules, RulesWanted},
    settings::{Settings, shipped},
    suggest::{all_of, nearest},
};

/// What a job needs, and where it says so.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) rules: RulesWanted,
    /// The names of strategies with their places.
    pub(super) names: Vec<(String, Place)>,
    /// Where strategies are spoken of.
    pub(super) strategies: Place,
    /// Where the watch list is named.
    pub(super) list: Place,
}

/// What was read, and what is wrong.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) rules: Rules,
    /// Of the job file.
    pub(super) problems: Vec<Problem>,
    /// Of the other files, each once, if a job needs it.
    pub(super) others: Vec<Problems>,
    /// The same where none does: nothing is kept from running by it.
    pub(super) unused: Vec<Problems>,
}

/// Reads the files that the jobs need, and those that are there although no job does.
pub(super) fn of(specs: &[JobSpec], wanted: &[Wanted], env: &Env) -> Read {
    let mut read = Read::default();
    read.strategies(wanted, env);
    read.lists(wanted, env);
    let calendars = specs.iter().filter_map(|spec| {
        let calendar = spec.policy.calendar.clone()?;
        Some((spec.name.clone(), calendar))
    });
    read.rules.calendars = calendars.collect();
    read
}

/// Reads the text of a file that is called so in messages.
type Reading<T> = fn(&[u8], &str) -> Result<Vec<T>, Box<Problems>>;

/// What came of looking for a file.
enum Looked<T> {
    Good(T),
    Wrong(Box<Problems>),
    Missing,
}

impl Read {
    fn strategies(&mut self, wanted: &[Wanted], env: &Env) {
        let path = env.settings.strategies();
        let looked = look(&path, env, shipped::STRATEGIES, strategies::strategies);
        match looked {
            Looked::Good(list) => self.rules.strategies = list.into(),
            Looked::Wrong(problems) if wanted.is_empty() => self.unused.push(*problems),
            Looked::Wrong(problems) => {
                self.each(wanted.iter().map(|it| it.strategies), |place| {
                    wrong(place, problems.file())
                });
                self.others.push(*problems);
            }
            Looked::Missing => {
                let file = shown(&path, &env.settings);
                self.each(wanted.iter().map(|it| it.strategies), |place| {
                    missing(
                        place,
                        &file,
                        "strategies: {oversold: {side: buy, when: \"rsi(14) < 30\"}}",
                    )
                });
            }
        }
        if !self.rules.strategies.is_empty() {
            let unknown = wanted.iter().flat_map(|it| &it.names);
            let unknown =
                unknown.filter_map(|(name, place)| unknown_name(name, *place, &self.rules));
            self.problems.extend(unknown.collect::<Vec<_>>());
        }
    }

    fn lists(&mut self, wanted: &[Wanted], env: &Env) {
        let mut places: BTreeMap<PathBuf, Vec<Place>> = BTreeMap::new();
        let usual = env.settings.watch_list();
        if usual.exists() {
            places.insert(usual.clone(), Vec::new());
        }
        for wanted in wanted {
            if let Some(list) = &wanted.rules.list {
                places.entry(list.clone()).or_default().push(wanted.list);
            }
        }
        for (path, places) in places {
            let shipped = if path == usual {
                shipped::WATCH_LIST
            } else {
                ""
            };
            match look(&path, env, shipped, strategies::symbols) {
                Looked::Good(list) => {
                    let list: Arc<[Symbol]> = list.into();
                    self.rules.lists.insert(path, list);
                }
                Looked::Wrong(problems) if places.is_empty() => self.unused.push(*problems),
                Looked::Wrong(problems) => {
                    self.each(places.into_iter(), |place| wrong(place, problems.file()));
                    self.others.push(*problems);
                }
                Looked::Missing => {
                    let file = shown(&path, &env.settings);
                    self.each(places.into_iter(), |place| {
                        missing(place, &file, "symbols: [AAPL, MSFT]")
                    });
                }
            }
        }
    }

    fn each(&mut self, places: impl Iterator<Item = Place>, problem: impl Fn(Place) -> Problem) {
        self.problems.extend(places.map(problem));
    }
}

/// Reads a file; what is not there before the first start is what that will make.
fn look<T>(path: &Path, env: &Env, shipped: &str, read: Reading<T>) -> Looked<Vec<T>> {
    let name = shown(path, &env.settings);
    let text = if path.symlink_metadata().is_ok() {
        bytes(path, &name)
    } else if !shipped.is_empty() && is_fresh(env) {
        Ok(shipped.as_bytes().to_vec())
    } else {
        return Looked::Missing;
    };
    match text.and_then(|text| read(&text, &name)) {
        Ok(list) => Looked::Good(list),
        Err(problems) => Looked::Wrong(problems),
    }
}

/// Whether nothing has ever run here.
fn is_fresh(env: &Env) -> bool {
    let is_missing = |path: &Path| path.symlink_metadata().is_err();
    is_missing(&env.settings.ledger()) || is_missing(&env.database)
}

/// The path as it is seen from the root.
fn shown(path: &Path, settings: &Settings) -> String {
    let inside = path.strip_prefix(settings.root()).unwrap_or(path);
    inside.display().to_string()
}

fn wrong(place: Place, file: &str) -> Problem {
    let message = format!("the file `{file}` is wrong");
    Problem::new(place, message).hint(format!("mend `{file}`"))
}

fn missing(place: Place, file: &str, example: &str) -> Problem {
    let message = format!("there is no `{file}`");
    Problem::new(place, message).hint(format!("write it, e.g. `{example}`"))
}

fn unknown_name(name: &str, place: Place, rules: &Rules) -> Option<Problem> {
    let known: Vec<&str> = rules
        .strategies
        .iter()
        .map(|rule: &Strategy| rule.name.as_str())
        .collect();
    if known.contains(&name) {
        return None;
    }
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", all_of(&known)),
    };
    Some(Problem::new(place, format!("no strategy is called `{name}`")).hint(hint))
}
