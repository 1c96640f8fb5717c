//! The paths of `additional_drop_params`: `tools[*].function.strict`, `metadata.secret`, `stop[0]`.

use serde_json::Value;

use crate::engine::error::{Error, Result};
use crate::wire::body::{Body, Json};

enum Step<'p> {
    Member(&'p str),
    Item(usize),
    EveryItem,
}

/// Removes what a path names from the body. A plain name is not a path: it was left out before. What is not there is no error.
pub fn delete(body: &mut Body<'_>, path: &str) -> Result<()> {
    if !path.contains(['.', '[']) {
        return Ok(());
    }
    let steps = parse(path).ok_or_else(|| {
        Error::bad_request(format!(
            "`additional_drop_params` holds {path:?}, which is no path; write it as in \"tools[*].function.strict\""
        ))
    })?;
    let [Step::Member(member), rest @ ..] = steps.as_slice() else { return Ok(()) };
    if rest.is_empty() {
        body.remove(member);
        return Ok(());
    }
    let Some(mut value) = body.get(member).and_then(Json::read::<Value>) else { return Ok(()) };
    if remove(&mut value, rest) {
        body.set((*member).to_owned(), value.into());
    }
    Ok(())
}

fn parse(path: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (name, mut brackets) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.is_empty() {
            return None;
        }
        steps.push(Step::Member(name));
        while !brackets.is_empty() {
            let (inside, rest) = brackets.strip_prefix('[')?.split_once(']')?;
            steps.push(if inside == "*" { Step::EveryItem } else { Step::Item(inside.parse().ok()?) });
            brackets = rest;
        }
    }
    Some(steps)
}

/// True when something was removed.
fn remove(value: &mut Value, steps: &[Step<'_>]) -> bool {
    let Some((step, rest)) = steps.split_first() else { return false };
    if rest.is_empty() {
        return match (step, value) {
            (Step::Member(name), Value::Object(object)) => object.shift_remove(*name).is_some(),
            (Step::Item(at), Value::Array(list)) if *at < list.len() => {
                list.remove(*at);
                true
            }
            (Step::EveryItem, Value::Array(list)) => !std::mem::take(list).is_empty(),
            _ => false,
        };
    }
    match (step, value) {
        (Step::Member(name), Value::Object(object)) => object.get_mut(*name).is_some_and(|inner| remove(inner, rest)),
        (Step::Item(at), Value::Array(list)) => list.get_mut(*at).is_some_and(|inner| remove(inner, rest)),
        (Step::EveryItem, Value::Array(list)) => list.iter_mut().fold(false, |any, inner| remove(inner, rest) | any),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(value: &str, path: &str) -> String {
        let mut body = Body::default();
        body.set("a", Json::Own(value.to_owned()));
        delete(&mut body, path).unwrap();
        String::from_utf8(body.write()).unwrap()
    }

    #[test]
    fn paths_reach_into_lists_and_objects() {
        assert_eq!(after(r#"[{"f":{"strict":true,"x":1}},{"f":{}}]"#, "a[*].f.strict"), r#"{"a":[{"f":{"x":1}},{"f":{}}]}"#);
        assert_eq!(after("[1,2,3]", "a[1]"), r#"{"a":[1,3]}"#);
        assert_eq!(after(r#"{"b":{"c":1}}"#, "a.b"), r#"{"a":{}}"#);
        // Nothing there: the caller's own text stays.
        assert_eq!(after("[1e400]", "a[5].x"), r#"{"a":[1e400]}"#);
        assert_eq!(after("1", "b.c"), r#"{"a":1}"#);
    }

    #[test]
    fn a_broken_path_is_an_error() {
        for path in ["a[", "a[x]", ".a", "a..b", "a[0"] {
            assert!(delete(&mut Body::default(), path).is_err(), "{path}");
        }
    }
}
