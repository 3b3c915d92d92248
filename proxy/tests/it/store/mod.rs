//! The store: what every implementation promises ([`contract`]), and what the embedded one promises beyond.

mod child;
mod contract;
mod contract_readable;
mod contract_rows;
mod faults;
mod fixture;
mod projection;
mod sqlite;
