//! Keys at rest, as foreign programs and strangers' files meet them: what we write, OpenSSL, Python and Node.js read; what is not a
//! private key for its owner only is refused with its own reason.
#![cfg(unix)]
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use verbund::domain::signing::{PublicKey, SecretKey, Signature};
use verbund::node::keys::{Opener, write_encrypted, write_private};
use verbund::node::passphrase::{self, Fresh, Passphrase};

use crate::cli::refused;
use crate::cluster::{run, verbund};
use crate::live::Live;

const MESSAGE: &str = "Einer für Alle";

const PASSPHRASE: &str = "viel zu köstlich, um wahr zu sein";

/// Reads the key file of the first argument under the passphrase of the second, and tells the public key in PEM and the
/// signature of the third in hexadecimal digits.
const PYTHON: &str = "
import sys
from cryptography.hazmat.primitives import serialization as s
file, passphrase, message = sys.argv[1:]
key = s.load_pem_private_key(open(file, 'rb').read(), passphrase.encode() or None)
print(key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo).decode())
print(key.sign(message.encode()).hex())
";

const NODE: &str = "
const [file, passphrase, message] = process.argv.slice(1), crypto = require('crypto')
const key = crypto.createPrivateKey({ key: require('fs').readFileSync(file), passphrase: passphrase || undefined })
console.log(crypto.createPublicKey(key).export({ type: 'spki', format: 'pem' }))
console.log(crypto.sign(null, Buffer.from(message), key).toString('hex'))
";

const OPENSSL: &str = r#"
printf %s "$2" >"$0.message"
openssl pkey -in "$0" -passin "pass:$1" -pubout
openssl pkeyutl -sign -rawin -in "$0.message" -inkey "$0" -passin "pass:$1" | od -An -v -tx1 | tr -d ' \n'
"#;

/// Foreign programs: name, how to see whether one is there, how it reads a key and signs.
const PROGRAMS: [(&str, [&str; 3], [&str; 3]); 3] = [
    ("OpenSSL", ["openssl", "version", "-v"], ["sh", "-ec", OPENSSL]),
    ("Python's cryptography", ["python3", "-c", "import cryptography"], ["python3", "-c", PYTHON]),
    ("Node.js", ["node", "-e", "0"], ["node", "-e", NODE]),
];

fn output(words: &[&str], more: &[&str]) -> Option<Output> {
    Command::new(words[0]).args(&words[1..]).args(more).output().ok()
}

/// Whether a program is there; says so if not.
pub fn present(name: &str, look: &[&str]) -> bool {
    let found = output(look, &[]).is_some_and(|output| output.status.success());
    if !found {
        eprintln!("SKIPPED: {name} is absent");
    }
    found
}

/// A folder with a passphrase file, and what the program says in it.
pub struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().expect("folder") };
        write_private(&bench.path("passphrase"), format!("{PASSPHRASE}\n").as_bytes()).expect("written");
        bench
    }

    /// A file of that name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A new private file.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        write_private(&self.path(name), content.as_ref()).expect("written");
        self.path(name)
    }

    /// `key generate`, and what it says.
    pub fn generate(&self, name: &str, more: &[&str]) -> Value {
        let mut command = verbund();
        command.args(["-o", "json", "key", "generate", "--file"]).arg(self.path(name)).args(more);
        serde_json::from_slice(&run(&mut command, 0).stdout).expect("JSON")
    }

    /// `key show`, with the passphrase file if asked for.
    pub fn show(&self, name: &str, with_passphrase: bool) -> Command {
        let mut command = verbund();
        command.args(["key", "show", "--file"]).arg(self.path(name));
        if with_passphrase {
            command.arg("--passphrase-file").arg(self.path("passphrase"));
        }
        command
    }

    /// The public key as the program shows it.
    pub fn shown(&self, name: &str, with_passphrase: bool) -> PublicKey {
        let output = run(self.show(name, with_passphrase).args(["-o", "json"]), 0);
        let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        PublicKey::from_pem(shown["pem"].as_str().expect("PEM")).expect("a public key")
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("own file");
}

#[test]
fn others_read_our_keys_and_sign_with_them() {
    let bench = Bench::new();
    let passphrase_file = bench.path("passphrase").display().to_string();
    bench.generate("plain.pem", &[]);
    bench.generate("encrypted.pem", &["--passphrase-file", &passphrase_file]);
    let text = |name: &str| fs::read_to_string(bench.path(name)).expect("text");
    assert!(text("plain.pem").starts_with("-----BEGIN PRIVATE KEY-----\nMC4CAQAw"), "{}", text("plain.pem"));
    assert!(
        text("encrypted.pem").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"),
        "{}",
        text("encrypted.pem")
    );
    for (name, passphrase) in [("plain.pem", ""), ("encrypted.pem", PASSPHRASE)] {
        assert_eq!(mode(&bench.path(name)), 0o600);
        let ours = bench.shown(name, !passphrase.is_empty());
        let file = bench.path(name).display().to_string();
        for (program, look, read) in PROGRAMS {
            if !present(program, &look) {
                continue;
            }
            let output = output(&read, &[&file, passphrase, MESSAGE]).expect("it starts");
            let said = String::from_utf8(output.stdout).expect("text");
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{program} {name}: {complaint}");
            let (pem, signature) = said.trim_end().rsplit_once('\n').expect("two answers");
            assert_eq!(PublicKey::from_pem(pem).expect("a public key"), ours, "{program} {name}");
            let mut bytes = [0; 64];
            hex::decode_to_slice(signature, &mut bytes).expect("64 bytes");
            ours.verify(MESSAGE.as_bytes(), &Signature(bytes)).expect(program);
        }
    }
}

