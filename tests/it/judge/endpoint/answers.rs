//! What is asked, and which text is the answer.

use serde_json::{Value, json};

use super::{
    DONE, KEY, Turn, answers, ask, asked, ends, error, events, judge, named, piece, run, says, server, server_at,
};
use crate::judge::world::World;
use crate::support::ok;

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_of_a_stream_is_printed_and_nothing_else() {
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5}}\n\n";
    let server =
        server(&[], vec![events(&[": ping\n\n", &says("it "), &says("is well\n"), &ends("stop"), usage, DONE])]).await;
    assert_eq!(ask(&named(&server), "is it well?").await.answer(), "it is well");
    let expected = json!({"model": "the-model", "messages": [{"role": "user", "content": "is it well?"}], "stream": true,
        "stream_options": {"include_usage": true}});
    assert_eq!(asked(&server), [expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_stream_answers_too() {
    let page = json!({"choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "it is well", "reasoning_content": "hm"}}]});
    let server = server(&[], vec![Turn::Writes(ok("application/json", page.to_string().as_bytes()))]).await;
    assert_eq!(ask(&named(&server), "is it well?").await.answer(), "it is well");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_and_the_flags_say_what_is_asked_for() {
    let server = server(&["served"], vec![answers("well")]).await;
    let world = judge(&server, &json!({"model": "the-model", "effort": "low"}));
    assert_eq!(ask(&world, "hello").await.answer(), "well");
    let mut command = world.command("hello");
    command.args(["--model", "other", "--effort", "high"]);
    assert_eq!(run(command).await.answer(), "well");
    let asked: Vec<_> =
        asked(&server).iter().map(|body| (body["model"].clone(), body["reasoning_effort"].clone())).collect();
    assert_eq!(asked, [(json!("the-model"), json!("low")), (json!("other"), json!("high"))]);
    assert!(!server.seen().iter().any(|request| request.line.contains("models")), "no list is needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_model_is_named_the_first_that_the_server_lists_is_asked() {
    for models in [&["first"][..], &["first", "second"]] {
        let server = server(models, vec![answers("well")]).await;
        let told = ask(&judge(&server, &json!({})), "hello").await;
        assert_eq!(
            (told.code, told.stdout.as_str(), &asked(&server)[0]["model"]),
            (Some(0), "well\n", &json!("first"))
        );
        let expected = "autoswe-judge: no model is named; asked `first`, the first that the endpoint lists\n";
        assert_eq!(told.stderr, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_is_the_servers_affair_where_it_can() {
    let server = server(&[], vec![answers("{\"score\": 7}")]).await;
    let world = named(&server);
    let schema = json!({"type": "object", "properties": {"score": {"type": "integer"}}});
    std::fs::write(world.path("schema.json"), schema.to_string()).unwrap();
    let with_schema = || {
        let mut command = world.command("how well?");
        command.arg("--schema").arg(world.path("schema.json"));
        command
    };
    assert_eq!(run(with_schema()).await.answer(), "{\"score\": 7}");
    let expected = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": true}});
    assert_eq!(asked(&server)[0]["response_format"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_the_schema_finds_it_in_the_prompt() {
    let refusal = error("400 Bad Request", "This response_format type is unavailable now");
    let server = server(&[], vec![refusal, answers("```json\n{\"score\": 7}\n```"), answers("seven")]).await;
    let world = named(&server);
    std::fs::write(world.path("schema.json"), "{\"type\":\"object\"}").unwrap();
    let with_schema = |level: &str| {
        let mut command = world.command("how well?");
        command.arg("--schema").arg(world.path("schema.json")).args(["--log.level", level]);
        command
    };
    let told = run(with_schema("debug")).await;
    assert_eq!((told.code, told.stdout.as_str()), (Some(0), "{\"score\": 7}\n"), "{told:?}");
    assert!(told.stderr.contains("asking without it") && told.stderr.contains("part=response_format"), "{told:?}");
    let [first, second] = asked(&server).try_into().unwrap();
    assert!(first.get("response_format").is_some() && second.get("response_format").is_none());
    assert_eq!(first["messages"][0]["content"], "how well?");
    let prompt = second["messages"][0]["content"].as_str().unwrap();
    assert!(prompt.starts_with("how well?\n") && prompt.ends_with("{\"type\":\"object\"}"), "{prompt}");
    assert!(run(with_schema("warn")).await.failure(4).contains("no JSON, though a schema was given"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_local_model_thinks_is_not_its_answer() {
    let reasoning = |field: &str| piece(&json!({field: "I think"}), None);
    for parts in [
        vec![says("<think>\nI think\n</think>\n\nwell")],
        vec![says("I think\n</th"), says("ink>\n\nwell")],
        vec![reasoning("reasoning_content"), says("well")],
        vec![reasoning("reasoning"), says("well")],
    ] {
        let server = server(&[], vec![events(&[&parts.concat(), &ends("stop"), DONE])]).await;
        assert_eq!(ask(&named(&server), "hello").await.answer(), "well", "{parts:?}");
    }
    for (parts, why) in [
        (says("<think>\nI think it is well"), "its thinking does not end"),
        (says("<think>I saw </think> there</think>well"), "cannot be told apart"),
        (reasoning("reasoning"), "it thought, and answered nothing"),
    ] {
        let server = server(&[], vec![events(&[&parts, &ends("stop"), DONE])]).await;
        let told = ask(&named(&server), "hello").await;
        assert!(
            told.failure(4).starts_with("no verdict: of the judge `mine`: ") && told.stderr.contains(why),
            "{told:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_sent_and_never_shown() {
    let server = server(&[], vec![answers("well"), error("401 Unauthorized", &format!("no such key: {KEY}"))]).await;
    let world = judge(&server, &json!({"model": "m", "key_env": "JUDGE_TEST_KEY"}));
    let with_key = || {
        let mut command = world.command("hello");
        command.env("JUDGE_TEST_KEY", KEY).args(["--log.level", "trace"]);
        command
    };
    let told = run(with_key()).await;
    assert_eq!((told.code, told.stdout.as_str()), (Some(0), "well\n"));
    assert!(!told.stderr.contains("horse"), "{told:?}");
    assert!(server.seen()[0].head.contains(&format!("authorization: bearer {KEY}")), "{:?}", server.seen());
    let told = run(with_key()).await;
    assert_eq!((told.code, told.stdout.as_str()), (Some(1), ""));
    assert!(told.stderr.contains("no such key") && told.stderr.contains("JUDGE_TEST_KEY"), "{told:?}");
    assert!(!told.stderr.contains("horse"), "{told:?}");
    let mut command = world.command("hello");
    command.env_remove("JUDGE_TEST_KEY");
    let missing = "judge.entries.mine.key_env: the environment variable JUDGE_TEST_KEY is not set; put the endpoint's key into it";
    assert_eq!(run(command).await.failure(64), missing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_prompt_reaches_the_model_whole() {
    let server = server(&[], vec![answers("well")]).await;
    let long = format!("{}and the end\u{0}", "\"long\"\n".repeat(2_000_000));
    assert_eq!(ask(&named(&server), &long).await.answer(), "well");
    assert!(asked(&server)[0]["messages"][0]["content"] == long.as_str(), "it is another");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_ipv6_will_do_and_a_whole_path_too() {
    let server = server_at("[::1]:0", &[], vec![answers("well")]).await;
    assert!(server.url.starts_with("http://[::1]:"), "{}", server.url);
    assert_eq!(ask(&named(&server), "hello").await.answer(), "well");
    let world = World::with(json!({"url": format!("{}/v1/chat/completions", server.url), "model": "m"}));
    assert_eq!(ask(&world, "hello").await.answer(), "well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_of_the_environment_is_not_used() {
    let server = server(&[], vec![answers("well")]).await;
    let world = named(&server);
    let mut command = world.command("hello");
    command.env("http_proxy", "http://127.0.0.1:1").env("HTTP_PROXY", "http://127.0.0.1:1");
    assert_eq!(run(command).await.answer(), "well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_model_reviews_the_loop() {
    let good =
        json!({"health_score": 12, "verdict": "stuck", "summary": "It stands still.", "findings": []}).to_string();
    let server = server(&["local-model"], vec![answers("all is well"), answers(&good)]).await;
    let world = judge(&server, &json!({}));
    std::fs::create_dir_all(world.path("runtime")).unwrap();
    std::fs::create_dir_all(world.path("repo")).unwrap();
    std::fs::write(world.path("runtime/state-heartbeat.json"), "{\"ts\": 1795346000}").unwrap();
    let told = run(world.program("review")).await;
    assert_eq!(told.answer(), "12 of 100, stuck: It stands still.");
    let questions = asked(&server);
    assert_eq!(questions.len(), 2);
    assert_eq!(questions[0]["response_format"]["json_schema"]["strict"], true);
    assert!(questions[1]["messages"][0]["content"].as_str().unwrap().contains("The fault, as a JSON string"));
    let record = std::fs::read_to_string(world.path("runtime/meta-judge.jsonl")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!((&record["model"], &record["attempts"]), (&json!("local-model"), &json!(2)), "which of its models");
}
