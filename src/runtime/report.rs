//! A panic leaves the terminal as it was, and a report whose path is shown.

use super::screen;
use std::backtrace::Backtrace;
use std::io::Write;
use std::panic::PanicHookInfo;
use std::path::PathBuf;

/// From now on, a panic restores the terminal and writes a report to `dir`.
pub(super) fn on_panic(dir: PathBuf) {
    std::panic::set_hook(Box::new(move |info| {
        screen::restore();
        let mut stderr = std::io::stderr();
        let _ = match write(&dir, info) {
            Ok(path) => writeln!(
                stderr,
                "jumpdeck stopped because of a mistake of its own. Open sessions go on.\n\
                 A report was written to {}; please send it to whoever looks after jumpdeck.",
                path.display()
            ),
            Err(error) => writeln!(
                stderr,
                "jumpdeck stopped because of a mistake of its own: {info}\n\
                 No report could be written to {}: {error}",
                dir.display()
            ),
        };
    }));
}

fn write(dir: &std::path::Path, info: &PanicHookInfo<'_>) -> std::io::Result<PathBuf> {
    let path = dir.join(format!("panic-{}.txt", std::process::id()));
    let text = format!(
        "jumpdeck {}\n{}\n\n{}\n",
        env!("CARGO_PKG_VERSION"),
        info,
        Backtrace::force_capture()
    );
    std::fs::write(&path, text)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_panic_leaves_a_report_with_what_happened_and_where() {
        let dir = tempfile::tempdir().unwrap();
        let former = std::panic::take_hook();
        super::on_panic(dir.path().to_path_buf());
        let outcome = std::panic::catch_unwind(|| panic!("the sky fell"));
        std::panic::set_hook(former);
        assert!(outcome.is_err());
        let path = dir.path().join(format!("panic-{}.txt", std::process::id()));
        let report = std::fs::read_to_string(path).unwrap();
        assert!(report.contains("the sky fell") && report.contains("report.rs"));
    }
}
