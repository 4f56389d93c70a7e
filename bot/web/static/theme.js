// Loaded plainly in <head>, before the first paint, so that no page flashes in the wrong theme.
{
  const root = document.documentElement;
  const known = (theme) => theme === "light" || theme === "dark";
  const kept = () => {
    try { return localStorage.getItem("theme"); } catch { return null; } // storage may be off: follow the system
  };
  const asked = new URLSearchParams(location.search).get("theme");
  const theme = known(asked) ? asked : kept();
  if (known(theme)) root.dataset.theme = theme;

  addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-toggle]");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = isDark ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme); } catch { /* not remembered, still switched */ }
    });
  });
}
