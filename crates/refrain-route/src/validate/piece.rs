//! Framing by length across piece boundaries: gather a few bytes, pass over many.

/// Why a body is not whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault(pub(super) &'static str);

pub(super) type Fed = Result<(), Fault>;

pub(super) const NOT_ITS_BEGINNING: Fault = Fault("it does not begin as one");

/// Gathers `N` bytes, however they arrive.
#[derive(Debug)]
pub(super) struct Block<const N: usize> {
    bytes: [u8; N],
    filled: usize,
}

impl<const N: usize> Default for Block<N> {
    fn default() -> Self {
        Self {
            bytes: [0; N],
            filled: 0,
        }
    }
}

impl<const N: usize> Block<N> {
    /// Takes what is missing from the input; the block, once it is full, which empties it.
    pub(super) fn take(&mut self, input: &mut &[u8]) -> Option<[u8; N]> {
        let count = input.len().min(N - self.filled);
        let (taken, rest) = input.split_at(count);
        self.bytes[self.filled..self.filled + count].copy_from_slice(taken);
        self.filled += count;
        *input = rest;
        (self.filled == N).then(|| {
            self.filled = 0;
            self.bytes
        })
    }

    /// Whether nothing was taken since it was last full.
    pub(super) fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// What was taken so far.
    pub(super) fn so_far(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

/// Passes over as many of `left` bytes as the input has.
pub(super) fn pass(left: &mut u64, input: &mut &[u8]) {
    let count = usize::try_from(*left)
        .unwrap_or(usize::MAX)
        .min(input.len());
    *input = &input[count..];
    *left -= count as u64;
}
