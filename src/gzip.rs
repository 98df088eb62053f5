//! gzip: one member written by several threads, and a reader that reads to the very end.
//!
//! The writer does what pigz does: the input is cut into blocks, each block becomes raw deflate
//! ended by a sync flush (so that blocks can be put one behind the other), and the member ends with
//! an empty block, the combined CRC-32 and the length. One member matters: many decoders stop
//! silently after the first one (docs/DECISIONS.md).

use std::{
    io::{self, BufRead, Read, Write},
    mem,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, bufread::MultiGzDecoder};

/// Bytes a worker compresses at a time: large enough that a sync flush (5 bytes) and a thread
/// hand-over cost nothing, small enough that all blocks in flight stay within a few megabytes.
const BLOCK: usize = 512 << 10;

/// How far back deflate looks; the end of the previous block is given to the next as dictionary.
const WINDOW: usize = 32 << 10;

/// Magic, deflate, no flags, no time (equal input makes equal output), no hint, made on Unix.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

/// An empty last block with fixed codes: what ends the deflate stream.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// The most threads a writer uses, whatever the machine has.
const MOST_WORKERS: usize = 4;

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// zlib level 1.
    Fast,
    /// zlib level 3 for four fifths of records, else 5: a fraction of the time of gzip's own 6 for
    /// a few percent of size.
    #[default]
    Default,
    /// zlib level 9.
    Best,
}

/// What is compressed. Text repays the search for longer matches more than records do
/// (docs/DECISIONS.md has the figures).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matter {
    /// Pages of a database.
    Records,
    /// Anything else.
    #[default]
    Text,
}

/// One block of records in so many is compressed like text: a mixture of levels 3 and 5 is both
/// smaller and faster than level 4. No number of workers divides it, so all get their share.
const HARDER: usize = 5;

impl Level {
    const fn compression(self, matter: Matter, block: usize) -> Compression {
        Compression::new(match (self, matter) {
            (Self::Fast, _) => 1,
            (Self::Default, Matter::Records) if !block.is_multiple_of(HARDER) => 3,
            (Self::Default, _) => 5,
            (Self::Best, _) => 9,
        })
    }
}

/// The number of compressing threads to use: `wanted`, or one per core; between 1 and 4.
pub fn workers(wanted: usize) -> usize {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let wanted = if wanted == 0 { cores() } else { wanted };
    wanted.clamp(1, MOST_WORKERS)
}

struct Block {
    plain: Vec<u8>,
    window: Vec<u8>,
    level: Compression,
}

struct Packed {
    bytes: Vec<u8>,
    crc: Hasher,
}

struct Written<W> {
    inner: W,
    crc: Hasher,
    blocks: usize,
}

/// Writes one gzip member to `W` with several compressing threads and one that writes.
///
/// Memory stays at a few blocks per worker however much is written. Call [`Self::finish`]; a
/// writer that is dropped instead ends its threads and leaves a member without its end, which no
/// reader accepts.
#[derive(Debug)]
pub struct ParallelGzip<W> {
    level: Level,
    matter: Matter,
    block: Vec<u8>,
    window: Vec<u8>,
    to: Vec<SyncSender<Block>>,
    sent: usize,
    workers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<io::Result<Written<W>>>>,
}

