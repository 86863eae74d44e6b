//! The gateway: doors that stand in for other servers, as a configuration says, and as the next one changes it.

mod explaining;
mod reading;
mod secret;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::future::join_all;
use refrain::Clock;
use refrain_route::{Config, TenantSecret};

use crate::door::{Door, Plan};
use crate::engine::turns::Turns;
use crate::upstream::{Upstream, UpstreamConfig};
use crate::{Problem, ProblemKind};
pub use explaining::{AskedRequest, ExplainedPart, ExplainedRequest, IgnoredPart, NoRequest};
pub use reading::GatewayError;
pub(crate) use reading::wanted;
pub(crate) use secret::tenant_secret;

/// A door that was asked for: its address, the server behind it, and the routes to that.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) address: SocketAddr,
    pub(crate) upstream: UpstreamConfig,
    pub(crate) routes: refrain_route::Routes,
}

/// Reads the configuration of the doors, from wherever it is.
#[derive(Clone)]
pub(crate) struct Source(pub(crate) Arc<ReadConfig>);

/// The reading of a configuration: its mistakes are for people.
pub(crate) type ReadConfig = dyn Fn() -> Result<Config, String> + Send + Sync;

/// All doors, which are opened at the start, and the plans behind them, which a reload changes.
#[derive(Debug)]
pub(crate) struct Gateway {
    doors: Vec<Door>,
    secret: TenantSecret,
    clock: Clock,
    source: Option<Source>,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
    /// Rung by a reload: other servers are to be asked for their fingerprints.
    changed: tokio::sync::Notify,
}

/// The plans of doors, each upstream once, however many doors lead to it.
pub(crate) fn plans(
    wanted: Vec<Wanted>,
    before: &[Arc<Plan>],
    clock: &Clock,
) -> Vec<(SocketAddr, Plan)> {
    let mut behind: Vec<(Arc<Upstream>, Arc<Turns>)> = Vec::new();
    // One that has not changed keeps its connections, its turns and what is known of it.
    behind.extend(
        before
            .iter()
            .map(|plan| (Arc::clone(&plan.upstream), Arc::clone(&plan.turns))),
    );
    let mut plans = Vec::new();
    for Wanted {
        address,
        upstream,
        routes,
    } in wanted
    {
        let known = behind.iter().find(|(known, _)| *known.config() == upstream);
        let (upstream, turns) = known.cloned().unwrap_or_else(|| {
            let turns = Turns::new(
                upstream.at_once,
                upstream.max_queued,
                upstream.queue_timeout,
            );
            let opened = (
                Arc::new(Upstream::new(upstream, clock.clone())),
                Arc::new(turns),
            );
            behind.push(opened.clone());
            opened
        });
        let plan = Plan {
            upstream,
            turns,
            routes,
        };
        plans.push((address, plan));
    }
    plans
}

impl Gateway {
    pub(crate) fn new(
        doors: Vec<Door>,
        secret: TenantSecret,
        clock: Clock,
        source: Option<Source>,
    ) -> Self {
        Self {
            doors,
            secret,
            clock,
            source,
            reloading: tokio::sync::Mutex::new(()),
            changed: tokio::sync::Notify::new(),
        }
    }

    pub(crate) fn doors(&self) -> &[Door] {
        &self.doors
    }

    /// What the doors do now, once for each server behind them.
    pub(crate) fn plans(&self) -> Vec<Arc<Plan>> {
        let mut plans: Vec<Arc<Plan>> = Vec::new();
        for plan in self.doors.iter().map(Door::plan) {
            let is_same = |known: &Arc<Plan>| Arc::ptr_eq(&known.upstream, &plan.upstream);
            if !plans.iter().any(is_same) {
                plans.push(plan);
            }
        }
        plans
    }

    /// Explains a request at the door to the upstream of this name, or to the only one.
    ///
    /// # Errors
    ///
    /// A problem when there is no such upstream.
    pub(crate) fn explain(
        &self,
        upstream: Option<&str>,
        request: &AskedRequest,
    ) -> Result<ExplainedRequest, Problem> {
        let plans = self.doors.iter().map(Door::plan);
        let mut fitting =
            plans.filter(|plan| upstream.is_none_or(|name| plan.upstream.name() == name));
        let Some(plan) = fitting.next() else {
            let names: Vec<_> = self
                .plans()
                .iter()
                .map(|plan| plan.upstream.name().to_owned())
                .collect();
            let detail = format!("there is no such upstream; there is: {}", names.join(", "));
            return Err(Problem::new(ProblemKind::UnknownUpstream, detail));
        };
        let name = plan.upstream.name();
        if upstream.is_none() && fitting.any(|other| other.upstream.name() != name) {
            let detail = "there are several upstreams: name one with `?upstream=`";
            return Err(Problem::new(ProblemKind::UnknownUpstream, detail));
        }
        let fingerprint = plan.upstream.fingerprint();
        let told = request.explain(
            name,
            &plan.routes,
            fingerprint.as_deref().unwrap_or_default(),
            &self.secret,
        );
        Ok(match fingerprint {
            Err(why) if told.outcome == "keyed" => ExplainedRequest {
                outcome: "bypass",
                why: Some(format!("the fingerprint is not known: {why}")),
                ..told
            },
            _ => told,
        })
    }

    /// Asks servers for their fingerprints for as long as it is polled.
    pub(crate) async fn keep_fingerprints(&self) {
        loop {
            let plans = self.plans();
            let asking = join_all(plans.iter().map(|plan| plan.upstream.keep_fingerprint()));
            tokio::select! {
                _ = asking, if !plans.is_empty() => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// Reads the configuration where the first one came from, and takes it, all of it or nothing.
    ///
    /// # Errors
    ///
    /// [`GatewayError`]: then everything is as before.
    pub(crate) async fn reload_from_source(&self) -> Result<(), GatewayError> {
        let Some(Source(read)) = self.source.clone() else {
            return Err(GatewayError::NoSource);
        };
        let read = tokio::task::spawn_blocking(move || read()).await;
        let config = read.unwrap_or_else(|_| Err("the reading has panicked".to_owned()));
        self.reload(&config.map_err(GatewayError::Mistakes)?).await
    }

    /// Takes another configuration, all of it or nothing.
    ///
    /// # Errors
    ///
    /// [`GatewayError`]: then everything is as before.
    pub(crate) async fn reload(&self, config: &Config) -> Result<(), GatewayError> {
        let _one_at_a_time = self.reloading.lock().await;
        let wanted = wanted(config)?;
        let mut addresses: Vec<SocketAddr> = wanted.iter().map(|wanted| wanted.address).collect();
        let mut open: Vec<SocketAddr> = self.doors.iter().map(Door::address).collect();
        addresses.sort_unstable();
        open.sort_unstable();
        if addresses != open {
            return Err(GatewayError::Doors);
        }
        let plans = plans(wanted, &self.plans(), &self.clock);
        for (address, plan) in plans {
            let door = self.doors.iter().find(|door| door.address() == address);
            if let Some(door) = door {
                door.change(plan);
            }
        }
        self.changed.notify_one();
        tracing::info!(doors = self.doors.len(), "the gateway was reloaded");
        Ok(())
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}
