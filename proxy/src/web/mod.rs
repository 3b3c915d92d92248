//! The pages: files of `public/`, embedded in the binary (read from disk in debug builds, so that a page can be edited
//! without building), and the headers that every answer carries. There is no template and no state in a page.

mod assets;
pub(crate) mod cors;
mod headers;
mod pages;

pub use headers::{SecurityHeaders, Transport};
pub(crate) use pages::{asset, method_not_allowed, router};
