//! TLS and SASL against brokers that demand them, and secrets that nobody gets to see.

use std::time::Duration;

use kafka_harness::{Cluster, Credentials, Options, Security};

use crate::common::installation;
use crate::mirror::{Ledger, Mirror, ledger, read, recording};
use crate::rig::{Site, wait_for};

/// A deployment that goes to a listener of a secured cluster.
struct Secured<'a> {
    cluster: &'a Cluster,
    mirror: Mirror,
    site: Site,
}

impl<'a> Secured<'a> {
    fn new(cluster: &'a Cluster, test: &str) -> Self {
        let site = Site::new(installation());
        site.write("recording.txt", recording());
        Self {
            cluster,
            mirror: Mirror::new(test),
            site,
        }
    }

    fn configure(&self, security: Security, kafka: &str) {
        let bootstrap = self.cluster.bootstrap_of(security);
        let pace = "pace = \"flat-out\"";
        let text = self.mirror.text(&bootstrap, pace, "exactly-once", kafka);
        self.site.configure("data", "", &text);
    }

    /// Everything has arrived, once.
    fn assert_whole(&self) {
        let data = self.site.data("data");
        let written = data.records("tracks").len();
        assert!(written > 1_000);
        let whole = Ledger {
            written,
            ..Ledger::default()
        };
        let tracks = read(self.cluster, &self.mirror.tracks);
        assert_eq!(ledger(&data, "tracks", &tracks), whole);
    }
}

fn credentials(cluster: &Cluster) -> (&Credentials, String) {
    let credentials = cluster.credentials();
    let trusted = credentials.trusted.display();
    (credentials, format!("tls = true\nca_file = \"{trusted}\""))
}

fn secured() -> Option<Cluster> {
    Cluster::start(&Options {
        listeners: vec![
            Security::Plain,
            Security::Tls,
            Security::SaslPlain,
            Security::SaslScram,
        ],
        ..Options::default()
    })
}

#[test]
fn encrypted_and_authenticated_brokers_are_reached_and_secrets_are_shown_nowhere() {
    let Some(cluster) = secured() else {
        return;
    };
    let (credentials, tls) = credentials(&cluster);
    let Credentials { user, password, .. } = credentials;

    let plain = Secured::new(&cluster, "tls");
    plain.configure(Security::Tls, &tls);
    plain.site.run_well("data", &[]);
    plain.assert_whole();

    let scram = Secured::new(&cluster, "scram");
    scram.site.write("password", format!("{password}\n"));
    let sasl = format!("{tls}\nsasl = \"scram-sha-256\"\nusername = \"{user}\"");
    let keys = format!("{sasl}\npassword_file = \"password\"");
    scram.configure(Security::SaslScram, &keys);
    let mut command = scram.site.command();
    let arguments = [
        "--log",
        "trace",
        "run",
        "--config",
        "data.toml",
        "--until-idle",
        "--json",
    ];
    let output = command.args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    scram.assert_whole();
    let mut shown = vec![output.stdout, output.stderr];
    for command in ["check", "doctor"] {
        for json in [&[][..], &["--json"]] {
            let mut run = scram.site.command();
            let output = run.args([command, "--config", "data.toml"]).args(json);
            let output = output.output().unwrap();
            shown.extend([output.stdout, output.stderr]);
        }
    }
    let audit = format!("{:?}", scram.site.data("data").audit());
    let config = outrigger::config::Config::load(&scram.site.path("data.toml")).unwrap();
    shown.extend([audit.into_bytes(), format!("{config:?}").into_bytes()]);
    for cluster in &config.kafka {
        let opened = outrigger::forward::cluster(cluster, "site").unwrap();
        shown.push(format!("{opened:?}").into_bytes());
    }
    let bytes: usize = shown.iter().map(Vec::len).sum();
    assert!(bytes > 10_000, "only {bytes} bytes were looked through");
    for shown in shown {
        let shown = String::from_utf8_lossy(&shown);
        assert!(
            !shown.contains(password.as_str()),
            "the password stands in: {shown}"
        );
    }

    let by_name = Secured::new(&cluster, "plain");
    let sasl = format!("{tls}\nsasl = \"plain\"\nusername = \"{user}\"");
    by_name.configure(
        Security::SaslPlain,
        &format!("{sasl}\npassword_env = \"SECRET\""),
    );
    let refused = by_name.site.run_badly("data", &[], 3);
    assert!(
        refused.contains("the environment has no variable SECRET"),
        "{refused}"
    );
    let mut command = by_name.site.run_command("data", &["--until-idle"]);
    let output = command.env("SECRET", password).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    by_name.assert_whole();
}

#[test]
fn a_wrong_secret_is_told_and_nothing_is_lost_once_it_is_right() {
    let Some(cluster) = secured() else {
        return;
    };
    let (credentials, tls) = credentials(&cluster);
    let user = &credentials.user;
    let wrong = Secured::new(&cluster, "wrong");
    let sasl =
        format!("sasl = \"scram-sha-256\"\nusername = \"{user}\"\npassword_file = \"password\"");
    wrong.site.write("password", "not this one");
    wrong.configure(Security::SaslScram, &format!("{tls}\n{sasl}"));
    assert_told(&wrong, "uthentication");

    let stranger = credentials.stranger.display();
    let other = format!("tls = true\nca_file = \"{stranger}\"\n{sasl}");
    wrong.configure(Security::SaslScram, &other);
    assert_told(&wrong, "certificate");

    wrong.site.write("password", &credentials.password);
    wrong.configure(Security::SaslScram, &format!("{tls}\n{sasl}"));
    wrong.site.run_well("data", &[]);
    wrong.assert_whole();
}

/// A run says in its status why nothing is delivered, and ends well when told to.
fn assert_told(secured: &Secured<'_>, cause: &str) {
    let mut running = secured.site.start("data", &["--drain-s", "0"]);
    wait_for("the trouble", || {
        let status = running.status()?;
        let trouble = status
            .kafka
            .iter()
            .filter_map(|kafka| kafka.trouble.clone());
        let told = trouble.filter(|trouble| trouble.contains(cause)).count();
        (told == status.kafka.len()).then_some(())
    });
    running.signal(rustix::process::Signal::TERM);
    let started = std::time::Instant::now();
    assert_eq!(running.end().0, Some(0));
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn brokers_that_ask_for_a_certificate_are_shown_one() {
    let options = Options {
        listeners: vec![Security::MutualTls],
        ..Options::default()
    };
    let Some(cluster) = Cluster::start(&options) else {
        return;
    };
    let (credentials, tls) = credentials(&cluster);
    let mutual = Secured::new(&cluster, "mutual");
    mutual.configure(Security::MutualTls, &tls);
    assert_told(&mutual, "SSL");

    mutual.site.write("client.key", cluster.private_key());
    let certificate = credentials.trusted.display();
    let shown = format!("certificate_file = \"{certificate}\"\nkey_file = \"client.key\"");
    mutual.configure(Security::MutualTls, &format!("{tls}\n{shown}"));
    mutual.site.run_well("data", &[]);
    mutual.assert_whole();
}
