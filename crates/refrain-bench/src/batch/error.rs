//! Why a batch was not measured.

use std::io;
use std::path::PathBuf;

use ureq::http::StatusCode;

/// Why a batch was not measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BatchError {
    #[error("`--distinct` is {distinct} but there are only {requests} requests")]
    Distinct { distinct: usize, requests: usize },
    #[error("there is no program at `{}`: build it by `cargo build --release`, or name it by `--program`", program.display())]
    Program { program: PathBuf },
    #[error("cannot start a server to measure: {0}")]
    Start(io::Error),
    #[error("no answer from the server: {0}")]
    NoAnswer(#[from] ureq::Error),
    #[error("the connection to the server broke: {0}")]
    Broken(io::Error),
    #[error("the server answered {status}: {text}")]
    Refused { status: StatusCode, text: String },
    #[error(
        "request {request} was answered with {first} and then with {then}: equal requests must have equal bytes"
    )]
    Differs {
        request: usize,
        first: String,
        then: String,
    },
    #[error("a request whose result is stored was no hit")]
    NoHit,
    #[error("cannot make a picture to measure with: {0}")]
    Picture(#[from] tiff::TiffError),
    #[error("a thread of the measurement panicked")]
    Panicked,
    #[error("cannot write the report: {0}")]
    Report(#[from] serde_json::Error),
}
