// A realtime connection to a model. Messages go as JSON in text frames, which fal's routes take as they take MessagePack.

/** The number of messages that are listed. */
const LISTED_MESSAGES = 20;
/** The pause after the last change of the input before it is sent, in milliseconds. */
const TYPING_PAUSE = 150;

/** Returns a token for connections, as a browser app gets one from its server. Without a key none is needed. */
const realtimeToken = async (id) => {
  if (!key.get()) return "";
  const alias = id.split("/")[1] ?? id;
  const reply = await post("/rest/tokens/realtime", JSON.stringify({ allowed_apps: [alias], duration: 600 }));
  if (!reply.ok) throw new Error(`the token was refused: ${reply.status}`);
  return `?fal_jwt_token=${encodeURIComponent((await reply.json()).token)}`;
};

/** Creates the controls of a connection to a model. Outputs are shown by `show`. */
const realtimePanel = (id, editor, show) => {
  let socket;
  let sent = 0;
  let received = 0;
  let timer;
  const messages = [];
  const state = make("span", { class: "faint", role: "status" }, "Not connected");
  const always = make("input", { type: "checkbox", id: newId(), checked: true });
  const log = (direction, text) => {
    messages.unshift(`${direction} ${text.length > 300 ? `${text.slice(0, 300)}… (${text.length} characters)` : text}`);
    messages.length = Math.min(messages.length, LISTED_MESSAGES);
  };
  const send = () => {
    clearTimeout(timer);
    if (socket?.readyState !== WebSocket.OPEN) return;
    const body = editor.read();
    if (body === undefined) return;
    socket.send(body);
    sent += 1;
    log("→", body);
    tell();
  };
  const tell = () => (state.textContent = `Connected: ${sent} sent, ${received} received`);
  const receive = ({ data }) => {
    received += 1;
    const text = typeof data === "string" ? data : `${data.size} bytes`;
    log("←", text);
    tell();
    let output;
    try {
      output = JSON.parse(text);
    } catch {
      // It is listed as it came.
    }
    show(output !== undefined && gallery(output), part("Messages, the latest first", code(messages.join("\n"), "Messages")));
  };
  const connect = attempt(async () => {
    const url = new URL(`/run/${endpointPath(id)}${id.endsWith("/realtime") ? "" : "/realtime"}${await realtimeToken(id)}`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    socket = new WebSocket(url);
    sent = received = 0;
    state.textContent = "Connecting";
    toggle.textContent = "Disconnect";
    socket.onopen = () => (tell(), send());
    socket.onmessage = receive;
    socket.onclose = ({ code, reason }) => {
      state.textContent = `Closed with ${code}${reason ? `: ${visible(reason)}` : ""}`;
      toggle.textContent = "Connect";
      socket = undefined;
    };
  });
  const end = () => socket?.close();
  const toggle = button("Connect", () => (socket ? end() : connect()), { title: "Open a realtime connection to the model" });
  editor.element.addEventListener("input", () => {
    clearTimeout(timer);
    if (always.checked) timer = setTimeout(send, TYPING_PAUSE);
  });
  const element = make("fieldset", {},
    make("legend", {}, "Realtime"),
    make("div", { class: "row" }, toggle, button("Send", send, { title: "Send the input as a message" }), make("span", {}, always, make("label", { for: always.id }, " Send every change")), state));
  return { element, end };
};
