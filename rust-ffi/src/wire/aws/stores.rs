//! Credentials that a container, a machine or a program hands out. Sources: AWS's references of the container provider, of the instance
//! metadata service (version 2) and of `credential_process`.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncReadExt;

use super::chain::{nothing, WebToken};
use super::keys::Keys;
use super::{denied, env};
use crate::engine::error::{Error, Result};
use crate::wire::issuer::{read_answer, refused, too_long, unreached, MAX_ANSWER};

/// These services are near: what does not answer soon is not there.
const CONNECT: Duration = Duration::from_secs(1);
const TOTAL: Duration = Duration::from_secs(5);
/// Who answers, for errors.
const METADATA: &str = "the machine's metadata service";
const PROGRAM: &str = "the credential_process of the AWS profile";
/// As long as the metadata service allows.
const METADATA_TOKEN_SECONDS: &str = "21600";

/// A client of its own: these addresses are local, and a proxy must neither see the keys nor be asked for them.
fn near() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .build()
        .map_err(|e| denied(format!("no HTTP client for AWS's metadata: {e}")))
}

pub async fn container(url: &str, authorization: Option<&WebToken>) -> Result<(Keys, Duration)> {
    let mut request = near()?.get(url);
    if let Some(token) = authorization {
        request = request.header("authorization", token.read()?.expose());
    }
    let place = "the container's credential service";
    let response = request.send().await.map_err(|error| unreached(place, error))?;
    let status = response.status();
    if !status.is_success() {
        return Err(without_keys(status, place));
    }
    Keys::from_answer(&json(response, place).await?, place)
}

/// The answer, null where it is no JSON.
async fn json(response: reqwest::Response, place: &str) -> Result<Value> {
    Ok(serde_json::from_slice(&read_answer(response, place).await?).unwrap_or_default())
}

fn without_keys(status: reqwest::StatusCode, place: &str) -> Error {
    refused(status.as_u16(), format!("{place} answered with status {} and no credentials", status.as_u16()))
}

pub async fn instance() -> Result<(Keys, Duration)> {
    let base = env("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(|| "http://169.254.169.254".to_owned());
    instance_at(base.trim_end_matches('/')).await
}

async fn instance_at(base: &str) -> Result<(Keys, Duration)> {
    let client = near()?;
    // No machine of AWS's: then nothing else has credentials either.
    let token = client
        .put(format!("{base}/latest/api/token"))
        .header("x-aws-ec2-metadata-token-ttl-seconds", METADATA_TOKEN_SECONDS)
        .send()
        .await
        .and_then(reqwest::Response::error_for_status);
    let Ok(token) = token else { return Err(nothing()) };
    let token = read_answer(token, METADATA).await.map_err(|_| nothing())?;
    let token = String::from_utf8_lossy(&token).into_owned();
    let get = |path: String| {
        client.get(format!("{base}/latest/meta-data/iam/security-credentials/{path}")).header("x-aws-ec2-metadata-token", &token)
    };
    let no_role = || denied("this machine has no AWS role; attach one to it, or pass credentials");
    let answer = get(String::new()).send().await.map_err(|error| unreached(METADATA, error))?;
    let roles = match answer.status() {
        reqwest::StatusCode::NOT_FOUND => return Err(no_role()),
        status if !status.is_success() => return Err(without_keys(status, METADATA)),
        _ => read_answer(answer, METADATA).await?,
    };
    let roles = String::from_utf8_lossy(&roles);
    let name = roles.lines().next().map(str::trim).filter(|name| !name.is_empty()).ok_or_else(no_role)?;
    let answer = get(name.to_owned()).send().await.map_err(|error| unreached(METADATA, error))?;
    if !answer.status().is_success() {
        return Err(without_keys(answer.status(), METADATA));
    }
    Keys::from_answer(&json(answer, METADATA).await?, METADATA)
}

/// Runs a program. It ends with the call that waits for it: nobody else would read what it prints.
pub async fn process(command: &str) -> Result<(Keys, Duration)> {
    let words = words(command);
    let unstarted = || denied(format!("{PROGRAM} cannot be started"));
    let (program, arguments) = words.split_first().ok_or_else(unstarted)?;
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|_| unstarted())?;
    let mut printed = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let broken = |error: std::io::Error| denied(format!("what {PROGRAM} prints cannot be read ({})", error.kind()));
        stdout.take(MAX_ANSWER as u64 + 1).read_to_end(&mut printed).await.map_err(broken)?;
    }
    if printed.len() > MAX_ANSWER {
        return Err(too_long(PROGRAM));
    }
    let ended = child.wait().await.map_err(|error| denied(format!("{PROGRAM} did not end ({})", error.kind())))?;
    match serde_json::from_slice::<Value>(&printed) {
        Ok(value) if ended.success() => Keys::from_answer(&value, PROGRAM),
        _ => Err(denied(format!("{PROGRAM} failed ({ended}); run it by hand to see why"))),
    }
}

