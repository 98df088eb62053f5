//! `config/strategies.yaml` and watch lists: rules by name, and symbols to look at.
//!
//! They are read with the job file and become part of what its jobs are given, so a mistake in them is
//! told before anything runs, at its place.

use std::path::Path;

use super::{
    node::{self, Node},
    problem::{Place, Problem},
    problems::Problems,
    read,
};
use crate::analysis::{Strategy, Symbol};

/// The size of the largest file of either sort that is read.
const MAX_BYTES: usize = 1_000_000;

mod build;
mod symbols;
#[cfg(test)]
mod tests;

/// Reads the text of a file of strategies, called `name` in messages; in the order of the file.
///
/// # Errors
/// All that is wrong with it.
pub fn strategies(text: &[u8], name: &str) -> Result<Vec<Strategy>, Box<Problems>> {
    read_by(text, name, build::strategies)
}

/// Reads the text of a watch list, called `name` in messages; in the order of the file.
///
/// # Errors
/// All that is wrong with it.
pub fn symbols(text: &[u8], name: &str) -> Result<Vec<Symbol>, Box<Problems>> {
    read_by(text, name, |root, _, problems| symbols::of(root, problems))
}

fn read_by<T>(
    text: &[u8],
    name: &str,
    build: impl FnOnce(&Node, &super::source::Source, &mut Vec<Problem>) -> T,
) -> Result<T, Box<Problems>> {
    let (source, mut problems) = read::decode(text, name.to_owned());
    let root = if problems.is_empty() {
        node::parse(&source, &mut problems)
    } else {
        None
    };
    let value = root.map(|root| build(&root, &source, &mut problems));
    match value {
        Some(value) if problems.is_empty() => Ok(value),
        _ => Err(Box::new(Problems::new(source, problems))),
    }
}

/// The bytes of such a file, or what keeps them from being read.
pub(super) fn bytes(path: &Path, name: &str) -> Result<Vec<u8>, Box<Problems>> {
    let message = match read::bytes(path, MAX_BYTES) {
        Ok(Some(bytes)) => return Ok(bytes),
        Ok(None) => "the file is larger than 1 MB".to_owned(),
        Err(error) => format!("it cannot be read: {error}"),
    };
    let (source, _) = read::decode(b"", name.to_owned());
    let problem = Problem::new(Place::FILE, message);
    Err(Box::new(Problems::new(source, vec![problem])))
}
