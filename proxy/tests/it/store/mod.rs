//! The store: what every implementation promises (`contract*`), and what the embedded and the hosted one promise beyond.

mod child;
mod contract;
mod contract_accounts;
mod contract_calls;
mod contract_course;
mod contract_imports;
mod contract_invitations;
mod contract_keys;
mod contract_odd;
mod contract_people;
mod contract_readable;
mod contract_rights;
mod contract_sharing;
mod contract_standing;
mod erasure;
mod faults;
pub(crate) mod fixture;
mod full;
mod memory;
mod own_reads;
mod projection;
mod spool;
mod sqlite;
mod supabase;
mod usage;
