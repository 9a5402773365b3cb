//! Files in inputs and outputs.
//!
//! # Send files
//!
//! A parameter for a file takes a URL, or a [`File`](crate::File) that the client uploads when the call is sent:
//!
//! ```no_run
//! use std::path::Path;
//! use fal_client::{Client, File, input};
//! use fal_whisper as whisper;
//!
//! # async fn example(client: Client, speech: Vec<u8>) -> fal_client::Result<()> {
//! client.run(input!(whisper { audio_url: "https://example.com/speech.wav" })).await?;
//! client.run(input!(whisper { audio_url: Path::new("speech.wav") })).await?;
//! client.run(input!(whisper { audio_url: File::bytes(speech, "audio/wav") })).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Small files can be sent inside the request, which saves the upload: `File::path("icon.png").inline()`. Local files are checked
//! against the limits of their parameter before anything is sent.
//!
//! A file for several calls is uploaded once, with progress if it is large:
//!
//! ```no_run
//! # use fal_client::{Client, File, input};
//! # use fal_whisper as whisper;
//! # async fn example(client: Client) -> fal_client::Result<()> {
//! let upload = client.upload(File::path("lecture.wav")).on_progress(|progress| eprintln!("{progress:?}"));
//! let url = upload.await?;
//! let reply = client.subscribe(input!(whisper { audio_url: url })).await?;
//! println!("{}", reply.text);
//! # Ok(())
//! # }
//! ```
//!
//! A file of an output is a parameter of the next call as it is, without a download:
//!
//! ```no_run
//! # use fal_client::{Client, input};
//! # use fal_flux::{dev, dev::image_to_image};
//! # async fn example(client: Client) -> fal_client::Result<()> {
//! let cat = client.subscribe(input!(dev { prompt: "a cat" })).await?;
//! let edited = client.subscribe(input!(image_to_image { prompt: "with a hat", image_url: &cat.images[0] })).await?;
//! # let _ = edited;
//! # Ok(())
//! # }
//! ```
//!
//! Uploads send large files in parallel parts and with constant memory, and a
//! [`Checkpoint`](crate::storage::Checkpoint) continues one that was interrupted.
//!
//! # Save files
//!
//! ```no_run
//! use fal_client::{Client, Reply, storage::MediaExt};
//! use fal_flux::dev;
//!
//! # async fn example(client: Client, reply: Reply<dev::Output>) -> fal_client::Result<()> {
//! // One file under its own name; it replaces an existing one.
//! reply.images[0].save(&client, "out/cat.jpg").await?;
//! // All files of the output, under the names of their fields.
//! for saved in reply.save_media(&client, "out").await? {
//!     println!("{}", saved.path.display());
//! }
//! // In memory, with a limit.
//! let bytes = reply.images[0].download(&client).max_bytes(10_000_000).await?.bytes().await?;
//! # let _ = bytes;
//! # Ok(())
//! # }
//! ```
//!
//! Folders are created. On Unix, new files are readable by their owner only.
//!
//! With the feature `image`, `to_image` decodes a picture, and pictures of the crate `image` are files.
//!
//! A server that downloads URLs of outputs limits the hosts, because a model may repeat a URL that its user chose:
//! `reply.save_media(&client, "out").hosts(["fal.media"])`.
//!
//! # Keep files private, or not for long
//!
//! ```no_run
//! # use std::time::Duration;
//! # use fal_client::{Client, input, storage::{Access, Lifecycle}};
//! # use fal_flux::dev;
//! # async fn example(client: Client) -> fal_client::Result<()> {
//! let private = Lifecycle::default().expires_after(Duration::from_secs(3600)).access(Access::Forbid);
//! client.subscribe(input!(dev { prompt: "a secret cat" })).lifecycle(private).await?;
//! # Ok(())
//! # }
//! ```
