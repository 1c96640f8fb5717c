//! The rows.

use super::openai_models;
use super::row::{row, ANY, COMPATIBLE, FILES, FILES_AND_BATCHES, VECTORS, WITH_RESPONSES, WITH_TEXTS};
use super::supported as list;
use super::Source::{Env, Setting};
use super::{ErrorFamily, Protocol, Provider, Quirk, Unreadable};
use crate::wire::operation::{Operation, Operations};
use crate::wire::params::Param;

/// Cohere's own protocol, under one of litellm's two names for it.
const fn cohere(name: &'static str) -> Provider {
    Provider { protocol: Protocol::Cohere, ..row(name) }
        .at("https://api.cohere.com", &[Setting("api_base"), Env("COHERE_API_BASE")])
        .key(&[Setting("cohere_key"), Env("COHERE_API_KEY"), Env("CO_API_KEY"), ANY])
        .chat(list::cohere)
        .errors(ErrorFamily::Cohere)
        .unreadable(Unreadable::ApiConnection)
        .unreadable_vectors(Unreadable::ApiConnection)
        .embedding(&["encoding_format", "dimensions"])
}

/// Ollama's own protocol, under one of litellm's two names for it.
const fn ollama(name: &'static str) -> Provider {
    Provider { protocol: Protocol::Ollama, ..row(name) }
        .at("http://localhost:11434", &[Env("OLLAMA_API_BASE")])
        .key(&[Setting("ollama_key"), Env("OLLAMA_API_KEY"), ANY])
        .no_key(None)
        .errors(ErrorFamily::Ollama)
        .unreadable(Unreadable::ApiConnection)
        .unreadable_vectors(Unreadable::ApiConnection)
        .embedding(&["dimensions"])
}

