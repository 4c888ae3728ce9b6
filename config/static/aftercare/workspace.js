// The keyboard and the marks of a retro's timeline. The page does all it does without this file, by forms.
(() => {
  const form = document.getElementById("marks-form");
  const list = document.getElementById("entries");
  const sheet = document.getElementById("keys");
  const said = document.getElementById("said");
  const entries = () => [...list.querySelectorAll("[data-entry]")];
  const typing = (target) => target.closest("input, textarea, select, dialog, [contenteditable], .select2-container");
  let at = null;

  // One entry is in the order of tabs with its buttons; the others are reached by J and K.
  function reach(entry) {
    if (at && at !== entry) quiet(at);
    at = entry;
    entry.tabIndex = 0;
    entry.querySelectorAll("button, a").forEach((one) => one.removeAttribute("tabindex"));
  }

  function quiet(entry) {
    entry.tabIndex = -1;
    entry.querySelectorAll("[data-marks] button, [data-marks] a").forEach((one) => { one.tabIndex = -1; });
  }

  function prepare() {
    entries().forEach((entry) => entry !== at && quiet(entry));
    if (!at && entries().length) reach(entries()[0]);
  }

  async function move(step) {
    const all = entries();
    if (!all.length) return;
    const focused = document.activeElement && document.activeElement.closest("[data-entry]");
    // The first J goes to the first entry.
    let next = focused ? all.indexOf(focused) + step : Math.max(all.indexOf(at), 0);
    if (next >= all.length && (await more())) return move(step);
    next = Math.min(Math.max(next, 0), all.length - 1);
    reach(all[next]);
    all[next].focus({ preventScroll: true });
    all[next].scrollIntoView({ block: "nearest" });
  }

  let loading = null;
  function more() {
    const place = list.querySelector("[data-more]");
    if (!place) return Promise.resolve(false);
    loading = loading || load(place).finally(() => { loading = null; });
    return loading;
  }

  async function load(place) {
    const answer = await fetch(place.dataset.more, { credentials: "same-origin", redirect: "manual" });
    if (!answer.ok) return false;
    place.insertAdjacentHTML("afterend", await answer.text());
    place.remove();
    prepare();
    watch();
    return true;
  }

  const seen = new IntersectionObserver((found) => found.some((one) => one.isIntersecting) && more(), { rootMargin: "600px" });
  function watch() {
    seen.disconnect();
    const place = list.querySelector("[data-more]");
    if (place) seen.observe(place);
  }

  function press(key) {
    const entry = (document.activeElement && document.activeElement.closest("[data-entry]")) || at;
    const button = entry && entry.querySelector(`[data-marks] button[data-key="${key}"]`);
    if (button) button.click();
  }

  async function mark(button) {
    const entry = button.closest("[data-entry]");
    const key = button.dataset.key, hadFocus = entry.contains(document.activeElement) && document.activeElement !== entry;
    const fields = new URLSearchParams(new FormData(form));
    fields.set("mark", button.value);
    try {
      const answer = await fetch(form.action, {
        method: "POST", body: fields, credentials: "same-origin", redirect: "manual", headers: { Accept: "application/json" },
      });
      const body = await answer.json();
      if (!answer.ok) throw new Error(body.problem);
      entry.querySelector("[data-marks]").innerHTML = body.marks; // made by our own server
      document.getElementById("starred").textContent = body.starred;
      tick(body.checklist);
      if (entry !== at) quiet(entry);
      if (hadFocus) entry.querySelector(`[data-key="${key}"]`).focus();
      said.textContent = [body.is_starred ? "Starred" : "Not starred", body.kind && `marked as ${body.kind}`].filter(Boolean).join(", ");
    } catch (error) {
      said.textContent = `Not marked: ${error.message || "the server cannot be reached"}`;
    }
  }

  function tick(html) {
    const place = document.getElementById("checklist-place");
    if (html && !place.querySelector("details[open]")) place.innerHTML = html; // made by our own server
  }

  function write() {
    const add = document.getElementById("add-entry");
    if (!add) return;
    add.open = true;
    add.querySelector("textarea").focus();
  }

  const keys = {
    j: () => move(1), k: () => move(-1), n: write, "?": () => sheet.showModal(),
    ...Object.fromEntries(["s", "d", "g", "r", "m"].map((key) => [key, () => press(key)])),
  };
  // Before the shell's own shortcuts, which would open another sheet on the same key.
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.target instanceof Element) || typing(event.target)) return;
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act();
  }, true);

  list.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=mark]");
    if (!button) return;
    event.preventDefault();
    mark(button);
  });
  list.addEventListener("focusin", (event) => {
    const entry = event.target.closest("[data-entry]");
    if (entry && entry !== at) reach(entry);
  });
  list.addEventListener("click", (event) => {
    const link = event.target.closest("[data-more] a");
    if (!link) return;
    event.preventDefault();
    more();
  });
  window.addEventListener("aftercare:checklist", (event) => tick(event.detail));
  document.getElementById("show-keys").hidden = false;
  document.getElementById("show-keys").addEventListener("click", () => sheet.showModal());
  prepare();
  watch();
  const named = location.hash.startsWith("#entry-") && document.getElementById(location.hash.slice(1));
  if (named) { reach(named); named.focus(); }
})();
