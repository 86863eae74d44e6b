//! A deque of chunks that know their places: the part of a body that is in memory.

use std::collections::VecDeque;

use bytes::Bytes;

/// Chunks without a gap between them, from some place in the body to its end.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    /// Each with the place of its first byte.
    kept: VecDeque<(u64, Bytes)>,
    start: u64,
    end: u64,
}

impl Chunks {
    /// The place of the first byte that is kept.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// The length of the body so far.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn bytes(&self) -> u64 {
        self.end - self.start
    }

    pub(super) fn push(&mut self, chunk: Bytes) {
        let place = self.end;
        self.end += chunk.len() as u64;
        self.kept.push_back((place, chunk));
    }

    /// The bytes from a place on, as far as they are in one chunk; none from the end on.
    pub(super) fn at(&self, place: u64) -> Option<Bytes> {
        let after = self.kept.partition_point(|(of, _)| *of <= place);
        let (of, chunk) = self.kept.get(after.checked_sub(1)?)?;
        let skipped = usize::try_from(place - of).ok()?;
        (skipped < chunk.len()).then(|| chunk.slice(skipped..))
    }

    /// The chunks from a place on, where a chunk begins.
    pub(super) fn since(&self, place: u64) -> Vec<Bytes> {
        let from = self.kept.partition_point(|(of, _)| *of < place);
        let kept = self.kept.range(from..);
        kept.map(|(_, chunk)| chunk.clone()).collect()
    }

    /// Lets go of the chunks that end before or at a place.
    pub(super) fn let_go_before(&mut self, place: u64) {
        while let Some((of, chunk)) = self.kept.front() {
            let end = of + chunk.len() as u64;
            if end > place {
                return;
            }
            self.kept.pop_front();
            self.start = end;
        }
    }

    /// The bytes from a place on as one chunk, which takes the place of theirs: a reader has it in one piece from now on.
    /// None if there is no memory for it.
    pub(super) fn in_one_piece(&mut self, place: u64) -> Option<Bytes> {
        self.let_go_before(place);
        if let [(_, only)] = self.kept.make_contiguous() {
            return Some(only.clone());
        }
        let mut whole = Vec::new();
        whole
            .try_reserve_exact(usize::try_from(self.bytes()).ok()?)
            .ok()?;
        for (_, chunk) in &self.kept {
            whole.extend_from_slice(chunk);
        }
        let whole = Bytes::from(whole);
        let mut from = 0;
        for (_, chunk) in &mut self.kept {
            let to = from + chunk.len();
            *chunk = whole.slice(from..to);
            from = to;
        }
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks() -> Chunks {
        let mut chunks = Chunks::default();
        for chunk in ["one ", "two ", "three"] {
            chunks.push(chunk.into());
        }
        chunks
    }

    #[test]
    fn bytes_are_found_by_their_place_also_within_a_chunk() {
        let chunks = chunks();
        assert_eq!(chunks.at(0).unwrap(), "one ");
        assert_eq!(chunks.at(3).unwrap(), " ");
        assert_eq!(chunks.at(4).unwrap(), "two ");
        assert_eq!(chunks.at(12).unwrap(), "e");
        assert!(chunks.at(13).is_none());
        assert_eq!(chunks.since(4), ["two ", "three"]);
    }

    #[test]
    fn what_is_let_go_is_whole_chunks_and_the_rest_keeps_its_places() {
        let mut chunks = chunks();
        chunks.let_go_before(7);
        assert_eq!((chunks.start(), chunks.end(), chunks.bytes()), (4, 13, 9));
        assert!(chunks.at(3).is_none());
        assert_eq!(chunks.in_one_piece(8).unwrap(), "three");
        chunks.let_go_before(u64::MAX);
        assert_eq!((chunks.start(), chunks.bytes()), (13, 0));
        assert_eq!(chunks.in_one_piece(13).unwrap(), "");
    }
}
