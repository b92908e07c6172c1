//! Certificates and passwords of one cluster, made when it starts and deleted with it.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use crate::{kit::Kit, random};

/// What a client needs to be let in, and what gets it refused.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The certificate that the brokers show, which clients are to trust. PEM.
    pub trusted: PathBuf,
    /// Another certificate, which no broker shows. PEM.
    pub stranger: PathBuf,
    /// The user that SASL knows, with both mechanisms.
    pub user: String,
    /// Its password.
    pub password: String,
    pub(crate) keystore: PathBuf,
    pub(crate) keystore_password: String,
}

impl Credentials {
    /// Makes all of it in `folder`, for brokers at `addresses`.
    pub(crate) fn make(kit: &Kit, folder: &Path, addresses: &[Ipv4Addr]) -> Self {
        fs::create_dir_all(folder).unwrap();
        let made = Self {
            trusted: folder.join("trusted.pem"),
            stranger: folder.join("stranger.pem"),
            user: "tester".to_owned(),
            password: format!("{:016x}", random()),
            keystore: folder.join("broker.p12"),
            keystore_password: format!("{:016x}", random()),
        };
        let names: Vec<String> = addresses.iter().map(|ip| format!("ip:{ip}")).collect();
        let names = format!("SAN={}", names.join(","));
        let stranger = folder.join("stranger.p12");
        thread::scope(|scope| {
            for (keystore, certificate) in
                [(&made.keystore, &made.trusted), (&stranger, &made.stranger)]
            {
                let (names, password) = (&names, &made.keystore_password);
                scope.spawn(move || certify(kit, keystore, certificate, names, password));
            }
        });
        made
    }
}

/// A key with a certificate that it signed itself, valid for a day.
fn certify(kit: &Kit, keystore: &Path, certificate: &Path, names: &str, password: &str) {
    let keytool = |verb: &str| {
        let mut command = Command::new(kit.tool("keytool"));
        command.args(["-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC", verb]);
        command.args(["-alias", "broker", "-storetype", "PKCS12"]);
        command.arg("-keystore").arg(keystore);
        command.args(["-storepass", password]);
        command.stdin(Stdio::null());
        command
    };
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "keytool: {output:?}");
    };
    run(keytool("-genkeypair")
        .args(["-keyalg", "EC", "-groupname", "secp256r1", "-validity", "1"])
        .args(["-dname", "CN=broker", "-ext", names]));
    run(keytool("-exportcert")
        .arg("-rfc")
        .arg("-file")
        .arg(certificate));
}
