//! The tasks of a node: each has an owner, and one that ends by itself ends the node with a reason. A node of which a
//! part is gone serves worse than one that its operator's supervisor starts again.
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

use crate::domain::reason::{Reason, Refusal};

/// What goes on until the node stops.
#[derive(Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    stopped: watch::Receiver<bool>,
    failures: mpsc::Sender<Refusal>,
}

impl Tasks {
    /// None yet; the other end hears of the first that ends before `stopped`.
    pub fn new(stopped: watch::Receiver<bool>) -> (Self, mpsc::Receiver<Refusal>) {
        // The first failure ends the node; more need not be told.
        let (failures, failed) = mpsc::channel(1);
        (Self { tracker: TaskTracker::new(), stopped, failures }, failed)
    }

    /// Whether the node stops, to be waited for.
    pub fn stopped(&self) -> watch::Receiver<bool> {
        self.stopped.clone()
    }

    /// Work that never ends by itself; it is dropped when the node stops.
    pub fn keep(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let mut stopped = self.stopped.clone();
        self.watch(name, async move {
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => {}
                () = work => {}
            }
        });
    }

    /// Work that ends in its own time once the node stops, and not before.
    pub fn watch(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let (stopped, failures) = (self.stopped.clone(), self.failures.clone());
        // A node that is dropped without a word has stopped as well.
        let is_stopped = move || *stopped.borrow() || stopped.has_changed().is_err();
        let task = tokio::spawn(work);
        self.tracker.spawn(async move {
            let ended = task.await;
            if is_stopped() {
                return;
            }
            let problem = ended.map_or_else(|error| error.to_string(), |()| "it ended by itself".to_owned());
            tracing::error!(task = name, problem, "a part of the node has ended");
            let _ = failures.try_send(Refusal::new(Reason::Bug).with("task", name).with("problem", problem));
        });
    }

    /// Waits until all have ended.
    pub async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_or_returns_is_told_of_and_one_that_is_stopped_is_not() {
        let (stop, stopped) = watch::channel(false);
        let (tasks, mut failed) = Tasks::new(stopped);
        tasks.keep("quiet", std::future::pending());
        tasks.keep("torn", async { panic!("on purpose") });
        let first = failed.recv().await.expect("told");
        assert_eq!(first.reason, Reason::Bug);
        assert!(first.details().contains("torn"), "{first}");
        tasks.watch("over", async {});
        assert!(failed.recv().await.expect("told").details().contains("over"));
        stop.send_replace(true);
        tasks.ended().await;
        assert!(failed.try_recv().is_err(), "whoever ends because the node stops has not failed");
    }

    #[tokio::test]
    async fn what_ends_in_its_own_time_is_waited_for() {
        let (stop, stopped) = watch::channel(false);
        let (tasks, _failed) = Tasks::new(stopped.clone());
        let (done, is_done) = watch::channel(false);
        let mut stopped = stopped;
        tasks.watch("tidy", async move {
            let _ = stopped.wait_for(|stop| *stop).await;
            tokio::task::yield_now().await;
            done.send_replace(true);
        });
        stop.send_replace(true);
        tasks.ended().await;
        assert!(*is_done.borrow());
    }
}
