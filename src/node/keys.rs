//! Private keys in files: PKCS #8 PEM, plain or under a passphrase, for their owner only.
//!
//! A file that others may read or write is refused and not repaired: whoever could read it may have the key already.
use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::config::node::NodeConfig;
use crate::domain::reason::{Reason, Refusal};
use crate::domain::signing::{SecretKey, Signer};
use crate::node::passphrase::{self, Fresh, Passphrase};
use crate::node::sealing::RecoverySecret;
use crate::node::system;
use crate::protocol::settings::NodeKeys;

/// No key, and no passphrase, needs more.
const FILE_BYTES_MAX: u64 = 16 * 1024;

/// The passphrase among the credentials of the service manager.
const PASSPHRASE_CREDENTIAL: &str = "verbund-passphrase";

/// Asks a person for the passphrase of a file.
pub type Ask = Box<dyn Fn(&Path) -> Result<Passphrase, Refusal> + Send>;

/// Opens key files: with which passphrases, and where else they may lie.
#[derive(Default)]
pub struct Opener {
    passphrases: Vec<Passphrase>,
    credentials: Option<PathBuf>,
    ask: Option<Ask>,
}

impl Opener {
    /// Also takes what the service manager has laid down for this process: systemd's `$CREDENTIALS_DIRECTORY`.
    pub fn with_credentials(mut self, folder: &Path) -> Result<Self, Refusal> {
        self.credentials = Some(folder.to_owned());
        let file = folder.join(PASSPHRASE_CREDENTIAL);
        if file.exists() { self.with_passphrase_file(&file) } else { Ok(self) }
    }

    /// Also tries the passphrase in that file.
    pub fn with_passphrase_file(mut self, file: &Path) -> Result<Self, Refusal> {
        self.add_passphrase_file(file)?;
        Ok(self)
    }

    /// Asks a person when no passphrase fits.
    pub fn or_ask(mut self, ask: Ask) -> Self {
        self.ask = Some(ask);
        self
    }

    /// Asks nobody from here on: what runs by itself has nobody to ask.
    pub fn unattended(self) -> Self {
        Self { ask: None, ..self }
    }

    /// The first passphrase known without asking.
    pub fn into_passphrase(self) -> Option<Passphrase> {
        self.passphrases.into_iter().next()
    }

    /// The passphrase under which a further key of a node is laid down, so that the node opens it as it opens those it
    /// has: that of its settings, else the one that its newest log key is under.
    pub fn into_passphrase_for(mut self, config: &NodeConfig) -> Result<Option<Passphrase>, Refusal> {
        if let Some(file) = &config.passphrase_file {
            return Ok(Self::default().with_passphrase_file(file)?.into_passphrase());
        }
        let mut files = (0..GENERATIONS_MAX).map(|number| self.find(&config.keys, &generation_file("log", number)));
        let Some(newest) = files.rfind(|file| file.exists()) else { return Ok(None) };
        let content = self.secret(&newest)?;
        match std::str::from_utf8(&content) {
            Ok(text) if passphrase::is_encrypted(text) => {
                self.decrypt(text, &newest).map_err(|refusal| refusal.with("file", newest.display()))?;
                Ok(self.passphrases.into_iter().find(|known| passphrase::decrypt(text, known).is_ok()))
            }
            _ => Ok(None),
        }
    }

    fn add_passphrase_file(&mut self, file: &Path) -> Result<(), Refusal> {
        let content = self.secret(file)?;
        let passphrase = Passphrase::of_file(&content).map_err(|refusal| refusal.with("file", file.display()))?;
        if !self.passphrases.contains(&passphrase) {
            self.passphrases.push(passphrase);
        }
        Ok(())
    }

    /// Reads a key file.
    pub fn read(&mut self, file: &Path) -> Result<SecretKey, Refusal> {
        let pem = self.read_pem(file)?;
        SecretKey::from_pem(&pem).map_err(|refusal| refusal.with("file", file.display()))
    }

    /// Reads a recovery key.
    pub fn read_recovery(&mut self, file: &Path) -> Result<RecoverySecret, Refusal> {
        let pem = self.read_pem(file)?;
        RecoverySecret::from_pem(&pem).map_err(|refusal| refusal.with("file", file.display()))
    }

    /// A key in a file or, named by a URI, in a token.
    pub fn signer(&mut self, place: &Path) -> Result<Box<dyn Signer>, Refusal> {
        match place.to_str() {
            Some(uri) if uri.starts_with("pkcs11:") => self.token(uri),
            _ => Ok(Box::new(self.read(place)?)),
        }
    }

