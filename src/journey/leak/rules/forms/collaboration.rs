//! Tokens of chats, of mail and of the programs that teams work with.
//!
//! Invariant: a form's length and alphabet are the issuer's.

use super::super::bytes::*;
use super::{Vendor, vendor};

pub(super) const VENDORS: &[Vendor] = &[
    vendor!("slack-token", "A token of Slack",
        Plain b"xoxb-" [DIGIT; 8, 16] b"-" [ALNUM | DASH; 8, 120];
        Plain b"xoxp-" [DIGIT; 5, 16] b"-" [ALNUM | DASH; 10, 120];
        Plain b"xoxa-" [ALNUM; 11, 48];
        Plain b"xoxa-" [DIGIT; 1, 16] b"-" [ALNUM | DASH; 10, 120];
        Plain b"xoxr-" [ALNUM; 11, 48];
        Plain b"xoxr-" [DIGIT; 1, 16] b"-" [ALNUM | DASH; 10, 120];
        Plain b"xoxs-" [DIGIT; 5, 16] b"-" [ALNUM | DASH; 10, 120];
        Plain b"xoxo-" [DIGIT; 5, 16] b"-" [ALNUM | DASH; 10, 120];
        Mixed b"xoxd-" [ALNUM | PLUS | SLASH | PERCENT | UNDER | DASH; 40, 300];
        Mixed b"xoxc-" [ALNUM | DASH; 30, 160];
        Plain b"xoxe-" [DIGIT; 1, 2] b"-" [ALNUM; 40, 300];
        Plain b"xoxe.xoxb-" [DIGIT; 1, 2] b"-" [ALNUM; 40, 300];
        Plain b"xoxe.xoxp-" [DIGIT; 1, 2] b"-" [ALNUM; 40, 300];
        Plain b"xapp-" [DIGIT; 1, 2] b"-" [ALNUM | DASH; 24, 160];
        Mixed b"xwfp-" [ALNUM | DASH; 24, 160];
    ),
    vendor!("slack-webhook", "An address at which Slack takes messages",
        Plain b"hooks.slack.com/services/" [ALNUM | SLASH; 30, 80];
        Plain b"hooks.slack.com/workflows/" [ALNUM | SLASH; 30, 120];
        Plain b"hooks.slack.com/triggers/" [ALNUM | SLASH; 30, 120];
        Plain b"hooks.slack-gov.com/services/" [ALNUM | SLASH; 30, 80];
    ),
    vendor!("discord-webhook", "An address at which Discord takes messages",
        Plain b"discord.com/api/webhooks/" [DIGIT; 17, 20] b"/" [BASE64_URL; 50, 80];
        Plain b"discordapp.com/api/webhooks/" [DIGIT; 17, 20] b"/" [BASE64_URL; 50, 80];
    ),
    vendor!("teams-webhook", "An address at which another chat or an automation takes messages",
        Plain b"webhook.office.com/webhookb2/" [ALNUM | DASH; 30, 40] b"@" [ALNUM | DASH; 30, 40] b"/IncomingWebhook/" [ALNUM; 20, 60];
        Plain b"outlook.office.com/webhook/" [HEX | DASH; 36, 36] b"@" [HEX | DASH; 36, 36] b"/IncomingWebhook/" [ALNUM; 20, 60];
        Plain b"outlook.office365.com/webhook/" [HEX | DASH; 36, 36] b"@" [HEX | DASH; 36, 36] b"/IncomingWebhook/" [ALNUM; 20, 60];
        Plain b"chat.googleapis.com/v1/spaces/" [BASE64_URL; 8, 20] b"/messages?key=" [BASE64_URL; 30, 60];
        Plain b"hooks.zapier.com/hooks/catch/" [ALNUM | SLASH; 8, 40];
        Plain b"maker.ifttt.com/trigger/" [BASE64_URL; 1, 60] b"/with/key/" [BASE64_URL; 20, 60];
        Plain b"oapi.dingtalk.com/robot/send?access_token=" [HEX; 64, 64];
        Plain b"qyapi.weixin.qq.com/cgi-bin/webhook/send?key=" [HEX | DASH; 36, 36];
        Plain b"open.feishu.cn/open-apis/bot/v2/hook/" [HEX | DASH; 36, 36];
        Plain b"open.larksuite.com/open-apis/bot/v2/hook/" [HEX | DASH; 36, 36];
        Plain b"tines.com/webhook/" [LOWER_HEX; 32, 32] b"/" [LOWER_HEX; 32, 32];
        Plain b"hook.eu1.make.com/" [ALNUM; 28, 40];
        Plain b"hook.integromat.com/" [ALNUM; 28, 40];
    ),
    vendor!("atlassian-token", "A token of Atlassian",
        Plain b"ATATT3" [BASE64_URL | EQUALS; 60, 300];
        Plain b"ATSTT3" [BASE64_URL | EQUALS; 60, 300];
        Plain b"ATCT" [BASE64_URL | EQUALS; 150, 300];
        Plain b"ATOA" [BASE64_URL | EQUALS; 150, 300];
    ),
    vendor!("linear-key", "A key of Linear",
        Plain b"lin_api_" [ALNUM; 32, 64];
        Plain b"lin_oauth_" [ALNUM; 32, 80];
        Plain b"lin_wh_" [ALNUM; 32, 64];
    ),
    vendor!("notion-token", "A token of Notion",
        Plain b"ntn_" [DIGIT; 11, 11] b"" [ALNUM; 32, 40];
        Random b"secret_" [ALNUM; 43, 43];
    ),
    vendor!("airtable-token", "A token of Airtable",
        Plain b"pat" [ALNUM; 14, 14] b"." [LOWER_HEX; 64, 64];
    ),
    vendor!("asana-token", "A token of Asana",
        Plain b"0/" [LOWER_HEX; 32, 32];
        Plain b"1/" [DIGIT; 12, 20] b":" [LOWER_HEX; 32, 32];
        Plain b"2/" [DIGIT; 12, 20] b"/" [DIGIT; 12, 20] b":" [LOWER_HEX; 32, 32];
    ),
    vendor!("figma-token", "A token of Figma",
        Plain b"figd_" [BASE64_URL; 36, 60];
        Plain b"figu_" [BASE64_URL; 36, 60];
        Plain b"figo_" [BASE64_URL; 36, 60];
        Plain b"figor_" [BASE64_URL; 36, 60];
        Plain b"figuh_" [BASE64_URL; 36, 60];
        Plain b"figdr_" [BASE64_URL; 36, 60];
        Plain b"figoh_" [BASE64_URL; 36, 60];
        Plain b"figp_" [BASE64_URL; 36, 60];
    ),
    vendor!("dropbox-token", "A token of Dropbox",
        Plain b"sl." [BASE64_URL | DOT; 100, 1500];
        Random b"sl.u." [BASE64_URL | DOT; 40, 1500];
    ),
    vendor!("sendgrid-key", "A key of a service that sends mail",
        Plain b"SG." [BASE64_URL; 16, 32] b"." [BASE64_URL; 16, 64];
        Plain b"xkeysib-" [LOWER_HEX; 64, 64] b"-" [ALNUM; 16, 16];
        Plain b"xkeysib-" [BASE64_URL; 81, 81];
        Plain b"xsmtpsib-" [LOWER_HEX; 64, 64] b"-" [ALNUM; 16, 16];
        Random b"re_" [ALNUM | UNDER; 24, 40];
        Plain b"md-" [ALNUM | DASH | UNDER; 22, 22];
        Random b"key-" [LOWER_HEX | BASE36; 32, 32];
        Plain b"pubkey-" [LOWER_HEX; 32, 32];
        Plain b"mlsn." [LOWER_HEX; 64, 70];
        Plain b"sib-" [LOWER_HEX; 64, 64];
        Random b"pm_" [ALNUM; 32, 40];
    ),
    vendor!("intercom-token", "A token of a desk for customers",
        Plain b"dG9rO" [BASE64_PADDED; 54, 60];
        Plain b"pat-na1-" [LOWER_HEX | DASH; 36, 36];
        Plain b"pat-eu1-" [LOWER_HEX | DASH; 36, 36];
        Plain b"pat-na2-" [LOWER_HEX | DASH; 36, 36];
        Plain b"fpat_" [ALNUM; 32, 64];
        Plain b"tfp_" [ALNUM | DASH | UNDER | DOT; 40, 70];
        Plain b"frk_" [BASE64_URL; 32, 64];
        Plain b"rdme_" [BASE36; 70, 70];
    ),
    vendor!("facebook-token", "A token of Facebook, Instagram or Threads",
        Plain b"EAAC" [ALNUM; 20, 400];
        Plain b"EAA" [ALNUM; 80, 400];
        Plain b"EAACEdEose0cBA" [ALNUM; 20, 400];
        Plain b"IGQV" [BASE64_URL; 60, 400];
        Plain b"IGAA" [BASE64_URL; 60, 400];
        Plain b"THAA" [BASE64_URL; 60, 400];
        Random b"GG|" [DIGIT; 10, 20] b"|" [BASE64_URL; 20, 40];
    ),
    vendor!("twitter-token", "A token of a social network",
        Plain b"AAAAAAAAAAAAAAAAAAAAA" [ALNUM | PERCENT; 24, 120];
        Plain b"AQED" [BASE64_URL; 60, 400];
        Plain b"WPL_AP1." [ALNUM | DOT | DASH | UNDER; 16, 40];
        Plain b"pina_" [BASE64_URL; 32, 120];
    ),
    vendor!("zendesk-token", "A token of a service for teams",
        Plain b"shippo_live_" [HEX; 40, 40];
        Plain b"shippo_test_" [HEX; 40, 40];
        Plain b"sm_pat_" [ALNUM; 16, 16];
        Plain b"sm_aat_" [ALNUM; 16, 16];
        Plain b"sm_sat_" [ALNUM; 16, 16];
        Plain b"ucat_" [BASE64_URL; 26, 90];
        Plain b"pk_" [DIGIT; 6, 8] b"_" [UPPER36; 32, 32];
        Plain b"CFPAT-" [BASE64_URL; 42, 64];
        Plain b"na1." [BASE64; 80, 140];
        Plain b"cal_live_" [LOWER_HEX; 32, 32];
        Plain b"rootly_" [LOWER_HEX; 64, 64];
        Plain b"zpka_" [ALNUM | UNDER; 32, 60];
        Plain b"cdl_" [ALNUM; 32, 64];
        Plain b"phx_" [BASE64_URL; 43, 64];
        Plain b"phc_" [BASE64_URL; 43, 48];
        Random b"sdk-" [LOWER_HEX | DASH; 36, 36];
        Random b"api-" [LOWER_HEX | DASH; 36, 36];
        Random b"mob-" [LOWER_HEX | DASH; 36, 36];
        Plain b"ghost_" [HEX | COLON; 80, 100];
    ),
    vendor!("messaging-key", "A key of a service for games or messages",
        Plain b"RGAPI-" [BASE36 | DASH; 36, 36];
        Plain b"sec-c-" [ALNUM | DASH; 36, 64];
        Plain b"pub-c-" [HEX | DASH; 36, 36];
        Plain b"sub-c-" [HEX | DASH; 36, 36];
        Plain b"1000." [LOWER_HEX; 32, 32] b"." [LOWER_HEX; 32, 32];
        Plain b"tkn.v1_" [BASE64_URL | EQUALS; 60, 120];
        Plain b"shltm_" [ALNUM; 32, 64];
        Plain b"tk-us-" [BASE64_URL; 48, 48];
        Plain b"tk-eu-" [BASE64_URL; 48, 48];
        Plain b"live_auth_" [LOWER_HEX; 32, 32];
        Plain b"test_auth_" [LOWER_HEX; 32, 32];
    ),
    vendor!("lower-token", "A token of a meeting or a signature service",
        Plain b"duffel_live_" [BASE64_URL | EQUALS; 43, 43];
        Plain b"duffel_test_" [BASE64_URL | EQUALS; 43, 43];
        Plain b"fio-u-" [BASE64_URL | EQUALS; 64, 64];
        Random b"live_" [DIGIT; 8, 12] b"_" [ALNUM; 30, 30];
        Random b"ico-" [ALNUM; 32, 32];
        Plain b"oauth:" [BASE36; 30, 30];
        Plain b"typeform_" [LOWER | DIGIT; 40, 60];
    ),
];
