//! The HTTP API, from outside.

use crate::serve::Served;
use crate::support::{Home, text};
use std::path::Path;
use std::process::{Command, Output};

fn curl(served: &Served, path: &str, more: &[&str]) -> Output {
    Command::new("curl")
        .args(["--silent", "--show-error", "--insecure", "--include", "--path-as-is"])
        .args(more)
        .arg(format!("{}{path}", served.url()))
        .output()
        .unwrap()
}

/// An answer's status, its head and its body.
fn get(served: &Served, path: &str, more: &[&str]) -> (u16, String, String) {
    let output = curl(served, path, more);
    let all = text(&output.stdout);
    let (head, body) = all.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{path}: {all}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), body.to_owned())
}

fn token(home: &Home, served: &Served, name: &str, scopes: &[&str]) -> String {
    let scopes = scopes.iter().flat_map(|scope| ["--scope", scope]);
    let arguments: Vec<_> = ["api-account", "add", name].into_iter().chain(scopes).collect();
    let output = served.rep(home, &arguments).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).trim().to_owned()
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

#[test]
fn scripts_and_health_need_no_token_and_errors_say_what_is_wrong() {
    let home = Home::new();
    let served = Served::start(&home);
    assert_eq!(get(&served, "/api/health", &[]).2, "{\"status\":\"ok\"}\n");
    let query = "type=rep&operation=generate&action=generate_session_key";
    let (status, head, body) = get(&served, &format!("/api/client_script?{query}"), &[]);
    assert_eq!((status, &*body), (200, "BRCS1.0\naction=login\naction=generate_session_key\n"));
    assert!(head.contains("attachment; filename=\"generate_session_key.brcs\""), "{head}");
    let wrong = [
        ("/api/client_script", 400, "invalid_parameter"),
        ("/api/client_script?type=rep&operation=generate&action=fly", 400, "invalid_parameter"),
        ("/api/nothing", 404, "not_found"),
        ("/api/../etc/passwd", 404, "not_found"),
        ("/api/items", 401, "token_missing"),
        ("/api/sessions?x=1", 401, "token_missing"),
    ];
    for (path, status, code) in wrong {
        let (got, _, body) = get(&served, path, &[]);
        let told: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((got, told["error"]["code"].as_str()), (status, Some(code)), "{path}");
        assert!(!told["error"]["message"].as_str().unwrap().is_empty());
    }
    let (status, head, _) = get(&served, "/api/health", &["-X", "DELETE"]);
    assert!(status == 405 && head.contains("allow: get"));
}

#[test]
fn a_token_opens_what_its_scopes_say_until_it_is_removed() {
    let home = Home::new();
    let served = Served::start(&home);
    let watcher = token(&home, &served, "watcher", &["sessions:read"]);
    let status = |path: &str, token: &str| get(&served, path, &["-H", &bearer(token)]).0;
    assert_eq!(status("/api/sessions", &watcher), 200);
    assert_eq!(status("/api/items", &watcher), 403);
    assert_eq!(status("/api/sessions", "forged"), 401);
    assert_eq!(status("/api/sessions?nonsense=1", &watcher), 400);
    let listed = served.rep(&home, &["api-account", "ls"]).output().unwrap();
    assert!(text(&listed.stdout).starts_with("watcher\tsessions:read\t"));
    assert!(!text(&listed.stdout).contains(&watcher));
    let removed = served.rep(&home, &["api-account", "rm", "watcher"]).output().unwrap();
    assert!(removed.status.success());
    assert_eq!(status("/api/sessions", &watcher), 401);
    let audit = text(&served.rep(&home, &["audit", "ls"]).output().unwrap().stdout);
    for action in ["api_account_made", "api_refused", "api_account_removed"] {
        assert!(audit.contains(action), "{action}: {audit}");
    }
    assert!(!audit.contains(&watcher));
}

#[test]
fn items_come_in_pages() {
    let home = Home::new();
    let served = Served::start(&home);
    let _agents = ["a", "b", "c"]
        .map(|name| crate::support::Guard(served.agent(&home, name, &served.key, &served.url())));
    served.until_online(&home, 3);
    let token = token(&home, &served, "reader", &["items:read", "sessions:read"]);
    let page = |query: &str| -> serde_json::Value {
        let (status, _, body) =
            get(&served, &format!("/api/items{query}"), &["-H", &bearer(&token)]);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    };
    let (first, second) = (page("?limit=2"), page("?after=2&limit=2"));
    assert_eq!((first["items"].as_array().unwrap().len(), first["next"].as_u64()), (2, Some(2)));
    assert_eq!(second["items"].as_array().unwrap().len(), 1);
    assert!(second["next"].is_null() && page("")["next"].is_null());
    assert_eq!(first["items"][0]["group"].as_str(), Some("Default"));
    assert_eq!(first["items"][0]["status"].as_str(), Some("online"));
}

#[test]
fn whoever_asks_too_often_is_told_to_wait() {
    let home = Home::new();
    let mut served = Served::start(&home);
    served.restart_with(&home, &["--api-rate", "3"]);
    let answers: Vec<_> = (0..8).map(|_| get(&served, "/api/health", &[])).collect();
    let refused = answers.iter().find(|(status, ..)| *status == 429).expect("one is too many");
    assert!(refused.1.contains("retry-after: "), "{}", refused.1);
    assert!(refused.2.contains("rate_limited"));
}

#[test]
fn what_the_description_says_is_so() {
    let home = Home::new();
    let mut served = Served::start(&home);
    let token = token(&home, &served, "tester", &["items:read", "sessions:read"]);
    served.restart_with(&home, &["--api-rate", "1000000"]);
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/schemathesis/bin/schemathesis");
    assert!(tool.exists(), "tests/run installs schemathesis");
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/schemathesis.toml");
    let output = Command::new(tool)
        .arg("--config-file")
        .arg(settings)
        .arg("run")
        .arg(format!("{}/api/openapi.json", served.url()))
        .args(["--header", &bearer(&token), "--tls-verify", "false", "--seed", "7"])
        .args(["--max-examples", "50", "--phases", "examples,coverage,fuzzing"])
        .args(["--no-color"])
        .current_dir(home.path())
        .env("HOME", home.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
}
