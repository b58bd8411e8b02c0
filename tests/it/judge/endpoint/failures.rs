//! Why there is no answer: each reason in its own words, with its mend.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{DONE, Turn, answers, ask, asked, begun, ends, error, events, judge, named, piece, refuses, says, server};
use crate::judge::world::World;
use crate::support::{Server, closed_port, ok, response, write};

/// The line that a question to a server that does `turn` fails with, after the server's address.
async fn told(turn: Turn, code: i32) -> String {
    told_to(&json!({"model": "the-model"}), &["one", "two"], turn, code).await
}

async fn told_to(entry: &Value, models: &[&str], turn: Turn, code: i32) -> String {
    let server = server(models, vec![turn]).await;
    let asked = ask(&judge(&server, entry), "hello").await;
    let line = asked.failure(code).to_owned();
    match code {
        1 => line.strip_prefix(&format!("the judge `mine` at {}/v1 ", server.url)).expect(&line).to_owned(),
        _ => line.strip_prefix("no verdict: of the judge `mine`: ").expect(&line).to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_status_is_told_with_its_mend_and_the_servers_words() {
    let moved =
        b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere/v1?token=x\r\ncontent-length: 0\r\n\r\n".to_vec();
    let line = told(Turn::Writes(moved), 1).await;
    assert!(line.starts_with("answers HTTP 307 Temporary Redirect; it redirects to http://127.0.0.1:"), "{line}");
    assert!(line.ends_with("/elsewhere/v1; set judge.entries.mine.url to where it is; it said nothing"), "{line}");
    let effort = json!({"model": "m", "effort": "utmost"});
    let keyless = "it wants a key; name the environment variable that holds it in judge.entries.mine.key_env";
    for (status, mend) in [
        ("401 Unauthorized", keyless),
        ("403 Forbidden", keyless),
        (
            "408 Request Timeout",
            "it, or a proxy before it, gave up earlier than judge.timeout; give that a longer limit",
        ),
        ("413 Payload Too Large", "the prompt is longer than it, or a proxy before it, takes"),
        ("429 Too Many Requests", "it is asked too much; it does not say when to come again"),
        ("500 Internal Server Error", "read its log"),
        ("502 Bad Gateway", "what stands behind it does not answer; is the model loaded?"),
        ("503 Service Unavailable", "it has no room, or its model is not ready; it does not say when to come again"),
        ("405 Method Not Allowed", "is judge.entries.mine.url the base URL of an OpenAI-compatible endpoint?"),
        ("204 No Content", "is judge.entries.mine.url the base URL of an OpenAI-compatible endpoint?"),
    ] {
        let line = told(error(status, "for a reason"), 1).await;
        let words = if status.starts_with("204") { "; it said nothing" } else { ": for a reason" };
        assert_eq!(line, format!("answers HTTP {status}; {mend}{words}"));
    }
    let refusal = error("400 Bad Request", "reasoning_effort: Input should be 'low' or 'high'");
    let line = told_to(&effort, &[], refusal, 1).await;
    let mend = "it does not take the effort `utmost`; set --effort, judge.effort or judge.entries.mine.effort to another, or to none";
    assert!(line.starts_with(&format!("answers HTTP 400 Bad Request; {mend}: reasoning_effort: ")), "{line}");
    let line = told(error("400 Bad Request", "This model's maximum context length is 4096 tokens"), 1).await;
    assert!(line.contains("the prompt is longer than the model takes"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_404_tells_whether_the_address_or_the_model_is_wrong() {
    let missing = || error("404 Not Found", "The model `the-model` does not exist.");
    let line = told(missing(), 1).await;
    let mend = "it has no model `the-model` (--model, judge.model, judge.entries.mine.model), but `one`, `two`";
    assert_eq!(line, format!("answers HTTP 404 Not Found; {mend}: The model `the-model` does not exist."));
    let line = told_to(&json!({"model": "one"}), &["one"], missing(), 1).await;
    assert!(line.contains("it lists the model `one`, so the question is what it does not take"), "{line}");
    let server = server(&["one"], vec![answers("well")]).await;
    let world = World::with(json!({"url": server.url, "model": "one"}));
    let line = ask(&world, "hello").await.failure(1).to_owned();
    let expected = "answers HTTP 404 Not Found; is /v1 missing from judge.entries.mine.url?: Not Found";
    assert_eq!(line, format!("the judge `mine` at {} {expected}", server.url));
    let world = World::with(json!({"url": format!("{}/other/v1", server.url), "model": "one"}));
    assert!(ask(&world, "hello").await.failure(1).contains("is judge.entries.mine.url the base URL of"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_and_a_list_of_them_nothing_is_asked() {
    let mend = "name a model by --model or in judge.entries.mine.model";
    let empty = server(&[], vec![answers("well")]).await;
    let line = ask(&judge(&empty, &json!({})), "hello").await.failure(1).to_owned();
    assert!(line.ends_with(&format!("has no model to ask; load one, or {mend}: its list is empty")), "{line}");
    let page = Server::always(ok("text/html", b"<html>welcome</html>")).await;
    let line = ask(&judge(&page, &json!({})), "hello").await.failure(1).to_owned();
    assert!(
        line.ends_with(&format!("answers GET /models with what is no list of models; {mend}: <html>welcome</html>")),
        "{line}"
    );
    let locked = Server::always(response("401 Unauthorized", "text/plain", b"who are you?")).await;
    let line = ask(&judge(&locked, &json!({})), "hello").await.failure(1).to_owned();
    assert!(line.contains("does not list its models (HTTP 401 Unauthorized); it wants a key; "), "{line}");
    assert!(line.ends_with(&format!("; or {mend}: who are you?")), "{line}");
    assert!(asked(&empty).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_is_no_verdict_each_for_its_own_reason() {
    let delta = |delta: Value, finish: &str| events(&[&says("we"), &piece(&delta, None), &ends(finish), DONE]);
    let whole = |page: &str| Turn::Writes(ok("application/json", page.as_bytes()));
    let several = whole("{\"choices\": [{\"index\": 0}, {\"index\": 1}]}");
    let cut = "its answer was cut where the model may write no more (finish_reason `length`); shorten the prompt, or serve the \
        model with a longer context";
    let call = "it calls a tool in place of an answer, though it was given none";
    for (turn, why) in [
        (events(&[&says("well"), &ends("length"), DONE]), cut),
        (events(&[&says("well"), DONE]), "its answer breaks off: it does not say that it ended (finish_reason)"),
        (
            events(&[&says("well"), &ends("content_filter")]),
            "a content filter cut its answer (finish_reason `content_filter`)",
        ),
        (events(&[&says("well"), &ends("abort"), DONE]), "its answer did not end by itself; finish_reason: abort"),
        (delta(json!({"tool_calls": [{"id": "t"}]}), "tool_calls"), call),
        (delta(json!({"refusal": "I will not"}), "stop"), "it refuses to answer: I will not"),
        (delta(json!({"content": 7}), "stop"), "its answer is of another kind than text"),
        (events(&[&piece(&json!({"content": null}), Some("stop")), DONE]), "it answered nothing"),
        (events(&[&says("well"), &ends("stop"), &says("not"), DONE]), "it goes on after the end of its answer"),
        (
            events(&[&says("well"), "data: {\n\n", &ends("stop")]),
            "an event of its answer is not the JSON that it should be, so \
            that a part may be missing",
        ),
        (several, "it gives several answers to one question"),
        (events(&[]), "its answer is a stream without an event"),
        (whole(""), "its answer is an empty page"),
        (whole("{\"choices\": [{\"message\": {\"content\": \"we"), "its answer breaks off within its JSON"),
    ] {
        assert_eq!(told(turn, 4).await, why);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_whose_connection_breaks_off_is_none() {
    let length =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n{}", says("well"));
    let mut whole = begun(&[&says("well"), &ends("stop")]);
    for turn in [
        Turn::Resets(begun(&[&says("well")])),
        Turn::Writes(begun(&[&says("well")])),
        Turn::Writes(length.into_bytes()),
        // It has said that it ended, and an error could still have followed.
        Turn::Resets(whole.clone()),
    ] {
        let line = told(turn.clone(), 4).await;
        assert!(line.starts_with("the connection broke off in its answer ("), "{turn:?}: {line}");
    }
    // The same with the end of the chunks, and without the last word of the protocol.
    whole.extend(b"0\r\n\r\n");
    let server = server(&[], vec![Turn::Writes(whole)]).await;
    assert_eq!(ask(&named(&server), "hello").await.answer(), "well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_while_it_answers_is_told_in_its_words() {
    let error = "data: {\"error\":{\"message\":\"the engine died\",\"type\":\"InternalServerError\"}}\n\n";
    for turn in [
        events(&[&says("well"), error, DONE]),
        Turn::Resets(begun(&[&says("well"), error])),
        events(&[&says("well"), &ends("stop"), error, DONE]),
    ] {
        assert_eq!(told(turn, 1).await, "says that it failed while it answered: the engine died");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_endpoint_is_told_so() {
    let html = Turn::Writes(ok("text/html", b"<html><title>Sign in</title>\n</html>"));
    let mend = "is judge.entries.mine.url the base URL of an OpenAI-compatible endpoint?";
    let expected = format!("answers with what is no chat completion; {mend}: <html><title>Sign in</title> </html>");
    assert_eq!(told(html, 1).await, expected);
    let other = Turn::Writes(ok("application/json", b"{\"hello\": 1}"));
    assert_eq!(told(other, 1).await, format!("answers with what is no chat completion; {mend}: {{\"hello\": 1}}"));
    let line = told(Turn::Writes(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()), 1).await;
    assert!(
        line.starts_with("does not answer in HTTP; is judge.entries.mine.url right, http and not https?: "),
        "{line}"
    );
    let line = told(Turn::Writes(Vec::new()), 1).await;
    assert!(line.starts_with("broke the connection off before it answered; read its log: "), "{line}");
    let nowhere = World::with(json!({"url": format!("{}/v1", closed_port().await), "model": "m"}));
    let line = ask(&nowhere, "hello").await.failure(1).to_owned();
    assert!(
        line.contains("cannot be reached; start it, or correct judge.entries.mine.url: Connection refused"),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_told_so() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // It reads the greeting of TLS first, so that closing is no reset.
        tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 4096]).await.unwrap();
        write(stream, Arc::new(*b"HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    });
    let told = ask(&World::with(json!({"url": url, "model": "m"})), "hello").await;
    // Where there are no CA certificates, that comes first.
    let expected = match told.code {
        Some(64) => "are CA certificates installed?",
        _ => "does not speak TLS; is judge.entries.mine.url right, https and not http?",
    };
    assert!(told.stderr.contains(expected) && told.stdout.is_empty(), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_is_none_is_a_mistake_of_the_configuration() {
    for (url, why) in [("127.0.0.1:8010/v1", "not a URL"), ("ftp://me:secret@h/v1", "neither http nor https")] {
        let told = ask(&World::with(json!({"url": url})), "hello").await;
        let line = told.failure(64);
        assert!(line.starts_with(&format!("judge.entries.mine.url: {why}")) && !line.contains("secret"), "{line}");
    }
    let nowhere = World::with(json!({"url": "http://127.0.0.1:1/v1"}));
    assert_eq!(ask(&nowhere, " \n").await.failure(64), "the prompt is empty");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_says_is_short_and_one_line() {
    let long = format!("why\n\u{1b}[31m{}", "no matter ".repeat(5000));
    let line = told(refuses("500 Internal Server Error", &json!({"error": long})), 1).await;
    assert!(
        line.starts_with("answers HTTP 500 Internal Server Error; read its log: why ") && line.len() < 500,
        "{line}"
    );
    assert!(!line.contains('\u{1b}'), "{line}");
}
