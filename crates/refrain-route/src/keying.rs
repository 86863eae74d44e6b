//! Keying: from a request to its key, or to the reason why it has none.

use bytes::Bytes;
use refrain::Key;
use refrain::key::{Document, KeyBuilder, Unkeyable};

use crate::cache_policy::Tenants;
use crate::guard::{Otherwise, Verdict};
use crate::key::{
    Bypass, Head, RequestDocument, RuleTree, Ruled, TenantSecret, set_seed, with_seed,
};
use crate::matching::Captures;
use crate::route::Route;

/// What the gateway adds to a request to key it.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// The name of the upstream.
    pub upstream: &'a str,
    /// Its fingerprint: the text of its operator and what the probe said.
    pub fingerprint: &'a str,
    /// Makes tenants of credentials.
    pub secret: &'a TenantSecret,
    /// A number that nobody can foresee, for seeds and variants.
    pub random: u64,
}

/// What becomes of a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Keying {
    /// It has a key.
    Keyed(Box<Keyed>),
    /// It goes past the cache.
    Bypass(Bypass),
    /// Its body is too large to be keyed; it passes as a stream.
    TooLarge,
}

/// A request with a key.
#[derive(Debug)]
#[non_exhaustive]
pub struct Keyed {
    /// The key.
    pub key: Key,
    /// The tenant, as a namespace; empty without credentials, and where tenants share.
    pub namespace: String,
    /// What the guard said.
    pub verdict: Verdict,
    /// The body to send in the place of the client's, when a seed was assigned.
    pub body: Option<Bytes>,
    /// Whether the answer is a stream.
    pub streams: bool,
    pub(crate) document: Document,
}

impl Keyed {
    /// The request as a document with the parts `method`, `route`, `path`, `query`, `headers` and `body`.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

impl Route {
    /// Makes the key of a request to this route.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{HeaderMap, Method};
    /// use refrain_route::{Asking, Bypass, Config, Head, Keying, TenantSecret};
    ///
    /// let config = Config::standing_in("openai", "http://127.0.0.1:8081", "127.0.0.1:8080").unwrap();
    /// let (chat, captures) = config.upstreams[0].routes.find(&Method::POST, "/v1/chat/completions").unwrap();
    ///
    /// let head = Head { method: &Method::POST, query: None, headers: &HeaderMap::new() };
    /// let secret = TenantSecret::new([7; 32]);
    /// let asking = Asking { upstream: "openai", fingerprint: "", secret: &secret, random: 0 };
    /// let keying = |json: &'static str| chat.keying(head, &captures, &Bytes::from(json), &asking);
    /// let key = |json| match keying(json) {
    ///     Keying::Keyed(keyed) => Ok(keyed.key),
    ///     Keying::Bypass(why) => Err(why),
    ///     _ => unreachable!(),
    /// };
    ///
    /// // Spelling and the user's label make no difference; the last digit of a seed does.
    /// assert_eq!(key(r#"{"seed": 9007199254740993, "user": "a"}"#), key(r#"{"user":"b","seed":9007199254740993}"#));
    /// assert_ne!(key(r#"{"seed": 9007199254740993}"#), key(r#"{"seed": 9007199254740992}"#));
    /// assert_eq!(key(r#"{"temperature": 1}"#), Err(Bypass::Random));
    /// assert_eq!(key(r#"{"seed": 1, "seed": 2}"#), Err(Bypass::DuplicateName("seed".to_owned())));
    /// ```
    pub fn keying(
        &self,
        head: Head<'_>,
        captures: &Captures<'_>,
        body: &Bytes,
        asking: &Asking<'_>,
    ) -> Keying {
        if body.len() as u64 > self.key.at_most() {
            return Keying::TooLarge;
        }
        match self.try_keying(head, captures, body, asking) {
            Ok(keyed) => Keying::Keyed(Box::new(keyed)),
            Err(bypass) => Keying::Bypass(bypass),
        }
    }

    fn try_keying(
        &self,
        head: Head<'_>,
        captures: &Captures<'_>,
        body: &Bytes,
        asking: &Asking<'_>,
    ) -> Result<Keyed, Bypass> {
        let read = RequestDocument::read(&self.key, &self.matching, head, captures, body)?;
        let RequestDocument {
            mut document,
            mut credentials,
        } = read;
        let verdict = self.guard.judge(&document, asking.random);
        let body = match &verdict {
            Verdict::Never(at) => return Err(Bypass::Never(at.clone())),
            Verdict::Random => return Err(Bypass::Random),
            Verdict::Assigned(seed) => Some(self.assign(&mut document, body, *seed)?),
            Verdict::Repeatable | Verdict::Pinned | Verdict::Variant(_) => None,
        };
        let namespace = match self.cache.tenants {
            Tenants::Apart => asking.secret.namespace(&mut credentials),
            Tenants::Shared => String::new(),
        };
        let with = |builder: KeyBuilder<'_>| builder.build();
        let key = self.build(&document, &verdict, &namespace, asking, with);
        let key = key.map_err(|unkeyable| Bypass::Unkeyable {
            at: unkeyable.part(),
            why: unkeyable.reason().to_string(),
        })?;
        Ok(Keyed {
            key,
            namespace,
            verdict,
            body,
            streams: self.exchange.stream_for(&document).is_some(),
            document,
        })
    }

    /// Writes the seed into the document and the body alike.
    fn assign(&self, document: &mut Document, body: &[u8], seed: u64) -> Result<Bytes, Bypass> {
        const NO_PLACE: Bypass = Bypass::Body("the body has no place for a seed");
        let Otherwise::Assign(place) = &self.guard.otherwise else {
            return Err(NO_PLACE);
        };
        let written = with_seed(body, &place.at, seed).ok_or(NO_PLACE)?;
        if let Document::Map(parts) = document
            && let Some(body) = parts.get_mut("body")
        {
            set_seed(body, &place.at, seed);
        }
        Ok(written)
    }

    /// Gives the parts of a keyed request to a builder.
    pub(crate) fn build<T>(
        &self,
        document: &Document,
        verdict: &Verdict,
        namespace: &str,
        asking: &Asking<'_>,
        with: impl FnOnce(KeyBuilder<'_>) -> Result<T, Unkeyable>,
    ) -> Result<T, Unkeyable> {
        let parts = self.ruled_parts(document);
        let rules = self.key.digest().as_bytes().to_vec();
        let rules = Document::Bytes(rules.into());
        let variant = match verdict {
            Verdict::Variant(number) => Some(Document::from(*number)),
            _ => None,
        };
        let mut builder = Key::builder()
            .namespace(namespace)
            .generator(asking.upstream, asking.fingerprint)
            .part("rules", &rules);
        for (name, part) in &parts {
            builder = builder.part(name, part);
        }
        if let Some(variant) = &variant {
            builder = builder.part("variant", variant);
        }
        with(builder)
    }

    /// The parts of a request, each with what is ruled in it.
    pub(crate) fn ruled_parts<'a>(&'a self, document: &'a Document) -> Vec<(&'a str, Ruled<'a>)> {
        let Document::Map(parts) = document else {
            return Vec::new();
        };
        let tree: &RuleTree = &self.key.tree;
        let parts = parts.iter();
        parts
            .map(|(name, value)| {
                let null_is_absent = self.key.null_is_absent && name == "body";
                (
                    name,
                    Ruled {
                        value,
                        rules: tree.field(name),
                        null_is_absent,
                    },
                )
            })
            .collect()
    }
}
