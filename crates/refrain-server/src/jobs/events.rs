//! A job as server-sent events: one at once, one whenever it is further, one at its end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::job::{End, Job};
use crate::engine::waiter::WaiterWatch;

/// Progress is told at most this often: ten times a second looks smooth.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// Proxies close connections on which nothing moves for a minute, some after thirty seconds.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// When a client that lost its connection should come back.
const RETRY: Duration = Duration::from_secs(2);

/// The events of a job, from its present state to its end.
pub(crate) fn events(job: Arc<Job>) -> Sse<impl Stream<Item = Result<Event, Infallible>> + Send> {
    let events = stream::unfold(Some(Telling::begin(job)), |telling| async {
        let mut telling = telling?;
        telling.wait().await;
        let (event, is_final) = telling.event();
        Some((Ok(event), (!is_final).then_some(telling)))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

struct Telling {
    job: Arc<Job>,
    watch: Option<Watch>,
    told_at: Instant,
}

type Watch = (watch::Receiver<Option<Arc<End>>>, WaiterWatch);

impl Telling {
    fn begin(job: Arc<Job>) -> Self {
        Self {
            job,
            watch: None,
            told_at: Instant::now(),
        }
    }

    /// Waits until there is something to tell; the first event is due at once.
    async fn wait(&mut self) {
        let Some((end, progress)) = &mut self.watch else {
            self.watch = Some(self.job.watch());
            return;
        };
        let further = async {
            progress.moved().await;
            tokio::time::sleep_until(self.told_at + SHORTEST_PAUSE).await;
        };
        tokio::select! {
            _ = end.wait_for(Option::is_some) => {}
            () = further => {}
        }
    }

    fn event(&mut self) -> (Event, bool) {
        self.told_at = Instant::now();
        let document = self.job.document();
        let event = Event::default().event(document.state.event());
        let data = serde_json::to_string(&document).unwrap_or_default();
        (event.retry(RETRY).data(data), document.state.is_final())
    }
}
