//! Embeddings: the models' own requests and answers, by InvokeModel.
//!
//! Source: AWS's references of the inference parameters of Amazon Titan's and Cohere's embedding models. Titan's models take one input at a
//! time, so that a list of inputs is as many requests.

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{json, Value};

use super::models::base;
use super::refusal;
use crate::engine::error::{Error, Result};
use crate::engine::json;
use crate::engine::request::{wrong_type, Fields, Request};
use crate::wire::body::{Body, Json};
use crate::wire::chat::usage::{sum, Usage};
use crate::wire::cohere;
use crate::wire::errors::Origin;
use crate::wire::params::sort::{self, Known, Rules};
use crate::wire::providers::Provider;
use crate::wire::{Decode, Head, Operation};

/// Where AWS tells how many tokens went in, whatever the model answers.
const COUNT: &str = "x-amzn-bedrock-input-token-count";

/// Models by what they are asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    TitanV1,
    TitanV2,
    /// Texts and images.
    TitanImage,
    Cohere,
}

impl Family {
    fn of(model: &str) -> Option<Family> {
        let model = base(model);
        Some(match model {
            _ if model.starts_with("amazon.titan-embed-text-v1") || model.starts_with("amazon.titan-embed-g1-text") => {
                Family::TitanV1
            }
            _ if model.starts_with("amazon.titan-embed-text-v2") => Family::TitanV2,
            _ if model.starts_with("amazon.titan-embed-image") => Family::TitanImage,
            _ if model.starts_with("cohere.embed") => Family::Cohere,
            _ => return None,
        })
    }

    fn supported(self) -> &'static [&'static str] {
        match self {
            Family::TitanV1 => &[],
            Family::TitanV2 => &["dimensions", "encoding_format"],
            Family::TitanImage => &["dimensions"],
            Family::Cohere => &["encoding_format", "dimensions"],
        }
    }

    /// Refuses pictures where they would be read as words: the letters of their base64 have a vector, too, and it says nothing.
    fn check(self, inputs: &[String]) -> Result<()> {
        match self {
            Family::TitanV1 | Family::TitanV2 => match inputs.iter().position(|input| is_image(input)) {
                Some(at) => Err(Error::bad_request(format!(
                    "input[{at}] is an image, and the model takes texts only; on Bedrock amazon.titan-embed-image-v1 and Cohere's \
                     cohere.embed models take images"
                ))),
                None => Ok(()),
            },
            Family::Cohere => cohere::check_kinds(inputs.iter().map(|input| is_image(input))).map(drop),
            Family::TitanImage => Ok(()),
        }
    }
}

/// The names that litellm's `get_supported_openai_params` shows.
pub fn supported(model: &str) -> Vec<&'static str> {
    Family::of(model).map_or_else(Vec::new, |family| family.supported().to_vec())
}

