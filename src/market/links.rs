//! What a chain holds together.

use std::{sync::Mutex, time::Duration};

use super::{Breaker, Csv, Limits, Source, cache::Cache, remote::Server};

/// Yahoo says nothing of limits; this is polite.
pub(super) const YAHOO: Limits = Limits {
    per_day: None,
    apart: Duration::from_millis(200),
};

/// One source of a chain.
#[derive(Debug)]
pub(super) enum Link {
    Csv(Csv),
    Remote(Server),
}

impl Link {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Csv(csv) => csv.name(),
            Self::Remote(Server::AlphaVantage(server)) => server.name(),
            Self::Remote(Server::Yahoo(server)) => server.name(),
        }
    }
}

/// What a process knows of its sources.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) cache: Cache,
    pub(super) alpha_vantage: Mutex<Option<(String, Breaker)>>,
    pub(super) yahoo: Mutex<Option<(String, Breaker)>>,
}

/// The sources of a chain.
#[derive(Debug)]
pub(super) struct Links {
    pub(super) list: Vec<Link>,
    /// What Alpha Vantage's key allows.
    pub(super) alpha_vantage: Limits,
    /// Why the first source is not the one that was named.
    pub(super) forced: Option<String>,
    pub(super) warnings: Vec<String>,
}
