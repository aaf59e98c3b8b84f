//! Generates the gRPC code into `OUT_DIR` with protox, so that no protoc is needed; does nothing for the auditor's
//! build, which has no network. The descriptor set for gRPC reflection is written beside it, and the page's verifier as the
//! one script that is served and saved, packed.

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
    generate()?;
    verifier()
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

/// Where the verifier's modules lie.
#[cfg(feature = "node")]
const MODULES: &str = "src/web/assets/verify";

/// What its script gives: `verbundVerify.audit` and the rest.
#[cfg(feature = "node")]
const GIVEN: &str = "audit, rootHash, told, headline, verdictText, printable, BUNDLE_BYTES_MAX";

#[cfg(not(feature = "node"))]
fn verifier() -> Result<(), Box<dyn std::error::Error>> {
    Ok(())
}

/// Writes the modules as one script, which needs one request and can be saved within a page.
#[cfg(feature = "node")]
fn verifier() -> Result<(), Box<dyn std::error::Error>> {
    use std::io::Write as _;
    println!("cargo::rerun-if-changed={MODULES}");
    let mut modules = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(MODULES)? {
        let path = entry?.path();
        let name = path.file_name().and_then(std::ffi::OsStr::to_str).ok_or("a name in Unicode")?.to_owned();
        modules.insert(name, std::fs::read_to_string(&path)?);
    }
    let (mut placed, mut script) = (std::collections::BTreeSet::new(), String::new());
    for name in modules.keys() {
        place(name, &modules, &mut placed, &mut script)?;
    }
    one_of_each_name(&script)?;
    let script =
        format!("\"use strict\";\nconst verbundVerify = (() => {{\n{script}\nreturn {{ {GIVEN} }};\n}})();\n");
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?).join("verify.js.gz");
    let mut packed = flate2::write::GzEncoder::new(std::fs::File::create(out)?, flate2::Compression::best());
    packed.write_all(script.as_bytes())?;
    packed.finish()?;
    Ok(())
}

/// Puts a module behind those that it imports, without its imports and exports.
#[cfg(feature = "node")]
fn place(
    name: &str,
    modules: &std::collections::BTreeMap<String, String>,
    placed: &mut std::collections::BTreeSet<String>,
    script: &mut String,
) -> Result<(), Box<dyn std::error::Error>> {
    if !placed.insert(name.to_owned()) {
        return Ok(());
    }
    let source = modules.get(name).ok_or_else(|| format!("{name} is not there"))?;
    let (imports, own): (Vec<&str>, Vec<&str>) = source.lines().partition(|line| line.starts_with("import "));
    for import in imports {
        let other = import.split_once("from \"./").and_then(|(_, rest)| rest.strip_suffix("\";"));
        if import.contains("* as") {
            return Err(format!("{name}: a namespace has no place in one script").into());
        }
        place(other.ok_or_else(|| format!("{name}: {import}"))?, modules, placed, script)?;
    }
    for line in own {
        script.push_str(line.strip_prefix("export ").unwrap_or(line));
        script.push('\n');
    }
    Ok(())
}

/// In one script two modules cannot define the same name.
#[cfg(feature = "node")]
fn one_of_each_name(script: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut names = std::collections::BTreeSet::new();
    for line in script.lines() {
        let definition = ["const ", "let ", "function ", "class "].iter().find_map(|word| line.strip_prefix(word));
        let end = |c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '$';
        let name = definition.and_then(|rest| rest.split(end).next()).filter(|name| !name.is_empty());
        if name.is_some_and(|name| !names.insert(name)) {
            return Err(format!("two modules of the verifier define: {line}").into());
        }
    }
    Ok(())
}
