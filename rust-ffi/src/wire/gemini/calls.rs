//! Calls of functions, whole or with arguments in pieces (`streamFunctionCallArguments`): a program is shown calls that are complete.
//!
//! Source: Google's reference of `FunctionCall` and `PartialArg` on Vertex AI.

use serde::Deserialize;
use serde_json::{json, Map, Number, Value};

use super::content::FunctionCall;

/// Steps of a path. JSON is refused beyond 128 levels, and every recursive reader behind us relies on that.
const DEEPEST: usize = 100;

/// A piece of a call's arguments: a value and the place where it belongs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartialArg {
    /// `$.member`, `$['member']`, `$.list[0].member` (RFC 9535).
    #[serde(default)]
    json_path: String,
    /// Strings come in pieces themselves.
    #[serde(default)]
    string_value: Option<String>,
    #[serde(default)]
    number_value: Option<Number>,
    #[serde(default)]
    bool_value: Option<bool>,
}

/// A complete call.
pub struct Call {
    pub id: String,
    pub name: String,
    /// JSON, as text.
    pub arguments: String,
    /// Members beside OpenAI's.
    pub own: Map<String, Value>,
}

/// The calls of a candidate.
#[derive(Default)]
pub struct Calls {
    open: Option<Open>,
}

/// A call whose arguments are not all there.
#[derive(Default)]
struct Open {
    id: Option<String>,
    name: String,
    signature: Option<String>,
    arguments: Value,
}

impl Calls {
    /// Takes a part, and gives the call that it completes. The error says what is wrong with the part.
    pub fn take(&mut self, part: &FunctionCall<'_>, signature: Option<&str>) -> Result<Option<Call>, String> {
        let pieces = part.partial_args.as_deref().unwrap_or_default();
        let goes_on = part.will_continue == Some(true);
        let id = part.id.as_deref().filter(|id| !id.is_empty());
        let signature = signature.filter(|signature| !signature.is_empty());
        if self.open.is_none() && !goes_on && pieces.is_empty() {
            return call(id, &part.name, signature, part.arguments().to_owned()).map(Some);
        }
        let open = self.open.get_or_insert_with(|| Open { arguments: json!({}), ..Open::default() });
        let is_another = |known: &str, told: &str| !known.is_empty() && !told.is_empty() && known != told;
        if is_another(&open.name, &part.name) || is_another(open.id.as_deref().unwrap_or_default(), id.unwrap_or_default()) {
            return Err(format!("a function call begins before the arguments of {:?} are complete", open.name));
        }
        if open.name.is_empty() {
            open.name = part.name.clone().into_owned();
        }
        open.id = open.id.take().or_else(|| id.map(str::to_owned));
        open.signature = open.signature.take().or_else(|| signature.map(str::to_owned));
        if let (Value::Object(known), Ok(Value::Object(more))) = (&mut open.arguments, serde_json::from_str(part.arguments())) {
            known.extend(more);
        }
        for piece in pieces {
            let path = &piece.json_path;
            let place = place(&mut open.arguments, path).ok_or_else(|| {
                format!("a piece of the arguments of {:?} belongs to {path:?}, which is no place in them", open.name)
            })?;
            match (&piece.string_value, &piece.number_value, piece.bool_value) {
                (Some(more), ..) => match place {
                    Value::String(text) => text.push_str(more),
                    other => *other = more.as_str().into(),
                },
                (_, Some(number), _) => *place = number.clone().into(),
                (_, _, Some(flag)) => *place = flag.into(),
                // A null is written as nothing, and so may be the end of a string.
                _ => {}
            }
        }
        if goes_on {
            return Ok(None);
        }
        let Open { id, name, signature, arguments } = self.open.take().unwrap_or_default();
        call(id.as_deref(), &name, signature.as_deref(), arguments.to_string()).map(Some)
    }

    /// The name of a call whose arguments have begun and not ended.
    pub fn unfinished(&self) -> Option<&str> {
        self.open.as_ref().map(|open| open.name.as_str())
    }
}

