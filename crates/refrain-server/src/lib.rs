//! The HTTP face of Refrain: generators, jobs, batches and the management API, as a router to mount.
//!
//! [`serve`] runs the whole server; [`App::router`] gives the same routes to a program that has a server already.
//! Anything that can be made from a request is a [`Generator`]; an app has those that it is given.
//!
//! # The way of a request
//!
//! Each arrow is one module, and data only moves forward:
//!
//! ```text
//! routes ─▶ request ─▶ Generator::prepare ─▶ engine: look-up ─▶ hit ─────────────────────────────────▶ answer
//!  (HTTP)   (exchange)     (key, work)            │ miss                                                ▲
//!                                                 ▼                                                     │
//!                                              flight ─▶ disk ─▶ turn ─▶ Work::run ─▶ judge ─▶ store ───┤
//!                                                                           └─▶ live body ──────────────┘
//! ```
//!
//! # Example
//!
//! ```
//! use refrain_server::{App, ServerConfig};
//!
//! let app = App::builder(ServerConfig::default()).build()?;
//! let router: axum::Router = app.router();
//! # Ok::<(), refrain_server::AppError>(())
//! ```

mod admin_token;
mod answer;
mod app;
mod batch;
mod client;
pub mod config;
mod door;
mod engine;
mod gateway;
mod generate_error;
mod generators;
mod jobs;
mod live;
mod manage;
mod origin;
mod pace;
mod problem;
mod progress;
mod request;
mod request_log;
mod rounding;
mod router;
mod routes;
mod security;
mod serve;
mod upstream;
mod wall;

pub use admin_token::AdminToken;
pub use app::{App, AppBuilder, AppError};
pub use config::{ConfigError, ServerConfig};
pub use gateway::{
    AskedRequest, ExplainedPart, ExplainedRequest, GatewayError, IgnoredPart, NoRequest,
};
pub use generate_error::GenerateError;
#[cfg(feature = "command")]
pub use generators::command::{Command, commands_of};
#[cfg(feature = "relief")]
pub use generators::relief::Relief;
pub use generators::{
    Blocking, BlockingWork, Finished, Generator, Keep, KeyPart, Keying, Prepared, ResultFile,
    ResultPart, TurnLimits, Work, blocking,
};
pub use live::{Head, LiveWriter, Sharing};
pub use problem::{ErrorAnswer, Problem, ProblemDocument, ProblemKind};
pub use progress::Progress;
pub use refrain::{BypassReason, Key};
pub use request::body::Reservation;
pub use request::exchange::Exchange;
pub use request::fields::Fields;
pub use serve::{ServeError, Server, serve};
pub use upstream::{BadUrl, ProbeConfig, UpstreamConfig};
