//! How a document is kept.

use jumpdeck_protocol::messagepack;
use jumpdeck_protocol::{Refusal, RefusalCode};
use jumpdeck_world::{Document, DocumentId};

pub(crate) fn encode(document: &Document) -> Result<Vec<u8>, Refusal> {
    rmp_serde::to_vec_named(document)
        .map_err(|error| RefusalCode::StoreFailed.because(error.to_string()))
}

pub(crate) fn decode(body: &[u8], id: DocumentId) -> Result<Document, String> {
    let document: Document =
        messagepack::from_slice(body).map_err(|error| format!("{id:?} cannot be read: {error}"))?;
    if document.id() == id { Ok(document) } else { Err(format!("{id:?} holds another document")) }
}