    #[cfg(feature = "pkcs11")]
    fn token(&mut self, uri: &str) -> Result<Box<dyn Signer>, Refusal> {
        use crate::node::token::{Place, TokenKey};
        let place = Place::parse(uri)?;
        // Never a passphrase known from elsewhere: a few wrong PINs, and the token locks itself.
        let pin = match (&place.pin_source, &self.ask) {
            (Some(file), _) => Passphrase::of_file(&self.secret(file)?)?,
            (None, Some(ask)) => ask(Path::new(uri))?,
            (None, None) => return Err(Refusal::new(Reason::TokenPinMissing).with("uri", uri)),
        };
        Ok(Box::new(TokenKey::open(&place, &pin).map_err(|refusal| refusal.with("uri", uri))?))
    }

    #[cfg(not(feature = "pkcs11"))]
    #[expect(clippy::unused_self, reason = "a token needs it")]
    fn token(&mut self, uri: &str) -> Result<Box<dyn Signer>, Refusal> {
        Err(Refusal::new(Reason::TokensUnsupported).with("uri", uri))
    }

    /// Reads a file with a private key of any kind, and decrypts it.
    pub fn read_pem(&mut self, file: &Path) -> Result<Zeroizing<String>, Refusal> {
        let content = self.secret(file)?;
        let not_text = |_| Refusal::new(Reason::KeyFileInvalid).with("rule", "PEM of a private key expected");
        let text = std::str::from_utf8(&content).map_err(not_text);
        let opened = text.and_then(|text| match passphrase::is_encrypted(text) {
            true => self.decrypt(text, file),
            false => Ok(Zeroizing::new(text.to_owned())),
        });
        opened.map_err(|refusal| refusal.with("file", file.display()))
    }

    fn decrypt(&mut self, text: &str, file: &Path) -> Result<Zeroizing<String>, Refusal> {
        for known in &self.passphrases {
            match passphrase::decrypt(text, known) {
                Err(refusal) if refusal.reason == Reason::PassphraseWrong => {}
                outcome => return outcome,
            }
        }
        match &self.ask {
            Some(ask) => {
                let given = ask(file)?;
                let pem = passphrase::decrypt(text, &given)?;
                self.passphrases.push(given);
                Ok(pem)
            }
            None if self.passphrases.is_empty() => Err(Refusal::new(Reason::PassphraseMissing)),
            None => Err(Refusal::new(Reason::PassphraseWrong)),
        }
    }

    /// The content of a secret file, after a look at who else may read or write it.
    fn secret(&self, file: &Path) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let at = |refusal: Refusal| refusal.with("file", file.display());
        let unreadable = |error| at(Refusal::new(Reason::FileUnreadable).with("problem", error));
        let handed_over = self.credentials.as_ref().is_some_and(|folder| file.starts_with(folder));
        // Looked at before it is opened, because opening a pipe may never end; and what counts is what was opened.
        check_secret(&fs::metadata(file).map_err(unreadable)?, handed_over).map_err(at)?;
        let opened = File::open(file).map_err(unreadable)?;
        check_secret(&opened.metadata().map_err(unreadable)?, handed_over).map_err(at)?;
        let mut content = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX as usize + 1));
        opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut content).map_err(unreadable)?;
        if content.len() as u64 > FILE_BYTES_MAX {
            return Err(at(Refusal::new(Reason::KeyFileTooLarge)));
        }
        Ok(content)
    }

    /// Where a key file of a node lies: what the service manager hands over comes before the folder.
    fn find(&self, folder: &Path, name: &str) -> PathBuf {
        let handed_over = self.credentials.as_ref().map(|credentials| credentials.join(name));
        handed_over.filter(|file| file.exists()).unwrap_or_else(|| folder.join(name))
    }

    /// Reads all keys that a node of this configuration signs with.
    pub fn read_node(&mut self, config: &NodeConfig) -> Result<NodeKeys, Refusal> {
        let folder = &config.keys;
        check_folder(folder)?;
        if let Some(file) = &config.passphrase_file {
            self.add_passphrase_file(file)?;
        }
        let mut statements = BTreeMap::new();
        for org in &config.profile.hosts {
            statements.insert(org.clone(), self.generations(folder, &format!("statement-{org}"))?);
        }
        let (log, witness) = (self.generations(folder, "log")?, self.generations(folder, "witness")?);
        Ok(NodeKeys { log, witness, statements, tls: Vec::new() })
    }

    /// Every generation of a key that is there, oldest first; one at least. An old one may be taken away once nothing is
    /// signed with it any more, so gaps are passed over.
    fn generations(&mut self, folder: &Path, name: &str) -> Result<Vec<SecretKey>, Refusal> {
        let files = (0..GENERATIONS_MAX).map(|number| self.find(folder, &generation_file(name, number)));
        let there: Vec<PathBuf> = files.filter(|file| file.exists()).collect();
        if there.is_empty() {
            return self.read(&folder.join(generation_file(name, 0))).map(|key| vec![key]);
        }
        there.iter().map(|file| self.read(file)).collect()
    }

    /// Reads the PEM text of another private key of a node.
    pub fn read_node_pem(&mut self, folder: &Path, name: &str) -> Result<Zeroizing<String>, Refusal> {
        self.read_pem(&self.find(folder, name))
    }
}

