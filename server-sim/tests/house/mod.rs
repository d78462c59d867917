//! A real appliance in this process, with a clock of the test's, and the one who calls there.

use jumpdeck_appliance::{
    Appliance, ApplianceRole, Clock, DataDir, InstallerSpec, StartError, Uptime,
};
use jumpdeck_protocol::inventory::{ItemView, Status};
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepRequest};
use jumpdeck_protocol::{ItemId, Timestamp};
use jumpdeck_server_sim::hostile::HostileTarget;
use jumpdeck_server_sim::{
    ConsoleHeard, ConsoleLogin, Fleet, FleetCounts, InstallerKeys, Scenario, SimulatedConsole,
    SimulatedShell, free_address,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::task::{AbortHandle, JoinHandle};

/// A clock that stands still until it is set.
#[derive(Debug)]
pub struct TestClock(pub AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn uptime(&self) -> Uptime {
        Uptime(u64::try_from(self.0.load(Ordering::SeqCst)).unwrap())
    }
}

/// A scenario of machines `F-M-0000`, `F-M-0001`, … with this churn.
pub fn scenario(churn: &str) -> Scenario {
    let text = format!(
        "about = 'a test'\nclients = 1\n[[site]]\ncode = 'F'\nnetwork = 9\n[[kind]]\ncode = 'M'\n\
         group = 'Lab'\nsystems = ['Linux']\n[[naming]]\npattern = '{{site}}-{{kind}}-{{number}}'\n\
         [churn]\n{churn}\n"
    );
    Scenario::parse("test", &text).unwrap()
}

pub struct House {
    appliance: Option<Arc<Appliance>>,
    pub clock: Arc<TestClock>,
    serving: JoinHandle<()>,
    url: String,
    password: String,
    dir: tempfile::TempDir,
}

impl House {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_000_000_000)));
        let data = DataDir::create(dir.path()).unwrap();
        let appliance = Appliance::open(&data, ApplianceRole::Server, clock.clone()).unwrap();
        let listening = appliance.listen(&free_address().unwrap().to_string()).await.unwrap();
        let password = appliance.settle().await.unwrap().admin_password.unwrap();
        appliance.choose_password("admin", password.clone()).await.unwrap();
        let url = format!("https://{}", listening.address);
        let served = Arc::clone(&appliance);
        let serving = tokio::spawn(async move { served.serve(listening).await });
        Self { appliance: Some(appliance), clock, serving, url, password, dir }
    }

    fn appliance(&self) -> &Arc<Appliance> {
        self.appliance.as_ref().unwrap()
    }

    /// Stops the appliance and opens it again on the same data and the same port.
    pub async fn restart(&mut self) {
        self.appliance().stop();
        (&mut self.serving).await.unwrap();
        self.appliance().close().await;
        let data = DataDir::create(self.dir.path()).unwrap();
        let address = self.url.trim_start_matches("https://").to_owned();
        // The former one holds its lock until its last link is gone.
        let former = self.appliance.take().unwrap();
        let gone = Arc::downgrade(&former);
        drop(former);
        while gone.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
        self.appliance = loop {
            match Appliance::open(&data, ApplianceRole::Server, self.clock.clone()) {
                Ok(appliance) => break Some(appliance),
                // The last of it is being dropped this moment.
                Err(StartError::DataDir(_)) => tokio::task::yield_now().await,
                Err(other) => panic!("{other}"),
            }
        };
        let listening = self.appliance().listen(&address).await.unwrap();
        let served = Arc::clone(self.appliance());
        self.serving = tokio::spawn(async move { served.serve(listening).await });
    }

    async fn key(&self) -> String {
        let spec = InstallerSpec { group: Some("Lab".into()), valid: 31_536_000, local: false };
        self.appliance().create_installer(spec).await.unwrap().key
    }

    pub async fn target(&self) -> HostileTarget {
        let fingerprint = self.appliance().fingerprint();
        HostileTarget { url: self.url.clone(), fingerprint, installer_key: self.key().await }
    }

    pub async fn fleet(&self, scenario: Scenario, clients: usize) -> Fleet {
        let keys = InstallerKeys { others: vec![self.key().await], ..InstallerKeys::default() };
        let fleet = Fleet::new(scenario, &self.url, &self.appliance().fingerprint(), keys);
        fleet.with_clients(clients)
    }

    pub fn run(&self, fleet: Fleet) -> Running {
        let (network, counts) = (fleet.network().unwrap(), Arc::new(FleetCounts::default()));
        let task = tokio::spawn(fleet.run(Arc::clone(&counts), network)).abort_handle();
        Running { task, counts }
    }

    pub fn login(&self) -> ConsoleLogin {
        ConsoleLogin::with_password(
            &self.url,
            &self.appliance().fingerprint(),
            "admin",
            &self.password,
        )
    }

    pub async fn console(&self) -> SimulatedConsole {
        SimulatedConsole::connect(&self.login()).await.unwrap()
    }

    /// The items as a new console is told of them.
    pub async fn items(&self) -> Vec<Arc<ItemView>> {
        let mut console = self.console().await;
        console.request(RepRequest::Subscribe(request::Subscribe { have: None, presence: None }));
        let mut items = Vec::new();
        let whole = console.until(|heard| match heard {
            ConsoleHeard::Notice(ApplianceNotice::Inventory(part)) => {
                items.extend(part.items.iter().cloned());
                part.position.is_some().then_some(())
            }
            _ => None,
        });
        whole.await.unwrap();
        items
    }

    /// Waits until so many items are online, and no other is there.
    pub async fn until_all_online(&self, count: usize) {
        let mut console = self.console().await;
        let mut seen = self.watch(&mut console).await;
        let online = |seen: &Seen| {
            seen.values().filter(|s| matches!(s, Status::Online | Status::InUse)).count()
        };
        while online(&seen) != count {
            self.see(&mut console, &mut seen).await;
        }
        assert_eq!(self.items().await.len(), count);
    }

    /// Waits until so many agents are linked.
    pub async fn until_links(&self, count: usize) {
        let mut console = self.console().await;
        let mut seen = self.watch(&mut console).await;
        let linked = |seen: &Seen| {
            let away = [Status::Offline, Status::Disabled, Status::UpgradePending];
            seen.values().filter(|status| !away.contains(status)).count()
        };
        while linked(&seen) != count {
            self.see(&mut console, &mut seen).await;
        }
    }

    /// What a new console sees.
    pub async fn picture(&self) -> Seen {
        self.watch(&mut self.console().await).await
    }

    /// Subscribes, and returns what is seen at first.
    pub async fn watch(&self, console: &mut SimulatedConsole) -> Seen {
        console.request(RepRequest::Subscribe(request::Subscribe { have: None, presence: None }));
        let mut seen = Seen::new();
        let whole = console.until(|heard| {
            take(&mut seen, heard);
            let part = match heard {
                ConsoleHeard::Notice(ApplianceNotice::Inventory(part)) => part,
                _ => return None,
            };
            part.position.is_some().then_some(())
        });
        whole.await.unwrap();
        seen
    }

    /// Waits for the next change of presence.
    pub async fn see(&self, console: &mut SimulatedConsole, seen: &mut Seen) {
        console.until(|heard| take(seen, heard).then_some(())).await.unwrap();
    }

    /// Waits until an item of this name is online.
    pub async fn until_online(&self, console: &mut SimulatedConsole, name: &str) -> ItemId {
        self.until_item(console, name, |status| status == Status::Online).await.0
    }

    /// Waits until an item of this name is there, and its status is known for good: it has been
    /// linked.
    pub async fn until_known(
        &self,
        console: &mut SimulatedConsole,
        name: &str,
    ) -> (ItemId, Status) {
        let (item, _) = self.until_item(console, name, |_| true).await;
        // A visitor's link may still be closing.
        loop {
            let seen = self.picture().await;
            let status = seen.get(&item).copied();
            tokio::task::yield_now().await;
            if seen == self.picture().await
                && let Some(status) = status
            {
                return (item, status);
            }
        }
    }

    async fn until_item(
        &self,
        console: &mut SimulatedConsole,
        name: &str,
        wanted: impl Fn(Status) -> bool,
    ) -> (ItemId, Status) {
        console.request(RepRequest::Subscribe(request::Subscribe { have: None, presence: None }));
        let mut seen = Seen::new();
        let mut named = None;
        let found = console.until(|heard| {
            take(&mut seen, heard);
            if let ConsoleHeard::Notice(ApplianceNotice::Inventory(part)) = heard {
                let item = part.items.iter().find(|item| *item.name == *name);
                named = item.map(|item| item.id).or(named);
            }
            let item = named?;
            let status = seen.get(&item).copied()?;
            wanted(status).then_some((item, status))
        });
        found.await.unwrap()
    }
}

