// Pictures, players and links for the files of an output.

const KINDS = [
  ["image", /^data:image\/|\.(png|jpe?g|webp|gif|svg|avif)([?#]|$)/i],
  ["video", /^data:video\/|\.(mp4|webm|mov)([?#]|$)/i],
  ["audio", /^data:audio\/|\.(wav|mp3|ogg|flac|m4a)([?#]|$)/i],
];

/** The largest number of files of one output that are shown. */
const MAX_FILES = 50;

const kindOf = (url, contentType) => {
  const type = typeof contentType === "string" ? contentType : "";
  const named = KINDS.find(([kind]) => type.startsWith(`${kind}/`)) ?? KINDS.find(([, pattern]) => pattern.test(url));
  return named ? named[0] : "file";
};

const isUrl = (text) => typeof text === "string" && /^(https?:\/\/[^\s]+|data:[a-z]+\/[^\s]+)$/i.test(text);

/** Collects the files inside a value: URL, kind and description. */
const filesIn = (value, found = []) => {
  if (found.length >= MAX_FILES) return found;
  if (isUrl(value)) found.push({ url: value, kind: kindOf(value), about: "" });
  else if (Array.isArray(value)) value.forEach((item) => filesIn(item, found));
  else if (value && typeof value === "object") {
    if (isUrl(value.url)) {
      const size = Number.isFinite(value.width) && Number.isFinite(value.height) ? `${value.width}×${value.height}` : "";
      const about = [value.file_name, size, value.content_type].filter((text) => text && typeof text === "string").join(" · ").slice(0, 300);
      found.push({ url: value.url, kind: kindOf(value.url, value.content_type), about });
    } else Object.values(value).forEach((item) => filesIn(item, found));
  }
  return found;
};

const player = ({ url, kind, about }) => {
  if (kind === "image") return make("a", { href: url, target: "_blank", rel: "noreferrer" }, make("img", { src: url, alt: about || "Output", loading: "lazy" }));
  if (kind === "video") return make("video", { src: url, controls: true, loop: true, muted: true, playsInline: true });
  if (kind === "audio") return make("audio", { src: url, controls: true });
  return make("a", { href: url, target: "_blank", rel: "noreferrer" }, "Open the file");
};

const gallery = (value) => {
  const files = filesIn(value);
  const figure = (file) => make("figure", {}, player(file), make("figcaption", {}, file.about));
  return files.length > 0 && make("div", { class: "media" }, files.map(figure));
};
