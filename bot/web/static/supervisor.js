// Keeps the page true while it is looked at. Nothing moves under the pointer, and nothing that somebody is busy with is replaced.
const EVERY = 15_000;

const isBusy = (part) => part.contains(document.activeElement) || part.matches(":hover") || part.querySelector("details[open]") !== null;

const refresh = async () => {
  if (document.hidden) return;
  const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" }, redirect: "error" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const news = fresh.getElementById(part.id);
    if (news && news.outerHTML !== part.outerHTML && !isBusy(part)) part.replaceWith(document.adoptNode(news));
  }
};

// Without a connection, or signed out: what stands there keeps its time of day, and the next try comes by itself.
setInterval(() => refresh().catch(() => {}), EVERY);
addEventListener("visibilitychange", () => refresh().catch(() => {}));