/// A regular file of sensible size that nobody but its owner can read or write. What lies in the service manager's folder may
/// be readable for its group: systemd gives the service its right with an access control list, whose mask shows there.
fn check_secret(found: &Metadata, handed_over: bool) -> Result<(), Refusal> {
    if !found.is_file() {
        return Err(Refusal::new(Reason::KeyFileIrregular));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = found.permissions().mode() & 0o777;
        if mode & if handed_over { 0o037 } else { 0o077 } != 0 {
            return Err(Refusal::new(Reason::KeyFileOpen).with("mode", format!("{mode:04o}")));
        }
    }
    if found.len() > FILE_BYTES_MAX {
        return Err(Refusal::new(Reason::KeyFileTooLarge).with("bytes", found.len()));
    }
    Ok(())
}

/// A folder in which nobody but its owner can exchange files.
fn check_folder(folder: &Path) -> Result<(), Refusal> {
    let found = fs::metadata(folder).map_err(|error| {
        Refusal::new(Reason::FileUnreadable).with("file", folder.display()).with("problem", error)
    })?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = found.permissions().mode() & 0o777;
        if mode & 0o022 != 0 {
            let refusal = Refusal::new(Reason::KeyFolderOpen).with("file", folder.display());
            return Err(refusal.with("mode", format!("{mode:04o}")));
        }
    }
    Ok(())
}

/// Makes a folder for keys, with rights for its owner only; one that is there already stays as it is.
pub fn make_folder(folder: &Path) -> Result<(), Refusal> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder).map_err(|error| unwritable(folder, error))
}

/// Writes a key file with rights for its owner only; refuses to overwrite one.
pub fn write(path: &Path, key: &SecretKey) -> Result<(), Refusal> {
    write_private(path, key.to_pem().as_bytes())
}

/// Writes a key file under a passphrase, with rights for its owner only; refuses to overwrite one.
pub fn write_encrypted(path: &Path, key: &SecretKey, passphrase: &Passphrase) -> Result<(), Refusal> {
    write_pem(path, &key.to_pem(), Some(passphrase))
}

/// Writes the PEM text of a private key, under a passphrase if there is one.
pub fn write_pem(path: &Path, pem: &str, passphrase: Option<&Passphrase>) -> Result<(), Refusal> {
    let Some(passphrase) = passphrase else { return write_private(path, pem.as_bytes()) };
    let mut fresh = Fresh { salt: [0; 16], iv: [0; 16] };
    system::fill(&mut fresh.salt);
    system::fill(&mut fresh.iv);
    write_private(path, passphrase::encrypt(pem, passphrase, fresh)?.as_bytes())
}

/// Writes a private file; refuses to overwrite one.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), Refusal> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path).map_err(|error| unwritable(path, error))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(|error| unwritable(path, error))
}

fn unwritable(path: &Path, error: std::io::Error) -> Refusal {
    if error.kind() == std::io::ErrorKind::AlreadyExists {
        return Refusal::new(Reason::FileExists).with("file", path.display());
    }
    Refusal::new(Reason::FileUnwritable).with("file", path.display()).with("problem", error)
}

/// The number of the newest generation of a key that lies in a folder.
pub fn newest_generation(folder: &Path, name: &str) -> Option<usize> {
    (0..GENERATIONS_MAX).rfind(|number| generation(folder, name, *number).exists())
}

