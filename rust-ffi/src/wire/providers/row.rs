//! How a row is written: what a server of OpenAI's protocol has for want of anything else, and what refines it.

use super::supported as list;
use super::Source::Setting;
use super::{ErrorFamily, Protocol, Provider, Quirk, Source, Unreadable};
use crate::wire::operation::{Operation, Operations};
use crate::wire::params::Param;

/// `litellm.api_key`, after a provider's own key: the one key of a program that uses one provider.
pub(super) const ANY: Source = Setting("api_key");

/// OpenAI's name for the limit, and the one that most other servers know.
pub(super) const TO_MAX_TOKENS: &[(Param, &str)] = &[(Param::MaxCompletionTokens, "max_tokens")];

/// What a server of OpenAI's protocol is asked for as OpenAI is: it may not have it, and then says so itself.
pub(super) const COMPATIBLE: Operations = Operations::of(&[
    Operation::Completion,
    Operation::Embedding,
    Operation::ImageGeneration,
    Operation::ImageEdit,
    Operation::Transcription,
    Operation::Speech,
]);

/// Those that complete texts, too.
pub(super) const WITH_TEXTS: Operations = COMPATIBLE.and(&[Operation::TextCompletion]);

/// Those that have the Responses API.
pub(super) const WITH_RESPONSES: Operations = COMPATIBLE.and(&[Operation::Responses]);

/// What a provider with OpenAI's ways to keep files and to work off batches of requests has besides.
pub(super) const FILES: &[Operation] = &[Operation::CreateFile];
pub(super) const FILES_AND_BATCHES: &[Operation] = &[Operation::CreateFile, Operation::CreateBatch];

/// Providers of vectors and rankings only.
pub(super) const VECTORS: Operations = Operations::of(&[Operation::Embedding]);

/// A server of OpenAI's protocol, to be refined.
pub(super) const fn row(name: &'static str) -> Provider {
    Provider {
        name,
        protocol: Protocol::OpenAi,
        operations: COMPATIBLE,
        api_base: None,
        derives_base: false,
        base_sources: &[],
        key_sources: &[ANY],
        default_key: None,
        needs_key: true,
        errors: ErrorFamily::OpenAi,
        unreadable: Unreadable::InternalServer,
        unreadable_vectors: Unreadable::InternalServer,
        chat: list::compatible,
        embedding: list::EMBEDDING,
        renames: &[],
        quirks: &[],
        body: &[],
        headers: &[],
        qualified: true,
    }
}

impl Provider {
    pub(super) const fn at(self, api_base: &'static str, sources: &'static [Source]) -> Self {
        Provider { api_base: Some(api_base), base_sources: sources, ..self }
    }

    pub(super) const fn operations(self, operations: Operations) -> Self {
        Provider { operations, ..self }
    }

    /// Every user has their own address.
    pub(super) const fn own(self, sources: &'static [Source]) -> Self {
        Provider { base_sources: sources, ..self }
    }

    pub(super) const fn key(self, sources: &'static [Source]) -> Self {
        Provider { key_sources: sources, ..self }
    }

    /// No key is fine; servers at home get this one then.
    pub(super) const fn no_key(self, default: Option<&'static str>) -> Self {
        Provider { needs_key: false, default_key: default, ..self }
    }

    pub(super) const fn chat(self, chat: fn(&str) -> crate::wire::params::Supported) -> Self {
        Provider { chat, ..self }
    }

    pub(super) const fn embedding(self, embedding: &'static [&'static str]) -> Self {
        Provider { embedding, ..self }
    }

    pub(super) const fn max_tokens(self) -> Self {
        Provider { renames: TO_MAX_TOKENS, ..self }
    }

    pub(super) const fn quirks(self, quirks: &'static [Quirk]) -> Self {
        Provider { quirks, ..self }
    }

    pub(super) const fn errors(self, errors: ErrorFamily) -> Self {
        Provider { errors, ..self }
    }

    pub(super) const fn unreadable(self, unreadable: Unreadable) -> Self {
        Provider { unreadable, ..self }
    }

    pub(super) const fn unreadable_vectors(self, unreadable_vectors: Unreadable) -> Self {
        Provider { unreadable_vectors, ..self }
    }

    /// The answer's model is shown as the provider wrote it.
    pub(super) const fn plain_model(self) -> Self {
        Provider { qualified: false, ..self }
    }

    pub(super) const fn body(self, body: &'static [(&'static str, &'static str)]) -> Self {
        Provider { body, ..self }
    }

    pub(super) const fn headers(self, headers: &'static [(&'static str, &'static [Source], &'static str)]) -> Self {
        Provider { headers, ..self }
    }
}
