//! Bellkeeper: one daemon that keeps a trading assistant on a personal computer alive.
//!
//! It loads `jobs.yaml` and runs what that file declares as in-process jobs. The crate is built
//! in floors; a module imports only from floors below its own (`tests/house.rs` checks it):
//!
//! | floor | modules | what lives there |
//! |---|---|---|
//! | 7 | [`cli`] | the shell: one file per verb; it translates and decides nothing |
//! | 6 | [`app`] | builds the engine from settings and job file; daemon life; client of a live daemon |
//! | 5 | [`jobfile`] | jobs.yaml → a checked set of jobs, all problems at once with line:column |
//! | 4 | [`kinds`], [`engine`] | what jobs do; when and how they run. Siblings that never meet |
//! | 3 | [`job`] | the contract between the two |
//! | 2 | [`ledger`], [`store`], [`archive`], [`swap`], [`logs`], [`market`], [`system`] | the only doors to the outside |
//! | 1 | [`schedule`], [`retention`], [`analysis`], [`settings`] | pure values: no I/O, no clock |
//! | 0 | [`gzip`], [`sqlite`], [`lock`], [`dotenv`] | tools without opinions |
//! | -1 | [`clock`], [`units`], [`files`], [`micros`], [`suggest`], [`watch`], [`words`] | the cellar: what the tools stand on |

pub mod clock;
pub mod dotenv;
pub mod files;
pub mod gzip;
pub mod lock;
pub mod micros;
pub mod sqlite;
pub mod suggest;
pub mod units;
pub mod watch;
pub mod words;

pub mod analysis;
pub mod retention;
pub mod schedule;
pub mod settings;

pub mod archive;
pub mod ledger;
pub mod logs;
pub mod market;
pub mod store;
pub mod swap;
pub mod system;

pub mod job;

pub mod engine;
pub mod kinds;

pub mod jobfile;

pub mod app;

pub mod cli;
