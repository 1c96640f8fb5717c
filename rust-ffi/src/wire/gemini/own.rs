//! What of a candidate has no place in OpenAI's message: signatures, tools that Google ran, code that it ran.

use serde_json::{json, Map, Value};

use super::content::Part;

/// Members of `provider_specific_fields`, each a list that grows with an answer's parts.
#[derive(Default)]
pub struct Own(Map<String, Value>);

impl Own {
    /// Adds what the next parts hold. Gives the members that grew, each with all that came so far: what programs keep of a stream is the
    /// last that they were shown of a member.
    pub fn add(&mut self, parts: &[Part<'_>]) -> Map<String, Value> {
        let mut grown: Vec<&str> = Vec::new();
        for part in parts {
            let signature = part.thought_signature.as_deref();
            if let Some(signature) = signature {
                self.push(&mut grown, "thought_signatures", signature.into());
            }
            if let Some(call) = &part.tool_call {
                let mut entry = json!({"tool_type": call["toolType"], "id": call["id"], "args": call["args"]});
                if let Some(signature) = signature {
                    entry["thought_signature"] = signature.into();
                }
                self.push(&mut grown, INVOCATIONS, entry);
            } else if let Some(answer) = &part.tool_response {
                let waits = |entry: &&mut Value| entry["id"] == answer["id"] && entry.get("response").is_none();
                let mut entry = json!({"id": answer["id"], "tool_type": answer["toolType"]});
                let known =
                    self.0.get_mut(INVOCATIONS).and_then(Value::as_array_mut).and_then(|list| list.iter_mut().find(waits));
                let is_known = known.is_some();
                let one = known.unwrap_or(&mut entry);
                one["response"] = answer["response"].clone();
                if let Some(signature) = signature {
                    one["response_thought_signature"] = signature.into();
                }
                if is_known {
                    grown.push(INVOCATIONS);
                } else {
                    self.push(&mut grown, INVOCATIONS, entry);
                }
            }
            for (name, value) in [
                ("executable_code", &part.executable_code),
                ("code_execution_results", &part.code_execution_result),
                ("file_data", &part.file_data),
            ] {
                if let Some(value) = value {
                    self.push(&mut grown, name, value.clone());
                }
            }
        }
        self.0
            .iter()
            .filter(|(name, _)| grown.contains(&name.as_str()))
            .map(|(name, list)| (name.clone(), list.clone()))
            .collect()
    }

    fn push(&mut self, grown: &mut Vec<&str>, name: &'static str, value: Value) {
        if let Value::Array(list) = self.0.entry(name).or_insert_with(|| json!([])) {
            list.push(value);
        }
        grown.push(name);
    }
}

const INVOCATIONS: &str = "server_side_tool_invocations";