/// The status of each item.
pub type Seen = BTreeMap<ItemId, Status>;

/// Takes presence in. Returns whether there was any.
fn take(seen: &mut Seen, heard: &ConsoleHeard) -> bool {
    let ConsoleHeard::Notice(ApplianceNotice::Presence { all, changes, .. }) = heard else {
        return false;
    };
    if *all {
        seen.clear();
    }
    seen.extend(changes.iter().map(|presence| (presence.item, presence.status)));
    true
}

/// A running fleet. It ends with this.
pub struct Running {
    task: AbortHandle,
    pub counts: Arc<FleetCounts>,
}

impl Running {
    pub fn abort(&self) {
        self.task.abort();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.abort();
    }
}

/// A rep with a shell on a machine where all is well.
pub struct Bystander {
    console: SimulatedConsole,
    shell: SimulatedShell,
    done: u32,
    fleet: Running,
}

impl Bystander {
    pub async fn new(house: &House) -> Self {
        let mut fleet = house.fleet(scenario(""), 1).await;
        fleet.seed = 4711;
        fleet.numbers = 900..901;
        let fleet = house.run(fleet);
        let mut console = house.console().await;
        let item = house.until_online(&mut console, "F-M-0900").await;
        let shell = console.start(item).await.unwrap();
        Self { console, shell, done: 0, fleet }
    }

    /// Does a few things, one after the other, each once the one before is done.
    pub async fn work(&mut self, times: u32) {
        for _ in 0..times {
            self.done += 1;
            let text = format!("echo bystander {}\r", self.done);
            self.shell.enter(&self.console, &text);
            let answer = format!("\r\nbystander {}\r\n", self.done);
            self.shell.until(&mut self.console, &answer).await.unwrap();
        }
    }

    /// Everything came once and in order, and no link of ours was lost.
    pub fn is_undisturbed(&self) {
        let text = String::from_utf8_lossy(&self.shell.output);
        let lines = text.split("\r\n").filter_map(|line| line.strip_prefix("bystander "));
        let numbers: Vec<u32> = lines.map(|number| number.parse().unwrap()).collect();
        assert_eq!(numbers, (1..=self.done).collect::<Vec<_>>());
        assert_eq!(self.fleet.counts.enrolled.get(), 1, "its machine's link was lost");
    }
}
