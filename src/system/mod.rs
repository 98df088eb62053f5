//! (see docs/ARCHITECTURE.md)

pub mod alarm;
