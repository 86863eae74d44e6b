//! What identifies the model behind an upstream: a text of its operator, and what the server says of itself.
//!
//! A server that has another model gives other answers to the same requests, so this is part of every key. While it is
//! not known, nothing is answered from the cache and nothing is stored.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{HeaderMap, Method, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use refrain::key::{Document, Key};
use refrain_route::Pattern;

use super::sending::Asked;
use super::{Lent, Outgoing, Paced, Upstream};

/// Answers about a model are short; a longer one is another page.
const LONGEST_ANSWER: usize = 4 << 20;

/// A question to a server about its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeConfig {
    /// Path and query of a GET.
    pub get: String,
    /// The places of the JSON answer that count; all of it if there are none.
    pub at: Vec<Pattern>,
    /// How often it is asked.
    pub every: Duration,
}

/// What is known of the model behind an upstream.
#[derive(Debug)]
pub(super) struct Fingerprint {
    text: String,
    /// The digest of what the server says; nothing if there is no probe.
    known: RwLock<Known>,
}

#[derive(Debug, Clone)]
enum Known {
    /// Nothing is asked, so the text is all.
    Text,
    /// The last answer.
    Answer(Arc<str>),
    /// Why there is none.
    Failed(String),
}

impl Fingerprint {
    pub(super) fn new(text: String, probe: Option<&ProbeConfig>) -> Self {
        let known = match probe {
            Some(_) => Known::Failed("it was not asked yet".to_owned()),
            None => Known::Text,
        };
        Self {
            text,
            known: RwLock::new(known),
        }
    }

    /// It in one text, for keys.
    ///
    /// # Errors
    ///
    /// Why it is not known.
    pub(super) fn now(&self) -> Result<String, String> {
        match self.known() {
            Known::Text => Ok(self.text.clone()),
            Known::Answer(answer) => Ok(format!("{} {answer}", self.text)),
            Known::Failed(why) => Err(why),
        }
    }

    fn known(&self) -> Known {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn learn(&self, known: Known) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

impl Upstream {
    /// What identifies the model, in one text for keys.
    ///
    /// # Errors
    ///
    /// Why it is not known: then nothing may be stored.
    pub(crate) fn fingerprint(&self) -> Result<String, String> {
        self.fingerprint.now()
    }

    /// Asks the server about its model for as long as it is polled.
    pub(crate) async fn keep_fingerprint(&self) {
        let Some(probe) = &self.config.probe else {
            return std::future::pending().await;
        };
        loop {
            self.probe(probe).await;
            // While it is not known nothing is stored, so it is asked for more often.
            let soon = Duration::from_secs(1).min(probe.every);
            let pause = if self.fingerprint.now().is_ok() {
                probe.every
            } else {
                soon
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn probe(&self, probe: &ProbeConfig) {
        let before = self.fingerprint.known();
        let known = match tokio::time::timeout(self.config.connect_timeout, self.ask(probe)).await {
            Ok(Ok(answer)) => Known::Answer(answer),
            Ok(Err(why)) => Known::Failed(why),
            Err(_) => Known::Failed(format!(
                "no answer within {:?}",
                self.config.connect_timeout
            )),
        };
        let upstream = self.name();
        match (&before, &known) {
            (Known::Answer(before), Known::Answer(now)) if before == now => {}
            (_, Known::Answer(_)) => tracing::info!(upstream, "its fingerprint is known"),
            (Known::Failed(before), Known::Failed(now)) if before == now => {}
            (_, Known::Failed(why)) => {
                tracing::warn!(
                    upstream,
                    why,
                    "its fingerprint is not known: nothing is stored"
                );
            }
            (_, Known::Text) => {}
        }
        self.fingerprint.learn(known);
    }

    async fn ask(&self, probe: &ProbeConfig) -> Result<Arc<str>, String> {
        let uri: Uri = probe
            .get
            .parse()
            .map_err(|_| format!("`{}` is no path", probe.get))?;
        let asked = Asked::of_this_server(self, Method::GET, &uri, HeaderMap::new());
        let asked = asked.map_err(|_| format!("`{}` is no path", probe.get))?;
        let answer = self
            .send(&asked, Lent::new(Outgoing::Whole(Bytes::new())))
            .await;
        let answer =
            answer.map_err(|unanswered| crate::Problem::from(unanswered).document().detail)?;
        if answer.status() != StatusCode::OK {
            return Err(format!(
                "GET {} is answered with {}",
                probe.get,
                answer.status()
            ));
        }
        let body = Limited::new(
            Paced::new(answer.into_body(), self.config.idle_timeout),
            LONGEST_ANSWER,
        );
        let body = body
            .collect()
            .await
            .map_err(|error| error.to_string())?
            .to_bytes();
        let document = Document::from_json(&body);
        let document =
            document.map_err(|error| format!("GET {} is no JSON: {error}", probe.get))?;
        digest(&document, &probe.at).map(Into::into)
    }
}

fn digest(document: &Document, at: &[Pattern]) -> Result<String, String> {
    let mut found = Vec::new();
    for pattern in at {
        let values = pattern.values(document);
        if values.is_empty() {
            return Err(format!("its answer has nothing at `{pattern}`"));
        }
        found.extend(values.into_iter().cloned());
    }
    let counted = if at.is_empty() {
        document.clone()
    } else {
        Document::List(found)
    };
    let key = Key::builder()
        .generator("fingerprint", "1")
        .part("answer", &counted)
        .build();
    key.map(|key| key.to_string())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_of(json: &str, at: &[&str]) -> Result<String, String> {
        let patterns: Vec<Pattern> = at.iter().map(|at| at.parse().unwrap()).collect();
        digest(&Document::from_json(json.as_bytes()).unwrap(), &patterns)
    }

    #[test]
    fn what_counts_changes_it_and_nothing_else_does() {
        let at = ["/model", "/slots/*/id"];
        let one = digest_of(r#"{"model": "a", "up": 1, "slots": [{"id": 1}]}"#, &at).unwrap();
        assert_eq!(
            digest_of(r#"{"up": 2, "slots": [{"id": 1}], "model": "a"}"#, &at).unwrap(),
            one
        );
        assert_ne!(
            digest_of(r#"{"model": "b", "slots": [{"id": 1}]}"#, &at).unwrap(),
            one
        );
        assert_ne!(
            digest_of(r#"{"model": "a", "slots": [{"id": 2}]}"#, &at).unwrap(),
            one
        );
        let all = digest_of(r#"{"model": "a", "up": 1}"#, &[]).unwrap();
        assert_ne!(digest_of(r#"{"model": "a", "up": 2}"#, &[]).unwrap(), all);
    }

    #[test]
    fn an_answer_that_lacks_what_counts_is_none() {
        let refused = digest_of(r#"{"up": 1}"#, &["/model"]).unwrap_err();
        assert_eq!(refused, "its answer has nothing at `/model`");
    }
}
