//! Figures of criterion beside a control of the same run: a ratio says more than a time does on a
//! machine that is now fast and now slow.

use std::path::Path;

/// Prints each measurement of a group, and how many times its control that is.
pub fn print(group: &str, control: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("criterion").join(group);
    let Some(base) = median(&folder.join(control)) else {
        return;
    };
    println!("\n{group}: median, and the ratio to {control} ({:.3} ms)", base / 1e6);
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name != "report" && name != control)
        .collect();
    names.sort();
    for name in names {
        if let Some(value) = median(&folder.join(&name)) {
            println!("  {name:44} {:>10.3} ms {:>9.2} ×", value / 1e6, value / base);
        }
    }
}

/// The median in nanoseconds.
fn median(measurement: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(measurement.join("new/estimates.json")).ok()?;
    let estimates: serde_json::Value = serde_json::from_str(&text).ok()?;
    estimates.get("median")?.get("point_estimate")?.as_f64()
}
