//! Documents for tests.

use jumpdeck_protocol::handshake::PublicKey;
use jumpdeck_protocol::inventory::{Facts, ItemView, Place};
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::{ItemId, JumpGroupId, Revision, Timestamp};
use jumpdeck_world::Item;

/// An item of the first group, with a key of its own.
pub(crate) fn item(number: u64) -> Item {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&number.to_be_bytes());
    let view = ItemView {
        id: ItemId(number),
        revision: Revision(0),
        name: format!("item {number}").into(),
        place: Place::JumpGroup(JumpGroupId(1)),
        tag: "".into(),
        comments: "".into(),
        method: JumpMethod::JumpClient,
        created: Timestamp(0),
        facts: Facts::default(),
        ..ItemView::default()
    };
    let key = PublicKey(serde_bytes::ByteArray::new(key));
    Item {
        view: view.into(),
        key: Some(key),
        machine: "m".into(),
        local: false,
        copy_of: None,
        standing: jumpdeck_protocol::agent::Standing::Ready,
        edited_by: None,
        attributes: Vec::new(),
        origins: Vec::new(),
    }
}