/// Bodies of one or more requests, and the reader of what comes back.
pub fn prepare(
    row: &'static Provider,
    model: &str,
    shown: &str,
    origin: Origin,
    request: &Request<'_>,
) -> Result<(Vec<Bytes>, Decoder)> {
    let Some(family) = Family::of(model) else {
        return Err(Error::bad_request(format!(
            "{model:?} is no embedding model that this library knows on Bedrock; it knows amazon.titan-embed-text-v1, \
             amazon.titan-embed-text-v2:0, amazon.titan-embed-image-v1 and Cohere's cohere.embed models"
        )));
    };
    let rules = Rules::of(request)?;
    let known = Known {
        checked: &["dimensions", "encoding_format"],
        supported: family.supported(),
        unsent: &["user", "model_id", "input"],
        ..Known::default()
    };
    let mut given = sort::plain(row, model, request, &rules, &known)?;
    given.remove("model");
    let raw = request.raw("input").ok_or_else(|| Error::bad_request("`input` is missing; give a text or a list of texts"))?;
    let inputs = inputs(raw)?;
    family.check(&inputs)?;
    let images = inputs.iter().filter(|input| is_image(input)).count();
    let format = given.remove("encoding_format").map(|format| types(&format));
    let dimensions = given.remove("dimensions");
    let mut bodies = Vec::new();
    if family == Family::Cohere {
        let all = images == inputs.len() && images > 0;
        let mut body = Body::default();
        body.set(if all { "images" } else { "texts" }, json!(inputs).into());
        body.set("input_type", Value::from(if all { "image" } else { "search_document" }).into());
        set_all(&mut body, [("embedding_types", format), ("output_dimension", dimensions)], given);
        bodies.push(body);
    } else {
        for input in &inputs {
            let mut body = Body::default();
            match input.split_once(";base64,").filter(|_| family == Family::TitanImage && is_image(input)) {
                Some((_, data)) => body.set("inputImage", Value::from(data).into()),
                None => body.set("inputText", Value::from(input.as_str()).into()),
            }
            let length = |length: Json<'_>| Json::Own(format!("{{\"outputEmbeddingLength\":{}}}", length.text()));
            let own = match family {
                Family::TitanImage => ("embeddingConfig", dimensions.clone().map(length)),
                _ => ("dimensions", dimensions.clone()),
            };
            set_all(&mut body, [own, ("embeddingTypes", format.clone())], given.clone());
            bodies.push(body);
        }
    }
    let mut written = Vec::with_capacity(bodies.len());
    for mut body in bodies {
        sort::finish(&mut body, row, Operation::Embedding, request, &rules)?;
        written.push(body.write().into());
    }
    Ok((written, Decoder { origin, family, shown: shown.to_owned(), images }))
}

fn set_all<'r>(body: &mut Body<'r>, own: [(&'static str, Option<Json<'r>>); 2], given: Body<'r>) {
    for (name, value) in own {
        if let Some(value) = value {
            body.set(name, value);
        }
    }
    for (name, value) in given {
        body.set(name, value);
    }
}

/// The types of vectors that a format stands for. Base64 is a way to write numbers, which Bedrock has not: they come as they are.
fn types<'r>(format: &Json<'r>) -> Json<'r> {
    let list = match format.read::<Value>() {
        Some(Value::Array(list)) => list,
        other => other.into_iter().collect(),
    };
    let plain = |kind: Value| if kind == "base64" { Value::from("float") } else { kind };
    Value::Array(list.into_iter().map(plain).collect()).into()
}

/// The inputs as texts. Bedrock takes no tokens.
fn inputs(raw: &RawValue) -> Result<Vec<String>> {
    let list: Vec<&RawValue> = match raw.get().starts_with('"') {
        true => vec![raw],
        false => json::read(raw).ok_or_else(|| wrong_type("input", "a text or a list of texts", raw))?,
    };
    if list.is_empty() {
        return Err(Error::bad_request("`input` is empty; give a text or a list of texts"));
    }
    let text = |(at, raw): (usize, &&RawValue)| json::text(raw).ok_or_else(|| wrong_type(&format!("input[{at}]"), "a text", raw));
    list.iter().enumerate().map(text).collect()
}

fn is_image(input: &str) -> bool {
    input.starts_with("data:image/") && input.contains(";base64,")
}

pub struct Decoder {
    origin: Origin,
    family: Family,
    shown: String,
    images: usize,
}

