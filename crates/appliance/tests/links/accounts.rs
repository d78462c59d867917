//! Logging in: the second factor by codes of an independent tool, recovery, first passwords, kept
//! logins, and how long any of it lasts.

use crate::field::{apply, colleague};
use crate::house::*;
use jumpdeck_protocol::handshake::{Login, RepLogin, RepProof, RepWelcome};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{RepReply, RepRequest, Secret};
use jumpdeck_protocol::*;
use std::process::Command;
use std::sync::atomic::Ordering;

fn now(house: &House) -> i64 {
    house.clock.0.load(Ordering::SeqCst)
}

/// The code that an authenticator would show at a moment, by a tool of others.
fn code(secret: &str, at: i64) -> String {
    let now = format!("@{at}");
    let output = Command::new("oathtool").args(["--totp", "-b", "--now", &now, secret]).output();
    let output = output.expect("tests/run installs oathtool");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn with(name: &str, password: &str, code: Option<&str>) -> RepLogin {
    RepLogin {
        proof: RepProof::Password { username: name.into(), password: password.into() },
        console: 0,
        code: code.map(str::to_owned),
        keep: None,
        keep_for: 0,
    }
}

async fn refused(house: &House, login: RepLogin) -> RefusalCode {
    house.welcomed(login).await.map(|_| ()).unwrap_err().code
}

/// Sets up a second factor. Returns its secret and the recovery codes.
async fn set_up(house: &House, rep: &mut Link) -> (String, Vec<String>) {
    let begun = rep.ask(request::BeginSecondFactor { code: None }).await.unwrap();
    let reply::NewSecondFactor { secret, url } = begun;
    assert!(
        url.0.starts_with("otpauth://totp/jumpdeck:admin?secret=") && url.0.contains(&secret.0)
    );
    let shown = Secret(code(&secret.0, now(house)));
    let confirmed = rep.ask(request::ConfirmSecondFactor { code: shown }).await.unwrap();
    let reply::RecoveryCodes { codes } = confirmed;
    (secret.0, codes.into_iter().map(|code| code.0).collect())
}

async fn house() -> (House, Link, String) {
    let house = House::new().await;
    let admin = house.admin().await;
    let key = ("admin".to_owned(), house.password.clone());
    let password = house.chosen.lock().unwrap()[&key].clone();
    (house, admin, password)
}

#[tokio::test]
async fn a_code_of_an_independent_tool_opens_once_and_not_twice() {
    let (house, mut admin, password) = house().await;
    let (secret, recovery) = set_up(&house, &mut admin).await;
    let wanted = RefusalCode::SecondFactorRequired;
    assert_eq!(refused(&house, with("admin", &password, None)).await, wanted);
    let used = code(&secret, now(&house));
    let login = with("admin", &password, Some(&used));
    assert_eq!(refused(&house, login).await, wanted, "it confirmed the set-up already");
    house.clock.0.fetch_add(30, Ordering::SeqCst);
    let fresh = code(&secret, now(&house));
    assert!(house.welcomed(with("admin", &password, Some(&fresh))).await.is_ok());
    assert_eq!(refused(&house, with("admin", &password, Some(&fresh))).await, wanted);
    house.clock.0.fetch_add(300, Ordering::SeqCst);
    assert_eq!(refused(&house, with("admin", &password, Some(&fresh))).await, wanted, "too old");
    assert_eq!(
        refused(&house, with("admin", "wrong password", Some(&fresh))).await,
        RefusalCode::LoginFailed,
        "a code says nothing where the password is wrong"
    );

    // Two at once are not both let in.
    let fresh = code(&secret, now(&house));
    let (one, other) = tokio::join!(
        house.welcomed(with("admin", &password, Some(&fresh))),
        house.welcomed(with("admin", &password, Some(&fresh)))
    );
    assert!(one.is_ok() != other.is_ok());

    // Anyone who lost the authenticator has recovery codes, each for once, typed as one likes.
    let typed = recovery[0].to_uppercase().replace('-', " ");
    assert!(house.welcomed(with("admin", &password, Some(&typed))).await.is_ok());
    assert_eq!(refused(&house, with("admin", &password, Some(&recovery[0]))).await, wanted);
    assert!(house.welcomed(with("admin", &password, Some(&recovery[1]))).await.is_ok());
    let refusal = admin.ask(request::RemoveSecondFactor { code: None }).await.unwrap_err();
    assert_eq!(refusal.code, wanted, "this link was opened without a code");
    let code = Some(Secret(recovery[2].clone()));
    admin.ask(request::RemoveSecondFactor { code }).await.unwrap();
    assert!(house.welcomed(with("admin", &password, None)).await.is_ok());
}

#[tokio::test]
async fn whoever_guesses_codes_is_locked_out_for_longer_each_time() {
    let (house, mut admin, password) = house().await;
    let (secret, _) = set_up(&house, &mut admin).await;
    house.clock.0.fetch_add(3600, Ordering::SeqCst);
    for _ in 0..5 {
        let guess = with("admin", &password, Some("000000"));
        assert_eq!(refused(&house, guess).await, RefusalCode::SecondFactorRequired);
    }
    let right = |house: &House| code(&secret, now(house));
    let throttled = RefusalCode::LoginThrottled;
    assert_eq!(refused(&house, with("admin", &password, Some(&right(&house)))).await, throttled);
    house.clock.0.fetch_add(60, Ordering::SeqCst);
    let guess = with("admin", &password, Some("000000"));
    assert_eq!(refused(&house, guess).await, RefusalCode::SecondFactorRequired);
    house.clock.0.fetch_add(60, Ordering::SeqCst);
    assert_eq!(
        refused(&house, with("admin", &password, Some(&right(&house)))).await,
        throttled,
        "twice as long"
    );
    house.clock.0.fetch_add(60, Ordering::SeqCst);
    assert!(house.welcomed(with("admin", &password, Some(&right(&house)))).await.is_ok());
}

#[tokio::test]
async fn another_second_factor_counts_only_once_it_is_confirmed() {
    let (house, mut admin, password) = house().await;
    let (old, _) = set_up(&house, &mut admin).await;
    house.clock.0.fetch_add(600, Ordering::SeqCst);
    let begin = |code| request::BeginSecondFactor { code };
    let refusal = admin.ask(begin(None)).await.unwrap_err();
    assert_eq!(
        refusal.code,
        RefusalCode::SecondFactorRequired,
        "nobody else puts one in its place"
    );
    let shown = Some(Secret(code(&old, now(&house))));
    let reply::NewSecondFactor { secret, .. } = admin.ask(begin(shown)).await.unwrap();
    house.clock.0.fetch_add(60, Ordering::SeqCst);
    let by_old = with("admin", &password, Some(&code(&old, now(&house))));
    assert!(house.welcomed(by_old).await.is_ok(), "the old one still counts");
    let shown = Secret(code(&secret.0, now(&house)));
    admin.ask(request::ConfirmSecondFactor { code: shown }).await.unwrap();
    house.clock.0.fetch_add(60, Ordering::SeqCst);
    let by_old = with("admin", &password, Some(&code(&old, now(&house))));
    assert_eq!(refused(&house, by_old).await, RefusalCode::SecondFactorRequired);
}

#[tokio::test]
async fn nothing_is_done_before_a_first_password_was_changed() {
    let house = House::new().await;
    let first = || with("admin", &house.password, None);
    let (mut link, wanted) = house.log_in(first()).await.unwrap();
    assert_eq!(wanted, Some(RefusalCode::PasswordChangeRequired));
    for request in [
        RepRequest::Subscribe(request::Subscribe { have: None, presence: None }),
        RepRequest::Colleagues,
        RepRequest::AddUser(request::AddUser { username: "eve".into() }),
        RepRequest::ExportConfiguration,
        request::BeginSecondFactor { code: None }.into(),
        RepRequest::KeepLogin(request::KeepLogin { holder: "a thief".into(), seconds: 0 }),
    ] {
        let refusal = link.ask(request).await.unwrap_err();
        assert_eq!(refusal.code, RefusalCode::PasswordChangeRequired);
    }
    let change = |current: &str, new: &str| {
        RepRequest::ChangePassword(request::ChangePassword {
            current: Secret(current.into()),
            new: Secret(new.into()),
        })
    };
    for (current, new, code) in [
        ("wrong password", "a good password", RefusalCode::LoginFailed),
        (&house.password, "short", RefusalCode::InvalidValue),
        (&house.password, &house.password, RefusalCode::InvalidValue),
    ] {
        assert_eq!(link.ask(change(current, new)).await.unwrap_err().code, code);
    }
    link.ask(change(&house.password, "a good password")).await.unwrap();
    link.ask(RepRequest::Colleagues).await.unwrap();
    assert_eq!(refused(&house, first()).await, RefusalCode::LoginFailed);
    let (_, wanted) = house.log_in(with("admin", "a good password", None)).await.unwrap();
    assert_eq!(wanted, None);
}

#[tokio::test]
async fn a_kept_login_opens_without_a_password_until_it_is_revoked() {
    let (house, mut admin, password) = house().await;
    let keep = || RepLogin { keep: Some("a laptop".into()), ..with("admin", &password, None) };
    let token = |token: &str| RepLogin {
        proof: RepProof::Login(token.into()),
        console: 0,
        code: None,
        keep: None,
        keep_for: 0,
    };
    let kept = |welcome: RepWelcome| -> Login {
        let RepWelcome::Welcome { login, .. } = welcome else { panic!("{welcome:?}") };
        login.unwrap()
    };
    let one = kept(house.welcomed(keep()).await.unwrap().1);
    let other = kept(house.welcomed(keep()).await.unwrap().1);
    assert_ne!(one.token, other.token);
    assert!(house.welcomed(token(&one.token)).await.is_ok());
    let expired = RefusalCode::LoginExpired;
    assert_eq!(refused(&house, token("no such token")).await, expired);
    let revoke = |token: Option<&str>| {
        RepRequest::Logout(request::Logout { token: token.map(|t| Secret(t.into())) })
    };
    admin.ask(revoke(Some(&one.token))).await.unwrap();
    assert_eq!(refused(&house, token(&one.token)).await, expired);
    assert!(house.welcomed(token(&other.token)).await.is_ok(), "only that one");
    house.clock.0.fetch_add(30 * 86_400, Ordering::SeqCst);
    assert_eq!(refused(&house, token(&other.token)).await, expired, "30 days are over");

    // With the password, all of them end.
    let third = kept(house.welcomed(keep()).await.unwrap().1);
    let (current, new) = (Secret(password.clone()), Secret("another password".into()));
    admin.ask(RepRequest::ChangePassword(request::ChangePassword { current, new })).await.unwrap();
    assert_eq!(refused(&house, token(&third.token)).await, expired);
}

#[tokio::test]
async fn a_login_ends_when_its_life_is_over_and_a_reset_makes_everybody_log_in_anew() {
    let (house, mut admin, _) = house().await;
    let file = "[site]\nlogin_life_minutes = 60\n[[user]]\nusername = \"admin\"\n\
                settings = { administrator = true }\n[[user]]\nusername = \"bob\"\n";
    let made = apply(&mut admin, file).await;
    let bob = colleague(&house, &made, "bob").await;
    let reset =
        RepRequest::ResetUser(request::ResetUser { username: "bob".into(), second_factor: true });
    let RepReply::UserAdded(again) = admin.ask(reset).await.unwrap() else { panic!() };
    assert!(bob.until_closed().await);
    let mut bob = house.rep_named("bob", &again.password).await.unwrap();
    let reset = RepRequest::ResetUser(request::ResetUser {
        username: "admin".into(),
        second_factor: false,
    });
    assert_eq!(bob.ask(reset).await.unwrap_err().code, RefusalCode::PermissionDenied);
    house.clock.0.fetch_add(3600, Ordering::SeqCst);
    house.appliance.look().await;
    assert!(bob.until_closed().await);
}

#[tokio::test]
async fn who_needs_a_second_factor_sets_it_up_before_anything_else() {
    let (house, mut admin, _) = house().await;
    let file = "[[user]]\nusername = \"admin\"\nsettings = { administrator = true }\n\
                [[user]]\nusername = \"bob\"\n[[group_policy]]\nname = \"All\"\nmembers = [\"bob\"]\n\
                settings = { second_factor_required = true }\n";
    let made = apply(&mut admin, file).await;
    let mut bob = colleague(&house, &made, "bob").await;
    let unknown = RefusalCode::SecondFactorUnknown;
    assert_eq!(bob.ask(RepRequest::Colleagues).await.unwrap_err().code, unknown);
    let begin = request::BeginSecondFactor { code: None };
    let reply::NewSecondFactor { secret, .. } = bob.ask(begin).await.unwrap();
    let shown = Secret(code(&secret.0, now(&house)));
    bob.ask(request::ConfirmSecondFactor { code: shown }).await.unwrap();
    bob.ask(RepRequest::Colleagues).await.unwrap();
}

#[tokio::test]
async fn a_jump_policy_asks_for_a_code_before_a_start() {
    let (house, mut admin, _) = house().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let (secret, _) = set_up(&house, &mut admin).await;
    let policy = "[[jump_policy]]\ncode_name = \"code\"\ndisplay_name = \"Code\"\ntwo_factor = true\n\
                  [[user]]\nusername = \"admin\"\n\
                  jump_groups = [{ group = \"Lab\", role = \"Administrator\", jump_policy = \"code\" }]\n\
                  [user.settings]\nadministrator = true\nunattended_session_policy = \"everything\"\n";
    apply(&mut admin, policy).await;
    let wanted = admin.ask(shell(agent.item)).await.unwrap_err();
    assert_eq!(wanted.code, RefusalCode::SecondFactorRequired);
    house.clock.0.fetch_add(60, Ordering::SeqCst);
    let with_code = |code: &str| {
        let RepRequest::StartSession(request::StartSession { item, kind, .. }) = shell(agent.item)
        else {
            panic!()
        };
        RepRequest::StartSession(request::StartSession {
            item,
            kind,
            override_schedule: false,
            reason: None,
            code: Some(Secret(code.into())),
        })
    };
    let wrong = admin.ask(with_code("000000")).await.unwrap_err();
    assert_eq!(wrong.code, RefusalCode::SecondFactorRequired);
    let shown = code(&secret, now(&house));
    let start = with_code(&shown);
    let (answer, _) = tokio::join!(admin.ask(start.clone()), agent.open());
    assert!(matches!(answer, Ok(RepReply::SessionStarted(_))), "{answer:?}");
    let again = admin.ask(start).await.unwrap_err();
    assert_eq!(again.code, RefusalCode::SecondFactorRequired, "each code opens once");
}

#[tokio::test]
async fn secrets_stand_in_no_audit_export_or_message() {
    let (house, mut admin, password) = house().await;
    let (secret, recovery) = set_up(&house, &mut admin).await;
    let keep =
        RepLogin { keep: Some("a laptop".into()), ..with("admin", &password, Some(&recovery[0])) };
    let (_, welcome) = house.welcomed(keep).await.unwrap();
    let said = format!("{welcome:?}");
    let RepWelcome::Welcome { login, .. } = welcome else { panic!() };
    let token = login.unwrap().token;
    let made = apply(
        &mut admin,
        "[[user]]\nusername = \"admin\"\nsettings = { administrator = true }\n\
                                  [[user]]\nusername = \"bob\"\n",
    )
    .await;
    let events = crate::configuring::audited(&mut admin).await;
    let RepReply::Configuration(reply::ExportedConfiguration { file }) =
        admin.ask(RepRequest::ExportConfiguration).await.unwrap()
    else {
        panic!()
    };
    let spoken = format!("{said}{events:?}{file}{made:?}");
    for hidden in
        [&password, &secret, &recovery[0], &recovery[1], &token, &made.passwords[0].password]
    {
        assert!(!spoken.contains(hidden.as_str()));
    }
    // The database holds no password, no recovery code and no token either.
    drop(admin);
    let held: Vec<u8> = ["appliance.db", "appliance.db-wal"]
        .iter()
        .flat_map(|file| {
            std::fs::read(house.appliance.data_dir().path().join(file)).unwrap_or_default()
        })
        .collect();
    for hidden in [&password, &recovery[0], &token, &made.passwords[0].password] {
        assert!(!held.windows(hidden.len()).any(|window| window == hidden.as_bytes()));
    }
}
