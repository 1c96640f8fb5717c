//! Roles, taken on at AWS's Security Token Service. Source: the API reference of AssumeRole and AssumeRoleWithWebIdentity.

use std::time::{Duration, SystemTime};

use percent_encoding::utf8_percent_encode;

use super::chain::{Role, WebToken};
use super::clock::CLOCKS;
use super::denied;
use super::keys::{lifetime, Keys};
use super::sign;
use crate::engine::error::{Error, Result};
use crate::engine::limits::MAX_ERROR_BODY;
use crate::engine::transport::head;
use crate::wire::http::UNRESERVED;
use crate::wire::issuer::{read_answer, refused, unreached};

/// Who answers, for errors.
const SERVICE: &str = "AWS's token service";

/// Takes the role on with another's keys.
pub async fn assume(role: &Role, keys: &Keys, http: &reqwest::Client) -> Result<(Keys, Duration)> {
    let mut form = form("AssumeRole", role);
    if let Some(id) = &role.external_id {
        add(&mut form, "ExternalId", id);
    }
    let headers = [("content-type", FORM)];
    let url = format!("{}/", role.endpoint);
    let region = role.region.name();
    let sign = || sign::sign("POST", &url, &headers, form.as_bytes(), keys, region, "sts", CLOCKS.now(&url));
    match ask(role, http, &form, sign()?).await {
        // This machine's clock was wrong, and the refusal has told how much.
        Err(error) if of_the_time(&error) && CLOCKS.learn(&url, date(&error), SystemTime::now()) => {
            ask(role, http, &form, sign()?).await
        }
        asked => asked,
    }
}

/// Takes the role on with a token: the request itself is not signed.
pub async fn with_token(role: &Role, token: &WebToken, http: &reqwest::Client) -> Result<(Keys, Duration)> {
    let mut form = form("AssumeRoleWithWebIdentity", role);
    add(&mut form, "WebIdentityToken", token.read()?.expose());
    ask(role, http, &form, Vec::new()).await
}

fn of_the_time(error: &Error) -> bool {
    error.code.as_deref().is_some_and(|code| sign::OF_THE_TIME.iter().any(|start| code.starts_with(start)))
}

fn date(error: &Error) -> Option<&str> {
    error.headers.iter().find(|(name, _)| name == "date").map(|(_, value)| value.as_str())
}

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

fn form(action: &str, role: &Role) -> String {
    let mut form = format!("Action={action}&Version=2011-06-15");
    add(&mut form, "RoleArn", &role.arn);
    add(&mut form, "RoleSessionName", &role.session);
    if let Some(seconds) = role.duration {
        add(&mut form, "DurationSeconds", &seconds.to_string());
    }
    form
}

fn add(form: &mut String, name: &str, value: &str) {
    form.push('&');
    form.push_str(name);
    form.push('=');
    form.extend(utf8_percent_encode(value, UNRESERVED));
}

async fn ask(role: &Role, http: &reqwest::Client, form: &str, headers: Vec<(String, String)>) -> Result<(Keys, Duration)> {
    let mut request = http.post(format!("{}/", role.endpoint)).header("content-type", FORM).body(form.to_owned());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = request.send().await.map_err(|error| unreached(SERVICE, error))?;
    let head = head(&response);
    let body = read_answer(response, SERVICE).await?;
    let text = String::from_utf8_lossy(&body);
    if !(200..300).contains(&head.status) {
        let mut error = refusal(role, head.status, &text);
        error.headers = head.headers;
        return Err(error);
    }
    read(&text).ok_or_else(|| denied(format!("{SERVICE} answered without credentials")))
}

fn read(xml: &str) -> Option<(Keys, Duration)> {
    let keys = Keys::new(element(xml, "AccessKeyId")?, element(xml, "SecretAccessKey")?, element(xml, "SessionToken"), SERVICE);
    let until = element(xml, "Expiration").and_then(|text| lifetime(text, SystemTime::now()));
    Some((keys.ok()?, until.unwrap_or(Duration::from_secs(900))))
}

fn refusal(role: &Role, status: u16, text: &str) -> Error {
    let code = element(text, "Code").unwrap_or("an error without a code");
    let message: String = element(text, "Message").unwrap_or_default().chars().take(500).collect();
    // The service's own words for a caller that asks too often, or for a failure behind it, come with a 400. Source: AWS's lists of common
    // errors, and of those of AssumeRoleWithWebIdentity.
    let (kind_of, passes) = match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "SlowDown" => (429, true),
        "IDPCommunicationError" | "ServiceUnavailable" | "InternalFailure" => (503, true),
        _ => (status, false),
    };
    let mut error = refused(kind_of, format!("the AWS role {} cannot be taken on: {code}: {message}", role.arn));
    error.http_status = Some(status);
    error.should_retry = passes.then_some(true);
    error.code = Some(code.to_owned());
    error.body = Some(text.chars().take(MAX_ERROR_BODY / 4).collect());
    error
}

/// The text of the first element of that name: these answers are flat, and none of their values has anything to unescape.
fn element<'x>(xml: &'x str, name: &str) -> Option<&'x str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::ErrorKind;

    fn role() -> Role {
        let region =
            super::super::Region::of(&crate::engine::request::Request::parse(b"{}").unwrap(), Some("us-east-1")).unwrap();
        Role {
            arn: "arn:aws:iam::1:role/r".into(),
            session: "s".into(),
            external_id: None,
            endpoint: "https://sts.us-east-1.amazonaws.com".into(),
            region,
            duration: None,
        }
    }

    #[test]
    fn what_passes_is_no_failure_of_the_credentials() {
        let of =
            |status, code: &str| refusal(&role(), status, &format!("<Error><Code>{code}</Code><Message>m</Message></Error>"));
        for (status, code, kind, again) in [
            (403, "AccessDenied", ErrorKind::Authentication, false),
            (400, "InvalidIdentityToken", ErrorKind::Authentication, false),
            (400, "Throttling", ErrorKind::RateLimit, true),
            (400, "IDPCommunicationError", ErrorKind::ServiceUnavailable, true),
            (429, "x", ErrorKind::RateLimit, true),
            (500, "InternalFailure", ErrorKind::ServiceUnavailable, true),
            (503, "x", ErrorKind::ServiceUnavailable, true),
        ] {
            let error = of(status, code);
            assert_eq!((error.kind, crate::engine::retry::is_retryable(&error)), (kind, again), "{status} {code}");
            assert!(error.message.contains("role/r") && error.http_status == Some(status), "{}", error.message);
        }
    }

    #[test]
    fn an_answer_of_the_token_service_is_read() {
        let (keys, until) = read(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s+/=</SecretAccessKey>\
             <SessionToken>t//=</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
        )
        .unwrap();
        assert_eq!((keys.id.as_str(), keys.secret.expose(), keys.session.unwrap().expose()), ("ASIA1", "s+/=", "t//="));
        assert!(until > Duration::from_secs(3600));
        assert!(read("<x/>").is_none());
    }
}
