//! A headless Chromium for tests, driven by `tests/foreign/browser.mjs`. Where Chromium or Node.js is absent, a test says so
//! and is skipped.
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::key_files::present;

/// One window.
pub struct Browser {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    child: Child,
}

impl Browser {
    /// Opens a window; none if what it needs is absent.
    pub fn open() -> Option<Self> {
        let chromium = std::env::var("VERBUND_CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        if !present("Chromium", &[&chromium, "--version"]) || !present("Node.js", &["node", "--version"]) {
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/browser.mjs");
        let mut command = Command::new("node");
        let child = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("Node.js runs");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped")).lines();
        Some(Self { input, output, child })
    }

    /// What came of a command, in its own words if it failed.
    async fn said(&mut self, command: &str, value: Value) -> Result<Value, String> {
        let line = format!("{}\n", json!({ command: value }));
        self.input.write_all(line.as_bytes()).await.expect("the driver listens");
        let answer = self.output.next_line().await.expect("read").expect("the driver answers");
        let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer["value"].take()),
        }
    }

    async fn done(&mut self, command: &str, value: Value) -> Value {
        let said = self.said(command, value.clone()).await;
        said.unwrap_or_else(|error| panic!("{command} {value}: {error}"))
    }

    /// Opens a page.
    pub async fn visit(&mut self, address: &str) {
        self.done("open", json!(address)).await;
    }

    /// The value of an expression in the page.
    pub async fn value(&mut self, expression: &str) -> Value {
        self.done("evaluate", json!(expression)).await
    }

    /// The same as text.
    pub async fn text(&mut self, expression: &str) -> String {
        self.value(expression).await.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression is true.
    pub async fn until(&mut self, expression: &str) {
        self.done("wait", json!(expression)).await;
    }

    /// Chooses a file in a field.
    pub async fn choose(&mut self, field: &str, file: &Path) {
        self.done("files", json!([field, file])).await;
    }

    /// Types into a field, in place of what stands there.
    pub async fn fill(&mut self, field: &str, text: &str) {
        self.value(&format!("document.querySelector({}).value = {}", json!(field), json!(text))).await;
    }

    /// Clicks on something.
    pub async fn click(&mut self, what: &str) {
        self.value(&format!("document.querySelector({}).click()", json!(what))).await;
    }

    /// Goes to something with the Tab key. It must be seen that one is there.
    pub async fn tab(&mut self, what: &str) {
        assert_eq!(self.done("tab", json!(what)).await, json!(true), "no focus is seen on {what}");
    }

    /// Goes to something with the Tab key and presses Enter.
    pub async fn enter(&mut self, what: &str) {
        self.tab(what).await;
        self.done("press", json!("Enter")).await;
    }

    /// Goes to a field with the Tab key and types, in place of what stands there.
    pub async fn write(&mut self, field: &str, text: &str) {
        self.tab(field).await;
        self.done("type", json!(text)).await;
    }

    /// Sets what the device is like: `width`, `scheme`, `offline`, `javascript`, and runs a `script`.
    pub async fn device(&mut self, name: &str, value: Value) {
        self.done(name, value).await;
    }

    /// Every request since the start, as method and address.
    pub async fn requests(&mut self) -> Vec<(String, String)> {
        let all = self.done("requests", json!(true)).await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        all.as_array().into_iter().flatten().map(|each| (text(&each["method"]), text(&each["url"]))).collect()
    }

    /// What pages have complained about.
    pub async fn problems(&mut self) -> Vec<String> {
        let all = self.done("problems", json!(true)).await;
        all.as_array().into_iter().flatten().map(|each| each.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Leaves a picture in the folder that `VERBUND_PICTURES` names, if it does; a PNG unless the name says what.
    pub async fn picture(&mut self, name: &str) {
        if let Ok(folder) = std::env::var("VERBUND_PICTURES") {
            let file = if name.contains('.') { name.to_owned() } else { format!("{name}.png") };
            self.done("picture", json!(Path::new(&folder).join(file))).await;
        }
    }

    /// Closes the window.
    pub async fn close(self) {
        let Self { input, mut child, .. } = self;
        drop(input);
        child.wait().await.expect("ended");
    }
}
