//! `GET /api/client_script`: a Representative Console Script to download (DOMAIN 9).

use super::{Answer, Failure, file};
use jumpdeck_protocol::script::{Command, Script, ScriptError};
use jumpdeck_protocol::text;

/// What such a file is.
const KIND: &str = "application/x-brcs";

/// The script that a query describes: a login first, then the action with its parameters.
pub(super) fn client_script(query: &str) -> Result<Answer, Failure> {
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
            return Err(Failure::parameter("type and operation stand there once"));
        }
    }
    if kind != Some("type=rep") {
        return Err(Failure::parameter("type is rep"));
    }
    if operation != Some("operation=generate") {
        return Err(Failure::parameter("operation is generate"));
    }
    // The action comes first in a script, wherever it stands in a query.
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
    use http_body_util::BodyExt;
    use hyper::header::CONTENT_DISPOSITION;

    async fn text(query: &str) -> Result<(String, String), String> {
        let answer = client_script(query).map_err(|failure| failure.message)?;
        let name = answer.headers()[CONTENT_DISPOSITION].to_str().unwrap().to_owned();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
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
