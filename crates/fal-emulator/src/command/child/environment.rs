//! The environment that directs the calls of a command to the emulator.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tokio::process::Command;

use super::java_trust_store::PASSWORD;
use super::trust::{FilePaths, TRUST_VARIABLES};

/// The variables that name the proxy.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
/// The names of the key in fal's clients, and in tools that call fal.
const KEY_VARIABLES: [&str; 3] = ["FAL_KEY", "FAL_API_KEY", "FAL_AI_API_KEY"];
/// The variables that lead fal's clients to other hosts.
const HOST_VARIABLES: [&str; 4] = ["FAL_RUN_HOST", "FAL_QUEUE_RUN_HOST", "FAL_REST_HOST", "FAL_HOST"];
/// The key of the command, which is worth nothing. If the command calls fal in spite of everything, the answer is 401.
const WORTHLESS_KEY: &str = "emulator:key";
/// A proxy that no program can reach: the port of a service that nobody runs any more.
const UNREACHABLE_PROXY: &str = "http://127.0.0.1:9";
/// fal's domains.
const DOMAINS: [&str; 4] = ["fal.run", "falrun.com", "fal.ai", "fal.media"];

/// The variables that a command gets, and those that it must not have.
pub(crate) struct Environment {
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) removed: BTreeSet<String>,
}

impl Environment {
    /// Creates the environment for the emulator at `url`, which is `http://…`.
    ///
    /// `key` is the key that the emulator requires. `inherited` is the environment so far, from which no key of fal is
    /// passed on.
    pub(crate) fn new(
        url: &str,
        files: &FilePaths,
        key: Option<&str>,
        inherited: &BTreeMap<String, String>,
    ) -> Self {
        let key = key.unwrap_or(WORTHLESS_KEY);
        let mut variables = BTreeMap::new();
        let mut set = |name: &str, value: &str| drop(variables.insert(name.to_owned(), value.to_owned()));
        for name in TRUST_VARIABLES {
            set(name, &files.certificates().to_string_lossy());
        }
        let exceptions = proxy_exceptions(inherited);
        let extended = |name: &str, added: String| {
            let before = inherited.get(name).map_or("", String::as_str);
            format!("{before} {added}").trim().to_owned()
        };
        let preload = files.node_preload().to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
        set("NODE_OPTIONS", &extended("NODE_OPTIONS", format!("--require \"{preload}\"")));
        let preload = files.bun_preload();
        set("BUN_OPTIONS", &extended("BUN_OPTIONS", format!("--preload={}", preload.display())));
        set("JAVA_TOOL_OPTIONS", &extended("JAVA_TOOL_OPTIONS", java_options(url, files, &exceptions)));
        // An empty first part stands for the folder that PHP searches by itself.
        let folders = inherited.get("PHP_INI_SCAN_DIR").map_or("", String::as_str);
        let separator = if cfg!(windows) { ';' } else { ':' };
        set("PHP_INI_SCAN_DIR", &format!("{folders}{separator}{}", files.php_settings().display()));
        variables.extend(protection(url, key, &exceptions, inherited));
        Self { variables, removed: HOST_VARIABLES.map(str::to_owned).into() }
    }

    /// Creates the environment in which no call reaches fal, for a shell whose emulator does not answer.
    ///
    /// The proxy cannot be reached, and a client that ignores it has a key that is worth nothing.
    pub(crate) fn blocked(url: &str, inherited: &BTreeMap<String, String>) -> Self {
        let exceptions = proxy_exceptions(inherited);
        let mut variables = protection(UNREACHABLE_PROXY, WORTHLESS_KEY, &exceptions, inherited);
        variables.insert("FAL_EMULATOR_URL".to_owned(), url.to_owned());
        Self { variables, removed: HOST_VARIABLES.map(str::to_owned).into() }
    }

    /// Returns the lines by which a POSIX shell loses every variable that the emulator sets.
    pub(crate) fn to_unset_lines(inherited: &BTreeMap<String, String>) -> String {
        let set = Self::new("", &FilePaths::new(Path::new("")), None, inherited);
        set.variables.keys().map(|name| format!("unset {name}\n")).collect()
    }

    /// Sets the variables of a command.
    pub(super) fn apply(&self, command: &mut Command) {
        command.envs(&self.variables);
        for name in &self.removed {
            command.env_remove(name);
        }
    }

    /// Returns the lines by which a POSIX shell gets these variables.
    pub(crate) fn to_shell(&self) -> String {
        let quote = |value: &str| format!("'{}'", value.replace('\'', "'\\''"));
        let exports = self.variables.iter().map(|(name, value)| format!("export {name}={}\n", quote(value)));
        let unsets = self.removed.iter().map(|name| format!("unset {name}\n"));
        exports.chain(unsets).collect()
    }
}

