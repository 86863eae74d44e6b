//! The key of a request: everything counts, but for what the route names.
//!
//! ```text
//! head + body ─▶ RequestDocument (parts, as docs/key-format.md names them) ─▶ ruled form ─▶ digest
//! ```

mod body;
mod bypass;
mod request;
mod ruled;
mod rules;
mod seed;
mod tenant;
mod tree;

pub use bypass::Bypass;
pub use request::Head;
pub(crate) use request::RequestDocument;
pub(crate) use ruled::{Ruled, leaves};
pub use rules::{BodyKind, KeyRules};
pub(crate) use seed::{insert, set_seed, with_seed};
pub use tenant::TenantSecret;
pub(crate) use tree::RuleTree;
