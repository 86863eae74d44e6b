//! A stored answer told again: the same, but for what is fresh in every answer of the origin.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use crate::answer::Retelling;
use axum::BoxError;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Response};
use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use jiff::Timestamp;
use refrain_route::{AnswerHeader, Occasion, Renewal, Route, StreamFormat, StreamReplay};
use tokio::sync::mpsc;

/// The answers that were told again. Counters in answers go on by it.
static SERIAL: AtomicU64 = AtomicU64::new(1);

/// One telling of an answer of a route.
#[derive(Debug)]
pub(crate) struct Replay {
    route: Arc<Route>,
    occasion: Occasion,
}

impl Replay {
    pub(crate) fn new(route: Arc<Route>, now: Timestamp) -> Self {
        let occasion = Occasion {
            // Where the system has none, ids repeat, as they do where nothing is renewed.
            random: getrandom::u64().unwrap_or_default(),
            unix_millis: u64::try_from(now.as_millisecond()).unwrap_or_default(),
            // Relaxed: a counter orders nothing.
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
        };
        Self { route, occasion }
    }

    /// An answer that is still coming, told again.
    pub(crate) fn growing(self, response: Response<Body>) -> Response<Body> {
        let (mut head, body) = response.into_parts();
        let format = format_of(&head.headers);
        self.headers(&mut head.headers);
        let body = match format {
            Some(format) => self.retold(body, format),
            None => body,
        };
        Response::from_parts(head, body)
    }

    fn headers(&self, headers: &mut HeaderMap) {
        if self.route.volatile.verbatim {
            return;
        }
        let mut renewal = Renewal::new(&self.route.volatile, self.occasion);
        for (name, value) in headers.iter_mut() {
            if AnswerHeader::of(name.as_str()) == AnswerHeader::Renewed
                && let Ok(old) = value.to_str()
                && let Ok(new) = HeaderValue::try_from(renewal.id(old))
            {
                *value = new;
            }
        }
    }

    /// The frames of `body`, each told again as soon as it is whole.
    fn retold(self, mut body: Body, format: StreamFormat) -> Body {
        let (tell, mut told) = mpsc::channel::<Result<Frame<Bytes>, BoxError>>(1);
        let telling = async move {
            let mut replay = StreamReplay::new(&self.route.volatile, format, self.occasion);
            while let Some(frame) = body.frame().await {
                let pieces = match frame.map(Frame::into_data) {
                    Ok(Ok(data)) => replay.push(&data),
                    Ok(Err(other)) => {
                        let _ = tell.send(Ok(other)).await;
                        continue;
                    }
                    Err(error) => {
                        let _ = tell.send(Err(error.into())).await;
                        return;
                    }
                };
                for piece in pieces {
                    let _ = tell.send(Ok(Frame::data(piece))).await;
                }
            }
            for piece in replay.finish() {
                let _ = tell.send(Ok(Frame::data(piece))).await;
            }
        };
        let mut telling: Option<Pin<Box<dyn Future<Output = ()> + Send>>> = Some(Box::pin(telling));
        let frames = stream::poll_fn(move |context| {
            // What is told is fetched at once, so that the telling is never asked for more than one piece ahead.
            if let Poll::Ready(Some(frame)) = told.poll_recv(context) {
                return Poll::Ready(Some(frame));
            }
            if let Some(running) = &mut telling
                && running.as_mut().poll(context).is_ready()
            {
                telling = None;
            }
            told.poll_recv(context)
        });
        Body::new(StreamBody::new(frames))
    }
}

impl Retelling for Replay {
    fn renews_bytes(&self) -> bool {
        !self.route.volatile.is_nothing()
    }

    fn retell(&self, headers: &mut HeaderMap, body: &Bytes) -> Vec<Bytes> {
        let format = format_of(headers);
        self.headers(headers);
        match format {
            Some(format) => {
                let mut replay = StreamReplay::new(&self.route.volatile, format, self.occasion);
                let mut slices = replay.push(body);
                slices.extend(replay.finish());
                slices
            }
            None => Renewal::new(&self.route.volatile, self.occasion).body(body),
        }
    }
}

fn format_of(headers: &HeaderMap) -> Option<StreamFormat> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = text
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        "text/event-stream" => Some(StreamFormat::Sse),
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-jsonlines" => Some(StreamFormat::Ndjson),
        _ => None,
    }
}
