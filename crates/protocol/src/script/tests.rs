use super::*;
use proptest::prelude::*;

fn read(text: &str) -> Result<Script, String> {
    text.parse().map_err(|error: ScriptError| error.to_string())
}

fn command(text: &str) -> Result<Command, String> {
    text.parse().map_err(|error: ScriptError| error.to_string())
}

fn pinned(search: Search) -> Command {
    Command::StartPinnedClientSession { search, custom: Custom::default() }
}

#[test]
fn the_fields_examples_are_read() {
    let any = pinned(Search::Anywhere("ABC".into()));
    assert_eq!(command("action=start_pinned_client_session&search_string=ABC"), Ok(any));
    let host = pinned(Search::Fields(vec![(Field::Hostname, "ABCDEF02".into())]));
    let text = "action=start_pinned_client_session&client.hostname=ABCDEF02";
    assert_eq!(command(text), Ok(host));
    let both = vec![(Field::Comments, "maintenance".into()), (Field::Tag, "server".into())];
    let text = "action=start_pinned_client_session&client.tag=server&client.comments=maintenance";
    assert_eq!(command(text), Ok(pinned(Search::Fields(both))));
    let text = "action=start_jump_item_session&client.private_ip=10.10.24&session.custom.ticket=A%20%26%20B&session.custom.site=K%C3%B6ln";
    let custom = vec![("ticket".into(), "A & B".into()), ("site".into(), "Köln".into())];
    let search = Search::Fields(vec![(Field::PrivateIp, "10.10.24".into())]);
    let (method, credential, custom) = (None, None, Custom(custom));
    let item = Command::StartJumpItemSession { search, method, credential, custom };
    assert_eq!(command(text), Ok(item));
    let push = "action=push_and_start_remote&jumpoint=Branch&target=till-7";
    let (jumpoint, target) = (Some("Branch".into()), Some("till-7".into()));
    let (kind, custom) = (AdHoc::PushRemote, Custom::default());
    assert_eq!(command(push), Ok(Command::StartAdHoc { kind, jumpoint, target, custom }));
}

