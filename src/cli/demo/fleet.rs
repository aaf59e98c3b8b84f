//! The six node processes of the demonstration. They end when this process ends, however it ends: each holds the
//! reading end of a pipe that only this process writes to.
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::cli::demo::found::World;
use crate::domain::id::NodeId;
use crate::domain::reason::{Reason, Refusal};

/// Longest time a node may take to say that it is ready.
const READY: Duration = Duration::from_secs(20);

/// Longest time a node may take to end by itself before it is ended.
const GOODBYE: Duration = Duration::from_secs(5);

/// A running node process.
pub struct NodeProcess {
    child: Child,
    /// Its process id.
    pub pid: u32,
    /// How long it took to become ready, in milliseconds.
    pub ready_ms: u64,
}

/// All node processes.
#[derive(Default)]
pub struct Fleet {
    running: BTreeMap<NodeId, NodeProcess>,
}

impl Fleet {
    /// Starts one node and waits until it is ready.
    pub async fn start(&mut self, world: &World, node: &NodeId) -> Result<(), Refusal> {
        let failed = |problem: String| {
            Refusal::new(Reason::DemoFailed)
                .with("node", node)
                .with("why", problem)
                .with("log", log(world, node).display())
        };
        let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log(world, node))
            .map_err(|error| failed(error.to_string()))?;
        let mut child = Command::new(program)
            .args(["node", "run", "--until-stdin-closes", "--config"])
            .arg(world.run_file(node))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let stdout = child.stdout.take().ok_or_else(|| failed("no standard output".to_owned()))?;
        let mut lines = BufReader::new(stdout).lines();
        let said = tokio::time::timeout(READY, lines.next_line()).await;
        let Ok(Ok(Some(line))) = said else {
            let _ = child.kill().await;
            return Err(failed(self.last_words(world, node)));
        };
        let ready: serde_json::Value = serde_json::from_str(&line).map_err(|error| failed(error.to_string()))?;
        let ready_ms = ready.get("ready_ms").and_then(serde_json::Value::as_u64).unwrap_or(0);
        let pid = child.id().unwrap_or(0);
        self.running.insert(node.clone(), NodeProcess { child, pid, ready_ms });
        Ok(())
    }

    fn last_words(&self, world: &World, node: &NodeId) -> String {
        let text = std::fs::read_to_string(log(world, node)).unwrap_or_default();
        let tail: Vec<&str> = text.lines().rev().take(4).collect();
        tail.into_iter().rev().collect::<Vec<_>>().join(" ").trim().to_owned()
    }

    /// Stops one node the hard way, as a power cut would.
    pub async fn kill(&mut self, node: &NodeId) {
        if let Some(mut running) = self.running.remove(node) {
            let _ = running.child.kill().await;
        }
    }

    /// A running node.
    pub fn get(&self, node: &NodeId) -> Option<&NodeProcess> {
        self.running.get(node)
    }

    /// A node that has ended by itself, or that somebody has ended; it is told of once.
    pub fn take_ended(&mut self) -> Option<NodeId> {
        let ended = |running: &mut NodeProcess| !matches!(running.child.try_wait(), Ok(None));
        let node = self.running.iter_mut().find_map(|(node, running)| ended(running).then(|| node.clone()))?;
        self.running.remove(&node);
        Some(node)
    }

    /// Asks every node to end, and ends those that do not.
    pub async fn stop(&mut self) {
        for running in self.running.values_mut() {
            drop(running.child.stdin.take());
        }
        for (_, mut running) in std::mem::take(&mut self.running) {
            if tokio::time::timeout(GOODBYE, running.child.wait()).await.is_err() {
                let _ = running.child.kill().await;
            }
        }
    }
}

/// Where a node's log goes.
pub fn log(world: &World, node: &NodeId) -> PathBuf {
    world.folder.join("nodes").join(node.as_str()).join("node.log")
}

/// Resident memory of a process in bytes, where the system tells.
pub fn rss_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
