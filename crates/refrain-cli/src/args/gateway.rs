//! The flags of doors that stand in for other servers.

use std::path::PathBuf;

use clap::{Subcommand, ValueHint};

use super::SettingFlags;

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArguments {
    /// Stand in for a server of this kind, with `--upstream` and `--listen`; `refrain presets list` has them
    #[arg(long, value_name = "NAME", requires_all = ["upstream", "listen"], help_heading = "A server to stand in for")]
    pub(crate) preset: Option<String>,
    /// Where that server is
    #[arg(long, value_name = "URL", requires_all = ["preset", "listen"], value_hint = ValueHint::Url, help_heading = "A server to stand in for")]
    pub(crate) upstream: Option<String>,
    /// The address that its clients keep
    #[arg(long, value_name = "ADDRESS:PORT", requires_all = ["preset", "upstream"], help_heading = "A server to stand in for")]
    pub(crate) listen: Option<String>,
    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Presets {
    /// List the kinds of server that Refrain knows
    List,
    /// Write the routes of a preset to standard output, as a file to make yours
    Show {
        /// Name of the preset
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Routes {
    /// Read the doors, upstreams and routes of the configuration, and say what there is
    Check(RoutesArguments),
    /// Say what becomes of a request, and why, without running anything
    ///
    /// FILE is the request as it goes over the wire: a line with method and path, headers, an empty line, the body.
    /// A key in which a tenant or a fingerprint counts is the running server's: send FILE to its route
    /// `POST /api/cache/explain`, as `message/http`.
    Explain {
        /// The request; `-` for standard input
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        request: PathBuf,
        /// The upstream, where there are several
        #[arg(long, value_name = "NAME")]
        upstream: Option<String>,
        #[command(flatten)]
        arguments: RoutesArguments,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct RoutesArguments {
    /// Read this file in the place of `refrain.toml` in the current directory
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// Take the routes of this preset, and no file
    #[arg(long, value_name = "NAME", conflicts_with = "config")]
    pub(crate) preset: Option<String>,
}
