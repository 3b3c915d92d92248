//! The order of a conversation: a pure function from items and their predecessor links to places. It must not look at
//! arrival for anything that links decide, so that a record read live, after a restart or from a relay comes out alike.
//!
//! Calls follow one another by ordinal. Inside a call every item stands directly behind the item it names. Items that
//! name nothing known start a run of their own; runs follow one another by the earliest moment any of their items was
//! seen, except that stretches of speech, which name nothing but say when they began, stand by that. Broken input still has an answer: two items behind the same predecessor stand by first sight, and a ring of
//! links is cut at its earliest item.

use std::collections::HashMap;

/// One item of a conversation, as far as its place depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// Upstream call, from 1.
    pub call: u32,
    /// The provider's item id; unique within its call.
    pub id: &'a str,
    /// The item before it; `None` when it is the first of its call or nobody knows.
    pub after: Option<&'a str>,
    /// When it began on the provider's audio clock, if that is what it is known by.
    pub began_ms: Option<u64>,
    /// Journal number that first mentioned it.
    pub first_seen: u64,
}

/// The indices of `items` in conversation order: a permutation of `0..items.len()`, the same for the same input.
/// O(n log n), without recursion: a chain may be as long as an interview.
#[must_use]
pub fn order(items: &[Item<'_>]) -> Vec<usize> {
    let mut by_sight: Vec<usize> = (0..items.len()).collect();
    by_sight.sort_by(|&a, &b| sight(&items[a]).cmp(&sight(&items[b])));

    let before = predecessors(items, &by_sight);
    let mut behind: Vec<Vec<usize>> = vec![Vec::new(); items.len()];
    for &item in &by_sight {
        if let Some(previous) = before[item] {
            behind[previous].push(item);
        }
    }

    let mut runs: Vec<Vec<usize>> =
        by_sight.iter().filter(|&&item| before[item].is_none()).map(|&root| run(root, &behind)).collect();
    // Stable: runs that tie keep the order of their roots.
    runs.sort_by_cached_key(|run| {
        let earliest = run.iter().map(|&item| items[item].first_seen).min();
        // A call has one sort of names: where one item has a beginning, all of them do.
        (run.first().map(|&root| (items[root].call, items[root].began_ms)), earliest)
    });
    runs.concat()
}

/// What decides between items that no link tells apart.
fn sight<'a>(item: &Item<'a>) -> (u32, u64, &'a str) {
    (item.call, item.first_seen, item.id)
}

