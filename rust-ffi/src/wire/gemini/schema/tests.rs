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

#[test]
fn g10_what_stands_beside_a_choice_narrows_every_choice() {
    // "One of the two must be given": the usual reason for choices beside properties.
    let properties = json!({"k": {"type": "string"}, "l": {"type": "integer"}});
    assert_eq!(
        shown(
            json!({"type": "object", "properties": properties, "required": ["k"], "anyOf": [{"required": ["k"]}, {"required": ["l"]}]})
        ),
        json!({"anyOf": [
            {"type": "object", "properties": properties, "required": ["k"]},
            {"type": "object", "properties": properties, "required": ["l", "k"]},
        ]})
    );
    // What says nothing of a choice's type is not written beside it, and what only describes narrows nothing.
    assert_eq!(
        shown(
            json!({"anyOf": [{"type": "array"}, {"type": "string"}, true], "items": {"type": "integer"}, "maxLength": 3, "nullable": true, "default": 1})
        ),
        json!({"anyOf": [
            {"type": "array", "items": {"type": "integer"}, "nullable": true},
            {"type": "string", "maxLength": 3, "nullable": true},
            {"type": "array", "items": {"type": "integer"}, "nullable": true},
        ]})
    );
    // Two choices at once.
    assert_eq!(
        shown(
            json!({"type": "string", "anyOf": [{"minLength": 1}, {"pattern": "a"}], "oneOf": [{"maxLength": 2}, {"maxLength": 4}]})
        )["anyOf"][1],
        json!({"anyOf": [{"type": "string", "pattern": "a", "maxLength": 2}, {"type": "string", "pattern": "a", "maxLength": 4}]})
    );
}

#[test]
fn g10_all_of_goes_to_any_depth_and_through_references() {
    let y = json!({"type": "object", "properties": {"y": {"type": "string"}}});
    let x = json!({"properties": {"x": {"type": "string"}}});
    assert_eq!(
        shown(json!({"allOf": [{"allOf": [y]}, x]})),
        json!({"type": "object", "properties": {"y": {"type": "string"}, "x": {"type": "string"}}})
    );
    assert_eq!(shown(json!({"allOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"$ref": "#/$defs/B"}, "B": y}})), y);
    // One property from two sides keeps what both say of it.
    assert_eq!(
        shown(
            json!({"allOf": [{"properties": {"x": {"type": "string", "minLength": 1}}}, {"properties": {"x": {"maxLength": 3, "title": "T"}}}]})
        )["properties"]["x"],
        json!({"type": "string", "minLength": 1, "maxLength": 3, "title": "T"})
    );
    let circles = json!({
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A"}, "n": {"allOf": [{"$ref": "#/$defs/N"}]}},
        "$defs": {
            "A": {"allOf": [{"$ref": "#/$defs/A"}], "description": "d"},
            "N": {"type": "object", "properties": {"next": {"allOf": [{"$ref": "#/$defs/N"}], "description": "next"}}},
        },
    });
    assert_eq!(
        shown(circles)["properties"],
        json!({
            "a": {"type": "object", "description": "d"},
            "n": {"type": "object", "properties": {"next": {"type": "object", "description": "next"}}},
        })
    );
    // Pydantic writes generics' names percent-encoded.
    let generic = json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/List%5Bint%5D"}}, "$defs": {"List[int]": {"type": "string"}}});
    assert_eq!(shown(generic)["properties"]["a"], json!({"type": "string"}));
}

#[test]
fn g10_values_that_are_no_strings_still_tell_the_type() {
    assert_eq!(shown(json!({"const": 5})), json!({"type": "integer"}));
    assert_eq!(shown(json!({"const": true})), json!({"type": "boolean"}));
    assert_eq!(shown(json!({"const": 5, "type": "number"})), json!({"type": "number"}));
    assert_eq!(shown(json!({"enum": [1, 2.5]})), json!({"type": "number"}));
    assert_eq!(shown(json!({"enum": ["a", null]})), json!({"type": "string", "enum": ["a"], "nullable": true}));
    assert_eq!(shown(json!({"enum": ["a", 1]})), json!({"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "integer"}]}));
    assert_eq!(shown(json!({"type": "string", "enum": ["a", 1]})), json!({"type": "string", "enum": ["a"]}));
    assert_eq!(
        shown(json!({"anyOf": [{"const": 1}, {"const": null}]})),
        json!({"anyOf": [{"type": "integer", "nullable": true}]})
    );
    assert_eq!(shown(json!({"items": {"type": "string"}})), json!({"type": "array", "items": {"type": "string"}}));
    assert_eq!(
        shown(json!({"type": ["integer", "string"], "minimum": 1, "maxLength": 5})),
        json!({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "maxLength": 5}]})
    );
}

#[test]
fn g10_definitions_in_a_long_chain_are_refused_not_followed_to_the_end_of_the_stack() {
    let mut definitions = Map::new();
    for level in 0..50_000 {
        definitions.insert(format!("L{level}"), json!({ "allOf": [{ "$ref": format!("#/$defs/L{}", level + 1) }] }));
    }
    let chain = json!({"$defs": definitions, "$ref": "#/$defs/L0"});
    assert!(translate(&chain, false).unwrap_err().message.contains("100 levels"));
}
