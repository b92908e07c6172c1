//! Clusters, made for one test or shared by all tests of a process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::client::Client;
use crate::credentials::Credentials;
use crate::kit::{Kit, kit};
use crate::node::{Node, POLL};
use crate::properties::{CLIENT_PORT, PROXY_PORT, addresses, properties};
use crate::proxy::Proxy;
use crate::runs::Run;
use crate::security::Security;
use crate::{OTHER_CLUSTER, skip, wire};

/// Three nodes start within 15 s on two busy cores; a machine may be slower.
const READY_MAX: Duration = Duration::from_secs(120);
/// What a cluster is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Nodes: 1 or 3. Each is broker and controller.
    pub brokers: usize,
    /// Listeners for clients, each on every broker.
    pub listeners: Vec<Security>,
    /// Whether a [`Proxy`] stands before every listener for clients, and is what brokers advertise.
    pub proxied: bool,
    /// Properties of the brokers, over those of the harness.
    pub properties: Vec<(String, String)>,
    /// Where the folder of data and logs lies, for a test that fills the disk. Else in the cache.
    pub folder: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            brokers: 1,
            listeners: vec![Security::Plain],
            proxied: false,
            properties: Vec::new(),
            folder: None,
        }
    }
}

/// A running cluster; or another one, which [`OTHER_CLUSTER`] names and which tests cannot stop.
#[derive(Debug)]
pub struct Cluster {
    kit: Kit,
    options: Options,
    /// Of another cluster.
    bootstrap: Option<String>,
    // In this order when dropped: proxies end first, then nodes, then the folder.
    proxies: Vec<Vec<Proxy>>,
    nodes: Vec<Node>,
    credentials: Option<Credentials>,
    run: Option<Run>,
    keep: AtomicBool,
}

/// A topic's name that no other test uses, on no other run either.
pub fn topic_name(test: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!(
        "{test}-{}-{number}-{:08x}",
        std::process::id(),
        crate::random() >> 32
    )
}

impl Cluster {
    /// A cluster of the test's own, once it serves. `None` where there can be none: the test ends,
    /// having said so.
    ///
    /// # Panics
    /// If Java and Maven are there and the cluster does not start all the same.
    pub fn start(options: &Options) -> Option<Self> {
        match kit() {
            Ok(kit) => Some(Self::of(kit, options)),
            Err(why) => {
                skip(why);
                None
            }
        }
    }

