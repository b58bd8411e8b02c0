//! Keys of services that watch machines and programs.
//!
//! Invariant: a form's length and alphabet are the issuer's.

use super::super::bytes::*;
use super::{Vendor, vendor};

pub(super) const VENDORS: &[Vendor] = &[
    vendor!("newrelic-key", "A key of New Relic",
        Plain b"NRAK-" [ALNUM; 27, 27];
        Plain b"NRAA-" [LOWER_HEX; 27, 27];
        Plain b"NRRA-" [LOWER_HEX; 42, 42];
        Plain b"NRIQ-" [BASE64_URL; 32, 32];
        Plain b"NRII-" [BASE64_URL; 32, 32];
        Plain b"NRIK-" [ALNUM; 27, 42];
        Plain b"NRSP-" [ALNUM; 27, 42];
        Plain b"NRJS-" [LOWER_HEX; 19, 19];
        Plain b"NRBR-" [LOWER_HEX; 19, 19];
        Plain b"px-api-" [HEX | DASH; 36, 36];
        Plain b"px-dep-" [HEX | DASH; 36, 36];
    ),
    vendor!("grafana-token", "A token of Grafana",
        Plain b"glc_" [BASE64_PADDED; 32, 400];
        Plain b"glsa_" [ALNUM; 32, 32] b"_" [HEX; 8, 8];
        Plain b"eyJrIjoi" [BASE64_PADDED; 50, 400];
    ),
    vendor!("sentry-token", "A token of Sentry",
        Plain b"sntrys_eyJpYXQiO" [BASE64_PADDED; 40, 400] b"_" [BASE64; 43, 43];
        Plain b"sntryu_" [LOWER_HEX; 64, 64];
        Plain b"sntrya_" [LOWER_HEX; 64, 64];
        Plain b"sntryi_" [LOWER_HEX; 64, 64];
    ),
    vendor!("dynatrace-token", "A token of Dynatrace",
        Plain b"dt0c01." [UPPER36; 20, 24] b"." [UPPER36 | BASE36; 60, 64];
        Plain b"dt0s01." [UPPER36; 20, 24] b"." [UPPER36 | BASE36; 60, 64];
        Plain b"dt0s02." [UPPER36; 8, 24] b"." [UPPER36 | BASE36; 60, 64];
        Plain b"dt0s16." [UPPER36; 8, 24] b"." [UPPER36 | BASE36; 60, 64];
        Plain b"dt0v01." [UPPER36 | DASH; 20, 24] b"." [UPPER36 | BASE36; 60, 64];
    ),
    vendor!("honeycomb-key", "A key of Honeycomb",
        Plain b"hcaik_" [BASE36; 58, 58];
        Plain b"hcxik_" [BASE36; 58, 58];
        Plain b"hcalk_" [BASE36; 58, 58];
        Plain b"hcxlk_" [BASE36; 58, 58];
        Plain b"hcamk_" [BASE36; 26, 58];
        Plain b"hcxmk_" [BASE36; 26, 58];
        Plain b"hcbik_" [BASE36; 58, 58];
    ),
    vendor!("datadog-key", "A key of Datadog",
        Plain b"ddapp_" [ALNUM; 34, 34];
        Plain b"ddp_" [ALNUM; 36, 36];
        Plain b"dda_" [ALNUM; 36, 36];
        Random b"pub" [LOWER_HEX; 32, 32];
    ),
    vendor!("observability-key", "A key of a service that watches programs",
        Plain b"u+" [BASE64_URL | PLUS; 18, 18];
        Plain b"y_NbAkKc66ryYTWUXYEu" [ALNUM; 4, 4];
        Plain b"xaat-" [LOWER_HEX | DASH; 36, 36];
        Plain b"xapt-" [LOWER_HEX | DASH; 36, 36];
        Plain b"cxtp_" [ALNUM; 30, 30];
        Plain b"cxup_" [ALNUM; 30, 30];
        Plain b"splunk_" [LOWER_HEX | DASH; 36, 36];
        Plain b"essu_" [BASE64_URL | PLUS | SLASH | EQUALS; 40, 200];
        Plain b"AutoM8:" [ALNUM; 32, 64];
        Plain b"lgw_" [ALNUM; 32, 64];
        Plain b"ldapi_" [LOWER_HEX; 32, 64];
        Plain b"incident_" [ALNUM; 32, 80];
        Plain b"hbp_" [ALNUM; 30, 40];
        Plain b"uptimerobot-" [DIGIT; 6, 12] b"-" [LOWER_HEX; 24, 24];
        Plain b"statsig-" [ALNUM; 40, 50];
        Plain b"secret-" [ALNUM; 44, 44];
        Plain b"console-" [ALNUM; 40, 50];
        Plain b"checkly_" [LOWER_HEX; 32, 64];
        Plain b"cu_" [LOWER_HEX; 32, 32];
        Plain b"logfire_" [ALNUM | UNDER; 40, 80];
        Plain b"pylf_v1_us_" [ALNUM; 40, 50];
        Plain b"pylf_v1_eu_" [ALNUM; 40, 50];
    ),
];
