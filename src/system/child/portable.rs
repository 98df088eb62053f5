//! Where the system does not show processes, the program itself is known, and its group by its number.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

/// Not possible here.
pub(super) fn adopt() {}

/// Not known here.
pub(super) fn others(_program: Pid) -> BTreeSet<i32> {
    BTreeSet::new()
}

/// The group gets its signals from the guard.
pub(super) fn signal(_signal: Signal) {}

/// Whether the program has not ended; the others go when it has.
pub(super) fn is_alive(program: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    waitid(WaitId::Pid(program), options).is_ok_and(|ended| ended.is_none())
}
