//! The integration tests: one binary, one folder or file per area. All but `house` drive the real
//! program in a temporary root, as a person would.
//!
//! `BELLKEEPER_LONG=1` runs the long counts; without it the same tests take fewer rounds.

#![expect(
    clippy::disallowed_methods,
    reason = "the rules on clocks and files are for the program; its tests look from outside"
)]

#[cfg(test)]
mod analyse;
#[cfg(test)]
mod analysis;
#[cfg(test)]
mod appending;
#[cfg(test)]
mod background;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod calendars;
#[cfg(test)]
mod changing_logs;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod command;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod daemon;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod disk_full;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod house;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod log_reading;
#[cfg(test)]
mod log_writer;
#[cfg(test)]
mod proof;
#[cfg(test)]
mod prune;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod restic;
#[cfg(test)]
mod restore;
#[cfg(test)]
mod restore_half;
#[cfg(test)]
mod restore_places;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod rotation_full;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod sqlite_shapes;
#[cfg(test)]
mod steer;
#[cfg(test)]
mod stock_tools;
#[cfg(test)]
mod world;
