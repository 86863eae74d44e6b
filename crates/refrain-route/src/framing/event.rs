//! One frame of a stream: the name of its event, its data, and where in the frame the data stand.

use std::borrow::Cow;

use crate::exchange::StreamFormat;

/// What a frame is to a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// Data.
    Content,
    /// Nothing but comments, a ping, or an empty line: keeps a connection open and says nothing.
    Idle,
}

/// A frame that was read.
#[derive(Debug)]
pub(crate) struct Event<'f> {
    pub(crate) kind: FrameKind,
    /// The name of the event; empty if it has none.
    pub(crate) name: &'f [u8],
    /// The lines of data, with `\n` between them.
    pub(crate) data: Cow<'f, [u8]>,
    /// For each line of data, where it begins in `data` and in the frame.
    lines: Vec<(usize, usize)>,
}

impl<'f> Event<'f> {
    pub(crate) fn read(format: StreamFormat, frame: &'f [u8]) -> Self {
        match format {
            StreamFormat::Sse => Self::of_event(frame),
            StreamFormat::Ndjson => Self::of_line(frame),
        }
    }

    fn of_line(frame: &'f [u8]) -> Self {
        let data = frame.trim_ascii_end();
        let kind = if data.is_empty() {
            FrameKind::Idle
        } else {
            FrameKind::Content
        };
        Self {
            kind,
            name: b"",
            data: data.into(),
            lines: vec![(0, 0)],
        }
    }

    fn of_event(frame: &'f [u8]) -> Self {
        let mut event = Self {
            kind: FrameKind::Idle,
            name: b"",
            data: Cow::Borrowed(b""),
            lines: Vec::new(),
        };
        let mut at = 0;
        for line in frame.split(|byte| matches!(byte, b'\n' | b'\r')) {
            let begin = at;
            at += line.len() + 1;
            // A byte order mark may stand at the beginning of the stream.
            let (line, begin) = match line.strip_prefix(b"\xef\xbb\xbf") {
                Some(line) => (line, begin + 3),
                None => (line, begin),
            };
            let colon = line.iter().position(|byte| *byte == b':');
            let (field, value) = match colon {
                Some(colon) => (&line[..colon], &line[colon + 1..]),
                None => (line, &b""[..]),
            };
            let value_begins = begin + line.len() - value.len();
            let (value, value_begins) = match value.strip_prefix(b" ") {
                Some(value) => (value, value_begins + 1),
                None => (value, value_begins),
            };
            match field {
                b"event" => event.name = value,
                b"data" => event.add(value, value_begins),
                _ => {}
            }
        }
        if !event.lines.is_empty() && event.name != b"ping" {
            event.kind = FrameKind::Content;
        }
        event
    }

    fn add(&mut self, value: &'f [u8], begins: usize) {
        if self.lines.is_empty() {
            self.lines.push((0, begins));
            self.data = value.into();
            return;
        }
        let data = self.data.to_mut();
        data.push(b'\n');
        self.lines.push((data.len(), begins));
        data.extend_from_slice(value);
    }

    /// Where in the frame a part of the data stands; none if it reaches over a line end.
    pub(crate) fn in_frame(&self, part: &std::ops::Range<usize>) -> Option<std::ops::Range<usize>> {
        let line = self
            .lines
            .iter()
            .rposition(|(begins, _)| *begins <= part.start)?;
        let (begins, in_frame) = self.lines[line];
        let ends = self
            .lines
            .get(line + 1)
            .map_or(self.data.len(), |(next, _)| next - 1);
        let start = in_frame + (part.start - begins);
        (part.end <= ends).then(|| start..start + part.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_a_name_and_lines_of_data() {
        let frame = b"\xef\xbb\xbfid: 7\r\nevent: delta\r\ndata: {\"a\":\r\n: comment\r\ndata:1}\r\ndata\r\n\r\n";
        let event = Event::read(StreamFormat::Sse, frame);
        assert_eq!(
            (event.name, event.data.as_ref(), event.kind),
            (&b"delta"[..], &b"{\"a\":\n1}\n"[..], FrameKind::Content)
        );
        let one = event.in_frame(&(6..7)).unwrap();
        assert_eq!(&frame[one], b"1");
        let name = event.in_frame(&(1..4)).unwrap();
        assert_eq!(&frame[name], b"\"a\"");
        assert_eq!(event.in_frame(&(0..8)), None);
    }

    #[test]
    fn comments_pings_and_empty_lines_say_nothing() {
        for frame in [
            &b": ping\n\n"[..],
            b"\n",
            b"event: ping\ndata: {\"type\": \"ping\"}\n\n",
            b"retry: 10\n\n",
        ] {
            assert_eq!(Event::read(StreamFormat::Sse, frame).kind, FrameKind::Idle);
        }
        assert_eq!(
            Event::read(StreamFormat::Ndjson, b" \r\n").kind,
            FrameKind::Idle
        );
        assert_eq!(
            Event::read(StreamFormat::Ndjson, b"{}\r\n").data.as_ref(),
            b"{}"
        );
        assert_eq!(
            Event::read(StreamFormat::Sse, b"data\n\n").kind,
            FrameKind::Content
        );
    }
}
