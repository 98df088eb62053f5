//! The integration tests: one binary, one folder or file per area.

#[cfg(test)]
mod docs;
#[cfg(test)]
mod house;
