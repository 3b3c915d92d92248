//! Real sockets: a native peer against a simulator, as clients meet it.

mod peers;