impl<W: Write + Send + 'static> ParallelGzip<W> {
    /// Starts `workers(wanted)` compressing threads and the one that writes to `inner`.
    ///
    /// # Errors
    /// The system's when it refuses a thread.
    pub fn new(inner: W, level: Level, wanted: usize) -> io::Result<Self> {
        let mut this = Self {
            level,
            matter: Matter::default(),
            block: Vec::with_capacity(BLOCK),
            window: Vec::new(),
            to: Vec::new(),
            sent: 0,
            workers: Vec::new(),
            writer: None,
        };
        let mut from = Vec::new();
        for _ in 0..workers(wanted) {
            let (to_worker, blocks) = sync_channel(1);
            let (to_writer, packed) = sync_channel(1);
            let work = move || compress_all(&blocks, &to_writer);
            let thread = thread::Builder::new().name("gzip".into()).spawn(work)?;
            this.workers.push(thread);
            this.to.push(to_worker);
            from.push(packed);
        }
        let write = move || write_all(inner, &from);
        this.writer = Some(
            thread::Builder::new()
                .name("gzip-write".into())
                .spawn(write)?,
        );
        Ok(this)
    }

    /// Says what comes next. A block counts as what comes when it is full.
    pub fn comes(&mut self, matter: Matter) {
        self.matter = matter;
    }

    /// Compresses what is left, ends the member and gives `W` back, flushed.
    ///
    /// # Errors
    /// Those of writing to `W`.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.block.is_empty() {
            self.send()?;
        }
        self.to.clear();
        let mut written = self.join()?;
        if written.blocks != self.sent {
            return Err(io::Error::other("a compressing thread stopped early"));
        }
        let length = u32::try_from(written.crc.total_len() & 0xffff_ffff).unwrap_or_default();
        written.inner.write_all(&LAST_BLOCK)?;
        written
            .inner
            .write_all(&written.crc.finalize().to_le_bytes())?;
        written.inner.write_all(&length.to_le_bytes())?;
        written.inner.flush()?;
        Ok(written.inner)
    }

    fn send(&mut self) -> io::Result<()> {
        let plain = mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        let tail = plain.len().saturating_sub(WINDOW);
        let tail = plain.get(tail..).unwrap_or_default().to_vec();
        let window = mem::replace(&mut self.window, tail);
        let turn = self.sent.checked_rem(self.to.len()).unwrap_or_default();
        self.sent += 1;
        let level = self.level.compression(self.matter, self.sent);
        let block = Block {
            plain,
            window,
            level,
        };
        let sent = self.to.get(turn).map(|worker| worker.send(block));
        if matches!(sent, Some(Ok(()))) {
            return Ok(());
        }
        // The writing thread has stopped, so the workers have: its error is the reason.
        self.to.clear();
        let stopped = || io::Error::other("the compressing threads have stopped");
        Err(self.join().err().unwrap_or_else(stopped))
    }

    fn join(&mut self) -> io::Result<Written<W>> {
        let thread = self.writer.take().map(JoinHandle::join);
        let stopped = || Err(io::Error::other("the writing thread has stopped"));
        thread.and_then(Result::ok).unwrap_or_else(stopped)
    }
}

impl<W: Write + Send + 'static> Write for ParallelGzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = BLOCK.saturating_sub(self.block.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.block.extend_from_slice(taken);
        if self.block.len() >= BLOCK {
            self.send()?;
        }
        Ok(taken.len())
    }

    /// Does nothing: cutting a block short would cost size, and nobody reads a half member.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W> Drop for ParallelGzip<W> {
    fn drop(&mut self) {
        self.to.clear();
        let writer = self.writer.take().map(|thread| thread.join().is_ok());
        let workers = self.workers.drain(..).map(|thread| thread.join().is_ok());
        // Whether they ended well no longer matters; that they ended does.
        let _ended = workers.chain(writer).count();
    }
}

fn compress_all(blocks: &Receiver<Block>, to: &SyncSender<io::Result<Packed>>) {
    let mut deflate = Compress::new(Compression::default(), false);
    for block in blocks {
        if to.send(compress(&mut deflate, &block)).is_err() {
            return;
        }
    }
}

fn compress(deflate: &mut Compress, block: &Block) -> io::Result<Packed> {
    deflate.reset();
    deflate.set_level(block.level)?;
    if !block.window.is_empty() {
        deflate.set_dictionary(&block.window)?;
    }
    let mut bytes = Vec::with_capacity(block.plain.len() / 2 + 64);
    loop {
        let done = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
        let rest = block.plain.get(done..).unwrap_or_default();
        deflate.compress_vec(rest, &mut bytes, FlushCompress::Sync)?;
        let all_in = deflate.total_in() == u64::try_from(block.plain.len()).unwrap_or(u64::MAX);
        // Room left over means that the flush is complete too.
        if all_in && bytes.len() < bytes.capacity() {
            break;
        }
        bytes.reserve(block.plain.len() / 2 + 64);
    }
    let mut crc = Hasher::new();
    crc.update(&block.plain);
    Ok(Packed { bytes, crc })
}

