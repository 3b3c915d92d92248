//! Keys of the service: where they come from and how they are kept. It must not know what is done with them, and
//! nothing in it may show one.

pub mod seal_key;
