//! The judge of an answer that is still coming, with what it has to read again at the end.

use bytes::Bytes;
use refrain_route::{Judge, NotAResult, Route};

/// Judges an answer piece by piece.
pub(super) struct Judging<'r> {
    judge: Judge<'r>,
    refused: Option<NotAResult>,
    /// The pieces, which share their memory with the body; none where nothing has to be read in it.
    pieces: Option<Vec<Bytes>>,
    seen: usize,
    has_whole_frame: bool,
}

impl<'r> Judging<'r> {
    pub(super) fn new(route: &'r Route, judge: Judge<'r>) -> Self {
        let reads = route.success.looks_into_json() || !route.artifacts.media.is_empty();
        Self {
            pieces: (reads && !judge.is_stream()).then(Vec::new),
            judge,
            refused: None,
            seen: 0,
            has_whole_frame: false,
        }
    }

    /// Takes the next piece.
    pub(super) fn update(&mut self, piece: &Bytes) {
        if self.refused.is_none() {
            self.refused = self.judge.update(piece).err();
        }
        if let Some(pieces) = &mut self.pieces {
            pieces.push(piece.clone());
        }
        self.seen += 1;
        self.has_whole_frame |= piece.ends_with(b"\n\n") || piece.ends_with(b"\n\r\n");
    }

    /// Whether it is a stream that has said something, and not that it failed.
    ///
    /// The first piece may end within its first frame; with the second one it is known what that says.
    pub(super) fn is_content(&self) -> bool {
        self.judge.is_stream() && self.refused.is_none() && (self.has_whole_frame || self.seen > 1)
    }

    /// The verdict.
    pub(super) fn finish(self) -> Result<(), NotAResult> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let pieces = self.pieces.unwrap_or_default();
        self.judge.finish(|| match &pieces[..] {
            [only] => only.clone(),
            many => many.concat().into(),
        })
    }
}
