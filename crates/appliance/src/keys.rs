//! The appliance's own key, its web certificate, and the embedded token.

use crate::data_dir::{APPLIANCE_KEY, DataDir};
use anyhow::{Context, anyhow};
use data_encoding::HEXLOWER;
use jumpdeck_protocol::handshake::PublicKey;
use jumpdeck_protocol::{private_file, queue};
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::NoServerSessionStorage;
use std::path::Path;
use std::sync::Arc;

/// What the appliance proves itself with.
pub(crate) struct Keys {
    pub pair: Ed25519KeyPair,
    pub public: PublicKey,
    pub tls: Arc<ServerConfig>,
}

impl Keys {
    /// Reads the keys, or makes them at the first start.
    pub(crate) fn open(dir: &DataDir) -> anyhow::Result<Self> {
        let pair = key_pair(&dir.key(APPLIANCE_KEY))?;
        let public = PublicKey::of(&pair);
        Ok(Self { pair, public, tls: Arc::new(tls(dir)?) })
    }
}

fn key_pair(path: &Path) -> anyhow::Result<Ed25519KeyPair> {
    if !path.exists() {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| anyhow!("the system has no randomness for a key"))?;
        private_file::write(path, document.as_ref()).with_context(|| path.display().to_string())?;
    }
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ed25519KeyPair::from_pkcs8(&bytes)
        .map_err(|error| anyhow!("{} is no Ed25519 key: {error}", path.display()))
}

fn tls(dir: &DataDir) -> anyhow::Result<ServerConfig> {
    let (certificate, key) = (dir.key("tls.crt.der"), dir.key("tls.key.der"));
    if !certificate.exists() || !key.exists() {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])
            .context("making the web certificate")?;
        private_file::write(&key, &made.signing_key.serialize_der())?;
        private_file::write(&certificate, made.cert.der())?;
    }
    let chain = vec![CertificateDer::from(std::fs::read(&certificate)?)];
    let key = PrivatePkcs8KeyDer::from(std::fs::read(&key)?);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key.into())
        .context("the web certificate in the data directory's keys folder")?;
    // Every link proves itself again, so tickets would only cost memory and bytes.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// A new secret of 160 bits, in letters and digits that can be read aloud.
pub(crate) fn secret() -> anyhow::Result<String> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no randomness: {error}"))?;
    Ok(data_encoding::BASE32_NOPAD.encode(&bytes).to_lowercase())
}

/// A new session key: 35 bits, in seven characters that can be read aloud.
pub(crate) fn session_key() -> anyhow::Result<String> {
    let mut bytes = [0; queue::KEY_LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no randomness: {error}"))?;
    // The alphabet has 32 characters: the remainder favours none.
    let letters = queue::KEY_ALPHABET.iter().cycle();
    let letter = |byte: &u8| letters.clone().nth(usize::from(*byte)).map(|c| char::from(*c));
    Ok(bytes.iter().filter_map(letter).collect())
}

/// What is kept of a secret.
pub(crate) fn hash(secret: &str) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref())
}
