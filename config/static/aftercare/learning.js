// While somebody writes, the check looks at the text as it stands. Saving does the same; nothing depends on this.
(() => {
  const panel = document.getElementById("learning-suspects");
  const form = document.getElementById("learning_form");
  if (!panel || !form || !form.querySelector("textarea")) return;
  let timer = 0;
  let asked = 0;

  const look = async () => {
    const turn = ++asked;
    const body = new FormData(form);
    try {
      const response = await fetch(panel.dataset.check, { method: "POST", body, credentials: "same-origin" });
      if (!response.ok || turn !== asked) return;
      panel.innerHTML = await response.text();
    } catch {
      // Offline: saving will tell.
    }
  };

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, 800);
  });
})();
