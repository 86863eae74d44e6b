//! Any program as a generator: declared in ten lines of TOML, run in a clean room, its files checked before they are kept.
//!
//! A [`Declaration`] is read from `[generator.NAME]` of a configuration, on its own or laid over a [`preset`]. A
//! [`CommandGenerator`] is a declared program whose version is known, which is part of every key. Each
//! [`run`](CommandGenerator::run) has a directory, an environment and a process group of its own, limits of time, memory,
//! output and processes, and leaves no process behind: [`supervise_if_asked`] says how.
//!
//! What a request may say is what the declaration names: numbers in a range, words of a list, texts, files. One field
//! becomes one argument, and there is no shell.

mod ability;
mod declaration;
mod error;
mod field;
mod form;
mod generator;
mod launcher;
mod number;
mod preset;
mod progress;
mod request;
mod result;
mod run;
mod said;
mod strip;
mod supervisor;
mod template;
mod version;

pub use declaration::{Declaration, read_generators};
pub use error::CommandError;
pub use field::Fields;
pub use form::{FieldError, Form, Given};
pub use generator::{CommandGenerator, Keyed, StartError};
pub use launcher::{LaunchError, Launcher};
pub use number::Number;
pub use preset::{Preset, preset, preset_names};
pub use progress::Told;
pub use request::Request;
pub use result::{Output, OutputFile};
pub(crate) use supervisor::Ended;
pub use supervisor::supervise_if_asked;
