/* Says each moment again in the reader's own zone. Without it the page is complete: times stand in the page's zone. */
"use strict";
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const clock = { hour: "2-digit", minute: "2-digit", timeZoneName: "short" };
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
  const hour = new Intl.DateTimeFormat("en-GB", clock);
  const today = day.format(new Date());
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const on = day.format(at);
    time.title = time.textContent;
    time.textContent = `${on === today ? "today" : on}, ${hour.format(at)}`;
  }
  const named = document.querySelector("[data-zone]");
  if (named && zone) named.textContent = `your time zone, ${zone}`;
})();
