// What is written is saved two seconds after the last key, and kept in this browser until the server has it.
// Without this file each text has a Save button and the conflict is a page.
(() => {
  const PAUSE = 2000, RETRY = 3000;
  const place = document.getElementById("workspace");
  const said = document.getElementById("said");
  const texts = [];

  const say = (words) => { said.textContent = words; };
  const button = (words, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "ws-small";
    made.textContent = words;
    made.addEventListener("click", act);
    return made;
  };

  async function post(url, fields) {
    const answer = await fetch(url, {
      method: "POST", body: new URLSearchParams(fields), credentials: "same-origin", redirect: "manual",
      headers: { Accept: "application/json" },
    });
    const isJson = (answer.headers.get("Content-Type") || "").startsWith("application/json");
    return { status: answer.status, body: isJson ? await answer.json() : null };
  }

  class Text {
    constructor(form) {
      this.form = form;
      this.area = form.querySelector("textarea[name=text]");
      this.part = form.elements.part.value;
      this.key = `aftercare:draft:${place.dataset.reader}:${place.dataset.retro}:${this.part}`;
      this.state = form.querySelector("[data-state]");
      this.panel = form.querySelector("[data-conflict]");
      this.shown = form.querySelector("[data-shown]");
      this.saved = this.area.value;
      this.isBusy = this.isInConflict = false;
      this.area.addEventListener("input", () => this.typed());
      this.area.addEventListener("blur", () => this.isDirty && this.save());
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        const asked = event.submitter && event.submitter.value;
        if (asked === "preview") this.preview(); else this.save(true);
      });
      this.restore();
    }

    get isDirty() { return this.area.value !== this.saved; }

    tell(words, tone = "") {
      this.state.textContent = words;
      this.state.dataset.tone = tone;
    }

    keep() {
      const { version, base } = this.form.elements;
      const draft = { text: this.area.value, version: version.value, base: base.value };
      try { localStorage.setItem(this.key, JSON.stringify(draft)); } catch { /* full or forbidden: the page still has it */ }
    }

    // Only our own draft: another window of ours may have kept a newer one.
    forget(text) {
      const draft = this.draft();
      if (draft && draft.text === text) localStorage.removeItem(this.key);
    }

    draft() {
      try { return JSON.parse(localStorage.getItem(this.key)); } catch { return null; }
    }

    // Written before the browser or the server went away: saved from the version it was begun on, so that what
    // others wrote since is never overwritten.
    restore() {
      const draft = this.draft();
      if (!draft || typeof draft.text !== "string") return;
      if (draft.text === this.area.value) { localStorage.removeItem(this.key); return; }
      this.area.value = draft.text;
      this.form.elements.version.value = draft.version;
      this.form.elements.base.value = draft.base;
      this.tell("Brought back from this browser…");
      this.save();
    }

    typed() {
      this.keep();
      clearTimeout(this.timer);
      if (this.isInConflict) return;
      this.tell("Writing…");
      this.timer = setTimeout(() => this.save(), PAUSE);
    }

    async save(isAsked = false) {
      clearTimeout(this.timer);
      if (this.isInConflict || (!this.isDirty && !isAsked)) return;
      if (this.isBusy) { this.again = true; return; }
      this.isBusy = true;
      this.again = false;
      const text = this.area.value;
      const fields = new FormData(this.form);
      fields.set("text", text);
      try {
        this.answered(text, await post(this.form.action, fields));
      } catch {
        this.failed("Not saved: the server cannot be reached. Your text is kept in this browser; trying again…");
      }
      this.isBusy = false;
      if (this.again) this.save();
    }

    answered(text, { status, body }) {
      if (status === 200 && body) return this.stored(text, body);
      if (status === 409 && body && body.html) return this.conflict(body);
      if (body && body.problem) {
        this.tell(`Not saved: ${body.problem} Your text is kept in this browser.`, "trouble");
        return say("Not saved.");
      }
      const why = status === 403 || status === 0 ? "sign in again in another tab" : "the server has a problem";
      this.failed(`Not saved: ${why}. Your text is kept in this browser; trying again…`);
    }

    failed(words) {
      this.keep();
      this.tell(words, "trouble");
      this.timer = setTimeout(() => this.save(), RETRY);
    }

    stored(text, body) {
      this.saved = text;
      this.takeOn(body);
      this.forget(text);
      if (this.isDirty) { this.keep(); this.timer = setTimeout(() => this.save(), PAUSE); }
      this.tell(`Saved ${body.at}`);
      say(`Saved ${body.at}`);
      window.dispatchEvent(new CustomEvent("aftercare:checklist", { detail: body.checklist }));
    }

    takeOn(body) {
      this.form.elements.version.value = body.version;
      this.form.elements.base.value = body.base;
    }

    // Until somebody decides, nothing is sent; what is typed goes on being kept.
    conflict(body) {
      this.isInConflict = true;
      this.panel.innerHTML = body.html; // made by our own server, which escapes what people wrote
      const bar = document.createElement("div");
      bar.className = "ws-bar";
      bar.append(
        button("Keep mine", () => this.decide(body, this.area.value)),
        button("Take theirs", () => this.decide(body, body.theirs)),
        button("Keep both, theirs first", () => this.decide(body, `${body.theirs.trimEnd()}\n\n${this.area.value}`)),
      );
      this.panel.append(bar);
      this.panel.hidden = false;
      this.tell("Not saved: somebody else wrote here, too. Both texts are below.", "trouble");
      // The focus stays where it is: whoever goes on typing would press a button by the next space.
      say("Somebody else wrote here, too.");
    }

    decide(body, text) {
      this.isInConflict = false;
      this.panel.hidden = true;
      this.panel.textContent = "";
      this.takeOn(body);
      this.saved = body.theirs;
      this.area.value = text;
      this.keep();
      this.area.focus();
      this.save(true);
    }

    async preview() {
      try {
        const { body } = await post(this.form.dataset.preview, new FormData(this.form));
        if (!body) throw new Error("no preview");
        this.shown.innerHTML = body.html || "<p>Nothing is written yet.</p>"; // sanitised by the server
        this.shown.hidden = false;
      } catch {
        this.tell("There is no preview while the server cannot be reached.", "trouble");
      }
    }
  }

  const saveAll = (isAsked) => texts.forEach((text) => (isAsked ? text.save(text.isDirty) : text.save()));
  document.querySelectorAll("form[data-autosave]").forEach((form) => texts.push(new Text(form)));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    const form = event.target.closest("form");
    const text = texts.find((one) => one.form === form);
    if (text) text.save(true);
    else if (form && form.closest(".ws-add")) form.requestSubmit();
    else saveAll(true);
    event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => document.hidden && saveAll());
  window.addEventListener("online", () => saveAll());
})();
