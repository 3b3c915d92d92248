//! Whole calls: the built server, a model server in the test's own process so that it can be watched and survives the
//! server, and clients that do what a browser does. Everything meets over real sockets and in real time.

mod admission;
mod audio;
mod browser;
mod budget;
mod byok;
mod canary;
mod capacity;
mod cheats;
mod command;
mod continuation;
mod crash;
mod endings;
mod faults;
mod flood;
mod follow;
mod full_disk;
mod house;
mod key_loss;
mod logs;
mod lost;
mod manners;
mod missed;
mod offers;
mod orphans;
mod project;
mod pseudonyms;
mod relay;
mod replayed;
mod reports;
mod resend;
mod socket;
mod stages;
mod tap;
mod trust;
mod upstream_faults;
