//! A generator whose results are written step by step, as a test says.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use refrain::Key;
use refrain_server::{
    BypassReason, Exchange, Finished, GenerateError, Generator, Head, KeyPart, Keying, LiveWriter,
    Prepared, Problem, ProblemKind, TurnLimits, Work,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a running work is told to do next.
#[derive(Debug)]
pub(crate) enum Step {
    Head(Head),
    Write(&'static str),
    End(Finished),
    Fail(GenerateError),
    Panic,
}

/// Shared between a test and the generator inside the app.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stage(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// One script for each run still to come, by name.
    scripts: Mutex<HashMap<String, Vec<UnboundedReceiver<Step>>>>,
    runs: AtomicU64,
}

impl Stage {
    /// The script of the next run for `name` that has none yet.
    pub(crate) fn script(&self, name: &str) -> UnboundedSender<Step> {
        let (steps, script) = unbounded_channel();
        let mut scripts = self.0.scripts.lock().unwrap();
        scripts.entry(name.to_owned()).or_default().push(script);
        steps
    }

    /// How often something was generated, or tried.
    pub(crate) fn runs(&self) -> u64 {
        self.0.runs.load(Ordering::SeqCst)
    }
}

struct Act {
    stage: Stage,
    name: String,
}

impl Work for Act {
    fn run(
        self: Arc<Self>,
        mut out: LiveWriter,
    ) -> BoxFuture<'static, Result<Finished, GenerateError>> {
        Box::pin(async move {
            self.stage.0.runs.fetch_add(1, Ordering::SeqCst);
            let mut script = {
                let mut scripts = self.stage.0.scripts.lock().unwrap();
                let scripts = scripts.entry(self.name.clone()).or_default();
                if scripts.is_empty() {
                    return Err(GenerateError::Failed {
                        message: format!("there is no script for `{}`", self.name),
                    });
                }
                scripts.remove(0)
            };
            while let Some(step) = script.recv().await {
                match step {
                    Step::Head(head) => out.head(head)?,
                    Step::Write(text) => out.write(text).await?,
                    Step::End(finished) => return Ok(finished),
                    Step::Fail(error) => return Err(error),
                    Step::Panic => panic!("the stage was told to panic"),
                }
            }
            Ok(Finished::default())
        })
    }

    fn key_parts(&self) -> Vec<KeyPart> {
        KeyPart::of("/body/name", &self.name).into_iter().collect()
    }
}

impl Generator for Stage {
    fn name(&self) -> &'static str {
        "stage"
    }

    fn fingerprint(&self) -> &'static str {
        "1"
    }

    fn turns(&self) -> Option<TurnLimits> {
        Some(TurnLimits {
            at_once: 100,
            max_queued: 0,
        })
    }

    fn prepare(&self, mut exchange: Exchange) -> Result<Prepared, Problem> {
        assert_eq!(exchange.path, "/api/generate/stage");
        let body = String::from_utf8_lossy(&exchange.body).into_owned();
        let mut fields = exchange.fields()?;
        let name = fields.text("name")?;
        let has_key = !fields.boolean("random")?.unwrap_or(false);
        fields.finish()?;
        assert!(body.contains(&name), "the body is there as it came");
        let key = Key::builder()
            .generator("stage", "1")
            .part("name", &name)
            .build()
            .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
        Ok(Prepared {
            keying: if has_key {
                Keying::Key(key)
            } else {
                Keying::Bypass(BypassReason::new("random"))
            },
            work: Arc::new(Act {
                stage: self.clone(),
                name,
            }),
        })
    }
}
