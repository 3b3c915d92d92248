//! What calls consume and what that costs: the provider's figures become a [`Measure`], a dated price list makes
//! [`Nanos`] of it, and budgets say when it is enough. Figures and prices are pure; only [`purse`] knows a store and a
//! clock. It must not know how a call is ended or how a figure is shown.

mod amount;
pub mod budget;
mod measure;
pub mod prices;
pub mod purse;

pub use amount::Nanos;
pub use measure::Measure;
