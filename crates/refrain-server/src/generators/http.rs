//! The generator of kind `http`: an upstream makes the result, which is judged while it comes.
//!
//! The caller that caused it has every byte at once, whatever it is. Other callers get what has proved to be a result:
//! a stream as soon as it says something, everything else when it is whole. What turns out to be none is nobody else's.

mod judging;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::BoxError;
use axum::http::response::Parts;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use refrain_route::{AnswerHeader, NotAResult, Route};

use super::{Finished, Keep, Work};
use crate::generate_error::GenerateError;
use crate::live::{Head, LiveWriter};
use crate::problem::ErrorAnswer;
use crate::request::body::HeldBody;
use crate::upstream::{Asked, Lent, Outgoing, Paced, Unanswered, Upstream, keep_end_to_end};
use crate::{Problem, ProblemKind};
use judging::Judging;

/// Errors up to this length are shared with the callers that waited; a longer one is passed on to the first of them.
const LONGEST_SHARED_ERROR: u64 = 1 << 20;

/// One request to an upstream, which can be sent again.
pub(crate) struct Generation {
    upstream: Arc<Upstream>,
    route: Arc<Route>,
    /// What the key says of the model.
    fingerprint: String,
    asked: Asked,
    body: Arc<HeldBody>,
    /// How long the result is kept; none for the cache's own time.
    kept_for: Option<Duration>,
    /// Bytes of the largest answer.
    at_most: u64,
    own: Own,
}

/// The head of the answer as the upstream sent it, for the caller that caused it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Own(Arc<OnceLock<(StatusCode, HeaderMap)>>);

impl Own {
    /// Status and headers; nothing if the result was not made by this request.
    pub(crate) fn head(&self) -> Option<&(StatusCode, HeaderMap)> {
        self.0.get()
    }

    /// The headers.
    pub(crate) fn headers(&self) -> Option<&HeaderMap> {
        self.head().map(|(_, headers)| headers)
    }
}

/// What an answer is while it comes.
struct Coming {
    body: Paced<Incoming>,
    trailers: HeaderMap,
    length: u64,
}

impl Generation {
    pub(crate) fn new(
        upstream: Arc<Upstream>,
        route: Arc<Route>,
        fingerprint: String,
        asked: Asked,
        body: Arc<HeldBody>,
        kept_for: Option<Duration>,
        at_most: u64,
    ) -> Self {
        Self {
            upstream,
            route,
            fingerprint,
            asked,
            body,
            kept_for,
            at_most,
            own: Own::default(),
        }
    }

    /// Where the head of the answer will be.
    pub(crate) fn own(&self) -> Own {
        self.own.clone()
    }

    async fn generate(&self, out: &mut LiveWriter) -> Result<Finished, GenerateError> {
        let body = Lent::new(Outgoing::Whole(self.body.bytes().clone()));
        let answered = self.upstream.send(&self.asked, body).await;
        let answered = answered.map_err(|unanswered| GenerateError::Refused(unanswered.into()))?;
        let (mut head, body) = answered.into_parts();
        keep_end_to_end(&mut head.headers);
        // Only an attempt of the same request could have set it before.
        let _ = self.own.0.set((head.status, head.headers.clone()));
        let idle = self.upstream.config().idle_timeout;
        let coming = Coming {
            body: Paced::new(body, idle),
            trailers: HeaderMap::new(),
            length: 0,
        };
        match self.route.judge(head.status, &head.headers) {
            Ok(judge) => {
                let judging = Judging::new(&self.route, judge);
                self.judged(&head, judging, coming, out).await
            }
            Err(NotAResult::Status(_)) => self.no_success(head, coming, out).await,
            Err(why) => {
                self.note(&why);
                self.for_the_caller(&head, Vec::new(), coming, out).await
            }
        }
    }

