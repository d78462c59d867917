//! What stands in the way is named, with the way out, and nothing is touched.

use crate::support::{Home, text};
use std::net::TcpListener;

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let home = Home::new();
    std::fs::write(home.path().join("data"), "a file").unwrap();
    let output = home.run(&["ls"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("/data cannot be used") && said.contains("--data-dir"), "{said}");
    std::fs::remove_file(home.path().join("data")).unwrap();
}

#[test]
fn a_taken_port_is_named_with_the_way_out() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = home.run(&["serve", "--listen", &address, "--no-ssh"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
}

#[test]
fn a_taken_port_does_not_cost_the_first_password() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = home.jumpdeck(&["serve", "--listen", &address, "--no-ssh"]);
    let output = command.env("JUMPDECK_DATA_DIR", home.path().join("server")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    // The next start is the first that listens, and says what is said once.
    assert!(!crate::serve::Served::start(&home).password.is_empty());
}

#[test]
fn a_verb_on_a_servers_directory_says_whose_it_is() {
    let home = Home::new();
    let _served = crate::serve::Served::start(&home);
    let mut command = home.jumpdeck(&["ls"]);
    let output = command.env("JUMPDECK_DATA_DIR", home.path().join("server")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("belongs to `jumpdeck serve`") && said.contains("--connect"), "{said}");
}

#[test]
fn this_machine_comes_back_when_its_agents_key_was_lost() {
    let home = Home::new();
    let before: serde_json::Value = serde_json::from_str(&home.ok(&["ls", "--json"])).unwrap();
    home.ok(&["stop", "--yes"]);
    std::fs::remove_dir_all(home.data().join("agent")).unwrap();
    let after: serde_json::Value = serde_json::from_str(&home.ok(&["ls", "--json"])).unwrap();
    assert_eq!((&after["id"], after["status"].as_str()), (&before["id"], Some("online")));
}

#[test]
fn a_second_server_on_the_same_data_directory_is_refused() {
    let home = Home::new();
    let _served = crate::serve::Served::start(&home);
    let mut command = home.jumpdeck(&["serve", "--listen", "127.0.0.1:0", "--no-ssh"]);
    let output = command.env("JUMPDECK_DATA_DIR", home.path().join("server")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("another appliance already uses the data directory"));
}

#[test]
fn a_damaged_database_is_named_and_left_as_it_is() {
    let home = Home::new();
    home.ok(&["ls"]);
    home.ok(&["stop", "--yes"]);
    let path = home.data().join("appliance.db");
    let mut bytes = std::fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(4096).take(8192) {
        *byte ^= 0x5a;
    }
    std::fs::write(&path, &bytes).unwrap();
    let output = home.run(&["ls"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("appliance.db is damaged") && said.contains(".recover"), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_database_of_a_newer_version_is_named_and_left_as_it_is() {
    let home = Home::new();
    home.ok(&["ls"]);
    home.ok(&["stop", "--yes"]);
    let path = home.data().join("appliance.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let output = home.run(&["ls"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("was written by a newer jumpdeck (schema 99"));
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn an_unencrypted_address_is_refused() {
    let home = Home::new();
    let output = home.run(&["ls", "--connect", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("unencrypted"));
}

#[test]
fn an_appliance_that_cannot_be_reached_is_named() {
    let home = Home::new();
    let output = home.run(&["ls", "--connect", "https://127.0.0.1:1", "--as", "a"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("https://127.0.0.1:1 cannot be reached"));
}
