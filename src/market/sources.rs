//! From names in a job file, variables and `.env` to a chain.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    AlphaVantage, Calls, Chain, Csv, Limits, Patience, Yahoo,
    alpha_vantage::KEY,
    http::Base,
    links::{Known, Link, Links},
    remote::Server,
};
use crate::{
    clock::Clock,
    dotenv::{self, EnvFile},
    schedule::Calendar,
};

/// The switch that makes the backup answer at once.
const BACKUP: &str = "BACKUP_DATA_SOURCE";

/// Where Alpha Vantage is, if elsewhere.
const ALPHA_VANTAGE_URL: &str = "ALPHA_VANTAGE_BASE_URL";

/// How many requests a day its key allows, if not 25.
const PER_DAY: &str = "ALPHA_VANTAGE_CALLS_PER_DAY";

/// Where Yahoo is, if elsewhere.
const YAHOO_URL: &str = "YAHOO_BASE_URL";

/// All variables that sources know.
const VARIABLES: [&str; 5] = [KEY, BACKUP, ALPHA_VANTAGE_URL, PER_DAY, YAHOO_URL];

/// What a key without a paid plan allows.
const FREE: Limits = Limits {
    per_day: Some(25),
    apart: Duration::from_millis(1_050),
};

/// A source as a job file names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceName {
    /// Files under a folder.
    Csv,
    /// Alpha Vantage, with the key `ALPHA_VANTAGE_API_KEY`.
    AlphaVantage,
    /// Yahoo's charts.
    Yahoo,
    /// Alpha Vantage if there is a key, then Yahoo, then files.
    Auto,
}

/// What a chain is made of.
#[derive(Debug, Clone)]
pub struct Choice<'a> {
    /// The sources, in the order in which they are asked.
    pub names: &'a [SourceName],
    /// The folder of `SYMBOL.csv` files; without one, the sample that comes with the program.
    pub prices: Option<&'a Path>,
    /// When the exchange trades: prices are fetched anew only when there can be new ones.
    pub calendar: Option<Arc<Calendar>>,
}

/// Why there is no chain.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    /// A variable has a value that makes no sense.
    #[error("the variable {name}: {what}")]
    Variable {
        /// Which.
        name: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

/// What sources have in common within a process: the variables, breakers, and bars that were just
/// fetched. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Sources(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// What the environment of the process says.
    environment: BTreeMap<&'static str, SecretString>,
    env_file: PathBuf,
    sample: PathBuf,
    patience: Patience,
    known: Arc<Known>,
}

impl Sources {
    /// The sources of a root. `environment` is asked now; `.env` is read each time a chain is made, so
    /// that another key counts at once. What stands in both is taken from the environment.
    pub fn new(root: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name| Some((name, SecretString::from(environment(name)?)));
        Self(Arc::new(Inner {
            environment: VARIABLES.into_iter().filter_map(set).collect(),
            env_file: root.join(".env"),
            sample: root.join("config/sample/prices"),
            patience: Patience::default(),
            known: Arc::default(),
        }))
    }

    /// The same with other limits of time; what is known is not shared.
    #[must_use]
    pub fn with_patience(&self, patience: Patience) -> Self {
        Self(Arc::new(Inner {
            environment: self.0.environment.clone(),
            env_file: self.0.env_file.clone(),
            sample: self.0.sample.clone(),
            patience,
            known: Arc::default(),
        }))
    }

    /// A chain of the sources that are named. Their requests are written down in `calls`.
    ///
    /// A missing or impossible key, or a `.env` that cannot be read, is no error here: that source
    /// refuses without asking, and the next one stands in.
    ///
    /// # Errors
    /// [`SourcesError`]
    pub fn chain(
        &self,
        choice: &Choice<'_>,
        calls: Arc<dyn Calls>,
        clock: Clock,
    ) -> Result<Chain, SourcesError> {
        let variables = self.variables();
        let (names, forced) = order(choice.names, variables.has_key(), variables.backup()?);
        let mut list = Vec::new();
        for name in names {
            list.push(self.link(name, choice, &variables)?);
        }
        Ok(Chain {
            links: Links {
                list,
                alpha_vantage: variables.limits()?,
                forced: forced.map(str::to_owned),
                warnings: variables.warnings(&self.0.env_file),
            },
            known: Arc::clone(&self.0.known),
            calls,
            clock,
            calendar: choice.calendar.clone(),
        })
    }

    /// Forgets the bars that were fetched; how many there were.
    pub fn clear(&self) -> usize {
        self.0.known.cache.clear()
    }

