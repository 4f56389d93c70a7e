// Files that go with a reply: chosen, pasted or dropped; uploaded at once, and seen before they are sent.
import { button, fill, h, human, icon, newKey } from "./desk-dom.js";
import { bytes, t, word } from "./desk-words.js";

const CARRIES = new Set(["web"]); // channels; elsewhere the API refuses them too
const inOrder = (files) => [...files].sort((one, other) => one.order - other.order);
const carriesFiles = (transfer) => Boolean(transfer?.types.includes("Files"));

export class Files {
  #desk;
  #parts;
  #limits;
  #talk = document.querySelector("#talk");
  #input = document.querySelector("[data-file]");
  #tray = document.querySelector("[data-tray]");
  #uploads = []; // on their way: {key, conversation, order, name, sent, stop}
  #order = Date.now(); // as they were chosen, whichever is there first

  /** parts: kept (an object that outlives the page), keep(), say(text), isReply(), field; limits: most, bytes, types. */
  constructor(desk, parts, limits) {
    this.#desk = desk;
    this.#parts = parts;
    this.#limits = limits;
    this.#input.accept = limits.types.join(",");
    document.querySelector("[data-attach]").addEventListener("click", () => { if (this.#mayAdd()) this.#input.click(); });
    this.#input.addEventListener("change", () => { this.#add(this.#input.files); this.#input.value = ""; }); // the same one can be chosen again
    parts.field.addEventListener("paste", (event) => this.#pasted(event));
    for (const name of ["dragover", "dragleave", "drop"]) addEventListener(name, (event) => this.#dragged(event));
  }

  /** Those that are there and go with the next reply, as the timeline shows them. */
  get ready() { return this.#parts.kept[this.#place()] ?? []; }
  get isBusy() { return this.#uploads.some(({ conversation }) => conversation === this.#desk.talk.id); }

  draw() { fill(this.#tray, inOrder([...this.ready, ...this.#mine()]).map((one) => (one.stop ? this.#coming(one) : this.#shown(one)))); }

  /** They are sent. */
  clear() { this.#put([]); }

  /** They were not sent after all. */
  restore(files) { this.#put([...files, ...this.ready]); }

  #place(conversation = this.#desk.talk.id) { return `${conversation}:files`; }
  #mine() { return this.#uploads.filter(({ conversation }) => conversation === this.#desk.talk.id); }

  #put(files, conversation = this.#desk.talk.id) {
    this.#parts.kept[this.#place(conversation)] = inOrder(files);
    if (!files.length) delete this.#parts.kept[this.#place(conversation)];
    this.#parts.keep();
    this.draw();
  }

  // Adding

  #mayAdd() {
    const { channel } = this.#desk.talk.conversation;
    const why = CARRIES.has(channel) ? !this.#parts.isReply() && t("files_in_replies") : t("files_not_on", { channel: t(`channel_${channel}`) });
    if (why) this.#parts.say(why);
    return !why;
  }

  #add(chosen) {
    const files = [...chosen];
    if (!files.length || !this.#mayAdd()) return;
    this.#parts.say("");
    const room = this.#limits.most - this.ready.length - this.#mine().length;
    const why = files.slice(0, Math.max(room, 0)).map((file) => this.#refused(file) || this.#upload(file));
    if (files.length > room) why.push(t("files_too_many", { most: this.#limits.most }));
    this.#parts.say(why.filter((text) => typeof text === "string").join(" "));
  }

  #refused({ name, size }) {
    if (size > this.#limits.bytes) return t("file_too_large", { name, most: bytes(this.#limits.bytes) });
    return size ? "" : t("file_empty", { name });
  }

  async #upload(file) {
    const conversation = this.#desk.talk.id;
    const upload = { key: newKey(), conversation, order: this.#order++, name: file.name, sent: 0, stop: new AbortController() };
    this.#uploads.push(upload);
    this.draw();
    let why = "";
    try {
      const { id, kind, name, size } = await this.#desk.api.upload("/media", file, { signal: upload.stop.signal, progress: (sent) => this.#progress(upload, sent) });
      this.#put([...(this.#parts.kept[this.#place(conversation)] ?? []), { id, type: kind, name, size, url: `/media/${id}`, order: upload.order }], conversation);
    } catch (error) {
      why = this.#why(error, file.name);
    }
    this.#uploads = this.#uploads.filter((one) => one !== upload);
    this.draw();
    if (why && conversation === this.#desk.talk.id) this.#parts.say(why);
  }

  #why(error, name) {
    if (error.code === "stopped") return "";
    if (error.code === "too_large") return t("file_too_large", { name, most: bytes(this.#limits.bytes) });
    if (error.code === "not_taken") return t("file_not_taken", { name });
    return error.message ? `${name}: ${error.message}` : t("file_lost", { name });
  }

  #progress(upload, sent) {
    upload.sent = sent;
    const bar = this.#tray.querySelector(`[data-key="${upload.key}"] progress`);
    if (bar) bar.value = sent;
  }

  #pasted(event) {
    const { types, files } = event.clipboardData;
    if (!files.length || types.includes("text/plain")) return; // a cell of a sheet comes as text and as a picture of it
    event.preventDefault();
    this.#add(files);
  }

  /** A file that is dropped beside the conversation is not opened in the place of the desk. */
  #dragged(event) {
    if (!carriesFiles(event.dataTransfer)) return;
    event.preventDefault();
    const isHere = this.#talk.contains(event.target) && Boolean(this.#desk.talk.id) && this.#desk.me.may.write;
    const isOver = event.type === "dragover" && isHere;
    this.#talk.toggleAttribute("data-drop", isOver);
    if (event.type === "dragover") event.dataTransfer.dropEffect = isOver ? "copy" : "none";
    if (event.type === "drop" && isHere) this.#add(event.dataTransfer.files);
  }

  // The tray

  #shown(file) {
    const picture = file.type === "image" ? h("img", { src: file.url, alt: "" }) : icon("clip");
    return h("li", { class: "tray-file" }, picture, human("span", file.name, { class: "cut" }), h("span", { class: "quiet" }, bytes(file.size)),
      this.#remover(file.name, () => this.#put(this.ready.filter(({ id }) => id !== file.id))));
  }

  #coming(upload) {
    return h("li", { class: "tray-file", "data-key": upload.key }, icon("clip"), human("span", upload.name, { class: "cut" }),
      h("progress", { max: 1, value: upload.sent, "aria-label": t("file_coming", { name: upload.name }) }),
      this.#remover(upload.name, () => upload.stop.abort()));
  }

  #remover(name, act) {
    return button("", { mark: "close", look: "btn-bare btn-icon btn-s", label: t("file_remove", { name }), act: () => { act(); this.#parts.field.focus(); } });
  }
}

/** A file in the timeline: a picture is seen, anything else is a link; `grown` is called when it takes its room. */
export function attachment({ type, name, url, size }, grown) {
  const called = name || word("attachment", type);
  const opens = { href: url, target: "_blank", rel: "noopener" };
  if (url && type === "image") return h("a", { class: "picture", ...opens }, h("img", { src: url, alt: called, loading: "lazy", on: { load: grown } }));
  return h("p", { class: "attached" }, icon("clip"), url ? human("a", called, opens) : name && human("span", name),
    h("span", { class: "quiet" }, [!url && word("attachment", type), size && bytes(size)].filter(Boolean).join(" · ")));
}

/** What was said beside the files that are shown: their names stand before it in the text. */
export function besides({ text = "", attachments }) {
  return (attachments ?? []).reduce((said, { type, name, url }) => {
    const named = name ? `[${type}: ${name}]` : `[${type}]`;
    return url && said.startsWith(named) ? said.slice(named.length).replace(/^ /, "") : said;
  }, text);
}
