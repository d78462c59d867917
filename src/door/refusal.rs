//! A disconnect before any keys are exchanged: the one who cannot be served is told why.

use super::FAREWELL;
use russh::Disconnect;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What a server says first; the library says the same.
pub(super) const GREETING: &str = "SSH-2.0-jumpdeck";

/// `SSH_MSG_DISCONNECT` of RFC 4253, section 11.1.
const DISCONNECT: u8 = 1;
/// A packet's whole length is a multiple of this while nothing is encrypted (section 6).
const BLOCK: usize = 8;
/// Bytes of a client that are read after that.
const MOST_READ: u64 = 64 * 1024;
/// The least padding a packet has.
const LEAST_PADDING: usize = 4;

/// Tells a client that it cannot be served now, and reads what it still sends: a socket that is closed
/// with something unread takes back what was said.
pub(super) async fn send_away(mut stream: TcpStream, reason: Disconnect, why: &str) {
    let words = [GREETING.as_bytes(), b"\r\n", &packet(reason, why)].concat();
    let said = async {
        stream.write_all(&words).await?;
        stream.shutdown().await?;
        copy(&mut stream.take(MOST_READ), &mut sink()).await
    };
    // The client may be gone already, or never go.
    let _ = timeout(FAREWELL, said).await;
}

/// A disconnect message as a packet without a cipher.
fn packet(reason: Disconnect, why: &str) -> Vec<u8> {
    let mut payload = vec![DISCONNECT];
    payload.extend((reason as u32).to_be_bytes());
    for text in [why, "en"] {
        payload.extend(u32::try_from(text.len()).unwrap_or(0).to_be_bytes());
        payload.extend(text.as_bytes());
    }
    let head = size_of::<u32>() + size_of::<u8>();
    let mut padding = BLOCK - (head + payload.len()) % BLOCK;
    if padding < LEAST_PADDING {
        padding += BLOCK;
    }
    let length = u32::try_from(1 + payload.len() + padding).unwrap_or(u32::MAX);
    let mut packet = length.to_be_bytes().to_vec();
    packet.push(u8::try_from(padding).unwrap_or(0));
    packet.extend(payload);
    packet.resize(packet.len() + padding, 0);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_whole_blocks_with_enough_padding() {
        for length in 0..20 {
            let packet = packet(Disconnect::TooManyConnections, &"x".repeat(length));
            assert_eq!(packet.len() % BLOCK, 0);
            let said = u32::from_be_bytes(packet[..4].try_into().unwrap()) as usize;
            assert_eq!(said + 4, packet.len());
            assert!((LEAST_PADDING..LEAST_PADDING + BLOCK).contains(&usize::from(packet[4])));
        }
    }
}
