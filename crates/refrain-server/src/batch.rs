//! Batches: many generate requests in one, and the line that each becomes.

use bytes::Bytes;
use refrain::OnAbandoned;
use refrain::key::Document;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::answer::result_url;
use crate::app::{Registered, Shared};
use crate::engine::Request;
use crate::engine::outcome::{self, Served};
use crate::engine::waiter::Waiter;
use crate::problem::ProblemDocument;
use crate::request::body::{Reservation, object};
use crate::request::directives::Directives;
use crate::request::exchange::Exchange;
use crate::request::fields::Fields;
use crate::request::value::{data_bytes, described};
use crate::rounding::seconds;
use crate::{Problem, ProblemKind};

/// Items worked on at once unless the batch says otherwise. How many are *generated* at once is the server's setting.
const DEFAULT_PARALLEL: u64 = 16;
const MAX_PARALLEL: u64 = 64;

/// A batch of generate requests. A bare list of items is accepted too.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body in the OpenAPI document; `Batch` reads it"
)]
pub(crate) struct BatchBody {
    items: Vec<BatchItem>,
    /// Items worked on at once.
    #[schema(minimum = 1, maximum = 64, default = 16)]
    parallel: Option<u64>,
}

/// One of the requests.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body in the OpenAPI document; `Item` reads it"
)]
pub(crate) struct BatchItem {
    /// Name of a generator.
    #[schema(example = "relief")]
    generator: String,
    /// What a generate request to it would have as its JSON body.
    #[schema(value_type = Object)]
    request: (),
}

/// What became of one item.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchLine {
    /// Position in the batch, counted from 0.
    item: usize,
    /// The status that a request of its own would have had.
    #[schema(example = 200)]
    status: u16,
    /// How the result came to be, in one word.
    #[schema(schema_with = outcome_words)]
    outcome: &'static str,
    /// From when work on it began to when it was ready.
    milliseconds: f64,
    /// Where the result is, if it is stored.
    result_url: Option<String>,
    /// What the result is stored under.
    key: Option<String>,
    /// Length of the result.
    bytes: Option<u64>,
    /// Digest of the result's bytes.
    etag: Option<String>,
    /// Why there is no result.
    error: Option<ProblemDocument>,
}

/// The word for an item without a result.
const ERROR: &str = "error";

fn outcome_words() -> Object {
    let mut words = outcome::words();
    if let Some(values) = &mut words.enum_values {
        values.push(ERROR.into());
    }
    words
}

/// A batch that was read.
pub(crate) struct Batch {
    pub(crate) items: Vec<Item>,
    pub(crate) parallel: usize,
}

/// One item, not looked into yet: what is wrong in it is its own affair.
pub(crate) struct Item {
    position: usize,
    request: Document,
    held: Reservation,
}

impl Batch {
    pub(crate) fn read(
        body: Document,
        mut held: Reservation,
        app: &Shared,
    ) -> Result<Self, Problem> {
        let (list, parallel) = match body {
            Document::List(list) => (list, None),
            other => {
                let mut fields = object(other)?;
                let list = items(&mut fields)?;
                let parallel = fields.unsigned("parallel", 1..=MAX_PARALLEL)?;
                fields.finish()?;
                (list, parallel)
            }
        };
        let most = app.config.max_batch_items;
        if list.len() > most {
            let detail = format!("the batch has {} items, the limit is {most}", list.len());
            return Err(Problem::new(ProblemKind::InvalidValue, detail).field("items"));
        }
        let item = |(position, request): (usize, Document)| Item {
            held: held.split_for(data_bytes(&request)),
            position,
            request,
        };
        let parallel = parallel.unwrap_or(DEFAULT_PARALLEL);
        Ok(Self {
            items: list.into_iter().enumerate().map(item).collect(),
            parallel: usize::try_from(parallel).unwrap_or(1),
        })
    }
}

fn items(fields: &mut Fields) -> Result<Vec<Document>, Problem> {
    match fields.take("items") {
        Some(Document::List(list)) => Ok(list),
        Some(other) => Err(fields.refused(
            "items",
            &format!("must be a list, is {}", described(&other)),
        )),
        None => Err(fields.missing("items")),
    }
}

impl Item {
    /// Works on the item until it has a result or a problem. Dropping this stops work that no other caller waits for.
    pub(crate) async fn line(self, app: &Shared, directives: Directives) -> BatchLine {
        let began = app.engine.wall().elapsed();
        let position = self.position;
        let served = self.served(app, directives).await;
        let took = app.engine.wall().elapsed().saturating_sub(began);
        let milliseconds = seconds(took * 1000);
        match served {
            Ok(served) => BatchLine::of_result(position, milliseconds, &served),
            Err(problem) => BatchLine::of_problem(position, milliseconds, &problem),
        }
    }

    async fn served(self, app: &Shared, directives: Directives) -> Result<Served, Problem> {
        let mut fields = object(self.request)?;
        let name = fields.text("generator")?;
        let request = match fields.take("request") {
            Some(request @ Document::Map(_)) => request,
            Some(other) => {
                let wrong = format!("must be an object, is {}", described(&other));
                return Err(fields.refused("request", &wrong));
            }
            None => return Err(fields.missing("request")),
        };
        fields.finish()?;
        let Registered { generator, turns } = app.generator(&name)?;
        let exchange = Exchange::of_batch(&name, request, self.held);
        let request = Request::prepare(generator, turns, exchange, directives).await?;
        if let Some(served) = app.engine.look_up(&request) {
            return Ok(served);
        }
        let waiter = Waiter::new(OnAbandoned::Cancel);
        app.engine.answer(request, &waiter).await
    }
}

impl BatchLine {
    fn of_result(item: usize, milliseconds: f64, served: &Served) -> Self {
        Self {
            item,
            status: served.result.status().as_u16(),
            outcome: served.outcome.word(),
            milliseconds,
            result_url: served.stored_under().map(result_url),
            key: served.key.map(|key| key.to_string()),
            bytes: Some(served.result.length()),
            etag: served.result.etag().to_str().ok().map(str::to_owned),
            error: None,
        }
    }

    fn of_problem(item: usize, milliseconds: f64, problem: &Problem) -> Self {
        Self {
            item,
            status: problem.status().as_u16(),
            outcome: ERROR,
            milliseconds,
            result_url: None,
            key: None,
            bytes: None,
            etag: None,
            error: Some(problem.document()),
        }
    }

    /// The line as it is sent.
    pub(crate) fn written(&self) -> Bytes {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line.into()
    }
}
