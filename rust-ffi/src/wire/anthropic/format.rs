//! `response_format`: a schema that the answer holds to, or a tool whose arguments are the answer.
//!
//! Source: Anthropic's guide to structured outputs; what is taken out of a schema is what its Python SDK takes out.

use serde_json::{json, Map, Value};

use super::tools::JSON_TOOL;
use crate::engine::error::Result;
use crate::wire::chat::schema::inline_refs;

/// What the grammar of an answer cannot express. Each is told to the model in the description instead.
const INEXPRESSIBLE: &[&str] = &[
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "prefixItems",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
    "patternProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
    "if",
    "then",
    "else",
    "not",
];

/// The body's `output_format`.
pub fn output_format(schema: &Value) -> Result<Value> {
    Ok(json!({"type": "json_schema", "schema": expressible(&inline_refs(schema)?)}))
}

/// The tool that stands for a schema.
pub fn tool(schema: &Value) -> Value {
    let mut input = Map::new();
    input.insert("type".to_owned(), "object".into());
    for (name, value) in schema.as_object().into_iter().flatten() {
        input.insert(name.clone(), value.clone());
    }
    if input.get("properties").is_some_and(Value::is_null) {
        input.insert("properties".to_owned(), json!({}));
    }
    json!({"name": JSON_TOOL, "input_schema": input})
}

fn expressible(schema: &Value) -> Value {
    let Value::Object(members) = schema else { return schema.clone() };
    let mut out = Map::new();
    let each = |list: &Value| list.as_array().into_iter().flatten().map(expressible).collect::<Vec<_>>();
    let mut told = Vec::new();
    for (name, value) in members {
        match name.as_str() {
            word if INEXPRESSIBLE.contains(&word) => {
                // `uniqueItems: false` asks for nothing.
                if *value != Value::Bool(false) {
                    told.push(format!("{name}: {value}"));
                }
            }
            "type" if enum_contradicts(members) => {}
            "properties" | "$defs" | "definitions" => {
                let inner = value.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), expressible(value)));
                out.insert(name.clone(), Value::Object(inner.collect()));
            }
            "items" => drop(out.insert(name.clone(), expressible(value))),
            "allOf" => drop(out.insert(name.clone(), each(value).into())),
            // One of several is not known; any of them is.
            "anyOf" | "oneOf" => {
                if let Value::Array(list) = out.entry("anyOf").or_insert_with(|| json!([])) {
                    list.extend(each(value));
                }
            }
            _ => drop(out.insert(name.clone(), value.clone())),
        }
    }
    if !told.is_empty() {
        let told = format!("{{{}}}", told.join(", "));
        let description = match out.get("description").and_then(Value::as_str).filter(|text| !text.is_empty()) {
            Some(text) => format!("{text}\n\n{told}"),
            None => told,
        };
        out.insert("description".to_owned(), description.into());
    }
    if out.get("type").is_some_and(|kind| kind == "object") {
        // The API takes closed objects only.
        out.insert("additionalProperties".to_owned(), false.into());
    }
    out.into()
}

/// An `enum` with values that its `type` has not is refused; the values say enough.
fn enum_contradicts(members: &Map<String, Value>) -> bool {
    let (Some(Value::Array(values)), Some(kind)) = (members.get("enum"), members.get("type")) else { return false };
    let Some(kind) = kind.as_str() else { return true };
    !values.iter().all(|value| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a14_a_schema_becomes_one_that_can_be_held_to() {
        let given = json!({
            "$defs": {"Step": {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "description": "which"}}}},
            "type": "object",
            "properties": {
                "steps": {"type": "array", "items": {"$ref": "#/$defs/Step"}, "minItems": 2, "uniqueItems": false},
                "kind": {"oneOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]},
                "unit": {"type": "string", "enum": ["a", null]},
                "minimum": {"type": "string"},
            },
            "required": ["steps"],
        });
        let step = json!({"type": "object", "additionalProperties": false,
            "properties": {"n": {"type": "integer", "description": "which\n\n{minimum: 1}"}}});
        assert_eq!(
            output_format(&given).unwrap(),
            json!({"type": "json_schema", "schema": {
                "type": "object", "additionalProperties": false, "required": ["steps"],
                "properties": {
                    "steps": {"type": "array", "items": step, "description": "{minItems: 2}"},
                    "kind": {"anyOf": [{"type": "string", "description": "{maxLength: 3}"}, {"type": "null"}]},
                    "unit": {"enum": ["a", null]},
                    "minimum": {"type": "string"},
                },
            }})
        );
        let endless = json!({"$defs": {"T": {"properties": {"t": {"$ref": "#/$defs/T"}}}}, "$ref": "#/$defs/T"});
        assert!(output_format(&endless).is_err());
    }

    #[test]
    fn a14_the_tool_that_stands_for_a_schema_has_properties() {
        let tool = tool(&json!({"properties": null, "required": []}));
        assert_eq!(tool["input_schema"], json!({"type": "object", "properties": {}, "required": []}));
    }
}