/// Returns the variables that lead calls to a proxy and give them this key, in place of every key of fal.
fn protection(
    proxy: &str,
    key: &str,
    exceptions: &str,
    inherited: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    let mut set = |name: &str, value: &str| drop(variables.insert(name.to_owned(), value.to_owned()));
    for name in PROXY_VARIABLES {
        set(name, proxy);
    }
    for name in ["NO_PROXY", "no_proxy"] {
        set(name, exceptions);
    }
    set("FAL_EMULATOR_URL", proxy);
    // Node's fetch ignores the proxy variables unless this one is set, and old versions know none of them.
    set("NODE_USE_ENV_PROXY", "1");
    let real: BTreeSet<&String> =
        inherited.iter().filter(|(name, _)| is_key_name(name)).map(|(_, value)| value).collect();
    for (name, value) in inherited {
        // Also under a name that does not tell: what is a key of fal by its value.
        if is_key_name(name) || (value.len() >= 16 && real.contains(value)) {
            set(name, key);
        }
    }
    for name in KEY_VARIABLES {
        set(name, key);
    }
    let (id, secret) = key.split_once(':').or_else(|| WORTHLESS_KEY.split_once(':')).unwrap_or_default();
    set("FAL_KEY_ID", id);
    set("FAL_KEY_SECRET", secret);
    variables
}

/// Returns the options by which Java calls the proxy and trusts the emulator.
fn java_options(url: &str, files: &FilePaths, exceptions: &str) -> String {
    let authority = url.split("://").last().unwrap_or_default().trim_end_matches('/');
    let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let direct = exceptions.split(',').map(|exception| match exception {
        "127.0.0.1" => "127.*".to_owned(),
        "::1" => "[::1]".to_owned(),
        name if name.starts_with('.') => format!("*{name}"),
        name => name.to_owned(),
    });
    let direct: Vec<String> = direct.filter(|name| !name.contains([' ', '"', '\'', '/'])).collect();
    let store = files.java_trust_store();
    [
        format!("-Dhttp.proxyHost={host} -Dhttp.proxyPort={port}"),
        format!("-Dhttps.proxyHost={host} -Dhttps.proxyPort={port}"),
        format!("-Dhttp.nonProxyHosts={}", direct.join("|")),
        format!("-Djavax.net.ssl.trustStore=\"{}\" -Djavax.net.ssl.trustStoreType=JKS", store.display()),
        format!("-Djavax.net.ssl.trustStorePassword={PASSWORD}"),
    ]
    .join(" ")
}

/// Returns true for names such as `FAL_KEY`, `VITE_FAL_API_KEY` and `FALAI_TOKEN`.
fn is_key_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let words: Vec<&str> = name.split('_').collect();
    let is_fal = words.iter().any(|word| matches!(*word, "FAL" | "FALAI" | "FALKEY"));
    is_fal
        && words.iter().any(|word| {
            matches!(
                *word,
                "KEY" | "KEYS" | "APIKEY" | "FALKEY" | "TOKEN" | "SECRET" | "CREDENTIALS" | "CREDENTIAL"
            )
        })
}

