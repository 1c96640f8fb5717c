//! JSON Schema in the part of OpenAPI's schemas that Gemini's `Schema` type knows.
//!
//! Source: Google's reference of `Schema` (Gemini API, v1beta), and litellm 1.106's behaviour where that leaves a choice. Tools are always
//! declared this way; structured output is where the model does not take `responseJsonSchema`.

mod combine;

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde_json::{json, Map, Value};

use self::combine::combine;
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

/// What beside a choice only describes: it does not narrow what the choices allow.
const ANNOTATIONS: &[&str] = &["title", "description", "default", "nullable", "example", "propertyOrdering"];

/// The schema as Gemini takes it. `ordered` adds `propertyOrdering`, without which Gemini writes an object's members by the alphabet.
///
/// References and `allOf` are written out, because Gemini has neither; a reference that leads back to itself becomes an object without members.
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

impl<'s> Writer<'s> {
    fn node(&mut self, schema: &Value, depth: usize) -> Result<Value> {
        self.spend(depth)?;
        let Value::Object(members) = schema else { return Ok(json!({"type": "object"})) };
        let open = self.chain.len();
        let members = self.flat(members, depth)?;
        let written = self.written(&members, depth);
        self.chain.truncate(open);
        written
    }

    /// Counts a node.
    fn spend(&mut self, depth: usize) -> Result<()> {
        self.left = self.left.saturating_sub(1);
        if depth > MAX_DEPTH || self.left == 0 {
            return Err(Error::bad_request(
                "a schema is nested deeper than 100 levels or has more than 100,000 parts when its references are written out, which Gemini \
                 needs",
            ));
        }
        Ok(())
    }

