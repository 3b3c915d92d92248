//! The rows of a table of an older system's database, as JSON, a portion at a time: read and nothing else.

use super::connect::{self, Address, Connection};
use super::{rows_of, told};

/// Rows at once.
const PORTION: u32 = 100;

/// A table that is being read, in one transaction that may not write.
pub struct OlderRows(Connection);

impl OlderRows {
    /// Begins with a table, by its name or by schema and name. Why it cannot be read, in Postgres' own words.
    ///
    /// # Errors
    /// When the database is not reached, or has no such table for this role.
    pub async fn open(address: &Address, table: &str) -> Result<Self, String> {
        let connection = connect::connect(address).await?;
        let name: Vec<String> = table.split('.').map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
        let begin = format!(
            "begin transaction read only;
             declare older no scroll cursor for select row_to_json(r)::text from {} as r",
            name.join(".")
        );
        connection.client.batch_execute(&begin).await.map_err(|error| told(&error))?;
        Ok(Self(connection))
    }

    /// The next rows; none when that was all.
    ///
    /// # Errors
    /// When the database does not answer any more.
    pub async fn next(&self) -> Result<Vec<String>, String> {
        let fetch = format!("fetch {PORTION} from older");
        let rows = rows_of(&self.0.client, &fetch).await.map_err(|error| told(&error))?;
        Ok(rows.into_iter().filter_map(|mut row| row.swap_remove(0)).collect())
    }
}
