//! TLS 1.3 for links.
//!
//! A client does not ask the web certificate who the appliance is: it pins the appliance's own
//! key, which the handshake proves over this TLS channel's exporter. A certificate in the middle
//! changes the exporter, and the proof fails. So verification is never off, only elsewhere.

use jumpdeck_protocol::handshake::{Binding, EXPORTER_LABEL};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ConnectionCommon, DigitallySignedStruct, SignatureScheme};
use std::sync::Arc;
use tokio::net::TcpStream;

/// Bytes the kernel may hold unsent before a socket counts as full.
#[cfg(target_os = "linux")]
const NOT_SENT: u32 = 64 * 1024;

/// The TLS settings of a client.
///
/// # Errors
/// When the cryptography provider does not know TLS 1.3.
pub fn client_config() -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ProvedByHandshake(provider)))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// The channel binding of an established TLS connection.
///
/// # Errors
/// When the TLS handshake is not complete.
pub fn binding<Data>(connection: &ConnectionCommon<Data>) -> Result<Binding, rustls::Error> {
    connection.export_keying_material([0; 32], EXPORTER_LABEL, None)
}

/// Settings of every socket: keystrokes leave at once, and the kernel keeps little unsent, so
/// that they need not queue behind a file.
///
/// # Errors
/// When the socket is gone already.
pub fn tune(socket: &TcpStream) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(socket).set_tcp_notsent_lowat(NOT_SENT)?;
    Ok(())
}

/// Checks that the server holds its certificate's key; that it is the right server is proved
/// in the link handshake.
#[derive(Debug)]
struct ProvedByHandshake(Arc<CryptoProvider>);

impl ServerCertVerifier for ProvedByHandshake {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not spoken here".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
