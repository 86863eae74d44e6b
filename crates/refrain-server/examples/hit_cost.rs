//! Answers the same request again and again without a socket: what a hit costs in instructions and allocations.
//!
//! ```sh
//! cargo build -p refrain-server --example hit_cost
//! for hits in 200 1200; do
//!   valgrind --tool=callgrind --callgrind-out-file=/dev/null target/debug/examples/hit_cost $hits
//!   valgrind target/debug/examples/hit_cost $hits
//! done
//! ```
//!
//! The differences of the two runs, divided by 1,000, are those of one hit: `Collected` counts instructions, and
//! `total heap usage` allocations.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use refrain_server::{
    App, Exchange, Generator, Keying, Prepared, Problem, ProblemKind, Progress, ResultFile,
    ServerConfig, blocking,
};
use tower::ServiceExt as _;

struct Small;

impl Generator for Small {
    fn name(&self) -> &'static str {
        "small"
    }

    fn fingerprint(&self) -> &'static str {
        "1"
    }

    fn prepare(&self, mut exchange: Exchange) -> Result<Prepared, Problem> {
        let mut fields = exchange.fields()?;
        let name = fields.text("name")?;
        fields.finish()?;
        let key = refrain::Key::builder()
            .generator("small", "1")
            .part("name", &name)
            .build()
            .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
        let held = exchange.keep(0);
        let work = blocking(move |_: &Progress| {
            let _held = &held;
            Ok(ResultFile {
                bytes: vec![7; 1000],
                media_type: "text/plain".into(),
                file_name: "small.txt".into(),
            })
        });
        Ok(Prepared {
            keying: Keying::Key(key),
            work,
        })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hits: u32 = std::env::args().nth(1).unwrap_or_default().parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let app = App::builder(ServerConfig::default())
            .generator(Small)
            .build()?;
        let router = app.router();
        for turn in 0..=hits {
            let request = Request::post("/api/generate/small")
                .header("host", "localhost")
                .header("content-type", "application/json")
                .body(Body::from(r#"{"name": "a"}"#))?;
            let response = router.clone().oneshot(request).await?;
            let status = response.headers()["cache-status"].to_str()?.to_owned();
            assert!(turn == 0 || status.starts_with("refrain; hit"), "{status}");
            assert_eq!(response.into_body().collect().await?.to_bytes().len(), 1000);
        }
        Ok(())
    })
}
