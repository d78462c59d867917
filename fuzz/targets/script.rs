//! The reader of Representative Console Scripts: whatever it takes, it writes and takes again.
#![no_main]

use jumpdeck_protocol::script::Script;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match text.parse::<Script>() {
        Ok(script) => {
            let again: Script = script.to_string().parse().expect("what is written can be read");
            assert_eq!(again, script);
        }
        Err(error) => {
            // It points into the text.
            let line = text.split('\n').nth(error.line - 1).unwrap_or_default();
            assert!(error.column <= line.chars().count() + 1, "{error}");
        }
    }
});
