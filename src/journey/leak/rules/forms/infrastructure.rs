//! Tokens of what keeps secrets, networks and machines.
//!
//! Invariant: a form's length and alphabet are the issuer's.

use super::super::bytes::*;
use super::{Vendor, vendor};

pub(super) const VENDORS: &[Vendor] = &[
    vendor!("vault-token", "A token of HashiCorp Vault",
        Mixed b"hvs." [BASE64_URL; 24, 24];
        Mixed b"hvs." [BASE64_URL; 90, 300];
        Mixed b"hvb." [BASE64_URL; 90, 400];
        Mixed b"hvr." [BASE64_URL; 90, 400];
        Random b"s." [ALNUM; 24, 24];
        Random b"b." [ALNUM; 24, 24];
        Random b"r." [ALNUM; 24, 24];
        Random b"b.AAAAAQ" [BASE64_URL; 100, 400];
        Random b"s." [ALNUM; 24, 24] b"." [ALNUM; 5, 5];
    ),
    vendor!("terraform-token", "A token of Terraform, Pulumi or Spacelift",
        Plain b".atlasv1." [BASE64_URL | EQUALS; 60, 70];
        Plain b"pul-" [LOWER_HEX; 40, 40];
        Plain b"spacelift_" [ALNUM; 40, 80];
        Random b"ico-" [ALNUM; 32, 32];
    ),
    vendor!("onepassword-token", "A token or a secret key of 1Password",
        Plain b"ops_eyJ" [BASE64_PADDED | DASH | UNDER; 100, 3000];
        Plain b"A3-" [UPPER36; 6, 6] b"-" [UPPER36; 11, 11] b"-" [UPPER36; 5, 5] b"-" [UPPER36; 5, 5] b"-" [UPPER36; 5, 5];
        Plain b"A3-" [UPPER36; 6, 6] b"-" [UPPER36; 6, 6] b"-" [UPPER36; 5, 5] b"-" [UPPER36; 5, 5] b"-" [UPPER36; 5, 5] b"-" [UPPER36; 5, 5];
    ),
    vendor!("doppler-token", "A token of a keeper of secrets",
        Plain b"dp.pt." [ALNUM; 40, 44];
        Plain b"dp.st." [BASE64_URL | DOT; 40, 80];
        Plain b"dp.ct." [ALNUM; 40, 44];
        Plain b"dp.sa." [ALNUM; 40, 44];
        Plain b"dp.scim." [ALNUM; 40, 44];
        Plain b"dp.audit." [ALNUM; 40, 44];
        Plain b"st." [LOWER_HEX; 20, 30] b"." [LOWER_HEX; 28, 40] b"." [LOWER_HEX; 20, 64];
        Plain b"akeyless_" [BASE64_URL; 32, 80];
        Plain b"p-" [BASE36; 14, 14] b"|" [BASE64_URL; 40, 60];
        Plain b"0." [LOWER_HEX | DASH; 36, 36] b"." [BASE64; 30, 30] b":" [BASE64_PADDED; 24, 24];
        Plain b"kc_secret_" [ALNUM; 32, 60];
    ),
    vendor!("age-key", "A private key of age",
        Plain b"AGE-SECRET-KEY-1" [UPPER36; 58, 58];
        Plain b"AGE-PLUGIN-" [UPPER36 | DASH; 30, 300];
    ),
    vendor!("tailscale-key", "A key of a private network",
        Plain b"tskey-" [ALNUM | DASH; 16, 120];
        Plain b"dnkey-" [BASE64_URL | EQUALS; 79, 79];
        Plain b"nbp_" [ALNUM; 36, 40];
        Plain b"zt_" [ALNUM; 32, 40];
        Plain b"ztc_" [ALNUM; 32, 60];
    ),
    vendor!("kubernetes-token", "A token of a cluster's tools",
        Plain b"SWMTKN-1-" [BASE36; 50, 50] b"-" [BASE36; 25, 25];
        Plain b"SWMKEY-1-" [BASE64; 43, 43];
        Plain b"sha256~" [BASE64_URL; 43, 43];
        Plain b"K10" [LOWER_HEX; 64, 64] b"::" [ALNUM | COLON; 20, 100];
        Plain b"kubeconfig-u-" [ALNUM | DASH; 8, 20] b":" [BASE36; 50, 60];
        Plain b"token-" [BASE36; 5, 5] b":" [BASE36; 54, 54];
        Plain b"argocd.token=" [BASE64_URL | DOT; 40, 900];
        Plain b"rh-" [ALNUM; 60, 64];
    ),
    vendor!("okta-token", "A token of a service for signing in",
        Plain b"s-s4t2ud-" [LOWER_HEX; 64, 64];
        Plain b"s-s4t2af-" [LOWER_HEX; 64, 64];
        Plain b"api_live." [BASE64_URL; 11, 11] b"." [BASE64_URL; 32, 32];
        Plain b"api_sandbox." [BASE64_URL; 11, 11] b"." [BASE64_URL; 32, 32];
        Plain b"api_live_us." [BASE64_URL; 11, 11] b"." [BASE64_URL; 32, 32];
        Plain b"api_live_ca." [BASE64_URL; 11, 11] b"." [BASE64_URL; 32, 32];
        Plain b"workos_" [ALNUM; 30, 60];
        Plain b"sk_test_Y2" [ALNUM | UNDER; 30, 80];
        Plain b"ory_st_" [ALNUM; 32, 32];
        Plain b"ory_pat_" [ALNUM; 32, 32];
        Plain b"ory_at_" [BASE64_URL | DOT; 40, 120];
        Plain b"ory_apikey_" [ALNUM; 32, 40];
        Plain b"stytch_" [ALNUM | DASH; 36, 60];
        Plain b"secret-live-" [BASE64_URL | EQUALS; 32, 50];
        Plain b"secret-test-" [BASE64_URL | EQUALS; 32, 50];
        Plain b"descope_" [ALNUM; 32, 80];
        Plain b"DSKEY" [ALNUM; 20, 40];
    ),
    vendor!("adobe-secret", "A client secret of Adobe",
        Plain b"p8e-" [BASE64_URL; 32, 32];
        Plain b"p8e_" [BASE64_URL; 32, 32];
    ),
    vendor!("twilio-key", "A key of Twilio",
        Random b"SK" [LOWER_HEX; 32, 32];
        Random b"AC" [LOWER_HEX; 32, 32];
        Random b"VA" [LOWER_HEX; 32, 32];
        Random b"AP" [LOWER_HEX; 32, 32];
    ),
    vendor!("mapbox-token", "A token of a service for maps",
        Plain b"sk.eyJ" [BASE64_URL; 30, 400] b"." [BASE64_URL; 20, 30];
        Plain b"pk.eyJ" [BASE64_URL; 30, 400] b"." [BASE64_URL; 20, 30];
        Plain b"tk.eyJ" [BASE64_URL; 30, 400] b"." [BASE64_URL; 20, 30];
        Plain b"AAPK" [BASE64_URL; 60, 100];
        Plain b"AAPT" [BASE64_URL | DOT; 60, 800];
        Plain b"prj_live_sk_" [LOWER_HEX; 40, 40];
        Plain b"prj_test_sk_" [LOWER_HEX; 40, 40];
        Plain b"prj_live_pk_" [LOWER_HEX; 40, 40];
        Plain b"prj_test_pk_" [LOWER_HEX; 40, 40];
    ),
    vendor!("ngrok-token", "A token of a tunnel or a device fleet",
        Random b"ak_" [ALNUM; 27, 27];
        Random b"cr_" [ALNUM; 27, 27];
        Plain b"pnid_" [LOWER_HEX; 32, 64];
        Plain b"blu_" [ALNUM; 32, 64];
        Plain b"AIO_" [ALNUM; 28, 28];
        Plain b"aio_" [ALNUM; 28, 28];
        Plain b"VF.DM." [HEX; 24, 24] b"." [ALNUM; 16, 16];
        Plain b"VF.WS." [HEX; 24, 24] b"." [ALNUM; 16, 16];
        Plain b"BBFF-" [ALNUM | DASH; 30, 40];
        Plain b"rdme_" [BASE36; 70, 70];
    ),
    vendor!("duo-key", "A key that a device or a person proves itself with",
        Random b"DI" [UPPER36; 18, 18];
        Plain b"SU" [UPPER36; 56, 56];
        Plain b"SA" [UPPER36; 56, 56];
        Plain b"SO" [UPPER36; 56, 56];
        Plain b"SN" [UPPER36; 56, 56];
        Plain b"SC" [UPPER36; 56, 56];
        Plain b"xprv" [ALNUM; 100, 112];
        Plain b"vsk-" [HEX | DASH; 36, 36];
    ),
];
