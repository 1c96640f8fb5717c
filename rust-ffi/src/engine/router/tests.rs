//! Routers as a whole.

mod choices;
mod requests;
#[cfg(unix)]
mod shared;

use std::sync::Arc;

use serde_json::{json, Value};

use super::Router;
use crate::engine::redis::Servers;

fn router(config: &Value) -> Arc<Router> {
    let text = config.to_string();
    Arc::new(Router::new("test", serde_json::from_str(&text).unwrap(), &Servers::default()).unwrap())
}

fn deployment(group: &str, id: &str, params: Value) -> Value {
    let mut all = json!({ "model": format!("openai/{id}"), "api_key": format!("sk-key-of-{id}"), "api_base": format!("http://{id}.test/v1") });
    all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
    json!({ "model_name": group, "litellm_params": all, "model_info": { "id": id } })
}