impl Decoder {
    /// The vectors of Titan's answers, with their own digits.
    fn titan(&self, status: u16, body: &[u8]) -> Result<Vec<u8>> {
        let text = self.origin.text(status, body)?;
        let list = if text.trim_start().starts_with('[') { text.to_owned() } else { format!("[{text}]") };
        let answers: Vec<Fields<'_>> =
            serde_json::from_str(&list).map_err(|_| self.origin.unreadable(status, body, "the answer is not a JSON object"))?;
        let mut data = String::with_capacity(body.len());
        let mut counts = Vec::with_capacity(answers.len());
        for (index, answer) in answers.iter().enumerate() {
            let by_type = answer.get("embeddingsByType").and_then(|raw| json::read::<Fields<'_>>(raw)).unwrap_or_default();
            // What was asked for by its type, then the numbers.
            let vector = by_type.get("binary").or_else(|| by_type.get("float")).or_else(|| answer.get("embedding"));
            let vector = vector.filter(|raw| raw.get().starts_with('['));
            let vector = vector.ok_or_else(|| self.origin.incomplete(body, "the answer has no vector in `embedding`"))?;
            let comma = if index > 0 { "," } else { "" };
            data.push_str(&format!("{comma}{{\"object\":\"embedding\",\"index\":{index},\"embedding\":{}}}", vector.get()));
            let count = answer.get("inputTextTokenCount").and_then(|raw| json::integer(raw));
            counts.push(count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0));
        }
        let mut usage = Usage { prompt: sum(counts), ..Usage::default() };
        if self.family == Family::TitanImage && self.images > 0 {
            usage.prompt_details.insert("image_count".to_owned(), self.images.into());
        }
        let (model, usage) = (Value::from(self.shown.as_str()), usage.to_value());
        Ok(format!("{{\"object\":\"list\",\"model\":{model},\"data\":[{data}],\"usage\":{usage}}}").into_bytes())
    }
}

impl Decode for Decoder {
    fn answer(&self, head: &Head, body: Bytes) -> Result<Vec<u8>> {
        if self.family == Family::Cohere {
            let counted = head.header(COUNT).and_then(|count| count.parse().ok());
            return cohere::vectors(&self.origin, head.status, &body, counted);
        }
        self.titan(head.status, &body)
    }

