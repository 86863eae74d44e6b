use axum::http::StatusCode;

macro_rules! problem_kinds {
    ($($(#[$doc:meta])* $kind:ident => $status:ident, $name:literal, $title:literal;)*) => {
        /// What went wrong, as a stable name that programs can rely on.
        ///
        /// # Example
        ///
        /// ```
        /// use refrain_server::ProblemKind;
        ///
        /// assert_eq!(ProblemKind::NotCached.urn(), "urn:refrain:problem:not-cached");
        /// assert_eq!(ProblemKind::NotCached.status().as_u16(), 504);
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ProblemKind {
            $($(#[$doc])* $kind,)*
        }

        impl ProblemKind {
            /// Every kind there is.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The stable name, without its prefix.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// One line for people, the same for every problem of the kind.
            pub fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)* }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status,)* }
            }
        }
    };
}

problem_kinds! {
    /// The body, or the request around it, cannot be read as what it says it is.
    MalformedRequest => BAD_REQUEST, "malformed-request", "The request cannot be read";
    /// A field that the route does not have.
    UnknownField => BAD_REQUEST, "unknown-field", "The request has a field that is not known";
    /// A field that the route needs.
    MissingField => BAD_REQUEST, "missing-field", "The request lacks a field";
    /// A field given more than once.
    DuplicateField => BAD_REQUEST, "duplicate-field", "The request has a field more than once";
    /// A value of the wrong type or out of range.
    InvalidValue => BAD_REQUEST, "invalid-value", "A field has a value that is not allowed";
    /// The picture is not one, is damaged, or is larger than allowed.
    UnreadableImage => BAD_REQUEST, "unreadable-image", "The image cannot be used";
    /// No token, or the wrong one.
    Unauthorized => UNAUTHORIZED, "unauthorized", "The management routes need the admin token";
    /// The `Host` header names a host that this server does not answer for.
    HostNotAllowed => FORBIDDEN, "host-not-allowed", "The request names another host";
    /// A web page of another origin sent the request.
    CrossOrigin => FORBIDDEN, "cross-origin", "The request comes from another origin";
    /// No route has this path.
    NotFound => NOT_FOUND, "not-found", "There is nothing at this path";
    /// No generator has this name.
    UnknownGenerator => NOT_FOUND, "unknown-generator", "There is no such generator";
    /// No door leads to an upstream of this name.
    UnknownUpstream => NOT_FOUND, "unknown-upstream", "There is no such upstream";
    /// No job has this id, or it has been forgotten.
    UnknownJob => NOT_FOUND, "unknown-job", "There is no such job";
    /// No result is stored under this key.
    UnknownResult => NOT_FOUND, "unknown-result", "There is no such result";
    /// No entry is stored under this key.
    UnknownEntry => NOT_FOUND, "unknown-entry", "There is no such entry";
    /// The listing has fewer pages.
    PageBeyondEnd => NOT_FOUND, "page-beyond-end", "The listing has fewer pages";
    /// The path exists, but not for this method.
    MethodNotAllowed => METHOD_NOT_ALLOWED, "method-not-allowed", "The path does not take this method";
    /// The client paused too long while it sent the request.
    RequestTimeout => REQUEST_TIMEOUT, "request-timeout", "The request took too long to arrive";
    /// The body is larger than allowed.
    BodyTooLarge => PAYLOAD_TOO_LARGE, "body-too-large", "The request body is too large";
    /// The body is of a media type that the route does not read.
    UnsupportedMediaType => UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The content type is not supported";
    /// The range lies outside the result.
    RangeNotSatisfiable => RANGE_NOT_SATISFIABLE, "range-not-satisfiable", "The range lies outside the result";
    /// The generator failed.
    GenerationFailed => INTERNAL_SERVER_ERROR, "generation-failed", "The generation failed";
    /// The result outgrew what may be kept, and the client does not read it as it is made.
    ResultTooLarge => INSUFFICIENT_STORAGE, "result-too-large", "The result is larger than the server may keep";
    /// A fault of the server itself.
    Internal => INTERNAL_SERVER_ERROR, "internal-error", "The server has a fault";
    /// The disk did not remove what was to be removed.
    DiskFailed => INTERNAL_SERVER_ERROR, "disk-failed", "The disk did not do what was asked";
    /// Another server, which the generator asked, answered with an error.
    GeneratorRefused => BAD_GATEWAY, "generator-refused", "The generator was refused by another server";
    /// There is no server where a door's upstream should be.
    UpstreamUnreachable => BAD_GATEWAY, "upstream-unreachable", "The server behind this door cannot be reached";
    /// A door's upstream answered with what is no answer.
    UpstreamBroken => BAD_GATEWAY, "upstream-broken", "The server behind this door gave no answer";
    /// Too much is going on; the request may be repeated.
    Busy => SERVICE_UNAVAILABLE, "busy", "The server is busy";
    /// The work was cancelled before it was done.
    Cancelled => SERVICE_UNAVAILABLE, "cancelled", "The generation was cancelled";
    /// A door's upstream gave no answer in time.
    UpstreamTimeout => GATEWAY_TIMEOUT, "upstream-timeout", "The server behind this door took too long";
    /// `only-if-cached` was asked for and there is no stored result.
    NotCached => GATEWAY_TIMEOUT, "not-cached", "No stored result, and generating was not allowed";
}

impl ProblemKind {
    /// The value of `type` in the problem document.
    pub fn urn(self) -> String {
        format!("urn:refrain:problem:{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_an_error_status() {
        let names: HashSet<_> = ProblemKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), ProblemKind::ALL.len());
        for kind in ProblemKind::ALL {
            assert!(kind.status().is_client_error() || kind.status().is_server_error());
        }
    }
}
