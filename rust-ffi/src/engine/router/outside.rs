//! Calls that the program makes itself of a deployment that the router has chosen: by a provider of its own, which the library cannot call.
//! They count as the router's own calls do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::read;
use super::state::Usage;
use super::{Router, Ticket};
use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::request::Request;

/// A program whose clock is wrong must not turn back the router's.
const LONGEST: Duration = Duration::from_secs(86_400);

impl Router {
    /// `router_began`: a call of the deployment is on its way.
    pub fn began(self: &Arc<Self>, question: &Request<'_>) -> Result<()> {
        let id = deployment(question)?;
        let number = self.config.names.deployment(&id).ok_or_else(|| {
            Error::bad_request(format!("the router {:?} has no deployment {id:?}; ids are those of `router_state`", self.name))
        })?;
        self.live().start(&self.config, number);
        Ok(())
    }

    /// `router_ended`: what has become of that call.
    pub fn ended(self: &Arc<Self>, question: &Request<'_>) -> Result<()> {
        let took = read::seconds(question, "seconds")?.unwrap_or_default().min(LONGEST);
        let error = question.raw("error").map(|raw| failure(&read::object("error", raw)?)).transpose()?;
        let usage = Usage {
            input: read::whole(question, "prompt_tokens")?.unwrap_or_default(),
            output: read::whole(question, "completion_tokens")?.unwrap_or_default(),
        };
        // One that is no more counts nowhere.
        let Some(number) = self.config.names.deployment(&deployment(question)?) else { return Ok(()) };
        let now = Instant::now();
        let began = now.checked_sub(took).unwrap_or(now).into();
        let ticket = Ticket { router: self.clone(), number, began, first: None, hold: None, sent: true, ended: false };
        match error {
            None => ticket.answered(usage),
            Some(Some(error)) => ticket.failed(&error),
            Some(None) => drop(ticket),
        }
        Ok(())
    }
}

fn deployment(question: &Request<'_>) -> Result<String> {
    let missing = || Error::bad_request("`deployment` is missing: give the id of a deployment");
    Ok(question.str("deployment")?.ok_or_else(missing)?.into_owned())
}

/// The failure that a program tells of; None for one that says nothing of the deployment, such as a cancelled call.
fn failure(told: &Request<'_>) -> Result<Option<Error>> {
    let name = told.str("kind")?.unwrap_or_default();
    let known = ErrorKind::ALL.into_iter().find(|kind| kind.name() == name && *kind != ErrorKind::Cancelled);
    let status = told.count("status_code")?.and_then(|status| u16::try_from(status).ok());
    let kind = match (known, status) {
        (Some(kind), _) => kind,
        (None, Some(_)) => ErrorKind::Api,
        (None, None) => return Ok(None),
    };
    let mut error = Error::new(kind, "");
    error.status_code = status.unwrap_or(error.status_code);
    Ok(Some(error))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{json, Value};

    use super::*;
    use crate::engine::redis::Servers;

    fn router() -> Arc<Router> {
        let deployment = |id: &str| json!({"model_name": "g", "litellm_params": {"model": "mine/x"}, "model_info": {"id": id}});
        let config = json!({"model_list": [deployment("a"), deployment("b")], "allowed_fails": 0}).to_string();
        Arc::new(Router::new("main", serde_json::from_str(&config).unwrap(), &Servers::default()).unwrap())
    }

    fn tell(router: &Arc<Router>, told: Value) -> Result<()> {
        let text = told.to_string();
        let question = Request::parse(text.as_bytes()).unwrap();
        if told.get("seconds").is_some() {
            router.ended(&question)
        } else {
            router.began(&question)
        }
    }

    fn state(router: &Arc<Router>, id: &str) -> Value {
        let state: Value = serde_json::from_slice(&router.state().unwrap()).unwrap();
        state["deployments"].as_array().unwrap().iter().find(|each| each["id"] == id).unwrap().clone()
    }

    #[test]
    fn a_call_counts_from_its_beginning_to_its_end() {
        let router = router();
        tell(&router, json!({"deployment": "a"})).unwrap();
        assert_eq!((&state(&router, "a")["in_flight"], &state(&router, "a")["requests"]), (&json!(1), &json!(1)));
        tell(&router, json!({"deployment": "a", "seconds": 2.0, "prompt_tokens": 5, "completion_tokens": 4})).unwrap();
        let after = state(&router, "a");
        assert_eq!((&after["in_flight"], &after["tokens"], &after["answered"]), (&json!(0), &json!(9), &json!(1)));
        let latency = after["latency"].as_f64().unwrap();
        assert!((0.5..1.0).contains(&latency), "half a second for each token: {latency}");
    }

    #[test]
    fn a_failure_counts_and_a_cancelled_call_does_not() {
        let router = router();
        for (error, healthy) in [
            (json!({"kind": "KeyboardInterrupt", "status_code": null}), true),
            (json!({"kind": "Cancelled"}), true),
            (json!({"kind": "ServiceUnavailableError", "status_code": 503}), false),
        ] {
            tell(&router, json!({"deployment": "a"})).unwrap();
            tell(&router, json!({"deployment": "a", "seconds": 0, "error": error})).unwrap();
            assert_eq!((&state(&router, "a")["healthy"], &state(&router, "a")["in_flight"]), (&json!(healthy), &json!(0)));
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let router = router();
        assert!(tell(&router, json!({"deployment": "c"})).unwrap_err().message.contains("\"c\""));
        assert!(tell(&router, json!({})).unwrap_err().message.contains("`deployment`"));
        tell(&router, json!({"deployment": "c", "seconds": 1})).unwrap();
    }
}