    fn error(&self, head: &Head, body: &[u8]) -> Error {
        refusal(&self.origin, head, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::ErrorKind;
    use crate::wire::providers::find;

    fn prepared(model: &str, arguments: Value) -> Result<(Vec<Value>, Decoder)> {
        let row = find("bedrock").unwrap();
        let text = arguments.to_string();
        let origin = Origin::new(row, Operation::Embedding, model, None);
        let (bodies, decoder) = prepare(row, model, model, origin, &Request::parse(text.as_bytes()).unwrap())?;
        Ok((bodies.iter().map(|body| serde_json::from_slice(body).unwrap()).collect(), decoder))
    }

    fn sent(model: &str, arguments: Value) -> Vec<Value> {
        prepared(model, arguments).unwrap().0
    }

    fn answer(model: &str, body: &str) -> Result<Value> {
        let input = if model.contains("image") { json!(["a", "data:image/png;base64,AA=="]) } else { json!("a") };
        let decoder = prepared(model, json!({ "input": input })).unwrap().1;
        let head = Head { status: 200, headers: vec![(COUNT.to_owned(), "7".to_owned())] };
        Ok(serde_json::from_slice(&decoder.answer(&head, body.to_owned().into())?).unwrap())
    }

    #[test]
    fn titan_takes_one_input_at_a_time() {
        let given = json!({"input": ["a", "b"], "dimensions": 256, "normalize": true, "encoding_format": "float", "user": "u"});
        let own = |text: &str| json!({"inputText": text, "dimensions": 256, "embeddingTypes": ["float"], "normalize": true});
        assert_eq!(sent("amazon.titan-embed-text-v2:0", given), [own("a"), own("b")]);
        assert_eq!(sent("amazon.titan-embed-text-v1", json!({"input": "a"})), [json!({"inputText": "a"})]);
        let images = json!({"input": ["a", "data:image/png;base64,AA=="], "dimensions": 256});
        let config = json!({"outputEmbeddingLength": 256});
        assert_eq!(
            sent("amazon.titan-embed-image-v1", images),
            [json!({"inputText": "a", "embeddingConfig": config}), json!({"inputImage": "AA==", "embeddingConfig": config})]
        );
    }

    #[test]
    fn cohere_takes_all_inputs_at_once() {
        let given = json!({"input": ["a", "b"], "input_type": "search_query", "encoding_format": "base64", "dimensions": 512});
        assert_eq!(
            sent("us.cohere.embed-v4:0", given),
            [json!({"texts": ["a", "b"], "input_type": "search_query", "embedding_types": ["float"], "output_dimension": 512})]
        );
        let image = "data:image/png;base64,AA==";
        assert_eq!(sent("cohere.embed-english-v3", json!({"input": image})), [json!({"images": [image], "input_type": "image"})]);
    }

    #[test]
    fn what_a_model_does_not_take_is_refused() {
        let kind = |model, arguments| prepared(model, arguments).err().unwrap().kind;
        assert_eq!(kind("amazon.titan-embed-text-v1", json!({"input": "a", "dimensions": 5})), ErrorKind::UnsupportedParams);
        for input in [json!([1, 2]), json!([]), json!(5), Value::Null] {
            assert_eq!(kind("amazon.titan-embed-text-v2:0", json!({"input": input})), ErrorKind::BadRequest);
        }
        assert_eq!(kind("amazon.nova-pro-v1:0", json!({"input": "a"})), ErrorKind::BadRequest);
        assert_eq!(supported("amazon.titan-embed-text-v2:0"), ["dimensions", "encoding_format"]);
    }

    #[test]
    fn a_picture_is_not_read_as_words() {
        let (text, image) = ("a", "data:image/png;base64,AA==");
        let told = |model, input| {
            let error = prepared(model, json!({ "input": input })).err().unwrap();
            assert_eq!(error.kind, ErrorKind::BadRequest);
            error.message.clone()
        };
        for model in ["amazon.titan-embed-text-v1", "amazon.titan-embed-text-v2:0"] {
            let message = told(model, json!([text, image]));
            assert!(message.contains("input[1]") && message.contains("titan-embed-image"), "{message}");
            assert!(told(model, json!(image)).contains("input[0]"));
        }
        for (input, place) in [(json!([text, text, image]), "input[2]"), (json!([image, image, text]), "input[0]")] {
            let message = told("cohere.embed-english-v3", input);
            assert!(message.contains(place) && message.contains("calls of their own"), "{message}");
        }
        assert_eq!(sent("cohere.embed-english-v3", json!({"input": [image, image]}))[0]["images"], json!([image, image]));
    }

    #[test]
    fn vectors_keep_their_digits_and_counts_are_added_up() {
        let two =
            r#"[{"embedding":[0.10,1e-7],"inputTextTokenCount":2},{"embeddingsByType":{"float":[2]},"inputTextTokenCount":3}]"#;
        let whole = answer("amazon.titan-embed-image-v1", two).unwrap();
        assert_eq!((&whole["data"][1]["embedding"], &whole["data"][1]["index"]), (&json!([2]), &json!(1)));
        assert_eq!(whole["model"], "amazon.titan-embed-image-v1");
        assert_eq!(
            (&whole["usage"]["prompt_tokens"], &whole["usage"]["prompt_tokens_details"]["image_count"]),
            (&json!(5), &json!(1))
        );
        let decoder = prepared("amazon.titan-embed-text-v1", json!({"input": "a"})).unwrap().1;
        let one = decoder.titan(200, br#"{"embedding":[0.10,1e-7],"inputTextTokenCount":2}"#).unwrap();
        assert!(String::from_utf8_lossy(&one).contains("\"embedding\":[0.10,1e-7]"));
        let cohere =
            answer("cohere.embed-english-v3", r#"{"embeddings":[[0.5],[1]],"id":"x","response_type":"embeddings_floats"}"#)
                .unwrap();
        assert_eq!((&cohere["data"][1]["embedding"], &cohere["usage"]["prompt_tokens"]), (&json!([1]), &json!(7)));
        for bad in ["", "<html>", "{}", "[1]", r#"{"embedding":"x"}"#] {
            assert!(answer("amazon.titan-embed-text-v1", bad).is_err(), "{bad}");
        }
    }
}