pub static ALL: &[Provider] = &[
    row("openai")
        .operations(WITH_RESPONSES.and(&[Operation::Moderation]).and(FILES_AND_BATCHES))
        .at("https://api.openai.com/v1", &[Setting("api_base"), Env("OPENAI_BASE_URL"), Env("OPENAI_API_BASE")])
        .key(&[ANY, Setting("openai_key"), Env("OPENAI_API_KEY")])
        .chat(openai_models::openai)
        .quirks(&[Quirk::OpenAiFamilies])
        .plain_model(),
    // OpenAI's older models, which continue a text. litellm's name for them.
    row("text-completion-openai")
        .operations(Operations::of(&[Operation::TextCompletion]))
        .at("https://api.openai.com/v1", &[Setting("api_base"), Env("OPENAI_BASE_URL"), Env("OPENAI_API_BASE")])
        .key(&[ANY, Setting("openai_key"), Env("OPENAI_API_KEY")])
        .plain_model(),
    Provider { protocol: Protocol::Azure, ..row("azure") }
        .operations(WITH_RESPONSES.and(FILES_AND_BATCHES))
        .own(&[Setting("api_base"), Env("AZURE_API_BASE")])
        .key(&[ANY, Setting("azure_key"), Env("AZURE_OPENAI_API_KEY"), Env("AZURE_API_KEY")])
        .chat(openai_models::azure)
        .errors(ErrorFamily::Azure)
        .unreadable(Unreadable::Api)
        .quirks(&[Quirk::OpenAiFamilies, Quirk::Base64Vectors])
        .plain_model()
        .unreadable_vectors(Unreadable::Api),
    Provider { protocol: Protocol::Anthropic, ..row("anthropic") }
        .at("https://api.anthropic.com", &[Setting("api_base"), Env("ANTHROPIC_API_BASE"), Env("ANTHROPIC_BASE_URL")])
        .key(&[Setting("anthropic_key"), ANY, Env("ANTHROPIC_API_KEY"), Env("ANTHROPIC_AUTH_TOKEN")])
        .chat(list::anthropic)
        .embedding(&[])
        .errors(ErrorFamily::Anthropic)
        .unreadable(Unreadable::ApiConnection)
        .headers(&[("anthropic-version", &[], "2023-06-01")])
        .plain_model(),
    row("custom_openai")
        .operations(COMPATIBLE.and(&[Operation::Moderation]).and(FILES_AND_BATCHES))
        .own(&[Setting("api_base"), Env("OPENAI_BASE_URL"), Env("OPENAI_API_BASE")])
        .key(&[ANY, Setting("openai_key"), Env("OPENAI_API_KEY")])
        .no_key(None)
        .max_tokens(),
    row("openai_like")
        .operations(COMPATIBLE.and(&[Operation::Moderation]))
        .own(&[Setting("api_base"), Env("OPENAI_LIKE_API_BASE")])
        .key(&[Setting("openai_like_key"), Env("OPENAI_LIKE_API_KEY"), ANY])
        .no_key(None)
        .plain_model(),
    // Hosted models.
    row("abliteration")
        .at("https://api.abliteration.ai/v1", &[])
        .key(&[Env("ABLITERATION_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus)
        .max_tokens()
        .chat(list::compatible_with_effort),
    row("ai21_chat")
        .at("https://api.ai21.com/studio/v1", &[Env("AI21_API_BASE")])
        .key(&[Setting("ai21_key"), Env("AI21_API_KEY"), ANY])
        .chat(list::ai21)
        .max_tokens(),
    row("aihubmix")
        .at("https://aihubmix.com/v1", &[Env("AIHUBMIX_API_BASE")])
        .key(&[Env("AIHUBMIX_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus)
        .max_tokens()
        .chat(list::compatible_with_effort),
    row("aiml")
        .at("https://api.aimlapi.com/v1", &[Env("AIML_API_BASE")])
        .key(&[Env("AIML_API_KEY"), ANY])
        .max_tokens()
        .chat(list::compatible_with_effort),
    row("amazon_nova")
        .at("https://api.nova.amazon.com/v1", &[Env("AMAZON_NOVA_API_BASE")])
        .key(&[Setting("amazon_nova_api_key"), Env("AMAZON_NOVA_API_KEY"), ANY])
        .chat(list::amazon_nova)
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection)
        .max_tokens(),
    row("apertis").operations(WITH_TEXTS).at("https://api.stima.tech/v1", &[]).key(&[Env("STIMA_API_KEY"), ANY]).max_tokens(),
    row("assemblyai")
        .at("https://llm-gateway.assemblyai.com/v1", &[])
        .key(&[Env("ASSEMBLYAI_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus),
    row("azure_ai")
        .own(&[Env("AZURE_AI_API_BASE"), Setting("api_base")])
        .key(&[Env("AZURE_AI_API_KEY"), Setting("azure_key"), ANY])
        .chat(list::azure_ai)
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection)
        .quirks(&[Quirk::OpenAiFamilies, Quirk::TextContent, Quirk::NoReasoningContent]),
    row("baseten")
        .at("https://inference.baseten.co/v1", &[Env("BASETEN_API_BASE")])
        .key(&[Setting("baseten_key"), Env("BASETEN_API_KEY"), ANY])
        .chat(list::baseten)
        .max_tokens(),
    Provider { protocol: Protocol::Bedrock, derives_base: true, ..row("bedrock") }
        .own(&[Env("AWS_BEDROCK_RUNTIME_ENDPOINT")])
        .key(&[Env("AWS_BEARER_TOKEN_BEDROCK")])
        .no_key(None)
        .chat(crate::wire::bedrock::models::supported)
        .embedding(&[])
        .errors(ErrorFamily::Bedrock)
        .unreadable(Unreadable::BadRequest)
        .plain_model(),
    row("cerebras")
        .at("https://api.cerebras.ai/v1", &[Env("CEREBRAS_API_BASE")])
        .key(&[Env("CEREBRAS_API_KEY"), ANY])
        .chat(list::cerebras)
        .max_tokens(),
    row("charity_engine")
        .at("https://api.charityengine.services/remotejobs/v2/inference", &[])
        .key(&[Env("CHARITY_ENGINE_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus)
        .max_tokens(),
    row("chutes").operations(WITH_TEXTS).at("https://llm.chutes.ai/v1", &[]).key(&[Env("CHUTES_API_KEY"), ANY]).max_tokens(),
    row("clarifai")
        .at("https://api.clarifai.com/v2/ext/openai/v1", &[])
        .key(&[Setting("clarifai_key"), Env("CLARIFAI_API_KEY"), ANY])
        .chat(list::clarifai),
    row("codestral")
        .at("https://codestral.mistral.ai/v1", &[Env("CODESTRAL_API_BASE")])
        .key(&[Env("CODESTRAL_API_KEY"), ANY])
        .chat(list::mistral)
        .max_tokens()
        .quirks(&[Quirk::Mistral, Quirk::NoReasoningContent, Quirk::NoEmptyAssistant, Quirk::TextContent, Quirk::NamesOnTools]),
    row("cognition").at("https://api.cognition.ai/v1", &[Env("COGNITION_API_BASE")]).key(&[Env("COGNITION_API_KEY"), ANY]),
    row("compactifai")
        .at("https://api.compactif.ai/v1", &[Env("COMPACTIFAI_API_BASE")])
        .key(&[Env("COMPACTIFAI_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection),
    Provider { derives_base: true, ..row("cloudflare") }
        .own(&[Env("CLOUDFLARE_API_BASE")])
        .key(&[Setting("cloudflare_api_key"), Env("CLOUDFLARE_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection)
        .plain_model(),
    cohere("cohere"),
    cohere("cohere_chat"),
    row("cometapi")
        .at("https://api.cometapi.com/v1", &[Env("COMETAPI_BASE_URL")])
        .key(&[Setting("cometapi_key"), Env("COMETAPI_KEY"), ANY])
        .unreadable(Unreadable::ApiWithStatus)
        .plain_model()
        .unreadable_vectors(Unreadable::ApiWithStatus),
    row("cortecs").at("https://api.cortecs.ai/v1", &[Env("CORTECS_API_BASE")]).key(&[Env("CORTECS_API_KEY"), ANY]),
    row("crusoe")
        .at("https://managed-inference-api-proxy.crusoecloud.com/v1", &[Env("CRUSOE_API_BASE")])
        .key(&[Env("CRUSOE_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus)
        .max_tokens()
        .chat(list::compatible_with_effort),
    row("darkbloom")
        .at("https://api.darkbloom.dev/v1", &[Env("DARKBLOOM_API_BASE")])
        .key(&[Env("DARKBLOOM_API_KEY"), ANY])
        .max_tokens(),
    row("dashscope")
        .operations(WITH_TEXTS)
        .at("https://dashscope.aliyuncs.com/compatible-mode/v1", &[Env("DASHSCOPE_API_BASE")])
        .key(&[Env("DASHSCOPE_API_KEY"), ANY])
        .chat(list::compatible_with_effort)
        .quirks(&[Quirk::CacheControl])
        .unreadable_vectors(Unreadable::ApiWithStatus),
    row("databricks")
        .operations(WITH_RESPONSES)
        .own(&[Env("DATABRICKS_API_BASE")])
        .key(&[Setting("databricks_key"), Env("DATABRICKS_API_KEY"), ANY])
        .no_key(None)
        .chat(list::databricks)
        .max_tokens()
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection)
        .quirks(&[
            Quirk::ThinkingBudget,
            Quirk::CacheControlByModel,
            Quirk::NoReasoningContent,
            Quirk::NamesOnUsers,
            Quirk::DatabricksMessages,
        ])
        .embedding(&[]),
    row("datarobot")
        .at("https://app.datarobot.com", &[Env("DATAROBOT_ENDPOINT")])
        .key(&[Setting("datarobot_key"), Env("DATAROBOT_API_TOKEN"), ANY])
        .max_tokens()
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection)
        .plain_model(),
    row("deepinfra")
        .at("https://api.deepinfra.com/v1/openai", &[Env("DEEPINFRA_API_BASE")])
        .key(&[Env("DEEPINFRA_API_KEY"), ANY])
        .chat(list::deepinfra)
        .max_tokens()
        .quirks(&[Quirk::TextToolContent, Quirk::ToolChoiceAutoOrNone]),
    row("deepseek")
        .at("https://api.deepseek.com/beta", &[Env("DEEPSEEK_API_BASE")])
        .key(&[Env("DEEPSEEK_API_KEY"), ANY])
        .chat(list::deepseek)
        .unreadable(Unreadable::ApiWithStatus)
        .quirks(&[Quirk::TextContent, Quirk::ThinkingSwitch])
        .plain_model(),
    row("edenai")
        .at("https://api.edenai.run/v3", &[Env("EDENAI_API_BASE")])
        .key(&[Env("EDENAI_API_KEY"), ANY])
        .unreadable(Unreadable::ApiWithStatus)
        .plain_model()
        .unreadable_vectors(Unreadable::ApiConnection),
    row("empiriolabs")
        .at("https://api.empiriolabs.ai/v1", &[Env("EMPIRIOLABS_API_BASE")])
        .key(&[Env("EMPIRIOLABS_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus)
        .max_tokens()
        .chat(list::compatible_with_effort),
    row("empower")
        .at("https://app.empower.dev/api/v1", &[Env("EMPOWER_API_BASE")])
        .key(&[Env("EMPOWER_API_KEY"), ANY])
        .max_tokens(),
    row("featherless_ai")
        .operations(WITH_TEXTS)
        .at("https://api.featherless.ai/v1", &[Env("FEATHERLESS_AI_API_BASE"), Env("FEATHERLESS_API_BASE")])
        .key(&[Env("FEATHERLESS_AI_API_KEY"), Env("FEATHERLESS_API_KEY"), ANY])
        .chat(list::featherless)
        .max_tokens(),
    row("fireworks_ai")
        .operations(WITH_TEXTS.and(&[Operation::Responses]))
        .at("https://api.fireworks.ai/inference/v1", &[Env("FIREWORKS_API_BASE")])
        .key(&[Env("FIREWORKS_API_KEY"), Env("FIREWORKS_AI_API_KEY"), Env("FIREWORKSAI_API_KEY"), Env("FIREWORKS_AI_TOKEN"), ANY])
        .chat(list::fireworks)
        .unreadable(Unreadable::ApiWithStatus)
        .max_tokens()
        .quirks(&[Quirk::FireworksModels, Quirk::UsageInStreams, Quirk::GuidedChoice, Quirk::PlainAssistant])
        .embedding(&["dimensions"]),
    row("friendliai")
        .at("https://api.friendli.ai/serverless/v1", &[Env("FRIENDLI_API_BASE")])
        .key(&[Env("FRIENDLIAI_API_KEY"), Env("FRIENDLI_TOKEN"), ANY])
        .max_tokens(),
    row("galadriel")
        .at("https://api.galadriel.com/v1", &[Env("GALADRIEL_API_BASE")])
        .key(&[Env("GALADRIEL_API_KEY"), ANY])
        .max_tokens(),
    row("github")
        .at("https://models.inference.ai.azure.com", &[Env("GITHUB_API_BASE")])
        .key(&[Env("GITHUB_API_KEY"), ANY])
        .max_tokens(),
    row("gmi")
        .at("https://api.gmi-serving.com/v1", &[])
        .key(&[Env("GMI_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus)
        .max_tokens()
        .chat(list::compatible_with_effort),
    row("gradient_ai")
        .at("https://inference.do-ai.run", &[Env("GRADIENT_AI_AGENT_ENDPOINT")])
        .key(&[Setting("gradient_ai_api_key"), Env("GRADIENT_AI_API_KEY"), ANY])
        .chat(list::gradient_ai)
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection)
        .plain_model(),
    row("groq")
        .operations(COMPATIBLE.and(FILES_AND_BATCHES))
        .at("https://api.groq.com/openai/v1", &[Env("GROQ_API_BASE")])
        .key(&[Setting("groq_key"), Env("GROQ_API_KEY"), ANY])
        .chat(list::groq)
        .unreadable(Unreadable::ApiConnection)
        .max_tokens()
        .plain_model()
        .quirks(&[Quirk::GroqSchemas, Quirk::GroqSearch]),
    row("helicone").at("https://ai-gateway.helicone.ai", &[]).key(&[Env("HELICONE_API_KEY"), ANY]),
    row("heroku")
        .own(&[Env("HEROKU_API_BASE")])
        .key(&[Env("HEROKU_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection)
        .quirks(&[Quirk::TextContent, Quirk::V1Path])
        .plain_model(),
    row("huggingface")
        .at("https://router.huggingface.co/v1", &[Env("HF_API_BASE"), Env("HUGGINGFACE_API_BASE")])
        .key(&[Setting("huggingface_key"), Env("HF_TOKEN"), Env("HUGGINGFACE_API_KEY"), ANY])
        .errors(ErrorFamily::HuggingFace)
        .unreadable(Unreadable::ApiWithStatus)
        .plain_model()
        .quirks(&[Quirk::CacheControl, Quirk::SendsMaxRetries]),
    row("hyperbolic")
        .operations(WITH_TEXTS)
        .at("https://api.hyperbolic.xyz/v1", &[Env("HYPERBOLIC_API_BASE")])
        .key(&[Env("HYPERBOLIC_API_KEY"), ANY])
        .chat(list::hyperbolic),
    row("inception")
        .at("https://api.inceptionlabs.ai/v1", &[Env("INCEPTION_API_BASE")])
        .key(&[Env("INCEPTION_API_KEY"), ANY])
        .chat(list::inception)
        .max_tokens(),
    row("lambda_ai")
        .operations(WITH_TEXTS)
        .at("https://api.lambda.ai/v1", &[Env("LAMBDA_API_BASE")])
        .key(&[Env("LAMBDA_API_KEY"), ANY])
        .max_tokens(),
    row("libertai")
        .at("https://api.libertai.io/v1", &[Env("LIBERTAI_API_BASE")])
        .key(&[Env("LIBERTAI_API_KEY"), ANY])
        .max_tokens(),
    row("llamagate")
        .at("https://api.llamagate.dev/v1", &[])
        .key(&[Env("LLAMAGATE_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus)
        .max_tokens()
        .chat(list::compatible_with_effort),
    row("maritalk")
        .at("https://chat.maritaca.ai/api", &[Setting("api_base"), Env("MARITALK_API_BASE")])
        .key(&[Setting("maritalk_key"), Env("MARITALK_API_KEY"), ANY])
        .chat(list::maritalk)
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection)
        .body(&[("stream", "false")]),
    row("meta").at("https://api.meta.ai/v1", &[Env("META_API_BASE")]).key(&[Env("META_API_KEY"), ANY]),
    row("meta_llama")
        .operations(WITH_TEXTS)
        .at("https://api.llama.com/compat/v1", &[Env("LLAMA_API_BASE")])
        .key(&[Env("LLAMA_API_KEY"), ANY]),
    row("minimax")
        .at("https://api.minimax.io/v1", &[Env("MINIMAX_API_BASE")])
        .key(&[Env("MINIMAX_API_KEY"), ANY])
        .chat(list::minimax)
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection)
        .plain_model()
        .quirks(&[Quirk::CacheControl]),
    row("mistral")
        .operations(COMPATIBLE.and(&[Operation::Moderation]).and(FILES))
        .at("https://api.mistral.ai/v1", &[Env("MISTRAL_AZURE_API_BASE"), Env("MISTRAL_API_BASE")])
        .key(&[Env("MISTRAL_AZURE_API_KEY"), Env("MISTRAL_API_KEY"), ANY])
        .chat(list::mistral)
        .unreadable(Unreadable::ApiConnection)
        .max_tokens()
        .quirks(&[
            Quirk::Mistral,
            Quirk::NoReasoningContent,
            Quirk::NoEmptyAssistant,
            Quirk::TextContent,
            Quirk::NamesOnTools,
            Quirk::EmptyIsNull,
            Quirk::V1Path,
        ])
        .embedding(&["encoding_format"])
        .plain_model(),
    row("modelscope")
        .operations(WITH_TEXTS)
        .at("https://api-inference.modelscope.cn/v1", &[Env("MODELSCOPE_API_BASE")])
        .key(&[Env("MODELSCOPE_API_KEY"), ANY])
        .quirks(&[Quirk::TextContent]),
    row("moonshot")
        .operations(WITH_TEXTS)
        .at("https://api.moonshot.ai/v1", &[Env("MOONSHOT_API_BASE")])
        .key(&[Env("MOONSHOT_API_KEY"), ANY])
        .chat(list::moonshot)
        .max_tokens()
        .quirks(&[Quirk::ToolChoiceNotRequired, Quirk::TextContent]),
    row("morph").at("https://api.morphllm.com/v1", &[Env("MORPH_API_BASE")]).key(&[Env("MORPH_API_KEY"), ANY]).chat(list::morph),
    row("nadir")
        .at("https://api.getnadir.com/v1", &[Env("NADIR_API_BASE")])
        .key(&[Env("NADIR_API_KEY"), ANY])
        .chat(list::nadir)
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection)
        .plain_model(),
    row("nano-gpt")
        .operations(WITH_TEXTS)
        .at("https://nano-gpt.com/api/v1", &[])
        .key(&[Env("NANOGPT_API_KEY"), ANY])
        .max_tokens(),
    row("nebius")
        .operations(WITH_TEXTS)
        .at("https://api.studio.nebius.ai/v1", &[Env("NEBIUS_API_BASE")])
        .key(&[Setting("nebius_key"), Env("NEBIUS_API_KEY"), ANY])
        .max_tokens(),
    row("neosantara")
        .at("https://api.neosantara.xyz/v1", &[Env("NEOSANTARA_API_BASE")])
        .key(&[Env("NEOSANTARA_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus)
        .max_tokens(),
    row("novita").at("https://api.novita.ai/v3/openai", &[Env("NOVITA_API_BASE")]).key(&[
        Setting("novita_api_key"),
        Env("NOVITA_API_KEY"),
        ANY,
    ]),
    row("nscale")
        .at("https://inference.api.nscale.com/v1", &[Env("NSCALE_API_BASE")])
        .key(&[Env("NSCALE_API_KEY"), ANY])
        .chat(list::nscale),
    row("nvidia_nim")
        .at("https://integrate.api.nvidia.com/v1", &[Env("NVIDIA_NIM_API_BASE")])
        .key(&[Env("NVIDIA_NIM_API_KEY"), ANY])
        .chat(list::nvidia_nim)
        .max_tokens(),
    row("openrouter")
        .operations(WITH_RESPONSES)
        .at("https://openrouter.ai/api/v1", &[Setting("api_base"), Env("OPENROUTER_API_BASE")])
        .key(&[Setting("openrouter_key"), Env("OPENROUTER_API_KEY"), Env("OR_API_KEY"), ANY])
        .chat(list::reasoning)
        .errors(ErrorFamily::OpenRouter)
        .unreadable(Unreadable::ApiWithStatus)
        .headers(&[("http-referer", &[Env("OR_SITE_URL")], "https://litellm.ai"), ("x-title", &[Env("OR_APP_NAME")], "liteLLM")])
        .body(&[("usage", r#"{"include":true}"#)])
        .plain_model()
        .quirks(&[Quirk::CacheControlByModel, Quirk::OpenRouterEffort])
        .unreadable_vectors(Unreadable::ApiConnection),
    row("ovhcloud")
        .at("https://oai.endpoints.kepler.ai.cloud.ovh.net/v1", &[Env("OVHCLOUD_API_BASE")])
        .key(&[Setting("ovhcloud_key"), Env("OVHCLOUD_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection)
        .plain_model()
        .unreadable_vectors(Unreadable::ApiConnection)
        .embedding(&[]),
    row("parasail").at("https://api.parasail.io/v1", &[Env("PARASAIL_API_BASE")]).key(&[Env("PARASAIL_API_KEY"), ANY]),
    row("perplexity")
        .operations(WITH_RESPONSES)
        .at("https://api.perplexity.ai", &[Env("PERPLEXITY_API_BASE")])
        .key(&[Env("PERPLEXITYAI_API_KEY"), Env("PERPLEXITY_API_KEY"), ANY])
        .chat(list::perplexity)
        .unreadable_vectors(Unreadable::ApiWithStatus)
        .embedding(&["dimensions", "encoding_format"])
        .quirks(&[Quirk::V1Embeddings]),
    row("pinstripes")
        .at("https://pinstripes.io/v1", &[Env("PINSTRIPES_API_BASE")])
        .key(&[Env("PINSTRIPES_API_KEY"), ANY])
        .max_tokens(),
    row("poe").operations(WITH_TEXTS).at("https://api.poe.com/v1", &[]).key(&[Env("POE_API_KEY"), ANY]).max_tokens(),
    row("prism").at("https://api.prisminference.com/v1", &[Env("PRISM_API_BASE")]).key(&[Env("PRISM_API_KEY"), ANY]),
    row("publicai")
        .operations(WITH_TEXTS)
        .at("https://api.publicai.co/v1", &[Env("PUBLICAI_API_BASE")])
        .key(&[Env("PUBLICAI_API_KEY"), ANY])
        .max_tokens()
        .quirks(&[Quirk::TextContent]),
    row("qwen_ai_platform")
        .operations(WITH_TEXTS)
        .at("https://dashscope.aliyuncs.com/compatible-mode/v1", &[Env("QWEN_AI_PLATFORM_API_BASE")])
        .key(&[Env("QWEN_AI_PLATFORM_API_KEY"), Env("DASHSCOPE_API_KEY"), ANY])
        .chat(list::compatible_with_effort)
        .quirks(&[Quirk::CacheControl])
        .unreadable_vectors(Unreadable::ApiWithStatus),
    row("qwencloud")
        .operations(WITH_TEXTS)
        .at("https://dashscope-intl.aliyuncs.com/compatible-mode/v1", &[Env("QWENCLOUD_API_BASE")])
        .key(&[Env("QWENCLOUD_API_KEY"), Env("DASHSCOPE_API_KEY"), ANY])
        .chat(list::compatible_with_effort)
        .quirks(&[Quirk::CacheControl])
        .unreadable_vectors(Unreadable::ApiWithStatus),
    row("ragflow")
        .own(&[Setting("api_base"), Env("RAGFLOW_API_BASE")])
        .key(&[ANY, Env("RAGFLOW_API_KEY")])
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection)
        .plain_model(),
    row("reka").at("https://api.reka.ai/v1", &[Env("REKA_API_BASE")]).key(&[Env("REKA_API_KEY"), ANY]),
    row("sail")
        .operations(WITH_RESPONSES)
        .at("https://api.sailresearch.com/v1", &[Env("SAIL_API_BASE")])
        .key(&[Env("SAIL_API_KEY"), ANY])
        .chat(list::sail),
    Provider { protocol: Protocol::Replicate, ..row("replicate") }
        .at("https://api.replicate.com/v1", &[Setting("api_base"), Env("REPLICATE_API_BASE")])
        .key(&[Setting("replicate_key"), ANY, Env("REPLICATE_API_KEY"), Env("REPLICATE_API_TOKEN")])
        .chat(list::replicate)
        .embedding(&[])
        .errors(ErrorFamily::Replicate)
        .unreadable(Unreadable::Api),
    row("sambanova")
        .at("https://api.sambanova.ai/v1", &[Env("SAMBANOVA_API_BASE")])
        .key(&[Env("SAMBANOVA_API_KEY"), ANY])
        .chat(list::sambanova)
        .max_tokens()
        .quirks(&[Quirk::TextContent])
        .unreadable_vectors(Unreadable::ApiWithStatus)
        .embedding(&[]),
    row("sarvam")
        .at("https://api.sarvam.ai/v1", &[])
        .key(&[Env("SARVAM_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus)
        .max_tokens()
        .quirks(&[Quirk::SarvamKey])
        .chat(list::compatible_with_effort),
    row("scaleway").at("https://api.scaleway.ai/v1", &[]).key(&[Env("SCW_SECRET_KEY"), ANY]).errors(ErrorFamily::ByStatus),
    row("scx-ai").at("https://api.scx.ai/v1", &[Env("SCX_API_BASE")]).key(&[Env("SCX_API_KEY"), ANY]).max_tokens(),
    Provider { derives_base: true, renames: &[(Param::MaxTokens, "max_completion_tokens")], ..row("snowflake") }
        .key(&[Setting("snowflake_key"), Env("SNOWFLAKE_JWT"), ANY])
        .chat(list::snowflake)
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection)
        .body(&[("stream", "false")]),
    row("synthetic")
        .operations(WITH_TEXTS)
        .at("https://api.synthetic.new/openai/v1", &[])
        .key(&[Env("SYNTHETIC_API_KEY"), ANY])
        .max_tokens(),
    row("tencent")
        .at("https://tokenhub-intl.tencentcloudmaas.com/v1", &[Env("TENCENT_API_BASE")])
        .key(&[Env("TENCENT_API_KEY"), ANY]),
    row("tensormesh")
        .operations(WITH_TEXTS)
        .at("https://serverless.tensormesh.ai/v1", &[Env("TENSORMESH_SERVERLESS_BASE_URL")])
        .key(&[Env("TENSORMESH_INFERENCE_API_KEY"), ANY])
        .max_tokens(),
    row("together_ai")
        .operations(WITH_TEXTS)
        .at("https://api.together.ai/v1", &[Env("TOGETHER_AI_API_BASE")])
        .key(&[
            Setting("togetherai_api_key"),
            Env("TOGETHER_API_KEY"),
            Env("TOGETHER_AI_API_KEY"),
            Env("TOGETHERAI_API_KEY"),
            Env("TOGETHER_AI_TOKEN"),
            ANY,
        ])
        .chat(list::together)
        .unreadable(Unreadable::ApiWithStatus)
        .plain_model()
        .quirks(&[Quirk::PlainAssistant]),
    row("v0")
        .operations(WITH_TEXTS)
        .at("https://api.v0.dev/v1", &[Env("V0_API_BASE")])
        .key(&[Env("V0_API_KEY"), ANY])
        .chat(list::v0),
    row("veniceai")
        .at("https://api.venice.ai/api/v1", &[])
        .key(&[Env("VENICE_AI_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus)
        .max_tokens()
        .chat(list::compatible_with_effort),
    row("vercel_ai_gateway")
        .at("https://ai-gateway.vercel.sh/v1", &[Env("VERCEL_AI_GATEWAY_API_BASE")])
        .key(&[Env("VERCEL_AI_GATEWAY_API_KEY"), Env("VERCEL_OIDC_TOKEN"), ANY])
        .unreadable_vectors(Unreadable::ApiConnection),
    row("volcengine")
        .operations(WITH_RESPONSES)
        .at("https://ark.cn-beijing.volces.com/api/v3", &[Env("VOLCENGINE_API_BASE")])
        .key(&[Env("VOLCENGINE_API_KEY"), Env("ARK_API_KEY"), ANY])
        .chat(list::volcengine)
        .max_tokens()
        .unreadable_vectors(Unreadable::ApiConnection)
        .embedding(&["encoding_format", "user"]),
    row("wandb")
        .operations(WITH_TEXTS)
        .at("https://api.inference.wandb.ai/v1", &[Env("WANDB_API_BASE")])
        .key(&[Setting("wandb_key"), Env("WANDB_API_KEY"), ANY])
        .chat(list::compatible_with_effort)
        .max_tokens(),
    Provider { protocol: Protocol::Watsonx, ..row("watsonx") }
        .own(&[Env("WATSONX_API_BASE"), Env("WATSONX_URL"), Env("WX_URL"), Env("WML_URL")])
        .key(&[Env("WATSONX_APIKEY"), Env("WATSONX_API_KEY"), Env("WX_API_KEY"), ANY])
        .no_key(None)
        .chat(list::watsonx)
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection)
        .body(&[("stream", "false")])
        .quirks(&[Quirk::PlainTools]),
    row("xai")
        .operations(WITH_RESPONSES.and(FILES))
        .at("https://api.x.ai/v1", &[Env("XAI_API_BASE")])
        .key(&[Setting("xai_key"), Env("XAI_API_KEY"), ANY])
        .chat(list::xai)
        .unreadable(Unreadable::ApiWithStatus)
        .max_tokens()
        .quirks(&[Quirk::NamesOnUsers, Quirk::NoStrictTools])
        .plain_model(),
    row("xiaomi_mimo")
        .at("https://api.xiaomimimo.com/v1", &[])
        .key(&[Env("XIAOMI_MIMO_API_KEY"), ANY])
        .errors(ErrorFamily::ByStatus)
        .max_tokens(),
    row("zai")
        .at("https://api.z.ai/api/paas/v4", &[Env("ZAI_API_BASE")])
        .key(&[Env("ZAI_API_KEY"), ANY])
        .chat(list::zai)
        .quirks(&[Quirk::CacheControl]),
    // Google's own protocol. The address follows from the model, or from project and location.
    Provider { protocol: Protocol::Gemini, derives_base: true, ..row("gemini") }
        .own(&[Setting("api_base"), Env("GEMINI_API_BASE")])
        .key(&[Env("GOOGLE_API_KEY"), Env("GEMINI_API_KEY"), Env("PALM_API_KEY"), ANY])
        .chat(list::gemini)
        .embedding(&["dimensions", "encoding_format"])
        .errors(ErrorFamily::Google)
        .unreadable(Unreadable::BadRequest)
        .unreadable_vectors(Unreadable::ApiConnection)
        .plain_model(),
    Provider { protocol: Protocol::Vertex, derives_base: true, ..row("vertex_ai") }
        .own(&[Setting("api_base"), Env("VERTEXAI_API_BASE"), Env("VERTEX_API_BASE")])
        .key(&[])
        .no_key(None)
        .chat(list::vertex)
        .embedding(&["dimensions"])
        .errors(ErrorFamily::Google)
        .unreadable(Unreadable::BadRequest)
        .unreadable_vectors(Unreadable::ApiConnection)
        .plain_model(),
    // Vectors and rankings.
    row("jina_ai")
        .operations(VECTORS)
        .at("https://api.jina.ai/v1", &[Env("JINA_AI_API_BASE")])
        .key(&[Env("JINA_AI_API_KEY"), Env("JINA_API_KEY"), Env("JINA_AI_TOKEN"), ANY])
        .errors(ErrorFamily::ByStatus)
        .unreadable_vectors(Unreadable::ApiConnection)
        .quirks(&[Quirk::JinaInput])
        .embedding(&["dimensions"])
        .plain_model(),
    row("voyage")
        .operations(VECTORS)
        .at("https://api.voyageai.com/v1", &[Env("VOYAGE_API_BASE")])
        .key(&[Env("VOYAGE_API_KEY"), Env("VOYAGE_AI_API_KEY"), Env("VOYAGE_AI_TOKEN"), ANY])
        .errors(ErrorFamily::ByStatus)
        .unreadable_vectors(Unreadable::ApiConnection)
        .quirks(&[Quirk::VoyageVectors, Quirk::NoContentType])
        .embedding(&["encoding_format", "dimensions"])
        .plain_model(),
    row("infinity")
        .operations(VECTORS)
        .own(&[Env("INFINITY_API_BASE"), Setting("api_base")])
        .key(&[Env("INFINITY_API_KEY"), Setting("infinity_key"), ANY])
        .no_key(None)
        .errors(ErrorFamily::ByStatus)
        .unreadable_vectors(Unreadable::ApiConnection)
        .embedding(&["encoding_format", "dimensions"])
        .plain_model(),
    // Servers at home and gateways.
    row("docker_model_runner")
        .at("http://localhost:22088/engines/llama.cpp", &[Env("DOCKER_MODEL_RUNNER_API_BASE")])
        .key(&[Env("DOCKER_MODEL_RUNNER_API_KEY"), ANY])
        .no_key(Some("dummy-key"))
        .max_tokens()
        .quirks(&[Quirk::TextContent]),
    row("hosted_vllm")
        .operations(WITH_TEXTS.and(&[Operation::Responses]).and(FILES_AND_BATCHES))
        .own(&[Env("HOSTED_VLLM_API_BASE"), Setting("api_base")])
        .key(&[Env("HOSTED_VLLM_API_KEY"), ANY])
        .no_key(Some("fake-api-key"))
        .chat(list::reasoning)
        .unreadable(Unreadable::ApiWithStatus)
        .plain_model()
        .quirks(&[Quirk::PlainTools, Quirk::ThinkingToEffort, Quirk::NoThinkingBlocks])
        .unreadable_vectors(Unreadable::ApiConnection),
    row("lemonade")
        .at("http://localhost:8000/api/v1", &[Env("LEMONADE_API_BASE")])
        .key(&[Setting("lemonade_key"), Env("LEMONADE_API_KEY"), ANY])
        .no_key(Some("lemonade"))
        .errors(ErrorFamily::ByStatus)
        .unreadable(Unreadable::ApiConnection),
    row("litellm_proxy")
        .operations(WITH_RESPONSES.and(&[Operation::Moderation]).and(FILES_AND_BATCHES))
        .own(&[Env("LITELLM_PROXY_API_BASE"), Setting("api_base")])
        .key(&[Env("LITELLM_PROXY_API_KEY"), ANY])
        .chat(list::everything)
        .quirks(&[Quirk::CacheControl]),
    row("llamafile")
        .operations(WITH_TEXTS)
        .at("http://127.0.0.1:8080/v1", &[Env("LLAMAFILE_API_BASE")])
        .key(&[Env("LLAMAFILE_API_KEY")])
        .no_key(Some("fake-api-key")),
    row("lm_studio")
        .own(&[Env("LM_STUDIO_API_BASE"), Setting("api_base")])
        .key(&[Env("LM_STUDIO_API_KEY")])
        .no_key(Some("fake-api-key"))
        .embedding(&[]),
    ollama("ollama").chat(list::ollama),
    ollama("ollama_chat").chat(list::ollama_chat),
    row("xinference")
        .own(&[Env("XINFERENCE_API_BASE"), Setting("api_base")])
        .key(&[Env("XINFERENCE_API_KEY"), ANY])
        .no_key(Some("stub-xinference-key"))
        .chat(list::compatible_with_effort),
];
