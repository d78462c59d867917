//! `GET /api/client_script`: a Representative Console Script to download (DOMAIN 9).

use super::answer::{Failure, file};
use axum::extract::RawQuery;
use axum::response::Response;
use jumpdeck_protocol::script::{Command, Script, ScriptError};
use jumpdeck_protocol::text;
use utoipa::ToSchema;

/// What such a file is.
const KIND: &str = "application/x-brcs";

/// What `action` may be.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "described here; read by the script's own reader")]
pub(super) enum ScriptAction {
    StartPinnedClientSession,
    StartJumpItemSession,
    StartShellJumpSession,
    StartRdpSession,
    StartVncSession,
    PushAndStartLocal,
    PushAndStartRemote,
    GenerateSessionKey,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "described here; read by the script's own reader")]
enum ScriptType {
    Rep,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code, reason = "described here; read by the script's own reader")]
enum ScriptOperation {
    Generate,
}

#[derive(ToSchema)]
#[schema(pattern = r"^BRCS1\.0\n")]
#[allow(dead_code, reason = "described here; written by the script itself")]
struct ScriptText(String);

/// A Representative Console Script to download: it logs in, then does the action
///
/// Besides these, session.custom.NAME (at most 1,024 characters, 10 KiB in all) may be there any
/// number of times. What belongs to an action, and what excludes what, is in docs/scripting.md.
#[utoipa::path(
    get,
    path = "/api/client_script",
    operation_id = "clientScript",
    security(()),
    params(
        ("type" = inline(ScriptType), Query),
        ("operation" = inline(ScriptOperation), Query),
        ("action" = inline(ScriptAction), Query),
        ("search_string" = Option<String>, Query, min_length = 1, max_length = 1024, nullable = false),
        ("client.comments" = Option<String>, Query, min_length = 1, max_length = 255, nullable = false),
        ("client.hostname" = Option<String>, Query, min_length = 1, max_length = 255, nullable = false),
        ("client.private_ip" = Option<String>, Query, min_length = 1, max_length = 255, nullable = false),
        ("client.public_ip" = Option<String>, Query, min_length = 1, max_length = 255, nullable = false),
        ("client.tag" = Option<String>, Query, min_length = 1, max_length = 255, nullable = false),
        ("jump.method" = Option<String>, Query, min_length = 1, max_length = 255, nullable = false),
        ("credential_id" = Option<String>, Query, min_length = 1, max_length = 255, nullable = false),
        ("jumpoint" = Option<String>, Query, min_length = 1, max_length = 255, nullable = false),
        ("target" = Option<String>, Query, min_length = 1, max_length = 255, nullable = false),
    ),
    responses((
        status = 200,
        description = "The script, as a file.",
        content_type = "application/x-brcs",
        body = inline(ScriptText),
        headers(("Content-Disposition" = String)),
    )),
)]
pub(super) async fn client_script(RawQuery(query): RawQuery) -> Result<Response, Failure> {
    script(&query.unwrap_or_default())
}

/// The script that a query describes: a login first, then the action with its parameters.
fn script(query: &str) -> Result<Response, Failure> {
    let mut rest = Vec::new();
    let (mut kind, mut operation) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let slot = match pair.split_once('=').map(|(key, _)| key) {
            Some("type") => &mut kind,
            Some("operation") => &mut operation,
            _ => {
                rest.push(pair);
                continue;
            }
        };
        if slot.replace(pair).is_some() {
            return Err(Failure::parameter("type and operation must occur once"));
        }
    }
    if kind != Some("type=rep") {
        return Err(Failure::parameter("type is rep"));
    }
    if operation != Some("operation=generate") {
        return Err(Failure::parameter("operation is generate"));
    }
    // The action comes first in a script, wherever it is in a query.
    rest.sort_by_key(|pair| !pair.starts_with("action="));
    let command = rest.join("&");
    if command.is_empty() {
        return Err(Failure::parameter("action says what the script does"));
    }
    // What a form writes for a blank.
    let command = command.replace('+', "%20");
    let command: Command = command.parse().map_err(|error: ScriptError| {
        Failure::parameter(format!("{}: {}", parameter_at(&command, error.column), error.what))
    })?;
    if matches!(command, Command::Login(_)) {
        return Err(Failure::parameter("a script logs in by itself; ask for another action"));
    }
    let name = format!("{}.brcs", command.action());
    let script = Script { commands: vec![Command::Login(None), command] };
    Ok(file(KIND, &name, script.to_string()))
}

/// The parameter in which this column of a command stands, from 1.
fn parameter_at(command: &str, column: usize) -> String {
    let mut ends = 1;
    let pairs = command.split('&');
    let mut at = pairs.skip_while(|pair| {
        ends += pair.chars().count() + 1;
        ends <= column
    });
    let pair = at.next().unwrap_or("action");
    text::bounded(pair.split('=').next().unwrap_or_default(), 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use hyper::header::CONTENT_DISPOSITION;

    async fn text(query: &str) -> Result<(String, String), String> {
        let answer = script(query).map_err(|failure| failure.message)?;
        let name = answer.headers()[CONTENT_DISPOSITION].to_str().unwrap().to_owned();
        let bytes = to_bytes(answer.into_body(), 65_536).await.unwrap();
        Ok((name, String::from_utf8(bytes.to_vec()).unwrap()))
    }

    const QUERY: &str = "type=rep&operation=generate&action=start_pinned_client_session";

    #[tokio::test]
    async fn a_script_logs_in_and_then_does_what_was_asked() {
        let (name, script) = text(&format!("{QUERY}&search_string=ABC+D%26E")).await.unwrap();
        assert_eq!(name, "attachment; filename=\"start_pinned_client_session.brcs\"");
        assert_eq!(
            script,
            "BRCS1.0\naction=login\naction=start_pinned_client_session&search_string=ABC%20D%26E\n"
        );
        let late =
            "client.tag=server&type=rep&operation=generate&action=start_pinned_client_session";
        assert!(text(late).await.unwrap().1.ends_with("&client.tag=server\n"));
    }

    #[tokio::test]
    async fn the_description_names_the_actions_that_are_read() {
        let told = text("type=rep&operation=generate&action=fly").await.unwrap_err();
        let (_, read) = told.split_once("one of ").unwrap();
        // A script logs in by itself.
        let read: Vec<&str> = read.split(", ").filter(|action| *action != "login").collect();
        let schema = serde_json::to_value(<ScriptAction as utoipa::PartialSchema>::schema());
        assert_eq!(schema.unwrap()["enum"], serde_json::json!(read));
    }

    #[tokio::test]
    async fn what_is_wrong_is_said() {
        let wrong = [
            ("operation=generate&action=generate_session_key", "type is rep"),
            ("type=rep&action=generate_session_key", "operation is generate"),
            ("type=rep&operation=generate", "action says"),
            ("type=rep&type=rep&operation=generate", "once"),
            ("type=rep&operation=generate&action=login", "by itself"),
            ("type=rep&operation=generate&action=fly", "action"),
            (QUERY, "search_string"),
        ];
        for (query, said) in wrong {
            let failure = text(query).await.unwrap_err();
            assert!(failure.contains(said), "{query}: {failure}");
        }
        assert!(text(&format!("{QUERY}&search_string=a&client.tag=b")).await.is_err());
        let failure = text(&format!("{QUERY}&client.tag=b&client.hostname=%zz")).await.unwrap_err();
        assert!(failure.starts_with("client.hostname: after %"), "{failure}");
        // No parameter makes a line of its own.
        assert!(text(&format!("{QUERY}&search_string=a%0Aaction%3Dlogin")).await.is_err());
    }
}
