//! Keys of databases and of services that keep or move data.
//!
//! Invariant: a form's length and alphabet are the issuer's.

use super::super::bytes::*;
use super::{Vendor, vendor};

pub(super) const VENDORS: &[Vendor] = &[
    vendor!("databricks-token", "A token of Databricks",
        Mixed b"dapi" [LOWER_HEX; 32, 32];
        Plain b"dapi" [LOWER_HEX; 32, 32] b"-" [DIGIT; 1, 2];
        Plain b"dkea" [LOWER_HEX; 32, 32];
        Plain b"dose" [LOWER_HEX; 32, 32];
        Plain b"doses" [LOWER_HEX; 32, 32];
        Plain b"dsapi" [LOWER_HEX; 32, 32];
    ),
    vendor!("planetscale-token", "A password or a token of PlanetScale",
        Plain b"pscale_pw_" [ALNUM | DASH | DOT | UNDER | EQUALS; 32, 64];
        Plain b"pscale_tkn_" [ALNUM | DASH | DOT | UNDER | EQUALS; 32, 64];
        Plain b"pscale_oauth_" [ALNUM | DASH | DOT | UNDER | EQUALS; 32, 64];
    ),
    vendor!("database-service-key", "A key of a service that runs databases",
        Plain b"napi_" [BASE36; 60, 70];
        Plain b"npg_" [ALNUM; 12, 20];
        Plain b"AstraCS:" [ALNUM; 20, 30] b":" [LOWER_HEX; 64, 64];
        Plain b"mdb_sa_sk_" [ALNUM | DASH | UNDER; 40, 44];
        Plain b"AVNS_" [BASE64_URL; 16, 24];
        Plain b"aivenv1" [BASE64_PADDED | DASH | UNDER; 200, 600];
        Plain b"xau_" [ALNUM; 32, 60];
        Plain b"4b1" [ALNUM; 38, 38];
        Plain b"upstash_" [ALNUM; 32, 80];
        Plain b"fnA" [BASE64_URL; 37, 41];
        Plain b"fnE" [BASE64_URL; 37, 41];
        Plain b"prisma_" [ALNUM; 32, 80];
        Plain b"turso_" [ALNUM; 32, 80];
        Plain b"convex_" [ALNUM; 32, 80];
    ),
    vendor!("confluent-key", "A key of a service that moves data",
        Plain b"cflt" [BASE64_PADDED; 60, 60];
        Plain b"dbtc_" [BASE64_URL | EQUALS; 40, 60];
        Plain b"dbtu_" [BASE64_URL | EQUALS; 40, 60];
        Plain b"dbts_" [BASE64_URL | EQUALS; 40, 60];
        Plain b"dagster_" [ALNUM; 32, 64];
        Plain b"sgp_" [ALNUM; 64, 64];
        Plain b"hasura_" [ALNUM; 32, 80];
        Plain b"airbyte_" [ALNUM; 32, 80];
    ),
    vendor!("algolia-key", "A key of a search or a content service",
        Plain b"tinify_" [ALNUM; 32, 32];
        Plain b"bloomreach_" [ALNUM; 32, 80];
        Plain b"prismic_" [ALNUM; 40, 80];
        Plain b"sbat_" [ALNUM; 32, 64];
        Plain b"hygraph_" [ALNUM | DOT; 40, 80];
    ),
    vendor!("firebase-key", "A server key of Firebase's messaging",
        Plain b"AAAA" [BASE64_URL; 7, 7] b":APA91b" [BASE64_URL; 100, 180];
    ),
];
