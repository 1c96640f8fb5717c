//! Where a call's credentials come from. litellm's order for what the call names, then the order of AWS's SDKs.

use std::borrow::Cow;

use super::keys::Keys;
use super::profiles::Profiles;
use super::{argument, denied, env, Region};
use crate::engine::error::{Error, Result};
use crate::engine::request::Request;
use crate::engine::route::{check_address, Secret};
use crate::engine::secrets::Secrets;

/// How to get keys. Two calls with equal sources share what they fetch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    Keys(Keys),
    /// Another role, with keys of the first.
    Role {
        base: Box<Source>,
        role: Role,
    },
    /// A role, with a token of someone whom AWS trusts (OIDC).
    WebIdentity {
        token: WebToken,
        role: Role,
    },
    /// The service that containers have (ECS, EKS).
    Container {
        url: String,
        authorization: Option<WebToken>,
    },
    /// The service that machines have (EC2).
    Instance,
    /// A program that prints them.
    Process(String),
}

impl Source {
    /// Names what no error may show.
    pub fn tell(&self, secrets: &Secrets) {
        match self {
            Source::Keys(keys) => keys.tell(secrets),
            Source::Role { base, .. } => base.tell(secrets),
            Source::WebIdentity { token, .. } => token.tell(secrets),
            Source::Container { authorization, .. } => authorization.iter().for_each(|token| token.tell(secrets)),
            Source::Instance | Source::Process(_) => {}
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Role {
    pub arn: String,
    pub session: String,
    pub external_id: Option<String>,
    pub endpoint: String,
    pub region: Region,
    /// `DurationSeconds`.
    pub duration: Option<u32>,
}

/// A token, or the file that holds it: such files are written anew before their tokens end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WebToken {
    Text(Secret),
    File(String),
}

impl WebToken {
    fn tell(&self, secrets: &Secrets) {
        if let Ok(token) = self.read() {
            secrets.add(token.expose());
        }
    }

    pub fn read(&self) -> Result<Secret> {
        match self {
            WebToken::Text(text) => Ok(text.clone()),
            WebToken::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => Ok(Secret::new(text.trim())),
                Err(e) => Err(denied(format!("the file with the token for AWS cannot be read ({})", e.kind()))),
            },
        }
    }
}

/// Roles that take on roles that take on roles: more than a few are a circle.
const LONGEST_CHAIN: usize = 5;

impl Source {
    /// The source of a call's credentials. What can be known to be missing is an error here, before any network.
    pub fn of(request: &Request<'_>, region: &Region) -> Result<Source> {
        let role_arn = argument(request, "aws_role_name", "AWS_ROLE_NAME")?;
        let session = argument(request, "aws_session_name", "AWS_SESSION_NAME")?;
        let token = argument(request, "aws_web_identity_token", "AWS_WEB_IDENTITY_TOKEN")?;
        if let Some(token) = &token {
            let (Some(arn), Some(_)) = (&role_arn, &session) else {
                return Err(denied("`aws_web_identity_token` needs `aws_role_name` and `aws_session_name` beside it"));
            };
            let role = role(request, region, arn, session.as_deref())?;
            return Ok(Source::WebIdentity { token: web_token(token)?, role });
        }
        if let Some(arn) = &role_arn {
            let role = role(request, region, arn, session.as_deref())?;
            return Ok(Source::Role { base: Box::new(Source::without_role(request, region)?), role });
        }
        Source::without_role(request, region)
    }

