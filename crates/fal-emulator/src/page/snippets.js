// Writes a call as a program. The texts are shown and copied, never run here.

/** Quotes text for a POSIX shell. */
const quoteShell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const emulatorUrl = () => byId("url").textContent || location.origin;

const withKey = () => (key.get() ? ` \\\n  -H "authorization: Key $FAL_KEY"` : "");

const curl = (way, id, text) => {
  const path = { run: "run", stream: "run", queue: "queue" }[way];
  const url = `${emulatorUrl()}/${path}/${endpointPath(id)}${way === "stream" && !id.endsWith("/stream") ? "/stream" : ""}`;
  return `curl ${way === "stream" ? "--no-buffer " : ""}${quoteShell(url)} \\\n  -H 'content-type: application/json'${withKey()} \\\n  --data-raw ${quoteShell(visible(text))}\n`;
};

const python = (way, id, input) => {
  const call = `(${quoteJson(id)}, arguments=${write(input, NOTATIONS.python)})`;
  if (way === "stream") return `import fal_client\n\nfor event in fal_client.stream${call}:\n    print(event)\n`;
  return `import fal_client\n\nresult = fal_client.${way === "run" ? "run" : "subscribe"}${call}\nprint(result)\n`;
};

const javascript = (way, id, input) => {
  const call = `(${quoteJson(id)}, {\n  input: ${write(input, NOTATIONS.javascript, "  ")},\n})`;
  const head = `import { fal } from "@fal-ai/client";\n\n`;
  if (way === "stream") return `${head}const stream = await fal.stream${call};\nfor await (const event of stream) console.log(event);\n`;
  return `${head}const { data } = await fal.${way === "run" ? "run" : "subscribe"}${call};\nconsole.log(data);\n`;
};

const rust = (way, id, input) => {
  const stream = [
    "    let mut events = client.stream(input).await?;",
    "    while let Some(event) = events.next().await {",
    '        println!("{}", *event?);',
    "    }",
  ];
  const reply = [`    let reply = client.${way === "run" ? "run" : "subscribe"}(input).await?;`, '    println!("{:#}", *reply);'];
  return [
    "use fal_client::{Client, untyped};",
    "use serde_json::json;",
    "",
    "#[tokio::main]",
    "async fn main() -> fal_client::Result<()> {",
    "    let client = Client::from_env()?;",
    `    let input = untyped::input(${NOTATIONS.rust.quote(id)}, json!(${write(input, NOTATIONS.rust, "    ")}));`,
    ...(way === "stream" ? stream : reply),
    "    Ok(())",
    "}",
    "",
  ].join("\n");
};

const LANGUAGES = [
  ["curl", (way, id, text) => curl(way, id, text)],
  ["Python", (way, id, text) => python(way, id, parseJson(text))],
  ["JavaScript", (way, id, text) => javascript(way, id, parseJson(text))],
  ["Rust", (way, id, text) => rust(way, id, parseJson(text))],
];
