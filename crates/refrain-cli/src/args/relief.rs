//! The flags of `refrain generate relief`; names, ranges and defaults are those of `refrain-relief`.

use std::path::PathBuf;

use clap::{ValueEnum, ValueHint};
use refrain_relief::Format;
use refrain_relief::field::{self, Millimeters};

use super::ClientArguments;

#[derive(Debug, clap::Args)]
pub(crate) struct ReliefArguments {
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
