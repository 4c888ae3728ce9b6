// Saves what is written after a pause. The page does all it does without this file.
(() => {
  const form = document.getElementById("perspective");
  const told = document.getElementById("saved");
  if (!form || !window.fetch) return;
  let timer, busy = false, again = false, stopped = false;

  async function save() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.pathname, {
        method: "POST",
        headers: { "X-Requested-With": "autosave" },
        body: new URLSearchParams([...new FormData(form), ["do", "save"]]),
      });
      const said = await answer.json();
      if (answer.ok) {
        document.querySelectorAll("input[name=version]").forEach((field) => { field.value = said.version; });
        told.textContent = `Saved at ${said.at}.`;
      } else {
        told.textContent = said.problem;
        stopped = answer.status === 409; // changed in another window: a person has to look
      }
    } catch {
      told.textContent = "Not saved: there is no connection. What you wrote is still here.";
    }
    busy = false;
    if (again) { again = false; later(); }
  }

  function later() {
    clearTimeout(timer);
    if (!stopped) timer = setTimeout(save, 1500);
  }

  form.addEventListener("input", later);
  form.addEventListener("submit", () => { clearTimeout(timer); stopped = true; });
})();
