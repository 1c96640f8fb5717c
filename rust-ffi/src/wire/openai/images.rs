//! Images: made of a text, or of images and a text.
//!
//! Source: OpenAI's API reference ("Images").

use bytes::Bytes;

use super::answer::Reader;
use super::form;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{Fields, Request};
use crate::wire::body::{Body, Json};
use crate::wire::chat::now;
use crate::wire::file;
use crate::wire::multipart::Form;
use crate::wire::params::sort::{self, Known, Rules};
use crate::wire::providers::{Protocol, Provider, Quirk};
use crate::wire::Operation;

/// litellm's parameters that some families of models lack.
const CHECKED: &[&str] = &["n", "quality", "response_format", "size", "style", "user"];

/// What a family of OpenAI's models knows of them. `family` is the model's name, or the one that stands behind a deployment's.
fn supported(family: &str) -> &'static [&'static str] {
    let name: String = family.chars().filter(|c| !matches!(c, '-' | '_')).collect::<String>().to_ascii_lowercase();
    if name.contains("dalle2") {
        &["n", "response_format", "quality", "size", "user"]
    } else if name.contains("dalle3") {
        &["n", "response_format", "quality", "size", "user", "style"]
    } else {
        &["n", "quality", "size", "user"]
    }
}

fn body<'r>(
    row: &Provider,
    model: &str,
    family: &str,
    request: &'r Request<'_>,
    rules: &Rules<'_>,
    operation: Operation,
) -> Result<Body<'r>> {
    // Other servers have models of their own, which they know better.
    let own = row.has(Quirk::OpenAiFamilies) && operation == Operation::ImageGeneration;
    let known = Known { supported: if own { supported(family) } else { CHECKED }, checked: CHECKED, ..Known::default() };
    let mut body = sort::plain(row, model, request, rules, &known)?;
    sort::finish(&mut body, row, operation, request, rules)?;
    Ok(body)
}

/// The body of a request for new images. `deployed`: the address says which model it is.
pub fn generation<'r>(
    row: &Provider,
    model: &str,
    family: &str,
    request: &'r Request<'_>,
    rules: &Rules<'_>,
    deployed: bool,
) -> Result<Body<'r>> {
    if !request.has("prompt") {
        return Err(Error::bad_request("`prompt` is missing; say what the image shall show"));
    }
    let mut body = body(row, model, family, request, rules, Operation::ImageGeneration)?;
    if deployed && row.protocol == Protocol::Azure {
        body.remove("model");
    }
    Ok(body)
}

/// The form of a request to change images.
pub fn edit(row: &Provider, model: &str, family: &str, request: &Request<'_>, rules: &Rules<'_>) -> Result<(String, Vec<u8>)> {
    let images = file::list(request, "image")?;
    if images.is_empty() {
        return Err(Error::bad_request("`image` is missing; give the image that shall be changed, or a list of them"));
    }
    let mask = file::one(request, "mask")?;
    let single = family.contains("dall-e-2");
    if single && images.len() > 1 {
        return Err(Error::bad_request(format!("{family} changes one image at a time; give one, or another model")));
    }
    let mut body = body(row, model, family, request, rules, Operation::ImageEdit)?;
    body.remove("image");
    body.remove("mask");
    let size = images.iter().chain(&mask).map(|file| file.bytes.len()).sum();
    let mut out = Form::new(size);
    form::write(&mut out, &body)?;
    for image in &images {
        out.file(if single { "image" } else { "image[]" }, &image.filename, &image.content_type, image.bytes);
    }
    if let Some(mask) = &mask {
        out.file("mask", &mask.filename, &mask.content_type, mask.bytes);
    }
    Ok(out.finish())
}

impl Reader<'_> {
    /// `{"created", "data": [{"url"} or {"b64_json"}, …], "usage"?}`, byte for byte where it has these.
    pub fn images(&self, body: Bytes) -> Result<Vec<u8>> {
        let (_, top) = self.top(&body)?;
        if top.get("data").and_then(|raw| json::read::<Vec<Fields<'_>>>(raw)).is_none() {
            return Err(self.origin.incomplete(&body, "the answer has no list of images in `data`"));
        }
        if top.get("created").and_then(|raw| json::read::<u64>(raw)).is_some() {
            return Ok(body.into());
        }
        let mut out = Body::default();
        out.set("created", Json::Own(now().to_string()));
        for (name, raw) in top.iter().filter(|(name, _)| *name != "created") {
            out.set(name.as_str(), Json::Raw(raw));
        }
        Ok(out.write())
    }
}
