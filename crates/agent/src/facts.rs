//! What this machine is.

use jumpdeck_protocol::inventory::{Facts, InstallMode};
use jumpdeck_protocol::wake::Mac;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use sysinfo::{Networks, System};

/// The machine's name.
pub(crate) fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Everything an agent tells when it connects.
pub(crate) fn gather(install_mode: InstallMode) -> Facts {
    let (interface, gateway) = default_route().unwrap_or_default();
    let memory = System::new().map(|mut system| {
        system.refresh_memory();
        system.total_memory()
    });
    Facts {
        hostname: hostname().into(),
        fqdn: fqdn().unwrap_or_default().into(),
        domain: domain().unwrap_or_default().into(),
        operating_system: operating_system().into(),
        private_ip: private_ip(&interface).into(),
        gateway_mac: gateway_mac(&gateway).unwrap_or_default().into(),
        gateway: gateway.into(),
        mac: own_mac(&interface).unwrap_or_default().into(),
        version: jumpdeck_protocol::VERSION.into(),
        console_user: console_user(install_mode).into(),
        install_mode,
        processors: processors(),
        memory: memory.unwrap_or_default(),
    }
}

/// Who is logged in at the machine. A user-mode agent runs only while its user is.
pub(crate) fn console_user(install_mode: InstallMode) -> String {
    match install_mode {
        InstallMode::User => uzers::get_current_username()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        InstallMode::Service => seat_user().unwrap_or_default(),
    }
}

/// The user of an active session that the login manager (systemd-logind) has at a seat.
fn seat_user() -> Option<String> {
    let sessions = fs::read_dir("/run/systemd/sessions").ok()?;
    let texts = sessions.filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
    texts
        .filter(|text| value(text, "ACTIVE") == Some("1") && value(text, "SEAT").is_some())
        .find_map(|text| value(&text, "USER").map(str::to_owned))
}

fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

fn operating_system() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    match value(&text, "PRETTY_NAME") {
        Some(name) => name.trim_matches('"').to_owned(),
        None => System::name().unwrap_or_default(),
    }
}

fn fqdn() -> Option<String> {
    let name = hostname();
    if name.contains('.') {
        return Some(name);
    }
    let hosts = fs::read_to_string("/etc/hosts").ok()?;
    let mut names = hosts.lines().flat_map(str::split_whitespace);
    names.find(|word| word.starts_with(&format!("{name}."))).map(str::to_owned)
}

fn domain() -> Option<String> {
    let resolv = fs::read_to_string("/etc/resolv.conf").ok()?;
    let line =
        resolv.lines().find(|line| line.starts_with("domain ") || line.starts_with("search "))?;
    line.split_whitespace().nth(1).map(str::to_owned)
}

/// The interface and the gateway of the default route (Linux).
fn default_route() -> Option<(String, String)> {
    let routes = fs::read_to_string("/proc/net/route").ok()?;
    routes.lines().skip(1).find_map(route)
}

fn route(line: &str) -> Option<(String, String)> {
    let mut columns = line.split_whitespace();
    let (interface, destination, gateway) = (columns.next()?, columns.next()?, columns.next()?);
    let address = u32::from_str_radix(gateway, 16).ok()?;
    // The kernel prints the address as a number in the machine's own byte order.
    let gateway = Ipv4Addr::from(address.to_ne_bytes());
    (destination == "00000000" && address != 0).then(|| (interface.to_owned(), gateway.to_string()))
}

fn gateway_mac(gateway: &str) -> Option<String> {
    let table = fs::read_to_string("/proc/net/arp").ok()?;
    let line = table.lines().find(|line| line.split_whitespace().next() == Some(gateway))?;
    line.split_whitespace().nth(3).filter(|mac| *mac != "00:00:00:00:00:00").map(str::to_owned)
}

/// The hardware address of an interface (Linux).
fn own_mac(interface: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/sys/class/net/{interface}/address")).ok()?;
    let mac: Mac = text.parse().ok()?;
    (mac.0 != [0; 6]).then(|| mac.to_string())
}

/// The IPv4 address of the interface that leads out, else of any that is not the loopback.
fn private_ip(interface: &str) -> String {
    let Ok(networks) = Networks::new_with_refreshed_list() else {
        return String::new();
    };
    let addresses = |wanted: &dyn Fn(&str) -> bool| {
        let fitting = networks.iter().filter(|(name, _)| wanted(&name.to_string_lossy()));
        fitting
            .flat_map(|(_, data)| data.ip_networks())
            .map(|network| network.addr)
            .find(|address| matches!(address, IpAddr::V4(v4) if !v4.is_loopback()))
    };
    let address = addresses(&|name| name == interface).or_else(|| addresses(&|_| true));
    address.map(|address| address.to_string()).unwrap_or_default()
}

fn processors() -> u16 {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    u16::try_from(count).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::{route, value};

    #[test]
    fn the_default_route_is_found_among_others() {
        let line = "eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0";
        let expected = if cfg!(target_endian = "little") { "192.168.2.1" } else { "1.2.168.192" };
        assert_eq!(route(line), Some(("eth0".into(), expected.into())));
        assert_eq!(route("eth0\t0002A8C0\t00000000\t0001"), None);
        assert_eq!(route(""), None);
    }

    #[test]
    fn a_login_managers_file_names_its_user() {
        assert_eq!(value("UID=1\nUSER=alice\nSEAT=seat0\n", "USER"), Some("alice"));
        assert_eq!(value("USERS=alice", "USER"), None);
    }
}
