use crate::args::ClientArguments;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, Table};

pub(super) fn run(arguments: &ClientArguments, json: bool) -> Result<(), Failure> {
    let client = Client::new(arguments)?;
    let document = client.manage("/api/cache/stats")?;
    if json {
        return output::print_json(&document);
    }
    let stats = &document["stats"];
    let number = |name: &str| stats[name].as_f64().unwrap_or_default();
    let mut table = Table::plain();
    let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
    row("server", client.base().to_owned());
    row(
        "cache",
        match document["cache_enabled"].as_bool() {
            Some(false) => "off: every request is generated".to_owned(),
            _ => "on".to_owned(),
        },
    );
    row(
        "hits",
        format!("{} ({:.2} %)", stats["hits"], number("hit_rate_percent")),
    );
    row("misses", stats["misses"].to_string());
    row(
        "entries",
        format!("{} of {}", stats["current_items"], stats["max_items"]),
    );
    row(
        "memory",
        format!(
            "{:.2} of {} MB ({:.2} %)",
            number("current_memory_mb"),
            number("max_memory_mb"),
            number("memory_utilization_percent")
        ),
    );
    row(
        "most memory",
        format!("{:.2} MB", number("max_memory_seen_mb")),
    );
    row(
        "evictions",
        format!(
            "{} (by count {}, by size {})",
            stats["evictions"], stats["evictions_by_count"], stats["evictions_by_size"]
        ),
    );
    for (name, title) in [
        ("collapsed", "collapsed"),
        ("expirations", "expired"),
        ("invalidations", "invalidated"),
    ] {
        row(title, stats[name].to_string());
    }
    row("seconds saved", format!("{:.1}", number("seconds_saved")));
    if let Some(versus) = stats.get("versus_lru") {
        let saved = |name: &str| versus[name].as_f64().unwrap_or_default();
        let more = saved("seconds_saved") - saved("lru_seconds_saved");
        row("more than LRU", format!("{more:.1}"));
    }
    if let Some(disk) = stats.get("disk") {
        let size = |name: &str| disk[name].as_f64().unwrap_or_default();
        let (held, most) = (size("current_mb"), size("max_mb"));
        row(
            "disk",
            format!("{} entries, {held:.2} of {most} MB", disk["current_items"]),
        );
        row(
            "disk hits",
            format!("{} (stored {})", disk["hits"], disk["stores"]),
        );
        row(
            "disk faults",
            format!(
                "{} damaged, {} errors, {} timeouts{}",
                disk["damaged"],
                disk["errors"],
                disk["timeouts"],
                match disk["suspended"].as_bool() {
                    Some(true) => "; left alone for the moment",
                    _ => "",
                }
            ),
        );
    }
    table.print()
}
