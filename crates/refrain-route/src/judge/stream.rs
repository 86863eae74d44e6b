//! The judge of a stream: only one that ended as it should, and in which nothing failed, is a result.

use refrain::key::Document;

use super::NotAResult;
use crate::exchange::{EndMarker, StreamExchange};
use crate::framing::{Event, FrameKind, Framer};

/// Reads a stream frame by frame, in memory for one frame.
///
/// ```
/// use refrain_route::{Config, StreamJudge};
///
/// let config = Config::standing_in("openai", "http://127.0.0.1:8081", "127.0.0.1:8080").unwrap();
/// let chat = config.upstreams[0].routes.named("chat").unwrap();
/// let judged = |stream: &str| {
///     let mut judge = StreamJudge::new(chat.exchange.stream.as_ref().unwrap());
///     stream.as_bytes().chunks(5).try_for_each(|piece| judge.update(piece))?;
///     judge.finish()
/// };
/// let last = "data: {\"choices\": [{\"finish_reason\": \"stop\"}]}\n\n";
/// assert!(judged(&format!("{last}data: [DONE]\n\n")).is_ok());
/// assert!(judged(last).is_err());
/// assert!(judged("data: [DONE]\n\n").is_err());
/// assert!(judged("data: {\"error\": {}}\n\ndata: [DONE]\n\n").is_err());
/// ```
#[derive(Debug)]
pub struct StreamJudge<'r> {
    exchange: &'r StreamExchange,
    framer: Framer,
    so_far: SoFar,
}

#[derive(Debug, Default)]
struct SoFar {
    has_ended: bool,
    has_required: bool,
    refused: Option<NotAResult>,
}

/// The longest frame that is read: a large picture as base64. A longer one makes the stream none that is stored.
const LONGEST_FRAME: usize = 64 << 20;

impl<'r> StreamJudge<'r> {
    /// A judge of a stream that begins.
    pub fn new(exchange: &'r StreamExchange) -> Self {
        Self {
            exchange,
            framer: Framer::new(exchange.format),
            so_far: SoFar {
                has_required: exchange.require.is_none(),
                ..SoFar::default()
            },
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// [`NotAResult`] as soon as it is certain; what follows does not matter then.
    pub fn update(&mut self, piece: &[u8]) -> Result<(), NotAResult> {
        let (exchange, so_far) = (self.exchange, &mut self.so_far);
        if so_far.refused.is_none() {
            self.framer
                .feed(piece, |frame| so_far.take(exchange, frame.bytes(piece)));
        }
        if self.framer.open_bytes() > LONGEST_FRAME {
            so_far.refuse(NotAResult::Stream("a frame of the stream is too long"));
        }
        so_far.refused.clone().map_or(Ok(()), Err)
    }

    /// Says at the end of the stream whether it is a result.
    ///
    /// # Errors
    ///
    /// [`NotAResult`] when the mark of its end or something else is missing.
    pub fn finish(self) -> Result<(), NotAResult> {
        let mut so_far = self.so_far;
        let (rest, is_whole) = self.framer.finish();
        if is_whole {
            so_far.take(self.exchange, &rest);
        } else if Event::read(self.exchange.format, &rest).kind == FrameKind::Content {
            so_far.refuse(NotAResult::Stream("the stream was cut within a frame"));
        }
        match so_far.refused {
            Some(refused) => Err(refused),
            None if !so_far.has_ended => {
                Err(NotAResult::Stream("the stream ended without its mark"))
            }
            None if !so_far.has_required => Err(NotAResult::Failed),
            None => Ok(()),
        }
    }
}

impl SoFar {
    fn take(&mut self, exchange: &StreamExchange, frame: &[u8]) {
        let event = Event::read(exchange.format, frame);
        if event.kind == FrameKind::Idle || self.refused.is_some() {
            return;
        }
        let is_text_mark = exchange.end.iter().any(|end| match end {
            EndMarker::Data(data) => event.data.trim_ascii() == data.as_bytes(),
            EndMarker::Event(name) => event.name == name.as_bytes(),
            EndMarker::Frame(_) => false,
        });
        let is_data_mark = is_text_mark && exchange.end.iter().any(|end| matches!(end, EndMarker::Data(data) if event.data.trim_ascii() == data.as_bytes()));
        let mut is_mark = is_text_mark;
        if exchange.looks_into_json() && !is_data_mark {
            let Ok(document) = Document::from_json(&event.data) else {
                self.refuse(NotAResult::NotJson);
                return;
            };
            is_mark |= exchange.end.iter().any(
                |end| matches!(end, EndMarker::Frame(conditions) if conditions.hold(&document)),
            );
            if exchange.failed.hold(&document) {
                self.refuse(NotAResult::Failed);
                return;
            }
            self.has_required |= exchange
                .require
                .as_ref()
                .is_some_and(|require| require.hold(&document));
        }
        if self.has_ended && !is_mark {
            self.refuse(NotAResult::Stream("the stream went on behind its end"));
        }
        self.has_ended |= is_mark;
    }

    fn refuse(&mut self, why: NotAResult) {
        self.refused.get_or_insert(why);
    }
}
