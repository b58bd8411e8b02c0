//! Tokens of forges, of package registries and of builders.
//!
//! Invariant: a form's length and alphabet are the issuer's.

use super::super::bytes::*;
use super::{Vendor, vendor};

pub(super) const VENDORS: &[Vendor] = &[
    vendor!("github-token", "A token of GitHub",
        Plain b"ghp_" [ALNUM; 36, 255];
        Plain b"gho_" [ALNUM; 36, 255];
        Plain b"ghu_" [ALNUM; 36, 255];
        Plain b"ghs_" [BASE64_URL | DOT; 36, 800];
        Plain b"ghr_" [ALNUM; 36, 255];
        Plain b"github_pat_" [ALNUM; 22, 22] b"_" [ALNUM; 59, 59];
        Plain b"github_pat_" [ALNUM | UNDER; 36, 255];
        Plain b"v1." [LOWER_HEX; 40, 40];
    ),
    vendor!("gitlab-token", "A token of GitLab",
        Plain b"glpat-" [BASE64_URL; 20, 26];
        Plain b"glpat-" [BASE64_URL; 27, 300] b"." [BASE36; 2, 2] b"." [BASE36; 7, 9];
        Plain b"gldt-" [BASE64_URL; 20, 64];
        Plain b"glptt-" [BASE64_URL; 40, 40];
        Plain b"glrt-" [BASE64_URL | DOT; 20, 300];
        Plain b"glrtr-" [BASE64_URL | DOT; 20, 300];
        Plain b"glcbt-" [BASE64_URL; 20, 64];
        Plain b"glsoat-" [BASE64_URL; 20, 20];
        Plain b"glimt-" [BASE64_URL; 25, 25];
        Plain b"glft-" [BASE64_URL; 20, 64];
        Plain b"glffct-" [BASE64_URL; 20, 64];
        Plain b"glwt-" [BASE64_URL; 20, 64];
        Plain b"glagent-" [BASE64_URL; 44, 80];
        Plain b"gloas-" [BASE64_URL; 64, 64];
        Plain b"GR1348941" [BASE64_URL; 20, 24];
        Plain b"_gitlab_session=" [BASE64_URL; 32, 64];
    ),
    vendor!("bitbucket-token", "A token of Bitbucket",
        Plain b"ATCTT3xFfG" [BASE64_URL | EQUALS; 120, 260];
        Plain b"ATBB" [ALNUM; 24, 36];
        Plain b"BBDC-" [BASE64_PADDED; 40, 60];
    ),
    vendor!("gitea-token", "A token of Gitea, Forgejo or Gogs",
        Random b"gta_" [ALNUM; 36, 50];
        Plain b"gitea_" [LOWER_HEX; 40, 40];
    ),
    vendor!("npm-token", "A token of the npm registry",
        Plain b"npm_" [ALNUM; 36, 36];
    ),
    vendor!("pypi-token", "A token of the Python package index",
        Plain b"pypi-AgE" [BASE64_URL; 50, 1000];
    ),
    vendor!("rubygems-key", "A key of RubyGems",
        Plain b"rubygems_" [BASE36; 48, 48];
    ),
    vendor!("crates-io-token", "A token of crates.io",
        Random b"cio" [ALNUM; 32, 32];
    ),
    vendor!("nuget-key", "A key of NuGet",
        Plain b"oy2" [BASE36; 43, 43];
    ),
    vendor!("clojars-token", "A token of Clojars",
        Plain b"CLOJARS_" [ALNUM; 60, 60];
    ),
    vendor!("packagist-token", "A token of Packagist",
        Plain b"packagist_ack_" [BASE64_URL; 32, 90];
        Plain b"packagist_uck_" [BASE64_URL; 32, 90];
        Plain b"packagist_uut_" [BASE64_URL; 32, 90];
        Plain b"packagist_out_" [BASE64_URL; 32, 90];
        Plain b"packagist_org_ut_" [BASE64_URL; 32, 90];
    ),
    vendor!("docker-token", "A token of Docker Hub",
        Plain b"dckr_pat_" [BASE64_URL; 27, 40];
        Plain b"dckr_oat_" [BASE64_URL; 32, 60];
        Plain b"dckr_jti_" [BASE64_URL; 27, 60];
    ),
    vendor!("artifactory-token", "A key or a token of Artifactory",
        Plain b"AKCp" [ALNUM; 65, 73];
        Plain b"AKC" [ALNUM; 13, 61];
        Plain b"AP" [HEX; 33, 33];
        Plain b"cmVmdGtu" [ALNUM; 50, 64];
        Plain b"cmVmdG" [ALNUM; 52, 60];
        Plain b"cmVmd" [ALNUM; 59, 59];
    ),
    vendor!("cloudsmith-token", "A token of Cloudsmith or Buildkite",
        Plain b"bkua_" [BASE36; 40, 60];
        Plain b"bkaj_" [ALNUM | DOT | DASH | UNDER; 40, 400];
        Plain b"csa_" [ALNUM; 36, 64];
    ),
    vendor!("circleci-token", "A token of CircleCI",
        Plain b"CCIPAT_" [ALNUM; 18, 30] b"_" [ALNUM; 40, 64];
        Plain b"CCIPRJ_" [ALNUM; 18, 30] b"_" [HEX; 40, 40];
    ),
    vendor!("postman-key", "A key of Postman",
        Plain b"PMAK-" [HEX; 24, 24] b"-" [HEX; 34, 34];
        Plain b"PMAT-" [UPPER36; 26, 26];
    ),
    vendor!("octopus-key", "A key of Octopus Deploy",
        Random b"API-" [UPPER36; 25, 32];
    ),
    vendor!("sourcegraph-token", "A token of Sourcegraph",
        Plain b"sgp_" [HEX; 16, 16] b"_" [HEX; 40, 40];
        Plain b"sgp_local_" [HEX; 40, 40];
        Plain b"sgp_" [HEX; 40, 40];
        Plain b"sgd_" [HEX; 64, 64];
        Plain b"slk_" [HEX; 64, 64];
        Plain b"sgs_" [HEX; 64, 64];
        Plain b"sgw_" [HEX; 40, 70];
    ),
    vendor!("sonar-token", "A token of SonarQube",
        Plain b"squ_" [BASE64_URL; 40, 40];
        Plain b"sqp_" [BASE64_URL; 40, 40];
        Plain b"sqa_" [BASE64_URL; 40, 40];
        Plain b"sqb_" [LOWER_HEX; 40, 40];
    ),
    vendor!("azure-devops-token", "A token of Azure DevOps",
        Plain b"azd_pat_" [BASE36; 40, 90];
    ),
    vendor!("snyk-token", "A token of a scanner of code",
        Plain b"snyk_uat." [HEX; 6, 10] b"." [ALNUM | DOT | DASH | UNDER; 40, 600];
        Plain b"snyk_sat." [HEX; 6, 10] b"." [ALNUM | DOT | DASH | UNDER; 40, 600];
        Plain b"endr+" [ALNUM; 16, 16];
        Plain b"cosmo_" [LOWER_HEX; 32, 32];
        Plain b"spu-" [LOWER_HEX; 32, 32];
        Plain b"socket_" [BASE64_URL; 40, 80];
        Plain b"semgrep_" [BASE64_URL; 32, 80];
    ),
    vendor!("expo-token", "A token of a builder or a publisher of applications",
        Plain b"EXPO_" [ALNUM; 32, 48];
        Random b"bitrise_" [ALNUM; 32, 90];
        Plain b"cpat_" [ALNUM; 32, 60];
        Plain b"pnu_" [ALNUM; 36, 36];
        Plain b"pnb_" [BASE36; 36, 36];
        Plain b"nx_" [BASE64_URL; 32, 64];
        Plain b"tbkt_" [BASE64_URL; 32, 64];
        Plain b"dtn_" [LOWER_HEX; 64, 64];
    ),
    vendor!("jsr-token", "A token of a registry of JavaScript or Rust packages",
        Plain b"jsrp_" [ALNUM; 30, 40];
        Plain b"jsrs_" [ALNUM; 30, 40];
        Plain b"jsrd_" [ALNUM; 30, 40];
        Plain b"jsru_" [ALNUM; 30, 40];
    ),
    vendor!("hashed-npm-auth", "A login of a package registry",
        Plain b"_auth=" [BASE64_PADDED; 12, 400];
        Plain b"NpmToken." [HEX | DASH; 36, 36];
        Plain b"oauth2accesstoken:" [BASE64 | DASH | DOT | DIGIT; 20, 400];
    ),
];
