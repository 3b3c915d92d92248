//! Reading a store beside the process that has it open: an operator's export must not need a stop. A connection that
//! can only read, and no lock: what it sees is what was committed. It must not be used by a server.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::codec::Key as _;
use super::journal;
use super::open::{BUSY, DATABASE, OpenError};
use crate::ids::SessionId;
use crate::transcript::Record;

/// The journal of a session in `dir`, of whichever tenant; `None` when there is no such session.
///
/// # Errors
/// When the directory holds no store that can be read.
pub fn journal_beside(dir: &Path, session: SessionId) -> Result<Option<Vec<Record>>, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(dir.join(DATABASE), flags)?;
    conn.busy_timeout(BUSY)?;
    let moment = conn.unchecked_transaction()?;
    let known =
        moment.query_row("SELECT 1 FROM interview_sessions WHERE id = ?1", [session.key()], |_| Ok(())).optional()?;
    Ok(match known {
        Some(()) => Some(journal::records(&moment, session, 0)?),
        None => None,
    })
}
