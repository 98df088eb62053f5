//! Whole files: golden texts of every kind of mistake, hostile input, what is committed.

mod generated;
mod golden;
mod hostile;
mod loading;
