//! The command line: what can be said, not what is done.

mod gateway;
mod generators;
mod relief;
mod settings;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

pub(crate) use gateway::{Presets, Routes, RoutesArguments, ServeArguments};
pub(crate) use generators::{Generators, TryArguments};
pub(crate) use relief::ReliefArguments;
pub(crate) use settings::SettingFlags;

const AFTER_HELP: &str = "\
Exit codes: 0 it worked, 1 it did not, 2 the command line or the configuration makes no sense,
130 interrupted.";

const SERVER_HELP: &str = "\
Address of the server [env: REFRAIN_SERVER]
[default: host and port of the configuration, http://127.0.0.1:5000]";

const ADMIN_TOKEN_HELP: &str = "\
The server's admin token, if it has one [env: REFRAIN_ADMIN_TOKEN]";

/// A result cache for expensive generation: the first request generates, every repeat is a hit
#[derive(Debug, Parser)]
#[command(name = "refrain", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Answer as JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server
    ///
    /// Each setting is looked for in five places, and the first that has it wins: the flag, the
    /// environment variable, a `.env` file in the current directory, `refrain.toml` in the current
    /// directory, the default. `refrain config` shows the outcome.
    Serve(ServeArguments),
    /// Generate a result: by a running server when there is one, else in this process
    #[command(subcommand, subcommand_value_name = "GENERATOR")]
    Generate(Generator),
    /// Look at generators that run a program, without a server
    #[command(subcommand)]
    Generators(Generators),
    /// Show the statistics of a running server's cache
    Stats(ClientArguments),
    /// List the entries of a running server's cache
    Entries(EntriesArguments),
    /// Remove every entry from a running server's cache
    Clear(ClearArguments),
    /// Show the kinds of server that Refrain can stand in for
    #[command(subcommand)]
    Presets(Presets),
    /// Check the routes to servers behind doors, and explain what they do with a request
    #[command(subcommand)]
    Routes(Routes),
    /// Show the effective configuration, and where each value came from
    ///
    /// Takes the same flags as `refrain serve` and looks in the same places.
    Config(SettingFlags),
    /// Write a completion script for a shell to standard output
    ///
    /// For bash: refrain completions bash > ~/.local/share/bash-completion/completions/refrain
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Generator {
    /// Make a 3D relief of a picture
    Relief(ReliefArguments),
}

/// Which server to talk to, and as whom.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ClientArguments {
    /// Address of the server
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, help = SERVER_HELP)]
    pub(crate) server: Option<String>,
    /// The server's admin token, if it has one
    #[arg(long, value_name = "SECRET", help = ADMIN_TOKEN_HELP)]
    pub(crate) admin_token: Option<String>,
    /// Read this file in the place of `refrain.toml` in the current directory
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EntriesArguments {
    /// What to sort by
    #[arg(long, value_enum, default_value_t = SortWord::Timestamp)]
    pub(crate) sort: SortWord,
    /// Which end comes first
    #[arg(long, value_enum, default_value_t = OrderWord::Desc)]
    pub(crate) order: OrderWord,
    /// Page to show, from 1
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) page: u64,
    /// Entries on a page
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub(crate) per_page: u64,
    #[command(flatten)]
    pub(crate) client: ClientArguments,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ClearArguments {
    /// Do not ask first
    #[arg(short, long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) client: ClientArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum SortWord {
    Key,
    Size,
    Age,
    Timestamp,
    AccessCount,
    ExpiresAt,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OrderWord {
    Asc,
    Desc,
}