#[test]
fn we_read_the_keys_of_openssl() {
    let bench = Bench::new();
    if !present("OpenSSL", &["openssl", "version"]) {
        return;
    }
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        run(command.args(arguments.split_whitespace()).current_dir(bench.folder.path()), 0)
    };
    openssl("genpkey -algorithm ed25519 -out plain.pem");
    let told = openssl("pkey -in plain.pem -pubout").stdout;
    let theirs = PublicKey::from_pem(&String::from_utf8(told).expect("PEM")).expect("a public key");
    assert_eq!(bench.shown("plain.pem", false), theirs);
    for (number, how) in ["-v2 aes-256-cbc", "-v2 aes-128-cbc -v2prf hmacWithSHA512", "-scrypt"].iter().enumerate() {
        let name = format!("{number}.pem");
        openssl(&format!("pkcs8 -topk8 -in plain.pem -out {name} -passout file:passphrase {how}"));
        set_mode(&bench.path(&name), 0o600);
        assert_eq!(bench.shown(&name, true), theirs, "{how}");
    }
    openssl("pkcs8 -topk8 -in plain.pem -out other.pem -passout file:passphrase -v2 des3");
    set_mode(&bench.path("other.pem"), 0o600);
    refused(&mut bench.show("other.pem", true), 8, "KEY_ENCRYPTION_UNSUPPORTED");
    openssl("genrsa -out rsa.pem 2048");
    openssl("genrsa -traditional -out traditional.pem 2048");
    openssl("ecparam -name prime256v1 -genkey -out ec.pem");
    openssl("genpkey -algorithm x25519 -out x25519.pem");
    for (name, found) in [("rsa.pem", "RSA"), ("traditional.pem", "RSA"), ("ec.pem", "EC"), ("x25519.pem", "X25519")]
    {
        set_mode(&bench.path(name), 0o600);
        let said = refused(&mut bench.show(name, false), 8, "KEY_FILE_FOREIGN");
        assert!(said.contains(found), "{said}");
    }
}

#[test]
fn what_is_no_private_key_is_refused_by_name() {
    let bench = Bench::new();
    let secret = SecretKey::from_seed(&[7; 32]);
    let pem = secret.to_pem();
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("certificate");
    bench.file("public.pem", secret.public().to_pem());
    bench.file("certificate.pem", certified.cert.pem());
    bench.file("ec.pem", certified.signing_key.serialize_pem());
    bench.file("truncated.pem", &pem[..pem.len() - 40]);
    bench.file("empty.pem", "");
    bench.file("der.pem", [0x30, 0x2e, 0x02, 0x01, 0x00, 0xff]);
    bench.file("large.pem", format!("{}{}", "\n".repeat(1 << 20), *pem));
    fs::create_dir(bench.path("folder.pem")).expect("folder");
    for (name, exit, code) in [
        ("public.pem", 8, "KEY_FILE_PUBLIC"),
        ("certificate.pem", 8, "KEY_FILE_CERTIFICATE"),
        ("ec.pem", 8, "KEY_FILE_FOREIGN"),
        ("truncated.pem", 8, "KEY_FILE_INVALID"),
        ("empty.pem", 8, "KEY_FILE_INVALID"),
        ("der.pem", 8, "KEY_FILE_INVALID"),
        ("large.pem", 8, "KEY_FILE_TOO_LARGE"),
        ("folder.pem", 8, "KEY_FILE_NOT_REGULAR"),
        ("missing.pem", 6, "FILE_UNREADABLE"),
    ] {
        let said = refused(&mut bench.show(name, false), exit, code);
        assert!(said.contains(name), "which file: {said}");
    }
    let made = Command::new("mkfifo").args(["-m", "600"]).arg(bench.path("pipe.pem")).status();
    if made.is_ok_and(|status| status.success()) {
        refused(&mut bench.show("pipe.pem", false), 8, "KEY_FILE_NOT_REGULAR");
    }
}

#[test]
fn a_file_that_others_may_read_is_refused_wherever_a_link_leads() {
    let bench = Bench::new();
    bench.generate("key.pem", &[]);
    symlink(bench.path("key.pem"), bench.path("link.pem")).expect("linked");
    run(&mut bench.show("link.pem", false), 0);
    for mode in [0o640, 0o604, 0o660, 0o666, 0o602] {
        set_mode(&bench.path("key.pem"), mode);
        for name in ["key.pem", "link.pem"] {
            let said = refused(&mut bench.show(name, false), 3, "KEY_FILE_OPEN");
            assert!(said.contains("chmod 600") && said.contains(&format!("{mode:04o}")), "{said}");
        }
    }
    let english = run(bench.show("key.pem", false).args(["--lang", "en"]), 3);
    assert!(String::from_utf8_lossy(&english.stderr).contains("Others than its owner may read"));
    set_mode(&bench.path("key.pem"), 0o600);
    set_mode(&bench.path("passphrase"), 0o644);
    refused(&mut bench.show("key.pem", true), 3, "KEY_FILE_OPEN");
}

