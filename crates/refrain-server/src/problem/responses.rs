//! The problems of each kind of route, for the OpenAPI document.

use std::collections::BTreeMap;

use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::{ProblemDocument, ProblemKind};

/// What any route can answer: the request may name another host, come from another page, have a query that is not read, find all
/// connections taken, or meet a fault.
const ANY: &[ProblemKind] = &[
    ProblemKind::MalformedRequest,
    ProblemKind::HostNotAllowed,
    ProblemKind::UnknownField,
    ProblemKind::CrossOrigin,
    ProblemKind::Busy,
    ProblemKind::Internal,
];

macro_rules! problem_responses {
    ($($(#[$doc:meta])* $name:ident: $($kind:ident),*;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                by_status(&[$(ProblemKind::$kind),*])
            }
        }
    )*};
}

problem_responses! {
    /// Of routes that only tell.
    CommonProblems: ;
    /// Of routes about one job.
    JobProblems: UnknownJob;
    /// Of routes that send a result.
    FetchProblems: UnknownJob, UnknownResult, RangeNotSatisfiable;
    /// Of generate requests.
    GenerateProblems: MissingField, DuplicateField, InvalidValue, UnreadableImage, UnknownGenerator,
        RequestTimeout, BodyTooLarge, UnsupportedMediaType, GenerationFailed, ResultTooLarge, GeneratorRefused, Cancelled,
        NotCached;
    /// Of batches, beside those of their lines.
    BatchProblems: MissingField, DuplicateField, InvalidValue, RequestTimeout, BodyTooLarge,
        UnsupportedMediaType;
    /// Of management routes.
    ManagementProblems: Unauthorized;
    /// Of management routes that read a body.
    ChangeProblems: Unauthorized, DuplicateField, InvalidValue, RequestTimeout, BodyTooLarge,
        UnsupportedMediaType;
    /// Of explaining a request.
    ExplainProblems: Unauthorized, UnknownUpstream, RequestTimeout, BodyTooLarge, UnsupportedMediaType;
    /// Of reloading the doors.
    ReloadProblems: Unauthorized, InvalidValue;
    /// Of the listing of entries.
    ListingProblems: Unauthorized, DuplicateField, InvalidValue, PageBeyondEnd;
    /// Of routes about one entry.
    EntryProblems: Unauthorized, UnknownEntry, DiskFailed;
    /// Of clearing the cache.
    ClearProblems: Unauthorized, DiskFailed;
}

/// One response for each status, which names the types of problem that have it.
fn by_status(kinds: &[ProblemKind]) -> BTreeMap<String, RefOr<Response>> {
    let mut names: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for kind in ANY.iter().chain(kinds) {
        let line = format!("{}: `{}`", kind.title(), kind.urn());
        names.entry(kind.status().as_u16()).or_default().push(line);
    }
    let response = |lines: Vec<String>| {
        let schema = Ref::from_schema_name(ProblemDocument::name());
        ResponseBuilder::new()
            .description(lines.join("\n\n"))
            .content(
                "application/problem+json",
                ContentBuilder::new().schema(Some(schema)).build(),
            )
            .build()
    };
    names
        .into_iter()
        .map(|(status, lines)| (status.to_string(), RefOr::T(response(lines))))
        .collect()
}
