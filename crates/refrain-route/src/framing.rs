//! Incremental framing of streams: server-sent events (WHATWG HTML, section 9.2.6) and lines of JSON, cut wherever they may be.

use std::ops::Range;

use memchr::{memchr, memchr2};

use crate::exchange::StreamFormat;

mod event;

pub(crate) use event::{Event, FrameKind};

/// Cuts a stream into frames: an event with the empty line behind it, or a line.
///
/// Line ends are `\n`, `\r\n` and `\r`, and any piece may end anywhere, within a line end too.
#[derive(Debug)]
pub(crate) struct Framer {
    format: StreamFormat,
    /// The beginning of a frame whose end has not come yet.
    open: Vec<u8>,
    /// Whether the line has begun.
    in_line: bool,
    /// The last byte was a `\r`: a `\n` belongs to it.
    after_return: bool,
    /// That `\r` ended a frame, which is whole when the next byte is known.
    is_ending: bool,
}

/// A whole frame: a part of the piece that was fed, or put together from several.
#[derive(Debug)]
pub(crate) enum Frame {
    Inside(Range<usize>),
    Across(Vec<u8>),
}

impl Frame {
    pub(crate) fn bytes<'a>(&'a self, piece: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Inside(range) => &piece[range.clone()],
            Self::Across(bytes) => bytes,
        }
    }
}

impl Framer {
    pub(crate) fn new(format: StreamFormat) -> Self {
        Self {
            format,
            open: Vec::new(),
            in_line: false,
            after_return: false,
            is_ending: false,
        }
    }

    /// Calls `found` with each frame that ends in this piece.
    pub(crate) fn feed(&mut self, piece: &[u8], mut found: impl FnMut(Frame)) {
        let mut start = 0;
        match self.format {
            StreamFormat::Sse => self.feed_events(piece, &mut start, &mut found),
            StreamFormat::Ndjson => {
                while let Some(end) = memchr(b'\n', &piece[start..]) {
                    self.emit(piece, &mut start, end + 1, &mut found);
                }
            }
        }
        self.open.extend_from_slice(&piece[start..]);
    }

    fn feed_events(&mut self, piece: &[u8], start: &mut usize, found: &mut impl FnMut(Frame)) {
        let mut at = 0;
        while at < piece.len() {
            if std::mem::take(&mut self.after_return) && piece[at] == b'\n' {
                at += 1;
            }
            if std::mem::take(&mut self.is_ending) {
                self.emit(piece, start, at - *start, found);
                continue;
            }
            let Some(length) = memchr2(b'\n', b'\r', &piece[at..]) else {
                self.in_line |= at < piece.len();
                return;
            };
            let is_empty = !std::mem::take(&mut self.in_line) && length == 0;
            self.after_return = piece[at + length] == b'\r';
            at += length + 1;
            if is_empty && self.after_return {
                self.is_ending = true;
            } else if is_empty {
                self.emit(piece, start, at - *start, found);
            }
        }
    }

    fn emit(
        &mut self,
        piece: &[u8],
        start: &mut usize,
        length: usize,
        found: &mut impl FnMut(Frame),
    ) {
        let range = *start..*start + length;
        *start = range.end;
        if self.open.is_empty() {
            found(Frame::Inside(range));
        } else {
            let mut frame = std::mem::take(&mut self.open);
            frame.extend_from_slice(&piece[range]);
            found(Frame::Across(frame));
        }
    }

    /// Bytes of a frame that has not ended.
    pub(crate) fn open_bytes(&self) -> usize {
        self.open.len()
    }

    /// What is left at the end of the stream, and whether it is a whole frame: an event needs its empty line, the last line of
    /// JSON no line end.
    pub(crate) fn finish(self) -> (Vec<u8>, bool) {
        let is_whole = match self.format {
            StreamFormat::Sse => self.is_ending,
            StreamFormat::Ndjson => true,
        };
        (self.open, is_whole)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frames(format: StreamFormat, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, (Vec<u8>, bool)) {
        let mut framer = Framer::new(format);
        let mut frames = Vec::new();
        for piece in pieces {
            framer.feed(piece, |frame| frames.push(frame.bytes(piece).to_vec()));
        }
        (frames, framer.finish())
    }

    #[test]
    fn events_end_with_an_empty_line_of_any_kind() {
        let text = b"data: 1\n\ndata: 2\r\n\r\ndata: 3\r\r: c\ndata: 4\r\n\ndata: 5\n\r";
        let (found, (rest, is_whole)) = frames(StreamFormat::Sse, &[text]);
        let expected: [&[u8]; 4] = [
            b"data: 1\n\n",
            b"data: 2\r\n\r\n",
            b"data: 3\r\r",
            b": c\ndata: 4\r\n\n",
        ];
        assert_eq!(found, expected);
        // The `\n` that belongs to the last `\r` may still come.
        assert_eq!((rest.as_slice(), is_whole), (&b"data: 5\n\r"[..], true));
        let (_, (rest, is_whole)) = frames(StreamFormat::Sse, &[b"data: 1\n"]);
        assert_eq!((rest.as_slice(), is_whole), (&b"data: 1\n"[..], false));
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference_and_no_byte_is_lost(
            text in prop::collection::vec(prop::sample::select(b"\n\r:da 1".to_vec()), 0..60),
            cuts in prop::collection::vec(0_usize..60, 0..8),
        ) {
            for format in [StreamFormat::Sse, StreamFormat::Ndjson] {
                let whole = frames(format, &[&text]);
                let mut pieces = Vec::new();
                let mut rest = text.as_slice();
                for cut in &cuts {
                    let (piece, behind) = rest.split_at((*cut).min(rest.len()));
                    pieces.push(piece);
                    rest = behind;
                }
                pieces.push(rest);
                let cut = frames(format, &pieces);
                prop_assert_eq!(&cut, &whole);
                prop_assert_eq!([cut.0.concat(), cut.1.0].concat(), text.clone());
            }
        }
    }
}
