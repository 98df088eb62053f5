//! Whole files: golden texts of every kind of mistake, hostile input, what is committed.

mod generated;
mod golden_calendars;
mod golden_jobs;
mod golden_text;
mod hostile;
pub(super) mod loading;
