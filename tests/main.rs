//! The integration tests: one binary, one folder or file per area. All but `house` drive the real
//! program in a temporary root, as a person would.
//!
//! `BELLKEEPER_LONG=1` runs the long counts; without it the same tests take fewer rounds.

#![expect(
    clippy::disallowed_methods,
    reason = "the rules on clocks and files are for the program; its tests look from outside"
)]

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
mod crash;
#[cfg(test)]
mod daemon;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod house;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod prune;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod sqlite_shapes;
#[cfg(test)]
mod steer;
#[cfg(test)]
mod stock_tools;
#[cfg(test)]
mod world;
