//! The settings of a server: their places, their ranges and their defaults.
//!
//! [`ServerConfig`] is what a server is told. A program that mounts the router fills it in itself.
//! The `refrain` command looks for each setting in five places, and the first that has it wins:
//!
//! 1. a flag of the command line,
//! 2. the environment,
//! 3. a `.env` file in the current directory, read without touching the environment,
//! 4. `refrain.toml` in the current directory, or the file named by `--config`,
//! 5. the default.
//!
//! [`SETTINGS`] is the one table of all settings; flags, help texts, `refrain config` and error
//! messages are made from it. [`Sources::load`] reads all places and answers a [`Configuration`]:
//! the [`ServerConfig`] and, for each value, the place it came from.
//! Only the value that wins is checked, so a flag can always override a wrong one below it.
//!
//! `refrain.toml` may have sections beside the settings, as generators. [`Configuration::file`] hands the file on to
//! those that read them.

mod dotenv;
mod effective;
mod error;
mod file;
mod found;
mod kind;
mod load;
mod section;
mod setting;
mod source;
mod suggestion;
mod table;
mod told;
mod value;

pub use effective::{Configuration, EffectiveSetting};
pub use error::{LoadError, RefusedValue};
pub use kind::Kind;
pub use load::Sources;
pub use section::{ConfigFile, Place};
pub use setting::Setting;
pub use source::Source;
pub use suggestion::Suggestion;
pub use table::SETTINGS;
pub use told::{LogConfig, LogFormat};
pub use value::Value;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use refrain::Policy;

use crate::AdminToken;

/// Bytes of one megabyte, here and in every field that ends in `_mb`.
pub const BYTES_PER_MB: u64 = 1_048_576;

/// The longest time to live that is accepted: a hundred years of 365 days.
pub const MAX_TTL: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Everything the server can be told.
///
/// # Example
///
/// ```
/// use refrain_server::ServerConfig;
///
/// let config = ServerConfig { port: 8080, ..ServerConfig::default() };
/// assert!(config.check_bind().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    /// Address to listen on. Default 127.0.0.1; any address off loopback needs an `admin_token`.
    pub host: IpAddr,
    /// Port to listen on. Default 5000; 0 takes a free one.
    pub port: u16,
    /// Host names, besides loopback and `host`, that requests may name when listening on loopback. A page of such a name
    /// may change something if it comes over `https`; another origin is written out, as `http://models.example:8080`.
    pub allowed_hosts: Vec<String>,
    /// When set, the management routes answer only to it.
    pub admin_token: Option<AdminToken>,
    /// Whether results are kept and shared. Default true.
    pub cache_enabled: bool,
    /// Most results kept at once, at least 1. Default 1000.
    pub max_entries: u64,
    /// Most memory that results may take, above 0. Default 512.
    pub max_memory_mb: f64,
    /// How long a result is kept; `None` is for ever. Default one day.
    pub ttl: Option<Duration>,
    /// Which entries leave when the cache is full. Default [`Policy::Hazard`].
    pub policy: Policy,
    /// Folder in which results survive a restart; `None` keeps them in memory only. Default `None`.
    pub disk_dir: Option<PathBuf>,
    /// Most space that results may take in `disk_dir`, above 0. Default 10240.
    pub disk_max_mb: f64,
    /// Most of a result that stays in memory while it is generated, above 0, if there is a `disk_dir`. Default 8.
    pub spill_beyond_mb: f64,
    /// Largest request body, above 0. Default 70: a picture of 50 MiB in base64 fits.
    pub max_body_mb: f64,
    /// Memory that request bodies may take together, at least `max_body_mb`. Default 512.
    pub body_memory_mb: f64,
    /// Memory that results may take together while they are sent, each counted once. Default 512.
    pub answer_memory_mb: f64,
    /// Memory for compressed forms of results; 0 sends all results plain. Default 64.
    pub compressed_memory_mb: f64,
    /// How long a client may take to send its headers, or leave a connection idle. Default 30 seconds.
    pub header_timeout: Duration,
    /// How long a client may pause while sending its body or reading its answer. Default 30 seconds.
    pub body_timeout: Duration,
    /// KiB of body or answer that make up for a second of pausing; 0 when any byte makes up for everything. Default 8.
    pub min_kb_per_second: u64,
    /// How long a client may keep the server waiting in all, for one body or one answer. Default 30 minutes.
    pub transfer_timeout: Duration,
    /// Connections served at once, beside a reserve for health and management. Default 1024.
    pub max_connections: usize,
    /// Generations that run at once, at least 1. Default: the cores of this machine.
    pub generation_threads: usize,
    /// Generations that may wait for their turn; beyond it requests get 503. Default 1000.
    pub max_queued: usize,
    /// How long a generation may wait for its turn; beyond it its requests get 503. Default 1 hour.
    pub queue_timeout: Duration,
    /// How long running generations may go on after the order to stop. Default 30 seconds.
    pub shutdown_grace: Duration,
    /// How long a finished job can be asked about. Default 10 minutes.
    pub job_retention: Duration,
    /// Jobs remembered at once. Default 1000.
    pub max_jobs: usize,
    /// Memory for results that only their job can deliver (not stored in the cache). Default 256.
    pub job_results_mb: f64,
    /// Requests in one batch. Default 1000.
    pub max_batch_items: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 5000,
            allowed_hosts: Vec::new(),
            admin_token: None,
            cache_enabled: true,
            max_entries: 1000,
            max_memory_mb: 512.0,
            ttl: Some(Duration::from_secs(86_400)),
            policy: Policy::Hazard,
            disk_dir: None,
            disk_max_mb: 10_240.0,
            spill_beyond_mb: 8.0,
            max_body_mb: 70.0,
            body_memory_mb: 512.0,
            answer_memory_mb: 512.0,
            compressed_memory_mb: 64.0,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            min_kb_per_second: 8,
            transfer_timeout: Duration::from_secs(1800),
            max_connections: 1024,
            generation_threads: cores,
            max_queued: 1000,
            queue_timeout: Duration::from_secs(3600),
            shutdown_grace: Duration::from_secs(30),
            job_retention: Duration::from_secs(600),
            max_jobs: 1000,
            job_results_mb: 256.0,
            max_batch_items: 1000,
        }
    }
}

/// Why a configuration cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Other machines could reach the management routes.
    #[error(
        "cannot listen on `{host}` without an admin token: other machines could reach the management routes"
    )]
    OpenWithoutToken {
        /// The address that was asked for.
        host: IpAddr,
    },
}

impl ServerConfig {
    /// Refuses an address that other machines reach while no admin token is set.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OpenWithoutToken`].
    pub fn check_bind(&self) -> Result<(), ConfigError> {
        if self.host.is_loopback() || self.admin_token.is_some() {
            Ok(())
        } else {
            Err(ConfigError::OpenWithoutToken { host: self.host })
        }
    }
}

/// Megabytes as whole bytes, rounded down; saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a float cast saturates and NaN becomes 0, which is what is wanted"
)]
pub fn megabytes(mb: f64) -> u64 {
    (mb * BYTES_PER_MB as f64) as u64
}

#[cfg(test)]
mod tests;