fn call(id: Option<&str>, name: &str, signature: Option<&str>, arguments: String) -> Result<Call, String> {
    if name.is_empty() {
        return Err("a function call has no name".to_owned());
    }
    let mut own = Map::new();
    if let Some(signature) = signature {
        own.insert("provider_specific_fields".to_owned(), json!({ "thought_signature": signature }));
    }
    Ok(Call { id: super::signatures::id(id, signature), name: name.to_owned(), arguments, own })
}

/// The place that a path means, made where it is not there yet. None where the path is none, or leads through a text or a number.
fn place<'v>(root: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    let mut rest = path.strip_prefix('$')?;
    let mut at = root;
    let mut steps = 0;
    while !rest.is_empty() {
        steps += 1;
        if steps > DEEPEST {
            return None;
        }
        if let Some(index) = rest.strip_prefix('[').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            let (index, behind) = index.split_once(']')?;
            let index: usize = index.parse().ok()?;
            if at.is_null() {
                *at = json!([]);
            }
            let list = at.as_array_mut()?;
            // Elements come in their order: a jump would make a list as long as the server likes.
            if index == list.len() {
                list.push(Value::Null);
            }
            at = list.get_mut(index)?;
            rest = behind;
            continue;
        }
        let (name, behind) =
            match rest.strip_prefix("['").map(|rest| (rest, "']")).or(rest.strip_prefix("[\"").map(|rest| (rest, "\"]"))) {
                Some((quoted, end)) => quoted.split_once(end)?,
                None => {
                    let plain = rest.strip_prefix('.')?;
                    plain.split_at(plain.find(['.', '[']).unwrap_or(plain.len()))
                }
            };
        if name.is_empty() {
            return None;
        }
        if at.is_null() {
            *at = json!({});
        }
        at = at.as_object_mut()?.entry(name).or_insert(Value::Null);
        rest = behind;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assemble(parts: &[Value]) -> Result<Vec<(String, String)>, String> {
        let (mut calls, mut whole) = (Calls::default(), Vec::new());
        for part in parts {
            let text = part.to_string();
            let part: FunctionCall<'_> = serde_json::from_str(&text).unwrap();
            whole.extend(calls.take(&part, None)?.map(|call| (call.name, call.arguments)));
        }
        calls.unfinished().map_or(Ok(whole), |name| Err(format!("{name} is open")))
    }

    fn piece(path: &str, value: Value) -> Value {
        let mut piece = json!({ "jsonPath": path });
        piece.as_object_mut().unwrap().extend(value.as_object().cloned().unwrap());
        json!({"partialArgs": [piece], "willContinue": true})
    }

    #[test]
    fn pieces_become_one_call() {
        let parts = [
            json!({"name": "f", "willContinue": true}),
            piece("$.place", json!({"stringValue": "Bos", "willContinue": true})),
            piece("$.place", json!({"stringValue": "ton", "willContinue": true})),
            piece("$.place", json!({"stringValue": ""})),
            piece("$.days[0].n", json!({"numberValue": 3})),
            piece("$['odd name'][0]", json!({"boolValue": true})),
            piece("$.none", json!({"nullValue": null})),
            json!({}),
            json!({"name": "g", "args": {"x": 1}}),
        ];
        let arguments = r#"{"place":"Boston","days":[{"n":3}],"odd name":[true],"none":null}"#;
        assert_eq!(
            assemble(&parts).unwrap(),
            [("f".to_owned(), arguments.to_owned()), ("g".to_owned(), r#"{"x":1}"#.to_owned())]
        );
    }

    #[test]
    fn what_is_no_whole_call_is_told() {
        let begun = json!({"name": "f", "willContinue": true});
        for parts in [
            vec![json!({})],
            vec![json!({"args": {}})],
            vec![begun.clone()],
            vec![begun.clone(), json!({"name": "g", "args": {}})],
            vec![begun.clone(), piece("$.a[7]", json!({"stringValue": "x"})), json!({})],
            vec![begun.clone(), piece("a", json!({"stringValue": "x"})), json!({})],
            vec![begun.clone(), piece(&format!("${}", "[0]".repeat(5000)), json!({"stringValue": "x"})), json!({})],
            vec![begun, piece("$.a", json!({"stringValue": "x"})), piece("$.a.b", json!({"stringValue": "x"})), json!({})],
        ] {
            assert!(assemble(&parts).is_err(), "{parts:?}");
        }
    }
}
