//! Artifacts: where in an answer the bytes of a result are.

use crate::language::Section;
use crate::pattern::Pattern;

/// Where the bytes of a result are.
///
/// ```
/// use refrain_route::{Artifacts, BodyArtifact};
///
/// assert_eq!(Artifacts::default().body, BodyArtifact::Bytes);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Artifacts {
    /// What the body is.
    pub body: BodyArtifact,
    /// Places of a JSON body that hold a file as base64.
    pub media: Vec<Pattern>,
}

/// What the body of an answer is.
///
/// ```
/// assert_eq!(refrain_route::BodyArtifact::default(), refrain_route::BodyArtifact::Bytes);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BodyArtifact {
    /// A file.
    #[default]
    Bytes,
    /// Text, JSON among it.
    Text,
}

impl Artifacts {
    pub(crate) fn read(section: &Section<'_>) -> Self {
        let body = match section.word("body", &["bytes", "text"]) {
            Some(1) => BodyArtifact::Text,
            _ => BodyArtifact::Bytes,
        };
        let media = Pattern::read_list(section, "media");
        Self { body, media }
    }
}
