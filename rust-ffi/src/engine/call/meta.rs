//! The `meta` of an event: where its answer came from.

use serde_json::value::RawValue;

use super::Call;
use crate::wire::Head;

/// The `meta` of an event.
pub(super) fn meta(call: &Call, head: Option<&Head>, attempts: u32) -> Vec<u8> {
    #[derive(serde::Serialize)]
    struct Meta<'a> {
        provider: &'a str,
        model: &'a str,
        api_base: &'a str,
        status: Option<u16>,
        request_id: Option<&'a str>,
        attempts: u32,
        #[serde(serialize_with = "pairs")]
        headers: &'a [(String, String)],
        #[serde(flatten, serialize_with = "members")]
        more: &'a [(&'static str, Box<RawValue>)],
    }
    fn pairs<S: serde::Serializer>(headers: &&[(String, String)], serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(headers.iter().map(|(name, value)| (name, value)))
    }
    fn members<S: serde::Serializer>(
        more: &&[(&'static str, Box<RawValue>)],
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(more.iter().map(|(name, value)| (name, value)))
    }
    let meta = Meta {
        provider: &call.route.provider,
        model: &call.route.model,
        api_base: &call.route.api_base,
        status: head.map(|head| head.status),
        request_id: head.and_then(Head::request_id),
        attempts,
        headers: head.map_or(&[], |head| &head.headers),
        more: &call.told,
    };
    serde_json::to_vec(&meta).unwrap_or_default()
}
