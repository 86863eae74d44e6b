use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::Value;

use crate::args::EntriesArguments;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, Table, duration};

/// Digits of a key that are shown: enough to tell a billion entries apart.
const KEY_DIGITS: usize = 16;

pub(super) fn run(arguments: &EntriesArguments, json: bool) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    let document = client.manage(&format!(
        "/api/cache/entries?page={}&per_page={}&sort={}&order={}",
        arguments.page,
        arguments.per_page,
        word(&arguments.sort),
        word(&arguments.order),
    ))?;
    if json {
        return output::print_json(&document);
    }
    let entries = document["entries"].as_array().cloned().unwrap_or_default();
    if entries.is_empty() {
        return output::print("The cache is empty.\n");
    }
    let mut table = Table::new(&["key", "size", "age", "hits", "expires"], &[1, 2, 3, 4]);
    // The server's clock, which the times of its entries are of.
    let now = document["timestamp"].as_str().unwrap_or_default();
    for entry in &entries {
        table.row(row(entry, now));
    }
    output::print(&format!(
        "{}page {} of {}, {} entries in all\n",
        table.to_text(),
        document["page"],
        document["pages"],
        document["total"]
    ))
}

fn row(entry: &Value, now: &str) -> [String; 5] {
    let number = |name: &str| entry[name].as_f64();
    let key: String = entry["key"]
        .as_str()
        .unwrap_or_default()
        .chars()
        .take(KEY_DIGITS)
        .collect();
    let expires = match entry["expires_at"].as_str() {
        _ if entry["expired"] == Value::Bool(true) => "expired".to_owned(),
        None => "never".to_owned(),
        Some(at) => seconds_between(now, at).map_or_else(
            || at.to_owned(),
            |seconds| format!("in {}", duration(seconds)),
        ),
    };
    [
        key,
        format!("{:.2} MB", number("size_mb").unwrap_or_default()),
        duration(number("age_seconds").unwrap_or_default()),
        entry["access_count"].to_string(),
        expires,
    ]
}

fn seconds_between(from: &str, to: &str) -> Option<f64> {
    let (from, to): (Timestamp, Timestamp) = (from.parse().ok()?, to.parse().ok()?);
    Some(to.duration_since(from).as_secs_f64().max(0.0))
}

fn word(value: &impl ValueEnum) -> String {
    value
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}
