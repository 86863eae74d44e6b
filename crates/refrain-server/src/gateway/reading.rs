//! From a configuration as it was read to upstreams: names of environment variables become credentials.

use axum::http::{HeaderName, HeaderValue};
use refrain_route::{Config, Secret, Upstream, WebSocket};

use super::Wanted;
use crate::upstream::{BadUrl, ProbeConfig, UpstreamConfig};

/// Why a configuration that can be read cannot be served.
///
/// # Example
///
/// ```
/// use refrain_route::Config;
/// use refrain_server::{App, AppError, GatewayError, ServerConfig};
///
/// let text = r#"
/// listen = [{ address = "127.0.0.1:8080", upstream = "llama" }]
/// [upstream.llama]
/// url = "http://127.0.0.1:8081"
/// credentials = { authorization = { env = "NO_SUCH_VARIABLE" } }
/// "#;
/// let refused = App::builder(ServerConfig::default()).gateway(&Config::read("refrain.toml", text).unwrap());
/// assert!(matches!(refused.unwrap_err(), GatewayError::NoVariable { .. }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The URL of an upstream is none.
    #[error("`upstream.{upstream}.url` cannot be used: {why}")]
    Url {
        /// The upstream.
        upstream: String,
        /// What is wrong with it.
        why: BadUrl,
    },
    /// A credential is in an environment variable that is not set.
    #[error(
        "`upstream.{upstream}.credentials.{header}` is in the environment variable `{variable}`, which is not set"
    )]
    NoVariable {
        /// The upstream.
        upstream: String,
        /// The header.
        header: HeaderName,
        /// The variable.
        variable: String,
    },
    /// A credential is no value of a header. The value is not shown.
    #[error(
        "`upstream.{upstream}.credentials.{header}` in the environment variable `{variable}` is no value of a header"
    )]
    NoValue {
        /// The upstream.
        upstream: String,
        /// The header.
        header: HeaderName,
        /// The variable.
        variable: String,
    },
    /// What is to be reloaded has mistakes.
    #[error("{0}")]
    Mistakes(String),
    /// The doors came from a program or the command line, where there is nothing to read again.
    #[error("the doors come from no file that could be read again")]
    NoSource,
    /// A reload would open or close doors.
    #[error("the addresses of `[[listen]]` have changed, which needs a restart")]
    Doors,
}

/// The doors of a configuration.
pub(crate) fn wanted(config: &Config) -> Result<Vec<Wanted>, GatewayError> {
    let mut wanted = Vec::new();
    for listen in &config.listen {
        // The reader has refused a door to an upstream that is not there.
        if let Some(upstream) = config.upstream(&listen.upstream) {
            wanted.push(Wanted {
                address: listen.address,
                upstream: upstream_of(upstream)?,
                routes: upstream.routes.clone(),
            });
        }
    }
    Ok(wanted)
}

/// What an upstream is told by its section.
fn upstream_of(upstream: &Upstream) -> Result<UpstreamConfig, GatewayError> {
    let name = || upstream.name.clone();
    let mut config = UpstreamConfig::new(name(), &upstream.url.to_string()).map_err(|why| {
        GatewayError::Url {
            upstream: name(),
            why,
        }
    })?;
    for (header, secret) in &upstream.credentials {
        config
            .credentials
            .push((header.clone(), value_of(upstream, header, secret)?));
    }
    let (deadlines, breaker, pool) = (upstream.deadlines, upstream.breaker, upstream.pool);
    set(&mut config.at_once, upstream.at_once.map(Into::into));
    set(&mut config.max_queued, upstream.queued);
    set(&mut config.connect_timeout, deadlines.connect);
    set(&mut config.head_timeout, deadlines.head);
    set(&mut config.idle_timeout, deadlines.idle);
    config.total_timeout = deadlines.total;
    set(&mut config.failures, breaker.failures);
    set(&mut config.pause, breaker.pause);
    set(&mut config.idle_connections, pool.connections);
    set(&mut config.idle_connection_timeout, pool.idle);
    config.web_sockets = upstream.websocket == WebSocket::Tunnel;
    config.fingerprint.clone_from(&upstream.fingerprint.text);
    config.probe = upstream
        .fingerprint
        .probe
        .as_ref()
        .map(|probe| ProbeConfig {
            get: probe.get.clone(),
            at: probe.at.clone(),
            every: probe.every,
        });
    Ok(config)
}

fn set<T>(setting: &mut T, to: Option<T>) {
    if let Some(to) = to {
        *setting = to;
    }
}

fn value_of(
    upstream: &Upstream,
    header: &HeaderName,
    secret: &Secret,
) -> Result<HeaderValue, GatewayError> {
    let variable = match secret {
        Secret::Value(value) => return Ok(value.clone()),
        Secret::Environment(variable) => variable,
    };
    let (upstream, header, variable) = (upstream.name.clone(), header.clone(), variable.clone());
    let Ok(text) = std::env::var(&variable) else {
        return Err(GatewayError::NoVariable {
            upstream,
            header,
            variable,
        });
    };
    match HeaderValue::try_from(text) {
        Ok(mut value) => {
            value.set_sensitive(true);
            Ok(value)
        }
        Err(_) => Err(GatewayError::NoValue {
            upstream,
            header,
            variable,
        }),
    }
}
