//! JSON Schema in the part of OpenAPI's schemas that Gemini's `Schema` type knows.
//!
//! Source: Google's reference of `Schema` (Gemini API, v1beta), and litellm 1.106's behaviour where that leaves a choice. Tools are always
//! declared this way; structured output is where the model does not take `responseJsonSchema`.

use serde_json::{json, Map, Value};

use crate::engine::error::{Error, Result};

/// Deeper schemas are refused: JSON itself is refused beyond 128 levels.
const MAX_DEPTH: usize = 100;
/// Definitions that use definitions many times grow without being endless.
const MAX_NODES: usize = 100_000;

/// The members that Gemini's `Schema` has. Anything else is answered with 400.
const KNOWN: &[&str] = &[
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "default",
    "items",
    "minItems",
    "maxItems",
    "enum",
    "properties",
    "propertyOrdering",
    "required",
    "minProperties",
    "maxProperties",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "anyOf",
];

/// What moves to the object or the list where `type` names several types.
const OF_CONTAINERS: &[&str] = &["properties", "required", "items", "minItems", "maxItems", "minProperties", "maxProperties"];

/// The schema as Gemini takes it. `ordered` adds `propertyOrdering`, without which Gemini writes an object's members by the alphabet.
///
/// References are written out; one that leads back to itself becomes an object without members, because Gemini has no references.
pub fn translate(schema: &Value, ordered: bool) -> Result<Value> {
    let mut writer = Writer { root: schema, ordered, left: MAX_NODES, chain: Vec::new() };
    writer.node(schema, 0)
}

struct Writer<'s> {
    root: &'s Value,
    ordered: bool,
    /// How many nodes may still be written.
    left: usize,
    /// The references that are being written out.
    chain: Vec<String>,
}

impl Writer<'_> {
    fn node(&mut self, schema: &Value, depth: usize) -> Result<Value> {
        self.left = self.left.saturating_sub(1);
        if depth > MAX_DEPTH || self.left == 0 {
            return Err(Error::bad_request(
                "a schema is nested deeper than 100 levels or has more than 100,000 parts when its references are written out, which Gemini \
                 needs",
            ));
        }
        let Value::Object(members) = schema else { return Ok(json!({"type": "object"})) };
        if let Some(name) = members.get("$ref").and_then(Value::as_str) {
            return self.reference(name, members, depth);
        }
        let members = merged(members, self.root);
        if let Some(Value::Array(choices)) = members.get("anyOf").or_else(|| members.get("oneOf")) {
            return self.any_of(&members, choices, depth);
        }
        match members.get("type") {
            Some(Value::Array(types)) if types.len() == 1 => {
                let mut one = members.clone();
                one.insert("type".to_owned(), types[0].clone());
                self.plain(&one, depth)
            }
            Some(Value::Array(types)) => self.types(&members, types, depth),
            _ => self.plain(&members, depth),
        }
    }

    fn reference(&mut self, name: &str, members: &Map<String, Value>, depth: usize) -> Result<Value> {
        let root = self.root;
        let target = name.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        let mut out = match target.filter(|_| !self.chain.iter().any(|known| known == name)) {
            Some(target) => {
                self.chain.push(name.to_owned());
                let out = self.node(target, depth + 1);
                self.chain.pop();
                out?
            }
            None => json!({"type": "object"}),
        };
        // What stands beside a reference says more of this one use of it.
        if out.get("anyOf").is_none() {
            for name in ["title", "description", "default"] {
                if let Some(value) = members.get(name) {
                    out[name] = value.clone();
                }
            }
        }
        Ok(out)
    }

    /// A schema of one type.
    fn plain(&mut self, members: &Map<String, Value>, depth: usize) -> Result<Value> {
        let mut out = Map::with_capacity(members.len());
        for (name, value) in members {
            let written = match (name.as_str(), value) {
                ("properties", Value::Object(properties)) if !properties.is_empty() => {
                    let properties =
                        properties.iter().map(|(name, property)| Ok((name.clone(), self.node(property, depth + 1)?)));
                    properties.collect::<Result<Map<_, _>>>()?.into()
                }
                ("properties", _) => continue,
                ("items", items) => self.node(items, depth + 1)?,
                ("format", format) if !matches!(format.as_str(), Some("enum" | "date-time")) => continue,
                ("required", required) if !required.is_array() => continue,
                ("enum", values) => match strings(values) {
                    Some(values) => values,
                    None => continue,
                },
                // Gemini has no `const`; one value to choose from is the same.
                ("const", Value::String(_)) => {
                    out.insert("enum".to_owned(), json!([value]));
                    continue;
                }
                (known, value) if KNOWN.contains(&known) => value.clone(),
                _ => continue,
            };
            out.insert(name.clone(), written);
        }
        if out.contains_key("properties") {
            out.insert("type".to_owned(), "object".into());
        } else {
            out.shift_remove("required");
            let guess = if out.contains_key("enum") { "string" } else { "object" };
            out.entry("type").or_insert_with(|| guess.into());
        }
        let is = |kind: &str, out: &Map<String, Value>| out["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case(kind));
        if !is("string", &out) {
            // Gemini enumerates strings only.
            out.shift_remove("enum");
        }
        if is("array", &out) && !out.contains_key("items") {
            out.insert("items".to_owned(), json!({"type": "object"}));
        }
        if self.ordered && !out.contains_key("propertyOrdering") {
            if let Some(Value::Object(properties)) = out.get("properties") {
                let order: Value = properties.keys().cloned().collect();
                out.insert("propertyOrdering".to_owned(), order);
            }
        }
        Ok(out.into())
    }

    /// A choice of schemas. Gemini takes nothing beside `anyOf`: title and description move into the choices, and a choice of null makes the
    /// others nullable.
    fn any_of(&mut self, members: &Map<String, Value>, choices: &[Value], depth: usize) -> Result<Value> {
        let is_null = |choice: &Value| choice["type"] == "null";
        let nullable = choices.iter().any(is_null);
        let mut out = Vec::with_capacity(choices.len());
        for choice in choices.iter().filter(|choice| !is_null(choice)) {
            let mut written = self.node(choice, depth + 1)?;
            if nullable {
                written["nullable"] = true.into();
            }
            described(&mut written, members);
            out.push(written);
        }
        if out.is_empty() {
            return Err(Error::bad_request("a schema has an `anyOf` that allows nothing but null, which Gemini does not take"));
        }
        Ok(json!({ "anyOf": out }))
    }

    /// `"type": ["string", "null"]` and the like.
    fn types(&mut self, members: &Map<String, Value>, types: &[Value], depth: usize) -> Result<Value> {
        let mut out = Vec::with_capacity(types.len());
        for kind in types.iter().filter_map(Value::as_str) {
            let mut choice = json!({ "type": kind });
            for (name, value) in members {
                let fits = match kind {
                    "object" | "array" => OF_CONTAINERS.contains(&name.as_str()),
                    "string" => name == "enum",
                    _ => false,
                };
                if fits {
                    choice[name.as_str()] = value.clone();
                }
            }
            let mut written = if kind == "null" { choice } else { self.node(&choice, depth + 1)? };
            described(&mut written, members);
            out.push(written);
        }
        Ok(json!({ "anyOf": out }))
    }
}