    /// The members with those of the reference and of `allOf` among them. References that were followed stay in the chain.
    fn flat<'m>(&mut self, members: &'m Map<String, Value>, depth: usize) -> Result<Cow<'m, Map<String, Value>>> {
        let (reference, all) = (members.get("$ref"), members.get("allOf"));
        if reference.is_none() && all.is_none() {
            return Ok(Cow::Borrowed(members));
        }
        self.spend(depth)?;
        let gone = ["$ref", "allOf", "$defs", "definitions"];
        let own = members.iter().filter(|(name, _)| !gone.contains(&name.as_str()));
        let mut out: Map<String, Value> = own.map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(target) = reference.and_then(Value::as_str).and_then(|name| self.follow(name)) {
            let target = self.flat(target, depth + 1)?;
            combine(&mut out, &target);
        }
        for part in all.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
            let part = self.flat(part, depth + 1)?;
            combine(&mut out, &part);
        }
        Ok(Cow::Owned(out))
    }

    /// What a reference names; None for one that leads nowhere or back to where it stands.
    fn follow(&mut self, name: &str) -> Option<&'s Map<String, Value>> {
        let pointer = name.strip_prefix('#')?;
        let root = self.root;
        let target = root.pointer(pointer).or_else(|| {
            // A pointer in a fragment is percent-encoded (RFC 6901 §6); many writers leave it as it is.
            root.pointer(&percent_decode_str(pointer).decode_utf8().ok()?)
        })?;
        if self.chain.iter().any(|known| known == name) {
            return None;
        }
        self.chain.push(name.to_owned());
        target.as_object()
    }

    /// A schema without references and `allOf`.
    fn written(&mut self, members: &Map<String, Value>, depth: usize) -> Result<Value> {
        for name in ["anyOf", "oneOf"] {
            if let Some(Value::Array(choices)) = members.get(name) {
                return self.any_of(members, name, choices, depth);
            }
        }
        match members.get("type") {
            Some(Value::Array(types)) if types.len() == 1 => {
                let mut one = members.clone();
                one.insert("type".to_owned(), types[0].clone());
                self.plain(&one, depth)
            }
            Some(Value::Array(types)) => {
                let types: Vec<&str> = types.iter().filter_map(Value::as_str).collect();
                self.types(members, &types, depth)
            }
            Some(_) => self.plain(members, depth),
            None => match implied(members).as_slice() {
                [] => self.plain(members, depth),
                [kind] => self.plain(&typed(members, kind), depth),
                [kind, "null"] => {
                    let mut written = self.plain(&typed(members, kind), depth)?;
                    written["nullable"] = true.into();
                    Ok(written)
                }
                types => self.types(members, types, depth),
            },
        }
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
                (known, value) if KNOWN.contains(&known) => value.clone(),
                _ => continue,
            };
            out.insert(name.clone(), written);
        }
        // Gemini has no `const`; one value to choose from is the same.
        if let Some(one) = members.get("const").and_then(|one| strings(&json!([one]))) {
            out.insert("enum".to_owned(), one);
        }
        if out.contains_key("properties") {
            out.insert("type".to_owned(), "object".into());
        } else {
            out.shift_remove("required");
            out.entry("type").or_insert_with(|| "object".into());
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

    /// A choice of schemas. Gemini takes nothing beside `anyOf`: title and description move into the choices, what narrows all of them is
    /// written into each, and a choice of null makes the others nullable.
    fn any_of(&mut self, members: &Map<String, Value>, name: &str, choices: &[Value], depth: usize) -> Result<Value> {
        let is_null = |choice: &Value| {
            choice["type"] == "null"
                || choice.as_object().is_some_and(|choice| !choice.contains_key("type") && implied(choice) == ["null"])
        };
        let nullable = members.get("nullable") == Some(&Value::Bool(true)) || choices.iter().any(is_null);
        let narrows = |member: &str| {
            member != name
                && !ANNOTATIONS.contains(&member)
                && (KNOWN.contains(&member) || matches!(member, "const" | "anyOf" | "oneOf"))
        };
        let common: Map<String, Value> =
            members.iter().filter(|(member, _)| narrows(member)).map(|(member, value)| (member.clone(), value.clone())).collect();
        let mut out = Vec::with_capacity(choices.len());
        for choice in choices.iter().filter(|choice| !is_null(choice)) {
            let mut written = match choice {
                Value::Object(choice) if !common.is_empty() => self.narrowed(choice, &common, depth + 1)?,
                // `true` allows whatever the rest does.
                Value::Bool(true) if !common.is_empty() => self.narrowed(&Map::new(), &common, depth + 1)?,
                choice => self.node(choice, depth + 1)?,
            };
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

    /// A choice with what stands beside all choices.
    fn narrowed(&mut self, choice: &Map<String, Value>, common: &Map<String, Value>, depth: usize) -> Result<Value> {
        self.spend(depth)?;
        let open = self.chain.len();
        let mut choice = self.flat(choice, depth)?.into_owned();
        let kind = choice.get("type").and_then(Value::as_str).map(str::to_owned);
        let fitting = common.iter().filter(|(name, _)| kind.as_deref().is_none_or(|kind| fits(kind, name)));
        combine(&mut choice, &fitting.map(|(name, value)| (name.clone(), value.clone())).collect());
        let written = self.written(&choice, depth);
        self.chain.truncate(open);
        written
    }

    /// `"type": ["string", "null"]` and the like.
    fn types(&mut self, members: &Map<String, Value>, types: &[&str], depth: usize) -> Result<Value> {
        let mut out = Vec::with_capacity(types.len());
        for kind in types {
            let mut written = if *kind == "null" {
                json!({"type": "null"})
            } else {
                let mut choice = typed(members, kind);
                choice.retain(|name, _| !ANNOTATIONS.contains(&name.as_str()));
                self.spend(depth)?;
                self.plain(&choice, depth + 1)?
            };
            described(&mut written, members);
            out.push(written);
        }
        Ok(json!({ "anyOf": out }))
    }
}

/// What the members say of values of this type.
fn typed(members: &Map<String, Value>, kind: &str) -> Map<String, Value> {
    let fitting = members.iter().filter(|(name, _)| fits(kind, name));
    let mut out: Map<String, Value> = fitting.map(|(name, value)| (name.clone(), value.clone())).collect();
    out.insert("type".to_owned(), kind.into());
    out
}

/// Does a member say something of values of this type? Gemini refuses it beside another.
fn fits(kind: &str, member: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    match member {
        "properties" | "required" | "propertyOrdering" | "minProperties" | "maxProperties" => kind == "object",
        "items" | "minItems" | "maxItems" => kind == "array",
        "minLength" | "maxLength" | "pattern" | "format" | "enum" => kind == "string",
        "minimum" | "maximum" => kind == "number" || kind == "integer",
        _ => true,
    }
}

/// The types that a schema without `type` means, null last; none where nothing tells.
fn implied(members: &Map<String, Value>) -> Vec<&'static str> {
    if members.contains_key("properties") {
        return Vec::new();
    }
    let values = match (members.get("const"), members.get("enum")) {
        (Some(one), _) => std::slice::from_ref(one),
        (None, Some(Value::Array(values))) => values.as_slice(),
        _ => {
            let tells = |names: &[&str]| names.iter().any(|name| members.contains_key(*name));
            return match () {
                () if tells(&["items", "minItems", "maxItems"]) => vec!["array"],
                () if tells(&["minLength", "maxLength", "pattern"]) => vec!["string"],
                () if tells(&["minimum", "maximum"]) => vec!["number"],
                () => Vec::new(),
            };
        }
    };
    let mut types = Vec::new();
    for value in values {
        let kind = match value {
            Value::Null => continue,
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        if !types.contains(&kind) {
            types.push(kind);
        }
    }
    if types.contains(&"number") {
        types.retain(|kind| *kind != "integer");
    }
    if values.contains(&Value::Null) {
        types.push("null");
    }
    types
}

fn described(choice: &mut Value, members: &Map<String, Value>) {
    for name in ["title", "description"] {
        if let Some(value) = members.get(name) {
            choice[name] = value.clone();
        }
    }
}

/// The values of an enumeration that Gemini takes: strings that are not empty. None where there are none.
fn strings(values: &Value) -> Option<Value> {
    let kept: Vec<&Value> =
        values.as_array()?.iter().filter(|value| value.as_str().is_some_and(|text| !text.is_empty())).collect();
    (!kept.is_empty()).then(|| json!(kept))
}

#[cfg(test)]
mod tests;
