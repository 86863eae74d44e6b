//! The HTTP face of Refrain.

mod admin_token;
pub mod config;
pub mod relief;

pub use admin_token::AdminToken;
pub use config::{ConfigError, ServerConfig};
