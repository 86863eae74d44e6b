//! The command line of `refrain generators`.

use std::path::PathBuf;

use clap::{Subcommand, ValueHint};

#[derive(Debug, Subcommand)]
pub(crate) enum Generators {
    /// List the presets
    List,
    /// Print a preset, to be copied and changed
    Show {
        /// Name of a preset
        name: String,
    },
    /// Look at the generators in a file, and tell every mistake
    Check {
        /// A `refrain.toml`
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Run a generator once, without a server and without a cache
    Try(TryArguments),
}

#[derive(Debug, clap::Args)]
pub(crate) struct TryArguments {
    /// Name of a generator in the file
    pub(crate) name: String,
    /// A field; `NAME=@PATH` for a file
    #[arg(short = 'F', long = "field", value_name = "NAME=VALUE")]
    pub(crate) fields: Vec<String>,
    /// Folder for the files of the result [default: the current one]
    #[arg(short, long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) output: Option<PathBuf>,
    /// Read this file in the place of `refrain.toml` in the current directory
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
}
