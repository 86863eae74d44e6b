//! Request routing by method and path template; the first route that matches counts.

use http::Method;

use crate::language::{Place, Section};

mod template;

pub use template::{Captures, PathTemplate, TemplateError};

/// Which requests a route is for: one of its methods, and one of its path templates.
///
/// ```
/// use http::Method;
/// use refrain_route::{Match, PathTemplate};
///
/// let infer = Match::new(vec![Method::POST], vec!["/v2/models/{model}/infer".parse()?]);
/// let captures = infer.captures(&Method::POST, "/v2/models/box/infer").unwrap();
/// assert_eq!(captures.get("model"), Some("box"));
/// assert!(infer.captures(&Method::GET, "/v2/models/box/infer").is_none());
/// # Ok::<(), refrain_route::TemplateError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Match {
    methods: Vec<Method>,
    paths: Vec<PathTemplate>,
}

impl Match {
    /// Requests with one of these methods and one of these paths.
    pub fn new(methods: Vec<Method>, paths: Vec<PathTemplate>) -> Self {
        Self { methods, paths }
    }

    /// The methods.
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// The path templates. The first one names the route in keys, so that all of them share results.
    pub fn paths(&self) -> &[PathTemplate] {
        &self.paths
    }

    /// What the template captures of this path, as it was sent; nothing if the request is not for this route.
    pub fn captures<'p>(&self, method: &Method, path: &'p str) -> Option<Captures<'p>> {
        if !self.methods.contains(method) {
            return None;
        }
        self.paths
            .iter()
            .find_map(|template| template.captures(path))
    }

    /// Whether every request that the other one is for is one of this.
    pub fn covers(&self, other: &Self) -> bool {
        other
            .methods
            .iter()
            .all(|method| self.methods.contains(method))
            && other
                .paths
                .iter()
                .all(|path| self.paths.iter().any(|mine| mine.covers(path)))
    }

    pub(crate) fn read(section: &Section<'_>) -> Option<Self> {
        let mut methods = Vec::new();
        for (text, place) in section.texts("method").unwrap_or_default() {
            match method(text) {
                Some(method) => methods.push(method),
                None => section.mistakes().add(
                    place,
                    format!("`{text}` is no method that a route can have: write it in capitals, such as `POST`"),
                ),
            }
        }
        let mut paths = Vec::new();
        for (text, place) in section.texts("path").unwrap_or_default() {
            match text.parse::<PathTemplate>() {
                Ok(path) => paths.push((path, place)),
                Err(error) => section.mistakes().add(place, error.to_string()),
            }
        }
        same_captures(section, &paths);
        if section.get("method").is_none() || section.get("path").is_none() {
            section.wrong(format!(
                "{} needs a method and a path: {{ method = \"POST\", path = \"/v1/embeddings\" }}",
                section.title()
            ));
        }
        let paths: Vec<_> = paths.into_iter().map(|(path, _)| path).collect();
        (!methods.is_empty() && !paths.is_empty()).then_some(Self { methods, paths })
    }
}

/// Paths of one route share results, so what they capture has to have the same names.
fn same_captures(section: &Section<'_>, paths: &[(PathTemplate, &Place)]) {
    let Some(((first, _), others)) = paths.split_first() else {
        return;
    };
    let names = |path: &PathTemplate| {
        let mut names: Vec<_> = path.names().map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    for (other, place) in others {
        if names(other) != names(first) {
            let what = format!(
                "`{other}` captures other names than `{first}`; make it a route of its own"
            );
            section.mistakes().add(place, what);
        }
    }
}

fn method(text: &str) -> Option<Method> {
    let is_plain = !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if !is_plain || text == "CONNECT" {
        return None;
    }
    Method::from_bytes(text.as_bytes()).ok()
}
