//! The rules by which a route makes a key, and their own digest: two sets of rules never share one.

use http::HeaderName;
use refrain::key::{Document, Key, Map, Pointer};

use super::RuleTree;
use crate::header::{HeaderClass, QUERY_CREDENTIALS};
use crate::language::{Section, Value};
use crate::pattern::{Pattern, Step};

/// How a body is read.
///
/// ```
/// assert_eq!(refrain_route::BodyKind::default(), refrain_route::BodyKind::Auto);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyKind {
    /// As its `Content-Type` says: JSON, a form, or bytes.
    #[default]
    Auto,
    /// JSON, whatever its `Content-Type`.
    Json,
    /// `multipart/form-data`.
    Multipart,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// JSON with tensors behind it, as `KServe` has it.
    Kserve,
    /// Bytes.
    Bytes,
}

const BODY_KINDS: [(&str, BodyKind); 6] = [
    ("auto", BodyKind::Auto),
    ("json", BodyKind::Json),
    ("multipart", BodyKind::Multipart),
    ("form", BodyKind::Form),
    ("kserve", BodyKind::Kserve),
    ("bytes", BodyKind::Bytes),
];

/// What a route leaves out of a key, and what it reads as media. Everything else counts.
///
/// ```
/// let rules = refrain_route::KeyRules::default();
/// assert!(rules.ignore().is_empty());
/// ```
#[derive(Debug, Clone)]
pub struct KeyRules {
    pub(crate) body: BodyKind,
    pub(crate) ignore: Vec<Pattern>,
    pub(crate) media: Vec<Pattern>,
    pub(crate) defaults: Vec<(Pointer, Document)>,
    headers: Vec<String>,
    noise: Vec<String>,
    credentials: Vec<String>,
    query_credentials: Vec<String>,
    pub(crate) null_is_absent: bool,
    at_most: u64,
    pub(crate) tree: RuleTree,
    digest: Key,
}

/// Bodies beyond this are not keyed, unless the route says otherwise: 64 MiB.
const LARGEST_BODY: u64 = 64 << 20;

impl Default for KeyRules {
    fn default() -> Self {
        Self {
            body: BodyKind::Auto,
            ignore: Vec::new(),
            media: Vec::new(),
            defaults: Vec::new(),
            headers: Vec::new(),
            noise: Vec::new(),
            credentials: Vec::new(),
            query_credentials: Vec::new(),
            null_is_absent: false,
            at_most: LARGEST_BODY,
            tree: RuleTree::default(),
            digest: Key::from_bytes([0; 32]),
        }
        .finished()
    }
}

impl KeyRules {
    /// How the body is read.
    pub fn body(&self) -> BodyKind {
        self.body
    }

    /// What is left out.
    pub fn ignore(&self) -> &[Pattern] {
        &self.ignore
    }

    /// What is read as media.
    pub fn media(&self) -> &[Pattern] {
        &self.media
    }

    /// The longest body that is keyed, in bytes; a longer one passes by.
    pub fn at_most(&self) -> u64 {
        self.at_most
    }

    /// The class of a header on this route.
    ///
    /// ```
    /// use refrain_route::{HeaderClass, KeyRules};
    ///
    /// assert_eq!(KeyRules::default().class_of("x-api-key"), HeaderClass::Credential);
    /// ```
    pub fn class_of(&self, name: &str) -> HeaderClass {
        let is_in = |list: &[String]| list.iter().any(|other| other == name);
        if is_in(&self.credentials) {
            HeaderClass::Credential
        } else if is_in(&self.headers) {
            HeaderClass::Meaning
        } else if is_in(&self.noise) {
            HeaderClass::Noise
        } else {
            HeaderClass::of(name)
        }
    }

    /// Whether this parameter of the query is a credential.
    pub(crate) fn is_query_credential(&self, name: &str) -> bool {
        QUERY_CREDENTIALS.contains(&name)
            || self.query_credentials.iter().any(|other| other == name)
    }

    /// The digest of the rules. It is part of every key: what one set of rules ignores, another may not.
    pub fn digest(&self) -> &Key {
        &self.digest
    }

    fn finished(mut self) -> Self {
        self.tree = RuleTree::new(&self.ignore, &self.media);
        self.digest = self.own_digest();
        self
    }