    fn link(
        &self,
        name: Named,
        choice: &Choice<'_>,
        variables: &Variables<'_>,
    ) -> Result<Link, SourcesError> {
        let patience = self.0.patience;
        Ok(match name {
            Named::Csv => {
                let sample = choice.prices.is_none_or(|folder| folder == self.0.sample);
                let folder = choice.prices.unwrap_or(&self.0.sample);
                Link::Csv(Csv::new(folder.to_owned(), sample))
            }
            Named::AlphaVantage => {
                let base = variables.base(ALPHA_VANTAGE_URL, AlphaVantage::HOME)?;
                let server = AlphaVantage::new(variables.key(), base, patience);
                Link::Remote(Server::AlphaVantage(server))
            }
            Named::Yahoo => {
                let base = variables.base(YAHOO_URL, Yahoo::HOME)?;
                Link::Remote(Server::Yahoo(Yahoo::new(base, patience)))
            }
        })
    }

    fn variables(&self) -> Variables<'_> {
        let (file, broken) = match dotenv::read(&self.0.env_file) {
            Ok(file) => (file.unwrap_or_default(), None),
            Err(error) => (EnvFile::default(), Some(error.to_string())),
        };
        Variables {
            environment: &self.0.environment,
            file,
            broken,
        }
    }
}

/// A source without `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Csv,
    AlphaVantage,
    Yahoo,
}

/// The sources in their order, each once; with `backup`, Yahoo in the place of Alpha Vantage, and why.
fn order(names: &[SourceName], key: bool, backup: bool) -> (Vec<Named>, Option<&'static str>) {
    let mut all: Vec<Named> = Vec::new();
    for name in names {
        let these: &[Named] = match name {
            SourceName::Csv => &[Named::Csv],
            SourceName::AlphaVantage => &[Named::AlphaVantage],
            SourceName::Yahoo => &[Named::Yahoo],
            SourceName::Auto if key => &[Named::AlphaVantage, Named::Yahoo, Named::Csv],
            SourceName::Auto => &[Named::Yahoo, Named::Csv],
        };
        all.extend(these);
    }
    let mut forced = None;
    if backup && let Some(at) = all.iter().position(|name| *name == Named::AlphaVantage) {
        forced = Some("BACKUP_DATA_SOURCE is set: yahoo stands in for alpha_vantage");
        all.retain(|name| *name != Named::AlphaVantage);
        if !all.contains(&Named::Yahoo) {
            all.insert(at, Named::Yahoo);
        }
    }
    let mut seen = Vec::new();
    all.retain(|name| {
        let new = !seen.contains(name);
        seen.push(*name);
        new
    });
    (all, forced)
}

struct Variables<'a> {
    environment: &'a BTreeMap<&'static str, SecretString>,
    file: EnvFile,
    /// Why there is nothing in the file.
    broken: Option<String>,
}

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<&SecretString> {
        self.environment.get(name).or_else(|| self.file.get(name))
    }

    /// A value that is no secret; empty counts as not set.
    fn plain(&self, name: &str) -> Option<&str> {
        let value = self.get(name)?.expose_secret().trim();
        (!value.is_empty()).then_some(value)
    }

    /// Whether there is a key, or might be one.
    fn has_key(&self) -> bool {
        match self.key() {
            Ok(key) => key.is_some_and(|key| !key.expose_secret().is_empty()),
            Err(_) => true,
        }
    }

    /// The key; an error where it may stand in a file that cannot be read.
    fn key(&self) -> Result<Option<&SecretString>, String> {
        match (self.get(KEY), &self.broken) {
            (None, Some(broken)) => Err(broken.clone()),
            (key, _) => Ok(key),
        }
    }

    fn backup(&self) -> Result<bool, SourcesError> {
        match self.plain(BACKUP).map(str::to_lowercase).as_deref() {
            Some("true" | "yes" | "on" | "1") => Ok(true),
            None | Some("false" | "no" | "off" | "0") => Ok(false),
            Some(_) => Err(wrong(BACKUP, "it must be true or false")),
        }
    }

    fn base(&self, name: &'static str, home: &str) -> Result<Base, SourcesError> {
        let text = self.plain(name).unwrap_or(home);
        Base::parse(text).map_err(|what| wrong(name, what))
    }

    fn limits(&self) -> Result<Limits, SourcesError> {
        let Some(text) = self.plain(PER_DAY) else {
            return Ok(FREE);
        };
        let per_day = text
            .parse()
            .ok()
            .filter(|per_day| (1..=100_000).contains(per_day));
        let per_day =
            per_day.ok_or_else(|| wrong(PER_DAY, "it must be a number from 1 to 100000"))?;
        Ok(Limits {
            per_day: Some(per_day),
            ..FREE
        })
    }

    /// What is doubtful about the file.
    fn warnings(&self, file: &Path) -> Vec<String> {
        let open = self.file.open_to_others.then(|| {
            let file = file.display();
            format!("others may read `{file}`: chmod 600 {file}")
        });
        open.into_iter().chain(self.broken.clone()).collect()
    }
}

fn wrong(name: &'static str, what: &str) -> SourcesError {
    SourcesError::Variable {
        name,
        what: what.to_owned(),
    }
}
