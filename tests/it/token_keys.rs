//! Keys in tokens: SoftHSM stands for the device, and is given a key that we also hold as a file.
#![cfg(unix)]
use crate::cli::refused;

#[cfg(not(feature = "pkcs11"))]
#[test]
fn a_program_without_tokens_says_so() {
    let mut command = crate::cluster::verbund();
    command.args(["key", "show", "--file", "pkcs11:token=a;object=b?module-path=/c.so"]);
    let said = refused(&mut command, 3, "TOKENS_UNSUPPORTED");
    assert!(said.contains("--features pkcs11"), "{said}");
}

#[cfg(feature = "pkcs11")]
mod softhsm {
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use verbund::domain::reason::Reason;
    use verbund::domain::signing::SecretKey;
    use verbund::domain::statement::{Kind, Signed};
    use verbund::node::keys::Opener;

    use super::refused;
    use crate::cluster::{run, verbund};
    use crate::key_files::{Bench, present, set_mode};

    /// Where distributions put SoftHSM's library.
    const MODULES: [&str; 4] = [
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so",
        "/opt/homebrew/lib/softhsm/libsofthsm2.so",
    ];

    /// Tells SoftHSM where its tokens lie.
    const CONFIG: &str = "SOFTHSM2_CONF";

    /// Tells [`what_a_token_signs`] where keys lie: the one in the token, the same as a file.
    const URI: &str = "VERBUND_TOKEN_URI";
    const FILE: &str = "VERBUND_TOKEN_FILE";

    const PIN: &str = "1234";

    /// A token with the key of `root.pem`; `None`, and said so, without SoftHSM.
    fn token(bench: &Bench) -> Option<PathBuf> {
        let module = MODULES.iter().find(|module| Path::new(module).exists());
        let (true, Some(_)) = (present("SoftHSM", &["softhsm2-util", "--version"]), module) else {
            return None;
        };
        let tokens = bench.path("tokens");
        std::fs::create_dir(&tokens).expect("folder");
        let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
        let config = bench.file("softhsm2.conf", text);
        bench.generate("root.pem", &[]);
        let root = bench.path("root.pem").display().to_string();
        let softhsm = |arguments: &[&str]| {
            let mut command = Command::new("softhsm2-util");
            run(command.args(arguments).args(["--pin", PIN]).env(CONFIG, &config), 0);
        };
        softhsm(&["--init-token", "--free", "--label", "Verbund Test", "--so-pin", "12345678"]);
        softhsm(&["--import", &root, "--token", "Verbund Test", "--label", "root-1", "--id", "01"]);
        Some(config)
    }

    /// The URI of a key; `more` follows the library.
    fn uri(token: &str, object: &str, more: &str) -> String {
        let module = MODULES.iter().find(|module| Path::new(module).exists()).expect("as before");
        format!("pkcs11:token={token};object={object};id=%01?module-path={module}{more}")
    }

    #[test]
    fn a_key_in_a_token_is_shown_and_signs_like_the_same_key_in_a_file() {
        let bench = Bench::new();
        let Some(config) = token(&bench) else { return };
        let (pin, wrong) = (bench.file("pin", format!("{PIN}\n")), bench.file("wrong", "4321\n"));
        let [pin, wrong] = [pin, wrong].map(|file| format!("&pin-source={}", file.display()));
        let show = |uri: &str| {
            let mut command = verbund();
            command.args(["key", "show", "--file", uri]).env(CONFIG, &config);
            command
        };
        let good = uri("Verbund%20Test", "root-1", &pin);
        let shown = String::from_utf8(run(&mut show(&good), 0).stdout).expect("text");
        assert!(shown.contains(&bench.shown("root.pem", false).hash().to_string()), "{shown}");
        for (place, exit, code) in [
            (uri("Verbund%20Test", "root-1", ""), 5, "TOKEN_PIN_MISSING"),
            (uri("Verbund%20Test", "root-1", &wrong), 5, "TOKEN_PIN_WRONG"),
            (uri("Verbund%20Test", "root-2", &pin), 6, "TOKEN_KEY_MISSING"),
            (uri("Verbund", "root-1", &pin), 6, "TOKEN_KEY_MISSING"),
            (good.replace("libsofthsm2.so", "libnone.so"), 4, "TOKEN_FAILED"),
            (good.replace("id=", "colour="), 8, "TOKEN_URI_INVALID"),
        ] {
            refused(&mut show(&place), exit, code);
        }
        // SoftHSM looks at its environment, so what signs is a process of its own.
        let mut child = Command::new(std::env::current_exe().expect("this program"));
        child.args(["--exact", "--ignored", "token_keys::softhsm::what_a_token_signs"]);
        let output = run(child.env(CONFIG, &config).env(URI, &good).env(FILE, bench.path("root.pem")), 0);
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "it ran");
        set_mode(&bench.path("pin"), 0o644);
        refused(&mut show(&good), 3, "KEY_FILE_OPEN");
    }

    #[test]
    #[ignore = "a part of another test"]
    fn what_a_token_signs() {
        let place = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let (Some(uri), Some(file)) = (place(URI), place(FILE)) else {
            eprintln!("SKIPPED: no token was prepared");
            return;
        };
        let mut opener = Opener::default();
        let key = opener.read(&file).expect("a key");
        // Twice: the second finds the library in use and the token logged in.
        let [token, again] = [(); 2].map(|()| opener.signer(&uri).expect("a token"));
        let other = SecretKey::from_seed(&[7; 32]);
        let body = serde_json::json!({"text": "Einer für Alle"});
        let signed = Signed::sign_with(&Kind::KeyEvent, &body, &[&*token, &other]).expect("both sign");
        assert_eq!(signed.pae(), Signed::sign(&Kind::KeyEvent, &body, &[&key, &other]).pae());
        assert_eq!(signed.signatures(), Signed::sign(&Kind::KeyEvent, &body, &[&key, &other]).signatures());
        signed.verify(&key.public()).expect("good");
        assert_eq!(again.sign(b"a").expect("signs"), key.sign(b"a"));
        let twice = Signed::sign_with(&Kind::KeyEvent, &body, &[&*token, &*again]).expect_err("one key");
        assert_eq!(twice.reason, Reason::StatementUnsigned);
    }
}
