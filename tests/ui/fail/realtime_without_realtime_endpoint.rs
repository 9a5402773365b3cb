use fal_core::{IntoInput, Realtime, input};
use fal_kling_video::v2_1::master::text_to_video;

fn realtime(_: impl IntoInput<Endpoint: Realtime>) {}

async fn never_called() {
    realtime(input!(text_to_video { prompt: "a cat" }));
}

fn main() {}
