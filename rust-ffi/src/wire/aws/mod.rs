//! What all of AWS's services share: regions, credentials and signatures.

mod chain;
mod clock;
mod keys;
mod profiles;
mod roles;
mod sign;
mod stores;

use std::borrow::Cow;

pub use self::sign::signer;

use crate::engine::error::{Error, ErrorKind, Result};
use crate::engine::request::Request;

/// The region of a call that names none. litellm's.
const DEFAULT_REGION: &str = "us-west-2";

/// A region, checked: it becomes a part of a host's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Region(String);

impl Region {
    /// litellm's order: the call, the model's name, the environment, the profile.
    pub fn of(request: &Request<'_>, in_model: Option<&str>) -> Result<Self> {
        for name in ["aws_region_name", "region_name"] {
            if let Some(region) = request.str(name)?.filter(|region| !region.is_empty()) {
                return Region::checked(&region);
            }
        }
        if let Some(region) = in_model {
            return Region::checked(region);
        }
        if let Some(region) = ["AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| env(name)) {
            return Region::checked(&region);
        }
        let profile = argument(request, "aws_profile_name", "AWS_PROFILE_NAME")?;
        Region::checked(&profiles::Profiles::load().region(profile.as_deref()).unwrap_or_else(|| DEFAULT_REGION.to_owned()))
    }

    fn checked(text: &str) -> Result<Self> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || text.len() > 63 || !text.bytes().all(plain) {
            return Err(Error::bad_request(format!("`aws_region_name` {text:?} is no region; write one as in \"us-east-1\"")));
        }
        Ok(Region(text.to_owned()))
    }

    pub fn name(&self) -> &str {
        &self.0
    }

    /// The end of the hosts' names in the region's partition. Source: botocore's list of endpoints.
    pub fn dns_suffix(&self) -> &'static str {
        let starts = |start| self.0.starts_with(start);
        if starts("cn-") {
            "amazonaws.com.cn"
        } else if starts("us-iso-") {
            "c2s.ic.gov"
        } else if starts("us-isob-") {
            "sc2s.sgov.gov"
        } else if starts("eu-isoe-") {
            "cloud.adc-e.uk"
        } else if starts("us-isof-") {
            "csp.hci.ic.gov"
        } else if starts("eusc-") {
            "amazonaws.eu"
        } else {
            "amazonaws.com"
        }
    }
}

/// An environment variable that is not empty.
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// An argument of the call, or the environment variable that litellm reads in its stead.
fn argument<'a>(request: &Request<'a>, name: &str, variable: &str) -> Result<Option<Cow<'a, str>>> {
    match request.str(name)?.filter(|value| !value.is_empty()) {
        Some(value) => Ok(Some(value)),
        None => Ok(env(variable).map(Cow::Owned)),
    }
}

fn denied(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Authentication, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_a_part_of_a_hosts_name_and_nothing_else() {
        for bad in ["", "us-east-1.evil.example", "us_east", "US-EAST-1", "a/b", "x@y"] {
            assert!(Region::checked(bad).is_err(), "{bad}");
        }
        let suffix = |name| Region::checked(name).unwrap().dns_suffix();
        assert_eq!((suffix("us-gov-west-1"), suffix("cn-north-1")), ("amazonaws.com", "amazonaws.com.cn"));
    }

    #[test]
    fn the_calls_own_region_comes_before_the_models() {
        let region = |text: &str, model| Region::of(&Request::parse(text.as_bytes()).unwrap(), model).unwrap().0;
        assert_eq!(region(r#"{"aws_region_name":"eu-west-3"}"#, Some("us-east-1")), "eu-west-3");
        assert_eq!(region("{}", Some("us-east-1")), "us-east-1");
    }
}