    /// The cluster that all tests of this process share: one broker without encryption, or the one
    /// that [`OTHER_CLUSTER`] names. Tests use topics that [`topic_name`] names, and end no broker.
    ///
    /// # Panics
    /// As [`Cluster::start`].
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| {
            let kit = kit().ok()?;
            let other = std::env::var(OTHER_CLUSTER).ok();
            Some(match other.filter(|brokers| !brokers.is_empty()) {
                Some(brokers) => Self::other(kit, brokers),
                None => Self::of(kit, &Options::default()),
            })
        });
        if shared.is_none() {
            skip(kit().err().unwrap_or_default());
        }
        shared.as_ref()
    }

    fn other(kit: &Kit, bootstrap: String) -> Self {
        Self {
            kit: kit.clone(),
            options: Options::default(),
            bootstrap: Some(bootstrap),
            proxies: Vec::new(),
            nodes: Vec::new(),
            credentials: None,
            run: None,
            keep: AtomicBool::new(false),
        }
    }

    pub(crate) fn of(kit: &Kit, options: &Options) -> Self {
        assert!(matches!(options.brokers, 1 | 3), "one broker or three");
        let run = Run::new(
            &options
                .folder
                .clone()
                .unwrap_or_else(|| kit.cache.join("runs")),
        );
        let addresses = addresses(options);
        let credentials = options
            .listeners
            .iter()
            .any(|security| *security != Security::Plain)
            .then(|| Credentials::make(kit, &run.path().join("credentials"), &addresses));
        let proxies = addresses.iter().filter(|_| options.proxied).map(|ip| {
            let listeners = options.listeners.iter().zip(0..);
            listeners
                .map(|(security, number)| {
                    let from = SocketAddr::from((*ip, PROXY_PORT + number));
                    let to = SocketAddr::from((*ip, CLIENT_PORT + number));
                    Proxy::at(from, to, *security == Security::Plain)
                })
                .collect()
        });
        let proxies = proxies.collect();
        let cluster_id = format!(
            "{:016x}{:05x}A",
            crate::random(),
            crate::random() & 0xf_ffff
        );
        let nodes = addresses.iter().zip(1..).map(|(ip, id)| {
            let properties = properties(id, *ip, &addresses, options, credentials.as_ref());
            let mut format = vec!["--cluster-id".to_owned(), cluster_id.clone()];
            if let Some(Credentials { user, password, .. }) = &credentials {
                for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
                    format.push("--add-scram".to_owned());
                    format.push(format!("{mechanism}=[name={user},password={password}]"));
                }
            }
            let folder = run.path().join(format!("node-{id}"));
            Node::new(id, *ip, folder, &properties, format)
        });
        let cluster = Self {
            kit: kit.clone(),
            options: options.clone(),
            bootstrap: None,
            proxies,
            nodes: nodes.collect(),
            credentials,
            run: Some(run),
            keep: AtomicBool::new(false),
        };
        for node in &cluster.nodes {
            node.spawn(kit);
        }
        cluster.wait_ready();
        cluster
    }

    /// Bootstrap servers of the first listener.
    pub fn bootstrap(&self) -> String {
        self.bootstrap_of(self.options.listeners[0])
    }

    /// Bootstrap servers of a listener: its proxies where there are any.
    ///
    /// # Panics
    /// If the options named no such listener.
    pub fn bootstrap_of(&self, security: Security) -> String {
        if let Some(other) = &self.bootstrap {
            return other.clone();
        }
        let number = self.listener(security);
        let first = if self.options.proxied {
            PROXY_PORT
        } else {
            CLIENT_PORT
        };
        self.servers(|node| (node.address, first + number).into())
    }

    fn listener(&self, security: Security) -> u16 {
        let mut listeners = self.options.listeners.iter().zip(0..);
        listeners
            .find_map(|(found, number)| (*found == security).then_some(number))
            .expect("the options name the listener")
    }

    fn servers(&self, address: impl Fn(&Node) -> SocketAddr) -> String {
        let servers: Vec<String> = self
            .nodes
            .iter()
            .map(|node| address(node).to_string())
            .collect();
        servers.join(",")
    }

    /// Properties with which librdkafka reaches a listener.
    pub fn rdkafka(&self, security: Security) -> Vec<(String, String)> {
        let bootstrap = ("bootstrap.servers".to_owned(), self.bootstrap_of(security));
        let mut properties = security.rdkafka(self.credentials.as_ref());
        properties.insert(0, bootstrap);
        properties
    }

    /// Certificates and passwords.
    ///
    /// # Panics
    /// If no listener asks for any.
    pub fn credentials(&self) -> &Credentials {
        self.credentials
            .as_ref()
            .expect("a listener with TLS makes them")
    }

    /// The private key of the certificate that brokers trust, in PEM: what a client of
    /// [`Security::MutualTls`] needs.
    ///
    /// # Panics
    /// If no listener asks for any.
    pub fn private_key(&self) -> String {
        let credentials = self.credentials();
        let (keystore, password) = (&credentials.keystore, &credentials.keystore_password);
        self.client().private_key(keystore, password).unwrap()
    }

    /// An independent client, on the brokers' own listener: past proxies and passwords.
    ///
    /// # Panics
    /// If the client does not start.
    pub fn client(&self) -> Client {
        let bootstrap = self.bootstrap.clone();
        let bootstrap = bootstrap.unwrap_or_else(|| self.servers(Node::internal));
        Client::start(&self.kit, bootstrap, Vec::new())
    }

    /// The independent client as `user` on a listener, by its proxies where there are any.
    ///
    /// # Panics
    /// If the client does not start.
    pub fn client_as(&self, security: Security, user: &str, password: &str) -> Client {
        let properties = security.java(self.credentials.as_ref(), user, password);
        Client::start(&self.kit, self.bootstrap_of(security), properties)
    }

    /// The proxy before a node's first listener. Nodes count from 1.
    ///
    /// # Panics
    /// If the options asked for no proxies.
    pub fn proxy(&self, node: usize) -> &Proxy {
        &self.proxies[node - 1][0]
    }

    /// The proxies of all nodes' first listeners.
    pub fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        self.proxies.iter().map(|listeners| &listeners[0])
    }

    fn node(&self, node: usize) -> &Node {
        assert!(self.bootstrap.is_none(), "another's cluster is not stopped");
        &self.nodes[node - 1]
    }

    /// Kills a node, as a power cut would but for the disk: SIGKILL. Nodes count from 1.
    pub fn kill(&self, node: usize) {
        self.node(node).kill();
    }

    /// Stops a node in order: SIGTERM.
    pub fn stop(&self, node: usize) {
        self.node(node).stop();
    }

    /// Starts a node that was killed or stopped, and does not wait.
    pub fn spawn(&self, node: usize) {
        self.node(node).spawn(&self.kit);
    }

    /// Starts a node that was killed or stopped, and waits until all that run serve.
    pub fn restart(&self, node: usize) {
        self.spawn(node);
        self.wait_ready();
    }

    /// SIGSTOP: the node keeps its connections and answers nothing.
    pub fn pause(&self, node: usize) {
        self.node(node).signal(Signal::STOP);
    }

    /// SIGCONT, after [`Cluster::pause`].
    pub fn resume(&self, node: usize) {
        self.node(node).signal(Signal::CONT);
    }

    /// Process id of a node, while it runs.
    pub fn pid(&self, node: usize) -> Option<u32> {
        self.node(node).pid()
    }

    /// Folder of a node's data.
    pub fn data(&self, node: usize) -> PathBuf {
        self.node(node).data()
    }

    /// Waits until every node that was started, and not killed or stopped since, knows all others
    /// of that kind, none besides, and a controller. Not while one is paused.
    ///
    /// # Panics
    /// If one ends meanwhile, or that takes too long; with the end of its log.
    pub fn wait_ready(&self) {
        let begun = Instant::now();
        loop {
            let (mut ids, mut ready, mut ended) = (Vec::new(), true, false);
            for node in self.nodes.iter().filter(|node| node.is_started()) {
                ids.push(node.id);
                ended |= !node.is_up();
            }
            for node in self.nodes.iter().filter(|node| node.is_started()) {
                ready &= wire::metadata(node.internal()).is_ok_and(|mut metadata| {
                    metadata.brokers.sort_unstable();
                    metadata.brokers == ids && metadata.controller.is_some()
                });
            }
            if ready && !ended {
                return;
            }
            let late = begun.elapsed() > READY_MAX;
            if late || ended {
                self.keep.store(true, Ordering::Relaxed);
                let why = if late { "late" } else { "ended" };
                let logs: Vec<String> = self.nodes.iter().map(Node::log_tail).collect();
                panic!("brokers do not serve ({why}):\n{}", logs.join("\n---\n"));
            }
            thread::sleep(POLL);
        }
    }

    /// Folder of data, logs and credentials; none of another's cluster.
    pub fn folder(&self) -> Option<&Path> {
        self.run.as_ref().map(Run::path)
    }

    /// Keeps data and logs, as a failing test does.
    pub fn keep(&self) {
        self.keep.store(true, Ordering::Relaxed);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.proxies.clear();
        for node in &self.nodes {
            node.kill();
        }
        let Some(run) = &self.run else { return };
        if thread::panicking() || self.keep.load(Ordering::Relaxed) {
            run.keep();
            eprintln!("logs of the brokers: {}", run.path().display());
        } else {
            run.remove();
        }
    }
}
