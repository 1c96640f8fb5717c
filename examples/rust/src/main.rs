//! What every example of a language shows, in the words of ../transcript.txt. Usage: edgequake-example ADDRESS KEY

mod edgequake;

use std::env;
use std::process::ExitCode;

use edgequake::{Client, Error, ErrorKind, Library};
use serde_json::{json, Value};

fn request(prompt: &str) -> Value {
    let [address, key] = [1, 2].map(|at| env::args().nth(at).unwrap_or_default());
    json!({
        "model": "openai/gpt-4o-mini",
        "api_base": address,
        "api_key": key,
        "num_retries": 0,
        "messages": [{"role": "user", "content": prompt}],
    })
}

fn with(mut request: Value, name: &str, value: impl Into<Value>) -> Value {
    request[name] = value.into();
    request
}

fn without_messages(mut request: Value) -> Value {
    request.as_object_mut().map(|members| members.remove("messages"));
    request
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn completion(client: &Client) -> Result<(), Error> {
    println!("completion");
    let answer = client.completion(&request("Name the capital of France."))?;
    let (choice, usage) = (&answer["choices"][0], &answer["usage"]);
    println!("  answer: {}", text(&choice["message"]["content"]));
    println!("  finish reason: {}", text(&choice["finish_reason"]));
    println!("  tokens: {} + {}", usage["prompt_tokens"], usage["completion_tokens"]);
    Ok(())
}

fn stream(client: &Client) -> Result<(), Error> {
    println!("stream");
    let (mut whole, mut pieces, mut reason) = (String::new(), 0, String::new());
    for event in client.stream(&request("Describe the sea."), 0)? {
        let event = event?;
        whole += event.text();
        pieces += usize::from(!event.text().is_empty());
        if let edgequake::Event::Chunk { chunk, .. } = &event {
            if let Some(given) = chunk["choices"][0]["finish_reason"].as_str() {
                reason = given.to_owned();
            }
        }
    }
    println!("  text: {whole}\n  pieces: {pieces}\n  finish reason: {reason}");
    Ok(())
}

/// A queue of 64 KiB. While nobody reads it the library reads nothing from the server, which so has to wait.
fn backpressure(client: &Client) -> Result<(), Error> {
    println!("backpressure");
    let (mut pieces, mut bytes) = (0, 0);
    for event in client.stream(&request("Recite the encyclopedia."), 65536)? {
        let event = event?;
        bytes += event.text().len();
        pieces += usize::from(!event.text().is_empty());
        if !event.text().is_empty() && pieces == 1 {
            println!("  one piece read; the reader turns to something else");
            let answer = client.completion(&request("What does the encyclopedia do?"))?;
            println!("  meanwhile: {}", text(&answer["choices"][0]["message"]["content"]));
        }
    }
    println!("  pieces: {pieces}\n  bytes: {bytes}");
    Ok(())
}

fn cancel(client: &Client) -> Result<(), Error> {
    println!("cancel");
    let stream = client.stream(&request("Count to a million."), 0)?;
    let canceller = stream.canceller();
    let mut cancelled = false;
    for event in stream {
        match event {
            Ok(event) if !event.text().is_empty() && !cancelled => {
                println!("  first piece: {}", event.text());
                canceller.cancel();
                cancelled = true;
            }
            Ok(_) => {}
            Err(Error::Failure(failure)) if failure.kind == ErrorKind::Cancelled => println!("  cancelled: yes"),
            Err(error) => println!("  cancelled: {error}"),
        }
    }
    Ok(())
}

fn show(client: &Client, name: &str, wrong: &Value, expected: ErrorKind) -> Result<(), Error> {
    let failure = match client.completion(wrong) {
        Ok(_) => {
            println!("  {name}: no error");
            return Ok(());
        }
        Err(Error::Failure(failure)) => failure,
        Err(other) => return Err(other),
    };
    println!("  {name}: {}, HTTP status {}", failure.name, failure.http_status.unwrap_or(0));
    if failure.kind != expected {
        println!("    unexpected: {:?}", failure.kind);
    }
    if failure.http_status.is_some() {
        println!("    message: {}", failure.message);
    }
    if let Some(wait) = failure.retry_after {
        println!("    retry after: {} ms", wait.as_millis());
    }
    Ok(())
}

fn errors(client: &Client) -> Result<(), Error> {
    println!("errors");
    // Refused by the library itself, before anything is sent.
    show(client, "no messages", &without_messages(request("")), ErrorKind::BadRequest)?;
    let refused = with(request("Let me in."), "api_key", "a-key-that-is-refused");
    show(client, "refused key", &refused, ErrorKind::Authentication)?;
    show(client, "too many", &request("Hurry."), ErrorKind::RateLimit)
}

fn embedding(client: &Client) -> Result<(), Error> {
    println!("embedding");
    let asked = with(without_messages(request("")), "model", "openai/text-embedding-3-small");
    let answer = client.embedding(&with(asked, "input", vec!["the sea", "a lake"]))?;
    for item in answer["data"].as_array().into_iter().flatten() {
        let numbers = item["embedding"].as_array().into_iter().flatten().filter_map(Value::as_f64);
        let numbers: Vec<String> = numbers.map(|number| format!("{number:.3}")).collect();
        println!("  {}: {}", item["index"], numbers.join(" "));
    }
    println!("  tokens: {}", answer["usage"]["total_tokens"]);
    Ok(())
}

fn run() -> Result<(), Error> {
    let client = Library::open(None)?.client()?;
    completion(&client)?;
    stream(&client)?;
    backpressure(&client)?;
    cancel(&client)?;
    errors(&client)?;
    embedding(&client)
}

fn main() -> ExitCode {
    if env::args().len() != 3 {
        eprintln!("usage: edgequake-example ADDRESS KEY");
        return ExitCode::from(2);
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
