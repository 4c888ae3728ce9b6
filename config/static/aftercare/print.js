// Without scripts the browser's own menu prints; the button would do nothing, so it is hidden.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
