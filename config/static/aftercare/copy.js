/* Copies the text a button names. Without it the text is there to be selected. */
"use strict";
(() => {
  const copied = async (field) => {
    try {
      await navigator.clipboard.writeText(field.value);
      return true;
    } catch { // no secure address, or not allowed: the old way
      field.select();
      return document.execCommand("copy");
    }
  };
  for (const button of document.querySelectorAll("[data-copies]")) {
    const field = document.getElementById(button.dataset.copies);
    const words = button.firstChild;
    button.hidden = false;
    button.addEventListener("click", async () => {
      words.data = (await copied(field)) ? "Copied" : "Select and copy";
      setTimeout(() => { words.data = "Copy"; }, 2000);
    });
  }
  for (const field of document.querySelectorAll(".support-copy textarea")) {
    field.style.height = `${Math.min(field.scrollHeight + 4, 320)}px`;
  }
})();
