//! Prints the canonical form of JSON documents, one per line of the input, in hexadecimal digits.
//!
//! ```text
//! $ echo '{"seed": 7, "format": "stl"}' | cargo run -q -p refrain --example canonical_form
//! 0d00000000000000020000000000000006666f726d617407000000000000000373746c000000000000000473656564040000000000000001
//! 37
//! ```
//!
//! (One line of output per line of input; broken here.) A document that is refused gives `refused:` and the reason.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, Write as _};

use refrain::key::{Document, canonical_form};

fn main() -> io::Result<()> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        writeln!(output, "{}", form_or_refusal(&line?))?;
    }
    output.flush()
}

fn form_or_refusal(json: &str) -> String {
    let document = match Document::from_json(json.as_bytes()) {
        Ok(document) => document,
        Err(error) => return format!("refused: {error}"),
    };
    match canonical_form(&document) {
        Ok(form) => hexadecimal(&form),
        Err(unkeyable) => format!("refused: {unkeyable}"),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("writing to a string cannot fail");
        digits
    })
}
