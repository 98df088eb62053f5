//! Small changes of an input, as a file that was damaged or made on purpose would have them.

use crate::world::Dice;

/// The longest input that is made.
const LONGEST: usize = 64 << 10;

/// Numbers at which programs count wrong.
const EDGES: [&str; 10] = [
    "0",
    "-1",
    "1",
    "255",
    "65536",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "18446744073709551616",
    "1e400",
];

/// What mutations draw from.
pub(super) struct Mutator<'a> {
    /// Inputs that are known to be worth something.
    pub(super) corpus: &'a [Vec<u8>],
    /// Words of the language.
    pub(super) words: &'a [&'a [u8]],
    /// The length of what is moved as a whole.
    pub(super) block: usize,
}

impl Mutator<'_> {
    /// The input of one round; equal dice make an equal one.
    pub(super) fn input(&self, dice: &mut Dice) -> Vec<u8> {
        let mut bytes = self.any(dice).to_vec();
        for _ in 0..=pick(dice, 6) {
            self.change(&mut bytes, dice);
            bytes.truncate(LONGEST);
        }
        bytes
    }

    fn any(&self, dice: &mut Dice) -> &[u8] {
        &self.corpus[pick(dice, self.corpus.len())]
    }

    fn change(&self, bytes: &mut Vec<u8>, dice: &mut Dice) {
        let at = pick(dice, bytes.len() + 1);
        match pick(dice, 12) {
            0 => with(bytes, at, |byte| *byte ^= 1 << (dice.next() % 8)),
            1 => with(bytes, at, |byte| *byte = dice.next().to_le_bytes()[2]),
            2 => with(bytes, at, |byte| *byte = byte.wrapping_add(1)),
            3 => bytes.truncate(at),
            4 => {
                let word = self.words[pick(dice, self.words.len())];
                bytes.splice(at..at, word.iter().copied());
            }
            5 => {
                let word = self.words[pick(dice, self.words.len())];
                let end = bytes.len().min(at + word.len());
                bytes.splice(at..end, word.iter().copied());
            }
            6 => {
                let other = self.any(dice);
                let from = pick(dice, other.len() + 1);
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            7 | 8 => self.block(bytes, dice),
            9 => number(bytes, at, dice),
            10 => lines(bytes, dice),
            _ => {
                let end = bytes.len().min(at + 1 + pick(dice, self.block));
                bytes.drain(at.min(end)..end);
            }
        }
    }

    /// Doubles, removes or moves a block, or repeats one very often.
    fn block(&self, bytes: &mut Vec<u8>, dice: &mut Dice) {
        let range = |index: usize, length: usize| {
            let start = (index * self.block).min(length);
            start..(start + self.block).min(length)
        };
        let blocks = bytes.len() / self.block + 1;
        let (from, to) = (pick(dice, blocks), pick(dice, blocks));
        let block = bytes[range(from, bytes.len())].to_vec();
        let to = range(to, bytes.len());
        match pick(dice, 5) {
            0 => drop(bytes.drain(to)),
            1 => drop(bytes.splice(to, block)),
            2 => {
                let many = block.repeat(1 + pick(dice, 200));
                bytes.splice(to.start..to.start, many);
            }
            _ => drop(bytes.splice(to.start..to.start, block)),
        }
    }
}

fn pick(dice: &mut Dice, limit: usize) -> usize {
    usize::try_from(dice.below(limit.max(1) as u64)).unwrap()
}

fn with(bytes: &mut [u8], at: usize, act: impl FnOnce(&mut u8)) {
    if let Some(byte) = bytes.get_mut(at) {
        act(byte);
    }
}

/// Replaces the first decimal number behind `at`.
fn number(bytes: &mut Vec<u8>, at: usize, dice: &mut Dice) {
    let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let start = at + start;
    let digits = bytes[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let end = start + digits.count();
    let edge = EDGES[pick(dice, EDGES.len())];
    bytes.splice(start..end, edge.bytes());
}

/// Doubles, removes or swaps lines.
fn lines(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let mut lines: Vec<Vec<u8>> = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    if lines.is_empty() {
        return;
    }
    let (from, to) = (pick(dice, lines.len()), pick(dice, lines.len()));
    match pick(dice, 3) {
        0 => drop(lines.remove(from)),
        1 => lines.insert(to, lines[from].clone()),
        _ => lines.swap(from, to),
    }
    *bytes = lines.concat();
}

#[test]
fn equal_dice_make_equal_inputs_and_none_is_too_long() {
    let corpus = [b"a: 1\nb: 22\n".to_vec(), Vec::new(), vec![b'x'; LONGEST]];
    let mutator = Mutator {
        corpus: &corpus,
        words: &[b"word"],
        block: 4,
    };
    let mut different = std::collections::HashSet::new();
    for seed in 0..2_000 {
        let input = mutator.input(&mut Dice::new(seed));
        assert!(input.len() <= LONGEST);
        assert_eq!(input, mutator.input(&mut Dice::new(seed)));
        different.insert(input);
    }
    assert!(different.len() > 1_000, "{}", different.len());
}