fn described(choice: &mut Value, members: &Map<String, Value>) {
    for name in ["title", "description"] {
        if let Some(value) = members.get(name) {
            choice[name] = value.clone();
        }
    }
}

/// The members with those of `allOf` among them; a schema's own members win.
fn merged(members: &Map<String, Value>, root: &Value) -> Map<String, Value> {
    let mut out = members.clone();
    let Some(Value::Array(all)) = out.shift_remove("allOf") else { return out };
    for part in &all {
        let target = part["$ref"].as_str().and_then(|name| name.strip_prefix('#')).and_then(|pointer| root.pointer(pointer));
        let Some(part) = target.unwrap_or(part).as_object() else { continue };
        for (name, value) in part {
            match (name.as_str(), out.get_mut(name), value) {
                ("properties", Some(Value::Object(own)), Value::Object(more)) => {
                    for (name, property) in more {
                        own.entry(name.clone()).or_insert_with(|| property.clone());
                    }
                }
                ("required", Some(Value::Array(own)), Value::Array(more)) => own.extend(more.iter().cloned()),
                (_, Some(_), _) => {}
                (_, None, _) => {
                    out.insert(name.clone(), value.clone());
                }
            }
        }
    }
    out
}

/// The values of an enumeration that Gemini takes: strings that are not empty. None where there are others, or none at all.
fn strings(values: &Value) -> Option<Value> {
    let values = values.as_array()?;
    if !values.iter().all(|value| value.is_string() || value.is_null()) {
        return None;
    }
    let kept: Vec<&Value> = values.iter().filter(|value| value.as_str().is_some_and(|text| !text.is_empty())).collect();
    (!kept.is_empty()).then(|| json!(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(schema: Value) -> Value {
        translate(&schema, false).unwrap()
    }

    #[test]
    fn g10_only_known_members_are_left() {
        assert_eq!(
            shown(json!({
                "$schema": "http://json-schema.org/draft-07/schema#", "additionalProperties": false, "title": "T", "type": "object",
                "properties": {
                    "strict": {"type": "boolean", "examples": [true]},
                    "when": {"type": "string", "format": "date-time"},
                    "mail": {"type": "string", "format": "email", "pattern": ".+@.+"},
                },
                "required": ["when"],
            })),
            json!({
                "title": "T", "type": "object",
                "properties": {
                    "strict": {"type": "boolean"},
                    "when": {"type": "string", "format": "date-time"},
                    "mail": {"type": "string", "pattern": ".+@.+"},
                },
                "required": ["when"],
            })
        );
    }

    #[test]
    fn g10_references_are_written_out_and_circles_are_cut() {
        let step = json!({"properties": {"n": {"type": "integer"}}, "type": "object"});
        assert_eq!(
            shown(json!({
                "$defs": {"Step": step, "Tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/Tree"}}}},
                "type": "object",
                "properties": {
                    "steps": {"type": "array", "items": {"$ref": "#/$defs/Step"}},
                    "last": {"$ref": "#/$defs/Step", "description": "the end"},
                    "tree": {"$ref": "#/$defs/Tree"},
                    "lost": {"$ref": "#/$defs/None"},
                    "v1": {"allOf": [{"$ref": "#/$defs/Step"}], "title": "V"},
                },
            }))["properties"],
            json!({
                "steps": {"type": "array", "items": step},
                "last": {"properties": {"n": {"type": "integer"}}, "type": "object", "description": "the end"},
                "tree": {"type": "object", "properties": {"left": {"type": "object"}}},
                "lost": {"type": "object"},
                "v1": {"title": "V", "properties": {"n": {"type": "integer"}}, "type": "object"},
            })
        );
    }

    #[test]
    fn g10_a_schema_that_explodes_is_refused() {
        let mut definitions = Map::new();
        for level in 0..40 {
            let next = json!({ "$ref": format!("#/$defs/L{}", level + 1) });
            definitions.insert(format!("L{level}"), json!({"type": "object", "properties": {"a": next, "b": next}}));
        }
        let bomb = json!({"$defs": definitions, "$ref": "#/$defs/L0"});
        assert!(translate(&bomb, false).unwrap_err().message.contains("100,000"));
    }

    #[test]
    fn g10_null_makes_nullable() {
        assert_eq!(
            shown(json!({"anyOf": [{"type": "string"}, {"type": "null"}], "default": null, "title": "T"})),
            json!({"anyOf": [{"type": "string", "nullable": true, "title": "T"}]})
        );
        assert_eq!(
            shown(json!({"type": ["string", "null"], "description": "d"})),
            json!({"anyOf": [{"type": "string", "description": "d"}, {"type": "null", "description": "d"}]})
        );
        assert_eq!(
            shown(json!({"type": ["array", "integer"], "items": {"type": "string"}})),
            json!({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "integer"}]})
        );
        assert_eq!(shown(json!({"type": ["number"]})), json!({"type": "number"}));
        assert!(translate(&json!({"anyOf": [{"type": "null"}]}), false).is_err());
    }

    #[test]
    fn g10_objects_lists_and_enumerations_are_complete() {
        assert_eq!(shown(json!({})), json!({"type": "object"}));
        assert_eq!(shown(json!({"type": "object", "properties": {}, "required": []})), json!({"type": "object"}));
        assert_eq!(shown(json!({"type": "array"})), json!({"type": "array", "items": {"type": "object"}}));
        assert_eq!(shown(json!({"type": "array", "items": {}})), json!({"type": "array", "items": {"type": "object"}}));
        assert_eq!(shown(json!({"enum": ["a", ""]})), json!({"enum": ["a"], "type": "string"}));
        assert_eq!(shown(json!({"type": "integer", "enum": [1, 2]})), json!({"type": "integer"}));
        assert_eq!(shown(json!({"const": "cat"})), json!({"enum": ["cat"], "type": "string"}));
        assert_eq!(
            shown(json!({"oneOf": [{"type": "string"}, {"type": "integer"}]})),
            json!({"anyOf": [{"type": "string"}, {"type": "integer"}]})
        );
    }

    #[test]
    fn g10_order_is_told_where_it_matters() {
        let schema = json!({
            "type": "object",
            "properties": {"z": {"type": "string"}, "a": {"type": "object", "properties": {"y": {"type": "string"}, "b": {"type": "string"}}}},
        });
        let out = translate(&schema, true).unwrap();
        assert_eq!(out["propertyOrdering"], json!(["z", "a"]));
        assert_eq!(out["properties"]["a"]["propertyOrdering"], json!(["y", "b"]));
    }
}
