use super::*;

fn with_env<const N: usize>(variables: [(&'static str, &'static str); N]) -> ClientBuilder {
    ClientBuilder { env: Some(Env::fixed(variables)), ..ClientBuilder::new() }
}

#[test]
fn environment_configures_a_client() {
    let client = with_env([("FAL_KEY", "a:b")]).build().unwrap();
    assert_eq!(client.hosts().queue(), "https://queue.fal.run");
    assert!(client.has_key());
}

#[test]
fn emulator_needs_no_key_and_gets_none() {
    let client =
        with_env([("FAL_KEY", "real:key"), ("FAL_EMULATOR_URL", "http://127.0.0.1:8080")]).build().unwrap();
    assert_eq!(client.hosts().rest(), "http://127.0.0.1:8080/rest");
    assert!(!client.has_key());
    let error = with_env([("FAL_EMULATOR_URL", "ftp://x")]).build().unwrap_err();
    assert!(error.is_config() && error.to_string().contains("FAL_EMULATOR_URL"), "{error}");
}

#[test]
fn builder_options_win_over_the_environment() {
    let client = with_env([("FAL_KEY", "a:b"), ("FAL_RUN_HOST", "fal.example")])
        .queue_host("http://localhost:1/q")
        .credentials(Credentials::none())
        .build()
        .unwrap();
    assert_eq!(client.hosts().run(), "https://fal.example");
    assert_eq!(client.hosts().queue(), "http://localhost:1/q");
    assert!(!client.has_key());
}

#[test]
fn builder_without_key_or_env_is_an_auth_error() {
    let error = ClientBuilder::new().build().unwrap_err();
    assert!(error.is_auth() && error.to_string().contains("after `env()`"), "{error}");
}

#[test]
fn debug_output_does_not_contain_the_key() {
    let builder = ClientBuilder::new().key("very:secret");
    let shown = format!("{builder:?} {:?}", ClientBuilder::new().key("very:secret").build().unwrap());
    assert!(!shown.contains("secret"), "{shown}");
    assert!(shown.contains("queue.fal.run"), "{shown}");
}

#[test]
fn proxy_needs_no_key_and_must_be_a_safe_url() {
    let client = with_env([("FAL_KEY", "real:key")]).proxy_url("https://my.example/api/").build().unwrap();
    assert!(!client.has_key());
    let client = ClientBuilder::new().key("a:b").proxy_url("https://my.example/api").build().unwrap();
    assert!(client.has_key());
    for bad in ["http://my.example/api", "ftp://x", ""] {
        let error = ClientBuilder::new().proxy_url(bad).build().unwrap_err();
        assert!(error.is_config() && error.to_string().contains("proxy"), "{error}");
    }
}

#[test]
fn plain_http_must_be_allowed() {
    let builder = || ClientBuilder::new().key("a:b").run_host("http://fal.internal:8000");
    assert!(builder().build().unwrap_err().to_string().contains("allow_plain_http"));
    assert_eq!(builder().allow_plain_http().build().unwrap().hosts().run(), "http://fal.internal:8000");
    let client = with_env([("FAL_EMULATOR_URL", "http://fal.internal:8000")]).allow_plain_http().build();
    assert_eq!(client.unwrap().hosts().rest(), "http://fal.internal:8000/rest");
}

#[test]
fn invalid_default_headers_are_refused() {
    for (name, value) in [("authorization", "Key x"), ("a b", "x"), ("a", "x\n")] {
        assert!(ClientBuilder::new().key("a:b").default_header(name, value).build().unwrap_err().is_config());
    }
}
