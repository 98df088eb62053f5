//! A simulation of years: random job files on a computer that sleeps, whose clock is set, whose
//! daemon crashes, stops, and takes over other job files, with laws that must hold at every step.
//!
//! `world` goes from event to event; `daemon` does what the engine's dispatcher does around the
//! planner; `book` is the ledger, `model` its rules in memory; `chaos` is what befalls everything;
//! `judge` holds the laws of `law` against it all. Nothing is left to chance: a seed is a history.
//! `BELLKEEPER_SIM_SEED=N` plays one again and tells what happened last.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "dice and spans of time are far from the limits of their types"
)]

use bellkeeper::{clock::Clock, ledger::Ledger};
use jiff::Timestamp;

mod book;
mod chaos;
mod daemon;
mod decide;
mod histories;
mod jobs;
mod judge;
mod law;
mod model;
mod sabotage;
mod time;
mod world;

use book::Book;
use daemon::Daemon;
use jobs::{JobFile, Scale};
use judge::Judge;
use law::Trace;
use sabotage::Sabotage;
use time::Clocks;

use crate::world::Dice;

/// One history.
struct Sim {
    scale: &'static Scale,
    dice: Dice,
    clocks: Clocks,
    book: Book,
    file: JobFile,
    daemon: Option<Daemon>,
    judge: Judge,
    trace: Trace,
    sabotage: Sabotage,
    /// After how many points at which it may die the process does so.
    crash_in: Option<u32>,
    busy_until: i64,
    chaos_at: i64,
    restart_at: i64,
    /// The last step of the clock, until it is put right.
    stepped: Option<i64>,
    quiet: bool,
    /// Milliseconds of sleep so far.
    slept: i64,
    /// Milliseconds of jobs so far.
    job_time: i128,
}
