use fal_core::{IntoInput, Streams, input};
use fal_kling_video::v2_1::master::text_to_video;

fn stream(_: impl IntoInput<Endpoint: Streams>) {}

async fn never_called() {
    stream(input!(text_to_video { prompt: "a cat" }));
}

fn main() {}
