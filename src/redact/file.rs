//! Files that are secret as a whole, by their names.

/// Names of files that hold secrets and little else, in lower case.
const NAMES: [&str; 16] = [
    ".dockercfg",
    ".git-credentials",
    ".htpasswd",
    ".netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    ".vault-token",
    "_netrc",
    "auth.json",
    "credentials",
    "credentials.json",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
];
/// Extensions of keys and of stores of keys, in lower case.
const EXTENSIONS: [&str; 11] =
    ["asc", "gpg", "jks", "kdbx", "key", "keystore", "p12", "pem", "pfx", "ppk", "tfstate"];
/// Ends of the names of files of variables that are there to be copied, and hold no secrets.
pub const SAMPLES: [&str; 5] = ["example", "sample", "template", "dist", "defaults"];

/// Tells whether a file of this name, without directories, is likely to be a secret as a whole.
pub fn is_secret_file(name: &str) -> bool {
    let name = name.to_lowercase();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let is_variables = name == ".env" || name == ".envrc" || name.starts_with(".env.");
    let is_sample = extension.is_some_and(|it| SAMPLES.contains(&it));
    NAMES.contains(&name.as_str())
        || extension.is_some_and(|it| EXTENSIONS.contains(&it))
        || is_variables && !is_sample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_variables_and_of_keys_are_secret_and_their_samples_are_not() {
        for name in [".env", ".env.local", ".ENV", "server.pem", "id_rsa", ".netrc", "x.tar.gpg"] {
            assert!(is_secret_file(name), "{name}");
        }
        for name in [".env.example", ".env.sample", "id_rsa.pub", "key.rs", "environment", "pem"] {
            assert!(!is_secret_file(name), "{name}");
        }
    }
}
