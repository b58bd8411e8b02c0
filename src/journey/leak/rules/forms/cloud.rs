//! Keys of clouds, hosts of applications and content networks.
//!
//! Invariant: a form's length and alphabet are the issuer's.

use super::super::bytes::*;
use super::{Vendor, vendor};

pub(super) const VENDORS: &[Vendor] = &[
    vendor!("aws-access-key", "An access key id of Amazon Web Services, which stands beside its secret key",
        Plain b"AKIA" [UPPER36; 16, 16];
        Plain b"ASIA" [UPPER36; 16, 16];
        Plain b"ABIA" [UPPER36; 16, 16];
        Plain b"ACCA" [UPPER36; 16, 16];
        Plain b"AGPA" [UPPER36; 16, 16];
        Plain b"AIDA" [UPPER36; 16, 16];
        Plain b"AROA" [UPPER36; 16, 16];
        Plain b"AIPA" [UPPER36; 16, 16];
        Plain b"ANPA" [UPPER36; 16, 16];
        Plain b"ANVA" [UPPER36; 16, 16];
        Plain b"A3T" [UPPER36; 17, 17];
    ),
    vendor!("aws-bedrock-key", "An API key of Amazon Bedrock",
        Plain b"ABSK" [BASE64_PADDED; 64, 280];
        Plain b"bedrock-api-key-" [BASE64_PADDED; 32, 2000];
    ),
    vendor!("aws-mws-token", "A token of Amazon's marketplace",
        Plain b"amzn.mws." [HEX | DASH; 36, 36];
        Plain b"amzn1.oa2-cs.v1." [LOWER_HEX; 64, 64];
        Plain b"Atzr|" [ALNUM | DASH | SLASH | PLUS; 60, 1000];
    ),
    vendor!("aws-appsync-key", "An API key of AWS AppSync",
        Random b"da2-" [BASE36; 26, 26];
    ),
    vendor!("google-api-key", "An API key of Google",
        Plain b"AIza" [BASE64_URL; 35, 35];
    ),
    vendor!("google-oauth", "A client secret or a token of Google's sign-in",
        Plain b"GOCSPX-" [BASE64_URL; 24, 32];
        Plain b"ya29." [BASE64_URL | DOT; 20, 600];
        Plain b"1//0" [BASE64_URL; 38, 200];
        Plain b"GOOG1E" [UPPER36; 50, 60];
        Random b"GOOG" [UPPER36; 16, 24];
        Plain b"4/0A" [BASE64_URL; 50, 90];
    ),
    vendor!("alibaba-access-key", "An access key id of Alibaba Cloud",
        Plain b"LTAI" [ALNUM; 12, 26];
    ),
    vendor!("tencent-secret-id", "A secret id of Tencent Cloud",
        Mixed b"AKID" [ALNUM; 28, 40];
    ),
    vendor!("ibm-cloud-key", "An API key of IBM Cloud",
        Plain b"api.softlayer.com/soap/v3/" [HEX; 64, 64];
        Plain b"api.softlayer.com/soap/v3.1/" [HEX; 64, 64];
        Random b"ApiKey-" [HEX | DASH; 36, 36];
    ),
    vendor!("yandex-cloud-key", "A key of Yandex",
        Plain b"AQVN" [BASE64_URL; 35, 40];
        Plain b"YCAJ" [BASE64_URL; 21, 21];
        Plain b"YCP" [BASE64_URL; 37, 37];
        Plain b"y0_" [BASE64_URL; 50, 64];
        Plain b"t1." [BASE64_URL | EQUALS; 60, 300] b"." [BASE64_URL | EQUALS; 80, 100];
    ),
    vendor!("digitalocean-token", "A token of DigitalOcean",
        Plain b"dop_v1_" [LOWER_HEX; 64, 64];
        Plain b"doo_v1_" [LOWER_HEX; 64, 64];
        Plain b"dor_v1_" [LOWER_HEX; 64, 64];
        Mixed b"DO00" [ALNUM; 16, 16];
        Plain b"sk-do-" [BASE64_URL; 32, 80];
    ),
    vendor!("cloudflare-key", "A key of Cloudflare",
        Plain b"v1.0-" [LOWER_HEX; 24, 64] b"-" [LOWER_HEX | DASH; 60, 200];
        Plain b"cfk_" [ALNUM; 48, 48];
        Plain b"cfut_" [ALNUM; 48, 48];
        Plain b"cfat_" [ALNUM; 48, 48];
    ),
    vendor!("heroku-key", "A key of Heroku",
        Plain b"HRKU-" [BASE64_URL; 36, 70];
    ),
    vendor!("fly-token", "A token of Fly.io",
        Plain b"fo1_" [BASE64_URL; 43, 43];
        Plain b"fm1a_" [BASE64_PADDED | DASH | UNDER; 60, 4000];
        Plain b"fm1r_" [BASE64_PADDED | DASH | UNDER; 60, 4000];
        Plain b"fm2_" [BASE64_PADDED | DASH | UNDER; 60, 4000];
    ),
    vendor!("netlify-token", "A token of Netlify",
        Plain b"nfp_" [BASE64_URL; 30, 60];
        Plain b"nfc_" [BASE64_URL; 30, 60];
    ),
    vendor!("vercel-token", "A token of Vercel",
        Mixed b"vcp_" [BASE64_URL; 56, 56];
        Mixed b"vci_" [BASE64_URL; 56, 56];
        Mixed b"vca_" [BASE64_URL; 56, 56];
        Mixed b"vcr_" [BASE64_URL; 56, 56];
        Mixed b"vck_" [BASE64_URL; 56, 56];
        Plain b"vercel_blob_rw_" [BASE64_URL; 30, 80];
    ),
    vendor!("render-key", "A key of Render",
        Random b"rnd_" [ALNUM; 28, 36];
    ),
    vendor!("railway-token", "A token of Railway, Koyeb, Northflank or Porter",
        Random b"nf-" [ALNUM; 32, 64];
    ),
    vendor!("supabase-key", "A key of Supabase",
        Plain b"sbp_" [BASE36; 40, 44];
        Plain b"sbp_oauth_" [LOWER_HEX; 40, 40];
        Plain b"sbp_v0_" [LOWER_HEX; 40, 40];
        Plain b"sb_secret_" [BASE64_URL; 20, 60];
        Plain b"sb_publishable_" [BASE64_URL; 20, 60];
    ),
    vendor!("scaleway-key", "An access key of Scaleway",
        Mixed b"SCW" [UPPER36; 17, 17];
    ),
    vendor!("azure-signalr", "A shared key of Azure in a connection string",
        Plain b"AzureWebJobsStorage=" [BASE64_PADDED; 80, 100];
    ),
    vendor!("backblaze-key", "An application key of Backblaze B2",
        Random b"K00" [BASE64_PADDED; 28, 28];
    ),
    vendor!("salesforce-token", "A session of Salesforce",
        Random b"00D" [ALNUM; 12, 15] b"!" [ALNUM | DOT | UNDER; 80, 200];
        Plain b"5Aep861" [ALNUM | DOT | DASH | UNDER; 50, 120];
        Plain b"3MVG9" [ALNUM | DOT | DASH | UNDER; 50, 120];
    ),
    vendor!("oracle-token", "A key of the Oracle cloud",
        Plain b"ocid1.credential." [ALNUM | DOT | DASH; 60, 160];
    ),
    vendor!("tilde-secret", "A client secret of Microsoft's sign-in",
        Plain b"8Q~" [ALNUM | DOT | TILDE | DASH | UNDER; 31, 37];
        Plain b"7Q~" [ALNUM | DOT | TILDE | DASH | UNDER; 31, 37];
    ),
];
