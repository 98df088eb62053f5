//! What Linux says of a process's memory.

/// A size out of `/proc/PID/status` in megabytes, e.g. `VmRSS` or `VmHWM`; `None` once the process
/// has ended.
pub(crate) fn megabytes(pid: u32, field: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kilobytes: f64 = line.trim_matches([':', ' ', '\t', 'k', 'B']).parse().ok()?;
    Some(kilobytes * 1_024.0 / 1e6)
}