#[test]
fn without_the_passphrase_there_is_no_key() {
    let bench = Bench::new();
    let passphrase_file = bench.path("passphrase").display().to_string();
    bench.generate("key.pem", &["--passphrase-file", &passphrase_file]);
    let ours = bench.shown("key.pem", true);
    refused(&mut bench.show("key.pem", false), 5, "PASSPHRASE_MISSING");
    let mut nobody_to_ask = verbund();
    nobody_to_ask.args(["key", "generate", "--encrypt", "--file"]).arg(bench.path("new.pem"));
    refused(&mut nobody_to_ask, 5, "PASSPHRASE_MISSING");
    assert!(!bench.path("new.pem").exists(), "nothing is written");
    for (name, content, exit, code) in [
        ("wrong", "etwas anderes\n", 5, "PASSPHRASE_WRONG"),
        ("spaced", &format!("{PASSPHRASE} \n"), 5, "PASSPHRASE_WRONG"),
        ("blank", "\n", 8, "PASSPHRASE_INVALID"),
        ("long", "eine\nzweite\n", 8, "PASSPHRASE_INVALID"),
    ] {
        let file = bench.file(name, content);
        refused(bench.show("key.pem", false).arg("--passphrase-file").arg(file), exit, code);
    }
    // What systemd lays down for a service is found without being named.
    let credentials = bench.path("credentials");
    fs::create_dir(&credentials).expect("folder");
    write_private(&credentials.join("verbund-passphrase"), PASSPHRASE.as_bytes()).expect("written");
    run(bench.show("key.pem", false).env("CREDENTIALS_DIRECTORY", &credentials), 0);
    run(nobody_to_ask.env("CREDENTIALS_DIRECTORY", &credentials), 0);
    assert_ne!(bench.shown("new.pem", true), ours);
}

#[test]
fn a_person_at_a_terminal_is_asked() {
    if !present("Python", &["python3", "-c", "import pty"]) {
        return;
    }
    let bench = Bench::new();
    let key = bench.path("key.pem").display().to_string();
    let typed = |answers: &str, verb: &[&str], exit| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/terminal.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(answers).arg(env!("CARGO_BIN_EXE_verbund")).args(["key"]).args(verb);
        String::from_utf8(run(&mut command, exit).stdout).expect("text")
    };
    let generate = ["generate", "--encrypt", "--file", &key];
    assert!(typed("einmal,zweimal", &generate, 8).contains("PASSPHRASES_DIFFER"));
    let said = typed("geheimes Wort,geheimes Wort", &generate, 0);
    assert!(said.contains("Neue Passphrase für") && !said.contains("geheim"), "no echo: {said}");
    let show = ["show", "--file", &key];
    assert!(typed("geheimes Wort", &show, 0).contains("Fingerabdruck"));
    assert!(typed("geheimes Word", &show, 5).contains("PASSPHRASE_WRONG"));
    refused(&mut bench.show("key.pem", true), 5, "PASSPHRASE_WRONG");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_starts_with_encrypted_keys() {
    let mut live = Live::found();
    let run_file = live.run_file("kitu");
    let folder = run_file.parent().expect("a folder").to_owned();
    let passphrase = Passphrase::new(PASSPHRASE.as_bytes()).expect("one line");
    for entry in fs::read_dir(folder.join("keys")).expect("keys") {
        let file = entry.expect("a key").path();
        let name = file.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        if name == "tls-key.pem" {
            let pem = Opener::default().read_pem(&file).expect("a TLS key");
            fs::remove_file(&file).expect("own file");
            let encrypted = passphrase::encrypt(&pem, &passphrase, Fresh { salt: [1; 16], iv: [2; 16] });
            write_private(&file, encrypted.expect("encrypted").as_bytes()).expect("written");
        } else if name != "tls.pem" {
            let key = Opener::default().read(&file).expect("a key");
            fs::remove_file(&file).expect("own file");
            write_encrypted(&file, &key, &passphrase).expect("written");
        }
    }
    let mut command = verbund();
    refused(command.args(["node", "run", "--config"]).arg(&run_file), 5, "PASSPHRASE_MISSING");
    write_private(&folder.join("secret"), PASSPHRASE.as_bytes()).expect("written");
    let settings = fs::read_to_string(&run_file).expect("settings");
    fs::write(&run_file, format!("passphrase_file = \"secret\"\n{settings}")).expect("written");
    live.start("kitu").await;
    live.stop("kitu").await;
    set_mode(&folder.join("keys"), 0o770);
    refused(command.args(["--lang", "de"]), 3, "KEY_FOLDER_OPEN");
}
