//! A few threads that read, each with a read-only connection of its own: a slow list never holds up a commit, and reads
//! need no writer to be complete. It must not be given anything that writes; its connections could not.

use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::codec::unreadable;
use crate::store::StoreError;

/// Something to read.
pub(super) type Query = Box<dyn FnOnce(&Connection) + Send>;

/// The sending side of a query and its answer.
pub(super) fn query<T: Send + 'static>(
    read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> (Query, oneshot::Receiver<Result<T, StoreError>>) {
    let (reply, answer) = oneshot::channel();
    let query = Box::new(move |conn: &Connection| {
        // One transaction a query, so that all of it is read from the same moment.
        let result = conn.unchecked_transaction().and_then(|moment| read(&moment));
        let _ = reply.send(result.map_err(|error| unreadable(&error)));
    });
    (query, answer)
}

/// One reading thread: takes whatever comes next, ends when every sender is gone and the queue is empty.
pub(super) fn run(conn: &Connection, queue: &Arc<Mutex<Receiver<Query>>>) {
    loop {
        // Only one thread waits in `recv`, the others wait for the lock: a queue with several readers.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(query) => query(conn),
            Err(_) => return,
        }
    }
}

/// Sends without waiting.
pub(super) fn send<T>(queue: Option<&SyncSender<T>>, message: T) -> Result<(), StoreError> {
    use std::sync::mpsc::TrySendError;
    match queue.ok_or(StoreError::Closed)?.try_send(message) {
        Ok(()) => Ok(()),
        Err(TrySendError::Full(_)) => Err(StoreError::Overloaded),
        Err(TrySendError::Disconnected(_)) => Err(StoreError::Closed),
    }
}
