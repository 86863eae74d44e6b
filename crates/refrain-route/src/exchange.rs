//! The exchange: how an answer comes, whole or as a stream of events, and how a stream says that it ended well.

use refrain::key::Document;

use crate::condition::Conditions;
use crate::language::{Section, Value};

/// How the answer to a request comes.
///
/// ```
/// use refrain_route::{Abandoned, Exchange};
///
/// let exchange = Exchange::default();
/// assert!(exchange.stream.is_none());
/// assert_eq!(exchange.abandoned, Abandoned::Finish);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Exchange {
    /// When the answer is a stream, and of what kind; none if it never is.
    pub stream: Option<StreamExchange>,
    /// What happens to a generation when the last client that waits for it hangs up.
    pub abandoned: Abandoned,
}

/// An answer that comes as a stream of frames.
#[derive(Debug, Clone)]
pub struct StreamExchange {
    /// Requests whose answer is a stream; the others' comes whole.
    pub when: Conditions,
    /// How frames are told apart.
    pub format: StreamFormat,
    /// What the last frame is: without it the stream is not whole.
    pub end: Vec<EndMarker>,
    /// A frame that says the generation failed.
    pub failed: Conditions,
    /// What some frame has to say, so that the stream is a result.
    pub require: Option<Conditions>,
}

/// How the frames of a stream are told apart.
///
/// ```
/// assert_ne!(refrain_route::StreamFormat::Sse, refrain_route::StreamFormat::Ndjson);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamFormat {
    /// Server-sent events (WHATWG HTML, section 9.2).
    Sse,
    /// A JSON text on each line.
    Ndjson,
}

/// How a stream says that it is whole.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EndMarker {
    /// The data of its last event, such as `[DONE]`.
    Data(String),
    /// The name of its last event, such as `message_stop`.
    Event(String),
    /// What its last frame says, as JSON.
    Frame(Conditions),
}

/// What happens to a generation for which nobody waits any more.
///
/// ```
/// assert_eq!(refrain_route::Abandoned::default(), refrain_route::Abandoned::Finish);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Abandoned {
    /// It goes on and is stored.
    #[default]
    Finish,
    /// It is cancelled, and the origin sees the hang-up.
    Cancel,
}

impl Exchange {
    /// The stream that answers this request; none if its answer comes whole.
    pub fn stream_for(&self, request: &Document) -> Option<&StreamExchange> {
        self.stream
            .as_ref()
            .filter(|stream| stream.when.hold(request))
    }

    pub(crate) fn read(section: &Section<'_>) -> Self {
        let is_stream = match section.word("kind", &["once", "stream"]) {
            Some(kind) => kind == 1,
            None => false,
        };
        let abandoned = match section.word("abandoned", &["finish", "cancel"]) {
            Some(1) => Abandoned::Cancel,
            _ => Abandoned::Finish,
        };
        let stream = StreamExchange::read(section, is_stream);
        Self { stream, abandoned }
    }
}

impl StreamExchange {
    fn read(section: &Section<'_>, is_stream: bool) -> Option<Self> {
        let conditions = |key: &str| {
            let node = section.get(key)?;
            let title = format!("{}.{key}", section.title());
            Some(Conditions::read(node, &title, section.mistakes()))
        };
        let when = conditions("when");
        let failed = conditions("failed");
        let require = conditions("require");
        let format = section.word("format", &["sse", "ndjson"]);
        let end = read_end(section);
        let said = when.is_some()
            || failed.is_some()
            || require.is_some()
            || section.get("format").is_some()
            || !end.is_empty();
        if !is_stream {
            if said && !is_switched_off(section) {
                let title = section.title();
                section.wrong(format!(
                    "{title} describes a stream but is of kind `once`; write `kind = \"stream\"`"
                ));
            }
            return None;
        }
        if section.get("end").is_none() {
            let title = section.title();
            section.wrong(format!(
                "{title} needs `end`, the mark without which a stream is not whole, such as \"[DONE]\""
            ));
        }
        Some(Self {
            when: when.unwrap_or_else(Conditions::always),
            format: if format == Some(1) {
                StreamFormat::Ndjson
            } else {
                StreamFormat::Sse
            },
            end,
            failed: failed.unwrap_or_default(),
            require,
        })
    }
}

/// Whether `kind = "once"` stands in another file than the description of the stream: over a preset's.
fn is_switched_off(section: &Section<'_>) -> bool {
    let source = |key: &str| section.get(key).map(|node| node.place.source().name());
    let kind = source("kind");
    let mut described = ["format", "end", "when", "failed", "require"]
        .into_iter()
        .filter_map(source);
    kind.is_some_and(|kind| described.all(|other| other != kind))
}

/// A text, a condition, `{ event = "…" }`, or a list of those.
fn read_end(section: &Section<'_>) -> Vec<EndMarker> {
    let Some(node) = section.get("end") else {
        return Vec::new();
    };
    let nodes = match &node.value {
        Value::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    let title = format!("{}.end", section.title());
    let mistakes = section.mistakes();
    let markers = nodes.into_iter().filter_map(|node| match &node.value {
        Value::Text(text) => Some(EndMarker::Data(text.clone())),
        Value::Table(_) if node.get("event").is_some() => {
            let event = Section::of(node, title.clone(), mistakes)?;
            let name = event.text("event").map(str::to_owned);
            event.end();
            name.map(EndMarker::Event)
        }
        Value::Table(_) => Some(EndMarker::Frame(Conditions::read(node, &title, mistakes))),
        _ => {
            section.expected(
                "end",
                node,
                "a text such as \"[DONE]\", { event = \"message_stop\" } or a condition",
            );
            None
        }
    });
    markers.collect()
}
