//! The targets: functions of bytes. They panic when a law is broken, and say whether the bytes were
//! accepted as what they claim to be.
//!
//! This folder is also the library of the campaign's crate (tests/fuzz/Cargo.toml), so nothing here
//! looks at the tests around it.

#![cfg_attr(
    test,
    expect(
        unreachable_pub,
        reason = "the campaign's crate reaches it; this one is a test"
    )
)]

mod archive_file;
mod archive_made;
mod archive_tar;
mod jobs_yaml;
mod json;
mod log_reader;
mod prices;
mod rule;
mod sandbox;
mod schedule;
mod sources;
mod strategies;
mod tape;

pub use archive_file::archive_file;
pub use archive_made::archive_made;
pub use archive_tar::archive_tar;
pub use jobs_yaml::jobs_yaml;
pub use json::{manifest, sidecar};
pub use log_reader::log_reader;
pub use prices::prices;
pub use rule::rule;
pub use schedule::schedule;
pub use sources::{alpha_vantage, yahoo};
pub use strategies::strategies_yaml;

/// A folder whose files are made quickly: in memory where there is such a place.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}
