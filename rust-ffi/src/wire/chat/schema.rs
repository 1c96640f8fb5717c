//! JSON schemas, for providers that know only a part of the language.

use serde_json::{Map, Value};

use crate::engine::error::{Error, Result};

/// Deeper chains of references are refused: a schema that refers to itself has no end when it is written out.
const MAX_DEPTH: usize = 64;
/// Definitions that are used many times by definitions that are used many times grow without being endless.
const MAX_NODES: usize = 100_000;

/// The schema that a `response_format` asks for; None for text, and for JSON of any form. What is neither is refused: the answer would have
/// another form than the one that the caller is going to read.
pub fn of_format(format: &Value) -> Result<Option<&Value>> {
    let refused = |what: &str| {
        Err(Error::bad_request(format!(
            "`response_format` {what}; write {{\"type\": \"json_schema\", \"json_schema\": {{\"name\": …, \"schema\": {{…}}}}}}, \
             {{\"type\": \"json_object\"}} or {{\"type\": \"text\"}}"
        )))
    };
    if !format.is_object() {
        return refused("is not an object");
    }
    let given = |name: &str| format.get(name).filter(|value| !value.is_null());
    if let Some(schema) = given("response_schema") {
        return if schema.is_object() { Ok(Some(schema)) } else { refused("has a `response_schema` that is no JSON schema") };
    }
    match (given("json_schema"), format["type"].as_str()) {
        (Some(named), _) => match named.get("schema") {
            Some(schema @ Value::Object(_)) => Ok(Some(schema)),
            _ => refused("has a `json_schema` without a `schema`, which is the JSON schema of the answer"),
        },
        (None, Some("text" | "json_object")) => Ok(None),
        (None, Some("json_schema")) => refused("has the type json_schema but no `json_schema`"),
        (None, _) => refused("has a `type` that is not known"),
    }
}

/// The schema with every `$ref` to its own definitions (`#/$defs/…`, `#/definitions/…`) replaced by what it names, and the definitions
/// taken out. A schema that refers to itself without end is an error that says so.
pub fn inline_refs(schema: &Value) -> Result<Value> {
    let mut out = inline(schema, schema, 0, &mut { MAX_NODES })?;
    if let Value::Object(members) = &mut out {
        members.remove("$defs");
        members.remove("definitions");
    }
    Ok(out)
}

fn inline(value: &Value, root: &Value, depth: usize, left: &mut usize) -> Result<Value> {
    *left = left.saturating_sub(1);
    if depth > MAX_DEPTH || *left == 0 {
        return Err(Error::bad_request(
            "the schema refers to itself without end, is nested deeper than 64 levels or has more than 100,000 parts when its references are \
             written out, which this provider needs",
        ));
    }
    Ok(match value {
        Value::Array(items) => items.iter().map(|item| inline(item, root, depth + 1, left)).collect::<Result<Vec<_>>>()?.into(),
        Value::Object(members) => {
            if let Some(target) = members.get("$ref").and_then(Value::as_str).and_then(|name| resolve(root, name)) {
                let mut out = inline(target, root, depth + 1, left)?;
                // What stands beside a reference (a description) refines it.
                if let Value::Object(out) = &mut out {
                    for (name, value) in members.iter().filter(|(name, _)| *name != "$ref") {
                        out.insert(name.clone(), inline(value, root, depth + 1, left)?);
                    }
                }
                return Ok(out);
            }
            let mut out = Map::with_capacity(members.len());
            for (name, value) in members {
                let definitions = depth == 0 && matches!(name.as_str(), "$defs" | "definitions");
                if !definitions {
                    out.insert(name.clone(), inline(value, root, depth + 1, left)?);
                }
            }
            out.into()
        }
        other => other.clone(),
    })
}

/// What a local reference names (RFC 6901 escapes).
fn resolve<'v>(root: &'v Value, reference: &str) -> Option<&'v Value> {
    root.pointer(reference.strip_prefix('#')?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn formats_are_known_or_refused() {
        let schema = json!({"type": "object"});
        let named = json!({"type": "json_schema", "json_schema": {"name": "P", "schema": schema}});
        assert_eq!(of_format(&named).unwrap(), Some(&schema));
        assert_eq!(of_format(&json!({"type": "json_object", "response_schema": schema})).unwrap(), Some(&schema));
        for plain in [json!({"type": "text"}), json!({"type": "json_object", "response_schema": null})] {
            assert_eq!(of_format(&plain).unwrap(), None);
        }
        for (wrong, word) in [
            (json!("json"), "object"),
            (json!({}), "`type`"),
            (json!({"type": "yaml"}), "`type`"),
            (json!({"type": "json_schema"}), "no `json_schema`"),
            (json!({"type": "json_schema", "json_schema": {"name": "P"}}), "without a `schema`"),
            (json!({"type": "json_schema", "json_schema": {"schema": [1]}}), "without a `schema`"),
            (json!({"type": "json_object", "response_schema": 5}), "`response_schema`"),
        ] {
            let error = of_format(&wrong).unwrap_err();
            assert_eq!(error.kind, crate::engine::error::ErrorKind::BadRequest);
            assert!(error.message.contains(word), "{wrong}: {}", error.message);
        }
    }

    #[test]
    fn references_are_written_out_and_endless_ones_refused() {
        let schema = json!({
            "$defs": {"Step": {"type": "object", "properties": {"n": {"type": "integer"}}}},
            "type": "object",
            "properties": {"steps": {"type": "array", "items": {"$ref": "#/$defs/Step"}},
                           "last": {"$ref": "#/$defs/Step", "description": "the end"}},
        });
        let step = &schema["$defs"]["Step"];
        let out = inline_refs(&schema).unwrap();
        assert_eq!(&out["properties"]["steps"]["items"], step);
        assert_eq!(out["properties"]["last"]["description"], "the end");
        assert_eq!(out.get("$defs"), None);
        let endless = json!({"$defs": {"T": {"properties": {"t": {"$ref": "#/$defs/T"}}}}, "$ref": "#/$defs/T"});
        assert!(inline_refs(&endless).unwrap_err().message.contains("refers to itself"));
    }
}