    /// An answer that may be a result: the verdict comes with its end.
    async fn judged(
        &self,
        head: &Parts,
        mut judging: Judging<'_>,
        mut coming: Coming,
        out: &mut LiveWriter,
    ) -> Result<Finished, GenerateError> {
        out.head(kept_head(head).judged())?;
        let mut is_open = false;
        loop {
            let chunk = match self.next(&mut coming).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(problem) if is_open => return Err(GenerateError::Refused(problem)),
                Err(problem) => return Err(GenerateError::Interrupted(problem)),
            };
            judging.update(&chunk);
            out.write(chunk).await?;
            if !is_open && judging.is_content() {
                out.open();
                is_open = true;
            }
        }
        let verdict = judging.finish();
        if let Err(why) = &verdict {
            self.note(why);
        }
        let keep = match verdict {
            Ok(()) if self.is_of_the_same_model() => Keep::Store,
            Ok(()) => Keep::Share,
            // Those that read along have it.
            _ if is_open => Keep::Share,
            _ => Keep::Caller,
        };
        let cache = &self.route.cache;
        Ok(Finished {
            trailers: coming.trailers,
            keep,
            time_to_live: self.kept_for,
            tags: cache.tags.iter().map(|tag| tag.as_str().into()).collect(),
            ..Finished::default()
        })
    }

    /// An answer that is none by its status: an error that all who wait may have, or something for the caller alone.
    async fn no_success(
        &self,
        head: Parts,
        mut coming: Coming,
        out: &mut LiveWriter,
    ) -> Result<Finished, GenerateError> {
        let is_error = head.status.is_client_error() || head.status.is_server_error();
        let mut begun = Vec::new();
        while is_error && coming.length <= LONGEST_SHARED_ERROR {
            match self.next(&mut coming).await {
                Ok(Some(chunk)) => begun.push(chunk),
                Ok(None) => {
                    return Err(GenerateError::Answered(Box::new(ErrorAnswer {
                        status: head.status,
                        headers: head.headers,
                        body: begun.concat().into(),
                    })));
                }
                Err(problem) => return Err(GenerateError::Interrupted(problem)),
            }
        }
        self.for_the_caller(&head, begun, coming, out).await
    }

    /// An answer that is passed on to the caller that caused it, and to no other.
    async fn for_the_caller(
        &self,
        head: &Parts,
        begun: Vec<Bytes>,
        mut coming: Coming,
        out: &mut LiveWriter,
    ) -> Result<Finished, GenerateError> {
        out.head(kept_head(head).private())?;
        for chunk in begun {
            out.write(chunk).await?;
        }
        while let Some(chunk) = self
            .next(&mut coming)
            .await
            .map_err(GenerateError::Interrupted)?
        {
            out.write(chunk).await?;
        }
        Ok(Finished {
            trailers: coming.trailers,
            ..Finished::for_the_caller()
        })
    }

    /// The next piece of the body.
    async fn next(&self, coming: &mut Coming) -> Result<Option<Bytes>, Problem> {
        while let Some(frame) = coming.body.frame().await {
            let frame = frame.map_err(|error| self.broke_off(&error))?;
            match frame.into_data() {
                Ok(data) => {
                    coming.length = coming.length.saturating_add(data.len() as u64);
                    if coming.length > self.at_most {
                        return Err(self.too_long());
                    }
                    return Ok(Some(data));
                }
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        coming.trailers = trailers;
                    }
                }
            }
        }
        Ok(None)
    }

    /// Whether the model is, as far as is known, still the one that the key names. A request may wait for its turn for long.
    fn is_of_the_same_model(&self) -> bool {
        self.upstream.fingerprint().as_deref() == Ok(self.fingerprint.as_str())
    }

    fn note(&self, why: &NotAResult) {
        let (upstream, route) = (self.upstream.name(), &self.route.name);
        tracing::info!(upstream, route, %why, "the answer is no result and is not stored");
    }

    fn broke_off(&self, error: &BoxError) -> Problem {
        Problem::from(Unanswered::Broken {
            upstream: self.upstream.name().to_owned(),
            why: format!("it broke off: {error}"),
        })
    }

    fn too_long(&self) -> Problem {
        let (name, at_most) = (self.upstream.name(), self.at_most);
        let detail = format!(
            "the answer of upstream `{name}` is longer than the {at_most} bytes that are held of one"
        );
        Problem::new(ProblemKind::UpstreamBroken, detail)
    }
}

impl Work for Generation {
    fn run(
        self: Arc<Self>,
        mut out: LiveWriter,
    ) -> BoxFuture<'static, Result<Finished, GenerateError>> {
        Box::pin(async move {
            let Some(within) = self.upstream.config().total_timeout else {
                return self.generate(&mut out).await;
            };
            match tokio::time::timeout(within, self.generate(&mut out)).await {
                Ok(finished) => finished,
                Err(_) => Err(GenerateError::Refused(Problem::from(Unanswered::TooSlow {
                    upstream: self.upstream.name().to_owned(),
                    within,
                }))),
            }
        })
    }
}

/// What of a head may be stored and answered to others.
fn kept_head(head: &Parts) -> Head {
    let is_kept = |name: &str| !matches!(AnswerHeader::of(name), AnswerHeader::Dropped);
    let kept = head
        .headers
        .iter()
        .filter(|(name, _)| is_kept(name.as_str()));
    let mut kept_head = Head::new(head.status);
    kept_head.headers = kept
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    kept_head
}
