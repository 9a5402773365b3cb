//! Prints what three endpoints of an app of one's own would be sent.

use fal_core::{Realtime, Streams, input};

// A program uses some of what is generated, and the compiler would name all the rest.
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

    streams::<postcards::Model>();
    talks::<realtime::Model>();
    Ok(())
}

/// The route `/stream` is the stream of `/`, which takes the same.
fn streams<Model: Streams>() {
    println!("{} streams", Model::ID);
}

fn talks<Model: Realtime>() {
    println!("{} is realtime", Model::ID);
}
