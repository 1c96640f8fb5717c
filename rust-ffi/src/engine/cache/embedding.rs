//! Embeddings are kept one by one: a call sends only the items that nobody has asked for before.

use base64::engine::general_purpose::STANDARD;
use base64::Engine as _;
use serde::{Deserialize, Serialize};
use serde_json::value::{to_raw_value, RawValue};
use serde_json::{Map, Value};

use crate::engine::json;
use crate::engine::request::{Fields, Request};

/// The items of the `input`, as the caller wrote them. A text is one item, and so is a list of tokens. None for what is no input.
pub fn items<'a>(request: &Request<'a>) -> Option<Vec<&'a RawValue>> {
    let input = request.raw("input")?;
    if !input.get().starts_with('[') {
        return Some(vec![input]);
    }
    let list: Vec<&RawValue> = json::read(input)?;
    match list.first()?.get().as_bytes().first()? {
        b'"' | b'[' | b'{' => Some(list),
        _ => Some(vec![input]),
    }
}

/// The `input` of a call for `items` alone.
pub fn input(items: &[&RawValue]) -> Option<Box<RawValue>> {
    to_raw_value(items).ok()
}

/// One embedding, as it is kept.
#[derive(Serialize, Deserialize)]
pub struct Kept {
    /// The item of `data` without its number.
    item: Map<String, Value>,
    /// Its share of the tokens that the provider counted.
    tokens: Option<u64>,
    model: Option<String>,
    /// The vector as the provider wrote it: parsing thousands of numbers to write them again would be most of the work of a hit.
    vector: Box<RawValue>,
}

impl Kept {
    pub fn read(text: &[u8]) -> Option<Kept> {
        serde_json::from_slice(text).ok()
    }

    pub fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub fn is_counted(&self) -> bool {
        self.tokens.is_some()
    }
}

/// An answer that came, taken apart.
pub struct Fresh {
    /// What the answer has beside its items.
    pub rest: Map<String, Value>,
    pub items: Vec<Kept>,
}

impl Fresh {
    /// Takes the answer to a call for `count` items apart. None where it has not one vector for each: then nobody can say which is which,
    /// and what is none would be the answer to every later call.
    pub fn read(answer: &[u8], count: usize) -> Option<Fresh> {
        let fields: Fields<'_> = serde_json::from_slice(answer).ok()?;
        let data: Vec<Fields<'_>> = json::read(fields.get("data")?)?;
        if data.len() != count {
            return None;
        }
        let mut rest = Map::new();
        for (name, raw) in fields.iter().filter(|(name, _)| *name != "data") {
            rest.insert(name.clone(), json::read(raw)?);
        }
        let tokens = rest.get("usage").and_then(|usage| usage["prompt_tokens"].as_u64());
        let model = rest.get("model").and_then(Value::as_str).map(str::to_owned);
        let mut items: Vec<Option<Kept>> = (0..count).map(|_| None).collect();
        for (position, mut fields) in data.into_iter().enumerate() {
            let number = fields.get("index").and_then(|raw| json::read::<usize>(raw)).unwrap_or(position);
            let vector = fields.shift_remove("embedding").filter(|raw| is_vector(raw))?.to_owned();
            fields.shift_remove("index");
            let item = fields.iter().map(|(name, raw)| Some((name.clone(), json::read(raw)?))).collect::<Option<_>>()?;
            let share = tokens.map(|tokens| share(tokens, count, number));
            // A number that comes twice leaves another place empty.
            *items.get_mut(number)? = Some(Kept { item, tokens: share, model: model.clone(), vector });
        }
        Some(Fresh { rest, items: items.into_iter().collect::<Option<_>>()? })
    }
}

/// Numbers, or their bytes in base64. Numbers are told by their letters: to parse thousands of them would be for this alone.
fn is_vector(raw: &RawValue) -> bool {
    let numbers = |list: &str| {
        let are = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_whitespace() || b"+-.eE,".contains(&byte);
        list.bytes().all(are) && list.bytes().any(|byte| byte.is_ascii_digit())
    };
    match raw.get().strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
        Some(list) => numbers(list),
        None => json::text(raw).is_some_and(|text| STANDARD.decode(text).is_ok_and(|bytes| !bytes.is_empty())),
    }
}

/// A part of the whole number `tokens`, such that all parts add up to it.
fn share(tokens: u64, count: usize, number: usize) -> u64 {
    let (count, number) = (count as u64, number as u64);
    tokens / count + u64::from(number < tokens % count)
}

