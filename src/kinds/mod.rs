//! What jobs can do: one file per kind and the registry.

use crate::job::Kind;

mod analysis;
mod backup;
mod chosen;
mod command;
mod drill;
mod maintain;
mod prune;
mod rotate_logs;
#[cfg(test)]
mod tests;
mod verify;

pub use analysis::{Analysis, Chosen, Expected, Kept, SourceOrder, Symbols, kept};
pub use backup::{Backup, Compression, Judged};
pub use command::Command;
pub use drill::Drill;
pub use maintain::Maintain;
pub use prune::{Limit, Prune, Reclaim, RequireBackup};
pub use rotate_logs::{Compress, Every, KeepLogs, Method, Pattern, RotateLogs};
pub use verify::{Newest, Verify};

/// Something done with a kind as a type; [`each`] and [`with`] call it.
pub trait Visit {
    /// Its result.
    type Out;
    /// Does it for the kind `K`.
    fn visit<K: Kind>(&mut self) -> Self::Out;
}

macro_rules! registry {
    ($($kind:ty),+ $(,)?) => {
        /// The names of all kinds, in the registry's order.
        pub const NAMES: &[&str] = &[$(<$kind as Kind>::NAME),+];

        /// Calls `visitor` for every kind.
        pub fn each<V: Visit>(visitor: &mut V) -> Vec<V::Out> {
            vec![$(visitor.visit::<$kind>()),+]
        }

        /// Calls `visitor` for the kind called `name`; `None` if there is none.
        pub fn with<V: Visit>(name: &str, visitor: &mut V) -> Option<V::Out> {
            match name {
                $(<$kind as Kind>::NAME => Some(visitor.visit::<$kind>()),)+
                _ => None,
            }
        }
    };
}

registry![
    Backup, Verify, Drill, Prune, Maintain, RotateLogs, Analysis, Command
];
