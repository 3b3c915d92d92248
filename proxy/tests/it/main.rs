//! The one integration binary: a module for each feature. `cfg(test)` tells the lints that what tests share is test code.

#[cfg(test)]
mod api;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod config;
#[cfg(test)]
mod document;
#[cfg(test)]
mod fake_model;
#[cfg(test)]
mod health;
#[cfg(test)]
mod migrate;
#[cfg(test)]
mod project;
#[cfg(test)]
mod sign_in;
#[cfg(test)]
mod simulate;
#[cfg(test)]
mod ssrf;
#[cfg(test)]
mod store;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod upstream;
#[cfg(test)]
mod web;
