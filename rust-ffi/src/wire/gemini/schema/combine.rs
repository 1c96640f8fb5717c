//! Two schemas that both hold, as one: what `allOf` means, and what stands beside a reference or a choice.

use serde_json::{json, Map, Value};

/// Narrows `own` to what `more` allows as well. Of what cannot be had both (titles, patterns) `own` keeps its own.
pub fn combine(own: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (name, value) in more {
        match own.get_mut(name) {
            None => {
                own.insert(name.clone(), value.clone());
            }
            Some(known) => member(name, known, value),
        }
    }
}

fn member(name: &str, own: &mut Value, more: &Value) {
    match (name, own, more) {
        ("properties", Value::Object(own), Value::Object(more)) => {
            for (name, property) in more {
                match own.get_mut(name) {
                    Some(known) => both(known, property),
                    None => {
                        own.insert(name.clone(), property.clone());
                    }
                }
            }
        }
        ("items", own, more) => both(own, more),
        ("anyOf" | "oneOf", Value::Array(own), more) => {
            for choice in own {
                both(choice, &json!({ name: more }));
            }
        }
        ("required", Value::Array(own), Value::Array(more)) => {
            for name in more {
                if !own.contains(name) {
                    own.push(name.clone());
                }
            }
        }
        ("enum", Value::Array(own), Value::Array(more)) => own.retain(|value| more.contains(value)),
        ("type", own, more) => types(own, more),
        ("minimum" | "minLength" | "minItems" | "minProperties", own, more) if more.as_f64() > own.as_f64() => {
            *own = more.clone()
        }
        ("maximum" | "maxLength" | "maxItems" | "maxProperties", own, more) if more.as_f64() < own.as_f64() => {
            *own = more.clone()
        }
        _ => {}
    }
}

/// A schema that is to hold together with another is written as `allOf`, and combined when its turn comes.
fn both(own: &mut Value, more: &Value) {
    if own != more {
        *own = json!({ "allOf": [own.take(), more] });
    }
}

/// The types that both allow. Where they allow none together, the first are kept: Gemini has no schema that allows nothing.
fn types(own: &mut Value, more: &Value) {
    let list = |value: &Value| -> Vec<String> {
        let texts = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        texts.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (first, second) = (list(own), list(more));
    let mut common: Vec<&String> = first.iter().filter(|kind| second.contains(kind)).collect();
    // Every integer is a number.
    for (one, other) in [(&first, &second), (&second, &first)] {
        let integer = one.iter().find(|kind| kind.as_str() == "integer" && !common.contains(kind));
        common.extend(integer.filter(|_| other.iter().any(|kind| kind == "number")));
    }
    match common.as_slice() {
        [] => {}
        [one] => *own = Value::from(one.as_str()),
        several => *own = json!(several),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn combined(own: Value, more: Value) -> Value {
        let (Value::Object(mut own), Value::Object(more)) = (own, more) else { panic!("objects") };
        combine(&mut own, &more);
        own.into()
    }

    #[test]
    fn the_narrower_of_two_holds() {
        assert_eq!(
            combined(
                json!({"type": ["number", "null"], "minimum": 1, "maximum": 9, "title": "own", "enum": [1, 2]}),
                json!({"type": "integer", "minimum": 3, "maximum": 12, "title": "more", "enum": [2, 3], "pattern": "x"}),
            ),
            json!({"type": "integer", "minimum": 3, "maximum": 9, "title": "own", "enum": [2], "pattern": "x"})
        );
        assert_eq!(combined(json!({"type": "string"}), json!({"type": "object"}))["type"], "string");
        assert_eq!(combined(json!({"type": ["a", "b", "c"]}), json!({"type": ["b", "c"]}))["type"], json!(["b", "c"]));
    }

    #[test]
    fn members_of_one_name_are_both_kept() {
        let (a, b) = (json!({"minLength": 1}), json!({"maxLength": 2}));
        let out = combined(
            json!({"properties": {"x": a, "y": a}, "required": ["x"], "items": a, "anyOf": [a]}),
            json!({"properties": {"x": b, "z": b}, "required": ["x", "z"], "items": a, "anyOf": [b]}),
        );
        assert_eq!(out["properties"], json!({"x": {"allOf": [a, b]}, "y": a, "z": b}));
        assert_eq!((&out["required"], &out["items"]), (&json!(["x", "z"]), &a));
        assert_eq!(out["anyOf"], json!([{"allOf": [a, {"anyOf": [b]}]}]));
    }
}
