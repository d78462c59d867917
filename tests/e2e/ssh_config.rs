//! Plain `ssh` through a tunnel, by the configuration that was written for it.

use crate::ssh::House;
use crate::support::{Guard, hostname, text, until};
use jumpdeck_server_sim::free_address;
use std::net::TcpStream;
use std::process::{Command, Stdio};

/// An sshd of its own on this machine, and the key that opens it.
struct Sshd {
    child: Guard,
    port: u16,
    key: String,
}

impl Sshd {
    fn start(house: &House) -> Self {
        let (key, public) = house.key("endpoint");
        let (host, _) = house.key("endpoint-host");
        std::fs::write(house.path("authorized"), public).unwrap();
        std::fs::create_dir_all("/run/sshd").unwrap();
        let port = free_address().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {}\n\
             StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n",
            house.path("authorized").display()
        );
        std::fs::write(house.path("sshd_config"), config).unwrap();
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-f"])
            .arg(house.path("sshd_config"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("the sshd listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { child: Guard(child), port, key }
    }
}

#[test]
fn plain_ssh_reaches_an_items_own_sshd_by_the_written_configuration() {
    let house = House::new();
    let sshd = Sshd::start(&house);
    let written =
        house.served.rep(&house.home, &["ssh-config", "--user", "root"]).output().unwrap();
    assert!(written.status.success(), "{}", text(&written.stderr));
    let config = house.path("ssh_config");
    std::fs::write(&config, &written.stdout).unwrap();
    let ssh = |command: &[&str]| {
        let known = format!("UserKnownHostsFile={}", house.path("endpoint_hosts").display());
        Command::new("ssh")
            .arg("-F")
            .arg(&config)
            .args(["-p", &sshd.port.to_string(), "-i", &sshd.key, "-o", &known])
            .args(["-o", "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes"])
            .args(["-o", "IdentitiesOnly=yes"])
            .arg(format!("{}.jumpdeck", hostname()))
            .args(command)
            .env("JUMPDECK_PASSWORD", &house.served.password)
            .env("JUMPDECK_USER", "admin")
            .env("JUMPDECK_CONNECT", house.served.url())
            .env("JUMPDECK_CONFIG_DIR", house.home.config())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let output = ssh(&["echo through $((6 * 7)); echo err >&2; exit 9"]);
    assert_eq!(output.status.code(), Some(9), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "through 42\n");
    let bulk = ssh(&["seq 1 300000"]);
    assert!(
        bulk.stdout == (1..=300_000).map(|n| format!("{n}\n")).collect::<String>().into_bytes()
    );
    // The session is gone with the connection, and is in the audit.
    until("no session is left", || {
        house.served.rep(&house.home, &["sessions"]).output().unwrap().stdout.is_empty()
    });
    // The same through the front door.
    let door = house.verb(&["tunnel", &hostname(), &sshd.port.to_string()]);
    assert!(text(&door.stdout).starts_with("SSH-2.0-"), "{}", text(&door.stderr));
    drop(sshd.child);
    let port = sshd.port.to_string();
    let nothing = house.served.rep(&house.home, &["tunnel", &hostname(), &port]).output().unwrap();
    assert_eq!(nothing.status.code(), Some(255));
    assert!(text(&nothing.stderr).contains("refused"), "{}", text(&nothing.stderr));
}
