//! The query of a request: fields as a form has them, on the routes that read any.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use refrain::key::Document;

use crate::request::value::shortened;
use crate::{Problem, ProblemKind};

/// The fields of a query, each at most once.
pub(crate) fn fields(query: &str) -> Result<Vec<(String, Document)>, Problem> {
    let mut values: Vec<(String, Document)> = Vec::new();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        if values.iter().any(|(known, _)| *known == name) {
            let detail = format!("the query has `{}` more than once", shortened(&name));
            return Err(Problem::new(ProblemKind::DuplicateField, detail).field(shortened(&name)));
        }
        values.push((name.into_owned(), Document::Text(text.into_owned())));
    }
    Ok(values)
}

/// Refuses whatever is asked for in the query of a route that reads none: ignoring it would answer another question.
pub(crate) async fn none(request: Request, next: Next) -> Result<Response, Problem> {
    let mut asked = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    match asked.next() {
        None => Ok(next.run(request).await),
        Some((name, _)) => {
            let name = shortened(&name);
            let detail = format!("this route reads nothing from a query, and `{name}` is in it");
            Err(Problem::new(ProblemKind::UnknownField, detail).field(name))
        }
    }
}
