//! The way of one request along what is asked instead.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::{Rules, Target};
use crate::engine::error::Error;

/// A call that failed, as an answer's `meta` and the last error tell of it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Failed {
    pub model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    pub kind: &'static str,
    pub http_status: Option<u16>,
}

/// The way of one request along its targets.
pub struct Walk {
    rules: Arc<Rules>,
    asked: HashSet<String>,
    waiting: VecDeque<Target>,
    /// How many targets have been asked.
    pub hops: usize,
    pub failed: Vec<Failed>,
    /// What the model that was asked for came to.
    first: Option<Error>,
    names: Vec<String>,
}

impl Walk {
    pub fn new(rules: Arc<Rules>, model: &str) -> Walk {
        Walk {
            rules,
            asked: HashSet::from([model.to_owned()]),
            waiting: VecDeque::new(),
            hops: 0,
            failed: Vec::new(),
            first: None,
            names: Vec::new(),
        }
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Notes a call that failed.
    pub fn note(&mut self, model: &str, deployment: Option<&str>, error: &Error) {
        let (kind, http_status) = (error.kind.name(), error.http_status);
        self.failed.push(Failed { model: model.to_owned(), deployment: deployment.map(str::to_owned), kind, http_status });
    }

    /// Notes a target that stands in no list: deployments of the same model that come after those that failed.
    pub fn hop(&mut self, error: &Error) {
        self.first.get_or_insert_with(|| error.clone());
        self.hops += 1;
    }

    /// What to ask after `model` has failed for good; None when there is nothing left.
    pub fn next(&mut self, model: &str, error: &Error) -> Option<Target> {
        self.first.get_or_insert_with(|| error.clone());
        // Depth first, as litellm: a target's own targets are asked before those that stand behind it.
        let targets = self.rules.targets(model, error).to_vec();
        targets.into_iter().rev().for_each(|target| self.waiting.push_front(target));
        while self.hops < self.rules.max {
            let target = self.waiting.pop_front()?;
            if self.asked.insert(target.identity.clone()) {
                self.hops += 1;
                self.names.push(target.show().to_owned());
                return Some(target);
            }
        }
        None
    }

    /// The error of the request: what the model that was asked for came to, and what else was tried.
    pub fn error(&mut self, last: Error, model: &str) -> Error {
        let mut error = self.first.take().unwrap_or_else(|| last.clone());
        if self.names.is_empty() {
            return error;
        }
        // Programs that look into litellm's messages look for these two names.
        let tried = self.names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
        let more = format!(
            ". Received Model Group={model}\nAvailable Model Group Fallbacks=[{tried}]\nThe last of them failed with {last}"
        );
        error.message.push_str(&more);
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::ErrorKind;
    use crate::engine::request::Request;

    fn rules(request: &str) -> Rules {
        Rules::of(&Request::parse(request.as_bytes()).unwrap()).unwrap()
    }

    fn walk(request: &str, mut failing: impl FnMut(&str) -> ErrorKind) -> (Vec<String>, String) {
        let mut walk = Walk::new(Arc::new(rules(request)), "m");
        let (mut model, mut order) = ("m".to_owned(), Vec::new());
        loop {
            let error = Error::new(failing(&model), format!("{model} fails"));
            match walk.next(&model, &error) {
                Some(target) => model = target.model.unwrap_or(model),
                None => return (order, walk.error(error, "m").message.clone()),
            }
            order.push(model.clone());
        }
    }

    #[test]
    fn each_target_is_asked_once_depth_first_and_the_first_error_is_the_requests() {
        let graph = r#"{"fallbacks":[{"m":["a","b"]},{"a":["m","c","b"]},{"c":["a"]}]}"#;
        let (order, message) = walk(graph, |_| ErrorKind::InternalServer);
        assert_eq!(order, ["a", "c", "b"]);
        assert!(
            message.starts_with("m fails") && message.contains("['a', 'c', 'b']") && message.contains("b fails"),
            "{message}"
        );
        assert_eq!(walk("{}", |_| ErrorKind::InternalServer), (vec![], "m fails".to_owned()));
        assert_eq!(walk(r#"{"max_fallbacks":2,"fallbacks":["a","b","c"]}"#, |_| ErrorKind::Api).0, ["a", "b"]);
    }

    #[test]
    fn a_list_for_a_kind_of_failure_takes_the_place_of_the_general_one() {
        let request = r#"{"fallbacks":[{"m":["general"]}],"context_window_fallbacks":[{"m":["large"]}],
            "content_policy_fallbacks":[{"other":["lax"]}]}"#;
        assert_eq!(walk(request, |_| ErrorKind::ContextWindowExceeded).0, ["large"]);
        assert_eq!(walk(request, |_| ErrorKind::ContentPolicyViolation).0, [""; 0]);
        assert_eq!(walk(request, |_| ErrorKind::RateLimit).0, ["general"]);
        let pairs = r#"{"context_window_fallback_dict":{"m":"large"}}"#;
        assert_eq!(walk(pairs, |_| ErrorKind::ContextWindowExceeded).0, ["large"]);
        assert_eq!(walk(pairs, |_| ErrorKind::Api).0, [""; 0]);
    }

    #[test]
    fn the_request_goes_before_the_settings_and_can_turn_all_off() {
        let both = r#"{"fallbacks":["own"],"settings":{"fallbacks":[{"m":["set"]}],"default_fallbacks":["any"]}}"#;
        assert_eq!(walk(both, |_| ErrorKind::Api).0, ["own"]);
        let settings = r#"{"settings":{"fallbacks":[{"x":["y"]}],"default_fallbacks":["any"]}}"#;
        assert_eq!(walk(settings, |_| ErrorKind::Api).0, ["any"]);
        assert!(rules(r#"{"disable_fallbacks":true,"fallbacks":["a"]}"#).is_empty());
    }
}
