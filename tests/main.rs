//! The integration tests: one binary, one folder or file per area.

#[cfg(test)]
mod house;
