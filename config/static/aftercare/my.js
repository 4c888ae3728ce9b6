// The keyboard of "My actions". The page does all it does without this file.
(() => {
  const lines = [...document.querySelectorAll("[data-line]")];
  const bar = document.getElementById("together");
  const sheet = document.getElementById("keys");
  const boxes = () => [...document.querySelectorAll("input[name=item]")];
  const picked = () => boxes().filter((box) => box.checked);
  const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select, dialog, [contenteditable]");
  let at = -1;

  const here = () => {
    const focused = document.activeElement && document.activeElement.closest("[data-line]");
    return focused ? lines.indexOf(focused) : at;
  };

  function move(step) {
    if (!lines.length) return;
    at = Math.min(Math.max(here() + step, 0), lines.length - 1);
    lines[at].focus();
    lines[at].scrollIntoView({ block: "nearest" });
  }

  function pick() {
    const box = lines[here()] && lines[here()].querySelector("input[name=item]");
    if (box) box.click();
  }

  function answer(key) {
    const verb = { d: "complete", t: "postpone", h: "hand_over", s: "snooze" }[key];
    if (bar && picked().length) {
      const way = bar.querySelector(`[data-together="${verb}"]`);
      way.open = true;
      way.querySelector("input, select, textarea, button").focus();
      return;
    }
    const link = lines[here()] && lines[here()].querySelector(`[data-key="${key}"]`);
    if (link) link.click();
  }

  function count() {
    const number = picked().length;
    const words = document.getElementById("chosen");
    if (words) words.textContent = number ? `For the ${number} chosen:` : "For all that you choose above:";
  }

  const keys = {
    j: () => move(1), k: () => move(-1), x: pick,
    d: () => answer("d"), t: () => answer("t"), h: () => answer("h"), s: () => answer("s"),
    "/": () => document.getElementById("find").focus(), "?": () => sheet.showModal(),
  };

  if (sheet) {
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
    document.querySelector(".keys-hint").hidden = false;
    document.getElementById("show-keys").addEventListener("click", () => sheet.showModal());
    document.addEventListener("change", (event) => event.target.name === "item" && count());
    count();
  }
})();
