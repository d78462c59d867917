//! Who may do what: the README's tour, accounts, and what a file changes, with the real programs.

use crate::serve::Served;
use crate::support::{Guard, Home, Screen, hostname, text};
use std::process::{Command, Output};

/// What the README adds to the exported file.
const BOB: &str = r#"
[[jump_policy]]
code_name = "weekdays"
display_name = "Weekdays"
schedule = { timezone = "Europe/Berlin", times = ["Mon-Fri 08:00-17:00"] }

[[user]]
username = "bob"

[[group_policy]]
name = "Help Desk"
members = ["bob"]
add_to_jump_groups = [{ group = "Default", role = "Start Sessions Only", jump_policy = "weekdays" }]
settings = { unattended_session_policy = "everything" }
"#;

/// Runs a verb as the administrator.
fn admin(home: &Home, served: &Served, arguments: &[&str]) -> Output {
    served.rep(home, arguments).output().unwrap()
}

fn ok(home: &Home, served: &Served, arguments: &[&str]) -> String {
    let output = admin(home, served, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// A `jumpdeck` of somebody who is asked for the password.
fn asked(home: &Home, served: &Served, name: &str, arguments: &[&str]) -> Command {
    let mut command = home.jumpdeck(arguments);
    command
        .env("JUMPDECK_CONNECT", served.url())
        .env("JUMPDECK_CONFIG_DIR", home.path().join(name))
        .env_remove("JUMPDECK_PASSWORD")
        .args(["--as", name, "--fingerprint", &served.fingerprint]);
    command
}

/// The code that an authenticator shows, by a tool of others.
fn code(secret: &str) -> String {
    let output = Command::new("oathtool").args(["--totp", "-b", secret]).output();
    text(&output.expect("tests/run installs oathtool").stdout).trim().to_owned()
}

#[test]
fn a_colleague_gets_one_group_on_weekdays_by_a_file_and_sees_why_it_is_no_more() {
    let home = Home::new();
    let served = Served::start(&home);
    let _agent = Guard(served.agent(&home, "agent", &served.key, &served.url()));
    served.until_online(&home, 1);
    let path = home.path().join("team.toml");
    let file = path.to_str().unwrap();
    ok(&home, &served, &["admin", "export", file]);
    let again = admin(&home, &served, &["admin", "export", file]);
    assert_eq!(again.status.code(), Some(1), "one that is there is not overwritten");
    let exported = std::fs::read_to_string(&path).unwrap();
    assert_eq!(admin(&home, &served, &["admin", "plan", file]).status.code(), Some(0));
    std::fs::write(&path, format!("{exported}{BOB}")).unwrap();
    let plan = admin(&home, &served, &["admin", "plan", file]);
    assert_eq!(plan.status.code(), Some(3), "something would change");
    let said = text(&plan.stdout);
    assert!(said.contains("+ bob sees Default (1 item), may start sessions"), "{said}");
    let alone = admin(&home, &served, &["admin", "apply", file]);
    assert_eq!(alone.status.code(), Some(1), "nobody is there to be asked");
    let applied = ok(&home, &served, &["admin", "apply", file, "--yes"]);
    let (_, first) = applied.split_once("user bob, password ").unwrap();
    let first = first.trim();

    let bob = asked(&home, &served, "bob", &[]);
    let mut screen = Screen::start(&bob, 120, 40);
    screen.wait_for("Password of bob:");
    screen.send(&format!("{first}\r"));
    screen.wait_for("New password (10 characters or more):");
    screen.send("bobs own password\r");
    screen.wait_for("The same once more:");
    screen.send("bobs own password\r");
    screen.wait_for("● online");
    screen.send("!");
    screen.wait_for("✕ remove");
    screen.wait_for("the group policy Help Desk applies the Jump Policy Weekdays here");
    screen.send("S");
    screen.wait_for("What it grants");
    screen.send("\x1b");
    screen.wait_for("✕ remove");
    screen.send("\x1b");
    screen.wait_until("the reasons are closed", |text| !text.contains("Why ─"));
    screen.send("q");
    assert_eq!(screen.wait_for_end(), 0);

    let why =
        ok(&home, &served, &["explain", &hostname(), "--user", "bob", "--action", "perm_remove"]);
    assert!(why.starts_with("bob may not remove (perm_remove)"), "{why}");
    assert!(why.contains("the role Start Sessions Only lacks perm_remove"), "{why}");
    let at = |time: &str| {
        let arguments = [
            "explain",
            "--item",
            &hostname(),
            "--user",
            "bob",
            "--action",
            "perm_start",
            "--at",
            time,
        ];
        ok(&home, &served, &arguments)
    };
    assert!(at("2027-01-30T12:00Z").contains("is closed and opens 2027-02-01 07:00 UTC"));
    assert!(at("2027-01-29T12:00Z").contains("is open until 2027-01-29 16:00 UTC"));
    let simulated = ok(&home, &served, &["simulate", &hostname(), "--user", "bob", "--json"]);
    let simulated: serde_json::Value = serde_json::from_str(&simulated).unwrap();
    let permissions = simulated["permissions"].as_array().unwrap();
    let shell = permissions.iter().find(|one| one["permission"] == "command_shell").unwrap();
    assert_eq!((&shell["value"], &shell["layer"]), (&"allow".into(), &"representative".into()));
    assert_eq!(shell["lower"][0]["value"], "deny");

    // Mistakes point at line and field, and change nothing.
    std::fs::write(&path, format!("{exported}{}", BOB.replace("\"bob\"]", "\"bib\"]"))).unwrap();
    let wrong = admin(&home, &served, &["admin", "apply", file, "--yes"]);
    assert_eq!(wrong.status.code(), Some(1));
    let line = exported.lines().count() + 12;
    let said = text(&wrong.stderr);
    assert!(
        said.contains(&format!("team.toml:{line}:12: group_policy \"Help Desk\": members")),
        "{said}"
    );
    assert!(said.contains("there is no user \"bib\""), "{said}");
    let missing = admin(&home, &served, &["admin", "plan", "/no/such/file"]);
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn a_second_factor_is_set_up_asked_for_and_kept_out_of_the_way_by_a_login() {
    let home = Home::new();
    let served = Served::start(&home);
    let mut command = served.rep(&home, &["second-factor", "set"]);
    let mut screen = Screen::start(command.env("TERM", "xterm-256color"), 120, 60);
    let shown = screen.wait_for("Code that it shows:");
    let (_, after) = shown.split_once("secret  ").unwrap();
    let secret = after.split_whitespace().next().unwrap().to_owned();
    assert!(shown.contains('█') && shown.contains('▄'), "a QR code is drawn");
    screen.send(&format!("{}\r", code(&secret)));
    let shown = screen.wait_for("Keep these: each opens once");
    assert_eq!(screen.wait_for_end(), 0);
    drop(shown);
    let shown = text(&screen.bytes);
    let (_, codes) = shown.split_once("is lost.").unwrap();
    let recovery: Vec<_> = codes.split_whitespace().filter(|word| word.len() == 14).collect();
    assert_eq!(recovery.len(), 10);

    let refused = admin(&home, &served, &["ls"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("A code of your second factor is required."));
    let by_code = |code: &str, arguments: &[&str]| {
        served.rep(&home, arguments).env("JUMPDECK_CODE", code).output().unwrap()
    };
    assert_eq!(by_code("000000", &["ls"]).status.code(), Some(1));
    assert!(by_code(recovery[0], &["ls"]).status.success());
    assert_eq!(by_code(recovery[0], &["ls"]).status.code(), Some(1), "each opens once");

    // A login that is kept needs neither.
    let kept = by_code(recovery[1], &["login"]);
    assert!(kept.status.success(), "{}", text(&kept.stderr));
    assert!(text(&kept.stderr).contains("admin is logged in"), "{}", text(&kept.stderr));
    let token = std::fs::read_to_string(home.config().join("logins")).unwrap();
    let token = token.trim().rsplit(' ').next().unwrap().to_owned();
    let without = |arguments: &[&str]| {
        let mut command = served.rep(&home, arguments);
        command.env_remove("JUMPDECK_PASSWORD").output().unwrap()
    };
    assert!(without(&["ls"]).status.success());
    let audit = text(&without(&["audit", "ls"]).stdout);
    assert!(audit.contains("login_kept") && audit.contains("second_factor_set"), "{audit}");
    for hidden in [token.as_str(), &secret, &served.password, recovery[0]] {
        assert!(!audit.contains(hidden));
    }
    assert!(without(&["logout"]).status.success());
    assert!(!without(&["ls"]).status.success());
    std::fs::write(home.config().join("logins"), format!("{} admin {token}\n", served.url()))
        .unwrap();
    let stale = without(&["ls"]);
    assert_eq!(stale.status.code(), Some(1));
    assert!(text(&stale.stderr).contains("The login has expired or was revoked."));
    let removed = by_code(recovery[2], &["second-factor", "rm"]);
    assert!(removed.status.success(), "the code that opened will do: {}", text(&removed.stderr));
    assert!(admin(&home, &served, &["ls"]).status.success());
}