fn write_all<W: Write>(
    mut inner: W,
    from: &[Receiver<io::Result<Packed>>],
) -> io::Result<Written<W>> {
    inner.write_all(&HEADER)?;
    let mut crc = Hasher::new();
    let mut blocks = 0;
    // Blocks were dealt in turn, so taking them in turn restores their order.
    for worker in from.iter().cycle() {
        let Ok(packed) = worker.recv() else { break };
        let packed = packed?;
        inner.write_all(&packed.bytes)?;
        crc.combine(&packed.crc);
        blocks += 1;
    }
    Ok(Written { inner, crc, blocks })
}

/// Reads gzip of one or several members; anything behind the last member is an error.
///
/// The check sums count only for what was read: read to the end.
#[derive(Debug)]
pub struct Reader<R>(MultiGzDecoder<R>);

impl<R: BufRead> Reader<R> {
    /// Reads the compressed bytes from `inner`.
    pub fn new(inner: R) -> Self {
        Self(MultiGzDecoder::new(inner))
    }
}

impl<R: BufRead> Read for Reader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use proptest::prelude::*;

    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut step = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        };
        (0..length).map(|_| step()).collect()
    }

    fn prices(length: usize) -> Vec<u8> {
        let line = |n: usize| format!("AAPL,{n},{}.{:02}\n", 180 + n % 17, n * 7919 % 100);
        (0..)
            .map(line)
            .flat_map(String::into_bytes)
            .take(length)
            .collect()
    }

    fn pack(plain: &[u8], level: Level, workers: usize) -> Vec<u8> {
        let mut gzip = ParallelGzip::new(Vec::new(), level, workers).unwrap();
        gzip.write_all(plain).unwrap();
        gzip.finish().unwrap()
    }

    fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        Reader::new(packed).read_to_end(&mut plain).map(|_| plain)
    }

    #[test]
    fn what_is_written_is_read_at_every_level_and_edge() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 5 * BLOCK + 77] {
            for level in [Level::Fast, Level::Default, Level::Best] {
                let plain = prices(length);
                assert_eq!(unpack(&pack(&plain, level, 3)).unwrap(), plain, "{length}");
            }
        }
        let plain = noise(2 * BLOCK + 5);
        assert_eq!(unpack(&pack(&plain, Level::Default, 2)).unwrap(), plain);
    }

    #[test]
    fn it_is_one_member_and_the_same_for_any_number_of_workers() {
        let plain = prices(4 * BLOCK + 9);
        let packed = pack(&plain, Level::Default, 1);
        let mut first = Vec::new();
        flate2::read::GzDecoder::new(&packed[..])
            .read_to_end(&mut first)
            .unwrap();
        assert_eq!(first, plain);
        for workers in 2..=4 {
            assert_eq!(pack(&plain, Level::Default, workers), packed);
        }
    }

    #[test]
    fn what_comes_decides_how_hard_is_compressed_and_not_the_number_of_workers() {
        let plain = prices(4 * BLOCK);
        let pack = |second: Matter, workers: usize| {
            let mut gzip = ParallelGzip::new(Vec::new(), Level::Default, workers).unwrap();
            for (matter, half) in [Matter::Records, second]
                .into_iter()
                .zip(plain.chunks(2 * BLOCK))
            {
                gzip.comes(matter);
                gzip.write_all(half).unwrap();
            }
            gzip.finish().unwrap()
        };
        let (records, mixed) = (pack(Matter::Records, 1), pack(Matter::Text, 1));
        assert!(
            mixed.len() < records.len(),
            "{} {}",
            mixed.len(),
            records.len()
        );
        assert_eq!(mixed, pack(Matter::Text, 3));
        assert_eq!(unpack(&mixed).unwrap(), plain);
    }

    #[test]
    fn blocks_know_what_came_before_them() {
        let half = noise(WINDOW / 2);
        let plain: Vec<u8> = half.iter().copied().cycle().take(4 * BLOCK).collect();
        assert!(pack(&plain, Level::Default, 2).len() < half.len() + 40_000);
    }

    #[test]
    fn an_end_that_is_cut_changed_or_followed_by_garbage_is_refused() {
        let good = pack(b"prices", Level::Default, 1);
        for cut in 0..good.len() {
            assert!(unpack(&good[..cut]).is_err(), "cut at {cut}");
        }
        for at in good.len() - 8..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(unpack(&bad).is_err(), "changed at {at}");
        }
        assert!(unpack(&[&good[..], b"garbage"].concat()).is_err());
        assert!(unpack(&[&good[..], &[0; 512]].concat()).is_err());
    }

    #[test]
    fn several_members_are_read_to_the_end() {
        let both = [pack(b"one ", Level::Fast, 1), pack(b"two", Level::Best, 1)].concat();
        assert_eq!(unpack(&both).unwrap(), b"one two");
    }

    /// Fails at its `left`-th write and says when it is gone.
    struct Failing {
        left: usize,
        alive: Arc<AtomicUsize>,
    }

    impl Failing {
        fn new(left: usize, alive: &Arc<AtomicUsize>) -> Self {
            alive.fetch_add(1, Ordering::SeqCst);
            let alive = Arc::clone(alive);
            Self { left, alive }
        }
    }

    impl Drop for Failing {
        fn drop(&mut self) {
            self.alive.fetch_sub(1, Ordering::SeqCst);
        }
    }

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let full = || io::Error::from(io::ErrorKind::StorageFull);
            self.left = self.left.checked_sub(1).ok_or_else(full)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_error_of_the_inner_writer_reaches_the_caller_whenever_it_comes() {
        let plain = noise(6 * BLOCK);
        let alive = Arc::new(AtomicUsize::new(0));
        for left in 0..10 {
            let failing = Failing::new(left, &alive);
            let mut gzip = ParallelGzip::new(failing, Level::Fast, 2).unwrap();
            let result = gzip
                .write_all(&plain)
                .and_then(|()| gzip.finish().map(drop));
            assert_eq!(
                result.unwrap_err().kind(),
                io::ErrorKind::StorageFull,
                "{left}"
            );
        }
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_writer_that_is_dropped_ends_its_threads() {
        let alive = Arc::new(AtomicUsize::new(0));
        for length in [0, 10, 3 * BLOCK] {
            let inner = Failing::new(usize::MAX, &alive);
            let mut gzip = ParallelGzip::new(inner, Level::Default, 4).unwrap();
            gzip.write_all(&prices(length)).unwrap();
            drop(gzip);
            assert_eq!(alive.load(Ordering::SeqCst), 0);
        }
    }

    #[test]
    fn the_number_of_workers_is_bounded() {
        assert_eq!([workers(1), workers(3), workers(100)], [1, 3, MOST_WORKERS]);
        assert!((1..=MOST_WORKERS).contains(&workers(0)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_cut_of_the_input_makes_the_same_member(
            cuts in proptest::collection::vec(1usize..400_000, 0..6)
        ) {
            let plain = prices(cuts.iter().sum());
            let mut gzip = ParallelGzip::new(Vec::new(), Level::Default, 2).unwrap();
            let mut rest = &plain[..];
            for cut in cuts {
                let (part, tail) = rest.split_at(cut);
                gzip.write_all(part).unwrap();
                rest = tail;
            }
            let packed = gzip.finish().unwrap();
            prop_assert_eq!(&packed, &pack(&plain, Level::Default, 2));
            prop_assert_eq!(unpack(&packed).unwrap(), plain);
        }
    }
}
