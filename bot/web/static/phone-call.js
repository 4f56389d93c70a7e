// The telephone of the front page: one calls, speaks or types, interrupts, presses keys, hangs up.
import { element, icon } from "./chat-log.js";
import { Captions } from "./phone-captions.js";
import { Line } from "./phone-line.js";
import { Sound } from "./phone-sound.js";

const BARS = 36;
const STAGES = ["transcript", "first_token", "first_audio"];
const KEYS = "123456789*0#";

export class Telephone {
  #page;
  #say;
  #captions;
  #line = null;
  #sound = null;
  #state = "idle";
  #began = 0;
  #timer = 0;
  #isOver = true;
  #took = {};
  #levels = new Array(BARS).fill(0);
  #call = null;

  /** `page` holds the parts by data-call-*, the path of a new call, the number, the language, and the microphone's module. */
  constructor(page, say) {
    this.#page = page;
    this.#say = say;
    this.#captions = new Captions(this.#find("captions"), say);
    this.#find("begin").addEventListener("click", () => this.#begin());
    this.#find("hang").addEventListener("click", () => this.#line?.hangUp());
    this.#find("mute").addEventListener("click", () => this.#microphone());
    this.#find("keypad").addEventListener("click", () => this.#toggleKeys());
    this.#find("write").addEventListener("submit", (event) => { event.preventDefault(); this.#submit(); });
    for (const key of KEYS) {
      const button = element("button", "btn key", key);
      button.type = "button";
      button.addEventListener("click", () => { this.#line?.press(key); this.#captions.note("more", say("call_pressed", { key })); });
      this.#find("keys").append(button);
    }
    this.#drawWave();
  }

  #find(name) { return this.#page.querySelector(`[data-call-${name}]`); }

  async #begin() {
    if (!this.#isOver) return;
    this.#isOver = false;
    this.#captions.clear();
    this.#show("ringing");
    this.#sound = new Sound((name) => this.#line?.mark(name));
    this.#sound.begin();
    try {
      const { number, language, calls } = this.#page.dataset;
      const answer = await fetch(calls, { method: "POST", body: new URLSearchParams({ as: number, language }) });
      if (!answer.ok) throw new Error(await answer.text());
      this.#call = await answer.json();
    } catch (error) {
      this.#captions.note("warn", error.message || this.#say("offline"));
      this.#end();
      return;
    }
    this.#began = performance.now();
    this.#timer = setInterval(() => this.#tick(), 100);
    if (!this.#call.sound) this.#captions.note("off", this.#say("call_no_sound"));
    this.#line = new Line(this.#call, {
      media: (bytes) => this.#level(this.#sound.play(bytes)),
      mark: (name) => this.#sound.mark(name),
      clear: () => this.#sound.clear(),
      told: (frame) => this.#told(frame),
      closed: () => this.#end(),
    });
    this.#find("text").focus();
  }

  #told(frame) {
    if (frame.event === "clause") { this.#captions.clause(frame); this.#show("speaking"); }
    else if (frame.event === "played") this.#captions.played(frame);
    else if (frame.event === "silent") this.#show("listening");
    else if (frame.event === "stopped") { this.#captions.stopped(frame); this.#show(frame.by_person ? "interrupted" : "listening"); }
    else if (frame.event === "hearing") { this.#captions.hearing(frame); if (this.#state === "listening") this.#show("hearing"); }
    else if (frame.event === "unheard") { this.#captions.unheard(); this.#show("listening"); }
    else if (frame.event === "heard") { this.#captions.heard(frame); this.#took = {}; this.#show("thinking"); }
    else if (frame.event === "failed") this.#captions.note("warn", this.#say(`call_failed_${frame.stage}`));
    else if (frame.event === "took") this.#time(frame);
    else if (frame.event === "over") this.#captions.note(frame.reason === "hung_up" ? "hang" : "warn", this.#say(`call_over_${frame.reason}`));
  }

  #time({ stage, ms }) {
    this.#took[stage] = Math.max(0, Math.round(ms));
    if (stage !== "first_audio") return;
    const parts = STAGES.filter((one) => one in this.#took).map((one) => this.#say(`call_${one}`, { ms: this.#took[one] }));
    this.#captions.timing(parts.join(" · "));
    this.#took = {};
  }

  /** Typed words become sound, which the telephone hears as it would hear a voice. */
  async #submit() {
    const field = this.#find("text");
    const text = (field.value.toWellFormed?.() ?? field.value).trim();
    if (!text || !this.#line) return;
    field.value = "";
    try {
      const body = new URLSearchParams({ text, language: this.#page.dataset.language });
      const answer = await fetch(this.#call.words, { method: "POST", body });
      if (!answer.ok) throw new Error(await answer.text());
      this.#line?.say(new Uint8Array(await answer.arrayBuffer()));
    } catch (error) {
      this.#captions.note("warn", error.message);
    }
  }

  async #microphone() {
    const button = this.#find("mute");
    if (this.#sound?.hasMicrophone) {
      this.#sound.mute();
    } else {
      try {
        await this.#sound.listen(this.#page.dataset.microphone, (bytes) => this.#line?.media(bytes));
        if (!this.#call.hears) this.#captions.note("mic", this.#say("call_hears_nothing"));
      } catch {
        this.#captions.note("mic", this.#say("call_no_microphone"));
      }
    }
    button.setAttribute("aria-pressed", String(Boolean(this.#sound?.hasMicrophone)));
  }

  #toggleKeys() {
    const keys = this.#find("keys");
    keys.hidden = !keys.hidden;
    this.#find("keypad").setAttribute("aria-expanded", String(!keys.hidden));
  }

  #show(state) {
    this.#state = state;
    this.#page.dataset.state = state;
    const [drawn, tone] = { ringing: ["phone", "wait"], speaking: ["bot", "ai"], listening: ["mic", "op"], hearing: ["mic", "op"],
      thinking: ["bot", "ai"], interrupted: ["cut", "wait"], over: ["hang", ""] }[state];
    const badge = this.#find("state");
    badge.dataset.tone = tone;
    badge.replaceChildren(icon(drawn), this.#say(`call_${state}`));
    const isOver = state === "over";
    for (const name of ["live", "keys-row"]) this.#find(name).hidden = isOver;
    this.#find("ready").hidden = !isOver;
    if (isOver) this.#find("begin").lastChild.textContent = this.#say("call_again");
  }

  #end() {
    clearInterval(this.#timer);
    this.#line = null;
    this.#sound?.end();
    this.#find("keys").hidden = true;
    this.#find("keypad").setAttribute("aria-expanded", "false");
    this.#find("mute").setAttribute("aria-pressed", "false");
    this.#levels.fill(0);
    this.#drawWave();
    this.#isOver = true;
    this.#show("over");
    this.#find("begin").focus();
  }

  #tick() {
    const seconds = Math.floor((performance.now() - this.#began) / 1000);
    this.#find("time").textContent = `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
    this.#levels.shift();
    this.#levels.push(this.#state === "speaking" && this.#sound.isPlaying ? this.#loud : 0);
    this.#drawWave();
  }

  #loud = 0;
  #level(level) { this.#loud = this.#call.sound ? level : 0.25; }

  #drawWave() {
    const wave = this.#find("wave");
    this.#levels.forEach((level, at) => {
      const bar = wave.children[at] ?? wave.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "rect"));
      const height = 3 + level * 45;
      for (const [name, value] of Object.entries({ x: at * 6.5, y: (52 - height) / 2, width: 3, height, rx: 1.5 })) bar.setAttribute(name, value);
      bar.setAttribute("class", level ? "b1" : "b0");
    });
  }
}
