//! A generator that does as it is told, counts its runs and makes bytes that say what they are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use refrain::Key;
use refrain_server::{
    Exchange, GenerateError, Generator, Keying, Prepared, Problem, ProblemKind, Progress,
    ResultFile, blocking,
};

/// What a request can tell the generator to do.
const DEEDS: [&str; 8] = [
    "echo", "wait", "fail", "refuse", "panic", "large", "huge", "give up",
];

/// Shared between a test and the generator inside the app.
#[derive(Debug, Clone, Default)]
pub(crate) struct Probe(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    runs: AtomicU64,
    waiting: AtomicU64,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Probe {
    /// How often it generated something, or tried.
    pub(crate) fn runs(&self) -> u64 {
        self.0.runs.load(Ordering::SeqCst)
    }

    /// How many runs stand at the gate now.
    pub(crate) fn waiting(&self) -> u64 {
        self.0.waiting.load(Ordering::SeqCst)
    }

    /// Lets every `wait` finish, those that come later too.
    pub(crate) fn open_gate(&self) {
        *self.0.open.lock().unwrap() = true;
        self.0.opened.notify_all();
    }

    /// The bytes it makes for a request of this name.
    pub(crate) fn bytes_of(name: &str) -> Vec<u8> {
        format!("result of `{name}`").into_bytes()
    }

    /// More than is copied up from the disk, and different everywhere.
    pub(crate) fn huge() -> Vec<u8> {
        (0..9_u32 << 18).flat_map(u32::to_le_bytes).collect()
    }

    fn wait_at_gate(&self, progress: &Progress) -> Result<(), GenerateError> {
        self.0.waiting.fetch_add(1, Ordering::SeqCst);
        progress.set(0.5, "waiting");
        let mut open = self.0.open.lock().unwrap();
        while !*open && !progress.is_cancelled() {
            // Cancelling does not ring the bell, so look up now and then.
            open = self
                .0
                .opened
                .wait_timeout(open, Duration::from_millis(2))
                .unwrap()
                .0;
        }
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        progress.check()
    }

    fn run(&self, name: &str, deed: &str, progress: &Progress) -> Result<Vec<u8>, GenerateError> {
        self.0.runs.fetch_add(1, Ordering::SeqCst);
        match deed {
            "wait" => self.wait_at_gate(progress)?,
            "fail" => {
                return Err(GenerateError::Failed {
                    message: "no GPU".to_owned(),
                });
            }
            "refuse" => {
                let problem =
                    Problem::new(ProblemKind::UnreadableImage, "nothing to see").field("image");
                return Err(GenerateError::Refused(problem));
            }
            "give up" => return Err(GenerateError::Cancelled),
            "panic" => panic!("the probe was told to panic"),
            "large" => return Ok(vec![b'x'; 300 * 1024]),
            "huge" => return Ok(Self::huge()),
            _ => {}
        }
        Ok(Self::bytes_of(name))
    }
}

impl Generator for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn fingerprint(&self) -> &'static str {
        "1"
    }

    fn prepare(&self, mut exchange: Exchange) -> Result<Prepared, Problem> {
        let mut fields = exchange.fields()?;
        let name = fields.text("name")?;
        let deed = fields.word("do", &DEEDS)?.unwrap_or("echo");
        fields.finish()?;
        let held = exchange.keep(name.len());
        let key = Key::builder()
            .generator("probe", "1")
            .part("name", &name)
            .part("do", &deed)
            .build()
            .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
        let probe = self.clone();
        let work = move |progress: &Progress| {
            let _held = &held;
            Ok(ResultFile {
                bytes: probe.run(&name, deed, progress)?,
                media_type: "text/plain".into(),
                file_name: "probe.txt".into(),
            })
        };
        Ok(Prepared {
            keying: Keying::Key(key),
            work: blocking(work),
        })
    }
}