/// The predecessor of each item, with every ring cut at its earliest item.
fn predecessors(items: &[Item<'_>], by_sight: &[usize]) -> Vec<Option<usize>> {
    let mut known: HashMap<(u32, &str), usize> = HashMap::with_capacity(items.len());
    for &item in by_sight {
        known.entry((items[item].call, items[item].id)).or_insert(item);
    }
    let mut before: Vec<Option<usize>> =
        items.iter().map(|item| item.after.and_then(|id| known.get(&(item.call, id)).copied())).collect();

    // Walks backwards from every item; `walk` says in which walk an item was last met, so each is walked over once.
    let mut walk = vec![usize::MAX; items.len()];
    for &start in by_sight {
        let mut at = start;
        while walk[at] == usize::MAX {
            walk[at] = start;
            match before[at] {
                Some(previous) => at = previous,
                None => break,
            }
        }
        // Met twice in the same walk: `at` is on a ring. Met in an earlier one: that walk has seen to it.
        if walk[at] == start && before[at].is_some() {
            let first = earliest_of_ring(at, &before, items);
            before[first] = None;
        }
    }
    before
}

/// The earliest item of the ring that `at` is on.
fn earliest_of_ring(at: usize, before: &[Option<usize>], items: &[Item<'_>]) -> usize {
    let mut first = at;
    let mut next = before[at];
    while let Some(item) = next.filter(|&item| item != at) {
        if sight(&items[item]) < sight(&items[first]) {
            first = item;
        }
        next = before[item];
    }
    first
}

/// `root` and everything behind it, each item followed at once by what stands directly behind it.
fn run(root: usize, behind: &[Vec<usize>]) -> Vec<usize> {
    let mut run = Vec::new();
    let mut open = vec![root];
    while let Some(item) = open.pop() {
        run.push(item);
        open.extend(behind[item].iter().rev());
    }
    run
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item<'a>(call: u32, id: &'a str, after: Option<&'a str>, first_seen: u64) -> Item<'a> {
        Item { call, id, after, began_ms: None, first_seen }
    }

    fn ids<'a>(items: &[Item<'a>]) -> Vec<&'a str> {
        order(items).into_iter().map(|at| items[at].id).collect()
    }

    #[test]
    fn links_win_over_arrival_and_calls_over_both() {
        let items =
            [item(2, "x", None, 1), item(1, "c", Some("b"), 2), item(1, "b", Some("a"), 3), item(1, "a", None, 4)];
        assert_eq!(ids(&items), ["a", "b", "c", "x"]);
    }

    #[test]
    fn an_unknown_predecessor_starts_a_run_at_its_first_sight() {
        let items = [
            item(1, "a", None, 1),
            item(1, "d", Some("lost"), 3),
            item(1, "b", Some("a"), 4),
            item(1, "e", Some("d"), 2),
        ];
        assert_eq!(ids(&items), ["a", "b", "d", "e"]);
    }

    #[test]
    fn two_behind_the_same_item_stand_by_first_sight_with_what_follows_them() {
        let items = [
            item(1, "a", None, 1),
            item(1, "c", Some("a"), 3),
            item(1, "b", Some("a"), 2),
            item(1, "b2", Some("b"), 9),
        ];
        assert_eq!(ids(&items), ["a", "b", "b2", "c"]);
    }

    #[test]
    fn a_ring_is_cut_at_its_earliest_item() {
        let items = [
            item(1, "a", Some("c"), 5),
            item(1, "b", Some("a"), 6),
            item(1, "c", Some("b"), 4),
            item(1, "me", Some("me"), 1),
        ];
        assert_eq!(ids(&items), ["me", "c", "a", "b"]);
    }

    #[test]
    fn a_ring_is_cut_at_its_earliest_item_wherever_it_is_entered() {
        let items = [
            item(1, "tail", Some("b"), 1),
            item(1, "a", Some("c"), 5),
            item(1, "b", Some("a"), 6),
            item(1, "c", Some("b"), 4),
        ];
        assert_eq!(ids(&items), ["c", "a", "b", "tail"]);
    }

    #[test]
    fn stretches_of_speech_stand_by_their_beginning_whenever_they_were_seen() {
        let span =
            |call, id, began_ms, first_seen| Item { began_ms: Some(began_ms), ..item(call, id, None, first_seen) };
        let items = [span(1, "c", 900, 1), span(2, "d", 0, 2), span(1, "a", 100, 3), span(1, "b", 100, 4)];
        assert_eq!(ids(&items), ["a", "b", "c", "d"]);
    }

    #[test]
    fn a_link_into_another_call_is_unknown() {
        assert_eq!(ids(&[item(2, "b", Some("a"), 1), item(1, "a", None, 2)]), ["a", "b"]);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let names: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
        let items: Vec<_> = (0..names.len())
            .map(|n| {
                item(1, &names[n], n.checked_sub(1).map(|before| names[before].as_str()), (names.len() - n) as u64)
            })
            .collect();
        assert_eq!(order(&items), (0..names.len()).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn linked_turns_have_one_order_whatever_the_arrival(
            lengths in prop::collection::vec(1_usize..12, 1..4),
            arrival in Just(()).prop_perturb(|(), mut rng| std::array::from_fn::<u64, 48, _>(|_| rng.random())),
        ) {
            let mut told: Vec<(u32, String, Option<String>)> = Vec::new();
            for (call, &length) in (1_u32..).zip(&lengths) {
                for at in 0..length {
                    told.push((call, format!("i{at}"), at.checked_sub(1).map(|before| format!("i{before}"))));
                }
            }
            let truth: Vec<(u32, &str)> = told.iter().map(|(call, id, _)| (*call, id.as_str())).collect();
            let mut arrived: Vec<Item<'_>> = told
                .iter()
                .zip(arrival)
                .map(|((call, id, after), first_seen)| item(*call, id, after.as_deref(), first_seen))
                .collect();
            arrived.sort_by_key(|item| item.first_seen);
            let found: Vec<_> = order(&arrived).into_iter().map(|at| (arrived[at].call, arrived[at].id)).collect();
            prop_assert_eq!(found, truth);
        }

        /// Any links at all, rings and repeated ids included: it ends, loses nothing, and the input's order in the slice
        /// does not matter.
        #[test]
        fn any_links_give_a_permutation_that_ignores_the_slice(
            links in prop::collection::vec((1_u32..3, 0_u8..8, prop::option::of(0_u8..10)), 0..24),
        ) {
            let names: Vec<String> = (0..10).map(|n| format!("i{n}")).collect();
            let items: Vec<Item<'_>> = (0_u64..)
                .zip(&links)
                .map(|(seen, &(call, id, after))| {
                    item(call, &names[usize::from(id)], after.map(|at| names[usize::from(at)].as_str()), seen)
                })
                .collect();
            let forwards = order(&items);
            let mut all = forwards.clone();
            all.sort_unstable();
            prop_assert_eq!(all, (0..items.len()).collect::<Vec<_>>());

            let mirrored: Vec<Item<'_>> = items.iter().rev().copied().collect();
            let backwards: Vec<Item<'_>> = order(&mirrored).into_iter().map(|at| mirrored[at]).collect();
            let forwards: Vec<Item<'_>> = forwards.into_iter().map(|at| items[at]).collect();
            prop_assert_eq!(forwards, backwards);
        }

        /// Where the predecessor is known and the links hold no ring, it comes first, and nothing of another run between.
        #[test]
        fn a_known_predecessor_always_comes_first(
            parents in prop::collection::vec(prop::option::of(0_usize..100), 1..30),
            seen in prop::collection::vec(0_u64..1000, 30),
        ) {
            let names: Vec<String> = (0..parents.len()).map(|n| format!("i{n}")).collect();
            let items: Vec<Item<'_>> = parents
                .iter()
                .enumerate()
                .map(|(at, parent)| {
                    let after = parent.filter(|_| at > 0).map(|parent| names[parent % at].as_str());
                    item(1, &names[at], after, seen[at])
                })
                .collect();
            let found = order(&items);
            let place = |id: &str| found.iter().position(|&at| items[at].id == id);
            for item in &items {
                if let Some(after) = item.after {
                    prop_assert!(place(after) < place(item.id));
                }
            }
        }
    }
}
