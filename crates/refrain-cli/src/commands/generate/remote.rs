use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::{Interrupt, Made, Order, Progress};
use crate::client::{Client, problem_failure};
use crate::failure::Failure;

/// What is read of a job's document.
#[derive(Debug, Deserialize)]
struct Job {
    url: String,
    events_url: String,
    key: String,
    state: String,
    progress: f64,
    step: String,
    outcome: Option<String>,
    result_url: Option<String>,
    error: Option<Value>,
}

/// Has a server generate: hands the request in, watches the job, fetches the result.
pub(super) fn generate(
    client: &Client,
    order: &Order,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Made, Failure> {
    let request = request(order)?;
    let job: Job = client.submit(refrain_relief::NAME, &request)?;
    drop(request);
    interrupt.leave_when_set(client, &job.url)?;
    let job = watch(client, job, progress)?;
    match (job.state.as_str(), &job.result_url) {
        ("done", Some(url)) => Ok(Made {
            bytes: client.bytes(url)?,
            outcome: job.outcome.unwrap_or_else(|| "miss".to_owned()),
            key: Some(job.key),
        }),
        ("failed", _) => Err(problem_failure(job.error.as_ref())),
        ("cancelled", _) if interrupt.is_set() => Err(Interrupt::failure()),
        ("cancelled", _) => Err(Failure::new("the server cancelled the generation")
            .hint("try again; a server that is shutting down cancels what is left over")),
        (state, _) => Err(Failure::new(format!(
            "the job ended in state `{state}` without a result"
        ))
        .hint("try again")),
    }
}

fn request(order: &Order) -> Result<Value, Failure> {
    let mut request = serde_json::to_value(order.parameters)
        .map_err(|error| Failure::new("cannot write the request").because(error))?;
    request[refrain_relief::field::IMAGE] = BASE64_STANDARD.encode(&order.picture).into();
    Ok(request)
}

/// Follows the job's events to its end.
fn watch(client: &Client, mut job: Job, progress: &Progress) -> Result<Job, Failure> {
    let is_final = |job: &Job| !matches!(job.state.as_str(), "queued" | "running");
    if is_final(&job) {
        return Ok(job);
    }
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::new("cannot follow the job on the server").because(error.to_string())
    };
    for event in client.events(&job.events_url)? {
        let event = event.map_err(|error| unreadable(&error))?;
        job = serde_json::from_str(&event.data).map_err(|error| unreadable(&error))?;
        if is_final(&job) {
            return Ok(job);
        }
        progress.show(job.progress, &job.step);
    }
    // The stream may be cut off by a proxy after the job was done.
    client.get(&job.url)
}
