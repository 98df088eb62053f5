//! `keys show|add|rotate|check`: to whom archives are encrypted, and whether their keys are at hand.

use super::{
    args::{self, KeysVerb},
    shell::{Result, Shell},
};
use crate::app::KeyChange;

mod change;
mod check;
mod show;

pub(super) fn run(shell: &Shell, args: &args::Keys) -> Result {
    match &args.verb {
        KeysVerb::Show => show::run(shell),
        KeysVerb::Add(add) => change::run(shell, change::added(shell, add)?, add.dry_run),
        KeysVerb::Rotate { dry_run } => change::run(shell, KeyChange::Rotate, *dry_run),
        KeysVerb::Check { key } => check::run(shell, key.as_deref()),
    }
}
