//! Language models and what agents call.

use crate::redact::rule::Rule;
use crate::redact::value;

pub(super) static RULES: &[Rule] = &[
    Rule::new("anthropic-key", &["sk-ant-"], r"sk-ant-[A-Za-z0-9_-]{24,}"),
    Rule::new("openrouter-key", &["sk-or-"], r"sk-or-(?:v\d-)?[0-9a-f]{32,}"),
    Rule::new("langfuse-key", &["sk-lf-"], r"sk-lf-[0-9a-f-]{32,}"),
    Rule::new(
        "openai-key",
        &["sk-proj-", "sk-svcacct-", "sk-admin-", "sk-None-", "sk-service-"],
        r"sk-(?:proj|svcacct|admin|None|service)-[A-Za-z0-9_-]{20,}",
    ),
    // OpenAI's first form, and that of several others (DeepSeek, Moonshot, Qwen).
    Rule::new("openai-key", &["sk-"], r"sk-[A-Za-z0-9]{32,}\b").checked(value::is_random),
    Rule::new("openai-session", &["sess-"], r"sess-[A-Za-z0-9]{40}\b"),
    Rule::new("huggingface-token", &["hf_"], r"hf_[A-Za-z0-9]{30,}\b"),
    Rule::new("huggingface-token", &["api_org_"], r"api_org_[A-Za-z]{30,}\b"),
    Rule::new("replicate-token", &["r8_"], r"r8_[A-Za-z0-9]{32,}\b"),
    Rule::new("groq-key", &["gsk_"], r"gsk_[A-Za-z0-9]{40,}\b"),
    Rule::new("xai-key", &["xai-"], r"xai-[A-Za-z0-9]{40,}\b"),
    Rule::new("perplexity-key", &["pplx-"], r"pplx-[A-Za-z0-9]{32,}\b"),
    Rule::new("cerebras-key", &["csk-"], r"csk-[a-z0-9]{40,}\b"),
    Rule::new("fireworks-key", &["fw_"], r"fw_[A-Za-z0-9]{22,}\b").checked(value::is_random),
    Rule::new("together-key", &["tgp_v1_"], r"tgp_v1_[A-Za-z0-9_-]{40,}"),
    Rule::new("nvidia-key", &["nvapi-"], r"nvapi-[A-Za-z0-9_-]{40,}"),
    Rule::new("tavily-key", &["tvly-"], r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{24,}\b"),
    Rule::new("firecrawl-key", &["fc-"], r"fc-[0-9a-f]{32}\b"),
    Rule::new("jina-key", &["jina_"], r"jina_[A-Za-z0-9_-]{50,}"),
    Rule::new("elevenlabs-key", &["sk_"], r"sk_[0-9a-f]{48}\b"),
    Rule::new("pinecone-key", &["pcsk_"], r"pcsk_[A-Za-z0-9]{4,8}_[A-Za-z0-9]{40,}"),
    Rule::new("langsmith-key", &["lsv2_"], r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    Rule::new("voyage-key", &["pa-"], r"pa-[A-Za-z0-9_-]{43}\b").checked(value::is_random),
    Rule::new("wandb-key", &["wandb_v1_"], r"wandb_v1_[A-Za-z0-9_]{40,}"),
    Rule::new("runpod-key", &["rpa_"], r"rpa_[A-Z0-9]{36,}[a-z0-9]{0,10}"),
    Rule::new("e2b-key", &["e2b_"], r"e2b_[0-9a-f]{40}\b"),
    Rule::new("modal-secret", &["as-", "ak-"], r"a[sk]-[A-Za-z0-9]{22}\b")
        .checked(value::is_random),
    Rule::new("composio-key", &["ak_"], r"ak_[A-Za-z0-9_-]{20}\b").checked(value::is_random),
    Rule::new("cursor-key", &["crsr_"], r"crsr_[0-9a-f]{48,}"),
    Rule::new("anyscale-key", &["esecret_"], r"esecret_[A-Za-z0-9]{24,}\b"),
    Rule::new("braintrust-key", &["bt-st-"], r"bt-st-[A-Za-z0-9]{40,}"),
];
