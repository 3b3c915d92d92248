//! What callers say: plausible answers, for those whose words nobody announced, and for the
//! native caller's script.

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

const BANK: &[&str] = &[
    "I have worked as an engineer for about six years.",
    "Most of my time went into payment systems and their tests.",
    "We moved a large service to a new platform in three months.",
    "I wrote the plan and then I led a team of four people.",
    "The hardest part was to keep everything running meanwhile.",
    "I like clear goals and people who say what they think.",
    "Once we lost data, and I learned to practise restoring it.",
    "I would talk to the users first and measure before I change things.",
    "My colleagues say that I am calm when it gets loud.",
    "We disagreed about the design, so we built both and compared them.",
    "I read a lot, and I try new tools in small projects.",
    "Your product solves a problem that I had myself.",
    "In my first month I would listen and fix small things.",
    "I expect honest feedback, early and in private.",
    "The result was half the cost and twice the speed.",
    "It taught me to ask for help sooner than I used to.",
    "I studied physics and came to software by accident.",
    "Working with people in other places has been normal for me for years.",
    "I am proud that the system still runs without me.",
    "I would like to grow into a role with more responsibility.",
];

/// A seeded order of the answers; after the last the first comes again.
#[derive(Debug)]
pub struct Answers {
    order: Vec<usize>,
    next: usize,
}

impl Answers {
    /// The order that belongs to a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut order: Vec<usize> = (0..BANK.len()).collect();
        order.shuffle(&mut StdRng::seed_from_u64(seed));
        Self { order, next: 0 }
    }
}

impl Iterator for Answers {
    type Item = &'static str;

    /// Never ends.
    fn next(&mut self) -> Option<&'static str> {
        let answer = BANK[self.order[self.next % self.order.len()]];
        self.next += 1;
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_its_order_and_no_answer_twice() {
        let said: Vec<_> = Answers::new(4).take(BANK.len()).collect();
        assert_eq!(said, Answers::new(4).take(BANK.len()).collect::<Vec<_>>());
        assert_ne!(said, Answers::new(5).take(BANK.len()).collect::<Vec<_>>());
        let distinct: std::collections::HashSet<_> = said.iter().collect();
        assert_eq!(distinct.len(), BANK.len());
    }
}