    fn own_digest(&self) -> Key {
        fn set<T: ToString>(items: &[T]) -> Document {
            let texts = items.iter().map(|item| Document::from(item.to_string()));
            Document::Set(texts.collect())
        }

        let body = BODY_KINDS.iter().find(|(_, kind)| *kind == self.body);
        let defaults = self.defaults.iter();
        let defaults: Map = defaults
            .map(|(at, value)| (at.to_string(), value.clone()))
            .collect();
        let rules: Map = [
            ("body", Document::from(body.map_or("", |(name, _)| name))),
            ("ignore", set(&self.ignore)),
            ("media", set(&self.media)),
            ("defaults", defaults.into()),
            ("headers", set(&self.headers)),
            ("noise", set(&self.noise)),
            ("credentials", set(&self.credentials)),
            ("query_credentials", set(&self.query_credentials)),
            ("null_is_absent", self.null_is_absent.into()),
        ]
        .into_iter()
        .collect();
        let form = refrain::key::canonical_form(&rules).expect("texts and numbers can be keyed");
        Key::from_bytes(*refrain::key::Media::of(&form).digest())
    }

    pub(crate) fn read(section: &Section<'_>) -> Self {
        let body = section.word("body", &BODY_KINDS.map(|(name, _)| name));
        let ignore = Pattern::read_list(section, "ignore");
        let media = Pattern::read_list(section, "media");
        for pattern in ignore.iter().chain(&media) {
            check_part(section, pattern);
        }
        for pattern in &ignore {
            if let Some(part) = whole_part(pattern) {
                section.wrong(format!(
                    "{} ignores all of `/{part}`; name what in it does not count",
                    section.title()
                ));
            }
        }
        let (credentials, query_credentials) = read_credentials(section);
        Self {
            body: body.map_or(BodyKind::Auto, |index| BODY_KINDS[index].1),
            ignore,
            media,
            defaults: read_defaults(section),
            headers: read_names(section, "headers"),
            noise: read_names(section, "noise"),
            credentials,
            query_credentials,
            null_is_absent: section.switch("null_is_absent").unwrap_or(false),
            at_most: section.bytes("at_most").unwrap_or(LARGEST_BODY),
            tree: RuleTree::default(),
            digest: Key::from_bytes([0; 32]),
        }
        .finished()
    }
}

/// Pointers of a key begin with a part of the request.
fn check_part(section: &Section<'_>, pattern: &Pattern) {
    const PARTS: [&str; 4] = ["body", "path", "query", "headers"];
    match pattern.steps().first() {
        Some(Step::Name(part)) if PARTS.contains(&part.as_str()) => {}
        _ => section.wrong(format!(
            "`{pattern}` begins with no part of a request: there are `/body`, `/path`, `/query` and `/headers`"
        )),
    }
}

fn whole_part(pattern: &Pattern) -> Option<&str> {
    match pattern.steps() {
        [Step::Name(part)] => Some(part),
        [Step::Name(part), Step::Every] if part != "headers" => Some(part),
        _ => None,
    }
}

fn read_names(section: &Section<'_>, key: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (text, place) in section.texts(key).unwrap_or_default() {
        match HeaderName::from_bytes(text.as_bytes()) {
            Ok(name) => names.push(name.as_str().to_owned()),
            Err(_) => section
                .mistakes()
                .add(place, format!("`{text}` is no name of a header")),
        }
    }
    names
}

/// Names of headers, and `?name` for parameters of the query.
fn read_credentials(section: &Section<'_>) -> (Vec<String>, Vec<String>) {
    let (mut headers, mut parameters) = (Vec::new(), Vec::new());
    for (text, place) in section.texts("credentials").unwrap_or_default() {
        if let Some(parameter) = text.strip_prefix('?') {
            parameters.push(parameter.to_owned());
        } else if let Ok(name) = HeaderName::from_bytes(text.as_bytes()) {
            headers.push(name.as_str().to_owned());
        } else {
            let what = format!("`{text}` is neither a header nor a parameter such as `?key`");
            section.mistakes().add(place, what);
        }
    }
    (headers, parameters)
}

/// `defaults = { "/body/n" = 1 }`
fn read_defaults(section: &Section<'_>) -> Vec<(Pointer, Document)> {
    let Some(node) = section.get("defaults") else {
        return Vec::new();
    };
    let Value::Table(fields) = &node.value else {
        section.expected("defaults", node, "a table such as { \"/body/n\" = 1 }");
        return Vec::new();
    };
    let mut defaults = Vec::new();
    for (at, (place, value)) in fields {
        let inside = at
            .strip_prefix("/body")
            .filter(|rest| rest.starts_with('/') && !rest.contains('*'));
        match inside.and_then(|inside| inside.parse().ok()) {
            Some(pointer) => defaults.push((pointer, value.document())),
            None => section.mistakes().add(place, format!("`{at}` is no place for a default: it is one field of the body, such as `/body/n`")),
        }
    }
    defaults
}
