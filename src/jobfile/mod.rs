//! jobs.yaml → a checked set of jobs; every problem at once, each at its line and column.
//!
//! The text becomes a tree of our own in which each key and value knows its place (`node`);
//! variables are put in (`interpolate`); serde reads the tree block by block, and what it refuses
//! is left out and told, until the rest can be read (`collect`); last come the rules that types
//! cannot say (`resolve`, `jobs`). Calendars, strategies and watch lists have files of their
//! own (`calendars`, `strategies`). Only `node` and `syntax` name the YAML crate.

use std::path::Path;

mod archives;
mod calendars;
mod collect;
mod context;
mod de;
mod difference;
mod docs;
mod edit;
mod fault;
mod folders;
mod interpolate;
mod jobs;
mod kind;
mod needs;
mod node;
mod origins;
mod policy;
mod problem;
mod problems;
mod raw;
mod read;
mod recipient;
mod render;
mod resolve;
mod rules;
mod schema;
mod sessions;
mod source;
mod strategies;
mod syntax;
#[cfg(test)]
mod tests;
mod warnings;
mod written;
mod zone;

pub use calendars::{CalendarError, Calendars};
pub use context::{Context, Loaded};
pub use difference::{Added, Change, Changed, Difference};
pub use docs::{jobs_md, kinds_table};
pub use edit::{Refused, with_recipients};
pub use origins::{Origin, Origins, Setting};
pub use problem::{Place, Problem, Severity};
pub use problems::Problems;
pub use read::{MAX_BYTES, ReadError, read_file};
pub use schema::schema;
pub use strategies::{strategies, symbols};
pub use written::Written;

use node::Node;
use source::Source;

/// Reads the text of a job file. Pure but for what the kinds look up when they check themselves, and
/// for the files of calendars that it names.
///
/// `name` is how the file is called in messages.
///
/// # Errors
/// `Problems`: all that is wrong with it.
pub fn load(text: &[u8], name: &Path, context: &Context<'_>) -> Result<Loaded, Problems> {
    read_tree(text, name, context).map(|(loaded, ..)| loaded)
}

/// As [`load`], and says of one job where each of its settings comes from; `None` if there is no
/// such job.
///
/// # Errors
/// As [`load`].
pub fn explain(
    text: &[u8],
    name: &Path,
    context: &Context<'_>,
    job: &str,
) -> Result<(Loaded, Option<Origins>), Problems> {
    let (loaded, root, source) = read_tree(text, name, context)?;
    let spec = loaded.set.get(job);
    let origins = spec.map(|spec| origins::of(&root, &source, spec));
    Ok((loaded, origins))
}

/// Reads the text; the tree and its source are what `explain` looks at.
fn read_tree(
    text: &[u8],
    name: &Path,
    context: &Context<'_>,
) -> Result<(Loaded, Node, Source), Problems> {
    let name = name.display().to_string();
    let (source, mut problems) = read::decode(text, name);
    let (mut root, mut others) = (None, Vec::new());
    if problems.is_empty() {
        root = node::parse(&source, &mut problems);
    }
    let loaded = root
        .as_mut()
        .and_then(|root| resolve::file(root, &source, context, &mut problems, &mut others));
    match (loaded, root) {
        (Some(loaded), Some(root)) if problems.is_empty() => Ok((loaded, root, source)),
        _ => Err(Problems::new(source, problems).and(others)),
    }
}