/// Writes all keys that a node signs with, under a passphrase if there is one.
pub fn write_node(folder: &Path, keys: &NodeKeys, passphrase: Option<&Passphrase>) -> Result<(), Refusal> {
    let generations = |name: &str, keys: &[SecretKey]| {
        let mut numbered = keys.iter().enumerate();
        numbered.try_for_each(|(number, key)| write_pem(&generation(folder, name, number), &key.to_pem(), passphrase))
    };
    generations("log", &keys.log)?;
    generations("witness", &keys.witness)?;
    keys.statements.iter().try_for_each(|(org, keys)| generations(&format!("statement-{org}"), keys))
}

/// The file of one generation of a key: `NAME.pem`, then `NAME.2.pem` and so on.
pub fn generation(folder: &Path, name: &str, number: usize) -> PathBuf {
    folder.join(generation_file(name, number))
}

/// Its name alone.
pub fn generation_file(name: &str, number: usize) -> String {
    match number {
        0 => format!("{name}.pem"),
        later => format!("{name}.{}.pem", later + 1),
    }
}

/// Most generations of one key: a rotation every month for eight years.
const GENERATIONS_MAX: usize = 100;

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::config::node::read_run;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("own file");
    }

    fn reason<T>(outcome: Result<T, Refusal>) -> Reason {
        outcome.err().expect("refused").reason
    }

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(text.as_bytes()).expect("one line")
    }

    #[test]
    fn only_a_private_regular_file_is_read() {
        let folder = tempfile::tempdir().expect("folder");
        let (file, link) = (folder.path().join("key.pem"), folder.path().join("link.pem"));
        let key = SecretKey::from_seed(&[7; 32]);
        write(&file, &key).expect("written");
        symlink(&file, &link).expect("linked");
        let mut opener = Opener::default();
        for mode in [0o600, 0o400, 0o700] {
            set_mode(&file, mode);
            for path in [&file, &link] {
                assert_eq!(opener.read(path).expect("private").public(), key.public());
            }
        }
        for mode in [0o640, 0o604, 0o620, 0o602, 0o601, 0o666, 0o440] {
            set_mode(&file, mode);
            for path in [&file, &link] {
                let refusal = opener.read(path).err().expect("open to others");
                assert_eq!(
                    (refusal.reason, refusal.field("mode")),
                    (Reason::KeyFileOpen, Some(&*format!("{mode:04o}")))
                );
            }
        }
        let large = folder.path().join("large.pem");
        for (content, expected) in [
            (vec![b'a'; FILE_BYTES_MAX as usize + 1], Reason::KeyFileTooLarge),
            (vec![b'a'; FILE_BYTES_MAX as usize], Reason::KeyFileInvalid),
            (vec![0xff; 48], Reason::KeyFileInvalid),
        ] {
            write_private(&large, &content).expect("written");
            assert_eq!(reason(opener.read(&large)), expected);
            fs::remove_file(&large).expect("own file");
        }
        assert_eq!(reason(opener.read(folder.path())), Reason::KeyFileIrregular);
        assert_eq!(reason(opener.read(Path::new("/dev/zero"))), Reason::KeyFileIrregular);
        assert_eq!(reason(opener.read(&folder.path().join("missing.pem"))), Reason::FileUnreadable);
        symlink(folder.path().join("missing.pem"), &large).expect("linked");
        assert_eq!(reason(opener.read(&large)), Reason::FileUnreadable);
    }

    #[test]
    fn every_passphrase_known_is_tried_before_anyone_is_asked() {
        let folder = tempfile::tempdir().expect("folder");
        let key = SecretKey::from_seed(&[7; 32]);
        let [first, second, file] = ["first", "second", "key.pem"].map(|name| folder.path().join(name));
        write_private(&first, b"one\n").expect("written");
        write_private(&second, b"two\n").expect("written");
        write_encrypted(&file, &key, &passphrase("two")).expect("written");
        let known = |file: &Path| Opener::default().with_passphrase_file(file);
        assert_eq!(reason(Opener::default().read(&file)), Reason::PassphraseMissing);
        assert_eq!(reason(known(&first).expect("one line").read(&file)), Reason::PassphraseWrong);
        let mut both = known(&first).and_then(|opener| opener.with_passphrase_file(&second)).expect("two lines");
        assert_eq!(both.read(&file).expect("the second fits").public(), key.public());
        let told = std::sync::Once::new();
        let ask = move |_: &Path| {
            assert!(!told.is_completed(), "asked twice");
            told.call_once(|| ());
            Ok(passphrase("two"))
        };
        let mut asking = known(&first).expect("one line").or_ask(Box::new(ask));
        for _ in 0..2 {
            assert_eq!(asking.read(&file).expect("asked").public(), key.public());
        }
        set_mode(&first, 0o644);
        assert_eq!(reason(known(&first)), Reason::KeyFileOpen);
    }

    /// A node of one organisation, all of whose keys but one lie in its folder.
    fn node(folder: &Path) -> NodeConfig {
        let root = "0".repeat(64);
        let run = format!(
            "listen = \"127.0.0.1:1\"\ndata = \"data\"\nkeys = \"keys\"\ngenesis = \"keys\"\nprofile = \"node.toml\"\n\
             passphrase_file = \"passphrase\"\nfederation = \"a\"\nfederation_root = \"sha256:{root}\"\n"
        );
        make_folder(&folder.join("keys")).expect("made");
        fs::write(folder.join("run.toml"), run).expect("written");
        fs::write(folder.join("node.toml"), "node = \"kid\"\noperator = \"kid\"\nhosts = [\"kid\"]\n")
            .expect("written");
        for (name, seed) in [("log.pem", 1), ("witness.pem", 2)] {
            let file = folder.join("keys").join(name);
            write_encrypted(&file, &SecretKey::from_seed(&[seed; 32]), &passphrase("a")).expect("written");
        }
        read_run(&folder.join("run.toml")).expect("settings")
    }

    #[test]
    fn a_node_finds_its_keys_in_its_folder_and_among_the_credentials() {
        let folder = tempfile::tempdir().expect("folder");
        let config = node(folder.path());
        assert_eq!(reason(Opener::default().read_node(&config)), Reason::FileUnreadable);
        write_private(&folder.path().join("passphrase"), b"a").expect("written");
        let credentials = folder.path().join("credentials");
        make_folder(&credentials).expect("made");
        write(&credentials.join("statement-kid.pem"), &SecretKey::from_seed(&[3; 32])).expect("written");
        assert_eq!(reason(Opener::default().read_node(&config)), Reason::FileUnreadable);
        // So it looks where systemd has added an access control list.
        set_mode(&credentials.join("statement-kid.pem"), 0o440);
        let opener = || Opener::default().with_credentials(&credentials);
        let keys = opener().expect("no passphrase there").read_node(&config).expect("all found");
        assert_eq!(keys.witness[0].public(), SecretKey::from_seed(&[2; 32]).public());
        assert_eq!(keys.statements.len(), 1);
        set_mode(&config.keys, 0o770);
        assert_eq!(reason(opener().expect("as before").read_node(&config)), Reason::KeyFolderOpen);
        set_mode(&config.keys, 0o755);
        let without = NodeConfig { passphrase_file: None, ..config };
        assert_eq!(reason(opener().expect("as before").read_node(&without)), Reason::PassphraseMissing);
        write_private(&credentials.join(PASSPHRASE_CREDENTIAL), b"a\n").expect("written");
        assert!(opener().expect("a passphrase").read_node(&without).is_ok());
        set_mode(&credentials.join("statement-kid.pem"), 0o444);
        assert_eq!(reason(opener().expect("a passphrase").read_node(&without)), Reason::KeyFileOpen);
    }

    #[test]
    fn a_further_key_of_a_node_lies_under_the_passphrase_of_the_others() {
        let folder = tempfile::tempdir().expect("folder");
        let config = node(folder.path());
        for (file, line) in [("passphrase", "a"), ("roots", "b")] {
            write_private(&folder.path().join(file), line.as_bytes()).expect("written");
        }
        let knows = |file: &str| Opener::default().with_passphrase_file(&folder.path().join(file)).expect("a line");
        assert!(knows("roots").into_passphrase_for(&config) == Ok(Some(passphrase("a"))));
        let without = NodeConfig { passphrase_file: None, ..config };
        let refusal = knows("roots").into_passphrase_for(&without).err().expect("the roots' opens nothing here");
        assert_eq!(refusal.reason, Reason::PassphraseWrong);
        let both = knows("roots").with_passphrase_file(&folder.path().join("passphrase")).expect("a line");
        assert!(both.into_passphrase_for(&without) == Ok(Some(passphrase("a"))));
        write(&generation(&without.keys, "log", 1), &SecretKey::from_seed(&[1; 32])).expect("written");
        assert!(knows("roots").into_passphrase_for(&without) == Ok(None));
    }
}
