//! Linux shows all processes below `/proc`, and lets one adopt the orphans among its descendants.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use rustix::process::{Pid, Signal, getpid, kill_process, set_child_subreaper};

/// Makes this process the parent of whatever its descendants leave alone, in whatever group.
pub(super) fn adopt() {
    // Where it is refused, what leaves the group gets away.
    let _adopts = set_child_subreaper(Some(getpid()));
}

/// The living descendants of this process but for the program itself.
pub(super) fn others(program: Pid) -> BTreeSet<i32> {
    let mut all = descendants();
    all.remove(&program.as_raw_nonzero().get());
    all
}

/// Sends a signal to each living descendant.
pub(super) fn signal(signal: Signal) {
    for pid in descendants().into_iter().filter_map(Pid::from_raw) {
        // One that has ended meanwhile needs none.
        let _gone = kill_process(pid, signal);
    }
}

/// Whether any of them is alive.
pub(super) fn is_alive(_program: Pid) -> bool {
    !descendants().is_empty()
}

fn descendants() -> BTreeSet<i32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut children: BTreeMap<i32, Vec<(i32, bool)>> = BTreeMap::new();
    for pid in pids {
        if let Some((parent, alive)) = parent(pid) {
            children.entry(parent).or_default().push((pid, alive));
        }
    }
    let mut found = BTreeSet::new();
    let mut parents = vec![getpid().as_raw_nonzero().get()];
    while let Some(parent) = parents.pop() {
        for (pid, alive) in children.remove(&parent).unwrap_or_default() {
            if alive {
                found.insert(pid);
            }
            parents.push(pid);
        }
    }
    found
}

/// The parent of a process, and whether the process itself still runs: what waits to be buried does
/// not.
fn parent(pid: i32) -> Option<(i32, bool)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may have any in it: `1 (a) b) S 0 …`.
    let (_, rest) = text.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    let state = words.next()?;
    let parent = words.next()?.parse().ok()?;
    Some((parent, !matches!(state, "Z" | "X")))
}
