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
//! routes ─▶ body, fields ─▶ Generator::prepare ─▶ engine: lookup ─▶ hit ─────────────────────────────▶ answer
//!  (HTTP)   (document)        (key, work)            │ miss                                             ▲
//!                                                    ▼                                                  │
//!                                                 flights ─▶ disk ─▶ turns ─▶ Work::run ─▶ judge ─▶ store
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
pub mod config;
mod engine;
mod generate_error;
mod generators;
mod jobs;
mod manage;
mod origin;
mod problem;
mod progress;
mod request;
mod request_log;
mod rounding;
mod router;
mod routes;
mod security;
mod serve;
mod wall;

pub use admin_token::AdminToken;
pub use app::{App, AppBuilder, AppError};
pub use config::{ConfigError, ServerConfig};
pub use generate_error::GenerateError;
#[cfg(feature = "relief")]
pub use generators::relief::Relief;
pub use generators::{Artifact, Generator, Prepared, Work};
pub use problem::{Problem, ProblemDocument, ProblemKind};
pub use progress::Progress;
pub use refrain::Key;
pub use request::RequestDocument;
pub use request::body::Reservation;
pub use request::fields::Fields;
pub use serve::{ServeError, Server, serve};
