//! Work that lets others go first.

use std::{io, thread};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux::lower;

/// Elsewhere priority belongs to a whole process, and ours stays as it is.
#[cfg(not(target_os = "linux"))]
fn lower() {}

/// Does `work` on a thread of its own with low priority, which the threads it starts inherit, and
/// waits for it.
///
/// # Errors
/// The system's when it refuses a thread; when the work panicked.
pub fn gently<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let low = || {
            lower();
            work()
        };
        let thread = thread::Builder::new().name("gently".into());
        let done = thread.spawn_scoped(scope, low)?.join();
        done.map_err(|_| io::Error::other("the work ended by a panic"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_and_its_threads_inherit_its_priority() {
        let own = || rustix::process::getpriority_process(None).unwrap();
        let before = own();
        let (low, lower) = gently(|| (own(), thread::spawn(own).join().unwrap())).unwrap();
        assert_eq!(own(), before);
        assert_eq!(low, lower);
        assert!(!cfg!(target_os = "linux") || low > before || before >= 10);
        assert!(gently(|| panic!("on purpose")).is_err());
    }
}