#[test]
fn a_file_is_read_whichever_way_its_lines_end() {
    let commands =
        vec![Command::Login(None), Command::GenerateSessionKey { custom: Custom::default() }];
    let script = Ok(Script { commands });
    for text in [
        "BRCS1.0\naction=login\naction=generate_session_key\n",
        "BRCS1.0\naction=login\naction=generate_session_key",
        "BRCS1.0\r\naction=login\r\naction=generate_session_key\r\n",
    ] {
        assert_eq!(read(text), script);
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    let eleven = format!("BRCS1.0{}", "\naction=login".repeat(11));
    for (text, expected) in [
        ("", "line 1, column 1: the first line of a script is BRCS1.0"),
        ("brcs1.0\naction=login", "line 1, column 1: the first line of a script is BRCS1.0"),
        ("BRCS1.0", "line 2, column 1: after the first line comes a command: action=…"),
        ("BRCS1.0\n", "line 2, column 1: after the first line comes a command: action=…"),
        ("BRCS1.0\naction=login\n\n", "line 3, column 1: a key, = and a value are expected"),
        (&eleven, "line 12, column 1: a script has at most 10 commands"),
    ] {
        assert_eq!(read(text), Err(expected.into()), "{text:?}");
    }
    assert!(read(&"x".repeat(LONGEST + 1)).unwrap_err().contains("bytes"));
}

#[test]
fn what_is_wrong_with_a_command_is_said_with_its_place() {
    let start = "action=start_pinned_client_session";
    let long = format!("{start}&search_string={}", "ü".repeat(1025).replace('ü', "%C3%BC"));
    let short = format!("{start}&client.tag={}", "x".repeat(256));
    let one = |n| format!("&session.custom.{n}={}", "x".repeat(1000));
    let many = (0..11).map(one).collect::<Vec<_>>().concat();
    let much = format!("{start}&search_string=x{many}");
    for (text, expected) in [
        ("mechanism=x", "column 1: a command begins with action="),
        ("action", "column 1: a key, = and a value are expected"),
        ("action=login&", "column 14: a key, = and a value are expected"),
        ("action=login&username=%2", "column 23: after % come two hexadecimal digits"),
        ("action=login&username=%zz", "column 23: after % come two hexadecimal digits"),
        ("action=login&username=%FF", "column 23: what is encoded is no UTF-8"),
        ("action=login&username=a%00", "column 23: control characters mean nothing here"),
        ("action=login&username=a b", "column 24: a blank is written %20"),
        ("action=login&username=a=b", "column 24: here = is written %3D"),
        ("action=login&username=ü", "column 23: this character has to be percent-encoded"),
        ("action=login&username=a&username=b", "column 25: this key is given twice"),
        (
            "action=login&username=a",
            "column 14: a login has mechanism, username and password, or none of them",
        ),
        ("action=login&mechanism=saml", "column 24: the mechanism is username_password"),
        ("action=login&domain=x", "column 14: login has no such parameter"),
        (
            start,
            "column 35: search_string is missing, or one of client.comments, client.hostname, client.private_ip, client.public_ip, client.tag",
        ),
        (&format!("{start}&search_string="), "column 50: a value is expected here"),
        (
            &format!("{start}&search_string=a&client.tag=b"),
            "column 52: search_string and client.… do not go together",
        ),
        (
            &format!("{start}&search_string=a&jump.method=rdp"),
            "column 52: start_pinned_client_session has no such parameter",
        ),
        (
            &format!("{start}&search_string=a&session.custom.=b"),
            "column 52: the attribute's name has 1 to 255 characters",
        ),
        (&long, "column 50: this is longer than 1024 characters"),
        (&short, "column 47: this is longer than 255 characters"),
        (&much, "column 10232: all custom attributes have at most 10240 bytes"),
        (
            "action=push_and_start_local&jumpoint=x",
            "column 29: push_and_start_local has no such parameter",
        ),
    ] {
        let expected = format!("line 1, {expected}");
        assert_eq!(command(text), Err(expected), "{text:.80}");
    }
    let unknown = command("action=format_disk").unwrap_err();
    assert!(unknown.starts_with("line 1, column 8: the action is one of login, "), "{unknown}");
    let pairs = (0..1000).map(|n| format!("&{n}=")).collect::<Vec<_>>().concat();
    let crowded = command(&format!("action=login{pairs}")).unwrap_err();
    assert!(crowded.contains("at most 1000 pairs"), "{crowded}");
}

#[test]
fn a_password_is_in_no_message() {
    let text = "action=login&mechanism=username_password&username=bob&password=hunter2";
    assert!(!format!("{:?}", command(text).unwrap()).contains("hunter2"));
    for damage in ["%", "=", " ", "&", "&x=y"] {
        let error = command(&format!("{text}{damage}")).unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_search_means_parts_in_any_case() {
    let texts = ["Till 7, MAINTENANCE", "abcdef02", "10.10.24.7", "203.0.113.9", "Server"];
    let found = |search: &str| {
        let text = format!("action=start_pinned_client_session&{search}");
        let Ok(Command::StartPinnedClientSession { search, .. }) = command(&text) else {
            panic!("{text}")
        };
        search.finds(texts)
    };
    assert!(found("search_string=ABC") && found("search_string=113.9"));
    assert!(found("client.comments=maintenance&client.tag=server"));
    assert!(!found("client.comments=maintenance&client.tag=client"), "all of them must hold");
    assert!(found("client.private_ip=10.10.24") && !found("client.public_ip=10.10.24"));
    assert!(!found("client.hostname=maintenance"));
}

fn value(most: usize) -> impl Strategy<Value = String> {
    proptest::string::string_regex(&format!("[^\\p{{Cc}}\\s][^\\p{{Cc}}]{{0,{}}}", most - 1))
        .unwrap()
}

fn custom() -> impl Strategy<Value = Custom> {
    proptest::collection::btree_map(value(20), value(100), 0..5)
        .prop_map(|pairs| Custom(pairs.into_iter().collect()))
}

fn search() -> impl Strategy<Value = Search> {
    let fields = proptest::sample::subsequence(Field::ALL.to_vec(), 1..=5);
    let fields = (fields, proptest::collection::vec(value(60), 5))
        .prop_map(|(fields, values)| Search::Fields(fields.into_iter().zip(values).collect()));
    prop_oneof![value(60).prop_map(Search::Anywhere), fields]
}

fn any_command() -> impl Strategy<Value = Command> {
    let maybe = || proptest::option::of(value(30));
    let login = proptest::option::of(
        (value(30), value(30))
            .prop_map(|(username, password)| Credentials { username, password: Secret(password) }),
    );
    let ad_hoc = (proptest::sample::select(AdHoc::ALL.to_vec()), maybe(), maybe(), custom());
    prop_oneof![
        login.prop_map(Command::Login),
        (search(), custom())
            .prop_map(|(search, custom)| Command::StartPinnedClientSession { search, custom }),
        (search(), maybe(), maybe(), custom()).prop_map(|(search, method, credential, custom)| {
            Command::StartJumpItemSession { search, method, credential, custom }
        }),
        ad_hoc.prop_map(|(kind, jumpoint, target, custom)| {
            let jumpoint = jumpoint.filter(|_| kind != AdHoc::PushLocal);
            Command::StartAdHoc { kind, jumpoint, target, custom }
        }),
        custom().prop_map(|custom| Command::GenerateSessionKey { custom }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(
        commands in proptest::collection::vec(any_command(), 1..=10)
    ) {
        let script = Script { commands };
        prop_assert_eq!(read(&script.to_string()), Ok(script.clone()));
        prop_assert_eq!(read(&script.to_string().replace('\n', "\r\n")), Ok(script));
    }

    #[test]
    fn whatever_is_read_is_written_and_read_again(text in "BRCS1\\.0(\r?\n(action=[a-z_]{0,30}|[a-z.]{1,9}=[%0-9A-Fa-f=&]{0,9})(&[a-z.]{1,20}=[ -~]{0,20}){0,3}){0,3}") {
        if let Ok(script) = read(&text) {
            prop_assert_eq!(read(&script.to_string()), Ok(script));
        }
    }

    #[test]
    fn no_text_stops_the_reader(text in any::<String>()) {
        let _ = read(&text);
        let _ = read(&format!("BRCS1.0\n{text}"));
        let _ = command(&format!("action={text}"));
    }
}
