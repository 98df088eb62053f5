//! Linux keeps a priority for each thread.

use rustix::process::{getpriority_process, setpriority_process};

/// As `nice` without a number.
const NICE: i32 = 10;

/// Lowers the priority of the calling thread; one that is lower already stays.
pub(super) fn lower() {
    let own = getpriority_process(None).unwrap_or_default();
    if own < NICE {
        // A thread that keeps its priority does the same work.
        let _refused = setpriority_process(None, NICE);
    }
}
