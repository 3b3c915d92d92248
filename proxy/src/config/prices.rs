//! What models cost: the built-in list, or the file that `PRICES` names. A faulty list is a fault like any other: a
//! budget that is reckoned with wrong prices is none.

use std::fs;

use super::reader::Reader;
use crate::usage::prices::Prices;

/// Far above any list; a file of something else must not be read into memory.
const MAX_BYTES: u64 = 1024 * 1024;
const FIX: &str = "name a file in the form of `prices/openai.toml`, or unset it for the built-in list";

/// The list that costs are reckoned with.
pub(super) fn read(reader: &mut Reader<'_>) -> Prices {
    let Some(path) = reader.text("PRICES") else { return Prices::built_in() };
    let text = fs::metadata(path).and_then(|found| {
        if found.len() > MAX_BYTES { Err(std::io::ErrorKind::FileTooLarge.into()) } else { fs::read_to_string(path) }
    });
    let prices = match text {
        Ok(text) => Prices::parse(&text).map_err(|error| error.to_string()),
        Err(error) => Err(format!("cannot be read ({})", error.kind())),
    };
    prices.unwrap_or_else(|problem| {
        reader.fault("PRICES", problem, FIX);
        Prices::built_in()
    })
}
