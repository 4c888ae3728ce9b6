// The clock of the meeting, and what others have noted meanwhile. The page does all it does without this file.
(() => {
  const page = document.querySelector(".aftercare-meeting");
  if (!page) return;
  const ahead = Date.now() - Date.parse(page.dataset.now); // of the server's clock, which started the part

  function tick() {
    for (const clock of page.querySelectorAll(".aftercare-clock")) {
      const gone = Math.max(0, Math.floor((Date.now() - ahead - Date.parse(clock.dataset.started)) / 1000));
      const left = clock.dataset.minutes * 60 - gone;
      const whole = Math.abs(left);
      const said = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
      clock.textContent = left < 0 ? `over by ${said}` : `${said} left`;
      clock.toggleAttribute("data-late", left < 0);
    }
  }

  async function look() {
    if (document.hidden || !page.hasAttribute("data-running")) return;
    try {
      const answer = await fetch(location.pathname);
      if (!answer.ok || answer.redirected) return;
      const there = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of page.querySelectorAll("[data-live]")) {
        const now = there.querySelector(`[data-live="${part.dataset.live}"]`);
        // Not under somebody's fingers: what has the focus stays.
        if (now && !part.contains(document.activeElement)) part.innerHTML = now.innerHTML;
      }
      page.toggleAttribute("data-running", Boolean(there.querySelector("[data-running]")));
      tick();
    } catch { /* no connection: the next look finds what this one did not */ }
  }

  tick();
  setInterval(tick, 1000);
  setInterval(look, 10000);
})();
