//! Interview plans: the built-in ones, and those of `PLANS_DIR` beside or in place of them. They are settings too, so a
//! faulty plan is a fault like any other.

use std::fs;
use std::path::{Path, PathBuf};

use super::reader::Reader;
use crate::interview::{Plan, Plans};

/// Far above any plan; a directory of something else must not be read into memory.
const MAX_FILE_BYTES: u64 = 256 * 1024;
const FIX: &str = "name a directory with *.toml plans, or unset it for the built-in ones";

/// The plans on offer. Each file that is none has a fault of its own.
pub(super) fn read(reader: &mut Reader<'_>) -> Plans {
    let mut plans = Plans::built_in().expect("the built-in plans are tested");
    let Some(dir) = reader.text("PLANS_DIR").map(PathBuf::from) else {
        return plans;
    };
    match files(&dir) {
        Ok(files) if files.is_empty() => reader.fault("PLANS_DIR", "has no *.toml file", FIX),
        Ok(files) => {
            for file in files {
                if let Some(plan) = reader.accept("PLANS_DIR", "correct the file; `plans/` has examples", load(&file)) {
                    plans.add(plan);
                }
            }
        }
        Err(error) => reader.fault("PLANS_DIR", format!("cannot be read ({})", error.kind()), FIX),
    }
    plans
}

/// In the order of their names, so that the last of two plans of the same name is always the same.
fn files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files = entries
        .filter(|path| path.as_ref().is_ok_and(|path| path.extension().is_some_and(|end| end == "toml")))
        .collect::<Result<Vec<_>, _>>()?;
    files.sort();
    Ok(files)
}

fn load(file: &Path) -> Result<Plan, std::borrow::Cow<'static, str>> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let read = || {
        if fs::metadata(file)?.len() > MAX_FILE_BYTES {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        fs::read_to_string(file)
    };
    let text = read().map_err(|error| format!("{name} cannot be read ({})", error.kind()))?;
    Plan::parse(&text).map_err(|error| format!("{name}: {error}").into())
}
