//! Explanations: what of a request is in its key, what is not, and why.

use bytes::Bytes;
use refrain::Key;
use refrain::key::KeyBuilder;

use crate::guard::Verdict;
use crate::header::HeaderClass;
use crate::key::{Head, leaves};
use crate::keying::{Asking, Keying};
use crate::matching::Captures;
use crate::route::Route;

/// How the key of a request came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The key.
    pub key: Key,
    /// The bytes whose digest it is.
    pub form: Vec<u8>,
    /// The tenant; empty if there is none.
    pub namespace: String,
    /// What the guard said.
    pub verdict: Verdict,
    /// Whether the answer is a stream.
    pub streams: bool,
    /// What counts, value by value.
    pub parts: Vec<Part>,
    /// What does not count.
    pub ignored: Vec<Ignored>,
}

/// A value that counts. Its digest says whether it is the same in another request, and nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where it is, such as `/body/seed`.
    pub at: String,
    /// A keyed digest of its canonical form.
    pub digest: [u8; 8],
}

/// A value that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Where it is.
    pub at: String,
    /// Why it does not count.
    pub why: String,
}

/// How many values are told one by one.
const MOST_PARTS: usize = 1000;

impl Route {
    /// Explains the key of a request, without asking anybody anything.
    ///
    /// # Errors
    ///
    /// What [`keying`](Route::keying) says of a request that has no key.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{HeaderMap, Method};
    /// use refrain_route::{Asking, Config, Head, TenantSecret};
    ///
    /// let config = Config::standing_in("openai", "http://127.0.0.1:8081", "127.0.0.1:8080").unwrap();
    /// let (chat, captures) = config.upstreams[0].routes.find(&Method::POST, "/v1/chat/completions").unwrap();
    /// let headers = HeaderMap::from_iter([(http::header::USER_AGENT, "curl".parse().unwrap())]);
    /// let head = Head { method: &Method::POST, query: None, headers: &headers };
    /// let secret = TenantSecret::new([7; 32]);
    /// let asking = Asking { upstream: "openai", fingerprint: "", secret: &secret, random: 0 };
    /// let body = Bytes::from(r#"{"seed": 7, "user": "ann"}"#);
    /// let told = chat.explain(head, &captures, &body, &asking).unwrap();
    ///
    /// assert!(told.parts.iter().any(|part| part.at == "/body/seed"));
    /// let ignored: Vec<_> = told.ignored.iter().map(|ignored| ignored.at.as_str()).collect();
    /// assert_eq!(ignored, ["/body/user", "/headers/user-agent"]);
    /// ```
    pub fn explain(
        &self,
        head: Head<'_>,
        captures: &Captures<'_>,
        body: &Bytes,
        asking: &Asking<'_>,
    ) -> Result<Explanation, Keying> {
        let keyed = match self.keying(head, captures, body, asking) {
            Keying::Keyed(keyed) => keyed,
            other => return Err(other),
        };
        let with = |builder: KeyBuilder<'_>| builder.canonical_form();
        let form = self.build(
            &keyed.document,
            &keyed.verdict,
            &keyed.namespace,
            asking,
            with,
        );
        let (mut parts, mut ignored) = (Vec::new(), Vec::new());
        for (name, part) in self.ruled_parts(&keyed.document) {
            for leaf in leaves(part, &format!("/{name}"), MOST_PARTS) {
                match leaf.form {
                    Ok(form) => parts.push(Part {
                        at: leaf.at,
                        digest: asking.secret.part_digest(&form),
                    }),
                    Err(why) => ignored.push(Ignored { at: leaf.at, why }),
                }
            }
        }
        for name in head.headers.keys() {
            let why = match self.key.class_of(name.as_str()) {
                HeaderClass::Noise => "differs between equal requests",
                HeaderClass::Credential => "makes the tenant",
                HeaderClass::Meaning => continue,
            };
            ignored.push(Ignored {
                at: format!("/headers/{name}"),
                why: why.to_owned(),
            });
        }
        Ok(Explanation {
            key: keyed.key,
            form: form.unwrap_or_default(),
            namespace: keyed.namespace,
            verdict: keyed.verdict,
            streams: keyed.streams,
            parts,
            ignored,
        })
    }
}
