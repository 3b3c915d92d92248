//! Stage plans that were read before. Thousands of sessions have the same few plans, each stored with its own copy; the
//! calls of this process share one. It must not decide which plan a session has.

use std::sync::{Arc, Mutex, PoisonError};

use super::booking::BadPlan;
use crate::interview::Plan;

/// Plans kept. Full: the one that was read first goes; calls that have it keep it.
const MAX_PLANS: usize = 32;

/// Plans by the text they were read from.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<Vec<(Arc<str>, Arc<Plan>)>>);

impl Shelf {
    /// The plan a session was stored with, as JSON text.
    ///
    /// # Errors
    /// [`BadPlan`].
    pub(super) fn take(&self, text: &Arc<str>) -> Result<Arc<Plan>, BadPlan> {
        if let Some(known) = self.find(text) {
            return Ok(known);
        }
        let plan: Plan = serde_json::from_str(text).map_err(|_| BadPlan)?;
        // A conversation was checked when its secret was minted.
        if plan.conversation.is_none() && !plan.is_sound() {
            return Err(BadPlan);
        }
        let plan = Arc::new(plan);
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.len() == MAX_PLANS {
            plans.remove(0);
        }
        plans.push((text.clone(), plan.clone()));
        Ok(plan)
    }

    fn find(&self, text: &str) -> Option<Arc<Plan>> {
        let plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Texts of one length that are not equal differ early, in their names: this is one comparison of memory.
        plans.iter().find(|(known, _)| **known == *text).map(|(_, plan)| plan.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interview::Plans;

    fn text(label: &str) -> Arc<str> {
        let mut plan = Plans::built_in().expect("sound").get("default").expect("there").clone();
        plan.label = label.into();
        serde_json::to_string(&plan).expect("serialises").into()
    }

    #[test]
    fn calls_of_the_same_plan_share_it_and_others_do_not() {
        let shelf = Shelf::default();
        let one = shelf.take(&text("one")).expect("sound");
        assert!(Arc::ptr_eq(&one, &shelf.take(&text("one")).expect("sound")));
        assert_eq!(shelf.take(&text("two")).expect("sound").label, "two");
        for broken in ["", "{}", "null"] {
            assert!(shelf.take(&broken.into()).is_err(), "{broken}");
        }
    }

    #[test]
    fn a_full_shelf_lets_the_oldest_go() {
        let shelf = Shelf::default();
        let first = shelf.take(&text("0")).expect("sound");
        for n in 1..=MAX_PLANS {
            shelf.take(&text(&n.to_string())).expect("sound");
        }
        assert_eq!(shelf.0.lock().expect("sound").len(), MAX_PLANS);
        assert!(!Arc::ptr_eq(&first, &shelf.take(&text("0")).expect("sound")));
    }
}
