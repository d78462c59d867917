//! What properties take and give back.

use super::*;

fn shortcut(method: JumpMethod) -> ItemView {
    ItemView { shortcut: Some(Shortcut::new(method).into()), method, ..ItemView::default() }
}

#[test]
fn every_property_of_every_method_takes_back_what_it_gave() {
    for method in JumpMethod::ALL {
        let mut item = if *method == JumpMethod::JumpClient {
            ItemView { name: "a".into(), ..ItemView::default() }
        } else {
            let mut item = shortcut(*method);
            item.name = "a".into();
            item.facts.hostname = "host".into();
            let shortcut = item.shortcut.as_mut().unwrap();
            shortcut.url = "https://a".into();
            shortcut.tunnel_definitions = "80;80".into();
            item
        };
        for field in method.fields() {
            let value = item.field(*field);
            item.set(*field, value.clone()).unwrap();
            assert_eq!(item.field(*field), value);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_with_what_would() {
    let mut item = shortcut(JumpMethod::ShellJump);
    let mut refused = |field, value| item.set(field, value).unwrap_err().to_string();
    let text = |text: &str| FieldValue::Text(text.into());
    assert_eq!(refused(ItemField::Name, text(" ")), "Name: it cannot be empty");
    let long = refused(ItemField::Name, text(&"東".repeat(129)));
    assert_eq!(long, "Name: 129 characters are too many; 128 fit");
    assert_eq!(refused(ItemField::Protocol, text("rsh")), "Protocol: it is one of ssh, telnet");
    let port = refused(ItemField::Port, FieldValue::Number(70_000));
    assert_eq!(port, "Port: it lies between 1 and 65535");
    assert!(refused(ItemField::Port, text("22")).ends_with("does not fit"));
    assert!(refused(ItemField::TunnelListenAddress, text("10.0.0.1")).contains("127.0.0.0/8"));
    assert!(refused(ItemField::TunnelDefinitions, text("80")).contains("8080;80"));
    assert!(refused(ItemField::Url, text("ftp://x")).contains("https://"));
    assert!(refused(ItemField::Hostname, text("a b")).contains("no blank"));
    assert!(refused(ItemField::Hostname, text("a;$(x)")).contains("';'"));
    item.set(ItemField::Name, text(" a\u{1b}[31m\nb ")).unwrap();
    assert_eq!(&*item.name, "a[31m b");
}
