use fal_core::IntoInput;

fn run(_: impl IntoInput) {}

async fn never_called() {
    run("a cat");
}

fn main() {}
