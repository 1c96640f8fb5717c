//! `os.environ/NAME`: how litellm's configurations say that a value is that of the environment's variable NAME.
//!
//! A router's deployments and a cache's settings are configurations. In the arguments of a call such a name stands for a value that was
//! not there when it was to be looked up: sent as it is, it would be somebody's key.

use super::error::{Error, ErrorKind, Result};
use super::request::{string, Request};
use super::route;
use super::secrets;
use crate::wire::params;

const PREFIX: &str = "os.environ/";

/// The variable that a value is to come from; None for a value.
pub fn variable(value: &str) -> Option<&str> {
    value.strip_prefix(PREFIX)
}

/// Fails for a call that is told the name of a variable where it needs its value: as a credential, or as what else steers it.
pub fn refuse_names(request: &Request<'_>) -> Result<()> {
    for (name, raw) in request.fields.iter().filter(|(_, raw)| raw.get().starts_with("\"os.environ")) {
        if !(params::is_control(name) || secrets::is_argument(name)) {
            continue;
        }
        if let Some(variable) = variable(&string(name, raw)?) {
            let cure = match std::env::var_os(variable) {
                None => "which is not set; set it".to_owned(),
                Some(_) => "which is looked up for a Router's deployments only; pass its value".to_owned(),
            };
            let message = format!("`{name}` is the name of the environment's variable {variable}, {cure}");
            let error = Error::new(ErrorKind::Authentication, message);
            return Err(match route::resolve_name(request) {
                Ok(route) => error.at(&route.provider, &route.model),
                Err(_) => error.at(&request.str("custom_llm_provider")?.unwrap_or_default(), ""),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_where_they_would_be_sent_as_values() {
        let refused = |text: &str| refuse_names(&Request::parse(text.as_bytes()).unwrap()).map_err(|error| error.message.clone());
        let unset = refused(r#"{"aws_secret_access_key":"os.environ/EQ_NOT_SET"}"#).unwrap_err();
        assert!(unset.contains("`aws_secret_access_key`") && unset.contains("EQ_NOT_SET, which is not set"), "{unset}");
        let set = refused(r#"{"organization":"os.environ/PATH"}"#).unwrap_err();
        assert!(set.contains("pass its value"), "{set}");
        // What is said, and not what steers the call, may say anything.
        assert!(refused(r#"{"user":"os.environ/EQ_NOT_SET","api_key":"os.environment"}"#).is_ok());
    }
}
