//! A tar as somebody else may have made it.

use super::sandbox::Sandbox;

const BLOCK: usize = 512;

/// The bytes are a tar. Check sums of headers are mended, for they protect against nobody.
pub fn archive_tar(data: &[u8]) -> bool {
    let mut tar = data.to_vec();
    tar.chunks_exact_mut(BLOCK).for_each(mend);
    Sandbox::new().extract(&tar)
}

/// Puts the right check sum into what looks like a header.
fn mend(block: &mut [u8]) {
    if &block[257..262] != b"ustar" {
        return;
    }
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}
