//! Keys of payment services and of shops.
//!
//! Invariant: a form's length and alphabet are the issuer's.

use super::super::bytes::*;
use super::{Vendor, vendor};

pub(super) const VENDORS: &[Vendor] = &[
    vendor!("stripe-key", "A key of Stripe",
        Plain b"sk_live_" [ALNUM; 10, 250];
        Plain b"sk_test_" [ALNUM; 10, 250];
        Plain b"sk_prod_" [ALNUM; 10, 250];
        Plain b"rk_live_" [ALNUM; 10, 250];
        Plain b"rk_test_" [ALNUM; 10, 250];
        Plain b"rk_prod_" [ALNUM; 10, 250];
        Plain b"pk_live_" [ALNUM; 20, 250];
        Plain b"pk_test_" [ALNUM; 20, 250];
        Plain b"whsec_" [BASE64_PADDED; 24, 80];
        Plain b"sk_org_" [ALNUM | UNDER; 20, 250];
    ),
    vendor!("square-token", "A token of Square",
        Plain b"sq0csb-" [BASE64_URL; 22, 60];
        Plain b"sandbox-sq0csb-" [BASE64_URL; 22, 60];
        Plain b"sq0atp-" [BASE64_URL; 22, 60];
        Plain b"sq0csp-" [BASE64_URL; 43, 43];
        Plain b"sq0idp-" [BASE64_URL; 22, 22];
        Plain b"sandbox-sq0csp-" [BASE64_URL; 22, 60];
        Plain b"EAAA" [BASE64_URL | PLUS | EQUALS; 22, 80];
    ),
    vendor!("shopify-token", "A token of Shopify",
        Plain b"shpat_" [HEX; 32, 32];
        Plain b"shpca_" [HEX; 32, 32];
        Plain b"shppa_" [HEX; 32, 32];
        Plain b"shpss_" [ALNUM; 32, 32];
        Plain b"shptka_" [HEX; 32, 32];
        Plain b"shpua_" [HEX; 32, 32];
        Plain b"shpit_" [HEX; 32, 32];
    ),
    vendor!("paypal-token", "A token of PayPal or Braintree",
        Plain b"access_token$production$" [BASE36; 16, 16] b"$" [LOWER_HEX; 32, 32];
        Plain b"access_token$sandbox$" [BASE36; 16, 16] b"$" [LOWER_HEX; 32, 32];
        Plain b"A21AA" [BASE64_URL; 60, 120];
    ),
    vendor!("payment-key", "A key of a payment service",
        Plain b"rzp_live_" [ALNUM; 14, 14];
        Plain b"rzp_test_" [ALNUM; 14, 14];
        Plain b"FLWSECK_TEST-" [ALNUM; 12, 40] b"-X" [DIGIT; 0, 1];
        Plain b"FLWSECK_TEST-" [ALNUM; 12, 40];
        Plain b"FLWSECK-" [ALNUM; 32, 36] b"-X" [DIGIT; 0, 1];
        Plain b"FLWSECK-" [ALNUM; 32, 36];
        Plain b"FLWPUBK_TEST-" [ALNUM; 32, 36] b"-X" [DIGIT; 0, 1];
        Plain b"FLWPUBK_TEST-" [ALNUM; 32, 36];
        Plain b"FLWPUBK-" [ALNUM; 32, 36] b"-X" [DIGIT; 0, 1];
        Plain b"FLWPUBK-" [ALNUM; 32, 36];
        Plain b"live_" [LOWER_HEX; 35, 35];
        Plain b"test_" [LOWER_HEX; 35, 35];
        Random b"live_" [BASE64_URL | EQUALS; 40, 40];
        Random b"live_" [ALNUM; 27, 32];
        Random b"test_" [ALNUM; 28, 50];
        Plain b"xnd_production_" [ALNUM; 32, 80];
        Plain b"xnd_development_" [ALNUM; 32, 80];
        Plain b"pdl_live_apikey_" [ALNUM | UNDER; 40, 60];
        Plain b"pdl_sdbx_apikey_" [ALNUM | UNDER; 40, 60];
        Plain b"lsq_" [ALNUM; 32, 64];
        Plain b"sk_sandbox_" [ALNUM; 20, 80];
        Plain b"sec_" [ALNUM | UNDER; 40, 80];
        Plain b"AQE" [ALNUM | PLUS | SLASH; 60, 180];
        Plain b"plaid-" [HEX | ALNUM | DASH; 36, 60];
        Plain b"access-sandbox-" [HEX | DASH; 36, 36];
        Plain b"access-development-" [HEX | DASH; 36, 36];
        Plain b"access-production-" [HEX | DASH; 36, 36];
        Plain b"EZAK" [ALNUM; 54, 54];
        Plain b"EZTK" [ALNUM; 54, 54];
        Plain b"gc_live_" [BASE64_URL; 30, 60];
        Plain b"live_pub_" [LOWER_HEX; 31, 31];
        Plain b"test_pub_" [LOWER_HEX; 31, 31];
        Plain b"sk_" [LOWER_HEX; 40, 48];
        Plain b"ch_test_" [ALNUM; 32, 60];
        Plain b"polar_oat_" [BASE64_URL; 32, 60];
        Plain b"polar_pat_" [ALNUM; 32, 60];
        Plain b"Mid-server-" [BASE64_URL; 16, 32];
        Plain b"Mid-client-" [BASE64_URL; 16, 32];
        Plain b"sk_live" [ALNUM | DASH | DOT | UNDER; 24, 120];
    ),
    vendor!("etsy-key", "A key of a shop or a delivery service",
        Plain b"SCMSCID" [UPPER36; 20, 40];
        Plain b"PRD-" [HEX; 12, 12] b"-" [HEX | DASH; 20, 30];
        Plain b"flb_live_" [ALNUM; 20, 60];
        Plain b"flb_test_" [ALNUM; 30, 60];
        Plain b"aft_" [LOWER_HEX; 32, 40];
        Plain b"asat_" [LOWER_HEX; 32, 40];
    ),
];
