//! Questions about a router: how its deployments fare, and which of them a request would take.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::live::Ask;
use super::Router;
use crate::engine::error::{Error, ErrorKind, Result};

impl Router {
    /// `router_state`: {"deployments": […]}. Arguments of calls, and so keys, are not part of it.
    pub fn state(self: &Arc<Self>) -> Result<Vec<u8>> {
        let mut live = self.live();
        let now = live.epoch.elapsed();
        live.tick(&self.config, now);
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let deployments = self.config.deployments.iter().enumerate().map(|(number, deployment)| {
            let state = live.state(number);
            let rest = state.health.until.map(|until| until.saturating_sub(now));
            json!({
                "id": deployment.id,
                "group": deployment.group,
                "model": deployment.model,
                "healthy": rest.is_none() && !deployment.blocked,
                "cooldown_until": rest.map(|rest| (clock + rest).as_secs_f64()),
                "in_flight": state.in_flight,
                "requests": state.requests,
                "tokens": state.used.input + state.used.output,
                "latency": state.latency(),
                "time_to_first_token": state.first_token(),
                "failures": state.health.failures(),
                "answered": state.answered,
                "failed": state.failed,
            })
        });
        let answer = json!({ "router": self.name, "deployments": deployments.collect::<Vec<_>>() });
        serde_json::to_vec(&answer).map_err(|e| Error::new(ErrorKind::InternalServer, e.to_string()))
    }

    /// `router_choose`: {"id", "group", "model"} of the deployment that the request would take now. Nothing is counted.
    pub(super) fn would_choose(self: &Arc<Self>, model: &str, ask: &Ask<'_>) -> Result<Vec<u8>> {
        let meaning = self.meaning(model)?;
        let mut live = self.live();
        let now = live.epoch.elapsed();
        let chosen = live.choose(&self.config, &meaning, ask, now, &mut fastrand::f64);
        drop(live);
        let number = chosen.map_err(|nobody| self.nobody(model, &meaning, &nobody, ask.needs))?;
        let deployment = &self.config.deployments[number];
        let called = self.model(number, model, &meaning);
        let answer = json!({ "id": deployment.id, "group": deployment.group, "model": called });
        serde_json::to_vec(&answer).map_err(|e| Error::new(ErrorKind::InternalServer, e.to_string()))
    }
}
