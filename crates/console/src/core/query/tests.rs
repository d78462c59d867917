//! The language: what is typed and what it means.

use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> Query {
    text.parse().unwrap()
}

fn words(text: &str) -> Query {
    Query::Text(None, text.to_owned())
}

#[test]
fn words_fields_not_or_and_parentheses_are_understood() {
    let name = Query::Text(Some(Field::Name), "front office".into());
    let test = Query::Not(Box::new(Query::Text(Some(Field::Tag), "test".into())));
    let either =
        Query::Any(vec![Query::Status("online".into()), Query::Seen(Compare::Less, 7 * 86_400)]);
    assert_eq!(
        parse("web -tag:test (status:online or seen<7d) NAME:\"front office\""),
        Query::All(vec![words("web"), test, either, name])
    );
    assert_eq!(
        parse("a b or c"),
        Query::Any(vec![Query::All(vec![words("a"), words("b")]), words("c")])
    );
    assert_eq!(parse("  "), Query::default());
}

#[test]
fn what_is_being_typed_is_no_mistake() {
    for (typed, meant) in [
        ("web name:", "web"),
        ("web or", "web"),
        ("web -", "web"),
        ("web (", "web"),
        ("web (mail or desk", "web (mail or desk)"),
        ("name:\"front of", "name:\"front of\""),
        ("web seen<", "web"),
        ("web status:", "web"),
    ] {
        assert_eq!(parse(typed), parse(meant), "{typed}");
    }
    assert_eq!(parse("10.0.0.1:22"), words("10.0.0.1:22"));
    assert_eq!(parse("a) b"), Query::All(vec![words("a)"), words("b")]), "nothing was open");
}

#[test]
fn a_wrong_term_is_told_with_its_place_and_what_would_be_right() {
    let error = "web naem:x".parse::<Query>().unwrap_err();
    assert_eq!(error.place, 4..8);
    assert!(error.what.contains("no field “naem”") && error.what.contains("name, host"));
    let error = "status:sleeping".parse::<Query>().unwrap_err();
    assert!(error.what.contains("passive"), "{}", error.what);
    assert_eq!(parse("CPU>80%"), Query::Figure(Measure::Cpu, Compare::More, 80));
    let error = "disk>101".parse::<Query>().unwrap_err();
    assert!(error.what.contains("disk>80") && error.place == (0..8), "{error:?}");
    let error = "a seen<soon".parse::<Query>().unwrap_err();
    assert_eq!(error.place, 2..11);
    assert!("(".repeat(100).parse::<Query>().is_err());
    assert!("-".repeat(100_000).parse::<Query>().is_err(), "no matter how deep");
}

fn any_query() -> impl Strategy<Value = Query> {
    let text = "[a-zA-Z0-9 \\-()\":<>\\\\.東é]{1,8}";
    let field = proptest::option::of(proptest::sample::select(
        Field::ALL.iter().map(|(_, field)| *field).collect::<Vec<_>>(),
    ));
    let leaf = prop_oneof![
        4 => (field, text).prop_map(|(field, text)| Query::Text(field, text)),
        1 => proptest::sample::select(vec!["online", "off", "in use", "u"])
            .prop_map(|status| Query::Status(status.to_owned())),
        1 => (any::<bool>(), any::<bool>(), 0_u8..=100).prop_map(|(cpu, less, share)| {
            let measure = if cpu { Measure::Cpu } else { Measure::Disk };
            Query::Figure(measure, if less { Compare::Less } else { Compare::More }, share)
        }),
        1 => (any::<bool>(), 0_u64..1000, proptest::sample::select(vec![60, 3600, 86_400, 604_800]))
            .prop_map(|(less, n, unit)| {
                Query::Seen(if less { Compare::Less } else { Compare::More }, n * unit)
            }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Query::All),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Query::Any),
            inner.prop_map(|query| Query::Not(Box::new(query))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_query_that_is_printed_and_read_again_is_the_same(query in any_query()) {
        let printed = query.to_string();
        prop_assert_eq!(printed.parse::<Query>(), Ok(query), "{}", printed);
    }

    #[test]
    fn whatever_is_typed_is_a_query_or_a_mistake_within_it(typed in ".{0,60}") {
        if let Err(QueryError { place, .. }) = typed.parse::<Query>() {
            prop_assert!(place.end <= typed.len() && typed.get(place).is_some());
        }
    }
}

#[test]
fn what_acts_takes_no_query_that_is_empty_or_breaks_off() {
    let broken = [
        "",
        "   ",
        "tag:",
        "((",
        "()",
        "or",
        "web or",
        "or web",
        "-",
        "web -",
        "cpu>",
        "status:",
        "seen<",
        "(web",
        "\"web",
        "\"\"",
        "web or or lab",
        "-tag:",
        "name:\"\"",
        "(web or )",
        "(-)",
    ];
    for text in broken {
        assert!(Query::whole(text).is_err(), "{text:?} acts");
        assert!(text.parse::<Query>().is_ok(), "{text:?} may be typed on");
    }
    for text in ["web", "-tag:test", "(web or lab) cpu>80", "web)", "10.0.0.1:22", "tag:\"a b\""] {
        assert_eq!(Query::whole(text), text.parse(), "{text}");
    }
}

#[test]
fn a_machine_in_use_is_online() {
    assert!(statuses("online").any(|status| status == Status::InUse));
    assert!(statuses("offline").all(|status| status == Status::Offline));
}
