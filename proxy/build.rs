//! Names the commit this binary is built from, as `VIVA_GIT_HASH` for the compiler. An image build has no `.git` and
//! passes the variable in; without either it is `unknown`. It must not fail a build.

use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=VIVA_GIT_HASH");
    let told = std::env::var("VIVA_GIT_HASH").ok().filter(|hash| is_hash(hash));
    let hash = told.or_else(head).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=VIVA_GIT_HASH={}", hash.get(..12).unwrap_or(&hash));
}

/// The commit that `.git/HEAD` names, directly or by a branch, loose or packed; also in a linked worktree.
fn head() -> Option<String> {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR")?).parent()?.to_owned();
    let git = git_dir(&root)?;
    let head = read(&git.join("HEAD"))?;
    let Some(branch) = head.trim().strip_prefix("ref: ") else {
        return Some(head.trim().to_owned()).filter(|hash| is_hash(hash));
    };
    // Branches of a linked worktree lie in the main one.
    let common = read(&git.join("commondir")).map_or_else(|| git.clone(), |dir| git.join(dir.trim()));
    let loose = read(&common.join(branch)).map(|hash| hash.trim().to_owned());
    let packed = || {
        let lines = read(&common.join("packed-refs"))?;
        lines.lines().find_map(|line| line.strip_suffix(branch)?.strip_suffix(' ').map(str::to_owned))
    };
    loose.or_else(packed).filter(|hash| is_hash(hash))
}

fn git_dir(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let link = read(&git)?;
    Some(root.join(link.trim().strip_prefix("gitdir: ")?))
}

/// Reads a file and has cargo build again when it changes.
fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    println!("cargo::rerun-if-changed={}", path.display());
    Some(text)
}

fn is_hash(text: &str) -> bool {
    text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