/// One answer with all `items` in their order. `rest` is what a fresh answer had beside its items, if there was one; the tokens of
/// items that were kept, `kept` in all, are counted beside its own.
pub fn join(rest: Option<Map<String, Value>>, items: &[&Kept], kept: Option<u64>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Item<'a> {
        object: &'a str,
        index: usize,
        embedding: &'a RawValue,
        #[serde(flatten)]
        more: Map<String, Value>,
    }
    #[derive(Serialize)]
    struct Answer<'a> {
        #[serde(flatten)]
        rest: Map<String, Value>,
        data: Vec<Item<'a>>,
    }
    let mut rest = rest.unwrap_or_else(|| {
        let mut made = Map::new();
        made.insert("object".to_owned(), "list".into());
        if let Some(model) = items.iter().find_map(|item| item.model.clone()) {
            made.insert("model".to_owned(), model.into());
        }
        made
    });
    if let Some(kept) = kept {
        let usage = rest.entry("usage").or_insert_with(|| Value::Object(Map::new()));
        for name in ["prompt_tokens", "total_tokens"] {
            let fresh = usage[name].as_u64().unwrap_or(0);
            usage[name] = (fresh + kept).into();
        }
    }
    let data = items.iter().enumerate().map(|(index, kept)| {
        let mut more = kept.item.clone();
        more.shift_remove("object");
        Item { object: "embedding", index, embedding: &kept.vector, more }
    });
    serde_json::to_vec(&Answer { rest, data: data.collect() }).unwrap_or_default()
}

/// The tokens of `items` together; None where nobody counted any.
pub fn tokens<'a>(items: impl Iterator<Item = &'a Kept>) -> Option<u64> {
    items.filter_map(|item| item.tokens).reduce(|sum, tokens| sum + tokens)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn items_of(input: &str) -> Option<Vec<String>> {
        let text = format!(r#"{{"input":{input}}}"#);
        let request = Request::parse(text.as_bytes()).unwrap();
        Some(items(&request)?.iter().map(|raw| raw.get().to_owned()).collect())
    }

    #[test]
    fn an_input_is_a_text_or_tokens_or_a_list_of_either() {
        assert_eq!(items_of("\"a\"").unwrap(), ["\"a\""]);
        assert_eq!(items_of("[1,2,3]").unwrap(), ["[1,2,3]"]);
        assert_eq!(items_of("[\"a\",\"b\"]").unwrap(), ["\"a\"", "\"b\""]);
        assert_eq!(items_of("[[1,2],[3]]").unwrap(), ["[1,2]", "[3]"]);
        assert_eq!(items_of("[]"), None);
    }

    #[test]
    fn an_answer_is_taken_apart_by_its_numbers_and_put_together_again() {
        let answer = json!({
            "object": "list", "model": "m", "id": "e1",
            "data": [
                {"object": "embedding", "index": 1, "embedding": [1.50, -0.0]},
                {"object": "embedding", "index": 0, "embedding": "AAAA"},
            ],
            "usage": {"prompt_tokens": 5, "total_tokens": 5},
        });
        let fresh = Fresh::read(answer.to_string().as_bytes(), 2).unwrap();
        assert_eq!((fresh.items[0].tokens, fresh.items[1].tokens), (Some(3), Some(2)));
        let kept = Kept::read(&Kept::read(&fresh.items[1].write()).unwrap().write()).unwrap();
        let joined: Value =
            serde_json::from_slice(&join(Some(fresh.rest), &[&kept, &fresh.items[0], &fresh.items[1]], kept.tokens)).unwrap();
        assert_eq!(
            joined,
            json!({
                "object": "list", "model": "m", "id": "e1",
                "data": [
                    {"object": "embedding", "index": 0, "embedding": [1.50, -0.0]},
                    {"object": "embedding", "index": 1, "embedding": "AAAA"},
                    {"object": "embedding", "index": 2, "embedding": [1.50, -0.0]},
                ],
                "usage": {"prompt_tokens": 7, "total_tokens": 7},
            })
        );
        let all: Value = serde_json::from_slice(&join(None, &[&kept], tokens([&kept].into_iter()))).unwrap();
        assert_eq!(all["usage"], json!({"prompt_tokens": 2, "total_tokens": 2}));
        assert_eq!((&all["model"], &all["object"]), (&json!("m"), &json!("list")));
    }

    #[test]
    fn an_answer_without_one_vector_for_each_item_is_not_taken_apart() {
        for data in [
            json!([{"index": 0, "embedding": [1]}]),
            json!([{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [1]}]),
            json!([{"index": 0, "embedding": [1]}, {"index": 2, "embedding": [1]}]),
            json!([{"index": 0, "embedding": [1]}, {"index": 1}]),
            json!(3),
        ] {
            assert!(Fresh::read(json!({ "data": data }).to_string().as_bytes(), 2).is_none(), "{data}");
        }
    }

    #[test]
    fn what_is_no_vector_is_not_kept() {
        let kept = |vector: &str| {
            let answer = format!(r#"{{"data":[{{"index":0,"embedding":[1]}},{{"index":1,"embedding":{vector}}}]}}"#);
            Fresh::read(answer.as_bytes(), 2).is_some()
        };
        for vector in ["[ 0.5, -1e-7, 2E+3 ]", "[-1]", r#""AACAPw==""#] {
            assert!(kept(vector), "{vector}");
        }
        for vector in ["null", "[]", "[ ]", "[null]", "[\"1\"]", "[[1]]", "{}", "5", "true", "\"\"", "\"no vector\"", "\"AAA\""] {
            assert!(!kept(vector), "{vector}");
        }
    }

    proptest! {
        #[test]
        fn shares_add_up(tokens in 0u64..1_000_000, count in 1usize..500) {
            prop_assert_eq!((0..count).map(|number| share(tokens, count, number)).sum::<u64>(), tokens);
        }
    }
}
