//! Machines whose person is being asked something.

use jumpdeck_protocol::EndpointId;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Machines whose person is being asked something: one question at a time.
#[derive(Debug, Default)]
pub(crate) struct Asking(Mutex<HashSet<EndpointId>>);

/// A question that is under way.
pub(crate) struct AskingTurn<'a> {
    all: &'a Asking,
    endpoint: EndpointId,
}

impl Asking {
    /// Nothing if one is under way already.
    pub(crate) fn begin(&self, endpoint: EndpointId) -> Option<AskingTurn<'_>> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Made only then: one that is dropped ends the question.
        asked.insert(endpoint).then(|| AskingTurn { all: self, endpoint })
    }
}

impl Drop for AskingTurn<'_> {
    fn drop(&mut self) {
        let mut asked = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.remove(&self.endpoint);
    }
}
