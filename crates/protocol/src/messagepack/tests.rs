use super::*;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

/// One of each form that a value of ours has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    flag: bool,
    small: i8,
    large: u64,
    below: i64,
    half: f32,
    full: f64,
    letter: char,
    text: String,
    boxed: Box<str>,
    maybe: Option<Box<Self>>,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    numbers: Vec<u8>,
    pair: (u16, String),
    named: BTreeMap<String, Vec<i32>>,
    unit: (),
    empty: Empty,
    wrapped: Wrapped,
    variants: Vec<OneOf>,
    #[serde(default)]
    later: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Empty;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped(u32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum OneOf {
    Plain,
    Value(i32),
    Values(u8, String),
    Fields { at: u64, names: Vec<String> },
}

fn any_variant() -> impl Strategy<Value = OneOf> {
    prop_oneof![
        Just(OneOf::Plain),
        any::<i32>().prop_map(OneOf::Value),
        (any::<u8>(), ".*").prop_map(|(a, b)| OneOf::Values(a, b)),
        (any::<u64>(), prop::collection::vec(".*", 0..4))
            .prop_map(|(at, names)| OneOf::Fields { at, names }),
    ]
}

prop_compose! {
    fn anything()(
        (flag, small, large, below) in any::<(bool, i8, u64, i64)>(),
        (half, full, letter) in (-1.0e6_f32..1.0e6, -1.0e6_f64..1.0e6, any::<char>()),
        (text, boxed) in (".*", ".{0,300}"),
        (bytes, numbers) in any::<(Vec<u8>, Vec<u8>)>(),
        pair in (any::<u16>(), ".*"),
        named in prop::collection::btree_map(".*", prop::collection::vec(any::<i32>(), 0..20), 0..20),
        wrapped in any::<u32>(),
        variants in prop::collection::vec(any_variant(), 0..20),
        later in any::<u8>(),
    ) -> Everything {
        let (unit, empty, wrapped, boxed) = ((), Empty, Wrapped(wrapped), boxed.into());
        Everything {
            flag, small, large, below, half, full, letter, text, boxed, maybe: None, bytes, numbers,
            pair, named, unit, empty, wrapped, variants, later,
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was(
        inner in anything(),
        mut outer in anything(),
        cut in any::<prop::sample::Index>(),
    ) {
        outer.maybe = Some(Box::new(inner));
        let bytes = rmp_serde::to_vec_named(&outer).unwrap();
        prop_assert_eq!(&from_slice::<Everything>(&bytes).unwrap(), &outer);
        prop_assert_eq!(&rmp_serde::from_slice::<Everything>(&bytes).unwrap(), &outer);
        from_slice::<IgnoredAny>(&bytes).unwrap();
        let part = &bytes[..cut.index(bytes.len())];
        prop_assert!(from_slice::<Everything>(part).is_err());
        prop_assert!(from_slice::<IgnoredAny>(part).is_err());
    }

    #[test]
    fn whatever_comes_is_read_or_refused(bytes in any::<Vec<u8>>()) {
        let _ = from_slice::<Everything>(&bytes);
        let _ = from_slice::<serde_json::Value>(&bytes);
        let ours = from_slice::<IgnoredAny>(&bytes).is_ok();
        prop_assert_eq!(ours, rmp_serde::from_slice::<IgnoredAny>(&bytes).is_ok());
    }
}

#[test]
fn fields_that_are_not_known_are_passed_over_and_others_have_their_default() {
    #[derive(Serialize)]
    struct Later<'t> {
        at: u64,
        deep: Vec<Vec<BTreeMap<u8, &'t str>>>,
        names: Vec<String>,
    }
    let deep = vec![vec![BTreeMap::from([(1, "x"), (2, "y")])], Vec::new()];
    let later = BTreeMap::from([("Fields", Later { at: 7, deep, names: vec!["a".into()] })]);
    let bytes = rmp_serde::to_vec_named(&later).unwrap();
    let fields = OneOf::Fields { at: 7, names: vec!["a".into()] };
    assert_eq!(from_slice::<OneOf>(&bytes).unwrap(), fields);
}

#[test]
fn nesting_and_counts_that_are_lies_cost_nothing() {
    #[derive(Debug, Deserialize)]
    struct Nested(#[expect(dead_code, reason = "it is only read")] Vec<Self>);
    let deep = vec![0x91; 100_000];
    assert!(matches!(from_slice::<Nested>(&deep), Err(Error::DepthLimitExceeded)));
    assert!(from_slice::<IgnoredAny>(&deep).is_err());
    // Four thousand million of them, and none is there.
    let many = [0xdd, 0xff, 0xff, 0xff, 0xff];
    assert!(from_slice::<Vec<u64>>(&many).is_err());
    assert!(from_slice::<String>(&[0xdb, 0xff, 0xff, 0xff, 0xff, b'x']).is_err());
    assert!(from_slice::<IgnoredAny>(&[0xdf, 0xff, 0xff, 0xff, 0xff]).is_err());
}

#[test]
fn an_array_that_is_longer_than_what_it_is_read_as_is_refused() {
    let bytes = rmp_serde::to_vec_named(&(1, 2, 3)).unwrap();
    assert!(matches!(from_slice::<(u8, u8)>(&bytes), Err(Error::LengthMismatch(1))));
}
