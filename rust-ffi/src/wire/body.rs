//! A provider's request body in the making: members in order, each still the caller's own text wherever nothing had to change.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::engine::json;

/// A JSON text: the caller's, or one written here.
#[derive(Clone, Debug)]
pub enum Json<'r> {
    Raw(&'r RawValue),
    Own(String),
}

impl Json<'_> {
    pub fn text(&self) -> &str {
        match self {
            Json::Raw(raw) => raw.get(),
            Json::Own(text) => text,
        }
    }

    /// Reads the value as `T`; None when it is of another kind.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.text()).ok()
    }
}

impl From<serde_json::Value> for Json<'_> {
    fn from(value: serde_json::Value) -> Self {
        Json::Own(value.to_string())
    }
}

/// A body's members. Few enough for a search from the front to beat hashing.
#[derive(Clone, Debug, Default)]
pub struct Body<'r>(Vec<(Cow<'r, str>, Json<'r>)>);

impl<'r> Body<'r> {
    pub fn get(&self, name: &str) -> Option<&Json<'r>> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a member, in its old place where it has one.
    pub fn set(&mut self, name: impl Into<Cow<'r, str>>, value: Json<'r>) {
        let name = name.into();
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    pub fn remove(&mut self, name: &str) -> Option<Json<'r>> {
        let at = self.0.iter().position(|(n, _)| n == name)?;
        Some(self.0.remove(at).1)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }

    /// Writes the object: one copy of each value, and no other.
    pub fn write(&self) -> Vec<u8> {
        let size = self.0.iter().map(|(name, value)| name.len() + value.text().len() + 4).sum::<usize>() + 2;
        let mut out = Vec::with_capacity(size);
        out.push(b'{');
        for (at, (name, value)) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            json::push_string(&mut out, name);
            out.push(b':');
            out.extend_from_slice(value.text().as_bytes());
        }
        out.push(b'}');
        out
    }
}

/// The members in order.
impl<'r> IntoIterator for Body<'r> {
    type Item = (Cow<'r, str>, Json<'r>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_text_and_place() {
        let raw: &RawValue = serde_json::from_str("1e400").unwrap();
        let mut body = Body::default();
        body.set("model", Json::Own("\"m\"".into()));
        body.set("a\"b", Json::Raw(raw));
        body.set("gone", Json::Own("1".into()));
        body.set("model", Json::Own("\"n\"".into()));
        assert!(body.remove("gone").is_some() && body.remove("gone").is_none());
        assert_eq!(body.write(), br#"{"model":"n","a\"b":1e400}"#);
        assert_eq!(Body::default().write(), b"{}");
    }
}
