//! Roles, taken on at AWS's Security Token Service. Source: the API reference of AssumeRole and AssumeRoleWithWebIdentity.

use std::time::{Duration, SystemTime};

use percent_encoding::utf8_percent_encode;

use super::chain::{Role, WebToken};
use super::denied;
use super::keys::{lifetime, Keys};
use super::sign;
use crate::engine::error::{Error, Result};
use crate::engine::limits::MAX_ERROR_BODY;
use crate::wire::http::UNRESERVED;

/// Takes the role on with another's keys.
pub async fn assume(role: &Role, keys: &Keys, http: &reqwest::Client) -> Result<(Keys, Duration)> {
    let mut form = form("AssumeRole", role);
    if let Some(id) = &role.external_id {
        add(&mut form, "ExternalId", id);
    }
    let headers = [("content-type", FORM)];
    let url = format!("{}/", role.endpoint);
    let signed = sign::sign("POST", &url, &headers, form.as_bytes(), keys, role.region.name(), "sts", sign::now())?;
    ask(role, http, form, signed).await
}

/// Takes the role on with a token: the request itself is not signed.
pub async fn with_token(role: &Role, token: &WebToken, http: &reqwest::Client) -> Result<(Keys, Duration)> {
    let mut form = form("AssumeRoleWithWebIdentity", role);
    add(&mut form, "WebIdentityToken", token.read()?.expose());
    ask(role, http, form, Vec::new()).await
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

async fn ask(role: &Role, http: &reqwest::Client, form: String, headers: Vec<(String, String)>) -> Result<(Keys, Duration)> {
    let unreachable = |e: reqwest::Error| crate::engine::transport::connection_error(&e);
    let mut request = http.post(format!("{}/", role.endpoint)).header("content-type", FORM).body(form);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    let text = response.text().await.map_err(unreachable)?;
    if !status.is_success() {
        return Err(refusal(role, status.as_u16(), &text));
    }
    read(&text).ok_or_else(|| denied("AWS's token service answered without credentials"))
}

fn read(xml: &str) -> Option<(Keys, Duration)> {
    let keys = Keys::new(
        element(xml, "AccessKeyId")?,
        element(xml, "SecretAccessKey")?,
        element(xml, "SessionToken"),
        "AWS's token service",
    );
    let until = element(xml, "Expiration").and_then(|text| lifetime(text, SystemTime::now()));
    Some((keys.ok()?, until.unwrap_or(Duration::from_secs(900))))
}

fn refusal(role: &Role, status: u16, text: &str) -> Error {
    let code = element(text, "Code").unwrap_or("an error without a code");
    let message: String = element(text, "Message").unwrap_or_default().chars().take(500).collect();
    let mut error = denied(format!("the AWS role {} cannot be taken on: {code}: {message}", role.arn));
    error.http_status = Some(status);
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
