//! How each provider is asked for a reranking.
//!
//! Sources: the providers' API references, and litellm 1.106's requests as observed.

use std::borrow::Cow;

use crate::engine::route::Route;
use crate::wire::body::Body;
use crate::wire::http::join;
use crate::wire::openai::address::voyage;
use crate::wire::providers::Provider;

/// How one provider is asked, and how it answers.
pub struct Form {
    name: &'static str,
    path: Path,
    /// litellm's parameters that it has, besides `query` and `documents`.
    pub supported: &'static [&'static str],
    /// Its own names of parameters.
    pub renames: &'static [(&'static str, &'static str)],
    /// Members of every body, as JSON.
    pub members: &'static [(&'static str, &'static str)],
    /// It takes as many queries as documents, and its address names the model.
    pub one_query_each: bool,
    pub answer: Answer,
}

/// Where the reranking is found.
enum Path {
    /// Behind the address, unless that ends in it.
    Behind(&'static str),
    /// Behind the address, whatever that ends in: it is a base always.
    Always(&'static str),
    /// Cohere has two versions, whose parameters differ.
    Cohere,
    /// vLLM's: the address may end in the path of the other providers.
    Vllm,
    /// DeepInfra's own, which is not below OpenAI's.
    Inference,
}

/// What the answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `{"id", "results": [{"index", "relevance_score"}], "meta"}`, which is litellm's form.
    Cohere,
    /// `{"results": […], "usage": {…}}`; the usage is litellm's meta as it stands.
    Jina,
    /// The results are `data`; the usage is a total.
    Voyage,
    /// `{"results": […], "usage": {"total_tokens"}}`.
    Total,
    /// A usage of prompt and total.
    PromptAndTotal,
    /// `{"scores": […], "input_tokens"}`, in the documents' order.
    Scores,
    /// `[{"index", "score", "text"?}]`.
    List,
}

const fn form(name: &'static str, path: Path, supported: &'static [&'static str], answer: Answer) -> Form {
    Form { name, path, supported, renames: &[], members: &[], one_query_each: false, answer }
}

static FORMS: &[Form] = &[
    form("cohere", Path::Cohere, COHERE, Answer::Cohere),
    form("cohere_chat", Path::Cohere, COHERE, Answer::Cohere),
    form("litellm_proxy", Path::Behind("v1/rerank"), COHERE, Answer::Cohere),
    form("azure_ai", Path::Behind("v1/rerank"), COHERE, Answer::Cohere),
    form("jina_ai", Path::Behind("rerank"), &["top_n", "return_documents"], Answer::Jina),
    form("scaleway", Path::Behind("rerank"), &["top_n"], Answer::Jina),
    Form {
        renames: &[("top_n", "top_k")],
        ..form("voyage", Path::Behind("rerank"), &["top_n", "return_documents"], Answer::Voyage)
    },
    form("together_ai", Path::Always("rerank"), &["top_n", "rank_fields", "return_documents"], Answer::Jina),
    form(
        "hosted_vllm",
        Path::Vllm,
        &["top_n", "rank_fields", "return_documents", "max_tokens_per_doc", "instruction"],
        Answer::Total,
    ),
    form(
        "infinity",
        Path::Behind("rerank"),
        &["top_n", "rank_fields", "return_documents", "max_chunks_per_doc"],
        Answer::PromptAndTotal,
    ),
    form("fireworks_ai", Path::Behind("rerank"), &["top_n", "return_documents"], Answer::Voyage),
    form("dashscope", Path::Behind("reranks"), &["top_n", "return_documents"], Answer::Total),
    form("qwencloud", Path::Behind("reranks"), &["top_n", "return_documents"], Answer::Total),
    form("qwen_ai_platform", Path::Behind("reranks"), &["top_n", "return_documents"], Answer::Total),
    Form { one_query_each: true, ..form("deepinfra", Path::Inference, &["instruction"], Answer::Scores) },
    Form {
        renames: &[("documents", "texts"), ("return_documents", "return_text")],
        members: &[("raw_scores", "false"), ("truncate", "false"), ("truncation_direction", "\"Right\"")],
        ..form("huggingface", Path::Behind("rerank"), &["top_n", "return_documents"], Answer::List)
    },
];

const COHERE: &[&str] = &["top_n", "rank_fields", "return_documents", "max_chunks_per_doc", "max_tokens_per_doc"];

/// How the provider is asked; None where it is not.
pub fn find(provider: &str) -> Option<&'static Form> {
    FORMS.iter().find(|form| form.name == provider)
}

/// DashScope serves rerankings beside OpenAI's protocol, not below it.
const DASHSCOPE: (&str, &str) = ("/compatible-mode/v1", "/compatible-api/v1");

impl Form {
    pub fn model<'m>(&self, model: &'m str) -> Cow<'m, str> {
        if self.name == "fireworks_ai" && !model.starts_with("fireworks/") && !model.starts_with("accounts/") {
            format!("fireworks/{model}").into()
        } else {
            model.into()
        }
    }

    pub fn address(&self, row: &Provider, route: &Route, body: &Body<'_>) -> String {
        let mut base = route.api_base.as_str();
        if self.name == "voyage" {
            base = voyage(row, base, route.api_key.as_ref().map(|key| key.expose()));
        }
        match &self.path {
            Path::Behind("reranks") if base.ends_with("/rerank") => base.to_owned(),
            Path::Behind("reranks") => join(&base.replace(DASHSCOPE.0, DASHSCOPE.1), "reranks"),
            // A version at the end of the address is the one that is meant.
            Path::Behind("v1/rerank") if base.ends_with("/v2/rerank") => base.to_owned(),
            Path::Behind("v1/rerank") if base.ends_with("/v1") || base.ends_with("/v2") => format!("{base}/rerank"),
            Path::Behind("rerank") if self.name == "voyage" && !base.ends_with("/v1") => join(base, "v1/rerank"),
            Path::Behind(path) => join(base, path),
            Path::Always(path) => format!("{base}/{path}"),
            Path::Vllm => match base.strip_suffix("/v1/rerank") {
                Some(root) => format!("{root}/rerank"),
                None => join(base, "rerank"),
            },
            Path::Cohere => {
                let chunks = body.has("max_chunks_per_doc") && !body.has("max_tokens_per_doc");
                if base.ends_with("/v1/rerank") || base.ends_with("/v2/rerank") {
                    base.to_owned()
                } else {
                    // The address of chats may be given: rerankings stand beside them.
                    let root =
                        ["/v1", "/v2", "/v2/chat", "/v1/chat"].iter().find_map(|end| base.strip_suffix(end)).unwrap_or(base);
                    format!("{root}/{}/rerank", if chunks { "v1" } else { "v2" })
                }
            }
            Path::Inference => join(base.trim_end_matches("/openai"), &format!("inference/{}", route.model)),
        }
    }
}
