//! Faults for tests: at the i-th file operation of this thread the disk is full, or the process is
//! gone and every later operation fails too.
//!
//! An operation is one step of this room: a creation, a write, a sync, a rename, a removal. Work on
//! other threads is not counted. To try all points: [`each`].

use std::{cell::Cell, io};

/// What happens at the chosen operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails with "no space left"; those after it work.
    Full,
    /// It and all after it fail, as for a process that was killed: what is on the disk by then is
    /// what the next start finds.
    Dead,
}

thread_local! {
    static PLAN: Cell<Option<(Fault, usize)>> = const { Cell::new(None) };
    static DONE: Cell<usize> = const { Cell::new(0) };
}

/// Counts one operation and fails it if its time has come. Writers outside of this room call it
/// too, before each of their own steps.
pub(crate) fn step() -> io::Result<()> {
    let number = DONE.get();
    DONE.set(number + 1);
    match PLAN.get() {
        Some((Fault::Full, at)) if at == number => Err(io::ErrorKind::StorageFull.into()),
        Some((Fault::Dead, at)) if at <= number => Err(io::Error::other("the process is gone")),
        _ => Ok(()),
    }
}

/// Runs `act` with `fault` at operation `at`, counted from 0; says whether it came so far.
pub(crate) fn with<T>(fault: Fault, at: usize, act: impl FnOnce() -> T) -> (T, bool) {
    PLAN.set(Some((fault, at)));
    DONE.set(0);
    let _cleared = Cleared;
    let result = act();
    let struck = DONE.get() > at;
    (result, struck)
}

/// No fault outlives its test, not even by a panic.
struct Cleared;

impl Drop for Cleared {
    fn drop(&mut self) {
        PLAN.set(None);
    }
}

/// Runs `act` with `fault` at operation 0, 1, 2 … until it ends before the fault; `act` is given the
/// number, makes its own fresh surroundings (outside of [`step`]s, or it counts them) and judges by
/// itself afterwards with `judge`, without a fault. Returns how many operations there were.
pub(crate) fn each<T>(
    fault: Fault,
    mut act: impl FnMut(usize) -> T,
    mut judge: impl FnMut(usize, T),
) -> usize {
    for at in 0.. {
        let (result, struck) = with(fault, at, || act(at));
        judge(at, result);
        if !struck {
            return at;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::*, *};

    #[test]
    fn whatever_operation_fails_the_old_or_the_new_file_is_there_and_nothing_else() {
        for fault in [Fault::Full, Fault::Dead] {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join("f");
            let mut failed = 0;
            let operations = each(
                fault,
                |_| {
                    fs::File::create(&path).unwrap();
                    write_atomic(&path, b"new")
                },
                |at, result| {
                    failed += usize::from(result.is_err());
                    let content = fs::read(&path).unwrap();
                    let expected: &[u8] = if at < 4 { b"" } else { b"new" };
                    assert_eq!(content, expected, "{at}");
                    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "{at}");
                },
            );
            assert_eq!((operations, failed), (5, 5));
        }
    }
}
