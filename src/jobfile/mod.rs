//! jobs.yaml → a checked set of jobs; every problem at once, each at its line and column.
//!
//! The text becomes a tree of our own in which each key and value knows its place ([`node`]);
//! variables are put in ([`interpolate`]); serde reads the tree block by block, and what it refuses
//! is left out and told, until the rest can be read ([`collect`]); last come the rules that types
//! cannot say ([`resolve`], [`jobs`]). Only [`node`] and [`syntax`] name the YAML crate.

use std::{collections::BTreeMap, path::Path};

use jiff::tz::TimeZone;

use crate::{
    clock::Clock,
    job::{JobName, JobSet},
    settings::Settings,
};

mod collect;
mod de;
mod docs;
mod fault;
mod folders;
mod interpolate;
mod jobs;
mod kind;
mod node;
mod policy;
mod problem;
mod raw;
mod read;
mod recipient;
mod render;
mod resolve;
mod schema;
mod source;
mod suggest;
mod syntax;
#[cfg(test)]
mod tests;
mod zone;

pub use docs::{jobs_md, kinds_table};
pub use problem::{Place, Problem, Problems};
pub use read::{MAX_BYTES, ReadError, read_file};
pub use schema::schema;
pub use suggest::nearest;

/// What a job file with nothing in it is told.
const EXAMPLE_HINT: &str =
    "start with `jobs: {backup-daily: {schedule: \"0 2 * * *\", backup: {}}}`";

/// What a job file is read against.
pub struct Context<'a> {
    /// Where everything is.
    pub settings: Settings,
    /// The clock that the jobs will ask.
    pub clock: Clock,
    /// The name of this machine, for manifests.
    pub host: String,
    /// The computer's time zone: the zone of a file that names none.
    pub local_zone: TimeZone,
    /// The values of variables; `None` for one that is not set.
    pub vars: &'a dyn Fn(&str) -> Option<String>,
}

/// What a job file declares, checked.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The jobs in the file's order, and what they share.
    pub set: JobSet,
    /// The zone of jobs that name none.
    pub timezone: TimeZone,
    /// Where each job stands in the file.
    pub places: BTreeMap<JobName, Place>,
}

/// Reads the text of a job file. Pure but for what the kinds look up when they check themselves.
///
/// `name` is how the file is called in messages.
///
/// # Errors
/// [`Problems`]: all that is wrong with it.
pub fn load(text: &[u8], name: &Path, context: &Context<'_>) -> Result<Loaded, Problems> {
    let name = name.display().to_string();
    let (source, mut problems) = read::decode(text, name);
    let loaded = if problems.is_empty() {
        node::parse(&source, &mut problems)
            .and_then(|root| resolve::file(root, &source, context, &mut problems))
    } else {
        None
    };
    match loaded {
        Some(loaded) if problems.is_empty() => Ok(loaded),
        _ => Err(Problems::new(source, problems)),
    }
}
