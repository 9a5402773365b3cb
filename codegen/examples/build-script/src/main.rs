//! Prints inputs of three endpoints of your own app.

use fal_core::{Realtime, Streams, input};

// A program uses only some of the generated code.
#[allow(dead_code, unused_imports)]
mod postcards {
    include!(concat!(env!("OUT_DIR"), "/postcards.rs"));
}

use postcards::{Stamp, edit, realtime};

fn main() -> Result<(), serde_json::Error> {
    let stamp = Stamp::builder().country("NL").cents(109).build();
    let card = input!(postcards {
        greeting: "Wish you were here",
        copies: 3,
        paper: postcards::Paper::Matte,
        stamp: stamp,
    });
    println!("{}", serde_json::to_string(&card)?);

    let edited = input!(edit { image_url: "https://example.com/beach.png", note: "less rain" });
    println!("{}", serde_json::to_string(&edited)?);

    let typed = input!(realtime { greeting: "Wish" });
    println!("{}", serde_json::to_string(&typed)?);

    print_streaming::<postcards::Model>();
    print_realtime::<realtime::Model>();
    Ok(())
}

/// Prints that a model streams: the route `/stream` has the same input as `/`, so it is the stream of `/`.
fn print_streaming<Model: Streams>() {
    println!("{} streams", Model::ID);
}

fn print_realtime<Model: Realtime>() {
    println!("{} is realtime", Model::ID);
}
