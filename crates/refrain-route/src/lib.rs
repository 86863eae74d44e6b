//! Routes in front of generation servers, as pure functions: no sockets, no files, no clock, no runtime.
//!
//! A route says in seven concepts how one call of a server is cached: match, key, guard, exchange, success, artifacts,
//! volatile. The server, the command and the Python package read the same language and so agree on every key.
//!
//! The ground floor is here for other generators as well:
//!
//! * [`language`] reads TOML into values that know their line;
//! * [`Pattern`] and [`Conditions`] look into a [`Document`](refrain::key::Document);
//! * [`Validator`] judges whether a body is a whole PNG, GLB, STL and so on, piece by piece.

mod artifacts;
mod cache_policy;
mod condition;
mod config;
mod exchange;
mod explain;
mod framing;
mod guard;
mod header;
mod json_text;
mod judge;
mod key;
mod keying;
pub mod language;
mod matching;
mod pattern;
mod presets;
mod route;
mod routes;
mod success;
mod upstream;
mod validate;
mod volatile;

pub use artifacts::{Artifacts, BodyArtifact};
pub use cache_policy::{CachePolicy, Tenants};
pub use condition::{Condition, Conditions, Test};
pub use config::{Config, Listen};
pub use exchange::{Abandoned, EndMarker, Exchange, StreamExchange, StreamFormat};
pub use explain::{Explanation, Ignored, Part};
pub use guard::{Guard, Otherwise, Seed, Verdict};
pub use header::{AnswerHeader, HeaderClass, is_hop_by_hop};
pub use judge::{Judge, NotAResult, StreamJudge};
pub use key::{BodyKind, Bypass, Head, KeyRules, TenantSecret};
pub use keying::{Asking, Keyed, Keying};
pub use matching::{Captures, Match, PathTemplate, TemplateError};
pub use pattern::{Pattern, PatternError, Step};
pub use presets::Preset;
pub use route::Route;
pub use routes::Routes;
pub use success::{Success, Validate};
pub use upstream::{Breaker, Deadlines, Fingerprint, Pool, Probe, Secret, Upstream, WebSocket};
pub use validate::{Invalid, MediaKind, UnknownKind, Validator};
pub use volatile::{Fresh, Occasion, Renewal, StreamReplay, Volatile};
