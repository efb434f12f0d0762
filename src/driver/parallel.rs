//! Work on many inputs by several threads, with the results in the order of the inputs.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::analysis::STACK;

/// Calls `work` on each input, on as many threads as the machine runs at once, and `take` with the results, in order.
/// A single input is worked on where it is. Needs a deep stack: call it within [`with_stack`](crate::with_stack).
///
/// # Panics
/// If `work` does.
pub fn in_order<I: Sync, O: Send>(
    inputs: &[I],
    work: impl Fn(&I) -> O + Sync,
    mut take: impl FnMut(&I, O),
) {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    if threads.min(inputs.len()) < 2 {
        inputs.iter().for_each(|input| take(input, work(input)));
        return;
    }
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads.min(inputs.len()) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            let worker = move || {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    let Some(input) = inputs.get(nth) else {
                        break;
                    };
                    if sender.send((nth, work(input))).is_err() {
                        break;
                    }
                }
            };
            let builder = thread::Builder::new().stack_size(STACK);
            builder
                .spawn_scoped(scope, worker)
                .expect("a thread can be made");
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut at = 0;
        for (nth, output) in receiver {
            early.insert(nth, output);
            while let Some(output) = early.remove(&at) {
                take(&inputs[at], output);
                at += 1;
            }
        }
    });
}