/// A command's words; quotes hold words together.
fn words(command: &str) -> Vec<String> {
    let (mut out, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => (quote, begun) = (Some(c), true),
            (None, c) if c.is_whitespace() => {
                if std::mem::take(&mut begun) {
                    out.push(std::mem::take(&mut word));
                }
            }
            (_, c) => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        out.push(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// A server that answers by path, and notes what it was asked.
    async fn server(answers: &'static [(&'static str, &'static str)]) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut text = String::new();
                while !text.contains("\r\n\r\n") {
                    let mut piece = [0; 4096];
                    let read = socket.read(&mut piece).await.unwrap();
                    text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
                }
                let line = text.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
                let (status, body) = match answers.iter().find(|(path, _)| *path == line) {
                    Some((_, body)) => ("200 OK", *body),
                    None => ("404 Not Found", ""),
                };
                let _ = sender.send(text);
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (address, receiver)
    }

    #[tokio::test]
    async fn a_machines_role_is_asked_for_with_a_token() {
        let (address, mut asked) = server(&[
            ("PUT /latest/api/token", "tok"),
            ("GET /latest/meta-data/iam/security-credentials/", "my-role\n"),
            (
                "GET /latest/meta-data/iam/security-credentials/my-role",
                r#"{"Code":"Success","AccessKeyId":"ASIA","SecretAccessKey":"s","Token":"t","Expiration":"2999-01-01T00:00:00Z"}"#,
            ),
        ])
        .await;
        let (keys, until) = instance_at(&address).await.unwrap();
        assert_eq!((keys.id.as_str(), keys.session.unwrap().expose()), ("ASIA", "t"));
        assert!(until > Duration::from_secs(1000));
        assert!(asked.recv().await.unwrap().to_lowercase().contains("x-aws-ec2-metadata-token-ttl-seconds: 21600"));
        assert!(asked.recv().await.unwrap().contains("x-aws-ec2-metadata-token: tok"));
    }

    #[tokio::test]
    async fn no_machine_of_awss_means_no_credentials_at_all() {
        let (address, _asked) = server(&[]).await;
        assert!(instance_at(&address).await.unwrap_err().message.contains("aws_access_key_id"));
        let (address, _asked) = server(&[("PUT /latest/api/token", "tok")]).await;
        assert!(instance_at(&address).await.unwrap_err().message.contains("no AWS role"));
    }

    #[tokio::test]
    async fn a_containers_service_is_asked_with_its_token() {
        let (address, mut asked) = server(&[("GET /v2", r#"{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t"}"#)]).await;
        let token = WebToken::Text(crate::engine::route::Secret::new("Basic x"));
        let (keys, _) = container(&format!("{address}/v2"), Some(&token)).await.unwrap();
        assert_eq!(keys.id, "A");
        assert!(asked.recv().await.unwrap().contains("authorization: Basic x"));
        let refused = container(&format!("{address}/other"), Some(&token)).await.unwrap_err();
        assert!(refused.message.contains("404") && !refused.message.contains("Basic x"), "{}", refused.message);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_programs_output_is_read() {
        let (keys, _) = process(r#"echo '{"Version":1,"AccessKeyId":"P","SecretAccessKey":"s"}'"#).await.unwrap();
        assert_eq!((keys.id.as_str(), keys.session.is_none()), ("P", true));
        assert!(process("false").await.unwrap_err().message.contains("credential_process"));
        assert!(process("no-such-program-at-all").await.is_err());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_program_ends_with_the_call_that_waits_for_it() {
        let folder = std::env::temp_dir().join(format!("edgequake-process-{:08x}", fastrand::u32(..)));
        std::fs::create_dir(&folder).unwrap();
        let late = folder.join("late");
        let command = format!("sh -c 'exec 3>{0}/started; sleep 0.4; echo late > {0}/late'", folder.display());
        // Cancelled once it runs.
        let started = async {
            while !folder.join("started").exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            _ = process(&command) => panic!("it prints nothing"),
            () = started => {}
        }
        tokio::time::sleep(Duration::from_millis(900)).await;
        assert!(!late.exists());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_program_that_never_stops_printing_is_stopped() {
        let error = process("yes").await.unwrap_err();
        assert!(error.message.contains("1 MiB") && error.message.contains("credential_process"), "{}", error.message);
    }

    #[tokio::test]
    async fn a_service_that_answers_without_end_is_not_read_to_its_end() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n[").await;
            while socket.write_all(&[b'1'; 65_536]).await.is_ok() {}
        });
        let error = container(&url, None).await.unwrap_err();
        assert!(error.message.contains("1 MiB") && error.message.contains("credential service"), "{}", error.message);
    }

    #[test]
    fn quotes_hold_words_together() {
        assert_eq!(words(r#"/opt/a "b c"  --d='e f' """#), ["/opt/a", "b c", "--d=e f", ""]);
    }
}
