//! Sizes from the command line; cargo itself adds `--bench`, which is no size.

/// The numbers given after `--`, in order, with defaults for those that were not.
pub(crate) fn numbers<const N: usize>(defaults: [u64; N]) -> [u64; N] {
    let mut given = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok());
    defaults.map(|default| given.next().unwrap_or(default))
}
