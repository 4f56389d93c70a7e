// <script src="https://HOST/chat/embed.js" data-label="Chat" data-side="end" data-language="es" defer></script>
// Shows a button on any page; it opens the chat in a frame of its own, which knows nothing of that page, nor the page of it.
// data-label: what the button says · data-side: "end" (default) or "start" · data-language: es, en, hi (else the browser's)
// data-open="yes": open from the beginning.
{
  const me = document.currentScript;
  const { label = "Chat", side = "end", language = "", open = "" } = me.dataset;
  const address = new URL("/chat?embed=1", me.src);
  if (language) address.searchParams.set("language", language);

  const set = (node, style) => { for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value, "important"); };
  const start = () => {
    const holder = document.createElement("div");
    const root = holder.attachShadow({ mode: "open" }); // the page's styles stay outside
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.setAttribute("aria-expanded", "false");
    const end = side === "start" ? "start" : "end";
    set(holder, {
      position: "fixed", "inset-block-end": "16px", [`inset-inline-${end}`]: "16px", "z-index": "2147483000",
      display: "grid", "justify-items": end, "pointer-events": "none", // beside the button the page can be clicked
    });
    set(button, {
      font: "600 15px/1 system-ui, sans-serif", padding: "15px 20px", border: "0", "pointer-events": "auto", "border-radius": "99px", cursor: "pointer",
      background: "#0b6a60", color: "#fff", "box-shadow": "0 6px 24px rgb(40 36 26 / .25)",
    });
    root.append(button);
    document.body.append(holder);

    let frame = null;
    const isOpen = () => frame !== null && !frame.hidden;
    const show = (wanted) => {
      if (wanted && frame === null) {
        frame = document.createElement("iframe");
        frame.src = address;
        frame.title = label;
        set(frame, {
          "inline-size": "min(24rem, calc(100vw - 32px))", "block-size": "min(38rem, calc(100dvh - 104px))", border: "1px solid rgb(0 0 0 / .15)",
          "border-radius": "12px", "margin-block-end": "12px", "pointer-events": "auto", background: "#fff", "box-shadow": "0 6px 24px rgb(40 36 26 / .25)",
        });
        root.prepend(frame);
      }
      if (frame === null) return;
      frame.hidden = !wanted;
      set(frame, { display: wanted ? "block" : "none" });
      button.setAttribute("aria-expanded", String(wanted));
      (wanted ? frame : button).focus();
    };
    button.addEventListener("click", () => show(!isOpen()));
    addEventListener("keydown", (event) => { if (event.key === "Escape" && isOpen()) show(false); });
    addEventListener("message", (event) => {
      const isOurs = event.origin === address.origin && event.source === frame?.contentWindow;
      if (isOurs && event.data?.switchboard === "close") show(false);
    });
    if (open === "yes") show(true);
  };
  if (document.body) start();
  else addEventListener("DOMContentLoaded", start);
}
