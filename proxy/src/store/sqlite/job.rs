//! What the writer is given to do: a closure over the database, and somebody who waits for its result. A job decides
//! nothing about transactions; it runs inside the writer's.

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::codec::Refusal;
use super::journal::Heads;
use super::project::Stale;
use crate::store::{StoreError, Unwritable};

/// What a job works on.
pub(super) struct Db {
    pub(super) conn: Connection,
    pub(super) heads: Heads,
    pub(super) stale: Stale,
    /// Something was erased that the write-ahead log may still hold.
    pub(super) log_holds_erased: bool,
}

impl Db {
    /// Runs several statements that only make sense together; a refusal takes back what they did.
    pub(super) fn atomically<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Refusal>) -> Result<T, Refusal> {
        self.conn.prepare_cached("SAVEPOINT job")?.execute([])?;
        let result = work(self);
        if let Err(Refusal::Job(_)) = result {
            self.conn.prepare_cached("ROLLBACK TO job")?.execute([])?;
        }
        if !matches!(result, Err(Refusal::Group(_))) {
            self.conn.prepare_cached("RELEASE job")?.execute([])?;
        }
        result
    }
}

/// Something to write, and somebody who waits for it.
pub(super) trait Job: Send {
    /// Does it, inside the group's transaction, and keeps the result back.
    fn run(&mut self, db: &mut Db) -> Result<(), Unwritable>;
    /// The transaction is durable: hands the result out. A waiter that has gone is no error.
    fn answer(self: Box<Self>);
    /// Nothing was written.
    fn refuse(self: Box<Self>, error: StoreError);
}

/// The one implementation of [`Job`]: a closure and its answer.
pub(super) struct Pending<T, W> {
    work: Option<W>,
    result: Result<T, StoreError>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Pending<T, W>
where
    T: Send,
    W: FnOnce(&mut Db) -> Result<T, Refusal> + Send,
{
    pub(super) fn new(work: W, reply: oneshot::Sender<Result<T, StoreError>>) -> Self {
        Self { work: Some(work), result: Err(StoreError::Closed), reply }
    }
}

impl<T, W> Job for Pending<T, W>
where
    T: Send,
    W: FnOnce(&mut Db) -> Result<T, Refusal> + Send,
{
    fn run(&mut self, db: &mut Db) -> Result<(), Unwritable> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        self.result = match work(db) {
            Ok(done) => Ok(done),
            Err(Refusal::Job(error)) => Err(error),
            Err(Refusal::Group(reason)) => return Err(reason),
        };
        Ok(())
    }

    fn answer(self: Box<Self>) {
        let _ = self.reply.send(self.result);
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        let _ = self.reply.send(Err(error));
    }
}
