//! Generates the gRPC code into `OUT_DIR` with protox, so that no protoc is needed.
fn main() {}
