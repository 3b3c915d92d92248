//! Signing in on the pages, with stand-ins for the providers at the socket: Supabase Auth as its documentation and its
//! client describe it, and an OpenID provider.

mod browser;
mod flows;
mod provider;
