//! A client that measures: one connection that stays open, and no memory taken for an answer.

use std::io::Read;
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, header};
use ureq::{Agent, Body};

use super::error::BatchError;
use crate::stopwatch;

/// Parts of a form are kept apart by a word that is in no picture.
const BOUNDARY: &str = "refrain-bench-6f1d0c52a94e";

/// One connection that is kept open, and a buffer that is filled again and again:
/// what is measured is the server, not the memory that a client asks for.
#[derive(Debug)]
pub(super) struct Connection {
    agent: Agent,
    base: String,
    buffer: Vec<u8>,
}

/// How the server came to a result, as `Cache-Status` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Hit,
    Collapsed,
    Generated,
}

/// One answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    /// From before the request was sent until the last byte was read.
    pub(super) took: Duration,
    pub(super) bytes: u64,
    pub(super) etag: String,
    /// Where the result can be fetched without the request.
    pub(super) location: String,
}

/// A request as it goes over the wire, made once.
#[derive(Debug)]
pub(super) struct Form {
    body: Vec<u8>,
}

impl Form {
    /// The form that a browser or `curl -F` sends.
    pub(super) fn new(picture: &[u8], quality: u8) -> Self {
        let mut body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"quality\"\r\n\r\n{quality}\r\n\
             --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"image\"; \
             filename=\"picture.tiff\"\r\nContent-Type: image/tiff\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(picture);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        Self { body }
    }
}

impl Connection {
    pub(super) fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .no_delay(true)
            .max_redirects(0)
            .proxy(None)
            .max_idle_connections(1)
            .build();
        Self {
            agent: config.into(),
            base: base.to_owned(),
            buffer: Vec::new(),
        }
    }

    /// Has a relief made or found.
    pub(super) fn generate(&mut self, form: &Form) -> Result<Answer, BatchError> {
        self.post(form, None)
    }

    fn post(&mut self, form: &Form, cache_control: Option<&str>) -> Result<Answer, BatchError> {
        let url = format!("{}/api/generate/relief", self.base);
        let began = stopwatch::now();
        let mut request = self.agent.post(url).header(
            header::CONTENT_TYPE,
            format!("multipart/form-data; boundary={BOUNDARY}"),
        );
        if let Some(directives) = cache_control {
            request = request.header(header::CACHE_CONTROL, directives);
        }
        let answer = request.send(&form.body[..]);
        self.read(began, answer)
    }

    /// Has a relief made that is not stored.
    pub(super) fn warm_up(&mut self, form: &Form) -> Result<(), BatchError> {
        self.post(form, Some("no-store")).map(|_| ())
    }

    /// Fetches a result by its address.
    pub(super) fn fetch(&mut self, location: &str) -> Result<Answer, BatchError> {
        let url = format!("{}{location}", self.base);
        let began = stopwatch::now();
        let answer = self.agent.get(url).call();
        self.read(began, answer)
    }

    fn read(
        &mut self,
        began: Instant,
        answer: Result<ureq::http::Response<Body>, ureq::Error>,
    ) -> Result<Answer, BatchError> {
        let mut answer = answer?;
        let bytes = fill(&mut answer.body_mut().as_reader(), &mut self.buffer)
            .map_err(BatchError::Broken)?;
        let took = began.elapsed();
        if !answer.status().is_success() {
            let text = String::from_utf8_lossy(&self.buffer[..bytes]).into_owned();
            let status = answer.status();
            return Err(BatchError::Refused { status, text });
        }
        let headers = answer.headers();
        Ok(Answer {
            outcome: outcome(text(headers, "cache-status")),
            took,
            bytes: bytes as u64,
            etag: text(headers, "etag").to_owned(),
            location: text(headers, "content-location").to_owned(),
        })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn outcome(cache_status: &str) -> Outcome {
    let has = |word| cache_status.split(';').any(|part| part.trim() == word);
    if has("hit") {
        Outcome::Hit
    } else if has("collapsed") {
        Outcome::Collapsed
    } else {
        Outcome::Generated
    }
}

/// Reads to the end into `buffer`, which only ever grows, and answers how much it was.
fn fill(body: &mut impl Read, buffer: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            buffer.resize((buffer.len() * 2).max(1 << 20), 0);
        }
        match body.read(&mut buffer[filled..])? {
            0 => return Ok(filled),
            read => filled += read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_is_read_from_the_words_of_cache_status() {
        assert_eq!(outcome("refrain; hit; ttl=86399"), Outcome::Hit);
        assert_eq!(outcome("refrain; fwd=miss; stored"), Outcome::Generated);
        assert_eq!(outcome("refrain; fwd=miss; collapsed"), Outcome::Collapsed);
        assert_eq!(
            outcome("refrain; fwd=bypass; detail=\"hit\""),
            Outcome::Generated
        );
    }

    #[test]
    fn a_body_is_read_whole_whatever_the_buffer_held() {
        let body: Vec<u8> = (0..3_000_000_u32).map(|at| at.to_le_bytes()[0]).collect();
        let mut buffer = vec![9; 10];
        assert_eq!(fill(&mut &body[..], &mut buffer).unwrap(), body.len());
        assert_eq!(buffer[..body.len()], body);
        assert_eq!(fill(&mut &b"short"[..], &mut buffer).unwrap(), 5);
        assert_eq!(&buffer[..5], b"short");
    }
}