    fn without_role(request: &Request<'_>, region: &Region) -> Result<Source> {
        if let Some(profile) = argument(request, "aws_profile_name", "AWS_PROFILE_NAME")? {
            let profiles = Profiles::load();
            return from_profile(&profiles, &profile, region, LONGEST_CHAIN)?.ok_or_else(|| {
                denied(format!(
                    "the AWS profile {profile:?} is in neither ~/.aws/credentials nor ~/.aws/config, or holds no credentials"
                ))
            });
        }
        let given = |name: &str| request.str(name).map(|value| value.filter(|value| !value.is_empty()));
        let (id, secret) = (given("aws_access_key_id")?, given("aws_secret_access_key")?);
        match (&id, &secret) {
            (Some(id), Some(secret)) => {
                return Ok(Source::Keys(Keys::new(id, secret, given("aws_session_token")?.as_deref(), "this call")?));
            }
            (None, None) => {}
            _ => return Err(denied("`aws_access_key_id` and `aws_secret_access_key` belong together: pass both or none")),
        }
        if let (Some(id), Some(secret)) = (env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")) {
            return Ok(Source::Keys(Keys::new(&id, &secret, env("AWS_SESSION_TOKEN").as_deref(), "the environment")?));
        }
        if let (Some(path), Some(arn)) = (env("AWS_WEB_IDENTITY_TOKEN_FILE"), env("AWS_ROLE_ARN")) {
            let role = role(request, region, &arn, env("AWS_ROLE_SESSION_NAME").as_deref())?;
            return Ok(Source::WebIdentity { token: WebToken::File(path), role });
        }
        if let Some(source) = of_profile(&Profiles::load(), Profiles::named().as_deref(), region)? {
            return Ok(source);
        }
        if let Some(source) = container()? {
            return Ok(source);
        }
        if env("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Err(nothing());
        }
        Ok(Source::Instance)
    }
}

/// No source has any.
pub fn nothing() -> Error {
    denied(
        "no AWS credentials: pass aws_access_key_id and aws_secret_access_key, aws_profile_name, or api_key (a Bedrock API key), or set \
         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK",
    )
}

fn role(request: &Request<'_>, region: &Region, arn: &str, session: Option<&str>) -> Result<Role> {
    let endpoint = match argument(request, "aws_sts_endpoint", "AWS_STS_ENDPOINT")? {
        Some(endpoint) => {
            check_address("aws_sts_endpoint", &endpoint)?;
            endpoint.trim_end_matches('/').to_owned()
        }
        None => sts(region),
    };
    let external_id = argument(request, "aws_external_id", "AWS_EXTERNAL_ID")?.map(Cow::into_owned);
    let session = session.map_or_else(|| format!("edgequake-{:08x}", fixed_session()), str::to_owned);
    Ok(Role { arn: arn.to_owned(), session, external_id, endpoint, region: region.clone(), duration: None })
}

/// The same for all calls of a process, so that they share the role's keys.
fn fixed_session() -> u32 {
    std::process::id()
}

fn sts(region: &Region) -> String {
    format!("https://sts.{}.{}", region.name(), region.dns_suffix())
}

/// A token as the caller writes it: itself, or the name of its file.
fn web_token(text: &str) -> Result<WebToken> {
    if let Some(path) = text.strip_prefix("oidc/file/").or_else(|| text.strip_prefix("file://")) {
        return Ok(WebToken::File(path.to_owned()));
    }
    if text.starts_with("oidc/") {
        return Err(denied(
            "`aws_web_identity_token` takes a token or the path of its file; other places (oidc/…) are not read here",
        ));
    }
    // A token has three parts with dots between; a path has slashes.
    let is_path = text.contains('/') || std::path::Path::new(text).is_file();
    Ok(if is_path { WebToken::File(text.to_owned()) } else { WebToken::Text(Secret::new(text)) })
}

/// The source of the profile that the environment names, or of the default one. A name without a profile is a mistake: whatever the
/// machine has instead would be another identity. One without credentials is fine, and the search goes on.
fn of_profile(profiles: &Profiles, named: Option<&str>, region: &Region) -> Result<Option<Source>> {
    match named {
        Some(name) if profiles.get(name).is_none() => Err(denied(format!(
            "AWS_PROFILE names the profile {name:?}, which is in neither ~/.aws/credentials nor ~/.aws/config; correct it, or unset it"
        ))),
        name => from_profile(profiles, name.unwrap_or("default"), region, LONGEST_CHAIN),
    }
}

/// None where the profile is not there, or holds nothing of the kind.
fn from_profile(profiles: &Profiles, name: &str, region: &Region, left: usize) -> Result<Option<Source>> {
    let Some(section) = profiles.get(name) else { return Ok(None) };
    let get = |key: &str| section.get(key).map(String::as_str).filter(|value| !value.is_empty());
    let place = || format!("the profile {name:?}");
    if let Some(arn) = get("role_arn") {
        if left == 0 {
            return Err(denied(format!("the AWS profile {name:?} takes its role from a circle of profiles")));
        }
        let role = Role {
            arn: arn.to_owned(),
            session: get("role_session_name").map_or_else(|| format!("edgequake-{:08x}", fixed_session()), str::to_owned),
            external_id: get("external_id").map(str::to_owned),
            endpoint: sts(region),
            region: region.clone(),
            duration: get("duration_seconds").and_then(|seconds| seconds.parse().ok()),
        };
        if let Some(path) = get("web_identity_token_file") {
            return Ok(Some(Source::WebIdentity { token: WebToken::File(path.to_owned()), role }));
        }
        let base = match (get("source_profile"), get("credential_source")) {
            (Some(source), _) if source == name => own_keys(section, &place())?,
            (Some(source), _) => from_profile(profiles, source, region, left - 1)?,
            (None, Some("Ec2InstanceMetadata")) => Some(Source::Instance),
            (None, Some("EcsContainer")) => container()?,
            (None, Some("Environment")) => match (env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")) {
                (Some(id), Some(secret)) => {
                    Some(Source::Keys(Keys::new(&id, &secret, env("AWS_SESSION_TOKEN").as_deref(), "the environment")?))
                }
                _ => None,
            },
            _ => None,
        };
        let base = base
            .ok_or_else(|| denied(format!("the AWS profile {name:?} has a role_arn, and no credentials to take it on with")))?;
        return Ok(Some(Source::Role { base: Box::new(base), role }));
    }
    if let Some(source) = own_keys(section, &place())? {
        return Ok(Some(source));
    }
    if let Some(command) = get("credential_process") {
        return Ok(Some(Source::Process(command.to_owned())));
    }
    if get("sso_session").is_some() || get("sso_account_id").is_some() {
        return Err(denied(format!(
            "the AWS profile {name:?} signs in by SSO, which this library does not; run `aws configure export-credentials --profile {name} \
             --format env` and set what it prints"
        )));
    }
    Ok(None)
}

fn own_keys(section: &std::collections::HashMap<String, String>, place: &str) -> Result<Option<Source>> {
    let (Some(id), Some(secret)) = (section.get("aws_access_key_id"), section.get("aws_secret_access_key")) else {
        return Ok(None);
    };
    let session = section.get("aws_session_token").map(String::as_str);
    Ok(Some(Source::Keys(Keys::new(id, secret, session, place)?)))
}

/// Source: AWS's reference of the container credential provider.
fn container() -> Result<Option<Source>> {
    let url = match (env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"), env("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
        (Some(path), _) => format!("http://169.254.170.2/{}", path.trim_start_matches('/')),
        (None, Some(url)) => url,
        (None, None) => return Ok(None),
    };
    if !may_be_asked(&url) {
        return Err(denied(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI must begin with https:// or name this machine or its container service: the answer holds keys",
        ));
    }
    let authorization = match (env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"), env("AWS_CONTAINER_AUTHORIZATION_TOKEN")) {
        (Some(path), _) => Some(WebToken::File(path)),
        (None, Some(token)) => Some(WebToken::Text(Secret::new(token))),
        (None, None) => None,
    };
    Ok(Some(Source::Container { url, authorization }))
}

fn may_be_asked(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => true,
        ("http", Some(host)) => {
            let host = host.trim_matches(['[', ']']);
            let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
            loopback || matches!(host, "localhost" | "169.254.170.2" | "169.254.170.23" | "fd00:ec2::23")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Result<Source> {
        let request = Request::parse(text.as_bytes()).unwrap();
        let region = Region::of(&request, Some("us-east-1")).unwrap();
        Source::of(&request, &region)
    }

    #[test]
    fn what_the_call_names_comes_first() {
        let keys = r#""aws_access_key_id":"AKIDEXAMPLE","aws_secret_access_key":"s","aws_session_token":"t""#;
        let Source::Keys(found) = source(&format!("{{{keys}}}")).unwrap() else { panic!() };
        assert_eq!((found.id.as_str(), found.session.unwrap().expose()), ("AKIDEXAMPLE", "t"));
        let with_role = source(&format!(r#"{{{keys},"aws_role_name":"arn:aws:iam::1:role/r","aws_external_id":"e"}}"#)).unwrap();
        let Source::Role { base, role } = with_role else { panic!() };
        assert!(matches!(*base, Source::Keys(_)));
        assert_eq!((role.endpoint.as_str(), role.external_id.as_deref()), ("https://sts.us-east-1.amazonaws.com", Some("e")));
        let by_token =
            source(r#"{"aws_web_identity_token":"a.b.c","aws_role_name":"arn:aws:iam::1:role/r","aws_session_name":"s"}"#)
                .unwrap();
        assert!(matches!(by_token, Source::WebIdentity { token: WebToken::Text(_), .. }));
    }

    #[test]
    fn halves_are_refused_and_named() {
        let message = |text| source(text).unwrap_err().message.to_string();
        assert!(message(r#"{"aws_access_key_id":"A"}"#).contains("aws_secret_access_key"));
        assert!(message(r#"{"aws_web_identity_token":"a.b.c"}"#).contains("aws_role_name"));
        assert!(message(r#"{"aws_profile_name":"no such profile"}"#).contains("no such profile"));
    }

    #[test]
    fn a_profile_that_is_not_there_is_not_passed_over() {
        let region = Region::of(&Request::parse(b"{}").unwrap(), Some("us-east-1")).unwrap();
        let error = of_profile(&Profiles::default(), Some("typo"), &region).unwrap_err();
        assert!(error.message.contains("AWS_PROFILE") && error.message.contains("typo"), "{}", error.message);
        assert_eq!(of_profile(&Profiles::default(), None, &region).unwrap(), None);
    }

    #[test]
    fn keys_are_asked_of_no_strangers() {
        for (url, expected) in [
            ("https://any.example/x", true),
            ("http://127.0.0.1:9/x", true),
            ("http://[::1]/x", true),
            ("http://169.254.170.23/v1", true),
            ("http://evil.example/x", false),
            ("http://127.0.0.1.evil.example/", false),
            ("file:///x", false),
        ] {
            assert_eq!(may_be_asked(url), expected, "{url}");
        }
    }
}
