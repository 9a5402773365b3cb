//! The first batch of the README: its commands, the compose file and the example agree.

use std::fs;

use serde_json::{Value, json};

const README: &str = include_str!("../../README.md");
const COMPOSE: &str = include_str!("../../compose.yaml");
const EXAMPLE: &str = include_str!("../../examples/cats.rs");

/// Returns the commands of the README's first batch, without their comments.
fn commands() -> Vec<&'static str> {
    let section = README.split("## A first batch in five minutes").nth(1).unwrap();
    let block = section.split("```console\n").nth(1).unwrap().split("```").next().unwrap();
    block.lines().map(|line| line.split("  #").next().unwrap().trim()).collect()
}

#[test]
fn the_url_of_the_database_is_that_of_the_compose_file() {
    let compose: Value = serde_saphyr::from_str(COMPOSE).unwrap();
    let database = &compose["services"]["database"];
    // The port of PostgreSQL, which a URL need not name.
    assert_eq!(database["ports"], json!(["127.0.0.1:5432:5432"]));
    let password = database["environment"]["POSTGRES_PASSWORD"].as_str().unwrap();
    let url = format!("postgres://postgres:{password}@localhost/postgres");
    assert!(commands().iter().any(|command| command.contains(&format!("DATABASE_URL={url} "))), "{url}");
    assert!(COMPOSE.contains(&format!("DATABASE_URL={url}\n")));
    assert!(EXAMPLE.matches(&url).count() == 2 && EXAMPLE.contains(&format!("DATABASE_URL={url} ")));
    let version: u32 =
        database["image"].as_str().unwrap().strip_prefix("postgres:").unwrap().parse().unwrap();
    assert!(version >= 15 && README.contains("PostgreSQL 15 or later"));
    let volume = database["volumes"][0].as_str().unwrap().split(':').next().unwrap();
    assert!(compose["volumes"].get(volume).is_some(), "{compose}");
}

#[test]
fn the_commands_name_files_and_arguments_that_exist() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let [compose, export, runs @ ..] = &*commands() else { panic!("{:?}", commands()) };
    let file = compose.strip_prefix("docker compose -f ").unwrap().strip_suffix(" up -d").unwrap();
    assert_eq!(fs::read_to_string(format!("{root}/{file}")).unwrap(), COMPOSE);
    assert!(export.starts_with("export ") && export.contains(" FAL_KEY="), "{export}");
    let arguments: Vec<&str> = runs
        .iter()
        .map(|run| run.strip_prefix("cargo run -p fal-fleet --features axum --example cats -- ").unwrap())
        .collect();
    assert_eq!(arguments, ["enqueue", "work", "status"]);
    for (run, argument) in runs.iter().zip(arguments) {
        assert!(EXAMPLE.contains(&format!("Some(\"{argument}\") =>")), "{argument}");
        assert!(EXAMPLE.contains(run), "{run}");
    }
}
