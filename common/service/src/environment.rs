//! What a service takes from the world outside its configuration: the clock, and the steps at which it can be
//! watched.

use std::fmt;
use std::sync::Arc;

use crate::clock::{Clock, SystemClock};

/// The clock, and a callback for each durable step.
///
/// A step is a point such as `order.bound.before`, just before or after something became durable. In production the
/// callback does nothing; a test kills the process there and looks at what a restart finds.
#[derive(Clone)]
pub struct Environment {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Called with the step's name, on whichever thread takes the step.
    pub steps: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Environment {
    /// The machine's clock, and steps that nobody watches.
    pub fn production() -> Self {
        Self { clock: Arc::new(SystemClock), steps: Arc::new(|_| {}) }
    }

    /// Unix seconds.
    pub fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Says that the durable step `name` is reached.
    pub fn step(&self, name: &str) {
        (self.steps)(name);
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("now", &self.now()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Fixed(u64);

    impl Clock for Fixed {
        fn now(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn a_test_sees_each_step_and_sets_the_time() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let recorder = Arc::clone(&seen);
        let environment = Environment {
            clock: Arc::new(Fixed(7)),
            steps: Arc::new(move |step| recorder.lock().unwrap().push(step.to_owned())),
        };
        environment.step("order.bound.before");
        assert_eq!(environment.now(), 7);
        assert_eq!(*seen.lock().unwrap(), ["order.bound.before"]);
        Environment::production().step("order.bound.before");
    }
}
