//! Keys of services that run models.
//!
//! Invariant: a form's length and alphabet are the issuer's.

use super::super::bytes::*;
use super::{Vendor, vendor};

pub(super) const VENDORS: &[Vendor] = &[
    vendor!("anthropic-key", "A key of Anthropic",
        Plain b"sk-ant-api03-" [BASE64_URL; 93, 97];
        Plain b"sk-ant-admin01-" [BASE64_URL; 93, 97];
        Plain b"sk-ant-oat01-" [BASE64_URL; 60, 140];
        Plain b"sk-ant-ort01-" [BASE64_URL; 60, 140];
        Plain b"sk-ant-sid01-" [BASE64_URL; 60, 140];
        Plain b"sk-ant-sid02-" [BASE64_URL; 60, 140];
    ),
    vendor!("openai-key", "A key of OpenAI or of a service that speaks its language",
        Marked b"sk-proj-" [BASE64_URL; 40, 220];
        Marked b"sk-svcacct-" [BASE64_URL; 40, 220];
        Marked b"sk-service-" [BASE64_URL; 40, 220];
        Marked b"sk-admin-" [BASE64_URL; 40, 220];
        Marked b"sk-None-" [BASE64_URL; 40, 220];
        Plain b"sk-or-v1-" [LOWER_HEX; 64, 64];
        Mixed b"sk-" [ALNUM; 32, 32];
        Mixed b"sk-" [ALNUM; 48, 64];
        Marked b"sk-" [BASE64_URL; 40, 220];
        Plain b"sess-" [ALNUM; 40, 40];
        Plain b"ek_" [LOWER_HEX; 32, 48];
        Plain b"sk-lf-" [HEX | DASH; 36, 36];
        Plain b"pk-lf-" [HEX | DASH; 36, 36];
    ),
    vendor!("huggingface-token", "A token of Hugging Face",
                Plain b"api_org_" [ALNUM; 34, 34];
        Plain b"hf_" [LETTER; 34, 34];
    ),
    vendor!("model-service-key", "A key of a service that runs models",
        Plain b"r8_" [ALNUM; 37, 48];
        Plain b"gsk_" [ALNUM; 52, 52];
        Plain b"xai-" [BASE64_URL; 60, 90];
        Plain b"pplx-" [ALNUM; 40, 60];
        Plain b"nvapi-" [BASE64_URL; 64, 64];
        Plain b"fw_" [ALNUM; 20, 30];
        Plain b"tgp_v1_" [BASE64_URL; 43, 43];
        Plain b"csk-" [BASE36; 40, 60];
        Plain b"tvly-" [ALNUM | DASH; 20, 60];
        Plain b"fc-" [LOWER_HEX; 32, 32];
        Plain b"jina_" [BASE64_URL; 50, 70];
        Plain b"pcsk_" [ALNUM | UNDER; 50, 80];
        Plain b"lsv2_pt_" [LOWER_HEX; 32, 32] b"_" [LOWER_HEX; 10, 10];
        Plain b"lsv2_sk_" [LOWER_HEX; 32, 32] b"_" [LOWER_HEX; 10, 10];
        Plain b"ls__" [LOWER_HEX; 32, 32];
        Plain b"llx-" [ALNUM; 40, 60];
        Plain b"LLM|" [ALNUM; 8, 24] b"|" [BASE64_URL; 20, 40];
        Plain b"wandb_v1_" [ALNUM | UNDER; 40, 120];
        Plain b"dsk-" [BASE64_URL; 32, 64];
        Plain b"pa-" [BASE64_URL; 40, 50];
        Plain b"eleven_" [LOWER_HEX; 32, 64];
        Plain b"sk_" [LOWER_HEX; 48, 48];
        Plain b"sk-lumin-" [ALNUM; 32, 64];
        Plain b"apify_api_" [BASE64_URL; 36, 36];
        Plain b"bb_live_" [BASE64_URL; 20, 60];
        Plain b"e2b_" [LOWER_HEX; 32, 64];
        Plain b"rpa_" [ALNUM; 30, 46];
        Plain b"modal_" [ALNUM; 20, 60];
        Plain b"ak-" [ALNUM; 22, 22];
        Plain b"as-" [ALNUM; 22, 22];
        Plain b"cog_" [BASE36; 32, 64];
        Plain b"mem0-" [ALNUM; 32, 64];
        Plain b"m0-" [ALNUM; 36, 48];
        Plain b"exa-" [ALNUM | DASH; 32, 64];
        Plain b"dg_" [LOWER_HEX; 40, 64];
        Plain b"cpk_" [LOWER_HEX; 32, 32] b"." [LOWER_HEX; 32, 32] b"." [ALNUM; 32, 32];
        Plain b"friendli_" [ALNUM; 20, 60];
        Plain b"flp_" [ALNUM; 32, 60];
        Plain b"stab-" [ALNUM; 40, 64];
        Plain b"luma-" [ALNUM | DASH; 32, 120];
        Plain b"key_" [LOWER_HEX; 28, 28];
        Plain b"key_" [LOWER_HEX; 64, 64];
        Plain b"key_" [LOWER_HEX; 128, 128];
        Plain b"AQ.Ab" [BASE64_URL | DOT; 40, 80];
    ),
];
