//! The command line: what can be said, not what is done.

mod settings;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use refrain_relief::Format;
use refrain_relief::field::{self, Millimeters};

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
    Serve(SettingFlags),
    /// Make a 3D relief of a picture
    Generate(GenerateArguments),
    /// Show the statistics of a running server's cache
    Stats(ClientArguments),
    /// List the entries of a running server's cache
    Entries(EntriesArguments),
    /// Remove every entry from a running server's cache
    Clear(ClearArguments),
    /// Show the effective configuration, and where each value came from
    ///
    /// Takes the same flags as `refrain serve` and looks in the same places.
    Config(SettingFlags),
    /// Measure Refrain on this machine
    #[command(subcommand)]
    Bench(Benchmark),
    /// Write a completion script for a shell to standard output
    ///
    /// For bash: refrain completions bash > ~/.local/share/bash-completion/completions/refrain
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Benchmark {
    /// Measure a batch of requests that repeat, with and without the cache
    ///
    /// Starts servers of its own, one for each measurement, and asks them through HTTP. Tells the
    /// hit rate, the speed-up beside the theoretical one, how long hits take and how much memory
    /// the results occupy. With its defaults one round takes some minutes.
    Batch(BatchArguments),
}

#[derive(Debug, clap::Args)]
pub(crate) struct BatchArguments {
    /// Requests in the batch
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = positive())]
    pub(crate) requests: usize,
    /// Different ones among them; the others repeat
    #[arg(long, value_name = "NUMBER", default_value_t = 30, value_parser = positive())]
    pub(crate) distinct: usize,
    /// Requests at a time, beside one after the other
    #[arg(long, value_name = "NUMBER", default_value_t = 16, value_parser = positive())]
    pub(crate) parallel: usize,
    /// How often everything is measured
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = positive())]
    pub(crate) rounds: usize,
    /// Hits measured alone when everything is stored, in each round
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    pub(crate) hits: usize,
    /// Fineness of the reliefs, 1 to 10; 4 makes results of 1 MB
    #[arg(
        long,
        value_name = "1-10",
        default_value_t = 4,
        value_parser = clap::value_parser!(u8).range(1..=10)
    )]
    pub(crate) quality: u8,
    /// Pixels along each side of the pictures, 16 to 4096
    #[arg(
        long,
        value_name = "PIXELS",
        default_value_t = 4096,
        value_parser = clap::value_parser!(u32).range(16..=4096)
    )]
    pub(crate) side: u32,
    /// Seed of the pictures and of their order
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
}

fn positive() -> impl clap::builder::TypedValueParser<Value = usize> {
    use clap::builder::TypedValueParser;

    clap::value_parser!(u64)
        .range(1..=1_000_000)
        .try_map(usize::try_from)
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
pub(crate) struct GenerateArguments {
    /// The picture: PNG, JPEG, WebP, GIF, BMP or TIFF; `-` for standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) picture: PathBuf,
    /// Format of the relief [default: by the name of the output, or stl]
    #[arg(long, value_enum)]
    pub(crate) format: Option<FormatWord>,
    /// Where to write it; `-` for standard output [default: beside the picture]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    #[arg(
        long,
        value_name = "MM",
        help = length_help(&field::WIDTH),
        default_value_t = field::WIDTH.default,
        allow_negative_numbers = true
    )]
    pub(crate) width: f64,
    #[arg(
        long,
        value_name = "MM",
        help = length_help(&field::HEIGHT),
        default_value_t = field::HEIGHT.default,
        allow_negative_numbers = true
    )]
    pub(crate) height: f64,
    #[arg(
        long,
        value_name = "MM",
        help = length_help(&field::DEPTH),
        default_value_t = field::DEPTH.default,
        allow_negative_numbers = true
    )]
    pub(crate) depth: f64,
    #[arg(
        long,
        value_name = format!("{}-{}", field::QUALITY.min, field::QUALITY.max),
        help = format!("{}, {} to {}", field::QUALITY.about, field::QUALITY.min, field::QUALITY.max),
        default_value_t = field::QUALITY.default,
        value_parser = clap::value_parser!(u8).range(quality()),
        allow_negative_numbers = true
    )]
    pub(crate) quality: u8,
    #[arg(long, value_name = "MM", help = base_help(), allow_negative_numbers = true)]
    pub(crate) base: Option<f64>,
    /// Make the dark parts high, not the bright ones
    #[arg(long)]
    pub(crate) invert: bool,
    /// Generate in this process, even if a server is running
    #[arg(long, conflicts_with = "server")]
    pub(crate) local: bool,
    #[command(flatten)]
    pub(crate) client: ClientArguments,
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

fn length_help(field: &Millimeters) -> String {
    format!("{} in mm, {} to {}", field.about, field.min, field.max)
}

fn base_help() -> String {
    let (about, usual) = (field::BASE.about, field::BASE.default);
    format!(
        "{about} in mm, less than the depth [default: {usual}, or half of a depth up to {usual}]"
    )
}

fn quality() -> std::ops::RangeInclusive<i64> {
    field::QUALITY.min.into()..=field::QUALITY.max.into()
}

/// A [`Format`] as a word of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FormatWord(pub(crate) Format);

impl ValueEnum for FormatWord {
    fn value_variants<'a>() -> &'a [Self] {
        const {
            &[
                Self(Format::Stl),
                Self(Format::Obj),
                Self(Format::Ply),
                Self(Format::Glb),
            ]
        }
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.0.extension()))
    }
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
