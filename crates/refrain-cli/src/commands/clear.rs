use std::io::{self, BufRead, IsTerminal, Write};

use crate::args::ClearArguments;
use crate::client::Client;
use crate::failure::Failure;
use crate::output;

pub(super) fn run(arguments: &ClearArguments, json: bool) -> Result<(), Failure> {
    let client = Client::new(&arguments.client)?;
    if !arguments.yes && io::stdin().is_terminal() && !confirmed(&client)? {
        return Err(Failure::new("nothing was removed").hint("answer `y`, or give `--yes`"));
    }
    let document = client.command("/api/cache/clear")?;
    if json {
        return output::print_json(&document);
    }
    output::print(&match document["cleared"].as_u64() {
        Some(1) => "1 entry removed\n".to_owned(),
        Some(entries) => format!("{entries} entries removed\n"),
        None => "the cache is empty\n".to_owned(),
    })
}

/// Says how much there is to lose, and asks.
fn confirmed(client: &Client) -> Result<bool, Failure> {
    let document = client.manage("/api/cache/stats")?;
    let stats = &document["stats"];
    let unanswered = |error| Failure::new("cannot ask on the terminal").because(error);
    let mut stderr = io::stderr().lock();
    write!(
        stderr,
        "Remove {} entries, {} MB, from {}? [y/N] ",
        stats["current_items"],
        stats["current_memory_mb"],
        client.base()
    )
    .and_then(|()| stderr.flush())
    .map_err(unanswered)?;
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(unanswered)?;
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}
