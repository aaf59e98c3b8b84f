//! Generates the gRPC code into `OUT_DIR` with protox, so that no protoc is needed; does nothing for the auditor's
//! build, which has no network. The descriptor set for gRPC reflection is written beside it.

#[cfg(feature = "node")]
const FILES: [&str; 6] = [
    "verbund/statement/v1/statement.proto",
    "verbund/catalogue/v1/catalogue.proto",
    "verbund/chain/v1/chain.proto",
    "verbund/order/v1/order.proto",
    "verbund/node/v1/node.proto",
    "verbund/peer/v1/peer.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto/build.rs");
    generate()
}

#[cfg(not(feature = "node"))]
fn generate() -> Result<(), Box<dyn std::error::Error>> {
    Ok(())
}

#[cfg(feature = "node")]
fn generate() -> Result<(), Box<dyn std::error::Error>> {
    for file in FILES {
        println!("cargo::rerun-if-changed=proto/{file}");
    }
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true).open_files(FILES)?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("verbund.binpb"), compiler.encode_file_descriptor_set())?;
    // Ordered maps and not hashed ones: the same answer has the same bytes.
    tonic_prost_build::configure().btree_map(".").compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