/// Returns the hosts that are called without the proxy: this machine, and the exceptions so far unless fal is one.
fn proxy_exceptions(inherited: &BTreeMap<String, String>) -> String {
    let mut all = vec!["localhost", "127.0.0.1", "::1"];
    let before = ["no_proxy", "NO_PROXY"].iter().find_map(|name| inherited.get(*name));
    for exception in before.map_or("", String::as_str).split(',').map(str::trim) {
        let name = exception.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let name = name.trim_start_matches('*').trim_start_matches('.');
        let is_fal = DOMAINS.iter().any(|domain| {
            *domain == name || name.ends_with(&format!(".{domain}")) || domain.ends_with(&format!(".{name}"))
        });
        if !exception.is_empty() && exception != "*" && !is_fal && !all.contains(&exception) {
            all.push(exception);
        }
    }
    all.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_php_and_bun_get_the_proxy_and_the_certificates() {
        let inherited =
            [("NO_PROXY", ".corp,10.0.0.0/8"), ("JAVA_TOOL_OPTIONS", "-Xmx1g"), ("PHP_INI_SCAN_DIR", "/p")];
        let made = environment(&inherited, None);
        assert_eq!(
            made.variables["JAVA_TOOL_OPTIONS"],
            "-Xmx1g -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=1 -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=1 \
             -Dhttp.nonProxyHosts=localhost|127.*|[::1]|*.corp \
             -Djavax.net.ssl.trustStore=\"/t/a b/certificates.jks\" -Djavax.net.ssl.trustStoreType=JKS \
             -Djavax.net.ssl.trustStorePassword=changeit"
        );
        assert_eq!(made.variables["PHP_INI_SCAN_DIR"], "/p:/t/a b/php");
        assert_eq!(made.variables["BUN_OPTIONS"], "--preload=/t/a b/bun.cjs");
    }

    fn environment(inherited: &[(&str, &str)], key: Option<&str>) -> Environment {
        let inherited =
            inherited.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Environment::new("http://127.0.0.1:1", &FilePaths::new(Path::new("/t/a b")), key, &inherited)
    }

    #[test]
    fn no_inherited_key_is_passed_on() {
        let real = "11111111-2222:3333333333333333";
        let names = [
            "FAL_KEY",
            "FAL_KEY_ID",
            "FAL_KEY_SECRET",
            "FAL_API_KEY",
            "FAL_AI_API_KEY",
            "VITE_FAL_KEY",
            "FALAI_API_KEY",
            "NEXT_PUBLIC_FAL_AI_KEY",
            "FAL_ADMIN_KEY",
            "FAL_TOKEN",
            "fal_key",
            "OPENAI_API_KEY",
        ];
        let inherited: Vec<_> = names.iter().map(|name| (*name, real)).collect();
        let made = environment(&inherited, None);
        for name in names {
            assert!(made.variables.get(name).is_some_and(|value| !value.contains("1111")), "{name}");
        }
        assert_eq!(
            (made.variables["FAL_KEY"].as_str(), made.variables["FAL_KEY_ID"].as_str()),
            (WORTHLESS_KEY, "emulator")
        );
        let other = environment(&[("FALSE_KEY", "x"), ("FALCON_TOKEN", "y"), ("FAL_PROFILE", "z")], None);
        for name in ["FALSE_KEY", "FALCON_TOKEN", "FAL_PROFILE"] {
            assert!(!other.variables.contains_key(name), "{name}");
        }
    }

    #[test]
    fn a_blocked_environment_has_no_key_and_a_proxy_that_no_call_passes() {
        let inherited = [("VITE_FAL_KEY", "real"), ("FAL_KEY", "real"), ("NO_PROXY", "fal.run,.corp")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let blocked = Environment::blocked("http://127.0.0.1:8787", &inherited);
        let value = |name: &str| blocked.variables[name].as_str();
        assert_eq!((value("FAL_KEY"), value("VITE_FAL_KEY")), (WORTHLESS_KEY, WORTHLESS_KEY));
        assert_eq!((value("HTTPS_PROXY"), value("http_proxy")), (UNREACHABLE_PROXY, UNREACHABLE_PROXY));
        assert_eq!(value("no_proxy"), "localhost,127.0.0.1,::1,.corp");
        // Everything that either environment sets is unset again.
        let unset = Environment::to_unset_lines(&inherited);
        let made = Environment::new("http://127.0.0.1:1", &FilePaths::new(Path::new("/t")), None, &inherited);
        for name in blocked.variables.keys().chain(made.variables.keys()) {
            assert!(unset.contains(&format!("unset {name}\n")), "{name}");
        }
    }

    #[test]
    fn the_required_key_is_given_under_every_name() {
        let made = environment(&[], Some("a:b"));
        let value = |name: &str| made.variables[name].as_str();
        assert_eq!((value("FAL_API_KEY"), value("FAL_KEY_ID"), value("FAL_KEY_SECRET")), ("a:b", "a", "b"));
        assert_eq!(environment(&[], Some("plain")).variables["FAL_KEY"], "plain");
    }

    #[test]
    fn an_exception_from_the_proxy_cannot_be_fal() {
        let list = "*,.corp,fal.run,.fal.ai,v3.fal.media,run,.com,10.0.0.0/8,localhost";
        let made = environment(&[("NO_PROXY", list)], None);
        assert_eq!(made.variables["no_proxy"], "localhost,127.0.0.1,::1,.corp,10.0.0.0/8");
    }

    #[test]
    fn options_of_node_are_added_to() {
        let made = environment(&[("NODE_OPTIONS", "--max-old-space-size=100")], None);
        assert_eq!(made.variables["NODE_OPTIONS"], "--max-old-space-size=100 --require \"/t/a b/node.cjs\"");
        assert!(
            made.to_shell()
                .contains("export NODE_OPTIONS='--max-old-space-size=100 --require \"/t/a b/node.cjs\"'\n")
        );
        assert!(made.to_shell().contains("unset FAL_RUN_HOST\n"));
    }
}
